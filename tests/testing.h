/* What every test includes: cmocka with its prerequisites, and checks for statuses. */
#ifndef TESTS_TESTING_H
#define TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/status.h"

/* Whether less volume will do: everything is slow here (tests/README.md). */
static inline bool light(void)
{
	return getenv("AMT_TEST_LIGHT") != NULL;
}

/* The call succeeds. */
#define OK(expression)                                                                   \
	do {                                                                             \
		amt_status ok_status_ = (expression);                                    \
		if (!amt_ok(ok_status_)) {                                               \
			char ok_text_[1024];                                             \
			(void)amt_status_format(ok_status_, ok_text_, sizeof(ok_text_)); \
			amt_status_clear(&ok_status_);                                   \
			fail_msg("%s: %s", #expression, ok_text_);                       \
		}                                                                        \
	} while (0)

/* The call fails with this code. */
#define FAILS(expected, expression)                                                           \
	do {                                                                                  \
		amt_status f_status_ = (expression);                                          \
		amt_code f_code_ = amt_status_code(f_status_);                                \
		amt_status_clear(&f_status_);                                                 \
		if (f_code_ != (expected))                                                    \
			fail_msg("%s: %s instead of %s", #expression, amt_code_name(f_code_), \
				amt_code_name(expected));                                     \
	} while (0)

/* Fails the n-th allocation of the call, for every n, until nothing fails: at least that many. */
#define EVERY_ALLOCATION(least, call)                             \
	for (size_t every_n_ = 1;; every_n_++) {                  \
		mem_fail_nth(every_n_);                           \
		amt_status every_s_ = (call);                     \
		mem_fail_nth(0);                                  \
		amt_code every_code_ = amt_status_code(every_s_); \
		amt_status_clear(&every_s_);                      \
		if (every_code_ == AMT_OK) {                      \
			assert_true(every_n_ > (least));          \
			break;                                    \
		}                                                 \
		assert_int_equal(every_code_, AMT_OUT_OF_MEMORY); \
	}

#endif

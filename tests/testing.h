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

#endif

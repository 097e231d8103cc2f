/* Nothing that runs on secrets may branch on them or use them as an address. Under valgrind
 * (./run ct) every secret is marked undefined, so that memcheck reports exactly such uses (Langley,
 * "ctgrind", 2010). Secrets come from random_bytes, which a program that includes this (in one file)
 * replaces by one that marks what it gives; marks follow the data through all arithmetic. What is
 * published is unmarked by publish(). Without valgrind the same calls run and their results are
 * checked. */
#ifndef TESTS_CONSTANT_TIME_H
#define TESTS_CONSTANT_TIME_H

#include "testing.h"

#include "crypto/random.h"

#include <sys/random.h>

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND 0
#define VALGRIND_COUNT_ERRORS 0
#define VALGRIND_GET_VBITS(memory, marks, size) ((void)(memory), (void)(marks), (void)(size))
#define VALGRIND_MAKE_MEM_UNDEFINED(memory, size) ((void)(memory), (void)(size))
#define VALGRIND_MAKE_MEM_DEFINED(memory, size) ((void)(memory), (void)(size))
#endif

static inline void hide(void *secret, size_t size)
{
	(void)VALGRIND_MAKE_MEM_UNDEFINED(secret, size);
}

/* Fails unless the marks have followed the data to here: a check of nothing proves nothing. */
static inline void publish(void *data, size_t size)
{
	uint8_t all = 0;
	for (size_t i = 0; i < size; i++) {
		uint8_t marks = 0;
		(void)VALGRIND_GET_VBITS((uint8_t *)data + i, &marks, 1);
		all |= marks;
	}
	assert_true(all != 0 || !RUNNING_ON_VALGRIND);
	(void)VALGRIND_MAKE_MEM_DEFINED(data, size);
}

static inline void publish_if_marked(void *data, size_t size)
{
	(void)VALGRIND_MAKE_MEM_DEFINED(data, size);
}

amt_status random_from_system(void *out, size_t size)
{
	uint8_t *at = out;
	for (size_t part; size > 0; at += part, size -= part) {
		part = size < 256 ? size : 256;
		ENSURE(getrandom(at, part, 0) == (ssize_t)part, AMT_UNAVAILABLE, "getrandom");
	}
	return STATUS_OK;
}

amt_status random_bytes(void *out, size_t size)
{
	TRY(random_from_system(out, size));
	hide(out, size);
	return STATUS_OK;
}

static unsigned errors_before;

static inline int before_each(void **state)
{
	(void)state;
	errors_before = (unsigned)VALGRIND_COUNT_ERRORS;
	return 0;
}

static inline int after_each(void **state)
{
	(void)state;
	unsigned errors = (unsigned)VALGRIND_COUNT_ERRORS - errors_before;
	if (errors > 0)
		print_error("%u uses of secrets in branches or addresses, see above\n", errors);
	return errors > 0 ? -1 : 0;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, before_each, after_each)

#endif

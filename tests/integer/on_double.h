/* The clear-text double as what operations are checked on: one harness a test program. */
#ifndef TESTS_INTEGER_ON_DOUBLE_H
#define TESTS_INTEGER_ON_DOUBLE_H

#include "testing.h"

#include "double.h"
#include "ops.h"

#include <stdlib.h>

static struct harness h;

/* By how much the mean over 1024 rows and more may exceed what is tracked. */
static double slack_of_many = 1.1;

/* Tracked noise is not below the true one. */
static void check_noise(struct harness *unused, const struct int_column *x)
{
	(void)unused;
	for (unsigned b = 0; b < x->blocks; b++) {
		double truth = double_noise(h.e, &x->block[b], x->rows);
		double tracked = (double)int_noise(&x->block[b]);
		double slack = x->rows >= 1024 ? slack_of_many : x->rows >= 100 ? 1.3 : 3;
		if (truth > tracked * slack)
			fail_msg("block %u: noise %.2f, tracked %.0f", b, truth, tracked);
	}
}

static void encrypt(struct harness *unused, struct int_column *out, enum int_type type,
	const uint64_t *values, size_t rows)
{
	(void)unused;
	double_encrypt(h.e, out, type, values, rows);
}

static void decrypt(struct harness *unused, const struct int_column *column, uint64_t *values)
{
	(void)unused;
	double_decrypt(h.e, column, values);
}

static int set_up(void **state)
{
	(void)state;
	h = (struct harness){.e = double_evaluator(150),
		.encrypt = encrypt,
		.decrypt = decrypt,
		.check_noise = check_noise};
	OK(int_context_new(&h.c, h.e));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	int_context_free(h.c);
	tfhe_evaluator_free(h.e);
	return 0;
}

#endif

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

/* Every pair of 8-bit values, or one of four of them. */
static inline void all_pairs(
	enum int_type t, void (*each)(enum int_type t, const struct int_column *a,
				 const struct int_column *b, const uint64_t *x, const uint64_t *y))
{
	enum { ROWS = 8192 };
	uint64_t *x = calloc(ROWS, sizeof(*x)), *y = calloc(ROWS, sizeof(*y));
	for (unsigned first = 0; first < 65536; first += light() ? 4 * ROWS : ROWS) {
		for (unsigned i = 0; i < ROWS; i++) {
			x[i] = (first + i) >> 8;
			y[i] = (first + i) & 255;
		}
		struct int_column a, b;
		double_encrypt(h.e, &a, t, x, ROWS);
		double_encrypt(h.e, &b, t, y, ROWS);
		each(t, &a, &b, x, y);
		int_column_free(&a);
		int_column_free(&b);
	}
	free(x);
	free(y);
}

#endif

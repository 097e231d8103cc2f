/* Operations against clear arithmetic, on whatever can encrypt: the clear-text double or keys. */
#ifndef TESTS_INTEGER_OPS_H
#define TESTS_INTEGER_OPS_H

#include "integer/integer.h"

struct harness {
	struct int_context *c;
	struct tfhe_evaluator *e;
	struct tfhe_secret *secret; /* NULL: the double */
	void (*encrypt)(struct harness *h, struct int_column *out, enum int_type type,
		const uint64_t *values, size_t rows);
	void (*decrypt)(struct harness *h, const struct int_column *column, uint64_t *values);
	/* Fails the test if the true noise is above the tracked one. */
	void (*check_noise)(struct harness *h, const struct int_column *column);
};

#define SPENT(h) tfhe_evaluator_bootstraps((h)->e)

uint64_t rnd(void); /* the same sequence in every run */
uint64_t mask_of(enum int_type t);
uint64_t extend(enum int_type t, uint64_t v); /* two's complement bits as a 64-bit value */
bool less(enum int_type t, uint64_t a, uint64_t b);
bool compared(enum int_type t, enum int_comparison op, uint64_t a, uint64_t b);
uint64_t logic(enum int_logic op, uint64_t a, uint64_t b);
uint64_t shifted(enum int_type t, enum int_shift op, uint64_t x, uint64_t amount);
uint64_t divided(enum int_type t, uint64_t x, uint64_t y, uint64_t *rest); /* quotient */

/* Values where carries, signs and digits turn, and random ones; pairs of close values too. */
void fill_values(uint64_t *x, uint64_t *y, size_t rows, enum int_type t);

/* Bootstraps of a value's operation, as documented. */
struct counts {
	int add, equal, order;
};
struct counts counts_of(enum int_type t);

/* Checks a result's values and noise, and that `bootstraps` (-1: any) a row were spent since
 * `before`; frees it. */
void expect(struct harness *h, struct int_column *x, const uint64_t *values, uint64_t before,
	int bootstraps, const char *what);

/* Every binary operation on rows of two columns (b may have one row). */
void binary(struct harness *h, enum int_type t, const struct int_column *a,
	const struct int_column *b, const uint64_t *x, const uint64_t *y, bool counted);

#endif

/* A clear-text double of tfhe/evaluate.h for tests of src/integer: the same lowering runs on
 * ciphertexts whose body is the exact message and whose mask is a vector of N = 64 small numbers
 * that stands for the noise. A bootstrap gives a mask of +-AMPLITUDE drawn from a hash of its input
 * and table, so equal bootstraps have equal noise, linear operations add noises as they really do,
 * and the squared length of a mask in units of AMPLITUDE^2 N is the true number of noise units. */
#ifndef TESTS_INTEGER_DOUBLE_H
#define TESTS_INTEGER_DOUBLE_H

#include "integer/internal.h"

struct tfhe_evaluator *double_evaluator(unsigned max_noise);
/* Fresh "encryptions" with noise of 1 unit, and the values back. */
void double_encrypt(struct tfhe_evaluator *e, struct int_column *out, enum int_type type,
	const uint64_t *values, size_t rows);
void double_decrypt(struct tfhe_evaluator *e, const struct int_column *column, uint64_t *values);
/* Mean over rows of the true noise of a block, in units. */
double double_noise(struct tfhe_evaluator *e, const struct int_block *block, size_t rows);
/* Largest noise seen before a bootstrap, as a part of max_noise, averaged over batches of equal
 * tables of at least 256 jobs. */
double double_worst(struct tfhe_evaluator *e);

#endif

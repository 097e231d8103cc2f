/* GLWEs in fewer bits: every word rounded to a smaller modulus 2^log2, log2 bits a word.
 *
 * Rounding the masks moves the phase of coefficient j by -(e S)_j, e the errors. Key bits are 0 or 1
 * with mean 1/2, so half of it is public, -(e (1 + X + ... + X^(N-1)))_j / 2, and goes to the body
 * before that is rounded (the mean compensation of the modulus switch, for polynomials); what remains,
 * e (S - 1/2), has a quarter of e's variance for each coefficient, whatever the key is.
 */
#ifndef TFHE_COMPRESS_H
#define TFHE_COMPRESS_H

#include "tfhe/evaluate.h"

enum { TFHE_COMPRESS_LEAST = 12, TFHE_COMPRESS_MOST = 24 };

/* The fewest bits with which a packed list of clean blocks stays within the set's noise limit. */
unsigned tfhe_compress_log2(const struct tfhe_params *p);
/* Noise of such a list after it is read again, in bootstraps: cleaning, packing, rounding. */
double tfhe_compress_units(const struct tfhe_params *p, unsigned log2);

/* Bytes of a GLWE of count <= N messages: masks, then count bodies, each filled up to a byte. */
size_t tfhe_compressed_bytes(const struct tfhe_params *p, unsigned log2, size_t count);
/* Bits from the lowest of a byte on. `spare`: N words. */
void tfhe_compress(const struct tfhe_params *p, unsigned log2, const uint32_t *glwe, size_t count,
	uint32_t *spare, uint8_t *out);
/* Bodies from count on become 0. */
void tfhe_decompress(const struct tfhe_params *p, unsigned log2, const uint8_t *bytes, size_t count,
	uint32_t *glwe);

#endif

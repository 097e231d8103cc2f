/* Samplers for keys and noise (owner only). Constant-time: no branch, table index or libm call
 * depends on a sample. Samples are 64-bit torus integers: a real x on the torus is x * 2^64
 * rounded, negative values wrap.
 */
#ifndef CRYPTO_SAMPLE_H
#define CRYPTO_SAMPLE_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

enum noise_kind {
	NOISE_TUNIFORM, /* TU(b): uniform on [-2^b, 2^b] with the two end points at half weight */
	NOISE_GAUSSIAN	/* rounded Gaussian of standard deviation sigma */
};

struct noise_distribution {
	enum noise_kind kind;
	unsigned bound_log2; /* TUniform: b <= 62, in units of 2^-64 */
	double sigma; /* Gaussian: deviation on the torus, 2^-64 to 2^-2, or 0 for no noise */
};

/* Torus variance of the distribution (both roles). */
double noise_variance(const struct noise_distribution *d);
/* count independent samples. */
amt_status sample_noise(const struct noise_distribution *d, uint64_t *out, size_t count);
/* count uniform bits, one a byte, 0 or 1. */
amt_status sample_binary(uint8_t *out, size_t count);

/* count coefficients of -1, 0 and 1, uniform to 2^-126 each, from a secret seed: a written format
 * (docs/formats.md). With w_i the i-th 16 bytes of AES-256-CTR's key stream under the seed, counter
 * block 0, as a little-endian integer, coefficient i is floor(3 w_i / 2^128) - 1. */
enum { TERNARY_SEED_BYTES = 32 };
amt_status sample_ternary(const uint8_t seed[TERNARY_SEED_BYTES], int8_t *out, size_t count);

#endif

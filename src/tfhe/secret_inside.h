/* Inside of the secret key: for the files secret_*.c of this folder and their tests. */
#ifndef TFHE_SECRET_INSIDE_H
#define TFHE_SECRET_INSIDE_H

#include "ring/fft.h"
#include "tfhe/secret.h"

/* Key bits as words of all zeros or all ones, so that a product by a bit is an AND. One block of
 * secret memory for the struct and both keys, one for the spectrum. */
struct tfhe_secret {
	const struct tfhe_params *params;
	const struct ring_fft *fft;
	uint8_t key_id[16];
	uint32_t *big;	  /* kN */
	double *spectrum; /* k polynomials in the frequency domain */
	uint32_t small[]; /* n */
};

/* Work space of one thread for products by the key: wiped when closed. */
struct secret_scratch {
	int32_t *digits;   /* N */
	double *frequency; /* N */
	double *product;   /* N */
};
amt_status secret_scratch_open(struct secret_scratch *w, const struct tfhe_params *p);
void secret_scratch_close(struct secret_scratch *w, const struct tfhe_params *p);

/* out += a * S_polynomial in Z[X]/(X^N + 1), exact, constant-time in the key. */
void secret_mul_add_u32(const struct tfhe_secret *s, unsigned polynomial, uint32_t *out,
	const uint32_t *a, struct secret_scratch *w);
void secret_mul_add_u64(const struct tfhe_secret *s, unsigned polynomial, uint64_t *out,
	const uint64_t *a, struct secret_scratch *w);

/* sum of words[i] where key[i] is all ones. Constant time. */
static inline uint32_t secret_dot(const uint32_t *key, const uint32_t *words, size_t count)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < count; i++)
		sum += words[i] & key[i];
	return sum;
}

/* By how much masks of a modulus switch rotate (tfhe/kernel.h): their inner product with the key, for
 * grouped keys the sum of the masks of the subsets that the key bits are. Not constant time: tests
 * and noise measurements. */
static inline unsigned secret_rotation(const struct tfhe_secret *s, const uint16_t *masks)
{
	unsigned group = tfhe_group(s->params), sum = 0;
	for (unsigned step = 0; step < tfhe_steps(s->params); step++) {
		unsigned subset = 0;
		for (unsigned j = 0; j < group; j++)
			subset |= (s->small[step * group + j] & 1) << j;
		if (subset != 0)
			sum += masks[step * tfhe_subsets(s->params) + subset - 1];
	}
	return sum & (2 * tfhe_poly_size(s->params) - 1);
}

/* A sample at 2^-64 rounded to 2^-32. */
static inline uint32_t secret_round(uint64_t sample)
{
	return (uint32_t)((sample + (1u << 31)) >> 32);
}

#endif

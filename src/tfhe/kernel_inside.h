/* Inside of the kernels: what each instruction set provides, and the scalar pieces they share. */
#ifndef TFHE_KERNEL_INSIDE_H
#define TFHE_KERNEL_INSIDE_H

#include "tfhe/kernel.h"

enum { TFHE_PBS_LEVELS_MAX = 4, TFHE_GROUPED_N_MAX = 4096 };

/* One instruction set's functions; contracts in tfhe/kernel.h. */
struct tfhe_kernel {
	/* GGSW rows are stored times tfhe_kernel_row_scale; grouped ones in the vectors' order. */
	bool vectors;
	size_t (*blind_rotate_scratch)(const struct tfhe_bootstrap_key *key, size_t batch);
	void (*blind_rotate)(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
		const uint16_t *masks, size_t batch, void *scratch);
	size_t (*grouped_scratch)(const struct tfhe_bootstrap_key *key, size_t batch);
	void (*blind_rotate_grouped)(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
		const uint16_t *masks, size_t batch, void *scratch);
	size_t (*half_shared)(const struct tfhe_bootstrap_key *key);
	void (*blind_rotate_half)(const struct tfhe_bootstrap_key *key, uint32_t *accumulator,
		const uint16_t *masks, struct spin_pair *pair, unsigned half, void *shared,
		void *scratch);
	void (*glwe_keyswitch)(const struct tfhe_bootstrap_key *like, const double *rows,
		uint32_t *glwe, const uint32_t *a, void *scratch);
	size_t (*keyswitch_bytes)(const struct tfhe_params *params);
	void (*keyswitch_set)(struct tfhe_keyswitch_key *key, unsigned coefficient, unsigned level,
		const uint32_t *lwe);
	size_t (*keyswitch_scratch)(const struct tfhe_keyswitch_key *key, size_t batch);
	void (*keyswitch)(const struct tfhe_keyswitch_key *key, uint32_t *out,
		const uint32_t *const *in, const uint32_t *offsets, size_t batch, unsigned part,
		unsigned parts, void *scratch);
};

extern const struct tfhe_kernel tfhe_kernel_portable;
#if defined(__x86_64__)
extern const struct tfhe_kernel tfhe_kernel_avx2;
extern const struct tfhe_kernel tfhe_kernel_avx512;
#endif

/* Grouped keys. A *bundle*, the GGSW of one step and one ciphertext, is
 *	sum over subsets of (X^mask_subset - 1) GGSW_subset
 * point by point in the frequency domain: accumulator += bundle * accumulator multiplies by X^mask of
 * the subset that the key bits are (Zhou, Zhang, Wang, Chen, "Faster bootstrapping with multiple
 * addends", 2018; Joye and Paillier, "Blind rotation in fully homomorphic encryption with extended
 * keys", 2022).
 *
 * The kernels for vectors want the key in the order in which they read it: [step][column][vector of 8
 * points][subset][row polynomial][8 real, 8 imaginary parts]. */

/* The key switch on 32-bit lanes, in plain C: what sets without a better one use. */
size_t tfhe_keyswitch_rows_bytes(const struct tfhe_params *params);
void tfhe_keyswitch_rows_set(
	struct tfhe_keyswitch_key *key, unsigned coefficient, unsigned level, const uint32_t *lwe);
size_t tfhe_keyswitch_rows_scratch(const struct tfhe_keyswitch_key *key, size_t batch);
void tfhe_keyswitch_rows(const struct tfhe_keyswitch_key *key, uint32_t *out,
	const uint32_t *const *in, const uint32_t *offsets, size_t batch, unsigned part,
	unsigned parts, void *scratch);

/* Signed balanced decomposition of a torus word to base 2^base_log2 with `levels` digits, most
 * significant first (level 0). Adding `offset` rounds to the nearest multiple of
 * 2^(32 - base_log2 * levels), ties upwards, and moves every digit to [0, B): digit l is then a
 * field of bits minus B/2, in [-B/2, B/2). Ties have probability 2^(base_log2 * levels - 32), 1 in
 * 512 for the 23 bits of a bootstrap; the mean rounding error they cause is -2^-33 of the torus a
 * coefficient, 2^-8 of the standard deviation of the rounding error itself. */
struct decomposition {
	uint32_t offset;
	unsigned base_log2;
	unsigned levels;
};

static inline struct decomposition decomposition_of(unsigned base_log2, unsigned levels)
{
	struct decomposition d = {0, base_log2, levels};
	unsigned rest = 32 - base_log2 * levels;
	if (rest > 0)
		d.offset = 1u << (rest - 1);
	for (unsigned l = 1; l <= levels; l++)
		d.offset += 1u << (31 - base_log2 * (l - 1));
	return d;
}

static inline int32_t decomposition_digit(
	const struct decomposition *d, uint32_t with_offset, unsigned level)
{
	uint32_t field = with_offset >> (32 - d->base_log2 * (level + 1));
	return (int32_t)(field & ((1u << d->base_log2) - 1)) - (int32_t)(1u << (d->base_log2 - 1));
}

/* Digits in [-B/2, B/2) have mean -1/2. Over the rows of a key-switch key, in base 4, that makes a
 * sixth of the variance an offset that is fixed for a key, so that an unlucky key would fail more
 * often than the formula says. So a key switch decomposes -x instead of x, and negates the digits,
 * whenever a bit of x below the cut is set: all ones then, else 0. That bit is next to uniform and
 * independent of the digits. */
static inline uint32_t decomposition_flip(const struct decomposition *d, uint32_t x)
{
	unsigned rest = 32 - d->base_log2 * d->levels;
	return -(x >> (rest >= 2 ? rest - 2 : 0) & 1);
}

/* A word of the key-switch key, rounded to the bits that are kept. */
static inline uint32_t keyswitch_word(const struct tfhe_params *p, uint32_t word)
{
	uint32_t unit = 1u << (32 - tfhe_ks_word_log2(p)); /* 1 for 32 */
	return (word + unit / 2) & -unit;
}

/* The vector kernels keep digits at the top of a 32-bit word, leave the division by N/2 out of the
 * inverse transform and count the torus in units of 2^-32: together a power of two. */
static inline double tfhe_kernel_row_scale(const struct tfhe_params *p)
{
	return (double)(1u << p->pbs_base_log2) * 2 / tfhe_poly_size(p);
}

static inline size_t round_up_64(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

#endif

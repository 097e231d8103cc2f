/* The two hot loops of a bootstrap, with a batch of ciphertexts as their unit, and the keys in the
 * layout they like. One strategy, one kernel file per instruction set (tfhe/kernel_portable.c,
 * kernel_avx2.c, kernel_avx512.c), chosen when the key is expanded. Nothing here allocates; scratch
 * comes from the caller. Immutable keys, any number of threads.
 */
#ifndef TFHE_KERNEL_H
#define TFHE_KERNEL_H

#include "os/spin.h"
#include "ring/fft.h"
#include "tfhe/params.h"

enum {
	TFHE_BATCH = 16
}; /* ciphertexts a key pass at most: they and one GGSW must fit the second-level cache */

/* Bootstrap key: GGSWs in the frequency domain of `fft`, [GGSW][level][row polynomial][column][N
 * doubles], or for grouped keys on vectors what tfhe/rotate_grouped.h likes. */
struct tfhe_bootstrap_key {
	const struct tfhe_params *params;
	const struct ring_fft *fft;
	double *ggsw;
	size_t bytes;
	bool placed; /* in memory of somebody else's */
};
amt_status tfhe_bootstrap_key_alloc(
	struct tfhe_bootstrap_key *key, const struct tfhe_params *params, enum isa isa);
/* Memory of a key, and a key in 64-byte aligned memory of that size which stays the caller's. Whoever
 * changes how keys lie in memory raises TFHE_KEY_LAYOUT: keys are kept in files (tfhe/expanded.h).
 */
enum { TFHE_KEY_LAYOUT = 2 };
size_t tfhe_bootstrap_key_bytes(const struct tfhe_params *params);
amt_status tfhe_bootstrap_key_place(struct tfhe_bootstrap_key *key,
	const struct tfhe_params *params, enum isa isa, void *memory);
void tfhe_bootstrap_key_free(struct tfhe_bootstrap_key *key);
/* Fills row `row` (level * (k + 1) + polynomial; level 0 is the most significant) of GGSW `ggsw`
 * from its GLWE ciphertext of (k + 1) * N torus words. Different rows may be filled by different
 * threads. */
void tfhe_bootstrap_key_set(
	struct tfhe_bootstrap_key *key, unsigned ggsw, unsigned row, const uint64_t *glwe);

/* batch <= TFHE_BATCH accumulators (GLWEs of u32, `tfhe_glwe_words` apart) are rotated by X^-phase:
 * on entry the LUT already multiplied by X^-body; on return multiplied by X^(sum mask_i s_i)
 * besides, that is by minus the phase. mask[b * n + i] in [0, 2N). With grouped keys mask has
 * tfhe_ggsws entries a ciphertext: by how much each subset of a step's key bits rotates. The result
 * of a ciphertext does not depend on the batch it is in, bit for bit. Accumulators and scratch are 64-byte aligned. */
size_t tfhe_blind_rotate_scratch(const struct tfhe_bootstrap_key *key, size_t batch);
void tfhe_blind_rotate(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
	const uint16_t *masks, size_t batch, void *scratch);

/* One blind rotation by two threads, which call this at the same time with half 0 and 1 and the same
 * pair: same result, bit for bit. `shared` has tfhe_half_shared bytes (0: not with this instruction set,
 * or not with these keys) and is common, scratch is for each its own, as for a batch of 1. Each returns when its
 * polynomial of the accumulator is done: meet once more before reading both. */
size_t tfhe_half_shared(const struct tfhe_bootstrap_key *key);
void tfhe_blind_rotate_half(const struct tfhe_bootstrap_key *key, uint32_t *accumulator,
	const uint16_t *masks, struct spin_pair *pair, unsigned half, void *shared, void *scratch);

/* Key-switch key: kN * ks_levels small LWEs of n + 1 words mod 2^32, in the layout of the kernel
 * (byte planes for VNNI, plain rows else). */
struct tfhe_keyswitch_key {
	const struct tfhe_params *params;
	enum isa isa;
	void *data;
	size_t bytes;
	bool placed;
};
amt_status tfhe_keyswitch_key_alloc(
	struct tfhe_keyswitch_key *key, const struct tfhe_params *params, enum isa isa);
size_t tfhe_keyswitch_key_bytes(const struct tfhe_params *params, enum isa isa);
amt_status tfhe_keyswitch_key_place(struct tfhe_keyswitch_key *key,
	const struct tfhe_params *params, enum isa isa, void *memory);
void tfhe_keyswitch_key_free(struct tfhe_keyswitch_key *key);
/* Row of input coefficient `coefficient`, level 0 the most significant: n mask words then the body.
 * Different coefficients may be set by different threads only if they differ in coefficient / 64.
 */
void tfhe_keyswitch_key_set(
	struct tfhe_keyswitch_key *key, unsigned coefficient, unsigned level, const uint32_t *lwe);

/* in: batch pointers to big LWEs. out: batch * (n + 1) words. Body offset b of ciphertext i is
 * offsets[i]. */
size_t tfhe_keyswitch_scratch(const struct tfhe_keyswitch_key *key, size_t batch);
void tfhe_keyswitch(const struct tfhe_keyswitch_key *key, uint32_t *out, const uint32_t *const *in,
	const uint32_t *offsets, size_t batch, void *scratch);
/* Part `part` of `parts` of it: its share of the words of every output. */
void tfhe_keyswitch_part(const struct tfhe_keyswitch_key *key, uint32_t *out,
	const uint32_t *const *in, const uint32_t *offsets, size_t batch, unsigned part,
	unsigned parts, void *scratch);

/* Modulus switch of one small LWE to 2N with centred mean: tfhe_ggsws mask values and *body, all in
 * [0, 2N). out body already holds the half-sum of rounding errors and the half unit that
 * centres the boxes. */
void tfhe_modulus_switch(
	const struct tfhe_params *params, uint16_t *mask, uint16_t *body, const uint32_t *lwe);

/* Automorphism key switch for packing: out(2 polynomials) += GLWE key switch of polynomial `a`
 * (already under sigma(s)) with a key of pbs_levels rows in the same layout as one GGSW's mask
 * rows: [level][column][N doubles]. Scratch as for a blind rotation of batch 1. */
void tfhe_glwe_keyswitch(const struct tfhe_bootstrap_key *like, const double *rows, uint32_t *glwe,
	const uint32_t *a, void *scratch);

#endif

/* BGV's secret half: keys, encryption, decryption (owner only). Constant time in the secret. */
#ifndef BGV_SECRET_H
#define BGV_SECRET_H

#include "bgv/bgv.h"

enum { BGV_SECRET_SEED_BYTES = 32 };

/* The ternary secret of a ring, expanded from 32 secret bytes (a subkey of the owner's master key).
 * Locked where possible, wiped when freed. Immutable, shared by threads. */
struct bgv_secret;
amt_status bgv_secret_new(struct bgv_secret **out, const struct bgv_ring *ring,
	const uint8_t seed[BGV_SECRET_SEED_BYTES]);
void bgv_secret_free(struct bgv_secret *secret);
const struct bgv_ring *bgv_secret_ring(const struct bgv_secret *secret);

/* Which switching keys: relinearisation always; automorphisms X -> X^(N/2^i + 1) for i < expand_log2
 * and products of those of i = 0 and 1, 2 and 3, ... (expansion of up to 2^expand_log2 scalars, an even
 * number); rotations by N/2/2^i for 1 <= i <=
 * fold_log2. limbs: of the longest ciphertext they are for. */
struct bgv_keys_wanted {
	unsigned limbs, expand_log2, fold_log2;
};
/* Appends the content of WIRE_BGV_KEYS, seed-compressed. */
amt_status bgv_keys_make(const struct bgv_secret *secret, struct bgv_keys_wanted wanted,
	struct pool *pool, void (*progress)(void *context, uint64_t done, uint64_t total),
	void *context, struct buf *out);
size_t bgv_keys_make_bytes(const struct bgv_ring *ring, struct bgv_keys_wanted wanted);

/* Fresh encryption under a fresh seed: c0 of every limb in [0, limbs), canonical NTT order, into
 * out[limb * N + i]. `coefficients`: N plaintext coefficients in [0, t). Thread-safe. */
amt_status bgv_encrypt_seeded(const struct bgv_secret *secret, unsigned limbs,
	const uint64_t *coefficients, struct seed *seed, uint64_t *out);
/* The same under a seed that the caller drew by seed_new, for this encryption alone; c0 is handed over
 * limb by limb, N residues which are valid during the call. */
typedef void (*bgv_limb_taker)(void *context, unsigned limb, const uint64_t *c0);
amt_status bgv_encrypt_limbs(const struct bgv_secret *secret, unsigned limbs,
	const uint64_t *coefficients, const struct seed *seed, bgv_limb_taker take, void *context);
/* The same as bytes (bgv_seeded_bytes), appended. */
amt_status bgv_seeded_put(const struct bgv_secret *secret, unsigned limbs,
	const uint64_t *coefficients, struct buf *out);

/* N plaintext coefficients in [0, t) of a 2- or 3-part ciphertext. noise_log2 (may be NULL): log2 of
 * the largest |m + t e| met, for tests and canaries. */
amt_status bgv_decrypt(const struct bgv_secret *secret, const struct bgv_ct *ct,
	uint64_t *coefficients, double *noise_log2);
/* The same of an answer's bytes (bgv_answer_put). AMT_TRUNCATED, AMT_CORRUPTION. */
amt_status bgv_answer_decrypt(const struct bgv_secret *secret, struct span answer,
	uint64_t *coefficients, double *noise_log2);

#endif

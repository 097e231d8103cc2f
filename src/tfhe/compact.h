/* Public-key encryption: who has an owner's public key encrypts for the owner, and reads nothing.
 *
 * The public key is one encryption of zero under the owner's GLWE key modulo 2^32, (A, B = A S + E).
 * A ciphertext of up to N messages M is (A R + E1, B R + E2 + M) with a fresh binary R: Lyubashevsky,
 * Peikert, Regev, "On ideal lattices and learning with errors over rings", 2010; as a list of LWEs
 * under the vector of S, Joye, "TFHE public-key encryption revisited", 2023. All words are rounded
 * to their upper 16 bits: 4 bytes a message in a full ciphertext. Security is that of the owner's
 * own encryptions twice: B is one sample more under S, a ciphertext k + 1 samples under R, all of
 * dimension N with binary secrets and the noise of tfhe_fresh_distribution.
 *
 * The phase of coefficient i is M_i + (E R + E2 - E1 S)_i + rounding (tfhe_noise_compact). That holds
 * for honest writers only: a host bootstraps what it gets before it trusts a range (integer/ingest.c).
 */
#ifndef TFHE_COMPACT_H
#define TFHE_COMPACT_H

#include "base/bytes.h"
#include "crypto/seed.h"
#include "tfhe/params.h"

/* A public key: docs/formats.md. Immutable. */
struct tfhe_public_key {
	const struct tfhe_params *params;
	uint8_t key_id[16];
	uint32_t *mask; /* k polynomials, expanded from the seed */
	uint32_t *body; /* one */
};

static inline size_t tfhe_public_key_bytes(const struct tfhe_params *p)
{
	return sizeof(struct seed) + tfhe_poly_size(p) * sizeof(uint32_t);
}
/* From WIRE_PUBLIC_KEY, all checked that can be: AMT_TRUNCATED, AMT_CORRUPTION, AMT_UNKNOWN_VERSION,
 * AMT_FOREIGN_PARAMETERS. */
amt_status tfhe_public_key_get(struct tfhe_public_key **out, struct span file);
void tfhe_public_key_free(struct tfhe_public_key *key);

/* Words of a ciphertext of count <= N messages: k mask polynomials, then count bodies. */
static inline size_t tfhe_compact_words(const struct tfhe_params *p, size_t count)
{
	return tfhe_big_dimension(p) + count;
}
/* The ciphertext (little-endian words at any address) as a GLWE at run time; bodies from `count` on
 * are 0. */
void tfhe_compact_expand(
	const struct tfhe_params *p, uint32_t *glwe, const uint8_t *words, size_t count);

#endif

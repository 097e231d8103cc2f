/* Inside of bgv: constants of a ring, its scratch memory, scalar arithmetic. For the files of this
 * folder and their tests. */
#ifndef BGV_INSIDE_H
#define BGV_INSIDE_H

#include "bgv/bgv.h"

#include <pthread.h>

/* Stream of a seed for residues modulo the special prime; limbs have 0 to BGV_MAX_LIMBS - 1. */
enum { BGV_SPECIAL_LIMB = 255, BGV_STREAMS = 256 };
enum { BGV_SPECIAL_BYTES = 7 }; /* of a residue modulo p */

enum { SCRATCH_KEPT = 32 };

/* Idle blocks of memory of the size that batches of this ring take: fresh memory would cost them
 * more in page faults than a transform. */
struct bgv_scratch_list {
	pthread_mutex_t lock;
	unsigned count;
	struct {
		uint64_t *block;
		size_t words;
	} idle[SCRATCH_KEPT];
};

struct bgv_constants {
	/* Division by m = q_i (rows) or p modulo q_j: m^-1, and -t m^-1. */
	uint64_t drop_inverse[BGV_MAX_LIMBS][BGV_MAX_LIMBS];
	uint64_t drop_delta[BGV_MAX_LIMBS][BGV_MAX_LIMBS];
	uint64_t p_inverse[BGV_MAX_LIMBS];
	uint64_t p_delta[BGV_MAX_LIMBS];
	uint64_t p_residue[BGV_MAX_LIMBS]; /* p mod q_j */
	uint64_t t_inverse[BGV_MAX_LIMBS]; /* t^-1 mod q_i */
	uint64_t p_t_inverse;		   /* t^-1 mod p */
	struct bgv_scratch_list scratch;
};

/* words words of 64-byte aligned memory, undefined; to be given back with the same size. What held
 * secrets is wiped before. Thread-safe. */
amt_status bgv_scratch_take(const struct bgv_ring *ring, size_t words, uint64_t **out);
void bgv_scratch_give(const struct bgv_ring *ring, size_t words, uint64_t *block);

static inline uint64_t bgv_mul_mod(uint64_t a, uint64_t b, uint64_t q)
{
	return (uint64_t)((unsigned __int128)a * b % q);
}
/* a^-1 modulo the prime q. */
uint64_t bgv_inverse_mod(uint64_t a, uint64_t q);
/* A small integer to a residue. */
static inline uint64_t bgv_residue(int64_t a, uint64_t q)
{
	int64_t r = a % (int64_t)q;
	return (uint64_t)(r < 0 ? r + (int64_t)q : r);
}

static inline const struct ntt *bgv_table(const struct bgv_ring *ring, unsigned limb)
{
	return limb == BGV_SPECIAL_LIMB ? ring->p : ring->q[limb];
}
static inline uint64_t bgv_modulus(const struct bgv_ring *ring, unsigned limb)
{
	return limb == BGV_SPECIAL_LIMB ? ring->params->p : ring->params->q[limb];
}

/* Plaintext coefficients, centred, as residues modulo a limb. Constant time. */
void bgv_lift(
	const struct bgv_ring *ring, unsigned limb, uint64_t *out, const uint64_t *coefficients);
/* Reads `parts` and `limbs` of an output whose memory is there. */
void bgv_shape(struct bgv_ct *out, unsigned limbs, unsigned parts);

/* N packed residues. AMT_CORRUPTION unless all are canonical. */
amt_status bgv_residues_get(
	const struct bgv_ring *ring, unsigned limb, uint64_t *out, const uint8_t *in);

/* ---- switching keys (keys.c), ready to use: modulo q_j times p^-1, modulo p times t^-1, so that the
 * sums over digits are what key_switch.c continues with. Those of an automorphism s have s^-1 applied:
 * s of sums of digits times s^-1 of the key is the sum of digits under s times the key, so that digits
 * serve for many automorphisms and only sums are permuted. */
struct bgv_keys {
	const struct bgv_ring *ring;
	unsigned limbs, elements;
	uint32_t element[BGV_MAX_ELEMENTS];
	uint32_t *permutation; /* [element][N] */
	/* Relinearisation, then the elements: [limb j < limbs, or p][digit][part][N] */
	uint64_t *key[1 + BGV_MAX_ELEMENTS];
};
static inline size_t bgv_key_words(const struct bgv_keys *k)
{
	return (size_t)(k->limbs + 1) * k->limbs * 2 * k->ring->n;
}
/* Both parts of a digit modulo limb j (limbs: p). */
static inline uint64_t *bgv_digit(
	const struct bgv_keys *k, unsigned key, unsigned j, unsigned digit)
{
	return k->key[key] + ((size_t)j * k->limbs + digit) * 2 * k->ring->n;
}
static inline const uint32_t *bgv_keys_permutation(const struct bgv_keys *k, unsigned key)
{
	return k->permutation + (key - 1) * k->ring->n;
}
/* Number of the key of an element: AMT_NOT_FOUND. */
amt_status bgv_keys_find(const struct bgv_keys *k, uint32_t element, unsigned *key);

/* Entry i of the values of a polynomial after X -> X^element is entry permutation[i] before
 * (ntt_permute). */
void bgv_permutation(const struct bgv_ring *ring, uint32_t element, uint32_t *permutation);
static inline unsigned bgv_reverse(unsigned x, unsigned bits)
{
	unsigned r = 0;
	for (unsigned i = 0; i < bits; i++)
		r |= (x >> i & 1) << (bits - 1 - i);
	return r;
}

#endif

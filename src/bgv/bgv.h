/* RNS-BGV (Brakerski, Gentry, Vaikuntanathan 2012; full RNS after Kim, Polyakov, Zucca 2021) with
 * plaintext modulus t = 65537: what both roles share. Contracts of the whole layer:
 *
 * - A ring (struct bgv_ring) holds a parameter set's tables; immutable, shared by threads.
 * - A ciphertext has 2 parts, or 3 before relinearisation, each of `limbs` limbs of N residues in
 *   the NTT domain (ring/ntt.h). c0 + c1 s + c2 s^2 = m + t e modulo q_0 ... q_{limbs-1}. It is
 *   valid on any prefix of its limbs. Since every q_i = 1 mod t, switching moduli keeps m.
 * - `noise` travels with a ciphertext (bgv/noise.h): an upper estimate, never read from secrets.
 * - Output first. Outputs may be inputs where the text says so.
 */
#ifndef BGV_BGV_H
#define BGV_BGV_H

#include "bgv/noise.h"
#include "base/bytes.h"
#include "crypto/seed.h"
#include "os/pool.h"
#include "ring/ntt.h"

enum { BGV_T = 65537, BGV_MAX_LIMBS = 20 };

struct bgv_params {
	uint16_t id; /* in headers, never reused, no TFHE set's */
	const char *name;
	unsigned log2n, limbs;
	uint64_t q[BGV_MAX_LIMBS]; /* largest first: short prefixes have the most room */
	uint64_t p;		   /* special prime of key switching */
	unsigned residue_bytes;	   /* of a residue modulo q_i wherever it is written: 5 or 6 */
};

/* Public sets: B13, B14 (the default), B15; NULL if there is none. */
const struct bgv_params *bgv_params_find(uint16_t id);
const struct bgv_params *bgv_params_for(unsigned log2n);
const struct bgv_params *bgv_params_at(size_t index); /* NULL after the last */
/* Rings of tests, without security: the library's own definition is weak and has none; a test links
 * tests/bgv/toy_rings.c. The two above find them too. */
const struct bgv_params *bgv_params_toy(size_t index);
/* Asserts security (log2 QP against docs), congruences, primality, sizes: AMT_UNSUPPORTED. */
amt_status bgv_params_check(const struct bgv_params *p);
/* All but security: enough for a ring of a test. */
amt_status bgv_params_check_shape(const struct bgv_params *p);
double bgv_params_log2_qp(const struct bgv_params *p);

struct bgv_ring {
	const struct bgv_params *params;
	unsigned log2n;
	size_t n;
	struct ntt *q[BGV_MAX_LIMBS];
	struct ntt *p;
	struct ntt *t;	/* plaintexts */
	uint32_t *slot; /* slot r of a row to index of the NTT modulo t */
	/* ... constants of modulus switching and key switching, owned by bgv */
	struct bgv_constants *constants;
};
amt_status bgv_ring_new(struct bgv_ring **out, const struct bgv_params *params);
void bgv_ring_free(struct bgv_ring *ring);

/* n slots modulo t to a polynomial's coefficients in [0, t) and back; decoding destroys the
 * coefficients. Constant time. */
void bgv_slots_encode(const struct bgv_ring *ring, uint64_t *coefficients, const uint32_t *slots);
void bgv_slots_decode(const struct bgv_ring *ring, uint32_t *slots, uint64_t *coefficients);

struct bgv_ct {
	unsigned limbs, parts;
	unsigned
		stride; /* limbs from one part to the next, >= limbs: dropping limbs moves nothing */
	struct bgv_noise noise;
	uint64_t *data; /* [part][stride][N], 64-byte aligned: bgv_limb */
	size_t words;	/* allocated */
};
/* Room for `parts` parts of `limbs` limbs; contents undefined. Free with bgv_ct_free (also a zeroed
 * one). */
amt_status bgv_ct_new(
	struct bgv_ct *out, const struct bgv_ring *ring, unsigned limbs, unsigned parts);
void bgv_ct_free(struct bgv_ct *ct);
static inline uint64_t *bgv_limb(
	const struct bgv_ring *ring, const struct bgv_ct *ct, unsigned part, unsigned limb)
{
	return ct->data + ((size_t)part * ct->stride + limb) * ring->n;
}

/* ---- seeds: c1 of seeded ciphertexts. Residues [first, first + count) of the mask modulo q_limb:
 * word j of stream `limb` of the seed (AES-128-CTR as crypto/seed.h), w mod q if w is below q
 * floor(2^64 / q), else word j of stream limb + 256 r for r = 1, 2, ... */
amt_status bgv_mask(const struct bgv_ring *ring, struct seed_expander *seed, unsigned limb,
	size_t first, size_t count, uint64_t *out);

/* ---- evaluation keys (host): switching keys for relinearisation and automorphisms.
 *
 * Content of WIRE_BGV_KEYS, seed-compressed:
 *
 *	OFFSET SIZE
 *	0      2    parameter set id
 *	2      2    L: limbs of the longest ciphertext they are for
 *	4      4    g: number of automorphisms X -> X^element, at most BGV_MAX_ELEMENTS
 *	8      4 g  their elements: odd, from 3 to 2 N - 1, ascending
 *	8+4g        1 + g keys, of relinearisation and of each automorphism; a key is L digits, each
 *		    16	 seed
 *		    w N	 for each q_0 ... q_{L-1}: residues of c0, w the set's residue_bytes
 *		    7 N	 modulo p: residues of c0
 *
 * Digit i of a key from S (s^2, or s(X^element)) to s: c0 + a s = t e, plus p S modulo q_i alone. a
 * modulo q_j is stream j of the seed, a modulo p stream 255 (bgv_mask).
 */
enum { BGV_MAX_ELEMENTS = 64 };
static inline size_t bgv_digit_bytes(const struct bgv_ring *ring, unsigned limbs)
{
	return 16 + ring->n * ((size_t)limbs * ring->params->residue_bytes + 7);
}
static inline size_t bgv_keys_content_bytes(
	const struct bgv_ring *ring, unsigned limbs, unsigned elements)
{
	return 8 + 4 * (size_t)elements +
	       (1 + (size_t)elements) * limbs * bgv_digit_bytes(ring, limbs);
}
struct bgv_keys;
/* For ciphertexts of at most `limbs` limbs (or what there is): checks every residue of that part and expands
 * its seeds. progress may be NULL; the calling thread calls it.
 * AMT_FOREIGN_PARAMETERS, AMT_TRUNCATED, AMT_CORRUPTION. */
amt_status bgv_keys_open(struct bgv_keys **out, const struct bgv_ring *ring, struct span content,
	unsigned limbs, struct pool *pool,
	void (*progress)(void *context, uint64_t done, uint64_t total), void *context);
void bgv_keys_free(struct bgv_keys *keys);
bool bgv_keys_has(const struct bgv_keys *keys, uint32_t galois_element);
unsigned bgv_keys_limbs(const struct bgv_keys *keys);
/* Bytes in memory. */
size_t bgv_keys_bytes(const struct bgv_keys *keys);

/* ---- evaluation. `noise` of the outputs is kept; AMT_NOISE_BUDGET is the planner's affair
 * (scan/fit.h), not checked here.
 *
 * Outputs are ciphertexts with memory (`words`) for the result; limbs, parts, stride and noise are
 * set here. An output that is an operand keeps its stride. */

/* The lesser number of limbs, the greater number of parts; out may be a or b if it has the room for
 * that. Terms count as independent (bgv_noise_add). */
void bgv_add(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const struct bgv_ct *b);
void bgv_sub(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const struct bgv_ct *b);
/* out = c a + d for small public integers, |c|, |d| < t; out may be a. */
void bgv_affine(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a, int64_t c,
	int64_t d);
/* 3 parts of 2 x 2, the lesser number of limbs; out must be neither a nor b, which may be the same. */
void bgv_mul(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const struct bgv_ct *b);
/* A plaintext polynomial (coefficients in [0, t), not NTT) times a ciphertext; out may be a. */
amt_status bgv_mul_plain(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const uint64_t *coefficients);
/* 3 parts to 2, in place, for `count` ciphertexts of equal limbs at once (keys stream through the
 * caches once). pool NULL: the calling thread. AMT_NOT_FOUND if the keys have fewer limbs. */
amt_status bgv_relinearise(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *const *ct, size_t count, struct pool *pool);
/* bgv_relinearise and then bgv_mod_switch, to the same words, with fewer transforms. */
amt_status bgv_relinearise_drop(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *const *ct, size_t count, struct pool *pool);
/* Drops the last limb, in place; 2 or 3 parts. */
amt_status bgv_mod_switch(const struct bgv_ring *ring, struct bgv_ct *ct, struct pool *pool);
/* Forgets the last limbs without scaling: fewer residues of the same value. In place. */
void bgv_truncate(const struct bgv_ring *ring, struct bgv_ct *ct, unsigned limbs);
/* out = sigma_element(a), X -> X^element. out must not be a. AMT_NOT_FOUND without its key. */
amt_status bgv_automorphism(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *out, const struct bgv_ct *a, uint32_t element, struct pool *pool);
/* Elements for bgv_automorphism: rotation of both slot rows by `steps` to the left. */
uint32_t bgv_rotation(const struct bgv_ring *ring, unsigned steps);
/* One ciphertext of `count` scalars, scalar i as coefficient bgv_expand_index(count, i) and 0 elsewhere,
 * to count ciphertexts of constants: out[i] encrypts 2^bgv_expand_doublings(count, i) times scalar i in
 * every slot (which the owner divides away beforehand). count: 1 to N / 4. out: new ciphertexts, freed by
 * the caller. AMT_NOT_FOUND without the keys of bgv_keys_wanted.expand_log2. */
unsigned bgv_expand_index(unsigned count, unsigned scalar);
unsigned bgv_expand_doublings(unsigned count, unsigned scalar);
amt_status bgv_expand(const struct bgv_ring *ring, const struct bgv_keys *keys, struct bgv_ct *out,
	const struct bgv_ct *packed, unsigned count, struct pool *pool);
/* The same into memory of the caller's, each scalar with as many limbs as are needed of it, which costs
 * less: limbs[0] >= limbs[1] >= ..., at most packed->limbs; NULL: all. Each of out has memory for 2 parts
 * of its limbs. */
amt_status bgv_expand_into(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *out, const struct bgv_ct *packed, const uint8_t *limbs, unsigned count,
	struct pool *pool);

/* ---- seeded ciphertexts and answers as bytes (inside larger objects) */

/* 16 seed, then limbs * N residues of c0. */
static inline size_t bgv_seeded_bytes(const struct bgv_ring *ring, unsigned limbs)
{
	return 16 + (size_t)limbs * ring->n * ring->params->residue_bytes;
}
/* Checks every residue. */
amt_status bgv_seeded_get(
	struct bgv_ct *out, const struct bgv_ring *ring, unsigned limbs, struct span in);

/* The answer form: a ciphertext of one limb, switched once more to modulus 2^BGV_ANSWER_BITS in the
 * coefficient domain (the plaintext is multiplied by 2^BGV_ANSWER_BITS mod t, which the owner
 * undoes), both parts, bit-packed. */
enum { BGV_ANSWER_BITS = 28 };
static inline size_t bgv_answer_bytes(const struct bgv_ring *ring)
{
	return 2 * ring->n * BGV_ANSWER_BITS / 8;
}
amt_status bgv_answer_put(const struct bgv_ring *ring, const struct bgv_ct *ct, struct buf *out);

#endif

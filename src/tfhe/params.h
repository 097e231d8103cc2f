/* Parameter sets as data, with the formulas that judge them (design: noise of every step, failure
 * probability, security). All sets: binary uniform secrets, k = 1 unless said, run-time torus 2^32
 * (GLWE, LWE, key-switch key), bootstrap key sampled at 2^64. message 2 bits + carry 2 bits + 1
 * padding bit: p = 16, delta = 2^27.
 */
#ifndef TFHE_PARAMS_H
#define TFHE_PARAMS_H

#include "base/status.h"
#include "crypto/sample.h"

struct tfhe_params {
	const char *name; /* "T2", "TFHE-RS-TU-918", ... */
	uint16_t id;	  /* stable number in every header */
	bool toy;	  /* for tests only: unknown to programs without tests/tfhe/toy_params.c */
	unsigned n;	  /* small LWE dimension */
	unsigned group; /* key bits that a step of the blind rotation takes together, if above 1 */
	unsigned k;	/* GLWE dimension */
	unsigned n_poly_log2; /* N = 2^n_poly_log2 */
	unsigned pbs_base_log2, pbs_levels;
	unsigned ks_base_log2, ks_levels;
	unsigned ks_word_log2;	 /* bits of the key-switch key that are kept: 24, or 32 if 0 */
	unsigned precision_log2; /* log2 p, 4 */
	unsigned max_noise; /* nu^2: largest sum of squared weights of bootstrap outputs before a
			       bootstrap */
	struct noise_distribution lwe_noise;
	struct noise_distribution glwe_noise;
};

enum { TFHE_DEFAULT_PARAMS = 2 /* T2 */, TFHE_PARAMS_GROUPED = 5 /* M3 */ };

/* Borrowed, immutable; NULL if unknown. A program linked with tests/tfhe/toy_params.c also finds
 * toy sets: the library's own tfhe_params_find_toy is a weak symbol that finds none, so the product
 * neither contains nor accepts them. */
const struct tfhe_params *tfhe_params_find(uint16_t id);
const struct tfhe_params *tfhe_params_find_toy(uint16_t id);
const struct tfhe_params *tfhe_params_at(
	size_t index); /* enumerate the public ones; NULL at the end */

static inline unsigned tfhe_poly_size(const struct tfhe_params *p)
{
	return 1u << p->n_poly_log2;
}
/* Key bits of a step of the blind rotation; steps; GGSWs of a step, one for each subset of its bits
 * but the empty one; GGSWs in all. */
static inline unsigned tfhe_group(const struct tfhe_params *p)
{
	return p->group > 1 ? p->group : 1;
}
static inline unsigned tfhe_steps(const struct tfhe_params *p)
{
	return p->n / tfhe_group(p);
}
static inline unsigned tfhe_subsets(const struct tfhe_params *p)
{
	return (1u << tfhe_group(p)) - 1;
}
static inline unsigned tfhe_ggsws(const struct tfhe_params *p)
{
	return tfhe_steps(p) * tfhe_subsets(p);
}
static inline unsigned tfhe_ks_word_log2(const struct tfhe_params *p)
{
	return p->ks_word_log2 == 0 ? 32 : p->ks_word_log2;
}
static inline unsigned tfhe_big_dimension(const struct tfhe_params *p)
{
	return p->k << p->n_poly_log2;
}
/* Words of a big LWE ciphertext: kN mask words, then the body. Its stride in arrays is a multiple
 * of 16 words. */
static inline unsigned tfhe_lwe_words(const struct tfhe_params *p)
{
	return tfhe_big_dimension(p) + 1;
}
static inline unsigned tfhe_lwe_stride(const struct tfhe_params *p)
{
	return (tfhe_lwe_words(p) + 15u) & ~15u;
}
static inline unsigned tfhe_delta_log2(const struct tfhe_params *p)
{
	return 31 - p->precision_log2;
}

#endif

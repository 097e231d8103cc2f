/* The noise of BGV ciphertexts, by formula. Pure functions, no data: planners run them first.
 *
 * The noise of a ciphertext is w = m + t e, its coefficients taken as centred random variables of
 * nearly Gaussian sums; what is kept is log2 of an upper estimate of their standard deviation.
 * Decryption is right while every |w_i| < Q / 2, which fails with probability bgv_noise_failure_log2
 * by the Gaussian tail and the union over N coefficients; 2^-128 is 13.8 to 13.9 deviations.
 */
#ifndef BGV_NOISE_H
#define BGV_NOISE_H

#include <stdbool.h>

struct bgv_params;

struct bgv_noise {
	double log2_deviation; /* of m + t e, over its coefficients; -infinity: nothing */
	double log2_peak;      /* how much more the worst coefficient may have (expanded scalars) */
	/* Of the greatest terms: of what power of the secret they are, of how many random factors.
	 * Products of powers are larger than of independent factors. */
	double power, degree;
};

struct bgv_noise bgv_noise_fresh(const struct bgv_params *p);
/* Sums: of independent terms (variances add), of terms that may share parts (deviations add), such
 * as a ciphertext and its own rotation, some of whose coefficients are the same. */
struct bgv_noise bgv_noise_add(struct bgv_noise a, struct bgv_noise b);
struct bgv_noise bgv_noise_add_dependent(struct bgv_noise a, struct bgv_noise b);
struct bgv_noise bgv_noise_scale(struct bgv_noise a, double factor);   /* |factor| times */
struct bgv_noise bgv_noise_shift(struct bgv_noise a, double constant); /* plus a public constant */
/* A product, operands possibly the same. */
struct bgv_noise bgv_noise_mul(const struct bgv_params *p, struct bgv_noise a, struct bgv_noise b);
/* A product with a ciphertext as the owner made it (a stored column), which has not the other
 * operand's noise in it. */
struct bgv_noise bgv_noise_mul_fresh(const struct bgv_params *p, struct bgv_noise a);
/* With a plaintext polynomial of uniform coefficients modulo t. */
struct bgv_noise bgv_noise_mul_plain(const struct bgv_params *p, struct bgv_noise a);
/* Key switching (relinearisation, automorphism) at `limbs` limbs. */
struct bgv_noise bgv_noise_key_switch(
	const struct bgv_params *p, unsigned limbs, struct bgv_noise a);
/* Dropping the last of `limbs` limbs, of 2 parts; of 3, before relinearisation. */
struct bgv_noise bgv_noise_mod_switch(
	const struct bgv_params *p, unsigned limbs, struct bgv_noise a);
struct bgv_noise bgv_noise_mod_switch_parts(
	const struct bgv_params *p, unsigned limbs, unsigned parts, struct bgv_noise a);
/* Of each of `count` scalars expanded from a fresh ciphertext at `limbs` limbs. */
struct bgv_noise bgv_noise_expand(const struct bgv_params *p, unsigned limbs, unsigned count);
/* One limb to the answer's modulus; does it decrypt with probability 1 - 2^-128? */
bool bgv_noise_answer_fits(const struct bgv_params *p, struct bgv_noise a);
double bgv_noise_answer_failure_log2(const struct bgv_params *p, struct bgv_noise a);
/* Whether a ciphertext of that noise decrypts at `limbs` limbs (union over N coefficients). */
bool bgv_noise_fits(const struct bgv_params *p, unsigned limbs, struct bgv_noise a);
/* By how many bits it could be larger and still fit (negative: does not). */
double bgv_noise_margin(const struct bgv_params *p, unsigned limbs, struct bgv_noise a);
/* log2 of the failure probability at that point. */
double bgv_noise_failure_log2(const struct bgv_params *p, unsigned limbs, struct bgv_noise a);

#endif

/* The noise of BGV ciphertexts, by formula. Pure functions, no data: planners run them first.
 *
 * The noise of a ciphertext is w = m + t e, its coefficients taken as centred random variables;
 * what is kept is log2 of an upper estimate of their standard deviation. Decryption is right while
 * every |w_i| < Q / 2; with Gaussian tails that fails with probability below 2^-128 for N
 * coefficients if log2 Q - 1 >= log2_deviation + log2(13.3...), bgv_noise_fits.
 */
#ifndef BGV_NOISE_H
#define BGV_NOISE_H

#include <stdbool.h>

struct bgv_params;

struct bgv_noise {
	double log2_deviation; /* of a coefficient of m + t e */
};

struct bgv_noise bgv_noise_fresh(const struct bgv_params *p);
/* Sums: of independent terms (variances add), of terms that may share parts (deviations add). */
struct bgv_noise bgv_noise_add(struct bgv_noise a, struct bgv_noise b);
struct bgv_noise bgv_noise_add_dependent(struct bgv_noise a, struct bgv_noise b);
struct bgv_noise bgv_noise_scale(struct bgv_noise a, double factor); /* |factor| times */
/* A product, operands possibly the same. */
struct bgv_noise bgv_noise_mul(const struct bgv_params *p, struct bgv_noise a, struct bgv_noise b);
/* With a plaintext polynomial of uniform coefficients modulo t. */
struct bgv_noise bgv_noise_mul_plain(const struct bgv_params *p, struct bgv_noise a);
/* Key switching (relinearisation, automorphism) at `limbs` limbs. */
struct bgv_noise bgv_noise_key_switch(
	const struct bgv_params *p, unsigned limbs, struct bgv_noise a);
/* Dropping the last of `limbs` limbs. */
struct bgv_noise bgv_noise_mod_switch(
	const struct bgv_params *p, unsigned limbs, struct bgv_noise a);
/* Of each of `count` scalars expanded from a fresh ciphertext at `limbs` limbs. */
struct bgv_noise bgv_noise_expand(const struct bgv_params *p, unsigned limbs, unsigned count);
/* One limb to the answer's modulus; does it decrypt with probability 1 - 2^-128? */
bool bgv_noise_answer_fits(const struct bgv_params *p, struct bgv_noise a);
/* Whether a ciphertext of that noise decrypts at `limbs` limbs (union over N coefficients). */
bool bgv_noise_fits(const struct bgv_params *p, unsigned limbs, struct bgv_noise a);
/* By how many bits it could be larger and still fit (negative: does not). */
double bgv_noise_margin(const struct bgv_params *p, unsigned limbs, struct bgv_noise a);
/* log2 of the failure probability at that point. */
double bgv_noise_failure_log2(const struct bgv_params *p, unsigned limbs, struct bgv_noise a);

#endif

/* What a parameter set promises, computed from its numbers: the variance every step adds, the
 * probability that a bootstrap fails, and whether the noise is enough for 128-bit security.
 *
 * Variances are on the torus (1 = the whole circle). The formulas are those of the TFHE literature
 * (Chillotti, Gama, Georgieva, Izabachene 2020, as refined by Bergerat et al. 2023 and published
 * with TFHE-rs), for our representation: ciphertexts between operations and the key-switch key
 * modulo 2^32, bootstrap key sampled modulo 2^64 and multiplied in f64. tests/tfhe/test_noise.c
 * measures all of them on real keys. Pure functions.
 */
#ifndef TFHE_NOISE_H
#define TFHE_NOISE_H

#include "tfhe/params.h"

/* Noise of what the owner encrypts modulo 2^32 under the GLWE key: that of the set, but at least
 * the estimator's floor of 4 units of 2^-32. Samples are taken at 2^-64 and rounded. */
struct noise_distribution tfhe_fresh_distribution(const struct tfhe_params *p);

double tfhe_noise_fresh(const struct tfhe_params *p);	/* tfhe_encrypt_lwe */
double tfhe_noise_seeded(const struct tfhe_params *p);	/* seeded GLWE, bodies of 16 bits */
double tfhe_noise_compact(const struct tfhe_params *p); /* honest public-key encryption, 16 bits */
double tfhe_noise_bootstrap(const struct tfhe_params *p); /* output of one bootstrap: "1 unit" */
double tfhe_noise_bootstrap_fft(const struct tfhe_params *p); /* the part of f64 arithmetic */
double tfhe_noise_keyswitch(const struct tfhe_params *p);
double tfhe_noise_modulus_switch(const struct tfhe_params *p); /* centred mean */
double tfhe_noise_pack(const struct tfhe_params *p);	       /* added by tfhe_pack */
/* Added by tfhe_compress to 2^log2. */
double tfhe_noise_compress(const struct tfhe_params *p, unsigned log2);
double tfhe_noise_pack_fft(const struct tfhe_params *p); /* the part of f64 arithmetic */

/* log2 of the probability that one bootstrap decodes wrongly when its input carries `units` times
 * the noise of a bootstrap output. Never underflows. */
double tfhe_failure_log2(const struct tfhe_params *p, double units);
/* The same for any variance in front of the rounding to a look-up table's boxes. */
double tfhe_failure_of_variance_log2(const struct tfhe_params *p, double variance);
/* Largest number of units with a failure probability of at most 2^-128. */
unsigned tfhe_units_at_128(const struct tfhe_params *p);

/* Smallest variance that gives an LWE sample of this dimension (n, or kN) modulo 2^q_log2 132 bits
 * of security with a binary secret: the fit of the lattice estimator published with TFHE-rs. */
double tfhe_minimum_variance(enum noise_kind kind, unsigned dimension, unsigned q_log2);

/* AMT_UNSUPPORTED unless the failure probability at max_noise is at most 2^-128 and, but for toy
 * sets, the noise reaches the security curve. Also checks every number against what the code can
 * do. */
amt_status tfhe_params_check(const struct tfhe_params *p);

#endif

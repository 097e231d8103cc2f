#include "tfhe/noise.h"

#include <math.h>

enum { CIPHERTEXT_LOG2 = 32, KEY_LOG2 = 64, BODY_LOG2 = 16, FLOOR_UNITS = 4 };
static const double failure_limit_log2 = -128;

static double square(double x)
{
	return x * x;
}
/* Variance of the digits of a balanced decomposition in base B, ties counted. */
static double digits(unsigned base_log2)
{
	return exp2(2.0 * base_log2) / 12 + 1.0 / 6;
}
static double big_dimension(const struct tfhe_params *p)
{
	return tfhe_big_dimension(p);
}
/* Rounding a ciphertext of dimension d to multiples of `unit`: body, and mask times a binary key.
 */
static double rounding(double dimension, double unit)
{
	return square(unit) / 12 * (1 + dimension / 2);
}

struct noise_distribution tfhe_fresh_distribution(const struct tfhe_params *p)
{
	struct noise_distribution d = p->glwe_noise;
	if (d.kind == NOISE_TUNIFORM && d.bound_log2 < 3 + CIPHERTEXT_LOG2)
		d.bound_log2 = 3 + CIPHERTEXT_LOG2; /* TU(3): deviation 4.6 units */
	if (d.kind == NOISE_GAUSSIAN && d.sigma < FLOOR_UNITS * exp2(-CIPHERTEXT_LOG2))
		d.sigma = FLOOR_UNITS * exp2(-CIPHERTEXT_LOG2);
	return d;
}

/* Rounding TU(b) from 2^-64 to 2^-32 gives TU(b - 32) modulo 2^32; a Gaussian gains the rounding. */
double tfhe_noise_fresh(const struct tfhe_params *p)
{
	struct noise_distribution d = tfhe_fresh_distribution(p);
	if (d.kind == NOISE_GAUSSIAN)
		return noise_variance(&d) + exp2(-2 * CIPHERTEXT_LOG2) / 12;
	d.bound_log2 -= KEY_LOG2 - CIPHERTEXT_LOG2;
	return noise_variance(&d) * exp2(2 * (KEY_LOG2 - CIPHERTEXT_LOG2));
}

double tfhe_noise_seeded(const struct tfhe_params *p)
{
	return tfhe_noise_fresh(p) + exp2(-2 * BODY_LOG2) / 12;
}

/* E R + E2 - E1 S, R and S binary, and the rounding of all words to their upper halves. */
double tfhe_noise_compact(const struct tfhe_params *p)
{
	double products = (tfhe_poly_size(p) + big_dimension(p)) / 2;
	return tfhe_noise_fresh(p) * (1 + products) + rounding(big_dimension(p), exp2(-BODY_LOG2));
}

/* f64 arithmetic of one external product: what TFHE-rs publishes as a fit of its measurements, with
 * the factor of our least exact kernel (portable: 0.0100, where TFHE-rs has 0.00705; FMA helps). Most
 * of it is the error of the mask columns, which decryption multiplies by the key. */
static double external_product_fft(const struct tfhe_params *p)
{
	double size = tfhe_poly_size(p);
	return 0.0100 * exp2(2 * (KEY_LOG2 - 53)) * exp2(2.0 * p->pbs_base_log2 - 2 * KEY_LOG2) *
	       pow(p->pbs_levels, 1.01827) * pow(p->k, 1.22003) * pow(size, 2.22003) *
	       pow(p->k + 1, 1.01827);
}

/* How much larger than one GGSW's the variance of a step's bundle is: every subset's GGSW comes times
 * X^a - 1, which doubles it. */
static double bundle(const struct tfhe_params *p)
{
	return 2.0 * tfhe_subsets(p);
}

double tfhe_noise_bootstrap_fft(const struct tfhe_params *p)
{
	if (tfhe_group(p) == 1)
		return p->n * external_product_fft(p);
	return tfhe_steps(p) * bundle(p) * external_product_fft(p);
}

/* A step of grouped keys differs from a CMUX twice: its GGSW is a bundle, and the accumulator it
 * rounds to digits is not multiplied by a key bit, so that the rounding error counts in full. */
static double grouped_bootstrap(const struct tfhe_params *p)
{
	double cut = exp2(-2.0 * p->pbs_base_log2 * p->pbs_levels);
	double key = bundle(p) * (p->k + 1.0) * tfhe_poly_size(p) * noise_variance(&p->glwe_noise) *
		     digits(p->pbs_base_log2);
	double decomposition = rounding(big_dimension(p), sqrt(cut));
	double accumulator = rounding(big_dimension(p), exp2(-CIPHERTEXT_LOG2));
	return tfhe_steps(p) * (key + decomposition + accumulator) + tfhe_noise_bootstrap_fft(p);
}

double tfhe_noise_bootstrap(const struct tfhe_params *p)
{
	if (tfhe_group(p) > 1)
		return grouped_bootstrap(p);
	double cut = exp2(-2.0 * p->pbs_base_log2 * p->pbs_levels);
	double q = exp2(-2 * CIPHERTEXT_LOG2);
	double key = p->pbs_levels * (p->k + 1.0) * tfhe_poly_size(p) *
		     noise_variance(&p->glwe_noise) * digits(p->pbs_base_log2);
	double decomposition = big_dimension(p) / 2 * (q / 48 + cut / 24) + cut / 24 - q / 24;
	double accumulator = rounding(big_dimension(p), exp2(-CIPHERTEXT_LOG2));
	return p->n * (key + decomposition + accumulator) + tfhe_noise_bootstrap_fft(p);
}

double tfhe_noise_keyswitch(const struct tfhe_params *p)
{
	double q = exp2(-2 * CIPHERTEXT_LOG2);
	double cut = exp2(-2.0 * p->ks_base_log2 * p->ks_levels);
	double row = noise_variance(&p->lwe_noise);
	if (tfhe_ks_word_log2(p) < CIPHERTEXT_LOG2)
		row += rounding(p->n, exp2(-(double)tfhe_ks_word_log2(p)));
	return p->ks_levels * big_dimension(p) * row * digits(p->ks_base_log2) +
	       big_dimension(p) * (q / 48 + cut / 24);
}

/* The published formula. It leaves out the rounding of the body, 1/12 of a squared unit or 0.4 % (half a
 * bit of the failure probability); a Gaussian of the rest overestimates its tail by more, as the rest
 * is a sum of n uniform terms: excess kurtosis -1.2 / n, worth 1.4 bits at 13 deviations. */
double tfhe_noise_modulus_switch(const struct tfhe_params *p)
{
	/* Grouped keys: the least circular variance of the sums of the subsets of three uniform
	 * words, over 6e7 samples, to 5e-5 of itself; tests measure it again. */
	if (tfhe_group(p) > 1)
		return tfhe_steps(p) * (0.053427 * square(0.5 / tfhe_poly_size(p)));
	return p->n * (exp2(-2 * CIPHERTEXT_LOG2) / 24 + square(0.5 / tfhe_poly_size(p)) / 48);
}

/* One key switch of a GLWE mask by k * levels rows, log2 N times on the way to the root of the
 * packing tree; what came before passes through unchanged. The mask is a difference of two halved
 * ones, so that its first digits have half the variance of uniform ones. */
double tfhe_noise_pack(const struct tfhe_params *p)
{
	double cut = exp2(-2.0 * p->pbs_base_log2 * p->pbs_levels);
	double key = (p->pbs_levels - 0.5) * big_dimension(p) * noise_variance(&p->glwe_noise) *
		     digits(p->pbs_base_log2);
	double decomposition = big_dimension(p) * (exp2(-2 * CIPHERTEXT_LOG2) / 48 + cut / 24);
	double words = rounding(big_dimension(p), exp2(-CIPHERTEXT_LOG2)) * 7; /* halving: 6 */
	return p->n_poly_log2 * (key + decomposition + words) + tfhe_noise_pack_fft(p);
}

/* Errors e of the masks times S - 1/2, and the rounding of the body. */
double tfhe_noise_compress(const struct tfhe_params *p, unsigned log2)
{
	return exp2(-2.0 * log2) / 12 * (1 + big_dimension(p) / 4);
}

double tfhe_noise_pack_fft(const struct tfhe_params *p)
{
	return p->n_poly_log2 * external_product_fft(p) * (p->pbs_levels - 0.5) / p->pbs_levels *
	       p->k / (p->k + 1);
}

/* log2 erfc(x): the asymptotic series where erfc itself leaves the normal range. */
static double erfc_log2(double x)
{
	if (x < 20)
		return log2(erfc(x));
	double y = 1 / (2 * square(x));
	return -square(x) * M_LOG2E - log2(x * sqrt(M_PI)) + log2(1 - y + 3 * y * y);
}

double tfhe_failure_of_variance_log2(const struct tfhe_params *p, double variance)
{
	double half_box = exp2(-(double)(p->precision_log2 + 2));
	return erfc_log2(half_box / sqrt(2 * variance));
}

double tfhe_failure_log2(const struct tfhe_params *p, double units)
{
	return tfhe_failure_of_variance_log2(p, units * tfhe_noise_bootstrap(p) +
							tfhe_noise_keyswitch(p) +
							tfhe_noise_modulus_switch(p));
}

unsigned tfhe_units_at_128(const struct tfhe_params *p)
{
	unsigned low = 0, high = 1u << 20;
	while (low + 1 < high) {
		unsigned middle = (low + high) / 2;
		if (tfhe_failure_log2(p, middle) <= failure_limit_log2)
			low = middle;
		else
			high = middle;
	}
	return low;
}

double tfhe_minimum_variance(enum noise_kind kind, unsigned dimension, unsigned q_log2)
{
	if (kind == NOISE_GAUSSIAN)
		return exp2(4 - 2.0 * q_log2) +
		       exp2(5.31469187675068 - 0.0497829131652661 * dimension);
	double bound = ceil(-0.025167785 * dimension + q_log2 + 4.100671);
	if (bound < 3)
		bound = 3;
	return (exp2(2 * bound + 1) + 1) / 6 * exp2(-2.0 * q_log2);
}

amt_status tfhe_params_check(const struct tfhe_params *p)
{
	ENSURE(p->n >= 1 && p->n <= 2048 && p->k == 1 && p->n_poly_log2 >= 8 &&
			p->n_poly_log2 <= 13,
		AMT_UNSUPPORTED, "parameter set %s: dimensions", p->name);
	ENSURE(p->pbs_base_log2 >= 1 && p->pbs_levels >= 1 &&
			p->pbs_base_log2 * p->pbs_levels <= CIPHERTEXT_LOG2 &&
			p->ks_base_log2 >= 1 && p->ks_levels >= 1 &&
			p->ks_base_log2 * p->ks_levels <= CIPHERTEXT_LOG2,
		AMT_UNSUPPORTED, "parameter set %s: decompositions", p->name);
	ENSURE(p->precision_log2 == 4, AMT_UNSUPPORTED, "parameter set %s: precision", p->name);
	double failure = tfhe_failure_log2(p, p->max_noise);
	ENSURE(failure <= failure_limit_log2, AMT_UNSUPPORTED,
		"parameter set %s fails with probability 2^%.1f at %u units of noise", p->name,
		failure, p->max_noise);
	if (p->toy)
		return STATUS_OK;
	/* The small key also serves the key-switch key, modulo 2^32. The curves and the sets give
	 * the same figures to about 12 digits. */
	double slack = 1 - 1e-9;
	ENSURE(noise_variance(&p->lwe_noise) >=
				slack * tfhe_minimum_variance(p->lwe_noise.kind, p->n, KEY_LOG2) &&
			noise_variance(&p->glwe_noise) >=
				slack * tfhe_minimum_variance(p->glwe_noise.kind,
						tfhe_big_dimension(p), KEY_LOG2),
		AMT_UNSUPPORTED, "parameter set %s is below 128 bits of security", p->name);
	return STATUS_OK;
}

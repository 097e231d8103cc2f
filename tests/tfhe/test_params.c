/* The shipped sets against the published figures, and the limits. This program is linked without toy
 * sets, like the product. */
#include "documented.h"
#include "toy_params.h"

#include "tfhe/evaluation_key.h"
#include "tfhe/noise.h"
#include "tfhe/secret.h"
#include "crypto/wire.h"

#include <math.h>

static void near(const char *what, double got, double want, double within)
{
	if (!(fabs(got - want) <= within))
		fail_msg("%s: %.4f instead of %.4f", what, got, want);
}

/* With the published factor of f64 arithmetic in place of ours. */
static double published(uint16_t id, double units)
{
	const struct tfhe_params *p = tfhe_params_find(id);
	double fft = tfhe_noise_bootstrap_fft(p);
	double bootstrap = tfhe_noise_bootstrap(p) - fft + fft * 0.00705 / 0.0100;
	return tfhe_failure_of_variance_log2(
		p, units * bootstrap + tfhe_noise_keyswitch(p) + tfhe_noise_modulus_switch(p));
}

/* TFHE-rs publishes 2^-129.5815 and 2^-128.5968 for its two sets. */
static void failure_probabilities(void **state)
{
	(void)state;
	near("T1", published(1, 150), -129.79, 0.01);
	near("T2", published(2, 150), -129.80, 0.01);
	near("TU-918", published(3, 25), -129.5815, 0.001);
	near("G-866", published(4, 25), -128.5968, 0.001);
	near("T1 here", tfhe_failure_log2(tfhe_params_find(1), 150), -128.36, 0.01);
	near("T2 here", tfhe_failure_log2(tfhe_params_find(2), 150), -128.43, 0.01);
	near("M3 here", tfhe_failure_log2(tfhe_params_find(TFHE_PARAMS_GROUPED), 150), -128.81,
		0.01);
	near("TU-918 here", tfhe_failure_log2(tfhe_params_find(3), 25), -129.34, 0.01);
	near("G-866 here", tfhe_failure_log2(tfhe_params_find(4), 25), -128.37, 0.01);
	for (size_t i = 0; tfhe_params_at(i) != NULL; i++) {
		const struct tfhe_params *p = tfhe_params_at(i);
		assert_true(tfhe_units_at_128(p) >= p->max_noise);
		assert_true(tfhe_failure_log2(p, tfhe_units_at_128(p)) <= -128);
		assert_true(tfhe_failure_log2(p, tfhe_units_at_128(p) + 1) > -128);
	}
}

/* Parts of the published default, as verified against TFHE-rs. */
static void variances(void **state)
{
	(void)state;
	const struct tfhe_params *p = tfhe_params_find(3);
	double fft = tfhe_noise_bootstrap_fft(p), factor = 0.00705 / 0.0100;
	near("bootstrap", log2(tfhe_noise_bootstrap(p) - fft + fft * factor), -29.65, 0.01);
	near("its f64 part", log2(fft * factor), -31.87, 0.01);
	near("key switch", log2(tfhe_noise_keyswitch(p)), -22.03, 0.01);
	near("modulus switch", log2(tfhe_noise_modulus_switch(p)), -19.74, 0.01);
	near("seeded bodies", log2(tfhe_noise_seeded(p)), -35.6, 0.05);
}

/* erfc in logarithm: against libm where that has digits, against the leading term beyond. */
static void no_underflow(void **state)
{
	(void)state;
	const struct tfhe_params *p = tfhe_params_find(2);
	double half_box = exp2(-6);
	for (double x = 0.5; x < 26; x += 0.5) {
		double v = half_box * half_box / (2 * x * x);
		near("erfc", tfhe_failure_of_variance_log2(p, v), log2(erfc(x)), 1e-6);
	}
	near("far tail", tfhe_failure_of_variance_log2(p, half_box * half_box / 2e6),
		-1e6 * M_LOG2E - log2(1000 * sqrt(M_PI)), 0.01);
}

static void security(void **state)
{
	(void)state;
	/* The curves give the published bounds and deviations. */
	near("TU 918", log2(tfhe_minimum_variance(NOISE_TUNIFORM, 918, 64)),
		2 * 45 + 1 - log2(6) - 128, 1e-9);
	near("TU 879", log2(tfhe_minimum_variance(NOISE_TUNIFORM, 879, 64)),
		2 * 46 + 1 - log2(6) - 128, 1e-9);
	near("TU 2048", log2(tfhe_minimum_variance(NOISE_TUNIFORM, 2048, 64)),
		2 * 17 + 1 - log2(6) - 128, 1e-9);
	near("G 866", log2(tfhe_minimum_variance(NOISE_GAUSSIAN, 866, 64)),
		2 * log2(2.046151696979124e-6), 1e-9);
	near("G 2048", log2(tfhe_minimum_variance(NOISE_GAUSSIAN, 2048, 64)),
		2 * log2(2.845267479601915e-15), 1e-9);
	for (size_t i = 0; tfhe_params_at(i) != NULL; i++) {
		const struct tfhe_params *p = tfhe_params_at(i);
		OK(tfhe_params_check(p));
		/* What the owner encrypts lives modulo 2^32, and so does the key-switch key. */
		double one = 1 - 1e-6;
		assert_true(tfhe_noise_fresh(p) >= one * tfhe_minimum_variance(p->glwe_noise.kind,
								 tfhe_big_dimension(p), 32));
		/* Rounding from 2^-64 to 2^-32 changes the variance by less than 2^-20. */
		assert_true(noise_variance(&p->lwe_noise) >=
			    one * tfhe_minimum_variance(p->lwe_noise.kind, p->n, 32));
	}
}

static void refusals(void **state)
{
	(void)state;
	const struct tfhe_params good = *tfhe_params_find(TFHE_DEFAULT_PARAMS);
	struct tfhe_params p = good;
	p.max_noise = tfhe_units_at_128(&good) + 1;
	FAILS(AMT_UNSUPPORTED, tfhe_params_check(&p));
	p = good;
	p.lwe_noise.bound_log2--;
	FAILS(AMT_UNSUPPORTED, tfhe_params_check(&p));
	p = good;
	p.glwe_noise.bound_log2--;
	FAILS(AMT_UNSUPPORTED, tfhe_params_check(&p));
	p = good;
	p.n -= 20; /* 859: the step to TU(47) */
	FAILS(AMT_UNSUPPORTED, tfhe_params_check(&p));
}

static void ids(void **state)
{
	(void)state;
	static const char *const names[] = {"T1", "T2", "TFHE-RS-TU-918", "TFHE-RS-G-866", "M3"};
	for (uint16_t id = 1; id <= 5; id++) {
		assert_string_equal(tfhe_params_find(id)->name, names[id - 1]);
		assert_int_equal(tfhe_params_find(id)->id, id);
	}
	assert_int_equal(TFHE_DEFAULT_PARAMS, 2);
	assert_null(tfhe_params_find(0));
	assert_null(tfhe_params_find(6));
}

/* Without the test file that holds them there are no toy sets: not by id, not by pointer, not in a key
 * file. */
static void no_toys(void **state)
{
	(void)state;
	struct tfhe_secret *s;
	assert_null(tfhe_params_find(TOY_PARAMS));
	assert_null(tfhe_params_find(TOY_PARAMS_GAUSSIAN));
	struct tfhe_params toy = *tfhe_params_find(TFHE_DEFAULT_PARAMS);
	toy.id = TOY_PARAMS;
	toy.toy = true;
	FAILS(AMT_FOREIGN_PARAMETERS, tfhe_secret_new(&s, &toy));
	uint8_t raw[100] = {TOY_PARAMS & 255, TOY_PARAMS >> 8};
	FAILS(AMT_FOREIGN_PARAMETERS, tfhe_secret_import(&s, span_of(raw, sizeof(raw))));
}

static void put_noise(struct buf *out, const struct noise_distribution *d)
{
	if (d->kind == NOISE_TUNIFORM)
		OK(buf_printf(out, " TU(%u) |", d->bound_log2));
	else
		OK(buf_printf(out, " Gaussian 2^%.2f |", log2(d->sigma)));
}

/* The tables of docs/parameters.md are what the code computes. */
static void documented(void **state)
{
	(void)state;
	struct buf table = {0};
	OK(buf_printf(&table,
		"| id | set | n | group | N | LWE noise | GLWE noise | bootstrap | key switch |\n"
		"|---|---|---|---|---|---|---|---|---|\n"));
	for (size_t i = 0; tfhe_params_at(i) != NULL; i++) {
		const struct tfhe_params *p = tfhe_params_at(i);
		OK(buf_printf(&table, "| %u | %s | %u | %u | %u |", p->id, p->name, p->n,
			tfhe_group(p), tfhe_poly_size(p)));
		put_noise(&table, &p->lwe_noise);
		put_noise(&table, &p->glwe_noise);
		OK(buf_printf(&table, " (%u, %u) | (%u, %u) |\n", p->pbs_base_log2, p->pbs_levels,
			p->ks_base_log2, p->ks_levels));
	}
	OK(buf_printf(&table,
		"\n| set | bootstrap | key switch | modulus switch | packing | limit | failure at the "
		"limit | failure of a clean input | key file |\n"
		"|---|---|---|---|---|---|---|---|---|\n"));
	for (size_t i = 0; tfhe_params_at(i) != NULL; i++) {
		const struct tfhe_params *p = tfhe_params_at(i);
		OK(buf_printf(&table,
			"| %s | 2^%.2f | 2^%.2f | 2^%.2f | 2^%.2f | %u units | 2^%.2f | 2^%.2f | "
			"%.1f MB |\n",
			p->name, log2(tfhe_noise_bootstrap(p)), log2(tfhe_noise_keyswitch(p)),
			log2(tfhe_noise_modulus_switch(p)), log2(tfhe_noise_pack(p)), p->max_noise,
			tfhe_failure_log2(p, p->max_noise), tfhe_failure_log2(p, 1),
			(double)(WIRE_HEADER_BYTES + evaluation_key_layout(p).total) / 1e6));
	}
	check_documented(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failure_probabilities),
		cmocka_unit_test(variances),
		cmocka_unit_test(no_underflow),
		cmocka_unit_test(security),
		cmocka_unit_test(refusals),
		cmocka_unit_test(ids),
		cmocka_unit_test(no_toys),
		cmocka_unit_test(documented),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

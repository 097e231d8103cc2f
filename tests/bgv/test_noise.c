/* Measured noise against the estimates: never above, and less than 4 bits below. AMT_NOISE_TABLE=1
 * prints all of it. */
#include "fixture.h"

static bool table;

static void check(const char *what, double measured, double estimate)
{
	if (table)
		print_message("%-44s measured %6.2f, estimate %6.2f, slack %5.2f\n", what, measured,
			estimate, estimate - measured);
	/* N coefficients give their deviation to 1 / sqrt(2 N). */
	if (!(measured <= estimate + 0.03))
		fail_msg("%s: noise 2^%.2f, estimate only 2^%.2f", what, measured, estimate);
	if (!(estimate - measured < 4))
		fail_msg("%s: noise 2^%.2f, estimate 2^%.2f", what, measured, estimate);
}

static void check_ct(const struct bgv_fixture *f, const char *what, const struct bgv_ct *ct)
{
	check(what, fixture_deviation(f, ct), ct->noise.log2_deviation);
}

static struct bgv_ct uniform(struct bgv_fixture *f, unsigned limbs)
{
	uint64_t *m = fixture_uniform(f);
	struct bgv_ct ct = fixture_encrypt(f, limbs, m);
	mem_free_aligned(m, 0);
	return ct;
}

static void relinearise(struct bgv_fixture *f, struct bgv_ct *ct)
{
	OK(bgv_relinearise(f->ring, f->keys, &ct, 1, f->pool));
}

static struct bgv_ct product(struct bgv_fixture *f, const struct bgv_ct *a, const struct bgv_ct *b)
{
	struct bgv_ct out;
	OK(bgv_ct_new(&out, f->ring, a->limbs < b->limbs ? a->limbs : b->limbs, 3));
	bgv_mul(f->ring, &out, a, b);
	return out;
}

static void single_steps(struct bgv_fixture *f)
{
	struct bgv_ct a = uniform(f, f->params.limbs), b = uniform(f, f->params.limbs);
	check_ct(f, "fresh", &a);
	struct bgv_ct c = product(f, &a, &b);
	check_ct(f, "product of fresh ones", &c);
	check("product with a fresh one", fixture_deviation(f, &c),
		bgv_noise_mul_fresh(&f->params, a.noise).log2_deviation);
	relinearise(f, &c);
	check_ct(f, "relinearised", &c);
	OK(bgv_mod_switch(f->ring, &c, NULL));
	check_ct(f, "switched", &c);
	struct bgv_ct square = product(f, &c, &c);
	check_ct(f, "square of switched", &square);
	OK(bgv_mod_switch(f->ring, &square, NULL));
	check_ct(f, "three parts switched", &square);
	struct bgv_ct plain = fixture_room(f);
	uint64_t *mask = fixture_uniform(f);
	OK(bgv_mul_plain(f->ring, &plain, &c, mask));
	check_ct(f, "times a plain polynomial", &plain);
	OK(bgv_mul_plain(f->ring, &plain, &a, mask));
	check_ct(f, "fresh times a plain polynomial", &plain);
	bgv_affine(f->ring, &plain, &a, 77, 12345);
	check_ct(f, "affine", &plain);
	uint32_t element = bgv_rotation(f->ring, (unsigned)f->ring->n / 4);
	OK(bgv_automorphism(f->ring, f->keys, &plain, &a, element, NULL));
	check_ct(f, "fresh, automorphism", &plain);
	OK(bgv_automorphism(f->ring, f->keys, &plain, &c, element, NULL));
	check_ct(f, "switched, automorphism", &plain);
	bgv_add(f->ring, &plain, &plain, &c);
	check_ct(f, "folded once", &plain);
	bgv_ct_free(&a);
	bgv_ct_free(&b);
	bgv_ct_free(&c);
	bgv_ct_free(&square);
	bgv_ct_free(&plain);
	mem_free_aligned(mask, 0);
}

/* Adding the rotations by N/4, N/8, ...: some coefficients double each time, most do not. */
static void folds(struct bgv_fixture *f)
{
	struct bgv_ct a = uniform(f, 2), image = fixture_room(f);
	uint64_t *m = fixture_polynomial(f);
	double most;
	OK(bgv_mod_switch(f->ring, &a, NULL));
	for (unsigned i = 1; i <= 5; i++) {
		char what[40];
		(void)snprintf(what, sizeof(what), "folded by 2^%u", i);
		OK(bgv_automorphism(f->ring, f->keys, &image, &a,
			bgv_rotation(f->ring, (unsigned)(f->ring->n >> 1 >> i)), f->pool));
		struct bgv_noise both = bgv_noise_add_dependent(a.noise, image.noise);
		bgv_add(f->ring, &a, &a, &image);
		a.noise = both;
		check_ct(f, what, &a);
		OK(bgv_decrypt(f->secret, &a, m, &most));
		assert_true(most < both.log2_deviation + 2.6);
	}
	bgv_ct_free(&a);
	bgv_ct_free(&image);
	mem_free_aligned(m, 0);
}

/* Down all the limbs: squares, and products of different ciphertexts with the same history. */
static void chains(struct bgv_fixture *f, bool squares)
{
	struct bgv_ct a = uniform(f, f->params.limbs), b = uniform(f, f->params.limbs);
	for (unsigned depth = 1; a.limbs > 1; depth++) {
		char what[60];
		struct bgv_ct x = product(f, &a, squares ? &a : &b), y = product(f, &b, &b);
		relinearise(f, &x);
		relinearise(f, &y);
		(void)snprintf(what, sizeof(what), "%s of depth %u", squares ? "square" : "product",
			depth);
		check_ct(f, what, &x);
		OK(bgv_mod_switch(f->ring, &x, f->pool));
		OK(bgv_mod_switch(f->ring, &y, f->pool));
		(void)snprintf(what, sizeof(what), "%s of depth %u, switched",
			squares ? "square" : "product", depth);
		check_ct(f, what, &x);
		bgv_ct_free(&a);
		bgv_ct_free(&b);
		a = x;
		b = y;
	}
	bgv_ct_free(&a);
	bgv_ct_free(&b);
}

/* Without switches the powers of the secret grow. */
static void powers(struct bgv_fixture *f)
{
	struct bgv_ct a = uniform(f, f->params.limbs);
	OK(bgv_mod_switch(f->ring, &a, NULL));
	for (unsigned depth = 1; depth <= 2; depth++) {
		char what[60];
		struct bgv_ct x = product(f, &a, &a);
		(void)snprintf(what, sizeof(what), "power %u without a switch", 1u << depth);
		relinearise(f, &x);
		check_ct(f, what, &x);
		bgv_ct_free(&a);
		a = x;
	}
	bgv_ct_free(&a);
}

static void expansions(struct bgv_fixture *f, unsigned count, unsigned limbs)
{
	char what[60];
	size_t n = f->ring->n;
	struct bgv_ct *out = calloc(count, sizeof(*out)), packed = uniform(f, limbs);
	OK(bgv_expand(f->ring, f->keys, out, &packed, count, f->pool));
	for (unsigned i = 0; i < count; i += count - 1) {
		double *magnitude = calloc(n, sizeof(*magnitude)), sum = 0, worst = 0;
		uint64_t *m = fixture_polynomial(f);
		OK(bgv_decrypt_measured(f->secret, &out[i], m, NULL, magnitude));
		for (size_t k = 0; k < n; k++) {
			sum += magnitude[k] * magnitude[k];
			if (k % count == 0)
				worst += magnitude[k] * magnitude[k];
		}
		(void)snprintf(what, sizeof(what), "scalar %u of %u", i, count);
		check(what, 0.5 * log2(sum / (double)n), out[i].noise.log2_deviation);
		(void)snprintf(what, sizeof(what), "scalar %u of %u, every %uth", i, count, count);
		/* Few coefficients: three of their own deviations. */
		check(what,
			0.5 * log2(worst * count / (double)n) - 4.3 / sqrt(2.0 * (double)n / count),
			out[i].noise.log2_deviation + out[i].noise.log2_peak);
		free(magnitude);
		mem_free_aligned(m, 0);
	}
	/* A leaf: a sum of products with fresh ciphertexts, switched once. */
	struct bgv_ct sum = {0}, term;
	for (unsigned i = 0; i < 16; i++) {
		struct bgv_ct e = uniform(f, limbs);
		term = product(f, &e, &out[i]);
		term.noise = bgv_noise_mul_fresh(&f->params, out[i].noise);
		if (i == 0) {
			sum = term;
		} else {
			bgv_add(f->ring, &sum, &sum, &term);
			bgv_ct_free(&term);
		}
		bgv_ct_free(&e);
	}
	(void)snprintf(what, sizeof(what), "leaf of 16 of %u scalars", count);
	relinearise(f, &sum);
	check_ct(f, what, &sum);
	OK(bgv_mod_switch(f->ring, &sum, NULL));
	(void)snprintf(what, sizeof(what), "leaf of 16 of %u scalars, switched", count);
	check_ct(f, what, &sum);
	bgv_ct_free(&sum);
	for (unsigned i = 0; i < count; i++)
		bgv_ct_free(&out[i]);
	bgv_ct_free(&packed);
	free(out);
}

/* The answer's noise is known by its largest coefficient: some 4 deviations. */
static void answers(struct bgv_fixture *f)
{
	struct buf bytes = {0};
	uint64_t *m = fixture_polynomial(f);
	struct bgv_ct a = uniform(f, 2);
	double most;
	OK(bgv_mod_switch(f->ring, &a, NULL));
	OK(bgv_answer_put(f->ring, &a, &bytes));
	OK(bgv_answer_decrypt(f->secret, buf_span(&bytes), m, &most));
	check("answer, largest", most - 2.5,
		bgv_noise_mod_switch(&f->params, 1, a.noise).log2_deviation);
	buf_free(&bytes);
	mem_free_aligned(m, 0);
	bgv_ct_free(&a);
}

static void whole_ring(const struct bgv_params *p, unsigned limbs, unsigned most_scalars)
{
	struct bgv_fixture f;
	struct bgv_params params = *p;
	params.limbs = limbs;
	fixture_open(&f, params,
		(struct bgv_keys_wanted){
			.limbs = limbs, .expand_log2 = most_scalars, .fold_log2 = 5});
	single_steps(&f);
	folds(&f);
	chains(&f, true);
	chains(&f, false);
	powers(&f);
	for (unsigned i = 4; i <= most_scalars; i += 2)
		expansions(&f, 1u << i, limbs < 6 ? limbs : 6);
	answers(&f);
	fixture_close(&f);
}

static void b13(void **state)
{
	(void)state;
	whole_ring(bgv_params_for(13), 4, light() ? 4 : 8);
}

static void b14(void **state)
{
	(void)state;
	whole_ring(bgv_params_for(14), light() ? 4 : 10, light() ? 4 : 8);
}

/* Keys for all twenty limbs are of 200 MB each: a few limbs with automorphisms, all without. */
static void b15(void **state)
{
	(void)state;
	if (light())
		return;
	whole_ring(bgv_params_for(15), 5, 4);
	struct bgv_fixture f;
	const struct bgv_params *p = bgv_params_for(15);
	fixture_open(&f, *p, (struct bgv_keys_wanted){.limbs = p->limbs});
	chains(&f, false);
	fixture_close(&f);
}

/* The tail: its inverse, its limits. */
static void failures(void **state)
{
	(void)state;
	for (size_t i = 0; bgv_params_at(i) != NULL; i++) {
		const struct bgv_params *p = bgv_params_at(i);
		for (unsigned limbs = 1; limbs <= p->limbs; limbs++) {
			struct bgv_noise a = bgv_noise_fresh(p);
			double margin = bgv_noise_margin(p, limbs, a);
			struct bgv_noise least = a, more = a;
			least.log2_deviation += margin - 1e-6;
			more.log2_deviation += margin + 1e-6;
			assert_true(bgv_noise_fits(p, limbs, a));
			assert_true(bgv_noise_fits(p, limbs, least));
			assert_false(bgv_noise_fits(p, limbs, more));
			assert_true(fabs(bgv_noise_failure_log2(p, limbs, least) + 128) < 0.01);
			/* 2^-128 with the union. */
			double q = 0;
			for (unsigned k = 0; k < limbs; k++)
				q += log2((double)p->q[k]);
			double deviations = exp2(q - 1 - least.log2_deviation);
			assert_true(deviations > 13.7 && deviations < 14);
			least.log2_deviation = -INFINITY;
			assert_true(bgv_noise_fits(p, limbs, least));
		}
		struct bgv_noise a = {log2((double)p->q[0]) - 6, 0, 1, 1};
		assert_true(bgv_noise_answer_fits(p, a));
		a.log2_deviation += 2;
		assert_false(bgv_noise_answer_fits(p, a));
	}
}

/* Nothing at all, sums of nothing, peaks and powers. */
static void algebra(void **state)
{
	(void)state;
	const struct bgv_params *p = bgv_params_for(14);
	struct bgv_noise none = {-INFINITY, 0, 0, 0}, a = bgv_noise_fresh(p);
	assert_true(isinf(bgv_noise_add(none, none).log2_deviation));
	assert_true(isinf(bgv_noise_add_dependent(none, none).log2_deviation));
	assert_true(isinf(bgv_noise_scale(a, 0).log2_deviation));
	assert_true(bgv_noise_add(none, a).log2_deviation == a.log2_deviation);
	assert_true(bgv_noise_shift(a, 0).log2_deviation == a.log2_deviation);
	assert_true(fabs(bgv_noise_add(a, a).log2_deviation - a.log2_deviation - 0.5) < 1e-9);
	assert_true(
		fabs(bgv_noise_add_dependent(a, a).log2_deviation - a.log2_deviation - 1) < 1e-9);
	assert_true(fabs(bgv_noise_scale(a, -4).log2_deviation - a.log2_deviation - 2) < 1e-9);
	struct bgv_noise scalar = bgv_noise_expand(p, 5, 256);
	assert_true(scalar.log2_peak > 2.5 && scalar.log2_peak < 4);
	assert_true(bgv_noise_mul_fresh(p, scalar).log2_peak == 0);
	assert_true(bgv_noise_mul(p, scalar, scalar).log2_peak == scalar.log2_peak);
	assert_true(bgv_noise_add(a, scalar).log2_peak == scalar.log2_peak);
	assert_true(bgv_noise_mul(p, scalar, scalar).power == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures),
		cmocka_unit_test(algebra),
		cmocka_unit_test(b13),
		cmocka_unit_test(b14),
		cmocka_unit_test(b15),
	};
	table = getenv("AMT_NOISE_TABLE") != NULL;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

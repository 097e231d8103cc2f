/* Noise of every step, measured on real keys against the formulas of tfhe/noise.h.
 *
 * A measurement agrees if the 99 % confidence interval of the mean square meets the formula, or the
 * range of formulas where one part is an upper bound. One in a hundred honest measurements misses, so
 * a step that misses is measured again, up to three times in all. */
#include "fixture.h"
#include "statistics.h"
#include "toy_params.h"

#include "crypto/random.h"
#include "tfhe/compress.h"
#include "tfhe/noise.h"
#include "tfhe/rotation.h"
#include "tfhe/secret_inside.h"

#include <stdlib.h>

typedef void (*measurement)(struct fixture *f, struct statistics *s);

static size_t volume(size_t full, size_t few)
{
	return light() ? few : full;
}

static void agrees(
	struct fixture *f, const char *step, measurement measure, double low, double high)
{
	double mean = 0, bound = 0;
	for (int attempt = 0; attempt < 3; attempt++) {
		struct statistics s = {0};
		measure(f, &s);
		mean = statistics_mean(&s);
		bound = statistics_bound(&s);
		print_message("%-14s %-16s 2^%.3f +- %.1f %%, formula 2^%.3f%s%.3f (%zu samples)\n",
			f->p->name, step, log2(mean), 100 * bound / mean, log2(low),
			low < high ? " to " : " = ", log2(high), s.count);
		if (mean - bound <= high && mean + bound >= low)
			return;
	}
	fail_msg("%s: 2^%.3f +- 2^%.3f, formula 2^%.3f to 2^%.3f", step, log2(mean), log2(bound),
		log2(low), log2(high));
}

static void add_square(struct statistics *s, double error)
{
	statistics_add(s, error * error);
}

static void fresh(struct fixture *f, struct statistics *s)
{
	uint32_t *lwe = fixture_lwes(f, 1), phase;
	for (size_t i = 0; i < volume(4000, 500); i++) {
		OK(tfhe_encrypt_lwe(f->secret, lwe, 12345));
		OK(tfhe_phase_lwe(f->secret, &phase, lwe));
		add_square(s, torus_error(phase - 12345));
	}
	mem_free_aligned(lwe, 0);
}

static void seeded(struct fixture *f, struct statistics *s)
{
	size_t n = tfhe_poly_size(f->p);
	uint32_t *glwe, *phases, *values;
	uint16_t *bodies;
	struct seed seed;
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f->p) * sizeof(*glwe)));
	OK(mem_alloc_aligned(&phases, n * sizeof(*phases)));
	OK(mem_alloc_aligned(&values, n * sizeof(*values)));
	OK(mem_alloc_aligned(&bodies, n * sizeof(*bodies)));
	for (size_t round = 0; round < volume(8, 2); round++) {
		OK(random_bytes(values, n * sizeof(*values)));
		OK(tfhe_encrypt_seeded(f->secret, &seed, bodies, values, n));
		OK(tfhe_glwe_expand(f->p, glwe, &seed, bodies, n));
		OK(tfhe_phase_glwe(f->secret, phases, glwe));
		for (size_t i = 0; i < n; i++)
			add_square(s, torus_error(phases[i] - values[i]));
	}
	mem_free_aligned(glwe, 0);
	mem_free_aligned(phases, 0);
	mem_free_aligned(values, 0);
	mem_free_aligned(bodies, 0);
}

/* Errors of one ciphertext depend on each other through R: each gives one observation. */
static void compact(struct fixture *f, struct statistics *s)
{
	size_t n = tfhe_poly_size(f->p);
	struct tfhe_public_key *key = NULL;
	uint32_t *glwe, *phases, *values;
	uint16_t *words;
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f->p) * sizeof(*glwe)));
	OK(mem_alloc_aligned(&phases, n * sizeof(*phases)));
	OK(mem_alloc_aligned(&values, n * sizeof(*values)));
	OK(mem_alloc_aligned(&words, tfhe_compact_words(f->p, n) * sizeof(*words)));
	for (size_t round = 0; round < volume(64, 8); round++) {
		struct buf bytes = {0};
		OK(tfhe_public_key_generate(f->secret, &bytes));
		OK(tfhe_public_key_get(&key, buf_span(&bytes)));
		OK(random_bytes(values, n * sizeof(*values)));
		OK(tfhe_encrypt_compact(key, words, values, n));
		tfhe_compact_expand(f->p, glwe, (const uint8_t *)words, n);
		OK(tfhe_phase_glwe(f->secret, phases, glwe));
		double sum = 0;
		for (size_t i = 0; i < n; i++) {
			double error = torus_error(phases[i] - values[i]);
			sum += error * error;
		}
		statistics_add(s, sum / (double)n);
		tfhe_public_key_free(key);
		buf_free(&bytes);
	}
	mem_free_aligned(glwe, 0);
	mem_free_aligned(phases, 0);
	mem_free_aligned(values, 0);
	mem_free_aligned(words, 0);
}

static void keyswitch(struct fixture *f, struct statistics *s)
{
	size_t stride = tfhe_lwe_stride(f->p), words = f->p->n + 1;
	uint32_t *in = fixture_lwes(f, TFHE_BATCH), before, after;
	const uint32_t *pointers[TFHE_BATCH];
	uint32_t offsets[TFHE_BATCH] = {0};
	struct evaluator_scratch *w = &f->e->scratch[0];
	for (size_t i = 0; i < TFHE_BATCH; i++)
		pointers[i] = in + i * stride;
	for (size_t round = 0; round < volume(64, 8); round++) {
		OK(random_bytes(in, TFHE_BATCH * stride * sizeof(*in)));
		tfhe_keyswitch(
			&f->e->keyswitch, w->small, pointers, offsets, TFHE_BATCH, w->kernel);
		for (size_t i = 0; i < TFHE_BATCH; i++) {
			OK(tfhe_phase_lwe(f->secret, &before, pointers[i]));
			OK(tfhe_phase_small(f->secret, &after, w->small + i * words));
			add_square(s, torus_error(after - before));
		}
	}
	mem_free_aligned(in, 0);
}

/* From the key of another owner: the same noise. */
static void rotation_keyswitch(struct fixture *f, struct statistics *s)
{
	struct fixture from = {.p = f->p};
	struct tfhe_evaluator *e;
	struct buf key = {0};
	uint8_t id[16];
	uint32_t *in = fixture_lwes(f, 1), before, after, offset = 0;
	const uint32_t *pointer = in;
	OK(tfhe_secret_new(&from.secret, f->p));
	OK(tfhe_rotation_key_generate(from.secret, f->secret, &key));
	OK(tfhe_evaluator_rotate(&e, f->e, buf_span(&key), id));
	for (size_t round = 0; round < volume(1000, 100); round++) {
		struct evaluator_scratch *w = &e->scratch[0];
		OK(random_bytes(in, tfhe_lwe_words(f->p) * sizeof(*in)));
		tfhe_keyswitch(&e->keyswitch, w->small, &pointer, &offset, 1, w->kernel);
		OK(tfhe_phase_lwe(from.secret, &before, in));
		OK(tfhe_phase_small(f->secret, &after, w->small));
		add_square(s, torus_error(after - before));
	}
	tfhe_evaluator_free(e);
	tfhe_secret_free(from.secret);
	buf_free(&key);
	mem_free_aligned(in, 0);
}

/* The switched ciphertext, lifted back to 32 bits, has its own phase: minus half a unit. */
static void modulus_switch(struct fixture *f, struct statistics *s)
{
	unsigned n = f->p->n, shift = 31 - f->p->n_poly_log2;
	struct evaluator_scratch *w = &f->e->scratch[0];
	struct statistics mean = {0};
	for (size_t round = 0; round < volume(20000, 2500); round++) {
		uint32_t before, after;
		uint16_t body;
		OK(random_bytes(w->small, (n + 1) * sizeof(*w->small)));
		OK(tfhe_phase_small(f->secret, &before, w->small));
		tfhe_modulus_switch(f->p, w->masks, &body, w->small);
		after = ((body - secret_rotation(f->secret, w->masks)) << shift) +
			(1u << (shift - 1));
		add_square(s, torus_error(after - before));
		statistics_add(&mean, torus_error(after - before));
	}
	/* Centred: 5 deviations of the mean's own error. */
	assert_true(fabs(statistics_mean(&mean)) < 2 * statistics_bound(&mean));
}

/* Rotates random tables, whose every coefficient then shows an error. The errors of one rotation hang
 * together (the key is not centred), so a rotation is one observation. */
static void blind_rotation(struct fixture *f, struct statistics *s)
{
	const struct tfhe_params *p = f->p;
	unsigned n = tfhe_poly_size(p);
	struct evaluator_scratch *w = &f->e->scratch[0];
	uint32_t *table, *phases;
	OK(mem_alloc_aligned(&table, n * sizeof(*table)));
	OK(mem_alloc_aligned(&phases, n * sizeof(*phases)));
	for (size_t round = 0; round < volume(5, 1); round++) {
		OK(random_bytes(table, n * sizeof(*table)));
		OK(random_bytes(w->masks, TFHE_BATCH * tfhe_ggsws(p) * sizeof(*w->masks)));
		for (size_t i = 0; i < TFHE_BATCH * tfhe_ggsws(p); i++)
			w->masks[i] &= (uint16_t)(2 * n - 1);
		for (size_t b = 0; b < TFHE_BATCH; b++) {
			uint32_t *glwe = w->accumulators + b * tfhe_glwe_words(p);
			memset(glwe, 0, p->k * n * sizeof(*glwe));
			memcpy(glwe + p->k * n, table, n * sizeof(*glwe));
		}
		tfhe_blind_rotate(
			&f->e->bootstrap, w->accumulators, w->masks, TFHE_BATCH, w->kernel);
		for (size_t b = 0; b < TFHE_BATCH; b++) {
			/* the table is read from here on */
			unsigned at = -secret_rotation(f->secret, w->masks + b * tfhe_ggsws(p)) &
				      (2 * n - 1);
			OK(tfhe_phase_glwe(
				f->secret, phases, w->accumulators + b * tfhe_glwe_words(p)));
			double squares = 0;
			for (unsigned j = 0; j < n; j++) {
				unsigned from = (j + at) & (2 * n - 1);
				uint32_t want = from < n ? table[from] : -table[from - n];
				double error = torus_error(phases[j] - want);
				squares += error * error;
			}
			statistics_add(s, squares / n);
		}
	}
	mem_free_aligned(table, 0);
	mem_free_aligned(phases, 0);
}

/* Full trees: with fewer inputs some nodes have one child and a little less noise. */
static void packing(struct fixture *f, struct statistics *s)
{
	size_t n = tfhe_poly_size(f->p), stride = tfhe_lwe_stride(f->p);
	uint32_t *in = fixture_lwes(f, n), *glwe, *phases, phase;
	const uint32_t **pointers;
	OK(mem_array(&pointers, n, sizeof(*pointers)));
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f->p) * sizeof(*glwe)));
	OK(mem_alloc_aligned(&phases, n * sizeof(*phases)));
	for (size_t i = 0; i < n; i++)
		pointers[i] = in + i * stride;
	for (size_t round = 0; round < volume(12, 4); round++) {
		OK(random_bytes(in, n * stride * sizeof(*in)));
		OK(tfhe_pack(f->e, glwe, pointers, n));
		OK(tfhe_phase_glwe(f->secret, phases, glwe));
		double squares = 0;
		for (size_t i = 0; i < n; i++) {
			OK(tfhe_phase_lwe(f->secret, &phase, pointers[i]));
			double error = torus_error(phases[i] - phase);
			squares += error * error;
		}
		statistics_add(s, squares / (double)n);
	}
	mem_free(pointers);
	mem_free_aligned(in, 0);
	mem_free_aligned(glwe, 0);
	mem_free_aligned(phases, 0);
}

/* What rounding adds to random ciphertexts: phases after less phases before. */
static void compressing(struct fixture *f, struct statistics *s)
{
	size_t n = tfhe_poly_size(f->p);
	unsigned log2 = tfhe_compress_log2(f->p);
	uint32_t *glwe, *before, *after;
	uint8_t *bytes;
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f->p) * sizeof(*glwe)));
	OK(mem_alloc_aligned(&before, n * sizeof(*before)));
	OK(mem_alloc_aligned(&after, n * sizeof(*after)));
	OK(mem_alloc(&bytes, tfhe_compressed_bytes(f->p, log2, n)));
	for (size_t round = 0; round < volume(64, 8); round++) {
		OK(random_bytes(glwe, tfhe_glwe_words(f->p) * sizeof(*glwe)));
		OK(tfhe_phase_glwe(f->secret, before, glwe));
		tfhe_compress(f->p, log2, glwe, n, after, bytes);
		tfhe_decompress(f->p, log2, bytes, n, glwe);
		OK(tfhe_phase_glwe(f->secret, after, glwe));
		double sum = 0;
		for (size_t i = 0; i < n; i++) {
			double error = torus_error(after[i] - before[i]);
			sum += error * error;
		}
		statistics_add(s, sum / (double)n);
	}
	mem_free_aligned(glwe, 0);
	mem_free_aligned(before, 0);
	mem_free_aligned(after, 0);
	mem_free(bytes);
}

static unsigned ones(const uint32_t *key, unsigned count)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < count; i++)
		sum += key[i] & 1;
	return sum;
}

/* Within one bit and half a percent of half ones. */
static bool balanced(const uint32_t *key, unsigned count)
{
	return fabs(ones(key, count) - count / 2.0) <= 1 + 0.005 * count / 2;
}

/* The formulas are means over keys. Much of a step's noise is multiplied by key bits, so a key of few
 * ones has less: by a third in one of thirty toy keys of 37 bits. Measured is a key as the mean has it. */
static void average_key(struct tfhe_secret **secret, const struct tfhe_params *p)
{
	for (;;) {
		OK(tfhe_secret_new(secret, p));
		if (balanced((*secret)->small, p->n) &&
			balanced((*secret)->big, tfhe_big_dimension(p)))
			return;
		tfhe_secret_free(*secret);
	}
}

static void measure_set(uint16_t id)
{
	struct fixture f;
	struct tfhe_secret *secret;
	average_key(&secret, tfhe_params_find(id));
	fixture_of(&f, secret, 0);
	const struct tfhe_params *p = f.p;
	double unit = 0.5 / tfhe_poly_size(p);
	agrees(&f, "fresh", fresh, tfhe_noise_fresh(p), tfhe_noise_fresh(p));
	agrees(&f, "seeded", seeded, tfhe_noise_seeded(p), tfhe_noise_seeded(p));
	agrees(&f, "compact", compact, tfhe_noise_compact(p), tfhe_noise_compact(p));
	double compress = tfhe_noise_compress(p, tfhe_compress_log2(p));
	agrees(&f, "compressing", compressing, compress, compress);
	agrees(&f, "key switch", keyswitch, tfhe_noise_keyswitch(p), tfhe_noise_keyswitch(p));
	/* The formula leaves out the rounding of the body. */
	agrees(&f, "rotation", rotation_keyswitch, tfhe_noise_keyswitch(p),
		tfhe_noise_keyswitch(p));
	agrees(&f, "modulus switch", modulus_switch, tfhe_noise_modulus_switch(p),
		tfhe_noise_modulus_switch(p) + unit * unit / 12);
	/* The part of f64 arithmetic is an upper bound. */
	agrees(&f, "blind rotation", blind_rotation,
		tfhe_noise_bootstrap(p) - tfhe_noise_bootstrap_fft(p), tfhe_noise_bootstrap(p));
	agrees(&f, "packing", packing, tfhe_noise_pack(p) - tfhe_noise_pack_fft(p),
		tfhe_noise_pack(p));
	fixture_close(&f);
}

static void default_set(void **state)
{
	(void)state;
	measure_set(TFHE_DEFAULT_PARAMS);
}

static void gaussian_set(void **state)
{
	(void)state;
	if (!light())
		measure_set(4);
	else
		measure_set(TOY_PARAMS_GAUSSIAN);
}

/* Bootstraps of inputs so noisy that one in twenty fails: as often as the formula says, and as often to
 * the left as to the right, which a table half a unit off its centre would not. */
static void failure_rate(void **state)
{
	(void)state;
	enum { JOBS = 4096 };
	struct fixture f;
	fixture_open(&f, TOY_PARAMS, 0);
	size_t stride = tfhe_lwe_stride(f.p), rounds = volume(4, 2);
	unsigned delta_log2 = tfhe_delta_log2(f.p);
	struct noise_distribution wide = {.kind = NOISE_GAUSSIAN, .sigma = 0x1p-7};
	double variance =
		noise_variance(&wide) + tfhe_noise_keyswitch(f.p) + tfhe_noise_modulus_switch(f.p);
	double expected = exp2(tfhe_failure_of_variance_log2(f.p, variance));
	/* Odd multiples of delta / 2: message m in [16, 32) gives 15 - m. */
	uint32_t values[16];
	for (uint32_t i = 0; i < 16; i++)
		values[i] = (2 * i + 1) << (delta_log2 - 1);
	struct tfhe_lut lut;
	OK(tfhe_lut_new(&lut, f.p, 1, values));
	uint32_t *lwes = fixture_lwes(&f, JOBS), phase;
	struct tfhe_job *jobs;
	uint64_t *noise;
	OK(mem_array(&jobs, JOBS, sizeof(*jobs)));
	OK(mem_array(&noise, JOBS, sizeof(*noise)));
	double left = 0, right = 0, other = 0, all = (double)rounds * JOBS;
	for (size_t round = 0; round < rounds; round++) {
		OK(sample_noise(&wide, noise, JOBS));
		for (size_t i = 0; i < JOBS; i++) {
			uint32_t *lwe = lwes + i * stride;
			fixture_encrypt(&f, lwe, (int)(i % 32));
			lwe[tfhe_big_dimension(f.p)] += (uint32_t)(noise[i] >> 32);
			jobs[i] = (struct tfhe_job){.in = lwe, .lut = &lut, .out = {lwe}};
		}
		OK(tfhe_bootstrap(f.e, jobs, JOBS, NULL, NULL));
		for (size_t i = 0; i < JOBS; i++) {
			OK(tfhe_phase_lwe(f.secret, &phase, lwes + i * stride));
			int got = (int32_t)phase >> delta_log2;
			unsigned message = (unsigned)(got >= 0 ? got : 15 - got);
			unsigned off = (message - (unsigned)(i % 32)) & 31;
			left += off == 31;
			right += off == 1;
			other += off > 1 && off < 31;
		}
	}
	print_message("%s: failures left %.2f %%, right %.2f %%, formula %.2f %% each\n", f.p->name,
		100 * left / all, 100 * right / all, 50 * expected);
	double bound = 4.5 * sqrt(all * expected / 2); /* one in 100 000 misses */
	assert_true(other == 0);
	assert_true(fabs(left - all * expected / 2) < bound);
	assert_true(fabs(right - all * expected / 2) < bound);
	tfhe_lut_free(&lut);
	mem_free(jobs);
	mem_free(noise);
	mem_free_aligned(lwes, 0);
	fixture_close(&f);
}

/* Grouped keys. */
static void grouped_set(void **state)
{
	(void)state;
	measure_set(TFHE_PARAMS_GROUPED);
}

/* The probability that a bootstrap fails, on real keys and at the set's limit of noise: too small to be
 * seen for 16 messages, so the same half turn is divided among many more, as TFHE-rs does. What fails
 * there gives the deviation in front of the table, and that the probability for 16. */
static void enlarged(struct fixture *f, unsigned precision_log2)
{
	enum { NOISES = 96 };
	const struct tfhe_params *p = f->p;
	size_t stride = tfhe_lwe_stride(p), jobs_count = volume(1536, 256);
	unsigned n = tfhe_poly_size(p), box = n >> precision_log2, delta_log2 = 31 - precision_log2;
	unsigned all = 2u << precision_log2;
	struct tfhe_lut constant, fine;
	uint32_t values[16], phase;
	/* Not 0, which would come out without noise. */
	const uint32_t one = 1u << tfhe_delta_log2(p);
	for (unsigned i = 0; i < 16; i++)
		values[i] = one;
	OK(tfhe_lut_new(&constant, p, 1, values));
	OK(tfhe_lut_new(&fine, p, 1, values));
	/* Odd multiples of half a box, so that a message and its negation differ. */
	for (unsigned j = 0; j < n; j++) {
		uint32_t m = (j + box / 2) / box;
		fine.polynomial[j] =
			m < all / 2 ? (2 * m + 1) << (delta_log2 - 1) : -(1u << (delta_log2 - 1));
	}
	uint32_t *noise = fixture_lwes(f, NOISES), *lwes = fixture_lwes(f, jobs_count);
	struct tfhe_job *jobs;
	OK(mem_array(&jobs, jobs_count, sizeof(*jobs)));
	for (size_t i = 0; i < NOISES; i++) {
		fixture_encrypt(f, noise + i * stride, 0);
		jobs[i] = (struct tfhe_job){
			.in = noise + i * stride, .lut = &constant, .out = {noise + i * stride}};
	}
	OK(tfhe_bootstrap(f->e, jobs, NOISES, NULL, NULL));
	for (size_t i = 0; i < jobs_count; i++) {
		/* 100 + 25 + 25 units */
		static const int32_t weights[] = {10, 5, -5};
		uint32_t *lwe = lwes + i * stride, pick[3];
		OK(random_bytes(pick, sizeof(pick)));
		tfhe_lwe_trivial(p, lwe, ((uint32_t)(i % all) << delta_log2) - 10 * one);
		for (unsigned j = 0; j < 3; j++)
			tfhe_lwe_add_scaled(p, lwe,
				noise + (3 * (pick[j] % (NOISES / 3)) + j) * stride, weights[j]);
		jobs[i] = (struct tfhe_job){.in = lwe, .lut = &fine, .out = {lwe}};
	}
	OK(tfhe_bootstrap(f->e, jobs, jobs_count, NULL, NULL));
	double failures = 0, count = (double)jobs_count;
	for (size_t i = 0; i < jobs_count; i++) {
		OK(tfhe_phase_lwe(f->secret, &phase, lwes + i * stride));
		int got = (int32_t)phase >> delta_log2;
		int message = got >= 0 ? got : (int)all / 2 - 1 - got;
		failures += (unsigned)message % all != i % all;
	}
	struct tfhe_params large = *p;
	large.precision_log2 = precision_log2;
	double expected = exp2(tfhe_failure_log2(&large, p->max_noise));
	/* The variance that makes as many fail, and what it means for 16 messages. */
	double low = p->max_noise * tfhe_noise_bootstrap(p) / 4, high = 1;
	for (int step = 0; step < 100; step++) {
		double middle = sqrt(low * high);
		if (exp2(tfhe_failure_of_variance_log2(&large, middle)) * count < failures)
			low = middle;
		else
			high = middle;
	}
	print_message("%s, %u messages, %u units: %.0f of %.0f fail, formula %.1f; for 16: 2^%.1f, "
		      "formula 2^%.1f\n",
		p->name, all / 2, p->max_noise, failures, count, count * expected,
		tfhe_failure_of_variance_log2(p, low), tfhe_failure_log2(p, p->max_noise));
	/* No more than the formula says, to 4 deviations; formulas are bounds for kernels with FMA. */
	assert_true(failures < count * expected + 4 * sqrt(count * expected * (1 - expected)));
	assert_true(failures > count * expected / 2 - 4 * sqrt(count * expected * (1 - expected)));
	tfhe_lut_free(&constant);
	tfhe_lut_free(&fine);
	mem_free(jobs);
	mem_free_aligned(noise, 0);
	mem_free_aligned(lwes, 0);
}

static void failure_of_real_sets(void **state)
{
	(void)state;
	static const uint16_t sets[] = {TFHE_DEFAULT_PARAMS, TFHE_PARAMS_GROUPED};
	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		struct fixture f;
		fixture_open(&f, sets[i], 0);
		enlarged(&f, 7);
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failure_rate),
		cmocka_unit_test(default_set),
		cmocka_unit_test(gaussian_set),
		cmocka_unit_test(grouped_set),
		cmocka_unit_test(failure_of_real_sets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

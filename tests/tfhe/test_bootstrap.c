/* Bootstraps, linear algebra and packing: every look-up table kind over its whole input range, on
 * real and toy keys. */
#include "fixture.h"
#include "toy_params.h"

#include "crypto/random.h"

#include <stdlib.h>

static int wrap(int m)
{
	return ((m + 16) & 31) - 16;
}

/* What bootstrapping message m in [-16, 16) gives for function f of a table with small values. */
static int expected(const int *table, unsigned functions, unsigned f, int m)
{
	int at = (m & 31) + (int)(f * (16 / functions));
	at &= 31;
	return wrap(at < 16 ? table[at] : -table[at - 16]);
}

static void table_values(const struct fixture *f, const int *table, uint32_t values[16])
{
	for (unsigned i = 0; i < 16; i++)
		values[i] = (uint32_t)table[i] << tfhe_delta_log2(f->p);
}

static void all_messages(struct fixture *f, unsigned functions, const int *table)
{
	size_t stride = tfhe_lwe_stride(f->p);
	uint32_t values[16];
	struct tfhe_lut lut;
	table_values(f, table, values);
	OK(tfhe_lut_new(&lut, f->p, functions, values));
	uint32_t *in = fixture_lwes(f, 32), *out = fixture_lwes(f, 32 * functions);
	struct tfhe_job jobs[32];
	for (int m = -16; m < 16; m++) {
		size_t i = (size_t)(m + 16);
		fixture_encrypt(f, in + i * stride, m);
		jobs[i] = (struct tfhe_job){.in = in + i * stride, .lut = &lut};
		for (unsigned g = 0; g < functions; g++)
			jobs[i].out[g] = out + (i * functions + g) * stride;
	}
	uint64_t before = tfhe_evaluator_bootstraps(f->e);
	OK(tfhe_bootstrap(f->e, jobs, 32, NULL, NULL));
	assert_int_equal(tfhe_evaluator_bootstraps(f->e) - before, 32);
	for (int m = -16; m < 16; m++)
		for (unsigned g = 0; g < functions; g++) {
			int got = fixture_decrypt(f, jobs[m + 16].out[g]);
			int want = expected(table, functions, g, m);
			if (got != want)
				fail_msg("%s: function %u of %u at %d: %d instead of %d",
					f->p->name, g, functions, m, got, want);
		}
	tfhe_lut_free(&lut);
	mem_free_aligned(in, 0);
	mem_free_aligned(out, 0);
}

static void every_table(struct fixture *f)
{
	int table[16];
	for (unsigned functions = 1; functions <= 8; functions *= 2) {
		for (int i = 0; i < 16; i++)
			table[i] = wrap(i * 7 + 3 + (int)functions);
		all_messages(f, functions, table);
	}
}

/* Three functions of one rotation: random weights, every message, encrypted and trivial. */
static void mixed_table(struct fixture *f)
{
	enum { FUNCTIONS = 3 };
	size_t stride = tfhe_lwe_stride(f->p);
	int8_t weight[FUNCTIONS][TFHE_LUT_SAMPLES];
	uint32_t offset[FUNCTIONS], unit = 1u << (tfhe_delta_log2(f->p) - 1);
	OK(random_bytes(weight, sizeof(weight)));
	for (unsigned g = 0; g < FUNCTIONS; g++) {
		int sum = 0; /* of halves: the offset makes whole messages of all results */
		for (unsigned j = 0; j < TFHE_LUT_SAMPLES; j++) {
			weight[g][j] = (int8_t)(weight[g][j] & 3) - 1;
			sum += weight[g][j];
		}
		offset[g] = (uint32_t)(sum & 1) * unit + ((uint32_t)g << tfhe_delta_log2(f->p));
	}
	struct tfhe_lut lut;
	OK(tfhe_lut_new_mixed(&lut, f->p, unit, FUNCTIONS, weight, offset));
	uint32_t *in = fixture_lwes(f, 64), *out = fixture_lwes(f, 64 * FUNCTIONS);
	struct tfhe_job jobs[64];
	for (int m = -16; m < 16; m++)
		for (size_t trivial = 0; trivial < 2; trivial++) {
			size_t i = (size_t)(m + 16) + 32 * trivial;
			if (trivial)
				tfhe_lwe_trivial(f->p, in + i * stride,
					(uint32_t)m << tfhe_delta_log2(f->p));
			else
				fixture_encrypt(f, in + i * stride, m);
			jobs[i] = (struct tfhe_job){.in = in + i * stride, .lut = &lut};
			for (unsigned g = 0; g < FUNCTIONS; g++)
				jobs[i].out[g] = out + (i * FUNCTIONS + g) * stride;
		}
	OK(tfhe_bootstrap(f->e, jobs, 64, NULL, NULL));
	for (size_t i = 0; i < 64; i++)
		for (unsigned g = 0; g < FUNCTIONS; g++) {
			int m = (int)(i & 31) - 16, halves = 0;
			for (int j = 0; j < TFHE_LUT_SAMPLES; j++)
				halves += ((m + j) & 31) < 16 ? weight[g][j] : -weight[g][j];
			uint32_t want = (uint32_t)halves * unit + offset[g];
			assert_int_equal(fixture_decrypt(f, jobs[i].out[g]),
				wrap((int)(want >> tfhe_delta_log2(f->p))));
		}
	tfhe_lut_free(&lut);
	mem_free_aligned(in, 0);
	mem_free_aligned(out, 0);
}

static void toy_tables(void **state)
{
	(void)state;
	for (uint16_t id = TOY_PARAMS; id <= TOY_PARAMS_GROUPED; id++) {
		struct fixture f;
		fixture_open(&f, id, 2);
		every_table(&f);
		mixed_table(&f);
		fixture_close(&f);
	}
}

/* Sums of bootstrap outputs with squared weights of 150, the most the set allows, bootstrapped. */
static void weighted_sums(struct fixture *f, size_t rounds)
{
	static const int weights[][6] = {{10, 5, 5, 0, 0, 0}, {-5, 5, -5, 5, -5, 5},
		{12, 2, 1, 1, 0, 0}, {7, 7, -6, -4, 0, 0}};
	enum { INPUTS = 6, SUMS = sizeof(weights) / sizeof(weights[0]) };
	size_t stride = tfhe_lwe_stride(f->p);
	uint32_t values[16];
	struct tfhe_lut identity;
	int table[16], message[INPUTS];
	for (int i = 0; i < 16; i++)
		table[i] = i;
	table_values(f, table, values);
	OK(tfhe_lut_new(&identity, f->p, 1, values));
	uint32_t *in = fixture_lwes(f, INPUTS), *sum = fixture_lwes(f, SUMS);
	struct tfhe_job jobs[INPUTS] = {0};
	for (size_t round = 0; round < rounds; round++) {
		OK(random_bytes(message, sizeof(message)));
		for (size_t i = 0; i < INPUTS; i++) {
			message[i] = message[i] & 15;
			fixture_encrypt(f, in + i * stride, message[i]);
			jobs[i] = (struct tfhe_job){
				.in = in + i * stride, .lut = &identity, .out = {in + i * stride}};
		}
		OK(tfhe_bootstrap(f->e, jobs, INPUTS, NULL, NULL));
		int want[SUMS] = {0};
		memset(sum, 0, SUMS * stride * sizeof(*sum));
		for (size_t j = 0; j < SUMS; j++) {
			for (size_t i = 0; i < INPUTS; i++) {
				tfhe_lwe_add_scaled(
					f->p, sum + j * stride, in + i * stride, weights[j][i]);
				want[j] += weights[j][i] * message[i];
			}
			jobs[j] = (struct tfhe_job){.in = sum + j * stride,
				.lut = &identity,
				.out = {sum + j * stride}};
		}
		OK(tfhe_bootstrap(f->e, jobs, SUMS, NULL, NULL));
		for (size_t j = 0; j < SUMS; j++)
			assert_int_equal(fixture_decrypt(f, sum + j * stride),
				expected(table, 1, 0, wrap(want[j])));
	}
	tfhe_lut_free(&identity);
	mem_free_aligned(in, 0);
	mem_free_aligned(sum, 0);
}

static void sums(void **state)
{
	(void)state;
	struct fixture f;
	fixture_open(&f, TOY_PARAMS, 2);
	weighted_sums(&f, 20);
	fixture_close(&f);
}

static void real_keys(void **state)
{
	(void)state;
	struct fixture f;
	fixture_open(&f, TFHE_DEFAULT_PARAMS, 0);
	if (!light()) {
		every_table(&f);
		mixed_table(&f);
	}
	weighted_sums(&f, light() ? 1 : 6);
	fixture_close(&f);
}

/* The other shipped sets: one pass over all messages. */
static void other_sets(void **state)
{
	(void)state;
	static const int table[16] = {3, 9, -4, 0, 15, -16, 7, 7, 1, 2, -1, 12, 5, -8, 6, 11};
	static const uint16_t sets[] = {1, 3, 4, TFHE_PARAMS_GROUPED};
	static const uint16_t toys[] = {TOY_PARAMS_GAUSSIAN, TOY_PARAMS_GROUPED};
	size_t count = light() ? 2 : 4;
	for (size_t i = 0; i < count; i++) {
		struct fixture f;
		fixture_open(&f, (light() ? toys : sets)[i], 0);
		all_messages(&f, 1, table);
		fixture_close(&f);
	}
}

/* Jobs in every way they can be grouped: one by one, all at once, over one and over three workers, with
 * inputs shared and offsets apart, give the same bits. */
static void group(uint16_t id)
{
	enum { JOBS = 75, INPUTS = 30 };
	struct fixture f;
	fixture_open(&f, id, 3);
	struct tfhe_evaluator *alone;
	OK(tfhe_evaluator_new(&alone, buf_span(&f.key), NULL, NULL, NULL));
	size_t stride = tfhe_lwe_stride(f.p);
	uint32_t values[16];
	struct tfhe_lut luts[2];
	OK(random_bytes(values, sizeof(values)));
	OK(tfhe_lut_new(&luts[0], f.p, 1, values));
	OK(tfhe_lut_new(&luts[1], f.p, 2, values));
	uint32_t *in = fixture_lwes(&f, INPUTS);
	uint32_t *together = fixture_lwes(&f, 2 * JOBS), *single = fixture_lwes(&f, 2 * JOBS);
	struct tfhe_job jobs[JOBS] = {0};
	for (int i = 0; i < INPUTS; i++)
		fixture_encrypt(&f, in + (size_t)i * stride, i % 16);
	tfhe_lwe_trivial(f.p, in + 4 * stride, 5u << tfhe_delta_log2(f.p));
	for (size_t i = 0; i < JOBS; i++)
		jobs[i] = (struct tfhe_job){.in = in + i * INPUTS / JOBS * stride,
			.lut = &luts[i & 1],
			.body_offset = (uint32_t)(i % 3) << tfhe_delta_log2(f.p),
			.out = {together + 2 * i * stride, together + (2 * i + 1) * stride}};
	for (size_t count = 1; count <= JOBS; count = count == JOBS ? JOBS + 1 : JOBS) {
		OK(tfhe_bootstrap(f.e, jobs, count, NULL, NULL));
		for (size_t i = 0; i < count; i++) {
			struct tfhe_job job = jobs[i];
			job.out[0] = single + 2 * i * stride;
			job.out[1] = single + (2 * i + 1) * stride;
			OK(tfhe_bootstrap(alone, &job, 1, NULL, NULL));
		}
		assert_memory_equal(together, single, 2 * count * stride * sizeof(*single));
	}
	OK(tfhe_bootstrap(alone, jobs, JOBS, NULL, NULL));
	assert_memory_equal(together, single, 2 * JOBS * stride * sizeof(*single));
	for (unsigned i = 0; i < 2; i++)
		tfhe_lut_free(&luts[i]);
	mem_free_aligned(in, 0);
	mem_free_aligned(together, 0);
	mem_free_aligned(single, 0);
	tfhe_evaluator_free(alone);
	fixture_close(&f);
}

static void grouping(void **state)
{
	(void)state;
	group(TOY_PARAMS);
	group(TOY_PARAMS_GROUPED);
}

/* A trivial input gives what an encrypted one decrypts to, itself trivial; counted like the others. */
static void trivial(void **state)
{
	(void)state;
	struct fixture f;
	fixture_open(&f, TOY_PARAMS, 1);
	uint32_t values[16], phase;
	for (unsigned functions = 1; functions <= 8; functions *= 2) {
		struct tfhe_lut lut;
		OK(random_bytes(values, sizeof(values)));
		OK(tfhe_lut_new(&lut, f.p, functions, values));
		uint32_t *lwe = fixture_lwes(&f, 8), *in = fixture_lwes(&f, 1);
		for (unsigned m = 0; m < 32; m++) {
			struct tfhe_job job = {.in = in, .lut = &lut};
			for (unsigned g = 0; g < functions; g++)
				job.out[g] = lwe + g * tfhe_lwe_stride(f.p);
			job.body_offset = 1u << tfhe_delta_log2(f.p);
			tfhe_lwe_trivial(f.p, in, (m - 1) << tfhe_delta_log2(f.p));
			uint64_t before = tfhe_evaluator_bootstraps(f.e);
			OK(tfhe_bootstrap(f.e, &job, 1, NULL, NULL));
			assert_int_equal(tfhe_evaluator_bootstraps(f.e), before + 1);
			for (unsigned g = 0; g < functions; g++) {
				unsigned at = (m + g * (16 / functions)) & 31;
				uint32_t want = at < 16 ? values[at] : -values[at - 16];
				OK(tfhe_phase_lwe(f.secret, &phase, job.out[g]));
				assert_int_equal(phase, want);
				assert_int_equal(job.out[g][tfhe_big_dimension(f.p)], want);
			}
		}
		tfhe_lut_free(&lut);
		mem_free_aligned(lwe, 0);
		mem_free_aligned(in, 0);
	}
	fixture_close(&f);
}

static bool stop_halfway(void *context, uint64_t done, uint64_t total)
{
	(void)context;
	return done < total / 2;
}

static void cancel(void **state)
{
	(void)state;
	enum { JOBS = 100 };
	struct fixture f;
	fixture_open(&f, TOY_PARAMS, 1);
	uint32_t values[16] = {0};
	struct tfhe_lut lut;
	OK(tfhe_lut_new(&lut, f.p, 1, values));
	uint32_t *in = fixture_lwes(&f, 1), *out = fixture_lwes(&f, 1);
	fixture_encrypt(&f, in, 1);
	struct tfhe_job jobs[JOBS];
	for (size_t i = 0; i < JOBS; i++)
		jobs[i] = (struct tfhe_job){.in = in, .lut = &lut, .out = {i == 0 ? out : NULL}};
	uint64_t before = tfhe_evaluator_bootstraps(f.e);
	FAILS(AMT_CANCELLED, tfhe_bootstrap(f.e, jobs, JOBS, stop_halfway, NULL));
	uint64_t done = tfhe_evaluator_bootstraps(f.e) - before;
	assert_true(done >= JOBS / 2 && done < JOBS);
	OK(tfhe_bootstrap(f.e, jobs, JOBS, NULL, NULL));
	OK(tfhe_bootstrap(f.e, jobs, 0, NULL, NULL));
	FAILS(AMT_INVALID_ARGUMENT, tfhe_lut_new(&lut, f.p, 3, values));
	tfhe_lut_free(&lut);
	mem_free_aligned(in, 0);
	mem_free_aligned(out, 0);
	fixture_close(&f);
}

static void packing(struct fixture *f, size_t count)
{
	size_t stride = tfhe_lwe_stride(f->p), n = tfhe_poly_size(f->p);
	uint32_t *in = fixture_lwes(f, count), *glwe, *phases, *lwe = fixture_lwes(f, 1);
	const uint32_t **pointers;
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f->p) * sizeof(*glwe)));
	OK(mem_alloc_aligned(&phases, n * sizeof(*phases)));
	OK(mem_array(&pointers, count, sizeof(*pointers)));
	for (size_t i = 0; i < count; i++) {
		fixture_encrypt(f, in + i * stride, (int)(i * 5 % 32) - 16);
		pointers[i] = in + i * stride;
	}
	OK(tfhe_pack(f->e, glwe, pointers, count));
	OK(tfhe_phase_glwe(f->secret, phases, glwe));
	for (size_t i = 0; i < n; i++) {
		int want = i < count ? (int)(i * 5 % 32) - 16 : 0;
		int got = wrap((int)tfhe_decode(f->p, phases[i]));
		if (got != want)
			fail_msg("%zu packed: coefficient %zu is %d instead of %d", count, i, got,
				want);
	}
	for (unsigned i = 0; i < n; i += 97) {
		uint32_t phase;
		tfhe_sample_extract(f->p, lwe, glwe, i);
		OK(tfhe_phase_lwe(f->secret, &phase, lwe));
		assert_int_equal(phase, phases[i]);
	}
	mem_free(pointers);
	mem_free_aligned(glwe, 0);
	mem_free_aligned(phases, 0);
	mem_free_aligned(in, 0);
	mem_free_aligned(lwe, 0);
}

static void packs(void **state)
{
	(void)state;
	struct fixture f;
	for (uint16_t id = TOY_PARAMS; id <= TOY_PARAMS_GROUPED; id++) {
		fixture_open(&f, id, 2);
		static const size_t counts[] = {0, 1, 2, 3, 7, 8, 9, 31, 100, 255, 256};
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
			packing(&f, counts[i]);
		FAILS(AMT_INVALID_ARGUMENT, tfhe_pack(f.e, NULL, NULL, tfhe_poly_size(f.p) + 1));
		fixture_close(&f);
	}
}

/* What a host does with a page: expand, extract, compute, pack; the owner reads the answer. */
static void page(void **state)
{
	(void)state;
	enum { COUNT = 20 };
	struct fixture f;
	fixture_open(&f, TOY_PARAMS, 2);
	size_t n = tfhe_poly_size(f.p), stride = tfhe_lwe_stride(f.p);
	uint32_t values[COUNT], table[16], *glwe, *phases, *lwes = fixture_lwes(&f, COUNT);
	uint16_t bodies[COUNT];
	struct seed seed;
	struct tfhe_lut square;
	struct tfhe_job jobs[COUNT];
	const uint32_t *pointers[COUNT];
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f.p) * sizeof(*glwe)));
	OK(mem_alloc_aligned(&phases, n * sizeof(*phases)));
	for (uint32_t i = 0; i < 16; i++)
		table[i] = (i * i & 15) << tfhe_delta_log2(f.p);
	for (uint32_t i = 0; i < COUNT; i++)
		values[i] = (i & 15) << tfhe_delta_log2(f.p);
	OK(tfhe_lut_new(&square, f.p, 1, table));
	OK(tfhe_encrypt_seeded(f.secret, &seed, bodies, values, COUNT));
	OK(tfhe_glwe_expand(f.p, glwe, &seed, bodies, COUNT));
	for (unsigned i = 0; i < COUNT; i++) {
		pointers[i] = lwes + i * stride;
		tfhe_sample_extract(f.p, lwes + i * stride, glwe, i);
		jobs[i] = (struct tfhe_job){
			.in = pointers[i], .lut = &square, .out = {lwes + i * stride}};
	}
	OK(tfhe_bootstrap(f.e, jobs, COUNT, NULL, NULL));
	OK(tfhe_pack(f.e, glwe, pointers, COUNT));
	OK(tfhe_phase_glwe(f.secret, phases, glwe));
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(tfhe_decode(f.p, phases[i]), i < COUNT ? (i * i & 15) : 0);
	FAILS(AMT_INVALID_ARGUMENT, tfhe_encrypt_seeded(f.secret, &seed, bodies, values, n + 1));
	FAILS(AMT_INVALID_ARGUMENT, tfhe_glwe_expand(f.p, glwe, &seed, bodies, n + 1));
	tfhe_lut_free(&square);
	mem_free_aligned(lwes, 0);
	mem_free_aligned(glwe, 0);
	mem_free_aligned(phases, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(toy_tables),
		cmocka_unit_test(sums),
		cmocka_unit_test(grouping),
		cmocka_unit_test(trivial),
		cmocka_unit_test(cancel),
		cmocka_unit_test(packs),
		cmocka_unit_test(page),
		cmocka_unit_test(real_keys),
		cmocka_unit_test(other_sets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

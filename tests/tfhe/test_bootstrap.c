/* Bootstraps, linear algebra and packing: every look-up table kind over its whole input range, on
 * real and toy keys. */
#include "fixture.h"
#include "toy_params.h"

#include "crypto/random.h"

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

static void toy_tables(void **state)
{
	(void)state;
	for (uint16_t id = TOY_PARAMS; id <= TOY_PARAMS_GAUSSIAN; id++) {
		struct fixture f;
		fixture_open(&f, id, 2);
		every_table(&f);
		fixture_close(&f);
	}
}

static void real_tables(void **state)
{
	(void)state;
	struct fixture f;
	fixture_open(&f, TFHE_DEFAULT_PARAMS, 0);
	every_table(&f);
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
	for (uint16_t id = TOY_PARAMS; id <= TOY_PARAMS_GAUSSIAN; id++) {
		fixture_open(&f, id, 2);
		static const size_t counts[] = {1, 2, 3, 7, 8, 9, 31, 100, 255, 256};
		for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
			packing(&f, counts[i]);
		fixture_close(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(toy_tables),
		cmocka_unit_test(packs),
		cmocka_unit_test(real_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

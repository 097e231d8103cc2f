/* Every instruction set against exact integer products, and against each other. */
#include "testing.h"

#include "reference.h"
#include "ring/fft.h"

#include <math.h>
#include <stdlib.h>

enum { N_MAX = 8192 };

struct arrays {
	int32_t *small;
	uint64_t *torus, *exact, *got;
	uint32_t *torus32, *got32;
	double *a, *b, *c, *reals;
};

static int make_arrays(void **state)
{
	struct arrays *x;
	OK(mem_zalloc(&x, sizeof(*x)));
	OK(mem_alloc_aligned(&x->small, N_MAX * sizeof(*x->small)));
	OK(mem_alloc_aligned(&x->torus, N_MAX * sizeof(*x->torus)));
	OK(mem_alloc_aligned(&x->exact, N_MAX * sizeof(*x->exact)));
	OK(mem_alloc_aligned(&x->got, N_MAX * sizeof(*x->got)));
	OK(mem_alloc_aligned(&x->torus32, N_MAX * sizeof(*x->torus32)));
	OK(mem_alloc_aligned(&x->got32, N_MAX * sizeof(*x->got32)));
	OK(mem_alloc_aligned(&x->a, N_MAX * sizeof(double)));
	OK(mem_alloc_aligned(&x->b, N_MAX * sizeof(double)));
	OK(mem_alloc_aligned(&x->c, N_MAX * sizeof(double)));
	OK(mem_alloc_aligned(&x->reals, N_MAX * sizeof(double)));
	*state = x;
	return 0;
}

static int free_arrays(void **state)
{
	struct arrays *x = *state;
	mem_free_aligned(x->small, N_MAX * sizeof(*x->small));
	mem_free_aligned(x->torus, N_MAX * sizeof(*x->torus));
	mem_free_aligned(x->exact, N_MAX * sizeof(*x->exact));
	mem_free_aligned(x->got, N_MAX * sizeof(*x->got));
	mem_free_aligned(x->torus32, N_MAX * sizeof(*x->torus32));
	mem_free_aligned(x->got32, N_MAX * sizeof(*x->got32));
	mem_free_aligned(x->a, N_MAX * sizeof(double));
	mem_free_aligned(x->b, N_MAX * sizeof(double));
	mem_free_aligned(x->c, N_MAX * sizeof(double));
	mem_free_aligned(x->reals, N_MAX * sizeof(double));
	mem_free(x);
	return 0;
}

static void fill_small(int32_t *out, unsigned n, unsigned bits, uint64_t *rng)
{
	for (unsigned j = 0; j < n; j++)
		out[j] = (int32_t)(next_random(rng) >> (64 - bits)) - (1 << (bits - 1));
}

/* Products of 7-bit digits and 32-bit torus elements leave 2^-53 * 2^6 * sqrt(N) log N, far below
 * half of 2^-32: the rounded result is exact. */
static void products_mod_2_32_are_exact(void **state)
{
	struct arrays *x = *state;
	uint64_t rng = 1;
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++)
		for (unsigned n_log2 = 8; n_log2 <= 13; n_log2++) {
			const struct ring_fft *f;
			unsigned n = 1u << n_log2;
			OK(ring_fft_get(&f, n_log2, isa));
			assert_int_equal(ring_fft_n(f), n);
			assert_int_equal(ring_fft_isa(f), isa);
			fill_small(x->small, n, 7, &rng);
			for (unsigned j = 0; j < n; j++) {
				x->torus32[j] = (uint32_t)next_random(&rng);
				x->torus[j] = (uint64_t)x->torus32[j] << 32;
				x->got32[j] = (uint32_t)next_random(&rng);
				x->exact[j] = (uint64_t)x->got32[j] << 32;
			}
			exact_mul_add(x->exact, x->small, x->torus, n);
			ring_fft_forward_i32(f, x->a, x->small);
			ring_fft_forward_u32(f, x->b, x->torus32);
			ring_fft_mul(f, x->c, x->a, x->b);
			ring_fft_inverse_add_u32(f, x->got32, x->c);
			for (unsigned j = 0; j < n; j++)
				if (x->got32[j] != x->exact[j] >> 32)
					fail_msg("%s N=%u coefficient %u: %08x instead of %08x",
						isa_name(isa), n, j, x->got32[j],
						(unsigned)(x->exact[j] >> 32));
		}
}

/* The sums of a bootstrap: two products of 23-bit digits with torus elements. The error's variance
 * stays below the FFT term of the noise formula (design: FFTn / (1 + kN/2) a coefficient, since the
 * phase multiplies the mask's errors by N/2 key bits). */
static void products_mod_2_64_keep_the_noise_formula(void **state)
{
	struct arrays *x = *state;
	uint64_t rng = 2;
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++)
		for (unsigned n_log2 = 8; n_log2 <= 13; n_log2++) {
			const struct ring_fft *f;
			unsigned n = 1u << n_log2;
			OK(ring_fft_get(&f, n_log2, isa));
			for (unsigned j = 0; j < n; j++)
				x->exact[j] = x->got[j] = next_random(&rng);
			for (unsigned term = 0; term < 2; term++) {
				fill_small(x->small, n, 23, &rng);
				for (unsigned j = 0; j < n; j++)
					x->torus[j] = next_random(&rng);
				exact_mul_add(x->exact, x->small, x->torus, n);
				ring_fft_forward_i32(f, x->a, x->small);
				ring_fft_forward_u64(f, x->b, x->torus);
				if (term == 0)
					ring_fft_mul(f, x->c, x->a, x->b);
				else
					ring_fft_mul_add(f, x->c, x->a, x->b);
			}
			ring_fft_inverse_add_u64(f, x->got, x->c);
			double sum = 0, worst = 0;
			for (unsigned j = 0; j < n; j++) {
				double e = (double)(int64_t)(x->got[j] - x->exact[j]) * 0x1p-64;
				sum += e * e;
				worst = fmax(worst, fabs(e));
			}
			double variance = sum / n;
			/* Below N = 1024 the fit is short of f64 itself. */
			double slack = n < 1024 ? 2 : isa == ISA_PORTABLE ? 1.4 : 1.2;
			double bound = slack * 0.00705 * 0x1p22 * 0x1p46 * 0x1p-128 *
				       pow(n, 2.22003) * pow(2, 1.01827) / (1 + n / 2.0);
			if (getenv("AMT_TEST_VERBOSE") != NULL)
				print_message(
					"%-8s N=%4u error 2^%.2f, worst 2^%.2f, formula 2^%.2f\n",
					isa_name(isa), n, log2(variance) / 2, log2(worst),
					log2(bound) / 2);
			assert_true(variance > 0 && variance < bound);
			assert_true(worst < 8 * sqrt(bound));
		}
}

static void reals_come_back(void **state)
{
	struct arrays *x = *state;
	uint64_t rng = 3;
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++)
		for (unsigned n_log2 = 8; n_log2 <= 13; n_log2++) {
			const struct ring_fft *f;
			unsigned n = 1u << n_log2;
			OK(ring_fft_get(&f, n_log2, isa));
			fill_small(x->small, n, 31, &rng);
			ring_fft_forward_i32(f, x->a, x->small);
			ring_fft_inverse_f64(f, x->reals, x->a);
			for (unsigned j = 0; j < n; j++)
				assert_true(fabs(x->reals[j] - x->small[j]) < 0x1p-15);
		}
}

/* Half of the torus is the one value whose sign is a matter of taste: both are the same element. */
static void the_edge_of_the_torus_wraps(void **state)
{
	struct arrays *x = *state;
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++) {
		const struct ring_fft *f;
		OK(ring_fft_get(&f, 8, isa));
		for (int odd = -5; odd <= 5; odd += 2) {
			memset(x->small, 0, 256 * sizeof(int32_t));
			memset(x->torus, 0, 256 * sizeof(uint64_t));
			memset(x->got, 0, 256 * sizeof(uint64_t));
			memset(x->got32, 0, 256 * sizeof(uint32_t));
			x->small[0] = odd;
			x->torus[17] = (uint64_t)1 << 63;
			ring_fft_forward_i32(f, x->a, x->small);
			ring_fft_forward_u64(f, x->b, x->torus);
			ring_fft_mul(f, x->c, x->a, x->b);
			memcpy(x->a, x->c, 256 * sizeof(double));
			ring_fft_inverse_add_u64(f, x->got, x->c);
			ring_fft_inverse_add_u32(f, x->got32, x->a);
			assert_true(llabs((long long)(x->got[17] - ((uint64_t)1 << 63))) < 1 << 16);
			assert_int_equal(x->got32[17], 1u << 31);
			assert_int_equal(x->got32[16], 0);
		}
	}
}

static void foreign_sizes_are_refused(void **state)
{
	(void)state;
	const struct ring_fft *f, *again;
	FAILS(AMT_UNSUPPORTED, ring_fft_get(&f, 7, ISA_PORTABLE));
	FAILS(AMT_UNSUPPORTED, ring_fft_get(&f, 14, ISA_PORTABLE));
	if (cpu_isa_available() < ISA_AVX512)
		FAILS(AMT_UNSUPPORTED, ring_fft_get(&f, 10, ISA_AVX512));
	OK(ring_fft_get(&f, 10, ISA_PORTABLE));
	OK(ring_fft_get(&again, 10, ISA_PORTABLE));
	assert_ptr_equal(f, again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_mod_2_32_are_exact),
		cmocka_unit_test(products_mod_2_64_keep_the_noise_formula),
		cmocka_unit_test(reals_come_back),
		cmocka_unit_test(the_edge_of_the_torus_wraps),
		cmocka_unit_test(foreign_sizes_are_refused),
	};
	return cmocka_run_group_tests_name("ring", tests, make_arrays, free_arrays);
}

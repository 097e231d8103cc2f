/* The two hot loops on every instruction set: noiseless keys make exact answers. */
#include "testing.h"

#include "../ring/reference.h"
#include "tfhe/kernel.h"

#include <math.h>
#include <stdlib.h>

static const struct noise_distribution no_noise = {NOISE_TUNIFORM, 0, 0};

static struct tfhe_params params_of(
	unsigned n, unsigned n_poly_log2, unsigned base, unsigned levels)
{
	return (struct tfhe_params){.id = 999,
		.name = "kernel test",
		.n = n,
		.k = 1,
		.n_poly_log2 = n_poly_log2,
		.lwe_noise = no_noise,
		.glwe_noise = no_noise,
		.pbs_base_log2 = base,
		.pbs_levels = levels,
		.ks_base_log2 = 2,
		.ks_levels = 8,
		.precision_log2 = 4,
		.max_noise = 1,
		.toy = true};
}

static struct tfhe_params grouped(unsigned n, unsigned n_poly_log2)
{
	struct tfhe_params p = params_of(n, n_poly_log2, 22, 1);
	p.group = 3;
	return p;
}

static void *aligned(size_t size)
{
	void *memory;
	OK(mem_alloc_aligned(&memory, size));
	return memory;
}

/* A noiseless GLWE of s * 2^shift at row polynomial `row` (0: times -S, 1: times 1). */
static void make_row(uint64_t *glwe, const int32_t *secret, unsigned n, unsigned row, unsigned s,
	unsigned shift, uint64_t *rng)
{
	for (unsigned j = 0; j < n; j++) {
		glwe[j] = next_random(rng);
		glwe[n + j] = 0;
	}
	exact_mul_add(glwe + n, secret, glwe, n);
	if (row == 1)
		glwe[n] += (uint64_t)s << shift;
	else
		for (unsigned j = 0; j < n; j++)
			glwe[n + j] -= (uint64_t)(s * (unsigned)secret[j]) << shift;
}

struct setting {
	struct tfhe_params params;
	int32_t *secret; /* GLWE key, N bits */
	unsigned char bits[64];
	struct tfhe_bootstrap_key key;
	uint64_t rng;
};

/* The key bits of a step as a number. */
static unsigned subset_of(const struct setting *x, unsigned step)
{
	unsigned group = tfhe_group(&x->params), subset = 0;
	for (unsigned j = 0; j < group; j++)
		subset |= (unsigned)x->bits[step * group + j] << j;
	return subset;
}

static unsigned rotation_of(const struct setting *x, const uint16_t *masks)
{
	unsigned sum = 0;
	for (unsigned step = 0; step < tfhe_steps(&x->params); step++)
		if (subset_of(x, step) != 0)
			sum += masks[step * tfhe_subsets(&x->params) + subset_of(x, step) - 1];
	return sum;
}

static void set_up(struct setting *x, enum isa isa)
{
	unsigned n = tfhe_poly_size(&x->params);
	x->secret = aligned(n * sizeof(int32_t));
	uint64_t *glwe = aligned(2 * n * sizeof(uint64_t));
	x->rng = 4; /* the same keys for every instruction set */
	for (unsigned j = 0; j < n; j++)
		x->secret[j] = (int32_t)(next_random(&x->rng) >> 63);
	OK(tfhe_bootstrap_key_alloc(&x->key, &x->params, isa));
	for (unsigned i = 0; i < x->params.n; i++)
		x->bits[i] = (unsigned char)(next_random(&x->rng) >> 63);
	for (unsigned i = 0; i < tfhe_ggsws(&x->params); i++) {
		unsigned step = i / tfhe_subsets(&x->params);
		bool active = subset_of(x, step) == i % tfhe_subsets(&x->params) + 1;
		for (unsigned row = 0; row < 2 * x->params.pbs_levels; row++) {
			make_row(glwe, x->secret, n, row % 2, active,
				64 - x->params.pbs_base_log2 * (row / 2 + 1), &x->rng);
			tfhe_bootstrap_key_set(&x->key, i, row, glwe);
		}
	}
	mem_free_aligned(glwe, 2 * n * sizeof(uint64_t));
}

static void tear_down(struct setting *x)
{
	mem_free_aligned(x->secret, tfhe_poly_size(&x->params) * sizeof(int32_t));
	tfhe_bootstrap_key_free(&x->key);
}

/* phase = body - mask * secret, on 64 bits with the low 32 zero. */
static void phase_of(uint64_t *phase, const uint32_t *glwe, const int32_t *secret, unsigned n)
{
	uint64_t *mask = aligned(n * sizeof(uint64_t));
	for (unsigned j = 0; j < n; j++) {
		mask[j] = -((uint64_t)glwe[j] << 32);
		phase[j] = (uint64_t)glwe[n + j] << 32;
	}
	exact_mul_add(phase, secret, mask, n);
	mem_free_aligned(mask, n * sizeof(uint64_t));
}

/* What a blind rotation with noiseless keys may be off by: the rounding of the decomposition, and
 * of the accumulator to 32 bits, multiplied by N/2 key bits; 9 standard deviations, and the bias of
 * ties. */
static double tolerance(const struct tfhe_params *p)
{
	double n = tfhe_poly_size(p), b = p->pbs_base_log2, l = p->pbs_levels;
	double step = (n / 2 + 1) * (pow(2, -2 * b * l) / 12 + 0x1p-64 / 12) +
		      0.0141 * 0x1p22 * 0x1p-128 * pow(2, 2 * b) * pow(n, 2.22) * l;
	double more = tfhe_group(p) > 1 ? 2 * tfhe_subsets(p) : 1;
	return 9 * sqrt(p->n * step * more) + p->n * n / 2 * 0x1p-33;
}

static void rotate_and_check(struct setting *x, size_t batch, const char *isa)
{
	const struct tfhe_params *p = &x->params;
	unsigned n = tfhe_poly_size(p);
	size_t words = 2 * (size_t)n;
	uint32_t *accumulators = aligned(batch * words * sizeof(uint32_t));
	uint32_t *alone = aligned(words * sizeof(uint32_t));
	uint32_t *original = aligned(batch * words * sizeof(uint32_t));
	size_t count = tfhe_ggsws(p);
	uint16_t *masks = aligned(batch * count * sizeof(uint16_t));
	uint64_t *before = aligned(n * sizeof(uint64_t)), *after = aligned(n * sizeof(uint64_t));
	for (size_t j = 0; j < batch * words; j++)
		original[j] = accumulators[j] = (uint32_t)next_random(&x->rng);
	for (size_t j = 0; j < batch * count; j++)
		masks[j] = (uint16_t)(next_random(&x->rng) & (2 * n - 1));
	/* the edges of a rotation */
	const unsigned edges[] = {0, 1, n - 1, n, n + 1, 2 * n - 1, 15, n + 17};
	for (size_t i = 0; i < count && i < 8; i++)
		masks[i] = (uint16_t)edges[i];
	size_t scratch_bytes = tfhe_blind_rotate_scratch(&x->key, batch);
	void *scratch = aligned(scratch_bytes);
	tfhe_blind_rotate(&x->key, accumulators, masks, batch, scratch);
	for (size_t b = 0; b < batch; b++) {
		unsigned rotation = rotation_of(x, masks + b * count);
		phase_of(before, original + b * words, x->secret, n);
		phase_of(after, accumulators + b * words, x->secret, n);
		for (unsigned j = 0; j < n; j++) {
			unsigned to = (j + rotation) & (2 * n - 1);
			uint64_t want = to < n ? before[j] : -before[j];
			double error = (double)(int64_t)(after[to & (n - 1)] - want) * 0x1p-64;
			if (!(fabs(error) < tolerance(p)))
				fail_msg("%s N=%u batch %zu: ciphertext %zu coefficient %u off by "
					 "2^%.1f",
					isa, n, batch, b, j, log2(fabs(error)));
		}
		memcpy(alone, original + b * words, words * sizeof(uint32_t));
		tfhe_blind_rotate(&x->key, alone, masks + b * count, 1, scratch);
		assert_memory_equal(alone, accumulators + b * words, words * sizeof(uint32_t));
	}
	mem_free_aligned(scratch, scratch_bytes);
	mem_free_aligned(accumulators, batch * words * sizeof(uint32_t));
	mem_free_aligned(alone, words * sizeof(uint32_t));
	mem_free_aligned(original, batch * words * sizeof(uint32_t));
	mem_free_aligned(masks, batch * count * sizeof(uint16_t));
	mem_free_aligned(before, n * sizeof(uint64_t));
	mem_free_aligned(after, n * sizeof(uint64_t));
}

/* Every size, one and two levels, every batch size with a remainder; a batch equals its ciphertexts
 * one by one, bit for bit. */
static void blind_rotation_rotates_by_the_phase(void **state)
{
	(void)state;
	const struct tfhe_params sets[] = {params_of(24, 8, 23, 1), params_of(20, 9, 15, 2),
		params_of(12, 10, 23, 1), params_of(9, 11, 23, 1), params_of(9, 11, 14, 2),
		params_of(3, 12, 22, 1), params_of(2, 13, 15, 2), grouped(24, 8), grouped(12, 9),
		grouped(9, 10), grouped(9, 11), grouped(3, 12)};
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++)
		for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
			struct setting x = {.params = sets[i]};
			set_up(&x, isa);
			if (sets[i].n_poly_log2 <= 9)
				for (size_t batch = 1; batch <= TFHE_BATCH; batch++)
					rotate_and_check(&x, batch, isa_name(isa));
			else
				rotate_and_check(&x, 3, isa_name(isa));
			tear_down(&x);
		}
}

/* AVX2 and AVX-512 compute the same operations in the same order. */
static void vector_sets_agree_bit_for_bit(void **state)
{
	(void)state;
	if (cpu_isa_available() < ISA_AVX512)
		return;
	for (unsigned n_log2 = 8; n_log2 <= 15; n_log2++) {
		struct tfhe_params p = n_log2 >= 12 ? grouped(6, n_log2 - 4)
						    : params_of(8, n_log2, n_log2 % 2 ? 23 : 14,
							      n_log2 % 2 ? 1 : 2);
		unsigned n = tfhe_poly_size(&p), count = tfhe_ggsws(&p);
		uint32_t *results[2];
		for (unsigned i = 0; i < 2; i++) {
			struct setting x = {.params = p};
			set_up(&x, i == 0 ? ISA_AVX2 : ISA_AVX512);
			results[i] = aligned(2 * n * sizeof(uint32_t));
			uint16_t masks[16];
			size_t bytes = tfhe_blind_rotate_scratch(&x.key, 1);
			void *scratch = aligned(bytes);
			for (unsigned j = 0; j < 2 * n; j++)
				results[i][j] = (uint32_t)next_random(&x.rng);
			for (unsigned j = 0; j < count; j++)
				masks[j] = (uint16_t)(next_random(&x.rng) & (2 * n - 1));
			tfhe_blind_rotate(&x.key, results[i], masks, 1, scratch);
			mem_free_aligned(scratch, bytes);
			tear_down(&x);
		}
		assert_memory_equal(results[0], results[1], 2 * n * sizeof(uint32_t));
		mem_free_aligned(results[0], 2 * n * sizeof(uint32_t));
		mem_free_aligned(results[1], 2 * n * sizeof(uint32_t));
	}
}

/* Key switch of a polynomial from key T to key S with rows that encrypt -T. */
static void glwe_keyswitch_changes_the_key(void **state)
{
	(void)state;
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++)
		for (unsigned levels = 1; levels <= 2; levels++) {
			struct setting x = {
				.params = params_of(1, 10, levels == 1 ? 23 : 12, levels)};
			set_up(&x, isa);
			unsigned n = tfhe_poly_size(&x.params);
			int32_t *from = aligned(n * sizeof(int32_t));
			uint64_t *row = aligned(2 * n * sizeof(uint64_t));
			double *rows = aligned(levels * 2 * n * sizeof(double));
			uint32_t *glwe = aligned(2 * n * sizeof(uint32_t));
			uint32_t *a = aligned(n * sizeof(uint32_t));
			uint64_t *want = aligned(n * sizeof(uint64_t));
			uint64_t *got = aligned(n * sizeof(uint64_t));
			size_t bytes = tfhe_blind_rotate_scratch(&x.key, 1);
			void *scratch = aligned(bytes);
			for (unsigned j = 0; j < n; j++)
				from[j] = (int32_t)(next_random(&x.rng) >> 63);
			for (unsigned level = 0; level < levels; level++) {
				unsigned shift = 64 - x.params.pbs_base_log2 * (level + 1);
				make_row(row, x.secret, n, 1, 0, 0, &x.rng);
				for (unsigned j = 0; j < n; j++)
					row[n + j] -= (uint64_t)from[j] << shift;
				for (unsigned c = 0; c < 2; c++)
					ring_fft_forward_u64(
						x.key.fft, rows + (2 * level + c) * n, row + c * n);
			}
			for (unsigned j = 0; j < n; j++)
				a[j] = (uint32_t)next_random(&x.rng);
			for (unsigned j = 0; j < 2 * n; j++)
				glwe[j] = (uint32_t)next_random(&x.rng);
			phase_of(want, glwe, x.secret, n);
			for (unsigned j = 0; j < n; j++)
				row[j] = -((uint64_t)a[j] << 32);
			exact_mul_add(want, from, row, n);
			tfhe_glwe_keyswitch(&x.key, rows, glwe, a, scratch);
			phase_of(got, glwe, x.secret, n);
			for (unsigned j = 0; j < n; j++)
				assert_true(fabs((double)(int64_t)(got[j] - want[j]) * 0x1p-64) <
					    tolerance(&x.params));
			mem_free_aligned(from, n * sizeof(int32_t));
			mem_free_aligned(row, 2 * n * sizeof(uint64_t));
			mem_free_aligned(rows, levels * 2 * n * sizeof(double));
			mem_free_aligned(glwe, 2 * n * sizeof(uint32_t));
			mem_free_aligned(a, n * sizeof(uint32_t));
			mem_free_aligned(want, n * sizeof(uint64_t));
			mem_free_aligned(got, n * sizeof(uint64_t));
			mem_free_aligned(scratch, bytes);
			tear_down(&x);
		}
}

/* Nearest multiple of 2^(32 - base * levels), ties upwards, in balanced digits: written from the
 * definition, without the offset trick. Those of -x, negated, if the second bit below the cut is
 * set.
 */
static void digits_of(int *digits, uint32_t x, unsigned base_log2, unsigned levels)
{
	unsigned rest = 32 - base_log2 * levels;
	int sign = (x >> (rest - 2) & 1) != 0 ? -1 : 1;
	if (sign < 0)
		x = -x;
	int64_t rounded = (int64_t)(((uint64_t)x + (1ull << (rest - 1))) >> rest);
	int64_t base = (int64_t)1 << base_log2;
	for (unsigned l = levels; l-- > 0;) {
		int64_t digit = rounded & (base - 1);
		if (digit >= base / 2)
			digit -= base;
		digits[l] = sign * (int)digit;
		rounded = (rounded - digit) / base;
	}
}

/* A word of the key, rounded to the bits that the set keeps. */
static uint32_t kept(const struct tfhe_params *p, uint32_t word)
{
	return p->ks_word_log2 == 24 ? (word + 128) / 256 * 256 : word;
}

static void check_keyswitch(struct tfhe_params *p, size_t batch, enum isa isa)
{
	uint64_t rng = 5;
	size_t words = p->n + 1, dimension = tfhe_big_dimension(p);
	size_t rows = dimension * p->ks_levels;
	uint32_t *plain = aligned(rows * words * sizeof(uint32_t));
	uint32_t *in = aligned(batch * (dimension + 1) * sizeof(uint32_t));
	uint32_t *out = aligned(batch * words * sizeof(uint32_t));
	uint32_t *want = aligned(words * sizeof(uint32_t));
	const uint32_t *pointers[TFHE_BATCH];
	uint32_t offsets[TFHE_BATCH];
	struct tfhe_keyswitch_key key;
	OK(tfhe_keyswitch_key_alloc(&key, p, isa));
	for (size_t j = 0; j < rows * words; j++)
		plain[j] = (uint32_t)next_random(&rng);
	/* the largest sums the accumulators may see */
	for (size_t j = 0; j < rows; j++) {
		plain[j * words] = UINT32_MAX;
		plain[j * words + 1] = 0;
	}
	for (unsigned i = 0; i < dimension; i++)
		for (unsigned l = 0; l < p->ks_levels; l++)
			tfhe_keyswitch_key_set(&key, i, l, plain + (i * p->ks_levels + l) * words);
	for (size_t b = 0; b < batch; b++) {
		pointers[b] = in + b * (dimension + 1);
		offsets[b] = (uint32_t)next_random(&rng);
		uint32_t all_lowest = 0; /* every digit -B/2 */
		for (unsigned l = 1; l <= p->ks_levels; l++)
			all_lowest -= 1u << (32 - p->ks_base_log2 * l + p->ks_base_log2 - 1);
		for (size_t j = 0; j <= dimension; j++)
			in[b * (dimension + 1) + j] =
				b == 1 ? all_lowest : (uint32_t)next_random(&rng);
	}
	size_t scratch_bytes = tfhe_keyswitch_scratch(&key, batch);
	void *scratch = aligned(scratch_bytes);
	tfhe_keyswitch(&key, out, pointers, offsets, batch, scratch);
	for (size_t b = 0; b < batch; b++) {
		memset(want, 0, words * sizeof(uint32_t));
		want[p->n] = pointers[b][dimension] + offsets[b];
		for (size_t i = 0; i < dimension; i++) {
			int digits[32];
			digits_of(digits, pointers[b][i], p->ks_base_log2, p->ks_levels);
			for (unsigned l = 0; l < p->ks_levels; l++)
				for (size_t j = 0; j < words; j++)
					want[j] -=
						(uint32_t)digits[l] *
						kept(p, plain[(i * p->ks_levels + l) * words + j]);
		}
		for (size_t j = 0; j < words; j++)
			if (want[j] != out[b * words + j])
				fail_msg("%s n=%u batch %zu: ciphertext %zu word %zu: %08x "
					 "instead of %08x",
					isa_name(isa), p->n, batch, b, j, out[b * words + j],
					want[j]);
	}
	tfhe_keyswitch_key_free(&key);
	mem_free_aligned(scratch, scratch_bytes);
	mem_free_aligned(plain, rows * words * sizeof(uint32_t));
	mem_free_aligned(in, batch * (dimension + 1) * sizeof(uint32_t));
	mem_free_aligned(out, batch * words * sizeof(uint32_t));
	mem_free_aligned(want, words * sizeof(uint32_t));
}

static void check_keyswitches(void)
{
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++) {
		for (size_t batch = 1; batch <= TFHE_BATCH; batch++) {
			struct tfhe_params p = params_of(37, 8, 23, 1);
			check_keyswitch(&p, batch, isa);
			p.ks_word_log2 = 24;
			check_keyswitch(&p, batch, isa);
		}
		for (unsigned base = 1; base <= 7; base++) {
			struct tfhe_params p = params_of(63 + base, 8, 23, 1);
			p.ks_base_log2 = base;
			p.ks_levels = base == 1 ? 16 : 23 / base;
			check_keyswitch(&p, 3, isa);
		}
		struct tfhe_params real = params_of(879, 11, 23, 1);
		check_keyswitch(&real, 3, isa);
		struct tfhe_params wide = params_of(20, 13, 23, 1);
		wide.ks_base_log2 = 7;
		wide.ks_levels = 4;
		check_keyswitch(&wide, 2, isa);
	}
}

static void keyswitch_is_exact(void **state)
{
	(void)state;
	check_keyswitches();
	/* Capped, an AVX-512 machine hides VNNI: the kernel's other products. */
	assert_int_equal(setenv("AMT_ISA", "avx2", 1), 0);
	check_keyswitches();
	assert_int_equal(unsetenv("AMT_ISA"), 0);
}

/* round(a 2N / 2^32) with ties upwards, and the body by its definition: nearest integer below
 * b + 1/2 sum of errors, all exact. */
static void modulus_switch_is_centred(void **state)
{
	(void)state;
	uint64_t rng = 6;
	for (unsigned n_log2 = 8; n_log2 <= 13; n_log2++)
		for (unsigned round = 0; round < 50; round++) {
			struct tfhe_params p = params_of(879, n_log2, 23, 1);
			uint32_t lwe[880];
			uint16_t mask[879], body;
			for (unsigned i = 0; i < 880; i++)
				lwe[i] = round == 0   ? UINT32_MAX
					 : round == 1 ? 1u << (30 - n_log2)
						      : (uint32_t)next_random(&rng);
			tfhe_modulus_switch(&p, mask, &body, lwe);
			double unit = ldexp(1, 31 - (int)n_log2), sum = 0;
			unsigned modulus = 2u << n_log2;
			for (unsigned i = 0; i < p.n; i++) {
				double rounded = floor(lwe[i] / unit + 0.5);
				sum += rounded * unit - lwe[i];
				assert_int_equal(mask[i], (unsigned)rounded % modulus);
			}
			/* Doubles hold multiples of 1/2 below 2^43 exactly. */
			double want = floor((lwe[p.n] + sum / 2) / unit);
			want -= floor(want / modulus) * modulus;
			assert_int_equal(body, (unsigned)want);
		}
}

/* Of all ways to round the sums of the subsets to multiples of the unit that differ by at most one
 * from each other's, the one with the least variance: by cutting the circle before every point. */
static double least_variance(const double t[8], double unit)
{
	double least = INFINITY;
	for (unsigned cut = 0; cut < 8; cut++) {
		double sum = 0, squares = 0;
		for (unsigned j = 0; j < 8; j++) {
			double x = t[j] - t[cut] - floor((t[j] - t[cut]) / unit) * unit;
			sum += x / 8;
			squares += x * x / 8;
		}
		least = fmin(least, squares - sum * sum);
	}
	return least;
}

static void grouped_modulus_switch_is_centred(void **state)
{
	(void)state;
	uint64_t rng = 8;
	for (unsigned n_log2 = 8; n_log2 <= 13; n_log2++)
		for (unsigned turn = 0; turn < 50; turn++) {
			struct tfhe_params p = grouped(879, n_log2);
			uint32_t lwe[880];
			uint16_t mask[7 * 293], body;
			for (unsigned i = 0; i < 880; i++)
				lwe[i] = turn == 0   ? UINT32_MAX
					 : turn == 1 ? 1u << (30 - n_log2)
					 : turn == 2 ? 0
						     : (uint32_t)next_random(&rng);
			tfhe_modulus_switch(&p, mask, &body, lwe);
			double unit = ldexp(1, 31 - (int)n_log2), all = 0;
			double modulus = 2u << n_log2;
			for (unsigned step = 0; step < 293; step++) {
				double t[8] = {0}, error[8] = {0}, mean = 0, variance = 0;
				for (unsigned j = 1; j < 8; j++) {
					for (unsigned i = 0; i < 3; i++)
						t[j] += j >> i & 1 ? lwe[3 * step + i] : 0;
					error[j] = mask[7 * step + j - 1] * unit - t[j];
					/* the nearest to 0 of those that are the same modulo 2N */
					error[j] -=
						round(error[j] / (modulus * unit)) * modulus * unit;
					assert_true(fabs(error[j]) <= unit);
					mean += error[j] / 8;
				}
				for (unsigned j = 0; j < 8; j++)
					variance += (error[j] - mean) * (error[j] - mean) / 8;
				/* 12 bits decide */
				assert_true(
					variance <= least_variance(t, unit) + unit * unit / 2048);
				all += mean;
			}
			double want = floor((lwe[p.n] + all) / unit);
			want -= floor(want / modulus) * modulus;
			assert_int_equal(body, (unsigned)want);
		}
}

static void unsupported_sets_are_refused(void **state)
{
	(void)state;
	struct tfhe_params p = params_of(10, 10, 23, 1);
	struct tfhe_bootstrap_key key;
	struct tfhe_keyswitch_key switch_key;
	p.k = 2;
	FAILS(AMT_UNSUPPORTED, tfhe_bootstrap_key_alloc(&key, &p, ISA_PORTABLE));
	FAILS(AMT_UNSUPPORTED, tfhe_keyswitch_key_alloc(&switch_key, &p, ISA_PORTABLE));
	p = params_of(10, 14, 23, 1);
	FAILS(AMT_UNSUPPORTED, tfhe_bootstrap_key_alloc(&key, &p, ISA_PORTABLE));
	p = params_of(10, 10, 23, 2);
	FAILS(AMT_UNSUPPORTED, tfhe_bootstrap_key_alloc(&key, &p, ISA_PORTABLE));
	p = params_of(10, 10, 23, 1);
	mem_fail_nth(1);
	FAILS(AMT_OUT_OF_MEMORY, tfhe_keyswitch_key_alloc(&switch_key, &p, ISA_PORTABLE));
	mem_fail_nth(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blind_rotation_rotates_by_the_phase),
		cmocka_unit_test(vector_sets_agree_bit_for_bit),
		cmocka_unit_test(glwe_keyswitch_changes_the_key),
		cmocka_unit_test(keyswitch_is_exact),
		cmocka_unit_test(modulus_switch_is_centred),
		cmocka_unit_test(grouped_modulus_switch_is_centred),
		cmocka_unit_test(unsupported_sets_are_refused),
	};
	return cmocka_run_group_tests_name("kernel", tests, NULL, NULL);
}

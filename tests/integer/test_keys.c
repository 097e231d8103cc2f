/* Every operation on real ciphertexts: toy keys for volume, the default set (128 bits) sampled;
 * counts, decryption, and the noise that was tracked against the noise there is. */
#include "testing.h"

#include "../tfhe/fixture.h"
#include "../tfhe/toy_params.h"
#include "integer/internal.h"
#include "integer/secret.h"
#include "ops.h"
#include "tfhe/noise.h"

#include <math.h>

#include <stdlib.h>

static void encrypt(struct harness *h, struct int_column *out, enum int_type type,
	const uint64_t *values, size_t rows)
{
	OK(int_encrypt(h->secret, out, type, values, rows));
}

static void decrypt(struct harness *h, const struct int_column *column, uint64_t *values)
{
	OK(int_decrypt(h->secret, column, values));
}

/* Sum over rows of the squared distance from the message, in noise units. */
static double squared_noise(struct harness *h, const struct int_block *block, size_t rows)
{
	const struct tfhe_params *p = tfhe_secret_params(h->secret);
	double sum = 0, unit = sqrt(tfhe_noise_bootstrap(p)) * 4294967296.0;
	for (size_t r = 0; r < rows; r++) {
		uint32_t phase;
		OK(tfhe_phase_lwe(h->secret, &phase, block->lwe + r * tfhe_lwe_stride(p)));
		int32_t error = (int32_t)(phase - (tfhe_decode(p, phase) << tfhe_delta_log2(p)));
		sum += error / unit * (error / unit);
	}
	return sum;
}

/* True noise over tracked noise of all blocks of a column; 0 if it has none. */
static double noise_ratio(struct harness *h, const struct int_column *column, double *samples)
{
	double truth = 0, tracked = 0;
	*samples = 0;
	for (unsigned b = 0; b < column->blocks; b++) {
		const struct int_block *block = &column->block[b];
		truth += squared_noise(h, block, column->rows);
		tracked += (double)int_noise(block) * (double)column->rows;
		*samples += (double)column->rows;
	}
	if (tracked == 0)
		assert_true(truth == 0);
	return tracked == 0 ? 0 : truth / tracked;
}

/* Eight standard deviations of the estimate of a variance, and its long tail for few samples; a toy key of 14 bits is far from the
 * average key that the formula for one unit speaks of. */
static double slack(const struct harness *h, double samples)
{
	return (tfhe_secret_params(h->secret)->toy ? 2 : 1) + 8 * sqrt(2 / samples) + 30 / samples;
}

static void check_noise(struct harness *h, const struct int_column *column)
{
	double samples, ratio = noise_ratio(h, column, &samples);
	if (ratio > slack(h, samples))
		fail_msg("%s, %s: noise is %.2f times what was tracked (%.0f samples, %llu units)",
			tfhe_secret_params(h->secret)->name, int_type_name(column->type), ratio,
			samples, (unsigned long long)int_noise(&column->block[0]));
}

static void no_check(struct harness *h, const struct int_column *column)
{
	(void)h;
	(void)column;
}

static void open_harness(struct harness *h, struct fixture *f, uint16_t params)
{
	fixture_open(f, params, 2);
	*h = (struct harness){.e = f->e,
		.secret = f->secret,
		.encrypt = encrypt,
		.decrypt = decrypt,
		.check_noise = check_noise};
	OK(int_context_new(&h->c, f->e));
}

static void close_harness(struct harness *h, struct fixture *f)
{
	int_context_free(h->c);
	fixture_close(f);
}

/* Two columns, with themselves, with a broadcast row and with a public constant. */
static void operations(struct harness *h, enum int_type t, size_t rows, bool variants)
{
	uint64_t *x = calloc(rows + 400, sizeof(*x)), *y = calloc(rows + 400, sizeof(*y));
	struct int_column a, b;
	fill_values(x, y, rows + 400, t);
	memmove(x, x + 400 - rows / 2, rows * sizeof(*x));
	memmove(y, y + 400 - rows / 2, rows * sizeof(*y));
	h->encrypt(h, &a, t, x, rows);
	h->encrypt(h, &b, t, y, rows);
	binary(h, t, &a, &b, x, y, true);
	if (variants) {
		binary(h, t, &a, &a, x, x, false);
		int_column_free(&b);
		h->encrypt(h, &b, t, y, 1);
		binary(h, t, &a, &b, x, y, true);
		int_column_free(&b);
		OK(int_trivial(h->c, &b, t, y[0], 1));
		binary(h, t, &a, &b, x, y, false);
	}
	int_column_free(&a);
	int_column_free(&b);
	free(x);
	free(y);
}

/* Products, quotients, shifts and what else has tables of several functions. */
static void arithmetic(struct harness *h, enum int_type t, size_t rows, bool division)
{
	uint64_t *x = calloc(rows + 400, sizeof(*x)), *y = calloc(rows + 400, sizeof(*y));
	uint64_t *want = calloc(rows, sizeof(*want)), bits = int_type_bits(t);
	struct int_column a, b, k, r, s;
	fill_values(x, y, rows + 400, t);
	x += 400 - rows / 2;
	y += 400 - rows / 2;
	h->encrypt(h, &a, t, x, rows);
	h->encrypt(h, &b, t, y, rows);
	OK(int_trivial(h->c, &k, t, 0x2d39b35719e37a25, 1));
#define CHECK(call, value, name)            \
	OK(call);                           \
	for (size_t i = 0; i < rows; i++)   \
		want[i] = extend(t, value); \
	expect(h, &r, want, 0, -1, name)
	CHECK(int_mul(h->c, &r, &a, &b), x[i] * y[i], "mul");
	CHECK(int_mul(h->c, &r, &a, &k), x[i] * 0x2d39b35719e37a25, "mul clear");
	CHECK(int_add(h->c, &r, &a, &k), x[i] + 0x2d39b35719e37a25, "add clear");
	CHECK(int_neg(h->c, &r, &a), 0 - x[i], "neg");
	CHECK(int_shift(h->c, &r, INT_SHL, &a, &b), x[i] << y[i] % bits, "shl");
	CHECK(int_shift(h->c, &r, INT_SHL, &a, &k), x[i] << 0x25 % bits, "shl clear");
	if (int_type_signed(t)) {
		CHECK(int_shift(h->c, &r, INT_SHR, &a, &b),
			(uint64_t)((int64_t)extend(t, x[i]) >> y[i] % bits), "shr");
	}
	const struct int_column *many[] = {&a, &b, &a, &b, &b, &b, &a};
	CHECK(int_sum(h->c, &r, many, 7), 3 * x[i] + 4 * y[i], "sum");
	OK(int_add_overflow(h->c, &r, &s, &a, &b));
	int_column_free(&s);
	for (size_t i = 0; i < rows; i++)
		want[i] = extend(t, x[i] + y[i]);
	expect(h, &r, want, 0, -1, "add with overflow");
	if (division && !int_type_signed(t)) {
		OK(int_divide(h->c, &r, &s, &a, &b));
		for (size_t i = 0; i < rows; i++)
			want[i] = y[i] == 0 ? mask_of(t) : x[i] / y[i];
		expect(h, &r, want, 0, -1, "quotient");
		for (size_t i = 0; i < rows; i++)
			want[i] = y[i] == 0 ? x[i] : x[i] % y[i];
		expect(h, &s, want, 0, -1, "remainder");
	}
	CHECK(int_leading_zeros(h->c, &r, &a),
		(x[i] & mask_of(t)) == 0
			? bits
			: (uint64_t)__builtin_clzll(x[i] & mask_of(t)) - (64 - bits),
		"leading zeros");
#undef CHECK
	int_column_free(&a);
	int_column_free(&b);
	int_column_free(&k);
	free(x - (400 - rows / 2));
	free(y - (400 - rows / 2));
	free(want);
}

static void aggregates(struct harness *h, enum int_type t, size_t rows)
{
	uint64_t *x = calloc(rows + 400, sizeof(*x)), *y = calloc(rows + 400, sizeof(*y)), got;
	struct int_column a, r;
	fill_values(x, y, rows + 400, t);
	x += 300;
	h->encrypt(h, &a, t, x, rows);
	uint64_t sum = 0, lowest = x[0], highest = x[0];
	for (size_t i = 0; i < rows; i++) {
		sum += extend(t, x[i]);
		lowest = less(t, x[i], lowest) ? x[i] : lowest;
		highest = less(t, highest, x[i]) ? x[i] : highest;
	}
	OK(int_sum_rows(h->c, &r, &a, 32));
	h->decrypt(h, &r, &got);
	assert_int_equal(got, sum);
	int_column_free(&r);
	if (t != INT_BOOL) {
		OK(int_min_rows(h->c, &r, &a));
		h->decrypt(h, &r, &got);
		assert_int_equal(got, extend(t, lowest));
		int_column_free(&r);
		OK(int_max_rows(h->c, &r, &a));
		h->decrypt(h, &r, &got);
		assert_int_equal(got, extend(t, highest));
		int_column_free(&r);
	}
	int_column_free(&a);
	free(x - 300);
	free(y);
}

static void test_toy(void **state)
{
	(void)state;
	struct harness h;
	struct fixture f;
	for (uint16_t id = TOY_PARAMS; id <= TOY_PARAMS_GAUSSIAN; id++) {
		open_harness(&h, &f, id);
		if (id == TOY_PARAMS_GAUSSIAN) /* its bootstraps are measured in tests/tfhe */
			h.check_noise = no_check;
		for (int t = INT_BOOL; t <= INT_I64; t++) {
			operations(&h, (enum int_type)t, light() ? 2 : 12, id == TOY_PARAMS);
			aggregates(&h, (enum int_type)t, id == TOY_PARAMS && !light() ? 40 : 7);
			if (t != INT_BOOL)
				arithmetic(&h, (enum int_type)t, light() ? 1 : 4, id == TOY_PARAMS);
		}
		close_harness(&h, &f);
	}
}

static void test_real(void **state)
{
	(void)state;
	struct harness h;
	struct fixture f;
	open_harness(&h, &f, TFHE_DEFAULT_PARAMS);
	if (light()) {
		operations(&h, INT_BOOL, 1, false);
		close_harness(&h, &f);
		return;
	}
	operations(&h, INT_U8, 2, true);
	operations(&h, INT_I16, 1, false);
	arithmetic(&h, INT_U8, 2, true);
	arithmetic(&h, INT_I32, 1, false);
	operations(&h, INT_U64, 1, false);
	operations(&h, INT_BOOL, 2, true);
	aggregates(&h, INT_I8, 5);
	close_harness(&h, &f);
}

/* Random combinations of results that share sources: the tracked noise is what there is, no more
 * than estimates and rounding allow, and never less. */
static void random_combinations(struct harness *h, size_t rows, unsigned rounds, double below)
{
	enum { COLUMNS = 5 };
	uint64_t *x = calloc(2 * rows + 800, sizeof(*x)), *bits = calloc(rows, sizeof(*bits));
	struct int_column v[COLUMNS], bit, sum;
	fill_values(x, x + rows + 400, rows, INT_U8);
	for (size_t r = 0; r < rows; r++)
		bits[r] = rnd() & 1;
	h->encrypt(h, &bit, INT_BOOL, bits, rows);
	h->encrypt(h, &sum, INT_U8, x, rows);
	h->encrypt(h, &v[1], INT_U8, x + rows + 400, rows);
	OK(int_add(h->c, &v[0], &sum, &v[1])); /* digits of rotations with two results */
	int_column_free(&v[1]);
	OK(int_logic(h->c, &v[1], INT_XOR, &v[0], &sum));
	OK(int_select(h->c, &v[2], &bit, &v[0], &v[1])); /* shares v[1] */
	OK(int_select(h->c, &v[3], &bit, &v[2], &v[1])); /* again */
	OK(int_not(h->c, &v[4], &v[2]));		 /* shares v[2] */
	int_column_free(&sum);
	double all = 0;
	for (unsigned i = 0; i < COLUMNS; i++)
		check_noise(h, &v[i]);
	OK(int_column_alloc(&sum, tfhe_secret_params(h->secret), INT_U8, 1, rows));
	for (unsigned round = 0; round < rounds; round++) {
		/* Small messages so that the sum stays decodable: weights in [-2, 2], noise in view. */
		struct int_term terms[4];
		for (unsigned i = 0; i < 4; i++)
			terms[i] = (struct int_term){&v[rnd() % COLUMNS].block[rnd() % 4], rows,
				(int32_t)(rnd() % 5) - 2};
		OK(int_linear(h->c, &sum.block[0], rows, terms, 4, 0));
		double samples, ratio = noise_ratio(h, &sum, &samples);
		if (ratio > slack(h, samples) ||
			(ratio < below / slack(h, samples) && int_noise(&sum.block[0]) > 0))
			fail_msg("noise is %.2f times what was tracked", ratio);
		all += int_noise(&sum.block[0]) > 0 ? ratio : 1;
	}
	print_message("%s: true over tracked noise %.3f\n", tfhe_secret_params(h->secret)->name,
		all / rounds);
	for (unsigned i = 0; i < COLUMNS; i++)
		int_column_free(&v[i]);
	int_column_free(&bit);
	int_column_free(&sum);
	free(x);
	free(bits);
}

static void test_noise(void **state)
{
	(void)state;
	struct harness h;
	struct fixture f;
	open_harness(&h, &f, TOY_PARAMS);
	random_combinations(&h, light() ? 150 : 1500, 40, 0.5);
	close_harness(&h, &f);
	if (light())
		return;
	open_harness(&h, &f, TFHE_DEFAULT_PARAMS);
	random_combinations(&h, 24, 40, 0.5);
	close_harness(&h, &f);
}

/* Packed pages become columns; pages are appended. */
static void test_unpack(void **state)
{
	(void)state;
	struct harness h;
	struct fixture f;
	open_harness(&h, &f, TOY_PARAMS);
	unsigned n = tfhe_poly_size(f.p);
	uint32_t *values = calloc(n, sizeof(*values)), *glwe;
	uint64_t x[20], want[20];
	for (unsigned r = 0; r < 20; r++) {
		x[r] = rnd() & 0xffff;
		for (unsigned b = 0; b < 8; b++)
			values[5 + r * 8 + b] = (uint32_t)(x[r] >> 2 * b & 3)
						<< tfhe_delta_log2(f.p);
	}
	uint32_t *lwes = fixture_lwes(&f, n);
	const uint32_t **pointers = calloc(n, sizeof(*pointers));
	for (unsigned i = 0; i < n; i++) {
		pointers[i] = lwes + i * tfhe_lwe_stride(f.p);
		OK(tfhe_encrypt_lwe(f.secret, lwes + i * tfhe_lwe_stride(f.p), values[i]));
	}
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f.p) * sizeof(*glwe)));
	OK(tfhe_pack(f.e, glwe, pointers, n));
	struct int_column a, again, all = {0}, r;
	OK(int_unpack(h.c, &a, INT_U16, 8, glwe, 5, 20, 2, false));
	OK(int_unpack(h.c, &again, INT_U16, 8, glwe, 5, 20, 2, false));
	FAILS(AMT_OUT_OF_RANGE, int_unpack(h.c, &r, INT_U16, 8, glwe, n - 159, 20, 2, false));
	FAILS(AMT_NOISE_BUDGET, int_unpack(h.c, &r, INT_U16, 8, glwe, 0, 20, 1000, false));
	OK(int_compare(h.c, &r, INT_EQ, &a, &again)); /* known to be the same ciphertexts */
	assert_int_equal(r.block[0].sources, 0);
	int_column_free(&r);
	OK(int_append(h.c, &all, &a));
	OK(int_append(h.c, &all, &again));
	OK(int_add(h.c, &r, &all, &all));
	uint64_t got[40];
	h.decrypt(&h, &r, got);
	for (unsigned i = 0; i < 20; i++) {
		want[i] = (2 * x[i]) & 0xffff;
		assert_int_equal(got[i], want[i]);
		assert_int_equal(got[20 + i], want[i]);
	}
	int_column_free(&r);
	int_column_free(&all);
	int_column_free(&a);
	int_column_free(&again);
	mem_free_aligned(glwe, 0);
	mem_free_aligned(lwes, 0);
	free(pointers);
	free(values);
	close_harness(&h, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_toy),
		cmocka_unit_test(test_noise),
		cmocka_unit_test(test_unpack),
		cmocka_unit_test(test_real),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

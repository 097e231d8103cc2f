/* Products, sums, shifts, divisions on the clear-text double: all pairs of 8-bit values, edges and
 * random values beyond, bootstrap counts, ranges and noise. */
#include "on_double.h"

/* Bootstraps of clean operands, for 8, 16, 32, 64 bits. */
static const int mul_counts[] = {15, 55, 210, 818}, sum10_counts[] = {12, 24, 48, 96};

static int count_of(const int *counts, enum int_type t)
{
	unsigned bits = int_type_bits(t), i = 0;
	while (8u << i < bits)
		i++;
	return counts[i];
}

static void multiply(enum int_type t, const struct int_column *a, const struct int_column *b,
	const uint64_t *x, const uint64_t *y)
{
	size_t step = b->rows == 1 ? 0 : 1;
	uint64_t *want = calloc(a->rows, sizeof(*want));
	struct int_column r;
	for (size_t i = 0; i < a->rows; i++)
		want[i] = extend(t, x[i] * y[i * step]);
	uint64_t before = SPENT(&h);
	OK(int_mul(h.c, &r, a, b));
	int count = count_of(mul_counts, t);
	if (b->block[0].sources == 0 && SPENT(&h) - before > (uint64_t)(count / 4 + 3) * a->rows)
		fail_msg("%.1f bootstraps a value", (double)(SPENT(&h) - before) / (double)a->rows);
	expect(&h, &r, want, before, b->block[0].sources > 0 ? count : -1, "mul");
	free(want);
}

static void test_mul(void **state)
{
	(void)state;
	all_pairs(INT_U8, multiply);
	enum { ROWS = 400 };
	uint64_t x[ROWS], y[ROWS];
	for (int t = INT_U16; t <= INT_I64; t++) {
		struct int_column a, b;
		fill_values(x, y, ROWS, (enum int_type)t);
		double_encrypt(h.e, &a, (enum int_type)t, x, ROWS);
		double_encrypt(h.e, &b, (enum int_type)t, y, ROWS);
		multiply((enum int_type)t, &a, &b, x, y);
		multiply((enum int_type)t, &a, &a, x, x);
		int_column_free(&b);
		double_encrypt(h.e, &b, (enum int_type)t, y + 30, 1);
		multiply((enum int_type)t, &a, &b, x, y + 30);
		int_column_free(&b);
		int_column_free(&a);
	}
}

static void test_mul_clear(void **state)
{
	(void)state;
	enum { ROWS = 256 };
	uint64_t x[ROWS], y[ROWS];
	for (int t = INT_U8; t <= INT_I64; t++) {
		struct int_column a, b;
		fill_values(x, y, ROWS, (enum int_type)t);
		for (size_t i = 0; t == INT_U8 && i < ROWS; i++)
			x[i] = i;
		double_encrypt(h.e, &a, (enum int_type)t, x, ROWS);
		for (unsigned i = 0; i < (t == INT_U8 ? 256 : light() ? 4 : 24); i++) {
			uint64_t v = t == INT_U8 ? i : i < 19 ? y[i] : rnd();
			OK(int_trivial(h.c, &b, (enum int_type)t, v, 1));
			multiply((enum int_type)t, &a, &b, x, &v);
			int_column_free(&b);
		}
		int_column_free(&a);
	}
}

static void sum(
	const struct int_column *const *columns, size_t count, const uint64_t *want, int bootstraps)
{
	struct int_column r;
	uint64_t before = SPENT(&h);
	OK(int_sum(h.c, &r, columns, count));
	expect(&h, &r, want, before, bootstraps, "sum");
}

static void test_sum(void **state)
{
	(void)state;
	enum { ROWS = 400, MOST = 40 };
	static uint64_t x[MOST][ROWS], y[ROWS], want[ROWS];
	for (int t = INT_U8; t <= INT_I64; t++) {
		struct int_column column[MOST];
		const struct int_column *pointers[MOST], *same[MOST];
		memset(want, 0, sizeof(want));
		for (unsigned k = 0; k < MOST; k++) {
			fill_values(k % 2 ? y : x[k], k % 2 ? x[k] : y, ROWS, (enum int_type)t);
			if (k % 7 == 3)
				memset(x[k], 255, sizeof(x[k]));
			double_encrypt(h.e, &column[k], (enum int_type)t, x[k], k == 5 ? 1 : ROWS);
			pointers[k] = &column[k];
			same[k] = &column[k / 20];
		}
		for (unsigned k = 0; k < MOST; k++) {
			for (size_t i = 0; i < ROWS; i++)
				want[i] = extend((enum int_type)t, want[i] + x[k][k == 5 ? 0 : i]);
			if (k < 4 || k == 6 || k % 8 == 7 || k == 9)
				sum(pointers, k + 1, want,
					k == 9 ? count_of(sum10_counts, (enum int_type)t) : -1);
		}
		for (size_t i = 0; i < ROWS; i++)
			want[i] = extend((enum int_type)t, 20 * x[0][i] + 20 * x[1][i]);
		sum(same, MOST, want, -1);
		for (unsigned k = 0; k < MOST; k++)
			int_column_free(&column[k]);
	}
}

/* Products of products and their sums, under tight and wide noise limits. */
static void test_limits(void **state)
{
	(void)state;
	static const unsigned limits[] = {25, 34, 50, 66, 100, 150};
	static const enum int_type types[] = {INT_U8, INT_I16, INT_U32};
	struct harness outer = h;
	enum { ROWS = 300 };
	uint64_t x[ROWS], y[ROWS], want[ROWS];
	for (size_t i = 0; i < 18; i++) {
		enum int_type t = types[i % 3];
		h.e = double_evaluator(limits[i / 3]);
		OK(int_context_new(&h.c, h.e));
		struct int_column a, b, p, q, k, r;
		fill_values(x, y, ROWS, t);
		double_encrypt(h.e, &a, t, x, ROWS);
		double_encrypt(h.e, &b, t, y, ROWS);
		OK(int_trivial(h.c, &k, t, 0x9d3b27e6, 1));
		OK(int_mul(h.c, &p, &a, &b));
		for (size_t n = 0; n < ROWS; n++)
			want[n] = extend(t, x[n] * y[n] * x[n] * y[n]);
		OK(int_mul(h.c, &q, &p, &p)); /* of equal noise */
		for (size_t n = 0; n < ROWS; n++)
			want[n] = extend(t, want[n] * 0x9d3b27e6 + 3 * (x[n] * y[n]) + x[n]);
		int_column_free(&b);
		OK(int_mul(h.c, &b, &q, &k));
		const struct int_column *all[] = {&b, &p, &p, &p, &a};
		OK(int_sum(h.c, &r, all, 5));
		expect(&h, &r, want, 0, -1, "products and sums");
		int_column_free(&a);
		int_column_free(&b);
		int_column_free(&p);
		int_column_free(&q);
		int_column_free(&k);
		/* A byte's sign copied to every digit above. */
		double_encrypt(h.e, &a, INT_I8, x, ROWS);
		OK(int_cast(h.c, &b, t, &a));
		for (size_t n = 0; n < ROWS; n++)
			want[n] = extend(t, extend(INT_I8, x[n]) * extend(INT_I8, x[n]));
		OK(int_mul(h.c, &r, &b, &b));
		expect(&h, &r, want, 0, -1, "product of extended signs");
		int_column_free(&a);
		int_column_free(&b);
		int_context_free(h.c);
		tfhe_evaluator_free(h.e);
		h = outer;
	}
}

/* The result does not fit. */
static bool overflows(enum int_type t, uint64_t x, uint64_t y, bool subtract)
{
	__int128 p, q;
	if (int_type_signed(t)) {
		p = (int64_t)extend(t, x);
		q = (int64_t)extend(t, y);
	} else {
		p = x & mask_of(t);
		q = y & mask_of(t);
	}
	__int128 r = subtract ? p - q : p + q;
	uint64_t back = extend(t, (uint64_t)r);
	return r != (int_type_signed(t) ? (__int128)(int64_t)back : (__int128)back);
}

static void overflow(enum int_type t, const struct int_column *a, const struct int_column *b,
	const uint64_t *x, const uint64_t *y)
{
	size_t step = b->rows == 1 ? 0 : 1;
	uint64_t *want = calloc(a->rows, sizeof(*want)), *flags = calloc(a->rows, sizeof(*flags));
	for (int subtract = 0; subtract < 2; subtract++) {
		struct int_column r, flag;
		for (size_t i = 0; i < a->rows; i++) {
			uint64_t v = y[i * step];
			want[i] = extend(t, subtract ? x[i] - v : x[i] + v);
			flags[i] = overflows(t, x[i], v, subtract);
		}
		uint64_t before = SPENT(&h);
		OK((subtract ? int_sub_overflow : int_add_overflow)(h.c, &r, &flag, a, b));
		int count = (int)int_type_blocks(t) + int_type_signed(t);
		expect(&h, &r, want, before, b->block[0].sources > 0 ? count : -1, "overflow");
		expect(&h, &flag, flags, 0, -1, "overflow flag");
	}
	free(flags);
	free(want);
}

static void test_overflow(void **state)
{
	(void)state;
	all_pairs(INT_U8, overflow);
	all_pairs(INT_I8, overflow);
	enum { ROWS = 500 };
	uint64_t x[ROWS], y[ROWS], want[ROWS];
	for (int t = INT_U16; t <= INT_I64; t++) {
		struct int_column a, b, r;
		enum int_type type = (enum int_type)t;
		fill_values(x, y, ROWS, type);
		double_encrypt(h.e, &a, type, x, ROWS);
		double_encrypt(h.e, &b, type, y, ROWS);
		overflow(type, &a, &b, x, y);
		int_column_free(&b);
		int half = (int)int_type_blocks(type) / 2;
		for (size_t k = 0; k < 24; k++) {
			OK(int_trivial(h.c, &b, type, y[k], 1));
			overflow(type, &a, &b, x, &y[k]);
			uint64_t before = SPENT(&h);
			OK(int_add(h.c, &r, &a, &b));
			for (size_t i = 0; i < ROWS; i++)
				want[i] = extend(type, x[i] + y[k]);
			expect(&h, &r, want, before, y[k] % 16 ? half : -1, "add clear");
			OK(int_sub(h.c, &r, &a, &b));
			for (size_t i = 0; i < ROWS; i++)
				want[i] = extend(type, x[i] - y[k]);
			expect(&h, &r, want, 0, -1, "subtract clear");
			OK(int_sub(h.c, &r, &b, &a));
			for (size_t i = 0; i < ROWS; i++)
				want[i] = extend(type, y[k] - x[i]);
			expect(&h, &r, want, 0, -1, "subtract from clear");
			int_column_free(&b);
		}
		uint64_t before = SPENT(&h);
		OK(int_neg(h.c, &r, &a));
		for (size_t i = 0; i < ROWS; i++)
			want[i] = extend(type, 0 - x[i]);
		expect(&h, &r, want, before, half, "neg");
		int_column_free(&a);
	}
}

static void test_leading_zeros(void **state)
{
	(void)state;
	static const int counts[] = {4, 10, 19, 41};
	enum { ROWS = 700 };
	uint64_t x[ROWS], y[ROWS], want[ROWS];
	for (int t = INT_U8; t <= INT_I64; t++) {
		enum int_type type = (enum int_type)t;
		unsigned bits = int_type_bits(type);
		struct int_column a, r;
		fill_values(x, y, ROWS, type);
		for (size_t i = 0; i < ROWS; i++) {
			x[i] = bits == 8 ? i & 255 : x[i] >> i % bits;
			want[i] = bits;
			for (uint64_t v = x[i]; v != 0; v >>= 1)
				want[i]--;
		}
		double_encrypt(h.e, &a, type, x, ROWS);
		uint64_t before = SPENT(&h);
		OK(int_leading_zeros(h.c, &r, &a));
		expect(&h, &r, want, before, count_of(counts, type), "leading zeros");
		int_column_free(&a);
	}
}

static const int divide_counts[] = {55, 175, 607, 2239},
		 divide_signed_counts[] = {90, 242, 738, 2498};

static void divide(enum int_type t, const struct int_column *a, const struct int_column *b,
	const uint64_t *x, const uint64_t *y)
{
	size_t step = b->rows == 1 ? 0 : 1;
	uint64_t *want = calloc(a->rows, sizeof(*want)), *rest = calloc(a->rows, sizeof(*rest));
	struct int_column q, r;
	for (size_t i = 0; i < a->rows; i++)
		want[i] = divided(t, x[i], y[i * step], &rest[i]);
	uint64_t before = SPENT(&h);
	OK(int_divide(h.c, &q, &r, a, b));
	int count = count_of(int_type_signed(t) ? divide_signed_counts : divide_counts, t);
	bool whole = b->block[0].sources > 0 && b->rows > 1;
	expect(&h, &q, want, before, whole ? count : -1, "quotient");
	expect(&h, &r, rest, 0, -1, "remainder");
	if (t == INT_U8 || t == INT_I8) {
		OK(int_divide(h.c, &q, NULL, a, b));
		expect(&h, &q, want, 0, -1, "quotient alone");
		OK(int_divide(h.c, NULL, &r, a, b));
		expect(&h, &r, rest, 0, -1, "remainder alone");
	}
	free(rest);
	free(want);
}

static void test_divide(void **state)
{
	(void)state;
	all_pairs(INT_U8, divide);
	all_pairs(INT_I8, divide);
	enum { ROWS = 420 };
	uint64_t x[ROWS], y[ROWS];
	for (int t = INT_U8; t <= INT_I64; t++) {
		enum int_type type = (enum int_type)t;
		struct int_column a, b;
		fill_values(x, y, ROWS, type);
		for (size_t i = 380; i < ROWS; i++)
			y[i] >>= i % int_type_bits(type);
		double_encrypt(h.e, &a, type, x, ROWS);
		double_encrypt(h.e, &b, type, y, ROWS);
		divide(type, &a, &b, x, y);
		int_column_free(&b);
		for (size_t k = 0; k < (light() ? 3 : 12); k++) {
			uint64_t v = k < 6 ? k : y[k * 31];
			OK(int_trivial(h.c, &b, type, v, 1));
			divide(type, &a, &b, x, &v);
			int_column_free(&b);
		}
		int_column_free(&a);
	}
}

/* By an encrypted amount, clean operands. */
static const int shift_counts[] = {8, 16, 48, 96};

static void shift(enum int_type t, const struct int_column *a, const struct int_column *amount,
	const uint64_t *x, const uint64_t *y)
{
	uint64_t *want = calloc(a->rows, sizeof(*want));
	for (int op = INT_SHL; op <= INT_ROTR; op++) {
		struct int_column r;
		for (size_t i = 0; i < a->rows; i++)
			want[i] =
				shifted(t, (enum int_shift)op, x[i], y[amount->rows == 1 ? 0 : i]);
		uint64_t before = SPENT(&h);
		OK(int_shift(h.c, &r, (enum int_shift)op, a, amount));
		int blocks = (int)int_type_blocks(t), count = count_of(shift_counts, t);
		bool signs = op == INT_SHR && int_type_signed(t);
		if (signs)
			count += 1 + count / blocks;
		if (amount->block[0].sources == 0)
			count = y[0] % 2 == 1 ? blocks / 2 : signs && y[0] % (unsigned)(2 * blocks);
		expect(&h, &r, want, before, count, "shift");
	}
	free(want);
}

static void test_shift(void **state)
{
	(void)state;
	all_pairs(INT_U8, shift);
	all_pairs(INT_I8, shift);
	enum { ROWS = 500 };
	uint64_t x[ROWS], y[ROWS];
	for (int t = INT_U8; t <= INT_I64; t++) {
		struct int_column a, n;
		fill_values(x, y, ROWS, (enum int_type)t);
		for (size_t i = 0; i < ROWS; i++)
			y[i] = i % 3 ? i & 255 : y[i] & 255;
		double_encrypt(h.e, &a, (enum int_type)t, x, ROWS);
		double_encrypt(h.e, &n, INT_U8, y, ROWS);
		shift((enum int_type)t, &a, &n, x, y);
		int_column_free(&n);
		for (uint64_t v = 0; v < int_type_bits((enum int_type)t) + 2; v++) {
			OK(int_trivial(h.c, &n, INT_U8, v, 1));
			shift((enum int_type)t, &a, &n, x, &v);
			int_column_free(&n);
		}
		int_column_free(&a);
	}
}

/* Digits 0 and 3 of a clear operand, on either side, take no bootstrap. */
static void test_logic_clear(void **state)
{
	(void)state;
	enum { ROWS = 256 };
	uint64_t x[ROWS], want[ROWS];
	struct int_column a, k, r;
	for (unsigned i = 0; i < ROWS; i++)
		x[i] = i;
	double_encrypt(h.e, &a, INT_U8, x, ROWS);
	for (uint64_t v = 0; v < 256; v++) {
		int mixed = __builtin_popcountll((v ^ v >> 1) & 0x55);
		OK(int_trivial(h.c, &k, INT_U8, v, 1));
		for (int op = INT_AND; op <= INT_XOR; op++)
			for (unsigned side = 0; side < 2; side++) {
				for (unsigned i = 0; i < ROWS; i++)
					want[i] = logic((enum int_logic)op, x[i], v);
				uint64_t before = SPENT(&h);
				OK(int_logic(h.c, &r, (enum int_logic)op, side ? &k : &a,
					side ? &a : &k));
				expect(&h, &r, want, before, mixed, "logic");
			}
		int_column_free(&k);
	}
	int_column_free(&a);
}

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mul),
		cmocka_unit_test(test_mul_clear),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_shift),
		cmocka_unit_test(test_overflow),
		cmocka_unit_test(test_leading_zeros),
		cmocka_unit_test(test_divide),
		cmocka_unit_test(test_logic_clear),
	};
	if (count > 1)
		cmocka_set_test_filter(arguments[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

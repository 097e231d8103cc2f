/* The lowering of every operation on the clear-text double: all pairs of 8-bit values, edges and
 * random values beyond, bootstrap counts, ranges and noise. */
#include "on_double.h"

static void every_operation(enum int_type t, const struct int_column *a, const struct int_column *b,
	const uint64_t *x, const uint64_t *y)
{
	binary(&h, t, a, b, x, y, true);
}

/* Where signed values differ from unsigned ones. */
static void every_order(enum int_type t, const struct int_column *a, const struct int_column *b,
	const uint64_t *x, const uint64_t *y)
{
	uint64_t *want = calloc(a->rows, sizeof(*want));
	for (int op = INT_LT; op <= INT_GE; op++) {
		struct int_column r;
		for (size_t i = 0; i < a->rows; i++)
			want[i] = compared(t, (enum int_comparison)op, x[i], y[i]);
		uint64_t before = SPENT(&h);
		OK(int_compare(h.c, &r, (enum int_comparison)op, a, b));
		expect(&h, &r, want, before, 3, "order");
	}
	free(want);
}

static void test_all_pairs_u8(void **state)
{
	(void)state;
	all_pairs(INT_U8, every_operation);
}

static void test_all_pairs_i8(void **state)
{
	(void)state;
	all_pairs(INT_I8, every_order);
}

static void test_wide(void **state)
{
	(void)state;
	static const enum int_type wide[] = {
		INT_BOOL, INT_U16, INT_U32, INT_U64, INT_I16, INT_I32, INT_I64};
	enum { ROWS = 1500 };
	uint64_t x[ROWS], y[ROWS];
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
		struct int_column a, b;
		fill_values(x, y, ROWS, wide[i]);
		double_encrypt(h.e, &a, wide[i], x, ROWS);
		double_encrypt(h.e, &b, wide[i], y, ROWS);
		binary(&h, wide[i], &a, &b, x, y, true);
		int_column_free(&b);
		double_encrypt(h.e, &b, wide[i], y, 1); /* broadcast */
		binary(&h, wide[i], &a, &b, x, y, true);
		int_column_free(&b);
		OK(int_trivial(h.c, &b, wide[i], y[40], 1)); /* public constant */
		binary(&h, wide[i], &a, &b, x, y + 40, false);
		int_column_free(&b);
		int_column_free(&a);
	}
}

/* A constant below every value: the lowest digit -1, the others 0 (signed: the sign digit 2). */
static void test_below(void **state)
{
	(void)state;
	enum { ROWS = 1024 };
	uint64_t x[ROWS], y[ROWS], want[ROWS], zero = 0;
	for (int t = INT_BOOL; t <= INT_I64; t++) {
		struct int_column a, below, r;
		uint64_t least = int_type_signed((enum int_type)t)
					 ? (mask_of((enum int_type)t) >> 1) + 1
					 : 0;
		fill_values(x, y, ROWS, (enum int_type)t);
		/* Digits that wrap: lowest 15, the others anything but 0. */
		x[0] = mask_of((enum int_type)t);
		x[1] = mask_of((enum int_type)t) / 15 | 15;
		x[1] &= mask_of((enum int_type)t);
		double_encrypt(h.e, &a, (enum int_type)t, x, ROWS);
		double_encrypt(h.e, &below, (enum int_type)t, least == 0 ? &zero : &least, 1);
		below.block[0].lwe[64] = 0u - (1u << 27);
		below.block[0].lo = -1;
		struct counts n = counts_of((enum int_type)t);
		for (int op = INT_EQ; op <= INT_GE; op++) {
			bool holds = op == INT_NE || op >= INT_GT;
			for (size_t i = 0; i < ROWS; i++)
				want[i] = holds;
			uint64_t before = SPENT(&h);
			OK(int_compare(h.c, &r, (enum int_comparison)op, &a, &below));
			int count = op <= INT_NE ? n.equal + (n.equal == 17) : n.order;
			expect(&h, &r, want, before, count, "below");
			/* And mirrored. */
			for (size_t i = 0; i < ROWS; i++)
				want[i] = op == INT_NE || op == INT_LT || op == INT_LE;
			OK(int_compare(h.c, &r, (enum int_comparison)op, &below, &a));
			expect(&h, &r, want, 0, -1, "below, mirrored");
		}
		FAILS(AMT_OUT_OF_RANGE, int_compare(h.c, &r, INT_EQ, &below, &below));
		/* The same declared range with ordinary constants. */
		below.block[0].lwe[64] = (uint32_t)(x[7] & 3) << 27;
		for (unsigned b = 1; b < below.blocks; b++)
			below.block[b].lwe[64] = (uint32_t)(x[7] >> 2 * b & 3) << 27;
		for (int op = INT_EQ; op <= INT_GE; op++) {
			for (size_t i = 0; i < ROWS; i++)
				want[i] = compared(
					(enum int_type)t, (enum int_comparison)op, x[i], x[7]);
			OK(int_compare(h.c, &r, (enum int_comparison)op, &a, &below));
			expect(&h, &r, want, 0, -1, "declared below");
		}
		int_column_free(&a);
		int_column_free(&below);
	}
}

static void test_all_any(void **state)
{
	(void)state;
	enum { ROWS = 600, MOST = 40 };
	static uint64_t x[MOST][ROWS];
	struct int_column bools[MOST], r;
	const struct int_column *p[MOST];
	uint64_t want[ROWS];
	for (unsigned k = 0; k < MOST; k++) {
		for (unsigned i = 0; i < ROWS; i++)
			x[k][i] = i % 3 == 0 ? k != i / 3 : i % 3 == 1 ? k == i / 3 : rnd() & 1;
		double_encrypt(h.e, &bools[k], INT_BOOL, x[k], ROWS);
		p[k] = &bools[k];
	}
	for (unsigned count = 1; count <= MOST; count++) {
		uint64_t before = SPENT(&h);
		OK(int_all(h.c, &r, p, count));
		for (unsigned i = 0; i < ROWS; i++) {
			want[i] = 1;
			for (unsigned k = 0; k < count; k++)
				want[i] &= x[k][i];
		}
		expect(&h, &r, want, before, count == 1 ? 0 : count <= 16 ? 1 : -1, "all");
		before = SPENT(&h);
		OK(int_any(h.c, &r, p, count));
		for (unsigned i = 0; i < ROWS; i++) {
			want[i] = 0;
			for (unsigned k = 0; k < count; k++)
				want[i] |= x[k][i];
		}
		expect(&h, &r, want, before, count == 1 ? 0 : count <= 16 ? 1 : -1, "any");
	}
	/* The same flag over and over, and computed again. */
	struct int_column again[3];
	for (unsigned k = 0; k < 3; k++) {
		OK(int_logic(h.c, &again[k], INT_XOR, &bools[0], &bools[1]));
		p[k] = &again[k];
	}
	for (unsigned k = 3; k < MOST; k++)
		p[k] = p[k % 3];
	for (unsigned i = 0; i < ROWS; i++)
		want[i] = x[0][i] ^ x[1][i];
	OK(int_all(h.c, &r, p, MOST));
	expect(&h, &r, want, 0, -1, "all of equals");
	for (unsigned k = 0; k < 3; k++)
		int_column_free(&again[k]);
	for (unsigned k = 0; k < MOST; k++)
		int_column_free(&bools[k]);
}

/* x op x, results that share sources, and long chains: values and noise stay right. */
static void test_aliasing(void **state)
{
	(void)state;
	enum { ROWS = 1024 };
	uint64_t x[ROWS], y[ROWS];
	for (int t = INT_BOOL; t <= INT_I64; t++) {
		struct int_column a, b, n;
		fill_values(x, y, ROWS, (enum int_type)t);
		double_encrypt(h.e, &a, (enum int_type)t, x, ROWS);
		binary(&h, (enum int_type)t, &a, &a, x, x, false);
		OK(int_not(h.c, &n, &a)); /* shares all sources with a */
		for (size_t i = 0; i < ROWS; i++)
			y[i] = ~x[i] & mask_of((enum int_type)t);
		binary(&h, (enum int_type)t, &a, &n, x, y, false);
		binary(&h, (enum int_type)t, &n, &a, y, x, false);
		int_column_free(&n);
		int_column_free(&a);
		if (t == INT_BOOL)
			continue;
		/* A byte's sign copied to every digit above. */
		for (size_t i = 0; i < ROWS; i++)
			y[i] = rnd() & 255;
		double_encrypt(h.e, &b, INT_I8, y, ROWS);
		double_encrypt(h.e, &n, INT_I8, x, ROWS);
		struct int_column p, q;
		OK(int_cast(h.c, &p, (enum int_type)t, &b));
		OK(int_cast(h.c, &q, (enum int_type)t, &n));
		for (size_t i = 0; i < ROWS; i++) {
			x[i] = extend(INT_I8, x[i]);
			y[i] = extend(INT_I8, y[i]);
		}
		binary(&h, (enum int_type)t, &p, &q, y, x, false);
		int_column_free(&p);
		int_column_free(&q);
		int_column_free(&b);
		int_column_free(&n);
	}
}

/* Random programs over a few columns; the double checks noise at each bootstrap. */
static void random_program(enum int_type t, unsigned steps, unsigned max_noise)
{
	enum { ROWS = 256, COLUMNS = 4 };
	struct tfhe_evaluator *outer_e = h.e;
	struct int_context *outer_c = h.c;
	h.e = double_evaluator(max_noise);
	OK(int_context_new(&h.c, h.e));
	static uint64_t x[COLUMNS][ROWS], f[COLUMNS][ROWS], new_value[ROWS];
	struct int_column v[COLUMNS], b[COLUMNS], r;
	for (unsigned k = 0; k < COLUMNS; k++) {
		fill_values(x[k], f[k], ROWS, t);
		for (size_t i = 0; i < ROWS; i++)
			f[k][i] = rnd() & 1;
		double_encrypt(h.e, &v[k], t, x[k], ROWS);
		double_encrypt(h.e, &b[k], INT_BOOL, f[k], ROWS);
	}
	for (unsigned step = 0; step < steps; step++) {
		unsigned i = rnd() % COLUMNS, j = rnd() % COLUMNS, k = rnd() % COLUMNS;
		unsigned op = rnd() % 10;
		bool flag = false;
		switch (op) {
		case 0:
			OK(int_add(h.c, &r, &v[i], &v[j]));
			break;
		case 1:
			OK(int_sub(h.c, &r, &v[i], &v[j]));
			break;
		case 2:
		case 3:
		case 4:
			OK(int_select(h.c, &r, &b[k], &v[i], &v[j]));
			break;
		case 5:
			OK(int_not(h.c, &r, &v[i]));
			break;
		case 6:
			OK(int_select(h.c, &r, &b[k], &b[i], &b[j]));
			flag = true;
			break;
		case 7:
			OK(int_compare(h.c, &r, (enum int_comparison)(k + 1), &v[i], &v[j]));
			flag = true;
			break;
		case 8:
			OK(int_not(h.c, &r, &b[i]));
			flag = true;
			break;
		default:
			OK(int_logic(h.c, &r, (enum int_logic)(k % 3), &b[i], &b[j]));
			flag = true;
		}
		for (size_t n = 0; n < ROWS; n++) {
			uint64_t p = x[i][n], q = x[j][n], w;
			w = op == 0 ? p + q : op == 1 ? p - q : op == 5 ? ~p : f[k][n] ? p : q;
			if (op == 6)
				w = f[k][n] ? f[i][n] : f[j][n];
			else if (op == 7)
				w = compared(t, (enum int_comparison)(k + 1), p, q);
			else if (op == 8)
				w = !f[i][n];
			else if (op == 9)
				w = logic((enum int_logic)(k % 3), f[i][n], f[j][n]);
			new_value[n] = flag ? w : extend(t, w);
		}
		uint64_t got[ROWS];
		double_decrypt(h.e, &r, got);
		for (size_t n = 0; n < ROWS; n++)
			if (got[n] != new_value[n])
				fail_msg("%s, step %u, operation %u", int_type_name(t), step, op);
		check_noise(&h, &r);
		unsigned to = rnd() % COLUMNS;
		memcpy(flag ? f[to] : x[to], new_value, sizeof(new_value));
		int_column_free(flag ? &b[to] : &v[to]);
		*(flag ? &b[to] : &v[to]) = r;
	}
	for (unsigned k = 0; k < COLUMNS; k++) {
		int_column_free(&v[k]);
		int_column_free(&b[k]);
	}
	int_context_free(h.c);
	tfhe_evaluator_free(h.e);
	h.e = outer_e;
	h.c = outer_c;
}

static void test_programs(void **state)
{
	(void)state;
	for (unsigned i = 0; i < (light() ? 1 : 6); i++) {
		random_program(INT_U8, 300, 150);
		random_program(INT_I16, 150, 150);
		random_program(INT_U8, 200, 50);
		random_program(INT_U8, 200, 34);
		random_program(INT_I8, 200, 25);
	}
	random_program(INT_I64, 100, 150);
	random_program(INT_U32, 100, 40);
}

static void test_sum(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 25, 31, 100, 512, 513, 3000};
	static uint64_t x[3000], y[3000];
	for (int t = INT_BOOL; t <= INT_I64; t++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			size_t rows = light() && sizes[i] == 3000 ? 600 : sizes[i];
			unsigned blocks = int_type_blocks((enum int_type)t);
			unsigned widths[] = {blocks, blocks + 4 < 32 ? blocks + 4 : 32, 32};
			fill_values(x, y, rows, (enum int_type)t);
			if (i % 3 == 0) /* the largest sum */
				for (size_t r = 0; r < rows; r++)
					x[r] = mask_of((enum int_type)t);
			struct int_column a, r;
			double_encrypt(h.e, &a, (enum int_type)t, x, rows);
			for (unsigned w = 0; w < 3; w++) {
				uint64_t sum = 0, before = SPENT(&h), got;
				for (size_t n = 0; n < rows; n++)
					sum += extend((enum int_type)t, x[n]);
				OK(int_sum_rows(h.c, &r, &a, widths[w]));
				double spent = (double)(SPENT(&h) - before);
				double_decrypt(h.e, &r, &got);
				if (widths[w] < 32)
					sum &= (UINT64_C(1) << 2 * widths[w]) - 1;
				if (widths[w] < 32)
					got &= (UINT64_C(1) << 2 * widths[w]) - 1;
				if (got != sum)
					fail_msg("%s, %zu rows, %u blocks: %llx instead of %llx",
						int_type_name((enum int_type)t), rows, widths[w],
						(unsigned long long)got, (unsigned long long)sum);
				if (rows == 3000 && w == 0)
					print_message(
						"sum of %s: %.3f bootstraps a digit and row\n",
						int_type_name((enum int_type)t),
						spent / (double)rows / blocks);
				if (rows == 3000 && w == 0 &&
					spent / (double)rows / blocks >
						(t == INT_BOOL ? 0.15 : 0.60))
					fail_msg("too many");
				int_column_free(&r);
			}
			int_column_free(&a);
		}
	}
}

/* Sums of values that are not clean, under tight and wide noise limits. */
static void test_sum_of_noisy(void **state)
{
	(void)state;
	static const unsigned limits[] = {25, 34, 50, 100, 150};
	struct harness outer = h;
	enum { ROWS = 333 };
	uint64_t x[ROWS + 400], y[ROWS + 400], bits[ROWS], got;
	fill_values(x, y, ROWS + 400, INT_I16);
	for (size_t r = 0; r < ROWS; r++)
		bits[r] = rnd() & 1;
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		h.e = double_evaluator(limits[i]);
		OK(int_context_new(&h.c, h.e));
		struct int_column a, b, bit, chosen[2], sum;
		uint64_t want = 0;
		double_encrypt(h.e, &a, INT_I16, x, ROWS);
		double_encrypt(h.e, &b, INT_I16, y, i % 2 ? 1 : ROWS); /* broadcast: shared noise */
		double_encrypt(h.e, &bit, INT_BOOL, bits, ROWS);
		for (size_t r = 0; r < ROWS; r++)
			want += extend(INT_I16, bits[r] ? x[r] : y[i % 2 ? 0 : r]);
		OK(int_select(h.c, &chosen[0], &bit, &a, &b));
		OK(int_select(h.c, &chosen[1], &bit, &a, &chosen[0]));
		for (unsigned k = 0; k < 2; k++) {
			OK(int_sum_rows(h.c, &sum, &chosen[k], 32));
			double_decrypt(h.e, &sum, &got);
			assert_int_equal(got, want);
			int_column_free(&sum);
			int_column_free(&chosen[k]);
		}
		OK(int_sum_rows(h.c, &sum, &bit, 8));
		int_column_free(&sum);
		int_column_free(&a);
		int_column_free(&b);
		int_column_free(&bit);
		int_context_free(h.c);
		tfhe_evaluator_free(h.e);
		h = outer;
	}
}

static void test_min_max_rows(void **state)
{
	(void)state;
	static const size_t sizes[] = {1, 2, 3, 5, 8, 100, 257};
	static uint64_t x[400], y[400];
	for (int t = INT_U8; t <= INT_I64; t++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			struct int_column a, r;
			fill_values(x, y, sizes[i], (enum int_type)t);
			double_encrypt(h.e, &a, (enum int_type)t, i % 2 ? x : y, sizes[i]);
			const uint64_t *v = i % 2 ? x : y;
			uint64_t lowest = v[0], highest = v[0], got;
			for (size_t n = 0; n < sizes[i]; n++) {
				lowest = less((enum int_type)t, v[n], lowest) ? v[n] : lowest;
				highest = less((enum int_type)t, highest, v[n]) ? v[n] : highest;
			}
			OK(int_min_rows(h.c, &r, &a));
			double_decrypt(h.e, &r, &got);
			assert_int_equal(got, extend((enum int_type)t, lowest));
			int_column_free(&r);
			OK(int_max_rows(h.c, &r, &a));
			double_decrypt(h.e, &r, &got);
			assert_int_equal(got, extend((enum int_type)t, highest));
			int_column_free(&r);
			int_column_free(&a);
		}
	}
}

static void test_cast_append(void **state)
{
	(void)state;
	enum { ROWS = 300 };
	uint64_t x[ROWS], y[ROWS], want[2 * ROWS];
	for (int from = INT_BOOL; from <= INT_I64; from++) {
		fill_values(x, y, ROWS, (enum int_type)from);
		struct int_column a, b, r;
		double_encrypt(h.e, &a, (enum int_type)from, x, ROWS);
		double_encrypt(h.e, &b, (enum int_type)from, y, ROWS);
		for (int to = INT_BOOL; to <= INT_I64; to++) {
			for (size_t i = 0; i < ROWS; i++)
				want[i] = to == INT_BOOL
						  ? x[i] != 0
						  : extend((enum int_type)to,
							    extend((enum int_type)from, x[i]));
			OK(int_cast(h.c, &r, (enum int_type)to, &a));
			expect(&h, &r, want, 0, -1, "cast");
		}
		r = (struct int_column){0};
		OK(int_append(h.c, &r, &a));
		OK(int_append(h.c, &r, &b));
		for (size_t i = 0; i < ROWS; i++) {
			want[i] = extend((enum int_type)from, x[i]);
			want[ROWS + i] = extend((enum int_type)from, y[i]);
		}
		/* A noisy page next to a clean one. */
		struct int_column bit, mixed = {0}, chosen;
		uint64_t ones[ROWS];
		for (size_t i = 0; i < ROWS; i++)
			ones[i] = 1;
		double_encrypt(h.e, &bit, INT_BOOL, ones, ROWS);
		OK(int_select(h.c, &chosen, &bit, &a, &b));
		OK(int_append(h.c, &mixed, &chosen));
		OK(int_append(h.c, &mixed, &b));
		expect(&h, &mixed, want, 0, -1, "append of different noise");
		int_column_free(&chosen);
		int_column_free(&bit);
		/* Pairs of appended columns keep their correlation: r - r' of equal parts is
		 * noiseless. */
		struct int_column same = {0}, difference;
		OK(int_append(h.c, &same, &a));
		OK(int_append(h.c, &same, &b));
		OK(int_compare(h.c, &difference, INT_EQ, &r, &same));
		for (size_t i = 0; i < 2 * ROWS; i++)
			ones[i % ROWS] = 1;
		uint64_t got[2 * ROWS];
		double_decrypt(h.e, &difference, got);
		for (size_t i = 0; i < 2 * ROWS; i++)
			assert_int_equal(got[i], 1);
		assert_int_equal(difference.block[0].sources, 0);
		int_column_free(&difference);
		int_column_free(&same);
		expect(&h, &r, want, 0, -1, "append");
		int_column_free(&a);
		int_column_free(&b);
	}
}

static void test_errors(void **state)
{
	(void)state;
	uint64_t v[3] = {1, 2, 3};
	struct int_column a, b, d, f, r;
	double_encrypt(h.e, &a, INT_U8, v, 3);
	double_encrypt(h.e, &b, INT_U16, v, 3);
	double_encrypt(h.e, &d, INT_U8, v, 2);
	double_encrypt(h.e, &f, INT_BOOL, v, 3);
	FAILS(AMT_TYPE_MISMATCH, int_add(h.c, &r, &a, &b));
	FAILS(AMT_INVALID_ARGUMENT, int_add(h.c, &r, &a, &d));
	FAILS(AMT_TYPE_MISMATCH, int_compare(h.c, &r, INT_EQ, &a, &b));
	FAILS(AMT_TYPE_MISMATCH, int_select(h.c, &r, &a, &a, &a));
	FAILS(AMT_TYPE_MISMATCH, int_add(h.c, &r, &f, &f));
	FAILS(AMT_TYPE_MISMATCH, int_append(h.c, &a, &b));
	FAILS(AMT_INVALID_ARGUMENT, int_trivial(h.c, &r, INT_TYPES, 0, 1));
	FAILS(AMT_INVALID_ARGUMENT, int_trivial(h.c, &r, INT_U8, 0, 0));
	FAILS(AMT_INVALID_ARGUMENT, int_sum_rows(h.c, &r, &a, INT_MAX_BLOCKS + 1));
	const struct int_column *mixed[] = {&f, &a};
	FAILS(AMT_TYPE_MISMATCH, int_all(h.c, &r, mixed, 2));
	FAILS(AMT_INVALID_ARGUMENT, int_all(h.c, &r, mixed, 0));
	int_column_free(&a);
	int_column_free(&b);
	int_column_free(&d);
	int_column_free(&f);
}

/* The n-th allocation fails: an error comes back and nothing leaks (address sanitizer). */
static void test_out_of_memory(void **state)
{
	(void)state;
	uint64_t v[9] = {1, 250, 3, 77, 12, 13, 14, 15, 16};
	struct int_column a, b, r;
	double_encrypt(h.e, &a, INT_I8, v, 9);
	double_encrypt(h.e, &b, INT_I8, v + 1, 1);
	for (unsigned op = 0; op < 6; op++) {
		bool done = false;
		for (size_t n = 1; !done; n++) {
			mem_fail_nth(n);
			amt_status s;
			switch (op) {
			case 0:
				s = int_add(h.c, &r, &a, &b);
				break;
			case 1:
				s = int_compare(h.c, &r, INT_LE, &a, &b);
				break;
			case 2:
				s = int_compare(h.c, &r, INT_NE, &a, &b);
				break;
			case 3:
				s = int_sum_rows(h.c, &r, &a, 8);
				break;
			case 4:
				s = int_min_rows(h.c, &r, &a);
				break;
			default:
				s = int_cast(h.c, &r, INT_I32, &a);
			}
			mem_fail_nth(0);
			done = amt_ok(s);
			if (!done)
				assert_int_equal(amt_status_code(s), AMT_OUT_OF_MEMORY);
			amt_status_clear(&s);
			assert_true(n < 1000);
		}
		int_column_free(&r);
	}
	int_column_free(&a);
	int_column_free(&b);
}

int main(void)
{
	slack_of_many = 1.05;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_pairs_u8),
		cmocka_unit_test(test_all_pairs_i8),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_all_any),
		cmocka_unit_test(test_aliasing),
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_sum),
		cmocka_unit_test(test_sum_of_noisy),
		cmocka_unit_test(test_min_max_rows),
		cmocka_unit_test(test_cast_append),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_out_of_memory),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

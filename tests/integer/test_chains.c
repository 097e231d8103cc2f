/* Random programs of all operations on the clear-text double under many noise limits, what operations
 * cost, 128 bits, and allocations that fail. */
#include "on_double.h"

/* Random programs of everything: results that are not clean meet every operation. */
static void chain(enum int_type t, unsigned steps, unsigned max_noise)
{
	enum { ROWS = 128, COLUMNS = 3 };
	struct harness outer = h;
	h.e = double_evaluator(max_noise);
	OK(int_context_new(&h.c, h.e));
	uint64_t x[COLUMNS][ROWS], rest, unused[ROWS], want[ROWS];
	struct int_column v[COLUMNS], k, r, wins;
	for (unsigned i = 0; i < COLUMNS; i++) {
		fill_values(x[i], unused, ROWS, t);
		for (size_t n = 0; n < ROWS; n++)
			x[i][n] = extend(t, rnd());
		double_encrypt(h.e, &v[i], t, x[i], ROWS);
	}
	for (unsigned step = 0; step < steps; step++) {
		unsigned i = rnd() % COLUMNS, j = rnd() % COLUMNS, op = rnd() % 14;
		uint64_t clear = rnd() >> rnd() % 64;
		const struct int_column *three[] = {&v[i], &v[j], &v[i]};
		enum int_shift way = (enum int_shift)(rnd() % 4);
		OK(int_trivial(h.c, &k, t, clear, 1));
		if (getenv("AMT_SHOW") != NULL)
			print_message("%s, limit %u, step %u, operation %u of %u and %u\n",
				int_type_name(t), max_noise, step, op, i, j);
		switch (op) {
		case 0:
			OK(int_mul(h.c, &r, &v[i], &v[j]));
			break;
		case 1:
			OK(int_mul(h.c, &r, &v[i], &k));
			break;
		case 2:
			OK(int_add(h.c, &r, &v[i], &k));
			break;
		case 3:
			OK(int_sub(h.c, &r, &k, &v[i]));
			break;
		case 4:
			OK(int_sum(h.c, &r, three, 3));
			break;
		case 5:
			OK(int_shift(h.c, &r, way, &v[i], &v[j]));
			break;
		case 6:
			OK(int_shift(h.c, &r, way, &v[i], &k));
			break;
		case 7:
			OK(int_divide(h.c, &r, NULL, &v[i], &v[j]));
			break;
		case 8:
			OK(int_divide(h.c, NULL, &r, &v[i], &v[j]));
			break;
		case 9:
			OK(int_logic(h.c, &r, INT_XOR, &v[i], &v[j]));
			break;
		case 10:
			OK(int_max(h.c, &r, &v[i], &v[j]));
			break;
		case 11:
			OK(int_sub_overflow(h.c, &r, &wins, &v[i], &v[j]));
			int_column_free(&wins);
			break;
		case 12:
			OK(int_not(h.c, &r, &v[i]));
			break;
		default:
			OK(int_compare(h.c, &wins, INT_LE, &v[i], &v[j]));
			OK(int_select(h.c, &r, &wins, &v[j], &v[i]));
			int_column_free(&wins);
		}
		for (size_t n = 0; n < ROWS; n++) {
			uint64_t p = x[i][n], q = x[j][n], larger = less(t, p, q) ? q : p;
			const uint64_t results[] = {p * q, p * clear, p + clear, clear - p,
				2 * p + q, shifted(t, way, p, q & mask_of(t)),
				shifted(t, way, p, clear & mask_of(t)), divided(t, p, q, &rest), 0,
				p ^ q, larger, p - q, ~p, larger};
			want[n] = extend(t, op == 8 ? rest : results[op]);
		}
		uint64_t got[ROWS];
		double_decrypt(h.e, &r, got);
		for (size_t n = 0; n < ROWS; n++)
			if (got[n] != want[n])
				fail_msg("%s, step %u, operation %u", int_type_name(t), step, op);
		check_noise(&h, &r);
		unsigned to = rnd() % COLUMNS;
		memcpy(x[to], want, sizeof(want));
		int_column_free(&v[to]);
		v[to] = r;
		int_column_free(&k);
	}
	for (unsigned i = 0; i < COLUMNS; i++)
		int_column_free(&v[i]);
	int_context_free(h.c);
	tfhe_evaluator_free(h.e);
	h = outer;
}

static void test_chains(void **state)
{
	(void)state;
	static const unsigned limits[] = {150, 100, 50, 34, 25};
	for (unsigned i = 0; i < 5; i++) {
		chain(INT_U8, light() ? 40 : 150, limits[i]);
		chain(INT_I16, light() ? 20 : 60, limits[i]);
	}
	chain(INT_U32, 30, 150);
	chain(INT_I64, light() ? 5 : 12, 150);
}

/* The n-th allocation fails: an error comes back and nothing leaks (address sanitizer). */
static void test_out_of_memory(void **state)
{
	(void)state;
	uint64_t v[3] = {1, 250, 77};
	struct int_column a, b, k, r = {0}, s = {0};
	double_encrypt(h.e, &a, INT_I8, v, 2);
	double_encrypt(h.e, &b, INT_I8, v + 1, 2);
	OK(int_trivial(h.c, &k, INT_I8, 13, 1));
	const struct int_column *many[] = {&a, &b, &a, &b, &a, &b};
	for (unsigned op = 0; op < 11; op++) {
		bool done = false;
		for (size_t n = 1; !done; n++) {
			amt_status st;
			mem_fail_nth(n);
			switch (op) {
			case 0:
				st = int_mul(h.c, &r, &a, &b);
				break;
			case 1:
				st = int_mul(h.c, &r, &a, &k);
				break;
			case 2:
				st = int_sum(h.c, &r, many, 6);
				break;
			case 3:
				st = int_divide(h.c, &r, &s, &a, &b);
				break;
			case 4:
				st = int_divide(h.c, &r, &s, &a, &k);
				break;
			case 5:
				st = int_shift(h.c, &r, INT_SHR, &a, &b);
				break;
			case 6:
				st = int_shift(h.c, &r, INT_SHR, &a, &k);
				break;
			case 7:
				st = int_leading_zeros(h.c, &r, &a);
				break;
			case 8:
				st = int_add_overflow(h.c, &r, &s, &a, &b);
				break;
			case 9:
				st = int_sub(h.c, &r, &k, &b);
				break;
			default:
				st = int_neg(h.c, &r, &a);
			}
			mem_fail_nth(0);
			done = amt_ok(st);
			if (!done)
				assert_int_equal(amt_status_code(st), AMT_OUT_OF_MEMORY);
			amt_status_clear(&st);
			assert_true(n < 3000);
		}
		int_column_free(&r);
		int_column_free(&s);
	}
	int_column_free(&a);
	int_column_free(&b);
	int_column_free(&k);
}

/* Figures of int_cost for one value. */
static void cost(enum int_type t, enum int_operation op, const struct int_column *a,
	const struct int_column *b, const struct int_column *bit)
{
	struct int_column r = {0}, s = {0}, k;
	const struct int_column *ten[] = {a, b, a, b, a, b, a, b, a, b};
	unsigned __int128 v = (unsigned __int128)0x9e3779b97f4a7c15 << 64 | 0x9e3779b97f4a7c15;
	OK(int_trivial(h.c, &k, t, op == INT_OP_SHIFT_CLEAR ? 3 : v, 1));
	uint64_t before = SPENT(&h), layers = int_context_layers(h.c);
	switch (op) {
	case INT_OP_ADD:
		OK(int_sub(h.c, &r, a, b));
		break;
	case INT_OP_ADD_CLEAR:
		OK(int_add(h.c, &r, a, &k));
		break;
	case INT_OP_ADD_OVERFLOW:
		OK(int_add_overflow(h.c, &r, &s, a, b));
		break;
	case INT_OP_MUL:
		OK(int_mul(h.c, &r, a, b));
		break;
	case INT_OP_SUM_10:
		OK(int_sum(h.c, &r, ten, 10));
		break;
	case INT_OP_DIVIDE:
		OK(int_divide(h.c, &r, &s, a, b));
		break;
	case INT_OP_EQ:
		OK(int_compare(h.c, &r, INT_EQ, a, b));
		break;
	case INT_OP_ORDER:
		OK(int_compare(h.c, &r, INT_LE, a, b));
		break;
	case INT_OP_SELECT:
		OK(int_select(h.c, &r, bit, a, b));
		break;
	case INT_OP_MIN:
		OK(int_max(h.c, &r, a, b));
		break;
	case INT_OP_LOGIC:
		OK(int_logic(h.c, &r, INT_XOR, a, b));
		break;
	case INT_OP_SHL:
		OK(int_shift(h.c, &r, INT_ROTR, a, b));
		break;
	case INT_OP_SHR_SIGNED:
		OK(int_shift(h.c, &r, INT_SHR, a, b));
		break;
	case INT_OP_SHIFT_CLEAR:
		OK(int_shift(h.c, &r, INT_ROTL, a, &k));
		break;
	default:
		OK(int_leading_zeros(h.c, &r, a));
	}
	struct int_cost want = int_cost(op, t);
	unsigned spent = (unsigned)(SPENT(&h) - before),
		 depth = (unsigned)(int_context_layers(h.c) - layers);
	if (getenv("AMT_SHOW") != NULL)
		print_message("%s operation %d: {%u, %u}\n", int_type_name(t), op, spent, depth);
	else if (spent != want.bootstraps || depth != want.depth)
		fail_msg("%s, operation %d: {%u, %u} instead of {%u, %u}", int_type_name(t), op,
			spent, depth, want.bootstraps, want.depth);
	int_column_free(&r);
	int_column_free(&s);
	int_column_free(&k);
}

static void test_cost(void **state)
{
	(void)state;
	uint64_t x[] = {0x0123456789abcdef, 0x1234567}, y[] = {0x1f3d5b79, 0x77}, one = 1;
	for (int t = INT_U8; t < INT_TYPES; t++) {
		struct int_column a, b, bit;
		double_encrypt(h.e, &a, (enum int_type)t, x, 1);
		double_encrypt(h.e, &b, (enum int_type)t, y, 1);
		double_encrypt(h.e, &bit, INT_BOOL, &one, 1);
		for (int op = 0; op < INT_OPERATIONS; op++)
			if (op != INT_OP_SHR_SIGNED || int_type_signed((enum int_type)t))
				cost((enum int_type)t, (enum int_operation)op, &a, &b, &bit);
		int_column_free(&a);
		int_column_free(&b);
		int_column_free(&bit);
	}
}

/* Two words a value. */
static void expect_wide(struct int_column *r, const unsigned __int128 *want, const char *what)
{
	uint64_t words[64];
	for (size_t i = 0; i < r->rows; i++) {
		words[2 * i] = (uint64_t)want[i];
		words[2 * i + 1] = (uint64_t)(want[i] >> 64);
	}
	expect(&h, r, words, 0, -1, what);
}

static void test_u128(void **state)
{
	(void)state;
	enum { ROWS = 24 };
	typedef unsigned __int128 wide;
	uint64_t words[2][2 * ROWS];
	wide x[ROWS], y[ROWS], want[ROWS];
	for (size_t i = 0; i < 2 * ROWS; i++) {
		words[0][i] = i % 5 == 0 ? UINT64_MAX : rnd();
		words[1][i] = i % 7 == 0 ? 0 : i % 5 == 1 ? words[0][i] : rnd() >> i % 64;
	}
	for (size_t i = 0; i < ROWS; i++) {
		x[i] = (wide)words[0][2 * i + 1] << 64 | words[0][2 * i];
		y[i] = (wide)words[1][2 * i + 1] << 64 | words[1][2 * i];
	}
	struct int_column a, b, k, r, s;
	double_encrypt(h.e, &a, INT_U128, words[0], ROWS);
	double_encrypt(h.e, &b, INT_U128, words[1], ROWS);
	OK(int_trivial(h.c, &k, INT_U128, y[1], 1));
#define CHECK(call, value, name)          \
	OK(call);                         \
	for (size_t i = 0; i < ROWS; i++) \
		want[i] = value;          \
	expect_wide(&r, want, name)
	CHECK(int_add(h.c, &r, &a, &b), x[i] + y[i], "add");
	CHECK(int_add(h.c, &r, &a, &k), x[i] + y[1], "add clear");
	CHECK(int_sub(h.c, &r, &a, &b), x[i] - y[i], "sub");
	CHECK(int_mul(h.c, &r, &a, &b), x[i] * y[i], "mul");
	CHECK(int_mul(h.c, &r, &a, &k), x[i] * y[1], "mul clear");
	CHECK(int_logic(h.c, &r, INT_XOR, &a, &b), x[i] ^ y[i], "xor");
	CHECK(int_max(h.c, &r, &a, &b), x[i] > y[i] ? x[i] : y[i], "max");
	CHECK(int_shift(h.c, &r, INT_SHL, &a, &b), x[i] << (y[i] & 127), "shl");
	CHECK(int_shift(h.c, &r, INT_SHR, &a, &k), x[i] >> (y[1] & 127), "shr clear");
	if (!light()) {
		OK(int_divide(h.c, &r, &s, &a, &b));
		for (size_t i = 0; i < ROWS; i++)
			want[i] = y[i] == 0 ? ~(wide)0 : x[i] / y[i];
		expect_wide(&r, want, "quotient");
		for (size_t i = 0; i < ROWS; i++)
			want[i] = y[i] == 0 ? x[i] : x[i] % y[i];
		expect_wide(&s, want, "remainder");
	}
	uint64_t flags[ROWS];
	OK(int_compare(h.c, &r, INT_EQ, &a, &b));
	for (size_t i = 0; i < ROWS; i++)
		flags[i] = x[i] == y[i];
	expect(&h, &r, flags, 0, -1, "eq");
	OK(int_cast(h.c, &r, INT_I32, &a));
	for (size_t i = 0; i < ROWS; i++)
		flags[i] = extend(INT_I32, (uint64_t)x[i]);
	expect(&h, &r, flags, 0, -1, "to i32");
	int_column_free(&b);
	double_encrypt(h.e, &b, INT_I64, words[1], ROWS);
	CHECK(int_cast(h.c, &r, INT_U128, &b), (wide)(__int128)(int64_t)words[1][i], "from i64");
#undef CHECK
	int_column_free(&a);
	int_column_free(&b);
	int_column_free(&k);
}

int main(int count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_cost),
		cmocka_unit_test(test_u128),
		cmocka_unit_test(test_out_of_memory),
	};
	if (count > 1)
		cmocka_set_test_filter(arguments[1]);
	return cmocka_run_group_tests(tests, set_up, tear_down);
}

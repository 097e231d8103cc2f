#include "ops.h"

#include "testing.h"

#include <stdlib.h>

static uint64_t random_state = 1;
uint64_t rnd(void)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15u; /* SplitMix64 */
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t mask_of(enum int_type t)
{
	return int_type_bits(t) == 64 ? UINT64_MAX : (UINT64_C(1) << int_type_bits(t)) - 1;
}

/* Two's complement bits as a 64-bit value. */
uint64_t extend(enum int_type t, uint64_t v)
{
	uint64_t mask = mask_of(t), sign = int_type_signed(t) ? mask ^ (mask >> 1) : 0;
	v &= mask;
	return (v ^ sign) - sign;
}

bool less(enum int_type t, uint64_t a, uint64_t b)
{
	return int_type_signed(t) ? (int64_t)extend(t, a) < (int64_t)extend(t, b)
				  : extend(t, a) < extend(t, b);
}

bool compared(enum int_type t, enum int_comparison op, uint64_t a, uint64_t b)
{
	a = extend(t, a);
	b = extend(t, b);
	switch (op) {
	case INT_EQ:
		return a == b;
	case INT_NE:
		return a != b;
	case INT_LT:
		return less(t, a, b);
	case INT_LE:
		return !less(t, b, a);
	case INT_GT:
		return less(t, b, a);
	default:
		return !less(t, a, b);
	}
}

uint64_t logic(enum int_logic op, uint64_t a, uint64_t b)
{
	return op == INT_AND ? (a & b) : op == INT_OR ? (a | b) : (a ^ b);
}

uint64_t shifted(enum int_type t, enum int_shift op, uint64_t x, uint64_t amount)
{
	unsigned bits = int_type_bits(t), n = (unsigned)(amount % bits);
	uint64_t u = x & mask_of(t);
	switch (op) {
	case INT_SHL:
		return extend(t, u << n);
	case INT_SHR:
		return int_type_signed(t) ? (uint64_t)((int64_t)extend(t, x) >> n) : u >> n;
	case INT_ROTL:
		return extend(t, n == 0 ? u : u << n | u >> (bits - n));
	default:
		return extend(t, n == 0 ? u : u >> n | u << (bits - n));
	}
}

uint64_t divided(enum int_type t, uint64_t x, uint64_t y, uint64_t *rest)
{
	bool negative = int_type_signed(t) && (int64_t)extend(t, x) < 0;
	x = extend(t, x);
	y = extend(t, y);
	*rest = x;
	if (y == 0)
		return negative ? 1 : extend(t, UINT64_MAX);
	if (!int_type_signed(t)) {
		*rest = x % y;
		return x / y;
	}
	if (y == UINT64_MAX) {
		*rest = 0;
		return extend(t, 0 - x);
	}
	*rest = (uint64_t)((int64_t)x % (int64_t)y);
	return (uint64_t)((int64_t)x / (int64_t)y);
}

/* Values where carries, signs and digits turn, and random ones; pairs of close values too. */
void fill_values(uint64_t *x, uint64_t *y, size_t rows, enum int_type t)
{
	uint64_t mask = mask_of(t);
	uint64_t edges[] = {0, 1, 2, 3, 4, 15, 16, mask, mask - 1, mask >> 1, (mask >> 1) + 1,
		(mask >> 1) - 1, mask / 3, mask / 3 * 2, mask / 5, 0xff, 0x100, 0x7f, 0x80};
	size_t n = sizeof(edges) / sizeof(edges[0]);
	for (size_t i = 0; i < rows; i++) {
		x[i] = i < n * n ? edges[i / n] : rnd();
		y[i] = i < n * n ? edges[i % n] : rnd();
		if (i >= n * n && i % 3 == 0) /* equal but for one bit, or equal */
			y[i] = x[i] ^ (rnd() % 4 == 0 ? 0 : UINT64_C(1) << (rnd() & 63));
		x[i] &= mask;
		y[i] &= mask;
	}
}

/* Checks a result's values and noise, and that `bootstraps` a row were spent; frees it. */
void expect(struct harness *h, struct int_column *x, const uint64_t *values, uint64_t before,
	int bootstraps, const char *what)
{
	uint64_t spent = SPENT(h) - before;
	size_t words = x->rows * int_type_words(x->type);
	uint64_t *got = calloc(words, sizeof(*got));
	h->decrypt(h, x, got);
	for (size_t r = 0; r < words; r++)
		if (got[r] != values[r])
			fail_msg("%s, row %zu: %llx instead of %llx", what, r,
				(unsigned long long)got[r], (unsigned long long)values[r]);
	if (getenv("AMT_SHOW") != NULL)
		print_message("%s: %.2f\n", what, (double)spent / (double)x->rows);
	if (bootstraps >= 0 && spent != (uint64_t)bootstraps * x->rows)
		fail_msg("%s: %.2f bootstraps a value instead of %d", what,
			(double)spent / (double)x->rows, bootstraps);
	h->check_noise(h, x);
	free(got);
	int_column_free(x);
}

struct counts counts_of(enum int_type t)
{
	switch (t) {
	case INT_BOOL:
		return (struct counts){-1, 1, 1};
	case INT_U8:
	case INT_I8:
		return (struct counts){4, 3, 3};
	case INT_U16:
		return (struct counts){8, 5, 5};
	case INT_I16:
		return (struct counts){8, 5, 6};
	case INT_U32:
	case INT_I32:
		return (struct counts){16, 9, 11};
	case INT_U64:
		return (struct counts){32, 17, 21};
	default:
		return (struct counts){32, 17, 22};
	}
}

/* Every binary operation on rows of two columns (b may have one row). */
void binary(struct harness *h, enum int_type t, const struct int_column *a,
	const struct int_column *b, const uint64_t *x, const uint64_t *y, bool counted)
{
	size_t rows = a->rows, step = b->rows == 1 ? 0 : 1;
	struct counts n = counts_of(t);
	int blocks = (int)int_type_blocks(t);
	uint64_t *want = calloc(rows, sizeof(*want)), before;
	struct int_column r;
	if (t != INT_BOOL) {
		for (size_t i = 0; i < rows; i++)
			want[i] = extend(t, x[i] + y[i * step]);
		before = SPENT(h);
		OK(int_add(h->c, &r, a, b));
		expect(h, &r, want, before, counted ? n.add : -1, "add");
		for (size_t i = 0; i < rows; i++)
			want[i] = extend(t, x[i] - y[i * step]);
		before = SPENT(h);
		OK(int_sub(h->c, &r, a, b));
		expect(h, &r, want, before, counted ? n.add : -1, "sub");
	}
	static const char *const names[] = {"eq", "ne", "lt", "le", "gt", "ge"};
	for (int op = INT_EQ; op <= INT_GE; op++) {
		for (size_t i = 0; i < rows; i++)
			want[i] = compared(t, (enum int_comparison)op, x[i], y[i * step]);
		before = SPENT(h);
		OK(int_compare(h->c, &r, (enum int_comparison)op, a, b));
		expect(h, &r, want, before,
			!counted       ? -1
			: op <= INT_NE ? n.equal
				       : n.order,
			names[op]);
	}
	for (int op = INT_AND; op <= INT_XOR; op++) {
		for (size_t i = 0; i < rows; i++)
			want[i] = extend(t, logic((enum int_logic)op, x[i], y[i * step]));
		before = SPENT(h);
		OK(int_logic(h->c, &r, (enum int_logic)op, a, b));
		expect(h, &r, want, before, counted ? blocks : -1, "logic");
	}
	for (size_t i = 0; i < rows; i++)
		want[i] = extend(t, ~x[i]);
	before = SPENT(h);
	OK(int_not(h->c, &r, a));
	expect(h, &r, want, before, 0, "not");

	uint64_t *bits = calloc(rows, sizeof(*bits));
	struct int_column bit;
	for (size_t i = 0; i < rows; i++)
		bits[i] = rnd() & 1;
	h->encrypt(h, &bit, INT_BOOL, bits, rows);
	for (size_t i = 0; i < rows; i++)
		want[i] = extend(t, bits[i] ? x[i] : y[i * step]);
	before = SPENT(h);
	OK(int_select(h->c, &r, &bit, a, b));
	expect(h, &r, want, before, counted ? blocks : -1, "select");
	for (size_t i = 0; i < rows; i++)
		want[i] = bits[i] ? extend(t, x[i]) : 0;
	before = SPENT(h);
	OK(int_mask(h->c, &r, &bit, a));
	expect(h, &r, want, before, counted ? blocks : -1, "mask");
	if (t != INT_BOOL) {
		for (size_t i = 0; i < rows; i++)
			want[i] = extend(t, less(t, x[i], y[i * step]) ? x[i] : y[i * step]);
		before = SPENT(h);
		OK(int_min(h->c, &r, a, b));
		expect(h, &r, want, before, counted ? n.order + blocks : -1, "min");
		for (size_t i = 0; i < rows; i++)
			want[i] = extend(t, less(t, y[i * step], x[i]) ? x[i] : y[i * step]);
		OK(int_max(h->c, &r, a, b));
		expect(h, &r, want, 0, -1, "max");
	}
	int_column_free(&bit);
	free(bits);
	free(want);
}

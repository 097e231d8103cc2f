/* Random arithmetic in our SQL and in SQLite's.
 *
 * SQLite computes with 64 bits; what is written for it wraps to the width of the target after each step.
 * It makes floats of what leaves 64 bits, so that products of 32 bits are taken apart, and in targets of
 * 64 bits the sizes of values are kept: columns have to be below 2^31, or 2^32 where they are narrower.
 * u64 has nothing that could be negative there. */
#include "random_sql.h"

#include <stdlib.h>

struct target {
	const struct schema *schema;
	const struct column *c;
	unsigned bits;
	bool is_signed;
};

/* An expression and, of 64 bits, a bound of its size: below 2^size. */
struct piece {
	struct pair text;
	unsigned size;
};

static void wrap(const struct target *t, struct pair *p, struct text *lite)
{
	unsigned long long mask = UINT64_MAX >> (64 - t->bits), bias = (mask >> 1) + 1;
	if (t->bits == 64)
		put(&p->lite, "(%s)", lite->at);
	else if (t->is_signed)
		put(&p->lite, "(((%s + %llu) & %llu) - %llu)", lite->at, bias, mask, bias);
	else
		put(&p->lite, "(%s & %llu)", lite->at, mask);
	free(lite->at);
	*lite = (struct text){0};
}

/* A column whose values are all numbers of the target's width and unit. */
static const struct column *some_column(const struct target *t)
{
	for (;;) {
		const struct column *c = &t->schema->column[rnd(t->schema->columns)];
		wide least, most;
		range_of(c, &least, &most);
		wide low = t->is_signed ? -((wide)1 << (t->bits - 1)) : 0;
		wide high = low + (((wide)1 << t->bits) - 1);
		if (column_is_number(c) && c->scale == t->c->scale && least >= low &&
			most <= high && (c->not_null || !t->c->not_null))
			return c;
	}
}

static wide some_constant(const struct target *t, bool zero)
{
	wide most = ((wide)1 << (t->bits - t->is_signed)) - 1, v = (wide)rnd(20);
	if (t->bits < 64 && rnd(3) == 0)
		v = most - (wide)rnd(3);
	if (t->is_signed && rnd(2))
		v = -v - (wide)rnd(2);
	return v == 0 && !zero ? 1 : v;
}

static void put_constant(struct pair *p, wide v, unsigned scale)
{
	put_scaled(&p->ours, v, scale);
	put(&p->lite, v < 0 ? "(" : "");
	put_wide(&p->lite, v);
	put(&p->lite, v < 0 ? ")" : "");
}

static struct piece expression(const struct target *t, unsigned depth);

static struct piece leaf(const struct target *t)
{
	struct piece x = {.size = 33};
	put_both(&x.text, some_column(t)->name);
	return x;
}

static struct piece unary(const struct target *t, unsigned depth)
{
	struct piece of = expression(t, depth - 1), x = {.size = of.size + 1};
	struct text lite = {0};
	bool invert = t->c->scale == 0 && rnd(2);
	put(&x.text.ours, invert ? "~(%s)" : "-(%s)", of.text.ours.at);
	put(&lite, invert ? "~%s" : "-%s", of.text.lite.at);
	wrap(t, &x.text, &lite);
	free_pair(&of.text);
	return x;
}

static struct piece shift(const struct target *t, unsigned depth)
{
	struct piece of = expression(t, depth - 1), x = {.size = of.size + 1};
	bool left = t->bits == 64 ? of.size < 50 && rnd(2) : rnd(2);
	const struct column *by = &t->schema->column[rnd(t->schema->columns)];
	struct pair amount = {0};
	struct text lite = {0};
	bool usable = column_is_number(by) && by->scale == 0 && (by->not_null || !t->c->not_null);
	if (usable && !(left && t->bits == 64)) {
		put_both(&amount, by->name);
	} else {
		wide v = left && t->bits == 64 ? (wide)rnd(8) : (wide)rnd(80) - 8;
		put_constant(&amount, v, 0);
		x.size += left ? 8 : 0;
	}
	put(&x.text.ours, "(%s) %s %s", of.text.ours.at, left ? "<<" : ">>", amount.ours.at);
	put(&lite, "(%s %s (%s & %u))", of.text.lite.at, left ? "<<" : ">>", amount.lite.at,
		t->bits - 1);
	wrap(t, &x.text, &lite);
	free_pair(&of.text);
	free_pair(&amount);
	return x;
}

/* By 0: NULL, in a target that cannot be NULL as int_divide has it. */
static void put_division(
	const struct target *t, struct text *lite, const char *op, const char *a, const char *b)
{
	unsigned long long mask = UINT64_MAX >> (64 - t->bits);
	if (!t->c->not_null)
		put(lite, "(%s %s %s)", a, op, b);
	else if (op[0] == '%')
		put(lite, "coalesce(%s %% %s, %s)", a, b, a);
	else if (t->is_signed)
		put(lite, "coalesce(%s / %s, iif(%s < 0, 1, -1))", a, b, a);
	else
		put(lite, "coalesce(%s / %s, %lld)", a, b, (long long)mask);
}

static void put_product(const struct target *t, struct text *lite, const char *a, const char *b)
{
	if (t->bits == 32)
		put(lite, "(%s * (%s & 65535) + ((%s * (%s >> 16)) & 65535) * 65536)", a, b, a, b);
	else
		put(lite, "(%s * %s)", a, b);
}

static struct piece binary(const struct target *t, unsigned depth)
{
	static const char *const whole[] = {"+", "-", "*", "/", "%", "&", "|", "#"};
	static const char *const decimal[] = {"+", "-", "*", "%"};
	bool natural = t->bits == 64 && !t->is_signed;
	const char *op;
	do {
		op = t->c->scale > 0 ? decimal[rnd(4)] : whole[rnd(8)];
	} while (natural && op[0] == '-');
	bool divides = op[0] == '/' || op[0] == '%', times = op[0] == '*';
	/* One side may be a constant; what multiplies decimals has none. */
	unsigned constant = t->c->scale > 0 && times ? 2 : (unsigned)rnd(5);
	struct piece side[2];
	for (unsigned i = 0; i < 2; i++) {
		if (constant != i + 1) {
			side[i] = expression(t, depth - 1);
			continue;
		}
		wide v = some_constant(t, !(divides && i == 1));
		if (natural)
			v = v < 0 ? -v : v;
		side[i] = (struct piece){.size = 6};
		put_constant(&side[i].text, v, times ? 0 : t->c->scale);
	}
	if (times && t->c->scale == 0 && t->bits == 64 && side[0].size + side[1].size > 62)
		op = "|", times = false;
	struct piece x = {
		.size = times ? side[0].size + side[1].size
			      : (side[0].size > side[1].size ? side[0].size : side[1].size) + 1};
	const char *a = side[0].text.lite.at, *b = side[1].text.lite.at;
	struct text lite = {0};
	put(&x.text.ours,
		constant == 1	? "%s %s (%s)"
		: constant == 2 ? "(%s) %s %s"
				: "(%s) %s (%s)",
		side[0].text.ours.at, op, side[1].text.ours.at);
	if (divides)
		put_division(t, &lite, op, a, b);
	else if (times)
		put_product(t, &lite, a, b);
	else if (op[0] == '#')
		put(&lite, "((%s | %s) - (%s & %s))", a, b, a, b);
	else
		put(&lite, "(%s %s %s)", a, op, b);
	wrap(t, &x.text, &lite);
	free_pair(&side[0].text);
	free_pair(&side[1].text);
	return x;
}

static struct piece expression(const struct target *t, unsigned depth)
{
	bool natural = t->bits == 64 && !t->is_signed;
	uint64_t choice = rnd(8);
	if (depth == 0 || choice == 0)
		return leaf(t);
	if (choice == 1 && !natural)
		return unary(t, depth);
	if (choice <= 3 && t->c->scale == 0)
		return shift(t, depth);
	return binary(t, depth);
}

void put_arith(struct pair *p, const struct schema *s, const struct column *c, unsigned depth)
{
	const struct target t = {s, c, column_bits(c), column_signed(c)};
	struct piece x = expression(&t, depth);
	put(&p->ours, "%s", x.text.ours.at);
	put(&p->lite, "%s", x.text.lite.at);
	free_pair(&x.text);
}

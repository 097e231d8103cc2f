#include "random_sql.h"

#include <stdarg.h>
#include <stdlib.h>

const char *const random_words[RANDOM_WORDS] = {"A", "N", "R", "O", "F", "x"};

static uint64_t seed = 20261123;

uint64_t rnd(uint64_t below)
{
	seed += 0x9e3779b97f4a7c15u;
	uint64_t z = seed;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

wide bias_of(const struct column *c)
{
	return column_signed(c) ? (wide)1 << (column_bits(c) - 1) : 0;
}

/* The integer of a column as SQLite sees it. */
wide seen(const struct column *c, uint64_t bits)
{
	return (wide)bits - (c->type == COLUMN_U64 ? (wide)1 << 63 : bias_of(c));
}

void range_of(const struct column *c, wide *least, wide *most)
{
	uint64_t low, high;
	column_domain(c, &low, &high);
	*least = (wide)low - bias_of(c);
	*most = (wide)high - bias_of(c);
}

/* An integer that hits edges and other values often. */
wide some_integer(const struct column *c, bool beyond)
{
	wide least, most;
	range_of(c, &least, &most);
	wide v;
	switch (rnd(8)) {
	case 0:
		v = least + (wide)rnd(2);
		break;
	case 1:
		v = most - (wide)rnd(2);
		break;
	case 2:
		v = least + (wide)(rnd(UINT64_MAX) % (uint64_t)(most - least));
		break;
	case 3:
		v = beyond ? (rnd(2) ? most + 1 + (wide)rnd(3) : least - 1 - (wide)rnd(3)) : 0;
		break;
	default:
		v = (wide)rnd(7) - 2;
	}
	if (!beyond && (v < least || v > most))
		v = least <= 1 && most >= 1 ? 1 : least + (wide)rnd((uint64_t)(most - least));
	return v;
}

void put(struct text *t, const char *format, ...)
{
	va_list arguments, again;
	va_start(arguments, format);
	va_copy(again, arguments);
	int n = vsnprintf(NULL, 0, format, arguments);
	assert_true(n >= 0);
	while (t->size + (size_t)n + 1 > t->room) {
		t->room = t->room * 2 + 256;
		t->at = realloc(t->at, t->room);
	}
	vsnprintf(t->at + t->size, (size_t)n + 1, format, again);
	va_end(again);
	va_end(arguments);
	t->size += (size_t)n;
}

void put_wide(struct text *t, wide v)
{
	char digits[50];
	int at = 49;
	digits[at] = '\0';
	wide rest = v < 0 ? -v : v;
	do {
		digits[--at] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	} while (rest != 0);
	put(t, "%s%s", v < 0 ? "-" : "", digits + at);
}

void put_both(struct pair *p, const char *text)
{
	put(&p->ours, "%s", text);
	put(&p->lite, "%s", text);
}

/* v / 10^scale. */
void put_scaled(struct text *t, wide v, unsigned scale)
{
	wide ten = 1;
	for (unsigned i = 0; i < scale; i++)
		ten *= 10;
	if (v < 0)
		put(t, "-");
	v = v < 0 ? -v : v;
	put_wide(t, v / ten);
	if (scale > 0)
		put(t, ".%0*d", (int)scale, (int)(v % ten));
}

/* A literal near the column's values. half: v + 1/2 in the last place. */
void put_literal(struct pair *p, const struct column *c, bool may_be_null)
{
	if (may_be_null && rnd(12) == 0) {
		put_both(p, "NULL");
		return;
	}
	if (c->type == COLUMN_TEXT) {
		put(&p->ours, "'%s'", random_words[rnd(RANDOM_WORDS)]);
		put(&p->lite, "%s", p->ours.at + p->ours.size - 3);
		return;
	}
	if (c->type == COLUMN_BOOL) {
		bool v = rnd(2);
		static const char *const words[2][3] = {
			{"false", "'f'", "'no'::boolean"}, {"true", "'yes'", "bool 't'"}};
		put(&p->ours, "%s", words[v][rnd(3)]);
		put(&p->lite, "%d", v);
		return;
	}
	wide v = some_integer(c, true);
	bool date = c->type == COLUMN_DATE;
	if (date || c->type == COLUMN_TIMESTAMP) {
		/* Where years have four digits. */
		v = v % (date ? 100000 : (wide)10000000000000000);
		struct value value = {.bits = (uint64_t)(v + bias_of(c))};
		struct buf b = {0};
		OK(value_print(&b, c, &value));
		OK(buf_put_u8(&b, 0));
		static const char *const forms[] = {"'%s'", "date '%s'", "'%s'::date",
			"cast('%s' as date)", "'%s'", "timestamp '%s'", "'%s'::timestamp",
			"cast('%s' as timestamp)"};
		char piece[100];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(piece, sizeof(piece), forms[rnd(4) + (date ? 0 : 4)], (char *)b.data);
#pragma GCC diagnostic pop
		put(&p->ours, "%s", piece);
		put_wide(&p->lite, v);
		buf_free(&b);
		return;
	}
	wide least, most;
	range_of(c, &least, &most);
	bool half = v > -(1 << 30) && v < 1 << 30 && rnd(6) == 0 && c->type != COLUMN_U64;
	bool quoted =
		rnd(6) == 0 && v >= least && v <= most && (!half || c->type == COLUMN_DECIMAL);
	put(&p->ours, quoted ? "'" : "");
	if (half)
		put_scaled(&p->ours, v * 10 + 5, c->scale + 1u);
	else
		put_scaled(&p->ours, v, c->scale);
	put(&p->ours, quoted ? "'" : rnd(10) == 0 ? "::numeric" : "");
	if (c->type == COLUMN_U64)
		v -= (wide)1 << 63;
	if (v > INT64_MAX || v < INT64_MIN) {
		put(&p->lite, v > 0 ? "9e30" : "-9e30");
	} else if (half) {
		put_scaled(&p->lite, v * 10 + 5, 1);
	} else if (v == INT64_MIN) {
		put(&p->lite, "(-9223372036854775807 - 1)");
	} else {
		put_wide(&p->lite, v);
	}
}

bool alike(const struct column *a, const struct column *b)
{
	if (!column_is_number(a) || !column_is_number(b))
		return a->type == b->type && a->type != COLUMN_TEXT;
	if ((a->type == COLUMN_U64 && column_signed(b)) ||
		(b->type == COLUMN_U64 && column_signed(a)))
		return false;
	return a->scale == b->scale;
}

static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">=", "!="};

bool random_tests;

static bool put_like(struct pair *p, const struct column *c)
{
	static const char *const patterns[] = {
		"%", "_", "A%", "%N", "%x%", "__", "\\R", "", "\\%", "_%", "%A_"};
	if (c->scan.kind != SCAN_DICTIONARY)
		return false;
	const char *pattern = patterns[rnd(11)], *not = rnd(2) ? "NOT " : "";
	put(&p->ours, "%s %sLIKE '%s'", c->name, not, pattern);
	put(&p->lite, "%s %sLIKE '%s' ESCAPE '\\'", c->name, not, pattern);
	return true;
}

/* Whole numbers whose scan form takes any condition: few values, or few ranges of them. */
static bool put_test(struct pair *p, const struct column *c)
{
	if (c->type == COLUMN_TEXT)
		return put_like(p, c);
	if (!column_is_number(c) || c->scale > 0 || column_scan_max(c) >= 4096)
		return false;
	const char *op = operators[rnd(7)], *x = c->name;
	int a = (int)rnd(9) - 4, k = (int)rnd(200) - 100;
	unsigned d = (unsigned)rnd(column_scan_max(c) < 64 ? 12 : 2000) +
		     (column_scan_max(c) < 64 ? 0 : 12);
	switch (rnd(5)) {
	case 0:
		put(&p->ours, "%s * %d - %d %s %d", x, a, k, op, 3 * k);
		put(&p->lite, "%s * %d - (%d) %s %d", x, a, k, op, 3 * k);
		return true;
	case 1:
		put(&p->ours, "%u %s %s / %u", d / 2, op, x, d);
		put(&p->lite, "%u %s %s / %u", d / 2, op, x, d);
		return true;
	case 2:
		put(&p->ours, "%s %% %u %s %u", x, d, op, d / 3);
		put(&p->lite, "%s %% %u %s %u", x, d, op, d / 3);
		return true;
	case 3:
		put(&p->ours, "%s * %s %s %d * %s", x, x, op, k, x);
		put(&p->lite, "%s * %s %s %d * %s", x, x, op, k, x);
		return true;
	default:
		put(&p->ours, "%d / -%s %s %d", 10 * k, x, op, a);
		put(&p->lite, "%d / -%s %s %d", 10 * k, x, op, a);
		return true;
	}
}

void put_leaf(struct pair *p, const struct schema *s)
{
	const struct column *c = &s->column[rnd(s->columns)];
	const char *op = operators[rnd(7)];
	if (random_tests && rnd(4) == 0 && put_test(p, c))
		return;
	uint64_t choice = rnd(c->type == COLUMN_BOOL ? 10 : 8);
	switch (c->type == COLUMN_TEXT && choice == 0 ? 5 : choice) {
	case 0: {
		const struct column *d = &s->column[rnd(s->columns)];
		while (!alike(c, d))
			d = &s->column[rnd(s->columns)];
		put(&p->ours, "%s %s %s", c->name, op, d->name);
		bool shift = c->type == COLUMN_U64 || d->type == COLUMN_U64;
		const char *shifted = " - 9223372036854775807 - 1";
		put(&p->lite, "%s%s %s %s%s", c->name,
			shift && c->type != COLUMN_U64 ? shifted : "", op, d->name,
			shift && d->type != COLUMN_U64 ? shifted : "");
		return;
	}
	case 1:
		put_literal(p, c, true);
		put(&p->ours, " %s %s", op, c->name);
		put(&p->lite, " %s %s", op, c->name);
		return;
	case 2: {
		bool symmetric = rnd(3) == 0, negated = rnd(2);
		struct pair low = {0}, high = {0};
		put_literal(&low, c, true);
		put_literal(&high, c, true);
		put(&p->ours, "%s %sBETWEEN %s%s AND %s", c->name, negated ? "NOT " : "",
			symmetric ? "SYMMETRIC " : "", low.ours.at, high.ours.at);
		put(&p->lite, "%s(%s BETWEEN %s AND %s", negated ? "NOT " : "", c->name,
			low.lite.at, high.lite.at);
		if (symmetric)
			put(&p->lite, " OR %s BETWEEN %s AND %s", c->name, high.lite.at,
				low.lite.at);
		put(&p->lite, ")");
		free(low.ours.at);
		free(low.lite.at);
		free(high.ours.at);
		free(high.lite.at);
		return;
	}
	case 3: {
		put_both(p, c->name);
		put_both(p, rnd(2) ? " NOT IN (" : " IN (");
		for (uint64_t n = rnd(6); n < 6; n++) {
			put_literal(p, c, true);
			put_both(p, n < 5 ? ", " : ")");
		}
		return;
	}
	case 4:
		put_both(p, c->name);
		put_both(p, rnd(2) ? " IS NULL" : " IS NOT NULL");
		return;
	case 8:
		put_both(p, c->name);
		return;
	case 9: {
		static const char *const tests[] = {
			" IS TRUE", " IS NOT TRUE", " IS FALSE", " IS NOT FALSE"};
		put_both(p, c->name);
		put_both(p, tests[rnd(4)]);
		return;
	}
	default:
		put(&p->ours, "%s %s ", c->name, op);
		put(&p->lite, "%s %s ", c->name, op);
		put_literal(p, c, true);
	}
}

void put_where(struct pair *p, const struct schema *s, unsigned depth)
{
	uint64_t choice = rnd(depth == 0 ? 1 : 10);
	if (choice < 3) {
		put_leaf(p, s);
		return;
	}
	if (choice == 3 && rnd(4) == 0) {
		bool v = rnd(2);
		put(&p->ours, v ? "TRUE" : "FALSE");
		put(&p->lite, v ? "1" : "0");
		return;
	}
	if (choice == 4) {
		bool not = rnd(2);
		put_both(p, "(");
		put_where(p, s, depth - 1);
		put(&p->ours, ") IS %sUNKNOWN", not ? "NOT " : "");
		put(&p->lite, ") IS %sNULL", not ? "NOT " : "");
		return;
	}
	if (choice <= 6)
		put_both(p, "NOT ");
	put_both(p, "(");
	for (uint64_t n = 2 + rnd(2); n > 0; n--) {
		put_where(p, s, depth - 1);
		put_both(p, n == 1 ? ")" : choice % 2 ? " AND " : " OR ");
	}
}

/* SQLite */

void run(sqlite3 *db, const char *sql)
{
	char *error = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return q;
}

/* Row r of the table is rowid r + 1; deleted rows are not there. */
void fill(sqlite3 *db, const struct plain_table *t)
{
	run(db, "drop table if exists t");
	struct text sql = {0};
	for (unsigned c = 0; c < t->schema.columns; c++)
		put(&sql, "%s%s", c == 0 ? "create table t (" : ", ", t->schema.column[c].name);
	put(&sql, ")");
	run(db, sql.at);
	for (size_t r = 0; r < t->rows; r++) {
		if (!t->valid[r])
			continue;
		sql.size = 0;
		put(&sql, "insert into t (rowid");
		for (unsigned c = 0; c < t->schema.columns; c++)
			put(&sql, ", %s", t->schema.column[c].name);
		put(&sql, ") values (%zu", r + 1);
		for (unsigned c = 0; c < t->schema.columns; c++) {
			const struct value *v = &t->value[r * t->schema.columns + c];
			wide x = seen(&t->schema.column[c], v->bits);
			put(&sql, ", ");
			if (v->null)
				put(&sql, "NULL");
			else if (t->schema.column[c].type == COLUMN_TEXT)
				put(&sql, "'%.*s'", (int)v->text.size, (const char *)v->text.data);
			else if (x == INT64_MIN)
				put(&sql, "-9223372036854775807 - 1");
			else
				put_wide(&sql, x);
		}
		put(&sql, ")");
		run(db, sql.at);
	}
	free(sql.at);
}

void free_pair(struct pair *p)
{
	free(p->ours.at);
	free(p->lite.at);
	*p = (struct pair){0};
}

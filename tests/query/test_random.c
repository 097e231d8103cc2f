/* Random tables and random statements: a plan's circuit, run on plain values, must do what SQLite
 * does.
 *
 * In SQLite every column is the scaled integer (314 for 3.14, days for dates, x - 2^63 for u64), so
 * each random expression is written twice. Literals that no scaled integer equals become halves,
 * and those beyond 64 bits +-9e30. */
#include "interpret.h"

#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>

__extension__ typedef __int128 wide;

static uint64_t seed = 20261123;

static uint64_t rnd(uint64_t below)
{
	seed += 0x9e3779b97f4a7c15u;
	uint64_t z = seed;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

static const char create[] =
	"create table t (b0 bool, b1 bool not null, a0 u8, a1 u8 not null, s u16, m u32, w u64, "
	"w1 u64 not null, i i8, k smallint, n int not null, n1 int, g bigint, g1 bigint not null, "
	"p decimal(2,1), q decimal(6,2), q1 decimal(6,2) not null, r decimal(18,4), d date, "
	"d1 date not null)";
enum { ROWS = 24 };

static wide bias_of(const struct column *c)
{
	return column_signed(c) ? (wide)1 << (column_bits(c) - 1) : 0;
}

/* The integer of a column as SQLite sees it. */
static wide seen(const struct column *c, uint64_t bits)
{
	return (wide)bits - (c->type == COLUMN_U64 ? (wide)1 << 63 : bias_of(c));
}

static void range_of(const struct column *c, wide *least, wide *most)
{
	*least = -bias_of(c);
	*most = *least + ((wide)1 << column_bits(c)) - 1;
	if (c->type == COLUMN_DECIMAL) {
		*most = 1;
		for (unsigned i = 0; i < c->precision; i++)
			*most *= 10;
		*least = -(--*most);
	}
}

/* An integer that hits edges and other values often. */
static wide some_integer(const struct column *c, bool beyond)
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
		v = 1;
	return v;
}

struct text {
	char *at;
	size_t size, room;
};

static void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct text *t, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	char piece[400];
	int n = vsnprintf(piece, sizeof(piece), format, arguments);
	va_end(arguments);
	assert_true(n >= 0 && (size_t)n < sizeof(piece));
	while (t->size + (size_t)n + 1 > t->room) {
		t->room = t->room * 2 + 256;
		t->at = realloc(t->at, t->room);
	}
	memcpy(t->at + t->size, piece, (size_t)n + 1);
	t->size += (size_t)n;
}

static void put_wide(struct text *t, wide v)
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

/* `text` in our SQL and in SQLite's. */
struct pair {
	struct text ours, lite;
};

static void put_both(struct pair *p, const char *text)
{
	put(&p->ours, "%s", text);
	put(&p->lite, "%s", text);
}

/* v / 10^scale. */
static void put_scaled(struct text *t, wide v, unsigned scale)
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
static void put_literal(struct pair *p, const struct column *c, bool may_be_null)
{
	if (may_be_null && rnd(12) == 0) {
		put_both(p, "NULL");
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
	if (c->type == COLUMN_DATE) {
		v = v % 100000; /* where dates have four digits of year */
		struct column date = *c;
		struct value value = {.bits = (uint64_t)(v + bias_of(c))};
		struct buf b = {0};
		OK(value_print(&b, &date, &value));
		OK(buf_put_u8(&b, 0));
		static const char *const forms[] = {
			"'%s'", "date '%s'", "'%s'::date", "cast('%s' as date)"};
		char piece[100];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(piece, sizeof(piece), forms[rnd(4)], (char *)b.data);
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

static bool alike(const struct column *a, const struct column *b)
{
	bool na = a->type >= COLUMN_U8 && a->type <= COLUMN_DECIMAL;
	bool nb = b->type >= COLUMN_U8 && b->type <= COLUMN_DECIMAL;
	if (!na || !nb)
		return a->type == b->type;
	if ((a->type == COLUMN_U64 && column_signed(b)) ||
		(b->type == COLUMN_U64 && column_signed(a)))
		return false;
	return a->scale == b->scale;
}

static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">=", "!="};

static void put_leaf(struct pair *p, const struct schema *s)
{
	const struct column *c = &s->column[rnd(s->columns)];
	const char *op = operators[rnd(7)];
	switch (rnd(c->type == COLUMN_BOOL ? 10 : 8)) {
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

static void put_where(struct pair *p, const struct schema *s, unsigned depth)
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

static void run(sqlite3 *db, const char *sql)
{
	char *error = NULL;
	if (sqlite3_exec(db, sql, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", sql, error);
}

static sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q;
	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	return q;
}

/* Row r of the table is rowid r + 1; deleted rows are not there. */
static void fill(sqlite3 *db, const struct plain_table *t)
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

static struct plain_table random_table(void)
{
	struct plain_table t = plain_table(create, NULL);
	free(t.value);
	free(t.valid);
	t.rows = 1 + rnd(ROWS);
	t.value = calloc(t.rows * t.schema.columns, sizeof(*t.value));
	t.valid = calloc(t.rows, sizeof(bool));
	for (size_t i = 0; i < t.rows * t.schema.columns; i++) {
		const struct column *c = &t.schema.column[i % t.schema.columns];
		t.value[i].null = !c->not_null && rnd(5) == 0;
		if (!t.value[i].null)
			t.value[i].bits = c->type == COLUMN_BOOL
						  ? rnd(2)
						  : (uint64_t)(some_integer(c, false) + bias_of(c));
	}
	memset(t.valid, true, t.rows);
	return t;
}

static bool delete_some(struct plain_table *t)
{
	bool deletes = rnd(2);
	for (size_t r = 0; deletes && r < t->rows; r++)
		t->valid[r] = rnd(4) != 0;
	return deletes;
}

static void free_pair(struct pair *p)
{
	free(p->ours.at);
	free(p->lite.at);
	*p = (struct pair){0};
}

static void check_rows(sqlite3 *db, struct plain_table *t, bool deletes, const struct pair *where)
{
	char *ours = sqlite3_mprintf("select * from t where %s", where->ours.at);
	struct plan p = plan_of(t, ours, deletes);
	struct plain_answer a = interpret(&p, t);
	bool expected[ROWS] = {false};
	char *q = sqlite3_mprintf("select rowid from t where %s", where->lite.at);
	sqlite3_stmt *stmt = prepared(db, q);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		expected[sqlite3_column_int(stmt, 0) - 1] = true;
	sqlite3_finalize(stmt);
	for (size_t r = 0; r < t->rows; r++)
		if (a.match[r] != expected[r])
			fail_msg("row %zu of\n%s\n%s\ngave %d", r, ours, q, a.match[r]);
	/* Also through the message's form. */
	struct buf b = {0};
	struct circuit back;
	OK(circuit_put(&p.circuit, &b));
	struct reader reader = reader_of(buf_span(&b), "circuit");
	OK(circuit_get(&back, &reader));
	OK(read_end(&reader));
	circuit_free(&back);
	buf_free(&b);
	sqlite3_free(q);
	plain_answer_free(&a);
	plan_free(&p);
	sqlite3_free(ours);
}

static void random_conditions_agree_with_sqlite(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (unsigned table = 0; table < 150; table++) {
		struct plain_table t = random_table();
		bool deletes = delete_some(&t);
		fill(db, &t);
		for (unsigned i = 0; i < 60; i++) {
			struct pair where = {0};
			put_where(&where, &t.schema, (unsigned)rnd(4));
			check_rows(db, &t, deletes, &where);
			free_pair(&where);
		}
		plain_table_free(&t);
	}
	sqlite3_close(db);
}

/* All aggregates of one column against SQLite's; sums of 64-bit columns modulo 2^64. */
static void check_aggregates(
	sqlite3 *db, struct plain_table *t, bool deletes, unsigned column, const struct pair *where)
{
	const struct column *c = &t->schema.column[column];
	bool sums = c->type != COLUMN_DATE && c->type != COLUMN_BOOL;
	bool extremes = c->type != COLUMN_BOOL;
	char *ours = sqlite3_mprintf("select count(*), count(%s)%s%s%s%s from t%s%s", c->name,
		extremes ? ", min(" : "", extremes ? c->name : "", extremes ? ")" : "", "",
		where->ours.size > 0 ? " where " : "", where->ours.size > 0 ? where->ours.at : "");
	char *ours2 = sqlite3_mprintf("select max(%s)%s%s%s%s%s from t%s%s", c->name,
		sums ? ", sum(" : "", sums ? c->name : "", sums ? "), avg(" : "",
		sums ? c->name : "", sums ? ")" : "", where->ours.size > 0 ? " where " : "",
		where->ours.size > 0 ? where->ours.at : "");
	char *lite = sqlite3_mprintf(
		"select %s from t where %s", c->name, where->lite.size > 0 ? where->lite.at : "1");
	uint64_t rows = 0, count = 0, sum = 0;
	wide least = 0, most = 0;
	double average = 0;
	sqlite3_stmt *q = prepared(db, lite);
	for (; sqlite3_step(q) == SQLITE_ROW; rows++) {
		if (sqlite3_column_type(q, 0) == SQLITE_NULL)
			continue;
		wide v = sqlite3_column_int64(q, 0);
		if (c->type == COLUMN_U64)
			v += (wide)1 << 63;
		if (count == 0 || v < least)
			least = v;
		if (count == 0 || v > most)
			most = v;
		sum += (uint64_t)v;
		count++;
	}
	sqlite3_finalize(q);
	average = column_signed(c) ? (double)(int64_t)sum : (double)sum;
	average = average / (double)count / pow(10, c->scale);

	struct plan p = plan_of(t, ours, deletes);
	struct plain_answer a = interpret(&p, t);
	struct buf b = {0};
	bool null;
	uint64_t bias = (uint64_t)bias_of(c);
	struct text expected = {0};
	put(&expected, "%llu|%llu|", (unsigned long long)rows, (unsigned long long)count);
	for (unsigned i = 0; i < p.items; i++) {
		OK(finish_aggregate(&p.item[i], &t->schema, a.slot, &null, &b));
		assert_true(null == (i == 2 && count == 0));
		OK(buf_put_u8(&b, '|'));
	}
	struct value v = {.bits = (uint64_t)least + bias};
	struct buf want = {0};
	OK(buf_put(&want, expected.at, expected.size));
	if (extremes) {
		if (count > 0)
			OK(value_print(&want, c, &v));
		OK(buf_put_u8(&want, '|'));
	}
	if (!span_equal(buf_span(&b), buf_span(&want)))
		fail_msg("%s gave %.*s instead of %.*s", ours, (int)b.size, (char *)b.data,
			(int)want.size, (char *)want.data);
	plain_answer_free(&a);
	plan_free(&p);

	if (extremes) {
		buf_clear(&b);
		buf_clear(&want);
		p = plan_of(t, ours2, deletes);
		a = interpret(&p, t);
		OK(finish_aggregate(&p.item[0], &t->schema, a.slot, &null, &b));
		assert_true(null == (count == 0));
		v.bits = (uint64_t)most + bias;
		if (count > 0)
			OK(value_print(&want, c, &v));
		if (sums && count > 0) {
			struct column wide_column = *c; /* prints any 64-bit sum */
			wide_column.type = column_signed(c) ? COLUMN_DECIMAL : COLUMN_U64;
			wide_column.precision = 18;
			v.bits = column_signed(c) ? sum + (UINT64_C(1) << 63) : sum;
			OK(value_print(&want, &wide_column, &v));
			OK(finish_aggregate(&p.item[1], &t->schema, a.slot, &null, &b));
			assert_false(null);
		}
		if (!span_equal(buf_span(&b), buf_span(&want)))
			fail_msg("%s gave %.*s instead of %.*s", ours2, (int)b.size, (char *)b.data,
				(int)want.size, (char *)want.data);
		if (sums && count > 0) {
			buf_clear(&b);
			OK(finish_aggregate(&p.item[2], &t->schema, a.slot, &null, &b));
			OK(buf_put_u8(&b, 0));
			double got = strtod((char *)b.data, NULL);
			if (fabs(got - average) > 1e-13 * fabs(average))
				fail_msg("%s gave %s instead of %.17g", ours2, (char *)b.data,
					average);
		}
		plain_answer_free(&a);
		plan_free(&p);
	}
	buf_free(&b);
	buf_free(&want);
	free(expected.at);
	sqlite3_free(ours);
	sqlite3_free(ours2);
	sqlite3_free(lite);
}

static void random_aggregates_agree_with_sqlite(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (unsigned table = 0; table < 150; table++) {
		struct plain_table t = random_table();
		bool deletes = delete_some(&t);
		fill(db, &t);
		for (unsigned i = 0; i < 20; i++) {
			struct pair where = {0};
			if (rnd(5) != 0)
				put_where(&where, &t.schema, (unsigned)rnd(3));
			check_aggregates(db, &t, deletes, (unsigned)rnd(t.schema.columns), &where);
			free_pair(&where);
		}
		plain_table_free(&t);
	}
	sqlite3_close(db);
}

/* The right side of an assignment to column c; false when none was found. */
static void put_assignment(struct pair *p, const struct schema *s, const struct column *c)
{
	wide least, most, low, high;
	range_of(c, &least, &most);
	if (c->type == COLUMN_BOOL || rnd(4) == 0) {
		if (!c->not_null && rnd(4) == 0) {
			put_both(p, "NULL");
			return;
		}
		wide v = c->type == COLUMN_BOOL ? (wide)rnd(2) : some_integer(c, false);
		if (c->type == COLUMN_BOOL) {
			put(&p->ours, v ? "true" : "'f'");
		} else if (c->type == COLUMN_DATE) {
			v %= 100000;
			struct value value = {.bits = (uint64_t)(v + bias_of(c))};
			struct buf b = {0};
			OK(value_print(&b, c, &value));
			put(&p->ours, "'%.*s'", (int)b.size, (char *)b.data);
			buf_free(&b);
		} else {
			put_scaled(&p->ours, v, c->scale);
		}
		put_wide(&p->lite, (int64_t)(uint64_t)v);
		return;
	}
	unsigned columns = 1 + (unsigned)rnd(3), used = 0;
	int dates = 0;
	for (unsigned i = 0; i < columns || used == 0; i++) {
		const struct column *d = &s->column[rnd(s->columns)];
		range_of(d, &low, &high);
		bool is_date = c->type == COLUMN_DATE && d->type == COLUMN_DATE && dates == 0;
		bool days = c->type == COLUMN_DATE && d->type >= COLUMN_U8 &&
			    d->type <= COLUMN_I32 && high < 1 << 30;
		bool number = c->type >= COLUMN_U8 && c->type <= COLUMN_DECIMAL && alike(c, d) &&
			      low >= least && high <= most;
		if (!(is_date || days || number) || (c->not_null && !d->not_null))
			continue;
		bool minus = rnd(2) && !is_date;
		put_both(p, minus ? " - " : used > 0 ? " + " : "");
		put_both(p, d->name);
		dates += is_date;
		used++;
	}
	if (c->type == COLUMN_DATE && dates == 0) {
		put_both(p, " + ");
		put_both(p, c->name);
	}
	if (rnd(2)) {
		uint64_t v = rnd(column_bits(c) == 8 ? 200 : 1000);
		put_both(p, rnd(2) ? " + " : " - ");
		put_scaled(&p->ours, (wide)v, c->scale);
		put(&p->lite, "%llu", (unsigned long long)v);
	}
}

static void check_table(sqlite3 *db, const struct plain_table *t, const char *what)
{
	sqlite3_stmt *q = prepared(db, "select rowid, * from t order by rowid");
	size_t r = 0;
	while (sqlite3_step(q) == SQLITE_ROW) {
		for (; (int64_t)r + 1 < sqlite3_column_int64(q, 0); r++)
			assert_false(t->valid[r]);
		assert_true(t->valid[r]);
		for (unsigned c = 0; c < t->schema.columns; c++) {
			const struct column *column = &t->schema.column[c];
			const struct value *v = &t->value[r * t->schema.columns + c];
			bool null = sqlite3_column_type(q, (int)c + 1) == SQLITE_NULL;
			uint64_t mask = UINT64_MAX >> (64 - column_bits(column));
			uint64_t bits = ((uint64_t)sqlite3_column_int64(q, (int)c + 1) +
						(uint64_t)bias_of(column)) &
					mask;
			if (v->null != null || (!null && v->bits != bits))
				fail_msg("%s\nrow %zu column %s: %d %llx instead of %d %llx", what,
					r, column->name, v->null, (unsigned long long)v->bits, null,
					(unsigned long long)bits);
		}
		r++;
	}
	for (; r < t->rows; r++)
		assert_false(t->valid[r]);
	sqlite3_finalize(q);
}

static void random_changes_agree_with_sqlite(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (unsigned table = 0; table < 1500; table++) {
		struct plain_table t = random_table();
		/* 64-bit columns stay where SQLite's sums do not become floats, and u64 as it is. */
		for (size_t i = 0; i < t.rows * t.schema.columns; i++) {
			const struct column *c = &t.schema.column[i % t.schema.columns];
			if (column_bits(c) == 64 && !t.value[i].null)
				t.value[i].bits =
					(uint64_t)(bias_of(c) +
						   (c->type == COLUMN_U64 ? (wide)(1 << 30) : 0) +
						   (wide)rnd(2000) - 1000);
		}
		bool deletes = delete_some(&t);
		fill(db, &t);
		for (unsigned c = 0; c < t.schema.columns; c++)
			if (t.schema.column[c].type == COLUMN_U64) {
				char *shift = sqlite3_mprintf(
					"update t set %s = %s + 9223372036854775807 + 1",
					t.schema.column[c].name, t.schema.column[c].name);
				run(db, shift);
				sqlite3_free(shift);
			}
		struct pair where = {0}, set = {0};
		if (rnd(5) != 0) {
			do {
				free_pair(&where);
				put_where(&where, &t.schema, (unsigned)rnd(3));
				/* the shifted literals of u64 are for the other tests */
			} while (strstr(where.ours.at, "w") != NULL);
		}
		const char *word = where.ours.size > 0 ? " where " : "";
		bool update = rnd(4) != 0;
		if (update) {
			put_both(&set, "update t set ");
			unsigned first = (unsigned)rnd(t.schema.columns), n = 1 + (unsigned)rnd(3);
			for (unsigned i = 0; i < n; i++) {
				const struct column *c =
					&t.schema.column[(first + i * 7) % t.schema.columns];
				put_both(&set, i > 0 ? ", " : "");
				put_both(&set, c->name);
				put_both(&set, " = ");
				put_assignment(&set, &t.schema, c);
			}
		} else {
			put_both(&set, "delete from t");
		}
		char *ours = sqlite3_mprintf(
			"%s%s%s", set.ours.at, word, where.ours.size > 0 ? where.ours.at : "");
		char *lite = sqlite3_mprintf(
			"%s%s%s", set.lite.at, word, where.lite.size > 0 ? where.lite.at : "");
		struct plan p = plan_of(&t, ours, deletes);
		struct plain_answer a = interpret(&p, &t);
		run(db, lite);
		if (a.slot[p.affected_slot] != (uint64_t)sqlite3_changes(db))
			fail_msg("%s changed %llu rows instead of %d", ours,
				(unsigned long long)a.slot[p.affected_slot], sqlite3_changes(db));
		check_table(db, &t, ours);
		plain_answer_free(&a);
		plan_free(&p);
		sqlite3_free(ours);
		sqlite3_free(lite);
		free_pair(&where);
		free_pair(&set);
		plain_table_free(&t);
	}
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_conditions_agree_with_sqlite),
		cmocka_unit_test(random_aggregates_agree_with_sqlite),
		cmocka_unit_test(random_changes_agree_with_sqlite),
	};
	return cmocka_run_group_tests_name("query_random", tests, NULL, NULL);
}

/* Random tables and random statements: a plan's circuit, run on plain values, must do what SQLite
 * does. */
#include "random_sql.h"

#include <math.h>
#include <stdlib.h>

static const char create[] =
	"create table t (b0 bool, b1 bool not null, a0 u8, a1 u8 not null, s u16, m u32, w u64, "
	"w1 u64 not null, i i8, k smallint, n int not null, n1 int, g bigint, g1 bigint not null, "
	"p decimal(2,1), q decimal(6,2), q1 decimal(6,2) not null, r decimal(18,4), d date, "
	"d1 date not null)";
enum { ROWS = 24 };

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

/* 64-bit columns stay where SQLite's sums do not become floats. */
static void keep_small(struct plain_table *t)
{
	for (size_t i = 0; i < t->rows * t->schema.columns; i++) {
		const struct column *c = &t->schema.column[i % t->schema.columns];
		if (column_bits(c) == 64 && !t->value[i].null)
			t->value[i].bits =
				(uint64_t)(bias_of(c) +
					   (c->type == COLUMN_U64 ? (wide)(1 << 30) : 0) +
					   (wide)rnd(2000) - 1000);
	}
}

/* u64 as it is. */
static void fill_natural(sqlite3 *db, const struct plain_table *t)
{
	fill(db, t);
	for (unsigned c = 0; c < t->schema.columns; c++)
		if (t->schema.column[c].type == COLUMN_U64) {
			char *shift =
				sqlite3_mprintf("update t set %s = %s + 9223372036854775807 + 1",
					t->schema.column[c].name, t->schema.column[c].name);
			run(db, shift);
			sqlite3_free(shift);
		}
}

static void random_changes_agree_with_sqlite(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (unsigned table = 0; table < 1500; table++) {
		struct plain_table t = random_table();
		keep_small(&t);
		bool deletes = delete_some(&t);
		fill_natural(db, &t);
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

static void random_arithmetic_agrees_with_sqlite(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (unsigned i = 0; i < 3000; i++) {
		struct plain_table t = random_table();
		keep_small(&t);
		fill_natural(db, &t);
		const struct column *c;
		do {
			c = &t.schema.column[rnd(t.schema.columns)];
		} while (!column_is_number(c));
		struct pair set = {0};
		put(&set.ours, "update t set %s = ", c->name);
		put(&set.lite, "update t set %s = ", c->name);
		put_arith(&set, &t.schema, c, 1 + (unsigned)rnd(3));
		put_both(&set, rnd(2) ? " where b1" : "");
		struct plan p = plan_of(&t, set.ours.at, false);
		struct plain_answer a = interpret(&p, &t);
		run(db, set.lite.at);
		check_table(db, &t, set.ours.at);
		plain_answer_free(&a);
		plan_free(&p);
		free_pair(&set);
		plain_table_free(&t);
	}
	sqlite3_close(db);
}

/* Where SQLite has floats: every operation on 64 bits at the edges, against C. */
static const uint64_t edges[] = {0, 1, 2, 3, 63, 64, 0x7fffffff, 0xffffffff, 0x100000000,
	UINT64_C(0x7fffffffffffffff), UINT64_C(0x8000000000000000), UINT64_C(0x8000000000000001),
	UINT64_C(0xfffffffffffffffe), UINT64_MAX};
enum { EDGES = sizeof(edges) / sizeof(edges[0]) };

static uint64_t computed(const char *op, bool is_signed, uint64_t x, uint64_t y)
{
	int64_t a = (int64_t)x, b = (int64_t)y;
	bool least = is_signed && x == (uint64_t)INT64_MIN && b == -1;
	switch (op[0]) {
	case '*':
		return x * y;
	case '/':
		if (y == 0)
			return is_signed && a < 0 ? 1 : UINT64_MAX;
		return least ? x : is_signed ? (uint64_t)(a / b) : x / y;
	case '%':
		return y == 0 ? x : least ? 0 : is_signed ? (uint64_t)(a % b) : x % y;
	case '&':
		return x & y;
	case '|':
		return x | y;
	case '#':
		return x ^ y;
	case '<':
		return x << (y & 63);
	case '>':
		return is_signed ? (uint64_t)(a >> (y & 63)) : x >> (y & 63);
	default:
		return ~(x - y); /* PostgreSQL: ~ binds weaker than - */
	}
}

static void edges_of_64_bits(void **state)
{
	(void)state;
	static const char *const operators[] = {"*", "/", "%", "&", "|", "#", "<<", ">>", "- ~"};
	for (unsigned kind = 0; kind < 2; kind++) {
		bool is_signed = kind == 1;
		uint64_t bias = is_signed ? UINT64_C(1) << 63 : 0;
		struct plain_table t = plain_table(
			is_signed
				? "create table t (x bigint not null, y bigint not null, z bigint)"
				: "create table t (x u64 not null, y u64 not null, z u64)",
			NULL);
		t.rows = EDGES * EDGES;
		t.value = realloc(t.value, t.rows * 3 * sizeof(*t.value));
		t.valid = realloc(t.valid, t.rows);
		memset(t.valid, true, t.rows);
		for (unsigned o = 0; o < 2 * sizeof(operators) / sizeof(operators[0]); o++) {
			const char *op = operators[o / 2];
			bool null = o % 2, divides = op[0] == '/' || op[0] == '%';
			for (size_t r = 0; r < t.rows; r++) {
				t.value[3 * r] = (struct value){.bits = edges[r / EDGES] ^ bias};
				t.value[3 * r + 1] =
					(struct value){.bits = edges[r % EDGES] ^ bias};
				t.value[3 * r + 2] = (struct value){0};
			}
			char sql[100];
			snprintf(sql, sizeof(sql),
				op[0] == '-' ? "update t set %s = ~x - y"
					     : "update t set %s = x %s y",
				null ? "z" : "x", op);
			struct plan p = plan_of(&t, sql, false);
			struct plain_answer a = interpret(&p, &t);
			for (size_t r = 0; r < t.rows; r++) {
				uint64_t x = edges[r / EDGES], y = edges[r % EDGES];
				const struct value *v = &t.value[3 * r + (null ? 2 : 0)];
				bool want_null = null && divides && y == 0;
				uint64_t want = computed(op, is_signed, x, y) ^ bias;
				if (v->null != want_null || (!want_null && v->bits != want))
					fail_msg("%s of %llx, %llx gave %d %llx", sql,
						(unsigned long long)x, (unsigned long long)y,
						v->null, (unsigned long long)(v->bits ^ bias));
			}
			plain_answer_free(&a);
			plan_free(&p);
		}
		plain_table_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_conditions_agree_with_sqlite),
		cmocka_unit_test(random_aggregates_agree_with_sqlite),
		cmocka_unit_test(random_changes_agree_with_sqlite),
		cmocka_unit_test(random_arithmetic_agrees_with_sqlite),
		cmocka_unit_test(edges_of_64_bits),
	};
	return cmocka_run_group_tests_name("query_random", tests, NULL, NULL);
}

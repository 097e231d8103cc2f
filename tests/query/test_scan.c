/* Plans of scans: the program on plain slots, and what is made of its totals, must be what SQLite says;
 * and the program must not depend on operators and constants. */
#include "random_sql.h"

#include "query/scan_plan.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 40 };

/* One digit: b, bn, q, z, disc, flag, one. Several: the others. */
static const char create[] =
	"create table t (b bool(scan), bn bool(scan) not null, q u8(scan) check (q between 1 and 50), "
	"z i8(scan) not null check (z between -20 and 11), disc decimal(4,2,scan) check (disc >= 0 and "
	"disc <= 0.10), a u8(scan), an u8(scan) not null, a2 u8(scan), s smallint, m u32(scan) not "
	"null, w u64(scan), g bigint, price decimal(9,2,scan) check (price between 0 and 1000.00), p2 "
	"decimal(4,2,scan) not null, d date(scan) not null check (d between '1992-01-01' and "
	"'1998-12-31'), e date(scan) check (e between '1992-01-01' and '1998-12-31'), at timestamp, "
	"flag text(scan, 5), fn text(scan, 9) not null, name text(tag), tn text(tag) not null) with "
	"(scan = 's, g, at', scan_base = 'q:64', scan_ring = 15, scan_depth = 'a:20, an:20, a2:20, "
	"s:20, m:20, w:20, g:20, price:20, p2:20, d:20, e:20, at:20, name:20, tn:20, b:20, bn:20, "
	"q:20, z:20, disc:20, flag:20, fn:20')";

/* ---- texts: dictionaries list the words in an order that is not theirs */

static const uint8_t listed[RANDOM_WORDS] = {3, 1, 4, 0, 2};

static amt_status code_of_text(
	void *context, unsigned column, struct span text, uint64_t *code, bool *known)
{
	const struct schema *s = context;
	*known = false;
	*code = 0;
	if (s->column[column].scan.kind == SCAN_TAG) {
		*known = true;
		*code = text.data[0] * UINT64_C(0x9e3779b97f4a7c15);
		return STATUS_OK;
	}
	for (unsigned i = 0; i < 5; i++)
		if (span_equal(text, span_str(random_words[listed[i]]))) {
			*known = true;
			*code = i;
		}
	return STATUS_OK;
}

static amt_status text_of_code(
	void *context, unsigned column, uint64_t code, struct span *text, bool *known)
{
	(void)context;
	(void)column;
	*known = code < 5;
	if (*known)
		*text = span_str(random_words[listed[code]]);
	return STATUS_OK;
}

/* ---- tables */

struct scanned {
	struct plain_table t;
	struct scan_texts texts;
	struct query_options options;
	uint64_t *code; /* by row */
	bool *null;
};

static struct scanned *random_scanned(const char *statement)
{
	struct scanned *x = calloc(1, sizeof(*x));
	x->t = plain_table(statement, NULL);
	struct plain_table *t = &x->t;
	free(t->value);
	free(t->valid);
	unsigned columns = t->schema.columns;
	t->rows = 1 + rnd(ROWS);
	t->value = calloc(t->rows * columns, sizeof(*t->value));
	t->valid = calloc(t->rows, sizeof(bool));
	memset(t->valid, true, t->rows);
	for (size_t i = 0; i < t->rows * columns; i++) {
		const struct column *c = &t->schema.column[i % columns];
		t->value[i].null = !c->not_null && rnd(5) == 0;
		if (t->value[i].null)
			continue;
		if (c->type == COLUMN_TEXT)
			t->value[i].text =
				span_str(random_words[c->scan.kind == SCAN_TAG ? rnd(RANDOM_WORDS)
									       : listed[rnd(5)]]);
		else if (c->type == COLUMN_BOOL)
			t->value[i].bits = rnd(2);
		else
			t->value[i].bits = (uint64_t)(some_integer(c, false) + bias_of(c));
	}
	x->texts = (struct scan_texts){&t->schema, code_of_text, text_of_code};
	x->options = (struct query_options){
		.rows = t->rows, .pages = 1000, .texts = &x->texts, .deletes = rnd(2)};
	for (size_t r = 0; x->options.deletes && r < t->rows; r++)
		t->valid[r] = rnd(4) != 0;
	x->code = calloc(t->rows * columns, sizeof(*x->code));
	x->null = calloc(t->rows * columns, sizeof(*x->null));
	for (size_t r = 0; r < t->rows; r++)
		OK(scan_row_codes(&t->schema, &x->texts, t->value + r * columns,
			x->code + r * columns, x->null + r * columns));
	return x;
}

static void free_scanned(struct scanned *x)
{
	plain_table_free(&x->t);
	free(x->code);
	free(x->null);
	free(x);
}

static unsigned fitted, refused, fetched;

/* Makes a plan; false: it is not for scans. */
static bool plan(
	const struct scanned *x, const char *sql, struct scan_plan *p, struct sql_statement **s)
{
	OK(sql_parse(s, sql));
	amt_status made = scan_plan_make(p, *s, &x->t.schema, &x->options);
	if (amt_ok(made)) {
		*(p->fetched ? &fetched : &fitted) += 1;
		return true;
	}
	refused++;
	amt_code code = amt_status_code(made);
	const char *words = amt_status_message(made);
	if (code != AMT_NOISE_BUDGET && code != AMT_LIMIT &&
		(code != AMT_UNSUPPORTED || !(strstr(words, "cut alike") || strstr(words, "tags"))))
		fail_msg("%s: %s", sql, amt_status_message(made));
	amt_status_clear(&made);
	sql_free(*s);
	return false;
}

/* What the host makes of the pages: like scan_plan_add_row, but for deleted rows, whose validity is 0
 * while everything else of them is still there. */
static void add_deleted(const struct scan_plan *p, const uint64_t *code, const bool *null,
	uint64_t *totals, bool *match)
{
	/* A table whose validity vector is a column of NULLs. */
	struct scan_program copy = p->program;
	unsigned hole = p->table.columns;
	struct scan_column *column = calloc(hole + 1, sizeof(*column));
	memcpy(column, p->table.column, hole * sizeof(*column));
	column[hole] = p->table.valid;
	struct scan_table table = p->table;
	table.column = column;
	table.columns = hole + 1;
	copy.range = calloc(copy.ranges + 1, sizeof(*copy.range));
	for (uint32_t i = 0; i < copy.ranges; i++) {
		copy.range[i] = p->program.range[i];
		if (copy.range[i].column == SCAN_VALID_COLUMN)
			copy.range[i].column = (uint16_t)hole;
	}
	uint64_t *codes = calloc(hole + 1, sizeof(*codes));
	bool *nulls = calloc(hole + 1, sizeof(*nulls));
	memcpy(codes, code, hole * sizeof(*codes));
	memcpy(nulls, null, hole * sizeof(*nulls));
	nulls[hole] = true;
	uint32_t *output = calloc(copy.outputs, sizeof(*output));
	OK(scan_evaluate_row(&copy, &table, codes, nulls, p->scalar, NULL, output));
	for (uint32_t i = 0; totals != NULL && i < copy.outputs; i++)
		totals[i] += output[i];
	if (match != NULL) {
		assert_int_equal(output[0], 0);
		*match = false;
	}
	free(output);
	free(nulls);
	free(codes);
	free(copy.range);
	free(column);
}

static void run_plan(const struct scanned *x, struct scan_plan *p, bool *match)
{
	unsigned columns = x->t.schema.columns;
	if (scan_plan_done(p))
		for (size_t r = 0; r < x->t.rows && match != NULL; r++)
			match[r] = p->every;
	while (!scan_plan_done(p)) {
		uint64_t *totals = calloc(p->program.outputs + 1, sizeof(*totals));
		for (size_t r = 0; r < x->t.rows; r++)
			if (x->t.valid[r])
				OK(scan_plan_add_row(p, x->code + r * columns,
					x->null + r * columns, totals,
					match != NULL ? match + r : NULL));
			else
				add_deleted(p, x->code + r * columns, x->null + r * columns,
					match != NULL ? NULL : totals,
					match != NULL ? match + r : NULL);
		OK(scan_plan_step(p, p->rows ? NULL : totals));
		free(totals);
	}
}

/* ---- conditions */

/* Under sanitizers a part will do. */
static unsigned times(unsigned n)
{
	return light() ? n / 8 : n;
}

static void check_rows(sqlite3 *db, const struct scanned *x, const struct pair *where)
{
	char *ours = sqlite3_mprintf("select a from t where %s", where->ours.at);
	struct scan_plan p;
	struct sql_statement *s;
	bool match[ROWS] = {false}, expected[ROWS] = {false};
	if (!plan(x, ours, &p, &s)) {
		sqlite3_free(ours);
		return;
	}
	run_plan(x, &p, match);
	char *q = sqlite3_mprintf("select rowid from t where %s", where->lite.at);
	sqlite3_stmt *stmt = prepared(db, q);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		expected[sqlite3_column_int(stmt, 0) - 1] = true;
	sqlite3_finalize(stmt);
	for (size_t r = 0; r < x->t.rows; r++)
		if (match[r] != expected[r])
			fail_msg("row %zu of\n%s\n%s\ngave %d", r, ours, q, match[r]);
	sqlite3_free(q);
	scan_plan_free(&p);
	sql_free(s);
	sqlite3_free(ours);
}

static void random_conditions_agree_with_sqlite(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	run(db, "pragma case_sensitive_like = on");
	for (unsigned table = 0; table < times(100); table++) {
		struct scanned *x = random_scanned(create);
		fill(db, &x->t);
		random_tests = table % 2 == 1;
		for (unsigned i = 0; i < 60; i++) {
			struct pair where = {0};
			x->options.form = rnd(3) == 0 ? SCAN_FORM_PRODUCT : SCAN_FORM_TREE;
			put_where(&where, &x->t.schema, (unsigned)rnd(4));
			check_rows(db, x, &where);
			free_pair(&where);
		}
		free_scanned(x);
	}
	random_tests = false;
	sqlite3_close(db);
	print_message("%u conditions fit, %u are the owner's, %u are refused\n", fitted, fetched,
		refused);
	assert_true(fitted > 2 * (fetched + refused));
}

/* ---- aggregates, groups, order */

enum shown_kind { SHOWN_COLUMN, SHOWN_COUNT, SHOWN_SUM, SHOWN_AVG };
struct shown {
	enum shown_kind kind;
	const struct column *column; /* SHOWN_COLUMN */
	unsigned scale;
};

static const struct column *column_of(const struct scanned *x, const char *name)
{
	return &x->t.schema.column[schema_find(&x->t.schema, name)];
}

/* A polynomial in both languages; returns its scale. */
static unsigned put_poly(struct pair *p, const struct scanned *x, unsigned depth)
{
	static const char *const names[] = {
		"q", "z", "disc", "a", "an", "s", "p2", "price", "q", "disc"};
	uint64_t choice = rnd(depth == 0 ? 4 : 8);
	if (choice == 0) {
		unsigned scale = (unsigned)rnd(3);
		wide v = (wide)rnd(30) - 5;
		put_both(p, "(");
		put_scaled(&p->ours, v, scale);
		put_wide(&p->lite, v);
		put_both(p, ")");
		return scale;
	}
	if (choice < 4) {
		const struct column *c = column_of(x, names[rnd(10)]);
		put_both(p, c->name);
		return c->scale;
	}
	struct pair side[2] = {0};
	unsigned scale[2];
	for (unsigned i = 0; i < 2; i++)
		scale[i] = put_poly(&side[i], x, depth - 1);
	static const char *const signs[] = {" + ", " - ", " * "};
	uint64_t op = choice == 4 ? 0 : choice == 5 ? 1 : 2;
	unsigned most = scale[0] > scale[1] ? scale[0] : scale[1];
	put_both(p, "(");
	for (unsigned i = 0; i < 2; i++) {
		put(&p->ours, "%s", side[i].ours.at);
		put(&p->lite, "%s", side[i].lite.at);
		for (unsigned k = scale[i]; op < 2 && k < most; k++)
			put(&p->lite, " * 10");
		put_both(p, i == 0 ? signs[op] : ")");
		free_pair(&side[i]);
	}
	return op < 2 ? most : scale[0] + scale[1];
}

static struct shown put_aggregate(struct pair *p, const struct scanned *x)
{
	static const char *const searched[] = {
		"q", "z", "a", "m", "w", "d", "e", "at", "flag", "fn", "disc", "price", "g"};
	struct shown out = {SHOWN_COUNT, NULL, 0};
	switch (rnd(6)) {
	case 0:
		put_both(p, "count(*)");
		break;
	case 1:
		put(&p->ours, "count(%s)", x->t.schema.column[rnd(x->t.schema.columns)].name);
		put(&p->lite, "%s", strstr(p->ours.at, "count(") + 0);
		break;
	case 2:
		out.column = column_of(x, searched[rnd(13)]);
		out.kind = SHOWN_COLUMN;
		put(&p->ours, "%s(%s)", rnd(2) ? "min" : "max", out.column->name);
		put(&p->lite, "%s", p->ours.at);
		break;
	default: {
		bool average = rnd(3) == 0;
		out.kind = average ? SHOWN_AVG : SHOWN_SUM;
		put_both(p, average ? "avg(" : "sum(");
		out.scale = put_poly(p, x, (unsigned)rnd(3));
		/* A sum of constants is no column's. */
		put_both(p, " + 0 * an)");
	}
	}
	return out;
}

/* What SQLite says, printed as we do. AVG is compared as a number. */
static void check_cell(const struct shown *shown, sqlite3_stmt *q, int i,
	const struct scan_cell *cell, const struct scan_answer *a, const char *sql)
{
	bool null = sqlite3_column_type(q, i) == SQLITE_NULL;
	struct buf want = {0};
	char got[200] = {0};
	assert_true(cell->size < sizeof(got));
	if (cell->size > 0)
		memcpy(got, a->text.data + cell->at, cell->size);
	if (null != cell->null)
		fail_msg("%s\ncolumn %d is %s", sql, i, cell->null ? "NULL" : got);
	if (null)
		return;
	int64_t v = sqlite3_column_int64(q, i);
	if (shown->kind == SHOWN_AVG) {
		double average = sqlite3_column_double(q, i) / pow(10, shown->scale);
		if (fabs(strtod(got, NULL) - average) > 1e-12 * fabs(average))
			fail_msg("%s\ngave %s instead of %.17g", sql, got, average);
		return;
	}
	if (shown->kind != SHOWN_COLUMN) {
		struct text text = {0};
		put_scaled(&text, v, shown->scale);
		OK(buf_put(&want, text.at, text.size));
		free(text.at);
	} else if (shown->column->type == COLUMN_TEXT) {
		OK(buf_put(&want, sqlite3_column_text(q, i), 1));
	} else {
		struct value value = {
			.bits = (uint64_t)v + (shown->column->type == COLUMN_U64
							      ? UINT64_C(1) << 63
							      : (uint64_t)bias_of(shown->column))};
		OK(value_print(&want, shown->column, &value));
	}
	if (want.size != cell->size || memcmp(got, want.data, want.size) != 0)
		fail_msg("%s\ncolumn %d gave %s instead of %.*s", sql, i, got, (int)want.size,
			(char *)want.data);
	buf_free(&want);
}

static void check_result(sqlite3 *db, const struct scanned *x, const struct pair *sql,
	const struct shown *shown, unsigned columns)
{
	struct scan_plan p;
	struct sql_statement *s;
	struct scan_answer a;
	if (!plan(x, sql->ours.at, &p, &s)) {
		return;
	}
	assert_false(p.rows);
	assert_int_equal(p.headings, columns);
	run_plan(x, &p, NULL);
	OK(scan_plan_finish(&p, &a));
	sqlite3_stmt *q = prepared(db, sql->lite.at);
	size_t row = 0;
	for (; sqlite3_step(q) == SQLITE_ROW; row++) {
		if (row >= a.rows)
			fail_msg("%s\ngave %zu rows only", sql->ours.at, a.rows);
		for (unsigned i = 0; i < columns; i++)
			check_cell(
				&shown[i], q, (int)i, &a.cell[row * columns + i], &a, sql->ours.at);
	}
	sqlite3_finalize(q);
	if (row != a.rows)
		fail_msg("%s\ngave %zu rows instead of %zu", sql->ours.at, a.rows, row);
	scan_answer_free(&a);
	scan_plan_free(&p);
	sql_free(s);
}

static void put_condition(struct pair *sql, const struct scanned *x)
{
	struct pair where = {0};
	if (rnd(3) == 0)
		return;
	put_where(&where, &x->t.schema, (unsigned)rnd(2));
	put(&sql->ours, " where %s", where.ours.at);
	put(&sql->lite, " where %s", where.lite.at);
	free_pair(&where);
}

static void put_order(struct pair *sql, const char *key)
{
	bool down = rnd(2);
	uint64_t nulls = rnd(3);
	const char *const spelled[] = {"", " nulls first", " nulls last"};
	put(&sql->ours, "%s%s%s", key, down ? " desc" : rnd(2) ? " asc" : "", spelled[nulls]);
	put(&sql->lite, "%s%s%s", key, down ? " desc" : "",
		nulls != 0 ? spelled[nulls]
		: down	   ? " nulls first"
			   : " nulls last");
}

static void random_aggregates_agree_with_sqlite(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	fitted = refused = fetched = 0;
	for (unsigned table = 0; table < times(60); table++) {
		struct scanned *x = random_scanned(create);
		fill(db, &x->t);
		for (unsigned i = 0; i < 30; i++) {
			struct pair sql = {0};
			struct shown shown[4];
			unsigned columns = 1 + (unsigned)rnd(4);
			put_both(&sql, "select ");
			for (unsigned k = 0; k < columns; k++) {
				struct pair item = {0};
				shown[k] = put_aggregate(&item, x);
				put(&sql.ours, "%s%s", k > 0 ? ", " : "", item.ours.at);
				put(&sql.lite, "%s%s", k > 0 ? ", " : "", item.lite.at);
				free_pair(&item);
			}
			put_both(&sql, " from t");
			put_condition(&sql, x);
			x->options.form = rnd(4) == 0 ? SCAN_FORM_PRODUCT : SCAN_FORM_TREE;
			check_result(db, x, &sql, shown, columns);
			free_pair(&sql);
		}
		free_scanned(x);
	}
	sqlite3_close(db);
	print_message("%u statements fit, %u are the owner's, %u are refused\n", fitted, fetched,
		refused);
	assert_true(fitted > 2 * (fetched + refused));
}

static void random_groups_agree_with_sqlite(void **state)
{
	(void)state;
	static const char *const keys[] = {"b", "bn", "q", "z", "disc", "flag", "fn", "an"};
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	fitted = refused = fetched = 0;
	for (unsigned table = 0; table < times(30); table++) {
		struct scanned *x = random_scanned(create);
		fill(db, &x->t);
		for (unsigned i = 0; i < 10; i++) {
			struct pair sql = {0}, item = {0};
			struct shown shown[4];
			const char *first = keys[rnd(8)], *second = keys[rnd(2)];
			bool two = rnd(2) && strcmp(first, second) != 0;
			shown[0] = (struct shown){SHOWN_COLUMN, column_of(x, first), 0};
			shown[1] = (struct shown){SHOWN_COLUMN, column_of(x, second), 0};
			unsigned columns = 1 + two;
			put(&sql.ours, "select %s%s%s, ", first, two ? ", " : "",
				two ? second : "");
			put(&sql.lite, "%s", sql.ours.at);
			do {
				free_pair(&item);
				shown[columns] = put_aggregate(&item, x);
			} while (strstr(item.ours.at, "(w)") != NULL);
			put(&sql.ours, "%s as n from t", item.ours.at);
			put(&sql.lite, "%s as n from t", item.lite.at);
			free_pair(&item);
			put_condition(&sql, x);
			put(&sql.ours, " group by %s%s%s", rnd(2) ? first : "1", two ? ", " : "",
				two ? second : "");
			put(&sql.lite, " group by %s%s%s", first, two ? ", " : "",
				two ? second : "");
			put_both(&sql, " order by ");
			if (rnd(2)) {
				put_order(&sql, "n");
				put_both(&sql, ", ");
			}
			put_order(&sql, first);
			put_both(&sql, ", ");
			put_order(&sql, two ? second : "count(*)");
			if (rnd(3) == 0)
				put_both(&sql, " limit 3");
			check_result(db, x, &sql, shown, columns + 1);
			free_pair(&sql);
		}
		free_scanned(x);
	}
	sqlite3_close(db);
	print_message("%u statements fit, %u are the owner's, %u are refused\n", fitted, fetched,
		refused);
	assert_true(fitted > 2 * (fetched + refused));
}

/* Top k, and percentiles, which SQLite has by OFFSET. */
static void ranks_agree_with_sqlite(void **state)
{
	(void)state;
	sqlite3 *db;
	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	for (unsigned table = 0; table < times(60); table++) {
		struct scanned *x = random_scanned(create);
		fill(db, &x->t);
		for (unsigned i = 0; i < 20; i++) {
			const struct column *c = &x->t.schema.column[rnd(x->t.schema.columns)];
			if (c->scan.kind == SCAN_TAG)
				continue;
			struct shown shown = {SHOWN_COLUMN, c, 0};
			struct pair sql = {0}, where = {0};
			put_condition(&where, x);
			put_both(&where, "");
			if (rnd(2)) {
				put(&sql.ours, "select %s from t%s order by ", c->name,
					where.ours.at);
				put(&sql.lite, "select %s from t%s order by ", c->name,
					where.lite.at);
				put_order(&sql, c->name);
				put(&sql.ours, " limit %u", i % 17);
				put(&sql.lite, " limit %u", i % 17);
			} else {
				static const char *const fraction[] = {
					"0", "1", "0.5", "0.25", "0.9", "0.333", "1e-3"};
				const char *f = fraction[rnd(7)];
				bool down = rnd(2);
				put(&sql.ours,
					"select percentile_disc(%s) within group (order by %s%s) from t%s",
					f, c->name, down ? " desc" : "", where.ours.at);
				const char *and_where =
					where.lite.size > 0 ? where.lite.at : " where 1";
				put(&sql.lite,
					"select (select %s from t%s and %s is not null order by %s%s limit 1 "
					"offset (select max(0, cast(ceil(%s * count(%s)) as int) - 1) from t%s))",
					c->name, and_where, c->name, c->name, down ? " desc" : "",
					f, c->name, where.lite.at);
			}
			/* x AND NOT NULL binds tighter than an OR of the condition. */
			if (strstr(where.lite.at, " OR ") == NULL)
				check_result(db, x, &sql, &shown, 1);
			free_pair(&sql);
			free_pair(&where);
		}
		free_scanned(x);
	}
	sqlite3_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_conditions_agree_with_sqlite),
		cmocka_unit_test(random_aggregates_agree_with_sqlite),
		cmocka_unit_test(random_groups_agree_with_sqlite),
		cmocka_unit_test(ranks_agree_with_sqlite),
	};
	return cmocka_run_group_tests_name("query_scan", tests, NULL, NULL);
}

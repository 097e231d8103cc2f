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

/* Makes a plan; false: it needs more than the ring has, or is not for scans. */
static bool plan(
	const struct scanned *x, const char *sql, struct scan_plan *p, struct sql_statement **s)
{
	OK(sql_parse(s, sql));
	amt_status made = scan_plan_make(p, *s, &x->t.schema, &x->options);
	if (amt_ok(made))
		return true;
	amt_code code = amt_status_code(made);
	const char *words = amt_status_message(made);
	if (code != AMT_NOISE_BUDGET &&
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

static unsigned fitted, refused;

static void check_rows(sqlite3 *db, const struct scanned *x, const struct pair *where)
{
	char *ours = sqlite3_mprintf("select a from t where %s", where->ours.at);
	struct scan_plan p;
	struct sql_statement *s;
	bool match[ROWS] = {false}, expected[ROWS] = {false};
	if (!plan(x, ours, &p, &s)) {
		refused++;
		sqlite3_free(ours);
		return;
	}
	fitted++;
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
	for (unsigned table = 0; table < 100; table++) {
		struct scanned *x = random_scanned(create);
		fill(db, &x->t);
		for (unsigned i = 0; i < 60; i++) {
			struct pair where = {0};
			x->options.form = rnd(3) == 0 ? SCAN_FORM_PRODUCT : SCAN_FORM_TREE;
			put_where(&where, &x->t.schema, (unsigned)rnd(4));
			check_rows(db, x, &where);
			free_pair(&where);
		}
		free_scanned(x);
	}
	sqlite3_close(db);
	print_message("%u conditions fit, %u do not\n", fitted, refused);
	assert_true(fitted > 2 * refused);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_conditions_agree_with_sqlite),
	};
	return cmocka_run_group_tests_name("query_scan", tests, NULL, NULL);
}

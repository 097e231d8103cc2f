/* What plans of scans hide, what fits, what is refused and with which words. */
#include "parsed.h"

#include "query/scan_plan.h"

#include <stdlib.h>

/* The columns of TPC-H's lineitem that Q1 and Q6 ask for, and a few others. */
static const char lineitem[] =
	"create table lineitem (l_quantity u8(scan) not null check (l_quantity between 1 and 50), "
	"l_extendedprice decimal(9,2,scan) not null check (l_extendedprice between 900 and 105000), "
	"l_discount decimal(2,2,scan) not null check (l_discount between 0 and 0.10), l_tax "
	"decimal(2,2,scan) not null check (l_tax between 0 and 0.08), l_returnflag text(scan,3) not "
	"null, l_linestatus text(scan,2) not null, l_shipdate date(scan) not null check (l_shipdate "
	"between '1992-01-01' and '1998-12-31'), l_comment text(tag), n i32(scan), part u32(arith) not "
	"null, note text) with (scan_base = 'l_quantity:64')";

static const char q1[] =
	"select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as "
	"sum_base_price, sum(l_extendedprice * (1 - l_discount)) as sum_disc_price, "
	"sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge, avg(l_quantity) as "
	"avg_qty, avg(l_extendedprice) as avg_price, avg(l_discount) as avg_disc, count(*) as "
	"count_order from lineitem where l_shipdate <= date '1998-12-01' group by l_returnflag, "
	"l_linestatus order by l_returnflag, l_linestatus";
static const char q6[] =
	"select sum(l_extendedprice * l_discount) as revenue from lineitem where l_shipdate >= date "
	"'1994-01-01' and l_shipdate < date '1995-01-01' and l_discount between 0.05 and 0.07 and "
	"l_quantity < 24";

static const char *const words[] = {"A", "N", "R"};

static amt_status code_of_text(
	void *context, unsigned column, struct span text, uint64_t *code, bool *known)
{
	(void)context;
	*code = text.size > 0 ? text.data[0] * UINT64_C(0x9e3779b97f4a7c15) : 0;
	*known = column == 7;
	for (unsigned i = 0; i < 3 && !*known; i++)
		if (span_equal(text, span_str(words[i]))) {
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
	*known = code < 3;
	if (*known)
		*text = span_str(words[code]);
	return STATUS_OK;
}

static const struct scan_texts texts = {NULL, code_of_text, text_of_code};
static const struct query_options usual = {.rows = 6000000, .pages = 367, .texts = &texts};

/* ---- the same program, whatever the constants and operators */

struct asked {
	struct buf program;
	size_t scalars;
	unsigned rounds;
};

static struct asked asked(const struct schema *schema, const char *sql, unsigned form)
{
	struct query_options o = usual;
	struct sql_statement *s = parsed(sql);
	struct scan_plan p;
	struct asked a = {0};
	o.form = (uint8_t)form;
	OK(scan_plan_make(&p, s, schema, &o));
	OK(scan_program_put(&p.program, &a.program));
	a.scalars = p.program.scalars;
	a.rounds = p.rounds;
	for (size_t i = 0; i < a.scalars; i++)
		assert_in_range(p.scalar[i] + 1, 0, 2);
	scan_plan_free(&p);
	sql_free(s);
	return a;
}

static void check_same(const struct schema *schema, const char *a, const char *b, bool same)
{
	struct asked x = asked(schema, a, SCAN_FORM_TREE), y = asked(schema, b, SCAN_FORM_TREE);
	if (span_equal(buf_span(&x.program), buf_span(&y.program)) != same ||
		(same && x.rounds != y.rounds))
		fail_msg("%s\n%s\n%s", a, b, same ? "differ" : "do not differ");
	buf_free(&x.program);
	buf_free(&y.program);
}

static void programs_hide_operators_and_constants(void **state)
{
	(void)state;
	static const char *const alike[][2] = {
		{"n = 5", "n <> -70000"},
		{"n < 5", "n >= 2147483647"},
		{"n <= 3000000000", "n > -3000000000"},
		{"n = 5", "n = 5.5"},
		{"l_shipdate = '1994-01-01'", "l_shipdate > '2010-01-01'"},
		{"l_quantity = 5", "l_quantity <> 5"},
		{"l_quantity in (1, 2, 3)", "l_quantity between 7 and 300"},
		{"l_quantity < 5 or l_quantity > 7", "l_quantity not in (8)"},
		{"n in (1, 2, 3)", "n in (-7, 0, 7, 900000000000)"},
		{"n in (1, 1, 2)", "n in (1, 2)"},
		{"n not in (1, 2, 3)", "n not in (4, 5, 6, 7)"},
		{"n between 1 and 2", "n between 2 and 1"},
		{"n between 1 and 2", "n > 5 and n <> 7"},
		{"n between 1 and 2", "n < 1 or n > 5"},
		{"n = 1 or n = 1", "not (n > 5 and n = 5)"},
		{"l_returnflag = 'A'", "l_returnflag >= 'zzz'"},
		{"l_returnflag in ('A', 'R')", "l_returnflag = 'no such flag'"},
		{"l_quantity % 2 = 0", "l_quantity < 24"},
		{"l_quantity * l_quantity > 50", "not (100 / l_quantity <= 3)"},
		{"l_returnflag like 'A%'", "l_returnflag <> 'R'"},
		{"l_returnflag like '%' or l_returnflag = 'A'", "l_returnflag not like '_'"},
		{"l_comment = 'a'", "l_comment = 'b'"},
		{"n = 1 and l_discount < 0.05", "n > 7 and l_discount between 0.01 and 0.02"},
		{"n = 1 or l_shipdate < '1993-01-01'", "n <> 2 or l_shipdate = '1993-01-01'"},
	};
	static const char *const apart[][2] = {
		{"n = 1", "n in (1)"},
		{"n in (1, 2)", "n in (1, 2, 3)"},
		{"n = 1 and l_shipdate < '1993-01-01'", "n = 1 or l_shipdate < '1993-01-01'"},
		{"n = 1", "n is null"},
		{"n = 1 or n = 2", "n = 1"},
	};
	struct schema schema = schema_of(lineitem);
	char a[400], b[400];
	static const char *const heads[] = {"select note from lineitem where %s",
		"select count(*), sum(n) from lineitem where %s",
		"select l_returnflag, avg(l_discount) from lineitem where %s group by 1",
		"select max(l_shipdate) from lineitem where %s", "delete from lineitem where %s",
		"update lineitem set n = 1 where %s"};
	for (size_t h = 0; h < sizeof(heads) / sizeof(heads[0]); h++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		for (size_t i = 0; i < sizeof(alike) / sizeof(alike[0]); i++) {
			snprintf(a, sizeof(a), heads[h], alike[i][0]);
			snprintf(b, sizeof(b), heads[h], alike[i][1]);
			check_same(&schema, a, b, true);
		}
		for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
			snprintf(a, sizeof(a), heads[h], apart[i][0]);
			snprintf(b, sizeof(b), heads[h], apart[i][1]);
			check_same(&schema, a, b, false);
		}
#pragma GCC diagnostic pop
	}
	schema_free(&schema);
}

/* Later rounds are known from the beginning, too: the searched digits are scalars. */
static void rounds_do_not_depend_on_data(void **state)
{
	(void)state;
	struct schema schema = schema_of(lineitem);
	struct buf program[2][8] = {0};
	const uint64_t columns = schema.columns;
	for (unsigned run = 0; run < 2; run++) {
		struct sql_statement *s =
			parsed("select n from lineitem where l_quantity < 9 order by n limit 3");
		struct scan_plan p;
		OK(scan_plan_make(&p, s, &schema, &usual));
		assert_int_equal(p.rounds, 8);
		while (!scan_plan_done(&p)) {
			uint64_t *totals = calloc(p.program.outputs, sizeof(*totals));
			uint64_t code[16] = {0};
			bool null[16] = {false};
			OK(scan_program_put(&p.program, &program[run][p.round]));
			for (unsigned r = 0; r < 5 * run; r++) {
				for (unsigned c = 0; c < columns; c++)
					code[c] = r * 0x12345671u % 50;
				code[0] = r;
				code[8] = r * 0x12345671u;
				OK(scan_plan_add_row(&p, code, null, totals, NULL));
			}
			OK(scan_plan_step(&p, totals));
			free(totals);
		}
		struct scan_answer a;
		OK(scan_plan_finish(&p, &a));
		assert_int_equal(a.rows, 3 * run);
		scan_answer_free(&a);
		scan_plan_free(&p);
		sql_free(s);
	}
	for (unsigned r = 0; r < 8; r++) {
		assert_true(span_equal(buf_span(&program[0][r]), buf_span(&program[1][r])));
		buf_free(&program[0][r]);
		buf_free(&program[1][r]);
	}
	schema_free(&schema);
}

/* A host that counts differently from one round to the next is found out. */
static void contradicting_rounds_are_refused(void **state)
{
	(void)state;
	struct schema schema = schema_of(lineitem);
	struct sql_statement *s = parsed("select max(l_shipdate) from lineitem");
	struct scan_plan p;
	OK(scan_plan_make(&p, s, &schema, &usual));
	uint64_t *totals = calloc(p.program.outputs, sizeof(*totals));
	totals[3] = 7;
	OK(scan_plan_step(&p, totals));
	memset(totals, 0, p.program.outputs * sizeof(*totals));
	totals[2] = 6;
	FAILS(AMT_INTEGRITY, scan_plan_step(&p, totals));
	free(totals);
	scan_plan_free(&p);
	sql_free(s);
	schema_free(&schema);
}

/* ---- what fits */

static void usual_queries_fit_the_default_ring(void **state)
{
	(void)state;
	static const char *const queries[] = {q1, q6, "select max(n), min(n) from lineitem",
		"select n from lineitem where l_comment = 'x' and n > 5",
		"select count(*) from lineitem where n between 5 and 9 or l_shipdate < '1993-01-01'",
		"select percentile_disc(0.5) within group (order by n) from lineitem where l_quantity "
		"= 3",
		"select l_quantity, count(*) from lineitem where n < 3 group by l_quantity"};
	struct schema schema = schema_of(lineitem);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		for (unsigned deletes = 0; deletes < 2; deletes++) {
			struct query_options o = usual;
			struct sql_statement *s = parsed(queries[i]);
			struct scan_plan p;
			o.deletes = deletes;
			OK(scan_plan_make(&p, s, &schema, &o));
			assert_true(p.fit.failure_log2 < -128);
			OK(scan_program_check(&p.program, &p.table));
			scan_plan_free(&p);
			sql_free(s);
		}
	schema_free(&schema);
}

struct refused {
	const char *sql;
	amt_code code;
	const char *words;
};

static const struct refused refusals[] = {
	{"select n from lineitem where part = 1", AMT_UNSUPPORTED,
		"column 30: column \"part\" is not supported in WHERE of a scan: it is stored without the "
		"form scan"},
	{"select n from lineitem where note = 'x'", AMT_UNSUPPORTED, "\"note\" is not supported"},
	{"select n from lineitem where l_comment < 'x'", AMT_UNSUPPORTED, "equality alone"},
	{"select n from lineitem where l_comment = 5", AMT_TYPE_MISMATCH, "this is a number"},
	{"select n from lineitem where n < l_quantity", AMT_UNSUPPORTED, "cut alike"},
	{"select n from lineitem where l_comment like 'x%'", AMT_UNSUPPORTED, "equality alone"},
	{"select n from lineitem where n like '1%'", AMT_TYPE_MISMATCH, "LIKE takes text"},
	{"select n from lineitem where l_returnflag like 'x\\'", AMT_TYPE_MISMATCH, "escape"},
	{"select n from lineitem where l_returnflag like 'x' escape '!'", AMT_UNSUPPORTED,
		"without ESCAPE"},
	{"select n from lineitem where l_quantity - l_tax = 3", AMT_UNSUPPORTED, "on one column"},
	{"select n from lineitem where l_tax / 2 > 1", AMT_UNSUPPORTED, "whole numbers only"},
	{"select n from lineitem where n % 2 = 0", AMT_UNSUPPORTED, "at most 4096 values"},
	{"select n from lineitem where l_returnflag + 1 = 2", AMT_TYPE_MISMATCH, "takes numbers"},
	{"select n from lineitem where 1 + 1 = 2", AMT_UNSUPPORTED, "needs a column"},
	{"select n from lineitem where l_quantity * 9223372036854775807 * 9223372036854775807 * "
	 "l_quantity > 1",
		AMT_OUT_OF_RANGE, "leaves 128 bits"},
	{"select sum(part) from lineitem", AMT_UNSUPPORTED, "without the form scan"},
	{"select sum(l_shipdate) from lineitem", AMT_TYPE_MISMATCH, "not added or multiplied"},
	{"select sum(n / 2) from lineitem", AMT_UNSUPPORTED, "operator / is not supported"},
	{"select sum(l_extendedprice * l_extendedprice * l_quantity * l_quantity) from lineitem",
		AMT_NOISE_BUDGET, "leaves the 16 bits of a slot"},
	{"select sum(n) / count(*) from lineitem", AMT_UNSUPPORTED, "operator /"},
	{"select max(l_comment) from lineitem", AMT_UNSUPPORTED, "have no order"},
	{"select min(note) from lineitem", AMT_UNSUPPORTED, "without the form scan"},
	{"select n, count(*) from lineitem", AMT_SYNTAX, "must appear in the GROUP BY clause"},
	{"select n, count(*) from lineitem group by n", AMT_UNSUPPORTED, "1024 possible groups"},
	{"select count(*) from lineitem group by l_comment", AMT_UNSUPPORTED, "possible groups"},
	{"select * from lineitem group by l_quantity", AMT_SYNTAX,
		"\"*\" must appear in the GROUP"},
	{"select count(*) from lineitem group by l_quantity + 1", AMT_UNSUPPORTED,
		"in GROUP BY: name columns"},
	{"select l_tax, count(*) from lineitem group by l_tax order by 3", AMT_SYNTAX,
		"ORDER BY position"},
	{"select count(*) from lineitem group by l_tax order by n", AMT_SYNTAX, "GROUP BY clause"},
	{"select n from lineitem order by 2", AMT_SYNTAX, "ORDER BY position"},
	{"select n from lineitem order by n + 1", AMT_UNSUPPORTED, "in ORDER BY"},
	{"select n from lineitem order by nothing", AMT_NOT_FOUND, "nothing"},
	{"select l_tax from lineitem group by l_tax having true", AMT_UNSUPPORTED, "in HAVING"},
	{"select count(*) from lineitem having n > 5", AMT_SYNTAX, "must appear in the GROUP BY"},
	{"select count(*) from lineitem having count(*) > n", AMT_UNSUPPORTED, "with a constant"},
	{"select count(*) from lineitem having count(*) > 'x'", AMT_TYPE_MISMATCH, "in HAVING"},
	{"select l_returnflag from lineitem group by 1 having l_returnflag > 5", AMT_TYPE_MISMATCH,
		"is text"},
	{"select percentile_disc(2) within group (order by n) from lineitem", AMT_OUT_OF_RANGE,
		"not between 0 and 1"},
	{"select percentile_cont(0.5) within group (order by n) from lineitem", AMT_UNSUPPORTED,
		"function percentile_cont()"},
	{"select count(distinct n) from lineitem", AMT_UNSUPPORTED, "DISTINCT"},
	{"update lineitem set l_quantity = 51", AMT_OUT_OF_RANGE, "violates the CHECK"},
	{"update lineitem set l_quantity = null", AMT_OUT_OF_RANGE, "NOT NULL"},
	{"update lineitem set l_shipdate = n", AMT_TYPE_MISMATCH,
		"is date, column \"n\" is integer"},
	{"update lineitem set l_shipdate = l_shipdate * 2", AMT_TYPE_MISMATCH,
		"is date, this is not"},
	{"update lineitem set note = n + 1", AMT_TYPE_MISMATCH, "is text, this is not"},
	{"update lineitem set n = n, n = 2", AMT_SYNTAX, "multiple assignments"},
	{"delete from lineitem where part = 2", AMT_UNSUPPORTED, "without the form scan"},
};

/* A table that is created with these options as well. */
static struct schema lineitem_with(const char *options)
{
	char text[2 * sizeof(lineitem)];
	(void)snprintf(
		text, sizeof(text), "%.*s, %s)", (int)sizeof(lineitem) - 2, lineitem, options);
	return schema_of(text);
}

/* The options that EXPLAIN names have the statement scanned. */
static void check_room(const struct sql_statement *s, const char *options)
{
	struct schema schema = lineitem_with(options);
	struct query_plan q;
	OK(query_plan_make(&q, s, &schema, false, &usual));
	if (!q.is_scan || q.scan.fetched)
		fail_msg("not even WITH (%s): %s", options, q.scan.why);
	query_plan_free(&q);
	schema_free(&schema);
}

/* What does not fit the ring is for the owner; a table with more room has it scanned. */
static void what_is_too_deep_is_for_the_owner(void **state)
{
	(void)state;
	static const char *const deep[][3] = {
		{"select n from lineitem where ((((l_quantity = 1 or n = 1) and l_tax = 0 or n = 2) and "
		 "l_tax = 1 or n = 3) and l_tax = 0 or n = 4) and l_shipdate < '1994-01-01' or l_comment = "
		 "'x'",
			"products one after the other", "scan_ring = 15"},
		{"select sum(n * l_discount) from lineitem where l_quantity = 1 and l_tax = 0 and "
		 "l_returnflag = 'A' and l_linestatus = 'A' and n > 5 and l_shipdate < '1994-01-01' and "
		 "l_shipdate > '1993-01-01' and ((l_tax < 0.02 or n < 7) and l_comment = 'x' or n = 9)",
			"products", "scan_ring = 15"},
		{"select n from lineitem where (((l_tax = 0 or l_quantity = 1) and l_discount = 0.01 or "
		 "l_tax = 0.02) and l_quantity <> 9 or l_tax = 0.03) and l_discount < 0.05",
			"(scan_depth)", "scan_depth = 'l_quantity:7, l_discount:6, l_tax:7'"},
		{"select min(n), max(n) from lineitem where (((((l_tax = 0 or n < 7) and l_quantity = 1 "
		 "or l_tax = 0.02) and n <> 9 or l_tax = 0.03) and n > 5 or l_discount = 0.01) and "
		 "l_quantity < 6 or l_tax = 0.04) and l_linestatus = 'A' and n < 9 and l_quantity > 3",
			"products", "scan_ring = 15, scan_depth = 'l_quantity:12, l_tax:13, n:13'"},
		{"select n from lineitem where (((((((((((((((((((l_tax = 0 or l_quantity = 1) and l_tax "
		 "= 1 or l_quantity = 2) and l_tax = 2 or l_quantity = 3) and l_tax = 3 or l_quantity = 4) "
		 "and l_tax = 4 or l_quantity = 5) and l_tax = 5 or l_quantity = 6) and l_tax = 6 or "
		 "l_quantity = 7) and l_tax = 7 or l_quantity = 8) and l_tax = 8 or l_quantity = 9) and "
		 "l_tax = 9 or l_quantity = 10) and n = 1)))))))))",
			"products", ""},
	};
	struct schema schema = schema_of(lineitem);
	for (size_t i = 0; i < sizeof(deep) / sizeof(deep[0]); i++) {
		struct sql_statement *s = parsed(deep[i][0]);
		struct query_plan q;
		struct buf text = {0};
		OK(query_plan_make(&q, s, &schema, false, &usual));
		assert_true(q.is_scan && q.scan.fetched && !q.scan.never);
		assert_non_null(strstr(q.scan.why, deep[i][1]));
		OK(scan_plan_explain(&q.scan, &usual, &text));
		OK(buf_put_u8(&text, 0));
		assert_non_null(strstr((char *)text.data, q.scan.why));
		assert_non_null(strstr((char *)text.data, "the owner computes"));
		if (strcmp(q.scan.room, deep[i][2]) != 0)
			fail_msg("%s\nwould fit WITH (%s)", deep[i][0], q.scan.room);
		if (q.scan.room[0] != 0)
			check_room(s, q.scan.room);
		assert_non_null(strstr((char *)text.data,
			q.scan.room[0] != 0 ? q.scan.room : "no ring has the room"));
		buf_free(&text);
		query_plan_free(&q);
		sql_free(s);
	}
	schema_free(&schema);
}

static void what_cannot_be_scanned_is_refused(void **state)
{
	(void)state;
	struct schema schema = schema_of(lineitem);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		struct sql_statement *s = parsed(refusals[i].sql);
		struct scan_plan p;
		amt_status made = scan_plan_make(&p, s, &schema, &usual);
		if (amt_status_code(made) != refusals[i].code ||
			strstr(amt_status_message(made), refusals[i].words) == NULL)
			fail_msg("%s\n\tgave %s: %s\n\tinstead of %s: %s", refusals[i].sql,
				amt_code_name(amt_status_code(made)), amt_status_message(made),
				amt_code_name(refusals[i].code), refusals[i].words);
		amt_status_clear(&made);
		sql_free(s);
	}
	schema_free(&schema);
}

/* ---- scan or circuit, EXPLAIN */

static void check_way(const struct schema *schema, const char *sql, bool is_scan, const char *why)
{
	struct sql_statement *s = parsed(sql);
	struct query_plan q;
	OK(query_plan_make(&q, s, schema, false, &usual));
	if (q.is_scan != is_scan || strstr(q.why, why) == NULL)
		fail_msg("%s: %s", sql, q.why);
	query_plan_free(&q);
	sql_free(s);
}

static void statements_choose_their_way(void **state)
{
	(void)state;
	struct schema schema = schema_of(lineitem),
		      plain = schema_of("create table lineitem (n int)");
	check_way(&schema, q6, true, "scan: ");
	check_way(&schema, "select note from lineitem", true, "scan: ");
	check_way(&schema, "select sum(part) from lineitem where part = 2", false,
		"circuit, because not by scan: ");
	check_way(&plain, "select sum(n) from lineitem", false, "no scan columns");
	/* Too deep for the ring, and there are circuits. */
	struct schema both =
		schema_of("create table lineitem (a u8(scan, arith), b u8(scan, arith), c "
			  "u8(scan, arith)) with (scan_depth = 'a:9, b:9, c:9')");
	check_way(&both,
		"select count(*) from lineitem where (((((((a = 1 or b = 2) and c = 3 or a = 4) and b <> "
		"5 or c = 6) and a < 7 or b = 8) and c > 9 or a = 10) and b < 11))",
		false,
		"has primes for 9; WITH (scan_ring = 15, scan_depth = 'a:10, b:10') it would");
	schema_free(&both);
	struct sql_statement *s = parsed("select sum(part) from lineitem where n = 2");
	struct query_plan q;
	amt_status made = query_plan_make(&q, s, &schema, false, &usual);
	assert_int_equal(amt_status_code(made), AMT_UNSUPPORTED);
	assert_non_null(
		strstr(amt_status_message(made), "create the table with \"part ... (scan)\""));
	amt_status_clear(&made);
	query_plan_free(&q);
	sql_free(s);
	schema_free(&schema);
	schema_free(&plain);
}

static void explanations_hold_no_constant(void **state)
{
	(void)state;
	struct schema schema = schema_of(lineitem);
	static const struct {
		const char *sql;
		unsigned form;
		const char *words[4];
	} cases[] = {
		{q6, SCAN_FORM_TREE,
			{"rows: l_shipdate ? $ AND l_shipdate ? $ AND l_discount ? $",
				"result: revenue", "failure bound: ", "faster"}},
		{q1, SCAN_FORM_TREE,
			{"6 possible, by l_returnflag, l_linestatus", "174 totals",
				"against a download of the sealed columns (43 bytes a row): at 100 Mb/s",
				"in 367 pages"}},
		{"select n from lineitem where n = 1994 and l_quantity in (1, 24)",
			SCAN_FORM_PRODUCT,
			{"rows: n = $ AND (l_quantity IN ($, ...)", "the product form shows it",
				"but for =", "result: n"}},
		{"select n from lineitem where n is not null order by n desc limit 7",
			SCAN_FORM_TREE,
			{"rows: n IS NOT NULL", "the number of LIMIT, 7", "8 rounds", "scan"}},
		{"delete from lineitem where false", SCAN_FORM_TREE,
			{"never true, nothing is asked", "DELETE from lineitem by scan", "", ""}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct query_options o = usual;
		struct sql_statement *s = parsed(cases[i].sql);
		struct scan_plan p;
		struct buf text = {0};
		o.form = (uint8_t)cases[i].form;
		OK(scan_plan_make(&p, s, &schema, &o));
		OK(scan_plan_explain(&p, &o, &text));
		OK(buf_put_u8(&text, 0));
		for (unsigned w = 0; w < 4; w++)
			if (strstr((char *)text.data, cases[i].words[w]) == NULL)
				fail_msg("%s\n%s", cases[i].words[w], (char *)text.data);
		assert_null(strstr((char *)text.data, "1994"));
		assert_null(strstr((char *)text.data, "24)"));
		buf_free(&text);
		scan_plan_free(&p);
		sql_free(s);
	}
	schema_free(&schema);
}

/* ---- UPDATE at the owner */

static void new_values_are_computed(void **state)
{
	(void)state;
	struct schema schema = schema_of(lineitem);
	static const struct {
		const char *set, *expected; /* of the column set */
		unsigned column;
	} cases[] = {{"l_quantity = l_quantity * 2 + 1", "15", 0},
		{"l_quantity = l_quantity * 8", NULL, 0}, /* beyond its CHECK */
		{"l_extendedprice = l_extendedprice * (1 - l_discount)", "950.00", 1},
		{"l_extendedprice = l_extendedprice * 1.00005", "1000.05", 1},
		{"l_discount = l_tax", "0.03", 2},
		{"l_shipdate = l_shipdate + 31", "1994-02-01", 6},
		{"l_shipdate = l_shipdate - l_quantity", "1993-12-25", 6},
		{"note = l_returnflag", "R", 10}, {"note = 'new'", "new", 10},
		{"n = n + 1", "NULL", 8}, {"n = l_quantity - 8", "-1", 8},
		{"n = 3000000000 - l_quantity", NULL, 8}, {"l_quantity = n", NULL, 0}, /* NULL */
		{"part = part + l_quantity", "12", 9}};
	static const char *const text[] = {
		"7", "1000", "0.05", "0.03", "R", "A", "1994-01-01", "hello", NULL, "5", "old"};
	struct value old[16] = {0}, fresh[16];
	for (unsigned c = 0; c < schema.columns; c++) {
		old[c].null = text[c] == NULL;
		if (text[c] != NULL)
			OK(value_parse(&old[c], &schema.column[c], span_str(text[c])));
	}
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sql[200];
		snprintf(sql, sizeof(sql), "update lineitem set %s where n = 3", cases[i].set);
		struct sql_statement *s = parsed(sql);
		struct scan_plan p;
		struct buf b = {0};
		OK(scan_plan_make(&p, s, &schema, &usual));
		assert_true(p.rows);
		if (cases[i].expected == NULL) {
			FAILS(AMT_OUT_OF_RANGE, scan_plan_assign(&p, old, fresh));
		} else {
			unsigned c = cases[i].column;
			OK(scan_plan_assign(&p, old, fresh));
			OK(fresh[c].null ? buf_printf(&b, "NULL")
					 : value_print(&b, &schema.column[c], &fresh[c]));
			if (!span_equal(buf_span(&b), span_str(cases[i].expected)))
				fail_msg("%s gave %.*s", cases[i].set, (int)b.size, (char *)b.data);
			for (unsigned k = 0; k < schema.columns; k++)
				assert_true(k == c || (fresh[k].bits == old[k].bits &&
							      fresh[k].null == old[k].null));
		}
		buf_free(&b);
		scan_plan_free(&p);
		sql_free(s);
	}
	schema_free(&schema);
}

static void known_answers_ask_nothing(void **state)
{
	(void)state;
	struct schema schema = schema_of(lineitem);
	static const struct {
		const char *sql;
		bool rows;
		size_t answers;
		const char *first; /* NULL: SQL's */
	} cases[] = {{"select n from lineitem", true, 0, NULL},
		{"select n from lineitem where n = null", true, 0, NULL},
		{"select count(*) from lineitem where false", false, 1, "0"},
		{"select sum(n) from lineitem where n = null", false, 1, NULL},
		{"select l_tax, count(*) from lineitem where false group by l_tax", false, 0, NULL},
		{"select n from lineitem order by n limit 0", false, 0, NULL},
		{"select max(n) from lineitem where false", false, 1, NULL}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sql_statement *s = parsed(cases[i].sql);
		struct scan_plan p;
		struct scan_answer a;
		OK(scan_plan_make(&p, s, &schema, &usual));
		assert_true(scan_plan_done(&p) && p.never != p.every);
		assert_int_equal(p.rows, cases[i].rows);
		if (p.rows) {
			FAILS(AMT_INVALID_ARGUMENT, scan_plan_finish(&p, &a));
		} else {
			OK(scan_plan_finish(&p, &a));
			assert_int_equal(a.rows, cases[i].answers);
			if (a.rows > 0)
				assert_true(a.cell[0].null == (cases[i].first == NULL));
			scan_answer_free(&a);
		}
		scan_plan_free(&p);
		sql_free(s);
	}
	schema_free(&schema);
}

/* Whatever allocation fails, it is reported and nothing leaks (the sanitizers look). */
static void failing_allocations_are_reported(void **state)
{
	(void)state;
	struct schema schema = schema_of(lineitem);
	struct sql_statement *s = parsed(
		"select l_tax, sum(l_discount * n), max(l_quantity) from lineitem where l_quantity in "
		"(1, 2) and n > 3 group by l_tax order by 2");
	for (size_t n = 1;; n += 1 + n / 16) {
		struct scan_plan p;
		mem_fail_nth(n);
		amt_status r = scan_plan_make(&p, s, &schema, &usual);
		mem_fail_nth(0);
		bool done = amt_ok(r);
		if (!done)
			assert_int_equal(amt_status_code(r), AMT_OUT_OF_MEMORY);
		amt_status_clear(&r);
		scan_plan_free(&p);
		if (done)
			break;
	}
	sql_free(s);
	schema_free(&schema);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_hide_operators_and_constants),
		cmocka_unit_test(rounds_do_not_depend_on_data),
		cmocka_unit_test(contradicting_rounds_are_refused),
		cmocka_unit_test(usual_queries_fit_the_default_ring),
		cmocka_unit_test(what_is_too_deep_is_for_the_owner),
		cmocka_unit_test(what_cannot_be_scanned_is_refused),
		cmocka_unit_test(statements_choose_their_way),
		cmocka_unit_test(explanations_hold_no_constant),
		cmocka_unit_test(new_values_are_computed),
		cmocka_unit_test(known_answers_ask_nothing),
		cmocka_unit_test(failing_allocations_are_reported),
	};
	return cmocka_run_group_tests_name("query_scan_plan", tests, NULL, NULL);
}

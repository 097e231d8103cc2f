/* SQL text: what is understood, and what is refused with which words at which place. */
#include "parsed.h"

#include "query/plan.h"

#include <stdlib.h>

static void tables_are_created(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		enum column_type expected;
		unsigned forms, precision, scale;
		bool not_null;
	} cases[] = {
		{"bool", COLUMN_BOOL, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"boolean not null", COLUMN_BOOL, FORM_PAYLOAD | FORM_ARITH, 0, 0, true},
		{"u8(arith)", COLUMN_U8, FORM_ARITH, 0, 0, false},
		{"u16(plain)", COLUMN_U16, FORM_PLAIN, 0, 0, false},
		{"u32(payload, arith) null", COLUMN_U32, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"U64", COLUMN_U64, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"i8", COLUMN_I8, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"i16", COLUMN_I16, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"i32", COLUMN_I32, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"i64(payload)", COLUMN_I64, FORM_PAYLOAD, 0, 0, false},
		{"smallint", COLUMN_I16, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"int", COLUMN_I32, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"integer", COLUMN_I32, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"bigint", COLUMN_I64, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"int2", COLUMN_I16, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"int4(arith)", COLUMN_I32, FORM_ARITH, 0, 0, false},
		{"int8", COLUMN_I64, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"decimal(6,2,arith)", COLUMN_DECIMAL, FORM_ARITH, 6, 2, false},
		{"numeric(18)", COLUMN_DECIMAL, FORM_PAYLOAD | FORM_ARITH, 18, 0, false},
		{"date(plain, payload)", COLUMN_DATE, FORM_PLAIN | FORM_PAYLOAD, 0, 0, false},
		{"text", COLUMN_TEXT, FORM_PAYLOAD, 0, 0, false},
		{"text(plain)", COLUMN_TEXT, FORM_PLAIN, 0, 0, false},
		{"varchar", COLUMN_TEXT, FORM_PAYLOAD, 0, 0, false},
		{"character varying", COLUMN_TEXT, FORM_PAYLOAD, 0, 0, false},
		{"timestamp", COLUMN_TIMESTAMP, FORM_PAYLOAD | FORM_ARITH, 0, 0, false},
		{"timestamp without time zone not null", COLUMN_TIMESTAMP,
			FORM_PAYLOAD | FORM_ARITH, 0, 0, true},
		{"u8(scan)", COLUMN_U8, FORM_PAYLOAD | FORM_SCAN, 0, 0, false},
		{"decimal(4,2,arith,scan)", COLUMN_DECIMAL, FORM_PAYLOAD | FORM_ARITH | FORM_SCAN,
			4, 2, false},
		{"text(tag)", COLUMN_TEXT, FORM_PAYLOAD | FORM_SCAN, 0, 0, false},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[200];
		snprintf(text, sizeof(text), "CREATE TABLE T (A %s);", cases[i].type);
		struct schema s = schema_of(text);
		assert_string_equal(s.table, "t");
		assert_int_equal(s.version, 1);
		assert_int_equal(s.columns, 1);
		assert_string_equal(s.column[0].name, "a");
		assert_int_equal(s.column[0].type, cases[i].expected);
		assert_int_equal(s.column[0].forms, cases[i].forms);
		assert_int_equal(s.column[0].precision, cases[i].precision);
		assert_int_equal(s.column[0].scale, cases[i].scale);
		assert_int_equal(s.column[0].not_null, cases[i].not_null);
		schema_free(&s);
	}
	struct schema s =
		schema_of("create table if not exists \"T x\" (\"A\" int, b boolean, c int, "
			  "d text) with (arith = '\"A\" , B', plain = c, payload = 'd,b')");
	assert_string_equal(s.table, "T x");
	assert_int_equal(s.column[0].forms, FORM_ARITH);
	assert_int_equal(s.column[1].forms, FORM_ARITH | FORM_PAYLOAD);
	assert_int_equal(s.column[2].forms, FORM_PLAIN);
	assert_int_equal(s.column[3].forms, FORM_PAYLOAD);
	schema_free(&s);
}

static void scan_forms_are_declared(void **state)
{
	(void)state;
	struct schema s = schema_of(
		"create table t (a u8(scan), flag text(scan, 4), name text(tag), kind varchar, "
		"b int, w u64(scan), q decimal(4,2,scan) check (q >= 0 and 0.1 >= q), "
		"d date(scan) check (d between '1992-01-01' and '1998-12-31'), t timestamp, "
		"i smallint constraint small check (-5 < i) check (i < 12.5), check (b = 7), bool "
		"bool(scan)) "
		"with (scan = 'kind:200, b , t, i', scan_base = 'a:4,w:2', scan_limb = 'w:12, i:0', "
		"scan_depth = 'a:6', scan_ring = 15)");
	assert_int_equal(s.ring_log2, 15);
	static const struct {
		const char *name;
		uint64_t max;
		unsigned kind, base, limb_bits, depth;
		bool summed, checked;
	} expected[] = {{"a", 255, SCAN_NUMBER, 4, 0, 6, true, false},
		{"flag", 3, SCAN_DICTIONARY, 4, 0, 0, false, false},
		{"name", UINT64_MAX, SCAN_TAG, 0, 0, 0, false, false},
		{"kind", 199, SCAN_DICTIONARY, 200, 0, 0, false, false},
		{"b", 0, SCAN_NUMBER, 0, 0, 0, true, true},
		{"w", UINT64_MAX, SCAN_NUMBER, 2, 12, 0, true, false},
		{"q", 10, SCAN_NUMBER, 0, 0, 0, true, true},
		{"d", 2556, SCAN_NUMBER, 0, 0, 0, false, true},
		{"t", UINT64_MAX, SCAN_NUMBER, 0, 0, 0, false, false},
		{"i", 16, SCAN_NUMBER, 0, 0, 0, false, true},
		{"bool", 1, SCAN_NUMBER, 0, 0, 0, false, false}};
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		const struct column *c = &s.column[i];
		assert_string_equal(c->name, expected[i].name);
		assert_int_equal(c->forms, FORM_PAYLOAD | FORM_SCAN);
		assert_true(column_scan_max(c) == expected[i].max);
		assert_int_equal(c->scan.kind, expected[i].kind);
		assert_int_equal(c->scan.base, expected[i].base);
		assert_int_equal(c->scan.limb_bits, expected[i].limb_bits);
		assert_int_equal(c->scan.depth, expected[i].depth);
		assert_int_equal(c->scan.summed, expected[i].summed);
		assert_int_equal(c->checked, expected[i].checked);
	}
	struct value v;
	OK(value_parse(&v, &s.column[6], span_str("0.03")));
	assert_int_equal(column_scan_code(&s.column[6], v.bits), 3);
	OK(value_parse(&v, &s.column[9], span_str("-4")));
	assert_int_equal(column_scan_code(&s.column[9], v.bits), 0);
	schema_free(&s);
	s = schema_of("create table t (a text(scan))");
	assert_int_equal(s.column[0].scan.base, 16);
	assert_int_equal(s.ring_log2, 14);
	schema_free(&s);
}

/* Statement, code, and a part of the message. */
struct refused {
	const char *sql;
	amt_code code;
	const char *words;
};

static const struct refused statements[] = {
	{"", AMT_SYNTAX, "no statement"},
	{"-- nothing", AMT_SYNTAX, "no statement"},
	{"selec 1", AMT_SYNTAX, "line 1, column 1: syntax error at or near \"selec\""},
	{"select a\nfrom t\nwhere \xc3\xa4 = = 1", AMT_SYNTAX, "line 3, column 11: syntax error"},
	{"select 'abc", AMT_SYNTAX, "line 1, column 8: unterminated quoted string"},
	{"select a from t; select b from t", AMT_UNSUPPORTED, "more than one statement"},
	{"select \xff", AMT_SYNTAX, "not UTF-8"},
	{"alter table t add a int", AMT_UNSUPPORTED,
		"line 1, column 1: this statement is not supported"},
	{"create view v as select 1", AMT_UNSUPPORTED, "line 1, column 1: this statement"},
	{"truncate t", AMT_UNSUPPORTED, "this statement"},
	{"drop view v", AMT_UNSUPPORTED, "DROP is supported for tables only"},
	{"drop table a, b", AMT_UNSUPPORTED, "several tables"},
	{"drop table a cascade", AMT_UNSUPPORTED, "line 1, column 14: CASCADE"},
	{"drop table s.a", AMT_UNSUPPORTED, "schema before"},
	{"select distinct on (a) a from t", AMT_UNSUPPORTED, "line 1, column 8: DISTINCT ON"},
	{"select a from t union select b from u", AMT_UNSUPPORTED, "line 1, column 17: UNION"},
	{"select a from t except select b from u", AMT_UNSUPPORTED, "EXCEPT"},
	{"select a from t intersect select b from u", AMT_UNSUPPORTED, "INTERSECT"},
	{"with x as (select 1) select a from t", AMT_UNSUPPORTED, "line 1, column 1: WITH"},
	{"select a from t join u on true", AMT_UNSUPPORTED, "line 1, column 17: JOIN"},
	{"select a from t, u", AMT_UNSUPPORTED, "line 1, column 18: more than one table (JOIN)"},
	{"select a from (select 1) x", AMT_UNSUPPORTED, "subquery in FROM"},
	{"select a from generate_series(1,2)", AMT_UNSUPPORTED, "FROM must name a table"},
	{"select 1", AMT_UNSUPPORTED, "SELECT without FROM"},
	{"select from t", AMT_UNSUPPORTED, "SELECT of no columns"},
	{"values (1)", AMT_UNSUPPORTED, "line 1, column 1: VALUES"},
	{"select a into b from t", AMT_UNSUPPORTED, "SELECT INTO"},
	{"insert into t values (1) offset 1", AMT_UNSUPPORTED, "OFFSET"},
	{"select a from t for update", AMT_UNSUPPORTED, "locking clause"},
	{"select a from t window w as (order by a)", AMT_UNSUPPORTED, "WINDOW"},
	{"select a from s.t", AMT_UNSUPPORTED, "line 1, column 15: a schema before"},
	{"select a from only t", AMT_UNSUPPORTED, "ONLY"},
	{"select a from t as x(y)", AMT_UNSUPPORTED, "after the table's alias"},
	{"insert into t select a from u", AMT_UNSUPPORTED,
		"line 1, column 15: INSERT ... SELECT is not supported"},
	{"insert into t default values", AMT_UNSUPPORTED, "DEFAULT VALUES"},
	{"insert into t values (1) returning a", AMT_UNSUPPORTED, "RETURNING"},
	{"insert into t values (1) on conflict do nothing", AMT_UNSUPPORTED, "ON CONFLICT"},
	{"insert into t values (1) order by 1", AMT_UNSUPPORTED, "ORDER BY"},
	{"update t set a = 1 from u", AMT_UNSUPPORTED, "FROM in UPDATE"},
	{"update t set a = 1 returning a", AMT_UNSUPPORTED, "RETURNING"},
	{"delete from t using u", AMT_UNSUPPORTED, "USING"},
	{"explain (analyze) select a from t", AMT_UNSUPPORTED, "EXPLAIN takes no options"},
	{"explain insert into t values (1)", AMT_UNSUPPORTED, "EXPLAIN is supported for"},
	{"create temp table t (a u8)", AMT_UNSUPPORTED, "temporary"},
	{"create table t (a u8) inherits (u)", AMT_UNSUPPORTED, "INHERITS"},
	{"create table t (a u8) partition by list (a)", AMT_UNSUPPORTED, "PARTITION"},
};

static const struct refused schemas[] = {
	{"create table t (a time)", AMT_UNSUPPORTED,
		"line 1, column 19: type time is not supported: use boolean, u8"},
	{"create table t (a timestamptz)", AMT_UNSUPPORTED, "type timestamptz is not supported"},
	{"create table t (a timestamp(3))", AMT_UNSUPPORTED, "type timestamp takes no number"},
	{"create table t (a float)", AMT_UNSUPPORTED, "type float8 is not supported"},
	{"create table t (a serial)", AMT_UNSUPPORTED, "type serial is not supported"},
	{"create table t (a u8[])", AMT_UNSUPPORTED, "this type is not supported"},
	{"create table t (a x.u8)", AMT_UNSUPPORTED, "this type is not supported"},
	{"create table t (a char(3))", AMT_UNSUPPORTED, "type bpchar is not supported"},
	{"create table t (a varchar(3))", AMT_UNSUPPORTED,
		"line 1, column 27: a length is not supported: use text"},
	{"create table t (a u8(3))", AMT_UNSUPPORTED, "column 22: type u8 takes no number"},
	{"create table t (a u8(fast))", AMT_UNSUPPORTED, "column 22: unknown form \"fast\""},
	{"create table t (a u8(tag))", AMT_UNSUPPORTED, "column 17: tags are of text"},
	{"create table t (a u8(scan, 3))", AMT_UNSUPPORTED, "column 28: type u8 takes no number"},
	{"create table t (a u8(scan, plain))", AMT_UNSUPPORTED, "exclude each other"},
	{"create table t (a text(scan, tag))", AMT_UNSUPPORTED, "not both"},
	{"create table t (a text(scan, 1))", AMT_LIMIT, "column 30: a dictionary holds 2 to 256"},
	{"create table t (a text(scan, 257))", AMT_LIMIT, "a dictionary holds 2 to 256"},
	{"create table t (a u8('arith'))", AMT_UNSUPPORTED, "a modifier of a type"},
	{"create table t (a text(arith))", AMT_UNSUPPORTED, "text has no form arith"},
	{"create table t (a decimal)", AMT_UNSUPPORTED, "decimal needs its precision"},
	{"create table t (a decimal(19,2))", AMT_UNSUPPORTED, "decimal(19,2)"},
	{"create table t (a decimal(0))", AMT_UNSUPPORTED, "decimal(0,0)"},
	{"create table t (a decimal(4,5))", AMT_UNSUPPORTED, "decimal(4,5)"},
	{"create table t (a decimal(4,-1))", AMT_UNSUPPORTED, "decimal(4,-1)"},
	{"create table t (a decimal(4,1,1))", AMT_UNSUPPORTED, "takes no number"},
	{"create table t (a u8 primary key)", AMT_UNSUPPORTED, "column 22: PRIMARY KEY"},
	{"create table t (a u8 unique)", AMT_UNSUPPORTED, "UNIQUE"},
	{"create table t (a u8 default 3)", AMT_UNSUPPORTED, "DEFAULT"},
	{"create table t (a u8 check (a <> 1))", AMT_UNSUPPORTED,
		"column 31: this CHECK is not supported"},
	{"create table t (a u8 check (a + 1 < 5))", AMT_UNSUPPORTED, "this CHECK"},
	{"create table t (a u8 check (a < 5 or a > 7))", AMT_UNSUPPORTED, "this CHECK"},
	{"create table t (a u8 check (a in (1, 2)))", AMT_UNSUPPORTED, "this CHECK"},
	{"create table t (a u8 check (a > null))", AMT_UNSUPPORTED, "this CHECK"},
	{"create table t (a u8 check (true))", AMT_UNSUPPORTED, "this CHECK"},
	{"create table t (a u8, b u8, check (a < b))", AMT_UNSUPPORTED, "this CHECK"},
	{"create table t (a u8, b u8, check (a < 3 and b < 3))", AMT_UNSUPPORTED, "this CHECK"},
	{"create table t (a text check (a < 'x'))", AMT_UNSUPPORTED, "this CHECK"},
	{"create table t (a u8 check (b < 3))", AMT_NOT_FOUND, "column 29: column \"b\" does not"},
	{"create table t (a u8 check (a < 'x'))", AMT_TYPE_MISMATCH, "not a valid u8"},
	{"create table t (a u8 check (a > 5 and a < 6))", AMT_INVALID_ARGUMENT,
		"column 22: no value of column \"a\" passes"},
	{"create table t (a u8 references u)", AMT_UNSUPPORTED, "REFERENCES"},
	{"create table t (a int generated always as identity)", AMT_UNSUPPORTED, "IDENTITY"},
	{"create table t (a text collate \"C\")", AMT_UNSUPPORTED, "COLLATE"},
	{"create table t (a u8 not null null)", AMT_SYNTAX, "conflicting NULL"},
	{"create table t (a u8, primary key (a))", AMT_UNSUPPORTED, "column 23: PRIMARY KEY"},
	{"create table t (a u8, a u16)", AMT_ALREADY_EXISTS, "column 23: column \"a\" specified"},
	{"create table t ()", AMT_LIMIT, "1 to 256 columns"},
	{"create table t (like u)", AMT_UNSUPPORTED, "only columns"},
	{"create table t (a u8) with (fillfactor = 3)", AMT_UNSUPPORTED, "unknown option"},
	{"create table t (a u8) with (scan = 'a:4')", AMT_SYNTAX, "only a dictionary of text"},
	{"create table t (a u8) with (scan_base = 'a:4')", AMT_INVALID_ARGUMENT, "no form scan"},
	{"create table t (a u8(scan)) with (scan_base = 'a')", AMT_SYNTAX, "scan_base = 'a:4'"},
	{"create table t (a u8(scan)) with (scan_base = 'a:1')", AMT_UNSUPPORTED, "1 values"},
	{"create table t (a date(scan)) with (scan_limb = 'a:4')", AMT_UNSUPPORTED, "of numbers"},
	{"create table t (a u8(scan)) with (scan_limb = 'a:17')", AMT_UNSUPPORTED, "16 bits"},
	{"create table t (a u8(scan)) with (scan_depth = 'a:99')", AMT_LIMIT, "20 products"},
	{"create table t (a u8(scan)) with (scan_ring = 12)", AMT_UNSUPPORTED, "13, 14 or 15"},
	{"create table t (a u64(scan)) with (scan_ring = 15, scan_base = 'a:256')", AMT_LIMIT,
		"column \"a\""},
	{"create table t (a u8) with (scan_ring = 13)", AMT_INVALID_ARGUMENT, "no column"},
	{"create table t (a u8) with (arith)", AMT_SYNTAX, "wants names"},
	{"create table t (a u8) with (arith = 'a,')", AMT_SYNTAX, "wants names"},
	{"create table t (a u8) with (arith = 'b')", AMT_NOT_FOUND, "column \"b\" does not exist"},
	{"create table \"a\tb\" (a u8)", AMT_INVALID_ARGUMENT, "control character"},
};

static void expect(const char *sql, amt_status s, amt_code code, const char *words)
{
	if (amt_status_code(s) != code || strstr(amt_status_message(s), words) == NULL)
		fail_msg("%s\n\tgave %s: %s\n\tinstead of %s: %s", sql,
			amt_code_name(amt_status_code(s)), amt_status_message(s),
			amt_code_name(code), words);
	amt_status_clear(&s);
}

static void foreign_statements_are_refused_by_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		struct sql_statement *s = NULL;
		expect(statements[i].sql, sql_parse(&s, statements[i].sql), statements[i].code,
			statements[i].words);
	}
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]); i++) {
		struct sql_statement *s = NULL;
		struct schema schema;
		amt_status made = sql_parse(&s, schemas[i].sql);
		if (amt_ok(made))
			made = sql_schema(s, &schema);
		sql_free(s);
		expect(schemas[i].sql, made, schemas[i].code, schemas[i].words);
	}
}

static void rows_are_inserted(void **state)
{
	(void)state;
	struct schema schema = schema_of("create table t (a u8 not null, b decimal(6,2), c text, "
					 "d date, e bool, f bigint, g timestamp, "
					 "h i8 check (h between -3 and 3))");
	struct sql_statement *s = parsed(
		"insert into t values (1, 3.145, 'x', '2020-02-29', true, -9223372036854775808),"
		"('7', -(-2), 'it''s', date '1970-01-01', 'no', 2.5::numeric),"
		"(+0, NULL, '', NULL, NULL, -2.5, '2001-02-03 4:5:6.7', -3),"
		"(9, NULL, NULL, NULL, NULL, NULL, date '2001-02-03', NULL),"
		"(9, NULL, NULL, NULL, NULL, NULL, timestamp '0044-03-15T12:00 BC', 3)");
	struct row_set r;
	OK(sql_rows(s, &schema, &r));
	sql_free(s);
	assert_int_equal(r.rows, 5);
	struct buf b = {0};
	for (size_t i = 0; i < r.rows * schema.columns; i++) {
		if (r.value[i].null)
			OK(buf_printf(&b, "NULL"));
		OK(value_print(&b, &schema.column[i % schema.columns], &r.value[i]));
		OK(buf_printf(&b, i % schema.columns + 1 < schema.columns ? "|" : "\n"));
	}
	OK(buf_put_u8(&b, 0));
	assert_string_equal((char *)b.data,
		"1|3.15|x|2020-02-29|t|-9223372036854775808|NULL|NULL\n"
		"7|2.00|it's|1970-01-01|f|3|NULL|NULL\n"
		"0|NULL||NULL|NULL|-3|2001-02-03 04:05:06.7|-3\n"
		"9|NULL|NULL|NULL|NULL|NULL|2001-02-03 00:00:00|NULL\n"
		"9|NULL|NULL|NULL|NULL|NULL|0044-03-15 12:00:00 BC|3\n");
	buf_free(&b);
	row_set_free(&r);

	static const struct refused refusals[] = {
		{"insert into t (b) values (1)", AMT_OUT_OF_RANGE, "column \"a\" is NOT NULL"},
		{"insert into t values (null)", AMT_OUT_OF_RANGE,
			"line 1, column 23: column \"a\""},
		{"insert into t (a, z) values (1, 2)", AMT_NOT_FOUND, "column 19: column \"z\" of"},
		{"insert into t (a, a) values (1, 2)", AMT_SYNTAX, "more than once"},
		{"insert into t (a, b) values (1)", AMT_SYNTAX, "more target columns"},
		{"insert into t (a) values (1, 2)", AMT_SYNTAX, "column 30: INSERT has more expr"},
		{"insert into t values (1,2,3,4,5,6,7,8,9)", AMT_SYNTAX, "more expressions"},
		{"insert into t (a, h) values (1, 4)", AMT_OUT_OF_RANGE,
			"column 33: new row violates the CHECK of column \"h\": 4 is not between -3 "
			"and 3"},
		{"insert into t (a, g) values (1, 4)", AMT_TYPE_MISMATCH, "is timestamp"},
		{"insert into t (a, d) values (1, timestamp '2001-01-01')", AMT_TYPE_MISMATCH,
			"is date, this is a timestamp"},
		{"insert into t values (default)", AMT_UNSUPPORTED, "column 23: DEFAULT"},
		{"insert into t values (1 + 1)", AMT_UNSUPPORTED, "literals only"},
		{"insert into t values (x)", AMT_UNSUPPORTED, "literals only"},
		{"insert into t values (now())", AMT_UNSUPPORTED, "literals only"},
		{"insert into t values (256)", AMT_OUT_OF_RANGE,
			"line 1, column 23: column \"a\": 256 is out of range of u8, at \"256\""},
		{"insert into t values ('1x')", AMT_TYPE_MISMATCH, "\"1x\" is not a valid u8"},
		{"insert into t values (true)", AMT_TYPE_MISMATCH,
			"\"a\" is u8, this is a boolean"},
		{"insert into t values (1, 10000)", AMT_OUT_OF_RANGE,
			"out of range of decimal(6,2)"},
		{"insert into t (a, d) values (1, 5)", AMT_TYPE_MISMATCH,
			"is date, this is a number"},
		{"insert into t (a, e) values (1, 1)", AMT_TYPE_MISMATCH, "is boolean"},
		{"insert into t values (x'ff')", AMT_UNSUPPORTED, "literals only"},
		{"insert into t values (- 'a')", AMT_TYPE_MISMATCH, "a sign before a string"},
		{"insert into t values ('300'::smallint)", AMT_OUT_OF_RANGE, "300"},
		{"insert into t values ('70000'::smallint)", AMT_OUT_OF_RANGE, "smallint"},
		{"insert into t values (1.5::smallint)", AMT_UNSUPPORTED, "a cast that rounds"},
		{"insert into t values (true::date)", AMT_TYPE_MISMATCH, "cannot cast a boolean"},
	};
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		s = parsed(refusals[i].sql);
		expect(refusals[i].sql, sql_rows(s, &schema, &r), refusals[i].code,
			refusals[i].words);
		sql_free(s);
	}
	schema_free(&schema);
}

/* `n` times `left`, then `middle`, then n times `right`. */
static char *nested(
	const char *head, size_t n, const char *left, const char *middle, const char *right)
{
	char *text = malloc(strlen(head) + n * (strlen(left) + strlen(right)) + strlen(middle) + 1);
	char *at = stpcpy(text, head);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, left);
	at = stpcpy(at, middle);
	for (size_t i = 0; i < n; i++)
		at = stpcpy(at, right);
	return text;
}

static void hostile_statements_are_survived(void **state)
{
	(void)state;
	static const char *const shapes[][3] = {{"(", "a = 1", ")"}, {"not ", "a = 1", ""},
		{"", "a = 1", "+1"}, {"- ", "1 = a", ""}, {"", "a", "::u8"}, {"", "a", "[1]"},
		{"a and (", "a = 1", ")"}, {"", "a = 1", " and a = 1"}, {"f(", "1", ")"},
		{"(select ", "1", ")"}, {"", "a = 1", " union select 1"}, {"(", "", ""},
		{")", "", ""}, {"case when ", "a", " then 1 end"}, {"a in (", "1", ")"},
		{"", "a", " is null"}, {"", "a", ".a"}, {"[", "", "]"}, {"'", "", ""},
		{"$$", "", ""}, {"/*", "", ""}, {";", "", ""}, {"", "a", ", a"},
		{"", "exists (select from t", " join t on true"}};
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		for (size_t n = 1000; n <= 100000; n *= 10) {
			char *text = nested("select a from t where ", n, shapes[i][0], shapes[i][1],
				shapes[i][2]);
			struct sql_statement *s = NULL;
			amt_status r = sql_parse(&s, text);
			amt_code code = amt_status_code(r);
			if (code != AMT_OK && code != AMT_LIMIT && code != AMT_SYNTAX &&
				code != AMT_UNSUPPORTED)
				fail_msg("%s: %s", shapes[i][0], amt_code_name(code));
			amt_status_clear(&r);
			sql_free(s);
			free(text);
		}
	char *list = nested("insert into t values (1)", 100000, "", "", ",(255)");
	struct schema schema = schema_of("create table t (a u8)");
	struct sql_statement *s = parsed(list);
	struct row_set r;
	OK(sql_rows(s, &schema, &r));
	assert_int_equal(r.rows, 100001);
	row_set_free(&r);
	sql_free(s);
	free(list);
	char *digits = nested("insert into t values (", 10000, "0", "7)", "");
	s = parsed(digits);
	OK(sql_rows(s, &schema, &r));
	assert_int_equal(r.value[0].bits, 7);
	row_set_free(&r);
	sql_free(s);
	free(digits);
	char *huge = nested("select a from t where a = '", 9 << 20, "x", "'", "");
	FAILS(AMT_LIMIT, sql_parse(&s, huge));
	free(huge);
	schema_free(&schema);
}

/* Whatever allocation fails, it is reported and nothing leaks (the sanitizers look). */
static void failing_allocations_are_reported(void **state)
{
	(void)state;
	for (size_t n = 1;; n++) {
		struct sql_statement *s = NULL;
		struct schema schema = {0};
		mem_fail_nth(n);
		amt_status r = sql_parse(&s, "create table t (a u8 check (a < 9), b text) "
					     "with (scan = 'a, b:3')");
		if (amt_ok(r))
			r = sql_schema(s, &schema);
		mem_fail_nth(0);
		bool done = amt_ok(r);
		if (!done)
			assert_int_equal(amt_status_code(r), AMT_OUT_OF_MEMORY);
		amt_status_clear(&r);
		sql_free(s);
		schema_free(&schema);
		if (done)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_created),
		cmocka_unit_test(scan_forms_are_declared),
		cmocka_unit_test(foreign_statements_are_refused_by_name),
		cmocka_unit_test(rows_are_inserted),
		cmocka_unit_test(hostile_statements_are_survived),
		cmocka_unit_test(failing_allocations_are_reported),
	};
	return cmocka_run_group_tests_name("query_sql", tests, NULL, NULL);
}

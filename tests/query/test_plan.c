/* Binding and lowering: what is refused and where, SQL's three values exhaustively, messages that
 * do not depend on literals, finished answers, and EXPLAIN. */
#include "interpret.h"

#include <stdlib.h>

static const char create[] =
	"create table t (a u8, a1 u8 not null, m u16, x decimal(6,2), i smallint, i1 int not null, "
	"g bigint, w u64, b bool, b1 bool not null, d date, name text, note text not null, "
	"sealed u8(payload), open u8(plain))";

static const struct refused {
	const char *sql;
	amt_code code;
	const char *words;
} refusals[] = {
	{"select z from t", AMT_NOT_FOUND,
		"line 1, column 8: column \"z\" of table \"t\" does not"},
	{"select u.a from t", AMT_NOT_FOUND, "column 8: missing FROM-clause entry for table \"u\""},
	{"select t.a from t as u", AMT_NOT_FOUND, "missing FROM-clause entry for table \"t\""},
	{"select u.* from t", AMT_NOT_FOUND, "missing FROM-clause entry"},
	{"select s.t.a from t", AMT_UNSUPPORTED, "only a column's name"},
	{"select a from u", AMT_NOT_FOUND, "line 1, column 15: table \"u\" does not exist"},
	{"select a + 1 from t", AMT_UNSUPPORTED, "operator + is not supported in the list of SEL"},
	{"select 1 from t", AMT_UNSUPPORTED, "a literal of this kind is not supported"},
	{"select lower(name) from t", AMT_UNSUPPORTED,
		"column 8: function lower() is not supported: COUNT, SUM"},
	{"select a, count(*) from t", AMT_SYNTAX,
		"column 8: column \"a\" must appear in the GROUP BY clause"},
	{"select *, count(*) from t", AMT_SYNTAX, "column \"*\" must appear"},
	{"select count(distinct a) from t", AMT_UNSUPPORTED, "DISTINCT in an aggregate"},
	{"select sum(a) filter (where b) from t", AMT_UNSUPPORTED, "FILTER"},
	{"select sum(a) over () from t", AMT_UNSUPPORTED, "OVER"},
	{"select sum(*) from t", AMT_SYNTAX, "sum(*) does not exist"},
	{"select sum() from t", AMT_SYNTAX, "takes one argument"},
	{"select sum(a, m) from t", AMT_SYNTAX, "takes one argument"},
	{"select sum(a + 1) from t", AMT_UNSUPPORTED,
		"operator + is not supported in an aggregate"},
	{"select sum(1) from t", AMT_UNSUPPORTED, "in an aggregate: name a column"},
	{"select count(null) from t", AMT_UNSUPPORTED, "in an aggregate"},
	{"select sum(b) from t", AMT_TYPE_MISMATCH, "column 12: function sum(boolean) does not"},
	{"select max(b) from t", AMT_TYPE_MISMATCH, "function max(boolean)"},
	{"select avg(d) from t", AMT_TYPE_MISMATCH, "function avg(date)"},
	{"select min(name) from t", AMT_UNSUPPORTED, "text column \"name\" is not supported in an"},
	{"select count(name) from t", AMT_UNSUPPORTED, "text column \"name\""},
	{"select sum(sealed) from t", AMT_UNSUPPORTED,
		"column \"sealed\" is not supported in an agg"},
	{"select max(sealed) from t", AMT_UNSUPPORTED, "stored without the form arith"},
	{"select a from t limit -1", AMT_OUT_OF_RANGE, "column 23: LIMIT must not be negative"},
	{"select a from t limit a", AMT_UNSUPPORTED, "in LIMIT"},
	{"select a from t offset -2", AMT_OUT_OF_RANGE, "OFFSET must not be negative"},
	{"select a from t order by nothing", AMT_NOT_FOUND, "\"nothing\""},
	{"select a from t order by 2", AMT_SYNTAX, "not in select list"},
	{"select a from t order by a + 1", AMT_UNSUPPORTED, "in ORDER BY"},
	{"select distinct a from t order by b", AMT_SYNTAX, "must appear in select list"},
	{"select distinct count(*) from t", AMT_UNSUPPORTED, "DISTINCT of groups"},
	{"select a from t limit 'x'", AMT_TYPE_MISMATCH, "column 23: column \"LIMIT\""},

	{"select a from t where name = 'x'", AMT_UNSUPPORTED,
		"line 1, column 23: text column \"name\" is not supported in WHERE: it has no form"},
	{"select a from t where sealed = 1", AMT_UNSUPPORTED, "\"sealed ... (arith)\""},
	{"select a from t where sealed = 1", AMT_UNSUPPORTED,
		"column \"sealed\" is not supported in"},
	{"update t set open = 1", AMT_UNSUPPORTED,
		"it is plain, and what is computed is encrypted"},
	{"select a from t where name is null", AMT_UNSUPPORTED, "text column \"name\""},
	{"select a from t where a", AMT_TYPE_MISMATCH,
		"column 23: a condition must be boolean, column \"a\" is u8"},
	{"select a from t where 1", AMT_TYPE_MISMATCH,
		"a condition must be boolean, this is a num"},
	{"select a from t where a = 1 and 'x'", AMT_TYPE_MISMATCH, "\"x\" is not a valid boolean"},
	{"select a from t where 1 = 1", AMT_UNSUPPORTED, "a comparison needs a column"},
	{"select a from t where a = true", AMT_TYPE_MISMATCH, "column \"a\" is u8, this is a bool"},
	{"select a from t where b = 1", AMT_TYPE_MISMATCH,
		"column \"b\" is boolean, this is a num"},
	{"select a from t where d = 5", AMT_TYPE_MISMATCH,
		"column \"d\" is date, this is a number"},
	{"select a from t where d = '2020-13-01'", AMT_TYPE_MISMATCH,
		"column 27: column \"d\": \"2020-13-01\" is not a valid date"},
	{"select a from t where a = date '2020-01-01'", AMT_TYPE_MISMATCH, "this is a date"},
	{"select a from t where a = 'x'", AMT_TYPE_MISMATCH, "\"x\" is not a valid u8"},
	{"select a from t where a = '256'", AMT_OUT_OF_RANGE, "out of range of u8"},
	{"select a from t where a = '1.5'", AMT_TYPE_MISMATCH, "\"1.5\" is not a valid u8"},
	{"select a from t where a = '1'::text", AMT_TYPE_MISMATCH, "this is a text"},
	{"select a from t where x = 'abc'", AMT_TYPE_MISMATCH, "not a valid decimal"},
	{"select a from t where a = d", AMT_UNSUPPORTED, "column 25: comparing u8 with date"},
	{"select a from t where a = x", AMT_UNSUPPORTED, "decimals one scale"},
	{"select a from t where w = g", AMT_UNSUPPORTED, "comparing u64 with bigint"},
	{"select a from t where a = b", AMT_UNSUPPORTED, "comparing u8 with boolean"},
	{"select a from t where a + 1 = 2", AMT_UNSUPPORTED,
		"column 25: operator + is not supported in WHERE"},
	{"select a from t where abs(i) = 2", AMT_UNSUPPORTED,
		"function abs() is not supported in W"},
	{"select a from t where a % 2 = 0", AMT_UNSUPPORTED, "operator %"},
	{"select a from t where name like 'x%'", AMT_UNSUPPORTED,
		"column 28: LIKE is not supported"},
	{"select a from t where name ilike 'x'", AMT_UNSUPPORTED, "ILIKE"},
	{"select a from t where name ~ 'x'", AMT_UNSUPPORTED, "operator ~"},
	{"select a from t where name similar to 'x'", AMT_UNSUPPORTED, "SIMILAR TO"},
	{"select a from t where a is distinct from 1", AMT_UNSUPPORTED, "IS DISTINCT FROM"},
	{"select a from t where a = any (array[1])", AMT_UNSUPPORTED, "ANY"},
	{"select a from t where a in (select 1)", AMT_UNSUPPORTED, "a subquery"},
	{"select a from t where exists (select 1)", AMT_UNSUPPORTED, "a subquery"},
	{"select a from t where (a, m) in ((1, 2))", AMT_UNSUPPORTED, "a row"},
	{"select a from t where a in (1, m + 1)", AMT_UNSUPPORTED, "operator +"},
	{"select a from t where case when b then b1 end", AMT_UNSUPPORTED, "CASE"},
	{"select a from t where coalesce(b, true)", AMT_UNSUPPORTED, "COALESCE"},
	{"select a from t where a = $1", AMT_UNSUPPORTED, "a parameter"},
	{"select a from t where d < current_date", AMT_UNSUPPORTED, "CURRENT_DATE"},
	{"select a from t where a::int = 1", AMT_UNSUPPORTED, "a cast of a column"},
	{"select a from t where greatest(a, m) = 1", AMT_UNSUPPORTED, "GREATEST"},
	{"select a from t where nullif(a, 1) = 1", AMT_UNSUPPORTED, "NULLIF"},
	{"select a from t where a = x'ff'", AMT_UNSUPPORTED, "a literal of this kind"},
	{"select a\nfrom t\nwhere a = 1\n  and y = 2", AMT_NOT_FOUND,
		"line 4, column 7: column \"y"},

	{"update t set z = 1", AMT_NOT_FOUND, "column 14: column \"z\" of table"},
	{"update t set name = 'x'", AMT_UNSUPPORTED, "column 14: text column \"name\" is not sup"},
	{"update t set sealed = 1", AMT_UNSUPPORTED,
		"column \"sealed\" is not supported in UPDATE"},
	{"update t set a = 1, a = 2", AMT_SYNTAX, "column 21: multiple assignments to column"},
	{"update t set (a, m) = (1, 2)", AMT_UNSUPPORTED, "assignments to a list"},
	{"update t set a = default", AMT_UNSUPPORTED, "DEFAULT is not supported in SET"},
	{"update t set a = 256", AMT_OUT_OF_RANGE, "column 18: column \"a\": 256 is out of range"},
	{"update t set a1 = null", AMT_OUT_OF_RANGE, "column 19: column \"a1\" is NOT NULL"},
	{"update t set a1 = a1 + null", AMT_OUT_OF_RANGE, "is NOT NULL"},
	{"update t set a1 = a", AMT_UNSUPPORTED, "column \"a\" may be NULL, column \"a1\" may not"},
	{"update t set a = m", AMT_UNSUPPORTED,
		"column \"m\" (u16) may hold what column \"a\" (u8)"},
	{"update t set a = i", AMT_UNSUPPORTED, "may hold what"},
	{"update t set w = i", AMT_UNSUPPORTED, "may hold what"},
	{"update t set x = a", AMT_UNSUPPORTED, "may hold what"},
	{"update t set a = a ^ 2", AMT_UNSUPPORTED,
		"operator ^ is not supported in SET: of columns and constants, + - * / % & | # ~"},
	{"update t set a = |/ a", AMT_UNSUPPORTED, "operator |/ is not supported in SET"},
	{"update t set a = a / 0", AMT_OUT_OF_RANGE, "column 20: division by zero"},
	{"update t set a = a % (5 - 5)", AMT_OUT_OF_RANGE, "division by zero"},
	{"update t set a = 7 / (a * 0 / 0)", AMT_OUT_OF_RANGE, "division by zero"},
	{"update t set a = a / 256", AMT_OUT_OF_RANGE, "the constant is out of range of column"},
	{"update t set a = a / -1", AMT_OUT_OF_RANGE, "the constant is out of range of column"},
	{"update t set a = a * 256", AMT_OUT_OF_RANGE, "the constant is out of range of column"},
	{"update t set a = a * (16 * 16)", AMT_OUT_OF_RANGE, "the constant is out of range"},
	{"update t set a = 16 * 16", AMT_OUT_OF_RANGE, "the constant is out of range"},
	{"update t set a = a * m", AMT_UNSUPPORTED, "column \"m\" (u16) may hold what"},
	{"update t set a1 = a1 % a", AMT_UNSUPPORTED, "column \"a\" may be NULL, column \"a1\""},
	{"update t set a1 = a1 << a", AMT_UNSUPPORTED, "column \"a\" may be NULL, column \"a1\""},
	{"update t set a1 = a1 * null", AMT_OUT_OF_RANGE, "is NOT NULL"},
	{"update t set a = a << d", AMT_TYPE_MISMATCH, "a shift by column \"d\", which is date"},
	{"update t set a = a << x", AMT_TYPE_MISMATCH, "which is decimal"},
	{"update t set a = a << 1.5", AMT_TYPE_MISMATCH, "a whole number of bits"},
	{"update t set a = a << name", AMT_UNSUPPORTED, "text column \"name\""},
	{"update t set a = a & true", AMT_TYPE_MISMATCH, "a boolean in a sum"},
	{"update t set x = x / 2", AMT_UNSUPPORTED, "operator / is not supported with decimals"},
	{"update t set x = x & 1", AMT_UNSUPPORTED, "operator & is not supported with decimals"},
	{"update t set x = x * 1.5", AMT_UNSUPPORTED, "a product of 3 decimals where column \"x\""},
	{"update t set x = x * x", AMT_UNSUPPORTED, "a product of 4 decimals"},
	{"update t set a = a * 1.5", AMT_UNSUPPORTED, "a product of 1 decimals"},
	{"update t set x = i * i1 + x", AMT_UNSUPPORTED, "a product of 0 decimals"},
	{"update t set b = b & b", AMT_TYPE_MISMATCH, "is boolean, this is a sum"},
	{"update t set b = 1 * 1", AMT_TYPE_MISMATCH, "is boolean, this is a sum"},
	{"update t set d = d * 2", AMT_TYPE_MISMATCH, "a date is only moved by days"},
	{"update t set d = ~d", AMT_TYPE_MISMATCH, "a date is only moved by days"},
	{"update t set d = i * 2", AMT_TYPE_MISMATCH, "column \"d\" is date, this is not"},
	{"update t set a = a + 256", AMT_OUT_OF_RANGE, "the constant is out of range of column"},
	{"update t set a = a + 0.5", AMT_UNSUPPORTED, "has 0 decimals"},
	{"update t set x = x + 0.005", AMT_UNSUPPORTED, "has 2 decimals"},
	{"update t set a = a + true", AMT_TYPE_MISMATCH, "a boolean in a sum"},
	{"update t set a = a + 'x'", AMT_TYPE_MISMATCH, "not a number"},
	{"update t set a = abs(a)", AMT_UNSUPPORTED, "function abs()"},
	{"update t set a = -name", AMT_UNSUPPORTED, "text column \"name\" is not supported in SET"},
	{"update t set b = a", AMT_UNSUPPORTED, "may hold what"},
	{"update t set b = not b", AMT_UNSUPPORTED, "a condition is not supported in SET"},
	{"update t set b = b + b", AMT_TYPE_MISMATCH, "is boolean, this is a sum"},
	{"update t set b = -b", AMT_TYPE_MISMATCH, "is boolean, this is a sum"},
	{"update t set d = d + d", AMT_TYPE_MISMATCH, "column \"d\" is date, this is not"},
	{"update t set d = d - d", AMT_TYPE_MISMATCH, "column \"d\" is date, this is not"},
	{"update t set d = i1", AMT_TYPE_MISMATCH, "column \"d\" is date, this is not"},
	{"update t set d = 5", AMT_TYPE_MISMATCH, "column \"d\" is date, this is a number"},
	{"update t set i1 = d", AMT_UNSUPPORTED, "may hold what"},
	{"update t set a[1] = 1", AMT_UNSUPPORTED, "a part of a column"},
	{"update t set a = 1 + 255", AMT_OUT_OF_RANGE, "out of range"},
	{"delete from t where current of c", AMT_UNSUPPORTED, "CURRENT OF"},
	{"delete from u", AMT_NOT_FOUND, "column 13: table \"u\" does not exist"},
};

static void foreign_expressions_are_refused_by_name(void **state)
{
	(void)state;
	struct plain_table t = plain_table(create, NULL);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refused *r = &refusals[i];
		struct sql_statement *s = NULL;
		struct plan p = {0};
		OK(sql_parse(&s, r->sql));
		amt_status made = plan_make(&p, s, &t.schema, false);
		if (amt_status_code(made) != r->code ||
			strstr(amt_status_message(made), r->words) == NULL)
			fail_msg("%s\n\tgave %s: %s\n\tinstead of %s: %s", r->sql,
				amt_code_name(amt_status_code(made)), amt_status_message(made),
				amt_code_name(r->code), r->words);
		amt_status_clear(&made);
		plan_free(&p);
		sql_free(s);
	}
	plain_table_free(&t);
}

/* Which of the three rows of the table below (true, false, NULL; or 1, 2, NULL) match, as digits. */
static unsigned matches(struct plain_table *t, const char *where)
{
	char sql[300];
	snprintf(sql, sizeof(sql), "select * from t where %s", where);
	struct plan p = plan_of(t, sql, false);
	struct plain_answer a = interpret(&p, t);
	unsigned bits = 0;
	for (size_t r = 0; r < t->rows; r++)
		bits = bits * 10 + a.match[r];
	plain_answer_free(&a);
	plan_free(&p);
	return bits;
}

static void three_valued_logic_is_exact(void **state)
{
	(void)state;
	/* Every pair of true, false, NULL. */
	struct plain_table t = plain_table("create table t (p bool, q bool)",
		"insert into t values (true, true), (true, false), (true, null), (false, true), "
		"(false, false), (false, null), (null, true), (null, false), (null, null)");
	static const struct {
		const char *where;
		unsigned expected;
	} table[] = {
		{"p and q", 100000000},
		{"p or q", 111100100},
		{"not p", 111000},
		{"not (p and q)", 10111010},
		{"not (p or q)", 10000},
		{"p = q", 100010000},
		{"p <> q", 10100000},
		{"not p = q", 10100000},
		{"p < q", 100000},
		{"p >= q", 110010000},
		{"p = true", 111000000},
		{"p <> true", 111000},
		{"p > false", 111000000},
		{"p < false", 0},
		{"p <= false", 111000},
		{"p is null", 111},
		{"p is not null", 111111000},
		{"p is true", 111000000},
		{"p is not true", 111111},
		{"p is false", 111000},
		{"p is not false", 111000111},
		{"p is unknown", 111},
		{"p is not unknown", 111111000},
		{"(p and q) is unknown", 1000101},
		{"(p or q) is null", 1011},
		{"(p = q) is not null", 110110000},
		{"not ((p and q) is true)", 11111111},
		{"(p or not p)", 111111000},
		{"p and null", 0},
		{"not (p and null)", 111000},
		{"p or null", 111000000},
		{"not (p or null)", 0},
		{"p and true", 111000000},
		{"p or 'f'", 111000000},
		{"null", 0},
		{"not null", 0},
		{"null is unknown", 111111111},
		{"true", 111111111},
		{"false", 0},
		{"p = null", 0},
		{"not p = null", 0},
		{"(p = null) is unknown", 111111111},
		{"p in (true, null)", 111000000},
		{"p not in (true, null)", 0},
		{"p not in (true)", 111000},
		{"p in (q, false)", 100111000},
		{"p not in (q)", 10100000},
		{"true in (p, q)", 111100100},
		{"p between q and true", 110010000},
		{"p not between false and q", 10000000},
	};
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		unsigned got = matches(&t, table[i].where);
		if (got != table[i].expected)
			fail_msg("%s gave %09u instead of %09u", table[i].where, got,
				table[i].expected);
	}
	plain_table_free(&t);

	t = plain_table("create table t (a u8, x decimal(4,2))",
		"insert into t values (1, 0.01), (255, -99.99), (null, null), (0, 99.99)");
	static const struct {
		const char *where;
		unsigned expected;
	} edges[] = {
		{"a <= 255", 1101},
		{"a <= 256", 1101},
		{"a < 1000000000000000000000", 1101},
		{"a <= 254", 1001},
		{"a > 255", 0},
		{"a > 254.5", 100},
		{"a >= 256", 0},
		{"a >= 0", 1101},
		{"a >= -5", 1101},
		{"a > -1", 1101},
		{"a < 0", 0},
		{"a <= -1", 0},
		{"a = 256", 0},
		{"a <> 256", 1101},
		{"a = -1", 0},
		{"a <> -1", 1101},
		{"not a = 256", 1101},
		{"a = 1.0", 1000},
		{"a = 1.5", 0},
		{"a <> 1.5", 1101},
		{"a < 1.5", 1001},
		{"a <= 0.999", 1},
		{"a > 0.5", 1100},
		{"a >= 0.5", 1100},
		{"1 > a", 1},
		{"1 <= a", 1100},
		{"a = 1e0", 1000},
		{"a = '1'", 1000},
		{"a in (1, 256, 0.5, -3)", 1000},
		{"a not in (1, 256, 0.5, -3)", 101},
		{"a between -10 and 1000", 1101},
		{"a between 1000 and -10", 0},
		{"a between symmetric 1000 and -10", 1101},
		{"a not between symmetric 1 and 0", 100},
		{"a between null and 0", 0},
		{"a not between null and 0", 1100},
		{"a not between symmetric null and 0", 0},
		{"x = 0.01", 1000},
		{"x = 0.0100", 1000},
		{"x = 0.011", 0},
		{"x > -100", 1101},
		{"x < -99.985", 100},
		{"x >= 99.991", 0},
		{"x > 99.989", 1},
		{"x <= '0.015'", 1100},
		{"x < -99.99", 0},
		{"x <= -99.99", 100},
		{"x <> 100.00", 1101},
		{"x < 1e400", 1101},
		{"x > -1e400", 1101},
		{"x = 1e-400", 0},
		{"x > 1e-400", 1001},
	};
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		unsigned got = matches(&t, edges[i].where);
		if (got != edges[i].expected)
			fail_msg("%s gave %04u instead of %04u", edges[i].where, got,
				edges[i].expected);
	}
	plain_table_free(&t);
}

/* What the host sees of a plan: the circuit and the sizes of its constants. */
static struct buf message(struct plain_table *t, const char *sql)
{
	struct plan p = plan_of(t, sql, true);
	struct buf b = {0};
	OK(circuit_put(&p.circuit, &b));
	for (unsigned i = 0; i < p.circuit.constants; i++)
		OK(buf_put_u8(&b, (uint8_t)int_type_blocks((enum int_type)p.constant[i].type)));
	plan_free(&p);
	return b;
}

static void messages_do_not_depend_on_literals(void **state)
{
	(void)state;
	static const char *const groups[][6] = {
		{"select * from t where a < 5", "select * from t where a <= 4",
			"select * from t where a < -7", "select * from t where a <= 1e30",
			"select name from t where not a > 3.5", "select b from t where 5 > a"},
		{"select * from t where x = 1", "select * from t where x = 0.005",
			"select * from t where x = -123456789.1234",
			"select * from t where x = 9999.99", "select * from t where x = '7'",
			"select * from t where not x <> 7"},
		{"select * from t where x <> 1", "select * from t where x <> 0.005",
			"select * from t where x != -123456789.1234",
			"select * from t where x <> 1e-300", "select * from t where not x = 1",
			"select * from t where 1 <> x"},
		{"select count(*) from t where a in (1, 2, 3)",
			"select count(*) from t where a in (3, 3, 3)",
			"select count(*) from t where a in (300, -1, 0.5)",
			"select count(*) from t where a in (200, 7.0, 1e9)",
			"select count(*) from t where a in ('0', '1', '2')",
			"select count(*) from t where not (a not in (1, 7, 8))"},
		{"select * from t where a between 1 and 2",
			"select * from t where a between 9 and 1",
			"select * from t where a between 1 and 300",
			"select * from t where a between -1 and 3.5",
			"select * from t where not a not between 4 and 5",
			"select * from t where a between '4' and '5'"},
		{"select * from t where b = true", "select * from t where b = false",
			"select * from t where b = 'yes'", "select * from t where not b <> 'f'",
			"select * from t where false = b", "select * from t where b in (true)"},
		{"select * from t where d > '2020-01-01'",
			"select * from t where d > date '9999-12-31'",
			"select * from t where d >= '0001-01-01 BC'",
			"select * from t where not d <= '2020-01-01'::date",
			"select * from t where '2020-01-01' < d",
			"select * from t where d > '5881580-07-11'"},
		{"update t set a = 5 where m = 1", "update t set a = 255 where m = 70000",
			"update t set a = '0' where not m <> 1",
			"update t set a = 1 + 1 where m in (3)",
			"update t set a = 2.4 where m = 0.1", "update t set a = 3 where 4 = m"},
		{"update t set i1 = i1 + 1", "update t set i1 = i1 - 1", "update t set i1 = 7 + i1",
			"update t set i1 = -1000 + i1 + 5", "update t set i1 = i1 + 4294967295",
			"update t set i1 = i1 - (-5)"},
		{"update t set x = x + 1", "update t set x = x - 1.25", "update t set x = 0.01 + x",
			"update t set x = x + 20000000", "update t set x = x - 0.00",
			"update t set x = x - 5 + 6"},
		{"delete from t where w <= 1", "delete from t where w < 18446744073709551615",
			"delete from t where w < 1e25", "delete from t where w <= -1",
			"delete from t where not w > 0", "delete from t where 7 >= w"},
		{"select * from t where a = 1 limit 5", "select * from t where a = 2 limit 50000",
			"select * from t where a = 2", "select name from t where a = 2 limit 0",
			"select a, a as z from t where a = 3", "select * from t where ((a = 255))"},
	};
	struct plain_table t = plain_table(create, NULL);
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		struct buf first = message(&t, groups[g][0]);
		for (unsigned i = 1; i < 6; i++) {
			struct buf other = message(&t, groups[g][i]);
			if (!span_equal(buf_span(&first), buf_span(&other)))
				fail_msg("%s\n%s\nmake different messages", groups[g][0],
					groups[g][i]);
			buf_free(&other);
		}
		/* And another shape is another message. */
		struct buf other = message(&t, groups[(g + 1) % 12][0]);
		assert_false(span_equal(buf_span(&first), buf_span(&other)));
		buf_free(&other);
		buf_free(&first);
	}
	plain_table_free(&t);
}

static void aggregates_print_as_in_postgresql(void **state)
{
	(void)state;
	static const struct {
		const char *values, *sql, *expected;
	} cases[] = {
		{"(1),(2)", "select avg(n) from t", "1.5000000000000000"},
		{"(1),(2),(2)", "select avg(n) from t", "1.6666666666666667"},
		{"(0),(0)", "select avg(n) from t", "0.00000000000000000000"},
		{"(-1),(-2),(-2)", "select avg(n) from t", "-1.6666666666666667"},
		{"(1),(0),(0)", "select avg(n) from t", "0.33333333333333333333"},
		{"(10000),(20001)", "select avg(n) from t", "15000.500000000000"},
		{"(100000000),(100000001)", "select avg(n) from t", "100000000.500000000000"},
		{"(1),(null)", "select avg(n), sum(n), count(n), count(*), count(1) from t",
			"1.00000000000000000000|1|1|2|2"},
		{"(null)", "select avg(n), sum(n), min(n), max(n), count(n) from t",
			"NULL|NULL|NULL|NULL|0"},
		{"(-5),(7)", "select min(n), max(n), sum(n) from t where n < 7", "-5|-5|-5"},
		{"(2147483647),(2147483647)", "select sum(n) from t", "4294967294"},
		{"(-2147483648),(-2147483648)", "select sum(n), avg(n) from t",
			"-4294967296|-2147483648.00000000"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char insert[200];
		snprintf(insert, sizeof(insert), "insert into t values %s", cases[i].values);
		struct plain_table t = plain_table("create table t (n int)", insert);
		struct plan p = plan_of(&t, cases[i].sql, i % 2);
		struct plain_answer a = interpret(&p, &t);
		struct buf b = {0};
		for (unsigned k = 0; k < p.items; k++) {
			bool null;
			if (k > 0)
				OK(buf_put_u8(&b, '|'));
			OK(finish_aggregate(&p.item[k], &t.schema, a.slot, &null, &b));
			if (null)
				OK(buf_printf(&b, "NULL"));
		}
		OK(buf_put_u8(&b, 0));
		assert_string_equal((char *)b.data, cases[i].expected);
		buf_free(&b);
		plain_answer_free(&a);
		plan_free(&p);
		plain_table_free(&t);
	}
	/* Decimals, and the widest sums. */
	const struct column columns[] = {
		{.name = "x", .type = COLUMN_DECIMAL, .precision = 6, .scale = 2},
		{.name = "w", .type = COLUMN_U64},
		{.name = "y", .type = COLUMN_DECIMAL, .precision = 18, .scale = 18}};
	struct schema schema = {.table = "t", .columns = 3, .column = (struct column *)columns};
	static const struct {
		unsigned kind, column;
		uint64_t sum, count;
		const char *expected;
	} finished[] = {
		{PLAN_AVG, 0, 3 * UINT64_C(0x80000000) + 1000, 3, "3.3333333333333333"},
		{PLAN_AVG, 0, 1 * UINT64_C(0x80000000) + 250, 1, "2.5000000000000000"},
		{PLAN_SUM, 0, 3 * UINT64_C(0x80000000) - 5, 3, "-0.05"},
		{PLAN_SUM, 0, 3 * UINT64_C(0x80000000), 3, "0.00"},
		{PLAN_SUM, 1, UINT64_MAX, 2, "18446744073709551615"},
		{PLAN_AVG, 1, UINT64_MAX, 2, "9223372036854775808"},
		{PLAN_AVG, 1, 18446744073709551614u, 1, "18446744073709551614"},
		{PLAN_AVG, 2, UINT64_C(0x8000000000000000) + 1, 1,
			"0.000000000000000001000000000000000000"},
		{PLAN_SUM, 2, UINT64_C(0x8000000000000000) + 1, 1, "0.000000000000000001"},
	};
	for (size_t i = 0; i < sizeof(finished) / sizeof(finished[0]); i++) {
		struct plan_item item = {.kind = (uint8_t)finished[i].kind,
			.column = (uint16_t)finished[i].column,
			.value_slot = 1};
		const uint64_t slots[] = {finished[i].count, finished[i].sum};
		struct buf b = {0};
		bool null;
		OK(finish_aggregate(&item, &schema, slots, &null, &b));
		OK(buf_put_u8(&b, 0));
		if (strcmp((char *)b.data, finished[i].expected) != 0)
			fail_msg("%zu: %s instead of %s", i, (char *)b.data, finished[i].expected);
		buf_free(&b);
	}
}

static void plans_hold_labels_limits_and_slots(void **state)
{
	(void)state;
	struct plain_table t = plain_table(create, NULL);
	struct plan p = plan_of(&t, "select u.a as first, \"d\", * from t u limit 7", false);
	assert_int_equal(p.items, 2 + t.schema.columns);
	assert_string_equal(p.item[0].label, "first");
	assert_string_equal(p.item[1].label, "d");
	assert_int_equal(p.item[2].column, 0);
	assert_int_equal(p.shown.limit, 7);
	assert_false(p.row_bits);
	assert_false(p.has_where);
	assert_int_equal(p.circuit.outputs, 0);
	plan_free(&p);
	p = plan_of(&t, "select a from t limit all", true);
	assert_true(p.row_bits);
	assert_false(p.has_where);
	assert_true(p.shown.limit == UINT64_MAX);
	plan_free(&p);
	p = plan_of(&t,
		"select sum(a1), avg(a1), count(*), count(a1) as n, min(a1) from t where b1",
		false);
	assert_int_equal(p.circuit.outputs, 3);
	assert_string_equal(p.item[0].label, "sum");
	assert_string_equal(p.item[3].label, "n");
	assert_int_equal(p.item[0].value_slot, p.item[1].value_slot);
	assert_int_equal(p.item[2].value_slot, p.item[0].count_slot);
	assert_int_equal(p.item[2].column, PLAN_NO_COLUMN);
	assert_true(p.has_where);
	plan_free(&p);
	/* Adding a constant costs one addition, whatever the bias. */
	p = plan_of(&t, "update t set i1 = i1 + 5", false);
	unsigned additions = 0;
	for (size_t i = 0; i < p.circuit.nodes; i++)
		additions += p.circuit.node[i].op == CIRCUIT_ADD;
	assert_int_equal(additions, 1);
	assert_true(p.constant[0].bits == 5);
	plan_free(&p);
	/* A long IN list is groups of groups; a longer one has no room. */
	for (unsigned n = 1500; n <= 3000; n += 1500) {
		char *sql = malloc(40 + n * 6), *at = stpcpy(sql, "select * from t where m in (0");
		for (unsigned i = 1; i < n; i++)
			at += sprintf(at, ",%u", i);
		strcpy(at, ")");
		struct sql_statement *s = NULL;
		OK(sql_parse(&s, sql));
		amt_status made = plan_make(&p, s, &t.schema, false);
		assert_int_equal(amt_status_code(made), n == 1500 ? AMT_OK : AMT_LIMIT);
		amt_status_clear(&made);
		plan_free(&p);
		sql_free(s);
		free(sql);
	}
	/* IS UNKNOWN doubles what it holds: bounded. */
	char sql[2000] = "select * from t where ";
	for (unsigned i = 0; i < 100; i++)
		strcat(sql, "(");
	strcat(sql, "b");
	for (unsigned i = 0; i < 100; i++)
		strcat(sql, " and b) is unknown");
	struct sql_statement *s = NULL;
	OK(sql_parse(&s, sql));
	FAILS(AMT_LIMIT, plan_make(&p, s, &t.schema, false));
	sql_free(s);
	plain_table_free(&t);
}

static void explain_shows_the_shape_and_no_literal(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		const char *words[7];
	} cases[] = {
		{"explain select a, name from t where a between 7391 and -7391 and not (x in (7391.7, "
		 "-73917) or b) limit 3",
			{"SELECT from t",
				"rows: a > $1 AND a <= $2 AND a IS NOT NULL AND x <> $3 AND x <> $4",
				"columns a, name", "LIMIT 3", "bootstraps a row",
				"table t, columns a, x, b", "4 constants"}},
		{"explain update t set i1 = i1 - 7391, b = null where d > '2391-07-30' or i < a",
			{"UPDATE of t", "d > $1", "a::u16 + 32768 > i",
				"i1 of every row is written", "b (null flag) of every row",
				"2 constants", "which rows match"}},
		{"explain update t set a = (a1 * 73 + open) % a1 >> 2, i1 = ~(i1 # -7391) where b1",
			{"UPDATE of t",
				"a of every row is written: (((a1 * $1) + open) % a1) >> $2",
				"i1 of every row is written: ~((i1 # 2147483648) # $3)", "a1 = 0",
				"3 constants", "which rows match"}},
		{"explain delete from t where i1 = 7391",
			{"DELETE from t", "i1 = $1", "validity of every row is written",
				"1 constant by", "1000 rows", "what was written",
				"every value of column "
				"open, which is plain"}},
		{"explain select avg(x), count(*) from t",
			{"WHERE: none", "AVG(x)", "COUNT(*)", "finished encrypted, on the host",
				"0 constants", "x IS NULL", "the result"}},
	};
	struct plain_table t = plain_table(create, NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sql_statement *s = NULL;
		struct plan p;
		struct buf b = {0};
		OK(sql_parse(&s, cases[i].sql));
		assert_true(sql_is_explain(s));
		OK(plan_make(&p, s, &t.schema, false));
		OK(plan_explain(&p, &t.schema, 1000, &b));
		OK(buf_put_u8(&b, 0));
		for (unsigned k = 0; k < 7 && cases[i].words[k] != NULL; k++)
			if (strstr((char *)b.data, cases[i].words[k]) == NULL)
				fail_msg("\"%s\" is missing in\n%s", cases[i].words[k],
					(char *)b.data);
		assert_null(strstr((char *)b.data, "739"));
		assert_null(strstr((char *)b.data, "2391"));
		buf_free(&b);
		plan_free(&p);
		sql_free(s);
	}
	plain_table_free(&t);
}

static void failing_allocations_are_reported(void **state)
{
	(void)state;
	struct plain_table t = plain_table(create, NULL);
	static const char *const sql[] = {
		"select a from t where a in (1, 2, 3) or not (x > 1 and b) is unknown",
		"update t set a = a - 1, d = null where i < 5",
		"update t set i = ~(i * 5 / i - 3) << 2 where b",
		"select avg(x), min(d) from t where b"};
	for (unsigned i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		struct sql_statement *s = NULL;
		OK(sql_parse(&s, sql[i]));
		for (size_t n = 1;; n++) {
			struct plan p;
			struct buf b = {0};
			mem_fail_nth(n);
			amt_status made = plan_make(&p, s, &t.schema, true);
			if (amt_ok(made)) {
				made = plan_explain(&p, &t.schema, 10, &b);
				plan_free(&p);
			}
			mem_fail_nth(0);
			bool done = amt_ok(made);
			if (!done)
				assert_int_equal(amt_status_code(made), AMT_OUT_OF_MEMORY);
			amt_status_clear(&made);
			buf_free(&b);
			if (done)
				break;
		}
		sql_free(s);
	}
	plain_table_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(foreign_expressions_are_refused_by_name),
		cmocka_unit_test(three_valued_logic_is_exact),
		cmocka_unit_test(messages_do_not_depend_on_literals),
		cmocka_unit_test(aggregates_print_as_in_postgresql),
		cmocka_unit_test(plans_hold_labels_limits_and_slots),
		cmocka_unit_test(explain_shows_the_shape_and_no_literal),
		cmocka_unit_test(failing_allocations_are_reported),
	};
	return cmocka_run_group_tests_name("query_plan", tests, NULL, NULL);
}

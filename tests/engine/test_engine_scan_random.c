/* Random statements, encrypted, against SQLite on the same rows: a thousand in toy rings, hundreds in the
 * default one. Random WHERE trees with NULLs over columns of one digit and of several, dictionaries, tags,
 * dates and decimals; counts, sums, extremes, groups and rows; in between random INSERTs, imports, UPDATEs,
 * DELETEs, repacking and reopening. */
#include "engine/beside_sqlite.h"

#include "bgv/toy_rings.h"
#include "tfhe/toy_params.h"

#include <stdarg.h>

enum { COLUMNS = 8, DEPTH = 2 };

struct column_values {
	const char *name;
	const char *const *edge; /* literals, NULL at the end */
	int least, most;	 /* of random whole numbers; both 0: edges alone */
	bool equality;		 /* nothing else is known of it */
};

static const char *const ids[] = {"0", "255", "256", "65535", "992", NULL};
static const char *const bytes[] = {"0", "1", "15", "16", "255", "300", "NULL", NULL};
static const char *const amounts[] = {"0", "100000", "4095", "4096", "-1", NULL};
static const char *const smalls[] = {"-20", "11", "0", "NULL", NULL};
static const char *const words[] = {"'red'", "'green'", "'blue'", "'grey'", "'none'", NULL};
static const char *const tags[] = {"'tag0'", "'tag1'", "'tag7'", "'tag39'", "'no tag'", NULL};
static const char *const rates[] = {"0.00", "0.05", "0.07", "1.28", "2.55", "0.055", NULL};
static const char *const days[] = {
	"'1992-01-01'", "'1994-06-30'", "'1995-01-01'", "'1998-12-31'", "'2001-01-01'", NULL};

static const struct column_values column[COLUMNS] = {{"id", ids, 0, 3000, false},
	{"a", bytes, 0, 255, false}, {"m", amounts, 0, 100000, false},
	{"s", smalls, -20, 11, false}, {"g", words, 0, 0, false}, {"tag", tags, 0, 0, true},
	{"d", rates, 0, 0, false}, {"e", days, 0, 0, false}};

static const char create[] =
	"CREATE TABLE t (id u16(scan) not null, a u8(scan), m u32(scan) not null check (m between 0 and "
	"100000), s i8(scan) check (s between -20 and 11), g text(scan, 6), tag text(tag), d "
	"decimal(4,2,scan) not null check (d between 0 and 2.55), e date(scan) check (e between "
	"'1992-01-01' and '1998-12-31')) WITH (scan_ring = %d)";

/* ---- values and statements */

static uint32_t seed;

static unsigned rnd(unsigned below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

static void put(struct buf *b, const char *text)
{
	OK(buf_put(b, text, strlen(text)));
}

static void put_literal(struct buf *b, const struct column_values *c)
{
	unsigned edges = 0;
	while (c->edge[edges] != NULL)
		edges++;
	if (c->least == c->most || rnd(3) == 0)
		put(b, c->edge[rnd(edges)]);
	else
		OK(buf_printf(b, "%d", c->least + (int)rnd((unsigned)(c->most - c->least) + 1)));
}

static void put_leaf(struct buf *b)
{
	static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
	const struct column_values *c = &column[rnd(COLUMNS)];
	static const char *const tests[] = {"a % 32 = 3", "s * s > 50", "a * 2 - 30 <= 101",
		"100 / s > 3", "g LIKE '%re%'", "g NOT LIKE 'g___'", "d * 3 < 1.5", "a / 16 <> 2",
		"s % 5 = -2"};
	unsigned kind = rnd(9);
	if (kind == 8) {
		put(b, tests[rnd(9)]);
		return;
	}
	if (kind == 0) {
		OK(buf_printf(b, "%s IS %sNULL", c->name, rnd(2) ? "NOT " : ""));
		return;
	}
	put(b, c->name);
	if (kind == 1 && !c->equality) {
		put(b, rnd(2) ? " BETWEEN " : " NOT BETWEEN ");
		put_literal(b, c);
		put(b, " AND ");
		put_literal(b, c);
	} else if (kind == 2) {
		put(b, rnd(2) ? " IN (" : " NOT IN (");
		for (unsigned i = 0, n = 1 + rnd(3); i < n; i++) {
			put(b, i > 0 ? ", " : "");
			put_literal(b, c);
		}
		put(b, ")");
	} else {
		OK(buf_printf(b, " %s ", operators[rnd(c->equality ? 2 : 6)]));
		put_literal(b, c);
	}
}

static void put_where(struct buf *b, unsigned depth)
{
	if (depth == 0 || rnd(4) == 0) {
		put_leaf(b);
		return;
	}
	if (rnd(5) == 0)
		put(b, "NOT ");
	put(b, "(");
	const char *join = rnd(2) ? " AND " : " OR ";
	for (unsigned i = 0, n = 2 + rnd(2); i < n; i++) {
		put(b, i > 0 ? join : "");
		put_where(b, depth - 1);
	}
	put(b, ")");
}

static void ask(struct world *w, unsigned depth)
{
	static const char *const lists[] = {"count(*)", "count(*), sum(m)",
		"count(a), sum(s), min(a)", "sum(m * s), count(*)", "max(s), count(e)",
		"g, count(*), sum(a)", "s, count(*)", "id, g, e", "id, a, tag, m"};
	unsigned list = rnd(9);
	struct buf sql = {0};
	OK(buf_printf(&sql, "SELECT %s FROM t WHERE ", lists[list]));
	put_where(&sql, depth);
	if (list == 5 || list == 6)
		OK(buf_printf(&sql, " GROUP BY %c", lists[list][0]));
	OK(buf_put_u8(&sql, 0));
	same(w, (char *)sql.data);
	buf_free(&sql);
}

/* A value, or sometimes NULL. */
__attribute__((format(printf, 2, 3))) static void put_nullable(
	struct buf *b, const char *format, ...)
{
	char text[64];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	put(b, rnd(9) == 0 ? "NULL" : text);
}

static void put_row(struct world *w, struct buf *b)
{
	static const char *const known[] = {"'red'", "'green'", "'blue'", "'grey'"};
	OK(buf_printf(b, "%u, ", w->next_id++ % 65536));
	put_nullable(b, "%u", rnd(256));
	OK(buf_printf(b, ", %u, ", rnd(4) == 0 ? rnd(50) : rnd(100001)));
	put_nullable(b, "%d", (int)rnd(32) - 20);
	put(b, ", ");
	put_nullable(b, "%s", known[rnd(4)]);
	OK(buf_printf(b, ", 'tag%u', %.2f, ", rnd(40), rnd(256) / 100.0));
	put_nullable(b, "'19%u-%02u-%02u'", 92 + rnd(7), 1 + rnd(12), 1 + rnd(28));
}

static void add_rows(struct world *w, unsigned rows, bool import)
{
	struct buf csv = {0}, sql = {0};
	put(&sql, "INSERT INTO t VALUES ");
	for (unsigned i = 0; i < rows; i++) {
		struct buf row = {0};
		put_row(w, &row);
		OK(buf_put_u8(&row, 0));
		csv_line(&csv, (char *)row.data);
		OK(buf_printf(&sql, "%s(%s)", i > 0 ? ", " : "", (char *)row.data));
		buf_free(&row);
	}
	OK(buf_put_u8(&sql, 0));
	OK(buf_put_u8(&csv, 0));
	run_lite(w, (char *)sql.data);
	if (import)
		OK(engine_import(&w->e, "t", (char *)csv.data, NULL, NULL));
	else
		engine_do(&w->e, (char *)sql.data);
	buf_free(&csv);
	buf_free(&sql);
}

static void change_some(struct world *w)
{
	static const char *const verbs[] = {"DELETE FROM t", "UPDATE t SET a = 17, g = 'new'",
		"UPDATE t SET m = 100000 - m", "UPDATE t SET e = '1995-05-05', s = NULL"};
	struct buf sql = {0};
	/* Few rows: there are others to be asked for later. */
	OK(buf_printf(&sql, "%s WHERE tag = 'tag%u' AND (", verbs[rnd(4)], rnd(40)));
	put_where(&sql, 1);
	put(&sql, ")");
	OK(buf_put_u8(&sql, 0));
	change(w, (char *)sql.data);
	buf_free(&sql);
}

/* ---- a life of a table */

static void open_world(struct world *w, unsigned ring)
{
	char sql[600];
	*w = (struct world){0};
	engine_open(&w->e, TOY_PARAMS);
	assert_int_equal(sqlite3_open(":memory:", &w->db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(w->db, "PRAGMA case_sensitive_like = ON", NULL, NULL, NULL),
		SQLITE_OK);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(sql, sizeof(sql), create, ring);
#pragma GCC diagnostic pop
	engine_do(&w->e, sql);
	run_lite(w,
		"CREATE TABLE t (id integer, a integer, m integer, s integer, g text, tag text, d real, e "
		"text)");
}

static void close_world(struct world *w)
{
	engine_close(&w->e);
	(void)sqlite3_close(w->db);
}

static void live(unsigned ring, unsigned rows, unsigned statements)
{
	struct world w;
	open_world(&w, ring);
	add_rows(&w, rows, true);
	for (unsigned i = 1; i <= statements; i++) {
		ask(&w, DEPTH);
		if (i % 17 == 0)
			change_some(&w);
		if (i % 29 == 0)
			add_rows(&w, 1 + rnd(4), false);
		if (i % 101 == 0)
			add_rows(&w, 1 + rnd(rows / 2), true);
		if (i % 211 == 0) {
			engine_disconnect(&w.e);
			OK(engine_connect(&w.e, (amt_session_options){.must_exist = true}));
		}
		if (i % 307 == 0)
			OK(amt_repack(w.e.session, "t", NULL));
	}
	OK(amt_audit(w.e.session, "t", NULL));
	close_world(&w);
}

/* Under sanitizers a part will do. */
static void in_a_toy_ring(void **state)
{
	(void)state;
	for (unsigned table = 0; table < (light() ? 1 : 3); table++)
		live(10, 800 + rnd(1800), light() ? 30 : 350);
}

/* With the primes of the largest ring, and residues of 6 bytes. */
static void in_a_wide_toy_ring(void **state)
{
	(void)state;
	live(11, 1800 + rnd(1800), light() ? 10 : 50);
}

static void in_the_default_ring(void **state)
{
	(void)state;
	live(14, 17000, light() ? 2 : 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(in_a_toy_ring),
		cmocka_unit_test(in_a_wide_toy_ring), cmocka_unit_test(in_the_default_ring)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

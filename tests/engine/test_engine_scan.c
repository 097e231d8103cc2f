/* Tables with scan columns end to end, owner and host in one process, toy rings, against SQLite on the
 * same rows: import, INSERT, tail, UPDATE, DELETE, repacking (also cancelled), reopening. */
#include "engine/beside_sqlite.h"

#include "bgv/toy_rings.h"
#include "tfhe/toy_params.h"

static const char create[] =
	"CREATE TABLE t (id u16(scan) not null, a u8(scan), m u32(scan) not null check (m between 0 and "
	"100000), g text(scan, 6), tag text(tag), s i8(scan) check (s between -20 and 11), note text) "
	"WITH (scan_ring = 10, scan_depth = 's:20')";
static const char lite[] =
	"CREATE TABLE t (id integer, a integer, m integer, g text, tag text, s integer, note text)";

static int setup(void **state)
{
	struct world *w;
	OK(mem_zalloc(&w, sizeof(*w)));
	engine_open(&w->e, TOY_PARAMS);
	assert_int_equal(sqlite3_open(":memory:", &w->db), SQLITE_OK);
	engine_do(&w->e, create);
	run_lite(w, lite);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	engine_close(&w->e);
	(void)sqlite3_close(w->db);
	mem_free(w);
	return 0;
}

/* ---- the same on both */

static void row_values(unsigned i, char *out, size_t size)
{
	static const char *const groups[] = {"'red'", "'green'", "'blue'", "NULL", "'grey'"};
	char a[16], s[16];
	(void)snprintf(a, sizeof(a), i % 11 == 3 ? "NULL" : "%u", i * 37 % 256);
	(void)snprintf(s, sizeof(s), i % 13 == 5 ? "NULL" : "%d", (int)(i * 5 % 32) - 20);
	(void)snprintf(out, size, "%u, %s, %u, %s, 'tag%u', %s, 'note %u'", i, a,
		(i * 7919u) % 100001, groups[i % 5], i % 40, s, i);
}

static void import_rows(struct world *w, unsigned rows)
{
	struct buf csv = {0};
	char values[256], sql[320];
	OK(buf_printf(&csv, "id,a,m,g,tag,s,note\n"));
	run_lite(w, "BEGIN");
	for (unsigned k = 0; k < rows; k++) {
		row_values(w->next_id++, values, sizeof(values));
		(void)snprintf(sql, sizeof(sql), "INSERT INTO t VALUES (%s)", values);
		run_lite(w, sql);
		csv_line(&csv, values);
	}
	run_lite(w, "COMMIT");
	OK(buf_put_u8(&csv, 0));
	amt_result *r;
	OK(engine_import(&w->e, "t", (char *)csv.data, NULL, &r));
	assert_int_equal(amt_result_affected(r), rows);
	amt_result_free(r);
	buf_free(&csv);
}

static void insert_rows(struct world *w, unsigned rows)
{
	struct buf sql = {0};
	char values[256];
	OK(buf_printf(&sql, "INSERT INTO t VALUES "));
	for (unsigned k = 0; k < rows; k++) {
		row_values(w->next_id++, values, sizeof(values));
		OK(buf_printf(&sql, "%s(%s)", k > 0 ? ", " : "", values));
	}
	OK(buf_put_u8(&sql, 0));
	engine_do(&w->e, (char *)sql.data);
	run_lite(w, (char *)sql.data);
	buf_free(&sql);
}

static const char *const questions[] = {
	"SELECT count(*) FROM t",
	"SELECT count(a) FROM t",
	"SELECT count(*) FROM t WHERE a > 100",
	"SELECT count(*) FROM t WHERE a <= 100 OR m > 70000",
	"SELECT count(*) FROM t WHERE NOT (a = 37 OR s BETWEEN -3 AND 4)",
	"SELECT count(*) FROM t WHERE g = 'red'",
	"SELECT count(*) FROM t WHERE g IN ('red', 'blue', 'none')",
	"SELECT count(*) FROM t WHERE tag = 'tag7' AND s < 3",
	"SELECT count(*) FROM t WHERE a IS NULL",
	"SELECT sum(m) FROM t WHERE s > 0",
	"SELECT sum(s), count(s) FROM t WHERE m < 50000",
	"SELECT min(m), max(m) FROM t WHERE a > 250",
	"SELECT min(s) FROM t WHERE a > 1000",
	"SELECT g, count(*), sum(m) FROM t WHERE a < 200 GROUP BY g",
	"SELECT id, note FROM t WHERE m BETWEEN 1000 AND 3000",
	"SELECT g, tag, s FROM t WHERE id = 17",
	"SELECT id FROM t WHERE a > 300",
	"SELECT id FROM t WHERE a IS NULL OR g IS NULL AND s > 0",
	"SELECT id, note FROM t WHERE a > 200 ORDER BY s DESC NULLS LAST, id LIMIT 20",
	"SELECT note n FROM t WHERE m < 30000 ORDER BY n DESC LIMIT 17",
	"SELECT g, count(*) FROM t GROUP BY g HAVING count(*) > 400 AND 25000000 > sum(m) OR g IS NULL",
	"SELECT g, max(s) FROM t WHERE m > 100 GROUP BY g HAVING avg(a) BETWEEN 120 AND 128.5 ORDER BY 1 NULLS LAST",
	"SELECT s FROM t GROUP BY s HAVING NOT (s >= -3) AND min(a) NOT IN (0, 1, 2.5) ORDER BY 1 DESC NULLS LAST",
	"SELECT g, sum(s) FROM t GROUP BY g HAVING g <> 'red' AND sum(s) > NULL OR g < 'green'",
	"SELECT sum(m) FROM t WHERE a < 9 HAVING count(*) > 100000",
	"SELECT id, g FROM t ORDER BY 2 NULLS FIRST, id DESC LIMIT 9",
	"SELECT DISTINCT g, s FROM t WHERE m > 500 ORDER BY s DESC NULLS LAST, g NULLS FIRST",
	"SELECT DISTINCT g FROM t WHERE a < 250",
	"SELECT DISTINCT s FROM t WHERE g = 'red' ORDER BY s NULLS LAST LIMIT 3 OFFSET 2",
	"SELECT s FROM t ORDER BY s NULLS LAST LIMIT 3 OFFSET 4",
	"SELECT g, count(*) FROM t GROUP BY g ORDER BY 2 DESC, 1 NULLS LAST LIMIT 2 OFFSET 1",
};

static void ask_all(struct world *w)
{
	size_t step = light() ? 4 : 1;
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i += step)
		same(w, questions[i]);
}

static const struct relation *table(struct world *w)
{
	struct relation *t;
	OK(owner_table(w->e.session, "t", &t));
	return t;
}

static void audit(struct world *w)
{
	uint64_t rows;
	OK(amt_audit(w->e.session, "t", &rows));
	assert_int_equal(rows, table(w)->rows);
}

/* ---- */

static void empty(void **state)
{
	struct world *w = *state;
	ask_all(w);
	insert_rows(w, 3);
	assert_int_equal(table(w)->packed, 0);
	ask_all(w);
	change(w, "DELETE FROM t WHERE id = 1");
	same(w, "SELECT count(*) FROM t");
	amt_result *r;
	OK(amt_repack(w->e.session, "t", &r));
	amt_result_free(r);
	assert_int_equal(table(w)->rows, 2);
	assert_int_equal(table(w)->packed, 2);
	ask_all(w);
	audit(w);
	engine_do(&w->e, "DROP TABLE t");
	engine_do(&w->e, create);
	run_lite(w, "DELETE FROM t");
	w->next_id = 0;
}

static void imported(void **state)
{
	struct world *w = *state;
	import_rows(w, 2500);
	assert_int_equal(table(w)->packed, 2500);
	assert_int_equal(table(w)->pages, 3);
	ask_all(w);
	audit(w);
}

static void inserted(void **state)
{
	struct world *w = *state;
	insert_rows(w, 7);
	assert_int_equal(table(w)->packed, 2500);
	assert_int_equal(table(w)->rows, 2507);
	ask_all(w);
	/* Too few for a page: they join the tail. */
	import_rows(w, 20);
	assert_int_equal(table(w)->packed, 2500);
	same(w, "SELECT count(*), sum(m) FROM t WHERE a > 9");
	audit(w);
}

static void changed(void **state)
{
	struct world *w = *state;
	change(w, "DELETE FROM t WHERE a > 240");
	change(w, "UPDATE t SET a = 5, g = 'new' WHERE m < 2000");
	change(w, "DELETE FROM t WHERE a > 1000");
	change(w, "UPDATE t SET m = 77 WHERE id = 2501");
	ask_all(w);
	audit(w);
	amt_session_set_fetch(w->e.session, AMT_FETCH_IDS);
	change(w, "UPDATE t SET s = NULL WHERE id IN (1, 2503)");
	change(w, "DELETE FROM t WHERE id = 2");
	same(w, "SELECT id, note FROM t WHERE m BETWEEN 1000 AND 3000");
	amt_session_set_fetch(w->e.session, AMT_FETCH_PADDED);
	same(w, "SELECT id, note FROM t WHERE m BETWEEN 1000 AND 3000");
	amt_session_set_fetch(w->e.session, AMT_FETCH_ALL);
	audit(w);
}

/* More products than the ring has primes for: the owner fetches all rows, and computes. */
#define DEEP                                                                                               \
	"((((a = 1 OR m < 40000) AND s > 0 OR id > 2400) AND (s < 5 OR m > 90000) OR id < 30) AND (a > 9 " \
	"OR id > 500) OR s = -3) AND (a <> 77 OR m > 5000)"
static void too_deep(void **state)
{
	struct world *w = *state;
	amt_result *r = engine_run(&w->e, "EXPLAIN SELECT count(*) FROM t WHERE " DEEP);
	assert_non_null(strstr(amt_result_explanation(r), "by the owner"));
	amt_result_free(r);
	same(w, "SELECT count(*), sum(m), sum(s) FROM t WHERE " DEEP);
	same(w, "SELECT g, count(*), min(m), max(a) FROM t WHERE " DEEP " GROUP BY g");
	same(w, "SELECT id, note, g FROM t WHERE " DEEP);
	change(w, "UPDATE t SET m = 4 WHERE id > 2490 AND (" DEEP ")");
	change(w, "DELETE FROM t WHERE id < 12 AND (" DEEP ")");
	same(w, "SELECT count(*), sum(m) FROM t WHERE " DEEP);
	ask_all(w);
	audit(w);
}

static void reopened(void **state)
{
	struct world *w = *state;
	engine_disconnect(&w->e);
	OK(engine_connect(&w->e, (amt_session_options){.must_exist = true}));
	ask_all(w);
	char *text;
	OK(amt_inspect(w->e.session, AMT_FORMAT_JSON, &text));
	assert_non_null(strstr(text, "\"scan_pages\": 3"));
	assert_non_null(strstr(text, "\"segments_damaged\": 0"));
	amt_text_free(text);
}

static void repacked(void **state)
{
	struct world *w = *state;
	amt_result *r;
	w->e.session->batch_bytes = 1 << 17; /* some hundreds of rows a change */
	OK(amt_repack(w->e.session, "t", &r));
	w->e.session->batch_bytes = 0;
	assert_string_equal(amt_result_statement(r), "REPACK");
	amt_result_free(r);
	assert_int_equal(table(w)->packed, table(w)->rows);
	assert_int_equal(table(w)->gone, 0);
	ask_all(w);
	audit(w);
	insert_rows(w, 5);
	OK(amt_repack(w->e.session, "t", NULL)); /* the tail alone */
	assert_int_equal(table(w)->packed, table(w)->rows);
	ask_all(w);
	audit(w);
}

/* Counts the calls it allows. */
static bool allow(void *context, const char *what, uint64_t done, uint64_t total)
{
	unsigned *left = context;
	(void)what;
	(void)done;
	(void)total;
	if (*left == 0)
		return false;
	--*left;
	return true;
}

/* Cancelled at any step, repacking leaves the table as it was, and nothing beside it. */
static void stopped(void **state)
{
	struct world *w = *state;
	amt_session *s = w->e.session;
	change(w, "DELETE FROM t WHERE a < 20");
	amt_status status;
	unsigned steps = 0;
	s->batch_bytes = 1 << 19;
	s->progress_context = &steps;
	s->progress = allow;
	for (unsigned allowed = 0;; allowed += 3) {
		steps = allowed;
		status = amt_repack(s, "t", NULL);
		s->progress = NULL;
		if (amt_ok(status))
			break;
		assert_int_equal(amt_status_code(status), AMT_CANCELLED);
		amt_status_clear(&status);
		assert_int_equal(s->tables, 1);
		assert_true(relation_count_removed(table(w), 0, table(w)->rows) > 0);
		same(w, "SELECT count(*), sum(m) FROM t WHERE s > 0");
		s->progress = allow;
	}
	s->batch_bytes = 0;
	assert_int_equal(relation_count_removed(table(w), 0, table(w)->rows), 0);
	ask_all(w);
	audit(w);
}

/* A tail of a page becomes one by itself. */
static void grown(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < 5; i++)
		insert_rows(w, 220);
	assert_true(table(w)->rows - table(w)->packed < 992);
	ask_all(w);
	change(w, "UPDATE t SET note = 'x' WHERE a >= 0"); /* nearly all move to the end */
	assert_true(table(w)->rows - table(w)->packed < 992);
	ask_all(w);
	change(w, "DELETE FROM t");
	ask_all(w);
	audit(w);
	import_rows(w, 1500);
	ask_all(w);
	audit(w);
}

static void dropped(void **state)
{
	struct world *w = *state;
	engine_do(&w->e, "DROP TABLE t");
	char *text;
	OK(amt_inspect(w->e.session, AMT_FORMAT_JSON, &text));
	/* The switching keys stay. */
	assert_non_null(strstr(text, "\"segments\": 1"));
	amt_text_free(text);
}

/* Columns for scans beside one for circuits and a plain one: the validity flags of circuits keep step. */
static void mixed(void **state)
{
	struct world *w = *state;
	static const char *const both[] = {"SELECT count(*) FROM m",
		"SELECT count(*), sum(x) FROM m", "SELECT count(*) FROM m WHERE x > 150",
		"SELECT max(x) FROM m WHERE p = 3", "SELECT count(*) FROM m WHERE a < 100",
		"SELECT x, p FROM m WHERE a = 9", "SELECT note, a FROM m WHERE x = 200"};
	static const char *const changes[] = {"DELETE FROM m WHERE a < 5",
		"INSERT INTO m VALUES (9, 200, 3, 'new'), (250, 201, NULL, NULL)",
		"UPDATE m SET x = 7 WHERE a = 9", "DELETE FROM m WHERE a = 250", "REPACK"};
	engine_do(&w->e,
		"CREATE TABLE m (a u8(scan) not null, x u8 not null, p u8(plain), note text) "
		"WITH (scan_ring = 10)");
	run_lite(w, "CREATE TABLE m (a integer, x integer, p integer, note text)");
	struct buf csv = {0};
	char sql[160];
	for (unsigned i = 0; i < 60; i++) {
		OK(buf_printf(&csv, "%u,%u,%u,n%u\n", i % 20, 150 + i, i % 5, i));
		(void)snprintf(sql, sizeof(sql), "INSERT INTO m VALUES (%u, %u, %u, 'n%u')", i % 20,
			150 + i, i % 5, i);
		run_lite(w, sql);
	}
	OK(buf_put_u8(&csv, 0));
	OK(engine_import(&w->e, "m", (char *)csv.data, NULL, NULL));
	buf_free(&csv);
	for (size_t i = 0; i <= sizeof(changes) / sizeof(changes[0]); i++) {
		for (size_t k = 0; k < sizeof(both) / sizeof(both[0]); k++)
			same(w, both[k]);
		OK(amt_audit(w->e.session, "m", NULL));
		if (i == sizeof(changes) / sizeof(changes[0]))
			break;
		if (strcmp(changes[i], "REPACK") == 0)
			OK(amt_repack(w->e.session, "m", NULL));
		else
			change(w, changes[i]);
	}
	engine_do(&w->e, "DROP TABLE m");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(imported),
		cmocka_unit_test(inserted),
		cmocka_unit_test(changed),
		cmocka_unit_test(too_deep),
		cmocka_unit_test(reopened),
		cmocka_unit_test(repacked),
		cmocka_unit_test(stopped),
		cmocka_unit_test(grown),
		cmocka_unit_test(mixed),
		cmocka_unit_test(dropped),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

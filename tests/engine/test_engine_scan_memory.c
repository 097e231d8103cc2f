/* The n-th allocation fails, for one n after the other, in the owner or in the host, while tables with scan
 * pages are made, filled, asked and changed: the statement fails cleanly or works, nothing changes by half.
 * Toy rings. */
#include "engine/fixture.h"

#include "bgv/toy_rings.h"
#include "tfhe/toy_params.h"

#include <stdlib.h>

static const struct {
	const char *sql;
	int adds; /* to count(*) */
} statements[] = {
	{"INSERT INTO t VALUES (9, 9, 'nine'), (10, NULL, NULL)", 2},
	{"SELECT count(*), sum(a), max(b) FROM t WHERE b > 2 OR a IN (1, 5)", 0},
	{"SELECT c, b FROM t WHERE a < 3", 0},
	{"UPDATE t SET b = 7 WHERE a > 0", 0},
	{"REPACK", 0},
	{"DELETE FROM t WHERE a = 3", -1},
	{"EXPLAIN SELECT a FROM t WHERE b IS NULL", 0},
};

static long count(struct engine *e)
{
	char cell[64];
	return strtol(engine_cell(e, "SELECT count(*) FROM t", cell), NULL, 10);
}

static amt_status run(struct engine *e, const char *sql)
{
	amt_result *r = NULL;
	amt_status s = strcmp(sql, "REPACK") == 0 ? amt_repack(e->session, "t", &r)
						  : amt_execute(e->session, sql, &r);
	amt_result_free(r);
	return s;
}

static void starve(const char *sql, int adds, size_t first, size_t step)
{
	struct engine e;
	engine_open(&e, TOY_PARAMS);
	engine_do(&e,
		"CREATE TABLE t (a u8(scan) not null, b u16(scan), c text) WITH (scan_ring = 10)");
	engine_do(&e, "INSERT INTO t VALUES (1, 10, 'x'), (2, NULL, 'y'), (5, 30, '')");
	OK(amt_repack(e.session, "t", NULL));
	bool done = false;
	for (size_t n = first; !done; n += step) {
		if (adds < 0)
			engine_do(&e, "INSERT INTO t VALUES (3, 3, 'three')");
		long before = count(&e);
		(void)mem_fail_nth(n);
		amt_status s = run(&e, sql);
		done = mem_fail_nth(0) < n;
		bool worked = amt_ok(s);
		amt_status_clear(&s);
		assert_true(worked || !done);
		engine_disconnect(&e);
		OK(engine_connect(&e, (amt_session_options){.must_exist = true}));
		long after = count(&e);
		/* A failure after the commit leaves the change made. */
		if (after != before + adds && (worked || after != before))
			fail_msg("%s, allocation %zu: %ld after %ld", sql, n, after, before);
		if (adds < 0 && after == before)
			engine_do(&e, sql);
		if (n / step % 8 == 0)
			OK(amt_audit(e.session, "t", NULL));
	}
	engine_close(&e);
}

static void starved(void **state)
{
	(void)state;
	size_t step = light() ? 211 : 37;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++)
		starve(statements[i].sql, statements[i].adds, 1 + i, step);
}

static void starved_while_making(void **state)
{
	(void)state;
	size_t step = light() ? 97 : 29;
	bool done = false;
	for (size_t n = 3; !done; n += step) {
		struct engine e;
		amt_result *r = NULL;
		engine_open(&e, TOY_PARAMS);
		(void)mem_fail_nth(n);
		amt_status s = amt_execute(
			e.session, "CREATE TABLE t (a u8(scan)) WITH (scan_ring = 10)", &r);
		done = mem_fail_nth(0) < n;
		assert_true(amt_ok(s) || !done);
		amt_status_clear(&s);
		amt_result_free(r);
		engine_disconnect(&e);
		OK(engine_connect(&e, (amt_session_options){.must_exist = true}));
		engine_close(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starved),
		cmocka_unit_test(starved_while_making),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

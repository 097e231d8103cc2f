/* The n-th allocation fails, for one n after the other, in the owner or in the host, whichever makes
 * it: the statement fails cleanly or works, nothing changes by half, and afterwards all works again. */
#include "engine/fixture.h"

#include "tfhe/toy_params.h"

#include <stdlib.h>

enum { STEP = 11, STEP_LIGHT = 37 };

static const char *const statements[] = {
	"INSERT INTO t VALUES (9, 9, 'nine'), (10, NULL, NULL)",
	"SELECT count(*), sum(a), max(b) FROM t WHERE b > 2 OR a IN (1, 5)",
	"SELECT c, b FROM t WHERE a < 3",
	"UPDATE t SET b = b + 1 WHERE a > 0",
	"DELETE FROM t WHERE a = 9",
	"EXPLAIN SELECT a FROM t WHERE b IS NULL",
};

static void fresh(struct engine *e)
{
	engine_open(e, TOY_PARAMS);
	engine_do(e, "CREATE TABLE t (a u8 not null, b u16, c text)");
	engine_do(e, "INSERT INTO t VALUES (1, 10, 'x'), (2, NULL, 'y'), (3, 30, '')");
}

/* Sum of a, which tells whether an INSERT or DELETE has happened, and the number of rows. */
static void state_of(struct engine *e, char out[64])
{
	amt_result *r = engine_run(e, "SELECT sum(a), sum(b) FROM t");
	const char *b = amt_result_cell(r, 0, 1);
	(void)snprintf(out, 64, "%s %s", amt_result_cell(r, 0, 0), b != NULL ? b : "NULL");
	amt_result_free(r);
}

static void starved(void **state)
{
	(void)state;
	size_t step = light() ? STEP_LIGHT : STEP;
	for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
		struct engine e;
		bool done = false;
		char before[64], after[64], wanted[64] = "";
		/* Once without a failure, to know what success looks like. */
		fresh(&e);
		engine_do(&e, statements[i]);
		state_of(&e, wanted);
		engine_close(&e);
		for (size_t n = 1 + i; !done; n += step) {
			fresh(&e);
			state_of(&e, before);
			amt_result *r = NULL;
			(void)mem_fail_nth(n);
			amt_status s = amt_execute(e.session, statements[i], &r);
			done = mem_fail_nth(0) < n;
			bool worked = amt_ok(s);
			amt_status_clear(&s);
			amt_result_free(r);
			assert_true(worked || !done);
			engine_disconnect(&e);
			OK(engine_connect(&e, (amt_session_options){.must_exist = true}));
			state_of(&e, after);
			/* A failure after the commit leaves the change made. */
			if (strcmp(after, wanted) != 0 && (worked || strcmp(after, before) != 0))
				fail_msg("%s, allocation %zu: %s after %s", statements[i], n, after,
					before);
			uint64_t rows;
			OK(amt_audit(e.session, "t", &rows));
			engine_close(&e);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(starved)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

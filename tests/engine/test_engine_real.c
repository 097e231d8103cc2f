/* The whole way at 128-bit security: few rows, the default parameter set; under AMT_TEST_LIGHT a toy
 * set, so that the same statements run everywhere. */
#include "engine/fixture.h"

#include "tfhe/toy_params.h"

#include <stdlib.h>

static void check_cell(struct engine *e, const char *sql, const char *expected)
{
	char cell[64];
	const char *found = engine_cell(e, sql, cell);
	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s instead of %s", sql, found, expected);
}

static void real_parameters(void **state)
{
	(void)state;
	struct engine e;
	engine_open(&e, light() ? TOY_PARAMS : TFHE_DEFAULT_PARAMS);
	engine_do(&e, "CREATE TABLE t (a u8 not null, b smallint, c text)");
	engine_do(&e,
		"INSERT INTO t VALUES (1, 10, 'x'), (15, -20, 'y'), (200, 30, 'z'), (255, NULL, '')");
	check_cell(&e, "SELECT count(*) FROM t WHERE a <= -1", "0");
	check_cell(&e, "SELECT sum(b) FROM t WHERE a BETWEEN 2 AND 220", "10");
	check_cell(&e, "SELECT max(a) FROM t WHERE b IS NOT NULL", "200");
	check_cell(&e, "SELECT c FROM t WHERE b < 0", "y");
	engine_do(&e, "UPDATE t SET b = b + 5 WHERE a = 15");
	check_cell(&e, "SELECT b FROM t WHERE a = 15", "-15");
	amt_result *r = engine_run(&e, "SELECT avg(b) FROM t WHERE NOT a IN (1, 7)");
	assert_string_equal(amt_result_cell(r, 0, 0), "7.5000000000000000");
	amt_statistics s;
	amt_result_statistics(r, &s);
	assert_true(light() || s.failure_bound_log2 < -120);
	amt_result_free(r);
	uint64_t rows;
	OK(amt_audit(e.session, "t", &rows));
	assert_int_equal(rows, 4);
	engine_close(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(real_parameters)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

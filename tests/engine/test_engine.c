/* Statements end to end, owner and host in one process, toy parameters. */
#include "engine/fixture.h"

#include "tfhe/toy_params.h"

static int setup(void **state)
{
	struct engine *e;
	OK(mem_zalloc(&e, sizeof(*e)));
	engine_open(e, TOY_PARAMS);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	engine_close(*state);
	mem_free(*state);
	return 0;
}

static const char create[] =
	"CREATE TABLE people (id integer, age u8, weight decimal(5,2), name text, member boolean, "
	"born date)";
static const char rows[] = "id,age,weight,name,member,born\n"
			   "1,30,70.25,Ann,true,1990-01-02\n"
			   "2,41,81.5,Bob,false,1980-05-06\n"
			   "-3,,55,\"Carla, C.\",true,\n"
			   "4,65,,Dan,,1950-12-31\n"
			   "5,30,99.99,,false,1999-09-09\n";

static void check_cell(struct engine *e, const char *sql, const char *expected)
{
	char cell[64];
	const char *found = engine_cell(e, sql, cell);
	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s instead of %s", sql, found, expected);
}

static void aggregates(void **state)
{
	struct engine *e = *state;
	engine_do(e, create);
	amt_result *r;
	OK(engine_import(e, "people", rows, NULL, &r));
	assert_int_equal(amt_result_affected(r), 5);
	amt_result_free(r);
	check_cell(e, "SELECT count(*) FROM people", "5");
	check_cell(e, "SELECT count(age) FROM people", "4");
	check_cell(e, "SELECT count(*) FROM people WHERE age > 30", "2");
	check_cell(e, "SELECT sum(id) FROM people WHERE id < 2 OR age = 65", "2");
	check_cell(e, "SELECT sum(weight) FROM people WHERE member", "125.25");
	check_cell(e, "SELECT min(born) FROM people", "1950-12-31");
	check_cell(e, "SELECT max(weight) FROM people WHERE NOT member", "99.99");
	check_cell(e, "SELECT min(age) FROM people WHERE id > 100", "NULL");
	check_cell(e, "SELECT count(*) FROM people WHERE age <= -1", "0");
	check_cell(e, "SELECT count(*) FROM people WHERE member IS NULL", "1");
}

static void projection(void **state)
{
	struct engine *e = *state;
	for (int fetch = AMT_FETCH_ALL; fetch <= AMT_FETCH_IDS; fetch++) {
		amt_session_set_fetch(e->session, (amt_fetch)fetch);
		amt_result *r = engine_run(
			e, "SELECT name, age, weight FROM people WHERE age BETWEEN 40 AND 50");
		assert_int_equal(amt_result_rows(r), 1);
		assert_int_equal(amt_result_columns(r), 3);
		assert_string_equal(amt_result_cell(r, 0, 0), "Bob");
		assert_string_equal(amt_result_cell(r, 0, 1), "41");
		assert_string_equal(amt_result_cell(r, 0, 2), "81.50");
		amt_statistics s;
		amt_result_statistics(r, &s);
		assert_int_equal(s.rows, 5);
		assert_int_equal(s.rounds, fetch == AMT_FETCH_ALL ? 1 : 2);
		assert_true(s.bootstraps > 0 && s.failure_bound_log2 < 0);
		amt_result_free(r);
	}
	amt_session_set_fetch(e->session, AMT_FETCH_ALL);
}

static void changes(void **state)
{
	struct engine *e = *state;
	amt_result *r = engine_run(e, "UPDATE people SET age = 66 WHERE born < date '1960-01-01'");
	assert_int_equal(amt_result_affected(r), 1);
	amt_result_free(r);
	check_cell(e, "SELECT max(age) FROM people", "66");
	check_cell(e, "SELECT count(*) FROM people WHERE age = 65", "0");
	engine_do(e, "INSERT INTO people VALUES (7, 20, 60.5, 'Eve', true, '2001-02-03')");
	check_cell(e, "SELECT count(*) FROM people", "6");
	check_cell(e, "SELECT name FROM people WHERE age < 25", "Eve");
	r = engine_run(e, "DELETE FROM people WHERE age = 30");
	assert_int_equal(amt_result_affected(r), 2);
	amt_result_free(r);
	check_cell(e, "SELECT count(*) FROM people", "4");
	engine_do(e, "INSERT INTO people (id, age) VALUES (8, 1), (9, 2)");
	check_cell(e, "SELECT count(*) FROM people", "6");
	check_cell(e, "SELECT name FROM people WHERE age = 66", "Dan");
	uint64_t all[] = {7, 0, 1, 2, 3, 4, 5, 6};
	OK(amt_get(e->session, "people", all, 8, &r));
	assert_int_equal(amt_result_rows(r), 6);
	amt_result_free(r);
	uint64_t audited;
	OK(amt_audit(e->session, "people", &audited));
	assert_int_equal(audited, 8);
}

static void reopen(void **state)
{
	struct engine *e = *state;
	engine_disconnect(e);
	OK(engine_connect(e, (amt_session_options){.must_exist = true}));
	check_cell(e, "SELECT count(*) FROM people", "6");
	engine_do(e, "DROP TABLE people");
	amt_result *r;
	FAILS(AMT_NOT_FOUND, amt_execute(e->session, "SELECT count(*) FROM people", &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(aggregates),
		cmocka_unit_test(projection),
		cmocka_unit_test(changes),
		cmocka_unit_test(reopen),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}

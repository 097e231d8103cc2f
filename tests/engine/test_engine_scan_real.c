/* A table with scan pages in a real ring, on a folder, the host reopened in between: few rows more than a page
 * holds, so that there are two and a tail. */
#include "engine/fixture.h"

#include "folder.h"
#include "tfhe/toy_params.h"

enum { PER_PAGE = 8192 - 32, ROWS = PER_PAGE + 1500 };

static void check_cell(struct engine *e, const char *sql, long expected)
{
	char cell[64];
	long found = strtol(engine_cell(e, sql, cell), NULL, 10);
	if (found != expected)
		fail_msg("%s: %ld instead of %ld", sql, found, expected);
}

static void real(void **state)
{
	(void)state;
	struct engine e = {.key = engine_key(TOY_PARAMS)};
	char folder[FOLDER_BYTES];
	struct store_options options = {0};
	struct buf csv = {0};
	long over = 0, sum = 0;
	folder_make(folder);
	OK(io_posix_new(&e.io));
	OK(host_open(&e.host, e.io, folder, &options, 0));
	OK(engine_connect(&e, (amt_session_options){0}));
	engine_do(&e, "CREATE TABLE t (a u8(scan) not null, g text(scan, 4), note text) WITH "
		      "(scan_ring = 13, scan_base = 'a:128')");
	for (int i = 0; i < ROWS; i++) {
		OK(buf_printf(&csv, "%d,%s,n%d\n", i % 251, i % 3 == 0 ? "red" : "blue", i));
		over += i % 251 > 200;
		sum += i % 3 == 0 ? i % 251 : 0;
	}
	OK(buf_put_u8(&csv, 0));
	OK(engine_import(&e, "t", (char *)csv.data, NULL, NULL));
	buf_free(&csv);
	assert_int_equal(e.session->table[0].pages, 2);
	engine_do(&e, "INSERT INTO t VALUES (255, 'red', 'tail'), (254, NULL, NULL)");
	engine_disconnect(&e);
	OK(host_close(e.host));
	OK(host_open(&e.host, e.io, folder, &options, 0));
	OK(engine_connect(&e, (amt_session_options){.must_exist = true}));
	check_cell(&e, "SELECT count(*) FROM t", ROWS + 2);
	check_cell(&e, "SELECT count(*) FROM t WHERE a > 200", over + 2);
	check_cell(&e, "SELECT sum(a) FROM t WHERE g = 'red'", sum + 255);
	amt_statistics s = engine_statistics(&e, "SELECT count(*) FROM t WHERE a = 17");
	assert_int_equal(s.pages, 2);
	assert_int_equal(s.rows, ROWS + 2);
	assert_true(s.failure_bound_log2 < -128 && s.noise_margin_bits > 0 && s.levels > 0);
	amt_result *r = engine_run(&e, "DELETE FROM t WHERE a = 255");
	assert_int_equal(amt_result_affected(r), 1);
	amt_result_free(r);
	check_cell(&e, "SELECT count(*) FROM t WHERE a > 200", over + 1);
	if (!light())
		OK(amt_audit(e.session, "t", NULL));
	engine_close(&e);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(real)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The public face besides statements: import, cancelling, EXPLAIN, inspection, key files. */
#include "engine/fixture.h"

#include "folder.h"
#include "tfhe/toy_params.h"

#include <jansson.h>

static int setup(void **state)
{
	struct engine *e;
	OK(mem_zalloc(&e, sizeof(*e)));
	engine_open(e, TOY_PARAMS);
	engine_do(e, "CREATE TABLE t (a u8 not null, b decimal(4,1), c text)");
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	engine_close(*state);
	mem_free(*state);
	return 0;
}

static void check_cell(struct engine *e, const char *sql, const char *expected)
{
	char cell[64];
	const char *found = engine_cell(e, sql, cell);
	if (strcmp(found, expected) != 0)
		fail_msg("%s: %s instead of %s", sql, found, expected);
}

static void fails_with(amt_status s, amt_code code, const char *part)
{
	char text[1024];
	(void)amt_status_format(s, text, sizeof(text));
	amt_code found = amt_status_code(s);
	amt_status_clear(&s);
	if (found != code || strstr(text, part) == NULL)
		fail_msg("%s (%s) lacks %s (%s)", text, amt_code_name(found), part,
			amt_code_name(code));
}

/* ---- import */

static void import_forms(void **state)
{
	struct engine *e = *state;
	amt_import_options o = {0};
	OK(engine_import(e, "t",
		"\xef\xbb\xbf"
		"C,A\r\n\"x, \"\"y\"\"\",7\r\n\"\",8\r\n,9\r\n",
		NULL, NULL));
	check_cell(e, "SELECT c FROM t WHERE a = 7", "x, \"y\"");
	check_cell(e, "SELECT c FROM t WHERE a = 8", "");
	check_cell(e, "SELECT c FROM t WHERE a = 9", "NULL");
	check_cell(e, "SELECT count(b) FROM t", "0");
	o = (amt_import_options){.delimiter = ';', .null_text = "NA", .header = AMT_HEADER_NO};
	OK(engine_import(e, "t", "10;1.5;a\n11;NA;NA\n12;-2;\"two\nlines\"", &o, NULL));
	check_cell(e, "SELECT sum(b) FROM t", "-0.5");
	check_cell(e, "SELECT c FROM t WHERE a = 11", "NULL");
	check_cell(e, "SELECT c FROM t WHERE a = 12", "two\nlines");
	check_cell(e, "SELECT count(*) FROM t", "6");
}

static void import_errors(void **state)
{
	struct engine *e = *state;
	amt_import_options o = {.name = "some.csv"};
	fails_with(engine_import(e, "t", "1,2,x\n2,2,y\n300,1,z\n", &o, NULL), AMT_OUT_OF_RANGE,
		"some.csv, line 3");
	fails_with(engine_import(e, "t", "a,b\n1,x\n", &o, NULL), AMT_TYPE_MISMATCH, "line 2");
	fails_with(engine_import(e, "t", "1,2\n", &o, NULL), AMT_SYNTAX, "2 fields");
	fails_with(engine_import(e, "t", "1,2,\"x\n", &o, NULL), AMT_SYNTAX, "some.csv");
	fails_with(engine_import(e, "t", "b,c\n1,x\n", &o, NULL), AMT_TYPE_MISMATCH, "\"a\"");
	fails_with(engine_import(e, "t", "a,a\n1,1\n", &o, NULL), AMT_ALREADY_EXISTS, "twice");
	o.header = AMT_HEADER_YES;
	fails_with(engine_import(e, "t", "a,z\n1,1\n", &o, NULL), AMT_NOT_FOUND, "\"z\"");
	fails_with(engine_import(e, "u", "a\n1\n", &o, NULL), AMT_NOT_FOUND, "u");
	check_cell(e, "SELECT count(*) FROM t", "0");
}

/* Sorted input does not show: the rows' order at the host is another. */
static void import_shuffles(void **state)
{
	struct engine *e = *state;
	struct buf csv = {0};
	for (int i = 0; i < 200; i++)
		OK(buf_printf(&csv, "%d,,\n", i));
	OK(engine_import(e, "t", (char *)csv.data, NULL, NULL));
	buf_free(&csv);
	amt_result *r = engine_run(e, "SELECT a FROM t");
	unsigned in_order = 0;
	bool seen[200] = {false};
	assert_int_equal(amt_result_rows(r), 200);
	for (unsigned i = 0; i < 200; i++) {
		unsigned a = (unsigned)atoi(amt_result_cell(r, i, 0));
		assert_false(seen[a]);
		seen[a] = true;
		in_order += a == i;
	}
	assert_true(in_order < 20);
	amt_result_free(r);
}

/* ---- long work */

struct patience {
	unsigned calls, allowed;
};

static bool impatient(void *context, const char *what, uint64_t done, uint64_t total)
{
	struct patience *p = context;
	(void)done;
	(void)total;
	if (strcmp(what, "computing on the host") != 0)
		return true;
	return ++p->calls <= p->allowed;
}

static void cancelled(void **state)
{
	struct engine *e = *state;
	struct patience p = {.allowed = 0};
	struct buf csv = {0};
	for (int i = 0; i < 3000; i++)
		OK(buf_printf(&csv, "%d,%d,\n", i % 256, i % 900));
	engine_disconnect(e);
	OK(engine_connect(e, (amt_session_options){.progress = impatient, .progress_context = &p}));
	OK(engine_import(e, "t", (char *)csv.data, NULL, NULL));
	buf_free(&csv);
	amt_result *r;
	FAILS(AMT_CANCELLED,
		amt_execute(e->session, "UPDATE t SET a = a + 1 WHERE b > 3 AND a < 9", &r));
	assert_int_equal(p.calls, 1);
	p.allowed = 1000000;
	check_cell(e, "SELECT max(a) FROM t WHERE a < 2", "1");
	check_cell(e, "SELECT count(*) FROM t WHERE a = 0", "12");
	assert_true(p.calls > 1);
}

/* ---- texts */

static void explains(void **state)
{
	struct engine *e = *state;
	amt_result *r = engine_run(e, "EXPLAIN SELECT c FROM t WHERE a > 3");
	assert_non_null(amt_result_explanation(r));
	assert_non_null(
		strstr(amt_result_explanation(r), "the host learns nothing of the matches"));
	assert_string_equal(amt_result_statement(r), "EXPLAIN");
	amt_statistics s;
	amt_result_statistics(r, &s);
	assert_int_equal(s.rounds, 0);
	assert_int_equal(s.bootstraps, 0);
	amt_result_free(r);
	amt_session_set_fetch(e->session, AMT_FETCH_IDS);
	r = engine_run(e, "EXPLAIN SELECT c FROM t WHERE a > 3");
	assert_non_null(strstr(amt_result_explanation(r), "exactly which rows matched"));
	amt_result_free(r);
}

static void inspects(void **state)
{
	struct engine *e = *state;
	char *text;
	OK(amt_inspect(e->session, AMT_FORMAT_JSON, &text));
	json_t *j = json_loads(text, 0, NULL);
	assert_non_null(j);
	json_t *table = json_array_get(json_object_get(j, "tables"), 0);
	assert_string_equal(json_string_value(json_object_get(table, "name")), "t");
	assert_int_equal(json_array_size(json_object_get(table, "columns")), 3);
	json_decref(j);
	amt_text_free(text);
	OK(amt_inspect(e->session, AMT_FORMAT_TEXT, &text));
	assert_non_null(strstr(text, "forms: payload arith"));
	amt_text_free(text);
}

static void gets(void **state)
{
	struct engine *e = *state;
	amt_result *r;
	engine_do(e, "INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')");
	uint64_t rows[] = {2, 0, 2};
	OK(amt_get(e->session, "t", rows, 3, &r));
	assert_int_equal(amt_result_rows(r), 2);
	assert_string_equal(amt_result_cell(r, 0, 2), "a");
	assert_string_equal(amt_result_cell(r, 1, 1), "3.0");
	amt_result_free(r);
	rows[0] = 3;
	FAILS(AMT_OUT_OF_RANGE, amt_get(e->session, "t", rows, 3, &r));
}

static void statement_errors(void **state)
{
	struct engine *e = *state;
	amt_result *r;
	FAILS(AMT_ALREADY_EXISTS, amt_execute(e->session, "CREATE TABLE t (x u8)", &r));
	FAILS(AMT_NOT_FOUND, amt_execute(e->session, "DROP TABLE x", &r));
	FAILS(AMT_SYNTAX, amt_execute(e->session, "SELEC 1", &r));
	FAILS(AMT_UNSUPPORTED, amt_execute(e->session, "CREATE TABLE p (x text(plain))", &r));
	check_cell(e, "SELECT count(*) FROM t", "0");
	check_cell(e, "SELECT sum(b) FROM t", "NULL");
	amt_result *none = engine_run(e, "SELECT a FROM t WHERE a > 1");
	assert_int_equal(amt_result_rows(none), 0);
	amt_result_free(none);
}

/* ---- keys */

static void key_files(void **state)
{
	(void)state;
	char folder[FOLDER_BYTES], path[64], file[64];
	amt_key *key, *again;
	char *text;
	folder_make(folder);
	(void)snprintf(path, sizeof(path), "%s/owner.key", folder);
	(void)snprintf(file, sizeof(file), "%s/evaluation.key", folder);
	assert_non_null(amt_parameters_name(0));
	FAILS(AMT_NOT_FOUND, amt_key_generate(&key, "none such"));
	OK(amt_key_generate(&key, NULL));
	assert_string_equal(amt_key_parameters(key), amt_parameters_name(0));
	OK(amt_key_save(key, path, "secret", 6, NULL));
	FAILS(AMT_ALREADY_EXISTS, amt_key_save(key, path, "secret", 6, NULL));
	FAILS(AMT_WRONG_PASSPHRASE, amt_key_open(&again, path, "wrong", 5));
	OK(amt_key_change_passphrase(path, "secret", 6, "other", 5));
	OK(amt_key_open(&again, path, "other", 5));
	assert_string_equal(amt_key_id(again), amt_key_id(key));
	OK(amt_key_export_evaluation(again, file, NULL, NULL));
	OK(amt_inspect_file(file, AMT_FORMAT_TEXT, &text));
	assert_non_null(strstr(text, "evaluation key"));
	assert_non_null(strstr(text, amt_key_id(key)));
	amt_text_free(text);
	FAILS(AMT_NOT_FOUND, amt_inspect_file("/nonexistent", AMT_FORMAT_TEXT, &text));
	amt_key_free(key);
	amt_key_free(again);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(import_forms, setup, teardown),
		cmocka_unit_test_setup_teardown(import_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(import_shuffles, setup, teardown),
		cmocka_unit_test_setup_teardown(cancelled, setup, teardown),
		cmocka_unit_test_setup_teardown(explains, setup, teardown),
		cmocka_unit_test_setup_teardown(inspects, setup, teardown),
		cmocka_unit_test_setup_teardown(gets, setup, teardown),
		cmocka_unit_test_setup_teardown(statement_errors, setup, teardown),
		cmocka_unit_test(key_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

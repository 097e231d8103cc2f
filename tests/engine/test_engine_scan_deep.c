/* What the usual ring has too few primes for runs as a scan in a table of the largest ring, with SQLite's
 * answers. Under sanitizers toy rings with the same primes take their places. */
#include "engine/beside_sqlite.h"

#include "folder.h"
#include "tfhe/toy_params.h"

enum { ROWS = 20000, FEW_ROWS = 1500 };

#define COLUMNS                                                                                 \
	" (id u16(payload) not null, a u8(scan) not null check (a between 0 and 9), b u8(scan)" \
	" check (b between 0 and 6), c u8(scan) not null check (c between 0 and 11), d bool(scan))"

/* Seven joins of conditions on different columns, of which none can be done before the one inside. */
#define DEEP                                                                                      \
	"(((((((a = 1 OR b > 2) AND c < 9) OR a > 7) AND b <> 3) OR c = 11) AND a IN (0, 3, 8)) " \
	"OR d)"

static void fill(struct world *w, const char *table, unsigned rows)
{
	struct buf csv = {0}, sql = {0};
	OK(buf_printf(&sql, "INSERT INTO %s VALUES ", table));
	for (unsigned i = 0; i < rows; i++) {
		struct buf row = {0};
		unsigned h = i * 2654435761u >> 7;
		OK(buf_printf(&row, "%u, %u, ", i, h % 10));
		if (h % 13 == 0)
			OK(buf_printf(&row, "NULL, "));
		else
			OK(buf_printf(&row, "%u, ", h / 16 % 7));
		OK(buf_printf(&row, "%u, %s", h / 256 % 12,
			h % 7 == 1   ? "NULL"
			: h % 3 == 0 ? "true"
				     : "false"));
		OK(buf_put_u8(&row, 0));
		csv_line(&csv, (char *)row.data);
		OK(buf_printf(&sql, "%s(%s)", i > 0 ? ", " : "", (char *)row.data));
		buf_free(&row);
	}
	OK(buf_put_u8(&csv, 0));
	OK(buf_put_u8(&sql, 0));
	OK(engine_import(&w->e, table, (char *)csv.data, NULL, NULL));
	run_lite(w, (char *)sql.data);
	buf_free(&csv);
	buf_free(&sql);
}

static void create(struct world *w, const char *table, unsigned ring)
{
	struct buf sql = {0};
	OK(buf_printf(&sql, "CREATE TABLE %s" COLUMNS " WITH (scan_ring = %u)", table, ring));
	OK(buf_put_u8(&sql, 0));
	engine_do(&w->e, (char *)sql.data);
	buf_free(&sql);
	OK(buf_printf(&sql,
		"CREATE TABLE %s (id integer, a integer, b integer, c integer, d boolean)", table));
	OK(buf_put_u8(&sql, 0));
	run_lite(w, (char *)sql.data);
	buf_free(&sql);
}

static void check_explained(struct world *w, const char *table, const char *words)
{
	struct buf sql = {0};
	OK(buf_printf(&sql, "EXPLAIN SELECT count(*), sum(c), sum(b) FROM %s WHERE " DEEP, table));
	OK(buf_put_u8(&sql, 0));
	amt_result *r = engine_run(&w->e, (char *)sql.data);
	if (strstr(amt_result_explanation(r), words) == NULL)
		fail_msg("no \"%s\" in %s", words, amt_result_explanation(r));
	amt_result_free(r);
	buf_free(&sql);
}

static void deep(void **state)
{
	(void)state;
	struct world w = {.e.key = engine_key(TOY_PARAMS)};
	unsigned usual = light() ? 10 : 14, large = light() ? 11 : 15;
	char folder[FOLDER_BYTES], room[64];
	struct store_options options = {0};
	folder_make(folder);
	OK(io_posix_new(&w.e.io));
	OK(host_open(&w.e.host, w.e.io, folder, &options, 0));
	OK(engine_connect(&w.e, (amt_session_options){0}));
	assert_int_equal(sqlite3_open(":memory:", &w.db), SQLITE_OK);
	create(&w, "usual", usual);
	create(&w, "large", large);
	(void)snprintf(room, sizeof(room), "WITH (scan_ring = %u) has the room", large);
	check_explained(&w, "usual", "by the owner");
	check_explained(&w, "usual", room);
	check_explained(&w, "large", "by scan");
	fill(&w, "large", light() ? FEW_ROWS : ROWS);
	assert_int_equal(w.e.session->table[1].pages, 1);
	amt_statistics s =
		engine_statistics(&w.e, "SELECT count(*), sum(c), sum(b) FROM large WHERE " DEEP);
	assert_int_equal(s.pages, 1);
	assert_true(s.levels > 9 && s.noise_margin_bits > 0 && s.failure_bound_log2 < -128);
	same(&w, "SELECT count(*), sum(c), sum(b) FROM large WHERE " DEEP);
	same(&w, "SELECT count(*) FROM large WHERE NOT (" DEEP ")");
	same(&w, "SELECT id FROM large WHERE c = 3 AND " DEEP);
	engine_do(
		&w.e, "INSERT INTO large VALUES (65000, 1, 5, 3, true), (65001, 9, NULL, 0, NULL)");
	run_lite(&w, "INSERT INTO large VALUES (65000, 1, 5, 3, true), (65001, 9, NULL, 0, NULL)");
	change(&w, "DELETE FROM large WHERE a = 2 AND b = 3 AND c < 6");
	same(&w, "SELECT b, count(*), sum(c) FROM large WHERE a = 1 OR d AND c > 5 GROUP BY b");
	same(&w, "SELECT count(*), sum(c) FROM large WHERE " DEEP);
	OK(amt_audit(w.e.session, "large", NULL));
	engine_close(&w.e);
	(void)sqlite3_close(w.db);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(deep)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

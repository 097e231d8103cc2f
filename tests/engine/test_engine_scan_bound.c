/* What memory a host takes for scans does not follow from the size of the table. Toy rings; the host is a
 * process of its own, on the real disk. */
#include "engine/host_process.h"

#include "bgv/toy_rings.h"
#include "tfhe/toy_params.h"

#include <malloc.h>

enum { PAGE_ROWS = 992, BATCH = 8, GROUPS = 4 };
enum { SMALL_PAGES = 2 * BATCH, LARGE_PAGES = 6 * BATCH, SLACK_BYTES = 8 << 20 };

static void fill(struct remote *r, const char *table, unsigned pages)
{
	char sql[200];
	(void)snprintf(sql, sizeof(sql),
		"CREATE TABLE %s (a u32(scan) not null, g u8(scan) not null CHECK (g BETWEEN 0 AND 3))"
		" WITH (scan_ring = 10)",
		table);
	OK(remote_run(r, sql));
	FILE *csv = tmpfile();
	assert_non_null(csv);
	for (unsigned i = 0; i < pages * PAGE_ROWS; i++)
		(void)fprintf(csv, "%u,%u\n", i, i % GROUPS);
	rewind(csv);
	OK(amt_import_csv(r->session, table, fileno(csv), NULL, NULL));
	(void)fclose(csv);
}

static amt_statistics ask(struct remote *r, const char *question, const char *table, unsigned rows)
{
	char sql[200], expected[32];
	amt_result *result;
	amt_statistics s;
	(void)snprintf(sql, sizeof(sql), question, table);
	OK(amt_execute(r->session, sql, &result));
	amt_result_statistics(result, &s);
	(void)snprintf(expected, sizeof(expected), "%u", rows);
	assert_string_equal(amt_result_cell(result, 0, 0), expected);
	amt_result_free(result);
	return s;
}

static void bounded(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		unsigned groups;
	} question[] = {
		{"SELECT count(*), sum(a) FROM %s WHERE a >= 0 AND g <= 3", 1},
		{"SELECT count(*), sum(a) FROM %s WHERE a >= 0 GROUP BY g", GROUPS},
	};
	struct remote r;
	/* For the hosts as well: what is freed goes back at once, or some megabytes of it would count. */
	(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
	remote_make(&r, TOY_PARAMS);
	OK(remote_connect(&r, NULL));
	fill(&r, "small", SMALL_PAGES);
	fill(&r, "large", LARGE_PAGES);
	assert_int_equal(remote_end(&r), 0);
	OK(remote_connect(&r, NULL));
	for (size_t i = 0; i < sizeof(question) / sizeof(question[0]); i++) {
		const char *sql = question[i].sql;
		unsigned groups = question[i].groups;
		amt_statistics small = ask(&r, sql, "small", SMALL_PAGES * PAGE_ROWS / groups);
		amt_statistics large = ask(&r, sql, "large", LARGE_PAGES * PAGE_ROWS / groups);
		assert_int_equal(large.pages, LARGE_PAGES);
		print_message("%llu MB of pages: %llu MB of memory; %llu MB: %llu MB\n",
			(unsigned long long)small.pages_bytes >> 20,
			(unsigned long long)small.host_peak_bytes >> 20,
			(unsigned long long)large.pages_bytes >> 20,
			(unsigned long long)large.host_peak_bytes >> 20);
		assert_true(large.pages_bytes > small.pages_bytes + 4 * SLACK_BYTES);
		assert_true(large.host_peak_bytes < small.host_peak_bytes + SLACK_BYTES);
	}
	assert_int_equal(remote_end(&r), 0);
	remote_remove(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bounded)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

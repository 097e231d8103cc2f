/* What memory a host takes for scans does not follow from the size of the table. Toy rings; the host is a
 * process of its own, on the real disk. */
#include "engine/fixture.h"

#include "bgv/toy_rings.h"
#include "tfhe/toy_params.h"

#include <ftw.h>
#include <malloc.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { PAGE_ROWS = 992, BATCH = 8, GROUPS = 4 };
enum { SMALL_PAGES = 2 * BATCH, LARGE_PAGES = 6 * BATCH, SLACK_BYTES = 8 << 20 };

struct remote {
	amt_key *key;
	char folder[64];
	amt_session *session;
	pid_t pid;
	int end;
};

static void connect_remote(struct remote *r)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0) {
		(void)close(ends[0]);
		/* What is freed goes back at once, or some megabytes of it would count. */
		(void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
		/* With more threads it is chance how many take part in a short scan. */
		amt_host_options o = {.database = r->folder, .threads = 1};
		amt_status s = amt_host_serve(&o, ends[1], ends[1]);
		_exit(amt_ok(s) ? 0 : 1);
	}
	(void)close(ends[1]);
	r->end = ends[0];
	amt_session_options o = {.key = r->key, .use_fds = true, .in_fd = r->end, .out_fd = r->end};
	OK(amt_session_open(&r->session, &o));
}

static void end_remote(struct remote *r)
{
	int status;
	amt_session_close(r->session);
	(void)close(r->end);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	assert_int_equal(status, 0);
}

static int remove_one(const char *path, const struct stat *s, int flag, struct FTW *where)
{
	(void)s;
	(void)flag;
	(void)where;
	return remove(path);
}

static void fill(struct remote *r, const char *table, unsigned pages)
{
	char sql[200];
	amt_result *result;
	(void)snprintf(sql, sizeof(sql),
		"CREATE TABLE %s (a u32(scan) not null, g u8(scan) not null CHECK (g BETWEEN 0 AND 3))"
		" WITH (scan_ring = 10)",
		table);
	OK(amt_execute(r->session, sql, &result));
	amt_result_free(result);
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
	struct remote r = {.key = engine_key(TOY_PARAMS)};
	(void)strcpy(r.folder, "/tmp/amaters-scan-bound-XXXXXX");
	assert_non_null(mkdtemp(r.folder));
	connect_remote(&r);
	fill(&r, "small", SMALL_PAGES);
	fill(&r, "large", LARGE_PAGES);
	end_remote(&r);
	connect_remote(&r);
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
	end_remote(&r);
	(void)nftw(r.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	amt_key_free(r.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(bounded)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tables with scan pages when the power goes or the host is killed: every change (rows, pages, validities,
 * owner state) is there whole or not at all, what was acknowledged is there, and no file is left over.
 * Toy rings. */
#include "engine/fixture.h"

#include "bgv/toy_rings.h"
#include "os/io_sim.h"
#include "tfhe/toy_params.h"

#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

static bool light(void)
{
	return getenv("AMT_TEST_LIGHT") != NULL;
}

/* ---- power cuts, on the simulated disk */

enum { STEPS = 7 };

static const char create[] =
	"CREATE TABLE t (a u8(scan) not null, b bool(scan), c text) WITH (scan_ring = 10)";
static const char *const step[STEPS] = {
	"INSERT INTO t VALUES (1, true, 'x'), (2, false, 'y'), (3, NULL, 'z'), (4, true, NULL)",
	"REPACK",
	"DELETE FROM t WHERE a = 2",
	"INSERT INTO t VALUES (50, true, 'w')",
	"UPDATE t SET a = 60 WHERE a <= 3",
	"REPACK",
	"DELETE FROM t WHERE a > 59",
};
/* count(*) and sum(a) after each. */
static const char *const expected[STEPS + 1] = {
	"0 NULL", "4 10", "4 10", "3 8", "4 58", "4 174", "4 174", "2 54"};

static amt_status open_host(struct engine *e)
{
	struct store_options options = {.inline_background = true};
	e->host = NULL;
	TRY(host_open(&e->host, e->io, "db", &options, 1));
	TRY(engine_connect(e, (amt_session_options){0}));
	e->session->batch_bytes = 1000; /* three rows: so that repacking takes several changes */
	return STATUS_OK;
}

static void close_host(struct engine *e)
{
	if (e->host == NULL)
		return;
	engine_disconnect(e);
	amt_status s = host_close(e->host);
	amt_status_clear(&s);
	e->host = NULL;
}

static amt_status run_step(struct engine *e, int i)
{
	amt_result *r = NULL;
	amt_status s = strcmp(step[i], "REPACK") == 0 ? amt_repack(e->session, "t", &r)
						      : amt_execute(e->session, step[i], &r);
	amt_result_free(r);
	return s;
}

static void state_of(struct engine *e, char out[64])
{
	amt_result *r = engine_run(e, "SELECT count(*), sum(a) FROM t WHERE a >= 0");
	const char *sum = amt_result_cell(r, 0, 1);
	(void)snprintf(out, 64, "%s %s", amt_result_cell(r, 0, 0), sum != NULL ? sum : "NULL");
	amt_result_free(r);
}

/* Files of segments, and those that keys name. */
static void check_files(struct engine *e)
{
	struct io_names names;
	uint64_t count, bytes, damaged, files = 0;
	OK(host_segments_count(e->host, &count, &bytes, &damaged));
	assert_int_equal(damaged, 0);
	OK(io_list(e->io, "db", &names));
	for (size_t i = 0; i < names.count; i++)
		files += strstr(names.names[i], ".segment") != NULL;
	io_names_free(&names);
	assert_int_equal(files, count);
}

/* A disk with the table made, to begin from. */
static void prepare(struct engine *e)
{
	*e = (struct engine){.key = engine_key(TOY_PARAMS)};
	OK(io_sim_new(&e->io, 11));
	OK(open_host(e));
	engine_do(e, create);
	close_host(e);
}

static int run_script(struct engine *e)
{
	int done = 0;
	amt_status s = open_host(e);
	while (amt_ok(s) && done < STEPS) {
		s = run_step(e, done);
		done += amt_ok(s);
	}
	amt_status_clear(&s);
	close_host(e);
	return done;
}

static void check_after(struct engine *e, int done)
{
	char state[64], again[64];
	uint64_t rows;
	OK(open_host(e));
	state_of(e, state);
	if (strcmp(state, expected[done]) != 0 &&
		(done == STEPS || strcmp(state, expected[done + 1]) != 0))
		fail_msg("after step %d: %s", done, state);
	OK(amt_audit(e->session, "t", &rows));
	check_files(e);
	/* Repacking does away with what an interrupted one left. */
	OK(amt_repack(e->session, "t", NULL));
	state_of(e, again);
	assert_string_equal(again, state);
	OK(amt_audit(e->session, "t", &rows));
	assert_int_equal(e->session->tables, 1);
	check_files(e);
	close_host(e);
}

static void power_cuts(void **state)
{
	(void)state;
	struct engine first;
	prepare(&first);
	struct engine whole = {.key = first.key};
	OK(io_sim_clone(first.io, &whole.io));
	io_sim_fail_at(whole.io, 0);
	assert_int_equal(run_script(&whole), STEPS);
	uint64_t calls = io_sim_calls(whole.io), stride = light() ? 37 : 3;
	io_free(whole.io);
	for (uint64_t k = 1; k <= calls; k += stride) {
		struct engine e = {.key = first.key};
		OK(io_sim_clone(first.io, &e.io));
		io_sim_kill_at(e.io, k);
		int done = run_script(&e);
		OK(io_sim_crash(e.io));
		check_after(&e, done);
		io_free(e.io);
	}
	io_free(first.io);
	amt_key_free(first.key);
}

/* One call fails; the host goes on, and reopened all is as it should be. */
static void failures(void **state)
{
	(void)state;
	struct engine first;
	prepare(&first);
	for (uint64_t k = 2;; k += light() ? 41 : 5) {
		struct engine e = {.key = first.key};
		OK(io_sim_clone(first.io, &e.io));
		io_sim_fail_at(e.io, k);
		int done = run_script(&e);
		bool over = io_sim_calls(e.io) < k;
		io_sim_fail_at(e.io, 0);
		check_after(&e, done);
		io_free(e.io);
		if (over)
			break;
	}
	io_free(first.io);
	amt_key_free(first.key);
}

/* ---- a host killed at any time, on the real one */

struct remote {
	amt_key *key;
	char folder[64];
	amt_session *session;
	pid_t pid;
	int end;
};

static int remove_one(const char *path, const struct stat *s, int flag, struct FTW *where)
{
	(void)s;
	(void)flag;
	(void)where;
	return remove(path);
}

static amt_status connect_remote(struct remote *r)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0) {
		(void)close(ends[0]);
		amt_host_options o = {.database = r->folder, .threads = 1};
		amt_status s = amt_host_serve(&o, ends[1], ends[1]);
		_exit(amt_ok(s) ? 0 : 1);
	}
	(void)close(ends[1]);
	r->end = ends[0];
	amt_session_options o = {.key = r->key, .use_fds = true, .in_fd = r->end, .out_fd = r->end};
	amt_status s = amt_session_open(&r->session, &o);
	if (!amt_ok(s))
		r->session = NULL;
	return s;
}

static void end_remote(struct remote *r)
{
	int status;
	amt_session_close(r->session);
	r->session = NULL;
	(void)close(r->end);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
}

struct killer {
	pid_t pid;
	unsigned delay_us;
};

static void *kill_later(void *context)
{
	struct killer *k = context;
	(void)usleep(k->delay_us);
	(void)kill(k->pid, SIGKILL);
	return NULL;
}

static long number(struct remote *r, const char *sql)
{
	amt_result *result;
	OK(amt_execute(r->session, sql, &result));
	long n = strtol(amt_result_cell(result, 0, 0), NULL, 10);
	amt_result_free(result);
	return n;
}

static amt_status run(struct remote *r, const char *sql)
{
	amt_result *result = NULL;
	amt_status s = amt_execute(r->session, sql, &result);
	amt_result_free(result);
	return s;
}

static void killed(void **state)
{
	(void)state;
	struct remote r = {.key = engine_key(TOY_PARAMS)};
	(void)strcpy(r.folder, "/tmp/amaters-scan-crash-XXXXXX");
	assert_non_null(mkdtemp(r.folder));
	OK(connect_remote(&r));
	OK(run(&r, create));
	end_remote(&r);
	long there = 0;
	srand(5);
	for (unsigned i = 0; i < (light() ? 3u : 15u); i++) {
		OK(connect_remote(&r));
		long now = number(&r, "SELECT count(*) FROM t WHERE a < 200");
		assert_true(now == there || now == there + 2);
		there = now;
		uint64_t audited;
		OK(amt_audit(r.session, "t", &audited));
		struct killer k = {r.pid, (unsigned)rand() % 150000};
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, kill_later, &k), 0);
		amt_status s = STATUS_OK;
		for (unsigned n = 0; amt_ok(s); n++) {
			s = run(&r, "INSERT INTO t VALUES (1, true, 'x'), (2, false, NULL)");
			there += amt_ok(s) ? 2 : 0;
			if (amt_ok(s) && n % 2 == 0)
				s = run(&r, "UPDATE t SET c = 'new' WHERE a = 1");
			if (amt_ok(s) && n % 3 == 0)
				s = amt_repack(r.session, "t", NULL);
		}
		amt_status_clear(&s);
		(void)pthread_join(thread, NULL);
		end_remote(&r);
	}
	(void)nftw(r.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	amt_key_free(r.key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_cuts),
		cmocka_unit_test(failures),
		cmocka_unit_test(killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

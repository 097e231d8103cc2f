/* A host process killed with SIGKILL at any time, during inserts and updates: whatever was acknowledged
 * is there afterwards, nothing is there by half, and table and owner state agree. Toy parameters. */
#include "engine/fixture.h"

#include "tfhe/toy_params.h"

#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

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

static int setup(void **state)
{
	struct remote *r;
	OK(mem_zalloc(&r, sizeof(*r)));
	(void)strcpy(r->folder, "/tmp/amaters-crash-XXXXXX");
	assert_non_null(mkdtemp(r->folder));
	r->key = engine_key(TOY_PARAMS);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct remote *r = *state;
	(void)nftw(r->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	amt_key_free(r->key);
	mem_free(r);
	return 0;
}

/* A host in a process of its own. */
static pid_t start(const char *folder, int *end)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(ends[0]);
		amt_host_options o = {.database = folder, .threads = 1};
		amt_status s = amt_host_serve(&o, ends[1], ends[1]);
		_exit(amt_ok(s) ? 0 : 1);
	}
	(void)close(ends[1]);
	*end = ends[0];
	return pid;
}

static amt_status connect_remote(struct remote *r)
{
	r->pid = start(r->folder, &r->end);
	amt_session_options o = {.key = r->key, .use_fds = true, .in_fd = r->end, .out_fd = r->end};
	amt_status s = amt_session_open(&r->session, &o);
	if (!amt_ok(s))
		r->session = NULL;
	return s;
}

static int end_remote(struct remote *r)
{
	int status;
	amt_session_close(r->session);
	r->session = NULL;
	(void)close(r->end);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	return status;
}

static amt_status run(struct remote *r, const char *sql)
{
	amt_result *result = NULL;
	amt_status s = amt_execute(r->session, sql, &result);
	amt_result_free(result);
	return s;
}

static long number(struct remote *r, const char *sql)
{
	amt_result *result;
	OK(amt_execute(r->session, sql, &result));
	const char *cell = amt_result_cell(result, 0, 0);
	long n = cell != NULL ? strtol(cell, NULL, 10) : -1;
	amt_result_free(result);
	return n;
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

static bool light(void)
{
	return getenv("AMT_TEST_LIGHT") != NULL;
}

static void killed_while_inserting(void **state)
{
	struct remote *r = *state;
	OK(connect_remote(r));
	OK(run(r, "CREATE TABLE t (a u16 not null, b text)"));
	assert_int_equal(end_remote(r), 0);
	long acknowledged = 0;
	srand(7);
	for (unsigned i = 0; i < (light() ? 4u : 25u); i++) {
		OK(connect_remote(r));
		long there = number(r, "SELECT count(*) FROM t");
		/* What was under way may have become durable or not, but only as a whole. */
		assert_true(there == acknowledged || there == acknowledged + 3);
		acknowledged = there;
		uint64_t audited;
		OK(amt_audit(r->session, "t", &audited));
		assert_int_equal(audited, there);
		struct killer k = {r->pid, (unsigned)rand() % 30000};
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, kill_later, &k), 0);
		amt_status s = STATUS_OK;
		while (amt_ok(s)) {
			s = run(r, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, NULL)");
			acknowledged += amt_ok(s) ? 3 : 0;
		}
		amt_code code = amt_status_code(s);
		amt_status_clear(&s);
		assert_true(code == AMT_CLOSED || code == AMT_TRUNCATED || code == AMT_IO);
		(void)pthread_join(thread, NULL);
		(void)end_remote(r);
	}
	assert_true(acknowledged > 0);
}

static void killed_while_updating(void **state)
{
	struct remote *r = *state;
	OK(connect_remote(r));
	OK(run(r, "CREATE TABLE u (a u8 not null, b u8 not null)"));
	OK(run(r, "INSERT INTO u VALUES (0, 1), (0, 2), (0, 3), (0, 4)"));
	assert_int_equal(end_remote(r), 0);
	long value = 0;
	for (unsigned i = 0; i < (light() ? 3u : 15u); i++) {
		OK(connect_remote(r));
		long sum = number(r, "SELECT sum(a) FROM u");
		/* All four rows or none: the sum is a multiple of four. */
		assert_true(sum == 4 * value || sum == 4 * (value + 1));
		value = sum / 4;
		struct killer k = {r->pid, (unsigned)rand() % 60000};
		pthread_t thread;
		assert_int_equal(pthread_create(&thread, NULL, kill_later, &k), 0);
		amt_status s = STATUS_OK;
		while (amt_ok(s) && value < 250) {
			s = run(r, "UPDATE u SET a = a + 1 WHERE b < 9");
			value += amt_ok(s);
		}
		amt_status_clear(&s);
		(void)pthread_join(thread, NULL);
		(void)end_remote(r);
	}
}

static void one_host_a_folder(void **state)
{
	struct remote *r = *state;
	OK(connect_remote(r));
	struct remote second = *r;
	FAILS(AMT_LOCKED, connect_remote(&second));
	assert_int_not_equal(end_remote(&second), 0);
	OK(run(r, "CREATE TABLE v (a u8)"));
	assert_int_equal(end_remote(r), 0);
}

/* A folder that was copied back is caught by the local memory. */
static void restored_copy(void **state)
{
	struct remote *r = *state;
	char command[256], memory[96];
	(void)snprintf(memory, sizeof(memory), "%s.memory", r->folder);
	OK(connect_remote(r));
	OK(run(r, "CREATE TABLE w (a u8)"));
	assert_int_equal(end_remote(r), 0);
	(void)snprintf(command, sizeof(command), "cp -r %s %s.old", r->folder, r->folder);
	assert_int_equal(system(command), 0);
	for (int again = 0; again < 3; again++) {
		r->pid = start(r->folder, &r->end);
		amt_session_options o = {.key = r->key,
			.use_fds = true,
			.in_fd = r->end,
			.out_fd = r->end,
			.memory = memory};
		amt_status s = amt_session_open(&r->session, &o);
		if (again < 2) {
			OK(s);
			if (again == 0)
				OK(run(r, "INSERT INTO w VALUES (1)"));
		} else {
			r->session = NULL;
			FAILS(AMT_INTEGRITY, s);
		}
		(void)end_remote(r);
		if (again == 1) {
			(void)snprintf(command, sizeof(command), "rm -r %s && mv %s.old %s",
				r->folder, r->folder, r->folder);
			assert_int_equal(system(command), 0);
		}
	}
	(void)unlink(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed_while_inserting, setup, teardown),
		cmocka_unit_test_setup_teardown(killed_while_updating, setup, teardown),
		cmocka_unit_test_setup_teardown(one_host_a_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(restored_copy, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Tables with scan pages when the power goes or the host is killed: every change (rows, pages, validities,
 * owner state) is there whole or not at all, what was acknowledged is there, and no file is left over.
 * Toy rings. */
#include "engine/host_process.h"

#include "bgv/toy_rings.h"
#include "os/io_sim.h"
#include "tfhe/toy_params.h"

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

static void killed(void **state)
{
	(void)state;
	struct remote r;
	remote_make(&r, TOY_PARAMS);
	OK(remote_connect(&r, NULL));
	OK(remote_run(&r, create));
	assert_int_equal(remote_end(&r), 0);
	long there = 0;
	srand(5);
	for (unsigned i = 0; i < (light() ? 3u : 15u); i++) {
		OK(remote_connect(&r, NULL));
		long now = remote_number(&r, "SELECT count(*) FROM t WHERE a < 200");
		assert_true(now == there || now == there + 2);
		there = now;
		uint64_t audited;
		OK(amt_audit(r.session, "t", &audited));
		struct killer k;
		killer_start(&k, &r, (unsigned)rand() % 150000);
		amt_status s = STATUS_OK;
		for (unsigned n = 0; amt_ok(s); n++) {
			s = remote_run(&r, "INSERT INTO t VALUES (1, true, 'x'), (2, false, NULL)");
			there += amt_ok(s) ? 2 : 0;
			if (amt_ok(s) && n % 2 == 0)
				s = remote_run(&r, "UPDATE t SET c = 'new' WHERE a = 1");
			if (amt_ok(s) && n % 3 == 0)
				s = amt_repack(r.session, "t", NULL);
		}
		amt_status_clear(&s);
		(void)pthread_join(k.thread, NULL);
		(void)remote_end(&r);
	}
	remote_remove(&r);
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

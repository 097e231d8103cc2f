/* A host process killed with SIGKILL at any time, during inserts and updates: whatever was acknowledged
 * is there afterwards, nothing is there by half, and table and owner state agree. Toy parameters. */
#include "engine/host_process.h"

#include "tfhe/toy_params.h"

static int setup(void **state)
{
	struct remote *r;
	OK(mem_zalloc(&r, sizeof(*r)));
	remote_make(r, TOY_PARAMS);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	remote_remove(*state);
	mem_free(*state);
	return 0;
}

static void killed_while_inserting(void **state)
{
	struct remote *r = *state;
	OK(remote_connect(r, NULL));
	OK(remote_run(r, "CREATE TABLE t (a u16 not null, b text)"));
	assert_int_equal(remote_end(r), 0);
	long acknowledged = 0;
	srand(7);
	for (unsigned i = 0; i < (light() ? 4u : 25u); i++) {
		OK(remote_connect(r, NULL));
		long there = remote_number(r, "SELECT count(*) FROM t");
		/* What was under way may have become durable or not, but only as a whole. */
		assert_true(there == acknowledged || there == acknowledged + 3);
		acknowledged = there;
		uint64_t audited;
		OK(amt_audit(r->session, "t", &audited));
		assert_int_equal(audited, there);
		struct killer k;
		killer_start(&k, r, (unsigned)rand() % 30000);
		amt_status s = STATUS_OK;
		while (amt_ok(s)) {
			s = remote_run(r, "INSERT INTO t VALUES (1, 'x'), (2, 'y'), (3, NULL)");
			acknowledged += amt_ok(s) ? 3 : 0;
		}
		amt_code code = amt_status_code(s);
		amt_status_clear(&s);
		assert_true(code == AMT_CLOSED || code == AMT_TRUNCATED || code == AMT_IO);
		(void)pthread_join(k.thread, NULL);
		(void)remote_end(r);
	}
	assert_true(acknowledged > 0);
}

static void killed_while_updating(void **state)
{
	struct remote *r = *state;
	OK(remote_connect(r, NULL));
	OK(remote_run(r, "CREATE TABLE u (a u8 not null, b u8 not null)"));
	OK(remote_run(r, "INSERT INTO u VALUES (0, 1), (0, 2), (0, 3), (0, 4)"));
	assert_int_equal(remote_end(r), 0);
	long value = 0;
	for (unsigned i = 0; i < (light() ? 3u : 15u); i++) {
		OK(remote_connect(r, NULL));
		long sum = remote_number(r, "SELECT sum(a) FROM u");
		/* All four rows or none: the sum is a multiple of four. */
		assert_true(sum == 4 * value || sum == 4 * (value + 1));
		value = sum / 4;
		struct killer k;
		killer_start(&k, r, (unsigned)rand() % 60000);
		amt_status s = STATUS_OK;
		while (amt_ok(s) && value < 250) {
			s = remote_run(r, "UPDATE u SET a = a + 1 WHERE b < 9");
			value += amt_ok(s);
		}
		amt_status_clear(&s);
		(void)pthread_join(k.thread, NULL);
		(void)remote_end(r);
	}
}

static void one_host_a_folder(void **state)
{
	struct remote *r = *state;
	OK(remote_connect(r, NULL));
	struct remote second = *r;
	FAILS(AMT_LOCKED, remote_connect(&second, NULL));
	assert_int_not_equal(remote_end(&second), 0);
	OK(remote_run(r, "CREATE TABLE v (a u8)"));
	assert_int_equal(remote_end(r), 0);
}

/* A folder that was copied back is caught by the local memory. */
static void restored_copy(void **state)
{
	struct remote *r = *state;
	char command[256], memory[96];
	(void)snprintf(memory, sizeof(memory), "%s.memory", r->folder);
	OK(remote_connect(r, NULL));
	OK(remote_run(r, "CREATE TABLE w (a u8)"));
	assert_int_equal(remote_end(r), 0);
	(void)snprintf(command, sizeof(command), "cp -r %s %s.old", r->folder, r->folder);
	assert_int_equal(system(command), 0);
	for (int again = 0; again < 3; again++) {
		amt_status s = remote_connect(r, memory);
		if (again < 2) {
			OK(s);
			if (again == 0)
				OK(remote_run(r, "INSERT INTO w VALUES (1)"));
		} else {
			FAILS(AMT_INTEGRITY, s);
		}
		(void)remote_end(r);
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

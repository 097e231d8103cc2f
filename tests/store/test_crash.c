/* Crashes and faults, on the simulated disk: a kill at every I/O call, an error at every I/O call, a
 * failure of every allocation, a full disk, a flip of every byte; and SIGKILL on the real one.
 *
 * All run a script: a list of operations that follows from a seed, with the states it goes through.
 */
#include "model.h"

#include "os/io_sim.h"
#include "folder.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPS = 48, UNIVERSE = 12 };

enum op_kind { OP_WRITE, OP_FLUSH, OP_REOPEN, OP_READ };

struct op {
	enum op_kind kind;
	struct store_batch *batch;
};

struct script {
	struct op ops[OPS];
	struct model states[OPS + 1]; /* states[i]: after the first i operations */
	struct store_options options;
};

static void make_op(struct random *r, struct op *op, struct model *m)
{
	struct buf value = {0};
	char text[512];
	uint64_t kind = below(r, 16);
	op->kind = kind == 0 ? OP_FLUSH : kind == 1 ? OP_REOPEN : kind < 4 ? OP_READ : OP_WRITE;
	if (op->kind == OP_WRITE) {
		OK(store_batch_new(&op->batch));
		size_t most = below(r, 6) == 0 ? 3000 : 120;
		for (uint64_t n = 1 + below(r, 3); n > 0; n--) {
			struct span k = random_key(r, text, UNIVERSE);
			if (below(r, 4) == 0) {
				OK(store_batch_delete(op->batch, k));
				model_delete(m, k);
			} else {
				struct span v = random_value(r, &value, most);
				OK(store_batch_put(op->batch, k, v));
				model_put(m, k, v);
			}
		}
	}
	buf_free(&value);
}

static struct script new_script(uint64_t seed, struct store_options options)
{
	struct script p = {.options = options};
	struct random r = {seed};
	for (size_t i = 0; i < OPS; i++) {
		p.states[i + 1] = model_copy(&p.states[i]);
		make_op(&r, &p.ops[i], &p.states[i + 1]);
	}
	return p;
}

static void free_script(struct script *p)
{
	for (size_t i = 0; i < OPS; i++)
		store_batch_free(p->ops[i].batch);
	for (size_t i = 0; i <= OPS; i++)
		model_free(&p->states[i]);
}

static struct store_options tiny(void)
{
	return (struct store_options){
		.memtable_bytes = 2048, .table_block_bytes = 256, .inline_background = true};
}

/* Reads everything; a wrong answer is a failed test, an error is returned. */
static amt_status check_state(const struct model *m, struct store *s)
{
	struct model seen = {0};
	amt_status st = model_read(&seen, s, NULL);
	if (amt_ok(st))
		assert_true(model_equal(&seen, m));
	model_free(&seen);
	return st;
}

static amt_status run_op(struct store **s, struct io *io, const struct script *p, size_t i)
{
	switch (p->ops[i].kind) {
	case OP_WRITE:
		return store_write(*s, p->ops[i].batch);
	case OP_FLUSH:
		return i % 3 == 0 ? store_erase(*s) : store_flush(*s);
	case OP_READ:
		return check_state(&p->states[i], *s);
	case OP_REOPEN:
		break;
	}
	struct store *old = *s;
	*s = NULL;
	TRY(store_close(old));
	return store_open(s, io, "db", &p->options);
}

/* Runs the script until something fails; *done: operations that succeeded. */
static void run_script(struct io *io, const struct script *p, size_t *done)
{
	struct store *s = NULL;
	*done = 0;
	amt_status st = store_open(&s, io, "db", &p->options);
	for (size_t i = 0; i < OPS && amt_ok(st); i++) {
		st = run_op(&s, io, p, i);
		*done += amt_ok(st);
	}
	amt_status_clear(&st);
	status_drop(store_close(s));
}

/* The store holds states[i] for some i in [low, high]; which is returned. */
static size_t check_prefix(const struct script *p, struct store *s, size_t low, size_t high)
{
	struct model seen = {0};
	OK(model_read(&seen, s, NULL));
	size_t i = high > OPS ? OPS : high;
	while (i > low && !model_equal(&seen, &p->states[i]))
		i--;
	assert_true(model_equal(&seen, &p->states[i]));
	model_free(&seen);
	return i;
}

static uint64_t count_calls(const struct script *p)
{
	struct io *io;
	size_t done;
	OK(io_sim_new(&io, 0));
	io_sim_fail_at(io, 0);
	run_script(io, p, &done);
	assert_int_equal(done, OPS);
	uint64_t calls = io_sim_calls(io);
	io_free(io);
	return calls;
}

static void kill_everywhere(uint64_t seed, enum store_sync sync, uint64_t stride)
{
	struct store_options options = tiny();
	options.sync = sync;
	options.sync_interval_ms = 1000000;
	struct script p = new_script(seed, options);
	uint64_t calls = count_calls(&p);
	assert_true(calls > 200);
	for (uint64_t k = 1 + seed % stride; k <= calls; k += stride) {
		struct io *io;
		struct store *s;
		size_t done;
		OK(io_sim_new(&io, seed * 1000003 + k));
		io_sim_short_transfers(io, k % 2);
		io_sim_kill_at(io, k);
		run_script(io, &p, &done);
		OK(io_sim_crash(io));
		size_t low = sync == STORE_SYNC_ALWAYS ? done : 0;
		for (uint64_t again = 0; again < k % 3; again++) { /* and while it recovers */
			io_sim_kill_at(io, 1 + (k * 7 + again * 13) % 40);
			amt_status st = store_open(&s, io, "db", &p.options);
			if (amt_ok(st))
				st = store_close(s);
			amt_status_clear(&st);
			OK(io_sim_crash(io));
		}
		OK(store_open(&s, io, "db", &p.options));
		size_t now = check_prefix(&p, s, low, done + 1);
		/* What was seen once stays: recovery made it durable. */
		OK(store_close(s));
		OK(io_sim_crash(io));
		OK(store_open(&s, io, "db", &p.options));
		OK(check_state(&p.states[now], s));
		OK(store_put(s, span_str("after"), span_str("crash")));
		OK(store_close(s));
		io_free(io);
	}
	free_script(&p);
}

static void a_kill_at_any_call_loses_nothing_acknowledged(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 3; seed++)
		kill_everywhere(seed, STORE_SYNC_ALWAYS, 1);
	for (uint64_t seed = 4; seed <= 9; seed++)
		kill_everywhere(seed, STORE_SYNC_ALWAYS, 7);
}

static void without_syncs_a_prefix_survives(void **state)
{
	(void)state;
	kill_everywhere(21, STORE_SYNC_NONE, 1);
	kill_everywhere(22, STORE_SYNC_INTERVAL, 2);
	kill_everywhere(23, STORE_SYNC_NONE, 2);
}

/* Finishes operation i after `st` failed it. The store may have become read-only: then it is
 * reopened, and has the operation or not. */
static void finish_op(
	struct store **s, struct io *io, const struct script *p, size_t i, amt_status st)
{
	amt_status_clear(&st);
	if (*s != NULL) {
		st = run_op(s, io, p, i);
		if (amt_ok(st))
			return;
		assert_int_equal(amt_status_code(st), AMT_IO);
		amt_status_clear(&st);
	}
	status_drop(store_close(*s));
	OK(store_open(s, io, "db", &p->options));
	if (check_prefix(p, *s, i, i + 1) == i && p->ops[i].kind == OP_WRITE)
		OK(run_op(s, io, p, i));
}

static void an_error_at_any_call_is_survived(void **state)
{
	(void)state;
	for (uint64_t seed = 31; seed <= 33; seed++) {
		struct script p = new_script(seed, tiny());
		uint64_t calls = count_calls(&p);
		for (uint64_t k = 1; k <= calls; k++) {
			struct io *io;
			struct store *s = NULL;
			OK(io_sim_new(&io, k));
			io_sim_fail_at(io, k);
			amt_status st = store_open(&s, io, "db", &p.options);
			if (!amt_ok(st)) {
				amt_status_clear(&st);
				OK(store_open(&s, io, "db", &p.options));
			}
			for (size_t i = 0; i < OPS; i++) {
				st = run_op(&s, io, &p, i);
				if (!amt_ok(st))
					finish_op(&s, io, &p, i, st);
			}
			/* The failing call may still be to come. */
			status_drop(check_state(&p.states[OPS], s));
			status_drop(store_close(s));
			io_sim_fail_at(io, 0);
			OK(store_open(&s, io, "db", &p.options));
			OK(check_state(&p.states[OPS], s));
			OK(store_close(s));
			io_free(io);
		}
		free_script(&p);
	}
}

static void any_allocation_may_fail(void **state)
{
	(void)state;
	for (uint64_t seed = 41; seed <= 43; seed++) {
		struct script p = new_script(seed, tiny());
		struct io *io;
		struct store *s = NULL;
		OK(io_sim_new(&io, seed));
		size_t failures = 0;
		for (size_t n = 1;; n++) {
			mem_fail_nth(n);
			amt_status st = store_open(&s, io, "db", &p.options);
			bool reached = mem_fail_nth(0) >= n;
			if (amt_ok(st) && !reached)
				break;
			failures += reached;
			if (!amt_ok(st)) { /* and the next one cleans up */
				amt_status_clear(&st);
				OK(store_open(&s, io, "db", &p.options));
			}
			OK(store_close(s));
		}
		for (size_t i = 0; i < OPS; i++) {
			for (size_t n = 1; p.ops[i].kind != OP_READ; n++) {
				mem_fail_nth(n);
				amt_status st = run_op(&s, io, &p, i);
				bool reached = mem_fail_nth(0) >= n;
				failures += reached;
				if (amt_ok(st))
					break;
				amt_code code = amt_status_code(st);
				amt_status_clear(&st);
				if (s != NULL && code == AMT_IO) { /* read-only by now */
					finish_op(&s, io, &p, i, STATUS_OK);
					break;
				}
				if (s == NULL)
					OK(store_open(&s, io, "db", &p.options));
				/* Perhaps of an earlier flush, told to the first who waits for it. */
				assert_int_equal(code, AMT_OUT_OF_MEMORY);
				check_prefix(&p, s, i, i);
			}
			OK(check_state(&p.states[i + 1], s));
		}
		assert_true(failures > 200);
		OK(store_close(s));
		io_free(io);
		free_script(&p);
	}
}

static void reads_survive_failing_allocations(void **state)
{
	(void)state;
	struct script p = new_script(44, tiny());
	struct io *io;
	struct store *s;
	size_t done, failures = 0;
	OK(io_sim_new(&io, 44));
	run_script(io, &p, &done);
	assert_int_equal(done, OPS);
	OK(store_open(&s, io, "db", &p.options));
	const struct model *m = &p.states[OPS];
	for (size_t n = 1;; n++) {
		struct store_iterator *it = NULL;
		struct store_snapshot *snapshot = NULL;
		struct buf value = {0};
		bool valid = true, present;
		mem_fail_nth(n);
		amt_status st = store_snapshot_new(s, &snapshot);
		if (amt_ok(st))
			st = store_iterator_new(
				s, snapshot, span_of(NULL, 0), span_of(NULL, 0), 0, &it);
		for (size_t i = m->count; amt_ok(st) && i-- > 0;) {
			st = store_iterator_prev(it, &valid);
			if (amt_ok(st))
				assert_true(valid && span_equal(store_iterator_key(it),
							     buf_span(&m->pairs[i].key)));
			buf_clear(&value);
			if (amt_ok(st))
				st = store_get(s, snapshot, buf_span(&m->pairs[i].key), &value);
			if (amt_ok(st))
				assert_true(
					span_equal(buf_span(&value), buf_span(&m->pairs[i].value)));
			if (amt_ok(st))
				st = store_contains(s, NULL, buf_span(&m->pairs[i].key), &present);
		}
		bool reached = mem_fail_nth(0) >= n;
		failures += !amt_ok(st);
		bool finished = amt_ok(st) && !reached;
		assert_true(amt_ok(st) || amt_status_code(st) == AMT_OUT_OF_MEMORY);
		amt_status_clear(&st);
		store_iterator_free(it);
		store_snapshot_free(s, snapshot);
		buf_free(&value);
		if (finished)
			break;
	}
	assert_true(failures > 20);
	OK(store_close(s));
	io_free(io);
	free_script(&p);
}

static void a_full_disk_is_reported_and_survived(void **state)
{
	(void)state;
	for (uint64_t capacity = 3000; capacity < 60000; capacity += 1700) {
		struct script p = new_script(capacity, tiny());
		struct io *io;
		struct store *s = NULL;
		size_t i = 0;
		OK(io_sim_new(&io, capacity));
		io_sim_capacity(io, capacity);
		amt_status st = store_open(&s, io, "db", &p.options);
		for (; i < OPS && amt_ok(st); i++)
			st = run_op(&s, io, &p, i);
		if (!amt_ok(st)) {
			assert_int_equal(amt_status_code(st), AMT_DISK_FULL);
			i -= i > 0;
			if (s != NULL) /* reads go on */
				check_prefix(&p, s, i, i + 1);
		}
		io_sim_capacity(io, 0);
		amt_status_clear(&st);
		status_drop(store_close(s));
		OK(store_open(&s, io, "db", &p.options));
		check_prefix(&p, s, i, i + 1);
		OK(store_close(s));
		io_free(io);
		free_script(&p);
	}
}

static void a_flipped_byte_is_an_error_or_harmless(void **state)
{
	(void)state;
	struct script p = new_script(51, tiny());
	p.options.memtable_bytes = 4096;
	struct io *io;
	struct io_names names;
	size_t done, errors = 0, harmless = 0;
	OK(io_sim_new(&io, 51));
	run_script(io, &p, &done);
	assert_int_equal(done, OPS);
	OK(io_list(io, "db", &names));
	assert_true(names.count >= 5); /* CURRENT, LOCK, manifest, log, table */
	for (size_t n = 0; n < names.count; n++) {
		char *path;
		struct io_file *f;
		uint64_t size;
		OK(io_path(&path, "db", names.names[n]));
		OK(io_open(io, path, IO_READ, &f));
		OK(io_size(f, &size));
		io_close(f);
		for (uint64_t at = 0; at < size; at++) {
			struct io *copy;
			struct store *s;
			OK(io_sim_clone(io, &copy));
			OK(io_sim_flip(copy, path, at, (uint8_t)(1 << (at * 5 % 8))));
			amt_status st = store_open(&s, copy, "db", &p.options);
			if (amt_ok(st)) {
				st = check_state(&p.states[OPS], s);
				status_drop(store_close(s));
			}
			errors += !amt_ok(st);
			harmless += amt_ok(st);
			amt_code code = amt_status_code(st);
			assert_true(code == AMT_OK || code == AMT_CORRUPTION ||
				    code == AMT_TRUNCATED || code == AMT_UNKNOWN_VERSION);
			amt_status_clear(&st);
			io_free(copy);
		}
		mem_free(path);
	}
	io_names_free(&names);
	assert_true(errors > 3000 && harmless < 100); /* the clean-end frame, padding */
	io_free(io);
	free_script(&p);
}

/* The child writes numbered batches and tells each acknowledgement through the pipe. */
static void write_until_killed(const char *folder, int pipe_end, uint64_t from)
{
	struct io *io;
	struct store *s;
	const struct store_options options = {.memtable_bytes = 8192, .table_block_bytes = 512};
	OK(io_posix_new(&io));
	OK(store_open(&s, io, folder, &options));
	for (uint64_t n = from;; n++) {
		struct store_batch *b;
		char key[32];
		OK(store_batch_new(&b));
		(void)snprintf(key, sizeof(key), "n%06llu", (unsigned long long)n);
		OK(store_batch_put(b, span_str(key), span_of(&n, sizeof(n))));
		OK(store_batch_put(b, span_str("last"), span_of(&n, sizeof(n))));
		OK(store_write(s, b));
		store_batch_free(b);
		if (write(pipe_end, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

static uint64_t check_after_kill(struct io *io, const char *folder, uint64_t acknowledged)
{
	struct store *s;
	struct buf value = {0};
	const struct store_options options = {.inline_background = true};
	OK(store_open(&s, io, folder, &options));
	uint64_t last = 0;
	amt_status st = store_get(s, NULL, span_str("last"), &value);
	if (amt_ok(st))
		last = load_u64(value.data);
	amt_status_clear(&st);
	assert_true(last >= acknowledged);
	for (uint64_t n = 1; n <= last + 1; n++) { /* every one up to last, none beyond */
		char key[32];
		bool present;
		(void)snprintf(key, sizeof(key), "n%06llu", (unsigned long long)n);
		OK(store_contains(s, NULL, span_str(key), &present));
		assert_int_equal(present, n <= last);
	}
	buf_free(&value);
	OK(store_close(s));
	return last;
}

static void sigkill_loses_nothing_acknowledged(void **state)
{
	(void)state;
	char folder[FOLDER_BYTES];
	struct io *io;
	struct random r = {61};
	uint64_t acknowledged = 0;
	folder_make(folder);
	OK(io_posix_new(&io));
	const char *rounds = getenv("AMT_KILL_ROUNDS");
	for (int round = rounds != NULL ? atoi(rounds) : 24; round > 0; round--) {
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			close(ends[0]);
			write_until_killed(folder, ends[1], acknowledged + 1);
		}
		close(ends[1]);
		usleep(2000 + (useconds_t)below(&r, 60000));
		assert_int_equal(kill(child, SIGKILL), 0);
		int how;
		assert_int_equal(waitpid(child, &how, 0), child);
		assert_true(WIFSIGNALED(how));
		uint64_t n;
		while (read(ends[0], &n, sizeof(n)) == sizeof(n))
			acknowledged = n;
		close(ends[0]);
		acknowledged = check_after_kill(io, folder, acknowledged);
	}
	assert_true(acknowledged > 0);
	folder_remove(folder);
	io_free(io);
}

static void another_process_is_locked_out(void **state)
{
	(void)state;
	char folder[FOLDER_BYTES];
	struct io *io;
	struct store *s, *other;
	folder_make(folder);
	OK(io_posix_new(&io));
	OK(store_open(&s, io, folder, NULL));
	pid_t child = fork();
	if (child == 0) {
		amt_status st = store_open(&other, io, folder, NULL);
		_exit(amt_status_code(st) == AMT_LOCKED ? 7 : 1);
	}
	int how;
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 7);
	OK(store_close(s));
	OK(store_open(&s, io, folder, NULL));
	OK(store_close(s));
	folder_remove(folder);
	io_free(io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_process_is_locked_out),
		cmocka_unit_test(sigkill_loses_nothing_acknowledged),
		cmocka_unit_test(a_kill_at_any_call_loses_nothing_acknowledged),
		cmocka_unit_test(without_syncs_a_prefix_survives),
		cmocka_unit_test(an_error_at_any_call_is_survived),
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(reads_survive_failing_allocations),
		cmocka_unit_test(a_full_disk_is_reported_and_survived),
		cmocka_unit_test(a_flipped_byte_is_an_error_or_harmless),
	};
	cmocka_set_test_filter(getenv("AMT_TEST"));
	return cmocka_run_group_tests_name("crash", tests, NULL, NULL);
}

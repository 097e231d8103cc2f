/* Many threads on one store: what each reader sees must be some prefix of the commits. Made to run
 * under the thread sanitizer. Both engines; the disk is in memory, so that the threads collide. */
#include "model.h"

#include "os/io_memory.h"

#include <pthread.h>

enum { WRITERS = 3, READERS = 2, PAIRS = 16, ROUNDS = 3000, COUNTS = 800 };

struct shared {
	struct store *store;
	atomic_bool stop;
	atomic_uint conflicts;
};

struct worker {
	struct shared *shared;
	uint64_t index;
	pthread_t thread;
};

/* cmocka's checks belong to the main thread: workers end the program instead. */
#define MUST(condition)                                                             \
	do {                                                                        \
		if (!(condition)) {                                                 \
			print_error("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                    \
		}                                                                   \
	} while (0)

static void must(amt_status s)
{
	if (!amt_ok(s)) {
		char text[512];
		(void)amt_status_format(s, text, sizeof(text));
		print_error("%s\n", text);
		abort();
	}
}

static struct span name_of(char out[32], char side, uint64_t pair)
{
	int size = snprintf(out, 32, "%c%04llu", side, (unsigned long long)pair);
	return span_of(out, (size_t)size);
}

/* Writes the same value to both sides of a pair, in one batch; sometimes deletes both. */
static void *write_pairs(void *argument)
{
	const struct worker *w = argument;
	struct random r = {w->index};
	char a[32], b[32];
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t pair = below(&r, PAIRS), value[16];
		for (int k = 0; k < 16; k++)
			value[k] = draw(&r);
		struct store_batch *batch;
		must(store_batch_new(&batch));
		if (below(&r, 5) == 0) {
			must(store_batch_delete(batch, name_of(a, 'a', pair)));
			must(store_batch_delete(batch, name_of(b, 'b', pair)));
		} else {
			struct span v = span_of(value, sizeof(value));
			must(store_batch_put(batch, name_of(a, 'a', pair), v));
			must(store_batch_put(batch, name_of(b, 'b', pair), v));
		}
		must(store_write(w->shared->store, batch));
		store_batch_free(batch);
		if (i % 300 == 50)
			must(i % 900 == 50 ? store_erase(w->shared->store)
					   : store_flush(w->shared->store));
	}
	return NULL;
}

/* Counts up one key by compare and swap. */
static void *count_up(void *argument)
{
	const struct worker *w = argument;
	struct store *s = w->shared->store;
	const struct span key = span_str("counter");
	for (int i = 0; i < COUNTS;) {
		struct store_batch *batch;
		struct buf old = {0};
		uint64_t n = 0;
		amt_status st = store_get(s, NULL, key, &old);
		if (amt_ok(st))
			n = load_u64(old.data);
		amt_status_clear(&st);
		must(store_batch_new(&batch));
		must(store_batch_expect(
			batch, key, old.size > 0 ? buf_span(&old) : span_of(NULL, 0)));
		n++;
		must(store_batch_put(batch, key, span_of(&n, sizeof(n))));
		st = store_write(s, batch);
		if (amt_ok(st))
			i++;
		else if (amt_status_code(st) == AMT_CONFLICT)
			atomic_fetch_add(&w->shared->conflicts, 1);
		else
			must(st);
		amt_status_clear(&st);
		store_batch_free(batch);
		buf_free(&old);
	}
	return NULL;
}

static bool get(struct store *s, const struct store_snapshot *p, struct span key, struct buf *out)
{
	buf_clear(out);
	amt_status st = store_get(s, p, key, out);
	bool found = amt_ok(st);
	MUST(found || amt_status_code(st) == AMT_NOT_FOUND);
	amt_status_clear(&st);
	return found;
}

/* Both sides of a pair are equal in every snapshot and in every iterator, forward and backward. */
static void *read_pairs(void *argument)
{
	const struct worker *w = argument;
	struct store *s = w->shared->store;
	struct random r = {w->index};
	struct buf va = {0}, vb = {0};
	uint64_t last_count = 0;
	while (!atomic_load(&w->shared->stop)) {
		struct store_snapshot *p;
		struct store_iterator *it;
		struct model forward = {0}, backward = {0};
		char a[32], b[32];
		bool valid;
		must(store_snapshot_new(s, &p));
		uint64_t pair = below(&r, PAIRS);
		bool has_a = get(s, p, name_of(a, 'a', pair), &va);
		bool has_b = get(s, p, name_of(b, 'b', pair), &vb);
		MUST(has_a == has_b && (!has_a || span_equal(buf_span(&va), buf_span(&vb))));
		must(model_read(&forward, s, p));
		must(store_iterator_new(s, p, span_of(NULL, 0), span_of(NULL, 0), 0, &it));
		for (must(store_iterator_prev(it, &valid)); valid;
			must(store_iterator_prev(it, &valid)))
			model_put(&backward, store_iterator_key(it), store_iterator_value(it));
		store_iterator_free(it);
		MUST(model_equal(&forward, &backward));
		for (pair = 0; pair < PAIRS; pair++) {
			size_t i, k;
			has_a = model_has(&forward, name_of(a, 'a', pair), &i);
			has_b = model_has(&forward, name_of(b, 'b', pair), &k);
			MUST(has_a == has_b);
			MUST(!has_a || span_equal(buf_span(&forward.pairs[i].value),
					       buf_span(&forward.pairs[k].value)));
		}
		if (get(s, NULL, span_str("counter"), &va)) {
			MUST(load_u64(va.data) >= last_count);
			last_count = load_u64(va.data);
		}
		store_snapshot_free(s, p);
		model_free(&forward);
		model_free(&backward);
	}
	buf_free(&va);
	buf_free(&vb);
	return NULL;
}

static void run(enum store_kind kind, enum store_sync sync)
{
	struct io *io;
	struct shared shared = {0};
	struct worker workers[WRITERS * 2 + READERS];
	const struct store_options options = {.kind = kind,
		.sync = sync,
		.sync_interval_ms = 1,
		.memtable_bytes = 8192,
		.table_block_bytes = 512};
	OK(io_memory_new(&io));
	OK(store_open(&shared.store, io, "db", &options));
	for (size_t i = 0; i < WRITERS * 2 + READERS; i++) {
		workers[i] = (struct worker){.shared = &shared, .index = i};
		void *(*const loop)(void *) = i < READERS	      ? read_pairs
					      : i < READERS + WRITERS ? write_pairs
								      : count_up;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, loop, &workers[i]), 0);
	}
	for (size_t i = READERS; i < WRITERS * 2 + READERS; i++)
		pthread_join(workers[i].thread, NULL);
	atomic_store(&shared.stop, true);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(workers[i].thread, NULL);
	struct model before = {0};
	OK(model_read(&before, shared.store, NULL));
	if (kind == STORE_LSM) {
		OK(store_close(shared.store));
		OK(store_open(&shared.store, io, "db", &options));
		model_check_all(&before, shared.store, NULL);
	}
	size_t at;
	assert_true(model_has(&before, span_str("counter"), &at));
	assert_int_equal(load_u64(before.pairs[at].value.data), WRITERS * COUNTS);
	model_free(&before);
	OK(store_close(shared.store));
	io_free(io);
}

static void lsm_threads_agree(void **state)
{
	(void)state;
	run(STORE_LSM, STORE_SYNC_ALWAYS);
	run(STORE_LSM, STORE_SYNC_INTERVAL);
}

static void memory_threads_agree(void **state)
{
	(void)state;
	run(STORE_IN_MEMORY, STORE_SYNC_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lsm_threads_agree),
		cmocka_unit_test(memory_threads_agree),
	};
	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}

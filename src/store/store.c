/* Opening, closing, reading: the public face of the engine. internal.h is the map of the rest. */
#include "store/internal.h"

#include "base/alloc.h"
#include "os/clock.h"

enum { DEFAULT_INTERVAL_MS = 100, DEFAULT_BLOCK = 16 << 10, MIN_MEMTABLE = 1 << 10 };
#define DEFAULT_MEMTABLE ((size_t)64 << 20)
#define MAX_MEMTABLE ((size_t)2 << 30)

static void settle_options(struct store_options *o)
{
	if (o->sync_interval_ms == 0)
		o->sync_interval_ms = DEFAULT_INTERVAL_MS;
	if (o->memtable_bytes == 0)
		o->memtable_bytes = DEFAULT_MEMTABLE;
	if (o->memtable_bytes < MIN_MEMTABLE)
		o->memtable_bytes = MIN_MEMTABLE;
	if (o->memtable_bytes > MAX_MEMTABLE)
		o->memtable_bytes = MAX_MEMTABLE;
	if (o->table_block_bytes == 0)
		o->table_block_bytes = DEFAULT_BLOCK;
}

static amt_status open_folder(struct store *s)
{
	char *path;
	amt_status st = STATUS_OK;
	if (!s->options.must_exist) {
		st = io_make_folder(s->io, s->folder);
		if (amt_ok(st))
			st = io_sync_parent(s->io, s->folder);
		else if (amt_status_code(st) == AMT_ALREADY_EXISTS)
			amt_status_clear(&st);
	}
	TRY(st);
	TRY(io_path(&path, s->folder, "LOCK"));
	st = io_lock(s->io, path, &s->lock_file);
	mem_free(path);
	if (amt_status_code(st) == AMT_NOT_FOUND) /* the folder is not there */
		return WRAP(st, "%s holds no store", s->folder);
	TRY(st);
	return store_recover(s);
}

static amt_status open_in_memory(struct store *s)
{
	struct memtable *m;
	ENSURE(!s->options.must_exist, AMT_NOT_FOUND, "an in-memory store is always new");
	TRY(view_new(&s->view, 1));
	s->view->count = 0;
	TRY(memtable_new(&m, s->options.memtable_bytes));
	amt_status st = run_of_memtable(&s->view->runs[0], m, 0);
	if (!amt_ok(st)) {
		memtable_free(m);
		return st;
	}
	s->view->count = 1;
	s->active = m;
	return st;
}

static void destroy(struct store *s)
{
	view_unref(s->view);
	log_free(s->log);
	manifest_close(s->manifest);
	manifest_state_free(&s->state);
	io_close(s->lock_file);
	buf_free(&s->payloads);
	amt_status_clear(&s->failure);
	amt_status_clear(&s->background_error);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->done);
	pthread_mutex_destroy(&s->lock);
	pthread_mutex_destroy(&s->change);
	mem_free(s->folder);
	mem_free(s);
}

amt_status store_open(
	struct store **out, struct io *io, const char *folder, const struct store_options *options)
{
	struct store *s;
	TRY(mem_zalloc(&s, sizeof(*s)));
	pthread_mutex_init(&s->lock, NULL);
	pthread_mutex_init(&s->change, NULL);
	pthread_cond_init(&s->work, NULL);
	pthread_cond_init(&s->done, NULL);
	s->io = io;
	s->last_sync_ns = clock_monotonic_ns();
	if (options != NULL)
		s->options = *options;
	settle_options(&s->options);
	amt_status st;
	if (s->options.kind == STORE_IN_MEMORY) {
		st = open_in_memory(s);
	} else {
		st = mem_strdup(&s->folder, folder);
		if (amt_ok(st))
			st = open_folder(s);
	}
	if (amt_ok(st))
		st = background_start(s);
	if (!amt_ok(st)) {
		background_stop(s);
		destroy(s);
		return st;
	}
	*out = s;
	return st;
}

amt_status store_close(struct store *s)
{
	if (s == NULL)
		return STATUS_OK;
	background_stop(s);
	amt_status st = STATUS_OK;
	if (s->log != NULL && amt_ok(s->failure))
		st = log_finish(s->log);
	if (s->spare_log != 0)
		log_remove(s->io, s->folder, s->spare_log);
	destroy(s);
	return st;
}

amt_status store_get(
	struct store *s, const struct store_snapshot *snapshot, struct span key, struct buf *out)
{
	uint64_t sequence;
	bool present;
	struct view *v = store_view(s, snapshot, &sequence);
	atomic_fetch_add_explicit(&s->gets, 1, memory_order_relaxed);
	amt_status st = view_get(v, key, sequence, &present, out);
	view_unref(v);
	if (amt_ok(st) && !present)
		st = ERROR(AMT_NOT_FOUND, "no such key");
	return st;
}

amt_status store_contains(
	struct store *s, const struct store_snapshot *snapshot, struct span key, bool *out)
{
	uint64_t sequence;
	struct view *v = store_view(s, snapshot, &sequence);
	atomic_fetch_add_explicit(&s->gets, 1, memory_order_relaxed);
	amt_status st = view_get(v, key, sequence, out, NULL);
	view_unref(v);
	return st;
}

void store_stats_get(struct store *s, struct store_stats *out)
{
	uint64_t sequence;
	struct view *v = store_view(s, NULL, &sequence);
	*out = (struct store_stats){.last_sequence = sequence,
		.puts = atomic_load(&s->puts),
		.deletes = atomic_load(&s->deletes),
		.gets = atomic_load(&s->gets),
		.wal_bytes = atomic_load(&s->wal_bytes),
		.wal_syncs = atomic_load(&s->wal_syncs),
		.flushes = atomic_load(&s->flushes),
		.compactions = atomic_load(&s->compactions)};
	for (size_t i = 0; i < v->count; i++) {
		const struct run *r = v->runs[i];
		out->tables += r->table != NULL;
		*(r->table != NULL ? &out->table_bytes : &out->memtable_bytes) += run_bytes(r);
	}
	view_unref(v);
}

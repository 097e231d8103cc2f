/* Flush and compaction. The planner is pure; the executor streams a merge of neighbouring runs into
 * one new run and swaps it in with one manifest edit. A flush is a merge of memtables, a compaction
 * one of tables; an in-memory store merges memtables into memtables.
 *
 * Every step is repeatable: until the edit is on disk the inputs count, after it the output does,
 * and what is left over of the other is removed by the next open.
 */
#include "store/internal.h"

#include "base/alloc.h"

#include <time.h>

enum { TIER_WIDTH = 4, MOST_RUNS = 12, KEPT_RUNS = 8 };
#define MEMTABLE_MERGE_MAX ((uint64_t)3 << 30)

void plan_compaction(const uint64_t *bytes, size_t runs, size_t *from, size_t *count)
{
	*from = *count = 0;
	/* Size-tiered: TIER_WIDTH or more neighbours of like size become one. */
	for (size_t i = 0; i + TIER_WIDTH <= runs; i++) {
		uint64_t sum = bytes[i];
		size_t n = 1;
		while (i + n < runs && bytes[i + n] <= 2 * sum)
			sum += bytes[i + n++];
		if (n >= TIER_WIDTH) {
			*from = i;
			*count = n;
			return;
		}
	}
	if (runs > MOST_RUNS) /* no tier fills: the newest, which are the smallest */
		*count = runs - KEPT_RUNS;
}

/* What the merge may drop. Snapshots are sorted ascending. */
struct filter {
	uint64_t *snapshots;
	size_t count;
	bool bottom;
	struct buf key; /* of the last entry seen */
	uint64_t newer; /* sequence of the next newer version of that key; 0: none */
};

/* Whether some snapshot is in [low, high). */
static bool snapshot_between(const struct filter *f, uint64_t low, uint64_t high)
{
	size_t from = 0, to = f->count;
	while (from < to) {
		size_t middle = from + (to - from) / 2;
		if (f->snapshots[middle] < low)
			from = middle + 1;
		else
			to = middle;
	}
	return from < f->count && f->snapshots[from] < high;
}

static amt_status keeps(struct filter *f, const struct entry *e, bool *out)
{
	if (f->newer == 0 || !span_equal(buf_span(&f->key), e->key)) {
		buf_clear(&f->key);
		TRY(buf_put(&f->key, e->key.data, e->key.size));
		f->newer = 0;
	}
	/* C1: a version goes only if no snapshot sees it; a tombstone only if nothing older is
	 * left. */
	*out = f->newer == 0 || snapshot_between(f, e->sequence, f->newer);
	if (e->kind == ENTRY_DELETE && f->bottom && !snapshot_between(f, 0, e->sequence))
		*out = false;
	f->newer = e->sequence;
	return STATUS_OK;
}

/* Copies the sequences of all snapshots; the list is newest first. */
static amt_status take_snapshots(struct store *s, struct filter *f)
{
	pthread_mutex_lock(&s->lock);
	for (const struct store_snapshot *p = s->snapshots; p != NULL; p = p->next)
		f->count++;
	amt_status st = mem_array(&f->snapshots, f->count, sizeof(*f->snapshots));
	size_t at = f->count;
	for (const struct store_snapshot *p = s->snapshots; amt_ok(st) && p != NULL; p = p->next)
		f->snapshots[--at] = p->sequence;
	pthread_mutex_unlock(&s->lock);
	return st;
}

static bool is_stopping(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	bool stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

/* Where a merge goes: a table, or for an in-memory store a memtable. */
struct sink {
	struct table_writer *table;
	struct memtable *memtable;
};

static amt_status sink_add(struct sink *k, const struct entry *e)
{
	if (k->table != NULL)
		return table_writer_add(k->table, e);
	struct memtable_room room = {0};
	memtable_room_add(&room, e->key.size, e->value.size);
	TRY(memtable_reserve(k->memtable, &room));
	memtable_add(k->memtable, e);
	return STATUS_OK;
}

static amt_status stream(struct store *s, struct cursor *c, struct filter *f, struct sink *k)
{
	TRY(cursor_first(c));
	for (size_t n = 0; c->valid; n++) {
		bool keep;
		TRY(keeps(f, &c->entry, &keep));
		if (keep)
			TRY(sink_add(k, &c->entry));
		TRY(cursor_next(c));
		if (n % 256 == 255)
			ENSURE(!is_stopping(s), AMT_CANCELLED, "closing");
	}
	return STATUS_OK;
}

/* Merges into a new table file. *number 0: nothing was left. */
static amt_status merge_to_table(
	struct store *s, struct cursor *c, struct filter *f, uint64_t *number)
{
	struct sink k = {0};
	char *path;
	uint64_t bytes;
	*number = atomic_fetch_add(&s->next_number, 1);
	TRY(store_table_path(s, *number, &path));
	amt_status st =
		table_writer_new(&k.table, s->io, path, *number, s->options.table_block_bytes);
	if (amt_ok(st)) {
		st = stream(s, c, f, &k);
		bool empty = table_writer_entries(k.table) == 0;
		if (amt_ok(st) && !empty)
			st = table_writer_finish(k.table, &bytes);
		table_writer_free(k.table);
		if (!amt_ok(st) || empty) {
			*number = 0;
			status_drop(io_remove(s->io, path));
		}
	}
	mem_free(path);
	if (amt_ok(st) && *number != 0)
		st = io_sync_folder(s->io, s->folder);
	return st;
}

static amt_status merge_to_memtable(struct store *s, const struct view *v, size_t from,
	size_t count, struct cursor *c, struct filter *f, struct run **out)
{
	uint64_t bytes = 4096;
	struct sink k = {0};
	for (size_t i = from; i < from + count; i++) /* towers may come out higher this time */
		bytes += memtable_region_bytes(v->runs[i]->memtable) +
			 16 * memtable_entries(v->runs[i]->memtable);
	TRY(memtable_new(&k.memtable, bytes));
	amt_status st = stream(s, c, f, &k);
	if (amt_ok(st) && memtable_entries(k.memtable) > 0)
		st = run_of_memtable(out, k.memtable, 0);
	if (*out == NULL)
		memtable_free(k.memtable);
	else
		(*out)->max_sequence = v->runs[from]->max_sequence;
	return st;
}

amt_status background_merge(
	struct store *s, const struct view *v, size_t from, size_t count, struct run **out)
{
	struct filter f = {.bottom = from + count == v->count};
	struct cursor *c;
	uint64_t number = 0;
	*out = NULL;
	TRY(view_cursor(v, from, count, &c));
	amt_status st = take_snapshots(s, &f);
	if (amt_ok(st) && s->options.kind == STORE_IN_MEMORY)
		st = merge_to_memtable(s, v, from, count, c, &f, out);
	else if (amt_ok(st))
		st = merge_to_table(s, c, &f, &number);
	if (amt_ok(st) && number != 0)
		st = run_of_table(out, s, number);
	cursor_free(c);
	buf_free(&f.key);
	mem_free(f.snapshots);
	return st;
}

amt_status store_edit(struct store *s, const struct manifest_edit *edit)
{
	struct manifest_state next = s->state;
	next.tables = NULL;
	amt_status st =
		mem_dup(&next.tables, s->state.tables, s->state.count * sizeof(*next.tables));
	if (amt_ok(st))
		st = manifest_apply(&next, edit);
	if (amt_ok(st))
		st = manifest_stage(s->manifest, edit);
	if (!amt_ok(st)) {
		mem_free(next.tables);
		return st;
	}
	st = manifest_commit(s->manifest);
	if (!amt_ok(st)) { /* perhaps on disk, perhaps not: nothing may follow */
		mem_free(next.tables);
		return store_fail(s, st);
	}
	manifest_state_free(&s->state);
	s->state = next;
	return st;
}

/* Tells the manifest that `out` replaces runs [from, from + count) of v. */
static amt_status record(
	struct store *s, const struct view *v, size_t from, size_t count, const struct run *out)
{
	struct manifest_edit edit = {.next_number = atomic_load(&s->next_number)};
	struct manifest_table table;
	uint64_t *removed;
	TRY(mem_array(&removed, count, sizeof(*removed)));
	if (out != NULL) {
		table = (struct manifest_table){out->number, run_bytes(out), out->max_sequence};
		edit.added = &table;
	}
	if (v->runs[from]->memtable != NULL) { /* a flush: the older logs have served */
		edit.oldest_log = v->runs[from - 1]->number;
		edit.last_sequence = v->runs[from]->max_sequence;
	} else {
		for (size_t i = 0; i < count; i++)
			removed[i] = v->runs[from + i]->number;
		edit.removed = removed;
		edit.removed_count = count;
	}
	amt_status st = store_edit(s, &edit);
	mem_free(removed);
	return st;
}

/* Takes the replaced runs' files out of service. Call with `change` held. */
static void retire(struct store *s, const struct view *v, size_t from, size_t count)
{
	for (size_t i = from; i < from + count; i++) {
		struct run *r = v->runs[i];
		if (r->table != NULL) {
			atomic_store(&r->obsolete, true);
		} else if (s->spare_log == 0) {
			s->spare_log = r->number;
		} else {
			log_remove(s->io, s->folder, r->number);
		}
	}
}

/* Replaces runs [from, from + count) of v by `out`, of which it takes the caller's reference. */
static amt_status install(
	struct store *s, const struct view *v, size_t from, size_t count, struct run *out)
{
	pthread_mutex_lock(&s->change);
	struct view *old = s->view, *fresh; /* old may have more runs in front, and fewer behind */
	size_t first = 0, extra = out != NULL;
	while (old->runs[first] != v->runs[from])
		first++;
	amt_status st = view_new(&fresh, old->count - count + extra);
	if (amt_ok(st) && s->options.kind == STORE_LSM) {
		st = record(s, v, from, count, out);
		if (amt_ok(st))
			retire(s, v, from, count);
		else
			mem_free(fresh);
	}
	if (!amt_ok(st)) {
		pthread_mutex_unlock(&s->change);
		run_unref(out);
		return st;
	}
	for (size_t i = 0; i < first; i++)
		fresh->runs[i] = run_ref(old->runs[i]);
	if (out != NULL)
		fresh->runs[first] = out;
	for (size_t i = first + count; i < old->count; i++)
		fresh->runs[i - count + extra] = run_ref(old->runs[i]);
	pthread_mutex_lock(&s->lock);
	if (v->runs[from]->memtable != NULL && s->options.kind == STORE_LSM) {
		s->flushed_sequence = v->runs[from]->max_sequence;
		s->compaction_failed = false;
	}
	s->view = fresh;
	pthread_cond_broadcast(&s->done);
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_unlock(&s->change);
	view_unref(old);
	return st;
}

/* What there is to do in this view. *count 0: nothing. */
static void find_flush(const struct store *s, const struct view *v, size_t *from, size_t *count)
{
	*from = 1;
	*count = s->options.kind == STORE_LSM ? view_memtables(v) - 1 : 0;
}

static void find_compaction(
	const struct store *s, const struct view *v, size_t *from, size_t *count)
{
	enum { MOST = 64 };
	if (s->merge_all) {
		*from = view_memtables(v);
		*count = v->count - *from > 1 ? v->count - *from : 0;
		return;
	}
	uint64_t bytes[MOST];
	size_t start = s->options.kind == STORE_LSM ? view_memtables(v) : 1, runs = 0;
	uint64_t sum = 0;
	for (; start + runs < v->count && runs < MOST; runs++)
		bytes[runs] = run_bytes(v->runs[start + runs]);
	plan_compaction(bytes, runs, from, count);
	for (size_t i = 0; i < *count; i++)
		sum += bytes[*from + i];
	if (s->options.kind == STORE_IN_MEMORY && sum > MEMTABLE_MERGE_MAX)
		*count = 0;
	*from += start;
}

enum job { FLUSH, COMPACT };

/* Whether the job has something to do; call with the lock held. */
static bool is_wanted(struct store *s, enum job job, size_t *from, size_t *count)
{
	if (!amt_ok(s->failure))
		return false;
	if (job == FLUSH && amt_ok(s->background_error))
		find_flush(s, s->view, from, count);
	else if (job == COMPACT && !s->compaction_failed)
		find_compaction(s, s->view, from, count);
	else
		return false;
	if (job == COMPACT && *count == 0 && s->merge_all && view_memtables(s->view) == 1) {
		s->merge_all = false;
		pthread_cond_broadcast(&s->done);
		find_compaction(s, s->view, from, count);
	}
	return *count > 0;
}

static void run_job(struct store *s, enum job job, struct view *v, size_t from, size_t count)
{
	struct run *out;
	amt_status st = background_merge(s, v, from, count, &out);
	if (amt_ok(st))
		st = install(s, v, from, count, out);
	if (amt_ok(st)) {
		atomic_fetch_add(job == FLUSH ? &s->flushes : &s->compactions, 1);
	} else {
		pthread_mutex_lock(&s->lock);
		if (job == COMPACT) {
			s->compaction_failed = true;
			if (!s->merge_all)
				amt_status_clear(&st);
			s->merge_all = false;
		}
		if (!amt_ok(st)) {
			s->background_error = status_first(s->background_error, st);
		}
		pthread_cond_broadcast(&s->done);
		pthread_mutex_unlock(&s->lock);
	}
	view_unref(v);
}

void background_run(struct store *s)
{
	for (;;) {
		size_t from, count;
		pthread_mutex_lock(&s->lock);
		enum job job = is_wanted(s, FLUSH, &from, &count) ? FLUSH : COMPACT;
		bool wanted = job == FLUSH || is_wanted(s, COMPACT, &from, &count);
		struct view *v = wanted ? view_ref(s->view) : NULL;
		pthread_mutex_unlock(&s->lock);
		if (!wanted)
			return;
		run_job(s, job, v, from, count);
	}
}

static void work(struct store *s, enum job job)
{
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		size_t from, count;
		if (!is_wanted(s, job, &from, &count)) {
			pthread_cond_wait(&s->work, &s->lock);
			continue;
		}
		struct view *v = view_ref(s->view);
		pthread_mutex_unlock(&s->lock);
		run_job(s, job, v, from, count);
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
}

static void *flush_thread(void *s)
{
	work(s, FLUSH);
	return NULL;
}

static void *compaction_thread(void *s)
{
	work(s, COMPACT);
	return NULL;
}

/* Syncs the log once an interval. A thread of its own: it queues as a writer, and the leader before
 * it may be waiting for a flush. */
static void *sync_thread(void *argument)
{
	struct store *s = argument;
	pthread_mutex_lock(&s->lock);
	while (!s->stop) {
		struct timespec until;
		(void)clock_gettime(CLOCK_REALTIME, &until);
		uint64_t ns =
			(uint64_t)until.tv_nsec + (uint64_t)s->options.sync_interval_ms * 1000000;
		until.tv_sec += (time_t)(ns / 1000000000);
		until.tv_nsec = (long)(ns % 1000000000);
		int woken = 0;
		while (!s->stop && woken == 0)
			woken = pthread_cond_timedwait(&s->work, &s->lock, &until);
		if (s->stop || !amt_ok(s->failure))
			continue;
		pthread_mutex_unlock(&s->lock);
		status_drop(store_request(s, NULL, REQUEST_SYNC)); /* kept as s->failure */
		pthread_mutex_lock(&s->lock);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

amt_status background_start(struct store *s)
{
	void *(*const loops[])(void *) = {flush_thread, compaction_thread, sync_thread};
	const bool ticks = s->options.kind == STORE_LSM && s->options.sync == STORE_SYNC_INTERVAL;
	const size_t count = s->options.inline_background ? 0 : ticks ? 3 : 2;
	for (; s->thread_count < count; s->thread_count++) {
		int error = pthread_create(
			&s->threads[s->thread_count], NULL, loops[s->thread_count], s);
		if (error != 0)
			return status_new(AMT_OUT_OF_MEMORY, error, __FILE__, __LINE__,
				"cannot start a background thread");
	}
	return STATUS_OK;
}

void background_stop(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	while (s->thread_count > 0)
		pthread_join(s->threads[--s->thread_count], NULL);
}

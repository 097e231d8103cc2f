/* Batches and group commit.
 *
 * Writers queue up. The one at the head is the leader: it takes what waits behind it (up to 1 MiB),
 * checks preconditions one batch after the other, adds the entries to the memtable under sequences
 * that no reader sees yet, writes all batches to the log at once, syncs once, and only then lets
 * readers see the new last sequence. Followers are woken once, done. Everything that can run out of
 * memory happens before the first entry is added; after that only the log can fail, and then the
 * store is read-only, so that sequences given to a failed batch are never given again.
 *
 *	OFFSET  SIZE  batch, as it lies in the log
 *	0       8     sequence of the first operation; the others follow
 *	8       4     number of operations
 *	12      -     operations: kind 1, key size v, key, and for a put value size v, value
 */
#include "store/internal.h"

#include "base/alloc.h"
#include "os/clock.h"
#include "store/log_format.h"

enum { GROUP_BYTES = 1 << 20, BATCH_MAX_BYTES = 1 << 30 };

struct store_batch {
	struct buf payload;
	struct buf expectations; /* key, present 1, value */
	struct memtable_room room;
	uint32_t count;
	uint32_t puts;
};

struct writer {
	struct store_batch *batch; /* NULL unless it writes */
	enum request request;
	bool done;
	amt_status status;
	pthread_cond_t wake;
	struct writer *next; /* in the queue; under the store's lock */
	struct writer *peer; /* next in the same group; the leader's */
};

amt_status store_batch_new(struct store_batch **out)
{
	return mem_zalloc(out, sizeof(**out));
}

void store_batch_free(struct store_batch *b)
{
	if (b == NULL)
		return;
	buf_free(&b->payload);
	buf_free(&b->expectations);
	mem_free(b);
}

static amt_status check_key(struct span key)
{
	ENSURE(key.size >= 1 && key.size <= KEY_MAX_BYTES, AMT_LIMIT,
		"a key of %zu bytes: 1 to %d are allowed", key.size, KEY_MAX_BYTES);
	return STATUS_OK;
}

static amt_status put_operation(
	struct store_batch *b, enum entry_kind kind, struct span key, struct span value)
{
	if (b->payload.size == 0) {
		uint8_t *header;
		TRY(buf_extend(&b->payload, BATCH_HEADER, &header));
		memset(header, 0, BATCH_HEADER);
	}
	TRY(buf_put_u8(&b->payload, (uint8_t)kind));
	TRY(buf_put_varint(&b->payload, key.size));
	TRY(buf_put(&b->payload, key.data, key.size));
	if (kind == ENTRY_DELETE)
		return STATUS_OK;
	TRY(buf_put_varint(&b->payload, value.size));
	return buf_put(&b->payload, value.data, value.size);
}

static amt_status add_operation(
	struct store_batch *b, enum entry_kind kind, struct span key, struct span value)
{
	TRY(check_key(key));
	ENSURE(value.size <= VALUE_MAX_BYTES, AMT_LIMIT, "a value of %zu bytes", value.size);
	ENSURE(b->payload.size + key.size + value.size <=
			(size_t)BATCH_MAX_BYTES + KEY_MAX_BYTES + 64,
		AMT_LIMIT, "a batch of more than %d bytes", BATCH_MAX_BYTES);
	size_t before = b->payload.size;
	amt_status s = put_operation(b, kind, key, value);
	if (!amt_ok(s)) {
		b->payload.size = before;
		return s;
	}
	memtable_room_add(&b->room, key.size, value.size);
	b->count++;
	b->puts += kind == ENTRY_PUT;
	return s;
}

amt_status store_batch_put(struct store_batch *b, struct span key, struct span value)
{
	return add_operation(b, ENTRY_PUT, key, value);
}

amt_status store_batch_delete(struct store_batch *b, struct span key)
{
	return add_operation(b, ENTRY_DELETE, key, span_of(NULL, 0));
}

static amt_status put_expectation(struct buf *out, struct span key, struct span expected)
{
	TRY(buf_put_span(out, key));
	TRY(buf_put_u8(out, expected.data != NULL));
	return buf_put_span(out, expected);
}

amt_status store_batch_expect(struct store_batch *b, struct span key, struct span expected)
{
	TRY(check_key(key));
	ENSURE(expected.size <= VALUE_MAX_BYTES, AMT_LIMIT, "a value of %zu bytes", expected.size);
	size_t before = b->expectations.size;
	amt_status s = put_expectation(&b->expectations, key, expected);
	if (!amt_ok(s))
		b->expectations.size = before;
	return s;
}

/* Takes the operation at the reader. */
static amt_status read_operation(struct reader *r, struct entry *e)
{
	uint8_t kind;
	uint64_t size;
	TRY(read_u8(r, &kind));
	ENSURE(kind == ENTRY_PUT || kind == ENTRY_DELETE, AMT_CORRUPTION, "%s: operation %u",
		r->what, kind);
	e->kind = (enum entry_kind)kind;
	TRY(read_varint(r, &size));
	ENSURE(size >= 1 && size <= KEY_MAX_BYTES, AMT_CORRUPTION, "%s: a key of %llu bytes",
		r->what, (unsigned long long)size);
	TRY(read_bytes(r, (size_t)size, &e->key));
	e->value = span_of(NULL, 0);
	if (kind == ENTRY_DELETE)
		return STATUS_OK;
	TRY(read_varint(r, &size));
	ENSURE(size <= VALUE_MAX_BYTES, AMT_CORRUPTION, "%s: a value of %llu bytes", r->what,
		(unsigned long long)size);
	return read_bytes(r, (size_t)size, &e->value);
}

amt_status batch_measure(struct span payload, struct memtable_room *room)
{
	struct reader r = reader_of(payload, "log batch");
	uint64_t sequence;
	uint32_t count;
	TRY(read_u64(&r, &sequence));
	TRY(read_u32(&r, &count));
	ENSURE(sequence >= 1 && sequence <= SEQUENCE_MAX - count, AMT_CORRUPTION,
		"%s: sequence %llu", r.what, (unsigned long long)sequence);
	for (uint32_t i = 0; i < count; i++) {
		struct entry e;
		TRY(read_operation(&r, &e));
		memtable_room_add(room, e.key.size, e.value.size);
	}
	return read_end(&r);
}

void batch_apply(struct span payload, struct memtable *m)
{
	struct reader r = reader_of(payload, "batch");
	struct entry e = {.sequence = load_u64(payload.data)};
	r.at += BATCH_HEADER;
	for (; reader_left(&r) > 0; e.sequence++) {
		status_drop(read_operation(&r, &e)); /* cannot fail: ours, or measured */
		memtable_add(m, &e);
	}
}

amt_status store_refuse(struct store *s)
{
	FAIL(AMT_IO, "the store is read-only until reopened: %s", amt_status_message(s->failure));
}

amt_status store_fail(struct store *s, amt_status cause)
{
	amt_status copy = ERROR(amt_status_code(cause), "%s", amt_status_message(cause));
	pthread_mutex_lock(&s->lock);
	s->failure = status_first(s->failure, cause);
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->lock);
	return copy;
}

static amt_status sync_log(struct store *s)
{
	if (s->log == NULL || log_is_synced(s->log))
		return STATUS_OK;
	atomic_fetch_add(&s->wal_syncs, 1);
	s->last_sync_ns = clock_monotonic_ns();
	amt_status st = log_sync(s->log);
	return amt_ok(st) ? st : store_fail(s, st);
}

/* Makes a log that follows the current one and the manifest know it. On failure the old log goes
 * on, unless the failure made the store read-only. Call with `change` held. */
static amt_status next_log(struct store *s, struct log_writer **out, uint64_t *number)
{
	char *recycle = NULL;
	TRY(sync_log(s)); /* L2: before the first acknowledgement in the new log */
	*number = atomic_fetch_add(&s->next_number, 1);
	const struct log_header header = {
		s->state.store_id, *number, s->log_number, log_bytes(s->log), s->last_sequence};
	if (s->spare_log != 0)
		TRY(log_path(&recycle, s->folder, s->spare_log));
	s->spare_log = 0;
	amt_status st =
		log_create(out, s->io, s->folder, &header, recycle, s->options.memtable_bytes / 8);
	mem_free(recycle);
	TRY(st);
	st = store_edit(s, &(struct manifest_edit){.newest_log = *number,
				   .next_number = atomic_load(&s->next_number)});
	if (!amt_ok(st))
		log_free(*out);
	return st;
}

/* Puts an empty memtable in front of the others. Call with `change` held. */
static amt_status rotate_run(struct store *s, struct run *r)
{
	struct view *v, *old = s->view;
	struct log_writer *log = NULL;
	TRY(view_new(&v, old->count + 1));
	if (s->log != NULL) {
		amt_status st = next_log(s, &log, &r->number);
		if (!amt_ok(st)) {
			mem_free(v);
			return st;
		}
		log_free(s->log);
		s->log = log;
		s->log_number = r->number;
	}
	s->active = r->memtable;
	v->runs[0] = r;
	for (size_t i = 0; i < old->count; i++)
		v->runs[i + 1] = run_ref(old->runs[i]);
	pthread_mutex_lock(&s->lock);
	v->runs[1]->max_sequence = s->last_sequence;
	s->view = v;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	view_unref(old);
	return STATUS_OK;
}

/* Replaces the newest memtable by an empty one with at least this room. */
static amt_status rotate(struct store *s, const struct memtable_room *room)
{
	struct memtable *m;
	struct run *r;
	uint64_t region = s->options.memtable_bytes;
	TRY(memtable_new(&m, room->nodes > region ? room->nodes : region));
	amt_status st = run_of_memtable(&r, m, 0);
	if (!amt_ok(st)) {
		memtable_free(m);
		return st;
	}
	pthread_mutex_lock(&s->change);
	st = rotate_run(s, r);
	pthread_mutex_unlock(&s->change);
	if (!amt_ok(st))
		run_unref(r);
	return st;
}

/* The error of a failed flush, to whoever needed it; the background then tries again. */
static amt_status take_background_error(struct store *s)
{
	amt_status st = s->background_error;
	s->background_error = STATUS_OK;
	pthread_cond_broadcast(&s->work);
	return st;
}

/* Whether the background is so far behind that writers must wait: call with the lock held. */
static bool is_behind(const struct store *s, size_t allowed)
{
	size_t memtables = view_memtables(s->view);
	return memtables - 1 > allowed ||
	       (s->view->count - memtables > MAX_TABLES && !s->compaction_failed);
}

/* Waits until the background has done something, or fails where it will not: call with the lock held. */
static amt_status wait_done(struct store *s)
{
	if (!amt_ok(s->failure))
		return store_refuse(s);
	if (!amt_ok(s->background_error))
		return take_background_error(s);
	pthread_cond_wait(&s->done, &s->lock);
	return STATUS_OK;
}

/* Waits until at most `allowed` memtables wait to be flushed and MAX_TABLES to be merged. */
static amt_status wait_for_background(struct store *s, size_t allowed)
{
	amt_status st = STATUS_OK;
	if (s->options.inline_background)
		background_run(s);
	pthread_mutex_lock(&s->lock);
	while (is_behind(s, allowed) && amt_ok(st))
		st = wait_done(s);
	pthread_mutex_unlock(&s->lock);
	return st;
}

/* Makes sure that the newest memtable takes the room. */
static amt_status make_room(struct store *s, const struct memtable_room *room)
{
	const struct memtable *m = s->active;
	if (memtable_fits(m, room) && memtable_bytes(m) < s->options.memtable_bytes)
		return STATUS_OK;
	if (s->options.kind == STORE_LSM)
		TRY(wait_for_background(s, MAX_WAITING_MEMTABLES - 1));
	TRY(rotate(s, room));
	if (s->options.inline_background)
		background_run(s);
	return STATUS_OK;
}

/* Whether the batch's preconditions hold at this sequence. */
static amt_status check_expectations(
	struct store *s, const struct store_batch *b, uint64_t sequence)
{
	if (b->expectations.size == 0)
		return STATUS_OK;
	uint64_t unused;
	struct view *view = store_view(s, NULL, &unused);
	struct reader r = reader_of(buf_span(&b->expectations), "expectation");
	struct buf value = {0};
	amt_status st = STATUS_OK;
	while (amt_ok(st) && reader_left(&r) > 0) {
		struct span key, expected;
		uint8_t wanted;
		bool present = false;
		st = read_span(&r, KEY_MAX_BYTES, &key);
		if (amt_ok(st))
			st = read_u8(&r, &wanted);
		if (amt_ok(st))
			st = read_span(&r, VALUE_MAX_BYTES, &expected);
		buf_clear(&value);
		if (amt_ok(st))
			st = view_get(view, key, sequence, &present, &value);
		if (amt_ok(st) && (present != (wanted != 0) ||
					  (present && !span_equal(buf_span(&value), expected))))
			st = ERROR(AMT_CONFLICT, "a key does not have the expected value");
	}
	buf_free(&value);
	view_unref(view);
	return st;
}

static bool takes_part(const struct writer *w)
{
	return w->request == REQUEST_WRITE && amt_ok(w->status) && w->batch->count > 0;
}

/* Memory for everything the group will do. */
static amt_status reserve(
	struct store *s, const struct writer *first, const struct memtable_room *room)
{
	size_t count = 0;
	uint8_t *unused;
	for (const struct writer *w = first; w != NULL; w = w->peer)
		count++;
	TRY(memtable_reserve(s->active, room));
	buf_clear(&s->payloads);
	TRY(buf_extend(&s->payloads, count * sizeof(struct span), &unused));
	return s->log != NULL ? log_reserve(s->log, count) : STATUS_OK;
}

static bool sync_is_due(const struct store *s)
{
	return s->options.sync == STORE_SYNC_ALWAYS ||
	       (s->options.sync == STORE_SYNC_INTERVAL &&
		       clock_monotonic_ns() - s->last_sync_ns >=
			       (uint64_t)s->options.sync_interval_ms * 1000000);
}

/* Adds and logs the batches of the group. Returns the log's failure; what concerns one batch is
 * in its writer's status. */
static amt_status commit(struct store *s, struct writer *first)
{
	uint64_t sequence = s->last_sequence, puts = 0;
	struct span *payloads = (struct span *)(void *)s->payloads.data;
	size_t count = 0;
	for (struct writer *w = first; w != NULL; w = w->peer) {
		w->status = check_expectations(s, w->batch, sequence);
		if (!takes_part(w))
			continue;
		struct buf *payload = &w->batch->payload;
		store_u64(payload->data, sequence + 1);
		store_u32(payload->data + 8, w->batch->count);
		batch_apply(buf_span(payload), s->active);
		payloads[count++] = buf_span(payload);
		sequence += w->batch->count;
		puts += w->batch->puts;
	}
	if (count == 0)
		return STATUS_OK;
	if (s->log != NULL) {
		uint64_t before = log_bytes(s->log);
		amt_status st = log_append(s->log, payloads, count, sequence);
		if (!amt_ok(st))
			return store_fail(s, st);
		atomic_fetch_add(&s->wal_bytes, log_bytes(s->log) - before);
		if (sync_is_due(s))
			TRY(sync_log(s));
	}
	atomic_fetch_add(&s->puts, puts);
	atomic_fetch_add(&s->deletes, sequence - s->last_sequence - puts);
	pthread_mutex_lock(&s->lock);
	s->last_sequence = sequence;
	pthread_mutex_unlock(&s->lock);
	return STATUS_OK;
}

/* Links what waits behind the leader into its group and adds up what it needs. */
static amt_status form_group(struct store *s, struct writer *first, struct memtable_room *room)
{
	pthread_mutex_lock(&s->lock);
	amt_status st = amt_ok(s->failure) ? STATUS_OK : store_refuse(s);
	size_t bytes = 0;
	struct writer *last = NULL;
	for (struct writer *w = first; w != NULL && w->request == REQUEST_WRITE; w = w->next) {
		bytes += w->batch->payload.size;
		if (last != NULL && bytes > GROUP_BYTES)
			break;
		room->nodes += w->batch->room.nodes;
		room->values += w->batch->room.values;
		if (last != NULL)
			last->peer = w;
		last = w;
	}
	pthread_mutex_unlock(&s->lock);
	return st;
}

/* The leader's turn: serves its group. */
static amt_status lead(struct store *s, struct writer *first)
{
	struct memtable_room room = {0};
	TRY(form_group(s, first, &room));
	if (first->request == REQUEST_SYNC)
		return sync_log(s);
	if (first->request == REQUEST_ROTATE) {
		if (memtable_entries(s->active) == 0)
			return STATUS_OK;
	}
	if (first->request == REQUEST_ROTATE || first->request == REQUEST_RENEW) {
		if (s->options.kind == STORE_LSM)
			TRY(wait_for_background(s, MAX_WAITING_MEMTABLES - 1));
		return rotate(s, &room);
	}
	TRY(make_room(s, &room));
	TRY(reserve(s, first, &room));
	return commit(s, first);
}

/* Tells everyone in the group and wakes the next leader. */
static void dismiss(struct store *s, struct writer *first, amt_status st)
{
	pthread_mutex_lock(&s->lock);
	for (struct writer *w = first, *peer; w != NULL; w = peer) {
		peer = w->peer; /* once done, its owner may be gone */
		s->first = w->next;
		if (!amt_ok(st) && amt_ok(w->status))
			w->status = ERROR(amt_status_code(st), "%s", amt_status_message(st));
		w->done = true;
		if (w != first)
			pthread_cond_signal(&w->wake);
	}
	if (s->first == NULL)
		s->last = NULL;
	else
		pthread_cond_signal(&s->first->wake);
	pthread_mutex_unlock(&s->lock);
	amt_status_clear(&st);
}

amt_status store_request(struct store *s, struct store_batch *b, enum request request)
{
	struct writer self = {.batch = b, .request = request};
	pthread_cond_init(&self.wake, NULL);
	pthread_mutex_lock(&s->lock);
	if (s->last != NULL)
		s->last->next = &self;
	else
		s->first = &self;
	s->last = &self;
	while (!self.done && s->first != &self)
		pthread_cond_wait(&self.wake, &s->lock);
	bool leads = !self.done;
	pthread_mutex_unlock(&s->lock);
	if (leads)
		dismiss(s, &self, lead(s, &self));
	pthread_cond_destroy(&self.wake);
	return self.status;
}

amt_status store_write(struct store *s, struct store_batch *b)
{
	return store_request(s, b, REQUEST_WRITE);
}

amt_status store_put(struct store *s, struct span key, struct span value)
{
	struct store_batch b = {0};
	amt_status st = store_batch_put(&b, key, value);
	if (amt_ok(st))
		st = store_write(s, &b);
	buf_free(&b.payload);
	return st;
}

amt_status store_delete(struct store *s, struct span key)
{
	struct store_batch b = {0};
	amt_status st = store_batch_delete(&b, key);
	if (amt_ok(st))
		st = store_write(s, &b);
	buf_free(&b.payload);
	return st;
}

amt_status store_flush(struct store *s)
{
	TRY(store_request(s, NULL, REQUEST_ROTATE));
	if (s->options.kind != STORE_LSM)
		return STATUS_OK;
	pthread_mutex_lock(&s->lock);
	uint64_t target = s->view->count > 1 && s->view->runs[1]->memtable != NULL
				  ? s->view->runs[1]->max_sequence
				  : 0;
	pthread_mutex_unlock(&s->lock);
	amt_status st = STATUS_OK;
	if (s->options.inline_background)
		background_run(s);
	pthread_mutex_lock(&s->lock);
	while (s->flushed_sequence < target && amt_ok(st))
		st = wait_done(s);
	pthread_mutex_unlock(&s->lock);
	return st;
}

static void drop_spare_log(struct store *s)
{
	pthread_mutex_lock(&s->change);
	if (s->spare_log != 0)
		log_remove(s->io, s->folder, s->spare_log);
	s->spare_log = 0;
	pthread_mutex_unlock(&s->change);
}

amt_status store_erase(struct store *s)
{
	if (s->options.kind != STORE_LSM)
		return STATUS_OK;
	/* The log in use may be an old one's file; the next one is not. */
	TRY(store_flush(s));
	drop_spare_log(s);
	TRY(store_request(s, NULL, REQUEST_RENEW));
	amt_status st = STATUS_OK;
	pthread_mutex_lock(&s->lock);
	s->merge_all = true;
	s->compaction_failed = false;
	pthread_cond_broadcast(&s->work);
	pthread_mutex_unlock(&s->lock);
	if (s->options.inline_background)
		background_run(s);
	pthread_mutex_lock(&s->lock);
	while (amt_ok(st) && (s->merge_all || !amt_ok(s->background_error))) {
		if (!amt_ok(s->failure))
			st = store_refuse(s);
		else if (!amt_ok(s->background_error))
			st = take_background_error(s);
		else
			pthread_cond_wait(&s->done, &s->lock);
	}
	s->merge_all = false;
	pthread_mutex_unlock(&s->lock);
	TRY(st);
	drop_spare_log(s);
	return io_sync_folder(s->io, s->folder);
}

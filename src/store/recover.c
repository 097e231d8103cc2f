/* Opening: from the manifest and the logs to the first view.
 *
 * 1. CURRENT and the manifest say which tables exist and which logs still matter.
 * 2. Those logs are replayed, oldest first, into memtables, which become tables: what was re-read
 *    is on disk again before anyone sees it.
 * 3. A new log and a new manifest with everything in it are made; the switch of CURRENT is the
 *    moment the recovery counts. Before it nothing old is touched, so a crash repeats it.
 * 4. Files that nothing names are removed.
 */
#include "store/internal.h"

#include "base/alloc.h"
#include "os/clock.h"

#include <stdio.h>
#include <unistd.h>
#include <xxhash.h>

amt_status store_table_path(struct store *s, uint64_t number, char **out)
{
	char name[32];
	(void)snprintf(name, sizeof(name), "%06llu.table", (unsigned long long)number);
	return io_path(out, s->folder, name);
}

enum file_kind { FILE_OTHER, FILE_LOG, FILE_TABLE, FILE_MANIFEST };

static enum file_kind parse_name(const char *name, uint64_t *number)
{
	static const char manifest[] = "MANIFEST-";
	bool is_manifest = strncmp(name, manifest, sizeof(manifest) - 1) == 0;
	const char *at = is_manifest ? name + sizeof(manifest) - 1 : name;
	const char *start = at;
	*number = 0;
	for (; *at >= '0' && *at <= '9' && at - start < 18; at++)
		*number = *number * 10 + (uint64_t)(*at - '0');
	if (at - start < 6)
		return FILE_OTHER;
	if (is_manifest)
		return *at == '\0' ? FILE_MANIFEST : FILE_OTHER;
	if (strcmp(at, ".log") == 0)
		return FILE_LOG;
	return strcmp(at, ".table") == 0 ? FILE_TABLE : FILE_OTHER;
}

static bool has_table(const struct manifest_state *state, uint64_t number)
{
	for (size_t i = 0; i < state->count; i++)
		if (state->tables[i].number == number)
			return true;
	return false;
}

/* Sets the next number beyond every file there is, and refuses a folder whose files contradict the
 * manifest: R1: a log that the manifest does not know never took a batch. */
static amt_status survey(struct store *s, const struct io_names *names, bool exists)
{
	uint64_t next = s->state.next_number > 0 ? s->state.next_number : 1;
	for (size_t i = 0; i < names->count; i++) {
		uint64_t number;
		bool used = false;
		enum file_kind kind = parse_name(names->names[i], &number);
		if (kind == FILE_OTHER)
			continue;
		if (kind == FILE_TABLE && !exists)
			used = true;
		else if (kind == FILE_LOG && number > s->state.newest_log)
			TRY(log_has_frames(s->io, s->folder, s->state.store_id, number, &used));
		ENSURE(!used, AMT_CORRUPTION, "%s/%s is in no manifest", s->folder,
			names->names[i]);
		if (number >= next)
			next = number + 1;
	}
	atomic_store(&s->next_number, next);
	return STATUS_OK;
}

/* Removes what nothing names. Failures leave rubbish for the next open. */
static void sweep(struct store *s, const struct io_names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		uint64_t number;
		char *path;
		bool keep = true;
		switch (parse_name(names->names[i], &number)) {
		case FILE_LOG:
			keep = number == s->state.newest_log;
			break;
		case FILE_TABLE:
			keep = has_table(&s->state, number);
			break;
		case FILE_MANIFEST:
			keep = number == manifest_number(s->manifest);
			break;
		case FILE_OTHER:
			keep = strcmp(names->names[i], "CURRENT.tmp") != 0;
			break;
		}
		if (keep)
			continue;
		amt_status st = io_path(&path, s->folder, names->names[i]);
		if (amt_ok(st)) {
			st = io_remove(s->io, path);
			mem_free(path);
		}
		amt_status_clear(&st);
	}
}

struct replay {
	struct store *store;
	struct run *run; /* a memtable; NULL before the first batch */
	uint64_t last_sequence;
};

/* Turns the replayed memtable into a table of the state. */
static amt_status flush_replay(struct replay *p)
{
	struct store *s = p->store;
	struct view *v;
	struct run *out;
	if (p->run == NULL)
		return STATUS_OK;
	TRY(view_new(&v, 2)); /* the empty second place: there may be older tables */
	v->runs[0] = p->run;
	p->run = NULL;
	v->count = 1 + (s->state.count > 0);
	amt_status st = background_merge(s, v, 0, 1, &out);
	v->count = 1;
	view_unref(v);
	TRY(st);
	if (out == NULL)
		return STATUS_OK;
	const struct manifest_table table = {out->number, run_bytes(out), out->max_sequence};
	run_unref(out);
	return manifest_apply(&s->state, &(struct manifest_edit){.added = &table});
}

static amt_status replay_batch(void *context, struct span payload)
{
	struct replay *p = context;
	const struct store *s = p->store;
	struct memtable_room room = {0};
	TRY(batch_measure(payload, &room));
	if (p->run != NULL &&
		(!memtable_fits(p->run->memtable, &room) ||
			memtable_bytes(p->run->memtable) >= s->options.memtable_bytes))
		TRY(flush_replay(p));
	if (p->run == NULL) {
		struct memtable *m;
		uint64_t region = s->options.memtable_bytes;
		TRY(memtable_new(&m, room.nodes > region ? room.nodes : region));
		amt_status st = run_of_memtable(&p->run, m, 0);
		if (!amt_ok(st)) {
			memtable_free(m);
			return st;
		}
	}
	TRY(memtable_reserve(p->run->memtable, &room));
	batch_apply(payload, p->run->memtable);
	return STATUS_OK;
}

/* headers = those of the logs that matter, newest first. */
static amt_status find_logs(struct store *s, struct buf *headers)
{
	uint64_t number = s->state.newest_log;
	while (number != 0) {
		struct log_header h;
		/* R2: from the newest log predecessors lead to the oldest one that matters. */
		ENSURE(number >= s->state.oldest_log, AMT_CORRUPTION, "log %llu is in no chain",
			(unsigned long long)s->state.oldest_log);
		TRY(log_read_header(s->io, s->folder, s->state.store_id, number, &h));
		TRY(buf_put(headers, &h, sizeof(h)));
		number = number == s->state.oldest_log ? 0 : h.predecessor;
		ENSURE(number != 0 || h.number == s->state.oldest_log, AMT_CORRUPTION,
			"log %llu is in no chain", (unsigned long long)s->state.oldest_log);
	}
	return STATUS_OK;
}

static amt_status replay_logs(struct store *s)
{
	struct buf headers = {0};
	struct replay p = {.store = s};
	s->last_sequence = s->state.last_sequence;
	amt_status st = find_logs(s, &headers);
	const struct log_header *h = (const struct log_header *)(const void *)headers.data;
	size_t count = headers.size / sizeof(*h);
	/* R3: the oldest log begins where the tables end. */
	if (amt_ok(st) && count > 0 && h[count - 1].last_sequence != s->state.last_sequence)
		st = ERROR(AMT_CORRUPTION, "log %llu does not follow the tables",
			(unsigned long long)h[count - 1].number);
	while (amt_ok(st) && count > 0) {
		struct log_end end;
		count--;
		st = log_replay(s->io, s->folder, s->state.store_id, h[count].number,
			count > 0 ? &h[count - 1] : NULL, replay_batch, &p, &end);
		s->last_sequence = end.last_sequence;
	}
	if (amt_ok(st))
		st = flush_replay(&p);
	run_unref(p.run);
	buf_free(&headers);
	return st;
}

/* The first view: an empty memtable, then the tables. */
static amt_status open_runs(struct store *s)
{
	struct memtable *m;
	TRY(view_new(&s->view, s->state.count + 1));
	s->view->count = 0; /* counts what is there, for clean-up */
	TRY(memtable_new(&m, s->options.memtable_bytes));
	amt_status st = run_of_memtable(&s->view->runs[0], m, s->log_number);
	if (!amt_ok(st)) {
		memtable_free(m);
		return st;
	}
	s->active = m;
	s->view->count = 1;
	for (size_t i = 0; i < s->state.count; i++) {
		const struct manifest_table *t = &s->state.tables[i];
		struct run *r;
		st = run_of_table(&r, s, t->number);
		if (amt_status_code(st) == AMT_NOT_FOUND) {
			amt_status_clear(&st);
			st = ERROR(AMT_CORRUPTION, "table %llu is missing",
				(unsigned long long)t->number);
		}
		TRY(st);
		s->view->runs[s->view->count++] = r;
		ENSURE(table_bytes(r->table) == t->bytes && r->max_sequence == t->max_sequence,
			AMT_CORRUPTION, "table %llu is not the one the manifest names",
			(unsigned long long)t->number);
	}
	return STATUS_OK;
}

static uint64_t new_store_id(const struct store *s)
{
	const uint64_t parts[] = {
		clock_wall_us(), clock_monotonic_ns(), (uint64_t)getpid(), (uint64_t)(uintptr_t)s};
	uint64_t id = XXH3_64bits(parts, sizeof(parts));
	return id != 0 ? id : 1;
}

/* Step 3, but for the switch. */
static amt_status start_log_and_manifest(struct store *s)
{
	s->log_number = atomic_fetch_add(&s->next_number, 1);
	const struct log_header header = {s->state.store_id, s->log_number, 0, 0, s->last_sequence};
	TRY(log_create(&s->log, s->io, s->folder, &header, NULL, s->options.memtable_bytes / 8));
	uint64_t number = atomic_fetch_add(&s->next_number, 1);
	s->state.oldest_log = s->state.newest_log = s->log_number;
	s->state.last_sequence = s->flushed_sequence = s->last_sequence;
	s->state.next_number = number + 1;
	return manifest_create(&s->manifest, s->io, s->folder, number, &s->state);
}

static amt_status prepare(struct store *s, bool exists)
{
	if (!exists)
		s->state.store_id = new_store_id(s);
	TRY(replay_logs(s));
	TRY(open_runs(s)); /* every table is sound before anything old is given up */
	TRY(start_log_and_manifest(s));
	s->view->runs[0]->number = s->log_number;
	return STATUS_OK;
}

/* Removes the files made since `from` was the next number, none of which counts. */
static void discard(struct store *s, uint64_t from)
{
	for (uint64_t n = from; n < atomic_load(&s->next_number); n++) {
		char name[32], *path;
		amt_status st = store_table_path(s, n, &path);
		for (int kind = 0; kind < 3 && amt_ok(st); kind++) {
			status_drop(io_remove(s->io, path));
			mem_free(path);
			path = NULL;
			manifest_name(name, n);
			if (kind < 2)
				st = kind == 0 ? log_path(&path, s->folder, n)
					       : io_path(&path, s->folder, name);
		}
		amt_status_clear(&st);
	}
}

static amt_status recover(struct store *s, const struct io_names *names, bool exists)
{
	TRY(survey(s, names, exists));
	uint64_t from = atomic_load(&s->next_number);
	amt_status st = prepare(s, exists);
	if (!amt_ok(st)) {
		discard(s, from);
		return st;
	}
	TRY(manifest_publish(s->io, s->folder, manifest_number(s->manifest)));
	sweep(s, names);
	return STATUS_OK;
}

amt_status store_recover(struct store *s)
{
	struct io_names names;
	uint64_t number;
	bool exists;
	TRY(manifest_load(s->io, s->folder, &s->state, &number, &exists));
	ENSURE(exists || !s->options.must_exist, AMT_NOT_FOUND, "%s holds no store", s->folder);
	ENSURE(!exists || !s->options.must_not_exist, AMT_ALREADY_EXISTS, "%s holds a store",
		s->folder);
	TRY(io_list(s->io, s->folder, &names));
	amt_status st = recover(s, &names, exists);
	io_names_free(&names);
	return st;
}

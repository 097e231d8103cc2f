/* Runs and views: counted, immutable lists that let readers work without locks. */
#include "store/internal.h"

#include "base/alloc.h"

amt_status run_of_memtable(struct run **out, struct memtable *m, uint64_t log_number)
{
	struct run *r;
	TRY(mem_zalloc(&r, sizeof(*r)));
	r->memtable = m;
	r->number = log_number;
	r->max_sequence = SEQUENCE_MAX;
	atomic_init(&r->references, 1);
	*out = r;
	return STATUS_OK;
}

amt_status run_of_table(struct run **out, struct store *s, uint64_t number)
{
	struct run *r;
	TRY(mem_zalloc(&r, sizeof(*r)));
	r->number = number;
	r->io = s->io;
	atomic_init(&r->references, 1);
	amt_status st = store_table_path(s, number, &r->remove_path);
	if (amt_ok(st))
		st = table_open(&r->table, s->io, r->remove_path, number);
	if (!amt_ok(st)) {
		run_unref(r);
		return st;
	}
	r->max_sequence = table_properties(r->table)->max_sequence;
	*out = r;
	return st;
}

struct run *run_ref(struct run *r)
{
	atomic_fetch_add_explicit(&r->references, 1, memory_order_relaxed);
	return r;
}

void run_unref(struct run *r)
{
	if (r == NULL || atomic_fetch_sub_explicit(&r->references, 1, memory_order_acq_rel) > 1)
		return;
	memtable_free(r->memtable);
	table_close(r->table);
	if (atomic_load(&r->obsolete)) /* if this fails, the next open removes it */
		status_drop(io_remove(r->io, r->remove_path));
	mem_free(r->remove_path);
	mem_free(r);
}

uint64_t run_bytes(const struct run *r)
{
	return r->memtable != NULL ? memtable_bytes(r->memtable) : table_bytes(r->table);
}

amt_status run_cursor(const struct run *r, struct cursor **out)
{
	return r->memtable != NULL ? memtable_cursor(r->memtable, out)
				   : table_cursor(r->table, out);
}

amt_status view_new(struct view **out, size_t count)
{
	TRY(mem_zalloc(out, sizeof(**out) + count * sizeof((*out)->runs[0])));
	atomic_init(&(*out)->references, 1);
	(*out)->count = count;
	return STATUS_OK;
}

struct view *view_ref(struct view *v)
{
	atomic_fetch_add_explicit(&v->references, 1, memory_order_relaxed);
	return v;
}

void view_unref(struct view *v)
{
	if (v == NULL || atomic_fetch_sub_explicit(&v->references, 1, memory_order_acq_rel) > 1)
		return;
	for (size_t i = 0; i < v->count; i++)
		run_unref(v->runs[i]);
	mem_free(v);
}

size_t view_memtables(const struct view *v)
{
	size_t n = 0;
	while (n < v->count && v->runs[n]->memtable != NULL)
		n++;
	return n;
}

amt_status view_cursor(const struct view *v, size_t from, size_t count, struct cursor **out)
{
	struct cursor **children;
	size_t made = 0;
	TRY(mem_array(&children, count, sizeof(*children)));
	amt_status s = STATUS_OK;
	while (amt_ok(s) && made < count) {
		s = run_cursor(v->runs[from + made], &children[made]);
		made += amt_ok(s);
	}
	if (amt_ok(s))
		s = merge_new(out, children, count);
	if (!amt_ok(s))
		while (made > 0)
			cursor_free(children[--made]);
	mem_free(children);
	return s;
}

amt_status view_get(
	const struct view *v, struct span key, uint64_t sequence, bool *present, struct buf *value)
{
	*present = false;
	for (size_t i = 0; i < v->count; i++) {
		const struct run *r = v->runs[i];
		enum entry_kind kind = ENTRY_DELETE;
		bool found;
		if (r->memtable != NULL) {
			struct entry e;
			found = memtable_get(r->memtable, key, sequence, &e);
			if (found && e.kind == ENTRY_PUT && value != NULL)
				TRY(buf_put(value, e.value.data, e.value.size));
			if (found)
				kind = e.kind;
		} else {
			TRY(table_get(r->table, key, sequence, &found, &kind, value));
		}
		if (found) { /* runs are newest first: the rest is older */
			*present = kind == ENTRY_PUT;
			break;
		}
	}
	return STATUS_OK;
}

struct view *store_view(struct store *s, const struct store_snapshot *snapshot, uint64_t *sequence)
{
	pthread_mutex_lock(&s->lock);
	struct view *v = view_ref(s->view);
	*sequence = snapshot != NULL ? snapshot->sequence : s->last_sequence;
	pthread_mutex_unlock(&s->lock);
	return v;
}

/* Snapshots and iterators.
 *
 * A snapshot is a sequence number that compaction respects. An iterator holds the view it started
 * with, so nothing it can reach goes away, and shows the newest version of each key at or below its
 * sequence. Walking forward follows the merge; a step backward seeks the entry before the current
 * key, then that key's newest visible version, which needs no second direction in any cursor.
 */
#include "store/internal.h"

#include "base/alloc.h"

enum where { FRESH, BEFORE_FIRST, AT_KEY, GAP, AFTER_LAST };

struct store_iterator {
	struct view *view;
	uint64_t sequence;
	struct cursor *merge;
	struct buf low, high;
	bool has_high;
	uint64_t limit, shown;
	enum where where;
	bool walking;	/* forward: the merge stands on the entry of `key` */
	struct buf key; /* AT_KEY: the current one; GAP: just before the first key >= it */
	struct span value;
};

amt_status store_snapshot_new(struct store *s, struct store_snapshot **out)
{
	struct store_snapshot *p;
	TRY(mem_zalloc(&p, sizeof(*p)));
	pthread_mutex_lock(&s->lock);
	p->sequence = s->last_sequence;
	p->next = s->snapshots;
	if (p->next != NULL)
		p->next->previous = p;
	s->snapshots = p;
	pthread_mutex_unlock(&s->lock);
	*out = p;
	return STATUS_OK;
}

void store_snapshot_free(struct store *s, struct store_snapshot *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	if (p->next != NULL)
		p->next->previous = p->previous;
	if (p->previous != NULL)
		p->previous->next = p->next;
	else
		s->snapshots = p->next;
	pthread_mutex_unlock(&s->lock);
	mem_free(p);
}

amt_status store_iterator_new(struct store *s, const struct store_snapshot *snapshot,
	struct span low, struct span high, uint64_t limit, struct store_iterator **out)
{
	struct store_iterator *it;
	TRY(mem_zalloc(&it, sizeof(*it)));
	it->view = store_view(s, snapshot, &it->sequence);
	it->limit = limit;
	it->has_high = high.data != NULL;
	amt_status st = view_cursor(it->view, 0, it->view->count, &it->merge);
	if (amt_ok(st))
		st = buf_put(&it->low, low.data, low.size);
	if (amt_ok(st))
		st = buf_put(&it->high, high.data, high.size);
	if (!amt_ok(st)) {
		store_iterator_free(it);
		return st;
	}
	*out = it;
	return st;
}

void store_iterator_free(struct store_iterator *it)
{
	if (it == NULL)
		return;
	cursor_free(it->merge);
	view_unref(it->view);
	buf_free(&it->low);
	buf_free(&it->high);
	buf_free(&it->key);
	mem_free(it);
}

static bool is_past_high(const struct store_iterator *it, struct span key)
{
	return it->has_high && span_compare(key, buf_span(&it->high)) >= 0;
}

/* As a bound: the empty key is one too, NULL is not. */
static struct span bound(const struct buf *b)
{
	return b->data != NULL ? buf_span(b) : span_str("");
}

static amt_status set_key(struct store_iterator *it, struct span key)
{
	if (key.size > 0 && key.data == it->key.data) /* its own, given back */
		return STATUS_OK;
	buf_clear(&it->key);
	return buf_put(&it->key, key.data, key.size);
}

static amt_status show(struct store_iterator *it, bool *valid)
{
	it->value = it->merge->entry.value;
	it->where = AT_KEY;
	it->shown++;
	*valid = true;
	return STATUS_OK;
}

static bool is_at_limit(const struct store_iterator *it)
{
	return it->limit != 0 && it->shown >= it->limit;
}

/* From where the merge stands to the next visible key; `key` is one to pass over if it is set. */
static amt_status walk(struct store_iterator *it, bool passing, bool *valid)
{
	struct cursor *c = it->merge;
	for (; c->valid;) {
		if (is_past_high(it, c->entry.key))
			break;
		bool passed = passing && span_equal(c->entry.key, buf_span(&it->key));
		if (!passed && c->entry.sequence <= it->sequence) {
			TRY(set_key(it, c->entry.key));
			if (c->entry.kind == ENTRY_PUT) {
				it->walking = true;
				return show(it, valid);
			}
			passing = true; /* deleted: so are its older versions */
		}
		TRY(cursor_next(c));
	}
	it->where = AFTER_LAST;
	return STATUS_OK;
}

amt_status store_iterator_next(struct store_iterator *it, bool *valid)
{
	enum where where = it->where;
	bool walking = it->walking;
	*valid = false;
	it->walking = false;
	if (where == AFTER_LAST || is_at_limit(it))
		return STATUS_OK;
	if (where == FRESH || where == BEFORE_FIRST)
		TRY(cursor_seek(it->merge, buf_span(&it->low), SEQUENCE_MAX));
	else if (where == GAP)
		TRY(cursor_seek(it->merge, buf_span(&it->key), SEQUENCE_MAX));
	else if (walking)
		TRY(cursor_next(it->merge));
	else
		TRY(cursor_seek(it->merge, buf_span(&it->key), 0));
	return walk(it, where == AT_KEY, valid);
}

/* Shows the greatest visible key below `key` (data NULL: of all). */
static amt_status step_back(struct store_iterator *it, struct span key, bool *valid)
{
	struct cursor *c = it->merge;
	for (;;) {
		TRY(cursor_seek_before(c, key, SEQUENCE_MAX));
		if (!c->valid || span_compare(c->entry.key, buf_span(&it->low)) < 0)
			break;
		TRY(set_key(it, c->entry.key));
		key = buf_span(&it->key);
		TRY(cursor_seek(c, key, it->sequence));
		if (c->valid && span_equal(c->entry.key, key) && c->entry.kind == ENTRY_PUT)
			return show(it, valid);
	}
	it->where = BEFORE_FIRST;
	return STATUS_OK;
}

amt_status store_iterator_prev(struct store_iterator *it, bool *valid)
{
	enum where where = it->where;
	*valid = false;
	it->walking = false;
	if (where == BEFORE_FIRST || is_at_limit(it))
		return STATUS_OK;
	if (where == AT_KEY || where == GAP)
		return step_back(it, bound(&it->key), valid);
	return step_back(it, it->has_high ? bound(&it->high) : span_of(NULL, 0), valid);
}

amt_status store_iterator_seek(struct store_iterator *it, struct span key)
{
	it->walking = false;
	if (span_compare(key, buf_span(&it->low)) < 0)
		key = buf_span(&it->low);
	else if (is_past_high(it, key))
		key = buf_span(&it->high);
	TRY(set_key(it, key));
	it->where = GAP;
	return STATUS_OK;
}

struct span store_iterator_key(const struct store_iterator *it)
{
	return buf_span(&it->key);
}

struct span store_iterator_value(const struct store_iterator *it)
{
	return it->value;
}

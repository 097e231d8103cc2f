/* The merge is a linear search for the least head: compaction keeps the number of runs near ten,
 * where that beats a heap. */
#include "store/entry.h"

#include "base/alloc.h"

struct merge {
	struct cursor base;
	struct cursor *current; /* whose entry is shown */
	size_t count;
	struct cursor *children[];
};

static int order(const struct cursor *a, const struct cursor *b)
{
	return entry_compare(a->entry.key, a->entry.sequence, b->entry.key, b->entry.sequence);
}

static void choose(struct merge *m, int sign)
{
	m->current = NULL;
	for (size_t i = 0; i < m->count; i++) {
		struct cursor *c = m->children[i];
		if (c->valid && (m->current == NULL || order(c, m->current) * sign < 0))
			m->current = c;
	}
	m->base.valid = m->current != NULL;
	if (m->base.valid)
		m->base.entry = m->current->entry;
}

static amt_status merge_seek(struct cursor *c, struct span key, uint64_t sequence)
{
	struct merge *m = (struct merge *)c;
	c->valid = false;
	for (size_t i = 0; i < m->count; i++)
		TRY(cursor_seek(m->children[i], key, sequence));
	choose(m, 1);
	return STATUS_OK;
}

static amt_status merge_seek_before(struct cursor *c, struct span key, uint64_t sequence)
{
	struct merge *m = (struct merge *)c;
	c->valid = false;
	for (size_t i = 0; i < m->count; i++)
		TRY(cursor_seek_before(m->children[i], key, sequence));
	choose(m, -1);
	return STATUS_OK;
}

static amt_status merge_next(struct cursor *c)
{
	struct merge *m = (struct merge *)c;
	c->valid = false;
	TRY(cursor_next(m->current));
	choose(m, 1);
	return STATUS_OK;
}

static void merge_free(struct cursor *c)
{
	struct merge *m = (struct merge *)c;
	for (size_t i = 0; i < m->count; i++)
		cursor_free(m->children[i]);
	mem_free(m);
}

amt_status merge_new(struct cursor **out, struct cursor *const *children, size_t count)
{
	static const struct cursor_functions functions = {
		merge_seek, merge_seek_before, merge_next, merge_free};
	struct merge *m;
	TRY(mem_zalloc(&m, sizeof(*m) + count * sizeof(m->children[0])));
	m->base.functions = &functions;
	m->count = count;
	if (count > 0)
		memcpy(m->children, children, count * sizeof(m->children[0]));
	*out = &m->base;
	return STATUS_OK;
}

/* Skip list after Pugh (1990), branching 4. A node's fields are written before the release store
 * that links it, and read after the acquire load that found it: that is the whole of the locking.
 */
#include "store/memtable.h"

#include "base/alloc.h"

#include <stdatomic.h>

enum { MAX_HEIGHT = 12, INLINE_VALUE = 1024, CHUNK_MIN = 1 << 18, NODE_ALIGN = 8 };

struct node {
	const uint8_t *value;
	uint64_t sequence;
	uint32_t value_size;
	uint32_t key_size;
	uint8_t kind;
	uint8_t height;
	_Atomic uint32_t next[]; /* height of them, then the key, then a small value */
};

struct chunk {
	struct chunk *older;
	uint8_t bytes[];
};

struct memtable {
	uint8_t *region;
	uint64_t region_size;
	uint64_t used;	      /* of the region; writer only */
	struct chunk *chunks; /* newest first; writer only */
	uint64_t chunk_size, chunk_used;
	uint64_t random;
	_Atomic uint64_t bytes; /* region and chunks */
	_Atomic uint64_t entries;
	struct node *head; /* its key is before all others */
};

static size_t node_size(unsigned height, size_t key_bytes, size_t value_bytes)
{
	size_t size = sizeof(struct node) + height * sizeof(uint32_t) + key_bytes +
		      (value_bytes <= INLINE_VALUE ? value_bytes : 0);
	return (size + NODE_ALIGN - 1) / NODE_ALIGN * NODE_ALIGN;
}

void memtable_room_add(struct memtable_room *room, size_t key_bytes, size_t value_bytes)
{
	room->nodes += node_size(MAX_HEIGHT, key_bytes, value_bytes);
	if (value_bytes > INLINE_VALUE)
		room->values += value_bytes;
}

amt_status memtable_new(struct memtable **out, uint64_t region_bytes)
{
	struct memtable *m;
	uint64_t head = node_size(MAX_HEIGHT, 0, 0);
	uint64_t size = NODE_ALIGN + head + region_bytes; /* offset 0 means none */
	ENSURE(size <= UINT32_MAX, AMT_LIMIT, "a memtable of %llu bytes",
		(unsigned long long)region_bytes);
	TRY(mem_zalloc(&m, sizeof(*m)));
	amt_status s = mem_alloc(&m->region, size);
	if (!amt_ok(s)) {
		mem_free(m);
		return s;
	}
	m->region_size = size;
	m->head = (struct node *)(m->region + NODE_ALIGN);
	memset(m->head, 0, head);
	m->head->height = MAX_HEIGHT;
	m->used = NODE_ALIGN + head;
	m->random = 0x9e3779b97f4a7c15u;
	*out = m;
	return STATUS_OK;
}

void memtable_free(struct memtable *m)
{
	if (m == NULL)
		return;
	while (m->chunks != NULL) {
		struct chunk *older = m->chunks->older;
		mem_free(m->chunks);
		m->chunks = older;
	}
	mem_free(m->region);
	mem_free(m);
}

bool memtable_fits(const struct memtable *m, const struct memtable_room *room)
{
	return m->region_size - m->used >= room->nodes;
}

amt_status memtable_reserve(struct memtable *m, const struct memtable_room *room)
{
	ENSURE(memtable_fits(m, room), AMT_LIMIT, "the memtable is full");
	if (m->chunk_size - m->chunk_used >= room->values)
		return STATUS_OK;
	uint64_t least = m->region_size / 8 < CHUNK_MIN ? m->region_size / 8 : CHUNK_MIN;
	uint64_t size = room->values > least ? room->values : least;
	struct chunk *chunk;
	TRY(mem_alloc(&chunk, sizeof(*chunk) + size));
	chunk->older = m->chunks;
	m->chunks = chunk;
	m->chunk_size = size;
	m->chunk_used = 0;
	return STATUS_OK;
}

static struct node *at(const struct memtable *m, uint32_t offset)
{
	return offset == 0 ? NULL : (struct node *)(m->region + offset);
}

static struct node *next_of(const struct memtable *m, struct node *n, unsigned level)
{
	return at(m, atomic_load_explicit(&n->next[level], memory_order_acquire));
}

static struct span key_of(const struct node *n)
{
	return span_of(&n->next[n->height], n->key_size);
}

static bool is_before(const struct node *n, struct span key, uint64_t sequence)
{
	return entry_compare(key_of(n), n->sequence, key, sequence) < 0;
}

/* The last node before (key, sequence), the head if there is none, and in *after the first that is
 * not, as seen in the same step: looking it up again could find one just put in between. before[]
 * (may be NULL) gets the last one before for each level. */
static struct node *find_before(const struct memtable *m, struct span key, uint64_t sequence,
	struct node **after, struct node **before)
{
	struct node *n = m->head;
	struct node *next = NULL;
	for (unsigned level = MAX_HEIGHT; level-- > 0;) {
		const struct node *known = next; /* not before the target: seen one level up */
		while ((next = next_of(m, n, level)) != NULL && next != known &&
			is_before(next, key, sequence))
			n = next;
		if (before != NULL)
			before[level] = n;
	}
	*after = next;
	return n;
}

static struct node *find_at(const struct memtable *m, struct span key, uint64_t sequence)
{
	struct node *after;
	(void)find_before(m, key, sequence, &after, NULL);
	return after;
}

static struct node *find_last(const struct memtable *m)
{
	struct node *n = m->head;
	for (unsigned level = MAX_HEIGHT; level-- > 0;)
		for (struct node *next; (next = next_of(m, n, level)) != NULL;)
			n = next;
	return n;
}

static unsigned random_height(struct memtable *m)
{
	m->random ^= m->random << 13; /* xorshift64 */
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	unsigned height = 1;
	for (uint64_t bits = m->random >> 8; height < MAX_HEIGHT && (bits & 3) == 0; bits >>= 2)
		height++;
	return height;
}

void memtable_add(struct memtable *m, const struct entry *e)
{
	unsigned height = random_height(m);
	size_t size = node_size(height, e->key.size, e->value.size);
	struct node *n = (struct node *)(m->region + m->used);
	uint32_t offset = (uint32_t)m->used;
	m->used += size;
	*n = (struct node){.sequence = e->sequence,
		.value_size = (uint32_t)e->value.size,
		.key_size = (uint32_t)e->key.size,
		.kind = (uint8_t)e->kind,
		.height = (uint8_t)height};
	uint8_t *key = (uint8_t *)&n->next[height];
	memcpy(key, e->key.data, e->key.size);
	uint8_t *value = key + e->key.size;
	if (e->value.size > INLINE_VALUE) {
		value = m->chunks->bytes + m->chunk_used;
		m->chunk_used += e->value.size;
		size += e->value.size;
	}
	if (e->value.size > 0)
		memcpy(value, e->value.data, e->value.size);
	n->value = value;
	struct node *before[MAX_HEIGHT], *after;
	(void)find_before(m, e->key, e->sequence, &after, before);
	for (unsigned level = 0; level < height; level++) {
		uint32_t next =
			atomic_load_explicit(&before[level]->next[level], memory_order_relaxed);
		atomic_store_explicit(&n->next[level], next, memory_order_relaxed);
		atomic_store_explicit(&before[level]->next[level], offset, memory_order_release);
	}
	atomic_fetch_add_explicit(&m->bytes, size, memory_order_relaxed);
	atomic_fetch_add_explicit(&m->entries, 1, memory_order_relaxed);
}

uint64_t memtable_bytes(const struct memtable *m)
{
	return atomic_load_explicit(&m->bytes, memory_order_relaxed);
}

uint64_t memtable_region_bytes(const struct memtable *m)
{
	return m->used;
}

uint64_t memtable_entries(const struct memtable *m)
{
	return atomic_load_explicit(&m->entries, memory_order_relaxed);
}

static void show(const struct node *n, struct entry *out)
{
	*out = (struct entry){
		key_of(n), n->sequence, (enum entry_kind)n->kind, span_of(n->value, n->value_size)};
}

bool memtable_get(const struct memtable *m, struct span key, uint64_t sequence, struct entry *out)
{
	const struct node *n = find_at(m, key, sequence);
	if (n == NULL || !span_equal(key_of(n), key))
		return false;
	show(n, out);
	return true;
}

struct memtable_cursor {
	struct cursor base;
	const struct memtable *memtable;
	struct node *node;
};

static amt_status stand(struct memtable_cursor *c, struct node *n)
{
	c->node = n;
	c->base.valid = n != NULL && n != c->memtable->head;
	if (c->base.valid)
		show(n, &c->base.entry);
	return STATUS_OK;
}

static amt_status cursor_seek_node(struct cursor *base, struct span key, uint64_t sequence)
{
	struct memtable_cursor *c = (struct memtable_cursor *)base;
	return stand(c, find_at(c->memtable, key, sequence));
}

static amt_status cursor_seek_node_before(struct cursor *base, struct span key, uint64_t sequence)
{
	struct memtable_cursor *c = (struct memtable_cursor *)base;
	struct node *after;
	return stand(c, key.data == NULL ? find_last(c->memtable)
					 : find_before(c->memtable, key, sequence, &after, NULL));
}

static amt_status cursor_next_node(struct cursor *base)
{
	struct memtable_cursor *c = (struct memtable_cursor *)base;
	return stand(c, next_of(c->memtable, c->node, 0));
}

static void cursor_free_node(struct cursor *base)
{
	mem_free(base);
}

amt_status memtable_cursor(const struct memtable *m, struct cursor **out)
{
	static const struct cursor_functions functions = {
		cursor_seek_node, cursor_seek_node_before, cursor_next_node, cursor_free_node};
	struct memtable_cursor *c;
	TRY(mem_zalloc(&c, sizeof(*c)));
	c->base.functions = &functions;
	c->memtable = m;
	*out = &c->base;
	return STATUS_OK;
}

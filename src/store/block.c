#include "store/block.h"

#include "base/alloc.h"

enum { RESTART_INTERVAL = 16 };

amt_status block_add(struct block_builder *b, const struct entry *e)
{
	size_t shared = 0;
	if (b->entries % RESTART_INTERVAL == 0) {
		ENSURE(b->bytes.size <= UINT32_MAX, AMT_LIMIT, "a block of %zu bytes",
			b->bytes.size);
		TRY(buf_put_u32(&b->restarts, (uint32_t)b->bytes.size));
	} else {
		size_t most = e->key.size < b->last_key.size ? e->key.size : b->last_key.size;
		while (shared < most && e->key.data[shared] == b->last_key.data[shared])
			shared++;
	}
	TRY(buf_put_varint(&b->bytes, shared));
	TRY(buf_put_varint(&b->bytes, e->key.size - shared));
	TRY(buf_put_varint(&b->bytes, (uint64_t)e->value.size * 2 + e->kind));
	TRY(buf_put_varint(&b->bytes, e->sequence));
	TRY(buf_put(&b->bytes, e->key.data + shared, e->key.size - shared));
	TRY(buf_put(&b->bytes, e->value.data, e->value.size));
	b->last_key.size = shared;
	TRY(buf_put(&b->last_key, e->key.data + shared, e->key.size - shared));
	b->entries++;
	return STATUS_OK;
}

amt_status block_finish(struct block_builder *b)
{
	uint32_t count = (uint32_t)(b->restarts.size / 4);
	TRY(buf_put(&b->bytes, b->restarts.data, b->restarts.size));
	TRY(buf_put_u32(&b->bytes, count));
	ENSURE(b->bytes.size <= UINT32_MAX, AMT_LIMIT, "a block of %zu bytes", b->bytes.size);
	return STATUS_OK;
}

void block_clear(struct block_builder *b)
{
	b->bytes.size = b->restarts.size = b->last_key.size = 0;
	b->entries = 0;
}

void block_builder_free(struct block_builder *b)
{
	buf_free(&b->bytes);
	buf_free(&b->restarts);
	buf_free(&b->last_key);
}

amt_status block_open(struct block_cursor *c, struct span block, const char *what)
{
	c->valid = false;
	c->what = what;
	ENSURE(block.size >= 8 && block.size <= UINT32_MAX, AMT_CORRUPTION,
		"%s: a block of %zu bytes", what, block.size);
	uint32_t count = load_u32(block.data + block.size - 4);
	ENSURE(count >= 1 && count <= (block.size - 4) / 4, AMT_CORRUPTION,
		"%s: a block of %zu bytes with %u restart points", what, block.size, count);
	c->restart_count = count;
	c->block = span_of(block.data, block.size - 4 - (size_t)count * 4);
	c->restarts = block.data + c->block.size;
	return STATUS_OK;
}

/* Decodes the entry at `next`; past the last one the cursor is not valid. */
static amt_status step(struct block_cursor *c)
{
	c->valid = false;
	c->at = c->next;
	if (c->at == c->block.size)
		return STATUS_OK;
	struct reader r = {c->block.data + c->at, c->block.data + c->block.size, c->what};
	uint64_t shared, unshared, tagged, sequence;
	struct span tail;
	TRY(read_varint(&r, &shared));
	TRY(read_varint(&r, &unshared));
	TRY(read_varint(&r, &tagged));
	TRY(read_varint(&r, &sequence));
	ENSURE(shared <= c->key.size && unshared <= KEY_MAX_BYTES &&
			shared + unshared <= KEY_MAX_BYTES && tagged / 2 <= VALUE_MAX_BYTES &&
			sequence <= SEQUENCE_MAX,
		AMT_CORRUPTION, "%s: a malformed entry at %u", c->what, c->at);
	TRY(read_bytes(&r, (size_t)unshared, &tail));
	TRY(read_bytes(&r, (size_t)(tagged / 2), &c->entry.value));
	c->key.size = (size_t)shared;
	TRY(buf_put(&c->key, tail.data, tail.size));
	c->entry.key = buf_span(&c->key);
	c->entry.kind = tagged & 1 ? ENTRY_PUT : ENTRY_DELETE;
	c->entry.sequence = sequence;
	c->next = (uint32_t)(r.at - c->block.data);
	c->valid = true;
	return STATUS_OK;
}

static amt_status jump(struct block_cursor *c, uint32_t offset)
{
	c->key.size = 0;
	c->next = offset;
	return step(c);
}

static amt_status jump_to_restart(struct block_cursor *c, uint32_t index)
{
	uint32_t offset = load_u32(c->restarts + (size_t)index * 4);
	ENSURE(offset < c->block.size, AMT_CORRUPTION, "%s: a restart point at %u", c->what,
		offset);
	return jump(c, offset);
}

/* To the last restart point whose entry is before the target, or the first one. */
static amt_status jump_before(struct block_cursor *c, struct span key, uint64_t sequence)
{
	uint32_t low = 0, high = c->restart_count; /* the answer is in [low, high) */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		TRY(jump_to_restart(c, middle));
		if (entry_compare(c->entry.key, c->entry.sequence, key, sequence) < 0)
			low = middle;
		else
			high = middle;
	}
	return jump_to_restart(c, low);
}

static bool is_before(const struct block_cursor *c, struct span key, uint64_t sequence)
{
	return entry_compare(c->entry.key, c->entry.sequence, key, sequence) < 0;
}

amt_status block_seek(struct block_cursor *c, struct span key, uint64_t sequence)
{
	TRY(jump_before(c, key, sequence));
	while (c->valid && is_before(c, key, sequence))
		TRY(step(c));
	return STATUS_OK;
}

amt_status block_seek_before(struct block_cursor *c, struct span key, uint64_t sequence)
{
	uint32_t start, before = UINT32_MAX;
	if (key.data == NULL)
		TRY(jump_to_restart(c, c->restart_count - 1));
	else
		TRY(jump_before(c, key, sequence));
	for (start = c->at; c->valid && (key.data == NULL || is_before(c, key, sequence));) {
		before = c->at;
		TRY(step(c));
	}
	c->valid = false;
	if (before == UINT32_MAX)
		return STATUS_OK;
	TRY(jump(c, start));
	while (c->at < before)
		TRY(step(c));
	return STATUS_OK;
}

amt_status block_next(struct block_cursor *c)
{
	return step(c);
}

void block_cursor_free(struct block_cursor *c)
{
	buf_free(&c->key);
}

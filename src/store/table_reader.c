#include "store/table.h"

#include "base/alloc.h"
#include "store/block.h"
#include "store/bloom.h"
#include "store/table_format.h"

/* One data block; its key is the last one in it. */
struct place {
	uint64_t sequence;
	uint64_t offset;
	size_t key; /* offset in keys */
	uint32_t key_size;
	uint32_t size;
};

struct table {
	struct io_file *file;
	uint64_t number, size;
	struct table_properties properties; /* spans into property_bytes */
	struct buf property_bytes, filter, keys;
	struct place *places;
	size_t count;
};

/* Reads the block of size bytes at offset, with its trailer, into out and checks it. */
static amt_status read_block(const struct table *t, uint64_t offset, uint32_t size,
	enum table_block_type type, struct buf *out)
{
	buf_clear(out);
	uint8_t *bytes;
	TRY(buf_extend(out, (size_t)size + BLOCK_TRAILER, &bytes));
	TRY(io_read_exact(t->file, offset, bytes, (size_t)size + BLOCK_TRAILER));
	const uint8_t *trailer = bytes + size;
	ENSURE(block_checksum(span_of(bytes, size), trailer, t->number, offset) ==
				load_u32(trailer + 4) &&
			trailer[0] == type,
		AMT_CORRUPTION, "%s: the block at %llu fails its checksum", t->file->path,
		(unsigned long long)offset);
	ENSURE(trailer[1] == 0 && trailer[2] == 0 && trailer[3] == 0, AMT_UNKNOWN_VERSION,
		"%s: unknown block encoding %u", t->file->path, trailer[1]);
	out->size = size;
	return STATUS_OK;
}

static amt_status read_footer(struct table *t, struct table_footer *f)
{
	uint8_t bytes[FOOTER_BYTES];
	const char *path = t->file->path;
	TRY(io_size(t->file, &t->size));
	ENSURE(t->size >= FOOTER_BYTES, AMT_TRUNCATED, "%s: %llu bytes", path,
		(unsigned long long)t->size);
	TRY(io_read_exact(t->file, t->size - FOOTER_BYTES, bytes, sizeof(bytes)));
	ENSURE(load_u64(bytes) == TABLE_MAGIC, AMT_CORRUPTION, "%s: not a table", path);
	uint32_t expected = load_u32(bytes + 12);
	store_u32(bytes + 12, 0);
	ENSURE(crc32c(0, bytes, sizeof(bytes)) == expected, AMT_CORRUPTION,
		"%s: the footer fails its checksum", path);
	ENSURE(load_u32(bytes + 8) == TABLE_VERSION, AMT_UNKNOWN_VERSION, "%s: format %u", path,
		load_u32(bytes + 8));
	ENSURE(load_u64(bytes + 16) == t->number, AMT_CORRUPTION, "%s: holds table %llu", path,
		(unsigned long long)load_u64(bytes + 16));
	for (int i = 0; i < 3; i++) {
		f->offset[i] = load_u64(bytes + 24 + 8 * i);
		f->size[i] = load_u32(bytes + 48 + 4 * i);
	}
	/* T2: index, filter, properties and footer follow each other without a gap. */
	for (int i = 0; i < 3; i++) {
		uint64_t end = i < 2 ? f->offset[i + 1] : t->size - FOOTER_BYTES;
		ENSURE(f->offset[i] < end && end <= t->size &&
				end - f->offset[i] == (uint64_t)f->size[i] + BLOCK_TRAILER,
			AMT_CORRUPTION, "%s: the footer does not fit the file", path);
	}
	return STATUS_OK;
}

static amt_status parse_properties(struct table *t)
{
	struct table_properties *p = &t->properties;
	struct reader r = reader_of(buf_span(&t->property_bytes), t->file->path);
	TRY(read_u64(&r, &p->entries));
	TRY(read_u64(&r, &p->deletes));
	TRY(read_u64(&r, &p->min_sequence));
	TRY(read_u64(&r, &p->max_sequence));
	TRY(read_u64(&r, &p->key_bytes));
	TRY(read_u64(&r, &p->value_bytes));
	TRY(read_span(&r, KEY_MAX_BYTES, &p->smallest));
	TRY(read_span(&r, KEY_MAX_BYTES, &p->largest));
	TRY(read_end(&r));
	ENSURE(p->entries > 0 && p->smallest.size > 0 && p->min_sequence <= p->max_sequence &&
			p->max_sequence <= SEQUENCE_MAX &&
			span_compare(p->smallest, p->largest) <= 0,
		AMT_CORRUPTION, "%s: impossible properties", t->file->path);
	return STATUS_OK;
}

/* Turns the index block into an array; the data blocks must tile [0, end). */
static amt_status parse_index(struct table *t, struct span block, uint64_t end)
{
	struct block_cursor c = {0};
	uint64_t offset = 0;
	size_t capacity = 0;
	amt_status s = block_open(&c, block, t->file->path);
	if (amt_ok(s))
		s = block_seek(&c, span_of(NULL, 0), SEQUENCE_MAX);
	for (; amt_ok(s) && c.valid; s = amt_ok(s) ? block_next(&c) : s) {
		const struct span handle = c.entry.value;
		if (handle.size != 12 || load_u64(handle.data) != offset ||
			end - offset < BLOCK_TRAILER ||
			end - offset - BLOCK_TRAILER < load_u32(handle.data + 8)) {
			s = ERROR(AMT_CORRUPTION, "%s: an impossible index", t->file->path);
			break;
		}
		if (t->count == capacity) {
			capacity = capacity == 0 ? 16 : capacity * 2;
			s = mem_grow(&t->places, capacity * sizeof(*t->places));
			if (!amt_ok(s))
				break;
		}
		t->places[t->count++] = (struct place){.sequence = c.entry.sequence,
			.offset = offset,
			.key = t->keys.size,
			.key_size = (uint32_t)c.entry.key.size,
			.size = load_u32(handle.data + 8)};
		offset += (uint64_t)load_u32(handle.data + 8) + BLOCK_TRAILER;
		s = buf_put(&t->keys, c.entry.key.data, c.entry.key.size);
	}
	block_cursor_free(&c);
	if (amt_ok(s) && (offset != end || t->count == 0))
		s = ERROR(AMT_CORRUPTION, "%s: the index does not fit the file", t->file->path);
	return s;
}

static amt_status load(struct table *t)
{
	struct table_footer f;
	struct buf index = {0};
	TRY(read_footer(t, &f));
	TRY(read_block(t, f.offset[1], f.size[1], BLOCK_FILTER, &t->filter));
	ENSURE(t->filter.size > 0 && t->filter.size % 64 == 0, AMT_CORRUPTION,
		"%s: a filter of %zu bytes", t->file->path, t->filter.size);
	TRY(read_block(t, f.offset[2], f.size[2], BLOCK_PROPERTIES, &t->property_bytes));
	TRY(parse_properties(t));
	amt_status s = read_block(t, f.offset[0], f.size[0], BLOCK_INDEX, &index);
	if (amt_ok(s))
		s = parse_index(t, buf_span(&index), f.offset[0]);
	buf_free(&index);
	return s;
}

amt_status table_open(struct table **out, struct io *io, const char *path, uint64_t number)
{
	struct table *t;
	TRY(mem_zalloc(&t, sizeof(*t)));
	t->number = number;
	amt_status s = io_open(io, path, IO_READ, &t->file);
	if (amt_ok(s))
		s = load(t);
	if (!amt_ok(s)) {
		table_close(t);
		return s;
	}
	*out = t;
	return s;
}

void table_close(struct table *t)
{
	if (t == NULL)
		return;
	io_close(t->file);
	buf_free(&t->property_bytes);
	buf_free(&t->filter);
	buf_free(&t->keys);
	mem_free(t->places);
	mem_free(t);
}

const struct table_properties *table_properties(const struct table *t)
{
	return &t->properties;
}

uint64_t table_bytes(const struct table *t)
{
	return t->size;
}

/* The first block whose last entry is at or after (key, sequence); count if there is none. */
static size_t find_block(const struct table *t, struct span key, uint64_t sequence)
{
	size_t low = 0, high = t->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct place *p = &t->places[middle];
		struct span last = span_of(t->keys.data + p->key, p->key_size);
		if (entry_compare(last, p->sequence, key, sequence) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct table_cursor {
	struct cursor base;
	const struct table *table;
	size_t loaded; /* which block `block` holds; count: none */
	struct buf block;
	struct block_cursor inner;
};

static amt_status load_block(struct table_cursor *c, size_t index)
{
	const struct table *t = c->table;
	const struct place *p = &t->places[index];
	if (c->loaded == index)
		return STATUS_OK;
	c->loaded = t->count;
	TRY(read_block(t, p->offset, p->size, BLOCK_DATA, &c->block));
	TRY(block_open(&c->inner, buf_span(&c->block), t->file->path));
	c->loaded = index;
	return STATUS_OK;
}

static amt_status show(struct table_cursor *c)
{
	c->base.valid = c->inner.valid;
	c->base.entry = c->inner.entry;
	return STATUS_OK;
}

static amt_status seek(struct cursor *base, struct span key, uint64_t sequence)
{
	struct table_cursor *c = (struct table_cursor *)base;
	base->valid = false;
	size_t index = find_block(c->table, key, sequence);
	if (index == c->table->count)
		return STATUS_OK;
	TRY(load_block(c, index));
	TRY(block_seek(&c->inner, key, sequence));
	return show(c);
}

static amt_status seek_before(struct cursor *base, struct span key, uint64_t sequence)
{
	struct table_cursor *c = (struct table_cursor *)base;
	const struct table *t = c->table;
	base->valid = false;
	size_t index = key.data == NULL ? t->count : find_block(t, key, sequence);
	if (index < t->count) {
		TRY(load_block(c, index));
		TRY(block_seek_before(&c->inner, key, sequence));
		if (c->inner.valid)
			return show(c);
	}
	if (index == 0)
		return STATUS_OK;
	TRY(load_block(c, index - 1));
	TRY(block_seek_before(&c->inner, span_of(NULL, 0), 0));
	return show(c);
}

static amt_status next(struct cursor *base)
{
	struct table_cursor *c = (struct table_cursor *)base;
	base->valid = false;
	TRY(block_next(&c->inner));
	if (!c->inner.valid && c->loaded + 1 < c->table->count) {
		TRY(load_block(c, c->loaded + 1));
		TRY(block_seek(&c->inner, span_of(NULL, 0), SEQUENCE_MAX));
	}
	return show(c);
}

static void free_cursor(struct cursor *base)
{
	struct table_cursor *c = (struct table_cursor *)base;
	buf_free(&c->block);
	block_cursor_free(&c->inner);
	mem_free(c);
}

static const struct cursor_functions functions = {seek, seek_before, next, free_cursor};

amt_status table_cursor(const struct table *t, struct cursor **out)
{
	struct table_cursor *c;
	TRY(mem_zalloc(&c, sizeof(*c)));
	c->base.functions = &functions;
	c->table = t;
	c->loaded = t->count;
	*out = &c->base;
	return STATUS_OK;
}

amt_status table_get(const struct table *t, struct span key, uint64_t sequence, bool *found,
	enum entry_kind *kind, struct buf *value)
{
	*found = false;
	if (sequence < t->properties.min_sequence ||
		span_compare(key, t->properties.smallest) < 0 ||
		span_compare(key, t->properties.largest) > 0 ||
		!bloom_may_hold(buf_span(&t->filter), bloom_hash(key)))
		return STATUS_OK;
	struct table_cursor c = {.table = t, .loaded = t->count};
	amt_status s = seek(&c.base, key, sequence);
	if (amt_ok(s) && c.base.valid && span_equal(c.base.entry.key, key)) {
		*found = true;
		*kind = c.base.entry.kind;
		if (value != NULL)
			s = buf_put(value, c.base.entry.value.data, c.base.entry.value.size);
	}
	buf_free(&c.block);
	block_cursor_free(&c.inner);
	return s;
}

amt_status table_verify(const struct table *t)
{
	struct cursor *c;
	struct buf last = {0};
	uint64_t last_sequence = 0, entries = 0;
	TRY(table_cursor(t, &c));
	amt_status s = cursor_first(c);
	while (amt_ok(s) && c->valid) {
		const struct entry *e = &c->entry;
		if (entries > 0 &&
			entry_compare(buf_span(&last), last_sequence, e->key, e->sequence) >= 0) {
			s = ERROR(AMT_CORRUPTION, "%s: entries out of order", t->file->path);
			break;
		}
		buf_clear(&last);
		last_sequence = e->sequence;
		entries++;
		s = buf_put(&last, e->key.data, e->key.size);
		if (amt_ok(s))
			s = cursor_next(c);
	}
	if (amt_ok(s) && entries != t->properties.entries)
		s = ERROR(AMT_CORRUPTION, "%s: %llu entries instead of %llu", t->file->path,
			(unsigned long long)entries, (unsigned long long)t->properties.entries);
	buf_free(&last);
	cursor_free(c);
	return s;
}

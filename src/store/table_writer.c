#include "store/table.h"

#include "base/alloc.h"
#include "store/block.h"
#include "store/bloom.h"
#include "store/table_format.h"

enum { WRITE_AT_ONCE = 1 << 18 };

struct table_writer {
	struct io_file *file;
	uint64_t number;
	uint64_t offset; /* of the next block */
	size_t block_bytes;
	struct block_builder data, index;
	struct buf out; /* blocks not written yet, the first at offset - out.size */
	struct buf hashes;
	struct buf smallest, last_key;
	uint64_t last_sequence; /* of the last entry added */
	struct table_properties properties;
};

amt_status table_writer_new(struct table_writer **out, struct io *io, const char *path,
	uint64_t number, size_t block_bytes)
{
	struct table_writer *w;
	TRY(mem_zalloc(&w, sizeof(*w)));
	w->number = number;
	w->block_bytes = block_bytes;
	w->properties.min_sequence = SEQUENCE_MAX;
	amt_status s = io_open(io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &w->file);
	if (!amt_ok(s)) {
		mem_free(w);
		return s;
	}
	*out = w;
	return s;
}

void table_writer_free(struct table_writer *w)
{
	if (w == NULL)
		return;
	io_close(w->file);
	block_builder_free(&w->data);
	block_builder_free(&w->index);
	buf_free(&w->out);
	buf_free(&w->hashes);
	buf_free(&w->smallest);
	buf_free(&w->last_key);
	mem_free(w);
}

uint64_t table_writer_entries(const struct table_writer *w)
{
	return w->properties.entries;
}

static amt_status write_out(struct table_writer *w)
{
	struct span all = buf_span(&w->out);
	TRY(io_write(w->file, w->offset - all.size, &all, 1));
	buf_clear(&w->out);
	return STATUS_OK;
}

/* Appends a block with its trailer to the file; *offset is where it starts. */
static amt_status put_block(
	struct table_writer *w, struct span block, enum table_block_type type, uint64_t *offset)
{
	uint8_t trailer[BLOCK_TRAILER] = {(uint8_t)type};
	store_u32(trailer + 4, block_checksum(block, trailer, w->number, w->offset));
	TRY(buf_put(&w->out, block.data, block.size));
	TRY(buf_put(&w->out, trailer, sizeof(trailer)));
	*offset = w->offset;
	w->offset += block.size + sizeof(trailer);
	return w->out.size >= WRITE_AT_ONCE ? write_out(w) : STATUS_OK;
}

static amt_status finish_data_block(struct table_writer *w)
{
	TRY(block_finish(&w->data));
	uint64_t offset;
	uint8_t handle[12];
	struct span block = buf_span(&w->data.bytes);
	TRY(put_block(w, block, BLOCK_DATA, &offset));
	store_u64(handle, offset);
	store_u32(handle + 8, (uint32_t)block.size);
	TRY(block_add(&w->index, &(struct entry){buf_span(&w->last_key), w->last_sequence,
					 ENTRY_PUT, span_of(handle, sizeof(handle))}));
	block_clear(&w->data);
	return STATUS_OK;
}

amt_status table_writer_add(struct table_writer *w, const struct entry *e)
{
	struct table_properties *p = &w->properties;
	bool same_key = p->entries > 0 && span_equal(buf_span(&w->last_key), e->key);
	/* T1: entries are in strictly ascending order. */
	ENSURE(p->entries == 0 || entry_compare(buf_span(&w->last_key), w->last_sequence, e->key,
					  e->sequence) < 0,
		AMT_INTERNAL, "table %llu: entries out of order", (unsigned long long)w->number);
	if (w->data.entries > 0 &&
		w->data.bytes.size + e->key.size + e->value.size > w->block_bytes)
		TRY(finish_data_block(w));
	TRY(block_add(&w->data, e));
	if (p->entries == 0)
		TRY(buf_put(&w->smallest, e->key.data, e->key.size));
	if (!same_key) {
		TRY(buf_put_u64(&w->hashes, bloom_hash(e->key)));
		buf_clear(&w->last_key);
		TRY(buf_put(&w->last_key, e->key.data, e->key.size));
	}
	w->last_sequence = e->sequence;
	p->entries++;
	p->deletes += e->kind == ENTRY_DELETE;
	p->key_bytes += e->key.size;
	p->value_bytes += e->value.size;
	if (e->sequence < p->min_sequence)
		p->min_sequence = e->sequence;
	if (e->sequence > p->max_sequence)
		p->max_sequence = e->sequence;
	return STATUS_OK;
}

static amt_status put_properties(struct buf *out, const struct table_writer *w)
{
	const struct table_properties *p = &w->properties;
	TRY(buf_put_u64(out, p->entries));
	TRY(buf_put_u64(out, p->deletes));
	TRY(buf_put_u64(out, p->min_sequence));
	TRY(buf_put_u64(out, p->max_sequence));
	TRY(buf_put_u64(out, p->key_bytes));
	TRY(buf_put_u64(out, p->value_bytes));
	TRY(buf_put_span(out, buf_span(&w->smallest)));
	return buf_put_span(out, buf_span(&w->last_key));
}

static amt_status put_footer(struct table_writer *w, const struct table_footer *f)
{
	uint8_t bytes[FOOTER_BYTES] = {0};
	store_u64(bytes, TABLE_MAGIC);
	store_u32(bytes + 8, TABLE_VERSION);
	store_u64(bytes + 16, w->number);
	for (int i = 0; i < 3; i++) {
		store_u64(bytes + 24 + 8 * i, f->offset[i]);
		store_u32(bytes + 48 + 4 * i, f->size[i]);
	}
	store_u32(bytes + 12, crc32c(0, bytes, sizeof(bytes)));
	w->offset += sizeof(bytes);
	return buf_put(&w->out, bytes, sizeof(bytes));
}

amt_status table_writer_finish(struct table_writer *w, uint64_t *file_bytes)
{
	struct table_footer footer;
	struct buf filter = {0}, properties = {0};
	ENSURE(w->properties.entries > 0, AMT_INTERNAL, "an empty table");
	TRY(finish_data_block(w));
	TRY(block_finish(&w->index));
	amt_status s = bloom_build(&filter, (const uint64_t *)(const void *)w->hashes.data,
		w->hashes.size / sizeof(uint64_t));
	if (amt_ok(s))
		s = put_properties(&properties, w);
	const struct span parts[] = {
		buf_span(&w->index.bytes), buf_span(&filter), buf_span(&properties)};
	for (int i = 0; i < 3 && amt_ok(s); i++) {
		footer.size[i] = (uint32_t)parts[i].size;
		if (parts[i].size > UINT32_MAX)
			s = ERROR(AMT_LIMIT, "table %llu is too large",
				(unsigned long long)w->number);
		else
			s = put_block(w, parts[i], (enum table_block_type)(BLOCK_INDEX + i),
				&footer.offset[i]);
	}
	if (amt_ok(s))
		s = put_footer(w, &footer);
	buf_free(&filter);
	buf_free(&properties);
	TRY(s);
	TRY(write_out(w));
	*file_bytes = w->offset;
	return io_sync(w->file);
}

/* A sorted table. The first byte chooses: even, the bytes are the file as it is; odd, they are one
 * data block (bit 1 clear) or the properties (bit 1 set) of a file that is right otherwise, so that
 * they are reached behind checksums. */
#include "store/table.h"

#include "os/io_memory.h"
#include "store/block.h"
#include "store/table_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NUMBER = 9 };

static amt_status put_block(struct buf *file, struct span block, uint8_t type)
{
	uint8_t trailer[BLOCK_TRAILER] = {type};
	store_u32(trailer + 4, block_checksum(block, trailer, NUMBER, file->size));
	TRY(buf_put(file, block.data, block.size));
	return buf_put(file, trailer, sizeof(trailer));
}

static amt_status put_properties(struct buf *out)
{
	for (int i = 0; i < 6; i++)
		TRY(buf_put_u64(out, 1));
	TRY(buf_put_span(out, span_str("a")));
	return buf_put_span(out, span_str("z"));
}

/* A file whose data block or properties are `bytes`. */
static amt_status make_table(
	struct buf *file, struct span bytes, bool is_properties, struct block_builder *b)
{
	const struct entry one = {span_str("a"), 1, ENTRY_PUT, span_str("v")};
	uint8_t handle[12] = {0}, footer[FOOTER_BYTES] = {0}, filter[64];
	struct buf properties = {0};
	TRY(block_add(b, &one));
	TRY(block_finish(b));
	struct span block = is_properties ? buf_span(&b->bytes) : bytes;
	TRY(put_block(file, block, BLOCK_DATA));
	store_u32(handle + 8, (uint32_t)block.size);
	block_clear(b);
	TRY(block_add(b, &(struct entry){span_str("z"), 1, ENTRY_PUT, span_of(handle, 12)}));
	TRY(block_finish(b));
	memset(filter, 0xff, sizeof(filter));
	amt_status s = put_properties(&properties);
	const struct span parts[] = {buf_span(&b->bytes), span_of(filter, sizeof(filter)),
		is_properties ? bytes : buf_span(&properties)};
	store_u64(footer, TABLE_MAGIC);
	store_u32(footer + 8, TABLE_VERSION);
	store_u64(footer + 16, NUMBER);
	for (int i = 0; i < 3 && amt_ok(s); i++) {
		store_u64(footer + 24 + 8 * i, file->size);
		store_u32(footer + 48 + 4 * i, (uint32_t)parts[i].size);
		s = put_block(file, parts[i], (uint8_t)(BLOCK_INDEX + i));
	}
	store_u32(footer + 12, crc32c(0, footer, sizeof(footer)));
	buf_free(&properties);
	TRY(s);
	return buf_put(file, footer, sizeof(footer));
}

static amt_status walk(const struct table *t)
{
	struct cursor *c;
	struct buf key = {0}, value = {0};
	TRY(table_cursor(t, &c));
	amt_status s = cursor_seek_before(c, span_of(NULL, 0), 0);
	for (int i = 0; i < 100 && amt_ok(s) && c->valid; i++) {
		bool found;
		enum entry_kind kind;
		uint64_t sequence = c->entry.sequence;
		buf_clear(&key);
		s = buf_put(&key, c->entry.key.data, c->entry.key.size);
		buf_clear(&value);
		if (amt_ok(s))
			s = table_get(t, buf_span(&key), sequence, &found, &kind, &value);
		if (amt_ok(s) && key.size > 0)
			s = cursor_seek_before(c, buf_span(&key), sequence);
		else
			break;
	}
	buf_free(&key);
	buf_free(&value);
	cursor_free(c);
	return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf file = {0};
	struct block_builder b = {0};
	struct io *io;
	struct table *t;
	if (size == 0 || size > 1 << 16)
		return 0;
	const struct span bytes = span_of(data + 1, size - 1);
	amt_status s = data[0] & 1 ? make_table(&file, bytes, data[0] & 2, &b)
				   : buf_put(&file, bytes.data, bytes.size);
	block_builder_free(&b);
	if (amt_ok(s))
		s = io_memory_new(&io);
	if (amt_ok(s)) {
		s = io_write_file_atomic(io, "000009.table", buf_span(&file), 0);
		if (amt_ok(s))
			s = table_open(&t, io, "000009.table", NUMBER);
		if (amt_ok(s)) {
			s = table_verify(t);
			amt_status_clear(&s);
			s = walk(t);
			table_close(t);
		}
		io_free(io);
	}
	amt_status_clear(&s);
	buf_free(&file);
	return 0;
}

#include "store/manifest.h"

#include "base/alloc.h"
#include "store/checksum.h"

#include <stdio.h>

/* Tags of the format. */
enum tag {
	TAG_VERSION = 1,     /* varint; first field of a snapshot */
	TAG_STORE_ID = 2,    /* 8 bytes */
	TAG_NEXT_NUMBER = 3, /* varint, as all below */
	TAG_OLDEST_LOG = 4,
	TAG_NEWEST_LOG = 5,
	TAG_LAST_SEQUENCE = 6,
	TAG_REMOVE_TABLE = 7, /* number */
	TAG_ADD_TABLE = 8     /* number, bytes, max sequence */
};
enum { MANIFEST_VERSION = 1, RECORD_HEADER = 8, MANIFEST_MAX = 1 << 30, CURRENT_MAX = 64 };

struct manifest {
	struct io_file *file;
	uint64_t number;
	uint64_t offset;
	struct buf record;
};

void manifest_state_free(struct manifest_state *s)
{
	mem_free(s->tables);
	*s = (struct manifest_state){0};
}

static bool is_removed(const struct manifest_edit *e, uint64_t number)
{
	for (size_t i = 0; i < e->removed_count; i++)
		if (e->removed[i] == number)
			return true;
	return false;
}

amt_status manifest_apply(struct manifest_state *s, const struct manifest_edit *e)
{
	struct manifest_table *tables;
	size_t count = 0, removed = 0;
	TRY(mem_array(&tables, s->count + 1, sizeof(*tables)));
	bool placed = e->added == NULL;
	for (size_t i = 0; i < s->count; i++) {
		/* M1: tables are ordered by their newest entry, newest first. */
		if (!placed && e->added->max_sequence > s->tables[i].max_sequence) {
			tables[count++] = *e->added;
			placed = true;
		}
		if (is_removed(e, s->tables[i].number))
			removed++;
		else
			tables[count++] = s->tables[i];
	}
	if (!placed)
		tables[count++] = *e->added;
	if (removed != e->removed_count) {
		mem_free(tables);
		FAIL(AMT_CORRUPTION, "manifest: an edit removes a table that is not there");
	}
	mem_free(s->tables);
	s->tables = tables;
	s->count = count;
	s->next_number = e->next_number != 0 ? e->next_number : s->next_number;
	s->oldest_log = e->oldest_log != 0 ? e->oldest_log : s->oldest_log;
	s->newest_log = e->newest_log != 0 ? e->newest_log : s->newest_log;
	s->last_sequence = e->last_sequence != 0 ? e->last_sequence : s->last_sequence;
	return STATUS_OK;
}

static amt_status put_field(struct buf *b, enum tag tag, uint64_t value)
{
	if (value == 0)
		return STATUS_OK;
	TRY(buf_put_u8(b, (uint8_t)tag));
	return buf_put_varint(b, value);
}

static amt_status put_table(struct buf *b, const struct manifest_table *t)
{
	TRY(put_field(b, TAG_ADD_TABLE, t->number));
	TRY(buf_put_varint(b, t->bytes));
	return buf_put_varint(b, t->max_sequence);
}

static amt_status put_edit(struct buf *b, const struct manifest_edit *e)
{
	TRY(put_field(b, TAG_NEXT_NUMBER, e->next_number));
	TRY(put_field(b, TAG_OLDEST_LOG, e->oldest_log));
	TRY(put_field(b, TAG_NEWEST_LOG, e->newest_log));
	TRY(put_field(b, TAG_LAST_SEQUENCE, e->last_sequence));
	for (size_t i = 0; i < e->removed_count; i++)
		TRY(put_field(b, TAG_REMOVE_TABLE, e->removed[i]));
	return e->added != NULL ? put_table(b, e->added) : STATUS_OK;
}

static uint32_t record_checksum(uint64_t number, const uint8_t *record, size_t size)
{
	uint8_t bytes[8];
	store_u64(bytes, number);
	return crc32c(crc32c(0, bytes, sizeof(bytes)), record + 4, size - 4);
}

static amt_status start_record(struct buf *b)
{
	buf_clear(b);
	return buf_put_u64(b, 0);
}

static void finish_record(struct buf *b, uint64_t number)
{
	store_u32(b->data + 4, (uint32_t)(b->size - RECORD_HEADER));
	store_u32(b->data, record_checksum(number, b->data, b->size));
}

amt_status manifest_commit(struct manifest *m)
{
	finish_record(&m->record, m->number);
	struct span part = buf_span(&m->record);
	TRY(io_write(m->file, m->offset, &part, 1));
	TRY(io_sync(m->file));
	m->offset += part.size;
	return STATUS_OK;
}

amt_status manifest_stage(struct manifest *m, const struct manifest_edit *e)
{
	TRY(start_record(&m->record));
	return put_edit(&m->record, e);
}

static amt_status put_snapshot(struct buf *b, const struct manifest_state *s)
{
	TRY(put_field(b, TAG_VERSION, MANIFEST_VERSION));
	TRY(buf_put_u8(b, TAG_STORE_ID));
	TRY(buf_put_u64(b, s->store_id));
	TRY(put_edit(b, &(struct manifest_edit){.next_number = s->next_number,
				.oldest_log = s->oldest_log,
				.newest_log = s->newest_log,
				.last_sequence = s->last_sequence}));
	for (size_t i = 0; i < s->count; i++)
		TRY(put_table(b, &s->tables[i]));
	return STATUS_OK;
}

void manifest_name(char out[32], uint64_t number)
{
	(void)snprintf(out, 32, "MANIFEST-%06llu", (unsigned long long)number);
}

amt_status manifest_publish(struct io *io, const char *folder, uint64_t number)
{
	char name[32], text[CURRENT_MAX], *path;
	manifest_name(name, number);
	int size = snprintf(text, sizeof(text), "%s %08x\n", name, crc32c(0, name, strlen(name)));
	TRY(io_path(&path, folder, "CURRENT"));
	amt_status s = io_write_file_atomic(io, path, span_of(text, (size_t)size), 0);
	mem_free(path);
	return s;
}

static amt_status create(
	struct manifest *m, struct io *io, const char *folder, const struct manifest_state *state)
{
	char name[32], *path;
	manifest_name(name, m->number);
	TRY(start_record(&m->record));
	TRY(put_snapshot(&m->record, state));
	TRY(io_path(&path, folder, name));
	amt_status s = io_open(io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &m->file);
	mem_free(path);
	TRY(s);
	TRY(manifest_commit(m));
	return io_sync_folder(io, folder);
}

amt_status manifest_create(struct manifest **out, struct io *io, const char *folder,
	uint64_t number, const struct manifest_state *state)
{
	struct manifest *m;
	TRY(mem_zalloc(&m, sizeof(*m)));
	m->number = number;
	amt_status s = create(m, io, folder, state);
	if (amt_ok(s))
		*out = m;
	else
		manifest_close(m);
	return s;
}

uint64_t manifest_bytes(const struct manifest *m)
{
	return m->offset;
}

uint64_t manifest_number(const struct manifest *m)
{
	return m->number;
}

void manifest_close(struct manifest *m)
{
	if (m == NULL)
		return;
	io_close(m->file);
	buf_free(&m->record);
	mem_free(m);
}

/* *whole: a good record starts at offset. */
static bool read_record(struct span file, size_t offset, uint64_t number, struct span *payload)
{
	if (file.size - offset < RECORD_HEADER)
		return false;
	const uint8_t *at = file.data + offset;
	uint32_t size = load_u32(at + 4);
	if (size > file.size - offset - RECORD_HEADER ||
		record_checksum(number, at, RECORD_HEADER + (size_t)size) != load_u32(at))
		return false;
	*payload = span_of(at + RECORD_HEADER, size);
	return true;
}

static amt_status parse_record(struct manifest_state *s, struct span payload, bool snapshot)
{
	struct reader r = reader_of(payload, "manifest record");
	if (snapshot) {
		uint8_t tag;
		uint64_t version;
		TRY(read_u8(&r, &tag));
		TRY(read_varint(&r, &version));
		ENSURE(tag == TAG_VERSION, AMT_CORRUPTION, "manifest: no snapshot");
		ENSURE(version == MANIFEST_VERSION, AMT_UNKNOWN_VERSION, "manifest: format %llu",
			(unsigned long long)version);
		TRY(read_u8(&r, &tag));
		ENSURE(tag == TAG_STORE_ID, AMT_CORRUPTION, "manifest: no store id");
		TRY(read_u64(&r, &s->store_id));
	}
	while (reader_left(&r) > 0) {
		uint8_t tag;
		uint64_t value;
		struct manifest_edit e = {0};
		struct manifest_table t;
		TRY(read_u8(&r, &tag));
		TRY(read_varint(&r, &value));
		switch (tag) {
		case TAG_NEXT_NUMBER:
			e.next_number = value;
			break;
		case TAG_OLDEST_LOG:
			e.oldest_log = value;
			break;
		case TAG_NEWEST_LOG:
			e.newest_log = value;
			break;
		case TAG_LAST_SEQUENCE:
			e.last_sequence = value;
			break;
		case TAG_REMOVE_TABLE:
			e.removed = &value;
			e.removed_count = 1;
			break;
		case TAG_ADD_TABLE:
			t.number = value;
			TRY(read_varint(&r, &t.bytes));
			TRY(read_varint(&r, &t.max_sequence));
			e.added = &t;
			break;
		default:
			FAIL(AMT_CORRUPTION, "manifest: unknown field %u", tag);
		}
		TRY(manifest_apply(s, &e));
	}
	return STATUS_OK;
}

static amt_status parse_file(struct manifest_state *s, struct span file, uint64_t number)
{
	struct span payload;
	size_t offset = 0;
	ENSURE(read_record(file, 0, number, &payload), AMT_CORRUPTION,
		"manifest %llu: the snapshot fails its checksum", (unsigned long long)number);
	do {
		TRY(parse_record(s, payload, offset == 0));
		offset += RECORD_HEADER + payload.size;
	} while (read_record(file, offset, number, &payload));
	/* M2: what is dropped at the end is one edit that never took effect. */
	for (size_t at = offset + 1; at + RECORD_HEADER <= file.size; at++)
		ENSURE(!read_record(file, at, number, &payload), AMT_CORRUPTION,
			"manifest %llu: damaged at %zu", (unsigned long long)number, offset);
	return STATUS_OK;
}

static amt_status parse_current(struct span text, uint64_t *number)
{
	char name[32], expected[CURRENT_MAX];
	unsigned long long n = 0;
	const size_t prefix = strlen("MANIFEST-");
	for (size_t i = prefix;
		i < text.size && text.data[i] >= '0' && text.data[i] <= '9' && i < prefix + 18; i++)
		n = n * 10 + (text.data[i] - '0');
	manifest_name(name, n);
	int size = snprintf(
		expected, sizeof(expected), "%s %08x\n", name, crc32c(0, name, strlen(name)));
	ENSURE(span_equal(text, span_of(expected, (size_t)size)), AMT_CORRUPTION,
		"CURRENT does not name a manifest");
	*number = n;
	return STATUS_OK;
}

static amt_status load(struct io *io, const char *folder, struct manifest_state *out,
	uint64_t *number, struct buf *bytes)
{
	char name[32], *path;
	TRY(parse_current(buf_span(bytes), number));
	manifest_name(name, *number);
	TRY(io_path(&path, folder, name));
	buf_clear(bytes);
	amt_status s = io_read_file(io, path, MANIFEST_MAX, bytes);
	mem_free(path);
	if (amt_status_code(s) == AMT_NOT_FOUND) {
		amt_status_clear(&s);
		s = ERROR(AMT_CORRUPTION, "%s is missing", name);
	}
	TRY(s);
	return parse_file(out, buf_span(bytes), *number);
}

amt_status manifest_load(struct io *io, const char *folder, struct manifest_state *out,
	uint64_t *number, bool *exists)
{
	struct buf bytes = {0};
	char *path;
	*out = (struct manifest_state){0};
	*number = 0;
	TRY(io_path(&path, folder, "CURRENT"));
	amt_status s = io_read_file(io, path, CURRENT_MAX, &bytes);
	mem_free(path);
	*exists = amt_status_code(s) != AMT_NOT_FOUND;
	if (amt_ok(s))
		s = load(io, folder, out, number, &bytes);
	else if (!*exists)
		amt_status_clear(&s);
	else if (amt_status_code(s) == AMT_LIMIT) {
		amt_status_clear(&s);
		s = ERROR(AMT_CORRUPTION, "CURRENT is too long");
	}
	buf_free(&bytes);
	if (!amt_ok(s))
		manifest_state_free(out);
	return s;
}

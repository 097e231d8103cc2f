/* One table says which fields a message has, one how each field is written: putting and getting
 * cannot disagree. */
#include "engine/message.h"

enum field {
	FIELD_END,
	PROTOCOL,
	PARAMETERS,
	CODE,
	EXISTS,
	KIND,
	COLUMN,
	DATABASE,
	TABLE,
	OTHER,
	KEY_ID,
	VERSION,
	EPOCH,
	FIRST,
	ROWS,
	DONE,
	TOTAL,
	PAGE,
	LENGTH,
	NUMBER,
	PACKED,
	STATE,
	KEY,
	SCHEMA,
	FRAGMENTS,
	FRAGMENT,
	QUERY,
	ANSWER,
	COLUMNS,
	IDS,
	TABLES,
	SEGMENTS,
	DATA,
	SCAN,
	TEXT,
	HINT
};

enum field_kind { KIND_U16, KIND_U64, KIND_ID, KIND_BYTES };

static const struct {
	uint8_t kind;
	uint32_t offset, max;
} field_of[] = {
#define U16(name, member) [name] = {KIND_U16, offsetof(struct message, member), 0}
#define U64(name, member) [name] = {KIND_U64, offsetof(struct message, member), 0}
#define ID(name, member) [name] = {KIND_ID, offsetof(struct message, member), 0}
#define BYTES(name, member, max) [name] = {KIND_BYTES, offsetof(struct message, member), max}
	U16(PROTOCOL, protocol),
	U16(PARAMETERS, parameters),
	U16(CODE, code),
	U16(EXISTS, exists),
	U16(KIND, kind),
	U16(COLUMN, column),
	ID(DATABASE, database),
	ID(TABLE, table),
	ID(OTHER, other),
	ID(KEY_ID, key_id),
	U64(VERSION, version),
	U64(EPOCH, epoch),
	U64(FIRST, first),
	U64(ROWS, rows),
	U64(DONE, done),
	U64(TOTAL, total),
	U64(PAGE, page),
	U64(LENGTH, length),
	U64(NUMBER, number),
	U64(PACKED, packed),
	BYTES(STATE, state, MESSAGE_MAX_STATE),
	BYTES(KEY, key, MESSAGE_MAX_BYTES),
	BYTES(SCHEMA, schema, MESSAGE_MAX_TEXT),
	BYTES(FRAGMENTS, fragments, MESSAGE_MAX_BYTES),
	BYTES(FRAGMENT, fragment, MESSAGE_MAX_BYTES),
	BYTES(QUERY, query, MESSAGE_MAX_BYTES),
	BYTES(ANSWER, answer, MESSAGE_MAX_BYTES),
	BYTES(COLUMNS, columns, MESSAGE_MAX_TEXT),
	BYTES(IDS, ids, MESSAGE_MAX_BYTES),
	BYTES(TABLES, tables, MESSAGE_MAX_BYTES),
	BYTES(SEGMENTS, segments, MESSAGE_MAX_BYTES),
	BYTES(DATA, data, MESSAGE_DATA_BYTES),
	BYTES(SCAN, scan, MESSAGE_MAX_BYTES),
	BYTES(TEXT, text, MESSAGE_MAX_TEXT),
	BYTES(HINT, hint, MESSAGE_MAX_TEXT),
#undef U16
#undef U64
#undef ID
#undef BYTES
};

enum { MAX_FIELDS = 12 };
static const struct {
	const char *name;
	uint8_t field[MAX_FIELDS];
} shape_of[256] = {
#define MESSAGE_SHAPE(name, number, ...) [number] = {#name, {__VA_ARGS__}},
	MESSAGE_TABLE(MESSAGE_SHAPE)
#undef MESSAGE_SHAPE
};

const char *message_name(uint8_t type)
{
	return shape_of[type].name != NULL ? shape_of[type].name : "?";
}

amt_status message_put(struct buf *out, const struct message *m)
{
	size_t start = out->size;
	TRY(buf_put_u32(out, 0));
	TRY(buf_put_u8(out, m->type));
	for (const uint8_t *f = shape_of[m->type].field; *f != FIELD_END; f++) {
		const void *member = (const uint8_t *)m + field_of[*f].offset;
		switch (field_of[*f].kind) {
		case KIND_U16:
			TRY(buf_put_u16(out, *(const uint16_t *)member));
			break;
		case KIND_U64:
			TRY(buf_put_u64(out, *(const uint64_t *)member));
			break;
		case KIND_ID:
			TRY(buf_put(out, member, MESSAGE_ID_BYTES));
			break;
		default: {
			struct span s = *(const struct span *)member;
			ENSURE(s.size <= field_of[*f].max, AMT_LIMIT,
				"%s: a part of %zu bytes where %u are allowed",
				message_name(m->type), s.size, field_of[*f].max);
			TRY(buf_put_span(out, s));
		}
		}
	}
	size_t size = out->size - start - 4;
	ENSURE(size <= MESSAGE_MAX_BYTES, AMT_LIMIT, "%s of %zu bytes where %u are allowed",
		message_name(m->type), size, MESSAGE_MAX_BYTES);
	store_u32(out->data + start, (uint32_t)size);
	return STATUS_OK;
}

amt_status message_get(struct message *out, uint8_t type, struct span body)
{
	memset(out, 0, sizeof(*out));
	ENSURE(shape_of[type].name != NULL, AMT_PROTOCOL, "unknown message type %u", type);
	out->type = type;
	struct reader r = reader_of(body, shape_of[type].name);
	for (const uint8_t *f = shape_of[type].field; *f != FIELD_END; f++) {
		void *member = (uint8_t *)out + field_of[*f].offset;
		switch (field_of[*f].kind) {
		case KIND_U16:
			TRY(read_u16(&r, member));
			break;
		case KIND_U64:
			TRY(read_u64(&r, member));
			break;
		case KIND_ID:
			TRY(read_copy(&r, member, MESSAGE_ID_BYTES));
			break;
		default:
			TRY(read_span(&r, field_of[*f].max, member));
		}
	}
	return read_end(&r);
}

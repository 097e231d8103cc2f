#include "engine/scan_question.h"

#include "os/clock.h"

static amt_status wrap(uint16_t type, uint16_t ring, const uint8_t key_id[16],
	const struct buf *content, struct buf *out)
{
	struct wire_header header = {.type = type, .params = ring, .created_us = clock_wall_us()};
	memcpy(header.key_id, key_id, sizeof(header.key_id));
	return wire_put(out, &header, buf_span(content));
}

static amt_status unwrap(uint16_t type, const uint8_t key_id[16], struct span in, uint16_t *ring,
	struct span *content)
{
	struct wire_header header;
	TRY(wire_get(in, type, &header, content));
	TRY(wire_expect(&header, key_id, 0));
	ENSURE(in.size == WIRE_HEADER_BYTES + content->size, AMT_CORRUPTION,
		"bytes after the end of a message");
	*ring = header.params;
	return STATUS_OK;
}

static amt_status put_question(const struct scan_question *q, struct buf *out)
{
	TRY(buf_put(out, q->id, sizeof(q->id)));
	TRY(buf_put(out, q->table, sizeof(q->table)));
	TRY(buf_put_u64(out, q->epoch));
	TRY(buf_put_u32(out, q->schema_version));
	TRY(buf_put_u64(out, q->tail));
	TRY(buf_put_span(out, q->columns));
	TRY(buf_put_span(out, q->program));
	return buf_put_span(out, q->scalars);
}

amt_status scan_question_put(
	const struct scan_question *q, const uint8_t key_id[16], struct buf *out)
{
	struct buf content = {0};
	amt_status s = put_question(q, &content);
	if (amt_ok(s))
		s = wrap(WIRE_SCAN_QUESTION, q->ring, key_id, &content, out);
	buf_free(&content);
	return s;
}

amt_status scan_question_get(struct scan_question *out, const uint8_t key_id[16], struct span in)
{
	struct span content;
	memset(out, 0, sizeof(*out));
	TRY(unwrap(WIRE_SCAN_QUESTION, key_id, in, &out->ring, &content));
	struct reader r = reader_of(content, "question");
	TRY(read_copy(&r, out->id, sizeof(out->id)));
	TRY(read_copy(&r, out->table, sizeof(out->table)));
	TRY(read_u64(&r, &out->epoch));
	TRY(read_u32(&r, &out->schema_version));
	TRY(read_u64(&r, &out->tail));
	TRY(read_span(&r, 3 * RELATION_MAX_FAMILIES, &out->columns));
	ENSURE(out->columns.size % 3 == 0, AMT_CORRUPTION, "a list of families of %zu bytes",
		out->columns.size);
	TRY(read_span(&r, SIZE_MAX, &out->program));
	TRY(read_span(&r, SIZE_MAX, &out->scalars));
	return read_end(&r);
}

static amt_status put_reply(const struct scan_reply *a, struct buf *out)
{
	TRY(buf_put(out, a->id, sizeof(a->id)));
	TRY(buf_put(out, a->table, sizeof(a->table)));
	TRY(buf_put_u64(out, a->epoch));
	TRY(buf_put_u64(out, a->rows));
	TRY(buf_put_u64(out, a->pages));
	TRY(buf_put_u64(out, a->relinearisations));
	TRY(buf_put_u64(out, a->bytes_read));
	TRY(buf_put_u64(out, a->cpu_ns));
	TRY(buf_put_u64(out, a->passed_ns));
	TRY(buf_put_u64(out, a->prepare_ns));
	TRY(buf_put_u64(out, a->peak_bytes));
	return buf_put(out, a->answers.data, a->answers.size);
}

amt_status scan_reply_put(const struct scan_reply *a, const uint8_t key_id[16], struct buf *out)
{
	struct buf content = {0};
	amt_status s = put_reply(a, &content);
	if (amt_ok(s))
		s = wrap(WIRE_SCAN_ANSWER, a->ring, key_id, &content, out);
	buf_free(&content);
	return s;
}

amt_status scan_reply_get(struct scan_reply *out, const uint8_t key_id[16], struct span in)
{
	struct span content;
	memset(out, 0, sizeof(*out));
	TRY(unwrap(WIRE_SCAN_ANSWER, key_id, in, &out->ring, &content));
	struct reader r = reader_of(content, "answer");
	TRY(read_copy(&r, out->id, sizeof(out->id)));
	TRY(read_copy(&r, out->table, sizeof(out->table)));
	TRY(read_u64(&r, &out->epoch));
	TRY(read_u64(&r, &out->rows));
	TRY(read_u64(&r, &out->pages));
	TRY(read_u64(&r, &out->relinearisations));
	TRY(read_u64(&r, &out->bytes_read));
	TRY(read_u64(&r, &out->cpu_ns));
	TRY(read_u64(&r, &out->passed_ns));
	TRY(read_u64(&r, &out->prepare_ns));
	TRY(read_u64(&r, &out->peak_bytes));
	return read_bytes(&r, reader_left(&r), &out->answers);
}

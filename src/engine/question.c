/* Questions and answers as bytes. */
#include "engine/question.h"

#include "base/alloc.h"
#include "os/clock.h"

static amt_status wrap(uint16_t type, const struct tfhe_params *p, const uint8_t key_id[16],
	const struct buf *content, struct buf *out)
{
	struct wire_header header = {.type = type, .params = p->id, .created_us = clock_wall_us()};
	memcpy(header.key_id, key_id, sizeof(header.key_id));
	return wire_put(out, &header, buf_span(content));
}

static amt_status unwrap(uint16_t type, const struct tfhe_params *p, const uint8_t key_id[16],
	struct span in, struct span *content)
{
	struct wire_header header;
	TRY(wire_get(in, type, &header, content));
	TRY(wire_expect(&header, key_id, p->id));
	ENSURE(in.size == WIRE_HEADER_BYTES + content->size, AMT_CORRUPTION,
		"bytes after the end of a message");
	return STATUS_OK;
}

void question_place(const struct circuit *c, const struct tfhe_params *p, unsigned index,
	unsigned *pack, unsigned *coefficient)
{
	unsigned at = 0, n = tfhe_poly_size(p);
	*pack = 0;
	*coefficient = 0;
	for (unsigned i = 0; i <= index && i < c->constants; i++) {
		unsigned blocks = int_type_blocks((enum int_type)c->constant_type[i]);
		if (at + blocks > n) {
			(*pack)++;
			at = 0;
		}
		*coefficient = at;
		at += blocks;
	}
	if (index >= c->constants)
		*coefficient = at;
}

unsigned question_packs(const struct circuit *c, const struct tfhe_params *p)
{
	unsigned pack, at;
	question_place(c, p, c->constants, &pack, &at);
	return c->constants == 0 ? 0 : pack + 1;
}

unsigned question_bodies(const struct circuit *c, const struct tfhe_params *p, unsigned pack)
{
	unsigned in = 0, at = 0, n = tfhe_poly_size(p);
	for (unsigned i = 0; i < c->constants; i++) {
		unsigned blocks = int_type_blocks((enum int_type)c->constant_type[i]);
		if (at + blocks > n) {
			if (in++ == pack)
				return at;
			at = 0;
		}
		at += blocks;
	}
	return in == pack ? at : 0;
}

static amt_status put_question(const struct question *q, struct buf *out)
{
	TRY(buf_put(out, q->id, sizeof(q->id)));
	TRY(buf_put(out, q->table, sizeof(q->table)));
	TRY(buf_put_u64(out, q->epoch));
	TRY(buf_put_u32(out, q->schema_version));
	TRY(buf_put_span(out, q->columns));
	TRY(circuit_put(&q->circuit, out));
	TRY(buf_put_u16(out, (uint16_t)q->packs));
	for (unsigned i = 0; i < q->packs; i++) {
		TRY(buf_put(out, q->pack[i].seed.bytes, sizeof(q->pack[i].seed.bytes)));
		TRY(buf_put_span(out, q->pack[i].bodies));
	}
	return STATUS_OK;
}

amt_status question_put(const struct question *q, const struct tfhe_params *p,
	const uint8_t key_id[16], struct buf *out)
{
	struct buf content = {0};
	amt_status s = put_question(q, &content);
	if (amt_ok(s))
		s = wrap(WIRE_QUERY, p, key_id, &content, out);
	buf_free(&content);
	return s;
}

static amt_status get_packs(struct question *q, const struct tfhe_params *p, struct reader *r)
{
	uint16_t packs;
	TRY(read_u16(r, &packs));
	ENSURE(packs == question_packs(&q->circuit, p), AMT_CORRUPTION,
		"%u packs of constants where the circuit needs %u", packs,
		question_packs(&q->circuit, p));
	TRY(mem_array(&q->pack, packs, sizeof(*q->pack)));
	q->packs = packs;
	for (unsigned i = 0; i < packs; i++) {
		struct question_pack *pack = &q->pack[i];
		TRY(read_copy(r, pack->seed.bytes, sizeof(pack->seed.bytes)));
		TRY(read_span(r, SIZE_MAX, &pack->bodies));
		ENSURE(pack->bodies.size == 2 * (size_t)question_bodies(&q->circuit, p, i),
			AMT_CORRUPTION, "%zu bytes of constants where the circuit needs %u",
			pack->bodies.size, 2 * question_bodies(&q->circuit, p, i));
	}
	return STATUS_OK;
}

static amt_status get_question(struct question *q, const struct tfhe_params *p, struct span in)
{
	struct reader r = reader_of(in, "question");
	TRY(read_copy(&r, q->id, sizeof(q->id)));
	TRY(read_copy(&r, q->table, sizeof(q->table)));
	TRY(read_u64(&r, &q->epoch));
	TRY(read_u32(&r, &q->schema_version));
	TRY(read_span(&r, 3 * RELATION_MAX_FAMILIES, &q->columns));
	ENSURE(q->columns.size % 3 == 0, AMT_CORRUPTION, "a list of families of %zu bytes",
		q->columns.size);
	TRY(circuit_get(&q->circuit, &r));
	TRY(get_packs(q, p, &r));
	return read_end(&r);
}

amt_status question_get(
	struct question *out, const struct tfhe_params *p, const uint8_t key_id[16], struct span in)
{
	memset(out, 0, sizeof(*out));
	struct span content;
	TRY(unwrap(WIRE_QUERY, p, key_id, in, &content));
	amt_status s = get_question(out, p, content);
	if (!amt_ok(s))
		question_free(out);
	return s;
}

void question_free(struct question *q)
{
	circuit_free(&q->circuit);
	mem_free(q->pack);
	memset(q, 0, sizeof(*q));
}

amt_status answer_put(const struct answer *a, const struct tfhe_params *p, const uint8_t key_id[16],
	struct buf *out)
{
	struct buf content = {0};
	amt_status s;
	TRY_GOTO(s, buf_put(&content, a->id, sizeof(a->id)), out);
	TRY_GOTO(s, buf_put(&content, a->table, sizeof(a->table)), out);
	TRY_GOTO(s, buf_put_u64(&content, a->epoch), out);
	TRY_GOTO(s, buf_put_u64(&content, a->rows), out);
	TRY_GOTO(s, buf_put_u64(&content, a->bootstraps), out);
	TRY_GOTO(s, buf_put_u64(&content, a->nanoseconds), out);
	TRY_GOTO(s, buf_put_span(&content, a->blocks), out);
	TRY_GOTO(s, buf_put_span(&content, a->values), out);
	TRY_GOTO(s, buf_put_span(&content, a->bits), out);
	s = wrap(WIRE_ANSWER, p, key_id, &content, out);
out:
	buf_free(&content);
	return s;
}

amt_status answer_get(
	struct answer *out, const struct tfhe_params *p, const uint8_t key_id[16], struct span in)
{
	memset(out, 0, sizeof(*out));
	struct span content;
	TRY(unwrap(WIRE_ANSWER, p, key_id, in, &content));
	struct reader r = reader_of(content, "answer");
	TRY(read_copy(&r, out->id, sizeof(out->id)));
	TRY(read_copy(&r, out->table, sizeof(out->table)));
	TRY(read_u64(&r, &out->epoch));
	TRY(read_u64(&r, &out->rows));
	TRY(read_u64(&r, &out->bootstraps));
	TRY(read_u64(&r, &out->nanoseconds));
	TRY(read_span(&r, CIRCUIT_MAX_OUTPUTS, &out->blocks));
	TRY(read_span(&r, SIZE_MAX, &out->values));
	TRY(read_span(&r, SIZE_MAX, &out->bits));
	return read_end(&r);
}

/* To the nearest multiple of 2^16; the top wraps, as the torus does. */
static uint16_t round_16(uint32_t word)
{
	return (uint16_t)((word + 0x8000u) >> 16);
}

amt_status answer_pack_put(
	const struct tfhe_params *p, const uint32_t *glwe, unsigned count, struct buf *out)
{
	size_t words = tfhe_big_dimension(p) + (size_t)count;
	TRY(buf_put_u16(out, (uint16_t)count));
	uint8_t *at;
	TRY(buf_extend(out, 2 * words, &at));
	for (size_t i = 0; i < words; i++)
		store_u16(at + 2 * i, round_16(glwe[i]));
	return STATUS_OK;
}

amt_status answer_pack_get(
	struct reader *r, const struct tfhe_params *p, uint32_t *glwe, unsigned *count)
{
	uint16_t bodies;
	TRY(read_u16(r, &bodies));
	ENSURE(bodies > 0 && bodies <= tfhe_poly_size(p), AMT_CORRUPTION, "a pack of %u values",
		bodies);
	size_t words = tfhe_big_dimension(p) + (size_t)bodies;
	struct span in;
	TRY(read_bytes(r, 2 * words, &in));
	memset(glwe, 0, tfhe_glwe_words(p) * 4);
	for (size_t i = 0; i < words; i++)
		glwe[i] = (uint32_t)load_u16(in.data + 2 * i) << 16;
	*count = bodies;
	return STATUS_OK;
}

/* Fragments: reading, writing, expanding. */
#include "engine/fragment.h"

#include "os/clock.h"

static amt_status put_head(const struct fragment *f, struct buf *out)
{
	TRY(buf_put(out, f->table, sizeof(f->table)));
	TRY(buf_put_u16(out, f->column));
	TRY(buf_put_u8(out, f->part));
	TRY(buf_put_u8(out, f->blocks));
	TRY(buf_put_u32(out, f->rows));
	TRY(buf_put_u64(out, f->first));
	return buf_put_u64(out, f->epoch);
}

static amt_status put_span(struct buf *out, struct span s)
{
	return buf_put(out, s.data, s.size);
}

amt_status fragment_authenticated_put(const struct fragment *f, struct buf *out)
{
	TRY(put_head(f, out));
	TRY(buf_put(out, f->seed.bytes, sizeof(f->seed.bytes)));
	return put_span(out, f->bodies);
}

static amt_status put_content(const struct fragment *f, struct buf *out)
{
	if (f->wire == WIRE_SEEDED_GLWE) {
		TRY(fragment_authenticated_put(f, out));
		return buf_put(out, f->mac, sizeof(f->mac));
	}
	TRY(put_head(f, out));
	if (f->wire == WIRE_GLWE) {
		TRY(put_span(out, f->masks));
		return put_span(out, f->bodies);
	}
	return put_span(out, f->wire == WIRE_PLAIN ? f->values : f->records);
}

amt_status fragment_put(const struct fragment *f, const struct tfhe_params *p,
	const uint8_t key_id[16], struct buf *out)
{
	struct wire_header header = {
		.type = f->wire, .params = p->id, .created_us = clock_wall_us()};
	memcpy(header.key_id, key_id, sizeof(header.key_id));
	struct buf content = {0};
	amt_status s = put_content(f, &content);
	if (amt_ok(s))
		s = wire_put(out, &header, buf_span(&content));
	buf_free(&content);
	return s;
}

unsigned fragment_plain_bytes(enum int_type type)
{
	unsigned bits = int_type_bits(type);
	return bits <= 8 ? 1 : bits / 8;
}

static amt_status get_records(struct fragment *f, struct reader *r)
{
	f->records.data = r->at;
	for (uint32_t i = 0; i < f->rows; i++) {
		struct span sealed;
		TRY(read_span(r, SIZE_MAX, &sealed));
	}
	f->records.size = (size_t)(r->at - f->records.data);
	return STATUS_OK;
}

static amt_status get_content(struct fragment *f, const struct tfhe_params *p, struct span in)
{
	struct reader r = reader_of(in, "fragment");
	TRY(read_copy(&r, f->table, sizeof(f->table)));
	TRY(read_u16(&r, &f->column));
	TRY(read_u8(&r, &f->part));
	TRY(read_u8(&r, &f->blocks));
	TRY(read_u32(&r, &f->rows));
	TRY(read_u64(&r, &f->first));
	TRY(read_u64(&r, &f->epoch));
	bool numbers = f->wire == WIRE_SEEDED_GLWE || f->wire == WIRE_GLWE;
	ENSURE(f->rows > 0 && f->part < CIRCUIT_PARTS && f->blocks <= INT_WORD_BLOCKS &&
			(f->wire == WIRE_PAYLOAD) == (f->column == RELATION_PAYLOAD) &&
			(f->blocks > 0) == (f->wire != WIRE_PAYLOAD),
		AMT_CORRUPTION, "a fragment with impossible values");
	uint64_t cells = (uint64_t)f->rows * f->blocks;
	ENSURE(!numbers || cells <= tfhe_poly_size(p), AMT_CORRUPTION,
		"a fragment of %u rows of %u blocks does not fit a page", f->rows, f->blocks);
	switch (f->wire) {
	case WIRE_SEEDED_GLWE:
		TRY(read_copy(&r, f->seed.bytes, sizeof(f->seed.bytes)));
		TRY(read_bytes(&r, cells * 2, &f->bodies));
		f->authenticated = span_of(in.data, (size_t)(r.at - in.data));
		TRY(read_copy(&r, f->mac, sizeof(f->mac)));
		break;
	case WIRE_GLWE:
		TRY(read_bytes(&r, (size_t)tfhe_big_dimension(p) * 4, &f->masks));
		TRY(read_bytes(&r, cells * 4, &f->bodies));
		break;
	case WIRE_PLAIN:
		ENSURE(f->rows <= RELATION_PLAIN_PAGE, AMT_CORRUPTION,
			"a plain fragment of %u rows", f->rows);
		TRY(read_bytes(&r, reader_left(&r), &f->values));
		break;
	default:
		ENSURE(f->rows <= RELATION_PAYLOAD_PAGE, AMT_CORRUPTION,
			"a payload fragment of %u rows", f->rows);
		TRY(get_records(f, &r));
	}
	return read_end(&r);
}

amt_status fragment_get(
	struct fragment *out, const struct tfhe_params *p, const uint8_t key_id[16], struct span in)
{
	memset(out, 0, sizeof(*out));
	ENSURE(in.size >= WIRE_HEADER_BYTES, AMT_TRUNCATED, "a fragment of %zu bytes", in.size);
	out->wire = load_u16(in.data + 10);
	ENSURE(out->wire == WIRE_SEEDED_GLWE || out->wire == WIRE_GLWE || out->wire == WIRE_PLAIN ||
			out->wire == WIRE_PAYLOAD,
		AMT_TYPE_MISMATCH, "a fragment cannot be of wire type %u", out->wire);
	struct wire_header header;
	struct span content;
	TRY(wire_get(in, out->wire, &header, &content));
	TRY(wire_expect(&header, key_id, p->id));
	ENSURE(in.size == WIRE_HEADER_BYTES + content.size, AMT_CORRUPTION,
		"%zu bytes after a fragment", in.size - WIRE_HEADER_BYTES - content.size);
	return get_content(out, p, content);
}

amt_status fragment_check(
	const struct fragment *f, const struct relation *t, const struct family *family)
{
	ENSURE(memcmp(f->table, t->id, sizeof(t->id)) == 0, AMT_INTEGRITY,
		"a fragment of another table");
	ENSURE(f->column == family->column && f->part == family->part &&
			f->blocks == family->blocks &&
			(f->wire == WIRE_PLAIN) == (family->form == FORM_PLAIN) &&
			(f->wire == WIRE_PAYLOAD) == (family->form == FORM_PAYLOAD),
		AMT_INTEGRITY, "a fragment of column %u where column %u belongs", f->column,
		family->column);
	ENSURE(f->first < t->rows && f->rows <= t->rows - f->first &&
			f->first % family->rows_per_page + f->rows <= family->rows_per_page,
		AMT_INTEGRITY, "a fragment of rows %llu and %u more is out of place",
		(unsigned long long)f->first, f->rows);
	if (family->form != FORM_PLAIN)
		return STATUS_OK;
	unsigned width = fragment_plain_bytes((enum int_type)family->type);
	ENSURE(f->values.size == (size_t)f->rows * width, AMT_CORRUPTION,
		"%zu bytes for %u plain values", f->values.size, f->rows);
	for (uint32_t i = 0; family->type == INT_BOOL && i < f->rows; i++)
		ENSURE(f->values.data[i] <= 1, AMT_CORRUPTION, "a plain flag that is no flag");
	return STATUS_OK;
}

uint64_t fragment_plain(const struct fragment *f, const struct family *family, uint32_t row)
{
	unsigned width = fragment_plain_bytes((enum int_type)family->type);
	uint64_t v = 0;
	memcpy(&v, f->values.data + (size_t)row * width, width);
	return v;
}

amt_status fragment_expand(
	const struct tfhe_params *p, const struct seed *seed, struct span bodies, uint32_t *glwe)
{
	unsigned n = tfhe_poly_size(p);
	struct seed_expander *e;
	TRY(seed_expander_new(&e, seed));
	amt_status s = STATUS_OK;
	for (unsigned i = 0; i < p->k && amt_ok(s); i++)
		s = seed_expand_u32(e, i, glwe + (size_t)i * n, n);
	seed_expander_free(e);
	uint32_t *body = glwe + (size_t)p->k * n;
	for (unsigned i = 0; i < n; i++)
		body[i] = i < bodies.size / 2
				  ? (uint32_t)load_u16(bodies.data + (size_t)i * 2) << 16
				  : 0;
	return s;
}

amt_status fragment_glwe(const struct fragment *f, const struct tfhe_params *p, uint32_t *glwe)
{
	if (f->wire == WIRE_SEEDED_GLWE)
		return fragment_expand(p, &f->seed, f->bodies, glwe);
	ENSURE(f->wire == WIRE_GLWE, AMT_INTERNAL, "a fragment of wire type %u has no numbers",
		f->wire);
	memset(glwe, 0, tfhe_glwe_words(p) * 4);
	memcpy(glwe, f->masks.data, f->masks.size);
	memcpy(glwe + tfhe_big_dimension(p), f->bodies.data, f->bodies.size);
	return STATUS_OK;
}

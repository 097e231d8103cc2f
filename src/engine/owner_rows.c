/* Rows on their way to the host: sealed payloads and encrypted pages. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/secret.h"

enum { PAYLOAD_ALIGN = 16, BATCH_BYTES = 64 << 20 /* of an INSERT */ };
enum { SEALED_AT_ONCE = 32 * RELATION_PAYLOAD_PAGE }; /* rows, by a thread */

/* ---- subkeys and what they are bound to */

static amt_status put_identity(struct amt_session *s, const struct relation *t, struct buf *out)
{
	TRY(buf_put(out, s->database, sizeof(s->database)));
	return buf_put(out, t->id, sizeof(t->id));
}

amt_status owner_table_key(
	struct amt_session *s, enum subkey_purpose purpose, const struct relation *t, uint8_t **out)
{
	struct buf name = {0};
	TRY(secret_alloc(out, AEAD_KEY_BYTES));
	amt_status status = put_identity(s, t, &name);
	if (amt_ok(status))
		status = key_ring_subkey(
			s->key->ring, purpose, buf_span(&name), (struct span){0}, *out);
	buf_free(&name);
	if (!amt_ok(status)) {
		secret_free(*out);
		*out = NULL;
	}
	return status;
}

amt_status owner_row_context(struct amt_session *s, const struct relation *t, uint64_t row,
	uint64_t version, struct buf *out)
{
	TRY(put_identity(s, t, out));
	TRY(buf_put_u64(out, row));
	TRY(buf_put_u32(out, t->schema.version));
	TRY(buf_put_u64(out, version));
	TRY(buf_put_u8(out, FORM_PAYLOAD));
	return buf_put(out, key_ring_id(s->key->ring), KEY_ID_BYTES);
}

amt_status owner_original_context(struct amt_session *s, const struct relation *t, struct buf *out)
{
	TRY(put_identity(s, t, out));
	TRY(buf_put_u32(out, t->schema.version));
	TRY(buf_put_u8(out, FORM_ARITH));
	return buf_put(out, key_ring_id(s->key->ring), KEY_ID_BYTES);
}

/* ---- payloads: each payload column in the schema's order, a null byte, then the number in its
 * width or a u32 length and the text; zeros to a multiple of 16, so that lengths say little. */

static unsigned width(const struct column *c)
{
	unsigned bits = column_bits(c);
	return bits <= 8 ? 1 : bits / 8;
}

amt_status owner_payload_put(const struct schema *s, const struct value *row, struct buf *out)
{
	size_t start = out->size;
	for (unsigned i = 0; i < s->columns; i++) {
		const struct column *c = &s->column[i];
		const struct value *v = &row[i];
		if (!(c->forms & FORM_PAYLOAD))
			continue;
		TRY(buf_put_u8(out, v->null));
		if (c->type == COLUMN_TEXT) {
			TRY(buf_put_span(out, v->null ? (struct span){0} : v->text));
			continue;
		}
		uint64_t bits = v->null ? 0 : v->bits;
		TRY(buf_put(out, &bits, width(c)));
	}
	static const uint8_t zero[PAYLOAD_ALIGN];
	size_t over = (out->size - start) % PAYLOAD_ALIGN;
	return over == 0 ? STATUS_OK : buf_put(out, zero, PAYLOAD_ALIGN - over);
}

amt_status owner_payload_get(const struct schema *s, struct span in, struct value *row)
{
	struct reader r = reader_of(in, "row");
	for (unsigned i = 0; i < s->columns; i++) {
		const struct column *c = &s->column[i];
		uint8_t null;
		if (!(c->forms & FORM_PAYLOAD))
			continue;
		row[i] = (struct value){0};
		TRY(read_u8(&r, &null));
		ENSURE(null <= 1, AMT_CORRUPTION, "a row with a broken null flag");
		row[i].null = null;
		if (c->type == COLUMN_TEXT)
			TRY(read_span(&r, SCHEMA_MAX_TEXT, &row[i].text));
		else
			TRY(read_copy(&r, &row[i].bits, width(c)));
	}
	ENSURE(reader_left(&r) < PAYLOAD_ALIGN, AMT_CORRUPTION, "a row that is too long");
	return STATUS_OK;
}

/* ---- fragments */

struct encryption {
	struct amt_session *s;
	const struct relation *t;
	uint64_t first;
	const struct value *values; /* of row `first` on */
	bool deletes;		    /* validity flags of all rows come anew */
	struct buf *out;
	uint8_t *payload_key, *original_key;
	struct buf context, scratch, wire;
	uint32_t *torus;
	uint16_t *bodies;
};

static amt_status emit(struct encryption *x, const struct fragment *f)
{
	buf_clear(&x->wire);
	TRY(fragment_put(f, x->s->params, key_ring_id(x->s->key->ring), &x->wire));
	return buf_put_span(x->out, buf_span(&x->wire));
}

static const struct value *cell(const struct encryption *x, uint64_t row, unsigned column)
{
	return &x->values[(size_t)(row - x->first) * x->t->schema.columns + column];
}

/* What a family holds of a row. A NULL's value is 0. */
static uint64_t number(const struct encryption *x, const struct family *family, uint64_t row)
{
	if (family->part == CIRCUIT_VALID)
		return !relation_is_removed(x->t, row);
	const struct value *v = cell(x, row, family->column);
	if (family->part == CIRCUIT_NULL_FLAG)
		return v->null;
	return v->null ? 0 : v->bits;
}

static amt_status seal_rows(struct encryption *x, struct fragment *f)
{
	struct buf plain = {0};
	amt_status status = STATUS_OK;
	buf_clear(&x->scratch);
	for (uint64_t row = f->first; amt_ok(status) && row < f->first + f->rows; row++) {
		buf_clear(&plain);
		buf_clear(&x->context);
		status = owner_payload_put(&x->t->schema, cell(x, row, 0), &plain);
		if (amt_ok(status))
			status = owner_row_context(x->s, x->t, row, f->epoch, &x->context);
		if (amt_ok(status))
			status =
				buf_put_u32(&x->scratch, (uint32_t)(plain.size + AEAD_EXTRA_BYTES));
		if (amt_ok(status))
			status = aead_seal_put(x->payload_key, buf_span(&x->context),
				buf_span(&plain), &x->scratch);
	}
	if (plain.data != NULL)
		secret_wipe(plain.data, plain.capacity);
	buf_free(&plain);
	f->wire = WIRE_PAYLOAD;
	f->records = buf_span(&x->scratch);
	return status;
}

static amt_status store_plain(struct encryption *x, const struct family *family, struct fragment *f)
{
	unsigned bytes = fragment_plain_bytes((enum int_type)family->type);
	buf_clear(&x->scratch);
	for (uint64_t row = f->first; row < f->first + f->rows; row++) {
		uint64_t v = number(x, family, row);
		TRY(buf_put(&x->scratch, &v, bytes));
	}
	f->wire = WIRE_PLAIN;
	f->values = buf_span(&x->scratch);
	return STATUS_OK;
}

static amt_status encrypt_numbers(
	struct encryption *x, const struct family *family, struct fragment *f)
{
	const struct tfhe_params *p = x->s->params;
	size_t count = 0;
	for (uint64_t row = f->first; row < f->first + f->rows; row++) {
		uint64_t v = number(x, family, row);
		for (unsigned b = 0; b < family->blocks; b++)
			x->torus[count++] = (uint32_t)(v >> 2 * b & 3) << tfhe_delta_log2(p);
	}
	amt_status status = tfhe_encrypt_seeded(
		key_ring_tfhe(x->s->key->ring), &f->seed, x->bodies, x->torus, count);
	secret_wipe(x->torus, count * sizeof(*x->torus));
	TRY(status);
	f->wire = WIRE_SEEDED_GLWE;
	f->bodies = span_of(x->bodies, count * sizeof(*x->bodies));
	buf_clear(&x->scratch);
	buf_clear(&x->context);
	TRY(owner_original_context(x->s, x->t, &x->context));
	TRY(fragment_authenticated_put(f, &x->scratch));
	return mac_compute(x->original_key, buf_span(&x->context), buf_span(&x->scratch), f->mac);
}

/* Rows up to the end of the page, as one fragment. */
static amt_status encrypt_page(
	struct encryption *x, const struct family *family, uint64_t row, uint32_t rows)
{
	struct fragment f = {.column = family->column,
		.part = family->part,
		.blocks = family->blocks,
		.rows = rows,
		.first = row,
		.epoch = x->t->epoch};
	memcpy(f.table, x->t->id, sizeof(f.table));
	if (family->form == FORM_PAYLOAD)
		TRY(seal_rows(x, &f));
	else if (family->form == FORM_PLAIN)
		TRY(store_plain(x, family, &f));
	else
		TRY(encrypt_numbers(x, family, &f));
	return emit(x, &f);
}

static amt_status encrypt_range(
	struct encryption *x, const struct family *family, uint64_t row, uint64_t end)
{
	while (row < end) {
		uint64_t left = family->rows_per_page - row % family->rows_per_page;
		uint32_t n = (uint32_t)(left < end - row ? left : end - row);
		TRY(encrypt_page(x, family, row, n));
		row += n;
	}
	return STATUS_OK;
}

/* Many sealed rows: range by range, on the pool's threads. */
struct sealing {
	const struct encryption *x;
	const struct family *family;
	uint64_t first, end; /* ranges end at multiples of SEALED_AT_ONCE */
	struct buf *out;     /* of each range */
};

static amt_status seal_range(void *context, size_t index, unsigned worker)
{
	const struct sealing *g = context;
	struct encryption x = *g->x; /* with buffers of its own */
	uint64_t from = (g->first / SEALED_AT_ONCE + index) * SEALED_AT_ONCE;
	uint64_t to = from + SEALED_AT_ONCE;
	(void)worker;
	x.context = x.scratch = x.wire = (struct buf){0};
	x.out = &g->out[index];
	amt_status status = encrypt_range(
		&x, g->family, from > g->first ? from : g->first, to < g->end ? to : g->end);
	buf_free(&x.context);
	buf_free(&x.scratch);
	buf_free(&x.wire);
	return status;
}

static amt_status seal_all(
	struct encryption *x, const struct family *family, uint64_t first, uint64_t end)
{
	struct sealing g = {.x = x, .family = family, .first = first, .end = end};
	size_t ranges = (size_t)((end - 1) / SEALED_AT_ONCE - first / SEALED_AT_ONCE + 1);
	TRY(owner_need_pool(x->s));
	TRY(mem_array(&g.out, ranges, sizeof(*g.out)));
	amt_status status = pool_run(x->s->pool, ranges, seal_range, &g);
	for (size_t i = 0; i < ranges; i++) {
		if (amt_ok(status))
			status = buf_put(x->out, g.out[i].data, g.out[i].size);
		buf_free(&g.out[i]);
	}
	mem_free(g.out);
	return status;
}

static amt_status encrypt_family(struct encryption *x, const struct family *family, size_t rows)
{
	uint64_t end = x->first + rows;
	bool anew = family->part == CIRCUIT_VALID && x->deletes;
	if (family->form == FORM_PAYLOAD && rows > SEALED_AT_ONCE)
		return seal_all(x, family, x->first, end);
	return encrypt_range(x, family, anew ? 0 : x->first, end);
}

static amt_status encrypt_families(struct encryption *x, size_t rows)
{
	struct family *families;
	TRY(mem_array(&families, RELATION_MAX_FAMILIES, sizeof(*families)));
	unsigned n = relation_families(x->t, x->s->params, families);
	amt_status status = STATUS_OK;
	for (unsigned i = 0; i < n && amt_ok(status); i++)
		status = encrypt_family(x, &families[i], rows);
	mem_free(families);
	return status;
}

amt_status owner_encrypt_rows(struct amt_session *s, const struct relation *t, uint64_t first,
	const struct value *values, size_t rows, bool deletes, struct buf *out)
{
	struct encryption x = {
		.s = s, .t = t, .first = first, .values = values, .deletes = deletes, .out = out};
	size_t n = tfhe_poly_size(s->params);
	amt_status status;
	TRY_GOTO(status, owner_table_key(s, SUBKEY_PAYLOAD, t, &x.payload_key), out);
	TRY_GOTO(status, owner_table_key(s, SUBKEY_ORIGINAL_MAC, t, &x.original_key), out);
	TRY_GOTO(status, mem_array(&x.torus, n, sizeof(*x.torus)), out);
	TRY_GOTO(status, mem_array(&x.bodies, n, sizeof(*x.bodies)), out);
	status = encrypt_families(&x, rows);
out:
	secret_free(x.payload_key);
	secret_free(x.original_key);
	mem_free(x.torus);
	mem_free(x.bodies);
	buf_free(&x.context);
	buf_free(&x.scratch);
	buf_free(&x.wire);
	return status;
}

/* ---- INSERT */

static amt_status insert_batch(struct amt_session *s, const struct relation *before,
	const struct value *values, size_t rows)
{
	struct relation after = {0};
	struct buf fragments = {0};
	TRY(relation_copy(&after, before));
	after.rows += rows;
	after.epoch++;
	struct message m = {.type = REQUEST_INSERT,
		.epoch = before->epoch,
		.first = before->rows,
		.rows = rows};
	memcpy(m.table, before->id, sizeof(m.table));
	amt_status status =
		owner_encrypt_rows(s, &after, before->rows, values, rows, false, &fragments);
	m.fragments = buf_span(&fragments);
	if (amt_ok(status))
		status = owner_change(s, &m, &after, NULL, NULL, NULL);
	buf_free(&fragments);
	relation_free(&after);
	return status;
}

/* Bytes a row takes on the way, not less: payload, two bytes a block, its share of headers. */
static size_t row_bytes(const struct amt_session *s, const struct relation *t)
{
	size_t bytes = 256;
	for (unsigned i = 0; i < t->schema.columns; i++)
		bytes += 16 + 4 * (size_t)column_blocks(&t->schema.column[i]);
	(void)s;
	return bytes;
}

static size_t batch_end(const struct amt_session *s, const struct relation *t,
	const struct value *values, size_t begin, size_t rows)
{
	size_t bytes = 0, end = begin, fixed = row_bytes(s, t);
	size_t most = s->batch_bytes != 0 ? s->batch_bytes : BATCH_BYTES;
	for (; end < rows && bytes < most; end++) {
		bytes += fixed;
		for (unsigned c = 0; c < t->schema.columns; c++)
			bytes += values[end * t->schema.columns + c].text.size;
	}
	if (end == rows || !relation_has_scan(t))
		return end;
	/* Whole scan pages, so that none is made twice. */
	uint64_t over = (t->rows + end - begin) % relation_page_rows(t);
	return over < end - begin ? end - (size_t)over : end;
}

static amt_status insert_scanned(struct amt_session *s, const struct relation *t,
	const struct value *values, size_t rows, bool import)
{
	struct owner_change_of_rows c = {.values = values,
		.rows = rows,
		.packed = owner_packed_rows(t, t->rows + rows, import)};
	return owner_change_rows(s, t->schema.table, &c);
}

amt_status owner_insert(struct amt_session *s, const char *table, const struct value *values,
	size_t rows, bool import, uint64_t *inserted)
{
	*inserted = 0;
	while (*inserted < rows) {
		struct relation *t;
		TRY(owner_table(s, table, &t));
		ENSURE(rows - *inserted <= RELATION_MAX_ROWS - t->rows, AMT_LIMIT,
			"a table holds at most 2^32 rows");
		size_t begin = (size_t)*inserted;
		size_t end = batch_end(s, t, values, begin, rows);
		const struct value *batch = values + begin * t->schema.columns;
		TRY(relation_has_scan(t) ? insert_scanned(s, t, batch, end - begin, import)
					 : insert_batch(s, t, batch, end - begin));
		*inserted = end;
		if (s->progress != NULL && end < rows &&
			!s->progress(s->progress_context, "inserting", end, rows))
			FAIL(AMT_CANCELLED, "cancelled after %zu of %zu rows", end, rows);
	}
	return STATUS_OK;
}

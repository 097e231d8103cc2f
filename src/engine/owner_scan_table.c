/* What all work on a table's scan form needs: rings and their secrets, the host's switching keys,
 * subkeys, dictionaries and tags. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/secret.h"

enum { EXPAND_LOG2 = SCAN_PACK_LOG2, TAG_BYTES = 8 };

/* ---- rings */

amt_status owner_need_pool(struct amt_session *s)
{
	return s->pool != NULL ? STATUS_OK : pool_new(&s->pool, 0);
}

amt_status owner_ring_place(
	struct amt_session *s, const struct bgv_params *params, struct owner_ring **out)
{
	for (unsigned i = 0; i < OWNER_RINGS; i++) {
		struct owner_ring *r = &s->ring[i];
		if (r->params != NULL && r->params != params)
			continue;
		r->params = params;
		*out = r;
		return STATUS_OK;
	}
	FAIL(AMT_LIMIT, "more rings than a session keeps");
}

static amt_status make_secret(struct amt_session *s, struct owner_ring *r)
{
	uint8_t *seed;
	TRY(secret_alloc(&seed, BGV_SECRET_SEED_BYTES));
	amt_status status = key_ring_subkey(
		s->key->ring, SUBKEY_BGV, span_str(r->params->name), (struct span){0}, seed);
	if (amt_ok(status))
		status = bgv_secret_new(&r->secret, r->ring, seed);
	secret_free(seed);
	return status;
}

static amt_status need_ring(
	struct amt_session *s, const struct bgv_params *params, struct owner_ring **out)
{
	TRY(owner_ring_place(s, params, out));
	if ((*out)->ring == NULL)
		TRY(bgv_ring_new(&(*out)->ring, params));
	return (*out)->secret != NULL ? STATUS_OK : make_secret(s, *out);
}

void owner_rings_free(struct amt_session *s)
{
	for (unsigned i = 0; i < OWNER_RINGS; i++) {
		bgv_secret_free(s->ring[i].secret);
		bgv_ring_free(s->ring[i].ring);
		s->ring[i] = (struct owner_ring){0};
	}
}

/* ---- switching keys */

struct making {
	struct amt_session *s;
	bool cancelled;
};

static void report(void *context, uint64_t done, uint64_t total)
{
	struct making *m = context;
	if (m->s->progress != NULL && !m->cancelled)
		m->cancelled = !m->s->progress(
			m->s->progress_context, "making switching keys", done, total);
}

static amt_status make_keys(
	struct amt_session *s, const struct owner_ring *r, unsigned limbs, struct buf *wire)
{
	struct making m = {.s = s};
	struct buf content = {0};
	struct bgv_keys_wanted wanted = {
		.limbs = limbs, .expand_log2 = EXPAND_LOG2, .fold_log2 = SCAN_FOLD_LOG2};
	struct wire_header header = {.type = WIRE_BGV_KEYS, .params = r->params->id};
	memcpy(header.key_id, key_ring_id(s->key->ring), sizeof(header.key_id));
	TRY(owner_need_pool(s));
	amt_status status = bgv_keys_make(r->secret, wanted, s->pool, report, &m, &content);
	if (amt_ok(status) && m.cancelled)
		status = ERROR(AMT_CANCELLED, "cancelled while making switching keys");
	if (amt_ok(status))
		status = wire_put(wire, &header, buf_span(&content));
	buf_free(&content);
	return status;
}

static amt_status send_keys(struct amt_session *s, struct owner_ring *r, unsigned limbs)
{
	struct buf wire = {0};
	struct message m = {.type = REQUEST_BGV_KEYS, .parameters = r->params->id};
	uint16_t before = r->key_limbs;
	amt_status status = make_keys(s, r, limbs, &wire);
	if (amt_ok(status))
		status = owner_upload_all(s, NULL, r->params->id, 0, buf_span(&wire), &m.number);
	buf_free(&wire);
	TRY(status);
	/* The state that goes with the change says that the host has them. */
	r->key_limbs = (uint16_t)limbs;
	status = owner_change(s, &m, NULL, NULL, NULL, NULL);
	if (!amt_ok(status))
		r->key_limbs = before;
	return status;
}

/* The longest ciphertext that a scan of the table can meet. */
static unsigned longest(const struct scan_table *t)
{
	unsigned limbs = t->valid.stored;
	for (unsigned i = 0; i < t->columns; i++) {
		const struct scan_column *c = &t->column[i];
		limbs = c->digits > 0 && c->stored > limbs ? c->stored : limbs;
		limbs = c->limbs > 0 && c->stored_sum > limbs ? c->stored_sum : limbs;
	}
	return limbs;
}

amt_status owner_need_switching_keys(struct amt_session *s, const struct schema *schema)
{
	struct scan_table table;
	struct owner_ring *r;
	TRY(schema_scan_table(schema, &table));
	unsigned limbs = longest(&table);
	amt_status status = need_ring(s, table.ring, &r);
	schema_scan_free(&table);
	TRY(status);
	return r->key_limbs >= limbs ? STATUS_OK : send_keys(s, r, limbs);
}

/* ---- dictionaries and tags */

/* The number of a text in a dictionary, or how many texts there are. */
static unsigned find_text(const struct buf *dictionary, struct span text, bool *found)
{
	struct reader r = reader_of(buf_span(dictionary), "dictionary");
	unsigned i = 0;
	*found = false;
	for (; reader_left(&r) > 0; i++) {
		struct span each = {0};
		amt_status s = read_span(&r, SIZE_MAX, &each);
		bool ok = amt_ok(s);
		amt_status_clear(&s);
		if (!ok)
			break;
		if (span_equal(each, text)) {
			*found = true;
			break;
		}
	}
	return i;
}

static amt_status tag_of(struct owner_scan *x, unsigned column, struct span text, uint64_t *code)
{
	uint8_t mac[MAC_BYTES];
	TRY(mac_compute(x->tag_key[column], (struct span){0}, text, mac));
	*code = load_u64(mac);
	secret_wipe(mac, sizeof(mac));
	return STATUS_OK;
}

static amt_status text_code(
	void *context, unsigned column, struct span text, uint64_t *code, bool *known)
{
	struct owner_scan *x = context;
	*code = 0;
	*known = true;
	if (x->t->schema.column[column].scan.kind == SCAN_TAG)
		return tag_of(x, column, text, code);
	*known = false;
	if (x->t->dictionary != NULL)
		*code = find_text(&x->t->dictionary[column], text, known);
	return STATUS_OK;
}

static amt_status text_of_code(
	void *context, unsigned column, uint64_t code, struct span *text, bool *known)
{
	const struct owner_scan *x = context;
	*known = false;
	if (x->t->dictionary == NULL)
		return STATUS_OK;
	struct reader r = reader_of(buf_span(&x->t->dictionary[column]), "dictionary");
	for (uint64_t i = 0; i <= code && reader_left(&r) > 0; i++) {
		TRY(read_span(&r, SIZE_MAX, text));
		*known = i == code;
	}
	return STATUS_OK;
}

static amt_status add_text(struct relation *t, unsigned column, struct span text)
{
	const struct column *c = &t->schema.column[column];
	bool found;
	unsigned count = find_text(&t->dictionary[column], text, &found);
	if (found)
		return STATUS_OK;
	ENSURE(count < c->scan.base, AMT_LIMIT,
		"column \"%s\": the dictionary holds %u different texts and is full", c->name,
		c->scan.base);
	return buf_put_span(&t->dictionary[column], text);
}

amt_status owner_add_texts(struct relation *t, const struct value *values, size_t rows)
{
	for (unsigned i = 0; i < t->schema.columns; i++) {
		const struct column *c = &t->schema.column[i];
		if (!(c->forms & FORM_SCAN) || c->scan.kind != SCAN_DICTIONARY)
			continue;
		if (t->dictionary == NULL)
			TRY(mem_array(&t->dictionary, t->schema.columns, sizeof(*t->dictionary)));
		for (size_t r = 0; r < rows; r++) {
			const struct value *v = &values[r * t->schema.columns + i];
			if (!v->null)
				TRY(add_text(t, i, v->text));
		}
	}
	return STATUS_OK;
}

/* ---- all together */

static amt_status column_key(struct owner_scan *x, unsigned column)
{
	struct amt_session *s = x->s;
	struct buf name = {0};
	const char *text = x->t->schema.column[column].name;
	TRY(secret_alloc(&x->tag_key[column], AEAD_KEY_BYTES));
	amt_status status = buf_put(&name, s->database, sizeof(s->database));
	if (amt_ok(status))
		status = buf_put(&name, x->t->id, sizeof(x->t->id));
	if (amt_ok(status))
		status = key_ring_subkey(s->key->ring, SUBKEY_EQUALITY_TAG, buf_span(&name),
			span_str(text), x->tag_key[column]);
	buf_free(&name);
	return status;
}

static amt_status open_all(struct owner_scan *x)
{
	const struct relation *t = x->t;
	TRY(owner_need_pool(x->s));
	TRY(schema_scan_table(&t->schema, &x->table));
	TRY(need_ring(x->s, x->table.ring, &x->ring));
	TRY(owner_table_key(x->s, SUBKEY_CANARY, t, &x->canary_key));
	TRY(owner_table_key(x->s, SUBKEY_ORIGINAL_MAC, t, &x->mac_key));
	TRY(mem_array(&x->tag_key, t->schema.columns, sizeof(*x->tag_key)));
	for (unsigned i = 0; i < t->schema.columns; i++)
		if ((t->schema.column[i].forms & FORM_SCAN) &&
			t->schema.column[i].scan.kind == SCAN_TAG)
			TRY(column_key(x, i));
	return STATUS_OK;
}

amt_status owner_scan_open(struct owner_scan *out, struct amt_session *s, const struct relation *t)
{
	*out = (struct owner_scan){.s = s, .t = t};
	out->texts = (struct scan_texts){.context = out, .code = text_code, .text = text_of_code};
	amt_status status = open_all(out);
	if (!amt_ok(status))
		owner_scan_close(out);
	return status;
}

void owner_scan_close(struct owner_scan *x)
{
	for (unsigned i = 0; x->tag_key != NULL && i < x->table.columns; i++)
		secret_free(x->tag_key[i]);
	mem_free(x->tag_key);
	secret_free(x->canary_key);
	secret_free(x->mac_key);
	schema_scan_free(&x->table);
	*x = (struct owner_scan){0};
}

amt_status owner_page_context(struct owner_scan *x, unsigned column, uint32_t page, uint64_t epoch,
	uint32_t rows, struct buf *out)
{
	const struct amt_session *s = x->s;
	TRY(buf_put(out, s->database, sizeof(s->database)));
	TRY(buf_put(out, x->t->id, sizeof(x->t->id)));
	TRY(buf_put_u32(out, x->t->schema.version));
	TRY(buf_put_u8(out, FORM_SCAN));
	TRY(buf_put(out, key_ring_id(s->key->ring), KEY_ID_BYTES));
	TRY(buf_put_u16(out, x->ring->params->id));
	TRY(buf_put_u16(out, (uint16_t)column));
	TRY(buf_put_u32(out, page));
	TRY(buf_put_u64(out, epoch));
	return buf_put_u32(out, rows);
}

/* Fragments back to values. What the host sends is checked to be of this table, complete, in order
 * and authentic: sealed rows by their seal, originals by their MAC, computed pages by the range of
 * what they decrypt to. Only rows that are wanted are opened. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#include <stdlib.h>

enum { COVER_LEAST = 16 };

amt_status owner_rows_new(
	struct owner_rows *out, const struct relation *t, const uint64_t *rows, size_t count)
{
	*out = (struct owner_rows){.t = t, .rows = count, .tail = SCAN_NO_TAIL};
	amt_status s = mem_dup(&out->row, rows, count * sizeof(*rows));
	if (amt_ok(s))
		s = mem_array(&out->value, count * t->schema.columns + 1, sizeof(*out->value));
	if (amt_ok(s))
		s = mem_array(&out->plain, count + 1, sizeof(*out->plain));
	if (amt_ok(s))
		s = mem_alloc(&out->valid, count + 1);
	if (!amt_ok(s)) {
		owner_rows_free(out);
		return s;
	}
	for (size_t i = 0; i < count; i++)
		out->valid[i] = !relation_is_removed(t, rows[i]);
	return STATUS_OK;
}

void owner_rows_free(struct owner_rows *r)
{
	for (size_t i = 0; r->plain != NULL && i < r->rows; i++) {
		if (r->plain[i].data != NULL)
			secret_wipe(r->plain[i].data, r->plain[i].capacity);
		buf_free(&r->plain[i]);
	}
	if (r->value != NULL)
		secret_wipe(r->value, r->rows * r->t->schema.columns * sizeof(*r->value));
	mem_free(r->value);
	mem_free(r->plain);
	mem_free(r->valid);
	mem_free(r->row);
	*r = (struct owner_rows){0};
}

bool owner_in_payload(const struct relation *t, unsigned column)
{
	return (t->schema.column[column].forms & FORM_PAYLOAD) &&
	       t->derived[column][CIRCUIT_VALUE] == 0 && t->derived[column][CIRCUIT_NULL_FLAG] == 0;
}

amt_status owner_list_family(unsigned column, unsigned part, struct buf *list)
{
	TRY(buf_put_u16(list, (uint16_t)column));
	return buf_put_u8(list, (uint8_t)part);
}

amt_status owner_list_column(
	const struct amt_session *s, const struct relation *t, unsigned column, struct buf *list)
{
	struct family f;
	for (unsigned part = CIRCUIT_VALUE; part <= CIRCUIT_NULL_FLAG; part++)
		if (relation_family(t, s->params, column, part, &f))
			TRY(owner_list_family(column, part, list));
	return STATUS_OK;
}

/* ---- receiving */

struct receiving {
	struct amt_session *s;
	struct owner_rows *r;
	struct reader list; /* families still to come */
	struct family family;
	uint64_t next; /* row of the family expected next */
	uint64_t tail; /* still to come after them, SCAN_NO_TAIL: nothing */
	const uint64_t *ids;
	size_t ids_left;
	uint8_t *payload_key, *original_key;
	uint32_t *glwe;
	uint8_t *messages;
	struct buf context;
};

/* First wanted row at or after `row`. */
static size_t lower_bound(const struct owner_rows *r, uint64_t row)
{
	size_t low = 0, high = r->rows;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->row[middle] < row)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct value *cell(struct receiving *x, size_t wanted, unsigned column)
{
	return &x->r->value[wanted * x->r->t->schema.columns + column];
}

static amt_status open_row(struct receiving *x, size_t wanted, uint64_t version, struct span sealed)
{
	const struct relation *t = x->r->t;
	struct buf *plain = &x->r->plain[wanted];
	struct value *row;
	uint8_t *at;
	ENSURE(sealed.size >= AEAD_EXTRA_BYTES && sealed.size <= MESSAGE_MAX_BYTES, AMT_INTEGRITY,
		"row %llu is cut", (unsigned long long)x->r->row[wanted]);
	buf_clear(plain);
	buf_clear(&x->context);
	TRY(owner_row_context(x->s, t, x->r->row[wanted], version, &x->context));
	TRY(buf_extend(plain, sealed.size - AEAD_EXTRA_BYTES, &at));
	amt_status status = aead_open(x->payload_key, buf_span(&x->context), sealed, at);
	if (!amt_ok(status))
		return WRAP(status, "row %llu of table %s is not the one its owner sealed",
			(unsigned long long)x->r->row[wanted], t->schema.table);
	TRY(mem_array(&row, t->schema.columns, sizeof(*row)));
	status = owner_payload_get(&t->schema, buf_span(plain), row);
	for (unsigned c = 0; amt_ok(status) && c < t->schema.columns; c++)
		if (owner_in_payload(t, c))
			*cell(x, wanted, c) = row[c];
	mem_free(row);
	return status;
}

static amt_status take_records(struct receiving *x, const struct fragment *f)
{
	struct reader r = reader_of(f->records, "sealed rows");
	size_t wanted = lower_bound(x->r, f->first);
	ENSURE(f->epoch <= x->r->t->epoch, AMT_INTEGRITY, "rows of a time to come");
	for (uint64_t row = f->first; row < f->first + f->rows; row++) {
		struct span sealed;
		TRY(read_span(&r, SIZE_MAX, &sealed));
		if (wanted < x->r->rows && x->r->row[wanted] == row)
			TRY(open_row(x, wanted++, f->epoch, sealed));
	}
	return STATUS_OK;
}

static void put_number(struct receiving *x, const struct family *f, size_t wanted, uint64_t v)
{
	if (f->part == CIRCUIT_VALID)
		x->r->valid[wanted] = (uint8_t)v;
	else if (f->part == CIRCUIT_NULL_FLAG)
		cell(x, wanted, f->column)->null = v;
	else
		cell(x, wanted, f->column)->bits = v;
}

/* A change rewrites a whole family at one epoch; originals that are shown again after it, or pages
 * of an earlier change, carry an older one. */
static amt_status check_origin(struct receiving *x, const struct fragment *f)
{
	const struct relation *t = x->r->t;
	uint64_t changed = relation_changed(t, f->column, f->part);
	bool original = f->wire == WIRE_SEEDED_GLWE;
	/* Flags that the owner wrote anew are of the very epoch of its DELETE. */
	bool own = f->part == CIRCUIT_VALID && relation_has_scan(t) && f->epoch == changed;
	ENSURE(original ? (own || f->epoch > changed) && f->epoch <= t->epoch
			: changed != 0 && f->epoch == changed,
		AMT_INTEGRITY, "a page of table %s is of epoch %llu, out of its time",
		t->schema.table, (unsigned long long)f->epoch);
	if (!original)
		return STATUS_OK;
	buf_clear(&x->context);
	TRY(owner_original_context(x->s, t, &x->context));
	amt_status status =
		mac_check(x->original_key, buf_span(&x->context), f->authenticated, f->mac);
	return amt_ok(status) ? status
			      : WRAP(status, "a page of table %s is not as its owner wrote it",
					t->schema.table);
}

static amt_status take_numbers(
	struct receiving *x, const struct family *family, const struct fragment *f)
{
	TRY(check_origin(x, f));
	size_t wanted = lower_bound(x->r, f->first);
	if (wanted == x->r->rows || x->r->row[wanted] >= f->first + f->rows)
		return STATUS_OK;
	TRY(fragment_glwe(f, x->s->params, x->glwe));
	TRY(owner_decode(x->s, x->glwe, f->rows * f->blocks, x->messages));
	unsigned most = family->type == INT_BOOL ? 1 : 3;
	for (; wanted < x->r->rows && x->r->row[wanted] < f->first + f->rows; wanted++) {
		const uint8_t *m = x->messages + (x->r->row[wanted] - f->first) * f->blocks;
		uint64_t v = 0;
		for (unsigned b = 0; b < f->blocks; b++) {
			ENSURE(m[b] <= most, AMT_INTEGRITY,
				"a page of table %s holds values that no honest host computes",
				x->r->t->schema.table);
			v |= (uint64_t)m[b] << 2 * b;
		}
		put_number(x, family, wanted, v);
	}
	return STATUS_OK;
}

static void take_plain(struct receiving *x, const struct family *family, const struct fragment *f)
{
	size_t wanted = lower_bound(x->r, f->first);
	for (; wanted < x->r->rows && x->r->row[wanted] < f->first + f->rows; wanted++)
		put_number(x, family, wanted,
			fragment_plain(f, family, (uint32_t)(x->r->row[wanted] - f->first)));
}

/* The first fragment of the tail may begin before it. */
static amt_status next_tail(struct receiving *x, const struct fragment *f, bool *more)
{
	*more = false;
	if (x->tail == SCAN_NO_TAIL || x->tail >= x->r->t->rows)
		return STATUS_OK;
	ENSURE(relation_family(x->r->t, x->s->params, RELATION_PAYLOAD, CIRCUIT_VALUE, &x->family),
		AMT_INTERNAL, "a tail without sealed rows");
	ENSURE(f != NULL && f->first <= x->tail && x->tail - f->first < f->rows, AMT_INTEGRITY,
		"rows from %llu on are missing", (unsigned long long)x->tail);
	x->tail = SCAN_NO_TAIL;
	x->next = f->first;
	*more = true;
	return STATUS_OK;
}

/* The family the next fragment must be of; false when all have come. */
static amt_status next_family(struct receiving *x, bool *more)
{
	const struct relation *t = x->r->t;
	*more = x->next < t->rows;
	if (*more || reader_left(&x->list) == 0)
		return STATUS_OK;
	uint16_t column;
	uint8_t part;
	TRY(read_u16(&x->list, &column));
	TRY(read_u8(&x->list, &part));
	ENSURE(relation_family(t, x->s->params, column, part, &x->family), AMT_INTERNAL,
		"a list names part %u of column %u, which is not there", part, column);
	x->next = 0;
	*more = t->rows > 0;
	return STATUS_OK;
}

static amt_status take_fragment(struct receiving *x, struct span wire)
{
	struct fragment f;
	bool more;
	TRY(fragment_get(&f, x->s->params, key_ring_id(x->s->key->ring), wire));
	TRY(next_family(x, &more));
	if (!more)
		TRY(next_tail(x, &f, &more));
	if (!more) {
		struct family payload;
		ENSURE(x->ids_left > 0 && relation_family(x->r->t, x->s->params, RELATION_PAYLOAD,
						  CIRCUIT_VALUE, &payload),
			AMT_INTEGRITY, "the host sends more than was asked for");
		TRY(fragment_check(&f, x->r->t, &payload));
		ENSURE(f.rows == 1 && f.first == *x->ids, AMT_INTEGRITY,
			"the host sends row %llu where row %llu is due",
			(unsigned long long)f.first, (unsigned long long)*x->ids);
		x->ids++;
		x->ids_left--;
		return take_records(x, &f);
	}
	TRY(fragment_check(&f, x->r->t, &x->family));
	ENSURE(f.first == x->next, AMT_INTEGRITY, "rows from %llu on are missing",
		(unsigned long long)x->next);
	x->next += f.rows;
	if (f.wire == WIRE_PAYLOAD)
		return take_records(x, &f);
	if (f.wire != WIRE_PLAIN)
		return take_numbers(x, &x->family, &f);
	take_plain(x, &x->family, &f);
	return STATUS_OK;
}

static amt_status check_complete(struct receiving *x)
{
	bool more;
	do {
		TRY(next_family(x, &more));
		ENSURE(!more, AMT_INTEGRITY, "rows from %llu on are missing",
			(unsigned long long)x->next);
	} while (reader_left(&x->list) > 0);
	TRY(next_tail(x, NULL, &more));
	ENSURE(x->ids_left == 0, AMT_INTEGRITY, "row %llu is missing", (unsigned long long)*x->ids);
	return STATUS_OK;
}

/* To the end whatever happens: a failure to understand is never told to the host. */
static amt_status receive_fragments(struct receiving *x)
{
	amt_status found = STATUS_OK;
	for (;;) {
		struct message reply;
		amt_status got = owner_receive(x->s, REPLY_FRAGMENT, REPLY_END, &reply);
		if (!amt_ok(got))
			return status_first(found, got);
		if (reply.type == REPLY_END)
			break;
		if (amt_ok(found))
			found = take_fragment(x, reply.fragment);
	}
	if (amt_ok(found))
		found = check_complete(x);
	return owner_distrust(x->s, found);
}

amt_status owner_receive_rows(struct amt_session *s, struct span list, const uint64_t *ids,
	size_t id_count, struct owner_rows *r)
{
	struct receiving x = {.s = s,
		.r = r,
		.list = reader_of(list, "list of families"),
		.next = r->t->rows,
		.tail = r->tail,
		.ids = ids,
		.ids_left = id_count};
	size_t bytes = tfhe_glwe_words(s->params) * sizeof(uint32_t);
	amt_status status = owner_table_key(s, SUBKEY_PAYLOAD, r->t, &x.payload_key);
	if (amt_ok(status))
		status = owner_table_key(s, SUBKEY_ORIGINAL_MAC, r->t, &x.original_key);
	if (amt_ok(status))
		status = mem_array(&x.messages, tfhe_poly_size(s->params), 1);
	if (amt_ok(status))
		status = mem_alloc_aligned(&x.glwe, bytes);
	if (amt_ok(status))
		status = receive_fragments(&x);
	else
		s->broken = true; /* the answer stays unread */
	secret_free(x.payload_key);
	secret_free(x.original_key);
	mem_free(x.messages);
	if (x.glwe != NULL)
		mem_free_aligned(x.glwe, bytes);
	buf_free(&x.context);
	return status;
}

amt_status owner_fetch(struct amt_session *s, struct span list, const uint64_t *ids,
	size_t id_count, struct owner_rows *r)
{
	struct buf packed = {0};
	struct message m = {.type = REQUEST_FETCH, .epoch = r->t->epoch, .columns = list};
	amt_status status = STATUS_OK;
	memcpy(m.table, r->t->id, sizeof(m.table));
	for (size_t i = 0; i < id_count && amt_ok(status); i++)
		status = buf_put_u64(&packed, ids[i]);
	m.ids = buf_span(&packed);
	if (amt_ok(status))
		status = owner_send(s, &m);
	if (amt_ok(status))
		status = owner_receive_rows(s, list, ids, id_count, r);
	buf_free(&packed);
	return status;
}

/* ---- which rows to ask for */

amt_status owner_random_below(uint64_t bound, uint64_t *out)
{
	uint64_t limit = UINT64_MAX - UINT64_MAX % bound;
	do
		TRY(random_bytes(out, sizeof(*out)));
	while (*out >= limit);
	*out %= bound;
	return STATUS_OK;
}

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Decoys are drawn from all rows, passing over what is there already. */
static amt_status add_decoys(
	uint64_t table_rows, uint64_t *ids, size_t count, size_t target, uint8_t *taken)
{
	for (size_t i = 0; i < count; i++)
		taken[ids[i]] = 1;
	while (count < target) {
		uint64_t id;
		TRY(owner_random_below(table_rows, &id));
		if (taken[id])
			continue;
		taken[id] = 1;
		ids[count++] = id;
	}
	qsort(ids, count, sizeof(*ids), compare_ids);
	return STATUS_OK;
}

amt_status owner_cover_ids(amt_fetch fetch, uint64_t table_rows, const uint64_t *ids, size_t count,
	uint64_t **out, size_t *out_count)
{
	size_t target = count;
	if (fetch == AMT_FETCH_PADDED) {
		for (target = COVER_LEAST; target < count; target *= 2)
			;
		target = target < table_rows ? target : (size_t)table_rows;
	}
	uint8_t *taken = NULL;
	TRY(mem_array(out, target + 1, sizeof(**out)));
	if (count > 0)
		memcpy(*out, ids, count * sizeof(*ids));
	*out_count = target;
	amt_status s = mem_array(&taken, table_rows + 1, 1);
	if (amt_ok(s))
		s = add_decoys(table_rows, *out, count, target, taken);
	mem_free(taken);
	if (!amt_ok(s)) {
		mem_free(*out);
		*out = NULL;
	}
	return s;
}

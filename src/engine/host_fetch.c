/* Sending what is stored, as it is stored, to the owner. */
#include "engine/host.h"

static amt_status send_fragment(struct host *h, struct span wire)
{
	struct message m = {.type = REPLY_FRAGMENT, .fragment = wire};
	return channel_send(&h->channel, &m);
}

static amt_status send_family(struct host *h, const struct relation *t, const struct family *f)
{
	struct host_key low = host_key_fragment(t->id, f->column, f->part, 0, 0);
	struct host_key high = host_key_family_end(t->id, f->column, f->part);
	struct store_iterator *it;
	TRY(store_iterator_new(h->store, NULL, host_key_span(&low), host_key_span(&high), 0, &it));
	bool valid = false;
	amt_status s = store_iterator_next(it, &valid);
	while (amt_ok(s) && valid) {
		s = send_fragment(h, store_iterator_value(it));
		if (amt_ok(s))
			s = store_iterator_next(it, &valid);
	}
	store_iterator_free(it);
	return s;
}

amt_status host_send_families(struct host *h, const struct relation *t, struct span columns)
{
	struct reader r = reader_of(columns, "list of families");
	while (reader_left(&r) > 0) {
		uint16_t column;
		uint8_t part;
		struct family f;
		TRY(read_u16(&r, &column));
		TRY(read_u8(&r, &part));
		ENSURE(relation_family(t, h->params, column, part, &f), AMT_PROTOCOL,
			"the table has no part %u of column %u", part, column);
		TRY(send_family(h, t, &f));
	}
	return STATUS_OK;
}

static amt_status send_from(struct host *h, struct store_iterator *it, uint64_t first)
{
	for (;;) {
		bool valid;
		struct fragment f;
		TRY(store_iterator_next(it, &valid));
		if (!valid)
			return STATUS_OK;
		TRY(fragment_get(&f, h->params, h->key_id, store_iterator_value(it)));
		if (f.first + f.rows > first)
			TRY(send_fragment(h, store_iterator_value(it)));
	}
}

amt_status host_send_tail(struct host *h, const struct relation *t, uint64_t first)
{
	struct host_key low = host_key_fragment(t->id, RELATION_PAYLOAD, CIRCUIT_VALUE,
		(uint32_t)(first / RELATION_PAYLOAD_PAGE), 0);
	struct host_key high = host_key_family_end(t->id, RELATION_PAYLOAD, CIRCUIT_VALUE);
	struct store_iterator *it;
	TRY(store_iterator_new(h->store, NULL, host_key_span(&low), host_key_span(&high), 0, &it));
	amt_status s = send_from(h, it, first);
	store_iterator_free(it);
	return s;
}

/* One sealed row as a fragment of its own. */
static amt_status send_row(struct host *h, const struct fragment *from, uint64_t row)
{
	struct reader r = reader_of(from->records, "payload fragment");
	struct fragment one = *from;
	for (uint64_t at = from->first; at <= row; at++) {
		struct span sealed;
		one.records.data = r.at;
		TRY(read_span(&r, SIZE_MAX, &sealed));
		one.records.size = sealed.size + 4;
	}
	one.first = row;
	one.rows = 1;
	struct buf wire = {0};
	amt_status s = fragment_put(&one, h->params, h->key_id, &wire);
	if (amt_ok(s))
		s = send_fragment(h, buf_span(&wire));
	buf_free(&wire);
	return s;
}

static amt_status find_row(
	struct host *h, struct store_iterator *it, uint64_t row, struct fragment *f)
{
	for (;;) {
		bool valid;
		TRY(store_iterator_next(it, &valid));
		ENSURE(valid, AMT_CORRUPTION, "row %llu is missing", (unsigned long long)row);
		TRY(fragment_get(f, h->params, h->key_id, store_iterator_value(it)));
		if (row >= f->first && row < f->first + f->rows)
			return STATUS_OK;
	}
}

static amt_status fetch_row(struct host *h, const struct relation *t, uint64_t row)
{
	ENSURE(row < t->rows, AMT_OUT_OF_RANGE, "row %llu of %llu", (unsigned long long)row,
		(unsigned long long)t->rows);
	uint32_t page = (uint32_t)(row / RELATION_PAYLOAD_PAGE);
	struct host_key low = host_key_fragment(t->id, RELATION_PAYLOAD, 0, page, 0);
	struct host_key high = host_key_fragment(t->id, RELATION_PAYLOAD, 0, page + 1, 0);
	struct store_iterator *it;
	TRY(store_iterator_new(h->store, NULL, host_key_span(&low), host_key_span(&high), 0, &it));
	struct fragment f;
	amt_status s = find_row(h, it, row, &f);
	if (amt_ok(s))
		s = send_row(h, &f, row);
	store_iterator_free(it);
	return s;
}

static amt_status fetch(struct host *h, const struct message *m, const struct relation *t)
{
	TRY(host_expect_epoch(t, m->epoch));
	ENSURE(m->columns.size % 3 == 0 && m->ids.size % 8 == 0, AMT_PROTOCOL,
		"a fetch of broken lists");
	ENSURE(m->ids.size == 0 || relation_has_payload(&t->schema), AMT_PROTOCOL,
		"the table has no payload to fetch rows of");
	TRY(host_send_families(h, t, m->columns));
	for (size_t i = 0; i < m->ids.size; i += 8)
		TRY(fetch_row(h, t, load_u64(m->ids.data + i)));
	struct message end = {.type = REPLY_END};
	return channel_send(&h->channel, &end);
}

amt_status host_fetch(struct host *h, const struct message *m)
{
	struct relation t = {0};
	TRY(host_table(h, m->table, &t, NULL));
	amt_status s = fetch(h, m, &t);
	relation_free(&t);
	return s;
}

/* Segments to the host, pages and long answers from it. */
#include "engine/owner.h"

#include <pthread.h>

enum { UPLOAD_STEP = 1 << 20 };

static amt_status send_bytes(struct amt_session *s, struct span bytes)
{
	while (bytes.size > 0) {
		size_t n = bytes.size < UPLOAD_STEP ? bytes.size : UPLOAD_STEP;
		struct message part = {.type = REQUEST_DATA, .data = span_of(bytes.data, n)};
		TRY(channel_send(&s->channel, &part));
		bytes = span_of(bytes.data + n, bytes.size - n);
	}
	return STATUS_OK;
}

static void *send_apart(void *context)
{
	struct amt_session *s = context;
	s->upload.status = send_bytes(s, s->upload.bytes);
	return NULL;
}

amt_status owner_upload_begin(struct amt_session *s, const struct relation *table, unsigned column,
	uint64_t page, struct span bytes)
{
	struct message m = {.type = REQUEST_SEGMENT,
		.column = (uint16_t)column,
		.page = page,
		.length = bytes.size};
	if (table != NULL)
		memcpy(m.table, table->id, sizeof(m.table));
	TRY(owner_send(s, &m));
	s->upload.bytes = bytes;
	s->upload.apart = pthread_create(&s->upload.thread, NULL, send_apart, s) == 0;
	if (!s->upload.apart)
		(void)send_apart(s);
	return STATUS_OK;
}

amt_status owner_upload_end(struct amt_session *s, uint64_t *number)
{
	struct message reply;
	if (s->upload.apart)
		(void)pthread_join(s->upload.thread, NULL);
	s->upload.apart = false;
	amt_status sent = s->upload.status;
	s->upload.status = STATUS_OK;
	if (amt_status_code(sent) == AMT_CLOSED)
		amt_status_clear(&sent); /* a host that ended may have said why: the reply tells */
	if (!amt_ok(sent)) {
		s->broken = true;
		return sent;
	}
	TRY(owner_receive(s, REPLY_SEGMENT, REPLY_SEGMENT, &reply));
	*number = reply.number;
	return STATUS_OK;
}

amt_status owner_receive_data(struct amt_session *s, uint64_t length, struct buf *out)
{
	/* Memory follows what has come, not what was announced. */
	for (uint64_t got = 0; got < length;) {
		struct message reply;
		TRY(owner_receive(s, REPLY_DATA, REPLY_DATA, &reply));
		if (reply.data.size == 0 || reply.data.size > length - got) {
			s->broken = true;
			FAIL(AMT_PROTOCOL, "the host sends %zu bytes where %llu are left",
				reply.data.size, (unsigned long long)(length - got));
		}
		got += reply.data.size;
		TRY(buf_put(out, reply.data.data, reply.data.size));
	}
	return STATUS_OK;
}

static amt_status check_page(
	struct owner_scan *x, unsigned column, uint32_t page, struct span record, struct span bytes)
{
	const struct relation *t = x->t;
	struct relation_segment shown;
	struct reader r = reader_of(record, "scan page");
	struct buf context = {0};
	bool valid = column == SCAN_VALID_COLUMN;
	uint64_t epoch = valid ? t->page[page].valid_epoch : t->page[page].epoch;
	TRY(relation_segment_get(&shown, &r));
	TRY(read_end(&r));
	amt_status s = owner_page_context(
		x, column, page, epoch, relation_rows_in_page(t, page), &context);
	if (amt_ok(s)) {
		s = mac_check_long(x->mac_key, buf_span(&context), bytes, shown.mac);
		if (!amt_ok(s))
			s = WRAP(s, "scan page %u of column %u is not as its owner wrote it", page,
				column);
	}
	buf_free(&context);
	return s;
}

amt_status owner_fetch_page(struct owner_scan *x, unsigned column, uint32_t page, struct buf *out)
{
	struct amt_session *s = x->s;
	const struct scan_column *layout = scan_table_column(&x->table, column);
	struct message m = {.type = REQUEST_PAGE,
		.epoch = x->t->epoch,
		.column = (uint16_t)column,
		.page = page};
	struct message reply;
	uint8_t record[RELATION_SEGMENT_BYTES];
	ENSURE(layout != NULL, AMT_INTERNAL, "column %u has no scan pages", column);
	memcpy(m.table, x->t->id, sizeof(m.table));
	TRY(owner_call(s, &m, REPLY_PAGE, &reply));
	size_t length = scan_page_bytes(layout, x->ring->ring), shown = reply.segments.size;
	if (reply.length != length || shown != sizeof(record)) {
		s->broken = true; /* its bytes stay unread */
		FAIL(AMT_INTEGRITY, "a scan page of %llu bytes where %zu are due",
			(unsigned long long)reply.length, length);
	}
	memcpy(record, reply.segments.data, sizeof(record));
	TRY(owner_receive_data(s, length, out));
	TRY(owner_receive(s, REPLY_END, REPLY_END, &reply));
	return owner_distrust(
		s, check_page(x, column, page, span_of(record, sizeof(record)), buf_span(out)));
}

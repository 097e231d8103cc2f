/* Segments to the host, pages and long answers from it. */
#include "engine/owner.h"

#include "base/alloc.h"

#include <pthread.h>

enum { UPLOAD_STEP = 1 << 20, IN_FLIGHT = 2 };

/* A segment that is sent; what is known of it before the reply. */
struct sent {
	struct message head;
	struct relation_segment entry;
	struct mac_long *mac;
};

/* Pieces go to a thread, which authenticates and sends one while the next is made. Replies are read a
 * segment later, so that nobody waits for the host's disk. Requests are sent by the thread alone,
 * replies read by the caller alone. */
struct owner_upload {
	struct amt_session *s;
	pthread_t thread;
	bool apart; /* there is the thread */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* Below the lock, or who `full` says. */
	bool full, stop; /* full: the piece is the thread's */
	struct buf piece;
	struct message head; /* to be sent before the piece: type 0 if not */
	struct mac_long *mac;
	amt_status status; /* of sending */
	/* The caller's. */
	struct sent sent[IN_FLIGHT]; /* the oldest first, the last may not be complete */
	unsigned replies;	     /* that are due */
	bool begun;		     /* sent[replies] is being put */
	uint64_t left;		     /* bytes of that */
};

/* ---- sending */

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

static amt_status send_piece(struct owner_upload *u)
{
	if (u->head.type != 0)
		TRY(channel_send(&u->s->channel, &u->head));
	TRY(mac_long_add(u->mac, buf_span(&u->piece)));
	return send_bytes(u->s, buf_span(&u->piece));
}

static void *work(void *context)
{
	struct owner_upload *u = context;
	pthread_mutex_lock(&u->lock);
	for (;;) {
		while (!u->full && !u->stop)
			pthread_cond_wait(&u->changed, &u->lock);
		if (!u->full)
			break;
		bool lost = !amt_ok(u->status);
		pthread_mutex_unlock(&u->lock);
		amt_status s = lost ? STATUS_OK : send_piece(u);
		pthread_mutex_lock(&u->lock);
		if (!lost)
			u->status = s;
		u->full = false;
		pthread_cond_broadcast(&u->changed);
	}
	pthread_mutex_unlock(&u->lock);
	return NULL;
}

static void wait_for_thread(struct owner_upload *u)
{
	pthread_mutex_lock(&u->lock);
	while (u->full)
		pthread_cond_wait(&u->changed, &u->lock);
	pthread_mutex_unlock(&u->lock);
}

amt_status owner_upload_open(struct owner_upload **out, struct amt_session *s)
{
	struct owner_upload *u;
	TRY(mem_zalloc(&u, sizeof(*u)));
	u->s = s;
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->changed, NULL);
	int error = pthread_create(&u->thread, NULL, work, u);
	if (error != 0) {
		owner_upload_close(u);
		return status_new(AMT_OUT_OF_MEMORY, error, __FILE__, __LINE__,
			"cannot start a thread that sends");
	}
	u->apart = true;
	*out = u;
	return STATUS_OK;
}

static struct message announcement(
	const struct relation *table, unsigned column, uint64_t page, uint64_t length)
{
	struct message m = {.type = REQUEST_SEGMENT,
		.column = (uint16_t)column,
		.page = page,
		.length = length};
	if (table != NULL)
		memcpy(m.table, table->id, sizeof(m.table));
	return m;
}

amt_status owner_upload_begin(struct owner_upload *u, const struct relation *table, unsigned column,
	uint32_t page, uint64_t length, const uint8_t *mac_key, struct span context)
{
	struct sent *now = &u->sent[u->replies];
	ENSURE(!u->begun && u->replies < IN_FLIGHT && length > 0, AMT_INTERNAL,
		"a segment is begun in another");
	mac_long_free(now->mac); /* of one that was begun without a byte */
	*now = (struct sent){.entry = {.column = (uint16_t)column, .page = page}};
	now->head = announcement(table, column, page, length);
	TRY(mac_long_new(&now->mac, mac_key, context));
	u->left = length;
	return STATUS_OK;
}

amt_status owner_upload_put(struct owner_upload *u, struct buf *bytes)
{
	struct buf mine = *bytes;
	const struct sent *now = &u->sent[u->replies];
	ENSURE(bytes->size > 0 && bytes->size <= u->left, AMT_INTERNAL,
		"%zu bytes of a segment where %llu are due", bytes->size,
		(unsigned long long)u->left);
	u->left -= bytes->size;
	pthread_mutex_lock(&u->lock);
	while (u->full)
		pthread_cond_wait(&u->changed, &u->lock);
	*bytes = u->piece;
	u->piece = mine;
	u->mac = now->mac;
	u->head = u->begun ? (struct message){0} : now->head;
	u->begun = u->full = true;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	buf_clear(bytes);
	return STATUS_OK;
}

/* ---- replies */

/* The oldest segment's, all of which has been given to the thread. */
static amt_status take_reply(struct owner_upload *u, struct buf *segments)
{
	struct sent done = u->sent[0];
	struct message reply;
	u->sent[0] = u->sent[1];
	u->sent[1] = (struct sent){0};
	u->replies--;
	pthread_mutex_lock(&u->lock);
	amt_code sending = amt_status_code(u->status);
	pthread_mutex_unlock(&u->lock);
	/* A host that ended may have said why: the reply tells. Otherwise it waits for the rest. */
	if (sending != AMT_OK && sending != AMT_CLOSED)
		u->s->broken = true;
	amt_status s = owner_receive(u->s, REPLY_SEGMENT, REPLY_SEGMENT, &reply);
	if (amt_ok(s) && segments != NULL) {
		done.entry.number = reply.number;
		s = mac_long_end(done.mac, done.entry.mac);
		if (amt_ok(s))
			s = relation_segment_put(&done.entry, segments);
	}
	mac_long_free(done.mac);
	return s;
}

amt_status owner_upload_end(struct owner_upload *u, struct buf *segments)
{
	ENSURE(u->begun && u->left == 0, AMT_INTERNAL, "a segment ends before its length");
	u->begun = false;
	return ++u->replies == IN_FLIGHT ? take_reply(u, segments) : STATUS_OK;
}

amt_status owner_upload_finish(struct owner_upload *u, struct buf *segments)
{
	wait_for_thread(u);
	while (u->replies > 0)
		TRY(take_reply(u, segments));
	return STATUS_OK;
}

/* The host waits for the rest of what was begun: zeros, which are a page as well, but no list will
 * name it. */
static void fill_up(struct owner_upload *u)
{
	static const uint8_t zeros[1 << 16];
	while (u->left > 0 && amt_ok(u->status)) {
		size_t n = u->left < sizeof(zeros) ? (size_t)u->left : sizeof(zeros);
		u->status = send_bytes(u->s, span_of(zeros, n));
		u->left -= n;
	}
	u->begun = false;
	u->replies++;
}

void owner_upload_close(struct owner_upload *u)
{
	if (u == NULL)
		return;
	wait_for_thread(u);
	if (u->begun)
		fill_up(u);
	while (u->replies > 0)
		status_drop(take_reply(u, NULL));
	pthread_mutex_lock(&u->lock);
	u->stop = true;
	pthread_cond_broadcast(&u->changed);
	pthread_mutex_unlock(&u->lock);
	if (u->apart)
		(void)pthread_join(u->thread, NULL);
	pthread_mutex_destroy(&u->lock);
	pthread_cond_destroy(&u->changed);
	for (unsigned i = 0; i < IN_FLIGHT; i++)
		mac_long_free(u->sent[i].mac);
	status_drop(u->status);
	buf_free(&u->piece);
	mem_free(u);
}

amt_status owner_upload_all(struct amt_session *s, const struct relation *table, unsigned column,
	uint64_t page, struct span bytes, uint64_t *number)
{
	struct message m = announcement(table, column, page, bytes.size), reply;
	TRY(owner_send(s, &m));
	amt_status sent = send_bytes(s, bytes);
	if (amt_status_code(sent) == AMT_CLOSED)
		amt_status_clear(&sent); /* the reply tells why */
	if (!amt_ok(sent)) {
		s->broken = true;
		return sent;
	}
	TRY(owner_receive(s, REPLY_SEGMENT, REPLY_SEGMENT, &reply));
	*number = reply.number;
	return STATUS_OK;
}

/* ---- from the host */

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

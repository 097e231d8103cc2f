/* Scan pages and switching keys as files beside the store: taken in, named by keys of the store in the
 * batch of the change they belong to, read by scans, removed.
 *
 * What has been sent but is not named yet is an *upload*; the change that follows takes those it lists,
 * and whether it succeeds or not, none is left after it. */
#include "engine/host.h"

#include "base/alloc.h"
#include "os/io_memory.h"
#include "store/segment.h"

#include <pthread.h>
#include <stdlib.h>

enum { OPEN_SEGMENTS = 64, MAX_UPLOADS = 1 << 20 };

struct upload {
	uint64_t number, length;
	uint8_t table[RELATION_ID_BYTES];
	uint16_t column;
	bool taken;
};

struct slot {
	uint64_t number; /* 0: free */
	struct segment *segment;
	unsigned users;
	uint64_t last_use;
};

struct host_segments {
	struct io *io, *own_io;
	char *folder;
	uint64_t next;
	struct upload *upload;
	size_t uploads;
	struct buf doomed;    /* u64 numbers: to be removed once the batch is written */
	bool attached;	      /* the batch names new segments: their names must be durable first */
	pthread_mutex_t lock; /* of the slots */
	struct slot *slot;
	size_t slots;
	uint64_t uses;
};

/* ---- keys and records */

struct host_key host_key_page(const uint8_t id[RELATION_ID_BYTES], unsigned column, uint32_t page)
{
	struct host_key k = {.data = {'G'}, .size = 1 + RELATION_ID_BYTES + 2 + 4};
	memcpy(k.data + 1, id, RELATION_ID_BYTES);
	uint8_t *at = k.data + 1 + RELATION_ID_BYTES;
	at[0] = (uint8_t)(column >> 8);
	at[1] = (uint8_t)column;
	for (int i = 0; i < 4; i++)
		at[2 + i] = (uint8_t)(page >> (24 - 8 * i));
	return k;
}

static struct host_key page_prefix(const uint8_t id[RELATION_ID_BYTES], bool end)
{
	struct host_key k = host_key_page(id, 0, 0);
	k.size = 1 + RELATION_ID_BYTES;
	if (end) { /* beyond the greatest column and page */
		memset(k.data + k.size, 0xff, 7);
		k.size += 7;
	}
	return k;
}

static struct host_key ring_key(uint16_t ring)
{
	return (struct host_key){.data = {'B', (uint8_t)(ring >> 8), (uint8_t)ring}, .size = 3};
}

static amt_status page_record_put(const struct host_page *p, struct buf *out)
{
	TRY(buf_put_u64(out, p->number));
	TRY(buf_put_u64(out, p->length));
	TRY(buf_put_u64(out, p->epoch));
	TRY(buf_put_u32(out, p->rows));
	return buf_put(out, p->mac, sizeof(p->mac));
}

static amt_status page_record_get(struct host_page *out, struct span in)
{
	struct reader r = reader_of(in, "record of a scan page");
	TRY(read_u64(&r, &out->number));
	TRY(read_u64(&r, &out->length));
	TRY(read_u64(&r, &out->epoch));
	TRY(read_u32(&r, &out->rows));
	TRY(read_copy(&r, out->mac, sizeof(out->mac)));
	return read_end(&r);
}

amt_status host_page(struct host *h, const uint8_t id[RELATION_ID_BYTES], unsigned column,
	uint32_t page, struct host_page *out)
{
	struct host_key key = host_key_page(id, column, page);
	struct buf record = {0};
	amt_status s = store_get(h->store, NULL, host_key_span(&key), &record);
	if (amt_status_code(s) == AMT_NOT_FOUND) {
		amt_status_clear(&s);
		s = ERROR(AMT_CORRUPTION, "scan page %u of column %u is missing", page, column);
	}
	if (amt_ok(s))
		s = page_record_get(out, buf_span(&record));
	buf_free(&record);
	return s;
}

/* ---- opening and closing */

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* The numbers that keys of a prefix name, each the first field of its record. */
static amt_status collect(
	struct host *h, struct span low, struct span high, struct buf *numbers, uint64_t *bytes)
{
	struct store_iterator *it;
	TRY(store_iterator_new(h->store, NULL, low, high, 0, &it));
	bool valid = false;
	amt_status s = store_iterator_next(it, &valid);
	while (amt_ok(s) && valid) {
		struct span record = store_iterator_value(it);
		if (record.size < 16)
			s = ERROR(
				AMT_CORRUPTION, "a record of a segment of %zu bytes", record.size);
		if (amt_ok(s))
			s = buf_put(numbers, record.data, 8);
		if (amt_ok(s) && bytes != NULL)
			*bytes += load_u64(record.data + 8);
		if (amt_ok(s))
			s = store_iterator_next(it, &valid);
	}
	store_iterator_free(it);
	return s;
}

static amt_status collect_all(struct host *h, struct buf *numbers, uint64_t *bytes)
{
	TRY(collect(h, span_str("B"), span_str("C"), numbers, bytes));
	TRY(collect(h, span_str("G"), span_str("H"), numbers, bytes));
	if (numbers->size > 0)
		qsort(numbers->data, numbers->size / 8, 8, compare_numbers);
	return STATUS_OK;
}

amt_status host_segments_open(struct host *h, struct io *io, const char *folder, bool in_memory)
{
	struct host_segments *g;
	struct buf live = {0};
	TRY(mem_zalloc(&g, sizeof(*g)));
	pthread_mutex_init(&g->lock, NULL);
	h->segments = g;
	g->io = io;
	g->slots = OPEN_SEGMENTS + 2 * (size_t)pool_threads(h->pool);
	TRY(mem_array(&g->slot, g->slots, sizeof(*g->slot)));
	TRY(mem_strdup(&g->folder, folder));
	if (in_memory) {
		TRY(io_memory_new(&g->own_io));
		g->io = g->own_io;
		TRY(io_make_folder(g->io, folder));
	}
	amt_status s = collect_all(h, &live, NULL);
	if (amt_ok(s))
		s = segments_sweep(g->io, folder, (const uint64_t *)(const void *)live.data,
			live.size / 8, &g->next);
	buf_free(&live);
	return s;
}

static void drop_uploads(struct host_segments *g)
{
	for (size_t i = 0; i < g->uploads; i++)
		if (!g->upload[i].taken)
			status_drop(segment_remove(g->io, g->folder, g->upload[i].number));
	g->uploads = 0;
}

void host_segments_close(struct host *h)
{
	struct host_segments *g = h->segments;
	if (g == NULL)
		return;
	if (g->folder != NULL)
		drop_uploads(g);
	for (size_t i = 0; g->slot != NULL && i < g->slots; i++)
		segment_close(g->slot[i].segment);
	io_free(g->own_io);
	pthread_mutex_destroy(&g->lock);
	buf_free(&g->doomed);
	mem_free(g->upload);
	mem_free(g->slot);
	mem_free(g->folder);
	mem_free(g);
	h->segments = NULL;
}

void host_segments_forget(struct host *h)
{
	drop_uploads(h->segments);
}

/* ---- reading */

/* The slot that has the segment open, else the one that was not used for longest. There are more slots
 * than threads, so one is free. */
static struct slot *choose(struct host_segments *g, uint64_t number)
{
	struct slot *chosen = &g->slot[0];
	for (size_t i = 0; i < g->slots; i++) {
		struct slot *s = &g->slot[i];
		if (s->number == number)
			return s;
		if (s->users == 0 && (chosen->users > 0 || s->last_use < chosen->last_use))
			chosen = s;
	}
	return chosen;
}

static amt_status open_in(struct host_segments *g, struct slot *slot, uint64_t number)
{
	if (slot->number == number)
		return STATUS_OK;
	ENSURE(slot->users == 0, AMT_INTERNAL, "more threads read segments than there are");
	segment_close(slot->segment);
	*slot = (struct slot){0};
	amt_status s = segment_open(&slot->segment, g->io, g->folder, number);
	if (amt_status_code(s) == AMT_NOT_FOUND) {
		amt_status_clear(&s);
		s = ERROR(AMT_CORRUPTION, "segment %llu is missing", (unsigned long long)number);
	}
	TRY(s);
	slot->number = number;
	return s;
}

static amt_status hold(struct host_segments *g, const struct host_page *p, struct slot **out)
{
	pthread_mutex_lock(&g->lock);
	struct slot *slot = *out = choose(g, p->number);
	amt_status s = open_in(g, slot, p->number);
	if (amt_ok(s)) {
		slot->users++;
		slot->last_use = ++g->uses;
	}
	pthread_mutex_unlock(&g->lock);
	return s;
}

static void let_go(struct host_segments *g, struct slot *slot)
{
	pthread_mutex_lock(&g->lock);
	slot->users--;
	pthread_mutex_unlock(&g->lock);
}

amt_status host_segment_read(
	struct host *h, const struct host_page *p, uint64_t offset, uint8_t *out, size_t size)
{
	struct host_segments *g = h->segments;
	struct slot *slot;
	TRY(hold(g, p, &slot));
	amt_status s = STATUS_OK;
	if (segment_length(slot->segment) != p->length)
		s = ERROR(AMT_CORRUPTION, "segment %llu is of %llu bytes, not %llu",
			(unsigned long long)p->number,
			(unsigned long long)segment_length(slot->segment),
			(unsigned long long)p->length);
	if (amt_ok(s))
		s = segment_read(slot->segment, offset, out, size);
	let_go(g, slot);
	return s;
}

void host_segment_will_read(
	struct host *h, const struct host_page *p, uint64_t offset, uint64_t size)
{
	struct slot *slot;
	amt_status s = hold(h->segments, p, &slot);
	if (amt_ok(s)) {
		segment_will_read(slot->segment, offset, size);
		let_go(h->segments, slot);
	}
	amt_status_clear(&s); /* the read will tell */
}

/* ---- taking in */

/* Checks that every residue of a page is below its prime, as the bytes come. */
struct page_check {
	const struct bgv_ring *ring;
	const struct scan_column *layout;
	size_t seeds;		    /* bytes of seeds still to come */
	unsigned group, limb, tile; /* of the run that is being filled */
	struct buf run;
};

static amt_status check_run(struct page_check *c, const uint8_t *run, size_t size)
{
	unsigned bytes = c->ring->params->residue_bytes;
	ENSURE(ntt_check(c->ring->q[c->limb], bytes, run, size / bytes), AMT_CORRUPTION,
		"a residue of a scan page is not below its prime");
	if (++c->tile < c->ring->n / SCAN_TILE)
		return STATUS_OK;
	c->tile = 0;
	if (++c->limb < scan_group_stored(c->layout, c->group))
		return STATUS_OK;
	c->limb = 0;
	c->group++;
	return STATUS_OK;
}

/* Runs are checked where they lie; one that continues in the next message is put together first. */
static amt_status check_bytes(struct page_check *c, struct span bytes)
{
	size_t skip = bytes.size < c->seeds ? bytes.size : c->seeds;
	c->seeds -= skip;
	bytes = span_of(bytes.data + skip, bytes.size - skip);
	while (bytes.size > 0) {
		ENSURE(c->group < scan_groups(c->layout), AMT_CORRUPTION,
			"a scan page is too long");
		size_t wanted =
			scan_group_vectors(c->layout, c->group) * scan_tile_bytes(c->ring->params);
		size_t n = wanted - c->run.size;
		n = n < bytes.size ? n : bytes.size;
		if (n == wanted) {
			TRY(check_run(c, bytes.data, wanted));
		} else {
			TRY(buf_put(&c->run, bytes.data, n));
			if (c->run.size == wanted) {
				TRY(check_run(c, c->run.data, wanted));
				buf_clear(&c->run);
			}
		}
		bytes = span_of(bytes.data + n, bytes.size - n);
	}
	return STATUS_OK;
}

/* One upload being received. `check` is NULL for keys, which are checked when they are expanded. */
struct taking {
	struct host *host;
	struct segment_writer *writer;
	struct page_check *check;
	struct buf frame;
};

static amt_status take(struct taking *x, struct span bytes)
{
	if (x->check != NULL)
		TRY(check_bytes(x->check, bytes));
	return segment_append(x->writer, bytes);
}

/* Reads all of it in any case: what follows would be taken for requests. */
static amt_status receive(struct taking *x, uint64_t length, amt_status s)
{
	while (length > 0) {
		struct message m;
		amt_status got = channel_receive(&x->host->channel, &x->frame, &m);
		if (!amt_ok(got))
			return status_first(got, s);
		if (m.type != REQUEST_DATA || m.data.size == 0 || m.data.size > length)
			return status_first(
				ERROR(AMT_PROTOCOL, "%s where bytes of a segment are due",
					message_name(m.type)),
				s);
		length -= m.data.size;
		if (amt_ok(s))
			s = take(x, m.data);
	}
	return s;
}

static amt_status add_upload(struct host_segments *g, const struct message *m, uint64_t number)
{
	TRY(mem_grow(&g->upload, (g->uploads + 1) * sizeof(*g->upload)));
	struct upload *u = &g->upload[g->uploads++];
	*u = (struct upload){.number = number, .length = m->length, .column = m->column};
	memcpy(u->table, m->table, sizeof(u->table));
	return STATUS_OK;
}

static bool is_keys(const struct message *m)
{
	static const uint8_t none[RELATION_ID_BYTES];
	return memcmp(m->table, none, sizeof(none)) == 0;
}

/* What is announced must be something this database has a place for. *table is filled in for a page. */
static amt_status check_announced(
	struct host *h, const struct message *m, struct scan_table *table, struct page_check *check)
{
	struct relation t = {0};
	TRY(host_need_database(h));
	ENSURE(h->segments->uploads < MAX_UPLOADS, AMT_LIMIT, "too many segments in one change");
	if (is_keys(m)) {
		ENSURE(bgv_params_find(m->column) != NULL, AMT_FOREIGN_PARAMETERS,
			"switching keys of ring %u, which this host does not know", m->column);
		return STATUS_OK;
	}
	TRY(host_table(h, m->table, &t, NULL));
	amt_status s = relation_is_scanned(&t, m->column)
			       ? schema_scan_table(&t.schema, table)
			       : ERROR(AMT_PROTOCOL, "column %u has no scan pages", m->column);
	relation_free(&t);
	TRY(s);
	struct bgv_ring *ring;
	TRY(host_need_ring(h, table->ring, &ring));
	const struct scan_column *layout = scan_table_column(table, m->column);
	ENSURE(layout != NULL && m->length == scan_page_bytes(layout, ring), AMT_PROTOCOL,
		"a scan page of column %u of %llu bytes", m->column, (unsigned long long)m->length);
	*check = (struct page_check){
		.ring = ring, .layout = layout, .seeds = 16 * (size_t)scan_vectors(layout)};
	return STATUS_OK;
}

amt_status host_segment(struct host *h, const struct message *m)
{
	struct host_segments *g = h->segments;
	struct scan_table table = {0};
	struct page_check check = {0};
	struct taking x = {.host = h};
	struct message reply = {.type = REPLY_SEGMENT, .number = g->next};
	ENSURE(m->length <= SCAN_PAGE_MOST, AMT_PROTOCOL, "a segment of %llu bytes",
		(unsigned long long)m->length);
	amt_status s = check_announced(h, m, &table, &check);
	if (amt_ok(s)) {
		x.check = check.layout != NULL ? &check : NULL;
		s = segment_writer_new(&x.writer, g->io, g->folder, g->next++);
	}
	s = receive(&x, m->length, s);
	if (amt_ok(s))
		s = segment_finish(x.writer);
	if (amt_ok(s)) {
		s = add_upload(g, m, reply.number);
		if (!amt_ok(s))
			status_drop(segment_remove(g->io, g->folder, reply.number));
	}
	segment_writer_free(x.writer);
	buf_free(&x.frame);
	buf_free(&check.run);
	schema_scan_free(&table);
	TRY(s);
	return channel_send(&h->channel, &reply);
}

/* ---- in the batch of a change */

static struct upload *find_upload(
	struct host_segments *g, uint64_t number, const uint8_t *table, unsigned column)
{
	for (size_t i = g->uploads; i-- > 0;) { /* they come in the same order, mostly */
		struct upload *u = &g->upload[i];
		if (u->number == number && !u->taken && u->column == column &&
			memcmp(u->table, table, sizeof(u->table)) == 0)
			return u;
	}
	return NULL;
}

/* The segment that a key names now, if any, goes once the batch is written. */
static amt_status doom(struct host *h, struct span key)
{
	struct buf record = {0};
	amt_status s = store_get(h->store, NULL, key, &record);
	if (amt_ok(s) && record.size >= 8)
		s = buf_put(&h->segments->doomed, record.data, 8);
	else if (amt_status_code(s) == AMT_NOT_FOUND)
		amt_status_clear(&s);
	buf_free(&record);
	return s;
}

amt_status host_batch_segments(
	struct host *h, struct store_batch *batch, const struct relation *t, struct span segments)
{
	struct host_segments *g = h->segments;
	struct reader r = reader_of(segments, "list of scan pages");
	while (reader_left(&r) > 0) {
		struct relation_segment s;
		TRY(relation_segment_get(&s, &r));
		struct upload *u = find_upload(g, s.number, t->id, s.column);
		ENSURE(u != NULL, AMT_PROTOCOL, "segment %llu has not been sent",
			(unsigned long long)s.number);
		struct host_page page = {.number = s.number,
			.length = u->length,
			.epoch = t->epoch,
			.rows = relation_rows_in_page(t, s.page)};
		memcpy(page.mac, s.mac, sizeof(page.mac));
		struct host_key key = host_key_page(t->id, s.column, s.page);
		struct buf record = {0};
		amt_status status = doom(h, host_key_span(&key));
		if (amt_ok(status))
			status = page_record_put(&page, &record);
		if (amt_ok(status))
			status = store_batch_put(batch, host_key_span(&key), buf_span(&record));
		buf_free(&record);
		TRY(status);
		u->taken = g->attached = true;
	}
	return STATUS_OK;
}

amt_status host_batch_remove_pages(
	struct host *h, struct store_batch *batch, const uint8_t id[RELATION_ID_BYTES])
{
	struct host_key low = page_prefix(id, false), high = page_prefix(id, true);
	TRY(collect(h, host_key_span(&low), host_key_span(&high), &h->segments->doomed, NULL));
	return host_batch_remove(h, batch, low, high);
}

amt_status host_batch_remove_keys(struct host *h, struct store_batch *batch)
{
	struct host_key low = ring_key(0), high = ring_key(UINT16_MAX);
	low.size = high.size = 1;
	high.data[0]++;
	TRY(collect(h, host_key_span(&low), host_key_span(&high), &h->segments->doomed, NULL));
	return host_batch_remove(h, batch, low, high);
}

static amt_status fill_keys(struct host *h, const struct message *m, struct store_batch *batch)
{
	static const uint8_t none[RELATION_ID_BYTES];
	struct host_segments *g = h->segments;
	struct upload *u = find_upload(g, m->number, none, m->parameters);
	ENSURE(u != NULL, AMT_PROTOCOL, "segment %llu has not been sent",
		(unsigned long long)m->number);
	uint8_t head[WIRE_HEADER_BYTES];
	struct host_page keys = {.number = u->number, .length = u->length};
	ENSURE(keys.length > sizeof(head), AMT_TRUNCATED, "switching keys of %llu bytes",
		(unsigned long long)keys.length);
	TRY(host_segment_read(h, &keys, 0, head, sizeof(head)));
	ENSURE(load_u16(head + 10) == WIRE_BGV_KEYS && load_u16(head + 12) == m->parameters,
		AMT_TYPE_MISMATCH, "these are no switching keys of ring %u", m->parameters);
	ENSURE(memcmp(head + 16, h->key_id, sizeof(h->key_id)) == 0, AMT_WRONG_KEY,
		"switching keys of another key");
	struct host_key key = ring_key(m->parameters);
	struct buf record = {0};
	amt_status s = doom(h, host_key_span(&key));
	if (amt_ok(s))
		s = page_record_put(&keys, &record);
	if (amt_ok(s))
		s = store_batch_put(batch, host_key_span(&key), buf_span(&record));
	buf_free(&record);
	TRY(s);
	u->taken = g->attached = true;
	return host_batch_state(h, batch, m);
}

amt_status host_bgv_keys(struct host *h, const struct message *m)
{
	TRY(host_commit(h, m, fill_keys));
	host_ring_forget_keys(h, m->parameters);
	return STATUS_OK;
}

amt_status host_load_keys(struct host *h, uint16_t ring, struct buf *out)
{
	struct host_key key = ring_key(ring);
	struct buf record = {0};
	struct host_page keys;
	amt_status s = store_get(h->store, NULL, host_key_span(&key), &record);
	if (amt_ok(s))
		s = page_record_get(&keys, buf_span(&record));
	buf_free(&record);
	TRY(s);
	uint8_t *at;
	TRY(buf_extend(out, (size_t)keys.length, &at));
	return host_segment_read(h, &keys, 0, at, (size_t)keys.length);
}

amt_status host_segments_before(struct host *h)
{
	struct host_segments *g = h->segments;
	return g->attached ? segments_sync(g->io, g->folder) : STATUS_OK;
}

void host_segments_after(struct host *h, enum host_outcome outcome)
{
	struct host_segments *g = h->segments;
	for (size_t i = 0; outcome == HOST_NOT_WRITTEN && i < g->uploads; i++)
		g->upload[i].taken = false;
	for (size_t i = 0; outcome == HOST_WRITTEN && i < g->doomed.size; i += 8)
		status_drop(segment_remove(g->io, g->folder, load_u64(g->doomed.data + i)));
	drop_uploads(g);
	buf_clear(&g->doomed);
	g->attached = false;
}

/* ---- to the owner */

amt_status host_send_data(struct host *h, struct span bytes)
{
	while (bytes.size > 0) {
		size_t n = bytes.size < MESSAGE_DATA_BYTES ? bytes.size : MESSAGE_DATA_BYTES;
		struct message m = {.type = REPLY_DATA, .data = span_of(bytes.data, n)};
		TRY(channel_send(&h->channel, &m));
		bytes = span_of(bytes.data + n, bytes.size - n);
	}
	return STATUS_OK;
}

static amt_status send_page(struct host *h, const struct message *m, const struct host_page *p)
{
	struct relation_segment segment = {
		.column = m->column, .page = (uint32_t)m->page, .number = p->number};
	memcpy(segment.mac, p->mac, sizeof(segment.mac));
	struct buf one = {0}, bytes = {0};
	uint8_t *at;
	amt_status s = relation_segment_put(&segment, &one);
	struct message reply = {
		.type = REPLY_PAGE, .length = p->length, .segments = buf_span(&one)};
	/* All of it is read first: an error cannot be told once bytes have gone out. */
	if (amt_ok(s))
		s = buf_extend(&bytes, (size_t)p->length, &at);
	if (amt_ok(s))
		s = host_segment_read(h, p, 0, at, (size_t)p->length);
	if (amt_ok(s))
		s = channel_send(&h->channel, &reply);
	if (amt_ok(s))
		s = host_send_data(h, buf_span(&bytes));
	buf_free(&one);
	buf_free(&bytes);
	TRY(s);
	struct message end = {.type = REPLY_END};
	return channel_send(&h->channel, &end);
}

amt_status host_send_page(struct host *h, const struct message *m)
{
	struct relation t = {0};
	struct host_page page;
	TRY(host_table(h, m->table, &t, NULL));
	amt_status s = host_expect_epoch(&t, m->epoch);
	if (amt_ok(s) && (!relation_is_scanned(&t, m->column) || m->page >= t.pages))
		s = ERROR(AMT_PROTOCOL, "the table has no scan page %llu of column %u",
			(unsigned long long)m->page, m->column);
	relation_free(&t);
	TRY(s);
	TRY(host_page(h, m->table, m->column, (uint32_t)m->page, &page));
	return send_page(h, m, &page);
}

amt_status host_segments_count(struct host *h, uint64_t *count, uint64_t *bytes, uint64_t *missing)
{
	struct buf numbers = {0};
	*bytes = *missing = 0;
	amt_status s = collect_all(h, &numbers, bytes);
	*count = numbers.size / 8;
	for (size_t i = 0; i < numbers.size && amt_ok(s); i += 8) {
		struct segment *segment;
		amt_status opened = segment_open(
			&segment, h->segments->io, h->segments->folder, load_u64(numbers.data + i));
		if (amt_ok(opened))
			segment_close(segment);
		*missing += !amt_ok(opened);
		amt_status_clear(&opened);
	}
	buf_free(&numbers);
	return s;
}

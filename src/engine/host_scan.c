/* Scans: the program of a question is checked against the table, run over its pages, and what it gives
 * goes to the owner with the sealed rows of the tail. A scan changes nothing. */
#include "engine/host.h"

#include "base/alloc.h"
#include "engine/scan_question.h"
#include "os/clock.h"
#include "os/cpu.h"
#include "scan/run.h"

/* ---- rings and keys, made when first needed, kept */

static amt_status ring_place(
	struct host *h, const struct bgv_params *params, struct host_ring **out)
{
	for (unsigned i = 0; i < HOST_RINGS; i++)
		if (h->ring[i].params == params || h->ring[i].params == NULL) {
			*out = &h->ring[i];
			return STATUS_OK;
		}
	FAIL(AMT_LIMIT, "more rings than a host keeps");
}

amt_status host_need_ring(struct host *h, const struct bgv_params *params, struct bgv_ring **out)
{
	struct host_ring *r;
	TRY(ring_place(h, params, &r));
	if (r->ring == NULL) {
		TRY(bgv_ring_new(&r->ring, params));
		r->params = params;
	}
	*out = r->ring;
	return STATUS_OK;
}

void host_ring_forget_keys(struct host *h, uint16_t id)
{
	for (unsigned i = 0; i < HOST_RINGS; i++)
		if (h->ring[i].params != NULL && h->ring[i].params->id == id) {
			bgv_keys_free(h->ring[i].keys);
			h->ring[i].keys = NULL;
		}
}

void host_rings_free(struct host *h)
{
	for (unsigned i = 0; i < HOST_RINGS; i++) {
		bgv_keys_free(h->ring[i].keys);
		bgv_ring_free(h->ring[i].ring);
		h->ring[i] = (struct host_ring){0};
	}
}

static void key_progress(void *context, uint64_t done, uint64_t total)
{
	status_drop(host_progress(context, PHASE_SWITCHING_KEYS, done, total));
}

static amt_status expand_keys(struct host *h, struct host_ring *r, unsigned limbs)
{
	struct buf wire = {0};
	struct wire_header header;
	struct span content;
	amt_status s = host_load_keys(h, r->params->id, &wire);
	if (amt_ok(s))
		s = wire_get(buf_span(&wire), WIRE_BGV_KEYS, &header, &content);
	if (amt_ok(s))
		s = wire_expect(&header, h->key_id, r->params->id);
	if (amt_ok(s))
		s = bgv_keys_open(&r->keys, r->ring, content, limbs, h->pool, key_progress, h);
	buf_free(&wire);
	TRY(s);
	r->wanted = limbs;
	host_log(h, "switching keys of ring %s expanded for %u limbs, %zu MB", r->params->name,
		bgv_keys_limbs(r->keys), bgv_keys_bytes(r->keys) / 1000000);
	return s;
}

/* For as many limbs as questions needed so far: the memory and the time they take grow with the square. */
static amt_status need_keys(
	struct host *h, const struct bgv_params *params, unsigned limbs, struct host_ring **out)
{
	struct bgv_ring *ring;
	TRY(host_need_ring(h, params, &ring));
	TRY(ring_place(h, params, out));
	if ((*out)->keys != NULL && (*out)->wanted >= limbs)
		return STATUS_OK;
	host_ring_forget_keys(h, params->id);
	return expand_keys(h, *out, limbs);
}

/* ---- a question */

struct scan_run {
	struct host *host;
	struct scan_question q;
	struct relation t;
	struct scan_table table;
	struct scan_program program;
	struct scan_fit fit;
	struct bgv_ring *ring;
	struct scan_work work;
	struct buf answers;
	struct host_page *page;		 /* [place][page of the table] */
	uint16_t *place;		 /* by column; the validity's is the last */
	uint64_t started_ns, prepare_ns; /* prepare: keys and scalars expanded */
};

static amt_status check_program(struct scan_run *r)
{
	struct reader in = reader_of(r->q.program, "scan program");
	TRY(schema_scan_table(&r->t.schema, &r->table));
	ENSURE(r->q.ring == r->table.ring->id, AMT_FOREIGN_PARAMETERS,
		"a question in ring %u for a table in ring %s", r->q.ring, r->table.ring->name);
	TRY(scan_program_get(&r->program, &r->table, &in));
	TRY(read_end(&in));
	TRY(host_need_ring(r->host, r->table.ring, &r->ring));
	TRY(scan_fit(&r->fit, &r->program, &r->table, r->t.pages > 0 ? r->t.pages : 1));
	ENSURE(r->q.scalars.size == scan_scalars_bytes(r->ring, &r->program, &r->fit), AMT_PROTOCOL,
		"%zu bytes of scalars where the program needs %zu", r->q.scalars.size,
		scan_scalars_bytes(r->ring, &r->program, &r->fit));
	struct scan_answers answers = scan_answers_of(&r->program, &r->fit, r->t.pages);
	ENSURE(answers.rows + answers.totals <= SCAN_ANSWER_MAX_BYTES / bgv_answer_bytes(r->ring),
		AMT_LIMIT, "an answer of %llu ciphertexts",
		(unsigned long long)(answers.rows + answers.totals));
	return STATUS_OK;
}

static amt_status check_question(struct scan_run *r, const struct message *m)
{
	struct host *h = r->host;
	TRY(host_need_database(h));
	TRY(scan_question_get(&r->q, h->key_id, m->scan));
	TRY(host_table(h, r->q.table, &r->t, NULL));
	TRY(host_expect_version(&r->t, r->q.epoch, r->q.schema_version));
	ENSURE(relation_has_scan(&r->t), AMT_PROTOCOL, "the table has no scan pages");
	ENSURE(r->q.tail == SCAN_NO_TAIL || r->q.tail <= r->t.rows, AMT_PROTOCOL,
		"rows from %llu of %llu", (unsigned long long)r->q.tail,
		(unsigned long long)r->t.rows);
	return check_program(r);
}

/* ---- pages */

static size_t column_place(const struct scan_run *r, unsigned column)
{
	return r->place[column == SCAN_VALID_COLUMN ? r->table.columns : column];
}

static amt_status find_pages(struct scan_run *r, unsigned column, unsigned place)
{
	r->place[column == SCAN_VALID_COLUMN ? r->table.columns : column] = (uint16_t)place;
	for (uint32_t i = 0; i < r->t.pages; i++)
		TRY(host_page(
			r->host, r->t.id, column, i, &r->page[(size_t)place * r->t.pages + i]));
	return STATUS_OK;
}

/* The records of all pages that the program reads, looked up once. */
static amt_status find_columns(struct scan_run *r)
{
	unsigned used = 0;
	uint8_t *reads;
	TRY(mem_array(&r->place, r->table.columns + 1, sizeof(*r->place)));
	TRY(mem_array(&reads, r->table.columns + 1, 1));
	for (uint32_t i = 0; i < r->program.ranges; i++) {
		unsigned c = r->program.range[i].column;
		c = c == SCAN_VALID_COLUMN ? r->table.columns : c;
		used += !reads[c];
		reads[c] = 1;
	}
	amt_status s = mem_array(&r->page, (size_t)used * r->t.pages + 1, sizeof(*r->page));
	unsigned place = 0;
	for (unsigned c = 0; c <= r->table.columns && amt_ok(s); c++)
		if (reads[c])
			s = find_pages(r, c == r->table.columns ? SCAN_VALID_COLUMN : c, place++);
	mem_free(reads);
	return s;
}

static amt_status read_page(
	void *context, unsigned column, uint64_t page, size_t offset, size_t size, uint8_t *out)
{
	struct scan_run *r = context;
	const struct host_page *p = &r->page[column_place(r, column) * r->t.pages + page];
	return host_segment_read(r->host, p, offset, out, size);
}

static void will_read(void *context, unsigned column, uint64_t page, size_t offset, size_t size)
{
	struct scan_run *r = context;
	const struct host_page *p = &r->page[column_place(r, column) * r->t.pages + page];
	host_segment_will_read(r->host, p, offset, size);
}

static amt_status report(void *context, uint64_t done, uint64_t pages)
{
	const struct scan_run *r = context;
	return host_progress(r->host, PHASE_SCANNING, done, pages);
}

static amt_status compute(struct scan_run *r)
{
	struct host *h = r->host;
	struct host_ring *keys;
	struct scan_scalars *scalars;
	r->started_ns = clock_monotonic_ns();
	if (r->t.pages == 0)
		return STATUS_OK;
	TRY(need_keys(h, r->table.ring, r->fit.limbs, &keys));
	TRY(find_columns(r));
	TRY(scan_scalars_open(
		&scalars, r->ring, keys->keys, &r->program, &r->fit, r->q.scalars, h->pool));
	r->prepare_ns = clock_monotonic_ns() - r->started_ns;
	struct scan_source source = {
		.context = r, .read = read_page, .will_read = will_read, .progress = report};
	amt_status s = scan_run(r->ring, keys->keys, &r->program, &r->table, &r->fit, scalars,
		r->t.pages, &source, h->pool, &r->answers, &r->work);
	scan_scalars_free(scalars);
	return s;
}

static amt_status send_answer(struct scan_run *r)
{
	struct host *h = r->host;
	struct scan_reply a = {.epoch = r->t.epoch,
		.rows = r->t.rows,
		.pages = r->t.pages,
		.relinearisations = r->work.relinearisations,
		.bytes_read = r->work.bytes_read,
		.cpu_ns = r->work.cpu_ns,
		.prepare_ns = r->prepare_ns,
		.peak_bytes = process_peak_bytes(),
		.passed_ns = clock_monotonic_ns() - r->started_ns,
		.ring = r->q.ring,
		.answers = buf_span(&r->answers)};
	memcpy(a.id, r->q.id, sizeof(a.id));
	memcpy(a.table, r->q.table, sizeof(a.table));
	struct buf wire = {0};
	amt_status s = scan_reply_put(&a, h->key_id, &wire);
	struct message first = {.type = REPLY_SCAN, .length = wire.size};
	if (amt_ok(s))
		s = channel_send(&h->channel, &first);
	if (amt_ok(s))
		s = host_send_data(h, buf_span(&wire));
	buf_free(&wire);
	TRY(s);
	TRY(host_send_families(h, &r->t, r->q.columns));
	if (r->q.tail != SCAN_NO_TAIL)
		TRY(host_send_tail(h, &r->t, r->q.tail));
	struct message end = {.type = REPLY_END};
	host_log(h, "%llu pages scanned, %llu relinearisations", (unsigned long long)a.pages,
		(unsigned long long)a.relinearisations);
	return channel_send(&h->channel, &end);
}

amt_status host_scan(struct host *h, const struct message *m)
{
	struct scan_run r = {.host = h};
	amt_status s = check_question(&r, m);
	if (amt_ok(s))
		s = compute(&r);
	if (amt_ok(s))
		s = send_answer(&r);
	mem_free(r.page);
	mem_free(r.place);
	buf_free(&r.answers);
	scan_fit_free(&r.fit);
	scan_program_free(&r.program);
	schema_scan_free(&r.table);
	relation_free(&r.t);
	return s;
}

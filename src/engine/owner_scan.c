/* SELECT by scan: round by round a program goes out, answers come back and are checked, the rows of the
 * tail are added in plain, and the plan makes a result of it. What fits no program is computed here, over
 * all rows. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "engine/result.h"
#include "os/clock.h"
#include "scan/secret_query.h"

#include <math.h>
#include <stdlib.h>

enum { LEAST_FAILURE_LOG2 = -1000 };

/* ---- one question */

struct asking {
	struct owner_scan *x;
	const struct scan_plan *p;
	uint8_t id[QUESTION_ID_BYTES];
	struct owner_answer *answer;
	struct scan_result result;
	uint64_t *ids; /* of the pages, then of their validities */
};

static amt_status put_question(
	struct asking *q, struct span columns, uint64_t tail, struct buf *wire)
{
	const struct scan_plan *p = q->p;
	const struct relation *t = q->x->t;
	struct scan_question question = {.epoch = t->epoch,
		.tail = tail,
		.schema_version = t->schema.version,
		.ring = q->x->ring->params->id,
		.columns = columns};
	struct buf program = {0}, scalars = {0};
	amt_status s;
	TRY_GOTO(s, random_from_system(q->id, sizeof(q->id)), out);
	memcpy(question.id, q->id, sizeof(q->id));
	memcpy(question.table, t->id, sizeof(t->id));
	TRY_GOTO(s, scan_program_put(&p->program, &program), out);
	TRY_GOTO(s, scan_scalars_put(q->x->ring->secret, &p->program, &p->fit, p->scalar, &scalars),
		out);
	question.program = buf_span(&program);
	question.scalars = buf_span(&scalars);
	s = scan_question_put(&question, key_ring_id(q->x->s->key->ring), wire);
out:
	buf_free(&program);
	buf_free(&scalars);
	return s;
}

static amt_status send_question(struct asking *q, struct span columns, uint64_t tail)
{
	struct buf wire = {0};
	amt_status s = put_question(q, columns, tail, &wire);
	struct message m = {.type = REQUEST_SCAN, .scan = buf_span(&wire)};
	if (amt_ok(s))
		s = owner_send(q->x->s, &m);
	buf_free(&wire);
	return s;
}

static size_t answers_bytes(const struct asking *q)
{
	struct scan_answers a = scan_answers_of(&q->p->program, &q->p->fit, q->x->t->pages);
	if (q->x->t->pages == 0)
		return 0;
	return (size_t)(a.rows + a.totals) * bgv_answer_bytes(q->x->ring->ring);
}

static void note_work(struct asking *q, const struct scan_reply *reply)
{
	struct owner_answer *a = q->answer;
	a->rows = reply->rows;
	a->pages += reply->pages;
	a->relinearisations += reply->relinearisations;
	a->bytes_read += reply->bytes_read;
	a->cpu_ns += reply->cpu_ns;
	a->nanoseconds += reply->passed_ns;
	a->prepare_ns += reply->prepare_ns;
	a->peak_bytes = reply->peak_bytes;
	if (q->p->fit.limbs > a->levels)
		a->levels = q->p->fit.limbs;
	/* Rounds add up. Far below what a double holds it is as good as the least. */
	double failure = fmax(q->p->fit.failure_log2, LEAST_FAILURE_LOG2);
	if (a->scan_failure_log2 != 0)
		failure = fmax(a->scan_failure_log2, failure) +
			  log2(1 + exp2(-fabs(a->scan_failure_log2 - failure)));
	a->scan_failure_log2 = failure;
}

static amt_status fill_ids(struct asking *q)
{
	const struct relation *t = q->x->t;
	TRY(mem_array(&q->ids, 2 * (size_t)t->pages, sizeof(*q->ids)));
	for (uint32_t i = 0; i < t->pages; i++) {
		q->ids[i] = relation_page_id(t->page[i].epoch, i);
		q->ids[t->pages + i] = relation_page_id(t->page[i].valid_epoch, i);
	}
	return STATUS_OK;
}

static amt_status read_answer(struct asking *q, struct span wire)
{
	struct owner_scan *x = q->x;
	struct scan_reply reply;
	TRY(scan_reply_get(&reply, key_ring_id(x->s->key->ring), wire));
	ENSURE(memcmp(reply.id, q->id, sizeof(q->id)) == 0, AMT_INTEGRITY,
		"the answer is one to another question");
	ENSURE(memcmp(reply.table, x->t->id, sizeof(x->t->id)) == 0 && reply.epoch == x->t->epoch &&
			reply.rows == x->t->rows && reply.pages == x->t->pages &&
			reply.ring == x->ring->params->id,
		AMT_INTEGRITY, "the answer is of another state of the table");
	ENSURE(reply.answers.size == answers_bytes(q), AMT_INTEGRITY,
		"an answer of %zu bytes where %zu are due", reply.answers.size, answers_bytes(q));
	note_work(q, &reply);
	if (x->t->pages == 0)
		return mem_array(
			&q->result.totals, q->p->program.outputs + 1, sizeof(*q->result.totals));
	TRY(fill_ids(q));
	struct scan_asked asked = {.program = &q->p->program,
		.table = &x->table,
		.fit = &q->p->fit,
		.scalar = q->p->scalar,
		.scale = q->p->scale,
		.canary_key = x->canary_key,
		.pages = x->t->pages,
		.rows = x->t->packed,
		.page_id = q->ids,
		.valid_id = q->ids + x->t->pages};
	TRY(scan_result_get(&q->result, x->ring->secret, &asked, reply.answers));
	if (q->answer->noise_margin_bits == 0 ||
		q->result.noise_margin_bits < q->answer->noise_margin_bits)
		q->answer->noise_margin_bits = q->result.noise_margin_bits;
	return STATUS_OK;
}

/* The answer's own part. A failure to make sense of it is never told: what follows is read all the
 * same. */
static amt_status receive_answer(struct asking *q)
{
	struct amt_session *s = q->x->s;
	struct message reply;
	struct buf wire = {0};
	TRY(owner_receive(s, REPLY_SCAN, REPLY_SCAN, &reply));
	uint64_t due = WIRE_HEADER_BYTES + SCAN_ANSWER_HEAD_BYTES + answers_bytes(q);
	amt_status status = STATUS_OK;
	if (reply.length >
		WIRE_HEADER_BYTES + SCAN_ANSWER_HEAD_BYTES + (uint64_t)SCAN_ANSWER_MAX_BYTES) {
		s->broken = true;
		FAIL(AMT_PROTOCOL, "an answer of %llu bytes", (unsigned long long)reply.length);
	}
	if (reply.length != due)
		status = ERROR(AMT_INTEGRITY, "an answer of %llu bytes where %llu are due",
			(unsigned long long)reply.length, (unsigned long long)due);
	amt_status got = owner_receive_data(s, reply.length, &wire);
	if (!amt_ok(got)) {
		buf_free(&wire);
		return status_first(got, status);
	}
	if (amt_ok(status))
		status = read_answer(q, buf_span(&wire));
	mem_free(q->ids);
	q->ids = NULL;
	buf_free(&wire);
	if (amt_ok(status))
		return status;
	status = owner_distrust(s, status);
	status_drop(owner_drain(s));
	return status;
}

/* Asks, and leaves the result in q; fragments follow on the wire. */
static amt_status ask(struct asking *q, struct span columns, uint64_t tail)
{
	TRY(send_question(q, columns, tail));
	return receive_answer(q);
}

/* ---- the tail */

/* What the rows from `from` of the list on add; hit may be NULL. */
static amt_status add_rows(struct owner_scan *x, const struct scan_plan *p,
	const struct owner_rows *rows, size_t from, uint64_t *totals, uint8_t *hit)
{
	size_t columns = x->t->schema.columns;
	uint64_t *code = NULL;
	bool *null = NULL;
	amt_status s = mem_array(&code, columns, sizeof(*code));
	if (amt_ok(s))
		s = mem_array(&null, columns, sizeof(*null));
	for (size_t i = from; i < rows->rows && amt_ok(s); i++) {
		bool match = false;
		if (!rows->valid[i])
			continue;
		s = scan_row_codes(&x->t->schema, &x->texts, &rows->value[i * columns], code, null);
		if (amt_ok(s))
			s = scan_plan_add_row(p, code, null, totals, &match);
		if (hit != NULL)
			hit[i] = match;
	}
	if (code != NULL)
		secret_wipe(code, columns * sizeof(*code));
	mem_free(code);
	mem_free(null);
	return s;
}

/* ---- aggregates */

static amt_status run_round(struct owner_scan *x, struct scan_plan *p, struct owner_answer *a,
	struct owner_rows *tail, bool first)
{
	struct asking q = {.x = x, .p = p, .answer = a};
	struct owner_rows none = {0};
	bool comes = first && x->t->packed < x->t->rows;
	tail->tail = comes ? x->t->packed : SCAN_NO_TAIL;
	amt_status s = owner_rows_new(&none, x->t, NULL, 0);
	if (amt_ok(s))
		s = ask(&q, (struct span){0}, tail->tail);
	if (amt_ok(s))
		s = owner_receive_rows(x->s, (struct span){0}, NULL, 0, comes ? tail : &none);
	if (amt_ok(s))
		s = add_rows(x, p, tail, 0, q.result.totals, NULL);
	if (amt_ok(s))
		s = owner_distrust(x->s, scan_plan_step(p, q.result.totals));
	owner_rows_free(&none);
	scan_result_free(&q.result);
	return s;
}

/* All rows as they are sealed, and before them what `list` names. */
static amt_status fetch_all(struct owner_scan *x, struct buf *list, struct owner_rows *rows)
{
	rows->tail = SCAN_NO_TAIL;
	TRY(owner_list_family(RELATION_PAYLOAD, CIRCUIT_VALUE, list));
	return owner_fetch(x->s, buf_span(list), NULL, 0, rows);
}

static amt_status ids_from(const struct relation *t, uint64_t first, uint64_t **out, size_t *count)
{
	*count = 0;
	TRY(mem_array(out, (size_t)(t->rows - first) + 1, sizeof(**out)));
	for (uint64_t row = first; row < t->rows; row++)
		if (!relation_is_removed(t, row))
			(*out)[(*count)++] = row;
	return STATUS_OK;
}

static amt_status run_here(struct owner_scan *x, struct scan_plan *p)
{
	struct owner_rows all = {0};
	struct buf list = {0};
	uint64_t *ids, *totals = NULL;
	size_t count;
	TRY(ids_from(x->t, 0, &ids, &count));
	amt_status s = owner_rows_new(&all, x->t, ids, count);
	mem_free(ids);
	if (amt_ok(s))
		s = fetch_all(x, &list, &all);
	buf_free(&list);
	while (amt_ok(s) && !scan_plan_done(p)) {
		size_t bytes = ((size_t)p->program.outputs + 1) * sizeof(*totals);
		s = mem_zalloc(&totals, bytes);
		if (amt_ok(s))
			s = add_rows(x, p, &all, 0, totals, NULL);
		if (amt_ok(s))
			s = scan_plan_step(p, totals);
		if (totals != NULL)
			secret_wipe(totals, bytes);
		mem_free(totals);
		totals = NULL;
	}
	owner_rows_free(&all);
	return s;
}

static amt_status run_rounds(struct owner_scan *x, struct scan_plan *p, struct owner_answer *a)
{
	struct owner_rows tail = {0};
	uint64_t *ids;
	size_t count;
	TRY(ids_from(x->t, x->t->packed, &ids, &count));
	amt_status s = owner_rows_new(&tail, x->t, ids, count);
	mem_free(ids);
	for (bool first = true; amt_ok(s) && !scan_plan_done(p); first = false)
		s = run_round(x, p, a, &tail, first);
	owner_rows_free(&tail);
	return s;
}

static amt_status show_answer(
	const struct scan_plan *p, const struct scan_answer *answer, amt_result *out)
{
	for (unsigned i = 0; i < p->headings; i++)
		TRY(result_add_column(
			out, p->heading[i].label, p->heading[i].type, p->heading[i].is_number));
	for (size_t i = 0; i < answer->rows * p->headings; i++) {
		const struct scan_cell *c = &answer->cell[i];
		TRY(result_add_cell(out,
			c->null ? (struct span){0} : span_of(answer->text.data + c->at, c->size),
			c->null));
	}
	return STATUS_OK;
}

static amt_status select_aggregates(
	struct owner_scan *x, struct scan_plan *p, struct owner_answer *a, amt_result *out)
{
	struct scan_answer answer = {0};
	TRY(p->fetched ? run_here(x, p) : run_rounds(x, p, a));
	amt_status s = scan_plan_finish(p, &answer);
	if (amt_ok(s))
		s = show_answer(p, &answer, out);
	scan_answer_free(&answer);
	return s;
}

/* ---- rows */

void owner_selection_free(struct owner_selection *sel)
{
	owner_rows_free(&sel->rows);
	mem_free(sel->hit);
	*sel = (struct owner_selection){0};
}

static amt_status list_wanted(
	struct owner_scan *x, const bool *wanted, bool *payload, struct buf *list)
{
	const struct relation *t = x->t;
	*payload = false;
	for (unsigned c = 0; c < t->schema.columns; c++) {
		if (!wanted[c])
			continue;
		if (owner_in_payload(t, c))
			*payload = true;
		else
			TRY(owner_list_column(x->s, t, c, list));
	}
	return STATUS_OK;
}

/* Matches in pages, or all rows, and after them the rows of the tail. */
static amt_status candidates(struct owner_scan *x, const struct scan_plan *p, const uint32_t *bit,
	struct owner_selection *out, size_t *paged)
{
	const struct relation *t = x->t;
	uint64_t *ids;
	size_t count = 0;
	TRY(mem_array(&ids, (size_t)t->rows + 1, sizeof(*ids)));
	for (uint64_t row = 0; row < t->packed && !p->never; row++)
		if (!relation_is_removed(t, row) && (bit == NULL || bit[row]))
			ids[count++] = row;
	*paged = count;
	for (uint64_t row = t->packed; row < t->rows && !p->never; row++)
		if (!relation_is_removed(t, row))
			ids[count++] = row;
	amt_status s = owner_rows_new(&out->rows, t, ids, count);
	if (amt_ok(s))
		s = mem_array(&out->hit, count + 1, 1);
	for (size_t i = 0; amt_ok(s) && i < *paged; i++)
		out->hit[i] = 1;
	mem_free(ids);
	return s;
}

static amt_status fetch_matches(struct owner_scan *x, struct owner_rows *rows, size_t paged)
{
	uint64_t *cover;
	size_t covered;
	rows->tail = SCAN_NO_TAIL;
	TRY(owner_cover_ids(x->s->fetch, x->t->rows, rows->row, paged, &cover, &covered));
	amt_status s = owner_fetch(x->s, (struct span){0}, cover, covered, rows);
	mem_free(cover);
	return s;
}

/* Without a question: no rows, or all. */
static amt_status select_known(struct owner_scan *x, const struct scan_plan *p, struct buf *list,
	bool payload, struct owner_selection *out)
{
	size_t paged;
	TRY(candidates(x, p, NULL, out, &paged));
	memset(out->hit, 1, out->rows.rows);
	if (p->never || (list->size == 0 && !payload))
		return STATUS_OK;
	return payload ? fetch_all(x, list, &out->rows)
		       : owner_fetch(x->s, buf_span(list), NULL, 0, &out->rows);
}

static amt_status select_asked(struct owner_scan *x, struct scan_plan *p, struct buf *list,
	bool payload, struct owner_answer *a, struct owner_selection *out)
{
	const struct relation *t = x->t;
	struct asking q = {.x = x, .p = p, .answer = a};
	bool all = payload && x->s->fetch == AMT_FETCH_ALL;
	uint64_t tail = !all && t->packed < t->rows ? t->packed : SCAN_NO_TAIL;
	size_t paged = 0;
	if (all)
		TRY(owner_list_family(RELATION_PAYLOAD, CIRCUIT_VALUE, list));
	TRY(ask(&q, buf_span(list), tail));
	/* A relation without pages has no bits. */
	amt_status s = candidates(x, p, q.result.rows, out, &paged);
	scan_result_free(&q.result);
	if (!amt_ok(s)) {
		x->s->broken = true; /* the fragments stay unread */
		return s;
	}
	out->rows.tail = tail;
	TRY(owner_receive_rows(x->s, buf_span(list), NULL, 0, &out->rows));
	TRY(add_rows(x, p, &out->rows, paged, NULL, out->hit));
	if (payload && !all)
		TRY(fetch_matches(x, &out->rows, paged));
	return scan_plan_step(p, NULL);
}

/* Every row is here and is looked at. */
static amt_status select_here(
	struct owner_scan *x, struct scan_plan *p, struct buf *list, struct owner_selection *out)
{
	size_t paged;
	TRY(candidates(x, p, NULL, out, &paged));
	TRY(fetch_all(x, list, &out->rows));
	TRY(add_rows(x, p, &out->rows, 0, NULL, out->hit));
	return scan_plan_step(p, NULL);
}

amt_status owner_scan_rows(struct owner_scan *x, struct scan_plan *p, const bool *wanted,
	struct owner_answer *a, struct owner_selection *out)
{
	struct buf list = {0};
	bool payload;
	*out = (struct owner_selection){0};
	amt_status s = list_wanted(x, wanted, &payload, &list);
	if (amt_ok(s))
		s = p->fetched		   ? select_here(x, p, &list, out)
		    : p->never || p->every ? select_known(x, p, &list, payload, out)
					   : select_asked(x, p, &list, payload, a, out);
	buf_free(&list);
	for (size_t i = 0; amt_ok(s) && i < out->rows.rows; i++)
		out->hits += out->hit[i];
	if (!amt_ok(s))
		owner_selection_free(out);
	return s;
}

static amt_status show_rows(
	const struct scan_plan *p, const struct owner_selection *sel, amt_result *out)
{
	const struct owner_rows *rows = &sel->rows;
	size_t *hit, hits = 0;
	TRY(mem_array(&hit, rows->rows + 1, sizeof(*hit)));
	for (size_t r = 0; r < rows->rows; r++)
		if (sel->hit[r])
			hit[hits++] = r;
	amt_status s = owner_rows_show(rows, &p->shown, p->item, p->items, hit, hits, out);
	mem_free(hit);
	return s;
}

static amt_status select_rows(
	struct owner_scan *x, struct scan_plan *p, struct owner_answer *a, amt_result *out)
{
	struct owner_selection sel;
	bool wanted[SCHEMA_MAX_COLUMNS] = {false};
	for (unsigned c = 0; c < x->t->schema.columns; c++)
		wanted[c] = arrange_uses(&p->shown, p->item, p->items, c);
	TRY(owner_scan_rows(x, p, wanted, a, &sel));
	amt_status s = show_rows(p, &sel, out);
	owner_selection_free(&sel);
	return s;
}

amt_status owner_scan_select(struct amt_session *s, const struct relation *t, struct scan_plan *p,
	struct owner_answer *a, amt_result *out)
{
	struct owner_scan x;
	TRY(owner_scan_open(&x, s, t));
	amt_status status = p->rows ? select_rows(&x, p, a, out) : select_aggregates(&x, p, a, out);
	if (a->rows == 0)
		a->rows = t->rows;
	owner_scan_close(&x);
	return status;
}

/* A plan becomes a question, the answer becomes numbers. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"

void owner_answer_free(struct owner_answer *a)
{
	mem_free(a->value);
	mem_free(a->bit);
	memset(a, 0, sizeof(*a));
}

/* ---- asking */

/* A block of value v is v * delta; "below every value" is -1 in the lowest block. */
static void put_constant(const struct tfhe_params *p, const struct plan_constant *c, uint32_t *out)
{
	unsigned blocks = int_type_blocks((enum int_type)c->type);
	for (unsigned b = 0; b < blocks; b++)
		out[b] = c->below ? 0 : (uint32_t)(c->bits >> 2 * b & 3) << tfhe_delta_log2(p);
	if (c->below)
		out[0] = 0u - (1u << tfhe_delta_log2(p));
}

static amt_status encrypt_pack(struct amt_session *s, const struct plan *plan, unsigned pack,
	uint32_t *torus, uint16_t *bodies, struct question_pack *out)
{
	const struct circuit *c = &plan->circuit;
	for (unsigned i = 0; i < c->constants; i++) {
		unsigned in, at;
		question_place(c, s->params, i, &in, &at);
		if (in == pack)
			put_constant(s->params, &plan->constant[i], torus + at);
	}
	size_t count = question_bodies(c, s->params, pack);
	amt_status status =
		tfhe_encrypt_seeded(key_ring_tfhe(s->key->ring), &out->seed, bodies, torus, count);
	secret_wipe(torus, count * sizeof(*torus));
	out->bodies = span_of(bodies, count * sizeof(*bodies));
	return status;
}

static amt_status encrypt_constants(
	struct amt_session *s, const struct plan *plan, struct question *q, uint16_t *bodies)
{
	size_t n = tfhe_poly_size(s->params);
	uint32_t *torus;
	TRY(mem_array(&torus, n, sizeof(*torus)));
	amt_status status = STATUS_OK;
	for (unsigned i = 0; i < q->packs && amt_ok(status); i++)
		status = encrypt_pack(s, plan, i, torus, bodies + i * n, &q->pack[i]);
	mem_free(torus);
	return status;
}

static amt_status make_question(struct amt_session *s, const struct relation *t,
	const struct plan *plan, struct span columns, uint8_t id[QUESTION_ID_BYTES],
	struct buf *wire)
{
	struct question q = {.epoch = t->epoch,
		.schema_version = t->schema.version,
		.columns = columns,
		.circuit = plan->circuit,
		.packs = question_packs(&plan->circuit, s->params)};
	uint16_t *bodies = NULL;
	amt_status status;
	TRY_GOTO(status, random_from_system(q.id, sizeof(q.id)), out);
	memcpy(id, q.id, sizeof(q.id));
	memcpy(q.table, t->id, sizeof(q.table));
	TRY_GOTO(status, mem_array(&q.pack, q.packs, sizeof(*q.pack)), out);
	TRY_GOTO(status,
		mem_array(&bodies, (size_t)q.packs * tfhe_poly_size(s->params), sizeof(*bodies)),
		out);
	TRY_GOTO(status, encrypt_constants(s, plan, &q, bodies), out);
	status = question_put(&q, s->params, key_ring_id(s->key->ring), wire);
out:
	mem_free(q.pack);
	mem_free(bodies);
	return status;
}

/* ---- reading the answer */

amt_status owner_decode(
	struct amt_session *s, const uint32_t *glwe, unsigned count, uint8_t *messages)
{
	unsigned n = tfhe_poly_size(s->params);
	uint32_t *phases;
	TRY(mem_array(&phases, n, sizeof(*phases)));
	amt_status status = tfhe_phase_glwe(key_ring_tfhe(s->key->ring), phases, glwe);
	for (unsigned i = 0; i < count && amt_ok(status); i++)
		messages[i] = (uint8_t)tfhe_decode(s->params, phases[i]);
	secret_wipe(phases, n * sizeof(*phases));
	mem_free(phases);
	return status;
}

/* Exactly `count` messages out of packs that are full but for the last, each at most `most`. */
static amt_status read_packs(struct amt_session *s, struct span packs, uint64_t count,
	unsigned most, uint8_t *messages, uint32_t *glwe)
{
	struct reader r = reader_of(packs, "answer");
	unsigned n = tfhe_poly_size(s->params), here;
	for (uint64_t done = 0; done < count; done += here) {
		unsigned due = count - done < n ? (unsigned)(count - done) : n;
		TRY(answer_pack_get(&r, s->params, glwe, &here));
		ENSURE(here == due, AMT_INTEGRITY, "an answer of %u values where %u are due", here,
			due);
		TRY(owner_decode(s, glwe, here, messages + done));
	}
	TRY(read_end(&r));
	unsigned wrong = 0;
	for (uint64_t i = 0; i < count; i++)
		wrong |= (unsigned)(messages[i] > most);
	ENSURE(!wrong, AMT_INTEGRITY, "the answer holds values that no honest host computes");
	return STATUS_OK;
}

struct expected {
	const struct relation *t;
	const struct plan *plan;
	uint8_t id[QUESTION_ID_BYTES];
	uint64_t epoch;
	struct owner_answer *out;
};

static amt_status read_values(
	struct amt_session *s, const struct answer *a, struct owner_answer *out, uint32_t *glwe)
{
	size_t blocks = 0;
	for (size_t i = 0; i < a->blocks.size; i++) {
		ENSURE(a->blocks.data[i] <= INT_WORD_BLOCKS, AMT_INTEGRITY, "a value of %u blocks",
			a->blocks.data[i]);
		blocks += a->blocks.data[i];
	}
	uint8_t *messages;
	TRY(mem_array(&out->value, a->blocks.size, sizeof(*out->value)));
	TRY(mem_array(&messages, blocks, 1));
	out->values = (unsigned)a->blocks.size;
	amt_status status = read_packs(s, a->values, blocks, 3, messages, glwe);
	const uint8_t *m = messages;
	for (size_t i = 0; amt_ok(status) && i < out->values; i++)
		for (unsigned b = 0; b < a->blocks.data[i]; b++)
			out->value[i] |= (uint64_t)*m++ << 2 * b;
	mem_free(messages);
	return status;
}

static amt_status check_answer(const struct expected *e, const struct answer *a)
{
	unsigned values = 0, rows = 0;
	const struct circuit *c = &e->plan->circuit;
	for (size_t i = 0; i < c->outputs; i++) {
		values += c->output[i].sink == CIRCUIT_ANSWER_VALUE;
		rows += c->output[i].sink == CIRCUIT_ANSWER_ROWS;
	}
	ENSURE(memcmp(a->id, e->id, sizeof(a->id)) == 0, AMT_INTEGRITY,
		"the answer is one to another question");
	ENSURE(memcmp(a->table, e->t->id, sizeof(a->table)) == 0 && a->epoch == e->epoch &&
			a->rows == e->t->rows,
		AMT_INTEGRITY, "the answer is of another state of the table");
	ENSURE(a->blocks.size == values && (rows > 0 || a->bits.size == 0), AMT_INTEGRITY,
		"the answer has %zu values where %u are due", a->blocks.size, values);
	e->out->rows = a->rows;
	e->out->bootstraps = a->bootstraps;
	e->out->nanoseconds = a->nanoseconds;
	if (rows == 0)
		return STATUS_OK;
	return mem_array(&e->out->bit, a->rows + 1, 1);
}

static amt_status read_answer(struct amt_session *s, const struct expected *e, struct span wire)
{
	struct answer a;
	TRY(answer_get(&a, s->params, key_ring_id(s->key->ring), wire));
	TRY(check_answer(e, &a));
	size_t bytes = tfhe_glwe_words(s->params) * sizeof(uint32_t);
	uint32_t *glwe;
	TRY(mem_alloc_aligned(&glwe, bytes));
	amt_status status = read_values(s, &a, e->out, glwe);
	if (amt_ok(status) && e->out->bit != NULL)
		status = read_packs(s, a.bits, a.rows, 1, e->out->bit, glwe);
	mem_free_aligned(glwe, bytes);
	return status;
}

/* Reads the reply; a failure to make sense of it is never told: the rest is read all the same. */
static amt_status receive_answer(struct amt_session *s, void *context)
{
	struct expected *e = context;
	struct message reply;
	TRY(owner_receive(s, REPLY_ANSWER, REPLY_ANSWER, &reply));
	amt_status status = read_answer(s, e, reply.answer);
	if (amt_ok(status))
		return status;
	status = owner_distrust(s, status);
	status_drop(owner_drain(s));
	owner_answer_free(e->out);
	return status;
}

amt_status owner_drain(struct amt_session *s)
{
	for (;;) {
		struct message reply;
		TRY(owner_receive(s, REPLY_FRAGMENT, REPLY_END, &reply));
		if (reply.type == REPLY_END)
			return STATUS_OK;
	}
}

amt_status owner_ask(struct amt_session *s, const struct relation *t, const struct plan *plan,
	struct span columns, struct owner_answer *out)
{
	struct expected e = {.t = t, .plan = plan, .epoch = t->epoch, .out = out};
	struct message m = {.type = REQUEST_QUERY};
	struct buf wire = {0};
	*out = (struct owner_answer){0};
	amt_status status = make_question(s, t, plan, columns, e.id, &wire);
	m.query = buf_span(&wire);
	if (amt_ok(status))
		status = owner_send(s, &m);
	if (amt_ok(status))
		status = receive_answer(s, &e);
	buf_free(&wire);
	return status;
}

static amt_status receive_all(struct amt_session *s, void *context)
{
	TRY(receive_answer(s, context));
	return owner_drain(s);
}

amt_status owner_ask_change(struct amt_session *s, const struct relation *t,
	const struct plan *plan, struct owner_answer *out)
{
	struct relation after; /* t is the session's own, which the change replaces */
	struct expected e = {.t = &after, .plan = plan, .epoch = t->epoch + 1, .out = out};
	struct message m = {.type = REQUEST_QUERY};
	struct buf wire = {0};
	*out = (struct owner_answer){0};
	TRY(relation_copy(&after, t));
	relation_apply(&after, &plan->circuit);
	amt_status status = make_question(s, t, plan, (struct span){0}, e.id, &wire);
	m.query = buf_span(&wire);
	if (amt_ok(status))
		status = owner_change(s, &m, &after, NULL, receive_all, &e);
	buf_free(&wire);
	relation_free(&after);
	return status;
}

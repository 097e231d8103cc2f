/* A question becomes an answer: the circuit is checked against the table, run over its rows chunk
 * by chunk, and what it gives is packed for the owner or written as new pages. A question that
 * writes is one atomic batch with the table's next epoch and the owner's next state. */
#include "engine/host.h"

#include "base/alloc.h"
#include "os/clock.h"

enum { CHUNK_BYTES = 384 << 20, CHUNK_ROWS_MIN = 32, CHUNK_ROWS_MAX = 4096 };

struct run {
	struct host *host;
	const struct message *request;
	struct question q;
	struct relation before, after; /* after: what the STORE outputs make of it */
	struct buf record;	       /* of before, for compare-and-set */
	bool writes;
	uint64_t bootstraps_before, started_ns;
	struct circuit_cost cost;
	struct store_batch *batch;
	struct host_writer *writer; /* by output; only those of STORE outputs are open */
	struct host_packer values, bits;
	struct buf blocks, value_packs, bit_packs;
};

/* ---- is the question one for this table? */

static bool is_column(const struct run *r, const struct relation *t, unsigned column, unsigned part,
	unsigned type, struct family *family)
{
	return column != RELATION_PAYLOAD &&
	       relation_family(t, r->host->params, column, part, family) && family->type == type;
}

static amt_status check_circuit(struct run *r)
{
	const struct circuit *c = &r->q.circuit;
	struct family f;
	for (size_t i = 0; i < c->nodes; i++) {
		const struct circuit_node *n = &c->node[i];
		bool all_valid = n->detail == CIRCUIT_VALID && !relation_has_deletes(&r->before) &&
				 n->index == 0 && n->type == INT_BOOL;
		ENSURE(n->op != CIRCUIT_LOAD || all_valid ||
				is_column(r, &r->before, n->index, n->detail, n->type, &f),
			AMT_PROTOCOL, "the question reads part %u of column %u as %s", n->detail,
			n->index, int_type_name((enum int_type)n->type));
	}
	unsigned rows = 0;
	for (size_t i = 0; i < c->outputs; i++) {
		const struct circuit_output *o = &c->output[i];
		rows += o->sink == CIRCUIT_ANSWER_ROWS;
		if (o->sink != CIRCUIT_STORE)
			continue;
		r->writes = true;
		ENSURE(is_column(r, &r->after, o->index, o->part, c->node[o->node].type, &f) &&
				f.form == FORM_ARITH,
			AMT_PROTOCOL, "the question writes part %u of column %u", o->part,
			o->index);
		for (size_t k = 0; k < i; k++)
			ENSURE(c->output[k].sink != CIRCUIT_STORE ||
					c->output[k].index != o->index ||
					c->output[k].part != o->part,
				AMT_PROTOCOL, "the question writes part %u of column %u twice",
				o->part, o->index);
	}
	ENSURE(rows <= 1, AMT_PROTOCOL, "a question has at most one bit for each row");
	ENSURE(r->writes == (r->request->state.size > 0), AMT_PROTOCOL,
		"a question that writes comes with an owner state, others without");
	return STATUS_OK;
}

static amt_status check_question(struct run *r)
{
	struct host *h = r->host;
	TRY(host_need_database(h));
	TRY(question_get(&r->q, h->params, h->key_id, r->request->query));
	TRY(host_table(h, r->q.table, &r->before, &r->record));
	TRY(host_expect_version(&r->before, r->q.epoch, r->q.schema_version));
	TRY(relation_copy(&r->after, &r->before));
	relation_apply(&r->after, &r->q.circuit);
	return check_circuit(r);
}

/* ---- what the circuit asks for and gives */

static amt_status load(void *context, enum circuit_part part, uint16_t column, enum int_type type,
	uint64_t first, size_t rows, struct int_column *out)
{
	struct run *r = context;
	struct family f;
	if (part == CIRCUIT_VALID && !relation_has_deletes(&r->before))
		return int_trivial(r->host->integers, out, INT_BOOL, 1, rows);
	ENSURE(is_column(r, &r->before, column, part, type, &f), AMT_INTERNAL,
		"column %u was checked", column);
	return host_load_column(r->host, &r->before, &f, first, rows, out);
}

/* What a constant is only compared with may be "below every value": -1 in the lowest block. */
static bool is_compared(const struct circuit *c, unsigned constant)
{
	for (size_t i = 0; i < c->nodes; i++)
		for (unsigned k = 0; k < c->node[i].arguments; k++) {
			const struct circuit_node *a =
				&c->node[c->argument[c->node[i].first_argument + k]];
			if (a->op == CIRCUIT_CONSTANT && a->index == constant &&
				c->node[i].op != CIRCUIT_COMPARE)
				return false;
		}
	return true;
}

static amt_status constant(
	void *context, unsigned index, enum int_type type, struct int_column *out)
{
	struct run *r = context;
	const struct tfhe_params *p = r->host->params;
	unsigned pack, at;
	question_place(&r->q.circuit, p, index, &pack, &at);
	size_t bytes = tfhe_glwe_words(p) * 4;
	uint32_t *glwe;
	TRY(mem_alloc_aligned(&glwe, bytes));
	amt_status s = fragment_expand(p, &r->q.pack[pack].seed, r->q.pack[pack].bodies, glwe);
	if (amt_ok(s))
		s = int_unpack(r->host->integers, out, type, int_type_blocks(type), glwe, at, 1, 1,
			is_compared(&r->q.circuit, index));
	mem_free_aligned(glwe, bytes);
	return s;
}

static amt_status store(void *context, const struct circuit_output *o, uint64_t first,
	const struct int_column *column)
{
	struct run *r = context;
	(void)first; /* chunks come in order */
	switch (o->sink) {
	case CIRCUIT_ANSWER_ROWS:
		return host_packer_add(&r->bits, column);
	case CIRCUIT_ANSWER_VALUE:
		TRY(buf_put_u8(&r->blocks, (uint8_t)column->blocks));
		return host_packer_add(&r->values, column);
	default:
		return host_packer_add(&r->writer[o - r->q.circuit.output].packer, column);
	}
}

static amt_status full_values(void *context, const uint32_t *glwe, unsigned count)
{
	struct run *r = context;
	return answer_pack_put(r->host->params, glwe, count, &r->value_packs);
}

static amt_status full_bits(void *context, const uint32_t *glwe, unsigned count)
{
	struct run *r = context;
	return answer_pack_put(r->host->params, glwe, count, &r->bit_packs);
}

/* ---- running */

static bool computing(void *context, uint64_t done, uint64_t total)
{
	struct run *r = context;
	(void)done; /* of one operation; the owner wants that of the whole question */
	(void)total;
	uint64_t sum = tfhe_evaluator_bootstraps(r->host->evaluator) - r->bootstraps_before;
	uint64_t expected = (uint64_t)r->cost.total;
	amt_status s =
		host_progress(r->host, PHASE_COMPUTING, sum, expected > sum ? expected : sum);
	bool go_on = amt_ok(s);
	amt_status_clear(&s);
	return go_on;
}

/* As many rows at once as fit if all values of a row were held: more than ever are. */
static size_t chunk_rows(const struct run *r)
{
	const struct circuit *c = &r->q.circuit;
	size_t blocks = 1;
	for (size_t i = 0; i < c->nodes; i++)
		if (c->node[i].per_row)
			blocks += int_type_blocks((enum int_type)c->node[i].type);
	size_t rows = CHUNK_BYTES / (blocks * tfhe_lwe_stride(r->host->params) * 4);
	rows = rows < CHUNK_ROWS_MIN ? CHUNK_ROWS_MIN : rows;
	return rows > CHUNK_ROWS_MAX ? CHUNK_ROWS_MAX : rows / CHUNK_ROWS_MIN * CHUNK_ROWS_MIN;
}

static amt_status open_writers(struct run *r)
{
	const struct circuit *c = &r->q.circuit;
	TRY(store_batch_new(&r->batch));
	TRY(mem_array(&r->writer, c->outputs + 1, sizeof(*r->writer)));
	for (size_t i = 0; i < c->outputs; i++) {
		const struct circuit_output *o = &c->output[i];
		struct family f;
		if (o->sink != CIRCUIT_STORE)
			continue;
		ENSURE(relation_family(&r->after, r->host->params, o->index, o->part, &f),
			AMT_INTERNAL, "column %u was checked", o->index);
		host_writer_new(&r->writer[i], r->host, &r->after, &f, r->batch);
	}
	unsigned n = tfhe_poly_size(r->host->params);
	r->values = (struct host_packer){
		.host = r->host, .limit = n, .full = full_values, .context = r};
	r->bits =
		(struct host_packer){.host = r->host, .limit = n, .full = full_bits, .context = r};
	return STATUS_OK;
}

static amt_status finish_writers(struct run *r)
{
	TRY(host_packer_finish(&r->values));
	TRY(host_packer_finish(&r->bits));
	if (!r->writes)
		return STATUS_OK;
	for (size_t i = 0; i < r->q.circuit.outputs; i++) {
		if (r->q.circuit.output[i].sink != CIRCUIT_STORE)
			continue;
		TRY(host_packer_finish(&r->writer[i].packer));
		ENSURE(r->writer[i].next == r->after.rows, AMT_INTERNAL,
			"%llu rows of %llu were written", (unsigned long long)r->writer[i].next,
			(unsigned long long)r->after.rows);
	}
	TRY(host_batch_change(r->host, r->batch, r->request, r->after.id, &r->record, &r->after));
	return store_write(r->host->store, r->batch);
}

static uint64_t bootstraps(const struct host *h)
{
	return h->evaluator != NULL ? tfhe_evaluator_bootstraps(h->evaluator) : 0;
}

static amt_status compute(struct run *r)
{
	struct host *h = r->host;
	r->started_ns = clock_monotonic_ns();
	r->bootstraps_before = bootstraps(h);
	if (r->q.circuit.outputs == 0) /* what is stored is only read */
		return STATUS_OK;
	TRY(host_need_key(h));
	TRY(host_need_evaluator(h));
	r->started_ns = clock_monotonic_ns();
	r->bootstraps_before = bootstraps(h);
	circuit_cost(&r->q.circuit, r->before.rows, &r->cost);
	TRY(open_writers(r));
	struct circuit_host callbacks = {
		.context = r, .load = load, .constant = constant, .store = store};
	int_context_progress(h->integers, computing, r);
	amt_status s =
		circuit_run(&r->q.circuit, h->integers, &callbacks, r->before.rows, chunk_rows(r));
	int_context_progress(h->integers, NULL, NULL);
	TRY(s);
	return finish_writers(r);
}

static amt_status send_answer(struct run *r)
{
	struct host *h = r->host;
	const struct relation *t = r->writes ? &r->after : &r->before;
	struct answer a = {.epoch = t->epoch,
		.rows = t->rows,
		.bootstraps = bootstraps(h) - r->bootstraps_before,
		.nanoseconds = clock_monotonic_ns() - r->started_ns,
		.blocks = buf_span(&r->blocks),
		.values = buf_span(&r->value_packs),
		.bits = buf_span(&r->bit_packs)};
	memcpy(a.id, r->q.id, sizeof(a.id));
	memcpy(a.table, r->q.table, sizeof(a.table));
	struct buf wire = {0};
	amt_status s = answer_put(&a, h->params, h->key_id, &wire);
	if (amt_ok(s)) {
		struct message m = {.type = REPLY_ANSWER, .answer = buf_span(&wire)};
		s = channel_send(&h->channel, &m);
	}
	buf_free(&wire);
	TRY(s);
	TRY(host_send_families(h, t, r->q.columns));
	struct message end = {.type = REPLY_END};
	host_log(h, "%llu rows, %llu bootstraps", (unsigned long long)a.rows,
		(unsigned long long)a.bootstraps);
	return channel_send(&h->channel, &end);
}

static void run_free(struct run *r)
{
	for (size_t i = 0; r->writer != NULL && i < r->q.circuit.outputs; i++)
		host_packer_free(&r->writer[i].packer);
	mem_free(r->writer);
	host_packer_free(&r->values);
	host_packer_free(&r->bits);
	store_batch_free(r->batch);
	buf_free(&r->blocks);
	buf_free(&r->value_packs);
	buf_free(&r->bit_packs);
	buf_free(&r->record);
	relation_free(&r->before);
	relation_free(&r->after);
	question_free(&r->q);
}

amt_status host_query(struct host *h, const struct message *m)
{
	struct run r = {.host = h, .request = m};
	amt_status s = check_question(&r);
	if (amt_ok(s))
		s = compute(&r);
	if (amt_ok(s))
		s = send_answer(&r);
	run_free(&r);
	return s;
}

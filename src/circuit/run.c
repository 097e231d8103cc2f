/* Running a circuit over a table: the pass over the rows goes chunk by chunk, so memory is bounded
 * by the chunk and not by the table.
 *
 * What is single and early (constants) is computed once, what is per row once a chunk; every value
 * is freed after its last use. An aggregate leaves one row a chunk; these partial results are
 * joined at the end by the same aggregate, which batches better than adding them one by one. What
 * rests on aggregates comes last.
 */
#include "base/alloc.h"
#include "circuit/rules.h"

struct run {
	const struct circuit *c;
	struct int_context *integers;
	const struct circuit_host *host;
	uint64_t rows;
	struct int_column *value;   /* by node; rows 0: not there */
	struct int_column *partial; /* by node, aggregates only: one row for each chunk done */
	uint32_t *uses;		    /* by node: per-row consumers left in this chunk */
};

/* Blocks that hold a sum of `rows` values of `bits` bits: public, since both are. */
static unsigned sum_blocks(unsigned bits, uint64_t rows)
{
	while (rows > 0 && bits < 64) {
		bits++;
		rows >>= 1;
	}
	return (bits + 1) / 2;
}

static amt_status aggregate(struct run *r, const struct circuit_node *n, struct int_column *out,
	const struct int_column *in)
{
	const struct circuit_node *argument = &r->c->node[circuit_arguments(r->c, n)[0]];
	switch (n->op) {
	case CIRCUIT_MIN:
		return int_min_rows(r->integers, out, in);
	case CIRCUIT_MAX:
		return int_max_rows(r->integers, out, in);
	default:
		return int_sum_rows(r->integers, out, in,
			sum_blocks(int_type_bits((enum int_type)argument->type), r->rows));
	}
}

static amt_status compute(struct run *r, size_t number, uint64_t first, size_t rows)
{
	const struct circuit_node *n = &r->c->node[number];
	const uint32_t *a = circuit_arguments(r->c, n);
	struct int_column *out = &r->value[number], *v = r->value;
	enum int_type type = (enum int_type)n->type;
	switch (n->op) {
	case CIRCUIT_LOAD:
		return r->host->load(r->host->context, (enum circuit_part)n->detail, n->index, type,
			first, rows, out);
	case CIRCUIT_CONSTANT:
		return r->host->constant(r->host->context, n->index, type, out);
	case CIRCUIT_TRIVIAL:
		return int_trivial(r->integers, out, type, n->value, 1);
	case CIRCUIT_NOT:
		return int_not(r->integers, out, &v[a[0]]);
	case CIRCUIT_ALL:
	case CIRCUIT_ANY: {
		const struct int_column *operand[CIRCUIT_MAX_ARGUMENTS];
		for (unsigned i = 0; i < n->arguments; i++)
			operand[i] = &v[a[i]];
		return n->op == CIRCUIT_ALL ? int_all(r->integers, out, operand, n->arguments)
					    : int_any(r->integers, out, operand, n->arguments);
	}
	case CIRCUIT_COMPARE:
		return int_compare(
			r->integers, out, (enum int_comparison)n->detail, &v[a[0]], &v[a[1]]);
	case CIRCUIT_ADD:
		return int_add(r->integers, out, &v[a[0]], &v[a[1]]);
	case CIRCUIT_SUB:
		return int_sub(r->integers, out, &v[a[0]], &v[a[1]]);
	case CIRCUIT_MUL:
		return int_mul(r->integers, out, &v[a[0]], &v[a[1]]);
	case CIRCUIT_DIV:
		return int_divide(r->integers, out, NULL, &v[a[0]], &v[a[1]]);
	case CIRCUIT_REM:
		return int_divide(r->integers, NULL, out, &v[a[0]], &v[a[1]]);
	case CIRCUIT_LOGIC:
		return int_logic(r->integers, out, (enum int_logic)n->detail, &v[a[0]], &v[a[1]]);
	case CIRCUIT_INVERT:
		return int_not(r->integers, out, &v[a[0]]);
	case CIRCUIT_SHIFT:
		return int_shift(r->integers, out, (enum int_shift)n->detail, &v[a[0]], &v[a[1]]);
	case CIRCUIT_SELECT:
		return int_select(r->integers, out, &v[a[0]], &v[a[1]], &v[a[2]]);
	case CIRCUIT_MASK:
		return int_mask(r->integers, out, &v[a[0]], &v[a[1]]);
	case CIRCUIT_CAST:
		return int_cast(r->integers, out, type, &v[a[0]]);
	default: {
		struct int_column part = {0};
		TRY(aggregate(r, n, &part, &v[a[0]]));
		amt_status s = int_append(r->integers, &r->partial[number], &part);
		int_column_free(&part);
		return s;
	}
	}
}

/* The chunk no longer needs `number`: free it when its last consumer is done. */
static void release(struct run *r, uint32_t number)
{
	if (r->c->node[number].per_row && --r->uses[number] == 0)
		int_column_free(&r->value[number]);
}

static void count_uses(struct run *r)
{
	const struct circuit *c = r->c;
	memset(r->uses, 0, c->nodes * sizeof(*r->uses));
	for (size_t i = 0; i < c->nodes; i++)
		for (unsigned k = 0; k < c->node[i].arguments; k++)
			r->uses[circuit_arguments(c, &c->node[i])[k]]++;
	for (size_t i = 0; i < c->outputs; i++)
		r->uses[c->output[i].node]++;
}

static amt_status store_outputs(struct run *r, uint32_t number, uint64_t first)
{
	for (size_t i = 0; i < r->c->outputs; i++) {
		const struct circuit_output *o = &r->c->output[i];
		if (o->node != number)
			continue;
		TRY(r->host->store(r->host->context, o, first, &r->value[number]));
		release(r, number);
	}
	return STATUS_OK;
}

static amt_status run_chunk(struct run *r, uint64_t first, size_t rows)
{
	const struct circuit *c = r->c;
	count_uses(r);
	for (size_t i = 0; i < c->nodes; i++) {
		const struct circuit_node *n = &c->node[i];
		if (!n->per_row && !circuit_is_aggregate(n->op))
			continue;
		TRY(compute(r, i, first, rows));
		for (unsigned k = 0; k < n->arguments; k++)
			release(r, circuit_arguments(c, n)[k]);
		if (!n->per_row)
			continue;
		TRY(store_outputs(r, (uint32_t)i, first));
		if (r->uses[i] == 0)
			int_column_free(&r->value[i]); /* nobody wants it */
	}
	return STATUS_OK;
}

/* Joins the partial results of the chunks; sums come out in as few blocks as they need and are widened to u64. */
static amt_status close_aggregate(struct run *r, size_t number)
{
	const struct circuit_node *n = &r->c->node[number];
	struct int_column *out = &r->value[number], joined = {0};
	enum int_type type = (enum int_type)n->type;
	if (r->rows == 0)
		return int_trivial(r->integers, out, type, 0, 1);
	TRY(aggregate(r, n, &joined, &r->partial[number]));
	int_column_free(&r->partial[number]);
	amt_status s = int_cast(r->integers, out, type, &joined);
	int_column_free(&joined);
	return s;
}

static amt_status run_all(struct run *r, size_t chunk_rows)
{
	const struct circuit *c = r->c;
	for (size_t i = 0; i < c->nodes; i++)
		if (!c->node[i].per_row && !c->node[i].late)
			TRY(compute(r, i, 0, 1));
	for (uint64_t first = 0; first < r->rows; first += chunk_rows) {
		uint64_t left = r->rows - first;
		TRY(run_chunk(r, first, left < chunk_rows ? (size_t)left : chunk_rows));
	}
	for (size_t i = 0; i < c->nodes; i++) {
		const struct circuit_node *n = &c->node[i];
		if (n->late)
			TRY(circuit_is_aggregate(n->op) ? close_aggregate(r, i)
							: compute(r, i, 0, 1));
	}
	for (size_t i = 0; i < c->outputs; i++) {
		const struct circuit_output *o = &c->output[i];
		if (!c->node[o->node].per_row)
			TRY(r->host->store(r->host->context, o, 0, &r->value[o->node]));
	}
	return STATUS_OK;
}

amt_status circuit_run(const struct circuit *c, struct int_context *integers,
	const struct circuit_host *host, uint64_t rows, size_t chunk_rows)
{
	ENSURE(chunk_rows > 0, AMT_INVALID_ARGUMENT, "chunks of no rows");
	struct run r = {.c = c, .integers = integers, .host = host, .rows = rows};
	amt_status s;
	TRY_GOTO(s, mem_array(&r.value, c->nodes + 1, sizeof(*r.value)), out);
	TRY_GOTO(s, mem_array(&r.partial, c->nodes + 1, sizeof(*r.partial)), out);
	TRY_GOTO(s, mem_array(&r.uses, c->nodes + 1, sizeof(*r.uses)), out);
	s = run_all(&r, chunk_rows);
out:
	for (size_t i = 0; i < c->nodes; i++) {
		if (r.value != NULL)
			int_column_free(&r.value[i]);
		if (r.partial != NULL)
			int_column_free(&r.partial[i]);
	}
	mem_free(r.value);
	mem_free(r.partial);
	mem_free(r.uses);
	return s;
}

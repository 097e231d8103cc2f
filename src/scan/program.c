#include "scan/program.h"

#include "base/alloc.h"

/* Grows *array to hold one element more. */
static amt_status grow(void *array, uint32_t count, uint32_t max, size_t size, const char *what)
{
	ENSURE(count < max, AMT_LIMIT, "a scan has more than %u %s", max, what);
	if ((count & (count - 1)) != 0)
		return STATUS_OK;
	return mem_grow(array, (count == 0 ? 1 : 2 * (size_t)count) * size);
}

amt_status scan_add_range(struct scan_program *p, struct scan_range r)
{
	TRY(grow(&p->range, p->ranges, SCAN_MAX_TERMS, sizeof(r), "ranges"));
	p->range[p->ranges++] = r;
	return STATUS_OK;
}

amt_status scan_add_term(struct scan_program *p, struct scan_term t)
{
	TRY(grow(&p->term, p->terms, SCAN_MAX_TERMS, sizeof(t), "terms"));
	p->term[p->terms++] = t;
	return STATUS_OK;
}

amt_status scan_add_weights(
	struct scan_program *p, const int32_t *weights, uint32_t count, uint32_t *first)
{
	*first = p->weights;
	for (uint32_t i = 0; i < count; i++) {
		TRY(grow(&p->weight, p->weights, SCAN_MAX_TERMS, sizeof(*weights), "weights"));
		p->weight[p->weights++] = weights[i];
	}
	return STATUS_OK;
}

/* Ranges and terms that no node or output has taken yet begin where the last taker ended. */
static uint32_t taken_ranges(const struct scan_program *p)
{
	for (uint32_t i = p->nodes; i-- > 0;)
		if (scan_node_reads(&p->node[i]))
			return p->node[i].first + p->node[i].count;
	return 0;
}

static uint32_t taken_terms(const struct scan_program *p)
{
	for (uint32_t i = p->outputs; i-- > 0;)
		if (p->output[i].kind == SCAN_TOTAL)
			return p->output[i].first + p->output[i].count;
	for (uint32_t i = p->nodes; i-- > 0;)
		if (p->node[i].op == SCAN_SUM)
			return p->node[i].first + p->node[i].count;
	return 0;
}

static amt_status add_node(
	struct scan_program *p, enum scan_op op, int32_t constant, uint32_t *node)
{
	ENSURE(p->outputs == 0, AMT_INVALID_ARGUMENT, "nodes come before outputs");
	TRY(grow(&p->node, p->nodes, SCAN_MAX_NODES, sizeof(*p->node), "nodes"));
	uint32_t first = op == SCAN_SUM ? taken_terms(p) : taken_ranges(p);
	uint32_t end = op == SCAN_SUM ? p->terms : p->ranges;
	*node = p->nodes;
	p->node[p->nodes++] = (struct scan_node){
		.op = (uint8_t)op, .constant = constant, .first = first, .count = end - first};
	return STATUS_OK;
}

amt_status scan_leaf(struct scan_program *p, uint32_t *node)
{
	return add_node(p, SCAN_LEAF, 0, node);
}

amt_status scan_public(struct scan_program *p, int32_t constant, uint32_t *node)
{
	return add_node(p, SCAN_PUBLIC, constant, node);
}

amt_status scan_sum(struct scan_program *p, int32_t constant, uint32_t *node)
{
	return add_node(p, SCAN_SUM, constant, node);
}

amt_status scan_scalar(struct scan_program *p, uint32_t scalar, uint32_t *node)
{
	TRY(add_node(p, SCAN_SCALAR, 0, node));
	struct scan_node *made = &p->node[p->nodes - 1];
	made->first = scalar;
	made->count = 0;
	return STATUS_OK;
}

static amt_status add_output(struct scan_program *p, struct scan_output o)
{
	TRY(grow(&p->output, p->outputs, SCAN_MAX_OUTPUTS, sizeof(o), "outputs"));
	p->output[p->outputs++] = o;
	return STATUS_OK;
}

amt_status scan_rows(struct scan_program *p, uint32_t node)
{
	return add_output(p, (struct scan_output){.kind = SCAN_ROWS, .node = node});
}

amt_status scan_total(struct scan_program *p, uint32_t max)
{
	uint32_t first = taken_terms(p);
	return add_output(p,
		(struct scan_output){
			.kind = SCAN_TOTAL, .first = first, .count = p->terms - first, .max = max});
}

void scan_program_free(struct scan_program *p)
{
	mem_free(p->node);
	mem_free(p->range);
	mem_free(p->term);
	mem_free(p->weight);
	mem_free(p->output);
	*p = (struct scan_program){0};
}

/* ---- bytes
 *
 *	u32 scalars, u32 weights, i32 each
 *	u32 nodes; each: u8 op, then u32 scalar, or i32 constant, u32 count, and ranges (u16 column, u16
 *	first, u16 count, u32 at) or terms (u32 a, u32 b, i32 factor)
 *	u32 outputs; each: u8 kind, then u32 node, or u32 max, u32 count, terms
 */

static amt_status put_term(struct buf *out, const struct scan_term *t)
{
	TRY(buf_put_u32(out, t->a));
	TRY(buf_put_u32(out, t->b));
	return buf_put_u32(out, (uint32_t)t->factor);
}

static amt_status put_node(const struct scan_program *p, const struct scan_node *n, struct buf *out)
{
	TRY(buf_put_u8(out, n->op));
	if (n->op == SCAN_SCALAR)
		return buf_put_u32(out, n->first);
	TRY(buf_put_u32(out, (uint32_t)n->constant));
	TRY(buf_put_u32(out, n->count));
	for (uint32_t i = n->first; i < n->first + n->count; i++) {
		if (n->op == SCAN_SUM) {
			TRY(put_term(out, &p->term[i]));
			continue;
		}
		const struct scan_range *r = &p->range[i];
		TRY(buf_put_u16(out, r->column));
		TRY(buf_put_u16(out, r->first));
		TRY(buf_put_u16(out, r->count));
		TRY(buf_put_u32(out, r->at));
	}
	return STATUS_OK;
}

static amt_status put_output(
	const struct scan_program *p, const struct scan_output *o, struct buf *out)
{
	TRY(buf_put_u8(out, o->kind));
	if (o->kind == SCAN_ROWS)
		return buf_put_u32(out, o->node);
	TRY(buf_put_u32(out, o->max));
	TRY(buf_put_u32(out, o->count));
	for (uint32_t i = o->first; i < o->first + o->count; i++)
		TRY(put_term(out, &p->term[i]));
	return STATUS_OK;
}

amt_status scan_program_put(const struct scan_program *p, struct buf *out)
{
	TRY(buf_put_u32(out, p->scalars));
	TRY(buf_put_u32(out, p->weights));
	for (uint32_t i = 0; i < p->weights; i++)
		TRY(buf_put_u32(out, (uint32_t)p->weight[i]));
	TRY(buf_put_u32(out, p->nodes));
	for (uint32_t i = 0; i < p->nodes; i++)
		TRY(put_node(p, &p->node[i], out));
	TRY(buf_put_u32(out, p->outputs));
	for (uint32_t i = 0; i < p->outputs; i++)
		TRY(put_output(p, &p->output[i], out));
	return STATUS_OK;
}

static amt_status get_int(struct reader *in, int32_t *out)
{
	uint32_t v;
	TRY(read_u32(in, &v));
	*out = (int32_t)v;
	return STATUS_OK;
}

static amt_status get_terms(struct scan_program *p, struct reader *in)
{
	uint32_t count;
	TRY(read_u32(in, &count));
	for (uint32_t i = 0; i < count; i++) {
		struct scan_term t;
		TRY(read_u32(in, &t.a));
		TRY(read_u32(in, &t.b));
		TRY(get_int(in, &t.factor));
		TRY(scan_add_term(p, t));
	}
	return STATUS_OK;
}

static amt_status get_ranges(struct scan_program *p, struct reader *in)
{
	uint32_t count;
	TRY(read_u32(in, &count));
	for (uint32_t i = 0; i < count; i++) {
		struct scan_range r;
		TRY(read_u16(in, &r.column));
		TRY(read_u16(in, &r.first));
		TRY(read_u16(in, &r.count));
		TRY(read_u32(in, &r.at));
		TRY(scan_add_range(p, r));
	}
	return STATUS_OK;
}

static amt_status get_node(struct scan_program *p, struct reader *in)
{
	uint8_t op;
	int32_t constant;
	uint32_t node, scalar;
	TRY(read_u8(in, &op));
	ENSURE(op >= SCAN_LEAF && op <= SCAN_SCALAR, AMT_CORRUPTION, "no scan operation %u", op);
	if (op == SCAN_SCALAR) {
		TRY(read_u32(in, &scalar));
		return scan_scalar(p, scalar, &node);
	}
	TRY(get_int(in, &constant));
	TRY(op == SCAN_SUM ? get_terms(p, in) : get_ranges(p, in));
	return add_node(p, (enum scan_op)op, constant, &node);
}

static amt_status get_output(struct scan_program *p, struct reader *in)
{
	uint8_t kind;
	uint32_t node, max;
	TRY(read_u8(in, &kind));
	ENSURE(kind == SCAN_ROWS || kind == SCAN_TOTAL, AMT_CORRUPTION, "no scan output %u", kind);
	if (kind == SCAN_ROWS) {
		TRY(read_u32(in, &node));
		return scan_rows(p, node);
	}
	TRY(read_u32(in, &max));
	TRY(get_terms(p, in));
	return scan_total(p, max);
}

static amt_status get_program(struct scan_program *p, struct reader *in)
{
	uint32_t count, first;
	int32_t weight;
	TRY(read_u32(in, &p->scalars));
	TRY(read_u32(in, &count));
	for (uint32_t i = 0; i < count; i++) {
		TRY(get_int(in, &weight));
		TRY(scan_add_weights(p, &weight, 1, &first));
	}
	TRY(read_u32(in, &count));
	for (uint32_t i = 0; i < count; i++)
		TRY(get_node(p, in));
	TRY(read_u32(in, &count));
	for (uint32_t i = 0; i < count; i++)
		TRY(get_output(p, in));
	return STATUS_OK;
}

amt_status scan_program_get(
	struct scan_program *out, const struct scan_table *table, struct reader *in)
{
	*out = (struct scan_program){0};
	amt_status s = get_program(out, in);
	if (amt_ok(s))
		s = scan_program_check(out, table);
	if (!amt_ok(s))
		scan_program_free(out);
	return s;
}

/* ---- checks */

const struct scan_column *scan_table_column(const struct scan_table *t, unsigned column)
{
	if (column == SCAN_VALID_COLUMN)
		return &t->valid;
	if (column >= t->columns || scan_groups(&t->column[column]) == 0)
		return NULL;
	return &t->column[column];
}

unsigned scan_range_group(const struct scan_column *c, const struct scan_range *r)
{
	unsigned group = 0, first = 0;
	while (group < scan_groups(c) && r->first >= first + scan_group_vectors(c, group))
		first += scan_group_vectors(c, group++);
	return group;
}

static amt_status check_range(const struct scan_program *p, const struct scan_table *table,
	const struct scan_node *n, const struct scan_range *r, uint8_t *used)
{
	const struct scan_column *c = scan_table_column(table, r->column);
	ENSURE(c != NULL, AMT_CORRUPTION, "column %u has no scan form", r->column);
	unsigned group = scan_range_group(c, r);
	ENSURE(r->count > 0 && group < scan_groups(c) &&
			(unsigned)r->first + r->count <=
				scan_group_first(c, group) + scan_group_vectors(c, group),
		AMT_CORRUPTION, "column %u has no vectors %u to %u", r->column, r->first,
		r->first + r->count - 1);
	uint32_t limit = n->op == SCAN_LEAF ? p->scalars : p->weights;
	ENSURE(r->at <= limit && r->count <= limit - r->at, AMT_CORRUPTION,
		"a scan reads constant %u of %u", r->at + r->count - 1, limit);
	for (unsigned v = 0; n->op == SCAN_LEAF && v < r->count; v++)
		used[r->at + v] = 1;
	return STATUS_OK;
}

static amt_status check_terms(
	const struct scan_program *p, uint32_t first, uint32_t count, uint32_t below)
{
	for (uint32_t i = first; i < first + count; i++) {
		const struct scan_term *t = &p->term[i];
		ENSURE(t->a < below && (t->b < below || t->b == SCAN_NONE), AMT_CORRUPTION,
			"a scan uses a node before it is made");
		ENSURE(t->factor != 0 && t->factor > -BGV_T && t->factor < BGV_T, AMT_CORRUPTION,
			"a scan has the factor %d", t->factor);
	}
	return STATUS_OK;
}

static amt_status check_nodes(
	const struct scan_program *p, const struct scan_table *table, uint8_t *used)
{
	for (uint32_t i = 0; i < p->nodes; i++) {
		const struct scan_node *n = &p->node[i];
		if (n->op == SCAN_SCALAR) {
			ENSURE(n->first < p->scalars, AMT_CORRUPTION,
				"a scan reads constant %u of %u", n->first, p->scalars);
			used[n->first] = 1;
			continue;
		}
		ENSURE(n->count > 0, AMT_CORRUPTION, "node %u of a scan is empty", i);
		ENSURE(n->constant > -BGV_T && n->constant < BGV_T &&
				(n->op != SCAN_LEAF || n->constant == 0),
			AMT_CORRUPTION, "a scan has the constant %d", n->constant);
		if (n->op == SCAN_SUM) {
			TRY(check_terms(p, n->first, n->count, i));
			continue;
		}
		for (uint32_t r = n->first; r < n->first + n->count; r++)
			TRY(check_range(p, table, n, &p->range[r], used));
	}
	for (uint32_t i = 0; i < p->weights; i++)
		ENSURE(p->weight[i] > -BGV_T && p->weight[i] < BGV_T, AMT_CORRUPTION,
			"a scan has the weight %d", p->weight[i]);
	return STATUS_OK;
}

static amt_status check(const struct scan_program *p, const struct scan_table *table, uint8_t *used)
{
	TRY(check_nodes(p, table, used));
	for (uint32_t i = 0; i < p->scalars; i++)
		ENSURE(used[i], AMT_CORRUPTION, "constant %u of a scan is not used", i);
	ENSURE(p->outputs > 0, AMT_CORRUPTION, "a scan without outputs");
	for (uint32_t i = 0; i < p->outputs; i++) {
		const struct scan_output *o = &p->output[i];
		if (o->kind == SCAN_ROWS) {
			ENSURE(o->node < p->nodes, AMT_CORRUPTION, "no node %u", o->node);
			continue;
		}
		ENSURE(o->count > 0 && o->max >= 1 && o->max < BGV_T, AMT_CORRUPTION,
			"a total of %u terms of at most %u", o->count, o->max);
		TRY(check_terms(p, o->first, o->count, p->nodes));
	}
	return STATUS_OK;
}

amt_status scan_program_check(const struct scan_program *p, const struct scan_table *table)
{
	ENSURE(p->scalars <= SCAN_MAX_SCALARS, AMT_LIMIT, "a scan has more than %d constants",
		SCAN_MAX_SCALARS);
	uint8_t *used;
	TRY(mem_zalloc(&used, (size_t)p->scalars + 1));
	amt_status s = check(p, table, used);
	mem_free(used);
	return s;
}

/* ---- on plain slots */

struct plain_row {
	const struct scan_table *table;
	const uint64_t *code;
	const bool *null;
	const int8_t *scalar;
	bool valid;
};

/* What vector `v` of a column holds. */
static int64_t vector_value(const struct plain_row *row, unsigned column, unsigned v)
{
	const struct scan_column *c = scan_table_column(row->table, column);
	uint16_t digit[SCAN_MAX_DIGITS];
	uint32_t limb[SCAN_MAX_SUM_LIMBS];
	unsigned first = 0;
	if (column == SCAN_VALID_COLUMN)
		return row->valid;
	if (row->null != NULL && row->null[column])
		return 0;
	scan_digits(c, row->code[column], digit);
	scan_limbs(c, row->code[column], limb);
	for (unsigned j = 0; j < c->digits; first += c->base[j++])
		if (v < first + c->base[j])
			return v - first == digit[j];
	return limb[v - first];
}

static int64_t centred(int64_t v)
{
	v %= BGV_T;
	return v > BGV_T / 2 ? v - BGV_T : v < -BGV_T / 2 ? v + BGV_T : v;
}

static int64_t terms_value(
	const struct scan_program *p, uint32_t first, uint32_t count, const int64_t *node)
{
	int64_t sum = 0;
	for (uint32_t i = first; i < first + count; i++) {
		const struct scan_term *t = &p->term[i];
		int64_t product = t->b == SCAN_NONE ? node[t->a] : node[t->a] * node[t->b];
		sum = centred(sum + t->factor * centred(product));
	}
	return sum;
}

static int64_t ranges_value(
	const struct scan_program *p, const struct plain_row *row, const struct scan_node *n)
{
	int64_t sum = 0;
	for (uint32_t i = n->first; i < n->first + n->count; i++) {
		const struct scan_range *r = &p->range[i];
		for (unsigned v = 0; v < r->count; v++) {
			int64_t weight =
				n->op == SCAN_LEAF ? row->scalar[r->at + v] : p->weight[r->at + v];
			sum = centred(sum + weight * vector_value(row, r->column, r->first + v));
		}
	}
	return sum;
}

static void evaluate_row(
	const struct scan_program *p, const struct plain_row *row, int64_t *node, uint32_t *output)
{
	for (uint32_t i = 0; i < p->nodes; i++) {
		const struct scan_node *n = &p->node[i];
		int64_t sum = n->op == SCAN_SUM	     ? terms_value(p, n->first, n->count, node)
			      : n->op == SCAN_SCALAR ? row->scalar[n->first]
						     : ranges_value(p, row, n);
		node[i] = centred(n->constant + sum);
	}
	for (uint32_t i = 0; i < p->outputs; i++) {
		const struct scan_output *o = &p->output[i];
		int64_t v = o->kind == SCAN_ROWS ? node[o->node]
						 : terms_value(p, o->first, o->count, node);
		output[i] = (uint32_t)(v < 0 ? v + BGV_T : v);
	}
}

static amt_status evaluate(
	const struct scan_program *p, const struct plain_row *row, int64_t *node, uint32_t *output)
{
	int64_t *own = node;
	if (node == NULL)
		TRY(mem_array(&own, (size_t)p->nodes + 1, sizeof(*own)));
	evaluate_row(p, row, own, output);
	if (node == NULL)
		mem_free(own);
	return STATUS_OK;
}

amt_status scan_evaluate_row(const struct scan_program *p, const struct scan_table *table,
	const uint64_t *code, const bool *null, const int8_t *scalar, int64_t *node,
	uint32_t *output)
{
	struct plain_row row = {table, code, null, scalar, true};
	return evaluate(p, &row, node, output);
}

amt_status scan_evaluate_left_out(const struct scan_program *p, const struct scan_table *table,
	const uint64_t *code, bool valid, const int8_t *scalar, int64_t *node, uint32_t *output)
{
	struct plain_row row = {table, code, NULL, scalar, valid};
	return evaluate(p, &row, node, output);
}

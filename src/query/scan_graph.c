#include "query/scan_graph.h"

#include "base/alloc.h"
#include "crypto/secret.h"

enum memo_kind { MEMO_PRODUCT, MEMO_PUBLIC, MEMO_DIGIT, MEMO_NULL, MEMO_ZERO, MEMO_TOTAL };

void graph_free(struct scan_graph *g)
{
	if (g->scalar != NULL)
		secret_wipe(g->scalar, g->raw.scalars);
	mem_free(g->scalar);
	mem_free(g->depth);
	mem_free(g->output);
	mem_free(g->memo);
	scan_program_free(&g->raw);
	*g = (struct scan_graph){0};
}

/* ---- nodes made before */

static uint32_t bucket_of(uint32_t kind, uint32_t a, uint32_t b)
{
	uint64_t h = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15u + kind;
	return (uint32_t)(h >> 40) % GRAPH_BUCKETS;
}

static bool recall(
	const struct scan_graph *g, uint32_t kind, uint32_t a, uint32_t b, uint32_t *node)
{
	for (uint32_t i = g->bucket[bucket_of(kind, a, b)]; i != 0; i = g->memo[i - 1].next) {
		const struct graph_memo *m = &g->memo[i - 1];
		if (m->kind == kind && m->a == a && m->b == b) {
			*node = m->node;
			return true;
		}
	}
	return false;
}

static amt_status remember(
	struct scan_graph *g, uint32_t kind, uint32_t a, uint32_t b, uint32_t node)
{
	if ((g->memos & (g->memos - 1)) == 0)
		TRY(mem_grow(&g->memo, (g->memos == 0 ? 1 : 2 * g->memos) * sizeof(*g->memo)));
	uint32_t *bucket = &g->bucket[bucket_of(kind, a, b)];
	g->memo[g->memos++] = (struct graph_memo){kind, a, b, node, *bucket};
	*bucket = g->memos;
	return STATUS_OK;
}

/* ---- making nodes */

static amt_status set_depth(struct scan_graph *g, uint32_t node, unsigned products, unsigned others)
{
	unsigned primes = products + others;
	ENSURE(primes <= UINT8_MAX, AMT_NOISE_BUDGET,
		"the query needs more than %d products one after the other", UINT8_MAX);
	if ((node & (node - 1)) == 0)
		TRY(mem_grow(&g->depth, (node == 0 ? 1 : 2 * (size_t)node) * sizeof(*g->depth)));
	g->depth[node] = (struct graph_depth){(uint8_t)primes, (uint8_t)products};
	return STATUS_OK;
}

amt_status graph_scalars(struct scan_graph *g, unsigned count, const int8_t *scalar, uint32_t *at)
{
	*at = g->raw.scalars;
	ENSURE(*at + count <= SCAN_MAX_SCALARS, AMT_LIMIT,
		"the query has more than %d encrypted constants", SCAN_MAX_SCALARS);
	if (g->scalar == NULL)
		TRY(mem_alloc(&g->scalar, SCAN_MAX_SCALARS));
	memcpy(g->scalar + *at, scalar, count);
	g->raw.scalars += count;
	return STATUS_OK;
}

amt_status graph_leaf_with(
	struct scan_graph *g, uint16_t column, unsigned first, unsigned count, uint32_t at)
{
	return scan_add_range(
		&g->raw, (struct scan_range){column, (uint16_t)first, (uint16_t)count, at});
}

amt_status graph_leaf_range(
	struct scan_graph *g, uint16_t column, unsigned first, unsigned count, const int8_t *scalar)
{
	uint32_t at;
	TRY(graph_scalars(g, count, scalar, &at));
	return graph_leaf_with(g, column, first, count, at);
}

amt_status graph_scalar(struct scan_graph *g, int8_t scalar, uint32_t *node)
{
	uint32_t at;
	TRY(graph_scalars(g, 1, &scalar, &at));
	TRY(scan_scalar(&g->raw, at, node));
	return set_depth(g, *node, 0, 0);
}

/* Primes that the vectors of a node made last are not stored with. */
static unsigned not_stored(const struct scan_graph *g, uint32_t node)
{
	unsigned least = g->table->ring->limbs;
	const struct scan_node *n = &g->raw.node[node];
	for (uint32_t i = n->first; i < n->first + n->count; i++) {
		const struct scan_range *r = &g->raw.range[i];
		const struct scan_column *c = scan_table_column(g->table, r->column);
		unsigned stored = scan_group_stored(c, scan_range_group(c, r));
		least = stored < least ? stored : least;
	}
	return g->table->ring->limbs - least;
}

amt_status graph_leaf(struct scan_graph *g, uint32_t *node)
{
	TRY(scan_leaf(&g->raw, node));
	return set_depth(g, *node, 1, not_stored(g, *node));
}

static amt_status public_range(struct scan_graph *g, uint16_t column, unsigned first,
	unsigned count, const int32_t *weight, int32_t all)
{
	uint32_t at = g->raw.weights, one;
	for (unsigned v = 0; v < count; v++)
		TRY(scan_add_weights(&g->raw, weight != NULL ? &weight[v] : &all, 1, &one));
	return scan_add_range(
		&g->raw, (struct scan_range){column, (uint16_t)first, (uint16_t)count, at});
}

static amt_status public_node(struct scan_graph *g, uint32_t *node)
{
	TRY(scan_public(&g->raw, 0, node));
	return set_depth(g, *node, 0, not_stored(g, *node));
}

amt_status graph_public(struct scan_graph *g, uint16_t column, unsigned first, unsigned count,
	const int32_t *weight, uint32_t *node)
{
	uint32_t what = (uint32_t)column << 16 | first;
	if (weight == NULL && recall(g, MEMO_PUBLIC, what, count, node))
		return STATUS_OK;
	TRY(public_range(g, column, first, count, weight, 1));
	TRY(public_node(g, node));
	return weight == NULL ? remember(g, MEMO_PUBLIC, what, count, *node) : STATUS_OK;
}

amt_status graph_digit_value(
	struct scan_graph *g, uint16_t column, unsigned first, unsigned count, uint32_t *node)
{
	int32_t value[SCAN_MAX_BASE];
	if (recall(g, MEMO_DIGIT, column, first, node))
		return STATUS_OK;
	for (unsigned v = 0; v < count; v++)
		value[v] = (int32_t)v;
	TRY(graph_public(g, column, first, count, value, node));
	return remember(g, MEMO_DIGIT, column, first, *node);
}

amt_status graph_valid(struct scan_graph *g, uint32_t *node)
{
	return graph_public(g, SCAN_VALID_COLUMN, 0, 1, NULL, node);
}

amt_status graph_not_null(struct scan_graph *g, uint16_t column, uint32_t *node)
{
	return graph_public(g, column, 0, g->table->column[column].base[0], NULL, node);
}

amt_status graph_null(struct scan_graph *g, uint16_t column, uint32_t *node)
{
	if (recall(g, MEMO_NULL, column, 0, node))
		return STATUS_OK;
	TRY(public_range(g, SCAN_VALID_COLUMN, 0, 1, NULL, 1));
	TRY(public_range(g, column, 0, g->table->column[column].base[0], NULL, -1));
	TRY(public_node(g, node));
	return remember(g, MEMO_NULL, column, 0, *node);
}

amt_status graph_zero(struct scan_graph *g, uint32_t *node)
{
	if (recall(g, MEMO_ZERO, 0, 0, node))
		return STATUS_OK;
	TRY(public_range(g, SCAN_VALID_COLUMN, 0, 1, NULL, 0));
	TRY(public_node(g, node));
	return remember(g, MEMO_ZERO, 0, 0, *node);
}

static uint32_t end_of_terms(const struct scan_program *p)
{
	for (uint32_t i = p->nodes; i-- > 0;)
		if (p->node[i].op == SCAN_SUM)
			return p->node[i].first + p->node[i].count;
	return 0;
}

static uint8_t greater(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}

amt_status graph_sum(struct scan_graph *g, int32_t constant, uint32_t *node)
{
	unsigned primes = 0, products = 0;
	for (uint32_t i = end_of_terms(&g->raw); i < g->raw.terms; i++) {
		const struct scan_term *t = &g->raw.term[i];
		struct graph_depth d = g->depth[t->a];
		if (t->b != SCAN_NONE) {
			struct graph_depth e = g->depth[t->b];
			d.primes = greater(d.primes, e.primes) + 1;
			d.products = greater(d.products, e.products) + 1;
		}
		primes = greater(primes, d.primes);
		products = greater(products, d.products);
	}
	TRY(scan_sum(&g->raw, constant, node));
	return set_depth(g, *node, products, primes - products);
}

amt_status graph_product(struct scan_graph *g, uint32_t a, uint32_t b, uint32_t *node)
{
	if (a == SCAN_NONE || b == SCAN_NONE) {
		*node = a == SCAN_NONE ? b : a;
		return STATUS_OK;
	}
	uint32_t low = a < b ? a : b, high = a < b ? b : a;
	if (recall(g, MEMO_PRODUCT, low, high, node))
		return STATUS_OK;
	TRY(scan_add_term(&g->raw, (struct scan_term){low, high, 1}));
	TRY(graph_sum(g, 0, node));
	return remember(g, MEMO_PRODUCT, low, high, *node);
}

amt_status graph_scaled_product(
	struct scan_graph *g, uint32_t a, uint32_t b, int32_t factor, uint32_t *node)
{
	if (factor == 1)
		return graph_product(g, a, b, node);
	TRY(scan_add_term(&g->raw, (struct scan_term){a, b, factor}));
	return graph_sum(g, 0, node);
}

static bool is_shallower(struct graph_depth a, struct graph_depth b)
{
	return a.primes != b.primes ? a.primes < b.primes : a.products < b.products;
}

/* Takes the shallowest node (of equals the first) out of the list. */
static uint32_t take_shallowest(const struct scan_graph *g, uint32_t *node, size_t *count)
{
	size_t best = 0;
	for (size_t i = 1; i < *count; i++)
		if (is_shallower(g->depth[node[i]], g->depth[node[best]]))
			best = i;
	uint32_t taken = node[best];
	memmove(node + best, node + best + 1, (--*count - best) * sizeof(*node));
	return taken;
}

amt_status graph_product_of(struct scan_graph *g, uint32_t *node, size_t count, uint32_t *product)
{
	*product = count == 0 ? SCAN_NONE : node[0];
	while (count > 1) {
		uint32_t a = take_shallowest(g, node, &count), b = take_shallowest(g, node, &count);
		TRY(graph_product(g, a, b, product));
		node[count++] = *product;
	}
	return STATUS_OK;
}

amt_status graph_any_of(struct scan_graph *g, uint32_t *node, size_t count, uint32_t *any)
{
	*any = node[0];
	while (count > 1) {
		uint32_t a = take_shallowest(g, node, &count), b = take_shallowest(g, node, &count);
		TRY(scan_add_term(&g->raw, (struct scan_term){a, SCAN_NONE, 1}));
		TRY(scan_add_term(&g->raw, (struct scan_term){b, SCAN_NONE, 1}));
		TRY(scan_add_term(&g->raw, (struct scan_term){a, b, -1}));
		TRY(graph_sum(g, 0, any));
		node[count++] = *any;
	}
	return STATUS_OK;
}

/* ---- outputs */

static amt_status add_output(struct scan_graph *g, struct graph_output o)
{
	ENSURE(g->outputs < SCAN_MAX_OUTPUTS, AMT_LIMIT,
		"the query has more than %d totals: group by less, or sum columns with wider limbs",
		SCAN_MAX_OUTPUTS);
	if ((g->outputs & (g->outputs - 1)) == 0)
		TRY(mem_grow(&g->output,
			(g->outputs == 0 ? 1 : 2 * (size_t)g->outputs) * sizeof(*g->output)));
	g->output[g->outputs++] = o;
	return STATUS_OK;
}

amt_status graph_rows(struct scan_graph *g, uint32_t node)
{
	return add_output(
		g, (struct graph_output){.kind = SCAN_ROWS, .term = {node, SCAN_NONE, 1}});
}

amt_status graph_total(struct scan_graph *g, uint32_t a, uint32_t b, uint32_t max, uint32_t *output)
{
	if (recall(g, MEMO_TOTAL, a, b, output))
		return STATUS_OK;
	*output = g->outputs;
	TRY(add_output(g, (struct graph_output){SCAN_TOTAL, max, {a, b, 1}}));
	return remember(g, MEMO_TOTAL, a, b, *output);
}

/* ---- the program of what is needed */

struct pruning {
	const struct scan_graph *g;
	struct scan_program *out;
	int8_t *scalar;
	uint32_t *uses;	     /* of each raw node; */
	uint32_t *node;	     /* its number in the program */
	uint32_t *scalar_at; /* where raw scalars went, by the first of those made together */
};

static void use(struct pruning *p, uint32_t node)
{
	if (node != SCAN_NONE)
		p->uses[node]++;
}

static void count_uses(struct pruning *p)
{
	const struct scan_program *raw = &p->g->raw;
	for (uint32_t i = 0; i < p->g->outputs; i++) {
		use(p, p->g->output[i].term.a);
		use(p, p->g->output[i].term.b);
	}
	for (uint32_t i = raw->nodes; i-- > 0;) {
		const struct scan_node *n = &raw->node[i];
		if (p->uses[i] == 0 || n->op != SCAN_SUM)
			continue;
		for (uint32_t k = n->first; k < n->first + n->count; k++) {
			use(p, raw->term[k].a);
			use(p, raw->term[k].b);
		}
	}
}

/* A total of one sum that nothing else uses is a total of that sum's terms: products are then added
 * up over pages before they are relinearised. */
static bool is_inlined(const struct pruning *p, const struct graph_output *o)
{
	const struct scan_node *n = &p->g->raw.node[o->term.a];
	return o->kind == SCAN_TOTAL && o->term.b == SCAN_NONE && n->op == SCAN_SUM &&
	       n->constant == 0 && p->uses[o->term.a] == 1;
}

static amt_status copy_term(struct pruning *p, struct scan_term t)
{
	t.a = p->node[t.a];
	t.b = t.b == SCAN_NONE ? SCAN_NONE : p->node[t.b];
	return scan_add_term(p->out, t);
}

/* Where scalars are in the program that were made together. */
static uint32_t copy_scalars(struct pruning *p, uint32_t from, unsigned count)
{
	uint32_t *at = &p->scalar_at[from];
	if (*at == SCAN_NONE) {
		*at = p->out->scalars;
		memcpy(p->scalar + *at, p->g->scalar + from, count);
		p->out->scalars += count;
	}
	return *at;
}

static amt_status copy_range(struct pruning *p, uint8_t op, struct scan_range r)
{
	if (op == SCAN_PUBLIC)
		TRY(scan_add_weights(p->out, p->g->raw.weight + r.at, r.count, &r.at));
	else
		r.at = copy_scalars(p, r.at, r.count);
	return scan_add_range(p->out, r);
}

static amt_status copy_node(struct pruning *p, uint32_t i)
{
	const struct scan_program *raw = &p->g->raw;
	const struct scan_node *n = &raw->node[i];
	for (uint32_t k = n->first; k < n->first + n->count; k++)
		TRY(n->op == SCAN_SUM ? copy_term(p, raw->term[k])
				      : copy_range(p, n->op, raw->range[k]));
	if (n->op == SCAN_SCALAR)
		return scan_scalar(p->out, copy_scalars(p, n->first, 1), &p->node[i]);
	if (n->op == SCAN_LEAF)
		return scan_leaf(p->out, &p->node[i]);
	if (n->op == SCAN_PUBLIC)
		return scan_public(p->out, n->constant, &p->node[i]);
	return scan_sum(p->out, n->constant, &p->node[i]);
}

static amt_status copy_output(struct pruning *p, const struct graph_output *o, bool inlined)
{
	if (o->kind == SCAN_ROWS)
		return scan_rows(p->out, p->node[o->term.a]);
	const struct scan_node *n = &p->g->raw.node[o->term.a];
	for (uint32_t k = n->first; inlined && k < n->first + n->count; k++)
		TRY(copy_term(p, p->g->raw.term[k]));
	if (!inlined)
		TRY(copy_term(p, o->term));
	return scan_total(p->out, o->max);
}

static amt_status prune(struct pruning *p)
{
	const struct scan_graph *g = p->g;
	TRY(mem_array(&p->uses, (size_t)g->raw.nodes + 1, sizeof(*p->uses)));
	TRY(mem_array(&p->node, (size_t)g->raw.nodes + 1, sizeof(*p->node)));
	TRY(mem_alloc(&p->scalar, (size_t)g->raw.scalars + 1));
	TRY(mem_array(&p->scalar_at, (size_t)g->raw.scalars + 1, sizeof(*p->scalar_at)));
	memset(p->scalar_at, 0xff, (size_t)g->raw.scalars * sizeof(*p->scalar_at));
	count_uses(p);
	for (uint32_t i = 0; i < g->outputs; i++)
		if (is_inlined(p, &g->output[i]))
			p->uses[g->output[i].term.a] = UINT32_MAX;
	for (uint32_t i = 0; i < g->raw.nodes; i++)
		if (p->uses[i] > 0 && p->uses[i] != UINT32_MAX)
			TRY(copy_node(p, i));
	for (uint32_t i = 0; i < g->outputs; i++)
		TRY(copy_output(p, &g->output[i], p->uses[g->output[i].term.a] == UINT32_MAX));
	return STATUS_OK;
}

amt_status graph_finish(struct scan_graph *g, struct scan_program *out, int8_t **scalar)
{
	*out = (struct scan_program){0};
	*scalar = NULL;
	struct pruning p = {.g = g, .out = out};
	amt_status s = prune(&p);
	mem_free(p.uses);
	mem_free(p.node);
	mem_free(p.scalar_at);
	if (amt_ok(s)) {
		*scalar = p.scalar;
		return s;
	}
	if (p.scalar != NULL)
		secret_wipe(p.scalar, g->raw.scalars);
	mem_free(p.scalar);
	scan_program_free(out);
	return s;
}

/* ---- modulo t */

int32_t graph_residue(int64_t c)
{
	c %= BGV_T;
	return (int32_t)(c > BGV_T / 2 ? c - BGV_T : c < -(BGV_T / 2) ? c + BGV_T : c);
}

int32_t graph_inverse(int32_t c)
{
	/* c^(t - 2) */
	int64_t result = 1, power = c;
	for (unsigned e = BGV_T - 2; e > 0; e >>= 1) {
		if (e & 1)
			result = result * power % BGV_T;
		power = power * power % BGV_T;
	}
	return graph_residue(result);
}

/* From stored vectors to nodes: SCAN_LEAF and SCAN_PUBLIC.
 *
 * What is stored is read once for all nodes that need it. The innermost loop multiplies a tile of
 * every vector of a group with a tile of its scalars and adds the products up without reducing
 * (ntt_acc_leaf); tiles of scalars stay in the second-level cache for all pages of a batch.
 */
#include "scan/run_inside.h"

#include "base/alloc.h"

#include <string.h>

/* ---- which nodes read together */

static uint32_t find(uint32_t *parent, uint32_t i)
{
	while (parent[i] != i)
		i = parent[i] = parent[parent[i]];
	return i;
}

/* Every group that is read, once, with the first node that reads it. */
struct readers {
	struct run_group *group;
	uint32_t *node;
	uint32_t count;
};

static uint32_t reader_of_group(struct readers *all, unsigned column, unsigned group, uint32_t node)
{
	for (uint32_t i = 0; i < all->count; i++)
		if (all->group[i].column == column && all->group[i].group == group)
			return all->node[i];
	all->node[all->count] = node;
	all->group[all->count++] =
		(struct run_group){.column = (uint16_t)column, .group = (uint16_t)group};
	return node;
}

static unsigned group_of(const struct run *r, const struct scan_range *range)
{
	return scan_range_group(scan_table_column(r->table, range->column), range);
}

static amt_status add_to_component(struct run *r, struct run_component *c, uint32_t node)
{
	const struct scan_node *n = &r->p->node[node];
	TRY(mem_grow(&c->node, (c->nodes + 1) * sizeof(*c->node)));
	c->node[c->nodes++] = node;
	for (uint32_t i = n->first; i < n->first + n->count; i++) {
		const struct scan_range *range = &r->p->range[i];
		unsigned group = group_of(r, range), made = run_made(r, node);
		uint32_t g = 0;
		while (g < c->groups &&
			(c->group[g].column != range->column || c->group[g].group != group))
			g++;
		if (g == c->groups) {
			TRY(mem_grow(&c->group, (c->groups + 1) * sizeof(*c->group)));
			c->group[c->groups++] = (struct run_group){
				.column = range->column, .group = (uint16_t)group};
		}
		if (c->group[g].limbs < made)
			c->group[g].limbs = made;
	}
	return STATUS_OK;
}

static amt_status gather(struct run *r, uint32_t *parent, uint32_t *number)
{
	for (uint32_t i = 0; i < r->p->nodes; i++) {
		if (!scan_node_reads(&r->p->node[i]))
			continue;
		uint32_t root = find(parent, i);
		if (number[root] == SCAN_NONE) {
			number[root] = r->components;
			TRY(mem_grow(&r->component, (r->components + 1) * sizeof(*r->component)));
			r->component[r->components++] = (struct run_component){0};
		}
		TRY(add_to_component(r, &r->component[number[root]], i));
	}
	return STATUS_OK;
}

amt_status run_components_new(struct run *r)
{
	const struct scan_program *p = r->p;
	uint32_t *parent = NULL, *number = NULL;
	struct readers all = {0};
	amt_status s = mem_array(&parent, (size_t)p->nodes + 1, sizeof(*parent));
	if (amt_ok(s))
		s = mem_array(&number, (size_t)p->nodes + 1, sizeof(*number));
	if (amt_ok(s))
		s = mem_array(&all.group, (size_t)p->ranges + 1, sizeof(*all.group));
	if (amt_ok(s))
		s = mem_array(&all.node, (size_t)p->ranges + 1, sizeof(*all.node));
	for (uint32_t i = 0; amt_ok(s) && i < p->nodes; i++) {
		parent[i] = i;
		number[i] = SCAN_NONE;
	}
	for (uint32_t i = 0; amt_ok(s) && i < p->nodes; i++)
		for (uint32_t k = p->node[i].first;
			scan_node_reads(&p->node[i]) && k < p->node[i].first + p->node[i].count;
			k++) {
			const struct scan_range *range = &p->range[k];
			uint32_t other =
				reader_of_group(&all, range->column, group_of(r, range), i);
			parent[find(parent, i)] = find(parent, other);
		}
	if (amt_ok(s))
		s = gather(r, parent, number);
	mem_free(parent);
	mem_free(number);
	mem_free(all.group);
	mem_free(all.node);
	return s;
}

/* ---- reading */

void run_announce(const struct run_batch *b, const struct run_component *c)
{
	const struct run *r = b->run;
	for (uint32_t i = 0; r->source->will_read != NULL && i < c->groups; i++) {
		const struct run_group *g = &c->group[i];
		const struct scan_column *column = scan_table_column(r->table, g->column);
		size_t from = scan_page_offset(column, r->ring, g->group, 0, 0);
		size_t to = scan_page_offset(column, r->ring, g->group, g->limbs, 0);
		for (unsigned page = 0; page < b->pages; page++)
			r->source->will_read(
				r->source->context, g->column, b->first + page, from, to - from);
	}
}

/* A group of a page: its seeds, and a tile of its vectors. */
struct open_group {
	struct seed_expander **seed; /* [vector] */
	unsigned first, vectors;
};

struct pass {
	struct run_batch *b;
	const struct run_component *c;
	struct open_group *open; /* [group][page] */
	uint8_t *packed;	 /* a tile of the largest group, and room behind it */
	uint64_t *mask;		 /* the same of c1 */
	uint64_t *acc;		 /* [node]: 3 accumulators of a tile */
	unsigned most;		 /* vectors of the largest group */
	unsigned limb, tile, page;
};

enum { ACC_WORDS = 3 * 2 * SCAN_TILE };

static size_t packed_bytes(const struct pass *s)
{
	return s->most * scan_tile_bytes(s->b->run->ring->params) + 64;
}

static amt_status open_group(struct pass *s, const struct run_group *g, unsigned page)
{
	struct run *r = s->b->run;
	const struct scan_column *c = scan_table_column(r->table, g->column);
	struct open_group *open = &s->open[(size_t)(g - s->c->group) * s->b->pages + page];
	struct seed seed[SCAN_MAX_BASE];
	open->first = scan_group_first(c, g->group);
	open->vectors = scan_group_vectors(c, g->group);
	TRY(mem_array(&open->seed, open->vectors, sizeof(struct seed_expander *)));
	TRY(r->source->read(r->source->context, g->column, s->b->first + page, 16 * open->first,
		16 * open->vectors, seed[0].bytes));
	for (unsigned v = 0; v < open->vectors; v++)
		TRY(seed_expander_new(&open->seed[v], &seed[v]));
	return STATUS_OK;
}

static amt_status open_pass(struct pass *s)
{
	for (uint32_t g = 0; g < s->c->groups; g++) {
		const struct scan_column *c =
			scan_table_column(s->b->run->table, s->c->group[g].column);
		unsigned vectors = scan_group_vectors(c, s->c->group[g].group);
		s->most = s->most < vectors ? vectors : s->most;
	}
	TRY(mem_array(&s->open, (size_t)s->c->groups * s->b->pages, sizeof(*s->open)));
	TRY(mem_alloc_aligned(&s->packed, packed_bytes(s)));
	TRY(mem_alloc_aligned(&s->mask, (size_t)s->most * SCAN_TILE * sizeof(uint64_t)));
	TRY(mem_alloc_aligned(&s->acc, (size_t)s->c->nodes * ACC_WORDS * sizeof(uint64_t)));
	for (uint32_t g = 0; g < s->c->groups; g++)
		for (unsigned page = 0; page < s->b->pages; page++)
			TRY(open_group(s, &s->c->group[g], page));
	return STATUS_OK;
}

static void close_pass(struct pass *s)
{
	for (size_t i = 0; s->open != NULL && i < (size_t)s->c->groups * s->b->pages; i++) {
		for (unsigned v = 0; s->open[i].seed != NULL && v < s->open[i].vectors; v++)
			seed_expander_free(s->open[i].seed[v]);
		mem_free(s->open[i].seed);
	}
	mem_free(s->open);
	mem_free_aligned(s->packed, packed_bytes(s));
	mem_free_aligned(s->mask, (size_t)s->most * SCAN_TILE * sizeof(uint64_t));
	mem_free_aligned(s->acc, (size_t)s->c->nodes * ACC_WORDS * sizeof(uint64_t));
}

static amt_status load_tile(
	struct pass *s, const struct run_group *g, const struct open_group *open)
{
	struct run *r = s->b->run;
	const struct scan_column *c = scan_table_column(r->table, g->column);
	size_t bytes = (size_t)open->vectors * scan_tile_bytes(r->ring->params);
	TRY(r->source->read(r->source->context, g->column, s->b->first + s->page,
		scan_page_offset(c, r->ring, g->group, s->limb, s->tile), bytes, s->packed));
	s->b->worker->work.bytes_read += bytes;
	for (unsigned v = 0; v < open->vectors; v++)
		TRY(bgv_mask(r->ring, open->seed[v], s->limb, (size_t)s->tile * SCAN_TILE,
			SCAN_TILE, s->mask + (size_t)v * SCAN_TILE));
	return STATUS_OK;
}

/* ---- multiplying */

static void add_leaf(struct pass *s, const struct scan_range *range, unsigned first, uint64_t *acc)
{
	struct run *r = s->b->run;
	const uint8_t *c0[SCAN_MAX_BASE];
	const uint64_t *c1[SCAN_MAX_BASE], *b0[SCAN_MAX_BASE], *b1[SCAN_MAX_BASE];
	size_t tile = scan_tile_bytes(r->ring->params);
	for (unsigned v = 0; v < range->count; v++) {
		size_t at = range->first - first + v;
		const struct bgv_ct *scalar = &r->scalars->ct[range->at + v];
		c0[v] = s->packed + at * tile;
		c1[v] = s->mask + at * SCAN_TILE;
		b0[v] = bgv_limb(r->ring, scalar, 0, s->limb) + (size_t)s->tile * SCAN_TILE;
		b1[v] = bgv_limb(r->ring, scalar, 1, s->limb) + (size_t)s->tile * SCAN_TILE;
	}
	ntt_acc_leaf(r->ring->q[s->limb], r->ring->params->residue_bytes, acc, acc + 2 * SCAN_TILE,
		acc + 4 * SCAN_TILE, c0, c1, b0, b1, range->count, SCAN_TILE);
}

/* For public weights the accumulators are two plain sums of residues. */
static void add_public(
	struct pass *s, const struct scan_range *range, unsigned first, uint64_t *acc)
{
	struct run *r = s->b->run;
	const struct ntt *q = r->ring->q[s->limb];
	unsigned bytes = r->ring->params->residue_bytes;
	for (unsigned v = 0; v < range->count; v++) {
		size_t at = range->first - first + v;
		int32_t weight = r->p->weight[range->at + v];
		uint64_t w = weight < 0 ? ntt_modulus(q) - (uint64_t)-weight : (uint64_t)weight;
		if (weight == 0)
			continue;
		ntt_unpack(q, bytes, acc + 4 * SCAN_TILE, s->packed + at * SCAN_TILE * bytes,
			SCAN_TILE);
		ntt_scale_add(q, acc, acc + 4 * SCAN_TILE, w, SCAN_TILE);
		ntt_scale_add(q, acc + 2 * SCAN_TILE, s->mask + at * SCAN_TILE, w, SCAN_TILE);
	}
}

/* What a node takes from the group whose tile is loaded. */
static void add_group(
	struct pass *s, uint32_t k, const struct run_group *g, const struct open_group *open)
{
	struct run *r = s->b->run;
	const struct scan_node *n = &r->p->node[s->c->node[k]];
	if (s->limb >= run_made(r, s->c->node[k]))
		return;
	for (uint32_t i = n->first; i < n->first + n->count; i++) {
		const struct scan_range *range = &r->p->range[i];
		if (range->column != g->column || group_of(r, range) != g->group)
			continue;
		uint64_t *acc = s->acc + (size_t)k * ACC_WORDS;
		if (n->op == SCAN_LEAF)
			add_leaf(s, range, open->first, acc);
		else
			add_public(s, range, open->first, acc);
	}
}

static void finish_tile(struct pass *s, uint32_t k)
{
	struct run *r = s->b->run;
	uint32_t node = s->c->node[k];
	const struct ntt *q = r->ring->q[s->limb];
	if (s->limb >= run_made(r, node))
		return;
	struct bgv_ct *ct = run_ct(s->b, node, s->page);
	for (unsigned part = 0; part < ct->parts; part++) {
		uint64_t *out = bgv_limb(r->ring, ct, part, s->limb) + (size_t)s->tile * SCAN_TILE;
		const uint64_t *acc = s->acc + (size_t)k * ACC_WORDS + 2 * part * SCAN_TILE;
		if (r->p->node[node].op == SCAN_LEAF)
			ntt_acc_reduce(q, out, acc, SCAN_TILE);
		else
			memcpy(out, acc, SCAN_TILE * sizeof(uint64_t));
	}
}

static amt_status multiply_tile(struct pass *s)
{
	memset(s->acc, 0, (size_t)s->c->nodes * ACC_WORDS * sizeof(uint64_t));
	for (uint32_t g = 0; g < s->c->groups; g++) {
		const struct run_group *group = &s->c->group[g];
		const struct open_group *open = &s->open[(size_t)g * s->b->pages + s->page];
		if (s->limb >= group->limbs)
			continue;
		TRY(load_tile(s, group, open));
		for (uint32_t k = 0; k < s->c->nodes; k++)
			add_group(s, k, group, open);
	}
	for (uint32_t k = 0; k < s->c->nodes; k++)
		finish_tile(s, k);
	return STATUS_OK;
}

static amt_status multiply(struct pass *s)
{
	unsigned limbs = 0, tiles = (unsigned)(s->b->run->ring->n / SCAN_TILE);
	for (uint32_t g = 0; g < s->c->groups; g++)
		limbs = limbs < s->c->group[g].limbs ? s->c->group[g].limbs : limbs;
	for (s->limb = 0; s->limb < limbs; s->limb++)
		for (s->tile = 0; s->tile < tiles; s->tile++)
			for (s->page = 0; s->page < s->b->pages; s->page++)
				TRY(multiply_tile(s));
	return STATUS_OK;
}

static amt_status finish_leaves(struct run_batch *b, const struct run_component *c)
{
	uint32_t *leaf, leaves = 0;
	TRY(mem_array(&leaf, c->nodes, sizeof(*leaf)));
	for (uint32_t k = 0; k < c->nodes; k++)
		if (b->run->p->node[c->node[k]].op == SCAN_LEAF)
			leaf[leaves++] = c->node[k];
	amt_status s = run_finish_product(b, leaf, leaves);
	mem_free(leaf);
	return s;
}

amt_status run_component(struct run_batch *b, const struct run_component *c)
{
	for (uint32_t k = 0; k < c->nodes; k++)
		for (unsigned page = 0; page < b->pages; page++)
			TRY(run_ct_take(b, run_ct(b, c->node[k], page),
				run_made(b->run, c->node[k]),
				b->run->p->node[c->node[k]].op == SCAN_LEAF ? 3 : 2));
	struct pass pass = {.b = b, .c = c};
	amt_status s = open_pass(&pass);
	if (amt_ok(s))
		s = multiply(&pass);
	close_pass(&pass);
	TRY(s);
	TRY(finish_leaves(b, c));
	for (uint32_t k = 0; k < c->nodes; k++)
		run_add_constant(b, c->node[k]);
	return STATUS_OK;
}

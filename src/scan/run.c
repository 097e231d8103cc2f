#include "scan/run_inside.h"

#include "base/alloc.h"
#include "os/clock.h"

#include <string.h>

enum {
	BATCH_PAGES = 8,
	WORKER_BYTES = 384 << 20 /* of node results at hand, a thread */
};

/* ---- memory of ciphertexts */

amt_status run_ct_take(struct run_batch *b, struct bgv_ct *ct, unsigned limbs, unsigned parts)
{
	struct run_worker *w = b->worker;
	if (w->idle == 0) {
		/* Room for all of them to come back. */
		TRY(mem_grow(&w->slab, (w->slabs + 1) * sizeof(*w->slab)));
		TRY(mem_alloc_aligned(&w->slab[0], b->run->slab_words * sizeof(uint64_t)));
		w->slabs++;
		w->idle++;
	}
	*ct = (struct bgv_ct){.limbs = limbs,
		.parts = parts,
		.stride = limbs,
		.data = w->slab[--w->idle],
		.words = b->run->slab_words};
	return STATUS_OK;
}

void run_ct_give(struct run_batch *b, struct bgv_ct *ct)
{
	if (ct->data != NULL)
		b->worker->slab[b->worker->idle++] = ct->data;
	*ct = (struct bgv_ct){0};
}

static void workers_free(struct run *r)
{
	for (unsigned i = 0; r->worker != NULL && i < r->workers; i++) {
		struct run_worker *w = &r->worker[i];
		while (w->idle > 0)
			mem_free_aligned(w->slab[--w->idle], r->slab_words * sizeof(uint64_t));
		mem_free(w->slab);
		mem_free_aligned(w->scratch, RUN_SCRATCH_TILES * SCAN_TILE * sizeof(uint64_t));
	}
	mem_free(r->worker);
}

static amt_status workers_new(struct run *r)
{
	TRY(mem_array(&r->worker, r->workers, sizeof(*r->worker)));
	for (unsigned i = 0; i < r->workers; i++)
		TRY(mem_alloc_aligned(
			&r->worker[i].scratch, RUN_SCRATCH_TILES * SCAN_TILE * sizeof(uint64_t)));
	return STATUS_OK;
}

/* ---- arithmetic of nodes */

bool run_has_product(const struct scan_program *p, const struct scan_node *n)
{
	if (n->op != SCAN_SUM)
		return n->op == SCAN_LEAF;
	for (uint32_t i = n->first; i < n->first + n->count; i++)
		if (p->term[i].b != SCAN_NONE)
			return true;
	return false;
}

static uint64_t residue(const struct ntt *q, int32_t v)
{
	return v < 0 ? ntt_modulus(q) - (uint64_t)-v : (uint64_t)v;
}

void run_add_constant(struct run_batch *b, uint32_t node)
{
	const struct bgv_ring *ring = b->run->ring;
	int32_t constant = b->run->p->node[node].constant;
	for (unsigned page = 0; constant != 0 && page < b->pages; page++) {
		struct bgv_ct *ct = run_ct(b, node, page);
		for (unsigned l = 0; l < ct->limbs; l++) {
			uint64_t *x = bgv_limb(ring, ct, 0, l);
			ntt_shift(ring->q[l], x, x, residue(ring->q[l], constant), ring->n);
		}
	}
}

void run_add_linear(
	const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a, int32_t factor)
{
	for (unsigned part = 0; part < 2; part++)
		for (unsigned l = 0; l < out->limbs; l++) {
			const struct ntt *q = ring->q[l];
			uint64_t *x = bgv_limb(ring, out, part, l);
			const uint64_t *y = bgv_limb(ring, a, part, l);
			if (factor == 1)
				ntt_add(q, x, x, y, ring->n);
			else if (factor == -1)
				ntt_sub(q, x, x, y, ring->n);
			else
				ntt_scale_add(q, x, y, residue(q, factor), ring->n);
		}
}

static void add_tile(struct run_batch *b, struct bgv_ct *out, uint32_t first, uint32_t count,
	unsigned page, unsigned limb, unsigned tile)
{
	const struct run *r = b->run;
	const struct bgv_ring *ring = r->ring;
	const struct ntt *q = ring->q[limb];
	size_t at = (size_t)tile * SCAN_TILE;
	uint64_t *acc = b->worker->scratch, *scaled = acc + 6 * SCAN_TILE;
	memset(acc, 0, 6 * SCAN_TILE * sizeof(uint64_t));
	for (uint32_t i = first; i < first + count; i++) {
		const struct scan_term *t = &r->p->term[i];
		if (t->b == SCAN_NONE)
			continue;
		const struct bgv_ct *x = run_ct(b, t->a, page), *y = run_ct(b, t->b, page);
		const uint64_t *x0 = bgv_limb(ring, x, 0, limb) + at,
			       *x1 = bgv_limb(ring, x, 1, limb) + at;
		if (t->factor != 1) {
			uint64_t factor = residue(q, t->factor);
			ntt_scale(q, scaled, x0, factor, SCAN_TILE);
			ntt_scale(q, scaled + SCAN_TILE, x1, factor, SCAN_TILE);
			x0 = scaled;
			x1 = scaled + SCAN_TILE;
		}
		ntt_acc_tensor(q, acc, acc + 2 * SCAN_TILE, acc + 4 * SCAN_TILE, x0, x1,
			bgv_limb(ring, y, 0, limb) + at, bgv_limb(ring, y, 1, limb) + at,
			SCAN_TILE);
	}
	for (unsigned part = 0; part < 3; part++) {
		uint64_t *sum = bgv_limb(ring, out, part, limb) + at;
		ntt_acc_reduce(q, scaled, acc + 2 * part * SCAN_TILE, SCAN_TILE);
		ntt_add(q, sum, sum, scaled, SCAN_TILE);
	}
}

bool run_add_products(
	struct run_batch *b, struct bgv_ct *out, uint32_t first, uint32_t count, unsigned page)
{
	bool any = false;
	for (uint32_t i = first; i < first + count; i++)
		any |= b->run->p->term[i].b != SCAN_NONE;
	for (unsigned l = 0; any && l < out->limbs; l++)
		for (unsigned tile = 0; tile < b->run->ring->n / SCAN_TILE; tile++)
			add_tile(b, out, first, count, page, l, tile);
	return any;
}

amt_status run_finish_product(struct run_batch *b, const uint32_t *nodes, uint32_t count)
{
	struct run *r = b->run;
	struct bgv_ct **ct;
	TRY(mem_array(&ct, (size_t)count * b->pages + 1, sizeof(struct bgv_ct *)));
	amt_status s = STATUS_OK;
	/* Those of equal limbs together: the switching key is read once for all of them. */
	for (unsigned limbs = r->ring->params->limbs; amt_ok(s) && limbs > 0; limbs--) {
		size_t n = 0;
		for (uint32_t i = 0; i < count; i++)
			for (unsigned page = 0; page < b->pages && run_made(r, nodes[i]) == limbs;
				page++)
				ct[n++] = run_ct(b, nodes[i], page);
		if (n == 0)
			continue;
		s = bgv_relinearise_drop(r->ring, r->keys, ct, n, r->inner);
		b->worker->work.relinearisations += n;
	}
	mem_free(ct);
	return s;
}

static void zero(const struct run *r, struct bgv_ct *ct)
{
	memset(ct->data, 0, (size_t)ct->parts * ct->limbs * r->ring->n * sizeof(uint64_t));
}

static amt_status sum_node(struct run_batch *b, uint32_t node)
{
	struct run *r = b->run;
	const struct scan_node *n = &r->p->node[node];
	bool product = run_has_product(r->p, n);
	for (unsigned page = 0; page < b->pages; page++) {
		struct bgv_ct *ct = run_ct(b, node, page);
		TRY(run_ct_take(b, ct, run_made(r, node), product ? 3 : 2));
		zero(r, ct);
		run_add_products(b, ct, n->first, n->count, page);
	}
	if (product)
		TRY(run_finish_product(b, &node, 1));
	for (unsigned page = 0; page < b->pages; page++)
		for (uint32_t i = n->first; i < n->first + n->count; i++)
			if (r->p->term[i].b == SCAN_NONE)
				run_add_linear(r->ring, run_ct(b, node, page),
					run_ct(b, r->p->term[i].a, page), r->p->term[i].factor);
	run_add_constant(b, node);
	return STATUS_OK;
}

static amt_status scalar_node(struct run_batch *b, uint32_t node)
{
	const struct run *r = b->run;
	const struct bgv_ct *scalar = &r->scalars->ct[r->p->node[node].first];
	unsigned limbs = run_made(r, node);
	for (unsigned page = 0; page < b->pages; page++) {
		struct bgv_ct *ct = run_ct(b, node, page);
		TRY(run_ct_take(b, ct, limbs, 2));
		for (unsigned part = 0; part < 2; part++)
			memcpy(bgv_limb(r->ring, ct, part, 0), bgv_limb(r->ring, scalar, part, 0),
				limbs * r->ring->n * sizeof(uint64_t));
	}
	return STATUS_OK;
}

static amt_status other_node(struct run_batch *b, uint32_t node)
{
	return b->run->p->node[node].op == SCAN_SUM ? sum_node(b, node) : scalar_node(b, node);
}

/* ---- schedule: what an output needs is computed in depth first, so that little is at hand at a
 * time */

struct scheduling {
	struct run *r;
	uint32_t *component; /* of a node that reads, else SCAN_NONE */
	uint32_t *uses;	     /* of a node's result, still to come */
	uint8_t *done;	     /* nodes computed */
	uint32_t *stack;
	uint32_t frees;
	size_t live, most; /* results at hand */
};

static void count_uses(struct scheduling *s, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++) {
		s->uses[s->r->p->term[i].a]++;
		if (s->r->p->term[i].b != SCAN_NONE)
			s->uses[s->r->p->term[i].b]++;
	}
}

/* Outputs are added up after all nodes, so their operands stay. */
static void count_all_uses(struct scheduling *s)
{
	const struct scan_program *p = s->r->p;
	for (uint32_t i = 0; i < p->nodes; i++)
		if (p->node[i].op == SCAN_SUM)
			count_uses(s, p->node[i].first, p->node[i].count);
	for (uint32_t i = 0; i < p->outputs; i++) {
		if (p->output[i].kind == SCAN_TOTAL)
			count_uses(s, p->output[i].first, p->output[i].count);
		else
			s->uses[p->output[i].node]++;
	}
}

static void use(struct scheduling *s, uint32_t node)
{
	if (--s->uses[node] > 0)
		return;
	s->r->freed[s->frees++] = node;
	s->live--;
}

static void add_step(struct scheduling *s, uint32_t component, uint32_t node)
{
	struct run *r = s->r;
	struct run_step *step = &r->step[r->steps++];
	*step = (struct run_step){component, node, s->frees, 0};
	if (component != SCAN_NONE) {
		const struct run_component *c = &r->component[component];
		for (uint32_t k = 0; k < c->nodes; k++)
			s->done[c->node[k]] = 1;
		s->live += c->nodes;
	} else {
		const struct scan_node *n = &r->p->node[node];
		s->done[node] = 1;
		s->live++;
		s->most = s->most < s->live ? s->live : s->most;
		for (uint32_t i = n->first; i < n->first + n->count; i++) {
			use(s, r->p->term[i].a);
			if (r->p->term[i].b != SCAN_NONE)
				use(s, r->p->term[i].b);
		}
	}
	s->most = s->most < s->live ? s->live : s->most;
	step->frees = s->frees - step->free_first;
}

/* An operand of `node` that is not there yet, or SCAN_NONE. */
static uint32_t missing(const struct scheduling *s, uint32_t node)
{
	const struct scan_program *p = s->r->p;
	const struct scan_node *n = &p->node[node];
	for (uint32_t i = n->first; n->op == SCAN_SUM && i < n->first + n->count; i++) {
		if (!s->done[p->term[i].a])
			return p->term[i].a;
		if (p->term[i].b != SCAN_NONE && !s->done[p->term[i].b])
			return p->term[i].b;
	}
	return SCAN_NONE;
}

static void visit(struct scheduling *s, uint32_t node)
{
	uint32_t depth = 0;
	s->stack[depth++] = node;
	while (depth > 0) {
		uint32_t top = s->stack[depth - 1];
		uint32_t next = s->done[top] ? SCAN_NONE : missing(s, top);
		if (next != SCAN_NONE) {
			s->stack[depth++] = next;
			continue;
		}
		depth--;
		if (!s->done[top])
			add_step(s, s->component[top], top);
	}
}

static amt_status schedule_arrays(struct scheduling *s)
{
	struct run *r = s->r;
	size_t nodes = (size_t)r->p->nodes + 1;
	TRY(mem_array(&r->step, nodes, sizeof(*r->step)));
	TRY(mem_array(&r->freed, nodes, sizeof(*r->freed)));
	TRY(mem_array(&s->component, nodes, sizeof(*s->component)));
	TRY(mem_array(&s->uses, nodes, sizeof(*s->uses)));
	TRY(mem_array(&s->done, nodes, sizeof(*s->done)));
	return mem_array(&s->stack, nodes, sizeof(*s->stack));
}

static void schedule_nodes(struct scheduling *s)
{
	struct run *r = s->r;
	for (uint32_t i = 0; i < r->p->nodes; i++)
		s->component[i] = SCAN_NONE;
	for (uint32_t c = 0; c < r->components; c++)
		for (uint32_t k = 0; k < r->component[c].nodes; k++)
			s->component[r->component[c].node[k]] = c;
	count_all_uses(s);
	/* Every node is used by a later one or an output (scan_fit), so the last ones reach all. */
	for (uint32_t i = r->p->nodes; i-- > 0;)
		if (!s->done[i])
			visit(s, i);
}

static amt_status schedule(struct run *r)
{
	struct scheduling s = {.r = r};
	amt_status status = schedule_arrays(&s);
	if (amt_ok(status)) {
		schedule_nodes(&s);
		size_t page = s.most * r->slab_words * sizeof(uint64_t);
		size_t fit = WORKER_BYTES / page, each = (r->pages + r->workers - 1) / r->workers;
		r->batch_pages = (unsigned)(fit < 1 ? 1 : fit > BATCH_PAGES ? BATCH_PAGES : fit);
		if (r->batch_pages > each)
			r->batch_pages = (unsigned)(each > 0 ? each : 1);
	}
	mem_free(s.component);
	mem_free(s.uses);
	mem_free(s.done);
	mem_free(s.stack);
	return status;
}

/* ---- batches */

/* What will be read in the first step that reads, from `step` on. */
static void announce(const struct run_batch *b, uint32_t step)
{
	const struct run *r = b->run;
	while (step < r->steps && r->step[step].component == SCAN_NONE)
		step++;
	if (step < r->steps)
		run_announce(b, &r->component[r->step[step].component]);
}

static amt_status batch_steps(struct run_batch *b)
{
	struct run *r = b->run;
	announce(b, 0);
	for (uint32_t i = 0; i < r->steps; i++) {
		const struct run_step *step = &r->step[i];
		if (step->component != SCAN_NONE)
			announce(b, i + 1);
		TRY(step->component != SCAN_NONE ? run_component(b, &r->component[step->component])
						 : other_node(b, step->node));
		for (uint32_t k = 0; k < step->frees; k++)
			for (unsigned page = 0; page < b->pages; page++)
				run_ct_give(b, run_ct(b, r->freed[step->free_first + k], page));
	}
	return run_answer(b);
}

static amt_status report(struct run *r, unsigned pages)
{
	amt_status s = STATUS_OK;
	pthread_mutex_lock(&r->lock);
	r->pages_done += pages;
	if (r->source->progress != NULL)
		s = r->source->progress(r->source->context, r->pages_done, r->pages);
	pthread_mutex_unlock(&r->lock);
	return s;
}

static amt_status run_batch(void *context, size_t index, unsigned worker)
{
	struct run *r = context;
	struct run_batch b = {
		.run = r, .worker = &r->worker[worker], .first = index * r->batch_pages};
	b.pages = r->pages - b.first < r->batch_pages ? (unsigned)(r->pages - b.first)
						      : r->batch_pages;
	uint64_t started = clock_thread_cpu_ns();
	TRY(mem_array(&b.ct, (size_t)r->p->nodes * r->batch_pages + 1, sizeof(*b.ct)));
	amt_status s = batch_steps(&b);
	for (size_t i = 0; i < (size_t)r->p->nodes * r->batch_pages; i++)
		run_ct_give(&b, &b.ct[i]);
	mem_free(b.ct);
	b.worker->work.cpu_ns += clock_thread_cpu_ns() - started;
	TRY(s);
	return report(r, b.pages);
}

static amt_status run_all(struct run *r, struct pool *pool)
{
	TRY(workers_new(r));
	TRY(run_components_new(r));
	TRY(schedule(r));
	TRY(run_answers_new(r));
	uint64_t batches = (r->pages + r->batch_pages - 1) / r->batch_pages;
	if (batches > 1)
		return pool_run(pool, batches, run_batch, r);
	r->inner = pool;
	return batches == 1 ? run_batch(r, 0, 0) : STATUS_OK;
}

static void run_close(struct run *r)
{
	run_answers_free(r);
	workers_free(r);
	for (uint32_t i = 0; i < r->components; i++) {
		mem_free(r->component[i].node);
		mem_free(r->component[i].group);
	}
	mem_free(r->component);
	mem_free(r->step);
	mem_free(r->freed);
	pthread_mutex_destroy(&r->lock);
}

amt_status scan_run(const struct bgv_ring *ring, const struct bgv_keys *keys,
	const struct scan_program *p, const struct scan_table *table, const struct scan_fit *fit,
	const struct scan_scalars *scalars, uint64_t pages, const struct scan_source *source,
	struct pool *pool, struct buf *out, struct scan_work *work)
{
	struct run r = {.ring = ring,
		.keys = keys,
		.p = p,
		.table = table,
		.fit = fit,
		.scalars = scalars,
		.source = source,
		.pages = pages,
		.workers = pool != NULL ? pool_threads(pool) : 1,
		.slab_words = (size_t)3 * fit->limbs * ring->n};
	pthread_mutex_init(&r.lock, NULL);
	amt_status s = run_all(&r, pool);
	*work = (struct scan_work){.pages = pages};
	for (unsigned i = 0; r.worker != NULL && i < r.workers; i++) {
		work->bytes_read += r.worker[i].work.bytes_read;
		work->relinearisations += r.worker[i].work.relinearisations;
		work->cpu_ns += r.worker[i].work.cpu_ns;
	}
	if (amt_ok(s))
		s = run_answers_put(&r, out);
	run_close(&r);
	return s;
}

/* ---- scalars */

static amt_status open_pack(struct scan_scalars *s, const struct bgv_ring *ring,
	const struct bgv_keys *keys, const struct scan_fit *fit, uint32_t first, unsigned count,
	struct span bytes, uint64_t **memory, struct pool *pool)
{
	struct bgv_ct packed = {0}, out[SCAN_PACK_SCALARS];
	const uint8_t *needed = fit->needed + first;
	for (unsigned i = 0; i < count; i++) {
		size_t words = (size_t)2 * needed[i] * ring->n;
		out[i] = (struct bgv_ct){.data = *memory, .words = words};
		*memory += words;
	}
	TRY(bgv_seeded_get(&packed, ring, needed[0], bytes));
	amt_status status = bgv_expand_into(ring, keys, out, &packed, needed, count, pool);
	bgv_ct_free(&packed);
	for (unsigned i = 0; i < count; i++)
		s->ct[fit->order[first + i]] = out[i];
	return status;
}

static amt_status open_scalars(struct scan_scalars *s, const struct bgv_ring *ring,
	const struct bgv_keys *keys, const struct scan_program *p, const struct scan_fit *fit,
	struct span packed, struct pool *pool)
{
	size_t words = 0;
	for (uint32_t i = 0; i < p->scalars; i++)
		words += (size_t)2 * fit->needed[i] * ring->n;
	s->bytes = words * sizeof(uint64_t);
	TRY(mem_array(&s->ct, (size_t)p->scalars + 1, sizeof(*s->ct)));
	TRY(mem_alloc_aligned(&s->memory, s->bytes));
	uint64_t *memory = s->memory;
	for (uint32_t first = 0; first < p->scalars; first += SCAN_PACK_SCALARS) {
		size_t bytes = bgv_seeded_bytes(ring, fit->needed[first]);
		TRY(open_pack(s, ring, keys, fit, first, scan_pack_count(p, first),
			span_of(packed.data, bytes), &memory, pool));
		packed = span_of(packed.data + bytes, packed.size - bytes);
	}
	return STATUS_OK;
}

amt_status scan_scalars_open(struct scan_scalars **out, const struct bgv_ring *ring,
	const struct bgv_keys *keys, const struct scan_program *p, const struct scan_fit *fit,
	struct span packed, struct pool *pool)
{
	ENSURE(packed.size == scan_scalars_bytes(ring, p, fit), AMT_CORRUPTION,
		"the constants of a scan are %zu bytes, not %zu", packed.size,
		scan_scalars_bytes(ring, p, fit));
	struct scan_scalars *s;
	TRY(mem_zalloc(&s, sizeof(*s)));
	amt_status status = open_scalars(s, ring, keys, p, fit, packed, pool);
	if (!amt_ok(status)) {
		scan_scalars_free(s);
		return status;
	}
	*out = s;
	return STATUS_OK;
}

void scan_scalars_free(struct scan_scalars *s)
{
	if (s == NULL)
		return;
	mem_free(s->ct);
	mem_free_aligned(s->memory, s->bytes);
	mem_free(s);
}

/* Levels, noise and costs of a program, from its outputs to its leaves and back. */
#include "scan/program.h"

#include "base/alloc.h"

#include <math.h>
#include <string.h>

enum { ROWS_PAGES = 16 };

struct fitting {
	const struct scan_program *p;
	const struct scan_table *table;
	const struct bgv_params *ring;
	struct scan_fit *out;
	struct bgv_noise *noise; /* of each node */
	struct bgv_noise scalar;
	double failure; /* sum of probabilities over 2^-128 */
	uint64_t pages;
};

static bool has_products(const struct scan_program *p, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		if (p->term[i].b != SCAN_NONE)
			return true;
	return false;
}

/* ---- levels: from the outputs down */

static void need(struct scan_fit *f, uint32_t node, unsigned level)
{
	if (f->level[node] < level)
		f->level[node] = (uint8_t)(level < UINT8_MAX ? level : UINT8_MAX);
}

static void need_terms(struct fitting *f, uint32_t first, uint32_t count, unsigned linear)
{
	for (uint32_t i = first; i < first + count; i++) {
		const struct scan_term *t = &f->p->term[i];
		unsigned level = t->b == SCAN_NONE ? linear : linear + 1;
		need(f->out, t->a, level);
		if (t->b != SCAN_NONE)
			need(f->out, t->b, level);
	}
}

static unsigned totals(const struct scan_program *p)
{
	unsigned count = 0;
	for (uint32_t i = 0; i < p->outputs; i++)
		count += p->output[i].kind == SCAN_TOTAL;
	return count;
}

static void set_levels(struct fitting *f)
{
	const struct scan_program *p = f->p;
	for (uint32_t i = 0; i < p->outputs; i++) {
		const struct scan_output *o = &p->output[i];
		if (o->kind == SCAN_ROWS)
			need(f->out, o->node, SCAN_ROWS_LEVEL);
		else
			need_terms(f, o->first, o->count, f->out->fold_level);
	}
	for (uint32_t i = p->nodes; i-- > 0;) {
		const struct scan_node *n = &p->node[i];
		if (n->op == SCAN_SUM && f->out->level[i] > 0)
			need_terms(f, n->first, n->count, f->out->level[i]);
	}
}

static amt_status check_levels(struct fitting *f)
{
	f->out->limbs = 1;
	for (uint32_t i = 0; i < f->p->nodes; i++) {
		const struct scan_node *n = &f->p->node[i];
		ENSURE(f->out->level[i] > 0, AMT_CORRUPTION, "node %u of a scan is not used", i);
		bool product = n->op == SCAN_LEAF ||
			       (n->op == SCAN_SUM && has_products(f->p, n->first, n->count));
		unsigned made = f->out->level[i] + product;
		ENSURE(made <= f->ring->limbs, AMT_NOISE_BUDGET,
			"the query needs %u products one after the other, ring %s has primes for "
			"%u",
			made - 1, f->ring->name, f->ring->limbs - 1);
		f->out->limbs = made > f->out->limbs ? made : f->out->limbs;
		for (uint32_t k = n->first; n->op != SCAN_SUM && k < n->first + n->count; k++) {
			const struct scan_range *r = &f->p->range[k];
			const struct scan_column *c = scan_table_column(f->table, r->column);
			unsigned stored = scan_group_stored(c, scan_range_group(c, r));
			ENSURE(made <= stored, AMT_NOISE_BUDGET,
				"column %u is needed modulo %u primes and stored modulo %u",
				r->column, made, stored);
		}
	}
	return STATUS_OK;
}

static void need_scalar(uint8_t *needed, uint32_t scalar, unsigned limbs)
{
	if (needed[scalar] < limbs)
		needed[scalar] = (uint8_t)limbs;
}

/* out: with how many limbs each scalar is used. */
static void count_needed(const struct fitting *f, uint8_t *out)
{
	const struct scan_program *p = f->p;
	memset(out, 0, p->scalars);
	for (uint32_t i = 0; i < p->nodes; i++) {
		const struct scan_node *n = &p->node[i];
		if (n->op == SCAN_SCALAR)
			need_scalar(out, n->first, f->out->level[i]);
		for (uint32_t k = n->first; n->op == SCAN_LEAF && k < n->first + n->count; k++)
			for (unsigned v = 0; v < p->range[k].count; v++)
				need_scalar(out, p->range[k].at + v, f->out->level[i] + 1u);
	}
}

static amt_status set_order(struct fitting *f)
{
	uint8_t *needed;
	uint32_t at = 0;
	TRY(mem_array(&needed, (size_t)f->p->scalars + 1, 1));
	count_needed(f, needed);
	for (unsigned limbs = f->out->limbs; limbs > 0; limbs--)
		for (uint32_t i = 0; i < f->p->scalars; i++)
			if (needed[i] == limbs) {
				f->out->order[at] = i;
				f->out->needed[at++] = (uint8_t)limbs;
			}
	mem_free(needed);
	return STATUS_OK;
}

/* ---- noise: from the leaves up */

static amt_status check_fits(
	struct fitting *f, unsigned limbs, struct bgv_noise noise, double times, const char *what)
{
	double margin = bgv_noise_margin(f->ring, limbs, noise);
	f->out->margin_bits = fmin(f->out->margin_bits, margin);
	double log2 = bgv_noise_failure_log2(f->ring, limbs, noise);
	f->failure += times * exp2(fmin(log2 + 128, 64));
	ENSURE(bgv_noise_fits(f->ring, limbs, noise) && f->failure <= 1, AMT_NOISE_BUDGET,
		"the noise of %s is %.1f bits too large for %u primes of ring %s", what,
		fmax(-margin, 0.1), limbs, f->ring->name);
	return STATUS_OK;
}

static amt_status check_answer(
	struct fitting *f, struct bgv_noise noise, double times, const char *what)
{
	f->failure += times * exp2(fmin(bgv_noise_answer_failure_log2(f->ring, noise) + 128, 64));
	ENSURE(bgv_noise_answer_fits(f->ring, noise) && f->failure <= 1, AMT_NOISE_BUDGET,
		"the noise of %s is too large for an answer of ring %s", what, f->ring->name);
	return STATUS_OK;
}

static amt_status product_noise(struct fitting *f, unsigned limbs, struct bgv_noise *noise)
{
	*noise = bgv_noise_key_switch(f->ring, limbs, *noise);
	TRY(check_fits(f, limbs, *noise, (double)f->pages, "a product"));
	*noise = bgv_noise_mod_switch(f->ring, limbs, *noise);
	return STATUS_OK;
}

static void sum_noise(
	struct fitting *f, uint32_t first, uint32_t count, bool products, struct bgv_noise *sum)
{
	bool any = sum->log2_deviation > -INFINITY;
	for (uint32_t i = first; i < first + count; i++) {
		const struct scan_term *t = &f->p->term[i];
		if ((t->b != SCAN_NONE) != products)
			continue;
		struct bgv_noise term = f->noise[t->a];
		if (products)
			term = bgv_noise_mul(f->ring, term, f->noise[t->b]);
		term = bgv_noise_scale(term, t->factor);
		*sum = any ? bgv_noise_add_dependent(*sum, term) : term;
		any = true;
	}
}

static const struct bgv_noise nothing = {.log2_deviation = -INFINITY};

static amt_status leaf_noise(struct fitting *f, uint32_t i)
{
	const struct scan_node *n = &f->p->node[i];
	unsigned count = 0;
	for (uint32_t k = n->first; k < n->first + n->count; k++)
		count += f->p->range[k].count;
	/* Fresh ciphertexts are independent of each other and of the scalars. */
	struct bgv_noise one = bgv_noise_mul_fresh(f->ring, f->scalar);
	f->noise[i] = bgv_noise_scale(one, sqrt(count));
	return product_noise(f, f->out->level[i] + 1, &f->noise[i]);
}

static void public_noise(struct fitting *f, uint32_t i)
{
	const struct scan_node *n = &f->p->node[i];
	double squares = 0;
	for (uint32_t k = n->first; k < n->first + n->count; k++)
		for (unsigned v = 0; v < f->p->range[k].count; v++) {
			double w = f->p->weight[f->p->range[k].at + v];
			squares += w * w;
		}
	struct bgv_noise sum = bgv_noise_scale(bgv_noise_fresh(f->ring), sqrt(fmax(squares, 1)));
	f->noise[i] = bgv_noise_shift(sum, n->constant);
}

static amt_status node_noise(struct fitting *f, uint32_t i)
{
	const struct scan_node *n = &f->p->node[i];
	if (n->op == SCAN_LEAF)
		return leaf_noise(f, i);
	if (n->op == SCAN_PUBLIC) {
		public_noise(f, i);
		return STATUS_OK;
	}
	if (n->op == SCAN_SCALAR) {
		f->noise[i] = f->scalar;
		return STATUS_OK;
	}
	struct bgv_noise sum = nothing;
	if (has_products(f->p, n->first, n->count)) {
		sum_noise(f, n->first, n->count, true, &sum);
		TRY(product_noise(f, f->out->level[i] + 1, &sum));
	}
	sum_noise(f, n->first, n->count, false, &sum);
	f->noise[i] = bgv_noise_shift(sum, n->constant);
	return check_fits(f, f->out->level[i], f->noise[i], (double)f->pages, "a sum");
}

static amt_status rows_noise(struct fitting *f, const struct scan_output *o)
{
	/* sum of 4^i for i < 16 */
	struct bgv_noise packed = bgv_noise_scale(f->noise[o->node], sqrt(0x1p32 / 3));
	double answers = ceil((double)f->pages / ROWS_PAGES);
	TRY(check_fits(f, SCAN_ROWS_LEVEL, packed, answers, "packed match bits"));
	packed = bgv_noise_mod_switch(f->ring, SCAN_ROWS_LEVEL, packed);
	return check_answer(f, packed, answers, "match bits");
}

static amt_status total_noise(struct fitting *f, const struct scan_output *o, struct bgv_noise *out)
{
	uint64_t cap = scan_total_pages(o);
	/* Pages are encrypted independently of each other. */
	double added = sqrt((double)(f->pages < cap ? f->pages : cap));
	struct bgv_noise sum = nothing;
	unsigned level = f->out->fold_level;
	if (has_products(f->p, o->first, o->count)) {
		sum_noise(f, o->first, o->count, true, &sum);
		sum = bgv_noise_scale(sum, added);
		TRY(product_noise(f, level + 1, &sum));
	}
	struct bgv_noise linear = nothing;
	sum_noise(f, o->first, o->count, false, &linear);
	linear = bgv_noise_scale(linear, added);
	*out = isinf(sum.log2_deviation)      ? linear
	       : isinf(linear.log2_deviation) ? sum
					      : bgv_noise_add_dependent(sum, linear);
	return check_fits(f, level, *out, (double)f->pages, "a total");
}

/* Folded, masked, added together and switched to one limb, or as it is. */
static amt_status answer_noise(struct fitting *f, struct bgv_noise total)
{
	if (f->out->fold_level > 1) {
		for (unsigned i = 0; i < SCAN_FOLD_LOG2; i++)
			total = bgv_noise_add_dependent(
				total, bgv_noise_key_switch(f->ring, f->out->fold_level, total));
		total = bgv_noise_mul_plain(f->ring, total);
		total = bgv_noise_scale(total, SCAN_CANARIES);
		TRY(check_fits(f, f->out->fold_level, total, (double)f->pages, "an answer"));
		total = bgv_noise_mod_switch(f->ring, f->out->fold_level, total);
	}
	return check_answer(f, total, (double)f->pages, "a total");
}

static amt_status set_noise(struct fitting *f)
{
	const struct scan_program *p = f->p;
	unsigned count = p->scalars < SCAN_PACK_SCALARS ? p->scalars : SCAN_PACK_SCALARS;
	f->scalar = bgv_noise_expand(f->ring, f->out->limbs, count > 0 ? count : 1);
	for (uint32_t i = 0; i < p->nodes; i++)
		TRY(node_noise(f, i));
	for (uint32_t i = 0; i < p->outputs; i++) {
		struct bgv_noise total;
		if (p->output[i].kind == SCAN_ROWS) {
			TRY(rows_noise(f, &p->output[i]));
			continue;
		}
		TRY(total_noise(f, &p->output[i], &total));
		TRY(answer_noise(f, total));
	}
	f->out->failure_log2 = f->failure > 0 ? log2(f->failure) - 128 : -INFINITY;
	return STATUS_OK;
}

/* ---- costs of a page */

/* Relinearisation at l limbs: l transforms back, l to each of l + 1 primes, 2 (l + 1) for the special
 * prime's division; and the modulus switch. */
static uint64_t key_switch_transforms(unsigned l)
{
	return l + (uint64_t)l * l + 2 * (l + 1) + 2 * l;
}

/* A group is read once, with the most limbs that any node needs. */
struct reading {
	uint16_t column, group;
	unsigned vectors, limbs;
};

static void read_range(
	struct fitting *f, struct reading *all, uint32_t *count, uint32_t range, unsigned limbs)
{
	const struct scan_range *r = &f->p->range[range];
	const struct scan_column *c = scan_table_column(f->table, r->column);
	unsigned group = scan_range_group(c, r);
	uint32_t i = 0;
	while (i < *count && (all[i].column != r->column || all[i].group != group))
		i++;
	if (i == *count)
		all[(*count)++] = (struct reading){
			r->column, (uint16_t)group, scan_group_vectors(c, group), 0};
	all[i].limbs = all[i].limbs < limbs ? limbs : all[i].limbs;
}

static amt_status set_costs(struct fitting *f)
{
	const struct scan_program *p = f->p;
	struct reading *all;
	uint32_t count = 0;
	TRY(mem_array(&all, (size_t)p->ranges + 1, sizeof(*all)));
	for (uint32_t i = 0; i < p->nodes; i++) {
		const struct scan_node *node = &p->node[i];
		bool product = node->op == SCAN_LEAF ||
			       (node->op == SCAN_SUM && has_products(p, node->first, node->count));
		unsigned made = f->out->level[i] + product;
		for (uint32_t k = node->first; k < node->first + node->count; k++) {
			f->out->leaf_products +=
				(uint64_t)(node->op == SCAN_SUM ? 1 : p->range[k].count) * made;
			if (node->op != SCAN_SUM)
				read_range(f, all, &count, k, made);
		}
		if (product) {
			f->out->relinearisations++;
			f->out->transforms += key_switch_transforms(made);
		}
	}
	for (uint32_t i = 0; i < count; i++)
		f->out->read_bytes += (uint64_t)all[i].vectors * all[i].limbs *
				      ((uint64_t)f->ring->residue_bytes << f->ring->log2n);
	mem_free(all);
	return STATUS_OK;
}

/* Masks of folded answers are one product more. One total alone is not folded, unless it takes the
 * additional limb to fit. */
static amt_status fit_level(struct fitting *f, unsigned fold_level)
{
	memset(f->out->level, 0, f->p->nodes);
	f->out->fold_level = fold_level;
	f->out->margin_bits = INFINITY;
	f->failure = 0;
	set_levels(f);
	TRY(check_levels(f));
	return set_noise(f);
}

static amt_status fit(struct fitting *f)
{
	TRY(mem_array(&f->out->level, (size_t)f->p->nodes + 1, 1));
	TRY(mem_array(&f->out->order, (size_t)f->p->scalars + 1, sizeof(*f->out->order)));
	TRY(mem_array(&f->out->needed, (size_t)f->p->scalars + 1, 1));
	TRY(mem_array(&f->noise, (size_t)f->p->nodes + 1, sizeof(*f->noise)));
	amt_status s = fit_level(f, totals(f->p) > 1 ? 2 : 1);
	if (amt_status_code(s) == AMT_NOISE_BUDGET && totals(f->p) == 1) {
		amt_status_clear(&s);
		s = fit_level(f, 2);
	}
	TRY(s);
	TRY(set_order(f));
	return set_costs(f);
}

uint64_t scan_total_pages(const struct scan_output *o)
{
	return (BGV_T - 1) / o->max;
}

amt_status scan_fit(struct scan_fit *out, const struct scan_program *p,
	const struct scan_table *table, uint64_t pages)
{
	*out = (struct scan_fit){0};
	struct fitting f = {.p = p,
		.table = table,
		.ring = table->ring,
		.out = out,
		.pages = pages > 0 ? pages : 1};
	amt_status s = fit(&f);
	mem_free(f.noise);
	if (!amt_ok(s))
		scan_fit_free(out);
	return s;
}

void scan_fit_free(struct scan_fit *f)
{
	mem_free(f->level);
	mem_free(f->order);
	mem_free(f->needed);
	*f = (struct scan_fit){0};
}

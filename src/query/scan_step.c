/* MIN, MAX, percentiles and top k: the values at given ranks, one digit a round.
 *
 * A round asks for a histogram: how many of the rows whose higher digits are those of a prefix have
 * each value of the next digit. Its counts tell in which values the wanted ranks lie. The prefixes are
 * scalars; their number, `width`, is that of the ranks, whatever the data. */
#include "query/scan_build.h"

#include "base/alloc.h"

#include <math.h>
#include <stdlib.h>

static const struct scan_column *layout_of(const struct scan_plan *p, const struct scan_step *s)
{
	return &p->table.column[s->column];
}

unsigned scan_step_rounds(const struct scan_plan *p)
{
	const struct scan_work_plan *w = p->work;
	unsigned rounds = 1;
	for (unsigned i = 0; i < w->steps; i++)
		if (layout_of(p, &w->step[i])->digits > rounds)
			rounds = layout_of(p, &w->step[i])->digits;
	return rounds;
}

/* Prefixes that are looked at: no more than there are. */
static unsigned width_of(const struct scan_plan *p, const struct scan_step *s)
{
	const struct scan_column *c = layout_of(p, s);
	uint64_t prefixes = 1;
	for (unsigned r = 0; r < p->round && prefixes < s->wanted; r++)
		prefixes *= c->base[c->digits - 1 - r];
	return prefixes < s->wanted ? (unsigned)prefixes : s->wanted;
}

/* Of one prefix: outputs of the digit's values. */
static amt_status track_outputs(struct scan_plan *p, struct scan_build *b,
	const struct scan_step *s, uint32_t mask, const struct scan_track *t, uint32_t *output)
{
	const struct scan_column *c = layout_of(p, s);
	unsigned digit = c->digits - 1 - p->round, first = scan_group_first(c, digit);
	uint32_t node[SCAN_MAX_DIGITS + 1], rows, value;
	uint16_t of_prefix[SCAN_MAX_DIGITS];
	size_t nodes = 0;
	if (mask != SCAN_NONE)
		node[nodes++] = mask;
	scan_digits(c, t != NULL ? t->prefix : 0, of_prefix);
	for (unsigned i = digit + 1; i < c->digits; i++)
		TRY(scan_digit_is(b->graph, s->column, i, t != NULL ? of_prefix[i] : SCAN_MAX_BASE,
			&node[nodes++]));
	TRY(graph_product_of(b->graph, node, nodes, &rows));
	for (unsigned v = 0; v < c->base[digit]; v++) {
		TRY(graph_public(b->graph, s->column, first + v, 1, NULL, &value));
		TRY(graph_total(b->graph, rows == SCAN_NONE ? value : rows,
			rows == SCAN_NONE ? SCAN_NONE : value, 1, &output[v]));
	}
	return STATUS_OK;
}

amt_status scan_step_outputs(struct scan_plan *p, struct scan_build *b, const uint32_t *mask)
{
	struct scan_work_plan *w = p->work;
	for (unsigned i = 0; i < w->steps; i++) {
		const struct scan_step *s = &w->step[i];
		const struct scan_column *c = layout_of(p, s);
		if (p->round >= c->digits)
			continue;
		unsigned width = width_of(p, s), base = c->base[c->digits - 1 - p->round];
		for (uint32_t g = 0; g < w->groups; g++) {
			struct scan_search *x = &w->search[i * w->groups + g];
			TRY(arena_alloc(
				&w->arena, (size_t)width * base * sizeof(*x->output), &x->output));
			for (unsigned k = 0; k < width; k++)
				TRY(track_outputs(p, b, s, mask[g],
					k < x->tracks ? &x->track[k] : NULL, x->output + k * base));
		}
	}
	return STATUS_OK;
}

/* ---- order of values */

amt_status scan_compare_codes(
	const struct scan_plan *p, unsigned column, uint64_t a, uint64_t b, int *out)
{
	const struct scan_texts *texts = p->work->options.texts;
	*out = a < b ? -1 : a > b;
	if (p->work->schema->column[column].type != COLUMN_TEXT || a == b)
		return STATUS_OK;
	struct span text[2] = {{0}, {0}};
	bool known[2] = {false, false};
	TRY(texts->text(texts->context, column, a, &text[0], &known[0]));
	TRY(texts->text(texts->context, column, b, &text[1], &known[1]));
	*out = known[0] && known[1] ? span_compare(text[0], text[1]) : known[1] - known[0];
	return STATUS_OK;
}

/* The values of a digit as the step goes through them. */
static amt_status order_digits(
	const struct scan_plan *p, const struct scan_step *s, unsigned base, uint16_t *order)
{
	for (unsigned v = 0; v < base; v++) {
		unsigned at = v;
		for (; at > 0; at--) {
			int c;
			TRY(scan_compare_codes(p, s->column, v, order[at - 1], &c));
			if (s->descending ? c <= 0 : c >= 0)
				break;
			order[at] = order[at - 1];
		}
		order[at] = (uint16_t)v;
	}
	return STATUS_OK;
}

/* ---- what the histograms say */

/* Which ranks are wanted of so many rows. */
static void begin(const struct scan_step *s, struct scan_search *x, uint64_t rows)
{
	struct scan_track t = {.rows = s->wanted, .of = rows};
	if (s->fraction >= 0) {
		/* As PostgreSQL: the first row whose place is at least the fraction of all. */
		double rank = ceil(s->fraction * (double)rows);
		t.skip = rank > 1 ? (uint64_t)rank - 1 : 0;
	}
	x->tracks = t.skip < rows;
	x->track[0] = t;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static amt_status take_search(const struct scan_plan *p, const struct scan_step *s,
	const uint16_t *order, struct scan_search *x, const uint64_t *totals)
{
	const struct scan_column *c = layout_of(p, s);
	unsigned digit = c->digits - 1 - p->round, base = c->base[digit], tracks = 0;
	struct scan_track next[STEP_MAX_RANKS];
	uint64_t weight = 1;
	for (unsigned j = 0; j < digit; j++)
		weight *= c->base[j];
	for (unsigned k = 0; k < (p->round == 0 ? 1 : x->tracks); k++) {
		const uint32_t *output = x->output + k * base;
		uint64_t before = 0, all = 0;
		for (unsigned v = 0; v < base; v++)
			all += totals[output[v]];
		if (p->round == 0)
			begin(s, x, all);
		const struct scan_track t = x->track[k];
		ENSURE(all == t.of, AMT_INTEGRITY,
			"the answer counts %llu rows where the round before counted %llu",
			(unsigned long long)all, (unsigned long long)t.of);
		for (unsigned i = 0; i < base && x->tracks > 0; i++) {
			uint64_t here = totals[output[order[i]]];
			uint64_t first = t.skip > before ? t.skip : before;
			uint64_t end = least(t.skip + t.rows, before + here);
			if (first < end && tracks < s->wanted)
				next[tracks++] =
					(struct scan_track){.prefix = t.prefix + order[i] * weight,
						.skip = first - before,
						.rows = end - first,
						.of = here};
			before += here;
		}
	}
	memcpy(x->track, next, tracks * sizeof(*next));
	x->tracks = tracks;
	return STATUS_OK;
}

amt_status scan_step_take(struct scan_plan *p, const uint64_t *totals)
{
	struct scan_work_plan *w = p->work;
	for (unsigned i = 0; i < w->steps; i++) {
		const struct scan_step *s = &w->step[i];
		const struct scan_column *c = layout_of(p, s);
		uint16_t order[SCAN_MAX_BASE] = {0};
		if (p->round >= c->digits)
			continue;
		TRY(order_digits(p, s, c->base[c->digits - 1 - p->round], order));
		for (uint32_t g = 0; g < w->groups; g++)
			TRY(take_search(p, s, order, &w->search[i * w->groups + g], totals));
	}
	return STATUS_OK;
}

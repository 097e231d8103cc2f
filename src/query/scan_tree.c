/* Functions of a column of several digits, as trees.
 *
 * A comparison of digits: with less and equal of the high digits and of the low ones,
 *	less = less_high + equal_high less_low,		equal = equal_high equal_low
 * (Tan et al. 2020), balanced.
 *
 * A function f of a column that is steady between a few codes, its *cuts*, is a sum over these:
 *	f(x) = rest + sum over cuts c of below_c [x < c] + at_c [x = c]
 * with all three encrypted, so that the program is the same for =, <>, <, <=, >, >=, and for any joining
 * of as many of them by AND, OR and NOT. A range costs no product more than one comparison.
 *
 * Of every digit but the lowest, [digit < c] takes one vector of scalars s_v = [v < c]; [digit = c] takes
 * the same once more, for s_{v-1} - s_v = [v = c]: with E_v the digit's vectors,
 *	[digit = c] = E_0 + sum_{v > 0} s_{v-1} E_v - sum_v s_v E_v .
 * The lowest digit's scalars say the rest, below_c [v < c] + at_c [v = c], in one leaf.
 */
#include "query/scan_build.h"

/* ---- joining digits */

/* Of digits low .. high - 1. weight: what less_high is multiplied by in the part that the lowest digit is
 * in, whose scalars have that weight already; SCAN_NONE: 1. */
static amt_status join(struct scan_build *b, const struct scan_digit_nodes *digit, unsigned low,
	unsigned high, bool need_equal, uint32_t weight, struct scan_digit_nodes *out)
{
	if (high - low == 1) {
		*out = digit[low];
		return STATUS_OK;
	}
	struct scan_digit_nodes h, l;
	unsigned middle = (low + high) / 2;
	TRY(join(b, digit, low, middle, need_equal, low == 0 ? weight : SCAN_NONE, &l));
	TRY(join(b, digit, middle, high, true, SCAN_NONE, &h));
	struct scan_program *raw = &b->graph->raw;
	TRY(scan_add_term(raw, (struct scan_term){h.less, low == 0 ? weight : SCAN_NONE, 1}));
	TRY(scan_add_term(raw, (struct scan_term){h.equal, l.less, 1}));
	TRY(graph_sum(b->graph, 0, &out->less));
	return need_equal ? graph_product(b->graph, h.equal, l.equal, &out->equal) : STATUS_OK;
}

amt_status scan_join_digits(
	struct scan_build *b, const struct scan_digit_nodes *digit, unsigned digits, uint32_t *less)
{
	struct scan_digit_nodes whole;
	TRY(join(b, digit, 0, digits, false, SCAN_NONE, &whole));
	*less = whole.less;
	return STATUS_OK;
}

/* ---- cuts */

/* The last step of a cut's tree, not yet made: weight less + equal low. */
struct cut_nodes {
	uint32_t weight, less, equal, low;
};

static amt_status high_digit(struct scan_build *b, uint16_t column, unsigned j, unsigned of_cut,
	struct scan_digit_nodes *out)
{
	const struct scan_column *c = &b->table->column[column];
	unsigned first = scan_group_first(c, j), last = c->base[j] - 1u;
	int8_t scalar[SCAN_MAX_BASE];
	uint32_t at, shifted, zero;
	for (unsigned v = 0; v < last; v++) /* no digit is less than a cut at the last value */
		scalar[v] = v < of_cut;
	TRY(graph_scalars(b->graph, last, scalar, &at));
	TRY(graph_leaf_with(b->graph, column, first, last, at));
	TRY(graph_leaf(b->graph, &out->less));
	TRY(graph_leaf_with(b->graph, column, first + 1, last, at));
	TRY(graph_leaf(b->graph, &shifted));
	TRY(graph_public(b->graph, column, first, 1, NULL, &zero));
	struct scan_program *raw = &b->graph->raw;
	TRY(scan_add_term(raw, (struct scan_term){zero, SCAN_NONE, 1}));
	TRY(scan_add_term(raw, (struct scan_term){shifted, SCAN_NONE, 1}));
	TRY(scan_add_term(raw, (struct scan_term){out->less, SCAN_NONE, -1}));
	return graph_sum(b->graph, 0, &out->equal);
}

static amt_status cut_tree(
	struct scan_build *b, uint16_t column, const struct scan_cut *cut, struct cut_nodes *out)
{
	const struct scan_column *c = &b->table->column[column];
	struct scan_digit_nodes digit[SCAN_MAX_DIGITS], h, l;
	uint16_t of_cut[SCAN_MAX_DIGITS];
	int8_t scalar[SCAN_MAX_BASE];
	scan_digits(c, cut->code, of_cut);
	for (unsigned v = 0; v < c->base[0]; v++)
		scalar[v] = v < of_cut[0] ? cut->below : v == of_cut[0] ? cut->at : 0;
	TRY(graph_leaf_range(b->graph, column, 0, c->base[0], scalar));
	TRY(graph_leaf(b->graph, &digit[0].less));
	for (unsigned j = 1; j < c->digits; j++)
		TRY(high_digit(b, column, j, of_cut[j], &digit[j]));
	TRY(graph_scalar(b->graph, cut->below, &out->weight));
	unsigned middle = c->digits / 2;
	TRY(join(b, digit, 0, middle, false, out->weight, &l));
	TRY(join(b, digit, middle, c->digits, true, SCAN_NONE, &h));
	out->less = h.less;
	out->equal = h.equal;
	out->low = l.less;
	return STATUS_OK;
}

amt_status scan_cut_trees(struct scan_build *b, uint16_t column, const struct scan_cut *cut,
	size_t cuts, int8_t rest, uint32_t *node)
{
	struct cut_nodes *tree;
	uint32_t not_null, everywhere;
	TRY(arena_alloc(b->arena, cuts * sizeof(*tree), &tree));
	for (size_t i = 0; i < cuts; i++)
		TRY(cut_tree(b, column, &cut[i], &tree[i]));
	TRY(graph_not_null(b->graph, column, &not_null));
	TRY(graph_scalar(b->graph, rest, &everywhere));
	struct scan_program *raw = &b->graph->raw;
	for (size_t i = 0; i < cuts; i++) {
		TRY(scan_add_term(raw, (struct scan_term){tree[i].less, tree[i].weight, 1}));
		TRY(scan_add_term(raw, (struct scan_term){tree[i].equal, tree[i].low, 1}));
	}
	TRY(scan_add_term(raw, (struct scan_term){not_null, everywhere, 1}));
	return graph_sum(b->graph, 0, node);
}

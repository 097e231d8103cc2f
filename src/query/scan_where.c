/* Conditions to scan programs.
 *
 * What is about one column of one digit is a table: for each value of the digit whether the condition
 * holds, one leaf whatever the condition says. Other comparisons are trees over digits. Every vector is
 * 0 where the column is NULL, so a leaf is never true there; rows that are NULL and for which a
 * condition holds all the same (x IS NULL) are added as valid - not null.
 */
#include "query/scan_build.h"

#include "base/alloc.h"

/* A condition as nodes: node is `scale` where it holds. */
struct truth {
	uint32_t node;
	int32_t scale;
};

/* Vectors whose sum is 1 where a part of a conjunction holds: a table, or a digit of an equality. */
struct digit_match {
	uint16_t column;
	unsigned first, count;
	const int8_t *scalar;
};

/* The nodes of a conjunction or disjunction in the making. */
struct parts {
	uint32_t *node;
	size_t nodes;
	struct digit_match *digit; /* product form, of conjunctions */
	size_t digits, digit_room;
	int32_t scale;
};

enum { PRODUCT_DIGITS = 32 }; /* of one product form */

static const struct scan_column *layout_of(const struct scan_build *b, uint16_t column)
{
	return &b->table->column[column];
}

static bool is_table_column(const struct scan_build *b, uint16_t column)
{
	return layout_of(b, column)->digits == 1;
}

/* ---- what a condition is about */

enum { NO_COLUMN = UINT16_MAX, MANY_COLUMNS = UINT16_MAX - 1 };

static unsigned column_about(const struct pred *p)
{
	if (p->kind == PRED_COMPARE && p->against_column)
		return MANY_COLUMNS;
	if (p->kind != PRED_ALL && p->kind != PRED_ANY && p->kind != PRED_NOT)
		return p->column;
	unsigned about = NO_COLUMN;
	for (size_t i = 0; i < p->children; i++) {
		unsigned one = column_about(p->child[i]);
		if (about != NO_COLUMN && about != one)
			return MANY_COLUMNS;
		about = one;
	}
	return about;
}

/* Whether it asks for nothing but null flags. */
static bool is_null_test(const struct pred *p)
{
	bool all = p->kind == PRED_NULL || p->kind == PRED_NOT || p->kind == PRED_ALL ||
		   p->kind == PRED_ANY;
	for (size_t i = 0; i < p->children; i++)
		all &= is_null_test(p->child[i]);
	return all;
}

static bool is_not_null(const struct pred *p, uint16_t column)
{
	return p->kind == PRED_NOT && p->child[0]->kind == PRED_NULL &&
	       p->child[0]->column == column;
}

/* Whether it is false wherever the column is NULL, by its nodes alone. */
static bool excludes_null(const struct pred *p, uint16_t column)
{
	bool any = false, all = p->children > 0;
	for (size_t i = 0; i < p->children; i++) {
		bool one = excludes_null(p->child[i], column);
		any |= one;
		all &= one;
	}
	switch (p->kind) {
	case PRED_ALL:
		return any;
	case PRED_ANY:
		return all;
	case PRED_NOT:
		return is_not_null(p, column);
	case PRED_NULL:
		return false;
	default:
		return p->column == column || (p->against_column && p->other == column);
	}
}

/* ---- leaves */

amt_status scan_digit_is(
	struct scan_graph *g, uint16_t column, unsigned digit, unsigned v, uint32_t *node)
{
	const struct scan_column *c = &g->table->column[column];
	int8_t scalar[SCAN_MAX_BASE];
	for (unsigned i = 0; i < SCAN_MAX_BASE; i++)
		scalar[i] = i == v;
	TRY(graph_leaf_range(g, column, scan_group_first(c, digit), c->base[digit], scalar));
	return graph_leaf(g, node);
}

/* node + where the column is NULL */
static amt_status with_null(struct scan_build *b, uint16_t column, uint32_t *node)
{
	uint32_t null;
	TRY(graph_null(b->graph, column, &null));
	TRY(scan_add_term(&b->graph->raw, (struct scan_term){*node, SCAN_NONE, 1}));
	TRY(scan_add_term(&b->graph->raw, (struct scan_term){null, SCAN_NONE, 1}));
	return graph_sum(b->graph, 0, node);
}

/* Null tests of a column, joined in whatever way. */
static amt_status null_tests(
	struct scan_build *b, const struct pred *p, uint16_t column, uint32_t *node)
{
	bool null, other;
	TRY(scan_truth_of(b, p, true, 0, &null));
	TRY(scan_truth_of(b, p, false, 0, &other));
	if (null && other)
		return graph_valid(b->graph, node);
	if (!null && !other)
		return graph_zero(b->graph, node);
	return null ? graph_null(b->graph, column, node) : graph_not_null(b->graph, column, node);
}

/* Everything about one column of one digit. */
static amt_status table_part(
	struct scan_build *b, const struct pred *p, uint16_t column, struct parts *parts)
{
	const struct scan_column *c = layout_of(b, column);
	uint32_t node;
	bool null, one;
	if (is_null_test(p)) {
		TRY(null_tests(b, p, column, &node));
		parts->node[parts->nodes++] = node;
		return STATUS_OK;
	}
	int8_t *scalar;
	TRY(arena_alloc(b->arena, c->base[0], &scalar));
	for (unsigned v = 0; v < c->base[0]; v++) {
		TRY(scan_truth_of(b, p, false, v, &one));
		scalar[v] = one;
	}
	TRY(scan_truth_of(b, p, true, 0, &null));
	if (parts->digit_room > 0 && !null) {
		parts->digit[parts->digits++] = (struct digit_match){column, 0, c->base[0], scalar};
		return STATUS_OK;
	}
	TRY(graph_leaf_range(b->graph, column, 0, c->base[0], scalar));
	TRY(graph_leaf(b->graph, &node));
	if (null)
		TRY(with_null(b, column, &node));
	parts->node[parts->nodes++] = node;
	return STATUS_OK;
}

/* ---- comparisons of a column of several digits */

/* How many cuts a condition takes: what the host sees of it. */
static amt_status count_cuts(const struct scan_build *b, const struct pred *p, size_t *count)
{
	size_t changes = 0, padded = 0;
	if (p->kind == PRED_TEST)
		TRY(scan_test_changes(b, p, NULL, &changes, &padded));
	*count += p->kind == PRED_COMPARE ? 1 : padded;
	for (size_t i = 0; i < p->children; i++)
		TRY(count_cuts(b, p->child[i], count));
	return STATUS_OK;
}

/* The codes that a condition compares with; those that no value has are none. */
static amt_status collect_codes(
	const struct scan_build *b, const struct pred *p, uint64_t *code, size_t *count)
{
	struct scan_code_comparison k;
	for (size_t i = 0; i < p->children; i++)
		TRY(collect_codes(b, p->child[i], code, count));
	size_t padded;
	if (p->kind == PRED_TEST)
		return scan_test_changes(b, p, code, count, &padded);
	if (p->kind != PRED_COMPARE)
		return STATUS_OK;
	TRY(scan_code_of(b, p, &k));
	if (k.known)
		code[(*count)++] = k.code;
	return STATUS_OK;
}

static size_t sort_distinct(uint64_t *code, size_t count)
{
	size_t kept = 0;
	for (size_t i = 0; i < count; i++) {
		size_t at = kept;
		while (at > 0 && code[at - 1] > code[i])
			at--;
		if (at > 0 && code[at - 1] == code[i])
			continue;
		uint64_t one = code[i];
		memmove(code + at + 1, code + at, (kept - at) * sizeof(*code));
		code[at] = one;
		kept++;
	}
	return kept;
}

/* Any condition about one column as a function of its code, which changes only at the codes it compares
 * with: as many cuts as there are comparisons, whatever these are. */
static amt_status cuts_part(
	struct scan_build *b, const struct pred *p, uint16_t column, struct parts *parts)
{
	size_t cuts = 0, count = 0;
	uint64_t *code, most = layout_of(b, column)->max;
	struct scan_cut *cut;
	bool above, at, null;
	uint32_t node;
	TRY(count_cuts(b, p, &cuts));
	TRY(arena_alloc(b->arena, cuts * sizeof(*code), &code));
	TRY(arena_alloc(b->arena, cuts * sizeof(*cut), &cut));
	TRY(collect_codes(b, p, code, &count));
	count = sort_distinct(code, count);
	bool below = false;
	if (count == 0 || code[0] > 0)
		TRY(scan_truth_of(b, p, false, 0, &below));
	for (size_t i = 0; i < count; i++) {
		TRY(scan_truth_of(b, p, false, code[i], &at));
		above = at;
		if (code[i] < most && (i + 1 == count || code[i] + 1 < code[i + 1]))
			TRY(scan_truth_of(b, p, false, code[i] + 1, &above));
		cut[i] = (struct scan_cut){code[i], (int8_t)(below - above), (int8_t)(at - above)};
		below = above;
	}
	TRY(scan_cut_trees(b, column, cut, cuts, (int8_t)below, &node));
	TRY(scan_truth_of(b, p, true, 0, &null));
	if (null)
		TRY(with_null(b, column, &node));
	parts->node[parts->nodes++] = node;
	return STATUS_OK;
}

static int128 offset_of(const struct scan_build *b, uint16_t column)
{
	const struct column *c = &b->schema->column[column];
	uint64_t least, most;
	column_domain(c, &least, &most);
	return (int128)least - (int128)column_bias(c);
}

bool scan_columns_alike(const struct schema *s, const struct scan_table *t, unsigned a, unsigned b)
{
	const struct scan_column *x = &t->column[a], *y = &t->column[b];
	const struct scan_build build = {.schema = s, .table = t};
	if (x->digits == 1 && y->digits == 1)
		return true;
	bool alike = x->digits == y->digits &&
		     offset_of(&build, (uint16_t)a) == offset_of(&build, (uint16_t)b);
	for (unsigned j = 0; alike && j < x->digits; j++)
		alike = x->base[j] == y->base[j];
	return alike;
}

/* sum over v, w with f(v, w) of E_x[v] E_y[w], by digit j of both; values are digits plus offsets. */
static amt_status pair_digit(struct scan_build *b, const struct pred *p, unsigned j,
	enum int_comparison op, int128 difference, uint32_t *node)
{
	const struct scan_column *x = layout_of(b, p->column), *y = layout_of(b, p->other);
	bool any = false;
	for (unsigned v = 0; v < x->base[j]; v++) {
		int32_t weight[SCAN_MAX_BASE];
		uint32_t of_x, of_y;
		bool some = false;
		for (unsigned w = 0; w < y->base[j]; w++) {
			int128 order = (int128)v - w + difference;
			weight[w] = scan_holds(op, order < 0 ? -1 : order > 0);
			some |= weight[w] != 0;
		}
		if (!some)
			continue;
		any = true;
		TRY(graph_public(b->graph, p->column, scan_group_first(x, j) + v, 1, NULL, &of_x));
		TRY(graph_public(
			b->graph, p->other, scan_group_first(y, j), y->base[j], weight, &of_y));
		TRY(scan_add_term(&b->graph->raw, (struct scan_term){of_x, of_y, 1}));
	}
	return any ? graph_sum(b->graph, 0, node) : graph_zero(b->graph, node);
}

/* A comparison of two columns. Their digits meet in public products: what it is, is known. */
static amt_status compare_columns(struct scan_build *b, const struct pred *p, uint32_t *node)
{
	const struct scan_column *x = layout_of(b, p->column);
	struct scan_digit_nodes digit[SCAN_MAX_DIGITS];
	int128 difference = offset_of(b, p->column) - offset_of(b, p->other);
	for (unsigned j = 0; j < x->digits; j++) {
		enum int_comparison op = p->op;
		if (j > 0 && op == INT_LE)
			op = INT_LT;
		digit[j] = (struct scan_digit_nodes){SCAN_NONE, SCAN_NONE};
		if (j > 0 && op == INT_EQ)
			TRY(graph_zero(b->graph, &digit[j].less));
		else
			TRY(pair_digit(b, p, j, op, difference, &digit[j].less));
		if (j > 0)
			TRY(pair_digit(b, p, j, INT_EQ, 0, &digit[j].equal));
	}
	return scan_join_digits(b, digit, x->digits, node);
}

/* ---- lists */

static amt_status equality_of_code(
	struct scan_build *b, uint16_t column, bool known, uint64_t code, uint32_t *node)
{
	const struct scan_column *c = layout_of(b, column);
	uint16_t of_constant[SCAN_MAX_DIGITS];
	uint32_t digit[SCAN_MAX_DIGITS];
	scan_digits(c, code, of_constant);
	for (unsigned j = 0; j < c->digits; j++)
		TRY(scan_digit_is(
			b->graph, column, j, known ? of_constant[j] : SCAN_MAX_BASE, &digit[j]));
	return graph_product_of(b->graph, digit, c->digits, node);
}

static bool is_listed(const struct pred *p, enum pred_kind group)
{
	return p->kind == PRED_COMPARE && p->listed && !p->against_column &&
	       p->op == (group == PRED_ALL ? INT_NE : INT_EQ);
}

/* The members of a group that are lists of a column: equal to one of them, or (of ALL) to none. */
static amt_status list_part(struct scan_build *b, enum pred_kind kind, struct pred *const *child,
	size_t children, uint16_t column, bool *done, struct parts *parts)
{
	uint64_t *seen;
	size_t count = 0, padded = 1;
	uint32_t node;
	TRY(arena_alloc(b->arena, children * sizeof(*seen), &seen));
	struct scan_program *raw = &b->graph->raw;
	uint32_t *equal;
	TRY(arena_alloc(b->arena, (2 * children + 1) * sizeof(*equal), &equal));
	size_t codes = 0;
	for (size_t i = 0; i < children; i++) {
		struct scan_code_comparison k;
		if (done[i] || !is_listed(child[i], kind) || child[i]->column != column)
			continue;
		done[i] = true;
		TRY(scan_code_of(b, child[i], &k));
		bool again = false;
		for (size_t n = 0; n < codes; n++)
			again |= k.known && seen[n] == k.code;
		if (again)
			continue;
		if (k.known)
			seen[codes++] = k.code;
		TRY(equality_of_code(b, column, k.known, k.code, &equal[count++]));
	}
	while (padded < count)
		padded *= 2;
	for (; count < padded; count++)
		TRY(equality_of_code(b, column, false, 0, &equal[count]));
	if (kind == PRED_ALL) {
		TRY(graph_not_null(b->graph, column, &node));
		TRY(scan_add_term(raw, (struct scan_term){node, SCAN_NONE, 1}));
	}
	for (size_t i = 0; i < count; i++)
		TRY(scan_add_term(
			raw, (struct scan_term){equal[i], SCAN_NONE, kind == PRED_ALL ? -1 : 1}));
	TRY(graph_sum(b->graph, 0, &node));
	parts->node[parts->nodes++] = node;
	return STATUS_OK;
}

/* ---- the product form */

/* scale x (x + d), without a scaled x by itself, whose noise no prime would cut. */
static amt_status scaled_square(
	struct scan_graph *g, uint32_t x, int32_t d, int32_t scale, uint32_t *node)
{
	uint32_t moved;
	TRY(scan_add_term(&g->raw, (struct scan_term){x, SCAN_NONE, 1}));
	TRY(graph_sum(g, d, &moved));
	return graph_scaled_product(g, x, moved, scale, node);
}

/* scale times prod over 0 <= i < digits of (s - i) for an even number of digits, by pairs: with
 * u = s (s - digits + 1), (s - i)(s - digits + 1 + i) = u + i (digits - 1 - i), and by pairs of these:
 * with w = u^2, (u + c)(u + d) = w + (c + d) u + c d. */
static amt_status falling_factorial(
	struct scan_graph *g, uint32_t s, unsigned digits, int32_t scale, uint32_t *node)
{
	uint32_t factor[PRODUCT_DIGITS / 2], u, w = SCAN_NONE;
	size_t factors = 0;
	/* The last product carries the scale: its noise is cut with the prime that is dropped. */
	if (digits == 2)
		return scaled_square(g, s, -1, scale, node);
	TRY(scan_add_term(&g->raw, (struct scan_term){s, s, 1}));
	TRY(scan_add_term(&g->raw, (struct scan_term){s, SCAN_NONE, 1 - (int32_t)digits}));
	TRY(graph_sum(g, 0, &u));
	if (digits == 4)
		return scaled_square(g, u, 2, scale, node);
	for (unsigned i = 0; i < digits / 2; i += 2) {
		int32_t c = (int32_t)(i * (digits - 1 - i)),
			d = (int32_t)((i + 1) * (digits - 2 - i));
		if (i + 1 == digits / 2) {
			factor[factors] = u;
			if (c != 0) {
				TRY(scan_add_term(&g->raw, (struct scan_term){u, SCAN_NONE, 1}));
				TRY(graph_sum(g, c, &factor[factors]));
			}
			factors++;
			break;
		}
		if (w == SCAN_NONE)
			TRY(graph_product(g, u, u, &w));
		TRY(scan_add_term(&g->raw, (struct scan_term){w, SCAN_NONE, 1}));
		TRY(scan_add_term(&g->raw, (struct scan_term){u, SCAN_NONE, c + d}));
		TRY(graph_sum(g, graph_residue((int64_t)c * d), &factor[factors++]));
	}
	uint32_t half[2];
	size_t left = (factors + 1) / 2;
	TRY(graph_product_of(g, factor, left, &half[0]));
	TRY(graph_product_of(g, factor + left, factors - left, &half[1]));
	return graph_scaled_product(g, half[0], half[1], scale, node);
}

/* One leaf of all digits, then the product. */
static amt_status product_part(
	struct scan_build *b, const struct digit_match *digit, unsigned digits, struct parts *parts)
{
	uint32_t node;
	for (unsigned i = 0; i < digits; i++)
		TRY(graph_leaf_range(b->graph, digit[i].column, digit[i].first, digit[i].count,
			digit[i].scalar));
	TRY(graph_leaf(b->graph, &node));
	int64_t scale = 1;
	if (digits > 1) {
		unsigned even = digits + digits % 2;
		if (even > digits) {
			/* One more root, at -1: where nothing matches, s + 1 is a root. */
			TRY(scan_add_term(&b->graph->raw, (struct scan_term){node, SCAN_NONE, 1}));
			TRY(graph_sum(b->graph, 1, &node));
		}
		for (unsigned i = 2; i <= even; i++)
			scale = scale * i % BGV_T;
		int32_t undo = b->keeps_scale ? 1 : graph_inverse((int32_t)scale);
		TRY(falling_factorial(b->graph, node, even, undo, &node));
		scale = b->keeps_scale ? scale : 1;
	}
	parts->node[parts->nodes++] = node;
	parts->scale = graph_residue((int64_t)parts->scale * scale);
	return STATUS_OK;
}

static amt_status product_digits(struct scan_build *b, const struct pred *p, struct parts *parts)
{
	const struct scan_column *c = layout_of(b, p->column);
	struct scan_code_comparison k;
	TRY(scan_code_of(b, p, &k));
	uint16_t of_constant[SCAN_MAX_DIGITS];
	scan_digits(c, k.code, of_constant);
	for (unsigned j = 0; j < c->digits; j++) {
		int8_t *scalar;
		TRY(arena_alloc(b->arena, c->base[j], &scalar));
		if (k.known)
			scalar[of_constant[j]] = 1;
		parts->digit[parts->digits++] =
			(struct digit_match){p->column, scan_group_first(c, j), c->base[j], scalar};
	}
	return STATUS_OK;
}

static amt_status all_products(struct scan_build *b, struct parts *parts)
{
	for (size_t i = 0; i < parts->digits;) {
		size_t left = parts->digits - i;
		unsigned digits = (unsigned)(left < PRODUCT_DIGITS ? left : PRODUCT_DIGITS);
		TRY(product_part(b, parts->digit + i, digits, parts));
		i += digits;
	}
	return STATUS_OK;
}

/* ---- groups */

static amt_status convert(struct scan_build *b, const struct pred *p, struct truth *out);

/* The children that are about one column of one digit, as one table; columns of several digits are
 * only met here in null tests. */
static amt_status table_parts(struct scan_build *b, enum pred_kind kind, struct pred *const *child,
	size_t children, bool *done, struct parts *parts)
{
	struct pred **same;
	TRY(arena_alloc(b->arena, (children + 1) * sizeof(struct pred *), &same));
	for (size_t i = 0; i < children; i++) {
		unsigned column = done[i] ? MANY_COLUMNS : column_about(child[i]);
		if (column == MANY_COLUMNS ||
			(!is_table_column(b, (uint16_t)column) && !is_null_test(child[i])))
			continue;
		struct pred group = {.kind = kind, .child = same};
		bool table = is_table_column(b, (uint16_t)column);
		for (size_t k = i; k < children; k++)
			if (!done[k] && column_about(child[k]) == column &&
				(table || is_null_test(child[k]))) {
				done[k] = true;
				same[group.children++] = child[k];
			}
		TRY(table_part(b, &group, (uint16_t)column, parts));
	}
	return STATUS_OK;
}

static bool has_list(const struct pred *p)
{
	bool any = p->kind == PRED_COMPARE && p->listed;
	for (size_t i = 0; i < p->children; i++)
		any |= has_list(p->child[i]);
	return any;
}

/* Tags know no other comparison that an equality could be taken for. */
static bool is_tag_equality(const struct scan_build *b, const struct pred *p)
{
	return p->kind == PRED_COMPARE && !p->against_column && p->op == INT_EQ &&
	       b->schema->column[p->column].scan.kind == SCAN_TAG;
}

static bool is_product_equality(const struct scan_build *b, const struct pred *p)
{
	return is_tag_equality(b, p) ||
	       (b->product_form && p->kind == PRED_COMPARE && !p->against_column &&
		       p->op == INT_EQ && !is_table_column(b, p->column));
}

/* Whether it is best made of cuts: comparisons of one column of several digits. Lists take less (they know
 * equality alone), and so do conditions about tags. */
static bool is_of_cuts(const struct scan_build *b, const struct pred *p)
{
	unsigned column = column_about(p);
	if (column == MANY_COLUMNS || is_table_column(b, (uint16_t)column) || is_null_test(p) ||
		has_list(p) || is_product_equality(b, p))
		return false;
	return b->schema->column[column].scan.kind != SCAN_TAG || p->kind == PRED_COMPARE;
}

/* The children that are about one column of several digits, as one sum of cuts, null tests with them. */
static amt_status cuts_parts(struct scan_build *b, enum pred_kind kind, struct pred *const *child,
	size_t children, bool *done, struct parts *parts)
{
	struct pred **same;
	for (size_t i = 0; i < children; i++) {
		if (done[i] || !is_of_cuts(b, child[i]))
			continue;
		unsigned column = column_about(child[i]);
		bool tag = b->schema->column[column].scan.kind == SCAN_TAG;
		TRY(arena_alloc(b->arena, children * sizeof(struct pred *), &same));
		struct pred group = {.kind = kind, .child = same};
		for (size_t k = 0; k < children; k++) {
			if (done[k] || column_about(child[k]) != column ||
				(tag ? k != i
				     : !is_of_cuts(b, child[k]) && !is_null_test(child[k])))
				continue;
			done[k] = true;
			same[group.children++] = child[k];
		}
		TRY(cuts_part(b, &group, (uint16_t)column, parts));
	}
	return STATUS_OK;
}

/* NOT NULL beside a comparison of the same column says nothing new. */
static void drop_not_nulls(struct pred *const *child, size_t children, bool *done)
{
	for (size_t i = 0; i < children; i++) {
		if (child[i]->kind != PRED_NOT || child[i]->child[0]->kind != PRED_NULL)
			continue;
		for (size_t k = 0; k < children && !done[i]; k++)
			done[i] = k != i && !done[k] &&
				  !is_not_null(child[k], child[i]->child[0]->column) &&
				  excludes_null(child[k], child[i]->child[0]->column);
	}
}

static amt_status group_parts(struct scan_build *b, enum pred_kind kind, struct pred *const *child,
	size_t children, struct parts *parts)
{
	bool *done;
	TRY(arena_alloc(b->arena, children + 1, &done));
	TRY(arena_alloc(b->arena, (children + 1) * sizeof(*parts->node), &parts->node));
	parts->scale = 1;
	if (kind == PRED_ALL) {
		parts->digit_room = children * SCAN_MAX_DIGITS;
		TRY(arena_alloc(
			b->arena, parts->digit_room * sizeof(*parts->digit), &parts->digit));
	}
	if (kind == PRED_ALL)
		drop_not_nulls(child, children, done);
	TRY(cuts_parts(b, kind, child, children, done, parts));
	TRY(table_parts(b, kind, child, children, done, parts));
	for (size_t i = 0; i < children; i++) {
		if (done[i])
			continue;
		if (kind == PRED_ALL && is_product_equality(b, child[i])) {
			TRY(product_digits(b, child[i], parts));
			continue;
		}
		if (is_listed(child[i], kind)) {
			TRY(list_part(b, kind, child, children, child[i]->column, done, parts));
			continue;
		}
		struct truth t = {SCAN_NONE, 1};
		if (kind == PRED_ANY && is_tag_equality(b, child[i])) {
			/* A scale would cost more noise than the tree. */
			struct scan_code_comparison k;
			TRY(scan_code_of(b, child[i], &k));
			TRY(equality_of_code(b, child[i]->column, k.known, k.code, &t.node));
		} else {
			TRY(convert(b, child[i], &t));
		}
		parts->scale = graph_residue((int64_t)parts->scale * t.scale);
		parts->node[parts->nodes++] = t.node;
	}
	return all_products(b, parts);
}

static amt_status convert_group(struct scan_build *b, enum pred_kind kind,
	struct pred *const *child, size_t children, struct truth *out)
{
	struct parts parts = {0};
	bool keeps_scale = b->keeps_scale;
	b->keeps_scale &= kind == PRED_ALL;
	TRY(group_parts(b, kind, child, children, &parts));
	b->keeps_scale = keeps_scale;
	out->scale = parts.scale;
	return kind == PRED_ALL ? graph_product_of(b->graph, parts.node, parts.nodes, &out->node)
				: graph_any_of(b->graph, parts.node, parts.nodes, &out->node);
}

/* Where there is a row and p does not hold. */
static amt_status convert_not(struct scan_build *b, const struct pred *p, struct truth *out)
{
	uint32_t valid;
	bool keeps_scale = b->keeps_scale;
	b->keeps_scale = false;
	TRY(convert(b, p->child[0], out));
	b->keeps_scale = keeps_scale;
	TRY(graph_valid(b->graph, &valid));
	TRY(scan_add_term(&b->graph->raw, (struct scan_term){valid, SCAN_NONE, 1}));
	TRY(scan_add_term(&b->graph->raw, (struct scan_term){out->node, SCAN_NONE, -1}));
	return graph_sum(b->graph, 0, &out->node);
}

static amt_status convert(struct scan_build *b, const struct pred *p, struct truth *out)
{
	*out = (struct truth){SCAN_NONE, 1};
	if (p->kind == PRED_ALL || p->kind == PRED_ANY)
		return convert_group(b, p->kind, p->child, p->children, out);
	if (p->kind == PRED_COMPARE && p->against_column)
		return compare_columns(b, p, &out->node);
	unsigned column = column_about(p);
	bool table = column != MANY_COLUMNS && is_table_column(b, (uint16_t)column);
	if (p->kind == PRED_NOT && !table && !is_null_test(p) && !is_of_cuts(b, p))
		return convert_not(b, p, out);
	ENSURE(column < b->schema->columns, AMT_INTERNAL, "a condition about no column");
	/* A list of one, a table, a null test, cuts: groups of one. */
	bool list = p->kind == PRED_COMPARE && p->listed && p->op == INT_EQ;
	struct pred *child = (struct pred *)p;
	return convert_group(
		b, list && !is_product_equality(b, p) ? PRED_ANY : PRED_ALL, &child, 1, out);
}

amt_status scan_where(
	struct scan_build *b, const struct pred *where, bool scaled, struct scan_match *out)
{
	struct truth t = {SCAN_NONE, 1};
	uint32_t parts[2];
	size_t count = 0;
	*out = (struct scan_match){SCAN_NONE, 1};
	if (where->kind == PRED_FALSE)
		return graph_zero(b->graph, &out->node);
	if (where->kind != PRED_TRUE) {
		b->keeps_scale = scaled;
		TRY(convert(b, where, &t));
		parts[count++] = t.node;
	}
	if (b->deletes)
		TRY(graph_valid(b->graph, &parts[count++]));
	out->scale = t.scale;
	return graph_product_of(b->graph, parts, count, &out->node);
}

/* Sums of polynomials of columns: expanded into products of codes, and those into products of pieces
 * that fit a slot. */
#include "query/scan_build.h"

#include "base/alloc.h"
#include "query/value.h"

#define POLY_LIMIT ((int128)1 << 100)
/* Times a total of 2^32 rows of 2^16. */
#define SUM_LIMIT ((int128)1 << 78)

/* ---- polynomials */

struct parsing {
	const struct binder *b;
	const char *where;
	amt_status (*needs)(
		const struct binder *b, uint16_t column, int location, const char *where);
};

static int compare_monomials(const struct poly_term *a, const struct poly_term *b)
{
	if (a->degree != b->degree)
		return a->degree < b->degree ? -1 : 1;
	return memcmp(a->column, b->column, a->degree * sizeof(*a->column));
}

/* Adds a term to those there are; sums that vanish stay as 0. */
static amt_status poly_add(struct poly *p, size_t room, const struct poly_term *t, int location,
	const struct binder *b)
{
	size_t i = 0;
	while (i < p->terms && compare_monomials(&p->term[i], t) != 0)
		i++;
	if (i == p->terms) {
		SQL_ENSURE(i < room && i < POLY_MAX_TERMS, b->statement, AMT_LIMIT, location,
			"the expression has too many terms when it is multiplied out");
		p->term[p->terms++] = (struct poly_term){.degree = t->degree};
		memcpy(p->term[i].column, t->column, sizeof(t->column));
	}
	int128 sum = p->term[i].coefficient + t->coefficient;
	SQL_ENSURE(sum < POLY_LIMIT && sum > -POLY_LIMIT, b->statement, AMT_OUT_OF_RANGE, location,
		"the expression has coefficients beyond 100 bits when it is multiplied out");
	p->term[i].coefficient = sum;
	return STATUS_OK;
}

static amt_status multiply_terms(const struct binder *b, int location, const struct poly_term *x,
	const struct poly_term *y, struct poly_term *out)
{
	*out = (struct poly_term){0};
	SQL_ENSURE(x->degree + y->degree <= POLY_MAX_DEGREE, b->statement, AMT_LIMIT, location,
		"a product of more than %d columns", POLY_MAX_DEGREE);
	SQL_ENSURE(!__builtin_mul_overflow(x->coefficient, y->coefficient, &out->coefficient) &&
			   out->coefficient < POLY_LIMIT && out->coefficient > -POLY_LIMIT,
		b->statement, AMT_OUT_OF_RANGE, location,
		"the expression has coefficients beyond 100 bits when it is multiplied out");
	unsigned i = 0, k = 0;
	while (i < x->degree || k < y->degree) {
		bool from_x = k == y->degree || (i < x->degree && x->column[i] <= y->column[k]);
		out->column[out->degree++] = from_x ? x->column[i++] : y->column[k++];
	}
	return STATUS_OK;
}

static amt_status poly_multiply(const struct binder *b, int location, const struct poly *x,
	const struct poly *y, struct poly *out)
{
	size_t room = x->terms * y->terms;
	*out = (struct poly){.scale = x->scale + y->scale, .dates = x->dates || y->dates};
	SQL_ENSURE(room <= POLY_MAX_TERMS, b->statement, AMT_LIMIT, location,
		"the expression has too many terms when it is multiplied out");
	TRY(arena_alloc(b->arena, (room + 1) * sizeof(*out->term), &out->term));
	for (size_t i = 0; i < x->terms; i++)
		for (size_t k = 0; k < y->terms; k++) {
			struct poly_term t;
			TRY(multiply_terms(b, location, &x->term[i], &y->term[k], &t));
			TRY(poly_add(out, room, &t, location, b));
		}
	return STATUS_OK;
}

static amt_status poly_constant(
	const struct binder *b, int location, int128 v, unsigned scale, struct poly *out)
{
	*out = (struct poly){.terms = 1, .scale = scale};
	TRY(arena_alloc(b->arena, sizeof(*out->term), &out->term));
	SQL_ENSURE(v < POLY_LIMIT && v > -POLY_LIMIT, b->statement, AMT_OUT_OF_RANGE, location,
		"the constant is out of range");
	out->term->coefficient = v;
	return STATUS_OK;
}

/* x + sign y, in the finer scale. */
static amt_status poly_sum(const struct binder *b, int location, const struct poly *x,
	const struct poly *y, int sign, struct poly *out)
{
	const struct poly *side[] = {x, y};
	size_t room = x->terms + y->terms;
	*out = (struct poly){
		.scale = x->scale > y->scale ? x->scale : y->scale, .dates = x->dates || y->dates};
	TRY(arena_alloc(b->arena, (room + 1) * sizeof(*out->term), &out->term));
	for (unsigned s = 0; s < 2; s++)
		for (size_t i = 0; i < side[s]->terms; i++) {
			const struct poly_term unit = {.coefficient = s == 1 ? sign : 1};
			struct poly_term t;
			TRY(multiply_terms(b, location, &side[s]->term[i], &unit, &t));
			for (unsigned k = side[s]->scale; k < out->scale; k++) {
				const struct poly_term ten = {.coefficient = 10};
				const struct poly_term before = t;
				TRY(multiply_terms(b, location, &before, &ten, &t));
			}
			TRY(poly_add(out, room, &t, location, b));
		}
	return STATUS_OK;
}

/* A literal with the decimals it is written with. */
static amt_status parse_literal(const struct parsing *x, const struct literal *l, struct poly *out)
{
	const struct sql_statement *s = x->b->statement;
	SQL_ENSURE(l->kind == LITERAL_NUMBER, s, AMT_TYPE_MISMATCH, l->location,
		"a %s is not supported %s", literal_kind_name(l->kind), x->where);
	const uint8_t *point = memchr(l->text.data, '.', l->text.size);
	unsigned scale = 0;
	for (size_t i = point != NULL ? (size_t)(point - l->text.data) + 1 : l->text.size;
		i < l->text.size && l->text.data[i] >= '0' && l->text.data[i] <= '9'; i++)
		scale++;
	struct number n;
	while (scale <= 36 && number_parse(&n, l->text, scale) && !n.exact)
		scale++;
	SQL_ENSURE(scale <= 36 && number_parse(&n, l->text, scale), s, AMT_OUT_OF_RANGE,
		l->location, "the constant has too many decimals");
	return poly_constant(x->b, l->location, n.floor, scale, out);
}

static amt_status parse_column(
	const struct parsing *x, const PgQuery__ColumnRef *ref, struct poly *out)
{
	uint16_t column;
	TRY(bind_column(x->b, ref, &column));
	TRY(x->needs(x->b, column, ref->location, x->where));
	const struct column *c = &x->b->schema->column[column];
	TRY(poly_constant(x->b, ref->location, 1, c->scale, out));
	out->dates = c->type == COLUMN_DATE;
	out->term->degree = 1;
	out->term->column[0] = column;
	return STATUS_OK;
}

static amt_status parse_expression(
	const struct parsing *x, const PgQuery__Node *n, struct poly *out);

static amt_status parse_operator(const struct parsing *x, const PgQuery__Node *n, struct poly *out)
{
	const PgQuery__AExpr *e = n->a_expr;
	const char *op = sql_name(e->n_name, e->name);
	if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || op == NULL || e->rexpr == NULL ||
		strlen(op) != 1 || strchr(e->lexpr != NULL ? "+-*" : "+-", op[0]) == NULL)
		return bind_refuse(x->b, n, x->where);
	struct poly left = {0}, right = {0};
	if (e->lexpr != NULL)
		TRY(parse_expression(x, e->lexpr, &left));
	else
		TRY(poly_constant(x->b, e->location, 0, 0, &left));
	TRY(parse_expression(x, e->rexpr, &right));
	if (op[0] == '*')
		return poly_multiply(x->b, e->location, &left, &right, out);
	return poly_sum(x->b, e->location, &left, &right, op[0] == '-' ? -1 : 1, out);
}

/* The depth is bounded by the parser, see check_depth in parse.c. */
static amt_status parse_expression(
	const struct parsing *x, const PgQuery__Node *n, struct poly *out)
{
	struct literal l;
	TRY(sql_literal(x->b->statement, x->b->arena, n, &l));
	if (l.kind != LITERAL_NONE)
		return parse_literal(x, &l, out);
	if (n != NULL && n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
		return parse_column(x, n->column_ref, out);
	if (n != NULL && n->node_case == PG_QUERY__NODE__NODE_A_EXPR)
		return parse_operator(x, n, out);
	return bind_refuse(x->b, n, x->where);
}

amt_status poly_parse(const struct binder *b, const PgQuery__Node *n, const char *where,
	amt_status (*needs)(
		const struct binder *b, uint16_t column, int location, const char *where),
	struct poly *out)
{
	const struct parsing x = {b, where, needs};
	TRY(parse_expression(&x, n, out));
	SQL_ENSURE(out->scale <= 36, b->statement, AMT_OUT_OF_RANGE, sql_location(n),
		"the expression has more than 36 decimals");
	return STATUS_OK;
}

bool poly_value(const struct poly *p, const int128 *column, int128 *out)
{
	*out = 0;
	for (size_t i = 0; i < p->terms; i++) {
		int128 product = p->term[i].coefficient;
		for (unsigned k = 0; k < p->term[i].degree; k++)
			if (__builtin_mul_overflow(product, column[p->term[i].column[k]], &product))
				return false;
		if (__builtin_add_overflow(*out, product, out))
			return false;
	}
	return true;
}

/* ---- codes in pieces */

struct piece {
	uint32_t node;
	uint32_t max;
	int128 weight;
};

/* A code is the sum of weight * piece: limbs, or digits each as the sum of v times its vectors. */
static amt_status pieces_of(
	struct scan_build *b, uint16_t column, struct piece *out, unsigned *count)
{
	const struct scan_column *c = &b->table->column[column];
	*count = 0;
	if (c->limbs > 0) {
		unsigned first = scan_group_first(c, c->digits);
		for (unsigned i = 0; i < c->limbs; i++) {
			unsigned shift = i * c->limb_bits;
			uint64_t rest = shift < 64 ? c->max >> shift : 0;
			uint64_t most = (UINT64_C(1) << c->limb_bits) - 1;
			if (rest == 0)
				break;
			struct piece *p = &out[(*count)++];
			p->max = (uint32_t)(rest < most ? rest : most);
			p->weight = (int128)1 << shift;
			TRY(graph_public(b->graph, column, first + i, 1, NULL, &p->node));
		}
		return STATUS_OK;
	}
	int128 weight = 1;
	for (unsigned j = 0; j < c->digits; j++) {
		struct piece *p = &out[(*count)++];
		p->max = c->base[j] - 1u;
		p->weight = weight;
		weight *= c->base[j];
		if (p->max == 0) {
			--*count; /* one value, its code is 0 */
			continue;
		}
		TRY(graph_digit_value(
			b->graph, column, scan_group_first(c, j), c->base[j], &p->node));
	}
	return STATUS_OK;
}

/* ---- totals */

static amt_status add_piece(struct scan_build *b, struct scan_pieces *sum, struct scan_piece piece)
{
	for (size_t i = 0; i < sum->pieces; i++)
		if (sum->piece[i].output == piece.output) {
			sum->piece[i].coefficient += piece.coefficient;
			return STATUS_OK;
		}
	if (sum->pieces == sum->room) {
		struct scan_piece *grown;
		sum->room = sum->room == 0 ? 8 : 2 * sum->room;
		TRY(arena_alloc(b->arena, sum->room * sizeof(*grown), &grown));
		if (sum->pieces > 0)
			memcpy(grown, sum->piece, sum->pieces * sizeof(*grown));
		sum->piece = grown;
	}
	sum->piece[sum->pieces++] = piece;
	return STATUS_OK;
}

/* The total of mask times `value` (either may be SCAN_NONE, which is 1). */
static amt_status total(
	struct scan_build *b, uint32_t mask, uint32_t value, uint32_t max, uint32_t *output)
{
	if (mask == SCAN_NONE && value == SCAN_NONE)
		TRY(graph_valid(b->graph, &value));
	uint32_t a = mask == SCAN_NONE ? value : mask, other = mask == SCAN_NONE ? mask : value;
	return graph_total(b->graph, a, other, max, output);
}

amt_status scan_count_output(struct scan_build *b, uint32_t mask, const uint16_t *column,
	size_t columns, uint32_t *output)
{
	uint32_t node[SCHEMA_MAX_COLUMNS + 1], product;
	size_t nodes = 0;
	for (size_t i = 0; i < columns; i++)
		if (!b->schema->column[column[i]].not_null)
			TRY(graph_not_null(b->graph, column[i], &node[nodes++]));
	TRY(graph_product_of(b->graph, node, nodes, &product));
	return total(b, mask, product, 1, output);
}

/* One product of codes under expansion. */
struct expansion {
	struct scan_build *b;
	uint32_t mask;
	struct scan_pieces *sum;
	const uint16_t *used; /* columns of the whole expression */
	size_t uses;
	uint16_t column[POLY_MAX_DEGREE]; /* of this product, `degree` of them */
	unsigned degree;
	uint32_t node[POLY_MAX_DEGREE + SCHEMA_MAX_COLUMNS];
};

/* coefficient times the product of pieces node[0 .. degree - 1], where nothing is NULL. */
static amt_status expanded(struct expansion *e, uint64_t max, int128 coefficient)
{
	size_t nodes = e->degree;
	uint32_t product, output;
	/* A column of the product is 0 where it is NULL; others must be looked at. */
	for (size_t i = 0; i < e->uses; i++) {
		bool inside = e->b->schema->column[e->used[i]].not_null;
		for (unsigned k = 0; k < e->degree; k++)
			inside |= e->column[k] == e->used[i];
		if (!inside)
			TRY(graph_not_null(e->b->graph, e->used[i], &e->node[nodes++]));
	}
	uint32_t node[POLY_MAX_DEGREE + SCHEMA_MAX_COLUMNS];
	memcpy(node, e->node, nodes * sizeof(*node));
	TRY(graph_product_of(e->b->graph, node, nodes, &product));
	TRY(total(e->b, e->mask, product, (uint32_t)max, &output));
	ENSURE(coefficient < SUM_LIMIT && coefficient > -SUM_LIMIT, AMT_OUT_OF_RANGE,
		"the sum may leave 128 bits");
	return add_piece(e->b, e->sum, (struct scan_piece){output, coefficient});
}

static amt_status expand_pieces(struct expansion *e, unsigned at, uint64_t max, int128 coefficient)
{
	if (at == e->degree)
		return expanded(e, max, coefficient);
	struct piece piece[SCAN_MAX_SUM_LIMBS + SCAN_MAX_DIGITS];
	unsigned count;
	TRY(pieces_of(e->b, e->column[at], piece, &count));
	for (unsigned i = 0; i < count; i++) {
		int128 product = 0;
		ENSURE(max * piece[i].max <= BGV_T - 1, AMT_NOISE_BUDGET,
			"a product of column \"%s\" with others leaves the 16 bits of a slot: declare "
			"narrower domains by CHECK, or cut what is summed finer (WITH (scan_limb = "
			"'%s:4'))",
			e->b->schema->column[e->column[at]].name,
			e->b->schema->column[e->column[at]].name);
		ENSURE(!__builtin_mul_overflow(coefficient, piece[i].weight, &product),
			AMT_OUT_OF_RANGE, "the sum may leave 128 bits");
		e->node[at] = piece[i].node;
		TRY(expand_pieces(e, at + 1, max * piece[i].max, product));
	}
	return STATUS_OK;
}

/* x = code + offset: every subset of a monomial's columns as a product of codes. */
static amt_status expand_offsets(struct expansion *e, const struct poly_term *t)
{
	for (unsigned subset = 0; subset < 1u << t->degree; subset++) {
		int128 coefficient = t->coefficient;
		e->degree = 0;
		for (unsigned k = 0; k < t->degree; k++) {
			if (subset >> k & 1) {
				e->column[e->degree++] = t->column[k];
				continue;
			}
			const struct column *c = &e->b->schema->column[t->column[k]];
			uint64_t least, most;
			column_domain(c, &least, &most);
			ENSURE(!__builtin_mul_overflow(coefficient,
				       (int128)least - (int128)column_bias(c), &coefficient),
				AMT_OUT_OF_RANGE, "the sum may leave 128 bits");
		}
		if (coefficient == 0)
			continue;
		TRY(expand_pieces(e, 0, 1, coefficient));
	}
	return STATUS_OK;
}

static size_t columns_of(const struct poly *p, uint16_t column[SCHEMA_MAX_COLUMNS])
{
	bool used[SCHEMA_MAX_COLUMNS] = {false};
	size_t count = 0;
	for (size_t i = 0; i < p->terms; i++)
		for (unsigned k = 0; k < p->term[i].degree; k++)
			used[p->term[i].column[k]] = true;
	for (unsigned c = 0; c < SCHEMA_MAX_COLUMNS; c++)
		if (used[c])
			column[count++] = (uint16_t)c;
	return count;
}

amt_status scan_sum_outputs(struct scan_build *b, uint32_t mask, const struct poly *p,
	struct scan_pieces *sum, uint32_t *count)
{
	uint16_t used[SCHEMA_MAX_COLUMNS];
	size_t uses = columns_of(p, used);
	struct expansion e = {.b = b, .mask = mask, .sum = sum, .used = used, .uses = uses};
	for (size_t i = 0; i < p->terms; i++)
		TRY(expand_offsets(&e, &p->term[i]));
	return scan_count_output(b, mask, used, uses, count);
}

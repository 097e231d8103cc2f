/* Binding of UPDATE's expressions. */
#include "query/arith.h"

enum { MAX_COLUMNS = 64, MAX_SCALE = 18 };

#define OPERATORS "of columns and constants, + - * / % & | # ~ << and >> are"

static const struct operation {
	const char *name;
	bool unary;
	uint8_t op, detail;
} operations[] = {
	{"*", false, CIRCUIT_MUL, 0},
	{"/", false, CIRCUIT_DIV, 0},
	{"%", false, CIRCUIT_REM, 0},
	{"&", false, CIRCUIT_LOGIC, INT_AND},
	{"|", false, CIRCUIT_LOGIC, INT_OR},
	{"#", false, CIRCUIT_LOGIC, INT_XOR},
	{"<<", false, CIRCUIT_SHIFT, INT_SHL},
	{">>", false, CIRCUIT_SHIFT, INT_SHR},
	{"~", true, CIRCUIT_INVERT, 0},
};

/* An expression being bound. */
struct binding {
	const struct lowering *l;
	const struct sql_statement *s;
	const struct column *t;
	struct arith *a;
};

/* NULL: the node is no operator expression. */
static const char *operator_of(const PgQuery__Node *n)
{
	if (n->node_case != PG_QUERY__NODE__NODE_A_EXPR ||
		n->a_expr->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || n->a_expr->rexpr == NULL)
		return NULL;
	return sql_name(n->a_expr->n_name, n->a_expr->name);
}

static const struct operation *operation_of(const PgQuery__Node *n)
{
	const char *name = operator_of(n);
	for (size_t i = 0; name != NULL && i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(name, operations[i].name) == 0 &&
			operations[i].unary == (n->a_expr->lexpr == NULL))
			return &operations[i];
	return NULL;
}

/* Least and greatest number of the target's width, whatever a decimal's precision is. */
static void width_of(const struct column *t, int128 *least, int128 *most)
{
	*least = -(int128)column_bias(t);
	*most = *least + (((int128)1 << column_bits(t)) - 1);
}

/* ---- decimals */

/* How many decimals an expression has: `least`, and any more if it is `free` (of literals). */
struct decimals {
	unsigned least;
	bool free;
};

static amt_status decimals_of(struct binding *b, const PgQuery__Node *n, struct decimals *out)
{
	*out = (struct decimals){0, false};
	struct literal x;
	struct number v;
	TRY(sql_literal(b->s, b->l->binder.arena, n, &x));
	if (x.kind != LITERAL_NONE) {
		out->free = true;
		if (x.kind == LITERAL_NUMBER || x.kind == LITERAL_STRING)
			while (out->least < MAX_SCALE && number_parse(&v, x.text, out->least) &&
				!v.exact)
				out->least++;
		return STATUS_OK;
	}
	if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF) {
		uint16_t column;
		TRY(bind_column(&b->l->binder, n->column_ref, &column));
		out->least = b->l->binder.schema->column[column].scale;
		return STATUS_OK;
	}
	const char *name = operator_of(n);
	const struct operation *o = operation_of(n);
	if (name == NULL || (o != NULL && o->op != CIRCUIT_MUL && o->op != CIRCUIT_REM))
		return STATUS_OK; /* whole numbers */
	struct decimals left = {0, true}, right;
	if (n->a_expr->lexpr != NULL)
		TRY(decimals_of(b, n->a_expr->lexpr, &left));
	TRY(decimals_of(b, n->a_expr->rexpr, &right));
	if (o != NULL && o->op == CIRCUIT_MUL)
		*out = (struct decimals){left.least + right.least, left.free || right.free};
	else
		*out = (struct decimals){left.least > right.least ? left.least : right.least,
			left.free && right.free};
	return STATUS_OK;
}

/* The decimals of both factors of a product with `scale` of them. */
static amt_status split_scale(
	struct binding *b, const PgQuery__Node *n, unsigned scale, unsigned *left, unsigned *right)
{
	struct decimals x, y;
	TRY(decimals_of(b, n->a_expr->lexpr, &x));
	TRY(decimals_of(b, n->a_expr->rexpr, &y));
	unsigned least = x.least + y.least;
	SQL_ENSURE(least == scale || (least < scale && (x.free || y.free)), b->s, AMT_UNSUPPORTED,
		n->a_expr->location,
		"a product of %u decimals where column \"%s\" needs %u: what is multiplied is not "
		"rounded",
		least, b->t->name, scale);
	*left = x.free ? scale - y.least : x.least;
	*right = scale - *left;
	return STATUS_OK;
}

/* ---- leaves */

static amt_status add_constant(
	struct binding *b, struct arith_sum *sum, int128 v, bool negative, int location)
{
	int128 most = (int128)1 << column_bits(b->t);
	SQL_ENSURE(v < most && v > -most, b->s, AMT_OUT_OF_RANGE, location,
		"the constant is out of range of column \"%s\" (%s)", b->t->name,
		column_type_name((enum column_type)b->t->type));
	sum->has_constant = true;
	sum->constant += negative ? -v : v;
	return STATUS_OK;
}

static amt_status add_literal(struct binding *b, struct arith_sum *sum, const struct literal *x,
	unsigned scale, bool negative)
{
	if (x->kind == LITERAL_NULL) {
		b->a->null = true;
		return STATUS_OK;
	}
	struct number n;
	if (x->kind == LITERAL_DATE && b->t->type == COLUMN_DATE) {
		sum->dates += negative ? -1 : 1;
		n = (struct number){.floor = x->days, .exact = true};
	} else {
		SQL_ENSURE(x->kind == LITERAL_NUMBER || x->kind == LITERAL_STRING, b->s,
			AMT_TYPE_MISMATCH, x->location, "a %s in a sum for column \"%s\"",
			literal_kind_name(x->kind), b->t->name);
		SQL_ENSURE(number_parse(&n, x->text, scale), b->s, AMT_TYPE_MISMATCH, x->location,
			"this is not a number");
	}
	SQL_ENSURE(n.exact, b->s, AMT_UNSUPPORTED, x->location,
		"column \"%s\" has %u decimals, here %u, the constant needs more", b->t->name,
		b->t->scale, scale);
	return add_constant(b, sum, n.floor, negative, x->location);
}

/* Whether every value of a column is one of the target, and of its unit 10^-scale. Inside of an
 * operation the target's width counts, not its precision. */
static bool fits(const struct column *c, const struct column *t, unsigned scale, bool inside)
{
	struct column days = {.type = COLUMN_I32};
	uint64_t low, high;
	int128 least, most;
	if (c->type == COLUMN_TEXT)
		return false;
	if (t->type == COLUMN_DATE && c->type != COLUMN_DATE)
		t = &days;
	bool number = column_is_number(c) && column_is_number(t);
	if (number ? c->scale != scale : c->type != t->type)
		return false;
	column_domain(c, &low, &high);
	if (inside)
		width_of(t, &least, &most);
	else
		column_range(t, &least, &most);
	int128 bias = (int128)column_bias(c);
	return (int128)low - bias >= least && (int128)high - bias <= most;
}

static amt_status name_column(struct binding *b, const PgQuery__ColumnRef *ref, uint16_t *column)
{
	const struct binder *binder = &b->l->binder;
	TRY(bind_column(binder, ref, column));
	TRY(bind_needs_number(binder, *column, ref->location, "in SET"));
	SQL_ENSURE(b->a->columns < MAX_COLUMNS, b->s, AMT_LIMIT, ref->location,
		"more than %d columns in an expression", MAX_COLUMNS);
	b->a->columns++;
	return STATUS_OK;
}

static amt_status check_null(struct binding *b, const struct column *c, int location)
{
	SQL_ENSURE(c->not_null || !b->t->not_null, b->s, AMT_UNSUPPORTED, location,
		"column \"%s\" may be NULL, column \"%s\" may not, and the host cannot see which "
		"rows that concerns",
		c->name, b->t->name);
	return STATUS_OK;
}

static amt_status add_term(struct binding *b, struct arith_sum *sum, struct arith_term **out)
{
	TRY(arena_alloc(b->l->binder.arena, sizeof(**out), out));
	**out = (struct arith_term){0};
	*sum->end = *out;
	sum->end = &(*out)->next;
	sum->terms++;
	return STATUS_OK;
}

static amt_status add_column(struct binding *b, struct arith_sum *sum,
	const PgQuery__ColumnRef *ref, unsigned scale, bool inside, bool negative)
{
	uint16_t column;
	struct arith_term *term;
	TRY(name_column(b, ref, &column));
	const struct column *c = &b->l->binder.schema->column[column], *t = b->t;
	SQL_ENSURE(fits(c, t, scale, inside), b->s, AMT_UNSUPPORTED, ref->location,
		"column \"%s\" (%s) may hold what column \"%s\" (%s) cannot: types of one kind, "
		"the target not narrower, and decimals of one scale are supported",
		c->name, column_type_name((enum column_type)c->type), t->name,
		column_type_name((enum column_type)t->type));
	TRY(check_null(b, c, ref->location));
	if (c->type == COLUMN_DATE)
		sum->dates += negative ? -1 : 1;
	TRY(add_term(b, sum, &term));
	*term = (struct arith_term){.negative = negative, .op = CIRCUIT_LOAD, .column = column};
	return STATUS_OK;
}

/* ---- operations */

static amt_status add_expression(struct binding *b, struct arith_sum *sum, const PgQuery__Node *n,
	unsigned scale, bool inside, bool negative);

static amt_status bind_operand(
	struct binding *b, struct arith_sum *sum, const PgQuery__Node *n, unsigned scale)
{
	*sum = (struct arith_sum){.end = &sum->first};
	TRY(add_expression(b, sum, n, scale, true, false));
	SQL_ENSURE(sum->dates == 0, b->s, AMT_TYPE_MISMATCH, sql_location(n),
		"a date is only moved by days: column \"%s\"", b->t->name);
	return STATUS_OK;
}

/* The distance of a shift counts modulo the width, so a column is taken as it is stored: what is added
 * to a signed one, 2^7 at least, is a multiple of every width. */
static amt_status bind_amount(struct binding *b, struct arith_sum *sum, const PgQuery__Node *n)
{
	*sum = (struct arith_sum){.end = &sum->first};
	struct literal x;
	TRY(sql_literal(b->s, b->l->binder.arena, n, &x));
	if (x.kind == LITERAL_NUMBER || x.kind == LITERAL_STRING) {
		struct number v;
		SQL_ENSURE(number_parse(&v, x.text, 0) && v.exact, b->s, AMT_TYPE_MISMATCH,
			x.location, "a whole number of bits to shift by");
		sum->own_type = sum->has_constant = true;
		sum->constant = v.floor & (int128)(column_bits(b->t) - 1);
		return STATUS_OK;
	}
	if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return bind_operand(b, sum, n, 0);
	uint16_t column;
	struct arith_term *term;
	TRY(name_column(b, n->column_ref, &column));
	const struct column *c = &b->l->binder.schema->column[column];
	SQL_ENSURE(column_is_number(c) && c->scale == 0, b->s, AMT_TYPE_MISMATCH,
		n->column_ref->location, "a shift by column \"%s\", which is %s", c->name,
		column_type_name((enum column_type)c->type));
	TRY(check_null(b, c, n->column_ref->location));
	TRY(add_term(b, sum, &term));
	*term = (struct arith_term){.op = CIRCUIT_LOAD, .column = column};
	sum->own_type = true;
	return STATUS_OK;
}

/* A constant that is divided or divides does not wrap. */
static amt_status check_range(
	struct binding *b, const struct arith_sum *sum, const PgQuery__Node *n)
{
	int128 least, most;
	width_of(b->t, &least, &most);
	SQL_ENSURE(sum->terms > 0 || (sum->constant >= least && sum->constant <= most), b->s,
		AMT_OUT_OF_RANGE, sql_location(n),
		"the constant is out of range of column \"%s\" (%s)", b->t->name,
		column_type_name((enum column_type)b->t->type));
	return STATUS_OK;
}

/* An operation on constants; y is not 0 where it divides. */
static bool fold(const struct operation *o, int128 x, int128 y, int128 *out)
{
	switch (o->op) {
	case CIRCUIT_MUL:
		return !__builtin_mul_overflow(x, y, out);
	case CIRCUIT_DIV:
		*out = x / y;
		return true;
	case CIRCUIT_REM:
		*out = x % y;
		return true;
	case CIRCUIT_LOGIC:
		*out = o->detail == INT_AND ? (x & y) : o->detail == INT_OR ? (x | y) : (x ^ y);
		return true;
	case CIRCUIT_SHIFT:
		if (o->detail == INT_SHR)
			*out = x >> y;
		return o->detail == INT_SHR || !__builtin_mul_overflow(x, (int128)1 << y, out);
	default:
		*out = ~x;
		return true;
	}
}

static amt_status add_operation(struct binding *b, struct arith_sum *sum, const struct operation *o,
	const PgQuery__Node *n, unsigned scale, bool negative)
{
	const PgQuery__AExpr *e = n->a_expr;
	SQL_ENSURE(scale == 0 || o->op == CIRCUIT_MUL || o->op == CIRCUIT_REM, b->s,
		AMT_UNSUPPORTED, e->location, "operator %s is not supported with decimals in SET",
		o->name);
	struct arith_term term = {.negative = negative, .op = o->op, .detail = o->detail};
	const PgQuery__Node *left = o->unary ? e->rexpr : e->lexpr;
	unsigned scales[] = {scale, scale};
	if (o->op == CIRCUIT_MUL)
		TRY(split_scale(b, n, scale, &scales[0], &scales[1]));
	TRY(bind_operand(b, &term.left, left, scales[0]));
	if (o->op == CIRCUIT_SHIFT)
		TRY(bind_amount(b, &term.right, e->rexpr));
	else if (!o->unary)
		TRY(bind_operand(b, &term.right, e->rexpr, scales[1]));
	if (b->a->null)
		return STATUS_OK; /* whatever the rest is */
	if (o->op == CIRCUIT_DIV || o->op == CIRCUIT_REM) {
		TRY(check_range(b, &term.left, left));
		TRY(check_range(b, &term.right, e->rexpr));
		SQL_ENSURE(term.right.terms > 0 || term.right.constant != 0, b->s, AMT_OUT_OF_RANGE,
			e->location, "division by zero");
	}
	if (term.left.terms == 0 && term.right.terms == 0) {
		int128 v;
		SQL_ENSURE(fold(o, term.left.constant, term.right.constant, &v), b->s,
			AMT_OUT_OF_RANGE, e->location,
			"the constant is out of range of column \"%s\"", b->t->name);
		return add_constant(b, sum, v, negative, e->location);
	}
	struct arith_term *kept;
	TRY(add_term(b, sum, &kept));
	*kept = term;
	/* The lists' ends have moved with the term; nothing is added to them any more. */
	kept->left.end = kept->right.end = NULL;
	return STATUS_OK;
}

static amt_status add_expression(struct binding *b, struct arith_sum *sum, const PgQuery__Node *n,
	unsigned scale, bool inside, bool negative)
{
	struct literal x;
	TRY(sql_literal(b->s, b->l->binder.arena, n, &x));
	if (x.kind != LITERAL_NONE)
		return add_literal(b, sum, &x, scale, negative);
	if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
		return add_column(b, sum, n->column_ref, scale, inside, negative);
	const struct operation *o = operation_of(n);
	if (o != NULL)
		return add_operation(b, sum, o, n, scale, negative);
	const char *name = operator_of(n);
	bool minus = name != NULL && strcmp(name, "-") == 0;
	if (!minus && (name == NULL || strcmp(name, "+") != 0))
		return bind_refuse(&b->l->binder, n, "in SET: " OPERATORS);
	if (n->a_expr->lexpr != NULL)
		TRY(add_expression(b, sum, n->a_expr->lexpr, scale, inside, negative));
	return add_expression(b, sum, n->a_expr->rexpr, scale, inside, negative != minus);
}

amt_status arith_bind(struct lowering *l, uint16_t target, const PgQuery__Node *n, struct arith *a)
{
	*a = (struct arith){.target = target, .sum.end = &a->sum.first};
	const struct column *t = &l->binder.schema->column[target];
	struct binding b = {l, l->binder.statement, t, a};
	return add_expression(&b, &a->sum, n, t->scale, false, false);
}

bool arith_is_column(const struct arith *a)
{
	const struct arith_term *only = a->sum.first;
	return a->sum.terms == 1 && !a->sum.has_constant && !only->negative &&
	       only->op == CIRCUIT_LOAD;
}

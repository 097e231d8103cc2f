#include "query/scan_build.h"

enum want { WANT_TRUE, WANT_FALSE };

/* A group under construction. */
struct group {
	struct pred **child;
	size_t children, room;
};

static amt_status bind(
	const struct binder *b, const PgQuery__Node *n, enum want want, struct pred **out);

static amt_status leaf(const struct binder *b, struct pred made, struct pred **out)
{
	ENSURE(*b->budget > 0, AMT_LIMIT, "the condition is too large");
	--*b->budget;
	TRY(arena_alloc(b->arena, sizeof(made), out));
	**out = made;
	return STATUS_OK;
}

static amt_status known(const struct binder *b, bool truth, struct pred **out)
{
	return leaf(b, (struct pred){.kind = truth ? PRED_TRUE : PRED_FALSE}, out);
}

static amt_status group_add(const struct binder *b, struct group *g, struct pred *p)
{
	if (g->children == g->room) {
		struct pred **grown;
		g->room = g->room == 0 ? 4 : g->room * 2;
		TRY(arena_alloc(b->arena, g->room * sizeof(struct pred *), &grown));
		if (g->children > 0)
			memcpy(grown, g->child, g->children * sizeof(struct pred *));
		g->child = grown;
	}
	g->child[g->children++] = p;
	return STATUS_OK;
}

/* Adds to an ALL or ANY: groups of the same kind dissolve in it, neutral truths vanish. */
static amt_status group_join(
	const struct binder *b, struct group *g, enum pred_kind kind, struct pred *p)
{
	ENSURE(p != NULL, AMT_INTERNAL, "no predicate");
	if (p->kind == (kind == PRED_ALL ? PRED_TRUE : PRED_FALSE))
		return STATUS_OK;
	if (p->kind != kind)
		return group_add(b, g, p);
	for (size_t i = 0; i < p->children; i++)
		TRY(group_add(b, g, p->child[i]));
	return STATUS_OK;
}

static amt_status group_close(
	const struct binder *b, const struct group *g, enum pred_kind kind, struct pred **out)
{
	enum pred_kind decisive = kind == PRED_ALL ? PRED_FALSE : PRED_TRUE;
	for (size_t i = 0; i < g->children; i++)
		if (g->child[i]->kind == decisive)
			return known(b, decisive == PRED_TRUE, out);
	if (g->children == 0)
		return known(b, kind == PRED_ALL, out);
	if (g->children == 1) {
		*out = g->child[0];
		return STATUS_OK;
	}
	const struct pred made = {.kind = kind, .child = g->child, .children = g->children};
	return leaf(b, made, out);
}

static amt_status both(const struct binder *b, enum pred_kind kind, struct pred *x, struct pred *y,
	struct pred **out)
{
	struct group g = {0};
	TRY(group_join(b, &g, kind, x));
	TRY(group_join(b, &g, kind, y));
	return group_close(b, &g, kind, out);
}

static amt_status negation(const struct binder *b, struct pred *p, struct pred **out)
{
	ENSURE(p != NULL, AMT_INTERNAL, "no predicate");
	if (p->kind == PRED_TRUE || p->kind == PRED_FALSE)
		return known(b, p->kind == PRED_FALSE, out);
	if (p->kind == PRED_NOT) {
		*out = p->child[0];
		return STATUS_OK;
	}
	struct group g = {0};
	TRY(group_add(b, &g, p));
	return leaf(b, (struct pred){.kind = PRED_NOT, .child = g.child, .children = 1}, out);
}

static amt_status is_null(const struct binder *b, uint16_t column, struct pred **out)
{
	if (b->schema->column[column].not_null)
		return known(b, false, out);
	return leaf(b, (struct pred){.kind = PRED_NULL, .column = column}, out);
}

/* p and x is not null. */
static amt_status with_not_null(
	const struct binder *b, struct pred *p, uint16_t column, struct pred **out)
{
	struct pred *null = NULL, *not_null = NULL;
	TRY(is_null(b, column, &null));
	TRY(negation(b, null, &not_null));
	return both(b, PRED_ALL, p, not_null, out);
}

enum int_comparison sql_opposite(enum int_comparison op)
{
	static const enum int_comparison table[] = {[INT_EQ] = INT_NE,
		[INT_NE] = INT_EQ,
		[INT_LT] = INT_GE,
		[INT_GE] = INT_LT,
		[INT_LE] = INT_GT,
		[INT_GT] = INT_LE};
	return table[op];
}

enum int_comparison sql_mirrored(enum int_comparison op)
{
	static const enum int_comparison table[] = {[INT_EQ] = INT_EQ,
		[INT_NE] = INT_NE,
		[INT_LT] = INT_GT,
		[INT_GT] = INT_LT,
		[INT_LE] = INT_GE,
		[INT_GE] = INT_LE};
	return table[op];
}

/* One side of a comparison. */
struct operand {
	bool is_column;
	uint16_t column;
	int location;
	struct literal literal;
};

static amt_status operand(const struct binder *b, const PgQuery__Node *n, struct operand *out)
{
	*out = (struct operand){.location = sql_location(n)};
	if (n != NULL && n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF) {
		out->is_column = true;
		TRY(bind_column(b, n->column_ref, &out->column));
		return bind_needs_number(b, out->column, out->location, "in WHERE");
	}
	TRY(sql_literal(b->statement, b->arena, n, &out->literal));
	return out->literal.kind != LITERAL_NONE ? STATUS_OK : bind_refuse(b, n, "in WHERE");
}

/* Text op c for non-null text: a dictionary knows any order, tags equality alone. */
static amt_status with_text(const struct binder *b, uint16_t column, enum int_comparison op,
	const struct literal *l, struct pred **out)
{
	const struct column *c = &b->schema->column[column];
	struct value v;
	TRY(literal_assign(b->statement, l, c, &v));
	SQL_ENSURE(l->kind != LITERAL_NUMBER, b->statement, AMT_TYPE_MISMATCH, l->location,
		"column \"%s\" is text, this is a number", c->name);
	SQL_ENSURE(c->scan.kind == SCAN_DICTIONARY || op == INT_EQ || op == INT_NE, b->statement,
		AMT_UNSUPPORTED, l->location,
		"column \"%s\" is scanned by tags, which tell equality alone", c->name);
	return leaf(b,
		(struct pred){.kind = PRED_COMPARE, .column = column, .op = op, .text = v.text},
		out);
}

/* x op c for non-null x, by LE, GT, EQ or NE with a constant that fits the form or is below it. */
static amt_status with_constant(const struct binder *b, uint16_t column, enum int_comparison op,
	const struct literal *l, struct pred **out)
{
	const struct column *c = &b->schema->column[column];
	struct number n;
	if (c->type == COLUMN_TEXT)
		return with_text(b, column, op, l, out);
	TRY(literal_compare(b->statement, l, c, &n));
	struct pred p = {.kind = PRED_COMPARE, .column = column};
	int128 v = n.floor;
	bool never = (op == INT_EQ || op == INT_NE) && !n.exact;
	if (n.exact && (op == INT_LT || op == INT_GE))
		v--;
	p.op = op == INT_LT ? INT_LE : op == INT_GE ? INT_GT : op;
	p.constant.type = (uint8_t)column_int_type(c);
	int128 coded = v + (int128)column_bias(c);
	int128 most = ((int128)1 << column_bits(c)) - 1;
	if (coded > most && (p.op == INT_LE || p.op == INT_GT))
		coded = most;
	p.constant.below = never || coded < 0 || coded > most;
	p.constant.bits = p.constant.below ? 0 : (uint64_t)coded;
	return leaf(b, p, out);
}

/* T(x op y). F is T of the opposite operator. */
static amt_status comparison(const struct binder *b, const struct operand *x,
	enum int_comparison op, const struct operand *y, int location, struct pred **out)
{
	if (!x->is_column && !y->is_column)
		SQL_FAIL(b->statement, AMT_UNSUPPORTED, location,
			"a comparison needs a column on one side");
	if (!x->is_column)
		return comparison(b, y, sql_mirrored(op), x, location, out);
	if (!y->is_column) {
		if (y->literal.kind == LITERAL_NULL)
			return known(b, false, out); /* unknown is not true */
		TRY(with_constant(b, x->column, op, &y->literal, out));
		return with_not_null(b, *out, x->column, out);
	}
	const struct column *cx = &b->schema->column[x->column],
			    *cy = &b->schema->column[y->column];
	SQL_ENSURE(columns_common(cx, cy).bits != 0, b->statement, AMT_UNSUPPORTED, location,
		"comparing %s with %s is not supported: columns \"%s\" and \"%s\" need types of "
		"one kind, and decimals one scale",
		column_type_name(cx->type), column_type_name(cy->type), cx->name, cy->name);
	SQL_ENSURE(b->scan == NULL || scan_columns_alike(b->schema, b->scan, x->column, y->column),
		b->statement, AMT_UNSUPPORTED, location,
		"a scan compares columns \"%s\" and \"%s\" only if their digits are cut alike: give "
		"them the same domain by CHECK, and the same scan_base",
		cx->name, cy->name);
	/* x < y is y > x, x >= y is y <= x: one order fewer to know. */
	bool swap = op == INT_LT || op == INT_GE;
	const struct pred p = {.kind = PRED_COMPARE,
		.op = swap ? sql_mirrored(op) : op,
		.column = swap ? y->column : x->column,
		.against_column = true,
		.other = swap ? x->column : y->column};
	TRY(leaf(b, p, out));
	TRY(with_not_null(b, *out, x->column, out));
	return with_not_null(b, *out, y->column, out);
}

bool sql_comparison(const PgQuery__AExpr *e, enum int_comparison *op)
{
	static const struct {
		const char *name;
		enum int_comparison op;
	} table[] = {{"=", INT_EQ}, {"<>", INT_NE}, {"!=", INT_NE}, {"<", INT_LT}, {"<=", INT_LE},
		{">", INT_GT}, {">=", INT_GE}};
	const char *name = sql_name(e->n_name, e->name);
	for (size_t i = 0; name != NULL && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(name, table[i].name) == 0) {
			*op = table[i].op;
			return true;
		}
	return false;
}

/* x IN (list): true when one equality is; false when no element is NULL and all differ. */
static amt_status in_list(
	const struct binder *b, const PgQuery__AExpr *e, enum want want, struct pred **out)
{
	enum int_comparison op;
	SQL_ENSURE(e->rexpr != NULL && e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST &&
			   sql_comparison(e, &op),
		b->statement, AMT_UNSUPPORTED, e->location, "this form of IN is not supported");
	/* e->name is <> for NOT IN. */
	bool all = (op == INT_NE) == (want == WANT_TRUE);
	op = all ? INT_NE : INT_EQ;
	struct operand x, y;
	TRY(operand(b, e->lexpr, &x));
	enum pred_kind kind = all ? PRED_ALL : PRED_ANY;
	struct group g = {0};
	for (size_t i = 0; i < e->rexpr->list->n_items; i++) {
		TRY(operand(b, e->rexpr->list->items[i], &y));
		struct pred *p = NULL;
		/* The null flag of x is asked once, below. */
		if (x.is_column && !y.is_column && y.literal.kind != LITERAL_NULL) {
			TRY(with_constant(b, x.column, op, &y.literal, &p));
			p->listed = true;
		} else {
			TRY(comparison(b, &x, op, &y, e->location, &p));
		}
		TRY(group_join(b, &g, kind, p));
	}
	TRY(group_close(b, &g, kind, out));
	return x.is_column ? with_not_null(b, *out, x.column, out) : STATUS_OK;
}

/* low <= x and x <= high. */
static amt_status between(const struct binder *b, const PgQuery__AExpr *e, size_t low, size_t high,
	enum want want, struct pred **out)
{
	struct operand x, y[2];
	TRY(operand(b, e->lexpr, &x));
	TRY(operand(b, e->rexpr->list->items[low], &y[0]));
	TRY(operand(b, e->rexpr->list->items[high], &y[1]));
	struct pred *p[2] = {NULL, NULL};
	static const enum int_comparison op[] = {INT_GE, INT_LE};
	bool literals = x.is_column && !y[0].is_column && !y[1].is_column &&
			y[0].literal.kind != LITERAL_NULL && y[1].literal.kind != LITERAL_NULL;
	for (unsigned i = 0; i < 2; i++) {
		enum int_comparison o = want == WANT_TRUE ? op[i] : sql_opposite(op[i]);
		if (literals)
			TRY(with_constant(b, x.column, o, &y[i].literal, &p[i]));
		else
			TRY(comparison(b, &x, o, &y[i], e->location, &p[i]));
	}
	TRY(both(b, want == WANT_TRUE ? PRED_ALL : PRED_ANY, p[0], p[1], out));
	return literals ? with_not_null(b, *out, x.column, out) : STATUS_OK;
}

static amt_status any_between(
	const struct binder *b, const PgQuery__AExpr *e, enum want want, struct pred **out)
{
	SQL_ENSURE(e->rexpr != NULL && e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST &&
			   e->rexpr->list->n_items == 2,
		b->statement, AMT_UNSUPPORTED, e->location,
		"this form of BETWEEN is not supported");
	bool negated = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN ||
		       e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM;
	if (negated)
		want = want == WANT_TRUE ? WANT_FALSE : WANT_TRUE;
	TRY(between(b, e, 0, 1, want, out));
	if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM &&
		e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM)
		return STATUS_OK;
	struct pred *swapped = NULL;
	TRY(between(b, e, 1, 0, want, &swapped));
	return both(b, want == WANT_TRUE ? PRED_ANY : PRED_ALL, *out, swapped, out);
}

static amt_status bind_expression(
	const struct binder *b, const PgQuery__Node *n, enum want want, struct pred **out)
{
	const PgQuery__AExpr *e = n->a_expr;
	enum int_comparison op;
	struct pred test;
	bool is_test;
	TRY(scan_test_bind(b, e, want == WANT_FALSE, &test, &is_test));
	if (is_test) {
		TRY(leaf(b, test, out));
		return with_not_null(b, *out, test.column, out);
	}
	switch (e->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
		return in_list(b, e, want, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
		return any_between(b, e, want, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
		break;
	default:
		return bind_refuse(b, n, "in WHERE");
	}
	if (!sql_comparison(e, &op) || e->lexpr == NULL)
		return bind_refuse(b, n, "in WHERE");
	struct operand x, y;
	TRY(operand(b, e->lexpr, &x));
	TRY(operand(b, e->rexpr, &y));
	return comparison(b, &x, want == WANT_TRUE ? op : sql_opposite(op), &y, e->location, out);
}

static amt_status bind_flag(
	const struct binder *b, const PgQuery__Node *n, enum want want, struct pred **out)
{
	uint16_t column;
	TRY(bind_column(b, n->column_ref, &column));
	const struct column *c = &b->schema->column[column];
	SQL_ENSURE(c->type == COLUMN_BOOL, b->statement, AMT_TYPE_MISMATCH, n->column_ref->location,
		"a condition must be boolean, column \"%s\" is %s", c->name,
		column_type_name(c->type));
	TRY(bind_needs_number(b, column, n->column_ref->location, "in WHERE"));
	TRY(leaf(b, (struct pred){.kind = PRED_FLAG, .column = column}, out));
	if (want == WANT_FALSE)
		TRY(negation(b, *out, out));
	return with_not_null(b, *out, column, out);
}

static amt_status bind_literal(
	const struct binder *b, const PgQuery__Node *n, enum want want, struct pred **out)
{
	struct literal l;
	struct value v = {0};
	struct column c = {.name = "WHERE", .type = COLUMN_BOOL};
	TRY(sql_literal(b->statement, b->arena, n, &l));
	if (l.kind == LITERAL_NONE)
		return bind_refuse(b, n, "in WHERE");
	if (l.kind == LITERAL_NULL)
		return known(b, false, out);
	SQL_ENSURE(l.kind == LITERAL_BOOL || l.kind == LITERAL_STRING, b->statement,
		AMT_TYPE_MISMATCH, l.location, "a condition must be boolean, this is a %s",
		literal_kind_name(l.kind));
	TRY(literal_assign(b->statement, &l, &c, &v));
	return known(b, (v.bits != 0) == (want == WANT_TRUE), out);
}

/* Tests that are never unknown: p, or its opposite. */
static amt_status two_valued(const struct binder *b, struct pred *p, bool wanted, struct pred **out)
{
	if (!wanted)
		return negation(b, p, out);
	*out = p;
	return STATUS_OK;
}

static amt_status unknown(const struct binder *b, const PgQuery__Node *n, struct pred **out)
{
	struct pred *t = NULL, *f = NULL;
	TRY(bind(b, n, WANT_TRUE, &t));
	TRY(bind(b, n, WANT_FALSE, &f));
	TRY(both(b, PRED_ANY, t, f, out));
	return negation(b, *out, out);
}

static amt_status null_test(
	const struct binder *b, const PgQuery__NullTest *t, enum want want, struct pred **out)
{
	bool wanted = (t->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL) == (want == WANT_TRUE);
	if (t->arg == NULL || t->arg->node_case != PG_QUERY__NODE__NODE_COLUMN_REF) {
		TRY(unknown(b, t->arg, out));
		return two_valued(b, *out, wanted, out);
	}
	uint16_t column;
	TRY(bind_column(b, t->arg->column_ref, &column));
	if (!b->schema->column[column].not_null)
		TRY(bind_needs_number(b, column, t->arg->column_ref->location, "in WHERE"));
	TRY(is_null(b, column, out));
	return two_valued(b, *out, wanted, out);
}

static amt_status boolean_test(
	const struct binder *b, const PgQuery__BooleanTest *t, enum want want, struct pred **out)
{
	bool wanted = want == WANT_TRUE;
	switch (t->booltesttype) {
	case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE:
		wanted = !wanted;
		/* fall through */
	case PG_QUERY__BOOL_TEST_TYPE__IS_TRUE:
		TRY(bind(b, t->arg, WANT_TRUE, out));
		break;
	case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE:
		wanted = !wanted;
		/* fall through */
	case PG_QUERY__BOOL_TEST_TYPE__IS_FALSE:
		TRY(bind(b, t->arg, WANT_FALSE, out));
		break;
	case PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN:
		wanted = !wanted;
		/* fall through */
	default:
		TRY(unknown(b, t->arg, out));
	}
	return two_valued(b, *out, wanted, out);
}

static amt_status bind_bool(
	const struct binder *b, const PgQuery__BoolExpr *e, enum want want, struct pred **out)
{
	if (e->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR)
		return bind(b, e->args[0], want == WANT_TRUE ? WANT_FALSE : WANT_TRUE, out);
	bool all = (e->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) == (want == WANT_TRUE);
	enum pred_kind kind = all ? PRED_ALL : PRED_ANY;
	struct group g = {0};
	for (size_t i = 0; i < e->n_args; i++) {
		struct pred *p = NULL;
		TRY(bind(b, e->args[i], want, &p));
		TRY(group_join(b, &g, kind, p));
	}
	return group_close(b, &g, kind, out);
}

/* The depth is bounded by the parser, see check_depth in parse.c. */
static amt_status bind(
	const struct binder *b, const PgQuery__Node *n, enum want want, struct pred **out)
{
	switch (n != NULL ? n->node_case : PG_QUERY__NODE__NODE__NOT_SET) {
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		return bind_bool(b, n->bool_expr, want, out);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return bind_expression(b, n, want, out);
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return bind_flag(b, n, want, out);
	case PG_QUERY__NODE__NODE_NULL_TEST:
		return null_test(b, n->null_test, want, out);
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		return boolean_test(b, n->boolean_test, want, out);
	default:
		return bind_literal(b, n, want, out);
	}
}

amt_status predicate_bind(
	const struct binder *b, const PgQuery__Node *where, const struct pred **out)
{
	struct pred *p = NULL;
	TRY(where == NULL ? known(b, true, &p) : bind(b, where, WANT_TRUE, &p));
	*out = p;
	return STATUS_OK;
}

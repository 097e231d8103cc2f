/* HAVING: which groups are shown. Aggregates and columns of the groups against constants, joined in
 * whatever way; the owner decides it on the totals, with SQL's three values. */
#include "query/scan_build.h"

/* ---- binding */

static amt_status bind(struct scan_plan *p, const struct binder *b, const PgQuery__Node *n,
	struct scan_having **out);

static amt_status make(const struct binder *b, struct scan_having h, struct scan_having **out)
{
	TRY(arena_alloc(b->arena, sizeof(**out), out));
	**out = h;
	return STATUS_OK;
}

static amt_status group(const struct binder *b, uint8_t kind, struct scan_having **child,
	size_t children, struct scan_having **out)
{
	return make(
		b, (struct scan_having){.kind = kind, .child = child, .children = children}, out);
}

static amt_status no_column(
	const struct binder *b, uint16_t column, int location, const char *where)
{
	SQL_FAIL(b->statement, AMT_UNSUPPORTED, location,
		"column \"%s\" is not supported %s beside constants: compare an aggregate or a group's "
		"column with a constant",
		b->schema->column[column].name, where);
}

/* The constant that an item is compared with. */
static amt_status bind_constant(const struct scan_plan *p, const struct binder *b,
	const PgQuery__Node *n, struct scan_having *h)
{
	const struct scan_item *item = &p->work->item[h->item];
	struct literal l;
	struct poly constant;
	TRY(sql_literal(b->statement, b->arena, n, &l));
	if (l.kind == LITERAL_NULL) {
		h->null = true;
		return STATUS_OK;
	}
	if (item->kind != SCAN_ITEM_GROUP && item->kind != SCAN_ITEM_STEP) {
		TRY(poly_parse(b, n, "in HAVING", no_column, &constant));
		h->constant.floor = constant.terms > 0 ? constant.term[0].coefficient : 0;
		h->scale = constant.scale;
		return STATUS_OK;
	}
	if (l.kind == LITERAL_NONE)
		return bind_refuse(b, n, "in HAVING");
	const struct column *c = &b->schema->column[item->column];
	if (c->type != COLUMN_TEXT)
		return literal_compare(b->statement, &l, c, &h->constant);
	SQL_ENSURE(l.kind == LITERAL_STRING, b->statement, AMT_TYPE_MISMATCH, l.location,
		"column \"%s\" is text, this is a %s", c->name, literal_kind_name(l.kind));
	h->text = l.text;
	return STATUS_OK;
}

static bool is_constant(const struct binder *b, const PgQuery__Node *n)
{
	struct literal l = {0};
	amt_status s = sql_literal(b->statement, b->arena, n, &l);
	bool literal = amt_ok(s) && l.kind != LITERAL_NONE;
	amt_status_clear(&s);
	return literal;
}

static amt_status comparison(struct scan_plan *p, const struct binder *b, const PgQuery__Node *x,
	enum int_comparison op, const PgQuery__Node *constant, struct scan_having **out)
{
	struct scan_having h = {.kind = HAVING_COMPARE, .op = op};
	TRY(scan_bind_item(p, b, x, "in HAVING", &h.item));
	TRY(bind_constant(p, b, constant, &h));
	return make(b, h, out);
}

static amt_status bind_list(struct scan_plan *p, const struct binder *b, const PgQuery__AExpr *e,
	enum int_comparison first, enum int_comparison others, uint8_t kind, bool negated,
	struct scan_having **out)
{
	SQL_ENSURE(e->rexpr != NULL && e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST,
		b->statement, AMT_UNSUPPORTED, e->location, "this form is not supported in HAVING");
	size_t count = e->rexpr->list->n_items;
	struct scan_having **child;
	TRY(arena_alloc(b->arena, (count + 1) * sizeof(struct scan_having *), &child));
	for (size_t i = 0; i < count; i++)
		TRY(comparison(p, b, e->lexpr, i == 0 ? first : others, e->rexpr->list->items[i],
			&child[i]));
	TRY(group(b, kind, child, count, &child[count]));
	*out = child[count];
	return negated ? group(b, HAVING_NOT, &child[count], 1, out) : STATUS_OK;
}

static amt_status bind_expression(struct scan_plan *p, const struct binder *b,
	const PgQuery__Node *n, struct scan_having **out)
{
	const PgQuery__AExpr *e = n->a_expr;
	const char *name = sql_name(e->n_name, e->name);
	enum int_comparison op;
	switch (e->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
		return bind_list(p, b, e, INT_GE, INT_LE, HAVING_ALL,
			e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
		return bind_list(p, b, e, INT_EQ, INT_EQ, HAVING_ANY,
			name != NULL && strcmp(name, "<>") == 0, out);
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
		break;
	default:
		return bind_refuse(b, n, "in HAVING");
	}
	if (e->lexpr == NULL || !sql_comparison(e, &op))
		return bind_refuse(b, n, "in HAVING");
	if (is_constant(b, e->lexpr))
		return comparison(p, b, e->rexpr, sql_mirrored(op), e->lexpr, out);
	return comparison(p, b, e->lexpr, op, e->rexpr, out);
}

static amt_status bind_bool(struct scan_plan *p, const struct binder *b, const PgQuery__BoolExpr *e,
	struct scan_having **out)
{
	struct scan_having **child;
	TRY(arena_alloc(b->arena, e->n_args * sizeof(struct scan_having *), &child));
	for (size_t i = 0; i < e->n_args; i++)
		TRY(bind(p, b, e->args[i], &child[i]));
	uint8_t kind = e->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR	? HAVING_ALL
		       : e->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? HAVING_ANY
									: HAVING_NOT;
	return group(b, kind, child, e->n_args, out);
}

static amt_status bind_null(struct scan_plan *p, const struct binder *b, const PgQuery__NullTest *t,
	struct scan_having **out)
{
	struct scan_having h = {.kind = HAVING_NULL}, **child;
	TRY(scan_bind_item(p, b, t->arg, "in HAVING", &h.item));
	TRY(arena_alloc(b->arena, sizeof(struct scan_having *), &child));
	TRY(make(b, h, child));
	*out = child[0];
	return t->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL
		       ? STATUS_OK
		       : group(b, HAVING_NOT, child, 1, out);
}

/* The depth is bounded by the parser, see check_depth in parse.c. */
static amt_status bind(struct scan_plan *p, const struct binder *b, const PgQuery__Node *n,
	struct scan_having **out)
{
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		return bind_bool(p, b, n->bool_expr, out);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return bind_expression(p, b, n, out);
	case PG_QUERY__NODE__NODE_NULL_TEST:
		return bind_null(p, b, n->null_test, out);
	default:
		return bind_refuse(b, n, "in HAVING");
	}
}

amt_status scan_bind_having(struct scan_plan *p, const struct binder *b, const PgQuery__Node *n)
{
	return bind(p, b, n, &p->work->having);
}

/* ---- deciding */

enum truth { FALSE, UNKNOWN, TRUE };

/* number / 10^scale, of AVG / count, against constant / 10^h->scale. */
static amt_status compare_number(const struct scan_having *h, const struct scan_item *item,
	const struct scan_cell_value *v, int *out)
{
	unsigned scale = item->kind == SCAN_ITEM_COUNT ? 0 : item->poly.scale;
	int128 x = v->number, y = h->constant.floor;
	bool beyond = false;
	for (unsigned k = scale; k < h->scale; k++)
		beyond |= __builtin_mul_overflow(x, 10, &x);
	for (unsigned k = h->scale; k < scale; k++)
		beyond |= __builtin_mul_overflow(y, 10, &y);
	if (item->kind == SCAN_ITEM_AVG)
		beyond |= __builtin_mul_overflow(y, (int128)v->count, &y);
	ENSURE(!beyond, AMT_OUT_OF_RANGE, "HAVING compares numbers beyond 128 bits");
	*out = (x > y) - (x < y);
	return STATUS_OK;
}

static amt_status compare_code(const struct scan_plan *p, const struct scan_having *h,
	uint16_t column, uint64_t code, int *out)
{
	const struct scan_work_plan *w = p->work;
	const struct column *c = &w->schema->column[column];
	if (c->type == COLUMN_TEXT) {
		struct span text = {0};
		bool known = false;
		TRY(w->options.texts->text(w->options.texts->context, column, code, &text, &known));
		ENSURE(known, AMT_INTEGRITY,
			"the answer has rows with a value that column \"%s\" never had", c->name);
		*out = span_compare(text, h->text);
		return STATUS_OK;
	}
	uint64_t least, most;
	column_domain(c, &least, &most);
	int128 x = (int128)least + (int128)code - (int128)column_bias(c), y = h->constant.floor;
	*out = x > y ? 1 : x < y || !h->constant.exact ? -1 : 0;
	return STATUS_OK;
}

static amt_status decide_comparison(const struct scan_plan *p, const struct scan_having *h,
	const struct scan_cell_value *value, enum truth *out)
{
	const struct scan_item *item = &p->work->item[h->item];
	const struct scan_cell_value *v = &value[h->item];
	int order = 0;
	*out = UNKNOWN;
	if (v->null || h->null)
		return STATUS_OK;
	TRY(item->kind == SCAN_ITEM_GROUP || item->kind == SCAN_ITEM_STEP
			? compare_code(p, h, item->column, v->code, &order)
			: compare_number(h, item, v, &order));
	*out = scan_holds(h->op, order) ? TRUE : FALSE;
	return STATUS_OK;
}

static amt_status decide(const struct scan_plan *p, const struct scan_having *h,
	const struct scan_cell_value *value, enum truth *out)
{
	enum truth one;
	switch (h->kind) {
	case HAVING_COMPARE:
		return decide_comparison(p, h, value, out);
	case HAVING_NULL:
		*out = value[h->item].null ? TRUE : FALSE;
		return STATUS_OK;
	case HAVING_NOT:
		TRY(decide(p, h->child[0], value, &one));
		*out = (enum truth)(TRUE - one);
		return STATUS_OK;
	default:
		*out = h->kind == HAVING_ALL ? TRUE : FALSE;
		for (size_t i = 0; i < h->children; i++) {
			TRY(decide(p, h->child[i], value, &one));
			if (h->kind == HAVING_ALL ? one < *out : one > *out)
				*out = one;
		}
		return STATUS_OK;
	}
}

amt_status scan_having_holds(
	const struct scan_plan *p, const struct scan_cell_value *value, bool *out)
{
	enum truth t = TRUE;
	if (p->work->having != NULL)
		TRY(decide(p, p->work->having, value, &t));
	*out = t == TRUE;
	return STATUS_OK;
}

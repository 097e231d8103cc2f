/* SELECT of a scan: what is asked for, bound to the schema. */
#include "query/scan_build.h"

#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

struct selecting {
	struct scan_plan *p;
	const struct binder *b;
};

/* ---- what is shown */

static amt_status grow_items(struct selecting *x, struct scan_item **out)
{
	struct scan_work_plan *w = x->p->work;
	ENSURE(w->items < PLAN_MAX_ITEMS, AMT_LIMIT, "more than %d columns in the result",
		PLAN_MAX_ITEMS);
	if (w->items == w->item_room) {
		struct scan_item *grown;
		w->item_room = w->item_room == 0 ? 8 : 2 * w->item_room;
		TRY(arena_alloc(&w->arena, w->item_room * sizeof(*grown), &grown));
		if (w->items > 0)
			memcpy(grown, w->item, w->items * sizeof(*grown));
		w->item = grown;
	}
	*out = &w->item[w->items++];
	**out = (struct scan_item){.column = PLAN_NO_COLUMN};
	return STATUS_OK;
}

static void column_type(const struct column *c, char out[static 48])
{
	if (c->type == COLUMN_DECIMAL)
		(void)snprintf(out, 48, "decimal(%u,%u)", c->precision, c->scale);
	else
		(void)snprintf(out, 48, "%s", column_type_name((enum column_type)c->type));
}

static amt_status add_heading(struct selecting *x, const struct scan_item *item, const char *label)
{
	struct scan_plan *p = x->p;
	TRY(mem_grow(&p->heading, (p->headings + 1) * sizeof(*p->heading)));
	struct scan_heading *h = &p->heading[p->headings++];
	*h = (struct scan_heading){.is_number = true};
	(void)snprintf(h->label, sizeof(h->label), "%s", label);
	switch (item->kind) {
	case SCAN_ITEM_COUNT:
		(void)snprintf(h->type, sizeof(h->type), "bigint");
		break;
	case SCAN_ITEM_AVG:
		(void)snprintf(h->type, sizeof(h->type), "numeric");
		break;
	case SCAN_ITEM_SUM:
		if (item->poly.scale > 0)
			(void)snprintf(
				h->type, sizeof(h->type), "decimal(38,%u)", item->poly.scale);
		else
			(void)snprintf(h->type, sizeof(h->type), "bigint");
		break;
	default:
		h->is_number = column_is_number(&x->b->schema->column[item->column]);
		column_type(&x->b->schema->column[item->column], h->type);
	}
	return STATUS_OK;
}

/* ---- aggregates */

static amt_status needs_number(
	const struct binder *b, uint16_t column, int location, const char *where)
{
	const struct column *c = &b->schema->column[column];
	SQL_ENSURE(column_is_number(c), b->statement, AMT_TYPE_MISMATCH, location,
		"%s is not added or multiplied: column \"%s\"",
		column_type_name((enum column_type)c->type), c->name);
	return bind_needs_number(b, column, location, where);
}

static amt_status add_step(struct selecting *x, struct scan_step step, unsigned *out)
{
	struct scan_work_plan *w = x->p->work;
	if (w->steps == w->step_room) {
		struct scan_step *grown;
		w->step_room = w->step_room == 0 ? 4 : 2 * w->step_room;
		TRY(arena_alloc(&w->arena, w->step_room * sizeof(*grown), &grown));
		if (w->steps > 0)
			memcpy(grown, w->step, w->steps * sizeof(*grown));
		w->step = grown;
	}
	*out = w->steps;
	w->step[w->steps++] = step;
	return STATUS_OK;
}

/* A column that is searched by its digits: MIN, MAX, percentiles, top k. */
static amt_status step_column(
	struct selecting *x, const PgQuery__Node *n, const char *where, uint16_t *out)
{
	if (n == NULL || n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return bind_refuse(x->b, n, where);
	TRY(bind_column(x->b, n->column_ref, out));
	TRY(bind_needs_number(x->b, *out, n->column_ref->location, where));
	const struct column *c = &x->b->schema->column[*out];
	SQL_ENSURE(c->type != COLUMN_TEXT || c->scan.kind == SCAN_DICTIONARY, x->b->statement,
		AMT_UNSUPPORTED, n->column_ref->location,
		"column \"%s\" is scanned by tags, which have no order", c->name);
	return STATUS_OK;
}

/* percentile_disc(fraction) WITHIN GROUP (ORDER BY column) */
static amt_status bind_percentile(
	struct selecting *x, const PgQuery__FuncCall *f, struct scan_item *item)
{
	const struct sql_statement *s = x->b->statement;
	struct literal l = {0};
	SQL_ENSURE(f->agg_within_group && f->n_args == 1 && f->n_agg_order == 1, s, AMT_SYNTAX,
		f->location,
		"percentile_disc(fraction) WITHIN GROUP (ORDER BY column) is what is supported");
	const PgQuery__SortBy *sort = f->agg_order[0]->sort_by;
	TRY(sort_check(x->b, sort));
	TRY(sql_literal(s, x->b->arena, f->args[0], &l));
	char text[64] = {0};
	SQL_ENSURE((l.kind == LITERAL_NUMBER || l.kind == LITERAL_STRING) &&
			   l.text.size < sizeof(text),
		s, AMT_UNSUPPORTED, f->location, "the fraction of percentile_disc is a literal");
	memcpy(text, l.text.data, l.text.size);
	char *end;
	struct scan_step step = {.wanted = 1, .descending = sort_descends(sort)};
	step.fraction = strtod(text, &end);
	SQL_ENSURE(*end == '\0' && step.fraction >= 0 && step.fraction <= 1, s, AMT_OUT_OF_RANGE,
		l.location, "percentile value %s is not between 0 and 1", text);
	TRY(step_column(x, sort->node, "in percentile_disc", &step.column));
	item->kind = SCAN_ITEM_STEP;
	item->column = step.column;
	return add_step(x, step, &item->step);
}

static amt_status bind_extreme(
	struct selecting *x, const PgQuery__FuncCall *f, bool max, struct scan_item *item)
{
	struct scan_step step = {.wanted = 1, .descending = max, .fraction = -1};
	TRY(step_column(x, f->args[0], "in an aggregate", &step.column));
	const struct column *c = &x->b->schema->column[step.column];
	SQL_ENSURE(c->type != COLUMN_BOOL, x->b->statement, AMT_TYPE_MISMATCH, f->location,
		"function %s(boolean) does not exist: column \"%s\"", max ? "max" : "min", c->name);
	item->kind = SCAN_ITEM_STEP;
	item->column = step.column;
	return add_step(x, step, &item->step);
}

static amt_status bind_count(
	struct selecting *x, const PgQuery__FuncCall *f, struct scan_item *item)
{
	struct literal l = {0};
	item->kind = SCAN_ITEM_COUNT;
	if (f->n_args == 1)
		TRY(sql_literal(x->b->statement, x->b->arena, f->args[0], &l));
	if (f->agg_star || (l.kind != LITERAL_NONE && l.kind != LITERAL_NULL))
		return STATUS_OK;
	const PgQuery__Node *n = f->args[0];
	if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return bind_refuse(x->b, n, "in COUNT: name a column");
	TRY(bind_column(x->b, n->column_ref, &item->column));
	if (x->b->schema->column[item->column].not_null) {
		item->column = PLAN_NO_COLUMN;
		return STATUS_OK;
	}
	return bind_needs_number(x->b, item->column, n->column_ref->location, "in an aggregate");
}

static const char *function_name(const PgQuery__FuncCall *f)
{
	const char *name = f->n_funcname > 0 ? sql_name(1, f->funcname + f->n_funcname - 1) : NULL;
	return name != NULL ? name : "?";
}

static amt_status bind_aggregate(
	struct selecting *x, const PgQuery__FuncCall *f, struct scan_item *item)
{
	static const char *const names[] = {"count", "sum", "avg", "min", "max", "percentile_disc"};
	const struct sql_statement *s = x->b->statement;
	const char *name = function_name(f);
	unsigned a = 0;
	while (a < 6 && strcmp(name, names[a]) != 0)
		a++;
	SQL_ENSURE(a < 6, s, AMT_UNSUPPORTED, f->location,
		"function %s() is not supported: COUNT, SUM, AVG, MIN, MAX and percentile_disc are",
		name);
	SQL_ENSURE(!f->agg_distinct, s, AMT_UNSUPPORTED, f->location,
		"DISTINCT in an aggregate is not supported");
	SQL_ENSURE(f->agg_filter == NULL, s, AMT_UNSUPPORTED, f->location,
		"FILTER is not supported: use WHERE");
	SQL_ENSURE(f->over == NULL, s, AMT_UNSUPPORTED, f->location,
		"OVER (a window function) is not supported");
	if (a == 5)
		return bind_percentile(x, f, item);
	SQL_ENSURE(f->n_agg_order == 0 && !f->agg_within_group && !f->func_variadic, s,
		AMT_UNSUPPORTED, f->location, "this form of an aggregate is not supported");
	SQL_ENSURE(f->agg_star || f->n_args == 1, s, AMT_SYNTAX, f->location,
		"%s() takes one argument", name);
	SQL_ENSURE(
		!f->agg_star || a == 0, s, AMT_SYNTAX, f->location, "%s(*) does not exist", name);
	if (a == 0)
		return bind_count(x, f, item);
	if (a >= 3)
		return bind_extreme(x, f, a == 4, item);
	item->kind = a == 1 ? SCAN_ITEM_SUM : SCAN_ITEM_AVG;
	return poly_parse(x->b, f->args[0], "in an aggregate", needs_number, &item->poly);
}

static bool is_aggregate(const PgQuery__Node *n)
{
	return n != NULL && n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL;
}

/* ---- GROUP BY */

static amt_status bind_group(
	struct selecting *x, const PgQuery__SelectStmt *n, const PgQuery__Node *by)
{
	struct scan_work_plan *w = x->p->work;
	const struct sql_statement *s = x->b->statement;
	int at = sql_location(by), number;
	uint16_t column;
	const char *name = by->node_case == PG_QUERY__NODE__NODE_COLUMN_REF
				   ? sql_name(by->column_ref->n_fields, by->column_ref->fields)
				   : NULL;
	/* A column of the table comes before a column of the result. */
	if (name == NULL || schema_find(x->b->schema, name) < 0) {
		const PgQuery__Node *target = sort_target(n, by, &number);
		by = target != NULL ? target : by;
	}
	if (by->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return bind_refuse(x->b, by, "in GROUP BY: name columns");
	TRY(bind_column(x->b, by->column_ref, &column));
	TRY(bind_needs_number(x->b, column, at, "in GROUP BY"));
	for (unsigned i = 0; i < w->group_columns; i++)
		if (w->group[i].column == column)
			return STATUS_OK;
	const struct column *c = &x->b->schema->column[column];
	uint64_t most = column_scan_max(c);
	SQL_ENSURE(c->scan.kind != SCAN_TAG && most < SCAN_MAX_GROUPS &&
			   (most + !c->not_null + 1) * w->groups <= SCAN_MAX_GROUPS,
		s, AMT_UNSUPPORTED, at,
		"GROUP BY of more than %d possible groups: declare a narrow domain of column "
		"\"%s\" by CHECK, or a dictionary",
		SCAN_MAX_GROUPS, c->name);
	SQL_ENSURE(w->group_columns < SCAN_MAX_GROUP_COLUMNS, s, AMT_LIMIT, at,
		"GROUP BY of more than %d columns", SCAN_MAX_GROUP_COLUMNS);
	struct scan_group_column *g = &w->group[w->group_columns++];
	*g = (struct scan_group_column){column, (uint32_t)most + 1 + !c->not_null, !c->not_null};
	w->groups *= g->values;
	return STATUS_OK;
}

static amt_status bind_group_item(
	struct selecting *x, const PgQuery__ColumnRef *ref, struct scan_item *item)
{
	const struct scan_work_plan *w = x->p->work;
	const PgQuery__Node *last = ref->fields[ref->n_fields - 1];
	const char *name = sql_name(1, ref->fields + ref->n_fields - 1);
	item->kind = SCAN_ITEM_GROUP;
	item->group = SCAN_MAX_GROUP_COLUMNS;
	if (last->node_case != PG_QUERY__NODE__NODE_A_STAR) {
		TRY(bind_column(x->b, ref, &item->column));
		for (unsigned i = 0; i < w->group_columns; i++)
			if (w->group[i].column == item->column)
				item->group = i;
	}
	SQL_ENSURE(item->group < SCAN_MAX_GROUP_COLUMNS, x->b->statement, AMT_SYNTAX, ref->location,
		"column \"%s\" must appear in the GROUP BY clause or be used in an aggregate "
		"function",
		name != NULL ? name : "*");
	return STATUS_OK;
}

static amt_status bind_item(
	struct selecting *x, const PgQuery__Node *n, const char *where, struct scan_item *item)
{
	if (is_aggregate(n))
		return bind_aggregate(x, n->func_call, item);
	if (n == NULL || n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return bind_refuse(x->b, n, where);
	return bind_group_item(x, n->column_ref, item);
}

amt_status scan_bind_item(struct scan_plan *p, const struct binder *b, const PgQuery__Node *n,
	const char *where, unsigned *number)
{
	struct selecting x = {p, b};
	struct scan_item *item = NULL;
	*number = p->work->items;
	TRY(grow_items(&x, &item));
	return bind_item(&x, n, where, item);
}

/* ---- ORDER BY of groups */

static amt_status bind_order(
	struct selecting *x, const PgQuery__SelectStmt *n, const PgQuery__SortBy *sort)
{
	struct scan_work_plan *w = x->p->work;
	int number;
	unsigned item;
	TRY(sort_check(x->b, sort));
	SQL_ENSURE(w->orders < SORT_MAX_KEYS, x->b->statement, AMT_LIMIT, sort->location,
		"ORDER BY of more than %d", SORT_MAX_KEYS);
	(void)sort_target(n, sort->node, &number);
	if (number < 0) {
		SQL_ENSURE(sort->node->node_case != PG_QUERY__NODE__NODE_A_CONST, x->b->statement,
			AMT_SYNTAX, sql_location(sort->node),
			"ORDER BY position is not in select list");
		TRY(scan_bind_item(x->p, x->b, sort->node, "in ORDER BY", &item));
		number = (int)item;
	}
	w->order[w->orders++] =
		(struct scan_order){(unsigned)number, sort_descends(sort), sort_nulls_first(sort)};
	return STATUS_OK;
}

/* ---- kinds of SELECT */

static amt_status bind_aggregates(struct selecting *x, const PgQuery__SelectStmt *n)
{
	struct scan_work_plan *w = x->p->work;
	w->grouped = n->n_group_clause > 0;
	for (size_t i = 0; i < n->n_group_clause; i++)
		TRY(bind_group(x, n, n->group_clause[i]));
	for (size_t i = 0; i < n->n_target_list; i++) {
		const PgQuery__ResTarget *t = n->target_list[i]->res_target;
		struct scan_item *item;
		TRY(grow_items(x, &item));
		TRY(bind_item(x, t->val, "in the list of SELECT", item));
		const char *label = t->name;
		if (label == NULL || label[0] == '\0')
			label = is_aggregate(t->val) ? function_name(t->val->func_call)
						     : x->b->schema->column[item->column].name;
		TRY(add_heading(x, item, label));
	}
	for (size_t i = 0; i < n->n_sort_clause; i++)
		TRY(bind_order(x, n, n->sort_clause[i]->sort_by));
	return n->having_clause != NULL ? scan_bind_having(x->p, x->b, n->having_clause)
					: STATUS_OK;
}

/* SELECT x FROM t ORDER BY x LIMIT k is found at k ranks, without the host telling rows. */
static amt_status is_top(struct selecting *x, const PgQuery__SelectStmt *n, bool *out)
{
	const PgQuery__Node *shown = n->target_list[0]->res_target->val;
	uint16_t column = 0, of_sort = 0;
	*out = false;
	if (n->n_sort_clause != 1 || n->n_target_list != 1 || shown == NULL || sql_is_star(shown) ||
		shown->node_case != PG_QUERY__NODE__NODE_COLUMN_REF ||
		x->p->shown.limit > STEP_MAX_RANKS || x->p->shown.distinct ||
		x->p->shown.offset > 0)
		return STATUS_OK;
	TRY(sort_column(x->b, n, n->sort_clause[0]->sort_by, &of_sort));
	TRY(bind_column(x->b, shown->column_ref, &column));
	const struct column *c = &x->b->schema->column[column];
	*out = column == of_sort && (c->forms & FORM_SCAN) != 0 && c->scan.kind != SCAN_TAG;
	return STATUS_OK;
}

static amt_status bind_top(struct selecting *x, const PgQuery__SelectStmt *n)
{
	struct scan_plan *p = x->p;
	const PgQuery__ResTarget *t = n->target_list[0]->res_target;
	const PgQuery__SortBy *sort = n->sort_clause[0]->sort_by;
	struct scan_step step = {.wanted = (unsigned)p->shown.limit,
		.descending = sort_descends(sort),
		.fraction = -1};
	TRY(step_column(x, t->val, "in the list of SELECT with ORDER BY", &step.column));
	uint16_t shown = step.column;
	struct scan_item *item;
	TRY(grow_items(x, &item));
	item->kind = SCAN_ITEM_STEP;
	item->column = shown;
	p->work->top = true;
	p->work->order[0] = (struct scan_order){0, sort_descends(sort), sort_nulls_first(sort)};
	TRY(add_step(x, step, &item->step));
	const char *label =
		t->name != NULL && t->name[0] != '\0' ? t->name : x->b->schema->column[shown].name;
	return add_heading(x, item, label);
}

amt_status scan_bind_select(struct scan_plan *p, const struct binder *b)
{
	struct selecting x = {p, b};
	const PgQuery__SelectStmt *n = b->statement->node->select_stmt;
	bool aggregate = n->n_group_clause > 0 || n->having_clause != NULL;
	for (size_t i = 0; i < n->n_target_list; i++)
		aggregate |= is_aggregate(n->target_list[i]->res_target->val);
	TRY(sort_bind(b, n, aggregate, &p->shown));
	if (aggregate)
		return bind_aggregates(&x, n);
	bool top;
	TRY(is_top(&x, n, &top));
	if (top)
		return bind_top(&x, n);
	p->rows = true;
	return rows_bind(b, n, &p->item, &p->items, &p->shown);
}

/* SELECT and DELETE to circuits, and what a plan holds. */
#include "query/lower.h"
#include "base/alloc.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name;
	enum plan_item_kind kind;
} aggregates[] = {{"count", PLAN_COUNT}, {"sum", PLAN_SUM}, {"avg", PLAN_AVG}, {"min", PLAN_MIN},
	{"max", PLAN_MAX}};

static amt_status add_item(
	struct lowering *l, enum plan_item_kind kind, const char *label, struct plan_item **out)
{
	struct plan *p = l->plan;
	TRY(rows_add_item(&p->item, &p->items, kind, label, PLAN_NO_COLUMN));
	*out = &p->item[p->items - 1];
	return STATUS_OK;
}

/* min: of what does not match, all ones; max: 0. */
static amt_status lower_extreme(struct lowering *l, enum plan_item_kind kind, uint16_t column,
	uint32_t match, uint32_t *node)
{
	enum int_type type = column_int_type(&l->binder.schema->column[column]);
	uint32_t arguments[3] = {match, 0, 0};
	TRY(lower_value(l, column, &arguments[1]));
	*node = arguments[1];
	if (match != NO_NODE && kind == PLAN_MIN) {
		TRY(circuit_trivial(&l->plan->circuit, type,
			UINT64_MAX >> (64 - int_type_bits(type)), &arguments[2]));
		TRY(lower_apply(l, CIRCUIT_SELECT, type, arguments, 3, node));
	} else if (match != NO_NODE) {
		TRY(lower_apply(l, CIRCUIT_MASK, type, arguments, 2, node));
	}
	return lower_apply(l, kind == PLAN_MIN ? CIRCUIT_MIN : CIRCUIT_MAX, type, node, 1, node);
}

static amt_status lower_sum(struct lowering *l, uint16_t column, uint32_t match, uint32_t *node)
{
	enum int_type type = column_int_type(&l->binder.schema->column[column]);
	uint32_t arguments[2] = {match, 0};
	TRY(lower_value(l, column, &arguments[1]));
	*node = arguments[1];
	if (match != NO_NODE)
		TRY(lower_apply(l, CIRCUIT_MASK, type, arguments, 2, node));
	return lower_apply(l, CIRCUIT_SUM, INT_U64, node, 1, node);
}

/* The rows that match and where the column is not NULL. */
static amt_status match_not_null(struct lowering *l, uint16_t column, int location, uint32_t *match)
{
	*match = l->match;
	if (l->binder.schema->column[column].not_null)
		return STATUS_OK;
	TRY(bind_needs_number(&l->binder, column, location, "in an aggregate"));
	uint32_t flag;
	TRY(lower_null(l, column, &flag));
	TRY(lower_not(l, flag, &flag));
	return lower_both(l, l->match, flag, match);
}

static amt_status check_aggregate(const struct lowering *l, enum plan_item_kind kind,
	const char *name, uint16_t column, int location)
{
	const struct column *c = &l->binder.schema->column[column];
	bool extreme = kind == PLAN_MIN || kind == PLAN_MAX;
	SQL_ENSURE(column_is_number(c) ||
			   (extreme && (c->type == COLUMN_DATE || c->type == COLUMN_TEXT ||
					       c->type == COLUMN_TIMESTAMP)),
		l->binder.statement, AMT_TYPE_MISMATCH, location,
		"function %s(%s) does not exist: column \"%s\"", name, column_type_name(c->type),
		c->name);
	return bind_needs_number(&l->binder, column, location, "in an aggregate");
}

static amt_status lower_aggregate(struct lowering *l, const PgQuery__FuncCall *f, const char *alias)
{
	const struct sql_statement *s = l->binder.statement;
	const char *name = f->n_funcname > 0 ? sql_name(1, f->funcname + f->n_funcname - 1) : NULL;
	size_t a = 0;
	while (a < sizeof(aggregates) / sizeof(aggregates[0]) &&
		(name == NULL || strcmp(name, aggregates[a].name) != 0))
		a++;
	SQL_ENSURE(a < sizeof(aggregates) / sizeof(aggregates[0]), s, AMT_UNSUPPORTED, f->location,
		"function %s() is not supported: COUNT, SUM, AVG, MIN and MAX are",
		name != NULL ? name : "?");
	SQL_ENSURE(!f->agg_distinct, s, AMT_UNSUPPORTED, f->location,
		"DISTINCT in an aggregate is not supported");
	SQL_ENSURE(f->agg_filter == NULL, s, AMT_UNSUPPORTED, f->location,
		"FILTER is not supported: use WHERE");
	SQL_ENSURE(f->over == NULL, s, AMT_UNSUPPORTED, f->location,
		"OVER (a window function) is not supported");
	SQL_ENSURE(f->n_agg_order == 0 && !f->agg_within_group && !f->func_variadic, s,
		AMT_UNSUPPORTED, f->location, "this form of an aggregate is not supported");
	enum plan_item_kind kind = aggregates[a].kind;
	struct plan_item *item;
	TRY(add_item(l, kind, alias != NULL ? alias : name, &item));
	uint32_t match = l->match, node;
	struct literal literal = {0};
	if (f->n_args == 1)
		TRY(sql_literal(s, l->binder.arena, f->args[0], &literal));
	bool every = f->agg_star || (literal.kind != LITERAL_NONE && literal.kind != LITERAL_NULL);
	SQL_ENSURE(f->agg_star || f->n_args == 1, s, AMT_SYNTAX, f->location,
		"%s() takes one argument", name);
	if (!every || kind != PLAN_COUNT) {
		SQL_ENSURE(!f->agg_star, s, AMT_SYNTAX, f->location, "%s(*) does not exist", name);
		const PgQuery__Node *n = f->args[0];
		if (n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
			return bind_refuse(&l->binder, n, "in an aggregate: name a column");
		TRY(bind_column(&l->binder, n->column_ref, &item->column));
		int at = n->column_ref->location;
		if (kind != PLAN_COUNT)
			TRY(check_aggregate(l, kind, name, item->column, at));
		TRY(match_not_null(l, item->column, at, &match));
	}
	TRY(lower_count(l, match, &node));
	TRY(lower_answer(l, node, &item->count_slot));
	item->value_slot = item->count_slot;
	if (kind == PLAN_COUNT)
		return STATUS_OK;
	if (kind == PLAN_MIN || kind == PLAN_MAX)
		TRY(lower_extreme(l, kind, item->column, match, &node));
	else
		TRY(lower_sum(l, item->column, match, &node));
	return lower_answer(l, node, &item->value_slot);
}

static bool is_aggregate(const PgQuery__Node *n)
{
	return n != NULL && n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL;
}

static amt_status lower_aggregates(struct lowering *l, const PgQuery__SelectStmt *n)
{
	for (size_t i = 0; i < n->n_target_list; i++) {
		const PgQuery__ResTarget *t = n->target_list[i]->res_target;
		const char *alias = t->name != NULL && t->name[0] != '\0' ? t->name : NULL;
		if (is_aggregate(t->val)) {
			TRY(lower_aggregate(l, t->val->func_call, alias));
			continue;
		}
		if (t->val == NULL || t->val->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
			return bind_refuse(&l->binder, t->val, "in the list of SELECT");
		const PgQuery__ColumnRef *ref = t->val->column_ref;
		const char *name = sql_name(1, ref->fields + ref->n_fields - 1);
		SQL_FAIL(l->binder.statement, AMT_SYNTAX, ref->location,
			"column \"%s\" must appear in the GROUP BY clause or be used in an "
			"aggregate function (GROUP BY is not supported)",
			name != NULL ? name : "*");
	}
	return STATUS_OK;
}

amt_status lower_select(struct lowering *l, const PgQuery__SelectStmt *n)
{
	bool aggregate = false;
	for (size_t i = 0; i < n->n_target_list; i++)
		aggregate |= is_aggregate(n->target_list[i]->res_target->val);
	const struct sql_statement *s = l->binder.statement;
	SQL_ENSURE(n->n_group_clause == 0, s, AMT_UNSUPPORTED, sql_keyword(s, "group", 0),
		"GROUP BY is not supported but by scans");
	SQL_ENSURE(n->having_clause == NULL, s, AMT_UNSUPPORTED, sql_keyword(s, "having", 0),
		"HAVING is not supported but by scans");
	SQL_ENSURE(n->n_sort_clause == 0 || !aggregate, s, AMT_UNSUPPORTED,
		sql_keyword(s, "order", 0), "ORDER BY of aggregates is not supported but by scans");
	TRY(sort_bind(&l->binder, n, aggregate, &l->plan->shown));
	TRY(lower_where(l, n->where_clause));
	if (!aggregate && l->match != NO_NODE) {
		l->plan->row_bits = true;
		TRY(circuit_output(
			&l->plan->circuit, CIRCUIT_ANSWER_ROWS, CIRCUIT_VALUE, 0, l->match));
	}
	struct plan *p = l->plan;
	return aggregate ? lower_aggregates(l, n)
			 : rows_bind(&l->binder, n, &p->item, &p->items, &p->shown);
}

/* valid := valid and not T(where). */
amt_status lower_delete(struct lowering *l)
{
	uint32_t valid, kept, count;
	TRY(lower_where(l, l->binder.statement->node->delete_stmt->where_clause));
	TRY(lower_valid(l, &valid));
	if (l->where == NO_NODE) {
		uint32_t arguments[] = {valid, 0, valid};
		TRY(lower_not(l, valid, &arguments[1]));
		TRY(lower_apply(l, CIRCUIT_SELECT, INT_BOOL, arguments, 3, &kept));
	} else {
		TRY(lower_not(l, l->where, &kept));
		if (l->deletes)
			TRY(lower_both(l, valid, kept, &kept));
	}
	TRY(circuit_output(&l->plan->circuit, CIRCUIT_STORE, CIRCUIT_VALID, 0, kept));
	TRY(lower_count(l, l->match, &count));
	return lower_answer(l, count, &l->plan->affected_slot);
}

static amt_status make(struct lowering *l)
{
	const struct sql_statement *s = l->binder.statement;
	SQL_ENSURE(strcmp(s->table, l->binder.schema->table) == 0, s, AMT_NOT_FOUND,
		s->table_location, "table \"%s\" does not exist", s->table);
	l->plan->statement = (uint8_t)s->kind;
	l->plan->shown.limit = UINT64_MAX;
	switch (s->kind) {
	case STATEMENT_SELECT:
		TRY(lower_select(l, s->node->select_stmt));
		break;
	case STATEMENT_UPDATE:
		TRY(lower_update(l, s->node->update_stmt));
		break;
	case STATEMENT_DELETE:
		TRY(lower_delete(l));
		break;
	default:
		FAIL(AMT_INVALID_ARGUMENT, "only SELECT, UPDATE and DELETE have plans");
	}
	return circuit_prune(&l->plan->circuit);
}

amt_status plan_make(struct plan *out, const struct sql_statement *s, const struct schema *schema,
	bool table_has_deletes)
{
	*out = (struct plan){0};
	struct arena arena = {0};
	unsigned budget = BINDER_BUDGET;
	struct lowering l = {.binder = {s, schema, &arena, &budget},
		.plan = out,
		.deletes = table_has_deletes,
		.match = NO_NODE,
		.where = NO_NODE};
	amt_status made = make(&l);
	arena_free(&arena);
	if (!amt_ok(made))
		plan_free(out);
	return made;
}

void plan_free(struct plan *p)
{
	circuit_free(&p->circuit);
	mem_free(p->constant);
	mem_free(p->item);
	arrangement_free(&p->shown);
	*p = (struct plan){0};
}

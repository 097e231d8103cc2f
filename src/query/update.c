/* UPDATE: assignments to circuits. What is assigned is a literal or arithmetic (query/arith.h). */
#include "query/arith.h"

static amt_status store(struct lowering *l, enum circuit_part part, uint16_t column, uint32_t node)
{
	return circuit_output(&l->plan->circuit, CIRCUIT_STORE, part, column, node);
}

/* Stores `fresh` where rows match. every: match is true of all rows, so only a single value needs
 * the selection. */
static amt_status store_selected(struct lowering *l, uint32_t match, bool every,
	enum circuit_part part, uint16_t column, uint32_t fresh)
{
	uint32_t arguments[3] = {match, fresh, 0};
	if (part == CIRCUIT_VALUE)
		TRY(lower_value(l, column, &arguments[2]));
	else
		TRY(lower_null(l, column, &arguments[2]));
	if (arguments[2] == fresh)
		return STATUS_OK; /* nothing changes */
	if (every && l->plan->circuit.node[fresh].per_row)
		return store(l, part, column, fresh);
	enum int_type type = (enum int_type)l->plan->circuit.node[fresh].type;
	TRY(lower_apply(l, CIRCUIT_SELECT, type, arguments, 3, &fresh));
	return store(l, part, column, fresh);
}

/* The column becomes NULL: its value 0, so that nothing of it stays. */
static amt_status store_null(struct lowering *l, uint32_t match, uint16_t column)
{
	const struct column *t = &l->binder.schema->column[column];
	uint32_t arguments[2], node;
	TRY(lower_not(l, match, &arguments[0]));
	TRY(lower_value(l, column, &arguments[1]));
	TRY(lower_apply(l, CIRCUIT_MASK, column_int_type(t), arguments, 2, &node));
	TRY(store(l, CIRCUIT_VALUE, column, node));
	TRY(lower_null(l, column, &arguments[0]));
	arguments[1] = match;
	TRY(lower_apply(l, CIRCUIT_ANY, INT_BOOL, arguments, 2, &node));
	return store(l, CIRCUIT_NULL_FLAG, column, node);
}

static amt_status store_not_null(struct lowering *l, uint32_t match, uint16_t column)
{
	if (l->binder.schema->column[column].not_null)
		return STATUS_OK;
	uint32_t flag, kept;
	TRY(lower_null(l, column, &flag));
	TRY(lower_not(l, match, &kept));
	TRY(lower_both(l, flag, kept, &flag));
	return store(l, CIRCUIT_NULL_FLAG, column, flag);
}

/* The host cannot see whether a computed value is in the column's domain. */
static amt_status check_unseen(const struct lowering *l, const struct arith *a, int location)
{
	const struct column *t = &l->binder.schema->column[a->target];
	if (!t->checked || a->sum.terms == 0)
		return STATUS_OK;
	uint64_t low, high;
	bool inside = arith_is_column(a);
	if (inside) {
		const struct column *from = &l->binder.schema->column[a->sum.first->column];
		int128 bias = (int128)column_bias(t) - (int128)column_bias(from);
		column_domain(from, &low, &high);
		inside = low + bias >= t->least && high + bias <= t->most;
	}
	SQL_ENSURE(inside, l->binder.statement, AMT_UNSUPPORTED, location,
		"column \"%s\" has a CHECK, and the host cannot see whether what it computes "
		"passes",
		t->name);
	return STATUS_OK;
}

/* What columns of each type take. */
static amt_status check_kind(const struct lowering *l, const struct arith *a, int location)
{
	const struct column *t = &l->binder.schema->column[a->target];
	const struct sql_statement *s = l->binder.statement;
	SQL_ENSURE(a->sum.dates == (t->type == COLUMN_DATE), s, AMT_TYPE_MISMATCH, location,
		"column \"%s\" is %s, this is not", t->name,
		column_type_name((enum column_type)t->type));
	SQL_ENSURE(t->type != COLUMN_BOOL || arith_is_column(a), s, AMT_TYPE_MISMATCH, location,
		"column \"%s\" is boolean, this is a sum", t->name);
	SQL_ENSURE(t->type != COLUMN_TIMESTAMP || arith_is_column(a), s, AMT_UNSUPPORTED, location,
		"arithmetic with timestamps is not supported");
	return check_unseen(l, a, location);
}

static amt_status assign(
	struct lowering *l, uint32_t match, uint16_t target, const PgQuery__ResTarget *r)
{
	const struct sql_statement *s = l->binder.statement;
	const struct column *t = &l->binder.schema->column[target];
	bool every = l->match == NO_NODE;
	struct arith a = {0};
	struct literal x;
	TRY(sql_literal(s, l->binder.arena, r->val, &x));
	bool literal = x.kind != LITERAL_NONE;
	struct value v = {0};
	if (literal)
		TRY(literal_assign(s, &x, t, &v));
	else
		TRY(arith_bind(l, target, r->val, &a));
	int at = literal ? x.location : sql_location(r->val);
	if (v.null || a.null) {
		SQL_ENSURE(!t->not_null, s, AMT_OUT_OF_RANGE, at, "column \"%s\" is NOT NULL",
			t->name);
		return store_null(l, match, target);
	}
	uint32_t fresh, null = NO_NODE;
	if (!literal)
		TRY(check_kind(l, &a, at));
	if (!literal && a.sum.terms == 0)
		TRY(value_of_integer(&v, t, a.sum.constant, span_str("the sum")));
	if (literal || a.sum.terms == 0) {
		TRY(sql_at(s, at, value_check(t, &v)));
		TRY(lower_constant(l,
			(struct plan_constant){.type = (uint8_t)column_int_type(t), .bits = v.bits},
			&fresh));
	} else {
		TRY(arith_lower(l, &a, &fresh, &null));
	}
	TRY(store_selected(l, match, every, CIRCUIT_VALUE, target, fresh));
	if (null != NO_NODE)
		return store_selected(l, match, every, CIRCUIT_NULL_FLAG, target, null);
	return store_not_null(l, match, target);
}

amt_status lower_update(struct lowering *l, const PgQuery__UpdateStmt *n)
{
	TRY(lower_where(l, n->where_clause));
	uint32_t match = l->match, count;
	if (match == NO_NODE)
		TRY(lower_valid(l, &match));
	bool set[SCHEMA_MAX_COLUMNS] = {false};
	for (size_t i = 0; i < n->n_target_list; i++) {
		const PgQuery__ResTarget *r = n->target_list[i]->res_target;
		uint16_t target;
		TRY(bind_target(&l->binder, r, set, &target));
		TRY(bind_needs_arith(&l->binder, target, r->location, "in UPDATE"));
		TRY(assign(l, match, target, r));
	}
	TRY(lower_count(l, l->match, &count));
	return lower_answer(l, count, &l->plan->affected_slot);
}

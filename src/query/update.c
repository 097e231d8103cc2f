/* UPDATE: assignments to circuits.
 *
 * What is assigned is a constant or a sum s_1 x_1 + ... + s_n x_n + c of columns (s = +1 or -1) and
 * a constant, in the width of the target; it wraps modulo 2^bits. The stored form x' of a signed
 * value is x + B, B = 2^(bits-1), so the new stored form is
 *	sum of s_i x'_i + c + B (1 - sum of s_i),
 * and because 2 B = 0 modulo 2^bits the correction is B when the number of columns is even, else 0.
 * It goes into the encrypted constant if there is one.
 */
#include "query/lower.h"

enum { MAX_TERMS = 64 };

struct sum {
	uint16_t target;
	struct {
		uint16_t column;
		bool negative;
	} term[MAX_TERMS];
	unsigned terms;
	int dates; /* date columns and literals, with sign */
	bool has_constant;
	int128 constant;
	bool null;
};

static amt_status add_literal(
	const struct lowering *l, struct sum *sum, const struct literal *x, bool negative)
{
	const struct sql_statement *s = l->binder.statement;
	const struct column *t = &l->binder.schema->column[sum->target];
	if (x->kind == LITERAL_NULL) {
		sum->null = true;
		return STATUS_OK;
	}
	struct number n;
	if (x->kind == LITERAL_DATE && t->type == COLUMN_DATE) {
		sum->dates += negative ? -1 : 1;
		n = (struct number){.floor = x->days, .exact = true};
	} else {
		SQL_ENSURE(x->kind == LITERAL_NUMBER || x->kind == LITERAL_STRING, s,
			AMT_TYPE_MISMATCH, x->location, "a %s in a sum for column \"%s\"",
			literal_kind_name(x->kind), t->name);
		SQL_ENSURE(number_parse(&n, x->text, t->scale), s, AMT_TYPE_MISMATCH, x->location,
			"this is not a number");
	}
	SQL_ENSURE(n.exact, s, AMT_UNSUPPORTED, x->location,
		"column \"%s\" has %u decimals, the constant needs more", t->name, t->scale);
	int128 most = (int128)1 << column_bits(t);
	SQL_ENSURE(n.floor < most && n.floor > -most, s, AMT_OUT_OF_RANGE, x->location,
		"the constant is out of range of column \"%s\" (%s)", t->name,
		column_type_name(t->type));
	sum->has_constant = true;
	sum->constant += negative ? -n.floor : n.floor;
	return STATUS_OK;
}

/* Least and greatest integer of a column's domain. */
static void domain_of(const struct column *c, int128 *low, int128 *high)
{
	uint64_t least, most;
	column_domain(c, &least, &most);
	*low = (int128)least - (int128)column_bias(c);
	*high = (int128)most - (int128)column_bias(c);
}

/* A column may be assigned to another when it has no value the other cannot hold. */
static bool fits(const struct column *from, const struct column *to)
{
	int128 low, high, least, most;
	domain_of(from, &low, &high);
	column_range(to, &least, &most);
	return columns_common(from, to).bits != 0 && low >= least && high <= most;
}

static amt_status add_column(
	const struct lowering *l, struct sum *sum, const PgQuery__ColumnRef *ref, bool negative)
{
	const struct sql_statement *s = l->binder.statement;
	uint16_t column;
	TRY(bind_column(&l->binder, ref, &column));
	TRY(bind_needs_number(&l->binder, column, ref->location, "in SET"));
	const struct column *c = &l->binder.schema->column[column],
			    *t = &l->binder.schema->column[sum->target];
	struct column days = {.name = "days", .type = COLUMN_I32};
	if (c->type == COLUMN_DATE)
		sum->dates += negative ? -1 : 1;
	bool added_days = t->type == COLUMN_DATE && c->type != COLUMN_DATE;
	SQL_ENSURE(fits(c, added_days ? &days : t), s, AMT_UNSUPPORTED, ref->location,
		"column \"%s\" (%s) may hold what column \"%s\" (%s) cannot: types of one kind, "
		"the target not narrower, and decimals of one scale are supported",
		c->name, column_type_name(c->type), t->name, column_type_name(t->type));
	SQL_ENSURE(c->not_null || !t->not_null, s, AMT_UNSUPPORTED, ref->location,
		"column \"%s\" may be NULL, column \"%s\" may not, and the host cannot see which "
		"rows that concerns",
		c->name, t->name);
	SQL_ENSURE(sum->terms < MAX_TERMS, s, AMT_LIMIT, ref->location,
		"more than %d columns in a sum", MAX_TERMS);
	sum->term[sum->terms].column = column;
	sum->term[sum->terms++].negative = negative;
	return STATUS_OK;
}

static amt_status add_expression(
	const struct lowering *l, struct sum *sum, const PgQuery__Node *n, bool negative)
{
	struct literal x;
	TRY(sql_literal(l->binder.statement, l->binder.arena, n, &x));
	if (x.kind != LITERAL_NONE)
		return add_literal(l, sum, &x, negative);
	if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
		return add_column(l, sum, n->column_ref, negative);
	if (n->node_case != PG_QUERY__NODE__NODE_A_EXPR)
		return bind_refuse(&l->binder, n, "in SET");
	const PgQuery__AExpr *e = n->a_expr;
	const char *op = sql_name(e->n_name, e->name);
	bool minus = op != NULL && strcmp(op, "-") == 0;
	if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || op == NULL || e->rexpr == NULL ||
		(!minus && strcmp(op, "+") != 0))
		return bind_refuse(&l->binder, n,
			"in SET: a column takes a constant, NULL, or a sum or difference of "
			"columns and constants");
	if (e->lexpr != NULL)
		TRY(add_expression(l, sum, e->lexpr, negative));
	return add_expression(l, sum, e->rexpr, negative != minus);
}

/* The new value of a sum of at least one column. */
static amt_status lower_terms(struct lowering *l, const struct sum *sum, uint32_t *node)
{
	const struct column *t = &l->binder.schema->column[sum->target];
	enum int_type type = column_int_type(t);
	struct common_form form = {column_bits(t), column_signed(t)};
	uint64_t mask = UINT64_MAX >> (64 - form.bits);
	uint64_t correction = sum->terms % 2 == 0 ? column_bias(t) : 0;
	uint32_t pair[2];
	*node = NO_NODE;
	for (unsigned i = 0; i < sum->terms; i++) {
		if (sum->term[i].negative)
			continue;
		TRY(lower_widened(l, sum->term[i].column, form, &pair[1]));
		pair[0] = *node;
		*node = pair[1];
		if (pair[0] != NO_NODE)
			TRY(lower_apply(l, CIRCUIT_ADD, type, pair, 2, node));
	}
	if (sum->has_constant || correction != 0 || *node == NO_NODE) {
		pair[0] = *node;
		if (sum->has_constant)
			TRY(lower_constant(l,
				(struct plan_constant){.type = (uint8_t)type,
					.bits = ((uint64_t)sum->constant + correction) & mask},
				&pair[1]));
		else
			TRY(circuit_trivial(&l->plan->circuit, type, correction, &pair[1]));
		*node = pair[1];
		if (pair[0] != NO_NODE)
			TRY(lower_apply(l, CIRCUIT_ADD, type, pair, 2, node));
	}
	for (unsigned i = 0; i < sum->terms; i++) {
		if (!sum->term[i].negative)
			continue;
		pair[0] = *node;
		TRY(lower_widened(l, sum->term[i].column, form, &pair[1]));
		TRY(lower_apply(l, CIRCUIT_SUB, type, pair, 2, node));
	}
	return STATUS_OK;
}

/* Whether the sum is NULL: NO_NODE when it never is. */
static amt_status lower_sum_null(struct lowering *l, const struct sum *sum, uint32_t *node)
{
	uint32_t flags[MAX_TERMS];
	size_t n = 0;
	for (unsigned i = 0; i < sum->terms; i++)
		if (!l->binder.schema->column[sum->term[i].column].not_null)
			TRY(lower_null(l, sum->term[i].column, &flags[n++]));
	*node = NO_NODE;
	return n == 0 ? STATUS_OK : lower_apply(l, CIRCUIT_ANY, INT_BOOL, flags, n, node);
}

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
static amt_status check_unseen(const struct lowering *l, const struct sum *sum, int location)
{
	const struct column *t = &l->binder.schema->column[sum->target];
	if (!t->checked || sum->terms == 0)
		return STATUS_OK;
	int128 low = 0, high = 0, least, most;
	domain_of(t, &least, &most);
	bool copied = sum->terms == 1 && !sum->has_constant && !sum->term[0].negative;
	if (copied)
		domain_of(&l->binder.schema->column[sum->term[0].column], &low, &high);
	SQL_ENSURE(copied && low >= least && high <= most, l->binder.statement, AMT_UNSUPPORTED,
		location,
		"column \"%s\" has a CHECK, and the host cannot see whether what it computes "
		"passes",
		t->name);
	return STATUS_OK;
}

static amt_status assign(
	struct lowering *l, uint32_t match, uint16_t target, const PgQuery__ResTarget *r)
{
	const struct sql_statement *s = l->binder.statement;
	const struct column *t = &l->binder.schema->column[target];
	bool every = l->match == NO_NODE;
	struct sum sum = {.target = target};
	struct literal x;
	TRY(sql_literal(s, l->binder.arena, r->val, &x));
	bool literal = x.kind != LITERAL_NONE;
	struct value v = {0};
	if (literal)
		TRY(literal_assign(s, &x, t, &v));
	else
		TRY(add_expression(l, &sum, r->val, false));
	int at = literal ? x.location : sql_location(r->val);
	if (v.null || sum.null) {
		SQL_ENSURE(!t->not_null, s, AMT_OUT_OF_RANGE, at, "column \"%s\" is NOT NULL",
			t->name);
		return store_null(l, match, target);
	}
	uint32_t fresh, null = NO_NODE;
	if (literal) {
		TRY(sql_at(s, at, value_check(t, &v)));
		TRY(lower_constant(l,
			(struct plan_constant){.type = (uint8_t)column_int_type(t), .bits = v.bits},
			&fresh));
	} else {
		SQL_ENSURE(sum.dates == (t->type == COLUMN_DATE ? 1 : 0), s, AMT_TYPE_MISMATCH, at,
			"column \"%s\" is %s, this is not", t->name, column_type_name(t->type));
		SQL_ENSURE(t->type != COLUMN_BOOL ||
				   (sum.terms == 1 && !sum.has_constant && !sum.term[0].negative),
			s, AMT_TYPE_MISMATCH, at, "column \"%s\" is boolean, this is a sum",
			t->name);
		SQL_ENSURE(t->type != COLUMN_TIMESTAMP ||
				   (sum.terms == 1 && !sum.has_constant && !sum.term[0].negative),
			s, AMT_UNSUPPORTED, at, "arithmetic with timestamps is not supported");
		TRY(check_unseen(l, &sum, at));
		if (sum.terms == 0) {
			TRY(value_of_integer(&v, t, sum.constant, span_str("the sum")));
			TRY(sql_at(s, at, value_check(t, &v)));
			TRY(lower_constant(l,
				(struct plan_constant){
					.type = (uint8_t)column_int_type(t), .bits = v.bits},
				&fresh));
		} else {
			TRY(lower_terms(l, &sum, &fresh));
		}
		TRY(lower_sum_null(l, &sum, &null));
	}
	TRY(store_selected(l, match, every, CIRCUIT_VALUE, target, fresh));
	if (null != NO_NODE)
		return store_selected(l, match, every, CIRCUIT_NULL_FLAG, target, null);
	return store_not_null(l, match, target);
}

amt_status lower_update(struct lowering *l, const PgQuery__UpdateStmt *n)
{
	const struct sql_statement *s = l->binder.statement;
	TRY(lower_where(l, n->where_clause));
	uint32_t match = l->match, count;
	if (match == NO_NODE)
		TRY(lower_valid(l, &match));
	bool set[SCHEMA_MAX_COLUMNS] = {false};
	for (size_t i = 0; i < n->n_target_list; i++) {
		const PgQuery__ResTarget *r = n->target_list[i]->res_target;
		SQL_ENSURE(r->n_indirection == 0, s, AMT_UNSUPPORTED, r->location,
			"a part of a column is not supported");
		int target = schema_find(l->binder.schema, r->name);
		SQL_ENSURE(target >= 0, s, AMT_NOT_FOUND, r->location,
			"column \"%s\" of table \"%s\" does not exist", r->name,
			l->binder.schema->table);
		SQL_ENSURE(!set[target], s, AMT_SYNTAX, r->location,
			"multiple assignments to column \"%s\"", r->name);
		set[target] = true;
		SQL_ENSURE(r->val != NULL &&
				   r->val->node_case != PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF,
			s, AMT_UNSUPPORTED, r->location,
			"assignments to a list of columns are not supported");
		TRY(bind_needs_arith(&l->binder, (uint16_t)target, r->location, "in UPDATE"));
		TRY(assign(l, match, (uint16_t)target, r));
	}
	TRY(lower_count(l, l->match, &count));
	return lower_answer(l, count, &l->plan->affected_slot);
}

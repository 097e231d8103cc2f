/* Predicates to circuit nodes. */
#include "query/lower.h"
#include "base/alloc.h"

enum { MAX_FLAT = 15 }; /* see int_all */

amt_status lower_apply(struct lowering *l, enum circuit_op op, enum int_type type,
	const uint32_t *arguments, size_t count, uint32_t *node)
{
	return circuit_apply(&l->plan->circuit, op, 0, type, arguments, count, node);
}

amt_status lower_not(struct lowering *l, uint32_t a, uint32_t *node)
{
	return lower_apply(l, CIRCUIT_NOT, INT_BOOL, &a, 1, node);
}

amt_status lower_both(struct lowering *l, uint32_t a, uint32_t b, uint32_t *node)
{
	if (a == NO_NODE || b == NO_NODE) {
		*node = a == NO_NODE ? b : a;
		return STATUS_OK;
	}
	/* A conjunction dissolves in another while one bootstrap can hold them all. */
	uint32_t arguments[MAX_FLAT + 1];
	size_t n = 0;
	const struct circuit *c = &l->plan->circuit;
	const uint32_t sides[] = {a, b};
	for (unsigned i = 0; i < 2; i++) {
		const struct circuit_node *side = &c->node[sides[i]];
		size_t room = MAX_FLAT - n - (i == 0);
		if (side->op == CIRCUIT_ALL && side->arguments <= room) {
			memcpy(arguments + n, c->argument + side->first_argument,
				side->arguments * sizeof(*arguments));
			n += side->arguments;
		} else {
			arguments[n++] = sides[i];
		}
	}
	return lower_apply(l, CIRCUIT_ALL, INT_BOOL, arguments, n, node);
}

amt_status lower_valid(struct lowering *l, uint32_t *node)
{
	return circuit_load(&l->plan->circuit, CIRCUIT_VALID, 0, INT_BOOL, node);
}

amt_status lower_value(struct lowering *l, uint16_t column, uint32_t *node)
{
	enum int_type type = column_int_type(&l->binder.schema->column[column]);
	return circuit_load(&l->plan->circuit, CIRCUIT_VALUE, column, type, node);
}

amt_status lower_null(struct lowering *l, uint16_t column, uint32_t *node)
{
	return circuit_load(&l->plan->circuit, CIRCUIT_NULL_FLAG, column, INT_BOOL, node);
}

amt_status lower_widened(
	struct lowering *l, uint16_t column, struct common_form form, uint32_t *node)
{
	const struct column *c = &l->binder.schema->column[column];
	enum int_type type = int_type_of_bits(form.bits);
	TRY(lower_value(l, column, node));
	if (column_bits(c) != form.bits)
		TRY(lower_apply(l, CIRCUIT_CAST, type, node, 1, node));
	uint64_t bias = form.is_signed ? UINT64_C(1) << (form.bits - 1) : 0;
	if (bias == column_bias(c))
		return STATUS_OK;
	uint32_t arguments[2] = {*node, 0};
	TRY(circuit_trivial(&l->plan->circuit, type, bias - column_bias(c), &arguments[1]));
	return lower_apply(l, CIRCUIT_ADD, type, arguments, 2, node);
}

amt_status lower_constant(struct lowering *l, struct plan_constant c, uint32_t *node)
{
	struct plan *p = l->plan;
	if (p->circuit.constants == l->constant_room) {
		size_t room = l->constant_room == 0 ? 8 : l->constant_room * 2;
		TRY(mem_grow(&p->constant, room * sizeof(c)));
		l->constant_room = room;
	}
	p->constant[p->circuit.constants] = c;
	return circuit_constant(&p->circuit, (enum int_type)c.type, node);
}

amt_status lower_answer(struct lowering *l, uint32_t node, uint16_t *slot)
{
	const struct circuit *c = &l->plan->circuit;
	*slot = 0;
	for (size_t i = 0; i < c->outputs; i++) {
		if (c->output[i].sink != CIRCUIT_ANSWER_VALUE)
			continue;
		if (c->output[i].node == node)
			return STATUS_OK;
		++*slot;
	}
	return circuit_output(&l->plan->circuit, CIRCUIT_ANSWER_VALUE, CIRCUIT_VALUE, 0, node);
}

amt_status lower_count(struct lowering *l, uint32_t match, uint32_t *node)
{
	if (match == NO_NODE)
		TRY(lower_valid(l, &match));
	return lower_apply(l, CIRCUIT_COUNT, INT_U64, &match, 1, node);
}

static amt_status lower(struct lowering *l, const struct pred *p, uint32_t *node);

/* Groups wider than an operation takes become groups of groups. */
static amt_status lower_group(struct lowering *l, const struct pred *p, uint32_t *node)
{
	enum circuit_op op = p->kind == PRED_ALL ? CIRCUIT_ALL : CIRCUIT_ANY;
	uint32_t *part;
	TRY(arena_alloc(l->binder.arena, p->children * sizeof(*part), &part));
	size_t n = p->children;
	for (size_t i = 0; i < n; i++)
		TRY(lower(l, p->child[i], &part[i]));
	while (n > 1) {
		size_t groups = 0;
		for (size_t i = 0; i < n; i += CIRCUIT_MAX_ARGUMENTS) {
			size_t size = n - i < CIRCUIT_MAX_ARGUMENTS ? n - i : CIRCUIT_MAX_ARGUMENTS;
			TRY(lower_apply(l, op, INT_BOOL, part + i, size, &part[groups++]));
		}
		n = groups;
	}
	*node = part[0];
	return STATUS_OK;
}

static amt_status lower_compare(struct lowering *l, const struct pred *p, uint32_t *node)
{
	const struct column *c = &l->binder.schema->column[p->column];
	uint32_t arguments[2];
	if (p->against_column) {
		struct common_form form = columns_common(c, &l->binder.schema->column[p->other]);
		TRY(lower_widened(l, p->column, form, &arguments[0]));
		TRY(lower_widened(l, p->other, form, &arguments[1]));
	} else {
		TRY(lower_value(l, p->column, &arguments[0]));
		TRY(lower_constant(l, p->constant, &arguments[1]));
	}
	return circuit_apply(
		&l->plan->circuit, CIRCUIT_COMPARE, (uint8_t)p->op, INT_BOOL, arguments, 2, node);
}

static amt_status lower(struct lowering *l, const struct pred *p, uint32_t *node)
{
	switch (p->kind) {
	case PRED_ALL:
	case PRED_ANY:
		return lower_group(l, p, node);
	case PRED_NOT:
		TRY(lower(l, p->child[0], node));
		return lower_not(l, *node, node);
	case PRED_FLAG:
		return lower_value(l, p->column, node);
	case PRED_NULL:
		return lower_null(l, p->column, node);
	case PRED_COMPARE:
		return lower_compare(l, p, node);
	default:
		FAIL(AMT_INTERNAL, "a known truth inside a predicate");
	}
}

amt_status lower_where(struct lowering *l, const PgQuery__Node *where)
{
	const struct pred *p;
	TRY(predicate_bind(&l->binder, where, &p));
	l->plan->has_where = p->kind != PRED_TRUE;
	l->where = l->match = NO_NODE;
	uint32_t valid = NO_NODE;
	if (l->deletes || p->kind == PRED_FALSE)
		TRY(lower_valid(l, &valid));
	if (p->kind == PRED_FALSE) {
		/* A bit of each row that is never set. */
		uint32_t arguments[] = {valid, 0, valid};
		TRY(lower_not(l, valid, &arguments[1]));
		TRY(lower_apply(l, CIRCUIT_SELECT, INT_BOOL, arguments, 3, &l->where));
		l->match = l->where;
		return STATUS_OK;
	}
	if (p->kind != PRED_TRUE)
		TRY(lower(l, p, &l->where));
	return lower_both(l, l->where, valid, &l->match);
}

/* Bound arithmetic to circuit nodes.
 *
 * The arith form x' of a signed value is x + B, B = 2^(bits-1). Operations take x itself; sums take
 * either, since 2 B = 0 modulo 2^bits: a sum has B in it if the number of its signed columns is odd,
 * and where that is not what is wanted, B goes into the encrypted constant if there is one, else the
 * top bit is turned. Nodes are of unsigned types but for what asks for signs: quotients,
 * remainders and shifts to the right.
 */
#include "query/arith.h"

enum { MAX_FLAGS = 128 };

struct lowered {
	struct lowering *l;
	const struct column *t;
	struct common_form form;
	enum int_type type; /* of the form, unsigned */
	uint32_t flag[MAX_FLAGS];
	size_t flags;
};

static enum int_type signed_type(enum int_type t)
{
	return t == INT_U8 ? INT_I8 : t == INT_U16 ? INT_I16 : t == INT_U32 ? INT_I32 : INT_I64;
}

static amt_status add_flag(struct lowered *w, uint32_t node)
{
	for (size_t i = 0; i < w->flags; i++)
		if (w->flag[i] == node)
			return STATUS_OK;
	ENSURE(w->flags < MAX_FLAGS, AMT_LIMIT, "more than %d columns and divisions", MAX_FLAGS);
	w->flag[w->flags++] = node;
	return STATUS_OK;
}

static amt_status note_column(struct lowered *w, uint16_t column)
{
	uint32_t flag;
	if (w->l->binder.schema->column[column].not_null)
		return STATUS_OK;
	TRY(lower_null(w->l, column, &flag));
	return add_flag(w, flag);
}

static amt_status lower_constant_of(
	struct lowered *w, enum int_type type, uint64_t bits, uint32_t *node)
{
	bits &= UINT64_MAX >> (64 - int_type_bits(type));
	return lower_constant(
		w->l, (struct plan_constant){.type = (uint8_t)type, .bits = bits}, node);
}

static amt_status lower_operation(struct lowered *w, const struct arith_term *t, uint32_t *node);

/* Whether the node of a term is x + B. */
static bool has_bias(const struct lowered *w, const struct arith_term *t)
{
	return t->op == CIRCUIT_LOAD && column_signed(&w->l->binder.schema->column[t->column]);
}

static amt_status lower_term(struct lowered *w, const struct arith_term *t, uint32_t *node)
{
	if (t->op != CIRCUIT_LOAD)
		return lower_operation(w, t, node);
	TRY(note_column(w, t->column));
	struct common_form form = {w->form.bits, has_bias(w, t)};
	return lower_widened(w->l, t->column, form, node);
}

/* x, or x + B if `biased`. */
static amt_status lower_sum(
	struct lowered *w, const struct arith_sum *sum, bool biased, uint32_t *node)
{
	struct circuit *circuit = &w->l->plan->circuit;
	uint64_t turned = w->form.is_signed ? UINT64_C(1) << (w->form.bits - 1) : 0;
	bool odd = biased;
	for (const struct arith_term *t = sum->first; t != NULL; t = t->next)
		odd ^= has_bias(w, t);
	uint64_t correction = odd ? turned : 0;
	uint32_t pair[2];
	*node = NO_NODE;
	for (const struct arith_term *t = sum->first; t != NULL; t = t->next) {
		if (t->negative)
			continue;
		TRY(lower_term(w, t, &pair[1]));
		pair[0] = *node;
		*node = pair[1];
		if (pair[0] != NO_NODE)
			TRY(lower_apply(w->l, CIRCUIT_ADD, w->type, pair, 2, node));
	}
	if (sum->has_constant || *node == NO_NODE) {
		pair[0] = *node;
		uint64_t bits = (uint64_t)sum->constant + correction;
		TRY(sum->has_constant ? lower_constant_of(w, w->type, bits, &pair[1])
				      : circuit_trivial(circuit, w->type, correction, &pair[1]));
		correction = 0;
		*node = pair[1];
		if (pair[0] != NO_NODE)
			TRY(lower_apply(w->l, CIRCUIT_ADD, w->type, pair, 2, node));
	}
	for (const struct arith_term *t = sum->first; t != NULL; t = t->next) {
		if (!t->negative)
			continue;
		pair[0] = *node;
		TRY(lower_term(w, t, &pair[1]));
		TRY(lower_apply(w->l, CIRCUIT_SUB, w->type, pair, 2, node));
	}
	if (correction == 0)
		return STATUS_OK;
	pair[0] = *node;
	TRY(circuit_trivial(circuit, w->type, correction, &pair[1]));
	return circuit_apply(circuit, CIRCUIT_LOGIC, INT_XOR, w->type, pair, 2, node);
}

static amt_status lower_amount(struct lowered *w, const struct arith_sum *sum, uint32_t *node)
{
	if (!sum->own_type)
		return lower_sum(w, sum, false, node);
	if (sum->terms == 0)
		return lower_constant_of(w, INT_U8, (uint64_t)sum->constant, node);
	TRY(note_column(w, sum->first->column));
	return lower_value(w->l, sum->first->column, node);
}

/* The divisor of what may become NULL is 0. */
static amt_status note_zero(struct lowered *w, const struct arith_sum *divisor, uint32_t node)
{
	uint32_t pair[2] = {node, 0};
	if (w->t->not_null || divisor->terms == 0)
		return STATUS_OK;
	struct circuit *circuit = &w->l->plan->circuit;
	TRY(circuit_trivial(circuit, w->type, 0, &pair[1]));
	TRY(circuit_apply(circuit, CIRCUIT_COMPARE, INT_EQ, INT_BOOL, pair, 2, &node));
	return add_flag(w, node);
}

static amt_status lower_operation(struct lowered *w, const struct arith_term *t, uint32_t *node)
{
	uint32_t pair[2];
	size_t count = t->op == CIRCUIT_INVERT ? 1 : 2;
	enum int_type type = w->type;
	bool divides = t->op == CIRCUIT_DIV || t->op == CIRCUIT_REM;
	bool right = t->op == CIRCUIT_SHIFT && t->detail == INT_SHR;
	TRY(lower_sum(w, &t->left, false, &pair[0]));
	if (t->op == CIRCUIT_SHIFT)
		TRY(lower_amount(w, &t->right, &pair[1]));
	else if (count == 2)
		TRY(lower_sum(w, &t->right, false, &pair[1]));
	if (divides)
		TRY(note_zero(w, &t->right, pair[1]));
	if (w->form.is_signed && (divides || right)) {
		type = signed_type(type);
		TRY(lower_apply(w->l, CIRCUIT_CAST, type, &pair[0], 1, &pair[0]));
		if (divides)
			TRY(lower_apply(w->l, CIRCUIT_CAST, type, &pair[1], 1, &pair[1]));
	}
	TRY(circuit_apply(
		&w->l->plan->circuit, (enum circuit_op)t->op, t->detail, type, pair, count, node));
	return lower_apply(w->l, CIRCUIT_CAST, w->type, node, 1, node);
}

amt_status arith_lower(struct lowering *l, const struct arith *a, uint32_t *value, uint32_t *null)
{
	const struct column *t = &l->binder.schema->column[a->target];
	struct lowered w = {.l = l,
		.t = t,
		.form = {column_bits(t), column_signed(t)},
		.type = column_int_type(t)};
	TRY(lower_sum(&w, &a->sum, true, value));
	*null = NO_NODE;
	return w.flags == 0 ? STATUS_OK
			    : lower_apply(l, CIRCUIT_ANY, INT_BOOL, w.flag, w.flags, null);
}

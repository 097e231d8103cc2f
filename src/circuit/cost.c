/* The cost model: bootstraps as the integer layer performs them (design: an honest model counts
 * what the lowered circuit runs). */
#include "circuit/rules.h"

#include "base/alloc.h"

static unsigned digits(unsigned blocks)
{
	return (blocks + 1) / 2; /* comparisons pack two blocks in one digit */
}

/* Bootstraps of a tree that joins `count` values, `arity` at a time, and its depth. */
static unsigned tree(unsigned count, unsigned arity, unsigned *depth)
{
	unsigned total = 0;
	for (*depth = 0; count > 1; (*depth)++) {
		count = (count + arity - 1) / arity;
		total += count;
	}
	return total;
}

struct node_cost {
	double each; /* bootstraps for each value the operation works on */
	unsigned depth;
};

static struct node_cost compare_cost(uint8_t comparison, unsigned blocks)
{
	unsigned d = digits(blocks), depth;
	if (comparison == INT_EQ || comparison == INT_NE) {
		/* The sum of 16 flags, one of which may be -1, has no single table. */
		unsigned joins = d < 16 ? d > 1 : 2;
		return (struct node_cost){d + joins, 1 + joins};
	}
	unsigned joins = tree(d, 4, &depth);
	return (struct node_cost){d + joins, 1 + depth};
}

/* As if no operand were clear. */
static struct node_cost arithmetic_cost(const struct circuit_node *n)
{
	enum int_type type = (enum int_type)n->type;
	enum int_operation op = n->op == CIRCUIT_MUL				? INT_OP_MUL
				: n->op == CIRCUIT_LOGIC			? INT_OP_LOGIC
				: n->op != CIRCUIT_SHIFT			? INT_OP_DIVIDE
				: n->detail == INT_SHR && int_type_signed(type) ? INT_OP_SHR_SIGNED
										: INT_OP_SHL;
	struct int_cost cost = int_cost(op, type);
	return (struct node_cost){cost.bootstraps, cost.depth};
}

/* The digits of a clear value from the lowest that is not 0 up, of `blocks`; 0: the value is 0. */
static unsigned digits_from(uint64_t value, unsigned blocks)
{
	unsigned zeros = value == 0 ? 2 * blocks : (unsigned)__builtin_ctzll(value);
	return blocks - (zeros / 2 < blocks ? zeros / 2 : blocks);
}

/* Digits other than 0 and 3: by those XOR is linear. */
static unsigned mixed_digits(uint64_t value)
{
	return (unsigned)__builtin_popcountll((value ^ value >> 1) & UINT64_C(0x5555555555555555));
}

/* Whether what is stored comes out of a shift, in noisier blocks than are stored. */
static bool is_noisy(const struct circuit *c, const struct circuit_node *n)
{
	while (n->op == CIRCUIT_CAST || n->op == CIRCUIT_INVERT || n->op == CIRCUIT_LOGIC) {
		const uint32_t *a = circuit_arguments(c, n);
		if (n->op == CIRCUIT_LOGIC && c->node[a[1]].op != CIRCUIT_TRIVIAL)
			return false;
		n = &c->node[a[0]];
	}
	return n->op == CIRCUIT_SHIFT;
}

/* ADD and SUB: with a clear operand two blocks a rotation. */
static struct node_cost sum_cost(const struct circuit *c, const struct circuit_node *n)
{
	unsigned blocks = int_type_blocks((enum int_type)n->type);
	for (unsigned i = 0; i < n->arguments; i++) {
		const struct circuit_node *a = &c->node[circuit_arguments(c, n)[i]];
		if (a->op != CIRCUIT_TRIVIAL)
			continue;
		/* k - x = ~x + k + 1 */
		unsigned left = n->op == CIRCUIT_SUB && i == 0;
		unsigned pairs = (digits_from(a->value + left, blocks) + 1) / 2;
		return (struct node_cost){pairs, pairs};
	}
	return (struct node_cost){blocks, blocks};
}

static struct node_cost node_cost(const struct circuit *c, const struct circuit_node *n)
{
	unsigned blocks = int_type_blocks((enum int_type)n->type);
	enum int_type first = n->arguments > 0
				      ? (enum int_type)c->node[circuit_arguments(c, n)[0]].type
				      : INT_BOOL;
	unsigned first_blocks = int_type_blocks(first);
	struct node_cost order = compare_cost(INT_LT, blocks);
	unsigned depth;
	switch (n->op) {
	case CIRCUIT_ALL:
	case CIRCUIT_ANY: {
		unsigned joins = tree(n->arguments, 15, &depth);
		return (struct node_cost){joins, depth};
	}
	case CIRCUIT_COMPARE:
		return compare_cost(n->detail, first_blocks);
	case CIRCUIT_ADD:
	case CIRCUIT_SUB:
		return sum_cost(c, n);
	case CIRCUIT_LOGIC: {
		const struct circuit_node *right = &c->node[circuit_arguments(c, n)[1]];
		if (n->detail != INT_XOR || right->op != CIRCUIT_TRIVIAL)
			return arithmetic_cost(n);
		unsigned mixed = mixed_digits(right->value);
		return (struct node_cost){mixed, mixed > 0};
	}
	case CIRCUIT_MUL:
	case CIRCUIT_DIV:
	case CIRCUIT_REM:
	case CIRCUIT_SHIFT:
		return arithmetic_cost(n);
	case CIRCUIT_SELECT:
	case CIRCUIT_MASK:
		return (struct node_cost){blocks, 1};
	case CIRCUIT_COUNT: /* fifteen flags a rotation, and then the digits of their sums */
		return (struct node_cost){0.084, 0};
	case CIRCUIT_SUM: /* carry-save compression, measured over 3000 rows */
		return (struct node_cost){0.36 * first_blocks, 0};
	case CIRCUIT_MIN:
	case CIRCUIT_MAX:
		return (struct node_cost){order.each + blocks, 0};
	default:
		return (struct node_cost){0, 0};
	}
}

void circuit_cost(const struct circuit *c, uint64_t rows, struct circuit_cost *out)
{
	*out = (struct circuit_cost){0};
	unsigned depth[CIRCUIT_MAX_NODES];
	for (size_t i = 0; i < c->nodes; i++) {
		const struct circuit_node *n = &c->node[i];
		const uint32_t *a = circuit_arguments(c, n);
		struct node_cost cost = node_cost(c, n);
		unsigned deepest = 0;
		for (unsigned k = 0; k < n->arguments; k++)
			if (depth[a[k]] > deepest)
				deepest = depth[a[k]];
		depth[i] = deepest + cost.depth;
		if (n->per_row || circuit_is_aggregate(n->op))
			out->per_row += cost.each;
		else
			out->fixed += cost.each;
		if (circuit_is_aggregate(n->op) && (n->op == CIRCUIT_COUNT || n->op == CIRCUIT_SUM))
			out->fixed += 32; /* the last carries ripple through a u64 at most */
		if (n->per_row && depth[i] > out->depth)
			out->depth = depth[i];
	}
	for (size_t i = 0; i < c->outputs; i++) {
		const struct circuit_node *n = &c->node[c->output[i].node];
		if (c->output[i].sink == CIRCUIT_STORE && is_noisy(c, n))
			out->per_row += int_type_blocks((enum int_type)n->type);
	}
	out->total = out->fixed + out->per_row * (double)rows;
}

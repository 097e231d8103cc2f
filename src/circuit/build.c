/* Building circuits. Equal nodes are found again by a linear search: circuits are small (at most
 * CIRCUIT_MAX_NODES) and made once a query. */
#include "base/alloc.h"
#include "circuit/rules.h"

void circuit_free(struct circuit *c)
{
	mem_free(c->node);
	mem_free(c->argument);
	mem_free(c->output);
	*c = (struct circuit){0};
}

static amt_status room(void *array, size_t used, size_t *capacity, size_t extra, size_t item,
	size_t max, const char *what)
{
	ENSURE(used + extra <= max, AMT_LIMIT, "a circuit of more than %zu %s", max, what);
	if (used + extra <= *capacity)
		return STATUS_OK;
	size_t grown = (used + extra) * 2;
	TRY(mem_grow(array, grown * item));
	*capacity = grown;
	return STATUS_OK;
}

static bool same(
	const struct circuit *c, const struct circuit_node *a, const struct circuit_node *b)
{
	return a->op == b->op && a->type == b->type && a->detail == b->detail &&
	       a->index == b->index && a->value == b->value && a->arguments == b->arguments &&
	       memcmp(circuit_arguments(c, a), circuit_arguments(c, b),
		       a->arguments * sizeof(uint32_t)) == 0;
}

static amt_status append(
	struct circuit *c, struct circuit_node n, const uint32_t *arguments, uint32_t *node)
{
	TRY(room(&c->node, c->nodes, &c->node_capacity, 1, sizeof(n), CIRCUIT_MAX_NODES, "nodes"));
	TRY(room(&c->argument, c->arguments, &c->argument_capacity, n.arguments + 1u,
		sizeof(uint32_t), (size_t)CIRCUIT_MAX_NODES * CIRCUIT_MAX_ARGUMENTS, "arguments"));
	n.first_argument = (uint32_t)c->arguments;
	if (n.arguments > 0)
		memcpy(c->argument + c->arguments, arguments, n.arguments * sizeof(uint32_t));
	c->node[c->nodes] = n;
	c->arguments += n.arguments;
	for (size_t i = 0; i < c->nodes; i++)
		if (same(c, &c->node[i], &c->node[c->nodes])) {
			c->arguments -= n.arguments;
			*node = (uint32_t)i;
			return STATUS_OK;
		}
	amt_status s = circuit_check_node(c, c->nodes, AMT_TYPE_MISMATCH);
	if (!amt_ok(s)) {
		c->arguments -= n.arguments;
		return s;
	}
	*node = (uint32_t)c->nodes++;
	return STATUS_OK;
}

amt_status circuit_load(struct circuit *c, enum circuit_part part, uint16_t column,
	enum int_type type, uint32_t *node)
{
	struct circuit_node n = {.op = CIRCUIT_LOAD,
		.type = (uint8_t)type,
		.detail = (uint8_t)part,
		.index = column};
	return append(c, n, NULL, node);
}

amt_status circuit_constant(struct circuit *c, enum int_type type, uint32_t *node)
{
	ENSURE(c->constants < CIRCUIT_MAX_CONSTANTS, AMT_LIMIT, "more than %u constants",
		CIRCUIT_MAX_CONSTANTS);
	ENSURE(type <= INT_I64, AMT_TYPE_MISMATCH, "no type %d", (int)type);
	c->constant_type[c->constants] = (uint8_t)type;
	struct circuit_node n = {
		.op = CIRCUIT_CONSTANT, .type = (uint8_t)type, .index = (uint16_t)c->constants};
	c->constants++;
	return append(c, n, NULL, node);
}

amt_status circuit_trivial(struct circuit *c, enum int_type type, uint64_t value, uint32_t *node)
{
	struct circuit_node n = {.op = CIRCUIT_TRIVIAL, .type = (uint8_t)type, .value = value};
	return append(c, n, NULL, node);
}

/* ALL and ANY without repeated or neutral arguments; an absorbing one (false in ALL, true in ANY)
 * decides. */
static amt_status apply_nary(struct circuit *c, enum circuit_op op, const uint32_t *arguments,
	size_t count, uint32_t *node)
{
	uint64_t neutral = op == CIRCUIT_ALL;
	uint32_t kept[CIRCUIT_MAX_ARGUMENTS];
	size_t n = 0;
	ENSURE(count >= 1 && count <= CIRCUIT_MAX_ARGUMENTS, AMT_LIMIT,
		"%s of %zu conditions, at most %u", circuit_op_name((uint8_t)op), count,
		CIRCUIT_MAX_ARGUMENTS);
	for (size_t i = 0; i < count; i++) {
		ENSURE(arguments[i] < c->nodes, AMT_INTERNAL, "no node %u", arguments[i]);
		const struct circuit_node *a = &c->node[arguments[i]];
		bool known = a->op == CIRCUIT_TRIVIAL;
		if (known && a->value != neutral) {
			*node = arguments[i];
			return STATUS_OK;
		}
		bool repeated = false;
		for (size_t k = 0; k < n; k++)
			repeated |= kept[k] == arguments[i];
		if (!known && !repeated)
			kept[n++] = arguments[i];
	}
	if (n == 0)
		return circuit_trivial(c, INT_BOOL, neutral, node);
	if (n == 1) {
		*node = kept[0];
		return STATUS_OK;
	}
	struct circuit_node made = {.op = (uint8_t)op, .type = INT_BOOL, .arguments = (uint16_t)n};
	return append(c, made, kept, node);
}

amt_status circuit_apply(struct circuit *c, enum circuit_op op, uint8_t detail, enum int_type type,
	const uint32_t *arguments, size_t count, uint32_t *node)
{
	for (size_t i = 0; i < count; i++)
		ENSURE(arguments[i] < c->nodes, AMT_INTERNAL, "no node %u", arguments[i]);
	if (op == CIRCUIT_ALL || op == CIRCUIT_ANY)
		return apply_nary(c, op, arguments, count, node);
	if (op == CIRCUIT_NOT && count == 1) {
		const struct circuit_node *a = &c->node[arguments[0]];
		if (a->op == CIRCUIT_NOT) {
			*node = circuit_arguments(c, a)[0];
			return STATUS_OK;
		}
		if (a->op == CIRCUIT_TRIVIAL)
			return circuit_trivial(c, INT_BOOL, !a->value, node);
	}
	if (op == CIRCUIT_CAST && count == 1 && c->node[arguments[0]].type == type) {
		*node = arguments[0];
		return STATUS_OK;
	}
	ENSURE(count <= CIRCUIT_MAX_ARGUMENTS, AMT_LIMIT, "%zu arguments", count);
	struct circuit_node n = {.op = (uint8_t)op,
		.type = (uint8_t)type,
		.detail = detail,
		.arguments = (uint16_t)count};
	return append(c, n, arguments, node);
}

amt_status circuit_output(struct circuit *c, enum circuit_sink sink, enum circuit_part part,
	uint16_t column, uint32_t node)
{
	TRY(room(&c->output, c->outputs, &c->output_capacity, 1, sizeof(*c->output),
		CIRCUIT_MAX_OUTPUTS, "outputs"));
	struct circuit_output o = {
		.sink = (uint8_t)sink, .part = (uint8_t)part, .index = column, .node = node};
	TRY(circuit_check_output(c, &o, AMT_TYPE_MISMATCH));
	c->output[c->outputs++] = o;
	return STATUS_OK;
}

amt_status circuit_prune(struct circuit *c)
{
	uint32_t *number;
	TRY(mem_array(&number, c->nodes + 1, sizeof(*number)));
	for (size_t i = 0; i < c->outputs; i++)
		number[c->output[i].node] = 1;
	for (size_t i = c->nodes; i-- > 0;)
		for (unsigned k = 0; number[i] != 0 && k < c->node[i].arguments; k++)
			number[circuit_arguments(c, &c->node[i])[k]] = 1;
	size_t kept = 0, arguments = 0;
	for (size_t i = 0; i < c->nodes; i++) {
		if (number[i] == 0)
			continue;
		struct circuit_node n = c->node[i];
		for (unsigned k = 0; k < n.arguments; k++)
			c->argument[arguments + k] = number[c->argument[n.first_argument + k]];
		n.first_argument = (uint32_t)arguments;
		arguments += n.arguments;
		number[i] = (uint32_t)kept;
		c->node[kept++] = n;
	}
	for (size_t i = 0; i < c->outputs; i++)
		c->output[i].node = number[c->output[i].node];
	c->nodes = kept;
	c->arguments = arguments;
	mem_free(number);
	return STATUS_OK;
}

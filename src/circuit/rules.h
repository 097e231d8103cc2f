/* The one place that knows the types of operations: the builder and the decoder both ask it. */
#ifndef CIRCUIT_RULES_H
#define CIRCUIT_RULES_H

#include "circuit/circuit.h"

/* Checks node `number` (arguments, types, limits) against the nodes before it and sets its per_row
 * and late. `code` is the error a violation gives: AMT_TYPE_MISMATCH for builders, AMT_CORRUPTION
 * for decoders. */
amt_status circuit_check_node(struct circuit *c, size_t number, amt_code code);
amt_status circuit_check_output(
	const struct circuit *c, const struct circuit_output *output, amt_code code);

bool circuit_is_aggregate(uint8_t op);
const char *circuit_op_name(uint8_t op);
static inline const uint32_t *circuit_arguments(
	const struct circuit *c, const struct circuit_node *n)
{
	return c->argument + n->first_argument;
}

#endif

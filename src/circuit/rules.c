#include "circuit/rules.h"

bool circuit_is_aggregate(uint8_t op)
{
	return op == CIRCUIT_COUNT || op == CIRCUIT_SUM || op == CIRCUIT_MIN || op == CIRCUIT_MAX;
}

const char *circuit_op_name(uint8_t op)
{
	static const char *const names[CIRCUIT_OPS] = {"load", "constant", "trivial", "not", "all",
		"any", "compare", "add", "sub", "select", "mask", "cast", "count", "sum", "min",
		"max", "mul", "div", "rem", "logic", "invert", "shift"};
	return op < CIRCUIT_OPS ? names[op] : "?";
}

/* How an operation looks: number of arguments, and what is asked of their types. */
static amt_status check_shape(const struct circuit *c, const struct circuit_node *n, amt_code code)
{
	const uint32_t *a = circuit_arguments(c, n);
	size_t wanted = 0, most = 0;
	switch (n->op) {
	case CIRCUIT_LOAD:
	case CIRCUIT_CONSTANT:
	case CIRCUIT_TRIVIAL:
		break;
	case CIRCUIT_ALL:
	case CIRCUIT_ANY:
		wanted = 1;
		most = CIRCUIT_MAX_ARGUMENTS;
		break;
	case CIRCUIT_COMPARE:
	case CIRCUIT_ADD:
	case CIRCUIT_SUB:
	case CIRCUIT_MASK:
	case CIRCUIT_MUL:
	case CIRCUIT_DIV:
	case CIRCUIT_REM:
	case CIRCUIT_LOGIC:
	case CIRCUIT_SHIFT:
		wanted = most = 2;
		break;
	case CIRCUIT_SELECT:
		wanted = most = 3;
		break;
	default:
		wanted = most = 1;
	}
	ENSURE(n->arguments >= wanted && n->arguments <= most, code, "%s with %u arguments",
		circuit_op_name(n->op), n->arguments);
#define ARGUMENT_TYPE(i) ((enum int_type)c->node[a[i]].type)
#define NEED(condition, words)                                                                 \
	ENSURE(condition, code, "%s of %s: %s", circuit_op_name(n->op),                        \
		n->arguments > 0 ? int_type_name(ARGUMENT_TYPE(n->arguments - 1)) : "nothing", \
		words)
	switch (n->op) {
	case CIRCUIT_LOAD:
		NEED(n->detail < CIRCUIT_PARTS, "no such part");
		NEED(n->detail == CIRCUIT_VALUE || n->type == INT_BOOL, "a flag is a bool");
		NEED(n->detail != CIRCUIT_VALID || n->index == 0, "validity belongs to the row");
		break;
	case CIRCUIT_CONSTANT:
		NEED(n->index < c->constants, "no such constant");
		NEED(c->constant_type[n->index] == n->type, "the constant has another type");
		break;
	case CIRCUIT_TRIVIAL: {
		unsigned bits = int_type_bits((enum int_type)n->type);
		NEED(bits == 64 || n->value >> bits == 0, "the value does not fit its type");
		break;
	}
	case CIRCUIT_NOT:
	case CIRCUIT_ALL:
	case CIRCUIT_ANY:
		for (unsigned i = 0; i < n->arguments; i++)
			NEED(ARGUMENT_TYPE(i) == INT_BOOL, "bools needed");
		NEED(n->type == INT_BOOL, "the result is a bool");
		break;
	case CIRCUIT_COMPARE:
		NEED(n->detail <= INT_GE, "no such comparison");
		NEED(ARGUMENT_TYPE(0) == ARGUMENT_TYPE(1), "two of one type needed");
		NEED(n->type == INT_BOOL, "the result is a bool");
		break;
	case CIRCUIT_ADD:
	case CIRCUIT_SUB:
	case CIRCUIT_MUL:
	case CIRCUIT_DIV:
	case CIRCUIT_REM:
	case CIRCUIT_LOGIC:
		NEED(n->op != CIRCUIT_LOGIC || n->detail <= INT_XOR, "no such operation");
		NEED(ARGUMENT_TYPE(0) == ARGUMENT_TYPE(1) && n->type == ARGUMENT_TYPE(0),
			"one type needed");
		NEED(n->type != INT_BOOL, "integers needed");
		break;
	case CIRCUIT_INVERT:
		NEED(ARGUMENT_TYPE(0) != INT_BOOL && n->type == ARGUMENT_TYPE(0),
			"integers needed, the type stays");
		break;
	case CIRCUIT_SHIFT:
		NEED(n->detail <= INT_ROTR, "no such shift");
		NEED(ARGUMENT_TYPE(0) != INT_BOOL && n->type == ARGUMENT_TYPE(0),
			"integers needed, the type stays");
		NEED(ARGUMENT_TYPE(1) != INT_BOOL, "an amount needed");
		break;
	case CIRCUIT_SELECT:
		NEED(ARGUMENT_TYPE(0) == INT_BOOL, "the condition is a bool");
		NEED(ARGUMENT_TYPE(1) == ARGUMENT_TYPE(2) && n->type == ARGUMENT_TYPE(1),
			"one type needed");
		break;
	case CIRCUIT_MASK:
		NEED(ARGUMENT_TYPE(0) == INT_BOOL, "the condition is a bool");
		NEED(n->type == ARGUMENT_TYPE(1), "the type stays");
		break;
	case CIRCUIT_CAST:
		break;
	case CIRCUIT_COUNT:
		NEED(ARGUMENT_TYPE(0) == INT_BOOL && n->type == INT_U64, "bool to u64");
		break;
	case CIRCUIT_SUM:
		NEED(ARGUMENT_TYPE(0) != INT_BOOL && !int_type_signed(ARGUMENT_TYPE(0)),
			"unsigned integers needed");
		NEED(n->type == INT_U64, "the result is a u64");
		break;
	case CIRCUIT_MIN:
	case CIRCUIT_MAX:
		NEED(ARGUMENT_TYPE(0) != INT_BOOL && n->type == ARGUMENT_TYPE(0),
			"integers needed, the type stays");
		break;
	default:
		return ERROR(code, "unknown operation %u", n->op);
	}
#undef NEED
#undef ARGUMENT_TYPE
	return STATUS_OK;
}

amt_status circuit_check_node(struct circuit *c, size_t number, amt_code code)
{
	struct circuit_node *n = &c->node[number];
	ENSURE(number < CIRCUIT_MAX_NODES, AMT_LIMIT, "a circuit of more than %u nodes",
		CIRCUIT_MAX_NODES);
	ENSURE(n->op < CIRCUIT_OPS && n->type <= INT_I64, code, "operation %u of type %u", n->op,
		n->type);
	bool rows = n->op == CIRCUIT_LOAD, late = false;
	for (unsigned i = 0; i < n->arguments; i++) {
		uint32_t a = circuit_arguments(c, n)[i];
		ENSURE(a < number, code, "node %zu uses node %u, which comes later", number, a);
		rows |= c->node[a].per_row;
		late |= c->node[a].late;
	}
	TRY(check_shape(c, n, code));
	ENSURE(!(rows && late), code, "node %zu needs an aggregate for each row: a second query",
		number);
	bool aggregate = circuit_is_aggregate(n->op);
	ENSURE(!aggregate || rows, code, "%s of a single value", circuit_op_name(n->op));
	n->per_row = rows && !aggregate;
	n->late = late || aggregate;
	return STATUS_OK;
}

amt_status circuit_check_output(
	const struct circuit *c, const struct circuit_output *o, amt_code code)
{
	ENSURE(o->node < c->nodes, code, "an output names node %u of %zu", o->node, c->nodes);
	const struct circuit_node *n = &c->node[o->node];
	switch (o->sink) {
	case CIRCUIT_ANSWER_ROWS:
		ENSURE(n->per_row && n->type == INT_BOOL, code,
			"row bits must be a bool of each row");
		return STATUS_OK;
	case CIRCUIT_ANSWER_VALUE:
		ENSURE(!n->per_row, code, "an answer value must be single");
		return STATUS_OK;
	case CIRCUIT_STORE:
		ENSURE(n->per_row && o->part < CIRCUIT_PARTS, code,
			"only a value of each row can be stored");
		ENSURE(o->part == CIRCUIT_VALUE || n->type == INT_BOOL, code, "a flag is a bool");
		return STATUS_OK;
	default:
		return ERROR(code, "unknown sink %u", o->sink);
	}
}

#include "circuit/rules.h"

static const char *const comparisons[] = {"eq", "ne", "lt", "le", "gt", "ge"};
static const char *const logics[] = {"and", "or", "xor"};
static const char *const shifts[] = {"left", "right", "turn_left", "turn_right"};
static const char *const parts[CIRCUIT_PARTS] = {"", ".null", "valid"};
static const char *const sinks[] = {"row bits", "value", "store"};

static amt_status print_column(
	uint16_t index, uint8_t part, const char *const *columns, struct buf *out)
{
	if (part == CIRCUIT_VALID)
		return buf_printf(out, "valid");
	if (columns != NULL)
		return buf_printf(out, "%s%s", columns[index], parts[part]);
	return buf_printf(out, "column %u%s", index, parts[part]);
}

static amt_status print_node(
	const struct circuit *c, size_t i, const char *const *columns, struct buf *out)
{
	const struct circuit_node *n = &c->node[i];
	TRY(buf_printf(out, "%%%zu = %s", i, circuit_op_name(n->op)));
	switch (n->op) {
	case CIRCUIT_LOAD:
		TRY(buf_printf(out, " "));
		TRY(print_column(n->index, n->detail, columns, out));
		break;
	case CIRCUIT_CONSTANT:
		TRY(buf_printf(out, " $%u", n->index + 1u));
		break;
	case CIRCUIT_TRIVIAL:
		TRY(buf_printf(out, " %llu", (unsigned long long)n->value));
		break;
	case CIRCUIT_COMPARE:
		TRY(buf_printf(out, ".%s", comparisons[n->detail]));
		break;
	case CIRCUIT_LOGIC:
		TRY(buf_printf(out, ".%s", logics[n->detail]));
		break;
	case CIRCUIT_SHIFT:
		TRY(buf_printf(out, ".%s", shifts[n->detail]));
		break;
	default:
		break;
	}
	for (unsigned k = 0; k < n->arguments; k++)
		TRY(buf_printf(out, " %%%u", circuit_arguments(c, n)[k]));
	return buf_printf(out, " : %s%s\n", int_type_name((enum int_type)n->type),
		n->per_row ? " a row" : "");
}

amt_status circuit_print(const struct circuit *c, const char *const *columns, struct buf *out)
{
	for (size_t i = 0; i < c->nodes; i++)
		TRY(print_node(c, i, columns, out));
	for (size_t i = 0; i < c->outputs; i++) {
		const struct circuit_output *o = &c->output[i];
		TRY(buf_printf(out, "-> %s", sinks[o->sink]));
		if (o->sink == CIRCUIT_STORE) {
			TRY(buf_printf(out, " "));
			TRY(print_column(o->index, o->part, columns, out));
		}
		TRY(buf_printf(out, " %%%u\n", o->node));
	}
	return STATUS_OK;
}

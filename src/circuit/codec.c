/* The serialised circuit, part of every query message:
 *
 *	varint  constants, then a type byte each
 *	varint  nodes, then each: u8 op, u8 type, u8 detail, varint index, varint value,
 *	        varint arguments, varint each
 *	varint  outputs, then each: u8 sink, u8 part, varint index, varint node
 *
 * A circuit that decodes has passed every check of the builder.
 */
#include "base/alloc.h"
#include "circuit/rules.h"

amt_status circuit_put(const struct circuit *c, struct buf *out)
{
	TRY(buf_put_varint(out, c->constants));
	TRY(buf_put(out, c->constant_type, c->constants));
	TRY(buf_put_varint(out, c->nodes));
	for (size_t i = 0; i < c->nodes; i++) {
		const struct circuit_node *n = &c->node[i];
		const uint8_t head[3] = {n->op, n->type, n->detail};
		TRY(buf_put(out, head, sizeof(head)));
		TRY(buf_put_varint(out, n->index));
		TRY(buf_put_varint(out, n->value));
		TRY(buf_put_varint(out, n->arguments));
		for (unsigned k = 0; k < n->arguments; k++)
			TRY(buf_put_varint(out, circuit_arguments(c, n)[k]));
	}
	TRY(buf_put_varint(out, c->outputs));
	for (size_t i = 0; i < c->outputs; i++) {
		TRY(buf_put_u8(out, c->output[i].sink));
		TRY(buf_put_u8(out, c->output[i].part));
		TRY(buf_put_varint(out, c->output[i].index));
		TRY(buf_put_varint(out, c->output[i].node));
	}
	return STATUS_OK;
}

static amt_status read_count(struct reader *in, uint64_t max, const char *what, uint64_t *out)
{
	TRY(read_varint(in, out));
	ENSURE(*out <= max, AMT_CORRUPTION, "%s: %llu %s, at most %llu", in->what,
		(unsigned long long)*out, what, (unsigned long long)max);
	return STATUS_OK;
}

static amt_status get_node(struct circuit *c, struct reader *in, size_t number)
{
	struct circuit_node *n = &c->node[number];
	uint64_t index, arguments;
	TRY(read_u8(in, &n->op));
	TRY(read_u8(in, &n->type));
	TRY(read_u8(in, &n->detail));
	TRY(read_count(in, UINT16_MAX, "as an index", &index));
	TRY(read_varint(in, &n->value));
	TRY(read_count(in, CIRCUIT_MAX_ARGUMENTS, "arguments", &arguments));
	ENSURE(n->op == CIRCUIT_TRIVIAL || n->value == 0, AMT_CORRUPTION, "%s: a value at node %zu",
		in->what, number);
	n->index = (uint16_t)index;
	n->arguments = (uint16_t)arguments;
	n->first_argument = (uint32_t)c->arguments;
	size_t needed = c->arguments + n->arguments;
	if (needed > c->argument_capacity) {
		TRY(mem_grow(&c->argument, 2 * needed * sizeof(uint32_t)));
		c->argument_capacity = 2 * needed;
	}
	for (unsigned k = 0; k < n->arguments; k++) {
		uint64_t a;
		TRY(read_count(in, CIRCUIT_MAX_NODES, "as a node", &a));
		c->argument[c->arguments + k] = (uint32_t)a;
	}
	c->arguments = needed;
	c->nodes = number + 1;
	return circuit_check_node(c, number, AMT_CORRUPTION);
}

static amt_status get(struct circuit *c, struct reader *in)
{
	uint64_t constants, nodes, outputs;
	TRY(read_count(in, CIRCUIT_MAX_CONSTANTS, "constants", &constants));
	TRY(read_copy(in, c->constant_type, constants));
	c->constants = (unsigned)constants;
	for (unsigned i = 0; i < c->constants; i++)
		ENSURE(c->constant_type[i] <= INT_I64, AMT_CORRUPTION, "%s: constant of type %u",
			in->what, c->constant_type[i]);
	TRY(read_count(in, CIRCUIT_MAX_NODES, "nodes", &nodes));
	TRY(mem_array(&c->node, nodes + 1, sizeof(*c->node)));
	c->node_capacity = nodes + 1;
	TRY(mem_grow(&c->argument, sizeof(uint32_t)));
	c->argument_capacity = 1;
	for (size_t i = 0; i < nodes; i++)
		TRY(get_node(c, in, i));
	TRY(read_count(in, CIRCUIT_MAX_OUTPUTS, "outputs", &outputs));
	TRY(mem_array(&c->output, outputs + 1, sizeof(*c->output)));
	c->output_capacity = outputs + 1;
	for (size_t i = 0; i < outputs; i++) {
		struct circuit_output *o = &c->output[i];
		uint64_t index, node;
		TRY(read_u8(in, &o->sink));
		TRY(read_u8(in, &o->part));
		TRY(read_count(in, UINT16_MAX, "as a column", &index));
		TRY(read_count(in, CIRCUIT_MAX_NODES, "as a node", &node));
		o->index = (uint16_t)index;
		o->node = (uint32_t)node;
		TRY(circuit_check_output(c, o, AMT_CORRUPTION));
		c->outputs = i + 1;
	}
	return STATUS_OK;
}

amt_status circuit_get(struct circuit *out, struct reader *in)
{
	*out = (struct circuit){0};
	amt_status s = get(out, in);
	if (!amt_ok(s))
		circuit_free(out);
	return s;
}

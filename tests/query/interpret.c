#include "interpret.h"

#include <stdlib.h>

__extension__ typedef __int128 wide;

/* Of one node: a value a row, or one value. -1 is a constant below everything. */
struct lane {
	wide *v;
	bool single;
};

static wide at(const struct lane *l, size_t row)
{
	return l->v[l->single ? 0 : row];
}

static wide load(const struct plain_table *t, const struct circuit_node *n, size_t row)
{
	if (n->detail == CIRCUIT_VALID)
		return t->valid[row];
	const struct value *v = &t->value[row * t->schema.columns + n->index];
	return n->detail == CIRCUIT_NULL_FLAG ? (wide)v->null : (wide)v->bits;
}

static bool compare(uint8_t op, wide a, wide b)
{
	switch (op) {
	case INT_EQ:
		return a == b;
	case INT_NE:
		return a != b;
	case INT_LT:
		return a < b;
	case INT_LE:
		return a <= b;
	case INT_GT:
		return a > b;
	default:
		return a >= b;
	}
}

/* The value a node's bits mean. */
static wide meant(enum int_type t, wide bits)
{
	unsigned width = int_type_bits(t);
	return int_type_signed(t) && bits >> (width - 1) ? bits - ((wide)1 << width) : bits;
}

/* Quotient and remainder as int_divide has them. */
static wide divided(uint8_t op, wide x, wide y)
{
	if (y == 0)
		return op == CIRCUIT_REM ? x : x < 0 ? 1 : -1;
	return op == CIRCUIT_REM ? x % y : x / y;
}

static wide evaluate(
	const struct circuit_node *n, const struct lane *arguments[], size_t row, uint64_t mask)
{
	enum int_type type = (enum int_type)n->type;
	wide a = n->arguments > 0 ? at(arguments[0], row) : 0;
	wide b = n->arguments > 1 ? at(arguments[1], row) : 0;
	if (n->op != CIRCUIT_COMPARE) /* only its right side may be below */
		assert_true(b >= 0);
	assert_true(a >= 0);
	switch (n->op) {
	case CIRCUIT_NOT:
		return !a;
	case CIRCUIT_ALL:
		for (unsigned i = 0; i < n->arguments; i++)
			if (!at(arguments[i], row))
				return 0;
		return 1;
	case CIRCUIT_ANY:
		for (unsigned i = 0; i < n->arguments; i++)
			if (at(arguments[i], row))
				return 1;
		return 0;
	case CIRCUIT_COMPARE:
		return compare(n->detail, a, b);
	case CIRCUIT_ADD:
		return (uint64_t)(a + b) & mask;
	case CIRCUIT_SUB:
		return (uint64_t)(a - b) & mask;
	case CIRCUIT_MUL:
		return (uint64_t)a * (uint64_t)b & mask;
	case CIRCUIT_DIV:
	case CIRCUIT_REM:
		return (uint64_t)divided(n->op, meant(type, a), meant(type, b)) & mask;
	case CIRCUIT_LOGIC:
		return n->detail == INT_AND ? (a & b) : n->detail == INT_OR ? (a | b) : (a ^ b);
	case CIRCUIT_INVERT:
		return ~(uint64_t)a & mask;
	case CIRCUIT_SHIFT:
		b %= int_type_bits(type);
		assert_true(n->detail == INT_SHL || n->detail == INT_SHR);
		return (uint64_t)(n->detail == INT_SHL ? a << b : meant(type, a) >> b) & mask;
	case CIRCUIT_SELECT:
		return a ? b : at(arguments[2], row);
	case CIRCUIT_MASK:
		return a ? b : 0;
	case CIRCUIT_CAST:
		return (uint64_t)a & mask;
	default:
		fail_msg("operation %u", n->op);
		return 0;
	}
}

static wide aggregate(const struct circuit_node *n, const struct lane *a, size_t rows)
{
	uint64_t sum = 0;
	wide best = n->op == CIRCUIT_MIN && rows > 0 ? at(a, 0) : 0;
	for (size_t r = 0; r < rows; r++) {
		wide v = at(a, r);
		sum += (uint64_t)v;
		if (n->op == CIRCUIT_MIN ? v < best : v > best)
			best = v;
	}
	return n->op == CIRCUIT_MIN || n->op == CIRCUIT_MAX ? best : (wide)sum;
}

static void run_node(
	const struct plan *p, const struct plain_table *t, struct lane *lanes, size_t i)
{
	const struct circuit *c = &p->circuit;
	const struct circuit_node *n = &c->node[i];
	const struct lane *arguments[CIRCUIT_MAX_ARGUMENTS];
	for (unsigned k = 0; k < n->arguments; k++)
		arguments[k] = &lanes[c->argument[n->first_argument + k]];
	lanes[i].single = !n->per_row;
	lanes[i].v = calloc(t->rows + 1, sizeof(wide));
	unsigned bits = int_type_bits((enum int_type)n->type);
	uint64_t mask = UINT64_MAX >> (64 - bits);
	for (size_t r = 0; r < (n->per_row ? t->rows : 1); r++) {
		wide *v = &lanes[i].v[r];
		if (n->op == CIRCUIT_LOAD)
			*v = load(t, n, r);
		else if (n->op == CIRCUIT_TRIVIAL)
			*v = n->value;
		else if (n->op == CIRCUIT_CONSTANT)
			*v = p->constant[n->index].below ? (wide)-1
							 : (wide)p->constant[n->index].bits;
		else if (n->op >= CIRCUIT_COUNT && n->op <= CIRCUIT_MAX)
			*v = aggregate(n, arguments[0], t->rows);
		else
			*v = evaluate(n, arguments, r, mask);
		assert_true(*v <= (wide)mask);
	}
}

static void store(struct plain_table *t, const struct circuit_output *o, const struct lane *l)
{
	for (size_t r = 0; r < t->rows; r++) {
		struct value *v = &t->value[r * t->schema.columns + o->index];
		if (o->part == CIRCUIT_VALID)
			t->valid[r] = at(l, r) != 0;
		else if (o->part == CIRCUIT_NULL_FLAG)
			v->null = at(l, r) != 0;
		else
			v->bits = (uint64_t)at(l, r);
	}
}

struct plain_answer interpret(const struct plan *p, struct plain_table *t)
{
	const struct circuit *c = &p->circuit;
	struct lane *lanes = calloc(c->nodes + 1, sizeof(*lanes));
	for (unsigned i = 0; i < c->constants; i++)
		assert_int_equal(c->constant_type[i], p->constant[i].type);
	for (size_t i = 0; i < c->nodes; i++)
		run_node(p, t, lanes, i);
	struct plain_answer a = {.match = calloc(t->rows + 1, sizeof(bool)),
		.slot = calloc(c->outputs + 1, sizeof(uint64_t))};
	memcpy(a.match, t->valid, t->rows * sizeof(bool));
	for (size_t i = 0; i < c->outputs; i++) {
		const struct circuit_output *o = &c->output[i];
		const struct lane *l = &lanes[o->node];
		if (o->sink == CIRCUIT_STORE)
			store(t, o, l);
		else if (o->sink == CIRCUIT_ANSWER_VALUE)
			a.slot[a.slots++] = (uint64_t)at(l, 0);
		else
			for (size_t r = 0; r < t->rows; r++)
				a.match[r] = at(l, r) != 0;
	}
	for (size_t i = 0; i < c->nodes; i++)
		free(lanes[i].v);
	free(lanes);
	return a;
}

void plain_answer_free(struct plain_answer *a)
{
	free(a->match);
	free(a->slot);
}

struct plain_table plain_table(const char *create, const char *insert)
{
	struct plain_table t = {0};
	struct sql_statement *s = NULL;
	struct row_set rows = {0};
	OK(sql_parse(&s, create));
	OK(sql_schema(s, &t.schema));
	sql_free(s);
	if (insert != NULL) {
		OK(sql_parse(&s, insert));
		OK(sql_rows(s, &t.schema, &rows));
		sql_free(s);
	}
	t.rows = rows.rows;
	t.value = calloc(t.rows * t.schema.columns + 1, sizeof(*t.value));
	t.valid = calloc(t.rows + 1, sizeof(bool));
	memset(t.valid, true, t.rows);
	for (size_t i = 0; i < t.rows * t.schema.columns; i++) {
		t.value[i] = rows.value[i];
		t.value[i].text = (struct span){0}; /* circuits have none */
	}
	row_set_free(&rows);
	return t;
}

void plain_table_free(struct plain_table *t)
{
	schema_free(&t->schema);
	free(t->value);
	free(t->valid);
}

struct plan plan_of(const struct plain_table *t, const char *sql, bool deletes)
{
	struct sql_statement *s = NULL;
	struct plan p;
	OK(sql_parse(&s, sql));
	amt_status made = plan_make(&p, s, &t->schema, deletes);
	if (!amt_ok(made))
		fail_msg("%s\n\t%s", sql, amt_status_message(made));
	sql_free(s);
	return p;
}

/* EXPLAIN: a plan in words. Conditions are shown by column, operator and number of the constant,
 * as the host sees them; no literal appears. */
#include "query/lower.h"

static const char *operator_text(uint8_t op)
{
	static const char *const names[] = {"=", "<>", "<", "<=", ">", ">="};
	return op < sizeof(names) / sizeof(names[0]) ? names[op] : "?";
}

/* Of an operation on two values that is written between them; NULL: some other. */
static const char *between(const struct circuit_node *n)
{
	static const char *const logic[] = {"&", "|", "#"}, *const shift[] = {"<<", ">>"};
	switch (n->op) {
	case CIRCUIT_COMPARE:
		return operator_text(n->detail);
	case CIRCUIT_ADD:
		return "+";
	case CIRCUIT_SUB:
		return "-";
	case CIRCUIT_MUL:
		return "*";
	case CIRCUIT_DIV:
		return "/";
	case CIRCUIT_REM:
		return "%";
	case CIRCUIT_LOGIC:
		return logic[n->detail];
	case CIRCUIT_SHIFT:
		return n->detail <= INT_SHR ? shift[n->detail] : NULL;
	default:
		return NULL;
	}
}

struct printer {
	const struct plan *plan;
	const struct schema *schema;
	struct buf *out;
};

static const uint32_t *arguments_of(const struct printer *p, const struct circuit_node *n)
{
	return p->plan->circuit.argument + n->first_argument;
}

static const char *column_name(const struct printer *p, uint16_t column)
{
	return column < p->schema->columns ? p->schema->column[column].name : "?";
}

static amt_status print_node(const struct printer *p, uint32_t number, bool inside);

/* An operand; in parentheses if it is itself an operation in another than a comparison. */
static amt_status print_operand(
	const struct printer *p, const struct circuit_node *of, uint32_t number)
{
	const struct circuit_node *n = &p->plan->circuit.node[number];
	if (of->op == CIRCUIT_COMPARE || between(n) == NULL)
		return print_node(p, number, true);
	TRY(buf_printf(p->out, "("));
	TRY(print_node(p, number, true));
	return buf_printf(p->out, ")");
}

/* One node as an expression; groups in parentheses inside others. The depth is the query's own,
 * bounded by the parser. */
static amt_status print_node(const struct printer *p, uint32_t number, bool inside)
{
	const struct circuit_node *n = &p->plan->circuit.node[number];
	const uint32_t *a = arguments_of(p, n);
	if (between(n) != NULL) {
		TRY(print_operand(p, n, a[0]));
		TRY(buf_printf(p->out, " %s ", between(n)));
		return print_operand(p, n, a[1]);
	}
	switch (n->op) {
	case CIRCUIT_LOAD:
		if (n->detail == CIRCUIT_VALID)
			return buf_printf(p->out, "the row is not deleted");
		return buf_printf(p->out, "%s%s", column_name(p, n->index),
			n->detail == CIRCUIT_NULL_FLAG ? " IS NULL" : "");
	case CIRCUIT_CONSTANT:
		return buf_printf(p->out, "$%u", n->index + 1u);
	case CIRCUIT_TRIVIAL:
		return buf_printf(p->out, "%llu", (unsigned long long)n->value);
	case CIRCUIT_NOT: {
		const struct circuit_node *of = &p->plan->circuit.node[a[0]];
		if (of->op == CIRCUIT_LOAD && of->detail == CIRCUIT_NULL_FLAG)
			return buf_printf(p->out, "%s IS NOT NULL", column_name(p, of->index));
		TRY(buf_printf(p->out, "NOT "));
		return print_node(p, a[0], true);
	}
	case CIRCUIT_ALL:
	case CIRCUIT_ANY:
		if (inside)
			TRY(buf_printf(p->out, "("));
		for (unsigned i = 0; i < n->arguments; i++) {
			if (i > 0)
				TRY(buf_printf(p->out, n->op == CIRCUIT_ALL ? " AND " : " OR "));
			TRY(print_node(p, a[i], true));
		}
		return inside ? buf_printf(p->out, ")") : STATUS_OK;
	case CIRCUIT_INVERT:
		TRY(buf_printf(p->out, "~"));
		return print_operand(p, n, a[0]);
	case CIRCUIT_CAST:
		TRY(print_operand(p, n, a[0]));
		return buf_printf(p->out, "::%s", int_type_name((enum int_type)n->type));
	case CIRCUIT_SELECT:
		return buf_printf(p->out, "never");
	default:
		return buf_printf(p->out, "...");
	}
}

static amt_status print_padded(struct buf *out, size_t first, const char *where)
{
	size_t size = out->size - first;
	return buf_printf(out, "%*s  %s\n", size < 44 ? (int)(44 - size) : 0, "", where);
}

/* Each comparison and flag the host evaluates, on a line of its own. */
static amt_status print_leaves(const struct printer *p)
{
	const struct circuit *c = &p->plan->circuit;
	bool any = false;
	for (uint32_t i = 0; i < c->nodes; i++) {
		const struct circuit_node *n = &c->node[i];
		bool flag = n->op == CIRCUIT_LOAD && n->detail != CIRCUIT_VALUE;
		if (n->op != CIRCUIT_COMPARE && !flag)
			continue;
		TRY(any ? STATUS_OK : buf_printf(p->out, "  conditions:\n"));
		any = true;
		size_t first = p->out->size;
		TRY(buf_printf(p->out, "    "));
		TRY(print_node(p, i, true));
		TRY(print_padded(p->out, first, "encrypted, on the host"));
	}
	return STATUS_OK;
}

static amt_status print_name(struct buf *out, const char *prefix, const char *name)
{
	return buf_printf(out, "%s%s", prefix, name);
}

/* The expression a column is assigned, where rows are chosen by `CIRCUIT_SELECT`. */
static amt_status print_written(const struct printer *p, const struct circuit_output *o)
{
	const struct circuit_node *n = &p->plan->circuit.node[o->node];
	uint32_t fresh = n->op == CIRCUIT_SELECT ? arguments_of(p, n)[1] : o->node;
	const struct circuit_node *value = &p->plan->circuit.node[fresh];
	if (o->part != CIRCUIT_VALUE || n->op == CIRCUIT_MASK || value->op == CIRCUIT_CONSTANT)
		return STATUS_OK;
	TRY(buf_printf(p->out, ": "));
	return print_node(p, fresh, false);
}

static amt_status print_result(const struct printer *p)
{
	static const char *const names[] = {[PLAN_COUNT] = "COUNT",
		[PLAN_SUM] = "SUM",
		[PLAN_AVG] = "AVG",
		[PLAN_MIN] = "MIN",
		[PLAN_MAX] = "MAX"};
	const struct plan *plan = p->plan;
	TRY(buf_printf(p->out, "  result:\n"));
	bool columns = false;
	size_t first = p->out->size;
	for (unsigned i = 0; i < plan->items; i++) {
		const struct plan_item *item = &plan->item[i];
		if (item->kind == PLAN_COLUMN) {
			TRY(print_name(p->out, columns ? ", " : "    columns ",
				column_name(p, item->column)));
			columns = true;
			continue;
		}
		first = p->out->size;
		TRY(buf_printf(p->out, "    %s(%s)", names[item->kind],
			item->column == PLAN_NO_COLUMN ? "*" : column_name(p, item->column)));
		TRY(print_padded(p->out, first, "finished encrypted, on the host"));
	}
	if (columns)
		TRY(print_padded(p->out, first, "decrypted by the owner"));
	first = p->out->size;
	if (arrangement_any(&plan->shown) && columns) {
		TRY(buf_printf(p->out, "    "));
		TRY(arrange_print(&plan->shown, p->out));
		TRY(print_padded(p->out, first, "applied by the owner"));
	}
	for (size_t i = 0; i < plan->circuit.outputs; i++) {
		const struct circuit_output *o = &plan->circuit.output[i];
		if (o->sink != CIRCUIT_STORE)
			continue;
		first = p->out->size;
		TRY(buf_printf(p->out, "    %s%s of every row is written",
			o->part == CIRCUIT_VALID ? "validity" : column_name(p, o->index),
			o->part == CIRCUIT_NULL_FLAG ? " (null flag)" : ""));
		TRY(print_written(p, o));
		TRY(print_padded(p->out, first, "encrypted, on the host"));
	}
	return STATUS_OK;
}

/* The row bits, or what selects the rows of an UPDATE or aggregate, for a reader. */
static amt_status print_where(const struct printer *p)
{
	const struct circuit *c = &p->plan->circuit;
	if (!p->plan->has_where)
		TRY(buf_printf(p->out, "  WHERE: none, every row\n"));
	for (size_t i = 0; i < c->outputs && p->plan->has_where; i++) {
		uint32_t node = c->output[i].node;
		const struct circuit_node *n = &c->node[node];
		bool count = c->output[i].sink == CIRCUIT_ANSWER_VALUE && n->op == CIRCUIT_COUNT;
		if (!count && c->output[i].sink != CIRCUIT_ANSWER_ROWS)
			continue;
		TRY(buf_printf(p->out, "  rows: "));
		TRY(print_node(p, count ? arguments_of(p, n)[0] : node, false));
		TRY(buf_printf(p->out, "\n"));
		break;
	}
	return print_leaves(p);
}

static amt_status print_leakage(const struct printer *p, uint64_t rows)
{
	const struct plan *plan = p->plan;
	const struct circuit *c = &plan->circuit;
	TRY(buf_printf(p->out, "  the host learns:\n    table %s, columns", p->schema->table));
	bool used[SCHEMA_MAX_COLUMNS] = {false}, any = false;
	for (size_t i = 0; i < c->nodes; i++)
		if (c->node[i].op == CIRCUIT_LOAD && c->node[i].detail != CIRCUIT_VALID &&
			c->node[i].index < p->schema->columns)
			used[c->node[i].index] = true;
	for (size_t i = 0; i < c->outputs; i++)
		if (c->output[i].sink == CIRCUIT_STORE && c->output[i].part != CIRCUIT_VALID)
			used[c->output[i].index] = true;
	for (unsigned i = 0; i < p->schema->columns; i++) {
		if (!used[i])
			continue;
		TRY(print_name(p->out, any ? ", " : " ", p->schema->column[i].name));
		any = true;
	}
	if (!any)
		TRY(buf_printf(p->out, " none"));
	TRY(buf_printf(p->out,
		"\n    the shape above: operators, how they are joined, %u constant%s by type and "
		"number (so the length of every IN list)\n"
		"    %llu rows, the sizes of query and answer, when the query ran and how long\n",
		c->constants, c->constants == 1 ? "" : "s", (unsigned long long)rows));
	bool rows_shown = plan->statement == STATEMENT_SELECT && plan->items > 0 &&
			  plan->item[0].kind == PLAN_COLUMN;
	if (rows_shown)
		TRY(buf_printf(p->out,
			"    that rows are fetched; which ones only if they are fetched by id and "
			"not as whole pages\n"));
	for (unsigned i = 0; i < p->schema->columns; i++)
		if ((p->schema->column[i].forms & FORM_PLAIN) != 0)
			TRY(buf_printf(p->out, "    every value of column %s, which is plain\n",
				p->schema->column[i].name));
	TRY(buf_printf(p->out,
		"  the host does not learn:\n    the SQL text, and the values of the constants (not "
		"even whether one is in its column's range)\n    the values of encrypted columns\n"));
	if (plan->has_where)
		TRY(buf_printf(p->out, "    which rows match, and how many%s\n",
			rows_shown ? " (fetched as whole pages)" : ""));
	return buf_printf(p->out, plan->statement == STATEMENT_SELECT ? "    the result\n"
								      : "    what was written\n");
}

amt_status plan_explain(
	const struct plan *p, const struct schema *schema, uint64_t rows, struct buf *out)
{
	const struct printer printer = {p, schema, out};
	const char *name = p->statement == STATEMENT_SELECT   ? "SELECT from"
			   : p->statement == STATEMENT_UPDATE ? "UPDATE of"
							      : "DELETE from";
	TRY(buf_printf(out, "%s %s\n", name, schema->table));
	TRY(print_where(&printer));
	TRY(print_result(&printer));
	struct circuit_cost cost;
	circuit_cost(&p->circuit, rows, &cost);
	TRY(buf_printf(out, "  cost: %.1f bootstraps a row, depth %u; about %.0f for %llu rows\n",
		cost.per_row, cost.depth, cost.total, (unsigned long long)rows));
	return print_leakage(&printer, rows);
}

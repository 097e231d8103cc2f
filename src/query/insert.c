/* INSERT ... VALUES. */
#include "query/statement.h"
#include "base/alloc.h"

/* Which column the i-th value of a row goes to. */
static amt_status target_columns(
	const struct sql_statement *s, const struct schema *schema, uint16_t *target, size_t *count)
{
	const PgQuery__InsertStmt *n = s->node->insert_stmt;
	bool used[SCHEMA_MAX_COLUMNS] = {false};
	*count = n->n_cols > 0 ? n->n_cols : schema->columns;
	for (size_t i = 0; i < *count; i++) {
		if (n->n_cols == 0) {
			target[i] = (uint16_t)i;
			continue;
		}
		const PgQuery__ResTarget *c = n->cols[i]->res_target;
		SQL_ENSURE(c->n_indirection == 0, s, AMT_UNSUPPORTED, c->location,
			"a part of a column is not supported");
		int found = schema_find(schema, c->name);
		SQL_ENSURE(found >= 0, s, AMT_NOT_FOUND, c->location,
			"column \"%s\" of table \"%s\" does not exist", c->name, schema->table);
		SQL_ENSURE(!used[found], s, AMT_SYNTAX, c->location,
			"column \"%s\" specified more than once", c->name);
		used[found] = true;
		target[i] = (uint16_t)found;
	}
	return STATUS_OK;
}

static amt_status fill_row(const struct sql_statement *s, const struct schema *schema,
	const uint16_t *target, size_t count, const PgQuery__List *row, struct arena *arena,
	struct value *out)
{
	SQL_ENSURE(row->n_items <= count, s, AMT_SYNTAX, sql_location(row->items[count]),
		"INSERT has more expressions than target columns");
	SQL_ENSURE(row->n_items == count || s->node->insert_stmt->n_cols == 0, s, AMT_SYNTAX,
		sql_location(row->items[row->n_items - 1]),
		"INSERT has more target columns than expressions");
	for (unsigned c = 0; c < schema->columns; c++)
		out[c].null = true;
	int at = -1;
	for (size_t i = 0; i < row->n_items; i++) {
		const PgQuery__Node *n = row->items[i];
		at = sql_location(n);
		SQL_ENSURE(n->node_case != PG_QUERY__NODE__NODE_SET_TO_DEFAULT, s, AMT_UNSUPPORTED,
			at, "DEFAULT is not supported");
		struct literal l;
		TRY(sql_literal(s, arena, n, &l));
		SQL_ENSURE(l.kind != LITERAL_NONE, s, AMT_UNSUPPORTED, at,
			"VALUES takes literals only");
		TRY(literal_assign(s, &l, &schema->column[target[i]], &out[target[i]]));
		TRY(sql_at(s, at, value_check(&schema->column[target[i]], &out[target[i]])));
	}
	for (unsigned c = 0; c < schema->columns; c++)
		SQL_ENSURE(!out[c].null || !schema->column[c].not_null, s, AMT_OUT_OF_RANGE, at,
			"column \"%s\" is NOT NULL and gets no value", schema->column[c].name);
	return STATUS_OK;
}

/* Text is copied behind the rows, which outlive the statement. While the buffer grows, spans hold
 * offsets. */
static amt_status own_text(struct row_set *r, size_t values)
{
	for (size_t i = 0; i < values; i++) {
		struct value *v = &r->value[i];
		if (v->text.size == 0) {
			v->text = (struct span){0};
			continue;
		}
		size_t offset = r->text.size;
		TRY(buf_put(&r->text, v->text.data, v->text.size));
		v->bits = offset;
	}
	for (size_t i = 0; i < values; i++)
		if (r->value[i].text.size > 0) {
			r->value[i].text.data = r->text.data + r->value[i].bits;
			r->value[i].bits = 0;
		}
	return STATUS_OK;
}

static amt_status fill(const struct sql_statement *s, const struct schema *schema,
	struct arena *arena, struct row_set *out)
{
	const PgQuery__SelectStmt *q = s->node->insert_stmt->select_stmt->select_stmt;
	uint16_t target[SCHEMA_MAX_COLUMNS] = {0};
	size_t count;
	SQL_ENSURE(s->node->insert_stmt->n_cols <= schema->columns, s, AMT_SYNTAX,
		s->table_location, "table \"%s\" has %u columns", schema->table, schema->columns);
	TRY(target_columns(s, schema, target, &count));
	TRY(mem_array(&out->value, q->n_values_lists, schema->columns * sizeof(*out->value)));
	for (size_t r = 0; r < q->n_values_lists; r++, out->rows++)
		TRY(fill_row(s, schema, target, count, q->values_lists[r]->list, arena,
			out->value + r * schema->columns));
	return own_text(out, out->rows * schema->columns);
}

amt_status sql_rows(const struct sql_statement *s, const struct schema *schema, struct row_set *out)
{
	*out = (struct row_set){0};
	ENSURE(s->kind == STATEMENT_INSERT, AMT_INVALID_ARGUMENT, "not an INSERT");
	struct arena arena = {0};
	amt_status made = fill(s, schema, &arena, out);
	arena_free(&arena);
	if (!amt_ok(made))
		row_set_free(out);
	return made;
}

void row_set_free(struct row_set *r)
{
	mem_free(r->value);
	buf_free(&r->text);
	*r = (struct row_set){0};
}

/* The list of a SELECT of rows, and ORDER BY, DISTINCT, OFFSET and LIMIT, bound to a schema. */
#include "query/predicate.h"

#include "base/alloc.h"

#include <stdio.h>

bool sort_descends(const PgQuery__SortBy *s)
{
	return s->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
}

bool sort_nulls_first(const PgQuery__SortBy *s)
{
	if (s->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST)
		return true;
	return s->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST && sort_descends(s);
}

amt_status sort_check(const struct binder *b, const PgQuery__SortBy *s)
{
	SQL_ENSURE(s->sortby_dir != PG_QUERY__SORT_BY_DIR__SORTBY_USING, b->statement,
		AMT_UNSUPPORTED, s->location, "ORDER BY ... USING is not supported");
	return STATUS_OK;
}

const PgQuery__Node *sort_target(const PgQuery__SelectStmt *n, const PgQuery__Node *by, int *number)
{
	const char *name = by->node_case == PG_QUERY__NODE__NODE_COLUMN_REF
				   ? sql_name(by->column_ref->n_fields, by->column_ref->fields)
				   : NULL;
	bool ordinal = by->node_case == PG_QUERY__NODE__NODE_A_CONST &&
		       by->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL;
	for (size_t i = 0; i < n->n_target_list; i++) {
		const PgQuery__ResTarget *t = n->target_list[i]->res_target;
		if ((name != NULL && t->name != NULL && strcmp(t->name, name) == 0) ||
			(ordinal && by->a_const->ival->ival == (int)i + 1)) {
			*number = (int)i;
			return t->val;
		}
	}
	*number = -1;
	return NULL;
}

amt_status sort_column(const struct binder *b, const PgQuery__SelectStmt *n,
	const PgQuery__SortBy *sort, uint16_t *out)
{
	int number;
	TRY(sort_check(b, sort));
	const PgQuery__Node *by = sort_target(n, sort->node, &number);
	by = by != NULL ? by : sort->node;
	SQL_ENSURE(by->node_case != PG_QUERY__NODE__NODE_A_CONST && !sql_is_star(by), b->statement,
		AMT_SYNTAX, sql_location(sort->node), "ORDER BY position is not in select list");
	if (by->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return bind_refuse(b, by, "in ORDER BY: name columns");
	return bind_column(b, by->column_ref, out);
}

static bool is_shown(const struct plan_item *item, unsigned items, uint16_t column)
{
	for (unsigned i = 0; i < items; i++)
		if (item[i].column == column)
			return true;
	return false;
}

static amt_status bind_keys(const struct binder *b, const PgQuery__SelectStmt *n,
	const struct plan_item *item, unsigned items, struct arrangement *out)
{
	SQL_ENSURE(n->n_sort_clause <= SORT_MAX_KEYS, b->statement, AMT_LIMIT,
		sql_keyword(b->statement, "order", 0), "ORDER BY of more than %d", SORT_MAX_KEYS);
	TRY(mem_array(&out->key, n->n_sort_clause + 1, sizeof(*out->key)));
	for (size_t i = 0; i < n->n_sort_clause; i++) {
		const PgQuery__SortBy *sort = n->sort_clause[i]->sort_by;
		struct arrange_key *k = &out->key[out->keys];
		TRY(sort_column(b, n, sort, &k->column));
		SQL_ENSURE(!out->distinct || is_shown(item, items, k->column), b->statement,
			AMT_SYNTAX, sql_location(sort->node),
			"for SELECT DISTINCT, ORDER BY expressions must appear in select list");
		k->descending = sort_descends(sort);
		k->nulls_first = sort_nulls_first(sort);
		out->keys++;
	}
	return STATUS_OK;
}

/* ---- the list of SELECT */

amt_status rows_add_item(struct plan_item **item, unsigned *items, enum plan_item_kind kind,
	const char *label, uint16_t column)
{
	ENSURE(*items < PLAN_MAX_ITEMS, AMT_LIMIT, "more than %d columns in the result",
		PLAN_MAX_ITEMS);
	TRY(mem_grow(item, (*items + 1) * sizeof(**item)));
	struct plan_item *i = *item + (*items)++;
	*i = (struct plan_item){.kind = (uint8_t)kind, .column = column};
	(void)snprintf(i->label, sizeof(i->label), "%s", label);
	return STATUS_OK;
}

static amt_status add_all_columns(const struct binder *b, const PgQuery__ColumnRef *ref,
	struct plan_item **item, unsigned *items)
{
	const struct sql_statement *s = b->statement;
	const struct schema *schema = b->schema;
	const char *table = ref->n_fields == 2 ? sql_name(1, ref->fields) : s->alias;
	SQL_ENSURE(ref->n_fields <= 2 && table != NULL && strcmp(table, s->alias) == 0, s,
		AMT_NOT_FOUND, ref->location, "missing FROM-clause entry for table \"%s\"",
		table != NULL ? table : "?");
	for (unsigned c = 0; c < schema->columns; c++)
		TRY(rows_add_item(item, items, PLAN_COLUMN, schema->column[c].name, (uint16_t)c));
	return STATUS_OK;
}

static amt_status bind_target_list(const struct binder *b, const PgQuery__SelectStmt *n,
	struct plan_item **item, unsigned *items)
{
	for (size_t i = 0; i < n->n_target_list; i++) {
		const PgQuery__ResTarget *t = n->target_list[i]->res_target;
		uint16_t column;
		if (t->val == NULL || t->val->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
			return bind_refuse(b, t->val, "in the list of SELECT");
		if (sql_is_star(t->val)) {
			TRY(add_all_columns(b, t->val->column_ref, item, items));
			continue;
		}
		TRY(bind_column(b, t->val->column_ref, &column));
		bool named = t->name != NULL && t->name[0] != '\0';
		TRY(rows_add_item(item, items, PLAN_COLUMN,
			named ? t->name : b->schema->column[column].name, column));
	}
	return STATUS_OK;
}

amt_status rows_bind(const struct binder *b, const PgQuery__SelectStmt *n, struct plan_item **item,
	unsigned *items, struct arrangement *out)
{
	TRY(bind_target_list(b, n, item, items));
	return bind_keys(b, n, *item, *items, out);
}

/* A number of rows; NULL and ALL leave it as it is. */
static amt_status bind_rows(
	const struct binder *b, const PgQuery__Node *n, const char *word, uint64_t *out)
{
	if (n == NULL)
		return STATUS_OK;
	struct literal literal;
	struct column c = {.type = COLUMN_I64};
	struct value v;
	(void)snprintf(c.name, sizeof(c.name), "%s", word);
	TRY(sql_literal(b->statement, b->arena, n, &literal));
	if (literal.kind == LITERAL_NONE)
		return bind_refuse(b, n, "in LIMIT or OFFSET");
	TRY(literal_assign(b->statement, &literal, &c, &v));
	if (v.null)
		return STATUS_OK;
	int64_t rows = value_signed(&c, v.bits);
	SQL_ENSURE(rows >= 0, b->statement, AMT_OUT_OF_RANGE, literal.location,
		"%s must not be negative", word);
	*out = (uint64_t)rows;
	return STATUS_OK;
}

amt_status sort_bind(const struct binder *b, const PgQuery__SelectStmt *n, bool aggregate,
	struct arrangement *out)
{
	*out = (struct arrangement){.limit = UINT64_MAX, .distinct = n->n_distinct_clause > 0};
	SQL_ENSURE(!out->distinct || !aggregate, b->statement, AMT_UNSUPPORTED,
		sql_keyword(b->statement, "distinct", 0),
		"DISTINCT of groups or aggregates is not supported");
	TRY(bind_rows(b, n->limit_count, "LIMIT", &out->limit));
	return bind_rows(b, n->limit_offset, "OFFSET", &out->offset);
}

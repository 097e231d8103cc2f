/* What of PostgreSQL's grammar is done here; the rest is refused by name, with its place. */
#include "query/statement.h"

/* Refuses when `present`: at the keyword, or nowhere when it is not found. */
static amt_status refuse(
	const struct sql_statement *s, bool present, const char *keyword, const char *what)
{
	if (!present)
		return STATUS_OK;
	SQL_FAIL(s, AMT_UNSUPPORTED, sql_keyword(s, keyword, 0), "%s is not supported", what);
}

int sql_location(const PgQuery__Node *n)
{
	if (n == NULL)
		return -1;
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_A_CONST:
		return n->a_const->location;
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return n->column_ref->location;
	case PG_QUERY__NODE__NODE_A_EXPR:
		return n->a_expr->location;
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		return n->bool_expr->location;
	case PG_QUERY__NODE__NODE_NULL_TEST:
		return n->null_test->location;
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		return n->boolean_test->location;
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		return n->func_call->location;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		return n->type_cast->location >= 0 ? n->type_cast->location
						   : n->type_cast->type_name->location;
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return n->sub_link->location;
	case PG_QUERY__NODE__NODE_RANGE_VAR:
		return n->range_var->location;
	case PG_QUERY__NODE__NODE_RES_TARGET:
		return n->res_target->location;
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		return n->case_expr->location;
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		return n->coalesce_expr->location;
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		return n->min_max_expr->location;
	case PG_QUERY__NODE__NODE_PARAM_REF:
		return n->param_ref->location;
	case PG_QUERY__NODE__NODE_ROW_EXPR:
		return n->row_expr->location;
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
		return n->a_array_expr->location;
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		return n->collate_clause->location;
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
		return n->sqlvalue_function->location;
	case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
		return n->set_to_default->location;
	case PG_QUERY__NODE__NODE_A_INDIRECTION:
		return sql_location(n->a_indirection->arg);
	case PG_QUERY__NODE__NODE_SORT_BY:
		return sql_location(n->sort_by->node);
	case PG_QUERY__NODE__NODE_CONSTRAINT:
		return n->constraint->location;
	case PG_QUERY__NODE__NODE_COLUMN_DEF:
		return n->column_def->location;
	default:
		return -1;
	}
}

static amt_status check_table(struct sql_statement *s, const PgQuery__RangeVar *t)
{
	ENSURE(t != NULL && t->relname != NULL, AMT_INTERNAL, "a statement without a table");
	s->table_location = t->location;
	SQL_ENSURE(t->schemaname == NULL || t->schemaname[0] == '\0', s, AMT_UNSUPPORTED,
		t->location, "a schema before the table's name is not supported");
	SQL_ENSURE(t->inh, s, AMT_UNSUPPORTED, t->location, "ONLY is not supported");
	SQL_ENSURE(t->relpersistence == NULL || t->relpersistence[0] == 'p', s, AMT_UNSUPPORTED,
		t->location, "a temporary or unlogged table is not supported");
	SQL_ENSURE(t->alias == NULL || t->alias->n_colnames == 0, s, AMT_UNSUPPORTED, t->location,
		"names of columns after the table's alias are not supported");
	s->table = t->relname;
	s->alias = t->alias != NULL ? t->alias->aliasname : t->relname;
	return STATUS_OK;
}

static amt_status check_from(struct sql_statement *s, size_t count, PgQuery__Node *const *from)
{
	int at = sql_keyword(s, "from", 0);
	SQL_ENSURE(count > 0, s, AMT_UNSUPPORTED, sql_keyword(s, "select", 0),
		"SELECT without FROM is not supported");
	TRY(refuse(s, from[0]->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR, "join", "JOIN"));
	SQL_ENSURE(from[0]->node_case != PG_QUERY__NODE__NODE_RANGE_SUBSELECT, s, AMT_UNSUPPORTED,
		at, "a subquery in FROM is not supported");
	SQL_ENSURE(from[0]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR, s, AMT_UNSUPPORTED, at,
		"FROM must name a table");
	SQL_ENSURE(count == 1, s, AMT_UNSUPPORTED, sql_location(from[1]),
		"more than one table (JOIN) is not supported");
	return check_table(s, from[0]->range_var);
}

/* Clauses neither SELECT nor INSERT ... VALUES may have. */
static amt_status check_clauses(const struct sql_statement *s, const PgQuery__SelectStmt *n)
{
	TRY(refuse(s, n->with_clause != NULL, "with", "WITH"));
	TRY(refuse(s, n->op == PG_QUERY__SET_OPERATION__SETOP_UNION, "union", "UNION"));
	TRY(refuse(s, n->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT, "intersect", "INTERSECT"));
	TRY(refuse(s, n->op == PG_QUERY__SET_OPERATION__SETOP_EXCEPT, "except", "EXCEPT"));
	TRY(refuse(s,
		n->n_distinct_clause > 0 &&
			n->distinct_clause[0]->node_case != PG_QUERY__NODE__NODE__NOT_SET,
		"distinct", "DISTINCT ON"));
	TRY(refuse(s, n->into_clause != NULL, "into", "SELECT INTO"));
	TRY(refuse(s, n->n_window_clause > 0, "window", "WINDOW"));
	TRY(refuse(s, n->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES, "fetch",
		"WITH TIES"));
	return refuse(
		s, n->n_locking_clause > 0, "for", "a locking clause (FOR UPDATE, FOR SHARE)");
}

static amt_status check_select(struct sql_statement *s, const PgQuery__SelectStmt *n)
{
	TRY(refuse(s, n->n_values_lists > 0, "values", "VALUES as a query"));
	TRY(check_clauses(s, n));
	SQL_ENSURE(n->n_target_list > 0, s, AMT_UNSUPPORTED, sql_keyword(s, "select", 0),
		"SELECT of no columns is not supported");
	return check_from(s, n->n_from_clause, n->from_clause);
}

static amt_status check_insert(struct sql_statement *s, const PgQuery__InsertStmt *n)
{
	TRY(refuse(s, n->with_clause != NULL, "with", "WITH"));
	TRY(refuse(s, n->on_conflict_clause != NULL, "conflict", "ON CONFLICT"));
	TRY(refuse(s, n->n_returning_list > 0, "returning", "RETURNING"));
	TRY(refuse(s, n->override != PG_QUERY__OVERRIDING_KIND__OVERRIDING_NOT_SET, "overriding",
		"OVERRIDING"));
	TRY(refuse(s, n->select_stmt == NULL, "default", "DEFAULT VALUES"));
	const PgQuery__SelectStmt *q = n->select_stmt->select_stmt;
	SQL_ENSURE(n->select_stmt->node_case == PG_QUERY__NODE__NODE_SELECT_STMT &&
			   q->n_values_lists > 0,
		s, AMT_UNSUPPORTED, sql_keyword(s, "select", 0),
		"INSERT ... SELECT is not supported, use VALUES");
	TRY(check_clauses(s, q));
	TRY(refuse(s, q->n_sort_clause > 0, "order", "ORDER BY"));
	TRY(refuse(s, q->limit_count != NULL, "limit", "LIMIT in INSERT"));
	TRY(refuse(s, q->limit_offset != NULL, "offset", "OFFSET in INSERT"));
	return check_table(s, n->relation);
}

static amt_status check_create(struct sql_statement *s, const PgQuery__CreateStmt *n)
{
	TRY(refuse(s, n->n_inh_relations > 0 && n->partbound == NULL, "inherits", "INHERITS"));
	TRY(refuse(s, n->partbound != NULL || n->partspec != NULL, "partition", "PARTITION"));
	TRY(refuse(s, n->of_typename != NULL, "of", "CREATE TABLE OF"));
	TRY(refuse(s, n->n_constraints > 0, "constraint", "a table constraint"));
	TRY(refuse(s, n->oncommit > PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_NOOP, "on", "ON COMMIT"));
	TRY(refuse(s, n->tablespacename != NULL && n->tablespacename[0] != '\0', "tablespace",
		"TABLESPACE"));
	TRY(refuse(s, n->access_method != NULL && n->access_method[0] != '\0', "using", "USING"));
	s->if_exists = n->if_not_exists;
	return check_table(s, n->relation);
}

static amt_status check_drop(struct sql_statement *s, const PgQuery__DropStmt *n)
{
	SQL_ENSURE(n->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE, s, AMT_UNSUPPORTED, 0,
		"DROP is supported for tables only");
	TRY(refuse(s, n->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE, "cascade", "CASCADE"));
	const PgQuery__List *names =
		n->n_objects > 0 && n->objects[0]->node_case == PG_QUERY__NODE__NODE_LIST
			? n->objects[0]->list
			: NULL;
	SQL_ENSURE(n->n_objects == 1 && names != NULL, s, AMT_UNSUPPORTED,
		sql_keyword(s, "drop", 0), "DROP of several tables is not supported");
	s->table = sql_name(names->n_items, names->items);
	SQL_ENSURE(s->table != NULL, s, AMT_UNSUPPORTED, sql_keyword(s, "table", 0),
		"a schema before the table's name is not supported");
	s->alias = s->table;
	s->table_location = sql_keyword(s, "table", 0);
	s->if_exists = n->missing_ok;
	return STATUS_OK;
}

static amt_status check_explain(struct sql_statement *s, const PgQuery__ExplainStmt *n)
{
	SQL_ENSURE(!s->explain, s, AMT_UNSUPPORTED, 0, "EXPLAIN of EXPLAIN is not supported");
	SQL_ENSURE(n->n_options == 0, s, AMT_UNSUPPORTED,
		n->n_options > 0 ? n->options[0]->def_elem->location : -1,
		"EXPLAIN takes no options here");
	s->explain = true;
	TRY(sql_check(s, n->query));
	SQL_ENSURE(s->kind >= STATEMENT_SELECT, s, AMT_UNSUPPORTED, 0,
		"EXPLAIN is supported for SELECT, UPDATE and DELETE");
	return STATUS_OK;
}

amt_status sql_check(struct sql_statement *s, const PgQuery__Node *n)
{
	ENSURE(n != NULL, AMT_SYNTAX, "no statement");
	s->node = n;
	switch (n->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_STMT:
		s->kind = STATEMENT_CREATE_TABLE;
		return check_create(s, n->create_stmt);
	case PG_QUERY__NODE__NODE_DROP_STMT:
		s->kind = STATEMENT_DROP_TABLE;
		return check_drop(s, n->drop_stmt);
	case PG_QUERY__NODE__NODE_INSERT_STMT:
		s->kind = STATEMENT_INSERT;
		return check_insert(s, n->insert_stmt);
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		s->kind = STATEMENT_SELECT;
		return check_select(s, n->select_stmt);
	case PG_QUERY__NODE__NODE_UPDATE_STMT:
		s->kind = STATEMENT_UPDATE;
		TRY(refuse(s, n->update_stmt->with_clause != NULL, "with", "WITH"));
		TRY(refuse(s, n->update_stmt->n_from_clause > 0, "from", "FROM in UPDATE"));
		TRY(refuse(s, n->update_stmt->n_returning_list > 0, "returning", "RETURNING"));
		return check_table(s, n->update_stmt->relation);
	case PG_QUERY__NODE__NODE_DELETE_STMT:
		s->kind = STATEMENT_DELETE;
		TRY(refuse(s, n->delete_stmt->with_clause != NULL, "with", "WITH"));
		TRY(refuse(s, n->delete_stmt->n_using_clause > 0, "using", "USING"));
		TRY(refuse(s, n->delete_stmt->n_returning_list > 0, "returning", "RETURNING"));
		return check_table(s, n->delete_stmt->relation);
	case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
		return check_explain(s, n->explain_stmt);
	default:
		SQL_FAIL(s, AMT_UNSUPPORTED, s->tokens > 0 ? (int)s->token[0].start : -1,
			"this statement is not supported (CREATE TABLE, DROP TABLE, INSERT, SELECT, "
			"UPDATE, DELETE and EXPLAIN are)");
	}
}

const char *sql_name(size_t count, PgQuery__Node *const *names)
{
	return count == 1 && names[0]->node_case == PG_QUERY__NODE__NODE_STRING
		       ? names[0]->string->sval
		       : NULL;
}

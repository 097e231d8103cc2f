/* Names and types of columns in expressions. */
#include "query/predicate.h"

#include <stdio.h>

enum int_type int_type_of_bits(unsigned bits)
{
	return bits == 1    ? INT_BOOL
	       : bits == 8  ? INT_U8
	       : bits == 16 ? INT_U16
	       : bits == 32 ? INT_U32
			    : INT_U64;
}

enum int_type column_int_type(const struct column *c)
{
	return int_type_of_bits(column_bits(c));
}

amt_status bind_column(const struct binder *b, const PgQuery__ColumnRef *ref, uint16_t *out)
{
	const struct sql_statement *s = b->statement;
	const char *name = NULL;
	if (ref->n_fields == 2) {
		const char *table = sql_name(1, ref->fields);
		SQL_ENSURE(table != NULL && strcmp(table, s->alias) == 0, s, AMT_NOT_FOUND,
			ref->location, "missing FROM-clause entry for table \"%s\"",
			table != NULL ? table : "?");
		name = sql_name(1, ref->fields + 1);
	} else {
		name = sql_name(ref->n_fields, ref->fields);
	}
	SQL_ENSURE(name != NULL, s, AMT_UNSUPPORTED, ref->location,
		"only a column's name is supported here");
	int found = schema_find(b->schema, name);
	SQL_ENSURE(found >= 0, s, AMT_NOT_FOUND, ref->location,
		"column \"%s\" of table \"%s\" does not exist", name, b->schema->table);
	*out = (uint16_t)found;
	return STATUS_OK;
}

amt_status bind_target(const struct binder *b, const PgQuery__ResTarget *r,
	bool set[SCHEMA_MAX_COLUMNS], uint16_t *out)
{
	const struct sql_statement *s = b->statement;
	SQL_ENSURE(r->n_indirection == 0, s, AMT_UNSUPPORTED, r->location,
		"a part of a column is not supported");
	int target = schema_find(b->schema, r->name);
	SQL_ENSURE(target >= 0, s, AMT_NOT_FOUND, r->location,
		"column \"%s\" of table \"%s\" does not exist", r->name, b->schema->table);
	SQL_ENSURE(!set[target], s, AMT_SYNTAX, r->location,
		"multiple assignments to column \"%s\"", r->name);
	set[target] = true;
	SQL_ENSURE(r->val != NULL && r->val->node_case != PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF, s,
		AMT_UNSUPPORTED, r->location, "assignments to a list of columns are not supported");
	*out = (uint16_t)target;
	return STATUS_OK;
}

amt_status bind_needs_number(
	const struct binder *b, uint16_t column, int location, const char *where)
{
	const struct column *c = &b->schema->column[column];
	if (b->scan != NULL) {
		SQL_ENSURE((c->forms & FORM_SCAN) != 0, b->statement, AMT_UNSUPPORTED, location,
			"column \"%s\" is not supported %s of a scan: it is stored without the form "
			"scan; create the table with \"%s ... (scan)\" to scan it",
			c->name, where, c->name);
		return STATUS_OK;
	}
	if (c->type == COLUMN_TEXT)
		SQL_FAIL(b->statement, AMT_UNSUPPORTED, location,
			"text column \"%s\" is not supported %s: it has no form that can be "
			"computed on; select it and filter the answer",
			c->name, where);
	if ((c->forms & (FORM_ARITH | FORM_PLAIN)) != 0)
		return STATUS_OK;
	SQL_FAIL(b->statement, AMT_UNSUPPORTED, location,
		"column \"%s\" is not supported %s: it is stored without the form arith; create "
		"the table with \"%s ... (arith)\" to compute on it",
		c->name, where, c->name);
}

amt_status bind_needs_arith(
	const struct binder *b, uint16_t column, int location, const char *where)
{
	const struct column *c = &b->schema->column[column];
	TRY(bind_needs_number(b, column, location, where));
	SQL_ENSURE((c->forms & FORM_ARITH) != 0, b->statement, AMT_UNSUPPORTED, location,
		"column \"%s\" is not supported %s: it is plain, and what is computed is encrypted; "
		"create the table with \"%s ... (arith)\"",
		c->name, where, c->name);
	return STATUS_OK;
}

bool sql_is_star(const PgQuery__Node *n)
{
	return n != NULL && n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
	       n->column_ref->fields[n->column_ref->n_fields - 1]->node_case ==
		       PG_QUERY__NODE__NODE_A_STAR;
}

static const char *expression_name(const PgQuery__Node *n, char name[static 100])
{
	switch (n != NULL ? n->node_case : PG_QUERY__NODE__NODE__NOT_SET) {
	case PG_QUERY__NODE__NODE_FUNC_CALL: {
		const PgQuery__FuncCall *f = n->func_call;
		const char *last =
			f->n_funcname > 0 ? sql_name(1, f->funcname + f->n_funcname - 1) : NULL;
		(void)snprintf(name, 100, "function %.63s()", last != NULL ? last : "?");
		return name;
	}
	case PG_QUERY__NODE__NODE_A_EXPR: {
		const PgQuery__AExpr *e = n->a_expr;
		switch (e->kind) {
		case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
			return "LIKE";
		case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
			return "ILIKE";
		case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
			return "SIMILAR TO";
		case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
			return "ANY";
		case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
			return "ALL";
		case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
		case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
			return "IS DISTINCT FROM";
		case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
			return "NULLIF";
		default:
			break;
		}
		const char *op = sql_name(e->n_name, e->name);
		(void)snprintf(name, 100, "operator %.63s", op != NULL ? op : "?");
		return name;
	}
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return "a subquery";
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		return "CASE";
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		return "COALESCE";
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		return "GREATEST or LEAST";
	case PG_QUERY__NODE__NODE_PARAM_REF:
		return "a parameter";
	case PG_QUERY__NODE__NODE_ROW_EXPR:
		return "a row";
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
	case PG_QUERY__NODE__NODE_A_INDIRECTION:
		return "an array";
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		return "COLLATE";
	case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR:
		return "CURRENT OF";
	case PG_QUERY__NODE__NODE_SET_TO_DEFAULT:
		return "DEFAULT";
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
		return "a value like CURRENT_DATE";
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		return "a cast of a column";
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return "a column";
	case PG_QUERY__NODE__NODE_A_CONST:
		return "a literal of this kind";
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
	case PG_QUERY__NODE__NODE_NULL_TEST:
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
		return "a condition";
	default:
		return "this expression";
	}
}

amt_status bind_refuse(const struct binder *b, const PgQuery__Node *n, const char *where)
{
	char name[100];
	SQL_FAIL(b->statement, AMT_UNSUPPORTED, sql_location(n), "%s is not supported %s",
		expression_name(n, name), where);
}

struct common_form columns_common(const struct column *a, const struct column *b)
{
	const struct common_form none = {0, false};
	if (!column_is_number(a) || !column_is_number(b))
		return a->type == b->type && a->type != COLUMN_TEXT
			       ? (struct common_form){column_bits(a), column_signed(a)}
			       : none;
	if (a->scale != b->scale)
		return none;
	bool sa = column_signed(a), sb = column_signed(b);
	/* An unsigned value needs one bit more in a signed form: the next width. */
	unsigned wa = column_bits(a) * (sb && !sa ? 2 : 1),
		 wb = column_bits(b) * (sa && !sb ? 2 : 1);
	unsigned bits = wa > wb ? wa : wb;
	return bits <= 64 ? (struct common_form){bits, sa || sb} : none;
}

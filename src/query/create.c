/* CREATE TABLE. Forms are modifiers of a type, `age u8(arith)`; types that are keywords of the
 * grammar take no modifiers, so forms may also be options: WITH (arith = 'a, b', plain = 'c'). */
#include "query/statement.h"
#include "base/alloc.h"

static const char *constraint_name(PgQuery__ConstrType t)
{
	switch (t) {
	case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
		return "DEFAULT";
	case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
		return "GENERATED AS IDENTITY";
	case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
		return "GENERATED";
	case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
		return "CHECK";
	case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
		return "PRIMARY KEY";
	case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
		return "UNIQUE";
	case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
		return "EXCLUDE";
	case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN:
		return "REFERENCES (foreign key)";
	default:
		return "this constraint";
	}
}

static amt_status copy_name(const struct sql_statement *s, int location, const char *what,
	const char *name, char out[static SCHEMA_MAX_NAME + 1])
{
	SQL_ENSURE(name != NULL && strlen(name) <= SCHEMA_MAX_NAME, s, AMT_LIMIT, location,
		"the name of a %s has at most %d bytes", what, SCHEMA_MAX_NAME);
	memcpy(out, name, strlen(name) + 1);
	return STATUS_OK;
}

static amt_status column_of(const struct sql_statement *s, const PgQuery__Node *n, struct column *c)
{
	if (n->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
		SQL_FAIL(s, AMT_UNSUPPORTED, n->constraint->location, "%s is not supported",
			constraint_name(n->constraint->contype));
	SQL_ENSURE(n->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF && n->column_def->type_name, s,
		AMT_UNSUPPORTED, sql_keyword(s, "like", 0), "only columns are supported here");
	const PgQuery__ColumnDef *d = n->column_def;
	TRY(copy_name(s, d->location, "column", d->colname, c->name));
	TRY(sql_type(s, d->type_name, c));
	SQL_ENSURE(c->type != COLUMN_DECIMAL || c->precision > 0, s, AMT_UNSUPPORTED,
		d->type_name->location,
		"decimal needs its precision, for example decimal(9,2); at most 18 digits");
	SQL_ENSURE(d->coll_clause == NULL, s, AMT_UNSUPPORTED,
		d->coll_clause != NULL ? d->coll_clause->location : -1, "COLLATE is not supported");
	SQL_ENSURE((d->compression == NULL || d->compression[0] == '\0') && d->n_fdwoptions == 0, s,
		AMT_UNSUPPORTED, d->location, "COMPRESSION and OPTIONS are not supported");
	bool null = false;
	for (size_t i = 0; i < d->n_constraints; i++) {
		const PgQuery__Constraint *k = d->constraints[i]->constraint;
		if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL)
			c->not_null = true;
		else if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NULL)
			null = true;
		else
			SQL_FAIL(s, AMT_UNSUPPORTED, k->location, "%s is not supported",
				constraint_name(k->contype));
		SQL_ENSURE(!(null && c->not_null), s, AMT_SYNTAX, k->location,
			"conflicting NULL and NOT NULL of column \"%s\"", c->name);
	}
	return STATUS_OK;
}

/* One name of a list in an option, folded unless it is in double quotes. */
static amt_status listed_name(const struct sql_statement *s, int location, struct span word,
	char out[static SCHEMA_MAX_NAME + 1])
{
	word = span_trim(word);
	bool quoted = word.size >= 2 && word.data[0] == '"' && word.data[word.size - 1] == '"';
	if (quoted)
		word = span_of(word.data + 1, word.size - 2);
	SQL_ENSURE(word.size > 0 && word.size <= SCHEMA_MAX_NAME, s, AMT_SYNTAX, location,
		"the option wants names of columns with commas between them");
	for (size_t i = 0; i < word.size; i++) {
		char c = (char)word.data[i];
		out[i] = c >= 'A' && c <= 'Z' && !quoted ? (char)(c + 'a' - 'A') : c;
	}
	out[word.size] = '\0';
	return STATUS_OK;
}

static amt_status apply_option(
	const struct sql_statement *s, const PgQuery__DefElem *o, struct schema *schema)
{
	static const struct {
		const char *name;
		uint8_t form;
	} forms[] = {{"payload", FORM_PAYLOAD}, {"arith", FORM_ARITH}, {"plain", FORM_PLAIN}};
	SQL_ENSURE(strcmp(o->defname, "scan") != 0, s, AMT_UNSUPPORTED, o->location,
		"the form scan is reserved, not supported yet: use arith");
	size_t f = 0;
	while (f < 3 && strcmp(forms[f].name, o->defname) != 0)
		f++;
	SQL_ENSURE(f < 3 && (o->defnamespace == NULL || o->defnamespace[0] == '\0'), s,
		AMT_UNSUPPORTED, o->location,
		"unknown option: payload, arith and plain are supported");
	const char *list = NULL;
	if (o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_STRING)
		list = o->arg->string->sval;
	else if (o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_TYPE_NAME)
		list = sql_name(o->arg->type_name->n_names, o->arg->type_name->names);
	SQL_ENSURE(list != NULL, s, AMT_SYNTAX, o->location,
		"the option wants names of columns, for example %s = 'a, b'", o->defname);
	for (const char *at = list;; at++) {
		size_t size = strcspn(at, ",");
		char name[SCHEMA_MAX_NAME + 1];
		TRY(listed_name(s, o->location, span_of(at, size), name));
		int i = schema_find(schema, name);
		SQL_ENSURE(i >= 0, s, AMT_NOT_FOUND, o->location, "column \"%s\" does not exist",
			name);
		schema->column[i].forms |= forms[f].form;
		at += size;
		if (*at == '\0')
			return STATUS_OK;
	}
}

static amt_status make(const struct sql_statement *s, struct schema *out)
{
	const PgQuery__CreateStmt *n = s->node->create_stmt;
	TRY(copy_name(s, s->table_location, "table", s->table, out->table));
	out->version = 1;
	SQL_ENSURE(n->n_table_elts >= 1 && n->n_table_elts <= SCHEMA_MAX_COLUMNS, s, AMT_LIMIT,
		s->table_location, "a table has 1 to %d columns", SCHEMA_MAX_COLUMNS);
	TRY(mem_array(&out->column, n->n_table_elts, sizeof(*out->column)));
	for (size_t i = 0; i < n->n_table_elts; i++) {
		struct column *c = &out->column[i];
		TRY(column_of(s, n->table_elts[i], c));
		SQL_ENSURE(schema_find(out, c->name) < 0, s, AMT_ALREADY_EXISTS,
			sql_location(n->table_elts[i]), "column \"%s\" specified more than once",
			c->name);
		out->columns++;
	}
	for (size_t i = 0; i < n->n_options; i++)
		TRY(apply_option(s, n->options[i]->def_elem, out));
	for (unsigned i = 0; i < out->columns; i++) {
		struct column *c = &out->column[i];
		SQL_ENSURE(c->type != COLUMN_TEXT || (c->forms & FORM_ARITH) == 0, s,
			AMT_UNSUPPORTED, sql_location(n->table_elts[i]),
			"text has no form arith: column \"%s\" can be payload or plain", c->name);
		if (c->forms == 0)
			c->forms =
				c->type == COLUMN_TEXT ? FORM_PAYLOAD : FORM_PAYLOAD | FORM_ARITH;
	}
	return sql_at(s, s->table_location, schema_check(out));
}

amt_status sql_schema(const struct sql_statement *s, struct schema *out)
{
	*out = (struct schema){0};
	ENSURE(s->kind == STATEMENT_CREATE_TABLE, AMT_INVALID_ARGUMENT, "not a CREATE TABLE");
	amt_status made = make(s, out);
	if (!amt_ok(made))
		schema_free(out);
	return made;
}

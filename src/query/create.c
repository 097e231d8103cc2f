/* CREATE TABLE. Forms are modifiers of a type, `age u8(arith)`; types that are keywords of the
 * grammar take no modifiers, so forms may also be options: WITH (arith = 'a, b', plain = 'c'). */
#include "query/statement.h"
#include "base/alloc.h"

enum { DICTIONARY_VALUES = 16 }; /* unless the schema says how many */

static const char *constraint_name(PgQuery__ConstrType t)
{
	switch (t) {
	case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
		return "DEFAULT";
	case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
		return "GENERATED AS IDENTITY";
	case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
		return "GENERATED";
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
		else if (k->contype != PG_QUERY__CONSTR_TYPE__CONSTR_CHECK)
			SQL_FAIL(s, AMT_UNSUPPORTED, k->location, "%s is not supported",
				constraint_name(k->contype));
		SQL_ENSURE(!(null && c->not_null), s, AMT_SYNTAX, k->location,
			"conflicting NULL and NOT NULL of column \"%s\"", c->name);
	}
	return STATUS_OK;
}

static amt_status apply_form(const struct sql_statement *s, const PgQuery__DefElem *o,
	struct column *c, struct span detail)
{
	struct number n;
	(void)sql_form(c, o->defname);
	if (detail.data == NULL)
		return STATUS_OK;
	SQL_ENSURE(c->type == COLUMN_TEXT && strcmp(o->defname, "scan") == 0 &&
			   number_parse(&n, detail, 0) && n.exact && n.floor >= 2 &&
			   n.floor <= SCAN_MAX_BASE,
		s, AMT_SYNTAX, o->location,
		"only a dictionary of text takes a number, of at most %d values, as scan = '%s:16'",
		SCAN_MAX_BASE, c->name);
	c->scan.base = (uint16_t)n.floor;
	return STATUS_OK;
}

static amt_status apply_forms(
	const struct sql_statement *s, const PgQuery__CreateStmt *n, struct schema *schema)
{
	for (size_t i = 0; i < n->n_options; i++) {
		const PgQuery__DefElem *o = n->options[i]->def_elem;
		struct column probe = {0};
		SQL_ENSURE(o->defnamespace == NULL || o->defnamespace[0] == '\0', s,
			AMT_UNSUPPORTED, o->location, "unknown option");
		if (sql_form(&probe, o->defname))
			TRY(sql_listed(s, o, schema, apply_form));
	}
	return STATUS_OK;
}

/* Forms are known: defaults, and what is impossible. */
static amt_status settle_forms(const struct sql_statement *s, int location, struct column *c)
{
	SQL_ENSURE(c->type != COLUMN_TEXT || (c->forms & FORM_ARITH) == 0, s, AMT_UNSUPPORTED,
		location,
		"text has no form arith: column \"%s\" can be payload, plain, scan or tag",
		c->name);
	if (c->forms == 0)
		c->forms = c->type == COLUMN_TEXT ? FORM_PAYLOAD : FORM_PAYLOAD | FORM_ARITH;
	if ((c->forms & FORM_SCAN) == 0)
		return STATUS_OK;
	SQL_ENSURE(c->type == COLUMN_TEXT || c->scan.kind == SCAN_NUMBER, s, AMT_UNSUPPORTED,
		location, "tags are of text: column \"%s\" can be scan", c->name);
	SQL_ENSURE(c->scan.kind != (SCAN_DICTIONARY | SCAN_TAG), s, AMT_UNSUPPORTED, location,
		"column \"%s\" is scanned by a dictionary (scan) or by tags (tag), not both",
		c->name);
	SQL_ENSURE((c->forms & FORM_PLAIN) == 0, s, AMT_UNSUPPORTED, location,
		"column \"%s\": the forms scan and plain exclude each other", c->name);
	if (c->scan.kind == SCAN_DICTIONARY && c->scan.base == 0)
		c->scan.base = DICTIONARY_VALUES;
	c->scan.summed = column_is_number(c);
	return STATUS_OK;
}

static amt_status apply_options(
	const struct sql_statement *s, const PgQuery__CreateStmt *n, struct schema *schema)
{
	for (size_t i = 0; i < n->n_options; i++) {
		const PgQuery__DefElem *o = n->options[i]->def_elem;
		struct column probe = {0};
		bool known;
		TRY(sql_scan_option(s, o, schema, &known));
		SQL_ENSURE(known || sql_form(&probe, o->defname), s, AMT_UNSUPPORTED, o->location,
			"unknown option: payload, arith, plain, scan, tag, scan_base, scan_limb, "
			"scan_depth and scan_ring are supported");
	}
	return STATUS_OK;
}

static bool is_check(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_CONSTRAINT &&
	       n->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK;
}

static amt_status apply_checks(
	const struct sql_statement *s, const PgQuery__CreateStmt *n, struct schema *schema)
{
	for (size_t i = 0; i < n->n_table_elts; i++) {
		const PgQuery__Node *e = n->table_elts[i];
		if (is_check(e)) {
			TRY(sql_domain(s, e->constraint, schema));
			continue;
		}
		const PgQuery__ColumnDef *d = e->column_def;
		for (size_t k = 0; k < d->n_constraints; k++)
			if (is_check(d->constraints[k]))
				TRY(sql_domain(s, d->constraints[k]->constraint, schema));
	}
	return STATUS_OK;
}

static amt_status make(const struct sql_statement *s, struct schema *out)
{
	const PgQuery__CreateStmt *n = s->node->create_stmt;
	int location[SCHEMA_MAX_COLUMNS] = {0};
	TRY(copy_name(s, s->table_location, "table", s->table, out->table));
	out->version = 1;
	TRY(mem_array(&out->column, n->n_table_elts, sizeof(*out->column)));
	for (size_t i = 0; i < n->n_table_elts; i++) {
		if (is_check(n->table_elts[i]))
			continue;
		SQL_ENSURE(out->columns < SCHEMA_MAX_COLUMNS, s, AMT_LIMIT, s->table_location,
			"a table has 1 to %d columns", SCHEMA_MAX_COLUMNS);
		struct column *c = &out->column[out->columns];
		TRY(column_of(s, n->table_elts[i], c));
		location[out->columns] = sql_location(n->table_elts[i]);
		SQL_ENSURE(schema_find(out, c->name) < 0, s, AMT_ALREADY_EXISTS,
			location[out->columns], "column \"%s\" specified more than once", c->name);
		out->columns++;
	}
	SQL_ENSURE(out->columns > 0, s, AMT_LIMIT, s->table_location, "a table has 1 to %d columns",
		SCHEMA_MAX_COLUMNS);
	TRY(apply_forms(s, n, out));
	for (unsigned i = 0; i < out->columns; i++) {
		TRY(settle_forms(s, location[i], &out->column[i]));
		if ((out->column[i].forms & FORM_SCAN) != 0)
			out->ring_log2 = SCAN_RING_LOG2;
	}
	TRY(apply_options(s, n, out));
	TRY(apply_checks(s, n, out));
	TRY(sql_at(s, s->table_location, schema_check(out)));
	if (out->ring_log2 == 0)
		return STATUS_OK;
	/* Whether the ring has room for every column. */
	struct scan_table table;
	TRY(sql_at(s, s->table_location, schema_scan_table(out, &table)));
	schema_scan_free(&table);
	return STATUS_OK;
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

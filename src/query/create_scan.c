/* What CREATE TABLE says about scans: options of the form, and domains.
 *
 * A domain is PostgreSQL's own CHECK: comparisons of one column with literals, BETWEEN, and ANDs of
 * these. Anything else is refused, because it could not be kept.
 */
#include "query/statement.h"
#include "base/alloc.h"

bool sql_form(struct column *c, const char *word)
{
	static const struct {
		const char *word;
		uint8_t forms, kind;
	} forms[] = {{"payload", FORM_PAYLOAD, 0}, {"arith", FORM_ARITH, 0},
		{"plain", FORM_PLAIN, 0}, {"scan", FORM_SCAN | FORM_PAYLOAD, SCAN_DICTIONARY},
		{"tag", FORM_SCAN | FORM_PAYLOAD, SCAN_TAG}};
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strcmp(word, forms[i].word) != 0)
			continue;
		c->forms |= forms[i].forms;
		/* Of numbers `scan` is the only kind. */
		if (c->type == COLUMN_TEXT || forms[i].kind == SCAN_TAG)
			c->scan.kind |= forms[i].kind;
		return true;
	}
	return false;
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

amt_status sql_listed(const struct sql_statement *s, const PgQuery__DefElem *o,
	struct schema *schema,
	amt_status (*apply)(const struct sql_statement *s, const PgQuery__DefElem *o,
		struct column *c, struct span detail))
{
	const char *list = NULL;
	if (o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_STRING)
		list = o->arg->string->sval;
	else if (o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_TYPE_NAME)
		list = sql_name(o->arg->type_name->n_names, o->arg->type_name->names);
	SQL_ENSURE(list != NULL, s, AMT_SYNTAX, o->location,
		"the option wants names of columns, for example %s = 'a, b'", o->defname);
	for (const char *at = list;; at++) {
		size_t size = strcspn(at, ","), colon = size;
		/* Behind the quotes, if there are any. */
		while (colon > 0 && at[colon - 1] != ':' && at[colon - 1] != '"')
			colon--;
		bool detailed = colon > 0 && at[colon - 1] == ':';
		char name[SCHEMA_MAX_NAME + 1];
		TRY(listed_name(s, o->location, span_of(at, detailed ? colon - 1 : size), name));
		int i = schema_find(schema, name);
		SQL_ENSURE(i >= 0, s, AMT_NOT_FOUND, o->location, "column \"%s\" does not exist",
			name);
		TRY(apply(s, o, &schema->column[i],
			detailed ? span_trim(span_of(at + colon, size - colon))
				 : (struct span){0}));
		at += size;
		if (*at == '\0')
			return STATUS_OK;
	}
}

static amt_status apply_number(const struct sql_statement *s, const PgQuery__DefElem *o,
	struct column *c, struct span detail)
{
	struct number n = {0};
	const char *what = o->defname + strlen("scan_");
	SQL_ENSURE((c->forms & FORM_SCAN) != 0, s, AMT_INVALID_ARGUMENT, o->location,
		"column \"%s\" has no form scan", c->name);
	SQL_ENSURE(detail.data != NULL && number_parse(&n, detail, 0) && n.exact && n.floor >= 0 &&
			   n.floor <= SCAN_MAX_BASE,
		s, AMT_SYNTAX, o->location, "the option wants numbers behind names, as %s = '%s:4'",
		o->defname, c->name);
	if (strcmp(what, "depth") == 0) {
		SQL_ENSURE(n.floor <= BGV_MAX_LIMBS, s, AMT_LIMIT, o->location,
			"a depth of at most %d products", BGV_MAX_LIMBS);
		c->scan.depth = (uint8_t)n.floor;
	} else if (strcmp(what, "base") == 0) {
		SQL_ENSURE(c->type != COLUMN_TEXT && n.floor >= 2, s, AMT_UNSUPPORTED, o->location,
			"a digit of %d values; text takes none", (int)n.floor);
		c->scan.base = (uint16_t)n.floor;
	} else {
		SQL_ENSURE(column_is_number(c) && n.floor <= 16, s, AMT_UNSUPPORTED, o->location,
			"limbs of 1 to 16 bits (0: SUM is not wanted) are of columns of numbers");
		c->scan.summed = n.floor > 0;
		c->scan.limb_bits = (uint8_t)n.floor;
	}
	return STATUS_OK;
}

amt_status sql_scan_option(const struct sql_statement *s, const PgQuery__DefElem *o,
	struct schema *schema, bool *known)
{
	*known = true;
	if (strcmp(o->defname, "scan_ring") == 0) {
		int ring = o->arg != NULL && o->arg->node_case == PG_QUERY__NODE__NODE_INTEGER
				   ? o->arg->integer->ival
				   : 0;
		SQL_ENSURE(ring > 0 && bgv_params_for((unsigned)ring) != NULL, s, AMT_UNSUPPORTED,
			o->location, "scan_ring is log2 of the slots of a page: 13, 14 or 15");
		SQL_ENSURE(schema->ring_log2 != 0, s, AMT_INVALID_ARGUMENT, o->location,
			"no column has the form scan");
		schema->ring_log2 = (uint8_t)ring;
		return STATUS_OK;
	}
	*known = strcmp(o->defname, "scan_base") == 0 || strcmp(o->defname, "scan_limb") == 0 ||
		 strcmp(o->defname, "scan_depth") == 0;
	return *known ? sql_listed(s, o, schema, apply_number) : STATUS_OK;
}

/* ---- domains */

struct range {
	const struct sql_statement *s;
	struct schema *schema;
	struct arena *arena;
	struct column *column; /* NULL before the first one is met */
	int128 low, high;      /* integers that passed so far */
	int location;
};

static amt_status refuse_check(const struct range *r, const PgQuery__Node *n)
{
	int at = sql_location(n);
	SQL_FAIL(r->s, AMT_UNSUPPORTED, at >= 0 ? at : r->location,
		"this CHECK is not supported: comparisons of one column with literals, BETWEEN and "
		"AND are");
}

static amt_status column_of_check(struct range *r, const PgQuery__Node *n)
{
	const PgQuery__ColumnRef *ref = n->column_ref;
	const char *name = sql_name(ref->n_fields, ref->fields);
	int i = name != NULL ? schema_find(r->schema, name) : -1;
	SQL_ENSURE(i >= 0, r->s, AMT_NOT_FOUND, ref->location, "column \"%s\" does not exist",
		name != NULL ? name : "?");
	struct column *c = &r->schema->column[i];
	if ((r->column != NULL && r->column != c) || c->type == COLUMN_TEXT)
		return refuse_check(r, n);
	if (r->column == NULL) {
		uint64_t least, most;
		column_domain(c, &least, &most);
		r->low = (int128)least - (int128)column_bias(c);
		r->high = (int128)most - (int128)column_bias(c);
		r->column = c;
	}
	return STATUS_OK;
}

static bool is_column(const PgQuery__Node *n)
{
	return n != NULL && n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
}

/* column op literal narrows the range. */
static amt_status narrow(struct range *r, const PgQuery__Node *whole, const PgQuery__Node *column,
	const char *op, const PgQuery__Node *other)
{
	struct literal l;
	struct number n;
	TRY(column_of_check(r, column));
	TRY(sql_literal(r->s, r->arena, other, &l));
	if (l.kind == LITERAL_NONE || l.kind == LITERAL_NULL)
		return refuse_check(r, whole);
	TRY(literal_compare(r->s, &l, r->column, &n));
	bool lower = op[0] == '>', upper = op[0] == '<', equal = strchr(op, '=') != NULL;
	if (strcmp(op, "<>") == 0 || strcmp(op, "!=") == 0 || (!lower && !upper && !equal))
		return refuse_check(r, whole);
	int128 least = n.floor + (n.exact && equal ? 0 : 1);
	int128 most = n.floor - (n.exact && !equal ? 1 : 0);
	if ((lower || !upper) && least > r->low)
		r->low = least;
	if ((upper || !lower) && most < r->high)
		r->high = most;
	return STATUS_OK;
}

static amt_status narrow_all(struct range *r, const PgQuery__Node *n);

static amt_status narrow_expression(struct range *r, const PgQuery__Node *n)
{
	const PgQuery__AExpr *e = n->a_expr;
	if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN && is_column(e->lexpr) &&
		e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST && e->rexpr->list->n_items == 2) {
		TRY(narrow(r, n, e->lexpr, ">=", e->rexpr->list->items[0]));
		return narrow(r, n, e->lexpr, "<=", e->rexpr->list->items[1]);
	}
	const char *op = sql_name(e->n_name, e->name);
	static const char *const operators[][2] = {
		{"=", "="}, {"<", ">"}, {"<=", ">="}, {">", "<"}, {">=", "<="}};
	size_t i = 0;
	while (i < 5 && (op == NULL || strcmp(op, operators[i][0]) != 0))
		i++;
	if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || i == 5 || e->lexpr == NULL)
		return refuse_check(r, n);
	if (is_column(e->lexpr))
		return narrow(r, n, e->lexpr, operators[i][0], e->rexpr);
	return is_column(e->rexpr) ? narrow(r, n, e->rexpr, operators[i][1], e->lexpr)
				   : refuse_check(r, n);
}

static amt_status narrow_all(struct range *r, const PgQuery__Node *n)
{
	if (n != NULL && n->node_case == PG_QUERY__NODE__NODE_A_EXPR)
		return narrow_expression(r, n);
	if (n == NULL || n->node_case != PG_QUERY__NODE__NODE_BOOL_EXPR ||
		n->bool_expr->boolop != PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR)
		return refuse_check(r, n);
	for (size_t i = 0; i < n->bool_expr->n_args; i++)
		TRY(narrow_all(r, n->bool_expr->args[i]));
	return STATUS_OK;
}

amt_status sql_domain(
	const struct sql_statement *s, const PgQuery__Constraint *k, struct schema *schema)
{
	struct arena arena = {0};
	struct range r = {.s = s, .schema = schema, .arena = &arena, .location = k->location};
	amt_status narrowed = narrow_all(&r, k->raw_expr);
	arena_free(&arena);
	TRY(narrowed);
	struct column *c = r.column;
	if (c == NULL)
		return refuse_check(&r, k->raw_expr);
	SQL_ENSURE(r.low <= r.high, s, AMT_INVALID_ARGUMENT, k->location,
		"no value of column \"%s\" passes this CHECK", c->name);
	c->checked = true;
	c->least = (uint64_t)(r.low + (int128)column_bias(c));
	c->most = (uint64_t)(r.high + (int128)column_bias(c));
	return STATUS_OK;
}

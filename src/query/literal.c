/* Types and literals as SQL writes them. */
#include "query/statement.h"
#include "base/alloc.h"

#define TYPES_TEXT                                                                          \
	"use boolean, u8, u16, u32, u64, i8, i16 (smallint), i32 (integer), i64 (bigint), " \
	"decimal(p,s), date, timestamp or text"

static const struct {
	const char *name;
	enum column_type type;
} types[] = {{"bool", COLUMN_BOOL}, {"u8", COLUMN_U8}, {"u16", COLUMN_U16}, {"u32", COLUMN_U32},
	{"u64", COLUMN_U64}, {"i8", COLUMN_I8}, {"i16", COLUMN_I16}, {"i32", COLUMN_I32},
	{"i64", COLUMN_I64}, {"int2", COLUMN_I16}, {"int4", COLUMN_I32}, {"int8", COLUMN_I64},
	{"numeric", COLUMN_DECIMAL}, {"date", COLUMN_DATE}, {"text", COLUMN_TEXT},
	{"varchar", COLUMN_TEXT}, {"timestamp", COLUMN_TIMESTAMP}};

static amt_status form_word(
	const struct sql_statement *s, const PgQuery__Node *n, struct column *column)
{
	const char *word = n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF
				   ? sql_name(n->column_ref->n_fields, n->column_ref->fields)
				   : NULL;
	int at = sql_location(n);
	SQL_ENSURE(word != NULL, s, AMT_UNSUPPORTED, at,
		"a modifier of a type is a number or one of the forms payload, arith, plain, scan, "
		"tag");
	SQL_ENSURE(sql_form(column, word), s, AMT_UNSUPPORTED, at,
		"unknown form \"%s\": payload, arith, plain, scan and tag are supported", word);
	return STATUS_OK;
}

amt_status sql_type(
	const struct sql_statement *s, const PgQuery__TypeName *t, struct column *column)
{
	const char *name = sql_name(t->n_names, t->names);
	if (t->n_names == 2 && t->names[0]->node_case == PG_QUERY__NODE__NODE_STRING &&
		strcmp(t->names[0]->string->sval, "pg_catalog") == 0)
		name = sql_name(1, t->names + 1);
	SQL_ENSURE(name != NULL && !t->setof && !t->pct_type && t->n_array_bounds == 0, s,
		AMT_UNSUPPORTED, t->location, "this type is not supported: " TYPES_TEXT);
	size_t i = 0;
	while (i < sizeof(types) / sizeof(types[0]) && strcmp(types[i].name, name) != 0)
		i++;
	SQL_ENSURE(i < sizeof(types) / sizeof(types[0]), s, AMT_UNSUPPORTED, t->location,
		"type %s is not supported: " TYPES_TEXT, name);
	column->type = (uint8_t)types[i].type;
	int number[2] = {0, 0};
	unsigned numbers = 0;
	for (size_t k = 0; k < t->n_typmods; k++) {
		const PgQuery__Node *m = t->typmods[k];
		if (m->node_case != PG_QUERY__NODE__NODE_A_CONST ||
			m->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL) {
			TRY(form_word(s, m, column));
			continue;
		}
		if (column->type == COLUMN_TEXT && column->scan.kind == SCAN_DICTIONARY) {
			int capacity = m->a_const->ival->ival;
			SQL_ENSURE(capacity >= 2 && capacity <= SCAN_MAX_BASE, s, AMT_LIMIT,
				m->a_const->location,
				"a dictionary holds 2 to %d values; text(tag) any number",
				SCAN_MAX_BASE);
			column->scan.base = (uint16_t)capacity;
			continue;
		}
		SQL_ENSURE(column->type != COLUMN_TEXT, s, AMT_UNSUPPORTED, m->a_const->location,
			"a length is not supported: use text");
		SQL_ENSURE(column->type == COLUMN_DECIMAL && numbers < 2, s, AMT_UNSUPPORTED,
			m->a_const->location, "type %s takes no number", name);
		number[numbers++] = m->a_const->ival->ival;
	}
	if (column->type == COLUMN_DECIMAL && numbers > 0) {
		SQL_ENSURE(number[0] >= 1 && number[0] <= 18 && number[1] >= 0 &&
				   number[1] <= number[0],
			s, AMT_UNSUPPORTED, t->location,
			"decimal(%d,%d) is not supported: precision 1 to 18, scale 0 to precision",
			number[0], number[1]);
		column->precision = (uint8_t)number[0];
		column->scale = (uint8_t)number[1];
	}
	return STATUS_OK;
}

const char *literal_kind_name(enum literal_kind k)
{
	static const char *const names[] = {
		"expression", "NULL", "boolean", "number", "string", "date", "timestamp", "text"};
	return names[k];
}

/* Copy of a number's text with its sign turned. */
static amt_status negate(struct arena *arena, struct span *text)
{
	struct span t = span_trim(*text);
	bool negative = t.size > 0 && t.data[0] == '-';
	char *copy;
	TRY(arena_alloc(arena, t.size + 2, &copy));
	if (!negative)
		copy[0] = '-';
	if (t.size > 0)
		memcpy(copy + !negative, t.data + negative, t.size - negative);
	*text = span_str(copy);
	return STATUS_OK;
}

static amt_status of_constant(struct arena *arena, const PgQuery__AConst *c, struct literal *out)
{
	out->location = c->location;
	if (c->isnull) {
		out->kind = LITERAL_NULL;
		return STATUS_OK;
	}
	char *copy;
	switch (c->val_case) {
	case PG_QUERY__A__CONST__VAL_IVAL: {
		struct buf b = {0};
		TRY(buf_printf(&b, "%d", c->ival->ival));
		amt_status s = arena_alloc(arena, b.size + 1, &copy);
		if (amt_ok(s))
			memcpy(copy, b.data, b.size);
		buf_free(&b);
		TRY(s);
		out->kind = LITERAL_NUMBER;
		out->text = span_str(copy);
		return STATUS_OK;
	}
	case PG_QUERY__A__CONST__VAL_FVAL:
		out->kind = LITERAL_NUMBER;
		out->text = span_str(c->fval->fval);
		return STATUS_OK;
	case PG_QUERY__A__CONST__VAL_BOOLVAL:
		out->kind = LITERAL_BOOL;
		out->truth = c->boolval->boolval;
		return STATUS_OK;
	case PG_QUERY__A__CONST__VAL_SVAL:
		out->kind = LITERAL_STRING;
		out->text = span_str(c->sval->sval);
		return STATUS_OK;
	default:
		out->kind = LITERAL_NONE;
		return STATUS_OK;
	}
}

/* out, a literal, becomes one of another type. */
static amt_status cast(
	const struct sql_statement *s, const PgQuery__TypeName *t, struct literal *out)
{
	struct column c = {.name = "(cast)"};
	TRY(sql_type(s, t, &c));
	SQL_ENSURE(c.forms == 0, s, AMT_UNSUPPORTED, t->location, "a form in a cast");
	if (out->kind == LITERAL_NULL)
		return STATUS_OK;
	bool number = column_is_number(&c);
	bool from_text = out->kind == LITERAL_STRING || out->kind == LITERAL_TEXT;
	struct number n;
	struct value v;
	if (c.type == COLUMN_TEXT && from_text) {
		out->kind = LITERAL_TEXT;
	} else if (c.type == COLUMN_DATE && (from_text || out->kind == LITERAL_DATE)) {
		if (from_text) {
			TRY(sql_at(s, out->location, value_parse(&v, &c, out->text)));
			out->days = value_signed(&c, v.bits);
		}
		out->kind = LITERAL_DATE;
	} else if (c.type == COLUMN_TIMESTAMP &&
		   (from_text || out->kind == LITERAL_DATE || out->kind == LITERAL_TIMESTAMP)) {
		TRY(from_text ? sql_at(s, out->location, value_parse(&v, &c, out->text))
			      : literal_assign(s, out, &c, &v));
		out->days = value_signed(&c, v.bits);
		out->kind = LITERAL_TIMESTAMP;
	} else if (c.type == COLUMN_BOOL && (from_text || out->kind == LITERAL_BOOL)) {
		if (from_text) {
			TRY(sql_at(s, out->location, value_parse(&v, &c, out->text)));
			out->truth = v.bits != 0;
		}
		out->kind = LITERAL_BOOL;
	} else if (number && (from_text || out->kind == LITERAL_NUMBER)) {
		if (c.type == COLUMN_DECIMAL && c.precision == 0) {
			SQL_ENSURE(number_parse(&n, out->text, 0), s, AMT_TYPE_MISMATCH,
				out->location, "not a valid decimal");
		} else {
			TRY(sql_at(s, out->location,
				from_text ? value_parse(&v, &c, out->text)
					  : literal_assign(s, out, &c, &v)));
			bool same = number_parse(&n, out->text, c.scale) && n.exact;
			SQL_ENSURE(same, s, AMT_UNSUPPORTED, out->location,
				"a cast that rounds is not supported: write the rounded value");
		}
		out->kind = LITERAL_NUMBER;
	} else {
		SQL_FAIL(s, AMT_TYPE_MISMATCH, out->location, "cannot cast a %s to %s",
			literal_kind_name(out->kind), column_type_name(c.type));
	}
	return STATUS_OK;
}

amt_status sql_literal(const struct sql_statement *s, struct arena *arena, const PgQuery__Node *n,
	struct literal *out)
{
	*out = (struct literal){.kind = LITERAL_NONE, .location = sql_location(n)};
	if (n == NULL)
		return STATUS_OK;
	if (n->node_case == PG_QUERY__NODE__NODE_A_CONST)
		return of_constant(arena, n->a_const, out);
	if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) {
		TRY(sql_literal(s, arena, n->type_cast->arg, out));
		if (out->kind == LITERAL_NONE)
			return STATUS_OK;
		return cast(s, n->type_cast->type_name, out);
	}
	if (n->node_case != PG_QUERY__NODE__NODE_A_EXPR || n->a_expr->lexpr != NULL ||
		n->a_expr->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP)
		return STATUS_OK;
	const char *op = sql_name(n->a_expr->n_name, n->a_expr->name);
	if (op == NULL || (strcmp(op, "-") != 0 && strcmp(op, "+") != 0))
		return STATUS_OK;
	TRY(sql_literal(s, arena, n->a_expr->rexpr, out));
	if (out->kind == LITERAL_NONE || out->kind == LITERAL_NULL)
		return STATUS_OK;
	SQL_ENSURE(out->kind == LITERAL_NUMBER, s, AMT_TYPE_MISMATCH, n->a_expr->location,
		"a sign before a %s", literal_kind_name(out->kind));
	out->location = n->a_expr->location;
	return op[0] == '-' ? negate(arena, &out->text) : STATUS_OK;
}

static amt_status no_match(
	const struct sql_statement *s, const struct literal *l, const struct column *c)
{
	SQL_FAIL(s, AMT_TYPE_MISMATCH, l->location, "column \"%s\" is %s, this is a %s", c->name,
		column_type_name(c->type), literal_kind_name(l->kind));
}

amt_status literal_assign(const struct sql_statement *s, const struct literal *l,
	const struct column *c, struct value *out)
{
	*out = (struct value){0};
	struct number n;
	bool number = column_is_number(c);
	switch (l->kind) {
	case LITERAL_NULL:
		out->null = true;
		return STATUS_OK;
	case LITERAL_STRING:
		return sql_at(s, l->location, value_parse(out, c, l->text));
	case LITERAL_TEXT:
		if (c->type != COLUMN_TEXT)
			break;
		return sql_at(s, l->location, value_parse(out, c, l->text));
	case LITERAL_NUMBER:
		if (c->type == COLUMN_TEXT)
			return sql_at(s, l->location, value_parse(out, c, l->text));
		if (!number || !number_parse(&n, l->text, c->scale))
			break;
		return sql_at(s, l->location, value_of_integer(out, c, n.rounded, l->text));
	case LITERAL_BOOL:
		if (c->type != COLUMN_BOOL)
			break;
		out->bits = l->truth;
		return STATUS_OK;
	case LITERAL_DATE:
		if (c->type == COLUMN_TIMESTAMP)
			return sql_at(s, l->location,
				value_of_integer(out, c, (int128)l->days * 86400 * 1000000,
					span_str("the date")));
		if (c->type != COLUMN_DATE)
			break;
		return value_of_integer(out, c, l->days, l->text);
	case LITERAL_TIMESTAMP:
		if (c->type != COLUMN_TIMESTAMP)
			break;
		return value_of_integer(out, c, l->days, l->text);
	default:
		break;
	}
	return no_match(s, l, c);
}

amt_status literal_compare(const struct sql_statement *s, const struct literal *l,
	const struct column *c, struct number *out)
{
	bool number = column_is_number(c);
	struct value v;
	/* A quoted literal takes the column's type, but not a decimal's precision and scale. */
	if (number && (l->kind == LITERAL_NUMBER ||
			      (l->kind == LITERAL_STRING && c->type == COLUMN_DECIMAL))) {
		SQL_ENSURE(number_parse(out, l->text, c->scale), s, AMT_TYPE_MISMATCH, l->location,
			"column \"%s\": this is not a valid decimal", c->name);
		return STATUS_OK;
	}
	if (number && l->kind != LITERAL_STRING)
		return no_match(s, l, c);
	TRY(literal_assign(s, l, c, &v));
	int128 x = column_signed(c) ? (int128)value_signed(c, v.bits) : (int128)v.bits;
	*out = (struct number){.floor = x, .rounded = x, .exact = true};
	return STATUS_OK;
}

/* UPDATE of a table with scan columns: rows are selected by scan, and their new values computed here,
 * where they are known. So any column may be assigned, products are allowed, and what leaves a type or a
 * domain is an error as in PostgreSQL. */
#include "query/scan_build.h"

#include "base/alloc.h"
#include "query/value.h"

struct scan_assignment {
	uint16_t target;
	bool literal, copied;
	struct value value; /* literal */
	uint16_t from;	    /* copied: a column */
	struct poly poly;
};

static amt_status needs_operand(
	const struct binder *b, uint16_t column, int location, const char *where)
{
	const struct column *c = &b->schema->column[column];
	SQL_ENSURE(column_is_number(c) || c->type == COLUMN_DATE, b->statement, AMT_TYPE_MISMATCH,
		location, "%s is not added or multiplied %s: column \"%s\"",
		column_type_name((enum column_type)c->type), where, c->name);
	return STATUS_OK;
}

/* What adding and multiplying makes: a date is only moved by a number of days. */
static amt_status check_dates(const struct binder *b, const struct scan_assignment *a, int location)
{
	const struct column *t = &b->schema->column[a->target];
	int128 dates = 0;
	bool good = true;
	for (size_t i = 0; i < a->poly.terms; i++) {
		const struct poly_term *term = &a->poly.term[i];
		for (unsigned k = 0; k < term->degree; k++) {
			if (b->schema->column[term->column[k]].type != COLUMN_DATE)
				continue;
			good &= term->degree == 1;
			dates += term->coefficient;
		}
	}
	bool is_date = t->type == COLUMN_DATE;
	good &= dates == is_date && (!is_date || a->poly.scale == 0);
	SQL_ENSURE(good, b->statement, AMT_TYPE_MISMATCH, location,
		"column \"%s\" is %s, this is not", t->name,
		column_type_name((enum column_type)t->type));
	return STATUS_OK;
}

static amt_status bind_copy(
	const struct binder *b, const PgQuery__ColumnRef *ref, struct scan_assignment *a)
{
	TRY(bind_column(b, ref, &a->from));
	const struct column *c = &b->schema->column[a->from], *t = &b->schema->column[a->target];
	bool numbers = column_is_number(c) && column_is_number(t);
	SQL_ENSURE(numbers || c->type == t->type, b->statement, AMT_TYPE_MISMATCH, ref->location,
		"column \"%s\" is %s, column \"%s\" is %s", t->name,
		column_type_name((enum column_type)t->type), c->name,
		column_type_name((enum column_type)c->type));
	a->copied = !numbers;
	return STATUS_OK;
}

static amt_status bind_assignment(
	const struct binder *b, const PgQuery__ResTarget *r, struct scan_assignment *a)
{
	const struct sql_statement *s = b->statement;
	const struct column *t = &b->schema->column[a->target];
	struct literal l;
	TRY(sql_literal(s, b->arena, r->val, &l));
	if (l.kind != LITERAL_NONE) {
		a->literal = true;
		TRY(literal_assign(s, &l, t, &a->value));
		SQL_ENSURE(!a->value.null || !t->not_null, s, AMT_OUT_OF_RANGE, l.location,
			"column \"%s\" is NOT NULL", t->name);
		return sql_at(s, l.location, value_check(t, &a->value));
	}
	if (r->val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF) {
		TRY(bind_copy(b, r->val->column_ref, a));
		if (a->copied)
			return STATUS_OK;
	}
	int at = sql_location(r->val);
	SQL_ENSURE(column_is_number(t) || t->type == COLUMN_DATE, s, AMT_TYPE_MISMATCH, at,
		"column \"%s\" is %s, this is not", t->name,
		column_type_name((enum column_type)t->type));
	TRY(poly_parse(b, r->val, "in SET", needs_operand, &a->poly));
	return check_dates(b, a, at);
}

amt_status scan_bind_update(struct scan_plan *p, const struct binder *b)
{
	struct scan_work_plan *w = p->work;
	const PgQuery__UpdateStmt *n = b->statement->node->update_stmt;
	bool set[SCHEMA_MAX_COLUMNS] = {false};
	TRY(arena_alloc(
		&w->arena, (n->n_target_list + 1) * sizeof(*w->assignment), &w->assignment));
	for (size_t i = 0; i < n->n_target_list; i++) {
		const PgQuery__ResTarget *r = n->target_list[i]->res_target;
		uint16_t target;
		TRY(bind_target(b, r, set, &target));
		struct scan_assignment *a = &w->assignment[w->assignments++];
		a->target = target;
		TRY(bind_assignment(b, r, a));
	}
	return STATUS_OK;
}

/* ---- a row */

/* v / 10^from in units of 10^-to, halves away from zero. */
static bool rescale(int128 v, unsigned from, unsigned to, int128 *out)
{
	*out = v;
	for (; from < to; from++)
		if (__builtin_mul_overflow(*out, 10, out))
			return false;
	int128 ten = 1;
	for (; from > to; from--)
		ten *= 10;
	if (ten > 1) {
		int128 rest = v % ten;
		*out = v / ten;
		if (rest >= ten - rest)
			++*out;
		if (-rest >= ten + rest)
			--*out;
	}
	return true;
}

static amt_status compute(const struct scan_work_plan *w, const struct scan_assignment *a,
	const struct value *old, struct value *out)
{
	const struct column *t = &w->schema->column[a->target];
	int128 integer[SCHEMA_MAX_COLUMNS] = {0}, v;
	for (size_t i = 0; i < a->poly.terms; i++)
		for (unsigned k = 0; k < a->poly.term[i].degree; k++) {
			uint16_t c = a->poly.term[i].column[k];
			out->null |= old[c].null;
			integer[c] =
				(int128)old[c].bits - (int128)column_bias(&w->schema->column[c]);
		}
	if (out->null)
		return STATUS_OK;
	ENSURE(poly_value(&a->poly, integer, &v) && rescale(v, a->poly.scale, t->scale, &v),
		AMT_OUT_OF_RANGE, "column \"%s\": the new value is out of range", t->name);
	return value_of_integer(out, t, v, span_str("the new value"));
}

amt_status scan_plan_assign(const struct scan_plan *p, const struct value *old, struct value *out)
{
	const struct scan_work_plan *w = p->work;
	memcpy(out, old, w->schema->columns * sizeof(*out));
	for (unsigned i = 0; i < w->assignments; i++) {
		const struct scan_assignment *a = &w->assignment[i];
		const struct column *t = &w->schema->column[a->target];
		struct value v = {0};
		if (a->literal)
			v = a->value;
		else if (a->copied)
			v = old[a->from];
		else
			TRY(compute(w, a, old, &v));
		ENSURE(!v.null || !t->not_null, AMT_OUT_OF_RANGE, "column \"%s\" is NOT NULL",
			t->name);
		TRY(value_check(t, &v));
		out[a->target] = v;
	}
	return STATUS_OK;
}

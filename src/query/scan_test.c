/* Tests: conditions on one column that are no comparison with a constant, `amount % 100 = 0` or
 * `name LIKE 'a%'`. The owner finds out for which of the column's values they hold; the host sees what it
 * sees of any condition on that column. So a test may be whatever the owner can compute.
 *
 * Arithmetic is that of exact decimals; whole numbers are divided towards 0, and by 0 to NULL.
 */
#include "query/scan_build.h"

struct test_value {
	bool null;
	unsigned scale;
	int128 v; /* times 10^-scale */
};

struct test_node {
	char op;			      /* + - * / %, 'c' the column, 'k' a constant */
	const struct test_node *left, *right; /* left NULL: a sign */
	struct test_value constant;
	unsigned scale; /* of its values */
};

struct scan_test {
	enum int_comparison op; /* of LIKE: EQ or NE */
	const struct test_node *left, *right;
	bool like, never; /* never: the pattern is NULL */
	struct span pattern;
};

/* ---- binding */

struct test_binding {
	const struct binder *b;
	uint16_t column;
	bool any; /* a column was met */
};

static bool has_operator(const PgQuery__Node *n)
{
	if (n == NULL || n->node_case != PG_QUERY__NODE__NODE_A_EXPR ||
		n->a_expr->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP)
		return false;
	const char *op = sql_name(n->a_expr->n_name, n->a_expr->name);
	return op != NULL && strlen(op) == 1 && strchr("+-*/%", op[0]) != NULL;
}

/* Not a literal with a sign. */
static amt_status is_arithmetic(const struct binder *b, const PgQuery__Node *n, bool *out)
{
	struct literal l;
	*out = has_operator(n);
	if (*out) {
		TRY(sql_literal(b->statement, b->arena, n, &l));
		*out = l.kind == LITERAL_NONE;
	}
	return STATUS_OK;
}

static amt_status bind_test_column(
	struct test_binding *x, const PgQuery__ColumnRef *ref, struct test_node *out)
{
	const struct sql_statement *s = x->b->statement;
	uint16_t column;
	TRY(bind_column(x->b, ref, &column));
	TRY(bind_needs_number(x->b, column, ref->location, "in WHERE"));
	const struct column *c = &x->b->schema->column[column];
	SQL_ENSURE(!x->any || column == x->column, s, AMT_UNSUPPORTED, ref->location,
		"arithmetic in WHERE is supported on one column, these are \"%s\" and \"%s\"",
		x->b->schema->column[x->column].name, c->name);
	SQL_ENSURE(column_is_number(c), s, AMT_TYPE_MISMATCH, ref->location,
		"column \"%s\" is %s, arithmetic in WHERE takes numbers", c->name,
		column_type_name(c->type));
	x->column = column;
	x->any = true;
	out->op = 'c';
	out->scale = c->scale;
	return STATUS_OK;
}

/* The depth is bounded by the parser, see check_depth in parse.c. */
static amt_status bind_node(
	struct test_binding *x, const PgQuery__Node *n, const struct test_node **out)
{
	struct test_node *made;
	struct literal l;
	struct poly constant;
	TRY(arena_alloc(x->b->arena, sizeof(*made), &made));
	*out = made;
	TRY(sql_literal(x->b->statement, x->b->arena, n, &l));
	if (l.kind == LITERAL_NULL) {
		*made = (struct test_node){.op = 'k', .constant.null = true};
		return STATUS_OK;
	}
	if (l.kind != LITERAL_NONE) {
		TRY(poly_parse(x->b, n, "in arithmetic", bind_needs_number, &constant));
		made->op = 'k';
		made->scale = constant.scale;
		made->constant = (struct test_value){
			.scale = constant.scale, .v = constant.term->coefficient};
		return STATUS_OK;
	}
	if (n != NULL && n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
		return bind_test_column(x, n->column_ref, made);
	if (n == NULL || !has_operator(n))
		return bind_refuse(x->b, n, "in WHERE");
	made->op = sql_name(n->a_expr->n_name, n->a_expr->name)[0];
	if (n->a_expr->lexpr != NULL)
		TRY(bind_node(x, n->a_expr->lexpr, &made->left));
	TRY(bind_node(x, n->a_expr->rexpr, &made->right));
	unsigned left = made->left != NULL ? made->left->scale : 0, right = made->right->scale;
	made->scale = made->op == '*' ? left + right : left > right ? left : right;
	SQL_ENSURE(made->op != '/' || made->scale == 0, x->b->statement, AMT_UNSUPPORTED,
		n->a_expr->location, "in WHERE, / divides whole numbers only");
	SQL_ENSURE(made->scale <= 36, x->b->statement, AMT_OUT_OF_RANGE, n->a_expr->location,
		"the expression has more than 36 decimals");
	return STATUS_OK;
}

static amt_status bind_like(
	const struct binder *b, const PgQuery__AExpr *e, struct scan_test *t, uint16_t *column)
{
	const struct sql_statement *s = b->statement;
	const char *op = sql_name(e->n_name, e->name);
	struct literal l;
	SQL_ENSURE(e->lexpr != NULL && e->lexpr->node_case == PG_QUERY__NODE__NODE_COLUMN_REF, s,
		AMT_UNSUPPORTED, e->location, "LIKE needs a column on its left");
	TRY(bind_column(b, e->lexpr->column_ref, column));
	TRY(bind_needs_number(b, *column, e->lexpr->column_ref->location, "in WHERE"));
	const struct column *c = &b->schema->column[*column];
	SQL_ENSURE(c->type == COLUMN_TEXT, s, AMT_TYPE_MISMATCH, e->location,
		"LIKE takes text, column \"%s\" is %s", c->name, column_type_name(c->type));
	SQL_ENSURE(c->scan.kind == SCAN_DICTIONARY, s, AMT_UNSUPPORTED, e->location,
		"column \"%s\" is scanned by tags, which tell equality alone", c->name);
	TRY(sql_literal(s, b->arena, e->rexpr, &l));
	SQL_ENSURE(l.kind == LITERAL_STRING || l.kind == LITERAL_TEXT || l.kind == LITERAL_NULL, s,
		AMT_UNSUPPORTED, e->location,
		"the pattern of LIKE must be a quoted literal, without ESCAPE");
	t->like = true;
	t->op = op != NULL && op[0] == '!' ? INT_NE : INT_EQ;
	t->never = l.kind == LITERAL_NULL;
	t->pattern = t->never ? (struct span){0} : l.text;
	bool open = false; /* a backslash at the end escapes nothing */
	for (size_t i = 0; i < t->pattern.size; i++)
		open = t->pattern.data[i] == '\\' && !open;
	SQL_ENSURE(!open, s, AMT_TYPE_MISMATCH, l.location,
		"a pattern of LIKE must not end with an escape character");
	return STATUS_OK;
}

static amt_status bind_arithmetic(
	const struct binder *b, const PgQuery__AExpr *e, struct scan_test *t, uint16_t *column)
{
	struct test_binding x = {.b = b};
	TRY(bind_node(&x, e->lexpr, &t->left));
	TRY(bind_node(&x, e->rexpr, &t->right));
	SQL_ENSURE(x.any, b->statement, AMT_UNSUPPORTED, e->location,
		"a comparison needs a column on one side");
	*column = x.column;
	const struct scan_column *layout = &b->scan->column[x.column];
	SQL_ENSURE(layout->digits == 1 || layout->max < SCAN_TEST_VALUES, b->statement,
		AMT_UNSUPPORTED, e->location,
		"arithmetic on column \"%s\" needs a domain of at most %d values: declare it by "
		"CHECK",
		b->schema->column[x.column].name, SCAN_TEST_VALUES);
	return STATUS_OK;
}

amt_status scan_test_bind(
	const struct binder *b, const PgQuery__AExpr *e, bool opposite, struct pred *out, bool *is)
{
	bool like = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_LIKE, left = false, right = false;
	struct scan_test *t;
	*out = (struct pred){.kind = PRED_TEST};
	*is = false;
	if (b->scan == NULL)
		return STATUS_OK;
	if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP) {
		TRY(is_arithmetic(b, e->lexpr, &left));
		TRY(is_arithmetic(b, e->rexpr, &right));
	}
	*is = like || left || right;
	if (!*is)
		return STATUS_OK;
	TRY(arena_alloc(b->arena, sizeof(*t), &t));
	out->test = t;
	if (like)
		TRY(bind_like(b, e, t, &out->column));
	else if (sql_comparison(e, &t->op) && e->lexpr != NULL)
		TRY(bind_arithmetic(b, e, t, &out->column));
	else
		*is = false;
	if (opposite)
		t->op = sql_opposite(t->op);
	return STATUS_OK;
}

/* ---- values */

static bool rescale(struct test_value *x, unsigned scale)
{
	for (; x->scale < scale; x->scale++)
		if (__builtin_mul_overflow(x->v, 10, &x->v))
			return false;
	return true;
}

/* False where it leaves 128 bits. */
static bool apply(char op, struct test_value x, struct test_value y, struct test_value *out)
{
	*out = (struct test_value){.null = x.null || y.null};
	if (out->null)
		return true;
	if (op == '*') {
		out->scale = x.scale + y.scale;
		return !__builtin_mul_overflow(x.v, y.v, &out->v);
	}
	out->scale = x.scale > y.scale ? x.scale : y.scale;
	if (!rescale(&x, out->scale) || !rescale(&y, out->scale))
		return false;
	switch (op) {
	case '+':
		return !__builtin_add_overflow(x.v, y.v, &out->v);
	case '-':
		return !__builtin_sub_overflow(x.v, y.v, &out->v);
	default:
		out->null = y.v == 0;
		if (y.v == -1) /* of the least number too */
			return op == '%' || !__builtin_sub_overflow(0, x.v, &out->v);
		if (!out->null)
			out->v = op == '/' ? x.v / y.v : x.v % y.v;
		return true;
	}
}

static bool evaluate(const struct test_node *n, struct test_value column, struct test_value *out)
{
	struct test_value x = {0}, y;
	if (n->op == 'c' || n->op == 'k') {
		*out = n->op == 'c' ? column : n->constant;
		return true;
	}
	if (n->left != NULL && !evaluate(n->left, column, &x))
		return false;
	return evaluate(n->right, column, &y) && apply(n->op, x, y, out);
}

/* Bytes of the character at `at` of well-formed UTF-8. */
static size_t character(struct span text, size_t at)
{
	size_t end = at + 1;
	while (end < text.size && (text.data[end] & 0xC0) == 0x80)
		end++;
	return end - at;
}

/* LIKE with % and _, and \ before what stands for itself. A % that takes more is tried only for the last
 * one met: what an earlier one took is then settled. */
static bool matches(struct span text, struct span pattern)
{
	size_t t = 0, p = 0, retry_t = 0, retry_p = SIZE_MAX;
	while (t < text.size || p < pattern.size) {
		if (p < pattern.size && pattern.data[p] == '%') {
			retry_p = ++p;
			retry_t = t;
			continue;
		}
		if (p < pattern.size && t < text.size) {
			bool any = pattern.data[p] == '_';
			size_t from = p + (pattern.data[p] == '\\');
			size_t size = character(text, t), same = character(pattern, from);
			if (any || (size == same &&
					   memcmp(text.data + t, pattern.data + from, size) == 0)) {
				t += size;
				p = from + same;
				continue;
			}
		}
		if (retry_p == SIZE_MAX || retry_t >= text.size)
			return false;
		retry_t += character(text, retry_t);
		t = retry_t;
		p = retry_p;
	}
	return true;
}

amt_status scan_test_holds(
	const struct scan_build *b, const struct pred *p, uint64_t code, bool *out)
{
	const struct column *c = &b->schema->column[p->column];
	const struct scan_test *test = p->test;
	*out = false;
	if (test->like) {
		struct span text = {0};
		bool known = false;
		ENSURE(b->texts != NULL, AMT_INVALID_ARGUMENT, "no texts for column \"%s\"",
			c->name);
		TRY(b->texts->text(b->texts->context, p->column, code, &text, &known));
		*out = known && !test->never &&
		       matches(text, test->pattern) == (test->op == INT_EQ);
		return STATUS_OK;
	}
	uint64_t least, most;
	column_domain(c, &least, &most);
	struct test_value column = {
		.scale = c->scale, .v = (int128)least + (int128)code - (int128)column_bias(c)};
	struct test_value x, y, difference;
	ENSURE(evaluate(test->left, column, &x) && evaluate(test->right, column, &y) &&
			apply('-', x, y, &difference),
		AMT_OUT_OF_RANGE, "arithmetic on column \"%s\" leaves 128 bits", c->name);
	*out = !difference.null && scan_holds(test->op, difference.v < 0 ? -1 : difference.v > 0);
	return STATUS_OK;
}

amt_status scan_test_changes(const struct scan_build *b, const struct pred *p, uint64_t *code,
	size_t *count, size_t *padded)
{
	const struct scan_column *layout = &b->table->column[p->column];
	bool before = false, holds = false;
	size_t changes = 0;
	for (uint64_t v = 0; v <= layout->max; v++, before = holds) {
		TRY(scan_test_holds(b, p, v, &holds));
		if (v == 0 || holds == before)
			continue;
		ENSURE(changes < SCAN_TEST_CHANGES, AMT_UNSUPPORTED,
			"the condition on column \"%s\" holds for more than %d ranges of its "
			"values; a column of one digit takes any condition: declare at most %d "
			"values by CHECK, and as many in scan_base",
			b->schema->column[p->column].name, SCAN_TEST_CHANGES / 2, SCAN_MAX_BASE);
		if (code != NULL)
			code[*count + changes] = v;
		changes++;
	}
	for (*padded = 1; *padded < changes;)
		*padded *= 2;
	*count += changes;
	return STATUS_OK;
}

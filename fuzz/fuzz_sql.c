/* SQL text, bound to a fixed schema and lowered. */
#include "query/plan.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct column columns[] = {
	{.name = "a", .type = COLUMN_U8, .forms = FORM_ARITH},
	{.name = "b", .type = COLUMN_BOOL, .forms = FORM_ARITH | FORM_PAYLOAD},
	{.name = "c", .type = COLUMN_BOOL, .forms = FORM_ARITH, .not_null = true},
	{.name = "d", .type = COLUMN_DATE, .forms = FORM_ARITH},
	{.name = "i", .type = COLUMN_I32, .forms = FORM_ARITH, .not_null = true},
	{.name = "j", .type = COLUMN_I64, .forms = FORM_ARITH},
	{.name = "x", .type = COLUMN_DECIMAL, .forms = FORM_ARITH, .precision = 6, .scale = 2},
	{.name = "n", .type = COLUMN_TEXT, .forms = FORM_PAYLOAD},
	{.name = "w", .type = COLUMN_U64, .forms = FORM_ARITH},
	{.name = "p", .type = COLUMN_U8, .forms = FORM_PLAIN},
};

static void use(const struct sql_statement *s, const struct schema *schema)
{
	struct schema made;
	struct row_set rows;
	struct plan plan;
	struct buf out = {0};
	amt_status r;
	(void)sql_table(s);
	switch (sql_kind(s)) {
	case STATEMENT_CREATE_TABLE:
		r = sql_schema(s, &made);
		if (amt_ok(r)) {
			r = schema_put(&made, &out);
			if (!amt_ok(r))
				__builtin_trap();
			schema_free(&made);
		}
		break;
	case STATEMENT_INSERT:
		r = sql_rows(s, schema, &rows);
		if (amt_ok(r))
			row_set_free(&rows);
		break;
	case STATEMENT_DROP_TABLE:
		return;
	default:
		r = plan_make(&plan, s, schema, true);
		if (amt_ok(r)) {
			r = plan_explain(&plan, schema, 1000, &out);
			if (amt_ok(r))
				r = circuit_put(&plan.circuit, &out);
			if (!amt_ok(r))
				__builtin_trap();
			plan_free(&plan);
		}
		break;
	}
	if (amt_status_code(r) == AMT_INTERNAL)
		__builtin_trap();
	amt_status_clear(&r);
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct schema schema = {.table = "t",
		.version = 1,
		.columns = sizeof(columns) / sizeof(columns[0]),
		.column = (struct column *)columns};
	struct sql_statement *s;
	char *text = malloc(size + 1);
	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	amt_status r = sql_parse(&s, text);
	if (amt_ok(r)) {
		use(s, &schema);
		sql_free(s);
	}
	amt_status_clear(&r);
	free(text);
	return 0;
}

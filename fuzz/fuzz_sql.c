/* SQL text, bound to fixed schemas and made a circuit and a scan. */
#include "query/scan_plan.h"

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

enum { SCANNED = FORM_SCAN | FORM_PAYLOAD };
static const struct column scanned[] = {
	{.name = "a", .type = COLUMN_U8, .forms = SCANNED, .scan = {.summed = true}},
	{.name = "b", .type = COLUMN_BOOL, .forms = SCANNED},
	{.name = "c", .type = COLUMN_BOOL, .forms = SCANNED, .not_null = true},
	{.name = "d", .type = COLUMN_DATE, .forms = SCANNED},
	{.name = "i",
		.type = COLUMN_I32,
		.forms = SCANNED,
		.not_null = true,
		.scan = {.summed = true}},
	{.name = "j", .type = COLUMN_I64, .forms = SCANNED},
	{.name = "x",
		.type = COLUMN_DECIMAL,
		.forms = SCANNED,
		.precision = 6,
		.scale = 2,
		.checked = true,
		.least = 0x80000000,
		.most = 0x80000010},
	{.name = "n", .type = COLUMN_TEXT, .forms = SCANNED, .scan = {SCAN_DICTIONARY, .base = 4}},
	{.name = "w", .type = COLUMN_U64, .forms = SCANNED, .scan = {.summed = true}},
	{.name = "p", .type = COLUMN_TEXT, .forms = SCANNED, .scan = {SCAN_TAG}},
};

static amt_status code_of_text(
	void *context, unsigned column, struct span text, uint64_t *code, bool *known)
{
	(void)context;
	*code = text.size;
	*known = column != 7 || text.size < 4;
	return STATUS_OK;
}

static amt_status text_of_code(
	void *context, unsigned column, uint64_t code, struct span *text, bool *known)
{
	(void)context;
	(void)column;
	*known = code < 4;
	*text = span_of("xxx", *known ? (size_t)code : 0);
	return STATUS_OK;
}

/* All rounds with an answer of nothing, and the result. */
static void run_scan(struct scan_plan *p)
{
	struct buf zeros = {0};
	struct scan_answer answer;
	uint8_t *at;
	amt_status s = STATUS_OK;
	while (!scan_plan_done(p) && amt_ok(s)) {
		size_t size = (p->program.outputs + 1) * sizeof(uint64_t);
		buf_clear(&zeros);
		s = buf_extend(&zeros, size, &at);
		if (amt_ok(s)) {
			memset(at, 0, size);
			s = scan_plan_step(p, p->rows ? NULL : (const uint64_t *)(const void *)at);
		}
	}
	if (amt_ok(s) && !p->rows) {
		s = scan_plan_finish(p, &answer);
		if (amt_ok(s))
			scan_answer_free(&answer);
	}
	if (!amt_ok(s) && amt_status_code(s) != AMT_OUT_OF_MEMORY)
		__builtin_trap();
	amt_status_clear(&s);
	buf_free(&zeros);
}

static void scan(const struct sql_statement *s)
{
	static const struct scan_texts texts = {NULL, code_of_text, text_of_code};
	const struct schema schema = {.table = "t",
		.version = 1,
		.ring_log2 = 14,
		.columns = sizeof(scanned) / sizeof(scanned[0]),
		.column = (struct column *)scanned};
	for (unsigned form = 0; form < 2; form++) {
		const struct query_options options = {.rows = 1000,
			.pages = 7,
			.deletes = form == 1,
			.form = (uint8_t)form,
			.texts = &texts};
		struct scan_plan p;
		struct buf out = {0};
		amt_status r = scan_plan_make(&p, s, &schema, &options);
		if (amt_status_code(r) == AMT_INTERNAL || amt_status_code(r) == AMT_CORRUPTION)
			__builtin_trap();
		if (amt_ok(r)) {
			r = scan_plan_explain(&p, &options, &out);
			if (amt_ok(r) && !scan_plan_done(&p))
				r = scan_program_check(&p.program, &p.table);
			if (!amt_ok(r))
				__builtin_trap();
			run_scan(&p);
			scan_plan_free(&p);
		}
		amt_status_clear(&r);
		buf_free(&out);
	}
}

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
		scan(s);
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

/* Schemas come from the host: whatever decodes must encode to the same bytes, and every column must
 * print any value and read it again. */
#include "query/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool out_of_memory(amt_status s)
{
	return amt_status_code(s) == AMT_OUT_OF_MEMORY;
}

static void try_values(const struct column *c, struct span text)
{
	struct value v, back;
	struct buf printed = {0};
	amt_status s = value_parse(&v, c, text);
	if (amt_ok(s)) {
		s = value_print(&printed, c, &v);
		if (amt_ok(s))
			s = value_parse(&back, c, buf_span(&printed));
		if (!amt_ok(s) && !out_of_memory(s))
			__builtin_trap();
		if (amt_ok(s) && (back.bits != v.bits || back.text.size != v.text.size))
			__builtin_trap();
	}
	amt_status_clear(&s);
	buf_free(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct schema schema;
	struct buf out = {0};
	amt_status s = schema_get(&schema, span_of(data, size));
	if (!amt_ok(s)) {
		amt_status_clear(&s);
		return 0;
	}
	s = schema_put(&schema, &out);
	if (amt_ok(s) ? !span_equal(buf_span(&out), span_of(data, size)) : !out_of_memory(s))
		__builtin_trap();
	amt_status_clear(&s);
	for (unsigned i = 0; i < schema.columns; i++) {
		if (schema_find(&schema, schema.column[i].name) != (int)i)
			__builtin_trap();
		try_values(&schema.column[i], span_str(schema.table));
		try_values(&schema.column[i], span_str(schema.column[i].name));
	}
	struct scan_table table;
	s = schema.ring_log2 != 0 ? schema_scan_table(&schema, &table)
				  : ERROR(AMT_NOT_FOUND, "none");
	if (amt_ok(s)) {
		for (unsigned i = 0; i < schema.columns; i++)
			if ((schema.column[i].forms & FORM_SCAN) != 0) {
				amt_status fits = scan_column_check(&table.column[i], table.ring);
				if (!amt_ok(fits))
					__builtin_trap();
			}
		schema_scan_free(&table);
	}
	amt_status_clear(&s);
	buf_free(&out);
	schema_free(&schema);
	return 0;
}

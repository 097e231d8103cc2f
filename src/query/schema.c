/* The catalogue entry of a table, as bytes:
 *
 *	OFFSET	SIZE	WHAT
 *	0	4	version
 *	4	1+n	name of the table: length, then bytes
 *	...	2	number of columns, then for each:
 *		1+n	name
 *		1	type
 *		1	forms
 *		1	precision (DECIMAL, else 0)
 *		1	scale (DECIMAL, else 0)
 *		1	1: NOT NULL, else 0
 */
#include "query/schema.h"
#include "base/alloc.h"
#include "query/number.h"

void schema_free(struct schema *s)
{
	mem_free(s->column);
	*s = (struct schema){0};
}

static const char *const type_names[COLUMN_TYPES] = {"boolean", "u8", "u16", "u32", "u64", "i8",
	"smallint", "integer", "bigint", "decimal", "date", "text"};

const char *column_type_name(enum column_type t)
{
	return t < COLUMN_TYPES ? type_names[t] : "?";
}

unsigned column_bits(const struct column *c)
{
	switch (c->type) {
	case COLUMN_BOOL:
		return 1;
	case COLUMN_U8:
	case COLUMN_I8:
		return 8;
	case COLUMN_U16:
	case COLUMN_I16:
		return 16;
	case COLUMN_U32:
	case COLUMN_I32:
	case COLUMN_DATE:
		return 32;
	case COLUMN_U64:
	case COLUMN_I64:
		return 64;
	case COLUMN_DECIMAL:
		return c->precision <= 2 ? 8 : c->precision <= 4 ? 16 : c->precision <= 9 ? 32 : 64;
	default:
		return 0;
	}
}

unsigned column_blocks(const struct column *c)
{
	unsigned bits = column_bits(c);
	return bits == 1 ? 1 : bits / 2;
}

bool column_signed(const struct column *c)
{
	return c->type >= COLUMN_I8 && c->type <= COLUMN_DATE;
}

int schema_find(const struct schema *s, const char *name)
{
	for (unsigned i = 0; i < s->columns; i++)
		if (strcmp(s->column[i].name, name) == 0)
			return (int)i;
	return -1;
}

static amt_status check_name(const char *what, const char *name)
{
	size_t size = strlen(name);
	ENSURE(size > 0 && size <= SCHEMA_MAX_NAME, AMT_LIMIT,
		"%s name of %zu bytes, 1 to %d allowed", what, size, SCHEMA_MAX_NAME);
	ENSURE(utf8_valid(span_str(name)), AMT_INVALID_ARGUMENT, "%s name is not UTF-8", what);
	for (size_t i = 0; i < size; i++)
		ENSURE((uint8_t)name[i] >= ' ' && name[i] != 0x7f, AMT_INVALID_ARGUMENT,
			"%s name with a control character", what);
	return STATUS_OK;
}

static amt_status check_column(const struct column *c)
{
	TRY(check_name("column", c->name));
	ENSURE(c->type < COLUMN_TYPES, AMT_INVALID_ARGUMENT, "column \"%s\": unknown type %u",
		c->name, c->type);
	ENSURE((c->forms & FORM_SCAN) == 0, AMT_UNSUPPORTED,
		"column \"%s\": the form scan is reserved, not supported yet", c->name);
	ENSURE(c->forms != 0 && (c->forms & ~(FORM_PAYLOAD | FORM_ARITH | FORM_PLAIN)) == 0,
		AMT_INVALID_ARGUMENT, "column \"%s\": unknown forms 0x%02x", c->name, c->forms);
	ENSURE(c->type != COLUMN_TEXT || (c->forms & FORM_ARITH) == 0, AMT_UNSUPPORTED,
		"column \"%s\": text has no form arith", c->name);
	if (c->type == COLUMN_DECIMAL) {
		ENSURE(c->precision >= 1 && c->precision <= 18 && c->scale <= c->precision,
			AMT_UNSUPPORTED,
			"column \"%s\": decimal(%u,%u), precision 1 to 18 and scale 0 to precision "
			"are supported",
			c->name, c->precision, c->scale);
	} else {
		ENSURE(c->precision == 0 && c->scale == 0, AMT_INVALID_ARGUMENT,
			"column \"%s\": precision without decimal", c->name);
	}
	return STATUS_OK;
}

amt_status schema_check(const struct schema *s)
{
	TRY(check_name("table", s->table));
	ENSURE(s->columns >= 1 && s->columns <= SCHEMA_MAX_COLUMNS, AMT_LIMIT,
		"table \"%s\" of %u columns, 1 to %d allowed", s->table, s->columns,
		SCHEMA_MAX_COLUMNS);
	for (unsigned i = 0; i < s->columns; i++) {
		TRY(check_column(&s->column[i]));
		ENSURE(schema_find(s, s->column[i].name) == (int)i, AMT_ALREADY_EXISTS,
			"column \"%s\" specified more than once", s->column[i].name);
	}
	return STATUS_OK;
}

static amt_status put_name(struct buf *out, const char *name)
{
	TRY(buf_put_u8(out, (uint8_t)strlen(name)));
	return buf_put(out, name, strlen(name));
}

amt_status schema_put(const struct schema *s, struct buf *out)
{
	TRY(schema_check(s));
	TRY(buf_put_u32(out, s->version));
	TRY(put_name(out, s->table));
	TRY(buf_put_u16(out, (uint16_t)s->columns));
	for (unsigned i = 0; i < s->columns; i++) {
		const struct column *c = &s->column[i];
		TRY(put_name(out, c->name));
		const uint8_t rest[] = {c->type, c->forms, c->precision, c->scale, c->not_null};
		TRY(buf_put(out, rest, sizeof(rest)));
	}
	return STATUS_OK;
}

static amt_status get_name(struct reader *r, char name[static SCHEMA_MAX_NAME + 1])
{
	uint8_t size;
	TRY(read_u8(r, &size));
	ENSURE(size <= SCHEMA_MAX_NAME, AMT_CORRUPTION, "schema: a name of %u bytes", size);
	TRY(read_copy(r, name, size));
	name[size] = '\0';
	ENSURE(strlen(name) == size, AMT_CORRUPTION, "schema: a name with a NUL byte");
	return STATUS_OK;
}

static amt_status get_column(struct reader *r, struct column *c)
{
	TRY(get_name(r, c->name));
	uint8_t rest[5];
	TRY(read_copy(r, rest, sizeof(rest)));
	ENSURE(rest[4] <= 1, AMT_CORRUPTION, "schema: column \"%s\" with flags 0x%02x", c->name,
		rest[4]);
	c->type = rest[0];
	c->forms = rest[1];
	c->precision = rest[2];
	c->scale = rest[3];
	c->not_null = rest[4] == 1;
	return STATUS_OK;
}

static amt_status get(struct schema *s, struct span in)
{
	struct reader r = reader_of(in, "schema");
	uint16_t columns;
	TRY(read_u32(&r, &s->version));
	TRY(get_name(&r, s->table));
	TRY(read_u16(&r, &columns));
	ENSURE(columns <= SCHEMA_MAX_COLUMNS, AMT_CORRUPTION, "schema of %u columns", columns);
	TRY(mem_array(&s->column, columns, sizeof(*s->column)));
	for (; s->columns < columns; s->columns++)
		TRY(get_column(&r, &s->column[s->columns]));
	TRY(read_end(&r));
	amt_status checked = schema_check(s);
	if (amt_ok(checked) || amt_status_code(checked) == AMT_OUT_OF_MEMORY)
		return checked;
	amt_status bad = ERROR(AMT_CORRUPTION, "schema: %s", amt_status_message(checked));
	status_drop(checked);
	return bad;
}

amt_status schema_get(struct schema *out, struct span in)
{
	*out = (struct schema){0};
	amt_status s = get(out, in);
	if (!amt_ok(s))
		schema_free(out);
	return s;
}

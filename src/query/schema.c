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
 *
 * A schema with a domain or a scan form has bit 31 of the version set, one byte more before the
 * columns, the ring's log2 n (0: no scan form), and bits in the last byte of a column that say what
 * follows it:
 *		2	a domain: 8 + 8 bytes, least and most
 *		4	a scan form: kind, limb bits, depth (1 byte each), base (2 bytes)
 *		8	the scan form is summed
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
	"smallint", "integer", "bigint", "decimal", "date", "text", "timestamp"};

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
	case COLUMN_TIMESTAMP:
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
	return (c->type >= COLUMN_I8 && c->type <= COLUMN_DATE) || c->type == COLUMN_TIMESTAMP;
}

bool column_is_number(const struct column *c)
{
	return c->type >= COLUMN_U8 && c->type <= COLUMN_DECIMAL;
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

static amt_status check_domain(const struct column *c)
{
	if (!c->checked) {
		ENSURE(c->least == 0 && c->most == 0, AMT_INVALID_ARGUMENT,
			"column \"%s\": ends of a domain without one", c->name);
		return STATUS_OK;
	}
	ENSURE(c->type != COLUMN_TEXT, AMT_UNSUPPORTED, "column \"%s\": text has no domain",
		c->name);
	const struct column free = {.type = c->type, .precision = c->precision, .scale = c->scale};
	uint64_t least, most;
	column_domain(&free, &least, &most);
	ENSURE(c->least >= least && c->least <= c->most && c->most <= most, AMT_INVALID_ARGUMENT,
		"column \"%s\": an empty domain, or one beyond the type", c->name);
	return STATUS_OK;
}

static amt_status check_scan(const struct column *c)
{
	const struct scan_options *o = &c->scan;
	if ((c->forms & FORM_SCAN) == 0) {
		ENSURE(o->kind == 0 && !o->summed && o->limb_bits == 0 && o->depth == 0 &&
				o->base == 0,
			AMT_INVALID_ARGUMENT, "column \"%s\": options of scan without that form",
			c->name);
		return STATUS_OK;
	}
	ENSURE((c->forms & FORM_PAYLOAD) != 0, AMT_UNSUPPORTED,
		"column \"%s\": the form scan needs the form payload beside it, for fetching rows "
		"and packing pages anew",
		c->name);
	ENSURE((c->forms & FORM_PLAIN) == 0, AMT_UNSUPPORTED,
		"column \"%s\": the forms scan and plain exclude each other", c->name);
	bool text = c->type == COLUMN_TEXT;
	ENSURE(text ? o->kind == SCAN_DICTIONARY || o->kind == SCAN_TAG : o->kind == SCAN_NUMBER,
		AMT_INVALID_ARGUMENT, "column \"%s\": kind %u of scan for %s", c->name, o->kind,
		column_type_name((enum column_type)c->type));
	ENSURE(o->base != 1 && o->base <= SCAN_MAX_BASE &&
			(o->base != 0 || o->kind != SCAN_DICTIONARY),
		AMT_LIMIT, "column \"%s\": %u values in a digit, 2 to %d allowed", c->name, o->base,
		SCAN_MAX_BASE);
	ENSURE(!o->summed || column_is_number(c), AMT_INVALID_ARGUMENT,
		"column \"%s\": %s is not summed", c->name,
		column_type_name((enum column_type)c->type));
	ENSURE(o->limb_bits <= (o->summed ? 16 : 0), AMT_LIMIT,
		"column \"%s\": limbs of %u bits, 1 to 16 allowed", c->name, o->limb_bits);
	ENSURE(o->depth <= BGV_MAX_LIMBS, AMT_LIMIT, "column \"%s\": depth %u, at most %d", c->name,
		o->depth, BGV_MAX_LIMBS);
	return STATUS_OK;
}

static amt_status check_column(const struct column *c)
{
	TRY(check_name("column", c->name));
	ENSURE(c->type < COLUMN_TYPES, AMT_INVALID_ARGUMENT, "column \"%s\": unknown type %u",
		c->name, c->type);
	ENSURE(c->forms != 0 &&
			(c->forms & ~(FORM_PAYLOAD | FORM_ARITH | FORM_PLAIN | FORM_SCAN)) == 0,
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
	TRY(check_domain(c));
	return check_scan(c);
}

amt_status schema_check(const struct schema *s)
{
	TRY(check_name("table", s->table));
	ENSURE(s->columns >= 1 && s->columns <= SCHEMA_MAX_COLUMNS, AMT_LIMIT,
		"table \"%s\" of %u columns, 1 to %d allowed", s->table, s->columns,
		SCHEMA_MAX_COLUMNS);
	ENSURE(s->version <= INT32_MAX, AMT_LIMIT, "version %u of a schema", s->version);
	bool scan = false;
	for (unsigned i = 0; i < s->columns; i++) {
		TRY(check_column(&s->column[i]));
		scan |= (s->column[i].forms & FORM_SCAN) != 0;
		ENSURE(schema_find(s, s->column[i].name) == (int)i, AMT_ALREADY_EXISTS,
			"column \"%s\" specified more than once", s->column[i].name);
	}
	ENSURE(scan ? bgv_params_for(s->ring_log2) != NULL : s->ring_log2 == 0, AMT_UNSUPPORTED,
		"a ring of log2 n = %u for %s", s->ring_log2,
		scan ? "scans: 13, 14 and 15 are supported" : "a table without scan columns");
	return STATUS_OK;
}

/* Whether the schema needs more than the first format tells. */
static bool is_extended(const struct schema *s)
{
	bool extended = s->ring_log2 != 0;
	for (unsigned i = 0; i < s->columns; i++)
		extended |= s->column[i].checked;
	return extended;
}

static amt_status put_name(struct buf *out, const char *name)
{
	TRY(buf_put_u8(out, (uint8_t)strlen(name)));
	return buf_put(out, name, strlen(name));
}

enum { EXTENDED = 1u << 31 };
enum { FLAG_NOT_NULL = 1, FLAG_DOMAIN = 2, FLAG_SCAN = 4, FLAG_SUMMED = 8 };

static amt_status put_column(const struct column *c, struct buf *out)
{
	TRY(put_name(out, c->name));
	bool scan = (c->forms & FORM_SCAN) != 0;
	const struct scan_options *o = &c->scan;
	uint8_t flags =
		(uint8_t)((c->not_null ? FLAG_NOT_NULL : 0) | (c->checked ? FLAG_DOMAIN : 0) |
			  (scan ? FLAG_SCAN : 0) | (o->summed ? FLAG_SUMMED : 0));
	const uint8_t rest[] = {c->type, c->forms, c->precision, c->scale, flags};
	TRY(buf_put(out, rest, sizeof(rest)));
	if (c->checked) {
		TRY(buf_put_u64(out, c->least));
		TRY(buf_put_u64(out, c->most));
	}
	if (!scan)
		return STATUS_OK;
	const uint8_t form[] = {o->kind, o->limb_bits, o->depth};
	TRY(buf_put(out, form, sizeof(form)));
	return buf_put_u16(out, o->base);
}

amt_status schema_put(const struct schema *s, struct buf *out)
{
	TRY(schema_check(s));
	bool extended = is_extended(s);
	TRY(buf_put_u32(out, s->version | (extended ? EXTENDED : 0)));
	TRY(put_name(out, s->table));
	TRY(buf_put_u16(out, (uint16_t)s->columns));
	if (extended)
		TRY(buf_put_u8(out, s->ring_log2));
	for (unsigned i = 0; i < s->columns; i++)
		TRY(put_column(&s->column[i], out));
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

static amt_status get_column(struct reader *r, bool extended, struct column *c)
{
	TRY(get_name(r, c->name));
	uint8_t rest[5];
	TRY(read_copy(r, rest, sizeof(rest)));
	unsigned flags = rest[4];
	ENSURE(flags <= (extended ? FLAG_NOT_NULL | FLAG_DOMAIN | FLAG_SCAN | FLAG_SUMMED
				  : FLAG_NOT_NULL),
		AMT_CORRUPTION, "schema: column \"%s\" with flags 0x%02x", c->name, flags);
	c->type = rest[0];
	c->forms = rest[1];
	c->precision = rest[2];
	c->scale = rest[3];
	c->not_null = (flags & FLAG_NOT_NULL) != 0;
	c->checked = (flags & FLAG_DOMAIN) != 0;
	c->scan.summed = (flags & FLAG_SUMMED) != 0;
	ENSURE(((c->forms & FORM_SCAN) != 0) == ((flags & FLAG_SCAN) != 0), AMT_CORRUPTION,
		"schema: column \"%s\" with flags 0x%02x and forms 0x%02x", c->name, flags,
		c->forms);
	if (c->checked) {
		TRY(read_u64(r, &c->least));
		TRY(read_u64(r, &c->most));
	}
	if ((flags & FLAG_SCAN) == 0)
		return STATUS_OK;
	TRY(read_u8(r, &c->scan.kind));
	TRY(read_u8(r, &c->scan.limb_bits));
	TRY(read_u8(r, &c->scan.depth));
	return read_u16(r, &c->scan.base);
}

static amt_status get(struct schema *s, struct span in)
{
	struct reader r = reader_of(in, "schema");
	uint16_t columns;
	TRY(read_u32(&r, &s->version));
	bool extended = (s->version & EXTENDED) != 0;
	s->version &= ~(uint32_t)EXTENDED;
	TRY(get_name(&r, s->table));
	TRY(read_u16(&r, &columns));
	ENSURE(columns <= SCHEMA_MAX_COLUMNS, AMT_CORRUPTION, "schema of %u columns", columns);
	if (extended)
		TRY(read_u8(&r, &s->ring_log2));
	TRY(mem_array(&s->column, columns, sizeof(*s->column)));
	for (; s->columns < columns; s->columns++)
		TRY(get_column(&r, extended, &s->column[s->columns]));
	ENSURE(extended == is_extended(s), AMT_CORRUPTION, "schema: an extension of nothing");
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

/* CSV to rows. Everything is read and checked before the first row is sent. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/secret.h"
#include "engine/result.h"

#include <csv.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 16 };

struct import {
	const amt_import_options *options;
	const struct schema *schema;
	const char *name;
	uint64_t line, record; /* line being fed; records ended */
	struct buf field;      /* of the record: u32 length + 1 (0: NULL) and the bytes each */
	unsigned fields;
	uint16_t *column_of; /* of each field */
	unsigned mapped;     /* fields a record must have; 0: not known yet */
	struct value *value; /* rows * columns */
	size_t rows, room;
	struct buf kept; /* pointers to texts */
	amt_status failure;
};

static amt_status wrong(const struct import *x, amt_status why)
{
	return WRAP(why, "%s, line %llu", x->name, (unsigned long long)x->line);
}

static amt_status add_field(struct import *x, const void *text, size_t size)
{
	x->fields++;
	if (text == NULL)
		return buf_put_u32(&x->field, 0);
	TRY(buf_put_u32(&x->field, (uint32_t)size + 1));
	return buf_put(&x->field, text, size);
}

/* The next field of the record; data NULL: an empty one without quotes. */
static struct span next_field(struct reader *r)
{
	uint32_t size = 0;
	struct span s = {0};
	amt_status status = read_u32(r, &size);
	if (amt_ok(status) && size > 0)
		status = read_bytes(r, size - 1, &s);
	status_drop(status);
	return s;
}

static int column_named(const struct schema *s, struct span name)
{
	char text[SCHEMA_MAX_NAME + 1];
	if (name.data == NULL || name.size > SCHEMA_MAX_NAME)
		return -1;
	memcpy(text, name.data, name.size);
	text[name.size] = '\0';
	int found = schema_find(s, text);
	/* Unquoted names are folded in SQL: accept "Age" for age. */
	for (size_t i = 0; found < 0 && i < name.size; i++)
		if (text[i] >= 'A' && text[i] <= 'Z')
			text[i] = (char)(text[i] + 'a' - 'A');
	return found >= 0 ? found : schema_find(s, text);
}

/* The first record: is it a header, and which column is each field? */
static amt_status read_header(struct import *x, bool *is_header)
{
	amt_header wanted = x->options->header;
	struct reader r = reader_of(buf_span(&x->field), "record");
	unsigned known = 0;
	TRY(mem_array(&x->column_of, x->fields + x->schema->columns, sizeof(*x->column_of)));
	for (unsigned i = 0; i < x->fields; i++) {
		struct span field = next_field(&r);
		int c = column_named(x->schema, field);
		if (c < 0 && wanted == AMT_HEADER_YES)
			FAIL(AMT_NOT_FOUND, "the table has no column \"%.*s\"", (int)field.size,
				field.data != NULL ? (const char *)field.data : "");
		for (unsigned k = 0; c >= 0 && k < i; k++)
			ENSURE(known < i || x->column_of[k] != c, AMT_ALREADY_EXISTS,
				"column \"%s\" is named twice", x->schema->column[c].name);
		known += c >= 0;
		x->column_of[i] = c >= 0 ? (uint16_t)c : 0;
	}
	*is_header = wanted == AMT_HEADER_YES ||
		     (wanted == AMT_HEADER_AUTO && x->fields > 0 && known == x->fields);
	x->mapped = *is_header ? x->fields : x->schema->columns;
	for (unsigned i = 0; !*is_header && i < x->schema->columns; i++)
		x->column_of[i] = (uint16_t)i;
	return STATUS_OK;
}

static amt_status keep_text(struct import *x, struct value *v)
{
	void *copy;
	TRY(mem_dup(&copy, v->text.data, v->text.size));
	v->text.data = copy;
	amt_status s = buf_put(&x->kept, &copy, sizeof(copy));
	if (!amt_ok(s))
		mem_free(copy);
	return s;
}

static amt_status read_value(
	struct import *x, const struct column *c, struct span field, struct value *v)
{
	const char *null_text = x->options->null_text;
	v->null =
		field.data == NULL || (null_text != NULL && span_equal(field, span_str(null_text)));
	if (v->null)
		return STATUS_OK;
	TRY(value_parse(v, c, field));
	TRY(value_check(c, v));
	return c->type == COLUMN_TEXT ? keep_text(x, v) : STATUS_OK;
}

static amt_status make_room(struct import *x)
{
	if (x->rows < x->room)
		return STATUS_OK;
	size_t room = x->room == 0 ? 256 : 2 * x->room;
	TRY(mem_grow(&x->value, room * x->schema->columns * sizeof(*x->value)));
	x->room = room;
	return STATUS_OK;
}

static amt_status read_record(struct import *x)
{
	if (x->mapped == 0) {
		bool is_header;
		TRY(read_header(x, &is_header));
		if (is_header)
			return STATUS_OK;
	}
	ENSURE(x->fields == x->mapped, AMT_SYNTAX, "%u fields where %u are due", x->fields,
		x->mapped);
	TRY(make_room(x));
	unsigned columns = x->schema->columns;
	struct value *row = x->value + x->rows * columns;
	for (unsigned i = 0; i < columns; i++)
		row[i] = (struct value){.null = true};
	struct reader r = reader_of(buf_span(&x->field), "record");
	for (unsigned i = 0; i < x->fields; i++) {
		const struct column *c = &x->schema->column[x->column_of[i]];
		TRY(read_value(x, c, next_field(&r), &row[x->column_of[i]]));
	}
	for (unsigned i = 0; i < columns; i++)
		ENSURE(!row[i].null || !x->schema->column[i].not_null, AMT_TYPE_MISMATCH,
			"column \"%s\" must not be NULL", x->schema->column[i].name);
	x->rows++;
	return STATUS_OK;
}

/* ---- libcsv calls these; a failure is kept and ends the feeding */

static void on_field(void *text, size_t size, void *context)
{
	struct import *x = context;
	if (amt_ok(x->failure))
		x->failure = add_field(x, text, size);
}

static void on_record(int end, void *context)
{
	struct import *x = context;
	(void)end;
	if (amt_ok(x->failure)) {
		amt_status s = read_record(x);
		x->failure = amt_ok(s) ? s : wrong(x, s);
	}
	x->record++;
	x->fields = 0;
	buf_clear(&x->field);
}

static amt_status feed(struct import *x, struct csv_parser *parser, const char *text, size_t size)
{
	size_t used = csv_parse(parser, text, size, on_field, on_record, x);
	TRY(x->failure);
	if (used != size)
		return wrong(x, ERROR(AMT_SYNTAX, "%s", csv_strerror(csv_error(parser))));
	return STATUS_OK;
}

/* Line by line, so that messages know where they are. */
static amt_status feed_lines(
	struct import *x, struct csv_parser *parser, const char *text, size_t size)
{
	while (size > 0) {
		const char *end = memchr(text, '\n', size);
		size_t n = end != NULL ? (size_t)(end - text) + 1 : size;
		TRY(feed(x, parser, text, n));
		x->line += end != NULL;
		text += n;
		size -= n;
	}
	return STATUS_OK;
}

static amt_status read_input(struct import *x, struct csv_parser *parser, int fd, char *buffer)
{
	static const char mark[] = "\xef\xbb\xbf";
	for (bool first = true;; first = false) {
		ssize_t n = read(fd, buffer, READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ERROR_ERRNO(AMT_IO, "cannot read %s", x->name);
		if (n == 0)
			break;
		size_t skip = first && n >= 3 && memcmp(buffer, mark, 3) == 0 ? 3 : 0;
		TRY(feed_lines(x, parser, buffer + skip, (size_t)n - skip));
	}
	if (csv_fini(parser, on_field, on_record, x) != 0)
		return wrong(x, ERROR(AMT_SYNTAX, "%s", csv_strerror(csv_error(parser))));
	return x->failure;
}

static amt_status parse(struct import *x, int fd)
{
	struct csv_parser parser;
	char *buffer;
	TRY(mem_alloc(&buffer, READ_BYTES));
	if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) != 0) {
		mem_free(buffer);
		FAIL(AMT_OUT_OF_MEMORY, "memory for reading CSV");
	}
	if (x->options->delimiter != 0)
		csv_set_delim(&parser, (unsigned char)x->options->delimiter);
	amt_status s = read_input(x, &parser, fd, buffer);
	csv_free(&parser);
	secret_wipe(buffer, READ_BYTES);
	mem_free(buffer);
	return s;
}

/* ---- the order of the input is not shown to the host */

static amt_status shuffle(struct import *x)
{
	unsigned columns = x->schema->columns;
	for (size_t i = x->rows; i > 1; i--) {
		uint64_t k;
		TRY(owner_random_below(i, &k));
		struct value *a = x->value + (i - 1) * columns, *b = x->value + k * columns;
		for (unsigned c = 0; c < columns; c++) {
			struct value v = a[c];
			a[c] = b[c];
			b[c] = v;
		}
	}
	return STATUS_OK;
}

static void import_free(struct import *x)
{
	for (size_t i = 0; i < x->kept.size; i += sizeof(void *)) {
		void *text;
		memcpy(&text, x->kept.data + i, sizeof(text));
		mem_free(text);
	}
	if (x->value != NULL)
		secret_wipe(x->value, x->room * x->schema->columns * sizeof(*x->value));
	mem_free(x->value);
	mem_free(x->column_of);
	buf_free(&x->kept);
	buf_free(&x->field);
}

static amt_status import_rows(
	struct amt_session *s, const char *table, struct import *x, amt_result *out)
{
	uint64_t inserted = 0;
	TRY(shuffle(x));
	amt_status status = owner_insert(s, table, x->value, x->rows, true, &inserted);
	result_set_affected(out, inserted);
	if (!amt_ok(status) && inserted > 0)
		return WRAP(status, "%llu of %zu rows of %s are in", (unsigned long long)inserted,
			x->rows, x->name);
	return status;
}

amt_status amt_import_csv(amt_session *s, const char *table, int fd,
	const amt_import_options *options, amt_result **out)
{
	static const amt_import_options none;
	ENSURE(s != NULL && table != NULL, AMT_INVALID_ARGUMENT,
		"a session and a table are needed");
	struct relation *t;
	TRY(owner_table(s, table, &t));
	/* A copy: the session's table is replaced with every batch. */
	struct relation copy;
	TRY(relation_copy(&copy, t));
	struct import x = {
		.options = options != NULL ? options : &none, .schema = &copy.schema, .line = 1};
	x.name = x.options->name != NULL ? x.options->name : "input";
	amt_result *result = NULL;
	struct owner_meter meter = owner_meter_start(s);
	amt_status status = result_new(&result, "IMPORT");
	if (amt_ok(status))
		status = parse(&x, fd);
	if (amt_ok(status))
		status = import_rows(s, table, &x, result);
	if (amt_ok(status))
		owner_meter_stop(s, &meter, NULL, result_statistics(result));
	import_free(&x);
	relation_free(&copy);
	if (amt_ok(status) && out != NULL)
		*out = result;
	else
		amt_result_free(result);
	return status;
}

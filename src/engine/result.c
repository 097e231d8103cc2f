/* Results: a table of texts, one block of memory for all cells, wiped when freed. */
#include "engine/result.h"

#include "base/alloc.h"
#include "crypto/secret.h"

#include <math.h>
#include <stdio.h>

struct result_column {
	char name[SCHEMA_MAX_NAME + 1], type[48];
	bool is_number;
};

struct amt_result {
	const char *statement;
	struct result_column *column;
	size_t columns;
	struct buf cell; /* u64 each: 1 + offset into text, 0: NULL */
	struct buf text;
	struct buf explanation;
	uint64_t affected;
	amt_statistics statistics;
};

amt_status result_new(amt_result **out, const char *statement)
{
	TRY(mem_zalloc(out, sizeof(**out)));
	(*out)->statement = statement;
	(*out)->statistics.failure_bound_log2 = -INFINITY;
	return STATUS_OK;
}

void amt_result_free(amt_result *r)
{
	if (r == NULL)
		return;
	if (r->text.data != NULL)
		secret_wipe(r->text.data, r->text.capacity);
	buf_free(&r->text);
	buf_free(&r->cell);
	buf_free(&r->explanation);
	mem_free(r->column);
	mem_free(r);
}

amt_status result_add_column(amt_result *r, const char *name, const char *type, bool is_number)
{
	TRY(mem_grow(&r->column, (r->columns + 1) * sizeof(*r->column)));
	struct result_column *c = &r->column[r->columns++];
	(void)snprintf(c->name, sizeof(c->name), "%s", name);
	(void)snprintf(c->type, sizeof(c->type), "%s", type);
	c->is_number = is_number;
	return STATUS_OK;
}

amt_status result_add_cell(amt_result *r, struct span text, bool null)
{
	TRY(buf_put_u64(&r->cell, null ? 0 : r->text.size + 1));
	if (null)
		return STATUS_OK;
	TRY(buf_put(&r->text, text.data, text.size));
	return buf_put_u8(&r->text, 0);
}

void result_type_name(const struct column *c, char out[48])
{
	const char *name = column_type_name((enum column_type)c->type);
	if (c->type == COLUMN_DECIMAL)
		(void)snprintf(out, 48, "decimal(%u,%u)", c->precision, c->scale);
	else
		(void)snprintf(out, 48, "%s", name);
}

amt_status result_add_schema_column(amt_result *r, const char *label, const struct column *c)
{
	char type[48];
	result_type_name(c, type);
	bool is_number = column_is_number(c);
	return result_add_column(r, label, type, is_number);
}

amt_status result_add_value(amt_result *r, const struct column *c, const struct value *v)
{
	if (v->null)
		return result_add_cell(r, (struct span){0}, true);
	struct buf text = {0};
	amt_status s = value_print(&text, c, v);
	if (amt_ok(s))
		s = result_add_cell(r, buf_span(&text), false);
	if (text.data != NULL)
		secret_wipe(text.data, text.capacity);
	buf_free(&text);
	return s;
}

amt_status result_set_explanation(amt_result *r, struct span text)
{
	TRY(buf_put(&r->explanation, text.data, text.size));
	return buf_put_u8(&r->explanation, 0);
}

void result_set_affected(amt_result *r, uint64_t rows)
{
	r->affected = rows;
}

amt_statistics *result_statistics(amt_result *r)
{
	return &r->statistics;
}

/* ---- reading */

size_t amt_result_columns(const amt_result *r)
{
	return r->columns;
}

size_t amt_result_rows(const amt_result *r)
{
	return r->columns == 0 ? 0 : r->cell.size / sizeof(uint64_t) / r->columns;
}

const char *amt_result_column_name(const amt_result *r, size_t column)
{
	return column < r->columns ? r->column[column].name : NULL;
}

const char *amt_result_column_type(const amt_result *r, size_t column)
{
	return column < r->columns ? r->column[column].type : NULL;
}

bool amt_result_column_is_number(const amt_result *r, size_t column)
{
	return column < r->columns && r->column[column].is_number;
}

const char *amt_result_cell(const amt_result *r, size_t row, size_t column)
{
	if (column >= r->columns || row >= amt_result_rows(r))
		return NULL;
	uint64_t at = load_u64(r->cell.data + (row * r->columns + column) * sizeof(uint64_t));
	return at == 0 ? NULL : (const char *)r->text.data + at - 1;
}

uint64_t amt_result_affected(const amt_result *r)
{
	return r->affected;
}

const char *amt_result_explanation(const amt_result *r)
{
	return (const char *)r->explanation.data;
}

const char *amt_result_statement(const amt_result *r)
{
	return r->statement;
}

void amt_result_statistics(const amt_result *r, amt_statistics *out)
{
	*out = r->statistics;
}

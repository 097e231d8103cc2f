/* Rows by number, and reading everything back to check it. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "engine/result.h"

#include <stdlib.h>

/* ---- rows by number */

static int compare_ids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

/* Ascending, each once. */
static amt_status tidy(
	const struct relation *t, const uint64_t *rows, size_t count, uint64_t **out, size_t *kept)
{
	for (size_t i = 0; i < count; i++)
		ENSURE(rows[i] < t->rows, AMT_OUT_OF_RANGE, "table %s has rows 0 to %llu, not %llu",
			t->schema.table, (unsigned long long)t->rows - 1,
			(unsigned long long)rows[i]);
	TRY(mem_array(out, count + 1, sizeof(**out)));
	if (count > 0)
		memcpy(*out, rows, count * sizeof(*rows));
	qsort(*out, count, sizeof(**out), compare_ids);
	*kept = 0;
	for (size_t i = 0; i < count; i++)
		if (*kept == 0 || (*out)[i] != (*out)[*kept - 1])
			(*out)[(*kept)++] = (*out)[i];
	return STATUS_OK;
}

/* Families of columns that are not read from the payload, and of validity. */
static amt_status list_numbers(
	const struct amt_session *s, const struct relation *t, bool all, struct buf *list)
{
	for (unsigned c = 0; c < t->schema.columns; c++)
		if (all || !owner_in_payload(t, c))
			TRY(owner_list_column(s, t, c, list));
	return relation_has_deletes(t) ? owner_list_family(0, CIRCUIT_VALID, list) : STATUS_OK;
}

amt_status owner_fetch_rows(struct amt_session *s, struct owner_rows *rows)
{
	const struct relation *t = rows->t;
	struct buf list = {0};
	uint64_t *cover = NULL;
	size_t covered = 0;
	bool sealed = relation_has_payload(&t->schema);
	amt_status status = list_numbers(s, t, false, &list);
	if (amt_ok(status) && sealed && s->fetch == AMT_FETCH_ALL)
		status = owner_list_family(RELATION_PAYLOAD, CIRCUIT_VALUE, &list);
	else if (amt_ok(status) && sealed)
		status =
			owner_cover_ids(s->fetch, t->rows, rows->row, rows->rows, &cover, &covered);
	if (amt_ok(status))
		status = owner_fetch(s, buf_span(&list), cover, covered, rows);
	mem_free(cover);
	buf_free(&list);
	return status;
}

static amt_status show_rows(const struct owner_rows *rows, amt_result *out)
{
	const struct schema *schema = &rows->t->schema;
	for (unsigned c = 0; c < schema->columns; c++)
		TRY(result_add_schema_column(out, schema->column[c].name, &schema->column[c]));
	for (size_t r = 0; r < rows->rows; r++)
		for (unsigned c = 0; rows->valid[r] && c < schema->columns; c++)
			TRY(result_add_value(
				out, &schema->column[c], &rows->value[r * schema->columns + c]));
	result_set_affected(out, amt_result_rows(out));
	return STATUS_OK;
}

amt_status amt_get(
	amt_session *s, const char *table, const uint64_t *rows, size_t count, amt_result **out)
{
	ENSURE(s != NULL && table != NULL && out != NULL && (rows != NULL || count == 0),
		AMT_INVALID_ARGUMENT, "a session, a table and row numbers are needed");
	struct relation *t;
	uint64_t *ids = NULL;
	size_t kept;
	struct owner_rows found = {0};
	amt_result *result = NULL;
	TRY(owner_table(s, table, &t));
	struct owner_meter meter = owner_meter_start(s);
	amt_status status = tidy(t, rows, count, &ids, &kept);
	if (amt_ok(status))
		status = owner_rows_new(&found, t, ids, kept);
	if (amt_ok(status))
		status = result_new(&result, "GET");
	if (amt_ok(status))
		status = owner_fetch_rows(s, &found);
	if (amt_ok(status))
		status = show_rows(&found, result);
	if (amt_ok(status)) {
		owner_meter_stop(s, &meter, NULL, result_statistics(result));
		*out = result;
	} else {
		amt_result_free(result);
	}
	owner_rows_free(&found);
	mem_free(ids);
	return status;
}

/* ---- audit */

static bool same_value(const struct column *c, const struct value *sealed, const struct value *page)
{
	if (c->not_null ? sealed->null : sealed->null != page->null)
		return false;
	return sealed->null || sealed->bits == page->bits;
}

static amt_status compare(const struct owner_rows *sealed, const struct owner_rows *pages)
{
	const struct relation *t = sealed->t;
	for (size_t r = 0; r < sealed->rows; r++)
		for (unsigned c = 0; c < t->schema.columns; c++) {
			const struct column *column = &t->schema.column[c];
			size_t at = r * t->schema.columns + c;
			bool both = (column->forms & (FORM_ARITH | FORM_PLAIN)) &&
				    owner_in_payload(t, c);
			ENSURE(!both || same_value(column, &sealed->value[at], &pages->value[at]),
				AMT_INTEGRITY,
				"row %zu, column %s: the payload and the page differ", r,
				column->name);
		}
	return STATUS_OK;
}

static amt_status audit(struct amt_session *s, struct owner_rows *sealed, struct owner_rows *pages)
{
	struct buf list = {0};
	amt_status status = list_numbers(s, pages->t, true, &list);
	if (amt_ok(status))
		status = owner_fetch(s, buf_span(&list), NULL, 0, pages);
	buf_clear(&list);
	if (amt_ok(status) && relation_has_payload(&sealed->t->schema)) {
		status = owner_list_family(RELATION_PAYLOAD, CIRCUIT_VALUE, &list);
		if (amt_ok(status))
			status = owner_fetch(s, buf_span(&list), NULL, 0, sealed);
		if (amt_ok(status))
			status = owner_distrust(s, compare(sealed, pages));
		if (amt_ok(status) && relation_has_scan(sealed->t))
			status = owner_scan_audit(s, sealed->t, sealed);
	}
	buf_free(&list);
	return status;
}

amt_status amt_audit(amt_session *s, const char *table, uint64_t *rows)
{
	ENSURE(s != NULL && table != NULL, AMT_INVALID_ARGUMENT,
		"a session and a table are needed");
	struct relation *t;
	struct owner_rows sealed = {0}, pages = {0};
	uint64_t *ids;
	TRY(owner_table(s, table, &t));
	TRY(mem_array(&ids, t->rows + 1, sizeof(*ids)));
	for (uint64_t i = 0; i < t->rows; i++)
		ids[i] = i;
	amt_status status = owner_rows_new(&sealed, t, ids, t->rows);
	if (amt_ok(status))
		status = owner_rows_new(&pages, t, ids, t->rows);
	if (amt_ok(status))
		status = audit(s, &sealed, &pages);
	if (amt_ok(status) && rows != NULL)
		*rows = t->rows;
	owner_rows_free(&sealed);
	owner_rows_free(&pages);
	mem_free(ids);
	return status;
}

/* Repacking: the tail goes into pages; where rows were deleted, the others are written anew.
 *
 * That is done in a table beside, the *twin*, which is filled by as many changes as an import of its
 * rows would take, of bounded size each. A last change puts it in the place of the table, under its
 * name; until then the table is as it was. What is left of a twin after a crash is dropped by the next
 * repacking, or with the table. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "engine/result.h"

#include <stdio.h>

static amt_status pack_tail(struct amt_session *s, const char *table, uint64_t packed)
{
	struct owner_change_of_rows c = {.packed = packed};
	char name[SCHEMA_MAX_NAME + 1]; /* the session's own is replaced */
	(void)snprintf(name, sizeof(name), "%s", table);
	return owner_change_rows(s, name, &c);
}

amt_status owner_settle_tail(struct amt_session *s, const char *table)
{
	struct relation *t;
	TRY(owner_table(s, table, &t));
	uint64_t packed = owner_packed_rows(t, t->rows, false);
	return packed > t->packed ? pack_tail(s, table, packed) : STATUS_OK;
}

/* ---- the rows that stay */

static amt_status list_all(const struct amt_session *s, const struct relation *t, struct buf *list)
{
	for (unsigned c = 0; c < t->schema.columns; c++)
		if (!owner_in_payload(t, c))
			TRY(owner_list_column(s, t, c, list));
	return owner_list_family(RELATION_PAYLOAD, CIRCUIT_VALUE, list);
}

static amt_status fetch_kept(
	struct amt_session *s, const struct relation *t, struct owner_rows *out)
{
	struct buf list = {0};
	uint64_t *ids;
	size_t count = 0;
	TRY(mem_array(&ids, t->rows + 1, sizeof(*ids)));
	for (uint64_t row = 0; row < t->rows; row++)
		if (!relation_is_removed(t, row))
			ids[count++] = row;
	amt_status status = owner_rows_new(out, t, ids, count);
	if (amt_ok(status))
		status = list_all(s, t, &list);
	if (amt_ok(status))
		status = owner_fetch(s, buf_span(&list), NULL, 0, out);
	mem_free(ids);
	buf_free(&list);
	return status;
}

/* ---- the twin */

static void twin_name(const struct relation *t, char name[SCHEMA_MAX_NAME + 1])
{
	size_t at = (size_t)snprintf(name, SCHEMA_MAX_NAME + 1, "repacking ");
	for (unsigned i = 0; i < RELATION_ID_BYTES; i++, at += 2)
		(void)snprintf(name + at, 3, "%02x", t->id[i]);
}

static amt_status drop(struct amt_session *s, const struct relation *t)
{
	struct message m = {.type = REQUEST_DROP_TABLE};
	memcpy(m.table, t->id, sizeof(m.table));
	return owner_change(s, &m, NULL, m.table, NULL, NULL);
}

static amt_status drop_twin(struct amt_session *s, const struct relation *t)
{
	char name[SCHEMA_MAX_NAME + 1];
	struct relation *twin;
	twin_name(t, name);
	amt_status found = owner_table(s, name, &twin);
	if (amt_ok(found))
		return drop(s, twin);
	amt_status_clear(&found);
	return STATUS_OK;
}

amt_status owner_drop_table(struct amt_session *s, const char *table)
{
	struct relation *t;
	TRY(owner_table(s, table, &t));
	TRY(drop_twin(s, t));
	TRY(owner_table(s, table, &t));
	return drop(s, t);
}

static amt_status fill_twin(struct amt_session *s, const char *name, const struct owner_rows *rows)
{
	uint64_t inserted;
	struct relation *twin;
	TRY(owner_insert(s, name, rows->value, rows->rows, true, &inserted));
	TRY(owner_table(s, name, &twin));
	return twin->packed < twin->rows ? pack_tail(s, name, twin->rows) : STATUS_OK;
}

/* The twin takes the table's name, and the table goes. */
static amt_status replace(struct amt_session *s, const struct relation *t, const char *name)
{
	struct relation *twin, after;
	struct message m = {.type = REQUEST_REPLACE_TABLE};
	TRY(owner_table(s, name, &twin));
	TRY(relation_copy(&after, twin));
	memcpy(after.schema.table, t->schema.table, sizeof(after.schema.table));
	memcpy(m.table, after.id, sizeof(m.table));
	memcpy(m.other, t->id, sizeof(m.other));
	amt_status status = owner_change(s, &m, &after, t->id, NULL, NULL);
	relation_free(&after);
	return status;
}

static amt_status write_anew(struct amt_session *s, const struct relation *t)
{
	struct owner_rows kept = {0};
	char name[SCHEMA_MAX_NAME + 1];
	twin_name(t, name);
	TRY(drop_twin(s, t));
	amt_status status = fetch_kept(s, t, &kept);
	if (amt_ok(status))
		status = owner_create_alike(s, t, name);
	if (amt_ok(status))
		status = fill_twin(s, name, &kept);
	if (amt_ok(status))
		status = replace(s, t, name);
	owner_rows_free(&kept);
	/* As far as the host still answers. */
	if (!amt_ok(status) && !s->broken)
		status_drop(drop_twin(s, t));
	return status;
}

amt_status amt_repack(amt_session *s, const char *table, amt_result **out)
{
	struct relation *now, t; /* the session's own is replaced */
	amt_result *result;
	ENSURE(s != NULL && table != NULL, AMT_INVALID_ARGUMENT,
		"a session and a table are needed");
	TRY(owner_table(s, table, &now));
	ENSURE(relation_has_scan(now), AMT_UNSUPPORTED, "table %s has no column in the scan form",
		table);
	TRY(relation_copy(&t, now));
	amt_status status = result_new(&result, "REPACK");
	if (!amt_ok(status)) {
		relation_free(&t);
		return status;
	}
	struct owner_meter meter = owner_meter_start(s);
	uint64_t removed = relation_count_removed(&t, 0, t.rows);
	result_set_affected(result, removed > 0 ? t.rows - removed : t.rows - t.packed);
	if (removed > 0)
		status = write_anew(s, &t);
	else if (t.packed < t.rows)
		status = pack_tail(s, table, t.rows);
	relation_free(&t);
	if (amt_ok(status) && out != NULL) {
		owner_meter_stop(s, &meter, NULL, result_statistics(result));
		*out = result;
	} else {
		amt_result_free(result);
	}
	return status;
}

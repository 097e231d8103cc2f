/* A database under a new key: every table read, checked and opened under the old key, and written as
 * if it were imported under the new one. Everything that depends on a key (payloads, pages, their
 * authentication codes, the owner state) is made anew by the code that makes it for an import. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/secret.h"

/* Moves the rows that were not deleted together. Values are plain structs; what they moved over is
 * wiped with the rest. */
static size_t without_deleted(struct owner_rows *rows)
{
	size_t columns = rows->t->schema.columns, kept = 0;
	for (size_t r = 0; r < rows->rows; r++) {
		if (!rows->valid[r])
			continue;
		if (kept != r)
			memcpy(&rows->value[kept * columns], &rows->value[r * columns],
				columns * sizeof(*rows->value));
		kept++;
	}
	return kept;
}

static amt_status copy_rows(
	struct amt_session *from, struct amt_session *to, const struct relation *t, uint64_t *rows)
{
	struct owner_rows found = {0};
	uint64_t *ids, inserted = 0;
	TRY(mem_array(&ids, t->rows + 1, sizeof(*ids)));
	for (uint64_t i = 0; i < t->rows; i++)
		ids[i] = i;
	amt_status s = owner_rows_new(&found, t, ids, t->rows);
	if (amt_ok(s))
		s = owner_fetch_rows(from, &found);
	if (amt_ok(s))
		s = owner_insert(
			to, t->schema.table, found.value, without_deleted(&found), true, &inserted);
	*rows += inserted;
	owner_rows_free(&found);
	mem_free(ids);
	return s;
}

amt_status amt_session_copy(amt_session *from, amt_session *to, uint64_t *rows)
{
	ENSURE(from != NULL && to != NULL && from != to, AMT_INVALID_ARGUMENT,
		"two sessions are needed");
	uint64_t copied = 0;
	for (size_t i = 0; i < from->tables; i++) {
		if (from->progress != NULL &&
			!from->progress(from->progress_context, "copying tables", i, from->tables))
			FAIL(AMT_CANCELLED, "cancelled after %zu tables", i);
		TRY(owner_create_alike(to, &from->table[i], from->table[i].schema.table));
		if (from->table[i].rows > 0)
			TRY(copy_rows(from, to, &from->table[i], &copied));
	}
	if (rows != NULL)
		*rows = copied;
	return STATUS_OK;
}

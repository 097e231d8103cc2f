/* UPDATE and DELETE of a table with scan columns. The owner finds the rows by a scan, whose bits come
 * home, and writes: new versions join the tail, the old ones are marked in the owner's state, and the
 * validity of every page is made anew, so that the host does not learn which pages were hit. All of it
 * is one change. It is made whether or not anything matched.
 *
 * How many rows an UPDATE appends would show how many it changed: they are padded with dead rows to a
 * power of two. In the mode `ids` neither is hidden. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "engine/result.h"

enum { APPEND_LEAST = 16 };

struct rewriting {
	struct owner_scan *x;
	struct scan_plan *p;
	struct owner_selection sel;
	uint64_t *removed;
	struct value *value; /* new versions, then padding */
	size_t rows, hits;
	uint8_t *touched;
};

static amt_status note_removed(struct rewriting *w)
{
	const struct relation *t = w->x->t;
	TRY(mem_array(&w->removed, w->sel.hits + 1, sizeof(*w->removed)));
	TRY(mem_array(&w->touched, t->pages + 1, 1));
	for (size_t i = 0; i < w->sel.rows.rows; i++) {
		uint64_t row = w->sel.rows.row[i];
		if (!w->sel.hit[i])
			continue;
		w->removed[w->hits++] = row;
		if (row < t->packed)
			w->touched[row / relation_page_rows(t)] = 1;
	}
	return STATUS_OK;
}

static amt_status check_row(const struct schema *schema, const struct value *row)
{
	for (unsigned c = 0; c < schema->columns; c++) {
		ENSURE(!row[c].null || !schema->column[c].not_null, AMT_TYPE_MISMATCH,
			"column \"%s\" must not be NULL", schema->column[c].name);
		TRY(value_check(&schema->column[c], &row[c]));
	}
	return STATUS_OK;
}

static size_t padded(const struct rewriting *w)
{
	size_t target = APPEND_LEAST;
	if (w->x->s->fetch == AMT_FETCH_IDS)
		return w->hits;
	while (target < w->hits)
		target *= 2;
	return target;
}

static amt_status make_versions(struct rewriting *w)
{
	const struct schema *schema = &w->x->t->schema;
	size_t columns = schema->columns, made = 0;
	w->rows = padded(w);
	TRY(mem_array(&w->value, w->rows * columns + 1, sizeof(*w->value)));
	for (size_t i = 0; i < w->sel.rows.rows; i++) {
		if (!w->sel.hit[i])
			continue;
		struct value *row = &w->value[made++ * columns];
		TRY(scan_plan_assign(w->p, &w->sel.rows.value[i * columns], row));
		TRY(check_row(schema, row));
	}
	/* Padding looks like the last row, or is empty. */
	for (; made < w->rows; made++)
		for (size_t c = 0; c < columns; c++)
			w->value[made * columns + c] =
				w->hits > 0 ? w->value[(w->hits - 1) * columns + c]
					    : (struct value){.null = true};
	return STATUS_OK;
}

static amt_status write_change(struct rewriting *w)
{
	struct amt_session *s = w->x->s;
	struct owner_change_of_rows c = {.kind = CHANGE_DELETES,
		.values = w->value,
		.rows = w->rows,
		.dead = w->rows - (w->rows > 0 ? w->hits : 0),
		.packed = w->x->t->packed,
		.removed = w->removed,
		.removed_rows = w->hits,
		.touched = s->fetch == AMT_FETCH_IDS ? w->touched : NULL};
	return owner_change_rows(s, w->x->t->schema.table, &c);
}

static amt_status change(struct rewriting *w, struct owner_answer *a)
{
	bool wanted[SCHEMA_MAX_COLUMNS] = {false}, updates = w->p->statement == STATEMENT_UPDATE;
	for (unsigned c = 0; c < w->x->t->schema.columns; c++)
		wanted[c] = updates;
	TRY(owner_scan_rows(w->x, w->p, wanted, a, &w->sel));
	TRY(note_removed(w));
	if (updates)
		TRY(make_versions(w));
	return write_change(w);
}

amt_status owner_scan_change(struct amt_session *s, const struct relation *now, struct scan_plan *p,
	struct owner_answer *a, amt_result *out)
{
	struct relation t; /* the session's own is replaced */
	struct owner_scan x;
	struct rewriting w = {.x = &x, .p = p};
	TRY(relation_copy(&t, now));
	amt_status status = owner_scan_open(&x, s, &t);
	if (amt_ok(status))
		status = change(&w, a);
	if (amt_ok(status)) {
		result_set_affected(out, w.hits);
		a->rows = t.rows;
		status = owner_settle_tail(s, t.schema.table);
	}
	owner_selection_free(&w.sel);
	mem_free(w.removed);
	mem_free(w.touched);
	mem_free(w.value);
	owner_scan_close(&x);
	relation_free(&t);
	return status;
}

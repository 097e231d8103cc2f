/* Rows to scan pages: INSERT, import. A change of a table with scan columns is put together
 * here: its pages are sent first, as segments, then one message names them together with the new rows
 * and the owner's state, so that all of it happens or nothing. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/secret.h"
#include "scan/secret_page.h"

enum { LEAST_PART = 8 };

uint64_t owner_packed_rows(const struct relation *t, uint64_t rows, bool import)
{
	uint64_t page = relation_page_rows(t), tail = rows - t->packed, full = rows / page * page;
	if (import ? t->packed > 0 && tail < page / LEAST_PART : tail < page)
		return t->packed;
	/* The rest becomes a page of its own if it is worth one. */
	if (full == 0 || rows - full >= page / LEAST_PART)
		return rows;
	return full > t->packed ? full : t->packed;
}

/* ---- pages */

struct packing {
	struct owner_scan *x;
	const struct relation *t;     /* deleted rows as they will be */
	const struct owner_rows *old; /* rows [old_first, ...) */
	uint64_t old_first;
	const struct value *fresh; /* rows [fresh_first, ...) */
	uint64_t fresh_first, epoch, packed;
	uint64_t *code; /* [column][row of the page] */
	bool *null, *kept;
	uint64_t *row_code; /* of one row */
	bool *row_null;
	struct owner_upload *upload;
	struct buf bytes, context;
	struct buf *segments; /* the list for the message */
	uint64_t done, total;
};

static uint32_t page_rows(const struct packing *k)
{
	return relation_page_rows(k->t);
}

static const struct value *row_values(const struct packing *k, uint64_t row)
{
	size_t columns = k->t->schema.columns;
	if (row >= k->fresh_first)
		return &k->fresh[(size_t)(row - k->fresh_first) * columns];
	return &k->old->value[(size_t)(row - k->old_first) * columns];
}

/* Of deleted rows too: only the validity leaves them out, so that what a page's columns hold follows
 * from its rows alone, whenever they are deleted. */
static amt_status fill_codes(struct packing *k, uint32_t page, uint32_t rows)
{
	const struct schema *schema = &k->t->schema;
	uint64_t first = (uint64_t)page * page_rows(k);
	for (uint32_t r = 0; r < rows; r++) {
		TRY(scan_row_codes(
			schema, &k->x->texts, row_values(k, first + r), k->row_code, k->row_null));
		for (unsigned c = 0; c < schema->columns; c++) {
			k->code[(size_t)c * page_rows(k) + r] = k->row_code[c];
			k->null[(size_t)c * page_rows(k) + r] = k->row_null[c];
		}
	}
	return STATUS_OK;
}

static amt_status report(struct packing *k)
{
	struct amt_session *s = k->x->s;
	k->done++;
	ENSURE(s->progress == NULL || s->progress(s->progress_context, "encrypting scan pages",
					      k->done, k->total),
		AMT_CANCELLED, "cancelled while encrypting scan pages");
	return STATUS_OK;
}

static amt_status put(void *context, struct buf *bytes)
{
	return owner_upload_put(context, bytes);
}

static amt_status make_column(struct packing *k, unsigned column, uint32_t page, uint32_t rows)
{
	struct owner_scan *x = k->x;
	bool valid = column == SCAN_VALID_COLUMN;
	size_t at = valid ? 0 : (size_t)column * page_rows(k);
	const struct scan_column *layout = scan_table_column(&x->table, column);
	buf_clear(&k->context);
	TRY(owner_page_context(x, column, page, k->epoch, rows, &k->context));
	TRY(owner_upload_begin(k->upload, k->t, column, page,
		scan_page_bytes(layout, x->ring->ring), x->mac_key, buf_span(&k->context)));
	TRY(scan_page_make(x->ring->secret, x->canary_key, column, layout,
		relation_page_id(k->epoch, page), valid ? NULL : k->code + at,
		valid ? NULL : k->null + at, valid ? k->kept : NULL, rows, x->s->pool, &k->bytes,
		put, k->upload));
	TRY(owner_upload_end(k->upload, k->segments));
	return report(k);
}

static uint32_t rows_of(const struct packing *k, uint32_t page)
{
	uint64_t first = (uint64_t)page * page_rows(k), left = k->packed - first;
	return (uint32_t)(left < page_rows(k) ? left : page_rows(k));
}

static amt_status make_validity(struct packing *k, uint32_t page)
{
	uint32_t rows = rows_of(k, page);
	for (uint32_t r = 0; r < rows; r++)
		k->kept[r] = !relation_is_removed(k->t, (uint64_t)page * page_rows(k) + r);
	return make_column(k, SCAN_VALID_COLUMN, page, rows);
}

static amt_status make_page(struct packing *k, uint32_t page)
{
	uint32_t rows = rows_of(k, page);
	TRY(fill_codes(k, page, rows));
	for (unsigned c = 0; c < k->t->schema.columns; c++)
		if (relation_is_scanned(k->t, c))
			TRY(make_column(k, c, page, rows));
	return make_validity(k, page);
}

static amt_status packing_open(struct packing *k)
{
	size_t columns = k->t->schema.columns, rows = page_rows(k);
	TRY(mem_array(&k->code, columns * rows, sizeof(*k->code)));
	TRY(mem_array(&k->null, columns * rows, sizeof(*k->null)));
	TRY(mem_array(&k->kept, rows, sizeof(*k->kept)));
	TRY(mem_array(&k->row_code, columns, sizeof(*k->row_code)));
	TRY(mem_array(&k->row_null, columns, sizeof(*k->row_null)));
	return owner_upload_open(&k->upload, k->x->s);
}

static void packing_close(struct packing *k)
{
	size_t cells = (size_t)k->t->schema.columns * page_rows(k);
	if (k->code != NULL)
		secret_wipe(k->code, cells * sizeof(*k->code));
	if (k->null != NULL)
		secret_wipe(k->null, cells * sizeof(*k->null));
	mem_free(k->code);
	mem_free(k->null);
	mem_free(k->kept);
	mem_free(k->row_code);
	mem_free(k->row_null);
	owner_upload_close(k->upload);
	buf_free(&k->bytes);
	buf_free(&k->context);
}

/* ---- a change */

struct changing {
	struct amt_session *s;
	const struct owner_change_of_rows *c;
	const struct relation *before;
	struct relation after;
	struct owner_scan x;
	struct owner_rows old;
	uint32_t first_page, pages; /* pages to be made whole: [first_page, pages) */
	struct buf segments, fragments;
};

/* Marks what goes in `after`, which still has the epoch and the rows of before. */
static amt_status mark_removed(struct changing *g)
{
	const struct owner_change_of_rows *c = g->c;
	struct relation *t = &g->after;
	uint64_t first = g->before->rows;
	for (size_t i = 0; i < c->removed_rows; i++)
		TRY(relation_remove(t, c->removed[i]));
	t->rows += c->rows;
	for (size_t i = c->rows - c->dead; i < c->rows; i++)
		TRY(relation_remove(t, first + i));
	if ((c->kind & CHANGE_DELETES) && t->rows > 0 && t->removed.size == 0) {
		/* Whether anything was deleted must not show in the length of the state. */
		TRY(relation_remove(t, 0));
		t->removed.data[0] = 0;
	}
	return STATUS_OK;
}

/* The rows that are in the table already and go into new pages. Which they are says nothing of what
 * they hold. */
static amt_status fetch_old(struct changing *g)
{
	uint64_t first = (uint64_t)g->first_page * relation_page_rows(g->before);
	uint64_t end = g->before->rows < g->c->packed ? g->before->rows : g->c->packed;
	size_t count = end > first ? (size_t)(end - first) : 0;
	uint64_t *ids;
	TRY(mem_array(&ids, count + 1, sizeof(*ids)));
	for (size_t i = 0; i < count; i++)
		ids[i] = first + i;
	amt_status s = owner_rows_new(&g->old, g->before, ids, count);
	if (amt_ok(s) && count > 0)
		s = owner_fetch(g->s, (struct span){0}, ids, count, &g->old);
	mem_free(ids);
	return s;
}

static amt_status make_pages(struct changing *g)
{
	const struct owner_change_of_rows *c = g->c;
	struct packing k = {.x = &g->x,
		.t = &g->after,
		.old = &g->old,
		.old_first = (uint64_t)g->first_page * relation_page_rows(g->before),
		.fresh = c->values,
		.fresh_first = g->before->rows,
		.epoch = g->before->epoch + 1,
		.packed = c->packed,
		.segments = &g->segments};
	unsigned columns = 1;
	for (unsigned i = 0; i < g->after.schema.columns; i++)
		columns += relation_is_scanned(&g->after, i);
	k.total = (uint64_t)(g->pages - g->first_page) * columns +
		  (c->kind & CHANGE_DELETES ? g->first_page : 0);
	amt_status s = packing_open(&k);
	for (uint32_t p = 0; p < g->first_page && amt_ok(s) && (c->kind & CHANGE_DELETES); p++)
		if (c->touched == NULL || c->touched[p])
			s = make_validity(&k, p);
	for (uint32_t p = g->first_page; p < g->pages && amt_ok(s); p++)
		s = make_page(&k, p);
	if (amt_ok(s))
		s = owner_upload_finish(k.upload, k.segments);
	packing_close(&k);
	return s;
}

static void place_pages(struct changing *g)
{
	const struct relation *t = g->before;
	g->pages = relation_pages_for(t, g->c->packed);
	g->first_page =
		g->c->packed > t->packed ? (uint32_t)(t->packed / relation_page_rows(t)) : g->pages;
}

static amt_status send_change(struct changing *g)
{
	const struct owner_change_of_rows *c = g->c;
	struct message m = {.type = REQUEST_INSERT,
		.kind = (uint16_t)c->kind,
		.epoch = g->before->epoch,
		.first = g->before->rows,
		.rows = c->rows,
		.packed = c->packed,
		.segments = buf_span(&g->segments)};
	memcpy(m.table, g->before->id, sizeof(m.table));
	TRY(owner_encrypt_rows(g->s, &g->after, m.first, c->values, c->rows,
		(c->kind & CHANGE_DELETES) && relation_has_deletes(&g->after), &g->fragments));
	m.fragments = buf_span(&g->fragments);
	return owner_change(g->s, &m, &g->after, NULL, NULL, NULL);
}

static amt_status change(struct changing *g)
{
	const struct owner_change_of_rows *c = g->c;
	struct buf removed = {0};
	TRY(owner_add_texts(&g->after, c->values, c->rows));
	TRY(mark_removed(g));
	place_pages(g);
	TRY(owner_scan_open(&g->x, g->s, &g->after));
	TRY(fetch_old(g));
	TRY(make_pages(g));
	/* The record's part of the change, as the host makes it too. */
	removed = g->after.removed;
	g->after.removed = (struct buf){0};
	g->after.rows = g->before->rows;
	amt_status s =
		relation_change(&g->after, c->kind, c->rows, c->packed, buf_span(&g->segments));
	if (amt_ok(s) && removed.size > 0 && removed.size < (g->after.rows + 7) / 8) {
		uint8_t *at;
		size_t more = (size_t)((g->after.rows + 7) / 8) - removed.size;
		s = buf_extend(&removed, more, &at);
		if (amt_ok(s))
			memset(at, 0, more);
	}
	buf_free(&g->after.removed);
	g->after.removed = removed;
	return amt_ok(s) ? send_change(g) : s;
}

amt_status owner_change_rows(
	struct amt_session *s, const char *table, const struct owner_change_of_rows *c)
{
	struct changing g = {.s = s, .c = c};
	struct relation *t, before;
	TRY(owner_table(s, table, &t));
	TRY(relation_copy(&before, t)); /* the session's own is replaced */
	g.before = &before;
	amt_status status = relation_copy(&g.after, t);
	if (amt_ok(status))
		status = change(&g);
	owner_rows_free(&g.old);
	owner_scan_close(&g.x);
	buf_free(&g.segments);
	buf_free(&g.fragments);
	relation_free(&g.after);
	relation_free(&before);
	return status;
}

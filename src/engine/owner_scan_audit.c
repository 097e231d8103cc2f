/* Scan pages read back: authentic, of their time, and saying what the sealed rows say. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/secret.h"
#include "scan/secret_page.h"

struct checking {
	struct owner_scan x;
	const struct owner_rows *sealed; /* all rows */
	uint64_t *code;			 /* [column][row of the page], then of one row */
	bool *null, *kept;
	struct buf bytes;
};

static amt_status expect_page(struct checking *k, uint64_t first, uint32_t rows)
{
	const struct relation *t = k->x.t;
	size_t columns = t->schema.columns, per_page = relation_page_rows(t);
	uint64_t *code = k->code + columns * per_page;
	bool *null = k->null + columns * per_page;
	for (uint32_t r = 0; r < rows; r++) {
		k->kept[r] = !relation_is_removed(t, first + r);
		TRY(scan_row_codes(&t->schema, &k->x.texts,
			&k->sealed->value[(size_t)(first + r) * columns], code, null));
		for (size_t c = 0; c < columns; c++) {
			k->code[c * per_page + r] = code[c];
			k->null[c * per_page + r] = null[c];
		}
	}
	return STATUS_OK;
}

static amt_status check_column(struct checking *k, unsigned column, uint32_t page, uint32_t rows)
{
	struct owner_scan *x = &k->x;
	bool valid = column == SCAN_VALID_COLUMN;
	size_t at = valid ? 0 : (size_t)column * relation_page_rows(x->t);
	const struct relation_page *made = &x->t->page[page];
	uint64_t id = relation_page_id(valid ? made->valid_epoch : made->epoch, page);
	buf_clear(&k->bytes);
	TRY(owner_fetch_page(x, column, page, &k->bytes));
	amt_status s = scan_page_verify(x->ring->secret, x->canary_key, column,
		scan_table_column(&x->table, column), id, valid ? NULL : k->code + at,
		valid ? NULL : k->null + at, valid ? k->kept : NULL, rows, x->s->pool,
		buf_span(&k->bytes));
	if (!amt_ok(s))
		s = WRAP(s, "scan page %u of %s", page,
			valid ? "the validity" : x->t->schema.column[column].name);
	return owner_distrust(x->s, s);
}

static amt_status check_page(struct checking *k, uint32_t page)
{
	struct amt_session *s = k->x.s;
	const struct relation *t = k->x.t;
	uint32_t rows = relation_rows_in_page(t, page);
	TRY(expect_page(k, (uint64_t)page * relation_page_rows(t), rows));
	for (unsigned c = 0; c < t->schema.columns; c++)
		if (relation_is_scanned(t, c))
			TRY(check_column(k, c, page, rows));
	TRY(check_column(k, SCAN_VALID_COLUMN, page, rows));
	ENSURE(s->progress == NULL ||
			s->progress(s->progress_context, "checking scan pages", page + 1, t->pages),
		AMT_CANCELLED, "cancelled while checking scan pages");
	return STATUS_OK;
}

amt_status owner_scan_audit(
	struct amt_session *s, const struct relation *t, const struct owner_rows *sealed)
{
	struct checking k = {.sealed = sealed};
	size_t columns = t->schema.columns, rows = relation_page_rows(t);
	size_t cells = columns * (rows + 1);
	TRY(owner_scan_open(&k.x, s, t));
	amt_status status = mem_array(&k.code, cells, sizeof(*k.code));
	if (amt_ok(status))
		status = mem_array(&k.null, cells, sizeof(*k.null));
	if (amt_ok(status))
		status = mem_array(&k.kept, rows, sizeof(*k.kept));
	for (uint32_t p = 0; p < t->pages && amt_ok(status); p++)
		status = check_page(&k, p);
	if (k.code != NULL)
		secret_wipe(k.code, cells * sizeof(*k.code));
	mem_free(k.code);
	mem_free(k.null);
	mem_free(k.kept);
	buf_free(&k.bytes);
	owner_scan_close(&k.x);
	return status;
}

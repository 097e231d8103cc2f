/* Tables in pages of the scan form, and what changes of such tables make of them. */
#include "engine/relation.h"

#include "base/alloc.h"

uint32_t relation_pages_for(const struct relation *t, uint64_t packed)
{
	uint32_t rows = relation_page_rows(t);
	return (uint32_t)((packed + rows - 1) / rows);
}

uint32_t relation_rows_in_page(const struct relation *t, uint32_t page)
{
	uint64_t rows = relation_page_rows(t), first = page * rows;
	if (first >= t->packed)
		return 0;
	return (uint32_t)(t->packed - first < rows ? t->packed - first : rows);
}

bool relation_is_scanned(const struct relation *t, unsigned column)
{
	if (!relation_has_scan(t))
		return false;
	return column == SCAN_VALID_COLUMN ||
	       (column < t->schema.columns && (t->schema.column[column].forms & FORM_SCAN));
}

amt_status relation_segment_put(const struct relation_segment *s, struct buf *out)
{
	TRY(buf_put_u16(out, s->column));
	TRY(buf_put_u32(out, s->page));
	TRY(buf_put_u64(out, s->number));
	return buf_put(out, s->mac, sizeof(s->mac));
}

amt_status relation_segment_get(struct relation_segment *out, struct reader *r)
{
	TRY(read_u16(r, &out->column));
	TRY(read_u32(r, &out->page));
	TRY(read_u64(r, &out->number));
	return read_copy(r, out->mac, sizeof(out->mac));
}

/* ---- changes */

struct changing {
	struct relation *t; /* with its new numbers; pages still those of before */
	uint32_t old_pages, pages;
	uint32_t grown;	  /* the page that gets rows besides being there; pages: none */
	unsigned columns; /* with scan pages, without the validity */
	uint32_t next;	  /* page that must come next if it is new */
};

/* The segments of one page, taken from the reader. */
static amt_status change_page(struct changing *x, struct reader *r)
{
	struct relation *t = x->t;
	struct reader start = *r;
	struct relation_segment s;
	uint32_t page = 0;
	unsigned count = 0, last = 0;
	bool valid = false;
	while (reader_left(r) > 0) {
		struct reader before = *r;
		TRY(relation_segment_get(&s, r));
		if (count > 0 && s.page != page) {
			*r = before;
			break;
		}
		ENSURE(relation_is_scanned(t, s.column) && (count == 0 || s.column > last),
			AMT_PROTOCOL, "a scan page of column %u where it does not belong",
			s.column);
		page = s.page;
		last = s.column;
		valid = s.column == SCAN_VALID_COLUMN;
		count++;
	}
	bool whole = count == x->columns + 1;
	ENSURE(valid && page < x->pages && (whole || count == 1), AMT_PROTOCOL,
		"scan page %u comes in %u parts of %u", page, count, x->columns + 1);
	ENSURE(whole || (page < x->old_pages && page != x->grown), AMT_PROTOCOL,
		"scan page %u is new, but not all of it comes", page);
	ENSURE(r->at > start.at, AMT_INTERNAL, "no page");
	/* Ascending, and no page that must come is passed over. */
	ENSURE(page >= x->next, AMT_PROTOCOL, "scan page %u comes out of order", page);
	uint32_t must = x->grown < x->old_pages ? x->grown : x->old_pages;
	ENSURE(page == x->next || page <= must, AMT_PROTOCOL, "scan page %u is missing",
		x->next > must ? x->next : must);
	x->next = page + 1;
	t->page[page].valid_epoch = t->epoch;
	if (whole)
		t->page[page].epoch = t->epoch;
	return STATUS_OK;
}

static amt_status change_pages(struct relation *t, uint64_t old_packed, struct span segments)
{
	struct changing x = {.t = t, .old_pages = t->pages};
	uint32_t rows = relation_page_rows(t);
	x.pages = relation_pages_for(t, t->packed);
	x.grown = t->packed > old_packed && old_packed % rows != 0 ? x.old_pages - 1 : x.pages;
	for (unsigned i = 0; i < t->schema.columns; i++)
		x.columns += (t->schema.column[i].forms & FORM_SCAN) != 0;
	TRY(mem_grow(&t->page, (x.pages + 1) * sizeof(*t->page)));
	memset(t->page + t->pages, 0, (x.pages - t->pages) * sizeof(*t->page));
	t->pages = x.pages;
	struct reader r = reader_of(segments, "list of scan pages");
	while (reader_left(&r) > 0)
		TRY(change_page(&x, &r));
	bool grows = x.grown < x.pages || x.pages > x.old_pages;
	ENSURE(!grows || x.next == x.pages, AMT_PROTOCOL, "scan page %u is missing", x.next);
	return STATUS_OK;
}

static bool has_circuits(const struct relation *t)
{
	for (unsigned i = 0; i < t->schema.columns; i++)
		if (t->schema.column[i].forms & (FORM_ARITH | FORM_PLAIN))
			return true;
	return false;
}

amt_status relation_change(
	struct relation *t, unsigned kind, uint64_t rows, uint64_t packed, struct span segments)
{
	ENSURE((kind & ~(unsigned)CHANGE_DELETES) == 0, AMT_PROTOCOL, "a change of kind %u", kind);
	ENSURE(relation_has_scan(t) || (kind == 0 && packed == 0 && segments.size == 0),
		AMT_PROTOCOL, "the table has no scan pages");
	t->epoch++;
	ENSURE((rows > 0 || kind != 0 || segments.size > 0) && rows <= RELATION_MAX_ROWS - t->rows,
		AMT_LIMIT, "a table holds at most 2^32 rows");
	t->rows += rows;
	if (!relation_has_scan(t))
		return STATUS_OK;
	if (kind & CHANGE_DELETES) {
		t->gone = t->epoch;
		if (has_circuits(t))
			t->deleted = t->epoch;
	}
	uint64_t old_packed = t->packed;
	ENSURE(packed >= old_packed && packed <= t->rows, AMT_PROTOCOL,
		"%llu rows in pages where there were %llu", (unsigned long long)packed,
		(unsigned long long)old_packed);
	t->packed = packed;
	TRY(change_pages(t, old_packed, segments));
	if (t->removed.size == 0)
		return STATUS_OK;
	size_t more = (size_t)((t->rows + 7) / 8) - t->removed.size;
	uint8_t *at;
	TRY(buf_extend(&t->removed, more, &at));
	memset(at, 0, more);
	return STATUS_OK;
}

/* ---- deleted rows */

amt_status relation_remove(struct relation *t, uint64_t row)
{
	ENSURE(row < t->rows, AMT_INTERNAL, "row %llu is not there", (unsigned long long)row);
	size_t bytes = (size_t)((t->rows + 7) / 8);
	if (t->removed.size < bytes) {
		uint8_t *at;
		size_t more = bytes - t->removed.size;
		TRY(buf_extend(&t->removed, more, &at));
		memset(at, 0, more);
	}
	t->removed.data[row / 8] |= (uint8_t)(1u << row % 8);
	return STATUS_OK;
}

uint64_t relation_count_removed(const struct relation *t, uint64_t first, uint64_t end)
{
	uint64_t count = 0;
	for (uint64_t row = first; row < end && t->removed.size > 0; row++)
		count += relation_is_removed(t, row);
	return count;
}

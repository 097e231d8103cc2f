/* A relation: what both roles know of a table, and where its encrypted cells are.
 *
 * A *family* is one thing stored of every row: a part of a column (value, null flag), the row's
 * validity flag, or its sealed payload. A family is cut into *pages* of a fixed number of rows:
 * row r is in page r / rows_per_page, for ever; row ids are dense and rows never move. A page of
 * encrypted numbers is one GLWE: row i's block b is coefficient i * blocks + b. What an INSERT adds
 * to a page is a *fragment* (engine/fragment.h); a page is its fragments one after the other.
 *
 * The table record, which the host keeps as the table's metadata and the owner inside its sealed
 * state:
 *	OFFSET SIZE
 *	0      16   table id, random
 *	16     8    epoch: 1 when made, one more with every change
 *	24     8    rows, deleted ones included
 *	32     8    epoch of the last DELETE, 0: none yet. With one, rows have validity flags
 *	40     4+16c length and, for each of c columns, the epochs in which its value and its null
 *	            flag were last changed by an UPDATE, 0: never. A changed part has pages
 *	            computed by the host, and the column's payload copy is stale
 *	44+16c 4+s  length and schema
 * and, of a table with scan columns,
 *	...    8    rows that are in pages of the scan form: [0, packed)
 *	       8    epoch of the last DELETE that such a table has seen, 0: none
 *	       4+16p length and, for each of the p pages, the epoch it was made in and the epoch its
 *	            validity was last made in
 *
 * Scan pages. Row r < packed is row r % relation_page_rows of page r / relation_page_rows; every page
 * is full but the last. Rows from `packed` on are the *tail*: their sealed rows come along with every
 * answer and the owner computes on them itself. Which rows are deleted is known to the owner alone
 * (`removed`); the host keeps an encrypted validity beside each page.
 */
#ifndef ENGINE_RELATION_H
#define ENGINE_RELATION_H

#include "circuit/circuit.h"
#include "query/schema.h"

enum {
	RELATION_ID_BYTES = 16,
	RELATION_PAYLOAD = 0xffff, /* the payload's family, as a column number */
	RELATION_PAYLOAD_PAGE = 64,
	RELATION_PLAIN_PAGE = 1024,
	RELATION_MAX_FAMILIES = 2 * SCHEMA_MAX_COLUMNS + 2,
	RELATION_MAC_BYTES = 32
};
#define RELATION_MAX_ROWS ((uint64_t)1 << 32)

struct relation_page {
	uint64_t epoch, valid_epoch;
};

struct relation {
	uint8_t id[RELATION_ID_BYTES];
	uint64_t epoch, rows;
	uint64_t deleted; /* epoch of the last DELETE, 0: none */
	/* Epoch of the last UPDATE of each column's CIRCUIT_VALUE and CIRCUIT_NULL_FLAG, 0: none.
	 */
	uint64_t derived[SCHEMA_MAX_COLUMNS][2];
	struct schema schema;
	/* The scan form. */
	uint64_t packed, gone;
	struct relation_page *page;
	uint32_t pages;
	/* The owner's alone, not in the record: a bit for each row that is deleted (empty: none is), and
	 * for each column (NULL: no dictionaries) its texts, each after a u32 length, numbered by codes.
	 */
	struct buf removed;
	struct buf *dictionary;
};

void relation_free(struct relation *t);
amt_status relation_put(const struct relation *t, struct buf *out);
amt_status relation_get(struct relation *out, struct span in); /* validates; zeroed on failure */
amt_status relation_copy(struct relation *out, const struct relation *t);

/* Epoch in which a host last computed this family's pages, 0: never. Not of payloads. */
static inline uint64_t relation_changed(const struct relation *t, unsigned column, unsigned part)
{
	return part == CIRCUIT_VALID ? t->deleted : t->derived[column][part];
}
static inline bool relation_has_deletes(const struct relation *t)
{
	return t->deleted != 0;
}
static inline bool relation_has_scan(const struct relation *t)
{
	return t->schema.ring_log2 != 0;
}
/* Rows of a scan page, of the scan page `page` as it is now, and pages for `packed` rows. */
static inline uint32_t relation_page_rows(const struct relation *t)
{
	return ((uint32_t)1 << t->schema.ring_log2) - SCAN_CANARIES;
}
uint32_t relation_rows_in_page(const struct relation *t, uint32_t page);
uint32_t relation_pages_for(const struct relation *t, uint64_t packed);
/* What names a scan page of this time: canaries follow from it. */
static inline uint64_t relation_page_id(uint64_t epoch, uint32_t page)
{
	return epoch << 32 | page;
}
/* A column that has scan pages, or SCAN_VALID_COLUMN. */
bool relation_is_scanned(const struct relation *t, unsigned column);

/* ---- changes by the owner's hand (REQUEST_INSERT) */

enum relation_change_kind {
	CHANGE_DELETES = 1 /* rows are deleted: validities are made anew */
};

/* One scan page that comes with a change. */
struct relation_segment {
	uint16_t column; /* of the schema, or SCAN_VALID_COLUMN */
	uint32_t page;
	uint64_t number; /* of the file at the host */
	uint8_t mac[RELATION_MAC_BYTES];
};
enum { RELATION_SEGMENT_BYTES = 2 + 4 + 8 + RELATION_MAC_BYTES };
amt_status relation_segment_put(const struct relation_segment *s, struct buf *out);
amt_status relation_segment_get(struct relation_segment *out, struct reader *r);

/* What such a change makes of the table: its next epoch, `rows` more rows, `packed` in pages, the
 * segments' epochs. Segments come in ascending order of page and column; a page comes with all scan
 * columns and the validity, or with the validity alone if it is there already; a page that is new or
 * gets rows must come. AMT_PROTOCOL otherwise. Owner and host both apply it and so agree. */
amt_status relation_change(
	struct relation *t, unsigned kind, uint64_t rows, uint64_t packed, struct span segments);

/* ---- what only the owner knows: rows that are deleted */

static inline bool relation_is_removed(const struct relation *t, uint64_t row)
{
	return row / 8 < t->removed.size && (t->removed.data[row / 8] >> row % 8 & 1);
}
/* Marks a row; all t->rows rows have a bit from then on. */
amt_status relation_remove(struct relation *t, uint64_t row);
uint64_t relation_count_removed(const struct relation *t, uint64_t first, uint64_t end);

/* What a circuit's STORE outputs make of the table: its next epoch, and what that epoch changed.
 * Owner and host both apply it and so agree. */
void relation_apply(struct relation *t, const struct circuit *c);

struct family {
	uint16_t column; /* RELATION_PAYLOAD: the sealed rows */
	uint8_t part;	 /* enum circuit_part */
	uint8_t form;	 /* FORM_ARITH, FORM_PLAIN or FORM_PAYLOAD */
	uint8_t type;	 /* enum int_type (unsigned or bool); payload: 0 */
	uint8_t blocks;	 /* of that type; payload: 0 */
	uint32_t rows_per_page;
};

/* AMT_UNSUPPORTED unless every column of the schema has a place. */
amt_status relation_check_forms(const struct schema *s, const struct tfhe_params *p);
/* The families of a table now: out has room for RELATION_MAX_FAMILIES. */
unsigned relation_families(
	const struct relation *t, const struct tfhe_params *p, struct family *out);
/* One of them; false if the table has no such family. */
bool relation_family(const struct relation *t, const struct tfhe_params *p, unsigned column,
	unsigned part, struct family *out);
bool relation_has_payload(const struct schema *s);

#endif

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
	RELATION_MAX_FAMILIES = 2 * SCHEMA_MAX_COLUMNS + 2
};
#define RELATION_MAX_ROWS ((uint64_t)1 << 32)

struct relation {
	uint8_t id[RELATION_ID_BYTES];
	uint64_t epoch, rows;
	uint64_t deleted; /* epoch of the last DELETE, 0: none */
	/* Epoch of the last UPDATE of each column's CIRCUIT_VALUE and CIRCUIT_NULL_FLAG, 0: none.
	 */
	uint64_t derived[SCHEMA_MAX_COLUMNS][2];
	struct schema schema;
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

/* Tables: names, types and forms of columns, and how a value becomes the integer that is encrypted.
 *
 * Every column but a `plain` one is encrypted. Forms: *payload* (a field of the row's AEAD record),
 * *arith* (TFHE radix blocks in packed GLWEs, what circuits compute on), *plain* (readable by the
 * host; only by explicit word), *scan* (one-hot digits in slots, scan/layout.h; always beside a
 * payload, out of which pages are packed anew).
 *
 * The arith form of a value is an unsigned integer of `bits` bits that orders like the value:
 * signed types are stored with their sign bit flipped (x + 2^(bits-1)), DECIMAL(p, s) is x * 10^s
 * as a signed integer of the narrowest width that holds p digits, date is days and timestamp
 * microseconds since 1970-01-01 as i32 and i64, bool is 0 or 1. A nullable arith column has a null
 * flag (bool) beside it; the value of a NULL is 0 when it is written, and anything after arithmetic
 * in an UPDATE, so nothing may rest on it.
 *
 * The *domain* of a column is the range of values a CHECK declares, as arith forms. What scans
 * compute on is the *code* of a value: its arith form less the domain's least (numbers), the number
 * of a text in the owner's dictionary, or a 64-bit tag of a text.
 *
 * The schema is public: the host stores it. It holds no value but the ends of domains.
 */
#ifndef QUERY_SCHEMA_H
#define QUERY_SCHEMA_H

#include "scan/program.h"

enum { SCHEMA_MAX_COLUMNS = 256, SCHEMA_MAX_NAME = 63, SCHEMA_MAX_TEXT = 1 << 20 };

enum column_type {
	COLUMN_BOOL,
	COLUMN_U8,
	COLUMN_U16,
	COLUMN_U32,
	COLUMN_U64,
	COLUMN_I8,
	COLUMN_I16,
	COLUMN_I32,
	COLUMN_I64,
	COLUMN_DECIMAL,
	COLUMN_DATE,
	COLUMN_TEXT,
	COLUMN_TIMESTAMP,
	COLUMN_TYPES
};

enum column_form { FORM_PAYLOAD = 1, FORM_ARITH = 2, FORM_PLAIN = 4, FORM_SCAN = 8 };

enum scan_kind {
	SCAN_NUMBER,	 /* codes order like the values */
	SCAN_DICTIONARY, /* text of at most `base` different values, which only the owner's sealed
			    state lists; one digit */
	SCAN_TAG	 /* text by a pseudorandom 64-bit tag: equality alone */
};

/* The scan form of a column; all zero without FORM_SCAN. */
struct scan_options {
	uint8_t kind;	   /* enum scan_kind */
	bool summed;	   /* NUMBER: has limbs to be summed by */
	uint8_t limb_bits; /* of a summed column; 0: SCAN_LIMB_BITS */
	uint8_t depth;	   /* products after the column's own predicate; 0: scan_default_depth */
	uint16_t base;	   /* greatest base of a digit, 0: the layout's default; DICTIONARY:
			      how many values, 2 to SCAN_MAX_BASE */
};

struct column {
	char name[SCHEMA_MAX_NAME + 1]; /* folded to lower case unless quoted, as PostgreSQL does */
	uint8_t type;			/* enum column_type */
	uint8_t forms;			/* FORM_ bits */
	uint8_t precision, scale;	/* DECIMAL, precision <= 18 */
	bool not_null;
	bool checked;	      /* a CHECK declares the domain: NULL or least to most */
	uint64_t least, most; /* arith forms; 0 unless checked */
	struct scan_options scan;
};

/* Where the schema says nothing. Limbs of 4 bits: an answer to sums takes room in proportion to the
 * greatest value of a limb times the number of limbs, and the work in proportion to their number. Depth
 * 5: two ANDs, the validity, a product with what is summed, the mask of folded answers. Who takes a ring of more
 * than SCAN_LONG_RING primes wants it deeper than the others go. */
enum {
	SCAN_RING_LOG2 = 14,
	SCAN_LIMB_BITS = 4,
	SCAN_DEPTH = 5,
	SCAN_LONG_RING = 10,
	SCAN_LONG_DEPTH = 10
};
unsigned scan_default_depth(const struct bgv_params *ring);

struct schema {
	char table[SCHEMA_MAX_NAME + 1];
	uint32_t version;  /* below 2^31 */
	uint8_t ring_log2; /* 13 to 15: of the scan form; 0 if no column has it */
	unsigned columns;
	struct column *column; /* owned */
};

void schema_free(struct schema *s);
/* Names, types, forms and limits of a schema made by hand; schema_put and schema_get ask it too. */
amt_status schema_check(const struct schema *s);
amt_status schema_put(
	const struct schema *s, struct buf *out);	   /* serialises (content of WIRE_SCHEMA) */
amt_status schema_get(struct schema *out, struct span in); /* validates everything */
int schema_find(const struct schema *s, const char *name); /* index or -1 */
const char *column_type_name(enum column_type t);

/* Width of the arith form: 1 (bool), 8, 16, 32 or 64; its blocks: 1 or bits / 2. 0 for text. */
unsigned column_bits(const struct column *c);
unsigned column_blocks(const struct column *c);
/* Whether the arith form has its sign bit flipped (i8 to i64, decimal, date, timestamp). */
bool column_signed(const struct column *c);
/* u8 to decimal: what can be summed. */
bool column_is_number(const struct column *c);

/* ---- domains and the scan form */

/* Least and greatest arith form the column holds: of its CHECK, else of its type. Not of text. */
void column_domain(const struct column *c, uint64_t *least, uint64_t *most);
/* Greatest code of the scan form. */
uint64_t column_scan_max(const struct column *c);
/* The code of a number in the domain. */
uint64_t column_scan_code(const struct column *c, uint64_t bits);
/* FORM_SCAN: how it lies in slots. AMT_LIMIT when the ring has too few primes. */
amt_status column_scan_layout(
	const struct column *c, const struct bgv_params *ring, struct scan_column *out);
/* The table as programs see it; ring_log2 must not be 0. `column` is owned: schema_scan_free. */
amt_status schema_scan_table(const struct schema *s, struct scan_table *out);
void schema_scan_free(struct scan_table *t);

/* A value as the owner sees it. */
struct value {
	bool null;
	uint64_t bits;	  /* arith form (all types but text) */
	struct span text; /* COLUMN_TEXT, borrowed */
};

/* Text (of a CSV field or an SQL literal) to value: AMT_TYPE_MISMATCH or AMT_OUT_OF_RANGE with the
 * column's name and the text. */
amt_status value_parse(struct value *out, const struct column *c, struct span text);
/* AMT_OUT_OF_RANGE for a value outside of the column's domain: asked of whatever is stored. NULL is
 * inside. */
amt_status value_check(const struct column *c, const struct value *v);
/* Value to text as PostgreSQL prints it; appends. */
amt_status value_print(struct buf *out, const struct column *c, const struct value *v);

#endif

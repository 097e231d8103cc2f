/* Tables: names, types and forms of columns, and how a value becomes the integer that is encrypted.
 *
 * Every column but a `plain` one is encrypted. Forms: *payload* (a field of the row's AEAD record),
 * *arith* (TFHE radix blocks in packed GLWEs, what circuits compute on), *plain* (readable by the
 * host; only by explicit word), *scan* (reserved: AMT_UNSUPPORTED).
 *
 * The arith form of a value is an unsigned integer of `bits` bits that orders like the value:
 * signed types are stored with their sign bit flipped (x + 2^(bits-1)), DECIMAL(p, s) is x * 10^s
 * as a signed integer of the narrowest width that holds p digits, date is days since 1970-01-01 as
 * i32, bool is 0 or 1. A nullable arith column has a null flag (bool) beside it; the value of a NULL
 * is 0 when it is written, and anything after arithmetic in an UPDATE, so nothing may rest on it.
 * The schema is public: the host stores it. It holds no value.
 */
#ifndef QUERY_SCHEMA_H
#define QUERY_SCHEMA_H

#include "base/bytes.h"

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
	COLUMN_TYPES
};

enum column_form { FORM_PAYLOAD = 1, FORM_ARITH = 2, FORM_PLAIN = 4, FORM_SCAN = 8 };

struct column {
	char name[SCHEMA_MAX_NAME + 1]; /* folded to lower case unless quoted, as PostgreSQL does */
	uint8_t type;			/* enum column_type */
	uint8_t forms;			/* FORM_ bits */
	uint8_t precision, scale;	/* DECIMAL, precision <= 18 */
	bool not_null;
};

struct schema {
	char table[SCHEMA_MAX_NAME + 1];
	uint32_t version;
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
/* Whether the arith form has its sign bit flipped (i8 to i64, decimal, date). */
bool column_signed(const struct column *c);

/* A value as the owner sees it. */
struct value {
	bool null;
	uint64_t bits;	  /* arith form (all types but text) */
	struct span text; /* COLUMN_TEXT, borrowed */
};

/* Text (of a CSV field or an SQL literal) to value: AMT_TYPE_MISMATCH or AMT_OUT_OF_RANGE with the
 * column's name and the text. */
amt_status value_parse(struct value *out, const struct column *c, struct span text);
/* Value to text as PostgreSQL prints it; appends. */
amt_status value_print(struct buf *out, const struct column *c, const struct value *v);

#endif

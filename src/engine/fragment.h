/* Fragments: some consecutive rows of one page of one family, as stored, sent and fetched. A
 * fragment is a wire object (crypto/wire.h: WIRE_SEEDED_GLWE, WIRE_GLWE, WIRE_PLAIN or WIRE_PAYLOAD)
 * whose content is
 *
 *	OFFSET SIZE
 *	0      16   table id
 *	16     2    column (65535: payload)
 *	18     1    part (0 value, 1 null flag, 2 valid)
 *	19     1    blocks of a value (payload: 0)
 *	20     4    rows, at least 1
 *	24     8    first row
 *	32     8    epoch in which it was written
 * then, by type,
 *	WIRE_SEEDED_GLWE  16 seed, 2 * rows * blocks bodies (top 16 bits), 32 MAC of all before it
 *	                  under the owner's subkey for originals
 *	WIRE_GLWE         4 * k * N masks, 4 * rows * blocks bodies: computed by a host
 *	WIRE_PLAIN        rows * w values, w = 1, 2, 4 or 8 bytes for 1-8, 16, 32, 64 bits
 *	WIRE_PAYLOAD      rows times a u32 length and a sealed row (crypto/aead.h)
 */
#ifndef ENGINE_FRAGMENT_H
#define ENGINE_FRAGMENT_H

#include "crypto/seed.h"
#include "engine/relation.h"
#include "crypto/wire.h"

enum { FRAGMENT_MAC_BYTES = 32 };

struct fragment {
	uint16_t wire; /* enum wire_type */
	uint8_t table[RELATION_ID_BYTES];
	uint16_t column;
	uint8_t part, blocks;
	uint32_t rows;
	uint64_t first, epoch;
	/* Borrowed, by type: */
	struct seed seed;
	uint8_t mac[FRAGMENT_MAC_BYTES];
	struct span masks, bodies; /* bodies: u16 (seeded) or u32 */
	struct span values;	   /* plain */
	struct span records;	   /* payload */
	struct span authenticated; /* fragment_get: what the MAC covers */
};

/* Appends what the MAC of a seeded fragment covers. */
amt_status fragment_authenticated_put(const struct fragment *f, struct buf *out);
/* Appends the wire object. */
amt_status fragment_put(const struct fragment *f, const struct tfhe_params *p,
	const uint8_t key_id[16], struct buf *out);
/* Checks everything but that the place makes sense for a table: type, key, parameters, sizes. */
amt_status fragment_get(struct fragment *out, const struct tfhe_params *p, const uint8_t key_id[16],
	struct span in);
/* That the fragment is of this family of this table, within one page, of rows below t->rows. */
amt_status fragment_check(
	const struct fragment *f, const struct relation *t, const struct family *family);

/* Width of a plain value in bytes. */
unsigned fragment_plain_bytes(enum int_type type);
/* Value `row` (from 0) of a plain fragment. */
uint64_t fragment_plain(const struct fragment *f, const struct family *family, uint32_t row);
/* The GLWE of a seeded or computed fragment, tfhe_glwe_words(p) words; coefficients without a body
 * are 0. */
amt_status fragment_glwe(const struct fragment *f, const struct tfhe_params *p, uint32_t *glwe);
/* The same from a bare seed and count bodies of 16 bits (a question's constants). */
amt_status fragment_expand(
	const struct tfhe_params *p, const struct seed *seed, struct span bodies, uint32_t *glwe);

#endif

/* How a column lies in slots: the scan form.
 *
 * A page holds the values of up to `scan_page_rows` rows; row r of a page sits in its slot
 * scan_slot(r). A value is a *code* 0 .. max (schema: the arith form less the least value of the
 * declared domain). The code is cut into digits of mixed bases; digit j (0: the least significant)
 * has base[j] one-hot *vectors*: slot s of vector v is [digit j of the row in s == v]. For sums the
 * code is also cut into limbs of limb_bits bits, each a vector of the limbs themselves. In the slots
 * of NULLs, deleted rows and nobody every vector is 0, so that every predicate is 0 there.
 *
 * Vectors are numbered: those of digit 0, of digit 1, ..., the limbs. A vector is one seeded BGV
 * ciphertext of `stored` limbs (digits) or `stored_sum` limbs (limbs): a predicate that needs fewer
 * reads a prefix. A *group* (a digit's vectors; all limbs) is what is read together.
 *
 * Besides the columns a page has its *validity*: one vector, 1 where there is a row
 * (SCAN_VALID_COLUMN, a page of its own). It is what a DELETE replaces, whole and under a fresh
 * seed; the other vectors still show deleted rows, so that a program for a table with deletes
 * multiplies by it.
 *
 * Canaries: in every page the slots of one class of rotations, SCAN_CANARIES of them, hold rows
 * that only the owner knows (scan/secret_page.h). They take part in every predicate and sum; no
 * other slot is added to theirs when an answer is folded, so the owner can check what became of
 * them.
 */
#ifndef SCAN_LAYOUT_H
#define SCAN_LAYOUT_H

#include "bgv/bgv.h"

enum {
	SCAN_MAX_DIGITS = 64,
	SCAN_MAX_BASE = 256,
	SCAN_MAX_SUM_LIMBS = 64,
	SCAN_VALID_COLUMN = 0xffff,
	SCAN_FOLD_LOG2 = 5, /* answers are folded at most 2^5 to 1 */
	SCAN_CANARIES = 1 << SCAN_FOLD_LOG2
};

struct scan_column {
	uint64_t max;		    /* codes are 0 .. max */
	uint8_t digits;		    /* 0: no one-hot digits (limbs alone) */
	uint8_t limbs, limb_bits;   /* 0 limbs: cannot be summed but by its digits */
	uint8_t stored, stored_sum; /* limbs of the ciphertexts */
	uint16_t base[SCAN_MAX_DIGITS];
};

/* Bytes of a page, and of what else a host takes in at once (switching keys). */
#define SCAN_PAGE_MOST ((uint64_t)1 << 32)

/* Defaults: one digit up to 32 values, else the fewest digits of at most `base` (0: 16) values,
 * evenly; limbs of limb_bits (0: 8) for codes up to max, none if !summed (or a column of one digit:
 * its sum is free). `depth`: products after the column's own predicate that must fit (0: 4).
 * AMT_LIMIT if the ring's primes do not suffice, or a page would be longer than SCAN_PAGE_MOST. */
amt_status scan_column_make(struct scan_column *out, const struct bgv_params *ring, uint64_t max,
	unsigned base, unsigned limb_bits, bool summed, unsigned depth);
/* Everything in range: for layouts read from outside. */
amt_status scan_column_check(const struct scan_column *c, const struct bgv_params *ring);
/* The validity's layout: one digit of one value. */
struct scan_column scan_valid_column(const struct bgv_params *ring, unsigned stored);

/* Limbs without which the digits are of no use: of the leaf, the tree over them, and one that is sent. */
unsigned scan_least_limbs(const struct scan_column *c);
unsigned scan_vectors(const struct scan_column *c);
static inline unsigned scan_groups(const struct scan_column *c)
{
	return c->digits + (c->limbs > 0);
}
/* First vector and number of vectors of a group; number of ciphertext limbs stored. */
unsigned scan_group_first(const struct scan_column *c, unsigned group);
unsigned scan_group_vectors(const struct scan_column *c, unsigned group);
unsigned scan_group_stored(const struct scan_column *c, unsigned group);
/* digit[j] of a code; limb[i] of a code. */
void scan_digits(const struct scan_column *c, uint64_t code, uint16_t *digit);
void scan_limbs(const struct scan_column *c, uint64_t code, uint32_t *limb);

static inline unsigned scan_page_rows(const struct bgv_ring *ring)
{
	return (unsigned)ring->n - SCAN_CANARIES;
}
/* Slot of row r < scan_page_rows, and of canary i < SCAN_CANARIES. canary_class < N / 2 /
 * SCAN_CANARIES is the owner's (the host never needs these). */
unsigned scan_slot(const struct bgv_ring *ring, unsigned canary_class, unsigned row);
unsigned scan_canary_slot(const struct bgv_ring *ring, unsigned canary_class, unsigned i);

/* ---- the bytes of a page of a column
 *
 *	OFFSET SIZE
 *	0      16 v      seeds of the v vectors
 *	16 v   ...       group by group; within it limb by limb of its stored limbs; within that tile
 *	                 by tile of SCAN_TILE values (NTT domain); within that vector by vector
 *	                 SCAN_TILE residues of as many bytes as the ring says
 * so that a prefix of the limbs of a digit is one run, and what is multiplied together is near.
 */
enum { SCAN_TILE = 1024, SCAN_TILE_MOST = SCAN_TILE * NTT_PACKED_MOST };

/* A tile of one vector, at most SCAN_TILE_MOST. */
static inline size_t scan_tile_bytes(const struct bgv_params *ring)
{
	return (size_t)SCAN_TILE * ring->residue_bytes;
}

size_t scan_page_bytes(const struct scan_column *c, const struct bgv_ring *ring);
/* Where the tile of a group's limb begins; it is scan_group_vectors * scan_tile_bytes long. */
size_t scan_page_offset(const struct scan_column *c, const struct bgv_ring *ring, unsigned group,
	unsigned limb, unsigned tile);
/* Every residue canonical: AMT_CORRUPTION. The host asks before it keeps a page. */
amt_status scan_page_check(
	const struct scan_column *c, const struct bgv_ring *ring, struct span page);

#endif

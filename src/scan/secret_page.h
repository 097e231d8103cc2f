/* Making the pages of a table (owner). */
#ifndef SCAN_SECRET_PAGE_H
#define SCAN_SECRET_PAGE_H

#include "bgv/secret.h"
#include "scan/program.h"

enum { SCAN_CANARY_KEY_BYTES = 32 };

/* A table's canaries, from a secret key of its own: the class of their slots, and the codes of a
 * page's canaries in a column (uniform over the column's codes, never NULL). They follow from `page`, any
 * number that names the page of this time: with the page's epoch in it, a page that is made anew has
 * others, and an older one that is shown instead is noticed. Of SCAN_VALID_COLUMN: which canaries the
 * validity shows, three of four. */
amt_status scan_canary_class(const struct bgv_ring *ring, const uint8_t key[SCAN_CANARY_KEY_BYTES],
	unsigned *canary_class);
amt_status scan_canary_codes(const uint8_t key[SCAN_CANARY_KEY_BYTES], unsigned column,
	const struct scan_column *layout, uint64_t page, uint64_t code[SCAN_CANARIES]);
amt_status scan_canary_valid(
	const uint8_t key[SCAN_CANARY_KEY_BYTES], uint64_t page, bool valid[SCAN_CANARIES]);

/* The bytes of a page of a column (scan/layout.h), appended to out: code[r] and null[r] of row r <
 * rows <= scan_page_rows; null may be NULL. A row that is not `kept` (NULL: all are) is empty. For
 * SCAN_VALID_COLUMN code is not looked at. Vectors are encrypted on the pool's threads, each under a
 * fresh seed. `take` (NULL: the page is left in out as a whole) gets them group by group, some
 * megabytes, and leaves an empty buffer, this or another one. */
typedef amt_status (*scan_page_taker)(void *context, struct buf *bytes);
amt_status scan_page_make(const struct bgv_secret *secret,
	const uint8_t canary_key[SCAN_CANARY_KEY_BYTES], unsigned column,
	const struct scan_column *layout, uint64_t page, const uint64_t *code, const bool *null,
	const bool *kept, size_t rows, struct pool *pool, struct buf *out, scan_page_taker take,
	void *context);

/* Decrypts a page and compares it with what it should hold, for audits: AMT_INTEGRITY names the
 * first row that differs. */
amt_status scan_page_verify(const struct bgv_secret *secret,
	const uint8_t canary_key[SCAN_CANARY_KEY_BYTES], unsigned column,
	const struct scan_column *layout, uint64_t page, const uint64_t *code, const bool *null,
	const bool *kept, size_t rows, struct pool *pool, struct span bytes);

#endif

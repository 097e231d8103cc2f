/* Constants of a scan to ciphertexts, and answers to numbers (owner). */
#ifndef SCAN_SECRET_QUERY_H
#define SCAN_SECRET_QUERY_H

#include "scan/run.h"
#include "scan/secret_page.h"

/* Packs and encrypts the scalars (-1, 0 or 1 each, p->scalars of them), appended:
 * scan_scalars_bytes, whatever they are. */
amt_status scan_scalars_put(const struct bgv_secret *secret, const struct scan_program *p,
	const struct scan_fit *fit, const int8_t *scalar, struct buf *out);

/* What is known of the table that an answer is about. */
struct scan_asked {
	const struct scan_program *program;
	const struct scan_table *table;
	const struct scan_fit *fit;
	const int8_t *scalar;
	uint32_t scale; /* what all values are multiples of, 0: 1 */
	const uint8_t *canary_key;
	uint64_t pages, rows; /* rows in pages: all pages are full but for the last */
	/* What the canaries of each page's columns and of its validity follow from (scan_canary_codes);
	 * NULL: its number. */
	const uint64_t *page_id, *valid_id;
};

struct scan_result {
	uint32_t *rows;	  /* [SCAN_ROWS outputs][rows of the table]: 0 or 1 */
	uint64_t *totals; /* by output; 0 for SCAN_ROWS */
	size_t rows_bytes, totals_bytes;
	double noise_margin_bits; /* the least distance of any coefficient met to a wrong one */
};
void scan_result_free(struct scan_result *r); /* wipes */

/* Decrypts, adds up and checks: slots nobody is in must be 0 where they are seen one by one, canaries
 * must have become what the program makes of them: else AMT_INTEGRITY. */
amt_status scan_result_get(struct scan_result *out, const struct bgv_secret *secret,
	const struct scan_asked *asked, struct span answers);

#endif

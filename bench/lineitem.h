/* Rows of TPC-H's lineitem by the rules of its specification (revision 3, 4.2.3), as far as queries 1
 * and 6 read them, and some columns of our own beside them. Deterministic. */
#ifndef BENCH_LINEITEM_H
#define BENCH_LINEITEM_H

#include <stdint.h>
#include <stdio.h>

struct lineitem {
	int quantity;		   /* 1 to 50 */
	int64_t price_cents;	   /* quantity times the part's retail price */
	int discount, tax;	   /* hundredths, 0 to 10 and 0 to 8 */
	char returned, status;	   /* R, A or N; O or F */
	int ship_day;		   /* days since 1970-01-01 */
	uint32_t c8, d8, c16, c32; /* uniform */
	uint64_t c64;
	uint32_t tag; /* uniform below 100,000: which text */
};

void lineitem_make(struct lineitem *out, uint64_t row);
/* days since 1970-01-01 as YYYY-MM-DD. */
void day_text(int day, char out[48]);
/* A header, and rows as CSV. */
void lineitem_csv(FILE *out, uint64_t rows);

#endif

/* Inside of query: values as scaled integers. */
#ifndef QUERY_VALUE_H
#define QUERY_VALUE_H

#include "query/number.h"
#include "query/schema.h"

/* What is added to the scaled integer to get the arith form: 2^(bits-1) or 0. */
uint64_t column_bias(const struct column *c);
/* Least and greatest scaled integer the column may hold (a decimal's precision counts). */
void column_range(const struct column *c, int128 *least, int128 *most);
/* The value of a scaled integer, or AMT_OUT_OF_RANGE naming `text`. */
amt_status value_of_integer(
	struct value *out, const struct column *c, int128 scaled, struct span text);
/* The scaled integer of a column with a sign. */
int64_t value_signed(const struct column *c, uint64_t bits);
/* magnitude / 10^scale with all its decimals; scale <= 36. */
amt_status print_scaled(struct buf *out, bool negative, uint128 magnitude, unsigned scale);

#endif

/* How the rows of a result are arranged: ORDER BY, DISTINCT, OFFSET and LIMIT. All of it is done by the
 * owner, after decryption; the host learns nothing of it. */
#ifndef QUERY_ARRANGE_H
#define QUERY_ARRANGE_H

#include "base/bytes.h"
#include "query/schema.h"
#include "query/value.h"

struct plan_item;

struct arrange_key {
	uint16_t column;
	bool descending, nulls_first;
};

struct arrangement {
	struct arrange_key *key; /* of rows; groups are ordered by query/scan_finish.c */
	unsigned keys;
	bool distinct;
	uint64_t offset, limit; /* UINT64_MAX: all that follow */
};

void arrangement_free(struct arrangement *a);
/* Whether something of it is asked. */
bool arrangement_any(const struct arrangement *a);
/* Whether a column is shown, or what rows are ordered by. */
bool arrange_uses(
	const struct arrangement *a, const struct plan_item *item, unsigned items, unsigned column);
/* "ORDER BY, LIMIT 3" */
amt_status arrange_print(const struct arrangement *a, struct buf *out);
/* How many rows must be known to show what it shows, of rows in the order of the table. */
uint64_t arrange_wanted(const struct arrangement *a);
/* Which of `rows` rows OFFSET and LIMIT leave. */
void arrange_cut(const struct arrangement *a, uint64_t rows, uint64_t *first, uint64_t *count);
/* Numbers of rows of values ([row][column of the schema]), to be shown in this order: row[*first] and
 * the *count - 1 behind it. Equal rows stay in the order they had. AMT_OUT_OF_MEMORY. */
amt_status arrange_rows(const struct arrangement *a, const struct schema *s,
	const struct plan_item *item, unsigned items, const struct value *value, size_t *row,
	size_t rows, uint64_t *first, uint64_t *count);

#endif

/* The owner's last step: from the decrypted answers of a plan to the values a query shows. */
#ifndef QUERY_FINISH_H
#define QUERY_FINISH_H

#include "query/number.h"
#include "query/plan.h"

/* One aggregate of the plan (not PLAN_COLUMN), printed as PostgreSQL does and appended to out.
 * slots[i] is the decrypted integer of the i-th ANSWER_VALUE output. *null: the aggregate is NULL
 * (SUM, AVG, MIN, MAX over no value), nothing is appended.
 *
 * SUM is modulo 2^64 and taken as signed where the column is; AVG has as many decimals as
 * PostgreSQL's numeric division gives (at least 16 significant digits). */
amt_status finish_aggregate(const struct plan_item *item, const struct schema *schema,
	const uint64_t *slots, bool *null, struct buf *out);

/* A sum, and the quotient of a sum and a count > 0, of values with `scale` decimals, appended as
 * PostgreSQL prints them. AMT_OUT_OF_RANGE beyond what is computed with (a sum of 2^116, averages of
 * 24 decimals). */
amt_status finish_sum(int128 sum, unsigned scale, struct buf *out);
amt_status finish_average(int128 sum, unsigned scale, uint64_t count, struct buf *out);

#endif

/* Inside of query: the arithmetic of UPDATE, as circuits compute it.
 *
 * An expression is computed in the type of the column it is assigned to, its *target*: each step wraps
 * modulo 2^bits. It is a sum s_1 x_1 + ... + s_n x_n + c (s = +1 or -1) whose terms are columns and
 * operations, and whose constant the owner adds up; operands of operations are such sums again. An
 * operation on constants alone is done here, so that every operation holds a column.
 */
#ifndef QUERY_ARITH_H
#define QUERY_ARITH_H

#include "query/lower.h"

struct arith_term;

struct arith_sum {
	struct arith_term *first, **end; /* in the statement's order; of the arena */
	unsigned terms;
	int dates; /* date columns and literals, with sign */
	bool has_constant;
	int128 constant; /* in units of 10^-scale; |constant| <= 2^124 */
	bool own_type;	 /* of a shift's amount: a column in its own type, or a constant as u8 */
};

struct arith_term {
	struct arith_term *next;
	bool negative;
	uint8_t op; /* enum circuit_op; CIRCUIT_LOAD: a column */
	uint8_t detail;
	uint16_t column;
	struct arith_sum left, right; /* of an operation; INVERT has no right */
};

struct arith {
	uint16_t target;
	bool null;	  /* a NULL literal is in it */
	unsigned columns; /* how often columns are named */
	struct arith_sum sum;
};

/* Names, types and constants are checked, with their places. */
amt_status arith_bind(struct lowering *l, uint16_t target, const PgQuery__Node *n, struct arith *a);
/* Whether it is one column, unchanged. */
bool arith_is_column(const struct arith *a);
/* Nodes of the new value in the target's arith form, and of whether it is NULL (NO_NODE when it never
 * is): where a column is, and, in a target that may be NULL, where a divisor is 0. a->sum.terms is not
 * 0. */
amt_status arith_lower(struct lowering *l, const struct arith *a, uint32_t *value, uint32_t *null);

#endif

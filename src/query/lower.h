/* Inside of query: a plan under construction. */
#ifndef QUERY_LOWER_H
#define QUERY_LOWER_H

#include "query/predicate.h"

enum { NO_NODE = UINT32_MAX };

struct lowering {
	struct binder binder;
	struct plan *plan;
	size_t constant_room;
	unsigned answers; /* ANSWER_VALUE outputs so far */
	bool deletes;
	/* The rows the statement is about, a bool of each row: T(where) and valid. NO_NODE: all
	 * rows, and none was ever deleted. */
	uint32_t match;
	uint32_t where; /* T(where) alone; NO_NODE: true */
};

/* Sets match and where. */
amt_status lower_where(struct lowering *l, const PgQuery__Node *where);

amt_status lower_apply(struct lowering *l, enum circuit_op op, enum int_type type,
	const uint32_t *arguments, size_t count, uint32_t *node);
amt_status lower_not(struct lowering *l, uint32_t a, uint32_t *node);
/* a and b; NO_NODE is true. */
amt_status lower_both(struct lowering *l, uint32_t a, uint32_t b, uint32_t *node);
amt_status lower_valid(struct lowering *l, uint32_t *node);
amt_status lower_value(struct lowering *l, uint16_t column, uint32_t *node);
/* The null flag of a column that may be NULL. */
amt_status lower_null(struct lowering *l, uint16_t column, uint32_t *node);
/* A column's value in another form: wider, perhaps signed where the column is not. */
amt_status lower_widened(
	struct lowering *l, uint16_t column, struct common_form form, uint32_t *node);
amt_status lower_constant(struct lowering *l, struct plan_constant c, uint32_t *node);
/* The number among the ANSWER_VALUE outputs; an answer asked for twice is sent once. */
amt_status lower_answer(struct lowering *l, uint32_t node, uint16_t *slot);
/* How many rows match; NO_NODE: all rows. */
amt_status lower_count(struct lowering *l, uint32_t match, uint32_t *node);

amt_status lower_select(struct lowering *l, const PgQuery__SelectStmt *n);
amt_status lower_update(struct lowering *l, const PgQuery__UpdateStmt *n);
amt_status lower_delete(struct lowering *l);

#endif

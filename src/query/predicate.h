/* Inside of query: a WHERE, bound to a schema and brought to the form in which only truth is
 * carried.
 *
 * SQL's three values need two bits in general. But a WHERE keeps the rows for which it is true, and
 * whether an expression is true, T, or false, F, follows from the T and F of its parts:
 *	T(a and b) = T(a) T(b)		F(a and b) = F(a) or F(b)
 *	T(a or b) = T(a) or T(b)	F(a or b) = F(a) F(b)
 *	T(not a) = F(a)			F(not a) = T(a)
 *	T(x < c) = x < c, x not null	F(x < c) = T(x >= c)
 * so that one bit for each leaf is enough, and NOT is left only where a flag is asked to be off.
 */
#ifndef QUERY_PREDICATE_H
#define QUERY_PREDICATE_H

#include "query/statement.h"

enum pred_kind {
	PRED_FALSE,
	PRED_TRUE,
	PRED_ALL,
	PRED_ANY,
	PRED_NOT,
	PRED_FLAG, /* a bool column */
	PRED_NULL, /* the null flag of a column */
	PRED_COMPARE,
	PRED_TEST /* any other condition on the value of a column: scans only */
};

struct pred {
	enum pred_kind kind;
	struct pred **child; /* PRED_ALL, PRED_ANY; PRED_NOT: one */
	size_t children;
	uint16_t column;
	enum int_comparison op; /* of a constant: LE, GT, EQ or NE */
	bool against_column;	/* with `other`, else with `constant` */
	uint16_t other;
	struct plan_constant constant;
	struct span text; /* the constant a text column is compared with; `op` is any then */
	bool listed;	  /* of an IN list: EQ; of NOT IN: NE */
	const struct scan_test *test;
};

enum { BINDER_BUDGET = 1 << 16 };

struct binder {
	const struct sql_statement *statement;
	const struct schema *schema;
	struct arena *arena;
	unsigned *budget; /* predicates still allowed: IS UNKNOWN doubles what is inside it */
	const struct scan_table
		*scan; /* what is computed on is the form scan; NULL: arith, plain */
};

/* T(where). NULL stands for true. */
amt_status predicate_bind(
	const struct binder *b, const PgQuery__Node *where, const struct pred **out);

/* A column by its reference: AMT_NOT_FOUND with the place. */
amt_status bind_column(const struct binder *b, const PgQuery__ColumnRef *ref, uint16_t *out);
/* The column that r of an UPDATE's SET names; set: those named before. */
amt_status bind_target(const struct binder *b, const PgQuery__ResTarget *r,
	bool set[SCHEMA_MAX_COLUMNS], uint16_t *out);
/* Whether what computes can read it (scans: the form scan; circuits: the forms arith and plain; a
 * plain number is a trivial ciphertext to them, so that the constants it meets stay hidden) and
 * circuits can write it (form arith): else AMT_UNSUPPORTED says what to do. `where`: "in WHERE". */
amt_status bind_needs_number(
	const struct binder *b, uint16_t column, int location, const char *where);
amt_status bind_needs_arith(
	const struct binder *b, uint16_t column, int location, const char *where);
/* * or table.* */
bool sql_is_star(const PgQuery__Node *n);
/* Refuses an expression by name: "a subquery is not supported in WHERE". */
amt_status bind_refuse(const struct binder *b, const PgQuery__Node *n, const char *where);

/* The comparison an operator is, and the same with its sides exchanged. */
bool sql_comparison(const PgQuery__AExpr *e, enum int_comparison *op);
enum int_comparison sql_mirrored(enum int_comparison op);
enum int_comparison sql_opposite(enum int_comparison op);

/* ---- rows of a SELECT: their list, ORDER BY, DISTINCT, OFFSET and LIMIT (sort.c) */

enum { SORT_MAX_KEYS = 64 };
/* DISTINCT (refused of aggregates), OFFSET and LIMIT; freed by arrangement_free. */
amt_status sort_bind(const struct binder *b, const PgQuery__SelectStmt *n, bool aggregate,
	struct arrangement *out);
/* The list of a SELECT of rows, into a growing array (mem_free), and its ORDER BY. */
amt_status rows_bind(const struct binder *b, const PgQuery__SelectStmt *n, struct plan_item **item,
	unsigned *items, struct arrangement *out);
amt_status rows_add_item(struct plan_item **item, unsigned *items, enum plan_item_kind kind,
	const char *label, uint16_t column);
/* A column of ORDER BY, by name, alias or position. */
amt_status sort_column(const struct binder *b, const PgQuery__SelectStmt *n,
	const PgQuery__SortBy *sort, uint16_t *out);
/* The target an ordinal or an alias names, and its number; NULL, and -1. */
const PgQuery__Node *sort_target(
	const PgQuery__SelectStmt *n, const PgQuery__Node *by, int *number);
amt_status sort_check(const struct binder *b, const PgQuery__SortBy *s);
bool sort_descends(const PgQuery__SortBy *s);
bool sort_nulls_first(const PgQuery__SortBy *s);

/* The integer type of a column's arith form, always unsigned or bool. */
enum int_type column_int_type(const struct column *c);
enum int_type int_type_of_bits(unsigned bits);
/* The width in which two columns compare, with the bias of that form; 0 bits when there is none. */
struct common_form {
	unsigned bits;
	bool is_signed;
};
struct common_form columns_common(const struct column *a, const struct column *b);

#endif

/* Inside of query: a plan of scans under construction, and what it keeps for later rounds. */
#ifndef QUERY_SCAN_BUILD_H
#define QUERY_SCAN_BUILD_H

#include "query/number.h"
#include "query/predicate.h"
#include "query/scan_graph.h"
#include "query/scan_plan.h"
#include "scan/run.h"

/* ---- conditions */

/* The rows the statement is about: 1 or 0 times `scale` in each slot; SCAN_NONE: every row, and none
 * was ever deleted. */
struct scan_match {
	uint32_t node;
	int32_t scale;
};

struct scan_build {
	const struct schema *schema;
	const struct scan_table *table;
	const struct scan_texts *texts;
	struct scan_graph *graph;
	struct arena *arena;
	bool product_form, deletes;
	bool keeps_scale; /* what is being made may be 1 times a scale */
};

/* T(where) and valid. scale 1 unless `scaled`. */
amt_status scan_where(
	struct scan_build *b, const struct pred *where, bool scaled, struct scan_match *out);
/* Whether the values of two columns are cut into digits alike, so that they can be compared. */
bool scan_columns_alike(const struct schema *s, const struct scan_table *t, unsigned a, unsigned b);
/* A leaf over digit `digit` of a column, with scalars 1 where value == v; v at or above the base: all
 * 0. */
amt_status scan_digit_is(
	struct scan_graph *g, uint16_t column, unsigned digit, unsigned v, uint32_t *node);

/* ---- conditions on codes (scan_truth.c) */

bool scan_holds(enum int_comparison op, int order); /* order: below 0, 0, above 0 */

/* A comparison with a constant as one of codes: of a code that no value has, what is always so. */
struct scan_code_comparison {
	enum int_comparison op; /* LE, GT, EQ, NE */
	bool known, always;
	uint64_t code;
};
amt_status scan_code_of(
	const struct scan_build *b, const struct pred *p, struct scan_code_comparison *out);
/* T of a condition about one column, for a code or NULL. */
amt_status scan_truth_of(
	const struct scan_build *b, const struct pred *p, bool null, uint64_t code, bool *out);

/* ---- tests (scan_test.c) */

enum {
	SCAN_TEST_VALUES = 4096, /* of a column of several digits */
	SCAN_TEST_CHANGES = 128
};
/* Arithmetic or LIKE in place of a comparison, or its opposite; *is: whether it is that. */
amt_status scan_test_bind(
	const struct binder *b, const PgQuery__AExpr *e, bool opposite, struct pred *out, bool *is);
amt_status scan_test_holds(
	const struct scan_build *b, const struct pred *p, uint64_t code, bool *out);
/* The codes from which on it holds or no longer does, behind `count` others (code NULL: they are counted
 * only), and their number up to a power of two. */
amt_status scan_test_changes(const struct scan_build *b, const struct pred *p, uint64_t *code,
	size_t *count, size_t *padded);

/* ---- trees over the digits of a column (scan_tree.c) */

struct scan_digit_nodes {
	uint32_t less, equal;
};
/* less of a whole value from those of its digits; equal of digit 0 is not looked at. */
amt_status scan_join_digits(struct scan_build *b, const struct scan_digit_nodes *digit,
	unsigned digits, uint32_t *less);

struct scan_cut {
	uint64_t code;
	int8_t below,
		at; /* what is added where the column is less than the code, and equal to it */
};
/* The sum of `cuts` cuts, at least one, of a column of two digits or more, and `rest`, where the column is
 * not NULL; 0 where it is. */
amt_status scan_cut_trees(struct scan_build *b, uint16_t column, const struct scan_cut *cut,
	size_t cuts, int8_t rest, uint32_t *node);

/* ---- sums */

enum { POLY_MAX_DEGREE = 8, POLY_MAX_TERMS = 4096 };

struct poly_term {
	int128 coefficient;
	uint8_t degree;
	uint16_t column[POLY_MAX_DEGREE]; /* ascending */
};
/* A polynomial in the scaled integers of columns, divided by 10^scale. Memory is an arena's. */
struct poly {
	struct poly_term *term;
	size_t terms;
	unsigned scale;
	bool dates; /* a date is in it */
};
/* An expression of columns and literals with +, - and *. `needs`: whether a column may be in it, an
 * error with its place else. */
amt_status poly_parse(const struct binder *b, const PgQuery__Node *n, const char *where,
	amt_status (*needs)(
		const struct binder *b, uint16_t column, int location, const char *where),
	struct poly *out);
/* The value of a row's scaled integers; false where it leaves 128 bits. */
bool poly_value(const struct poly *p, const int128 *column, int128 *out);

/* total = sum of coefficient * totals[output]. */
struct scan_piece {
	uint32_t output;
	int128 coefficient;
};
struct scan_pieces {
	struct scan_piece *piece; /* the arena's */
	size_t pieces, room;
};

/* What of the rows of a mask (SCAN_NONE: every row) is summed, and in how many of them no column of it
 * is NULL. */
amt_status scan_sum_outputs(struct scan_build *b, uint32_t mask, const struct poly *p,
	struct scan_pieces *sum, uint32_t *count);
/* The number of rows of a mask in which the columns are not NULL. */
amt_status scan_count_output(struct scan_build *b, uint32_t mask, const uint16_t *column,
	size_t columns, uint32_t *output);

/* ---- rounds: values by their rank, digit by digit */

enum { STEP_MAX_RANKS = 16 };

/* The values at one or more ranks of a column among the rows of a group, one digit a round. */
struct scan_step {
	uint16_t column;
	bool descending;
	unsigned wanted; /* how many ranks: 1, or k of top k */
	double fraction; /* of percentile_disc; below 0: the first `wanted` ranks */
};
/* A prefix of digits met so far, in which `rows` of the wanted ranks lie behind `skip` others. */
struct scan_track {
	uint64_t prefix; /* of the digits above the one in hand; in the end the code */
	uint64_t skip, rows;
	uint64_t of; /* rows there are */
};
/* One step in one group. */
struct scan_search {
	struct scan_track track[STEP_MAX_RANKS];
	unsigned tracks;
	uint32_t *output; /* of the round: [width][base] */
};

/* ---- the whole */

enum scan_item_kind {
	SCAN_ITEM_GROUP,
	SCAN_ITEM_COUNT,
	SCAN_ITEM_SUM,
	SCAN_ITEM_AVG,
	SCAN_ITEM_STEP
};

struct scan_item {
	uint8_t kind;
	uint16_t column;	 /* GROUP, STEP; COUNT: or PLAN_NO_COLUMN */
	unsigned group;		 /* GROUP: which of the groups' columns */
	unsigned step;		 /* STEP */
	struct poly poly;	 /* SUM, AVG */
	uint32_t *count;	 /* by group, output: rows in which nothing of it is NULL */
	struct scan_pieces *sum; /* by group: SUM, AVG */
};

struct scan_order {
	unsigned item;
	bool descending, nulls_first;
};

/* What stands in one cell of a result. */
struct scan_cell_value {
	bool null;
	uint64_t code;	/* GROUP, STEP */
	int128 number;	/* COUNT, SUM, AVG: the sum */
	uint64_t count; /* AVG */
};

/* HAVING as a tree. */
enum having_kind { HAVING_ALL, HAVING_ANY, HAVING_NOT, HAVING_NULL, HAVING_COMPARE };
struct scan_having {
	uint8_t kind;
	struct scan_having **child; /* ALL, ANY; NOT: one */
	size_t children;
	unsigned item;		/* NULL, COMPARE */
	enum int_comparison op; /* of the item with the constant */
	bool null;		/* the constant is NULL */
	struct number constant; /* of aggregates: floor / 10^scale */
	unsigned scale;
	struct span text; /* of text columns */
};

struct scan_group_column {
	uint16_t column;
	uint32_t values; /* of codes, and one more for NULL, the last, if it may be NULL */
	bool nullable;
};

enum { SCAN_MAX_GROUPS = 1024, SCAN_MAX_GROUP_COLUMNS = 8 };

struct scan_assignment; /* query/scan_update.c */

/* A page's costs in a round. */
struct scan_round_cost {
	unsigned limbs;
	uint32_t outputs, scalars;
	uint64_t leaf_products, read_bytes, relinearisations, transforms;
	double failure_log2;
	uint64_t answers, first_answers; /* ciphertexts; if there were one page */
};

struct scan_work_plan {
	struct arena arena;
	unsigned budget;
	const struct sql_statement *statement;
	const struct schema *schema;
	struct query_options options;
	const struct pred *where;
	bool top; /* rows of top k: item[0] is its step */
	bool grouped;
	struct scan_group_column group[SCAN_MAX_GROUP_COLUMNS];
	unsigned group_columns;
	uint32_t groups;	/* 1 without GROUP BY */
	uint32_t *group_count;	/* by group, output: its rows */
	struct scan_item *item; /* those that are shown, then those that only sort or choose */
	unsigned items, item_room;
	struct scan_having *having; /* NULL: all groups are shown */
	struct scan_order order[SORT_MAX_KEYS];
	unsigned orders;
	struct scan_step *step;
	unsigned steps, step_room;
	struct scan_search *search; /* [step][group] */
	uint32_t nulls;		    /* top k, output: how many NULLs; SCAN_NONE: there are none */
	uint64_t *total;	    /* of the first round; secret */
	uint32_t totals;
	uint32_t *scratch;		    /* outputs of a row */
	struct scan_assignment *assignment; /* UPDATE */
	unsigned assignments;
	struct scan_round_cost *cost; /* by round */
};

/* A plan of the statement in its tables' ring, all but the rounds; then these, in the form that fits
 * (AMT_NOISE_BUDGET: none). */
amt_status scan_plan_begin(struct scan_plan *p, const struct sql_statement *s,
	const struct schema *schema, const struct query_options *options);
amt_status scan_plan_try_rounds(struct scan_plan *p);
/* Of a plan that does not fit: p->room (scan_room.c). */
amt_status scan_find_room(struct scan_plan *p);

/* SELECT: items, groups, order, steps, headings, or rows. */
amt_status scan_bind_select(struct scan_plan *p, const struct binder *b);
/* One more item that is not shown: an aggregate or a group's column. */
amt_status scan_bind_item(struct scan_plan *p, const struct binder *b, const PgQuery__Node *n,
	const char *where, unsigned *item);
/* HAVING, and whether a group's values (by item) satisfy it. */
amt_status scan_bind_having(struct scan_plan *p, const struct binder *b, const PgQuery__Node *n);
amt_status scan_having_holds(
	const struct scan_plan *p, const struct scan_cell_value *value, bool *out);
/* UPDATE's right sides. */
amt_status scan_bind_update(struct scan_plan *p, const struct binder *b);
/* Outputs of the steps of the round in hand; mask: by group. */
amt_status scan_step_outputs(struct scan_plan *p, struct scan_build *b, const uint32_t *mask);
/* One digit more is known. AMT_INTEGRITY: totals that are of no table. */
amt_status scan_step_take(struct scan_plan *p, const uint64_t *totals);
/* Rounds all steps take. */
unsigned scan_step_rounds(const struct scan_plan *p);
/* Order of codes of a column as of their values. */
amt_status scan_compare_codes(
	const struct scan_plan *p, unsigned column, uint64_t a, uint64_t b, int *out);

#endif

/* From a bound statement to scan programs, and from their totals to the rows of a result (owner).
 *
 *	query_plan_make(&q, sql, schema, &options);       scan or circuit
 *	struct scan_plan *p = &q.scan;
 *	while (!scan_plan_done(p)) {
 *		// p->program, p->scalar and p->fit make the question of this round
 *		// totals[] and, of SCAN_ROWS, a value for each row come out of the answer
 *		scan_plan_add_row(p, ...) for each row that is not in pages yet (the tail)
 *		scan_plan_step(p, totals);
 *	}
 *	scan_plan_finish(p, &answer);
 *
 * The number of rounds and each round's program depend on the statement's shape and the round alone,
 * never on constants or data; only scalars do. A statement without MIN, MAX, percentiles and top k
 * has one round.
 *
 * WHERE: a comparison of a column of one digit with anything is one leaf, and so is every condition
 * that is about that column alone. A condition about a column of several digits alone is a sum of trees
 * over its digits, one for each constant it names (query/scan_tree.c). Which of =, <>, <, <=, >, >= it
 * was, with which constant, and how AND, OR and NOT joined them is in the scalars: the program is the
 * same. x IN (list)
 * is the sum of the equalities of its distinct values, their number padded to a power of two. All
 * vectors are 0 for NULL, so only truth is carried (query/predicate.h).
 *
 * SUM of a polynomial of columns is expanded into products of codes; each product is summed piece by
 * piece (limbs, digits), and the owner puts the pieces together with the domains' offsets. Group masks
 * are products of the match with the group's one-hot vectors.
 *
 * The product form (SCAN_FORM_PRODUCT) adds all digits of equalities and one-digit conditions that are
 * joined by AND in one leaf S of D digits, and computes S (S - 1) ... (S - D + 1), which is D! where
 * all digits match. It is faster and shows which columns are compared for equality.
 *
 * Not thread-safe. The schema, the statement and the texts must outlive a plan.
 */
#ifndef QUERY_SCAN_PLAN_H
#define QUERY_SCAN_PLAN_H

#include "query/plan.h"

enum scan_form { SCAN_FORM_TREE, SCAN_FORM_PRODUCT };

/* The codes of text columns: dictionaries and tags, kept by whoever holds the owner's state. */
struct scan_texts {
	void *context;
	/* The code of a text; DICTIONARY: *known false when it is not listed (the code is not looked at
	 * then). TAG: always known. */
	amt_status (*code)(
		void *context, unsigned column, struct span text, uint64_t *code, bool *known);
	/* DICTIONARY: the text of a code below the column's capacity, borrowed; *known false when no
	 * text has it yet. */
	amt_status (*text)(
		void *context, unsigned column, uint64_t code, struct span *text, bool *known);
};

struct query_options {
	uint64_t rows;	/* of the table, for EXPLAIN */
	uint64_t pages; /* of the scan form, for noise and costs */
	bool deletes;	/* rows in pages may be deleted: the validity is multiplied in */
	uint8_t form;	/* enum scan_form */
	const struct scan_texts *texts; /* may be NULL if no text column is scanned */
};

/* One column of the result. */
struct scan_heading {
	char label[SCHEMA_MAX_NAME + 1];
	char type[48]; /* as amt_result_column_type */
	bool is_number;
};

struct scan_work_plan; /* inside */

struct scan_plan {
	uint8_t statement; /* enum statement_kind: SELECT, UPDATE, DELETE */
	/* Rows are selected one by one: SELECT of columns, UPDATE, DELETE. `item` are the columns of the
	 * result (PLAN_COLUMN), arranged as `shown` says by whoever fetches. The program has one output,
	 * SCAN_ROWS. */
	bool rows;
	uint32_t scale; /* of the round's outputs, for scan/secret_query.h */
	struct plan_item *item;
	unsigned items;
	struct arrangement shown;
	/* Nothing is asked (the program is empty, the plan is done): `never`: no row matches; `every`
	 * (of `rows`): all rows that are not deleted do. */
	bool never, every;
	/* The statement does not fit the ring or what is stored (`why` says by what): the host is asked
	 * for all rows, sealed, and every round is scan_plan_add_row over them. `fit` is empty. */
	bool fetched;
	char why[160];
	char room[200]; /* which options would have it scanned; empty: no ring has the room */

	unsigned rounds, round; /* how many; the one in hand, from 0 */
	struct scan_table table;
	/* Of the round in hand. */
	struct scan_program program;
	struct scan_fit fit;
	int8_t *scalar; /* program.scalars of them, -1, 0 or 1; wiped when they are freed */

	struct scan_heading *heading; /* of SELECT of aggregates and of top k */
	unsigned headings;
	struct scan_work_plan *work;
};

/* AMT_UNSUPPORTED when something in the statement has no scan form to be computed on (the message
 * says what, where, and what to declare), AMT_NOISE_BUDGET when a sum leaves the slots whoever
 * computes it, and the errors of plan_make. */
amt_status scan_plan_make(struct scan_plan *out, const struct sql_statement *s,
	const struct schema *schema, const struct query_options *options);
void scan_plan_free(struct scan_plan *p); /* also a zeroed one */

static inline bool scan_plan_done(const struct scan_plan *p)
{
	return p->round >= p->rounds;
}

/* What a row outside of the pages adds: to totals[i] of SCAN_TOTAL outputs; *match (may be NULL unless
 * p->rows) is whether it is selected. With p->never or p->every it may be called too. code and null as
 * scan_row_codes makes them. */
amt_status scan_plan_add_row(const struct scan_plan *p, const uint64_t *code, const bool *null,
	uint64_t *totals, bool *match);

/* Ends the round: totals[i] is the sum over all rows of output i (0 for SCAN_ROWS; NULL if p->rows).
 * Makes the next round's program, or, after the last, nothing. AMT_INTEGRITY when the totals cannot
 * be of any table. */
amt_status scan_plan_step(struct scan_plan *p, const uint64_t *totals);

/* SELECT of aggregates or of top k, when the plan is done: rows * headings cells, printed as
 * PostgreSQL does, sorted and cut as the statement says. */
struct scan_cell {
	bool null;
	size_t at, size; /* in text */
};
struct scan_answer {
	size_t rows;
	struct scan_cell *cell;
	struct buf text; /* wiped when freed */
};
amt_status scan_plan_finish(const struct scan_plan *p, struct scan_answer *out);
void scan_answer_free(struct scan_answer *a);

/* UPDATE: the new values of a selected row, all of its columns; texts are borrowed from `old` and the
 * statement. AMT_OUT_OF_RANGE as PostgreSQL, where a value leaves its type or domain. */
amt_status scan_plan_assign(const struct scan_plan *p, const struct value *old, struct value *out);

/* For EXPLAIN, of a plan whose first round has not been stepped. */
amt_status scan_plan_explain(
	const struct scan_plan *p, const struct query_options *options, struct buf *out);

/* The codes of a row's scan columns, others 0. AMT_NOT_FOUND: a text that is not in its dictionary
 * (whoever stores rows adds it first). AMT_OUT_OF_RANGE: a value outside of its domain. */
amt_status scan_row_codes(const struct schema *schema, const struct scan_texts *texts,
	const struct value *row, uint64_t *code, bool *null);

/* ---- scan or circuit: by scan if the table has scan columns and they can serve the whole statement
 * within the noise budget; else by circuit if all it computes on has the form arith or plain; else, if
 * it was the budget, by the owner over all rows (`fetched`); else the error that says what to declare. UPDATE and DELETE of a table with scan columns always select
 * rows by scan (rows are written anew). */
struct query_plan {
	bool is_scan;
	struct scan_plan scan;
	struct plan circuit;
	char why[448]; /* one line for EXPLAIN */
};
amt_status query_plan_make(struct query_plan *out, const struct sql_statement *s,
	const struct schema *schema, bool table_has_deletes, const struct query_options *options);
void query_plan_free(struct query_plan *q);

#endif

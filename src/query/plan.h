/* From SQL text to what is sent and how the answer is finished (owner only; the SQL and its
 * literals never leave).
 *
 * sql_parse reads PostgreSQL's grammar (libpg_query). plan_make binds a statement to a schema and
 * lowers it:
 *
 *  - WHERE becomes a circuit that computes T(where), "is true" in SQL's three-valued logic: NOT is
 * pushed to the leaves first, so that only truth has to be carried: T(x op c) = op(x, c) and not
 * null(x). A deleted row is false (CIRCUIT_VALID).
 *  - A comparison with a constant is brought to LE, GT, EQ or NE of the arith form: x < c is x <= c
 * - 1; 3.145 against DECIMAL(_, 2) is floored, = becomes "never". A constant below the column's
 * range is -1 (which compares as below everything), above it is clamped for LE/GT and -1 for EQ/NE;
 * so the circuit and the message never depend on a literal. A NULL literal is folded: `x = NULL` is
 * unknown.
 *  - BETWEEN is two comparisons, IN an OR of equalities.
 *  - Aggregates are finished on the host over T(where): COUNT, SUM (of arith form, modulo 2^64: the
 * owner takes the bias of signed columns off), AVG = SUM and COUNT, MIN and MAX over select(match,
 * x, identity), each with the count that tells NULL. query/finish.h makes values of them.
 *  - UPDATE stores select(T(where), new, old); DELETE stores valid and not T(where). All right sides
 * see the old values: within a chunk of rows everything is loaded before anything is stored.
 *
 * What the host must serve: LOAD of CIRCUIT_VALID also for a table without deletes (trivial ones:
 * COUNT of all rows and assignments to all rows need a bool of each row). Only the right side of a
 * COMPARE is ever a constant that may be -1. A circuit without outputs (SELECT of columns of all
 * rows) need not be sent.
 */
#ifndef QUERY_PLAN_H
#define QUERY_PLAN_H

#include "circuit/circuit.h"
#include "query/arrange.h"
#include "query/schema.h"

enum statement_kind {
	STATEMENT_CREATE_TABLE,
	STATEMENT_DROP_TABLE,
	STATEMENT_INSERT,
	STATEMENT_SELECT,
	STATEMENT_UPDATE,
	STATEMENT_DELETE
};

struct sql_statement; /* parsed, not bound */

/* One statement (a trailing semicolon is allowed). Errors: AMT_SYNTAX or AMT_UNSUPPORTED, message
 * with line, column and the offending text, and what is supported instead. */
amt_status sql_parse(struct sql_statement **out, const char *text);
void sql_free(struct sql_statement *s);
enum statement_kind sql_kind(const struct sql_statement *s);
bool sql_is_explain(const struct sql_statement *s);
/* CREATE TABLE IF NOT EXISTS, DROP TABLE IF EXISTS. */
bool sql_if_exists(const struct sql_statement *s);
const char *sql_table(const struct sql_statement *s);

/* CREATE TABLE: the schema. */
amt_status sql_schema(const struct sql_statement *s, struct schema *out);

/* INSERT ... VALUES: rows * schema->columns values in the schema's order, owned text inside. */
struct row_set {
	size_t rows;
	struct value *value;
	struct buf text; /* backing of text values */
};
amt_status sql_rows(
	const struct sql_statement *s, const struct schema *schema, struct row_set *out);
void row_set_free(struct row_set *r);

/* An encrypted constant to send: the arith bits, or -1 ("below everything"). Encoded in `blocks`
 * coefficients. */
struct plan_constant {
	uint8_t type; /* enum int_type (unsigned or bool) */
	bool below;
	uint64_t bits;
};

enum { PLAN_MAX_ITEMS = 1024, PLAN_NO_COLUMN = UINT16_MAX };

/* One column of the result. */
enum plan_item_kind { PLAN_COLUMN, PLAN_COUNT, PLAN_SUM, PLAN_AVG, PLAN_MIN, PLAN_MAX };
struct plan_item {
	uint8_t kind;
	char label[SCHEMA_MAX_NAME + 1];
	uint16_t column; /* of the schema; COUNT(*): PLAN_NO_COLUMN */
	uint16_t
		value_slot; /* which of the ANSWER_VALUE outputs, counted among themselves, holds the
				aggregate */
	uint16_t count_slot; /* which holds its count */
};

struct plan {
	uint8_t statement; /* enum statement_kind: SELECT, UPDATE, DELETE */
	bool row_bits;	   /* output 0 is the match bit of each row; a projection without it shows
			      every row */
	bool has_where;	   /* not every row by the statement's words */
	struct circuit circuit;
	struct plan_constant *constant; /* circuit.constants of them */
	struct plan_item *item;
	unsigned items;
	uint16_t affected_slot; /* UPDATE, DELETE: ANSWER_VALUE output with the number of changed
				   rows */
	struct arrangement shown;
};

/* table_has_deletes: whether the table keeps validity flags (public). Types, ranges and names are
 * checked with positions. */
amt_status plan_make(struct plan *out, const struct sql_statement *s, const struct schema *schema,
	bool table_has_deletes);
void plan_free(struct plan *p);

/* Human text for EXPLAIN: conditions evaluated encrypted and plain, bootstraps a row and in all,
 * what the host learns. */
amt_status plan_explain(
	const struct plan *p, const struct schema *schema, uint64_t rows, struct buf *out);

#endif

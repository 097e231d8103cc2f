/* Inside of query: a parsed statement, where things are in its text, and its literals. */
#ifndef QUERY_STATEMENT_H
#define QUERY_STATEMENT_H

#include "query/arena.h"
#include "query/plan.h"
#include "query/value.h"

#include <pg_query/pg_query.pb-c.h>

struct sql_token {
	uint32_t start, end; /* bytes in the text */
	bool keyword;
};

struct sql_statement {
	struct arena arena; /* everything below */
	const char *text;
	struct sql_token *token;
	size_t tokens;
	const PgQuery__Node *node; /* the statement proper, without EXPLAIN */
	const char *table;
	const char *alias; /* what columns may be qualified with */
	int table_location;
	enum statement_kind kind;
	bool explain;
	bool if_exists;
};

/* An error at a byte of the text (negative: nowhere): "line 1, column 8: what, at \"text\"". */
#define SQL_ERROR(s, code, location, ...) \
	status_failed(sql_error((s), (code), (location), __FILE__, __LINE__, __VA_ARGS__))
#define SQL_FAIL(s, code, location, ...) return SQL_ERROR(s, code, location, __VA_ARGS__)
#define SQL_ENSURE(condition, s, code, location, ...)                     \
	do {                                                              \
		if (!(condition))                                         \
			return SQL_ERROR(s, code, location, __VA_ARGS__); \
	} while (0)
amt_status sql_error(const struct sql_statement *s, amt_code code, int location, const char *file,
	int line, const char *format, ...) __attribute__((format(printf, 6, 7), cold));
/* Puts the place in front of an error of another layer. */
amt_status sql_at(const struct sql_statement *s, int location, amt_status status);
/* Start of the first keyword `word` (lower case) at or after byte `from`, or -1. */
int sql_keyword(const struct sql_statement *s, const char *word, int from);
/* Where an expression starts, as far as the parser tells; else -1. */
int sql_location(const PgQuery__Node *n);

/* Everything but what this kernel does is refused here, by name. Sets kind, table and so on. */
amt_status sql_check(struct sql_statement *s, const PgQuery__Node *n);

/* A literal with its casts and minus signs done. */
enum literal_kind {
	LITERAL_NONE, /* not a literal */
	LITERAL_NULL,
	LITERAL_BOOL,
	LITERAL_NUMBER,
	LITERAL_STRING, /* a quoted literal: takes the type it meets */
	LITERAL_DATE,
	LITERAL_TIMESTAMP,
	LITERAL_TEXT
};
struct literal {
	enum literal_kind kind;
	int location;
	struct span text; /* of a number, string or text */
	bool truth;
	int64_t days; /* or microseconds of a timestamp */
};
const char *literal_kind_name(enum literal_kind k);
/* kind LITERAL_NONE when n is some other expression. Memory is the arena's. */
amt_status sql_literal(const struct sql_statement *s, struct arena *arena, const PgQuery__Node *n,
	struct literal *out);
/* The value a literal becomes when it is stored in a column: PostgreSQL's assignment casts. NULL is
 * let through. */
amt_status literal_assign(const struct sql_statement *s, const struct literal *l,
	const struct column *c, struct value *out);
/* A literal compared with an arith column, as scaled integer: AMT_TYPE_MISMATCH when PostgreSQL has
 * no such operator. Not for NULL. */
amt_status literal_compare(const struct sql_statement *s, const struct literal *l,
	const struct column *c, struct number *out);

/* A type name with its modifiers. `column` gets type, precision, scale; forms 0 when none is named;
 * of the scan form what the modifiers say. */
amt_status sql_type(
	const struct sql_statement *s, const PgQuery__TypeName *t, struct column *column);
/* ---- CREATE TABLE */

/* A form by its word (payload, arith, plain, scan, tag) joins those of a column. */
bool sql_form(struct column *c, const char *word);
/* WITH (scan_base = ..., ...), other than the forms; false: no such option. */
amt_status sql_scan_option(const struct sql_statement *s, const PgQuery__DefElem *o,
	struct schema *schema, bool *known);
/* What columns an option lists: calls `apply` with each, and the text behind a colon. */
amt_status sql_listed(const struct sql_statement *s, const PgQuery__DefElem *o,
	struct schema *schema,
	amt_status (*apply)(const struct sql_statement *s, const PgQuery__DefElem *o,
		struct column *c, struct span detail));
/* A constraint narrows the domain of the column it is about. */
amt_status sql_domain(
	const struct sql_statement *s, const PgQuery__Constraint *k, struct schema *schema);

/* The only name of a list, or NULL. */
const char *sql_name(size_t count, PgQuery__Node *const *names);

#endif

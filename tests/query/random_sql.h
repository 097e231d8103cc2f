/* Random conditions in our SQL and in SQLite's.
 *
 * In SQLite every column is the scaled integer (314 for 3.14, days for dates, x - 2^63 for u64), so
 * each random expression is written twice. Literals that no scaled integer equals become halves,
 * and those beyond 64 bits +-9e30. */
#ifndef TESTS_RANDOM_SQL_H
#define TESTS_RANDOM_SQL_H

#include "interpret.h"

#include <sqlite3.h>

__extension__ typedef __int128 wide;

/* Below `below`; the same sequence in every run. */
uint64_t rnd(uint64_t below);

struct text {
	char *at;
	size_t size, room;
};
void put(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void put_wide(struct text *t, wide v);
void put_scaled(struct text *t, wide v, unsigned scale); /* v / 10^scale */

struct pair {
	struct text ours, lite;
};
void put_both(struct pair *p, const char *text);
void free_pair(struct pair *p);

enum { RANDOM_WORDS = 6 };
extern const char *const random_words[RANDOM_WORDS]; /* values of text, one letter each */

wide bias_of(const struct column *c);
wide seen(const struct column *c, uint64_t bits); /* the integer of a column as SQLite sees it */
void range_of(const struct column *c, wide *least, wide *most);
/* An integer that hits edges and other values often. */
wide some_integer(const struct column *c, bool beyond);
bool alike(const struct column *a, const struct column *b);
/* A literal near the column's values. half: v + 1/2 in the last place. */
void put_literal(struct pair *p, const struct column *c, bool may_be_null);
void put_leaf(struct pair *p, const struct schema *s);
/* Arithmetic or LIKE on one column, where scans take it: in a quarter of the leaves, once this is set. */
extern bool random_tests;
void put_where(struct pair *p, const struct schema *s, unsigned depth);

/* Arithmetic for UPDATE: an expression that column c of the table may be assigned. 64-bit columns must
 * be small, see random_arith.c. */
void put_arith(struct pair *p, const struct schema *s, const struct column *c, unsigned depth);

void run(sqlite3 *db, const char *sql);
sqlite3_stmt *prepared(sqlite3 *db, const char *sql);
/* Row r of the table is rowid r + 1; deleted rows are not there. */
void fill(sqlite3 *db, const struct plain_table *t);

#endif

/* Runs circuits on plain values: what the host does under encryption, without encryption. */
#ifndef TESTS_INTERPRET_H
#define TESTS_INTERPRET_H

#include "query/finish.h"

#include "testing.h"

struct plain_table {
	struct schema schema;
	size_t rows;
	struct value *value; /* row-major */
	bool *valid;
};

struct plain_answer {
	bool *match;	/* of each row; all true (of valid rows) without row bits */
	uint64_t *slot; /* ANSWER_VALUE outputs */
	unsigned slots;
};

/* Runs the plan; UPDATE and DELETE change the table. Fails the test on anything ill-formed. */
struct plain_answer interpret(const struct plan *p, struct plain_table *t);
void plain_answer_free(struct plain_answer *a);
/* Rows by an INSERT statement into a table made by CREATE TABLE. */
struct plain_table plain_table(const char *create, const char *insert);
void plain_table_free(struct plain_table *t);
struct plan plan_of(const struct plain_table *t, const char *sql, bool deletes);

#endif

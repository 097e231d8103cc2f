/* A database and SQLite with the same rows: what one says the other must say. */
#ifndef TESTS_ENGINE_BESIDE_SQLITE_H
#define TESTS_ENGINE_BESIDE_SQLITE_H

#include "engine/fixture.h"

#include <sqlite3.h>
#include <stdlib.h>

struct world {
	struct engine e;
	sqlite3 *db;
	unsigned next_id;
};

static inline void run_lite(struct world *w, const char *sql)
{
	char *why = NULL;
	if (sqlite3_exec(w->db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("SQLite, %s: %s", sql, why);
}

/* Literals as INSERT has them, to a line of CSV. */
static inline void csv_line(struct buf *csv, const char *values)
{
	for (const char *at = values; *at != '\0'; at++) {
		if (strncmp(at, "NULL", 4) == 0)
			at += 3;
		else if (*at != '\'' && (*at != ' ' || at[-1] != ','))
			OK(buf_put_u8(csv, (uint8_t)*at));
	}
	OK(buf_put_u8(csv, '\n'));
}

static inline int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void join(char **line, size_t count, bool in_order, struct buf *out)
{
	if (count > 0 && !in_order)
		qsort(line, count, sizeof(*line), compare_lines);
	for (size_t i = 0; i < count; i++) {
		OK(buf_printf(out, "%s\n", line[i]));
		free(line[i]);
	}
	OK(buf_put_u8(out, 0));
	free(line);
}

static inline void ours(struct world *w, const char *sql, struct buf *out)
{
	amt_result *r = engine_run(&w->e, sql);
	size_t rows = amt_result_rows(r);
	char **line = calloc(rows + 1, sizeof(*line));
	for (size_t i = 0; i < rows; i++) {
		char text[512] = "";
		for (size_t c = 0; c < amt_result_columns(r); c++) {
			const char *cell = amt_result_cell(r, i, c);
			size_t used = strlen(text);
			(void)snprintf(text + used, sizeof(text) - used, "%s|",
				cell != NULL ? cell : "NULL");
		}
		line[i] = strdup(text);
	}
	amt_result_free(r);
	join(line, rows, strstr(sql, " ORDER BY ") != NULL, out);
}

static inline void theirs(struct world *w, const char *sql, struct buf *out)
{
	sqlite3_stmt *s;
	char **line = NULL;
	size_t rows = 0;
	assert_int_equal(sqlite3_prepare_v2(w->db, sql, -1, &s, NULL), SQLITE_OK);
	while (sqlite3_step(s) == SQLITE_ROW) {
		char text[512] = "";
		for (int c = 0; c < sqlite3_column_count(s); c++) {
			const char *cell = (const char *)sqlite3_column_text(s, c);
			size_t used = strlen(text);
			(void)snprintf(text + used, sizeof(text) - used, "%s|",
				cell != NULL ? cell : "NULL");
		}
		line = realloc(line, (rows + 1) * sizeof(*line));
		line[rows++] = strdup(text);
	}
	(void)sqlite3_finalize(s);
	join(line, rows, strstr(sql, " ORDER BY ") != NULL, out);
}

/* The same rows, in whatever order unless the statement says one. */
static inline void same(struct world *w, const char *sql)
{
	struct buf a = {0}, b = {0};
	ours(w, sql, &a);
	theirs(w, sql, &b);
	if (strcmp((char *)a.data, (char *)b.data) != 0)
		fail_msg("%s:\n%.600s--- instead of\n%.600s", sql, (char *)a.data, (char *)b.data);
	buf_free(&a);
	buf_free(&b);
}

/* A change of as many rows. */
static inline void change(struct world *w, const char *sql)
{
	amt_result *r = engine_run(&w->e, sql);
	run_lite(w, sql);
	if (amt_result_affected(r) != (uint64_t)sqlite3_changes(w->db))
		fail_msg("%s: %llu rows instead of %d", sql,
			(unsigned long long)amt_result_affected(r), sqlite3_changes(w->db));
	amt_result_free(r);
}

#endif

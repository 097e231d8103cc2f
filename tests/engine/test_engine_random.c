/* Random statements, encrypted (toy parameters), against SQLite on the same rows. The columns: id u16
 * not null, a u8, b i8, d decimal(3,1), e boolean, p u8 plain. SQLite holds d times ten. */
#include "engine/fixture.h"

#include "tfhe/toy_params.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { STATEMENTS = 160, STATEMENTS_LIGHT = 25, COLUMNS = 6 };

struct world {
	struct engine e;
	sqlite3 *db;
	uint32_t seed;
	unsigned next_id;
	char ours[4096], lite[4096]; /* the statement in both dialects */
};

static unsigned rnd(struct world *w, unsigned below)
{
	w->seed = w->seed * 1664525u + 1013904223u;
	return (w->seed >> 8) % below;
}

static void say(struct world *w, const char *ours, const char *lite)
{
	strncat(w->ours, ours, sizeof(w->ours) - strlen(w->ours) - 1);
	strncat(w->lite, lite, sizeof(w->lite) - strlen(w->lite) - 1);
}

static void begin(struct world *w)
{
	w->ours[0] = w->lite[0] = '\0';
}

static const struct {
	const char *name;
	int least, most;
} column[COLUMNS] = {{"id", 0, 65535}, {"a", 0, 255}, {"b", -128, 127}, {"d", -999, 999},
	{"e", 0, 1}, {"p", 0, 255}};

static void put_number(struct world *w, unsigned c, int v)
{
	char ours[32], lite[32];
	(void)snprintf(lite, sizeof(lite), "%d", v);
	if (c == 3)
		(void)snprintf(
			ours, sizeof(ours), "%s%d.%d", v < 0 ? "-" : "", abs(v) / 10, abs(v) % 10);
	else
		(void)snprintf(ours, sizeof(ours), "%s", c != 4 ? lite : v != 0 ? "true" : "false");
	say(w, ours, lite);
}

static int value_of(struct world *w, unsigned c)
{
	static const int edges[] = {0, 1, 15, 16, 127, 128, 254, 255};
	int v = rnd(w, 2) ? edges[rnd(w, 8)] : (int)rnd(w, 70) - 20;
	v = v < column[c].least ? column[c].least : v;
	return v > column[c].most ? column[c].most : v;
}

static void put_leaf(struct world *w)
{
	static const char *const operators[] = {"=", "<>", "<", "<=", ">", ">="};
	unsigned c = rnd(w, COLUMNS);
	if (c == 4) {
		const char *leaf = rnd(w, 2) ? "e" : "NOT e";
		say(w, leaf, leaf);
		return;
	}
	say(w, column[c].name, column[c].name);
	switch (rnd(w, 6)) {
	case 0:
		say(w, " BETWEEN ", " BETWEEN ");
		put_number(w, c, value_of(w, c));
		say(w, " AND ", " AND ");
		put_number(w, c, value_of(w, c));
		break;
	case 1:
		say(w, " IN (", " IN (");
		put_number(w, c, value_of(w, c));
		say(w, ", ", ", ");
		put_number(w, c, value_of(w, c));
		say(w, ")", ")");
		break;
	case 2:
		say(w, " IS NULL", " IS NULL");
		break;
	default: {
		const char *op = operators[rnd(w, 6)];
		say(w, op, op);
		/* Also beyond the range. */
		put_number(w, c, rnd(w, 4) == 0 ? (int)rnd(w, 2) * 2000 - 1000 : value_of(w, c));
	}
	}
}

static void put_where(struct world *w, unsigned depth)
{
	if (depth == 0 || rnd(w, 3) == 0) {
		put_leaf(w);
		return;
	}
	const char *word = rnd(w, 2) ? " AND " : " OR ", *open = rnd(w, 4) ? "(" : "NOT (";
	say(w, open, open);
	put_where(w, depth - 1);
	say(w, word, word);
	put_where(w, depth - 1);
	say(w, ")", ")");
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void join(const struct world *w, char **line, size_t count, char *out, size_t size)
{
	if (strstr(w->ours, " ORDER BY ") == NULL)
		qsort(line, count, sizeof(*line), compare_text);
	out[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		strncat(out, line[i], size - strlen(out) - 2);
		strncat(out, "\n", size - strlen(out) - 1);
		free(line[i]);
	}
}

/* Rows as text: cells with a bar after each, lines sorted unless the statement has an order. */
static void ours_text(struct world *w, char *out, size_t size)
{
	char *line[1000];
	amt_result *r = engine_run(&w->e, w->ours);
	size_t rows = amt_result_rows(r);
	for (size_t i = 0; i < rows; i++) {
		char text[512] = "";
		for (size_t c = 0; c < amt_result_columns(r); c++) {
			const char *cell = amt_result_cell(r, i, c);
			strcat(strcat(text, cell != NULL ? cell : "NULL"), "|");
		}
		line[i] = strdup(text);
	}
	amt_result_free(r);
	join(w, line, rows, out, size);
}

/* kind of each column: 'i' integer, 'd' scaled by ten, 'b' boolean */
static void lite_text(struct world *w, const char *kinds, char *out, size_t size)
{
	char *line[1000];
	size_t rows = 0;
	sqlite3_stmt *q;
	if (sqlite3_prepare_v2(w->db, w->lite, -1, &q, NULL) != SQLITE_OK)
		fail_msg("%s: %s", w->lite, sqlite3_errmsg(w->db));
	while (sqlite3_step(q) == SQLITE_ROW) {
		char text[512] = "";
		for (int c = 0; c < sqlite3_column_count(q); c++) {
			char cell[32] = "NULL";
			long v = (long)sqlite3_column_int64(q, c);
			bool null = sqlite3_column_type(q, c) == SQLITE_NULL;
			if (!null && kinds[c] == 'd')
				(void)snprintf(cell, sizeof(cell), "%s%ld.%ld", v < 0 ? "-" : "",
					labs(v) / 10, labs(v) % 10);
			else if (!null && kinds[c] == 'b')
				strcpy(cell, v ? "t" : "f");
			else if (!null)
				(void)snprintf(cell, sizeof(cell), "%ld", v);
			strcat(strcat(text, cell), "|");
		}
		line[rows++] = strdup(text);
	}
	sqlite3_finalize(q);
	join(w, line, rows, out, size);
}

static void same(struct world *w, const char *kinds)
{
	static char ours[1 << 16], lite[1 << 16];
	ours_text(w, ours, sizeof(ours));
	lite_text(w, kinds, lite, sizeof(lite));
	if (strcmp(ours, lite) != 0)
		fail_msg("%s\ngave\n%s\ninstead of\n%s", w->ours, ours, lite);
}

static void run_lite(struct world *w)
{
	char *error = NULL;
	if (sqlite3_exec(w->db, w->lite, NULL, NULL, &error) != SQLITE_OK)
		fail_msg("%s: %s", w->lite, error);
}

static void change_both(struct world *w)
{
	amt_result *r = engine_run(&w->e, w->ours);
	run_lite(w);
	if ((int)amt_result_affected(r) != sqlite3_changes(w->db))
		fail_msg("%s changed %d rows instead of %d", w->ours, (int)amt_result_affected(r),
			sqlite3_changes(w->db));
	amt_result_free(r);
}

static void put_values(struct world *w)
{
	say(w, "(", "(");
	for (unsigned c = 0; c < COLUMNS; c++) {
		if (c > 0)
			say(w, ", ", ", ");
		if (c == 0)
			put_number(w, c, (int)w->next_id++);
		else if (rnd(w, 5) == 0)
			say(w, "NULL", "NULL");
		else
			put_number(w, c, value_of(w, c));
	}
	say(w, ")", ")");
}

static void insert_rows(struct world *w, unsigned count)
{
	begin(w);
	say(w, "INSERT INTO t VALUES ", "INSERT INTO t VALUES ");
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			say(w, ", ", ", ");
		put_values(w);
	}
	change_both(w);
}

/* a and b with what SQLite has for them: results of 8 bits wrap. */
static const struct {
	const char *ours, *lite;
} arithmetic[] = {
	{"a = a * 3 + p", "a = (a * 3 + p) & 255"},
	{"b = b * b - 7", "b = ((b * b - 7 + 128) & 255) - 128"},
	{"a = (a - p) / 5 | p", "a = ((a - p) & 255) / 5 | p"},
	{"a = p / a", "a = p / a"},
	{"b = (b # 21) / 3", "b = ((b | 21) - (b & 21)) / 3"},
	{"b = b % -(7 + 2)", "b = b % -9"},
	{"a = ~a & 60 << 1", "a = (~a & 60) << 1"},
	{"a = a >> b, b = -b >> 2", "a = a >> (b & 7), b = (((-b + 128) & 255) - 128) >> 2"},
	{"a = a << 3, d = d * 2 % 7.5", "a = (a << 3) & 255, d = d * 2 % 75"},
};

static void compute_rows(struct world *w)
{
	unsigned i = rnd(w, sizeof(arithmetic) / sizeof(arithmetic[0]));
	begin(w);
	say(w, "UPDATE t SET ", "UPDATE t SET ");
	say(w, arithmetic[i].ours, arithmetic[i].lite);
	say(w, " WHERE ", " WHERE ");
	put_where(w, 1);
	change_both(w);
}

static void update_rows(struct world *w)
{
	unsigned c = 1 + rnd(w, 4);
	begin(w);
	say(w, "UPDATE t SET ", "UPDATE t SET ");
	say(w, column[c].name, column[c].name);
	say(w, " = ", " = ");
	if (rnd(w, 5) == 0)
		say(w, "NULL", "NULL");
	else
		put_number(w, c, value_of(w, c));
	say(w, " WHERE ", " WHERE ");
	put_where(w, 1);
	change_both(w);
}

static void delete_rows(struct world *w)
{
	begin(w);
	say(w, "DELETE FROM t WHERE id IN (", "DELETE FROM t WHERE id IN (");
	put_number(w, 0, (int)rnd(w, w->next_id));
	say(w, ", ", ", ");
	put_number(w, 0, (int)rnd(w, w->next_id));
	say(w, ") OR b = ", ") OR b = ");
	put_number(w, 2, value_of(w, 2));
	change_both(w);
}

static void select_aggregates(struct world *w)
{
	begin(w);
	say(w, "SELECT count(*), count(a), sum(b), min(a), max(d), sum(d), min(b) FROM t WHERE ",
		"SELECT count(*), count(a), sum(b), min(a), max(d), sum(d), min(b) FROM t WHERE ");
	put_where(w, 2);
	same(w, "iiiiddi");
}

static void select_rows(struct world *w)
{
	begin(w);
	amt_session_set_fetch(w->e.session, (amt_fetch)rnd(w, 3));
	say(w, "SELECT id, a, b, d, e, p FROM t WHERE ", "SELECT id, a, b, d, e, p FROM t WHERE ");
	put_where(w, 2);
	same(w, "iiidbi");
}

/* Statements where the order of rows is one. */
static void select_arranged(struct world *w)
{
	static const char *const heads[] = {"SELECT DISTINCT a, e FROM t WHERE ",
		"SELECT id, d FROM t WHERE ", "SELECT DISTINCT e FROM t WHERE ",
		"SELECT DISTINCT p, b, id FROM t WHERE "};
	static const char *const tails[][4] = {
		{" ORDER BY 2 DESC NULLS LAST, a NULLS FIRST",
			" ORDER BY b NULLS LAST, e DESC NULLS FIRST, id", " ORDER BY e NULLS FIRST",
			" ORDER BY 1 NULLS LAST, b DESC NULLS LAST, id DESC"},
		{" ORDER BY a NULLS LAST, e NULLS LAST LIMIT 5",
			" ORDER BY d DESC NULLS LAST, id LIMIT 7 OFFSET 3",
			" ORDER BY 1 DESC NULLS LAST LIMIT 2", " ORDER BY id LIMIT 4 OFFSET 1000"}};
	static const char *const kinds[] = {"ib", "id", "b", "iii"};
	unsigned i = rnd(w, 4), k = rnd(w, 2);
	begin(w);
	amt_session_set_fetch(w->e.session, (amt_fetch)rnd(w, 3));
	say(w, heads[i], heads[i]);
	put_where(w, 1);
	say(w, tails[k][i], tails[k][i]);
	same(w, kinds[i]);
}

static void like_sqlite(void **state)
{
	(void)state;
	struct world *w;
	OK(mem_zalloc(&w, sizeof(*w)));
	w->seed = 20261123;
	engine_open(&w->e, TOY_PARAMS);
	assert_int_equal(sqlite3_open(":memory:", &w->db), SQLITE_OK);
	engine_do(&w->e, "CREATE TABLE t (id u16 not null, a u8, b i8, d decimal(3,1), e boolean, "
			 "p u8(plain))");
	(void)snprintf(w->lite, sizeof(w->lite),
		"CREATE TABLE t (id integer, a integer, b integer, d integer, e integer, p integer)");
	run_lite(w);
	insert_rows(w, 30);
	unsigned statements = light() ? STATEMENTS_LIGHT : STATEMENTS;
	for (unsigned i = 0; i < statements; i++)
		switch (rnd(w, 10)) {
		case 0:
			insert_rows(w, 1 + rnd(w, 5));
			break;
		case 1:
			if (rnd(w, 2))
				compute_rows(w);
			else
				update_rows(w);
			break;
		case 2:
			if (i > statements / 4)
				delete_rows(w);
			break;
		case 3:
		case 4:
			select_rows(w);
			break;
		case 5:
			select_arranged(w);
			break;
		default:
			select_aggregates(w);
		}
	for (unsigned i = 0; i < 4; i++)
		compute_rows(w);
	begin(w);
	say(w, "SELECT id, a, b, d, e, p FROM t", "SELECT id, a, b, d, e, p FROM t");
	same(w, "iiidbi");
	uint64_t rows;
	OK(amt_audit(w->e.session, "t", &rows));
	sqlite3_close(w->db);
	engine_close(&w->e);
	mem_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(like_sqlite)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Scans through the public interface: one table with all columns, at least 64 pages of it read from
 * disk, cold and warm; queries 1 and 6 of TPC-H; every answer compared with SQLite's.
 *
 *	bench_scan [--pages 64] [--runs 5] [--folder build/bench/scan-db] [--only METRIC] [--ring 14]
 *
 * Microseconds a row are processor time of the host for the pages, on one thread, so other programs
 * disturb them little; fixed_ms is what else passes. Beside each line stands the download of the
 * sealed columns instead: its time a row at 100 Mb/s and 1 Gb/s, and from how many rows on the scan
 * moves fewer bytes and takes less time. Writes build/bench/scan.json: the metrics of
 * queries 1 and 6 are called q1_1m_s and q6_1m_s from a million rows on, q1_s and q6_s below; and8 is
 * what a second condition on 8 bits adds, sum_limb what 8 bits of the summed value add (two limbs of 4).
 * --only takes one of the filters, or ingest, the import of three scan columns, and writes nothing. --ring
 * 15 takes the largest ring, of pages twice as long, and writes nothing either.
 */
#include <amaters/amaters.h>

#include "lineitem.h"

#include <fcntl.h>
#include <ftw.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	USUAL_RING = 14,
	LARGEST_RING = 15,
	CANARIES = 32,
	SMALL_ROWS = 32768,
	MAX_RUNS = 31,
	MAX_METRICS = 64,
	INGEST_PAGES = 8,
	CORES = 2
};

/* Links over which the columns could be downloaded instead. */
enum { LINKS = 2 };
static const struct {
	const char *name;
	double bits_a_us;
} links[LINKS] = {{"100m", 100}, {"1g", 1000}};

struct metric {
	char name[32];
	double value;
	const char *unit;
	uint64_t rows;	       /* 0: not said */
	unsigned column_bytes; /* of a row, to be downloaded instead; 0: not said */
	double even[LINKS];    /* rows from which the scan takes less time; 0: not said */
};

struct bench {
	unsigned pages, runs, ring;
	const char *only; /* one metric, or NULL: all */
	const char *folder;
	char server[600];
	amt_key *key;
	sqlite3 *plain;
	struct metric metric[MAX_METRICS];
	unsigned metrics;
};

/* What a query costs: medians of the warm runs. */
struct cost {
	unsigned threads;
	double us_row, fixed_ms, wall_ms, cold_ms;
	amt_statistics s;
};

struct query {
	const char *metric;
	const char *text;      /* of one row in the table */
	const char *sql;       /* ours */
	const char *plain;     /* SQLite's, decimals as integers */
	const char *cells;     /* i: exact, with decimals taken out; a: an average; t: text */
	unsigned column_bytes; /* of a row's columns, sealed */
};

static void check(amt_status s)
{
	char text[1024];
	if (amt_ok(s))
		return;
	(void)amt_status_format(s, text, sizeof(text));
	fprintf(stderr, "bench_scan: %s\n", text);
	exit(1);
}

static void fail(const char *what, const char *detail)
{
	fprintf(stderr, "bench_scan: %s: %s\n", what, detail);
	exit(1);
}

static struct metric *record(struct bench *b, const char *name, double value, const char *unit)
{
	struct metric *m = &b->metric[b->metrics++];
	*m = (struct metric){.value = value, .unit = unit};
	(void)snprintf(m->name, sizeof(m->name), "%s", name);
	return m;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *x, unsigned n)
{
	qsort(x, n, sizeof(*x), by_size);
	return x[n / 2];
}

/* ---- the database's files */

static int forget_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)at;
	int fd = kind == FTW_F ? open(path, O_RDONLY) : -1;
	if (fd >= 0) {
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	return 0;
}

static int remove_file(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void go_cold(const struct bench *b)
{
	sync();
	(void)nftw(b->folder, forget_file, 16, FTW_PHYS);
}

/* ---- sessions */

static bool progress(void *context, const char *what, uint64_t done, uint64_t total)
{
	(void)context;
	static int width;
	if (isatty(2) && total > 0)
		width = fprintf(
			stderr, "\r%s %3.0f %%  ", what, 100.0 * (double)done / (double)total);
	else if (width > 0)
		width = fprintf(stderr, "\r") & 0;
	return true;
}

static amt_session *open_session(struct bench *b, unsigned threads, amt_scan_form form)
{
	char command[1400];
	amt_session *session;
	(void)snprintf(command, sizeof(command), "'%s' --stdio --db '%s' --threads %u", b->server,
		b->folder, threads);
	check(amt_session_open(&session, &(amt_session_options){.key = b->key,
						 .host_command = command,
						 .scan_form = form,
						 .progress = progress}));
	return session;
}

static amt_statistics execute(amt_session *session, const char *sql, amt_result **out)
{
	amt_result *result;
	amt_statistics s;
	check(amt_execute(session, sql, &result));
	amt_result_statistics(result, &s);
	if (out != NULL)
		*out = result;
	else
		amt_result_free(result);
	return s;
}

/* ---- SQLite's answers */

static void run_plain(struct bench *b, const char *sql)
{
	char *message = NULL;
	if (sqlite3_exec(b->plain, sql, NULL, NULL, &message) != SQLITE_OK)
		fail(sql, message);
}

static void fill_plain(struct bench *b, const char *table, uint64_t rows)
{
	char sql[512];
	sqlite3_stmt *insert;
	(void)snprintf(sql, sizeof(sql),
		"CREATE TABLE %s (c8, d8, c16, c32, c64 TEXT, tag, quantity, price, discount, tax, "
		"returned, status, shipped)",
		table);
	run_plain(b, sql);
	(void)snprintf(
		sql, sizeof(sql), "INSERT INTO %s VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)", table);
	if (sqlite3_prepare_v2(b->plain, sql, -1, &insert, NULL) != SQLITE_OK)
		fail(sql, sqlite3_errmsg(b->plain));
	run_plain(b, "BEGIN");
	for (uint64_t row = 0; row < rows; row++) {
		struct lineitem l;
		char day[48], tag[24], wide[24], letter[2] = {0};
		lineitem_make(&l, row);
		day_text(l.ship_day, day);
		(void)snprintf(tag, sizeof(tag), "tag-%u", l.tag);
		/* As text of 20 digits, since SQLite's integers have a sign. */
		(void)snprintf(wide, sizeof(wide), "%020llu", (unsigned long long)l.c64);
		int64_t numbers[] = {l.c8, l.d8, l.c16, l.c32};
		for (int i = 0; i < 4; i++)
			sqlite3_bind_int64(insert, i + 1, numbers[i]);
		sqlite3_bind_text(insert, 5, wide, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(insert, 6, tag, -1, SQLITE_TRANSIENT);
		int64_t amounts[] = {l.quantity, l.price_cents, l.discount, l.tax};
		for (int i = 0; i < 4; i++)
			sqlite3_bind_int64(insert, i + 7, amounts[i]);
		letter[0] = l.returned;
		sqlite3_bind_text(insert, 11, letter, 1, SQLITE_TRANSIENT);
		letter[0] = l.status;
		sqlite3_bind_text(insert, 12, letter, 1, SQLITE_TRANSIENT);
		sqlite3_bind_text(insert, 13, day, -1, SQLITE_TRANSIENT);
		if (sqlite3_step(insert) != SQLITE_DONE)
			fail("insert", sqlite3_errmsg(b->plain));
		sqlite3_reset(insert);
	}
	run_plain(b, "COMMIT");
	sqlite3_finalize(insert);
}

static bool same_cell(char kind, const char *ours, const char *theirs)
{
	char digits[64];
	size_t n = 0;
	if (kind == 'a')
		return fabs(strtod(ours, NULL) / strtod(theirs, NULL) - 1) < 1e-9;
	if (kind == 't')
		return strcmp(ours, theirs) == 0;
	for (const char *p = ours; *p != '\0' && n + 1 < sizeof(digits); p++)
		if (*p != '.')
			digits[n++] = *p;
	digits[n] = '\0';
	return strtoll(digits, NULL, 10) == strtoll(theirs, NULL, 10);
}

static void compare(struct bench *b, const struct query *q, const amt_result *r)
{
	sqlite3_stmt *s;
	size_t row = 0;
	if (sqlite3_prepare_v2(b->plain, q->plain, -1, &s, NULL) != SQLITE_OK)
		fail(q->plain, sqlite3_errmsg(b->plain));
	for (; sqlite3_step(s) == SQLITE_ROW; row++)
		for (size_t c = 0; c < strlen(q->cells); c++) {
			const char *theirs = (const char *)sqlite3_column_text(s, (int)c);
			const char *ours =
				row < amt_result_rows(r) ? amt_result_cell(r, row, c) : NULL;
			if (ours == NULL || theirs == NULL ||
				!same_cell(q->cells[c], ours, theirs)) {
				fprintf(stderr, "%s: row %zu, column %zu: %s, SQLite says %s\n",
					q->sql, row, c, ours != NULL ? ours : "nothing",
					theirs != NULL ? theirs : "NULL");
				exit(1);
			}
		}
	if (row != amt_result_rows(r))
		fail(q->sql, "not as many rows as SQLite");
	sqlite3_finalize(s);
}

/* ---- runs */

static struct cost measure(struct bench *b, amt_session *session, unsigned threads,
	const struct query *q, uint64_t rows)
{
	struct cost c = {.threads = threads};
	double us[MAX_RUNS], fixed[MAX_RUNS], wall[MAX_RUNS];
	amt_result *result;
	go_cold(b);
	c.cold_ms = execute(session, q->sql, NULL).total_ms;
	for (unsigned i = 0; i < b->runs; i++) {
		c.s = execute(session, q->sql, &result);
		compare(b, q, result);
		amt_result_free(result);
		us[i] = c.s.host_cpu_ms * 1e3 / (double)rows;
		wall[i] = c.s.total_ms;
		fixed[i] = c.s.total_ms - c.s.host_cpu_ms / threads;
	}
	c.us_row = median(us, b->runs);
	c.fixed_ms = median(fixed, b->runs);
	c.wall_ms = median(wall, b->runs);
	return c;
}

/* Microseconds a row. */
static double download(unsigned column_bytes, unsigned link)
{
	return column_bytes * 8 / links[link].bits_a_us;
}

/* Rows from which the scan takes less time than downloading the columns. */
static double even(const struct query *q, const struct cost *c, unsigned link)
{
	double moved = (double)(c->s.query_bytes + c->s.answer_bytes);
	double gained = download(q->column_bytes, link) - c->us_row / c->threads;
	return gained > 0 ? (c->fixed_ms * 1e3 + moved * 8 / links[link].bits_a_us) / gained
			  : INFINITY;
}

static struct metric *record_query(struct bench *b, const char *name, double value,
	const char *unit, const struct query *q, const struct cost *c)
{
	struct metric *m = record(b, name, value, unit);
	m->column_bytes = q->column_bytes;
	for (unsigned link = 0; link < LINKS; link++)
		m->even[link] = even(q, c, link);
	return m;
}

static void print_heading(void)
{
	printf("%-15s %8s %8s %8s %8s %7s %7s  %17s  %s\n", "", "us/row", "fixed", "warm", "cold",
		"up", "down", "download, us/row", "fewer bytes, less time: from rows");
	printf("%-15s %8s %8s %8s %8s %7s %7s  %8s %8s  %9s %9s %9s\n", "query", "1 core", "ms",
		"ms", "ms", "kB", "kB", "100 Mb/s", "1 Gb/s", "bytes", "100 Mb/s", "1 Gb/s");
}

static void print_rows(double rows)
{
	if (isinf(rows))
		printf(" %9s", "never");
	else
		printf(" %9.3g", rows);
}

static void print_cost(const char *name, const struct query *q, const struct cost *c)
{
	double moved = (double)(c->s.query_bytes + c->s.answer_bytes);
	printf("%-15s %8.3f %8.0f %8.0f %8.0f %7.0f %7.0f  %8.3f %8.3f ", name, c->us_row,
		c->fixed_ms, c->wall_ms, c->cold_ms, (double)c->s.query_bytes / 1e3,
		(double)c->s.answer_bytes / 1e3, download(q->column_bytes, 0),
		download(q->column_bytes, 1));
	print_rows(moved / q->column_bytes);
	print_rows(even(q, c, 0));
	print_rows(even(q, c, 1));
	printf("\n");
	fflush(stdout);
}

/* What a part of the query above adds, against a byte a row that is downloaded. */
static void record_part(struct bench *b, const char *metric, const char *title, double us_row)
{
	record(b, metric, us_row, "us/row")->column_bytes = 1;
	printf("%-15s %8.3f %43s %8.3f %8.3f\n", title, us_row, "", download(1, 0), download(1, 1));
}

static const struct query filters[] = {
	{"eq8", "", "SELECT count(*) FROM bench WHERE c8 = 77",
		"SELECT count(*) FROM bench WHERE c8 = 77", "i", 1},
	{"eq16", "", "SELECT count(*) FROM bench WHERE c16 = 4711",
		"SELECT count(*) FROM bench WHERE c16 = 4711", "i", 2},
	{"eq32", "", "SELECT count(*) FROM bench WHERE c32 = 271828182",
		"SELECT count(*) FROM bench WHERE c32 = 271828182", "i", 4},
	{"eq64", "", "SELECT count(*) FROM bench WHERE c64 = 2718281828459045235",
		"SELECT count(*) FROM bench WHERE c64 = '02718281828459045235'", "i", 8},
	{"eqtag64", "", "SELECT count(*) FROM bench WHERE tag = 'tag-31415'",
		"SELECT count(*) FROM bench WHERE tag = 'tag-31415'", "i", 10},
	{"lt16", "", "SELECT count(*) FROM bench WHERE c16 < 4711",
		"SELECT count(*) FROM bench WHERE c16 < 4711", "i", 2},
	{"lt32", "", "SELECT count(*) FROM bench WHERE c32 < 271828182",
		"SELECT count(*) FROM bench WHERE c32 < 271828182", "i", 4},
	{"lt64", "", "SELECT count(*) FROM bench WHERE c64 < 2718281828459045235",
		"SELECT count(*) FROM bench WHERE c64 < '02718281828459045235'", "i", 8},
};
static const struct query and8 = {"and8", "", "SELECT count(*) FROM bench WHERE c8 = 77 AND d8 = 5",
	"SELECT count(*) FROM bench WHERE c8 = 77 AND d8 = 5", "i", 2};
static const struct query sum32 = {"sum_limb", "", "SELECT sum(c32) FROM bench WHERE c8 = 77",
	"SELECT sum(c32) FROM bench WHERE c8 = 77", "i", 5};

#define Q6(table)                                                                   \
	"SELECT sum(l_extendedprice * l_discount) FROM " table                      \
	" WHERE l_shipdate >= date '1994-01-01' AND l_shipdate < date '1995-01-01'" \
	" AND l_discount BETWEEN 0.05 AND 0.07 AND l_quantity < 24"
#define PLAIN_Q6(table)                                                             \
	"SELECT sum(price * discount) FROM " table " WHERE shipped >= '1994-01-01'" \
	" AND shipped < '1995-01-01' AND discount BETWEEN 5 AND 7 AND quantity < 24"

static const struct query q6_small = {"q6_32k_s", "", Q6("small"), PLAIN_Q6("small"), "i", 11};
static const struct query q6 = {"q6", "", Q6("bench"), PLAIN_Q6("bench"), "i", 11};
static const struct query q1 = {"q1", "",
	"SELECT l_returnflag, l_linestatus, sum(l_quantity), sum(l_extendedprice),"
	" sum(l_extendedprice * (1 - l_discount)),"
	" sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)), avg(l_quantity),"
	" avg(l_extendedprice), avg(l_discount), count(*) FROM bench"
	" WHERE l_shipdate <= date '1998-09-02' GROUP BY l_returnflag, l_linestatus"
	" ORDER BY l_returnflag, l_linestatus",
	"SELECT returned, status, sum(quantity), sum(price), sum(price * (100 - discount)),"
	" sum(price * (100 - discount) * (100 + tax)), avg(quantity), avg(price / 100.0),"
	" avg(discount / 100.0), count(*) FROM bench WHERE shipped <= '1998-09-02'"
	" GROUP BY returned, status ORDER BY returned, status",
	"ttiiiiaaai", 14};

/* ---- tables */

#define LINEITEM                                                                            \
	"l_quantity u8(scan) NOT NULL CHECK (l_quantity BETWEEN 1 AND 50),"                 \
	"l_extendedprice decimal(9, 2, scan) NOT NULL"                                      \
	" CHECK (l_extendedprice BETWEEN 0.00 AND 105000.00),"                              \
	"l_discount decimal(4, 2, scan) NOT NULL CHECK (l_discount BETWEEN 0.00 AND 0.10)," \
	"l_tax decimal(4, 2, scan) NOT NULL CHECK (l_tax BETWEEN 0.00 AND 0.08),"           \
	"l_returnflag text(scan, 3) NOT NULL, l_linestatus text(scan, 2) NOT NULL,"         \
	"l_shipdate date(scan) NOT NULL"                                                    \
	" CHECK (l_shipdate BETWEEN '1992-01-02' AND '1998-12-01')"

/* Rows reach amt_import_csv through a pipe from a process of their own. */
static double import(amt_session *session, const char *table, uint64_t rows)
{
	int ends[2];
	amt_result *result;
	amt_statistics s;
	if (pipe(ends) != 0)
		fail("pipe", "none");
	fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		close(ends[0]);
		FILE *out = fdopen(ends[1], "w");
		lineitem_csv(out, rows);
		_exit(fclose(out) == 0 ? 0 : 1);
	}
	close(ends[1]);
	check(amt_import_csv(session, table, ends[0], NULL, &result));
	close(ends[0]);
	(void)waitpid(child, NULL, 0);
	amt_result_statistics(result, &s);
	amt_result_free(result);
	return s.total_ms / 1e3;
}

static uint64_t page_rows(const struct bench *b)
{
	return (UINT64_C(1) << b->ring) - CANARIES;
}

/* CREATE TABLE in the ring that is measured. */
static void create(
	const struct bench *b, amt_session *session, const char *columns, const char *options)
{
	char sql[2048];
	(void)snprintf(sql, sizeof(sql), "CREATE TABLE %s WITH (scan_ring = %u%s)", columns,
		b->ring, options);
	execute(session, sql, NULL);
}

static void measure_ingest(struct bench *b)
{
	amt_session *session = open_session(b, 2, AMT_SCAN_TREE);
	create(b, session,
		"ingest (c8 u8(scan) NOT NULL, d8 u8(payload), c16 u16(scan) NOT NULL,"
		" c32 u32(scan) NOT NULL, c64 u64(payload), tag text(payload),"
		" l_quantity u8(payload), l_extendedprice decimal(9, 2, payload),"
		" l_discount decimal(4, 2, payload), l_tax decimal(4, 2, payload),"
		" l_returnflag text(payload), l_linestatus text(payload), l_shipdate date(payload))",
		"");
	uint64_t few = (uint64_t)INGEST_PAGES * page_rows(b);
	double seconds = import(session, "ingest", few);
	printf("ingest of 3 scan columns (u8, u16, u32): %.0f rows/s\n", (double)few / seconds);
	record(b, "ingest_rows_s", (double)few / seconds, "rows/s");
	amt_session_close(session);
}

static void make_tables(struct bench *b, uint64_t rows)
{
	amt_session *session = open_session(b, 2, AMT_SCAN_TREE);
	create(b, session,
		"bench (c8 u8(scan) NOT NULL, d8 u8(scan) NOT NULL,"
		" c16 u16(scan) NOT NULL, c32 u32(scan) NOT NULL, c64 u64(scan) NOT NULL,"
		" tag text(tag) NOT NULL," LINEITEM ")",
		", scan_depth = 'c64:1, tag:1', scan_limb = 'c64:0'");
	create(b, session,
		"small (c8 u8(payload), d8 u8(payload), c16 u16(payload),"
		" c32 u32(payload), c64 u64(payload), tag text(payload)," LINEITEM ")",
		"");
	double seconds = import(session, "small", SMALL_ROWS);
	printf("ingest of 7 scan columns of lineitem: %.0f rows/s\n", SMALL_ROWS / seconds);
	seconds = import(session, "bench", rows);
	printf("ingest of all columns, %llu rows: %.0f rows/s\n", (unsigned long long)rows,
		(double)rows / seconds);
	char *text;
	check(amt_inspect(session, AMT_FORMAT_TEXT, &text));
	printf("%s\n", text);
	amt_text_free(text);
	amt_session_close(session);
}

/* ---- all of it */

static bool is_wanted(const struct bench *b, const char *name)
{
	return b->only == NULL || strcmp(b->only, name) == 0;
}

static double measure_filters(struct bench *b, uint64_t rows, amt_scan_form form, double eq8)
{
	amt_session *session = open_session(b, 1, form);
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		const struct query *q = &filters[i];
		char name[32];
		bool product = form == AMT_SCAN_PRODUCT;
		(void)snprintf(name, sizeof(name), "%s%s", q->metric, product ? "_product" : "");
		if ((product && strncmp(q->metric, "lt", 2) == 0) || !is_wanted(b, name))
			continue;
		struct cost c = measure(b, session, 1, q, rows);
		print_cost(name, q, &c);
		record_query(b, name, c.us_row, "us/row", q, &c);
		eq8 = i == 0 ? c.us_row : eq8;
	}
	if (form == AMT_SCAN_TREE && b->only == NULL) {
		struct cost c = measure(b, session, 1, &and8, rows);
		print_cost("eq8 AND eq8", &and8, &c);
		record_part(b, "and8", "  AND eq8", c.us_row - eq8);
		c = measure(b, session, 1, &sum32, rows);
		print_cost("SUM(u32), eq8", &sum32, &c);
		record_part(b, "sum_limb", "  SUM, 8 bits", (c.us_row - eq8) / 4);
	}
	amt_session_close(session);
	return eq8;
}

/* The time of a query over the large table, under a name that tells whether that is a million rows. */
static void measure_large(
	struct bench *b, amt_session *session, const struct query *q, uint64_t rows)
{
	char name[32], title[32];
	struct cost c = measure(b, session, CORES, q, rows);
	(void)snprintf(title, sizeof(title), "Q%s, %d cores", q->metric + 1, CORES);
	print_cost(title, q, &c);
	(void)snprintf(name, sizeof(name), "%s%s_s", q->metric, rows >= 1000000 ? "_1m" : "");
	record_query(b, name, c.wall_ms / 1e3, "s", q, &c)->rows = rows;
	printf("%-15s host memory up to %.0f MB\n", "", (double)c.s.host_peak_bytes / 1e6);
}

static void measure_tpch(struct bench *b, uint64_t rows)
{
	amt_session *session = open_session(b, 1, AMT_SCAN_TREE);
	struct cost c = measure(b, session, 1, &q6_small, SMALL_ROWS);
	print_cost("Q6, 32k rows", &q6_small, &c);
	record_query(b, "q6_32k_s", c.wall_ms / 1e3, "s", &q6_small, &c);
	record(b, "fixed_ms", c.fixed_ms, "ms");
	amt_session_close(session);
	session = open_session(b, CORES, AMT_SCAN_TREE);
	measure_large(b, session, &q6, rows);
	measure_large(b, session, &q1, rows);
	amt_session_close(session);
}

/* null: the scan never takes less time. */
static void write_link(FILE *out, const struct metric *m, unsigned link)
{
	const char *name = links[link].name;
	if (m->column_bytes > 0)
		fprintf(out, ", \"download_%s_us_row\": %.6g", name,
			download(m->column_bytes, link));
	if (isinf(m->even[link]))
		fprintf(out, ", \"even_%s_rows\": null", name);
	else if (m->even[link] > 0)
		fprintf(out, ", \"even_%s_rows\": %.6g", name, m->even[link]);
}

static void write_json(const struct bench *b, const char *path)
{
	FILE *out = fopen(path, "w");
	if (out == NULL)
		fail(path, "cannot be written");
	fprintf(out, "{\n");
	for (unsigned i = 0; i < b->metrics; i++) {
		const struct metric *m = &b->metric[i];
		fprintf(out, "  \"%s\": {\"ours\": %.6g, \"unit\": \"%s\"", m->name, m->value,
			m->unit);
		if (m->rows > 0)
			fprintf(out, ", \"rows\": %llu", (unsigned long long)m->rows);
		for (unsigned link = 0; link < LINKS; link++)
			write_link(out, m, link);
		fprintf(out, "}%s\n", i + 1 < b->metrics ? "," : "");
	}
	fprintf(out, "}\n");
	fclose(out);
}

static void measure_all(struct bench *b, const char *json)
{
	uint64_t rows = b->pages * page_rows(b);
	if (sqlite3_open(":memory:", &b->plain) != SQLITE_OK)
		fail("SQLite", "does not open");
	fill_plain(b, "bench", rows);
	fill_plain(b, "small", SMALL_ROWS);
	make_tables(b, rows);
	printf("%llu rows, %u runs; every answer is SQLite's\n\n", (unsigned long long)rows,
		b->runs);
	print_heading();
	double eq8 = measure_filters(b, rows, AMT_SCAN_TREE, 0);
	(void)measure_filters(b, rows, AMT_SCAN_PRODUCT, eq8);
	if (b->only == NULL) {
		measure_tpch(b, rows);
		if (b->ring == USUAL_RING)
			write_json(b, json);
	}
	sqlite3_close(b->plain);
}

int main(int argc, char **argv)
{
	static struct bench b = {.pages = 64, .runs = 5, .ring = USUAL_RING};
	char folder[600], json[600], here[512];
	bool known = argc % 2 == 1;
	(void)snprintf(here, sizeof(here), "%s", argv[0]);
	char *slash = strrchr(here, '/');
	if (slash != NULL)
		*slash = '\0';
	(void)snprintf(folder, sizeof(folder), "%s/scan-db", here);
	(void)snprintf(json, sizeof(json), "%s/scan.json", here);
	(void)snprintf(b.server, sizeof(b.server), "%s/../server/amatersd", here);
	b.folder = folder;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--pages") == 0)
			b.pages = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--runs") == 0)
			b.runs = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--folder") == 0)
			b.folder = argv[i + 1];
		else if (strcmp(argv[i], "--only") == 0)
			b.only = argv[i + 1];
		else if (strcmp(argv[i], "--ring") == 0)
			b.ring = (unsigned)atoi(argv[i + 1]);
		else
			known = false;
	}
	if (!known || b.pages < 1 || b.runs < 1 || b.runs > MAX_RUNS || b.ring < USUAL_RING ||
		b.ring > LARGEST_RING)
		fail("usage",
			"bench_scan [--pages 64] [--runs 5] [--folder build/bench/scan-db] [--only METRIC]"
			" [--ring 14]");
	(void)nftw(b.folder, remove_file, 16, FTW_DEPTH | FTW_PHYS);
	check(amt_key_generate(&b.key, NULL));
	if (is_wanted(&b, "ingest"))
		measure_ingest(&b);
	if (b.only == NULL || strcmp(b.only, "ingest") != 0)
		measure_all(&b, json);
	amt_key_free(b.key);
	(void)nftw(b.folder, remove_file, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

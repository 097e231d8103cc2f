/* Results as an aligned table, as CSV (RFC 4180; NULL is an empty field, an empty text is "") or as
 * one line of JSON a statement. */
#include "cli.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* ---- tables ---- */

/* Columns that a text takes on a terminal; what cannot be shown counts and prints as one '?'. */
static int text_width(const char *text)
{
	int width = 0;
	mbstate_t state = {0};
	while (*text) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, MB_CUR_MAX, &state);
		if (n == (size_t)-1 || n == (size_t)-2) {
			n = 1;
			state = (mbstate_t){0};
			c = L'?';
		}
		int w = iswprint((wint_t)c) ? wcwidth(c) : 1;
		width += w < 0 ? 1 : w;
		text += n;
	}
	return width;
}

static void print_text(FILE *out, const char *text)
{
	mbstate_t state = {0};
	while (*text) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, MB_CUR_MAX, &state);
		bool bad = n == (size_t)-1 || n == (size_t)-2;
		if (bad) {
			n = 1;
			state = (mbstate_t){0};
		}
		if (bad || !iswprint((wint_t)c))
			fputc('?', out);
		else
			(void)fwrite(text, 1, n, out);
		text += n;
	}
}

static void print_padded(FILE *out, const char *text, int width, bool right, bool last)
{
	int padding = width - text_width(text);
	if (right)
		fprintf(out, "%*s", padding, "");
	print_text(out, text);
	if (!right && !last)
		fprintf(out, "%*s", padding, "");
}

static const char *shown(const amt_result *r, size_t row, size_t column)
{
	const char *cell = amt_result_cell(r, row, column);
	return cell != NULL ? cell : "";
}

static void print_table(FILE *out, const amt_result *r)
{
	size_t columns = amt_result_columns(r), rows = amt_result_rows(r);
	int *width = calloc(columns + 1, sizeof(*width));
	if (width == NULL)
		return;
	for (size_t c = 0; c < columns; c++) {
		width[c] = text_width(amt_result_column_name(r, c));
		for (size_t i = 0; i < rows; i++) {
			int w = text_width(shown(r, i, c));
			width[c] = w > width[c] ? w : width[c];
		}
	}
	for (size_t c = 0; c < columns; c++) {
		fputs(c > 0 ? " | " : " ", out);
		print_padded(out, amt_result_column_name(r, c), width[c],
			amt_result_column_is_number(r, c), c + 1 == columns);
	}
	fputc('\n', out);
	for (size_t c = 0; c < columns; c++) {
		fputs(c > 0 ? "+" : "", out);
		for (int i = 0; i < width[c] + 2; i++)
			fputc('-', out);
	}
	fputc('\n', out);
	for (size_t i = 0; i < rows; i++) {
		for (size_t c = 0; c < columns; c++) {
			fputs(c > 0 ? " | " : " ", out);
			print_padded(out, shown(r, i, c), width[c],
				amt_result_column_is_number(r, c), c + 1 == columns);
		}
		fputc('\n', out);
	}
	fprintf(out, "(%zu row%s)\n", rows, rows == 1 ? "" : "s");
	free(width);
}

/* ---- CSV ---- */

static void print_field(FILE *out, const char *text)
{
	if (text == NULL)
		return;
	if (*text != '\0' && strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void print_csv(FILE *out, const amt_result *r)
{
	size_t columns = amt_result_columns(r);
	for (size_t c = 0; c < columns; c++) {
		fputs(c > 0 ? "," : "", out);
		print_field(out, amt_result_column_name(r, c));
	}
	fputc('\n', out);
	for (size_t i = 0; i < amt_result_rows(r); i++) {
		for (size_t c = 0; c < columns; c++) {
			fputs(c > 0 ? "," : "", out);
			print_field(out, amt_result_cell(r, i, c));
		}
		fputc('\n', out);
	}
}

/* ---- JSON ---- */

static void print_string(FILE *out, const char *text)
{
	json_t *string = json_string(text); /* NULL if it is not UTF-8 */
	if (string == NULL || json_dumpf(string, out, JSON_ENCODE_ANY) != 0)
		fputs("null", out);
	json_decref(string);
}

/* Numbers stand as they are, so that no digit of a bigint or decimal is lost. */
static void print_value(FILE *out, const amt_result *r, size_t row, size_t column)
{
	const char *text = amt_result_cell(r, row, column);
	if (text == NULL)
		fputs("null", out);
	else if (amt_result_column_is_number(r, column))
		fputs(text, out);
	else if (strcmp(amt_result_column_type(r, column), "boolean") == 0)
		fputs(*text == 't' ? "true" : "false", out);
	else
		print_string(out, text);
}

static void print_json(FILE *out, const amt_result *r)
{
	amt_statistics s;
	amt_result_statistics(r, &s);
	fputs("{\"statement\":", out);
	print_string(out, amt_result_statement(r));
	if (amt_result_explanation(r) != NULL) {
		fputs(",\"explanation\":", out);
		print_string(out, amt_result_explanation(r));
	}
	size_t columns = amt_result_columns(r);
	fputs(",\"columns\":[", out);
	for (size_t c = 0; c < columns; c++) {
		fputs(c > 0 ? ",{\"name\":" : "{\"name\":", out);
		print_string(out, amt_result_column_name(r, c));
		fputs(",\"type\":", out);
		print_string(out, amt_result_column_type(r, c));
		fputc('}', out);
	}
	fputs("],\"rows\":[", out);
	for (size_t i = 0; i < amt_result_rows(r); i++) {
		fputs(i > 0 ? ",[" : "[", out);
		for (size_t c = 0; c < columns; c++) {
			if (c > 0)
				fputc(',', out);
			print_value(out, r, i, c);
		}
		fputc(']', out);
	}
	fprintf(out,
		"],\"affected\":%llu,\"statistics\":{\"rows\":%llu,\"bootstraps\":%llu,"
		"\"host_ms\":%.1f,\"total_ms\":%.1f,\"query_bytes\":%llu,\"answer_bytes\":%llu,"
		"\"rounds\":%u,\"failure_bound_log2\":",
		(unsigned long long)amt_result_affected(r), (unsigned long long)s.rows,
		(unsigned long long)s.bootstraps, s.host_ms, s.total_ms,
		(unsigned long long)s.query_bytes, (unsigned long long)s.answer_bytes, s.rounds);
	if (isfinite(s.failure_bound_log2))
		fprintf(out, "%.1f", s.failure_bound_log2);
	else
		fputs("null", out);
	if (s.levels > 0)
		fprintf(out,
			",\"pages\":%llu,\"pages_bytes\":%llu,\"relinearisations\":%llu,"
			"\"primes\":%u,\"host_cpu_ms\":%.1f,\"host_peak_bytes\":%llu",
			(unsigned long long)s.pages, (unsigned long long)s.pages_bytes,
			(unsigned long long)s.relinearisations, s.levels, s.host_cpu_ms,
			(unsigned long long)s.host_peak_bytes);
	fputs("}}\n", out);
}

/* ---- */

/* As psql: "UPDATE 20", "CREATE TABLE". */
static void print_tag(FILE *out, const amt_result *r)
{
	const char *statement = amt_result_statement(r);
	fputs(statement, out);
	if (strstr(statement, " TABLE") == NULL)
		fprintf(out, " %llu", (unsigned long long)amt_result_affected(r));
	fputc('\n', out);
}

void print_result(FILE *out, const amt_result *r, enum format format)
{
	if (format == FORMAT_JSON)
		print_json(out, r);
	else if (amt_result_explanation(r) != NULL)
		fputs(amt_result_explanation(r), out);
	else if (amt_result_columns(r) == 0 && format == FORMAT_TABLE)
		print_tag(out, r);
	else if (amt_result_columns(r) > 0 && format == FORMAT_TABLE)
		print_table(out, r);
	else if (amt_result_columns(r) > 0)
		print_csv(out, r);
}

static const char *bytes_text(char out[32], uint64_t bytes)
{
	if (bytes < 10000)
		(void)snprintf(out, 32, "%llu bytes", (unsigned long long)bytes);
	else if (bytes < 10000000)
		(void)snprintf(out, 32, "%.1f kB", (double)bytes / 1e3);
	else
		(void)snprintf(out, 32, "%.1f MB", (double)bytes / 1e6);
	return out;
}

void print_statistics(FILE *out, const amt_result *r)
{
	amt_statistics s;
	amt_result_statistics(r, &s);
	char sent[32], received[32], peak[32];
	fprintf(out, "%.2f s (host %.2f s), sent %s, received %s", s.total_ms / 1000,
		s.host_ms / 1000, bytes_text(sent, s.query_bytes),
		bytes_text(received, s.answer_bytes));
	if (s.bootstraps > 0)
		fprintf(out, ", %llu rows, %llu bootstraps, wrong with probability below 2^%.0f",
			(unsigned long long)s.rows, (unsigned long long)s.bootstraps,
			ceil(s.failure_bound_log2));
	if (s.levels > 0)
		fprintf(out,
			", %llu rows, %llu pages scanned, %llu products, %u primes, host memory up to "
			"%s, wrong with probability below 2^%.0f",
			(unsigned long long)s.rows, (unsigned long long)s.pages,
			(unsigned long long)s.relinearisations, s.levels,
			bytes_text(peak, s.host_peak_bytes), ceil(s.failure_bound_log2));
	fputc('\n', out);
}

bool save_statistics(const char *path, const amt_result *r)
{
	amt_statistics s;
	amt_result_statistics(r, &s);
	FILE *f = fopen(path, "we");
	if (f == NULL)
		return false;
	fprintf(f, "rows=%llu\nbootstraps=%llu\nhost_ms=%.1f\ntotal_ms=%.1f\nquery_bytes=%llu\n",
		(unsigned long long)s.rows, (unsigned long long)s.bootstraps, s.host_ms, s.total_ms,
		(unsigned long long)s.query_bytes);
	fprintf(f, "answer_bytes=%llu\nrounds=%u\nfailure_bound_log2=%.1f\n",
		(unsigned long long)s.answer_bytes, s.rounds, s.failure_bound_log2);
	fprintf(f,
		"pages=%llu\npages_bytes=%llu\nrelinearisations=%llu\nprimes=%u\nhost_cpu_ms=%.1f\n"
		"prepare_ms=%.1f\nhost_peak_bytes=%llu\n",
		(unsigned long long)s.pages, (unsigned long long)s.pages_bytes,
		(unsigned long long)s.relinearisations, s.levels, s.host_cpu_ms, s.prepare_ms,
		(unsigned long long)s.host_peak_bytes);
	bool written = ferror(f) == 0;
	return fclose(f) == 0 && written;
}

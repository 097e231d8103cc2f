/* The amaters command: what its files share. Data goes to stdout, talk to stderr. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <amaters/owner.h>
#include <amaters/version.h>

#include <stdio.h>

/* Exit statuses, documented in the help and the manual page. */
enum {
	EXIT_DONE = 0,
	EXIT_ERROR = 1,
	EXIT_USAGE = 2,
	EXIT_INTEGRITY = 3,
	EXIT_KEY = 4,
	EXIT_HOST = 5,
	EXIT_INTERRUPTED = 130
};

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

struct options {
	const char *key, *database, *host;
	const char *memory; /* NULL: beside the key file; "": none */
	const char *passphrase_file, *passphrase_fd, *new_passphrase_file, *new_passphrase_fd;
	const char *parameters, *evaluation_key, *schema, *null_text, *stats_file, *audit;
	const char *delimiter;
	int format, fetch, header; /* enum format, amt_fetch, amt_header */
	int threads;
	bool force, quiet;
	char **argument; /* what is left after the options, ends with NULL */
	int arguments;
};

/* options.c: fills *out for the command or says what is wrong. Returns EXIT_DONE, EXIT_USAGE, or -1
 * when help was asked for and given. */
int options_parse(struct options *out, unsigned command, int argc, char **argv);
void options_help(FILE *out, unsigned command);
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* commands.c: one function a command, returns the exit status. */
struct command {
	const char *name, *arguments, *summary, *details;
	int (*run)(const struct options *o);
	const char *options; /* names of those it takes, between spaces */
};
extern const struct command command_table[];
extern const unsigned command_count;

/* progress.c: a bar on a terminal, now and then a line elsewhere. */
struct progress {
	bool terminal, quiet, drawn;
	char what[48];
	double started, shown;
};
void progress_start(struct progress *p, bool quiet);
bool progress_report(void *context, const char *what, uint64_t done, uint64_t total);
void progress_end(struct progress *p); /* clears the bar */
void interrupts_catch(void);	       /* from now on an interrupt makes progress_report cancel */

/* output.c */
void print_result(FILE *out, const amt_result *result, enum format format);
void print_statistics(FILE *out, const amt_result *result);
bool save_statistics(const char *path, const amt_result *result);

/* split.c: one statement of an SQL script at a time. *from moves past it; NULL at the end. The
 * caller frees the text. */
char *next_statement(const char **from);

#endif

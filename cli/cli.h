/* The amaters command: what its files share. Data goes to stdout, talk to stderr. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <amaters/key_store.h>
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
	const char *key_cache;
	const char *public_key, *type, *new_key, *new_db, *rotation_key;
	const char *client, *key_id, *expires, *note;
	int format, fetch, compare, header; /* enum format, amt_fetch, amt_scan_form, amt_header */
	int threads;
	bool force, quiet;
	bool names_host; /* --db or --host was given, not just $AMATERS_DB */
	char **argument; /* what is left after the options, ends with NULL */
	int arguments;
};

/* options.c: fills *out for the command or says what is wrong. Returns EXIT_DONE, EXIT_USAGE, or -1
 * when help was asked for and given. */
int options_parse(struct options *out, unsigned command, int argc, char **argv);
void options_help(FILE *out, unsigned command);
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

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

/* work.c: what a command works on, errors and passphrases. */
struct work {
	amt_key_store *store; /* the key is from it */
	amt_key *key;
	amt_session *session;
	struct progress progress;
	char *memory; /* path made here */
};
/* Says what failed, if it did, frees the status and gives the exit status. */
int finish(amt_status s);
int complain(const char *what, const char *name); /* with errno's words */
/* From a file or descriptor, or from the terminal if both are NULL. */
int read_passphrase(amt_passphrase **out, const char *file, const char *fd, bool is_new);
/* --key: a key file, or the folder of a key store, of which --key-id or else the client's active key
 * is taken. */
int open_key(struct work *w, const struct options *o, amt_key_use use);
bool is_folder(const char *path);
int open_store(struct work *w, const struct options *o);
int open_session(struct work *w, const struct options *o, bool must_not_exist, amt_key_use use);
int close_work(struct work *w, int status);
/* The full id of the key whose id begins so. */
int find_key(struct work *w, const char *start, char id[AMT_KEY_ID_TEXT]);

/* key_commands.c: amaters key ... */
int key_command(const struct options *o);
/* Facts of the key with this full id. */
int look_up(struct work *w, const char *id, amt_key_info *out);

/* list_commands.c: integers without a database. */
int evaluation_key_command(const struct options *o);
int public_key_command(const struct options *o);
int encrypt_command(const struct options *o);
int decrypt_command(const struct options *o);
int rotation_key_command(const struct options *o);
int write_rotation_key(const amt_key *old_key, const amt_key *new_key, const char *path);

/* commands.c: one function a command, returns the exit status. */
struct command {
	const char *name, *arguments, *summary, *details;
	int (*run)(const struct options *o);
	const char *options; /* names of those it takes, between spaces */
};
extern const struct command command_table[];
extern const unsigned command_count;

/* output.c */
void print_result(FILE *out, const amt_result *result, enum format format);
void print_statistics(FILE *out, const amt_result *result);
bool save_statistics(const char *path, const amt_result *result);

/* split.c: one statement of an SQL script at a time. *from moves past it; NULL at the end. The
 * caller frees the text. */
char *next_statement(const char **from);

#endif

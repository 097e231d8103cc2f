/* The owner's side: keys, sessions, statements, results.
 *
 *	amt_key *key; amt_session *session; amt_result *result;
 *	amt_key_open(&key, "owner.key", passphrase, passphrase_size)
 *	amt_session_open(&session, &(amt_session_options){.key = key, .database = "patients.db"})
 *	amt_execute(session, "SELECT count(*) FROM patients WHERE age > 60", &result)
 *	amt_result_cell(result, 0, 0)   -> "117"
 *
 * Threads: a key may be shared by threads and sessions; a session, and everything made from it,
 * belongs to one thread at a time; results are independent of their session.
 * Secrets: passphrases are borrowed and never copied outside locked memory; key bits live in
 * locked, wiped memory. What is decrypted for a result is ordinary memory, wiped when freed.
 */
#ifndef AMATERS_OWNER_H
#define AMATERS_OWNER_H

#include <amaters/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Long work reports here, on the calling thread, some times a second: `what` is a short phrase
 * ("computing", "making the evaluation key"), done of total units (total 0: unknown). Returning
 * false cancels: the call fails with AMT_CANCELLED and nothing has changed. */
typedef bool (*amt_progress)(void *context, const char *what, uint64_t done, uint64_t total);

/* ---- passphrases ---------------------------------------------------------------------------- */

/* In locked, wiped memory. */
typedef struct amt_passphrase amt_passphrase;

/* From "fd:NUMBER" or "file:PATH" (the first line), or with source NULL from the terminal: asked
 * with the prompt and without echo, twice if confirm is set. Errors: AMT_INVALID_ARGUMENT (empty,
 * the two differ, no such source), AMT_LIMIT (too long), AMT_UNAVAILABLE (no terminal),
 * AMT_CANCELLED, AMT_NOT_FOUND, AMT_IO. */
amt_status amt_passphrase_read(
	amt_passphrase **out, const char *source, const char *prompt, bool confirm);
const void *amt_passphrase_bytes(const amt_passphrase *passphrase);
size_t amt_passphrase_size(const amt_passphrase *passphrase);
void amt_passphrase_free(amt_passphrase *passphrase);

/* ---- keys ---------------------------------------------------------------------------------- */

/* A key ring: the TFHE secret and the master key from which all subkeys come. Immutable. */
typedef struct amt_key amt_key;

/* Public parameter sets by number, ending with NULL: "T2", ... The first is the default. */
const char *amt_parameters_name(size_t index);

/* A new ring from the system's randomness. parameters NULL: the default set. Errors:
 * AMT_NOT_FOUND (no such set), AMT_OUT_OF_MEMORY (with a hint when locked memory is short). */
amt_status amt_key_generate(amt_key **out, const char *parameters);

typedef struct amt_key_file_options {
	bool overwrite; /* else AMT_ALREADY_EXISTS if the file is there */
} amt_key_file_options;

/* Wraps the ring under the passphrase (Argon2id: 256 MiB, 3 passes) and writes it: mode 0600,
 * complete or not at all. options may be NULL. The passphrase is bytes, not necessarily text, at
 * least 1. */
amt_status amt_key_save(const amt_key *key, const char *path, const void *passphrase,
	size_t passphrase_size, const amt_key_file_options *options);

/* Errors: AMT_NOT_FOUND, AMT_WRONG_PASSPHRASE, AMT_CORRUPTION, AMT_TRUNCATED,
 * AMT_UNKNOWN_VERSION, AMT_IO. */
amt_status amt_key_open(
	amt_key **out, const char *path, const void *passphrase, size_t passphrase_size);
void amt_key_free(amt_key *key);

/* Wraps the same keys anew. Copies of the old file still open with the old passphrase. */
amt_status amt_key_change_passphrase(const char *path, const void *old_passphrase,
	size_t old_passphrase_size, const void *new_passphrase, size_t new_passphrase_size);

/* Public facts. The id is 16 random bytes in 32 hexadecimal digits; strings live as long as the
 * key. */
const char *amt_key_id(const amt_key *key);
const char *amt_key_parameters(const amt_key *key);

/* Makes an evaluation key for hosts (public, some 30 MB) and writes it to `path`. A session makes
 * and sends one by itself when a database is new, so this is for making it beforehand or sending
 * it by other ways. progress may be NULL. */
amt_status amt_key_export_evaluation(
	const amt_key *key, const char *path, amt_progress progress, void *context);

/* ---- sessions ------------------------------------------------------------------------------ */

typedef struct amt_session amt_session;

/* How rows of a projection come back. Aggregates, UPDATE and DELETE never fetch rows. */
typedef enum amt_fetch {
	AMT_FETCH_ALL,	  /* default: all rows of the table, encrypted: the host learns nothing */
	AMT_FETCH_PADDED, /* matches among random others, padded to a power of two: the host learns
			     that number, and which rows may have matched */
	AMT_FETCH_IDS	  /* just the matches: the host learns which rows matched */
} amt_fetch;

/* How scans compare. */
typedef enum amt_scan_form {
	AMT_SCAN_TREE, /* default: hides which comparison it is */
	AMT_SCAN_PRODUCT /* faster for equalities joined by AND, and shows that this is what they are */
} amt_scan_form;

typedef struct amt_session_options {
	const amt_key *key; /* borrowed until the session is closed */

	/* The host, one of three: a database folder, for which `amatersd --stdio --db FOLDER` is
	 * started (the program beside the running one, else on PATH); a command for /bin/sh that
	 * speaks the protocol on its stdin and stdout; descriptors of a connected host (use_fds;
	 * the session does not close them). */
	const char *database;
	const char *host_command;
	bool use_fds;
	int in_fd, out_fd;
	unsigned host_threads; /* given to a started amatersd; 0: one for each core */
	const char *key_cache; /* given to a started amatersd (amt_host_options); NULL: none */

	/* What to do about the database: neither: it is made if it is not there. */
	bool must_exist;     /* else AMT_NOT_FOUND */
	bool must_not_exist; /* else AMT_ALREADY_EXISTS */

	/* A new database gets this evaluation key (amt_key_export_evaluation); NULL: one is made.
	 */
	const char *evaluation_key;

	/* A small local file in which the session remembers how far each database has come, so that
	 * a host that shows an older state of the whole database is caught (AMT_INTEGRITY). Made
	 * if not there; NULL: no memory, and only inconsistent rollbacks are caught. */
	const char *memory;

	amt_fetch fetch;
	amt_scan_form scan_form;
	amt_progress progress;
	void *progress_context;
} amt_session_options;

/* Connects, checks versions, opens or makes the database, reads the owner state. Errors:
 * AMT_WRONG_KEY (a database of another owner), AMT_INTEGRITY (a state that does not decrypt, or
 * older than remembered), AMT_LOCKED, AMT_PROTOCOL, AMT_UNAVAILABLE (no host), as above. */
amt_status amt_session_open(amt_session **out, const amt_session_options *options);

/* Tells the host of a database that the key with this id (amt_key_id) is revoked: it deletes the
 * evaluation keys, the bytes of its files and of its key cache included, and refuses from then on to
 * compute and to take in rows; what is stored can still be read. For good, and done when this returns;
 * doing it again does nothing. Needs no key, and of the options only those that say where the host is.
 * Errors: AMT_NOT_FOUND (no database), AMT_WRONG_KEY (of another key), and those of sessions. */
amt_status amt_host_revoke(const amt_session_options *options, const char *key_id);

/* Says goodbye and waits for a started host to end. Never loses anything acknowledged. */
void amt_session_close(amt_session *session);

/* For the statements that follow. */
void amt_session_set_fetch(amt_session *session, amt_fetch fetch);

/* ---- statements and results ----------------------------------------------------------------- */

typedef struct amt_result amt_result;

/* Runs one SQL statement: CREATE TABLE, DROP TABLE, INSERT, SELECT, UPDATE, DELETE, EXPLAIN of the
 * last three. A change is durable at the host when this returns success; when it fails with
 * AMT_UNAVAILABLE or AMT_IO in the middle of a change it may or may not have happened, and a new
 * session shows which. Errors with positions: AMT_SYNTAX, AMT_UNSUPPORTED, AMT_TYPE_MISMATCH,
 * AMT_OUT_OF_RANGE, AMT_NOT_FOUND, AMT_ALREADY_EXISTS. AMT_INTEGRITY: the answer is not what was
 * asked for; after three of these the session refuses to go on (AMT_CLOSED). The host is never
 * told that an answer could not be read. On success the caller frees *out. */
amt_status amt_execute(amt_session *session, const char *sql, amt_result **out);

/* Rows by their number (as SELECT shows none, this is for tools: row numbers are 0 to rows - 1).
 * Fetched as the session's fetch mode says. Deleted rows are left out. */
amt_status amt_get(amt_session *session, const char *table, const uint64_t *rows, size_t count,
	amt_result **out);

void amt_result_free(amt_result *result);

size_t amt_result_columns(const amt_result *result);
size_t amt_result_rows(const amt_result *result);
/* Strings live as long as the result. Type as in SQL: "bigint", "decimal(5,2)". */
const char *amt_result_column_name(const amt_result *result, size_t column);
const char *amt_result_column_type(const amt_result *result, size_t column);
/* Whether the values of the column are numbers (right-aligned in tables, bare in JSON). */
bool amt_result_column_is_number(const amt_result *result, size_t column);
/* The value as text, as PostgreSQL prints it; NULL for SQL's NULL. */
const char *amt_result_cell(const amt_result *result, size_t row, size_t column);
/* INSERT, UPDATE, DELETE: rows changed; SELECT: rows returned; else 0. */
uint64_t amt_result_affected(const amt_result *result);
/* EXPLAIN: the text, lines ending in line breaks; NULL otherwise. */
const char *amt_result_explanation(const amt_result *result);
/* What the statement was: "SELECT", "INSERT", "CREATE TABLE", ... */
const char *amt_result_statement(const amt_result *result);

typedef struct amt_statistics {
	uint64_t rows;		   /* of the table, that the host went through */
	uint64_t bootstraps;	   /* that the host counted */
	double host_ms, total_ms;  /* inside the host; of the whole call */
	uint64_t query_bytes;	   /* all bytes to the host, frames included */
	uint64_t answer_bytes;	   /* all bytes from the host but for progress */
	unsigned rounds;	   /* questions and answers; does not depend on data */
	double failure_bound_log2; /* log2 of the union bound over all bootstraps, or over all that a
				      scan computes, that any result is wrong; -inf if there was
				      neither */
	/* Of scans, all rounds together; else 0. */
	uint64_t pages;		   /* of rows, gone through */
	uint64_t pages_bytes;	   /* read of them */
	uint64_t relinearisations; /* products of ciphertexts, but for those with constants */
	unsigned levels;	   /* primes of the longest ciphertext */
	double prepare_ms;  /* of host_ms: keys and constants expanded, before the first page */
	double host_cpu_ms; /* of all threads of the host */
	double noise_margin_bits; /* the least distance to an error that was met */
	uint64_t host_peak_bytes; /* the most memory the host's process has had, then or before */
} amt_statistics;
void amt_result_statistics(const amt_result *result, amt_statistics *out);

/* ---- import, inspection ---------------------------------------------------------------------- */

typedef enum amt_header { AMT_HEADER_AUTO, AMT_HEADER_YES, AMT_HEADER_NO } amt_header;

typedef struct amt_import_options {
	amt_header header; /* AUTO: the first line is one if its fields are names of columns. With a
			      header, fields go to the columns they name, in any order; a column
			      that is not named is NULL */
	char delimiter;	   /* 0: comma */
	const char *null_text; /* unquoted spelling of NULL besides an empty field; NULL: none */
	const char *name;      /* of the input, for messages; NULL: "input" */
} amt_import_options;

/* Reads CSV (RFC 4180) from fd to its end and inserts all rows, in a random order so that the
 * order of the input is not shown to the host. All fields are read and checked before anything is
 * sent. Atomic up to 64 MiB of encrypted rows (some 250,000 of ordinary width); larger inputs are
 * inserted in atomic batches of that size, and an error then names how many rows are in. Errors:
 * AMT_TYPE_MISMATCH, AMT_OUT_OF_RANGE, AMT_SYNTAX with line and column, as amt_execute. options
 * may be NULL. *out (may be NULL) has affected rows and statistics. */
amt_status amt_import_csv(amt_session *session, const char *table, int fd,
	const amt_import_options *options, amt_result **out);

/* Brings the pages of a table with scan columns up to date: rows that are in none yet, as INSERT and
 * UPDATE leave them, go into pages; if rows were deleted, all others are written anew without them and
 * get other numbers. Atomic: the table is as it was until the last step, whatever its size (the rows
 * pass through the owner's memory). Errors: AMT_UNSUPPORTED (no scan column). *out (may be NULL): the
 * rows that went into pages, and statistics. */
amt_status amt_repack(amt_session *session, const char *table, amt_result **out);

/* Reads back everything that is stored of a table and checks it: every payload, every original
 * page's authentication code, every encrypted value's range, and that payloads and pages agree; scan
 * pages are fetched, decrypted and compared one by one.
 * AMT_INTEGRITY names the first thing that is wrong. *rows (may be NULL): how many were checked. */
amt_status amt_audit(amt_session *session, const char *table, uint64_t *rows);

typedef enum amt_format { AMT_FORMAT_TEXT, AMT_FORMAT_JSON } amt_format;

/* Copies every table of `from` to the database of `to`: read, checked and decrypted by the owner, and
 * encrypted anew under the key of `to`. That is how a database gets a new key: `to` is a session of the
 * new key with a new database, and the old one is deleted when this has succeeded. Deleted rows stay
 * behind; the others keep their order, not their numbers. *rows (may be NULL): how many. Errors:
 * AMT_ALREADY_EXISTS (`to` has a table of that name), those of both sessions. On an error the tables
 * that were begun are in `to`: delete it and begin again. */
amt_status amt_session_copy(amt_session *from, amt_session *to, uint64_t *rows);

/* What the database holds: tables, columns and forms, rows, epochs, bytes. Caller frees *text with
 * amt_text_free. */
amt_status amt_inspect(amt_session *session, amt_format format, char **text);

/* What a file of amaters is (key file, evaluation key, message, ...), from its header alone; needs
 * no key. */
amt_status amt_inspect_file(const char *path, amt_format format, char **text);
void amt_text_free(char *text);

#ifdef __cplusplus
}
#endif
#endif

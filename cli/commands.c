#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The text of a whole stream; the caller frees it. NULL on an error, which errno tells. */
static char *read_all(FILE *in)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t length = getdelim(&text, &size, '\0', in);
	if (length < 0 && ferror(in)) {
		free(text);
		return NULL;
	}
	return length < 0 ? strdup("") : text;
}

static int show(struct work *w, const struct options *o, amt_status s, amt_result *r)
{
	progress_end(&w->progress);
	int status = finish(s);
	if (status != EXIT_DONE)
		return status;
	print_result(stdout, r, (enum format)o->format);
	(void)fflush(stdout);
	amt_statistics statistics;
	amt_result_statistics(r, &statistics);
	if (!o->quiet && statistics.rounds > 0)
		print_statistics(stderr, r);
	if (o->stats_file != NULL && !save_statistics(o->stats_file, r))
		status = complain("write", o->stats_file);
	amt_result_free(r);
	return status;
}

static int execute_script(struct work *w, const struct options *o, const char *script)
{
	int status = EXIT_DONE;
	char *sql;
	while (status == EXIT_DONE && (sql = next_statement(&script)) != NULL) {
		amt_result *r = NULL;
		amt_status s = amt_execute(w->session, sql, &r);
		status = show(w, o, s, r);
		free(sql);
	}
	return status;
}

static int execute_file(struct work *w, const struct options *o, const char *path)
{
	bool is_stdin = path == NULL || strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "re");
	if (in == NULL)
		return complain("open", path);
	char *script = read_all(in);
	int status = script != NULL ? execute_script(w, o, script)
				    : complain("read", is_stdin ? "stdin" : path);
	free(script);
	if (!is_stdin)
		(void)fclose(in);
	return status;
}

/* ---- the commands ---- */

static int keygen(const struct options *o)
{
	if (o->key == NULL)
		return usage_error("--key FILE is missing");
	if (o->arguments > 0)
		return usage_error("keygen takes no arguments");
	if (!o->force && access(o->key, F_OK) == 0) {
		fprintf(stderr,
			"amaters: %s is there already; a key that is replaced is lost with "
			"all it encrypted (--force replaces it)\n",
			o->key);
		return EXIT_ERROR;
	}
	amt_passphrase *p = NULL;
	struct work w = {0};
	progress_start(&w.progress, o->quiet);
	int status = read_passphrase(&p, o->passphrase_file, o->passphrase_fd, true);
	if (status == EXIT_DONE)
		status = finish(amt_key_generate(&w.key, o->parameters));
	if (status == EXIT_DONE)
		status = finish(amt_key_save(w.key, o->key, amt_passphrase_bytes(p),
			amt_passphrase_size(p), &(amt_key_file_options){.overwrite = o->force}));
	amt_passphrase_free(p);
	if (status == EXIT_DONE && o->evaluation_key != NULL) {
		amt_status s = amt_key_export_evaluation(
			w.key, o->evaluation_key, progress_report, &w.progress);
		progress_end(&w.progress);
		status = finish(s);
	}
	if (status == EXIT_DONE)
		printf("key %s, parameters %s\n", amt_key_id(w.key), amt_key_parameters(w.key));
	return close_work(&w, status);
}

static int passphrase(const struct options *o)
{
	if (o->key == NULL || o->arguments > 0)
		return usage_error("passphrase takes --key FILE and no arguments");
	amt_passphrase *old = NULL, *new = NULL;
	int status = read_passphrase(&old, o->passphrase_file, o->passphrase_fd, false);
	if (status == EXIT_DONE)
		status = read_passphrase(&new, o->new_passphrase_file, o->new_passphrase_fd, true);
	if (status == EXIT_DONE)
		status = finish((is_folder(o->key) ? amt_key_store_change_passphrase
						   : amt_key_change_passphrase)(o->key,
			amt_passphrase_bytes(old), amt_passphrase_size(old),
			amt_passphrase_bytes(new), amt_passphrase_size(new)));
	amt_passphrase_free(old);
	amt_passphrase_free(new);
	return status;
}

static int create(const struct options *o)
{
	struct work w = {0};
	int status = open_session(&w, o, true, AMT_KEY_ENCRYPT);
	if (status == EXIT_DONE && o->schema != NULL)
		status = execute_file(&w, o, o->schema);
	for (int i = 0; i < o->arguments && status == EXIT_DONE; i++)
		status = execute_script(&w, o, o->argument[i]);
	return close_work(&w, status);
}

static int import(const struct options *o)
{
	if (o->arguments < 1 || o->arguments > 2)
		return usage_error("import takes a table and at most one file");
	if (o->delimiter != NULL && strlen(o->delimiter) != 1)
		return usage_error("--delimiter is one byte");
	const char *path = o->arguments == 2 ? o->argument[1] : "-";
	bool is_stdin = strcmp(path, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain("open", path);
	struct work w = {0};
	int status = open_session(&w, o, false, AMT_KEY_ENCRYPT);
	if (status == EXIT_DONE) {
		amt_result *r = NULL;
		amt_status s = amt_import_csv(w.session, o->argument[0], fd,
			&(amt_import_options){
				.header = (amt_header)o->header,
				.delimiter = o->delimiter != NULL ? o->delimiter[0] : ',',
				.null_text = o->null_text,
				.name = is_stdin ? "stdin" : path,
			},
			&r);
		status = show(&w, o, s, r);
	}
	if (!is_stdin)
		(void)close(fd);
	return close_work(&w, status);
}

static int repack(const struct options *o)
{
	if (o->arguments != 1)
		return usage_error("repack takes a table");
	struct work w = {0};
	int status = open_session(&w, o, false, AMT_KEY_DECRYPT);
	if (status == EXIT_DONE) {
		amt_result *r = NULL;
		amt_status s = amt_repack(w.session, o->argument[0], &r);
		status = show(&w, o, s, r);
	}
	return close_work(&w, status);
}

static int query(const struct options *o)
{
	struct work w = {0};
	int status = open_session(&w, o, false, AMT_KEY_DECRYPT);
	if (status == EXIT_DONE && o->arguments == 0)
		status = execute_file(&w, o, NULL);
	for (int i = 0; i < o->arguments && status == EXIT_DONE; i++)
		status = execute_script(&w, o, o->argument[i]);
	return close_work(&w, status);
}

static int get(const struct options *o)
{
	if (o->arguments < 2)
		return usage_error("get takes a table and numbers of rows");
	size_t count = (size_t)o->arguments - 1;
	uint64_t *rows = calloc(count, sizeof(*rows));
	if (rows == NULL)
		return complain("memory for", "row numbers");
	for (size_t i = 0; i < count; i++) {
		char *end;
		errno = 0;
		rows[i] = strtoull(o->argument[i + 1], &end, 10);
		if (errno != 0 || *end != '\0' || o->argument[i + 1][0] == '-') {
			free(rows);
			return usage_error("\"%s\" is not the number of a row", o->argument[i + 1]);
		}
	}
	struct work w = {0};
	int status = open_session(&w, o, false, AMT_KEY_DECRYPT);
	if (status == EXIT_DONE) {
		amt_result *r = NULL;
		amt_status s = amt_get(w.session, o->argument[0], rows, count, &r);
		status = show(&w, o, s, r);
	}
	free(rows);
	return close_work(&w, status);
}

static int print_inspection(amt_status s, char *text)
{
	int status = finish(s);
	if (status == EXIT_DONE)
		fputs(text, stdout);
	amt_text_free(text);
	return status;
}

static int inspect(const struct options *o)
{
	amt_format format = o->format == FORMAT_JSON ? AMT_FORMAT_JSON : AMT_FORMAT_TEXT;
	struct work w = {0};
	int status = EXIT_DONE;
	for (int i = 0; i < o->arguments && status == EXIT_DONE; i++) {
		char *text = NULL;
		amt_status s = amt_inspect_file(o->argument[i], format, &text);
		status = print_inspection(s, text);
	}
	if (o->arguments == 0)
		status = open_session(&w, o, false, AMT_KEY_DECRYPT);
	if (o->arguments == 0 && status == EXIT_DONE && o->audit == NULL) {
		char *text = NULL;
		amt_status s = amt_inspect(w.session, format, &text);
		status = print_inspection(s, text);
	}
	if (o->arguments == 0 && status == EXIT_DONE && o->audit != NULL) {
		uint64_t rows = 0;
		amt_status s = amt_audit(w.session, o->audit, &rows);
		progress_end(&w.progress);
		status = finish(s);
		if (status == EXIT_DONE)
			printf("%s: %llu rows, all authentic\n", o->audit,
				(unsigned long long)rows);
	}
	return close_work(&w, status);
}

/* From the old key's session to one of the new key, which of one key store is the active one. */
static int rekey(const struct options *o)
{
	struct options other = *o;
	struct work from = {0}, to = {0};
	if (o->arguments > 0 || o->database == NULL || o->new_db == NULL)
		return usage_error("rekey takes --db DIR and --new-db DIR, and no arguments");
	if (o->new_key != NULL)
		other.key = o->new_key;
	if (o->new_passphrase_file != NULL || o->new_passphrase_fd != NULL) {
		other.passphrase_file = o->new_passphrase_file;
		other.passphrase_fd = o->new_passphrase_fd;
	}
	other.key_id = other.memory = NULL;
	other.database = o->new_db;
	int status = open_session(&from, o, false, AMT_KEY_DECRYPT);
	if (status == EXIT_DONE)
		status = open_session(&to, &other, true, AMT_KEY_ENCRYPT);
	if (status == EXIT_DONE) {
		uint64_t rows = 0;
		amt_status s = amt_session_copy(from.session, to.session, &rows);
		progress_end(&from.progress);
		progress_end(&to.progress);
		status = finish(s);
		if (status == EXIT_DONE)
			printf("%llu rows from key %s to key %s\n", (unsigned long long)rows,
				amt_key_id(from.key), amt_key_id(to.key));
	}
	return close_work(&from, close_work(&to, status));
}

static int version(const struct options *o)
{
	if (o->arguments > 0)
		return usage_error("version takes no arguments");
	printf("amaters %s (kernels: %s)\n", amt_version(), amt_version_isa());
	return EXIT_DONE;
}

#define CONNECTION \
	" key key-id client db host threads key-cache memory passphrase-file passphrase-fd quiet "

const struct command command_table[] = {
	{"keygen", "", "Makes a key ring and wraps it under a passphrase",
		"The file is all that can read what is encrypted under it: keep a copy.\n", keygen,
		" key passphrase-file passphrase-fd parameters evaluation-key force quiet "},
	{"passphrase", "", "Changes the passphrase of a key file or key store",
		"Copies of the old file still open with the old passphrase.\n", passphrase,
		" key passphrase-file passphrase-fd new-passphrase-file new-passphrase-fd "},
	{"key", "ACTION [KEY]...",
		"Keeps the keys of clients: their life, and what happened to them",
		"--key names a folder, the key store; KEY is the beginning of a key's id.\n"
		"  create             makes a key for --client (and the store, if there is none)\n"
		"  list               all keys and their states\n"
		"  activate KEY       takes a created key into use\n"
		"  rotate KEY [NEW]   replaces an active key by a created one (else by a new one)\n"
		"  revoke KEY         ends a key; the store gives it out no more. With --db or --host that\n"
		"                     host deletes its evaluation keys and computes no more, for good\n"
		"  expire KEY         from now on it decrypts only\n"
		"  audit [HEAD]       checks and prints what happened, and whether HEAD is part of it\n"
		"Other commands take the folder as --key too, with --client or --key-id.\n",
		key_command,
		" key passphrase-file passphrase-fd parameters client expires note rotation-key format "
		"db host key-cache quiet "},
	{"evaluation-key", "FILE", "Writes an evaluation key, with which hosts compute",
		"Sessions make one by themselves when a database is new.\n", evaluation_key_command,
		" key key-id client passphrase-file passphrase-fd quiet "},
	{"public-key", "FILE", "Writes a public key, with which others encrypt for the owner",
		"Who exchanges the file on its way reads what is written with it.\n",
		public_key_command, " key key-id client passphrase-file passphrase-fd "},
	{"encrypt", "FILE [VALUE]...", "Encrypts integers with a public key",
		"Values are the arguments, or stdin's words. The host takes the file in with\n"
		"amatersd --convert; nobody but the owner reads it.\n",
		encrypt_command, " public-key type "},
	{"decrypt", "FILE", "Prints encrypted integers that a host wrote", "", decrypt_command,
		" key key-id client passphrase-file passphrase-fd "},
	{"rotation-key", "FILE",
		"Writes what a host needs to turn integers of an old key to a new one",
		"--key is the old key and --new-key the new one; of a key store, --key-id is the rotated\n"
		"key, and its successor the new one.\n",
		rotation_key_command,
		" key key-id client new-key passphrase-file passphrase-fd new-passphrase-file "
		"new-passphrase-fd "},
	{"create", "[SQL]...", "Makes a database, with tables",
		"The host gets an evaluation key (about 30 MB): it can compute with it, not read.\n",
		create, CONNECTION "evaluation-key schema format stats-file "},
	{"import", "TABLE [CSVFILE]", "Encrypts all rows of a CSV file into a table",
		"Without a file, or for '-', stdin is read. Rows are stored in random order.\n",
		import, CONNECTION "header delimiter null format stats-file "},
	{"query", "[SQL]...", "Runs SQL statements and prints what they give",
		"Without an argument, a script is read from stdin. EXPLAIN SELECT ... prints the plan\n"
		"and what the host learns.\n",
		query, CONNECTION "format fetch compare stats-file "},
	{"repack", "TABLE", "Puts all rows of a table with scan columns into scan pages",
		"INSERT and UPDATE leave rows outside of the pages, which are sent along with every answer;\n"
		"DELETE and UPDATE leave holes. With holes, all rows are written anew.\n",
		repack, CONNECTION "format stats-file "},
	{"get", "TABLE ROW...", "Prints rows by their number, 0 to rows - 1", "", get,
		CONNECTION "format fetch stats-file "},
	{"inspect", "[FILE]...", "Tells what a database holds, or what files of amaters are",
		"With files, no key is needed. With --audit, everything stored of a table is read back\n"
		"and checked.\n",
		inspect, CONNECTION "format audit "},
	{"rekey", "", "Copies a database to a new one under a new key",
		"--new-key is the new key; if it is left out, --key is a key store, --key-id the old key\n"
		"and the client's active key the new one. Everything is read, checked and encrypted anew\n"
		"here; the old database stays until you delete it.\n",
		rekey,
		" key key-id client new-key db new-db evaluation-key threads key-cache memory "
		"passphrase-file passphrase-fd new-passphrase-file new-passphrase-fd quiet "},
	{"version", "", "Prints the version and the kernels chosen on this machine", "", version,
		" "},
};
const unsigned command_count = sizeof(command_table) / sizeof(command_table[0]);

#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int exit_status(amt_code code)
{
	switch (code) {
	case AMT_OK:
		return EXIT_DONE;
	case AMT_INTEGRITY:
	case AMT_CORRUPTION:
	case AMT_TRUNCATED:
		return EXIT_INTEGRITY;
	case AMT_WRONG_KEY:
	case AMT_WRONG_PASSPHRASE:
	case AMT_FOREIGN_PARAMETERS:
		return EXIT_KEY;
	case AMT_UNAVAILABLE:
	case AMT_LOCKED:
		return EXIT_HOST;
	case AMT_CANCELLED:
		return EXIT_INTERRUPTED;
	default:
		return EXIT_ERROR;
	}
}

int finish(amt_status s)
{
	int result = exit_status(amt_status_code(s));
	if (!amt_ok(s)) {
		char text[4096];
		(void)amt_status_format(s, text, sizeof(text));
		fprintf(stderr, "amaters: %s\n", text);
		amt_status_clear(&s);
	}
	return result;
}

int complain(const char *what, const char *name)
{
	fprintf(stderr, "amaters: %s %s: %s\n", what, name, strerror(errno));
	return EXIT_ERROR;
}

int read_passphrase(amt_passphrase **out, const char *file, const char *fd, bool is_new)
{
	const char *where = fd != NULL ? fd : file;
	char *source = NULL;
	if (where != NULL && asprintf(&source, "%s:%s", fd != NULL ? "fd" : "file", where) < 0)
		return complain("memory for", where);
	int status = finish(amt_passphrase_read(
		out, source, is_new ? "New passphrase: " : "Passphrase: ", is_new));
	free(source);
	return status;
}

static int open_file(struct work *w, const struct options *o)
{
	amt_passphrase *p = NULL;
	int status = read_passphrase(&p, o->passphrase_file, o->passphrase_fd, false);
	if (status == EXIT_DONE)
		status = finish(amt_key_open(
			&w->key, o->key, amt_passphrase_bytes(p), amt_passphrase_size(p)));
	amt_passphrase_free(p);
	return status;
}

int open_store(struct work *w, const struct options *o)
{
	amt_passphrase *p = NULL;
	int status = read_passphrase(&p, o->passphrase_file, o->passphrase_fd, false);
	if (status == EXIT_DONE)
		status = finish(amt_key_store_open(
			&w->store, o->key, amt_passphrase_bytes(p), amt_passphrase_size(p), 0));
	amt_passphrase_free(p);
	return status;
}

int find_key(struct work *w, const char *start, char id[AMT_KEY_ID_TEXT])
{
	amt_key_info *keys = NULL;
	size_t count = 0, found = 0;
	int status = finish(amt_key_store_list(w->store, &keys, &count));
	for (size_t i = 0; i < count; i++)
		if (strncmp(keys[i].id, start, strlen(start)) == 0) {
			memcpy(id, keys[i].id, AMT_KEY_ID_TEXT);
			found++;
		}
	amt_key_store_free(keys);
	if (status == EXIT_DONE && found != 1) {
		fprintf(stderr, "amaters: %s in the key store begins with \"%s\"\n",
			found == 0 ? "no key" : "more than one key", start);
		status = EXIT_ERROR;
	}
	return status;
}

/* The active key of the client; of the only client that has one, if none is named. */
static int find_active(struct work *w, const char *client, char id[AMT_KEY_ID_TEXT])
{
	if (client != NULL)
		return finish(amt_key_store_active(w->store, client, id));
	amt_key_info *keys = NULL;
	size_t count = 0, found = 0;
	int status = finish(amt_key_store_list(w->store, &keys, &count));
	for (size_t i = 0; i < count; i++)
		if (keys[i].state == AMT_KEY_ACTIVE) {
			memcpy(id, keys[i].id, AMT_KEY_ID_TEXT);
			found++;
		}
	amt_key_store_free(keys);
	if (status == EXIT_DONE && found == 0) {
		fputs("amaters: no key in the key store is active\n", stderr);
		return EXIT_ERROR;
	}
	return status != EXIT_DONE || found == 1
		       ? status
		       : usage_error("several clients have active keys: --client or --key-id");
}

bool is_folder(const char *path)
{
	struct stat about;
	return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

int open_key(struct work *w, const struct options *o, amt_key_use use)
{
	char id[AMT_KEY_ID_TEXT];
	if (o->key == NULL)
		return usage_error("--key FILE is missing");
	if (!is_folder(o->key))
		return open_file(w, o);
	int status = open_store(w, o);
	if (status == EXIT_DONE)
		status = o->key_id != NULL ? find_key(w, o->key_id, id)
					   : find_active(w, o->client, id);
	return status == EXIT_DONE ? finish(amt_key_store_key(w->store, &w->key, id, use)) : status;
}

int open_session(struct work *w, const struct options *o, bool must_not_exist, amt_key_use use)
{
	progress_start(&w->progress, o->quiet);
	if (o->database == NULL && o->host == NULL)
		return usage_error("--db DIR or --host COMMAND is missing");
	int status = open_key(w, o, use);
	if (status != EXIT_DONE)
		return status;
	const char *memory = o->memory;
	if (memory == NULL) {
		bool one = w->store == NULL;
		if (asprintf(&w->memory, one ? "%s.memory" : "%s/%s.memory", o->key,
			    one ? "" : amt_key_id(w->key)) < 0)
			return complain("memory for", o->key);
		memory = w->memory;
	}
	status = finish(amt_session_open(
		&w->session, &(amt_session_options){
				     .key = w->key,
				     .database = o->host == NULL ? o->database : NULL,
				     .host_command = o->host,
				     .host_threads = (unsigned)o->threads,
				     .key_cache = o->key_cache,
				     .must_exist = !must_not_exist,
				     .must_not_exist = must_not_exist,
				     .evaluation_key = o->evaluation_key,
				     .memory = memory[0] != '\0' ? memory : NULL,
				     .fetch = (amt_fetch)o->fetch,
				     .scan_form = (amt_scan_form)o->compare,
				     .progress = progress_report,
				     .progress_context = &w->progress,
			     }));
	progress_end(&w->progress);
	return status;
}

int close_work(struct work *w, int status)
{
	amt_session_close(w->session);
	amt_key_free(w->key);
	amt_key_store_close(w->store);
	free(w->memory);
	if (fflush(stdout) != 0 || ferror(stdout))
		return complain("write", "stdout");
	return status;
}

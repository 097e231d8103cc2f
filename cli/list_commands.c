/* Lists of integers without a database: public keys, writing with them, reading, rotation keys. */
#include "cli.h"

#include <amaters/integer.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- files */

static int write_file(const char *path, const void *bytes, size_t size)
{
	bool is_stdout = strcmp(path, "-") == 0;
	FILE *out = is_stdout ? stdout : fopen(path, "wbe");
	if (out == NULL)
		return complain("open", path);
	bool good = fwrite(bytes, 1, size, out) == size;
	good = (is_stdout ? fflush(out) : fclose(out)) == 0 && good;
	return good ? EXIT_DONE : complain("write", path);
}

static int read_stream(FILE *in, const char *path, char **bytes, size_t *size)
{
	size_t room = 0, got;
	*bytes = NULL;
	*size = 0;
	do {
		if (*size == room) {
			room = room * 2 + 65536;
			char *more = realloc(*bytes, room);
			if (more == NULL)
				return complain("memory for", path);
			*bytes = more;
		}
		got = fread(*bytes + *size, 1, room - *size, in);
		*size += got;
	} while (got > 0);
	return ferror(in) ? complain("read", path) : EXIT_DONE;
}

static int read_file(const char *path, char **bytes, size_t *size)
{
	bool is_stdin = strcmp(path, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(path, "rbe");
	*bytes = NULL;
	if (in == NULL)
		return complain("open", path);
	int status = read_stream(in, path, bytes, size);
	if (!is_stdin)
		(void)fclose(in);
	return status;
}

static int write_made(const char *path, amt_status s, void *bytes, size_t size)
{
	int status = finish(s);
	if (status != EXIT_DONE)
		return status;
	status = write_file(path, bytes, size);
	amt_int_bytes_free(bytes);
	return status;
}

/* ---- keys */

int public_key_command(const struct options *o)
{
	if (o->arguments != 1)
		return usage_error("public-key takes the file to write");
	struct work w = {0};
	int status = open_key(&w, o, AMT_KEY_PREPARE);
	if (status == EXIT_DONE) {
		void *bytes = NULL;
		size_t size = 0;
		amt_status s = amt_int_public_key(w.key, &bytes, &size);
		status = write_made(o->argument[0], s, bytes, size);
	}
	return close_work(&w, status);
}

int evaluation_key_command(const struct options *o)
{
	if (o->arguments != 1)
		return usage_error("evaluation-key takes the file to write");
	struct work w = {0};
	progress_start(&w.progress, o->quiet);
	int status = open_key(&w, o, AMT_KEY_PREPARE);
	if (status == EXIT_DONE) {
		amt_status s = amt_key_export_evaluation(
			w.key, o->argument[0], progress_report, &w.progress);
		progress_end(&w.progress);
		status = finish(s);
	}
	return close_work(&w, status);
}

int write_rotation_key(const amt_key *old_key, const amt_key *new_key, const char *path)
{
	void *bytes = NULL;
	size_t size = 0;
	amt_status s = amt_int_rotation_key(old_key, new_key, &bytes, &size);
	return write_made(path, s, bytes, size);
}

/* From a rotated key of a store to its successor. */
static int rotation_in_store(struct work *w, const struct options *o)
{
	char id[AMT_KEY_ID_TEXT];
	amt_key *next = NULL;
	amt_key_info info = {0};
	if (o->key_id == NULL)
		return usage_error("--key-id: which key has been rotated?");
	int status = open_key(w, o, AMT_KEY_DECRYPT);
	if (status == EXIT_DONE)
		status = find_key(w, o->key_id, id);
	if (status == EXIT_DONE)
		status = look_up(w, id, &info);
	if (status == EXIT_DONE && info.state != AMT_KEY_ROTATED && info.state != AMT_KEY_EXPIRED)
		status = usage_error(
			"key %s is %s, not rotated", id, amt_key_state_name(info.state));
	if (status == EXIT_DONE)
		status = finish(amt_key_store_key(w->store, &next, info.other, AMT_KEY_PREPARE));
	if (status == EXIT_DONE)
		status = write_rotation_key(w->key, next, o->argument[0]);
	amt_key_free(next);
	return status;
}

static int rotation_of_files(struct work *w, const struct options *o)
{
	struct options other = *o;
	struct work next = {0};
	other.key = o->new_key;
	other.passphrase_file = o->new_passphrase_file;
	other.passphrase_fd = o->new_passphrase_fd;
	int status = open_key(w, o, AMT_KEY_DECRYPT);
	if (status == EXIT_DONE)
		status = open_key(&next, &other, AMT_KEY_PREPARE);
	if (status == EXIT_DONE)
		status = write_rotation_key(w->key, next.key, o->argument[0]);
	return close_work(&next, status);
}

int rotation_key_command(const struct options *o)
{
	if (o->arguments != 1)
		return usage_error("rotation-key takes the file to write");
	struct work w = {0};
	int status = o->new_key != NULL ? rotation_of_files(&w, o) : rotation_in_store(&w, o);
	return close_work(&w, status);
}

/* ---- values */

static const struct {
	const char *name;
	amt_int_type type;
	unsigned bits;
	bool is_signed;
} types[] = {{"bool", AMT_INT_BOOL, 1, false}, {"u8", AMT_INT_U8, 8, false},
	{"u16", AMT_INT_U16, 16, false}, {"u32", AMT_INT_U32, 32, false},
	{"u64", AMT_INT_U64, 64, false}, {"i8", AMT_INT_I8, 8, true},
	{"i16", AMT_INT_I16, 16, true}, {"i32", AMT_INT_I32, 32, true},
	{"i64", AMT_INT_I64, 64, true}};
enum { TYPES = sizeof(types) / sizeof(types[0]) };

static bool parse_value(const char *text, unsigned type, uint64_t *out)
{
	char *end;
	unsigned bits = types[type].bits;
	errno = 0;
	if (types[type].is_signed) {
		long long v = strtoll(text, &end, 10);
		*out = (uint64_t)v;
		if (bits < 64 && (v < -(1ll << (bits - 1)) || v >= 1ll << (bits - 1)))
			return false;
	} else {
		*out = strtoull(text, &end, 10);
		if (text[strspn(text, " \t")] == '-' || (bits < 64 && *out >> bits != 0))
			return false;
	}
	return errno == 0 && end != text && *end == '\0';
}

struct values {
	uint64_t *value;
	size_t count, room;
};

static int add_value(struct values *v, const char *text, unsigned type)
{
	if (v->count == v->room) {
		size_t room = v->room * 2 + 64;
		uint64_t *more = realloc(v->value, room * sizeof(*more));
		if (more == NULL)
			return complain("memory for", "values");
		v->value = more;
		v->room = room;
	}
	if (!parse_value(text, type, &v->value[v->count]))
		return usage_error("\"%s\" is not a value of %s", text, types[type].name);
	v->count++;
	return EXIT_DONE;
}

/* The arguments behind the file, else stdin, one value a word. */
static int collect(struct values *v, const struct options *o, unsigned type)
{
	int status = EXIT_DONE;
	for (int i = 1; i < o->arguments && status == EXIT_DONE; i++)
		status = add_value(v, o->argument[i], type);
	char *text = NULL, *rest = NULL;
	size_t size = 0;
	if (o->arguments == 1) {
		status = read_file("-", &text, &size);
		if (status == EXIT_DONE) {
			char *more = realloc(text, size + 1);
			if (more == NULL)
				status = complain("memory for", "values");
			else {
				text = more;
				text[size] = '\0';
			}
		}
		char *word = status == EXIT_DONE ? strtok_r(text, " \t\r\n,", &rest) : NULL;
		for (; word != NULL && status == EXIT_DONE;
			word = strtok_r(NULL, " \t\r\n,", &rest))
			status = add_value(v, word, type);
	}
	free(text);
	if (status == EXIT_DONE && v->count == 0)
		status = usage_error("there are no values");
	return status;
}

static int encrypt_values(
	const char *public_key, const char *path, unsigned type, const struct values *v)
{
	char *file;
	size_t size = 0, made_size = 0;
	void *made = NULL;
	amt_public_key *key = NULL;
	int status = read_file(public_key, &file, &size);
	if (status == EXIT_DONE)
		status = finish(amt_public_key_read(&key, file, size));
	free(file);
	if (status == EXIT_DONE) {
		amt_status s = amt_int_encrypt_public(
			&made, &made_size, key, types[type].type, v->value, v->count);
		status = write_made(path, s, made, made_size);
	}
	amt_public_key_free(key);
	return status;
}

int encrypt_command(const struct options *o)
{
	unsigned type = 0;
	struct values v = {0};
	if (o->public_key == NULL || o->type == NULL || o->arguments < 1)
		return usage_error(
			"encrypt takes --public-key FILE, --type TYPE and the file to write");
	while (type < TYPES && strcmp(o->type, types[type].name) != 0)
		type++;
	if (type == TYPES)
		return usage_error("--type is bool, u8 to u64 or i8 to i64");
	int status = collect(&v, o, type);
	if (status == EXIT_DONE)
		status = encrypt_values(o->public_key, o->argument[0], type, &v);
	free(v.value);
	return status;
}

static int print_values(struct work *w, const amt_int_array *array)
{
	size_t count = amt_int_array_count(array);
	uint64_t *values = calloc(count, sizeof(*values));
	bool is_signed = false;
	if (values == NULL)
		return complain("memory for", "values");
	for (unsigned i = 0; i < TYPES; i++)
		if (types[i].type == amt_int_array_type(array))
			is_signed = types[i].is_signed;
	int status = finish(amt_int_decrypt(w->key, array, values));
	for (size_t i = 0; i < count && status == EXIT_DONE; i++)
		if (is_signed)
			printf("%lld\n", (long long)values[i]);
		else
			printf("%llu\n", (unsigned long long)values[i]);
	free(values);
	return status;
}

int decrypt_command(const struct options *o)
{
	if (o->arguments != 1)
		return usage_error("decrypt takes a file");
	struct work w = {0};
	char *file = NULL;
	size_t size = 0;
	amt_int_array *array = NULL;
	int status = open_key(&w, o, AMT_KEY_DECRYPT);
	if (status == EXIT_DONE)
		status = read_file(o->argument[0], &file, &size);
	if (status == EXIT_DONE)
		status = finish(amt_int_read(&array, file, size));
	free(file);
	if (status == EXIT_DONE)
		status = print_values(&w, array);
	amt_int_array_free(array);
	return close_work(&w, status);
}

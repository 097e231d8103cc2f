/* amatersd --convert: one list of integers in, one out, without a database. */
#include "convert.h"

#include <amaters/integer.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct file {
	char *bytes;
	size_t size;
};

/* As in amaters/status.h: the caller decides about the exit status. */
static amt_code complain(amt_status s)
{
	amt_code code = amt_status_code(s);
	if (!amt_ok(s)) {
		char text[4096];
		(void)amt_status_format(s, text, sizeof(text));
		fprintf(stderr, "amatersd: %s\n", text);
		amt_status_clear(&s);
	}
	return code;
}

static amt_code complain_of(const char *what, const char *path)
{
	fprintf(stderr, "amatersd: %s %s: %s\n", what, path, strerror(errno));
	return AMT_IO;
}

static amt_code fill(struct file *out, FILE *in, const char *path)
{
	size_t room = 0, got;
	do {
		if (out->size == room) {
			room = room * 2 + 65536;
			char *more = realloc(out->bytes, room);
			if (more == NULL)
				return complain_of("memory for", path);
			out->bytes = more;
		}
		got = fread(out->bytes + out->size, 1, room - out->size, in);
		out->size += got;
	} while (got > 0);
	return ferror(in) ? complain_of("read", path) : AMT_OK;
}

static amt_code read_file(struct file *out, const char *path)
{
	*out = (struct file){0};
	FILE *in = fopen(path, "rbe");
	if (in == NULL)
		return complain_of("open", path);
	amt_code code = fill(out, in, path);
	(void)fclose(in);
	return code;
}

static amt_code write_file(const char *path, const void *bytes, size_t size)
{
	FILE *out = fopen(path, "wbe");
	if (out == NULL)
		return complain_of("open", path);
	bool good = fwrite(bytes, 1, size, out) == size;
	good = fclose(out) == 0 && good;
	return good ? AMT_OK : complain_of("write", path);
}

/* What a writer sent, or a list of integers, of the host's key or an old one. */
static amt_code take(amt_int_host *host, const struct file *list, bool rotate, amt_int_array **out)
{
	amt_int_array *array = NULL;
	amt_status s = amt_int_ingest(host, out, list->bytes, list->size);
	if (amt_status_code(s) != AMT_TYPE_MISMATCH)
		return complain(s);
	amt_status_clear(&s);
	amt_code code = complain(amt_int_read(&array, list->bytes, list->size));
	if (code != AMT_OK || !rotate) {
		*out = array;
		return code;
	}
	code = complain(amt_int_rotate(host, out, array));
	amt_int_array_free(array);
	return code;
}

static amt_code convert(amt_int_host *host, const struct conversion *c, const struct file *list)
{
	amt_int_array *array = NULL;
	void *bytes = NULL;
	size_t size = 0;
	amt_code code = take(host, list, c->rotation_key != NULL, &array);
	if (code == AMT_OK)
		code = complain(c->compress ? amt_int_compress(host, array, &bytes, &size)
					    : amt_int_write(array, &bytes, &size));
	if (code == AMT_OK)
		code = write_file(c->to, bytes, size);
	amt_int_array_free(array);
	amt_int_bytes_free(bytes);
	return code;
}

static amt_code accept_rotation(amt_int_host *host, const char *path)
{
	struct file key;
	if (path == NULL)
		return AMT_OK;
	amt_code code = read_file(&key, path);
	if (code == AMT_OK)
		code = complain(amt_int_host_accept(host, key.bytes, key.size));
	free(key.bytes);
	return code;
}

amt_code convert_list(const struct conversion *c)
{
	struct file key, list = {0};
	amt_int_host *host = NULL;
	amt_code code = read_file(&key, c->evaluation_key);
	if (code == AMT_OK)
		code = read_file(&list, c->from);
	if (code == AMT_OK)
		code = complain(
			amt_int_host_open(&host, key.bytes, key.size, c->key_cache, c->threads));
	free(key.bytes);
	if (code == AMT_OK)
		code = accept_rotation(host, c->rotation_key);
	if (code == AMT_OK)
		code = convert(host, c, &list);
	free(list.bytes);
	amt_int_host_free(host);
	return code;
}

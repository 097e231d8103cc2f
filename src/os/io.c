/* The rules every back end shares: loops over short transfers, poisoned handles, whole files. */
#include "os/io.h"

#include "base/alloc.h"

#include <stdlib.h>

enum { PARTS_AT_ONCE = 64 };

void io_free(struct io *io)
{
	if (io != NULL)
		io->functions->free(io);
}

amt_status io_file_init(struct io_file *f, struct io *io, const char *path)
{
	*f = (struct io_file){.functions = io->functions, .io = io};
	return mem_strdup(&f->path, path);
}

amt_status io_open(struct io *io, const char *path, unsigned flags, struct io_file **out)
{
	return io->functions->open(io, path, flags, out);
}

amt_status io_lock(struct io *io, const char *path, struct io_file **out)
{
	return io->functions->lock(io, path, out);
}

void io_close(struct io_file *f)
{
	if (f == NULL)
		return;
	char *path = f->path;
	f->functions->close(f);
	mem_free(path);
}

amt_status io_read(struct io_file *f, uint64_t offset, void *data, size_t size, size_t *got)
{
	*got = 0;
	while (*got < size) {
		size_t n;
		TRY(f->functions->read_some(
			f, offset + *got, (uint8_t *)data + *got, size - *got, &n));
		if (n == 0)
			break;
		*got += n;
	}
	return STATUS_OK;
}

amt_status io_read_exact(struct io_file *f, uint64_t offset, void *data, size_t size)
{
	size_t got;
	TRY(io_read(f, offset, data, size, &got));
	ENSURE(got == size, AMT_TRUNCATED, "%s: %zu bytes at %llu, %zu there", f->path, size,
		(unsigned long long)offset, got);
	return STATUS_OK;
}

void io_will_read(struct io_file *f, uint64_t offset, uint64_t size)
{
	if (f->functions->will_read != NULL)
		f->functions->will_read(f, offset, size);
}

static amt_status ensure_sound(struct io_file *f)
{
	ENSURE(!atomic_load(&f->poisoned), AMT_IO, "%s: an earlier sync failed", f->path);
	return STATUS_OK;
}

amt_status io_write(struct io_file *f, uint64_t offset, const struct span *parts, size_t count)
{
	TRY(ensure_sound(f));
	size_t index = 0, skip = 0; /* what is written: parts below index, skip bytes of this one */
	for (;;) {
		struct span rest[PARTS_AT_ONCE];
		size_t n = 0, asked = 0;
		for (size_t i = index; i < count && n < PARTS_AT_ONCE; i++) {
			size_t from = i == index ? skip : 0;
			if (parts[i].size > from)
				rest[n++] = span_of(parts[i].data + from, parts[i].size - from);
			asked += parts[i].size - from;
		}
		if (n == 0)
			return STATUS_OK;
		size_t written;
		TRY(f->functions->write_some(f, offset, rest, n, &written));
		ENSURE(written > 0 && written <= asked, AMT_IO,
			"%s: a write of %zu bytes wrote %zu", f->path, asked, written);
		offset += written;
		for (written += skip; index < count && written >= parts[index].size; index++)
			written -= parts[index].size;
		skip = written;
	}
}

amt_status io_sync(struct io_file *f)
{
	TRY(ensure_sound(f));
	amt_status s = f->functions->sync(f);
	if (!amt_ok(s))
		atomic_store(&f->poisoned, true);
	return s;
}

amt_status io_size(struct io_file *f, uint64_t *out)
{
	return f->functions->size(f, out);
}

amt_status io_truncate(struct io_file *f, uint64_t size)
{
	TRY(ensure_sound(f));
	return f->functions->truncate(f, size);
}

amt_status io_preallocate(struct io_file *f, uint64_t size)
{
	TRY(ensure_sound(f));
	return f->functions->preallocate(f, size);
}

amt_status io_rename(struct io *io, const char *from, const char *to)
{
	return io->functions->rename(io, from, to);
}

amt_status io_remove(struct io *io, const char *path)
{
	return io->functions->remove(io, path);
}

amt_status io_make_folder(struct io *io, const char *path)
{
	return io->functions->make_folder(io, path);
}

amt_status io_sync_folder(struct io *io, const char *path)
{
	return io->functions->sync_folder(io, path);
}

amt_status io_sync_parent(struct io *io, const char *path)
{
	size_t length = strlen(path);
	while (length > 1 && path[length - 1] == '/')
		length--;
	while (length > 0 && path[length - 1] != '/')
		length--;
	while (length > 1 && path[length - 1] == '/')
		length--;
	if (length == 0)
		return io_sync_folder(io, ".");
	char *parent;
	TRY(mem_dup(&parent, path, length + 1));
	parent[length] = '\0';
	amt_status s = io_sync_folder(io, parent);
	mem_free(parent);
	return s;
}

amt_status io_list(struct io *io, const char *path, struct io_names *out)
{
	*out = (struct io_names){0};
	amt_status s = io->functions->list(io, path, out);
	if (amt_ok(s))
		io_names_sort(out);
	else
		io_names_free(out);
	return s;
}

amt_status io_names_add(struct io_names *names, const char *name)
{
	TRY(mem_grow(&names->names, (names->count + 1) * sizeof(*names->names)));
	TRY(mem_strdup(&names->names[names->count], name));
	names->count++;
	return STATUS_OK;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void io_names_sort(struct io_names *names)
{
	if (names->count > 1)
		qsort(names->names, names->count, sizeof(*names->names), compare_names);
}

void io_names_free(struct io_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		mem_free(names->names[i]);
	mem_free(names->names);
	*names = (struct io_names){0};
}

amt_status io_exists(struct io *io, const char *path, bool *out)
{
	struct io_file *f;
	amt_status s = io_open(io, path, IO_READ, &f);
	*out = amt_ok(s);
	if (amt_ok(s))
		io_close(f);
	else if (amt_status_code(s) == AMT_NOT_FOUND)
		amt_status_clear(&s);
	return s;
}

amt_status io_read_file(struct io *io, const char *path, size_t max, struct buf *out)
{
	struct io_file *f;
	TRY(io_open(io, path, IO_READ, &f));
	uint64_t size;
	uint8_t *at;
	size_t before = out->size;
	amt_status s = io_size(f, &size);
	if (amt_ok(s) && size > max)
		s = ERROR(AMT_LIMIT, "%s: %llu bytes, at most %zu expected", path,
			(unsigned long long)size, max);
	if (amt_ok(s))
		s = buf_extend(out, (size_t)size, &at);
	if (amt_ok(s))
		s = io_read_exact(f, 0, at, (size_t)size);
	if (!amt_ok(s))
		out->size = before;
	io_close(f);
	return s;
}

static amt_status write_and_sync(struct io *io, const char *path, struct span data, unsigned flags)
{
	struct io_file *f;
	TRY(io_open(io, path, IO_WRITE | IO_CREATE | IO_EXCLUSIVE | (flags & IO_PRIVATE), &f));
	amt_status s = io_write(f, 0, &data, 1);
	if (amt_ok(s))
		s = io_sync(f);
	io_close(f);
	return s;
}

amt_status io_write_file_atomic(struct io *io, const char *path, struct span data, unsigned flags)
{
	struct buf temp = {0};
	amt_status s = buf_printf(&temp, "%s.tmp", path);
	const char *name = (const char *)temp.data;
	if (amt_ok(s)) { /* what a crash left behind must not lend us its permissions */
		s = io_remove(io, name);
		if (amt_status_code(s) == AMT_NOT_FOUND)
			amt_status_clear(&s);
	}
	if (amt_ok(s))
		s = write_and_sync(io, name, data, flags);
	if (amt_ok(s)) {
		s = io_rename(io, name, path);
		if (amt_ok(s))
			s = io_sync_parent(io, path);
		else
			status_drop(io_remove(io, name));
	}
	buf_free(&temp);
	return s;
}

amt_status io_write_file_new(struct io *io, const char *path, struct span data, unsigned flags)
{
	bool exists;
	TRY(io_exists(io, path, &exists));
	ENSURE(!exists, AMT_ALREADY_EXISTS, "%s exists", path);
	return io_write_file_atomic(io, path, data, flags);
}

amt_status io_path(char **out, const char *folder, const char *name)
{
	size_t length = strlen(folder), more = strlen(name);
	bool slash = length > 0 && folder[length - 1] != '/';
	TRY(mem_alloc(out, length + slash + more + 1));
	memcpy(*out, folder, length);
	if (slash)
		(*out)[length] = '/';
	memcpy(*out + length + slash, name, more + 1);
	return STATUS_OK;
}

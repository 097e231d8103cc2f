#include "os/io_memory.h"

#include "base/alloc.h"
#include "os/memory_fs.h"

#include <pthread.h>

struct memory_io {
	struct io base;
	pthread_mutex_t lock;
	struct memory_fs fs;
};

struct memory_file {
	struct io_file base;
	struct memory_node *node;
	bool holds_lock;
};

static struct memory_io *enter(struct io *io)
{
	struct memory_io *m = (struct memory_io *)io;
	pthread_mutex_lock(&m->lock);
	return m;
}

static amt_status leave(struct memory_io *m, amt_status s)
{
	pthread_mutex_unlock(&m->lock);
	return s;
}

static struct memory_node *node_of(struct io_file *f)
{
	return ((struct memory_file *)f)->node;
}

static amt_status open_node(
	struct io *io, const char *path, unsigned flags, bool lock, struct io_file **out)
{
	struct memory_file *f;
	bool made;
	TRY(mem_zalloc(&f, sizeof(*f)));
	amt_status s = io_file_init(&f->base, io, path);
	if (!amt_ok(s)) {
		mem_free(f);
		return s;
	}
	struct memory_io *m = enter(io);
	s = memory_open(&m->fs, path, flags, &f->node, &made);
	if (amt_ok(s) && lock && f->node->is_locked) {
		memory_node_unref(f->node);
		s = ERROR(AMT_LOCKED, "%s is held", path);
	} else if (amt_ok(s) && lock) {
		f->holds_lock = f->node->is_locked = true;
	}
	(void)leave(m, STATUS_OK);
	if (!amt_ok(s)) {
		mem_free(f->base.path);
		mem_free(f);
		return s;
	}
	*out = &f->base;
	return s;
}

static amt_status open_file(struct io *io, const char *path, unsigned flags, struct io_file **out)
{
	return open_node(io, path, flags, false, out);
}

static amt_status lock_file(struct io *io, const char *path, struct io_file **out)
{
	return open_node(io, path, IO_WRITE | IO_CREATE, true, out);
}

static void close_file(struct io_file *f)
{
	struct memory_io *m = enter(f->io);
	if (((struct memory_file *)f)->holds_lock)
		node_of(f)->is_locked = false;
	memory_node_unref(node_of(f));
	(void)leave(m, STATUS_OK);
	mem_free(f);
}

static amt_status rename_file(struct io *io, const char *from, const char *to)
{
	struct memory_io *m = enter(io);
	return leave(m, memory_rename(&m->fs, from, to));
}

static amt_status remove_file(struct io *io, const char *path)
{
	struct memory_io *m = enter(io);
	return leave(m, memory_remove(&m->fs, path));
}

static amt_status make_folder(struct io *io, const char *path)
{
	struct memory_io *m = enter(io);
	return leave(m, memory_make_folder(&m->fs, path));
}

static amt_status sync_folder(struct io *io, const char *path)
{
	struct memory_io *m = enter(io);
	bool found = memory_has_folder(&m->fs, path, strlen(path));
	return leave(m, found ? STATUS_OK : ERROR(AMT_NOT_FOUND, "sync folder %s", path));
}

static amt_status list(struct io *io, const char *path, struct io_names *out)
{
	struct memory_io *m = enter(io);
	return leave(m, memory_list(&m->fs, path, out));
}

static void free_io(struct io *io)
{
	struct memory_io *m = (struct memory_io *)io;
	memory_clear(&m->fs);
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

static amt_status read_some(
	struct io_file *f, uint64_t offset, void *data, size_t size, size_t *got)
{
	struct memory_io *m = enter(f->io);
	*got = memory_node_read(node_of(f), offset, data, size);
	return leave(m, STATUS_OK);
}

static amt_status write_some(
	struct io_file *f, uint64_t offset, const struct span *parts, size_t count, size_t *written)
{
	struct memory_io *m = enter(f->io);
	*written = 0;
	for (size_t i = 0; i < count; i++)
		*written += parts[i].size;
	return leave(m, memory_node_write(node_of(f), offset, parts, count));
}

static amt_status sync_file(struct io_file *f)
{
	(void)f;
	return STATUS_OK;
}

static amt_status size_of(struct io_file *f, uint64_t *out)
{
	struct memory_io *m = enter(f->io);
	*out = node_of(f)->bytes.size;
	return leave(m, STATUS_OK);
}

static amt_status truncate_file(struct io_file *f, uint64_t size)
{
	struct memory_io *m = enter(f->io);
	return leave(m, memory_node_resize(node_of(f), size));
}

static amt_status preallocate(struct io_file *f, uint64_t size)
{
	struct memory_io *m = enter(f->io);
	bool grows = size > node_of(f)->bytes.size;
	return leave(m, grows ? memory_node_resize(node_of(f), size) : STATUS_OK);
}

amt_status io_memory_new(struct io **out)
{
	static const struct io_functions functions = {
		.name = "memory",
		.open = open_file,
		.lock = lock_file,
		.rename = rename_file,
		.remove = remove_file,
		.make_folder = make_folder,
		.sync_folder = sync_folder,
		.list = list,
		.free = free_io,
		.read_some = read_some,
		.write_some = write_some,
		.sync = sync_file,
		.size = size_of,
		.truncate = truncate_file,
		.preallocate = preallocate,
		.close = close_file,
	};
	struct memory_io *m;
	TRY(mem_zalloc(&m, sizeof(*m)));
	m->base.functions = &functions;
	pthread_mutex_init(&m->lock, NULL);
	*out = &m->base;
	return STATUS_OK;
}

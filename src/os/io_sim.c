#include "os/io_sim.h"

#include "base/alloc.h"
#include "os/memory_fs.h"

#include <pthread.h>

enum { SECTOR = 512 };

/* A name changed and its folder is not synced yet. */
struct change {
	char *from; /* NULL unless a name goes */
	char *to;   /* NULL unless a name comes */
	struct memory_node *node;
};

struct sim_io {
	struct io base;
	pthread_mutex_t lock;
	struct memory_fs live, durable;
	struct change *changes; /* in order */
	size_t count;
	uint64_t random;
	uint64_t calls, fail_at, kill_at, capacity;
	bool killed, short_transfers;
	size_t open_files;
};

struct sim_file {
	struct io_file base;
	struct memory_node *node;
	bool holds_lock;
};

static uint64_t draw(struct sim_io *m, uint64_t below)
{
	uint64_t z = m->random += 0x9e3779b97f4a7c15u; /* splitmix64 */
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % below;
}

static struct sim_io *enter(struct io *io)
{
	struct sim_io *m = (struct sim_io *)io;
	pthread_mutex_lock(&m->lock);
	return m;
}

static amt_status leave(struct sim_io *m, amt_status s)
{
	pthread_mutex_unlock(&m->lock);
	return s;
}

enum fate { HAPPENS, FAILS_CLEAN, FAILS_AFTER };

/* Counts a call and decides on it. */
static enum fate fate_of(struct sim_io *m)
{
	m->calls++;
	if (m->killed || m->calls == m->fail_at)
		return FAILS_CLEAN;
	if (m->kill_at == 0 || m->calls != m->kill_at)
		return HAPPENS;
	m->killed = true;
	return draw(m, 2) ? FAILS_AFTER : FAILS_CLEAN;
}

static amt_status injected(const char *what, const char *path)
{
	FAIL(AMT_IO, "%s %s: injected", what, path);
}

#define FATE(m, what, path)          \
	enum fate fate = fate_of(m); \
	if (fate == FAILS_CLEAN)     \
	return leave(m, injected(what, path))
#define FINISH(m, what, path, status)                       \
	do {                                                \
		amt_status finish_ = (status);              \
		if (amt_ok(finish_) && fate == FAILS_AFTER) \
			finish_ = injected(what, path);     \
		return leave(m, finish_);                   \
	} while (0)

static struct memory_node *node_of(struct io_file *f)
{
	return ((struct sim_file *)f)->node;
}

static void drop_change(struct change *c)
{
	mem_free(c->from);
	mem_free(c->to);
	if (c->node != NULL)
		memory_node_unref(c->node);
}

static amt_status note(struct sim_io *m, const char *from, const char *to, struct memory_node *node)
{
	struct change c = {0};
	TRY(mem_grow(&m->changes, (m->count + 1) * sizeof(*m->changes)));
	amt_status s = from != NULL ? mem_strdup(&c.from, from) : STATUS_OK;
	if (amt_ok(s) && to != NULL)
		s = mem_strdup(&c.to, to);
	if (!amt_ok(s)) {
		drop_change(&c);
		return s;
	}
	c.node = node;
	memory_node_ref(node);
	m->changes[m->count++] = c;
	return s;
}

/* Makes a change durable. */
static amt_status settle(struct sim_io *m, const struct change *c)
{
	if (c->from != NULL && memory_find(&m->durable, c->from) == c->node)
		memory_unlink(&m->durable, c->from);
	return c->to != NULL ? memory_link(&m->durable, c->to, c->node) : STATUS_OK;
}

static amt_status open_node(struct io *io, const char *path, unsigned flags, bool lock,
	const char *what, struct io_file **out)
{
	struct sim_file *f;
	bool made;
	TRY(mem_zalloc(&f, sizeof(*f)));
	amt_status s = io_file_init(&f->base, io, path);
	if (!amt_ok(s)) {
		mem_free(f);
		return s;
	}
	struct sim_io *m = enter(io);
	enum fate fate = fate_of(m);
	if (fate == FAILS_CLEAN) {
		s = injected(what, path);
	} else {
		s = memory_open(&m->live, path, flags, &f->node, &made);
		if (amt_ok(s) && made)
			s = note(m, NULL, path, f->node);
		if (amt_ok(s) && fate == FAILS_AFTER)
			s = injected(what, path);
		else if (amt_ok(s) && lock && f->node->is_locked)
			s = ERROR(AMT_LOCKED, "%s is held", path);
		if (!amt_ok(s) && f->node != NULL)
			memory_node_unref(f->node);
	}
	if (amt_ok(s)) {
		m->open_files++;
		if (lock)
			f->holds_lock = f->node->is_locked = true;
		*out = &f->base;
	} else {
		mem_free(f->base.path);
		mem_free(f);
	}
	return leave(m, s);
}

static amt_status open_file(struct io *io, const char *path, unsigned flags, struct io_file **out)
{
	return open_node(io, path, flags, false, "open", out);
}

static amt_status lock_file(struct io *io, const char *path, struct io_file **out)
{
	return open_node(io, path, IO_WRITE | IO_CREATE, true, "lock", out);
}

static void close_file(struct io_file *f)
{
	struct sim_io *m = enter(f->io);
	if (((struct sim_file *)f)->holds_lock)
		node_of(f)->is_locked = false;
	memory_node_unref(node_of(f));
	m->open_files--;
	(void)leave(m, STATUS_OK);
	mem_free(f);
}

static amt_status rename_file(struct io *io, const char *from, const char *to)
{
	struct sim_io *m = enter(io);
	FATE(m, "rename", from);
	struct memory_node *n = memory_find(&m->live, from);
	amt_status s = memory_rename(&m->live, from, to);
	if (amt_ok(s))
		s = note(m, from, to, n);
	FINISH(m, "rename", from, s);
}

static amt_status remove_file(struct io *io, const char *path)
{
	struct sim_io *m = enter(io);
	FATE(m, "remove", path);
	struct memory_node *n = memory_find(&m->live, path);
	amt_status s = n != NULL ? note(m, path, NULL, n) : STATUS_OK;
	if (amt_ok(s))
		s = memory_remove(&m->live, path);
	FINISH(m, "remove", path, s);
}

static amt_status make_folder(struct io *io, const char *path)
{
	struct sim_io *m = enter(io);
	FATE(m, "make folder", path);
	amt_status s = memory_make_folder(&m->live, path);
	if (amt_ok(s))
		s = note(m, NULL, path, memory_find(&m->live, path));
	FINISH(m, "make folder", path, s);
}

static bool is_in(const char *path, const char *folder, size_t length)
{
	if (path == NULL || memory_parent(path) != length)
		return false;
	return memcmp(path, folder, length) == 0;
}

static amt_status sync_folder(struct io *io, const char *path)
{
	struct sim_io *m = enter(io);
	FATE(m, "sync folder", path);
	size_t length = strcmp(path, ".") == 0 ? 0 : strlen(path), kept = 0;
	while (length > 0 && path[length - 1] == '/')
		length--;
	amt_status s = STATUS_OK;
	for (size_t i = 0; i < m->count; i++) {
		struct change *c = &m->changes[i];
		if (amt_ok(s) && (is_in(c->to, path, length) || is_in(c->from, path, length))) {
			s = settle(m, c);
			drop_change(c);
		} else {
			m->changes[kept++] = *c;
		}
	}
	m->count = kept;
	FINISH(m, "sync folder", path, s);
}

static amt_status list(struct io *io, const char *path, struct io_names *out)
{
	struct sim_io *m = enter(io);
	FATE(m, "list", path);
	FINISH(m, "list", path, memory_list(&m->live, path, out));
}

static void free_io(struct io *io)
{
	struct sim_io *m = (struct sim_io *)io;
	while (m->count > 0)
		drop_change(&m->changes[--m->count]);
	mem_free(m->changes);
	memory_clear(&m->live);
	memory_clear(&m->durable);
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

static amt_status read_some(
	struct io_file *f, uint64_t offset, void *data, size_t size, size_t *got)
{
	struct sim_io *m = enter(f->io);
	FATE(m, "read", f->path);
	if (m->short_transfers && size > 1)
		size = 1 + (size_t)draw(m, size);
	*got = memory_node_read(node_of(f), offset, data, size);
	FINISH(m, "read", f->path, STATUS_OK);
}

/* Whether the disk takes `more` bytes; call with the lock held. */
static bool has_space(const struct sim_io *m, uint64_t more)
{
	uint64_t used = 0;
	if (m->capacity == 0 || more == 0)
		return true;
	for (size_t i = 0; i < m->live.count; i++)
		used += m->live.names[i].node->bytes.size;
	return used + more <= m->capacity;
}

static uint64_t growth(const struct memory_node *n, uint64_t size)
{
	return size > n->bytes.size ? size - n->bytes.size : 0;
}

static amt_status write_some(
	struct io_file *f, uint64_t offset, const struct span *parts, size_t count, size_t *written)
{
	struct sim_io *m = enter(f->io);
	FATE(m, "write", f->path);
	size_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += parts[i].size;
	if (total > 1 && (m->short_transfers || fate == FAILS_AFTER))
		total = 1 + (size_t)draw(m, total);
	if (!has_space(m, growth(node_of(f), offset + total)))
		return leave(m, ERROR(AMT_DISK_FULL, "write %s: the disk is full", f->path));
	amt_status s = STATUS_OK;
	*written = total;
	for (size_t i = 0; i < count && total > 0 && amt_ok(s); i++) {
		size_t size = parts[i].size < total ? parts[i].size : total;
		const struct span part = span_of(parts[i].data, size);
		s = memory_node_write(node_of(f), offset, &part, 1);
		offset += size;
		total -= size;
	}
	FINISH(m, "write", f->path, s);
}

static amt_status copy_bytes(struct buf *to, const struct buf *from)
{
	buf_clear(to);
	return buf_put(to, from->data, from->size);
}

static amt_status sync_file(struct io_file *f)
{
	struct sim_io *m = enter(f->io);
	FATE(m, "sync", f->path);
	FINISH(m, "sync", f->path, copy_bytes(&node_of(f)->durable, &node_of(f)->bytes));
}

static amt_status size_of(struct io_file *f, uint64_t *out)
{
	struct sim_io *m = enter(f->io);
	FATE(m, "size", f->path);
	*out = node_of(f)->bytes.size;
	FINISH(m, "size", f->path, STATUS_OK);
}

static amt_status truncate_file(struct io_file *f, uint64_t size)
{
	struct sim_io *m = enter(f->io);
	FATE(m, "truncate", f->path);
	FINISH(m, "truncate", f->path, memory_node_resize(node_of(f), size));
}

static amt_status preallocate(struct io_file *f, uint64_t size)
{
	struct sim_io *m = enter(f->io);
	FATE(m, "preallocate", f->path);
	uint64_t more = growth(node_of(f), size);
	if (!has_space(m, more))
		return leave(m, ERROR(AMT_DISK_FULL, "preallocate %s", f->path));
	FINISH(m, "preallocate", f->path,
		more > 0 ? memory_node_resize(node_of(f), size) : STATUS_OK);
}

static const struct io_functions sim_functions = {
	.name = "sim",
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

amt_status io_sim_new(struct io **out, uint64_t seed)
{
	struct sim_io *m;
	TRY(mem_zalloc(&m, sizeof(*m)));
	m->base.functions = &sim_functions;
	m->random = seed;
	pthread_mutex_init(&m->lock, NULL);
	*out = &m->base;
	return STATUS_OK;
}

static void arm(struct io *io, uint64_t fail_at, uint64_t kill_at)
{
	struct sim_io *m = enter(io);
	m->calls = 0;
	m->fail_at = fail_at;
	m->kill_at = kill_at;
	m->killed = false;
	(void)leave(m, STATUS_OK);
}

void io_sim_fail_at(struct io *io, uint64_t k)
{
	arm(io, k, 0);
}

void io_sim_kill_at(struct io *io, uint64_t k)
{
	arm(io, 0, k);
}

uint64_t io_sim_calls(struct io *io)
{
	struct sim_io *m = enter(io);
	uint64_t calls = m->calls;
	(void)leave(m, STATUS_OK);
	return calls;
}

void io_sim_short_transfers(struct io *io, bool on)
{
	struct sim_io *m = enter(io);
	m->short_transfers = on;
	(void)leave(m, STATUS_OK);
}

void io_sim_capacity(struct io *io, uint64_t bytes)
{
	struct sim_io *m = enter(io);
	m->capacity = bytes;
	(void)leave(m, STATUS_OK);
}

/* What the disk holds of a file after the crash: durable becomes a mix of itself and bytes. */
static amt_status mix(struct sim_io *m, struct memory_node *n)
{
	size_t old = n->durable.size, new = n->bytes.size, size = old;
	switch (draw(m, 3)) {
	case 0:
		size = new;
		break;
	case 1:
		size = (old < new ? old : new) +
		       (size_t)draw(m, (old < new ? new - old : old - new) + 1);
		break;
	}
	if (size > old) {
		uint8_t *more;
		TRY(buf_extend(&n->durable, size - old, &more));
		memset(more, 0, size - old);
	}
	n->durable.size = size;
	for (size_t at = 0; at < size && at < new; at += SECTOR) {
		size_t length = size - at < SECTOR ? size - at : SECTOR;
		if (length > new - at)
			length = new - at;
		if (draw(m, 2))
			memcpy(n->durable.data + at, n->bytes.data + at, length);
	}
	return copy_bytes(&n->bytes, &n->durable);
}

/* live = the names that survived and whose folder did. */
static amt_status reload(struct sim_io *m)
{
	memory_clear(&m->live);
	for (size_t pass = 0; pass < m->durable.count; pass++) {
		const struct memory_name *name = &m->durable.names[pass];
		name->node->is_locked = false;
		TRY(memory_link(&m->live, name->path, name->node));
	}
	for (size_t i = 0; i < m->live.count;) { /* folders are one level deep in tests */
		const char *path = m->live.names[i].path;
		if (memory_has_folder(&m->live, path, memory_parent(path))) {
			i++;
			continue;
		}
		memory_unlink(&m->durable, path);
		memory_unlink(&m->live, path);
	}
	return STATUS_OK;
}

amt_status io_sim_crash(struct io *io)
{
	struct sim_io *m = enter(io);
	amt_status s = m->open_files == 0
			       ? STATUS_OK
			       : ERROR(AMT_INTERNAL, "%zu files are open", m->open_files);
	if (!amt_ok(s))
		return leave(m, s);
	bool ordered = draw(m, 2);
	size_t first_part = (size_t)draw(m, m->count + 1);
	for (size_t i = 0; i < m->count; i++) {
		if (amt_ok(s) && (ordered ? i < first_part : draw(m, 2)))
			s = settle(m, &m->changes[i]);
		drop_change(&m->changes[i]);
	}
	m->count = 0;
	for (size_t i = 0; i < m->durable.count && amt_ok(s); i++)
		s = mix(m, m->durable.names[i].node);
	if (amt_ok(s))
		s = reload(m);
	m->killed = false;
	m->kill_at = m->fail_at = m->calls = 0;
	return leave(m, s);
}

amt_status io_sim_flip(struct io *io, const char *path, uint64_t offset, uint8_t mask)
{
	struct sim_io *m = enter(io);
	struct memory_node *n = memory_find(&m->live, path);
	if (n == NULL || offset >= n->bytes.size)
		return leave(m, ERROR(AMT_NOT_FOUND, "%s has no such byte", path));
	n->bytes.data[offset] ^= mask;
	if (offset < n->durable.size)
		n->durable.data[offset] ^= mask;
	return leave(m, STATUS_OK);
}

static amt_status clone_name(struct sim_io *to, const struct memory_name *name)
{
	struct memory_node *n;
	TRY(mem_zalloc(&n, sizeof(*n)));
	n->references = 1;
	n->is_folder = name->node->is_folder;
	amt_status s = copy_bytes(&n->bytes, &name->node->bytes);
	if (amt_ok(s))
		s = copy_bytes(&n->durable, &n->bytes);
	if (amt_ok(s))
		s = memory_link(&to->live, name->path, n);
	if (amt_ok(s))
		s = memory_link(&to->durable, name->path, n);
	memory_node_unref(n);
	return s;
}

amt_status io_sim_clone(struct io *io, struct io **out)
{
	struct sim_io *m = enter(io);
	amt_status s = io_sim_new(out, draw(m, UINT64_MAX));
	for (size_t i = 0; i < m->live.count && amt_ok(s); i++) {
		s = clone_name((struct sim_io *)*out, &m->live.names[i]);
		if (!amt_ok(s))
			io_free(*out);
	}
	return leave(m, s);
}

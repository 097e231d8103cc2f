/* The I/O seam: every byte that reaches or leaves a disk goes through a `struct io`.
 *
 * Contract. (1) A back end is a table of functions; callers use the functions below it, which loop
 * over short transfers and keep the rules that hold for all of them. (2) What a write changed is
 * durable only after io_sync on that file; a name made, renamed or removed is durable only after
 * io_sync_folder on its folder; the two are independent. (3) A failed io_sync is never retried: the
 * handle is poisoned and every later write or sync on it fails with AMT_IO, for the kernel may have
 * dropped the dirty pages. (4) Codes: AMT_NOT_FOUND, AMT_ALREADY_EXISTS, AMT_DISK_FULL (disk and
 * quota), AMT_LOCKED, AMT_OUT_OF_MEMORY, else AMT_IO. Thread-safe, also on one file: reads and
 * writes carry their offset. Paths are as the operating system takes them, '/' between folders.
 *
 * Back ends: io_posix_new (the disk), io_memory_new (os/io_memory.h), io_sim_new (os/io_sim.h: in
 * memory, with crashes and faults).
 */
#ifndef OS_IO_H
#define OS_IO_H

#include "base/bytes.h"

#include <stdatomic.h>

struct io {
	const struct io_functions *functions;
};

struct io_file {
	const struct io_functions *functions;
	struct io *io;
	char *path; /* as opened, for messages */
	atomic_bool poisoned;
};

enum io_open {
	IO_READ = 0,
	IO_WRITE = 1,	  /* and read */
	IO_CREATE = 2,	  /* with IO_WRITE: make it if it is missing */
	IO_EXCLUSIVE = 4, /* with IO_CREATE: AMT_ALREADY_EXISTS if it is there */
	IO_PRIVATE = 8,	  /* with IO_CREATE: readable by its owner alone */
	/* With IO_WRITE, a hint: writes whose offset, memory and sizes are multiples of IO_DIRECT_BYTES
	 * go past the file cache where the file system can do that. */
	IO_DIRECT = 16
};
enum { IO_DIRECT_BYTES = 4096 };

/* Names in a folder, sorted, without "." and "..". */
struct io_names {
	char **names;
	size_t count;
};

/* What a back end provides. The *_some functions may transfer less than asked; read_some gives 0 at
 * the end of the file only, write_some at least one byte unless all parts are empty. */
struct io_functions {
	const char *name;
	amt_status (*open)(struct io *io, const char *path, unsigned flags, struct io_file **out);
	amt_status (*lock)(struct io *io, const char *path, struct io_file **out);
	amt_status (*rename)(struct io *io, const char *from, const char *to);
	amt_status (*remove)(struct io *io, const char *path);
	amt_status (*make_folder)(struct io *io, const char *path);
	amt_status (*sync_folder)(struct io *io, const char *path);
	amt_status (*list)(struct io *io, const char *path, struct io_names *out);
	void (*free)(struct io *io);

	amt_status (*read_some)(
		struct io_file *f, uint64_t offset, void *data, size_t size, size_t *got);
	amt_status (*write_some)(struct io_file *f, uint64_t offset, const struct span *parts,
		size_t count, size_t *written);
	amt_status (*sync)(struct io_file *f);
	amt_status (*size)(struct io_file *f, uint64_t *out);
	amt_status (*truncate)(struct io_file *f, uint64_t size);
	amt_status (*preallocate)(struct io_file *f, uint64_t size);
	void (*will_read)(struct io_file *f, uint64_t offset, uint64_t size); /* may be NULL */
	void (*close)(struct io_file *f);
};

amt_status io_posix_new(struct io **out);
/* Every file must be closed. Accepts NULL. */
void io_free(struct io *io);

amt_status io_open(struct io *io, const char *path, unsigned flags, struct io_file **out);
void io_close(struct io_file *f); /* accepts NULL; syncs nothing */
/* Makes the file if needed and holds it against every other lock on it, of this process too, until
 * it is closed or the process ends: AMT_LOCKED otherwise. */
amt_status io_lock(struct io *io, const char *path, struct io_file **out);

/* Reads until size bytes are there or the file ends. */
amt_status io_read(struct io_file *f, uint64_t offset, void *data, size_t size, size_t *got);
/* Exactly size bytes: AMT_TRUNCATED if the file ends before. */
amt_status io_read_exact(struct io_file *f, uint64_t offset, void *data, size_t size);
/* A range that will be read soon: a hint, which cannot fail. */
void io_will_read(struct io_file *f, uint64_t offset, uint64_t size);
/* Writes all parts, one after the other, growing the file as needed. */
amt_status io_write(struct io_file *f, uint64_t offset, const struct span *parts, size_t count);
amt_status io_sync(struct io_file *f); /* contents and size */
amt_status io_size(struct io_file *f, uint64_t *out);
amt_status io_truncate(struct io_file *f, uint64_t size);
/* Reserves space and grows the file to at least size bytes, the new ones zero. */
amt_status io_preallocate(struct io_file *f, uint64_t size);

amt_status io_rename(struct io *io, const char *from, const char *to); /* replaces `to` at once */
amt_status io_remove(struct io *io, const char *path);		       /* a file */
amt_status io_make_folder(struct io *io, const char *path);	       /* one level */
amt_status io_sync_folder(struct io *io, const char *path);
amt_status io_sync_parent(struct io *io, const char *path); /* the folder that holds path */
amt_status io_list(struct io *io, const char *path, struct io_names *out);
void io_names_free(struct io_names *names);
/* AMT_OK with *out telling whether a file can be opened there. */
amt_status io_exists(struct io *io, const char *path, bool *out);

/* Appends the whole file to out; AMT_LIMIT if it is longer than max bytes. */
amt_status io_read_file(struct io *io, const char *path, size_t max, struct buf *out);
/* Replaces or makes the file so that after a crash it holds the old or the new bytes, never a mix:
 * `path`.tmp, fdatasync, rename, folder sync. flags: 0 or IO_PRIVATE. One writer a path at a time.
 */
amt_status io_write_file_atomic(struct io *io, const char *path, struct span data, unsigned flags);
/* As above, but AMT_ALREADY_EXISTS if the path is taken. */
amt_status io_write_file_new(struct io *io, const char *path, struct span data, unsigned flags);

/* out = folder '/' name, freed with mem_free. */
amt_status io_path(char **out, const char *folder, const char *name);

/* For back ends: fills the common part of a new handle. On failure nothing is kept. */
amt_status io_file_init(struct io_file *f, struct io *io, const char *path);
amt_status io_names_add(struct io_names *names, const char *name);
void io_names_sort(struct io_names *names);

#endif

/* A file system in memory without its locking: what io_memory.c and io_sim.c share. A node is a
 * file or a folder; names refer to nodes by full path; a node lives as long as a name or a handle
 * refers to it. Functions fail as the seam says (os/io.h). */
#ifndef OS_MEMORY_FS_H
#define OS_MEMORY_FS_H

#include "os/io.h"

struct memory_node {
	size_t references;
	bool is_folder, is_locked;
	struct buf bytes;
	struct buf durable; /* kept by io_sim alone: the bytes as of the last sync */
};

struct memory_name {
	char *path;
	struct memory_node *node;
};

struct memory_fs {
	struct memory_name *names;
	size_t count;
};

void memory_node_ref(struct memory_node *n);
void memory_node_unref(struct memory_node *n);
amt_status memory_node_write(
	struct memory_node *n, uint64_t offset, const struct span *parts, size_t count);
amt_status memory_node_resize(struct memory_node *n, uint64_t size);
size_t memory_node_read(const struct memory_node *n, uint64_t offset, void *data, size_t size);

struct memory_node *memory_find(const struct memory_fs *fs, const char *path); /* or NULL */
/* Makes path name the node (a new reference) in place of what it named. */
amt_status memory_link(struct memory_fs *fs, const char *path, struct memory_node *n);
void memory_unlink(struct memory_fs *fs, const char *path);
void memory_clear(struct memory_fs *fs);
/* The root, "." and made folders. */
bool memory_has_folder(const struct memory_fs *fs, const char *path, size_t length);
/* Length of the part of path before its last name. */
size_t memory_parent(const char *path);

/* *made tells whether the file is new; *out is a new reference. */
amt_status memory_open(struct memory_fs *fs, const char *path, unsigned flags,
	struct memory_node **out, bool *made);
amt_status memory_rename(struct memory_fs *fs, const char *from, const char *to);
amt_status memory_remove(struct memory_fs *fs, const char *path);
amt_status memory_make_folder(struct memory_fs *fs, const char *path);
amt_status memory_list(const struct memory_fs *fs, const char *path, struct io_names *out);

#endif

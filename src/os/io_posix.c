/* The disk, through plain system calls; interrupted ones are repeated. */
#include "os/io.h"

#include "base/alloc.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct posix_file {
	struct io_file base;
	int fd;
	atomic_int direct; /* the same file for writes past the cache; -1: none */
};

static amt_code code_of(int error)
{
	switch (error) {
	case ENOENT:
		return AMT_NOT_FOUND;
	case EEXIST:
		return AMT_ALREADY_EXISTS;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return AMT_DISK_FULL;
	case ENOMEM:
		return AMT_OUT_OF_MEMORY;
	default:
		return AMT_IO;
	}
}

#define OS_ERROR(what, path) ERROR_ERRNO(code_of(errno), what " %s", path)

/* Repeats a system call that a signal interrupted. */
#define REPEAT(result, call)       \
	do {                       \
		(result) = (call); \
	} while ((result) < 0 && errno == EINTR)

static int fd_of(const struct io_file *f)
{
	return ((const struct posix_file *)f)->fd;
}

static amt_status open_fd(
	struct io *io, const char *path, int os_flags, mode_t mode, struct io_file **out)
{
	struct posix_file *f;
	TRY(mem_zalloc(&f, sizeof(*f)));
	amt_status s = io_file_init(&f->base, io, path);
	atomic_store(&f->direct, -1);
	if (amt_ok(s)) {
		REPEAT(f->fd, open(path, os_flags | O_CLOEXEC, mode));
		if (f->fd >= 0) {
			*out = &f->base;
			return s;
		}
		s = OS_ERROR("open", path);
		mem_free(f->base.path);
	}
	mem_free(f);
	return s;
}

static amt_status posix_open(struct io *io, const char *path, unsigned flags, struct io_file **out)
{
	int os_flags = flags & IO_WRITE ? O_RDWR : O_RDONLY;
	if (flags & IO_CREATE)
		os_flags |= O_CREAT;
	if (flags & IO_EXCLUSIVE)
		os_flags |= O_EXCL;
	TRY(open_fd(io, path, os_flags, flags & IO_PRIVATE ? 0600 : 0666, out));
	if (flags & IO_DIRECT) {
		int fd; /* refused by file systems in memory, for one */
		REPEAT(fd, open(path, O_WRONLY | O_DIRECT | O_CLOEXEC));
		atomic_store(&((struct posix_file *)*out)->direct, fd);
	}
	return STATUS_OK;
}

static void posix_close(struct io_file *f)
{
	int direct = atomic_load(&((struct posix_file *)f)->direct);
	if (direct >= 0)
		(void)close(direct);
	(void)close(fd_of(f));
	mem_free(f);
}

static amt_status posix_lock(struct io *io, const char *path, struct io_file **out)
{
	struct io_file *f;
	TRY(open_fd(io, path, O_RDWR | O_CREAT, 0666, &f));
	int result;
	REPEAT(result, flock(fd_of(f), LOCK_EX | LOCK_NB));
	if (result == 0) {
		*out = f;
		return STATUS_OK;
	}
	amt_status s = errno == EWOULDBLOCK
			       ? ERROR(AMT_LOCKED, "%s is held by another process", path)
			       : OS_ERROR("lock", path);
	io_close(f);
	return s;
}

static amt_status posix_rename(struct io *io, const char *from, const char *to)
{
	(void)io;
	if (rename(from, to) != 0)
		return OS_ERROR("rename", from);
	return STATUS_OK;
}

static amt_status posix_remove(struct io *io, const char *path)
{
	(void)io;
	if (unlink(path) != 0)
		return OS_ERROR("remove", path);
	return STATUS_OK;
}

static amt_status posix_make_folder(struct io *io, const char *path)
{
	(void)io;
	if (mkdir(path, 0777) != 0)
		return OS_ERROR("make folder", path);
	return STATUS_OK;
}

static amt_status posix_sync_folder(struct io *io, const char *path)
{
	struct io_file *f;
	TRY(open_fd(io, path, O_RDONLY | O_DIRECTORY, 0, &f));
	int result;
	REPEAT(result, fsync(fd_of(f)));
	amt_status s = result == 0 ? STATUS_OK : OS_ERROR("sync folder", path);
	io_close(f);
	return s;
}

static amt_status posix_list(struct io *io, const char *path, struct io_names *out)
{
	(void)io;
	DIR *folder = opendir(path);
	if (folder == NULL)
		return OS_ERROR("list", path);
	amt_status s = STATUS_OK;
	while (amt_ok(s)) {
		errno = 0;
		const struct dirent *entry = readdir(folder);
		if (entry == NULL) {
			if (errno != 0)
				s = OS_ERROR("list", path);
			break;
		}
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			s = io_names_add(out, entry->d_name);
	}
	(void)closedir(folder);
	return s;
}

static void posix_free(struct io *io)
{
	mem_free(io);
}

static amt_status posix_read_some(
	struct io_file *f, uint64_t offset, void *data, size_t size, size_t *got)
{
	ssize_t n;
	REPEAT(n, pread(fd_of(f), data, size < SSIZE_MAX ? size : SSIZE_MAX, (off_t)offset));
	if (n < 0)
		return OS_ERROR("read", f->path);
	*got = (size_t)n;
	return STATUS_OK;
}

static bool is_direct(uint64_t offset, const struct iovec *vector, int count)
{
	uintptr_t all = (uintptr_t)offset;
	for (int i = 0; i < count; i++)
		all |= (uintptr_t)vector[i].iov_base | vector[i].iov_len;
	return all % IO_DIRECT_BYTES == 0;
}

static amt_status posix_write_some(
	struct io_file *f, uint64_t offset, const struct span *parts, size_t count, size_t *written)
{
	struct iovec vector[64];
	int used = 0;
	for (; (size_t)used < count && used < 64; used++)
		vector[used] =
			(struct iovec){(void *)(uintptr_t)parts[used].data, parts[used].size};
	ssize_t n;
	atomic_int *direct = &((struct posix_file *)f)->direct;
	int fd = atomic_load(direct);
	if (fd >= 0 && is_direct(offset, vector, used)) {
		REPEAT(n, pwritev(fd, vector, used, (off_t)offset));
		if (n >= 0 || errno != EINVAL)
			goto written;
		/* The disk's blocks are larger than thought. */
		if (atomic_compare_exchange_strong(direct, &fd, -1))
			(void)close(fd);
	}
	REPEAT(n, pwritev(fd_of(f), vector, used, (off_t)offset));
written:
	if (n < 0)
		return OS_ERROR("write", f->path);
	*written = (size_t)n;
	return STATUS_OK;
}

static amt_status posix_sync(struct io_file *f)
{
	int result; /* not repeated on EIO: the second call would lie */
	REPEAT(result, fdatasync(fd_of(f)));
	if (result != 0)
		return OS_ERROR("sync", f->path);
	return STATUS_OK;
}

static amt_status posix_size(struct io_file *f, uint64_t *out)
{
	struct stat st;
	if (fstat(fd_of(f), &st) != 0)
		return OS_ERROR("stat", f->path);
	*out = (uint64_t)st.st_size;
	return STATUS_OK;
}

static amt_status posix_truncate(struct io_file *f, uint64_t size)
{
	int result;
	REPEAT(result, ftruncate(fd_of(f), (off_t)size));
	if (result != 0)
		return OS_ERROR("truncate", f->path);
	return STATUS_OK;
}

static amt_status posix_preallocate(struct io_file *f, uint64_t size)
{
	int result;
	REPEAT(result, fallocate(fd_of(f), 0, 0, (off_t)size));
	if (result == 0)
		return STATUS_OK;
	if (errno != EOPNOTSUPP)
		return OS_ERROR("preallocate", f->path);
	uint64_t now; /* a file system without reservations: the size alone */
	TRY(posix_size(f, &now));
	return now < size ? posix_truncate(f, size) : STATUS_OK;
}

static void posix_will_read(struct io_file *f, uint64_t offset, uint64_t size)
{
	(void)posix_fadvise(fd_of(f), (off_t)offset, (off_t)size, POSIX_FADV_WILLNEED);
}

static const struct io_functions posix_functions = {
	.name = "posix",
	.open = posix_open,
	.lock = posix_lock,
	.rename = posix_rename,
	.remove = posix_remove,
	.make_folder = posix_make_folder,
	.sync_folder = posix_sync_folder,
	.list = posix_list,
	.free = posix_free,
	.read_some = posix_read_some,
	.write_some = posix_write_some,
	.sync = posix_sync,
	.size = posix_size,
	.truncate = posix_truncate,
	.preallocate = posix_preallocate,
	.will_read = posix_will_read,
	.close = posix_close,
};

amt_status io_posix_new(struct io **out)
{
	TRY(mem_alloc(out, sizeof(**out)));
	(*out)->functions = &posix_functions;
	return STATUS_OK;
}

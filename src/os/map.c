#include "os/map.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static amt_status map_descriptor(struct map *out, int fd, const char *path)
{
	struct stat about;
	if (fstat(fd, &about) != 0)
		return ERROR_ERRNO(AMT_IO, "size of %s", path);
	ENSURE(about.st_size > 0, AMT_TRUNCATED, "%s is empty", path);
	size_t size = (size_t)about.st_size;
	void *data = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		return ERROR_ERRNO(AMT_OUT_OF_MEMORY, "map %s", path);
	(void)madvise(data, size, MADV_HUGEPAGE);
	(void)madvise(data, size, MADV_WILLNEED);
	*out = (struct map){data, size};
	return STATUS_OK;
}

amt_status map_open(struct map *out, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return ERROR_ERRNO(errno == ENOENT ? AMT_NOT_FOUND : AMT_IO, "open %s", path);
	amt_status s = map_descriptor(out, fd, path);
	(void)close(fd);
	return s;
}

void map_close(struct map *m)
{
	if (m->size > 0)
		(void)munmap((void *)m->data, m->size);
	*m = (struct map){0};
}

/* A file in memory, read-only and shared with every other process that maps it. The bytes are those
 * of the file that had the name when it was mapped: a file that takes its place by a rename does not
 * show. Who cuts the file itself short kills the readers, so such files are only ever replaced.
 */
#ifndef OS_MAP_H
#define OS_MAP_H

#include "base/bytes.h"

struct map {
	const void *data; /* at the start of a page */
	size_t size;
};

/* AMT_NOT_FOUND, AMT_TRUNCATED (an empty file), AMT_IO, AMT_OUT_OF_MEMORY. All pages are read in and,
 * where the file system can do it, advised for huge pages. Zero-initialised maps may be freed. */
amt_status map_open(struct map *out, const char *path);
void map_close(struct map *m);

#endif

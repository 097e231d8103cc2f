/* A back end in memory: the seam's contract without a disk. Folders "", "." and "/" exist. What it
 * holds goes with io_free. */
#ifndef OS_IO_MEMORY_H
#define OS_IO_MEMORY_H

#include "os/io.h"

amt_status io_memory_new(struct io **out);

#endif

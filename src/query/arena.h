/* Inside of query: memory that is freed at once. Not thread-safe. */
#ifndef QUERY_ARENA_H
#define QUERY_ARENA_H

#include "base/status.h"

#include <stddef.h>

struct arena_block;
struct arena {
	struct arena_block *block; /* newest first */
	size_t used, size;	   /* of the newest */
};

/* Zeroed memory, aligned for anything; lives until arena_free. */
amt_status arena_alloc(struct arena *a, size_t size, void *out);
void arena_free(struct arena *a);

#endif

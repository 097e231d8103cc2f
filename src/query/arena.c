#include "query/arena.h"
#include "base/alloc.h"

#include <stdint.h>
#include <string.h>

struct arena_block {
	_Alignas(max_align_t) struct arena_block *next;
};

enum { BLOCK_BYTES = 8192, ALIGNMENT = _Alignof(max_align_t) };

amt_status arena_alloc(struct arena *a, size_t size, void *out)
{
	ENSURE(size < SIZE_MAX / 2, AMT_OUT_OF_MEMORY, "%zu bytes", size);
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (a->block == NULL || size > a->size - a->used) {
		/* Blocks grow with what is there already, so that there are few. */
		size_t content = a->size * 2 > BLOCK_BYTES ? a->size * 2 : BLOCK_BYTES;
		if (content > (1 << 20))
			content = 1 << 20;
		if (content < size)
			content = size;
		struct arena_block *b;
		TRY(mem_zalloc(&b, sizeof(*b) + content));
		b->next = a->block;
		a->block = b;
		a->size = content;
		a->used = 0;
	}
	void *p = (uint8_t *)(a->block + 1) + a->used;
	a->used += size;
	memcpy(out, &p, sizeof(p));
	return STATUS_OK;
}

void arena_free(struct arena *a)
{
	while (a->block != NULL) {
		struct arena_block *next = a->block->next;
		mem_free(a->block);
		a->block = next;
	}
	*a = (struct arena){0};
}

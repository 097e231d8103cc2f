#include "base/alloc.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { ALIGNMENT = 64 };
static const size_t huge_page = (size_t)2 << 20;

static atomic_size_t allocations;
static atomic_size_t fail_at;

size_t mem_fail_nth(size_t n)
{
	size_t made = atomic_exchange(&allocations, 0);
	atomic_store(&fail_at, n);
	return made;
}

static bool fails_now(void)
{
	size_t at = atomic_load_explicit(&fail_at, memory_order_relaxed);
	if (LIKELY(at == 0))
		return false;
	return atomic_fetch_add(&allocations, 1) + 1 == at;
}

void *mem_alloc_unchecked(size_t size)
{
	return malloc(size == 0 ? 1 : size);
}

static amt_status give(void *out, void *memory, size_t size)
{
	if (UNLIKELY(memory == NULL))
		FAIL(AMT_OUT_OF_MEMORY, "no memory for %zu bytes", size);
	*(void **)out = memory;
	return STATUS_OK;
}

amt_status mem_alloc(void *out, size_t size)
{
	return give(out, fails_now() ? NULL : mem_alloc_unchecked(size), size);
}

amt_status mem_zalloc(void *out, size_t size)
{
	return give(out, fails_now() ? NULL : calloc(1, size == 0 ? 1 : size), size);
}

amt_status mem_array(void *out, size_t count, size_t size)
{
	size_t total;
	ENSURE(!__builtin_mul_overflow(count, size, &total), AMT_OUT_OF_MEMORY,
		"%zu items of %zu bytes", count, size);
	return mem_zalloc(out, total);
}

amt_status mem_grow(void *pointer, size_t size)
{
	void *old = *(void **)pointer;
	void *grown = fails_now() ? NULL : realloc(old, size == 0 ? 1 : size);
	return give(pointer, grown, size);
}

amt_status mem_dup(void *out, const void *data, size_t size)
{
	void *copy;
	TRY(mem_alloc(&copy, size));
	if (size > 0)
		memcpy(copy, data, size);
	*(void **)out = copy;
	return STATUS_OK;
}

amt_status mem_strdup(char **out, const char *text)
{
	return mem_dup(out, text, strlen(text) + 1);
}

void mem_free(void *pointer)
{
	free(pointer);
}

/* ---- large blocks
 *
 * A scan takes hundreds of megabytes and gives them back; from the system they come as pages that are
 * cleared at the first touch, which took a tenth to a sixth of a query's time on a small table. So large blocks that
 * are freed are kept for the next who asks for about as much, up to a limit. The sanitizers are to see
 * every block come and go.
 */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SEES_BLOCKS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(SEES_BLOCKS)
#define SEES_BLOCKS 1
#endif
#ifndef SEES_BLOCKS
#define SEES_BLOCKS 0
#endif

enum { IDLE_BLOCKS = 128 };
static const size_t idle_limit = (size_t)256 << 20;

static struct {
	pthread_mutex_t lock;
	unsigned count; /* the oldest first */
	size_t bytes;
	struct block {
		void *memory;
		size_t size;
	} block[IDLE_BLOCKS];
} idle = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct block take_out(unsigned i)
{
	struct block b = idle.block[i];
	idle.bytes -= b.size;
	idle.count--;
	memmove(&idle.block[i], &idle.block[i + 1], (idle.count - i) * sizeof(b));
	return b;
}

/* The least idle block that holds size bytes and is not twice as large, or NULL. */
static void *take_idle(size_t size)
{
	unsigned best = IDLE_BLOCKS;
	void *memory = NULL;
	pthread_mutex_lock(&idle.lock);
	for (unsigned i = idle.count; i-- > 0;)
		if (idle.block[i].size >= size && idle.block[i].size / 2 < size &&
			(best == IDLE_BLOCKS || idle.block[i].size < idle.block[best].size))
			best = i;
	if (best < IDLE_BLOCKS)
		memory = take_out(best).memory;
	pthread_mutex_unlock(&idle.lock);
	return memory;
}

static void keep_idle(void *memory, size_t size)
{
	struct block gone[IDLE_BLOCKS + 1];
	unsigned going = 0;
	pthread_mutex_lock(&idle.lock);
	while (idle.count > 0 && (idle.count == IDLE_BLOCKS || idle.bytes + size > idle_limit))
		gone[going++] = take_out(0);
	if (size <= idle_limit) {
		idle.block[idle.count++] = (struct block){memory, size};
		idle.bytes += size;
	} else {
		gone[going++] = (struct block){memory, size};
	}
	pthread_mutex_unlock(&idle.lock);
	while (going > 0)
		free(gone[--going].memory);
}

static void *large_block(size_t size)
{
	void *memory = SEES_BLOCKS ? NULL : take_idle(size);
	if (memory != NULL)
		return memory;
	if (posix_memalign(&memory, huge_page, size) != 0)
		return NULL;
	/* What is left over beyond the last whole huge page stays in small ones: blocks are often little
	 * larger than one. */
	(void)madvise(memory, size / huge_page * huge_page, MADV_HUGEPAGE);
	return memory;
}

amt_status mem_alloc_aligned(void *out, size_t size)
{
	void *memory = NULL;
	ENSURE(size <= SIZE_MAX - huge_page, AMT_OUT_OF_MEMORY, "no memory for %zu bytes", size);
	size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!fails_now())
		memory = size >= huge_page
				 ? large_block(size)
				 : aligned_alloc(ALIGNMENT, rounded == 0 ? ALIGNMENT : rounded);
	return give(out, memory, size);
}

void mem_free_aligned(void *pointer, size_t size)
{
	/* What the block holds is told by the allocator: it may be more than was asked for. */
	size_t holds = pointer != NULL && size >= huge_page ? malloc_usable_size(pointer) : 0;
	if (!SEES_BLOCKS && holds >= huge_page)
		keep_idle(pointer, holds);
	else
		free(pointer);
}

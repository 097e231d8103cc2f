#include "base/alloc.h"

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

amt_status mem_alloc_aligned(void *out, size_t size)
{
	size_t alignment = size >= huge_page ? huge_page : ALIGNMENT;
	ENSURE(size <= SIZE_MAX - alignment, AMT_OUT_OF_MEMORY, "no memory for %zu bytes", size);
	size_t rounded = (size + alignment - 1) / alignment * alignment;
	void *memory =
		fails_now() ? NULL : aligned_alloc(alignment, rounded == 0 ? alignment : rounded);
	if (memory != NULL && size >= huge_page)
		(void)madvise(memory, rounded, MADV_HUGEPAGE);
	return give(out, memory, size);
}

void mem_free_aligned(void *pointer, size_t size)
{
	(void)size;
	free(pointer);
}

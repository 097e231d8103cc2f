/* Memory. Every allocation of the kernel goes through here, so that a test can fail the n-th one
 * and large tables get huge pages. Thread-safe. Raw malloc and friends are poisoned in
 * base/poison.h.
 */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include "base/status.h"

#include <stddef.h>

/* *out = size bytes (uninitialised / zeroed). size 0 gives a unique pointer. Fails with
 * AMT_OUT_OF_MEMORY. */
amt_status mem_alloc(void *out, size_t size);
amt_status mem_zalloc(void *out, size_t size);
/* count * size with an overflow check, zeroed. */
amt_status mem_array(void *out, size_t count, size_t size);
/* Resizes *pointer (may be NULL); on failure *pointer is unchanged. */
amt_status mem_grow(void *pointer, size_t size);
amt_status mem_strdup(char **out, const char *text);
amt_status mem_dup(void *out, const void *data, size_t size);
void mem_free(void *pointer);

/* 64-byte aligned memory for vector kernels; at 2 MiB and above it is aligned to and advised for
 * huge pages, and kept for reuse when it is freed (a quarter of a gigabyte at most): what is secret is wiped
 * before. Uninitialised. Freed by mem_free_aligned with the same size. Fails with
 * AMT_OUT_OF_MEMORY. */
amt_status mem_alloc_aligned(void *out, size_t size);
void mem_free_aligned(void *pointer, size_t size);

/* NULL without memory: only for making errors. */
void *mem_alloc_unchecked(size_t size);

/* Fault injection for tests: the n-th allocation from now on fails (1 = next), 0 switches it off.
 * Returns how many allocations were made since the last call. */
size_t mem_fail_nth(size_t n);

#endif

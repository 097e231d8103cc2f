#include "crypto/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int sodium_state = -1;

static void start(void)
{
	sodium_state = sodium_init();
}

amt_status secret_start(void)
{
	(void)pthread_once(&once, start);
	ENSURE(sodium_state >= 0, AMT_INTERNAL, "libsodium does not start");
	return STATUS_OK;
}

amt_status secret_alloc(void *out, size_t size)
{
	TRY(secret_start());
	/* sodium_malloc puts the end of the memory at a guard page; whole cache lines keep the
	 * start aligned for vector code. */
	ENSURE(size <= SIZE_MAX / 2, AMT_OUT_OF_MEMORY, "no secret memory for %zu bytes", size);
	size_t rounded = size == 0 ? 64 : (size + 63) & ~(size_t)63;
	void *memory = sodium_malloc(rounded);
	/* sodium_malloc only tries to lock; a second try shows whether it could. */
	if (memory != NULL && sodium_mlock(memory, rounded) != 0) {
		sodium_free(memory);
		memory = NULL;
	}
	if (memory == NULL)
		return status_hint(
			ERROR_ERRNO(AMT_OUT_OF_MEMORY, "cannot lock %zu bytes of memory", rounded),
			"raise the limit of locked memory (ulimit -l, RLIMIT_MEMLOCK)");
	memset(memory, 0, rounded);
	*(void **)out = memory;
	return STATUS_OK;
}

void secret_free(void *pointer)
{
	sodium_free(pointer);
}

void secret_wipe(void *pointer, size_t size)
{
	sodium_memzero(pointer, size);
}

__attribute__((noinline)) void secret_wipe_stack(void)
{
	enum { STACK_BYTES = 32 << 10 };
	uint8_t below[STACK_BYTES];
	sodium_memzero(below, sizeof(below));
}

bool secret_equal(const void *a, const void *b, size_t size)
{
	return sodium_memcmp(a, b, size) == 0;
}

#include "crypto/random.h"

#include "base/alloc.h"
#include "base/bytes.h"

#include <errno.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

/* Fast key erasure (Bernstein, "Fast-key-erasure random-number generators", 2017): every refill
 * encrypts zeros, takes the first 32 bytes of the key stream as the next key and serves the rest
 * once, wiping what was served. So a captured state tells nothing about earlier output. Each next
 * key is also mixed with 32 bytes from the kernel, which bounds the output of one seed to a pool.
 */
enum { KEY_BYTES = 32, POOL_BYTES = 32 << 10 };

/* Wiped by the kernel in the child of a fork: `seeded` then reads 0 and the child seeds anew. */
struct page {
	size_t seeded;
	size_t used; /* bytes of pool served or kept back */
	uint8_t pool[POOL_BYTES];
};

struct generator {
	EVP_CIPHER_CTX *cipher; /* holds the next key */
	struct page *page;
	pid_t pid; /* where the kernel cannot wipe on fork (before 4.14) the owner's pid, else 0 */
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static int thread_key_error;

static void generator_free(void *pointer)
{
	struct generator *g = pointer;
	EVP_CIPHER_CTX_free(g->cipher); /* wipes the key schedule */
	if (g->page != NULL) {
		explicit_bzero(g->page, sizeof(*g->page));
		(void)munmap(g->page, sizeof(*g->page));
	}
	mem_free(g);
}

static void make_key(void)
{
	thread_key_error = pthread_key_create(&thread_key, generator_free);
}

amt_status random_from_system(void *out, size_t size)
{
	uint8_t *at = out;
	while (size > 0) {
		ssize_t got = getrandom(at, size, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return ERROR_ERRNO(
				AMT_UNAVAILABLE, "the operating system gives no random bytes");
		at += got;
		size -= (size_t)got;
	}
	return STATUS_OK;
}

static amt_status generator_fill(struct generator *g)
{
	*g = (struct generator){0};
	void *page = mmap(
		NULL, sizeof(*g->page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return ERROR_ERRNO(AMT_OUT_OF_MEMORY, "no memory for a random generator");
	g->page = page;
	if (madvise(page, sizeof(*g->page), MADV_WIPEONFORK) != 0)
		g->pid = getpid();
	/* Best effort: keep it out of swap and core dumps. */
	(void)mlock(page, sizeof(*g->page));
	(void)madvise(page, sizeof(*g->page), MADV_DONTDUMP);
	g->cipher = EVP_CIPHER_CTX_new();
	ENSURE(g->cipher != NULL, AMT_OUT_OF_MEMORY, "no memory for a cipher");
	return STATUS_OK;
}

static amt_status generator_get(struct generator **out)
{
	(void)pthread_once(&once, make_key);
	ENSURE(thread_key_error == 0, AMT_LIMIT, "no thread-specific key is left");
	*out = pthread_getspecific(thread_key);
	if (LIKELY(*out != NULL))
		return STATUS_OK;
	struct generator *g;
	TRY(mem_alloc(&g, sizeof(*g)));
	amt_status st = generator_fill(g);
	if (amt_ok(st) && pthread_setspecific(thread_key, g) != 0)
		st = ERROR(AMT_OUT_OF_MEMORY, "no memory for a random generator");
	if (!amt_ok(st)) {
		generator_free(g);
		return st;
	}
	*out = g;
	return STATUS_OK;
}

static amt_status set_key(struct generator *g, const EVP_CIPHER *cipher, const uint8_t *key)
{
	static const uint8_t counter[16] = {0};
	ENSURE(EVP_EncryptInit_ex(g->cipher, cipher, NULL, key, counter) == 1, AMT_INTERNAL,
		"libcrypto refuses AES-256-CTR");
	return STATUS_OK;
}

static amt_status refill(struct generator *g)
{
	struct page *p = g->page;
	uint8_t fresh[KEY_BYTES];
	TRY(random_from_system(fresh, sizeof(fresh)));
	if (p->seeded == 0) {
		TRY(set_key(g, EVP_aes_256_ctr(), fresh));
		TRY(random_from_system(fresh, sizeof(fresh)));
	}
	memset(p->pool, 0, sizeof(p->pool));
	int size;
	ENSURE(EVP_EncryptUpdate(g->cipher, p->pool, &size, p->pool, POOL_BYTES) == 1 &&
			size == POOL_BYTES,
		AMT_INTERNAL, "libcrypto refuses AES-256-CTR");
	for (size_t i = 0; i < KEY_BYTES; i++)
		fresh[i] ^= p->pool[i];
	/* Overwrites the key that made this pool. */
	TRY(set_key(g, NULL, fresh));
	explicit_bzero(fresh, sizeof(fresh));
	explicit_bzero(p->pool, KEY_BYTES);
	p->used = KEY_BYTES;
	p->seeded = 1;
	return STATUS_OK;
}

amt_status random_bytes(void *out, size_t size)
{
	struct generator *g;
	TRY(generator_get(&g));
	struct page *p = g->page;
	if (UNLIKELY(g->pid != 0 && g->pid != getpid())) {
		p->seeded = 0;
		g->pid = getpid();
	}
	uint8_t *at = out;
	while (size > 0) {
		if (p->seeded == 0 || p->used == POOL_BYTES)
			TRY(refill(g));
		size_t take = POOL_BYTES - p->used;
		take = size < take ? size : take;
		memcpy(at, p->pool + p->used, take);
		explicit_bzero(p->pool + p->used, take);
		p->used += take;
		at += take;
		size -= take;
	}
	return STATUS_OK;
}

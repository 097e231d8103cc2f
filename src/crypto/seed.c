#include "crypto/seed.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "crypto/random.h"
#include "crypto/seed_inside.h"
#include "os/cpu.h"

#include <openssl/evp.h>

struct seed_expander {
	EVP_CIPHER_CTX *cipher; /* NULL: vector code with the schedule */
	struct seed_schedule schedule;
};

/* Zeroed and encrypted piecewise, so that each piece is still in the first-level cache. */
enum { PIECE_BYTES = 16 << 10 };

amt_status seed_new(struct seed *out)
{
	return random_from_system(out->bytes, sizeof(out->bytes));
}

amt_status seed_expander_new(struct seed_expander **out, const struct seed *seed)
{
	struct seed_expander *e;
	TRY(mem_zalloc(&e, sizeof(*e)));
#if defined(__x86_64__)
	if (cpu_has_vaes()) {
		seed_vaes_schedule(&e->schedule, seed->bytes);
		*out = e;
		return STATUS_OK;
	}
#endif
	e->cipher = EVP_CIPHER_CTX_new();
	if (e->cipher == NULL ||
		EVP_EncryptInit_ex(e->cipher, EVP_aes_128_ctr(), NULL, seed->bytes, NULL) != 1) {
		seed_expander_free(e);
		FAIL(AMT_OUT_OF_MEMORY, "libcrypto has no memory for AES-128-CTR");
	}
	*out = e;
	return STATUS_OK;
}

void seed_expander_free(struct seed_expander *e)
{
	if (e == NULL)
		return;
	EVP_CIPHER_CTX_free(e->cipher);
	mem_free(e);
}

const struct seed_schedule *seed_expander_schedule(const struct seed_expander *e)
{
	return e->cipher == NULL ? &e->schedule : NULL;
}

/* The key stream from its block `block` on. */
static amt_status expand(
	struct seed_expander *e, uint64_t stream, uint64_t block, uint8_t *out, size_t size)
{
#if defined(__x86_64__)
	if (e->cipher == NULL) {
		seed_vaes_expand(&e->schedule, stream, block, out, size);
		return STATUS_OK;
	}
#endif
	uint8_t counter[16];
	store_u64(counter, stream);
	store_u64(counter + 8, __builtin_bswap64(block));
	ENSURE(EVP_EncryptInit_ex(e->cipher, NULL, NULL, NULL, counter) == 1, AMT_INTERNAL,
		"libcrypto refuses AES-128-CTR");
	while (size > 0) {
		int piece = size < PIECE_BYTES ? (int)size : PIECE_BYTES;
		int made;
		memset(out, 0, (size_t)piece);
		ENSURE(EVP_EncryptUpdate(e->cipher, out, &made, out, piece) == 1 && made == piece,
			AMT_INTERNAL, "libcrypto refuses AES-128-CTR");
		out += piece;
		size -= (size_t)piece;
	}
	return STATUS_OK;
}

amt_status seed_expand_u64(struct seed_expander *e, uint64_t stream, uint64_t *out, size_t count)
{
	return expand(e, stream, 0, (uint8_t *)out, count * sizeof(*out));
}

amt_status seed_expand_u32(struct seed_expander *e, uint64_t stream, uint32_t *out, size_t count)
{
	return expand(e, stream, 0, (uint8_t *)out, count * sizeof(*out));
}

amt_status seed_expand_u64_from(
	struct seed_expander *e, uint64_t stream, uint64_t first, uint64_t *out, size_t count)
{
	if (first % 2 != 0 && count > 0) { /* a block has two words */
		uint64_t block[2];
		TRY(expand(e, stream, first / 2, (uint8_t *)block, sizeof(block)));
		*out++ = block[1];
		first++;
		count--;
	}
	return expand(e, stream, first / 2, (uint8_t *)out, count * sizeof(*out));
}

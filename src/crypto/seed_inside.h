/* Inside of seed expansion: the key schedule for vector code, which needs no libcrypto. */
#ifndef CRYPTO_SEED_INSIDE_H
#define CRYPTO_SEED_INSIDE_H

#include <stddef.h>
#include <stdint.h>

struct seed_schedule {
	uint8_t round[11][16]; /* AES-128's round keys */
};

struct seed_expander;
/* NULL where libcrypto expands. */
const struct seed_schedule *seed_expander_schedule(const struct seed_expander *e);

#if defined(__x86_64__)
/* Only where cpu_has_vaes(). */
void seed_vaes_schedule(struct seed_schedule *out, const uint8_t key[16]);
/* `size` bytes of the key stream of a stream (crypto/seed.h), from block `block` on. */
void seed_vaes_expand(const struct seed_schedule *schedule, uint64_t stream, uint64_t block,
	uint8_t *out, size_t size);
#endif

#endif

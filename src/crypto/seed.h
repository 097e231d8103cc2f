/* Seed expansion, a written format (docs/formats.md): public mask words from a 128-bit seed.
 *
 * Stream `stream` of seed S is AES-128-CTR with key S and initial counter block
 *	bytes 0-7   stream (little-endian)
 *	bytes 8-15  0 (big-endian counter, as libcrypto's CTR mode increments it)
 * and its key stream bytes, taken as little-endian words, are the mask. Different streams of one
 * seed are disjoint.
 */
#ifndef CRYPTO_SEED_H
#define CRYPTO_SEED_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct seed {
	uint8_t bytes[16];
};

/* A fresh seed: every seed-compressed object has its own. */
amt_status seed_new(struct seed *out);

/* Expander with a ready key schedule, for many streams of one seed. Used by one thread at a time.
 */
struct seed_expander;
amt_status seed_expander_new(struct seed_expander **out, const struct seed *seed);
void seed_expander_free(struct seed_expander *e);
/* The first count words of a stream. */
amt_status seed_expand_u64(struct seed_expander *e, uint64_t stream, uint64_t *out, size_t count);
/* Words first, first + 1, ... of a stream. */
amt_status seed_expand_u64_from(
	struct seed_expander *e, uint64_t stream, uint64_t first, uint64_t *out, size_t count);
amt_status seed_expand_u32(struct seed_expander *e, uint64_t stream, uint32_t *out, size_t count);

#endif

/* Blocked bloom filter: each key sets 6 bits in one 64-byte line, 10 bits a key in all, so a miss
 * costs one cache line. Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters"
 * (2007). The hash, XXH3 (64 bits, seed 0) of the user key, is part of the format. */
#ifndef STORE_BLOOM_H
#define STORE_BLOOM_H

#include "base/bytes.h"

uint64_t bloom_hash(struct span key);
/* Appends the filter of these hashes to out: a multiple of 64 bytes, at least 64. */
amt_status bloom_build(struct buf *out, const uint64_t *hashes, size_t count);
/* False: the key is certainly not among them. */
bool bloom_may_hold(struct span filter, uint64_t hash);

#endif

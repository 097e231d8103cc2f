#include "store/bloom.h"

#include <xxhash.h>

enum { LINE = 64, BITS_A_KEY = 10, PROBES = 6, PROBE_BITS = 9 };

uint64_t bloom_hash(struct span key)
{
	return XXH3_64bits(key.data, key.size);
}

/* The high half of the hash chooses the line, the low 54 bits six places in it. */
static size_t line_of(uint64_t hash, size_t lines)
{
	return (size_t)(((unsigned __int128)hash * lines) >> 64);
}

amt_status bloom_build(struct buf *out, const uint64_t *hashes, size_t count)
{
	size_t lines = (count * BITS_A_KEY + LINE * 8 - 1) / (LINE * 8);
	uint8_t *filter;
	lines = lines == 0 ? 1 : lines;
	TRY(buf_extend(out, lines * LINE, &filter));
	memset(filter, 0, lines * LINE);
	for (size_t i = 0; i < count; i++) {
		uint8_t *line = filter + line_of(hashes[i], lines) * LINE;
		uint64_t bits = hashes[i];
		for (int k = 0; k < PROBES; k++, bits >>= PROBE_BITS)
			line[(bits & 511) >> 3] |= (uint8_t)(1 << (bits & 7));
	}
	return STATUS_OK;
}

bool bloom_may_hold(struct span filter, uint64_t hash)
{
	const uint8_t *line = filter.data + line_of(hash, filter.size / LINE) * LINE;
	for (int k = 0; k < PROBES; k++, hash >>= PROBE_BITS)
		if (!(line[(hash & 511) >> 3] & (1 << (hash & 7))))
			return false;
	return true;
}

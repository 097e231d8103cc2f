/* The algebra of noise: a block column is a sum of weighted sources. */
#include "integer/internal.h"

#include <xxhash.h>

/* A bijection of 64 bits for each b (the finaliser of SplitMix64). */
uint64_t int_mix(uint64_t a, uint64_t b)
{
	uint64_t x = a + 0x9e3779b97f4a7c15u * (b + 1);
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

uint64_t int_noise(const struct int_block *b)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < b->sources; i++) {
		int64_t w = b->source[i].weight;
		if (w > INT16_MAX || w < -INT16_MAX)
			return UINT32_MAX;
		sum += (uint64_t)(w * w) * b->source[i].units;
	}
	return sum;
}

void int_set_source(struct int_block *b, uint64_t id, unsigned units)
{
	b->sources = 1;
	b->source[0] = (struct int_source){.id = id, .weight = 1, .units = (uint16_t)units};
}

static unsigned find(const struct int_block *b, uint64_t id)
{
	unsigned i = 0;
	while (i < b->sources && b->source[i].id != id)
		i++;
	return i;
}

bool int_track(struct int_block *to, const struct int_block *from, int32_t weight, bool broadcast)
{
	to->lo += weight * (weight >= 0 ? from->lo : from->hi);
	to->hi += weight * (weight >= 0 ? from->hi : from->lo);
	for (unsigned s = 0; s < from->sources; s++) {
		struct int_source source = from->source[s];
		source.weight *= weight;
		source.shared |= broadcast;
		unsigned at = find(to, source.id);
		if (at == INT_MAX_SOURCES)
			return false;
		if (at == to->sources) {
			to->source[to->sources++] = source;
			continue;
		}
		to->source[at].weight += source.weight;
		to->source[at].shared |= source.shared;
		if (to->source[at].weight == 0)
			to->source[at] = to->source[--to->sources];
	}
	return true;
}

uint64_t int_content(const struct int_block *b, size_t rows, unsigned words, unsigned stride)
{
	uint64_t hash = rows;
	for (size_t r = 0; r < rows; r++)
		hash = XXH3_64bits_withSeed(b->lwe + r * stride, words * sizeof(uint32_t), hash);
	return hash;
}

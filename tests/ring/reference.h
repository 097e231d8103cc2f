/* Exact arithmetic the kernels are compared with, and a generator for test data. */
#ifndef TESTS_RING_REFERENCE_H
#define TESTS_RING_REFERENCE_H

#include <stdint.h>

/* SplitMix64 (Steele, Lea, Flood, 2014): reproducible, not secret. */
static inline uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* out += a * b in Z_2^64[X]/(X^n + 1), schoolbook. */
static inline void exact_mul_add(
	uint64_t *restrict out, const int32_t *restrict a, const uint64_t *restrict b, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		uint64_t x = (uint64_t)(int64_t)a[i];
		if (x == 0)
			continue;
		for (unsigned j = 0; j < n - i; j++)
			out[i + j] += x * b[j];
		for (unsigned j = n - i; j < n; j++)
			out[i + j - n] -= x * b[j];
	}
}

#endif

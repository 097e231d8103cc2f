/* AES-128-CTR with VAES, for inlining: four blocks a register, eight registers in flight, which hides
 * the latency of a round. Include only where VAES and AVX-512 are compiled for. */
#ifndef CRYPTO_SEED_VAES_H
#define CRYPTO_SEED_VAES_H

#include "crypto/seed_inside.h"

#include <immintrin.h>

enum {
	VAES_ROUNDS = 10,
	VAES_FLIGHT = 8,
	VAES_BLOCKS = 4,			       /* of a register */
	VAES_GROUP = VAES_FLIGHT * VAES_BLOCKS,	       /* blocks in flight */
	VAES_WORDS = VAES_FLIGHT * sizeof(__m512i) / 8 /* their words */
};

struct vaes_keys {
	__m512i round[VAES_ROUNDS + 1];
};

#define VAES_INLINE static inline __attribute__((always_inline))

VAES_INLINE struct vaes_keys vaes_keys(const struct seed_schedule *schedule)
{
	struct vaes_keys k;
	for (unsigned r = 0; r <= VAES_ROUNDS; r++)
		k.round[r] = _mm512_broadcast_i32x4(
			_mm_loadu_si128((const __m128i *)schedule->round[r]));
	return k;
}

/* Encrypts `count` (constant) registers. */
VAES_INLINE void vaes_encrypt(__m512i *x, unsigned count, const struct vaes_keys *k)
{
	for (unsigned r = 1; r < VAES_ROUNDS; r++)
		for (unsigned i = 0; i < count; i++)
			x[i] = _mm512_aesenc_epi128(x[i], k->round[r]);
	for (unsigned i = 0; i < count; i++)
		x[i] = _mm512_aesenclast_epi128(x[i], k->round[VAES_ROUNDS]);
}

/* The key stream of blocks `block` to `block` + 3. */
VAES_INLINE __m512i vaes_register(uint64_t stream, uint64_t block, const struct vaes_keys *k)
{
	const __m512i swap = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 15, 14, 13, 12, 11, 10, 9, 8));
	long long s = (long long)stream, b = (long long)block;
	__m512i x = _mm512_setr_epi64(s, b, s, b + 1, s, b + 2, s, b + 3);
	x = _mm512_xor_si512(_mm512_shuffle_epi8(x, swap), k->round[0]);
	vaes_encrypt(&x, 1, k);
	return x;
}

/* That of a whole group; `block` is a multiple of its size, so that the counters differ in five bits of
 * the last byte. */
VAES_INLINE void vaes_group(
	__m512i x[VAES_FLIGHT], uint64_t stream, uint64_t block, const struct vaes_keys *k)
{
	__m512i first = _mm512_broadcast_i32x4(
		_mm_set_epi64x((long long)__builtin_bswap64(block), (long long)stream));
	first = _mm512_xor_si512(first, k->round[0]);
	for (unsigned i = 0; i < VAES_FLIGHT; i++) {
		const long long at = (long long)i * VAES_BLOCKS;
		const __m512i number = _mm512_setr_epi64(
			0, at << 56, 0, (at + 1) << 56, 0, (at + 2) << 56, 0, (at + 3) << 56);
		x[i] = _mm512_xor_si512(first, number);
	}
	vaes_encrypt(x, VAES_FLIGHT, k);
}

#endif

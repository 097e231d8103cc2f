/* AES-128-CTR with VAES: four blocks a register, eight registers in flight, which hides the latency of
 * a round. The key schedule is FIPS 197's. */
#include "crypto/seed_inside.h"

#include <immintrin.h>
#include <string.h>

typedef __m512i vec;

enum { ROUNDS = 10, FLIGHT = 8, BLOCKS = 4 /* of a register */ };

/* Each word of a round key is the sum of those before it, and of the transformed last one. */
static inline __m128i next_key(__m128i key, __m128i assist)
{
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
	return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xff));
}

void seed_vaes_schedule(struct seed_schedule *out, const uint8_t key[16])
{
	__m128i k[ROUNDS + 1];
	k[0] = _mm_loadu_si128((const __m128i *)key);
	k[1] = next_key(k[0], _mm_aeskeygenassist_si128(k[0], 0x01));
	k[2] = next_key(k[1], _mm_aeskeygenassist_si128(k[1], 0x02));
	k[3] = next_key(k[2], _mm_aeskeygenassist_si128(k[2], 0x04));
	k[4] = next_key(k[3], _mm_aeskeygenassist_si128(k[3], 0x08));
	k[5] = next_key(k[4], _mm_aeskeygenassist_si128(k[4], 0x10));
	k[6] = next_key(k[5], _mm_aeskeygenassist_si128(k[5], 0x20));
	k[7] = next_key(k[6], _mm_aeskeygenassist_si128(k[6], 0x40));
	k[8] = next_key(k[7], _mm_aeskeygenassist_si128(k[7], 0x80));
	k[9] = next_key(k[8], _mm_aeskeygenassist_si128(k[8], 0x1b));
	k[10] = next_key(k[9], _mm_aeskeygenassist_si128(k[9], 0x36));
	memcpy(out->round, k, sizeof(k));
}

/* Counter blocks as numbers: the stream below, the counter above and not yet big-endian. */
static inline vec first_blocks(uint64_t stream, uint64_t block)
{
	long long s = (long long)stream, b = (long long)block;
	return _mm512_setr_epi64(s, b, s, b + 1, s, b + 2, s, b + 3);
}

static inline vec step(long long blocks)
{
	return _mm512_setr_epi64(0, blocks, 0, blocks, 0, blocks, 0, blocks);
}

/* Encrypts `count` (constant) registers of consecutive counter blocks. */
static inline __attribute__((always_inline)) void encrypt(
	vec *x, vec counter, unsigned count, const vec *key)
{
	const vec swap = _mm512_broadcast_i32x4(
		_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 15, 14, 13, 12, 11, 10, 9, 8));
	for (unsigned i = 0; i < count; i++) {
		x[i] = _mm512_xor_si512(_mm512_shuffle_epi8(counter, swap), key[0]);
		counter = _mm512_add_epi64(counter, step(BLOCKS));
	}
	for (unsigned r = 1; r < ROUNDS; r++)
		for (unsigned i = 0; i < count; i++)
			x[i] = _mm512_aesenc_epi128(x[i], key[r]);
	for (unsigned i = 0; i < count; i++)
		x[i] = _mm512_aesenclast_epi128(x[i], key[ROUNDS]);
}

void seed_vaes_expand(const struct seed_schedule *schedule, uint64_t stream, uint64_t block,
	uint8_t *out, size_t size)
{
	enum { WIDE = FLIGHT * sizeof(vec) };
	vec key[ROUNDS + 1], x[FLIGHT], counter = first_blocks(stream, block);
	for (unsigned r = 0; r <= ROUNDS; r++)
		key[r] = _mm512_broadcast_i32x4(
			_mm_loadu_si128((const __m128i *)schedule->round[r]));
	for (; size >= WIDE; out += WIDE, size -= WIDE) {
		encrypt(x, counter, FLIGHT, key);
		counter = _mm512_add_epi64(counter, step(FLIGHT * BLOCKS));
		for (unsigned i = 0; i < FLIGHT; i++)
			_mm512_storeu_si512(out + i * sizeof(vec), x[i]);
	}
	while (size > 0) {
		size_t piece = size < sizeof(vec) ? size : sizeof(vec);
		encrypt(x, counter, 1, key);
		counter = _mm512_add_epi64(counter, step(BLOCKS));
		_mm512_mask_storeu_epi8(out, _cvtu64_mask64(~0ull >> (64 - piece)), x[0]);
		out += piece;
		size -= piece;
	}
}

/* Seed expansion with VAES; the key schedule is FIPS 197's. */
#include "crypto/seed_vaes.h"

#include <string.h>

/* Each word of a round key is the sum of those before it, and of the transformed last one. */
static inline __m128i next_key(__m128i key, __m128i assist)
{
	key = _mm_xor_si128(key, _mm_slli_si128(key, 4));
	key = _mm_xor_si128(key, _mm_slli_si128(key, 8));
	return _mm_xor_si128(key, _mm_shuffle_epi32(assist, 0xff));
}

void seed_vaes_schedule(struct seed_schedule *out, const uint8_t key[16])
{
	__m128i k[VAES_ROUNDS + 1];
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

void seed_vaes_expand(const struct seed_schedule *schedule, uint64_t stream, uint64_t block,
	uint8_t *out, size_t size)
{
	enum { ONE = sizeof(__m512i), GROUP = VAES_FLIGHT * ONE };
	struct vaes_keys k = vaes_keys(schedule);
	while (size > 0) {
		if (block % VAES_GROUP == 0 && size >= GROUP) {
			__m512i x[VAES_FLIGHT];
			vaes_group(x, stream, block, &k);
			for (unsigned i = 0; i < VAES_FLIGHT; i++)
				_mm512_storeu_si512(out + i * ONE, x[i]);
			block += VAES_GROUP;
			out += GROUP;
			size -= GROUP;
			continue;
		}
		/* Up to the next group. */
		size_t piece = (VAES_GROUP - block % VAES_GROUP) * 16;
		piece = piece < ONE ? piece : ONE;
		piece = piece < size ? piece : size;
		__m512i x = vaes_register(stream, block, &k);
		_mm512_mask_storeu_epi8(out, _cvtu64_mask64(~0ull >> (ONE - piece)), x);
		block += piece / 16;
		out += piece;
		size -= piece;
	}
}

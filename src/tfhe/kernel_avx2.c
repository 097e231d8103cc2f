/* The kernels for AVX2 and FMA. */
#if defined(__x86_64__)

#include "ring/simd_avx2.h"

#include "tfhe/keyswitch_bytes.h"
#include "tfhe/rotate_vector.h"

#include "tfhe/rotate_grouped.h"

#include "tfhe/rotate_half.h"

/* Products of key bytes and digits meet in 16-bit pairs, at most 255 B each: so many of them add
 * up before they must be widened. */
static unsigned multiply_variant(const struct tfhe_params *p)
{
	return INT16_MAX / (255u << p->ks_base_log2);
}

/* Half a tile, 8 columns, of up to two ciphertexts. */
INLINE void multiply_half(uint32_t *sums, size_t stride, const uint8_t *tile, const int8_t *digits,
	size_t digit_stride, size_t quads, unsigned count, unsigned run, unsigned planes)
{
	__m256i ones = _mm256_set1_epi16(1);
	for (size_t begin = 0; begin < quads; begin += run) {
		size_t end = begin + run < quads ? begin + run : quads;
		__m256i pairs[2][4];
		for (unsigned c = 0; c < count; c++)
			for (unsigned plane = 0; plane < planes; plane++)
				pairs[c][plane] = _mm256_setzero_si256();
		for (size_t q = begin; q < end; q++) {
			__m256i d[2];
			for (unsigned c = 0; c < count; c++) {
				int32_t four;
				memcpy(&four, digits + c * digit_stride + 4 * q, 4);
				d[c] = _mm256_set1_epi32(four);
			}
			for (unsigned plane = 0; plane < planes; plane++) {
				__m256i key = _mm256_load_si256(
					(const __m256i *)(tile + q * quad_bytes(planes) +
							  plane * 4 * TILE));
				for (unsigned c = 0; c < count; c++)
					pairs[c][plane] = _mm256_add_epi16(
						pairs[c][plane], _mm256_maddubs_epi16(key, d[c]));
			}
		}
		for (unsigned c = 0; c < count; c++) {
			__m256i *at = (__m256i *)(sums + c * stride);
			__m256i sum = _mm256_load_si256(at);
			for (unsigned plane = 0; plane < planes; plane++)
				sum = _mm256_add_epi32(sum,
					_mm256_slli_epi32(_mm256_madd_epi16(pairs[c][plane], ones),
						(int)(8 * (4 - planes + plane))));
			_mm256_store_si256(at, sum);
		}
	}
}

INLINE void multiply_pairs(uint32_t *sums, size_t stride, const uint8_t *tile, const int8_t *digits,
	size_t digit_stride, size_t quads, size_t count, unsigned variant, unsigned planes,
	const uint8_t *next)
{
	size_t pairs = (count + 1) / 2, lines = (quads * planes + pairs - 1) / pairs;
	for (; count > 0; count -= count > 1 ? 2 : 1) {
		for (size_t line = 0; line < lines; line++, next += 64)
			__builtin_prefetch(next, 0, 2);
		for (unsigned half = 0; half < 2; half++)
			if (count > 1)
				multiply_half(sums + 8 * half, stride, tile + 32 * half, digits,
					digit_stride, quads, 2, variant, planes);
			else
				multiply_half(sums + 8 * half, stride, tile + 32 * half, digits,
					digit_stride, quads, 1, variant, planes);
		sums += 2 * stride;
		digits += 2 * digit_stride;
	}
}

static void multiply_tile(uint32_t *sums, size_t stride, const uint8_t *tile, const int8_t *digits,
	size_t digit_stride, size_t quads, size_t count, unsigned variant, unsigned planes,
	const uint8_t *next)
{
	if (planes == 3)
		multiply_pairs(
			sums, stride, tile, digits, digit_stride, quads, count, variant, 3, next);
	else
		multiply_pairs(
			sums, stride, tile, digits, digit_stride, quads, count, variant, 4, next);
}

const struct tfhe_kernel tfhe_kernel_avx2 = {true, blind_rotate_scratch, blind_rotate,
	grouped_scratch, blind_rotate_grouped, half_shared, blind_rotate_half, glwe_keyswitch,
	keyswitch_bytes, keyswitch_set, keyswitch_scratch, keyswitch};

#endif

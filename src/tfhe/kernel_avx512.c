/* The kernels for AVX-512. */
#if defined(__x86_64__)

#include "ring/simd_avx512.h"

#include "tfhe/keyswitch_bytes.h"
#include "tfhe/rotate_vector.h"

#include "tfhe/rotate_grouped.h"

#include "tfhe/rotate_half.h"

/* acc[lane] += four products of unsigned key bytes and signed digits. Without VNNI the products
 * meet in 16-bit pairs first: 2 * 255 * 64 still fits. */
INLINE __m512i dot(__m512i acc, __m512i key, __m512i digits, bool vnni)
{
	if (vnni) {
		/* the intrinsic would need the whole file compiled for VNNI */
		__asm__("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(key), "v"(digits));
		return acc;
	}
	__m512i pairs = _mm512_maddubs_epi16(key, digits);
	return _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

INLINE void multiply_some(uint32_t *sums, size_t stride, const uint8_t *tile, const int8_t *digits,
	size_t digit_stride, size_t quads, unsigned count, bool vnni, unsigned planes,
	const uint8_t *next, size_t ahead)
{
	__m512i acc[4][4];
	for (unsigned c = 0; c < count; c++)
		for (unsigned plane = 0; plane < planes; plane++)
			acc[c][plane] = _mm512_setzero_si512();
	for (size_t q = 0; q < quads; q++) {
		__m512i key[4];
		for (unsigned plane = 0; plane < planes; plane++)
			key[plane] = _mm512_load_si512(tile + q * quad_bytes(planes) + plane * 64);
		for (size_t line = 0; line < ahead; line++, next += 64)
			__builtin_prefetch(next, 0, 2);
		for (unsigned c = 0; c < count; c++) {
			int32_t four;
			memcpy(&four, digits + c * digit_stride + 4 * q, 4);
			__m512i d = _mm512_set1_epi32(four);
			for (unsigned plane = 0; plane < planes; plane++)
				acc[c][plane] = dot(acc[c][plane], key[plane], d, vnni);
		}
	}
	for (unsigned c = 0; c < count; c++) {
		__m512i sum = _mm512_load_si512(sums + c * stride);
		for (unsigned plane = 0; plane < planes; plane++)
			sum = _mm512_add_epi32(
				sum, _mm512_slli_epi32(acc[c][plane], 8 * (4 - planes + plane)));
		_mm512_store_si512(sums + c * stride, sum);
	}
}

INLINE void multiply_groups(uint32_t *sums, size_t stride, const uint8_t *tile,
	const int8_t *digits, size_t digit_stride, size_t quads, size_t count, bool vnni,
	unsigned planes, const uint8_t *next)
{
	/* A line of the next tile for each plane of a quad, shared among the groups of four. */
	size_t groups = (count + 3) / 4, ahead = (planes + groups - 1) / groups;
	for (; count >= 4; count -= 4) {
		multiply_some(sums, stride, tile, digits, digit_stride, quads, 4, vnni, planes,
			next, ahead);
		sums += 4 * stride;
		digits += 4 * digit_stride;
		next += quads * ahead * 64;
	}
	if (count == 3)
		multiply_some(sums, stride, tile, digits, digit_stride, quads, 3, vnni, planes,
			next, ahead);
	if (count == 2)
		multiply_some(sums, stride, tile, digits, digit_stride, quads, 2, vnni, planes,
			next, ahead);
	if (count == 1)
		multiply_some(sums, stride, tile, digits, digit_stride, quads, 1, vnni, planes,
			next, ahead);
}

static unsigned multiply_variant(const struct tfhe_params *p)
{
	(void)p;
	return cpu_has_vnni();
}

static void multiply_tile(uint32_t *sums, size_t stride, const uint8_t *tile, const int8_t *digits,
	size_t digit_stride, size_t quads, size_t count, unsigned variant, unsigned planes,
	const uint8_t *next)
{
	if (variant != 0 && planes == 3)
		multiply_groups(
			sums, stride, tile, digits, digit_stride, quads, count, true, 3, next);
	else if (variant != 0)
		multiply_groups(
			sums, stride, tile, digits, digit_stride, quads, count, true, 4, next);
	else if (planes == 3)
		multiply_groups(
			sums, stride, tile, digits, digit_stride, quads, count, false, 3, next);
	else
		multiply_groups(
			sums, stride, tile, digits, digit_stride, quads, count, false, 4, next);
}

const struct tfhe_kernel tfhe_kernel_avx512 = {true, blind_rotate_scratch, blind_rotate,
	grouped_scratch, blind_rotate_grouped, half_shared, blind_rotate_half, glwe_keyswitch,
	keyswitch_bytes, keyswitch_set, keyswitch_scratch, keyswitch};

#endif

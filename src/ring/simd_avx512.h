/* Vectors of 8 doubles and 16 words for AVX-512 (F, DQ, BW, VL): the vocabulary of
 * ring/fft_passes.h. The AVX2 twin gives the same results bit for bit.
 */
#ifndef RING_SIMD_AVX512_H
#define RING_SIMD_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

typedef __m512d real8;
typedef __m512i word16;

INLINE real8 r_load(const double *p)
{
	return _mm512_load_pd(p);
}
INLINE void r_store(double *p, real8 a)
{
	_mm512_store_pd(p, a);
}
INLINE real8 r_all(double x)
{
	return _mm512_set1_pd(x);
}
INLINE real8 r_add(real8 a, real8 b)
{
	return _mm512_add_pd(a, b);
}
INLINE real8 r_sub(real8 a, real8 b)
{
	return _mm512_sub_pd(a, b);
}
INLINE real8 r_mul(real8 a, real8 b)
{
	return _mm512_mul_pd(a, b);
}
/* a b + c, a b - c, c - a b */
INLINE real8 r_fma(real8 a, real8 b, real8 c)
{
	return _mm512_fmadd_pd(a, b, c);
}
INLINE real8 r_fms(real8 a, real8 b, real8 c)
{
	return _mm512_fmsub_pd(a, b, c);
}
INLINE real8 r_fnma(real8 a, real8 b, real8 c)
{
	return _mm512_fnmadd_pd(a, b, c);
}
/* (a0 a1)(b0 b1) -> (a0 b0)(a1 b1) in every quarter */
INLINE void r_swap_halves_of_quarters(real8 *a, real8 *b)
{
	real8 low = _mm512_unpacklo_pd(*a, *b);
	*b = _mm512_unpackhi_pd(*a, *b);
	*a = low;
}
/* Transposes the 4 x 4 matrix of quarters. */
INLINE void r_transpose_quarters(real8 *a, real8 *b, real8 *c, real8 *d)
{
	real8 ab_low = _mm512_shuffle_f64x2(*a, *b, 0x44);  /* a0 a1 b0 b1 */
	real8 ab_high = _mm512_shuffle_f64x2(*a, *b, 0xee); /* a2 a3 b2 b3 */
	real8 cd_low = _mm512_shuffle_f64x2(*c, *d, 0x44);
	real8 cd_high = _mm512_shuffle_f64x2(*c, *d, 0xee);
	*a = _mm512_shuffle_f64x2(ab_low, cd_low, 0x88);
	*b = _mm512_shuffle_f64x2(ab_low, cd_low, 0xdd);
	*c = _mm512_shuffle_f64x2(ab_high, cd_high, 0x88);
	*d = _mm512_shuffle_f64x2(ab_high, cd_high, 0xdd);
}

INLINE word16 w_load(const uint32_t *p)
{
	return _mm512_loadu_si512(p);
}
INLINE void w_store(uint32_t *p, word16 a)
{
	_mm512_storeu_si512(p, a);
}
INLINE word16 w_all(uint32_t x)
{
	return _mm512_set1_epi32((int)x);
}
INLINE word16 w_add(word16 a, word16 b)
{
	return _mm512_add_epi32(a, b);
}
INLINE word16 w_sub(word16 a, word16 b)
{
	return _mm512_sub_epi32(a, b);
}
INLINE word16 w_xor(word16 a, word16 b)
{
	return _mm512_xor_si512(a, b);
}
INLINE word16 w_and(word16 a, word16 b)
{
	return _mm512_and_si512(a, b);
}
INLINE word16 w_shift_left(word16 a, unsigned count)
{
	return _mm512_sll_epi32(a, _mm_cvtsi32_si128((int)count));
}
/* Words w, unsigned, to doubles 2^52 + w: words 0 1, 4 5, 8 9, 12 13 in low, the others in high. */
INLINE void w_widen(real8 *low, real8 *high, word16 a)
{
	word16 exponent = _mm512_set1_epi32(0x43300000);
	*low = _mm512_castsi512_pd(_mm512_unpacklo_epi32(a, exponent));
	*high = _mm512_castsi512_pd(_mm512_unpackhi_epi32(a, exponent));
}
/* Rounds to nearest, modulo 2^32, |x| < 2^63; the order of w_widen. */
INLINE word16 w_narrow(real8 low, real8 high)
{
	__m512i l = _mm512_cvtpd_epi64(low), h = _mm512_cvtpd_epi64(high);
	return _mm512_castps_si512(
		_mm512_shuffle_ps(_mm512_castsi512_ps(l), _mm512_castsi512_ps(h), 0x88));
}

#endif

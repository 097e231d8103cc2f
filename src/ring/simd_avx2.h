/* Vectors of 8 doubles and 16 words as pairs of AVX2 registers: the vocabulary of
 * ring/fft_passes.h. The AVX-512 twin gives the same results bit for bit.
 */
#ifndef RING_SIMD_AVX2_H
#define RING_SIMD_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

typedef struct {
	__m256d l, h;
} real8;
typedef struct {
	__m256i l, h;
} word16;

INLINE real8 r_load(const double *p)
{
	return (real8){_mm256_load_pd(p), _mm256_load_pd(p + 4)};
}
INLINE void r_store(double *p, real8 a)
{
	_mm256_store_pd(p, a.l);
	_mm256_store_pd(p + 4, a.h);
}
INLINE real8 r_all(double x)
{
	return (real8){_mm256_set1_pd(x), _mm256_set1_pd(x)};
}
INLINE real8 r_add(real8 a, real8 b)
{
	return (real8){_mm256_add_pd(a.l, b.l), _mm256_add_pd(a.h, b.h)};
}
INLINE real8 r_sub(real8 a, real8 b)
{
	return (real8){_mm256_sub_pd(a.l, b.l), _mm256_sub_pd(a.h, b.h)};
}
INLINE real8 r_mul(real8 a, real8 b)
{
	return (real8){_mm256_mul_pd(a.l, b.l), _mm256_mul_pd(a.h, b.h)};
}
/* a b + c, a b - c, c - a b */
INLINE real8 r_fma(real8 a, real8 b, real8 c)
{
	return (real8){_mm256_fmadd_pd(a.l, b.l, c.l), _mm256_fmadd_pd(a.h, b.h, c.h)};
}
INLINE real8 r_fms(real8 a, real8 b, real8 c)
{
	return (real8){_mm256_fmsub_pd(a.l, b.l, c.l), _mm256_fmsub_pd(a.h, b.h, c.h)};
}
INLINE real8 r_fnma(real8 a, real8 b, real8 c)
{
	return (real8){_mm256_fnmadd_pd(a.l, b.l, c.l), _mm256_fnmadd_pd(a.h, b.h, c.h)};
}
/* (a0 a1)(b0 b1) -> (a0 b0)(a1 b1) in every quarter */
INLINE void r_swap_halves_of_quarters(real8 *a, real8 *b)
{
	real8 low = {_mm256_unpacklo_pd(a->l, b->l), _mm256_unpacklo_pd(a->h, b->h)};
	real8 high = {_mm256_unpackhi_pd(a->l, b->l), _mm256_unpackhi_pd(a->h, b->h)};
	*a = low;
	*b = high;
}
/* Transposes the 4 x 4 matrix of quarters. */
INLINE void r_transpose_quarters(real8 *a, real8 *b, real8 *c, real8 *d)
{
	real8 w = {
		_mm256_permute2f128_pd(a->l, b->l, 0x20), _mm256_permute2f128_pd(c->l, d->l, 0x20)};
	real8 x = {
		_mm256_permute2f128_pd(a->l, b->l, 0x31), _mm256_permute2f128_pd(c->l, d->l, 0x31)};
	real8 y = {
		_mm256_permute2f128_pd(a->h, b->h, 0x20), _mm256_permute2f128_pd(c->h, d->h, 0x20)};
	real8 z = {
		_mm256_permute2f128_pd(a->h, b->h, 0x31), _mm256_permute2f128_pd(c->h, d->h, 0x31)};
	*a = w;
	*b = x;
	*c = y;
	*d = z;
}

INLINE word16 w_load(const uint32_t *p)
{
	return (word16){_mm256_loadu_si256((const __m256i *)p),
		_mm256_loadu_si256((const __m256i *)(p + 8))};
}
INLINE void w_store(uint32_t *p, word16 a)
{
	_mm256_storeu_si256((__m256i *)p, a.l);
	_mm256_storeu_si256((__m256i *)(p + 8), a.h);
}
INLINE word16 w_all(uint32_t x)
{
	return (word16){_mm256_set1_epi32((int)x), _mm256_set1_epi32((int)x)};
}
INLINE word16 w_add(word16 a, word16 b)
{
	return (word16){_mm256_add_epi32(a.l, b.l), _mm256_add_epi32(a.h, b.h)};
}
INLINE word16 w_sub(word16 a, word16 b)
{
	return (word16){_mm256_sub_epi32(a.l, b.l), _mm256_sub_epi32(a.h, b.h)};
}
INLINE word16 w_xor(word16 a, word16 b)
{
	return (word16){_mm256_xor_si256(a.l, b.l), _mm256_xor_si256(a.h, b.h)};
}
INLINE word16 w_and(word16 a, word16 b)
{
	return (word16){_mm256_and_si256(a.l, b.l), _mm256_and_si256(a.h, b.h)};
}
INLINE word16 w_shift_left(word16 a, unsigned count)
{
	__m128i c = _mm_cvtsi32_si128((int)count);
	return (word16){_mm256_sll_epi32(a.l, c), _mm256_sll_epi32(a.h, c)};
}
/* Words w, unsigned, to doubles 2^52 + w: words 0 1, 4 5, 8 9, 12 13 in low, the others in high. */
INLINE void w_widen(real8 *low, real8 *high, word16 a)
{
	__m256i exponent = _mm256_set1_epi32(0x43300000);
	low->l = _mm256_castsi256_pd(_mm256_unpacklo_epi32(a.l, exponent));
	low->h = _mm256_castsi256_pd(_mm256_unpacklo_epi32(a.h, exponent));
	high->l = _mm256_castsi256_pd(_mm256_unpackhi_epi32(a.l, exponent));
	high->h = _mm256_castsi256_pd(_mm256_unpackhi_epi32(a.h, exponent));
}
/* The multiple of 2^32 nearest to x is taken off exactly; adding 1.5 * 2^52 then rounds to an
 * integer and leaves it in the low bits. */
INLINE __m256d low_words(__m256d x)
{
	__m256d turns = _mm256_round_pd(_mm256_mul_pd(x, _mm256_set1_pd(0x1p-32)),
		_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	__m256d rest = _mm256_fnmadd_pd(turns, _mm256_set1_pd(0x1p32), x);
	return _mm256_add_pd(rest, _mm256_set1_pd(0x1.8p52));
}
INLINE __m256i narrow(__m256d low, __m256d high)
{
	return _mm256_castps_si256(_mm256_shuffle_ps(
		_mm256_castpd_ps(low_words(low)), _mm256_castpd_ps(low_words(high)), 0x88));
}
/* Rounds to nearest, modulo 2^32, |x| < 2^63; the order of w_widen. */
INLINE word16 w_narrow(real8 low, real8 high)
{
	return (word16){narrow(low.l, high.l), narrow(low.h, high.h)};
}

#endif

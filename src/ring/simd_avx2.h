/* Registers of 4 doubles and 8 words for AVX2 and FMA: the vocabulary of ring/fft_passes.h. The
 * AVX-512 twin gives the same results bit for bit.
 */
#ifndef RING_SIMD_AVX2_H
#define RING_SIMD_AVX2_H

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

typedef __m256d real;
typedef __m256i integers;
/* Doubles in a register, registers in a vector of 8 doubles. */
enum { LANES = 4, PARTS = 2 };

INLINE real r_load(const double *p)
{
	return _mm256_load_pd(p);
}
INLINE void r_store(double *p, real a)
{
	_mm256_store_pd(p, a);
}
INLINE real r_all(double x)
{
	return _mm256_set1_pd(x);
}
INLINE real r_add(real a, real b)
{
	return _mm256_add_pd(a, b);
}
INLINE real r_sub(real a, real b)
{
	return _mm256_sub_pd(a, b);
}
INLINE real r_mul(real a, real b)
{
	return _mm256_mul_pd(a, b);
}
/* a b + c, a b - c, c - a b */
INLINE real r_fma(real a, real b, real c)
{
	return _mm256_fmadd_pd(a, b, c);
}
INLINE real r_fms(real a, real b, real c)
{
	return _mm256_fmsub_pd(a, b, c);
}
INLINE real r_fnma(real a, real b, real c)
{
	return _mm256_fnmadd_pd(a, b, c);
}
/* (a0 a1)(b0 b1) -> (a0 b0)(a1 b1) in every quarter */
INLINE void r_swap_halves_of_quarters(real *a, real *b)
{
	real low = _mm256_unpacklo_pd(*a, *b);
	*b = _mm256_unpackhi_pd(*a, *b);
	*a = low;
}
/* Transposes the 4 x 4 matrix of quarters of four vectors. */
INLINE void r_transpose_quarters(real a[PARTS], real b[PARTS], real c[PARTS], real d[PARTS])
{
	real a0 = a[0], a1 = a[1], b0 = b[0], b1 = b[1];
	real c0 = c[0], c1 = c[1], d0 = d[0], d1 = d[1];
	a[0] = _mm256_permute2f128_pd(a0, b0, 0x20);
	a[1] = _mm256_permute2f128_pd(c0, d0, 0x20);
	b[0] = _mm256_permute2f128_pd(a0, b0, 0x31);
	b[1] = _mm256_permute2f128_pd(c0, d0, 0x31);
	c[0] = _mm256_permute2f128_pd(a1, b1, 0x20);
	c[1] = _mm256_permute2f128_pd(c1, d1, 0x20);
	d[0] = _mm256_permute2f128_pd(a1, b1, 0x31);
	d[1] = _mm256_permute2f128_pd(c1, d1, 0x31);
}

INLINE integers w_load(const uint32_t *p)
{
	return _mm256_loadu_si256((const __m256i *)p);
}
INLINE void w_store(uint32_t *p, integers a)
{
	_mm256_storeu_si256((__m256i *)p, a);
}
INLINE integers w_all(uint32_t x)
{
	return _mm256_set1_epi32((int)x);
}
INLINE integers w_add(integers a, integers b)
{
	return _mm256_add_epi32(a, b);
}
INLINE integers w_sub(integers a, integers b)
{
	return _mm256_sub_epi32(a, b);
}
INLINE integers w_xor(integers a, integers b)
{
	return _mm256_xor_si256(a, b);
}
INLINE integers w_and(integers a, integers b)
{
	return _mm256_and_si256(a, b);
}
INLINE integers w_shift_left(integers a, unsigned count)
{
	return _mm256_sll_epi32(a, _mm_cvtsi32_si128((int)count));
}
/* Words w, unsigned, to doubles 2^52 + w: the lower two of every four in low, the others in high.
 */
INLINE void w_widen(real *low, real *high, integers a)
{
	__m256i exponent = _mm256_set1_epi32(0x43300000);
	*low = _mm256_castsi256_pd(_mm256_unpacklo_epi32(a, exponent));
	*high = _mm256_castsi256_pd(_mm256_unpackhi_epi32(a, exponent));
}
/* The multiple of 2^32 nearest to x is taken off exactly; adding 1.5 * 2^52 then rounds to an
 * integer and leaves it in the low bits. */
INLINE real low_words(real x)
{
	real turns = _mm256_round_pd(_mm256_mul_pd(x, _mm256_set1_pd(0x1p-32)),
		_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	real rest = _mm256_fnmadd_pd(turns, _mm256_set1_pd(0x1p32), x);
	return _mm256_add_pd(rest, _mm256_set1_pd(0x1.8p52));
}
/* Rounds to nearest, modulo 2^32, |x| < 2^63; the order of w_widen. */
INLINE integers w_narrow(real low, real high)
{
	return _mm256_castps_si256(_mm256_shuffle_ps(
		_mm256_castpd_ps(low_words(low)), _mm256_castpd_ps(low_words(high)), 0x88));
}

#endif

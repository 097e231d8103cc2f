/* Registers of 8 doubles and 16 words for AVX-512 (F, DQ, BW, VL): the vocabulary of
 * ring/fft_passes.h. The AVX2 twin gives the same results bit for bit.
 */
#ifndef RING_SIMD_AVX512_H
#define RING_SIMD_AVX512_H

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))

typedef __m512d real;
typedef __m512i integers;
/* Doubles in a register, registers in a vector of 8 doubles. */
enum { LANES = 8, PARTS = 1 };

INLINE real r_load(const double *p)
{
	return _mm512_load_pd(p);
}
INLINE void r_store(double *p, real a)
{
	_mm512_store_pd(p, a);
}
INLINE real r_all(double x)
{
	return _mm512_set1_pd(x);
}
INLINE real r_add(real a, real b)
{
	return _mm512_add_pd(a, b);
}
INLINE real r_sub(real a, real b)
{
	return _mm512_sub_pd(a, b);
}
INLINE real r_mul(real a, real b)
{
	return _mm512_mul_pd(a, b);
}
/* a b + c, a b - c, c - a b */
INLINE real r_fma(real a, real b, real c)
{
	return _mm512_fmadd_pd(a, b, c);
}
INLINE real r_fms(real a, real b, real c)
{
	return _mm512_fmsub_pd(a, b, c);
}
INLINE real r_fnma(real a, real b, real c)
{
	return _mm512_fnmadd_pd(a, b, c);
}
/* (a0 a1)(b0 b1) -> (a0 b0)(a1 b1) in every quarter */
INLINE void r_swap_halves_of_quarters(real *a, real *b)
{
	real low = _mm512_unpacklo_pd(*a, *b);
	*b = _mm512_unpackhi_pd(*a, *b);
	*a = low;
}
/* Transposes the 4 x 4 matrix of quarters of four vectors. */
INLINE void r_transpose_quarters(real a[PARTS], real b[PARTS], real c[PARTS], real d[PARTS])
{
	real ab_low = _mm512_shuffle_f64x2(*a, *b, 0x44);  /* a0 a1 b0 b1 */
	real ab_high = _mm512_shuffle_f64x2(*a, *b, 0xee); /* a2 a3 b2 b3 */
	real cd_low = _mm512_shuffle_f64x2(*c, *d, 0x44);
	real cd_high = _mm512_shuffle_f64x2(*c, *d, 0xee);
	*a = _mm512_shuffle_f64x2(ab_low, cd_low, 0x88);
	*b = _mm512_shuffle_f64x2(ab_low, cd_low, 0xdd);
	*c = _mm512_shuffle_f64x2(ab_high, cd_high, 0x88);
	*d = _mm512_shuffle_f64x2(ab_high, cd_high, 0xdd);
}

INLINE integers w_load(const uint32_t *p)
{
	return _mm512_loadu_si512(p);
}
INLINE void w_store(uint32_t *p, integers a)
{
	_mm512_storeu_si512(p, a);
}
INLINE integers w_all(uint32_t x)
{
	return _mm512_set1_epi32((int)x);
}
INLINE integers w_add(integers a, integers b)
{
	return _mm512_add_epi32(a, b);
}
INLINE integers w_sub(integers a, integers b)
{
	return _mm512_sub_epi32(a, b);
}
INLINE integers w_xor(integers a, integers b)
{
	return _mm512_xor_si512(a, b);
}
INLINE integers w_and(integers a, integers b)
{
	return _mm512_and_si512(a, b);
}
INLINE integers w_shift_left(integers a, unsigned count)
{
	return _mm512_sll_epi32(a, _mm_cvtsi32_si128((int)count));
}
/* Words w, unsigned, to doubles 2^52 + w: the lower two of every four in low, the others in high.
 */
INLINE void w_widen(real *low, real *high, integers a)
{
	integers exponent = _mm512_set1_epi32(0x43300000);
	*low = _mm512_castsi512_pd(_mm512_unpacklo_epi32(a, exponent));
	*high = _mm512_castsi512_pd(_mm512_unpackhi_epi32(a, exponent));
}
/* Rounds to nearest, modulo 2^32, |x| < 2^63; the order of w_widen. */
INLINE integers w_narrow(real low, real high)
{
	__m512i l = _mm512_cvtpd_epi64(low), h = _mm512_cvtpd_epi64(high);
	return _mm512_castps_si512(
		_mm512_shuffle_ps(_mm512_castsi512_ps(l), _mm512_castsi512_ps(h), 0x88));
}

#endif

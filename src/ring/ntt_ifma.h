/* What the kernels with 52-bit products share, for inlining. */
#ifndef RING_NTT_IFMA_H
#define RING_NTT_IFMA_H

#include "ring/ntt_inside.h"

#include <immintrin.h>

typedef __m512i vec;

#define INLINE static inline __attribute__((always_inline))

static inline vec load(const uint64_t *p)
{
	return _mm512_load_si512(p);
}
static inline void store(uint64_t *p, vec v)
{
	_mm512_store_si512(p, v);
}
static inline vec set(uint64_t v)
{
	return _mm512_set1_epi64((long long)v);
}
static inline vec low52(vec sum, vec a, vec b)
{
	return _mm512_madd52lo_epu64(sum, a, b);
}
static inline vec high52(vec sum, vec a, vec b)
{
	return _mm512_madd52hi_epu64(sum, a, b);
}
/* x < 2 bound to below bound: the wrapped difference is the greater one if x is below. */
static inline vec below(vec x, vec bound)
{
	return _mm512_min_epu64(x, _mm512_sub_epi64(x, bound));
}

struct modulus {
	vec q, twice, minus; /* minus: 2^52 - q, so that e (2^52 - q) subtracts e q in 52 bits */
	vec mask;
};

static inline struct modulus modulus(const struct ntt *t)
{
	return (struct modulus){set(t->q), set(2 * t->q), set(((uint64_t)1 << 52) - t->q),
		set(((uint64_t)1 << 52) - 1)};
}

/* y w modulo q, in [0, 2q); y < 2^52. */
static inline vec shoup(vec y, vec w, vec quotient, const struct modulus *m)
{
	vec zero = _mm512_setzero_si512();
	vec e = high52(zero, y, quotient);
	return _mm512_and_si512(low52(low52(zero, y, w), e, m->minus), m->mask);
}

/* y modulo q, in [0, 2q); y < 2^52, quotient the one of 1. */
static inline vec reduced(vec y, vec quotient, const struct modulus *m)
{
	vec e = high52(_mm512_setzero_si512(), y, quotient);
	return _mm512_and_si512(low52(y, e, m->minus), m->mask);
}

/* Residues modulo p to residues modulo q, centred in between. */
struct conversion {
	vec half, lift, quotient; /* p / 2, -p modulo q, the quotient of 1 */
};

static inline struct conversion conversion(const struct ntt *t, uint64_t p)
{
	return (struct conversion){set(p / 2), set(t->q - p % t->q), set(t->one_shoup)};
}

static inline vec converted(vec x, const struct conversion *c, const struct modulus *m)
{
	x = _mm512_mask_add_epi64(x, _mm512_cmpgt_epu64_mask(x, c->half), x, c->lift);
	return below(reduced(x, c->quotient, m), m->q);
}

/* ring/ntt_ifma_transform.c */
void ntt_ifma_convert_forward(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p);
void ntt_ifma_forward(const struct ntt *t, uint64_t *x);
void ntt_ifma_inverse(const struct ntt *t, uint64_t *x);

/* ---- any words */

struct word_modulus {
	vec factor, q, twice, minus, mask;
};

static inline struct word_modulus word_modulus(const struct ntt *t)
{
	return (struct word_modulus){set(t->barrett64), set(t->q), set(2 * t->q),
		set(((uint64_t)1 << 52) - t->q), set(((uint64_t)1 << 52) - 1)};
}

/* With e the upper half of (w >> 12) floor(2^64 / q), w - e q is below q + (2^64 mod q) + 2^12, and so
 * below 2 q (close) or 3 q. The shift is one by bits of bytes, on a port that AES leaves free; products
 * do not see what comes round above bit 52. */
INLINE vec reduce_word(vec w, const struct word_modulus *m, bool close)
{
	const vec from = set(0x003c342c241c140c);
	vec e = high52(_mm512_setzero_si512(), _mm512_multishift_epi64_epi8(from, w), m->factor);
	vec r = _mm512_and_si512(low52(w, e, m->minus), m->mask);
	return below(close ? r : below(r, m->twice), m->q);
}

#endif

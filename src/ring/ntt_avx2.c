/* Number-theoretic transforms with AVX2 and FMA: residues as doubles, products exact in two of them
 * (van der Hoeven, Lecerf and Quintin, "Modular SIMD arithmetic in Mathemagix", 2016).
 *
 * a b = h + l, both doubles: h the product rounded, l what a fused multiplication finds to be missing. With
 * c the integer nearest to h / q, give or take an error, (h - c q) + l is a b modulo q, and all of it
 * exact. Nearest is the sum with 1.5 2^52, whose last place is 1, and the difference again. For |a| <= A
 * and |b| <= q / 2 the quotient is off by A 2^-53, so that what comes is at most (1/2 + A 2^-53) q; A 2^-53 is
 * at most 1/4 as long as A <= 2^51.
 *
 * A transform turns its words into doubles on the first pass, which stay signed and unreduced, and back on
 * the last. Two forms: where q < 2^47 (*lazy*), forward nothing is reduced, since a level adds less than
 * 0.65 q, and inverse one of four in every two levels; else every two levels reduce what they did not
 * multiply.
 */
#include "ring/ntt_inside.h"

#include <immintrin.h>
#include <string.h>

typedef __m256d vec;
typedef __m256i ivec;

enum {
	BLOCK = 2048, /* coefficients that the first-level cache holds */
	LAZY_BITS = 47
};

#define INLINE static inline __attribute__((always_inline))

static const double ROUND = 0x1.8p52, WORD = 0x1p52;

INLINE vec load(const uint64_t *p) /* a double in a word's place */
{
	return _mm256_load_pd((const double *)(const void *)p);
}
INLINE void store(uint64_t *p, vec v)
{
	_mm256_store_pd((double *)(void *)p, v);
}
INLINE ivec load_words(const uint64_t *p)
{
	return _mm256_load_si256((const ivec *)(const void *)p);
}
INLINE void store_words(uint64_t *p, ivec v)
{
	_mm256_store_si256((ivec *)(void *)p, v);
}
INLINE vec broadcast(const uint64_t *p)
{
	return _mm256_broadcast_sd((const double *)(const void *)p);
}
INLINE vec set(double v)
{
	return _mm256_set1_pd(v);
}
INLINE ivec set_word(uint64_t v)
{
	return _mm256_set1_epi64x((long long)v);
}
INLINE vec add(vec a, vec b)
{
	return _mm256_add_pd(a, b);
}
INLINE vec sub(vec a, vec b)
{
	return _mm256_sub_pd(a, b);
}

/* Words below 2^52 to doubles: they are what follows 2^52. */
INLINE vec to_double(ivec w)
{
	return sub(
		_mm256_castsi256_pd(_mm256_or_si256(w, _mm256_castpd_si256(set(WORD)))), set(WORD));
}
INLINE ivec to_word(vec x) /* integers in [0, 2^52) */
{
	return _mm256_xor_si256(
		_mm256_castpd_si256(add(x, set(WORD))), _mm256_castpd_si256(set(WORD)));
}

struct modulus {
	vec q, inverse; /* 1/q */
};

static inline struct modulus modulus(const struct ntt *t)
{
	return (struct modulus){set((double)t->q), set(1 / (double)t->q)};
}

INLINE vec nearest(vec x)
{
	return sub(add(x, set(ROUND)), set(ROUND));
}

/* b / q is known: its quotient does not wait for the product. */
INLINE vec times(vec a, vec b, vec b_inverse, const struct modulus *m)
{
	vec h = _mm256_mul_pd(a, b), l = _mm256_fmsub_pd(a, b, h);
	vec c = sub(_mm256_fmadd_pd(a, b_inverse, set(ROUND)), set(ROUND));
	return add(_mm256_fnmadd_pd(c, m->q, h), l);
}

INLINE vec product(vec a, vec b, const struct modulus *m)
{
	vec h = _mm256_mul_pd(a, b), l = _mm256_fmsub_pd(a, b, h);
	vec c = sub(_mm256_fmadd_pd(h, m->inverse, set(ROUND)), set(ROUND));
	return add(_mm256_fnmadd_pd(c, m->q, h), l);
}

/* To [-q/2, q/2]. */
INLINE vec centred(vec x, const struct modulus *m)
{
	vec c = sub(_mm256_fmadd_pd(x, m->inverse, set(ROUND)), set(ROUND));
	return _mm256_fnmadd_pd(c, m->q, x);
}

/* (-q, q) to [0, q). */
INLINE vec positive(vec x, const struct modulus *m)
{
	return add(x, _mm256_and_pd(_mm256_cmp_pd(x, _mm256_setzero_pd(), _CMP_LT_OQ), m->q));
}

/* ---- transforms */

/* Constants of two levels: of a node and of its children. */
struct constants {
	vec w[3], over_q[3];
};

INLINE void forward_butterfly(
	vec *x, vec *y, const struct constants *c, unsigned k, const struct modulus *m)
{
	vec v = times(*y, c->w[k], c->over_q[k], m), u = *x;
	*x = add(u, v);
	*y = sub(u, v);
}

INLINE void inverse_butterfly(
	vec *x, vec *y, const struct constants *c, unsigned k, const struct modulus *m)
{
	vec sum = add(*x, *y), difference = sub(*x, *y);
	*x = sum;
	*y = times(difference, c->w[k], c->over_q[k], m);
}

/* Two levels of four. */
INLINE void forward_four(vec r[4], const struct constants *c, const struct modulus *m, bool lazy)
{
	if (!lazy) {
		r[0] = centred(r[0], m);
		r[1] = centred(r[1], m);
	}
	forward_butterfly(&r[0], &r[2], c, 0, m);
	forward_butterfly(&r[1], &r[3], c, 0, m);
	forward_butterfly(&r[0], &r[1], c, 1, m);
	forward_butterfly(&r[2], &r[3], c, 2, m);
}

INLINE void inverse_four(vec r[4], const struct constants *c, const struct modulus *m, bool lazy)
{
	inverse_butterfly(&r[0], &r[1], c, 1, m);
	inverse_butterfly(&r[2], &r[3], c, 2, m);
	if (!lazy) {
		r[0] = centred(r[0], m);
		r[2] = centred(r[2], m);
	}
	inverse_butterfly(&r[0], &r[2], c, 0, m);
	inverse_butterfly(&r[1], &r[3], c, 0, m);
	if (lazy)
		r[0] = centred(r[0], m);
	else
		r[1] = centred(r[1], m);
}

/* The last level of all: by 1/N, to [0, q). */
INLINE void inverse_last(const struct ntt *t, vec *x, vec *y, const struct modulus *m)
{
	vec sum = add(*x, *y), difference = sub(*x, *y);
	*x = positive(times(sum, broadcast(&t->scale), broadcast(&t->scale_shoup), m), m);
	*y = positive(times(difference, broadcast(&t->last), broadcast(&t->last_shoup), m), m);
}

INLINE struct constants constants(const uint64_t *w, const uint64_t *over_q, size_t node)
{
	return (struct constants){
		{broadcast(w + node), broadcast(w + 2 * node), broadcast(w + 2 * node + 1)},
		{broadcast(over_q + node), broadcast(over_q + 2 * node),
			broadcast(over_q + 2 * node + 1)}};
}

INLINE struct constants end_constants(const uint64_t *e)
{
	return (struct constants){
		{load(e), load(e + 4), load(e + 8)}, {load(e + 12), load(e + 16), load(e + 20)}};
}

/* Rows to columns. */
INLINE void transpose(vec r[4])
{
	vec a = _mm256_unpacklo_pd(r[0], r[1]), b = _mm256_unpackhi_pd(r[0], r[1]);
	vec c = _mm256_unpacklo_pd(r[2], r[3]), d = _mm256_unpackhi_pd(r[2], r[3]);
	r[0] = _mm256_permute2f128_pd(a, c, 0x20);
	r[1] = _mm256_permute2f128_pd(b, d, 0x20);
	r[2] = _mm256_permute2f128_pd(a, c, 0x31);
	r[3] = _mm256_permute2f128_pd(b, d, 0x31);
}

/* Two levels of a block of 4 h that is node `node`; words: of the input's words, not yet doubles. */
INLINE void forward_two(const struct ntt *t, uint64_t *x, size_t node, size_t h,
	const struct modulus *m, bool lazy, bool words)
{
	struct constants c = constants(t->forward, t->forward_shoup, node);
	for (size_t j = 0; j < h; j += 4) {
		vec r[4];
		for (unsigned i = 0; i < 4; i++)
			r[i] = words ? to_double(load_words(x + i * h + j)) : load(x + i * h + j);
		forward_four(r, &c, m, lazy);
		for (unsigned i = 0; i < 4; i++)
			store(x + i * h + j, r[i]);
	}
}

/* The last four levels of the 16 coefficients that are node `node`; `e`: the constants of the last two
 * (struct ntt). */
INLINE void forward_end(const struct ntt *t, uint64_t *x, size_t node, const uint64_t *e,
	const struct modulus *m, bool lazy)
{
	struct constants c = constants(t->forward, t->forward_shoup, node);
	vec r[4];
	for (unsigned i = 0; i < 4; i++)
		r[i] = load(x + 4 * i);
	forward_four(r, &c, m, lazy);
	transpose(r);
	c = end_constants(e);
	forward_four(r, &c, m, lazy);
	transpose(r);
	for (unsigned i = 0; i < 4; i++)
		store_words(x + 4 * i, to_word(positive(centred(r[i], m), m)));
}

/* All levels of the block of `size` coefficients that is node `node`; size is 16 times a power of 4. */
INLINE void forward_block(const struct ntt *t, uint64_t *x, size_t node, size_t size,
	const struct modulus *m, bool lazy)
{
	size_t nodes = 1, at = node;
	for (; size / nodes > 16; nodes *= 4, at *= 4)
		for (size_t k = 0; k < nodes; k++)
			forward_two(t, x + k * (size / nodes), at + k, size / nodes / 4, m, lazy,
				false);
	size_t first = at - t->n / 16;
	for (size_t k = 0; k < nodes; k++)
		forward_end(t, x + 16 * k, at + k, t->forward_ends + (first + k) * 24, m, lazy);
}

INLINE void forward_all(const struct ntt *t, uint64_t *x, bool lazy)
{
	struct modulus m = modulus(t);
	size_t n = t->n, nodes = 4;
	if (t->log2n % 2 == 0) {
		forward_two(t, x, 1, n / 4, &m, lazy, true);
	} else {
		struct constants c = constants(t->forward, t->forward_shoup, 1);
		for (size_t j = 0; j < n / 2; j += 4) {
			vec a = to_double(load_words(x + j)),
			    b = to_double(load_words(x + n / 2 + j));
			forward_butterfly(&a, &b, &c, 0, &m);
			store(x + j, a);
			store(x + n / 2 + j, b);
		}
		nodes = 2;
	}
	for (; n / nodes > BLOCK; nodes *= 4)
		for (size_t k = 0; k < nodes; k++)
			forward_two(
				t, x + k * (n / nodes), nodes + k, n / nodes / 4, &m, lazy, false);
	for (size_t k = 0; k < nodes; k++)
		forward_block(t, x + k * (n / nodes), nodes + k, n / nodes, &m, lazy);
}

static void forward(const struct ntt *t, uint64_t *x)
{
	if (t->bits <= LAZY_BITS)
		forward_all(t, x, true);
	else
		forward_all(t, x, false);
}

INLINE void inverse_two(
	const struct ntt *t, uint64_t *x, size_t node, size_t h, const struct modulus *m, bool lazy)
{
	struct constants c = constants(t->inverse, t->inverse_shoup, node);
	for (size_t j = 0; j < h; j += 4) {
		vec r[4];
		for (unsigned i = 0; i < 4; i++)
			r[i] = load(x + i * h + j);
		inverse_four(r, &c, m, lazy);
		for (unsigned i = 0; i < 4; i++)
			store(x + i * h + j, r[i]);
	}
}

INLINE void inverse_end(const struct ntt *t, uint64_t *x, size_t node, const uint64_t *e,
	const struct modulus *m, bool lazy)
{
	struct constants c = end_constants(e);
	vec r[4];
	for (unsigned i = 0; i < 4; i++)
		r[i] = to_double(load_words(x + 4 * i));
	transpose(r);
	inverse_four(r, &c, m, lazy);
	transpose(r);
	c = constants(t->inverse, t->inverse_shoup, node);
	inverse_four(r, &c, m, lazy);
	for (unsigned i = 0; i < 4; i++)
		store(x + 4 * i, r[i]);
}

INLINE void inverse_block(const struct ntt *t, uint64_t *x, size_t node, size_t size,
	const struct modulus *m, bool lazy)
{
	size_t at = node * (size / 16), first = at - t->n / 16;
	for (size_t k = 0; k < size / 16; k++)
		inverse_end(t, x + 16 * k, at + k, t->inverse_ends + (first + k) * 24, m, lazy);
	for (size_t h = 16; h < size; h *= 4)
		for (size_t k = 0; k < size / (4 * h); k++)
			inverse_two(t, x + 4 * h * k, node * (size / (4 * h)) + k, h, m, lazy);
}

/* The last two levels of all, or the last one. */
INLINE void inverse_finish(const struct ntt *t, uint64_t *x, const struct modulus *m, bool lazy)
{
	size_t h = t->n / 4;
	struct constants c = constants(t->inverse, t->inverse_shoup, 1);
	bool two = t->log2n % 2 == 0;
	for (size_t j = 0; j < h; j += 4) {
		vec r[4];
		for (unsigned i = 0; i < 4; i++)
			r[i] = load(x + i * h + j);
		if (two) {
			inverse_butterfly(&r[0], &r[1], &c, 1, m);
			inverse_butterfly(&r[2], &r[3], &c, 2, m);
			if (!lazy) {
				r[0] = centred(r[0], m);
				r[2] = centred(r[2], m);
			}
		}
		inverse_last(t, &r[0], &r[2], m);
		inverse_last(t, &r[1], &r[3], m);
		for (unsigned i = 0; i < 4; i++)
			store_words(x + i * h + j, to_word(r[i]));
	}
}

INLINE void inverse_all(const struct ntt *t, uint64_t *x, bool lazy)
{
	struct modulus m = modulus(t);
	size_t n = t->n, top = t->log2n % 2 == 0 ? 4 : 2, nodes = top;
	while (n / nodes > BLOCK)
		nodes *= 4;
	for (size_t k = 0; k < nodes; k++)
		inverse_block(t, x + k * (n / nodes), nodes + k, n / nodes, &m, lazy);
	for (; nodes > top; nodes /= 4)
		for (size_t k = 0; k < nodes / 4; k++)
			inverse_two(t, x + k * (4 * n / nodes), nodes / 4 + k, n / nodes, &m, lazy);
	inverse_finish(t, x, &m, lazy);
}

static void inverse(const struct ntt *t, uint64_t *x)
{
	if (t->bits <= LAZY_BITS)
		inverse_all(t, x, true);
	else
		inverse_all(t, x, false);
}

/* ---- element by element; words are compared as signed, all are below 2^63 */

INLINE ivec below(ivec x, ivec q) /* [0, 2q) to [0, q) */
{
	return _mm256_sub_epi64(x, _mm256_andnot_si256(_mm256_cmpgt_epi64(q, x), q));
}

static void add_all(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	ivec q = set_word(t->q);
	for (size_t i = 0; i < n; i += 4)
		store_words(
			out + i, below(_mm256_add_epi64(load_words(a + i), load_words(b + i)), q));
}

static void sub_all(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	ivec q = set_word(t->q);
	for (size_t i = 0; i < n; i += 4) {
		ivec x = load_words(a + i), y = load_words(b + i);
		ivec lift = _mm256_and_si256(_mm256_cmpgt_epi64(y, x), q);
		store_words(out + i, _mm256_add_epi64(_mm256_sub_epi64(x, y), lift));
	}
}

static void neg(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n)
{
	ivec q = set_word(t->q);
	for (size_t i = 0; i < n; i += 4) {
		ivec x = load_words(a + i), zero = _mm256_cmpeq_epi64(x, _mm256_setzero_si256());
		store_words(out + i, _mm256_andnot_si256(zero, _mm256_sub_epi64(q, x)));
	}
}

static void shift(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	ivec q = set_word(t->q), by = set_word(c);
	for (size_t i = 0; i < n; i += 4)
		store_words(out + i, below(_mm256_add_epi64(load_words(a + i), by), q));
}

static void mul(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	struct modulus m = modulus(t);
	for (size_t i = 0; i < n; i += 4) {
		vec r = product(to_double(load_words(a + i)), to_double(load_words(b + i)), &m);
		store_words(out + i, to_word(positive(r, &m)));
	}
}

/* s + a b modulo q in (-q, q): the quotient is that of both. */
INLINE vec product_sum(vec s, vec a, vec b, const struct modulus *m)
{
	vec h = _mm256_mul_pd(a, b), l = add(_mm256_fmsub_pd(a, b, h), s);
	vec c = nearest(_mm256_fmadd_pd(h, m->inverse, _mm256_mul_pd(s, m->inverse)));
	return add(_mm256_fnmadd_pd(c, m->q, h), l);
}

static void mul_add(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	struct modulus m = modulus(t);
	for (size_t i = 0; i < n; i += 4) {
		vec r = product_sum(to_double(load_words(out + i)), to_double(load_words(a + i)),
			to_double(load_words(b + i)), &m);
		store_words(out + i, to_word(positive(r, &m)));
	}
}

static void mul_sub(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	struct modulus m = modulus(t);
	for (size_t i = 0; i < n; i += 4) {
		vec minus = _mm256_sub_pd(_mm256_setzero_pd(), to_double(load_words(a + i)));
		vec r = product_sum(
			to_double(load_words(out + i)), minus, to_double(load_words(b + i)), &m);
		store_words(out + i, to_word(positive(r, &m)));
	}
}

static void lift(const struct ntt *t, uint64_t *out, const int64_t *a, size_t n)
{
	ivec q = set_word(t->q);
	for (size_t i = 0; i < n; i += 4) {
		ivec x = load_words((const uint64_t *)a + i);
		ivec negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), x);
		store_words(out + i, _mm256_add_epi64(x, _mm256_and_si256(negative, q)));
	}
}

static void scale(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	struct modulus m = modulus(t);
	vec w = set((double)c);
	for (size_t i = 0; i < n; i += 4) {
		vec r = product(to_double(load_words(a + i)), w, &m);
		store_words(out + i, to_word(positive(r, &m)));
	}
}

static void scale_add(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	struct modulus m = modulus(t);
	vec w = set((double)c);
	for (size_t i = 0; i < n; i += 4) {
		vec r = product_sum(
			to_double(load_words(out + i)), to_double(load_words(a + i)), w, &m);
		store_words(out + i, to_word(positive(r, &m)));
	}
}

/* The upper 32 bits in their place lose a multiple of q, which is exact, and then take the lower. The
 * quotient is below 2^51, as q > 2^13. */
INLINE vec reduce_word(ivec w, const struct modulus *m, bool wide)
{
	vec low = to_double(_mm256_blend_epi32(w, _mm256_setzero_si256(), 0xaa));
	vec high = _mm256_mul_pd(to_double(_mm256_srli_epi64(w, 32)), set(0x1p32));
	vec r = add(centred(high, m), low);
	return positive(wide ? r : centred(r, m), m);
}

/* Where q is far above 2^32 the lower bits make no difference to the quotient. */
enum { WIDE_BITS = 36 };

INLINE void reduce_all(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n, bool wide)
{
	struct modulus m = modulus(t);
	for (size_t i = 0; i < n; i += 4)
		store_words(out + i, to_word(reduce_word(load_words(a + i), &m, wide)));
}

static void reduce(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n)
{
	if (t->bits >= WIDE_BITS)
		reduce_all(t, out, a, n, true);
	else
		reduce_all(t, out, a, n, false);
}

static bool reduce_uniform(const struct ntt *t, uint64_t *out, const uint64_t *words, size_t n)
{
	/* Unsigned comparison: both less 2^63. */
	ivec sign = set_word((uint64_t)1 << 63), beyond = _mm256_setzero_si256();
	ivec most = _mm256_xor_si256(set_word(t->uniform_bound - 1), sign);
	for (size_t i = 0; i < n; i += 4)
		beyond = _mm256_or_si256(beyond,
			_mm256_cmpgt_epi64(_mm256_xor_si256(load_words(words + i), sign), most));
	reduce(t, out, words, n);
	return !_mm256_testz_si256(beyond, beyond);
}

static void convert(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p, size_t n)
{
	struct modulus m = modulus(t);
	uint64_t most = p / 2; /* above it x stands for x - p */
	vec whole = set((double)p), half = set((double)most);
	for (size_t i = 0; i < n; i += 4) {
		vec x = to_double(load_words(a + i));
		x = sub(x, _mm256_and_pd(_mm256_cmp_pd(x, half, _CMP_GT_OQ), whole));
		store_words(out + i, to_word(positive(centred(x, &m), &m)));
	}
}

/* ---- packed residues */

INLINE ivec spread(const uint8_t *in, unsigned bytes)
{
	const ivec five = _mm256_setr_epi8(0, 1, 2, 3, 4, -1, -1, -1, 5, 6, 7, 8, 9, -1, -1, -1, 0,
		1, 2, 3, 4, -1, -1, -1, 5, 6, 7, 8, 9, -1, -1, -1);
	const ivec six = _mm256_setr_epi8(0, 1, 2, 3, 4, 5, -1, -1, 6, 7, 8, 9, 10, 11, -1, -1, 0,
		1, 2, 3, 4, 5, -1, -1, 6, 7, 8, 9, 10, 11, -1, -1);
	__m128i low = _mm_loadu_si128((const __m128i *)(const void *)in);
	__m128i high = _mm_loadu_si128((const __m128i *)(const void *)(in + 2 * (size_t)bytes));
	return _mm256_shuffle_epi8(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1),
		bytes == NTT_PACKED_MOST ? six : five);
}

INLINE void unpack_all(unsigned bytes, uint64_t *out, const uint8_t *in, size_t n)
{
	for (size_t i = 0; i < n; i += 4)
		store_words(out + i, spread(in + bytes * i, bytes));
}

static void unpack(unsigned bytes, uint64_t *out, const uint8_t *in, size_t n)
{
	if (bytes == NTT_PACKED_MOST)
		unpack_all(NTT_PACKED_MOST, out, in, n);
	else
		unpack_all(NTT_PACKED_LEAST, out, in, n);
}

/* ---- accumulators, 4 high and 4 low words in turn
 *
 * q <= 2^40: sums of products as two doubles. A sum that begins at 2^92 stays below 2^93, so that adding a
 * product to it rounds to a multiple of 2^40; the difference it made is exact, and so is what the product
 * has beyond that, at most 2^39. 4096 of these are at most 2^51. The high word is kept without the 2^92.
 *
 * q above: the products are reduced to (-q, q) and added as integers; the high word alone counts.
 */
enum { SUM_BITS = 40 };
static const double SUM = 0x1p92;

INLINE void sum_add(vec *high, vec *low, vec a, vec b)
{
	vec sum = _mm256_fmadd_pd(a, b, *high), made = sub(sum, *high);
	*low = add(*low, _mm256_fmsub_pd(a, b, made));
	*high = sum;
}

INLINE ivec integer_add(ivec sum, vec a, vec b, const struct modulus *m)
{
	ivec r = _mm256_castpd_si256(add(product(a, b, m), set(ROUND)));
	r = _mm256_sub_epi64(r, _mm256_castpd_si256(set(ROUND)));
	return _mm256_add_epi64(sum, r);
}

static void acc(const struct ntt *t, uint64_t *sum, const uint64_t *a, const uint64_t *b, size_t n)
{
	struct modulus m = modulus(t);
	bool small = t->bits <= SUM_BITS;
	for (size_t i = 0; i < n; i += 4) {
		vec x = to_double(load_words(a + i)), y = to_double(load_words(b + i));
		if (small) {
			vec high = add(load(sum + 2 * i), set(SUM)), low = load(sum + 2 * i + 4);
			sum_add(&high, &low, x, y);
			store(sum + 2 * i, sub(high, set(SUM)));
			store(sum + 2 * i + 4, low);
		} else {
			ivec all = integer_add(load_words(sum + 2 * i), x, y, &m);
			store_words(sum + 2 * i, all);
		}
	}
}

/* The sums of three parts of 4 coefficients. */
struct tensor {
	vec high[3], low[3];
};

INLINE void tensor_load(struct tensor *s, uint64_t *const acc[3], size_t i)
{
	for (unsigned part = 0; part < 3; part++) {
		s->high[part] = add(load(acc[part] + 2 * i), set(SUM));
		s->low[part] = load(acc[part] + 2 * i + 4);
	}
}

INLINE void tensor_store(const struct tensor *s, uint64_t *const acc[3], size_t i)
{
	for (unsigned part = 0; part < 3; part++) {
		store(acc[part] + 2 * i, sub(s->high[part], set(SUM)));
		store(acc[part] + 2 * i + 4, s->low[part]);
	}
}

INLINE void tensor_add(
	struct tensor *s, ivec a0, const uint64_t *a1, const uint64_t *b0, const uint64_t *b1)
{
	vec x = to_double(a0), y = to_double(load_words(a1));
	vec z = to_double(load_words(b0)), w = to_double(load_words(b1));
	sum_add(&s->high[0], &s->low[0], x, z);
	sum_add(&s->high[1], &s->low[1], x, w);
	sum_add(&s->high[2], &s->low[2], y, w);
	sum_add(&s->high[1], &s->low[1], y, z);
}

static void acc_tensor(const struct ntt *t, uint64_t *acc0, uint64_t *acc1, uint64_t *acc2,
	const uint64_t *a0, const uint64_t *a1, const uint64_t *b0, const uint64_t *b1, size_t n)
{
	if (t->bits > SUM_BITS) {
		acc(t, acc0, a0, b0, n);
		acc(t, acc1, a0, b1, n);
		acc(t, acc1, a1, b0, n);
		acc(t, acc2, a1, b1, n);
		return;
	}
	uint64_t *const sums[3] = {acc0, acc1, acc2};
	for (size_t i = 0; i < n; i += 4) {
		struct tensor s;
		tensor_load(&s, sums, i);
		tensor_add(&s, load_words(a0 + i), a1 + i, b0 + i, b1 + i);
		tensor_store(&s, sums, i);
	}
}

/* What acc_leaf reads. */
struct streams {
	const uint8_t *const *c0;
	const uint64_t *const *c1, *const *b0, *const *b1;
	unsigned vectors;
};

INLINE void leaf_in_doubles(
	uint64_t *const sums[3], const struct streams *in, size_t n, unsigned bytes)
{
	for (size_t i = 0; i < n; i += 4) {
		struct tensor s;
		tensor_load(&s, sums, i);
		for (unsigned v = 0; v < in->vectors; v++)
			tensor_add(&s, spread(in->c0[v] + bytes * i, bytes), in->c1[v] + i,
				in->b0[v] + i, in->b1[v] + i);
		tensor_store(&s, sums, i);
	}
}

static void leaf_in_integers(
	const struct ntt *t, uint64_t *const sums[3], const struct streams *in, size_t n)
{
	struct modulus m = modulus(t);
	for (size_t i = 0; i < n; i += 4) {
		ivec s0 = load_words(sums[0] + 2 * i), s1 = load_words(sums[1] + 2 * i);
		ivec s2 = load_words(sums[2] + 2 * i);
		for (unsigned v = 0; v < in->vectors; v++) {
			vec x = to_double(spread(in->c0[v] + NTT_PACKED_MOST * i, NTT_PACKED_MOST));
			vec y = to_double(load_words(in->c1[v] + i));
			vec z = to_double(load_words(in->b0[v] + i));
			vec w = to_double(load_words(in->b1[v] + i));
			s0 = integer_add(s0, x, z, &m);
			s1 = integer_add(integer_add(s1, x, w, &m), y, z, &m);
			s2 = integer_add(s2, y, w, &m);
		}
		store_words(sums[0] + 2 * i, s0);
		store_words(sums[1] + 2 * i, s1);
		store_words(sums[2] + 2 * i, s2);
	}
}

/* Residues of 5 bytes are below 2^40. */
static void acc_leaf(const struct ntt *t, unsigned bytes, uint64_t *acc0, uint64_t *acc1,
	uint64_t *acc2, const uint8_t *const *c0, const uint64_t *const *c1,
	const uint64_t *const *b0, const uint64_t *const *b1, unsigned vectors, size_t n)
{
	uint64_t *const sums[3] = {acc0, acc1, acc2};
	const struct streams in = {c0, c1, b0, b1, vectors};
	if (bytes == NTT_PACKED_LEAST)
		leaf_in_doubles(sums, &in, n, NTT_PACKED_LEAST);
	else if (t->bits <= SUM_BITS)
		leaf_in_doubles(sums, &in, n, NTT_PACKED_MOST);
	else
		leaf_in_integers(t, sums, &in, n);
}

/* high <= 4096 q^2 rounded to 2^40: its quotient is at most 2^52, and one off. */
INLINE vec reduce_sum(const uint64_t *sum, const struct modulus *m)
{
	vec high = load(sum), low = load(sum + 4);
	vec c = _mm256_round_pd(
		_mm256_mul_pd(high, m->inverse), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
	vec r = add(_mm256_fnmadd_pd(c, m->q, high), low);
	return positive(centred(r, m), m);
}

static void acc_reduce(const struct ntt *t, uint64_t *out, const uint64_t *sum, size_t n)
{
	struct modulus m = modulus(t);
	bool small = t->bits <= SUM_BITS;
	/* Signed sums become words by adding 2^63. */
	uint64_t sign = (uint64_t)1 << 63;
	vec added = set((double)(sign % t->q));
	for (size_t i = 0; i < n; i += 4) {
		vec r;
		if (small) {
			r = reduce_sum(sum + 2 * i, &m);
		} else {
			ivec w = _mm256_xor_si256(load_words(sum + 2 * i), set_word(sign));
			r = sub(reduce_word(w, &m, true), added);
			r = positive(r, &m);
		}
		store_words(out + i, to_word(r));
	}
}

const struct ntt_kernel ntt_kernel_avx2 = {
	.name = "avx2",
	.lanes = 4,
	.doubles = true,
	.shoup_bits = 52,
	.forward = forward,
	.inverse = inverse,
	.add = add_all,
	.sub = sub_all,
	.neg = neg,
	.shift = shift,
	.mul = mul,
	.mul_add = mul_add,
	.mul_sub = mul_sub,
	.lift = lift,
	.scale = scale,
	.scale_add = scale_add,
	.reduce = reduce,
	.reduce_uniform = reduce_uniform,
	.convert = convert,
	.acc = acc,
	.acc_tensor = acc_tensor,
	.acc_leaf = acc_leaf,
	.acc_reduce = acc_reduce,
	.pack = ntt_portable_pack,
	.unpack = unpack,
	.check = ntt_portable_check,
};

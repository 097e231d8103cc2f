/* Transforms with 52-bit products.
 *
 * A pass takes one, two or three levels of a block at once, in 2, 4 or 8 registers. Blocks too large
 * for the first-level cache are split by one pass, then finished one by one; the last three levels
 * need transposed registers.
 *
 * What is multiplied or summed up by 52-bit products counts modulo 2^52 only. So nothing is masked on
 * the way: registers are right modulo 2^52, and what they stand for is below 2^52. How large that
 * gets depends on the room above q (`mode`):
 *
 * Forward, every level adds at most 2 q to a value or takes as much away. With 2 q for every level
 * added in the first place nothing becomes negative, and the whole transform stays below
 * (4 log2 N + 1) q.
 *
 * Inverse, sums grow. A pass adds to some of its inputs, below B q, what makes all differences of sums
 * positive, and 2 q or 6 q to some differences, which is free since a product starts from there. The sum of
 * all is then below 20 B q, the sum of the differences of the first level below 16 q.
 */
#include "ring/ntt_ifma.h"

enum mode {
	CAREFUL, /* any q: values below 4 q (forward) and 2 q (inverse), after Harvey */
	TIGHT,	 /* sums are reduced to 2 q after every pass of an inverse transform */
	ROOMY	 /* only the sum of all is */
};

enum {
	BLOCK = 4096,	      /* coefficients that the first-level cache holds */
	ROOM_ROOMY = 20 * 20, /* times q below 2^52 */
	ROOM_TIGHT = 20 * 2,
	END_LEVELS = 3,
	END_WORDS = 112, /* of constants for 64 coefficients (struct ntt) */
	PAIR = 2
};

#define UNROLL _Pragma("GCC unroll 8")

/* Constants of a pass: node by node of its first level, its second, its third. */
struct constants {
	vec w[7], s[7];
};

INLINE struct constants pass_constants(
	const uint64_t *w, const uint64_t *s, size_t node, unsigned levels)
{
	struct constants c;
	UNROLL
	for (unsigned l = 0; l < levels; l++)
		UNROLL
	for (unsigned k = 0; k < 1u << l; k++) {
		c.w[(1u << l) - 1 + k] = set(w[(node << l) + k]);
		c.s[(1u << l) - 1 + k] = set(s[(node << l) + k]);
	}
	return c;
}

INLINE struct constants end_constants(const uint64_t *ends)
{
	struct constants c;
	UNROLL
	for (unsigned v = 0; v < 7; v++) {
		c.w[v] = load(ends + (size_t)8 * v);
		c.s[v] = load(ends + 56 + (size_t)8 * v);
	}
	return c;
}

/* start + (y w modulo q, in [0, 2q)), modulo 2^52. */
INLINE vec times(vec start, vec y, vec w, vec quotient, const struct modulus *m)
{
	vec e = high52(_mm512_setzero_si512(), y, quotient);
	return low52(low52(start, y, w), e, m->minus);
}

/* To [0, 2q), modulo 2^52. */
INLINE vec halfway(vec x, vec one_shoup, const struct modulus *m)
{
	vec e = high52(_mm512_setzero_si512(), x, one_shoup);
	return low52(x, e, m->minus);
}

INLINE vec finish(vec x, const struct modulus *m)
{
	return below(_mm512_and_si512(x, m->mask), m->q);
}

/* Rows to columns of eight registers. */
INLINE void transpose(vec r[8])
{
	vec a[8], b[8];
	for (unsigned i = 0; i < 8; i += 2) {
		a[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
		a[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
	}
	for (unsigned h = 0; h < 8; h += 4)
		for (unsigned i = 0; i < 2; i++) {
			vec lo = a[h + i], hi = a[h + i + 2];
			const vec even = _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13);
			const vec odd = _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15);
			b[h + i] = _mm512_permutex2var_epi64(lo, even, hi);
			b[h + i + 2] = _mm512_permutex2var_epi64(lo, odd, hi);
		}
	for (unsigned i = 0; i < 4; i++) {
		r[i] = _mm512_shuffle_i64x2(b[i], b[i + 4], 0x44);
		r[i + 4] = _mm512_shuffle_i64x2(b[i], b[i + 4], 0xee);
	}
}

/* ---- forward */

/* x + w y and x - w y. */
INLINE void forward_butterfly(
	vec *x, vec *y, vec w, vec quotient, const struct modulus *m, enum mode mode)
{
	vec u = *x, v = times(_mm512_setzero_si512(), *y, w, quotient, m);
	if (mode == CAREFUL) {
		u = below(u, m->twice);
		v = _mm512_and_si512(v, m->mask);
		*x = _mm512_add_epi64(u, v);
		*y = _mm512_sub_epi64(_mm512_add_epi64(u, m->twice), v);
	} else {
		*x = _mm512_add_epi64(u, v);
		*y = _mm512_sub_epi64(u, v);
	}
}

/* Level l of `levels` in as many registers. */
INLINE void forward_level(vec *r, unsigned l, unsigned levels, const struct constants *c,
	const struct modulus *m, enum mode mode)
{
	unsigned half = 1u << (levels - 1 - l);
	UNROLL
	for (unsigned k = 0; k < 1u << l; k++)
		UNROLL
	for (unsigned i = 0; i < half; i++) {
		unsigned at = (1u << l) - 1 + k;
		vec *x = r + 2 * k * half + i;
		forward_butterfly(x, x + half, c->w[at], c->s[at], m, mode);
	}
}

/* Levels of a block of h << levels that is node `node`, h >= 8. It comes from `from`, which is x unless
 * there is a conversion on the way. */
INLINE void forward_pass(const struct ntt *t, uint64_t *x, const uint64_t *from,
	const struct conversion *conversion, size_t node, size_t h, unsigned levels, vec start,
	const struct modulus *m, enum mode mode)
{
	struct constants c = pass_constants(t->forward, t->forward_shoup, node, levels);
	unsigned count = 1u << levels;
	for (size_t j = 0; j < h; j += 8) {
		vec r[8];
		UNROLL
		for (unsigned i = 0; i < count; i++)
			r[i] = load(from + i * h + j);
		if (conversion != NULL)
			UNROLL
		for (unsigned i = 0; i < count; i++)
			r[i] = converted(r[i], conversion, m);
		if (mode != CAREFUL && node == 1)
			UNROLL
		for (unsigned i = 0; i < count / 2; i++)
			r[i] = _mm512_add_epi64(r[i], start);
		UNROLL
		for (unsigned l = 0; l < levels; l++)
			forward_level(r, l, levels, &c, m, mode);
		UNROLL
		for (unsigned i = 0; i < count; i++)
			store(x + i * h + j, r[i]);
	}
}

/* The last three levels of PAIR times 64 coefficients. One alone waits for its own results: the
 * processor does not see far enough ahead. */
INLINE void forward_end(const struct ntt *t, uint64_t *x, const uint64_t *ends,
	const struct modulus *m, enum mode mode)
{
	struct constants c[PAIR];
	vec r[PAIR][8];
	UNROLL
	for (unsigned p = 0; p < PAIR; p++) {
		c[p] = end_constants(ends + (size_t)END_WORDS * p);
		UNROLL
		for (unsigned i = 0; i < 8; i++)
			r[p][i] = load(x + (size_t)64 * p + (size_t)8 * i);
		transpose(r[p]);
	}
	UNROLL
	for (unsigned l = 0; l < END_LEVELS; l++)
		UNROLL
	for (unsigned p = 0; p < PAIR; p++)
		forward_level(r[p], l, END_LEVELS, &c[p], m, mode);
	UNROLL
	for (unsigned p = 0; p < PAIR; p++) {
		UNROLL
		for (unsigned i = 0; i < 8; i++)
			r[p][i] = mode == CAREFUL
					  ? below(below(r[p][i], m->twice), m->q)
					  : finish(halfway(r[p][i], set(t->one_shoup), m), m);
		transpose(r[p]);
		UNROLL
		for (unsigned i = 0; i < 8; i++)
			store(x + (size_t)64 * p + (size_t)8 * i, r[p][i]);
	}
}

/* How many levels the next pass takes of `left`: three, but 4 in two passes of two. */
static unsigned pass_levels(unsigned left)
{
	return left == 4 || left == 2 ? 2 : left == 1 ? 1 : 3;
}

/* A level of a transform in blocks: pass after pass, each over all nodes. */
INLINE void forward_block(const struct ntt *t, uint64_t *x, size_t node, unsigned log2size,
	vec start, const struct modulus *m, enum mode mode)
{
	size_t size = (size_t)1 << log2size, nodes = 1;
	for (unsigned left = log2size - END_LEVELS, take; left > 0; left -= take, nodes <<= take) {
		size_t part = size / nodes;
		take = pass_levels(left);
		for (size_t k = 0; k < nodes; k++) {
			uint64_t *at = x + k * part;
			size_t of = node * nodes + k, h = part >> take;
			if (take == 3)
				forward_pass(t, at, at, NULL, of, h, 3, start, m, mode);
			else if (take == 2)
				forward_pass(t, at, at, NULL, of, h, 2, start, m, mode);
			else
				forward_pass(t, at, at, NULL, of, h, 1, start, m, mode);
		}
	}
	/* Now blocks of 8: the first one is node `node` (size / 8) of a level of N / 8. */
	size_t first = (node * (size / 8) - t->n / 8) / 8;
	for (size_t k = 0; k < size / 64; k += PAIR)
		forward_end(t, x + 64 * k, t->forward_ends + (first + k) * END_WORDS, m, mode);
}

/* How many levels are done on the whole before it is in blocks. */
static unsigned levels_above(const struct ntt *t)
{
	return t->n <= BLOCK ? 0 : t->n <= 4 * BLOCK ? 2 : 3;
}

INLINE void forward_all(const struct ntt *t, uint64_t *x, const uint64_t *from,
	const struct conversion *conversion, enum mode mode)
{
	struct modulus m = modulus(t);
	vec start = set(2 * t->log2n * t->q);
	unsigned above = levels_above(t), log2size = t->log2n - above;
	if (above == 3)
		forward_pass(t, x, from, conversion, 1, t->n / 8, 3, start, &m, mode);
	else if (above == 2)
		forward_pass(t, x, from, conversion, 1, t->n / 4, 2, start, &m, mode);
	else if (conversion != NULL)
		for (size_t i = 0; i < t->n; i += 8)
			store(x + i, converted(load(from + i), conversion, &m));
	for (size_t k = 0; k < (size_t)1 << above; k++)
		forward_block(t, x + (k << log2size), ((size_t)1 << above) + k, log2size, start, &m,
			mode);
}

static bool has_room(const struct ntt *t)
{
	return (4 * t->log2n + 1) * t->q >> 52 == 0;
}

void ntt_ifma_forward(const struct ntt *t, uint64_t *x)
{
	if (has_room(t))
		forward_all(t, x, x, NULL, ROOMY);
	else
		forward_all(t, x, x, NULL, CAREFUL);
}

void ntt_ifma_convert_forward(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p)
{
	struct conversion c = conversion(t, p);
	if (has_room(t))
		forward_all(t, out, a, &c, ROOMY);
	else
		forward_all(t, out, a, &c, CAREFUL);
}

/* ---- inverse */

/* Offsets of a pass, by the bound of its inputs. */
struct bounds {
	vec one, three, seven; /* times B q */
	vec six;	       /* times q */
	vec one_shoup;
};

static struct bounds bounds(const struct ntt *t, uint64_t b)
{
	return (struct bounds){set(b * t->q), set(3 * b * t->q), set(7 * b * t->q), set(6 * t->q),
		set(t->one_shoup)};
}

/* x + y and w (x - y) + start. */
INLINE void inverse_butterfly(
	vec *x, vec *y, vec w, vec quotient, vec start, const struct modulus *m, enum mode mode)
{
	vec u = *x, v = *y;
	if (mode == CAREFUL) {
		*x = below(_mm512_add_epi64(u, v), m->twice);
		u = _mm512_sub_epi64(_mm512_add_epi64(u, m->twice), v);
		u = times(_mm512_setzero_si512(), u, w, quotient, m);
		*y = _mm512_and_si512(u, m->mask);
	} else {
		*x = _mm512_add_epi64(u, v);
		*y = times(start, _mm512_sub_epi64(u, v), w, quotient, m);
	}
}

/* What a difference starts from: of a pass of three levels those at places 1 and 5 after its first
 * one, then 2 and 3; of two levels that at place 1. */
INLINE vec difference_start(unsigned place, unsigned half, unsigned levels, const struct bounds *b,
	const struct modulus *m)
{
	if (levels == 3 && half == 1 && place == 1)
		return b->six;
	if ((levels == 3 && half == 1 && place == 5) || (levels == 3 && half == 2 && place < 4) ||
		(levels == 2 && half == 1 && place == 1))
		return m->twice;
	return _mm512_setzero_si512();
}

INLINE void inverse_offsets(vec *r, unsigned levels, const struct bounds *b)
{
	if (levels == 3) {
		r[0] = _mm512_add_epi64(r[0], b->seven);
		r[2] = _mm512_add_epi64(r[2], b->one);
		r[4] = _mm512_add_epi64(r[4], b->three);
		r[6] = _mm512_add_epi64(r[6], b->one);
	} else if (levels == 2) {
		r[0] = _mm512_add_epi64(r[0], b->three);
		r[2] = _mm512_add_epi64(r[2], b->one);
	} else {
		r[0] = _mm512_add_epi64(r[0], b->one);
	}
}

/* The last level of all multiplies by 1/N, and ends below q. */
INLINE void last_butterfly(
	const struct ntt *t, vec *x, vec *y, const struct modulus *m, enum mode mode)
{
	vec zero = _mm512_setzero_si512(), u = *x;
	vec sum = _mm512_add_epi64(u, *y);
	u = mode == CAREFUL ? _mm512_add_epi64(u, m->twice) : u;
	*y = finish(times(zero, _mm512_sub_epi64(u, *y), set(t->last), set(t->last_shoup), m), m);
	*x = finish(times(zero, sum, set(t->scale), set(t->scale_shoup), m), m);
}

INLINE void inverse_registers(const struct ntt *t, vec *r, unsigned levels,
	const struct constants *c, const struct bounds *b, const struct modulus *m, enum mode mode,
	bool last)
{
	if (mode != CAREFUL)
		inverse_offsets(r, levels, b);
	UNROLL
	for (unsigned l = 0; l < levels; l++) {
		unsigned half = 1u << l, nodes = 1u << (levels - 1 - l);
		UNROLL
		for (unsigned k = 0; k < nodes; k++)
			UNROLL
		for (unsigned i = 0; i < half; i++) {
			unsigned place = 2 * k * half + i;
			vec *x = r + place, *y = x + half;
			if (last && nodes == 1)
				last_butterfly(t, x, y, m, mode);
			else
				inverse_butterfly(x, y, c->w[nodes - 1 + k], c->s[nodes - 1 + k],
					difference_start(place + half, half, levels, b, m), m,
					mode);
		}
	}
}

/* To below 2 q: the sum of all, or all that are not there yet. */
INLINE void inverse_settle(
	vec *r, unsigned levels, const struct bounds *b, const struct modulus *m, enum mode mode)
{
	unsigned count = mode == ROOMY ? 1 : mode == TIGHT ? (1u << levels) / 2 : 0;
	UNROLL
	for (unsigned i = 0; i < count; i++)
		r[i] = halfway(r[i], b->one_shoup, m);
}

INLINE void inverse_pass(const struct ntt *t, uint64_t *x, size_t node, size_t h, unsigned levels,
	const struct bounds *b, const struct modulus *m, enum mode mode, bool last)
{
	struct constants c = pass_constants(t->inverse, t->inverse_shoup, node, levels);
	unsigned count = 1u << levels;
	for (size_t j = 0; j < h; j += 8) {
		vec r[8];
		UNROLL
		for (unsigned i = 0; i < count; i++)
			r[i] = load(x + i * h + j);
		inverse_registers(t, r, levels, &c, b, m, mode, last);
		if (!last)
			inverse_settle(r, levels, b, m, mode);
		UNROLL
		for (unsigned i = 0; i < count; i++)
			store(x + i * h + j, r[i]);
	}
}

/* The first three levels of 64 canonical values. */
INLINE void inverse_end(const struct ntt *t, uint64_t *x, const uint64_t *ends,
	const struct bounds *b, const struct modulus *m, enum mode mode)
{
	struct constants c = end_constants(ends);
	vec r[8];
	UNROLL
	for (unsigned i = 0; i < 8; i++)
		r[i] = load(x + (size_t)8 * i);
	transpose(r);
	inverse_registers(t, r, END_LEVELS, &c, b, m, mode, false);
	if (mode == TIGHT)
		inverse_settle(r, END_LEVELS, b, m, mode);
	transpose(r);
	UNROLL
	for (unsigned i = 0; i < 8; i++)
		store(x + (size_t)8 * i, r[i]);
}

/* Returns the bound of what leaves, times q. */
INLINE void inverse_block(const struct ntt *t, uint64_t *x, size_t node, unsigned log2size,
	const struct modulus *m, enum mode mode)
{
	size_t size = (size_t)1 << log2size, first = (node * (size / 8) - t->n / 8) / 8, h = 8;
	struct bounds b = bounds(t, 1);
	for (size_t k = 0; k < size / 64; k++)
		inverse_end(t, x + 64 * k, t->inverse_ends + (first + k) * END_WORDS, &b, m, mode);
	b = bounds(t, mode == TIGHT ? 2 : 20);
	for (unsigned left = log2size - END_LEVELS, take; left > 0; left -= take, h <<= take) {
		take = pass_levels(left);
		for (size_t k = 0; k < size / (h << take); k++) {
			uint64_t *at = x + k * (h << take);
			size_t of = node * (size / (h << take)) + k;
			bool last = of == 1;
			if (take == 3 && last)
				inverse_pass(t, at, of, h, 3, &b, m, mode, true);
			else if (take == 3)
				inverse_pass(t, at, of, h, 3, &b, m, mode, false);
			else if (take == 2 && last)
				inverse_pass(t, at, of, h, 2, &b, m, mode, true);
			else if (take == 2)
				inverse_pass(t, at, of, h, 2, &b, m, mode, false);
			else
				inverse_pass(t, at, of, h, 1, &b, m, mode, false);
		}
	}
}

INLINE void inverse_all(const struct ntt *t, uint64_t *x, enum mode mode)
{
	struct modulus m = modulus(t);
	unsigned above = levels_above(t), log2size = t->log2n - above;
	struct bounds b = bounds(t, mode == TIGHT ? 2 : 20);
	for (size_t k = 0; k < (size_t)1 << above; k++)
		inverse_block(t, x + (k << log2size), ((size_t)1 << above) + k, log2size, &m, mode);
	if (above == 3)
		inverse_pass(t, x, 1, t->n / 8, 3, &b, &m, mode, true);
	else if (above == 2)
		inverse_pass(t, x, 1, t->n / 4, 2, &b, &m, mode, true);
}

void ntt_ifma_inverse(const struct ntt *t, uint64_t *x)
{
	if (ROOM_ROOMY * t->q >> 52 == 0)
		inverse_all(t, x, ROOMY);
	else if (ROOM_TIGHT * t->q >> 52 == 0)
		inverse_all(t, x, TIGHT);
	else
		inverse_all(t, x, CAREFUL);
}

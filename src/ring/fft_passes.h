/* The passes of the vector transforms, written once over the vocabulary of ring/simd_*.h (include
 * one of them before this file). See ring/kernel.h for the splitting.
 *
 * Two levels at a time (radix 4): a node v of constant r_v = s^2, with s = r_2v, takes the quarters
 * x0 x1 x2 x3 of its block to
 *	y0, y1 = (x0 + s^2 x2) + (s x1 + s^3 x3), (x0 + s^2 x2) - (s x1 + s^3 x3)
 *	y2, y3 = (x0 - s^2 x2) + i (s x1 - s^3 x3), (x0 - s^2 x2) - i (s x1 - s^3 x3)
 * the residues at the nodes 4v to 4v + 3.
 *
 * A *vector* is 8 complex points, 8 real parts and then 8 imaginary ones; vector c lies at double
 * 16 c. Words are widened without crossing quarters of a register, so the 16 points 16 g .. 16 g +
 * 15 lie in vectors 2g and 2g + 1: bit 1 of the index picks the vector, bits 3, 2 the quarter, bit
 * 0 the half of the quarter. All levels but the last six pair whole vectors under one constant. The
 * last six work on *blocks* of 8 vectors held in registers: bits 5, 4 between vectors, then a
 * transposition of quarters brings in bits 3, 2, then a swap of halves brings in bit 0 beside 1.
 */
#ifndef RING_FFT_PASSES_H
#define RING_FFT_PASSES_H

#include "ring/kernel.h"

typedef struct {
	real8 re, im;
} complex8;

/* s, s^2, s^3 */
struct twiddle {
	complex8 w1, w2, w3;
};

INLINE complex8 c_load(const double *x, size_t vector)
{
	return (complex8){r_load(x + 16 * vector), r_load(x + 16 * vector + 8)};
}

INLINE void c_store(double *x, size_t vector, complex8 a)
{
	r_store(x + 16 * vector, a.re);
	r_store(x + 16 * vector + 8, a.im);
}

INLINE complex8 c_add(complex8 a, complex8 b)
{
	return (complex8){r_add(a.re, b.re), r_add(a.im, b.im)};
}

INLINE complex8 c_sub(complex8 a, complex8 b)
{
	return (complex8){r_sub(a.re, b.re), r_sub(a.im, b.im)};
}

/* a + i b, a - i b */
INLINE complex8 c_add_i(complex8 a, complex8 b)
{
	return (complex8){r_sub(a.re, b.im), r_add(a.im, b.re)};
}

INLINE complex8 c_sub_i(complex8 a, complex8 b)
{
	return (complex8){r_add(a.re, b.im), r_sub(a.im, b.re)};
}

INLINE complex8 c_mul(complex8 a, complex8 b)
{
	return (complex8){
		r_fms(a.re, b.re, r_mul(a.im, b.im)), r_fma(a.re, b.im, r_mul(a.im, b.re))};
}

/* a conj(b) */
INLINE complex8 c_mul_conj(complex8 a, complex8 b)
{
	return (complex8){
		r_fma(a.re, b.re, r_mul(a.im, b.im)), r_fms(a.im, b.re, r_mul(a.re, b.im))};
}

/* c + a b */
INLINE complex8 c_fma(complex8 a, complex8 b, complex8 c)
{
	return (complex8){r_fnma(a.im, b.im, r_fma(a.re, b.re, c.re)),
		r_fma(a.im, b.re, r_fma(a.re, b.im, c.im))};
}

INLINE struct twiddle twiddle_all(const double *t)
{
	return (struct twiddle){
		{r_all(t[0]), r_all(t[1])}, {r_all(t[2]), r_all(t[3])}, {r_all(t[4]), r_all(t[5])}};
}

INLINE struct twiddle twiddle_load(const double *t)
{
	return (struct twiddle){c_load(t, 0), c_load(t, 1), c_load(t, 2)};
}

/* Splits a node's block; quarters in, grandchildren out. */
INLINE void split(complex8 *x0, complex8 *x1, complex8 *x2, complex8 *x3, struct twiddle w)
{
	complex8 t1 = c_mul(*x1, w.w1), t2 = c_mul(*x2, w.w2), t3 = c_mul(*x3, w.w3);
	complex8 a = c_add(*x0, t2), c = c_sub(*x0, t2);
	complex8 b = c_add(t1, t3), d = c_sub(t1, t3);
	*x0 = c_add(a, b);
	*x1 = c_sub(a, b);
	*x2 = c_add_i(c, d);
	*x3 = c_sub_i(c, d);
}

/* Four times the inverse of split. */
INLINE void join(complex8 *x0, complex8 *x1, complex8 *x2, complex8 *x3, struct twiddle w)
{
	complex8 a = c_add(*x0, *x1), b = c_sub(*x0, *x1);
	complex8 c = c_add(*x2, *x3), d = c_sub(*x2, *x3);
	*x0 = c_add(a, c);
	*x2 = c_mul_conj(c_sub(a, c), w.w2);
	*x1 = c_mul_conj(c_sub_i(b, d), w.w1);
	*x3 = c_mul_conj(c_add_i(b, d), w.w3);
}

/* One level: the halves of a node's block, and twice its inverse. */
INLINE void split2(complex8 *lo, complex8 *hi, complex8 r)
{
	complex8 t = c_mul(*hi, r);
	*hi = c_sub(*lo, t);
	*lo = c_add(*lo, t);
}

INLINE void join2(complex8 *lo, complex8 *hi, complex8 r)
{
	complex8 t = c_sub(*lo, *hi);
	*lo = c_add(*lo, *hi);
	*hi = c_mul_conj(t, r);
}

/* How the levels above the blocks are split: the first pass splits in 2 or 4 parts, the middle ones
 * follow. */
INLINE unsigned first_parts(const struct ring_fft *f)
{
	return f->n_log2 == 8 ? 2 : 4;
}

/* The loaders of a first pass give points t .. t + 15 of a part: vectors low and high. */
typedef void (*pass_load)(
	const void *source, unsigned part, unsigned t, complex8 *low, complex8 *high);
typedef void (*pass_store)(void *target, unsigned part, unsigned t, complex8 low, complex8 high);

/* First pass over the points [begin, end) of every part, multiples of 16. */
INLINE void forward_first(const struct ring_fft *f, double *x, unsigned begin, unsigned end,
	pass_load load, const void *source)
{
	unsigned stride = f->n / 16 / first_parts(f);
	struct twiddle w = twiddle_all(f->scalars + 8);
	for (unsigned t = begin; t < end; t += 16) {
		double *out = x + 2 * t;
		complex8 a[4], b[4];
		if (first_parts(f) == 4) {
			for (unsigned q = 0; q < 4; q++)
				load(source, q, t, &a[q], &b[q]);
			split(&a[0], &a[1], &a[2], &a[3], w);
			split(&b[0], &b[1], &b[2], &b[3], w);
			for (unsigned q = 0; q < 4; q++) {
				c_store(out, q * stride, a[q]);
				c_store(out, q * stride + 1, b[q]);
			}
		} else {
			for (unsigned q = 0; q < 2; q++)
				load(source, q, t, &a[q], &b[q]);
			split2(&a[0], &a[1], w.w2);
			split2(&b[0], &b[1], w.w2);
			for (unsigned q = 0; q < 2; q++) {
				c_store(out, q * stride, a[q]);
				c_store(out, q * stride + 1, b[q]);
			}
		}
	}
}

INLINE void inverse_last(const struct ring_fft *f, double *x, pass_store store, void *target)
{
	unsigned stride = f->n / 16 / first_parts(f);
	struct twiddle w = twiddle_all(f->scalars + 8);
	for (unsigned t = 0; t < 8 * stride; t += 16) {
		double *in = x + 2 * t;
		complex8 a[4], b[4];
		if (first_parts(f) == 4) {
			for (unsigned q = 0; q < 4; q++) {
				a[q] = c_load(in, q * stride);
				b[q] = c_load(in, q * stride + 1);
			}
			join(&a[0], &a[1], &a[2], &a[3], w);
			join(&b[0], &b[1], &b[2], &b[3], w);
			for (unsigned q = 0; q < 4; q++)
				store(target, q, t, a[q], b[q]);
		} else {
			for (unsigned q = 0; q < 2; q++) {
				a[q] = c_load(in, q * stride);
				b[q] = c_load(in, q * stride + 1);
			}
			join2(&a[0], &a[1], w.w2);
			join2(&b[0], &b[1], w.w2);
			for (unsigned q = 0; q < 2; q++)
				store(target, q, t, a[q], b[q]);
		}
	}
}

/* One pass of radix 4 (or 2) over the `size` vectors of one node. */
INLINE void forward_node(const struct ring_fft *f, double *x, size_t node, size_t size, bool four)
{
	size_t part = size / (four ? 4 : 2);
	struct twiddle w = twiddle_all(f->scalars + 8 * node);
	for (size_t c = 0; c < part; c++) {
		complex8 a[4];
		for (size_t q = 0; q < (four ? 4 : 2); q++)
			a[q] = c_load(x, c + q * part);
		if (four)
			split(&a[0], &a[1], &a[2], &a[3], w);
		else
			split2(&a[0], &a[1], w.w2);
		for (size_t q = 0; q < (four ? 4 : 2); q++)
			c_store(x, c + q * part, a[q]);
	}
}

INLINE void inverse_node(const struct ring_fft *f, double *x, size_t node, size_t size, bool four)
{
	size_t part = size / (four ? 4 : 2);
	struct twiddle w = twiddle_all(f->scalars + 8 * node);
	for (size_t c = 0; c < part; c++) {
		complex8 a[4];
		for (size_t q = 0; q < (four ? 4 : 2); q++)
			a[q] = c_load(x, c + q * part);
		if (four)
			join(&a[0], &a[1], &a[2], &a[3], w);
		else
			join2(&a[0], &a[1], w.w2);
		for (size_t q = 0; q < (four ? 4 : 2); q++)
			c_store(x, c + q * part, a[q]);
	}
}

/* The same over all nodes of a level, `size` vectors each. */
INLINE void forward_middle(const struct ring_fft *f, double *x, size_t size, bool four)
{
	size_t nodes = f->n / 16 / size;
	for (size_t b = 0; b < nodes; b++)
		forward_node(f, x + 16 * size * b, nodes + b, size, four);
}

INLINE void inverse_middle(const struct ring_fft *f, double *x, size_t size, bool four)
{
	size_t nodes = f->n / 16 / size;
	for (size_t b = 0; b < nodes; b++)
		inverse_node(f, x + 16 * size * b, nodes + b, size, four);
}

/* The passes between the first and the blocks take nodes of N / 64, N / 256, ... vectors by radix
 * 4; the last of them, which takes nodes of `last_middle` vectors to blocks of 8, is 32 (radix 4),
 * 16 (radix 2) or 8 (there is none). */
INLINE size_t last_middle(const struct ring_fft *f)
{
	size_t size = f->n / 16 / first_parts(f);
	while (size > 32)
		size /= 4;
	return size;
}

/* All of them but the last. */
INLINE void forward_middles(const struct ring_fft *f, double *x)
{
	for (size_t size = f->n / 16 / first_parts(f); size > 32; size /= 4)
		forward_middle(f, x, size, true);
}

INLINE void inverse_middles(const struct ring_fft *f, double *x)
{
	size_t top = f->n / 16 / first_parts(f);
	for (size_t size = 4 * last_middle(f); size <= top; size *= 4)
		inverse_middle(f, x, size, true);
}

/* The last of them on one node. */
INLINE void forward_last_middle(const struct ring_fft *f, double *x, size_t node, size_t size)
{
	if (size == 32)
		forward_node(f, x, node, 32, true);
	else if (size == 16)
		forward_node(f, x, node, 16, false);
}

INLINE void inverse_first_middle(const struct ring_fft *f, double *x, size_t node, size_t size)
{
	if (size == 32)
		inverse_node(f, x, node, 32, true);
	else if (size == 16)
		inverse_node(f, x, node, 16, false);
}

/* Doubles of the tables of one block. */
enum { BLOCK_TABLE = 144 };

/* The last six levels of a block are three steps on 8 vectors in registers. Steps 0 and 1 work on
 * the even and the odd vectors (half = 0, 1) apart, step 2 on the lower and the upper four; the
 * inverse takes them backwards. They are separate so that a caller can put other work between them:
 * a step is mostly additions and shuffles, products are not. */
INLINE void forward_step0(const struct ring_fft *f, size_t block, complex8 v[8], unsigned half)
{
	struct twiddle w = twiddle_all(f->scalars + 8 * (f->n / 128 + block));
	complex8 *u = v + half;
	split(&u[0], &u[2], &u[4], &u[6], w);
	r_transpose_quarters(&u[0].re, &u[2].re, &u[4].re, &u[6].re);
	r_transpose_quarters(&u[0].im, &u[2].im, &u[4].im, &u[6].im);
}

INLINE void inverse_step0(const struct ring_fft *f, size_t block, complex8 v[8], unsigned half)
{
	struct twiddle w = twiddle_all(f->scalars + 8 * (f->n / 128 + block));
	complex8 *u = v + half;
	r_transpose_quarters(&u[0].re, &u[2].re, &u[4].re, &u[6].re);
	r_transpose_quarters(&u[0].im, &u[2].im, &u[4].im, &u[6].im);
	join(&u[0], &u[2], &u[4], &u[6], w);
}

INLINE void forward_step1(const struct ring_fft *f, size_t block, complex8 v[8], unsigned half)
{
	complex8 *u = v + half;
	split(&u[0], &u[2], &u[4], &u[6], twiddle_load(f->blocks + BLOCK_TABLE * block));
}

INLINE void inverse_step1(const struct ring_fft *f, size_t block, complex8 v[8], unsigned half)
{
	complex8 *u = v + half;
	join(&u[0], &u[2], &u[4], &u[6], twiddle_load(f->blocks + BLOCK_TABLE * block));
}

/* u[e + 2 b] below: bit 1 of a point's index is e, bit 0 is b. */
INLINE void forward_step2(const struct ring_fft *f, size_t block, complex8 v[8], unsigned half)
{
	complex8 *u = v + 4 * half;
	for (unsigned e = 0; e < 2; e++) {
		r_swap_halves_of_quarters(&u[e].re, &u[e + 2].re);
		r_swap_halves_of_quarters(&u[e].im, &u[e + 2].im);
	}
	split(&u[0], &u[2], &u[1], &u[3],
		twiddle_load(f->blocks + BLOCK_TABLE * block + 48 * (half + 1)));
}

INLINE void inverse_step2(const struct ring_fft *f, size_t block, complex8 v[8], unsigned half)
{
	complex8 *u = v + 4 * half;
	join(&u[0], &u[2], &u[1], &u[3],
		twiddle_load(f->blocks + BLOCK_TABLE * block + 48 * (half + 1)));
	for (unsigned e = 0; e < 2; e++) {
		r_swap_halves_of_quarters(&u[e].re, &u[e + 2].re);
		r_swap_halves_of_quarters(&u[e].im, &u[e + 2].im);
	}
}

INLINE void forward_block(const struct ring_fft *f, size_t block, complex8 v[8])
{
	forward_step0(f, block, v, 0);
	forward_step0(f, block, v, 1);
	forward_step1(f, block, v, 0);
	forward_step1(f, block, v, 1);
	forward_step2(f, block, v, 0);
	forward_step2(f, block, v, 1);
}

INLINE void inverse_block(const struct ring_fft *f, size_t block, complex8 v[8])
{
	inverse_step2(f, block, v, 0);
	inverse_step2(f, block, v, 1);
	inverse_step1(f, block, v, 0);
	inverse_step1(f, block, v, 1);
	inverse_step0(f, block, v, 0);
	inverse_step0(f, block, v, 1);
}

INLINE void load_block(complex8 v[8], const double *x)
{
	for (unsigned i = 0; i < 8; i++)
		v[i] = c_load(x, i);
}

INLINE void store_block(double *x, const complex8 v[8])
{
	for (unsigned i = 0; i < 8; i++)
		c_store(x, i, v[i]);
}

/* Where point j of N real coefficients lies in an array that the first pass reads in place. */
INLINE size_t real_index(const struct ring_fft *f, unsigned j)
{
	unsigned m = f->n / 2, t = j & (m - 1);
	return (size_t)(t / 16 * 32 + (t >> 1 & 1) * 16 + (j >= m ? 8 : 0) + (t >> 1 & 6) +
			(t & 1));
}

#endif

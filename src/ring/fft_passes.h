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

/* LANES points. */
typedef struct {
	real re, im;
} points;

/* One vector. */
typedef struct {
	real re[PARTS], im[PARTS];
} vector;

/* s, s^2, s^3 */
struct twiddle {
	points w1, w2, w3;
};

/* Register `part` of vector `index`. */
INLINE points p_load(const double *x, size_t index, unsigned part)
{
	x += 16 * index + LANES * part;
	return (points){r_load(x), r_load(x + 8)};
}

INLINE void p_store(double *x, size_t index, unsigned part, points a)
{
	x += 16 * index + LANES * part;
	r_store(x, a.re);
	r_store(x + 8, a.im);
}

INLINE points p_get(const vector *v, unsigned part)
{
	return (points){v->re[part], v->im[part]};
}

INLINE void p_set(vector *v, unsigned part, points a)
{
	v->re[part] = a.re;
	v->im[part] = a.im;
}

INLINE points p_add(points a, points b)
{
	return (points){r_add(a.re, b.re), r_add(a.im, b.im)};
}

INLINE points p_sub(points a, points b)
{
	return (points){r_sub(a.re, b.re), r_sub(a.im, b.im)};
}

/* a + i b, a - i b */
INLINE points p_add_i(points a, points b)
{
	return (points){r_sub(a.re, b.im), r_add(a.im, b.re)};
}

INLINE points p_sub_i(points a, points b)
{
	return (points){r_add(a.re, b.im), r_sub(a.im, b.re)};
}

INLINE points p_mul(points a, points b)
{
	return (points){r_fms(a.re, b.re, r_mul(a.im, b.im)), r_fma(a.re, b.im, r_mul(a.im, b.re))};
}

/* a conj(b) */
INLINE points p_mul_conj(points a, points b)
{
	return (points){r_fma(a.re, b.re, r_mul(a.im, b.im)), r_fms(a.im, b.re, r_mul(a.re, b.im))};
}

/* c + a b */
INLINE points p_fma(points a, points b, points c)
{
	return (points){r_fnma(a.im, b.im, r_fma(a.re, b.re, c.re)),
		r_fma(a.im, b.re, r_fma(a.re, b.im, c.im))};
}

INLINE struct twiddle twiddle_all(const double *t)
{
	return (struct twiddle){
		{r_all(t[0]), r_all(t[1])}, {r_all(t[2]), r_all(t[3])}, {r_all(t[4]), r_all(t[5])}};
}

INLINE struct twiddle twiddle_load(const double *t, unsigned part)
{
	return (struct twiddle){p_load(t, 0, part), p_load(t, 1, part), p_load(t, 2, part)};
}

/* Splits a node's block; quarters in, grandchildren out. */
INLINE void split(points *x0, points *x1, points *x2, points *x3, struct twiddle w)
{
	points t1 = p_mul(*x1, w.w1), t2 = p_mul(*x2, w.w2), t3 = p_mul(*x3, w.w3);
	points a = p_add(*x0, t2), c = p_sub(*x0, t2);
	points b = p_add(t1, t3), d = p_sub(t1, t3);
	*x0 = p_add(a, b);
	*x1 = p_sub(a, b);
	*x2 = p_add_i(c, d);
	*x3 = p_sub_i(c, d);
}

/* Four times the inverse of split. */
INLINE void join(points *x0, points *x1, points *x2, points *x3, struct twiddle w)
{
	points a = p_add(*x0, *x1), b = p_sub(*x0, *x1);
	points c = p_add(*x2, *x3), d = p_sub(*x2, *x3);
	*x0 = p_add(a, c);
	*x2 = p_mul_conj(p_sub(a, c), w.w2);
	*x1 = p_mul_conj(p_sub_i(b, d), w.w1);
	*x3 = p_mul_conj(p_add_i(b, d), w.w3);
}

/* One level: the halves of a node's block, and twice its inverse. */
INLINE void split2(points *lo, points *hi, points r)
{
	points t = p_mul(*hi, r);
	*hi = p_sub(*lo, t);
	*lo = p_add(*lo, t);
}

INLINE void join2(points *lo, points *hi, points r)
{
	points t = p_sub(*lo, *hi);
	*lo = p_add(*lo, *hi);
	*hi = p_mul_conj(t, r);
}

/* The same on whole vectors, with one constant or with the vectors of a table. */
INLINE void split_vectors(
	vector *x0, vector *x1, vector *x2, vector *x3, const double *scalars, const double *table)
{
	for (unsigned part = 0; part < PARTS; part++) {
		points a = p_get(x0, part), b = p_get(x1, part);
		points c = p_get(x2, part), d = p_get(x3, part);
		split(&a, &b, &c, &d, table ? twiddle_load(table, part) : twiddle_all(scalars));
		p_set(x0, part, a);
		p_set(x1, part, b);
		p_set(x2, part, c);
		p_set(x3, part, d);
	}
}

INLINE void join_vectors(
	vector *x0, vector *x1, vector *x2, vector *x3, const double *scalars, const double *table)
{
	for (unsigned part = 0; part < PARTS; part++) {
		points a = p_get(x0, part), b = p_get(x1, part);
		points c = p_get(x2, part), d = p_get(x3, part);
		join(&a, &b, &c, &d, table ? twiddle_load(table, part) : twiddle_all(scalars));
		p_set(x0, part, a);
		p_set(x1, part, b);
		p_set(x2, part, c);
		p_set(x3, part, d);
	}
}

/* How the levels above the blocks are split: the first pass splits in 2 or 4 parts, the middle ones
 * follow. */
INLINE unsigned first_parts(const struct ring_fft *f)
{
	return f->n_log2 == 8 ? 2 : 4;
}

/* The loaders of a first pass give points t .. t + 2 LANES - 1 of a part of the transform: a
 * register of vector low and the same one of vector high. */
typedef void (*pass_load)(const void *source, unsigned q, unsigned t, points *low, points *high);
typedef void (*pass_store)(void *target, unsigned q, unsigned t, points low, points high);

/* First pass over the points [begin, end) of every part, multiples of 16. */
INLINE void forward_first(const struct ring_fft *f, double *x, unsigned begin, unsigned end,
	pass_load load, const void *source)
{
	unsigned parts = first_parts(f), stride = f->n / 16 / parts;
	struct twiddle w = twiddle_all(f->scalars + 8);
	for (unsigned t = begin; t < end; t += 2 * LANES) {
		double *out = x + 2 * (t & ~15u);
		unsigned part = t / (2 * LANES) % PARTS;
		points a[4], b[4];
		for (unsigned q = 0; q < parts; q++)
			load(source, q, t, &a[q], &b[q]);
		if (parts == 4) {
			split(&a[0], &a[1], &a[2], &a[3], w);
			split(&b[0], &b[1], &b[2], &b[3], w);
		} else {
			split2(&a[0], &a[1], w.w2);
			split2(&b[0], &b[1], w.w2);
		}
		for (unsigned q = 0; q < parts; q++) {
			p_store(out, q * stride, part, a[q]);
			p_store(out, q * stride + 1, part, b[q]);
		}
	}
}

INLINE void inverse_last(const struct ring_fft *f, double *x, pass_store store, void *target)
{
	unsigned parts = first_parts(f), stride = f->n / 16 / parts;
	struct twiddle w = twiddle_all(f->scalars + 8);
	for (unsigned t = 0; t < 8 * stride; t += 2 * LANES) {
		double *in = x + 2 * (t & ~15u);
		unsigned part = t / (2 * LANES) % PARTS;
		points a[4], b[4];
		for (unsigned q = 0; q < parts; q++) {
			a[q] = p_load(in, q * stride, part);
			b[q] = p_load(in, q * stride + 1, part);
		}
		if (parts == 4) {
			join(&a[0], &a[1], &a[2], &a[3], w);
			join(&b[0], &b[1], &b[2], &b[3], w);
		} else {
			join2(&a[0], &a[1], w.w2);
			join2(&b[0], &b[1], w.w2);
		}
		for (unsigned q = 0; q < parts; q++)
			store(target, q, t, a[q], b[q]);
	}
}

/* One pass of radix 4 (or 2) over the `size` vectors of one node. */
INLINE void forward_node(const struct ring_fft *f, double *x, size_t node, size_t size, bool four)
{
	size_t quarter = size / (four ? 4 : 2);
	struct twiddle w = twiddle_all(f->scalars + 8 * node);
	for (size_t i = 0; i < quarter * PARTS; i++) {
		size_t c = i / PARTS;
		unsigned part = i % PARTS;
		points a[4];
		for (size_t q = 0; q < (four ? 4 : 2); q++)
			a[q] = p_load(x, c + q * quarter, part);
		if (four)
			split(&a[0], &a[1], &a[2], &a[3], w);
		else
			split2(&a[0], &a[1], w.w2);
		for (size_t q = 0; q < (four ? 4 : 2); q++)
			p_store(x, c + q * quarter, part, a[q]);
	}
}

INLINE void inverse_node(const struct ring_fft *f, double *x, size_t node, size_t size, bool four)
{
	size_t quarter = size / (four ? 4 : 2);
	struct twiddle w = twiddle_all(f->scalars + 8 * node);
	for (size_t i = 0; i < quarter * PARTS; i++) {
		size_t c = i / PARTS;
		unsigned part = i % PARTS;
		points a[4];
		for (size_t q = 0; q < (four ? 4 : 2); q++)
			a[q] = p_load(x, c + q * quarter, part);
		if (four)
			join(&a[0], &a[1], &a[2], &a[3], w);
		else
			join2(&a[0], &a[1], w.w2);
		for (size_t q = 0; q < (four ? 4 : 2); q++)
			p_store(x, c + q * quarter, part, a[q]);
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

/* The last six levels of a block are three steps on 8 vectors in registers. Steps 0 and 1 work on
 * the even and the odd vectors (half = 0, 1) apart, step 2 on the lower and the upper four; the
 * inverse takes them backwards. They are separate so that a caller can put other work between them:
 * a step is mostly additions and shuffles, products are not. */
INLINE const double *block_scalars(const struct ring_fft *f, size_t block)
{
	return f->scalars + 8 * (f->n / 128 + block);
}

INLINE void transpose_quarters(vector *a, vector *b, vector *c, vector *d)
{
	r_transpose_quarters(a->re, b->re, c->re, d->re);
	r_transpose_quarters(a->im, b->im, c->im, d->im);
}

INLINE void swap_halves(vector *a, vector *b)
{
	for (unsigned part = 0; part < PARTS; part++) {
		r_swap_halves_of_quarters(&a->re[part], &b->re[part]);
		r_swap_halves_of_quarters(&a->im[part], &b->im[part]);
	}
}

INLINE void forward_step0(const struct ring_fft *f, size_t block, vector v[8], unsigned half)
{
	vector *u = v + half;
	split_vectors(&u[0], &u[2], &u[4], &u[6], block_scalars(f, block), NULL);
	transpose_quarters(&u[0], &u[2], &u[4], &u[6]);
}

INLINE void inverse_step0(const struct ring_fft *f, size_t block, vector v[8], unsigned half)
{
	vector *u = v + half;
	transpose_quarters(&u[0], &u[2], &u[4], &u[6]);
	join_vectors(&u[0], &u[2], &u[4], &u[6], block_scalars(f, block), NULL);
}

INLINE void forward_step1(const struct ring_fft *f, size_t block, vector v[8], unsigned half)
{
	vector *u = v + half;
	split_vectors(&u[0], &u[2], &u[4], &u[6], NULL, f->blocks + BLOCK_TABLE * block);
}

INLINE void inverse_step1(const struct ring_fft *f, size_t block, vector v[8], unsigned half)
{
	vector *u = v + half;
	join_vectors(&u[0], &u[2], &u[4], &u[6], NULL, f->blocks + BLOCK_TABLE * block);
}

/* u[e + 2 b] below: bit 1 of a point's index is e, bit 0 is b. */
INLINE void forward_step2(const struct ring_fft *f, size_t block, vector v[8], unsigned half)
{
	const double *table = f->blocks + BLOCK_TABLE * block + 48 * (half + 1);
	vector *u = v + 4 * half;
	swap_halves(&u[0], &u[2]);
	swap_halves(&u[1], &u[3]);
	split_vectors(&u[0], &u[2], &u[1], &u[3], NULL, table);
}

INLINE void inverse_step2(const struct ring_fft *f, size_t block, vector v[8], unsigned half)
{
	const double *table = f->blocks + BLOCK_TABLE * block + 48 * (half + 1);
	vector *u = v + 4 * half;
	join_vectors(&u[0], &u[2], &u[1], &u[3], NULL, table);
	swap_halves(&u[0], &u[2]);
	swap_halves(&u[1], &u[3]);
}

INLINE void forward_block(const struct ring_fft *f, size_t block, vector v[8])
{
	forward_step0(f, block, v, 0);
	forward_step0(f, block, v, 1);
	forward_step1(f, block, v, 0);
	forward_step1(f, block, v, 1);
	forward_step2(f, block, v, 0);
	forward_step2(f, block, v, 1);
}

INLINE void inverse_block(const struct ring_fft *f, size_t block, vector v[8])
{
	inverse_step2(f, block, v, 0);
	inverse_step2(f, block, v, 1);
	inverse_step1(f, block, v, 0);
	inverse_step1(f, block, v, 1);
	inverse_step0(f, block, v, 0);
	inverse_step0(f, block, v, 1);
}

INLINE void load_block(vector v[8], const double *x)
{
	for (unsigned i = 0; i < 8; i++)
		for (unsigned part = 0; part < PARTS; part++)
			p_set(&v[i], part, p_load(x, i, part));
}

INLINE void store_block(double *x, const vector v[8])
{
	for (unsigned i = 0; i < 8; i++)
		for (unsigned part = 0; part < PARTS; part++)
			p_store(x, i, part, p_get(&v[i], part));
}

/* In place: what a first pass left to a whole spectrum. */
INLINE void whole_spectrum(const struct ring_fft *f, double *x)
{
	size_t size = last_middle(f), nodes = f->n / 16 / size;
	forward_middles(f, x);
	for (size_t node = 0, block = 0; node < nodes; node++) {
		forward_last_middle(f, x + 16 * size * node, nodes + node, size);
		for (size_t end = block + size / 8; block < end; block++) {
			vector v[8];
			load_block(v, x + 128 * block);
			forward_block(f, block, v);
			store_block(x + 128 * block, v);
		}
	}
}

/* Where point j of N real coefficients lies in an array that the first pass reads in place. */
INLINE size_t real_index(const struct ring_fft *f, unsigned j)
{
	unsigned m = f->n / 2, t = j & (m - 1);
	return (size_t)(t / 16 * 32 + (t >> 1 & 1) * 16 + (j >= m ? 8 : 0) + (t >> 1 & 6) +
			(t & 1));
}

#endif

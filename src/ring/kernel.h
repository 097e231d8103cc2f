/* Inside of the ring: what a plan holds and what each instruction set provides.
 *
 * The transform splits C[X]/(X^M - i), M = N/2, in halves until linear factors are left. A node
 * X^(2h) - r^2 has the children X^h - r and X^h + r, so one level is
 *	lo' = lo + r hi,  hi' = lo - r hi
 * with one constant r for a whole block: no twist, and the results come out block by block in an
 * order that nobody has to undo. Nodes are numbered as in a heap: node 1 is the root, its r is
 * exp(i pi/4); the children of node v have r_2v = sqrt(r_v) and r_2v+1 = i sqrt(r_v). The inverse
 * runs the levels backwards with conjugated constants and leaves out the halving, which the
 * caller's final scale 1/M makes up for. (Bernstein, "Multidigit multiplication for
 * mathematicians", 2001, section 4, calls this the split view of the FFT.)
 */
#ifndef RING_KERNEL_H
#define RING_KERNEL_H

#include "ring/fft.h"

/* One instruction set's functions; contracts in ring/fft.h. */
struct ring_kernel {
	void (*forward_i32)(const struct ring_fft *f, double *frequency, const int32_t *in);
	void (*forward_u32)(const struct ring_fft *f, double *frequency, const uint32_t *in);
	void (*forward_u64)(const struct ring_fft *f, double *frequency, const uint64_t *in);
	void (*inverse_add_u32)(const struct ring_fft *f, uint32_t *torus, double *frequency);
	void (*inverse_add_u64)(const struct ring_fft *f, uint64_t *torus, double *frequency);
	void (*inverse_f64)(const struct ring_fft *f, double *out, double *frequency);
	void (*mul)(const struct ring_fft *f, double *out, const double *a, const double *b);
	void (*mul_add)(const struct ring_fft *f, double *out, const double *a, const double *b);
};

/* Vector kernels: X^a at lane l of vector i of block b of 64 points (ring/fft_passes.h) is exp(2 pi i a
 * e / 2N) with
 *	e = 1 + 4 rev(b) + (2N / 64) (4 i2 + 16 i0 + 32 i1 + l2 + 2 l1 + 8 l0)
 * (indices in bits, rev(b) the bits of b backwards): a root of unity for the block times one for the
 * vector that depends on a modulo 16 times one for the lane that depends on a modulo 64. The tables:
 * lanes [64][8 real, 8 imaginary parts], vectors [16][8 real, 8 imaginary parts], roots [2N][real,
 * imaginary part]. */
enum { MONOMIAL_VECTORS = 64 * 16, MONOMIAL_ROOTS = MONOMIAL_VECTORS + 16 * 16 };

/* 1 + 4 rev(b) */
static inline unsigned ring_block_exponent(unsigned n_log2, unsigned block)
{
	unsigned reversed = 0;
	for (unsigned bit = 0; bit + 7 < n_log2; bit++)
		reversed |= (block >> bit & 1) << (n_log2 - 8 - bit);
	return 1 + 4 * reversed;
}

enum { BLOCK_TABLE = 144 }; /* doubles of the tables of one block of 64 points */

struct ring_fft {
	const struct ring_kernel *kernel;
	unsigned n_log2;
	unsigned n;
	enum isa isa;
	double *tables; /* one piece of memory for the following */
	size_t tables_bytes;
	/* s, s^2, s^3 with s = r_2v (so s^2 = r_v) for every node v that two levels start from, 8
	 * doubles a node: v below N/4, in the vector kernels below N/64. */
	double *scalars;
	/* Vector kernels (ring/fft_passes.h): for every block of 64 points the vectors of its last
	 * two passes. */
	double *blocks;
	double *monomials; /* see above */
};

extern const struct ring_kernel ring_kernel_portable;
#if defined(__x86_64__)
extern const struct ring_kernel ring_kernel_avx2;
extern const struct ring_kernel ring_kernel_avx512;
#endif

#endif

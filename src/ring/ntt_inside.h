/* Inside of the number-theoretic transforms: what a table holds and what each instruction set
 * provides.
 *
 * Transform: the tree of Z_q[X]/(X^N + 1), split in halves until linear factors are left. A node
 * X^(2h) - r^2 has the children X^h - r and X^h + r; one level takes (x, y) to (x + r y, x - r y) with
 * one r for a whole block, so the twist of a negacyclic transform costs nothing. Node k of a level of
 * m nodes has r = psi^brev(m + k), entry m + k of the table. The inverse runs backwards with the
 * inverses, and multiplies by 1/N on its last level.
 *
 * Products with a constant w use Shoup's quotient w' = floor(2^b w / q): with e = floor(y w' / 2^b),
 * y w - e q lies in [0, 2q). b is 64 in plain C and 52 in the vector kernels that multiply 52 bits.
 * Kernels of doubles have w / q (ntt_avx2.c).
 */
#ifndef RING_NTT_INSIDE_H
#define RING_NTT_INSIDE_H

#include "crypto/seed_inside.h"
#include "ring/ntt.h"

enum { NTT_MASK_WORDS = 64 };

/* One instruction set's functions; contracts in ring/ntt.h. */
struct ntt_kernel {
	const char *name;
	unsigned shoup_bits;
	unsigned lanes; /* of 64 bits; 8 where there are none */
	bool doubles;	/* the tables are doubles in (-q/2, q/2), quotients w / q */
	void (*forward)(const struct ntt *t, uint64_t *x);
	void (*inverse)(const struct ntt *t, uint64_t *x);
	void (*add)(
		const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
	void (*sub)(
		const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
	void (*neg)(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n);
	void (*shift)(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n);
	void (*mul)(
		const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
	void (*mul_add)(
		const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
	void (*mul_sub)(
		const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
	void (*scale)(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n);
	void (*scale_add)(
		const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n);
	void (*reduce)(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n);
	void (*lift)(const struct ntt *t, uint64_t *out, const int64_t *a, size_t n);
	bool (*reduce_uniform)(const struct ntt *t, uint64_t *out, const uint64_t *words, size_t n);
	/* Whole groups (NTT_MASK_WORDS) of a stream's words, reduced as they are made; NULL: there is
	 * none. Only with a schedule, which only processors with VAES make. */
	bool (*expand_uniform)(const struct ntt *t, uint64_t *out,
		const struct seed_schedule *schedule, uint64_t stream, uint64_t first, size_t n);
	void (*convert)(
		const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p, size_t n);
	/* NULL: one after the other */
	void (*convert_forward)(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p);
	/* NULL: entry by entry */
	void (*permute)(uint64_t *out, const uint64_t *a, const uint32_t *permutation, size_t n);
	void (*acc)(
		const struct ntt *t, uint64_t *acc, const uint64_t *a, const uint64_t *b, size_t n);
	void (*acc_tensor)(const struct ntt *t, uint64_t *acc0, uint64_t *acc1, uint64_t *acc2,
		const uint64_t *a0, const uint64_t *a1, const uint64_t *b0, const uint64_t *b1,
		size_t n);
	void (*acc_leaf)(const struct ntt *t, unsigned bytes, uint64_t *acc0, uint64_t *acc1,
		uint64_t *acc2, const uint8_t *const *c0, const uint64_t *const *c1,
		const uint64_t *const *b0, const uint64_t *const *b1, unsigned vectors, size_t n);
	void (*acc_reduce)(const struct ntt *t, uint64_t *out, const uint64_t *acc, size_t n);
	void (*pack)(unsigned bytes, uint8_t *out, const uint64_t *a, size_t n);
	void (*unpack)(unsigned bytes, uint64_t *out, const uint8_t *in, size_t n);
	bool (*check)(const struct ntt *t, unsigned bytes, const uint8_t *in, size_t n);
};

struct ntt {
	const struct ntt_kernel *kernel;
	uint64_t q, root, uniform_bound;
	unsigned log2n;
	size_t n;
	/* Entry k of the tables: constants and their quotients for a block of either direction. */
	uint64_t *forward, *forward_shoup, *inverse, *inverse_shoup;
	uint64_t scale, scale_shoup; /* 1/N */
	uint64_t last, last_shoup;   /* of the inverse's last level, times 1/N */
	/* Vector kernels: for every 64 coefficients the constants of the last three levels, 7 vectors
	 * of 8 and then their quotients; with 4 lanes, for every 16 of the last two, 3 vectors of 4
	 * and their quotients. */
	uint64_t *forward_ends, *inverse_ends;
	/* Barrett, for values below 4^bits: q < 2^bits, and floor(2^(bits + 50) / q). */
	unsigned bits;
	uint64_t barrett;
	uint64_t barrett64; /* floor(2^64 / q), below 2^52 since q > 2^12 */
	/* A word's upper 52 bits times this leave a rest below 2 q, not 3 q: nearly always. */
	bool barrett64_close;
	/* 2^52 modulo q, 2^104 modulo q, and Shoup's quotients of these and of 1, 52 bits. */
	uint64_t two52, two52_shoup, two104, one_shoup;
	uint64_t *memory;
	size_t memory_bytes;
};

/* c w, its quotient for the kernel. */
uint64_t ntt_shoup(const struct ntt *t, uint64_t w);
/* With this kernel, for tests of each. */
amt_status ntt_new_with(
	struct ntt **out, uint64_t q, unsigned log2n, const struct ntt_kernel *kernel);
/* The kernels this processor can run, ending with NULL; the best is the first. */
const struct ntt_kernel *const *ntt_kernels(void);

extern const struct ntt_kernel ntt_kernel_portable;
/* Where other kernels have nothing better. */
void ntt_portable_pack(unsigned bytes, uint8_t *out, const uint64_t *a, size_t n);
bool ntt_portable_check(const struct ntt *t, unsigned bytes, const uint8_t *in, size_t n);
#if defined(__x86_64__)
extern const struct ntt_kernel ntt_kernel_avx2;
extern const struct ntt_kernel ntt_kernel_ifma;
bool ntt_ifma_expand_uniform(const struct ntt *t, uint64_t *out,
	const struct seed_schedule *schedule, uint64_t stream, uint64_t first, size_t n);
#endif

#endif

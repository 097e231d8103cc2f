/* Number-theoretic transforms: polynomials of Z_q[X] / (X^N + 1) to their values and back, and the
 * arithmetic on vectors of residues that goes with them. N = 2^log2n, 1024 to 32768; q a prime below
 * 2^50 with q = 1 mod 2N.
 *
 * Residues are canonical: every input and output lies in [0, q). Order of the values: entry i is
 * the polynomial at psi^(2 brev(i) + 1), brev the reversal of log2n bits, psi the primitive 2N-th
 * root of unity of ntt_root. The order is part of the file formats and the same on every
 * instruction set; all of them give the same words.
 *
 * Algorithm: Longa and Naehrig 2016 (merged twists), Harvey 2014 (lazy butterflies).
 * Arrays are 64-byte aligned, n a multiple of 8. Outputs may be the inputs but must not overlap
 * otherwise. Nothing allocates but ntt_new; a table is immutable and shared by threads.
 */
#ifndef RING_NTT_H
#define RING_NTT_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

struct ntt;
struct seed_expander;

/* AMT_INVALID_ARGUMENT unless q is such a prime. */
amt_status ntt_new(struct ntt **out, uint64_t q, unsigned log2n);
void ntt_free(struct ntt *t);
uint64_t ntt_modulus(const struct ntt *t);
/* g^((q - 1) / 2N) for the least g for which that has order 2N. */
uint64_t ntt_root(const struct ntt *t);

void ntt_forward(const struct ntt *t, uint64_t *x); /* N coefficients to N values, in place */
void ntt_inverse(const struct ntt *t, uint64_t *x); /* and back */

/* Element by element modulo q. */
void ntt_add(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
void ntt_sub(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
void ntt_neg(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n);
void ntt_mul(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
/* out += a b */
void ntt_mul_add(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
/* out -= a b */
void ntt_mul_sub(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);
/* out = c a, out += c a; c in [0, q). */
void ntt_scale(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n);
void ntt_scale_add(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n);
/* out = a + c */
void ntt_shift(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n);
/* Any 64-bit words to residues. */
void ntt_reduce(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n);
/* Uniform words w to residues w mod q; returns whether any word was >= q floor(2^64 / q), which the
 * caller draws again (crypto/seed.h). */
bool ntt_reduce_uniform(const struct ntt *t, uint64_t *out, const uint64_t *words, size_t n);
uint64_t ntt_uniform_bound(const struct ntt *t); /* q floor(2^64 / q) */
/* ntt_reduce_uniform of words first, first + 1, ... of a stream (seed_expand_u64_from); *beyond is
 * what it returns. */
amt_status ntt_expand_uniform(const struct ntt *t, uint64_t *out, struct seed_expander *seed,
	uint64_t stream, uint64_t first, size_t n, bool *beyond);
/* Integers in (-q, q), in two's complement, to residues. */
void ntt_lift(const struct ntt *t, uint64_t *out, const int64_t *a, size_t n);
/* Residues modulo another prime p < 2^50 (canonical), centred to (-p/2, p/2], to residues mod q. */
void ntt_convert(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p, size_t n);
/* ntt_convert of N coefficients and ntt_forward of these, in one pass less over memory. out is not a. */
void ntt_convert_forward(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p);

/* out[i] = a[permutation[i]] for n values: those of X -> X^element for an odd element, which takes every
 * aligned 8 entries from an aligned 8 (their roots differ by powers of an eighth root of 1). a: all
 * values; out: any n of them; not a. */
void ntt_permute(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint32_t *permutation,
	size_t n);

/* ---- sums of products, reduced once
 *
 * An accumulator of n sums is 2n words of the kernel's own meaning; all zero is 0. Up to
 * NTT_MAX_PRODUCTS products may be added before it is reduced.
 */
enum { NTT_MAX_PRODUCTS = 4096 };

/* acc += a b */
void ntt_acc(const struct ntt *t, uint64_t *acc, const uint64_t *a, const uint64_t *b, size_t n);
/* The product of two ciphertexts: acc0 += a0 b0, acc1 += a0 b1 + a1 b0 (counts as two), acc2 += a1
 * b1. */
void ntt_acc_tensor(const struct ntt *t, uint64_t *acc0, uint64_t *acc1, uint64_t *acc2,
	const uint64_t *a0, const uint64_t *a1, const uint64_t *b0, const uint64_t *b1, size_t n);
/* For all v < vectors: the product of (c0[v], c1[v]) and (b0[v], b1[v]) is added as ntt_acc_tensor
 * does; c0[v] are residues packed in `bytes` (ntt_pack), with 64 bytes of room behind them. */
void ntt_acc_leaf(const struct ntt *t, unsigned bytes, uint64_t *acc0, uint64_t *acc1,
	uint64_t *acc2, const uint8_t *const *c0, const uint64_t *const *c1,
	const uint64_t *const *b0, const uint64_t *const *b1, unsigned vectors, size_t n);
/* out = acc mod q; the accumulator is left as it is. */
void ntt_acc_reduce(const struct ntt *t, uint64_t *out, const uint64_t *acc, size_t n);

/* ---- packed residues: little-endian in `bytes`, 5 for q <= 2^40 or 6 for q <= 2^48 */

enum { NTT_PACKED_LEAST = 5, NTT_PACKED_MOST = 6 };

/* bytes n bytes */
void ntt_pack(const struct ntt *t, unsigned bytes, uint8_t *out, const uint64_t *a, size_t n);
/* Reads up to 64 bytes beyond the bytes n it uses; the caller's buffer has that room. */
void ntt_unpack(const struct ntt *t, unsigned bytes, uint64_t *out, const uint8_t *in, size_t n);
/* Whether all n packed residues are below q; reads nothing else. */
bool ntt_check(const struct ntt *t, unsigned bytes, const uint8_t *in, size_t n);

#endif

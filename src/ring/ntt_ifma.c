/* Arithmetic modulo primes with AVX-512 IFMA: 52-bit products, eight at a time. */
#include "ring/ntt_ifma.h"

#include <string.h>

/* ---- element by element */

static void add(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	vec q = set(t->q);
	for (size_t i = 0; i < n; i += 8)
		store(out + i, below(_mm512_add_epi64(load(a + i), load(b + i)), q));
}

static void sub(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	vec q = set(t->q);
	for (size_t i = 0; i < n; i += 8) {
		/* A difference that wrapped is the greater one. */
		vec d = _mm512_sub_epi64(load(a + i), load(b + i));
		store(out + i, _mm512_min_epu64(d, _mm512_add_epi64(d, q)));
	}
}

static void neg(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n)
{
	vec q = set(t->q);
	for (size_t i = 0; i < n; i += 8) {
		vec x = load(a + i);
		store(out + i, _mm512_maskz_sub_epi64(_mm512_test_epi64_mask(x, x), q, x));
	}
}

static void shift(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	vec q = set(t->q), by = set(c);
	for (size_t i = 0; i < n; i += 8)
		store(out + i, below(_mm512_add_epi64(load(a + i), by), q));
}

/* low + 2^52 high < 4^bits, modulo q; low below 2^52. */
static inline vec barrett(const struct ntt *t, vec low, vec high, const struct modulus *m)
{
	vec zero = _mm512_setzero_si512();
	vec top = _mm512_or_si512(_mm512_sll_epi64(high, _mm_cvtsi32_si128((int)(54 - t->bits))),
		_mm512_srl_epi64(low, _mm_cvtsi32_si128((int)(t->bits - 2))));
	vec e = high52(zero, top, set(t->barrett));
	vec r = _mm512_and_si512(low52(low, e, m->minus), m->mask);
	return below(below(r, m->twice), m->q);
}

static inline vec product(const struct ntt *t, vec a, vec b, const struct modulus *m)
{
	vec zero = _mm512_setzero_si512();
	return barrett(t, low52(zero, a, b), high52(zero, a, b), m);
}

static void mul(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	struct modulus m = modulus(t);
	for (size_t i = 0; i < n; i += 8)
		store(out + i, product(t, load(a + i), load(b + i), &m));
}

static void mul_add(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	struct modulus m = modulus(t);
	for (size_t i = 0; i < n; i += 8) {
		vec p = product(t, load(a + i), load(b + i), &m);
		store(out + i, below(_mm512_add_epi64(load(out + i), p), m.q));
	}
}

static void mul_sub(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	struct modulus m = modulus(t);
	for (size_t i = 0; i < n; i += 8) {
		vec p = product(t, load(a + i), load(b + i), &m);
		vec d = _mm512_sub_epi64(load(out + i), p);
		store(out + i, _mm512_min_epu64(d, _mm512_add_epi64(d, m.q)));
	}
}

static void lift(const struct ntt *t, uint64_t *out, const int64_t *a, size_t n)
{
	vec q = set(t->q);
	for (size_t i = 0; i < n; i += 8) {
		vec x = _mm512_load_si512(a + i);
		store(out + i, _mm512_min_epu64(x, _mm512_add_epi64(x, q)));
	}
}

static void scale(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	struct modulus m = modulus(t);
	vec w = set(c), quotient = set(ntt_shoup(t, c));
	for (size_t i = 0; i < n; i += 8)
		store(out + i, below(shoup(load(a + i), w, quotient, &m), m.q));
}

static void scale_add(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	struct modulus m = modulus(t);
	vec w = set(c), quotient = set(ntt_shoup(t, c));
	for (size_t i = 0; i < n; i += 8) {
		vec p = below(shoup(load(a + i), w, quotient, &m), m.q);
		store(out + i, below(_mm512_add_epi64(load(out + i), p), m.q));
	}
}

INLINE void reduce_all(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n, bool close)
{
	struct word_modulus m = word_modulus(t);
	for (size_t i = 0; i < n; i += 8)
		store(out + i, reduce_word(load(a + i), &m, close));
}

static void reduce(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n)
{
	if (t->barrett64_close)
		reduce_all(t, out, a, n, true);
	else
		reduce_all(t, out, a, n, false);
}

static bool reduce_uniform(const struct ntt *t, uint64_t *out, const uint64_t *words, size_t n)
{
	vec most = _mm512_setzero_si512();
	for (size_t i = 0; i < n; i += 8)
		most = _mm512_max_epu64(most, load(words + i));
	reduce(t, out, words, n);
	return _mm512_cmpge_epu64_mask(most, set(t->uniform_bound)) != 0;
}

/* a and the lift are below 2^50, so one quotient will do. */
static void convert(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p, size_t n)
{
	struct modulus m = modulus(t);
	struct conversion c = conversion(t, p);
	for (size_t i = 0; i < n; i += 8)
		store(out + i, converted(load(a + i), &c, &m));
}

/* ---- accumulators: sums of low and of high halves of 104-bit products, 8 of each in turn */

static void acc(const struct ntt *t, uint64_t *sum, const uint64_t *a, const uint64_t *b, size_t n)
{
	(void)t;
	for (size_t i = 0; i < n; i += 8) {
		vec x = load(a + i), y = load(b + i);
		store(sum + 2 * i, low52(load(sum + 2 * i), x, y));
		store(sum + 2 * i + 8, high52(load(sum + 2 * i + 8), x, y));
	}
}

/* The sums of three parts of 8 coefficients. */
struct tensor {
	vec low[3], high[3];
};

static inline void tensor_add(struct tensor *s, vec a0, vec a1, vec b0, vec b1)
{
	s->low[0] = low52(s->low[0], a0, b0);
	s->high[0] = high52(s->high[0], a0, b0);
	s->low[1] = low52(s->low[1], a0, b1);
	s->high[1] = high52(s->high[1], a0, b1);
	s->low[2] = low52(s->low[2], a1, b1);
	s->high[2] = high52(s->high[2], a1, b1);
	s->low[1] = low52(s->low[1], a1, b0);
	s->high[1] = high52(s->high[1], a1, b0);
}

static inline void tensor_load(struct tensor *s, uint64_t *const acc[3], size_t i)
{
	for (unsigned part = 0; part < 3; part++) {
		s->low[part] = load(acc[part] + 2 * i);
		s->high[part] = load(acc[part] + 2 * i + 8);
	}
}

static inline void tensor_store(const struct tensor *s, uint64_t *const acc[3], size_t i)
{
	for (unsigned part = 0; part < 3; part++) {
		store(acc[part] + 2 * i, s->low[part]);
		store(acc[part] + 2 * i + 8, s->high[part]);
	}
}

static void acc_tensor(const struct ntt *t, uint64_t *acc0, uint64_t *acc1, uint64_t *acc2,
	const uint64_t *a0, const uint64_t *a1, const uint64_t *b0, const uint64_t *b1, size_t n)
{
	uint64_t *const sums[3] = {acc0, acc1, acc2};
	struct tensor s;
	(void)t;
	for (size_t i = 0; i < n; i += 8) {
		tensor_load(&s, sums, i);
		tensor_add(&s, load(a0 + i), load(a1 + i), load(b0 + i), load(b1 + i));
		tensor_store(&s, sums, i);
	}
}

/* ---- packed residues */

/* The bytes of eight. */
INLINE __mmask64 packed_mask(unsigned bytes)
{
	return ((uint64_t)1 << 8 * bytes) - 1;
}

/* The residues from byte `skip` on; bytes and skip are constants. */
INLINE vec spread_from(vec packed, unsigned bytes, unsigned skip)
{
	const vec five = _mm512_setr_epi64(0x0403020100, 0x0908070605, 0x0e0d0c0b0a, 0x131211100f,
		0x1817161514, 0x1d1c1b1a19, 0x2221201f1e, 0x2726252423);
	const vec six = _mm512_setr_epi64(0x050403020100, 0x0b0a09080706, 0x11100f0e0d0c,
		0x171615141312, 0x1d1c1b1a1918, 0x232221201f1e, 0x292827262524, 0x2f2e2d2c2b2a);
	const vec start = bytes == NTT_PACKED_MOST ? six : five;
	const vec index = _mm512_add_epi64(start, set(0x010101010101 * (uint64_t)skip));
	return _mm512_maskz_permutexvar_epi8(
		bytes == NTT_PACKED_MOST ? 0x3f3f3f3f3f3f3f3f : 0x1f1f1f1f1f1f1f1f, index, packed);
}

INLINE void pack_all(unsigned bytes, uint8_t *out, const uint64_t *a, size_t n)
{
	const vec five = _mm512_setr_epi64(0x0a09080403020100, 0x1814131211100c0b,
		0x232221201c1b1a19, 0x31302c2b2a292824, 0x3c3b3a3938343332, 0, 0, 0);
	const vec six =
		_mm512_setr_epi64(0x0908050403020100, 0x131211100d0c0b0a, 0x1d1c1b1a19181514,
			0x2928252423222120, 0x333231302d2c2b2a, 0x3d3c3b3a39383534, 0, 0);
	for (size_t i = 0; i < n; i += 8)
		_mm512_mask_storeu_epi8(out + bytes * i, packed_mask(bytes),
			_mm512_permutexvar_epi8(
				bytes == NTT_PACKED_MOST ? six : five, load(a + i)));
}

static void pack(unsigned bytes, uint8_t *out, const uint64_t *a, size_t n)
{
	if (bytes == NTT_PACKED_MOST)
		pack_all(NTT_PACKED_MOST, out, a, n);
	else
		pack_all(NTT_PACKED_LEAST, out, a, n);
}

/* Reads no byte beyond. */
INLINE bool check_all(const struct ntt *t, unsigned bytes, const uint8_t *in, size_t n)
{
	vec most = _mm512_setzero_si512();
	for (size_t i = 0; i < n; i += 8) {
		vec packed = _mm512_maskz_loadu_epi8(packed_mask(bytes), in + bytes * i);
		most = _mm512_max_epu64(most, spread_from(packed, bytes, 0));
	}
	return _mm512_cmpge_epu64_mask(most, set(t->q)) == 0;
}

static bool check(const struct ntt *t, unsigned bytes, const uint8_t *in, size_t n)
{
	return bytes == NTT_PACKED_MOST ? check_all(t, NTT_PACKED_MOST, in, n)
					: check_all(t, NTT_PACKED_LEAST, in, n);
}

INLINE void unpack_all(unsigned bytes, uint64_t *out, const uint8_t *in, size_t n)
{
	for (size_t i = 0; i < n; i += 8)
		store(out + i, spread_from(_mm512_loadu_si512(in + bytes * i), bytes, 0));
}

static void unpack(unsigned bytes, uint64_t *out, const uint8_t *in, size_t n)
{
	if (bytes == NTT_PACKED_MOST)
		unpack_all(NTT_PACKED_MOST, out, in, n);
	else
		unpack_all(NTT_PACKED_LEAST, out, in, n);
}

/* What acc_leaf reads. */
struct streams {
	const uint8_t *const *c0;
	const uint64_t *const *c1, *const *b0, *const *b1;
	unsigned vectors;
};

/* 8 `wide` coefficients of all vectors, whose sums stay in registers. Eight packed residues are read
 * from one cache line where they lie in one: those of register k begin `skip[k]` bytes behind the
 * place that is read. */
INLINE void leaf_piece(uint64_t *const sums[3], const struct streams *in, size_t i, unsigned wide,
	unsigned bytes, const unsigned char skip[4])
{
	struct tensor s[4];
	for (unsigned k = 0; k < wide; k++)
		tensor_load(&s[k], sums, i + 8 * k);
	for (unsigned v = 0; v < in->vectors; v++) {
		const uint8_t *c0 = in->c0[v] + bytes * i;
		const uint64_t *c1 = in->c1[v] + i, *b0 = in->b0[v] + i, *b1 = in->b1[v] + i;
#pragma GCC unroll 4
		for (unsigned k = 0; k < wide; k++) {
			vec packed = _mm512_loadu_si512(c0 + (size_t)8 * bytes * k - skip[k]);
			tensor_add(&s[k], spread_from(packed, bytes, skip[k]), load(c1 + 8 * k),
				load(b0 + 8 * k), load(b1 + 8 * k));
		}
	}
	for (unsigned k = 0; k < wide; k++)
		tensor_store(&s[k], sums, i + 8 * k);
}

static const unsigned char skip_none[4];

/* 64 residues of 5 bytes are five cache lines. */
INLINE void leaf_of_five(uint64_t *const sums[3], const struct streams *in, size_t n)
{
	static const unsigned char first[4] = {0, 0, 16, 0}, second[4] = {0, 8, 0, 24};
	size_t i = 0;
	for (; i + 64 <= n; i += 64) {
		leaf_piece(sums, in, i, 4, NTT_PACKED_LEAST, first);
		leaf_piece(sums, in, i + 32, 4, NTT_PACKED_LEAST, second);
	}
	for (; i < n; i += 8)
		leaf_piece(sums, in, i, 1, NTT_PACKED_LEAST, skip_none);
}

/* 32 residues of 6 bytes are three. */
INLINE void leaf_of_six(uint64_t *const sums[3], const struct streams *in, size_t n)
{
	static const unsigned char all[4] = {0, 0, 0, 16};
	size_t i = 0;
	for (; i + 32 <= n; i += 32)
		leaf_piece(sums, in, i, 4, NTT_PACKED_MOST, all);
	for (; i < n; i += 8)
		leaf_piece(sums, in, i, 1, NTT_PACKED_MOST, skip_none);
}

static void acc_leaf(const struct ntt *t, unsigned bytes, uint64_t *acc0, uint64_t *acc1,
	uint64_t *acc2, const uint8_t *const *c0, const uint64_t *const *c1,
	const uint64_t *const *b0, const uint64_t *const *b1, unsigned vectors, size_t n)
{
	uint64_t *const sums[3] = {acc0, acc1, acc2};
	const struct streams in = {c0, c1, b0, b1, vectors};
	(void)t;
	if (bytes == NTT_PACKED_MOST)
		leaf_of_six(sums, &in, n);
	else
		leaf_of_five(sums, &in, n);
}

/* low + 2^52 high, both of 64 bits: the carry of low goes to high, and, where NTT_MAX_PRODUCTS products
 * may make it longer than 52 bits, high is taken apart once more. */
INLINE void acc_reduce_all(
	const struct ntt *t, uint64_t *out, const uint64_t *sum, size_t n, bool longer)
{
	struct modulus m = modulus(t);
	vec one_shoup = set(t->one_shoup);
	vec two52 = set(t->two52), two52_shoup = set(t->two52_shoup);
	vec two104 = set(t->two104), two104_shoup = set(ntt_shoup(t, t->two104));
	for (size_t i = 0; i < n; i += 8) {
		vec low = load(sum + 2 * i), high = load(sum + 2 * i + 8);
		high = _mm512_add_epi64(high, _mm512_srli_epi64(low, 52));
		vec all = reduced(_mm512_and_si512(low, m.mask), one_shoup, &m);
		if (longer) {
			vec top = shoup(_mm512_srli_epi64(high, 52), two104, two104_shoup, &m);
			all = below(_mm512_add_epi64(all, top), m.twice);
			high = _mm512_and_si512(high, m.mask);
		}
		all = _mm512_add_epi64(all, shoup(high, two52, two52_shoup, &m));
		store(out + i, below(below(all, m.twice), m.q));
	}
}

static void acc_reduce(const struct ntt *t, uint64_t *out, const uint64_t *sum, size_t n)
{
	/* 2^12 products below 2^(2 bits), and a carry */
	if (2 * t->bits + 12 < 104)
		acc_reduce_all(t, out, sum, n, false);
	else
		acc_reduce_all(t, out, sum, n, true);
}

/* The lower three bits of eight indices choose within the eight that the others name. */
static void permute(uint64_t *out, const uint64_t *a, const uint32_t *permutation, size_t n)
{
	for (size_t i = 0; i < n; i += 8) {
		vec from = load(a + (permutation[i] & ~7u));
		__m256i index = _mm256_loadu_si256((const __m256i *)(permutation + i));
		store(out + i, _mm512_permutexvar_epi64(_mm512_cvtepu32_epi64(index), from));
	}
}

const struct ntt_kernel ntt_kernel_ifma = {
	.name = "avx512ifma",
	.lanes = 8,
	.shoup_bits = 52,
	.forward = ntt_ifma_forward,
	.inverse = ntt_ifma_inverse,
	.add = add,
	.sub = sub,
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
	.expand_uniform = ntt_ifma_expand_uniform,
	.convert = convert,
	.convert_forward = ntt_ifma_convert_forward,
	.permute = permute,
	.acc = acc,
	.acc_tensor = acc_tensor,
	.acc_leaf = acc_leaf,
	.acc_reduce = acc_reduce,
	.pack = pack,
	.unpack = unpack,
	.check = check,
};

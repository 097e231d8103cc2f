#include "ring/ntt_inside.h"

#include "base/alloc.h"
#include "crypto/seed.h"
#include "os/cpu.h"

#include <string.h>

enum { LOG2N_MIN = 10, LOG2N_MAX = 15, Q_BITS_MAX = 50 };

static uint64_t mul_mod(uint64_t a, uint64_t b, uint64_t q)
{
	return (uint64_t)((unsigned __int128)a * b % q);
}

static uint64_t pow_mod(uint64_t a, uint64_t e, uint64_t q)
{
	uint64_t r = 1;
	for (; e > 0; e >>= 1, a = mul_mod(a, a, q))
		if (e & 1)
			r = mul_mod(r, a, q);
	return r;
}

static size_t reverse(size_t x, unsigned bits)
{
	size_t r = 0;
	for (unsigned i = 0; i < bits; i++)
		r |= (x >> i & 1) << (bits - 1 - i);
	return r;
}

uint64_t ntt_shoup(const struct ntt *t, uint64_t w)
{
	return (uint64_t)(((unsigned __int128)w << t->kernel->shoup_bits) / t->q);
}

/* ---- which kernel */

const struct ntt_kernel *const *ntt_kernels(void)
{
#if defined(__x86_64__)
	static const struct ntt_kernel *const ifma[] = {
		&ntt_kernel_ifma, &ntt_kernel_avx2, &ntt_kernel_portable, NULL};
	if (cpu_has_ifma())
		return ifma;
	if (cpu_isa() >= ISA_AVX2)
		return ifma + 1;
#endif
	static const struct ntt_kernel *const portable[] = {&ntt_kernel_portable, NULL};
	return portable;
}

/* ---- tables */

static amt_status find_root(struct ntt *t)
{
	uint64_t q = t->q, order = 2 * (uint64_t)t->n;
	/* Half of all g will do if q is a prime. */
	for (uint64_t g = 2; g < 1000 && g < q; g++) {
		t->root = pow_mod(g, (q - 1) / order, q);
		if (pow_mod(t->root, t->n, q) == q - 1)
			return STATUS_OK;
	}
	FAIL(AMT_INVALID_ARGUMENT, "%llu is not a prime", (unsigned long long)q);
}

/* A kernel of doubles has w centred, and w / q. */
static uint64_t double_bits(double x)
{
	uint64_t bits;
	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static double centred(const struct ntt *t, uint64_t w)
{
	return w > t->q / 2 ? -(double)(t->q - w) : (double)w;
}

static uint64_t constant(const struct ntt *t, uint64_t w)
{
	return t->kernel->doubles ? double_bits(centred(t, w)) : w;
}

static uint64_t quotient(const struct ntt *t, uint64_t w)
{
	return t->kernel->doubles ? double_bits(centred(t, w) / (double)t->q) : ntt_shoup(t, w);
}

static size_t ends_words(const struct ntt *t)
{
	size_t lanes = t->kernel->lanes;
	return t->n / lanes * 2 * (lanes - 1);
}

/* The constants of the last levels, lane by lane: with L lanes, lane l is the block of L coefficients
 * number L b + l. */
static void fill_ends(
	const struct ntt *t, uint64_t *out, const uint64_t *table, const uint64_t *quotients)
{
	size_t lanes = t->kernel->lanes, levels = (size_t)__builtin_ctzll(lanes);
	size_t half = (lanes - 1) * lanes;
	for (size_t block = 0; block < t->n / lanes; block++) {
		uint64_t *at = out + block / lanes * 2 * half + block % lanes;
		for (size_t level = 0; level < levels; level++)
			for (size_t k = 0; k < (size_t)1 << level; k++, at += lanes) {
				size_t node = (t->n / lanes << level) + (block << level) + k;
				at[0] = table[node];
				at[half] = quotients[node];
			}
	}
}

static void fill_tables(struct ntt *t)
{
	uint64_t inverse = pow_mod(t->root, t->q - 2, t->q), up = 1, down = 1;
	uint64_t scale = pow_mod(t->n, t->q - 2, t->q), last = 0;
	for (size_t power = 0; power < t->n; power++) {
		size_t k = reverse(power, t->log2n);
		t->forward[k] = constant(t, up);
		t->inverse[k] = constant(t, down);
		t->forward_shoup[k] = quotient(t, up);
		t->inverse_shoup[k] = quotient(t, down);
		last = k == 1 ? mul_mod(down, scale, t->q) : last;
		up = mul_mod(up, t->root, t->q);
		down = mul_mod(down, inverse, t->q);
	}
	fill_ends(t, t->forward_ends, t->forward, t->forward_shoup);
	fill_ends(t, t->inverse_ends, t->inverse, t->inverse_shoup);
	t->scale = constant(t, scale);
	t->scale_shoup = quotient(t, scale);
	t->last = constant(t, last);
	t->last_shoup = quotient(t, last);
}

static void fill_constants(struct ntt *t)
{
	unsigned __int128 one = 1;
	uint64_t q = t->q;
	t->uniform_bound = (uint64_t)((one << 64) / q * q);
	for (t->bits = 1; q >> t->bits != 0;)
		t->bits++;
	t->barrett = (uint64_t)((one << (t->bits + 50)) / q);
	t->barrett64 = (uint64_t)((one << 64) / q);
	t->barrett64_close = (uint64_t)((one << 64) % q) + 4096 <= q;
	t->two52 = (uint64_t)((one << 52) % q);
	t->two104 = (uint64_t)((one << 104) % q);
	t->two52_shoup = (uint64_t)((one * t->two52 << 52) / q);
	t->one_shoup = (uint64_t)((one << 52) / q);
}

static amt_status make(struct ntt *t)
{
	size_t n = t->n;
	t->memory_bytes = (4 * n + 2 * ends_words(t)) * sizeof(uint64_t);
	TRY(mem_alloc_aligned(&t->memory, t->memory_bytes));
	t->forward = t->memory;
	t->forward_shoup = t->forward + n;
	t->inverse = t->forward_shoup + n;
	t->inverse_shoup = t->inverse + n;
	t->forward_ends = t->inverse_shoup + n;
	t->inverse_ends = t->forward_ends + ends_words(t);
	TRY(find_root(t));
	fill_constants(t);
	fill_tables(t);
	return STATUS_OK;
}

amt_status ntt_new_with(
	struct ntt **out, uint64_t q, unsigned log2n, const struct ntt_kernel *kernel)
{
	ENSURE(log2n >= LOG2N_MIN && log2n <= LOG2N_MAX, AMT_INVALID_ARGUMENT,
		"a transform of 2^%u", log2n);
	ENSURE(q >> Q_BITS_MAX == 0 && q > 1 && (q - 1) % ((uint64_t)2 << log2n) == 0,
		AMT_INVALID_ARGUMENT, "%llu is not 1 modulo 2^%u, or too large",
		(unsigned long long)q, log2n + 1);
	struct ntt *t;
	TRY(mem_zalloc(&t, sizeof(*t)));
	t->kernel = kernel;
	t->q = q;
	t->log2n = log2n;
	t->n = (size_t)1 << log2n;
	amt_status s = make(t);
	if (!amt_ok(s)) {
		ntt_free(t);
		return s;
	}
	*out = t;
	return STATUS_OK;
}

amt_status ntt_new(struct ntt **out, uint64_t q, unsigned log2n)
{
	return ntt_new_with(out, q, log2n, ntt_kernels()[0]);
}

void ntt_free(struct ntt *t)
{
	if (t == NULL)
		return;
	mem_free_aligned(t->memory, t->memory_bytes);
	mem_free(t);
}

uint64_t ntt_modulus(const struct ntt *t)
{
	return t->q;
}

uint64_t ntt_root(const struct ntt *t)
{
	return t->root;
}

uint64_t ntt_uniform_bound(const struct ntt *t)
{
	return t->uniform_bound;
}

/* ---- the kernel's functions */

void ntt_convert_forward(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p)
{
	if (t->kernel->convert_forward != NULL) {
		t->kernel->convert_forward(t, out, a, p);
		return;
	}
	t->kernel->convert(t, out, a, p, t->n);
	t->kernel->forward(t, out);
}

void ntt_forward(const struct ntt *t, uint64_t *x)
{
	t->kernel->forward(t, x);
}

void ntt_inverse(const struct ntt *t, uint64_t *x)
{
	t->kernel->inverse(t, x);
}

void ntt_add(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	t->kernel->add(t, out, a, b, n);
}

void ntt_sub(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	t->kernel->sub(t, out, a, b, n);
}

void ntt_mul(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	t->kernel->mul(t, out, a, b, n);
}

void ntt_mul_add(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	t->kernel->mul_add(t, out, a, b, n);
}

void ntt_mul_sub(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	t->kernel->mul_sub(t, out, a, b, n);
}

void ntt_scale(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	t->kernel->scale(t, out, a, c, n);
}

void ntt_scale_add(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	t->kernel->scale_add(t, out, a, c, n);
}

void ntt_neg(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n)
{
	t->kernel->neg(t, out, a, n);
}

void ntt_shift(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	t->kernel->shift(t, out, a, c, n);
}

void ntt_reduce(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n)
{
	t->kernel->reduce(t, out, a, n);
}

void ntt_lift(const struct ntt *t, uint64_t *out, const int64_t *a, size_t n)
{
	t->kernel->lift(t, out, a, n);
}

bool ntt_reduce_uniform(const struct ntt *t, uint64_t *out, const uint64_t *words, size_t n)
{
	return t->kernel->reduce_uniform(t, out, words, n);
}

amt_status ntt_expand_uniform(const struct ntt *t, uint64_t *out, struct seed_expander *seed,
	uint64_t stream, uint64_t first, size_t n, bool *beyond)
{
	const struct seed_schedule *schedule = seed_expander_schedule(seed);
	bool fused = schedule != NULL && t->kernel->expand_uniform != NULL &&
		     first % NTT_MASK_WORDS == 0 && n % NTT_MASK_WORDS == 0;
	if (fused) {
		*beyond = t->kernel->expand_uniform(t, out, schedule, stream, first, n);
		return STATUS_OK;
	}
	TRY(seed_expand_u64_from(seed, stream, first, out, n));
	*beyond = ntt_reduce_uniform(t, out, out, n);
	return STATUS_OK;
}

void ntt_convert(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p, size_t n)
{
	t->kernel->convert(t, out, a, p, n);
}

void ntt_permute(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint32_t *permutation,
	size_t n)
{
	if (t->kernel->permute != NULL) {
		t->kernel->permute(out, a, permutation, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = a[permutation[i]];
}

void ntt_acc(const struct ntt *t, uint64_t *acc, const uint64_t *a, const uint64_t *b, size_t n)
{
	t->kernel->acc(t, acc, a, b, n);
}

void ntt_acc_tensor(const struct ntt *t, uint64_t *acc0, uint64_t *acc1, uint64_t *acc2,
	const uint64_t *a0, const uint64_t *a1, const uint64_t *b0, const uint64_t *b1, size_t n)
{
	t->kernel->acc_tensor(t, acc0, acc1, acc2, a0, a1, b0, b1, n);
}

void ntt_acc_leaf(const struct ntt *t, unsigned bytes, uint64_t *acc0, uint64_t *acc1,
	uint64_t *acc2, const uint8_t *const *c0, const uint64_t *const *c1,
	const uint64_t *const *b0, const uint64_t *const *b1, unsigned vectors, size_t n)
{
	t->kernel->acc_leaf(t, bytes, acc0, acc1, acc2, c0, c1, b0, b1, vectors, n);
}

void ntt_acc_reduce(const struct ntt *t, uint64_t *out, const uint64_t *acc, size_t n)
{
	t->kernel->acc_reduce(t, out, acc, n);
}

/* ---- packed residues */

void ntt_pack(const struct ntt *t, unsigned bytes, uint8_t *out, const uint64_t *a, size_t n)
{
	t->kernel->pack(bytes, out, a, n);
}

void ntt_unpack(const struct ntt *t, unsigned bytes, uint64_t *out, const uint8_t *in, size_t n)
{
	t->kernel->unpack(bytes, out, in, n);
}

bool ntt_check(const struct ntt *t, unsigned bytes, const uint8_t *in, size_t n)
{
	return t->kernel->check(t, bytes, in, n);
}

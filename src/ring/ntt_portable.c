/* Number-theoretic transforms in plain C: butterflies with values below 4 q (Harvey, "Faster
 * arithmetic for number-theoretic transforms", 2014), 128-bit accumulators. */
#include "ring/ntt_inside.h"

#include <string.h>

typedef unsigned __int128 wide;

/* y w - e q, in [0, 2q). */
static inline uint64_t shoup(uint64_t y, uint64_t w, uint64_t quotient, uint64_t q)
{
	return y * w - (uint64_t)(((wide)y * quotient) >> 64) * q;
}

/* x < 2 bound to below bound, without a branch. */
static inline uint64_t below(uint64_t x, uint64_t bound)
{
	uint64_t less = x - bound;
	return less + (bound & -(less >> 63));
}

/* v < 4^bits, modulo q. */
static inline uint64_t barrett(const struct ntt *t, wide v)
{
	uint64_t high = (uint64_t)(v >> (t->bits - 2));
	uint64_t quotient = (uint64_t)(((wide)high * t->barrett) >> 52);
	uint64_t r = (uint64_t)v - quotient * t->q; /* below 4 q */
	return below(below(r, 2 * t->q), t->q);
}

static void forward(const struct ntt *t, uint64_t *x)
{
	uint64_t q = t->q, twice = 2 * q;
	for (size_t nodes = 1, h = t->n / 2; nodes < t->n; nodes *= 2, h /= 2)
		for (size_t k = 0; k < nodes; k++) {
			uint64_t w = t->forward[nodes + k], quotient = t->forward_shoup[nodes + k];
			uint64_t *a = x + 2 * k * h, *b = a + h;
			for (size_t j = 0; j < h; j++) {
				uint64_t u = below(a[j], twice), v = shoup(b[j], w, quotient, q);
				a[j] = u + v;
				b[j] = u - v + twice;
			}
		}
	for (size_t j = 0; j < t->n; j++)
		x[j] = below(below(x[j], twice), q);
}

static void inverse(const struct ntt *t, uint64_t *x)
{
	uint64_t q = t->q, twice = 2 * q;
	for (size_t nodes = t->n / 2, h = 1; nodes > 1; nodes /= 2, h *= 2)
		for (size_t k = 0; k < nodes; k++) {
			uint64_t w = t->inverse[nodes + k], quotient = t->inverse_shoup[nodes + k];
			uint64_t *a = x + 2 * k * h, *b = a + h;
			for (size_t j = 0; j < h; j++) {
				uint64_t u = a[j], v = b[j];
				a[j] = below(u + v, twice);
				b[j] = shoup(u - v + twice, w, quotient, q);
			}
		}
	uint64_t *b = x + t->n / 2;
	for (size_t j = 0; j < t->n / 2; j++) {
		uint64_t u = x[j], v = b[j];
		x[j] = below(shoup(u + v, t->scale, t->scale_shoup, q), q);
		b[j] = below(shoup(u - v + twice, t->last, t->last_shoup, q), q);
	}
}

static void add(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = below(a[i] + b[i], t->q);
}

static void sub(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = below(a[i] + t->q - b[i], t->q);
}

static void neg(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (t->q - a[i]) & -(uint64_t)(a[i] != 0);
}

static void shift(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = below(a[i] + c, t->q);
}

static void mul(const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = barrett(t, (wide)a[i] * b[i]);
}

static void mul_add(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = below(out[i] + barrett(t, (wide)a[i] * b[i]), t->q);
}

static void mul_sub(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = below(out[i] + t->q - barrett(t, (wide)a[i] * b[i]), t->q);
}

static void lift(const struct ntt *t, uint64_t *out, const int64_t *a, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint64_t)a[i] + (t->q & (uint64_t)(a[i] >> 63));
}

static void scale(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	uint64_t quotient = ntt_shoup(t, c);
	for (size_t i = 0; i < n; i++)
		out[i] = below(shoup(a[i], c, quotient, t->q), t->q);
}

static void scale_add(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t c, size_t n)
{
	uint64_t quotient = ntt_shoup(t, c);
	for (size_t i = 0; i < n; i++)
		out[i] = below(out[i] + below(shoup(a[i], c, quotient, t->q), t->q), t->q);
}

static void reduce(const struct ntt *t, uint64_t *out, const uint64_t *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t quotient = (uint64_t)(((wide)a[i] * t->barrett64) >> 64);
		out[i] = below(a[i] - quotient * t->q, t->q);
	}
}

static bool reduce_uniform(const struct ntt *t, uint64_t *out, const uint64_t *words, size_t n)
{
	bool beyond = false;
	for (size_t i = 0; i < n; i++)
		beyond |= words[i] >= t->uniform_bound;
	reduce(t, out, words, n);
	return beyond;
}

static void convert(const struct ntt *t, uint64_t *out, const uint64_t *a, uint64_t p, size_t n)
{
	/* -p modulo q, for those above the middle. */
	uint64_t lift = t->q - p % t->q;
	for (size_t i = 0; i < n; i++)
		out[i] = a[i] + (lift & -(uint64_t)(a[i] > p / 2));
	reduce(t, out, out, n);
}

/* ---- accumulators: low and high words of 128 bits, 8 of each in turn */

static inline void acc_one(uint64_t *acc, size_t i, uint64_t a, uint64_t b)
{
	uint64_t *low = acc + (i / 8) * 16 + i % 8, *high = low + 8;
	wide sum = ((wide)*high << 64 | *low) + (wide)a * b;
	*low = (uint64_t)sum;
	*high = (uint64_t)(sum >> 64);
}

static void acc(const struct ntt *t, uint64_t *sum, const uint64_t *a, const uint64_t *b, size_t n)
{
	(void)t;
	for (size_t i = 0; i < n; i++)
		acc_one(sum, i, a[i], b[i]);
}

static void acc_tensor(const struct ntt *t, uint64_t *acc0, uint64_t *acc1, uint64_t *acc2,
	const uint64_t *a0, const uint64_t *a1, const uint64_t *b0, const uint64_t *b1, size_t n)
{
	acc(t, acc0, a0, b0, n);
	acc(t, acc1, a0, b1, n);
	acc(t, acc1, a1, b0, n);
	acc(t, acc2, a1, b1, n);
}

/* A residue of five bytes or six. */
static inline uint64_t get_packed(const uint8_t *in, bool six)
{
	uint32_t low;
	memcpy(&low, in, 4);
	return low | (uint64_t)in[4] << 32 | (six ? (uint64_t)in[5] << 40 : 0);
}

void ntt_portable_pack(unsigned bytes, uint8_t *out, const uint64_t *a, size_t n)
{
	for (size_t i = 0; i < n; i++, out += bytes) {
		uint32_t low = (uint32_t)a[i];
		memcpy(out, &low, 4);
		out[4] = (uint8_t)(a[i] >> 32);
		if (bytes == NTT_PACKED_MOST)
			out[5] = (uint8_t)(a[i] >> 40);
	}
}

bool ntt_portable_check(const struct ntt *t, unsigned bytes, const uint8_t *in, size_t n)
{
	uint64_t bad = 0;
	bool six = bytes == NTT_PACKED_MOST;
	for (size_t i = 0; i < n; i++) /* wraps where the value is not below q */
		bad |= t->q - 1 - get_packed(in + bytes * i, six);
	return bad >> 63 == 0;
}

static void unpack(unsigned bytes, uint64_t *out, const uint8_t *in, size_t n)
{
	bool six = bytes == NTT_PACKED_MOST;
	for (size_t i = 0; i < n; i++)
		out[i] = get_packed(in + bytes * i, six);
}

static void acc_leaf(const struct ntt *t, unsigned bytes, uint64_t *acc0, uint64_t *acc1,
	uint64_t *acc2, const uint8_t *const *c0, const uint64_t *const *c1,
	const uint64_t *const *b0, const uint64_t *const *b1, unsigned vectors, size_t n)
{
	enum { PIECE = 256 };
	uint64_t plain[PIECE];
	for (unsigned v = 0; v < vectors; v++)
		for (size_t i = 0; i < n; i += PIECE) {
			size_t count = n - i < PIECE ? n - i : PIECE;
			unpack(bytes, plain, c0[v] + bytes * i, count);
			acc_tensor(t, acc0 + 2 * i, acc1 + 2 * i, acc2 + 2 * i, plain, c1[v] + i,
				b0[v] + i, b1[v] + i, count);
		}
}

static void acc_reduce(const struct ntt *t, uint64_t *out, const uint64_t *sum, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const uint64_t *low = sum + (i / 8) * 16 + i % 8;
		out[i] = (uint64_t)(((wide)low[8] << 64 | *low) % t->q);
	}
}

const struct ntt_kernel ntt_kernel_portable = {
	.name = "portable",
	.lanes = 8,
	.shoup_bits = 64,
	.forward = forward,
	.inverse = inverse,
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
	.convert = convert,
	.acc = acc,
	.acc_tensor = acc_tensor,
	.acc_leaf = acc_leaf,
	.acc_reduce = acc_reduce,
	.pack = ntt_portable_pack,
	.unpack = unpack,
	.check = ntt_portable_check,
};

/* Exact products of public polynomials by the binary key, through the f64 FFT.
 *
 * Why it is exact: factors are 32-bit signed digits a (|a| <= 2^31) and bits s. An FFT product of
 * size M = N / 2 by any stable algorithm has every coefficient within
 *	|a|_2 |s|_2 * 3 log2(M) * c u,	u = 2^-53,  c about 4
 * (Higham, "Accuracy and stability of numerical algorithms", 24.1: each transform is off by at most
 * log2(M) c u of its norm). For N = 8192 that is 2^37.5 * 2^6.5 * 36 * 4 * 2^-53 = 0.3, for the
 * N = 2048 of the shipped sets 2^36.5 * 2^5.5 * 30 * 4 * 2^-53 = 0.06: below 1/2, so rounding gives
 * the integer. Errors seen are a thousand times smaller; tests compare with integer arithmetic at
 *the extremes. Integers stay below 2^44 < 2^51.
 *
 * Constant time: no branch or index depends on the key, and no operand is denormal: spectra are
 *sums of normal numbers or exact zeros. */
#include "tfhe/secret_inside.h"

#include "base/alloc.h"
#include "crypto/secret.h"

amt_status secret_scratch_open(struct secret_scratch *w, const struct tfhe_params *p)
{
	size_t n = tfhe_poly_size(p);
	*w = (struct secret_scratch){0};
	amt_status s = mem_alloc_aligned(&w->digits, n * sizeof(*w->digits));
	if (amt_ok(s))
		s = mem_alloc_aligned(&w->frequency, n * sizeof(*w->frequency));
	if (amt_ok(s))
		s = mem_alloc_aligned(&w->product, n * sizeof(*w->product));
	if (!amt_ok(s))
		secret_scratch_close(w, p);
	return s;
}

static void wipe_and_free(void *memory, size_t size)
{
	if (memory != NULL)
		secret_wipe(memory, size);
	mem_free_aligned(memory, size);
}

void secret_scratch_close(struct secret_scratch *w, const struct tfhe_params *p)
{
	size_t n = tfhe_poly_size(p);
	wipe_and_free(w->digits, n * sizeof(*w->digits));
	wipe_and_free(w->frequency, n * sizeof(*w->frequency));
	wipe_and_free(w->product, n * sizeof(*w->product));
	*w = (struct secret_scratch){0};
	/* Transforms keep points on the stack, the key's among them. */
	secret_wipe_stack();
}

/* w->frequency = digits * S, still real numbers next to integers. */
static void multiply(const struct tfhe_secret *s, unsigned polynomial, struct secret_scratch *w)
{
	size_t n = tfhe_poly_size(s->params);
	ring_fft_forward_i32(s->fft, w->frequency, w->digits);
	ring_fft_mul(s->fft, w->product, w->frequency, s->spectrum + polynomial * n);
	ring_fft_inverse_f64(s->fft, w->frequency, w->product);
}

/* Nearest integer of |x| < 2^51, modulo 2^64: adding 3 * 2^51 leaves it in the low bits of the
 * mantissa. */
static inline uint64_t nearest(double x)
{
	const double magic = 0x1.8p52;
	double shifted = x + magic;
	uint64_t bits, base;
	memcpy(&bits, &shifted, sizeof(bits));
	memcpy(&base, &magic, sizeof(base));
	return bits - base;
}

void secret_mul_add_u32(const struct tfhe_secret *s, unsigned polynomial, uint32_t *out,
	const uint32_t *a, struct secret_scratch *w)
{
	size_t n = tfhe_poly_size(s->params);
	memcpy(w->digits, a, n * sizeof(*a));
	multiply(s, polynomial, w);
	for (size_t i = 0; i < n; i++)
		out[i] += (uint32_t)nearest(w->frequency[i]);
}

void secret_mul_add_u64(const struct tfhe_secret *s, unsigned polynomial, uint64_t *out,
	const uint64_t *a, struct secret_scratch *w)
{
	size_t n = tfhe_poly_size(s->params);
	for (size_t i = 0; i < n; i++)
		w->digits[i] = (int32_t)(uint32_t)a[i];
	multiply(s, polynomial, w);
	for (size_t i = 0; i < n; i++)
		out[i] += nearest(w->frequency[i]);
	/* a = high 2^32 + low with low signed. */
	for (size_t i = 0; i < n; i++)
		w->digits[i] = (int32_t)(uint32_t)((a[i] + (1u << 31)) >> 32);
	multiply(s, polynomial, w);
	for (size_t i = 0; i < n; i++)
		out[i] += nearest(w->frequency[i]) << 32;
}

/* The transform in plain C: one level of splitting at a time, real parts in the first half of an
 * array and imaginary parts in the second. It is also what the vector kernels are compared with.
 */
#include "ring/kernel.h"

#include <string.h>

/* Adding and subtracting 1.5 * 2^52 rounds to the nearest integer, ties to even, for |x| < 2^51;
 * before the subtraction the low bits of the sum are that integer modulo 2^32. Baseline x86-64 has
 * no rounding instruction. */
static const double magic = 0x1.8p52;

static inline double fraction(double x)
{
	return x - ((x + magic) - magic);
}

static inline uint32_t to_u32(double x)
{
	double sum = fraction(x) * 0x1p32 + magic;
	uint64_t bits;
	memcpy(&bits, &sum, sizeof(bits));
	return (uint32_t)bits;
}

static void forward(const struct ring_fft *f, double *restrict re, double *restrict im)
{
	unsigned m = f->n / 2;
	for (unsigned h = m / 2, nodes = 1; h > 0; h /= 2, nodes *= 2)
		for (unsigned b = 0; b < nodes; b++) {
			double wr = f->roots[2 * (nodes + b)], wi = f->roots[2 * (nodes + b) + 1];
			double *lr = re + 2 * h * b, *hr = lr + h;
			double *li = im + 2 * h * b, *hi = li + h;
			for (unsigned j = 0; j < h; j++) {
				double tr = hr[j] * wr - hi[j] * wi;
				double ti = hr[j] * wi + hi[j] * wr;
				hr[j] = lr[j] - tr;
				hi[j] = li[j] - ti;
				lr[j] += tr;
				li[j] += ti;
			}
		}
}

/* M times the inverse. */
static void inverse(const struct ring_fft *f, double *restrict re, double *restrict im)
{
	unsigned m = f->n / 2;
	for (unsigned h = 1, nodes = m / 2; h < m; h *= 2, nodes /= 2)
		for (unsigned b = 0; b < nodes; b++) {
			double wr = f->roots[2 * (nodes + b)], wi = f->roots[2 * (nodes + b) + 1];
			double *lr = re + 2 * h * b, *hr = lr + h;
			double *li = im + 2 * h * b, *hi = li + h;
			for (unsigned j = 0; j < h; j++) {
				double dr = lr[j] - hr[j];
				double di = li[j] - hi[j];
				lr[j] += hr[j];
				li[j] += hi[j];
				hr[j] = dr * wr + di * wi;
				hi[j] = di * wr - dr * wi;
			}
		}
}

static void forward_i32(const struct ring_fft *f, double *frequency, const int32_t *in)
{
	for (unsigned j = 0; j < f->n; j++)
		frequency[j] = in[j];
	forward(f, frequency, frequency + f->n / 2);
}

static void forward_u32(const struct ring_fft *f, double *frequency, const uint32_t *in)
{
	for (unsigned j = 0; j < f->n; j++)
		frequency[j] = (int32_t)in[j] * 0x1p-32;
	forward(f, frequency, frequency + f->n / 2);
}

static void forward_u64(const struct ring_fft *f, double *frequency, const uint64_t *in)
{
	for (unsigned j = 0; j < f->n; j++)
		frequency[j] = (double)(int64_t)in[j] * 0x1p-64;
	forward(f, frequency, frequency + f->n / 2);
}

/* x - round(x) is exact and in [-1/2, 1/2], so nothing of x's precision is lost on the way to the
 * torus. */
static void inverse_add_u32(const struct ring_fft *f, uint32_t *torus, double *frequency)
{
	double scale = 2.0 / f->n;
	inverse(f, frequency, frequency + f->n / 2);
	for (unsigned j = 0; j < f->n; j++)
		torus[j] += to_u32(frequency[j] * scale);
}

static void inverse_add_u64(const struct ring_fft *f, uint64_t *torus, double *frequency)
{
	double scale = 2.0 / f->n;
	inverse(f, frequency, frequency + f->n / 2);
	for (unsigned j = 0; j < f->n; j++)
		/* Half of the range first: 1/2 itself does not fit a signed word, and a double has
		 * no more than 53 bits to lose. */
		torus[j] += (uint64_t)(int64_t)(fraction(frequency[j] * scale) * 0x1p63) * 2;
}

static void inverse_f64(const struct ring_fft *f, double *out, double *frequency)
{
	double scale = 2.0 / f->n;
	inverse(f, frequency, frequency + f->n / 2);
	for (unsigned j = 0; j < f->n; j++)
		out[j] = frequency[j] * scale;
}

static void mul(const struct ring_fft *f, double *out, const double *a, const double *b)
{
	unsigned m = f->n / 2;
	for (unsigned j = 0; j < m; j++) {
		out[j] = a[j] * b[j] - a[j + m] * b[j + m];
		out[j + m] = a[j] * b[j + m] + a[j + m] * b[j];
	}
}

static void mul_add(const struct ring_fft *f, double *restrict out, const double *restrict a,
	const double *restrict b)
{
	unsigned m = f->n / 2;
	for (unsigned j = 0; j < m; j++) {
		out[j] += a[j] * b[j] - a[j + m] * b[j + m];
		out[j + m] += a[j] * b[j + m] + a[j + m] * b[j];
	}
}

const struct ring_kernel ring_kernel_portable = {forward_i32, forward_u32, forward_u64,
	inverse_add_u32, inverse_add_u64, inverse_f64, mul, mul_add};

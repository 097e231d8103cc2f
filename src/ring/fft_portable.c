/* The transform in plain C: real parts in the first half of an
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

/* Four quarters of h points at re, im; w holds s, s^2, s^3. */
static inline void split(double *restrict re, double *restrict im, unsigned h, const double *w)
{
	for (unsigned j = 0; j < h; j++) {
		double r1 = re[j + h] * w[0] - im[j + h] * w[1];
		double i1 = re[j + h] * w[1] + im[j + h] * w[0];
		double r2 = re[j + 2 * h] * w[2] - im[j + 2 * h] * w[3];
		double i2 = re[j + 2 * h] * w[3] + im[j + 2 * h] * w[2];
		double r3 = re[j + 3 * h] * w[4] - im[j + 3 * h] * w[5];
		double i3 = re[j + 3 * h] * w[5] + im[j + 3 * h] * w[4];
		double ar = re[j] + r2, ai = im[j] + i2, cr = re[j] - r2, ci = im[j] - i2;
		double br = r1 + r3, bi = i1 + i3, dr = r1 - r3, di = i1 - i3;
		re[j] = ar + br;
		im[j] = ai + bi;
		re[j + h] = ar - br;
		im[j + h] = ai - bi;
		re[j + 2 * h] = cr - di;
		im[j + 2 * h] = ci + dr;
		re[j + 3 * h] = cr + di;
		im[j + 3 * h] = ci - dr;
	}
}

/* Four times the inverse of split. */
static inline void join(double *restrict re, double *restrict im, unsigned h, const double *w)
{
	for (unsigned j = 0; j < h; j++) {
		double ar = re[j] + re[j + h], ai = im[j] + im[j + h];
		double br = re[j] - re[j + h], bi = im[j] - im[j + h];
		double cr = re[j + 2 * h] + re[j + 3 * h], ci = im[j + 2 * h] + im[j + 3 * h];
		double dr = re[j + 2 * h] - re[j + 3 * h], di = im[j + 2 * h] - im[j + 3 * h];
		double r1 = br + di, i1 = bi - dr, r2 = ar - cr, i2 = ai - ci;
		double r3 = br - di, i3 = bi + dr;
		re[j] = ar + cr;
		im[j] = ai + ci;
		re[j + h] = r1 * w[0] + i1 * w[1];
		im[j + h] = i1 * w[0] - r1 * w[1];
		re[j + 2 * h] = r2 * w[2] + i2 * w[3];
		im[j + 2 * h] = i2 * w[2] - r2 * w[3];
		re[j + 3 * h] = r3 * w[4] + i3 * w[5];
		im[j + 3 * h] = i3 * w[4] - r3 * w[5];
	}
}

/* Two levels at a time, after a single one at the root if their number is odd. */
static void forward(const struct ring_fft *f, double *restrict re, double *restrict im)
{
	unsigned m = f->n / 2, nodes = 1;
	if (f->n_log2 % 2 == 0) {
		const double *w = f->scalars + 8;
		for (unsigned j = 0; j < m / 2; j++) {
			double tr = re[j + m / 2] * w[2] - im[j + m / 2] * w[3];
			double ti = re[j + m / 2] * w[3] + im[j + m / 2] * w[2];
			re[j + m / 2] = re[j] - tr;
			im[j + m / 2] = im[j] - ti;
			re[j] += tr;
			im[j] += ti;
		}
		nodes = 2;
	}
	for (; nodes < m / 4; nodes *= 4)
		for (unsigned b = 0, size = m / nodes; b < nodes; b++)
			split(re + b * size, im + b * size, size / 4, f->scalars + 8 * (nodes + b));
	/* no loop within for the last */
	for (unsigned b = 0; b < nodes; b++)
		split(re + 4 * b, im + 4 * b, 1, f->scalars + 8 * (nodes + b));
}

/* M times the inverse. */
static void inverse(const struct ring_fft *f, double *restrict re, double *restrict im)
{
	unsigned m = f->n / 2;
	for (unsigned b = 0; b < m / 4; b++)
		join(re + 4 * b, im + 4 * b, 1, f->scalars + 8 * (m / 4 + b));
	for (unsigned nodes = m / 16; nodes > 0; nodes /= 4)
		for (unsigned b = 0, size = m / nodes; b < nodes; b++)
			join(re + b * size, im + b * size, size / 4, f->scalars + 8 * (nodes + b));
	if (f->n_log2 % 2 == 0) {
		const double *w = f->scalars + 8;
		for (unsigned j = 0; j < m / 2; j++) {
			double dr = re[j] - re[j + m / 2], di = im[j] - im[j + m / 2];
			re[j] += re[j + m / 2];
			im[j] += im[j + m / 2];
			re[j + m / 2] = dr * w[2] + di * w[3];
			im[j + m / 2] = di * w[2] - dr * w[3];
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

/* ring/fft.h on vectors, written once: included by fft_avx2.c and fft_avx512.c after their
 * vocabulary. Defines the functions and fills RING_KERNEL_NAME.
 */
#include "ring/fft_passes.h"

/* Turns what w_widen made of a word with its top bit flipped into the signed value. */
static const double widened_zero = 0x1p52 + 0x1p31;

struct word_source {
	const uint32_t *at;
	unsigned m, part; /* points in all, and in a part */
	double scale;
};

INLINE void load_words(const struct word_source *s, unsigned j, real *low, real *high)
{
	w_widen(low, high, w_xor(w_load(s->at + j), w_all(0x80000000)));
	*low = r_mul(r_sub(*low, r_all(widened_zero)), r_all(s->scale));
	*high = r_mul(r_sub(*high, r_all(widened_zero)), r_all(s->scale));
}

INLINE void load_complex_words(
	const void *source, unsigned q, unsigned t, points *low, points *high)
{
	const struct word_source *s = source;
	load_words(s, q * s->part + t, &low->re, &high->re);
	load_words(s, s->m + q * s->part + t, &low->im, &high->im);
}

struct reals {
	double *at;
	unsigned part;
};

INLINE void load_reals(const void *source, unsigned q, unsigned t, points *low, points *high)
{
	const struct reals *s = source;
	const double *at = s->at + 2 * (q * s->part + (t & ~15u));
	*low = p_load(at, 0, t / (2 * LANES) % PARTS);
	*high = p_load(at, 1, t / (2 * LANES) % PARTS);
}

INLINE void store_reals(void *target, unsigned q, unsigned t, points low, points high)
{
	const struct reals *s = target;
	double *at = s->at + 2 * (q * s->part + (t & ~15u));
	p_store(at, 0, t / (2 * LANES) % PARTS, low);
	p_store(at, 1, t / (2 * LANES) % PARTS, high);
}

struct torus {
	uint32_t *at;
	unsigned m, part;
	double scale;
};

INLINE void add_words(uint32_t *at, real low, real high, double scale)
{
	integers x = w_narrow(r_mul(low, r_all(scale)), r_mul(high, r_all(scale)));
	w_store(at, w_add(w_load(at), x));
}

INLINE void store_torus(void *target, unsigned q, unsigned t, points low, points high)
{
	const struct torus *s = target;
	uint32_t *at = s->at + q * s->part + t;
	add_words(at, low.re, high.re, s->scale);
	add_words(at + s->m, low.im, high.im, s->scale);
}

/* Code that its callers share. */
static void finish_forward(const struct ring_fft *f, double *x)
{
	whole_spectrum(f, x);
}

static void begin_inverse(const struct ring_fft *f, double *x)
{
	size_t size = last_middle(f), nodes = f->n / 16 / size;
	for (size_t node = 0, block = 0; node < nodes; node++) {
		for (size_t end = block + size / 8; block < end; block++) {
			vector v[8];
			load_block(v, x + 128 * block);
			inverse_block(f, block, v);
			store_block(x + 128 * block, v);
		}
		inverse_first_middle(f, x + 16 * size * node, nodes + node, size);
	}
	inverse_middles(f, x);
}

static void forward_words(
	const struct ring_fft *f, double *frequency, const uint32_t *in, double scale)
{
	struct word_source source = {in, f->n / 2, f->n / 2 / first_parts(f), scale};
	forward_first(f, frequency, 0, source.part, load_complex_words, &source);
	finish_forward(f, frequency);
}

static void forward_i32(const struct ring_fft *f, double *frequency, const int32_t *in)
{
	forward_words(f, frequency, (const uint32_t *)in, 1);
}

static void forward_u32(const struct ring_fft *f, double *frequency, const uint32_t *in)
{
	forward_words(f, frequency, in, 0x1p-32);
}

static void forward_u64(const struct ring_fft *f, double *frequency, const uint64_t *in)
{
	struct reals source = {frequency, f->n / 2 / first_parts(f)};
	for (unsigned j = 0; j < f->n; j++)
		frequency[real_index(f, j)] = (double)(int64_t)in[j] * 0x1p-64;
	forward_first(f, frequency, 0, source.part, load_reals, &source);
	finish_forward(f, frequency);
}

static void inverse_add_u32(const struct ring_fft *f, uint32_t *torus, double *frequency)
{
	struct torus target = {torus, f->n / 2, f->n / 2 / first_parts(f), 0x1p33 / f->n};
	begin_inverse(f, frequency);
	inverse_last(f, frequency, store_torus, &target);
}

static void inverse_in_place(const struct ring_fft *f, double *frequency)
{
	struct reals target = {frequency, f->n / 2 / first_parts(f)};
	begin_inverse(f, frequency);
	inverse_last(f, frequency, store_reals, &target);
}

static void inverse_add_u64(const struct ring_fft *f, uint64_t *torus, double *frequency)
{
	inverse_in_place(f, frequency);
	for (unsigned j = 0; j < f->n; j++) {
		double x = frequency[real_index(f, j)] * (2.0 / f->n);
		double turns = (x + 0x1.8p52) - 0x1.8p52;
		/* Half of the range first: 1/2 itself does not fit a signed word. */
		torus[j] += (uint64_t)(int64_t)((x - turns) * 0x1p63) * 2;
	}
}

static void inverse_f64(const struct ring_fft *f, double *out, double *frequency)
{
	inverse_in_place(f, frequency);
	for (unsigned j = 0; j < f->n; j++)
		out[j] = frequency[real_index(f, j)] * (2.0 / f->n);
}

static void mul(const struct ring_fft *f, double *out, const double *a, const double *b)
{
	for (size_t c = 0; c < f->n / 16; c++)
		for (unsigned part = 0; part < PARTS; part++)
			p_store(out, c, part, p_mul(p_load(a, c, part), p_load(b, c, part)));
}

static void mul_add(const struct ring_fft *f, double *out, const double *a, const double *b)
{
	for (size_t c = 0; c < f->n / 16; c++)
		for (unsigned part = 0; part < PARTS; part++)
			p_store(out, c, part,
				p_fma(p_load(a, c, part), p_load(b, c, part),
					p_load(out, c, part)));
}

const struct ring_kernel RING_KERNEL_NAME = {forward_i32, forward_u32, forward_u64, inverse_add_u32,
	inverse_add_u64, inverse_f64, mul, mul_add};

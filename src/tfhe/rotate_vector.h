/* Blind rotation and GLWE key switch on vectors, written once: included by kernel_avx2.c and
 * kernel_avx512.c after their vocabulary (ring/simd_*.h).
 *
 * A CMUX makes five passes over 2 N doubles that never leave the first-level cache for long:
 * rotate, subtract, decompose, widen and split (first pass); the middle levels; then block by block
 * of 64 points the last levels, the products with the GGSW and the first levels back, all between
 * registers; the middle levels back; and join, round to the torus and add (last pass). The powers
 * of two that scale digits and transform are in the key.
 */
#include "ring/fft_passes.h"
#include "tfhe/kernel_inside.h"

#include <string.h>

enum {
	/* Words after each accumulator polynomial that continue it: X^N = -1 makes them minus the
	 * first ones. A rotated vector that crosses the end reads on without a branch. */
	PAD = 16,
	ROWS_MAX = 2 * TFHE_PBS_LEVELS_MAX
};

/* Passes are inlined and compiled once more for N = 2048. Instrumented by a sanitizer, that would be
 * a minute of compiling for each instruction set. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) || \
	__has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#ifdef SANITIZED
#define PASS static __attribute__((noinline))
enum { COMMON_N = 0 };
#else
#define PASS INLINE
enum { COMMON_N = 2048 };
#endif

static const double widened_zero = 0x1p52 + 0x1p31;

/* One accumulator polynomial seen through X^rotation - 1, for a range of points in which every
 * stream (part and half of the complex fold) keeps its sign. */
struct rotated {
	const uint32_t *a;
	unsigned n, part;
	unsigned shift; /* brings the digit to the top bits */
	uint32_t mask;
	uint32_t from[8]; /* stream's index less t, modulo 2^32 */
	uint32_t flip[8]; /* all ones where X^N = -1 was crossed */
	uint32_t plus[8]; /* decomposition offset, and the one that completes the negation */
};

INLINE void load_digits(
	const struct rotated *s, unsigned stream, unsigned j, unsigned t, real *low, real *high)
{
	integers x = w_xor(w_load(s->a + (uint32_t)(s->from[stream] + t)), w_all(s->flip[stream]));
	x = w_sub(w_add(x, w_all(s->plus[stream])), w_load(s->a + j));
	if (s->shift != 0)
		x = w_shift_left(x, s->shift);
	w_widen(low, high, w_and(x, w_all(s->mask)));
	*low = r_sub(*low, r_all(widened_zero));
	*high = r_sub(*high, r_all(widened_zero));
}

INLINE void load_rotated(const void *source, unsigned q, unsigned t, points *low, points *high)
{
	const struct rotated *s = source;
	unsigned j = q * s->part + t;
	load_digits(s, 2 * q, j, t, &low->re, &high->re);
	load_digits(s, 2 * q + 1, s->n / 2 + j, t, &low->im, &high->im);
}

INLINE void aim(struct rotated *s, unsigned t, unsigned rotation, uint32_t offset)
{
	for (unsigned stream = 0; stream < s->n / s->part; stream++) {
		unsigned start = stream / 2 * s->part + stream % 2 * (s->n / 2);
		unsigned position = (start + t - rotation) & (2 * s->n - 1);
		s->from[stream] = (position & (s->n - 1)) - t;
		s->flip[stream] = position >= s->n ? UINT32_MAX : 0;
		s->plus[stream] = offset + (position >= s->n);
	}
}

/* x = first pass over digit `level` of (X^rotation - 1) a. */
PASS void first_pass_rotated(const struct ring_fft *f, double *x, const uint32_t *a,
	unsigned rotation, const struct decomposition *d, unsigned level)
{
	struct rotated s = {.a = a,
		.n = f->n,
		.part = f->n / 2 / first_parts(f),
		.shift = d->base_log2 * level,
		.mask = UINT32_MAX << (32 - d->base_log2)};
	/* All streams are multiples of `part` apart, so they change sign, if at all, at one t; the
	 * vector that contains it runs into the pad. Two ranges, or one. */
	unsigned change = ((rotation & (s.part - 1)) + 15) & ~15u;
	unsigned begin = 0, end = change == 0 ? s.part : change;
	for (; begin < s.part; begin = end, end = s.part) {
		aim(&s, begin, rotation, d->offset);
		forward_first(f, x, begin, end, load_rotated, &s);
	}
}

/* Digits of a polynomial as it is, times `scale`. */
struct plain {
	const uint32_t *a;
	unsigned n, part, shift;
	uint32_t offset, mask;
	double scale;
};

INLINE void load_plain_digits(const struct plain *s, unsigned j, real *low, real *high)
{
	integers x = w_shift_left(w_add(w_load(s->a + j), w_all(s->offset)), s->shift);
	w_widen(low, high, w_and(x, w_all(s->mask)));
	*low = r_mul(r_sub(*low, r_all(widened_zero)), r_all(s->scale));
	*high = r_mul(r_sub(*high, r_all(widened_zero)), r_all(s->scale));
}

INLINE void load_plain(const void *source, unsigned q, unsigned t, points *low, points *high)
{
	const struct plain *s = source;
	unsigned j = q * s->part + t;
	load_plain_digits(s, j, &low->re, &high->re);
	load_plain_digits(s, s->n / 2 + j, &low->im, &high->im);
}

struct added {
	uint32_t *a;
	unsigned n, part;
};

INLINE void add_rounded(uint32_t *a, real low, real high)
{
	w_store(a, w_add(w_load(a), w_narrow(low, high)));
}

INLINE void store_added(void *target, unsigned q, unsigned t, points low, points high)
{
	const struct added *s = target;
	uint32_t *a = s->a + q * s->part + t;
	add_rounded(a, low.re, high.re);
	add_rounded(a + s->n / 2, low.im, high.im);
}

INLINE void set_pad(uint32_t *a, unsigned n)
{
	for (unsigned i = 0; i < PAD; i += 2 * LANES)
		w_store(a + n + i, w_sub(w_all(0), w_load(a + i)));
}

/* Lines of the next GGSW to fetch into the second-level cache meanwhile. */
struct prefetch {
	const char *at;
	size_t lines; /* a block */
};

/* Vector i of a block's products: sums[c] = sum over rows of digits[row] key[row][c]. */
INLINE void multiply_vector(vector sums[2][8], vector digits[][8], const double *key, size_t n,
	unsigned rows, unsigned i)
{
	for (unsigned part = 0; part < PARTS; part++) {
		points d = p_get(&digits[0][i], part);
		points a = p_mul(d, p_load(key, i, part));
		points b = p_mul(d, p_load(key + n, i, part));
		for (unsigned row = 1; row < rows; row++) {
			d = p_get(&digits[row][i], part);
			a = p_fma(d, p_load(key + 2 * row * n, i, part), a);
			b = p_fma(d, p_load(key + (2 * row + 1) * n, i, part), b);
		}
		p_set(&sums[0][i], part, a);
		p_set(&sums[1][i], part, b);
	}
}

INLINE void multiply_share(vector sums[2][8], vector digits[][8], const double *key, size_t n,
	unsigned rows, unsigned turn)
{
	unsigned share = rows == 1 ? 2 : 1;
	for (unsigned i = turn * share; i < (turn + 1) * share && i < 8; i++)
		multiply_vector(sums, digits, key, n, rows, i);
}

/* Transforms block `block` of every row to digits, and meanwhile multiplies the block before. */
INLINE void transform_and_multiply(const struct ring_fft *f, vector digits[][8], const double *x,
	size_t block, unsigned rows, vector sums[2][8], vector before[][8], const double *key)
{
	for (unsigned row = 0; row < rows; row++) {
		vector v[8];
		load_block(v, x + row * f->n + 128 * block);
		forward_step0(f, block, v, 0);
		multiply_share(sums, before, key, f->n, rows, 4 * row);
		forward_step0(f, block, v, 1);
		multiply_share(sums, before, key, f->n, rows, 4 * row + 1);
		forward_step1(f, block, v, 0);
		multiply_share(sums, before, key, f->n, rows, 4 * row + 2);
		forward_step1(f, block, v, 1);
		multiply_share(sums, before, key, f->n, rows, 4 * row + 3);
		forward_step2(f, block, v, 0);
		forward_step2(f, block, v, 1);
		for (unsigned i = 0; i < 8; i++)
			digits[row][i] = v[i];
	}
}

/* From digits after the middle passes but the last (rows x N doubles) to the two sums before
 * theirs, in place: x[c] = sum over rows of digit[row] key[row][c]. Node by node of the last middle
 * pass, so that what a pass leaves is still in the first-level cache for the next. */
PASS void multiply_blocks(const struct ring_fft *f, double *x, const double *key, unsigned rows,
	struct prefetch prefetch)
{
	size_t n = f->n, size = last_middle(f), nodes = n / 16 / size, blocks = n / 128;
	vector digits[2][ROWS_MAX][8], sums[2][8];
	for (size_t block = 0; block <= blocks; block++) {
		for (size_t line = 0; line < prefetch.lines; line++, prefetch.at += 64)
			__builtin_prefetch(prefetch.at, 0, 2);
		if (block < blocks && block % (size / 8) == 0)
			for (unsigned row = 0; row < rows; row++)
				forward_last_middle(f, x + row * n + 128 * block,
					nodes + block / (size / 8), size);
		if (block == 0) {
			for (unsigned row = 0; row < rows; row++) {
				vector v[8];
				load_block(v, x + row * n);
				forward_block(f, 0, v);
				for (unsigned i = 0; i < 8; i++)
					digits[0][row][i] = v[i];
			}
			continue;
		}
		if (block < blocks)
			transform_and_multiply(f, digits[block & 1], x, block, rows, sums,
				digits[(block & 1) ^ 1], key + 128 * (block - 1));
		else
			for (unsigned i = 0; i < 8; i++)
				multiply_vector(sums, digits[(block & 1) ^ 1],
					key + 128 * (block - 1), n, rows, i);
		for (unsigned column = 0; column < 2; column++) {
			vector v[8];
			for (unsigned i = 0; i < 8; i++)
				v[i] = sums[column][i];
			inverse_block(f, block - 1, v);
			store_block(x + column * n + 128 * (block - 1), v);
		}
		if (block % (size / 8) == 0)
			for (unsigned column = 0; column < 2; column++)
				inverse_first_middle(f, x + column * n + 128 * (block - size / 8),
					nodes + block / (size / 8) - 1, size);
	}
}

/* The sums' way back, added to two polynomials `stride` words apart. */
PASS void finish(const struct ring_fft *f, double *x, uint32_t *glwe, size_t stride)
{
	for (unsigned c = 0; c < 2; c++) {
		struct added target = {glwe + c * stride, f->n, f->n / 2 / first_parts(f)};
		inverse_middles(f, x + c * f->n);
		inverse_last(f, x + c * f->n, store_added, &target);
	}
}

/* accumulator += GGSW(s) * (X^rotation - 1) accumulator: Chillotti, Gama, Georgieva, Izabachene,
 * "TFHE: fast fully homomorphic encryption over the torus", 2020, section 4. */
INLINE void cmux(const struct ring_fft *f, const struct decomposition *d, unsigned levels,
	uint32_t *accumulator, unsigned rotation, const double *ggsw, double *x,
	struct prefetch prefetch)
{
	size_t n = f->n;
	for (unsigned level = 0; level < levels; level++)
		for (unsigned c = 0; c < 2; c++) {
			double *row = x + (2 * level + c) * n;
			first_pass_rotated(f, row, accumulator + c * (n + PAD), rotation, d, level);
			forward_middles(f, row);
		}
	multiply_blocks(f, x, ggsw, 2 * levels, prefetch);
	finish(f, x, accumulator, n + PAD);
	for (unsigned c = 0; c < 2; c++)
		set_pad(accumulator + c * (n + PAD), f->n);
}

static size_t blind_rotate_scratch(const struct tfhe_bootstrap_key *key, size_t batch)
{
	size_t n = tfhe_poly_size(key->params);
	return batch * 2 * (n + PAD) * sizeof(uint32_t) +
	       2 * key->params->pbs_levels * n * sizeof(double);
}

/* `levels` and N are constants where this is inlined for the common sizes. */
INLINE void rotate_all(const struct tfhe_bootstrap_key *key, const struct ring_fft *f,
	unsigned levels, uint32_t *accumulators, const uint16_t *masks, size_t batch, double *x)
{
	const struct tfhe_params *p = key->params;
	size_t n = f->n, ggsw_size = 4 * levels * n, stride = 2 * (n + PAD);
	struct decomposition d = decomposition_of(p->pbs_base_log2, levels);
	/* Every ciphertext fetches its share of the next GGSW. */
	size_t shares = batch * (n / 128);
	size_t lines = (ggsw_size / 8 + shares - 1) / shares;
	for (size_t i = 0; i < p->n; i++) {
		const double *ggsw = key->ggsw + i * ggsw_size;
		const char *next = (const char *)(ggsw + (i + 1 < p->n ? ggsw_size : 0));
		for (size_t b = 0; b < batch; b++) {
			struct prefetch share = {next + b * lines * (n / 128) * 64, lines};
			if (masks[b * p->n + i] != 0)
				cmux(f, &d, levels, accumulators + b * stride, masks[b * p->n + i],
					ggsw, x, share);
		}
	}
}

static void blind_rotate(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
	const uint16_t *masks, size_t batch, void *scratch)
{
	size_t n = key->fft->n;
	double *x = scratch;
	uint32_t *padded = (uint32_t *)(x + 2 * key->params->pbs_levels * n);
	for (size_t i = 0; i < 2 * batch; i++) {
		memcpy(padded + i * (n + PAD), accumulators + i * n, n * sizeof(uint32_t));
		set_pad(padded + i * (n + PAD), key->fft->n);
	}
	if (COMMON_N != 0 && n == COMMON_N && key->params->pbs_levels == 1) {
		/* The sets of everyday: strides and loop counts become constants. */
		struct ring_fft fixed = *key->fft;
		fixed.n_log2 = 11;
		fixed.n = COMMON_N;
		rotate_all(key, &fixed, 1, padded, masks, batch, x);
	} else
		rotate_all(key, key->fft, key->params->pbs_levels, padded, masks, batch, x);
	for (size_t i = 0; i < 2 * batch; i++)
		memcpy(accumulators + i * n, padded + i * (n + PAD), n * sizeof(uint32_t));
}

/* Rows come from ring_fft_forward_u64, so the scale that a bootstrap key holds goes to the digits.
 */
static void glwe_keyswitch(const struct tfhe_bootstrap_key *like, const double *rows,
	uint32_t *glwe, const uint32_t *a, void *scratch)
{
	const struct tfhe_params *p = like->params;
	const struct ring_fft *f = like->fft;
	struct decomposition d = decomposition_of(p->pbs_base_log2, p->pbs_levels);
	double *x = scratch;
	for (unsigned level = 0; level < d.levels; level++) {
		struct plain s = {.a = a,
			.n = f->n,
			.part = f->n / 2 / first_parts(f),
			.shift = d.base_log2 * level,
			.offset = d.offset,
			.mask = UINT32_MAX << (32 - d.base_log2),
			.scale = tfhe_kernel_row_scale(p)};
		double *row = x + level * f->n;
		forward_first(f, row, 0, s.part, load_plain, &s);
		forward_middles(f, row);
	}
	multiply_blocks(f, x, rows, d.levels, (struct prefetch){NULL, 0});
	finish(f, x, glwe, f->n);
}

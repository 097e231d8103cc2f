/* The kernels in plain C. Ciphertexts of a batch share a key pass and nothing else. */
#include "tfhe/kernel_inside.h"

#include <string.h>

/* digits = level `level` of (X^rotation - 1) * a, rotation in [0, 2N). */
static void rotate_subtract_decompose(const struct decomposition *d, unsigned level,
	int32_t *restrict digits, const uint32_t *restrict a, unsigned n, unsigned rotation)
{
	uint32_t keep = rotation >= n ? UINT32_MAX : 0, flip = ~keep;
	unsigned r = rotation & (n - 1);
	for (unsigned j = 0; j < r; j++) {
		uint32_t moved = (a[j + n - r] ^ flip) - flip;
		digits[j] = decomposition_digit(d, moved - a[j] + d->offset, level);
	}
	for (unsigned j = r; j < n; j++) {
		uint32_t moved = (a[j - r] ^ keep) - keep;
		digits[j] = decomposition_digit(d, moved - a[j] + d->offset, level);
	}
}

struct work {
	int32_t *digits; /* N */
	double *digit;	 /* N: spectrum of the digits */
	double *sum;	 /* columns * N */
};

static struct work work_in(void *scratch, size_t n)
{
	int32_t *digits = scratch;
	double *digit = (double *)(digits + n);
	return (struct work){digits, digit, digit + n};
}

static size_t work_bytes(const struct tfhe_params *p)
{
	size_t n = tfhe_poly_size(p);
	return n * sizeof(int32_t) + (p->k + 2) * n * sizeof(double);
}

/* sum[c] += digit * row[c] for every column; `first` writes instead. */
static void multiply_row(const struct ring_fft *f, const struct work *w, const double *row,
	size_t columns, bool first)
{
	size_t n = ring_fft_n(f);
	for (size_t c = 0; c < columns; c++)
		if (first)
			ring_fft_mul(f, w->sum + c * n, w->digit, row + c * n);
		else
			ring_fft_mul_add(f, w->sum + c * n, w->digit, row + c * n);
}

static size_t blind_rotate_scratch(const struct tfhe_bootstrap_key *key, size_t batch)
{
	(void)batch;
	return work_bytes(key->params);
}

/* accumulator += GGSW(s) * (X^rotation - 1) accumulator: Chillotti, Gama, Georgieva, Izabachene,
 * "TFHE: fast fully homomorphic encryption over the torus", 2020, section 4. */
static void cmux(const struct tfhe_bootstrap_key *key, const struct work *w,
	const struct decomposition *d, const double *ggsw, uint32_t *accumulator, unsigned rotation)
{
	size_t n = tfhe_poly_size(key->params), columns = key->params->k + 1;
	for (unsigned level = 0; level < d->levels; level++)
		for (size_t row = 0; row < columns; row++) {
			rotate_subtract_decompose(
				d, level, w->digits, accumulator + row * n, (unsigned)n, rotation);
			ring_fft_forward_i32(key->fft, w->digit, w->digits);
			multiply_row(key->fft, w, ggsw + (level * columns + row) * columns * n,
				columns, level == 0 && row == 0);
		}
	for (size_t c = 0; c < columns; c++)
		ring_fft_inverse_add_u32(key->fft, accumulator + c * n, w->sum + c * n);
}

static void blind_rotate(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
	const uint16_t *masks, size_t batch, void *scratch)
{
	const struct tfhe_params *p = key->params;
	size_t n = tfhe_poly_size(p), columns = p->k + 1;
	struct work w = work_in(scratch, n);
	struct decomposition d = decomposition_of(p->pbs_base_log2, p->pbs_levels);
	for (size_t i = 0; i < p->n; i++) {
		const double *ggsw = key->ggsw + i * p->pbs_levels * columns * columns * n;
		for (size_t b = 0; b < batch; b++)
			cmux(key, &w, &d, ggsw, accumulators + b * columns * n,
				masks[b * p->n + i]);
	}
}

/* Digits of a polynomial, which is rounded to them in passing (see rotate_grouped.h). */
static void round_and_decompose(
	const struct decomposition *d, int32_t *restrict digits, uint32_t *restrict a, unsigned n)
{
	for (unsigned j = 0; j < n; j++) {
		digits[j] = decomposition_digit(d, a[j] + d->offset - (j & 1), 0);
		a[j] = (uint32_t)digits[j] << (32 - d->base_log2);
	}
}

struct grouped_work {
	struct work w;
	double *bundle; /* 4 polynomials */
};

static size_t grouped_scratch(const struct tfhe_bootstrap_key *key, size_t batch)
{
	(void)batch;
	return work_bytes(key->params) + 4 * tfhe_poly_size(key->params) * sizeof(double);
}

/* One step: kernel_inside.h says what a bundle is. Monomials are transformed like everything else. */
static void grouped_step(const struct tfhe_bootstrap_key *key, const struct grouped_work *g,
	const struct decomposition *d, const double *ggsws, uint32_t *accumulator,
	const uint16_t *masks)
{
	const struct work *w = &g->w;
	unsigned n = tfhe_poly_size(key->params), subsets = tfhe_subsets(key->params);
	memset(g->bundle, 0, 4 * n * sizeof(*g->bundle));
	for (unsigned subset = 0; subset < subsets; subset++) {
		unsigned at = masks[subset] & (n - 1);
		memset(w->digits, 0, n * sizeof(*w->digits));
		w->digits[at] = (masks[subset] & n) != 0 ? -1 : 1;
		w->digits[0]--;
		ring_fft_forward_i32(key->fft, w->digit, w->digits);
		for (unsigned j = 0; j < 4; j++)
			ring_fft_mul_add(key->fft, g->bundle + j * n, w->digit,
				ggsws + (subset * 4 + j) * (size_t)n);
	}
	for (unsigned row = 0; row < 2; row++) {
		round_and_decompose(d, w->digits, accumulator + row * n, n);
		ring_fft_forward_i32(key->fft, w->digit, w->digits);
		multiply_row(key->fft, w, g->bundle + row * 2 * (size_t)n, 2, row == 0);
	}
	for (unsigned c = 0; c < 2; c++)
		ring_fft_inverse_add_u32(key->fft, accumulator + c * n, w->sum + c * n);
}

static void blind_rotate_grouped(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
	const uint16_t *masks, size_t batch, void *scratch)
{
	const struct tfhe_params *p = key->params;
	size_t n = tfhe_poly_size(p), subsets = tfhe_subsets(p);
	struct grouped_work g = {.w = work_in(scratch, n)};
	g.bundle = (double *)((char *)scratch + work_bytes(p));
	struct decomposition d = decomposition_of(p->pbs_base_log2, 1);
	for (size_t step = 0; step < tfhe_steps(p); step++)
		for (size_t b = 0; b < batch; b++)
			grouped_step(key, &g, &d, key->ggsw + step * subsets * 4 * n,
				accumulators + b * 2 * n,
				masks + b * tfhe_ggsws(p) + step * subsets);
}

static void glwe_keyswitch(const struct tfhe_bootstrap_key *like, const double *rows,
	uint32_t *glwe, const uint32_t *a, void *scratch)
{
	const struct tfhe_params *p = like->params;
	size_t n = tfhe_poly_size(p), columns = p->k + 1;
	struct work w = work_in(scratch, n);
	struct decomposition d = decomposition_of(p->pbs_base_log2, p->pbs_levels);
	for (unsigned level = 0; level < d.levels; level++) {
		for (size_t j = 0; j < n; j++)
			w.digits[j] = decomposition_digit(&d, a[j] + d.offset, level);
		ring_fft_forward_i32(like->fft, w.digit, w.digits);
		multiply_row(like->fft, &w, rows + level * columns * n, columns, level == 0);
	}
	for (size_t c = 0; c < columns; c++)
		ring_fft_inverse_add_u32(like->fft, glwe + c * n, w.sum + c * n);
}

/* Key-switch key: rows of n + 1 words, one after the other. */
size_t tfhe_keyswitch_rows_bytes(const struct tfhe_params *p)
{
	return (size_t)tfhe_big_dimension(p) * p->ks_levels * (p->n + 1) * sizeof(uint32_t);
}

void tfhe_keyswitch_rows_set(
	struct tfhe_keyswitch_key *key, unsigned coefficient, unsigned level, const uint32_t *lwe)
{
	const struct tfhe_params *p = key->params;
	size_t words = p->n + 1;
	uint32_t *row =
		(uint32_t *)key->data + ((size_t)coefficient * p->ks_levels + level) * words;
	for (size_t j = 0; j < words; j++)
		row[j] = keyswitch_word(p, lwe[j]);
}

size_t tfhe_keyswitch_rows_scratch(const struct tfhe_keyswitch_key *key, size_t batch)
{
	(void)key;
	(void)batch;
	return 64;
}

void tfhe_keyswitch_rows(const struct tfhe_keyswitch_key *key, uint32_t *out,
	const uint32_t *const *in, const uint32_t *offsets, size_t batch, unsigned part,
	unsigned parts, void *scratch)
{
	(void)scratch;
	const struct tfhe_params *p = key->params;
	size_t words = p->n + 1, dimension = tfhe_big_dimension(p);
	size_t first = part * words / parts, end = (part + 1) * words / parts;
	struct decomposition d = decomposition_of(p->ks_base_log2, p->ks_levels);
	for (size_t b = 0; b < batch; b++) {
		memset(out + b * words + first, 0, (end - first) * sizeof(*out));
		if (end == words)
			out[b * words + p->n] = in[b][dimension] + offsets[b];
	}
	const uint32_t *row = key->data;
	for (size_t i = 0; i < dimension; i++)
		for (unsigned level = 0; level < d.levels; level++, row += words)
			for (size_t b = 0; b < batch; b++) {
				uint32_t flip = decomposition_flip(&d, in[b][i]);
				uint32_t x = ((in[b][i] ^ flip) - flip) + d.offset;
				uint32_t digit = (uint32_t)decomposition_digit(&d, x, level);
				digit = (digit ^ flip) - flip;
				for (size_t j = first; j < end; j++)
					out[b * words + j] -= digit * row[j];
			}
}

const struct tfhe_kernel tfhe_kernel_portable = {false, blind_rotate_scratch, blind_rotate,
	grouped_scratch, blind_rotate_grouped, NULL, NULL, glwe_keyswitch,
	tfhe_keyswitch_rows_bytes, tfhe_keyswitch_rows_set, tfhe_keyswitch_rows_scratch,
	tfhe_keyswitch_rows};

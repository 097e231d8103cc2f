/* One blind rotation with grouped keys by two threads in lock step, written once: included after
 * tfhe/rotate_grouped.h. The same operations on the same operands as by one thread, so the same bits.
 *
 * Each half owns one polynomial of the accumulator. In every step it turns its digits into spectra,
 * which both halves need, meets the other, and makes its own column of the product from half of the
 * key. Spectra of even and odd steps lie apart, so that meeting once a step is enough: nobody is more
 * than a step ahead. */

INLINE void finish_column(const struct ring_fft *f, double *x, uint32_t *polynomial)
{
	struct added target = {polynomial, f->n, f->n / 2 / first_parts(f)};
	inverse_middles(f, x);
	inverse_last(f, x, store_added, &target);
}

/* Block `block` of the column's sum is in v: the way back as far as the block goes. */
INLINE void column_block(const struct ring_fft *f, double *x, size_t block, vector v[8])
{
	size_t size = last_middle(f), nodes = f->n / 16 / size, blocks = size / 8;
	inverse_block(f, block, v);
	store_block(x + 128 * block, v);
	if ((block + 1) % blocks == 0)
		inverse_first_middle(
			f, x + 16 * size * (block / blocks), nodes + block / blocks, size);
}

struct half {
	struct spin_pair *pair;
	unsigned number;
	double *spectra[2]; /* of even and odd steps: rows x N */
	double *x;	    /* N, this half's own */
};

/* One column of the bundle, times the digits. */
PASS void bundle_column(const struct ring_fft *f, double *x, const double *spectra,
	const double *key, const uint16_t *masks, const double *next)
{
	size_t n = f->n;
	for (size_t block = 0; block < n / 128; block++) {
		vector v[8];
		struct block_monomials m;
		monomials_of_block(&m, f->monomials, masks,
			ring_block_exponent(f->n_log2, (unsigned)block), 2 * f->n);
		for (unsigned i = 0; i < 8; i++) {
			size_t at = 8 * block + i;
			const double *k = key + at * GROUPED_VECTOR;
			for (size_t line = 0; line < GROUPED_VECTOR / 8; line++)
				__builtin_prefetch(next + at * GROUPED_VECTOR + 8 * line, 0, 2);
			for (unsigned part = 0; part < PARTS; part++) {
				points bundle[2];
#pragma GCC unroll 7
				for (unsigned subset = 0; subset < GROUPED_SUBSETS; subset++) {
					points a = monomial(&m, subset, i, part);
					for (unsigned row = 0; row < 2; row++) {
						points b = p_load(k, 2 * subset + row, part);
						bundle[row] = subset == 0
								      ? p_mul(b, a)
								      : p_fma(b, a, bundle[row]);
					}
				}
				p_set(&v[i], part,
					p_fma(p_load(spectra + n, at, part), bundle[1],
						p_mul(p_load(spectra, at, part), bundle[0])));
			}
		}
		column_block(f, x, block, v);
	}
}

INLINE void rotate_grouped_half(const struct tfhe_bootstrap_key *key, const struct ring_fft *f,
	uint32_t *polynomial, const uint16_t *masks, const struct half *h)
{
	size_t n = f->n, steps = tfhe_steps(key->params), column = n / 16 * GROUPED_VECTOR;
	struct decomposition d = decomposition_of(key->params->pbs_base_log2, 1);
	for (size_t i = 0; i < steps; i++) {
		double *spectra = h->spectra[i & 1];
		const double *step = key->ggsw + (2 * i + h->number) * column;
		digits_of(f, &d, spectra + h->number * n, polynomial);
		whole_spectrum(f, spectra + h->number * n);
		spin_meet(h->pair, h->number);
		bundle_column(f, h->x, spectra, step, masks + i * GROUPED_SUBSETS,
			step + (i + 1 < steps ? 2 * column : 0));
		finish_column(f, h->x, polynomial);
	}
}

/* Spectra of two steps. */
static size_t half_shared(const struct tfhe_bootstrap_key *key)
{
	return 4 * tfhe_poly_size(key->params) * sizeof(double);
}

static void blind_rotate_half(const struct tfhe_bootstrap_key *key, uint32_t *accumulator,
	const uint16_t *masks, struct spin_pair *pair, unsigned number, void *shared, void *scratch)
{
	size_t n = key->fft->n;
	double *spectra = shared;
	struct half h = {pair, number, {spectra, spectra + 2 * n}, scratch};
	if (COMMON_N != 0 && n == COMMON_N) {
		struct ring_fft fixed = *key->fft;
		fixed.n_log2 = 11;
		fixed.n = COMMON_N;
		rotate_grouped_half(key, &fixed, accumulator + number * n, masks, &h);
	} else
		rotate_grouped_half(key, key->fft, accumulator + number * n, masks, &h);
}

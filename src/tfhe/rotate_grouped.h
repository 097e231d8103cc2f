/* Blind rotation with grouped keys on vectors, written once: included after tfhe/rotate_vector.h.
 * kernel_inside.h says what a bundle is and how the key lies in memory.
 *
 * A step takes three key bits at the price of one pair of transforms. Its 448 KB of key (N = 2048)
 * fit the second-level cache but not the first, so the steps go block by block of 64 points, every
 * ciphertext of the batch over the 28 KB of one block.
 *
 * The accumulator is replaced by its rounding to the digits before the product is added: the whole
 * then is the rounded accumulator times a monomial, which counts the rounding error once and not
 * twice.
 *
 * Sums come from doubles of up to 60 bits, so that an accumulator that was just rounded is left with
 * 4 or 5 zeros at its end and a tie is not rare: one in 32. Ties go up in even coefficients and down
 * in odd ones, or else the mask would be biased and the key, whose bits are 1/2 on average, would
 * turn the bias into ten times the noise. */
enum {
	GROUPED_SUBSETS = 7,
	GROUPED_VECTOR = GROUPED_SUBSETS * 2 * 16 /* doubles of a vector in one column */
};

/* Digits of a polynomial, which is rounded to them in passing. */
struct rounded {
	uint32_t *a;
	unsigned n, part;
	uint32_t mask;
	uint32_t offsets[16];
};

INLINE void load_rounding_digits(const struct rounded *s, unsigned j, real *low, real *high)
{
	integers x = w_and(w_add(w_load(s->a + j), w_load(s->offsets)), w_all(s->mask));
	w_store(s->a + j, w_xor(x, w_all(0x80000000)));
	w_widen(low, high, x);
	*low = r_sub(*low, r_all(widened_zero));
	*high = r_sub(*high, r_all(widened_zero));
}

INLINE void load_rounding(const void *source, unsigned q, unsigned t, points *low, points *high)
{
	const struct rounded *s = source;
	unsigned j = q * s->part + t;
	load_rounding_digits(s, j, &low->re, &high->re);
	load_rounding_digits(s, s->n / 2 + j, &low->im, &high->im);
}

INLINE void digits_of(
	const struct ring_fft *f, const struct decomposition *d, double *x, uint32_t *polynomial)
{
	struct rounded s = {polynomial, f->n, f->n / 2 / first_parts(f),
		UINT32_MAX << (32 - d->base_log2), {0}};
	for (unsigned i = 0; i < 16; i++)
		s.offsets[i] = d->offset - (i & 1);
	forward_first(f, x, 0, s.part, load_rounding, &s);
}

INLINE void digits_of_both(
	const struct ring_fft *f, const struct decomposition *d, double *x, uint32_t *accumulator)
{
	for (unsigned c = 0; c < 2; c++) {
		digits_of(f, d, x + c * f->n, accumulator + c * f->n);
		forward_middles(f, x + c * f->n);
	}
}

/* Ciphertexts whose bundles are built side by side from one load of the key: as many as there are
 * registers for. */
enum { TOGETHER = PARTS == 1 ? 2 : 1 };

/* What the X^mask of a ciphertext's subsets are made of in one block: the root of each of its vectors,
 * and which lanes. */
struct block_monomials {
	_Alignas(64) double root[GROUPED_SUBSETS][16];
	const double *lanes[GROUPED_SUBSETS];
};

INLINE void monomials_of_block(struct block_monomials *m, const double *tables,
	const uint16_t *masks, unsigned exponent, unsigned order)
{
	for (unsigned subset = 0; subset < GROUPED_SUBSETS; subset++) {
		unsigned a = masks[subset];
		const double *root = tables + MONOMIAL_ROOTS + 2 * (a * exponent & (order - 1));
		points r = {r_all(root[0]), r_all(root[1])};
		for (unsigned part = 0; part < PARTS; part++)
			p_store(m->root[subset], 0, part,
				p_mul(p_load(tables + MONOMIAL_VECTORS, a & 15, part), r));
		m->lanes[subset] = tables + 16 * (a & 63);
	}
}

/* X^mask - 1 at one register of vector i. */
INLINE points monomial(const struct block_monomials *m, unsigned subset, unsigned i, unsigned part)
{
	points l = p_load(m->lanes[subset], 0, part);
	real re = r_all(m->root[subset][i]), im = r_all(m->root[subset][8 + i]);
	return (points){
		r_fms(l.re, re, r_fma(l.im, im, r_all(1))), r_fma(l.re, im, r_mul(l.im, re))};
}

/* sums[c][column][i] = bundle times digits at vector i of the block, for ciphertexts c. */
INLINE void multiply_bundle(vector sums[][2][8], vector digits[][2][8], unsigned count,
	const double *key, size_t column, const struct block_monomials *monomials, unsigned i)
{
	for (unsigned part = 0; part < PARTS; part++) {
		points bundle[TOGETHER][4], m[TOGETHER];
		for (unsigned c = 0; c < count; c++)
			m[c] = monomial(&monomials[c], 0, i, part);
		for (unsigned j = 0; j < 4; j++) {
			points k = p_load(key + j % 2 * column, j / 2, part);
			for (unsigned c = 0; c < count; c++)
				bundle[c][j] = p_mul(k, m[c]);
		}
#pragma GCC unroll 6
		for (unsigned subset = 1; subset < GROUPED_SUBSETS; subset++) {
			for (unsigned c = 0; c < count; c++)
				m[c] = monomial(&monomials[c], subset, i, part);
			for (unsigned j = 0; j < 4; j++) {
				points k = p_load(key + j % 2 * column, subset * 2 + j / 2, part);
				for (unsigned c = 0; c < count; c++)
					bundle[c][j] = p_fma(k, m[c], bundle[c][j]);
			}
		}
		for (unsigned c = 0; c < count; c++) {
			points d0 = p_get(&digits[c][0][i], part);
			points d1 = p_get(&digits[c][1][i], part);
			points *k = bundle[c];
			p_set(&sums[c][0][i], part, p_fma(d1, k[2], p_mul(d0, k[0])));
			p_set(&sums[c][1][i], part, p_fma(d1, k[3], p_mul(d0, k[1])));
		}
	}
}

/* One block of `count` ciphertexts: digits to spectrum, product, and back. */
INLINE void bundle_block(const struct ring_fft *f, double *x, unsigned count, size_t block,
	const double *key, const double *monomials, const uint16_t *masks, size_t masks_stride,
	struct prefetch *prefetch)
{
	vector digits[TOGETHER][2][8], sums[TOGETHER][2][8];
	struct block_monomials m[TOGETHER];
	double *at = x + 128 * block;
	for (unsigned c = 0; c < 2 * count; c++) {
		load_block(digits[c / 2][c % 2], at + c * f->n);
		forward_block(f, block, digits[c / 2][c % 2]);
	}
	for (unsigned c = 0; c < count; c++)
		monomials_of_block(&m[c], monomials, masks + c * masks_stride,
			ring_block_exponent(f->n_log2, (unsigned)block), 2 * f->n);
	for (unsigned i = 0; i < 8; i++) {
		for (size_t line = 0; line < prefetch->lines * count; line++, prefetch->at += 64)
			__builtin_prefetch(prefetch->at, 0, 2);
		multiply_bundle(sums, digits, count, key + i * GROUPED_VECTOR,
			f->n / 16 * GROUPED_VECTOR, m, i);
	}
	for (unsigned c = 0; c < 2 * count; c++) {
		inverse_block(f, block, sums[c / 2][c % 2]);
		store_block(at + c * f->n, sums[c / 2][c % 2]);
	}
}

PASS void bundle_node(const struct ring_fft *f, double *x, size_t batch, size_t node,
	const double *key, const double *monomials, const uint16_t *masks, size_t masks_stride,
	struct prefetch *prefetch)
{
	size_t n = f->n, size = last_middle(f), nodes = n / 16 / size, blocks = size / 8;
	for (size_t b = 0; b < 2 * batch; b++)
		forward_last_middle(f, x + b * n + 16 * size * node, nodes + node, size);
	for (size_t block = node * blocks; block < (node + 1) * blocks; block++)
		for (size_t b = 0; b < batch; b += TOGETHER) {
			const double *at = key + 8 * block * GROUPED_VECTOR;
			const uint16_t *these = masks + b * masks_stride;
			if (batch - b >= TOGETHER)
				bundle_block(f, x + 2 * b * n, TOGETHER, block, at, monomials,
					these, masks_stride, prefetch);
			else
				bundle_block(f, x + 2 * b * n, 1, block, at, monomials, these,
					masks_stride, prefetch);
		}
	for (size_t b = 0; b < 2 * batch; b++)
		inverse_first_middle(f, x + b * n + 16 * size * node, nodes + node, size);
}

/* N is a constant where this is inlined for the common size. */
INLINE void rotate_grouped(const struct tfhe_bootstrap_key *key, const struct ring_fft *f,
	uint32_t *accumulators, const uint16_t *masks, size_t batch, double *x)
{
	const struct tfhe_params *p = key->params;
	size_t n = f->n, steps = tfhe_steps(p), stride = steps * GROUPED_SUBSETS;
	size_t step_size = n / 16 * 2 * GROUPED_VECTOR, nodes = n / 16 / last_middle(f);
	struct decomposition d = decomposition_of(p->pbs_base_log2, 1);
	/* Every vector of every ciphertext fetches its share of the next step's key. */
	size_t shares = batch * (n / 16), lines = (step_size / 8 + shares - 1) / shares;
	for (size_t b = 0; b < batch; b++)
		digits_of_both(f, &d, x + 2 * b * n, accumulators + 2 * b * n);
	for (size_t i = 0; i < steps; i++) {
		const double *step = key->ggsw + i * step_size;
		struct prefetch next = {
			(const char *)(step + (i + 1 < steps ? step_size : 0)), lines};
		for (size_t node = 0; node < nodes; node++)
			bundle_node(f, x, batch, node, step, f->monomials,
				masks + i * GROUPED_SUBSETS, stride, &next);
		for (size_t b = 0; b < batch; b++) {
			finish(f, x + 2 * b * n, accumulators + 2 * b * n, n);
			if (i + 1 < steps)
				digits_of_both(f, &d, x + 2 * b * n, accumulators + 2 * b * n);
		}
	}
}

static size_t grouped_scratch(const struct tfhe_bootstrap_key *key, size_t batch)
{
	return batch * 2 * tfhe_poly_size(key->params) * sizeof(double);
}

static void blind_rotate_grouped(const struct tfhe_bootstrap_key *key, uint32_t *accumulators,
	const uint16_t *masks, size_t batch, void *scratch)
{
	if (COMMON_N != 0 && key->fft->n == COMMON_N) {
		struct ring_fft fixed = *key->fft;
		fixed.n_log2 = 11;
		fixed.n = COMMON_N;
		rotate_grouped(key, &fixed, accumulators, masks, batch, scratch);
	} else
		rotate_grouped(key, key->fft, accumulators, masks, batch, scratch);
}

/* Linear algebra, look-up tables and representations: exact on u32, no keys. */
#include "tfhe/evaluate.h"

#include "base/alloc.h"

void tfhe_lwe_trivial(const struct tfhe_params *p, uint32_t *out, uint32_t body)
{
	memset(out, 0, tfhe_big_dimension(p) * sizeof(*out));
	out[tfhe_big_dimension(p)] = body;
}

void tfhe_lwe_add(const struct tfhe_params *p, uint32_t *out, const uint32_t *a, const uint32_t *b)
{
	for (unsigned i = 0; i < tfhe_lwe_words(p); i++)
		out[i] = a[i] + b[i];
}

void tfhe_lwe_sub(const struct tfhe_params *p, uint32_t *out, const uint32_t *a, const uint32_t *b)
{
	for (unsigned i = 0; i < tfhe_lwe_words(p); i++)
		out[i] = a[i] - b[i];
}

void tfhe_lwe_add_scaled(
	const struct tfhe_params *p, uint32_t *out, const uint32_t *a, int32_t scale)
{
	for (unsigned i = 0; i < tfhe_lwe_words(p); i++)
		out[i] += (uint32_t)scale * a[i];
}

/* Coefficient `index` of A S is sum_i S_i A_{index-i}, with A_{-j} = -A_{N-j}. */
void tfhe_sample_extract(
	const struct tfhe_params *p, uint32_t *out, const uint32_t *glwe, unsigned index)
{
	unsigned n = tfhe_poly_size(p);
	for (unsigned k = 0; k < p->k; k++, out += n, glwe += n) {
		for (unsigned i = 0; i <= index; i++)
			out[i] = glwe[index - i];
		for (unsigned i = index + 1; i < n; i++)
			out[i] = -glwe[n + index - i];
	}
	out[0] = glwe[index];
}

amt_status tfhe_glwe_expand(const struct tfhe_params *p, uint32_t *glwe, const struct seed *seed,
	const uint16_t *bodies, size_t count)
{
	size_t n = tfhe_poly_size(p);
	ENSURE(count <= n, AMT_INVALID_ARGUMENT, "%zu values do not fit %zu coefficients", count,
		n);
	struct seed_expander *expander;
	TRY(seed_expander_new(&expander, seed));
	amt_status status = STATUS_OK;
	for (unsigned k = 0; k < p->k && amt_ok(status); k++)
		status = seed_expand_u32(expander, k, glwe + k * n, n);
	seed_expander_free(expander);
	TRY(status);
	uint32_t *body = glwe + p->k * n;
	for (size_t i = 0; i < count; i++)
		body[i] = (uint32_t)bodies[i] << 16;
	memset(body + count, 0, (n - count) * sizeof(*body));
	return STATUS_OK;
}

/* Box m of width w = N / 16 is centred on m w: coefficient j belongs to message (j + w/2) / w, and
 * the last half box to message 16, that is -16, which is box 0 negated. */
amt_status tfhe_lut_new(struct tfhe_lut *out, const struct tfhe_params *params, unsigned functions,
	const uint32_t values[16])
{
	ENSURE(functions == 1 || functions == 2 || functions == 4 || functions == 8,
		AMT_INVALID_ARGUMENT, "a look-up table of %u functions", functions);
	unsigned n = tfhe_poly_size(params);
	unsigned box = n >> params->precision_log2;
	*out = (struct tfhe_lut){.functions = functions};
	TRY(mem_alloc_aligned(&out->polynomial, n * sizeof(*out->polynomial)));
	for (unsigned j = 0; j < n; j++) {
		unsigned m = (j + box / 2) / box;
		out->polynomial[j] = m < 16 ? values[m] : -values[0];
	}
	return STATUS_OK;
}

amt_status tfhe_lut_new_mixed(struct tfhe_lut *out, const struct tfhe_params *params, uint32_t unit,
	unsigned functions, const int8_t (*weight)[TFHE_LUT_SAMPLES], const uint32_t *offset)
{
	ENSURE(functions >= 1 && functions <= TFHE_LUT_MAX_FUNCTIONS, AMT_INVALID_ARGUMENT,
		"a look-up table of %u functions", functions);
	unsigned n = tfhe_poly_size(params);
	*out = (struct tfhe_lut){.functions = functions, .mixed = true};
	memcpy(out->weight, weight, functions * sizeof(out->weight[0]));
	memcpy(out->offset, offset, functions * sizeof(out->offset[0]));
	TRY(mem_alloc_aligned(&out->polynomial, n * sizeof(*out->polynomial)));
	for (unsigned j = 0; j < n; j++)
		out->polynomial[j] = unit;
	return STATUS_OK;
}

/* out += weight * coefficient `index`, as tfhe_sample_extract has it. */
static void add_sample(const struct tfhe_params *p, uint32_t *restrict out,
	const uint32_t *restrict glwe, unsigned index, uint32_t weight)
{
	unsigned n = tfhe_poly_size(p);
	for (unsigned k = 0; k < p->k; k++, out += n, glwe += n) {
		for (unsigned i = 0; i <= index; i++)
			out[i] += weight * glwe[index - i];
		for (unsigned i = index + 1; i < n; i++)
			out[i] -= weight * glwe[n + index - i];
	}
	out[0] += weight * glwe[index];
}

/* Sample j lies half a box after message 16 - j, where the sign of the constant turns. */
void tfhe_lut_extract(const struct tfhe_params *p, const struct tfhe_lut *lut, unsigned f,
	uint32_t *out, const uint32_t *glwe)
{
	if (!lut->mixed) {
		tfhe_sample_extract(p, out, glwe, f * (tfhe_poly_size(p) / lut->functions));
		return;
	}
	unsigned box = tfhe_poly_size(p) / TFHE_LUT_SAMPLES;
	tfhe_lwe_trivial(p, out, lut->offset[f]);
	for (unsigned j = 0; j < TFHE_LUT_SAMPLES; j++)
		if (lut->weight[f][j] != 0)
			add_sample(p, out, glwe, j * box + box / 2, (uint32_t)lut->weight[f][j]);
}

void tfhe_lut_free(struct tfhe_lut *lut)
{
	mem_free_aligned(lut->polynomial, 0);
	lut->polynomial = NULL;
}

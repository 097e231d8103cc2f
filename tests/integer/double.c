#include "double.h"

#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <xxhash.h>

enum { N = 64, WORDS = N + 1, AMPLITUDE = 256 };

struct tfhe_evaluator {
	struct tfhe_params params;
	uint64_t bootstraps, fresh;
	double worst;
};

struct tfhe_evaluator *double_evaluator(unsigned max_noise)
{
	struct tfhe_evaluator *e = calloc(1, sizeof(*e));
	assert_non_null(e);
	e->params = (struct tfhe_params){.id = 999,
		.name = "double",
		.n = 8,
		.k = 1,
		.n_poly_log2 = 6,
		.precision_log2 = 4,
		.max_noise = max_noise,
		.toy = true};
	return e;
}

void tfhe_evaluator_free(struct tfhe_evaluator *e)
{
	free(e);
}

const struct tfhe_params *tfhe_evaluator_params(const struct tfhe_evaluator *e)
{
	return &e->params;
}

uint64_t tfhe_evaluator_bootstraps(const struct tfhe_evaluator *e)
{
	return e->bootstraps;
}

double double_worst(struct tfhe_evaluator *e)
{
	return e->worst;
}

amt_status tfhe_lut_new(struct tfhe_lut *out, const struct tfhe_params *params, unsigned functions,
	const uint32_t values[16])
{
	(void)params;
	*out = (struct tfhe_lut){.functions = functions};
	return mem_dup(&out->polynomial, values, 16 * sizeof(values[0]));
}

amt_status tfhe_lut_new_mixed(struct tfhe_lut *out, const struct tfhe_params *params, uint32_t unit,
	unsigned functions, const int8_t (*weight)[TFHE_LUT_SAMPLES], const uint32_t *offset)
{
	(void)params;
	*out = (struct tfhe_lut){.functions = functions, .mixed = true};
	memcpy(out->weight, weight, functions * sizeof(out->weight[0]));
	memcpy(out->offset, offset, functions * sizeof(out->offset[0]));
	uint32_t values[16];
	for (unsigned i = 0; i < 16; i++)
		values[i] = unit;
	return mem_dup(&out->polynomial, values, sizeof(values));
}

void tfhe_lut_free(struct tfhe_lut *lut)
{
	mem_free(lut->polynomial);
}

static void noise(uint32_t *out, uint64_t signs)
{
	for (unsigned i = 0; i < N; i++)
		out[i] = signs >> i & 1 ? AMPLITUDE : (uint32_t)-AMPLITUDE;
}

static double units(const uint32_t *lwe)
{
	double sum = 0;
	for (unsigned i = 0; i < N; i++)
		sum += (double)(int32_t)lwe[i] * (int32_t)lwe[i];
	return sum / N / AMPLITUDE / AMPLITUDE;
}

static uint64_t splitmix(uint64_t x)
{
	return int_mix(x, 77);
}

/* out += weight * coefficient `at` boxes on in the polynomial rotated by m boxes. */
static void sample(uint32_t *out, const uint32_t *polynomial, unsigned m, unsigned at,
	int32_t weight, bool noisy, uint64_t hash)
{
	uint32_t mask[N], v = polynomial[(m + at) & 15];
	out[N] += (uint32_t)weight * (((m + at) & 31) >= 16 ? -v : v);
	if (!noisy || weight == 0)
		return;
	noise(mask, splitmix(hash + at));
	for (unsigned i = 0; i < N; i++)
		out[i] += (uint32_t)weight * mask[i];
}

amt_status tfhe_bootstrap(struct tfhe_evaluator *e, const struct tfhe_job *jobs, size_t count,
	tfhe_progress progress, void *context)
{
	(void)progress;
	(void)context;
	double sum = 0;
	size_t batch = 0;
	for (size_t j = 0; j < count; j++) {
		const struct tfhe_job *job = &jobs[j];
		uint32_t body = job->in[N] + job->body_offset;
		if ((body & ((1u << 27) - 1)) != 0)
			fail_msg("input %08x of a bootstrap is not a message", body);
		unsigned m = body >> 27;
		double before = units(job->in);
		uint64_t hash = XXH3_64bits(job->in, WORDS * sizeof(uint32_t));
		/* Coefficients of one accumulator: the rotated polynomial decides their noise. */
		hash = XXH3_64bits_withSeed(
			job->lut->polynomial, 16 * sizeof(uint32_t), hash ^ job->lut->mixed);
		for (unsigned f = 0; f < job->lut->functions; f++) {
			uint32_t *out = job->out[f];
			if (out == NULL)
				continue;
			memset(out, 0, WORDS * sizeof(uint32_t));
			if (!job->lut->mixed) {
				unsigned at = f * (16 / job->lut->functions);
				sample(out, job->lut->polynomial, m, at, 1, before > 0, hash);
				continue;
			}
			out[N] = job->lut->offset[f];
			for (unsigned k = 0; k < TFHE_LUT_SAMPLES; k++)
				sample(out, job->lut->polynomial, m, k, job->lut->weight[f][k],
					before > 0, hash);
		}
		sum += before;
		batch++;
		if (j + 1 == count || jobs[j + 1].lut != job->lut) {
			double mean = sum / (double)batch / e->params.max_noise;
			/* Squares of sums of few terms scatter by sqrt(2 / 64) each. */
			if (mean > 1 + 1.2 / sqrt((double)batch))
				fail_msg("%.1f noise units before a bootstrap (%zu jobs)",
					mean * e->params.max_noise, batch);
			if (batch >= 256 && mean > e->worst)
				e->worst = mean;
			sum = 0;
			batch = 0;
		}
	}
	e->bootstraps += count;
	return STATUS_OK;
}

void tfhe_lwe_trivial(const struct tfhe_params *p, uint32_t *out, uint32_t body)
{
	(void)p;
	memset(out, 0, WORDS * sizeof(*out));
	out[N] = body;
}

void tfhe_lwe_add(const struct tfhe_params *p, uint32_t *out, const uint32_t *a, const uint32_t *b)
{
	(void)p;
	for (unsigned i = 0; i < WORDS; i++)
		out[i] = a[i] + b[i];
}

void tfhe_lwe_sub(const struct tfhe_params *p, uint32_t *out, const uint32_t *a, const uint32_t *b)
{
	(void)p;
	for (unsigned i = 0; i < WORDS; i++)
		out[i] = a[i] - b[i];
}

void tfhe_lwe_add_scaled(
	const struct tfhe_params *p, uint32_t *out, const uint32_t *a, int32_t scale)
{
	(void)p;
	for (unsigned i = 0; i < WORDS; i++)
		out[i] += (uint32_t)scale * a[i];
}

void tfhe_sample_extract(
	const struct tfhe_params *p, uint32_t *out, const uint32_t *glwe, unsigned index)
{
	(void)p;
	noise(out, splitmix(XXH3_64bits_withSeed(glwe, 2 * N * sizeof(*glwe), index)));
	out[N] = glwe[N + index];
}

void double_encrypt(struct tfhe_evaluator *e, struct int_column *out, enum int_type type,
	const uint64_t *values, size_t rows)
{
	OK(int_column_alloc(out, &e->params, type, int_type_blocks(type), rows));
	for (unsigned b = 0; b < out->blocks; b++) {
		struct int_block *block = &out->block[b];
		uint32_t mask = type == INT_BOOL ? 1 : 3;
		for (size_t r = 0; r < rows; r++) {
			uint32_t *lwe = block->lwe + r * out->stride;
			memset(lwe, 0, out->stride * sizeof(*lwe));
			noise(lwe, splitmix(++e->fresh ^ UINT64_C(0x123456789abcdef)));
			uint64_t word = values[r * int_type_words(type) + b / INT_WORD_BLOCKS];
			lwe[N] = ((uint32_t)(word >> 2 * (b % INT_WORD_BLOCKS)) & mask) << 27;
		}
		block->hi = (int32_t)mask;
		int_set_source(block, int_content(block, rows, WORDS, out->stride), 1);
	}
}

void double_decrypt(struct tfhe_evaluator *e, const struct int_column *column, uint64_t *values)
{
	(void)e;
	typedef unsigned __int128 wide;
	unsigned words = int_type_words(column->type);
	wide mask = ~(wide)0 >> (128 - 2 * column->blocks);
	for (size_t r = 0; r < column->rows; r++) {
		wide value = 0;
		for (unsigned b = 0; b < column->blocks; b++) {
			const struct int_block *block = &column->block[b];
			uint32_t body = block->lwe[r * column->stride + N];
			assert_int_equal(body & ((1u << 27) - 1), 0);
			int32_t digit = (int32_t)body >> 27;
			if (digit < block->lo || digit > block->hi)
				fail_msg("row %zu block %u holds %d outside [%d, %d]", r, b, digit,
					block->lo, block->hi);
			value += (wide)(__int128)digit << 2 * b;
		}
		value &= mask;
		wide sign = int_type_signed(column->type) ? mask ^ (mask >> 1) : 0;
		value = (value ^ sign) - sign;
		for (unsigned i = 0; i < words; i++)
			values[r * words + i] = (uint64_t)(value >> 64 * i);
	}
}

double double_noise(struct tfhe_evaluator *e, const struct int_block *block, size_t rows)
{
	double sum = 0;
	for (size_t r = 0; r < rows; r++)
		sum += units(block->lwe + r * tfhe_lwe_stride(&e->params));
	return sum / (double)rows;
}

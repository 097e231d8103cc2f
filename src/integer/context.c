/* The context: look-up tables are made once and found again by their contents. */
#include "integer/internal.h"

#include "base/alloc.h"

#include <xxhash.h>

/* Contents of a table; all bytes are compared, so there is no padding. */
struct contents {
	uint32_t functions;
	uint32_t mixed;	     /* 0 or 1 */
	uint32_t values[16]; /* mixed: the unit in values[0] */
	int8_t weight[TFHE_LUT_MAX_FUNCTIONS][TFHE_LUT_SAMPLES];
	uint32_t offset[TFHE_LUT_MAX_FUNCTIONS];
};

struct int_lut {
	struct contents contents;
	struct tfhe_lut lut;
};

amt_status int_context_new(struct int_context **out, struct tfhe_evaluator *evaluator)
{
	TRY(mem_zalloc(out, sizeof(**out)));
	(*out)->evaluator = evaluator;
	(*out)->params = tfhe_evaluator_params(evaluator);
	return STATUS_OK;
}

void int_context_free(struct int_context *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < c->lut_count; i++) {
		tfhe_lut_free(&c->luts[i]->lut);
		mem_free(c->luts[i]);
	}
	mem_free(c->luts);
	mem_free(c);
}

uint64_t int_context_layers(const struct int_context *c)
{
	return c->layers;
}

void int_context_progress(struct int_context *c, tfhe_progress progress, void *context)
{
	c->progress = progress;
	c->progress_context = context;
}

static amt_status cached(struct int_context *c, struct int_table *out, const struct contents *want)
{
	for (size_t i = 0; i < c->lut_count; i++)
		if (memcmp(&c->luts[i]->contents, want, sizeof(*want)) == 0) {
			out->lut = &c->luts[i]->lut;
			return STATUS_OK;
		}
	TRY(mem_grow(&c->luts, (c->lut_count + 1) * sizeof(struct int_lut *)));
	struct int_lut *lut;
	TRY(mem_zalloc(&lut, sizeof(*lut)));
	memcpy(&lut->contents, want, sizeof(*want));
	amt_status s = want->mixed
			       ? tfhe_lut_new_mixed(&lut->lut, c->params, want->values[0],
					 want->functions, want->weight, want->offset)
			       : tfhe_lut_new(&lut->lut, c->params, want->functions, want->values);
	if (!amt_ok(s)) {
		mem_free(lut);
		return s;
	}
	c->luts[c->lut_count++] = lut;
	out->lut = &lut->lut;
	return STATUS_OK;
}

static void widen(struct int_table *out, unsigned f, int32_t v)
{
	out->lo[f] = v < out->lo[f] ? v : out->lo[f];
	out->hi[f] = v > out->hi[f] ? v : out->hi[f];
}

/* Functions first, first + 1, ... of a family. */
static amt_status table_of(struct int_context *c, struct int_table *out, unsigned first,
	unsigned functions, int32_t lo, int32_t hi, int_function function, int32_t parameter)
{
	struct contents contents = {.functions = functions};
	uint32_t *values = contents.values;
	bool known[16] = {false};
	uint32_t half = 1u << (tfhe_delta_log2(c->params) - 1);
	for (unsigned f = 0; f < functions; f++) {
		out->lo[f] = INT32_MAX;
		out->hi[f] = INT32_MIN;
		for (int32_t m = lo; m <= hi; m++) {
			int32_t v = function(first + f, m, parameter);
			widen(out, f, v);
			/* Result f is the table read 16 / functions * f further on. */
			unsigned at = ((unsigned)m + f * (16 / functions)) & 31;
			uint32_t value = (uint32_t)v * half;
			if (at >= 16)
				value = -value;
			at &= 15;
			ENSURE(!known[at] || values[at] == value, AMT_OUT_OF_RANGE,
				"messages in [%d, %d] do not fit a look-up table", lo, hi);
			known[at] = true;
			values[at] = value;
		}
	}
	TRY(cached(c, out, &contents));
	out->id = XXH3_64bits(values, sizeof(contents.values));
	return STATUS_OK;
}

amt_status int_table(struct int_context *c, struct int_table *out, unsigned functions, int32_t lo,
	int32_t hi, int_function function, int32_t parameter)
{
	return table_of(c, out, 0, functions, lo, hi, function, parameter);
}

amt_status int_table_one(struct int_context *c, struct int_table *out, unsigned f, int32_t lo,
	int32_t hi, int_function function, int32_t parameter)
{
	return table_of(c, out, f, 1, lo, hi, function, parameter);
}

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

/* Around the circle of 32 messages a negacyclic function goes from v(lo) up to v(hi), and half a
 * turn after lo it is -v(lo). Less the mean of v(lo) and v(hi), which the offset gives back, the two
 * meet: 17 messages fit, and only steps between neighbours cost noise. With samples of +-unit the
 * weight of sample 16 - i is v(i - 1) - v(i) in twice the unit, that of sample 0 is v(0) + v(15). */
amt_status int_table_mixed(struct int_context *c, struct int_table *out, unsigned functions,
	int32_t lo, int32_t hi, int_function function, int32_t parameter)
{
	ENSURE(hi - lo <= 16, AMT_OUT_OF_RANGE, "messages in [%d, %d] do not fit a look-up table",
		lo, hi);
	struct contents contents = {.functions = functions, .mixed = 1};
	int32_t step[TFHE_LUT_MAX_FUNCTIONS][TFHE_LUT_SAMPLES];
	uint32_t common = 0, quarter = 1u << (tfhe_delta_log2(c->params) - 2);
	for (unsigned f = 0; f < functions; f++) {
		out->lo[f] = INT32_MAX;
		out->hi[f] = INT32_MIN;
		for (int32_t m = lo; m <= hi; m++)
			widen(out, f, function(f, m, parameter));
		int32_t centre = function(f, lo, parameter) + function(f, hi, parameter);
		contents.offset[f] = (uint32_t)centre * quarter;
		int32_t at[16] = {0};
		for (int32_t m = lo; m < lo + 16; m++) {
			int32_t v = 2 * function(f, m < hi ? m : hi, parameter) - centre;
			at[m & 15] = ((unsigned)m & 31) < 16 ? v : -v;
		}
		step[f][0] = (at[0] + at[15]) / 2;
		for (unsigned i = 1; i < 16; i++)
			step[f][16 - i] = (at[i - 1] - at[i]) / 2;
		for (unsigned j = 0; j < 16; j++)
			common = gcd(common, (uint32_t)(step[f][j] < 0 ? -step[f][j] : step[f][j]));
	}
	common = common == 0 ? 1 : common;
	contents.values[0] = common * quarter;
	for (unsigned f = 0; f < functions; f++)
		for (unsigned j = 0; j < 16; j++)
			contents.weight[f][j] = (int8_t)(step[f][j] / (int32_t)common);
	TRY(cached(c, out, &contents));
	out->id = XXH3_64bits_withSeed(&common, sizeof(common), 1u << 16);
	return STATUS_OK;
}

amt_status int_table_any(struct int_context *c, struct int_table *out, unsigned functions,
	int32_t lo, int32_t hi, int_function function, int32_t parameter)
{
	unsigned many = functions == 3 ? 4 : functions;
	if (functions == 1 && hi - lo < 16)
		return int_table(c, out, 1, lo, hi, function, parameter);
	if (functions > 1 && functions <= 4 && (hi - lo + 1) * (int32_t)many <= 16 &&
		many == functions)
		return int_table(c, out, functions, lo, hi, function, parameter);
	return int_table_mixed(c, out, functions, lo, hi, function, parameter);
}

/* The context: look-up tables are made once and found again by their contents. */
#include "integer/internal.h"

#include "base/alloc.h"

#include <xxhash.h>

struct int_lut {
	unsigned functions;
	uint32_t values[16];
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

void int_context_progress(struct int_context *c, tfhe_progress progress, void *context)
{
	c->progress = progress;
	c->progress_context = context;
}

static amt_status cached(
	struct int_context *c, struct int_lut **out, unsigned functions, const uint32_t values[16])
{
	for (size_t i = 0; i < c->lut_count; i++) {
		*out = c->luts[i];
		if ((*out)->functions == functions &&
			memcmp((*out)->values, values, sizeof((*out)->values)) == 0)
			return STATUS_OK;
	}
	TRY(mem_grow(&c->luts, (c->lut_count + 1) * sizeof(struct int_lut *)));
	TRY(mem_zalloc(out, sizeof(**out)));
	(*out)->functions = functions;
	memcpy((*out)->values, values, sizeof((*out)->values));
	amt_status s = tfhe_lut_new(&(*out)->lut, c->params, functions, values);
	if (!amt_ok(s)) {
		mem_free(*out);
		return s;
	}
	c->luts[c->lut_count++] = *out;
	return STATUS_OK;
}

amt_status int_table(struct int_context *c, struct int_table *out, unsigned functions, int32_t lo,
	int32_t hi, int_function function, int32_t parameter)
{
	uint32_t values[16] = {0};
	bool known[16] = {false};
	uint32_t half = 1u << (tfhe_delta_log2(c->params) - 1);
	for (unsigned f = 0; f < functions; f++) {
		out->lo[f] = INT32_MAX;
		out->hi[f] = INT32_MIN;
		for (int32_t m = lo; m <= hi; m++) {
			int32_t v = function(f, m, parameter);
			out->lo[f] = v < out->lo[f] ? v : out->lo[f];
			out->hi[f] = v > out->hi[f] ? v : out->hi[f];
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
	struct int_lut *lut;
	TRY(cached(c, &lut, functions, values));
	out->lut = &lut->lut;
	out->id = XXH3_64bits_withSeed(values, sizeof(values), functions);
	return STATUS_OK;
}

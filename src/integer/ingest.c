/* What writers send becomes a column, and what is of an old key one of the new. A writer can send blocks with any noise and any phase; after a
 * bootstrap with a table that answers every phase with a digit, that no longer matters.
 *
 * Such a table seems impossible, since messages -16 to -1 get the negated values of 0 to 15. It holds
 * v - 3/2 for the digit v (bool: v - 1/2), whose negation is that of the digit 3 - v, and 3/2 is
 * added afterwards. */
#include "integer/compact.h"
#include "integer/compress.h"

#include "base/alloc.h"
#include "integer/internal.h"
#include "tfhe/noise.h"

#include <math.h>

/* Twice the digit's distance from the middle: half messages, as tables have. */
static int32_t centred_digit(unsigned f, int32_t m, int32_t top)
{
	(void)f;
	return 2 * (m & top) - top;
}

/* Every block of `from` to one of the allocated `to`, which may be the same column. */
static amt_status sanitise(
	struct int_context *c, struct int_column *to, const struct int_column *from)
{
	int32_t top = from->type == INT_BOOL ? 1 : 3;
	struct int_table table;
	struct int_stage stage = {0};
	TRY(int_table(c, &table, 1, 0, 15, centred_digit, top));
	amt_status s = STATUS_OK;
	for (unsigned b = 0; b < from->blocks && amt_ok(s); b++) {
		struct int_block *block = &to->block[b];
		s = int_stage_add(c, &stage, &from->block[b], from->rows, &table, &block);
	}
	if (amt_ok(s))
		s = int_stage_run(c, &stage);
	int_stage_free(&stage);
	uint32_t middle = (uint32_t)top << (tfhe_delta_log2(c->params) - 1);
	for (unsigned b = 0; b < to->blocks && amt_ok(s); b++) {
		struct int_block *block = &to->block[b];
		for (size_t r = 0; r < to->rows; r++)
			block->lwe[r * to->stride + tfhe_big_dimension(c->params)] += middle;
		block->lo = 0;
		block->hi = top;
	}
	return s;
}

amt_status int_rotate(
	struct int_context *c, struct int_column *out, const struct int_column *column)
{
	out->blocks = 0;
	for (unsigned b = 0; b < column->blocks; b++)
		ENSURE(column->block[b].lo >= 0 &&
				column->block[b].hi <= (column->type == INT_BOOL ? 1 : 3),
			AMT_UNSUPPORTED, "digits in [%d, %d] cannot be rotated",
			column->block[b].lo, column->block[b].hi);
	TRY(int_column_alloc(out, c->params, column->type, column->blocks, column->rows));
	amt_status s = sanitise(c, out, column);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

static amt_status unpack(
	struct int_context *c, struct int_column *out, const struct compact_list *list)
{
	const struct tfhe_params *p = c->params;
	size_t n = tfhe_poly_size(p), total = list->rows * list->blocks;
	const uint8_t *at = list->ciphertexts;
	uint32_t *glwe;
	TRY(mem_alloc_aligned(&glwe, tfhe_glwe_words(p) * sizeof(*glwe)));
	for (size_t first = 0; first < total; first += n) {
		size_t count = total - first < n ? total - first : n;
		tfhe_compact_expand(p, glwe, at, count);
		at += 2 * tfhe_compact_words(p, count);
		for (size_t i = 0; i < count; i++) {
			size_t row = (first + i) / list->blocks, b = (first + i) % list->blocks;
			tfhe_sample_extract(
				p, out->block[b].lwe + row * out->stride, glwe, (unsigned)i);
		}
	}
	mem_free_aligned(glwe, 0);
	/* All of it is bootstrapped at once, where only the failure probability counts. */
	double noise = ceil(tfhe_noise_compact(p) / tfhe_noise_bootstrap(p));
	ENSURE(tfhe_failure_log2(p, noise) <= -128, AMT_UNSUPPORTED,
		"parameter set %s leaves no room for public-key encryption", p->name);
	unsigned units = noise < p->max_noise ? (unsigned)noise : p->max_noise;
	for (unsigned b = 0; b < out->blocks; b++) {
		struct int_block *block = &out->block[b];
		block->hi = 15;
		int_set_source(block, int_content(block, out->rows, tfhe_lwe_words(p), out->stride),
			units);
	}
	return STATUS_OK;
}

amt_status int_ingest(struct int_context *c, struct int_column *out, struct span content)
{
	struct compact_list list;
	out->blocks = 0;
	TRY(int_compact_get(&list, content, c->params));
	TRY(int_column_alloc(out, c->params, list.type, list.blocks, list.rows));
	amt_status s = unpack(c, out, &list);
	if (amt_ok(s))
		s = sanitise(c, out, out);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

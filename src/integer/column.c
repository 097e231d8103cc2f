/* Columns as memory. */
#include "integer/internal.h"

#include "base/alloc.h"

amt_status int_block_alloc(struct int_block *b, unsigned stride, size_t rows)
{
	size_t bytes = (size_t)stride * sizeof(uint32_t);
	ENSURE(rows <= SIZE_MAX / 2 / bytes, AMT_OUT_OF_MEMORY, "%zu rows", rows);
	b->sources = 0;
	b->lo = b->hi = 0;
	TRY(mem_alloc_aligned(&b->lwe, rows * bytes));
	/* Padding is 0, so that equal ciphertexts are equal rows (int_same_words). */
	enum { TAIL = 16 }; /* strides are rounded up to it: the last words and the padding */
	for (size_t r = 1; r <= rows; r++)
		memset(b->lwe + r * stride - TAIL, 0, TAIL * sizeof(uint32_t));
	return STATUS_OK;
}

void int_block_free(struct int_block *b, unsigned stride, size_t rows)
{
	if (b->lwe != NULL)
		mem_free_aligned(b->lwe, rows * stride * sizeof(uint32_t));
	b->lwe = NULL;
}

amt_status int_column_alloc(struct int_column *out, const struct tfhe_params *params,
	enum int_type type, unsigned blocks, size_t rows)
{
	out->blocks = 0;
	ENSURE((unsigned)type < INT_TYPES, AMT_INVALID_ARGUMENT, "type %d", (int)type);
	ENSURE(blocks >= 1 && blocks <= INT_MAX_BLOCKS + 1, AMT_INVALID_ARGUMENT, "%u blocks",
		blocks);
	ENSURE(rows >= 1, AMT_INVALID_ARGUMENT, "a column needs a row");
	out->type = type;
	out->stride = tfhe_lwe_stride(params);
	out->rows = rows;
	for (unsigned b = 0; b < blocks; b++) {
		amt_status s = int_block_alloc(&out->block[b], out->stride, rows);
		if (!amt_ok(s)) {
			int_column_free(out);
			return s;
		}
		out->blocks++;
	}
	return STATUS_OK;
}

void int_column_free(struct int_column *c)
{
	if (c == NULL)
		return;
	for (unsigned b = 0; b < c->blocks; b++)
		int_block_free(&c->block[b], c->stride, c->rows);
	c->blocks = 0;
}

/* Rows of one source are independent, so those of a view are another source; views of the same rows
 * of two columns keep what correlation the columns have. */
void int_view(struct int_column *out, const struct int_column *of, size_t first, size_t rows)
{
	*out = *of;
	out->rows = rows;
	for (unsigned b = 0; b < out->blocks; b++) {
		struct int_block *block = &out->block[b];
		block->lwe += first * out->stride;
		for (unsigned s = 0; s < block->sources; s++)
			if (!block->source[s].shared)
				block->source[s].id = int_mix(block->source[s].id, first);
	}
}

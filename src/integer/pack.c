/* Making compressed lists (integer/compress.h). */
#include "integer/compress.h"

#include "base/alloc.h"
#include "integer/internal.h"
#include "tfhe/compress.h"

static amt_status put_head(
	struct int_context *c, struct buf *out, const struct int_column *column, unsigned log2)
{
	TRY(buf_put_u8(out, (uint8_t)column->type));
	TRY(buf_put_u8(out, (uint8_t)column->blocks));
	TRY(buf_put_u8(out, (uint8_t)log2));
	TRY(buf_put_u8(out, 0));
	TRY(buf_put_u32(out, tfhe_poly_size(c->params)));
	return buf_put_u64(out, column->rows);
}

struct packing {
	const uint32_t **lwe;	/* N */
	uint32_t *glwe, *spare; /* spare: N */
};

static amt_status put_ciphertexts(struct int_context *c, struct buf *out,
	const struct int_column *column, unsigned log2, struct packing *w)
{
	const struct tfhe_params *p = c->params;
	size_t n = tfhe_poly_size(p), total = column->rows * column->blocks;
	for (size_t first = 0; first < total; first += n) {
		size_t count = total - first < n ? total - first : n;
		for (size_t i = 0; i < count; i++) {
			size_t row = (first + i) / column->blocks;
			w->lwe[i] = column->block[(first + i) % column->blocks].lwe +
				    row * column->stride;
		}
		TRY(tfhe_pack(c->evaluator, w->glwe, w->lwe, count));
		uint8_t *at;
		TRY(buf_extend(out, tfhe_compressed_bytes(p, log2, count), &at));
		tfhe_compress(p, log2, w->glwe, count, w->spare, at);
		if (c->progress != NULL)
			ENSURE(c->progress(c->progress_context, first + count, total),
				AMT_CANCELLED, "cancelled");
	}
	return STATUS_OK;
}

static amt_status put_clean(struct int_context *c, struct buf *out, const struct int_column *column)
{
	unsigned log2 = tfhe_compress_log2(c->params);
	size_t n = tfhe_poly_size(c->params);
	struct packing w = {0};
	TRY(put_head(c, out, column, log2));
	amt_status s = mem_array(&w.lwe, n, sizeof(uint32_t *));
	if (amt_ok(s))
		s = mem_alloc_aligned(&w.glwe, tfhe_glwe_words(c->params) * sizeof(*w.glwe));
	if (amt_ok(s))
		s = mem_alloc_aligned(&w.spare, n * sizeof(*w.spare));
	if (amt_ok(s))
		s = put_ciphertexts(c, out, column, log2, &w);
	mem_free((void *)w.lwe);
	mem_free_aligned(w.glwe, 0);
	mem_free_aligned(w.spare, 0);
	return s;
}

amt_status int_compress(struct int_context *c, struct buf *out, const struct int_column *column)
{
	struct int_column copy = {0};
	for (unsigned b = 0; b < column->blocks; b++)
		ENSURE(column->block[b].lo >= 0 &&
				column->block[b].hi <= (column->type == INT_BOOL ? 1 : 3),
			AMT_UNSUPPORTED, "digits in [%d, %d] cannot be compressed",
			column->block[b].lo, column->block[b].hi);
	TRY(int_append(c, &copy, column));
	amt_status s = int_clean(c, &copy);
	if (amt_ok(s))
		s = put_clean(c, out, &copy);
	int_column_free(&copy);
	return s;
}

#include "integer/compress.h"

#include "base/alloc.h"
#include "integer/internal.h"
#include "tfhe/compress.h"

#include <math.h>

enum { HEAD_BYTES = 16 };

amt_status int_decompress(
	struct int_column *out, struct span content, const struct tfhe_params *params)
{
	struct reader in = reader_of(content, "compressed list");
	uint8_t type, blocks, log2, zero;
	uint32_t n;
	uint64_t rows;
	out->blocks = 0;
	TRY(read_u8(&in, &type));
	TRY(read_u8(&in, &blocks));
	TRY(read_u8(&in, &log2));
	TRY(read_u8(&in, &zero));
	TRY(read_u32(&in, &n));
	TRY(read_u64(&in, &rows));
	ENSURE(type < INT_TYPES && blocks >= 1 && blocks <= int_type_most_blocks(type) &&
			zero == 0 && (type != INT_BOOL || blocks == 1),
		AMT_CORRUPTION, "compressed list: type %u, %u blocks", type, blocks);
	ENSURE(log2 >= TFHE_COMPRESS_LEAST && log2 <= TFHE_COMPRESS_MOST &&
			tfhe_compress_units(params, log2) <= params->max_noise,
		AMT_CORRUPTION, "compressed list: words of %u bits", log2);
	ENSURE(n == tfhe_poly_size(params), AMT_FOREIGN_PARAMETERS,
		"compressed list: %u coefficients for %u", n, tfhe_poly_size(params));
	size_t left = reader_left(&in);
	/* A block has at least 12 bits. */
	ENSURE(rows >= 1 && rows <= left / blocks, AMT_TRUNCATED,
		"compressed list: %llu rows in %zu bytes", (unsigned long long)rows, left);
	size_t total = (size_t)rows * blocks, rest = total % n;
	size_t bytes = total / n * tfhe_compressed_bytes(params, log2, n) +
		       (rest > 0 ? tfhe_compressed_bytes(params, log2, rest) : 0);
	ENSURE(left >= bytes, AMT_TRUNCATED, "compressed list: %zu bytes of %zu", left, bytes);
	ENSURE(left == bytes, AMT_CORRUPTION, "compressed list: %zu bytes for %zu", left, bytes);
	uint32_t *glwe;
	TRY(mem_alloc_aligned(&glwe, tfhe_glwe_words(params) * sizeof(*glwe)));
	amt_status s = int_column_alloc(out, params, (enum int_type)type, blocks, (size_t)rows);
	if (!amt_ok(s)) {
		mem_free_aligned(glwe, 0);
		return s;
	}
	for (size_t first = 0; first < total; first += n) {
		size_t count = total - first < n ? total - first : n;
		tfhe_decompress(params, log2, in.at, count, glwe);
		in.at += tfhe_compressed_bytes(params, log2, count);
		for (size_t i = 0; i < count; i++) {
			size_t row = (first + i) / blocks, b = (first + i) % blocks;
			tfhe_sample_extract(
				params, out->block[b].lwe + row * out->stride, glwe, (unsigned)i);
		}
	}
	mem_free_aligned(glwe, 0);
	unsigned units = (unsigned)ceil(tfhe_compress_units(params, log2));
	for (unsigned b = 0; b < blocks; b++) {
		struct int_block *block = &out->block[b];
		block->hi = type == INT_BOOL ? 1 : 3;
		int_set_source(block,
			int_content(block, out->rows, tfhe_lwe_words(params), out->stride), units);
	}
	return STATUS_OK;
}

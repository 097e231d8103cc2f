#include "integer/compact.h"

amt_status int_compact_get(
	struct compact_list *out, struct span content, const struct tfhe_params *params)
{
	struct reader in = reader_of(content, "compact list");
	uint8_t type, blocks;
	uint16_t zero;
	uint32_t n;
	uint64_t rows;
	TRY(read_u8(&in, &type));
	TRY(read_u8(&in, &blocks));
	TRY(read_u16(&in, &zero));
	TRY(read_u32(&in, &n));
	TRY(read_u64(&in, &rows));
	ENSURE(type < INT_TYPES && blocks == int_type_blocks((enum int_type)type) && zero == 0,
		AMT_CORRUPTION, "compact list: type %u, %u blocks", type, blocks);
	ENSURE(n == tfhe_poly_size(params), AMT_FOREIGN_PARAMETERS,
		"compact list: %u coefficients for %u", n, tfhe_poly_size(params));
	size_t left = reader_left(&in);
	/* A row has at least 2 bytes, so what follows does not overflow. */
	ENSURE(rows >= 1 && rows <= left / 2 / blocks, AMT_TRUNCATED,
		"compact list: %llu rows in %zu bytes", (unsigned long long)rows, left);
	size_t total = (size_t)rows * blocks, lists = (total + n - 1) / n;
	size_t bytes = 2 * (lists * tfhe_big_dimension(params) + total);
	ENSURE(left >= bytes, AMT_TRUNCATED, "compact list: %zu bytes of %zu", left, bytes);
	ENSURE(left == bytes, AMT_CORRUPTION, "compact list: %zu bytes for %zu", left, bytes);
	*out = (struct compact_list){(enum int_type)type, blocks, (size_t)rows, in.at};
	return STATUS_OK;
}

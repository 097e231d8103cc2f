/* Encrypted integers arrive from outside: what decodes is written again as the same bytes, and has
 * ranges and noise that operations accept. */
#include "integer/internal.h"

#include "../tests/tfhe/toy_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct tfhe_params *params = tfhe_params_find(TOY_PARAMS);
	struct int_column column;
	amt_status s = int_column_get(&column, span_of(data, size), params);
	if (!amt_ok(s)) {
		amt_status_clear(&s);
		return 0;
	}
	for (unsigned b = 0; b < column.blocks; b++)
		if (column.block[b].lo < -1 || column.block[b].hi > 3 ||
			int_noise(&column.block[b]) > params->max_noise)
			__builtin_trap();
	struct buf out = {0};
	s = int_column_put(&out, &column, params);
	if (!amt_ok(s) || !span_equal(buf_span(&out), span_of(data, size)))
		__builtin_trap();
	buf_free(&out);
	int_column_free(&column);
	return 0;
}

/* The header of everything serialised: what is accepted is written back as it was. The first byte is the
 * type expected; if it is odd, the checksums are made right first, so that the fields behind them are
 * reached. */
#include "crypto/wire.h"

#include <xxhash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct buf in = {0}, out = {0};
	struct wire_header header;
	struct span content;
	amt_status s = buf_put(&in, data + 1, size - 1);
	if (amt_ok(s) && (data[0] & 1) != 0 && in.size >= WIRE_HEADER_BYTES) {
		size_t length = in.size - WIRE_HEADER_BYTES;
		store_u64(in.data + 40, XXH3_64bits(in.data + WIRE_HEADER_BYTES, length));
		store_u64(in.data + 56, XXH3_64bits(in.data, 56));
	}
	if (amt_ok(s))
		s = wire_get(buf_span(&in), data[0] >> 1, &header, &content);
	if (amt_ok(s)) {
		s = wire_put(&out, &header, content);
		if (!amt_ok(s) || !span_equal(buf_span(&in), buf_span(&out)))
			__builtin_trap();
	}
	amt_status_clear(&s);
	buf_free(&in);
	buf_free(&out);
	return 0;
}

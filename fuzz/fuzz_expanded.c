/* Files of expanded keys: whatever stands in them, the check ends with an answer. The first byte
 * chooses whether a right wire header is put in front. */
#include "base/alloc.h"
#include "crypto/wire.h"
#include "tfhe/expanded.h"

#include "../tests/tfhe/toy_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct expanded_name name = {.params = tfhe_params_find(TOY_PARAMS), .isa = ISA_PORTABLE};
	struct expanded x = expanded_layout(name.params, ISA_PORTABLE);
	uint8_t *bytes;
	if (!amt_ok(mem_zalloc(&bytes, x.bytes)))
		__builtin_trap();
	struct span rest = span_of(data + 1, size - 1);
	memcpy(bytes, rest.data, rest.size < x.bytes ? rest.size : x.bytes);
	bool sealed = (data[0] & 1) != 0;
	if (sealed) {
		struct wire_header header = {.type = WIRE_EXPANDED_KEY, .params = name.params->id};
		wire_head(bytes, &header,
			span_of(bytes + WIRE_HEADER_BYTES, x.bytes - WIRE_HEADER_BYTES));
	}
	amt_status s =
		expanded_check(&x, &name, span_of(bytes, (data[0] & 2) ? x.bytes : rest.size));
	amt_status_clear(&s);
	x.memory = bytes;
	expanded_seal(&x, &name);
	if (!amt_ok(expanded_check(&x, &name, span_of(bytes, x.bytes))))
		__builtin_trap();
	mem_free(bytes);
	return 0;
}

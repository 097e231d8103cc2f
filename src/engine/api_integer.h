/* Inside of amaters/integer.h: an array is a column with the names of its key and parameter set. */
#ifndef ENGINE_API_INTEGER_H
#define ENGINE_API_INTEGER_H

#include "amaters/integer.h"
#include "integer/integer.h"

struct amt_int_array {
	struct int_column column;
	const struct tfhe_params *params;
	uint8_t key_id[16];
};

/* An array without a column yet; *out is NULL on failure. */
amt_status api_array_new(
	amt_int_array **out, const struct tfhe_params *params, const uint8_t key_id[16]);
/* AMT_WRONG_KEY or AMT_FOREIGN_PARAMETERS unless the array is of this key and set. */
amt_status api_array_expect(
	const amt_int_array *array, const struct tfhe_params *params, const uint8_t key_id[16]);

/* Hands the buffer's memory to the caller of the interface, or frees it if s failed. */
amt_status api_give_bytes(struct buf *b, amt_status s, void **bytes, size_t *size);

#endif

/* Arrays and their bytes: what both roles share of amaters/integer.h. */
#include "engine/api_integer.h"

#include "base/alloc.h"
#include "crypto/wire.h"
#include "integer/compress.h"
#include "os/clock.h"

_Static_assert(
	(int)AMT_INT_BOOL == INT_BOOL && (int)AMT_INT_U64 == INT_U64 && (int)AMT_INT_I64 == INT_I64,
	"the public types are the inner ones");

amt_status api_array_new(
	amt_int_array **out, const struct tfhe_params *params, const uint8_t key_id[16])
{
	*out = NULL;
	TRY(mem_zalloc(out, sizeof(**out)));
	(*out)->params = params;
	memcpy((*out)->key_id, key_id, sizeof((*out)->key_id));
	return STATUS_OK;
}

amt_status api_array_expect(
	const amt_int_array *array, const struct tfhe_params *params, const uint8_t key_id[16])
{
	ENSURE(array != NULL, AMT_INVALID_ARGUMENT, "no array");
	ENSURE(array->params == params, AMT_FOREIGN_PARAMETERS,
		"an array of parameter set %s for %s", array->params->name, params->name);
	ENSURE(memcmp(array->key_id, key_id, sizeof(array->key_id)) == 0, AMT_WRONG_KEY,
		"an array of another key");
	return STATUS_OK;
}

amt_int_type amt_int_array_type(const amt_int_array *array)
{
	return (amt_int_type)array->column.type;
}

size_t amt_int_array_count(const amt_int_array *array)
{
	return array->column.rows;
}

void amt_int_array_free(amt_int_array *array)
{
	if (array == NULL)
		return;
	int_column_free(&array->column);
	mem_free(array);
}

amt_status api_give_bytes(struct buf *b, amt_status s, void **bytes, size_t *size)
{
	if (!amt_ok(s)) {
		buf_free(b);
		return s;
	}
	*bytes = b->data;
	*size = b->size;
	return STATUS_OK;
}

amt_status amt_int_write(const amt_int_array *array, void **bytes, size_t *size)
{
	ENSURE(array != NULL && bytes != NULL && size != NULL, AMT_INVALID_ARGUMENT,
		"an array and a place for its bytes are needed");
	struct wire_header header = {
		.type = WIRE_LWE_LIST, .params = array->params->id, .created_us = clock_wall_us()};
	memcpy(header.key_id, array->key_id, sizeof(header.key_id));
	struct buf content = {0}, out = {0};
	amt_status s = int_column_put(&content, &array->column, array->params);
	if (amt_ok(s))
		s = wire_put(&out, &header, buf_span(&content));
	buf_free(&content);
	return api_give_bytes(&out, s, bytes, size);
}

amt_status amt_int_read(amt_int_array **out, const void *bytes, size_t size)
{
	ENSURE(out != NULL && bytes != NULL, AMT_INVALID_ARGUMENT, "bytes and a place are needed");
	*out = NULL;
	struct wire_header header;
	struct span content;
	bool compressed = size >= WIRE_HEADER_BYTES && wire_type_of(bytes) == WIRE_COMPRESSED_LIST;
	TRY(wire_get(span_of(bytes, size), compressed ? WIRE_COMPRESSED_LIST : WIRE_LWE_LIST,
		&header, &content));
	const struct tfhe_params *params = tfhe_params_find(header.params);
	ENSURE(params != NULL, AMT_FOREIGN_PARAMETERS, "an array of parameter set %u",
		header.params);
	amt_int_array *array;
	TRY(api_array_new(&array, params, header.key_id));
	amt_status s = compressed ? int_decompress(&array->column, content, params)
				  : int_column_get(&array->column, content, params);
	if (amt_ok(s))
		*out = array;
	else
		amt_int_array_free(array);
	return s;
}

void amt_int_bytes_free(void *bytes)
{
	mem_free(bytes);
}

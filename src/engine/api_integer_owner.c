/* The owner's part of amaters/integer.h. */
#include "base/alloc.h"
#include "engine/api_integer.h"
#include "engine/owner.h"
#include "integer/secret.h"

amt_status amt_int_evaluation_key(const amt_key *key, void **bytes, size_t *size)
{
	ENSURE(key != NULL && bytes != NULL && size != NULL, AMT_INVALID_ARGUMENT,
		"a key and a place for the bytes are needed");
	struct buf out = {0};
	amt_status s = owner_make_evaluation_key(key, NULL, NULL, &out);
	return api_give_bytes(&out, s, bytes, size);
}

amt_status amt_int_rotation_key(
	const amt_key *old_key, const amt_key *new_key, void **bytes, size_t *size)
{
	ENSURE(old_key != NULL && new_key != NULL && bytes != NULL && size != NULL,
		AMT_INVALID_ARGUMENT, "two keys and a place for the bytes are needed");
	struct buf out = {0};
	amt_status s = tfhe_rotation_key_generate(
		key_ring_tfhe(old_key->ring), key_ring_tfhe(new_key->ring), &out);
	return api_give_bytes(&out, s, bytes, size);
}

amt_status amt_int_encrypt(amt_int_array **out, const amt_key *key, amt_int_type type,
	const uint64_t *values, size_t count)
{
	ENSURE(out != NULL && key != NULL && values != NULL, AMT_INVALID_ARGUMENT,
		"a key and values are needed");
	*out = NULL;
	amt_int_array *array;
	TRY(api_array_new(&array, key->params, key_ring_id(key->ring)));
	amt_status s = int_encrypt(
		key_ring_tfhe(key->ring), &array->column, (enum int_type)type, values, count);
	if (amt_ok(s))
		*out = array;
	else
		amt_int_array_free(array);
	return s;
}

amt_status amt_int_decrypt(const amt_key *key, const amt_int_array *array, uint64_t *values)
{
	ENSURE(key != NULL && values != NULL, AMT_INVALID_ARGUMENT, "a key and values are needed");
	TRY(api_array_expect(array, key->params, key_ring_id(key->ring)));
	return int_decrypt(key_ring_tfhe(key->ring), &array->column, values);
}

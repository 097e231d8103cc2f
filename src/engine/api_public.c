/* Public keys of amaters/integer.h: making them, and writing with them. */
#include "base/alloc.h"
#include "crypto/wire.h"
#include "engine/api_integer.h"
#include "engine/owner.h"
#include "integer/compact.h"
#include "os/clock.h"

struct amt_public_key {
	struct tfhe_public_key *inner;
	char id[2 * 16 + 1];
};

amt_status amt_int_public_key(const amt_key *key, void **bytes, size_t *size)
{
	ENSURE(key != NULL && bytes != NULL && size != NULL, AMT_INVALID_ARGUMENT,
		"a key and a place for the bytes are needed");
	struct buf out = {0};
	amt_status s = tfhe_public_key_generate(key_ring_tfhe(key->ring), &out);
	return api_give_bytes(&out, s, bytes, size);
}

amt_status amt_public_key_read(amt_public_key **out, const void *bytes, size_t size)
{
	ENSURE(out != NULL && bytes != NULL, AMT_INVALID_ARGUMENT, "bytes and a place are needed");
	*out = NULL;
	amt_public_key *key;
	TRY(mem_zalloc(&key, sizeof(*key)));
	amt_status s = tfhe_public_key_get(&key->inner, span_of(bytes, size));
	if (!amt_ok(s)) {
		mem_free(key);
		return s;
	}
	for (size_t i = 0; i < 16; i++) {
		key->id[2 * i] = "0123456789abcdef"[key->inner->key_id[i] >> 4];
		key->id[2 * i + 1] = "0123456789abcdef"[key->inner->key_id[i] & 15];
	}
	*out = key;
	return STATUS_OK;
}

const char *amt_public_key_id(const amt_public_key *key)
{
	return key->id;
}

void amt_public_key_free(amt_public_key *key)
{
	if (key == NULL)
		return;
	tfhe_public_key_free(key->inner);
	mem_free(key);
}

amt_status amt_int_encrypt_public(void **bytes, size_t *size, const amt_public_key *key,
	amt_int_type type, const uint64_t *values, size_t count)
{
	ENSURE(bytes != NULL && size != NULL && key != NULL && values != NULL, AMT_INVALID_ARGUMENT,
		"a public key, values and a place are needed");
	struct wire_header header = {.type = WIRE_COMPACT_LIST,
		.params = key->inner->params->id,
		.created_us = clock_wall_us()};
	memcpy(header.key_id, key->inner->key_id, sizeof(header.key_id));
	struct buf content = {0}, out = {0};
	amt_status s =
		int_compact_encrypt(key->inner, &content, (enum int_type)type, values, count);
	if (amt_ok(s))
		s = wire_put(&out, &header, buf_span(&content));
	buf_free(&content);
	return api_give_bytes(&out, s, bytes, size);
}

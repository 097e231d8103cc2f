#include "crypto/wire.h"

#include <xxhash.h>

static const uint8_t magic[8] = "AMATERS";

enum {
	AT_VERSION = 8,
	AT_TYPE = 10,
	AT_PARAMS = 12,
	AT_FLAGS = 14,
	AT_KEY_ID = 16,
	AT_LENGTH = 32,
	AT_CONTENT_SUM = 40,
	AT_CREATED = 48,
	AT_HEADER_SUM = 56
};

static const char *type_name(unsigned type)
{
	static const char *const names[] = {"nothing", "a key file", "an evaluation key",
		"a seeded GLWE page", "a GLWE page", "an LWE list", "a payload", "an owner state",
		"a schema", "a query", "an answer", "a page of a plain column",
		"a set of BGV switching keys", "an audit trail", "a stored key",
		"an expanded evaluation key", "a public key", "a compact list", "a rotation key",
		"a compressed list"};
	return type < sizeof(names) / sizeof(names[0]) ? names[type] : "an unknown object";
}

void wire_head(uint8_t at[WIRE_HEADER_BYTES], const struct wire_header *header, struct span content)
{
	memset(at, 0, WIRE_HEADER_BYTES);
	memcpy(at, magic, sizeof(magic));
	store_u16(at + AT_VERSION, WIRE_VERSION);
	store_u16(at + AT_TYPE, header->type);
	store_u16(at + AT_PARAMS, header->params);
	memcpy(at + AT_KEY_ID, header->key_id, sizeof(header->key_id));
	store_u64(at + AT_LENGTH, content.size);
	store_u64(at + AT_CONTENT_SUM, XXH3_64bits(content.data, content.size));
	store_u64(at + AT_CREATED, header->created_us);
	store_u64(at + AT_HEADER_SUM, XXH3_64bits(at, AT_HEADER_SUM));
}

amt_status wire_put(struct buf *out, const struct wire_header *header, struct span content)
{
	uint8_t *at;
	TRY(buf_reserve(out, WIRE_HEADER_BYTES + content.size));
	TRY(buf_extend(out, WIRE_HEADER_BYTES, &at));
	wire_head(at, header, content);
	return buf_put(out, content.data, content.size);
}

amt_status wire_get(struct span in, uint16_t type, struct wire_header *header, struct span *content)
{
	ENSURE(in.size >= WIRE_HEADER_BYTES, AMT_TRUNCATED,
		"%s needs a header of %d bytes, there are %zu", type_name(type), WIRE_HEADER_BYTES,
		in.size);
	const uint8_t *at = in.data;
	ENSURE(memcmp(at, magic, sizeof(magic)) == 0, AMT_CORRUPTION,
		"this is not something amaters wrote");
	/* Magic, version and header checksum stay where they are in every version. */
	ENSURE(load_u64(at + AT_HEADER_SUM) == XXH3_64bits(at, AT_HEADER_SUM), AMT_CORRUPTION,
		"the header of %s is damaged", type_name(type));
	unsigned version = load_u16(at + AT_VERSION);
	ENSURE(version == WIRE_VERSION, AMT_UNKNOWN_VERSION,
		"format version %u, this program knows %d", version, WIRE_VERSION);
	unsigned flags = load_u16(at + AT_FLAGS);
	ENSURE(flags == 0, AMT_UNKNOWN_VERSION, "unknown flags %#x", flags);
	unsigned found = load_u16(at + AT_TYPE);
	ENSURE(found == type, AMT_TYPE_MISMATCH, "this is %s (type %u), not %s", type_name(found),
		found, type_name(type));
	uint64_t length = load_u64(at + AT_LENGTH);
	size_t there = in.size - WIRE_HEADER_BYTES;
	ENSURE(length <= there, AMT_TRUNCATED, "%s is cut: %zu of %llu bytes", type_name(type),
		there, (unsigned long long)length);
	ENSURE(length == there, AMT_CORRUPTION, "%zu bytes follow %s", (size_t)(there - length),
		type_name(type));
	ENSURE(load_u64(at + AT_CONTENT_SUM) == XXH3_64bits(at + WIRE_HEADER_BYTES, there),
		AMT_CORRUPTION, "the content of %s is damaged", type_name(type));
	header->type = type;
	header->params = load_u16(at + AT_PARAMS);
	memcpy(header->key_id, at + AT_KEY_ID, sizeof(header->key_id));
	header->created_us = load_u64(at + AT_CREATED);
	*content = span_of(at + WIRE_HEADER_BYTES, there);
	return STATUS_OK;
}

amt_status wire_expect(const struct wire_header *header, const uint8_t key_id[16], uint16_t params)
{
	ENSURE(params == 0 || header->params == params, AMT_FOREIGN_PARAMETERS,
		"%s uses parameter set %u, the key uses %u", type_name(header->type),
		header->params, params);
	ENSURE(key_id == NULL || memcmp(header->key_id, key_id, 16) == 0, AMT_WRONG_KEY,
		"%s was made under another key", type_name(header->type));
	return STATUS_OK;
}

/* Encryption of integers with a public key: the writer's side. */
#include "base/alloc.h"
#include "crypto/secret.h"
#include "integer/compact.h"
#include "tfhe/secret.h"

static amt_status put_ciphertexts(const struct tfhe_public_key *key, struct buf *out,
	enum int_type type, const uint64_t *values, size_t total, uint32_t *messages)
{
	const struct tfhe_params *p = key->params;
	size_t n = tfhe_poly_size(p), blocks = int_type_blocks(type);
	for (size_t first = 0; first < total; first += n) {
		size_t count = total - first < n ? total - first : n;
		for (size_t i = 0; i < count; i++) {
			size_t row = (first + i) / blocks, block = (first + i) % blocks;
			uint64_t digit =
				values[row * int_type_words(type) + block / INT_WORD_BLOCKS] >>
					2 * (block % INT_WORD_BLOCKS) &
				(type == INT_BOOL ? 1 : 3);
			messages[i] = (uint32_t)digit << tfhe_delta_log2(p);
		}
		uint8_t *at;
		TRY(buf_extend(out, 2 * tfhe_compact_words(p, count), &at));
		/* Heads, masks and counts are even, so words are aligned. */
		TRY(tfhe_encrypt_compact(key, (uint16_t *)(void *)at, messages, count));
	}
	return STATUS_OK;
}

amt_status int_compact_encrypt(const struct tfhe_public_key *key, struct buf *out,
	enum int_type type, const uint64_t *values, size_t rows)
{
	ENSURE((unsigned)type < INT_TYPES && rows >= 1, AMT_INVALID_ARGUMENT, "type %d, %zu values",
		(int)type, rows);
	size_t n = tfhe_poly_size(key->params), blocks = int_type_blocks(type);
	ENSURE(blocks <= 32, AMT_UNSUPPORTED, "values of at most 64 bits");
	ENSURE(rows <= SIZE_MAX / 64 / blocks, AMT_OUT_OF_MEMORY, "%zu values", rows);
	TRY(buf_put_u8(out, (uint8_t)type));
	TRY(buf_put_u8(out, (uint8_t)blocks));
	TRY(buf_put_u16(out, 0));
	TRY(buf_put_u32(out, (uint32_t)n));
	TRY(buf_put_u64(out, rows));
	uint32_t *messages;
	TRY(mem_array(&messages, n, sizeof(*messages)));
	amt_status s = put_ciphertexts(key, out, type, values, rows * blocks, messages);
	secret_wipe(messages, n * sizeof(*messages));
	mem_free(messages);
	return s;
}

/* Encryption and decryption of columns, block by block. */
#include "integer/secret.h"

#include "integer/internal.h"

#include "base/alloc.h"
#include "tfhe/noise.h"

#include <math.h>

amt_status int_encrypt(const struct tfhe_secret *s, struct int_column *out, enum int_type type,
	const uint64_t *values, size_t rows)
{
	out->blocks = 0;
	ENSURE((unsigned)type < INT_TYPES, AMT_INVALID_ARGUMENT, "type %d", (int)type);
	const struct tfhe_params *p = tfhe_secret_params(s);
	TRY(int_column_alloc(out, p, type, int_type_blocks(type), rows));
	unsigned words = tfhe_lwe_words(p), words_of = int_type_words(type);
	/* 1 for every set of 128 bits: fresh noise is far below that of a bootstrap. */
	unsigned units = (unsigned)fmax(1, ceil(tfhe_noise_fresh(p) / tfhe_noise_bootstrap(p)));
	for (unsigned b = 0; b < out->blocks; b++) {
		struct int_block *block = &out->block[b];
		for (size_t r = 0; r < rows; r++) {
			uint64_t word = values[r * words_of + b / INT_WORD_BLOCKS];
			uint32_t digit = (uint32_t)(word >> 2 * (b % INT_WORD_BLOCKS)) &
					 (type == INT_BOOL ? 1 : 3);
			uint32_t *lwe = block->lwe + r * out->stride;
			memset(lwe + words, 0, (out->stride - words) * sizeof(*lwe));
			amt_status st = tfhe_encrypt_lwe(s, lwe, digit << tfhe_delta_log2(p));
			if (!amt_ok(st)) {
				int_column_free(out);
				return st;
			}
		}
		block->hi = type == INT_BOOL ? 1 : 3;
		int_set_source(block, int_content(block, rows, words, out->stride), units);
	}
	return STATUS_OK;
}

/* Digits are added with their weight, so blocks with carries or -1 decrypt right too. No branch or
 * index depends on a phase. */
amt_status int_decrypt(
	const struct tfhe_secret *s, const struct int_column *column, uint64_t *values)
{
	const struct tfhe_params *p = tfhe_secret_params(s);
	typedef unsigned __int128 wide;
	unsigned unused = 128 - 2 * column->blocks, words = int_type_words(column->type);
	wide mask = ~(wide)0 >> unused;
	wide sign = int_type_signed(column->type) ? mask ^ (mask >> 1) : 0;
	for (size_t r = 0; r < column->rows; r++) {
		wide value = 0;
		for (unsigned b = 0; b < column->blocks; b++) {
			uint32_t phase;
			TRY(tfhe_phase_lwe(s, &phase, column->block[b].lwe + r * column->stride));
			uint64_t digit = tfhe_decode(p, phase) & 31;
			digit = (digit ^ 16) - 16;
			value += (wide)(__int128)(int64_t)digit << 2 * b;
		}
		value &= mask;
		value = (value ^ sign) - sign;
		for (unsigned i = 0; i < words; i++, value >>= 64)
			values[r * words + i] = (uint64_t)value;
	}
	return STATUS_OK;
}

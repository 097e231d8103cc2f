/* Columns as bytes: the content of WIRE_LWE_LIST. Ranges and sources travel with the ciphertexts,
 * so that what is known of noise and of equal ciphertexts outlives a program.
 *
 *	OFFSET SIZE
 *	0      1    type (enum int_type)
 *	1      1    blocks, 1 to 64
 *	2      2    0
 *	4      4    words of a big LWE, kN + 1
 *	8      8    rows, at least 1
 *	16     -    for each block:
 *	            1  lowest digit (signed; -1 in the lowest block at least, else 0)
 *	            1  highest digit, at most 3 (bool: 1)
 *	            2  number of sources, at most 64; 0: trivial
 *	            for each source, ids all different:
 *	            8  id
 *	            4  weight (signed), not 0
 *	            2  noise units of the source, at least 1
 *	            2  flags: 1 broadcast over the rows
 *	-      -    words, block-major: for each block for each row a big LWE
 */
#include "integer/internal.h"

enum {
	HEAD_BYTES = 16,
	BLOCK_BYTES = 4,
	SOURCE_BYTES = 16,
	FLAG_SHARED = 1,
	WEIGHT_LIMIT = 1 << 14
};

amt_status int_column_put(
	struct buf *out, const struct int_column *column, const struct tfhe_params *params)
{
	unsigned words = tfhe_lwe_words(params);
	TRY(buf_put_u8(out, (uint8_t)column->type));
	TRY(buf_put_u8(out, (uint8_t)column->blocks));
	TRY(buf_put_u16(out, 0));
	TRY(buf_put_u32(out, words));
	TRY(buf_put_u64(out, column->rows));
	for (unsigned b = 0; b < column->blocks; b++) {
		const struct int_block *block = &column->block[b];
		TRY(buf_put_u8(out, (uint8_t)block->lo));
		TRY(buf_put_u8(out, (uint8_t)block->hi));
		TRY(buf_put_u16(out, (uint16_t)block->sources));
		for (unsigned s = 0; s < block->sources; s++) {
			const struct int_source *source = &block->source[s];
			TRY(buf_put_u64(out, source->id));
			TRY(buf_put_u32(out, (uint32_t)source->weight));
			TRY(buf_put_u16(out, source->units));
			TRY(buf_put_u16(out, source->shared ? FLAG_SHARED : 0));
		}
	}
	TRY(buf_reserve(out, column->blocks * column->rows * words * sizeof(uint32_t)));
	for (unsigned b = 0; b < column->blocks; b++)
		for (size_t r = 0; r < column->rows; r++)
			TRY(buf_put(out, column->block[b].lwe + r * column->stride,
				words * sizeof(uint32_t)));
	return STATUS_OK;
}

static amt_status get_source(struct reader *in, struct int_block *block, unsigned number)
{
	struct int_source *source = &block->source[number];
	uint32_t weight;
	uint16_t flags;
	TRY(read_u64(in, &source->id));
	TRY(read_u32(in, &weight));
	TRY(read_u16(in, &source->units));
	TRY(read_u16(in, &flags));
	source->weight = (int32_t)weight;
	source->shared = (flags & FLAG_SHARED) != 0;
	ENSURE(source->weight != 0 && source->weight > -WEIGHT_LIMIT &&
			source->weight < WEIGHT_LIMIT && source->units > 0 && flags <= FLAG_SHARED,
		AMT_CORRUPTION, "LWE list: a source of weight %d and %u units", source->weight,
		source->units);
	for (unsigned s = 0; s < number; s++)
		ENSURE(block->source[s].id != source->id, AMT_CORRUPTION,
			"LWE list: a source named twice");
	return STATUS_OK;
}

static amt_status get_block(struct reader *in, struct int_column *column, unsigned number,
	const struct tfhe_params *params)
{
	struct int_block *block = &column->block[number];
	uint8_t lo, hi;
	uint16_t sources;
	TRY(read_u8(in, &lo));
	TRY(read_u8(in, &hi));
	TRY(read_u16(in, &sources));
	block->lo = ((int32_t)lo ^ 128) - 128; /* two's complement */
	block->hi = ((int32_t)hi ^ 128) - 128;
	ENSURE(block->lo >= (number == 0 ? -1 : 0) && block->lo <= block->hi &&
			block->hi <= (column->type == INT_BOOL ? 1 : 3),
		AMT_CORRUPTION, "LWE list: digits in [%d, %d]", block->lo, block->hi);
	ENSURE(sources <= INT_MAX_SOURCES, AMT_CORRUPTION, "LWE list: %u sources", sources);
	for (unsigned s = 0; s < sources; s++)
		TRY(get_source(in, block, s));
	block->sources = sources;
	ENSURE(int_noise(block) <= params->max_noise, AMT_CORRUPTION,
		"LWE list: %llu units of noise", (unsigned long long)int_noise(block));
	return STATUS_OK;
}

/* A block said to be trivial has no mask: its noise would go unnoticed. */
static amt_status check_trivial(
	const struct int_block *block, const struct int_column *column, unsigned mask_words)
{
	for (size_t r = 0; r < column->rows; r++)
		for (unsigned i = 0; i < mask_words; i++)
			ENSURE(block->lwe[r * column->stride + i] == 0, AMT_CORRUPTION,
				"LWE list: a trivial ciphertext with a mask");
	return STATUS_OK;
}

amt_status int_column_get(
	struct int_column *out, struct span content, const struct tfhe_params *params)
{
	struct reader in = reader_of(content, "LWE list");
	unsigned words = tfhe_lwe_words(params);
	uint8_t type, blocks;
	uint16_t zero;
	uint32_t their_words;
	uint64_t rows;
	out->blocks = 0;
	TRY(read_u8(&in, &type));
	TRY(read_u8(&in, &blocks));
	TRY(read_u16(&in, &zero));
	TRY(read_u32(&in, &their_words));
	TRY(read_u64(&in, &rows));
	ENSURE(type < INT_TYPES && blocks >= 1 && blocks <= int_type_most_blocks(type) && zero == 0,
		AMT_CORRUPTION, "LWE list: type %u, %u blocks", type, blocks);
	ENSURE(type != INT_BOOL || blocks == 1, AMT_CORRUPTION, "LWE list: a bool of %u blocks",
		blocks);
	ENSURE(their_words == words, AMT_FOREIGN_PARAMETERS, "LWE list: %u words for %u",
		their_words, words);
	/* What is left bounds the rows before anything is allocated for them. */
	ENSURE(rows >= 1 && rows <= reader_left(&in) / (blocks * words * sizeof(uint32_t)),
		AMT_TRUNCATED, "LWE list: %llu rows in %zu bytes", (unsigned long long)rows,
		reader_left(&in));
	struct int_column column;
	TRY(int_column_alloc(&column, params, (enum int_type)type, blocks, (size_t)rows));
	amt_status s;
	for (unsigned b = 0; b < blocks; b++)
		TRY_GOTO(s, get_block(&in, &column, b, params), fail);
	for (unsigned b = 0; b < blocks; b++) {
		struct int_block *block = &column.block[b];
		for (size_t r = 0; r < rows; r++) {
			uint32_t *lwe = block->lwe + r * column.stride;
			TRY_GOTO(s, read_copy(&in, lwe, words * sizeof(*lwe)), fail);
			memset(lwe + words, 0, (column.stride - words) * sizeof(*lwe));
		}
		if (block->sources == 0)
			TRY_GOTO(s, check_trivial(block, &column, words - 1), fail);
	}
	TRY_GOTO(s, read_end(&in), fail);
	*out = column;
	return STATUS_OK;
fail:
	int_column_free(&column);
	return s;
}

#include "tfhe/compress.h"

#include "tfhe/noise.h"

double tfhe_compress_units(const struct tfhe_params *p, unsigned log2)
{
	return 1 + (tfhe_noise_pack(p) + tfhe_noise_compress(p, log2)) / tfhe_noise_bootstrap(p);
}

unsigned tfhe_compress_log2(const struct tfhe_params *p)
{
	unsigned log2 = TFHE_COMPRESS_LEAST;
	while (log2 < TFHE_COMPRESS_MOST && tfhe_compress_units(p, log2) > p->max_noise)
		log2++;
	return log2;
}

static size_t packed_bytes(size_t words, unsigned log2)
{
	return (words * log2 + 7) / 8;
}

size_t tfhe_compressed_bytes(const struct tfhe_params *p, unsigned log2, size_t count)
{
	return packed_bytes(tfhe_big_dimension(p), log2) + packed_bytes(count, log2);
}

/* Each word rounded to its upper log2 bits. */
static void put_bits(uint8_t *out, const uint32_t *words, size_t count, unsigned log2)
{
	uint32_t half = 1u << (31 - log2);
	uint64_t held = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < count; i++) {
		held |= (uint64_t)((words[i] + half) >> (32 - log2)) << bits;
		for (bits += log2; bits >= 8; bits -= 8, held >>= 8)
			*out++ = (uint8_t)held;
	}
	if (bits > 0)
		*out = (uint8_t)held;
}

static void get_bits(uint32_t *words, const uint8_t *in, size_t count, unsigned log2)
{
	uint64_t held = 0;
	unsigned bits = 0;
	for (size_t i = 0; i < count; i++) {
		for (; bits < log2; bits += 8)
			held |= (uint64_t)*in++ << bits;
		words[i] = (uint32_t)(held << 32 >> log2); /* the low log2 bits, at the top */
		held >>= log2;
		bits -= log2;
	}
}

/* Rounding error of a word, as a torus element. */
static int64_t error_of(uint32_t word, unsigned log2)
{
	uint32_t half = 1u << (31 - log2);
	return (int64_t)half - (int64_t)((word + half) & (2 * half - 1));
}

void tfhe_compress(const struct tfhe_params *p, unsigned log2, const uint32_t *glwe, size_t count,
	uint32_t *spare, uint8_t *out)
{
	size_t n = tfhe_poly_size(p), masks = tfhe_big_dimension(p);
	const uint32_t *body = glwe + masks;
	/* Coefficient j of e (1 + X + ...): errors up to j count plus, those after it minus. */
	int64_t sum = 0;
	for (size_t i = 0; i < masks; i++)
		sum -= error_of(glwe[i], log2);
	for (size_t j = 0; j < count; j++) {
		for (unsigned k = 0; k < p->k; k++)
			sum += 2 * error_of(glwe[k * n + j], log2);
		spare[j] = body[j] + (uint32_t)(sum >> 1);
	}
	put_bits(out, glwe, masks, log2);
	put_bits(out + packed_bytes(masks, log2), spare, count, log2);
}

void tfhe_decompress(const struct tfhe_params *p, unsigned log2, const uint8_t *bytes, size_t count,
	uint32_t *glwe)
{
	size_t n = tfhe_poly_size(p), masks = tfhe_big_dimension(p);
	get_bits(glwe, bytes, masks, log2);
	get_bits(glwe + masks, bytes + packed_bytes(masks, log2), count, log2);
	memset(glwe + masks + count, 0, (n - count) * sizeof(*glwe));
}

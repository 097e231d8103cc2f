/* The key switch as a product of matrices of bytes, written once: included by kernel_avx2.c and
 * kernel_avx512.c, which give the inner product (`multiply_tile`).
 *
 * out = (0, b) - digits x key modulo 2^32, with digits of a few bits and key words cut into
 * bytes (all four, or the upper three of sets that keep 24 bits): each byte plane is a product of unsigned key bytes and signed digits in 32-bit sums (at
 * most kN levels 255 B/2, which tfhe_keyswitch_key_alloc's limits keep below 2^31), and the planes
 * are added up under their shifts.
 *
 * The rows of 64 coefficients make a *slab*, rows [level][coefficient] in it, taken four by four: a
 * *quad*. 16 columns make a *tile*. The key is [slab][tile][quad][plane][column][row of the quad],
 * so that a dot product of four bytes has its operands side by side and one pass over the key,
 * whatever the batch, reads memory in order.
 */
#include "tfhe/kernel_inside.h"

#include <string.h>

enum { SLAB = 64, TILE = 16 };

INLINE size_t quad_bytes(unsigned planes)
{
	return (size_t)planes * 4 * TILE;
}

/* How to multiply, decided once a key switch and handed to multiply_tile. */
static unsigned multiply_variant(const struct tfhe_params *p);

/* sums[c][16 columns] += the products of `quads` quads of one tile with the digits of `count` <=
 * TFHE_BATCH ciphertexts, `stride` words and `digit_stride` bytes apart. `next` is the memory that
 * will be needed next, as long as this tile. */
static void multiply_tile(uint32_t *sums, size_t stride, const uint8_t *tile, const int8_t *digits,
	size_t digit_stride, size_t quads, size_t count, unsigned variant, unsigned planes,
	const uint8_t *next);

/* The highest ones. */
static unsigned planes_of(const struct tfhe_params *p)
{
	return tfhe_ks_word_log2(p) / 8;
}

static size_t tiles_of(const struct tfhe_params *p)
{
	return (p->n + TILE) / TILE;
}

static size_t quads_of(const struct tfhe_params *p)
{
	return SLAB / 4 * p->ks_levels;
}

static size_t keyswitch_bytes(const struct tfhe_params *p)
{
	return tfhe_big_dimension(p) / SLAB * tiles_of(p) * quads_of(p) * quad_bytes(planes_of(p));
}

static void keyswitch_set(
	struct tfhe_keyswitch_key *key, unsigned coefficient, unsigned level, const uint32_t *lwe)
{
	const struct tfhe_params *p = key->params;
	size_t row = level * SLAB + coefficient % SLAB;
	size_t quads = quads_of(p), tiles = tiles_of(p);
	unsigned planes = planes_of(p);
	size_t bytes = quad_bytes(planes);
	uint8_t *slab = (uint8_t *)key->data + coefficient / SLAB * tiles * quads * bytes;
	for (size_t column = 0; column < tiles * TILE; column++) {
		uint32_t word = column <= p->n ? keyswitch_word(p, lwe[column]) : 0;
		uint8_t *quad = slab + (column / TILE * quads + row / 4) * bytes;
		for (unsigned plane = 0; plane < planes; plane++)
			quad[(plane * TILE + column % TILE) * 4 + row % 4] =
				(uint8_t)(word >> 8 * (4 - planes + plane));
	}
}

static size_t keyswitch_scratch(const struct tfhe_keyswitch_key *key, size_t batch)
{
	const struct tfhe_params *p = key->params;
	size_t digits = (size_t)tfhe_big_dimension(p) * p->ks_levels;
	return batch * (tiles_of(p) * TILE * sizeof(uint32_t) + digits);
}

/* The digits of one ciphertext in the order of the key's rows. */
static void keyswitch_digits(
	const struct tfhe_params *p, int8_t *restrict digits, const uint32_t *restrict in)
{
	struct decomposition d = decomposition_of(p->ks_base_log2, p->ks_levels);
	for (size_t slab = 0; slab < tfhe_big_dimension(p); slab += SLAB, in += SLAB) {
		uint32_t x[SLAB], flip[SLAB];
		for (unsigned c = 0; c < SLAB; c++) {
			flip[c] = decomposition_flip(&d, in[c]);
			x[c] = ((in[c] ^ flip[c]) - flip[c]) + d.offset;
		}
		for (unsigned level = 0; level < d.levels; level++)
			for (unsigned c = 0; c < SLAB; c++) {
				uint32_t digit = (uint32_t)decomposition_digit(&d, x[c], level);
				*digits++ = (int8_t)((digit ^ flip[c]) - flip[c]);
			}
	}
}

static void keyswitch(const struct tfhe_keyswitch_key *key, uint32_t *out,
	const uint32_t *const *in, const uint32_t *offsets, size_t batch, unsigned part,
	unsigned parts, void *scratch)
{
	const struct tfhe_params *p = key->params;
	size_t dimension = tfhe_big_dimension(p), words = p->n + 1, tiles = tiles_of(p);
	size_t quads = quads_of(p), rows = dimension * p->ks_levels;
	size_t first = part * tiles / parts, end = (part + 1) * tiles / parts;
	uint32_t *sums = scratch;
	int8_t *digits = (int8_t *)(sums + batch * tiles * TILE);
	memset(sums, 0, batch * tiles * TILE * sizeof(*sums));
	for (size_t b = 0; b < batch; b++)
		keyswitch_digits(p, digits + b * rows, in[b]);
	unsigned variant = multiply_variant(p), planes = planes_of(p);
	size_t tile_bytes = quads * quad_bytes(planes), slabs = dimension / SLAB;
	for (size_t slab = 0; slab < slabs; slab++) {
		const uint8_t *tile =
			(const uint8_t *)key->data + (slab * tiles + first) * tile_bytes;
		for (size_t t = first; t < end; t++, tile += tile_bytes) {
			const uint8_t *next = tile + tile_bytes;
			if (t + 1 == end)
				next += slab + 1 < slabs ? (tiles - end + first) * tile_bytes
							 : 0 - tile_bytes;
			multiply_tile(sums + t * TILE, tiles * TILE, tile,
				digits + slab * quads * 4, rows, quads, batch, variant, planes,
				next);
		}
	}
	size_t last = end * TILE < words ? end * TILE : words;
	for (size_t b = 0; b < batch; b++) {
		const uint32_t *sum = sums + b * tiles * TILE;
		for (size_t j = first * TILE; j < last; j++)
			out[b * words + j] = -sum[j];
		if (last == words)
			out[b * words + p->n] += in[b][dimension] + offsets[b];
	}
}

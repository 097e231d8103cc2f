/* The primes of B14 in smaller dimensions, and those of B15 in one between: without any security, pages of
 * about 1,000 to 4,000 rows.
 * Linked into tests and fuzz targets only: this definition replaces the library's weak one. */
#include "bgv/bgv.h"

#include "toy_rings.h"

#define PRIMES                                                                               \
	{                                                                                    \
		0xff00ff0001, 0xf080f08001, 0xea00ea0001, 0xe880e88001, 0xe280e28001,        \
			0x3980398001, 0x1c801c8001, 0x1b801b8001, 0x1700170001, 0x1680168001 \
	}

#define WIDE_PRIMES                                                                                \
	{                                                                                          \
		0x29c029c0001, 0x29702970001, 0x27602760001, 0x26a026a0001, 0x24f024f0001,         \
			0x24e024e0001, 0x24802480001, 0x24502450001, 0x24302430001, 0x23a023a0001, \
			0x22702270001, 0x22202220001, 0x21f021f0001, 0x1e001e00001, 0x1d101d10001, \
			0x1cb01cb0001, 0x1be01be0001, 0x1bc01bc0001, 0x1af01af0001, 0x18c018c0001  \
	}

static const struct bgv_params toys[] = {
	{.id = TOY_RING_10,
		.name = "TOY-10",
		.log2n = 10,
		.limbs = 10,
		.q = PRIMES,
		.p = 0x3ff83ff80001,
		.residue_bytes = 5},
	{.id = TOY_RING_11,
		.name = "TOY-11",
		.log2n = 11,
		.limbs = 20,
		.q = WIDE_PRIMES,
		.p = 0x3ff83ff80001,
		.residue_bytes = 6},
	{.id = TOY_RING_12,
		.name = "TOY-12",
		.log2n = 12,
		.limbs = 10,
		.q = PRIMES,
		.p = 0x3ff83ff80001,
		.residue_bytes = 5},
};

const struct bgv_params *bgv_params_toy(size_t index)
{
	return index < sizeof(toys) / sizeof(toys[0]) ? &toys[index] : NULL;
}

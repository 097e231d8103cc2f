/* The primes of B14 in smaller dimensions: without any security, pages of about 1,000 and 4,000 rows.
 * Linked into tests and fuzz targets only: this definition replaces the library's weak one. */
#include "bgv/bgv.h"

#include "toy_rings.h"

#define PRIMES                                                                               \
	{                                                                                    \
		0xff00ff0001, 0xf080f08001, 0xea00ea0001, 0xe880e88001, 0xe280e28001,        \
			0x3980398001, 0x1c801c8001, 0x1b801b8001, 0x1700170001, 0x1680168001 \
	}

static const struct bgv_params toys[] = {
	{.id = TOY_RING_10,
		.name = "TOY-10",
		.log2n = 10,
		.limbs = 10,
		.q = PRIMES,
		.p = 0x3ff83ff80001},
	{.id = TOY_RING_12,
		.name = "TOY-12",
		.log2n = 12,
		.limbs = 10,
		.q = PRIMES,
		.p = 0x3ff83ff80001},
};

const struct bgv_params *bgv_params_toy(size_t index)
{
	return index < sizeof(toys) / sizeof(toys[0]) ? &toys[index] : NULL;
}

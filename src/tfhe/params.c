#include "tfhe/params.h"

#define TUNIFORM(bound)                                       \
	{                                                     \
		.kind = NOISE_TUNIFORM, .bound_log2 = (bound) \
	}
#define GAUSSIAN(deviation)                                  \
	{                                                    \
		.kind = NOISE_GAUSSIAN, .sigma = (deviation) \
	}

/* docs/parameters.md shows what tfhe/noise.c computes from these. T2 is the default: TUniform noise
 * is sampled in constant time by construction, 150 units of noise leave room for every circuit of
 * the integer layer, and 879 steps make the cheapest blind rotation of the sets with both. T1 does
 * the same with a smaller key-switch key. M3 is T2 with grouped keys: three key bits a step, 293
 * steps, for which it pays with memory. The other two are published by TFHE-rs; they are here to
 * compare with. */
static const struct tfhe_params sets[] = {
	{.id = 1,
		.name = "T1",
		.n = 918,
		.k = 1,
		.n_poly_log2 = 11,
		.lwe_noise = TUNIFORM(45),
		.glwe_noise = TUNIFORM(17),
		.pbs_base_log2 = 23,
		.pbs_levels = 1,
		.ks_base_log2 = 3,
		.ks_levels = 6,
		.precision_log2 = 4,
		.max_noise = 150},
	{.id = TFHE_DEFAULT_PARAMS,
		.name = "T2",
		.n = 879,
		.k = 1,
		.n_poly_log2 = 11,
		.lwe_noise = TUNIFORM(46),
		.glwe_noise = TUNIFORM(17),
		.pbs_base_log2 = 23,
		.pbs_levels = 1,
		.ks_base_log2 = 2,
		.ks_levels = 8,
		.precision_log2 = 4,
		.max_noise = 150},
	{.id = 5,
		.name = "M3",
		.n = 879,
		.group = 3,
		.k = 1,
		.n_poly_log2 = 11,
		.lwe_noise = TUNIFORM(46),
		.glwe_noise = TUNIFORM(17),
		.pbs_base_log2 = 22,
		.pbs_levels = 1,
		.ks_base_log2 = 2,
		.ks_levels = 8,
		.ks_word_log2 = 24,
		.precision_log2 = 4,
		.max_noise = 150},
	{.id = 3,
		.name = "TFHE-RS-TU-918",
		.n = 918,
		.k = 1,
		.n_poly_log2 = 11,
		.lwe_noise = TUNIFORM(45),
		.glwe_noise = TUNIFORM(17),
		.pbs_base_log2 = 23,
		.pbs_levels = 1,
		.ks_base_log2 = 4,
		.ks_levels = 4,
		.precision_log2 = 4,
		.max_noise = 25},
	{.id = 4,
		.name = "TFHE-RS-G-866",
		.n = 866,
		.k = 1,
		.n_poly_log2 = 11,
		.lwe_noise = GAUSSIAN(2.046151696979124e-6),
		.glwe_noise = GAUSSIAN(2.845267479601915e-15),
		.pbs_base_log2 = 23,
		.pbs_levels = 1,
		.ks_base_log2 = 3,
		.ks_levels = 5,
		.precision_log2 = 4,
		.max_noise = 25},
};

/* Replaced by the linker in programs that bring toy sets (tests/tfhe/toy_params.c); the product
 * knows none. */
__attribute__((weak)) const struct tfhe_params *tfhe_params_find_toy(uint16_t id)
{
	(void)id;
	return NULL;
}

const struct tfhe_params *tfhe_params_at(size_t index)
{
	return index < sizeof(sets) / sizeof(sets[0]) ? &sets[index] : NULL;
}

const struct tfhe_params *tfhe_params_find(uint16_t id)
{
	for (size_t i = 0; tfhe_params_at(i) != NULL; i++)
		if (sets[i].id == id)
			return &sets[i];
	return tfhe_params_find_toy(id);
}

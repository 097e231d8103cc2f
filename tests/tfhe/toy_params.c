/* Parameter sets without any security, small enough for thousands of bootstraps a second. Linked
 * into tests and fuzz targets only: this definition replaces the library's weak one. */
#include "toy_params.h"

static const struct tfhe_params toys[] = {
	{.id = TOY_PARAMS,
		.name = "TOY-14",
		.n = 14,
		.k = 1,
		.n_poly_log2 = 8,
		.lwe_noise = {.kind = NOISE_TUNIFORM, .bound_log2 = 42},
		.glwe_noise = {.kind = NOISE_TUNIFORM, .bound_log2 = 17},
		.pbs_base_log2 = 23,
		.pbs_levels = 1,
		.ks_base_log2 = 2,
		.ks_levels = 8,
		.precision_log2 = 4,
		.max_noise = 150,
		.toy = true},
	/* Gaussian noise, two levels, another key-switch base, n beyond a vector. */
	{.id = TOY_PARAMS_GAUSSIAN,
		.name = "TOY-G-37",
		.n = 37,
		.k = 1,
		.n_poly_log2 = 9,
		.lwe_noise = {.kind = NOISE_GAUSSIAN, .sigma = 2.5e-7},
		.glwe_noise = {.kind = NOISE_GAUSSIAN, .sigma = 2.845267479601915e-15},
		.pbs_base_log2 = 12,
		.pbs_levels = 2,
		.ks_base_log2 = 4,
		.ks_levels = 4,
		.precision_log2 = 4,
		.max_noise = 150,
		.toy = true},
	/* Grouped keys, an odd number of steps. */
	{.id = TOY_PARAMS_GROUPED,
		.name = "TOY-M-15",
		.n = 15,
		.group = 3,
		.k = 1,
		.n_poly_log2 = 8,
		.lwe_noise = {.kind = NOISE_TUNIFORM, .bound_log2 = 42},
		.glwe_noise = {.kind = NOISE_TUNIFORM, .bound_log2 = 17},
		.pbs_base_log2 = 22,
		.pbs_levels = 1,
		.ks_base_log2 = 2,
		.ks_levels = 8,
		.ks_word_log2 = 24,
		.precision_log2 = 4,
		.max_noise = 150,
		.toy = true},
};

const struct tfhe_params *tfhe_params_find_toy(uint16_t id)
{
	for (size_t i = 0; i < sizeof(toys) / sizeof(toys[0]); i++)
		if (toys[i].id == id)
			return &toys[i];
	return NULL;
}

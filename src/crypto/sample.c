#include "crypto/sample.h"

#include "crypto/gaussian_table.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#include <openssl/evp.h>
#include <string.h>

/* Constant time: all loops run to public bounds, tables are read from end to end, and choices are
 * made by arithmetic on carries. The only floating-point work is on sigma, which is public.
 *
 * Gaussian. Micciancio and Walter, "Gaussian Sampling over the Integers: Efficient, Generic,
 * Constant-Time" (CRYPTO 2017): if x and y are discrete Gaussians of deviation s, then x + k y is
 * within about 4 epsilon of a discrete Gaussian of deviation s sqrt(1 + k^2) as long as
 * s^2 >= eta s sqrt(1 + k^2), eta = 1.687 being the smoothing parameter of the integers for
 * epsilon = 2^-80 (as a standard deviation). Three such steps take eight samples of the base
 * table from deviation 13.5 to WIDE_SIGMA:
 *	13.5    k =    7 -> 95.459		(allowed: up to 108.1)
 *	95.459  k =   56 -> 5346.58		(5403.2)
 *	5346.58 k = 3168 -> 16937964.7		(16949687.3)
 * DITHER_BITS uniform bits are put below that integer, which makes it a staircase density whose
 * steps are 2^-24 of a deviation (relative error of the density t 2^-25 at t deviations), and the
 * result is scaled to sigma and rounded once. The base table is exact to 2^-63 and ends at 9.1
 * deviations, so a sample is within 2^-53 (statistical distance) of the staircase.
 */
enum { STEP_1 = 7, STEP_2 = 56, STEP_3 = 3168 };
enum { BASE_SAMPLES = 8, GROUP = 32, WORDS = BASE_SAMPLES * GROUP, DITHER_BITS = 24 };
/* The root of 13.5^2 (1 + 7^2) (1 + 56^2) (1 + 3168^2). */
static const double wide_sigma = 16937964.744334323;

static const double two_64 = 18446744073709551616.0;

static amt_status sample_tuniform(unsigned bound_log2, uint64_t *out, size_t count)
{
	ENSURE(bound_log2 <= 62, AMT_INVALID_ARGUMENT, "TUniform bound 2^%u", bound_log2);
	TRY(random_bytes(out, count * sizeof(*out)));
	uint64_t mask = UINT64_MAX >> (62 - bound_log2);
	for (size_t i = 0; i < count; i++) {
		uint64_t r = out[i] & mask;
		out[i] = (r >> 1) + (r & 1) - (1ull << bound_log2);
	}
	return STATUS_OK;
}

/* x * factor / 2^shift, rounded to nearest: how a wide sample becomes a torus word. */
struct scale {
	uint64_t factor;
	unsigned shift;
};

static amt_status scale_for(struct scale *out, double sigma)
{
	ENSURE(sigma * two_64 >= 1 && sigma <= 0.25, AMT_INVALID_ARGUMENT,
		"Gaussian deviation %g is outside 2^-64 to 2^-2", sigma);
	double factor = sigma * two_64 / (wide_sigma * (1 << DITHER_BITS));
	unsigned shift = 0;
	for (; factor < (double)(1ull << 60); shift++)
		factor *= 2;
	*out = (struct scale){(uint64_t)factor, shift};
	return STATUS_OK;
}

/* Replaces uniform words by discrete Gaussians of deviation 13.5. */
static void base_gaussian(uint64_t *words)
{
	uint64_t magnitude[WORDS] = {0};
	for (size_t i = 0; i < GAUSSIAN_ENTRIES; i++) {
		uint64_t below = gaussian_cumulative[i] - 1;
		/* Both sides are below 2^63, so the carry says whether r >= entry. */
		for (size_t j = 0; j < WORDS; j++)
			magnitude[j] += (below - (words[j] >> 1)) >> 63;
	}
	for (size_t j = 0; j < WORDS; j++) {
		uint64_t sign = -(words[j] & 1);
		words[j] = (magnitude[j] ^ sign) - sign;
	}
	secret_wipe(magnitude, sizeof(magnitude));
}

/* Folds the second half of the words onto the first: x + k y. */
static void convolve(uint64_t *words, size_t half, uint64_t k)
{
	for (size_t j = 0; j < half; j++)
		words[j] += k * words[half + j];
}

static uint64_t scaled(uint64_t wide, uint32_t dither, struct scale s)
{
	/* The middle of the step is at one half, which makes the mean zero. */
	int64_t x = (int64_t)(wide << (DITHER_BITS + 1)) +
		    (int64_t)(2 * (dither >> (32 - DITHER_BITS)) + 1) - (1 << DITHER_BITS);
	__int128 product = (__int128)x * (__int128)s.factor;
	return (uint64_t)((product + ((__int128)1 << s.shift)) >> (s.shift + 1));
}

static amt_status sample_gaussian(double sigma, uint64_t *out, size_t count)
{
	if (sigma == 0) {
		for (size_t i = 0; i < count; i++)
			out[i] = 0;
		return STATUS_OK;
	}
	struct scale scale;
	TRY(scale_for(&scale, sigma));
	uint64_t words[WORDS];
	uint32_t dither[GROUP];
	amt_status st = STATUS_OK;
	for (size_t i = 0; i < count; i += GROUP) {
		TRY_GOTO(st, random_bytes(words, sizeof(words)), end);
		TRY_GOTO(st, random_bytes(dither, sizeof(dither)), end);
		base_gaussian(words);
		convolve(words, WORDS / 2, STEP_1);
		convolve(words, WORDS / 4, STEP_2);
		convolve(words, WORDS / 8, STEP_3);
		size_t some = count - i < GROUP ? count - i : GROUP;
		for (size_t j = 0; j < some; j++)
			out[i + j] = scaled(words[j], dither[j], scale);
	}
end:
	secret_wipe(words, sizeof(words));
	secret_wipe(dither, sizeof(dither));
	return st;
}

amt_status sample_noise(const struct noise_distribution *d, uint64_t *out, size_t count)
{
	if (d->kind == NOISE_GAUSSIAN)
		return sample_gaussian(d->sigma, out, count);
	return sample_tuniform(d->bound_log2, out, count);
}

amt_status sample_binary(uint8_t *out, size_t count)
{
	uint8_t bytes[64];
	amt_status st = STATUS_OK;
	for (size_t i = 0; i < count && amt_ok(st); i += 8 * sizeof(bytes)) {
		size_t some = count - i < 8 * sizeof(bytes) ? count - i : 8 * sizeof(bytes);
		st = random_bytes(bytes, (some + 7) / 8);
		for (size_t j = 0; j < some && amt_ok(st); j++)
			out[i + j] = bytes[j / 8] >> (j % 8) & 1;
	}
	secret_wipe(bytes, sizeof(bytes));
	return st;
}

static int8_t ternary(const uint64_t word[2])
{
	unsigned __int128 low = (unsigned __int128)word[0] * 3,
			  high = (unsigned __int128)word[1] * 3;
	return (int8_t)((int8_t)((high + (low >> 64)) >> 64) - 1);
}

amt_status sample_ternary(const uint8_t seed[TERNARY_SEED_BYTES], int8_t *out, size_t count)
{
	enum { SOME = 64 };
	static const uint8_t counter[16];
	uint64_t words[SOME][2];
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	int made = 0;
	bool good = cipher != NULL &&
		    EVP_EncryptInit_ex(cipher, EVP_aes_256_ctr(), NULL, seed, counter) == 1;
	for (size_t i = 0; i < count && good; i += SOME) {
		size_t some = count - i < SOME ? count - i : SOME;
		memset(words, 0, sizeof(words));
		good = EVP_EncryptUpdate(cipher, (uint8_t *)words, &made, (uint8_t *)words,
			       sizeof(words)) == 1;
		for (size_t j = 0; j < some; j++)
			out[i + j] = ternary(words[j]);
	}
	secret_wipe(words, sizeof(words));
	EVP_CIPHER_CTX_free(cipher);
	ENSURE(good, AMT_OUT_OF_MEMORY, "libcrypto has no memory for AES-256-CTR");
	return STATUS_OK;
}

/* Samplers against the exact distributions. Every statistical bound is at least six deviations
 * away from its expectation (one false alarm in 10^9 runs or fewer) and close enough to catch an
 * error of a per cent in the variance or a lost tail. */
#include "testing.h"

#include "crypto/gaussian_table.h"
#include "crypto/sample.h"
#include "os/clock.h"

#include <math.h>
#include <stdlib.h>

static const double two_64 = 18446744073709551616.0;

/* Samples of a statistical case; a sixteenth where everything is slow. */
static size_t volume(size_t count)
{
	return light() ? count / 16 : count;
}

static struct noise_distribution tuniform(unsigned b)
{
	return (struct noise_distribution){.kind = NOISE_TUNIFORM, .bound_log2 = b};
}

static struct noise_distribution gaussian(double sigma)
{
	return (struct noise_distribution){.kind = NOISE_GAUSSIAN, .sigma = sigma};
}

static uint64_t *sample(const struct noise_distribution *d, size_t count)
{
	uint64_t *out = malloc(count * sizeof(*out));
	assert_non_null(out);
	OK(sample_noise(d, out, count));
	return out;
}

/* Upper and lower limit of a chi-square with f degrees of freedom, six deviations of the
 * Wilson-Hilferty cube root. */
static void expect_chi2(double chi2, double f)
{
	double root = sqrt(2 / (9 * f)), centre = 1 - 2 / (9 * f);
	double low = f * pow(fmax(centre - 6 * root, 0), 3), high = f * pow(centre + 6 * root, 3);
	if (chi2 < low || chi2 > high)
		fail_msg("chi-square %g is outside %g to %g", chi2, low, high);
}

/* Mean, variance and kurtosis of samples against a distribution of this variance (in units of
 * 2^-64 squared) and kurtosis. */
static void expect_moments(const uint64_t *s, size_t count, double variance, double kurtosis,
	double eighth /* E x^8 / variance^4 */)
{
	double m1 = 0, m2 = 0, m4 = 0, sigma = sqrt(variance), n = (double)count;
	for (size_t i = 0; i < count; i++) {
		double x = (double)(int64_t)s[i] / sigma;
		m1 += x;
		m2 += x * x;
		m4 += x * x * x * x;
	}
	m1 /= n, m2 /= n, m4 /= n;
	double d1 = 1 / sqrt(n), d2 = sqrt((kurtosis - 1) / n);
	double d4 = sqrt((eighth - kurtosis * kurtosis) / n);
	if (fabs(m1) > 6 * d1 || fabs(m2 - 1) > 6 * d2 || fabs(m4 - kurtosis) > 6 * d4)
		fail_msg("mean %g (%g), variance %g (%g), kurtosis %g (%g from %g)", m1, d1, m2, d2,
			m4, d4, kurtosis);
}

static void tuniform_small_bounds_are_exact(void **state)
{
	(void)state;
	const size_t count = volume(1 << 20);
	for (unsigned b = 0; b <= 6; b++) {
		struct noise_distribution d = tuniform(b);
		uint64_t *s = sample(&d, count);
		int64_t bound = 1 << b;
		size_t counts[129] = {0};
		for (size_t i = 0; i < count; i++) {
			int64_t x = (int64_t)s[i];
			assert_true(x >= -bound && x <= bound);
			counts[x + bound]++;
		}
		double chi2 = 0;
		for (int64_t i = 0; i <= 2 * bound; i++) {
			double weight = i == 0 || i == 2 * bound ? 0.5 : 1;
			double want = (double)count * weight / (double)(2 * bound);
			chi2 += (counts[i] - want) * (counts[i] - want) / want;
		}
		expect_chi2(chi2, 2 * (double)bound);
		free(s);
	}
}

static void tuniform_large_bounds(void **state)
{
	(void)state;
	const size_t count = volume(1 << 20);
	enum { CELLS = 64 };
	const unsigned bounds[] = {17, 45, 46, 62};
	for (size_t t = 0; t < 4; t++) {
		struct noise_distribution d = tuniform(bounds[t]);
		uint64_t *s = sample(&d, count);
		size_t counts[CELLS + 1] = {0};
		uint64_t low = 0;
		for (size_t i = 0; i < count; i++) {
			counts[(s[i] + (1ull << bounds[t])) >> (bounds[t] + 1 - 6)]++;
			low |= s[i];
		}
		double chi2 = 0, want = (double)count / CELLS;
		assert_true(counts[CELLS] < 60); /* the end point itself: 2^-19 at b = 17 */
		counts[CELLS - 1] += counts[CELLS];
		for (size_t i = 0; i < CELLS; i++)
			chi2 += (counts[i] - want) * (counts[i] - want) / want;
		expect_chi2(chi2, CELLS - 1);
		assert_true(low & 1);
		expect_moments(s, count, noise_variance(&d) * two_64 * two_64, 9 / 5.0, 9);
		free(s);
	}
}

static void variances_are_the_published_ones(void **state)
{
	(void)state;
	struct noise_distribution d = tuniform(45);
	assert_true(fabs(noise_variance(&d) / (ldexp(1, 91) / 6 / two_64 / two_64) - 1) < 1e-12);
	d = tuniform(0); /* -1, 0, 0, 1 */
	assert_true(fabs(noise_variance(&d) * two_64 * two_64 - 0.5) < 1e-12);
	d = gaussian(2.845267479601915e-15);
	assert_true(fabs(sqrt(noise_variance(&d)) / 2.845267479601915e-15 - 1) < 1e-9);
	d = gaussian(0);
	assert_true(noise_variance(&d) == 0);
}

/* The table is a cumulative distribution: recomputed here in long double. */
static void gaussian_table_is_right(void **state)
{
	(void)state;
	long double total = 1, part = 1;
	for (int i = 1; i < 400; i++)
		total += 2 * expl(-(long double)(i * i) / (2 * 13.5L * 13.5L));
	for (int i = 0; i < GAUSSIAN_ENTRIES; i++) {
		if (i > 0)
			part += 2 * expl(-(long double)(i * i) / (2 * 13.5L * 13.5L));
		long double want = part / total * 0x1p63L;
		long double off = (long double)gaussian_cumulative[i] - want;
		assert_true(off > -200 && off < 200); /* of 2^63: rounding of the sum here */
		if (i > 0)
			assert_true(gaussian_cumulative[i] > gaussian_cumulative[i - 1]);
	}
	assert_true(gaussian_cumulative[GAUSSIAN_ENTRIES - 1] < 1ull << 63);
}

/* Exact probability of each rounded value at small sigma. */
static void gaussian_small_deviation_is_exact(void **state)
{
	(void)state;
	const size_t count = volume(1 << 21);
	enum { HALF = 40 };
	const double units[] = {1.0, 2.5, 4.0, 7.3};
	for (size_t t = 0; t < 4; t++) {
		struct noise_distribution d = gaussian(units[t] / two_64);
		uint64_t *s = sample(&d, count);
		size_t counts[2 * HALF + 1] = {0};
		for (size_t i = 0; i < count; i++) {
			int64_t x = (int64_t)s[i];
			assert_true(x > -12 * units[t] - 1 && x < 12 * units[t] + 1);
			x = x < -HALF ? -HALF : x > HALF ? HALF : x;
			counts[x + HALF]++;
		}
		double chi2 = 0, cells = 0, rest = (double)count, rest_count = rest;
		for (int i = -HALF; i <= HALF; i++) {
			double scale = units[t] * sqrt(2);
			double p = 0.5 * (erf((i + 0.5) / scale) - erf((i - 0.5) / scale));
			double want = (double)count * p, got = (double)counts[i + HALF];
			if (want < 20)
				continue;
			chi2 += (got - want) * (got - want) / want;
			cells++;
			rest -= want, rest_count -= got;
		}
		if (rest >= 1) {
			chi2 += (rest_count - rest) * (rest_count - rest) / rest;
			cells++;
		}
		expect_chi2(chi2, cells - 1);
		free(s);
	}
}

/* Equal-probability cells, moments and tails at the deviations in use. */
static void gaussian_large_deviations(void **state)
{
	(void)state;
	const size_t count = volume(1 << 20);
	enum { CELLS = 200 };
	const double sigmas[] = {2.845267479601915e-15, 2.046151696979124e-6, 1.952e-11, 0.01};
	for (size_t t = 0; t < 4; t++) {
		struct noise_distribution d = gaussian(sigmas[t]);
		uint64_t *s = sample(&d, count);
		size_t counts[CELLS] = {0}, tail[8] = {0};
		for (size_t i = 0; i < count; i++) {
			double x = (double)(int64_t)s[i] / (sigmas[t] * two_64);
			int cell = (int)(0.5 * erfc(-x / sqrt(2)) * CELLS);
			counts[cell < CELLS ? cell : CELLS - 1]++;
			for (int k = 1; k < 8; k++)
				tail[k] += fabs(x) > k;
		}
		double chi2 = 0, want = (double)count / CELLS;
		for (size_t i = 0; i < CELLS; i++)
			chi2 += (counts[i] - want) * (counts[i] - want) / want;
		expect_chi2(chi2, CELLS - 1);
		for (int k = 1; k < 8; k++) {
			double expected = (double)count * erfc(k / sqrt(2));
			double off = fabs((double)tail[k] - expected);
			assert_true(off <= 6 * sqrt(expected) + 3);
		}
		expect_moments(s, count, noise_variance(&d) * two_64 * two_64, 3, 105);
		free(s);
	}
}

/* The wide integer below the samples has steps of sigma / 1.69e7; the dither fills them evenly. */
static void gaussian_steps_are_filled(void **state)
{
	(void)state;
	const size_t count = volume(1 << 20);
	enum { CELLS = 32 };
	const double sigmas[] = {2.046151696979124e-6, 0.01};
	for (size_t t = 0; t < 2; t++) {
		struct noise_distribution d = gaussian(sigmas[t]);
		uint64_t *s = sample(&d, count);
		double step = sigmas[t] * two_64 / 16937964.744334323, chi2 = 0;
		size_t counts[CELLS] = {0};
		for (size_t i = 0; i < count; i++) {
			double x = (double)(int64_t)s[i] / step;
			counts[(size_t)((x - floor(x)) * CELLS) % CELLS]++;
		}
		for (size_t i = 0; i < CELLS; i++) {
			double want = (double)count / CELLS;
			chi2 += (counts[i] - want) * (counts[i] - want) / want;
		}
		expect_chi2(chi2, CELLS - 1);
		free(s);
	}
}

static void neighbours_are_independent(void **state)
{
	(void)state;
	const size_t count = volume(1 << 20);
	struct noise_distribution d = gaussian(2.845267479601915e-15);
	uint64_t *s = sample(&d, count);
	/* Lags up to two groups: a buffer used twice would show. */
	for (size_t lag = 1; lag <= 64; lag++) {
		double sum = 0;
		for (size_t i = 0; i + lag < count; i++)
			sum += (double)(int64_t)s[i] * (double)(int64_t)s[i + lag];
		sum /= noise_variance(&d) * two_64 * two_64;
		assert_true(fabs(sum) < 6.5 * sqrt((double)count));
	}
	free(s);
}

static void odd_counts_and_bad_arguments(void **state)
{
	(void)state;
	const struct noise_distribution good[] = {
		tuniform(17), gaussian(2.845267479601915e-15), gaussian(0)};
	for (size_t t = 0; t < 3; t++)
		for (size_t count = 0; count < 70; count++) {
			uint64_t out[71];
			memset(out, 0x5a, sizeof(out));
			OK(sample_noise(&good[t], out, count));
			assert_true(out[count] == 0x5a5a5a5a5a5a5a5a);
		}
	const struct noise_distribution bad[] = {
		tuniform(63), gaussian(1), gaussian(-1e-6), gaussian(1e-20), gaussian(NAN)};
	uint64_t out[1];
	for (size_t t = 0; t < 5; t++)
		FAILS(AMT_INVALID_ARGUMENT, sample_noise(&bad[t], out, 1));
}

static void bits_are_fair(void **state)
{
	(void)state;
	enum { COUNT = 1000003 };
	uint8_t *bits = malloc(COUNT + 1);
	bits[COUNT] = 0x5a;
	OK(sample_binary(bits, COUNT));
	assert_int_equal(bits[COUNT], 0x5a);
	size_t ones = 0;
	for (size_t i = 0; i < COUNT; i++) {
		assert_true(bits[i] <= 1);
		ones += bits[i];
	}
	assert_true(fabs((double)ones - COUNT / 2.0) < 6.2 * sqrt(COUNT / 4.0));
	for (size_t lag = 1; lag <= 64; lag++) {
		size_t equal = 0;
		for (size_t i = lag; i < COUNT; i++)
			equal += bits[i] == bits[i - lag];
		double off = (double)equal - (double)(COUNT - lag) / 2;
		assert_true(fabs(off) < 6.7 * sqrt(COUNT / 4.0));
	}
	free(bits);
}

static void speed(void **state)
{
	(void)state;
	enum { COUNT = 1 << 19 };
	const struct noise_distribution kinds[] = {tuniform(17), gaussian(2.845267479601915e-15)};
	for (size_t t = 0; t < 2; t++) {
		uint64_t start = clock_thread_cpu_ns();
		free(sample(&kinds[t], COUNT));
		print_message("%s: %.1f ns a sample\n", t == 0 ? "TUniform" : "Gaussian",
			(double)(clock_thread_cpu_ns() - start) / COUNT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tuniform_small_bounds_are_exact),
		cmocka_unit_test(tuniform_large_bounds),
		cmocka_unit_test(variances_are_the_published_ones),
		cmocka_unit_test(gaussian_table_is_right),
		cmocka_unit_test(gaussian_small_deviation_is_exact),
		cmocka_unit_test(gaussian_large_deviations),
		cmocka_unit_test(gaussian_steps_are_filled),
		cmocka_unit_test(neighbours_are_independent),
		cmocka_unit_test(odd_counts_and_bad_arguments),
		cmocka_unit_test(bits_are_fair),
		cmocka_unit_test(speed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

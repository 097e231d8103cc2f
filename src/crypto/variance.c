/* Apart from the samplers, because the host computes noise too and samples none. */
#include "crypto/sample.h"

static const double two_64 = 18446744073709551616.0;

double noise_variance(const struct noise_distribution *d)
{
	if (d->kind == NOISE_GAUSSIAN)
		return d->sigma == 0 ? 0 : d->sigma * d->sigma + 1.0 / 12 / two_64 / two_64;
	double bound = (double)(1ull << d->bound_log2);
	return (2 * bound * bound + 1) / 6 / two_64 / two_64;
}

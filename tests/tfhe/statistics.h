/* Mean squares with confidence bounds, for noise measurements (tests and benchmarks). */
#ifndef TESTS_STATISTICS_H
#define TESTS_STATISTICS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

/* Independent observations: squares of errors, or mean squares of groups of dependent errors. */
struct statistics {
	size_t count;
	double sum, squares;
};

static inline void statistics_add(struct statistics *s, double x)
{
	s->count++;
	s->sum += x;
	s->squares += x * x;
}
static inline double statistics_mean(const struct statistics *s)
{
	return s->sum / (double)s->count;
}
/* Half width of the 99 % confidence interval of the mean: Student's quantile by its expansion in the
 * inverse degrees of freedom, good from 3 on. */
static inline double statistics_bound(const struct statistics *s)
{
	double mean = statistics_mean(s), n = (double)s->count, more = 1 / (n - 1);
	double quantile = 2.576 + more * (4.92 + more * 8.83);
	return quantile * sqrt((s->squares / n - mean * mean) / (n - 1));
}
/* A torus difference as a real in [-1/2, 1/2). */
static inline double torus_error(uint32_t difference)
{
	return (int32_t)difference * 0x1p-32;
}

#endif

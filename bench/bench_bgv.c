/* BGV at N = 16384: what the host pays a step, by limbs.
 *
 *	bench_bgv [log2 N]		default: 14
 *
 * Milliseconds, medians; of one thread its CPU time, of two the time of the clock. */
#include "base/alloc.h"
#include "bgv/inside.h"
#include "bgv/secret.h"
#include "os/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_RUNS = 31, BATCH = 8, SCALARS_LOG2 = 8 };

struct bench {
	const struct bgv_params *p;
	struct bgv_ring *ring;
	struct bgv_secret *secret;
	struct bgv_keys *keys;
	struct pool *two;
	uint64_t *plain;
	struct buf content;
};

static void check(amt_status s)
{
	if (amt_ok(s))
		return;
	char text[512];
	(void)amt_status_format(s, text, sizeof(text));
	fprintf(stderr, "bench_bgv: %s\n", text);
	exit(1);
}

static double seconds(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct bgv_ct encrypt(const struct bench *b, unsigned limbs)
{
	struct buf bytes = {0};
	struct bgv_ct ct;
	check(bgv_seeded_put(b->secret, limbs, b->plain, &bytes));
	check(bgv_seeded_get(&ct, b->ring, limbs, buf_span(&bytes)));
	buf_free(&bytes);
	return ct;
}

/* One measured step: may prepare `ct` between runs, outside the time. */
struct step {
	const struct bench *b;
	struct pool *pool;
	unsigned limbs;
	size_t count;
	struct bgv_ct ct[BATCH], out[BATCH], scalars[1 << SCALARS_LOG2];
};

typedef void step_run(struct step *s);

static double median(struct step *s, unsigned runs, step_run *prepare, step_run *run)
{
	double times[MOST_RUNS];
	for (unsigned i = 0; i <= runs; i++) {
		if (prepare != NULL)
			prepare(s);
		clockid_t clock = s->pool == NULL ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
		double start = seconds(clock);
		run(s);
		if (i > 0)
			times[i - 1] = 1e3 * (seconds(clock) - start);
	}
	qsort(times, runs, sizeof(times[0]), compare);
	return times[runs / 2];
}

static void three_parts(struct step *s)
{
	for (size_t i = 0; i < s->count; i++)
		bgv_mul(s->b->ring, &s->out[i], &s->ct[i], &s->ct[i]);
}

static void relinearise(struct step *s)
{
	struct bgv_ct *list[BATCH];
	for (size_t i = 0; i < s->count; i++)
		list[i] = &s->out[i];
	check(bgv_relinearise(s->b->ring, s->b->keys, list, s->count, s->pool));
}

static void relinearise_drop(struct step *s)
{
	struct bgv_ct *list[BATCH];
	for (size_t i = 0; i < s->count; i++)
		list[i] = &s->out[i];
	check(bgv_relinearise_drop(s->b->ring, s->b->keys, list, s->count, s->pool));
}

static void two_parts(struct step *s)
{
	bgv_add(s->b->ring, &s->out[0], &s->ct[0], &s->ct[0]);
}

static void mod_switch(struct step *s)
{
	check(bgv_mod_switch(s->b->ring, &s->out[0], s->pool));
}

static void automorphism(struct step *s)
{
	check(bgv_automorphism(s->b->ring, s->b->keys, &s->out[0], &s->ct[0],
		(uint32_t)s->b->ring->n + 1, s->pool));
}

static void seeded_put(struct step *s)
{
	struct buf bytes = {0};
	check(bgv_seeded_put(s->b->secret, s->limbs, s->b->plain, &bytes));
	buf_free(&bytes);
}

static void expand(struct step *s)
{
	check(bgv_expand_into(
		s->b->ring, s->b->keys, s->scalars, &s->ct[0], NULL, (unsigned)s->count, s->pool));
}

static void by_limbs(struct step *s)
{
	const struct bench *b = s->b;
	printf("limbs  encrypt  multiply  relinearise   of 8  and switch   of 8  automorphism  switch"
	       "\n");
	for (unsigned limbs = 2; limbs <= b->p->limbs; limbs++) {
		s->limbs = limbs;
		for (size_t i = 0; i < BATCH; i++) {
			s->ct[i] = encrypt(b, limbs);
			check(bgv_ct_new(&s->out[i], b->ring, limbs, 3));
		}
		s->count = 1;
		double encryption = median(s, 9, NULL, seeded_put);
		double product = median(s, 15, NULL, three_parts);
		double one = median(s, 15, three_parts, relinearise);
		double both = median(s, 15, three_parts, relinearise_drop);
		double image = median(s, 15, NULL, automorphism);
		double drop = median(s, 15, two_parts, mod_switch);
		s->count = BATCH;
		double batch = median(s, 5, three_parts, relinearise) / BATCH;
		double batch_both = median(s, 5, three_parts, relinearise_drop) / BATCH;
		printf("%5u  %7.3f  %8.3f  %11.3f %6.3f  %10.3f %6.3f  %12.3f  %6.3f\n", limbs,
			encryption, product, one, batch, both, batch_both, image, drop);
		for (size_t i = 0; i < BATCH; i++) {
			bgv_ct_free(&s->ct[i]);
			bgv_ct_free(&s->out[i]);
		}
	}
}

static void expansions(struct step *s)
{
	printf("\nexpansion  limbs  1 thread  2 threads  a scalar, 1 thread\n");
	for (unsigned limbs = 5; limbs <= 8 && limbs <= s->b->p->limbs; limbs += 3) {
		s->ct[0] = encrypt(s->b, limbs);
		for (unsigned log2 = 6; log2 <= SCALARS_LOG2; log2 += 2) {
			double times[2];
			s->count = (size_t)1 << log2;
			for (size_t i = 0; i < s->count; i++)
				check(bgv_ct_new(&s->scalars[i], s->b->ring, limbs, 2));
			for (int threads = 0; threads < 2; threads++) {
				s->pool = threads == 0 ? NULL : s->b->two;
				times[threads] = median(s, 3, NULL, expand);
			}
			printf("%9zu  %5u  %8.1f  %9.1f  %18.3f\n", s->count, limbs, times[0],
				times[1], times[0] / (double)s->count);
			for (size_t i = 0; i < s->count; i++)
				bgv_ct_free(&s->scalars[i]);
		}
		bgv_ct_free(&s->ct[0]);
	}
}

int main(int argc, char **argv)
{
	struct bench b = {.p = bgv_params_for(argc > 1 ? (unsigned)atoi(argv[1]) : 14)};
	uint8_t seed[BGV_SECRET_SEED_BYTES] = {1};
	if (b.p == NULL)
		check(ERROR(AMT_FOREIGN_PARAMETERS, "no ring of this size"));
	check(bgv_ring_new(&b.ring, b.p));
	check(bgv_secret_new(&b.secret, b.ring, seed));
	check(pool_new(&b.two, 2));
	check(mem_alloc_aligned(&b.plain, b.ring->n * sizeof(*b.plain)));
	for (size_t i = 0; i < b.ring->n; i++)
		b.plain[i] = i * 40503 % BGV_T;
	printf("BGV, ring %s, kernels %s%s\n\n", b.p->name, isa_name(cpu_isa()),
		cpu_has_ifma() ? " with IFMA" : "");
	struct bgv_keys_wanted wanted = {.limbs = b.p->limbs, .expand_log2 = SCALARS_LOG2};
	double start = seconds(CLOCK_MONOTONIC);
	check(bgv_keys_make(b.secret, wanted, b.two, NULL, NULL, &b.content));
	double made = seconds(CLOCK_MONOTONIC);
	check(bgv_keys_open(
		&b.keys, b.ring, buf_span(&b.content), BGV_MAX_LIMBS, b.two, NULL, NULL));
	printf("keys for relinearisation and %u scalars: made in %.2f s, %.1f MB; opened in %.2f s, "
	       "%.1f MB\n\n",
		1u << SCALARS_LOG2, made - start, (double)b.content.size / 1e6,
		seconds(CLOCK_MONOTONIC) - made, (double)bgv_keys_bytes(b.keys) / 1e6);
	static struct step s;
	s.b = &b;
	by_limbs(&s);
	expansions(&s);
	bgv_keys_free(b.keys);
	bgv_secret_free(b.secret);
	bgv_ring_free(b.ring);
	pool_free(b.two);
	mem_free_aligned(b.plain, b.ring->n * sizeof(*b.plain));
	buf_free(&b.content);
	return 0;
}

/* The low-level figures of a scan: number-theoretic transforms, products of residues, masks.
 *
 *	bench_ntt [kernel]		default: every kernel this processor has
 *
 * One core, thread CPU time, medians. Transforms work on data that lies in the caches as far as it
 * fits; the rest on tiles as in scan/run_leaf.c. */
#include "base/alloc.h"
#include "crypto/seed.h"
#include "ring/ntt_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	TILE = 1024,
	VECTORS = 16,
	LOG2N_FIRST = 13,
	LOG2N_LAST = 15,
	N_MOST = 1 << LOG2N_LAST,
	RUNS = 31
};

/* A limb of every BGV ring, and their special prime. */
static const uint64_t limb_prime = 0xff00ff0001, special_prime = 0x3ff83ff80001;

struct data {
	const struct ntt *t;
	uint64_t *x, *y, *acc;
	uint64_t *c1, *b0, *b1; /* [VECTORS][TILE] */
	uint8_t *packed;	/* [VECTORS][TILE], and room */
	struct seed_expander *seed;
	uint64_t stream;
};

static void check(amt_status s)
{
	if (amt_ok(s))
		return;
	char text[512];
	(void)amt_status_format(s, text, sizeof(text));
	fprintf(stderr, "bench_ntt: %s\n", text);
	exit(1);
}

static double thread_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Median nanoseconds of a call. */
static double measure(void (*body)(struct data *), struct data *d)
{
	double times[RUNS];
	body(d);
	double start = thread_ns();
	body(d);
	double once = thread_ns() - start;
	unsigned calls = once > 2e5 ? 1 : (unsigned)(2e5 / (once + 1)) + 1;
	for (unsigned r = 0; r < RUNS; r++) {
		start = thread_ns();
		for (unsigned c = 0; c < calls; c++)
			body(d);
		times[r] = (thread_ns() - start) / calls;
	}
	qsort(times, RUNS, sizeof(times[0]), compare);
	return times[RUNS / 2];
}

static void forward(struct data *d)
{
	ntt_forward(d->t, d->x);
}

static void inverse(struct data *d)
{
	ntt_inverse(d->t, d->x);
}

static void leaf(struct data *d)
{
	const uint8_t *c0[VECTORS];
	const uint64_t *c1[VECTORS], *b0[VECTORS], *b1[VECTORS];
	for (size_t v = 0; v < VECTORS; v++) {
		c0[v] = d->packed + v * TILE * 5;
		c1[v] = d->c1 + v * TILE;
		b0[v] = d->b0 + v * TILE;
		b1[v] = d->b1 + v * TILE;
	}
	memset(d->acc, 0, 6 * TILE * sizeof(*d->acc));
	ntt_acc_leaf(
		d->t, d->acc, d->acc + 2 * TILE, d->acc + 4 * TILE, c0, c1, b0, b1, VECTORS, TILE);
}

static void tensor(struct data *d)
{
	memset(d->acc, 0, 6 * TILE * sizeof(*d->acc));
	for (size_t v = 0; v < VECTORS; v++)
		ntt_acc_tensor(d->t, d->acc, d->acc + 2 * TILE, d->acc + 4 * TILE, d->y,
			d->c1 + v * TILE, d->b0 + v * TILE, d->b1 + v * TILE, TILE);
}

static void acc(struct data *d)
{
	memset(d->acc, 0, 2 * TILE * sizeof(*d->acc));
	for (size_t v = 0; v < VECTORS; v++)
		ntt_acc(d->t, d->acc, d->c1 + v * TILE, d->b0 + v * TILE, TILE);
}

static void acc_reduce(struct data *d)
{
	ntt_acc_reduce(d->t, d->x, d->acc, TILE);
}

static void unpack(struct data *d)
{
	ntt_unpack40(d->t, d->x, d->packed, TILE);
}

static void verify(struct data *d)
{
	if (!ntt_check40(d->t, d->packed, TILE))
		abort();
}

static void mul_add(struct data *d)
{
	ntt_mul_add(d->t, d->x, d->c1, d->b0, TILE);
}

static void scale_add(struct data *d)
{
	ntt_scale_add(d->t, d->x, d->c1, 12345, TILE);
}

static void convert(struct data *d)
{
	ntt_convert(d->t, d->x, d->c1, special_prime, TILE);
}

static void uniform(struct data *d)
{
	(void)ntt_reduce_uniform(d->t, d->x, d->y, TILE);
}

static void expand(struct data *d)
{
	check(seed_expand_u64(d->seed, d->stream++, d->x, TILE));
}

static void mask(struct data *d)
{
	bool beyond;
	check(ntt_expand_uniform(d->t, d->x, d->seed, d->stream++, 0, TILE, &beyond));
}

static void fill(uint64_t *x, size_t n, uint64_t q)
{
	uint64_t state = q;
	for (size_t i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		x[i] = (state >> 8) % q;
	}
}

static uint64_t *words(size_t n)
{
	uint64_t *x;
	check(mem_alloc_aligned(&x, n * sizeof(*x)));
	fill(x, n, limb_prime);
	return x;
}

static void transforms(const struct ntt_kernel *kernel, struct data *d)
{
	static const uint64_t primes[] = {limb_prime, special_prime};
	printf("  %18s %10s %10s %16s\n", "", "forward us", "inverse us", "ns a butterfly");
	for (unsigned log2n = LOG2N_FIRST; log2n <= LOG2N_LAST; log2n++)
		for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++) {
			struct ntt *t;
			check(ntt_new_with(&t, primes[i], log2n, kernel));
			d->t = t;
			fill(d->x, t->n, t->q);
			double there = measure(forward, d), back = measure(inverse, d);
			double butterflies = (double)(t->n / 2 * log2n);
			printf("  N = %5zu, %u bits %10.1f %10.1f %8.3f %7.3f\n", t->n, t->bits,
				there * 1e-3, back * 1e-3, there / butterflies, back / butterflies);
			ntt_free(t);
		}
}

static void elements(const struct ntt_kernel *kernel, struct data *d)
{
	static const struct {
		const char *name;
		void (*body)(struct data *);
		unsigned times; /* of TILE residues each */
	} all[] = {
		{"leaf, a vector", leaf, VECTORS},
		{"acc_tensor", tensor, VECTORS},
		{"acc", acc, VECTORS},
		{"acc_reduce", acc_reduce, 1},
		{"unpack40", unpack, 1},
		{"check40", verify, 1},
		{"mul_add", mul_add, 1},
		{"scale_add", scale_add, 1},
		{"convert", convert, 1},
		{"reduce_uniform", uniform, 1},
		{"seed expansion", expand, 1},
		{"expand_uniform", mask, 1},
	};
	struct ntt *t;
	check(ntt_new_with(&t, limb_prime, LOG2N_FIRST, kernel));
	d->t = t;
	fill(d->x, TILE, t->q);
	for (size_t v = 0; v < VECTORS; v++)
		ntt_pack40(d->t, d->packed + v * TILE * 5, d->c1 + v * TILE, TILE);
	printf("  %-18s %10s\n", "", "ns a residue");
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		printf("  %-18s %10.3f\n", all[i].name,
			measure(all[i].body, d) / (double)(all[i].times * TILE));
	ntt_free(t);
}

int main(int argc, char **argv)
{
	struct data d = {.x = words(N_MOST),
		.y = words(TILE),
		.acc = words((size_t)6 * TILE),
		.c1 = words((size_t)VECTORS * TILE),
		.b0 = words((size_t)VECTORS * TILE),
		.b1 = words((size_t)VECTORS * TILE)};
	struct seed seed = {{1}};
	check(mem_alloc_aligned(&d.packed, (size_t)VECTORS * TILE * 5 + 64));
	check(seed_expander_new(&d.seed, &seed));
	for (const struct ntt_kernel *const *k = ntt_kernels(); *k != NULL; k++)
		if (argc < 2 || strcmp(argv[1], (*k)->name) == 0) {
			printf("%s\n", (*k)->name);
			transforms(*k, &d);
			elements(*k, &d);
		}
	seed_expander_free(d.seed);
	mem_free_aligned(d.packed, (size_t)VECTORS * TILE * 5 + 64);
	uint64_t *all[] = {d.c1, d.b0, d.b1};
	for (size_t i = 0; i < 3; i++)
		mem_free_aligned(all[i], (size_t)VECTORS * TILE * sizeof(uint64_t));
	mem_free_aligned(d.acc, (size_t)6 * TILE * sizeof(uint64_t));
	mem_free_aligned(d.y, TILE * sizeof(uint64_t));
	mem_free_aligned(d.x, N_MOST * sizeof(uint64_t));
	return 0;
}

/* The low-level figures of a scan: number-theoretic transforms, products of residues, masks.
 *
 *	bench_ntt [runs]
 *
 * One core, thread CPU time, medians of many runs; the kernels this processor has take turns, so that a
 * busy machine is the same to all. Transforms work on data that lies in the caches as far as it fits; the
 * rest on tiles as in scan/run_leaf.c. */
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
	RUN_NS = 100000,
	WARM_NS = 50000,
	RUNS = 201,
	RUNS_MAX = 10001,
	KERNELS_MAX = 8
};

/* A limb of B13 and B14, and the rings' special prime. */
static const uint64_t limb_prime = 0xff00ff0001, special_prime = 0x3ff83ff80001;
/* One of B15's, whose residues are of 6 bytes. */
static const uint64_t wide_prime = 0x29c029c0001;

struct data {
	const struct ntt *t;
	uint64_t *x, *y, *acc;
	uint64_t *c1, *b0, *b1; /* [VECTORS][TILE] */
	uint8_t *packed;	/* [VECTORS][TILE], and room */
	unsigned bytes;		/* of a packed residue */
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

/* The table's columns: kernels, and how they expand seeds. */
struct columns {
	const struct ntt_kernel *const *kernel;
	struct seed_expander *seed[KERNELS_MAX];
	unsigned count, runs;
};

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
		c0[v] = d->packed + v * TILE * d->bytes;
		c1[v] = d->c1 + v * TILE;
		b0[v] = d->b0 + v * TILE;
		b1[v] = d->b1 + v * TILE;
	}
	memset(d->acc, 0, 6 * TILE * sizeof(*d->acc));
	ntt_acc_leaf(d->t, d->bytes, d->acc, d->acc + 2 * TILE, d->acc + 4 * TILE, c0, c1, b0, b1,
		VECTORS, TILE);
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
	ntt_unpack(d->t, d->bytes, d->x, d->packed, TILE);
}

static void verify(struct data *d)
{
	if (!ntt_check(d->t, d->bytes, d->packed, TILE))
		abort();
}

static void add(struct data *d)
{
	ntt_add(d->t, d->x, d->c1, d->b0, TILE);
}

static void sub(struct data *d)
{
	ntt_sub(d->t, d->x, d->c1, d->b0, TILE);
}

static void neg(struct data *d)
{
	ntt_neg(d->t, d->x, d->c1, TILE);
}

static void shift(struct data *d)
{
	ntt_shift(d->t, d->x, d->c1, 12345, TILE);
}

static void mul(struct data *d)
{
	ntt_mul(d->t, d->x, d->c1, d->b0, TILE);
}

static void scale(struct data *d)
{
	ntt_scale(d->t, d->x, d->c1, 12345, TILE);
}

static void reduce(struct data *d)
{
	ntt_reduce(d->t, d->x, d->y, TILE);
}

static void pack(struct data *d)
{
	ntt_pack(d->t, d->bytes, d->packed, d->c1, TILE);
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

/* A row: time of a call with each kernel. */
static void row(const char *name, void (*body)(struct data *), struct data *d,
	const struct columns *c, uint64_t q, unsigned log2n, double unit)
{
	struct ntt *t[KERNELS_MAX];
	static double each[KERNELS_MAX][RUNS_MAX];
	unsigned calls[KERNELS_MAX];
	memset(d->acc, 0, 6 * TILE * sizeof(*d->acc)); /* zero means the same to all */
	for (unsigned k = 0; k < c->count; k++) {
		check(ntt_new_with(&t[k], q, log2n, c->kernel[k]));
		calls[k] = 1;
	}
	for (unsigned r = 0; r < c->runs; r++)
		for (unsigned k = 0; k < c->count; k++) {
			d->t = t[k];
			d->seed = c->seed[k];
			/* 512-bit units take some 20 us to wake up. */
			for (double start = thread_ns(); thread_ns() < start + WARM_NS;)
				body(d);
			double start = thread_ns();
			for (unsigned i = 0; i < calls[k]; i++)
				body(d);
			each[k][r] = (thread_ns() - start) / calls[k];
			if (r == 0)
				calls[k] = (unsigned)(RUN_NS / each[k][r]) + 1;
		}
	printf("%-28s", name);
	for (unsigned k = 0; k < c->count; k++) {
		qsort(each[k], c->runs, sizeof(each[k][0]), compare);
		printf(" %12.3f", each[k][c->runs / 2] / unit);
		ntt_free(t[k]);
	}
	printf("\n");
}

static void transforms(struct data *d, const struct columns *c)
{
	static const uint64_t primes[] = {limb_prime, special_prime};
	for (size_t i = 0; i < sizeof(primes) / sizeof(primes[0]); i++)
		for (unsigned log2n = LOG2N_FIRST; log2n <= LOG2N_LAST; log2n++) {
			char name[64];
			int bits = 64 - __builtin_clzll(primes[i]);
			fill(d->x, (size_t)1 << log2n, primes[i]);
			(void)snprintf(
				name, sizeof(name), "forward %u, %d bits", 1u << log2n, bits);
			row(name, forward, d, c, primes[i], log2n, 1e3);
			(void)snprintf(
				name, sizeof(name), "inverse %u, %d bits", 1u << log2n, bits);
			row(name, inverse, d, c, primes[i], log2n, 1e3);
		}
}

static void pack_all(struct data *d, uint64_t q, unsigned bytes)
{
	struct ntt *t;
	d->bytes = bytes;
	check(ntt_new(&t, q, LOG2N_FIRST));
	for (size_t v = 0; v < VECTORS; v++)
		ntt_pack(t, bytes, d->packed + v * TILE * bytes, d->c1 + v * TILE, TILE);
	ntt_free(t);
}

static void elements(struct data *d, const struct columns *c)
{
	static const struct {
		const char *name;
		void (*body)(struct data *);
		unsigned times; /* of TILE residues each */
	} all[] = {
		{"acc_leaf, of a vector", leaf, VECTORS},
		{"acc_tensor", tensor, VECTORS},
		{"acc", acc, VECTORS},
		{"acc_reduce", acc_reduce, 1},
		{"pack", pack, 1},
		{"unpack", unpack, 1},
		{"check", verify, 1},
		{"add", add, 1},
		{"sub", sub, 1},
		{"neg", neg, 1},
		{"shift", shift, 1},
		{"mul", mul, 1},
		{"mul_add", mul_add, 1},
		{"scale", scale, 1},
		{"scale_add", scale_add, 1},
		{"convert", convert, 1},
		{"reduce", reduce, 1},
		{"reduce_uniform", uniform, 1},
		{"seed expansion", expand, 1},
		{"expand_uniform", mask, 1},
	};
	enum { WIDE_TOO = 7 };
	fill(d->x, TILE, limb_prime);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		row(all[i].name, all[i].body, d, c, limb_prime, LOG2N_FIRST,
			(double)all[i].times * TILE);
	printf("ns a residue, 42 bits in 6 bytes\n");
	pack_all(d, wide_prime, 6);
	for (size_t i = 0; i < WIDE_TOO; i++)
		row(all[i].name, all[i].body, d, c, wide_prime, LOG2N_FIRST,
			(double)all[i].times * TILE);
}

/* As a processor with no better kernel than this expands it. */
static struct seed_expander *expander(const struct ntt_kernel *kernel)
{
	struct seed seed = {{1}};
	struct seed_expander *e;
	(void)setenv("AMT_ISA", kernel->expand_uniform != NULL ? "avx512" : "portable", 1);
	check(seed_expander_new(&e, &seed));
	return e;
}

int main(int argc, char **argv)
{
	struct data d = {.x = words(N_MOST),
		.y = words(TILE),
		.acc = words((size_t)6 * TILE),
		.c1 = words((size_t)VECTORS * TILE),
		.b0 = words((size_t)VECTORS * TILE),
		.b1 = words((size_t)VECTORS * TILE)};
	struct columns c = {.kernel = ntt_kernels(), .runs = RUNS};
	if (argc > 1)
		c.runs = (unsigned)strtoul(argv[1], NULL, 10);
	c.runs = c.runs < 1 ? 1 : c.runs > RUNS_MAX ? RUNS_MAX : c.runs;
	printf("%-28s", "us a transform");
	for (; c.count < KERNELS_MAX && c.kernel[c.count] != NULL; c.count++) {
		c.seed[c.count] = expander(c.kernel[c.count]);
		printf(" %12s", c.kernel[c.count]->name);
	}
	printf("\n");
	check(mem_alloc_aligned(&d.packed, (size_t)VECTORS * TILE * NTT_PACKED_MOST + 64));
	pack_all(&d, limb_prime, 5);
	transforms(&d, &c);
	printf("ns a residue\n");
	elements(&d, &c);
	for (unsigned k = 0; k < c.count; k++)
		seed_expander_free(c.seed[k]);
	mem_free_aligned(d.packed, (size_t)VECTORS * TILE * NTT_PACKED_MOST + 64);
	uint64_t *all[] = {d.c1, d.b0, d.b1};
	for (size_t i = 0; i < 3; i++)
		mem_free_aligned(all[i], (size_t)VECTORS * TILE * sizeof(uint64_t));
	mem_free_aligned(d.acc, (size_t)6 * TILE * sizeof(uint64_t));
	mem_free_aligned(d.y, TILE * sizeof(uint64_t));
	mem_free_aligned(d.x, N_MOST * sizeof(uint64_t));
	return 0;
}

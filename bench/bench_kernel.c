/* The low-level figures of a bootstrap at the size of sets T2 and M3: transforms, products, blind
 * rotations, key switches. Random keys; thread CPU time; medians.
 *
 *	bench_kernel [portable|avx2|avx512]      default: every set this processor has
 */
#include "base/alloc.h"
#include "tfhe/kernel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N_SMALL = 879, N_LOG2 = 11, N = 1 << N_LOG2, RUNS_MAX = 101 };

static const struct tfhe_params sizes[] = {{.id = 2,
						   .name = "size of T2",
						   .n = N_SMALL,
						   .k = 1,
						   .n_poly_log2 = N_LOG2,
						   .pbs_base_log2 = 23,
						   .pbs_levels = 1,
						   .ks_base_log2 = 2,
						   .ks_levels = 8,
						   .precision_log2 = 4},
	{.id = 5,
		.name = "size of M3",
		.n = N_SMALL,
		.group = 3,
		.k = 1,
		.n_poly_log2 = N_LOG2,
		.pbs_base_log2 = 22,
		.pbs_levels = 1,
		.ks_base_log2 = 2,
		.ks_levels = 8,
		.ks_word_log2 = 24,
		.precision_log2 = 4}};

struct data {
	const struct tfhe_params *p;
	const struct ring_fft *fft;
	struct tfhe_bootstrap_key bootstrap;
	struct tfhe_keyswitch_key keyswitch;
	int32_t *digits;
	uint32_t *torus, *accumulators, *big, *small;
	uint16_t *masks;
	double *a, *b, *c;
	void *scratch;
	size_t batch;
};

static void check(amt_status st)
{
	if (amt_ok(st))
		return;
	char text[512];
	(void)amt_status_format(st, text, sizeof(text));
	fprintf(stderr, "bench_kernel: %s\n", text);
	exit(1);
}

static void *aligned(size_t size)
{
	void *memory;
	check(mem_alloc_aligned(&memory, size));
	memset(memory, 0, size);
	return memory;
}

static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	return z ^ z >> 29;
}

static double thread_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* Median time of one call in microseconds, over `runs` runs of `calls` calls. */
static double measure(void (*body)(struct data *), struct data *d, unsigned runs, unsigned calls)
{
	double times[RUNS_MAX];
	body(d);
	for (unsigned r = 0; r < runs; r++) {
		double start = thread_us();
		for (unsigned c = 0; c < calls; c++)
			body(d);
		times[r] = (thread_us() - start) / calls;
	}
	qsort(times, runs, sizeof(times[0]), compare);
	return times[runs / 2];
}

static void forward(struct data *d)
{
	ring_fft_forward_i32(d->fft, d->a, d->digits);
}

static void inverse(struct data *d)
{
	ring_fft_inverse_add_u32(d->fft, d->torus, d->c);
}

static void multiply(struct data *d)
{
	ring_fft_mul_add(d->fft, d->c, d->a, d->b);
}

static void rotate(struct data *d)
{
	tfhe_blind_rotate(&d->bootstrap, d->accumulators, d->masks, d->batch, d->scratch);
}

static void keyswitch(struct data *d)
{
	const uint32_t *in[TFHE_BATCH];
	uint32_t offsets[TFHE_BATCH] = {0};
	for (size_t b = 0; b < d->batch; b++)
		in[b] = d->big + b * tfhe_lwe_stride(d->p);
	tfhe_keyswitch(&d->keyswitch, d->small, in, offsets, d->batch, d->scratch);
}

static void make_keys(struct data *d, enum isa isa)
{
	uint64_t rng = 1;
	uint64_t *glwe = aligned(2 * N * sizeof(uint64_t));
	uint32_t *row = aligned((N_SMALL + 1) * sizeof(uint32_t));
	check(tfhe_bootstrap_key_alloc(&d->bootstrap, d->p, isa));
	check(tfhe_keyswitch_key_alloc(&d->keyswitch, d->p, isa));
	for (unsigned i = 0; i < tfhe_ggsws(d->p); i++)
		for (unsigned r = 0; r < 2; r++) {
			for (size_t j = 0; j < 2 * N; j++)
				glwe[j] = next_random(&rng);
			tfhe_bootstrap_key_set(&d->bootstrap, i, r, glwe);
		}
	for (unsigned i = 0; i < N; i++)
		for (unsigned level = 0; level < d->p->ks_levels; level++) {
			for (unsigned j = 0; j <= N_SMALL; j++)
				row[j] = (uint32_t)next_random(&rng);
			tfhe_keyswitch_key_set(&d->keyswitch, i, level, row);
		}
	mem_free_aligned(glwe, 2 * N * sizeof(uint64_t));
	mem_free_aligned(row, (N_SMALL + 1) * sizeof(uint32_t));
}

static void make_inputs(struct data *d)
{
	uint64_t rng = 2;
	for (size_t j = 0; j < N; j++)
		d->digits[j] = (int32_t)(next_random(&rng) >> 41) - (1 << 22);
	for (size_t j = 0; j < (size_t)TFHE_BATCH * 2 * N; j++)
		d->accumulators[j] = (uint32_t)next_random(&rng);
	for (size_t j = 0; j < (size_t)TFHE_BATCH * tfhe_lwe_stride(d->p); j++)
		d->big[j] = (uint32_t)next_random(&rng);
	for (size_t j = 0; j < (size_t)TFHE_BATCH * tfhe_ggsws(d->p); j++)
		d->masks[j] = (uint16_t)(next_random(&rng) & (2 * N - 1));
}

static void run(enum isa isa, const struct tfhe_params *p)
{
	struct data d = {.p = p};
	check(ring_fft_get(&d.fft, N_LOG2, isa));
	make_keys(&d, isa);
	d.digits = aligned(N * sizeof(int32_t));
	d.torus = aligned(N * sizeof(uint32_t));
	d.a = aligned(N * sizeof(double));
	d.b = aligned(N * sizeof(double));
	d.c = aligned(N * sizeof(double));
	d.accumulators = aligned((size_t)TFHE_BATCH * 2 * N * sizeof(uint32_t));
	d.big = aligned((size_t)TFHE_BATCH * tfhe_lwe_stride(d.p) * sizeof(uint32_t));
	d.small = aligned((size_t)TFHE_BATCH * (N_SMALL + 1) * sizeof(uint32_t));
	d.masks = aligned((size_t)TFHE_BATCH * tfhe_ggsws(p) * sizeof(uint16_t));
	size_t rotate_bytes = tfhe_blind_rotate_scratch(&d.bootstrap, TFHE_BATCH);
	size_t switch_bytes = tfhe_keyswitch_scratch(&d.keyswitch, TFHE_BATCH);
	d.scratch = aligned(rotate_bytes > switch_bytes ? rotate_bytes : switch_bytes);
	make_inputs(&d);

	unsigned slow = isa == ISA_PORTABLE ? 8 : 1;
	printf("%s, %s, n = %d, N = %d, (%u, %u), key switch (%u, %u), keys %.1f + %.1f MB\n",
		isa_name(isa), p->name, N_SMALL, N, d.p->pbs_base_log2, d.p->pbs_levels,
		d.p->ks_base_log2, d.p->ks_levels, (double)d.bootstrap.bytes * 1e-6,
		(double)d.keyswitch.bytes * 1e-6);
	printf("  forward %.3f us   inverse %.3f us   multiply-add %.3f us\n",
		measure(forward, &d, 41, 400), measure(inverse, &d, 41, 400),
		measure(multiply, &d, 41, 400));
	printf("  %5s %12s %18s %15s %12s\n", "batch", "us a key bit", "blind rotation ms",
		"key switch ms", "sum ms");
	static const size_t batches[] = {1, 4, 8, 16};
	for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		d.batch = batches[i];
		unsigned runs = (unsigned)(48 / batches[i] / slow) | 1;
		double rotation = measure(rotate, &d, runs < 5 ? 5 : runs, 1) / (double)d.batch;
		double switched = measure(keyswitch, &d, 21 / slow | 1, 1) / (double)d.batch;
		printf("  %5zu %12.3f %18.3f %15.3f %12.3f\n", d.batch, rotation / N_SMALL,
			rotation * 1e-3, switched * 1e-3, (rotation + switched) * 1e-3);
	}
	tfhe_bootstrap_key_free(&d.bootstrap);
	tfhe_keyswitch_key_free(&d.keyswitch);
}

int main(int argc, char **argv)
{
	printf("per ciphertext, one core, thread CPU time, medians\n");
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++)
		if (argc < 2 || strcmp(argv[1], isa_name(isa)) == 0)
			for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
				run(isa, &sizes[i]);
	return 0;
}

/* Bootstraps as the layers above get them: time single and batched, keys, noise, failure probability.
 *
 *	bench_tfhe [--set id] [--peer program]		default: 2 (T2)
 *
 * Times of one core are processor time, medians of rounds that alternate with the peer's; of all
 * cores, wall time. A table goes to stdout, the figures to tfhe.json beside the program. */
#include "compare.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "tfhe/evaluator_inside.h"
#include "tfhe/noise.h"
#include "tfhe/secret_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_JOBS = 512 };

struct bench {
	const struct tfhe_params *p;
	struct pool *pool;
	struct tfhe_secret *secret;
	struct buf key;
	struct tfhe_evaluator *one; /* one worker */
	struct tfhe_evaluator *all; /* every core */
	struct tfhe_lut lut;
	uint32_t *lwes;
	struct tfhe_job jobs[MOST_JOBS];
	struct tfhe_evaluator *timed;
	size_t count; /* jobs of a timed run */
	struct compare compare;
};

static void report(
	struct bench *b, const char *name, const char *what, double value, const char *unit)
{
	printf("  %-44s %12.3f %s\n", what, value, unit);
	compare_put(&b->compare, name, value, 0, unit);
}

static void run_jobs(void *context)
{
	struct bench *b = context;
	compare_check(tfhe_bootstrap(b->timed, b->jobs, b->count, NULL, NULL));
}

static double seconds_since(uint64_t start)
{
	return 1e-9 * (double)(clock_monotonic_ns() - start);
}

static void bench_keys(struct bench *b, uint16_t id)
{
	b->p = tfhe_params_find(id);
	if (b->p == NULL)
		compare_check(ERROR(AMT_FOREIGN_PARAMETERS, "unknown parameter set %u", id));
	compare_check(pool_new(&b->pool, 0));
	printf("TFHE, parameter set %s, kernels %s%s, %u cores\n\nkeys\n", b->p->name,
		isa_name(cpu_isa()), cpu_has_vnni() ? " with VNNI" : "", pool_threads(b->pool));
	uint64_t start = clock_monotonic_ns();
	compare_check(tfhe_secret_new(&b->secret, b->p));
	compare_check(tfhe_evaluation_key_generate(b->secret, b->pool, NULL, NULL, &b->key));
	report(b, "key_generation", "generation, all cores", seconds_since(start), "s");
	start = clock_monotonic_ns();
	compare_check(tfhe_evaluator_new(&b->all, buf_span(&b->key), b->pool, NULL, NULL));
	report(b, "key_expansion", "expansion, all cores", seconds_since(start), "s");
	compare_check(tfhe_evaluator_new(&b->one, buf_span(&b->key), NULL, NULL, NULL));
	report(b, "key_bytes", "evaluation key, serialised", (double)b->key.size / 1e6, "MB");
	report(b, "key_memory", "evaluation key, in memory",
		(double)tfhe_evaluator_bytes(b->one) / 1e6, "MB");
}

struct repeated {
	struct bench *bench;
	size_t runs;
};

static void repeat(void *context)
{
	struct repeated *r = context;
	for (size_t i = 0; i < r->runs; i++)
		run_jobs(r->bench);
}

static void bench_bootstraps(struct bench *b)
{
	static const struct {
		size_t batch;
		const char *name, *what;
	} rows[] = {{1, "kspbs_single", "single"}, {4, "kspbs_batch_4", "batch of 4"},
		{8, "kspbs_batch_8", "batch of 8"}, {16, "kspbs_batched", "batch of 16"}};
	uint32_t values[16];
	size_t stride = tfhe_lwe_stride(b->p);
	for (uint32_t i = 0; i < 16; i++)
		values[i] = i << tfhe_delta_log2(b->p);
	compare_check(tfhe_lut_new(&b->lut, b->p, 1, values));
	compare_check(mem_alloc_aligned(&b->lwes, MOST_JOBS * stride * sizeof(*b->lwes)));
	for (uint32_t i = 0; i < MOST_JOBS; i++) {
		uint32_t *lwe = b->lwes + i * stride;
		compare_check(tfhe_encrypt_lwe(b->secret, lwe, values[i & 15]));
		b->jobs[i] = (struct tfhe_job){.in = lwe, .lut = &b->lut, .out = {lwe}};
	}
	printf("\nkey switch and bootstrap, one core, ms each %25s %12s %8s\n", "ours", "peer",
		"ratio");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* The peer bootstraps one after the other, so both compare with the same figure. */
		struct compare alone = {0};
		bool peer = rows[i].batch == 1 || rows[i].batch == TFHE_BATCH;
		size_t runs = TFHE_BATCH / rows[i].batch;
		b->timed = b->one;
		b->count = rows[i].batch;
		struct repeated r = {b, runs};
		struct comparison c = compare_run(
			peer ? &b->compare : &alone, rows[i].name, runs * b->count, repeat, &r);
		compare_put(&b->compare, rows[i].name, c.ours.cpu, c.peer.cpu, "ms");
		printf("  %-58s %10.3f", rows[i].what, c.ours.cpu);
		if (c.both)
			printf(" %12.3f %8.2f", c.peer.cpu, c.peer.cpu / c.ours.cpu);
		printf("\n");
		fflush(stdout);
	}
	printf("\nkey switch and bootstrap, all cores\n");
	struct compare alone = {0};
	b->timed = b->all;
	b->count = (size_t)TFHE_BATCH * pool_threads(b->pool);
	if (b->count > MOST_JOBS)
		b->count = MOST_JOBS;
	double each = compare_run(&alone, "", b->count, run_jobs, b).ours.wall;
	report(b, "kspbs_all_cores", "each, wall time", each, "ms");
	report(b, "kspbs_throughput", "throughput", 1e3 / each, "a second");
	b->count = 1;
	report(b, "kspbs_latency", "one alone, wall time",
		compare_run(&alone, "", 1, run_jobs, b).ours.wall, "ms");
}

static double square_of(uint32_t difference)
{
	double error = (int32_t)difference * 0x1p-32;
	return error * error;
}

/* Mean square of what a key switch adds to random inputs. */
static double measure_keyswitch(struct bench *b)
{
	enum { SAMPLES = 2048 };
	struct evaluator_scratch *w = &b->one->scratch[0];
	uint32_t zero = 0, before, after;
	const uint32_t *in = b->lwes;
	double sum = 0;
	for (int i = 0; i < SAMPLES; i++) {
		compare_check(random_bytes(b->lwes, tfhe_lwe_words(b->p) * sizeof(*b->lwes)));
		compare_check(tfhe_phase_lwe(b->secret, &before, in));
		tfhe_keyswitch(&b->one->keyswitch, w->small, &in, &zero, 1, w->kernel);
		compare_check(tfhe_phase_small(b->secret, &after, w->small));
		sum += square_of(after - before);
	}
	return sum / SAMPLES;
}

/* Most of the budget, so that a failure probability needs it to a percent. */
static double measure_modulus_switch(struct bench *b)
{
	enum { SAMPLES = 200000 };
	unsigned n = b->p->n, shift = 31 - b->p->n_poly_log2;
	struct evaluator_scratch *w = &b->one->scratch[0];
	uint32_t before, after;
	double sum = 0;
	for (int i = 0; i < SAMPLES; i++) {
		uint16_t body;
		compare_check(random_bytes(w->small, (n + 1) * sizeof(*w->small)));
		compare_check(tfhe_phase_small(b->secret, &before, w->small));
		tfhe_modulus_switch(b->p, w->masks, &body, w->small);
		after = ((body - secret_rotation(b->secret, w->masks)) << shift) +
			(1u << (shift - 1));
		sum += square_of(after - before);
	}
	return sum / SAMPLES;
}

/* Mean square of the outputs' error: eight results of each of 256 rotations. */
static double measure_bootstrap(struct bench *b)
{
	enum { ROTATIONS = 256, FUNCTIONS = 8 };
	uint32_t values[16], phase;
	struct tfhe_lut lut;
	uint32_t *out;
	double sum = 0;
	size_t stride = tfhe_lwe_stride(b->p);
	compare_check(random_bytes(values, sizeof(values)));
	compare_check(tfhe_lut_new(&lut, b->p, FUNCTIONS, values));
	compare_check(mem_alloc_aligned(&out, ROTATIONS * FUNCTIONS * stride * sizeof(*out)));
	for (size_t i = 0; i < ROTATIONS; i++) {
		struct tfhe_job *job = &b->jobs[i];
		compare_check(tfhe_encrypt_lwe(b->secret, b->lwes + i * stride, 0));
		job->lut = &lut;
		for (size_t f = 0; f < FUNCTIONS; f++)
			job->out[f] = out + (i * FUNCTIONS + f) * stride;
	}
	compare_check(tfhe_bootstrap(b->all, b->jobs, ROTATIONS, NULL, NULL));
	for (size_t i = 0; i < ROTATIONS * FUNCTIONS; i++) {
		compare_check(tfhe_phase_lwe(b->secret, &phase, out + i * stride));
		sum += square_of(phase - values[i % FUNCTIONS * (16 / FUNCTIONS)]);
	}
	tfhe_lut_free(&lut);
	mem_free_aligned(out, 0);
	return sum / (ROTATIONS * FUNCTIONS);
}

static void bench_noise(struct bench *b)
{
	const struct tfhe_params *p = b->p;
	double bootstrap = measure_bootstrap(b), keyswitch = measure_keyswitch(b);
	double modulus_switch = measure_modulus_switch(b);
	printf("\nnoise (log2 of the variance on the torus)\n");
	report(b, "noise_bootstrap", "bootstrap, measured", log2(bootstrap), "bits");
	report(b, "noise_bootstrap_formula", "bootstrap, formula", log2(tfhe_noise_bootstrap(p)),
		"bits");
	report(b, "noise_keyswitch", "key switch, measured", log2(keyswitch), "bits");
	report(b, "noise_keyswitch_formula", "key switch, formula", log2(tfhe_noise_keyswitch(p)),
		"bits");
	report(b, "noise_modulus_switch", "modulus switch, measured", log2(modulus_switch), "bits");
	report(b, "noise_modulus_switch_formula", "modulus switch, formula",
		log2(tfhe_noise_modulus_switch(p)), "bits");
	printf("\nfailure probability of a bootstrap (log2)\n");
	report(b, "failure_formula", "at the set's limit, formula",
		tfhe_failure_log2(p, p->max_noise), "bits");
	report(b, "failure_measured", "at the set's limit, measured variances",
		tfhe_failure_of_variance_log2(
			p, p->max_noise * bootstrap + keyswitch + modulus_switch),
		"bits");
	report(b, "failure_fresh", "of one clean input, formula", tfhe_failure_log2(p, 1), "bits");
	report(b, "max_noise", "the set's limit", p->max_noise, "units");
}

int main(int count, char **arguments)
{
	static struct bench b;
	const char *peer = NULL;
	int id = TFHE_DEFAULT_PARAMS;
	for (int i = 1; i + 1 < count; i += 2)
		if (strcmp(arguments[i], "--peer") == 0)
			peer = arguments[i + 1];
		else if (strcmp(arguments[i], "--set") == 0)
			id = atoi(arguments[i + 1]);
	compare_open(&b.compare, peer, 1);
	bench_keys(&b, (uint16_t)id);
	bench_bootstraps(&b);
	bench_noise(&b);
	compare_close(&b.compare, arguments[0], "tfhe");
	tfhe_lut_free(&b.lut);
	mem_free_aligned(b.lwes, 0);
	tfhe_evaluator_free(b.one);
	tfhe_evaluator_free(b.all);
	tfhe_secret_free(b.secret);
	buf_free(&b.key);
	pool_free(b.pool);
	return 0;
}

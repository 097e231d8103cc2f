/* Bootstraps as the layers above get them: time single and batched, keys, noise, failure probability.
 *
 *	bench_tfhe [parameter set id]		default: 2 (T2)
 *
 * Times of one core are thread CPU time, medians; of all cores, wall time. A table goes to stdout,
 * the figures to tfhe.json beside the program. */
#include "base/alloc.h"
#include "crypto/random.h"
#include "os/clock.h"
#include "tfhe/evaluator_inside.h"
#include "tfhe/noise.h"
#include "tfhe/secret.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 9, MOST_JOBS = 512 };

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
	json_t *json;
};

static void check(amt_status s)
{
	if (amt_ok(s))
		return;
	char text[512];
	(void)amt_status_format(s, text, sizeof(text));
	fprintf(stderr, "bench_tfhe: %s\n", text);
	exit(1);
}

static void report(
	struct bench *b, const char *name, const char *what, double value, const char *unit)
{
	printf("  %-44s %12.3f %s\n", what, value, unit);
	if (json_object_set_new(
		    b->json, name, json_pack("{s:f,s:s}", "ours", value, "unit", unit)) != 0)
		check(ERROR(AMT_OUT_OF_MEMORY, "jansson"));
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

/* Milliseconds a bootstrap, median of RUNS. */
static double time_jobs(struct bench *b, struct tfhe_evaluator *e, size_t jobs, clockid_t clock)
{
	double runs[RUNS];
	check(tfhe_bootstrap(e, b->jobs, jobs, NULL, NULL));
	for (int i = 0; i < RUNS; i++) {
		double start = seconds(clock);
		check(tfhe_bootstrap(e, b->jobs, jobs, NULL, NULL));
		runs[i] = 1e3 * (seconds(clock) - start) / (double)jobs;
	}
	qsort(runs, RUNS, sizeof(runs[0]), compare);
	return runs[RUNS / 2];
}

static void bench_keys(struct bench *b, uint16_t id)
{
	b->p = tfhe_params_find(id);
	if (b->p == NULL)
		check(ERROR(AMT_FOREIGN_PARAMETERS, "unknown parameter set %u", id));
	check(pool_new(&b->pool, 0));
	printf("TFHE, parameter set %s, kernels %s%s, %u cores\n\nkeys\n", b->p->name,
		isa_name(cpu_isa()), cpu_has_vnni() ? " with VNNI" : "", pool_threads(b->pool));
	double start = seconds(CLOCK_MONOTONIC);
	check(tfhe_secret_new(&b->secret, b->p));
	check(tfhe_evaluation_key_generate(b->secret, b->pool, NULL, NULL, &b->key));
	report(b, "key_generation", "generation, all cores", seconds(CLOCK_MONOTONIC) - start, "s");
	start = seconds(CLOCK_MONOTONIC);
	check(tfhe_evaluator_new(&b->all, buf_span(&b->key), b->pool, NULL, NULL));
	report(b, "key_expansion", "expansion, all cores", seconds(CLOCK_MONOTONIC) - start, "s");
	check(tfhe_evaluator_new(&b->one, buf_span(&b->key), NULL, NULL, NULL));
	report(b, "key_bytes", "evaluation key, serialised", (double)b->key.size / 1e6, "MB");
	report(b, "key_memory", "evaluation key, in memory",
		(double)tfhe_evaluator_bytes(b->one) / 1e6, "MB");
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
	check(tfhe_lut_new(&b->lut, b->p, 1, values));
	check(mem_alloc_aligned(&b->lwes, MOST_JOBS * stride * sizeof(*b->lwes)));
	for (uint32_t i = 0; i < MOST_JOBS; i++) {
		uint32_t *lwe = b->lwes + i * stride;
		check(tfhe_encrypt_lwe(b->secret, lwe, values[i & 15]));
		b->jobs[i] = (struct tfhe_job){.in = lwe, .lut = &b->lut, .out = {lwe}};
	}
	printf("\nkey switch and bootstrap, one core, each\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		report(b, rows[i].name, rows[i].what,
			time_jobs(b, b->one, rows[i].batch, CLOCK_THREAD_CPUTIME_ID), "ms");
	printf("\nkey switch and bootstrap, all cores\n");
	size_t jobs = (size_t)TFHE_BATCH * pool_threads(b->pool);
	if (jobs > MOST_JOBS)
		jobs = MOST_JOBS;
	double each = time_jobs(b, b->all, jobs, CLOCK_MONOTONIC);
	report(b, "kspbs_all_cores", "each, wall time", each, "ms");
	report(b, "kspbs_throughput", "throughput", 1e3 / each, "a second");
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
		check(random_bytes(b->lwes, tfhe_lwe_words(b->p) * sizeof(*b->lwes)));
		check(tfhe_phase_lwe(b->secret, &before, in));
		tfhe_keyswitch(&b->one->keyswitch, w->small, &in, &zero, 1, w->kernel);
		check(tfhe_phase_small(b->secret, &after, w->small));
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
		check(random_bytes(w->small, (n + 1) * sizeof(*w->small)));
		check(tfhe_phase_small(b->secret, &before, w->small));
		tfhe_modulus_switch(b->p, w->masks, &body, w->small);
		for (unsigned j = 0; j < n; j++)
			w->small[j] = (uint32_t)w->masks[j] << shift;
		w->small[n] = ((uint32_t)body << shift) + (1u << (shift - 1));
		check(tfhe_phase_small(b->secret, &after, w->small));
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
	check(random_bytes(values, sizeof(values)));
	check(tfhe_lut_new(&lut, b->p, FUNCTIONS, values));
	check(mem_alloc_aligned(&out, ROTATIONS * FUNCTIONS * stride * sizeof(*out)));
	for (size_t i = 0; i < ROTATIONS; i++) {
		struct tfhe_job *job = &b->jobs[i];
		check(tfhe_encrypt_lwe(b->secret, b->lwes + i * stride, 0));
		job->lut = &lut;
		for (size_t f = 0; f < FUNCTIONS; f++)
			job->out[f] = out + (i * FUNCTIONS + f) * stride;
	}
	check(tfhe_bootstrap(b->all, b->jobs, ROTATIONS, NULL, NULL));
	for (size_t i = 0; i < ROTATIONS * FUNCTIONS; i++) {
		check(tfhe_phase_lwe(b->secret, &phase, out + i * stride));
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
	char path[4096];
	b.json = json_object();
	bench_keys(&b, count > 1 ? (uint16_t)atoi(arguments[1]) : TFHE_DEFAULT_PARAMS);
	bench_bootstraps(&b);
	bench_noise(&b);
	const char *slash = strrchr(arguments[0], '/');
	int folder = slash == NULL ? 0 : (int)(slash + 1 - arguments[0]);
	(void)snprintf(path, sizeof(path), "%.*stfhe.json", folder, arguments[0]);
	if (json_dump_file(b.json, path, JSON_INDENT(1)) != 0)
		check(ERROR_ERRNO(AMT_IO, "cannot write %s", path));
	json_decref(b.json);
	tfhe_lut_free(&b.lut);
	mem_free_aligned(b.lwes, 0);
	tfhe_evaluator_free(b.one);
	tfhe_evaluator_free(b.all);
	tfhe_secret_free(b.secret);
	buf_free(&b.key);
	pool_free(b.pool);
	return 0;
}

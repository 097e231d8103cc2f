/* Programmable bootstraps in batches: key switch, modulus switch, blind rotation, extraction.
 *
 * Jobs with a trivial input are answered in clear first. The others are cut into batches of nearly
 * equal size, at most TFHE_BATCH, their number a multiple of the workers: every worker passes over
 * the keys equally often and none waits for a last full batch of another. If there is only one for
 * every two workers, two do one together. */
#include "tfhe/evaluator_inside.h"

#include "base/alloc.h"
#include "os/clock.h"
#include "tfhe/meter.h"

struct run {
	struct tfhe_evaluator *evaluator;
	const struct tfhe_job *jobs;
	const size_t *list; /* jobs that need the key */
	size_t count;
	size_t batches;
	struct meter meter;
};

static bool is_trivial(const struct tfhe_params *p, const uint32_t *lwe)
{
	for (unsigned i = 0; i < tfhe_big_dimension(p); i++)
		if (lwe[i] != 0)
			return false;
	return true;
}

/* out = X^-body * lut */
static void load_body(
	const struct tfhe_params *p, uint32_t *out, const uint32_t *lut, unsigned body)
{
	unsigned n = tfhe_poly_size(p);
	unsigned shift = body & (n - 1);
	uint32_t sign = (body & n) != 0 ? UINT32_MAX : 0;
	for (unsigned j = 0; j < n - shift; j++)
		out[j] = (lut[j + shift] ^ sign) - sign;
	for (unsigned j = n - shift; j < n; j++)
		out[j] = (lut[j + shift - n] ^ ~sign) - ~sign;
}

/* accumulator = (0, X^-body * lut). */
static void load_accumulator(
	const struct tfhe_params *p, uint32_t *accumulator, const uint32_t *lut, unsigned body)
{
	size_t masks = (size_t)p->k * tfhe_poly_size(p);
	memset(accumulator, 0, masks * sizeof(*accumulator));
	load_body(p, accumulator + masks, lut, body);
}

/* Results `first`, first + step, ... */
static void extract(const struct tfhe_params *p, const struct tfhe_job *job,
	const uint32_t *accumulator, unsigned first, unsigned step)
{
	for (unsigned f = first; f < job->lut->functions; f += step)
		if (job->out[f] != NULL)
			tfhe_lut_extract(p, job->lut, f, job->out[f], accumulator);
}

/* The small LWE of a trivial input is trivial: its phase is known, the accumulator needs no rotation
 * by the key. */
static void run_trivial(
	const struct tfhe_params *p, struct evaluator_scratch *s, const struct tfhe_job *job)
{
	uint16_t phase;
	memset(s->small, 0, p->n * sizeof(*s->small));
	s->small[p->n] = job->in[tfhe_big_dimension(p)] + job->body_offset;
	tfhe_modulus_switch(p, s->masks, &phase, s->small);
	load_accumulator(p, s->accumulators, job->lut->polynomial, phase);
	extract(p, job, s->accumulators, 0, 1);
}

/* One key switch for each run of jobs with the same input, then every job's own offset. */
static void switch_keys(const struct run *r, struct evaluator_scratch *s, const size_t *list,
	size_t count, uint16_t *bodies)
{
	static const uint32_t no_offsets[TFHE_BATCH];
	const struct tfhe_params *p = r->evaluator->params;
	const uint32_t *in[TFHE_BATCH];
	size_t inputs = 0, input_of[TFHE_BATCH];
	for (size_t i = 0; i < count; i++) {
		const uint32_t *lwe = r->jobs[list[i]].in;
		if (inputs == 0 || in[inputs - 1] != lwe)
			in[inputs++] = lwe;
		input_of[i] = inputs - 1;
	}
	tfhe_keyswitch(&r->evaluator->keyswitch, s->small, in, no_offsets, inputs, s->kernel);
	for (size_t i = 0; i < count; i++) {
		uint32_t *small = s->small + input_of[i] * (p->n + 1);
		uint32_t body = small[p->n];
		small[p->n] = body + r->jobs[list[i]].body_offset;
		tfhe_modulus_switch(p, s->masks + i * tfhe_ggsws(p), &bodies[i], small);
		small[p->n] = body;
	}
}

static amt_status run_batch(void *context, size_t index, unsigned worker)
{
	struct run *r = context;
	const struct tfhe_params *p = r->evaluator->params;
	struct evaluator_scratch *s = &r->evaluator->scratch[worker];
	size_t first = index * r->count / r->batches;
	size_t count = (index + 1) * r->count / r->batches - first;
	const size_t *list = r->list + first;
	uint16_t bodies[TFHE_BATCH];
	switch_keys(r, s, list, count, bodies);
	for (size_t i = 0; i < count; i++)
		load_accumulator(p, s->accumulators + i * tfhe_glwe_words(p),
			r->jobs[list[i]].lut->polynomial, bodies[i]);
	tfhe_blind_rotate(&r->evaluator->bootstrap, s->accumulators, s->masks, count, s->kernel);
	for (size_t i = 0; i < count; i++)
		extract(p, &r->jobs[list[i]], s->accumulators + i * tfhe_glwe_words(p), 0, 1);
	atomic_fetch_add(&r->evaluator->bootstraps, count);
	return meter_add(&r->meter, count, worker);
}

/* Half 1 comes to help, or finds that half 0 has begun alone, because it took too long: the cores are
 * busy with something else. */
enum { NOBODY, HELP, ALONE };

static bool meet(struct evaluator_pair *pair, unsigned half)
{
	const uint64_t patience_ns = 200 * 1000;
	unsigned nobody = NOBODY;
	if (half == 1)
		return atomic_compare_exchange_strong(&pair->meeting, &nobody, HELP);
	uint64_t start = clock_monotonic_ns();
	while (atomic_load(&pair->meeting) == NOBODY && clock_monotonic_ns() - start < patience_ns)
		spin_pause();
	return !atomic_compare_exchange_strong(&pair->meeting, &nobody, ALONE);
}

/* Key switch by halves, then the blind rotation too if it can be, else half 0 does it alone. */
static amt_status run_half(void *context, size_t index, unsigned worker)
{
	struct run *r = context;
	struct tfhe_evaluator *e = r->evaluator;
	const struct tfhe_params *p = e->params;
	const struct tfhe_job *job = &r->jobs[r->list[index / 2]];
	struct evaluator_pair *pair = &e->pairs[index / 2];
	struct evaluator_scratch *s = &e->scratch[worker];
	unsigned half = index & 1;
	if (!meet(pair, half))
		return half == 0 ? run_batch(r, index / 2, worker) : STATUS_OK;
	uint32_t no_offset = 0;
	uint16_t body;
	tfhe_keyswitch_part(
		&e->keyswitch, pair->small, &job->in, &no_offset, 1, half, 2, s->kernel);
	spin_meet(&pair->spin, half);
	bool together = pair->kernel != NULL;
	if (half == 1 && !together)
		return STATUS_OK;
	memcpy(s->small, pair->small, (p->n + 1) * sizeof(*s->small));
	s->small[p->n] += job->body_offset;
	tfhe_modulus_switch(p, s->masks, &body, s->small);
	if (together) {
		size_t n = tfhe_poly_size(p);
		if (half == 0)
			memset(pair->accumulator, 0, n * sizeof(*pair->accumulator));
		else
			load_body(p, pair->accumulator + n, job->lut->polynomial, body);
		tfhe_blind_rotate_half(&e->bootstrap, pair->accumulator, s->masks, &pair->spin,
			half, pair->kernel, s->kernel);
		spin_meet(&pair->spin, half);
		extract(p, job, pair->accumulator, half, 2);
	} else {
		load_accumulator(p, s->accumulators, job->lut->polynomial, body);
		tfhe_blind_rotate(&e->bootstrap, s->accumulators, s->masks, 1, s->kernel);
		extract(p, job, s->accumulators, 0, 1);
	}
	if (half == 0)
		atomic_fetch_add(&e->bootstraps, 1);
	return meter_add(&r->meter, half == 0, worker);
}

static size_t batches_for(size_t count, size_t workers)
{
	size_t batches = (count + TFHE_BATCH - 1) / TFHE_BATCH;
	batches = (batches + workers - 1) / workers * workers;
	return batches < count ? batches : count;
}

amt_status tfhe_bootstrap(struct tfhe_evaluator *e, const struct tfhe_job *jobs, size_t count,
	tfhe_progress progress, void *context)
{
	size_t *list;
	TRY(mem_array(&list, count, sizeof(*list)));
	struct run r = {
		.evaluator = e, .jobs = jobs, .list = list, .meter = {progress, context, count, 0}};
	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < count; i++)
		if (is_trivial(e->params, jobs[i].in))
			run_trivial(e->params, &e->scratch[0], &jobs[i]);
		else
			list[r.count++] = i;
	atomic_fetch_add(&e->bootstraps, count - r.count);
	r.batches = batches_for(r.count, e->workers);
	amt_status status = meter_add(&r.meter, count - r.count, 0);
	if (amt_ok(status) && r.count <= e->pair_count) {
		for (size_t i = 0; i < r.count; i++)
			atomic_store(&e->pairs[i].meeting, NOBODY);
		status = pool_run(e->pool, 2 * r.count, run_half, &r);
	} else if (amt_ok(status))
		status = pool_run(e->pool, r.batches, run_batch, &r);
	pthread_mutex_unlock(&e->lock);
	mem_free(list);
	return status;
}

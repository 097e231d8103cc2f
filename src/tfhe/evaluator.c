/* Making an evaluator: the serialised key is validated as a whole, then expanded in parallel into
 * what the kernels like. */
#include "tfhe/evaluator_inside.h"

#include "base/alloc.h"
#include "tfhe/evaluation_key.h"
#include "tfhe/meter.h"
#include "tfhe/noise.h"
#include "crypto/wire.h"

#include <xxhash.h>

struct expander {
	struct seed_expander *seed[PARTS];
	uint64_t *glwe;
	uint32_t *lwe;
};

struct expansion {
	struct tfhe_evaluator *evaluator;
	struct evaluation_key_layout layout;
	const uint8_t *content;
	struct expander *expanders;
	struct meter meter;
};

static size_t glwe_bytes(const struct tfhe_params *p)
{
	return tfhe_glwe_words(p) * sizeof(uint64_t);
}

static amt_status expand_row(
	struct expansion *x, struct expander *worker, enum evaluation_key_part part, size_t row)
{
	const struct tfhe_params *p = x->evaluator->params;
	size_t n = tfhe_poly_size(p);
	for (unsigned k = 0; k < p->k; k++)
		TRY(seed_expand_u64(worker->seed[part], row * p->k + k, worker->glwe + k * n, n));
	memcpy(worker->glwe + p->k * n, x->content + x->layout.part[part] + row * n * 8, n * 8);
	return STATUS_OK;
}

static amt_status expand_ggsw(struct expansion *x, struct expander *worker, size_t ggsw)
{
	for (unsigned row = 0; row < x->layout.bit_rows; row++) {
		TRY(expand_row(x, worker, PART_BOOTSTRAP, ggsw * x->layout.bit_rows + row));
		tfhe_bootstrap_key_set(&x->evaluator->bootstrap, (unsigned)ggsw, row, worker->glwe);
	}
	return STATUS_OK;
}

static amt_status expand_automorphism(struct expansion *x, struct expander *worker, size_t index)
{
	struct tfhe_evaluator *e = x->evaluator;
	size_t n = tfhe_poly_size(e->params), columns = e->params->k + 1;
	double *out = e->automorphism + index * evaluator_automorphism_size(e->params);
	for (unsigned row = 0; row < x->layout.automorphism_rows; row++) {
		TRY(expand_row(
			x, worker, PART_AUTOMORPHISM, index * x->layout.automorphism_rows + row));
		for (size_t c = 0; c < columns; c++)
			ring_fft_forward_u64(e->bootstrap.fft, out + (row * columns + c) * n,
				worker->glwe + c * n);
	}
	return STATUS_OK;
}

static amt_status expand_keyswitch(struct expansion *x, struct expander *worker, size_t group)
{
	const struct tfhe_params *p = x->evaluator->params;
	const uint8_t *bodies = x->content + x->layout.part[PART_KEYSWITCH];
	for (size_t i = group * KEYSWITCH_GROUP; i < (group + 1) * KEYSWITCH_GROUP; i++)
		for (unsigned level = 0; level < p->ks_levels; level++) {
			size_t row = i * p->ks_levels + level;
			TRY(seed_expand_u32(worker->seed[PART_KEYSWITCH], row, worker->lwe, p->n));
			worker->lwe[p->n] = load_u32(bodies + 4 * row);
			tfhe_keyswitch_key_set(
				&x->evaluator->keyswitch, (unsigned)i, level, worker->lwe);
		}
	return STATUS_OK;
}

static amt_status expand(void *context, size_t index, unsigned worker)
{
	struct expansion *x = context;
	struct expander *w = &x->expanders[worker];
	const struct tfhe_params *p = x->evaluator->params;
	size_t ggsws = tfhe_ggsws(p);
	if (index < ggsws)
		TRY(expand_ggsw(x, w, index));
	else if (index < ggsws + p->n_poly_log2)
		TRY(expand_automorphism(x, w, index - ggsws));
	else
		TRY(expand_keyswitch(x, w, index - ggsws - p->n_poly_log2));
	return meter_add(&x->meter, 1, worker);
}

static amt_status expander_open(struct expander *w, const struct expansion *x)
{
	const struct tfhe_params *p = x->evaluator->params;
	for (unsigned part = 0; part < PARTS; part++) {
		struct seed seed;
		memcpy(&seed, x->content + part * sizeof(seed), sizeof(seed));
		TRY(seed_expander_new(&w->seed[part], &seed));
	}
	TRY(mem_alloc_aligned(&w->glwe, glwe_bytes(p)));
	return mem_alloc_aligned(&w->lwe, (p->n + 1) * sizeof(*w->lwe));
}

static void expander_close(struct expander *w, const struct tfhe_params *p)
{
	for (unsigned part = 0; part < PARTS; part++)
		seed_expander_free(w->seed[part]);
	mem_free_aligned(w->glwe, glwe_bytes(p));
	mem_free_aligned(w->lwe, (p->n + 1) * sizeof(*w->lwe));
}

static amt_status expand_all(struct expansion *x)
{
	unsigned workers = x->evaluator->workers;
	TRY(mem_array(&x->expanders, workers, sizeof(*x->expanders)));
	amt_status status = STATUS_OK;
	for (unsigned i = 0; i < workers && amt_ok(status); i++)
		status = expander_open(&x->expanders[i], x);
	if (amt_ok(status))
		status = pool_run(x->evaluator->pool, x->meter.total, expand, x);
	for (unsigned i = 0; i < workers; i++)
		expander_close(&x->expanders[i], x->evaluator->params);
	mem_free(x->expanders);
	return status;
}

static size_t kernel_scratch_bytes(const struct tfhe_evaluator *e)
{
	size_t rotate = tfhe_blind_rotate_scratch(&e->bootstrap, TFHE_BATCH);
	size_t keyswitch = tfhe_keyswitch_scratch(&e->keyswitch, TFHE_BATCH);
	return rotate > keyswitch ? rotate : keyswitch;
}

/* The keys lie in the region; it is there already, or will be filled. */
static amt_status place(struct tfhe_evaluator *e, enum isa isa)
{
	struct expanded *x = &e->expanded;
	e->automorphism = (double *)(x->memory + x->part[PART_AUTOMORPHISM]);
	TRY(tfhe_bootstrap_key_place(
		&e->bootstrap, e->params, isa, x->memory + x->part[PART_BOOTSTRAP]));
	return tfhe_keyswitch_key_place(
		&e->keyswitch, e->params, isa, x->memory + x->part[PART_KEYSWITCH]);
}

amt_status evaluator_allocate_scratch(struct tfhe_evaluator *e)
{
	const struct tfhe_params *p = e->params;
	TRY(mem_array(&e->scratch, e->workers, sizeof(*e->scratch)));
	for (unsigned i = 0; i < e->workers; i++) {
		struct evaluator_scratch *s = &e->scratch[i];
		TRY(mem_alloc_aligned(&s->accumulators,
			TFHE_BATCH * tfhe_glwe_words(p) * sizeof(*s->accumulators)));
		TRY(mem_alloc_aligned(&s->small, TFHE_BATCH * (p->n + 1) * sizeof(*s->small)));
		TRY(mem_alloc_aligned(&s->masks, TFHE_BATCH * tfhe_ggsws(p) * sizeof(*s->masks)));
		TRY(mem_alloc_aligned(&s->kernel, kernel_scratch_bytes(e)));
	}
	size_t shared = tfhe_half_shared(&e->bootstrap);
	e->pair_count = e->workers / 2;
	if (e->pair_count == 0)
		return STATUS_OK;
	TRY(mem_alloc_aligned(&e->pairs, e->pair_count * sizeof(*e->pairs)));
	memset(e->pairs, 0, e->pair_count * sizeof(*e->pairs));
	for (unsigned i = 0; i < e->pair_count; i++) {
		struct evaluator_pair *pair = &e->pairs[i];
		TRY(mem_alloc_aligned(
			&pair->accumulator, tfhe_glwe_words(p) * sizeof(*pair->accumulator)));
		TRY(mem_alloc_aligned(&pair->small, (p->n + 1) * sizeof(*pair->small)));
		if (shared > 0)
			TRY(mem_alloc_aligned(&pair->kernel, shared));
	}
	return STATUS_OK;
}

static amt_status fill(struct tfhe_evaluator *e, struct evaluation_key_layout layout,
	struct span content, enum isa isa, tfhe_progress progress, void *context)
{
	TRY(mem_alloc_aligned(&e->expanded.memory, e->expanded.bytes));
	TRY(place(e, isa));
	struct expansion x = {.evaluator = e,
		.layout = layout,
		.content = content.data,
		.meter = {progress, context, evaluation_key_tasks(e->params), 0}};
	return expand_all(&x);
}

/* From the file, or made and written there. A file that cannot be written is only slower. */
static amt_status fill_shared(struct tfhe_evaluator *e, struct evaluation_key_layout layout,
	struct span content, const struct expanded_name *name, const char *cache,
	tfhe_progress progress, void *context)
{
	struct expanded_turn turn = {0};
	amt_status s = STATUS_OK;
	if (!expanded_find(&e->expanded, cache, name, &turn)) {
		s = fill(e, layout, content, name->isa, progress, context);
		if (amt_ok(s)) {
			expanded_seal(&e->expanded, name);
			status_drop(expanded_share(&e->expanded, cache, name, &turn));
		}
	}
	expanded_turn_end(&turn);
	TRY(s);
	return place(e, name->isa);
}

amt_status evaluator_new(struct tfhe_evaluator **out, const struct tfhe_evaluator *like)
{
	struct tfhe_evaluator *e;
	TRY(mem_zalloc(&e, sizeof(*e)));
	e->params = like->params;
	e->pool = like->pool;
	e->workers = like->workers;
	e->bootstrap = like->bootstrap;
	e->bootstrap.placed = true;
	memcpy(e->key_id, like->key_id, sizeof(e->key_id));
	pthread_mutex_init(&e->lock, NULL);
	*out = e;
	return STATUS_OK;
}

amt_status tfhe_evaluator_open(struct tfhe_evaluator **out, struct span key, const char *cache,
	struct pool *pool, tfhe_progress progress, void *context)
{
	struct wire_header header;
	struct span content;
	TRY(wire_get(key, WIRE_EVALUATION_KEY, &header, &content));
	const struct tfhe_params *p = tfhe_params_find(header.params);
	ENSURE(p != NULL, AMT_FOREIGN_PARAMETERS, "unknown parameter set %u", header.params);
	TRY(tfhe_params_check(p));
	struct evaluation_key_layout layout = evaluation_key_layout(p);
	ENSURE(content.size == layout.total, AMT_CORRUPTION,
		"an evaluation key of set %s has %zu bytes, this one %zu", p->name, layout.total,
		content.size);

	struct tfhe_evaluator *e;
	struct expanded_name name = {.params = p, .isa = cpu_isa()};
	memcpy(name.key_id, header.key_id, sizeof(name.key_id));
	TRY(mem_zalloc(&e, sizeof(*e)));
	e->params = p;
	e->pool = pool;
	e->workers = pool_threads(pool);
	memcpy(e->key_id, header.key_id, sizeof(e->key_id));
	pthread_mutex_init(&e->lock, NULL);
	e->expanded = expanded_layout(p, name.isa);
	amt_status status;
	if (cache == NULL)
		status = fill(e, layout, content, name.isa, progress, context);
	else {
		name.key_sum = XXH3_64bits(key.data, key.size);
		status = fill_shared(e, layout, content, &name, cache, progress, context);
	}
	if (amt_ok(status))
		status = evaluator_allocate_scratch(e);
	if (!amt_ok(status)) {
		tfhe_evaluator_free(e);
		return status;
	}
	*out = e;
	return STATUS_OK;
}

amt_status tfhe_evaluator_new(struct tfhe_evaluator **out, struct span key, struct pool *pool,
	tfhe_progress progress, void *context)
{
	return tfhe_evaluator_open(out, key, NULL, pool, progress, context);
}

bool tfhe_evaluator_shared(const struct tfhe_evaluator *e)
{
	return e->expanded.map.size > 0;
}

void tfhe_evaluator_free(struct tfhe_evaluator *e)
{
	if (e == NULL)
		return;
	for (unsigned i = 0; e->scratch != NULL && i < e->workers; i++) {
		struct evaluator_scratch *s = &e->scratch[i];
		mem_free_aligned(s->accumulators, 0);
		mem_free_aligned(s->small, 0);
		mem_free_aligned(s->masks, 0);
		mem_free_aligned(s->kernel, 0);
	}
	for (unsigned i = 0; e->pairs != NULL && i < e->pair_count; i++) {
		mem_free_aligned(e->pairs[i].accumulator, 0);
		mem_free_aligned(e->pairs[i].small, 0);
		mem_free_aligned(e->pairs[i].kernel, 0);
	}
	mem_free_aligned(e->pairs, 0);
	mem_free(e->scratch);
	tfhe_keyswitch_key_free(&e->keyswitch);
	tfhe_bootstrap_key_free(&e->bootstrap);
	expanded_free(&e->expanded);
	pthread_mutex_destroy(&e->lock);
	mem_free(e);
}

const struct tfhe_params *tfhe_evaluator_params(const struct tfhe_evaluator *e)
{
	return e->params;
}

const uint8_t *tfhe_evaluator_key_id(const struct tfhe_evaluator *e)
{
	return e->key_id;
}

uint64_t tfhe_evaluator_bootstraps(const struct tfhe_evaluator *e)
{
	return atomic_load(&e->bootstraps);
}

size_t tfhe_evaluator_bytes(const struct tfhe_evaluator *e)
{
	return e->expanded.bytes - EXPANDED_HEAD_BYTES;
}

/* Making evaluation keys (tfhe/evaluation_key.h): every row is an encryption of zero with its
 * message added to the body. Rows are independent, so workers share them out. */
#include "tfhe/secret_inside.h"

#include "base/alloc.h"
#include "crypto/sample.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "tfhe/evaluation_key.h"
#include "tfhe/meter.h"
#include "crypto/wire.h"

struct maker {
	struct seed_expander *seed[PARTS];
	struct secret_scratch product;
	uint64_t *mask;	     /* N */
	uint64_t *message;   /* N: a polynomial of -1, 0 and 1; wiped */
	uint64_t *body;	     /* N: noise, message and product; wiped */
	uint32_t *lwe_mask;  /* n */
	uint64_t *lwe_noise; /* rows of a group; wiped */
};

struct making {
	const struct tfhe_secret *secret;
	struct evaluation_key_layout layout;
	uint8_t *content;
	struct maker *makers;
	struct meter meter;
};

static unsigned group_rows(const struct tfhe_params *p)
{
	return KEYSWITCH_GROUP * p->ks_levels;
}

/* GLWE row of message * 2^64 / B^(level + 1). */
static amt_status make_row(const struct making *g, struct maker *m, enum evaluation_key_part part,
	size_t row, unsigned level)
{
	const struct tfhe_params *p = g->secret->params;
	size_t n = tfhe_poly_size(p);
	unsigned shift = 64 - p->pbs_base_log2 * (level + 1);
	TRY(sample_noise(&p->glwe_noise, m->body, n));
	for (size_t i = 0; i < n; i++)
		m->body[i] += m->message[i] << shift;
	for (unsigned k = 0; k < p->k; k++) {
		TRY(seed_expand_u64(m->seed[part], row * p->k + k, m->mask, n));
		secret_mul_add_u64(g->secret, k, m->body, m->mask, &m->product);
	}
	memcpy(g->content + g->layout.part[part] + row * n * sizeof(*m->body), m->body,
		n * sizeof(*m->body));
	return STATUS_OK;
}

/* All ones if the key bits of a step are those of the subset: every other product of them is 0. */
static uint32_t indicator(const struct tfhe_secret *s, size_t ggsw)
{
	unsigned group = tfhe_group(s->params), subsets = tfhe_subsets(s->params);
	const uint32_t *bits = s->small + ggsw / subsets * group;
	unsigned subset = (unsigned)(ggsw % subsets) + 1;
	uint32_t all = UINT32_MAX;
	for (unsigned j = 0; j < group; j++)
		all &= bits[j] ^ ((subset >> j & 1) - 1);
	return all;
}

static amt_status make_ggsw(const struct making *g, struct maker *m, size_t ggsw)
{
	const struct tfhe_secret *s = g->secret;
	const struct tfhe_params *p = s->params;
	size_t n = tfhe_poly_size(p), row = ggsw * g->layout.bit_rows;
	uint32_t bit = indicator(s, ggsw);
	for (unsigned level = 0; level < p->pbs_levels; level++) {
		for (unsigned k = 0; k < p->k; k++) {
			for (size_t i = 0; i < n; i++)
				m->message[i] = -(uint64_t)(s->big[k * n + i] & bit & 1);
			TRY(make_row(g, m, PART_BOOTSTRAP, row++, level));
		}
		memset(m->message, 0, n * sizeof(*m->message));
		m->message[0] = bit & 1;
		TRY(make_row(g, m, PART_BOOTSTRAP, row++, level));
	}
	return STATUS_OK;
}

static amt_status make_automorphism(const struct making *g, struct maker *m, size_t index)
{
	const struct tfhe_secret *s = g->secret;
	const struct tfhe_params *p = s->params;
	unsigned n = tfhe_poly_size(p), t = (2u << index) + 1;
	size_t row = index * g->layout.automorphism_rows;
	for (unsigned level = 0; level < p->pbs_levels; level++)
		for (unsigned k = 0; k < p->k; k++) {
			for (unsigned i = 0, to = 0; i < n; i++, to = (to + t) & (2 * n - 1)) {
				uint64_t bit = s->big[k * n + i] & 1;
				m->message[to & (n - 1)] = (to & n) != 0 ? bit : -bit;
			}
			TRY(make_row(g, m, PART_AUTOMORPHISM, row++, level));
		}
	return STATUS_OK;
}

static amt_status make_keyswitch(const struct making *g, struct maker *m, size_t group)
{
	const struct tfhe_secret *s = g->secret;
	const struct tfhe_params *p = s->params;
	size_t row = group * group_rows(p);
	TRY(sample_noise(&p->lwe_noise, m->lwe_noise, group_rows(p)));
	for (unsigned r = 0; r < group_rows(p); r++, row++) {
		unsigned level = r % p->ks_levels;
		uint32_t bit = s->big[row / p->ks_levels] & 1;
		TRY(seed_expand_u32(m->seed[PART_KEYSWITCH], row, m->lwe_mask, p->n));
		uint32_t body = secret_dot(s->small, m->lwe_mask, p->n) +
				secret_round(m->lwe_noise[r]) +
				(bit << (32 - p->ks_base_log2 * (level + 1)));
		store_u32(g->content + g->layout.part[PART_KEYSWITCH] + row * sizeof(body), body);
	}
	return STATUS_OK;
}

static amt_status make(void *context, size_t index, unsigned worker)
{
	struct making *g = context;
	struct maker *m = &g->makers[worker];
	const struct tfhe_params *p = g->secret->params;
	size_t ggsws = tfhe_ggsws(p);
	if (index < ggsws)
		TRY(make_ggsw(g, m, index));
	else if (index < ggsws + p->n_poly_log2)
		TRY(make_automorphism(g, m, index - ggsws));
	else
		TRY(make_keyswitch(g, m, index - ggsws - p->n_poly_log2));
	return meter_add(&g->meter, 1, worker);
}

static amt_status maker_open(struct maker *m, const struct tfhe_params *p, const uint8_t *seeds)
{
	size_t n = tfhe_poly_size(p);
	for (unsigned part = 0; part < PARTS; part++) {
		struct seed seed;
		memcpy(&seed, seeds + part * sizeof(seed), sizeof(seed));
		TRY(seed_expander_new(&m->seed[part], &seed));
	}
	TRY(secret_scratch_open(&m->product, p));
	TRY(mem_alloc_aligned(&m->mask, n * sizeof(*m->mask)));
	TRY(mem_alloc_aligned(&m->message, n * sizeof(*m->message)));
	TRY(mem_alloc_aligned(&m->body, n * sizeof(*m->body)));
	TRY(mem_alloc_aligned(&m->lwe_mask, p->n * sizeof(*m->lwe_mask)));
	return mem_alloc_aligned(&m->lwe_noise, group_rows(p) * sizeof(*m->lwe_noise));
}

static void wipe_and_free(void *memory, size_t size)
{
	if (memory != NULL)
		secret_wipe(memory, size);
	mem_free_aligned(memory, size);
}

static void maker_close(struct maker *m, const struct tfhe_params *p)
{
	size_t n = tfhe_poly_size(p);
	for (unsigned part = 0; part < PARTS; part++)
		seed_expander_free(m->seed[part]);
	secret_scratch_close(&m->product, p);
	mem_free_aligned(m->mask, n * sizeof(*m->mask));
	wipe_and_free(m->message, n * sizeof(*m->message));
	wipe_and_free(m->body, n * sizeof(*m->body));
	mem_free_aligned(m->lwe_mask, p->n * sizeof(*m->lwe_mask));
	wipe_and_free(m->lwe_noise, group_rows(p) * sizeof(*m->lwe_noise));
}

static amt_status make_all(struct making *g, struct pool *pool)
{
	const struct tfhe_params *p = g->secret->params;
	struct seed seed[PARTS];
	for (unsigned part = 0; part < PARTS; part++)
		TRY(seed_new(&seed[part]));
	memcpy(g->content, seed, sizeof(seed));
	unsigned workers = pool_threads(pool);
	TRY(mem_array(&g->makers, workers, sizeof(*g->makers)));
	amt_status status = STATUS_OK;
	for (unsigned i = 0; i < workers && amt_ok(status); i++)
		status = maker_open(&g->makers[i], p, g->content);
	if (amt_ok(status))
		status = pool_run(pool, g->meter.total, make, g);
	for (unsigned i = 0; i < workers; i++)
		maker_close(&g->makers[i], p);
	mem_free(g->makers);
	return status;
}

amt_status tfhe_evaluation_key_generate(const struct tfhe_secret *s, struct pool *pool,
	tfhe_progress progress, void *context, struct buf *out)
{
	struct making g = {.secret = s,
		.layout = evaluation_key_layout(s->params),
		.meter = {progress, context, evaluation_key_tasks(s->params), 0}};
	struct wire_header header = {.type = WIRE_EVALUATION_KEY,
		.params = s->params->id,
		.created_us = clock_wall_us()};
	memcpy(header.key_id, s->key_id, sizeof(header.key_id));
	TRY(mem_alloc(&g.content, g.layout.total));
	amt_status status = make_all(&g, pool);
	if (amt_ok(status))
		status = wire_put(out, &header, span_of(g.content, g.layout.total));
	mem_free(g.content);
	return status;
}

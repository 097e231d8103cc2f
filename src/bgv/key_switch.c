/* Key switching (hybrid, Gentry, Halevi, Smart 2012; one digit a limb as Bajard, Eynard, Hasan,
 * Zucca 2016): a polynomial d is the sum of its digits D_i = [d]_{q_i} times CRT units g_i (1 modulo
 * q_i, 0 modulo the others), and key i encrypts p g_i S, so sum D_i key_i encrypts p d S; division
 * by p with a multiple of t follows as in a modulus switch. On a prefix of the limbs the same keys
 * serve.
 *
 * l limbs cost l inverse transforms, l l forward ones (digit i is there modulo q_i already), two
 * inverse ones modulo p and 2 l forward ones. If the last limb q is dropped at once, both divisions
 * share their forward transforms: with u = [t^-1 sums]_p, the rest modulo q is known in coefficients,
 * v = [t^-1 (c + sums / p) - u / p]_q, and t (u / p + v) / q is subtracted.
 *
 * The digits of a target limb are transformed first and summed up tile by tile, so that accumulators
 * stay in the first-level cache and digits in the second. What is left to wait for is the key, 2 l l
 * polynomials: where it is long, two ciphertexts share it.
 */
#include "bgv/inside.h"

#include "base/alloc.h"

enum {
	TILE = 512,
	TILE_WORDS = 4 * TILE, /* two accumulators */
	GROUP = 2,
	LONG_KEY_LIMBS = 5 /* from here on two ciphertexts at a time are faster than one */
};

/* out[0] + out[1] s += source * S of the key. Limbs of a polynomial lie one after another; source is
 * neither of out. */
struct switch_item {
	const uint64_t *source;
	uint64_t *out[2];
};

/* A group of ciphertexts. */
struct switching {
	const struct bgv_keys *keys;
	const struct bgv_ring *ring;
	unsigned key, limbs;
	const struct switch_item *items;
	size_t count;
	bool drop;
	uint64_t *digits;  /* [item][limb][N]: coefficients modulo q_limb */
	uint64_t *special; /* [item][part][N]: u, coefficients modulo p */
	uint64_t *last;	   /* [item][part][N]: v, coefficients modulo the limb dropped */
	uint64_t *workers;
	size_t worker_words; /* digits, TILE_WORDS of sums a ciphertext, TILE reduced */
};

static amt_status make_digit(void *context, size_t index, unsigned worker)
{
	(void)worker;
	const struct switching *s = context;
	size_t item = index / s->limbs, limb = index % s->limbs, n = s->ring->n;
	uint64_t *digit = s->digits + index * n;
	memcpy(digit, s->items[item].source + limb * n, n * sizeof(*digit));
	ntt_inverse(s->ring->q[limb], digit);
	return STATUS_OK;
}

/* Values of digit i of an item modulo the target limb. */
static const uint64_t *transform(const struct switching *s, size_t item, unsigned i,
	unsigned target, const struct ntt *q, uint64_t *room)
{
	size_t n = s->ring->n;
	if (i == target)
		return s->items[item].source + i * n;
	ntt_convert_forward(q, room, s->digits + (item * s->limbs + i) * n, s->ring->params->q[i]);
	return room;
}

/* Sums over the digits modulo p, or modulo a limb, where they are added to the ciphertext. */
static amt_status sum_up(void *context, size_t index, unsigned worker)
{
	const struct switching *s = context;
	/* What is modulo p takes longest: it comes first. */
	unsigned target = s->limbs - (unsigned)index;
	bool special = target == s->limbs;
	unsigned of_key = special ? s->keys->limbs : target;
	const struct ntt *q = special ? s->ring->p : s->ring->q[target];
	const uint64_t *values[GROUP][BGV_MAX_LIMBS];
	size_t n = s->ring->n;
	uint64_t *room = s->workers + worker * s->worker_words;
	uint64_t *sums = room + s->count * s->limbs * n, *reduced = sums + s->count * TILE_WORDS;
	for (size_t c = 0; c < s->count; c++)
		for (unsigned i = 0; i < s->limbs; i++)
			values[c][i] = transform(s, c, i, target, q, room + (c * s->limbs + i) * n);
	for (size_t at = 0; at < n; at += TILE) {
		memset(sums, 0, s->count * TILE_WORDS * sizeof(*sums));
		for (unsigned i = 0; i < s->limbs; i++) {
			const uint64_t *key = bgv_digit(s->keys, s->key, of_key, i) + at;
			for (size_t c = 0; c < s->count; c++) {
				uint64_t *sum = sums + c * TILE_WORDS;
				ntt_acc(q, sum, values[c][i] + at, key, TILE);
				ntt_acc(q, sum + 2 * TILE, values[c][i] + at, key + n, TILE);
			}
		}
		for (size_t c = 0; c < 2 * s->count; c++) {
			uint64_t *sum = sums + c * 2 * TILE;
			if (special) {
				ntt_acc_reduce(q, s->special + c * n + at, sum, TILE);
				continue;
			}
			uint64_t *out = s->items[c / 2].out[c % 2] + target * n + at;
			ntt_acc_reduce(q, reduced, sum, TILE);
			ntt_add(q, out, out, reduced, TILE);
		}
	}
	for (size_t c = 0; special && c < 2 * s->count; c++)
		ntt_inverse(q, s->special + c * n);
	return STATUS_OK;
}

/* v of a polynomial. */
static amt_status divide_last(void *context, size_t index, unsigned worker)
{
	const struct switching *s = context;
	const struct bgv_ring *ring = s->ring;
	unsigned last = s->limbs - 1;
	const struct ntt *q = ring->q[last];
	size_t n = ring->n;
	uint64_t *x = s->workers + worker * s->worker_words, *v = s->last + index * n;
	ntt_scale(q, v, s->items[index / 2].out[index % 2] + last * n,
		ring->constants->t_inverse[last], n);
	ntt_inverse(q, v);
	ntt_convert(q, x, s->special + index * n, ring->params->p, n);
	ntt_scale(q, x, x, ring->constants->p_inverse[last], n);
	ntt_sub(q, v, v, x, n);
	return STATUS_OK;
}

/* out -= t u / p; dropping, (out - t (u / p + v)) / q. */
static amt_status divide(void *context, size_t index, unsigned worker)
{
	const struct switching *s = context;
	const struct bgv_ring *ring = s->ring;
	const struct bgv_constants *constants = ring->constants;
	unsigned limbs = s->limbs - s->drop, limb = (unsigned)(index % limbs), last = s->limbs - 1;
	const struct ntt *q = ring->q[limb];
	size_t polynomial = index / limbs, n = ring->n;
	uint64_t *x = s->workers + worker * s->worker_words, *y = x + n;
	uint64_t *out = s->items[polynomial / 2].out[polynomial % 2] + limb * n;
	if (!s->drop) {
		ntt_convert_forward(q, x, s->special + polynomial * n, ring->params->p);
		ntt_scale_add(q, out, x, constants->p_delta[limb], n);
		return STATUS_OK;
	}
	ntt_convert(q, x, s->special + polynomial * n, ring->params->p, n);
	ntt_convert(q, y, s->last + polynomial * n, ring->params->q[last], n);
	ntt_scale_add(q, y, x, constants->p_inverse[limb], n);
	ntt_forward(q, y);
	ntt_scale(q, out, out, constants->drop_inverse[last][limb], n);
	ntt_scale_add(q, out, y, constants->drop_delta[last][limb], n);
	return STATUS_OK;
}

static amt_status switch_group(struct switching *s, struct pool *pool)
{
	size_t n = s->ring->n;
	/* Dropping takes two polynomials of a worker's digits. */
	size_t digits = s->count * s->limbs < 2 ? 2 : s->count * s->limbs;
	s->worker_words = digits * n + s->count * TILE_WORDS + TILE;
	size_t words = s->count * (s->limbs + 4) * n + pool_threads(pool) * s->worker_words;
	TRY(bgv_scratch_take(s->ring, words, &s->digits));
	s->special = s->digits + s->count * s->limbs * n;
	s->last = s->special + s->count * 2 * n;
	s->workers = s->last + s->count * 2 * n;
	amt_status status = pool_run(pool, s->count * s->limbs, make_digit, s);
	if (amt_ok(status))
		status = pool_run(pool, s->limbs + 1, sum_up, s);
	if (amt_ok(status) && s->drop)
		status = pool_run(pool, s->count * 2, divide_last, s);
	if (amt_ok(status))
		status = pool_run(pool, s->count * 2 * (s->limbs - s->drop), divide, s);
	bgv_scratch_give(s->ring, words, s->digits);
	return status;
}

static amt_status one_group(void *context, size_t index, unsigned worker)
{
	(void)worker;
	const struct switching *all = context;
	size_t most = all->limbs < LONG_KEY_LIMBS ? 1 : GROUP, first = index * most;
	struct switching s = *all;
	s.items += first;
	s.count = all->count - first < most ? all->count - first : most;
	return switch_group(&s, NULL);
}

/* Where there are groups for all threads each has its own; else they share the limbs of one. */
static amt_status switch_all(struct switching *s, struct pool *pool)
{
	size_t most = s->limbs < LONG_KEY_LIMBS ? 1 : GROUP, groups = (s->count + most - 1) / most;
	ENSURE(s->limbs >= 1 && s->limbs <= s->keys->limbs, AMT_NOT_FOUND,
		"there are switching keys for %u limbs, not %u", s->keys->limbs, s->limbs);
	if (groups >= pool_threads(pool))
		return pool_run(pool, groups, one_group, s);
	struct switching one = *s;
	amt_status status = STATUS_OK;
	one.count = 1;
	for (size_t i = 0; i < s->count && amt_ok(status); i++, one.items++)
		status = switch_group(&one, pool);
	return status;
}

static amt_status relinearise(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *const *ct, size_t count, bool drop, struct pool *pool)
{
	if (count == 0)
		return STATUS_OK;
	struct switching s = {
		.keys = keys, .ring = ring, .limbs = ct[0]->limbs, .count = count, .drop = drop};
	for (size_t i = 0; i < count; i++)
		ENSURE(ct[i]->parts == 3 && ct[i]->limbs == s.limbs && s.limbs > drop,
			AMT_INVALID_ARGUMENT,
			"relinearisation takes 3 parts and equal limbs, not %u parts of %u limbs",
			ct[i]->parts, ct[i]->limbs);
	struct switch_item *items;
	TRY(mem_array(&items, count, sizeof(*items)));
	for (size_t i = 0; i < count; i++)
		items[i] = (struct switch_item){.source = bgv_limb(ring, ct[i], 2, 0),
			.out = {bgv_limb(ring, ct[i], 0, 0), bgv_limb(ring, ct[i], 1, 0)}};
	s.items = items;
	amt_status status = switch_all(&s, pool);
	for (size_t i = 0; i < count && amt_ok(status); i++) {
		ct[i]->parts = 2;
		ct[i]->noise = bgv_noise_key_switch(ring->params, s.limbs, ct[i]->noise);
		if (drop)
			ct[i]->noise = bgv_noise_mod_switch(ring->params, s.limbs, ct[i]->noise);
		ct[i]->limbs -= drop;
	}
	mem_free(items);
	return status;
}

amt_status bgv_relinearise(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *const *ct, size_t count, struct pool *pool)
{
	return relinearise(ring, keys, ct, count, false, pool);
}

amt_status bgv_relinearise_drop(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *const *ct, size_t count, struct pool *pool)
{
	return relinearise(ring, keys, ct, count, true, pool);
}

struct permuting {
	const struct bgv_keys *keys;
	struct bgv_ct *out;
	const uint64_t *from; /* [part][limb][N] */
	unsigned key;
};

static amt_status permute(void *context, size_t index, unsigned worker)
{
	(void)worker;
	const struct permuting *p = context;
	const struct bgv_ring *ring = p->keys->ring;
	unsigned part = (unsigned)index / p->out->limbs, limb = (unsigned)index % p->out->limbs;
	ntt_permute(ring->q[limb], bgv_limb(ring, p->out, part, limb), p->from + index * ring->n,
		bgv_keys_permutation(p->keys, p->key), ring->n);
	return STATUS_OK;
}

/* The key is stored so that the automorphism comes after the switch. */
static amt_status automorphism(const struct bgv_keys *keys, unsigned key, struct bgv_ct *out,
	const struct bgv_ct *a, struct pool *pool)
{
	const struct bgv_ring *ring = keys->ring;
	size_t part = a->limbs * ring->n;
	uint64_t *sums;
	TRY(bgv_scratch_take(ring, 2 * part, &sums));
	memcpy(sums, bgv_limb(ring, a, 0, 0), part * sizeof(*sums));
	memset(sums + part, 0, part * sizeof(*sums));
	struct switch_item item = {.source = bgv_limb(ring, a, 1, 0), .out = {sums, sums + part}};
	struct switching s = {.keys = keys,
		.ring = ring,
		.key = key,
		.limbs = a->limbs,
		.items = &item,
		.count = 1};
	amt_status status = switch_all(&s, pool);
	bgv_shape(out, a->limbs, 2);
	struct permuting p = {.keys = keys, .out = out, .from = sums, .key = key};
	if (amt_ok(status))
		status = pool_run(pool, 2 * (size_t)a->limbs, permute, &p);
	bgv_scratch_give(ring, 2 * part, sums);
	return status;
}

amt_status bgv_automorphism(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *out, const struct bgv_ct *a, uint32_t element, struct pool *pool)
{
	unsigned key;
	ENSURE(a->parts == 2, AMT_INVALID_ARGUMENT, "an automorphism of %u parts", a->parts);
	TRY(bgv_keys_find(keys, element, &key));
	TRY(automorphism(keys, key, out, a, pool));
	out->noise = bgv_noise_key_switch(ring->params, a->limbs, a->noise);
	return STATUS_OK;
}

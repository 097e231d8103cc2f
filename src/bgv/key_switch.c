/* Key switching (hybrid, Gentry, Halevi, Smart 2012; one digit a limb as Bajard, Eynard, Hasan,
 * Zucca 2016): a polynomial d is the sum of its digits D_i = [d]_{q_i} times CRT units g_i (1 modulo
 * q_i, 0 modulo the others), and key i encrypts p g_i S, so sum D_i key_i encrypts p d S; division
 * by p with a multiple of t follows as in a modulus switch. On a prefix of the limbs the same keys
 * serve.
 *
 * l limbs cost l inverse transforms, l l forward ones (digit i is there modulo q_i already), two
 * inverse ones modulo p and 2 l forward ones. The digits of a target limb are transformed first and
 * summed up tile by tile, so that accumulators stay in the first-level cache and digits in the
 * second; keys are read once for a block of ciphertexts.
 */
#include "bgv/inside.h"

#include "base/alloc.h"

enum {
	TILE = 512,
	TILE_WORDS = 4 * TILE, /* two accumulators */
	BLOCK_BYTES = 1 << 20, /* digits of a block of ciphertexts: half of a second-level cache */
	MAX_BLOCK = 16
};

struct switching {
	const struct bgv_keys *keys;
	const struct bgv_ring *ring;
	unsigned key, limbs;
	const struct bgv_switch_item *items;
	size_t count, block, blocks; /* ciphertexts, of a block at most, blocks */
	uint64_t *digits;	     /* [item][limb][N]: coefficients modulo q_limb */
	uint64_t *special; /* [item][part][N]: sums modulo p, in coefficients, times t^-1 */
	uint64_t *workers;
	size_t worker_words; /* digits, block * TILE_WORDS of sums, TILE reduced */
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
	ntt_convert(q, room, s->digits + (item * s->limbs + i) * n, s->ring->params->q[i], n);
	ntt_forward(q, room);
	return room;
}

/* Sums over the digits for the items [first, first + count) modulo one target limb. */
static void sum_up(
	const struct switching *s, unsigned target, size_t first, size_t count, uint64_t *room)
{
	bool special = target == s->limbs;
	unsigned of_key = special ? s->keys->limbs : target;
	const struct ntt *q = special ? s->ring->p : s->ring->q[target];
	const uint64_t *values[MAX_BLOCK][BGV_MAX_LIMBS];
	size_t n = s->ring->n;
	uint64_t *sums = room + s->block * s->limbs * n;
	uint64_t *reduced = sums + s->block * TILE_WORDS;
	for (size_t c = 0; c < count; c++)
		for (unsigned i = 0; i < s->limbs; i++)
			values[c][i] = transform(
				s, first + c, i, target, q, room + (c * s->limbs + i) * n);
	for (size_t at = 0; at < n; at += TILE) {
		memset(sums, 0, count * TILE_WORDS * sizeof(*sums));
		for (unsigned i = 0; i < s->limbs; i++) {
			const uint64_t *key = bgv_digit(s->keys, s->key, of_key, i) + at;
			for (size_t c = 0; c < count; c++) {
				uint64_t *sum = sums + c * TILE_WORDS;
				ntt_acc(q, sum, values[c][i] + at, key, TILE);
				ntt_acc(q, sum + 2 * TILE, values[c][i] + at, key + n, TILE);
			}
		}
		for (size_t c = 0; c < 2 * count; c++) {
			uint64_t *sum = sums + c * 2 * TILE;
			if (special) {
				ntt_acc_reduce(q, s->special + (2 * first + c) * n + at, sum, TILE);
				continue;
			}
			uint64_t *out = s->items[first + c / 2].out[c % 2] + target * n + at;
			ntt_acc_reduce(q, reduced, sum, TILE);
			ntt_add(q, out, out, reduced, TILE);
		}
	}
	for (size_t c = 0; special && c < 2 * count; c++)
		ntt_inverse(q, s->special + (2 * first + c) * n);
}

/* The special prime's sums are the longest to wait for: they come first. */
static amt_status sum_block(void *context, size_t index, unsigned worker)
{
	const struct switching *s = context;
	unsigned target = s->limbs - (unsigned)(index / s->blocks);
	size_t first = index % s->blocks * s->block;
	size_t count = s->count - first < s->block ? s->count - first : s->block;
	sum_up(s, target, first, count, s->workers + worker * s->worker_words);
	return STATUS_OK;
}

/* out -= t [sums t^-1]_p / p. */
static amt_status divide(void *context, size_t index, unsigned worker)
{
	const struct switching *s = context;
	const struct bgv_ring *ring = s->ring;
	unsigned limb = (unsigned)(index % s->limbs);
	size_t polynomial = index / s->limbs, n = ring->n;
	uint64_t *x = s->workers + worker * s->worker_words;
	uint64_t *out = s->items[polynomial / 2].out[polynomial % 2] + limb * n;
	ntt_convert(ring->q[limb], x, s->special + polynomial * n, ring->params->p, n);
	ntt_forward(ring->q[limb], x);
	ntt_scale_add(ring->q[limb], out, x, ring->constants->p_delta[limb], n);
	return STATUS_OK;
}

/* Ciphertexts of a block, so that their digits stay in the cache, and every thread has one. */
static size_t block_for(const struct switching *s, unsigned threads)
{
	size_t block = BLOCK_BYTES / (s->limbs * s->ring->n * sizeof(uint64_t));
	size_t share = (s->count + threads - 1) / threads;
	block = block < 1 ? 1 : block > MAX_BLOCK ? MAX_BLOCK : block;
	return block < share ? block : share;
}

amt_status bgv_switch_keys(const struct bgv_keys *keys, unsigned key, unsigned limbs,
	const struct bgv_switch_item *items, size_t count, struct pool *pool)
{
	if (count == 0)
		return STATUS_OK;
	ENSURE(limbs >= 1 && limbs <= keys->limbs, AMT_NOT_FOUND,
		"there are switching keys for %u limbs, not %u", keys->limbs, limbs);
	size_t n = keys->ring->n;
	struct switching s = {.keys = keys,
		.ring = keys->ring,
		.key = key,
		.limbs = limbs,
		.items = items,
		.count = count};
	s.block = block_for(&s, pool_threads(pool));
	s.blocks = (count + s.block - 1) / s.block;
	s.worker_words = s.block * (limbs * n + TILE_WORDS) + TILE;
	size_t words = count * (limbs + 2) * n + pool_threads(pool) * s.worker_words;
	TRY(bgv_scratch_take(s.ring, words, &s.digits));
	s.special = s.digits + count * limbs * n;
	s.workers = s.special + count * 2 * n;
	amt_status status = pool_run(pool, count * limbs, make_digit, &s);
	if (amt_ok(status))
		status = pool_run(pool, (limbs + 1) * s.blocks, sum_block, &s);
	if (amt_ok(status))
		status = pool_run(pool, count * 2 * limbs, divide, &s);
	bgv_scratch_give(s.ring, words, s.digits);
	return status;
}

amt_status bgv_relinearise(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *const *ct, size_t count, struct pool *pool)
{
	struct bgv_switch_item *items;
	unsigned limbs = count > 0 ? ct[0]->limbs : 0;
	for (size_t i = 0; i < count; i++)
		ENSURE(ct[i]->parts == 3 && ct[i]->limbs == limbs, AMT_INVALID_ARGUMENT,
			"relinearisation takes 3 parts and equal limbs, not %u parts of %u limbs",
			ct[i]->parts, ct[i]->limbs);
	TRY(mem_array(&items, count, sizeof(*items)));
	for (size_t i = 0; i < count; i++)
		items[i] = (struct bgv_switch_item){.source = bgv_limb(ring, ct[i], 2, 0),
			.out = {bgv_limb(ring, ct[i], 0, 0), bgv_limb(ring, ct[i], 1, 0)}};
	amt_status status = bgv_switch_keys(keys, 0, limbs, items, count, pool);
	for (size_t i = 0; i < count && amt_ok(status); i++) {
		ct[i]->parts = 2;
		ct[i]->noise = bgv_noise_key_switch(ring->params, limbs, ct[i]->noise);
	}
	mem_free(items);
	return status;
}

struct permuting {
	const struct bgv_ring *ring;
	const uint32_t *permutation;
	struct bgv_ct *const *out;
	const struct bgv_ct *const *a;
	uint64_t *source; /* [item][limb][N] */
	unsigned limbs;
};

static amt_status permute(void *context, size_t index, unsigned worker)
{
	(void)worker;
	const struct permuting *p = context;
	size_t item = index / p->limbs, n = p->ring->n;
	unsigned limb = (unsigned)(index % p->limbs);
	bgv_permute(p->permutation, bgv_limb(p->ring, p->out[item], 0, limb),
		bgv_limb(p->ring, p->a[item], 0, limb), n);
	bgv_permute(
		p->permutation, p->source + index * n, bgv_limb(p->ring, p->a[item], 1, limb), n);
	memset(bgv_limb(p->ring, p->out[item], 1, limb), 0, n * sizeof(uint64_t));
	return STATUS_OK;
}

amt_status bgv_automorphisms(const struct bgv_keys *keys, unsigned key, struct bgv_ct *const *out,
	const struct bgv_ct *const *a, size_t count, struct pool *pool)
{
	const struct bgv_ring *ring = keys->ring;
	struct bgv_switch_item items[MAX_BLOCK];
	if (count == 0)
		return STATUS_OK;
	ENSURE(count <= MAX_BLOCK, AMT_INVALID_ARGUMENT, "%zu automorphisms at once", count);
	struct permuting p = {.ring = ring,
		.permutation = keys->permutation + (key - 1) * ring->n,
		.out = out,
		.a = a,
		.limbs = a[0]->limbs};
	size_t words = count * p.limbs * ring->n;
	TRY(bgv_scratch_take(ring, words, &p.source));
	for (size_t i = 0; i < count; i++) {
		bgv_shape(out[i], p.limbs, 2);
		items[i] = (struct bgv_switch_item){.source = p.source + i * p.limbs * ring->n,
			.out = {bgv_limb(ring, out[i], 0, 0), bgv_limb(ring, out[i], 1, 0)}};
	}
	amt_status status = pool_run(pool, count * p.limbs, permute, &p);
	if (amt_ok(status))
		status = bgv_switch_keys(keys, key, p.limbs, items, count, pool);
	bgv_scratch_give(ring, words, p.source);
	return status;
}

amt_status bgv_automorphism(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *out, const struct bgv_ct *a, uint32_t element, struct pool *pool)
{
	unsigned key;
	ENSURE(a->parts == 2, AMT_INVALID_ARGUMENT, "an automorphism of %u parts", a->parts);
	TRY(bgv_keys_find(keys, element, &key));
	TRY(bgv_automorphisms(keys, key, &out, &a, 1, pool));
	out->noise = bgv_noise_key_switch(ring->params, a->limbs, a->noise);
	return STATUS_OK;
}

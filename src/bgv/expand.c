/* Scalars packed in coefficients to one ciphertext each (Angel, Chen, Laine, Setty 2018, algorithm
 * 3). Level i turns c into c + s(c) and X^-2^i (c - s(c)), s: X -> X^(N / 2^i + 1), since s takes
 * X^-2^i to its negative: one automorphism gives both.
 *
 * Of level i, c holds every 2^i-th coefficient from its own number on. Where the second half of them is
 * beyond the last scalar they are 0, and c is left as it is: `count` scalars cost count - 1
 * automorphisms, and a coefficient doubles only at the levels that bgv_expand_doublings counts. */
#include "bgv/inside.h"

enum { GROUP = 8 };

struct expansion {
	const struct bgv_ring *ring;
	const struct bgv_keys *keys;
	struct bgv_ct *out;
	unsigned key;
	size_t half;	    /* ciphertexts before this level */
	size_t split;	    /* how many of them, from the first, become two */
	uint64_t *monomial; /* [limb][N]: values of X^-half */
	struct pool *inner; /* for one group's work */
};

/* x and y = s(x) to x + y and (x - y) X^-half. */
static amt_status butterfly(void *context, size_t index, unsigned worker)
{
	(void)worker;
	const struct expansion *e = context;
	const struct bgv_ring *ring = e->ring;
	unsigned limbs = e->out[0].limbs, limb = (unsigned)(index % limbs);
	struct bgv_ct *x = &e->out[index / limbs], *y = x + e->half;
	for (unsigned part = 0; part < 2; part++) {
		enum { PIECE = 1024 };
		const struct ntt *q = ring->q[limb];
		uint64_t *a = bgv_limb(ring, x, part, limb), *b = bgv_limb(ring, y, part, limb);
		const uint64_t *monomial = e->monomial + limb * ring->n;
		_Alignas(64) uint64_t sum[PIECE];
		for (size_t at = 0; at < ring->n; at += PIECE) {
			ntt_add(q, sum, a + at, b + at, PIECE);
			ntt_sub(q, b + at, a + at, b + at, PIECE);
			ntt_mul(q, b + at, b + at, monomial + at, PIECE);
			memcpy(a + at, sum, sizeof(sum));
		}
	}
	return STATUS_OK;
}

static amt_status group(void *context, size_t index, unsigned worker)
{
	(void)worker;
	const struct expansion *e = context;
	size_t first = index * GROUP, count = e->split - first < GROUP ? e->split - first : GROUP;
	struct bgv_ct *image[GROUP];
	const struct bgv_ct *source[GROUP];
	for (size_t i = 0; i < count; i++) {
		source[i] = &e->out[first + i];
		image[i] = &e->out[first + i + e->half];
	}
	return bgv_automorphisms(e->keys, e->key, image, source, count, e->inner);
}

static void make_monomial(struct expansion *e, unsigned limbs)
{
	size_t n = e->ring->n;
	for (unsigned i = 0; i < limbs; i++) { /* X^-half = -X^(N - half) */
		uint64_t *m = e->monomial + i * n;
		memset(m, 0, n * sizeof(*m));
		m[n - e->half] = e->ring->params->q[i] - 1;
		ntt_forward(e->ring->q[i], m);
	}
}

/* Where there are enough groups for all threads each group has one; before that, threads share the
 * limbs of a group. */
static amt_status level(struct expansion *e, struct pool *pool)
{
	unsigned limbs = e->out[0].limbs;
	size_t groups = (e->split + GROUP - 1) / GROUP;
	bool apart = groups >= pool_threads(pool);
	TRY(bgv_keys_find(e->keys, (uint32_t)(e->ring->n / e->half) + 1, &e->key));
	make_monomial(e, limbs);
	e->inner = apart ? NULL : pool;
	TRY(pool_run(apart ? pool : NULL, groups, group, e));
	return pool_run(pool, e->split * limbs, butterfly, e);
}

static amt_status expand(
	struct expansion *e, const struct bgv_ct *packed, unsigned count, struct pool *pool)
{
	size_t words = (size_t)packed->limbs * e->ring->n;
	for (unsigned i = 0; i < count; i++)
		bgv_shape(&e->out[i], packed->limbs, 2);
	for (unsigned part = 0; part < 2; part++)
		memcpy(bgv_limb(e->ring, e->out, part, 0), bgv_limb(e->ring, packed, part, 0),
			words * sizeof(uint64_t));
	TRY(bgv_scratch_take(e->ring, words, &e->monomial));
	amt_status status = STATUS_OK;
	for (e->half = 1; e->half < count && amt_ok(status); e->half *= 2) {
		e->split = count - e->half < e->half ? count - e->half : e->half;
		status = level(e, pool);
	}
	bgv_scratch_give(e->ring, words, e->monomial);
	return status;
}

unsigned bgv_expand_doublings(unsigned count, unsigned index)
{
	unsigned doublings = 0;
	for (unsigned half = 1; half < count; half *= 2)
		doublings += index % half + half < count;
	return doublings;
}

amt_status bgv_expand_into(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *out, const struct bgv_ct *packed, unsigned count, struct pool *pool)
{
	ENSURE(count >= 1 && count <= ring->n && packed->parts == 2, AMT_INVALID_ARGUMENT,
		"%u scalars of a ciphertext of %u parts", count, packed->parts);
	struct expansion e = {.ring = ring, .keys = keys, .out = out};
	TRY(expand(&e, packed, count, pool));
	for (unsigned i = 0; i < count; i++)
		out[i].noise = bgv_noise_expand(ring->params, packed->limbs, count);
	return STATUS_OK;
}

amt_status bgv_expand(const struct bgv_ring *ring, const struct bgv_keys *keys, struct bgv_ct *out,
	const struct bgv_ct *packed, unsigned count, struct pool *pool)
{
	amt_status status = STATUS_OK;
	memset(out, 0, count * sizeof(*out));
	for (unsigned i = 0; i < count && amt_ok(status); i++)
		status = bgv_ct_new(&out[i], ring, packed->limbs, 2);
	if (amt_ok(status))
		status = bgv_expand_into(ring, keys, out, packed, count, pool);
	for (unsigned i = 0; i < count && !amt_ok(status); i++)
		bgv_ct_free(&out[i]);
	return status;
}

/* Everything on ciphertexts that needs no key. */
#include "bgv/inside.h"

#include <math.h>

void bgv_shape(struct bgv_ct *out, unsigned limbs, unsigned parts)
{
	out->limbs = limbs;
	out->stride = limbs;
	out->parts = parts;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

typedef void binary(
	const struct ntt *t, uint64_t *out, const uint64_t *a, const uint64_t *b, size_t n);

static void copy(const struct bgv_ring *ring, uint64_t *out, const uint64_t *a)
{
	if (out != a)
		memcpy(out, a, ring->n * sizeof(*out));
}

static void combine(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const struct bgv_ct *b, binary *add, bool minus)
{
	/* The operands may be the output. */
	struct bgv_ct x = *a, y = *b;
	if (out != a && out != b)
		bgv_shape(out, x.limbs, x.parts);
	out->limbs = least(x.limbs, y.limbs);
	out->parts = x.parts > y.parts ? x.parts : y.parts;
	out->noise = bgv_noise_add(x.noise, y.noise);
	for (unsigned part = 0; part < out->parts; part++)
		for (unsigned i = 0; i < out->limbs; i++) {
			uint64_t *to = bgv_limb(ring, out, part, i);
			if (part >= y.parts)
				copy(ring, to, bgv_limb(ring, &x, part, i));
			else if (part < x.parts)
				add(ring->q[i], to, bgv_limb(ring, &x, part, i),
					bgv_limb(ring, &y, part, i), ring->n);
			else if (minus)
				ntt_neg(ring->q[i], to, bgv_limb(ring, &y, part, i), ring->n);
			else
				copy(ring, to, bgv_limb(ring, &y, part, i));
		}
}

void bgv_add(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const struct bgv_ct *b)
{
	combine(ring, out, a, b, ntt_add, false);
}

void bgv_sub(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const struct bgv_ct *b)
{
	combine(ring, out, a, b, ntt_sub, true);
}

void bgv_affine(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a, int64_t c,
	int64_t d)
{
	struct bgv_ct x = *a;
	if (out != a)
		bgv_shape(out, x.limbs, x.parts);
	out->noise = bgv_noise_shift(bgv_noise_scale(x.noise, (double)c), (double)d);
	for (unsigned part = 0; part < x.parts; part++)
		for (unsigned i = 0; i < x.limbs; i++) {
			const struct ntt *q = ring->q[i];
			uint64_t *to = bgv_limb(ring, out, part, i);
			const uint64_t *from = bgv_limb(ring, &x, part, i);
			if (c == 1)
				copy(ring, to, from);
			else if (c == -1)
				ntt_neg(q, to, from, ring->n);
			else
				ntt_scale(q, to, from, bgv_residue(c, ntt_modulus(q)), ring->n);
			/* A constant has the same value everywhere. */
			if (part == 0 && d != 0)
				ntt_shift(q, to, to, bgv_residue(d, ntt_modulus(q)), ring->n);
		}
}

void bgv_mul(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const struct bgv_ct *b)
{
	bgv_shape(out, least(a->limbs, b->limbs), 3);
	out->noise = bgv_noise_mul(ring->params, a->noise, b->noise);
	for (unsigned i = 0; i < out->limbs; i++) {
		const struct ntt *q = ring->q[i];
		const uint64_t *a0 = bgv_limb(ring, a, 0, i), *a1 = bgv_limb(ring, a, 1, i);
		const uint64_t *b0 = bgv_limb(ring, b, 0, i), *b1 = bgv_limb(ring, b, 1, i);
		uint64_t *middle = bgv_limb(ring, out, 1, i);
		ntt_mul(q, bgv_limb(ring, out, 0, i), a0, b0, ring->n);
		ntt_mul(q, middle, a0, b1, ring->n);
		ntt_mul_add(q, middle, a1, b0, ring->n);
		ntt_mul(q, bgv_limb(ring, out, 2, i), a1, b1, ring->n);
	}
}

void bgv_lift(
	const struct bgv_ring *ring, unsigned limb, uint64_t *out, const uint64_t *coefficients)
{
	uint64_t up = bgv_modulus(ring, limb) - BGV_T;
	for (size_t i = 0; i < ring->n; i++) {
		uint64_t negative = -((uint64_t)(BGV_T / 2 - coefficients[i]) >> 63);
		out[i] = coefficients[i] + (up & negative);
	}
}

amt_status bgv_mul_plain(const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a,
	const uint64_t *coefficients)
{
	uint64_t *plain;
	struct bgv_ct x = *a;
	TRY(bgv_scratch_take(ring, ring->n, &plain));
	if (out != a)
		bgv_shape(out, x.limbs, x.parts);
	out->noise = bgv_noise_mul_plain(ring->params, x.noise);
	for (unsigned i = 0; i < x.limbs; i++) {
		bgv_lift(ring, i, plain, coefficients);
		ntt_forward(ring->q[i], plain);
		for (unsigned part = 0; part < x.parts; part++)
			ntt_mul(ring->q[i], bgv_limb(ring, out, part, i),
				bgv_limb(ring, &x, part, i), plain, ring->n);
	}
	bgv_scratch_give(ring, ring->n, plain);
	return STATUS_OK;
}

void bgv_truncate(const struct bgv_ring *ring, struct bgv_ct *ct, unsigned limbs)
{
	(void)ring;
	ct->limbs = limbs;
}

/* ---- modulus switch
 *
 * Dropping q = q_{limbs-1}: with u = [t^-1 c]_q, centred, c - t u is a multiple of q and t u one of
 * t, so (c - t u) / q encrypts the same (q = 1 mod t), w / q rounded to within t / 2 a part.
 */
struct dropping {
	const struct bgv_ring *ring;
	struct bgv_ct *ct;
	uint64_t *last;	   /* u of each part, N coefficients */
	uint64_t *workers; /* N for each worker */
};

static amt_status drop_begin(void *context, size_t part, unsigned worker)
{
	(void)worker;
	const struct dropping *d = context;
	const struct bgv_ring *ring = d->ring;
	unsigned last = d->ct->limbs - 1;
	uint64_t *u = d->last + part * ring->n;
	ntt_scale(ring->q[last], u, bgv_limb(ring, d->ct, (unsigned)part, last),
		ring->constants->t_inverse[last], ring->n);
	ntt_inverse(ring->q[last], u);
	return STATUS_OK;
}

static amt_status drop_limb(void *context, size_t index, unsigned worker)
{
	const struct dropping *d = context;
	const struct bgv_ring *ring = d->ring;
	unsigned last = d->ct->limbs - 1, part = (unsigned)(index / last);
	unsigned i = (unsigned)(index % last);
	const struct ntt *q = ring->q[i];
	uint64_t *x = d->workers + worker * ring->n, *c = bgv_limb(ring, d->ct, part, i);
	ntt_convert_forward(q, x, d->last + part * ring->n, ring->params->q[last]);
	ntt_scale(q, c, c, ring->constants->drop_inverse[last][i], ring->n);
	ntt_scale_add(q, c, x, ring->constants->drop_delta[last][i], ring->n);
	return STATUS_OK;
}

amt_status bgv_mod_switch(const struct bgv_ring *ring, struct bgv_ct *ct, struct pool *pool)
{
	ENSURE(ct->limbs > 1, AMT_INVALID_ARGUMENT, "no limb left to drop");
	size_t words = (3 + pool_threads(pool)) * ring->n;
	struct dropping d = {.ring = ring, .ct = ct};
	TRY(bgv_scratch_take(ring, words, &d.last));
	d.workers = d.last + 3 * ring->n;
	amt_status status = pool_run(pool, ct->parts, drop_begin, &d);
	if (amt_ok(status))
		status = pool_run(pool, (size_t)ct->parts * (ct->limbs - 1), drop_limb, &d);
	bgv_scratch_give(ring, words, d.last);
	ct->noise = bgv_noise_mod_switch_parts(ring->params, ct->limbs, ct->parts, ct->noise);
	ct->limbs--;
	return status;
}

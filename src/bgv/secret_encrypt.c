/* Encryption under a fresh seed: c1 = a from the seed, c0 = m + t e - a s. */
#include "bgv/secret_inside.h"

#include "crypto/sample.h"
#include "crypto/secret.h"

enum { WORDS = 3 }; /* polynomials of an encryption's work space */
/* e: deviation 4.6, in units of 1 (bgv/noise.c). The estimates of security take 3.2. */
static const struct noise_distribution error = {.kind = NOISE_TUNIFORM, .bound_log2 = 3};

amt_status bgv_encryption_open(struct bgv_encryption *e, const struct bgv_secret *secret)
{
	size_t n = secret->ring->n;
	uint64_t *block;
	*e = (struct bgv_encryption){.secret = secret};
	TRY(bgv_scratch_take(secret->ring, WORDS * n, &block));
	e->w = (int64_t *)block;
	e->x = block + n;
	e->mask = block + 2 * n;
	return STATUS_OK;
}

void bgv_encryption_close(struct bgv_encryption *e)
{
	size_t n = e->secret->ring->n;
	if (e->w == NULL)
		return;
	secret_wipe(e->w, WORDS * n * sizeof(*e->w));
	bgv_scratch_give(e->secret->ring, WORDS * n, (uint64_t *)e->w);
}

amt_status bgv_encryption_noise(struct bgv_encryption *e, const uint64_t *coefficients)
{
	size_t n = e->secret->ring->n;
	TRY(sample_noise(&error, (uint64_t *)e->w, n));
	for (size_t i = 0; i < n; i++)
		e->w[i] *= BGV_T;
	for (size_t i = 0; i < n && coefficients != NULL; i++) {
		int64_t m = (int64_t)coefficients[i];
		e->w[i] += m - (BGV_T & ((BGV_T / 2 - m) >> 63));
	}
	return STATUS_OK;
}

amt_status bgv_encryption_limb(
	const struct bgv_encryption *e, struct seed_expander *seed, unsigned limb, uint64_t *out)
{
	const struct bgv_ring *ring = e->secret->ring;
	const struct ntt *q = bgv_table(ring, limb);
	/* What may fail comes before the secrets that `out` holds until the end. */
	TRY(bgv_mask(ring, seed, limb, 0, ring->n, e->mask));
	ntt_lift(q, out, e->w, ring->n);
	ntt_forward(q, out);
	ntt_mul_sub(q, out, e->mask, bgv_secret_values(e->secret, limb), ring->n);
	return STATUS_OK;
}

static amt_status encrypt(struct bgv_encryption *e, unsigned limbs, const uint64_t *coefficients,
	const struct seed *seed, bgv_limb_taker take, void *context)
{
	struct seed_expander *expander;
	TRY(bgv_encryption_noise(e, coefficients));
	TRY(seed_expander_new(&expander, seed));
	amt_status status = STATUS_OK;
	for (unsigned i = 0; i < limbs && amt_ok(status); i++) {
		status = bgv_encryption_limb(e, expander, i, e->x);
		if (amt_ok(status))
			take(context, i, e->x);
	}
	seed_expander_free(expander);
	return status;
}

amt_status bgv_encrypt_limbs(const struct bgv_secret *secret, unsigned limbs,
	const uint64_t *coefficients, const struct seed *seed, bgv_limb_taker take, void *context)
{
	const struct bgv_params *p = secret->ring->params;
	ENSURE(limbs >= 1 && limbs <= p->limbs, AMT_INVALID_ARGUMENT, "%u limbs, ring %s has %u",
		limbs, p->name, p->limbs);
	struct bgv_encryption e;
	TRY(bgv_encryption_open(&e, secret));
	amt_status status = encrypt(&e, limbs, coefficients, seed, take, context);
	bgv_encryption_close(&e);
	return status;
}

struct whole {
	size_t n;
	uint64_t *out;
};

static void put_limb(void *context, unsigned limb, const uint64_t *c0)
{
	const struct whole *w = context;
	memcpy(w->out + limb * w->n, c0, w->n * sizeof(*c0));
}

amt_status bgv_encrypt_seeded(const struct bgv_secret *secret, unsigned limbs,
	const uint64_t *coefficients, struct seed *seed, uint64_t *out)
{
	struct whole w = {secret->ring->n, out};
	TRY(seed_new(seed));
	return bgv_encrypt_limbs(secret, limbs, coefficients, seed, put_limb, &w);
}

amt_status bgv_seeded_put(const struct bgv_secret *secret, unsigned limbs,
	const uint64_t *coefficients, struct buf *out)
{
	const struct bgv_ring *ring = secret->ring;
	size_t words = limbs * ring->n;
	struct seed seed;
	uint64_t *c0;
	uint8_t *at;
	TRY(bgv_scratch_take(ring, words, &c0));
	amt_status status = bgv_encrypt_seeded(secret, limbs, coefficients, &seed, c0);
	if (amt_ok(status))
		status = buf_extend(out, bgv_seeded_bytes(ring, limbs), &at);
	if (amt_ok(status)) {
		memcpy(at, seed.bytes, sizeof(seed.bytes));
		ntt_pack(ring->q[0], ring->params->residue_bytes, at + sizeof(seed.bytes), c0,
			words);
	}
	bgv_scratch_give(ring, words, c0);
	return status;
}

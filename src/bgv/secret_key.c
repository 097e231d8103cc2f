/* The ternary secret of a ring. */
#include "bgv/secret_inside.h"

#include "base/alloc.h"
#include "crypto/sample.h"
#include "crypto/secret.h"

#include <sys/mman.h>

enum { ALONE_BYTES = 2 << 20 }; /* memory from this size on has pages of its own */

static void fill_values(struct bgv_secret *s, unsigned limb)
{
	size_t n = s->ring->n;
	uint64_t q = bgv_modulus(s->ring, limb);
	uint64_t *values = (uint64_t *)bgv_secret_values(s, limb);
	for (size_t i = 0; i < n; i++) {
		uint64_t x = (uint64_t)(int64_t)s->coefficients[i];
		values[i] = x + (q & -(x >> 63));
	}
	ntt_forward(bgv_table(s->ring, limb), values);
}

static amt_status fill(struct bgv_secret *s, const uint8_t seed[BGV_SECRET_SEED_BYTES])
{
	const struct bgv_ring *ring = s->ring;
	size_t bytes = (ring->params->limbs + 1) * ring->n * sizeof(*s->values);
	TRY(secret_alloc(&s->coefficients, ring->n));
	TRY(sample_ternary(seed, s->coefficients, ring->n));
	s->values_bytes = bytes < ALONE_BYTES ? ALONE_BYTES : bytes;
	TRY(mem_alloc_aligned(&s->values, s->values_bytes));
	(void)madvise(s->values, s->values_bytes, MADV_DONTDUMP);
	for (unsigned i = 0; i < ring->params->limbs; i++)
		fill_values(s, i);
	fill_values(s, BGV_SPECIAL_LIMB);
	return STATUS_OK;
}

amt_status bgv_secret_new(struct bgv_secret **out, const struct bgv_ring *ring,
	const uint8_t seed[BGV_SECRET_SEED_BYTES])
{
	struct bgv_secret *s;
	TRY(mem_zalloc(&s, sizeof(*s)));
	s->ring = ring;
	amt_status status = fill(s, seed);
	if (!amt_ok(status)) {
		bgv_secret_free(s);
		return status;
	}
	*out = s;
	return STATUS_OK;
}

void bgv_secret_free(struct bgv_secret *s)
{
	if (s == NULL)
		return;
	if (s->values != NULL) {
		secret_wipe(s->values, s->values_bytes);
		(void)madvise(s->values, s->values_bytes, MADV_DODUMP);
	}
	mem_free_aligned(s->values, s->values_bytes);
	secret_free(s->coefficients);
	mem_free(s);
}

const struct bgv_ring *bgv_secret_ring(const struct bgv_secret *secret)
{
	return secret->ring;
}

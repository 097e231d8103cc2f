/* Encryption and decryption of LWEs and GLWEs modulo 2^32. */
#include "tfhe/secret_inside.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/sample.h"
#include "crypto/secret.h"
#include "tfhe/noise.h"

amt_status tfhe_encrypt_lwe(const struct tfhe_secret *s, uint32_t *out, uint32_t value)
{
	unsigned dimension = tfhe_big_dimension(s->params);
	struct noise_distribution d = tfhe_fresh_distribution(s->params);
	uint64_t noise;
	TRY(random_bytes(out, dimension * sizeof(*out)));
	TRY(sample_noise(&d, &noise, 1));
	out[dimension] = secret_dot(s->big, out, dimension) + value + secret_round(noise);
	secret_wipe(&noise, sizeof(noise));
	return STATUS_OK;
}

struct encryption {
	struct secret_scratch w;
	uint32_t *mask;
	uint32_t *body;
	uint64_t *noise;
};

static void encryption_close(struct encryption *x, const struct tfhe_params *p)
{
	size_t n = tfhe_poly_size(p);
	secret_scratch_close(&x->w, p);
	if (x->body != NULL)
		secret_wipe(x->body, n * sizeof(*x->body));
	if (x->noise != NULL)
		secret_wipe(x->noise, n * sizeof(*x->noise));
	mem_free_aligned(x->mask, n * sizeof(*x->mask));
	mem_free_aligned(x->body, n * sizeof(*x->body));
	mem_free_aligned(x->noise, n * sizeof(*x->noise));
}

static amt_status encryption_open(struct encryption *x, const struct tfhe_params *p)
{
	size_t n = tfhe_poly_size(p);
	*x = (struct encryption){0};
	TRY(secret_scratch_open(&x->w, p));
	TRY(mem_alloc_aligned(&x->mask, n * sizeof(*x->mask)));
	TRY(mem_alloc_aligned(&x->body, n * sizeof(*x->body)));
	return mem_alloc_aligned(&x->noise, n * sizeof(*x->noise));
}

/* x->body = sum A_i S_i + noise. */
static amt_status encrypt_zero(
	const struct tfhe_secret *s, struct encryption *x, struct seed_expander *expander)
{
	const struct tfhe_params *p = s->params;
	size_t n = tfhe_poly_size(p);
	struct noise_distribution d = tfhe_fresh_distribution(p);
	TRY(sample_noise(&d, x->noise, n));
	for (size_t i = 0; i < n; i++)
		x->body[i] = secret_round(x->noise[i]);
	for (unsigned k = 0; k < p->k; k++) {
		TRY(seed_expand_u32(expander, k, x->mask, n));
		secret_mul_add_u32(s, k, x->body, x->mask, &x->w);
	}
	return STATUS_OK;
}

amt_status tfhe_encrypt_seeded(const struct tfhe_secret *s, struct seed *seed, uint16_t *bodies,
	const uint32_t *values, size_t count)
{
	ENSURE(count <= tfhe_poly_size(s->params), AMT_INVALID_ARGUMENT,
		"%zu values do not fit %u coefficients", count, tfhe_poly_size(s->params));
	struct encryption x;
	struct seed_expander *expander = NULL;
	amt_status status = encryption_open(&x, s->params);
	if (amt_ok(status))
		status = seed_new(seed);
	if (amt_ok(status))
		status = seed_expander_new(&expander, seed);
	if (amt_ok(status))
		status = encrypt_zero(s, &x, expander);
	for (size_t i = 0; i < count && amt_ok(status); i++)
		bodies[i] = (uint16_t)((x.body[i] + values[i] + (1u << 15)) >> 16);
	seed_expander_free(expander);
	encryption_close(&x, s->params);
	return status;
}

amt_status tfhe_phase_lwe(const struct tfhe_secret *s, uint32_t *phase, const uint32_t *lwe)
{
	unsigned dimension = tfhe_big_dimension(s->params);
	*phase = lwe[dimension] - secret_dot(s->big, lwe, dimension);
	return STATUS_OK;
}

amt_status tfhe_phase_small(const struct tfhe_secret *s, uint32_t *phase, const uint32_t *lwe)
{
	*phase = lwe[s->params->n] - secret_dot(s->small, lwe, s->params->n);
	return STATUS_OK;
}

amt_status tfhe_phase_glwe(const struct tfhe_secret *s, uint32_t *phases, const uint32_t *glwe)
{
	const struct tfhe_params *p = s->params;
	size_t n = tfhe_poly_size(p);
	struct secret_scratch w;
	TRY(secret_scratch_open(&w, p));
	memset(phases, 0, n * sizeof(*phases));
	for (unsigned k = 0; k < p->k; k++)
		secret_mul_add_u32(s, k, phases, glwe + k * n, &w);
	for (size_t i = 0; i < n; i++)
		phases[i] = glwe[p->k * n + i] - phases[i];
	secret_scratch_close(&w, p);
	return STATUS_OK;
}

/* A BGV ring with its secret and keys, and arithmetic modulo t to compare with. */
#ifndef TESTS_BGV_FIXTURE_H
#define TESTS_BGV_FIXTURE_H

#include "testing.h"
#include "toy_params.h"

#include "bgv/inside.h"
#include "bgv/secret_inside.h"

#include <math.h>
#include <stdlib.h>

struct bgv_fixture {
	struct bgv_params params;
	struct bgv_ring *ring;
	struct bgv_secret *secret;
	struct bgv_keys *keys;
	struct buf content; /* of the keys */
	struct pool *pool;
	uint64_t random;
};

static const uint8_t fixture_seed[BGV_SECRET_SEED_BYTES] = "a secret of a test, 32 bytes lon";

static inline uint64_t fixture_random(struct bgv_fixture *f)
{
	f->random = f->random * 6364136223846793005u + 1442695040888963407u;
	uint64_t x = f->random ^ f->random >> 29;
	return (x * 0x9e3779b97f4a7c15u) >> 20;
}

static inline void fixture_open(
	struct bgv_fixture *f, struct bgv_params params, struct bgv_keys_wanted wanted)
{
	*f = (struct bgv_fixture){.params = params, .random = 1};
	OK(bgv_ring_new(&f->ring, &f->params));
	OK(bgv_secret_new(&f->secret, f->ring, fixture_seed));
	OK(pool_new(&f->pool, 2));
	if (wanted.limbs > 0) {
		OK(bgv_keys_make(f->secret, wanted, f->pool, NULL, NULL, &f->content));
		OK(bgv_keys_open(&f->keys, f->ring, buf_span(&f->content), BGV_MAX_LIMBS, f->pool,
			NULL, NULL));
	}
}

static inline void fixture_close(struct bgv_fixture *f)
{
	bgv_keys_free(f->keys);
	bgv_secret_free(f->secret);
	bgv_ring_free(f->ring);
	pool_free(f->pool);
	buf_free(&f->content);
}

/* Aligned memory of N words. */
static inline uint64_t *fixture_polynomial(const struct bgv_fixture *f)
{
	uint64_t *x;
	OK(mem_alloc_aligned(&x, f->ring->n * sizeof(*x)));
	memset(x, 0, f->ring->n * sizeof(*x));
	return x;
}

static inline uint64_t *fixture_uniform(struct bgv_fixture *f)
{
	uint64_t *x = fixture_polynomial(f);
	for (size_t i = 0; i < f->ring->n; i++)
		x[i] = fixture_random(f) % BGV_T;
	return x;
}

static inline struct bgv_ct fixture_encrypt(
	const struct bgv_fixture *f, unsigned limbs, const uint64_t *coefficients)
{
	struct buf bytes = {0};
	struct bgv_ct ct;
	OK(bgv_seeded_put(f->secret, limbs, coefficients, &bytes));
	assert_int_equal(bytes.size, bgv_seeded_bytes(f->ring, limbs));
	OK(bgv_seeded_get(&ct, f->ring, limbs, buf_span(&bytes)));
	buf_free(&bytes);
	return ct;
}

static inline struct bgv_ct fixture_copy(const struct bgv_fixture *f, const struct bgv_ct *ct)
{
	struct bgv_ct out;
	OK(bgv_ct_new(&out, f->ring, ct->limbs, ct->parts));
	for (unsigned part = 0; part < ct->parts; part++)
		memcpy(bgv_limb(f->ring, &out, part, 0), bgv_limb(f->ring, ct, part, 0),
			ct->limbs * f->ring->n * sizeof(uint64_t));
	out.noise = ct->noise;
	return out;
}

/* Room for the largest result. */
static inline struct bgv_ct fixture_room(const struct bgv_fixture *f)
{
	struct bgv_ct out;
	OK(bgv_ct_new(&out, f->ring, f->params.limbs, 3));
	return out;
}

/* log2 of the root mean square of m + t e. */
static inline double fixture_deviation(const struct bgv_fixture *f, const struct bgv_ct *ct)
{
	size_t n = f->ring->n;
	uint64_t *m = fixture_polynomial(f);
	double *magnitude = calloc(n, sizeof(*magnitude)), sum = 0;
	OK(bgv_decrypt_measured(f->secret, ct, m, NULL, magnitude));
	for (size_t i = 0; i < n; i++)
		sum += magnitude[i] * magnitude[i];
	free(magnitude);
	mem_free_aligned(m, 0);
	return 0.5 * log2(sum / (double)n);
}

static inline void fixture_expect(
	const struct bgv_fixture *f, const struct bgv_ct *ct, const uint64_t *want)
{
	uint64_t *got = fixture_polynomial(f);
	double most;
	OK(bgv_decrypt(f->secret, ct, got, &most));
	for (size_t i = 0; i < f->ring->n; i++)
		if (got[i] != want[i])
			fail_msg(
				"coefficient %zu is %llu, not %llu (noise 2^%.1f, estimate 2^%.1f)",
				i, (unsigned long long)got[i], (unsigned long long)want[i], most,
				ct->noise.log2_deviation);
	/* 6 deviations are 2^-28 a coefficient. */
	if (most > ct->noise.log2_deviation + ct->noise.log2_peak + 2.6)
		fail_msg("noise 2^%.1f, estimated deviation 2^%.1f", most,
			ct->noise.log2_deviation + ct->noise.log2_peak);
	mem_free_aligned(got, 0);
}

/* ---- Z_t[X] / (X^N + 1), by the definition */

static inline void plain_mul(
	const struct bgv_fixture *f, uint64_t *out, const uint64_t *a, const uint64_t *b)
{
	size_t n = f->ring->n;
	uint64_t *sum = calloc(n, sizeof(*sum));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n && a[i] != 0; j++) {
			uint64_t product = a[i] * b[j] % BGV_T;
			size_t at = (i + j) % n;
			sum[at] += i + j < n ? product : BGV_T - product;
		}
	for (size_t i = 0; i < n; i++)
		out[i] = sum[i] % BGV_T;
	free(sum);
}

static inline void plain_automorphism(
	const struct bgv_fixture *f, uint64_t *out, const uint64_t *a, uint32_t element)
{
	size_t n = f->ring->n;
	for (size_t i = 0; i < n; i++) {
		size_t at = i * element % (2 * n);
		out[at % n] = at < n ? a[i] : (BGV_T - a[i]) % BGV_T;
	}
}

#endif

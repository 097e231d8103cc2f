/* A pool, a secret key and its evaluator of one parameter set. */
#ifndef TESTS_TFHE_FIXTURE_H
#define TESTS_TFHE_FIXTURE_H

#include "testing.h"

#include "tfhe/evaluator_inside.h"
#include "tfhe/secret.h"

struct fixture {
	const struct tfhe_params *p;
	struct pool *pool;
	struct tfhe_secret *secret;
	struct tfhe_evaluator *e;
	struct buf key; /* the serialised evaluation key */
};

/* Of a secret key, which it then owns. */
static inline void fixture_of(struct fixture *f, struct tfhe_secret *secret, unsigned threads)
{
	*f = (struct fixture){.p = tfhe_secret_params(secret), .secret = secret};
	OK(pool_new(&f->pool, threads));
	OK(tfhe_evaluation_key_generate(f->secret, f->pool, NULL, NULL, &f->key));
	OK(tfhe_evaluator_new(&f->e, buf_span(&f->key), f->pool, NULL, NULL));
}

static inline void fixture_open(struct fixture *f, uint16_t params, unsigned threads)
{
	struct tfhe_secret *secret;
	assert_non_null(tfhe_params_find(params));
	OK(tfhe_secret_new(&secret, tfhe_params_find(params)));
	fixture_of(f, secret, threads);
}

static inline void fixture_close(struct fixture *f)
{
	tfhe_evaluator_free(f->e);
	tfhe_secret_free(f->secret);
	buf_free(&f->key);
	pool_free(f->pool);
}

/* count big LWEs, a stride apart. */
static inline uint32_t *fixture_lwes(const struct fixture *f, size_t count)
{
	uint32_t *lwes;
	OK(mem_alloc_aligned(&lwes, count * tfhe_lwe_stride(f->p) * sizeof(*lwes)));
	memset(lwes, 0, count * tfhe_lwe_stride(f->p) * sizeof(*lwes));
	return lwes;
}

static inline void fixture_encrypt(const struct fixture *f, uint32_t *lwe, int message)
{
	OK(tfhe_encrypt_lwe(f->secret, lwe, (uint32_t)message << tfhe_delta_log2(f->p)));
}

/* The message in [-16, 16). */
static inline int fixture_decrypt(const struct fixture *f, const uint32_t *lwe)
{
	uint32_t phase;
	OK(tfhe_phase_lwe(f->secret, &phase, lwe));
	int m = (int)tfhe_decode(f->p, phase);
	return m >= 16 ? m - 32 : m;
}

#endif

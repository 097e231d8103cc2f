/* Public keys and encryption with them (tfhe/compact.h). The writer's secret R lives in secret memory
 * like a key, for one ciphertext; no branch or address depends on it, on noise or on messages. */
#include "tfhe/secret_inside.h"

#include "base/alloc.h"
#include "crypto/sample.h"
#include "crypto/secret.h"
#include "crypto/wire.h"
#include "os/clock.h"
#include "tfhe/noise.h"

/* Rounded noise of one polynomial. */
static amt_status add_noise(const struct tfhe_params *p, uint32_t *to)
{
	size_t n = tfhe_poly_size(p);
	struct noise_distribution d = tfhe_fresh_distribution(p);
	uint64_t *noise;
	TRY(mem_array(&noise, n, sizeof(*noise)));
	amt_status s = sample_noise(&d, noise, n);
	for (size_t i = 0; i < n && amt_ok(s); i++)
		to[i] += secret_round(noise[i]);
	secret_wipe(noise, n * sizeof(*noise));
	mem_free(noise);
	return s;
}

static amt_status make_body(
	const struct tfhe_secret *s, struct seed_expander *expander, uint32_t *body, uint32_t *mask)
{
	const struct tfhe_params *p = s->params;
	struct secret_scratch w;
	amt_status st = secret_scratch_open(&w, p);
	if (amt_ok(st))
		st = add_noise(p, body);
	for (unsigned k = 0; k < p->k && amt_ok(st); k++) {
		st = seed_expand_u32(expander, k, mask, tfhe_poly_size(p));
		if (amt_ok(st))
			secret_mul_add_u32(s, k, body, mask, &w);
	}
	secret_scratch_close(&w, p);
	return st;
}

amt_status tfhe_public_key_generate(const struct tfhe_secret *s, struct buf *out)
{
	size_t n = tfhe_poly_size(s->params);
	struct wire_header header = {
		.type = WIRE_PUBLIC_KEY, .params = s->params->id, .created_us = clock_wall_us()};
	struct seed seed;
	struct seed_expander *expander = NULL;
	uint32_t *words = NULL; /* body, then room for a mask polynomial */
	struct buf content = {0};
	memcpy(header.key_id, s->key_id, sizeof(header.key_id));
	amt_status st = mem_array(&words, 2 * n, sizeof(*words));
	if (amt_ok(st))
		st = seed_new(&seed);
	if (amt_ok(st))
		st = seed_expander_new(&expander, &seed);
	if (amt_ok(st))
		st = make_body(s, expander, words, words + n);
	if (amt_ok(st))
		st = buf_put(&content, &seed, sizeof(seed));
	if (amt_ok(st))
		st = buf_put(&content, words, n * sizeof(*words));
	if (amt_ok(st))
		st = wire_put(out, &header, buf_span(&content));
	seed_expander_free(expander);
	mem_free(words);
	buf_free(&content);
	return st;
}

/* out = upper halves of polynomial * R + noise + message. */
static amt_status encrypt_polynomial(const struct tfhe_secret *r, const uint32_t *polynomial,
	const uint32_t *message, size_t count, uint32_t *work, struct secret_scratch *w,
	uint16_t *out)
{
	size_t n = tfhe_poly_size(r->params);
	memset(work, 0, n * sizeof(*work));
	if (message != NULL)
		memcpy(work, message, count * sizeof(*work));
	TRY(add_noise(r->params, work));
	secret_mul_add_u32(r, 0, work, polynomial, w);
	for (size_t i = 0; i < count; i++)
		out[i] = (uint16_t)((work[i] + (1u << 15)) >> 16);
	return STATUS_OK;
}

static amt_status encrypt_with(const struct tfhe_secret *r, const struct tfhe_public_key *key,
	uint16_t *out, const uint32_t *values, size_t count)
{
	const struct tfhe_params *p = key->params;
	size_t n = tfhe_poly_size(p);
	struct secret_scratch w;
	uint32_t *work = NULL;
	amt_status st = secret_scratch_open(&w, p);
	if (amt_ok(st))
		st = mem_array(&work, n, sizeof(*work));
	for (unsigned k = 0; k < p->k && amt_ok(st); k++, out += n)
		st = encrypt_polynomial(r, key->mask + k * n, NULL, n, work, &w, out);
	if (amt_ok(st))
		st = encrypt_polynomial(r, key->body, values, count, work, &w, out);
	if (work != NULL)
		secret_wipe(work, n * sizeof(*work));
	mem_free(work);
	secret_scratch_close(&w, p);
	return st;
}

amt_status tfhe_encrypt_compact(
	const struct tfhe_public_key *key, uint16_t *out, const uint32_t *values, size_t count)
{
	ENSURE(count <= tfhe_poly_size(key->params), AMT_INVALID_ARGUMENT,
		"%zu values do not fit %u coefficients", count, tfhe_poly_size(key->params));
	struct tfhe_secret *r;
	TRY(tfhe_secret_new(&r, key->params));
	amt_status st = encrypt_with(r, key, out, values, count);
	tfhe_secret_free(r);
	return st;
}

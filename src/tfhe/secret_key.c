/* The secret key: making, keeping, exporting and importing it. */
#include "tfhe/secret_inside.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/sample.h"
#include "crypto/secret.h"
#include "os/cpu.h"

enum { RAW_HEADER_BYTES = 2 + 16 }; /* parameter id, key id */

static unsigned key_bits(const struct tfhe_params *p)
{
	return p->n + tfhe_big_dimension(p);
}

static amt_status allocate(struct tfhe_secret **out, const struct tfhe_params *p)
{
	/* A toy set counts only in a program that was linked with it. */
	ENSURE(!p->toy || tfhe_params_find(p->id) == p, AMT_FOREIGN_PARAMETERS,
		"parameter set %s is for tests only", p->name);
	struct tfhe_secret *s;
	TRY(secret_alloc(&s, sizeof(*s) + key_bits(p) * sizeof(uint32_t)));
	s->params = p;
	s->big = s->small + p->n;
	amt_status status = ring_fft_get(&s->fft, p->n_poly_log2, cpu_isa());
	if (amt_ok(status))
		status = secret_alloc(&s->spectrum, tfhe_big_dimension(p) * sizeof(*s->spectrum));
	if (!amt_ok(status)) {
		tfhe_secret_free(s);
		return status;
	}
	*out = s;
	return STATUS_OK;
}

void tfhe_secret_free(struct tfhe_secret *s)
{
	if (s == NULL)
		return;
	secret_free(s->spectrum);
	secret_free(s);
}

/* Both keys from bits (0 or 1), the small one first; then what is computed from them. */
static amt_status fill(struct tfhe_secret *s, const uint8_t *bits)
{
	const struct tfhe_params *p = s->params;
	size_t n = tfhe_poly_size(p);
	for (unsigned i = 0; i < key_bits(p); i++)
		s->small[i] = -(uint32_t)bits[i];
	struct secret_scratch w;
	TRY(secret_scratch_open(&w, p));
	for (unsigned k = 0; k < p->k; k++) {
		for (size_t i = 0; i < n; i++)
			w.digits[i] = (int32_t)(s->big[k * n + i] & 1);
		ring_fft_forward_i32(s->fft, s->spectrum + k * n, w.digits);
	}
	secret_scratch_close(&w, p);
	return STATUS_OK;
}

amt_status tfhe_secret_new(struct tfhe_secret **out, const struct tfhe_params *params)
{
	struct tfhe_secret *s;
	TRY(allocate(&s, params));
	uint8_t *bits = NULL;
	amt_status status = secret_alloc(&bits, key_bits(params));
	if (amt_ok(status))
		status = sample_binary(bits, key_bits(params));
	if (amt_ok(status))
		status = fill(s, bits);
	if (amt_ok(status))
		status = random_bytes(s->key_id, sizeof(s->key_id));
	secret_free(bits);
	if (!amt_ok(status)) {
		tfhe_secret_free(s);
		return status;
	}
	*out = s;
	return STATUS_OK;
}

const struct tfhe_params *tfhe_secret_params(const struct tfhe_secret *s)
{
	return s->params;
}

const uint8_t *tfhe_secret_key_id(const struct tfhe_secret *s)
{
	return s->key_id;
}

size_t tfhe_secret_bytes(const struct tfhe_params *params)
{
	return RAW_HEADER_BYTES + (key_bits(params) + 7) / 8;
}

amt_status tfhe_secret_export(const struct tfhe_secret *s, uint8_t *out, size_t size)
{
	ENSURE(size == tfhe_secret_bytes(s->params), AMT_INVALID_ARGUMENT,
		"a secret key of set %s has %zu bytes, not %zu", s->params->name,
		tfhe_secret_bytes(s->params), size);
	memset(out, 0, size);
	store_u16(out, s->params->id);
	memcpy(out + 2, s->key_id, sizeof(s->key_id));
	uint8_t *packed = out + RAW_HEADER_BYTES;
	for (unsigned i = 0; i < key_bits(s->params); i++)
		packed[i / 8] |= (uint8_t)((s->small[i] & 1) << (i % 8));
	return STATUS_OK;
}

amt_status tfhe_secret_import(struct tfhe_secret **out, struct span raw)
{
	struct reader r = reader_of(raw, "secret key");
	uint16_t id;
	TRY(read_u16(&r, &id));
	const struct tfhe_params *p = tfhe_params_find(id);
	ENSURE(p != NULL, AMT_FOREIGN_PARAMETERS, "unknown parameter set %u", id);
	ENSURE(raw.size >= tfhe_secret_bytes(p), AMT_TRUNCATED,
		"a secret key of set %s has %zu bytes, this one %zu", p->name, tfhe_secret_bytes(p),
		raw.size);
	ENSURE(raw.size == tfhe_secret_bytes(p), AMT_CORRUPTION,
		"a secret key of set %s has %zu bytes, this one %zu", p->name, tfhe_secret_bytes(p),
		raw.size);
	struct tfhe_secret *s;
	TRY(allocate(&s, p));
	amt_status status = read_copy(&r, s->key_id, sizeof(s->key_id));
	uint8_t *bits = NULL;
	if (amt_ok(status))
		status = secret_alloc(&bits, key_bits(p));
	if (amt_ok(status)) {
		for (unsigned i = 0; i < key_bits(p); i++)
			bits[i] = r.at[i / 8] >> (i % 8) & 1;
		status = fill(s, bits);
	}
	secret_free(bits);
	if (!amt_ok(status)) {
		tfhe_secret_free(s);
		return status;
	}
	*out = s;
	return STATUS_OK;
}

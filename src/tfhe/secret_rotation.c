/* Making rotation keys (tfhe/rotation.h). */
#include "tfhe/secret_inside.h"

#include "base/alloc.h"
#include "crypto/sample.h"
#include "crypto/secret.h"
#include "crypto/wire.h"
#include "os/clock.h"
#include "tfhe/rotation.h"

/* Rows of one input coefficient. */
static amt_status make_rows(const struct tfhe_secret *from, const struct tfhe_secret *to,
	struct seed_expander *expander, unsigned coefficient, uint32_t *mask, uint64_t *noise,
	uint8_t *bodies)
{
	const struct tfhe_params *p = to->params;
	uint32_t bit = from->big[coefficient] & 1;
	TRY(sample_noise(&p->lwe_noise, noise, p->ks_levels));
	for (unsigned level = 0; level < p->ks_levels; level++) {
		size_t row = (size_t)coefficient * p->ks_levels + level;
		TRY(seed_expand_u32(expander, row, mask, p->n));
		store_u32(bodies + 4 * row, secret_dot(to->small, mask, p->n) +
						    secret_round(noise[level]) +
						    (bit << (32 - p->ks_base_log2 * (level + 1))));
	}
	return STATUS_OK;
}

static amt_status make_all(
	const struct tfhe_secret *from, const struct tfhe_secret *to, uint8_t *content)
{
	const struct tfhe_params *p = to->params;
	struct seed seed;
	struct seed_expander *expander = NULL;
	uint32_t *mask = NULL;
	uint64_t *noise = NULL;
	TRY(seed_new(&seed));
	memcpy(content, from->key_id, 16);
	memcpy(content + 16, &seed, sizeof(seed));
	amt_status s = seed_expander_new(&expander, &seed);
	if (amt_ok(s))
		s = mem_array(&mask, p->n, sizeof(*mask));
	if (amt_ok(s))
		s = mem_array(&noise, p->ks_levels, sizeof(*noise));
	for (unsigned i = 0; i < tfhe_big_dimension(p) && amt_ok(s); i++)
		s = make_rows(from, to, expander, i, mask, noise, content + ROTATION_HEAD_BYTES);
	if (noise != NULL)
		secret_wipe(noise, p->ks_levels * sizeof(*noise));
	mem_free(noise);
	mem_free(mask);
	seed_expander_free(expander);
	return s;
}

amt_status tfhe_rotation_key_generate(
	const struct tfhe_secret *from, const struct tfhe_secret *to, struct buf *out)
{
	ENSURE(from->params == to->params, AMT_FOREIGN_PARAMETERS,
		"a rotation from parameter set %s to %s", from->params->name, to->params->name);
	struct wire_header header = {
		.type = WIRE_ROTATION_KEY, .params = to->params->id, .created_us = clock_wall_us()};
	memcpy(header.key_id, to->key_id, sizeof(header.key_id));
	struct buf content = {0};
	uint8_t *at;
	amt_status s = buf_extend(&content, tfhe_rotation_key_bytes(to->params), &at);
	if (amt_ok(s))
		s = make_all(from, to, at);
	if (amt_ok(s))
		s = wire_put(out, &header, buf_span(&content));
	buf_free(&content);
	return s;
}

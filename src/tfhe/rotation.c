#include "tfhe/rotation.h"

#include "base/alloc.h"
#include "crypto/wire.h"
#include "tfhe/evaluator_inside.h"

static amt_status expand_rows(struct tfhe_evaluator *e, const uint8_t *content)
{
	const struct tfhe_params *p = e->params;
	const uint8_t *bodies = content + ROTATION_HEAD_BYTES;
	struct seed seed;
	struct seed_expander *expander;
	uint32_t *lwe;
	memcpy(&seed, content + 16, sizeof(seed));
	TRY(mem_array(&lwe, p->n + 1, sizeof(*lwe)));
	amt_status s = seed_expander_new(&expander, &seed);
	if (!amt_ok(s)) {
		mem_free(lwe);
		return s;
	}
	for (size_t row = 0; row < (size_t)tfhe_big_dimension(p) * p->ks_levels && amt_ok(s);
		row++) {
		s = seed_expand_u32(expander, row, lwe, p->n);
		lwe[p->n] = load_u32(bodies + 4 * row);
		if (amt_ok(s))
			tfhe_keyswitch_key_set(&e->keyswitch, (unsigned)(row / p->ks_levels),
				row % p->ks_levels, lwe);
	}
	seed_expander_free(expander);
	mem_free(lwe);
	return s;
}

amt_status tfhe_evaluator_rotate(struct tfhe_evaluator **out, const struct tfhe_evaluator *to,
	struct span key, uint8_t old_key_id[16])
{
	struct wire_header header;
	struct span content;
	const struct tfhe_params *p = to->params;
	TRY(wire_get(key, WIRE_ROTATION_KEY, &header, &content));
	TRY(wire_expect(&header, to->key_id, p->id));
	ENSURE(content.size == tfhe_rotation_key_bytes(p), AMT_CORRUPTION,
		"a rotation key of set %s has %zu bytes, this one %zu", p->name,
		tfhe_rotation_key_bytes(p), content.size);
	struct tfhe_evaluator *e;
	TRY(evaluator_new(&e, to));
	amt_status s = tfhe_keyswitch_key_alloc(&e->keyswitch, p, to->keyswitch.isa);
	if (amt_ok(s))
		s = expand_rows(e, content.data);
	if (amt_ok(s))
		s = evaluator_allocate_scratch(e);
	if (!amt_ok(s)) {
		tfhe_evaluator_free(e);
		return s;
	}
	memcpy(old_key_id, content.data, 16);
	*out = e;
	return STATUS_OK;
}

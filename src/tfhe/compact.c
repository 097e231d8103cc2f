#include "tfhe/compact.h"

#include "base/alloc.h"
#include "crypto/wire.h"
#include "tfhe/evaluate.h"
#include "tfhe/noise.h"

static amt_status expand_key(struct tfhe_public_key *key, struct span content)
{
	const struct tfhe_params *p = key->params;
	size_t n = tfhe_poly_size(p);
	struct seed seed;
	struct seed_expander *expander;
	TRY(mem_array(&key->mask, tfhe_big_dimension(p), sizeof(*key->mask)));
	TRY(mem_array(&key->body, n, sizeof(*key->body)));
	memcpy(&seed, content.data, sizeof(seed));
	memcpy(key->body, content.data + sizeof(seed), n * sizeof(*key->body));
	TRY(seed_expander_new(&expander, &seed));
	amt_status s = STATUS_OK;
	for (unsigned k = 0; k < p->k && amt_ok(s); k++)
		s = seed_expand_u32(expander, k, key->mask + k * n, n);
	seed_expander_free(expander);
	return s;
}

amt_status tfhe_public_key_get(struct tfhe_public_key **out, struct span file)
{
	struct wire_header header;
	struct span content;
	TRY(wire_get(file, WIRE_PUBLIC_KEY, &header, &content));
	const struct tfhe_params *p = tfhe_params_find(header.params);
	ENSURE(p != NULL, AMT_FOREIGN_PARAMETERS, "a public key of parameter set %u",
		header.params);
	ENSURE(content.size == tfhe_public_key_bytes(p), AMT_CORRUPTION,
		"a public key of set %s has %zu bytes, this one %zu", p->name,
		tfhe_public_key_bytes(p), content.size);
	struct tfhe_public_key *key;
	TRY(mem_zalloc(&key, sizeof(*key)));
	key->params = p;
	memcpy(key->key_id, header.key_id, sizeof(key->key_id));
	amt_status s = expand_key(key, content);
	if (amt_ok(s))
		*out = key;
	else
		tfhe_public_key_free(key);
	return s;
}

void tfhe_public_key_free(struct tfhe_public_key *key)
{
	if (key == NULL)
		return;
	mem_free(key->mask);
	mem_free(key->body);
	mem_free(key);
}

void tfhe_compact_expand(
	const struct tfhe_params *p, uint32_t *glwe, const uint8_t *words, size_t count)
{
	size_t given = tfhe_compact_words(p, count), all = tfhe_glwe_words(p);
	for (size_t i = 0; i < given; i++)
		glwe[i] = (uint32_t)load_u16(words + 2 * i) << 16;
	memset(glwe + given, 0, (all - given) * sizeof(*glwe));
}

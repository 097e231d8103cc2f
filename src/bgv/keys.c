/* Switching keys from their bytes. */
#include "bgv/inside.h"

#include "base/alloc.h"

#include <stdatomic.h>

struct opening {
	struct bgv_keys *keys;
	unsigned stored;       /* limbs of the keys in `digits`: at least those that are opened */
	const uint8_t *digits; /* of the first key */
	void (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
	uint64_t total;
	atomic_uint_fast64_t done;
};

static amt_status special_residues(const struct bgv_ring *ring, uint64_t *out, const uint8_t *in)
{
	uint64_t p = ring->params->p;
	for (size_t i = 0; i < ring->n; i++) {
		out[i] = 0;
		memcpy(&out[i], in + i * BGV_SPECIAL_BYTES, BGV_SPECIAL_BYTES);
		ENSURE(out[i] < p, AMT_CORRUPTION,
			"a residue of a switching key is not below its modulus");
	}
	return STATUS_OK;
}

/* Limb j (stored: p) of a digit. */
static amt_status open_limb(const struct opening *o, unsigned j, uint64_t *out, const uint8_t *in,
	struct seed_expander *seed)
{
	const struct bgv_ring *ring = o->keys->ring;
	const struct bgv_constants *c = ring->constants;
	bool special = j == o->stored;
	unsigned limb = special ? BGV_SPECIAL_LIMB : j;
	uint64_t factor = special ? c->p_t_inverse : c->p_inverse[j];
	in += (size_t)j * ring->n * ring->params->residue_bytes;
	if (special)
		TRY(special_residues(ring, out, in));
	else
		TRY(bgv_residues_get(ring, j, out, in));
	TRY(bgv_mask(ring, seed, limb, 0, ring->n, out + ring->n));
	ntt_scale(bgv_table(ring, limb), out, out, factor, 2 * ring->n);
	return STATUS_OK;
}

/* Applies the inverse of the key's automorphism. */
static void permute_back(
	const struct bgv_keys *k, unsigned key, unsigned limbs, unsigned digit, uint64_t *room)
{
	const uint32_t *permutation = bgv_keys_permutation(k, key);
	size_t n = k->ring->n;
	for (unsigned j = 0; j < limbs; j++)
		for (unsigned part = 0; part < 2; part++) {
			uint64_t *x = bgv_digit(k, key, j, digit) + part * n;
			for (size_t i = 0; i < n; i++)
				room[permutation[i]] = x[i];
			memcpy(x, room, n * sizeof(*x));
		}
}

static amt_status open_digit(void *context, size_t index, unsigned worker)
{
	struct opening *o = context;
	struct bgv_keys *k = o->keys;
	unsigned key = (unsigned)(index / k->limbs), digit = (unsigned)(index % k->limbs);
	const uint8_t *in =
		o->digits + ((size_t)key * o->stored + digit) * bgv_digit_bytes(k->ring, o->stored);
	struct seed seed;
	struct seed_expander *expander;
	memcpy(seed.bytes, in, sizeof(seed.bytes));
	TRY(seed_expander_new(&expander, &seed));
	amt_status status = STATUS_OK;
	for (unsigned j = 0; j <= k->limbs && amt_ok(status); j++)
		status = open_limb(o, j < k->limbs ? j : o->stored, bgv_digit(k, key, j, digit),
			in + sizeof(seed.bytes), expander);
	seed_expander_free(expander);
	if (amt_ok(status) && key > 0) {
		uint64_t *room;
		TRY(bgv_scratch_take(k->ring, k->ring->n, &room));
		permute_back(k, key, k->limbs + 1, digit, room);
		bgv_scratch_give(k->ring, k->ring->n, room);
	}
	uint64_t done = atomic_fetch_add(&o->done, 1) + 1;
	if (amt_ok(status) && worker == 0 && o->progress != NULL)
		o->progress(o->context, done, o->total);
	return status;
}

static amt_status read_shape(struct opening *o, struct reader *r, unsigned most)
{
	struct bgv_keys *k = o->keys;
	const struct bgv_params *p = k->ring->params;
	uint16_t id, limbs;
	uint32_t elements, last = 1;
	TRY(read_u16(r, &id));
	ENSURE(id == p->id, AMT_FOREIGN_PARAMETERS,
		"switching keys of parameter set %u, the ring is %s (%u)", id, p->name, p->id);
	TRY(read_u16(r, &limbs));
	TRY(read_u32(r, &elements));
	ENSURE(limbs >= 1 && limbs <= p->limbs && elements <= BGV_MAX_ELEMENTS, AMT_CORRUPTION,
		"switching keys for %u limbs and %u automorphisms", limbs, elements);
	o->stored = limbs;
	k->limbs = limbs < most ? limbs : most;
	k->elements = elements;
	for (uint32_t i = 0; i < elements; i++, last = k->element[i - 1]) {
		TRY(read_u32(r, &k->element[i]));
		ENSURE(k->element[i] > last && k->element[i] % 2 == 1 &&
				k->element[i] < 2 * k->ring->n,
			AMT_CORRUPTION, "automorphism X^%u of ring %s", k->element[i], p->name);
	}
	size_t size = (size_t)(1 + elements) * limbs * bgv_digit_bytes(k->ring, limbs);
	ENSURE(reader_left(r) >= size, AMT_TRUNCATED, "switching keys are cut: %zu of %zu bytes",
		reader_left(r), size);
	ENSURE(reader_left(r) == size, AMT_CORRUPTION, "%zu bytes follow the switching keys",
		reader_left(r) - size);
	return STATUS_OK;
}

static amt_status allocate(struct bgv_keys *k)
{
	size_t n = k->ring->n;
	TRY(mem_array(&k->permutation, k->elements * n, sizeof(*k->permutation)));
	for (unsigned i = 0; i < k->elements; i++)
		bgv_permutation(k->ring, k->element[i], k->permutation + i * n);
	for (unsigned i = 0; i <= k->elements; i++)
		TRY(mem_alloc_aligned(&k->key[i], bgv_key_words(k) * sizeof(uint64_t)));
	return STATUS_OK;
}

amt_status bgv_keys_open(struct bgv_keys **out, const struct bgv_ring *ring, struct span content,
	unsigned limbs, struct pool *pool,
	void (*progress)(void *context, uint64_t done, uint64_t total), void *context)
{
	struct opening o = {.progress = progress, .context = context};
	struct reader r = reader_of(content, "switching keys");
	ENSURE(limbs >= 1, AMT_INVALID_ARGUMENT, "switching keys for no limbs");
	TRY(mem_zalloc(&o.keys, sizeof(*o.keys)));
	o.keys->ring = ring;
	amt_status status = read_shape(&o, &r, limbs);
	if (amt_ok(status))
		status = allocate(o.keys);
	o.digits = r.at;
	o.total = (uint64_t)(1 + o.keys->elements) * o.keys->limbs;
	if (amt_ok(status))
		status = pool_run(pool, o.total, open_digit, &o);
	if (!amt_ok(status)) {
		bgv_keys_free(o.keys);
		return status;
	}
	*out = o.keys;
	return STATUS_OK;
}

void bgv_keys_free(struct bgv_keys *keys)
{
	if (keys == NULL)
		return;
	for (unsigned i = 0; i <= keys->elements; i++)
		mem_free_aligned(keys->key[i], bgv_key_words(keys) * sizeof(uint64_t));
	mem_free(keys->permutation);
	mem_free(keys);
}

amt_status bgv_keys_find(const struct bgv_keys *k, uint32_t element, unsigned *key)
{
	for (unsigned i = 0; i < k->elements; i++)
		if (k->element[i] == element) {
			*key = 1 + i;
			return STATUS_OK;
		}
	FAIL(AMT_NOT_FOUND, "there is no switching key for X^%u", element);
}

bool bgv_keys_has(const struct bgv_keys *keys, uint32_t galois_element)
{
	for (unsigned i = 0; i < keys->elements; i++)
		if (keys->element[i] == galois_element)
			return true;
	return false;
}

unsigned bgv_keys_limbs(const struct bgv_keys *keys)
{
	return keys->limbs;
}

size_t bgv_keys_bytes(const struct bgv_keys *keys)
{
	return (1 + keys->elements) * bgv_key_words(keys) * sizeof(uint64_t) +
	       keys->elements * keys->ring->n * sizeof(uint32_t) + sizeof(*keys);
}

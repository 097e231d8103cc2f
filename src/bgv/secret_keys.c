/* Making switching keys; the form is in bgv/bgv.h. */
#include "bgv/secret_inside.h"

#include "base/alloc.h"
#include "crypto/secret.h"

#include <stdatomic.h>

struct making {
	const struct bgv_secret *secret;
	unsigned limbs, elements;
	uint32_t element[BGV_MAX_ELEMENTS];
	uint8_t *digits; /* of the first key */
	void (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
	uint64_t total;
	atomic_uint_fast64_t done;
};

/* out += p S: S is s^2, or s after X -> X^element. */
static amt_status add_message(
	const struct making *m, unsigned key, unsigned limb, uint64_t *x, uint64_t *out)
{
	const struct bgv_ring *ring = m->secret->ring;
	const struct ntt *q = ring->q[limb];
	const uint64_t *s = bgv_secret_values(m->secret, limb);
	if (key == 0) {
		ntt_mul(q, x, s, s, ring->n);
	} else {
		uint32_t *permutation;
		TRY(mem_array(&permutation, ring->n, sizeof(*permutation)));
		bgv_permutation(ring, m->element[key - 1], permutation);
		ntt_permute(q, x, s, permutation, ring->n);
		mem_free(permutation);
	}
	ntt_scale_add(q, out, x, ring->constants->p_residue[limb], ring->n);
	return STATUS_OK;
}

static void put_special(uint8_t *out, const uint64_t *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		memcpy(out + i * BGV_SPECIAL_BYTES, &x[i], BGV_SPECIAL_BYTES);
}

static amt_status make_limbs(const struct making *m, struct bgv_encryption *e, unsigned key,
	unsigned digit, struct seed_expander *seed, uint64_t *c0, uint8_t *out)
{
	size_t n = m->secret->ring->n;
	unsigned bytes = m->secret->ring->params->residue_bytes;
	TRY(bgv_encryption_noise(e, NULL));
	for (unsigned j = 0; j < m->limbs; j++, out += n * bytes) {
		TRY(bgv_encryption_limb(e, seed, j, c0));
		if (j == digit)
			TRY(add_message(m, key, j, e->x, c0));
		ntt_pack(bgv_table(m->secret->ring, j), bytes, out, c0, n);
	}
	TRY(bgv_encryption_limb(e, seed, BGV_SPECIAL_LIMB, c0));
	put_special(out, c0, n);
	return STATUS_OK;
}

static amt_status make_digit(void *context, size_t index, unsigned worker)
{
	struct making *m = context;
	const struct bgv_ring *ring = m->secret->ring;
	uint8_t *out = m->digits + index * bgv_digit_bytes(ring, m->limbs);
	struct bgv_encryption e;
	struct seed seed;
	struct seed_expander *expander = NULL;
	uint64_t *c0 = NULL;
	TRY(seed_new(&seed));
	memcpy(out, seed.bytes, sizeof(seed.bytes));
	amt_status status = bgv_encryption_open(&e, m->secret);
	if (amt_ok(status))
		status = bgv_scratch_take(ring, ring->n, &c0);
	if (amt_ok(status))
		status = seed_expander_new(&expander, &seed);
	if (amt_ok(status))
		status = make_limbs(m, &e, (unsigned)(index / m->limbs),
			(unsigned)(index % m->limbs), expander, c0, out + sizeof(seed.bytes));
	seed_expander_free(expander);
	if (c0 != NULL) /* before the mask was subtracted it was the noise */
		secret_wipe(c0, ring->n * sizeof(*c0));
	bgv_scratch_give(ring, ring->n, c0);
	bgv_encryption_close(&e);
	uint64_t done = atomic_fetch_add(&m->done, 1) + 1;
	if (amt_ok(status) && worker == 0 && m->progress != NULL)
		m->progress(m->context, done, m->total);
	return status;
}

static void add_element(struct making *m, uint32_t element)
{
	unsigned at = 0;
	while (at < m->elements && m->element[at] < element)
		at++;
	if (at < m->elements && m->element[at] == element)
		return;
	memmove(m->element + at + 1, m->element + at, (m->elements - at) * sizeof(element));
	m->element[at] = element;
	m->elements++;
}

static void list_elements(
	struct making *m, const struct bgv_ring *ring, struct bgv_keys_wanted wanted)
{
	m->limbs = wanted.limbs;
	m->elements = 0;
	for (unsigned i = 0; i < wanted.expand_log2; i += 2) { /* bgv/expand.c */
		uint32_t s = (uint32_t)(ring->n >> i) + 1, r = (uint32_t)(ring->n >> (i + 1)) + 1;
		add_element(m, s);
		add_element(m, r);
		add_element(m, s * r % (2 * (uint32_t)ring->n));
	}
	for (unsigned i = 1; i <= wanted.fold_log2; i++)
		add_element(m, bgv_rotation(ring, (unsigned)(ring->n >> 1 >> i)));
}

static bool possible(const struct bgv_ring *ring, struct bgv_keys_wanted wanted)
{
	return wanted.limbs >= 1 && wanted.limbs <= ring->params->limbs &&
	       wanted.expand_log2 % 2 == 0 && wanted.expand_log2 + 2 <= ring->log2n &&
	       wanted.fold_log2 < ring->log2n;
}

size_t bgv_keys_make_bytes(const struct bgv_ring *ring, struct bgv_keys_wanted wanted)
{
	struct making m;
	list_elements(&m, ring, wanted);
	return bgv_keys_content_bytes(ring, m.limbs, m.elements);
}

static void put_shape(const struct making *m, uint8_t *out)
{
	store_u16(out, m->secret->ring->params->id);
	store_u16(out + 2, (uint16_t)m->limbs);
	store_u32(out + 4, m->elements);
	for (unsigned i = 0; i < m->elements; i++)
		store_u32(out + 8 + i * 4, m->element[i]);
}

amt_status bgv_keys_make(const struct bgv_secret *secret, struct bgv_keys_wanted wanted,
	struct pool *pool, void (*progress)(void *context, uint64_t done, uint64_t total),
	void *context, struct buf *out)
{
	struct making m = {.secret = secret, .progress = progress, .context = context};
	uint8_t *at;
	ENSURE(possible(secret->ring, wanted), AMT_INVALID_ARGUMENT,
		"switching keys for %u limbs of ring %s, 2^%u scalars, folds by 2^%u", wanted.limbs,
		secret->ring->params->name, wanted.expand_log2, wanted.fold_log2);
	list_elements(&m, secret->ring, wanted);
	size_t before = out->size;
	TRY(buf_extend(out, bgv_keys_content_bytes(secret->ring, m.limbs, m.elements), &at));
	put_shape(&m, at);
	m.digits = at + 8 + 4 * (size_t)m.elements;
	m.total = (uint64_t)(1 + m.elements) * m.limbs;
	amt_status status = pool_run(pool, m.total, make_digit, &m);
	if (!amt_ok(status))
		out->size = before; /* half a key helps nobody */
	return status;
}

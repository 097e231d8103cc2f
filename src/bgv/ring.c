/* Tables of a ring; slots. */
#include "bgv/inside.h"

#include "base/alloc.h"

uint64_t bgv_inverse_mod(uint64_t a, uint64_t q)
{
	uint64_t r = 1, x = a % q;
	for (uint64_t e = q - 2; e > 0; e >>= 1, x = bgv_mul_mod(x, x, q))
		if ((e & 1) != 0)
			r = bgv_mul_mod(r, x, q);
	return r;
}

static void fill_constants(struct bgv_constants *c, const struct bgv_params *p)
{
	for (unsigned j = 0; j < p->limbs; j++) {
		uint64_t q = p->q[j];
		for (unsigned i = 0; i < p->limbs; i++) {
			if (i == j)
				continue;
			c->drop_inverse[i][j] = bgv_inverse_mod(p->q[i], q);
			c->drop_delta[i][j] = q - bgv_mul_mod(c->drop_inverse[i][j], BGV_T, q);
		}
		c->p_residue[j] = p->p % q;
		c->p_inverse[j] = bgv_inverse_mod(p->p, q);
		c->p_delta[j] = q - bgv_mul_mod(c->p_inverse[j], BGV_T, q);
		c->t_inverse[j] = bgv_inverse_mod(BGV_T, q);
	}
	c->p_t_inverse = bgv_inverse_mod(BGV_T, p->p);
}

/* Where psi^e is among the values: entry i is at psi^(2 brev(i) + 1). */
static unsigned entry_of(const struct bgv_ring *ring, unsigned exponent)
{
	return bgv_reverse((exponent - 1) / 2, ring->log2n);
}

static void fill_slots(struct bgv_ring *ring)
{
	unsigned mask = 2 * (unsigned)ring->n - 1, half = (unsigned)ring->n / 2, e = 1;
	for (unsigned r = 0; r < half; r++, e = e * 3 & mask) {
		ring->slot[r] = entry_of(ring, e);
		ring->slot[half + r] = entry_of(ring, (mask + 1 - e) & mask);
	}
}

static amt_status fill_ring(struct bgv_ring *ring)
{
	const struct bgv_params *p = ring->params;
	TRY(mem_zalloc(&ring->constants, sizeof(*ring->constants)));
	pthread_mutex_init(&ring->constants->scratch.lock, NULL);
	for (unsigned i = 0; i < p->limbs; i++)
		TRY(ntt_new(&ring->q[i], p->q[i], p->log2n));
	TRY(ntt_new(&ring->p, p->p, p->log2n));
	TRY(ntt_new(&ring->t, BGV_T, p->log2n));
	TRY(mem_array(&ring->slot, ring->n, sizeof(*ring->slot)));
	fill_constants(ring->constants, p);
	fill_slots(ring);
	return STATUS_OK;
}

amt_status bgv_ring_new(struct bgv_ring **out, const struct bgv_params *params)
{
	struct bgv_ring *ring;
	TRY(bgv_params_check_shape(params));
	TRY(mem_zalloc(&ring, sizeof(*ring)));
	ring->params = params;
	ring->log2n = params->log2n;
	ring->n = (size_t)1 << params->log2n;
	amt_status status = fill_ring(ring);
	if (!amt_ok(status)) {
		bgv_ring_free(ring);
		return status;
	}
	*out = ring;
	return STATUS_OK;
}

void bgv_ring_free(struct bgv_ring *ring)
{
	if (ring == NULL)
		return;
	for (unsigned i = 0; i < ring->params->limbs; i++)
		ntt_free(ring->q[i]);
	ntt_free(ring->p);
	ntt_free(ring->t);
	mem_free(ring->slot);
	if (ring->constants != NULL) {
		struct bgv_scratch_list *l = &ring->constants->scratch;
		for (unsigned i = 0; i < l->count; i++)
			mem_free_aligned(l->idle[i].block, l->idle[i].words * sizeof(uint64_t));
		pthread_mutex_destroy(&l->lock);
	}
	mem_free(ring->constants);
	mem_free(ring);
}

amt_status bgv_scratch_take(const struct bgv_ring *ring, size_t words, uint64_t **out)
{
	struct bgv_scratch_list *l = &ring->constants->scratch;
	uint64_t *found = NULL;
	pthread_mutex_lock(&l->lock);
	for (unsigned i = l->count; i-- > 0 && found == NULL;)
		if (l->idle[i].words == words) {
			found = l->idle[i].block;
			l->idle[i] = l->idle[--l->count];
		}
	pthread_mutex_unlock(&l->lock);
	if (found == NULL)
		TRY(mem_alloc_aligned(&found, words * sizeof(*found)));
	*out = found;
	return STATUS_OK;
}

void bgv_scratch_give(const struct bgv_ring *ring, size_t words, uint64_t *block)
{
	if (block == NULL)
		return;
	struct bgv_scratch_list *l = &ring->constants->scratch;
	pthread_mutex_lock(&l->lock);
	if (l->count == SCRATCH_KEPT) { /* the oldest goes: sizes follow what is being done */
		mem_free_aligned(l->idle[0].block, l->idle[0].words * sizeof(uint64_t));
		l->count--;
		memmove(l->idle, l->idle + 1, l->count * sizeof(l->idle[0]));
	}
	l->idle[l->count].block = block;
	l->idle[l->count++].words = words;
	pthread_mutex_unlock(&l->lock);
}

void bgv_slots_encode(const struct bgv_ring *ring, uint64_t *coefficients, const uint32_t *slots)
{
	for (size_t r = 0; r < ring->n; r++)
		coefficients[ring->slot[r]] = slots[r];
	ntt_inverse(ring->t, coefficients);
}

void bgv_slots_decode(const struct bgv_ring *ring, uint32_t *slots, uint64_t *coefficients)
{
	ntt_forward(ring->t, coefficients);
	for (size_t r = 0; r < ring->n; r++)
		slots[r] = (uint32_t)coefficients[ring->slot[r]];
}

amt_status bgv_ct_new(
	struct bgv_ct *out, const struct bgv_ring *ring, unsigned limbs, unsigned parts)
{
	*out = (struct bgv_ct){.limbs = limbs, .stride = limbs, .parts = parts};
	size_t words = (size_t)limbs * parts * ring->n;
	TRY(mem_alloc_aligned(&out->data, words * sizeof(*out->data)));
	out->words = words;
	return STATUS_OK;
}

void bgv_ct_free(struct bgv_ct *ct)
{
	mem_free_aligned(ct->data, ct->words * sizeof(*ct->data));
	*ct = (struct bgv_ct){0};
}

void bgv_permutation(const struct bgv_ring *ring, uint32_t element, uint32_t *permutation)
{
	unsigned mask = 2 * (unsigned)ring->n - 1;
	for (unsigned i = 0; i < ring->n; i++) {
		unsigned exponent = 2 * bgv_reverse(i, ring->log2n) + 1;
		permutation[i] = entry_of(ring, exponent * element & mask);
	}
}

uint32_t bgv_rotation(const struct bgv_ring *ring, unsigned steps)
{
	unsigned mask = 2 * (unsigned)ring->n - 1, element = 1, power = 3;
	for (; steps > 0; steps >>= 1, power = power * power & mask)
		if ((steps & 1) != 0)
			element = element * power & mask;
	return element;
}

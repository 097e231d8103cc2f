/* Switching keys arrive from outside. The first byte says how: below 2, the rest is the content; else the
 * rest fills the residues of a content of good shape, which must open, and whatever its words are must be
 * good enough to compute with. Where it is odd residues are of 6 bytes. */
#include "base/alloc.h"
#include "bgv/bgv.h"

#include "../tests/bgv/toy_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(amt_status s)
{
	if (!amt_ok(s))
		__builtin_trap();
}

static const struct bgv_ring *toy_ring(bool wide)
{
	static struct bgv_params params[2];
	static struct bgv_ring *ring[2];
	if (ring[wide] == NULL) {
		params[wide] = wide ? toy_wide_params(10, 2) : toy_params(10, 2);
		must(bgv_ring_new(&ring[wide], &params[wide]));
	}
	return ring[wide];
}

/* Two limbs, X^(N+1): residues are the input over and over, below the modulus. */
static void fill(const struct bgv_ring *ring, struct buf *content, const uint8_t *data, size_t size)
{
	unsigned bytes = ring->params->residue_bytes;
	size_t total = bgv_keys_content_bytes(ring, 2, 1), k = 0;
	uint8_t *at;
	must(buf_extend(content, total, &at));
	memset(at, 0, total);
	store_u16(at, ring->params->id);
	store_u16(at + 2, 2);
	store_u32(at + 4, 1);
	store_u32(at + 8, (uint32_t)ring->n + 1);
	at += 12;
	for (unsigned digit = 0; digit < 4; digit++) {
		for (size_t i = 0; i < 16; i++)
			*at++ = size > 0 ? data[k++ % size] : 0;
		for (unsigned limb = 0; limb < 3; limb++)
			for (size_t i = 0; i < ring->n; i++) {
				uint64_t q = limb < 2 ? ring->params->q[limb] : ring->params->p;
				uint64_t w = 0;
				for (unsigned b = 0; b < 7; b++)
					w = w << 8 | (size > 0 ? data[k++ % size] : 0);
				w %= q;
				memcpy(at, &w, limb < 2 ? bytes : 7);
				at += limb < 2 ? bytes : 7;
			}
	}
}

static void compute(const struct bgv_ring *ring, const struct bgv_keys *keys)
{
	struct bgv_ct x, y, out[2], *list[] = {&y};
	unsigned limbs = bgv_keys_limbs(keys);
	uint32_t element = (uint32_t)ring->n + 1;
	must(bgv_ct_new(&x, ring, limbs, 2));
	must(bgv_ct_new(&y, ring, limbs, 3));
	for (unsigned part = 0; part < 2; part++)
		for (unsigned i = 0; i < limbs; i++)
			for (size_t k = 0; k < ring->n; k++)
				bgv_limb(ring, &x, part, i)[k] = ring->params->q[i] - 1 - k;
	x.noise = bgv_noise_fresh(ring->params);
	bgv_mul(ring, &y, &x, &x);
	must(bgv_relinearise(ring, keys, list, 1, NULL));
	if (bgv_keys_has(keys, element)) {
		must(bgv_automorphism(ring, keys, &y, &x, element, NULL));
		must(bgv_expand(ring, keys, out, &x, 2, NULL));
		bgv_ct_free(&out[0]);
		bgv_ct_free(&out[1]);
	}
	bgv_ct_free(&x);
	bgv_ct_free(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct buf content = {0};
	struct bgv_keys *keys;
	bool whole = data[0] < 2, wide = data[0] % 2 == 1;
	const struct bgv_ring *ring = toy_ring(wide);
	if (!whole)
		fill(ring, &content, data + 1, size - 1);
	struct span in = whole ? span_of(data + 1, size - 1) : buf_span(&content);
	amt_status s = bgv_keys_open(&keys, ring, in, BGV_MAX_LIMBS, NULL, NULL, NULL);
	if (amt_ok(s)) {
		compute(ring, keys);
		bgv_keys_free(keys);
	} else if (!whole) {
		__builtin_trap();
	}
	amt_status_clear(&s);
	buf_free(&content);
	return 0;
}

/* Seeded ciphertexts and answers. The first byte says how many limbs the ciphertext should have; 0: the
 * rest is an answer for the owner; 64 more: residues are of 6 bytes; 128 more: the input is repeated until
 * the length is right. */
#include "base/alloc.h"
#include "bgv/secret.h"

#include "../tests/bgv/toy_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(amt_status s)
{
	if (!amt_ok(s))
		__builtin_trap();
}

static struct bgv_secret *toy_secret(bool wide)
{
	static struct bgv_params params[2];
	static struct bgv_ring *ring[2];
	static struct bgv_secret *secret[2];
	uint8_t seed[BGV_SECRET_SEED_BYTES] = {1};
	if (ring[wide] == NULL) {
		params[wide] = wide ? toy_wide_params(10, 3) : toy_params(10, 3);
		must(bgv_ring_new(&ring[wide], &params[wide]));
		must(bgv_secret_new(&secret[wide], ring[wide], seed));
	}
	return secret[wide];
}

static void compute(const struct bgv_secret *secret, struct bgv_ct *x, uint64_t *m)
{
	const struct bgv_ring *ring = bgv_secret_ring(secret);
	struct bgv_ct y;
	struct buf answer = {0};
	must(bgv_ct_new(&y, ring, x->limbs, 3));
	bgv_mul(ring, &y, x, x);
	must(bgv_decrypt(secret, &y, m, NULL));
	bgv_affine(ring, x, x, -3, 7);
	while (x->limbs > 1)
		must(bgv_mod_switch(ring, x, NULL));
	must(bgv_answer_put(ring, x, &answer));
	must(bgv_answer_decrypt(secret, buf_span(&answer), m, NULL));
	for (size_t i = 0; i < ring->n; i++)
		if (m[i] >= BGV_T)
			__builtin_trap();
	bgv_ct_free(&y);
	buf_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct bgv_secret *secret = toy_secret((data[0] & 64) != 0);
	const struct bgv_ring *ring = bgv_secret_ring(secret);
	unsigned limbs = data[0] & 63;
	uint64_t *m;
	struct buf in = {0};
	struct bgv_ct ct;
	must(mem_alloc_aligned(&m, ring->n * sizeof(*m)));
	must(buf_put(&in, data + 1, size - 1));
	size_t want = limbs == 0 ? bgv_answer_bytes(ring) : bgv_seeded_bytes(ring, limbs);
	while (data[0] >= 128 && limbs <= 3 && in.size < want)
		must(buf_put(&in, data + 1, want - in.size < size - 1 ? want - in.size : size - 1));
	amt_status s = limbs == 0 ? bgv_answer_decrypt(secret, buf_span(&in), m, NULL)
				  : bgv_seeded_get(&ct, ring, limbs, buf_span(&in));
	if (amt_ok(s) && limbs > 0) {
		compute(secret, &ct, m);
		bgv_ct_free(&ct);
	}
	amt_status_clear(&s);
	mem_free_aligned(m, 0);
	buf_free(&in);
	return 0;
}

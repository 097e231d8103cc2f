/* Seeds, and ciphertexts as bytes. */
#include "bgv/inside.h"

/* Words that were not below the bound, about one in 2^24, from their next streams. */
static amt_status redraw(const struct bgv_ring *ring, struct seed_expander *seed, unsigned limb,
	size_t first, size_t count, uint64_t *out)
{
	const struct ntt *q = bgv_table(ring, limb);
	uint64_t bound = ntt_uniform_bound(q);
	TRY(seed_expand_u64_from(seed, limb, first, out, count));
	for (size_t i = 0; i < count; i++) {
		uint64_t stream = limb;
		while (out[i] >= bound) {
			stream += BGV_STREAMS;
			TRY(seed_expand_u64_from(seed, stream, first + i, &out[i], 1));
		}
	}
	(void)ntt_reduce_uniform(q, out, out, count);
	return STATUS_OK;
}

amt_status bgv_mask(const struct bgv_ring *ring, struct seed_expander *seed, unsigned limb,
	size_t first, size_t count, uint64_t *out)
{
	bool beyond;
	TRY(ntt_expand_uniform(bgv_table(ring, limb), out, seed, limb, first, count, &beyond));
	if (UNLIKELY(beyond))
		return redraw(ring, seed, limb, first, count, out);
	return STATUS_OK;
}

/* Residues end where the span does, and the vector code reads further. */
static void unpack_last(
	const struct ntt *q, unsigned bytes, uint64_t *out, const uint8_t *in, size_t n)
{
	enum { TAIL = 64 };
	uint8_t tail[TAIL * NTT_PACKED_MOST + 64] = {0};
	size_t body = n - TAIL;
	memcpy(tail, in + body * bytes, (size_t)TAIL * bytes);
	ntt_unpack(q, bytes, out, in, body);
	ntt_unpack(q, bytes, out + body, tail, TAIL);
}

amt_status bgv_residues_get(
	const struct bgv_ring *ring, unsigned limb, uint64_t *out, const uint8_t *in)
{
	unsigned bytes = ring->params->residue_bytes;
	ENSURE(ntt_check(ring->q[limb], bytes, in, ring->n), AMT_CORRUPTION,
		"a residue of limb %u is not below its modulus", limb);
	unpack_last(ring->q[limb], bytes, out, in, ring->n);
	return STATUS_OK;
}

static amt_status get_limbs(const struct bgv_ring *ring, struct bgv_ct *ct,
	struct seed_expander *seed, const uint8_t *in)
{
	for (unsigned i = 0; i < ct->limbs; i++) {
		TRY(bgv_residues_get(ring, i, bgv_limb(ring, ct, 0, i),
			in + (size_t)i * ring->n * ring->params->residue_bytes));
		TRY(bgv_mask(ring, seed, i, 0, ring->n, bgv_limb(ring, ct, 1, i)));
	}
	ct->noise = bgv_noise_fresh(ring->params);
	return STATUS_OK;
}

amt_status bgv_seeded_get(
	struct bgv_ct *out, const struct bgv_ring *ring, unsigned limbs, struct span in)
{
	ENSURE(limbs >= 1 && limbs <= ring->params->limbs, AMT_FOREIGN_PARAMETERS,
		"%u limbs, ring %s has %u", limbs, ring->params->name, ring->params->limbs);
	size_t size = bgv_seeded_bytes(ring, limbs);
	ENSURE(in.size >= size, AMT_TRUNCATED,
		"a seeded ciphertext of %u limbs has %zu bytes, not %zu", limbs, size, in.size);
	ENSURE(in.size == size, AMT_CORRUPTION,
		"a seeded ciphertext of %u limbs has %zu bytes, not %zu", limbs, size, in.size);
	struct seed seed;
	struct seed_expander *expander;
	memcpy(seed.bytes, in.data, sizeof(seed.bytes));
	TRY(seed_expander_new(&expander, &seed));
	struct bgv_ct ct = {0};
	amt_status status = bgv_ct_new(&ct, ring, limbs, 2);
	if (amt_ok(status))
		status = get_limbs(ring, &ct, expander, in.data + sizeof(seed.bytes));
	seed_expander_free(expander);
	if (!amt_ok(status)) {
		bgv_ct_free(&ct);
		return status;
	}
	*out = ct;
	return STATUS_OK;
}

/* A part modulo q_0 to modulus A = 2^BGV_ANSWER_BITS: with u = [t^-1 A c]_q, centred, A c - t u is a
 * multiple of q, and its quotient modulo A is -t u q^-1, since A c vanishes there. Two coefficients
 * are 7 bytes. */
static void answer_part(const struct bgv_ring *ring, uint64_t *x, uint8_t *out)
{
	uint64_t q = ring->params->q[0], half = q / 2, mask = (1ull << BGV_ANSWER_BITS) - 1;
	uint64_t factor =
		bgv_mul_mod(ring->constants->t_inverse[0], (1ull << BGV_ANSWER_BITS) % q, q);
	/* Newton: each step doubles the bits of an inverse of an odd number. */
	uint64_t inverse = q;
	for (unsigned i = 0; i < 5; i++)
		inverse *= 2 - q * inverse;
	uint64_t quotient = -(BGV_T * inverse);
	ntt_scale(ring->q[0], x, x, factor, ring->n);
	ntt_inverse(ring->q[0], x);
	for (size_t i = 0; i < ring->n; i += 2) {
		uint64_t pair = 0;
		for (unsigned k = 0; k < 2; k++) {
			uint64_t u = x[i + k] - (x[i + k] > half ? q : 0);
			pair |= (u * quotient & mask) << (k * BGV_ANSWER_BITS);
		}
		memcpy(out + i / 2 * 7, &pair, 7);
	}
}

amt_status bgv_answer_put(const struct bgv_ring *ring, const struct bgv_ct *ct, struct buf *out)
{
	uint64_t *x;
	uint8_t *at;
	ENSURE(ct->parts == 2, AMT_INVALID_ARGUMENT, "an answer has 2 parts, not %u", ct->parts);
	TRY(buf_extend(out, bgv_answer_bytes(ring), &at));
	TRY(bgv_scratch_take(ring, ring->n, &x));
	for (unsigned part = 0; part < 2; part++) {
		memcpy(x, bgv_limb(ring, ct, part, 0), ring->n * sizeof(*x));
		answer_part(ring, x, at + part * (bgv_answer_bytes(ring) / 2));
	}
	bgv_scratch_give(ring, ring->n, x);
	return STATUS_OK;
}

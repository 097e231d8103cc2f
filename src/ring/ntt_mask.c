/* Masks from their seeds: AES keeps one port of the processor busy, and the reduction of what it made
 * before the other. */
#include "crypto/seed_vaes.h"
#include "ring/ntt_ifma.h"

_Static_assert((int)NTT_MASK_WORDS == (int)VAES_WORDS, "groups");

INLINE bool expand(const struct ntt *t, uint64_t *out, const struct seed_schedule *schedule,
	uint64_t stream, uint64_t first, size_t n, bool close)
{
	struct vaes_keys k = vaes_keys(schedule);
	struct word_modulus m = word_modulus(t);
	vec most = _mm512_setzero_si512();
	for (size_t i = 0; i < n; i += VAES_WORDS) {
		vec x[VAES_FLIGHT];
		vaes_group(x, stream, (first + i) / 2, &k);
		for (unsigned v = 0; v < VAES_FLIGHT; v++) {
			most = _mm512_max_epu64(most, x[v]);
			store(out + i + 8 * v, reduce_word(x[v], &m, close));
		}
	}
	return _mm512_cmpge_epu64_mask(most, set(t->uniform_bound)) != 0;
}

bool ntt_ifma_expand_uniform(const struct ntt *t, uint64_t *out,
	const struct seed_schedule *schedule, uint64_t stream, uint64_t first, size_t n)
{
	return t->barrett64_close ? expand(t, out, schedule, stream, first, n, true)
				  : expand(t, out, schedule, stream, first, n, false);
}

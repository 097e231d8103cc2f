/* Packing LWEs into a GLWE by automorphisms: Chen, Dai, Kim, Song, "Efficient homomorphic
 *conversion between (ring) LWE ciphertexts", 2020, algorithm 2, without its factor N.
 *
 * Node (l, r) of the tree packs the inputs r, r + M, r + 2M, ... (M = N / 2^l) into multiples of M:
 *	out = h(even) + X^M h(odd) + sigma(h(even) - X^M h(odd)),  sigma: X -> X^(2^l + 1)
 * where even and odd are the children (l - 1, r) and (l - 1, r + M) and h halves every word. On a
 *torus of 2^32 elements halving leaves a phase right up to a multiple of 1/2 only, K / 2 in each
 *coefficient. sigma maps coefficient i to (2^l + 1) i: it keeps the multiples of 2M, where the two
 *halves add up and K / 2 doubles to 0, and negates the odd multiples of M, where they cancel
 *whatever they are. All other coefficients stay junk until their own level, because the levels come
 *in ascending order. */
#include "tfhe/evaluator_inside.h"

#include "base/alloc.h"

enum { TOP_LEVELS = 3 }; /* 2^TOP_LEVELS subtrees are built in parallel */

struct packing {
	struct tfhe_evaluator *evaluator;
	const uint32_t *const *lwe;
	size_t count;
	unsigned below;	     /* level of the parallel subtrees */
	size_t worker_words; /* stack for one worker: a GLWE for each level and two more */
	uint32_t *stacks;
	uint32_t *subtrees;
};

/* The LWE as coefficient 0 of a GLWE: tfhe_sample_extract(0) backwards. */
static void embed(const struct tfhe_params *p, uint32_t *glwe, const uint32_t *lwe)
{
	unsigned n = tfhe_poly_size(p);
	for (unsigned k = 0; k < p->k; k++, glwe += n, lwe += n) {
		glwe[0] = lwe[0];
		for (unsigned i = 1; i < n; i++)
			glwe[n - i] = -lwe[i];
	}
	memset(glwe, 0, n * sizeof(*glwe));
	glwe[0] = lwe[0];
}

/* Nearest half, ties to even: no bias that a binary key would add up. */
static uint32_t half(uint32_t x)
{
	uint32_t down = (uint32_t)((int32_t)x >> 1);
	return down + (x & down & 1);
}

/* even = h(even) + X^shift h(odd), odd = h(even) - X^shift h(odd), one polynomial. */
static void butterfly(uint32_t *even, uint32_t *odd, uint32_t *spare, unsigned n, unsigned shift)
{
	for (unsigned i = 0; i < n - shift; i++)
		spare[i + shift] = half(odd[i]);
	for (unsigned i = n - shift; i < n; i++)
		spare[i + shift - n] = -half(odd[i]);
	for (unsigned i = 0; i < n; i++) {
		uint32_t h = half(even[i]);
		even[i] = h + spare[i];
		odd[i] = h - spare[i];
	}
}

/* out = sigma(in), X -> X^t, t odd. */
static void automorphism(uint32_t *out, const uint32_t *in, unsigned n, unsigned t)
{
	for (unsigned i = 0, to = 0; i < n; i++, to = (to + t) & (2 * n - 1))
		out[to & (n - 1)] = (to & n) != 0 ? -in[i] : in[i];
}

/* even becomes the parent of even and odd; odd (NULL: 0) and spare are destroyed. */
static void merge(struct tfhe_evaluator *e, uint32_t *even, uint32_t *odd, bool has_odd,
	uint32_t *spare, unsigned level, void *scratch)
{
	const struct tfhe_params *p = e->params;
	unsigned n = tfhe_poly_size(p);
	size_t words = tfhe_glwe_words(p);
	if (has_odd)
		for (size_t c = 0; c < words; c += n)
			butterfly(even + c, odd + c, spare, n, n >> level);
	else
		for (size_t i = 0; i < words; i++)
			odd[i] = even[i] = half(even[i]);
	unsigned t = (1u << level) + 1;
	automorphism(spare, odd + p->k * n, n, t);
	uint32_t *body = even + p->k * n;
	for (unsigned i = 0; i < n; i++)
		body[i] += spare[i];
	automorphism(spare, odd, n, t);
	const double *key = e->automorphism + (level - 1) * evaluator_automorphism_size(p);
	tfhe_glwe_keyswitch(&e->bootstrap, key, even, spare, scratch);
}

/* out = node (level, first); false if it has no input. `stack` holds level + 1 GLWEs. */
static bool build(const struct packing *w, uint32_t *out, uint32_t *stack, size_t first,
	unsigned level, void *scratch)
{
	const struct tfhe_params *p = w->evaluator->params;
	if (first >= w->count)
		return false;
	if (level == 0) {
		embed(p, out, w->lwe[first]);
		return true;
	}
	uint32_t *odd = stack, *rest = stack + tfhe_glwe_words(p);
	(void)build(w, out, rest, first, level - 1, scratch);
	bool has_odd =
		build(w, odd, rest, first + (tfhe_poly_size(p) >> level), level - 1, scratch);
	merge(w->evaluator, out, odd, has_odd, rest, level, scratch);
	return true;
}

static amt_status build_subtree(void *context, size_t index, unsigned worker)
{
	struct packing *w = context;
	(void)build(w, w->subtrees + index * tfhe_glwe_words(w->evaluator->params),
		w->stacks + worker * w->worker_words, index, w->below,
		w->evaluator->scratch[worker].kernel);
	return STATUS_OK;
}

/* Subtree r is the node (below, r); the levels above join r and r + 2^(levels left). */
static void join_subtrees(struct packing *w)
{
	struct tfhe_evaluator *e = w->evaluator;
	size_t words = tfhe_glwe_words(e->params);
	for (unsigned left = TOP_LEVELS; left-- > 0;)
		for (size_t r = 0; r < (size_t)1 << left && r < w->count; r++) {
			size_t odd = r + ((size_t)1 << left);
			merge(e, w->subtrees + r * words, w->subtrees + odd * words, odd < w->count,
				w->stacks, e->params->n_poly_log2 - left, e->scratch[0].kernel);
		}
}

amt_status tfhe_pack(
	struct tfhe_evaluator *e, uint32_t *glwe, const uint32_t *const *lwe, size_t count)
{
	const struct tfhe_params *p = e->params;
	size_t words = tfhe_glwe_words(p), subtrees = (size_t)1 << TOP_LEVELS;
	ENSURE(count <= tfhe_poly_size(p), AMT_INVALID_ARGUMENT,
		"%zu ciphertexts do not fit %u coefficients", count, tfhe_poly_size(p));
	if (count == 0) {
		memset(glwe, 0, words * sizeof(*glwe));
		return STATUS_OK;
	}
	struct packing w = {.evaluator = e, .lwe = lwe, .count = count};
	w.below = p->n_poly_log2 - TOP_LEVELS;
	w.worker_words = (w.below + 1) * words;
	size_t stack_bytes = e->workers * w.worker_words * sizeof(uint32_t);
	size_t subtree_bytes = subtrees * words * sizeof(uint32_t);
	amt_status status = mem_alloc_aligned(&w.stacks, stack_bytes);
	if (amt_ok(status))
		status = mem_alloc_aligned(&w.subtrees, subtree_bytes);
	if (amt_ok(status)) {
		pthread_mutex_lock(&e->lock);
		status = pool_run(e->pool, count < subtrees ? count : subtrees, build_subtree, &w);
		join_subtrees(&w);
		pthread_mutex_unlock(&e->lock);
		memcpy(glwe, w.subtrees, words * sizeof(*glwe));
	}
	mem_free_aligned(w.subtrees, subtree_bytes);
	mem_free_aligned(w.stacks, stack_bytes);
	return status;
}

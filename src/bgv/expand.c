/* Scalars packed in coefficients to one ciphertext each (Angel, Chen, Laine, Setty 2018, algorithm 3),
 * four at a time. With s: X -> X^(N/h + 1), which takes X^-h to its negative, c + s(c) keeps of c's
 * coefficients those whose index is a multiple of 2 h, doubled, and X^-h (c - s(c)) those an h further.
 * Two such levels are one step here: c becomes, with r for the s of 2 h,
 *
 *	c + s(c) + r(c) + r(s(c))			 coefficients 0 modulo 4 h
 *	(c - s(c) + X^(-N/2) (r(c) - r(s(c)))) X^-h	 h
 *	(c + s(c) - r(c) - r(s(c))) X^-2h		 2 h
 *	(c - s(c) - X^(-N/2) (r(c) - r(s(c)))) X^-3h	 3 h
 *
 * where all three images share the digits of one key switch (hoisting, Halevi and Shoup 2014): nearly
 * half of the transforms of three switches. Keys are stored so that the automorphism comes last
 * (bgv/inside.h): it then permutes sums and not digits.
 *
 * The scalars are leaves of a tree of four children a node, filled from the left: only the rightmost node
 * of a depth can have less. One with two children is a single level, of one automorphism; with one it
 * is left as it is. Child d of a node at depth i adds d 4^i to the index of its scalars' coefficients.
 */
#include "bgv/inside.h"

#include "base/alloc.h"

enum {
	TILE = 512,
	IMAGES = 3,  /* s(c), r(c), r(s(c)) */
	FACTORS = 4, /* X^-h, X^-2h, X^-3h, X^(-N/2) */
	NODES = 2    /* that share what is read of the keys */
};

/* A depth of the tree. */
struct expansion {
	const struct bgv_ring *ring;
	const struct bgv_keys *keys;
	struct bgv_ct *out;   /* by scalar; a node is where its first scalar will be */
	const uint8_t *limbs; /* of each scalar; NULL: those of the packed one */
	unsigned count, most; /* scalars; limbs of the packed ciphertext */
	unsigned span;	      /* scalars below a child */
	unsigned key[IMAGES];
	uint64_t *factor; /* [limb][FACTORS][N]: values */
	struct pool *inner;
};

/* Nodes of equal limbs and as many images, one to NODES, side by side. */
struct family {
	const struct expansion *e;
	unsigned first, nodes; /* the first scalar */
	unsigned limbs, images, workers;
	uint64_t *digits;  /* [node][limb][N]: coefficients modulo q_limb */
	uint64_t *special; /* [node][image][part][N]: coefficients modulo p, of what it leaves */
	uint64_t *room;	   /* [worker]: values of the digits, and sums of all images, [N] each */
};

static unsigned limbs_of(const struct expansion *e, unsigned scalar)
{
	return e->limbs != NULL ? e->limbs[scalar] : e->most;
}

/* Children of the node whose first scalar this is. */
static unsigned children_of(unsigned count, unsigned span, unsigned first)
{
	unsigned below = count - first;
	return below >= 4 * span ? 4 : (below + span - 1) / span;
}

static size_t worker_words(const struct family *f)
{
	return f->nodes * (f->limbs + 2 * (size_t)f->images) * f->e->ring->n;
}

static amt_status make_digit(void *context, size_t index, unsigned worker)
{
	(void)worker;
	const struct family *f = context;
	const struct expansion *e = f->e;
	size_t n = e->ring->n, limb = index % f->limbs;
	const struct bgv_ct *node = &e->out[f->first + index / f->limbs * 4 * e->span];
	uint64_t *digit = f->digits + index * n;
	memcpy(digit, bgv_limb(e->ring, node, 1, (unsigned)limb), n * sizeof(*digit));
	ntt_inverse(e->ring->q[limb], digit);
	return STATUS_OK;
}

/* A tile's sums over the digits of all images, modulo a limb or p. */
static void sum_tile(const struct family *f, const struct ntt *q, unsigned of_key,
	const uint64_t *const *values, uint64_t *sums, size_t at)
{
	const struct expansion *e = f->e;
	size_t n = e->ring->n;
	_Alignas(64) uint64_t acc[NODES][2][2 * TILE];
	for (unsigned image = 0; image < f->images; image++) {
		memset(acc, 0, f->nodes * sizeof(acc[0]));
		for (unsigned i = 0; i < f->limbs; i++) {
			const uint64_t *key = bgv_digit(e->keys, e->key[image], of_key, i) + at;
			for (unsigned c = 0; c < f->nodes; c++) {
				const uint64_t *value = values[c * f->limbs + i] + at;
				ntt_acc(q, acc[c][0], value, key, TILE);
				ntt_acc(q, acc[c][1], value, key + n, TILE);
			}
		}
		for (unsigned c = 0; c < 2 * f->nodes; c++)
			ntt_acc_reduce(q, sums + ((c / 2 * f->images + image) * 2 + c % 2) * n + at,
				acc[c / 2][c % 2], TILE);
	}
}

/* sums: [node][image][part][N], modulo limb `target` or, where that is `limbs`, modulo p. */
static void sum_up(const struct family *f, unsigned target, uint64_t *room, uint64_t *sums)
{
	const struct expansion *e = f->e;
	const struct bgv_ring *ring = e->ring;
	bool special = target == f->limbs;
	const struct ntt *q = special ? ring->p : ring->q[target];
	const uint64_t *values[NODES * BGV_MAX_LIMBS] = {NULL};
	for (unsigned i = 0; i < f->nodes * f->limbs; i++, room += ring->n) {
		const struct bgv_ct *node = &e->out[f->first + i / f->limbs * 4 * e->span];
		values[i] = i % f->limbs == target ? bgv_limb(ring, node, 1, target) : room;
		if (values[i] == room)
			ntt_convert_forward(
				q, room, f->digits + i * ring->n, ring->params->q[i % f->limbs]);
	}
	for (size_t at = 0; at < ring->n; at += TILE)
		sum_tile(f, q, special ? e->keys->limbs : target, values, sums, at);
}

static void sum_special(const struct family *f)
{
	sum_up(f, f->limbs, f->room, f->special);
	for (unsigned i = 0; i < f->nodes * f->images * 2; i++)
		ntt_inverse(f->e->ring->p, f->special + i * f->e->ring->n);
}

/* Tiles of a, s(a), r(a), r(s(a)) to those of the children, in place. */
static void combine(
	const struct ntt *q, uint64_t (*x)[TILE], const uint64_t *const *factor, unsigned images)
{
	_Alignas(64) uint64_t sum[TILE], difference[TILE];
	if (images == 1) {
		ntt_sub(q, difference, x[0], x[1], TILE);
		ntt_add(q, x[0], x[0], x[1], TILE);
		ntt_mul(q, x[1], difference, factor[0], TILE);
		return;
	}
	ntt_sub(q, difference, x[2], x[3], TILE);
	ntt_mul(q, difference, difference, factor[3], TILE);
	ntt_add(q, sum, x[2], x[3], TILE);
	ntt_sub(q, x[3], x[0], x[1], TILE);
	ntt_add(q, x[0], x[0], x[1], TILE);
	ntt_add(q, x[1], x[3], difference, TILE);
	ntt_mul(q, x[1], x[1], factor[0], TILE);
	ntt_sub(q, x[3], x[3], difference, TILE);
	ntt_mul(q, x[3], x[3], factor[2], TILE);
	ntt_sub(q, x[2], x[0], sum, TILE);
	ntt_mul(q, x[2], x[2], factor[1], TILE);
	ntt_add(q, x[0], x[0], sum, TILE);
}

/* sums: what the images of a part are before their automorphisms. */
static void make_children(
	const struct family *f, unsigned first, unsigned limb, unsigned part, const uint64_t *sums)
{
	const struct expansion *e = f->e;
	const struct bgv_ring *ring = e->ring;
	const struct ntt *q = ring->q[limb];
	unsigned children = children_of(e->count, e->span, first);
	const uint64_t *factor[FACTORS];
	_Alignas(64) uint64_t x[1 + IMAGES][TILE];
	for (size_t at = 0; at < ring->n; at += TILE) {
		for (unsigned i = 0; i < FACTORS; i++)
			factor[i] = e->factor + (limb * FACTORS + i) * ring->n + at;
		memcpy(x[0], bgv_limb(ring, &e->out[first], part, limb) + at, sizeof(x[0]));
		for (unsigned i = 0; i < f->images; i++)
			ntt_permute(q, x[1 + i], sums + 2 * i * ring->n,
				bgv_keys_permutation(e->keys, e->key[i]) + at, TILE);
		combine(q, x, factor, f->images);
		for (unsigned i = 0; i < children; i++) {
			const struct bgv_ct *child = &e->out[first + i * e->span];
			if (limb < child->limbs)
				memcpy(bgv_limb(ring, child, part, limb) + at, x[i], sizeof(x[i]));
		}
	}
}

static amt_status make_limb(void *context, size_t index, unsigned worker)
{
	const struct family *f = context;
	const struct expansion *e = f->e;
	const struct bgv_ring *ring = e->ring;
	unsigned limb = (unsigned)index;
	size_t n = ring->n;
	const struct ntt *q = ring->q[limb];
	uint64_t *room = f->room + worker * worker_words(f), *sums = room + f->nodes * f->limbs * n;
	sum_up(f, limb, room, sums);
	for (unsigned i = 0; i < f->nodes * f->images * 2; i++) { /* by p; bgv/key_switch.c */
		ntt_convert_forward(q, room, f->special + i * n, ring->params->p);
		ntt_scale_add(q, sums + i * n, room, ring->constants->p_delta[limb], n);
	}
	for (unsigned i = 0; i < f->nodes; i++) {
		unsigned first = f->first + i * 4 * e->span;
		uint64_t *of_node = sums + (size_t)i * f->images * 2 * n;
		for (unsigned image = 0; image < f->images; image++)
			ntt_add(q, of_node + image * 2 * n, of_node + image * 2 * n,
				bgv_limb(ring, &e->out[first], 0, limb), n);
		for (unsigned part = 0; part < 2; part++)
			make_children(f, first, limb, part, of_node + part * n);
	}
	return STATUS_OK;
}

static amt_status make_family(struct family *f)
{
	const struct expansion *e = f->e;
	size_t n = e->ring->n, nodes = f->nodes;
	size_t words =
		nodes * (f->limbs + 2 * (size_t)f->images) * n + f->workers * worker_words(f);
	for (unsigned i = 0; i < f->nodes; i++) {
		unsigned first = f->first + i * 4 * e->span;
		for (unsigned c = 1; c < children_of(e->count, e->span, first); c++)
			bgv_shape(
				&e->out[first + c * e->span], limbs_of(e, first + c * e->span), 2);
	}
	TRY(bgv_scratch_take(e->ring, words, &f->digits));
	f->special = f->digits + nodes * f->limbs * n;
	f->room = f->special + nodes * f->images * 2 * n;
	amt_status status = pool_run(e->inner, nodes * f->limbs, make_digit, f);
	if (amt_ok(status)) {
		sum_special(f);
		status = pool_run(e->inner, f->limbs, make_limb, f);
	}
	bgv_scratch_give(e->ring, words, f->digits);
	return status;
}

/* ---- a depth */

/* The family that begins with node `first`; nodes = 0 if that has one child and stays. */
static struct family family_at(const struct expansion *e, unsigned first, unsigned nodes)
{
	unsigned children = children_of(e->count, e->span, first);
	struct family f = {.e = e,
		.first = first,
		.nodes = children > 1,
		.limbs = limbs_of(e, first),
		.images = children > 2 ? IMAGES : 1,
		.workers = e->inner != NULL ? pool_threads(e->inner) : 1};
	unsigned next = first + 4 * e->span;
	while (f.nodes > 0 && f.nodes < nodes && next < e->count && limbs_of(e, next) == f.limbs &&
		children_of(e->count, e->span, next) > 2) {
		f.nodes++;
		next += 4 * e->span;
	}
	return f;
}

static amt_status pair(void *context, size_t index, unsigned worker)
{
	(void)worker;
	const struct expansion *e = context;
	unsigned first = (unsigned)index * NODES * 4 * e->span;
	unsigned end = first + NODES * 4 * e->span;
	end = end < e->count ? end : e->count;
	while (first < end) {
		struct family f =
			family_at(e, first, (end - first + 4 * e->span - 1) / 4 / e->span);
		if (f.nodes > 0)
			TRY(make_family(&f));
		first += (f.nodes > 0 ? f.nodes : 1) * 4 * e->span;
	}
	return STATUS_OK;
}

static void make_factors(struct expansion *e, size_t h)
{
	size_t n = e->ring->n, exponent[FACTORS] = {h, 2 * h, 3 * h, n / 2};
	for (unsigned limb = 0; limb < e->most; limb++)
		for (unsigned i = 0; i < FACTORS; i++) { /* X^-x = -X^(N - x) */
			uint64_t *x = e->factor + (limb * FACTORS + i) * n;
			memset(x, 0, n * sizeof(*x));
			x[n - exponent[i]] = e->ring->params->q[limb] - 1;
			ntt_forward(e->ring->q[limb], x);
		}
}

static amt_status find_keys(struct expansion *e, size_t h)
{
	uint32_t n = (uint32_t)e->ring->n, s = n / (uint32_t)h + 1, r = n / 2 / (uint32_t)h + 1;
	TRY(bgv_keys_find(e->keys, s, &e->key[0]));
	if (children_of(e->count, e->span, 0) <= 2)
		return STATUS_OK;
	TRY(bgv_keys_find(e->keys, r, &e->key[1]));
	return bgv_keys_find(e->keys, s * r % (2 * n), &e->key[2]);
}

/* Where there are enough families for all threads each has its own; before that, threads share the limbs
 * of one. */
static amt_status depth(struct expansion *e, size_t h, struct pool *pool)
{
	size_t nodes = (e->count + 4 * (size_t)e->span - 1) / (4 * (size_t)e->span);
	size_t pairs = (nodes + NODES - 1) / NODES;
	bool apart = pairs >= pool_threads(pool);
	TRY(find_keys(e, h));
	make_factors(e, h);
	e->inner = apart ? NULL : pool;
	return pool_run(apart ? pool : NULL, pairs, pair, e);
}

/* Scalars below a child of the root. */
static unsigned first_span(unsigned count)
{
	unsigned span = 1;
	while (4 * span < count)
		span *= 4;
	return span;
}

static amt_status expand(struct expansion *e, const struct bgv_ct *packed, struct pool *pool)
{
	size_t words = (size_t)e->most * FACTORS * e->ring->n, h = 1;
	amt_status status = STATUS_OK;
	bgv_shape(&e->out[0], limbs_of(e, 0), 2);
	for (unsigned part = 0; part < 2; part++)
		memcpy(bgv_limb(e->ring, &e->out[0], part, 0), bgv_limb(e->ring, packed, part, 0),
			e->out[0].limbs * e->ring->n * sizeof(uint64_t));
	TRY(bgv_scratch_take(e->ring, words, &e->factor));
	for (e->span = first_span(e->count); e->span > 0 && e->count > 1 && amt_ok(status);
		e->span /= 4, h *= 4)
		status = depth(e, h, pool);
	bgv_scratch_give(e->ring, words, e->factor);
	return status;
}

unsigned bgv_expand_doublings(unsigned count, unsigned scalar)
{
	unsigned doublings = 0;
	for (unsigned span = first_span(count); span > 0; span /= 4) {
		unsigned children = children_of(count, span, scalar - scalar % (4 * span));
		doublings += children > 2 ? 2 : children - 1;
	}
	return doublings;
}

unsigned bgv_expand_index(unsigned count, unsigned scalar)
{
	unsigned index = 0, h = 1;
	for (unsigned span = first_span(count); span > 0; span /= 4, h *= 4)
		index += scalar / span % 4 * h;
	return index;
}

amt_status bgv_expand_into(const struct bgv_ring *ring, const struct bgv_keys *keys,
	struct bgv_ct *out, const struct bgv_ct *packed, const uint8_t *limbs, unsigned count,
	struct pool *pool)
{
	ENSURE(count >= 1 && count <= ring->n / 4 && packed->parts == 2, AMT_INVALID_ARGUMENT,
		"%u scalars of a ciphertext of %u parts", count, packed->parts);
	ENSURE(packed->limbs >= 1 && packed->limbs <= keys->limbs, AMT_NOT_FOUND,
		"there are switching keys for %u limbs, not %u", keys->limbs, packed->limbs);
	for (unsigned i = 0; limbs != NULL && i < count; i++)
		ENSURE(limbs[i] >= 1 && limbs[i] <= (i > 0 ? limbs[i - 1] : packed->limbs),
			AMT_INVALID_ARGUMENT, "scalar %u with %u limbs", i, limbs[i]);
	struct expansion e = {.ring = ring,
		.keys = keys,
		.out = out,
		.limbs = limbs,
		.count = count,
		.most = packed->limbs};
	TRY(expand(&e, packed, pool));
	for (unsigned i = 0; i < count; i++) {
		out[i].noise = bgv_noise_expand(ring->params, packed->limbs, count);
		bgv_truncate(ring, &out[i], limbs_of(&e, i));
	}
	return STATUS_OK;
}

amt_status bgv_expand(const struct bgv_ring *ring, const struct bgv_keys *keys, struct bgv_ct *out,
	const struct bgv_ct *packed, unsigned count, struct pool *pool)
{
	amt_status status = STATUS_OK;
	memset(out, 0, count * sizeof(*out));
	for (unsigned i = 0; i < count && amt_ok(status); i++)
		status = bgv_ct_new(&out[i], ring, packed->limbs, 2);
	if (amt_ok(status))
		status = bgv_expand_into(ring, keys, out, packed, NULL, count, pool);
	for (unsigned i = 0; i < count && !amt_ok(status); i++)
		bgv_ct_free(&out[i]);
	return status;
}

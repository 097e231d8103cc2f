#include "scan/secret_page.h"

#include "base/alloc.h"
#include "crypto/aead.h"
#include "crypto/secret.h"

#include <string.h>

/* ---- canaries */

static amt_status derive(
	const uint8_t *key, const char *what, unsigned column, uint64_t page, uint8_t *out)
{
	uint8_t place[12], mac[MAC_BYTES];
	store_u32(place, column);
	store_u64(place + 4, page);
	TRY(mac_compute(key, span_str(what), span_of(place, sizeof(place)), mac));
	memcpy(out, mac, sizeof(struct seed));
	return STATUS_OK;
}

/* A uniform word to [0, bound]: off by at most 2^-64 bound, which is of no matter here. */
static uint64_t below(uint64_t word, uint64_t bound)
{
	return bound == UINT64_MAX ? word
				   : (uint64_t)(((unsigned __int128)word * (bound + 1)) >> 64);
}

amt_status scan_canary_class(const struct bgv_ring *ring, const uint8_t key[SCAN_CANARY_KEY_BYTES],
	unsigned *canary_class)
{
	uint8_t seed[16];
	TRY(derive(key, "scan canary class", 0, 0, seed));
	*canary_class = (unsigned)below(load_u64(seed), ring->n / 2 / SCAN_CANARIES - 1);
	return STATUS_OK;
}

amt_status scan_canary_codes(const uint8_t key[SCAN_CANARY_KEY_BYTES], unsigned column,
	const struct scan_column *layout, uint64_t page, uint64_t code[SCAN_CANARIES])
{
	struct seed seed;
	struct seed_expander *e;
	TRY(derive(key, "scan canaries", column, page, seed.bytes));
	TRY(seed_expander_new(&e, &seed));
	amt_status s = seed_expand_u64(e, 0, code, SCAN_CANARIES);
	seed_expander_free(e);
	for (unsigned i = 0; amt_ok(s) && i < SCAN_CANARIES; i++)
		code[i] = below(code[i], layout->max);
	return s;
}

amt_status scan_canary_valid(
	const uint8_t key[SCAN_CANARY_KEY_BYTES], uint64_t page, bool valid[SCAN_CANARIES])
{
	const struct scan_column quarters = {.max = 3};
	uint64_t code[SCAN_CANARIES];
	TRY(scan_canary_codes(key, SCAN_VALID_COLUMN, &quarters, page, code));
	for (unsigned i = 0; i < SCAN_CANARIES; i++)
		valid[i] = code[i] != 0;
	return STATUS_OK;
}

/* ---- slots */

/* What a worker needs for one vector: slots, the plaintext, and what is read back. */
enum { SPACE_BYTES = sizeof(uint32_t) + 2 * sizeof(uint64_t) };

/* Everything a page holds, by slot. */
struct page {
	const struct bgv_secret *secret;
	const struct bgv_ring *ring;
	const struct scan_column *layout;
	uint8_t *used;	   /* [slot] */
	uint64_t *code;	   /* [slot] */
	uint16_t *digit;   /* [digit][slot]; UINT16_MAX: none */
	struct seed *seed; /* [vector] */
	unsigned group;	   /* being made */
	uint8_t *bytes;	   /* of that */
	uint8_t *space;	   /* SPACE_BYTES * n for each worker */
	unsigned workers;
	struct span there; /* what is verified */
	uint32_t *wrong;   /* [vector]: first slot that differs, or n */
};

static amt_status place_rows(struct page *p, unsigned canary_class, const uint64_t *code,
	const bool *null, const bool *kept, size_t rows)
{
	for (size_t r = 0; r < rows; r++) {
		unsigned slot = scan_slot(p->ring, canary_class, (unsigned)r);
		p->used[slot] = (kept == NULL || kept[r]) && (null == NULL || !null[r]);
		p->code[slot] = code != NULL ? code[r] : 0;
		ENSURE(p->code[slot] <= p->layout->max || !p->used[slot], AMT_OUT_OF_RANGE,
			"row %zu of a page is outside of its column's domain", r);
	}
	return STATUS_OK;
}

static void place_digits(struct page *p)
{
	uint16_t digit[SCAN_MAX_DIGITS];
	for (size_t s = 0; s < p->ring->n; s++) {
		scan_digits(p->layout, p->code[s], digit);
		for (unsigned j = 0; j < p->layout->digits; j++)
			p->digit[j * p->ring->n + s] = p->used[s] ? digit[j] : UINT16_MAX;
	}
}

static amt_status fill_page(struct page *p, const uint8_t *canary_key, unsigned column,
	uint64_t page, const uint64_t *code, const bool *null, const bool *kept, size_t rows,
	const struct pool *pool)
{
	uint64_t canary[SCAN_CANARIES];
	unsigned canary_class;
	size_t n = p->ring->n;
	ENSURE(rows <= scan_page_rows(p->ring), AMT_INVALID_ARGUMENT, "%zu rows in a page", rows);
	TRY(mem_array(&p->used, n, 1));
	TRY(mem_array(&p->code, n, sizeof(*p->code)));
	TRY(mem_array(&p->digit, n * p->layout->digits + 1, sizeof(*p->digit)));
	p->workers = pool_threads(pool);
	TRY(mem_alloc_aligned(&p->space, p->workers * n * SPACE_BYTES));
	TRY(scan_canary_class(p->ring, canary_key, &canary_class));
	TRY(scan_canary_codes(canary_key, column, p->layout, page, canary));
	bool valid[SCAN_CANARIES];
	TRY(scan_canary_valid(canary_key, page, valid));
	TRY(place_rows(p, canary_class, code, null, kept, rows));
	for (unsigned i = 0; i < SCAN_CANARIES; i++) {
		unsigned slot = scan_canary_slot(p->ring, canary_class, i);
		p->used[slot] = column != SCAN_VALID_COLUMN || valid[i];
		p->code[slot] = column == SCAN_VALID_COLUMN ? 0 : canary[i];
	}
	place_digits(p);
	return STATUS_OK;
}

static void free_page(struct page *p)
{
	size_t n = p->ring->n;
	if (p->code != NULL)
		secret_wipe(p->code, n * sizeof(*p->code));
	if (p->digit != NULL)
		secret_wipe(p->digit, n * p->layout->digits * sizeof(*p->digit));
	if (p->used != NULL)
		secret_wipe(p->used, n);
	if (p->space != NULL)
		secret_wipe(p->space, p->workers * n * SPACE_BYTES);
	mem_free_aligned(p->space, p->workers * n * SPACE_BYTES);
	mem_free(p->seed);
	mem_free(p->used);
	mem_free(p->code);
	mem_free(p->digit);
	mem_free(p->wrong);
}

/* Which group vector v is of, and which of its vectors. */
static unsigned group_of(const struct scan_column *c, unsigned *v)
{
	unsigned group = 0;
	while (*v >= scan_group_vectors(c, group))
		*v -= scan_group_vectors(c, group++);
	return group;
}

static void vector_slots(const struct page *p, unsigned group, unsigned v, uint32_t *slot)
{
	const struct scan_column *c = p->layout;
	const uint16_t *digit = p->digit + group * p->ring->n;
	uint32_t mask = (1u << c->limb_bits) - 1;
	for (size_t s = 0; s < p->ring->n; s++)
		slot[s] = group < c->digits
				  ? digit[s] == v
				  : (uint32_t)(p->code[s] >> v * c->limb_bits) & mask & -p->used[s];
}

/* ---- a worker's space */

static uint64_t *plain_space(const struct page *p, unsigned worker)
{
	return (uint64_t *)(void *)(p->space + worker * p->ring->n * SPACE_BYTES);
}

static uint64_t *held_space(const struct page *p, unsigned worker)
{
	return plain_space(p, worker) + p->ring->n;
}

static uint32_t *slot_space(const struct page *p, unsigned worker)
{
	return (uint32_t *)(void *)(plain_space(p, worker) + 2 * p->ring->n);
}

/* ---- making */

/* Where a vector of the group being made goes. */
struct placing {
	const struct page *p;
	unsigned vector;
};

static void place_limb(void *context, unsigned limb, const uint64_t *c0)
{
	const struct placing *x = context;
	const struct page *p = x->p;
	size_t start = scan_page_offset(p->layout, p->ring, p->group, 0, 0);
	size_t tile_bytes = scan_tile_bytes(p->ring->params);
	for (unsigned tile = 0; tile < p->ring->n / SCAN_TILE; tile++) {
		size_t at = scan_page_offset(p->layout, p->ring, p->group, limb, tile) - start;
		ntt_pack(p->ring->q[limb], p->ring->params->residue_bytes,
			p->bytes + at + x->vector * tile_bytes, c0 + (size_t)tile * SCAN_TILE,
			SCAN_TILE);
	}
}

static amt_status make_task(void *context, size_t index, unsigned worker)
{
	const struct page *p = context;
	struct placing to = {.p = p, .vector = (unsigned)index};
	uint32_t *slot = slot_space(p, worker);
	uint64_t *plain = plain_space(p, worker);
	vector_slots(p, p->group, to.vector, slot);
	bgv_slots_encode(p->ring, plain, slot);
	return bgv_encrypt_limbs(p->secret, scan_group_stored(p->layout, p->group), plain,
		&p->seed[scan_group_first(p->layout, p->group) + to.vector], place_limb, &to);
}

static amt_status draw_seeds(struct page *p, struct buf *out)
{
	unsigned vectors = scan_vectors(p->layout);
	TRY(mem_array(&p->seed, vectors, sizeof(*p->seed)));
	for (unsigned v = 0; v < vectors; v++)
		TRY(seed_new(&p->seed[v]));
	return buf_put(out, p->seed, vectors * sizeof(*p->seed));
}

static amt_status make_groups(
	struct page *p, struct pool *pool, struct buf *out, scan_page_taker take, void *context)
{
	for (p->group = 0; p->group < scan_groups(p->layout); p->group++) {
		size_t bytes = scan_page_offset(p->layout, p->ring, p->group + 1, 0, 0) -
			       scan_page_offset(p->layout, p->ring, p->group, 0, 0);
		TRY(buf_extend(out, bytes, &p->bytes));
		TRY(pool_run(pool, scan_group_vectors(p->layout, p->group), make_task, p));
		if (take != NULL)
			TRY(take(context, out));
	}
	return STATUS_OK;
}

amt_status scan_page_make(const struct bgv_secret *secret,
	const uint8_t canary_key[SCAN_CANARY_KEY_BYTES], unsigned column,
	const struct scan_column *layout, uint64_t page, const uint64_t *code, const bool *null,
	const bool *kept, size_t rows, struct pool *pool, struct buf *out, scan_page_taker take,
	void *context)
{
	struct page p = {.secret = secret, .ring = bgv_secret_ring(secret), .layout = layout};
	amt_status s = fill_page(&p, canary_key, column, page, code, null, kept, rows, pool);
	if (amt_ok(s))
		s = draw_seeds(&p, out);
	if (amt_ok(s))
		s = make_groups(&p, pool, out, take, context);
	free_page(&p);
	return s;
}

/* ---- verifying */

/* The first limb alone holds a fresh ciphertext's message. */
static amt_status read_vector(const struct page *p, unsigned index, uint64_t *plain)
{
	unsigned v = index, group = group_of(p->layout, &v);
	const struct bgv_ring *ring = p->ring;
	struct seed seed;
	struct seed_expander *e = NULL;
	struct bgv_ct ct = {0};
	memcpy(seed.bytes, p->there.data + (size_t)index * sizeof(seed), sizeof(seed));
	amt_status s = bgv_ct_new(&ct, ring, 1, 2);
	if (amt_ok(s))
		s = seed_expander_new(&e, &seed);
	if (amt_ok(s))
		s = bgv_mask(ring, e, 0, 0, ring->n, bgv_limb(ring, &ct, 1, 0));
	for (unsigned tile = 0; amt_ok(s) && tile < ring->n / SCAN_TILE; tile++) {
		uint8_t packed[SCAN_TILE_MOST + 64] = {0};
		size_t bytes = scan_tile_bytes(ring->params);
		memcpy(packed,
			p->there.data + scan_page_offset(p->layout, ring, group, 0, tile) +
				v * bytes,
			bytes);
		ntt_unpack(ring->q[0], ring->params->residue_bytes,
			bgv_limb(ring, &ct, 0, 0) + (size_t)tile * SCAN_TILE, packed, SCAN_TILE);
	}
	if (amt_ok(s))
		s = bgv_decrypt(p->secret, &ct, plain, NULL);
	seed_expander_free(e);
	bgv_ct_free(&ct);
	return s;
}

static amt_status verify_task(void *context, size_t index, unsigned worker)
{
	const struct page *p = context;
	unsigned v = (unsigned)index, group = group_of(p->layout, &v);
	uint32_t *slot = slot_space(p, worker), *decoded = (uint32_t *)held_space(p, worker);
	TRY(read_vector(p, (unsigned)index, plain_space(p, worker)));
	bgv_slots_decode(p->ring, decoded, plain_space(p, worker));
	vector_slots(p, group, v, slot);
	size_t s = 0;
	while (s < p->ring->n && slot[s] == decoded[s])
		s++;
	p->wrong[index] = (uint32_t)s;
	return STATUS_OK;
}

static amt_status first_wrong(const struct page *p)
{
	for (unsigned v = 0; v < scan_vectors(p->layout); v++)
		ENSURE(p->wrong[v] == p->ring->n, AMT_INTEGRITY,
			"vector %u of a scan page differs from the rows in slot %u", v,
			p->wrong[v]);
	return STATUS_OK;
}

amt_status scan_page_verify(const struct bgv_secret *secret,
	const uint8_t canary_key[SCAN_CANARY_KEY_BYTES], unsigned column,
	const struct scan_column *layout, uint64_t page, const uint64_t *code, const bool *null,
	const bool *kept, size_t rows, struct pool *pool, struct span bytes)
{
	struct page p = {.secret = secret,
		.ring = bgv_secret_ring(secret),
		.layout = layout,
		.there = bytes};
	TRY(scan_page_check(layout, p.ring, bytes));
	amt_status s = fill_page(&p, canary_key, column, page, code, null, kept, rows, pool);
	if (amt_ok(s))
		s = mem_array(&p.wrong, scan_vectors(layout), sizeof(*p.wrong));
	if (amt_ok(s))
		s = pool_run(pool, scan_vectors(layout), verify_task, &p);
	if (amt_ok(s))
		s = first_wrong(&p);
	free_page(&p);
	return s;
}

/* Known answers, read by this and every later version (tests/data/bgv): a toy ring's secret, keys
 * and ciphertext, made once, and what is computed with them, the same words on every instruction
 * set. Of the public rings: masks, roots, transforms.
 *
 *	toy.keys	content of WIRE_BGV_KEYS: 2 limbs, 2 scalars
 *	toy.answers	seed of the secret 32 bytes, a seeded ciphertext of 2 limbs, its N
 *			coefficients u32, then XXH3-64 of each of the results below, u64
 *	wide.*		the same with the primes of B15, whose residues are of 6 bytes
 *
 * AMT_WRITE_KNOWN=wide makes those anew: only when a format gets a new version, beside the old files. */
#include "fixture.h"

#include <xxhash.h>

static const struct bgv_keys_wanted wanted = {.limbs = 2, .expand_log2 = 2};

/* B15 before its residues were of 6 bytes: no set any more, but its answers stay right. */
static const struct bgv_params of_eleven = {.id = 115,
	.name = "B15",
	.log2n = 15,
	.limbs = 11,
	.q = {0xff00ff0001, 0xea00ea0001, 0xbc00bc0001, 0x9e009e0001, 0x8a008a0001, 0x7200720001,
		0x6f006f0001, 0x5600560001, 0x5400540001, 0x4400440001, 0x1700170001},
	.p = 0x3ff83ff80001,
	.residue_bytes = 5};

struct known {
	const char *name;
	struct bgv_params toy;
	const struct bgv_params *sets[3];
};

static void read_file(const char *name, const char *kind, struct buf *out)
{
	char path[512];
	(void)snprintf(path, sizeof(path), TEST_DATA "/bgv/%s.%s", name, kind);
	FILE *f = fopen(path, "rb");
	if (f == NULL)
		fail_msg("cannot open %s", path);
	uint8_t piece[4096];
	size_t got;
	while ((got = fread(piece, 1, sizeof(piece), f)) > 0)
		OK(buf_put(out, piece, got));
	fclose(f);
}

static void write_file(const char *name, const char *kind, struct span bytes)
{
	char path[512];
	(void)snprintf(path, sizeof(path), TEST_DATA "/bgv/%s.%s", name, kind);
	FILE *f = fopen(path, "wb");
	if (f == NULL)
		fail_msg("cannot write %s", path);
	assert_int_equal(fwrite(bytes.data, 1, bytes.size, f), bytes.size);
	assert_int_equal(fclose(f), 0);
}

static void put_sum(struct buf *out, const void *data, size_t size)
{
	OK(buf_put_u64(out, XXH3_64bits(data, size)));
}

static void put_ct(struct buf *out, const struct bgv_fixture *f, const struct bgv_ct *ct)
{
	for (unsigned part = 0; part < ct->parts; part++)
		for (unsigned i = 0; i < ct->limbs; i++)
			put_sum(out, bgv_limb(f->ring, ct, part, i), f->ring->n * 8);
}

static void toy_results(const struct bgv_fixture *f, struct span seeded, struct buf *out)
{
	struct bgv_ct x, y = fixture_room(f), z, *list[] = {&y}, scalars[2];
	struct buf answer = {0};
	put_sum(out, f->secret->coefficients, f->ring->n);
	put_sum(out, f->secret->values, (f->params.limbs + 1) * f->ring->n * 8);
	OK(bgv_seeded_get(&x, f->ring, 2, seeded));
	put_ct(out, f, &x);
	bgv_mul(f->ring, &y, &x, &x);
	put_ct(out, f, &y);
	OK(bgv_relinearise(f->ring, f->keys, list, 1, NULL));
	put_ct(out, f, &y);
	OK(bgv_mod_switch(f->ring, &y, NULL));
	put_ct(out, f, &y);
	OK(bgv_answer_put(f->ring, &y, &answer));
	put_sum(out, answer.data, answer.size);
	z = fixture_room(f);
	OK(bgv_automorphism(f->ring, f->keys, &z, &x, (uint32_t)f->ring->n + 1, NULL));
	put_ct(out, f, &z);
	OK(bgv_expand(f->ring, f->keys, scalars, &x, 2, NULL));
	for (size_t i = 0; i < 2; i++) {
		put_ct(out, f, &scalars[i]);
		bgv_ct_free(&scalars[i]);
	}
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	bgv_ct_free(&z);
	buf_free(&answer);
}

static void public_results(const struct bgv_params *p, struct buf *out)
{
	const struct seed seed = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
	struct seed_expander *e;
	struct bgv_ring *ring;
	uint64_t *m, *x;
	OK(bgv_ring_new(&ring, p));
	OK(seed_expander_new(&e, &seed));
	OK(mem_alloc_aligned(&m, ring->n * sizeof(*m)));
	OK(mem_alloc_aligned(&x, ring->n * sizeof(*x)));
	uint32_t *slots = calloc(ring->n, sizeof(*slots));
	for (size_t i = 0; i < ring->n; i++)
		slots[i] = (uint32_t)(i * 40503 % BGV_T);
	bgv_slots_encode(ring, m, slots);
	put_sum(out, m, ring->n * sizeof(*m));
	for (unsigned i = 0; i <= p->limbs; i++) {
		unsigned limb = i < p->limbs ? i : BGV_SPECIAL_LIMB;
		OK(bgv_mask(ring, e, limb, 0, ring->n, x));
		put_sum(out, x, ring->n * sizeof(*x));
		bgv_lift(ring, limb, x, m);
		ntt_forward(bgv_table(ring, limb), x);
		put_sum(out, x, ring->n * sizeof(*x));
	}
	seed_expander_free(e);
	free(slots);
	mem_free_aligned(m, 0);
	mem_free_aligned(x, 0);
	bgv_ring_free(ring);
}

static void results(
	const struct known *k, const struct bgv_fixture *f, struct span seeded, struct buf *out)
{
	toy_results(f, seeded, out);
	for (size_t i = 0; i < 3 && k->sets[i] != NULL; i++)
		public_results(k->sets[i], out);
}

static void write_known(const struct known *k)
{
	struct bgv_fixture f;
	struct buf out = {0}, seeded = {0};
	fixture_open(&f, k->toy, wanted);
	uint64_t *m = fixture_uniform(&f);
	OK(bgv_seeded_put(f.secret, 2, m, &seeded));
	OK(buf_put(&out, fixture_seed, sizeof(fixture_seed)));
	OK(buf_put(&out, seeded.data, seeded.size));
	for (size_t i = 0; i < f.ring->n; i++)
		OK(buf_put_u32(&out, (uint32_t)m[i]));
	results(k, &f, buf_span(&seeded), &out);
	write_file(k->name, "keys", buf_span(&f.content));
	write_file(k->name, "answers", buf_span(&out));
	mem_free_aligned(m, 0);
	buf_free(&out);
	buf_free(&seeded);
	fixture_close(&f);
}

static void check_known(const struct known *k)
{
	const char *write = getenv("AMT_WRITE_KNOWN");
	if (write != NULL && strcmp(write, k->name) == 0)
		write_known(k);
	struct bgv_fixture f = {.params = k->toy};
	struct buf answers = {0}, got = {0};
	struct span seeded;
	uint8_t seed[BGV_SECRET_SEED_BYTES];
	read_file(k->name, "keys", &f.content);
	read_file(k->name, "answers", &answers);
	struct reader r = reader_of(buf_span(&answers), "known answers");
	OK(bgv_ring_new(&f.ring, &f.params));
	OK(read_copy(&r, seed, sizeof(seed)));
	OK(bgv_secret_new(&f.secret, f.ring, seed));
	OK(bgv_keys_open(&f.keys, f.ring, buf_span(&f.content), BGV_MAX_LIMBS, NULL, NULL, NULL));
	OK(read_bytes(&r, bgv_seeded_bytes(f.ring, 2), &seeded));
	uint64_t *m = fixture_polynomial(&f);
	for (size_t i = 0; i < f.ring->n; i++) {
		uint32_t coefficient;
		OK(read_u32(&r, &coefficient));
		m[i] = coefficient;
	}
	struct bgv_ct x, y = fixture_room(&f), *list[] = {&y};
	OK(bgv_seeded_get(&x, f.ring, 2, seeded));
	fixture_expect(&f, &x, m);
	bgv_mul(f.ring, &y, &x, &x);
	OK(bgv_relinearise_drop(f.ring, f.keys, list, 1, NULL));
	plain_mul(&f, m, m, m);
	fixture_expect(&f, &y, m);
	results(k, &f, seeded, &got);
	assert_int_equal(got.size, reader_left(&r));
	assert_memory_equal(got.data, r.at, got.size);
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	mem_free_aligned(m, 0);
	buf_free(&answers);
	buf_free(&got);
	fixture_close(&f);
}

static void known_answers(void **state)
{
	(void)state;
	const struct known all[] = {
		{"toy", toy_params(10, 3), {bgv_params_for(13), bgv_params_for(14), &of_eleven}},
		{"wide", toy_wide_params(10, 3), {bgv_params_for(15)}},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		check_known(&all[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

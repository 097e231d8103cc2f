/* Switching keys and seeded ciphertexts as bytes: their form, every refusal, fresh seeds. */
#include "fixture.h"

#include "crypto/wire.h"

#include <pthread.h>

/* X^(N+1) and X^(N/2+1) are rotations by N/4 and N/8 as well: 3 elements, 4 keys of 2 digits. */
static const struct bgv_keys_wanted small = {.limbs = 2, .expand_log2 = 2, .fold_log2 = 3};
enum { ELEMENTS = 4, DIGITS = 10, HEAD_BYTES = 8 + 4 * ELEMENTS };

static amt_status open_content(const struct bgv_fixture *f, struct span content)
{
	struct bgv_keys *keys;
	TRY(bgv_keys_open(&keys, f->ring, content, BGV_MAX_LIMBS, NULL, NULL, NULL));
	bgv_keys_free(keys);
	return STATUS_OK;
}

static void form_in(struct bgv_params params)
{
	struct bgv_fixture f;
	size_t w = params.residue_bytes;
	fixture_open(&f, params, small);
	size_t n = f.ring->n;
	const uint8_t *at = f.content.data;
	assert_int_equal(f.content.size, HEAD_BYTES + DIGITS * (16 + n * (2 * w + 7)));
	assert_int_equal(f.content.size, bgv_keys_make_bytes(f.ring, small));
	assert_int_equal(load_u16(at), f.params.id);
	assert_int_equal(load_u16(at + 2), 2);
	assert_int_equal(load_u32(at + 4), ELEMENTS);
	for (unsigned i = 0; i < ELEMENTS; i++) {
		uint32_t element = load_u32(at + 8 + 4 * i);
		assert_true(i == 0 || element > load_u32(at + 4 + 4 * i));
		assert_true(bgv_keys_has(f.keys, element));
	}
	assert_true(bgv_keys_has(f.keys, (uint32_t)n + 1));
	assert_true(bgv_keys_has(f.keys, (uint32_t)n / 2 + 1));
	assert_true(bgv_keys_has(f.keys, bgv_rotation(f.ring, (unsigned)n / 4)));
	assert_true(bgv_keys_has(f.keys, bgv_rotation(f.ring, (unsigned)n / 8)));
	assert_true(bgv_keys_has(f.keys, bgv_rotation(f.ring, (unsigned)n / 16)));
	assert_int_equal(bgv_keys_limbs(f.keys), 2);
	assert_true(bgv_keys_bytes(f.keys) > DIGITS * 3 * 2 * n * 8);

	/* c0 + a s of digit i is a small multiple of t, plus p s^2 modulo q_i. */
	struct seed seed;
	struct seed_expander *e;
	uint64_t *c0 = fixture_polynomial(&f), *a = fixture_polynomial(&f);
	for (unsigned digit = 0; digit < 2; digit++) {
		const uint8_t *in = at + HEAD_BYTES + digit * bgv_digit_bytes(f.ring, 2);
		memcpy(seed.bytes, in, 16);
		OK(seed_expander_new(&e, &seed));
		for (unsigned j = 0; j < 3; j++) {
			unsigned limb = j < 2 ? j : BGV_SPECIAL_LIMB;
			size_t bytes = j < 2 ? w : 7;
			const struct ntt *q = bgv_table(f.ring, limb);
			const uint64_t *s = bgv_secret_values(f.secret, limb);
			for (size_t k = 0; k < n; k++) {
				c0[k] = 0;
				memcpy(&c0[k], in + 16 + j * n * w + k * bytes, bytes);
			}
			OK(bgv_mask(f.ring, e, limb, 0, n, a));
			ntt_mul_add(q, c0, a, s, n);
			if (j == digit) {
				ntt_mul(q, a, s, s, n);
				ntt_scale(q, a, a, f.params.p % ntt_modulus(q), n);
				ntt_sub(q, c0, c0, a, n);
			}
			ntt_inverse(q, c0);
			for (size_t k = 0; k < n; k++) {
				uint64_t modulus = ntt_modulus(q);
				int64_t noise =
					(int64_t)(c0[k] > modulus / 2 ? c0[k] - modulus : c0[k]);
				assert_true(noise % BGV_T == 0 && llabs(noise) <= 8 * BGV_T);
			}
		}
		seed_expander_free(e);
	}
	mem_free_aligned(c0, 0);
	mem_free_aligned(a, 0);
	fixture_close(&f);
}

static void form(void **state)
{
	(void)state;
	form_in(toy_params(10, 3));
	form_in(toy_wide_params(10, 3));
}

static void refusals_in(struct bgv_params params)
{
	struct bgv_fixture f;
	size_t w = params.residue_bytes;
	fixture_open(&f, params, small);
	size_t size = f.content.size, head = HEAD_BYTES, digit = bgv_digit_bytes(f.ring, 2),
	       n = f.ring->n;
	uint8_t *at = f.content.data;
	OK(open_content(&f, span_of(at, size)));
	static const size_t cuts[] = {0, 1, 3, 7, 8, 11, 23, 24, 39, 40, 1000};
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++)
		FAILS(AMT_TRUNCATED, open_content(&f, span_of(at, cuts[i])));
	FAILS(AMT_TRUNCATED, open_content(&f, span_of(at, size - 1)));
	OK(buf_put_u8(&f.content, 0));
	at = f.content.data;
	FAILS(AMT_CORRUPTION, open_content(&f, span_of(at, size + 1)));

	struct {
		size_t at, size;
		uint64_t value;
		amt_code code;
	} changes[] = {
		{0, 2, 114, AMT_FOREIGN_PARAMETERS},
		{2, 2, 0, AMT_CORRUPTION},
		{2, 2, 4, AMT_CORRUPTION},
		{2, 2, 3, AMT_TRUNCATED},
		{2, 2, 1, AMT_CORRUPTION},
		{4, 4, ELEMENTS - 1, AMT_CORRUPTION},
		{4, 4, ELEMENTS + 1, AMT_CORRUPTION},
		{4, 4, BGV_MAX_ELEMENTS + 1, AMT_CORRUPTION},
		{4, 4, UINT32_MAX, AMT_CORRUPTION},
		{8, 4, 1, AMT_CORRUPTION},
		{8, 4, 4, AMT_CORRUPTION},
		{8, 4, 2 * n + 1, AMT_CORRUPTION},
		{12, 4, load_u32(at + 8), AMT_CORRUPTION},
		/* q_0 itself at the first residue, the last of q_1, p, at the end. */
		{head + 16, w, f.params.q[0], AMT_CORRUPTION},
		{head + 16 + (2 * n - 1) * w, w, f.params.q[1], AMT_CORRUPTION},
		{head + 16 + 2 * n * w, 7, f.params.p, AMT_CORRUPTION},
		{head + 3 * digit + 16 + (2 * n - 1) * w, w, (1ull << 8 * w) - 1, AMT_CORRUPTION},
		{size - 7, 7, (1ull << 56) - 1, AMT_CORRUPTION},
	};
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		uint8_t before[8];
		memcpy(before, at + changes[i].at, changes[i].size);
		memcpy(at + changes[i].at, &changes[i].value, changes[i].size);
		FAILS(changes[i].code, open_content(&f, span_of(at, size)));
		memcpy(at + changes[i].at, before, changes[i].size);
	}
	OK(open_content(&f, span_of(at, size)));

	struct buf out = {0};
	static const struct bgv_keys_wanted impossible[] = {{.limbs = 0}, {.limbs = 4},
		{.limbs = 1, .expand_log2 = 10}, {.limbs = 1, .expand_log2 = 3},
		{.limbs = 1, .fold_log2 = 10}};
	for (size_t i = 0; i < 5; i++)
		FAILS(AMT_INVALID_ARGUMENT,
			bgv_keys_make(f.secret, impossible[i], NULL, NULL, NULL, &out));
	assert_int_equal(out.size, 0);

	/* Longer ciphertexts than the keys. */
	uint64_t *m = fixture_uniform(&f);
	struct bgv_ct x = fixture_encrypt(&f, 3, m), y = fixture_room(&f), *list[] = {&y};
	struct bgv_ct expanded[2];
	bgv_mul(f.ring, &y, &x, &x);
	FAILS(AMT_NOT_FOUND, bgv_relinearise(f.ring, f.keys, list, 1, NULL));
	FAILS(AMT_NOT_FOUND, bgv_automorphism(f.ring, f.keys, &y, &x, (uint32_t)n + 1, f.pool));
	FAILS(AMT_INVALID_ARGUMENT, bgv_relinearise(f.ring, f.keys, list, 1, NULL));
	FAILS(AMT_NOT_FOUND, bgv_expand(f.ring, f.keys, expanded, &x, 2, f.pool));
	bgv_truncate(f.ring, &x, 1);
	bgv_mul(f.ring, &y, &x, &x);
	FAILS(AMT_INVALID_ARGUMENT, bgv_relinearise_drop(f.ring, f.keys, list, 1, NULL));
	FAILS(AMT_INVALID_ARGUMENT,
		bgv_automorphism(f.ring, f.keys, &x, &y, (uint32_t)n + 1, f.pool));
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	mem_free_aligned(m, 0);
	fixture_close(&f);
}

static void refusals(void **state)
{
	(void)state;
	refusals_in(toy_params(10, 3));
	refusals_in(toy_wide_params(10, 3));
}

/* Opened for shorter ciphertexts: less memory, the same words. */
static void opened_in_part(void **state)
{
	(void)state;
	struct bgv_fixture f;
	struct bgv_keys *part;
	fixture_open(&f, toy_params(10, 3), small);
	OK(bgv_keys_open(&part, f.ring, buf_span(&f.content), 1, f.pool, NULL, NULL));
	assert_int_equal(bgv_keys_limbs(part), 1);
	assert_true(bgv_keys_bytes(part) < bgv_keys_bytes(f.keys) / 2);
	uint64_t *m = fixture_uniform(&f);
	struct bgv_ct x = fixture_encrypt(&f, 2, m), y = fixture_room(&f), z = fixture_room(&f);
	FAILS(AMT_NOT_FOUND, bgv_automorphism(f.ring, part, &y, &x, (uint32_t)f.ring->n + 1, NULL));
	bgv_truncate(f.ring, &x, 1);
	for (unsigned i = 0; i < f.keys->elements; i++) {
		OK(bgv_automorphism(f.ring, part, &y, &x, f.keys->element[i], NULL));
		OK(bgv_automorphism(f.ring, f.keys, &z, &x, f.keys->element[i], NULL));
		assert_memory_equal(y.data, z.data, 2 * f.ring->n * sizeof(*y.data));
	}
	struct bgv_keys *none;
	FAILS(AMT_INVALID_ARGUMENT,
		bgv_keys_open(&none, f.ring, buf_span(&f.content), 0, NULL, NULL, NULL));
	bgv_keys_free(part);
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	bgv_ct_free(&z);
	mem_free_aligned(m, 0);
	fixture_close(&f);
}

/* All automorphisms at once. */
static void every_element(void **state)
{
	(void)state;
	struct bgv_keys_wanted all = {.limbs = 1, .expand_log2 = 8, .fold_log2 = 9};
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 1), all);
	assert_int_equal(f.content.size, bgv_keys_make_bytes(f.ring, all));
	uint64_t *m = fixture_uniform(&f), *want = fixture_polynomial(&f);
	struct bgv_ct x = fixture_encrypt(&f, 1, m), y = fixture_room(&f);
	for (unsigned i = 0; i < f.keys->elements; i++) {
		plain_automorphism(&f, want, m, f.keys->element[i]);
		OK(bgv_automorphism(f.ring, f.keys, &y, &x, f.keys->element[i], NULL));
		fixture_expect(&f, &y, want);
	}
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	mem_free_aligned(m, 0);
	mem_free_aligned(want, 0);
	fixture_close(&f);
}

/* Keys of another secret give noise all over. */
static void other_keys(void **state)
{
	(void)state;
	struct bgv_fixture f, g;
	fixture_open(&f, toy_params(10, 2), small);
	fixture_open(&g, toy_params(10, 2), (struct bgv_keys_wanted){0});
	uint8_t seed[BGV_SECRET_SEED_BYTES] = {9};
	bgv_secret_free(g.secret);
	OK(bgv_secret_new(&g.secret, g.ring, seed));
	uint64_t *m = fixture_uniform(&g), *got = fixture_polynomial(&g);
	struct bgv_ct x = fixture_encrypt(&g, 2, m), y = fixture_room(&g), *list[] = {&y};
	double most;
	bgv_mul(g.ring, &y, &x, &x);
	OK(bgv_relinearise(g.ring, f.keys, list, 1, NULL));
	OK(bgv_decrypt(g.secret, &y, got, &most));
	assert_true(most > 70);
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	mem_free_aligned(m, 0);
	mem_free_aligned(got, 0);
	fixture_close(&f);
	fixture_close(&g);
}

struct watch {
	uint64_t calls, last, total;
};

static void see(void *context, uint64_t done, uint64_t total)
{
	struct watch *w = context;
	assert_true(done > w->last && done <= total);
	w->calls++;
	w->last = done;
	w->total = total;
}

static void progress(void **state)
{
	(void)state;
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 3), (struct bgv_keys_wanted){0});
	for (int threads = 0; threads < 2; threads++) {
		struct pool *pool = threads == 0 ? NULL : f.pool;
		struct watch made = {0}, opened = {0};
		buf_clear(&f.content);
		OK(bgv_keys_make(f.secret, small, pool, see, &made, &f.content));
		OK(bgv_keys_open(
			&f.keys, f.ring, buf_span(&f.content), BGV_MAX_LIMBS, pool, see, &opened));
		assert_true(threads == 1 || (made.calls == DIGITS && made.last == DIGITS));
		assert_true(threads == 1 || (opened.calls == DIGITS && opened.last == DIGITS));
		assert_true(made.calls == 0 || made.total == DIGITS);
		bgv_keys_free(f.keys);
	}
	f.keys = NULL;
	fixture_close(&f);
}

static amt_status get(const struct bgv_fixture *f, unsigned limbs, struct span in)
{
	struct bgv_ct ct;
	TRY(bgv_seeded_get(&ct, f->ring, limbs, in));
	bgv_ct_free(&ct);
	return STATUS_OK;
}

static void seeded_in(struct bgv_params params)
{
	struct bgv_fixture f;
	size_t w = params.residue_bytes;
	fixture_open(&f, params, (struct bgv_keys_wanted){0});
	size_t n = f.ring->n, size = bgv_seeded_bytes(f.ring, 3);
	uint64_t *m = fixture_uniform(&f), *c0;
	struct buf bytes = {0};
	OK(bgv_seeded_put(f.secret, 3, m, &bytes));
	uint8_t *at = bytes.data;
	assert_int_equal(bytes.size, 16 + 3 * n * w);
	OK(get(&f, 3, buf_span(&bytes)));
	FAILS(AMT_TRUNCATED, get(&f, 3, span_of(at, 0)));
	FAILS(AMT_TRUNCATED, get(&f, 3, span_of(at, 15)));
	FAILS(AMT_TRUNCATED, get(&f, 3, span_of(at, size - 1)));
	FAILS(AMT_CORRUPTION, get(&f, 2, span_of(at, size)));
	FAILS(AMT_FOREIGN_PARAMETERS, get(&f, 0, span_of(at, 16)));
	FAILS(AMT_FOREIGN_PARAMETERS, get(&f, 4, span_of(at, size)));
	for (unsigned limb = 0; limb < 3; limb++)
		for (size_t i = 0; i < n; i += n - 1) {
			uint8_t before[NTT_PACKED_MOST], *residue = at + 16 + (limb * n + i) * w;
			memcpy(before, residue, w);
			memcpy(residue, &f.params.q[limb], w);
			FAILS(AMT_CORRUPTION, get(&f, 3, buf_span(&bytes)));
			uint64_t most = f.params.q[limb] - 1;
			memcpy(residue, &most, w);
			OK(get(&f, 3, buf_span(&bytes)));
			memcpy(residue, before, w);
		}
	struct seed seed;
	OK(mem_alloc_aligned(&c0, 4 * n * sizeof(*c0)));
	OK(bgv_encrypt_seeded(f.secret, 3, m, &seed, c0));
	FAILS(AMT_INVALID_ARGUMENT, bgv_encrypt_seeded(f.secret, 0, m, &seed, c0));
	FAILS(AMT_INVALID_ARGUMENT, bgv_encrypt_seeded(f.secret, 4, m, &seed, c0));
	mem_free_aligned(c0, 0);
	mem_free_aligned(m, 0);
	buf_free(&bytes);
	fixture_close(&f);
}

static void seeded(void **state)
{
	(void)state;
	seeded_in(toy_params(10, 3));
	seeded_in(toy_wide_params(10, 3));
}

enum { EACH = 64, THREADS = 3 };
struct encrypting {
	const struct bgv_fixture *f;
	struct seed seed[EACH];
	uint64_t *m;
	bool failed;
};

static void *encrypt_some(void *context)
{
	struct encrypting *e = context;
	uint64_t *c0;
	if (!amt_ok(mem_alloc_aligned(&c0, e->f->ring->n * sizeof(*c0))))
		return NULL;
	for (size_t i = 0; i < EACH; i++)
		e->failed |= !amt_ok(bgv_encrypt_seeded(e->f->secret, 1, e->m, &e->seed[i], c0));
	mem_free_aligned(c0, 0);
	return NULL;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seed));
}

/* tests/keys/test_seeds.c has the cases of processes; the generator is the same. */
static void seeds_never_repeat(void **state)
{
	(void)state;
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 2), small);
	static struct seed all[THREADS * EACH + DIGITS];
	struct encrypting work[THREADS];
	pthread_t threads[THREADS];
	size_t count = 0;
	for (size_t i = 0; i < THREADS; i++) {
		work[i] = (struct encrypting){.f = &f, .m = fixture_uniform(&f)};
		assert_int_equal(pthread_create(&threads[i], NULL, encrypt_some, &work[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(work[i].failed);
		memcpy(all + count, work[i].seed, sizeof(work[i].seed));
		count += EACH;
		mem_free_aligned(work[i].m, 0);
	}
	for (size_t i = 0; i < DIGITS; i++, count++)
		memcpy(&all[count], f.content.data + HEAD_BYTES + i * bgv_digit_bytes(f.ring, 2),
			16);
	qsort(all, count, sizeof(all[0]), by_bytes);
	for (size_t i = 1; i < count; i++)
		assert_memory_not_equal(&all[i - 1], &all[i], sizeof(all[0]));
	fixture_close(&f);
}

/* As the engine sends them. */
static void wrapped(void **state)
{
	(void)state;
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 2), small);
	struct wire_header header = {.type = WIRE_BGV_KEYS, .params = f.params.id, .key_id = {5}};
	struct buf object = {0};
	struct span content;
	uint8_t other[16] = {6};
	OK(wire_put(&object, &header, buf_span(&f.content)));
	FAILS(AMT_TYPE_MISMATCH,
		wire_get(buf_span(&object), WIRE_EVALUATION_KEY, &header, &content));
	OK(wire_get(buf_span(&object), WIRE_BGV_KEYS, &header, &content));
	OK(wire_expect(&header, header.key_id, f.params.id));
	FAILS(AMT_WRONG_KEY, wire_expect(&header, other, f.params.id));
	FAILS(AMT_FOREIGN_PARAMETERS, wire_expect(&header, header.key_id, 114));
	OK(open_content(&f, content));
	buf_free(&object);
	fixture_close(&f);
}

static void no_memory(void **state)
{
	(void)state;
	struct bgv_params p = toy_params(10, 2);
	struct bgv_fixture f = {.params = p, .random = 1};
	struct buf bytes = {0};
	EVERY_ALLOCATION(1, bgv_ring_new(&f.ring, &f.params));
	EVERY_ALLOCATION(1, bgv_secret_new(&f.secret, f.ring, fixture_seed));
	uint64_t *m = fixture_uniform(&f);
	EVERY_ALLOCATION(1, bgv_seeded_put(f.secret, 2, m, &bytes));
	EVERY_ALLOCATION(1, bgv_keys_make(f.secret, small, NULL, NULL, NULL, &f.content));
	assert_int_equal(f.content.size, bgv_keys_make_bytes(f.ring, small));
	EVERY_ALLOCATION(1, bgv_keys_open(&f.keys, f.ring, buf_span(&f.content), BGV_MAX_LIMBS,
				    NULL, NULL, NULL));
	struct bgv_ct x, y, out[4], *list[] = {&y};
	EVERY_ALLOCATION(1, bgv_seeded_get(&x, f.ring, 2, buf_span(&bytes)));
	EVERY_ALLOCATION(1, bgv_expand(f.ring, f.keys, out, &x, 4, NULL));
	for (size_t i = 0; i < 4; i++)
		bgv_ct_free(&out[i]);
	y = fixture_room(&f);
	bgv_mul(f.ring, &y, &x, &x);
	EVERY_ALLOCATION(1, bgv_relinearise(f.ring, f.keys, list, 1, NULL));
	bgv_mul(f.ring, &y, &x, &x);
	EVERY_ALLOCATION(1, bgv_relinearise_drop(f.ring, f.keys, list, 1, NULL));
	EVERY_ALLOCATION(
		1, bgv_automorphism(f.ring, f.keys, &y, &x, (uint32_t)f.ring->n + 1, NULL));
	EVERY_ALLOCATION(0, bgv_mul_plain(f.ring, &y, &x, m));
	EVERY_ALLOCATION(0, bgv_mod_switch(f.ring, &y, NULL));
	buf_free(&bytes);
	EVERY_ALLOCATION(1, bgv_answer_put(f.ring, &y, &bytes));
	EVERY_ALLOCATION(0, bgv_answer_decrypt(f.secret, buf_span(&bytes), m, NULL));
	EVERY_ALLOCATION(0, bgv_decrypt(f.secret, &y, m, NULL));
	buf_free(&bytes);
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	mem_free_aligned(m, 0);
	fixture_close(&f);
}

/* More sizes than the list keeps. */
static void scratch(void **state)
{
	(void)state;
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 1), (struct bgv_keys_wanted){0});
	uint64_t *block[2 * SCRATCH_KEPT];
	for (int again = 0; again < 2; again++) {
		for (size_t i = 0; i < 2 * SCRATCH_KEPT; i++) {
			OK(bgv_scratch_take(f.ring, 64 * (i + 1), &block[i]));
			assert_int_equal((uintptr_t)block[i] % 64, 0);
			memset(block[i], 1, 64 * (i + 1) * sizeof(uint64_t));
		}
		for (size_t i = 0; i < 2 * SCRATCH_KEPT; i++)
			bgv_scratch_give(f.ring, 64 * (i + 1), block[i]);
	}
	bgv_scratch_give(f.ring, 64, NULL);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(form),
		cmocka_unit_test(refusals),
		cmocka_unit_test(opened_in_part),
		cmocka_unit_test(every_element),
		cmocka_unit_test(other_keys),
		cmocka_unit_test(progress),
		cmocka_unit_test(seeded),
		cmocka_unit_test(seeds_never_repeat),
		cmocka_unit_test(wrapped),
		cmocka_unit_test(no_memory),
		cmocka_unit_test(scratch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Operations on ciphertexts against arithmetic modulo t, in coefficients and in slots. */
#include "fixture.h"

static const struct bgv_keys_wanted no_keys = {0};

static void encryption(void **state)
{
	(void)state;
	struct bgv_fixture f;
	for (unsigned log2n = 10; log2n <= 14; log2n += 4) {
		unsigned limbs = 10;
		fixture_open(&f, toy_params(log2n, limbs), no_keys);
		for (unsigned l = 1; l <= limbs; l += 3) {
			uint64_t *m = fixture_uniform(&f);
			struct bgv_ct ct = fixture_encrypt(&f, l, m);
			assert_int_equal(ct.limbs, l);
			assert_int_equal(ct.parts, 2);
			fixture_expect(&f, &ct, m);
			/* Any prefix of the limbs holds the same. */
			while (ct.limbs > 1) {
				bgv_truncate(f.ring, &ct, ct.limbs - 1);
				fixture_expect(&f, &ct, m);
			}
			bgv_ct_free(&ct);
			mem_free_aligned(m, 0);
		}
		fixture_close(&f);
	}
}

static void public_rings(void **state)
{
	(void)state;
	for (size_t i = 0; bgv_params_at(i) != NULL; i++) {
		struct bgv_fixture f;
		fixture_open(&f, *bgv_params_at(i), no_keys);
		uint64_t *m = fixture_uniform(&f);
		struct bgv_ct ct = fixture_encrypt(&f, f.params.limbs, m);
		fixture_expect(&f, &ct, m);
		while (ct.limbs > 1) {
			OK(bgv_mod_switch(f.ring, &ct, i % 2 == 0 ? f.pool : NULL));
			fixture_expect(&f, &ct, m);
		}
		FAILS(AMT_INVALID_ARGUMENT, bgv_mod_switch(f.ring, &ct, NULL));
		bgv_ct_free(&ct);
		mem_free_aligned(m, 0);
		fixture_close(&f);
	}
}

static void sums(void **state)
{
	(void)state;
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 4), no_keys);
	size_t n = f.ring->n;
	uint64_t *a = fixture_uniform(&f), *b = fixture_uniform(&f), *want = fixture_polynomial(&f);
	struct bgv_ct x = fixture_encrypt(&f, 4, a), y = fixture_encrypt(&f, 3, b);
	struct bgv_ct out = fixture_room(&f);
	bgv_add(f.ring, &out, &x, &y);
	assert_int_equal(out.limbs, 3);
	for (size_t i = 0; i < n; i++)
		want[i] = (a[i] + b[i]) % BGV_T;
	fixture_expect(&f, &out, want);
	bgv_sub(f.ring, &out, &x, &y);
	for (size_t i = 0; i < n; i++)
		want[i] = (a[i] + BGV_T - b[i]) % BGV_T;
	fixture_expect(&f, &out, want);
	/* In place, either way round; x keeps its stride. */
	struct bgv_ct z = fixture_copy(&f, &x);
	bgv_sub(f.ring, &z, &z, &y);
	assert_int_equal(z.limbs, 3);
	fixture_expect(&f, &z, want);
	bgv_sub(f.ring, &y, &x, &y);
	fixture_expect(&f, &y, want);
	bgv_sub(f.ring, &y, &y, &y);
	memset(want, 0, n * sizeof(*want));
	fixture_expect(&f, &y, want);

	static const int64_t factors[][2] = {
		{1, 0}, {-1, 1}, {5, -7}, {-65536, 65536}, {0, 3}, {1, -1}};
	for (size_t k = 0; k < sizeof(factors) / sizeof(factors[0]); k++) {
		int64_t c = factors[k][0], d = factors[k][1];
		for (size_t i = 0; i < n; i++)
			want[i] = (uint64_t)(((int64_t)a[i] * c % BGV_T + BGV_T) % BGV_T);
		want[0] = (uint64_t)(((int64_t)want[0] + d + BGV_T) % BGV_T);
		bgv_affine(f.ring, &out, &x, c, d);
		fixture_expect(&f, &out, want);
		struct bgv_ct place = fixture_copy(&f, &x);
		bgv_affine(f.ring, &place, &place, c, d);
		fixture_expect(&f, &place, want);
		bgv_ct_free(&place);
	}
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	bgv_ct_free(&z);
	bgv_ct_free(&out);
	mem_free_aligned(a, 0);
	mem_free_aligned(b, 0);
	mem_free_aligned(want, 0);
	fixture_close(&f);
}

static void products(void **state)
{
	(void)state;
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 6), (struct bgv_keys_wanted){.limbs = 6});
	uint64_t *a = fixture_uniform(&f), *b = fixture_uniform(&f), *want = fixture_polynomial(&f);
	struct bgv_ct x = fixture_encrypt(&f, 6, a), y = fixture_encrypt(&f, 5, b);
	struct bgv_ct out = fixture_room(&f);
	plain_mul(&f, want, a, b);
	bgv_mul(f.ring, &out, &x, &y);
	assert_int_equal(out.parts, 3);
	assert_int_equal(out.limbs, 5);
	fixture_expect(&f, &out, want);
	/* The switch works on three parts too, and relinearisation after it. */
	struct bgv_ct early = fixture_copy(&f, &out), *list[] = {&early};
	OK(bgv_mod_switch(f.ring, &early, f.pool));
	fixture_expect(&f, &early, want);
	OK(bgv_relinearise(f.ring, f.keys, list, 1, f.pool));
	fixture_expect(&f, &early, want);
	list[0] = &out;
	OK(bgv_relinearise(f.ring, f.keys, list, 1, NULL));
	assert_int_equal(out.parts, 2);
	fixture_expect(&f, &out, want);
	/* Down the chain: squares. */
	while (out.limbs > 2) {
		struct bgv_ct square = fixture_room(&f);
		OK(bgv_mod_switch(f.ring, &out, f.pool));
		fixture_expect(&f, &out, want);
		bgv_mul(f.ring, &square, &out, &out);
		list[0] = &square;
		OK(bgv_relinearise(f.ring, f.keys, list, 1, f.pool));
		plain_mul(&f, want, want, want);
		fixture_expect(&f, &square, want);
		bgv_ct_free(&out);
		out = square;
	}
	list[0] = &out;
	FAILS(AMT_INVALID_ARGUMENT, bgv_relinearise(f.ring, f.keys, list, 1, NULL));

	/* Plain polynomials, in place and not. */
	uint64_t *mask = fixture_uniform(&f);
	struct bgv_ct z = fixture_room(&f);
	plain_mul(&f, want, a, mask);
	OK(bgv_mul_plain(f.ring, &z, &x, mask));
	fixture_expect(&f, &z, want);
	OK(bgv_mul_plain(f.ring, &x, &x, mask));
	fixture_expect(&f, &x, want);
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	bgv_ct_free(&z);
	bgv_ct_free(&early);
	bgv_ct_free(&out);
	mem_free_aligned(a, 0);
	mem_free_aligned(b, 0);
	mem_free_aligned(mask, 0);
	mem_free_aligned(want, 0);
	fixture_close(&f);
}

/* A batch gives the same words as one by one, with threads or without. */
static void batches_of(unsigned limbs)
{
	enum { COUNT = 19 };
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 10), (struct bgv_keys_wanted){.limbs = 10});
	struct bgv_ct one[COUNT], batch[COUNT], threads[COUNT], drop[COUNT], *list[4][COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		uint64_t *a = fixture_uniform(&f);
		struct bgv_ct x = fixture_encrypt(&f, limbs, a);
		OK(bgv_ct_new(&one[i], f.ring, limbs, 3));
		bgv_mul(f.ring, &one[i], &x, &x);
		batch[i] = fixture_copy(&f, &one[i]);
		threads[i] = fixture_copy(&f, &one[i]);
		list[0][i] = &one[i];
		list[1][i] = &batch[i];
		list[2][i] = &threads[i];
		drop[i] = fixture_copy(&f, &one[i]);
		list[3][i] = &drop[i];
		OK(bgv_relinearise(f.ring, f.keys, &list[0][i], 1, NULL));
		bgv_ct_free(&x);
		mem_free_aligned(a, 0);
	}
	OK(bgv_relinearise(f.ring, f.keys, list[1], COUNT, NULL));
	OK(bgv_relinearise(f.ring, f.keys, list[2], COUNT, f.pool));
	OK(bgv_relinearise(f.ring, f.keys, NULL, 0, f.pool));
	OK(bgv_relinearise_drop(f.ring, f.keys, list[3], 1, f.pool));
	OK(bgv_relinearise_drop(f.ring, f.keys, list[3] + 1, COUNT - 1, f.pool));
	for (size_t i = 0; i < COUNT; i++) {
		size_t bytes = 2 * limbs * f.ring->n * sizeof(uint64_t);
		assert_memory_equal(one[i].data, batch[i].data, bytes);
		assert_memory_equal(one[i].data, threads[i].data, bytes);
		OK(bgv_mod_switch(f.ring, &one[i], NULL));
		assert_int_equal(drop[i].limbs, limbs - 1);
		assert_int_equal(drop[i].parts, 2);
		assert_true(drop[i].noise.log2_deviation == one[i].noise.log2_deviation);
		for (unsigned part = 0; part < 2; part++)
			assert_memory_equal(bgv_limb(f.ring, &one[i], part, 0),
				bgv_limb(f.ring, &drop[i], part, 0),
				(limbs - 1) * f.ring->n * sizeof(uint64_t));
		bgv_ct_free(&drop[i]);
		bgv_ct_free(&one[i]);
		bgv_ct_free(&batch[i]);
		bgv_ct_free(&threads[i]);
	}
	fixture_close(&f);
}

static void batches(void **state)
{
	(void)state;
	batches_of(2);
	batches_of(9);
}

/* In slots everything is element by element; rotations turn both rows. */
static void slots(void **state)
{
	(void)state;
	struct bgv_fixture f;
	fixture_open(&f, toy_params(11, 3), (struct bgv_keys_wanted){.limbs = 3, .fold_log2 = 4});
	size_t n = f.ring->n, half = n / 2;
	uint32_t *a = calloc(n, sizeof(*a)), *got = calloc(n, sizeof(*got));
	uint64_t *m = fixture_polynomial(&f);
	for (size_t i = 0; i < n; i++)
		a[i] = (uint32_t)(fixture_random(&f) % BGV_T);
	bgv_slots_encode(f.ring, m, a);
	struct bgv_ct x = fixture_encrypt(&f, 3, m), y = fixture_room(&f), *list[] = {&y};
	bgv_mul(f.ring, &y, &x, &x);
	OK(bgv_relinearise(f.ring, f.keys, list, 1, f.pool));
	OK(bgv_decrypt(f.secret, &y, m, NULL));
	bgv_slots_decode(f.ring, got, m);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got[i], (uint64_t)a[i] * a[i] % BGV_T);
	for (unsigned i = 1; i <= 4; i++) {
		unsigned steps = (unsigned)(half >> i);
		uint32_t element = bgv_rotation(f.ring, steps);
		assert_true(bgv_keys_has(f.keys, element));
		OK(bgv_automorphism(f.ring, f.keys, &y, &x, element, i % 2 == 0 ? f.pool : NULL));
		OK(bgv_decrypt(f.secret, &y, m, NULL));
		bgv_slots_decode(f.ring, got, m);
		for (size_t r = 0; r < half; r++) {
			assert_int_equal(got[r], a[(r + steps) % half]);
			assert_int_equal(got[half + r], a[half + (r + steps) % half]);
		}
	}
	assert_false(bgv_keys_has(f.keys, bgv_rotation(f.ring, 1)));
	FAILS(AMT_NOT_FOUND,
		bgv_automorphism(f.ring, f.keys, &y, &x, bgv_rotation(f.ring, 1), NULL));
	bgv_ct_free(&x);
	bgv_ct_free(&y);
	mem_free_aligned(m, 0);
	free(a);
	free(got);
	fixture_close(&f);
}

static void answers(void **state)
{
	(void)state;
	for (size_t i = 0; bgv_params_at(i) != NULL; i++) {
		struct bgv_fixture f;
		fixture_open(&f, *bgv_params_at(i), no_keys);
		uint64_t *m = fixture_uniform(&f), *got = fixture_polynomial(&f);
		struct bgv_ct ct = fixture_encrypt(&f, 2, m);
		struct buf bytes = {0};
		double most;
		OK(bgv_mod_switch(f.ring, &ct, NULL));
		assert_true(bgv_noise_answer_fits(&f.params, ct.noise));
		OK(bgv_answer_put(f.ring, &ct, &bytes));
		assert_int_equal(bytes.size, bgv_answer_bytes(f.ring));
		OK(bgv_answer_decrypt(f.secret, buf_span(&bytes), got, &most));
		assert_memory_equal(got, m, f.ring->n * sizeof(*m));
		/* The rounding alone, 2^20.5 to 2^21.5 wide. */
		assert_true(most > 21 && most < 25);
		FAILS(AMT_TRUNCATED, bgv_answer_decrypt(f.secret,
					     span_of(bytes.data, bytes.size - 1), got, NULL));
		OK(buf_put_u8(&bytes, 0));
		FAILS(AMT_CORRUPTION, bgv_answer_decrypt(f.secret, buf_span(&bytes), got, NULL));
		ct.parts = 3;
		FAILS(AMT_INVALID_ARGUMENT, bgv_answer_put(f.ring, &ct, &bytes));
		buf_free(&bytes);
		bgv_ct_free(&ct);
		mem_free_aligned(m, 0);
		mem_free_aligned(got, 0);
		fixture_close(&f);
	}
}

/* Each of the scalars in every slot, however many threads. */
static void expansion(void **state)
{
	(void)state;
	enum { COUNT = 64 };
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 3), (struct bgv_keys_wanted){.limbs = 3, .expand_log2 = 6});
	for (unsigned count = 1; count <= COUNT; count += count < 10 ? 1 : 9) {
		uint64_t *m = fixture_polynomial(&f), *want = fixture_polynomial(&f);
		struct bgv_ct out[COUNT];
		for (size_t i = 0; i < count; i++)
			m[bgv_expand_index(count, (unsigned)i)] =
				i * 7919 % BGV_T *
				bgv_inverse_mod(
					1u << bgv_expand_doublings(count, (unsigned)i), BGV_T) %
				BGV_T;
		struct bgv_ct packed = fixture_encrypt(&f, 3, m);
		OK(bgv_expand(f.ring, f.keys, out, &packed, count, count % 2 == 1 ? f.pool : NULL));
		for (size_t i = 0; i < count; i++) {
			want[0] = i * 7919 % BGV_T;
			fixture_expect(&f, &out[i], want);
			bgv_ct_free(&out[i]);
		}
		bgv_ct_free(&packed);
		mem_free_aligned(m, 0);
		mem_free_aligned(want, 0);
	}
	struct bgv_ct out[65], packed;
	OK(bgv_ct_new(&packed, f.ring, 3, 2));
	memset(packed.data, 0, packed.words * sizeof(uint64_t));
	FAILS(AMT_NOT_FOUND, bgv_expand(f.ring, f.keys, out, &packed, 65, f.pool));
	FAILS(AMT_INVALID_ARGUMENT, bgv_expand(f.ring, f.keys, out, &packed, 0, f.pool));
	bgv_ct_free(&packed);
	fixture_close(&f);
}

/* Scalars of which fewer limbs are needed: the same residues, as far as there are limbs. */
static void expansion_by_need(void **state)
{
	(void)state;
	enum { COUNT = 46 };
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 3), (struct bgv_keys_wanted){.limbs = 3, .expand_log2 = 6});
	uint64_t *m = fixture_uniform(&f), *want = fixture_polynomial(&f);
	uint8_t limbs[COUNT];
	memset(m, 0, f.ring->n * sizeof(*m));
	for (unsigned i = 0; i < COUNT; i++) {
		limbs[i] = i < 9 ? 3 : i < 30 ? 2 : 1;
		m[bgv_expand_index(COUNT, i)] =
			i * 7919 % BGV_T *
			bgv_inverse_mod(1u << bgv_expand_doublings(COUNT, i), BGV_T) % BGV_T;
	}
	struct bgv_ct packed = fixture_encrypt(&f, 3, m), out[COUNT] = {0};
	for (unsigned i = 0; i < COUNT; i++)
		OK(bgv_ct_new(&out[i], f.ring, limbs[i], 2));
	for (unsigned threads = 0; threads < 2; threads++) {
		OK(bgv_expand_into(
			f.ring, f.keys, out, &packed, limbs, COUNT, threads == 0 ? NULL : f.pool));
		for (unsigned i = 0; i < COUNT; i++) {
			assert_int_equal(out[i].limbs, limbs[i]);
			want[0] = i * 7919 % BGV_T;
			fixture_expect(&f, &out[i], want);
		}
	}
	limbs[COUNT - 1] = 2;
	FAILS(AMT_INVALID_ARGUMENT,
		bgv_expand_into(f.ring, f.keys, out, &packed, limbs, COUNT, NULL));
	limbs[COUNT - 1] = 0;
	FAILS(AMT_INVALID_ARGUMENT,
		bgv_expand_into(f.ring, f.keys, out, &packed, limbs, COUNT, NULL));
	limbs[COUNT - 1] = 1;
	limbs[0] = 4;
	FAILS(AMT_INVALID_ARGUMENT,
		bgv_expand_into(f.ring, f.keys, out, &packed, limbs, COUNT, NULL));
	for (unsigned i = 0; i < COUNT; i++)
		bgv_ct_free(&out[i]);
	bgv_ct_free(&packed);
	mem_free_aligned(m, 0);
	mem_free_aligned(want, 0);
	fixture_close(&f);
}

/* Another secret sees nothing of it. */
static void wrong_key(void **state)
{
	(void)state;
	struct bgv_fixture f;
	fixture_open(&f, toy_params(10, 2), no_keys);
	uint8_t seed[BGV_SECRET_SEED_BYTES] = {1};
	struct bgv_secret *other;
	OK(bgv_secret_new(&other, f.ring, seed));
	uint64_t *m = fixture_uniform(&f), *got = fixture_polynomial(&f);
	struct bgv_ct ct = fixture_encrypt(&f, 2, m);
	double most;
	OK(bgv_decrypt(other, &ct, got, &most));
	unsigned same = 0;
	for (size_t i = 0; i < f.ring->n; i++)
		same += got[i] == m[i];
	assert_true(same < 5);
	assert_true(most > 75);
	bgv_secret_free(other);
	bgv_ct_free(&ct);
	mem_free_aligned(m, 0);
	mem_free_aligned(got, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encryption),
		cmocka_unit_test(public_rings),
		cmocka_unit_test(sums),
		cmocka_unit_test(products),
		cmocka_unit_test(batches),
		cmocka_unit_test(slots),
		cmocka_unit_test(answers),
		cmocka_unit_test(expansion),
		cmocka_unit_test(expansion_by_need),
		cmocka_unit_test(wrong_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

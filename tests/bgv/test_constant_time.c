/* The BGV secret, encryption, switching keys and decryption, in constant time. */
#include "constant_time.h"

#include "crypto/sample.h"
#include "fixture.h"

static void ternary(void **state)
{
	(void)state;
	uint8_t seed[TERNARY_SEED_BYTES];
	int8_t s[1000];
	OK(random_bytes(seed, sizeof(seed)));
	OK(sample_ternary(seed, s, sizeof(s)));
	publish(s, sizeof(s));
	int count[3] = {0};
	for (size_t i = 0; i < sizeof(s); i++)
		count[s[i] + 1]++;
	for (int i = 0; i < 3; i++)
		assert_true(count[i] > 200 && count[i] < 470);
}

/* The smallest ring is enough: the code is the same for every size. */
static void ring(const char *isa)
{
	struct bgv_fixture f = {.params = toy_params(10, 3), .random = 1};
	uint8_t seed[BGV_SECRET_SEED_BYTES];
	assert_int_equal(setenv("AMT_ISA", isa, 1), 0);
	OK(bgv_ring_new(&f.ring, &f.params));
	OK(random_bytes(seed, sizeof(seed)));
	OK(bgv_secret_new(&f.secret, f.ring, seed));
	size_t n = f.ring->n;

	/* Slots, plaintexts and noise are secret, the ciphertext is not. */
	uint32_t *slots = calloc(n, sizeof(*slots)), *back = calloc(n, sizeof(*back));
	uint64_t *m = fixture_polynomial(&f);
	struct buf bytes = {0}, answer = {0}, keys = {0};
	for (size_t i = 0; i < n; i++)
		slots[i] = (uint32_t)(fixture_random(&f) % BGV_T);
	hide(slots, n * sizeof(*slots));
	bgv_slots_encode(f.ring, m, slots);
	OK(bgv_seeded_put(f.secret, 3, m, &bytes));
	publish(bytes.data, bytes.size);
	publish(slots, n * sizeof(*slots));
	struct bgv_ct ct;
	OK(bgv_seeded_get(&ct, f.ring, 3, buf_span(&bytes)));

	double noise;
	for (; ct.limbs > 0; ct.limbs--) {
		OK(bgv_decrypt(f.secret, &ct, m, &noise));
		publish(&noise, sizeof(noise));
		assert_true(noise > 18 && noise < 21);
		bgv_slots_decode(f.ring, back, m);
		publish(back, n * sizeof(*back));
		assert_memory_equal(back, slots, n * sizeof(*back));
	}
	ct.limbs = 1;
	OK(bgv_answer_put(f.ring, &ct, &answer));
	OK(bgv_answer_decrypt(f.secret, buf_span(&answer), m, &noise));
	publish(&noise, sizeof(noise));
	bgv_slots_decode(f.ring, back, m);
	publish(back, n * sizeof(*back));
	assert_memory_equal(back, slots, n * sizeof(*back));

	struct bgv_keys_wanted wanted = {.limbs = 2, .expand_log2 = 2};
	OK(bgv_keys_make(f.secret, wanted, NULL, NULL, NULL, &keys));
	publish(keys.data, keys.size);
	OK(bgv_keys_open(&f.keys, f.ring, buf_span(&keys), BGV_MAX_LIMBS, NULL, NULL, NULL));
	free(slots);
	free(back);
	mem_free_aligned(m, 0);
	bgv_ct_free(&ct);
	buf_free(&bytes);
	buf_free(&answer);
	buf_free(&keys);
	fixture_close(&f);
}

static void secrets(void **state)
{
	(void)state;
	/* valgrind knows no AVX-512. */
	ring("portable");
	ring("avx2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(ternary), CASE(secrets)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What samples, keeps and uses secrets of TFHE, keys and sealing, in constant time. */
#include "constant_time.h"

#include "crypto/aead.h"
#include "crypto/random.h"
#include "crypto/sample.h"
#include "crypto/secret.h"
#include "integer/compact.h"
#include "integer/secret.h"
#include "keys/key_ring.h"
#include "keys/key_store_inside.h"
#include "tfhe/toy_params.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void noise(void **state)
{
	(void)state;
	enum { COUNT = 1000 };
	const struct noise_distribution kinds[] = {{.kind = NOISE_TUNIFORM, .bound_log2 = 17},
		{.kind = NOISE_TUNIFORM, .bound_log2 = 46},
		{.kind = NOISE_GAUSSIAN, .sigma = 2.845267479601915e-15},
		{.kind = NOISE_GAUSSIAN, .sigma = 2.046151696979124e-6}};
	for (size_t t = 0; t < 4; t++) {
		uint64_t samples[COUNT];
		OK(sample_noise(&kinds[t], samples, COUNT));
		publish(samples, sizeof(samples));
		unsigned differ = 0;
		for (size_t i = 1; i < COUNT; i++)
			differ += samples[i] != samples[0];
		assert_true(differ > COUNT / 2);
	}
}

static void key_bits(void **state)
{
	(void)state;
	uint8_t bits[1000];
	OK(sample_binary(bits, sizeof(bits)));
	publish(bits, sizeof(bits));
	unsigned ones = 0;
	for (size_t i = 0; i < sizeof(bits); i++)
		ones += bits[i];
	assert_true(ones > 350 && ones < 650);
}

/* Under memcheck a toy set is enough: the code is the same for every size. */
static struct key_ring *toy_ring(uint16_t params)
{
	struct key_ring *ring;
	OK(key_ring_new(&ring, tfhe_params_find_toy(params)));
	return ring;
}

static void tfhe_keys_and_encryption(uint16_t params)
{
	struct key_ring *ring = toy_ring(params);
	const struct tfhe_secret *s = key_ring_tfhe(ring);
	const struct tfhe_params *p = tfhe_secret_params(s);
	size_t n = tfhe_poly_size(p), words = tfhe_lwe_words(p);
	uint32_t *lwe = calloc(tfhe_lwe_stride(p), sizeof(*lwe)), value = 5u << tfhe_delta_log2(p);
	uint32_t phase;
	hide(&value, sizeof(value));
	OK(tfhe_encrypt_lwe(s, lwe, value));
	publish(lwe, words * sizeof(*lwe));
	OK(tfhe_phase_lwe(s, &phase, lwe));
	unsigned message = tfhe_decode(p, phase);
	publish(&message, sizeof(message));
	assert_int_equal(message, 5);
	free(lwe);

	uint32_t *values = calloc(n, sizeof(*values)), *phases = calloc(n, sizeof(*phases));
	uint32_t *glwe = aligned_alloc(64, (p->k + 1) * n * sizeof(*glwe));
	uint16_t *bodies = calloc(n, sizeof(*bodies));
	struct seed seed;
	for (size_t i = 0; i < n; i++)
		values[i] = (uint32_t)(i % 16) << tfhe_delta_log2(p);
	hide(values, n * sizeof(*values));
	OK(tfhe_encrypt_seeded(s, &seed, bodies, values, n));
	publish(bodies, n * sizeof(*bodies));
	struct seed_expander *e;
	OK(seed_expander_new(&e, &seed));
	for (unsigned k = 0; k < p->k; k++)
		OK(seed_expand_u32(e, k, glwe + k * n, n));
	seed_expander_free(e);
	for (size_t i = 0; i < n; i++)
		glwe[p->k * n + i] = (uint32_t)bodies[i] << 16;
	OK(tfhe_phase_glwe(s, phases, glwe));
	publish(phases, n * sizeof(*phases));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(tfhe_decode(p, phases[i]), i % 16);
	free(values);
	free(phases);
	free(glwe);
	free(bodies);
	key_ring_free(ring);
}

static void evaluation_keys(uint16_t params)
{
	struct key_ring *ring = toy_ring(params);
	struct buf key = {0};
	OK(tfhe_evaluation_key_generate(key_ring_tfhe(ring), NULL, NULL, NULL, &key));
	assert_true(key.size > 1000);
	buf_free(&key);
	key_ring_free(ring);
}

/* What the owner publishes, and what a writer does with its own secrets. */
static void public_keys(uint16_t params)
{
	enum { ROWS = 3 };
	struct key_ring *ring = toy_ring(params);
	const struct tfhe_secret *s = key_ring_tfhe(ring);
	const struct tfhe_params *p = tfhe_secret_params(s);
	struct buf file = {0}, list = {0};
	struct tfhe_public_key *key;
	struct compact_list parsed;
	uint64_t values[ROWS] = {200, 0, 77};
	hide(values, sizeof(values));
	OK(tfhe_public_key_generate(s, &file));
	publish(file.data, file.size);
	OK(tfhe_public_key_get(&key, buf_span(&file)));
	OK(int_compact_encrypt(key, &list, INT_U8, values, ROWS));
	publish(list.data + COMPACT_HEAD_BYTES, list.size - COMPACT_HEAD_BYTES);
	publish_if_marked(values, sizeof(values));
	OK(int_compact_get(&parsed, buf_span(&list), p));
	uint32_t *glwe = aligned_alloc(64, tfhe_glwe_words(p) * sizeof(*glwe));
	uint32_t *phases = calloc(tfhe_poly_size(p), sizeof(*phases));
	tfhe_compact_expand(p, glwe, parsed.ciphertexts, ROWS * parsed.blocks);
	OK(tfhe_phase_glwe(s, phases, glwe));
	publish(phases, tfhe_poly_size(p) * sizeof(*phases));
	/* A toy key's noise is not small against a message: what counts is that it ran. */
	for (size_t i = 0; i < ROWS * parsed.blocks; i++) {
		uint32_t digit = (uint32_t)(values[i / 4] >> (2 * (i % 4))) & 3;
		int32_t error = (int32_t)(phases[i] - (digit << tfhe_delta_log2(p)));
		assert_true(error < 1 << 24 && error > -(1 << 24));
	}
	free(glwe);
	free(phases);
	tfhe_public_key_free(key);
	buf_free(&file);
	buf_free(&list);
	key_ring_free(ring);
}

static void rotation_keys(uint16_t params)
{
	struct key_ring *old = toy_ring(params), *new = toy_ring(params);
	struct buf key = {0};
	OK(tfhe_rotation_key_generate(key_ring_tfhe(old), key_ring_tfhe(new), &key));
	publish(key.data, key.size);
	buf_free(&key);
	key_ring_free(old);
	key_ring_free(new);
}

static void key_export_and_import(uint16_t params)
{
	struct key_ring *ring = toy_ring(params), *back;
	uint8_t *sections;
	size_t size, header = 8 + AEAD_KEY_BYTES + 8 + 2 + KEY_ID_BYTES;
	OK(key_ring_pack(ring, &sections, &size));
	publish(sections, header);
	hide(sections + 8, AEAD_KEY_BYTES);
	OK(key_ring_unpack(&back, span_of(sections, size)));
	bool same = secret_equal(key_ring_id(ring), key_ring_id(back), KEY_ID_BYTES);
	publish(&same, sizeof(same));
	assert_true(same);
	secret_free(sections);
	key_ring_free(ring);
	key_ring_free(back);
}

/* As a key store keeps rings: sealing them. Unsealing is aead_open and key_ring_unpack, for which see
 * above and below: what a sealed text has of lengths and tags is known, which memcheck cannot know. */
static void stored_keys(uint16_t params)
{
	static const uint8_t store[KEY_ID_BYTES] = {7};
	struct key_ring *ring = toy_ring(params), *back;
	uint8_t key[AEAD_KEY_BYTES];
	struct buf file = {0};
	OK(random_bytes(key, sizeof(key)));
	OK(stored_key_put(&file, key, store, ring, 1));
	publish(file.data, file.size);
	(void)VALGRIND_MAKE_MEM_DEFINED(key, sizeof(key));
	OK(stored_key_get(&back, key, store, buf_span(&file)));
	buf_free(&file);
	key_ring_free(ring);
	key_ring_free(back);
}

static void integers(uint16_t params)
{
	enum { ROWS = 3 };
	struct key_ring *ring = toy_ring(params);
	const struct tfhe_secret *s = key_ring_tfhe(ring);
	const enum int_type types[] = {INT_BOOL, INT_U8, INT_I16, INT_U64};
	const uint64_t in[] = {1, 200, (uint64_t)-12345, 0xfedcba9876543210};
	for (size_t t = 0; t < 4; t++) {
		struct int_column column = {0};
		uint64_t values[ROWS] = {in[t], 0, in[t]}, out[ROWS];
		hide(values, sizeof(values));
		OK(int_encrypt(s, &column, types[t], values, ROWS));
		for (unsigned b = 0; b < column.blocks; b++)
			publish(column.block[b].lwe, ROWS * column.stride * sizeof(uint32_t));
		OK(int_decrypt(s, &column, out));
		publish(out, sizeof(out));
		assert_true(out[0] == in[t] && out[1] == 0 && out[2] == in[t]);
		int_column_free(&column);
	}
	key_ring_free(ring);
}

static void secret_keys(void **state)
{
	(void)state;
	const uint16_t sets[] = {TOY_PARAMS, TOY_PARAMS_GAUSSIAN};
	/* valgrind knows no AVX-512. */
	const char *const kernels[] = {"portable", "avx2"};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(setenv("AMT_ISA", kernels[i / 2], 1), 0);
		tfhe_keys_and_encryption(sets[i % 2]);
		integers(sets[i % 2]);
		evaluation_keys(sets[i % 2]);
		public_keys(sets[i % 2]);
		rotation_keys(sets[i % 2]);
		stored_keys(sets[i % 2]);
		key_export_and_import(sets[i % 2]);
	}
}

/* That a tag or a code is right is published; tools/ct.supp lists those branches. */
static void sealing_and_subkeys(void **state)
{
	(void)state;
	uint8_t master[32], key[32], plain[100], sealed[100 + AEAD_EXTRA_BYTES], opened[100];
	uint8_t mac[MAC_BYTES];
	OK(random_bytes(master, sizeof(master)));
	OK(random_bytes(plain, sizeof(plain)));
	struct span text = span_of(plain, sizeof(plain)), place = span_str("row 7");
	OK(subkey_derive(master, SUBKEY_PAYLOAD, span_str("t"), span_of(NULL, 0), key));
	OK(aead_seal(key, place, text, sealed));
	publish(sealed, sizeof(sealed));
	OK(aead_open(key, place, span_of(sealed, sizeof(sealed)), opened));
	OK(mac_compute(key, place, text, mac));
	publish(mac, sizeof(mac));
	OK(mac_check(key, place, span_of(opened, sizeof(opened)), mac));
	sealed[50] ^= 1;
	FAILS(AMT_INTEGRITY, aead_open(key, place, span_of(sealed, sizeof(sealed)), opened));
}

/* The check must see leaks, or its silence means nothing. */
static volatile unsigned sink;

static void branch_on(const uint8_t *secret)
{
	if (secret[0] & 1)
		sink = 1;
}

static void index_by(const uint8_t *secret)
{
	static const volatile uint8_t table[256] = {1};
	sink = table[secret[0]];
}

static void reject_until_small(const uint8_t *secret)
{
	unsigned i = 0;
	while (i < 15 && secret[i] > 100)
		i++;
	sink = i;
}

static void planted_leaks_are_seen(void **state)
{
	(void)state;
	void (*const leaks[])(const uint8_t *) = {branch_on, index_by, reject_until_small};
	for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			uint8_t secret[16];
			if (!amt_ok(random_bytes(secret, sizeof(secret))))
				_exit(1);
			leaks[i](secret);
			/* With --error-exitcode valgrind puts its own status here. */
			_exit(VALGRIND_COUNT_ERRORS != errors_before ? 99 : 0);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), RUNNING_ON_VALGRIND ? 99 : 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(planted_leaks_are_seen),
		CASE(noise),
		CASE(key_bits),
		CASE(secret_keys),
		CASE(sealing_and_subkeys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

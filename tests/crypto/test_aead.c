/* Sealing, MACs and subkeys: known answers from other implementations, and every kind of change. */
#include "testing.h"

#include "base/alloc.h"
#include "crypto/aead.h"
#include "crypto/random.h"

static void unhex(uint8_t *out, const char *hex)
{
	for (size_t i = 0; hex[2 * i] != 0; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
}

/* draft-irtf-cfrg-xchacha-03, A.3.1. */
static void opens_the_published_vector(void **state)
{
	(void)state;
	const char *plain = "Ladies and Gentlemen of the class of '99: If I could offer you only "
			    "one tip for the future, sunscreen would be it.";
	uint8_t key[32], associated[12], sealed[24 + 114 + 16], out[114];
	assert_int_equal(strlen(plain), sizeof(out));
	for (unsigned i = 0; i < 32; i++)
		key[i] = (uint8_t)(0x80 + i);
	for (unsigned i = 0; i < 24; i++)
		sealed[i] = (uint8_t)(0x40 + i);
	unhex(associated, "50515253c0c1c2c3c4c5c6c7");
	unhex(sealed + 24, "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f"
			   "1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5"
			   "d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da976"
			   "8812f615c68b13b52ec0875924c1c7987947deafd8780acf49");
	OK(aead_open(key, span_of(associated, 12), span_of(sealed, sizeof(sealed)), out));
	assert_memory_equal(out, plain, sizeof(out));
}

static void seals_and_opens_every_size(void **state)
{
	(void)state;
	uint8_t key[32], plain[300], opened[300];
	OK(random_bytes(key, sizeof(key)));
	OK(random_bytes(plain, sizeof(plain)));
	struct buf sealed = {0};
	for (size_t size = 0; size <= sizeof(plain); size++) {
		buf_clear(&sealed);
		OK(buf_put(&sealed, "front", 5));
		OK(aead_seal_put(key, span_of(plain, size / 3), span_of(plain, size), &sealed));
		assert_int_equal(sealed.size, 5 + size + AEAD_EXTRA_BYTES);
		OK(aead_open(key, span_of(plain, size / 3),
			span_of(sealed.data + 5, sealed.size - 5), opened));
		assert_memory_equal(opened, plain, size);
	}
	buf_free(&sealed);
}

static void any_change_is_found(void **state)
{
	(void)state;
	uint8_t key[32] = {1}, other[32] = {2}, sealed[20 + AEAD_EXTRA_BYTES], out[21];
	struct span associated = span_str("db/loans/7"), plain = span_str("twenty bytes of text");
	OK(aead_seal(key, associated, plain, sealed));
	OK(aead_open(key, associated, span_of(sealed, sizeof(sealed)), out));
	for (size_t bit = 0; bit < 8 * sizeof(sealed); bit++) {
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
		memset(out, 1, sizeof(out));
		FAILS(AMT_INTEGRITY,
			aead_open(key, associated, span_of(sealed, sizeof(sealed)), out));
		for (size_t i = 0; i < 20; i++)
			assert_int_equal(out[i], 0);
		sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t cut = 0; cut < sizeof(sealed); cut++)
		FAILS(cut < AEAD_EXTRA_BYTES ? AMT_TRUNCATED : AMT_INTEGRITY,
			aead_open(key, associated, span_of(sealed, cut), out));
	FAILS(AMT_INTEGRITY, aead_open(other, associated, span_of(sealed, sizeof(sealed)), out));
	FAILS(AMT_INTEGRITY,
		aead_open(key, span_str("db/loans/8"), span_of(sealed, sizeof(sealed)), out));
	FAILS(AMT_INTEGRITY,
		aead_open(key, span_of(NULL, 0), span_of(sealed, sizeof(sealed)), out));
	OK(aead_open(key, associated, span_of(sealed, sizeof(sealed)), out));
}

static void nonces_do_not_repeat(void **state)
{
	(void)state;
	enum { COUNT = 2000 };
	static uint8_t sealed[COUNT][AEAD_EXTRA_BYTES];
	uint8_t key[32] = {0};
	for (size_t i = 0; i < COUNT; i++)
		OK(aead_seal(key, span_of(NULL, 0), span_of(NULL, 0), sealed[i]));
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = i + 1; j < COUNT; j++)
			assert_true(memcmp(sealed[i], sealed[j], AEAD_NONCE_BYTES) != 0);
}

/* Answers from Python's hashlib.blake2b, another implementation. */
static void macs_and_subkeys_are_as_written(void **state)
{
	(void)state;
	uint8_t master[32], want[32], got[32];
	for (unsigned i = 0; i < 32; i++)
		master[i] = (uint8_t)i;
	unhex(want, "c4cc84e6d0341343efe9643a54b0015cf326e340cc6aa3e409d4ee3513c81de2");
	OK(subkey_derive(master, SUBKEY_PAYLOAD, span_str("loans"), span_of(NULL, 0), got));
	assert_memory_equal(got, want, 32);
	unhex(want, "e847f6ac8fe6d0623335af18aa18bdd9b6e87e7cbb324a9e405de39e3ec5063d");
	OK(subkey_derive(master, SUBKEY_EQUALITY_TAG, span_str("loans"), span_str("grade"), got));
	assert_memory_equal(got, want, 32);
	unhex(want, "97a9edba8c589517800e2496b91cc3b8f0c91a21f3b4b7673aed7de7dcdb9aa0");
	OK(mac_compute(master, span_str("page 7"), span_str("content"), got));
	assert_memory_equal(got, want, 32);
	OK(mac_check(master, span_str("page 7"), span_str("content"), got));
	FAILS(AMT_INTEGRITY, mac_check(master, span_str("page 7c"), span_str("ontent"), got));
	FAILS(AMT_INTEGRITY, mac_check(master, span_str("page 8"), span_str("content"), got));
	for (size_t bit = 0; bit < 256; bit++) {
		got[bit / 8] ^= (uint8_t)(1u << bit % 8);
		FAILS(AMT_INTEGRITY,
			mac_check(master, span_str("page 7"), span_str("content"), got));
		got[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* The hash is that of `openssl mac -cipher AES-256-GCM GMAC`, over all of the data at once. */
static void long_data_are_hashed_first(void **state)
{
	(void)state;
	enum { SIZE = 1500000 };
	uint8_t key[32], want[32], got[32], *data;
	for (unsigned i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
	OK(mem_alloc(&data, SIZE));
	for (unsigned i = 0; i < SIZE; i++)
		data[i] = (uint8_t)(7 * i + i / 256);
	unhex(want, "eb979a076a69d607d726bc10ff1e55f4b3d34ddc223141f854e8c52ae424cbea");
	OK(mac_compute_long(key, span_str("page 7"), span_of(data, SIZE), got));
	assert_memory_equal(got, want, 32);
	OK(mac_check_long(key, span_str("page 7"), span_of(data, SIZE), got));
	FAILS(AMT_INTEGRITY, mac_check_long(key, span_str("page 8"), span_of(data, SIZE), got));
	FAILS(AMT_INTEGRITY, mac_check_long(key, span_str("page 7"), span_of(data, SIZE - 1), got));
	for (size_t i = 0; i < SIZE; i += i < 64 || i > SIZE - 64 ? 1 : 9973) {
		data[i] ^= 1;
		FAILS(AMT_INTEGRITY,
			mac_check_long(key, span_str("page 7"), span_of(data, SIZE), got));
		data[i] ^= 1;
	}
	got[31] ^= 128;
	FAILS(AMT_INTEGRITY, mac_check_long(key, span_str("page 7"), span_of(data, SIZE), got));
	mem_free(data);
}

static void subkeys_are_separate(void **state)
{
	(void)state;
	struct {
		enum subkey_purpose purpose;
		const char *table, *column;
	} uses[] = {
		{SUBKEY_PAYLOAD, "ab", ""},
		{SUBKEY_PAYLOAD, "a", ""},
		{SUBKEY_PAYLOAD, "", ""},
		{SUBKEY_OWNER_STATE, "ab", ""},
		{SUBKEY_OWNER_STATE, "", ""},
		{SUBKEY_ORIGINAL_MAC, "ab", ""},
		{SUBKEY_EQUALITY_TAG, "ab", "c"},
		{SUBKEY_EQUALITY_TAG, "a", "bc"},
		{SUBKEY_EQUALITY_TAG, "", "abc"},
		{SUBKEY_EQUALITY_TAG, "ab", "d"},
	};
	enum { USES = sizeof(uses) / sizeof(uses[0]) };
	uint8_t master[2][32] = {{1}, {2}}, keys[2 * USES][32];
	for (size_t i = 0; i < 2 * USES; i++)
		OK(subkey_derive(master[i / USES], uses[i % USES].purpose,
			span_str(uses[i % USES].table), span_str(uses[i % USES].column), keys[i]));
	for (size_t i = 0; i < 2 * USES; i++)
		for (size_t j = i + 1; j < 2 * USES; j++)
			assert_true(memcmp(keys[i], keys[j], 32) != 0);
	FAILS(AMT_INVALID_ARGUMENT,
		subkey_derive(master[0], SUBKEY_PAYLOAD, span_str("t"), span_str("c"), keys[0]));
	FAILS(AMT_INVALID_ARGUMENT, subkey_derive(master[0], SUBKEY_EQUALITY_TAG, span_str("t"),
					    span_of(NULL, 0), keys[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_the_published_vector),
		cmocka_unit_test(seals_and_opens_every_size),
		cmocka_unit_test(any_change_is_found),
		cmocka_unit_test(nonces_do_not_repeat),
		cmocka_unit_test(macs_and_subkeys_are_as_written),
		cmocka_unit_test(long_data_are_hashed_first),
		cmocka_unit_test(subkeys_are_separate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Seed expansion against NIST's AES-128-CTR vectors and its own written format. */
#include "testing.h"

#include "crypto/random.h"
#include "crypto/seed.h"
#include "os/clock.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>

static void unhex(uint8_t *out, const char *hex)
{
	for (size_t i = 0; hex[2 * i] != 0; i++) {
		unsigned byte;
		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
}

/* NIST SP 800-38A, F.5.1: the cipher and its big-endian counter are what the format names. */
static void libcrypto_gives_the_nist_key_stream(void **state)
{
	(void)state;
	uint8_t key[16], counter[16], plain[64], cipher[64], made[64];
	unhex(key, "2b7e151628aed2a6abf7158809cf4f3c");
	unhex(counter, "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
	unhex(plain, "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
		     "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710");
	unhex(cipher, "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff"
		      "5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee");
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	int size;
	assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_ctr(), NULL, key, counter), 1);
	assert_int_equal(EVP_EncryptUpdate(c, made, &size, plain, sizeof(plain)), 1);
	EVP_CIPHER_CTX_free(c);
	assert_memory_equal(made, cipher, sizeof(cipher));
}

/* Key stream word by word from AES-128 of single blocks (ECB): independent of any CTR code. */
static void reference(uint8_t *out, size_t blocks, const struct seed *s, uint64_t stream)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	assert_int_equal(EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, s->bytes, NULL), 1);
	for (uint64_t i = 0; i < blocks; i++) {
		uint8_t block[16];
		for (unsigned j = 0; j < 8; j++) {
			block[j] = (uint8_t)(stream >> 8 * j);
			block[15 - j] = (uint8_t)(i >> 8 * j);
		}
		int size;
		assert_int_equal(EVP_EncryptUpdate(c, out + 16 * i, &size, block, 16), 1);
	}
	EVP_CIPHER_CTX_free(c);
}

static void streams_are_as_written(void **state)
{
	(void)state;
	enum { BLOCKS = 2600 }; /* beyond one piece and beyond an 8-bit carry */
	static uint8_t want[16 * BLOCKS], got[16 * BLOCKS];
	struct seed s;
	OK(seed_new(&s));
	struct seed_expander *e;
	OK(seed_expander_new(&e, &s));
	const uint64_t streams[] = {0, 1, 0xff, 0x0123456789abcdef, UINT64_MAX};
	for (size_t i = 0; i < 5; i++) {
		reference(want, BLOCKS, &s, streams[i]);
		OK(seed_expand_u64(e, streams[i], (uint64_t *)got, sizeof(got) / 8));
		assert_memory_equal(got, want, sizeof(want));
		const size_t counts[] = {0, 1, 3, 7, 1000, 4097, 10001};
		for (size_t j = 0; j < 7; j++) {
			memset(got, 0x77, sizeof(got));
			OK(seed_expand_u32(e, streams[i], (uint32_t *)got, counts[j]));
			assert_memory_equal(got, want, 4 * counts[j]);
			assert_int_equal(got[4 * counts[j]], 0x77);
		}
	}
	seed_expander_free(e);
	seed_expander_free(NULL);
}

/* Frozen: what seed 00 01 .. 0f gives. Changing it breaks every stored ciphertext. */
static void known_answer(void **state)
{
	(void)state;
	struct seed s;
	for (unsigned i = 0; i < 16; i++)
		s.bytes[i] = (uint8_t)i;
	struct seed_expander *e;
	OK(seed_expander_new(&e, &s));
	uint64_t words[2];
	OK(seed_expand_u64(e, 0, words, 2));
	/* AES-128 of the zero block under 000102..0f. */
	uint8_t want[16];
	unhex(want, "c6a13b37878f5b826f4f8162a1c8d879");
	assert_memory_equal(words, want, 16);
	/* Blocks 0 and 1 of a stream whose number shows its byte order. */
	uint8_t two_blocks[32];
	unhex(two_blocks, "b61b9091935d3ee92634dcd8347796636b53a031bb9802f8718cf48f2637595d");
	uint32_t narrow[8];
	OK(seed_expand_u32(e, 0x7766554433221100, narrow, 8));
	assert_memory_equal(narrow, two_blocks, 32);
	seed_expander_free(e);
}

/* An expander that libcrypto serves. */
static struct seed_expander *plain_expander(const struct seed *s)
{
	struct seed_expander *e;
	const char *isa = getenv("AMT_ISA");
	char *old = isa == NULL ? NULL : strdup(isa);
	assert_int_equal(setenv("AMT_ISA", "portable", 1), 0);
	OK(seed_expander_new(&e, s));
	assert_int_equal(old == NULL ? unsetenv("AMT_ISA") : setenv("AMT_ISA", old, 1), 0);
	free(old);
	return e;
}

/* Vector code and libcrypto agree: streams, offsets and lengths at random, odd ones too. */
static void instruction_sets_agree(void **state)
{
	(void)state;
	enum { MOST = 700, RUNS = 3000 };
	static uint64_t want[MOST + 1], got[MOST + 1];
	struct seed s;
	for (unsigned run = 0; run < RUNS; run++) {
		uint64_t r[4];
		OK(random_bytes(r, sizeof(r)));
		OK(seed_new(&s));
		struct seed_expander *vector, *plain = plain_expander(&s);
		OK(seed_expander_new(&vector, &s));
		size_t count = r[0] % (run % 2 == 0 ? 40 : MOST);
		uint64_t first = r[1] >> r[2] % 64;
		memset(want, 0x77, sizeof(want));
		memset(got, 0x77, sizeof(got));
		OK(seed_expand_u64_from(plain, r[3], first, want, count));
		OK(seed_expand_u64_from(vector, r[3], first, got, count));
		assert_memory_equal(got, want, sizeof(want));
		OK(seed_expand_u32(plain, r[3], (uint32_t *)want, count));
		OK(seed_expand_u32(vector, r[3], (uint32_t *)got, count));
		assert_memory_equal(got, want, sizeof(want));
		seed_expander_free(plain);
		seed_expander_free(vector);
	}
}

static void seeds_differ(void **state)
{
	(void)state;
	enum { COUNT = 4096 };
	static struct seed seeds[COUNT];
	for (size_t i = 0; i < COUNT; i++)
		OK(seed_new(&seeds[i]));
	for (size_t i = 0; i < COUNT; i++)
		for (size_t j = i + 1; j < COUNT; j++)
			assert_true(memcmp(&seeds[i], &seeds[j], 16) != 0);
}

static void speed(void **state)
{
	(void)state;
	enum { COUNT = 1 << 20, SHORT = 2048 };
	uint32_t *out = malloc(COUNT * sizeof(*out));
	struct seed seed = {0};
	struct seed_expander *e;
	OK(seed_expander_new(&e, &seed));
	double whole = INFINITY, parts = INFINITY;
	for (unsigned i = 0; i < 20; i++) {
		double start = (double)clock_thread_cpu_ns();
		OK(seed_expand_u32(e, i, out, COUNT));
		double middle = (double)clock_thread_cpu_ns();
		for (size_t j = 0; j < COUNT; j += SHORT)
			OK(seed_expand_u32(e, j, out + j, SHORT));
		double end = (double)clock_thread_cpu_ns();
		whole = middle - start < whole ? middle - start : whole;
		parts = end - middle < parts ? end - middle : parts;
	}
	double bytes = COUNT * sizeof(*out);
	print_message(
		"one stream %.2f GB/s, streams of 8 KiB %.2f GB/s\n", bytes / whole, bytes / parts);
	if (!light())
		assert_true(bytes / whole > 1);
	seed_expander_free(e);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(libcrypto_gives_the_nist_key_stream),
		cmocka_unit_test(streams_are_as_written),
		cmocka_unit_test(known_answer),
		cmocka_unit_test(instruction_sets_agree),
		cmocka_unit_test(seeds_differ),
		cmocka_unit_test(speed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

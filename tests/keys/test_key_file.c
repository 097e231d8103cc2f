/* Key files: what comes back, what every kind of damage is called, and what the disk holds. */
#include "testing.h"

#include "crypto/secret.h"
#include "keys/golden.h"
#include "keys/key_file_inside.h"
#include "crypto/wire.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

/* The least that Argon2id accepts: for volume. */
static const struct key_cost cheap = {1, 8192};

static struct key_ring *new_ring(void)
{
	struct key_ring *ring;
	OK(key_ring_new(&ring, tfhe_params_find(TFHE_DEFAULT_PARAMS)));
	return ring;
}

static void expect_same(const struct key_ring *a, const struct key_ring *b)
{
	uint8_t *pa, *pb;
	size_t sa, sb;
	OK(key_ring_pack(a, &pa, &sa));
	OK(key_ring_pack(b, &pb, &sb));
	assert_int_equal(sa, sb);
	assert_true(memcmp(pa, pb, sa) == 0);
	assert_memory_equal(key_ring_id(a), key_ring_id(b), KEY_ID_BYTES);
	secret_free(pa);
	secret_free(pb);
}

static void a_ring_comes_back(void **state)
{
	(void)state;
	struct key_ring *ring = new_ring(), *back;
	struct buf file = {0};
	OK(key_file_encode(&file, ring, span_str("correct horse"), cheap));
	OK(key_file_decode(&back, buf_span(&file), span_str("correct horse")));
	expect_same(ring, back);
	uint8_t before[32], after[32];
	OK(key_ring_subkey(ring, SUBKEY_PAYLOAD, span_str("db/t"), span_of(NULL, 0), before));
	OK(key_ring_subkey(back, SUBKEY_PAYLOAD, span_str("db/t"), span_of(NULL, 0), after));
	assert_memory_equal(before, after, 32);
	uint32_t *lwe =
		calloc(tfhe_lwe_stride(tfhe_secret_params(key_ring_tfhe(ring))), sizeof(*lwe));
	uint32_t phase;
	OK(tfhe_encrypt_lwe(key_ring_tfhe(ring), lwe, 7u << 27));
	OK(tfhe_phase_lwe(key_ring_tfhe(back), &phase, lwe));
	assert_int_equal(tfhe_decode(tfhe_secret_params(key_ring_tfhe(back)), phase), 7);
	free(lwe);
	key_ring_free(back);

	/* Two rings differ, and so do two files of one ring from the salt on. */
	struct key_ring *other = new_ring();
	assert_memory_not_equal(key_ring_id(ring), key_ring_id(other), KEY_ID_BYTES);
	OK(key_ring_subkey(other, SUBKEY_PAYLOAD, span_str("db/t"), span_of(NULL, 0), after));
	assert_memory_not_equal(before, after, 32);
	struct buf second = {0};
	OK(key_file_encode(&second, ring, span_str("correct horse"), cheap));
	assert_int_equal(second.size, file.size);
	for (size_t at = WIRE_HEADER_BYTES + 16; at + 16 <= file.size; at += 16)
		assert_memory_not_equal(file.data + at, second.data + at, 16);
	buf_free(&file);
	buf_free(&second);
	key_ring_free(ring);
	key_ring_free(other);
	key_ring_free(NULL);
}

static void the_released_format_still_opens(void **state)
{
	(void)state;
	struct key_ring *ring;
	uint8_t subkey[32];
	OK(key_file_decode(
		&ring, span_of(golden_file, sizeof(golden_file)), span_str("a known passphrase")));
	OK(key_ring_subkey(ring, SUBKEY_PAYLOAD, span_str("golden"), span_of(NULL, 0), subkey));
	assert_memory_equal(subkey, golden_subkey, 32);
	assert_memory_equal(key_ring_id(ring), golden_file + 16, KEY_ID_BYTES);
	key_ring_free(ring);
}

static void a_wrong_passphrase_is_called_that(void **state)
{
	(void)state;
	struct key_ring *ring = new_ring(), *back;
	struct buf file = {0};
	OK(key_file_encode(&file, ring, span_str("correct horse"), cheap));
	const char *const wrong[] = {"Correct horse", "correct hors", "correct horse ", "x"};
	for (size_t i = 0; i < 4; i++)
		FAILS(AMT_WRONG_PASSPHRASE,
			key_file_decode(&back, buf_span(&file), span_str(wrong[i])));
	FAILS(AMT_INVALID_ARGUMENT, key_file_decode(&back, buf_span(&file), span_str("")));
	FAILS(AMT_INVALID_ARGUMENT, key_file_encode(&file, ring, span_str(""), cheap));
	buf_free(&file);
	key_ring_free(ring);
}

/* Every flipped bit and every cut is damage, found before the passphrase is tried. */
static void damage_is_called_damage(void **state)
{
	(void)state;
	struct key_ring *ring = new_ring(), *back;
	struct buf file = {0};
	OK(key_file_encode(&file, ring, span_str("correct horse"), cheap));
	for (size_t bit = 0; bit < 8 * file.size; bit++) {
		file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		FAILS(AMT_CORRUPTION,
			key_file_decode(&back, buf_span(&file), span_str("correct horse")));
		file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t size = 0; size < file.size; size++)
		FAILS(AMT_TRUNCATED, key_file_decode(&back, span_of(file.data, size),
					     span_str("correct horse")));
	OK(buf_put_u8(&file, 0));
	FAILS(AMT_CORRUPTION, key_file_decode(&back, buf_span(&file), span_str("correct horse")));
	buf_free(&file);
	key_ring_free(ring);
}

/* Makes the checksums of the header right again: what an attacker would do. */
static void forge_sums(struct buf *file)
{
	store_u64(file->data + 40,
		XXH3_64bits(file->data + WIRE_HEADER_BYTES, file->size - WIRE_HEADER_BYTES));
	store_u64(file->data + 56, XXH3_64bits(file->data, 56));
}

static amt_code code_of_forgery(struct buf *file, size_t byte, uint8_t change)
{
	struct key_ring *back;
	file->data[byte] ^= change;
	forge_sums(file);
	amt_status st = key_file_decode(&back, buf_span(file), span_str("correct horse"));
	amt_code code = amt_status_code(st);
	amt_status_clear(&st);
	file->data[byte] ^= change;
	forge_sums(file);
	return code;
}

static void forgery_with_right_sums_is_found(void **state)
{
	(void)state;
	struct key_ring *ring = new_ring();
	struct buf file = {0};
	OK(key_file_encode(&file, ring, span_str("correct horse"), cheap));
	const size_t content = WIRE_HEADER_BYTES;
	/* Readable fields: parameter set, key id, creation time are associated data. */
	assert_int_equal(code_of_forgery(&file, 12, 1), AMT_INTEGRITY);
	for (size_t at = 16; at < 32; at++)
		assert_int_equal(code_of_forgery(&file, at, 0x80), AMT_INTEGRITY);
	for (size_t at = 48; at < 56; at++)
		assert_int_equal(code_of_forgery(&file, at, 4), AMT_INTEGRITY);
	/* Cost and salt change the derived key; so does the check value its answer. */
	assert_int_equal(code_of_forgery(&file, content, 3), AMT_UNKNOWN_VERSION);
	assert_int_equal(code_of_forgery(&file, content + 4, 2), AMT_WRONG_PASSPHRASE);
	assert_int_equal(code_of_forgery(&file, content + 9, 0x40), AMT_WRONG_PASSPHRASE);
	for (size_t at = content + 16; at < content + 64; at++)
		assert_int_equal(code_of_forgery(&file, at, 1), AMT_WRONG_PASSPHRASE);
	for (size_t at = content + 64; at < file.size; at++)
		assert_int_equal(code_of_forgery(&file, at, 0x10), AMT_INTEGRITY);
	buf_free(&file);
	key_ring_free(ring);
}

static void hostile_cost_is_refused(void **state)
{
	(void)state;
	struct key_ring *ring = new_ring(), *back;
	struct buf file = {0};
	OK(key_file_encode(&file, ring, span_str("correct horse"), cheap));
	uint8_t *content = file.data + WIRE_HEADER_BYTES;
	const struct key_cost bad[] = {{1, 1ull << 40}, {1, UINT64_MAX}, {1, (2ull << 30) + 1},
		{17, 8192}, {UINT32_MAX, 8192}, {0, 8192}, {1, 8191}, {1, 0}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		store_u32(content + 4, bad[i].passes);
		store_u64(content + 8, bad[i].memory_bytes);
		forge_sums(&file);
		FAILS(AMT_LIMIT,
			key_file_decode(&back, buf_span(&file), span_str("correct horse")));
	}
	buf_free(&file);
	key_ring_free(ring);
}

/* Sections sealed by hand: unknown ones are passed over and kept; wrong ones have their error. */
static void sections_are_checked(void **state)
{
	(void)state;
	struct key_ring *ring = new_ring(), *back;
	uint8_t *sections;
	size_t size;
	OK(key_ring_pack(ring, &sections, &size));
	size_t master = 8 + AEAD_KEY_BYTES;
	struct span first = span_of(sections, master);
	struct span second = span_of(sections + master, size - master);
	struct buf b = {0};

	OK(buf_put_u32(&b, 77));
	OK(buf_put_span(&b, span_str("of a later program")));
	OK(buf_put(&b, second.data, second.size));
	OK(buf_put(&b, first.data, first.size));
	OK(key_ring_unpack(&back, buf_span(&b)));
	expect_same(ring, back);
	key_ring_free(back);

	FAILS(AMT_CORRUPTION, key_ring_unpack(&back, span_of(NULL, 0)));
	FAILS(AMT_CORRUPTION, key_ring_unpack(&back, first));
	FAILS(AMT_CORRUPTION, key_ring_unpack(&back, second));
	for (unsigned twice = 0; twice < 2; twice++) {
		struct span part = twice ? second : first;
		buf_clear(&b);
		OK(buf_put(&b, sections, size));
		OK(buf_put(&b, part.data, part.size));
		FAILS(AMT_CORRUPTION, key_ring_unpack(&back, buf_span(&b)));
	}
	for (size_t cut = 1; cut < size; cut++)
		if (cut != master) {
			amt_status st = key_ring_unpack(&back, span_of(sections, cut));
			assert_int_equal(amt_status_code(st), AMT_TRUNCATED);
			amt_status_clear(&st);
		}
	buf_clear(&b);
	OK(buf_put_u32(&b, KEY_SECTION_MASTER));
	OK(buf_put_span(&b, span_of(sections, 31)));
	OK(buf_put(&b, second.data, second.size));
	FAILS(AMT_CORRUPTION, key_ring_unpack(&back, buf_span(&b)));

	/* A file whose readable key id is not that of the keys inside. */
	struct key_file_info info = {.params = TFHE_DEFAULT_PARAMS};
	struct buf file = {0};
	OK(key_file_seal(&file, &info, span_of(sections, size), span_str("p"), cheap));
	FAILS(AMT_CORRUPTION, key_file_decode(&back, buf_span(&file), span_str("p")));
	buf_free(&file);
	buf_free(&b);
	secret_free(sections);
	key_ring_free(ring);
}

static void another_type_is_named(void **state)
{
	(void)state;
	struct buf file = {0};
	struct wire_header h = {.type = WIRE_EVALUATION_KEY};
	struct key_ring *back;
	OK(wire_put(&file, &h, span_str("a key of another kind")));
	FAILS(AMT_TYPE_MISMATCH, key_file_decode(&back, buf_span(&file), span_str("p")));
	buf_clear(&file);
	h.type = WIRE_KEY_FILE;
	OK(wire_put(&file, &h, span_str("too short")));
	FAILS(AMT_TRUNCATED, key_file_decode(&back, buf_span(&file), span_str("p")));
	buf_free(&file);
}

static double seconds(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The real cost, on the real disk. */
static void on_disk_with_the_real_cost(void **state)
{
	(void)state;
	char folder[] = "/tmp/amaters-keys-XXXXXX", path[64], temp[70];
	assert_non_null(mkdtemp(folder));
	(void)snprintf(path, sizeof(path), "%s/owner.key", folder);
	(void)snprintf(temp, sizeof(temp), "%s.tmp", path);
	struct io *io;
	OK(io_posix_new(&io));
	struct key_ring *ring = new_ring(), *other = new_ring(), *back;
	(void)umask(0);
	double start = seconds();
	OK(key_file_create(io, path, ring, span_str("first"), false));
	print_message("create with the real cost: %.2f s\n", seconds() - start);
	struct stat s;
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_not_equal(access(temp, F_OK), 0);

	struct key_file_info info;
	OK(key_file_inspect(io, path, &info));
	assert_true(info.kdf_memory_bytes >= 256u << 20);
	assert_true(info.kdf_passes >= 3);
	assert_int_equal(info.params, TFHE_DEFAULT_PARAMS);
	assert_memory_equal(info.key_id, key_ring_id(ring), KEY_ID_BYTES);

	FAILS(AMT_ALREADY_EXISTS, key_file_create(io, path, other, span_str("x"), false));
	OK(key_file_change_passphrase(io, path, span_str("first"), span_str("second")));
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	FAILS(AMT_WRONG_PASSPHRASE, key_file_open(io, path, span_str("first"), &back));
	OK(key_file_open(io, path, span_str("second"), &back));
	expect_same(ring, back);
	key_ring_free(back);
	FAILS(AMT_WRONG_PASSPHRASE,
		key_file_change_passphrase(io, path, span_str("first"), span_str("third")));

	if (!light()) {
		OK(key_file_create(io, path, other, span_str("third"), true));
		OK(key_file_open(io, path, span_str("third"), &back));
		expect_same(other, back);
		key_ring_free(back);
	}
	assert_int_equal(unlink(path), 0);
	FAILS(AMT_NOT_FOUND, key_file_open(io, path, span_str("first"), &back));
	FAILS(AMT_NOT_FOUND, key_file_inspect(io, path, &info));
	assert_int_equal(rmdir(folder), 0);
	key_ring_free(ring);
	key_ring_free(other);
	io_free(io);
}

/* Each allocation fails in turn: no crash, no leak, a right answer or an error. */
static void without_memory_it_fails_cleanly(void **state)
{
	(void)state;
	struct key_ring *ring = new_ring();
	bool done = false;
	for (size_t n = 1; !done; n++) {
		struct buf file = {0};
		struct key_ring *back = NULL;
		(void)mem_fail_nth(n);
		amt_status st = key_file_encode(&file, ring, span_str("p"), cheap);
		if (amt_ok(st))
			st = key_file_decode(&back, buf_span(&file), span_str("p"));
		done = mem_fail_nth(0) < n;
		if (amt_ok(st))
			expect_same(ring, back);
		else
			assert_int_equal(amt_status_code(st), AMT_OUT_OF_MEMORY);
		assert_true(done == amt_ok(st));
		amt_status_clear(&st);
		key_ring_free(back);
		buf_free(&file);
		assert_true(n < 100);
	}
	key_ring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ring_comes_back),
		cmocka_unit_test(the_released_format_still_opens),
		cmocka_unit_test(a_wrong_passphrase_is_called_that),
		cmocka_unit_test(damage_is_called_damage),
		cmocka_unit_test(forgery_with_right_sums_is_found),
		cmocka_unit_test(hostile_cost_is_refused),
		cmocka_unit_test(sections_are_checked),
		cmocka_unit_test(another_type_is_named),
		cmocka_unit_test(on_disk_with_the_real_cost),
		cmocka_unit_test(without_memory_it_fails_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

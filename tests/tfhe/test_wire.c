/* The wire header: known bytes, and one clear error for each kind of damage. */
#include "testing.h"

#include "crypto/wire.h"

#include <xxhash.h>

static const uint8_t key_id[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const char content_text[] = "forty-two";

static struct buf sample(void)
{
	struct buf b = {0};
	struct wire_header header = {
		.type = WIRE_QUERY, .params = 2, .created_us = 0x0102030405060708};
	memcpy(header.key_id, key_id, sizeof(key_id));
	OK(wire_put(&b, &header, span_str(content_text)));
	return b;
}

/* After a change of the header, makes its checksum right again. */
static void reseal(struct buf *b)
{
	store_u64(b->data + 56, XXH3_64bits(b->data, 56));
}

static amt_status get(const struct buf *b)
{
	struct wire_header header;
	struct span content;
	return wire_get(buf_span(b), WIRE_QUERY, &header, &content);
}

static void round_trip(void **state)
{
	(void)state;
	struct buf b = sample();
	struct wire_header header;
	struct span content;
	assert_int_equal(b.size, WIRE_HEADER_BYTES + strlen(content_text));
	OK(wire_get(buf_span(&b), WIRE_QUERY, &header, &content));
	assert_true(span_equal(content, span_str(content_text)));
	assert_ptr_equal(content.data, b.data + WIRE_HEADER_BYTES);
	assert_int_equal(header.type, WIRE_QUERY);
	assert_int_equal(header.params, 2);
	assert_memory_equal(header.key_id, key_id, 16);
	assert_true(header.created_us == 0x0102030405060708);
	buf_free(&b);
}

/* docs/formats.md, byte for byte: written once, read for ever. */
static void known_bytes(void **state)
{
	(void)state;
	static const uint8_t known[] = {'A', 'M', 'A', 'T', 'E', 'R', 'S', 0, 1, 0, 9, 0, 2, 0, 0,
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 9, 0, 0, 0, 0, 0, 0, 0,
		0x39, 0x85, 0xe8, 0x61, 0x97, 0x63, 0xc1, 0x99, 8, 7, 6, 5, 4, 3, 2, 1, 0x81, 0x2b,
		0xce, 0x10, 0x2b, 0xc8, 0xe9, 0x99, 'f', 'o', 'r', 't', 'y', '-', 't', 'w', 'o'};
	struct buf b = sample();
	assert_int_equal(b.size, sizeof(known));
	assert_memory_equal(b.data, known, sizeof(known));
	buf_free(&b);
}

static void cut_and_extended(void **state)
{
	(void)state;
	struct buf b = sample();
	size_t whole = b.size;
	for (b.size = 0; b.size < whole; b.size++)
		FAILS(AMT_TRUNCATED, get(&b));
	OK(buf_put_u8(&b, 0));
	OK(buf_put_u8(&b, 0));
	FAILS(AMT_CORRUPTION, get(&b));
	buf_free(&b);
}

static void every_flipped_bit(void **state)
{
	(void)state;
	struct buf b = sample();
	for (size_t bit = 0; bit < 8 * b.size; bit++) {
		b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		FAILS(AMT_CORRUPTION, get(&b));
		b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	OK(get(&b));
	buf_free(&b);
}

/* With good checksums: what the header says is looked at. */
static void meanings(void **state)
{
	(void)state;
	struct buf b = sample();
	struct wire_header header;
	struct span content;
	FAILS(AMT_TYPE_MISMATCH, wire_get(buf_span(&b), WIRE_ANSWER, &header, &content));
	b.data[8] = WIRE_VERSION + 1;
	reseal(&b);
	FAILS(AMT_UNKNOWN_VERSION, get(&b));
	b.data[8] = WIRE_VERSION;
	b.data[14] = 1;
	reseal(&b);
	FAILS(AMT_UNKNOWN_VERSION, get(&b));
	b.data[14] = 0;
	memset(b.data + 32, 0xff, 8); /* a length of 2^64 - 1 */
	reseal(&b);
	FAILS(AMT_TRUNCATED, get(&b));
	buf_free(&b);
}

static void expectations(void **state)
{
	(void)state;
	struct wire_header header = {.type = WIRE_GLWE, .params = 2};
	memcpy(header.key_id, key_id, sizeof(key_id));
	uint8_t other[16] = {0};
	OK(wire_expect(&header, key_id, 2));
	OK(wire_expect(&header, NULL, 2));
	OK(wire_expect(&header, key_id, 0));
	FAILS(AMT_WRONG_KEY, wire_expect(&header, other, 2));
	FAILS(AMT_FOREIGN_PARAMETERS, wire_expect(&header, key_id, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(known_bytes),
		cmocka_unit_test(cut_and_extended),
		cmocka_unit_test(every_flipped_bit),
		cmocka_unit_test(meanings),
		cmocka_unit_test(expectations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Schemas as bytes, and values between text and the integer that is encrypted. */
#include "testing.h"

#include "query/schema.h"

static struct column of(enum column_type type, unsigned precision, unsigned scale)
{
	return (struct column){.name = "x",
		.type = (uint8_t)type,
		.forms = FORM_PAYLOAD,
		.precision = (uint8_t)precision,
		.scale = (uint8_t)scale};
}

/* text -> bits -> printed. printed NULL: as text. */
static const struct {
	enum column_type type;
	unsigned precision, scale;
	const char *text;
	uint64_t bits;
	const char *printed;
} good[] = {
	{COLUMN_BOOL, 0, 0, "true", 1, "t"},
	{COLUMN_BOOL, 0, 0, " F ", 0, "f"},
	{COLUMN_BOOL, 0, 0, "of", 0, "f"},
	{COLUMN_BOOL, 0, 0, "yE", 1, "t"},
	{COLUMN_BOOL, 0, 0, "0", 0, "f"},
	{COLUMN_U8, 0, 0, "0", 0, NULL},
	{COLUMN_U8, 0, 0, "255", 255, NULL},
	{COLUMN_U8, 0, 0, " +007\n", 7, "7"},
	{COLUMN_U8, 0, 0, "-0", 0, "0"},
	{COLUMN_U16, 0, 0, "65535", 65535, NULL},
	{COLUMN_U32, 0, 0, "4294967295", UINT32_MAX, NULL},
	{COLUMN_U64, 0, 0, "18446744073709551615", UINT64_MAX, NULL},
	{COLUMN_I8, 0, 0, "-128", 0, NULL},
	{COLUMN_I8, 0, 0, "127", 255, NULL},
	{COLUMN_I8, 0, 0, "0", 128, NULL},
	{COLUMN_I16, 0, 0, "-32768", 0, NULL},
	{COLUMN_I16, 0, 0, "32767", 65535, NULL},
	{COLUMN_I32, 0, 0, "-2147483648", 0, NULL},
	{COLUMN_I32, 0, 0, "2147483647", UINT32_MAX, NULL},
	{COLUMN_I64, 0, 0, "-9223372036854775808", 0, NULL},
	{COLUMN_I64, 0, 0, "9223372036854775807", UINT64_MAX, NULL},
	{COLUMN_DECIMAL, 2, 0, "99", 227, NULL},
	{COLUMN_DECIMAL, 2, 2, "-0.99", 29, NULL},
	{COLUMN_DECIMAL, 4, 2, "-0.005", 0x7fff, "-0.01"},
	{COLUMN_DECIMAL, 4, 2, "0.0049999999999999999999", 0x8000, "0.00"},
	{COLUMN_DECIMAL, 6, 2, "3.145", 0x8000013b, "3.15"},
	{COLUMN_DECIMAL, 6, 2, "9999.99", 0x800f423f, NULL},
	{COLUMN_DECIMAL, 6, 2, "1e3", 0x800186a0, "1000.00"},
	{COLUMN_DECIMAL, 6, 2, ".5e-1", 0x80000005, "0.05"},
	{COLUMN_DECIMAL, 6, 2, "5.", 0x800001f4, "5.00"},
	{COLUMN_DECIMAL, 18, 0, "-999999999999999999",
		UINT64_C(0x8000000000000000) - 999999999999999999, NULL},
	{COLUMN_DECIMAL, 18, 18, "0.999999999999999999",
		UINT64_C(0x8000000000000000) + 999999999999999999, NULL},
	{COLUMN_DATE, 0, 0, "1970-01-01", 0x80000000, NULL},
	{COLUMN_DATE, 0, 0, "1969-12-31", 0x7fffffff, NULL},
	{COLUMN_DATE, 0, 0, "2000-02-29", 0x80000000 + 11016, NULL},
	{COLUMN_DATE, 0, 0, " 2024-2-9 ", 0x80000000 + 19762, "2024-02-09"},
	{COLUMN_DATE, 0, 0, "0001-01-01", 0x80000000 - 719162, NULL},
	{COLUMN_DATE, 0, 0, "0001-12-31 BC", 0x80000000 - 719163, NULL},
	{COLUMN_DATE, 0, 0, "0044-03-15 bc", 0x80000000 - 735160, "0044-03-15 BC"},
	{COLUMN_DATE, 0, 0, "5881580-07-11", UINT32_MAX, NULL},
	{COLUMN_DATE, 0, 0, "5877642-06-23 BC", 0, NULL},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 00:00:00", UINT64_C(0x8000000000000000), NULL},
	{COLUMN_TIMESTAMP, 0, 0, " 1970-1-1 ", UINT64_C(0x8000000000000000), "1970-01-01 00:00:00"},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01T00:01", UINT64_C(0x8000000000000000) + 60000000,
		"1970-01-01 00:01:00"},
	{COLUMN_TIMESTAMP, 0, 0, "1969-12-31 23:59:59.999999", UINT64_C(0x7fffffffffffffff), NULL},
	{COLUMN_TIMESTAMP, 0, 0, "1969-12-31 23:59:59.9999995", UINT64_C(0x8000000000000000),
		"1970-01-01 00:00:00"},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 24:00:00", UINT64_C(0x8000000000000000) + 86400000000,
		"1970-01-02 00:00:00"},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 00:00:00.0125", UINT64_C(0x8000000000000000) + 12500,
		NULL},
	{COLUMN_TIMESTAMP, 0, 0, "294247-01-10 04:00:54.775807", UINT64_MAX, NULL},
	{COLUMN_TIMESTAMP, 0, 0, "290309-12-21 19:59:05.224192 BC", 0, NULL},
};

static void values_are_read_and_printed(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct column c = of(good[i].type, good[i].precision, good[i].scale);
		struct value v;
		struct buf b = {0};
		OK(value_parse(&v, &c, span_str(good[i].text)));
		if (v.bits != good[i].bits)
			fail_msg("%s: %llx instead of %llx", good[i].text,
				(unsigned long long)v.bits, (unsigned long long)good[i].bits);
		OK(value_print(&b, &c, &v));
		OK(buf_put_u8(&b, 0));
		assert_string_equal(
			(char *)b.data, good[i].printed != NULL ? good[i].printed : good[i].text);
		buf_free(&b);
	}
}

static const struct {
	enum column_type type;
	unsigned precision, scale;
	const char *text;
	amt_code code;
} bad[] = {
	{COLUMN_BOOL, 0, 0, "", AMT_TYPE_MISMATCH},
	{COLUMN_BOOL, 0, 0, "o", AMT_TYPE_MISMATCH},
	{COLUMN_BOOL, 0, 0, "truer", AMT_TYPE_MISMATCH},
	{COLUMN_BOOL, 0, 0, "2", AMT_TYPE_MISMATCH},
	{COLUMN_U8, 0, 0, "", AMT_TYPE_MISMATCH},
	{COLUMN_U8, 0, 0, "-", AMT_TYPE_MISMATCH},
	{COLUMN_U8, 0, 0, "1.0", AMT_TYPE_MISMATCH},
	{COLUMN_U8, 0, 0, "1e2", AMT_TYPE_MISMATCH},
	{COLUMN_U8, 0, 0, "1 2", AMT_TYPE_MISMATCH},
	{COLUMN_U8, 0, 0, "0x10", AMT_TYPE_MISMATCH},
	{COLUMN_U8, 0, 0, "256", AMT_OUT_OF_RANGE},
	{COLUMN_U8, 0, 0, "-1", AMT_OUT_OF_RANGE},
	{COLUMN_U64, 0, 0, "18446744073709551616", AMT_OUT_OF_RANGE},
	{COLUMN_I8, 0, 0, "128", AMT_OUT_OF_RANGE},
	{COLUMN_I8, 0, 0, "-129", AMT_OUT_OF_RANGE},
	{COLUMN_I64, 0, 0, "9223372036854775808", AMT_OUT_OF_RANGE},
	{COLUMN_I64, 0, 0, "-9223372036854775809", AMT_OUT_OF_RANGE},
	{COLUMN_DECIMAL, 4, 2, "99.995", AMT_OUT_OF_RANGE},
	{COLUMN_DECIMAL, 4, 2, "100", AMT_OUT_OF_RANGE},
	{COLUMN_DECIMAL, 4, 2, "1e999999999999", AMT_OUT_OF_RANGE},
	{COLUMN_DECIMAL, 4, 2, "NaN", AMT_TYPE_MISMATCH},
	{COLUMN_DECIMAL, 4, 2, ".", AMT_TYPE_MISMATCH},
	{COLUMN_DECIMAL, 4, 2, "1e", AMT_TYPE_MISMATCH},
	{COLUMN_DECIMAL, 4, 2, "1.2.3", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "2023-02-29", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "1900-02-29", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "2023-13-01", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "2023-00-01", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "0000-01-01", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "20230101", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "2023-01-01x", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "infinity", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "", AMT_TYPE_MISMATCH},
	{COLUMN_DATE, 0, 0, "5881580-07-12", AMT_OUT_OF_RANGE},
	{COLUMN_DATE, 0, 0, "5877642-06-22 BC", AMT_OUT_OF_RANGE},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01T", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 1", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 1:", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 1:60", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 1:00:60", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 24:00:00.1", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 25:00:00", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 1:00:00.x", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1970-01-01 1:00:00+02", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "11970000000000-01-01", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "1:00:00", AMT_TYPE_MISMATCH},
	{COLUMN_TIMESTAMP, 0, 0, "294247-01-10 04:00:54.775808", AMT_OUT_OF_RANGE},
	{COLUMN_TIMESTAMP, 0, 0, "290309-12-21 19:59:05.224191 BC", AMT_OUT_OF_RANGE},
	{COLUMN_TEXT, 0, 0, "\xff", AMT_TYPE_MISMATCH},
	{COLUMN_TEXT, 0, 0, "\xc0\x80", AMT_TYPE_MISMATCH},
	{COLUMN_TEXT, 0, 0, "\xed\xa0\x80", AMT_TYPE_MISMATCH},
	{COLUMN_TEXT, 0, 0, "a\xe2\x82", AMT_TYPE_MISMATCH},
	{COLUMN_TEXT, 0, 0, "\xf4\x90\x80\x80", AMT_TYPE_MISMATCH},
};

static void bad_values_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct column c = of(bad[i].type, bad[i].precision, bad[i].scale);
		struct value v;
		amt_status s = value_parse(&v, &c, span_str(bad[i].text));
		if (amt_status_code(s) != bad[i].code)
			fail_msg("\"%s\": %s", bad[i].text, amt_code_name(amt_status_code(s)));
		assert_non_null(strstr(amt_status_message(s), "\"x\""));
		amt_status_clear(&s);
	}
	struct column text = of(COLUMN_TEXT, 0, 0);
	struct value v;
	FAILS(AMT_TYPE_MISMATCH, value_parse(&v, &text, span_of("a\0b", 3)));
	OK(value_parse(&v, &text, span_str("\xe2\x82\xac\xf0\x9f\x98\x80")));
	static char long_number[10001];
	memset(long_number, '9', 10000);
	struct column u64 = of(COLUMN_U64, 0, 0);
	FAILS(AMT_OUT_OF_RANGE, value_parse(&v, &u64, span_str(long_number)));
	memset(long_number, '0', 9999);
	OK(value_parse(&v, &u64, span_str(long_number)));
	assert_int_equal(v.bits, 9);
}

/* Every arith form prints to text that reads back, and orders like the value. */
static void arith_forms_round_trip(void **state)
{
	(void)state;
	const struct column columns[] = {of(COLUMN_BOOL, 0, 0), of(COLUMN_U8, 0, 0),
		of(COLUMN_U16, 0, 0), of(COLUMN_U32, 0, 0), of(COLUMN_U64, 0, 0),
		of(COLUMN_I8, 0, 0), of(COLUMN_I16, 0, 0), of(COLUMN_I32, 0, 0),
		of(COLUMN_I64, 0, 0), of(COLUMN_DATE, 0, 0), of(COLUMN_TIMESTAMP, 0, 0)};
	uint64_t seed = 1;
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		unsigned bits = column_bits(&columns[i]);
		uint64_t mask = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
		for (unsigned n = 0; n < 3000; n++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			struct value v = {.bits = (n < 4 ? n - 2 : seed >> (n % 20)) & mask}, back;
			struct buf b = {0};
			OK(value_print(&b, &columns[i], &v));
			OK(value_parse(&back, &columns[i], buf_span(&b)));
			assert_true(back.bits == v.bits);
			buf_free(&b);
		}
	}
}

static void schemas_round_trip_and_reject_damage(void **state)
{
	(void)state;
	struct column columns[] = {
		of(COLUMN_U8, 0, 0), of(COLUMN_DECIMAL, 6, 2), of(COLUMN_TEXT, 0, 0)};
	strcpy(columns[1].name, "gr\xc3\xb6\xc3\x9f"
				"e");
	columns[1].forms = FORM_PAYLOAD | FORM_ARITH;
	columns[1].not_null = true;
	strcpy(columns[2].name, "note");
	struct schema s = {.table = "t", .version = 7, .columns = 3, .column = columns}, back;
	struct buf b = {0}, again = {0};
	OK(schema_put(&s, &b));
	OK(schema_get(&back, buf_span(&b)));
	OK(schema_put(&back, &again));
	assert_true(span_equal(buf_span(&b), buf_span(&again)));
	assert_int_equal(back.version, 7);
	assert_int_equal(back.columns, 3);
	assert_true(back.column[1].not_null);
	assert_int_equal(schema_find(&back, "note"), 2);
	assert_int_equal(schema_find(&back, "Note"), -1);
	assert_int_equal(column_bits(&back.column[1]), 32);
	assert_int_equal(column_blocks(&back.column[1]), 16);
	schema_free(&back);
	for (size_t n = 0; n < b.size; n++)
		FAILS(AMT_TRUNCATED, schema_get(&back, span_of(b.data, n)));
	OK(buf_put_u8(&b, 0));
	FAILS(AMT_CORRUPTION, schema_get(&back, buf_span(&b)));
	for (size_t n = 0; n + 1 < b.size; n++)
		for (unsigned bit = 0; bit < 8; bit++) {
			b.data[n] ^= (uint8_t)(1 << bit);
			amt_status read = schema_get(&back, span_of(b.data, b.size - 1));
			if (amt_ok(read))
				schema_free(&back);
			amt_status_clear(&read);
			b.data[n] ^= (uint8_t)(1 << bit);
		}
	buf_clear(&b);
	columns[2].forms = FORM_ARITH;
	FAILS(AMT_UNSUPPORTED, schema_put(&s, &b));
	columns[2].forms = FORM_PAYLOAD;
	strcpy(columns[2].name, "x");
	FAILS(AMT_ALREADY_EXISTS, schema_put(&s, &b));
	strcpy(columns[2].name, "a\nb");
	FAILS(AMT_INVALID_ARGUMENT, schema_put(&s, &b));
	columns[2] = of(COLUMN_U8, 0, 0);
	strcpy(columns[2].name, "y");
	columns[2].forms = FORM_SCAN;
	FAILS(AMT_UNSUPPORTED, schema_put(&s, &b));
	buf_free(&b);
	buf_free(&again);
}

/* Domains and scan forms make the extended format; without them the bytes are what they always
 * were. */
static void extended_schemas_round_trip(void **state)
{
	(void)state;
	static const uint8_t before[] = {
		7, 0, 0, 0, 1, 't', 1, 0, 1, 'x', COLUMN_U8, FORM_PAYLOAD, 0, 0, 0};
	struct column columns[] = {
		of(COLUMN_U8, 0, 0), of(COLUMN_DECIMAL, 6, 2), of(COLUMN_TEXT, 0, 0)};
	struct schema s = {.table = "t", .version = 7, .columns = 1, .column = columns}, back;
	struct buf b = {0}, again = {0};
	OK(schema_put(&s, &b));
	assert_true(span_equal(buf_span(&b), span_of(before, sizeof(before))));
	columns[0].checked = true;
	columns[0].most = 17;
	s.columns = 3;
	strcpy(columns[1].name, "y");
	columns[1].forms |= FORM_SCAN;
	columns[1].scan =
		(struct scan_options){.summed = true, .limb_bits = 6, .depth = 5, .base = 4};
	strcpy(columns[2].name, "z");
	columns[2].forms |= FORM_SCAN;
	columns[2].scan = (struct scan_options){.kind = SCAN_DICTIONARY, .base = 200};
	s.ring_log2 = 13;
	buf_clear(&b);
	OK(schema_put(&s, &b));
	OK(schema_get(&back, buf_span(&b)));
	OK(schema_put(&back, &again));
	assert_true(span_equal(buf_span(&b), buf_span(&again)));
	assert_int_equal(back.version, 7);
	assert_int_equal(back.ring_log2, 13);
	assert_true(back.column[0].checked);
	assert_int_equal(back.column[0].most, 17);
	assert_true(back.column[1].scan.summed);
	assert_int_equal(back.column[1].scan.limb_bits, 6);
	assert_int_equal(back.column[1].scan.depth, 5);
	assert_int_equal(back.column[1].scan.base, 4);
	assert_int_equal(back.column[2].scan.base, 200);
	schema_free(&back);
	for (size_t n = 0; n < b.size; n++)
		FAILS(AMT_TRUNCATED, schema_get(&back, span_of(b.data, n)));
	for (size_t n = 0; n < b.size; n++)
		for (unsigned bit = 0; bit < 8; bit++) {
			b.data[n] ^= (uint8_t)(1 << bit);
			amt_status read = schema_get(&back, buf_span(&b));
			buf_clear(&again);
			if (amt_ok(read)) {
				OK(schema_put(&back, &again));
				assert_true(span_equal(buf_span(&b), buf_span(&again)));
				schema_free(&back);
			}
			amt_status_clear(&read);
			b.data[n] ^= (uint8_t)(1 << bit);
		}
	buf_clear(&b);
	columns[1].forms = FORM_SCAN;
	FAILS(AMT_UNSUPPORTED, schema_put(&s, &b));
	columns[1].forms = FORM_SCAN | FORM_PAYLOAD | FORM_PLAIN;
	FAILS(AMT_UNSUPPORTED, schema_put(&s, &b));
	columns[1].forms = FORM_SCAN | FORM_PAYLOAD;
	s.ring_log2 = 0;
	FAILS(AMT_UNSUPPORTED, schema_put(&s, &b));
	s.ring_log2 = 13;
	columns[2].scan.base = 0;
	FAILS(AMT_LIMIT, schema_put(&s, &b));
	columns[2].scan.base = 2;
	columns[0].least = 18;
	FAILS(AMT_INVALID_ARGUMENT, schema_put(&s, &b));
	columns[0].least = 0;
	columns[0].most = 256;
	FAILS(AMT_INVALID_ARGUMENT, schema_put(&s, &b));
	buf_free(&b);
	buf_free(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_read_and_printed),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(arith_forms_round_trip),
		cmocka_unit_test(schemas_round_trip_and_reject_damage),
		cmocka_unit_test(extended_schemas_round_trip),
	};
	return cmocka_run_group_tests_name("query_schema", tests, NULL, NULL);
}

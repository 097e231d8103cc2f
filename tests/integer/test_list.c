/* Arrays as bytes, and the public interface over keys of the default set. */
#include "testing.h"

#include "../tfhe/toy_params.h"
#include "amaters/integer.h"
#include "amaters/owner.h"
#include "integer/internal.h"
#include "integer/secret.h"

#include <stdlib.h>

struct list {
	const struct tfhe_params *params;
	struct tfhe_secret *secret;
	struct buf bytes;
};

static void open_list(struct list *l, enum int_type type, size_t rows)
{
	uint64_t values[16];
	for (size_t i = 0; i < 16; i++)
		values[i] = i * 77777;
	*l = (struct list){.params = tfhe_params_find(TOY_PARAMS)};
	OK(tfhe_secret_new(&l->secret, l->params));
	struct int_column column;
	OK(int_encrypt(l->secret, &column, type, values, rows));
	OK(int_column_put(&l->bytes, &column, l->params));
	int_column_free(&column);
}

static void close_list(struct list *l)
{
	tfhe_secret_free(l->secret);
	buf_free(&l->bytes);
}

static amt_code read_code(const struct list *l, size_t size)
{
	struct int_column column;
	amt_status s = int_column_get(&column, span_of(l->bytes.data, size), l->params);
	amt_code code = amt_status_code(s);
	amt_status_clear(&s);
	if (code == AMT_OK)
		int_column_free(&column);
	return code;
}

static void round_trip(void **state)
{
	(void)state;
	for (int t = INT_BOOL; t <= INT_I64; t++) {
		struct list l;
		struct int_column column;
		uint64_t values[5];
		open_list(&l, (enum int_type)t, 5);
		OK(int_column_get(&column, buf_span(&l.bytes), l.params));
		assert_int_equal(column.type, t);
		assert_int_equal(column.rows, 5);
		OK(int_decrypt(l.secret, &column, values));
		uint64_t mask = int_type_bits((enum int_type)t) == 64
					? UINT64_MAX
					: (UINT64_C(1) << int_type_bits((enum int_type)t)) - 1;
		for (size_t i = 0; i < 5; i++)
			assert_int_equal(values[i] & mask, i * 77777 & mask);
		struct buf again = {0};
		OK(int_column_put(&again, &column, l.params));
		assert_true(span_equal(buf_span(&again), buf_span(&l.bytes)));
		buf_free(&again);
		int_column_free(&column);
		close_list(&l);
	}
}

/* Cut anywhere, or with a field out of range: an error of the right kind. */
static void damage(void **state)
{
	(void)state;
	struct list l;
	open_list(&l, INT_U8, 1);
	for (size_t size = 0; size < l.bytes.size; size++)
		assert_int_not_equal(read_code(&l, size), AMT_OK);
	assert_int_equal(read_code(&l, l.bytes.size), AMT_OK);
	static const struct {
		unsigned at;
		uint8_t value;
		amt_code code;
	} cases[] = {
		{0, INT_TYPES, AMT_CORRUPTION}, /* no such type */
		{0, INT_BOOL, AMT_CORRUPTION},	/* a bool of four blocks */
		{1, 0, AMT_CORRUPTION},		/* no blocks */
		{1, 33, AMT_CORRUPTION},	/* too many */
		{2, 1, AMT_CORRUPTION},		/* reserved */
		{4, 0, AMT_FOREIGN_PARAMETERS}, /* another dimension */
		{8, 0, AMT_TRUNCATED},		/* no rows */
		{8, 2, AMT_TRUNCATED},		/* more rows than bytes */
		{15, 0x80, AMT_TRUNCATED},	/* rows that overflow */
		{16, 0xfe, AMT_CORRUPTION},	/* digit below -1 */
		{17, 4, AMT_CORRUPTION},	/* above 3 */
		{18, 65, AMT_CORRUPTION},	/* sources */
		{28, 0, AMT_CORRUPTION},	/* weight 0 */
		{28, 13, AMT_CORRUPTION},	/* 169 units of noise */
		{32, 0, AMT_CORRUPTION},	/* units 0 */
		{34, 2, AMT_CORRUPTION},	/* unknown flag */
		{36, 0xff, AMT_CORRUPTION},	/* -1 in a higher block */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t kept = l.bytes.data[cases[i].at];
		l.bytes.data[cases[i].at] = cases[i].value;
		if (read_code(&l, l.bytes.size) != cases[i].code)
			fail_msg("byte %u = %u: %s instead of %s", cases[i].at, cases[i].value,
				amt_code_name(read_code(&l, l.bytes.size)),
				amt_code_name(cases[i].code));
		l.bytes.data[cases[i].at] = kept;
	}
	close_list(&l);
}

/* A block that claims to be trivial is, and one source has one name. */
static void lies(void **state)
{
	(void)state;
	const struct tfhe_params *p = tfhe_params_find(TOY_PARAMS);
	struct int_column column, got;
	struct buf bytes = {0};
	OK(int_column_alloc(&column, p, INT_BOOL, 1, 2));
	tfhe_lwe_trivial(p, column.block[0].lwe, 1u << 27);
	tfhe_lwe_trivial(p, column.block[0].lwe + column.stride, 0);
	OK(int_column_put(&bytes, &column, p));
	OK(int_column_get(&got, buf_span(&bytes), p));
	int_column_free(&got);
	buf_clear(&bytes);
	column.block[0].lwe[column.stride + 3] = 1;
	OK(int_column_put(&bytes, &column, p));
	FAILS(AMT_CORRUPTION, int_column_get(&got, buf_span(&bytes), p));
	buf_clear(&bytes);
	column.block[0].sources = 2;
	column.block[0].source[0] = (struct int_source){.id = 5, .weight = 1, .units = 1};
	column.block[0].source[1] = column.block[0].source[0];
	OK(int_column_put(&bytes, &column, p));
	FAILS(AMT_CORRUPTION, int_column_get(&got, buf_span(&bytes), p));
	buf_free(&bytes);
	int_column_free(&column);
}

static void public_interface(void **state)
{
	(void)state;
	amt_key *key, *other;
	amt_int_host *host;
	amt_int_array *a, *b, *c, *flag, *foreign;
	void *evaluation_key, *bytes;
	size_t size;
	uint64_t x[3] = {200, 5, 77}, y = 100, got[3];
	size_t n = light() ? 1 : 3; /* real bootstraps are slow under asan */
	OK(amt_key_generate(&key, NULL));
	OK(amt_key_generate(&other, NULL));
	OK(amt_int_evaluation_key(key, &evaluation_key, &size));
	FAILS(AMT_TRUNCATED, amt_int_host_new(&host, evaluation_key, size - 1, 0));
	OK(amt_int_host_new(&host, evaluation_key, size, 2));
	amt_int_bytes_free(evaluation_key);

	OK(amt_int_encrypt(&a, key, AMT_INT_U8, x, n));
	OK(amt_int_encrypt(&b, key, AMT_INT_U8, &y, 1));
	OK(amt_int_encrypt(&foreign, other, AMT_INT_U8, x, n));
	OK(amt_int_write(a, &bytes, &size));
	amt_int_array_free(a);
	FAILS(AMT_TRUNCATED, amt_int_read(&a, bytes, size - 1));
	assert_null(a);
	((uint8_t *)bytes)[size / 2] ^= 1;
	FAILS(AMT_CORRUPTION, amt_int_read(&a, bytes, size));
	((uint8_t *)bytes)[size / 2] ^= 1;
	OK(amt_int_read(&a, bytes, size));
	amt_int_bytes_free(bytes);
	assert_int_equal(amt_int_array_count(a), n);
	assert_int_equal(amt_int_array_type(a), AMT_INT_U8);

	FAILS(AMT_WRONG_KEY, amt_int_add(host, &c, a, foreign));
	assert_null(c);
	FAILS(AMT_WRONG_KEY, amt_int_decrypt(other, a, got));
	OK(amt_int_compare(host, &flag, AMT_INT_GT, a, b));
	FAILS(AMT_TYPE_MISMATCH, amt_int_add(host, &c, a, flag));
	FAILS(AMT_INVALID_ARGUMENT, amt_int_compare(host, &c, (amt_int_comparison)6, a, b));
	OK(amt_int_select(host, &c, flag, a, b));
	OK(amt_int_decrypt(key, c, got));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got[i], x[i] > y ? x[i] : y);
	amt_int_array_free(c);
	OK(amt_int_sum(host, &c, flag));
	OK(amt_int_decrypt(key, c, got));
	assert_int_equal(got[0], 1);
	amt_int_array_free(c);
	uint64_t before = amt_int_host_bootstraps(host);
	OK(amt_int_bitwise(host, &c, AMT_INT_XOR, a, a));
	assert_int_equal(amt_int_host_bootstraps(host) - before, 4 * n);
	OK(amt_int_decrypt(key, c, got));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got[i], 0);
	amt_int_array_free(c);
	OK(amt_int_cast(host, &c, AMT_INT_I64, a));
	OK(amt_int_decrypt(key, c, got));
	assert_int_equal(got[0], 200);
	amt_int_array_free(c);
	amt_int_array_free(a);
	amt_int_array_free(b);
	amt_int_array_free(flag);
	amt_int_array_free(foreign);
	amt_int_host_free(host);
	amt_key_free(key);
	amt_key_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(damage),
		cmocka_unit_test(lies),
		cmocka_unit_test(public_interface),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

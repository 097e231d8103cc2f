/* Lists in few bytes, and lists from an old key to a new one. */
#include "testing.h"

#include "../tfhe/fixture.h"
#include "../tfhe/known.h"
#include "../tfhe/toy_params.h"
#include "crypto/random.h"
#include "integer/compress.h"
#include "integer/internal.h"
#include "integer/secret.h"
#include "tfhe/compress.h"
#include "tfhe/noise.h"

#include <math.h>
#include <stdlib.h>

struct site {
	struct fixture f;
	struct int_context *host;
};

static void site_open(struct site *s, uint16_t set)
{
	fixture_open(&s->f, set, 2);
	OK(int_context_new(&s->host, s->f.e));
}

static void site_close(struct site *s)
{
	int_context_free(s->host);
	fixture_close(&s->f);
}

static uint64_t as_type(enum int_type type, uint64_t value)
{
	unsigned bits = int_type_bits(type);
	if (bits < 64)
		value &= (UINT64_C(1) << bits) - 1;
	if (int_type_signed(type) && bits < 64 && (value >> (bits - 1) & 1) != 0)
		value |= UINT64_MAX << bits;
	return value;
}

/* A column of random values. */
static uint64_t *random_column(
	struct tfhe_secret *secret, struct int_column *out, enum int_type type, size_t rows)
{
	uint64_t *values;
	OK(mem_array(&values, rows, sizeof(*values)));
	OK(random_bytes(values, rows * sizeof(*values)));
	OK(int_encrypt(secret, out, type, values, rows));
	return values;
}

static void holds(struct tfhe_secret *secret, const struct int_column *column,
	const uint64_t *values, size_t rows, uint64_t factor)
{
	uint64_t *got;
	OK(mem_array(&got, rows, sizeof(*got)));
	OK(int_decrypt(secret, column, got));
	assert_int_equal(column->rows, rows);
	for (size_t r = 0; r < rows; r++)
		assert_true(got[r] == as_type(column->type, factor * values[r]));
	mem_free(got);
}

/* Mean square distance from the messages, in units. */
static double noise_of(struct tfhe_secret *secret, const struct int_column *column)
{
	const struct tfhe_params *p = tfhe_secret_params(secret);
	double sum = 0, unit = sqrt(tfhe_noise_bootstrap(p)) * 4294967296.0;
	for (unsigned b = 0; b < column->blocks; b++)
		for (size_t r = 0; r < column->rows; r++) {
			uint32_t phase;
			OK(tfhe_phase_lwe(
				secret, &phase, column->block[b].lwe + r * column->stride));
			double e = (int32_t)(phase - (tfhe_decode(p, phase) << tfhe_delta_log2(p)));
			sum += e / unit * (e / unit);
		}
	return sum / (double)(column->blocks * column->rows);
}

static void there_and_back(struct site *s, enum int_type type, size_t rows)
{
	struct int_column column, back, twice;
	struct buf bytes = {0};
	uint64_t *values = random_column(s->f.secret, &column, type, rows);
	OK(int_compress(s->host, &bytes, &column));
	OK(int_decompress(&back, buf_span(&bytes), s->f.p));
	holds(s->f.secret, &back, values, rows, 1);
	unsigned log2 = tfhe_compress_log2(s->f.p);
	double limit = tfhe_compress_units(s->f.p, log2);
	assert_true(limit <= s->f.p->max_noise);
	double samples = (double)(back.blocks * rows);
	assert_true(noise_of(s->f.secret, &back) < limit * (1 + 8 / sqrt(samples)));
	if (type != INT_BOOL) {
		OK(int_add(s->host, &twice, &back, &back));
		holds(s->f.secret, &twice, values, rows, 2);
		int_column_free(&twice);
	}
	int_column_free(&column);
	int_column_free(&back);
	buf_free(&bytes);
	mem_free(values);
}

static void every_type_is_compressed(void **state)
{
	(void)state;
	struct site s;
	const uint16_t sets[] = {TOY_PARAMS, TOY_PARAMS_GAUSSIAN};
	unsigned step = light() ? 3 : 1;
	for (size_t i = 0; i < 2; i++) {
		site_open(&s, sets[i]);
		size_t n = tfhe_poly_size(s.f.p);
		for (unsigned type = 0; type <= INT_I64; type += step) {
			size_t full = n / int_type_blocks((enum int_type)type);
			const size_t rows[] = {1, 3, full, full + 1};
			for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
				there_and_back(&s, (enum int_type)type, rows[r]);
		}
		site_close(&s);
	}
	site_open(&s, TFHE_DEFAULT_PARAMS);
	there_and_back(&s, INT_U32, light() ? 1 : 128);
	site_close(&s);
}

static void promises(void **state)
{
	(void)state;
	const struct tfhe_params *p;
	for (size_t i = 0; (p = tfhe_params_at(i)) != NULL; i++) {
		unsigned log2 = tfhe_compress_log2(p);
		double units = tfhe_compress_units(p, log2);
		size_t n = tfhe_poly_size(p);
		print_message(
			"%-16s %u bits a word, %.1f units, failure 2^%.2f, %.2f bytes a block, "
			"one u64: %zu bytes\n",
			p->name, log2, units, tfhe_failure_log2(p, units),
			(double)tfhe_compressed_bytes(p, log2, n) / (double)n,
			tfhe_compressed_bytes(p, log2, 32));
		assert_true(tfhe_failure_log2(p, units) <= -128);
		assert_true(log2 <= 16);
	}
}

static void lists_are_checked(void **state)
{
	(void)state;
	struct site s;
	struct int_column column, back;
	struct buf bytes = {0};
	site_open(&s, TOY_PARAMS);
	uint64_t *values = random_column(s.f.secret, &column, INT_U8, 70);
	OK(int_compress(s.host, &bytes, &column));
	for (size_t size = 0; size < bytes.size; size++)
		FAILS(AMT_TRUNCATED, int_decompress(&back, span_of(bytes.data, size), s.f.p));
	const struct {
		size_t at;
		uint8_t to;
		amt_code code;
	} bad[] = {{0, 99, AMT_CORRUPTION}, {0, INT_BOOL, AMT_CORRUPTION}, {1, 0, AMT_CORRUPTION},
		{1, 200, AMT_CORRUPTION}, {2, 11, AMT_CORRUPTION}, {2, 25, AMT_CORRUPTION},
		{3, 1, AMT_CORRUPTION}, {4, 1, AMT_FOREIGN_PARAMETERS}, {8, 0, AMT_TRUNCATED},
		{8, 71, AMT_TRUNCATED}, {8, 69, AMT_CORRUPTION}, {15, 1, AMT_TRUNCATED}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t old = bytes.data[bad[i].at];
		bytes.data[bad[i].at] = bad[i].to;
		FAILS(bad[i].code, int_decompress(&back, buf_span(&bytes), s.f.p));
		bytes.data[bad[i].at] = old;
	}
	column.block[0].lo = -1;
	FAILS(AMT_UNSUPPORTED, int_compress(s.host, &bytes, &column));
	FAILS(AMT_UNSUPPORTED, int_rotate(s.host, &back, &column));
	int_column_free(&column);
	buf_free(&bytes);
	mem_free(values);
	site_close(&s);
}

/* ---- rotation */

static void from_old_to_new(uint16_t set, size_t rows)
{
	struct site old, new;
	struct buf key = {0}, back = {0};
	struct tfhe_evaluator *e;
	struct int_context *rotator;
	uint8_t id[16];
	site_open(&old, set);
	site_open(&new, set);
	OK(tfhe_rotation_key_generate(old.f.secret, new.f.secret, &key));
	OK(tfhe_evaluator_rotate(&e, new.f.e, buf_span(&key), id));
	assert_memory_equal(id, tfhe_secret_key_id(old.f.secret), 16);
	assert_memory_equal(tfhe_evaluator_key_id(e), tfhe_secret_key_id(new.f.secret), 16);
	OK(int_context_new(&rotator, e));
	const enum int_type types[] = {INT_BOOL, INT_U8, INT_I16, INT_U64};
	for (size_t t = 0; t < 4; t++) {
		struct int_column column, sum, rotated, twice;
		uint64_t *values = random_column(old.f.secret, &column, types[t], rows);
		OK(int_rotate(rotator, &rotated, &column));
		holds(new.f.secret, &rotated, values, rows, 1);
		if (types[t] != INT_BOOL) {
			/* What was computed rotates too, and can be computed on. */
			OK(int_add(old.host, &sum, &column, &column));
			int_column_free(&rotated);
			OK(int_rotate(rotator, &rotated, &sum));
			OK(int_add(new.host, &twice, &rotated, &rotated));
			holds(new.f.secret, &twice, values, rows, 4);
			int_column_free(&sum);
			int_column_free(&twice);
		}
		int_column_free(&column);
		int_column_free(&rotated);
		mem_free(values);
	}
	/* Public constants stay public. */
	struct int_column constant, rotated;
	const uint64_t want = 0xa5;
	OK(int_trivial(old.host, &constant, INT_U8, want, 1));
	OK(int_rotate(rotator, &rotated, &constant));
	holds(new.f.secret, &rotated, &want, 1, 1);
	int_column_free(&constant);
	int_column_free(&rotated);

	OK(tfhe_rotation_key_generate(new.f.secret, old.f.secret, &back));
	struct tfhe_evaluator *wrong;
	FAILS(AMT_WRONG_KEY, tfhe_evaluator_rotate(&wrong, new.f.e, buf_span(&back), id));
	FAILS(AMT_TYPE_MISMATCH, tfhe_evaluator_rotate(&wrong, new.f.e, buf_span(&new.f.key), id));
	for (size_t size = 0; size < key.size; size += 997)
		FAILS(AMT_TRUNCATED,
			tfhe_evaluator_rotate(&wrong, new.f.e, span_of(key.data, size), id));
	int_context_free(rotator);
	tfhe_evaluator_free(e);
	buf_free(&key);
	buf_free(&back);
	site_close(&old);
	site_close(&new);
}

static void lists_change_keys(void **state)
{
	(void)state;
	from_old_to_new(TOY_PARAMS, 20);
	from_old_to_new(TOY_PARAMS_GAUSSIAN, 20);
	if (light()) {
		from_old_to_new(TFHE_DEFAULT_PARAMS, 1);
		return;
	}
	const struct tfhe_params *p;
	for (size_t i = 0; (p = tfhe_params_at(i)) != NULL; i++)
		from_old_to_new(p->id, 2);
}

static void sets_do_not_mix(void **state)
{
	(void)state;
	struct tfhe_secret *a, *b;
	struct buf key = {0};
	OK(tfhe_secret_new(&a, tfhe_params_find(TOY_PARAMS)));
	OK(tfhe_secret_new(&b, tfhe_params_find(TOY_PARAMS_GAUSSIAN)));
	FAILS(AMT_FOREIGN_PARAMETERS, tfhe_rotation_key_generate(a, b, &key));
	tfhe_secret_free(a);
	tfhe_secret_free(b);
}

static void allocation_failures_leak_nothing(void **state)
{
	(void)state;
	struct site s;
	site_open(&s, TOY_PARAMS);
	struct tfhe_secret *old;
	struct buf key = {0};
	struct int_column column;
	OK(tfhe_secret_new(&old, s.f.p));
	OK(tfhe_rotation_key_generate(old, s.f.secret, &key));
	uint64_t *values = random_column(s.f.secret, &column, INT_U8, 3);
	for (size_t n = 1;; n++) {
		struct buf bytes = {0};
		struct int_column back = {0};
		struct tfhe_evaluator *e = NULL;
		uint8_t id[16];
		mem_fail_nth(n);
		amt_status st = int_compress(s.host, &bytes, &column);
		if (amt_ok(st))
			st = int_decompress(&back, buf_span(&bytes), s.f.p);
		if (amt_ok(st))
			st = tfhe_evaluator_rotate(&e, s.f.e, buf_span(&key), id);
		mem_fail_nth(0);
		bool done = amt_ok(st);
		amt_status_clear(&st);
		int_column_free(&back);
		tfhe_evaluator_free(e);
		buf_free(&bytes);
		if (done)
			break;
	}
	tfhe_secret_free(old);
	int_column_free(&column);
	buf_free(&key);
	mem_free(values);
	site_close(&s);
}

/* Known answers: a list compressed under tests/data/tfhe/toy.secret, and a list of an older key with
 * its rotation key to that one. */
static void known_answers(void **state)
{
	(void)state;
	enum { ROWS = 3 };
	static const uint64_t values[ROWS] = {0, 0x1234, 0xffff};
	struct site s = {.f = {.p = tfhe_params_find(TOY_PARAMS)}};
	struct buf raw = {0}, list = {0}, old_list = {0}, rotation = {0};
	struct int_column column, rotated;
	known_read("toy.secret", &raw);
	known_read("toy.key", &s.f.key);
	OK(tfhe_secret_import(&s.f.secret, buf_span(&raw)));
	OK(tfhe_evaluator_new(&s.f.e, buf_span(&s.f.key), NULL, NULL, NULL));
	OK(int_context_new(&s.host, s.f.e));
	if (getenv("AMT_WRITE_KNOWN") != NULL) {
		struct tfhe_secret *old;
		OK(tfhe_secret_new(&old, s.f.p));
		OK(int_encrypt(s.f.secret, &column, INT_U16, values, ROWS));
		OK(int_compress(s.host, &list, &column));
		known_write("toy.compressed", buf_span(&list));
		int_column_free(&column);
		OK(int_encrypt(old, &column, INT_U16, values, ROWS));
		OK(int_column_put(&old_list, &column, s.f.p));
		known_write("toy.old_list", buf_span(&old_list));
		int_column_free(&column);
		OK(tfhe_rotation_key_generate(old, s.f.secret, &rotation));
		known_write("toy.rotation", buf_span(&rotation));
		tfhe_secret_free(old);
		buf_clear(&list);
		buf_clear(&old_list);
		buf_clear(&rotation);
	}
	known_read("toy.compressed", &list);
	known_read("toy.old_list", &old_list);
	known_read("toy.rotation", &rotation);
	OK(int_decompress(&column, buf_span(&list), s.f.p));
	holds(s.f.secret, &column, values, ROWS, 1);
	int_column_free(&column);
	struct tfhe_evaluator *e;
	struct int_context *rotator;
	uint8_t id[16];
	OK(tfhe_evaluator_rotate(&e, s.f.e, buf_span(&rotation), id));
	OK(int_context_new(&rotator, e));
	OK(int_column_get(&column, buf_span(&old_list), s.f.p));
	OK(int_rotate(rotator, &rotated, &column));
	holds(s.f.secret, &rotated, values, ROWS, 1);
	int_column_free(&column);
	int_column_free(&rotated);
	int_context_free(rotator);
	tfhe_evaluator_free(e);
	buf_free(&raw);
	buf_free(&list);
	buf_free(&old_list);
	buf_free(&rotation);
	site_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promises),
		cmocka_unit_test(every_type_is_compressed),
		cmocka_unit_test(lists_are_checked),
		cmocka_unit_test(lists_change_keys),
		cmocka_unit_test(sets_do_not_mix),
		cmocka_unit_test(allocation_failures_leak_nothing),
		cmocka_unit_test(known_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

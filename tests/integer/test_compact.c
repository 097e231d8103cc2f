/* Integers that writers encrypt with a public key: honest ones come out as they went in, and whatever
 * else comes in, what comes out is digits with little noise. */
#include "testing.h"

#include "../tfhe/fixture.h"
#include "../tfhe/known.h"
#include "../tfhe/toy_params.h"
#include "crypto/random.h"
#include "integer/compact.h"
#include "integer/internal.h"
#include "integer/secret.h"
#include "tfhe/noise.h"

#include <math.h>
#include <stdlib.h>

struct parties {
	struct fixture f;
	struct int_context *host;
	struct tfhe_public_key *writer;
};

static void parties_open(struct parties *p, uint16_t set)
{
	struct buf bytes = {0};
	fixture_open(&p->f, set, 2);
	OK(int_context_new(&p->host, p->f.e));
	OK(tfhe_public_key_generate(p->f.secret, &bytes));
	OK(tfhe_public_key_get(&p->writer, buf_span(&bytes)));
	assert_memory_equal(p->writer->key_id, tfhe_secret_key_id(p->f.secret), 16);
	buf_free(&bytes);
}

static void parties_close(struct parties *p)
{
	tfhe_public_key_free(p->writer);
	int_context_free(p->host);
	fixture_close(&p->f);
}

/* As the type reads the bits of a value. */
static uint64_t as_type(enum int_type type, uint64_t value)
{
	unsigned bits = int_type_bits(type);
	if (bits < 64)
		value &= (UINT64_C(1) << bits) - 1;
	if (int_type_signed(type) && (value >> (bits - 1) & 1) != 0 && bits < 64)
		value |= UINT64_MAX << bits;
	return value;
}

static void written_and_read(struct parties *p, enum int_type type, size_t rows)
{
	uint64_t *values, *got;
	struct buf list = {0};
	struct int_column column;
	OK(mem_array(&values, rows, sizeof(*values)));
	OK(mem_array(&got, rows, sizeof(*got)));
	OK(random_bytes(values, rows * sizeof(*values)));
	OK(int_compact_encrypt(p->writer, &list, type, values, rows));
	OK(int_ingest(p->host, &column, buf_span(&list)));
	assert_int_equal(column.type, type);
	assert_int_equal(column.rows, rows);
	OK(int_decrypt(p->f.secret, &column, got));
	for (size_t r = 0; r < rows; r++)
		assert_true(got[r] == as_type(type, values[r]));
	int_column_free(&column);
	buf_free(&list);
	mem_free(values);
	mem_free(got);
}

static void every_type_comes_through(void **state)
{
	(void)state;
	struct parties p;
	parties_open(&p, TOY_PARAMS);
	size_t n = tfhe_poly_size(p.f.p);
	unsigned step = light() ? 3 : 1;
	for (unsigned type = 0; type <= INT_I64; type += step) {
		size_t full = n / int_type_blocks((enum int_type)type);
		const size_t rows[] = {1, 3, full, full + 1, 2 * full + 5};
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			written_and_read(&p, (enum int_type)type, rows[i]);
	}
	parties_close(&p);
	parties_open(&p, TOY_PARAMS_GAUSSIAN);
	written_and_read(&p, INT_U32, 40);
	parties_close(&p);
}

static void the_default_set(void **state)
{
	(void)state;
	struct parties p;
	parties_open(&p, TFHE_DEFAULT_PARAMS);
	written_and_read(&p, INT_U64, 1);
	if (!light())
		written_and_read(&p, INT_I16, 20);
	parties_close(&p);
}

/* Ciphertexts nobody encrypted have every phase there is. */
static void hostile_writers_give_digits(void **state)
{
	(void)state;
	struct parties p;
	parties_open(&p, TOY_PARAMS);
	const struct tfhe_params *set = p.f.p;
	double unit = sqrt(tfhe_noise_bootstrap(set)) * 4294967296.0;
	for (unsigned type = INT_BOOL; type <= INT_U8; type++) {
		int top = type == INT_BOOL ? 1 : 3;
		size_t rows = 200;
		uint64_t *values;
		struct buf list = {0};
		struct int_column column;
		bool seen[4] = {false};
		OK(mem_array(&values, rows, sizeof(*values)));
		OK(int_compact_encrypt(p.writer, &list, (enum int_type)type, values, rows));
		OK(random_bytes(list.data + COMPACT_HEAD_BYTES, list.size - COMPACT_HEAD_BYTES));
		OK(int_ingest(p.host, &column, buf_span(&list)));
		double sum = 0, count = 0;
		for (unsigned b = 0; b < column.blocks; b++) {
			const struct int_block *block = &column.block[b];
			assert_int_equal(block->lo, 0);
			assert_int_equal(block->hi, top);
			assert_int_equal(int_noise(block), 1);
			for (size_t r = 0; r < rows; r++) {
				uint32_t phase;
				OK(tfhe_phase_lwe(
					p.f.secret, &phase, block->lwe + r * column.stride));
				unsigned digit = tfhe_decode(set, phase);
				assert_in_range(digit, 0, top);
				seen[digit] = true;
				double error = (int32_t)(phase - (digit << tfhe_delta_log2(set)));
				sum += error / unit * (error / unit);
				count++;
			}
		}
		for (int d = 0; d <= top; d++)
			assert_true(seen[d]);
		/* Noise of a bootstrap, within a factor that a toy key may be off. */
		assert_true(sum / count < 4);
		OK(int_decrypt(p.f.secret, &column, values));
		int_column_free(&column);
		/* No mask at all: plain text, which is as good. */
		memset(list.data + COMPACT_HEAD_BYTES, 0, list.size - COMPACT_HEAD_BYTES);
		OK(int_ingest(p.host, &column, buf_span(&list)));
		OK(int_decrypt(p.f.secret, &column, values));
		for (size_t r = 0; r < rows; r++)
			assert_true(values[r] == 0);
		int_column_free(&column);
		buf_free(&list);
		mem_free(values);
	}
	parties_close(&p);
}

static void lists_are_checked(void **state)
{
	(void)state;
	struct parties p;
	parties_open(&p, TOY_PARAMS);
	const uint64_t values[] = {1, 2, 3};
	struct buf list = {0};
	struct int_column column;
	OK(int_compact_encrypt(p.writer, &list, INT_U8, values, 3));
	for (size_t size = 0; size < list.size; size++)
		FAILS(AMT_TRUNCATED, int_ingest(p.host, &column, span_of(list.data, size)));
	const struct {
		size_t at;
		uint8_t to;
		amt_code code;
	} bad[] = {{0, 200, AMT_CORRUPTION}, {0, INT_U16, AMT_CORRUPTION}, {1, 5, AMT_CORRUPTION},
		{2, 1, AMT_CORRUPTION}, {4, 7, AMT_FOREIGN_PARAMETERS}, {8, 0, AMT_TRUNCATED},
		{8, 4, AMT_TRUNCATED}, {8, 2, AMT_CORRUPTION}, {15, 0xff, AMT_TRUNCATED}};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint8_t old = list.data[bad[i].at];
		list.data[bad[i].at] = bad[i].to;
		FAILS(bad[i].code, int_ingest(p.host, &column, buf_span(&list)));
		list.data[bad[i].at] = old;
	}
	OK(buf_put_u8(&list, 0));
	FAILS(AMT_CORRUPTION, int_ingest(p.host, &column, buf_span(&list)));
	FAILS(AMT_INVALID_ARGUMENT, int_compact_encrypt(p.writer, &list, INT_U8, values, 0));
	FAILS(AMT_INVALID_ARGUMENT,
		int_compact_encrypt(p.writer, &list, (enum int_type)77, values, 1));
	buf_free(&list);

	struct buf key = {0};
	struct tfhe_public_key *read;
	OK(tfhe_public_key_generate(p.f.secret, &key));
	for (size_t size = 0; size < key.size; size += 7)
		FAILS(AMT_TRUNCATED, tfhe_public_key_get(&read, span_of(key.data, size)));
	key.data[100] ^= 1;
	FAILS(AMT_CORRUPTION, tfhe_public_key_get(&read, buf_span(&key)));
	FAILS(AMT_TYPE_MISMATCH, tfhe_public_key_get(&read, buf_span(&p.f.key)));
	buf_free(&key);
	parties_close(&p);
}

/* Two lists of the same values share nothing, and neither do two public keys. */
static void nothing_repeats(void **state)
{
	(void)state;
	struct parties p;
	parties_open(&p, TOY_PARAMS);
	const uint64_t values[] = {7};
	struct buf a = {0}, b = {0};
	OK(int_compact_encrypt(p.writer, &a, INT_U8, values, 1));
	OK(int_compact_encrypt(p.writer, &b, INT_U8, values, 1));
	size_t same = 0;
	for (size_t i = COMPACT_HEAD_BYTES; i + 1 < a.size; i += 2)
		same += load_u16(a.data + i) == load_u16(b.data + i);
	assert_true(same < 4);
	buf_free(&a);
	buf_free(&b);
	parties_close(&p);
}

/* Known answers: a public key of tests/data/tfhe/toy.secret and a list under it. */
static void known_answers(void **state)
{
	(void)state;
	enum { ROWS = 5 };
	static const uint64_t values[ROWS] = {0, 1, 255, 65535, 0xdeadbeef};
	struct parties p = {.f = {.p = tfhe_params_find(TOY_PARAMS)}};
	struct buf raw = {0}, key = {0}, list = {0};
	known_read("toy.secret", &raw);
	known_read("toy.key", &p.f.key);
	OK(tfhe_secret_import(&p.f.secret, buf_span(&raw)));
	OK(tfhe_evaluator_new(&p.f.e, buf_span(&p.f.key), NULL, NULL, NULL));
	OK(int_context_new(&p.host, p.f.e));
	if (getenv("AMT_WRITE_KNOWN") != NULL) {
		OK(tfhe_public_key_generate(p.f.secret, &key));
		OK(tfhe_public_key_get(&p.writer, buf_span(&key)));
		OK(int_compact_encrypt(p.writer, &list, INT_U32, values, ROWS));
		known_write("toy.public", buf_span(&key));
		known_write("toy.compact", buf_span(&list));
		tfhe_public_key_free(p.writer);
		buf_clear(&key);
		buf_clear(&list);
	}
	known_read("toy.public", &key);
	known_read("toy.compact", &list);
	OK(tfhe_public_key_get(&p.writer, buf_span(&key)));
	written_and_read(&p, INT_U16, 3);
	struct int_column column;
	uint64_t got[ROWS];
	OK(int_ingest(p.host, &column, buf_span(&list)));
	OK(int_decrypt(p.f.secret, &column, got));
	assert_memory_equal(got, values, sizeof(got));
	int_column_free(&column);
	buf_free(&raw);
	buf_free(&key);
	buf_free(&list);
	parties_close(&p);
}

/* Failure and security of all public sets. */
static void promises(void **state)
{
	(void)state;
	const struct tfhe_params *p;
	for (size_t i = 0; (p = tfhe_params_at(i)) != NULL; i++) {
		double units = tfhe_noise_compact(p) / tfhe_noise_bootstrap(p);
		double failure = tfhe_failure_log2(p, units);
		print_message("%-16s compact: 2^%.2f, %.1f units, failure 2^%.2f\n", p->name,
			log2(tfhe_noise_compact(p)), units, failure);
		assert_true(failure <= -128);
		/* What is under S and under R: dimension N, modulo 2^32. */
		struct noise_distribution d = tfhe_fresh_distribution(p);
		assert_true(tfhe_noise_fresh(p) * (1 + 1e-9) >=
			    tfhe_minimum_variance(d.kind, tfhe_poly_size(p), 32));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(promises),
		cmocka_unit_test(every_type_comes_through),
		cmocka_unit_test(the_default_set),
		cmocka_unit_test(hostile_writers_give_digits),
		cmocka_unit_test(lists_are_checked),
		cmocka_unit_test(nothing_repeats),
		cmocka_unit_test(known_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

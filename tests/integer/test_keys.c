/* Every operation on real ciphertexts: toy keys for volume, the default set (128 bits) sampled;
 * counts, decryption, and the noise that was tracked against the noise there is. */
#include "testing.h"

#include "../tfhe/fixture.h"
#include "../tfhe/toy_params.h"
#include "integer/internal.h"
#include "integer/secret.h"
#include "ops.h"

#include <stdlib.h>

static void encrypt(struct harness *h, struct int_column *out, enum int_type type,
	const uint64_t *values, size_t rows)
{
	OK(int_encrypt(h->secret, out, type, values, rows));
}

static void decrypt(struct harness *h, const struct int_column *column, uint64_t *values)
{
	OK(int_decrypt(h->secret, column, values));
}

static void no_check(struct harness *h, const struct int_column *column)
{
	(void)h;
	(void)column;
}

static void open_harness(struct harness *h, struct fixture *f, uint16_t params)
{
	fixture_open(f, params, 2);
	*h = (struct harness){.e = f->e,
		.secret = f->secret,
		.encrypt = encrypt,
		.decrypt = decrypt,
		.check_noise = no_check};
	OK(int_context_new(&h->c, f->e));
}

static void close_harness(struct harness *h, struct fixture *f)
{
	int_context_free(h->c);
	fixture_close(f);
}

/* Two columns, with themselves, with a broadcast row and with a public constant. */
static void operations(struct harness *h, enum int_type t, size_t rows, bool variants)
{
	uint64_t *x = calloc(rows + 400, sizeof(*x)), *y = calloc(rows + 400, sizeof(*y));
	struct int_column a, b;
	fill_values(x, y, rows + 400, t);
	memmove(x, x + 400 - rows / 2, rows * sizeof(*x));
	memmove(y, y + 400 - rows / 2, rows * sizeof(*y));
	h->encrypt(h, &a, t, x, rows);
	h->encrypt(h, &b, t, y, rows);
	binary(h, t, &a, &b, x, y, true);
	if (variants) {
		binary(h, t, &a, &a, x, x, false);
		int_column_free(&b);
		h->encrypt(h, &b, t, y, 1);
		binary(h, t, &a, &b, x, y, true);
		int_column_free(&b);
		OK(int_trivial(h->c, &b, t, y[0], 1));
		binary(h, t, &a, &b, x, y, false);
	}
	int_column_free(&a);
	int_column_free(&b);
	free(x);
	free(y);
}

static void aggregates(struct harness *h, enum int_type t, size_t rows)
{
	uint64_t *x = calloc(rows + 400, sizeof(*x)), *y = calloc(rows + 400, sizeof(*y)), got;
	struct int_column a, r;
	fill_values(x, y, rows + 400, t);
	x += 300;
	h->encrypt(h, &a, t, x, rows);
	uint64_t sum = 0, lowest = x[0], highest = x[0];
	for (size_t i = 0; i < rows; i++) {
		sum += extend(t, x[i]);
		lowest = less(t, x[i], lowest) ? x[i] : lowest;
		highest = less(t, highest, x[i]) ? x[i] : highest;
	}
	OK(int_sum_rows(h->c, &r, &a, 32));
	h->decrypt(h, &r, &got);
	assert_int_equal(got, sum);
	int_column_free(&r);
	if (t != INT_BOOL) {
		OK(int_min_rows(h->c, &r, &a));
		h->decrypt(h, &r, &got);
		assert_int_equal(got, extend(t, lowest));
		int_column_free(&r);
		OK(int_max_rows(h->c, &r, &a));
		h->decrypt(h, &r, &got);
		assert_int_equal(got, extend(t, highest));
		int_column_free(&r);
	}
	int_column_free(&a);
	free(x - 300);
	free(y);
}

static void test_toy(void **state)
{
	(void)state;
	struct harness h;
	struct fixture f;
	for (uint16_t id = TOY_PARAMS; id <= TOY_PARAMS_GAUSSIAN; id++) {
		open_harness(&h, &f, id);
		for (int t = INT_BOOL; t < INT_TYPES; t++) {
			operations(&h, (enum int_type)t, 12, id == TOY_PARAMS);
			aggregates(&h, (enum int_type)t, id == TOY_PARAMS ? 40 : 7);
		}
		close_harness(&h, &f);
	}
}

static void test_real(void **state)
{
	(void)state;
	struct harness h;
	struct fixture f;
	open_harness(&h, &f, TFHE_DEFAULT_PARAMS);
	operations(&h, INT_U8, 2, true);
	operations(&h, INT_I16, 1, false);
	operations(&h, INT_U64, 1, false);
	operations(&h, INT_BOOL, 2, true);
	aggregates(&h, INT_I8, 5);
	close_harness(&h, &f);
}

/* Packed pages become columns; pages are appended. */
static void test_unpack(void **state)
{
	(void)state;
	struct harness h;
	struct fixture f;
	open_harness(&h, &f, TOY_PARAMS);
	unsigned n = tfhe_poly_size(f.p);
	uint32_t *values = calloc(n, sizeof(*values)), *glwe;
	uint64_t x[20], want[20];
	for (unsigned r = 0; r < 20; r++) {
		x[r] = rnd() & 0xffff;
		for (unsigned b = 0; b < 8; b++)
			values[5 + r * 8 + b] = (uint32_t)(x[r] >> 2 * b & 3)
						<< tfhe_delta_log2(f.p);
	}
	uint32_t *lwes = fixture_lwes(&f, n);
	const uint32_t **pointers = calloc(n, sizeof(*pointers));
	for (unsigned i = 0; i < n; i++) {
		pointers[i] = lwes + i * tfhe_lwe_stride(f.p);
		OK(tfhe_encrypt_lwe(f.secret, lwes + i * tfhe_lwe_stride(f.p), values[i]));
	}
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f.p) * sizeof(*glwe)));
	OK(tfhe_pack(f.e, glwe, pointers, n));
	struct int_column a, again, all = {0}, r;
	OK(int_unpack(h.c, &a, INT_U16, 8, glwe, 5, 20, 2, false));
	OK(int_unpack(h.c, &again, INT_U16, 8, glwe, 5, 20, 2, false));
	FAILS(AMT_OUT_OF_RANGE, int_unpack(h.c, &r, INT_U16, 8, glwe, n - 159, 20, 2, false));
	FAILS(AMT_NOISE_BUDGET, int_unpack(h.c, &r, INT_U16, 8, glwe, 0, 20, 1000, false));
	OK(int_compare(h.c, &r, INT_EQ, &a, &again)); /* known to be the same ciphertexts */
	assert_int_equal(r.block[0].sources, 0);
	int_column_free(&r);
	OK(int_append(h.c, &all, &a));
	OK(int_append(h.c, &all, &again));
	OK(int_add(h.c, &r, &all, &all));
	uint64_t got[40];
	h.decrypt(&h, &r, got);
	for (unsigned i = 0; i < 20; i++) {
		want[i] = (2 * x[i]) & 0xffff;
		assert_int_equal(got[i], want[i]);
		assert_int_equal(got[20 + i], want[i]);
	}
	int_column_free(&r);
	int_column_free(&all);
	int_column_free(&a);
	int_column_free(&again);
	mem_free_aligned(glwe, 0);
	mem_free_aligned(lwes, 0);
	free(pointers);
	free(values);
	close_harness(&h, &f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_toy),
		cmocka_unit_test(test_unpack),
		cmocka_unit_test(test_real),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A circuit over a table that spans several chunks, on toy keys, against plain arithmetic. */
#include "testing.h"

#include "../tfhe/fixture.h"
#include "../tfhe/toy_params.h"
#include "circuit/circuit.h"
#include "integer/secret.h"

#include <stdlib.h>

enum { ROWS = 150, CHUNK = 64, AGE_LIMIT = 50, SIZE_LIMIT = 300 };

struct table {
	struct fixture f;
	struct int_context *integers;
	uint64_t age[ROWS], size[ROWS];
	uint64_t answer[8], stored[ROWS], bits[ROWS];
	unsigned answers;
};

static amt_status load(void *context, enum circuit_part part, uint16_t column, enum int_type type,
	uint64_t first, size_t rows, struct int_column *out)
{
	struct table *t = context;
	ENSURE(part == CIRCUIT_VALUE && first + rows <= ROWS, AMT_INTERNAL, "load");
	return int_encrypt(t->f.secret, out, type, (column == 0 ? t->age : t->size) + first, rows);
}

static amt_status constant(
	void *context, unsigned index, enum int_type type, struct int_column *out)
{
	struct table *t = context;
	const uint64_t values[] = {AGE_LIMIT, SIZE_LIMIT};
	return int_encrypt(t->f.secret, out, type, &values[index], 1);
}

static amt_status store(void *context, const struct circuit_output *o, uint64_t first,
	const struct int_column *column)
{
	struct table *t = context;
	if (o->sink == CIRCUIT_ANSWER_VALUE) {
		ENSURE(column->rows == 1 && column->blocks == int_type_blocks(column->type),
			AMT_INTERNAL, "shape");
		return int_decrypt(t->f.secret, column, &t->answer[t->answers++]);
	}
	return int_decrypt(
		t->f.secret, column, (o->sink == CIRCUIT_STORE ? t->stored : t->bits) + first);
}

static void build(struct circuit *c)
{
	uint32_t age, size, k[2], old, big, both, none, sum, count, low, high, twice, changed, mask;
	OK(circuit_load(c, CIRCUIT_VALUE, 0, INT_U8, &age));
	OK(circuit_load(c, CIRCUIT_VALUE, 1, INT_U16, &size));
	OK(circuit_constant(c, INT_U8, &k[0]));
	OK(circuit_constant(c, INT_U16, &k[1]));
	OK(circuit_apply(c, CIRCUIT_COMPARE, INT_GT, INT_BOOL, (uint32_t[]){age, k[0]}, 2, &old));
	OK(circuit_apply(c, CIRCUIT_COMPARE, INT_LE, INT_BOOL, (uint32_t[]){size, k[1]}, 2, &big));
	OK(circuit_apply(c, CIRCUIT_NOT, 0, INT_BOOL, &big, 1, &none));
	OK(circuit_apply(c, CIRCUIT_ALL, 0, INT_BOOL, (uint32_t[]){old, none}, 2, &both));
	OK(circuit_apply(c, CIRCUIT_MASK, 0, INT_U16, (uint32_t[]){both, size}, 2, &mask));
	OK(circuit_apply(c, CIRCUIT_SUM, 0, INT_U64, &mask, 1, &sum));
	OK(circuit_apply(c, CIRCUIT_COUNT, 0, INT_U64, &both, 1, &count));
	OK(circuit_apply(c, CIRCUIT_MIN, 0, INT_U8, &age, 1, &low));
	OK(circuit_apply(c, CIRCUIT_MAX, 0, INT_U16, &mask, 1, &high));
	OK(circuit_apply(c, CIRCUIT_ADD, 0, INT_U64, (uint32_t[]){sum, count}, 2, &twice));
	OK(circuit_apply(c, CIRCUIT_ADD, 0, INT_U8, (uint32_t[]){age, k[0]}, 2, &changed));
	OK(circuit_apply(
		c, CIRCUIT_SELECT, 0, INT_U8, (uint32_t[]){both, changed, age}, 3, &changed));
	OK(circuit_output(c, CIRCUIT_ANSWER_ROWS, CIRCUIT_VALUE, 0, both));
	OK(circuit_output(c, CIRCUIT_STORE, CIRCUIT_VALUE, 0, changed));
	const uint32_t values[] = {sum, count, low, high, twice};
	for (unsigned i = 0; i < 5; i++)
		OK(circuit_output(c, CIRCUIT_ANSWER_VALUE, CIRCUIT_VALUE, 0, values[i]));
}

static void runs_equal_plain_arithmetic(void **state)
{
	(void)state;
	struct table *t = calloc(1, sizeof(*t));
	fixture_open(&t->f, TOY_PARAMS, 2);
	OK(int_context_new(&t->integers, t->f.e));
	srand(7);
	uint64_t sum = 0, count = 0, low = 255, high = 0;
	uint64_t bits[ROWS], changed[ROWS];
	for (unsigned i = 0; i < ROWS; i++) {
		t->age[i] = (uint64_t)rand() % 100;
		t->size[i] = (uint64_t)rand() % 1000;
		bits[i] = t->age[i] > AGE_LIMIT && t->size[i] > SIZE_LIMIT;
		changed[i] = bits[i] ? t->age[i] + AGE_LIMIT : t->age[i];
		count += bits[i];
		sum += bits[i] ? t->size[i] : 0;
		low = t->age[i] < low ? t->age[i] : low;
		high = bits[i] && t->size[i] > high ? t->size[i] : high;
	}
	struct circuit c = {0};
	build(&c);
	const struct circuit_host host = {t, load, constant, store};
	uint64_t before = tfhe_evaluator_bootstraps(t->f.e);
	OK(circuit_run(&c, t->integers, &host, ROWS, CHUNK));
	uint64_t spent = tfhe_evaluator_bootstraps(t->f.e) - before;
	assert_memory_equal(t->bits, bits, sizeof(bits));
	assert_memory_equal(t->stored, changed, sizeof(changed));
	const uint64_t expected[] = {sum, count, low, high, sum + count};
	assert_memory_equal(t->answer, expected, sizeof(expected));
	/* The cost model tells what is spent, give or take the shape of the trees. */
	struct circuit_cost cost;
	circuit_cost(&c, ROWS, &cost);
	print_message(
		"%.0f bootstraps estimated, %llu spent\n", cost.total, (unsigned long long)spent);
	assert_true((double)spent > 0.7 * cost.total && (double)spent < 1.3 * cost.total);

	/* No rows: aggregates are 0, nothing else is touched. */
	t->answers = 0;
	OK(circuit_run(&c, t->integers, &host, 0, CHUNK));
	assert_int_equal(t->answers, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(t->answer[i], 0);
	circuit_free(&c);
	int_context_free(t->integers);
	fixture_close(&t->f);
	free(t);
}

static void arithmetic(void **state)
{
	(void)state;
	struct table *t = calloc(1, sizeof(*t));
	fixture_open(&t->f, TOY_PARAMS, 2);
	OK(int_context_new(&t->integers, t->f.e));
	uint64_t want[ROWS];
	for (unsigned i = 0; i < ROWS; i++) {
		uint64_t age = t->age[i] = (i * 37 + i / 7) & 255;
		want[i] = ((age * AGE_LIMIT) ^ (age << AGE_LIMIT % 8)) + age % AGE_LIMIT -
			  (~(age / AGE_LIMIT));
		want[i] &= 255;
	}
	struct circuit c = {0}, again;
	uint32_t age, k, product, moved, mixed, rest, whole, sum;
	OK(circuit_load(&c, CIRCUIT_VALUE, 0, INT_U8, &age));
	OK(circuit_constant(&c, INT_U8, &k));
	const uint32_t both[] = {age, k};
	OK(circuit_apply(&c, CIRCUIT_MUL, 0, INT_U8, both, 2, &product));
	OK(circuit_apply(&c, CIRCUIT_SHIFT, INT_SHL, INT_U8, both, 2, &moved));
	OK(circuit_apply(
		&c, CIRCUIT_LOGIC, INT_XOR, INT_U8, (uint32_t[]){product, moved}, 2, &mixed));
	OK(circuit_apply(&c, CIRCUIT_REM, 0, INT_U8, both, 2, &rest));
	OK(circuit_apply(&c, CIRCUIT_DIV, 0, INT_U8, both, 2, &whole));
	OK(circuit_apply(&c, CIRCUIT_INVERT, 0, INT_U8, &whole, 1, &whole));
	OK(circuit_apply(&c, CIRCUIT_ADD, 0, INT_U8, (uint32_t[]){mixed, rest}, 2, &sum));
	OK(circuit_apply(&c, CIRCUIT_SUB, 0, INT_U8, (uint32_t[]){sum, whole}, 2, &sum));
	OK(circuit_output(&c, CIRCUIT_STORE, CIRCUIT_VALUE, 0, sum));
	FAILS(AMT_TYPE_MISMATCH, circuit_apply(&c, CIRCUIT_SHIFT, 9, INT_U8, both, 2, &whole));
	FAILS(AMT_TYPE_MISMATCH, circuit_apply(&c, CIRCUIT_LOGIC, 3, INT_U8, both, 2, &whole));
	FAILS(AMT_TYPE_MISMATCH, circuit_apply(&c, CIRCUIT_MUL, 0, INT_U16, both, 2, &whole));
	struct buf bytes = {0}, text = {0};
	OK(circuit_put(&c, &bytes));
	struct reader in = reader_of(buf_span(&bytes), "circuit");
	OK(circuit_get(&again, &in));
	OK(circuit_print(&again, NULL, &text));
	OK(buf_put_u8(&text, 0));
	assert_non_null(strstr((const char *)text.data, "shift.left"));
	const struct circuit_host host = {t, load, constant, store};
	OK(circuit_run(&again, t->integers, &host, ROWS, CHUNK));
	assert_memory_equal(t->stored, want, sizeof(want));
	struct circuit_cost cost;
	circuit_cost(&again, ROWS, &cost);
	assert_true(cost.per_row == 15 + 8 + 4 + 55 + 55 + 4 + 4);
	buf_free(&bytes);
	buf_free(&text);
	circuit_free(&c);
	circuit_free(&again);
	int_context_free(t->integers);
	fixture_close(&t->f);
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs_equal_plain_arithmetic), cmocka_unit_test(arithmetic)};
	return cmocka_run_group_tests_name("circuit_run", tests, NULL, NULL);
}

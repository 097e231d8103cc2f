#include "testing.h"

#include "circuit/circuit.h"

#include <stdlib.h>

/* age <= $1 and not (size > $2), counted; and the size of the matches summed. */
static void build_example(struct circuit *c)
{
	uint32_t age, size, k1, k2, a[3], both, masked, count, sum;
	OK(circuit_load(c, CIRCUIT_VALUE, 0, INT_U8, &age));
	OK(circuit_load(c, CIRCUIT_VALUE, 1, INT_U16, &size));
	OK(circuit_constant(c, INT_U8, &k1));
	OK(circuit_constant(c, INT_U16, &k2));
	OK(circuit_apply(c, CIRCUIT_COMPARE, INT_LE, INT_BOOL, (uint32_t[]){age, k1}, 2, &a[0]));
	OK(circuit_apply(c, CIRCUIT_COMPARE, INT_GT, INT_BOOL, (uint32_t[]){size, k2}, 2, &a[1]));
	OK(circuit_apply(c, CIRCUIT_NOT, 0, INT_BOOL, &a[1], 1, &a[2]));
	OK(circuit_apply(c, CIRCUIT_ALL, 0, INT_BOOL, (uint32_t[]){a[0], a[2]}, 2, &both));
	OK(circuit_apply(c, CIRCUIT_MASK, 0, INT_U16, (uint32_t[]){both, size}, 2, &masked));
	OK(circuit_apply(c, CIRCUIT_COUNT, 0, INT_U64, &both, 1, &count));
	OK(circuit_apply(c, CIRCUIT_SUM, 0, INT_U64, &masked, 1, &sum));
	OK(circuit_output(c, CIRCUIT_ANSWER_VALUE, CIRCUIT_VALUE, 0, count));
	OK(circuit_output(c, CIRCUIT_ANSWER_VALUE, CIRCUIT_VALUE, 0, sum));
}

static void circuits_print_as_text(void **state)
{
	(void)state;
	struct circuit c = {0};
	build_example(&c);
	struct buf text = {0};
	const char *const names[] = {"age", "size"};
	OK(circuit_print(&c, names, &text));
	OK(buf_put_u8(&text, 0));
	assert_string_equal((const char *)text.data, "%0 = load age : u8 a row\n"
						     "%1 = load size : u16 a row\n"
						     "%2 = constant $1 : u8\n"
						     "%3 = constant $2 : u16\n"
						     "%4 = compare.le %0 %2 : bool a row\n"
						     "%5 = compare.gt %1 %3 : bool a row\n"
						     "%6 = not %5 : bool a row\n"
						     "%7 = all %4 %6 : bool a row\n"
						     "%8 = mask %7 %1 : u16 a row\n"
						     "%9 = count %7 : u64\n"
						     "%10 = sum %8 : u64\n"
						     "-> value %9\n"
						     "-> value %10\n");
	buf_free(&text);
	circuit_free(&c);
}

static void equal_nodes_are_shared_and_trivial_ones_folded(void **state)
{
	(void)state;
	struct circuit c = {0};
	uint32_t a, b, x, y, t, f, n;
	OK(circuit_load(&c, CIRCUIT_VALUE, 3, INT_BOOL, &a));
	OK(circuit_load(&c, CIRCUIT_VALUE, 3, INT_BOOL, &b));
	assert_int_equal(a, b);
	OK(circuit_trivial(&c, INT_BOOL, 1, &t));
	OK(circuit_trivial(&c, INT_BOOL, 0, &f));
	OK(circuit_apply(&c, CIRCUIT_ALL, 0, INT_BOOL, (uint32_t[]){a, t, b}, 3, &x));
	assert_int_equal(x, a);
	OK(circuit_apply(&c, CIRCUIT_ANY, 0, INT_BOOL, (uint32_t[]){a, t}, 2, &x));
	assert_int_equal(x, t);
	OK(circuit_apply(&c, CIRCUIT_ALL, 0, INT_BOOL, (uint32_t[]){a, f}, 2, &x));
	assert_int_equal(x, f);
	OK(circuit_apply(&c, CIRCUIT_NOT, 0, INT_BOOL, &a, 1, &n));
	OK(circuit_apply(&c, CIRCUIT_NOT, 0, INT_BOOL, &n, 1, &y));
	assert_int_equal(y, a);
	OK(circuit_constant(&c, INT_U8, &x));
	OK(circuit_constant(&c, INT_U8, &y));
	assert_int_not_equal(x, y);
	circuit_free(&c);
}

static void pruning_drops_what_no_output_needs(void **state)
{
	(void)state;
	struct circuit c = {0};
	uint32_t a, b, n, m;
	OK(circuit_load(&c, CIRCUIT_VALUE, 0, INT_BOOL, &a));
	OK(circuit_apply(&c, CIRCUIT_NOT, 0, INT_BOOL, &a, 1, &n));
	OK(circuit_load(&c, CIRCUIT_VALUE, 1, INT_BOOL, &b));
	OK(circuit_apply(&c, CIRCUIT_NOT, 0, INT_BOOL, &b, 1, &m));
	OK(circuit_output(&c, CIRCUIT_ANSWER_ROWS, CIRCUIT_VALUE, 0, m));
	OK(circuit_prune(&c));
	assert_int_equal(c.nodes, 2);
	assert_int_equal(c.node[0].index, 1);
	assert_int_equal(c.argument[c.node[1].first_argument], 0);
	assert_int_equal(c.output[0].node, 1);
	circuit_free(&c);
}

static void wrong_types_are_refused(void **state)
{
	(void)state;
	struct circuit c = {0};
	uint32_t a, b, s, x;
	OK(circuit_load(&c, CIRCUIT_VALUE, 0, INT_U8, &a));
	OK(circuit_load(&c, CIRCUIT_VALUE, 1, INT_U16, &b));
	FAILS(AMT_TYPE_MISMATCH,
		circuit_apply(&c, CIRCUIT_ADD, 0, INT_U8, (uint32_t[]){a, b}, 2, &x));
	FAILS(AMT_TYPE_MISMATCH, circuit_apply(&c, CIRCUIT_NOT, 0, INT_BOOL, &a, 1, &x));
	FAILS(AMT_TYPE_MISMATCH, circuit_apply(&c, CIRCUIT_COUNT, 0, INT_U64, &a, 1, &x));
	FAILS(AMT_TYPE_MISMATCH, circuit_load(&c, CIRCUIT_NULL_FLAG, 0, INT_U8, &x));
	FAILS(AMT_TYPE_MISMATCH, circuit_trivial(&c, INT_U8, 256, &x));
	FAILS(AMT_TYPE_MISMATCH, circuit_output(&c, CIRCUIT_ANSWER_ROWS, CIRCUIT_VALUE, 0, a));
	FAILS(AMT_TYPE_MISMATCH, circuit_output(&c, CIRCUIT_ANSWER_VALUE, CIRCUIT_VALUE, 0, a));
	OK(circuit_apply(&c, CIRCUIT_MAX, 0, INT_U8, &a, 1, &s));
	FAILS(AMT_TYPE_MISMATCH,
		circuit_apply(&c, CIRCUIT_ADD, 0, INT_U8, (uint32_t[]){a, s}, 2, &x));
	OK(circuit_apply(&c, CIRCUIT_ADD, 0, INT_U8, (uint32_t[]){s, s}, 2, &x));
	circuit_free(&c);
}

static void codec_round_trips_and_survives_damage(void **state)
{
	(void)state;
	struct circuit c = {0};
	build_example(&c);
	struct buf wire = {0}, again = {0};
	OK(circuit_put(&c, &wire));
	struct reader in = reader_of(buf_span(&wire), "circuit");
	struct circuit back;
	OK(circuit_get(&back, &in));
	OK(read_end(&in));
	OK(circuit_put(&back, &again));
	assert_true(span_equal(buf_span(&wire), buf_span(&again)));
	circuit_free(&back);
	for (size_t cut = 0; cut < wire.size; cut++) {
		in = reader_of(span_of(wire.data, cut), "circuit");
		FAILS(AMT_TRUNCATED, circuit_get(&back, &in));
	}
	/* Any flipped byte gives an error or another circuit that passes every check. */
	for (size_t i = 0; i < wire.size; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			wire.data[i] ^= (uint8_t)(1u << bit);
			in = reader_of(buf_span(&wire), "circuit");
			amt_status s = circuit_get(&back, &in);
			if (amt_ok(s))
				for (size_t k = 0; k < back.outputs; k++)
					assert_true(back.output[k].node < back.nodes);
			amt_status_clear(&s);
			circuit_free(&back);
			wire.data[i] ^= (uint8_t)(1u << bit);
		}
	buf_free(&wire);
	buf_free(&again);
	circuit_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(circuits_print_as_text),
		cmocka_unit_test(equal_nodes_are_shared_and_trivial_ones_folded),
		cmocka_unit_test(pruning_drops_what_no_output_needs),
		cmocka_unit_test(wrong_types_are_refused),
		cmocka_unit_test(codec_round_trips_and_survives_damage),
	};
	return cmocka_run_group_tests_name("circuit", tests, NULL, NULL);
}

/* Programs over encrypted pages against the same programs on plain slots. */
#include "fixture.h"

#include <stdlib.h>

static void check(struct fixture *f, struct builder *b)
{
	struct scan_result got = {0}, expected = {0};
	struct scan_work work;
	OK(fixture_run(f, &b->p, b->scalar, b->scale, &got, &work));
	fixture_expect(f, &b->p, b->scalar, b->scale, &expected);
	uint32_t *a = got.rows, *e = expected.rows;
	for (uint32_t i = 0; i < b->p.outputs; i++) {
		if (b->p.output[i].kind == SCAN_TOTAL) {
			assert_int_equal(got.totals[i], expected.totals[i]);
			continue;
		}
		for (uint64_t r = 0; r < f->rows; r++)
			assert_int_equal(a[r], e[r]);
		a += f->rows;
		e += f->rows;
	}
	assert_true(got.noise_margin_bits > 0);
	assert_int_equal(work.pages, f->pages);
	scan_result_free(&got);
	mem_free(expected.rows);
	mem_free(expected.totals);
	scan_program_free(&b->p);
	*b = (struct builder){0};
}

static void open_table(struct fixture *f, unsigned log2n, unsigned threads, uint64_t rows)
{
	fixture_open(f, log2n, threads);
	fixture_column(f, 255, 0, 0, true);
	fixture_column(f, 10, 0, 0, true);
	fixture_column(f, 2525, 0, 0, false);
	fixture_column(f, UINT32_MAX, 0, 0, true);
	fixture_column(f, 2, 0, 0, false);
	fixture_fill(f, rows, 42);
}

static void test_compare_in(unsigned ring)
{
	struct fixture f;
	struct builder b = {0};
	open_table(&f, ring, 2, 5000);
	for (unsigned column = 0; column < f.table.columns; column++) {
		uint64_t max = f.layout[column].max;
		uint64_t some[] = {0, max, max / 3, f.code[column][17]};
		for (unsigned i = 0; i < 4; i++) {
			uint32_t lt, eq;
			build_compare(&b, &f, column, some[i], &lt, &eq);
			OK(scan_rows(&b.p, lt));
			OK(scan_rows(&b.p, eq));
			check(&f, &b);
		}
	}
	fixture_close(&f);
}

static void test_compare(void **state)
{
	(void)state;
	test_compare_in(11);
	test_compare_in(WIDE);
}

static void test_totals_in(unsigned ring)
{
	struct fixture f;
	struct builder b = {0};
	open_table(&f, ring, 2, 12000);
	uint32_t lt, eq, valid, matches, price[4], discount;
	build_compare(&b, &f, 2, 1200, &lt, NULL);
	build_compare(&b, &f, 0, 100, NULL, &eq);
	valid = build_public(&b, SCAN_VALID_COLUMN, 0, 1, 0);
	matches = build_or(&b, lt, eq);
	discount = build_public(&b, 1, 0, 11, 0);
	unsigned limb = scan_group_first(&f.layout[3], f.layout[3].digits);
	for (unsigned i = 0; i < 4; i++)
		price[i] = build_public(&b, 3, limb + i, 1, 0);
	uint32_t both = build_product(&b, matches, discount);
	for (unsigned i = 0; i < 4; i++)
		build_total(&b, both, price[i], 255);
	build_total(&b, valid, SCAN_NONE, 1);
	build_total(&b, matches, SCAN_NONE, 1);
	OK(scan_rows(&b.p, matches));
	check(&f, &b);
	/* One total alone is not folded. */
	build_compare(&b, &f, 3, 1u << 31, &lt, NULL);
	build_total(&b, lt, SCAN_NONE, 1);
	check(&f, &b);
	/* Accumulators that are full after a page. */
	price[0] = build_public(&b, 3, limb, 1, 0);
	price[1] = build_public(&b, 3, limb + 1, 1, 0);
	build_total(&b, price[0], price[1], 255 * 255);
	build_total(&b, price[0], price[0], 255 * 255);
	check(&f, &b);
	fixture_close(&f);
}

static void test_totals(void **state)
{
	(void)state;
	test_totals_in(11);
	test_totals_in(WIDE);
}

/* match D! = S (S - 1) (S - 2) (S - 3) */
static void test_product_form(void **state)
{
	(void)state;
	struct fixture f;
	struct builder b = {0};
	open_table(&f, 11, 1, 3000);
	fixture_close(&f);
	fixture_open(&f, 11, 1);
	fixture_column(&f, 255, 4, 0, false);
	fixture_fill(&f, 3000, 3);
	const struct scan_column *c = &f.layout[0];
	assert_int_equal(c->digits, 4);
	uint16_t digit[SCAN_MAX_DIGITS];
	scan_digits(c, f.code[0][5], digit);
	for (unsigned j = 0; j < 4; j++) {
		OK(scan_add_range(&b.p, (struct scan_range){0, (uint16_t)scan_group_first(c, j),
						c->base[j], b.p.scalars}));
		for (unsigned v = 0; v < c->base[j]; v++)
			b.scalar[b.p.scalars++] = v == digit[j];
	}
	uint32_t s, u, match;
	OK(scan_leaf(&b.p, &s));
	uint32_t first = build_public(&b, 0, 0, 1, 0);
	/* u = S (S - 3), match = u (u + 2) */
	OK(scan_add_term(&b.p, (struct scan_term){s, s, 1}));
	OK(scan_add_term(&b.p, (struct scan_term){s, SCAN_NONE, -3}));
	OK(scan_sum(&b.p, 0, &u));
	OK(scan_add_term(&b.p, (struct scan_term){u, u, 1}));
	OK(scan_add_term(&b.p, (struct scan_term){u, SCAN_NONE, 2}));
	OK(scan_sum(&b.p, 0, &match));
	OK(scan_rows(&b.p, match));
	build_total(&b, match, SCAN_NONE, 1);
	build_total(&b, match, first, 1);
	b.scale = 24;
	check(&f, &b);
	fixture_close(&f);
}

static void test_random(void **state)
{
	(void)state;
	struct fixture f;
	struct builder b = {0};
	open_table(&f, 11, 2, 4500);
	srand(9);
	for (unsigned i = 0; i < (light() ? 3 : 40); i++) {
		uint32_t node[3];
		for (unsigned k = 0; k < 3; k++) {
			unsigned column = (unsigned)rand() % f.table.columns;
			uint64_t at = f.code[column][(unsigned)rand() % f.rows];
			bool equal = rand() % 2;
			build_compare(&b, &f, column, at, equal ? NULL : &node[k],
				equal ? &node[k] : NULL);
		}
		uint32_t two = rand() % 2 ? build_product(&b, node[0], node[1])
					  : build_or(&b, node[0], node[1]);
		uint32_t all =
			rand() % 2 ? build_product(&b, two, node[2]) : build_or(&b, two, node[2]);
		if (rand() % 2)
			OK(scan_rows(&b.p, all));
		build_total(&b, all, SCAN_NONE, 1);
		if (rand() % 2)
			build_total(&b, all, two, 1);
		check(&f, &b);
	}
	fixture_close(&f);
}

/* A host that leaves something out, adds or moves it. */
static void test_canaries(void **state)
{
	(void)state;
	struct fixture f;
	struct builder b = {0};
	struct scan_result got = {0};
	struct scan_work work;
	open_table(&f, 11, 1, 3000);
	uint32_t lt;
	build_compare(&b, &f, 0, 128, &lt, NULL);
	build_total(&b, lt, SCAN_NONE, 1);
	struct buf first = f.page[0][0], second = f.page[0][1];
	f.page[0][0] = second;
	f.page[0][1] = first;
	/* The sum of two pages is the same, whichever is first; but row bits are not. */
	OK(fixture_run(&f, &b.p, b.scalar, 0, &got, &work));
	scan_result_free(&got);
	f.page[0][0] = first;
	FAILS(AMT_INTEGRITY, fixture_run(&f, &b.p, b.scalar, 0, &got, &work));
	f.page[0][0] = second;
	OK(scan_rows(&b.p, lt));
	FAILS(AMT_INTEGRITY, fixture_run(&f, &b.p, b.scalar, 0, &got, &work));
	f.page[0][0] = first;
	f.page[0][1] = second;
	scan_program_free(&b.p);
	fixture_close(&f);
}

static void test_verify_in(unsigned ring)
{
	struct fixture f;
	open_table(&f, ring, 1, 2000);
	for (unsigned c = 0; c < f.table.columns; c++) {
		struct span page = buf_span(&f.page[c][0]);
		OK(scan_page_verify(f.secret, f.canary_key, c, &f.layout[c], 0, f.code[c],
			f.null[c], f.kept, 2000, f.pool, page));
		f.kept[100] = !f.kept[100];
		f.null[c][100] = false;
		FAILS(AMT_INTEGRITY, scan_page_verify(f.secret, f.canary_key, c, &f.layout[c], 0,
					     f.code[c], f.null[c], f.kept, 2000, f.pool, page));
		f.kept[100] = !f.kept[100];
		f.page[c][0].data[page.size - 1] = 0xff;
		f.page[c][0].data[page.size - 2] = 0xff;
		FAILS(AMT_CORRUPTION, scan_page_check(&f.layout[c], f.ring, page));
	}
	fixture_close(&f);
}

static void test_verify(void **state)
{
	(void)state;
	test_verify_in(11);
	test_verify_in(WIDE);
}

static void test_fit(void **state)
{
	(void)state;
	struct fixture f;
	struct builder b = {0};
	struct scan_fit fit;
	open_table(&f, 11, 1, 100);
	uint32_t lt;
	build_compare(&b, &f, 3, 12345, &lt, NULL);
	build_total(&b, lt, SCAN_NONE, 1);
	OK(scan_fit(&fit, &b.p, &f.table, 1000));
	assert_true(fit.failure_log2 < -128);
	assert_int_equal(fit.limbs, 5);
	scan_fit_free(&fit);
	/* A page of 6 GB. */
	struct scan_column wide;
	const struct bgv_params *large = bgv_params_for(15);
	FAILS(AMT_LIMIT, scan_column_make(&wide, large, UINT64_MAX, 256, 4, true, 10));
	OK(scan_column_make(&wide, large, UINT64_MAX, 128, 4, true, 18));
	assert_int_equal(wide.stored, 20);
	/* Four primes of B13 are too few for 8 digits of 16. */
	struct bgv_params small = *bgv_params_for(13);
	struct scan_table t = f.table;
	t.ring = &small;
	FAILS(AMT_NOISE_BUDGET, scan_fit(&fit, &b.p, &t, 1000));
	scan_program_free(&b.p);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_totals),
		cmocka_unit_test(test_product_form),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_canaries),
		cmocka_unit_test(test_verify),
		cmocka_unit_test(test_fit),
	};
	return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}

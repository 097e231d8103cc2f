/* Scan programs, as a host takes them from whoever asks. What it accepts has the same bytes when it is
 * written again, is fitted or refused with a reason, and can be evaluated on any row. */
#include "scan/program.h"

#include "base/alloc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { COLUMNS = 4 };

static void must(amt_status s)
{
	if (!amt_ok(s))
		__builtin_trap();
}

static const struct scan_table *table(void)
{
	static struct scan_column column[COLUMNS];
	static struct scan_table t;
	if (t.ring == NULL) {
		t.ring = bgv_params_for(14);
		must(scan_column_make(&column[0], t.ring, 255, 0, 4, true, 5));
		must(scan_column_make(&column[1], t.ring, 10, 0, 4, false, 5));
		must(scan_column_make(&column[3], t.ring, 0xffffff, 16, 8, true, 4));
		t.column = column; /* column 2 has no scan form */
		t.columns = COLUMNS;
		t.valid = scan_valid_column(t.ring, column[0].stored);
	}
	return &t;
}

static void evaluate(const struct scan_program *p)
{
	static const uint64_t code[COLUMNS] = {77, 3, 0, 0x123456};
	int8_t *scalar;
	uint32_t *output;
	must(mem_array(&scalar, (size_t)p->scalars + 1, sizeof(*scalar)));
	must(mem_array(&output, (size_t)p->outputs + 1, sizeof(*output)));
	for (uint32_t i = 0; i < p->scalars; i++)
		scalar[i] = (int8_t)(i % 3) - 1;
	must(scan_evaluate_row(p, table(), code, NULL, scalar, NULL, output));
	must(scan_evaluate_left_out(p, table(), code, false, scalar, NULL, output));
	for (uint32_t i = 0; i < p->outputs; i++)
		if (output[i] >= BGV_T)
			__builtin_trap();
	mem_free(scalar);
	mem_free(output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader r = reader_of(span_of(data, size), "scan program");
	struct scan_program p;
	struct scan_fit fit;
	struct buf again = {0};
	amt_status s = scan_program_get(&p, table(), &r);
	if (!amt_ok(s)) {
		amt_status_clear(&s);
		return 0;
	}
	must(scan_program_put(&p, &again));
	if (!span_equal(buf_span(&again), span_of(data, again.size)))
		__builtin_trap();
	buf_free(&again);
	evaluate(&p);
	s = scan_fit(&fit, &p, table(), 1000);
	if (amt_ok(s))
		scan_fit_free(&fit);
	amt_status_clear(&s);
	scan_program_free(&p);
	return 0;
}

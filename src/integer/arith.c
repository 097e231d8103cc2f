/* Addition and subtraction: the sum of two digits and a carry has at most 8 values, so one rotation
 * of a table with two functions gives digit and carry (many-LUT: Chillotti, Ligier, Orfila, Tap,
 * "Improved programmable bootstrapping with larger precision", 2021). */
#include "integer/internal.h"

int32_t int_digit_carry(unsigned f, int32_t m, int32_t parameter)
{
	(void)parameter;
	int32_t digit = (int32_t)((unsigned)m & 3);
	return 2 * (f == 0 ? digit : (m - digit) / 4);
}

/* State: one carry block. */
amt_status int_ripple(struct int_context *c, struct int_column *column)
{
	size_t rows = column->rows;
	struct int_block carry;
	TRY(int_block_alloc(&carry, column->stride, rows));
	struct int_stage stage = {0};
	amt_status s = STATUS_OK;
	for (unsigned b = 0; b < column->blocks; b++) {
		struct int_block *sum = &column->block[b];
		if (b > 0) {
			for (size_t r = 0; r < rows; r++)
				tfhe_lwe_add(c->params, sum->lwe + r * column->stride,
					sum->lwe + r * column->stride,
					carry.lwe + r * column->stride);
			if (!int_track(sum, &carry, 1, false)) {
				s = ERROR(AMT_INTERNAL, "a sum of too many sources");
				goto done;
			}
		}
		bool top = b + 1 == column->blocks;
		struct int_table table;
		TRY_GOTO(s, int_table(c, &table, top ? 1 : 2, sum->lo, sum->hi, int_digit_carry, 0),
			done);
		struct int_block *results[] = {sum, &carry};
		TRY_GOTO(s, int_stage_add(c, &stage, sum, rows, &table, results), done);
		TRY_GOTO(s, int_stage_run(c, &stage), done);
	}
done:
	int_stage_free(&stage);
	int_block_free(&carry, column->stride, rows);
	return s;
}

/* out = a + sign * b. The carry of a subtraction is 0 or -1: a - b + carry is in [-4, 3]. */
static amt_status add(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b, int32_t sign)
{
	out->blocks = 0;
	size_t rows;
	TRY(int_agree(&rows, a, b));
	ENSURE(a->type != INT_BOOL, AMT_TYPE_MISMATCH, "bool has no addition");
	struct int_operand x, y, *both[] = {&x, &y};
	int_operand_open(&x, a, 0);
	int_operand_open(&y, b, 1);
	amt_status s;
	for (unsigned i = 0; i < a->blocks; i++) {
		struct int_part parts[] = {{&x, i, 1}, {&y, i, sign}};
		TRY_GOTO(s, int_fit(c, rows, parts, 2, 1), done);
	}
	TRY_GOTO(s, int_operands_clean(c, both, 2), done);
	TRY_GOTO(s, int_column_alloc(out, c->params, a->type, a->blocks, rows), done);
	for (unsigned i = 0; i < a->blocks; i++) {
		struct int_part parts[] = {{&x, i, 1}, {&y, i, sign}};
		TRY_GOTO(s, int_combine(c, &out->block[i], rows, parts, 2, 0), done);
	}
	s = int_ripple(c, out);
done:
	int_operand_close(&x);
	int_operand_close(&y);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

amt_status int_add(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b)
{
	return add(c, out, a, b, 1);
}

amt_status int_sub(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b)
{
	return add(c, out, a, b, -1);
}

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

static int32_t carry_only(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	return int_digit_carry(1, m, parameter);
}

/* A sum that is the same in every row needs no bootstrap. */
static void resolve_constant(struct int_context *c, struct int_block *sum, struct int_block *carry,
	unsigned stride, size_t rows)
{
	int32_t m = sum->lo, digit = (int32_t)((unsigned)m & 3);
	struct int_block *blocks[] = {sum, carry};
	int32_t values[] = {digit, (m - digit) / 4};
	for (unsigned i = 0; i < 2; i++) {
		for (size_t r = 0; r < rows; r++)
			tfhe_lwe_trivial(c->params, blocks[i]->lwe + r * stride,
				(uint32_t)values[i] << tfhe_delta_log2(c->params));
		blocks[i]->lo = blocks[i]->hi = values[i];
		blocks[i]->sources = 0;
	}
}

/* Digit and carry of one sum, in place and to *carry (NULL: not wanted). The digit of a wide sum is
 * sum - 4 carry or a sample combination, whichever is quieter. */
static amt_status resolve(struct int_context *c, struct int_stage *stage, struct int_block *sum,
	struct int_block *carry, unsigned stride, size_t rows)
{
	struct int_table table;
	int32_t span = sum->hi - sum->lo;
	if (carry == NULL) {
		TRY(int_table_any(c, &table, 1, sum->lo, sum->hi, int_digit_carry, 0));
		TRY(int_stage_add(c, stage, sum, rows, &table, &sum));
		return int_stage_run(c, stage);
	}
	enum { MIXED_STEPS = 3 * 9 + 12 };
	if (span > 7 && span < 16 && int_noise(sum) + 16 <= MIXED_STEPS) {
		TRY(int_table(c, &table, 1, sum->lo, sum->hi, carry_only, 0));
		TRY(int_stage_add(c, stage, sum, rows, &table, &carry));
		TRY(int_stage_run(c, stage));
		for (size_t r = 0; r < rows; r++)
			tfhe_lwe_add_scaled(
				c->params, sum->lwe + r * stride, carry->lwe + r * stride, -4);
		ENSURE(int_track(sum, carry, -4, false), AMT_INTERNAL, "a sum of too many sources");
		sum->lo = 0;
		sum->hi = 3;
		return STATUS_OK;
	}
	TRY(int_table_any(c, &table, 2, sum->lo, sum->hi, int_digit_carry, 0));
	TRY(int_stage_add(c, stage, sum, rows, &table, (struct int_block *const[]){sum, carry}));
	return int_stage_run(c, stage);
}

/* State: one carry block. */
amt_status int_ripple(struct int_context *c, struct int_column *column, struct int_block *carry_out)
{
	size_t rows = column->rows;
	unsigned stride = column->stride;
	struct int_block carry = {0};
	struct int_stage stage = {0};
	amt_status s;
	bool carries = false; /* carry has words */
	if (carry_out == NULL)
		TRY(int_block_alloc(&carry, stride, rows));
	else
		carry.lwe = carry_out->lwe;
	for (unsigned b = 0; b < column->blocks; b++) {
		struct int_block *sum = &column->block[b];
		bool top = b + 1 == column->blocks;
		for (size_t r = 0; carries && r < rows; r++)
			tfhe_lwe_add(c->params, sum->lwe + r * stride, sum->lwe + r * stride,
				carry.lwe + r * stride);
		if (!int_track(sum, &carry, 1, false)) {
			s = ERROR(AMT_INTERNAL, "a sum of too many sources");
			goto done;
		}
		carry.lo = carry.hi = 0;
		carry.sources = 0;
		carries = sum->lo < 0 || sum->hi > 3;
		if (!carries)
			continue;
		if (sum->lo == sum->hi)
			resolve_constant(c, sum, &carry, stride, rows);
		else
			TRY_GOTO(s,
				resolve(c, &stage, sum, top && carry_out == NULL ? NULL : &carry,
					stride, rows),
				done);
	}
	s = STATUS_OK;
	if (carry_out != NULL) {
		for (size_t r = 0; !carries && r < rows; r++)
			tfhe_lwe_trivial(c->params, carry.lwe + r * stride, 0);
		*carry_out = carry;
	}
done:
	int_stage_free(&stage);
	if (carry_out == NULL)
		int_block_free(&carry, stride, rows);
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
	s = int_ripple(c, out, NULL);
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

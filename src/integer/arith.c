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
	uint64_t least = int_noise(sum) + 16;
	least = least < MIXED_STEPS ? least : MIXED_STEPS;
	if (span > 7 && span < 16 && 2 * least > c->params->max_noise) {
		struct int_block digit = {0}, *both[] = {&digit, carry};
		TRY(int_block_alloc(&digit, stride, rows));
		amt_status s = int_stage_each(c, stage, sum, rows, 2, int_digit_carry, 0, both);
		if (amt_ok(s))
			s = int_stage_run(c, stage);
		int_block_free(sum, stride, rows);
		*sum = digit;
		return s;
	}
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

/* Signed values overflow where the sum of the top digits, read as -2 to 1, with the carry leaves that
 * range. */
static int32_t signed_digit(int32_t digit)
{
	return digit >= 2 ? digit - 4 : digit;
}

static int32_t signed_sum(unsigned f, int32_t m, int32_t sign)
{
	(void)f;
	return 2 * (signed_digit(m >> 2) + sign * signed_digit(m & 3));
}

static int32_t digit_overflow(unsigned f, int32_t m, int32_t parameter)
{
	(void)parameter;
	return 2 * (f == 0 ? (int32_t)((unsigned)m & 3) : m < -2 || m > 1);
}

/* The top block with its overflow, after the others have been rippled into `flag`. */
static amt_status ripple_signed(
	struct int_context *c, struct int_column *column, struct int_block *flag)
{
	struct int_block *top = &column->block[column->blocks - 1];
	size_t rows = column->rows;
	struct int_stage stage = {0};
	struct int_table table;
	column->blocks--;
	amt_status s = int_ripple(c, column, flag);
	column->blocks++;
	TRY(s);
	for (size_t r = 0; r < rows; r++)
		tfhe_lwe_add(c->params, top->lwe + r * column->stride,
			top->lwe + r * column->stride, flag->lwe + r * column->stride);
	ENSURE(int_track(top, flag, 1, false), AMT_INTERNAL, "a sum of too many sources");
	TRY(int_table_any(c, &table, 2, top->lo, top->hi, digit_overflow, 0));
	s = int_stage_add(c, &stage, top, rows, &table, (struct int_block *const[]){top, flag});
	if (amt_ok(s))
		s = int_stage_run(c, &stage);
	int_stage_free(&stage);
	return s;
}

/* out = a + sign * b. The carry of a subtraction is 0 or -1: a - b + carry is in [-4, 3]. */
static amt_status add(struct int_context *c, struct int_column *out, struct int_column *overflow,
	const struct int_column *a, const struct int_column *b, int32_t sign)
{
	out->blocks = 0;
	size_t rows;
	TRY(int_agree(&rows, a, b));
	ENSURE(a->type != INT_BOOL, AMT_TYPE_MISMATCH, "bool has no addition");
	struct int_operand x, y, *both[] = {&x, &y};
	int_operand_open(&x, a, 0);
	int_operand_open(&y, b, 1);
	bool signs = overflow != NULL && int_type_signed(a->type);
	amt_status s;
	for (unsigned i = 0; i < a->blocks; i++) {
		struct int_part parts[] = {{&x, i, 1}, {&y, i, sign}};
		if (signs && i + 1 == a->blocks) {
			parts[0].weight = 4;
			parts[1].weight = 1;
		}
		TRY_GOTO(s, int_fit(c, rows, parts, 2, 1), done);
	}
	TRY_GOTO(s, int_operands_clean(c, both, 2), done);
	TRY_GOTO(s, int_column_alloc(out, c->params, a->type, a->blocks, rows), done);
	for (unsigned i = 0; i < a->blocks; i++) {
		struct int_part parts[] = {{&x, i, 1}, {&y, i, sign}};
		bool top = signs && i + 1 == a->blocks;
		if (top) {
			parts[0].weight = 4;
			parts[1].weight = 1;
		}
		TRY_GOTO(s, int_combine(c, &out->block[i], rows, parts, 2, 0), done);
		if (top)
			TRY_GOTO(s, int_apply(c, &out->block[i], rows, signed_sum, sign), done);
	}
	struct int_block *flag = NULL;
	if (overflow != NULL) {
		TRY_GOTO(s, int_column_alloc(overflow, c->params, INT_BOOL, 1, rows), done);
		flag = &overflow->block[0];
	}
	s = signs ? ripple_signed(c, out, flag) : int_ripple(c, out, flag);
	if (amt_ok(s) && flag != NULL && !signs && sign < 0) {
		struct int_block borrow = *flag;
		struct int_term term = {&borrow, rows, -1};
		TRY_GOTO(s, int_block_alloc(flag, out->stride, rows), done);
		s = int_linear(c, flag, rows, &term, 1, 0);
		int_block_free(&borrow, out->stride, rows);
	}
done:
	int_operand_close(&x);
	int_operand_close(&y);
	if (!amt_ok(s)) {
		int_column_free(out);
		int_column_free(overflow);
	}
	return s;
}

/* ---- a clear operand --------------------------------------------------------------------------
 * With a clear digit pair k, 4 x1 + x0 + k and a carry of 0 or 1 are 17 messages, which a mixed table
 * holds: two blocks a rotation. */

/* 0, 1: the digits, 2: the carry of m - 16 low. */
static int32_t pair_digits(unsigned f, int32_t m, int32_t parameter)
{
	(void)parameter;
	return 2 * (f == 0 ? (m & 3) : f == 1 ? (m >> 2 & 3) : m >> 4);
}

enum { PAIR_NOISE = 48 };

static amt_status add_pairs(struct int_context *c, struct int_column *out,
	const struct int_operand *x, unsigned __int128 value)
{
	struct int_column *a = (struct int_column *)&x->column;
	size_t rows = a->rows;
	struct int_block carry = {0}, sum = {0};
	struct int_stage stage = {0};
	struct int_table table;
	amt_status s;
	TRY_GOTO(s, int_block_alloc(&carry, a->stride, rows), done);
	TRY_GOTO(s, int_block_alloc(&sum, a->stride, rows), done);
	TRY_GOTO(s, int_linear(c, &carry, rows, NULL, 0, 0), done);
	for (unsigned b = 0; b < a->blocks; b += 2) {
		int32_t k = (int32_t)(value >> 2 * b & 15);
		struct int_term terms[] = {
			{&a->block[b], rows, 1}, {&a->block[b + 1], rows, 4}, {&carry, rows, 1}};
		if (k == 0 && carry.lo == carry.hi && carry.lo == 0) {
			TRY_GOTO(s, int_linear(c, &out->block[b], rows, &terms[0], 1, 0), done);
			terms[1].weight = 1;
			TRY_GOTO(s, int_linear(c, &out->block[b + 1], rows, &terms[1], 1, 0), done);
			continue;
		}
		bool top = b + 2 == a->blocks;
		TRY_GOTO(s, int_linear(c, &sum, rows, terms, 3, k), done);
		TRY_GOTO(s, int_table_mixed(c, &table, top ? 2 : 3, sum.lo, sum.hi, pair_digits, 0),
			done);
		TRY_GOTO(s,
			int_stage_add(c, &stage, &sum, rows, &table,
				(struct int_block *const[]){
					&out->block[b], &out->block[b + 1], &carry}),
			done);
		TRY_GOTO(s, int_stage_run(c, &stage), done);
	}
	s = STATUS_OK;
done:
	int_stage_free(&stage);
	int_block_free(&carry, a->stride, rows);
	int_block_free(&sum, a->stride, rows);
	return s;
}

/* Whether pairs may be used, and their clean enough operand. */
static amt_status add_clear(struct int_context *c, struct int_column *out,
	const struct int_column *a, unsigned __int128 value)
{
	struct int_operand x, *all[] = {&x};
	amt_status s;
	out->blocks = 0;
	int_operand_open(&x, a, 0);
	for (unsigned b = 0; b < a->blocks; b += 2) {
		struct int_part parts[] = {{&x, b, 1}, {&x, b + 1, 4}};
		TRY_GOTO(s, int_fit(c, a->rows, parts, 2, 1), done);
	}
	TRY_GOTO(s, int_operands_clean(c, all, 1), done);
	TRY_GOTO(s, int_column_alloc(out, c->params, a->type, a->blocks, a->rows), done);
	s = add_pairs(c, out, &x, value);
done:
	int_operand_close(&x);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

static bool pairs_fit(const struct int_context *c, const struct int_column *a, size_t rows)
{
	for (unsigned b = 0; b < a->blocks; b++)
		if (a->block[b].lo < 0 || a->block[b].hi > 3)
			return false;
	return 2 * PAIR_NOISE <= c->params->max_noise && a->blocks % 2 == 0 && a->rows == rows &&
	       a->type != INT_BOOL && !int_is_clear(a);
}

amt_status int_add(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b)
{
	size_t rows;
	out->blocks = 0;
	TRY(int_agree(&rows, a, b));
	if (int_is_clear(b) && pairs_fit(c, a, rows))
		return add_clear(c, out, a, int_clear_value(b));
	if (int_is_clear(a) && pairs_fit(c, b, rows))
		return add_clear(c, out, b, int_clear_value(a));
	return add(c, out, NULL, a, b, 1);
}

amt_status int_sub(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b)
{
	size_t rows;
	out->blocks = 0;
	TRY(int_agree(&rows, a, b));
	if (int_is_clear(b) && pairs_fit(c, a, rows))
		return add_clear(c, out, a, 0 - int_clear_value(b));
	if (int_is_clear(a) && pairs_fit(c, b, rows)) { /* a - b = ~b + a + 1 */
		struct int_column inverted;
		TRY(int_not(c, &inverted, b));
		amt_status s = add_clear(c, out, &inverted, int_clear_value(a) + 1);
		int_column_free(&inverted);
		return s;
	}
	return add(c, out, NULL, a, b, -1);
}

amt_status int_neg(struct int_context *c, struct int_column *out, const struct int_column *a)
{
	struct int_column zero;
	out->blocks = 0;
	TRY(int_trivial(c, &zero, a->type, 0, 1));
	amt_status s = int_sub(c, out, &zero, a);
	int_column_free(&zero);
	return s;
}

amt_status int_add_overflow(struct int_context *c, struct int_column *out,
	struct int_column *overflow, const struct int_column *a, const struct int_column *b)
{
	overflow->blocks = 0;
	return add(c, out, overflow, a, b, 1);
}

amt_status int_sub_overflow(struct int_context *c, struct int_column *out,
	struct int_column *overflow, const struct int_column *a, const struct int_column *b)
{
	overflow->blocks = 0;
	return add(c, out, overflow, a, b, -1);
}

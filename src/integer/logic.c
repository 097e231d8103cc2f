/* Logic, and everything a single bit decides. */
#include "integer/internal.h"

#include "base/alloc.h"

/* ---- flags ---------------------------------------------------------------------------------- */

static bool same_flag(const struct int_term *a, const struct int_term *b, unsigned stride)
{
	return a->rows == b->rows && a->block->sources == b->block->sources &&
	       (a->block->lwe == b->block->lwe ||
		       int_same_words(a->block, b->block, a->rows, stride));
}

/* How many of the first flags make one sum that a threshold can judge. */
static size_t group_size(
	struct int_context *c, const struct int_term *flags, size_t count, size_t rows, bool any)
{
	struct int_block sum = {0};
	size_t n = 0;
	while (n < count && int_track(&sum, flags[n].block, 1, flags[n].rows == 1 && rows > 1)) {
		/* Sum and sum + 16 get opposite answers: only [n - 16, n] or [-15, 16] will do. */
		bool fits = any ? sum.lo >= -15 && sum.hi <= 16 : (int32_t)n + 1 - sum.lo <= 16;
		if (n > 0 && (!fits || int_noise(&sum) > c->params->max_noise))
			break;
		n++;
	}
	return n;
}

/* out = threshold of the sum of count flags that fit. */
static amt_status judge(struct int_context *c, struct int_block *out, size_t rows,
	const struct int_term *flags, size_t count, bool any, bool negate)
{
	TRY(int_linear(c, out, rows, flags, count, 0));
	return int_step(c, out, rows, any ? 1 : (int32_t)count, negate);
}

/* State: one block for each group of up to 16 flags while there is more than one group. */
amt_status int_threshold(struct int_context *c, struct int_block *out, size_t rows,
	const struct int_term *flags, size_t count, bool any, bool negate)
{
	unsigned stride = tfhe_lwe_stride(c->params);
	struct int_term *left;
	TRY(mem_array(&left, count, sizeof(*left)));
	size_t n = 0;
	for (size_t i = 0; i < count; i++) {
		size_t j = 0;
		while (j < n && !same_flag(&left[j], &flags[i], stride))
			j++;
		if (j < n)
			continue;
		left[n] = flags[i];
		left[n++].weight = 1;
	}
	struct int_block *groups = NULL;
	size_t group_count = 0;
	amt_status s;
	if (n == 1 && left[0].block->lo >= 0) {
		left[0].weight = negate ? -1 : 1;
		s = int_linear(c, out, rows, left, 1, negate ? 1 : 0);
		goto done;
	}
	/* Noisy flags may make a first round of single ones; later rounds at least halve. */
	TRY_GOTO(s, mem_array(&groups, 2 * n, sizeof(*groups)), done);
	while (group_size(c, left, n, rows, any) < n) {
		size_t m = 0;
		for (size_t i = 0; i < n; m++) {
			size_t size = group_size(c, left + i, n - i, rows, any);
			if (size == 1 && int_noise(left[i].block) <= 1) {
				left[m] = left[i++];
				continue;
			}
			struct int_block *group = &groups[group_count];
			TRY_GOTO(s, int_block_alloc(group, stride, rows), done);
			group_count++;
			TRY_GOTO(s, judge(c, group, rows, left + i, size, any, false), done);
			left[m] = (struct int_term){group, rows, 1};
			i += size;
		}
		n = m;
	}
	s = judge(c, out, rows, left, n, any, negate);
done:
	for (size_t i = 0; i < group_count; i++)
		int_block_free(&groups[i], stride, rows);
	mem_free(groups);
	mem_free(left);
	return s;
}

static amt_status check_flag(const struct int_column *a)
{
	ENSURE(a->type == INT_BOOL && a->blocks == 1, AMT_TYPE_MISMATCH, "%s of %u blocks for bool",
		int_type_name(a->type), a->blocks);
	ENSURE(a->block[0].lo >= 0 && a->block[0].hi <= 1, AMT_OUT_OF_RANGE,
		"a bool that may be %d or %d", a->block[0].lo, a->block[0].hi);
	return STATUS_OK;
}

static amt_status flags_threshold(struct int_context *c, struct int_column *out,
	const struct int_column *const *bools, size_t count, bool any)
{
	out->blocks = 0;
	ENSURE(count >= 1, AMT_INVALID_ARGUMENT, "no operand");
	struct int_column widest = *bools[0];
	for (size_t i = 0; i < count; i++) {
		TRY(check_flag(bools[i]));
		TRY(int_rows_of(&widest.rows, &widest, bools[i]));
	}
	struct int_term *flags;
	TRY(mem_array(&flags, count, sizeof(*flags)));
	for (size_t i = 0; i < count; i++)
		flags[i] = (struct int_term){&bools[i]->block[0], bools[i]->rows, 1};
	amt_status s = int_column_alloc(out, c->params, INT_BOOL, 1, widest.rows);
	if (amt_ok(s))
		s = int_threshold(c, &out->block[0], widest.rows, flags, count, any, false);
	mem_free(flags);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

amt_status int_all(struct int_context *c, struct int_column *out,
	const struct int_column *const *bools, size_t count)
{
	return flags_threshold(c, out, bools, count, false);
}

amt_status int_any(struct int_context *c, struct int_column *out,
	const struct int_column *const *bools, size_t count)
{
	return flags_threshold(c, out, bools, count, true);
}

/* ---- digit by digit -------------------------------------------------------------------------- */

static int32_t apply(int32_t op, int32_t x, int32_t y)
{
	return op == INT_AND ? (x & y) : op == INT_OR ? (x | y) : (x ^ y);
}

static int32_t logic_digits(unsigned f, int32_t m, int32_t op)
{
	(void)f;
	return 2 * apply(op, m >> 2, m & 3);
}

/* With a clear digit of 0 or 3 the result is 0 or 3, x or 3 - x, without a bootstrap. */
static bool is_linear(int_function function, int32_t op, const struct int_part parts[2],
	struct int_term *term, int32_t *constant)
{
	for (unsigned i = 0; i < 2 && function == logic_digits; i++) {
		const struct int_column *clear = &parts[i].operand->column,
					*other = &parts[1 - i].operand->column;
		const struct int_block *k = &clear->block[parts[i].block];
		if (k->sources > 0 || k->lo != k->hi || (k->lo != 0 && k->lo != 3))
			continue;
		*constant = apply(op, 0, k->lo);
		*term = (struct int_term){&other->block[parts[1 - i].block], other->rows,
			(apply(op, 3, k->lo) - *constant) / 3};
		return true;
	}
	return false;
}

/* weights[i] * operand i, added block by block, go through one table each in place of the result.
 * An operand of one block next to wider ones is a condition: it goes to every block. */
static amt_status each_block(struct int_context *c, struct int_column *out, enum int_type type,
	unsigned blocks, size_t rows, struct int_operand *const *operands, const int32_t *weights,
	size_t count, int_function function, int32_t parameter)
{
	amt_status s;
	struct int_stage stage = {0};
	struct int_part parts[3];
	struct int_term term;
	int32_t constant;
	for (unsigned b = 0; b < blocks; b++) {
		for (size_t i = 0; i < count; i++)
			parts[i] = (struct int_part){
				operands[i], operands[i]->column.blocks == 1 ? 0 : b, weights[i]};
		if (!is_linear(function, parameter, parts, &term, &constant))
			TRY(int_fit(c, rows, parts, count, 0));
	}
	TRY(int_operands_clean(c, operands, count));
	TRY(int_column_alloc(out, c->params, type, blocks, rows));
	for (unsigned b = 0; b < blocks; b++) {
		struct int_block *block = &out->block[b];
		for (size_t i = 0; i < count; i++)
			parts[i] = (struct int_part){
				operands[i], operands[i]->column.blocks == 1 ? 0 : b, weights[i]};
		if (is_linear(function, parameter, parts, &term, &constant)) {
			TRY_GOTO(s,
				int_linear(
					c, block, rows, &term, term.weight == 0 ? 0 : 1, constant),
				done);
			continue;
		}
		TRY_GOTO(s, int_combine(c, block, rows, parts, count, 0), done);
		struct int_table table;
		TRY_GOTO(s, int_table(c, &table, 1, block->lo, block->hi, function, parameter),
			done);
		TRY_GOTO(s, int_stage_add(c, &stage, block, rows, &table, &block), done);
	}
	s = int_stage_run(c, &stage);
done:
	int_stage_free(&stage);
	return s;
}

static int32_t exactly_one(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return m == 1 ? 2 : 0;
}

amt_status int_logic(struct int_context *c, struct int_column *out, enum int_logic op,
	const struct int_column *a, const struct int_column *b)
{
	out->blocks = 0;
	size_t rows;
	TRY(int_agree(&rows, a, b));
	TRY(int_check_digits(a));
	TRY(int_check_digits(b));
	bool flags = a->type == INT_BOOL;
	if (flags && op != INT_XOR) {
		const struct int_column *const both[] = {a, b};
		return flags_threshold(c, out, both, 2, op == INT_OR);
	}
	struct int_operand x, y, *both[] = {&x, &y};
	int_operand_open(&x, a, 0);
	int_operand_open(&y, b, 1);
	amt_status s = each_block(c, out, a->type, a->blocks, rows, both,
		flags ? (int32_t[]){1, 1} : (int32_t[]){4, 1}, 2,
		flags ? exactly_one : logic_digits, op);
	int_operand_close(&x);
	int_operand_close(&y);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

amt_status int_not(struct int_context *c, struct int_column *out, const struct int_column *a)
{
	TRY(int_check_digits(a));
	TRY(int_column_alloc(out, c->params, a->type, a->blocks, a->rows));
	amt_status s = STATUS_OK;
	for (unsigned b = 0; b < a->blocks && amt_ok(s); b++) {
		struct int_term term = {&a->block[b], a->rows, -1};
		s = int_linear(c, &out->block[b], a->rows, &term, 1, a->type == INT_BOOL ? 1 : 3);
	}
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

/* ---- select ---------------------------------------------------------------------------------- */

/* m = 2 d + condition: d where the condition holds. */
static int32_t if_odd(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	int32_t condition = (int32_t)((unsigned)m & 1);
	return condition * (m - condition);
}

/* out = b + table(2 (a - b) + condition): of 14 values the odd ones give a - b. The result holds
 * the digits of a or of b, so its range is theirs, and it keeps b's noise with one unit more. */
amt_status int_select(struct int_context *c, struct int_column *out,
	const struct int_column *condition, const struct int_column *a, const struct int_column *b)
{
	out->blocks = 0;
	TRY(check_flag(condition));
	struct int_column widest = *condition;
	size_t rows;
	TRY(int_agree(&rows, a, b));
	TRY(int_rows_of(&widest.rows, &widest, a));
	TRY(int_rows_of(&rows, &widest, b));
	struct int_operand x, y, bit, *all[] = {&x, &y, &bit};
	int_operand_open(&x, a, 0);
	int_operand_open(&y, b, 1);
	int_operand_open(&bit, condition, 2);
	amt_status s;
	for (unsigned i = 0; i < b->blocks; i++) {
		struct int_part kept = {&y, i, 1};
		TRY_GOTO(s, int_fit(c, rows, &kept, 1, 1), done);
		if (y.column.block[i].sources == INT_MAX_SOURCES) {
			y.dirty |= UINT64_C(1) << i;
			int_set_source(&y.column.block[i], i, 1);
		}
	}
	TRY_GOTO(s,
		each_block(
			c, out, a->type, a->blocks, rows, all, (int32_t[]){2, -2, 1}, 3, if_odd, 0),
		done);
	for (unsigned i = 0; i < b->blocks; i++) {
		struct int_block *block = &out->block[i];
		const struct int_block *kept = &y.column.block[i];
		for (size_t r = 0; r < rows; r++)
			tfhe_lwe_add(c->params, block->lwe + r * out->stride,
				block->lwe + r * out->stride,
				kept->lwe + (b->rows == 1 ? 0 : r * out->stride));
		if (!int_track(block, kept, 1, b->rows == 1 && rows > 1)) {
			s = ERROR(AMT_INTERNAL, "a select of too many sources");
			goto done;
		}
		const struct int_block *p = &a->block[i], *q = &b->block[i];
		block->lo = p->lo < q->lo ? p->lo : q->lo;
		block->hi = p->hi > q->hi ? p->hi : q->hi;
	}
done:
	int_operand_close(&x);
	int_operand_close(&y);
	int_operand_close(&bit);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

amt_status int_mask(struct int_context *c, struct int_column *out,
	const struct int_column *condition, const struct int_column *a)
{
	out->blocks = 0;
	TRY(check_flag(condition));
	size_t rows;
	TRY(int_rows_of(&rows, condition, a));
	struct int_operand x, bit, *both[] = {&x, &bit};
	int_operand_open(&x, a, 0);
	int_operand_open(&bit, condition, 2);
	amt_status s =
		each_block(c, out, a->type, a->blocks, rows, both, (int32_t[]){2, 1}, 2, if_odd, 0);
	int_operand_close(&x);
	int_operand_close(&bit);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

static amt_status smaller(struct int_context *c, struct int_column *out, enum int_comparison op,
	const struct int_column *a, const struct int_column *b)
{
	struct int_column a_wins = {0};
	out->blocks = 0;
	TRY(int_compare(c, &a_wins, op, a, b));
	amt_status s = int_select(c, out, &a_wins, a, b);
	int_column_free(&a_wins);
	return s;
}

amt_status int_min(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b)
{
	return smaller(c, out, INT_LT, a, b);
}

amt_status int_max(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b)
{
	return smaller(c, out, INT_GT, a, b);
}

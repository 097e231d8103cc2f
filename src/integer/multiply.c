/* Products and sums of many values, over piles of digits.
 *
 * A product of two digits x, y is a function of 4 x + y: its low and high digit come from one
 * rotation, 39 and 4 units of noise. A group of three low digits (span 9, 117 units) and three high
 * ones (span 6, 12 units) fills a table and the noise limit of 150 units alike. Without that room a
 * product costs two rotations with one key switch.
 *
 * Multiplication by a clear value: digits of the constant in [-3, 3], chosen so that their sizes add
 * up to the least, are weights of the operand's digits: no product costs a bootstrap.
 */
#include "integer/internal.h"

#include "base/alloc.h"

static int32_t product_digit(unsigned f, int32_t m, int32_t parameter)
{
	return int_digit_carry(f + (unsigned)parameter, (m >> 2) * (m & 3), 0);
}

static int32_t product_only_low(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return product_digit(0, m, 0);
}

enum { LOW_NOISE = 39 };

/* Stages the product of two digits, its low digit replacing the combination in `low`. */
static amt_status stage_product(struct int_context *c, struct int_stage *stage, size_t rows,
	struct int_block *low, struct int_block *high)
{
	struct int_table table;
	if (high == NULL) {
		TRY(int_table(c, &table, 1, low->lo, low->hi, product_only_low, 0));
		return int_stage_add(c, stage, low, rows, &table, &low);
	}
	if (3 * LOW_NOISE <= c->params->max_noise) {
		TRY(int_table_mixed(c, &table, 2, low->lo, low->hi, product_digit, 0));
		return int_stage_add(
			c, stage, low, rows, &table, (struct int_block *const[]){low, high});
	}
	struct int_block in = *low;
	TRY(int_table(c, &table, 1, in.lo, in.hi, product_digit, 1));
	TRY(int_stage_add(c, stage, &in, rows, &table, &high));
	TRY(int_table(c, &table, 1, in.lo, in.hi, product_digit, 0));
	return int_stage_add(c, stage, &in, rows, &table, &low);
}

struct products {
	struct int_block *low, *high; /* one each for every pair */
	unsigned *position;
	size_t count;
};

static void products_close(struct products *q, unsigned stride, size_t rows)
{
	for (size_t i = 0; q->low != NULL && q->high != NULL && i < q->count; i++) {
		int_block_free(&q->low[i], stride, rows);
		int_block_free(&q->high[i], stride, rows);
	}
	mem_free(q->low);
	mem_free(q->high);
	mem_free(q->position);
}

static bool constant(const struct int_operand *o, unsigned b)
{
	return o->column.block[b].lo == o->column.block[b].hi;
}

/* All pairs of digits that count below the top: constant ones go to the piles at once. */
static amt_status multiply_digits(struct int_context *c, struct int_piles *piles,
	struct int_operand *x, struct int_operand *y, struct products *q)
{
	unsigned blocks = piles->blocks;
	size_t rows = piles->rows, most = (size_t)blocks * (blocks + 1) / 2;
	struct int_operand *both[] = {x, y};
	/* The piles count with products of clean digits. Noise that two digits share may cancel until one of
	 * them is cleaned: then look again. */
	for (unsigned k = 0; k < 2; k++)
		for (unsigned b = 0; b < both[k]->column.blocks; b++)
			if (int_noise(&both[k]->column.block[b]) > 1)
				both[k]->dirty |= UINT64_C(1) << b;
	do {
		TRY(int_operands_clean(c, both, 2));
		for (unsigned i = 0; i < blocks; i++)
			for (unsigned j = 0; i + j < blocks; j++) {
				struct int_part parts[] = {{x, i, 4}, {y, j, 1}};
				if (!constant(x, i) && !constant(y, j))
					TRY(int_fit(c, rows, parts, 2, 0));
			}
	} while (x->dirty != 0 || y->dirty != 0);
	TRY(mem_array(&q->low, most, sizeof(*q->low)));
	TRY(mem_array(&q->high, most, sizeof(*q->high)));
	TRY(mem_array(&q->position, most, sizeof(*q->position)));
	struct int_stage stage = {0};
	amt_status s = STATUS_OK;
	for (unsigned i = 0; i < blocks; i++)
		for (unsigned j = 0; i + j < blocks; j++) {
			if (constant(x, i) || constant(y, j)) {
				struct int_operand *other = constant(x, i) ? y : x;
				unsigned b = constant(x, i) ? j : i;
				int32_t weight = constant(x, i) ? x->column.block[i].lo
								: y->column.block[j].lo;
				TRY_GOTO(s,
					int_piles_add(piles, i + j, &other->column.block[b],
						other->column.rows, weight),
					done);
				continue;
			}
			struct int_part parts[] = {{x, i, 4}, {y, j, 1}};
			struct int_block *low = &q->low[q->count], *high = &q->high[q->count];
			bool top = i + j + 1 == blocks;
			q->position[q->count++] = i + j;
			TRY_GOTO(s, int_block_alloc(low, piles->stride, rows), done);
			if (!top)
				TRY_GOTO(s, int_block_alloc(high, piles->stride, rows), done);
			TRY_GOTO(s, int_combine(c, low, rows, parts, 2, 0), done);
			TRY_GOTO(s, stage_product(c, &stage, rows, low, top ? NULL : high), done);
		}
	TRY_GOTO(s, int_stage_run(c, &stage), done);
	for (size_t i = 0; i < q->count; i++) {
		TRY_GOTO(s, int_piles_give(piles, q->position[i], &q->low[i]), done);
		if (q->high[i].lwe != NULL)
			TRY_GOTO(s, int_piles_give(piles, q->position[i] + 1, &q->high[i]), done);
	}
done:
	int_stage_free(&stage);
	return s;
}

static amt_status check_integers(const struct int_column *a)
{
	ENSURE(a->type != INT_BOOL, AMT_TYPE_MISMATCH, "bool has no arithmetic");
	return int_check_digits(a);
}

static struct int_piles piles_of(struct int_context *c, unsigned blocks, size_t rows)
{
	return (struct int_piles){
		.c = c, .stride = tfhe_lwe_stride(c->params), .blocks = blocks, .rows = rows};
}

static uint64_t loudest(const struct int_column *a)
{
	uint64_t most = 0;
	for (unsigned b = 0; b < a->blocks; b++) {
		uint64_t noise = int_noise(&a->block[b]);
		most = noise > most ? noise : most;
	}
	return most;
}

/* State: two blocks for each pair of digits. */
static amt_status multiply(struct int_context *c, struct int_column *out,
	const struct int_column *a, const struct int_column *b, int32_t parameter)
{
	(void)parameter;
	size_t rows = a->rows > b->rows ? a->rows : b->rows;
	struct int_piles piles = piles_of(c, a->blocks, rows);
	struct products q = {0};
	struct int_operand x, y;
	bool swap = loudest(a) > loudest(b); /* x is multiplied by 4 */
	int_operand_open(&x, swap ? b : a, 0);
	int_operand_open(&y, swap ? a : b, 1);
	amt_status s = multiply_digits(c, &piles, &x, &y, &q);
	if (amt_ok(s))
		s = int_piles_finish(&piles, out, a->type);
	products_close(&q, piles.stride, rows);
	int_piles_close(&piles);
	int_operand_close(&x);
	int_operand_close(&y);
	return s;
}

amt_status int_mul(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b)
{
	out->blocks = 0;
	size_t rows;
	TRY(int_agree(&rows, a, b));
	TRY(check_integers(a));
	TRY(check_integers(b));
	if (int_is_clear(b))
		return int_mul_clear(c, out, a, b);
	if (int_is_clear(a))
		return int_mul_clear(c, out, b, a);
	size_t pairs = (size_t)a->blocks * (a->blocks + 1) / 2;
	size_t row_bytes = 2 * pairs * tfhe_lwe_stride(c->params) * sizeof(uint32_t);
	return int_by_chunks(c, out, multiply, a, b, 0, row_bytes);
}

/* Digits s of the constant in [-3, 3], least sum of |s| times the positions it fills: a path through
 * the two values of the carry. */
static void signed_digits(unsigned __int128 value, unsigned blocks, int8_t *digits)
{
	enum { FAR = 1 << 24 };
	uint32_t cost[INT_MAX_BLOCKS + 1][2];
	int8_t best[INT_MAX_BLOCKS][2];
	cost[blocks][0] = cost[blocks][1] = 0; /* what leaves the top is dropped */
	for (unsigned b = blocks; b-- > 0;)
		for (int carry = 0; carry < 2; carry++) {
			int d = (int)(value >> 2 * b & 3) + carry;
			cost[b][carry] = FAR;
			for (int out = 0; out < 2; out++) {
				int s = d - 4 * out;
				uint32_t size = (uint32_t)(s < 0 ? -s : s);
				uint32_t all = cost[b + 1][out] + size * (blocks - b);
				if (s > -4 && s < 4 && all < cost[b][carry]) {
					cost[b][carry] = all;
					best[b][carry] = (int8_t)s;
				}
			}
		}
	for (unsigned b = 0, carry = 0; b < blocks; b++) {
		digits[b] = best[b][carry];
		carry = (int)(value >> 2 * b & 3) + (int)carry != digits[b];
	}
}

static amt_status multiply_clear(struct int_context *c, struct int_column *out,
	const struct int_column *a, const struct int_column *b, int32_t parameter)
{
	(void)parameter;
	int8_t digits[INT_MAX_BLOCKS];
	signed_digits(int_clear_value(b), a->blocks, digits);
	struct int_piles piles = piles_of(c, a->blocks, a->rows > b->rows ? a->rows : b->rows);
	struct int_operand x, *all[] = {&x};
	int_operand_open(&x, a, 0);
	if (5 * loudest(a) > c->params->max_noise)
		int_operand_dirty(&x);
	amt_status s = int_operands_clean(c, all, 1);
	for (unsigned j = 0; j < a->blocks && amt_ok(s); j++)
		for (unsigned i = 0; i + j < a->blocks && amt_ok(s); i++)
			s = int_piles_add(&piles, i + j, &x.column.block[i], a->rows, digits[j]);
	if (amt_ok(s))
		s = int_piles_finish(&piles, out, a->type);
	int_piles_close(&piles);
	int_operand_close(&x);
	return s;
}

amt_status int_mul_clear(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b)
{
	unsigned __int128 value = int_clear_value(b);
	unsigned bit = 0;
	while (bit < 2 * a->blocks && (value >> bit & 1) == 0)
		bit++;
	if (a->blocks == int_type_blocks(a->type) && bit < 2 * a->blocks &&
		value >> bit == 1) { /* a power of two */
		struct int_column amount;
		TRY(int_trivial(c, &amount, INT_U8, bit, b->rows));
		amt_status s = int_shift(c, out, INT_SHL, a, &amount);
		int_column_free(&amount);
		return s;
	}
	unsigned adders = 4 * a->blocks; /* of a position, about */
	size_t row_bytes =
		(size_t)a->blocks * adders / 3 * tfhe_lwe_stride(c->params) * sizeof(uint32_t);
	return int_by_chunks(c, out, multiply_clear, a, b, 0, row_bytes);
}

amt_status int_sum(struct int_context *c, struct int_column *out,
	const struct int_column *const *columns, size_t count)
{
	out->blocks = 0;
	ENSURE(count >= 1, AMT_INVALID_ARGUMENT, "no operand");
	struct int_column widest = *columns[0];
	for (size_t i = 0; i < count; i++) {
		size_t rows;
		TRY(int_agree(&rows, &widest, columns[i]));
		TRY(check_integers(columns[i]));
		widest.rows = rows;
	}
	struct int_piles piles = piles_of(c, widest.blocks, widest.rows);
	struct int_operand *x = NULL;
	size_t opened = 0;
	amt_status s;
	TRY_GOTO(s, mem_array(&x, count, sizeof(*x)), done);
	while (opened < count) {
		struct int_operand *o = &x[opened];
		int_operand_open(o, columns[opened], 0);
		if (5 * loudest(columns[opened++]) > c->params->max_noise)
			int_operand_dirty(o);
		TRY_GOTO(s, int_operands_clean(c, &o, 1), done);
		for (unsigned b = 0; b < widest.blocks; b++)
			TRY_GOTO(s,
				int_piles_add(&piles, b, &o->column.block[b], o->column.rows, 1),
				done);
	}
	s = int_piles_finish(&piles, out, widest.type);
done:
	int_piles_close(&piles);
	for (size_t i = 0; i < opened; i++)
		int_operand_close(&x[i]);
	mem_free(x);
	return s;
}

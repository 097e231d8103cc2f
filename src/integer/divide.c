/* Division with remainder, restoring, two bits a step: the remainder R takes in the next digit of the
 * numerator, then 2 d and d are subtracted where they fit. A subtraction is a ripple whose borrow
 * tells whether it fits; a select takes the old remainder back where it does not, with the difference
 * as what is kept, so the noise stays 2 units.
 *
 * After i digits R has i digits at most: a step looks at i digits of the divisor, and at one flag that
 * says whether any digit above them is not 0. 64 bits: 2239 bootstraps; by a clear divisor of k digits
 * some 4 k (33 - k).
 *
 * By 0, as in TFHE-rs: every bit fits, so the quotient is all ones and the remainder the numerator.
 * Signed values are divided by their sizes and the signs set afterwards (towards 0, as in C); then
 * x / 0 is -1, or 1 if x is negative, the remainder x, and the least value divided by -1 is itself.
 */
#include "integer/internal.h"

#include "base/alloc.h"

struct division {
	struct int_context *c;
	unsigned stride, blocks;
	size_t rows;
	unsigned used;		    /* digits of the divisor up to the highest that may not be 0 */
	const struct int_column *n; /* clean */
	const struct int_column *d;
	struct int_column twice;	  /* 2 d, used + 1 digits */
	struct int_column above;	  /* flag w: some digit of d from w on is not 0 */
	struct int_column rest, quotient; /* remainder so far */
};

static int32_t not_zero(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return m > 0 ? 2 : 0;
}

static amt_status set_constant(struct division *v, struct int_block *b, size_t rows, int32_t value)
{
	return int_linear(v->c, b, rows, NULL, 0, value);
}

/* 2 d and the flags. */
static amt_status prepare(struct division *v)
{
	const struct int_column *d = v->d;
	size_t rows = d->rows;
	for (v->used = v->blocks; v->used > 1; v->used--)
		if (d->block[v->used - 1].lo != 0 || d->block[v->used - 1].hi != 0)
			break;
	if (d->block[0].lo == 0 && d->block[0].hi == 0 && v->used == 1)
		v->used = v->blocks; /* 0 leaves the whole numerator */
	TRY(int_column_alloc(&v->twice, v->c->params, d->type, v->used + 1, rows));
	for (unsigned b = 0; b < v->used; b++) {
		struct int_term term = {&d->block[b], rows, 2};
		TRY(int_linear(v->c, &v->twice.block[b], rows, &term, 1, 0));
	}
	v->twice.blocks--;
	amt_status s = int_ripple(v->c, &v->twice, &v->twice.block[v->used]);
	v->twice.blocks++;
	TRY(s);
	TRY(int_column_alloc(&v->above, v->c->params, d->type, v->used + 1, rows));
	TRY(set_constant(v, &v->above.block[v->used], rows, 0));
	for (unsigned w = v->used; w-- > 1;) {
		struct int_block *flag = &v->above.block[w];
		struct int_term terms[] = {
			{&v->above.block[w + 1], rows, 4}, {&d->block[w], rows, 1}};
		TRY(int_linear(v->c, flag, rows, terms, 2, 0));
		if (flag->lo > 0)
			TRY(set_constant(v, flag, rows, 1));
		else if (flag->hi > 0)
			TRY(int_apply(v->c, flag, rows, not_zero, 0));
	}
	return STATUS_OK;
}

/* rest -= m where it fits; *restored (words allocated) says where it does not. `last`: the remainder
 * is not wanted any more. */
static amt_status subtract(
	struct division *v, const struct int_column *m, struct int_block *restored, bool last)
{
	struct int_column difference = {0}, chosen = {0};
	struct int_column condition = {
		.type = INT_BOOL, .blocks = 1, .stride = v->stride, .rows = v->rows};
	struct int_block borrow = {0};
	unsigned w = v->rest.blocks;
	amt_status s;
	TRY(int_block_alloc(&borrow, v->stride, v->rows));
	TRY_GOTO(s, int_column_alloc(&difference, v->c->params, v->rest.type, w, v->rows), done);
	for (unsigned b = 0; b < w; b++) {
		struct int_term terms[] = {
			{&v->rest.block[b], v->rows, 1}, {&m->block[b], m->rows, -1}};
		TRY_GOTO(s,
			int_linear(v->c, &difference.block[b], v->rows, terms,
				b < m->blocks ? 2 : 1, 0),
			done);
	}
	TRY_GOTO(s, int_ripple(v->c, &difference, &borrow), done);
	struct int_term terms[3] = {{&borrow, v->rows, -1}};
	size_t count = 1;
	if (w < m->blocks)
		terms[count++] = (struct int_term){&m->block[w], m->rows, 1};
	if (w < v->used)
		terms[count++] = (struct int_term){&v->above.block[w], v->above.rows, 1};
	TRY_GOTO(s, int_linear(v->c, restored, v->rows, terms, count, 0), done);
	if (restored->lo == restored->hi) { /* known */
		if (restored->lo == 0) {
			struct int_column rest = v->rest;
			v->rest = difference;
			difference = rest;
		}
		s = set_constant(v, restored, v->rows, restored->lo > 0);
		goto done;
	}
	TRY_GOTO(s, int_apply(v->c, restored, v->rows, not_zero, 0), done);
	if (last)
		goto done;
	condition.block[0] = *restored;
	TRY_GOTO(s, int_select(v->c, &chosen, &condition, &v->rest, &difference), done);
	int_column_free(&v->rest);
	v->rest = chosen;
done:
	int_column_free(&difference);
	int_block_free(&borrow, v->stride, v->rows);
	return s;
}

/* rest = 4 rest + digit b of the numerator. */
static amt_status take_in(struct division *v, unsigned b)
{
	struct int_column *rest = &v->rest;
	struct int_term term = {&v->n->block[b], v->n->rows, 1};
	struct int_block digit = {0};
	if (rest->blocks > v->used) { /* less than d: its top digit is 0 */
		rest->blocks--;
		int_block_free(&rest->block[rest->blocks], v->stride, v->rows);
	}
	TRY(int_block_alloc(&digit, v->stride, v->rows));
	memmove(&rest->block[1], &rest->block[0], rest->blocks * sizeof(rest->block[0]));
	rest->block[0] = digit;
	rest->blocks++;
	return int_linear(v->c, &rest->block[0], v->rows, &term, 1, 0);
}

static amt_status divide_digits(struct division *v, bool remainder_wanted)
{
	struct int_block restored[2] = {0};
	amt_status s;
	for (unsigned i = 0; i < 2; i++)
		TRY_GOTO(s, int_block_alloc(&restored[i], v->stride, v->rows), done);
	for (unsigned b = v->blocks; b-- > 0;) {
		struct int_block *q = &v->quotient.block[b];
		TRY_GOTO(s, take_in(v, b), done);
		unsigned w = v->rest.blocks;
		if (w < v->used && v->above.block[w].lo > 0) { /* d is known to be larger */
			TRY_GOTO(s, set_constant(v, q, v->rows, 0), done);
			continue;
		}
		TRY_GOTO(s, subtract(v, &v->twice, &restored[1], false), done);
		TRY_GOTO(s, subtract(v, v->d, &restored[0], b == 0 && !remainder_wanted), done);
		struct int_term terms[] = {
			{&restored[1], v->rows, -2}, {&restored[0], v->rows, -1}};
		TRY_GOTO(s, int_linear(v->c, q, v->rows, terms, 2, 3), done);
	}
	s = STATUS_OK;
done:
	for (unsigned i = 0; i < 2; i++)
		int_block_free(&restored[i], v->stride, v->rows);
	return s;
}

static amt_status divide_unsigned(struct int_context *c, struct int_column *quotient,
	struct int_column *remainder, const struct int_column *a, const struct int_column *b)
{
	size_t rows = a->rows > b->rows ? a->rows : b->rows;
	struct division v = {.c = c, .stride = a->stride, .blocks = a->blocks, .rows = rows};
	struct int_operand n, d, *both[] = {&n, &d};
	int_operand_open(&n, a, 0);
	int_operand_open(&d, b, 1);
	int_operand_dirty(&n);
	int_operand_dirty(&d);
	v.n = &n.column;
	v.d = &d.column;
	v.rest = (struct int_column){.type = a->type, .stride = a->stride, .rows = rows};
	amt_status s;
	TRY_GOTO(s, int_operands_clean(c, both, 2), done);
	TRY_GOTO(s, prepare(&v), done);
	TRY_GOTO(s, int_column_alloc(&v.quotient, c->params, a->type, a->blocks, rows), done);
	TRY_GOTO(s, divide_digits(&v, remainder != NULL), done);
	if (quotient != NULL) {
		*quotient = v.quotient;
		v.quotient.blocks = 0;
	}
	while (remainder != NULL && v.rest.blocks < a->blocks) {
		struct int_block *block = &v.rest.block[v.rest.blocks];
		TRY_GOTO(s, int_block_alloc(block, a->stride, rows), done);
		v.rest.blocks++;
		TRY_GOTO(s, set_constant(&v, block, rows, 0), done);
	}
	if (remainder != NULL) {
		if (v.rest.blocks > a->blocks)
			int_block_free(&v.rest.block[--v.rest.blocks], a->stride, rows);
		*remainder = v.rest;
		v.rest.blocks = 0;
	}
done:
	int_column_free(&v.twice);
	int_column_free(&v.above);
	int_column_free(&v.rest);
	int_column_free(&v.quotient);
	int_operand_close(&n);
	int_operand_close(&d);
	return s;
}

/* ---- signs ----------------------------------------------------------------------------------- */

static int32_t negative(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return m >= 2 ? 2 : 0;
}

static int32_t inverted_if(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return 2 * (m < 4 ? m : 7 - m);
}

static int32_t exactly_one(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return m == 1 ? 2 : 0;
}

static amt_status new_flag(struct int_context *c, struct int_column *out, size_t rows,
	const struct int_term *terms, size_t count, int_function function)
{
	TRY(int_column_alloc(out, c->params, INT_BOOL, 1, rows));
	TRY(int_linear(c, &out->block[0], rows, terms, count, 0));
	return int_apply(c, &out->block[0], rows, function, 0);
}

/* out = flag ? -a : a, two bootstraps a block; clean. */
static amt_status negate_if(struct int_context *c, struct int_column *out,
	const struct int_column *flag, const struct int_column *a)
{
	size_t rows = a->rows > flag->rows ? a->rows : flag->rows;
	struct int_operand x, bit, *both[] = {&x, &bit};
	struct int_stage stage = {0};
	struct int_table table;
	amt_status s;
	out->blocks = 0;
	int_operand_open(&x, a, 0);
	int_operand_open(&bit, flag, 2);
	for (unsigned b = 0; b < a->blocks; b++) {
		struct int_part parts[] = {{&x, b, 1}, {&bit, 0, 4}};
		TRY_GOTO(s, int_fit(c, rows, parts, 2, 0), done);
	}
	TRY_GOTO(s, int_operands_clean(c, both, 2), done);
	TRY_GOTO(s, int_column_alloc(out, c->params, a->type, a->blocks, rows), done);
	for (unsigned b = 0; b < a->blocks; b++) {
		struct int_part parts[] = {{&x, b, 1}, {&bit, 0, 4}};
		struct int_block *block = &out->block[b];
		TRY_GOTO(s, int_combine(c, block, rows, parts, 2, 0), done);
		TRY_GOTO(s, int_table(c, &table, 1, block->lo, block->hi, inverted_if, 0), done);
		TRY_GOTO(s, int_stage_add(c, &stage, block, rows, &table, &block), done);
	}
	TRY_GOTO(s, int_stage_run(c, &stage), done);
	struct int_block lowest = out->block[0];
	TRY_GOTO(s, int_block_alloc(&lowest, a->stride, rows), done);
	struct int_term terms[] = {
		{&out->block[0], rows, 1}, {&bit.column.block[0], bit.column.rows, 1}};
	s = int_linear(c, &lowest, rows, terms, 2, 0);
	int_block_free(&out->block[0], a->stride, rows);
	out->block[0] = lowest;
	if (amt_ok(s))
		s = int_ripple(c, out, NULL);
done:
	int_stage_free(&stage);
	int_operand_close(&x);
	int_operand_close(&bit);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

/* Signs, sizes, the division of the sizes, and the signs again. */
static amt_status divide_signed(struct int_context *c, struct int_column *quotient,
	struct int_column *remainder, const struct int_column *a, const struct int_column *b)
{
	enum { N, D, NEGATIVE, TEMPORARIES };
	struct int_column sign[TEMPORARIES] = {0}, size[2] = {0}, q = {0}, r = {0};
	const struct int_column *operand[] = {a, b};
	amt_status s;
	for (unsigned i = 0; i < 2; i++) {
		struct int_term top = {&operand[i]->block[a->blocks - 1], operand[i]->rows, 1};
		TRY_GOTO(s, new_flag(c, &sign[i], operand[i]->rows, &top, 1, negative), done);
		TRY_GOTO(s, negate_if(c, &size[i], &sign[i], operand[i]), done);
	}
	TRY_GOTO(s,
		divide_unsigned(c, quotient == NULL ? NULL : &q, remainder == NULL ? NULL : &r,
			&size[N], &size[D]),
		done);
	if (quotient != NULL) {
		struct int_term both[] = {
			{&sign[N].block[0], a->rows, 1}, {&sign[D].block[0], b->rows, 1}};
		TRY_GOTO(s, new_flag(c, &sign[NEGATIVE], q.rows, both, 2, exactly_one), done);
		TRY_GOTO(s, negate_if(c, quotient, &sign[NEGATIVE], &q), done);
	}
	if (remainder != NULL)
		TRY_GOTO(s, negate_if(c, remainder, &sign[N], &r), done);
done:
	for (unsigned i = 0; i < TEMPORARIES; i++)
		int_column_free(&sign[i]);
	int_column_free(&size[N]);
	int_column_free(&size[D]);
	int_column_free(&q);
	int_column_free(&r);
	return s;
}

amt_status int_divide(struct int_context *c, struct int_column *quotient,
	struct int_column *remainder, const struct int_column *a, const struct int_column *b)
{
	if (quotient != NULL)
		quotient->blocks = 0;
	if (remainder != NULL)
		remainder->blocks = 0;
	size_t rows;
	TRY(int_agree(&rows, a, b));
	ENSURE(a->type != INT_BOOL, AMT_TYPE_MISMATCH, "bool has no arithmetic");
	TRY(int_check_digits(a));
	TRY(int_check_digits(b));
	amt_status s = (int_type_signed(a->type) ? divide_signed : divide_unsigned)(
		c, quotient, remainder, a, b);
	if (!amt_ok(s)) {
		int_column_free(quotient);
		int_column_free(remainder);
	}
	return s;
}

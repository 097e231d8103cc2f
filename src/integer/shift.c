/* Shifts and rotations.
 *
 * By an encrypted amount: each digit A of the amount is a stage of four distances. A function of
 * 4 A + x gives, for every distance, what the block moves there, all from one rotation a block; the
 * result's block is the sum of what came to it (39 units of noise, 55 after the stage of single bits).
 * 64 bits: three stages, 96 bootstraps.
 *
 * By a clear amount: whole blocks move without a bootstrap. Half a block more is the value doubled:
 * two blocks 4 x1 + x0 give what falls to three of the result, 16 bootstraps for 64 bits.
 */
#include "integer/internal.h"

#include "base/alloc.h"

static bool is_left(enum int_shift op)
{
	return op == INT_SHL || op == INT_ROTL;
}

static bool wraps(enum int_shift op)
{
	return op == INT_ROTL || op == INT_ROTR;
}

/* ---- by an encrypted amount -------------------------------------------------------------------
 */

enum {
	MOST_PIECES = 4,
	PIECES = MOST_PIECES + 1, /* and what they are made of */
	GATHERED_NOISE = 55
};

struct stage {
	bool left, bits; /* distances 0 to 3 of single bits, else of `unit` blocks */
	unsigned unit;
	int32_t mask; /* of the amount's digit: 3, or 1 where the width ends */
	unsigned pieces;
};

/* What f blocks (bits: f blocks; else f units) away gets of x. The parameter holds mask, bits and
 * direction. */
static int32_t piece(unsigned f, int32_t m, int32_t parameter)
{
	int32_t x = m & 3, away = (m >> 2) & (parameter & 3);
	if (!(parameter & 4))
		return away == (int32_t)f ? 2 * x : 0;
	bool left = parameter & 8;
	int32_t near = left ? (2 * x & 3) : x >> 1, far = left ? x >> 1 : (2 * x & 3);
	if (away / 2 == (int32_t)f)
		return 2 * (away % 2 == 0 ? x : near);
	return away % 2 == 1 && away / 2 + 1 == (int32_t)f ? 2 * far : 0;
}

/* What the digit f + 1 places below the top gets of the sign bit above: m = 4 sign + amount. */
static int32_t sign_piece(unsigned f, int32_t m, int32_t parameter)
{
	int32_t away = m & (parameter & 3);
	if (m < 4)
		return 0;
	if (!(parameter & 4))
		return away > (int32_t)f ? 6 : 0;
	return f == 0 ? 2 * (away == 0 ? 0 : away == 1 ? 2 : 3) : away == 3 ? 4 : 0;
}

static int32_t stage_parameter(const struct stage *stage)
{
	return stage->mask | (stage->bits ? 4 : 0) | (stage->left ? 8 : 0);
}

struct shift {
	struct int_context *c;
	enum int_shift op;
	unsigned blocks;
	size_t rows;
	struct int_operand amount;
	struct int_block sign;	 /* bit, signed right shifts; NULL words otherwise */
	struct int_block *moved; /* [block][PIECES] */
	bool clean;		 /* each piece by a rotation of its own */
};

/* Where piece f of block b goes; beyond the blocks: nowhere. */
static unsigned destination(
	const struct shift *s, const struct stage *stage, unsigned b, unsigned f)
{
	unsigned way = f * stage->unit;
	if (wraps(s->op))
		return (b + (stage->left ? way : s->blocks - way % s->blocks)) % s->blocks;
	return stage->left ? b + way : b < way ? s->blocks : b - way;
}

static amt_status stage_pieces(struct shift *s, const struct stage *stage, unsigned digit,
	struct int_operand *x, struct int_stage *jobs)
{
	struct int_table table;
	struct int_block in = {0};
	for (unsigned b = 0; b < s->blocks; b++) {
		struct int_part parts[] = {{&s->amount, digit, 4}, {x, b, 1}};
		const struct int_block *from = &x->column.block[b];
		struct int_block *moved = &s->moved[b * PIECES], *out[MOST_PIECES];
		if (from->lo == 0 && from->hi == 0)
			continue;
		unsigned count = 0;
		while (count < stage->pieces &&
			(count == 0 || destination(s, stage, b, count) < s->blocks)) {
			TRY(int_block_alloc(&moved[count], tfhe_lwe_stride(s->c->params), s->rows));
			out[count] = &moved[count];
			count++;
		}
		/* The input takes the place of the first result. */
		if (s->clean)
			TRY(int_block_alloc(
				&moved[MOST_PIECES], tfhe_lwe_stride(s->c->params), s->rows));
		in = moved[s->clean ? MOST_PIECES : 0];
		TRY(int_combine(s->c, &in, s->rows, parts, 2, 0));
		if (s->clean) {
			TRY(int_stage_each(s->c, jobs, &in, s->rows, count, piece,
				stage_parameter(stage), out));
			continue;
		}
		TRY(int_table_any(
			s->c, &table, count, in.lo, in.hi, piece, stage_parameter(stage)));
		TRY(int_stage_add(s->c, jobs, &in, s->rows, &table, out));
	}
	return STATUS_OK;
}

/* The sign comes in from above: one more rotation with up to three functions. */
static amt_status stage_sign(struct shift *s, const struct stage *stage, unsigned digit,
	struct int_block *filled, struct int_stage *jobs)
{
	struct int_block sum = {0}, *out[MOST_PIECES];
	struct int_operand sign;
	struct int_column bit = {.type = INT_BOOL,
		.blocks = 1,
		.stride = tfhe_lwe_stride(s->c->params),
		.rows = s->sign.lwe == NULL ? 0 : s->rows,
		.block = {s->sign}};
	int_operand_open(&sign, &bit, 2);
	struct int_part parts[] = {{&sign, 0, 4}, {&s->amount, digit, 1}};
	struct int_table table;
	for (unsigned f = 0; f + 1 < stage->pieces; f++) {
		TRY(int_block_alloc(&filled[f], bit.stride, s->rows));
		out[f] = &filled[f];
	}
	sum.lwe = filled[0].lwe;
	TRY(int_combine(s->c, &sum, s->rows, parts, 2, 0));
	TRY(int_table_any(s->c, &table, stage->pieces - 1, sum.lo, sum.hi, sign_piece,
		stage_parameter(stage)));
	return int_stage_add(s->c, jobs, &sum, s->rows, &table, out);
}

static amt_status gather(struct shift *s, const struct stage *stage, struct int_column *out,
	const struct int_block *filled)
{
	for (unsigned d = 0; d < s->blocks; d++) {
		struct int_term terms[MOST_PIECES + 1];
		size_t count = 0;
		for (unsigned b = 0; b < s->blocks; b++)
			for (unsigned f = 0; f < stage->pieces; f++) {
				const struct int_block *from = &s->moved[b * PIECES + f];
				if (from->lwe != NULL && destination(s, stage, b, f) == d)
					terms[count++] = (struct int_term){from, s->rows, 1};
			}
		unsigned below = (s->blocks - 1 - d) / stage->unit; /* units to the top */
		if (s->sign.lwe != NULL && below + 1 < stage->pieces)
			terms[count++] = (struct int_term){&filled[below], s->rows, 1};
		TRY(int_linear(s->c, &out->block[d], s->rows, terms, count, 0));
		out->block[d].lo = 0; /* only one of the terms is not 0, or they are two bits */
		if (out->block[d].hi > 3)
			out->block[d].hi = 3;
	}
	return STATUS_OK;
}

static amt_status run_stage(struct shift *s, const struct stage *stage, unsigned digit,
	struct int_column *out, const struct int_column *a)
{
	struct int_operand x, *both[] = {&x, &s->amount};
	struct int_stage jobs = {0};
	struct int_block filled[MOST_PIECES] = {0};
	unsigned stride = tfhe_lwe_stride(s->c->params);
	amt_status st;
	out->blocks = 0;
	int_operand_open(&x, a, 0);
	for (unsigned b = 0; b < s->blocks; b++) {
		struct int_part parts[] = {{&s->amount, digit, 4}, {&x, b, 1}};
		TRY_GOTO(st, int_fit(s->c, s->rows, parts, 2, 0), done);
	}
	TRY_GOTO(st, int_operands_clean(s->c, both, 2), done);
	TRY_GOTO(st, int_column_alloc(out, s->c->params, a->type, s->blocks, s->rows), done);
	TRY_GOTO(st, stage_pieces(s, stage, digit, &x, &jobs), done);
	if (s->sign.lwe != NULL)
		TRY_GOTO(st, stage_sign(s, stage, digit, filled, &jobs), done);
	TRY_GOTO(st, int_stage_run(s->c, &jobs), done);
	st = gather(s, stage, out, filled);
done:
	for (unsigned i = 0; i < s->blocks * PIECES; i++)
		int_block_free(&s->moved[i], stride, s->rows);
	for (unsigned f = 0; f < MOST_PIECES; f++)
		int_block_free(&filled[f], stride, s->rows);
	int_stage_free(&jobs);
	int_operand_close(&x);
	if (!amt_ok(st))
		int_column_free(out);
	return st;
}

static int32_t top_bit(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return m >= 2 ? 2 : 0;
}

/* out (words allocated) = the sign bit of a. */
static amt_status sign_bit(
	struct int_context *c, struct int_block *out, const struct int_column *a, size_t rows)
{
	struct int_term top = {&a->block[a->blocks - 1], a->rows, 1};
	TRY(int_linear(c, out, rows, &top, 1, 0));
	return int_apply(c, out, rows, top_bit, 0);
}

/* The stage of single bits first: its results are the noisier ones. State: five blocks for each of
 * the operand's. */
static amt_status shift_encrypted(struct int_context *c, struct int_column *out,
	const struct int_column *a, const struct int_column *amount, int32_t op)
{
	struct shift s = {.c = c,
		.op = (enum int_shift)op,
		.blocks = a->blocks,
		.clean = 2 * GATHERED_NOISE > c->params->max_noise,
		.rows = a->rows > amount->rows ? a->rows : amount->rows};
	unsigned stride = tfhe_lwe_stride(c->params), bits = 0;
	while (2u * a->blocks > 1u << bits)
		bits++;
	int_operand_open(&s.amount, amount, 1);
	struct int_column current = *a, next = {0};
	bool owned = false;
	amt_status st;
	TRY_GOTO(st, mem_array(&s.moved, (size_t)s.blocks * PIECES, sizeof(*s.moved)), done);
	if (s.op == INT_SHR && int_type_signed(a->type)) {
		TRY_GOTO(st, int_block_alloc(&s.sign, stride, s.rows), done);
		TRY_GOTO(st, sign_bit(c, &s.sign, a, s.rows), done);
	}
	for (unsigned k = 0; k < amount->blocks && 2 * k < bits; k++) {
		struct stage stage = {.left = is_left(s.op),
			.bits = k == 0,
			.unit = k == 0 ? 1 : 1u << (2 * k - 1),
			.mask = 2 * k + 1 < bits ? 3 : 1};
		stage.pieces = stage.bits ? 3 : stage.mask + 1u;
		TRY_GOTO(st, run_stage(&s, &stage, k, &next, &current), done);
		if (owned)
			int_column_free(&current);
		current = next;
		owned = true;
	}
	*out = current;
	owned = false;
done:
	if (owned)
		int_column_free(&current);
	int_block_free(&s.sign, stride, s.rows);
	mem_free(s.moved);
	int_operand_close(&s.amount);
	return st;
}

/* ---- by a clear amount ------------------------------------------------------------------------
 */

/* Of 2 m: the digits at 4^0, 4^1, 4^2; the last one three times over if it is a sign. */
static int32_t doubled(unsigned f, int32_t m, int32_t is_sign)
{
	return 2 * (f == 0	    ? (2 * m & 3)
			   : f == 1 ? (m >> 1 & 3)
				    : (m >> 3 & 1) * (is_sign ? 3 : 1));
}

static int32_t doubled_one(unsigned f, int32_t m, int32_t is_sign)
{
	return 2 * (f == 0 ? (2 * m & 3) : (m >> 1 & 1) * (is_sign ? 3 : 1));
}

enum { DOUBLED_NOISE = 61 };

/* y = 2 a of one block more; block b of it is the sum of y[2 b] and y[2 b + 1] (NULL words: nothing).
 * Pairs of blocks where noise allows, else single ones. */
static amt_status double_blocks(
	struct int_context *c, struct int_block *y, const struct int_column *a, bool is_signed)
{
	unsigned step = 2 * DOUBLED_NOISE <= c->params->max_noise ? 2 : 1;
	struct int_operand x, *all[] = {&x};
	struct int_stage jobs = {0};
	struct int_table table;
	amt_status s;
	int_operand_open(&x, a, 0);
	for (unsigned b = 0; b < a->blocks; b += step) {
		struct int_part parts[] = {{&x, b, 1}, {&x, b + step - 1, 4}};
		TRY_GOTO(s, int_fit(c, a->rows, parts, step, 0), done);
	}
	TRY_GOTO(s, int_operands_clean(c, all, 1), done);
	for (unsigned b = 0; b < a->blocks; b += step) {
		struct int_part parts[] = {{&x, b, 1}, {&x, b + step - 1, 4}};
		struct int_block *out[] = {
			&y[2 * b], &y[2 * (b + 1) + (step == 1)], &y[2 * (b + 2) + 1]};
		for (unsigned f = 0; f <= step; f++)
			TRY_GOTO(s, int_block_alloc(out[f], a->stride, a->rows), done);
		struct int_block in = *out[0];
		TRY_GOTO(s, int_combine(c, &in, a->rows, parts, step, 0), done);
		bool is_sign = is_signed && b + step == a->blocks;
		if (step == 1)
			TRY_GOTO(s, int_table(c, &table, 2, in.lo, in.hi, doubled_one, is_sign),
				done);
		else
			TRY_GOTO(s, int_table_mixed(c, &table, 3, in.lo, in.hi, doubled, is_sign),
				done);
		TRY_GOTO(s, int_stage_add(c, &jobs, &in, a->rows, &table, out), done);
	}
	s = int_stage_run(c, &jobs);
done:
	int_stage_free(&jobs);
	int_operand_close(&x);
	return s;
}

static amt_status shift_clear(struct int_context *c, struct int_column *out,
	const struct int_column *a, const struct int_column *amount, int32_t op)
{
	unsigned blocks = a->blocks;
	size_t rows = a->rows > amount->rows ? a->rows : amount->rows;
	unsigned n = (unsigned)int_clear_value(amount) % (2 * blocks);
	bool left = is_left((enum int_shift)op), turns = wraps((enum int_shift)op);
	bool is_signed = op == INT_SHR && int_type_signed(a->type), odd = n % 2 == 1;
	unsigned way = left ? n / 2 : (n + 1) / 2; /* to the right: of the doubled value */
	struct int_block y[2 * INT_MAX_BLOCKS + 2] = {0}, sign = {0};
	amt_status s;
	if (odd)
		TRY_GOTO(s, double_blocks(c, y, a, is_signed), done);
	else if (is_signed && n > 0) {
		TRY_GOTO(s, int_block_alloc(&sign, a->stride, a->rows), done);
		TRY_GOTO(s, sign_bit(c, &sign, a, a->rows), done);
	}
	TRY_GOTO(s, int_column_alloc(out, c->params, a->type, blocks, rows), done);
	for (unsigned d = 0; d < blocks; d++) {
		int from = left ? (int)d - (int)way : (int)(d + way), top = (int)blocks;
		struct int_term terms[4];
		size_t count = 0;
		if (turns)
			from = (from + top) % top;
		if (!odd) {
			if (from >= 0 && from < top)
				terms[count++] = (struct int_term){&a->block[from], a->rows, 1};
			else if (sign.lwe != NULL)
				terms[count++] = (struct int_term){&sign, a->rows, 3};
		} else if (from >= 0) {
			/* Above the doubled value is its sign; turned, its top bit is the lowest. */
			unsigned at = from > top ? blocks : (unsigned)from;
			if (from <= top || is_signed)
				for (unsigned i = 0; i < 2; i++)
					if (y[2 * at + i].lwe != NULL)
						terms[count++] = (struct int_term){
							&y[2 * at + i], a->rows, 1};
			for (unsigned i = 0; turns && at == 0 && i < 2; i++)
				if (y[2 * blocks + i].lwe != NULL)
					terms[count++] =
						(struct int_term){&y[2 * blocks + i], a->rows, 1};
		}
		TRY_GOTO(s, int_linear(c, &out->block[d], rows, terms, count, 0), done);
	}
done:
	for (unsigned i = 0; i < 2 * INT_MAX_BLOCKS + 2; i++)
		int_block_free(&y[i], a->stride, a->rows);
	int_block_free(&sign, a->stride, a->rows);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

amt_status int_shift(struct int_context *c, struct int_column *out, enum int_shift op,
	const struct int_column *a, const struct int_column *amount)
{
	out->blocks = 0;
	size_t rows;
	ENSURE((unsigned)op <= INT_ROTR, AMT_INVALID_ARGUMENT, "shift %d", (int)op);
	TRY(int_rows_of(&rows, a, amount));
	TRY(int_check_digits(a));
	ENSURE(a->type != INT_BOOL && a->blocks == int_type_blocks(a->type), AMT_TYPE_MISMATCH,
		"shift of %u blocks of %s", a->blocks, int_type_name(a->type));
	TRY(int_check_digits(amount));
	if (int_is_clear(amount))
		return shift_clear(c, out, a, amount, (int32_t)op);
	size_t row_bytes =
		(size_t)(a->blocks * (PIECES + 1)) * tfhe_lwe_stride(c->params) * sizeof(uint32_t);
	return int_by_chunks(c, out, shift_encrypted, a, amount, (int32_t)op, row_bytes);
}

/* Counting leading zeros. Two blocks give the length u in [0, 4] of their four bits; from the top
 * down, u + 5 f, where f says that a bit was seen, gives how many zeros to count here and the next f;
 * the counts are a pile. 64 bits: 41 bootstraps. */
#include "integer/internal.h"

#include "base/alloc.h"

/* 0: the length, 1: whether it is not 0. */
static int32_t length(unsigned f, int32_t m, int32_t parameter)
{
	(void)parameter;
	int32_t u = m >= 8 ? 4 : m >= 4 ? 3 : m >= 2 ? 2 : m;
	return 2 * (f == 0 ? u : u > 0);
}

enum { SEEN = 5, NOISE_OF_SEEN = SEEN * SEEN + 5 };

static int32_t zeros(unsigned f, int32_t m, int32_t parameter)
{
	(void)parameter;
	return 2 * (f == 0 ? (m < 4 ? 4 - m : 0) : m > 0);
}

/* One or two functions. */
static amt_status stage_both(struct int_context *c, struct int_stage *stage, struct int_block *in,
	size_t rows, int_function function, struct int_block *const out[2])
{
	struct int_table table;
	unsigned count = out[1] == NULL ? 1 : 2;
	TRY(int_table_any(c, &table, count, in->lo, in->hi, function, 0));
	return int_stage_add(c, stage, in, rows, &table, out);
}

/* State: three blocks for each pair. */
amt_status int_leading_zeros(
	struct int_context *c, struct int_column *out, const struct int_column *a)
{
	out->blocks = 0;
	ENSURE(a->type != INT_BOOL && a->blocks == int_type_blocks(a->type), AMT_TYPE_MISMATCH,
		"leading zeros of %u blocks of %s", a->blocks, int_type_name(a->type));
	TRY(int_check_digits(a));
	ENSURE(c->params->max_noise >= NOISE_OF_SEEN, AMT_UNSUPPORTED,
		"leading zeros with parameter set %s", c->params->name);
	unsigned pairs = a->blocks / 2, stride = a->stride;
	size_t rows = a->rows;
	struct int_block *u, seen = {0}, next = {0}, sum = {0};
	struct int_operand x, *all[] = {&x};
	struct int_stage stage = {0};
	struct int_piles piles = {
		.c = c, .stride = stride, .blocks = int_type_blocks(INT_U8), .rows = rows};
	TRY(mem_array(&u, pairs, sizeof(*u)));
	int_operand_open(&x, a, 0);
	amt_status s;
	for (unsigned p = 0; p < pairs; p++) {
		struct int_part parts[] = {{&x, 2 * p + 1, 4}, {&x, 2 * p, 1}};
		TRY_GOTO(s, int_fit(c, rows, parts, 2, 0), done);
	}
	TRY_GOTO(s, int_operands_clean(c, all, 1), done);
	struct int_block *flags[] = {&seen, &next};
	for (unsigned i = 0; i < 2; i++)
		TRY_GOTO(s, int_block_alloc(flags[i], stride, rows), done);
	for (unsigned p = 0; p < pairs; p++) {
		struct int_part parts[] = {{&x, 2 * p + 1, 4}, {&x, 2 * p, 1}};
		TRY_GOTO(s, int_block_alloc(&u[p], stride, rows), done);
		TRY_GOTO(s, int_combine(c, &u[p], rows, parts, 2, 0), done);
		struct int_block in = u[p];
		TRY_GOTO(s,
			stage_both(c, &stage, &in, rows, length,
				(struct int_block *const[]){&u[p], p + 1 == pairs ? &seen : NULL}),
			done);
	}
	TRY_GOTO(s, int_stage_run(c, &stage), done);
	for (unsigned p = pairs; p-- > 0;) {
		if (p + 1 == pairs) { /* 4 - u */
			int_piles_constant(&piles, 4, 0);
			TRY_GOTO(s, int_piles_add(&piles, 0, &u[p], rows, -1), done);
			continue;
		}
		TRY_GOTO(s, int_block_alloc(&sum, stride, rows), done);
		struct int_term terms[] = {{&u[p], rows, 1}, {&seen, rows, SEEN}};
		TRY_GOTO(s, int_linear(c, &sum, rows, terms, 2, 0), done);
		struct int_block in = sum;
		TRY_GOTO(s,
			stage_both(c, &stage, &in, rows, zeros,
				(struct int_block *const[]){&sum, p > 0 ? &next : NULL}),
			done);
		TRY_GOTO(s, int_stage_run(c, &stage), done);
		TRY_GOTO(s, int_piles_give(&piles, 0, &sum), done);
		struct int_block swap = seen;
		seen = next;
		next = swap;
	}
	s = int_piles_finish(&piles, out, INT_U8);
done:
	int_piles_close(&piles);
	for (unsigned p = 0; p < pairs; p++)
		int_block_free(&u[p], stride, rows);
	int_block_free(&seen, stride, rows);
	int_block_free(&next, stride, rows);
	int_block_free(&sum, stride, rows);
	mem_free(u);
	int_stage_free(&stage);
	int_operand_close(&x);
	return s;
}

/* Inside of src/integer: what noise a linear combination has, look-up tables by function, and
 * batches of bootstraps. Ranges of digits are in messages; values of tables are in *half messages*
 * because thresholds return +-1/2.
 */
#ifndef INTEGER_INTERNAL_H
#define INTEGER_INTERNAL_H

#include "integer/integer.h"

/* ---- source.c, column.c: both roles -------------------------------------------------------- */

uint64_t int_mix(uint64_t a, uint64_t b);
/* Sum of squared weights; a large number if it overflows. */
uint64_t int_noise(const struct int_block *b);
/* One source of weight 1. */
void int_set_source(struct int_block *b, uint64_t id, unsigned units);
/* to += weight * from, range and sources (not the words); `broadcast`: from has one row, to many.
 * False if INT_MAX_SOURCES does not suffice: `to` is then unusable. */
bool int_track(struct int_block *to, const struct int_block *from, int32_t weight, bool broadcast);
/* Hash of the words of all rows, their padding left out. */
uint64_t int_content(const struct int_block *b, size_t rows, unsigned words, unsigned stride);

/* A column of `blocks` blocks whose words are allocated but not set. On failure *out is empty. */
amt_status int_column_alloc(struct int_column *out, const struct tfhe_params *params,
	enum int_type type, unsigned blocks, size_t rows);
amt_status int_block_alloc(struct int_block *b, unsigned stride, size_t rows);
void int_block_free(struct int_block *b, unsigned stride, size_t rows);

/* ---- context.c ----------------------------------------------------------------------------- */

struct int_lut; /* a cached table with what made it */
struct int_context {
	struct tfhe_evaluator *evaluator;
	const struct tfhe_params *params;
	tfhe_progress progress;
	void *progress_context;
	struct int_lut **luts;
	size_t lut_count;
	uint64_t layers;
};

/* Function f of a message m, in half messages; the parameter chooses among a family. */
typedef int32_t (*int_function)(unsigned f, int32_t m, int32_t parameter);

/* A table ready for a stage. Borrowed from the context. */
struct int_table {
	const struct tfhe_lut *lut;
	uint64_t id;			    /* of the table's contents */
	int32_t lo[TFHE_LUT_MAX_FUNCTIONS]; /* results over the range, in half messages */
	int32_t hi[TFHE_LUT_MAX_FUNCTIONS];
};

/* `functions` functions of messages in [lo, hi]. AMT_OUT_OF_RANGE if the negacyclic table cannot
 * hold them (two messages half a turn apart must have opposite values). */
amt_status int_table(struct int_context *c, struct int_table *out, unsigned functions, int32_t lo,
	int32_t hi, int_function function, int32_t parameter);

/* Function f alone of a family. */
amt_status int_table_one(struct int_context *c, struct int_table *out, unsigned f, int32_t lo,
	int32_t hi, int_function function, int32_t parameter);
/* Up to 8 functions of messages in [lo, hi], at most 17 of them, from one rotation. Results have the
 * noise of as many bootstraps as the sum of their squared steps between neighbouring messages; they
 * are correlated, which sources keep track of. */
amt_status int_table_mixed(struct int_context *c, struct int_table *out, unsigned functions,
	int32_t lo, int32_t hi, int_function function, int32_t parameter);
/* The quietest table that has all functions: clean results if it can. */
amt_status int_table_any(struct int_context *c, struct int_table *out, unsigned functions,
	int32_t lo, int32_t hi, int_function function, int32_t parameter);

/* ---- stage.c ------------------------------------------------------------------------------- */

/* One term of a linear combination: weight times a block of `rows` rows (1 broadcasts). */
struct int_term {
	const struct int_block *block;
	size_t rows;
	int32_t weight;
};

/* out = constant + sum of terms, words (already allocated, `rows` rows), range and sources. The
 * combination must have been found to fit (int_fit) or be known to. */
amt_status int_linear(struct int_context *c, struct int_block *out, size_t rows,
	const struct int_term *terms, size_t count, int32_t constant);

/* A batch of independent bootstraps over block columns. Zero-initialise; int_stage_free at the end.
 */
struct int_stage {
	struct tfhe_job *jobs;
	size_t count, capacity;
};
/* out[f] (NULL: not wanted; words allocated; out[0] may be `in` when there is one function) = f of
 * every row of `in`. Ranges and sources of the results are set at once, words by int_stage_run. The
 * ranges are in messages; odd half messages round outwards. */
amt_status int_stage_add(struct int_context *c, struct int_stage *stage, const struct int_block *in,
	size_t rows, const struct int_table *table, struct int_block *const *out);
/* The first functions of `function`, a clean result each, with a rotation each: for parameter sets
 * that have no room for the noise of mixed tables. No `out` is `in`. */
amt_status int_stage_each(struct int_context *c, struct int_stage *stage,
	const struct int_block *in, size_t rows, unsigned functions, int_function function,
	int32_t parameter, struct int_block *const *out);
amt_status int_stage_run(struct int_context *c, struct int_stage *stage);
void int_stage_free(struct int_stage *stage);

/* Replaces `block` by [block >= threshold] (or its negation), range [0, 1]; one bootstrap a row.
 * Messages in [threshold - 16, threshold + 15]. */
amt_status int_step(struct int_context *c, struct int_block *block, size_t rows, int32_t threshold,
	bool negate);

/* An operand of an operation: the caller's column, some blocks of it possibly replaced by cleaned
 * copies that the operand owns. */
struct int_operand {
	struct int_column column;
	uint64_t owned, dirty; /* a bit a block */
	unsigned number;       /* 0, 1, 2 among the operands of an operation */
};
void int_operand_open(struct int_operand *o, const struct int_column *column, unsigned number);
void int_operand_close(struct int_operand *o);

struct int_part {
	struct int_operand *operand;
	unsigned block;
	int32_t weight;
};
/* Marks blocks for cleaning until the combination's noise leaves `reserve` units to the parameter
 * set's limit.
 * AMT_NOISE_BUDGET if even clean terms are too noisy. */
amt_status int_fit(struct int_context *c, size_t rows, const struct int_part *parts, size_t count,
	unsigned reserve);
/* Cleans the marked blocks of all operands in one batch. */
amt_status int_operands_clean(
	struct int_context *c, struct int_operand *const *operands, size_t count);
/* Marks all blocks that are not clean. */
void int_operand_dirty(struct int_operand *o);
/* int_linear of fitted parts. */
amt_status int_combine(struct int_context *c, struct int_block *out, size_t rows,
	const struct int_part *parts, size_t count, int32_t constant);

/* One table over a whole column in place: one bootstrap a row, single function. */
amt_status int_apply(struct int_context *c, struct int_block *block, size_t rows,
	int_function function, int32_t parameter);

/* Rows of the result of two operands: equal, or one of them 1. */
amt_status int_rows_of(size_t *rows, const struct int_column *a, const struct int_column *b);
/* Same type and blocks, and rows that go together. */
amt_status int_agree(size_t *rows, const struct int_column *a, const struct int_column *b);

/* ---- convert.c ------------------------------------------------------------------------------ */

/* Whether the column is one public constant in all rows, and which (its low blocks). */
bool int_is_clear(const struct int_column *a);
unsigned __int128 int_clear_value(const struct int_column *a);

/* Runs a binary operation over so many rows at a time that state of row_bytes a row stays within some
 * 100 MB. */
typedef amt_status (*int_binary)(struct int_context *c, struct int_column *out,
	const struct int_column *a, const struct int_column *b, int32_t parameter);
amt_status int_by_chunks(struct int_context *c, struct int_column *out, int_binary operation,
	const struct int_column *a, const struct int_column *b, int32_t parameter,
	size_t row_bytes);
/* AMT_OUT_OF_RANGE unless all digits are in [0, 3] (bool: [0, 1]). */
amt_status int_check_digits(const struct int_column *a);

/* ---- logic.c ------------------------------------------------------------------------------- */

/* out = [all of count flags are 1] or [any is], negated if `negate`: one bootstrap if the flags fit
 * one sum (16 of [0, 1]), else a tree. Flags are in [0, 1], or for `all` in [-1, 1] where -1 counts
 * as 0 (equality's wrapped digit). Weights of the terms are not looked at; equal flags count once.
 * `out` is allocated. */
amt_status int_threshold(struct int_context *c, struct int_block *out, size_t rows,
	const struct int_term *flags, size_t count, bool any, bool negate);

/* ---- arith.c ------------------------------------------------------------------------------- */

/* Resolves carries in place: each block holds a sum, becomes (sum + carry) mod 4 and passes
 * floor((sum + carry) / 4) on; what leaves the top block goes to carry_out (words allocated), or is
 * dropped if that is NULL. At most one bootstrap a block, none where nothing is to be resolved. A sum
 * with its carry must span at most 17 values and, with 4 units more, stay within the noise limit;
 * digits of sums that span more than 8 are not clean. */
amt_status int_ripple(
	struct int_context *c, struct int_column *column, struct int_block *carry_out);

int32_t int_digit_carry(unsigned f, int32_t m, int32_t parameter); /* 0: m mod 4, 1: floor(m/4) */
int32_t int_identity(unsigned f, int32_t m, int32_t parameter);

/* ---- multiply.c ------------------------------------------------------------------------------ */

/* a * b where b is clear. */
amt_status int_mul_clear(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b);

/* ---- pile.c -------------------------------------------------------------------------------- */

struct int_addend;
struct int_pile {
	struct int_addend *addends;
	size_t count, capacity;
};
/* A sum of digits with weights, position by position (block b counts 4^b), modulo 4^blocks. Set the
 * first four members and zero the rest; int_piles_close at the end. */
struct int_piles {
	struct int_context *c;
	unsigned stride, blocks;
	size_t rows;
	int64_t constant[INT_MAX_BLOCKS]; /* to be added at each position */
	struct int_pile pile[INT_MAX_BLOCKS];
};
/* Adds weight * block: the words are borrowed until int_piles_finish. A digit with its weight spans at
 * most 15. Positions beyond the blocks are dropped. */
amt_status int_piles_add(struct int_piles *p, unsigned position, const struct int_block *block,
	size_t rows, int32_t weight);
/* The same with words that become the piles' (freed even on failure). */
amt_status int_piles_give(struct int_piles *p, unsigned position, struct int_block *block);
void int_piles_constant(struct int_piles *p, int64_t value, unsigned position);
/* The sum as a column. */
amt_status int_piles_finish(struct int_piles *p, struct int_column *out, enum int_type type);
void int_piles_close(struct int_piles *p);

/* Of a column from outside: aggregates may be wider than their type, up to a word. */
static inline unsigned int_type_most_blocks(unsigned type)
{
	return type == INT_U128 ? INT_MAX_BLOCKS : INT_WORD_BLOCKS;
}

static inline bool int_same_words(
	const struct int_block *a, const struct int_block *b, size_t rows, unsigned stride)
{
	return memcmp(a->lwe, b->lwe, rows * stride * sizeof(uint32_t)) == 0;
}

#endif

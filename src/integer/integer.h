/* Encrypted bool, unsigned and signed integers (radix 4) over TFHE, host side, batched: every
 * operation takes columns of values and gives a column, one call, many bootstraps at once. A single
 * value is a column of one row.
 *
 * A value of w bits is w/2 blocks of 2 bits, least significant first (bool: 1 block holding 0 or
 * 1); signed values are two's complement. A *column* holds `rows` values block-major: block b of
 * row r is a big LWE at lwe[b] + r * stride. A column of one row broadcasts against any other.
 *
 * Each block column carries what is known of its values: their range [lo, hi] (degree), and its
 * noise as a sum of weighted sources. A source is one bootstrap (or encryption) of one row; weights
 * of the same source add before they are squared, because the bootstrap is deterministic (x + x has
 * amplitude 2, not variance 2). Different rows of a source are independent. Operations insert a
 * bootstrap where range or noise would leave the parameter set's limits; they never give a wrong
 * result.
 */
#ifndef INTEGER_INTEGER_H
#define INTEGER_INTEGER_H

#include "tfhe/evaluate.h"

enum int_type {
	INT_BOOL,
	INT_U8,
	INT_U16,
	INT_U32,
	INT_U64,
	INT_I8,
	INT_I16,
	INT_I32,
	INT_I64,
	INT_U128,
	INT_TYPES
};

enum { INT_MAX_BLOCKS = 64, INT_WORD_BLOCKS = 32, INT_MAX_SOURCES = 64 };

unsigned int_type_bits(enum int_type t);   /* bool: 1 */
unsigned int_type_words(enum int_type t);  /* uint64_t of one value in clear, low one first */
unsigned int_type_blocks(enum int_type t); /* bool: 1, else bits / 2 */
bool int_type_signed(enum int_type t);
const char *int_type_name(enum int_type t);

/* What noise in a block column comes from. The id is a hash of what the ciphertexts were made from
 * (the words of an encryption; the input and the table of a bootstrap), so the same computation
 * done twice, which gives the same noise twice, has the same id. */
struct int_source {
	uint64_t id;
	int32_t weight;
	uint16_t units; /* variance of one row at weight 1, in bootstraps */
	bool shared;	/* one ciphertext broadcast over all rows, not one a row */
};

struct int_block {
	uint32_t *lwe; /* rows * stride words, 64-byte aligned, owned by the column */
	int32_t lo, hi;
	unsigned sources; /* 0: trivial (no mask, no noise) in every row */
	struct int_source source[INT_MAX_SOURCES];
};

struct int_column {
	enum int_type type;
	unsigned blocks; /* usually int_type_blocks(type); aggregates choose what they need */
	unsigned stride; /* words from row to row, tfhe_lwe_stride */
	size_t rows;
	struct int_block block[INT_MAX_BLOCKS + 1]; /* room for a carry */
};

/* What an operation costs for one value, clean operands, a set of 150 units: bootstraps, and how many
 * of them follow each other at most. Constants: for the worst value. tests/integer pins them. */
enum int_operation {
	INT_OP_ADD,	  /* sub too */
	INT_OP_ADD_CLEAR, /* and sub, neg */
	INT_OP_ADD_OVERFLOW,
	INT_OP_MUL,
	INT_OP_SUM_10,
	INT_OP_DIVIDE,
	INT_OP_EQ, /* ne */
	INT_OP_ORDER,
	INT_OP_SELECT,
	INT_OP_MIN,   /* max */
	INT_OP_LOGIC, /* of a clear value at most */
	INT_OP_SHL,   /* all but signed to the right */
	INT_OP_SHR_SIGNED,
	INT_OP_SHIFT_CLEAR,
	INT_OP_LEADING_ZEROS,
	INT_OPERATIONS
};
struct int_cost {
	unsigned bootstraps, depth;
};
/* {0, 0} where the type has no such operation. */
struct int_cost int_cost(enum int_operation op, enum int_type type);

/* What operations need: the evaluator, cached look-up tables, scratch, progress, counters. One
 * thread at a time. */
struct int_context;
amt_status int_context_new(struct int_context **out, struct tfhe_evaluator *evaluator);
void int_context_free(struct int_context *c);
uint64_t int_context_layers(
	const struct int_context *c); /* batches of bootstraps since the start */
void int_context_progress(struct int_context *c, tfhe_progress progress, void *context);

void int_column_free(struct int_column *c);
/* Every row is the public constant `value` (noise 0). rows is usually 1. */
amt_status int_trivial(struct int_context *c, struct int_column *out, enum int_type type,
	unsigned __int128 value, size_t rows);
/* Blocks from coefficients of a packed GLWE (mask expanded): row r block b at coefficient
 * first + r * blocks + b, digits in [0, 3] (bool: [0, 1]; lowest block from -1 if `below`:
 * constants of int_compare). Its noise is that of `noise_units` bootstraps; 1 covers a fresh
 * encryption. */
amt_status int_unpack(struct int_context *c, struct int_column *out, enum int_type type,
	unsigned blocks, const uint32_t *glwe, unsigned first, size_t rows, unsigned noise_units,
	bool below);
/* Appends the rows of `more` to `out` (types must agree); for pages that make one chunk. */
amt_status int_append(struct int_context *c, struct int_column *out, const struct int_column *more);
/* The rows [first, first + rows) as a column that borrows its words: valid while `of` is, never
 * freed or changed. */
void int_view(struct int_column *out, const struct int_column *of, size_t first, size_t rows);
/* Bootstraps every block whose noise is above 1 unit. */
amt_status int_clean(struct int_context *c, struct int_column *column);

/* The content of a WIRE_LWE_LIST (layout in integer/list.c), appended; and read again with
 * everything checked: AMT_TRUNCATED, AMT_CORRUPTION, AMT_FOREIGN_PARAMETERS. Both roles. */
amt_status int_column_put(
	struct buf *out, const struct int_column *column, const struct tfhe_params *params);
amt_status int_column_get(
	struct int_column *out, struct span content, const struct tfhe_params *params);

/* out must not alias an operand. Operand types must agree (AMT_TYPE_MISMATCH), rows too or one of
 * them is 1. */
amt_status int_add(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b);
amt_status int_sub(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b);

/* The same, and whether the result does not fit the type (bool). No bootstrap more; signed one. */
amt_status int_add_overflow(struct int_context *c, struct int_column *out,
	struct int_column *overflow, const struct int_column *a, const struct int_column *b);
amt_status int_sub_overflow(struct int_context *c, struct int_column *out,
	struct int_column *overflow, const struct int_column *a, const struct int_column *b);
amt_status int_neg(struct int_context *c, struct int_column *out, const struct int_column *a);

/* Operations with a clear operand (int_trivial) are cheaper where that helps; results may have several
 * units of noise, which operations that need less clean first. */

/* out = a * b, the low digits. 64 bits: about 800 bootstraps; by a clear value 200 at most. */
amt_status int_mul(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b);
/* The sum of columns, row by row; all of one type, rows equal or 1. Ten of 64 bits: 96 bootstraps. */
amt_status int_sum(struct int_context *c, struct int_column *out,
	const struct int_column *const *columns, size_t count);

/* quotient = a / b towards 0, remainder = a - quotient * b; either may be NULL. By 0: unsigned the
 * quotient is all ones, signed -1 (of a negative a: 1), the remainder a. 64 bits: 2240 bootstraps,
 * signed 2500. */
amt_status int_divide(struct int_context *c, struct int_column *quotient,
	struct int_column *remainder, const struct int_column *a, const struct int_column *b);

/* out: u8. 64 bits: 41 bootstraps. AMT_UNSUPPORTED with parameter sets of less than 30 units. */
amt_status int_leading_zeros(
	struct int_context *c, struct int_column *out, const struct int_column *a);

/* Amounts count modulo the width; to the right signed values keep their sign. The amount is of any
 * type. 64 bits: 96 bootstraps (signed to the right 100); by a clear amount none if it is even, else
 * 16. */
enum int_shift { INT_SHL, INT_SHR, INT_ROTL, INT_ROTR };
amt_status int_shift(struct int_context *c, struct int_column *out, enum int_shift op,
	const struct int_column *a, const struct int_column *amount);

enum int_comparison { INT_EQ, INT_NE, INT_LT, INT_LE, INT_GT, INT_GE };
/* out: bool. 64 bits: 17 bootstraps for EQ and NE, 21 for the order. */
amt_status int_compare(struct int_context *c, struct int_column *out, enum int_comparison op,
	const struct int_column *a, const struct int_column *b);

enum int_logic { INT_AND, INT_OR, INT_XOR };
amt_status int_logic(struct int_context *c, struct int_column *out, enum int_logic op,
	const struct int_column *a, const struct int_column *b);
amt_status int_not(struct int_context *c, struct int_column *out, const struct int_column *a);
/* n-ary on bools: one bootstrap for up to 15 operands. */
amt_status int_all(struct int_context *c, struct int_column *out,
	const struct int_column *const *bools, size_t count);
amt_status int_any(struct int_context *c, struct int_column *out,
	const struct int_column *const *bools, size_t count);

/* out = condition ? a : b, one bootstrap a block. */
amt_status int_select(struct int_context *c, struct int_column *out,
	const struct int_column *condition, const struct int_column *a, const struct int_column *b);
/* out = condition ? a : 0, one bootstrap a block. */
amt_status int_mask(struct int_context *c, struct int_column *out,
	const struct int_column *condition, const struct int_column *a);
amt_status int_min(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b);
amt_status int_max(struct int_context *c, struct int_column *out, const struct int_column *a,
	const struct int_column *b);

/* Over all rows of one column: out has one row. Sum: `blocks` blocks wide (wraps beyond) of the
 * narrowest type of the same signedness with as many; values are zero-extended (signed types:
 * sign-extended). Of a bool column: the number of true rows. Min, max: by a tournament. */
amt_status int_sum_rows(
	struct int_context *c, struct int_column *out, const struct int_column *a, unsigned blocks);
amt_status int_min_rows(struct int_context *c, struct int_column *out, const struct int_column *a);
amt_status int_max_rows(struct int_context *c, struct int_column *out, const struct int_column *a);

/* Same value, another type: truncates, or extends by zero or sign. */
amt_status int_cast(struct int_context *c, struct int_column *out, enum int_type type,
	const struct int_column *a);

#endif

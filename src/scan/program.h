/* A scan program: what a host computes over every page of a table, as a graph of nodes on encrypted
 * vectors of slots, and what it sends back. Built by the planner (query), checked by the host, the
 * same bytes for every constant: constants are *scalars*, encrypted -1, 0 or 1, that the program only
 * numbers.
 *
 * Nodes, in topological order (operands have smaller numbers):
 *	SCAN_LEAF    sum over ranges, over v < count: E[column][first + v] * scalar[scalar + v]
 *	             (one relinearisation whatever is summed)
 *	SCAN_PUBLIC  constant + sum over ranges, over v < count: weight[weight + v] *
 *	             E[column][first + v]: no product; a constant vector of weights is public
 *	SCAN_SUM     constant + sum over terms: factor * a * b, or factor * a where b is SCAN_NONE (one
 *	             relinearisation)
 *	SCAN_SCALAR  a scalar in every slot, canaries' and nobody's too
 * Outputs:
 *	SCAN_ROWS    a node that is 0 or 1 (times `scale`) in each slot, page by page; sent packed 16
 *	             pages to an answer ciphertext
 *	SCAN_TOTAL   sum over pages of (sum over terms as in SCAN_SUM), each slot's value of one page
 *	             at most `max`: added up over floor(65536 / max) pages before a new accumulator is
 *	             begun
 * All values may be multiples of one *scale* modulo t (product form: D!), which the owner divides away;
 * `max` is without it.
 *
 * Levels. The last ciphertext sent has 1 limb. Requirements run from outputs to leaves: a node used
 * at l limbs in a product is needed at l, the product itself is made at l and leaves l - 1 after the
 * modulus switch. scan_fit computes the level of every node, the noise, and whether all of it fits.
 */
#ifndef SCAN_PROGRAM_H
#define SCAN_PROGRAM_H

#include "scan/layout.h"

enum {
	SCAN_NONE = 0xffffffff,
	SCAN_MAX_NODES = 1 << 14,
	SCAN_MAX_TERMS = 1 << 16,
	SCAN_MAX_SCALARS = 1 << 14,
	SCAN_MAX_OUTPUTS = 1 << 12
};

enum scan_op { SCAN_LEAF = 1, SCAN_PUBLIC = 2, SCAN_SUM = 3, SCAN_SCALAR = 4 };
enum scan_output_kind { SCAN_ROWS = 1, SCAN_TOTAL = 2 };

struct scan_range {
	uint16_t column;       /* of the schema, or SCAN_VALID_COLUMN */
	uint16_t first, count; /* vectors, within one group of the column */
	uint32_t at;	       /* first scalar (leaf) or weight (public) */
};
struct scan_term {
	uint32_t a, b;	/* nodes; b may be SCAN_NONE */
	int32_t factor; /* not 0, |factor| < t */
};
struct scan_node {
	uint8_t op;
	int32_t constant;      /* |constant| < t; of PUBLIC and SUM */
	uint32_t first, count; /* ranges or terms; SCALAR: which scalar, and 0 */
};
static inline bool scan_node_reads(const struct scan_node *n)
{
	return n->op == SCAN_LEAF || n->op == SCAN_PUBLIC;
}
struct scan_output {
	uint8_t kind;
	uint32_t node;	       /* SCAN_ROWS */
	uint32_t first, count; /* SCAN_TOTAL: terms */
	uint32_t max;	       /* SCAN_TOTAL: of a slot, of one page, 1 .. 65536 */
};

struct scan_program {
	struct scan_node *node;
	struct scan_range *range;
	struct scan_term *term;
	int32_t *weight;
	struct scan_output *output;
	uint32_t nodes, ranges, terms, weights, outputs;
	uint32_t scalars; /* how many; each is used at least once */
};

/* ---- building. Zero-initialise; scan_program_free at the end. Nodes are not merged: callers reuse
 * them. */
amt_status scan_add_range(struct scan_program *p, struct scan_range r);
amt_status scan_add_term(struct scan_program *p, struct scan_term t);
amt_status scan_add_weights(
	struct scan_program *p, const int32_t *weights, uint32_t count, uint32_t *first);
/* Takes the ranges or terms added since the last node or output. */
amt_status scan_leaf(struct scan_program *p, uint32_t *node);
amt_status scan_public(struct scan_program *p, int32_t constant, uint32_t *node);
amt_status scan_sum(struct scan_program *p, int32_t constant, uint32_t *node);
amt_status scan_scalar(struct scan_program *p, uint32_t scalar, uint32_t *node);
amt_status scan_rows(struct scan_program *p, uint32_t node);
amt_status scan_total(struct scan_program *p, uint32_t max);
void scan_program_free(struct scan_program *p);

/* ---- a table as programs see it */
struct scan_table {
	const struct bgv_params *ring;
	const struct scan_column *column; /* by column of the schema; digits = limbs = 0: none */
	unsigned columns;
	struct scan_column valid;
};

/* The layout of a column or of the validity; NULL if it has none. */
const struct scan_column *scan_table_column(const struct scan_table *t, unsigned column);
/* The group a range lies in. */
unsigned scan_range_group(const struct scan_column *c, const struct scan_range *r);

amt_status scan_program_put(const struct scan_program *p, struct buf *out);
/* Validates everything against the table, but for levels and noise (scan_fit). */
amt_status scan_program_get(
	struct scan_program *out, const struct scan_table *table, struct reader *in);
amt_status scan_program_check(const struct scan_program *p, const struct scan_table *table);

/* ---- levels and noise */
enum {
	SCAN_PACK_SCALARS = 256, /* scalars in one ciphertext of a question, a power of two */
	SCAN_PACK_LOG2 = 8,
	SCAN_ROWS_LEVEL = 2 /* 16 pages of bits fill a slot: 2^15 times the noise of one */
};

struct scan_fit {
	unsigned limbs;	     /* of the scalars, and of the longest ciphertext anywhere */
	unsigned fold_level; /* limbs of totals when they are complete: 2 if they are folded */
	uint8_t *level;	     /* limbs of each node's result */
	/* Scalars as they are packed, those first that are needed with most limbs, and how many. */
	uint32_t *order;
	uint8_t *needed;
	double failure_log2; /* of the whole query, union bound over its ciphertexts and pages */
	double margin_bits;  /* distance to the first refusal */
	/* Costs of a page: products of limbs of ciphertexts, bytes read, relinearisations, transforms
	 * of N. */
	uint64_t leaf_products, read_bytes, relinearisations, transforms;
};
/* AMT_NOISE_BUDGET: says what does not fit: more products one after the other than the ring has
 * primes for or a column is stored with, or noise, by how many bits. */
amt_status scan_fit(struct scan_fit *out, const struct scan_program *p,
	const struct scan_table *table, uint64_t pages);
void scan_fit_free(struct scan_fit *f);
/* Pages that a total adds up before it might exceed t. */
uint64_t scan_total_pages(const struct scan_output *o);

/* ---- on plain slots: the meaning of a program, for tests and for the owner's canaries and tail.
 * code[c] is the code of column c, null[c] (null may be NULL) whether it is NULL instead; scalar[i] is
 * -1, 0 or 1. node (may be NULL): each node's value, centred modulo t. output: what the row adds to each
 * output: ROWS 1 times the scale, TOTAL the terms; modulo t, in [0, t). */
amt_status scan_evaluate_row(const struct scan_program *p, const struct scan_table *table,
	const uint64_t *code, const bool *null, const int8_t *scalar, int64_t *node,
	uint32_t *output);
/* The same of a row that the validity may leave out while the columns still show it. */
amt_status scan_evaluate_left_out(const struct scan_program *p, const struct scan_table *table,
	const uint64_t *code, bool valid, const int8_t *scalar, int64_t *node, uint32_t *output);

#endif

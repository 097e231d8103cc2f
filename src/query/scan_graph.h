/* Inside of query: a scan program under construction.
 *
 * Nodes are made freely and found again when they are asked for twice; what no output needs is left
 * out of the program in the end. The *depth* of a node is how many of the ring's primes are gone when
 * it is made: those its vectors are not stored with, and one for each product after the other. So the
 * shallowest are those that leave most room for what follows; of equals, those with the fewest products
 * after the other, so that the program as a whole needs the fewest primes. Scalars stand beside the nodes
 * they are for.
 */
#ifndef QUERY_SCAN_GRAPH_H
#define QUERY_SCAN_GRAPH_H

#include "scan/program.h"

/* A node made before, by what makes it. */
struct graph_memo {
	uint32_t kind, a, b, node, next;
};
enum { GRAPH_BUCKETS = 1024 };

struct graph_depth {
	uint8_t primes, products;
};

struct graph_output {
	uint8_t kind;
	uint32_t max;
	struct scan_term term; /* SCAN_ROWS: node a */
};

struct scan_graph {
	const struct scan_table *table;
	struct scan_program raw;   /* all nodes, no outputs */
	struct graph_depth *depth; /* of each node */
	int8_t *scalar;		   /* secret; raw.scalars of them */
	struct graph_output *output;
	uint32_t outputs;
	struct graph_memo *memo;
	uint32_t memos, bucket[GRAPH_BUCKETS]; /* 1 + index in memo */
};

void graph_free(struct scan_graph *g); /* wipes the scalars */

/* Scalars that more than one leaf may use, whole; *at is the first of them. */
amt_status graph_scalars(struct scan_graph *g, unsigned count, const int8_t *scalar, uint32_t *at);
/* Vectors of a leaf with scalars made before; graph_leaf takes those added since. */
amt_status graph_leaf_with(
	struct scan_graph *g, uint16_t column, unsigned first, unsigned count, uint32_t at);
/* The same with scalars of its own. */
amt_status graph_leaf_range(struct scan_graph *g, uint16_t column, unsigned first, unsigned count,
	const int8_t *scalar);
amt_status graph_leaf(struct scan_graph *g, uint32_t *node);
/* A scalar in every slot. */
amt_status graph_scalar(struct scan_graph *g, int8_t scalar, uint32_t *node);

/* sum of weight[v] * vector first + v; weights NULL: all 1. Found again by column, first and count if
 * they are all 1. */
amt_status graph_public(struct scan_graph *g, uint16_t column, unsigned first, unsigned count,
	const int32_t *weight, uint32_t *node);
/* The value of a digit, found again by column and first. */
amt_status graph_digit_value(
	struct scan_graph *g, uint16_t column, unsigned first, unsigned count, uint32_t *node);
/* 1 where there is a row. */
amt_status graph_valid(struct scan_graph *g, uint32_t *node);
/* 1 where the column is not NULL; where a row is NULL in it. */
amt_status graph_not_null(struct scan_graph *g, uint16_t column, uint32_t *node);
amt_status graph_null(struct scan_graph *g, uint16_t column, uint32_t *node);
/* 0 everywhere. */
amt_status graph_zero(struct scan_graph *g, uint32_t *node);

/* a b; SCAN_NONE is 1. */
amt_status graph_product(struct scan_graph *g, uint32_t a, uint32_t b, uint32_t *node);
/* factor a b */
amt_status graph_scaled_product(
	struct scan_graph *g, uint32_t a, uint32_t b, int32_t factor, uint32_t *node);
/* The product of all of them, shallow ones first; `node` is overwritten. SCAN_NONE of nothing. */
amt_status graph_product_of(struct scan_graph *g, uint32_t *node, size_t count, uint32_t *product);
/* a + b - a b of all of them, shallow ones first; count > 0. */
amt_status graph_any_of(struct scan_graph *g, uint32_t *node, size_t count, uint32_t *any);
/* Terms added to the raw program since the last node become a sum. */
amt_status graph_sum(struct scan_graph *g, int32_t constant, uint32_t *node);

amt_status graph_rows(struct scan_graph *g, uint32_t node);
/* The total of a b (b may be SCAN_NONE), at most `max` in a slot: the number of the output, found
 * again if there is one. */
amt_status graph_total(
	struct scan_graph *g, uint32_t a, uint32_t b, uint32_t max, uint32_t *output);

/* The program of what the outputs need, and its scalars (NULL if there are none; freed by the caller,
 * wiped). */
amt_status graph_finish(struct scan_graph *g, struct scan_program *out, int8_t **scalar);

/* c modulo t, centred; the inverse of c modulo t, centred. */
int32_t graph_residue(int64_t c);
int32_t graph_inverse(int32_t c);

#endif

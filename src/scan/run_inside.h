/* Inside of a run. Read in this order: run.c (schedule, batches, sums), run_leaf.c (from stored
 * vectors to nodes), run_answer.c (from nodes to what is sent).
 */
#ifndef SCAN_RUN_INSIDE_H
#define SCAN_RUN_INSIDE_H

#include "scan/run.h"

#include <pthread.h>

struct scan_scalars {
	struct bgv_ct *ct; /* in `memory` */
	uint64_t *memory;
	size_t bytes;
};

/* Nodes that read the same groups, and are computed in one pass over them. */
struct run_group {
	uint16_t column;
	uint16_t group;
	unsigned limbs; /* the most any node needs */
};
struct run_component {
	uint32_t *node;
	struct run_group *group;
	uint32_t nodes, groups;
};

/* A step computes a component or, if that is SCAN_NONE, a node; then the results of `frees` nodes are
 * no longer needed. */
struct run_step {
	uint32_t component, node;
	uint32_t free_first, frees;
};

enum { RUN_SCRATCH_TILES = 10 }; /* three accumulators, and room for three tiles and more */

struct run_worker {
	/* Memory of ciphertexts, reused: slabs, of which the first `idle` are free. */
	uint64_t **slab;
	uint32_t idle, slabs;
	uint64_t *scratch; /* RUN_SCRATCH_TILES tiles */
	struct scan_work work;
};

struct run_answers;

struct run {
	const struct bgv_ring *ring;
	const struct bgv_keys *keys;
	const struct scan_program *p;
	const struct scan_table *table;
	const struct scan_fit *fit;
	const struct scan_scalars *scalars;
	const struct scan_source *source;
	struct pool *inner; /* for work within a batch: only if there is just one */
	uint64_t pages;
	unsigned batch_pages;
	size_t slab_words;
	struct run_component *component;
	struct run_step *step;
	uint32_t *freed; /* nodes, by step */
	uint32_t components, steps;
	struct run_worker *worker;
	unsigned workers;
	struct run_answers *answers;
	pthread_mutex_t lock; /* of progress */
	uint64_t pages_done;
};

/* The pages a worker has at hand. */
struct run_batch {
	struct run *run;
	struct run_worker *worker;
	uint64_t first;
	unsigned pages;
	struct bgv_ct *ct; /* [node][page] */
};

static inline struct bgv_ct *run_ct(struct run_batch *b, uint32_t node, unsigned page)
{
	return &b->ct[(size_t)node * b->run->batch_pages + page];
}

/* A ciphertext on the worker's memory. */
amt_status run_ct_take(struct run_batch *b, struct bgv_ct *ct, unsigned limbs, unsigned parts);
void run_ct_give(struct run_batch *b, struct bgv_ct *ct);

/* Whether a node ends in a product, and with how many limbs it is made. */
bool run_has_product(const struct scan_program *p, const struct scan_node *n);
static inline unsigned run_made(const struct run *r, uint32_t node)
{
	return r->fit->level[node] + run_has_product(r->p, &r->p->node[node]);
}
/* Adds a node's public constant. */
void run_add_constant(struct run_batch *b, uint32_t node);
/* out += factor * a on the limbs of out; both have 2 parts. */
void run_add_linear(
	const struct bgv_ring *ring, struct bgv_ct *out, const struct bgv_ct *a, int32_t factor);
/* Adds the products among terms, at the limbs of out (3 parts, canonical residues). scratch: 8 tiles.
 * Whether there was any. */
bool run_add_products(
	struct run_batch *b, struct bgv_ct *out, uint32_t first, uint32_t count, unsigned page);
/* Relinearises node `node` of all pages of the batch and drops a limb. */
amt_status run_finish_product(struct run_batch *b, const uint32_t *nodes, uint32_t count);

/* ---- run_leaf.c */
amt_status run_components_new(struct run *r);
amt_status run_component(struct run_batch *b, const struct run_component *c);
/* Announces what it will read. */
void run_announce(const struct run_batch *b, const struct run_component *c);

/* ---- run_answer.c */
amt_status run_answers_new(struct run *r);
void run_answers_free(struct run *r);
/* Adds the batch's pages to every output that uses node results still at hand: called once all nodes
 * are there. */
amt_status run_answer(struct run_batch *b);
amt_status run_answers_put(struct run *r, struct buf *out);

#endif

/* Inside of an evaluator: for the files that implement tfhe/evaluate.h, for measurements and tests.
 */
#ifndef TFHE_EVALUATOR_INSIDE_H
#define TFHE_EVALUATOR_INSIDE_H

#include "tfhe/evaluate.h"
#include "tfhe/expanded.h"
#include "tfhe/kernel.h"

#include <pthread.h>
#include <stdatomic.h>

/* What one worker computes in; all 64-byte aligned, allocated with the evaluator. */
struct evaluator_scratch {
	uint32_t *accumulators; /* TFHE_BATCH GLWEs */
	uint32_t *small;	/* TFHE_BATCH small LWEs */
	uint16_t *masks;	/* TFHE_BATCH * tfhe_ggsws */
	void *kernel;
};

/* What two workers share that do one bootstrap together. */
struct evaluator_pair {
	struct spin_pair spin;
	atomic_uint meeting;   /* see bootstrap.c */
	uint32_t *accumulator; /* GLWE */
	uint32_t *small;
	void *kernel; /* tfhe_half_shared bytes; NULL: rotations are not split */
};

struct tfhe_evaluator {
	const struct tfhe_params *params;
	uint8_t key_id[16];
	struct pool *pool;
	struct expanded expanded; /* holds the keys */
	struct tfhe_bootstrap_key bootstrap;
	struct tfhe_keyswitch_key keyswitch;
	double *automorphism; /* [log2 N][levels * k rows][k + 1][N] */
	atomic_uint_fast64_t bootstraps;
	pthread_mutex_t lock; /* held while the scratch is in use */
	unsigned workers;
	struct evaluator_scratch *scratch; /* one for each worker */
	unsigned pair_count;		   /* workers / 2 */
	struct evaluator_pair *pairs;
};

/* An evaluator with the bootstrap key and pool of `like`, borrowed, without a key-switch key and
 * without scratch. */
amt_status evaluator_new(struct tfhe_evaluator **out, const struct tfhe_evaluator *like);
/* Once its keys are there. */
amt_status evaluator_allocate_scratch(struct tfhe_evaluator *e);

/* Doubles of one automorphism's key. */
static inline size_t evaluator_automorphism_size(const struct tfhe_params *p)
{
	return (size_t)p->pbs_levels * p->k * (p->k + 1) << p->n_poly_log2;
}

#endif

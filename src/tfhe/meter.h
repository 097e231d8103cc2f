/* Progress of a parallel loop: any worker adds, the calling thread (worker 0) reports. */
#ifndef TFHE_METER_H
#define TFHE_METER_H

#include "tfhe/evaluate.h"

#include <stdatomic.h>

struct meter {
	tfhe_progress progress; /* NULL: nobody listens */
	void *context;
	uint64_t total;
	atomic_uint_fast64_t done;
};

static inline amt_status meter_add(struct meter *m, uint64_t amount, unsigned worker)
{
	uint64_t done = atomic_fetch_add(&m->done, amount) + amount;
	if (worker == 0 && m->progress != NULL)
		ENSURE(m->progress(m->context, done, m->total), AMT_CANCELLED, "cancelled");
	return STATUS_OK;
}

#endif

/* A fixed pool of threads for parallel loops. The calling thread takes part, so a pool of 1 starts
 * none. One loop runs at a time; pool_run may be called from any thread but not from inside a task.
 */
#ifndef OS_POOL_H
#define OS_POOL_H

#include "base/status.h"

struct pool;

/* threads 0: one for each core. */
amt_status pool_new(struct pool **out, unsigned threads);
void pool_free(struct pool *pool);
unsigned pool_threads(const struct pool *pool);

/* Calls task(context, index, worker) for each index below count, in any order, worker <
 * pool_threads. After a failure no further index is started; returns the first failure. pool NULL:
 * runs inline as worker 0. */
typedef amt_status (*pool_task)(void *context, size_t index, unsigned worker);
amt_status pool_run(struct pool *pool, size_t count, pool_task task, void *context);

#endif

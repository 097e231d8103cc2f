/* Workers sleep between loops; inside a loop they draw indices from one atomic counter, which
 * balances uneven tasks. */
#include "os/pool.h"

#include "base/alloc.h"
#include "os/cpu.h"

#include <pthread.h>
#include <stdatomic.h>

struct worker {
	struct pool *pool;
	pthread_t thread;
	unsigned index;
};

struct pool {
	pthread_mutex_t caller; /* held for a whole loop: one at a time */
	pthread_mutex_t lock;	/* protects everything below but `next` */
	pthread_cond_t wake, done;
	uint64_t loop; /* number of the current loop */
	unsigned busy; /* workers still in it */
	bool stop;
	pool_task task;
	void *context;
	size_t count;
	amt_status failure;
	atomic_size_t next;
	unsigned threads;
	struct worker workers[]; /* threads - 1 of them: the caller is worker 0 */
};

static void draw(struct pool *p, unsigned worker)
{
	for (;;) {
		size_t index = atomic_fetch_add(&p->next, 1);
		if (index >= p->count)
			return;
		amt_status s = p->task(p->context, index, worker);
		if (UNLIKELY(!amt_ok(s))) {
			atomic_store(&p->next, p->count);
			pthread_mutex_lock(&p->lock);
			p->failure = status_first(p->failure, s);
			pthread_mutex_unlock(&p->lock);
			return;
		}
	}
}

static void *work(void *argument)
{
	struct worker *w = argument;
	struct pool *p = w->pool;
	uint64_t seen = 0;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (!p->stop && p->loop == seen)
			pthread_cond_wait(&p->wake, &p->lock);
		if (p->stop)
			break;
		seen = p->loop;
		pthread_mutex_unlock(&p->lock);
		draw(p, w->index);
		pthread_mutex_lock(&p->lock);
		if (--p->busy == 0)
			pthread_cond_signal(&p->done);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

amt_status pool_new(struct pool **out, unsigned threads)
{
	if (threads == 0)
		threads = cpu_count();
	struct pool *p;
	TRY(mem_zalloc(&p, sizeof(*p) + (threads - 1) * sizeof(p->workers[0])));
	pthread_mutex_init(&p->caller, NULL);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	pthread_cond_init(&p->done, NULL);
	p->threads = 1;
	for (unsigned i = 1; i < threads; i++) {
		struct worker *w = &p->workers[i - 1];
		*w = (struct worker){.pool = p, .index = i};
		int error = pthread_create(&w->thread, NULL, work, w);
		if (error != 0) {
			pool_free(p);
			return status_new(AMT_OUT_OF_MEMORY, error, __FILE__, __LINE__,
				"cannot start thread %u", i);
		}
		p->threads++;
	}
	*out = p;
	return STATUS_OK;
}

void pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 1; i < p->threads; i++)
		pthread_join(p->workers[i - 1].thread, NULL);
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->caller);
	mem_free(p);
}

unsigned pool_threads(const struct pool *p)
{
	return p == NULL ? 1 : p->threads;
}

amt_status pool_run(struct pool *p, size_t count, pool_task task, void *context)
{
	if (p == NULL || p->threads == 1 || count <= 1) {
		for (size_t i = 0; i < count; i++)
			TRY(task(context, i, 0));
		return STATUS_OK;
	}
	pthread_mutex_lock(&p->caller);
	pthread_mutex_lock(&p->lock);
	p->task = task;
	p->context = context;
	p->count = count;
	p->failure = STATUS_OK;
	atomic_store(&p->next, 0);
	p->busy = p->threads - 1;
	p->loop++;
	pthread_cond_broadcast(&p->wake);
	pthread_mutex_unlock(&p->lock);
	draw(p, 0);
	pthread_mutex_lock(&p->lock);
	while (p->busy > 0)
		pthread_cond_wait(&p->done, &p->lock);
	amt_status failure = p->failure;
	pthread_mutex_unlock(&p->lock);
	pthread_mutex_unlock(&p->caller);
	return failure;
}

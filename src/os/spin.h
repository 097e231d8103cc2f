/* Two threads in lock step, each on a core of its own, for pieces of work of a few microseconds that
 * no lock could follow. */
#ifndef OS_SPIN_H
#define OS_SPIN_H

#include <sched.h>
#include <stdatomic.h>

struct spin_counter {
	_Alignas(64) atomic_uint value; /* a cache line each, or the two would wait for the line */
};

/* Zero-initialise. Halves are 0 and 1. */
struct spin_pair {
	struct spin_counter reached[2];
};

static inline void spin_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* Returns once both halves have called it equally often. All that one wrote before, the other sees
 * after. The other may have lost its core: after a while, so may this one. */
static inline void spin_meet(struct spin_pair *p, unsigned half)
{
	enum { PATIENCE = 4096 };
	unsigned mine = atomic_load_explicit(&p->reached[half].value, memory_order_relaxed) + 1;
	atomic_store_explicit(&p->reached[half].value, mine, memory_order_release);
	for (unsigned turn = 0;
		(int)(atomic_load_explicit(&p->reached[1 - half].value, memory_order_acquire) -
			mine) < 0;
		turn++)
		if (turn < PATIENCE)
			spin_pause();
		else
			(void)sched_yield();
}

#endif

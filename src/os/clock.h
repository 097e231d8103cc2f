/* Time. Monotonic for durations, wall for dates. */
#ifndef OS_CLOCK_H
#define OS_CLOCK_H

#include <stdint.h>

uint64_t clock_monotonic_ns(void);
uint64_t clock_thread_cpu_ns(void); /* of the calling thread */
uint64_t clock_wall_us(void);	    /* since 1970-01-01 UTC */
void clock_sleep_ms(uint64_t ms);

#endif

/* Our figures beside those of another library, taken in turn within one run so that what else the
 * machine does falls on both: medians of rounds, a table for people, JSON for programs:
 *	{"metric": {"ours": x, "peer": y, "ratio": y / x, "unit": "ms"}}
 * without peer and ratio where there is nothing to compare with.
 *
 * The peer is a program that reads the names of metrics and answers with seconds (bench/peers).
 */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "base/status.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>

enum { COMPARE_ROUNDS = 5 };

struct compare {
	json_t *json;
	pid_t peer; /* 0: alone */
	FILE *to, *from;
};

/* Milliseconds of one value: wall time, and processor time of all threads. */
struct duration {
	double wall, cpu;
};
struct comparison {
	struct duration ours, peer;
	bool both;
};

/* Ends the program with the status's message unless it is OK. */
void compare_check(amt_status s);
/* `peer` is the program, started with `threads` as its argument, or NULL. */
void compare_open(struct compare *c, const char *peer, unsigned threads);
/* COMPARE_ROUNDS times `body`, which handles `values` values and each time the peer's `metric` (its
 * keys are made before the first round). */
struct comparison compare_run(struct compare *c, const char *metric, size_t values,
	void (*body)(void *context), void *context);
/* One figure for the JSON; peer <= 0: none. */
void compare_put(struct compare *c, const char *metric, double ours, double peer, const char *unit);
/* Ends the peer and writes <name>.json beside `program`. */
void compare_close(struct compare *c, const char *program, const char *name);

#endif

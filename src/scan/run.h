/* Running a scan program over the pages of a table (host).
 *
 * Pages are taken in batches: within a batch every node is computed for all pages before the next
 * one, so that scalars and switching keys stream through the caches once a batch; batches are spread
 * over the threads. Memory is bounded by the program and the threads, whatever the table's size.
 */
#ifndef SCAN_RUN_H
#define SCAN_RUN_H

#include "os/pool.h"
#include "scan/program.h"

/* Where pages come from. Called by several threads at once. */
struct scan_source {
	void *context;
	/* size bytes at `offset` of a column's page (scan/layout.h), checked against damage. */
	amt_status (*read)(void *context, unsigned column, uint64_t page, size_t offset,
		size_t size, uint8_t *out);
	/* A range of a page that will be read soon. May be NULL. */
	void (*will_read)(
		void *context, unsigned column, uint64_t page, size_t offset, size_t size);
	/* Called now and then, one thread at a time, with pages done of all; a failure
	 * (AMT_CANCELLED) ends the run. May be NULL. */
	amt_status (*progress)(void *context, uint64_t done, uint64_t pages);
};

struct scan_scalars; /* the constants of a question, expanded */

/* Bytes of the packed constants of a program: for each pack of at most SCAN_PACK_SCALARS, in the order of
 * `fit`, a seeded ciphertext (bgv_seeded_bytes) of as many limbs as its first one is needed with, in which
 * they lie as bgv_expand tells. */
size_t scan_scalars_bytes(
	const struct bgv_ring *ring, const struct scan_program *p, const struct scan_fit *fit);
/* Scalars in the pack that begins with the first-th in order. */
unsigned scan_pack_count(const struct scan_program *p, uint32_t first);
/* Validates and expands them. */
amt_status scan_scalars_open(struct scan_scalars **out, const struct bgv_ring *ring,
	const struct bgv_keys *keys, const struct scan_program *p, const struct scan_fit *fit,
	struct span packed, struct pool *pool);
void scan_scalars_free(struct scan_scalars *s);

enum { SCAN_ROWS_PAGES = 16 }; /* pages whose bits share an answer */
/* Accumulators that a total of `pages` pages takes. */
uint64_t scan_total_runs(const struct scan_output *o, uint64_t pages);

/* How answers lie. First those of rows, output by output. Then totals by how often they can be folded
 * without a slot reaching t: the runs of all outputs that are folded 2^5 times, 2^5 to an answer, those
 * folded 2^4 times, and so on. Public: owner and host compute the same. */
struct scan_answers {
	uint64_t rows, totals;
	uint64_t runs[SCAN_FOLD_LOG2 + 1]; /* by log2 of the fold */
	uint64_t first[SCAN_FOLD_LOG2 +
		       1]; /* their first answer, counted from the first of totals */
};
struct scan_answers scan_answers_of(
	const struct scan_program *p, const struct scan_fit *fit, uint64_t pages);
/* log2 of how often an output's runs are folded. */
unsigned scan_total_fold_log2(
	const struct scan_output *o, const struct scan_fit *fit, uint64_t pages);

/* What a run did. */
struct scan_work {
	uint64_t pages, bytes_read, relinearisations;
	uint64_t cpu_ns; /* of all threads */
};

/* Appends the answers, bgv_answer_bytes each: for each SCAN_ROWS output in order, its pages by 16;
 * then totals, each output's runs of scan_total_pages pages in order, as scan_answers tells. */
amt_status scan_run(const struct bgv_ring *ring, const struct bgv_keys *keys,
	const struct scan_program *p, const struct scan_table *table, const struct scan_fit *fit,
	const struct scan_scalars *scalars, uint64_t pages, const struct scan_source *source,
	struct pool *pool, struct buf *out, struct scan_work *work);

#endif

/* A small ring, its keys, and a table of random rows in encrypted pages. */
#ifndef TESTS_SCAN_FIXTURE_H
#define TESTS_SCAN_FIXTURE_H

#include "testing.h"

#include "scan/secret_query.h"

enum { MAX_COLUMNS = 12 };

struct fixture {
	struct bgv_params params;
	struct bgv_ring *ring;
	struct bgv_secret *secret;
	struct bgv_keys *keys;
	struct pool *pool;
	struct scan_column layout[MAX_COLUMNS];
	struct scan_table table;
	uint8_t canary_key[SCAN_CANARY_KEY_BYTES];
	uint64_t rows, pages;
	uint64_t *code[MAX_COLUMNS];
	bool *null[MAX_COLUMNS];
	bool *kept;
	struct buf *page[MAX_COLUMNS + 1]; /* the validity is the last one */
};

/* The primes of B14 in a ring of 2^log2n, the first twelve of B15, of 6 bytes, for WIDE: no security below
 * 14. */
enum { WIDE = 12 };
void fixture_open(struct fixture *f, unsigned log2n, unsigned threads);
/* Adds a column to the layout, before fixture_fill. */
void fixture_column(
	struct fixture *f, uint64_t max, unsigned base, unsigned limb_bits, bool summed);
/* Random codes, one in eight NULL in odd columns, one row in 16 not kept; encrypts the pages. */
void fixture_fill(struct fixture *f, uint64_t rows, uint64_t seed);
void fixture_close(struct fixture *f);

/* scan_run over the pages, and the owner's reading of it. */
amt_status fixture_run(struct fixture *f, const struct scan_program *p, const int8_t *scalar,
	uint32_t scale, struct scan_result *out, struct scan_work *work);
/* The same by scan_evaluate_row. */
void fixture_expect(struct fixture *f, const struct scan_program *p, const int8_t *scalar,
	uint32_t scale, struct scan_result *out);

/* Programs. Scalars are appended to scalar[], p->scalars counts them. */
struct builder {
	struct scan_program p;
	int8_t scalar[1 << 12];
	uint32_t scale; /* 0: 1 */
};
/* (x < c) and (x == c) as a tree; either may be NULL. */
void build_compare(struct builder *b, const struct fixture *f, unsigned column, uint64_t c,
	uint32_t *lt, uint32_t *eq);
uint32_t build_product(struct builder *b, uint32_t x, uint32_t y);
uint32_t build_or(struct builder *b, uint32_t x, uint32_t y);
uint32_t build_public(
	struct builder *b, unsigned column, unsigned first, unsigned count, int32_t constant);
void build_total(struct builder *b, uint32_t x, uint32_t y, uint32_t max);

#endif

/* The host's inside. Read in this order: host_serve.c (the loop), host_database.c (what is stored
 * where), host_change.c (tables and rows), host_column.c (pages to columns and back),
 * host_revoke.c (the end of a key), host_query.c (a question becomes an answer), host_fetch.c (fragments to the owner), host_segment.c
 * (scan pages and switching keys as files), host_scan.c (scans).
 *
 * Keys of the store:
 *	"D"                                     database id 16, key id 16, u16 parameter set
 *	"K"                                     evaluation key (WIRE_EVALUATION_KEY)
 *	"R"                                     the key is revoked: u8 1 until its bytes are gone from
 *	                                        the folder's files, then 0
 *	"S"                                     u64 version, sealed owner state
 *	"T" table id                            table record (engine/relation.h)
 *	"P" table id, column, part, page, row   fragment; numbers big-endian (u16, u8, u32, u16),
 *	                                        row: of the page
 *	"G" table id, column u16, page u32      scan page: u64 number and u64 length of its segment
 *	                                        (store/segment.h), u64 epoch, u32 rows, 32 MAC
 *	"B" u16 ring                            switching keys, the same record (epoch, rows, MAC 0)
 * so a table is one range, a family within it, a page within that.
 */
#ifndef ENGINE_HOST_H
#define ENGINE_HOST_H

#include "amaters/host.h"
#include "engine/message.h"
#include "engine/question.h"
#include "store/store.h"

struct host_ring {
	const struct bgv_params *params; /* NULL: a free place */
	struct bgv_ring *ring;
	struct bgv_keys *keys; /* NULL: not expanded yet */
	unsigned wanted;       /* limbs they were expanded for, if there are as many */
};
enum { HOST_RINGS = 4 };

struct host {
	struct store *store;
	struct host_segments *segments;
	struct host_ring ring[HOST_RINGS];
	struct pool *pool;
	struct channel channel;
	struct buf request; /* the frame being answered */
	void (*log)(void *context, const char *line);
	void *log_context;
	uint64_t last_progress_ns;
	/* The database; params NULL: none yet. */
	const struct tfhe_params *params;
	uint8_t database[MESSAGE_ID_BYTES], key_id[16];
	struct tfhe_evaluator *evaluator; /* expanded at the first question */
	bool revoked;			  /* the key is: no evaluation key is here any more */
	const char *key_cache;		  /* folder of expanded keys, NULL: none; borrowed */
	struct int_context *integers;
};

/* ---- host_serve.c */

/* Opens the folder (in memory if options->kind says so) with `threads` workers. */
amt_status host_open(struct host **out, struct io *io, const char *folder,
	const struct store_options *options, unsigned threads);
/* Answers requests until goodbye or the end of input. */
amt_status host_serve(struct host *h, int in_fd, int out_fd);
amt_status host_close(struct host *h);
/* One request, its replies included. *done: it was goodbye. A request that fails is answered with
 * REPLY_ERROR; the status is of the connection. */
amt_status host_answer(struct host *h, const struct message *request, bool *done);
/* Tells the owner, at most ten times a second; AMT_CANCELLED if the owner wants no more. */
amt_status host_progress(struct host *h, enum message_phase phase, uint64_t done, uint64_t total);
void host_log(struct host *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- host_database.c */

amt_status host_load_database(struct host *h);
amt_status host_hello(struct host *h);
amt_status host_create_database(struct host *h, const struct message *m);
amt_status host_send_state(struct host *h);
/* A change in one atomic batch: `fill` puts it together; REPLY_OK once it is on disk. */
typedef amt_status (*host_fill)(struct host *h, const struct message *m, struct store_batch *batch);
amt_status host_commit(struct host *h, const struct message *m, host_fill fill);
amt_status host_put_state(struct host *h, const struct message *m);
amt_status host_send_tables(struct host *h);
amt_status host_inspect(struct host *h);
amt_status host_need_database(const struct host *h);
/* REQUEST_REVOKE: the evaluation keys go, from the store, its files, the cache and memory. */
amt_status host_revoke(struct host *h, const struct message *m);
/* At the start: what a crash has left of a revocation is done. */
amt_status host_load_revoked(struct host *h);
/* AMT_NOT_FOUND if the key is revoked. */
amt_status host_need_key(const struct host *h);
/* The evaluator and integer context, made when first needed. */
amt_status host_need_evaluator(struct host *h);

/* A table as it is now, with its record's bytes (for compare-and-set) in *record if not NULL. */
amt_status host_table(struct host *h, const uint8_t id[RELATION_ID_BYTES], struct relation *out,
	struct buf *record);
/* AMT_CONFLICT unless what was asked is for the table as it is. */
amt_status host_expect_epoch(const struct relation *t, uint64_t epoch);
amt_status host_expect_version(const struct relation *t, uint64_t epoch, uint32_t schema_version);
/* Adds to the batch: the record, and the owner state that goes with the change; both checked
 * against what is there. old NULL: a new table; t NULL: the table goes. Or one of the two alone. */
amt_status host_batch_change(struct host *h, struct store_batch *batch, const struct message *m,
	const uint8_t id[RELATION_ID_BYTES], const struct buf *old, const struct relation *t);
amt_status host_batch_table(struct store_batch *batch, const uint8_t id[RELATION_ID_BYTES],
	const struct buf *old, const struct relation *t);
amt_status host_batch_state(struct host *h, struct store_batch *batch, const struct message *m);

/* Deletes every key in [low, high). */
struct host_key;
amt_status host_batch_remove(
	struct host *h, struct store_batch *batch, struct host_key low, struct host_key high);

/* Key prefixes. */
#define HOST_EVALUATION_KEY "K"
struct host_key {
	uint8_t data[1 + RELATION_ID_BYTES + 2 + 1 + 4 + 2];
	size_t size;
};
struct host_key host_key_table(const uint8_t id[RELATION_ID_BYTES]);
/* All fragments of the table from this one on. */
struct host_key host_key_fragment(const uint8_t id[RELATION_ID_BYTES], unsigned column,
	unsigned part, uint32_t page, unsigned row);
/* The first key after all fragments of the table / of the family. */
struct host_key host_key_table_end(const uint8_t id[RELATION_ID_BYTES]);
struct host_key host_key_family_end(
	const uint8_t id[RELATION_ID_BYTES], unsigned column, unsigned part);
static inline struct span host_key_span(const struct host_key *k)
{
	return span_of(k->data, k->size);
}

/* ---- host_change.c */

amt_status host_create_table(struct host *h, const struct message *m);
amt_status host_drop_table(struct host *h, const struct message *m);
amt_status host_insert(struct host *h, const struct message *m);
amt_status host_replace_table(struct host *h, const struct message *m);

/* ---- host_column.c */

/* Rows [first, first + rows) of a family as an integer column. AMT_CORRUPTION if rows are missing.
 */
amt_status host_load_column(struct host *h, const struct relation *t, const struct family *family,
	uint64_t first, size_t rows, struct int_column *out);

/* Collects values row by row and packs their blocks, `limit` to a GLWE, each handed to `full` (the
 * last one by host_packer_finish, if it holds anything). Values are cleaned first, so what leaves
 * carries the noise of one bootstrap and blocks in [0, 3]. */
struct host_packer {
	struct host *host;
	unsigned limit; /* at most N; a multiple of the blocks of a value where that matters */
	amt_status (*full)(void *context, const uint32_t *glwe, unsigned count);
	void *context;
	uint32_t *held; /* big LWEs */
	unsigned count;
};
amt_status host_packer_add(struct host_packer *p, const struct int_column *column);
amt_status host_packer_finish(struct host_packer *p);
void host_packer_free(struct host_packer *p);

/* Writes a family anew, page by page, into a batch; what the pages held before goes. */
struct host_writer {
	struct host_packer packer;
	const struct relation *relation; /* as it will be */
	struct family family;
	struct store_batch *batch;
	uint64_t next; /* first row of the next page */
};
void host_writer_new(struct host_writer *w, struct host *h, const struct relation *t,
	const struct family *family, struct store_batch *batch);

/* ---- host_query.c, host_fetch.c */

amt_status host_query(struct host *h, const struct message *m);
amt_status host_fetch(struct host *h, const struct message *m);
/* Sends every fragment of the families listed (u16 column, u8 part each). */
amt_status host_send_families(struct host *h, const struct relation *t, struct span columns);
/* Sends the fragments of sealed rows that hold row `first` and those after it. */
amt_status host_send_tail(struct host *h, const struct relation *t, uint64_t first);

/* ---- host_segment.c */

/* Sweeps the folder and begins. in_memory: on files of its own that go with the host. */
amt_status host_segments_open(struct host *h, struct io *io, const char *folder, bool in_memory);
void host_segments_close(struct host *h);
/* Removes what was sent and never named: its owner has gone. */
void host_segments_forget(struct host *h);

/* What a key names: a scan page (or switching keys). */
struct host_page {
	uint64_t number, length, epoch;
	uint32_t rows;
	uint8_t mac[RELATION_MAC_BYTES];
};
struct host_key host_key_page(const uint8_t id[RELATION_ID_BYTES], unsigned column, uint32_t page);
/* AMT_CORRUPTION if there is none. */
amt_status host_page(struct host *h, const uint8_t id[RELATION_ID_BYTES], unsigned column,
	uint32_t page, struct host_page *out);
/* Verified bytes; called by several threads. */
amt_status host_segment_read(
	struct host *h, const struct host_page *p, uint64_t offset, uint8_t *out, size_t size);

void host_segment_will_read(
	struct host *h, const struct host_page *p, uint64_t offset, uint64_t size);

/* REQUEST_SEGMENT, REQUEST_BGV_KEYS, REQUEST_PAGE. */
amt_status host_segment(struct host *h, const struct message *m);
amt_status host_bgv_keys(struct host *h, const struct message *m);
amt_status host_send_page(struct host *h, const struct message *m);

/* Names the segments of a change in its batch; t: as it will be. */
amt_status host_batch_segments(
	struct host *h, struct store_batch *batch, const struct relation *t, struct span segments);
/* All scan pages of a table go. */
amt_status host_batch_remove_pages(
	struct host *h, struct store_batch *batch, const uint8_t id[RELATION_ID_BYTES]);
/* Around the writing of a batch: names on disk before it; files that no longer count go after it. */
amt_status host_segments_before(struct host *h);
enum host_outcome {
	HOST_NOT_WRITTEN,
	HOST_WRITTEN,
	HOST_UNKNOWN /* a write that failed may be there after reopening: no file is touched, the next
			opening knows which count */
};
void host_segments_after(struct host *h, enum host_outcome outcome);

/* The switching keys of all rings go. */
amt_status host_batch_remove_keys(struct host *h, struct store_batch *batch);
/* The switching keys of a ring as they were sent; AMT_NOT_FOUND. */
amt_status host_load_keys(struct host *h, uint16_t ring, struct buf *out);
amt_status host_send_data(struct host *h, struct span bytes); /* as REPLY_DATA */
/* Segments that keys name; missing: those that cannot be opened. */
amt_status host_segments_count(struct host *h, uint64_t *count, uint64_t *bytes, uint64_t *missing);

/* ---- host_scan.c */

amt_status host_need_ring(struct host *h, const struct bgv_params *params, struct bgv_ring **out);
void host_ring_forget_keys(struct host *h, uint16_t id);
void host_rings_free(struct host *h);
amt_status host_scan(struct host *h, const struct message *m);

#endif

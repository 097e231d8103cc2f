/* Iwato, the storage engine: ordered, durable keys and values; to it a ciphertext is bytes.
 *
 * Contract. (1) Keys are 1 to 65,536 bytes in unsigned lexicographic order; values 0 bytes to 1
 * GiB; an empty value is a value. (2) A batch is atomic: all of it or nothing, for readers and
 * across crashes. (3) After a crash at any point the state is a prefix of the commit order that
 * holds every write acknowledged with STORE_SYNC_ALWAYS. (4) A snapshot and the iterators made from
 * it see exactly the writes committed before it. (5) One process at a time: AMT_LOCKED otherwise.
 * (6) After a failed write or sync of the log the store is read-only until reopened (AMT_IO names
 * the cause). Thread-safe throughout; an iterator belongs to one thread at a time.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/bytes.h"
#include "os/io.h"

enum store_sync { STORE_SYNC_ALWAYS, STORE_SYNC_INTERVAL, STORE_SYNC_NONE };
enum store_kind { STORE_LSM, STORE_IN_MEMORY }; /* same interface, same results */

struct store_options { /* zero: default */
	enum store_kind kind;
	enum store_sync sync;
	uint32_t sync_interval_ms; /* 100 */
	size_t memtable_bytes;	   /* 64 MiB */
	size_t table_block_bytes;  /* 16 KiB */
	bool inline_background; /* background work runs in the caller, deterministically (tests) */
	bool must_exist, must_not_exist;
};

struct store;
struct store_snapshot;
struct store_iterator;
struct store_batch;

amt_status store_open(
	struct store **out, struct io *io, const char *folder, const struct store_options *options);
/* Flushes nothing that is not asked for: the log is enough. Waits for background work. Snapshots
 * and iterators must be freed before. The store is gone even if this fails. Accepts NULL. */
amt_status store_close(struct store *s);

amt_status store_put(struct store *s, struct span key, struct span value);
amt_status store_delete(struct store *s, struct span key);
/* AMT_NOT_FOUND if absent. The value is appended to out (caller frees). snapshot NULL: now. */
amt_status store_get(
	struct store *s, const struct store_snapshot *snapshot, struct span key, struct buf *out);
amt_status store_contains(
	struct store *s, const struct store_snapshot *snapshot, struct span key, bool *out);

amt_status store_batch_new(struct store_batch **out);
void store_batch_free(struct store_batch *b);
amt_status store_batch_put(struct store_batch *b, struct span key, struct span value);
amt_status store_batch_delete(struct store_batch *b, struct span key);
/* Precondition checked against every other writer when the batch commits: the key's value is
 * exactly `expected` (data NULL: the key is absent), else the commit fails with AMT_CONFLICT and
 * nothing changes. Batches of a group are checked one after the other, as they commit. */
amt_status store_batch_expect(struct store_batch *b, struct span key, struct span expected);
amt_status store_write(struct store *s, struct store_batch *b);

amt_status store_snapshot_new(struct store *s, struct store_snapshot **out);
void store_snapshot_free(struct store *s, struct store_snapshot *snapshot);

/* Keys in [low, high); data NULL: unbounded. Starts before the first: call next (or prev, which
 * starts at the last). *valid false: past the end. Key and value are borrowed until the next call.
 * limit: calls that may give a key; 0: any number. */
amt_status store_iterator_new(struct store *s, const struct store_snapshot *snapshot,
	struct span low, struct span high, uint64_t limit, struct store_iterator **out);
void store_iterator_free(struct store_iterator *it);
/* Stands between keys: next gives the first key >= key, prev the last one < key. */
amt_status store_iterator_seek(struct store_iterator *it, struct span key);
amt_status store_iterator_next(struct store_iterator *it, bool *valid);
amt_status store_iterator_prev(struct store_iterator *it, bool *valid);
struct span store_iterator_key(const struct store_iterator *it);
struct span store_iterator_value(const struct store_iterator *it);

/* What was written before is in tables, durably. Nothing to do for an in-memory store. */
amt_status store_flush(struct store *s);

/* Nothing that was deleted or replaced before is left in the folder's files, but for what a snapshot
 * sees: flushes and merges everything into one table, and recycles no log. As much work as writing the
 * whole store once; for an in-memory store none. If it fails, call it again. */
amt_status store_erase(struct store *s);

struct store_stats {
	uint64_t last_sequence, puts, deletes, gets, wal_bytes, wal_syncs, flushes, tables,
		table_bytes, memtable_bytes, compactions;
};
void store_stats_get(struct store *s, struct store_stats *out);

#endif

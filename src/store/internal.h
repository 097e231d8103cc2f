/* Inside the engine: what its files share. The public contract is store.h.
 *
 * A store is a view (which runs exist, newest first), a log, a manifest and a queue of writers.
 *
 *	run    an ordered set of entries: a memtable or a table. Runs do not overlap in sequences.
 *	view   an immutable, counted list of runs. Readers take the current one and need no lock
 *after; whoever changes the list makes a new view.
 *
 * Who may do what. The writer at the head of the queue (the leader) alone adds to the newest
 * memtable, writes the log and replaces the newest memtable. The background threads alone replace
 * other runs: one flushes memtables, one compacts tables (a third syncs the log by the clock). Whoever makes a new view holds `change`,
 * so that view and manifest change together; the pointer itself is swapped under `lock`. Locks,
 * outermost first: being the leader, change, lock. No I/O happens under `lock`.
 *
 *	commit.c      batches, the queue, group commit
 *	background.c  flush and compaction: planner and executor
 *	recover.c     opening: manifest, replay, first view
 *	iterator.c    snapshots and iterators
 *	store.c       open, close, get, stats
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include "store/log.h"
#include "store/manifest.h"
#include "store/memtable.h"
#include "store/store.h"
#include "store/table.h"

#include <pthread.h>
#include <stdatomic.h>

enum { MAX_WAITING_MEMTABLES = 2, MAX_TABLES = 20 }; /* beyond these, writers wait */

struct run {
	atomic_size_t references;
	struct memtable *memtable; /* one of these two */
	struct table *table;
	uint64_t number;       /* of the table's file, or of the memtable's log */
	uint64_t max_sequence; /* for a memtable: set when it is replaced */
	struct io *io;
	char *remove_path; /* the table's file goes with the last reference */
	atomic_bool obsolete;
};

struct view {
	atomic_size_t references;
	size_t count;
	struct run *runs[];
};

struct store_snapshot {
	uint64_t sequence;
	struct store_snapshot *next, *previous;
};

struct writer;

struct store {
	struct io *io;
	char *folder;
	struct store_options options;
	struct io_file *lock_file;

	pthread_mutex_t lock;	     /* everything down to the next comment */
	pthread_cond_t work, done;   /* for the background; from it */
	struct writer *first, *last; /* queue */
	struct view *view;
	uint64_t last_sequence;	   /* what readers see; committed */
	uint64_t flushed_sequence; /* in tables */
	struct store_snapshot *snapshots;
	amt_status failure;	     /* the store is read-only because of this */
	amt_status background_error; /* the last flush failed; next to wait for it takes it */
	bool compaction_failed;	     /* wait for the next flush before trying again */
	bool merge_all;		     /* all tables become one (store_erase) */
	bool stop;

	/* The leader's. */
	struct memtable *active; /* of the view's first run */
	struct log_writer *log;
	uint64_t log_number;
	uint64_t last_sync_ns;
	struct buf payloads; /* of the group: struct span */

	pthread_mutex_t change; /* the three below, and making a new view */
	struct manifest *manifest;
	struct manifest_state state;
	uint64_t spare_log; /* obsolete, to be recycled; 0: none */
	atomic_uint_fast64_t next_number;

	pthread_t threads[3];
	size_t thread_count;

	atomic_uint_fast64_t puts, deletes, gets, wal_bytes, wal_syncs, flushes, compactions;
};

/* view.c. A new run holds what it is given only when it succeeds. */
amt_status run_of_memtable(struct run **out, struct memtable *m, uint64_t log_number);
amt_status run_of_table(struct run **out, struct store *s, uint64_t number);
struct run *run_ref(struct run *r);
void run_unref(struct run *r);
uint64_t run_bytes(const struct run *r);
amt_status run_cursor(const struct run *r, struct cursor **out);
/* A view with room for `count` runs, which the caller fills in; it takes one reference of each. */
amt_status view_new(struct view **out, size_t count);
struct view *view_ref(struct view *v);
void view_unref(struct view *v);
/* How many runs at the front are memtables, the active one included. */
size_t view_memtables(const struct view *v);
/* A cursor over runs [from, from + count). */
amt_status view_cursor(const struct view *v, size_t from, size_t count, struct cursor **out);
/* Newest version at or below sequence; value appended unless NULL. */
amt_status view_get(
	const struct view *v, struct span key, uint64_t sequence, bool *present, struct buf *value);
/* The current view, with a reference, and the sequence to read it at. */
struct view *store_view(struct store *s, const struct store_snapshot *snapshot, uint64_t *sequence);

/* commit.c */
/* RENEW: a new log and memtable even if the newest memtable is empty. */
enum request { REQUEST_WRITE, REQUEST_ROTATE, REQUEST_RENEW, REQUEST_SYNC };
amt_status store_request(struct store *s, struct store_batch *b, enum request request);
/* Adds the operations of a batch payload to a memtable, which must have the room; see
 * batch_measure. */
void batch_apply(struct span payload, struct memtable *m);
/* Checks an untrusted payload and adds up its room. */
amt_status batch_measure(struct span payload, struct memtable_room *room);
/* The error that every write gets after a failure; call with the lock held. */
amt_status store_refuse(struct store *s);
/* Makes `cause` (taken over) the reason to be read-only, unless there is one. Returns an error of
 * the same code for the caller. */
amt_status store_fail(struct store *s, amt_status cause);

/* background.c */
amt_status background_start(struct store *s);
void background_stop(struct store *s);
/* Runs all work there is, in the caller. */
void background_run(struct store *s);
/* Merges runs [from, from + count) into *out (NULL if nothing is left), dropping what no reader
 * needs. For an LSM store *out is a new, durable table. */
amt_status background_merge(
	struct store *s, const struct view *v, size_t from, size_t count, struct run **out);
/* One edit: written to the manifest, then applied to the state. Call with `change` held. A failure
 * makes the store read-only. */
amt_status store_edit(struct store *s, const struct manifest_edit *edit);
/* Pure: which neighbouring runs to merge, given their sizes, newest first. *count 0: none. */
void plan_compaction(const uint64_t *bytes, size_t runs, size_t *from, size_t *count);

/* recover.c */
amt_status store_recover(struct store *s);
amt_status store_table_path(struct store *s, uint64_t number, char **out);

#endif

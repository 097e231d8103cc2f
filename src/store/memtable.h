/* The memtable: an arena skip list of entries, written by one thread, read by many without locks.
 *
 * Contract. (1) memtable_reserve makes room first and may fail; memtable_add then cannot, so a
 * batch goes in whole or not at all. (2) One writer at a time; readers may run beside it and see
 * each entry whole or not at all. (3) Nothing is ever removed; memory goes with the last reference.
 *
 * Nodes live in one region and point to each other with 32-bit offsets. A small value lies behind
 * its key; a large one in a chunk of its own, the node holding a pointer (where the value log's
 * pointers will go).
 */
#ifndef STORE_MEMTABLE_H
#define STORE_MEMTABLE_H

#include "store/entry.h"

struct memtable;

/* Room that a set of entries may need at most. Zero-initialise. */
struct memtable_room {
	uint64_t nodes;	 /* bytes in the region */
	uint64_t values; /* bytes in chunks */
};

void memtable_room_add(struct memtable_room *room, size_t key_bytes, size_t value_bytes);

/* region_bytes: room for nodes, at most 4 GiB - 1 (AMT_LIMIT); touched only as it fills. */
amt_status memtable_new(struct memtable **out, uint64_t region_bytes);
void memtable_free(struct memtable *m);

/* Whether the region has the room (chunks grow on demand). */
bool memtable_fits(const struct memtable *m, const struct memtable_room *room);
amt_status memtable_reserve(struct memtable *m, const struct memtable_room *room);
void memtable_add(struct memtable *m, const struct entry *e);

uint64_t memtable_bytes(const struct memtable *m);	  /* in use; any thread */
uint64_t memtable_region_bytes(const struct memtable *m); /* in use; when it is not written */
uint64_t memtable_entries(const struct memtable *m);
/* Newest version of key at or below sequence; false if it has none here. Value borrowed. */
bool memtable_get(const struct memtable *m, struct span key, uint64_t sequence, struct entry *out);
/* The memtable must outlive the cursor. */
amt_status memtable_cursor(const struct memtable *m, struct cursor **out);

#endif

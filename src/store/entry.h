/* Entries and cursors: what memtables, tables and merges have in common.
 *
 * An entry is one version of one key. Entries are ordered by user key ascending, then by sequence
 * descending, so the newest version of a key comes first. Sequences are unique in a store and start
 * at 1; snapshots, batches, deletes and empty values all follow from that order.
 */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include "base/bytes.h"

enum entry_kind { ENTRY_DELETE = 0, ENTRY_PUT = 1 };

#define SEQUENCE_MAX (((uint64_t)1 << 56) - 1)
enum { KEY_MAX_BYTES = 1 << 16, VALUE_MAX_BYTES = 1 << 30 };

struct entry {
	struct span key;
	uint64_t sequence;
	enum entry_kind kind;
	struct span value;
};

static inline int entry_compare(
	struct span key_a, uint64_t sequence_a, struct span key_b, uint64_t sequence_b)
{
	int order = span_compare(key_a, key_b);
	return order != 0 ? order : (sequence_a < sequence_b) - (sequence_a > sequence_b);
}

/* A place in an ordered run of entries; used by one thread at a time. After a failure it is not
 * valid. The entry is borrowed until the next call on the cursor. */
struct cursor {
	const struct cursor_functions *functions;
	bool valid;
	struct entry entry;
};

struct cursor_functions {
	/* To the first entry at or after (key, sequence); the empty key is before all others. */
	amt_status (*seek)(struct cursor *c, struct span key, uint64_t sequence);
	/* To the last entry before (key, sequence); key.data NULL stands after all others. The only
	 * call allowed next is a seek: walking backwards is a chain of these. */
	amt_status (*seek_before)(struct cursor *c, struct span key, uint64_t sequence);
	amt_status (*next)(struct cursor *c); /* the cursor must be valid */
	void (*free)(struct cursor *c);
};

static inline amt_status cursor_seek(struct cursor *c, struct span key, uint64_t sequence)
{
	return c->functions->seek(c, key, sequence);
}
static inline amt_status cursor_first(struct cursor *c)
{
	return c->functions->seek(c, span_of(NULL, 0), SEQUENCE_MAX);
}
static inline amt_status cursor_seek_before(struct cursor *c, struct span key, uint64_t sequence)
{
	return c->functions->seek_before(c, key, sequence);
}
static inline amt_status cursor_next(struct cursor *c)
{
	return c->functions->next(c);
}
static inline void cursor_free(struct cursor *c)
{
	if (c != NULL)
		c->functions->free(c);
}

/* Merges `count` cursors over disjoint sets of entries. Takes the cursors over when it succeeds;
 * the array stays the caller's. */
amt_status merge_new(struct cursor **out, struct cursor *const *children, size_t count);

#endif

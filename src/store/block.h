/* Blocks: the unit a table is read and checked in. Entries in order, keys prefix-compressed, every
 * 16th written whole (a restart point) so that a search can jump.
 *
 *	OFFSET  SIZE  entry
 *	0       v     bytes shared with the key before (0 at a restart point)
 *	        v     bytes not shared
 *	        v     value size * 2 + kind
 *	        v     sequence
 *	        -     the key's unshared bytes, the value
 *
 *	OFFSET  SIZE  block
 *	0       -     entries
 *	        4 n   offsets of the n restart points, ascending, the first 0
 *	        4     n >= 1
 *
 * v: varint (LEB128). A block holds at least one entry. docs/storage.md has the whole format.
 */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "store/entry.h"

struct block_builder { /* zero-initialise */
	struct buf bytes;
	struct buf restarts;
	struct buf last_key;
	size_t entries;
};

amt_status block_add(struct block_builder *b, const struct entry *e);
amt_status block_finish(struct block_builder *b); /* bytes then holds the block */
void block_clear(struct block_builder *b);
void block_builder_free(struct block_builder *b);

/* A cursor inside one block. Zero-initialise; the block's bytes must stay. The key is owned, the
 * value borrowed from the block. Malformed bytes give AMT_CORRUPTION. */
struct block_cursor {
	struct span block; /* entries only */
	const uint8_t *restarts;
	uint32_t restart_count;
	const char *what;  /* for messages */
	uint32_t at, next; /* offsets of the current entry and of the one after */
	struct buf key;
	bool valid;
	struct entry entry;
};

amt_status block_open(struct block_cursor *c, struct span block, const char *what);
amt_status block_seek(struct block_cursor *c, struct span key, uint64_t sequence);
amt_status block_seek_before(struct block_cursor *c, struct span key, uint64_t sequence);
amt_status block_next(struct block_cursor *c);
void block_cursor_free(struct block_cursor *c);

#endif

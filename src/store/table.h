/* Sorted tables: immutable files of entries in order.
 *
 *	data blocks | index block | filter | properties | footer
 *
 * Contract. (1) Every byte is under a CRC32C that also covers the file's number and the block's
 * offset, so a block found in the wrong file or place is refused. (2) Index, filter and properties
 * are read and checked once, when the table is opened; a data block each time it is read. (3) A
 * table_writer's file is complete and synced when table_writer_finish succeeds, its name is not.
 * (4) An open table is read by many threads at once.
 *
 * Entries larger than a block get a block of their own. Formats: docs/storage.md.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "os/io.h"
#include "store/entry.h"

struct table_properties {
	uint64_t entries, deletes;
	uint64_t min_sequence, max_sequence;
	uint64_t key_bytes, value_bytes; /* before compression */
	struct span smallest, largest;	 /* user keys */
};

struct table_writer;

amt_status table_writer_new(struct table_writer **out, struct io *io, const char *path,
	uint64_t number, size_t block_bytes);
amt_status table_writer_add(struct table_writer *w, const struct entry *e); /* in order */
uint64_t table_writer_entries(const struct table_writer *w);
amt_status table_writer_finish(struct table_writer *w, uint64_t *file_bytes); /* >= 1 entry */
void table_writer_free(struct table_writer *w); /* closes; the file stays */

struct table;

amt_status table_open(struct table **out, struct io *io, const char *path, uint64_t number);
void table_close(struct table *t);
const struct table_properties *table_properties(const struct table *t);
uint64_t table_bytes(const struct table *t);

/* Newest version of key at or below sequence. *found false: none here. The value is appended to
 * value unless that is NULL; *kind tells what it is. */
amt_status table_get(const struct table *t, struct span key, uint64_t sequence, bool *found,
	enum entry_kind *kind, struct buf *value);
/* The table must outlive the cursor. */
amt_status table_cursor(const struct table *t, struct cursor **out);
/* Reads and checks every block and the order of all entries. */
amt_status table_verify(const struct table *t);

#endif

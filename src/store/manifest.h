/* The manifest: which tables and logs make up the store, as a checksummed log of atomic edits.
 *
 * MANIFEST-000007 starts with a snapshot of everything; each later record is one edit. CURRENT
 *names the manifest that counts and is replaced by rename. An edit is on disk before anything acts
 *on it: before a new log takes its first acknowledged batch, before an old log or table is removed.
 *
 *	OFFSET  SIZE  record
 *	0       4     CRC32C of the manifest's number (8 bytes) and the bytes from 4 on
 *	4       4     payload length
 *	8       -     payload: fields, each a tag byte and its value (docs/storage.md)
 *
 * Reading. A bad record with nothing good behind it is an edit that never took effect: dropped. A
 * bad record before a good one, or a bad snapshot, is corruption.
 */
#ifndef STORE_MANIFEST_H
#define STORE_MANIFEST_H

#include "os/io.h"

struct manifest_table {
	uint64_t number, bytes, max_sequence;
};

struct manifest_state {
	uint64_t store_id;
	uint64_t next_number;		 /* files get numbers from here */
	uint64_t oldest_log, newest_log; /* needed for recovery; 0: none */
	uint64_t last_sequence;		 /* of the tables */
	struct manifest_table *tables;	 /* newest first */
	size_t count;
};

struct manifest_edit { /* zero fields: unchanged */
	uint64_t next_number, oldest_log, newest_log, last_sequence;
	const struct manifest_table *added; /* at most one */
	const uint64_t *removed;
	size_t removed_count;
};

void manifest_state_free(struct manifest_state *s);
/* On failure the state is unchanged. */
amt_status manifest_apply(struct manifest_state *s, const struct manifest_edit *e);

/* *exists false: there is no CURRENT. *number: of the manifest it names. */
amt_status manifest_load(struct io *io, const char *folder, struct manifest_state *out,
	uint64_t *number, bool *exists);

struct manifest;

/* Writes a new manifest with this snapshot, durably; it does not count yet. */
amt_status manifest_create(struct manifest **out, struct io *io, const char *folder,
	uint64_t number, const struct manifest_state *state);
/* Makes it the one that counts, durably. If this fails either may count. */
amt_status manifest_publish(struct io *io, const char *folder, uint64_t number);
/* Its file's name. */
void manifest_name(char out[32], uint64_t number);
/* Prepares an edit in memory. */
amt_status manifest_stage(struct manifest *m, const struct manifest_edit *e);
/* Appends the staged edit, durably. After a failure the manifest must not be written again. */
amt_status manifest_commit(struct manifest *m);
uint64_t manifest_bytes(const struct manifest *m);
uint64_t manifest_number(const struct manifest *m);
void manifest_close(struct manifest *m);

#endif

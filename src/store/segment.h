/* Segments: large immutable files beside the store (pages of scans, switching keys), written once
 * from front to back, read in ranges, never through log, memtable or compaction.
 *
 *	OFFSET  SIZE  NNNNNN.segment
 *	0       n     the bytes
 *	n       4 b   CRC32C of each of the b = ceil(n / 2^14) blocks of 16 KiB, its number and offset
 *	n + 4b  64    footer (docs/storage.md)
 *
 * Contract. (1) A segment is written under another name; segment_finish makes its bytes durable,
 * then gives it its own name; segments_sync makes all names durable. (2) It counts only once a key of
 * the store names it: so the order is finish, segments_sync, and then the batch with the key; and to
 * remove one, first the batch without the key, then segment_remove. (3) After a crash files that no
 * key names are rubbish: segments_sweep removes them. (4) Reads verify every block they touch:
 * AMT_CORRUPTION, AMT_TRUNCATED. Numbers are the caller's to choose, never two at a time of the same.
 */
#ifndef STORE_SEGMENT_H
#define STORE_SEGMENT_H

#include "os/io.h"

enum { SEGMENT_BLOCK_BYTES = 1 << 14, SEGMENT_FOOTER_BYTES = 64 };

struct segment_writer;

amt_status segment_writer_new(
	struct segment_writer **out, struct io *io, const char *folder, uint64_t number);
/* Written by a thread while the caller goes on: a failure shows in a later call, and is final. */
amt_status segment_append(struct segment_writer *w, struct span bytes);
uint64_t segment_writer_length(const struct segment_writer *w);
/* After this the segment can be read; its name is durable after segments_sync. */
amt_status segment_finish(struct segment_writer *w);
/* Unless it is finished, nothing of it stays. Accepts NULL. */
void segment_writer_free(struct segment_writer *w);

/* A segment to read; shared by threads. */
struct segment;

/* AMT_NOT_FOUND, AMT_CORRUPTION, AMT_TRUNCATED (a file that is too short), AMT_UNKNOWN_VERSION. */
amt_status segment_open(struct segment **out, struct io *io, const char *folder, uint64_t number);
void segment_close(struct segment *s); /* accepts NULL */
uint64_t segment_length(const struct segment *s);
/* Exactly size bytes at offset, verified; AMT_OUT_OF_RANGE beyond the end. */
amt_status segment_read(const struct segment *s, uint64_t offset, void *out, size_t size);
/* A range that will be read soon. */
void segment_will_read(const struct segment *s, uint64_t offset, uint64_t size);

amt_status segments_sync(struct io *io, const char *folder);
amt_status segment_remove(struct io *io, const char *folder, uint64_t number);
/* Removes what a crash left: segments that are not among `live` (ascending) and unfinished ones.
 * *next: a number above all that are there or live. What cannot be removed stays for the next time. */
amt_status segments_sweep(
	struct io *io, const char *folder, const uint64_t *live, size_t count, uint64_t *next);

#endif

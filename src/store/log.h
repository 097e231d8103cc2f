/* The write-ahead log: what makes an acknowledged write survive.
 *
 * A log file is a chain of frames, each aligned to 8 bytes:
 *
 *	OFFSET  SIZE  frame
 *	0       4     CRC32C of the bytes from 4 to the payload's end
 *	4       4     payload length
 *	8       8     incarnation: which life of this (possibly recycled) file wrote the frame
 *	16      8     durable-up-to: the highest sequence known to be on disk when it was written
 *	24      4     type: 1 header, 2 batch, 3 clean end
 *	28      4     zero
 *	32      -     payload, then up to 7 bytes of zero
 *
 * The first frame is the header (store id, number, predecessor, the predecessor's size and last
 * sequence). A batch's payload starts with its first sequence and its count; sequences of a log
 * follow each other without a gap.
 *
 * Reading. Sectors that were not synced reach the disk in any order, so after a power cut a bad
 * frame may be followed by good ones. A bad frame whose sequence is at or below the durable-up-to
 * of any later frame was on disk once: that is corruption and is reported. Any other bad frame ends
 * the log: it and all after it are dropped. A log that a successor names must be whole.
 *
 * Files are preallocated in steps and recycled, because a synced write that neither grows a file
 * nor allocates blocks is twice as fast.
 */
#ifndef STORE_LOG_H
#define STORE_LOG_H

#include "os/io.h"

struct log_header {
	uint64_t store_id;
	uint64_t number;
	uint64_t predecessor; /* number of the log before; 0: none */
	uint64_t predecessor_bytes;
	uint64_t last_sequence; /* of everything before this log */
};

struct log_writer;

/* Makes the file and its header durable (file sync and folder sync). recycle: path of an obsolete
 * log to take over, or NULL. step: bytes to preallocate at a time. */
amt_status log_create(struct log_writer **out, struct io *io, const char *folder,
	const struct log_header *header, const char *recycle, size_t step);
void log_free(struct log_writer *w); /* closes the file as it is */

/* Makes room so that log_append of up to `count` batches needs no memory. */
amt_status log_reserve(struct log_writer *w, size_t count);
/* Writes one frame a payload. last_sequence: of the last batch. Not durable until log_sync. After a
 * failure the log must not be written again. */
amt_status log_append(
	struct log_writer *w, const struct span *payloads, size_t count, uint64_t last_sequence);
amt_status log_sync(struct log_writer *w);
/* Everything durable, a clean-end frame that says so, spare room given back. */
amt_status log_finish(struct log_writer *w);
uint64_t log_bytes(const struct log_writer *w);
bool log_is_synced(const struct log_writer *w);

/* AMT_CORRUPTION if the header is not whole or is not the one of store_id and number. */
amt_status log_read_header(struct io *io, const char *folder, uint64_t store_id, uint64_t number,
	struct log_header *out);

/* Called for each batch in order; the payload is borrowed. */
typedef amt_status (*log_visit)(void *context, struct span payload);

struct log_end {
	uint64_t bytes;		/* up to the last good frame */
	uint64_t last_sequence; /* the header's if there is no batch */
	uint64_t batches;
	bool clean; /* ends with a clean-end frame */
};

/* Replays a log. successor: the header of the log after it, whose account must hold, or NULL. */
amt_status log_replay(struct io *io, const char *folder, uint64_t store_id, uint64_t number,
	const struct log_header *successor, log_visit visit, void *context, struct log_end *end);

/* Whether anything but a header was ever written in this life of the file. store_id 0: the one that
 * the header claims. */
amt_status log_has_frames(
	struct io *io, const char *folder, uint64_t store_id, uint64_t number, bool *out);

/* The file's name in the folder, "000012.log"; *out freed with mem_free. */
amt_status log_path(char **out, const char *folder, uint64_t number);

/* Removes an obsolete log; if that fails the next open tries again. */
void log_remove(struct io *io, const char *folder, uint64_t number);

#endif

/* A back end for tests: a disk in memory that crashes, fails, fills up, writes short and rots, all
 * decided by a seed.
 *
 * A crash keeps what was synced and a random part of the rest: each 512-byte sector of each file
 * old or new, each size old, new or between (what lies beyond the synced bytes may be zero), and of
 * the names made, renamed and removed since their folder's last sync either a first part or a
 * random choice. A rename is one step: it happened or it did not.
 *
 * A call is any function of the seam but close and free. Counts start at 1 with each
 * io_sim_fail_at or io_sim_kill_at, each of which takes back the other. Thread-safe; crashes, flips and clones need all files closed.
 */
#ifndef OS_IO_SIM_H
#define OS_IO_SIM_H

#include "os/io.h"

amt_status io_sim_new(struct io **out, uint64_t seed);

/* The k-th call from now fails with AMT_IO and does nothing (0: none). */
void io_sim_fail_at(struct io *io, uint64_t k);
/* From the k-th call on all fail; the k-th may still happen, a write in part (0: none). */
void io_sim_kill_at(struct io *io, uint64_t k);
/* Calls since the last of the two above. */
uint64_t io_sim_calls(struct io *io);
/* Reads and writes transfer a random part. */
void io_sim_short_transfers(struct io *io, bool on);
/* All files together hold at most this many bytes: AMT_DISK_FULL beyond (0: no limit). */
void io_sim_capacity(struct io *io, uint64_t bytes);

/* The power goes and comes back; kill and fail are off. */
amt_status io_sim_crash(struct io *io);
/* Changes a byte: xor mask. */
amt_status io_sim_flip(struct io *io, const char *path, uint64_t offset, uint8_t mask);
/* A second disk with the same files, all durable. */
amt_status io_sim_clone(struct io *io, struct io **out);

#endif

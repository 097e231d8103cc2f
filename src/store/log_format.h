/* Numbers of the log format, shared by its writer and its reader; see log.h. */
#ifndef STORE_LOG_FORMAT_H
#define STORE_LOG_FORMAT_H

#include "store/checksum.h"

#include <stdio.h>
#include <xxhash.h>

enum frame_type { FRAME_HEADER_TYPE = 1, FRAME_BATCH = 2, FRAME_END = 3 };
enum { FRAME_HEADER = 32, LOG_HEADER_PAYLOAD = 40, BATCH_HEADER = 12 };
#define FRAME_MAX_PAYLOAD ((size_t)1 << 31)

static inline uint32_t frame_checksum(const uint8_t header[FRAME_HEADER], struct span payload)
{
	uint32_t crc = crc32c(0, header + 4, FRAME_HEADER - 4);
	return crc32c(crc, payload.data, payload.size);
}

/* Differs for every log of every store, so that neither a recycled file's old frames nor log bytes
 * stored as a value are taken for frames. */
static inline uint64_t log_incarnation(uint64_t store_id, uint64_t number)
{
	uint8_t bytes[16];
	store_u64(bytes, store_id);
	store_u64(bytes + 8, number);
	return XXH3_64bits(bytes, sizeof(bytes));
}

static inline const char *log_name(char out[32], uint64_t number)
{
	(void)snprintf(out, 32, "%06llu.log", (unsigned long long)number);
	return out;
}

#endif

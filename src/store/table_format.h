/* Numbers of the table format, shared by its writer and its reader. */
#ifndef STORE_TABLE_FORMAT_H
#define STORE_TABLE_FORMAT_H

#include "store/checksum.h"

#define TABLE_MAGIC 0x31454c4241544d41u /* "AMTABLE1" read as little-endian */
enum { TABLE_VERSION = 1 };

enum table_block_type { BLOCK_DATA = 1, BLOCK_INDEX, BLOCK_FILTER, BLOCK_PROPERTIES };

/* Behind each block: type, compression (0: none), two zero bytes, checksum. */
enum { BLOCK_TRAILER = 8, FOOTER_BYTES = 64 };

/* Of the block, the first four bytes of its trailer, and where it lies. */
static inline uint32_t block_checksum(
	struct span block, const uint8_t trailer[4], uint64_t number, uint64_t offset)
{
	uint8_t place[16];
	store_u64(place, number);
	store_u64(place + 8, offset);
	uint32_t crc = crc32c(0, block.data, block.size);
	return crc32c(crc32c(crc, trailer, 4), place, sizeof(place));
}

/* Footer: magic 8, version 4, checksum 4, number 8, offsets of index, filter and properties 8
 * each, their sizes 4 each, zero 4. The checksum covers the footer with itself zero. */
struct table_footer {
	uint64_t offset[3]; /* index, filter, properties */
	uint32_t size[3];
};

#endif

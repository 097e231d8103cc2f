/* CRC32C (Castagnoli) of everything the store writes. Instruction set chosen by ISA-L at run time.
 */
#ifndef STORE_CHECKSUM_H
#define STORE_CHECKSUM_H

#include "base/bytes.h"

#include <isa-l/crc.h>

/* Continues `crc` (0 to start) over more bytes. */
static inline uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	const size_t most = (size_t)1 << 30; /* the library counts in int */
	uint8_t *at = (uint8_t *)(uintptr_t)data;
	crc = ~crc;
	for (; size > most; at += most, size -= most)
		crc = crc32_iscsi(at, (int)most, crc);
	if (size > 0)
		crc = crc32_iscsi(at, (int)size, crc);
	return ~crc;
}

#endif

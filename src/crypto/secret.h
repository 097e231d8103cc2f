/* Secret memory and constant-time helpers (owner only).
 * Secret memory is locked, excluded from core dumps, guarded at both ends and wiped when freed
 * (libsodium). Locked memory is scarce (8 MiB): key bits and subkeys live there, bulk data does
 * not.
 */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* Starts libsodium once; the functions here and in aead.h do it themselves. Thread-safe. */
amt_status secret_start(void);

amt_status secret_alloc(
	void *out, size_t size); /* zeroed; AMT_OUT_OF_MEMORY with a hint about RLIMIT_MEMLOCK */
void secret_free(void *pointer); /* wipes; NULL allowed */
void secret_wipe(void *pointer, size_t size); /* cannot be optimised away */
/* Wipes 32 KiB of stack below the caller: what functions that worked on secrets have spilled there. */
void secret_wipe_stack(void);
bool secret_equal(const void *a, const void *b, size_t size); /* constant time */

#endif

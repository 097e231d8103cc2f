/* Cryptographic randomness: a generator a thread (AES-256-CTR through libcrypto), seeded from
 * getrandom, with fast key erasure, reseeded after fork and after a bounded amount of output. Never
 * repeats across threads, forks, snapshots of a process. Thread-safe. Aborts only if the operating
 * system cannot give entropy at start-up.
 */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* size secret random bytes. */
amt_status random_bytes(void *out, size_t size);

#endif

/* Cryptographic randomness: a generator a thread (AES-256-CTR through libcrypto) with fast key
 * erasure, seeded from getrandom, mixed with fresh getrandom bytes every 32 KiB of output, seeded
 * anew in the child of a fork, wiped when its thread ends. Thread-safe; not for signal handlers.
 */
#ifndef CRYPTO_RANDOM_H
#define CRYPTO_RANDOM_H

#include "base/status.h"

#include <stddef.h>
#include <stdint.h>

/* size secret random bytes. AMT_UNAVAILABLE if the operating system gives no entropy. */
amt_status random_bytes(void *out, size_t size);

/* The same straight from the kernel, which also notices when a virtual machine was copied: for
 * seeds, ids, salts and nonces, whose repetition would be worse than their cost (about 1 us). */
amt_status random_from_system(void *out, size_t size);

#endif

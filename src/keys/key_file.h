/* The key file: a key ring sealed under a passphrase (format: docs/key-file.md).
 *
 * The passphrase goes through Argon2id (256 MiB, 3 passes) with a random salt to a key that seals
 * the ring with XChaCha20-Poly1305; everything readable in the file is associated data. Failures
 * are told apart: AMT_CORRUPTION and AMT_TRUNCATED (damaged: the checksums of the header do not
 * match), AMT_WRONG_PASSPHRASE (intact, but the key check value differs; a file whose checksums
 * were forged after a change to salt or parameters looks like this too), AMT_INTEGRITY (the
 * passphrase is right and the contents were changed on purpose), AMT_LIMIT (asks for more work than
 * any honest file).
 *
 * Files are private to their user, replaced atomically and durable on return. Thread-safe, one
 * writer a path.
 */
#ifndef KEYS_KEY_FILE_H
#define KEYS_KEY_FILE_H

#include "keys/key_ring.h"
#include "os/io.h"

/* AMT_ALREADY_EXISTS if the path is taken, unless overwrite. */
amt_status key_file_create(struct io *io, const char *path, const struct key_ring *ring,
	struct span passphrase, bool overwrite);
amt_status key_file_open(
	struct io *io, const char *path, struct span passphrase, struct key_ring **out);
/* Seals the same keys anew; sections this program does not know are kept. Copies of the old file
 * still open with the old passphrase. */
amt_status key_file_change_passphrase(
	struct io *io, const char *path, struct span old_passphrase, struct span new_passphrase);

/* What anyone can read in a key file. */
struct key_file_info {
	uint8_t key_id[KEY_ID_BYTES];
	uint16_t params; /* TFHE parameter set */
	uint64_t created_us;
	uint32_t kdf_passes;
	uint64_t kdf_memory_bytes;
};

amt_status key_file_inspect(struct io *io, const char *path, struct key_file_info *out);

#endif

/* Inside of key_file: bytes instead of paths, and the cost of the passphrase as a parameter, which
 * only tests lower.
 */
#ifndef KEYS_KEY_FILE_INSIDE_H
#define KEYS_KEY_FILE_INSIDE_H

#include "keys/key_file.h"

struct key_cost {
	uint32_t passes;
	uint64_t memory_bytes;
};

extern const struct key_cost key_cost_default;

/* info gives the readable fields except the cost; sections are the secret ones. Appends to out. */
amt_status key_file_seal(struct buf *out, const struct key_file_info *info, struct span sections,
	struct span passphrase, struct key_cost cost);
/* Checks all that can be checked without the passphrase. sealed points into file. */
amt_status key_file_parse(struct span file, struct key_file_info *info, struct span *content);
/* *sections: secret memory of *size bytes, the caller's to free. */
amt_status key_file_unseal(struct span file, struct span passphrase, struct key_file_info *info,
	uint8_t **sections, size_t *size);

amt_status key_file_encode(
	struct buf *out, const struct key_ring *ring, struct span passphrase, struct key_cost cost);
amt_status key_file_decode(struct key_ring **out, struct span file, struct span passphrase);

#endif

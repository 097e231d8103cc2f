/* Inside of key_store: the cost of the passphrase and the clock as parameters, for tests. */
#ifndef KEYS_KEY_STORE_INSIDE_H
#define KEYS_KEY_STORE_INSIDE_H

#include "keys/key_file_inside.h"
#include "keys/key_store.h"

amt_status key_store_create_at(
	struct io *io, const char *folder, struct span passphrase, struct key_cost cost);
void key_store_set_clock(struct key_store *s, uint64_t (*now_us)(void));

/* A stored ring's file, and back (docs/key-file.md). key: of this store. */
amt_status stored_key_put(struct buf *out, const uint8_t key[AEAD_KEY_BYTES],
	const uint8_t store_id[KEY_ID_BYTES], const struct key_ring *ring, uint64_t created_us);
amt_status stored_key_get(struct key_ring **out, const uint8_t key[AEAD_KEY_BYTES],
	const uint8_t store_id[KEY_ID_BYTES], struct span file);

#endif

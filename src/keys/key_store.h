/* A key manager: the key rings of many clients under one passphrase, each with its life (states and
 * audit trail: keys/key_trail.h), in a folder of files or, with os/io_memory.h, in memory.
 *
 *	FOLDER/secret	  the store's own secret, wrapped under the passphrase (a key file)
 *	FOLDER/trail	  the audit trail
 *	FOLDER/<id>.key	  a key ring, sealed under the store's secret
 *	FOLDER/lock	  held while something changes
 *
 * Argon2id runs once, when the store is opened; rings are opened when they are taken and stay open
 * while they fit the memory budget (the one used longest ago goes first, wiped). Every change is on
 * disk, complete or not at all, when its call returns. Several programs may have a store open:
 * changes exclude each other (AMT_LOCKED) and start from what is on disk.
 *
 * A key past its expiry time becomes `expired`, with an event in the trail, at the first change or
 * taking that meets it; until then it is treated so. Thread-safe.
 */
#ifndef KEYS_KEY_STORE_H
#define KEYS_KEY_STORE_H

#include "keys/key_file.h"
#include "keys/key_trail.h"

struct key_store;

enum { KEY_STORE_BUDGET = 1 << 20 }; /* bytes of open rings unless told otherwise */

/* Makes the folder if needed. AMT_ALREADY_EXISTS if there is a key store in it. */
amt_status key_store_create(struct io *io, const char *folder, struct span passphrase);
/* budget: bytes of open rings, 0: KEY_STORE_BUDGET. io is borrowed. Errors: AMT_NOT_FOUND,
 * AMT_WRONG_PASSPHRASE, AMT_CORRUPTION, AMT_INTEGRITY (the trail). */
amt_status key_store_open(struct key_store **out, struct io *io, const char *folder,
	struct span passphrase, size_t budget);
/* Every ring must have been given back. NULL allowed. */
void key_store_close(struct key_store *s);

/* A new key of the client, `created`. expires_us 0: never. */
amt_status key_store_new_key(struct key_store *s, const char *client,
	const struct tfhe_params *params, uint64_t expires_us, uint8_t id[KEY_ID_BYTES]);
/* To active, revoked or expired. AMT_CONFLICT where that is not legal, or for a second active key
 * of a client. note may be NULL. */
amt_status key_store_change(
	struct key_store *s, const uint8_t id[KEY_ID_BYTES], enum key_state to, const char *note);
/* The active key `old` becomes rotated and the created key `successor` of the same client active,
 * in one step. */
amt_status key_store_rotate(struct key_store *s, const uint8_t old[KEY_ID_BYTES],
	const uint8_t successor[KEY_ID_BYTES], const char *note);

/* An open ring, the caller's until it is given back. AMT_NOT_FOUND; AMT_CONFLICT if the key's state
 * does not allow this use; AMT_LIMIT if rings that are in use fill the budget. */
amt_status key_store_take(struct key_store *s, const uint8_t id[KEY_ID_BYTES], enum key_use use,
	const struct key_ring **out);
void key_store_give(struct key_store *s, const struct key_ring *ring);
/* Bytes of the rings that are open now. */
size_t key_store_open_bytes(struct key_store *s);

/* Copies, read anew from disk; the caller frees them with mem_free. */
amt_status key_store_entries(struct key_store *s, struct key_entry **out, size_t *count);
amt_status key_store_events(struct key_store *s, struct key_event **out, size_t *count);
/* AMT_NOT_FOUND if the client has no active key. */
amt_status key_store_active(struct key_store *s, const char *client, uint8_t id[KEY_ID_BYTES]);

#endif

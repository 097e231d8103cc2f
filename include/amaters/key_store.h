/* A key manager for owners: the keys of many clients in one folder under one passphrase, each with its
 * life and an audit trail that shows tampering.
 *
 *	created -> active -> rotated -> expired;  created or active -> expired;  any -> revoked
 *
 *	amt_key_store_create("keys", passphrase, size)
 *	amt_key_store_open(&store, "keys", passphrase, size, 0)
 *	amt_key_store_new_key(store, "anna", NULL, 0, id), amt_key_store_activate(store, id, NULL)
 *	amt_key_store_key(store, &key, id, AMT_KEY_ENCRYPT)   -> an amt_key as from amt_key_open
 *
 * Every change is on disk, complete or not at all, when its call returns. Keys are opened when they
 * are taken and kept open, in locked memory, while they fit the memory budget. Several programs may
 * use one store: changes exclude each other (AMT_LOCKED). Thread-safe. In libamaters_owner.
 * Errors of all: AMT_INTEGRITY (the trail or a key was tampered with), AMT_CORRUPTION, AMT_IO,
 * AMT_OUT_OF_MEMORY.
 */
#ifndef AMATERS_KEY_STORE_H
#define AMATERS_KEY_STORE_H

#include <amaters/owner.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { AMT_KEY_ID_TEXT = 33, AMT_KEY_HEAD_TEXT = 65, AMT_KEY_NAME_BYTES = 64 };

typedef enum amt_key_state {
	AMT_KEY_NONE,
	AMT_KEY_CREATED, /* made, not in use yet */
	AMT_KEY_ACTIVE,	 /* encrypts and decrypts; at most one for a client */
	AMT_KEY_ROTATED, /* replaced: decrypts what is left under it */
	AMT_KEY_REVOKED, /* the end: given out no more */
	AMT_KEY_EXPIRED	 /* its time is over: decrypts */
} amt_key_state;
const char *amt_key_state_name(amt_key_state state);

typedef enum amt_key_use {
	AMT_KEY_PREPARE, /* make evaluation, public and rotation keys: created or active */
	AMT_KEY_ENCRYPT, /* active */
	AMT_KEY_DECRYPT	 /* active, rotated or expired */
} amt_key_use;

typedef struct amt_key_store amt_key_store;

/* Makes the folder if needed. AMT_ALREADY_EXISTS if it holds a key store. */
amt_status amt_key_store_create(const char *folder, const void *passphrase, size_t passphrase_size);
/* folder NULL: a new store in memory, gone when it is closed (no passphrase needed).
 * memory_budget: bytes of keys that are open at once, some 28 KB each; 0: 1 MiB. Errors:
 * AMT_NOT_FOUND, AMT_WRONG_PASSPHRASE. */
amt_status amt_key_store_open(amt_key_store **out, const char *folder, const void *passphrase,
	size_t passphrase_size, size_t memory_budget);
/* Every key taken must have been freed. */
void amt_key_store_close(amt_key_store *store);
amt_status amt_key_store_change_passphrase(const char *folder, const void *old_passphrase,
	size_t old_passphrase_size, const void *new_passphrase, size_t new_passphrase_size);

/* parameters NULL: the default set. expires_us: microseconds since 1970 UTC, 0: never; a key past
 * its time becomes expired by itself. client: 1 to 63 printable bytes. */
amt_status amt_key_store_new_key(amt_key_store *store, const char *client, const char *parameters,
	uint64_t expires_us, char id[AMT_KEY_ID_TEXT]);

/* Changes of state. AMT_CONFLICT where the change is not legal, or for a second active key of a
 * client; AMT_NOT_FOUND. note (may be NULL): up to 63 printable bytes, kept in the trail. */
amt_status amt_key_store_activate(amt_key_store *store, const char *id, const char *note);
amt_status amt_key_store_revoke(amt_key_store *store, const char *id, const char *note);
amt_status amt_key_store_expire(amt_key_store *store, const char *id, const char *note);
/* The active key becomes rotated and the created one active, in one step. */
amt_status amt_key_store_rotate(
	amt_key_store *store, const char *active, const char *successor, const char *note);

/* AMT_CONFLICT if the state does not allow the use, AMT_LIMIT if keys in use fill the budget. Give
 * it back with amt_key_free, before the store is closed. */
amt_status amt_key_store_key(amt_key_store *store, amt_key **out, const char *id, amt_key_use use);
/* The client's active key; AMT_NOT_FOUND. */
amt_status amt_key_store_active(amt_key_store *store, const char *client, char id[AMT_KEY_ID_TEXT]);

typedef struct amt_key_info {
	char id[AMT_KEY_ID_TEXT], other[AMT_KEY_ID_TEXT]; /* other: its predecessor or successor */
	char client[AMT_KEY_NAME_BYTES];
	const char *parameters;
	amt_key_state state;
	uint64_t created_us, changed_us, expires_us;
} amt_key_info;
/* In order of creation. Free *out with amt_key_store_free. */
amt_status amt_key_store_list(amt_key_store *store, amt_key_info **out, size_t *count);

typedef struct amt_key_event {
	uint64_t time_us;
	char id[AMT_KEY_ID_TEXT], other[AMT_KEY_ID_TEXT];
	char client[AMT_KEY_NAME_BYTES], note[AMT_KEY_NAME_BYTES];
	amt_key_state from, to;
	char head[AMT_KEY_HEAD_TEXT]; /* names the trail up to here */
} amt_key_event;
/* All events, after their chain was checked. A trail that was cut at its end is a valid older one:
 * note the last head elsewhere and give it here the next time (else NULL): AMT_INTEGRITY if the
 * trail does not contain it. Free *out with amt_key_store_free. */
amt_status amt_key_store_audit(
	amt_key_store *store, const char *head, amt_key_event **out, size_t *count);
void amt_key_store_free(void *list);

#ifdef __cplusplus
}
#endif
#endif

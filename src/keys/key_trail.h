/* What happened to the keys of a key store, as a chain of authenticated events, and the states that
 * follow from it. The trail is the only truth about states: nothing else says which key is active.
 *
 *	created -> active -> rotated -> expired
 *	   any of these   ->  revoked
 *	created, active   ->  expired
 *
 * Event i carries a MAC over itself and the MAC of event i - 1 (the first: over the store's id), so
 * an event that was changed, left out, inserted or moved shows (Schneier, Kelsey, "Secure audit logs
 * to support computer forensics", 1999, without their evolving key: who holds the store's passphrase
 * may rewrite it all). A trail that was cut after an event is a valid older trail: whoever notes a
 * MAC elsewhere can ask later whether it is still part of the chain (key_trail_contains).
 */
#ifndef KEYS_KEY_TRAIL_H
#define KEYS_KEY_TRAIL_H

#include "crypto/aead.h"
#include "keys/key_ring.h"

/* Numbers are part of the format. */
enum key_state {
	KEY_NONE = 0,
	KEY_CREATED = 1, /* made, not in use yet */
	KEY_ACTIVE = 2,	 /* encrypts and decrypts */
	KEY_ROTATED = 3, /* replaced by another: decrypts what is left under it */
	KEY_REVOKED = 4, /* the end: the store gives it out no more */
	KEY_EXPIRED = 5, /* its time is over: decrypts */
	KEY_STATES
};

const char *key_state_name(enum key_state state);
/* The one place that knows which changes are legal: AMT_CONFLICT if this one is not. */
amt_status key_state_check(enum key_state from, enum key_state to);

enum key_use {
	KEY_PREPARE, /* make evaluation, public and rotation keys: created or active */
	KEY_ENCRYPT, /* active */
	KEY_DECRYPT  /* active, rotated, expired */
};
bool key_state_allows(enum key_state state, enum key_use use);

enum { KEY_TEXT_BYTES = 64, KEY_EVENT_BYTES = 224, KEY_EVENTS_MAX = 1 << 15 };

struct key_event {
	uint64_t number, time_us; /* from 0; not before the event before */
	uint8_t key_id[KEY_ID_BYTES];
	uint8_t from, to; /* enum key_state */
	uint16_t params;
	uint64_t expires_us;	     /* when created; else as it was. 0: never */
	uint8_t other[KEY_ID_BYTES]; /* rotated: the successor; activated by it: the predecessor */
	char client[KEY_TEXT_BYTES]; /* whose key, zeros behind */
	char note[KEY_TEXT_BYTES];   /* why, zeros behind */
	uint8_t mac[MAC_BYTES];
};

/* A key as the events have left it. */
struct key_entry {
	uint8_t key_id[KEY_ID_BYTES], other[KEY_ID_BYTES];
	enum key_state state;
	uint16_t params;
	uint64_t created_us, changed_us, expires_us;
	char client[KEY_TEXT_BYTES];
};

/* Zero-initialise but for store_id and mac_key; free with key_trail_free. One thread. */
struct key_trail {
	uint8_t store_id[KEY_ID_BYTES];
	const uint8_t *mac_key; /* AEAD_KEY_BYTES, borrowed; NULL: chains are not checked */
	struct key_event *event;
	size_t count, capacity;
	struct key_entry *entry; /* in order of creation */
	size_t entries, entry_capacity;
};
void key_trail_free(struct key_trail *t);

/* Checks the event against what was before (AMT_CONFLICT, AMT_NOT_FOUND, AMT_ALREADY_EXISTS,
 * AMT_INVALID_ARGUMENT), completes its number, time (raised to that of the event before), `from`,
 * set, expiry and client (unless it creates a key) and MAC, and takes it. */
amt_status key_trail_add(struct key_trail *t, const struct key_event *event);

/* The file (docs/key-file.md), and back: AMT_TRUNCATED, AMT_CORRUPTION; AMT_INTEGRITY where the
 * chain or a change of state is wrong, AMT_WRONG_KEY: of another store. `out` starts as above. */
amt_status key_trail_put(const struct key_trail *t, struct buf *out);
amt_status key_trail_get(struct key_trail *t, struct span file);

struct key_entry *key_trail_find(const struct key_trail *t, const uint8_t id[KEY_ID_BYTES]);
/* The client's active key, or NULL. */
struct key_entry *key_trail_active(const struct key_trail *t, const char *client);
bool key_trail_contains(const struct key_trail *t, const uint8_t mac[MAC_BYTES]);

#endif

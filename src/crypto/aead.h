/* Sealing, message authentication and subkeys (owner only).
 *
 * Sealed form, 40 bytes longer than the plain text (docs/key-file.md):
 *	OFFSET SIZE
 *	0      24   nonce, random: 2^64 messages under one key stay below 2^-64 of a repetition
 *	24     n    cipher text, XChaCha20
 *	24+n   16   tag, Poly1305, over the associated data as well
 *
 * Associated data are not stored; who opens must give the same. Callers encode their fields so that
 * no two different lists give the same bytes (fixed widths, or a length before each part).
 *
 * The master key is never used directly: every purpose, table and column has its own subkey,
 * BLAKE2b-256 keyed with the master over a label, the purpose and the names, each after its length.
 *
 * Keys and plain texts are the caller's to keep in secret memory and to wipe. Thread-safe.
 */
#ifndef CRYPTO_AEAD_H
#define CRYPTO_AEAD_H

#include "base/bytes.h"

enum {
	AEAD_KEY_BYTES = 32,
	AEAD_NONCE_BYTES = 24,
	AEAD_TAG_BYTES = 16,
	AEAD_EXTRA_BYTES = AEAD_NONCE_BYTES + AEAD_TAG_BYTES,
	MAC_BYTES = 32
};

/* out: plain.size + AEAD_EXTRA_BYTES, apart from plain. */
amt_status aead_seal(
	const uint8_t key[AEAD_KEY_BYTES], struct span associated, struct span plain, uint8_t *out);
/* Appends the sealed form to out. */
amt_status aead_seal_put(const uint8_t key[AEAD_KEY_BYTES], struct span associated,
	struct span plain, struct buf *out);
/* out: sealed.size - AEAD_EXTRA_BYTES, apart from sealed; zeros after a failure. AMT_TRUNCATED if
 * sealed is shorter than nonce and tag; AMT_INTEGRITY if it was not sealed with this key and these
 * associated data or was changed since. */
amt_status aead_open(const uint8_t key[AEAD_KEY_BYTES], struct span associated, struct span sealed,
	uint8_t *out);

/* BLAKE2b-256 keyed with key over the length of context, context and data: integrity of stored
 * originals, equality tags. */
amt_status mac_compute(const uint8_t key[AEAD_KEY_BYTES], struct span context, struct span data,
	uint8_t out[MAC_BYTES]);
/* AMT_INTEGRITY unless mac is mac_compute of the same; constant time. */
amt_status mac_check(const uint8_t key[AEAD_KEY_BYTES], struct span context, struct span data,
	const uint8_t mac[MAC_BYTES]);

/* The same for megabytes, ten times as fast: BLAKE2b-256 keyed with key over the length of context,
 * context and a hash of data. That is GMAC (NIST SP 800-38D, AES-256, a nonce of zeros) under a key
 * of its own, mac_compute of "key of long data" and nothing. The hash never leaves: so it need only
 * be universal, which no nonce is needed for, and other data of the same hash are hit with
 * probability (size / 16 + 2) / 2^128 a try. */
amt_status mac_compute_long(const uint8_t key[AEAD_KEY_BYTES], struct span context,
	struct span data, uint8_t out[MAC_BYTES]);
/* The same piece by piece; ended at most once. */
struct mac_long;
amt_status mac_long_new(
	struct mac_long **out, const uint8_t key[AEAD_KEY_BYTES], struct span context);
amt_status mac_long_add(struct mac_long *m, struct span data);
amt_status mac_long_end(struct mac_long *m, uint8_t out[MAC_BYTES]);
void mac_long_free(struct mac_long *m); /* accepts NULL */
amt_status mac_check_long(const uint8_t key[AEAD_KEY_BYTES], struct span context, struct span data,
	const uint8_t mac[MAC_BYTES]);

/* Numbers are part of the format. */
enum subkey_purpose {
	SUBKEY_PAYLOAD = 1,	 /* rows of a table */
	SUBKEY_OWNER_STATE = 2,	 /* the owner's records at the host; table empty: of the database */
	SUBKEY_ORIGINAL_MAC = 3, /* stored originals of encrypted columns */
	SUBKEY_EQUALITY_TAG = 4, /* of one column: column must not be empty; elsewhere it must be */
	SUBKEY_BGV = 5,		 /* secret of a BGV ring; table: the ring's name ("B14") */
	SUBKEY_CANARY = 6	 /* canary rows of a table's scan pages */
};

/* table names a table within the key ring: it must hold the database's identity too. */
amt_status subkey_derive(const uint8_t master[AEAD_KEY_BYTES], enum subkey_purpose purpose,
	struct span table, struct span column, uint8_t out[AEAD_KEY_BYTES]);

#endif

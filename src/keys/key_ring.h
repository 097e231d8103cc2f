/* The owner's key ring: the TFHE secret, the master key of all subkeys, and the key id (that of the
 * TFHE secret) which every object made under it carries. Lives in secret memory; immutable, so
 * threads may share it. A BGV secret joins it as a further section of the key file.
 */
#ifndef KEYS_KEY_RING_H
#define KEYS_KEY_RING_H

#include "crypto/aead.h"
#include "tfhe/secret.h"

enum { KEY_ID_BYTES = 16 };

struct key_ring;

/* Fresh random keys. */
amt_status key_ring_new(struct key_ring **out, const struct tfhe_params *params);
void key_ring_free(struct key_ring *ring); /* wipes; NULL allowed */

const struct tfhe_secret *key_ring_tfhe(const struct key_ring *ring); /* borrowed */
const uint8_t *key_ring_id(const struct key_ring *ring);	      /* KEY_ID_BYTES */
/* subkey_derive from the master key, which never leaves the ring. out: secret memory. */
amt_status key_ring_subkey(const struct key_ring *ring, enum subkey_purpose purpose,
	struct span table, struct span column, uint8_t out[AEAD_KEY_BYTES]);

/* The sections of a key file (docs/key-file.md): u32 tag, u32 length, bytes, repeated. */
enum key_section {
	KEY_SECTION_MASTER = 1,
	KEY_SECTION_TFHE = 2,
	KEY_SECTION_BGV = 3,
	KEY_SECTION_STORE = 4 /* the secret of a key store, alone in its file (keys/key_store.h) */
};
/* Secret memory that an open ring takes, without guard pages. */
size_t key_ring_bytes(const struct key_ring *ring);

/* *out: secret memory of *size bytes, the caller's to free with secret_free. */
amt_status key_ring_pack(const struct key_ring *ring, uint8_t **out, size_t *size);
/* Sections of unknown tag are passed over. AMT_CORRUPTION or AMT_TRUNCATED if one is missing,
 * double or of a wrong size. */
amt_status key_ring_unpack(struct key_ring **out, struct span sections);

#endif

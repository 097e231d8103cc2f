#include "crypto/aead.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"

#include <openssl/evp.h>
#include <sodium.h>

enum { HASH_BYTES = 16, HASH_STEP = 1 << 20 };

amt_status aead_seal(
	const uint8_t key[AEAD_KEY_BYTES], struct span associated, struct span plain, uint8_t *out)
{
	TRY(secret_start());
	TRY(random_from_system(out, AEAD_NONCE_BYTES));
	uint8_t *cipher = out + AEAD_NONCE_BYTES;
	/* Cannot fail for sizes that fit into memory. */
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt_detached(cipher, cipher + plain.size, NULL,
		plain.data, plain.size, associated.data, associated.size, NULL, out, key);
	return STATUS_OK;
}

amt_status aead_seal_put(const uint8_t key[AEAD_KEY_BYTES], struct span associated,
	struct span plain, struct buf *out)
{
	uint8_t *at;
	size_t before = out->size;
	TRY(buf_extend(out, plain.size + AEAD_EXTRA_BYTES, &at));
	amt_status st = aead_seal(key, associated, plain, at);
	if (!amt_ok(st))
		out->size = before;
	return st;
}

amt_status aead_open(
	const uint8_t key[AEAD_KEY_BYTES], struct span associated, struct span sealed, uint8_t *out)
{
	TRY(secret_start());
	ENSURE(sealed.size >= AEAD_EXTRA_BYTES, AMT_TRUNCATED,
		"a sealed text of %zu bytes is shorter than its nonce and tag", sealed.size);
	size_t size = sealed.size - AEAD_EXTRA_BYTES;
	const uint8_t *cipher = sealed.data + AEAD_NONCE_BYTES;
	ENSURE(crypto_aead_xchacha20poly1305_ietf_decrypt_detached(out, NULL, cipher, size,
		       cipher + size, associated.data, associated.size, sealed.data, key) == 0,
		AMT_INTEGRITY, "a sealed text was changed, moved or made with another key");
	return STATUS_OK;
}

static void hash_part(crypto_generichash_state *h, struct span part)
{
	uint8_t size[8];
	store_u64(size, part.size);
	(void)crypto_generichash_update(h, size, sizeof(size));
	(void)crypto_generichash_update(h, part.data, part.size);
}

amt_status mac_compute(const uint8_t key[AEAD_KEY_BYTES], struct span context, struct span data,
	uint8_t out[MAC_BYTES])
{
	TRY(secret_start());
	crypto_generichash_state h;
	(void)crypto_generichash_init(&h, key, AEAD_KEY_BYTES, MAC_BYTES);
	hash_part(&h, context);
	(void)crypto_generichash_update(&h, data.data, data.size);
	(void)crypto_generichash_final(&h, out, MAC_BYTES);
	secret_wipe(&h, sizeof(h));
	return STATUS_OK;
}

static amt_status check_mac(uint8_t want[MAC_BYTES], const uint8_t mac[MAC_BYTES])
{
	bool same = secret_equal(want, mac, MAC_BYTES);
	secret_wipe(want, MAC_BYTES);
	ENSURE(same, AMT_INTEGRITY, "stored data were changed, moved or made with another key");
	return STATUS_OK;
}

amt_status mac_check(const uint8_t key[AEAD_KEY_BYTES], struct span context, struct span data,
	const uint8_t mac[MAC_BYTES])
{
	uint8_t want[MAC_BYTES];
	TRY(mac_compute(key, context, data, want));
	return check_mac(want, mac);
}

struct mac_long {
	EVP_CIPHER_CTX *gmac;
	uint8_t *key; /* secret memory */
	struct buf context;
};

static amt_status hash_begin(struct mac_long *m)
{
	static const uint8_t nonce[12];
	uint8_t hash_key[MAC_BYTES];
	TRY(mac_compute(m->key, span_str("key of long data"), (struct span){0}, hash_key));
	m->gmac = EVP_CIPHER_CTX_new();
	bool good = m->gmac != NULL &&
		    EVP_EncryptInit_ex(m->gmac, EVP_aes_256_gcm(), NULL, hash_key, nonce) == 1;
	secret_wipe(hash_key, sizeof(hash_key));
	ENSURE(good, AMT_OUT_OF_MEMORY, "libcrypto has no memory for GMAC");
	return STATUS_OK;
}

amt_status mac_long_new(
	struct mac_long **out, const uint8_t key[AEAD_KEY_BYTES], struct span context)
{
	struct mac_long *m;
	TRY(mem_zalloc(&m, sizeof(*m)));
	amt_status s = secret_alloc(&m->key, AEAD_KEY_BYTES);
	if (amt_ok(s)) {
		memcpy(m->key, key, AEAD_KEY_BYTES);
		s = hash_begin(m);
	}
	if (amt_ok(s))
		s = buf_put(&m->context, context.data, context.size);
	if (!amt_ok(s)) {
		mac_long_free(m);
		return s;
	}
	*out = m;
	return s;
}

void mac_long_free(struct mac_long *m)
{
	if (m == NULL)
		return;
	EVP_CIPHER_CTX_free(m->gmac); /* wipes its key */
	secret_free(m->key);
	buf_free(&m->context);
	mem_free(m);
}

amt_status mac_long_add(struct mac_long *m, struct span data)
{
	while (data.size > 0) {
		int made, n = data.size < HASH_STEP ? (int)data.size : HASH_STEP;
		ENSURE(EVP_EncryptUpdate(m->gmac, NULL, &made, data.data, n) == 1, AMT_INTERNAL,
			"libcrypto refuses GMAC");
		data = span_of(data.data + n, data.size - (size_t)n);
	}
	return STATUS_OK;
}

amt_status mac_long_end(struct mac_long *m, uint8_t out[MAC_BYTES])
{
	uint8_t none[HASH_BYTES], hash[HASH_BYTES];
	int made;
	ENSURE(EVP_EncryptFinal_ex(m->gmac, none, &made) == 1 &&
			EVP_CIPHER_CTX_ctrl(m->gmac, EVP_CTRL_GCM_GET_TAG, HASH_BYTES, hash) == 1,
		AMT_INTERNAL, "libcrypto refuses GMAC");
	amt_status s = mac_compute(m->key, buf_span(&m->context), span_of(hash, sizeof(hash)), out);
	secret_wipe(hash, sizeof(hash));
	return s;
}

amt_status mac_compute_long(const uint8_t key[AEAD_KEY_BYTES], struct span context,
	struct span data, uint8_t out[MAC_BYTES])
{
	struct mac_long *m;
	TRY(mac_long_new(&m, key, context));
	amt_status s = mac_long_add(m, data);
	if (amt_ok(s))
		s = mac_long_end(m, out);
	mac_long_free(m);
	return s;
}

amt_status mac_check_long(const uint8_t key[AEAD_KEY_BYTES], struct span context, struct span data,
	const uint8_t mac[MAC_BYTES])
{
	uint8_t want[MAC_BYTES];
	TRY(mac_compute_long(key, context, data, want));
	return check_mac(want, mac);
}

amt_status subkey_derive(const uint8_t master[AEAD_KEY_BYTES], enum subkey_purpose purpose,
	struct span table, struct span column, uint8_t out[AEAD_KEY_BYTES])
{
	ENSURE((purpose == SUBKEY_EQUALITY_TAG) == (column.size > 0), AMT_INVALID_ARGUMENT,
		"equality tags, and they alone, have a key a column");
	TRY(secret_start());
	uint8_t number[8];
	store_u64(number, purpose);
	crypto_generichash_state h;
	(void)crypto_generichash_init(&h, master, AEAD_KEY_BYTES, AEAD_KEY_BYTES);
	hash_part(&h, span_str("amaters subkey 1"));
	(void)crypto_generichash_update(&h, number, sizeof(number));
	hash_part(&h, table);
	hash_part(&h, column);
	(void)crypto_generichash_final(&h, out, AEAD_KEY_BYTES);
	secret_wipe(&h, sizeof(h));
	return STATUS_OK;
}

/* Only in builds with the memory sanitizer: libraries are not instrumented, so what they write must
 * be declared written. Linked in with -Wl,--wrap for each function here (meson.build). `weak`: a
 * program that does not use a library does not link it either. */
#include <sanitizer/msan_interface.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <sys/stat.h>

#define WRAP(type, name, parameters)                         \
	type __real_##name parameters __attribute__((weak)); \
	type __wrap_##name parameters;                       \
	type __wrap_##name parameters

/* libcrypto reads its configuration, and lists the names of its ciphers when the first one is asked for,
 * through functions that the sanitizer does watch. */
__attribute__((constructor)) static void start_libcrypto(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	EVP_CIPHER_free(EVP_CIPHER_fetch(NULL, "AES-128-CTR", NULL));
}

WRAP(int, fstat64, (int fd, struct stat64 *st))
{
	int result = __real_fstat64(fd, st);
	__msan_unpoison(st, sizeof(*st));
	return result;
}

WRAP(int, EVP_EncryptUpdate,
	(EVP_CIPHER_CTX * context, unsigned char *out, int *out_size, const unsigned char *in,
		int in_size))
{
	int result = __real_EVP_EncryptUpdate(context, out, out_size, in, in_size);
	__msan_unpoison(out_size, sizeof(*out_size));
	__msan_unpoison(out, (size_t)*out_size);
	return result;
}

WRAP(int, crypto_generichash_final,
	(crypto_generichash_state * state, unsigned char *out, size_t out_size))
{
	int result = __real_crypto_generichash_final(state, out, out_size);
	__msan_unpoison(out, out_size);
	return result;
}

WRAP(int, crypto_pwhash_argon2id,
	(unsigned char *const out, unsigned long long out_size, const char *const password,
		unsigned long long password_size, const unsigned char *const salt,
		unsigned long long passes, size_t memory, int algorithm))
{
	int result = __real_crypto_pwhash_argon2id(
		out, out_size, password, password_size, salt, passes, memory, algorithm);
	__msan_unpoison(out, out_size);
	return result;
}

WRAP(int, crypto_aead_xchacha20poly1305_ietf_encrypt_detached,
	(unsigned char *out, unsigned char *tag, unsigned long long *tag_size,
		const unsigned char *in, unsigned long long in_size, const unsigned char *ad,
		unsigned long long ad_size, const unsigned char *unused, const unsigned char *nonce,
		const unsigned char *key))
{
	int result = __real_crypto_aead_xchacha20poly1305_ietf_encrypt_detached(
		out, tag, tag_size, in, in_size, ad, ad_size, unused, nonce, key);
	__msan_unpoison(out, in_size);
	__msan_unpoison(tag, crypto_aead_xchacha20poly1305_ietf_ABYTES);
	return result;
}

WRAP(int, crypto_aead_xchacha20poly1305_ietf_decrypt_detached,
	(unsigned char *out, unsigned char *unused, const unsigned char *in,
		unsigned long long in_size, const unsigned char *tag, const unsigned char *ad,
		unsigned long long ad_size, const unsigned char *nonce, const unsigned char *key))
{
	int result = __real_crypto_aead_xchacha20poly1305_ietf_decrypt_detached(
		out, unused, in, in_size, tag, ad, ad_size, nonce, key);
	__msan_unpoison(out, in_size);
	return result;
}

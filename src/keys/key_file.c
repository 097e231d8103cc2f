#include "keys/key_file_inside.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "os/clock.h"
#include "crypto/wire.h"

#include <inttypes.h>
#include <sodium.h>

/* Content after the wire header:
 *	OFFSET SIZE
 *	0      4    key derivation: 1 = Argon2id 1.3, one lane
 *	4      4    passes
 *	8      8    memory in bytes
 *	16     16   salt
 *	32     32   key check value
 *	64     n    sealed sections (crypto/aead.h)
 */
enum {
	AT_KDF = 0,
	AT_PASSES = 4,
	AT_MEMORY = 8,
	AT_SALT = 16,
	SALT_BYTES = 16,
	AT_CHECK = 32,
	AT_SEALED = 64,
	KDF_ARGON2ID = 1,
	FILE_BYTES_MAX = 4 << 20,
	ASSOCIATED_BYTES = 2 + KEY_ID_BYTES + 8 + AT_SEALED
};
_Static_assert(SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES, "salt of Argon2id");

const struct key_cost key_cost_default = {3, 256u << 20};

/* What a file may ask for: 2 GiB is more than any honest file wants and 1/500 of what would hurt.
 */
static const struct key_cost cost_least = {1, 8 << 10};
static const struct key_cost cost_most = {16, 2ull << 30};

/* Secret memory. */
struct derived {
	uint8_t root[AEAD_KEY_BYTES];
	uint8_t key[AEAD_KEY_BYTES];
	/* Commits to the key: XChaCha20-Poly1305 alone does not, a file could be made that opens
	 * under many passphrases. */
	uint8_t check[MAC_BYTES];
};

static amt_status fill(struct derived *d, struct span passphrase, struct key_cost cost,
	const uint8_t salt[SALT_BYTES])
{
	ENSURE(passphrase.size > 0, AMT_INVALID_ARGUMENT, "the passphrase is empty");
	errno = 0;
	if (crypto_pwhash_argon2id(d->root, sizeof(d->root), (const char *)passphrase.data,
		    passphrase.size, salt, cost.passes, cost.memory_bytes,
		    crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0)
		return ERROR_ERRNO(AMT_OUT_OF_MEMORY,
			"no %" PRIu64 " MiB of memory for the passphrase", cost.memory_bytes >> 20);
	struct span context = span_str("amaters key file 1");
	TRY(mac_compute(d->root, context, span_str("encryption"), d->key));
	return mac_compute(d->root, context, span_str("key check"), d->check);
}

static amt_status derive(struct derived **out, struct span passphrase, struct key_cost cost,
	const uint8_t salt[SALT_BYTES])
{
	TRY(secret_alloc(out, sizeof(**out)));
	amt_status st = fill(*out, passphrase, cost, salt);
	if (!amt_ok(st))
		secret_free(*out);
	return st;
}

/* All readable fields: those of the wire header (its sums cover the sealed text and cannot be
 * under it) and the content before the sealed text. */
static struct span associate(
	uint8_t out[ASSOCIATED_BYTES], const struct key_file_info *info, const uint8_t *content)
{
	store_u16(out, info->params);
	memcpy(out + 2, info->key_id, KEY_ID_BYTES);
	store_u64(out + 2 + KEY_ID_BYTES, info->created_us);
	memcpy(out + 2 + KEY_ID_BYTES + 8, content, AT_SEALED);
	return span_of(out, ASSOCIATED_BYTES);
}

static amt_status seal_content(struct buf *content, const struct key_file_info *info,
	struct span sections, struct span passphrase, struct key_cost cost)
{
	uint8_t *at, associated[ASSOCIATED_BYTES];
	TRY(buf_extend(content, AT_SEALED, &at));
	store_u32(at + AT_KDF, KDF_ARGON2ID);
	store_u32(at + AT_PASSES, cost.passes);
	store_u64(at + AT_MEMORY, cost.memory_bytes);
	TRY(random_from_system(at + AT_SALT, SALT_BYTES));
	struct derived *d;
	TRY(derive(&d, passphrase, cost, at + AT_SALT));
	memcpy(at + AT_CHECK, d->check, sizeof(d->check));
	struct span ad = associate(associated, info, at);
	amt_status st = aead_seal_put(d->key, ad, sections, content);
	secret_free(d);
	return st;
}

amt_status key_file_seal(struct buf *out, const struct key_file_info *info, struct span sections,
	struct span passphrase, struct key_cost cost)
{
	struct wire_header header = {
		.type = WIRE_KEY_FILE, .params = info->params, .created_us = info->created_us};
	memcpy(header.key_id, info->key_id, KEY_ID_BYTES);
	struct buf content = {0};
	amt_status st = seal_content(&content, info, sections, passphrase, cost);
	if (amt_ok(st))
		st = wire_put(out, &header, buf_span(&content));
	buf_free(&content);
	return st;
}

amt_status key_file_parse(struct span file, struct key_file_info *info, struct span *content)
{
	struct wire_header header;
	TRY(wire_get(file, WIRE_KEY_FILE, &header, content));
	ENSURE(content->size >= AT_SEALED + AEAD_EXTRA_BYTES, AMT_TRUNCATED,
		"a key file of %zu bytes is cut", file.size);
	const uint8_t *at = content->data;
	unsigned kdf = load_u32(at + AT_KDF);
	ENSURE(kdf == KDF_ARGON2ID, AMT_UNKNOWN_VERSION,
		"key derivation %u of a key file is not known", kdf);
	*info = (struct key_file_info){.params = header.params,
		.created_us = header.created_us,
		.kdf_passes = load_u32(at + AT_PASSES),
		.kdf_memory_bytes = load_u64(at + AT_MEMORY)};
	memcpy(info->key_id, header.key_id, KEY_ID_BYTES);
	ENSURE(info->kdf_passes >= cost_least.passes && info->kdf_passes <= cost_most.passes &&
			info->kdf_memory_bytes >= cost_least.memory_bytes &&
			info->kdf_memory_bytes <= cost_most.memory_bytes,
		AMT_LIMIT, "a key file asks for %" PRIu32 " passes over %" PRIu64 " bytes",
		info->kdf_passes, info->kdf_memory_bytes);
	return STATUS_OK;
}

static amt_status unseal_with(const struct derived *d, struct span content,
	const struct key_file_info *info, uint8_t **sections, size_t *size)
{
	ENSURE(secret_equal(d->check, content.data + AT_CHECK, sizeof(d->check)),
		AMT_WRONG_PASSPHRASE, "this is not the passphrase of the key file");
	uint8_t associated[ASSOCIATED_BYTES];
	struct span ad = associate(associated, info, content.data);
	struct span sealed = span_of(content.data + AT_SEALED, content.size - AT_SEALED);
	uint8_t *plain;
	TRY(secret_alloc(&plain, sealed.size - AEAD_EXTRA_BYTES));
	amt_status st = aead_open(d->key, ad, sealed, plain);
	if (!amt_ok(st)) {
		secret_free(plain);
		return WRAP(st, "the key file was tampered with");
	}
	*sections = plain;
	*size = sealed.size - AEAD_EXTRA_BYTES;
	return STATUS_OK;
}

amt_status key_file_unseal(struct span file, struct span passphrase, struct key_file_info *info,
	uint8_t **sections, size_t *size)
{
	struct span content;
	TRY(key_file_parse(file, info, &content));
	struct key_cost cost = {info->kdf_passes, info->kdf_memory_bytes};
	struct derived *d;
	TRY(derive(&d, passphrase, cost, content.data + AT_SALT));
	amt_status st = unseal_with(d, content, info, sections, size);
	secret_free(d);
	return st;
}

amt_status key_file_encode(
	struct buf *out, const struct key_ring *ring, struct span passphrase, struct key_cost cost)
{
	struct key_file_info info = {.params = tfhe_secret_params(key_ring_tfhe(ring))->id,
		.created_us = clock_wall_us()};
	memcpy(info.key_id, key_ring_id(ring), KEY_ID_BYTES);
	uint8_t *sections = NULL;
	size_t size = 0;
	TRY(key_ring_pack(ring, &sections, &size));
	amt_status st = key_file_seal(out, &info, span_of(sections, size), passphrase, cost);
	secret_free(sections);
	return st;
}

amt_status key_file_decode(struct key_ring **out, struct span file, struct span passphrase)
{
	struct key_file_info info;
	uint8_t *sections = NULL;
	size_t size = 0;
	TRY(key_file_unseal(file, passphrase, &info, &sections, &size));
	struct key_ring *ring = NULL;
	amt_status st = key_ring_unpack(&ring, span_of(sections, size));
	secret_free(sections);
	TRY(st);
	if (memcmp(key_ring_id(ring), info.key_id, KEY_ID_BYTES) != 0 ||
		tfhe_secret_params(key_ring_tfhe(ring))->id != info.params) {
		key_ring_free(ring);
		FAIL(AMT_CORRUPTION, "a key file names another key than it holds");
	}
	*out = ring;
	return STATUS_OK;
}

static amt_status advise(amt_status st, const char *path)
{
	if (amt_ok(st))
		return st;
	amt_code code = amt_status_code(st);
	st = WRAP(st, "key file %s", path);
	if (code == AMT_CORRUPTION || code == AMT_TRUNCATED || code == AMT_INTEGRITY)
		return status_hint(st, "restore the file from a copy");
	return st;
}

static amt_status save(struct io *io, const char *path, struct span file, bool overwrite)
{
	if (overwrite)
		return io_write_file_atomic(io, path, file, IO_PRIVATE);
	return io_write_file_new(io, path, file, IO_PRIVATE);
}

amt_status key_file_create(struct io *io, const char *path, const struct key_ring *ring,
	struct span passphrase, bool overwrite)
{
	bool taken = false;
	TRY(io_exists(io, path, &taken));
	/* Before the costly derivation; save checks again. */
	ENSURE(overwrite || !taken, AMT_ALREADY_EXISTS, "there is a key file %s already", path);
	struct buf file = {0};
	amt_status st = key_file_encode(&file, ring, passphrase, key_cost_default);
	if (amt_ok(st))
		st = save(io, path, buf_span(&file), overwrite);
	buf_free(&file);
	return advise(st, path);
}

amt_status key_file_open(
	struct io *io, const char *path, struct span passphrase, struct key_ring **out)
{
	struct buf file = {0};
	amt_status st = io_read_file(io, path, FILE_BYTES_MAX, &file);
	if (amt_ok(st))
		st = key_file_decode(out, buf_span(&file), passphrase);
	buf_free(&file);
	return advise(st, path);
}

static amt_status reseal(
	struct buf *out, struct span file, struct span old_passphrase, struct span new_passphrase)
{
	struct key_file_info info;
	uint8_t *sections = NULL;
	size_t size = 0;
	TRY(key_file_unseal(file, old_passphrase, &info, &sections, &size));
	amt_status st = key_file_seal(
		out, &info, span_of(sections, size), new_passphrase, key_cost_default);
	secret_free(sections);
	return st;
}

amt_status key_file_change_passphrase(
	struct io *io, const char *path, struct span old_passphrase, struct span new_passphrase)
{
	struct buf file = {0}, changed = {0};
	amt_status st = io_read_file(io, path, FILE_BYTES_MAX, &file);
	if (amt_ok(st))
		st = reseal(&changed, buf_span(&file), old_passphrase, new_passphrase);
	if (amt_ok(st))
		st = save(io, path, buf_span(&changed), true);
	buf_free(&file);
	buf_free(&changed);
	return advise(st, path);
}

amt_status key_file_inspect(struct io *io, const char *path, struct key_file_info *out)
{
	struct buf file = {0};
	struct span content;
	amt_status st = io_read_file(io, path, FILE_BYTES_MAX, &file);
	if (amt_ok(st))
		st = key_file_parse(buf_span(&file), out, &content);
	buf_free(&file);
	return advise(st, path);
}

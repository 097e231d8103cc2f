/* The public face of keys/key_store.h. */
#include "amaters/key_store.h"
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "keys/key_store.h"
#include "os/io_memory.h"

_Static_assert((int)AMT_KEY_CREATED == KEY_CREATED && (int)AMT_KEY_EXPIRED == KEY_EXPIRED &&
		       (int)AMT_KEY_DECRYPT == KEY_DECRYPT &&
		       AMT_KEY_NAME_BYTES == (int)KEY_TEXT_BYTES,
	"the public names are the inner ones");

struct amt_key_store {
	struct io *io;
	struct key_store *inner;
};

static void to_hex(char *out, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	out[2 * count] = '\0';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static amt_status from_hex(uint8_t *out, const char *text, size_t count, const char *what)
{
	ENSURE(text != NULL && strlen(text) == 2 * count, AMT_INVALID_ARGUMENT,
		"%s has %zu hexadecimal digits", what, 2 * count);
	for (size_t i = 0; i < count; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		ENSURE(high >= 0 && low >= 0, AMT_INVALID_ARGUMENT,
			"%s has hexadecimal digits, in lower case", what);
		out[i] = (uint8_t)(high * 16 + low);
	}
	return STATUS_OK;
}

amt_status owner_key_id_of(uint8_t out[KEY_ID_BYTES], const char *text)
{
	return from_hex(out, text, KEY_ID_BYTES, "a key id");
}

const char *amt_key_state_name(amt_key_state state)
{
	return key_state_name((enum key_state)state);
}

amt_status amt_key_store_create(const char *folder, const void *passphrase, size_t passphrase_size)
{
	ENSURE(folder != NULL && passphrase != NULL, AMT_INVALID_ARGUMENT,
		"a folder and a passphrase are needed");
	struct io *io;
	TRY(io_posix_new(&io));
	amt_status s = key_store_create(io, folder, span_of(passphrase, passphrase_size));
	io_free(io);
	return s;
}

/* A passphrase that nobody knows: the folder lives no longer than the program. */
static amt_status open_in_memory(amt_key_store *store, size_t budget)
{
	uint8_t *unknown;
	TRY(io_memory_new(&store->io));
	TRY(secret_alloc(&unknown, AEAD_KEY_BYTES));
	amt_status s = random_bytes(unknown, AEAD_KEY_BYTES);
	if (amt_ok(s))
		s = key_store_create(store->io, "store", span_of(unknown, AEAD_KEY_BYTES));
	if (amt_ok(s))
		s = key_store_open(&store->inner, store->io, "store",
			span_of(unknown, AEAD_KEY_BYTES), budget);
	secret_free(unknown);
	return s;
}

static amt_status open_folder(
	amt_key_store *store, const char *folder, struct span passphrase, size_t budget)
{
	TRY(io_posix_new(&store->io));
	return key_store_open(&store->inner, store->io, folder, passphrase, budget);
}

amt_status amt_key_store_open(amt_key_store **out, const char *folder, const void *passphrase,
	size_t passphrase_size, size_t memory_budget)
{
	ENSURE(out != NULL && (folder == NULL || passphrase != NULL), AMT_INVALID_ARGUMENT,
		"a folder and a passphrase are needed");
	amt_key_store *store;
	TRY(mem_zalloc(&store, sizeof(*store)));
	amt_status s = folder == NULL
			       ? open_in_memory(store, memory_budget)
			       : open_folder(store, folder, span_of(passphrase, passphrase_size),
					 memory_budget);
	if (amt_ok(s))
		*out = store;
	else
		amt_key_store_close(store);
	return s;
}

void amt_key_store_close(amt_key_store *store)
{
	if (store == NULL)
		return;
	key_store_close(store->inner);
	if (store->io != NULL)
		io_free(store->io);
	mem_free(store);
}

amt_status amt_key_store_change_passphrase(const char *folder, const void *old_passphrase,
	size_t old_passphrase_size, const void *new_passphrase, size_t new_passphrase_size)
{
	ENSURE(folder != NULL, AMT_INVALID_ARGUMENT, "a folder is needed");
	char *path;
	TRY(io_path(&path, folder, "secret"));
	amt_status s = amt_key_change_passphrase(
		path, old_passphrase, old_passphrase_size, new_passphrase, new_passphrase_size);
	mem_free(path);
	return s;
}

amt_status amt_key_store_new_key(amt_key_store *store, const char *client, const char *parameters,
	uint64_t expires_us, char id[AMT_KEY_ID_TEXT])
{
	ENSURE(store != NULL && client != NULL && id != NULL, AMT_INVALID_ARGUMENT,
		"a store and a client are needed");
	const struct tfhe_params *params;
	uint8_t bytes[KEY_ID_BYTES];
	TRY(owner_parameters(&params, parameters));
	TRY(key_store_new_key(store->inner, client, params, expires_us, bytes));
	to_hex(id, bytes, KEY_ID_BYTES);
	return STATUS_OK;
}

static amt_status change(amt_key_store *store, const char *id, enum key_state to, const char *note)
{
	ENSURE(store != NULL, AMT_INVALID_ARGUMENT, "a store is needed");
	uint8_t bytes[KEY_ID_BYTES];
	TRY(owner_key_id_of(bytes, id));
	return key_store_change(store->inner, bytes, to, note);
}

amt_status amt_key_store_activate(amt_key_store *store, const char *id, const char *note)
{
	return change(store, id, KEY_ACTIVE, note);
}

amt_status amt_key_store_revoke(amt_key_store *store, const char *id, const char *note)
{
	return change(store, id, KEY_REVOKED, note);
}

amt_status amt_key_store_expire(amt_key_store *store, const char *id, const char *note)
{
	return change(store, id, KEY_EXPIRED, note);
}

amt_status amt_key_store_rotate(
	amt_key_store *store, const char *active, const char *successor, const char *note)
{
	ENSURE(store != NULL, AMT_INVALID_ARGUMENT, "a store is needed");
	uint8_t old[KEY_ID_BYTES], next[KEY_ID_BYTES];
	TRY(owner_key_id_of(old, active));
	TRY(owner_key_id_of(next, successor));
	return key_store_rotate(store->inner, old, next, note);
}

amt_status amt_key_store_key(amt_key_store *store, amt_key **out, const char *id, amt_key_use use)
{
	ENSURE(store != NULL && out != NULL && (unsigned)use <= AMT_KEY_DECRYPT,
		AMT_INVALID_ARGUMENT, "a store and a use are needed");
	uint8_t bytes[KEY_ID_BYTES];
	const struct key_ring *ring;
	TRY(owner_key_id_of(bytes, id));
	TRY(key_store_take(store->inner, bytes, (enum key_use)use, &ring));
	return owner_key_wrap_stored(out, store->inner, ring);
}

amt_status amt_key_store_active(amt_key_store *store, const char *client, char id[AMT_KEY_ID_TEXT])
{
	ENSURE(store != NULL && client != NULL && id != NULL, AMT_INVALID_ARGUMENT,
		"a store and a client are needed");
	uint8_t bytes[KEY_ID_BYTES];
	TRY(key_store_active(store->inner, client, bytes));
	to_hex(id, bytes, KEY_ID_BYTES);
	return STATUS_OK;
}

/* "" for no key. */
static void other_to_hex(char *out, const uint8_t id[KEY_ID_BYTES])
{
	static const uint8_t none[KEY_ID_BYTES];
	out[0] = '\0';
	if (memcmp(id, none, KEY_ID_BYTES) != 0)
		to_hex(out, id, KEY_ID_BYTES);
}

amt_status amt_key_store_list(amt_key_store *store, amt_key_info **out, size_t *count)
{
	ENSURE(store != NULL && out != NULL && count != NULL, AMT_INVALID_ARGUMENT,
		"a store is needed");
	struct key_entry *entries;
	TRY(key_store_entries(store->inner, &entries, count));
	amt_status s = mem_array(out, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count && amt_ok(s); i++) {
		const struct key_entry *e = &entries[i];
		const struct tfhe_params *p = tfhe_params_find(e->params);
		amt_key_info *to = &(*out)[i];
		*to = (amt_key_info){.parameters = p != NULL ? p->name : "unknown",
			.state = (amt_key_state)e->state,
			.created_us = e->created_us,
			.changed_us = e->changed_us,
			.expires_us = e->expires_us};
		to_hex(to->id, e->key_id, KEY_ID_BYTES);
		other_to_hex(to->other, e->other);
		memcpy(to->client, e->client, sizeof(to->client));
	}
	mem_free(entries);
	return s;
}

static amt_status check_head(const struct key_event *events, size_t count, const char *head)
{
	uint8_t mac[MAC_BYTES];
	TRY(from_hex(mac, head, MAC_BYTES, "a head"));
	for (size_t i = 0; i < count; i++)
		if (memcmp(events[i].mac, mac, MAC_BYTES) == 0)
			return STATUS_OK;
	FAIL(AMT_INTEGRITY, "the audit trail does not contain that head: it was cut or replaced");
}

amt_status amt_key_store_audit(
	amt_key_store *store, const char *head, amt_key_event **out, size_t *count)
{
	ENSURE(store != NULL && out != NULL && count != NULL, AMT_INVALID_ARGUMENT,
		"a store is needed");
	struct key_event *events;
	TRY(key_store_events(store->inner, &events, count));
	amt_status s = head != NULL ? check_head(events, *count, head) : STATUS_OK;
	if (amt_ok(s))
		s = mem_array(out, *count + 1, sizeof(**out));
	for (size_t i = 0; i < *count && amt_ok(s); i++) {
		const struct key_event *e = &events[i];
		amt_key_event *to = &(*out)[i];
		*to = (amt_key_event){.time_us = e->time_us,
			.from = (amt_key_state)e->from,
			.to = (amt_key_state)e->to};
		to_hex(to->id, e->key_id, KEY_ID_BYTES);
		other_to_hex(to->other, e->other);
		to_hex(to->head, e->mac, MAC_BYTES);
		memcpy(to->client, e->client, sizeof(to->client));
		memcpy(to->note, e->note, sizeof(to->note));
	}
	mem_free(events);
	return s;
}

void amt_key_store_free(void *list)
{
	mem_free(list);
}

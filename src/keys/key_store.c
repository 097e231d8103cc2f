#include "keys/key_store_inside.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/wire.h"
#include "os/clock.h"

#include <pthread.h>

enum {
	SECRET_SECTION_BYTES = 8 + AEAD_KEY_BYTES,
	FILE_BYTES_MAX = 64 << 20,
	NAME_BYTES = 2 * KEY_ID_BYTES + sizeof(".key")
};

/* Secret memory. */
struct store_keys {
	uint8_t secret[AEAD_KEY_BYTES];
	uint8_t trail[AEAD_KEY_BYTES]; /* MACs of the audit trail */
	uint8_t rings[AEAD_KEY_BYTES]; /* seals key rings */
};

struct open_ring {
	struct key_ring *ring;
	unsigned users;
	uint64_t used; /* when last, in takings */
};

struct key_store {
	struct io *io;
	char *folder;
	uint8_t id[KEY_ID_BYTES];
	struct store_keys *keys;
	struct key_trail trail;
	uint64_t (*now_us)(void);
	pthread_mutex_t mutex;
	struct open_ring *open;
	size_t open_count, open_bytes, budget;
	uint64_t takings;
};

/* ---- files */

static amt_status read_file(struct io *io, const char *folder, const char *name, struct buf *out)
{
	char *path;
	TRY(io_path(&path, folder, name));
	amt_status s = io_read_file(io, path, FILE_BYTES_MAX, out);
	mem_free(path);
	return s;
}

static amt_status write_file(struct io *io, const char *folder, const char *name, struct span bytes)
{
	char *path;
	TRY(io_path(&path, folder, name));
	amt_status s = io_write_file_atomic(io, path, bytes, IO_PRIVATE);
	mem_free(path);
	return s;
}

static void ring_name(char out[NAME_BYTES], const uint8_t id[KEY_ID_BYTES])
{
	for (size_t i = 0; i < KEY_ID_BYTES; i++) {
		out[2 * i] = "0123456789abcdef"[id[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[id[i] & 15];
	}
	memcpy(out + NAME_BYTES - sizeof(".key"), ".key", sizeof(".key"));
}

/* ---- stored rings: the sections of a key file, sealed under the store's key. Associated data: the
 * store, the key id, the set and the time of creation, which are readable in the header. */

enum { ASSOCIATED_BYTES = 2 * KEY_ID_BYTES + 2 + 8 };

static struct span associate(uint8_t out[ASSOCIATED_BYTES], const uint8_t store_id[KEY_ID_BYTES],
	const struct wire_header *header)
{
	memcpy(out, store_id, KEY_ID_BYTES);
	memcpy(out + KEY_ID_BYTES, header->key_id, KEY_ID_BYTES);
	store_u16(out + 2 * KEY_ID_BYTES, header->params);
	store_u64(out + 2 * KEY_ID_BYTES + 2, header->created_us);
	return span_of(out, ASSOCIATED_BYTES);
}

amt_status stored_key_put(struct buf *out, const uint8_t key[AEAD_KEY_BYTES],
	const uint8_t store_id[KEY_ID_BYTES], const struct key_ring *ring, uint64_t created_us)
{
	struct wire_header header = {.type = WIRE_STORED_KEY,
		.params = tfhe_secret_params(key_ring_tfhe(ring))->id,
		.created_us = created_us};
	memcpy(header.key_id, key_ring_id(ring), KEY_ID_BYTES);
	uint8_t associated[ASSOCIATED_BYTES], *sections;
	size_t size;
	struct buf sealed = {0};
	TRY(key_ring_pack(ring, &sections, &size));
	amt_status s = aead_seal_put(
		key, associate(associated, store_id, &header), span_of(sections, size), &sealed);
	secret_free(sections);
	if (amt_ok(s))
		s = wire_put(out, &header, buf_span(&sealed));
	buf_free(&sealed);
	return s;
}

static amt_status expect_ring(const struct key_ring *ring, const struct wire_header *header)
{
	ENSURE(memcmp(key_ring_id(ring), header->key_id, KEY_ID_BYTES) == 0 &&
			tfhe_secret_params(key_ring_tfhe(ring))->id == header->params,
		AMT_CORRUPTION, "a stored key names another key than it holds");
	return STATUS_OK;
}

amt_status stored_key_get(struct key_ring **out, const uint8_t key[AEAD_KEY_BYTES],
	const uint8_t store_id[KEY_ID_BYTES], struct span file)
{
	struct wire_header header;
	struct span sealed;
	uint8_t associated[ASSOCIATED_BYTES], *sections;
	TRY(wire_get(file, WIRE_STORED_KEY, &header, &sealed));
	ENSURE(sealed.size >= AEAD_EXTRA_BYTES, AMT_TRUNCATED, "a stored key of %zu bytes is cut",
		file.size);
	TRY(secret_alloc(&sections, sealed.size - AEAD_EXTRA_BYTES));
	amt_status s = aead_open(key, associate(associated, store_id, &header), sealed, sections);
	struct key_ring *ring = NULL;
	if (amt_ok(s))
		s = key_ring_unpack(&ring, span_of(sections, sealed.size - AEAD_EXTRA_BYTES));
	secret_free(sections);
	TRY(s);
	s = expect_ring(ring, &header);
	if (amt_ok(s))
		*out = ring;
	else
		key_ring_free(ring);
	return s;
}

/* ---- the store's secret */

static amt_status derive(struct store_keys *k)
{
	struct span context = span_str("amaters key store 1");
	TRY(mac_compute(k->secret, context, span_str("audit trail"), k->trail));
	return mac_compute(k->secret, context, span_str("key rings"), k->rings);
}

static amt_status seal_secret(struct buf *out, const uint8_t id[KEY_ID_BYTES],
	const struct store_keys *keys, struct span passphrase, struct key_cost cost)
{
	struct key_file_info info = {.created_us = clock_wall_us()};
	uint8_t *section;
	memcpy(info.key_id, id, KEY_ID_BYTES);
	TRY(secret_alloc(&section, SECRET_SECTION_BYTES));
	store_u32(section, KEY_SECTION_STORE);
	store_u32(section + 4, AEAD_KEY_BYTES);
	memcpy(section + 8, keys->secret, AEAD_KEY_BYTES);
	amt_status s =
		key_file_seal(out, &info, span_of(section, SECRET_SECTION_BYTES), passphrase, cost);
	secret_free(section);
	return s;
}

static amt_status open_secret(struct key_store *s, struct span file, struct span passphrase)
{
	struct key_file_info info;
	uint8_t *section;
	size_t size;
	TRY(key_file_unseal(file, passphrase, &info, &section, &size));
	bool good = size == SECRET_SECTION_BYTES && load_u32(section) == KEY_SECTION_STORE &&
		    load_u32(section + 4) == AEAD_KEY_BYTES;
	if (good)
		memcpy(s->keys->secret, section + 8, AEAD_KEY_BYTES);
	secret_free(section);
	ENSURE(good, AMT_CORRUPTION, "this is a key file, not the secret of a key store");
	memcpy(s->id, info.key_id, KEY_ID_BYTES);
	return derive(s->keys);
}

/* The trail first: a store is there once its secret is. */
static amt_status create_files(struct io *io, const char *folder, struct span passphrase,
	struct key_cost cost, struct store_keys *keys)
{
	struct key_trail trail = {.mac_key = keys->trail};
	struct buf secret = {0}, empty = {0};
	TRY(random_bytes(keys->secret, sizeof(keys->secret)));
	TRY(random_from_system(trail.store_id, sizeof(trail.store_id)));
	TRY(derive(keys));
	amt_status s = seal_secret(&secret, trail.store_id, keys, passphrase, cost);
	if (amt_ok(s))
		s = key_trail_put(&trail, &empty);
	if (amt_ok(s))
		s = write_file(io, folder, "trail", buf_span(&empty));
	if (amt_ok(s))
		s = write_file(io, folder, "secret", buf_span(&secret));
	buf_free(&secret);
	buf_free(&empty);
	return s;
}

static amt_status create_locked(
	struct io *io, const char *folder, struct span passphrase, struct key_cost cost)
{
	char *path;
	bool taken = false;
	TRY(io_path(&path, folder, "secret"));
	amt_status s = io_exists(io, path, &taken);
	mem_free(path);
	TRY(s);
	ENSURE(!taken, AMT_ALREADY_EXISTS, "there is a key store in %s already", folder);
	struct store_keys *keys;
	TRY(secret_alloc(&keys, sizeof(*keys)));
	s = create_files(io, folder, passphrase, cost, keys);
	secret_free(keys);
	return s;
}

static amt_status lock(struct io *io, const char *folder, struct io_file **out)
{
	char *path;
	TRY(io_path(&path, folder, "lock"));
	amt_status s = io_lock(io, path, out);
	mem_free(path);
	return s;
}

amt_status key_store_create_at(
	struct io *io, const char *folder, struct span passphrase, struct key_cost cost)
{
	amt_status s = io_make_folder(io, folder);
	if (amt_status_code(s) == AMT_ALREADY_EXISTS)
		amt_status_clear(&s);
	TRY(s);
	TRY(io_sync_parent(io, folder));
	struct io_file *held;
	TRY(lock(io, folder, &held));
	s = create_locked(io, folder, passphrase, cost);
	io_close(held);
	return s;
}

amt_status key_store_create(struct io *io, const char *folder, struct span passphrase)
{
	return key_store_create_at(io, folder, passphrase, key_cost_default);
}

/* ---- opening */

/* Reads the trail anew; it must go on from the one known, or somebody put an old one there. */
static amt_status reload(struct key_store *s)
{
	struct key_trail fresh = {.mac_key = s->keys->trail};
	struct buf file = {0};
	memcpy(fresh.store_id, s->id, KEY_ID_BYTES);
	amt_status st = read_file(s->io, s->folder, "trail", &file);
	if (amt_status_code(st) == AMT_NOT_FOUND) {
		amt_status_clear(&st);
		st = ERROR(AMT_INTEGRITY, "the audit trail of %s is gone", s->folder);
	}
	if (amt_ok(st))
		st = key_trail_get(&fresh, buf_span(&file));
	buf_free(&file);
	if (amt_ok(st) && s->trail.count > 0 &&
		(fresh.count < s->trail.count ||
			memcmp(fresh.event[s->trail.count - 1].mac,
				s->trail.event[s->trail.count - 1].mac, MAC_BYTES) != 0))
		st = ERROR(AMT_INTEGRITY, "the audit trail of %s is older than it was", s->folder);
	if (!amt_ok(st)) {
		key_trail_free(&fresh);
		return st;
	}
	key_trail_free(&s->trail);
	s->trail = fresh;
	return STATUS_OK;
}

amt_status key_store_open(struct key_store **out, struct io *io, const char *folder,
	struct span passphrase, size_t budget)
{
	struct key_store *s;
	struct buf file = {0};
	TRY(mem_zalloc(&s, sizeof(*s)));
	s->io = io;
	s->now_us = clock_wall_us;
	s->budget = budget > 0 ? budget : KEY_STORE_BUDGET;
	pthread_mutex_init(&s->mutex, NULL);
	amt_status st = mem_strdup(&s->folder, folder);
	if (amt_ok(st))
		st = secret_alloc(&s->keys, sizeof(*s->keys));
	if (amt_ok(st))
		st = read_file(io, folder, "secret", &file);
	if (amt_ok(st))
		st = open_secret(s, buf_span(&file), passphrase);
	if (amt_ok(st))
		st = reload(s);
	buf_free(&file);
	if (!amt_ok(st)) {
		key_store_close(s);
		return WRAP(st, "key store %s", folder);
	}
	*out = s;
	return STATUS_OK;
}

void key_store_close(struct key_store *s)
{
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->open_count; i++)
		key_ring_free(s->open[i].ring);
	mem_free(s->open);
	key_trail_free(&s->trail);
	secret_free(s->keys);
	mem_free(s->folder);
	pthread_mutex_destroy(&s->mutex);
	mem_free(s);
}

void key_store_set_clock(struct key_store *s, uint64_t (*now_us)(void))
{
	s->now_us = now_us;
}

/* ---- open rings */

static void forget(struct key_store *s, size_t i)
{
	s->open_bytes -= key_ring_bytes(s->open[i].ring);
	key_ring_free(s->open[i].ring);
	s->open[i] = s->open[--s->open_count];
}

/* Closes what was used longest ago until `more` bytes fit. */
static amt_status make_room(struct key_store *s, size_t more)
{
	while (s->open_bytes + more > s->budget) {
		size_t oldest = s->open_count;
		for (size_t i = 0; i < s->open_count; i++)
			if (s->open[i].users == 0 &&
				(oldest == s->open_count || s->open[i].used < s->open[oldest].used))
				oldest = i;
		ENSURE(oldest < s->open_count, AMT_LIMIT,
			"%zu keys in use fill the key store's memory budget of %zu bytes",
			s->open_count, s->budget);
		forget(s, oldest);
	}
	return STATUS_OK;
}

static amt_status open_ring(struct key_store *s, const uint8_t id[KEY_ID_BYTES], size_t *index)
{
	for (*index = 0; *index < s->open_count; ++*index)
		if (memcmp(key_ring_id(s->open[*index].ring), id, KEY_ID_BYTES) == 0)
			return STATUS_OK;
	char name[NAME_BYTES];
	struct buf file = {0};
	struct key_ring *ring = NULL;
	ring_name(name, id);
	amt_status st = read_file(s->io, s->folder, name, &file);
	if (amt_ok(st))
		st = stored_key_get(&ring, s->keys->rings, s->id, buf_span(&file));
	buf_free(&file);
	if (amt_ok(st) && memcmp(key_ring_id(ring), id, KEY_ID_BYTES) != 0)
		st = ERROR(AMT_INTEGRITY, "%s holds another key", name);
	if (amt_ok(st))
		st = make_room(s, key_ring_bytes(ring));
	if (amt_ok(st))
		st = mem_grow(&s->open, (s->open_count + 1) * sizeof(*s->open));
	if (!amt_ok(st)) {
		key_ring_free(ring);
		return st;
	}
	*index = s->open_count++;
	s->open[*index] = (struct open_ring){.ring = ring};
	s->open_bytes += key_ring_bytes(ring);
	return STATUS_OK;
}

void key_store_give(struct key_store *s, const struct key_ring *ring)
{
	pthread_mutex_lock(&s->mutex);
	for (size_t i = 0; i < s->open_count; i++)
		if (s->open[i].ring == ring && --s->open[i].users == 0) {
			const struct key_entry *e = key_trail_find(&s->trail, key_ring_id(ring));
			if (e != NULL && e->state == KEY_REVOKED)
				forget(s, i);
			break;
		}
	pthread_mutex_unlock(&s->mutex);
}

size_t key_store_open_bytes(struct key_store *s)
{
	pthread_mutex_lock(&s->mutex);
	size_t bytes = s->open_bytes;
	pthread_mutex_unlock(&s->mutex);
	return bytes;
}

/* ---- changes: what is done to a copy of the trail, under both locks, counts once the trail is
 * written. */

struct change {
	const uint8_t *id, *successor;
	const char *client, *note;
	const struct tfhe_params *params;
	uint64_t expires_us;
	enum key_state to;
	uint8_t *new_id;
};

static amt_status put_text(char out[KEY_TEXT_BYTES], const char *text, const char *what)
{
	size_t length = text != NULL ? strlen(text) : 0;
	ENSURE(length < KEY_TEXT_BYTES, AMT_INVALID_ARGUMENT, "%s has at most %d bytes", what,
		KEY_TEXT_BYTES - 1);
	memset(out, 0, KEY_TEXT_BYTES);
	memcpy(out, text != NULL ? text : "", length);
	return STATUS_OK;
}

static amt_status add(struct key_store *s, const struct change *c, const uint8_t *id,
	enum key_state to, const uint8_t *other)
{
	struct key_event e = {.time_us = s->now_us(), .to = (uint8_t)to};
	memcpy(e.key_id, id, KEY_ID_BYTES);
	if (other != NULL)
		memcpy(e.other, other, KEY_ID_BYTES);
	if (to == KEY_CREATED) {
		e.params = c->params->id;
		e.expires_us = c->expires_us;
		TRY(put_text(e.client, c->client, "a client's name"));
	}
	TRY(put_text(e.note, c->note, "a note"));
	return key_trail_add(&s->trail, &e);
}

static bool is_over(const struct key_store *s, const struct key_entry *e)
{
	return e->expires_us != 0 && e->expires_us <= s->now_us() && e->state != KEY_EXPIRED &&
	       e->state != KEY_REVOKED;
}

/* Keys whose time is over get their event. */
static amt_status expire(struct key_store *s)
{
	static const struct change by_time = {.note = "its time is over"};
	for (size_t i = 0; i < s->trail.entries; i++) {
		uint8_t id[KEY_ID_BYTES];
		memcpy(id, s->trail.entry[i].key_id, KEY_ID_BYTES);
		if (is_over(s, &s->trail.entry[i]))
			TRY(add(s, &by_time, id, KEY_EXPIRED, NULL));
	}
	return STATUS_OK;
}

/* The ring is on disk before the event that tells of it. */
static amt_status make_ring(struct key_store *s, const struct change *c)
{
	struct key_ring *ring;
	struct buf file = {0};
	char name[NAME_BYTES];
	TRY(key_ring_new(&ring, c->params));
	memcpy(c->new_id, key_ring_id(ring), KEY_ID_BYTES);
	ring_name(name, c->new_id);
	amt_status st = stored_key_put(&file, s->keys->rings, s->id, ring, s->now_us());
	if (amt_ok(st))
		st = write_file(s->io, s->folder, name, buf_span(&file));
	buf_free(&file);
	key_ring_free(ring);
	return st;
}

static amt_status apply(struct key_store *s, const struct change *c)
{
	TRY(expire(s));
	if (c->successor != NULL) {
		const struct key_entry *old = key_trail_find(&s->trail, c->id);
		const struct key_entry *next = key_trail_find(&s->trail, c->successor);
		ENSURE(old != NULL && next != NULL, AMT_NOT_FOUND, "the key store has no such key");
		ENSURE(strcmp(old->client, next->client) == 0, AMT_CONFLICT,
			"the successor is a key of %s, not of %s", next->client, old->client);
		TRY(add(s, c, c->id, KEY_ROTATED, c->successor));
		return add(s, c, c->successor, KEY_ACTIVE, c->id);
	}
	if (c->to == KEY_CREATED) {
		/* What add would refuse must not leave a key file behind. */
		char client[KEY_TEXT_BYTES];
		TRY(put_text(client, c->client, "a client's name"));
		ENSURE(client[0] != '\0', AMT_INVALID_ARGUMENT, "a key needs a client");
		TRY(make_ring(s, c));
		return add(s, c, c->new_id, KEY_CREATED, NULL);
	}
	if (c->to != KEY_NONE)
		return add(s, c, c->id, c->to, NULL);
	return STATUS_OK;
}

static amt_status write_trail(struct key_store *s)
{
	struct buf file = {0};
	amt_status st = key_trail_put(&s->trail, &file);
	if (amt_ok(st))
		st = write_file(s->io, s->folder, "trail", buf_span(&file));
	buf_free(&file);
	return st;
}

static amt_status change_locked(struct key_store *s, const struct change *c)
{
	TRY(reload(s));
	size_t before = s->trail.count;
	amt_status st = apply(s, c);
	if (amt_ok(st) && s->trail.count > before)
		st = write_trail(s);
	if (!amt_ok(st)) {
		/* Whether it was written is for the disk to say. */
		if (s->trail.count > before)
			s->trail.count = before;
		status_drop(reload(s));
		return st;
	}
	if (c->to == KEY_REVOKED)
		for (size_t i = 0; i < s->open_count; i++)
			if (s->open[i].users == 0 &&
				memcmp(key_ring_id(s->open[i].ring), c->id, KEY_ID_BYTES) == 0)
				forget(s, i--);
	return STATUS_OK;
}

static amt_status change(struct key_store *s, const struct change *c)
{
	struct io_file *held;
	pthread_mutex_lock(&s->mutex);
	amt_status st = lock(s->io, s->folder, &held);
	if (amt_ok(st)) {
		st = change_locked(s, c);
		io_close(held);
	}
	pthread_mutex_unlock(&s->mutex);
	return st;
}

amt_status key_store_new_key(struct key_store *s, const char *client,
	const struct tfhe_params *params, uint64_t expires_us, uint8_t id[KEY_ID_BYTES])
{
	struct change c = {.to = KEY_CREATED,
		.client = client,
		.params = params,
		.expires_us = expires_us,
		.new_id = id};
	return change(s, &c);
}

amt_status key_store_change(
	struct key_store *s, const uint8_t id[KEY_ID_BYTES], enum key_state to, const char *note)
{
	ENSURE(to == KEY_ACTIVE || to == KEY_REVOKED || to == KEY_EXPIRED, AMT_INVALID_ARGUMENT,
		"keys become %s by other ways", key_state_name(to));
	struct change c = {.id = id, .to = to, .note = note};
	return change(s, &c);
}

amt_status key_store_rotate(struct key_store *s, const uint8_t old[KEY_ID_BYTES],
	const uint8_t successor[KEY_ID_BYTES], const char *note)
{
	struct change c = {.id = old, .successor = successor, .to = KEY_ROTATED, .note = note};
	return change(s, &c);
}

/* ---- reading */

/* What is on disk; keys past their time are written down as such, unless somebody else is writing.
 */
static amt_status refresh(struct key_store *s)
{
	static const struct change nothing = {.to = KEY_NONE};
	TRY(reload(s));
	size_t i = 0;
	while (i < s->trail.entries && !is_over(s, &s->trail.entry[i]))
		i++;
	if (i == s->trail.entries)
		return STATUS_OK;
	struct io_file *held;
	amt_status st = lock(s->io, s->folder, &held);
	if (amt_status_code(st) == AMT_LOCKED) {
		amt_status_clear(&st);
		return st;
	}
	TRY(st);
	st = change_locked(s, &nothing);
	io_close(held);
	return st;
}

static amt_status take(struct key_store *s, const uint8_t id[KEY_ID_BYTES], enum key_use use,
	const struct key_ring **out)
{
	TRY(refresh(s));
	const struct key_entry *e = key_trail_find(&s->trail, id);
	ENSURE(e != NULL, AMT_NOT_FOUND, "the key store has no such key");
	static const char *const uses[] = {
		[KEY_PREPARE] = "prepares", [KEY_ENCRYPT] = "encrypts", [KEY_DECRYPT] = "decrypts"};
	enum key_state state = is_over(s, e) ? KEY_EXPIRED : e->state;
	ENSURE(key_state_allows(state, use), AMT_CONFLICT, "a key that is %s %s nothing",
		key_state_name(state), uses[use]);
	size_t index;
	TRY(open_ring(s, id, &index));
	s->open[index].users++;
	s->open[index].used = ++s->takings;
	*out = s->open[index].ring;
	return STATUS_OK;
}

amt_status key_store_take(struct key_store *s, const uint8_t id[KEY_ID_BYTES], enum key_use use,
	const struct key_ring **out)
{
	pthread_mutex_lock(&s->mutex);
	amt_status st = take(s, id, use, out);
	pthread_mutex_unlock(&s->mutex);
	return st;
}

amt_status key_store_entries(struct key_store *s, struct key_entry **out, size_t *count)
{
	pthread_mutex_lock(&s->mutex);
	amt_status st = refresh(s);
	if (amt_ok(st))
		st = mem_dup(out, s->trail.entry, s->trail.entries * sizeof(**out));
	*count = amt_ok(st) ? s->trail.entries : 0;
	pthread_mutex_unlock(&s->mutex);
	return st;
}

amt_status key_store_events(struct key_store *s, struct key_event **out, size_t *count)
{
	pthread_mutex_lock(&s->mutex);
	amt_status st = refresh(s);
	if (amt_ok(st))
		st = mem_dup(out, s->trail.event, s->trail.count * sizeof(**out));
	*count = amt_ok(st) ? s->trail.count : 0;
	pthread_mutex_unlock(&s->mutex);
	return st;
}

amt_status key_store_active(struct key_store *s, const char *client, uint8_t id[KEY_ID_BYTES])
{
	pthread_mutex_lock(&s->mutex);
	amt_status st = refresh(s);
	const struct key_entry *e = amt_ok(st) ? key_trail_active(&s->trail, client) : NULL;
	if (amt_ok(st) && e == NULL)
		st = ERROR(AMT_NOT_FOUND, "%s has no active key", client);
	else if (amt_ok(st))
		memcpy(id, e->key_id, KEY_ID_BYTES);
	pthread_mutex_unlock(&s->mutex);
	return st;
}

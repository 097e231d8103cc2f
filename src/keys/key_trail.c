#include "keys/key_trail.h"

#include "base/alloc.h"
#include "crypto/wire.h"

/* Content after the wire header:
 *	OFFSET SIZE
 *	0      8     number of events
 *	8      224 * n  events
 * An event:
 *	0      8     number, from 0
 *	8      8     time, us since 1970 UTC
 *	16     16    key id
 *	32     1     state before (0: none)
 *	33     1     state after
 *	34     2     parameter set
 *	36     4     0
 *	40     8     expiry, us since 1970 UTC; 0: never
 *	48     16    other key id, zero: none
 *	64     64    client, UTF-8, zeros behind, at least one
 *	128    64    note, alike
 *	192    32    MAC
 */
enum { AT_MAC = 192, HEAD_BYTES = 8 };
_Static_assert(AT_MAC + MAC_BYTES == KEY_EVENT_BYTES, "an event ends with its MAC");

/* legal[from] has bit `to`. */
#define TO(state) (1u << (state))
static const uint8_t legal[KEY_STATES] = {
	[KEY_NONE] = TO(KEY_CREATED),
	[KEY_CREATED] = TO(KEY_ACTIVE) | TO(KEY_REVOKED) | TO(KEY_EXPIRED),
	[KEY_ACTIVE] = TO(KEY_ROTATED) | TO(KEY_REVOKED) | TO(KEY_EXPIRED),
	[KEY_ROTATED] = TO(KEY_REVOKED) | TO(KEY_EXPIRED),
	[KEY_EXPIRED] = TO(KEY_REVOKED),
	[KEY_REVOKED] = 0,
};

const char *key_state_name(enum key_state state)
{
	static const char *const names[] = {
		"none", "created", "active", "rotated", "revoked", "expired"};
	return (unsigned)state < KEY_STATES ? names[state] : "unknown";
}

amt_status key_state_check(enum key_state from, enum key_state to)
{
	ENSURE((unsigned)from < KEY_STATES && (unsigned)to < KEY_STATES &&
			(legal[from] >> to & 1) != 0,
		AMT_CONFLICT, "a key that is %s cannot become %s", key_state_name(from),
		key_state_name(to));
	return STATUS_OK;
}

bool key_state_allows(enum key_state state, enum key_use use)
{
	static const uint8_t allowed[] = {[KEY_PREPARE] = TO(KEY_CREATED) | TO(KEY_ACTIVE),
		[KEY_ENCRYPT] = TO(KEY_ACTIVE),
		[KEY_DECRYPT] = TO(KEY_ACTIVE) | TO(KEY_ROTATED) | TO(KEY_EXPIRED)};
	return (allowed[use] >> state & 1) != 0;
}

void key_trail_free(struct key_trail *t)
{
	mem_free(t->event);
	mem_free(t->entry);
	t->event = NULL;
	t->entry = NULL;
	t->count = t->capacity = t->entries = t->entry_capacity = 0;
}

struct key_entry *key_trail_find(const struct key_trail *t, const uint8_t id[KEY_ID_BYTES])
{
	for (size_t i = 0; i < t->entries; i++)
		if (memcmp(t->entry[i].key_id, id, KEY_ID_BYTES) == 0)
			return &t->entry[i];
	return NULL;
}

struct key_entry *key_trail_active(const struct key_trail *t, const char *client)
{
	for (size_t i = 0; i < t->entries; i++)
		if (t->entry[i].state == KEY_ACTIVE && strcmp(t->entry[i].client, client) == 0)
			return &t->entry[i];
	return NULL;
}

bool key_trail_contains(const struct key_trail *t, const uint8_t mac[MAC_BYTES])
{
	for (size_t i = 0; i < t->count; i++)
		if (memcmp(t->event[i].mac, mac, MAC_BYTES) == 0)
			return true;
	return false;
}

/* ---- bytes */

static void encode(uint8_t out[KEY_EVENT_BYTES], const struct key_event *e)
{
	memset(out, 0, KEY_EVENT_BYTES);
	store_u64(out, e->number);
	store_u64(out + 8, e->time_us);
	memcpy(out + 16, e->key_id, KEY_ID_BYTES);
	out[32] = e->from;
	out[33] = e->to;
	store_u16(out + 34, e->params);
	store_u64(out + 40, e->expires_us);
	memcpy(out + 48, e->other, KEY_ID_BYTES);
	memcpy(out + 64, e->client, KEY_TEXT_BYTES);
	memcpy(out + 128, e->note, KEY_TEXT_BYTES);
	memcpy(out + AT_MAC, e->mac, MAC_BYTES);
}

static void decode(struct key_event *e, const uint8_t in[KEY_EVENT_BYTES])
{
	*e = (struct key_event){.number = load_u64(in),
		.time_us = load_u64(in + 8),
		.from = in[32],
		.to = in[33],
		.params = load_u16(in + 34),
		.expires_us = load_u64(in + 40)};
	memcpy(e->key_id, in + 16, KEY_ID_BYTES);
	memcpy(e->other, in + 48, KEY_ID_BYTES);
	memcpy(e->client, in + 64, KEY_TEXT_BYTES);
	memcpy(e->note, in + 128, KEY_TEXT_BYTES);
	memcpy(e->mac, in + AT_MAC, MAC_BYTES);
}

/* Printable, ends, and nothing is hidden behind its end. */
static bool is_text(const char text[KEY_TEXT_BYTES], bool may_be_empty)
{
	size_t length = 0;
	while (length < KEY_TEXT_BYTES && text[length] != '\0') {
		uint8_t c = (uint8_t)text[length++];
		if (c < ' ' || c == 127)
			return false;
	}
	for (size_t i = length; i < KEY_TEXT_BYTES; i++)
		if (text[i] != '\0')
			return false;
	return length < KEY_TEXT_BYTES && (length > 0 || may_be_empty);
}

/* MAC of the event before, or the store's id: the data that a MAC covers before its own event. */
static struct span link_before(const struct key_trail *t)
{
	return t->count > 0 ? span_of(t->event[t->count - 1].mac, MAC_BYTES)
			    : span_of(t->store_id, KEY_ID_BYTES);
}

/* ---- events */

static amt_status check_event(const struct key_trail *t, const struct key_event *e)
{
	const struct key_entry *entry = key_trail_find(t, e->key_id);
	ENSURE((entry != NULL) == (e->to != KEY_CREATED),
		entry != NULL ? AMT_ALREADY_EXISTS : AMT_NOT_FOUND, "the key store has %s key",
		entry != NULL ? "that" : "no such");
	ENSURE(is_text(e->client, false) && is_text(e->note, true), AMT_INVALID_ARGUMENT,
		"names of clients and notes are 1 to %d printable bytes", KEY_TEXT_BYTES - 1);
	TRY(key_state_check(entry != NULL ? entry->state : KEY_NONE, (enum key_state)e->to));
	if (e->to == KEY_ACTIVE)
		ENSURE(key_trail_active(t, e->client) == NULL, AMT_CONFLICT,
			"%s has an active key already: rotate it", e->client);
	return STATUS_OK;
}

static amt_status take_event(struct key_trail *t, const struct key_event *e)
{
	ENSURE(t->count < KEY_EVENTS_MAX, AMT_LIMIT, "a key store holds %d events", KEY_EVENTS_MAX);
	if (t->count == t->capacity) {
		size_t capacity = t->capacity * 2 + 8;
		TRY(mem_grow(&t->event, capacity * sizeof(*t->event)));
		t->capacity = capacity;
	}
	struct key_entry *entry = key_trail_find(t, e->key_id);
	if (entry == NULL) {
		if (t->entries == t->entry_capacity) {
			size_t capacity = t->entry_capacity * 2 + 8;
			TRY(mem_grow(&t->entry, capacity * sizeof(*t->entry)));
			t->entry_capacity = capacity;
		}
		entry = &t->entry[t->entries++];
		*entry = (struct key_entry){
			.params = e->params, .created_us = e->time_us, .expires_us = e->expires_us};
		memcpy(entry->key_id, e->key_id, KEY_ID_BYTES);
		memcpy(entry->client, e->client, KEY_TEXT_BYTES);
	}
	entry->state = (enum key_state)e->to;
	entry->changed_us = e->time_us;
	static const uint8_t none[KEY_ID_BYTES];
	if (memcmp(e->other, none, KEY_ID_BYTES) != 0)
		memcpy(entry->other, e->other, KEY_ID_BYTES);
	t->event[t->count++] = *e;
	return STATUS_OK;
}

amt_status key_trail_add(struct key_trail *t, const struct key_event *event)
{
	struct key_event e = *event;
	const struct key_entry *entry = key_trail_find(t, e.key_id);
	e.number = t->count;
	if (t->count > 0 && e.time_us < t->event[t->count - 1].time_us)
		e.time_us = t->event[t->count - 1].time_us;
	e.from = KEY_NONE;
	if (entry != NULL && e.to != KEY_CREATED) {
		e.from = (uint8_t)entry->state;
		e.params = entry->params;
		e.expires_us = entry->expires_us;
		memcpy(e.client, entry->client, KEY_TEXT_BYTES);
	}
	TRY(check_event(t, &e));
	uint8_t bytes[KEY_EVENT_BYTES];
	encode(bytes, &e);
	TRY(mac_compute(t->mac_key, link_before(t), span_of(bytes, AT_MAC), e.mac));
	return take_event(t, &e);
}

amt_status key_trail_put(const struct key_trail *t, struct buf *out)
{
	struct wire_header header = {.type = WIRE_KEY_TRAIL,
		.created_us = t->count > 0 ? t->event[t->count - 1].time_us : 0};
	memcpy(header.key_id, t->store_id, KEY_ID_BYTES);
	struct buf content = {0};
	amt_status s = buf_put_u64(&content, t->count);
	for (size_t i = 0; i < t->count && amt_ok(s); i++) {
		uint8_t bytes[KEY_EVENT_BYTES];
		encode(bytes, &t->event[i]);
		s = buf_put(&content, bytes, sizeof(bytes));
	}
	if (amt_ok(s))
		s = wire_put(out, &header, buf_span(&content));
	buf_free(&content);
	return s;
}

static amt_status get_event(struct key_trail *t, const uint8_t bytes[KEY_EVENT_BYTES])
{
	struct key_event e;
	decode(&e, bytes);
	if (t->mac_key != NULL)
		TRY(mac_check(t->mac_key, link_before(t), span_of(bytes, AT_MAC), e.mac));
	const struct key_entry *entry = key_trail_find(t, e.key_id);
	ENSURE(load_u32(bytes + 36) == 0 && e.number == t->count &&
			(t->count == 0 || e.time_us >= t->event[t->count - 1].time_us) &&
			e.from == (entry != NULL ? (uint8_t)entry->state : KEY_NONE) &&
			(entry == NULL ||
				(e.params == entry->params && e.expires_us == entry->expires_us &&
					memcmp(e.client, entry->client, KEY_TEXT_BYTES) == 0)),
		AMT_INTEGRITY, "it does not follow from those before");
	amt_status s = check_event(t, &e);
	if (!amt_ok(s)) {
		amt_status_clear(&s);
		FAIL(AMT_INTEGRITY, "it is not a legal change");
	}
	return take_event(t, &e);
}

amt_status key_trail_get(struct key_trail *t, struct span file)
{
	struct wire_header header;
	struct span content, bytes;
	uint64_t count;
	TRY(wire_get(file, WIRE_KEY_TRAIL, &header, &content));
	TRY(wire_expect(&header, t->store_id, 0));
	struct reader in = reader_of(content, "audit trail");
	TRY(read_u64(&in, &count));
	ENSURE(count <= KEY_EVENTS_MAX && reader_left(&in) == count * KEY_EVENT_BYTES,
		AMT_CORRUPTION, "an audit trail of %llu events in %zu bytes",
		(unsigned long long)count, reader_left(&in));
	for (uint64_t i = 0; i < count; i++) {
		TRY(read_bytes(&in, KEY_EVENT_BYTES, &bytes));
		amt_status s = get_event(t, bytes.data);
		if (!amt_ok(s)) {
			key_trail_free(t);
			return WRAP(s, "the audit trail was tampered with: event %llu",
				(unsigned long long)i);
		}
	}
	return STATUS_OK;
}

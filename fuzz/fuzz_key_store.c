/* Audit trails and stored keys come from disks and copies. The first byte chooses: a trail as a file,
 * events under a right header whose chain is not checked, a stored key, or the sealed text of one. */
#include "crypto/wire.h"
#include "keys/key_store_inside.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t zero_key[AEAD_KEY_BYTES];

/* What was accepted is written as the same bytes and can go on. */
static void use_trail(struct key_trail *t, struct span content)
{
	struct buf out = {0};
	struct wire_header header;
	struct span again;
	if (!amt_ok(key_trail_put(t, &out)) ||
		!amt_ok(wire_get(buf_span(&out), WIRE_KEY_TRAIL, &header, &again)) ||
		!span_equal(again, content))
		__builtin_trap();
	buf_free(&out);
	t->mac_key = zero_key;
	struct key_event e = {.to = KEY_REVOKED};
	if (t->entries > 0)
		memcpy(e.key_id, t->entry[0].key_id, KEY_ID_BYTES);
	amt_status s = key_trail_add(t, &e);
	amt_status_clear(&s);
}

static void try_trail(struct span file)
{
	struct key_trail t = {0};
	struct wire_header header;
	struct span content;
	amt_status s = key_trail_get(&t, file);
	if (amt_ok(s) && amt_ok(wire_get(file, WIRE_KEY_TRAIL, &header, &content)))
		use_trail(&t, content);
	amt_status_clear(&s);
	key_trail_free(&t);
}

static void try_key(struct span file)
{
	static const uint8_t store[KEY_ID_BYTES];
	struct key_ring *ring;
	amt_status s = stored_key_get(&ring, zero_key, store, file);
	if (amt_ok(s))
		key_ring_free(ring);
	amt_status_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct span rest = span_of(data + 1, size - 1);
	bool trail = (data[0] & 1) == 0;
	struct buf file = {0};
	if (data[0] & 2) {
		struct wire_header header = {
			.type = trail ? WIRE_KEY_TRAIL : WIRE_STORED_KEY, .params = trail ? 0 : 2};
		if (!amt_ok(wire_put(&file, &header, rest)))
			__builtin_trap();
		rest = buf_span(&file);
	}
	if (trail)
		try_trail(rest);
	else
		try_key(rest);
	buf_free(&file);
	return 0;
}

#include "keys/key_ring.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"

enum { SECTION_HEADER_BYTES = 8 };

struct key_ring {
	struct tfhe_secret *tfhe;
	uint8_t *master; /* AEAD_KEY_BYTES, secret memory */
};

static amt_status ring_alloc(struct key_ring **out)
{
	struct key_ring *ring;
	TRY(mem_zalloc(&ring, sizeof(*ring)));
	amt_status st = secret_alloc(&ring->master, AEAD_KEY_BYTES);
	if (!amt_ok(st)) {
		key_ring_free(ring);
		return st;
	}
	*out = ring;
	return STATUS_OK;
}

amt_status key_ring_new(struct key_ring **out, const struct tfhe_params *params)
{
	struct key_ring *ring;
	TRY(ring_alloc(&ring));
	amt_status st = random_bytes(ring->master, AEAD_KEY_BYTES);
	if (amt_ok(st))
		st = tfhe_secret_new(&ring->tfhe, params);
	if (!amt_ok(st)) {
		key_ring_free(ring);
		return st;
	}
	*out = ring;
	return STATUS_OK;
}

void key_ring_free(struct key_ring *ring)
{
	if (ring == NULL)
		return;
	tfhe_secret_free(ring->tfhe);
	secret_free(ring->master);
	mem_free(ring);
}

const struct tfhe_secret *key_ring_tfhe(const struct key_ring *ring)
{
	return ring->tfhe;
}

const uint8_t *key_ring_id(const struct key_ring *ring)
{
	return tfhe_secret_key_id(ring->tfhe);
}

size_t key_ring_bytes(const struct key_ring *ring)
{
	const struct tfhe_params *p = tfhe_secret_params(ring->tfhe);
	size_t big = tfhe_big_dimension(p);
	return AEAD_KEY_BYTES + (p->n + big) * sizeof(uint32_t) + big * sizeof(double);
}

amt_status key_ring_subkey(const struct key_ring *ring, enum subkey_purpose purpose,
	struct span table, struct span column, uint8_t out[AEAD_KEY_BYTES])
{
	return subkey_derive(ring->master, purpose, table, column, out);
}

static uint8_t *put_section(uint8_t *at, enum key_section tag, size_t size)
{
	store_u32(at, tag);
	store_u32(at + 4, (uint32_t)size);
	return at + SECTION_HEADER_BYTES;
}

amt_status key_ring_pack(const struct key_ring *ring, uint8_t **out, size_t *size)
{
	size_t tfhe_bytes = tfhe_secret_bytes(tfhe_secret_params(ring->tfhe));
	size_t total = 2 * SECTION_HEADER_BYTES + AEAD_KEY_BYTES + tfhe_bytes;
	uint8_t *sections;
	TRY(secret_alloc(&sections, total));
	uint8_t *at = put_section(sections, KEY_SECTION_MASTER, AEAD_KEY_BYTES);
	memcpy(at, ring->master, AEAD_KEY_BYTES);
	at = put_section(at + AEAD_KEY_BYTES, KEY_SECTION_TFHE, tfhe_bytes);
	amt_status st = tfhe_secret_export(ring->tfhe, at, tfhe_bytes);
	if (!amt_ok(st)) {
		secret_free(sections);
		return st;
	}
	*out = sections;
	*size = total;
	return STATUS_OK;
}

static amt_status get_section(struct reader *r, uint32_t *tag, struct span *body)
{
	TRY(read_u32(r, tag));
	return read_span(r, SIZE_MAX, body);
}

/* Fills an empty ring. */
static amt_status unpack(struct key_ring *ring, struct span sections)
{
	struct reader r = reader_of(sections, "key ring");
	bool master = false;
	while (reader_left(&r) > 0) {
		uint32_t tag;
		struct span body;
		TRY(get_section(&r, &tag, &body));
		if (tag == KEY_SECTION_MASTER) {
			ENSURE(!master && body.size == AEAD_KEY_BYTES, AMT_CORRUPTION,
				"the master key of a key ring is double or of %zu bytes",
				body.size);
			memcpy(ring->master, body.data, AEAD_KEY_BYTES);
			master = true;
		} else if (tag == KEY_SECTION_TFHE) {
			ENSURE(ring->tfhe == NULL, AMT_CORRUPTION,
				"a key ring holds two TFHE secrets");
			TRY(tfhe_secret_import(&ring->tfhe, body));
		}
	}
	ENSURE(master && ring->tfhe != NULL, AMT_CORRUPTION, "a key ring lacks its %s",
		master ? "TFHE secret" : "master key");
	return STATUS_OK;
}

amt_status key_ring_unpack(struct key_ring **out, struct span sections)
{
	struct key_ring *ring;
	TRY(ring_alloc(&ring));
	amt_status st = unpack(ring, sections);
	if (!amt_ok(st)) {
		key_ring_free(ring);
		return st;
	}
	*out = ring;
	return STATUS_OK;
}

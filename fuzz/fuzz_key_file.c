/* Key files come from disks and mails: parsing, the costly part where a file asks for little, and
 * the sections as if they had been authentic. */
#include "crypto/secret.h"
#include "keys/key_file_inside.h"
#include "crypto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_sections(struct span sections)
{
	struct key_ring *ring;
	amt_status st = key_ring_unpack(&ring, sections);
	if (!amt_ok(st)) {
		amt_status_clear(&st);
		return;
	}
	/* What was accepted can be used. */
	uint8_t *packed;
	size_t size;
	if (!amt_ok(key_ring_pack(ring, &packed, &size)))
		__builtin_trap();
	secret_free(packed);
	key_ring_free(ring);
}

static void try_file(struct span file)
{
	struct key_file_info info;
	struct span content;
	struct key_ring *ring;
	amt_status st = key_file_parse(file, &info, &content);
	if (amt_ok(st) && info.kdf_passes == 1 && info.kdf_memory_bytes <= 16384) {
		st = key_file_decode(&ring, file, span_str("p"));
		if (amt_ok(st))
			key_ring_free(ring);
	}
	amt_status_clear(&st);
}

/* The first byte chooses: a whole file, content to which a right header is put, or sections. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct span rest = span_of(data + 1, size - 1);
	if (data[0] % 3 == 0) {
		try_file(rest);
	} else if (data[0] % 3 == 1) {
		struct wire_header header = {.type = WIRE_KEY_FILE, .params = 2};
		struct buf file = {0};
		amt_status st = wire_put(&file, &header, rest);
		if (amt_ok(st))
			try_file(buf_span(&file));
		amt_status_clear(&st);
		buf_free(&file);
	} else {
		try_sections(rest);
	}
	return 0;
}

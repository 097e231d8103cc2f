/* The header of every serialised thing of amaters (docs/formats.md). 64 bytes, then `length` bytes
 * of content:
 *
 *	OFFSET SIZE
 *	0      8    magic "AMATERS\0"
 *	8      2    format version (1)
 *	10     2    type (enum wire_type)
 *	12     2    parameter set id (0: none)
 *	14     2    flags, 0
 *	16     16   key id (zero: none)
 *	32     8    length of the content in bytes
 *	40     8    XXH3-64 of the content
 *	48     8    creation time, us since 1970 UTC
 *	56     8    XXH3-64 of bytes 0-55
 *
 * Checksums find damage, not malice: secrets and payloads are under AEAD besides.
 */
#ifndef CRYPTO_WIRE_H
#define CRYPTO_WIRE_H

#include "base/bytes.h"

enum { WIRE_HEADER_BYTES = 64, WIRE_VERSION = 1 };

enum wire_type {
	WIRE_KEY_FILE = 1,	 /* owner's wrapped key ring */
	WIRE_EVALUATION_KEY = 2, /* seed-compressed TFHE evaluation key */
	WIRE_SEEDED_GLWE = 3,	 /* packed column page as the owner made it */
	WIRE_GLWE = 4,		 /* packed column page as a host computed it, or an answer */
	WIRE_LWE_LIST = 5,	 /* encrypted integers, unpacked */
	WIRE_PAYLOAD = 6,	 /* AEAD row */
	WIRE_OWNER_STATE = 7,	 /* AEAD record */
	WIRE_SCHEMA = 8,
	WIRE_QUERY = 9,
	WIRE_ANSWER = 10,
	WIRE_PLAIN = 11,	   /* page of a plain column */
	WIRE_BGV_KEYS = 12,	   /* seed-compressed switching keys of a BGV ring (bgv/bgv.h) */
	WIRE_KEY_TRAIL = 13,	   /* what happened to the keys of a key store */
	WIRE_STORED_KEY = 14,	   /* a key ring as a key store keeps it */
	WIRE_EXPANDED_KEY = 15,	   /* an evaluation key in the layout of one machine */
	WIRE_PUBLIC_KEY = 16,	   /* what others encrypt with */
	WIRE_COMPACT_LIST = 17,	   /* integers encrypted with a public key */
	WIRE_ROTATION_KEY = 18,	   /* from an old key to a new one */
	WIRE_COMPRESSED_LIST = 19, /* integers, packed and rounded */
	WIRE_SCAN_QUESTION = 20,   /* engine/scan_question.h */
	WIRE_SCAN_ANSWER = 21
};

struct wire_header {
	uint16_t type;
	uint16_t params; /* of tfhe/params.h or bgv/bgv.h: ids are disjoint */
	uint8_t key_id[16];
	uint64_t created_us;
};

/* The header alone, for content that lies ready elsewhere. */
void wire_head(
	uint8_t out[WIRE_HEADER_BYTES], const struct wire_header *header, struct span content);
/* Appends header and content. */
amt_status wire_put(struct buf *out, const struct wire_header *header, struct span content);
/* Checks magic, version, lengths and both checksums, that the type is `type`, and points content
 * into `in`. Errors name what is wrong: AMT_TRUNCATED, AMT_CORRUPTION, AMT_UNKNOWN_VERSION,
 * AMT_TYPE_MISMATCH. */
amt_status wire_get(
	struct span in, uint16_t type, struct wire_header *header, struct span *content);
/* The type that a header of WIRE_HEADER_BYTES names, unchecked: to choose a reader by. */
static inline uint16_t wire_type_of(const void *header)
{
	return load_u16((const uint8_t *)header + 10);
}
/* AMT_WRONG_KEY / AMT_FOREIGN_PARAMETERS unless the header names this key id (NULL: any) and set
 * (0: any). */
amt_status wire_expect(const struct wire_header *header, const uint8_t key_id[16], uint16_t params);

#endif

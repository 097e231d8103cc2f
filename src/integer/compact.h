/* Integers encrypted with a public key, on their way to a host. Content of WIRE_COMPACT_LIST:
 *
 *	OFFSET SIZE
 *	0      1    type (enum int_type)
 *	1      1    blocks of a value, as the type has
 *	2      2    0
 *	4      4    N
 *	8      8    rows, at least 1
 *	16     -    ciphertexts (tfhe/compact.h) of N blocks each, the last one of what is left: kN mask
 *		    words and a body word for each block, 16 bits each; block b of row r is number
 *		    r * blocks + b
 */
#ifndef INTEGER_COMPACT_H
#define INTEGER_COMPACT_H

#include "integer/integer.h"
#include "tfhe/compact.h"

enum { COMPACT_HEAD_BYTES = 16 };

/* Appended to out (owner archive, secret_compact.c). values[r] holds row r's bits. */
amt_status int_compact_encrypt(const struct tfhe_public_key *key, struct buf *out,
	enum int_type type, const uint64_t *values, size_t rows);

/* What a list says of itself; its size is right. */
struct compact_list {
	enum int_type type;
	unsigned blocks;
	size_t rows;
	const uint8_t *ciphertexts;
};
amt_status int_compact_get(
	struct compact_list *out, struct span content, const struct tfhe_params *params);

/* The list as a column that can be relied on, whatever the writer did: a bootstrap of every block
 * leaves a digit in [0, 3] (bool: [0, 1]) with the noise of a bootstrap, for each phase there is.
 * Errors as int_compact_get: AMT_TRUNCATED, AMT_CORRUPTION, AMT_FOREIGN_PARAMETERS. */
amt_status int_ingest(struct int_context *c, struct int_column *out, struct span content);

#endif

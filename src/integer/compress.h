/* Columns in few bytes: blocks packed N to a ciphertext and rounded (tfhe/compress.h), for answers and
 * for keeping. Content of WIRE_COMPRESSED_LIST:
 *
 *	OFFSET SIZE
 *	0      1    type (enum int_type)
 *	1      1    blocks of a value, 1 to 32
 *	2      1    bits of a word, 12 to 24
 *	3      1    0
 *	4      4    N
 *	8      8    rows, at least 1
 *	16     -    ciphertexts of N blocks each, the last one of what is left: kN mask words and a body
 *		    word for each block, as bits; block b of row r is number r * blocks + b
 */
#ifndef INTEGER_COMPRESS_H
#define INTEGER_COMPRESS_H

#include "integer/integer.h"
#include "tfhe/rotation.h"

/* Appends to out. Blocks with more noise than a bootstrap's are bootstrapped first (of a copy), so
 * that what is read again is within the set's noise limit. AMT_UNSUPPORTED for digits beyond [0, 3]. */
amt_status int_compress(struct int_context *c, struct buf *out, const struct int_column *column);
/* Both roles. AMT_TRUNCATED, AMT_CORRUPTION, AMT_FOREIGN_PARAMETERS. */
amt_status int_decompress(
	struct int_column *out, struct span content, const struct tfhe_params *params);

/* A column of the old key as one of the new, by the context of a rotating evaluator
 * (tfhe/rotation.h): every block is bootstrapped and comes out as a digit in [0, 3] (bool: [0, 1]) with
 * the noise of a bootstrap. AMT_UNSUPPORTED for digits below 0. */
amt_status int_rotate(
	struct int_context *c, struct int_column *out, const struct int_column *column);

#endif

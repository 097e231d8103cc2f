/* From an old key to a new one without decrypting: a key-switch key from the old GLWE key to the new
 * small key. In front of a bootstrap under the new key it takes the place of the new key's own, so that
 * a ciphertext of the old key comes out as one of the new key with the noise of a bootstrap.
 *
 * Security: the old key is encrypted under the new one, not the reverse. Who learns the old key
 * learns nothing of the new one; who learns the new key learns the old one.
 *
 * Content of WIRE_ROTATION_KEY (key id: the new one), exact:
 *	OFFSET SIZE
 *	0      16   key id of the old key
 *	16     16   seed
 *	32     4 * kN * ks_levels   bodies: row (coefficient j, level) encrypts S_j 2^32 / B^(level + 1),
 *		    S the old key, under the new small key; its mask is stream row, n words of 32 bits
 */
#ifndef TFHE_ROTATION_H
#define TFHE_ROTATION_H

#include "tfhe/evaluate.h"

enum { ROTATION_HEAD_BYTES = 16 + (int)sizeof(struct seed) };

static inline size_t tfhe_rotation_key_bytes(const struct tfhe_params *p)
{
	return ROTATION_HEAD_BYTES +
	       (size_t)tfhe_big_dimension(p) * p->ks_levels * sizeof(uint32_t);
}

/* An evaluator whose inputs are under the old key and whose outputs are under the new one, that of
 * `to`, which it borrows. Only for bootstraps: packing is of the new key. old_key_id is filled in.
 * Errors: AMT_TRUNCATED, AMT_CORRUPTION, AMT_UNKNOWN_VERSION, AMT_FOREIGN_PARAMETERS, AMT_WRONG_KEY
 * (not to the key of `to`). */
amt_status tfhe_evaluator_rotate(struct tfhe_evaluator **out, const struct tfhe_evaluator *to,
	struct span key, uint8_t old_key_id[16]);

#endif

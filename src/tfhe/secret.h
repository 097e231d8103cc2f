/* The owner's side of TFHE: secret keys, encryption, decryption, making evaluation keys. Only files
 * named secret_*.c implement it, and only the owner's library contains them.
 */
#ifndef TFHE_SECRET_H
#define TFHE_SECRET_H

#include "base/bytes.h"
#include "os/pool.h"
#include "crypto/seed.h"
#include "tfhe/compact.h"
#include "tfhe/evaluate.h"
#include "tfhe/params.h"

/* Small LWE key (n bits) and GLWE key (kN bits) in secret memory, and the key id of protocol.md
 * (128 random bits). */
struct tfhe_secret;

amt_status tfhe_secret_new(struct tfhe_secret **out, const struct tfhe_params *params);
void tfhe_secret_free(struct tfhe_secret *s);
const struct tfhe_params *tfhe_secret_params(const struct tfhe_secret *s);
const uint8_t *tfhe_secret_key_id(const struct tfhe_secret *s); /* 16 bytes */

/* Raw form for the key file (which encrypts it): parameter id, key id, bits packed. out must be
 * secret memory. */
size_t tfhe_secret_bytes(const struct tfhe_params *params);
amt_status tfhe_secret_export(const struct tfhe_secret *s, uint8_t *out, size_t size);
amt_status tfhe_secret_import(struct tfhe_secret **out, struct span raw);

/* A serialised, seed-compressed evaluation key (crypto/wire.h), appended to out: bootstrap key,
 * key-switch key, automorphism keys. */
amt_status tfhe_evaluation_key_generate(const struct tfhe_secret *s, struct pool *pool,
	tfhe_progress progress, void *context, struct buf *out);

/* One big LWE of torus value `body` (message << tfhe_delta_log2), fresh mask and noise, not
 * compressed. */
amt_status tfhe_encrypt_lwe(const struct tfhe_secret *s, uint32_t *out, uint32_t value);

/* A seeded GLWE of `count` <= N torus values: a fresh seed, and `count` bodies rounded to their top
 * 16 bits (uniform rounding error, variance 2^-35.6). Bodies beyond count are not stored. */
amt_status tfhe_encrypt_seeded(const struct tfhe_secret *s, struct seed *seed, uint16_t *bodies,
	const uint32_t *values, size_t count);

/* A rotation key (WIRE_ROTATION_KEY, tfhe/rotation.h), appended to out: what is under `from` becomes
 * what is under `to`. AMT_FOREIGN_PARAMETERS if the sets differ. */
amt_status tfhe_rotation_key_generate(
	const struct tfhe_secret *from, const struct tfhe_secret *to, struct buf *out);

/* A public key (WIRE_PUBLIC_KEY), appended to out. */
amt_status tfhe_public_key_generate(const struct tfhe_secret *s, struct buf *out);
/* count <= N torus values under a public key, tfhe_compact_words words: needs no secret of the owner,
 * and the secrets that are made for it are gone when it returns. */
amt_status tfhe_encrypt_compact(
	const struct tfhe_public_key *key, uint16_t *out, const uint32_t *values, size_t count);

/* Torus phase b - <a, s> of a big LWE, and of all N coefficients of a GLWE. */
amt_status tfhe_phase_lwe(const struct tfhe_secret *s, uint32_t *phase, const uint32_t *lwe);
amt_status tfhe_phase_glwe(const struct tfhe_secret *s, uint32_t *phases, const uint32_t *glwe);
/* Small LWE (n + 1 words, after the key switch): tests and noise measurements. */
amt_status tfhe_phase_small(const struct tfhe_secret *s, uint32_t *phase, const uint32_t *lwe);

/* Nearest message of a phase: [0, 32) read as m modulo 32 (16 and above are negatives). Constant
 * time. */
static inline unsigned tfhe_decode(const struct tfhe_params *p, uint32_t phase)
{
	unsigned shift = tfhe_delta_log2(p);
	return (phase + (1u << (shift - 1))) >> shift;
}

#endif

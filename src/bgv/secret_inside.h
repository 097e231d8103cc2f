/* Inside of the secret key: for the files secret_*.c of this folder and their tests. */
#ifndef BGV_SECRET_INSIDE_H
#define BGV_SECRET_INSIDE_H

#include "bgv/inside.h"
#include "bgv/secret.h"

struct bgv_secret {
	const struct bgv_ring *ring;
	int8_t *coefficients; /* N of -1, 0, 1; secret memory */
	/* Values modulo q_0 ..., then modulo p: too long to lock, kept out of core dumps. */
	uint64_t *values;
	size_t values_bytes;
};

/* Values of s modulo a limb (BGV_SPECIAL_LIMB: p). */
static inline const uint64_t *bgv_secret_values(const struct bgv_secret *s, unsigned limb)
{
	unsigned at = limb == BGV_SPECIAL_LIMB ? s->ring->params->limbs : limb;
	return s->values + at * s->ring->n;
}

/* Work space of one encryption at a time, wiped when closed. */
struct bgv_encryption {
	const struct bgv_secret *secret;
	int64_t *w;	/* N: m + t e */
	uint64_t *x;	/* N */
	uint64_t *mask; /* N */
};
amt_status bgv_encryption_open(struct bgv_encryption *e, const struct bgv_secret *secret);
void bgv_encryption_close(struct bgv_encryption *e);
/* w = t e, of a fresh e; plus the plaintext, centred, unless it is NULL. */
amt_status bgv_encryption_noise(struct bgv_encryption *e, const uint64_t *coefficients);
/* out = c0 modulo a limb of the ciphertext of w under a seed. */
amt_status bgv_encryption_limb(
	const struct bgv_encryption *e, struct seed_expander *seed, unsigned limb, uint64_t *out);

/* bgv_decrypt that also gives the N |m + t e| (NULL: not), for measurements. */
amt_status bgv_decrypt_measured(const struct bgv_secret *secret, const struct bgv_ct *ct,
	uint64_t *coefficients, double *noise_log2, double *magnitudes);

#endif

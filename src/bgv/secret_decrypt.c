/* Decryption: w = c0 + c1 s + c2 s^2, centred, modulo t.
 *
 * Over several limbs w is put together in mixed radix (Garner 1959), w = v_0 + v_1 q_0 + v_2 q_0 q_1
 * + ...; since every q_i is 1 modulo t, w is the sum of the v_i there, less 1 if w is above Q / 2,
 * whose digits are (q_i - 1) / 2. No branch, index or division depends on w. */
#include "bgv/secret_inside.h"

#include "base/alloc.h"
#include "crypto/secret.h"

struct decryption {
	const struct bgv_ring *ring;
	unsigned limbs;
	/* q_i^-1 modulo q_j, and that times 2^64 / q_j, rounded down. */
	uint64_t inverse[BGV_MAX_LIMBS][BGV_MAX_LIMBS], quotient[BGV_MAX_LIMBS][BGV_MAX_LIMBS];
	double product[BGV_MAX_LIMBS]; /* q_0 ... q_{i-1} */
};

static uint64_t high(uint64_t a, uint64_t b)
{
	return (uint64_t)((unsigned __int128)a * b >> 64);
}
/* x in [0, 2q) to [0, q). */
static uint64_t once(uint64_t x, uint64_t q)
{
	uint64_t less = x - q;
	return less + (q & -(less >> 63));
}

static uint64_t mod_t(uint64_t x)
{
	return once(x - high(x, UINT64_MAX / BGV_T) * BGV_T, BGV_T);
}

/* log2 of x >= 1 to one hundredth: libm's has branches and tables. */
static double rough_log2(double x)
{
	uint64_t bits, mantissa;
	memcpy(&bits, &x, sizeof(bits));
	mantissa = (bits & 0xfffffffffffff) | 0x3ff0000000000000;
	double fraction;
	memcpy(&fraction, &mantissa, sizeof(fraction));
	fraction -= 1;
	return (double)((int64_t)(bits >> 52) - 1023) + fraction +
	       0.344 * fraction * (1 - fraction);
}

static void prepare(struct decryption *d)
{
	const uint64_t *q = d->ring->params->q;
	double product = 1;
	for (unsigned j = 0; j < d->limbs; j++) {
		d->product[j] = product;
		product *= (double)q[j];
		for (unsigned i = 0; i < j; i++) {
			uint64_t inverse = d->ring->constants->drop_inverse[i][j];
			d->inverse[i][j] = inverse;
			d->quotient[i][j] = (uint64_t)(((unsigned __int128)inverse << 64) / q[j]);
		}
	}
}

/* Coefficient of w from its residues x[i * N]: w modulo t, |w| as an approximation. */
static uint64_t compose(const struct decryption *d, const uint64_t *x, double *magnitude)
{
	const uint64_t *q = d->ring->params->q;
	uint64_t v[BGV_MAX_LIMBS], above = 0, sum = 0;
	for (unsigned j = 0; j < d->limbs; j++) {
		uint64_t r = x[j * d->ring->n];
		for (unsigned i = 0; i < j; i++) {
			/* Positive, and below 2^51: q_i < 2^40 < 2^10 q_j. */
			uint64_t difference = r + (q[j] << 10) - v[i];
			r = once(difference * d->inverse[i][j] -
					 high(difference, d->quotient[i][j]) * q[j],
				q[j]);
		}
		uint64_t half = (q[j] - 1) / 2, equal = v[j] = r;
		equal = ((equal ^ half) - 1) >> 63;
		above = (half - r) >> 63 | (equal & above);
		sum += r;
	}
	*magnitude = 0;
	for (unsigned j = 0; j < d->limbs; j++) {
		uint64_t digit = (v[j] & (above - 1)) | ((q[j] - 1 - v[j]) & -above);
		*magnitude += (double)(int64_t)digit * d->product[j];
	}
	secret_wipe(v, sizeof(v));
	return mod_t(sum + BGV_T - above);
}

static amt_status phase(const struct bgv_secret *s, const struct bgv_ct *ct, uint64_t *x)
{
	const struct bgv_ring *ring = s->ring;
	for (unsigned i = 0; i < ct->limbs; i++, x += ring->n) {
		const uint64_t *key = bgv_secret_values(s, i);
		ntt_mul(ring->q[i], x, bgv_limb(ring, ct, ct->parts - 1, i), key, ring->n);
		for (unsigned part = ct->parts - 2; part > 0; part--) {
			ntt_add(ring->q[i], x, x, bgv_limb(ring, ct, part, i), ring->n);
			ntt_mul(ring->q[i], x, x, key, ring->n);
		}
		ntt_add(ring->q[i], x, x, bgv_limb(ring, ct, 0, i), ring->n);
		ntt_inverse(ring->q[i], x);
	}
	return STATUS_OK;
}

amt_status bgv_decrypt(const struct bgv_secret *secret, const struct bgv_ct *ct,
	uint64_t *coefficients, double *noise_log2)
{
	return bgv_decrypt_measured(secret, ct, coefficients, noise_log2, NULL);
}

amt_status bgv_decrypt_measured(const struct bgv_secret *secret, const struct bgv_ct *ct,
	uint64_t *coefficients, double *noise_log2, double *magnitudes)
{
	const struct bgv_ring *ring = secret->ring;
	ENSURE(ct->limbs >= 1 && ct->limbs <= ring->params->limbs && ct->parts >= 2 &&
			ct->parts <= 3,
		AMT_INVALID_ARGUMENT, "a ciphertext of %u parts of %u limbs", ct->parts, ct->limbs);
	struct decryption d = {.ring = ring, .limbs = ct->limbs};
	size_t words = ct->limbs * ring->n;
	uint64_t *x;
	double most = 0;
	TRY(bgv_scratch_take(ring, words, &x));
	amt_status status = phase(secret, ct, x);
	prepare(&d);
	for (size_t i = 0; i < ring->n; i++) {
		double magnitude;
		coefficients[i] = compose(&d, x + i, &magnitude);
		most = magnitude > most ? magnitude : most;
		if (magnitudes != NULL)
			magnitudes[i] = magnitude;
	}
	if (noise_log2 != NULL)
		*noise_log2 = rough_log2(most + 1);
	secret_wipe(x, words * sizeof(*x));
	bgv_scratch_give(ring, words, x);
	return status;
}

/* ---- answers: modulo 2^BGV_ANSWER_BITS, by way of the special prime, in which products of such a
 * polynomial by a ternary one are exact: N 2^27 < p / 2. */

static void unpack(uint64_t *out, const uint8_t *in, size_t n)
{
	for (size_t i = 0; i < n; i += 2) {
		uint64_t pair = 0;
		memcpy(&pair, in + i / 2 * 7, 7);
		out[i] = pair & ((1ull << BGV_ANSWER_BITS) - 1);
		out[i + 1] = pair >> BGV_ANSWER_BITS;
	}
}

static void answer_phase(const struct bgv_secret *s, const uint8_t *in, uint64_t *x, uint64_t *c0)
{
	const struct bgv_ring *ring = s->ring;
	uint64_t p = ring->params->p, half = 1ull << (BGV_ANSWER_BITS - 1);
	size_t n = ring->n;
	unpack(c0, in, n);
	unpack(x, in + n / 2 * 7, n);
	for (size_t i = 0; i < n; i++)
		x[i] += x[i] >= half ? p - 2 * half : 0;
	ntt_forward(ring->p, x);
	ntt_mul(ring->p, x, x, bgv_secret_values(s, BGV_SPECIAL_LIMB), n);
	ntt_inverse(ring->p, x);
	/* Centred w, in two's complement. */
	for (size_t i = 0; i < n; i++) {
		uint64_t product = x[i] - (p & -((p / 2 - x[i]) >> 63));
		uint64_t w = (product + c0[i] + half) & (2 * half - 1);
		x[i] = w - half;
	}
}

amt_status bgv_answer_decrypt(const struct bgv_secret *secret, struct span answer,
	uint64_t *coefficients, double *noise_log2)
{
	const struct bgv_ring *ring = secret->ring;
	size_t n = ring->n, size = bgv_answer_bytes(ring);
	ENSURE(answer.size >= size, AMT_TRUNCATED, "an answer has %zu bytes, not %zu", size,
		answer.size);
	ENSURE(answer.size == size, AMT_CORRUPTION, "an answer has %zu bytes, not %zu", size,
		answer.size);
	uint64_t *x, undo = bgv_inverse_mod((1ull << BGV_ANSWER_BITS) % BGV_T, BGV_T), most = 0;
	TRY(bgv_scratch_take(ring, 2 * n, &x));
	answer_phase(secret, answer.data, x, x + n);
	for (size_t i = 0; i < n; i++) {
		uint64_t sign = -(x[i] >> 63), magnitude = (x[i] ^ sign) - sign,
			 less = most - magnitude;
		most -= less & -(less >> 63);
		/* A multiple of t above 2^28 makes it positive. */
		coefficients[i] = mod_t(mod_t(x[i] + ((uint64_t)BGV_T << 13)) * undo);
	}
	if (noise_log2 != NULL)
		*noise_log2 = rough_log2((double)(int64_t)most + 1);
	secret_wipe(x, 2 * n * sizeof(*x));
	bgv_scratch_give(ring, 2 * n, x);
	return STATUS_OK;
}

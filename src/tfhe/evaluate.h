/* The host's side of TFHE: everything that computes with an evaluation key and no secret.
 *
 * A *big LWE* is tfhe_lwe_words u32 (mask then body) under the GLWE secret read as a vector: the
 * only form values have between operations. It encodes m in [-16, 16) (p = 16 and the padding bit)
 * as m * delta + noise. A bootstrap takes one, key-switches it to the small key, switches the
 * modulus to 2N with centred mean, blind-rotates a look-up table and extracts results of nominal
 * noise (1 unit). Everything between bootstraps is linear and exact on u32.
 *
 * Any thread may use an evaluator; its calls exclude each other.
 */
#ifndef TFHE_EVALUATE_H
#define TFHE_EVALUATE_H

#include "base/bytes.h"
#include "crypto/seed.h"
#include "os/pool.h"
#include "tfhe/params.h"

struct tfhe_evaluator;

/* Called from time to time on the calling thread during long work; returning false cancels
 * (AMT_CANCELLED). */
typedef bool (*tfhe_progress)(void *context, uint64_t done, uint64_t total);

/* Reads a serialised evaluation key (crypto/wire.h), validates all of it and expands it for the best
 * instruction set allowed. `pool` is borrowed for the evaluator's life. Errors: AMT_TRUNCATED,
 * AMT_CORRUPTION, AMT_UNKNOWN_VERSION, AMT_FOREIGN_PARAMETERS, AMT_OUT_OF_MEMORY. */
amt_status tfhe_evaluator_new(struct tfhe_evaluator **out, struct span key, struct pool *pool,
	tfhe_progress progress, void *context);
/* The same, with the expanded key in a file of the folder `cache` (made if needed), mapped and shared by
 * all processes that open it: the first one expands and writes it, the others have it at once and take
 * no memory of their own for it. A file that is damaged or of another key, processor or version is
 * made anew; where the folder cannot be written, the key is expanded as above. cache NULL: as above.
 */
amt_status tfhe_evaluator_open(struct tfhe_evaluator **out, struct span key, const char *cache,
	struct pool *pool, tfhe_progress progress, void *context);
bool tfhe_evaluator_shared(const struct tfhe_evaluator *e); /* whether the key is such a file */
void tfhe_evaluator_free(struct tfhe_evaluator *e);
const struct tfhe_params *tfhe_evaluator_params(const struct tfhe_evaluator *e);
const uint8_t *tfhe_evaluator_key_id(const struct tfhe_evaluator *e); /* 16 bytes */
uint64_t tfhe_evaluator_bootstraps(
	const struct tfhe_evaluator *e);		     /* blind rotations since the start */
size_t tfhe_evaluator_bytes(const struct tfhe_evaluator *e); /* expanded keys in memory */

/* A look-up table made ready: the rotated accumulator polynomial and how many results are
 * extracted.
 *
 * One function: values[i], i in [0, 16), is the torus value (u32) returned for message i; messages
 * -16..-1 return the negated value of i + 16 (negacyclic). With `functions` = F in {2, 4, 8} the
 * table holds F functions on inputs in [0, 16/F): values[f * (16/F) + i] is function f at i, and a
 * bootstrap gives F results from one rotation. For F = 1 boxes are centred on the messages; inputs
 * of F > 1 are centred alike. */
enum { TFHE_LUT_MAX_FUNCTIONS = 8, TFHE_LUT_SAMPLES = 16 };
struct tfhe_lut {
	unsigned functions;
	uint32_t *polynomial; /* N words */
	/* Set by tfhe_lut_new_mixed: results are combinations of samples. */
	bool mixed;
	int8_t weight[TFHE_LUT_MAX_FUNCTIONS][TFHE_LUT_SAMPLES];
	uint32_t offset[TFHE_LUT_MAX_FUNCTIONS];
};
amt_status tfhe_lut_new(struct tfhe_lut *out, const struct tfhe_params *params, unsigned functions,
	const uint32_t values[16]);
/* Several functions of a whole message (Carpov, Izabachene, Mollimard, "New techniques for
 * multi-value input homomorphic evaluation and applications", 2019): a constant polynomial is
 * rotated, sample j of the result is +unit for messages m in [0, 16 - j) and -unit for [16 - j, 16)
 * (negacyclic beyond), and function f is offset[f] + sum of weight[f][j] times sample j. Its noise is
 * that of one bootstrap times the sum of squared weights; functions of one table are correlated
 * through their samples. */
amt_status tfhe_lut_new_mixed(struct tfhe_lut *out, const struct tfhe_params *params, uint32_t unit,
	unsigned functions, const int8_t (*weight)[TFHE_LUT_SAMPLES], const uint32_t *offset);
void tfhe_lut_free(struct tfhe_lut *lut);
/* Result f of a table from the rotated accumulator (a GLWE). */
void tfhe_lut_extract(const struct tfhe_params *p, const struct tfhe_lut *lut, unsigned f,
	uint32_t *out, const uint32_t *glwe);

/* One bootstrap: in -> lut->functions results. `out[f]` may be NULL (not wanted) and may equal `in`
 * of the same job. Jobs with the same `in` pointer that follow each other share one key switch.
 * body_offset is added to the body before anything else (to recentre signed ranges without a copy).
 */
struct tfhe_job {
	const uint32_t *in;
	const struct tfhe_lut *lut;
	uint32_t body_offset;
	uint32_t *out[TFHE_LUT_MAX_FUNCTIONS];
};

/* Runs all jobs, independent of each other (no output is the input of another job), batched over
 * key passes and spread over the pool. `progress` must not call the evaluator.
 * Results do not depend on the grouping (bit for bit within an instruction set). A job whose input
 * mask is all zero (trivial) is evaluated in clear and gives a trivial result; it is counted too.
 */
amt_status tfhe_bootstrap(struct tfhe_evaluator *e, const struct tfhe_job *jobs, size_t count,
	tfhe_progress progress, void *context);

/* Linear algebra on big LWEs, exact on the torus. */
void tfhe_lwe_trivial(
	const struct tfhe_params *p, uint32_t *out, uint32_t body); /* public constant */
void tfhe_lwe_add(const struct tfhe_params *p, uint32_t *out, const uint32_t *a, const uint32_t *b);
void tfhe_lwe_sub(const struct tfhe_params *p, uint32_t *out, const uint32_t *a, const uint32_t *b);
void tfhe_lwe_add_scaled(const struct tfhe_params *p, uint32_t *out, const uint32_t *a,
	int32_t scale); /* out += scale * a */

/* GLWE ciphertext at run time: (k + 1) * N u32, masks then body; it packs N messages as
 * coefficients. */
static inline size_t tfhe_glwe_words(const struct tfhe_params *p)
{
	return (size_t)(p->k + 1) << p->n_poly_log2;
}
/* Coefficient `index` of the GLWE as a big LWE: same noise. */
void tfhe_sample_extract(
	const struct tfhe_params *p, uint32_t *out, const uint32_t *glwe, unsigned index);
/* A seeded GLWE (tfhe_encrypt_seeded) in full: mask polynomial i is stream i of the seed, bodies
 * are the top 16 bits; coefficients from `count` on hold no message. AMT_INVALID_ARGUMENT if count
 * > N. */
amt_status tfhe_glwe_expand(const struct tfhe_params *p, uint32_t *glwe, const struct seed *seed,
	const uint16_t *bodies, size_t count);
/* Packs count <= N big LWEs into one GLWE, message i at coefficient i, the rest 0: merging by
 * automorphisms (Chen, Dai, Kim, Song, "Efficient homomorphic conversion between (ring) LWE
 * ciphertexts", 2020) with halving instead of a division by N, so the keys are log2 N GLWE key
 * switches and the noise stays that of the inputs. */
amt_status tfhe_pack(
	struct tfhe_evaluator *e, uint32_t *glwe, const uint32_t *const *lwe, size_t count);

#endif

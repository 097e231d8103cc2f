/* A question (the content of WIRE_QUERY) and its answer (the content of WIRE_ANSWER).
 *
 * Question:
 *	OFFSET SIZE
 *	0      16   question id, random, echoed
 *	16     16   table id
 *	32     8    table epoch, echoed as the epoch after
 *	40     4    schema version
 *	44     4+3m length, and m families to send along: u16 column, u8 part
 *	48+3m  c    circuit (circuit_put)
 *	       2    number of packs of constants
 *	       for each: 16 seed, 4 + 2b length and b bodies of 16 bits
 * Constants are placed one after the other, each in consecutive coefficients, in a new pack where
 * one does not fit; so places follow from the circuit, and so does the length of the message:
 * neither depends on any literal.
 *
 * Answer:
 *	OFFSET SIZE
 *	0      16   question id
 *	16     16   table id
 *	32     8    table epoch after
 *	40     8    rows gone through
 *	48     8    bootstraps
 *	56     8    nanoseconds spent
 *	64     4+n  length, and the number of blocks of each ANSWER_VALUE output (u8), in order
 *	68+n   4+s  length, and packs that hold the blocks of all ANSWER_VALUE outputs in order
 *	       4+s  length, and packs that hold one bit a row for each ANSWER_ROWS output (at most
 *	            one output is allowed)
 * A pack is a GLWE rounded to 16 bits: u16 count of bodies, k * N masks, the bodies. Rounding adds
 * a variance of about 2^-25.6 (N = 2048), far below the distance 2^-6 of two messages; it is only
 * done to what goes to the owner.
 */
#ifndef ENGINE_QUESTION_H
#define ENGINE_QUESTION_H

#include "engine/fragment.h"

enum { QUESTION_ID_BYTES = 16 };

struct question_pack {
	struct seed seed;
	struct span bodies; /* u16 each */
};

struct question {
	uint8_t id[QUESTION_ID_BYTES], table[RELATION_ID_BYTES];
	uint64_t epoch;
	uint32_t schema_version;
	struct span columns; /* u16 column, u8 part each */
	struct circuit circuit;
	struct question_pack *pack;
	unsigned packs;
};

/* Where constant `index` of the circuit is: pack and first coefficient. Called with index ==
 * circuit->constants it gives the place after the last, so the number of packs follows. */
void question_place(const struct circuit *c, const struct tfhe_params *p, unsigned index,
	unsigned *pack, unsigned *coefficient);
/* Packs the constants of a circuit need, and the bodies in each. */
unsigned question_packs(const struct circuit *c, const struct tfhe_params *p);
unsigned question_bodies(const struct circuit *c, const struct tfhe_params *p, unsigned pack);

amt_status question_put(const struct question *q, const struct tfhe_params *p,
	const uint8_t key_id[16], struct buf *out);
/* Checks form, key, circuit, number and sizes of packs. Bodies borrow from `in`; question_free
 * frees the rest. */
amt_status question_get(struct question *out, const struct tfhe_params *p, const uint8_t key_id[16],
	struct span in);
void question_free(struct question *q);

struct answer {
	uint8_t id[QUESTION_ID_BYTES], table[RELATION_ID_BYTES];
	uint64_t epoch, rows, bootstraps, nanoseconds;
	struct span blocks, values, bits;
};
amt_status answer_put(const struct answer *a, const struct tfhe_params *p, const uint8_t key_id[16],
	struct buf *out);
amt_status answer_get(
	struct answer *out, const struct tfhe_params *p, const uint8_t key_id[16], struct span in);

/* Packs within an answer: appended to `out`; read one by one, glwe has tfhe_glwe_words(p) words. */
amt_status answer_pack_put(
	const struct tfhe_params *p, const uint32_t *glwe, unsigned count, struct buf *out);
amt_status answer_pack_get(
	struct reader *r, const struct tfhe_params *p, uint32_t *glwe, unsigned *count);

#endif

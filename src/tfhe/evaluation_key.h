/* The content of a serialised evaluation key, for the one who writes it (owner) and the one who
 * reads it (host). Seed-compressed: every part has a fresh 128-bit seed, from which the masks are
 * expanded (crypto/seed.h), and holds the bodies only. docs/formats.md has the table.
 *
 *	seeds		3 * 16	bootstrap key, automorphism keys, key-switch key
 *	bootstrap	u64 [GGSWs][levels * (k + 1) rows][N], mask polynomial i of row r is
 *			stream r * k + i
 *	automorphism	u64 [log2 N][levels * k rows][N], streams alike
 *	key switch	u32 [kN][levels], the mask of row r is stream r
 *
 * GGSW i holds the key bit s = s_i; with grouped keys, GGSW (2^g - 1) step + subset - 1 holds the
 * product over bit j of the step's g key bits of s where the subset (a number of g bits) contains j
 * and of 1 - s where not. Row (level, polynomial) of a GGSW of s encrypts -s S_polynomial q /
 * B^(level+1), for the last polynomial s q / B^(level+1). Automorphism j encrypts -sigma(S) q / B^(level+1) for sigma: X ->
 *X^(2^j + 1), j from 1. Row (i, level) of the key-switch key encrypts S_i q / B^(level+1).
 */
#ifndef TFHE_EVALUATION_KEY_H
#define TFHE_EVALUATION_KEY_H

#include "crypto/seed.h"
#include "tfhe/params.h"

enum evaluation_key_part { PART_BOOTSTRAP, PART_AUTOMORPHISM, PART_KEYSWITCH, PARTS };
/* Coefficients of the key-switch key that one task makes or expands (see tfhe/kernel.h). */
enum { KEYSWITCH_GROUP = 64 };

struct evaluation_key_layout {
	unsigned bit_rows;	    /* GLWE rows of a GGSW */
	unsigned automorphism_rows; /* GLWE rows of one automorphism */
	size_t part[PARTS];	    /* where the bodies begin */
	size_t total;
};

static inline struct evaluation_key_layout evaluation_key_layout(const struct tfhe_params *p)
{
	struct evaluation_key_layout l = {
		.bit_rows = p->pbs_levels * (p->k + 1), .automorphism_rows = p->pbs_levels * p->k};
	size_t row = (size_t)tfhe_poly_size(p) * sizeof(uint64_t);
	l.part[PART_BOOTSTRAP] = PARTS * sizeof(struct seed);
	l.part[PART_AUTOMORPHISM] = l.part[PART_BOOTSTRAP] + row * tfhe_ggsws(p) * l.bit_rows;
	l.part[PART_KEYSWITCH] =
		l.part[PART_AUTOMORPHISM] + row * p->n_poly_log2 * l.automorphism_rows;
	l.total = l.part[PART_KEYSWITCH] +
		  (size_t)tfhe_big_dimension(p) * p->ks_levels * sizeof(uint32_t);
	return l;
}

/* Both sides cut the work alike: one task for each GGSW, automorphism and group of key-switch rows.
 */
static inline size_t evaluation_key_tasks(const struct tfhe_params *p)
{
	return tfhe_ggsws(p) + p->n_poly_log2 + tfhe_big_dimension(p) / KEYSWITCH_GROUP;
}

#endif

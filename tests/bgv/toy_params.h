#ifndef TESTS_BGV_TOY_PARAMS_H
#define TESTS_BGV_TOY_PARAMS_H

#include "bgv/bgv.h"

/* Too small to be secure, quick; moduli of the public sets fit every smaller ring. */
static inline struct bgv_params toy_of(unsigned set, unsigned log2n, unsigned limbs)
{
	struct bgv_params p = *bgv_params_for(set);
	p.id = 0xfff0;
	p.name = "toy";
	p.log2n = log2n;
	p.limbs = limbs;
	return p;
}

static inline struct bgv_params toy_params(unsigned log2n, unsigned limbs)
{
	return toy_of(14, log2n, limbs);
}

/* With B15's primes, and residues of 6 bytes. */
static inline struct bgv_params toy_wide_params(unsigned log2n, unsigned limbs)
{
	return toy_of(15, log2n, limbs);
}

#endif

#ifndef TESTS_BGV_TOY_PARAMS_H
#define TESTS_BGV_TOY_PARAMS_H

#include "bgv/bgv.h"

/* Too small to be secure, quick; moduli of the public sets fit every smaller ring. */
static inline struct bgv_params toy_params(unsigned log2n, unsigned limbs)
{
	struct bgv_params p = *bgv_params_for(14);
	p.id = 0xfff0;
	p.name = "toy";
	p.log2n = log2n;
	p.limbs = limbs;
	return p;
}

#endif

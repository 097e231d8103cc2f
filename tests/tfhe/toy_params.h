/* Ids of the toy sets; link toy_params.c to use them. */
#ifndef TESTS_TOY_PARAMS_H
#define TESTS_TOY_PARAMS_H

#include "tfhe/params.h"

enum { TOY_PARAMS = 0xFF01, TOY_PARAMS_GAUSSIAN = 0xFF02, TOY_PARAMS_GROUPED = 0xFF03 };

#endif

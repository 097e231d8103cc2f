/* Ids of the toy rings; link toy_rings.c to use them, and name them by log2 of their dimension. */
#ifndef TESTS_TOY_RINGS_H
#define TESTS_TOY_RINGS_H

enum { TOY_RING_10 = 0xfe10, TOY_RING_11 = 0xfe11, TOY_RING_12 = 0xfe12 };

#endif

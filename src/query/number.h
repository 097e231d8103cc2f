/* Exact decimal numbers as text: scaled, floored and rounded without floating point, however long
 * they are. */
#ifndef QUERY_NUMBER_H
#define QUERY_NUMBER_H

#include "base/bytes.h"

__extension__ typedef __int128 int128;
__extension__ typedef unsigned __int128 uint128;

/* x * 10^scale. Beyond +-NUMBER_LIMIT both results stay there (every column's range is far
 * inside). */
#define NUMBER_LIMIT ((int128)1 << 120)
struct number {
	int128 floor;	/* greatest integer not above it */
	int128 rounded; /* nearest integer, halves away from zero, as PostgreSQL's numeric */
	bool exact;	/* both are it */
};

/* Reads `[+-]digits[.digits][e[+-]digits]` with blanks around it. False when it is not a number. */
bool number_parse(struct number *out, struct span text, unsigned scale);

/* The text without blanks (space, \t, \n, \v, \f, \r) at both ends. */
struct span span_trim(struct span text);
/* Well-formed UTF-8 (no surrogates, nothing overlong) without NUL. */
bool utf8_valid(struct span text);
/* ASCII case-insensitive equality with a lower-case word. */
bool span_is_word(struct span text, const char *word);

#endif

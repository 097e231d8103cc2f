#ifndef SERVER_CONVERT_H
#define SERVER_CONVERT_H

#include <amaters/status.h>

/* Paths; rotation_key and key_cache may be NULL. */
struct conversion {
	const char *from, *to, *evaluation_key, *rotation_key, *key_cache;
	unsigned threads;
	bool compress;
};

/* Says on stderr what went wrong. */
amt_code convert_list(const struct conversion *c);

#endif

/* Files of known answers, tests/data/tfhe. */
#ifndef TESTS_TFHE_KNOWN_H
#define TESTS_TFHE_KNOWN_H

#include "testing.h"

static inline FILE *known_open(const char *name, const char *mode)
{
	char path[512];
	(void)snprintf(path, sizeof(path), TEST_DATA "/tfhe/%s", name);
	FILE *f = fopen(path, mode);
	if (f == NULL)
		fail_msg("cannot open %s", path);
	return f;
}

static inline void known_read(const char *name, struct buf *out)
{
	FILE *f = known_open(name, "rb");
	uint8_t piece[4096];
	size_t got;
	while ((got = fread(piece, 1, sizeof(piece), f)) > 0)
		OK(buf_put(out, piece, got));
	fclose(f);
}

static inline void known_write(const char *name, struct span bytes)
{
	FILE *f = known_open(name, "wb");
	assert_int_equal(fwrite(bytes.data, 1, bytes.size, f), bytes.size);
	assert_int_equal(fclose(f), 0);
}

#endif

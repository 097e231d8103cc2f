/* A folder of a test's own on the real disk. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include "testing.h"

#include <ftw.h>
#include <stdlib.h>

enum { FOLDER_BYTES = 32 };

static inline void folder_make(char folder[FOLDER_BYTES])
{
	(void)snprintf(folder, FOLDER_BYTES, "/tmp/amaters-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
}

static inline int folder_remove_one(
	const char *path, const struct stat *s, int flag, struct FTW *where)
{
	(void)s;
	(void)flag;
	(void)where;
	return remove(path);
}

/* With all that is in it. */
static inline void folder_remove(const char *folder)
{
	assert_int_equal(nftw(folder, folder_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

#endif

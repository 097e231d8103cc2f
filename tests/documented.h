/* Tables of the documentation that follow from the code. */
#ifndef TESTS_DOCUMENTED_H
#define TESTS_DOCUMENTED_H

#include "testing.h"

/* docs/parameters.md holds this table, which ends here. */
static inline void check_documented(struct buf *table)
{
	struct buf file = {0};
	FILE *f = fopen(TEST_DATA "/../../docs/parameters.md", "rb");
	assert_non_null(f);
	uint8_t piece[4096];
	size_t got;
	while ((got = fread(piece, 1, sizeof(piece), f)) > 0)
		OK(buf_put(&file, piece, got));
	(void)fclose(f);
	OK(buf_put_u8(&file, 0));
	OK(buf_put_u8(table, 0));
	if (strstr((char *)file.data, (char *)table->data) == NULL)
		fail_msg("docs/parameters.md should hold\n%s", (char *)table->data);
	buf_free(table);
	buf_free(&file);
}

#endif

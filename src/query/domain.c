/* Domains of columns, and the codes of scans. */
#include "query/schema.h"
#include "query/value.h"

void column_domain(const struct column *c, uint64_t *least, uint64_t *most)
{
	if (c->checked) {
		*least = c->least;
		*most = c->most;
		return;
	}
	int128 low, high;
	column_range(c, &low, &high);
	*least = (uint64_t)(low + (int128)column_bias(c));
	*most = (uint64_t)(high + (int128)column_bias(c));
}

uint64_t column_scan_max(const struct column *c)
{
	if (c->scan.kind == SCAN_DICTIONARY)
		return c->scan.base - 1u;
	if (c->scan.kind == SCAN_TAG)
		return UINT64_MAX;
	uint64_t least, most;
	column_domain(c, &least, &most);
	return most - least;
}

uint64_t column_scan_code(const struct column *c, uint64_t bits)
{
	uint64_t least, most;
	column_domain(c, &least, &most);
	return bits - least;
}

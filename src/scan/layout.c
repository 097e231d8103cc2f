#include "scan/layout.h"

/* Levels that a default layout keeps room for: two ANDs, a product with what is summed, the mask of
 * a folded answer. */
enum { DEFAULT_DEPTH = 4, DEFAULT_BASE = 16, DEFAULT_LIMB_BITS = 8, ONE_DIGIT = 32, SUM_LIMBS = 5 };

static unsigned ceil_log2(unsigned n)
{
	unsigned bits = 0;
	while (1u << bits < n)
		bits++;
	return bits;
}

/* base^digits, or 2^64 where it is more. */
static unsigned __int128 power(unsigned base, unsigned digits)
{
	unsigned __int128 result = 1, limit = (unsigned __int128)1 << 64;
	for (unsigned i = 0; i < digits && result < limit; i++)
		result *= base;
	return result < limit ? result : limit;
}

static void split(struct scan_column *c, unsigned base, unsigned one_digit)
{
	unsigned __int128 values = (unsigned __int128)c->max + 1;
	unsigned digits = 1, even = base;
	if (values <= one_digit) {
		c->digits = 1;
		c->base[0] = (uint16_t)values;
		return;
	}
	while (power(base, digits) < values)
		digits++;
	while (even > 2 && power(even - 1, digits) >= values)
		even--;
	uint64_t top = c->max;
	c->digits = (uint8_t)digits;
	for (unsigned j = 0; j + 1 < digits; j++) {
		c->base[j] = (uint16_t)even;
		top /= even;
	}
	c->base[digits - 1] = (uint16_t)(top + 1);
}

unsigned scan_least_limbs(const struct scan_column *c)
{
	return 2 + ceil_log2(c->digits);
}

amt_status scan_column_make(struct scan_column *out, const struct bgv_params *ring, uint64_t max,
	unsigned base, unsigned limb_bits, bool summed, unsigned depth)
{
	*out = (struct scan_column){.max = max};
	ENSURE(base == 0 || (base >= 2 && base <= SCAN_MAX_BASE), AMT_OUT_OF_RANGE,
		"a digit has 2 to %d values, not %u", SCAN_MAX_BASE, base);
	ENSURE(limb_bits <= 16, AMT_OUT_OF_RANGE, "a limb has 1 to 16 bits, not %u", limb_bits);
	split(out, base == 0 ? DEFAULT_BASE : base, base == 0 ? ONE_DIGIT : base);
	depth = depth == 0 ? DEFAULT_DEPTH : depth;
	limb_bits = limb_bits == 0 ? DEFAULT_LIMB_BITS : limb_bits;
	if (summed && out->digits > 1) {
		unsigned bits = 1;
		while (bits < 64 && max >> bits != 0)
			bits++;
		out->limb_bits = (uint8_t)limb_bits;
		out->limbs = (uint8_t)((bits + limb_bits - 1) / limb_bits);
	}
	unsigned least = scan_least_limbs(out), wanted = least + depth;
	ENSURE(least <= ring->limbs, AMT_LIMIT,
		"%u digits need %u primes; ring %s has %u: take larger digits or a larger ring",
		out->digits, least, ring->name, ring->limbs);
	out->stored = (uint8_t)(wanted < ring->limbs ? wanted : ring->limbs);
	out->stored_sum = (uint8_t)(SUM_LIMBS < ring->limbs ? SUM_LIMBS : ring->limbs);
	struct bgv_ring shape = {
		.params = ring, .log2n = ring->log2n, .n = (size_t)1 << ring->log2n};
	uint64_t bytes = scan_page_bytes(out, &shape);
	ENSURE(bytes <= SCAN_PAGE_MOST, AMT_LIMIT,
		"a page would be of %.1f GB, at most %.1f: take smaller digits or less depth",
		(double)bytes / 1e9, (double)SCAN_PAGE_MOST / 1e9);
	return STATUS_OK;
}

amt_status scan_column_check(const struct scan_column *c, const struct bgv_params *ring)
{
	unsigned __int128 values = 1;
	ENSURE(c->digits <= SCAN_MAX_DIGITS && c->limbs <= SCAN_MAX_SUM_LIMBS, AMT_CORRUPTION,
		"a scan column of %u digits and %u limbs", c->digits, c->limbs);
	ENSURE(c->digits + c->limbs > 0, AMT_CORRUPTION, "a scan column without vectors");
	for (unsigned j = 0; j < c->digits; j++) {
		ENSURE(c->base[j] >= 1 && c->base[j] <= SCAN_MAX_BASE, AMT_CORRUPTION,
			"a digit of %u values", c->base[j]);
		if (values <= UINT64_MAX)
			values *= c->base[j];
	}
	ENSURE(c->digits == 0 || values > c->max, AMT_CORRUPTION,
		"%u digits cannot hold codes up to %llu", c->digits, (unsigned long long)c->max);
	ENSURE(c->limbs == 0 || (c->limb_bits >= 1 && c->limb_bits <= 16), AMT_CORRUPTION,
		"limbs of %u bits", c->limb_bits);
	unsigned held = (unsigned)c->limbs * c->limb_bits;
	ENSURE(c->limbs == 0 || held >= 64 || c->max >> held == 0, AMT_CORRUPTION,
		"%u limbs of %u bits cannot hold codes up to %llu", c->limbs, c->limb_bits,
		(unsigned long long)c->max);
	ENSURE((c->digits == 0 || (c->stored >= 1 && c->stored <= ring->limbs)) &&
			(c->limbs == 0 || (c->stored_sum >= 1 && c->stored_sum <= ring->limbs)),
		AMT_CORRUPTION, "ciphertexts of %u and %u limbs in ring %s", c->stored,
		c->stored_sum, ring->name);
	return STATUS_OK;
}

struct scan_column scan_valid_column(const struct bgv_params *ring, unsigned stored)
{
	struct scan_column c = {.max = 0, .digits = 1, .base = {1}};
	c.stored = (uint8_t)(stored < ring->limbs ? stored : ring->limbs);
	return c;
}

/* ---- vectors and groups */

unsigned scan_group_vectors(const struct scan_column *c, unsigned group)
{
	return group < c->digits ? c->base[group] : c->limbs;
}

unsigned scan_group_stored(const struct scan_column *c, unsigned group)
{
	return group < c->digits ? c->stored : c->stored_sum;
}

unsigned scan_group_first(const struct scan_column *c, unsigned group)
{
	unsigned first = 0;
	for (unsigned g = 0; g < group; g++)
		first += scan_group_vectors(c, g);
	return first;
}

unsigned scan_vectors(const struct scan_column *c)
{
	return scan_group_first(c, scan_groups(c));
}

void scan_digits(const struct scan_column *c, uint64_t code, uint16_t *digit)
{
	for (unsigned j = 0; j < c->digits; j++) {
		digit[j] = (uint16_t)(code % c->base[j]);
		code /= c->base[j];
	}
}

void scan_limbs(const struct scan_column *c, uint64_t code, uint32_t *limb)
{
	for (unsigned i = 0; i < c->limbs; i++) {
		limb[i] = (uint32_t)(code & ((1u << c->limb_bits) - 1));
		code >>= c->limb_bits;
	}
}

/* ---- slots */

/* Each half of the slots is cut into SCAN_CANARIES runs; the first half gives up one slot of each
 * run, at the class. */
unsigned scan_slot(const struct bgv_ring *ring, unsigned canary_class, unsigned row)
{
	unsigned half = (unsigned)ring->n / 2, run = half / SCAN_CANARIES;
	if (row >= half - SCAN_CANARIES)
		return row + SCAN_CANARIES;
	unsigned at = row % (run - 1);
	return row / (run - 1) * run + at + (at >= canary_class);
}

unsigned scan_canary_slot(const struct bgv_ring *ring, unsigned canary_class, unsigned i)
{
	return i * ((unsigned)ring->n / 2 / SCAN_CANARIES) + canary_class;
}

/* ---- bytes of a page */

static size_t group_bytes(const struct scan_column *c, const struct bgv_ring *ring, unsigned group)
{
	return (size_t)scan_group_vectors(c, group) * scan_group_stored(c, group) * ring->n *
	       ring->params->residue_bytes;
}

size_t scan_page_offset(const struct scan_column *c, const struct bgv_ring *ring, unsigned group,
	unsigned limb, unsigned tile)
{
	size_t at = 16 * (size_t)scan_vectors(c);
	for (unsigned g = 0; g < group; g++)
		at += group_bytes(c, ring, g);
	size_t tiles = ring->n / SCAN_TILE;
	return at +
	       (limb * tiles + tile) * scan_group_vectors(c, group) * scan_tile_bytes(ring->params);
}

size_t scan_page_bytes(const struct scan_column *c, const struct bgv_ring *ring)
{
	return scan_page_offset(c, ring, scan_groups(c), 0, 0);
}

amt_status scan_page_check(
	const struct scan_column *c, const struct bgv_ring *ring, struct span page)
{
	ENSURE(page.size == scan_page_bytes(c, ring), AMT_CORRUPTION,
		"a scan page of %zu bytes, not %zu", page.size, scan_page_bytes(c, ring));
	for (unsigned g = 0; g < scan_groups(c); g++) {
		size_t count = scan_group_vectors(c, g) * ring->n;
		for (unsigned l = 0; l < scan_group_stored(c, g); l++)
			ENSURE(ntt_check(ring->q[l], ring->params->residue_bytes,
				       page.data + scan_page_offset(c, ring, g, l, 0), count),
				AMT_CORRUPTION, "a residue of a scan page is not below its prime");
	}
	return STATUS_OK;
}

/* How questions and answers are laid out: what owner and host agree on without a word. */
#include "scan/run.h"

uint64_t scan_total_runs(const struct scan_output *o, uint64_t pages)
{
	uint64_t each = scan_total_pages(o);
	return pages == 0 ? 0 : (pages + each - 1) / each;
}

struct scan_answers scan_answers_of(
	const struct scan_program *p, const struct scan_fit *fit, uint64_t pages)
{
	struct scan_answers a = {.fold = fit->fold_level > 1 ? SCAN_CANARIES : 1};
	uint64_t runs = 0;
	for (uint32_t i = 0; i < p->outputs; i++) {
		const struct scan_output *o = &p->output[i];
		if (o->kind == SCAN_ROWS) {
			a.rows += (pages + SCAN_ROWS_PAGES - 1) / SCAN_ROWS_PAGES;
			continue;
		}
		uint64_t each = scan_total_pages(o);
		uint64_t most = (pages < each ? pages : each) * o->max;
		runs += scan_total_runs(o, pages);
		/* A folded slot is the sum of `fold` slots, and must stay below t. */
		while (a.fold > 1 && a.fold * most >= BGV_T)
			a.fold /= 2;
	}
	while (a.fold > 1 && a.fold / 2 >= runs)
		a.fold /= 2;
	a.totals = (runs + a.fold - 1) / a.fold;
	return a;
}

unsigned scan_pack_count(const struct scan_program *p, uint32_t first)
{
	uint32_t left = p->scalars - first, count = 1;
	while (count < left && count < SCAN_PACK_SCALARS)
		count *= 2;
	return count;
}

size_t scan_scalars_bytes(
	const struct bgv_ring *ring, const struct scan_program *p, const struct scan_fit *fit)
{
	size_t packs = (p->scalars + SCAN_PACK_SCALARS - 1) / SCAN_PACK_SCALARS;
	return packs * bgv_seeded_bytes(ring, fit->limbs);
}

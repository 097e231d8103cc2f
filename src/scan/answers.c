/* How questions and answers are laid out: what owner and host agree on without a word. */
#include "scan/run.h"

uint64_t scan_total_runs(const struct scan_output *o, uint64_t pages)
{
	uint64_t each = scan_total_pages(o);
	return pages == 0 ? 0 : (pages + each - 1) / each;
}

unsigned scan_total_fold_log2(
	const struct scan_output *o, const struct scan_fit *fit, uint64_t pages)
{
	uint64_t each = scan_total_pages(o), most = (pages < each ? pages : each) * o->max;
	unsigned fold = 0;
	if (fit->fold_level < 2)
		return 0;
	while (fold < SCAN_FOLD_LOG2 && most << (fold + 1) < BGV_T)
		fold++;
	return fold;
}

struct scan_answers scan_answers_of(
	const struct scan_program *p, const struct scan_fit *fit, uint64_t pages)
{
	struct scan_answers a = {0};
	for (uint32_t i = 0; i < p->outputs; i++) {
		const struct scan_output *o = &p->output[i];
		if (o->kind == SCAN_ROWS)
			a.rows += (pages + SCAN_ROWS_PAGES - 1) / SCAN_ROWS_PAGES;
		else
			a.runs[scan_total_fold_log2(o, fit, pages)] += scan_total_runs(o, pages);
	}
	for (unsigned fold = SCAN_FOLD_LOG2 + 1; fold-- > 0;) {
		a.first[fold] = a.totals;
		a.totals += (a.runs[fold] + (1u << fold) - 1) >> fold;
	}
	return a;
}

unsigned scan_pack_count(const struct scan_program *p, uint32_t first)
{
	uint32_t left = p->scalars - first;
	return left < SCAN_PACK_SCALARS ? left : SCAN_PACK_SCALARS;
}

size_t scan_scalars_bytes(
	const struct bgv_ring *ring, const struct scan_program *p, const struct scan_fit *fit)
{
	size_t bytes = 0;
	for (uint32_t first = 0; first < p->scalars; first += SCAN_PACK_SCALARS)
		bytes += bgv_seeded_bytes(ring, fit->needed[first]);
	return bytes;
}

#include "scan/secret_query.h"

#include "base/alloc.h"
#include "crypto/secret.h"

#include <string.h>

/* ---- constants */

static uint64_t power(uint64_t base, uint64_t exponent)
{
	uint64_t result = 1;
	for (; exponent > 0; exponent /= 2, base = base * base % BGV_T)
		if (exponent % 2 == 1)
			result = result * base % BGV_T;
	return result;
}

/* Modulo t, a prime. */
static uint64_t inverse(uint64_t v)
{
	return power(v, BGV_T - 2);
}

amt_status scan_scalars_put(const struct bgv_secret *secret, const struct scan_program *p,
	const struct scan_fit *fit, const int8_t *scalar, struct buf *out)
{
	const struct bgv_ring *ring = bgv_secret_ring(secret);
	uint64_t *plain;
	amt_status s = STATUS_OK;
	TRY(mem_alloc_aligned(&plain, ring->n * sizeof(*plain)));
	for (uint32_t first = 0; amt_ok(s) && first < p->scalars; first += SCAN_PACK_SCALARS) {
		unsigned count = scan_pack_count(p, first);
		memset(plain, 0, ring->n * sizeof(*plain));
		for (uint32_t i = 0; i < count; i++) {
			uint64_t share = inverse(1u << bgv_expand_doublings(count, i));
			/* -1, 0 or 1 times the share, without a branch on it */
			int8_t value = scalar[fit->order[first + i]];
			uint64_t negative = value < 0, set = value & 1;
			plain[bgv_expand_index(count, i)] =
				(share + negative * (BGV_T - 2 * share)) * set;
		}
		s = bgv_seeded_put(secret, fit->needed[first], plain, out);
	}
	secret_wipe(plain, ring->n * sizeof(*plain));
	mem_free_aligned(plain, ring->n * sizeof(*plain));
	return s;
}

/* ---- answers */

struct reading {
	const struct bgv_secret *secret;
	const struct bgv_ring *ring;
	const struct scan_asked *asked;
	struct scan_result *out;
	struct scan_answers layout;
	unsigned canary_class;
	uint32_t *expected; /* [page][canary][output] */
	uint64_t *plain;
	uint32_t *slot; /* of the answer at hand */
	struct span answers;
};

void scan_result_free(struct scan_result *r)
{
	if (r->rows != NULL)
		secret_wipe(r->rows, r->rows_bytes);
	if (r->totals != NULL)
		secret_wipe(r->totals, r->totals_bytes);
	mem_free(r->rows);
	mem_free(r->totals);
	*r = (struct scan_result){0};
}

/* What the program makes of the canaries of a page. */
static amt_status expect_page(struct reading *r, uint64_t page, uint64_t *code, int64_t *node)
{
	const struct scan_asked *a = r->asked;
	const struct scan_table *t = a->table;
	bool valid[SCAN_CANARIES];
	TRY(scan_canary_valid(
		a->canary_key, a->valid_id != NULL ? a->valid_id[page] : page, valid));
	for (unsigned c = 0; c < t->columns; c++)
		if (scan_table_column(t, c) != NULL)
			TRY(scan_canary_codes(a->canary_key, c, &t->column[c],
				a->page_id != NULL ? a->page_id[page] : page,
				code + (size_t)c * SCAN_CANARIES));
	uint64_t *row = code + (size_t)t->columns * SCAN_CANARIES;
	for (unsigned i = 0; i < SCAN_CANARIES; i++) {
		for (unsigned c = 0; c < t->columns; c++)
			row[c] = code[(size_t)c * SCAN_CANARIES + i];
		TRY(scan_evaluate_left_out(a->program, t, row, valid[i], a->scalar, node,
			r->expected + (page * SCAN_CANARIES + i) * a->program->outputs));
	}
	return STATUS_OK;
}

static amt_status expect(struct reading *r)
{
	const struct scan_asked *a = r->asked;
	uint64_t *code = NULL;
	int64_t *node = NULL;
	TRY(mem_array(&r->expected, a->pages * SCAN_CANARIES + 1,
		a->program->outputs * sizeof(*r->expected)));
	amt_status s = mem_array(
		&code, (size_t)(a->table->columns + 1) * (SCAN_CANARIES + 1), sizeof(*code));
	if (amt_ok(s))
		s = mem_array(&node, (size_t)a->program->nodes + 1, sizeof(*node));
	for (uint64_t page = 0; amt_ok(s) && page < a->pages; page++)
		s = expect_page(r, page, code, node);
	mem_free(code);
	mem_free(node);
	return s;
}

static amt_status read_answer(struct reading *r, uint64_t index)
{
	size_t each = bgv_answer_bytes(r->ring);
	double noise, limit = BGV_ANSWER_BITS - 1;
	TRY(bgv_answer_decrypt(
		r->secret, span_of(r->answers.data + index * each, each), r->plain, &noise));
	bgv_slots_decode(r->ring, r->slot, r->plain);
	if (limit - noise < r->out->noise_margin_bits)
		r->out->noise_margin_bits = limit - noise;
	return STATUS_OK;
}

static amt_status wrong_canary(uint64_t page)
{
	FAIL(AMT_INTEGRITY, "a canary row of page %llu is not what the query makes of it",
		(unsigned long long)page);
}

/* Bits and sums are multiples of their scale until it is divided away. */
static uint64_t scale_of(const struct scan_asked *a)
{
	return a->scale != 0 ? a->scale : 1;
}

/* A canary whose row the validity leaves out may be anything, -1 as well: what counts is the sum over the
 * pages that share the answer. */
static amt_status check_rows_canaries(
	const struct reading *r, uint32_t output, uint64_t first, uint64_t pages)
{
	uint32_t outputs = r->asked->program->outputs;
	for (unsigned i = 0; i < SCAN_CANARIES; i++) {
		uint64_t sum = 0;
		for (uint64_t page = 0; page < pages; page++)
			sum += (uint64_t)
				       r->expected[((first + page) * SCAN_CANARIES + i) * outputs +
						   output]
			       << page;
		if (r->slot[scan_canary_slot(r->ring, r->canary_class, i)] != sum % BGV_T)
			return wrong_canary(first);
	}
	return STATUS_OK;
}

static amt_status rows_page(
	const struct reading *r, uint32_t *rows, uint64_t page, const uint64_t *unscaled)
{
	const struct scan_asked *a = r->asked;
	unsigned per_page = scan_page_rows(r->ring), shift = page % SCAN_ROWS_PAGES;
	uint64_t first = page * per_page;
	uint32_t seen = 0;
	for (unsigned i = 0; i < per_page; i++) {
		uint32_t bit = unscaled[scan_slot(r->ring, r->canary_class, i)] >> shift & 1;
		if (first + i < a->rows)
			rows[first + i] = bit;
		else
			seen |= bit;
	}
	ENSURE(seen == 0, AMT_INTEGRITY, "a slot that holds no row matches");
	return STATUS_OK;
}

static amt_status read_rows(struct reading *r, uint32_t output, uint32_t *rows, uint64_t *index)
{
	const struct scan_asked *a = r->asked;
	unsigned per_page = scan_page_rows(r->ring);
	uint64_t unscale = inverse(scale_of(a));
	for (uint64_t first = 0; first < a->pages; first += SCAN_ROWS_PAGES) {
		uint64_t pages = a->pages - first;
		pages = pages < SCAN_ROWS_PAGES ? pages : SCAN_ROWS_PAGES;
		TRY(read_answer(r, (*index)++));
		TRY(check_rows_canaries(r, output, first, pages));
		for (size_t s = 0; s < r->ring->n; s++)
			r->plain[s] = r->slot[s] * unscale % BGV_T;
		for (unsigned i = 0; i < per_page; i++)
			ENSURE(r->plain[scan_slot(r->ring, r->canary_class, i)] >> pages == 0,
				AMT_INTEGRITY, "match bits beyond the last page");
		for (uint64_t page = first; page < first + pages; page++)
			TRY(rows_page(r, rows, page, r->plain));
	}
	return STATUS_OK;
}

/* A run of an output: pages, how often it is folded, where it is kept. */
struct total_run {
	uint32_t output;
	uint64_t first, pages;
	unsigned fold_log2, place;
};

/* What the canaries that were folded into slot s have become. */
static uint64_t expected_total(const struct reading *r, const struct total_run *t, size_t s)
{
	const struct scan_asked *a = r->asked;
	size_t run = r->ring->n / 2 / SCAN_CANARIES, step = SCAN_CANARIES >> t->fold_log2;
	uint64_t sum = 0;
	for (uint64_t page = t->first; page < t->first + t->pages; page++)
		for (size_t i = s / run % step; i < SCAN_CANARIES; i += step)
			sum += r->expected[(page * SCAN_CANARIES + i) * a->program->outputs +
					   t->output];
	return sum % BGV_T;
}

/* The run's sum, out of the answer at hand. */
static amt_status read_run(struct reading *r, const struct total_run *t, uint64_t *total)
{
	size_t half = r->ring->n / 2, width = half >> t->fold_log2, run = half / SCAN_CANARIES;
	uint64_t unscale = inverse(scale_of(r->asked));
	for (size_t s = t->place * width; s < (t->place + 1) * width; s++) {
		*total += r->slot[half + s] * unscale % BGV_T;
		if (s % run != r->canary_class)
			*total += r->slot[s] * unscale % BGV_T;
		else if (r->slot[s] != expected_total(r, t, s))
			return wrong_canary(t->first);
	}
	return STATUS_OK;
}

/* All runs of a fold, answer by answer. */
static amt_status read_fold(struct reading *r, unsigned fold_log2)
{
	const struct scan_asked *a = r->asked;
	uint64_t number = 0, mask = (1u << fold_log2) - 1;
	for (uint32_t i = 0; i < a->program->outputs; i++) {
		const struct scan_output *o = &a->program->output[i];
		if (o->kind != SCAN_TOTAL || scan_total_fold_log2(o, a->fit, a->pages) != fold_log2)
			continue;
		uint64_t each = scan_total_pages(o);
		for (uint64_t first = 0; first < a->pages; first += each, number++) {
			struct total_run t = {.output = i,
				.first = first,
				.pages = a->pages - first < each ? a->pages - first : each,
				.fold_log2 = fold_log2,
				.place = (unsigned)(number & mask)};
			if (t.place == 0)
				TRY(read_answer(r, r->layout.rows + r->layout.first[fold_log2] +
							   (number >> fold_log2)));
			TRY(read_run(r, &t, &r->out->totals[i]));
		}
	}
	return STATUS_OK;
}

static amt_status read_all(struct reading *r)
{
	const struct scan_asked *a = r->asked;
	uint64_t index = 0, kinds = 0;
	ENSURE(r->answers.size == (r->layout.rows + r->layout.totals) * bgv_answer_bytes(r->ring),
		AMT_INTEGRITY, "the answers of a scan are %zu bytes, not %zu", r->answers.size,
		(size_t)(r->layout.rows + r->layout.totals) * bgv_answer_bytes(r->ring));
	for (uint32_t i = 0; i < a->program->outputs; i++)
		kinds += a->program->output[i].kind == SCAN_ROWS;
	r->out->rows_bytes = (kinds * a->rows + 1) * sizeof(*r->out->rows);
	r->out->totals_bytes = (a->program->outputs + 1) * sizeof(*r->out->totals);
	TRY(mem_zalloc(&r->out->rows, r->out->rows_bytes));
	TRY(mem_zalloc(&r->out->totals, r->out->totals_bytes));
	TRY(mem_alloc_aligned(&r->plain, r->ring->n * sizeof(*r->plain)));
	TRY(mem_array(&r->slot, r->ring->n, sizeof(*r->slot)));
	TRY(scan_canary_class(r->ring, a->canary_key, &r->canary_class));
	TRY(expect(r));
	uint32_t *rows = r->out->rows;
	for (uint32_t i = 0; i < a->program->outputs; i++) {
		if (a->program->output[i].kind != SCAN_ROWS)
			continue;
		TRY(read_rows(r, i, rows, &index));
		rows += a->rows;
	}
	for (unsigned fold = 0; fold <= SCAN_FOLD_LOG2; fold++)
		TRY(read_fold(r, fold));
	return STATUS_OK;
}

amt_status scan_result_get(struct scan_result *out, const struct bgv_secret *secret,
	const struct scan_asked *asked, struct span answers)
{
	*out = (struct scan_result){.noise_margin_bits = BGV_ANSWER_BITS};
	struct reading r = {.secret = secret,
		.ring = bgv_secret_ring(secret),
		.asked = asked,
		.out = out,
		.layout = scan_answers_of(asked->program, asked->fit, asked->pages),
		.answers = answers};
	amt_status s = read_all(&r);
	if (r.plain != NULL)
		secret_wipe(r.plain, r.ring->n * sizeof(*r.plain));
	if (r.slot != NULL)
		secret_wipe(r.slot, r.ring->n * sizeof(*r.slot));
	mem_free_aligned(r.plain, r.ring->n * sizeof(*r.plain));
	mem_free(r.slot);
	mem_free(r.expected);
	if (!amt_ok(s))
		scan_result_free(out);
	return s;
}

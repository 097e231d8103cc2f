/* From nodes to what is sent: match bits packed by pages, totals added up, folded and put into one
 * answer beside each other. An accumulator lives from its first page to its last. */
#include "scan/run_inside.h"

#include "base/alloc.h"

#include <string.h>

/* A total over a run of pages: products at one limb more than what is linear. */
struct total {
	struct bgv_ct product, linear; /* 3 and 2 parts; no data: none yet */
	uint64_t pages_left;
	uint64_t answer; /* which it goes to, among those of totals */
	unsigned place;	 /* and where in it */
};

/* The bits of 16 pages. */
struct packed_rows {
	struct bgv_ct ct;
	uint64_t pages_left;
};

struct run_output {
	pthread_mutex_t lock;
	struct total *total;
	struct packed_rows *rows;
	uint64_t count; /* of either */
	uint64_t first; /* rows: number of the first answer */
	unsigned fold_log2;
};

struct run_answers {
	struct scan_answers layout;
	struct run_output *output;
	uint32_t outputs;
	/* Answers of totals, with the runs they still wait for. */
	pthread_mutex_t lock;
	struct bgv_ct *gathered;
	unsigned *waits;
	uint8_t *bytes; /* of all answers, rows first */
	/* By fold, 2^fold plaintext polynomials of n coefficients; NULL where no output is folded so. */
	uint64_t *mask[SCAN_FOLD_LOG2 + 1];
};

static size_t answer_bytes(const struct run *r)
{
	return bgv_answer_bytes(r->ring);
}

/* ---- making room */

static amt_status make_masks(struct run *r, unsigned fold_log2)
{
	struct run_answers *a = r->answers;
	size_t n = r->ring->n, half = n / 2, width = half >> fold_log2;
	uint64_t **mask = &a->mask[fold_log2];
	uint32_t *slot;
	if (fold_log2 == 0 || a->layout.runs[fold_log2] == 0)
		return STATUS_OK;
	TRY(mem_alloc_aligned(mask, (n << fold_log2) * sizeof(**mask)));
	TRY(mem_array(&slot, n, sizeof(*slot)));
	for (size_t f = 0; f < (size_t)1 << fold_log2; f++) {
		for (size_t s = 0; s < half; s++)
			slot[s] = slot[half + s] = s / width == f;
		bgv_slots_encode(r->ring, *mask + f * n, slot);
	}
	mem_free(slot);
	return STATUS_OK;
}

static amt_status make_rows(struct run *r, struct run_output *out, uint64_t first)
{
	out->first = first;
	out->count = (r->pages + SCAN_ROWS_PAGES - 1) / SCAN_ROWS_PAGES;
	TRY(mem_array(&out->rows, out->count + 1, sizeof(*out->rows)));
	for (uint64_t i = 0; i < out->count; i++) {
		uint64_t left = r->pages - i * SCAN_ROWS_PAGES;
		out->rows[i].pages_left = left < SCAN_ROWS_PAGES ? left : SCAN_ROWS_PAGES;
	}
	return STATUS_OK;
}

/* `runs`: how many runs of each fold there were before. */
static amt_status make_totals(
	struct run *r, const struct scan_output *o, struct run_output *out, uint64_t *runs)
{
	const struct scan_answers *layout = &r->answers->layout;
	uint64_t each = scan_total_pages(o);
	unsigned fold = scan_total_fold_log2(o, r->fit, r->pages);
	out->fold_log2 = fold;
	out->count = scan_total_runs(o, r->pages);
	TRY(mem_array(&out->total, out->count + 1, sizeof(*out->total)));
	for (uint64_t i = 0; i < out->count; i++) {
		uint64_t left = r->pages - i * each, number = runs[fold]++;
		out->total[i].pages_left = left < each ? left : each;
		out->total[i].answer = layout->first[fold] + (number >> fold);
		out->total[i].place = (unsigned)(number & ((1u << fold) - 1));
		r->answers->waits[out->total[i].answer]++;
	}
	return STATUS_OK;
}

static amt_status make_outputs(struct run *r)
{
	struct run_answers *a = r->answers;
	uint64_t rows = 0, runs[SCAN_FOLD_LOG2 + 1] = {0};
	TRY(mem_array(&a->output, r->p->outputs, sizeof(*a->output)));
	for (a->outputs = 0; a->outputs < r->p->outputs; a->outputs++)
		pthread_mutex_init(&a->output[a->outputs].lock, NULL);
	TRY(mem_array(&a->gathered, a->layout.totals + 1, sizeof(*a->gathered)));
	TRY(mem_array(&a->waits, a->layout.totals + 1, sizeof(*a->waits)));
	for (uint32_t i = 0; i < r->p->outputs; i++) {
		struct run_output *out = &a->output[i];
		if (r->p->output[i].kind == SCAN_ROWS) {
			TRY(make_rows(r, out, rows));
			rows += out->count;
		} else {
			TRY(make_totals(r, &r->p->output[i], out, runs));
		}
	}
	return mem_array(&a->bytes, a->layout.rows + a->layout.totals + 1, answer_bytes(r));
}

amt_status run_answers_new(struct run *r)
{
	TRY(mem_zalloc(&r->answers, sizeof(*r->answers)));
	pthread_mutex_init(&r->answers->lock, NULL);
	r->answers->layout = scan_answers_of(r->p, r->fit, r->pages);
	TRY(make_outputs(r));
	for (unsigned fold = 1; fold <= SCAN_FOLD_LOG2; fold++)
		TRY(make_masks(r, fold));
	return STATUS_OK;
}

void run_answers_free(struct run *r)
{
	struct run_answers *a = r->answers;
	if (a == NULL)
		return;
	for (uint32_t i = 0; i < a->outputs; i++) {
		struct run_output *o = &a->output[i];
		for (uint64_t k = 0; o->total != NULL && k < o->count; k++) {
			bgv_ct_free(&o->total[k].product);
			bgv_ct_free(&o->total[k].linear);
		}
		for (uint64_t k = 0; o->rows != NULL && k < o->count; k++)
			bgv_ct_free(&o->rows[k].ct);
		mem_free(o->total);
		mem_free(o->rows);
		pthread_mutex_destroy(&o->lock);
	}
	for (uint64_t i = 0; a->gathered != NULL && i < a->layout.totals; i++)
		bgv_ct_free(&a->gathered[i]);
	mem_free(a->output);
	mem_free(a->gathered);
	mem_free(a->waits);
	mem_free(a->bytes);
	for (unsigned fold = 0; fold <= SCAN_FOLD_LOG2; fold++)
		mem_free_aligned(a->mask[fold], (r->ring->n << fold) * sizeof(uint64_t));
	pthread_mutex_destroy(&a->lock);
	mem_free(a);
	r->answers = NULL;
}

amt_status run_answers_put(struct run *r, struct buf *out)
{
	const struct run_answers *a = r->answers;
	return buf_put(out, a->bytes, (a->layout.rows + a->layout.totals) * answer_bytes(r));
}

/* ---- sending */

/* All limbs but one go; what is left becomes answer `index`. */
static amt_status put_answer(struct run *r, struct bgv_ct *ct, uint64_t index)
{
	struct buf bytes = {0};
	amt_status s = STATUS_OK;
	while (amt_ok(s) && ct->limbs > 1)
		s = bgv_mod_switch(r->ring, ct, NULL);
	if (amt_ok(s))
		s = bgv_answer_put(r->ring, ct, &bytes);
	if (amt_ok(s))
		memcpy(r->answers->bytes + index * answer_bytes(r), bytes.data, bytes.size);
	buf_free(&bytes);
	return s;
}

static amt_status new_zero(struct run *r, struct bgv_ct *ct, unsigned limbs, unsigned parts)
{
	if (ct->data != NULL)
		return STATUS_OK;
	TRY(bgv_ct_new(ct, r->ring, limbs, parts));
	memset(ct->data, 0, (size_t)parts * limbs * r->ring->n * sizeof(uint64_t));
	return STATUS_OK;
}

/* ---- rows */

static amt_status add_rows(struct run_batch *b, uint32_t output)
{
	struct run *r = b->run;
	struct run_output *o = &r->answers->output[output];
	for (unsigned page = 0; page < b->pages; page++) {
		uint64_t at = b->first + page;
		struct packed_rows *rows = &o->rows[at / SCAN_ROWS_PAGES];
		pthread_mutex_lock(&o->lock);
		amt_status s = new_zero(r, &rows->ct, SCAN_ROWS_LEVEL, 2);
		if (amt_ok(s))
			run_add_linear(r->ring, &rows->ct,
				run_ct(b, r->p->output[output].node, page),
				1 << at % SCAN_ROWS_PAGES);
		bool last = amt_ok(s) && --rows->pages_left == 0;
		pthread_mutex_unlock(&o->lock);
		TRY(s);
		if (last) {
			TRY(put_answer(r, &rows->ct, o->first + at / SCAN_ROWS_PAGES));
			bgv_ct_free(&rows->ct);
		}
	}
	return STATUS_OK;
}

/* ---- totals */

/* Every slot becomes the sum of the slots of its class, the mask keeps one run of slots. */
static amt_status fold(struct run *r, struct bgv_ct *ct, unsigned fold_log2, unsigned place)
{
	struct run_answers *a = r->answers;
	struct bgv_ct turned = {0}, kept = {0};
	unsigned half = (unsigned)r->ring->n / 2;
	amt_status s = bgv_ct_new(&turned, r->ring, ct->limbs, 2);
	if (amt_ok(s))
		s = bgv_ct_new(&kept, r->ring, ct->limbs, 2);
	for (unsigned f = 2; amt_ok(s) && f <= 1u << fold_log2; f *= 2) {
		s = bgv_automorphism(
			r->ring, r->keys, &turned, ct, bgv_rotation(r->ring, half / f), NULL);
		if (amt_ok(s))
			bgv_add(r->ring, ct, ct, &turned);
	}
	if (amt_ok(s))
		s = bgv_mul_plain(r->ring, &kept, ct, a->mask[fold_log2] + place * r->ring->n);
	if (amt_ok(s)) {
		struct bgv_ct swap = *ct;
		*ct = kept;
		kept = swap;
	}
	bgv_ct_free(&turned);
	bgv_ct_free(&kept);
	return s;
}

/* Takes *ct over. */
static amt_status gather_total(
	struct run *r, struct bgv_ct *ct, const struct total *t, unsigned fold_log2)
{
	struct run_answers *a = r->answers;
	if (fold_log2 > 0)
		TRY(fold(r, ct, fold_log2, t->place));
	pthread_mutex_lock(&a->lock);
	struct bgv_ct *sum = &a->gathered[t->answer];
	if (sum->data == NULL) {
		*sum = *ct;
		*ct = (struct bgv_ct){0};
	} else {
		bgv_add(r->ring, sum, sum, ct);
	}
	bool last = --a->waits[t->answer] == 0;
	pthread_mutex_unlock(&a->lock);
	if (!last)
		return STATUS_OK;
	TRY(put_answer(r, sum, a->layout.rows + t->answer));
	bgv_ct_free(sum);
	return STATUS_OK;
}

static amt_status finish_total(struct run *r, struct total *t, unsigned fold_log2)
{
	struct bgv_ct *ct = &t->linear;
	if (t->product.data != NULL) {
		ct = &t->product;
		TRY(bgv_relinearise_drop(r->ring, r->keys, &ct, 1, r->inner));
		if (t->linear.data != NULL)
			run_add_linear(r->ring, ct, &t->linear, 1);
	}
	amt_status s = gather_total(r, ct, t, fold_log2);
	bgv_ct_free(&t->product);
	bgv_ct_free(&t->linear);
	return s;
}

static amt_status add_page(
	struct run_batch *b, const struct scan_output *o, struct total *t, unsigned page)
{
	struct run *r = b->run;
	unsigned level = r->fit->fold_level;
	bool products = false, linear = false;
	for (uint32_t i = o->first; i < o->first + o->count; i++)
		*(r->p->term[i].b != SCAN_NONE ? &products : &linear) = true;
	if (products)
		TRY(new_zero(r, &t->product, level + 1, 3));
	if (linear)
		TRY(new_zero(r, &t->linear, level, 2));
	if (products)
		run_add_products(b, &t->product, o->first, o->count, page);
	for (uint32_t i = o->first; i < o->first + o->count; i++)
		if (r->p->term[i].b == SCAN_NONE)
			run_add_linear(r->ring, &t->linear, run_ct(b, r->p->term[i].a, page),
				r->p->term[i].factor);
	return STATUS_OK;
}

static amt_status add_total(struct run_batch *b, uint32_t output)
{
	struct run *r = b->run;
	struct run_output *o = &r->answers->output[output];
	const struct scan_output *what = &r->p->output[output];
	for (unsigned page = 0; page < b->pages; page++) {
		struct total *t = &o->total[(b->first + page) / scan_total_pages(what)];
		pthread_mutex_lock(&o->lock);
		amt_status s = add_page(b, what, t, page);
		bool last = amt_ok(s) && --t->pages_left == 0;
		pthread_mutex_unlock(&o->lock);
		TRY(s);
		if (last)
			TRY(finish_total(r, t, o->fold_log2));
	}
	return STATUS_OK;
}

amt_status run_answer(struct run_batch *b)
{
	for (uint32_t i = 0; i < b->run->p->outputs; i++)
		TRY(b->run->p->output[i].kind == SCAN_ROWS ? add_rows(b, i) : add_total(b, i));
	return STATUS_OK;
}

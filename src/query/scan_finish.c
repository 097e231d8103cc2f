/* From totals and searches to the rows of a result. */
#include "query/scan_build.h"

#include "base/alloc.h"
#include "crypto/secret.h"
#include "query/finish.h"

static uint64_t total_of(const struct scan_work_plan *w, uint32_t output)
{
	return w->total != NULL ? w->total[output] : 0;
}

static amt_status add_up(const struct scan_work_plan *w, const struct scan_pieces *p, int128 *out)
{
	*out = 0;
	for (size_t i = 0; i < p->pieces; i++) {
		int128 product;
		ENSURE(!__builtin_mul_overflow(p->piece[i].coefficient,
			       (int128)total_of(w, p->piece[i].output), &product) &&
				!__builtin_add_overflow(*out, product, out),
			AMT_OUT_OF_RANGE, "a sum leaves 128 bits");
	}
	return STATUS_OK;
}

/* The code of a column in group g. */
static uint32_t group_value(const struct scan_work_plan *w, uint32_t g, unsigned column)
{
	for (unsigned i = w->group_columns; i-- > column + 1;)
		g /= w->group[i].values;
	return g % w->group[column].values;
}

static amt_status value_of(const struct scan_plan *p, const struct scan_item *item, uint32_t g,
	struct scan_cell_value *out)
{
	const struct scan_work_plan *w = p->work;
	*out = (struct scan_cell_value){0};
	if (item->kind == SCAN_ITEM_GROUP) {
		out->code = group_value(w, g, item->group);
		out->null = w->group[item->group].nullable &&
			    out->code == w->group[item->group].values - 1;
		return STATUS_OK;
	}
	if (item->kind == SCAN_ITEM_STEP) {
		const struct scan_search *x =
			w->total != NULL ? &w->search[item->step * w->groups + g] : NULL;
		out->null = x == NULL || x->tracks == 0;
		out->code = out->null ? 0 : x->track[0].prefix;
		return STATUS_OK;
	}
	out->count = item->count != NULL ? total_of(w, item->count[g]) : 0;
	out->number = out->count;
	out->null = item->kind != SCAN_ITEM_COUNT && out->count == 0;
	if (item->kind == SCAN_ITEM_COUNT || out->null)
		return STATUS_OK;
	return add_up(w, &item->sum[g], &out->number);
}

/* ---- printing */

static amt_status print_code(
	const struct scan_plan *p, uint16_t column, uint64_t code, struct buf *out)
{
	const struct scan_work_plan *w = p->work;
	const struct column *c = &w->schema->column[column];
	struct value v = {0};
	if (c->type == COLUMN_TEXT) {
		bool known = false;
		TRY(w->options.texts->text(
			w->options.texts->context, column, code, &v.text, &known));
		ENSURE(known, AMT_INTEGRITY,
			"the answer has rows with a value that column \"%s\" never had", c->name);
	} else {
		uint64_t least, most;
		column_domain(c, &least, &most);
		ENSURE(code <= most - least, AMT_INTEGRITY,
			"the answer has rows with a value outside of the domain of column \"%s\"",
			c->name);
		v.bits = least + code;
	}
	return value_print(out, c, &v);
}

static amt_status add_cell(const struct scan_plan *p, const struct scan_item *item,
	const struct scan_cell_value *v, struct scan_cell *cell, struct buf *out)
{
	*cell = (struct scan_cell){.null = v->null, .at = out->size};
	if (v->null)
		return STATUS_OK;
	switch (item->kind) {
	case SCAN_ITEM_COUNT:
		TRY(finish_sum(v->number, 0, out));
		break;
	case SCAN_ITEM_SUM:
		TRY(finish_sum(v->number, item->poly.scale, out));
		break;
	case SCAN_ITEM_AVG:
		TRY(finish_average(v->number, item->poly.scale, v->count, out));
		break;
	default:
		TRY(print_code(p, item->column, v->code, out));
	}
	cell->size = out->size - cell->at;
	return STATUS_OK;
}

/* ---- order */

/* sum / count of both, exactly. */
static int compare_quotients(const struct scan_cell_value *a, const struct scan_cell_value *b)
{
	int128 x = a->number / (int128)a->count, y = b->number / (int128)b->count;
	if (x != y)
		return x < y ? -1 : 1;
	/* Rests are below the counts. */
	int128 rest_x = a->number % (int128)a->count * (int128)b->count;
	int128 rest_y = b->number % (int128)b->count * (int128)a->count;
	return rest_x < rest_y ? -1 : rest_x > rest_y;
}

static amt_status compare_values(const struct scan_plan *p, const struct scan_order *o,
	const struct scan_cell_value *a, const struct scan_cell_value *b, int *out)
{
	const struct scan_item *item = &p->work->item[o->item];
	if (a->null || b->null) {
		*out = a->null == b->null ? 0 : a->null == o->nulls_first ? -1 : 1;
		return STATUS_OK;
	}
	if (item->kind == SCAN_ITEM_GROUP || item->kind == SCAN_ITEM_STEP)
		TRY(scan_compare_codes(p, item->column, a->code, b->code, out));
	else if (item->kind == SCAN_ITEM_AVG)
		*out = compare_quotients(a, b);
	else
		*out = a->number < b->number ? -1 : a->number > b->number;
	if (o->descending)
		*out = -*out;
	return STATUS_OK;
}

static amt_status compare_rows(const struct scan_plan *p, const struct scan_cell_value *a,
	const struct scan_cell_value *b, int *out)
{
	*out = 0;
	for (unsigned i = 0; i < p->work->orders && *out == 0; i++) {
		unsigned item = p->work->order[i].item;
		TRY(compare_values(p, &p->work->order[i], &a[item], &b[item], out));
	}
	return STATUS_OK;
}

/* Stable; there are at most SCAN_MAX_GROUPS. */
static amt_status sort_rows(
	const struct scan_plan *p, const struct scan_cell_value *value, uint32_t *row, size_t rows)
{
	for (size_t i = 1; i < rows; i++) {
		uint32_t moving = row[i];
		size_t at = i;
		for (; at > 0; at--) {
			int c;
			TRY(compare_rows(p, value + (size_t)row[at - 1] * p->work->items,
				value + (size_t)moving * p->work->items, &c));
			if (c <= 0)
				break;
			row[at] = row[at - 1];
		}
		row[at] = moving;
	}
	return STATUS_OK;
}

/* ---- whole results */

static amt_status groups(const struct scan_plan *p, struct scan_cell_value *value, uint32_t *row,
	struct scan_answer *out)
{
	const struct scan_work_plan *w = p->work;
	size_t rows = 0;
	for (uint32_t g = 0; g < w->groups; g++) {
		bool there = !w->grouped ||
			     (w->group_count != NULL && total_of(w, w->group_count[g]) > 0);
		if (!there)
			continue;
		struct scan_cell_value *values = &value[(size_t)g * w->items];
		for (unsigned i = 0; i < w->items; i++)
			TRY(value_of(p, &w->item[i], g, &values[i]));
		TRY(scan_having_holds(p, values, &there));
		if (there)
			row[rows++] = g;
	}
	TRY(sort_rows(p, value, row, rows));
	uint64_t first, count;
	arrange_cut(&p->shown, rows, &first, &count);
	out->rows = (size_t)count;
	TRY(mem_array(&out->cell, out->rows * p->headings + 1, sizeof(*out->cell)));
	for (size_t r = 0; r < out->rows; r++)
		for (unsigned i = 0; i < p->headings; i++)
			TRY(add_cell(p, &w->item[i], &value[(size_t)row[first + r] * w->items + i],
				&out->cell[r * p->headings + i], &out->text));
	return STATUS_OK;
}

static amt_status add_top(const struct scan_plan *p, struct scan_cell_value v, uint64_t times,
	struct scan_answer *out)
{
	for (; times > 0 && out->rows < p->shown.limit; times--) {
		TRY(add_cell(p, &p->work->item[0], &v, &out->cell[out->rows], &out->text));
		out->rows++;
	}
	return STATUS_OK;
}

static amt_status top(const struct scan_plan *p, struct scan_answer *out)
{
	const struct scan_work_plan *w = p->work;
	const struct scan_cell_value null = {.null = true};
	TRY(mem_array(&out->cell, STEP_MAX_RANKS + 1, sizeof(*out->cell)));
	if (p->never)
		return STATUS_OK;
	uint64_t nulls = w->nulls != SCAN_NONE ? total_of(w, w->nulls) : 0;
	if (w->order[0].nulls_first)
		TRY(add_top(p, null, nulls, out));
	for (unsigned k = 0; k < w->search[0].tracks; k++)
		TRY(add_top(p, (struct scan_cell_value){.code = w->search[0].track[k].prefix},
			w->search[0].track[k].rows, out));
	return w->order[0].nulls_first ? STATUS_OK : add_top(p, null, nulls, out);
}

static amt_status finish(const struct scan_plan *p, struct scan_answer *out)
{
	const struct scan_work_plan *w = p->work;
	if (w->top)
		return top(p, out);
	struct scan_cell_value *value;
	uint32_t *row;
	size_t size = (size_t)w->groups * w->items * sizeof(*value);
	TRY(mem_zalloc(&value, size));
	amt_status s = mem_array(&row, w->groups, sizeof(*row));
	if (amt_ok(s)) {
		s = groups(p, value, row, out);
		mem_free(row);
	}
	secret_wipe(value, size);
	mem_free(value);
	return s;
}

amt_status scan_plan_finish(const struct scan_plan *p, struct scan_answer *out)
{
	*out = (struct scan_answer){0};
	ENSURE(!p->rows && (p->never || scan_plan_done(p)), AMT_INVALID_ARGUMENT,
		"the plan is not done, or selects rows");
	amt_status s = finish(p, out);
	if (!amt_ok(s))
		scan_answer_free(out);
	return s;
}

void scan_answer_free(struct scan_answer *a)
{
	if (a->text.data != NULL)
		secret_wipe(a->text.data, a->text.capacity);
	buf_free(&a->text);
	mem_free(a->cell);
	*a = (struct scan_answer){0};
}

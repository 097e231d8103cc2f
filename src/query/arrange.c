#include "query/arrange.h"

#include "base/alloc.h"
#include "query/plan.h"

#include <stdlib.h>

void arrangement_free(struct arrangement *a)
{
	mem_free(a->key);
	*a = (struct arrangement){.limit = UINT64_MAX};
}

bool arrangement_any(const struct arrangement *a)
{
	return a->keys > 0 || a->distinct || a->offset > 0 || a->limit != UINT64_MAX;
}

bool arrange_uses(
	const struct arrangement *a, const struct plan_item *item, unsigned items, unsigned column)
{
	bool used = false;
	for (unsigned i = 0; i < items; i++)
		used |= item[i].column == column;
	for (unsigned i = 0; i < a->keys; i++)
		used |= a->key[i].column == column;
	return used;
}

static amt_status print_word(struct buf *out, const char *word, bool *any)
{
	TRY(buf_printf(out, "%s%s", *any ? ", " : "", word));
	*any = true;
	return STATUS_OK;
}

amt_status arrange_print(const struct arrangement *a, struct buf *out)
{
	bool any = false;
	if (a->distinct)
		TRY(print_word(out, "DISTINCT", &any));
	if (a->keys > 0)
		TRY(print_word(out, "ORDER BY", &any));
	if (a->offset > 0) {
		TRY(print_word(out, "OFFSET ", &any));
		TRY(buf_printf(out, "%llu", (unsigned long long)a->offset));
	}
	if (a->limit != UINT64_MAX) {
		TRY(print_word(out, "LIMIT ", &any));
		TRY(buf_printf(out, "%llu", (unsigned long long)a->limit));
	}
	return STATUS_OK;
}

uint64_t arrange_wanted(const struct arrangement *a)
{
	if (a->keys > 0 || a->distinct || a->limit > UINT64_MAX - a->offset)
		return UINT64_MAX;
	return a->offset + a->limit;
}

void arrange_cut(const struct arrangement *a, uint64_t rows, uint64_t *first, uint64_t *count)
{
	*first = a->offset < rows ? a->offset : rows;
	*count = rows - *first < a->limit ? rows - *first : a->limit;
}

/* ---- comparing */

struct comparing {
	const struct arrangement *a;
	const struct schema *schema;
	const struct plan_item *item;
	unsigned items;
	const struct value *value;
};

static int compare_values(const struct column *c, const struct value *x, const struct value *y)
{
	return c->type == COLUMN_TEXT ? span_compare(x->text, y->text)
				      : (x->bits > y->bits) - (x->bits < y->bits);
}

static int by_number(size_t x, size_t y)
{
	return (x > y) - (x < y);
}

static int by_keys(const void *a, const void *b, void *context)
{
	const struct comparing *k = context;
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	for (unsigned i = 0; i < k->a->keys; i++) {
		const struct arrange_key *key = &k->a->key[i];
		const struct value *v = &k->value[x * k->schema->columns + key->column],
				   *w = &k->value[y * k->schema->columns + key->column];
		if (v->null && w->null)
			continue;
		if (v->null || w->null)
			return v->null == key->nulls_first ? -1 : 1;
		int order = compare_values(&k->schema->column[key->column], v, w);
		if (order != 0)
			return key->descending ? -order : order;
	}
	return by_number(x, y);
}

/* By what is shown of them; NULL is like NULL. */
static int by_items(const struct comparing *k, size_t x, size_t y)
{
	for (unsigned i = 0; i < k->items; i++) {
		unsigned column = k->item[i].column;
		const struct value *v = &k->value[x * k->schema->columns + column],
				   *w = &k->value[y * k->schema->columns + column];
		int order = v->null || w->null ? v->null - w->null
					       : compare_values(&k->schema->column[column], v, w);
		if (order != 0)
			return order;
	}
	return 0;
}

/* ---- DISTINCT */

struct placed {
	size_t row, place;
};

static int by_items_and_place(const void *a, const void *b, void *context)
{
	const struct placed *x = a, *y = b;
	int order = by_items(context, x->row, y->row);
	return order != 0 ? order : by_number(x->place, y->place);
}

/* Keeps the first of rows that show the same. */
static amt_status drop_repeated(struct comparing *k, size_t *row, size_t *rows)
{
	struct placed *all;
	bool *repeated = NULL;
	size_t kept = 0;
	TRY(mem_array(&all, *rows + 1, sizeof(*all)));
	amt_status s = mem_array(&repeated, *rows + 1, sizeof(*repeated));
	if (amt_ok(s)) {
		for (size_t i = 0; i < *rows; i++)
			all[i] = (struct placed){row[i], i};
		qsort_r(all, *rows, sizeof(*all), by_items_and_place, k);
		for (size_t i = 1; i < *rows; i++)
			repeated[all[i].place] = by_items(k, all[i - 1].row, all[i].row) == 0;
		for (size_t i = 0; i < *rows; i++)
			if (!repeated[i])
				row[kept++] = row[i];
		*rows = kept;
	}
	mem_free(repeated);
	mem_free(all);
	return s;
}

amt_status arrange_rows(const struct arrangement *a, const struct schema *s,
	const struct plan_item *item, unsigned items, const struct value *value, size_t *row,
	size_t rows, uint64_t *first, uint64_t *count)
{
	struct comparing k = {a, s, item, items, value};
	if (a->keys > 0)
		qsort_r(row, rows, sizeof(*row), by_keys, &k);
	if (a->distinct)
		TRY(drop_repeated(&k, row, &rows));
	arrange_cut(a, rows, first, count);
	return STATUS_OK;
}

/* Between pages in the store and columns in memory. */
#include "engine/host.h"

#include "base/alloc.h"

/* ---- loading */

struct loading {
	struct host *host;
	const struct relation *t;
	const struct family *family;
	uint64_t first;
	size_t rows;
	uint32_t *glwe;
	struct int_column *out;
};

/* Plain numbers become trivial ciphertexts, so that circuits (and hidden constants) treat all
 * columns alike. */
static amt_status load_plain(struct loading *l, const struct fragment *f, uint32_t skip,
	size_t rows, struct int_column *out)
{
	const struct tfhe_params *p = l->host->params;
	TRY(int_trivial(l->host->integers, out, (enum int_type)l->family->type, 0, rows));
	for (unsigned b = 0; b < out->blocks; b++) {
		struct int_block *block = &out->block[b];
		for (size_t r = 0; r < rows; r++) {
			uint64_t v = fragment_plain(f, l->family, skip + (uint32_t)r);
			block->lwe[r * out->stride + tfhe_big_dimension(p)] =
				(uint32_t)(v >> 2 * b & 3) << tfhe_delta_log2(p);
		}
		block->lo = 0;
		block->hi = l->family->type == INT_BOOL ? 1 : 3;
	}
	return STATUS_OK;
}

static amt_status load_encrypted(struct loading *l, const struct fragment *f, uint32_t skip,
	size_t rows, struct int_column *out)
{
	TRY(fragment_glwe(f, l->host->params, l->glwe));
	return int_unpack(l->host->integers, out, (enum int_type)l->family->type, f->blocks,
		l->glwe, skip * f->blocks, rows, 1, false);
}

/* The rows of the fragment that are wanted, appended to the column. */
static amt_status load_fragment(struct loading *l, const struct fragment *f)
{
	uint64_t begin = f->first > l->first ? f->first : l->first;
	uint64_t end = f->first + f->rows, wanted = l->first + l->rows;
	end = end < wanted ? end : wanted;
	if (begin >= end)
		return STATUS_OK;
	uint32_t skip = (uint32_t)(begin - f->first);
	struct int_column part = {0};
	amt_status s = f->wire == WIRE_PLAIN
			       ? load_plain(l, f, skip, (size_t)(end - begin), &part)
			       : load_encrypted(l, f, skip, (size_t)(end - begin), &part);
	if (amt_ok(s) && l->out->rows == 0) {
		*l->out = part;
		return STATUS_OK;
	}
	if (amt_ok(s))
		s = int_append(l->host->integers, l->out, &part);
	int_column_free(&part);
	return s;
}

static amt_status load_pages(struct loading *l, struct store_iterator *it, uint64_t row)
{
	for (;;) {
		bool valid;
		TRY(store_iterator_next(it, &valid));
		if (!valid)
			break;
		struct fragment f;
		TRY(fragment_get(&f, l->host->params, l->host->key_id, store_iterator_value(it)));
		TRY(fragment_check(&f, l->t, l->family));
		ENSURE(f.first == row, AMT_CORRUPTION, "rows from %llu of column %u are missing",
			(unsigned long long)row, l->family->column);
		row += f.rows;
		TRY(load_fragment(l, &f));
	}
	ENSURE(l->out->rows == l->rows, AMT_CORRUPTION, "rows of column %u are missing",
		l->family->column);
	return STATUS_OK;
}

amt_status host_load_column(struct host *h, const struct relation *t, const struct family *family,
	uint64_t first, size_t rows, struct int_column *out)
{
	struct loading l = {
		.host = h, .t = t, .family = family, .first = first, .rows = rows, .out = out};
	*out = (struct int_column){0};
	uint32_t page = (uint32_t)(first / family->rows_per_page);
	uint32_t last = (uint32_t)((first + rows - 1) / family->rows_per_page);
	struct host_key low = host_key_fragment(t->id, family->column, family->part, page, 0);
	struct host_key high =
		last == UINT32_MAX
			? host_key_family_end(t->id, family->column, family->part)
			: host_key_fragment(t->id, family->column, family->part, last + 1, 0);
	struct store_iterator *it;
	TRY(mem_alloc_aligned(&l.glwe, tfhe_glwe_words(h->params) * 4));
	amt_status s = store_iterator_new(
		h->store, NULL, host_key_span(&low), host_key_span(&high), 0, &it);
	if (amt_ok(s)) {
		s = load_pages(&l, it, (uint64_t)page * family->rows_per_page);
		store_iterator_free(it);
	}
	mem_free_aligned(l.glwe, tfhe_glwe_words(h->params) * 4);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

/* ---- packing */

static size_t held_bytes(const struct host_packer *p)
{
	return (size_t)p->limit * tfhe_lwe_stride(p->host->params) * 4;
}

void host_packer_free(struct host_packer *p)
{
	if (p->held != NULL)
		mem_free_aligned(p->held, held_bytes(p));
	p->held = NULL;
}

static amt_status pack_held(struct host_packer *p, uint32_t *glwe)
{
	const uint32_t **lwe;
	TRY(mem_array(&lwe, p->count, sizeof(*lwe)));
	for (unsigned i = 0; i < p->count; i++)
		lwe[i] = p->held + (size_t)i * tfhe_lwe_stride(p->host->params);
	amt_status s = tfhe_pack(p->host->evaluator, glwe, lwe, p->count);
	mem_free(lwe);
	TRY(s);
	unsigned count = p->count;
	p->count = 0;
	return p->full(p->context, glwe, count);
}

amt_status host_packer_finish(struct host_packer *p)
{
	if (p->count == 0)
		return STATUS_OK;
	size_t bytes = tfhe_glwe_words(p->host->params) * 4;
	uint32_t *glwe;
	TRY(mem_alloc_aligned(&glwe, bytes));
	amt_status s = pack_held(p, glwe);
	mem_free_aligned(glwe, bytes);
	return s;
}

static amt_status add_clean(struct host_packer *p, const struct int_column *column)
{
	const struct tfhe_params *params = p->host->params;
	size_t stride = tfhe_lwe_stride(params);
	if (p->held == NULL)
		TRY(mem_alloc_aligned(&p->held, held_bytes(p)));
	for (size_t r = 0; r < column->rows; r++)
		for (unsigned b = 0; b < column->blocks; b++) {
			memcpy(p->held + p->count++ * stride,
				column->block[b].lwe + r * column->stride,
				tfhe_lwe_words(params) * 4);
			if (p->count == p->limit)
				TRY(host_packer_finish(p));
		}
	return STATUS_OK;
}

amt_status host_packer_add(struct host_packer *p, const struct int_column *column)
{
	struct int_column copy = {0};
	amt_status s = int_append(p->host->integers, &copy, column);
	if (amt_ok(s))
		s = int_clean(p->host->integers, &copy);
	if (amt_ok(s))
		s = add_clean(p, &copy);
	int_column_free(&copy);
	return s;
}

/* ---- writing derived pages */

/* The page's old fragments go, but for the key that is written anyway. */
static amt_status delete_page(struct host_writer *w, uint32_t page)
{
	const struct family *f = &w->family;
	const uint8_t *id = w->relation->id;
	struct host_key low = host_key_fragment(id, f->column, f->part, page, 1);
	struct host_key high = page == UINT32_MAX
				       ? host_key_family_end(id, f->column, f->part)
				       : host_key_fragment(id, f->column, f->part, page + 1, 0);
	struct store_iterator *it;
	TRY(store_iterator_new(
		w->packer.host->store, NULL, host_key_span(&low), host_key_span(&high), 0, &it));
	bool valid = false;
	amt_status s = store_iterator_next(it, &valid);
	while (amt_ok(s) && valid) {
		s = store_batch_delete(w->batch, store_iterator_key(it));
		if (amt_ok(s))
			s = store_iterator_next(it, &valid);
	}
	store_iterator_free(it);
	return s;
}

static amt_status write_page(void *context, const uint32_t *glwe, unsigned count)
{
	struct host_writer *w = context;
	struct host *h = w->packer.host;
	struct fragment f = {.wire = WIRE_GLWE,
		.column = w->family.column,
		.part = w->family.part,
		.blocks = w->family.blocks,
		.rows = count / w->family.blocks,
		.first = w->next,
		.epoch = w->relation->epoch,
		.masks = span_of(glwe, (size_t)tfhe_big_dimension(h->params) * 4),
		.bodies = span_of(glwe + tfhe_big_dimension(h->params), (size_t)count * 4)};
	memcpy(f.table, w->relation->id, sizeof(f.table));
	uint32_t page = (uint32_t)(f.first / w->family.rows_per_page);
	struct host_key key = host_key_fragment(f.table, f.column, f.part, page, 0);
	w->next += f.rows;
	struct buf wire = {0};
	amt_status s = fragment_put(&f, h->params, h->key_id, &wire);
	if (amt_ok(s))
		s = delete_page(w, page);
	if (amt_ok(s))
		s = store_batch_put(w->batch, host_key_span(&key), buf_span(&wire));
	buf_free(&wire);
	return s;
}

void host_writer_new(struct host_writer *w, struct host *h, const struct relation *t,
	const struct family *family, struct store_batch *batch)
{
	*w = (struct host_writer){.packer = {.host = h,
					  .limit = family->rows_per_page * family->blocks,
					  .full = write_page,
					  .context = w},
		.relation = t,
		.family = *family,
		.batch = batch};
}

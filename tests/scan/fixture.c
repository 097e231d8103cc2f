#include "fixture.h"

static uint64_t state;

static uint64_t next(void) /* splitmix64 */
{
	uint64_t z = state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void fixture_open(struct fixture *f, unsigned log2n, unsigned threads)
{
	uint8_t seed[BGV_SECRET_SEED_BYTES] = {1, 2, 3};
	struct buf keys = {0};
	*f = (struct fixture){0};
	f->params = *bgv_params_for(log2n == WIDE ? 15 : 14);
	f->params.limbs = log2n == WIDE ? 12 : f->params.limbs;
	f->params.log2n = log2n;
	f->params.name = "test";
	OK(pool_new(&f->pool, threads));
	OK(bgv_ring_new(&f->ring, &f->params));
	OK(bgv_secret_new(&f->secret, f->ring, seed));
	OK(bgv_keys_make(f->secret,
		(struct bgv_keys_wanted){f->params.limbs, SCAN_PACK_LOG2, SCAN_FOLD_LOG2}, f->pool,
		NULL, NULL, &keys));
	OK(bgv_keys_open(&f->keys, f->ring, buf_span(&keys), BGV_MAX_LIMBS, f->pool, NULL, NULL));
	buf_free(&keys);
	f->table = (struct scan_table){.ring = &f->params,
		.column = f->layout,
		.valid = scan_valid_column(&f->params, f->params.limbs)};
	memset(f->canary_key, 7, sizeof(f->canary_key));
}

void fixture_column(struct fixture *f, uint64_t max, unsigned base, unsigned limb_bits, bool summed)
{
	OK(scan_column_make(
		&f->layout[f->table.columns++], &f->params, max, base, limb_bits, summed, 0));
	OK(scan_column_check(&f->layout[f->table.columns - 1], &f->params));
}

static void encrypt(struct fixture *f, unsigned column, unsigned number)
{
	unsigned per_page = scan_page_rows(f->ring);
	const struct scan_column *layout = scan_table_column(&f->table, number);
	const uint64_t *code = number == SCAN_VALID_COLUMN ? NULL : f->code[column];
	const bool *null = number == SCAN_VALID_COLUMN ? NULL : f->null[column];
	OK(mem_array(&f->page[column], f->pages, sizeof(struct buf)));
	for (uint64_t p = 0; p < f->pages; p++) {
		uint64_t first = p * per_page, rows = f->rows - first;
		rows = rows < per_page ? rows : per_page;
		OK(scan_page_make(f->secret, f->canary_key, number, layout, p,
			code != NULL ? code + first : NULL, null != NULL ? null + first : NULL,
			f->kept + first, rows, f->pool, &f->page[column][p], NULL, NULL));
		OK(scan_page_check(layout, f->ring, buf_span(&f->page[column][p])));
	}
}

void fixture_fill(struct fixture *f, uint64_t rows, uint64_t seed)
{
	unsigned per_page = scan_page_rows(f->ring);
	state = seed;
	f->rows = rows;
	f->pages = (rows + per_page - 1) / per_page;
	OK(mem_array(&f->kept, rows + 1, sizeof(bool)));
	for (uint64_t r = 0; r < rows; r++)
		f->kept[r] = next() % 16 != 0;
	for (unsigned c = 0; c < f->table.columns; c++) {
		OK(mem_array(&f->code[c], rows + 1, sizeof(uint64_t)));
		OK(mem_array(&f->null[c], rows + 1, sizeof(bool)));
		for (uint64_t r = 0; r < rows; r++) {
			uint64_t max = f->layout[c].max, v = next();
			f->code[c][r] = max == UINT64_MAX ? v : v % (max + 1);
			f->null[c][r] = c % 2 == 1 && next() % 8 == 0;
		}
		encrypt(f, c, c);
	}
	encrypt(f, MAX_COLUMNS, SCAN_VALID_COLUMN);
}

void fixture_close(struct fixture *f)
{
	for (unsigned c = 0; c <= MAX_COLUMNS; c++) {
		for (uint64_t p = 0; f->page[c] != NULL && p < f->pages; p++)
			buf_free(&f->page[c][p]);
		mem_free(f->page[c]);
		if (c < MAX_COLUMNS) {
			mem_free(f->code[c]);
			mem_free(f->null[c]);
		}
	}
	mem_free(f->kept);
	bgv_keys_free(f->keys);
	bgv_secret_free(f->secret);
	bgv_ring_free(f->ring);
	pool_free(f->pool);
}

static amt_status read_page(
	void *context, unsigned column, uint64_t page, size_t offset, size_t size, uint8_t *out)
{
	struct fixture *f = context;
	const struct buf *b = &f->page[column == SCAN_VALID_COLUMN ? MAX_COLUMNS : column][page];
	ENSURE(page < f->pages && offset + size <= b->size, AMT_TRUNCATED, "page ends");
	memcpy(out, b->data + offset, size);
	return STATUS_OK;
}

amt_status fixture_run(struct fixture *f, const struct scan_program *p, const int8_t *scalar,
	uint32_t scale, struct scan_result *out, struct scan_work *work)
{
	struct scan_fit fit;
	struct buf packed = {0}, answers = {0};
	struct scan_scalars *scalars = NULL;
	struct scan_source source = {.context = f, .read = read_page};
	TRY(scan_program_check(p, &f->table));
	TRY(scan_fit(&fit, p, &f->table, f->pages));
	OK(scan_scalars_put(f->secret, p, &fit, scalar, &packed));
	OK(scan_scalars_open(&scalars, f->ring, f->keys, p, &fit, buf_span(&packed), f->pool));
	OK(scan_run(f->ring, f->keys, p, &f->table, &fit, scalars, f->pages, &source, f->pool,
		&answers, work));
	struct scan_asked asked = {.program = p,
		.table = &f->table,
		.fit = &fit,
		.scalar = scalar,
		.scale = scale,
		.canary_key = f->canary_key,
		.pages = f->pages,
		.rows = f->rows};
	amt_status s = scan_result_get(out, f->secret, &asked, buf_span(&answers));
	scan_scalars_free(scalars);
	buf_free(&packed);
	buf_free(&answers);
	scan_fit_free(&fit);
	return s;
}

void fixture_expect(struct fixture *f, const struct scan_program *p, const int8_t *scalar,
	uint32_t scale, struct scan_result *out)
{
	uint32_t value[64];
	uint64_t code[MAX_COLUMNS];
	bool null[MAX_COLUMNS];
	OK(mem_array(&out->rows, f->rows * p->outputs + 1, sizeof(*out->rows)));
	OK(mem_array(&out->totals, p->outputs, sizeof(*out->totals)));
	for (uint64_t r = 0; r < f->rows; r++) {
		for (unsigned c = 0; c < f->table.columns; c++) {
			code[c] = f->code[c][r];
			null[c] = f->null[c][r];
		}
		OK(scan_evaluate_row(p, &f->table, code, null, scalar, NULL, value));
		for (uint32_t i = 0, k = 0; i < p->outputs; i++) {
			if (!f->kept[r])
				value[i] = 0;
			value[i] /= scale != 0 ? scale : 1;
			if (p->output[i].kind == SCAN_TOTAL)
				out->totals[i] += value[i];
			else
				out->rows[k++ * f->rows + r] = value[i];
		}
	}
}

/* ---- programs */

static uint32_t scalars(struct builder *b, unsigned count, unsigned below, unsigned at)
{
	uint32_t first = b->p.scalars;
	for (unsigned v = 0; v < count; v++)
		b->scalar[b->p.scalars++] = below ? v < at : v == at;
	return first;
}

static uint32_t digit_leaf(struct builder *b, const struct scan_column *c, unsigned column,
	unsigned digit, unsigned value, bool below)
{
	uint32_t node;
	OK(scan_add_range(&b->p, (struct scan_range){.column = (uint16_t)column,
					 .first = (uint16_t)scan_group_first(c, digit),
					 .count = c->base[digit],
					 .at = scalars(b, c->base[digit], below, value)}));
	OK(scan_leaf(&b->p, &node));
	return node;
}

static void compare(struct builder *b, const struct scan_column *c, unsigned column,
	const uint16_t *digit, unsigned first, unsigned count, uint32_t *lt, uint32_t *eq)
{
	if (count == 1) {
		if (lt != NULL)
			*lt = digit_leaf(b, c, column, first, digit[first], true);
		if (eq != NULL)
			*eq = digit_leaf(b, c, column, first, digit[first], false);
		return;
	}
	unsigned low = count / 2;
	uint32_t lt_high, eq_high, lt_low, eq_low;
	compare(b, c, column, digit, first + low, count - low, lt != NULL ? &lt_high : NULL,
		&eq_high);
	compare(b, c, column, digit, first, low, lt != NULL ? &lt_low : NULL,
		eq != NULL ? &eq_low : NULL);
	if (lt != NULL) {
		OK(scan_add_term(&b->p, (struct scan_term){lt_high, SCAN_NONE, 1}));
		OK(scan_add_term(&b->p, (struct scan_term){eq_high, lt_low, 1}));
		OK(scan_sum(&b->p, 0, lt));
	}
	if (eq != NULL)
		*eq = build_product(b, eq_high, eq_low);
}

void build_compare(struct builder *b, const struct fixture *f, unsigned column, uint64_t value,
	uint32_t *lt, uint32_t *eq)
{
	uint16_t digit[SCAN_MAX_DIGITS];
	const struct scan_column *c = &f->layout[column];
	scan_digits(c, value, digit);
	compare(b, c, column, digit, 0, c->digits, lt, eq);
}

uint32_t build_product(struct builder *b, uint32_t x, uint32_t y)
{
	uint32_t node;
	OK(scan_add_term(&b->p, (struct scan_term){x, y, 1}));
	OK(scan_sum(&b->p, 0, &node));
	return node;
}

uint32_t build_or(struct builder *b, uint32_t x, uint32_t y)
{
	uint32_t node;
	OK(scan_add_term(&b->p, (struct scan_term){x, SCAN_NONE, 1}));
	OK(scan_add_term(&b->p, (struct scan_term){y, SCAN_NONE, 1}));
	OK(scan_add_term(&b->p, (struct scan_term){x, y, -1}));
	OK(scan_sum(&b->p, 0, &node));
	return node;
}

uint32_t build_public(
	struct builder *b, unsigned column, unsigned first, unsigned count, int32_t constant)
{
	uint32_t at = 0, weight, node;
	for (unsigned i = 0; i < count; i++) {
		int32_t one = 1;
		OK(scan_add_weights(&b->p, &one, 1, &weight));
		at = i == 0 ? weight : at;
	}
	OK(scan_add_range(&b->p,
		(struct scan_range){(uint16_t)column, (uint16_t)first, (uint16_t)count, at}));
	OK(scan_public(&b->p, constant, &node));
	return node;
}

void build_total(struct builder *b, uint32_t x, uint32_t y, uint32_t max)
{
	OK(scan_add_term(&b->p, (struct scan_term){x, y, 1}));
	OK(scan_total(&b->p, max));
}

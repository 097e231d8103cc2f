/* Table records and the layout of families. */
#include "engine/relation.h"

#include "base/alloc.h"

void relation_free(struct relation *t)
{
	for (unsigned i = 0; t->dictionary != NULL && i < t->schema.columns; i++)
		buf_free(&t->dictionary[i]);
	mem_free(t->dictionary);
	buf_free(&t->removed);
	mem_free(t->page);
	schema_free(&t->schema);
	memset(t, 0, sizeof(*t));
}

amt_status relation_put(const struct relation *t, struct buf *out)
{
	TRY(buf_put(out, t->id, sizeof(t->id)));
	TRY(buf_put_u64(out, t->epoch));
	TRY(buf_put_u64(out, t->rows));
	TRY(buf_put_u64(out, t->deleted));
	TRY(buf_put_span(out, span_of(t->derived, t->schema.columns * sizeof(*t->derived))));
	size_t length_at = out->size;
	TRY(buf_put_u32(out, 0));
	TRY(schema_put(&t->schema, out));
	store_u32(out->data + length_at, (uint32_t)(out->size - length_at - 4));
	if (!relation_has_scan(t))
		return STATUS_OK;
	TRY(buf_put_u64(out, t->packed));
	TRY(buf_put_u64(out, t->gone));
	TRY(buf_put_u32(out, t->pages * (uint32_t)sizeof(*t->page)));
	return buf_put(out, t->page, t->pages * sizeof(*t->page));
}

static amt_status get_scan(struct relation *out, struct reader *r)
{
	struct span pages;
	TRY(read_u64(r, &out->packed));
	TRY(read_u64(r, &out->gone));
	TRY(read_span(r, SIZE_MAX, &pages));
	ENSURE(out->packed <= out->rows && out->gone <= out->epoch &&
			pages.size == relation_pages_for(out, out->packed) * sizeof(*out->page),
		AMT_CORRUPTION, "a table record with impossible scan pages");
	out->pages = (uint32_t)(pages.size / sizeof(*out->page));
	TRY(mem_dup(&out->page, pages.data, pages.size));
	for (uint32_t i = 0; i < out->pages; i++)
		ENSURE(out->page[i].epoch <= out->page[i].valid_epoch &&
				out->page[i].valid_epoch <= out->epoch,
			AMT_CORRUPTION, "a table record with a page of a time to come");
	return STATUS_OK;
}

static amt_status get_fields(struct relation *out, struct span in)
{
	struct reader r = reader_of(in, "table record");
	TRY(read_copy(&r, out->id, sizeof(out->id)));
	TRY(read_u64(&r, &out->epoch));
	TRY(read_u64(&r, &out->rows));
	TRY(read_u64(&r, &out->deleted));
	struct span derived, schema;
	TRY(read_span(&r, sizeof(out->derived), &derived));
	TRY(read_span(&r, SIZE_MAX, &schema));
	TRY(schema_get(&out->schema, schema));
	ENSURE(derived.size == out->schema.columns * sizeof(*out->derived) && out->epoch > 0 &&
			out->rows <= RELATION_MAX_ROWS && out->deleted <= out->epoch,
		AMT_CORRUPTION, "a table record with impossible values");
	memcpy(out->derived, derived.data, derived.size);
	for (unsigned i = 0; i < out->schema.columns; i++)
		ENSURE(out->derived[i][0] <= out->epoch && out->derived[i][1] <= out->epoch,
			AMT_CORRUPTION, "a table record with a change of a time to come");
	if (relation_has_scan(out))
		TRY(get_scan(out, &r));
	return read_end(&r);
}

amt_status relation_get(struct relation *out, struct span in)
{
	memset(out, 0, sizeof(*out));
	amt_status s = get_fields(out, in);
	if (!amt_ok(s))
		relation_free(out);
	return s;
}

/* What is not in the record. */
static amt_status copy_own(struct relation *out, const struct relation *t)
{
	TRY(buf_put(&out->removed, t->removed.data, t->removed.size));
	if (t->dictionary == NULL)
		return STATUS_OK;
	TRY(mem_array(&out->dictionary, t->schema.columns, sizeof(*out->dictionary)));
	for (unsigned i = 0; i < t->schema.columns; i++)
		TRY(buf_put(&out->dictionary[i], t->dictionary[i].data, t->dictionary[i].size));
	return STATUS_OK;
}

amt_status relation_copy(struct relation *out, const struct relation *t)
{
	struct buf record = {0};
	amt_status s = relation_put(t, &record);
	if (amt_ok(s))
		s = relation_get(out, buf_span(&record));
	buf_free(&record);
	TRY(s);
	s = copy_own(out, t);
	if (!amt_ok(s))
		relation_free(out);
	return s;
}

void relation_apply(struct relation *t, const struct circuit *c)
{
	t->epoch++;
	for (size_t i = 0; i < c->outputs; i++) {
		const struct circuit_output *o = &c->output[i];
		if (o->sink != CIRCUIT_STORE)
			continue;
		if (o->part == CIRCUIT_VALID)
			t->deleted = t->epoch;
		else if (o->index < t->schema.columns)
			t->derived[o->index][o->part] = t->epoch;
	}
}

static enum int_type unsigned_type(unsigned bits)
{
	switch (bits) {
	case 1:
		return INT_BOOL;
	case 8:
		return INT_U8;
	case 16:
		return INT_U16;
	case 32:
		return INT_U32;
	default:
		return INT_U64;
	}
}

static struct family numbers(const struct tfhe_params *p, unsigned column, unsigned part,
	uint8_t form, enum int_type type)
{
	unsigned blocks = int_type_blocks(type);
	return (struct family){.column = (uint16_t)column,
		.part = (uint8_t)part,
		.form = form,
		.type = (uint8_t)type,
		.blocks = (uint8_t)blocks,
		.rows_per_page =
			form == FORM_PLAIN ? RELATION_PLAIN_PAGE : tfhe_poly_size(p) / blocks};
}

amt_status relation_check_forms(const struct schema *s, const struct tfhe_params *p)
{
	for (unsigned i = 0; i < s->columns; i++) {
		const struct column *c = &s->column[i];
		ENSURE(!(c->forms & FORM_SCAN) || (c->forms & FORM_PAYLOAD), AMT_UNSUPPORTED,
			"column %s: the scan form needs a payload beside it", c->name);
		bool computed = c->forms & (FORM_ARITH | FORM_PLAIN);
		ENSURE(c->forms != 0 && !(computed && column_blocks(c) == 0), AMT_UNSUPPORTED,
			"column %s: %s has no arith or plain form", c->name,
			column_type_name((enum column_type)c->type));
		ENSURE((c->forms & (FORM_ARITH | FORM_PLAIN)) != (FORM_ARITH | FORM_PLAIN),
			AMT_UNSUPPORTED, "column %s: arith or plain, not both", c->name);
		ENSURE(column_blocks(c) <= tfhe_poly_size(p), AMT_UNSUPPORTED,
			"column %s is too wide for the parameters", c->name);
	}
	return STATUS_OK;
}

bool relation_has_payload(const struct schema *s)
{
	for (unsigned i = 0; i < s->columns; i++)
		if (s->column[i].forms & FORM_PAYLOAD)
			return true;
	return false;
}

bool relation_family(const struct relation *t, const struct tfhe_params *p, unsigned column,
	unsigned part, struct family *out)
{
	if (column == RELATION_PAYLOAD) {
		*out = (struct family){.column = RELATION_PAYLOAD,
			.form = FORM_PAYLOAD,
			.rows_per_page = RELATION_PAYLOAD_PAGE};
		return part == CIRCUIT_VALUE && relation_has_payload(&t->schema);
	}
	if (part == CIRCUIT_VALID) {
		*out = numbers(p, 0, CIRCUIT_VALID, FORM_ARITH, INT_BOOL);
		return column == 0 && relation_has_deletes(t);
	}
	if (column >= t->schema.columns || part > CIRCUIT_NULL_FLAG)
		return false;
	const struct column *c = &t->schema.column[column];
	uint8_t form = c->forms & (FORM_ARITH | FORM_PLAIN);
	if (form == 0 || (part == CIRCUIT_NULL_FLAG && c->not_null))
		return false;
	*out = numbers(p, column, part, form,
		part == CIRCUIT_VALUE ? unsigned_type(column_bits(c)) : INT_BOOL);
	return true;
}

unsigned relation_families(
	const struct relation *t, const struct tfhe_params *p, struct family *out)
{
	unsigned n = 0;
	for (unsigned i = 0; i < t->schema.columns; i++)
		for (unsigned part = CIRCUIT_VALUE; part <= CIRCUIT_NULL_FLAG; part++)
			n += relation_family(t, p, i, part, &out[n]);
	n += relation_family(t, p, 0, CIRCUIT_VALID, &out[n]);
	n += relation_family(t, p, RELATION_PAYLOAD, CIRCUIT_VALUE, &out[n]);
	return n;
}

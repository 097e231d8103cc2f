/* The scan form of columns as layouts of slots. */
#include "query/schema.h"
#include "base/alloc.h"

unsigned scan_default_depth(const struct bgv_params *ring)
{
	return ring->limbs > SCAN_LONG_RING ? SCAN_LONG_DEPTH : SCAN_DEPTH;
}

amt_status column_scan_layout(
	const struct column *c, const struct bgv_params *ring, struct scan_column *out)
{
	*out = (struct scan_column){0};
	ENSURE((c->forms & FORM_SCAN) != 0, AMT_INVALID_ARGUMENT, "column \"%s\" has no form scan",
		c->name);
	const struct scan_options *o = &c->scan;
	amt_status made = scan_column_make(out, ring, column_scan_max(c), o->base,
		o->limb_bits != 0 ? o->limb_bits : SCAN_LIMB_BITS, o->summed,
		o->depth != 0 ? o->depth : scan_default_depth(ring));
	return amt_ok(made) ? made : WRAP(made, "column \"%s\"", c->name);
}

static amt_status fill(const struct schema *s, struct scan_table *t, struct scan_column *column)
{
	unsigned stored = 1;
	for (unsigned i = 0; i < s->columns; i++) {
		if ((s->column[i].forms & FORM_SCAN) == 0)
			continue;
		TRY(column_scan_layout(&s->column[i], t->ring, &column[i]));
		if (column[i].stored > stored)
			stored = column[i].stored;
	}
	/* The validity joins any predicate: as long as the longest. */
	t->valid = scan_valid_column(t->ring, stored);
	return STATUS_OK;
}

amt_status schema_scan_table(const struct schema *s, struct scan_table *out)
{
	*out = (struct scan_table){.columns = s->columns, .ring = bgv_params_for(s->ring_log2)};
	ENSURE(out->ring != NULL, AMT_UNSUPPORTED, "table \"%s\" has no scan column", s->table);
	struct scan_column *column;
	TRY(mem_array(&column, s->columns, sizeof(*column)));
	amt_status made = fill(s, out, column);
	if (amt_ok(made))
		out->column = column;
	else
		mem_free(column);
	return made;
}

void schema_scan_free(struct scan_table *t)
{
	mem_free((void *)t->column);
	*t = (struct scan_table){0};
}

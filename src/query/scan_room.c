/* What does not fit: which options of CREATE TABLE would have it scanned. Plans are made for tables of the
 * same columns, from the least change to the largest, until one fits. */
#include "query/scan_build.h"

#include "base/alloc.h"

#include <stdio.h>

enum { LARGEST_RING_LOG2 = 15, MORE_DEPTH = 3 };

/* The products that the round in hand leaves to be made after a column's own comparison. */
static unsigned needed_depth(const struct scan_plan *p, unsigned column)
{
	const struct scan_column *c = &p->table.column[column];
	unsigned least = scan_least_limbs(c), most = 0;
	for (uint32_t i = 0; i < p->program.nodes; i++) {
		const struct scan_node *n = &p->program.node[i];
		for (uint32_t k = n->first; n->op != SCAN_SUM && k < n->first + n->count; k++) {
			const struct scan_range *r = &p->program.range[k];
			unsigned made = p->fit.level[i] + (n->op == SCAN_LEAF);
			if (r->column == column && scan_range_group(c, r) < c->digits &&
				made > most)
				most = made;
		}
	}
	return most > least ? most - least : 0;
}

/* Whether the statement can be scanned in a table of this schema; depth (unless NULL): what it takes of
 * each column, in the first round. */
static amt_status would_fit(const struct scan_plan *p, const struct schema *schema, bool *fits,
	uint8_t depth[SCHEMA_MAX_COLUMNS])
{
	struct scan_plan other = {0};
	amt_status s = scan_plan_begin(&other, p->work->statement, schema, &p->work->options);
	if (amt_ok(s))
		s = scan_plan_try_rounds(&other);
	*fits = amt_ok(s);
	for (unsigned i = 0; *fits && depth != NULL && i < schema->columns; i++)
		depth[i] = (schema->column[i].forms & FORM_SCAN) != 0
				   ? (uint8_t)needed_depth(&other, i)
				   : 0;
	scan_plan_free(&other);
	if (amt_status_code(s) == AMT_NOISE_BUDGET || amt_status_code(s) == AMT_LIMIT)
		amt_status_clear(&s);
	return s;
}

/* The options by which a table differs. */
static void say_room(struct scan_plan *p, const struct schema *as)
{
	const struct schema *is = p->work->schema;
	size_t used = 0, size = sizeof(p->room);
	bool any = false;
	if (as->ring_log2 != is->ring_log2)
		used += (size_t)snprintf(p->room, size, "scan_ring = %u", as->ring_log2);
	for (unsigned i = 0; i < as->columns && used < size; i++) {
		if (as->column[i].scan.depth == is->column[i].scan.depth)
			continue;
		used += (size_t)snprintf(p->room + used, size - used, "%s%s:%u",
			any	   ? ", "
			: used > 0 ? ", scan_depth = '"
				   : "scan_depth = '",
			is->column[i].name, as->column[i].scan.depth);
		any = true;
	}
	if (any && used < size)
		used += (size_t)snprintf(p->room + used, size - used, "'");
	if (used >= size)
		(void)snprintf(p->room, size, "scan_ring = %u, scan_depth = ...", as->ring_log2);
}

/* In a ring: with the depths that are declared, else with what it takes of all there is. */
static amt_status room_in(struct scan_plan *p, struct schema *as, bool *fits)
{
	const struct schema *is = p->work->schema;
	unsigned usual = scan_default_depth(bgv_params_for(as->ring_log2));
	uint8_t depth[SCHEMA_MAX_COLUMNS];
	memcpy(as->column, is->column, is->columns * sizeof(*is->column));
	if (as->ring_log2 != is->ring_log2)
		TRY(would_fit(p, as, fits, NULL));
	if (*fits)
		return STATUS_OK;
	for (unsigned i = 0; i < as->columns; i++)
		as->column[i].scan.depth = BGV_MAX_LIMBS;
	TRY(would_fit(p, as, fits, depth));
	if (!*fits)
		return STATUS_OK;
	*fits = false; /* later rounds may take a little more than the first */
	for (unsigned more = 0; more < MORE_DEPTH && !*fits; more++) {
		for (unsigned i = 0; i < as->columns; i++) {
			unsigned declared = is->column[i].scan.depth, needs = depth[i] + more;
			bool enough = needs <= (declared != 0 ? declared : usual);
			as->column[i].scan.depth = (uint8_t)(enough ? declared : needs);
		}
		TRY(would_fit(p, as, fits, NULL));
	}
	return STATUS_OK;
}

amt_status scan_find_room(struct scan_plan *p)
{
	struct schema as = *p->work->schema;
	bool fits = false;
	amt_status s = mem_array(&as.column, as.columns, sizeof(*as.column));
	for (unsigned ring = as.ring_log2; amt_ok(s) && !fits && ring <= LARGEST_RING_LOG2;
		ring++) {
		if (bgv_params_for(ring) == NULL)
			continue;
		as.ring_log2 = (uint8_t)ring;
		s = room_in(p, &as, &fits);
		if (amt_ok(s) && fits)
			say_room(p, &as);
	}
	mem_free(as.column);
	return s;
}

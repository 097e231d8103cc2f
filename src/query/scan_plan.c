/* Plans of scans: from statement to rounds. */
#include "query/scan_build.h"

#include "base/alloc.h"
#include "crypto/secret.h"

#include <stdio.h>

static void free_round(struct scan_plan *p)
{
	if (p->scalar != NULL)
		secret_wipe(p->scalar, p->program.scalars);
	mem_free(p->scalar);
	p->scalar = NULL;
	scan_program_free(&p->program);
	scan_fit_free(&p->fit);
}

void scan_plan_free(struct scan_plan *p)
{
	free_round(p);
	if (p->work != NULL) {
		struct scan_work_plan *w = p->work;
		if (w->total != NULL)
			secret_wipe(w->total, w->totals * sizeof(*w->total));
		mem_free(w->total);
		mem_free(w->scratch);
		arena_free(&w->arena);
		mem_free(w);
	}
	schema_scan_free(&p->table);
	mem_free(p->item);
	arrangement_free(&p->shown);
	mem_free(p->heading);
	*p = (struct scan_plan){0};
}

/* ---- groups */

/* 1 where a column has the code. */
static amt_status value_node(struct scan_build *b, uint16_t column, uint64_t code, uint32_t *node)
{
	const struct scan_column *c = &b->table->column[column];
	uint16_t digit[SCAN_MAX_DIGITS];
	uint32_t vector[SCAN_MAX_DIGITS];
	scan_digits(c, code, digit);
	for (unsigned j = 0; j < c->digits; j++)
		TRY(graph_public(
			b->graph, column, scan_group_first(c, j) + digit[j], 1, NULL, &vector[j]));
	return graph_product_of(b->graph, vector, c->digits, node);
}

/* The rows of each group that match; group g's values are its digits, the last column's lowest. */
static amt_status group_masks(
	const struct scan_work_plan *w, struct scan_build *b, uint32_t match, uint32_t *mask)
{
	uint32_t groups = 1;
	mask[0] = SCAN_NONE;
	for (unsigned i = 0; i < w->group_columns; i++) {
		const struct scan_group_column *c = &w->group[i];
		/* From the end, so that nothing is overwritten before it is read. */
		for (uint32_t g = groups; g-- > 0;) {
			uint32_t outer = mask[g], inner;
			for (uint32_t v = c->values; v-- > 0;) {
				if (c->nullable && v == c->values - 1)
					TRY(graph_null(b->graph, c->column, &inner));
				else
					TRY(value_node(b, c->column, v, &inner));
				TRY(graph_product(
					b->graph, outer, inner, &mask[g * c->values + v]));
			}
		}
		groups *= c->values;
	}
	for (uint32_t g = 0; g < groups; g++)
		TRY(graph_product(b->graph, match, mask[g], &mask[g]));
	return STATUS_OK;
}

/* ---- one round */

static amt_status item_outputs(struct scan_work_plan *w, struct scan_build *b,
	struct scan_item *item, const uint32_t *mask)
{
	if (item->kind == SCAN_ITEM_GROUP || item->kind == SCAN_ITEM_STEP)
		return STATUS_OK;
	TRY(arena_alloc(&w->arena, w->groups * sizeof(*item->count), &item->count));
	TRY(arena_alloc(&w->arena, w->groups * sizeof(*item->sum), &item->sum));
	for (uint32_t g = 0; g < w->groups; g++) {
		size_t columns = item->column != PLAN_NO_COLUMN;
		TRY(item->kind == SCAN_ITEM_COUNT ? scan_count_output(b, mask[g], &item->column,
							    columns, &item->count[g])
						  : scan_sum_outputs(b, mask[g], &item->poly,
							    &item->sum[g], &item->count[g]));
	}
	return STATUS_OK;
}

static amt_status aggregate_outputs(struct scan_plan *p, struct scan_build *b)
{
	struct scan_work_plan *w = p->work;
	struct scan_match match;
	uint32_t *mask, null;
	TRY(arena_alloc(&w->arena, w->groups * sizeof(*mask), &mask));
	TRY(scan_where(b, w->where, true, &match));
	p->scale = (uint32_t)(match.scale < 0 ? match.scale + BGV_T : match.scale);
	TRY(group_masks(w, b, match.node, mask));
	if (p->round == 0) {
		TRY(arena_alloc(&w->arena, w->groups * sizeof(*w->group_count), &w->group_count));
		for (uint32_t g = 0; g < w->groups && w->grouped; g++)
			TRY(scan_count_output(b, mask[g], NULL, 0, &w->group_count[g]));
		for (unsigned i = 0; i < w->items; i++)
			TRY(item_outputs(w, b, &w->item[i], mask));
		if (w->top && !w->schema->column[w->item[0].column].not_null) {
			TRY(graph_null(b->graph, w->item[0].column, &null));
			TRY(graph_total(b->graph, mask[0] == SCAN_NONE ? null : mask[0],
				mask[0] == SCAN_NONE ? SCAN_NONE : null, 1, &w->nulls));
		}
	}
	return scan_step_outputs(p, b, mask);
}

static amt_status row_outputs(struct scan_plan *p, struct scan_build *b)
{
	struct scan_match match;
	TRY(scan_where(b, p->work->where, true, &match));
	p->scale = (uint32_t)(match.scale < 0 ? match.scale + BGV_T : match.scale);
	return graph_rows(b->graph, match.node);
}

static amt_status build_round(struct scan_plan *p, struct scan_graph *g)
{
	const struct scan_work_plan *w = p->work;
	struct scan_build b = {.schema = w->schema,
		.table = &p->table,
		.texts = w->options.texts,
		.graph = g,
		.arena = &p->work->arena,
		.product_form = w->options.form == SCAN_FORM_PRODUCT,
		.deletes = w->options.deletes};
	g->table = &p->table;
	TRY(p->rows ? row_outputs(p, &b) : aggregate_outputs(p, &b));
	TRY(graph_finish(g, &p->program, &p->scalar));
	if (p->fetched)
		return STATUS_OK;
	amt_status fits = scan_fit(&p->fit, &p->program, &p->table, w->options.pages);
	/* Levels are told by the number of a column. */
	unsigned column, needed, stored;
	if (!amt_ok(fits) &&
		sscanf(amt_status_message(fits),
			"column %u is needed modulo %u primes and stored modulo %u", &column,
			&needed, &stored) == 3 &&
		column < w->schema->columns)
		return WRAP(fits,
			"column \"%s\" is stored for %u products less than the statement needs "
			"(scan_depth)",
			w->schema->column[column].name, needed - stored);
	return fits;
}

/* The program of the round in hand. */
static amt_status make_round(struct scan_plan *p)
{
	struct scan_graph *g;
	free_round(p);
	TRY(mem_zalloc(&g, sizeof(*g)));
	amt_status s = build_round(p, g);
	graph_free(g);
	mem_free(g);
	if (!amt_ok(s)) {
		free_round(p);
		return s;
	}
	uint32_t outputs = p->program.outputs;
	return mem_grow(&p->work->scratch, ((size_t)outputs + 1) * sizeof(*p->work->scratch));
}

/* All rounds are made once, so that what does not fit is found before anything is asked. */
static amt_status make_rounds(struct scan_plan *p)
{
	struct scan_work_plan *w = p->work;
	p->rounds = scan_step_rounds(p);
	TRY(arena_alloc(&w->arena, p->rounds * sizeof(*w->cost), &w->cost));
	TRY(arena_alloc(
		&w->arena, (size_t)w->steps * w->groups * sizeof(*w->search) + 1, &w->search));
	for (p->round = p->rounds; p->round-- > 0;) {
		TRY(make_round(p));
		w->cost[p->round] = (struct scan_round_cost){.limbs = p->fit.limbs,
			.outputs = p->program.outputs,
			.scalars = p->program.scalars,
			.leaf_products = p->fit.leaf_products,
			.read_bytes = p->fit.read_bytes,
			.relinearisations = p->fit.relinearisations,
			.transforms = p->fit.transforms,
			.failure_log2 = p->fit.failure_log2};
		if (p->fetched)
			continue;
		struct scan_answers answers =
			scan_answers_of(&p->program, &p->fit, w->options.pages);
		w->cost[p->round].answers = answers.rows + answers.totals;
		answers = scan_answers_of(&p->program, &p->fit, 1);
		w->cost[p->round].first_answers = answers.rows + answers.totals;
	}
	p->round = 0;
	return STATUS_OK;
}

/* ---- making plans */

static amt_status bind(struct scan_plan *p, const struct binder *b)
{
	struct scan_work_plan *w = p->work;
	const struct sql_statement *s = b->statement;
	const PgQuery__Node *where = NULL;
	switch (s->kind) {
	case STATEMENT_SELECT:
		where = s->node->select_stmt->where_clause;
		TRY(predicate_bind(b, where, &w->where));
		return scan_bind_select(p, b);
	case STATEMENT_UPDATE:
		where = s->node->update_stmt->where_clause;
		break;
	case STATEMENT_DELETE:
		where = s->node->delete_stmt->where_clause;
		break;
	default:
		FAIL(AMT_INVALID_ARGUMENT, "only SELECT, UPDATE and DELETE have plans");
	}
	p->rows = true;
	TRY(predicate_bind(b, where, &w->where));
	return s->kind == STATEMENT_UPDATE ? scan_bind_update(p, b) : STATUS_OK;
}

amt_status scan_plan_begin(struct scan_plan *p, const struct sql_statement *s,
	const struct schema *schema, const struct query_options *options)
{
	SQL_ENSURE(strcmp(s->table, schema->table) == 0, s, AMT_NOT_FOUND, s->table_location,
		"table \"%s\" does not exist", s->table);
	TRY(schema_scan_table(schema, &p->table));
	TRY(mem_zalloc(&p->work, sizeof(*p->work)));
	struct scan_work_plan *w = p->work;
	*w = (struct scan_work_plan){.budget = BINDER_BUDGET,
		.statement = s,
		.schema = schema,
		.options = *options,
		.groups = 1,
		.nulls = SCAN_NONE};
	p->statement = (uint8_t)s->kind;
	p->shown.limit = UINT64_MAX;
	p->scale = 1;
	const struct binder b = {.statement = s,
		.schema = schema,
		.arena = &w->arena,
		.budget = &w->budget,
		.scan = &p->table};
	TRY(bind(p, &b));
	p->never = w->where->kind == PRED_FALSE || (w->top && p->shown.limit == 0);
	p->every = p->rows && w->where->kind == PRED_TRUE && !options->deletes;
	return STATUS_OK;
}

amt_status scan_plan_try_rounds(struct scan_plan *p)
{
	struct scan_work_plan *w = p->work;
	amt_status made = make_rounds(p);
	if (amt_status_code(made) == AMT_NOISE_BUDGET && w->options.form == SCAN_FORM_PRODUCT) {
		/* Trees need more products, but smaller ones. */
		amt_status_clear(&made);
		w->options.form = SCAN_FORM_TREE;
		made = make_rounds(p);
	}
	return made;
}

static amt_status make(struct scan_plan *p, const struct sql_statement *s,
	const struct schema *schema, const struct query_options *options)
{
	TRY(scan_plan_begin(p, s, schema, options));
	if (p->never || p->every)
		return STATUS_OK;
	amt_status made = scan_plan_try_rounds(p);
	if (amt_status_code(made) == AMT_NOISE_BUDGET) {
		(void)snprintf(p->why, sizeof(p->why), "%s", amt_status_message(made));
		amt_status_clear(&made);
		TRY(scan_find_room(p));
		p->fetched = true;
		made = make_rounds(p);
	}
	if (amt_status_code(made) == AMT_NOISE_BUDGET)
		made = status_hint(made,
			"store what is scanned with more room, WITH (scan_depth = 'column:6'), take "
			"smaller digits or a larger ring, WITH (scan_ring = 15), or ask for less at "
			"once");
	return made;
}

amt_status scan_plan_make(struct scan_plan *out, const struct sql_statement *s,
	const struct schema *schema, const struct query_options *options)
{
	*out = (struct scan_plan){0};
	amt_status made = make(out, s, schema, options);
	if (!amt_ok(made))
		scan_plan_free(out);
	return made;
}

/* ---- running them */

amt_status scan_row_codes(const struct schema *schema, const struct scan_texts *texts,
	const struct value *row, uint64_t *code, bool *null)
{
	for (unsigned i = 0; i < schema->columns; i++) {
		const struct column *c = &schema->column[i];
		code[i] = 0;
		null[i] = row[i].null;
		if ((c->forms & FORM_SCAN) == 0 || row[i].null)
			continue;
		if (c->type != COLUMN_TEXT) {
			TRY(value_check(c, &row[i]));
			code[i] = column_scan_code(c, row[i].bits);
			continue;
		}
		bool known = false;
		ENSURE(texts != NULL, AMT_INVALID_ARGUMENT, "no texts for column \"%s\"", c->name);
		TRY(texts->code(texts->context, i, row[i].text, &code[i], &known));
		ENSURE(known, AMT_NOT_FOUND,
			"column \"%s\": a text that its dictionary does not list", c->name);
	}
	return STATUS_OK;
}

amt_status scan_plan_add_row(const struct scan_plan *p, const uint64_t *code, const bool *null,
	uint64_t *totals, bool *match)
{
	uint32_t *output = p->work->scratch;
	if (match != NULL)
		*match = p->every;
	if (scan_plan_done(p))
		return STATUS_OK;
	TRY(scan_evaluate_row(&p->program, &p->table, code, null, p->scalar, NULL, output));
	if (match != NULL)
		*match = p->rows && output[0] == p->scale;
	int64_t unscale = graph_inverse((int32_t)p->scale);
	for (uint32_t i = 0; i < p->program.outputs && totals != NULL && !p->rows; i++)
		totals[i] += (uint64_t)((output[i] * unscale % BGV_T + BGV_T) % BGV_T);
	return STATUS_OK;
}

amt_status scan_plan_step(struct scan_plan *p, const uint64_t *totals)
{
	struct scan_work_plan *w = p->work;
	ENSURE(!scan_plan_done(p), AMT_INVALID_ARGUMENT, "the plan is done");
	if (!p->rows) {
		if (p->round == 0) {
			w->totals = p->program.outputs;
			TRY(mem_dup(&w->total, totals, w->totals * sizeof(*totals)));
		}
		TRY(scan_step_take(p, totals));
	}
	p->round++;
	if (!scan_plan_done(p))
		return make_round(p);
	free_round(p);
	return STATUS_OK;
}

/* ---- scan or circuit */

static bool serves_neither(amt_code code)
{
	return code == AMT_UNSUPPORTED || code == AMT_NOISE_BUDGET || code == AMT_LIMIT;
}

static void say_why(struct query_plan *q, const char *what, const char *why, const char *room)
{
	(void)snprintf(q->why, sizeof(q->why), "%s%s%s%s%s", what, why,
		room[0] != 0 ? "; WITH (" : "", room, room[0] != 0 ? ") it would" : "");
}

static amt_status choose(struct query_plan *q, const struct sql_statement *s,
	const struct schema *schema, bool table_has_deletes, const struct query_options *options)
{
	if (schema->ring_log2 == 0) {
		say_why(q, "circuit: the table has no scan columns", "", "");
		return plan_make(&q->circuit, s, schema, table_has_deletes);
	}
	amt_status scan = scan_plan_make(&q->scan, s, schema, options);
	q->is_scan = amt_ok(scan);
	if (q->is_scan && !q->scan.fetched) {
		say_why(q, "scan: every condition and aggregate is on scan columns", "", "");
		return STATUS_OK;
	}
	if ((!q->is_scan && !serves_neither(amt_status_code(scan))) || s->kind != STATEMENT_SELECT)
		return scan;
	amt_status circuit = plan_make(&q->circuit, s, schema, table_has_deletes);
	if (amt_ok(circuit)) {
		say_why(q, "circuit, because not by scan: ",
			q->is_scan ? q->scan.why : amt_status_message(scan),
			q->is_scan ? q->scan.room : "");
		scan_plan_free(&q->scan);
		q->is_scan = false;
	} else if (amt_status_code(circuit) != AMT_OUT_OF_MEMORY) {
		/* The scan's words are those that say what to declare. */
		amt_status_clear(&circuit);
		return scan;
	}
	amt_status_clear(&scan);
	return circuit;
}

amt_status query_plan_make(struct query_plan *out, const struct sql_statement *s,
	const struct schema *schema, bool table_has_deletes, const struct query_options *options)
{
	*out = (struct query_plan){0};
	return choose(out, s, schema, table_has_deletes, options);
}

void query_plan_free(struct query_plan *q)
{
	if (q->is_scan)
		scan_plan_free(&q->scan);
	else
		plan_free(&q->circuit);
}

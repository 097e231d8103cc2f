/* Statements: what SQL asks for, done with sessions, questions and rows. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "engine/result.h"
#include "os/clock.h"
#include "query/finish.h"
#include "tfhe/noise.h"

#include <math.h>
#include <stdio.h>

/* ---- statistics */

struct owner_meter owner_meter_start(const struct amt_session *s)
{
	return (struct owner_meter){.sent = s->channel.sent,
		.received = s->channel.received,
		.progress_bytes = s->progress_bytes,
		.started_ns = clock_monotonic_ns(),
		.rounds = s->rounds};
}

void owner_meter_stop(const struct amt_session *s, const struct owner_meter *m,
	const struct owner_answer *answer, amt_statistics *out)
{
	out->query_bytes = s->channel.sent - m->sent;
	out->answer_bytes =
		s->channel.received - m->received - (s->progress_bytes - m->progress_bytes);
	out->rounds = s->rounds - m->rounds;
	out->total_ms = (double)(clock_monotonic_ns() - m->started_ns) / 1e6;
	out->failure_bound_log2 = -INFINITY;
	if (answer == NULL)
		return;
	out->rows = answer->rows;
	out->bootstraps = answer->bootstraps;
	out->host_ms = (double)answer->nanoseconds / 1e6;
	out->pages = answer->pages;
	out->relinearisations = answer->relinearisations;
	out->pages_bytes = answer->bytes_read;
	out->levels = answer->levels;
	out->host_cpu_ms = (double)answer->cpu_ns / 1e6;
	out->prepare_ms = (double)answer->prepare_ns / 1e6;
	out->host_peak_bytes = answer->peak_bytes;
	out->noise_margin_bits = answer->noise_margin_bits;
	if (answer->levels > 0)
		out->failure_bound_log2 = answer->scan_failure_log2;
	else if (answer->bootstraps > 0)
		out->failure_bound_log2 = log2((double)answer->bootstraps) +
					  tfhe_failure_log2(s->params, s->params->max_noise);
}

/* ---- CREATE, DROP, INSERT */

amt_status owner_create_table(struct amt_session *s, struct relation *new)
{
	struct relation t = *new, *there;
	struct buf schema = {0};
	t.epoch = 1;
	amt_status status = relation_check_forms(&t.schema, s->params);
	if (amt_ok(status)) {
		amt_status found = owner_table(s, t.schema.table, &there);
		if (amt_ok(found))
			status = ERROR(
				AMT_ALREADY_EXISTS, "there already is a table %s", t.schema.table);
		amt_status_clear(&found);
	}
	if (amt_ok(status) && relation_has_scan(&t))
		status = owner_need_switching_keys(s, &t.schema);
	if (amt_ok(status))
		status = random_from_system(t.id, sizeof(t.id));
	if (amt_ok(status))
		status = schema_put(&t.schema, &schema);
	if (amt_ok(status)) {
		struct message m = {.type = REQUEST_CREATE_TABLE, .schema = buf_span(&schema)};
		memcpy(m.table, t.id, sizeof(m.table));
		status = owner_change(s, &m, &t, NULL, NULL, NULL);
	}
	buf_free(&schema);
	relation_free(&t);
	return status;
}

amt_status owner_create_alike(struct amt_session *s, const struct relation *t, const char *name)
{
	struct relation alike = {0};
	struct buf schema = {0};
	amt_status status = schema_put(&t->schema, &schema);
	if (amt_ok(status))
		status = schema_get(&alike.schema, buf_span(&schema));
	buf_free(&schema);
	TRY(status);
	(void)snprintf(alike.schema.table, sizeof(alike.schema.table), "%s", name);
	return owner_create_table(s, &alike);
}

static amt_status create_table(struct amt_session *s, const struct sql_statement *sql)
{
	struct relation t = {0};
	TRY(sql_schema(sql, &t.schema));
	return owner_create_table(s, &t);
}

static amt_status drop_table(struct amt_session *s, const struct sql_statement *sql)
{
	return owner_drop_table(s, sql_table(sql));
}

static amt_status insert(struct amt_session *s, const struct sql_statement *sql, amt_result *out)
{
	struct relation *t;
	struct row_set rows = {0};
	uint64_t inserted = 0;
	TRY(owner_table(s, sql_table(sql), &t));
	TRY(sql_rows(sql, &t->schema, &rows));
	amt_status status =
		owner_insert(s, sql_table(sql), rows.value, rows.rows, false, &inserted);
	row_set_free(&rows);
	result_set_affected(out, inserted);
	return status;
}

/* ---- SELECT of aggregates */

static void aggregate_type(
	const struct plan_item *item, const struct schema *schema, char out[48], bool *is_number)
{
	*is_number = true;
	if (item->kind == PLAN_COUNT) {
		(void)snprintf(out, 48, "bigint");
		return;
	}
	const struct column *c = &schema->column[item->column];
	*is_number = column_is_number(c);
	if (item->kind == PLAN_AVG)
		(void)snprintf(out, 48, "numeric");
	else if (item->kind == PLAN_SUM && c->type == COLUMN_DECIMAL)
		(void)snprintf(out, 48, "decimal(38,%u)", c->scale);
	else if (item->kind == PLAN_SUM)
		(void)snprintf(out, 48, "bigint");
	else
		result_type_name(c, out);
}

static amt_status finish_item(const struct relation *t, const struct plan_item *item,
	const struct owner_answer *a, amt_result *out)
{
	struct buf text = {0};
	bool null = false;
	amt_status s = finish_aggregate(item, &t->schema, a->value, &null, &text);
	if (amt_ok(s))
		s = result_add_cell(out, buf_span(&text), null);
	if (text.data != NULL)
		secret_wipe(text.data, text.capacity);
	buf_free(&text);
	return s;
}

static amt_status finish_aggregates(const struct relation *t, const struct plan *plan,
	const struct owner_answer *a, amt_result *out)
{
	for (unsigned i = 0; i < plan->items; i++) {
		const struct plan_item *item = &plan->item[i];
		char type[48];
		bool is_number;
		aggregate_type(item, &t->schema, type, &is_number);
		TRY(result_add_column(out, item->label, type, is_number));
	}
	uint64_t first, count;
	arrange_cut(&plan->shown, 1, &first, &count);
	if (count == 0)
		return STATUS_OK;
	for (unsigned i = 0; i < plan->items; i++)
		TRY(finish_item(t, &plan->item[i], a, out));
	return STATUS_OK;
}

static amt_status select_aggregates(struct amt_session *s, const struct relation *t,
	const struct plan *plan, struct owner_answer *a, amt_result *out)
{
	struct owner_rows none;
	TRY(owner_ask(s, t, plan, (struct span){0}, a));
	TRY(owner_rows_new(&none, t, NULL, 0));
	amt_status status = owner_receive_rows(s, (struct span){0}, NULL, 0, &none);
	owner_rows_free(&none);
	TRY(status);
	return finish_aggregates(t, plan, a, out);
}

/* ---- SELECT of rows */

static bool needs_payload(const struct relation *t, const struct arrangement *shown,
	const struct plan_item *item, unsigned items)
{
	for (unsigned c = 0; c < t->schema.columns; c++)
		if (arrange_uses(shown, item, items, c) && owner_in_payload(t, c))
			return true;
	return false;
}

/* Each column once, however often it is selected. */
static amt_status list_families(const struct amt_session *s, const struct relation *t,
	const struct plan *plan, struct buf *list)
{
	for (unsigned c = 0; c < t->schema.columns; c++)
		if (arrange_uses(&plan->shown, plan->item, plan->items, c) &&
			!owner_in_payload(t, c))
			TRY(owner_list_column(s, t, c, list));
	if (s->fetch == AMT_FETCH_ALL && needs_payload(t, &plan->shown, plan->item, plan->items))
		TRY(owner_list_family(RELATION_PAYLOAD, CIRCUIT_VALUE, list));
	return STATUS_OK;
}

static amt_status matches(
	const struct plan *plan, const struct owner_answer *a, uint64_t **out, size_t *count)
{
	*count = 0;
	TRY(mem_array(out, a->rows + 1, sizeof(**out)));
	for (uint64_t row = 0; row < a->rows && *count < arrange_wanted(&plan->shown); row++)
		if (a->bit == NULL || a->bit[row])
			(*out)[(*count)++] = row;
	return STATUS_OK;
}

static amt_status fetch_sealed(
	struct amt_session *s, const uint64_t *ids, size_t count, struct owner_rows *rows)
{
	uint64_t *cover;
	size_t covered;
	TRY(owner_cover_ids(s->fetch, rows->t->rows, ids, count, &cover, &covered));
	amt_status status = owner_fetch(s, (struct span){0}, cover, covered, rows);
	mem_free(cover);
	return status;
}

amt_status owner_rows_show(const struct owner_rows *rows, const struct arrangement *shown,
	const struct plan_item *item, unsigned items, size_t *row, size_t count, amt_result *out)
{
	const struct schema *schema = &rows->t->schema;
	uint64_t first, left;
	for (unsigned i = 0; i < items; i++)
		TRY(result_add_schema_column(out, item[i].label, &schema->column[item[i].column]));
	TRY(arrange_rows(shown, schema, item, items, rows->value, row, count, &first, &left));
	for (uint64_t n = first; n < first + left; n++)
		for (unsigned i = 0; i < items; i++) {
			unsigned c = item[i].column;
			TRY(result_add_value(out, &schema->column[c],
				&rows->value[row[n] * schema->columns + c]));
		}
	result_set_affected(out, left);
	return STATUS_OK;
}

static amt_status finish_rows(
	const struct plan *plan, const struct owner_rows *rows, amt_result *out)
{
	size_t *row;
	TRY(mem_array(&row, rows->rows + 1, sizeof(*row)));
	for (size_t r = 0; r < rows->rows; r++)
		row[r] = r;
	amt_status s =
		owner_rows_show(rows, &plan->shown, plan->item, plan->items, row, rows->rows, out);
	mem_free(row);
	return s;
}

static amt_status select_rows(struct amt_session *s, const struct relation *t,
	const struct plan *plan, struct owner_answer *a, amt_result *out)
{
	struct buf list = {0};
	struct owner_rows rows = {0};
	uint64_t *ids = NULL;
	size_t count = 0;
	amt_status status;
	TRY_GOTO(status, list_families(s, t, plan, &list), out);
	TRY_GOTO(status, owner_ask(s, t, plan, buf_span(&list), a), out);
	status = matches(plan, a, &ids, &count);
	if (amt_ok(status))
		status = owner_rows_new(&rows, t, ids, count);
	if (!amt_ok(status)) {
		s->broken = true; /* the fragments stay unread */
		goto out;
	}
	TRY_GOTO(status, owner_receive_rows(s, buf_span(&list), NULL, 0, &rows), out);
	if (s->fetch != AMT_FETCH_ALL && needs_payload(t, &plan->shown, plan->item, plan->items))
		TRY_GOTO(status, fetch_sealed(s, ids, count, &rows), out);
	status = finish_rows(plan, &rows, out);
out:
	owner_rows_free(&rows);
	mem_free(ids);
	buf_free(&list);
	return status;
}

/* ---- what has a plan */

static amt_status change_rows(struct amt_session *s, const struct relation *t,
	const struct plan *plan, struct owner_answer *a, amt_result *out)
{
	TRY(owner_ask_change(s, t, plan, a));
	result_set_affected(out, a->value[plan->affected_slot]);
	return STATUS_OK;
}

static const char *fetch_text(amt_fetch fetch)
{
	switch (fetch) {
	case AMT_FETCH_PADDED:
		return "rows are fetched among random others, padded to a power of two: the host "
		       "learns that number and which rows may have matched; two rounds";
	case AMT_FETCH_IDS:
		return "rows are fetched by number: the host learns exactly which rows matched, "
		       "and over many queries their order; two rounds";
	default:
		return "all rows of the table are sent, sealed: the host learns nothing of the "
		       "matches; one round";
	}
}

static amt_status explain(
	struct amt_session *s, const struct relation *t, const struct plan *plan, amt_result *out)
{
	struct buf text = {0};
	amt_status status = plan_explain(plan, &t->schema, t->rows, &text);
	if (amt_ok(status) && plan->statement == STATEMENT_SELECT && plan->row_bits)
		status = buf_printf(&text, "fetch: %s\n",
			needs_payload(t, &plan->shown, plan->item, plan->items)
				? fetch_text(s->fetch)
				: "encrypted columns are sent whole: the host "
				  "learns nothing of the matches; one round");
	if (amt_ok(status))
		status = result_set_explanation(out, buf_span(&text));
	buf_free(&text);
	return status;
}

static amt_status run_circuit(struct amt_session *s, const struct relation *t,
	const struct plan *plan, struct owner_answer *a, amt_result *out)
{
	if (plan->statement != STATEMENT_SELECT)
		return change_rows(s, t, plan, a, out);
	if (plan->items > 0 && plan->item[0].kind == PLAN_COLUMN)
		return select_rows(s, t, plan, a, out);
	return select_aggregates(s, t, plan, a, out);
}

static amt_status explain_scan(struct amt_session *s, const struct relation *t,
	const struct query_plan *q, const struct query_options *options, amt_result *out)
{
	struct buf text = {0};
	const struct scan_plan *p = &q->scan;
	bool payload = p->rows && needs_payload(t, &p->shown, p->item, p->items);
	amt_status status = scan_plan_explain(p, options, &text);
	if (amt_ok(status) && p->rows && p->statement == STATEMENT_SELECT && !p->fetched)
		status = buf_printf(&text, "fetch: %s\n",
			payload ? fetch_text(s->fetch)
				: "encrypted columns are sent whole: the host learns nothing of the "
				  "matches; one round");
	if (amt_ok(status) && p->statement != STATEMENT_SELECT)
		status = buf_printf(&text, "change: %s\n",
			s->fetch == AMT_FETCH_IDS
				? "the validity of touched pages is made anew: the host learns which "
				  "pages were hit, and how many rows an UPDATE appends"
				: "the validity of all pages is made anew, and an UPDATE appends a power "
				  "of two of rows, at least 16: the host learns that number");
	if (amt_ok(status) && !p->fetched)
		status = buf_printf(&text,
			"tail: %llu rows are in no page yet; they are sent along, sealed, and computed "
			"on by the owner\n",
			(unsigned long long)(t->rows - t->packed));
	if (amt_ok(status))
		status = result_set_explanation(out, buf_span(&text));
	buf_free(&text);
	return status;
}

static amt_status run_scan(struct amt_session *s, const struct sql_statement *sql,
	const struct relation *t, struct query_plan *q, const struct query_options *options,
	struct owner_answer *a, amt_result *out)
{
	if (sql_is_explain(sql))
		return explain_scan(s, t, q, options, out);
	if (q->scan.statement != STATEMENT_SELECT)
		return owner_scan_change(s, t, &q->scan, a, out);
	return owner_scan_select(s, t, &q->scan, a, out);
}

/* Of a table with scan columns. t is not the session's own, which a change replaces. */
static amt_status run_query(struct amt_session *s, const struct sql_statement *sql,
	const struct relation *t, struct owner_answer *a, amt_result *out)
{
	struct owner_scan x;
	struct query_plan q = {0};
	TRY(owner_scan_open(&x, s, t));
	struct query_options options = {.rows = t->rows,
		.pages = t->pages > 0 ? t->pages : 1,
		.deletes = t->gone != 0,
		.form = (uint8_t)s->scan_form,
		.texts = &x.texts};
	amt_status status = query_plan_make(&q, sql, &t->schema, relation_has_deletes(t), &options);
	if (amt_ok(status) && q.is_scan)
		status = run_scan(s, sql, t, &q, &options, a, out);
	else if (amt_ok(status))
		status = sql_is_explain(sql) ? explain(s, t, &q.circuit, out)
					     : run_circuit(s, t, &q.circuit, a, out);
	query_plan_free(&q);
	owner_scan_close(&x);
	return status;
}

static amt_status run_scanned(struct amt_session *s, const struct sql_statement *sql,
	const struct relation *t, struct owner_answer *a, amt_result *out)
{
	struct relation copy;
	TRY(relation_copy(&copy, t));
	amt_status status = run_query(s, sql, &copy, a, out);
	relation_free(&copy);
	return status;
}

static amt_status run_plan(struct amt_session *s, const struct sql_statement *sql,
	struct owner_answer *a, amt_result *out)
{
	struct relation *t;
	struct plan plan = {0};
	TRY(owner_table(s, sql_table(sql), &t));
	if (relation_has_scan(t))
		return run_scanned(s, sql, t, a, out);
	TRY(plan_make(&plan, sql, &t->schema, relation_has_deletes(t)));
	amt_status status =
		sql_is_explain(sql) ? explain(s, t, &plan, out) : run_circuit(s, t, &plan, a, out);
	plan_free(&plan);
	return status;
}

/* ---- all of them */

static const char *statement_name(const struct sql_statement *sql)
{
	static const char *const names[] = {[STATEMENT_CREATE_TABLE] = "CREATE TABLE",
		[STATEMENT_DROP_TABLE] = "DROP TABLE",
		[STATEMENT_INSERT] = "INSERT",
		[STATEMENT_SELECT] = "SELECT",
		[STATEMENT_UPDATE] = "UPDATE",
		[STATEMENT_DELETE] = "DELETE"};
	return sql_is_explain(sql) ? "EXPLAIN" : names[sql_kind(sql)];
}

static amt_status run(struct amt_session *s, const struct sql_statement *sql,
	struct owner_answer *a, amt_result *out)
{
	switch (sql_kind(sql)) {
	case STATEMENT_CREATE_TABLE:
		return create_table(s, sql);
	case STATEMENT_DROP_TABLE:
		return drop_table(s, sql);
	case STATEMENT_INSERT:
		return insert(s, sql, out);
	default:
		return run_plan(s, sql, a, out);
	}
}

amt_status amt_execute(amt_session *s, const char *sql, amt_result **out)
{
	ENSURE(s != NULL && sql != NULL && out != NULL, AMT_INVALID_ARGUMENT,
		"a session, a statement and a place for the result are needed");
	struct sql_statement *statement;
	struct owner_answer answer = {0};
	amt_result *result = NULL;
	TRY(sql_parse(&statement, sql));
	struct owner_meter meter = owner_meter_start(s);
	amt_status status = result_new(&result, statement_name(statement));
	if (amt_ok(status))
		status = run(s, statement, &answer, result);
	if (amt_ok(status)) {
		owner_meter_stop(s, &meter, &answer, result_statistics(result));
		*out = result;
	} else {
		amt_result_free(result);
	}
	owner_answer_free(&answer);
	sql_free(statement);
	return status;
}

/* EXPLAIN of a scan: what is computed, what it costs, what the host learns. Public facts alone: no
 * constant appears. */
#include "query/scan_build.h"

#include <math.h>

/* Fitted to bench_scan on one core with AVX-512, nanoseconds: a residue of a stored vector read,
 * expanded and multiplied into a sum; a butterfly of a transform with the key products that go with it.
 * Only for the estimate. */
#define NS_RESIDUE 2.8
#define NS_BUTTERFLY 0.22
#define NS_EXPANSION 0.75 /* of expanding scalars, where keys are waited for */

struct explaining {
	const struct scan_plan *p;
	const struct query_options *options;
	struct buf *out;
};

static const char *name_of(const struct explaining *x, unsigned column)
{
	return x->p->work->schema->column[column].name;
}

/* ---- conditions, as the host can tell them apart */

static const char *operator_text(enum int_comparison op)
{
	static const char *const names[] = {"=", "<>", "<", "<=", ">", ">="};
	return (unsigned)op < 6 ? names[op] : "?";
}

static bool is_null_flag(const struct pred *p)
{
	return p->kind == PRED_NULL || (p->kind == PRED_NOT && p->child[0]->kind == PRED_NULL);
}

/* Whether the program shows that an equality is one. */
static bool shows_equality(const struct explaining *x, uint16_t column)
{
	return x->p->work->options.form == SCAN_FORM_PRODUCT ||
	       x->p->work->schema->column[column].scan.kind == SCAN_TAG;
}

static amt_status print_pred(const struct explaining *x, const struct pred *p, bool inside);

static amt_status print_group(const struct explaining *x, const struct pred *p, bool inside)
{
	bool first = true;
	if (inside)
		TRY(buf_printf(x->out, "("));
	for (size_t i = 0; i < p->children; i++) {
		/* A list is one thing. */
		if (i > 0 && p->child[i]->kind == PRED_COMPARE && p->child[i]->listed &&
			p->child[i - 1]->kind == PRED_COMPARE && p->child[i - 1]->listed &&
			p->child[i]->column == p->child[i - 1]->column)
			continue;
		/* NOT NULL beside comparisons is how they are bound, not what was written. */
		bool implied = p->kind == PRED_ALL && p->child[i]->kind == PRED_NOT &&
			       is_null_flag(p->child[i]) && p->children > 1;
		if (implied)
			continue;
		if (!first)
			TRY(buf_printf(x->out, p->kind == PRED_ALL ? " AND " : " OR "));
		first = false;
		TRY(print_pred(x, p->child[i], true));
	}
	return inside ? buf_printf(x->out, ")") : STATUS_OK;
}

static amt_status print_pred(const struct explaining *x, const struct pred *p, bool inside)
{
	switch (p->kind) {
	case PRED_ALL:
	case PRED_ANY:
		return print_group(x, p, inside);
	case PRED_NOT:
		if (is_null_flag(p))
			return buf_printf(
				x->out, "%s IS NOT NULL", name_of(x, p->child[0]->column));
		TRY(buf_printf(x->out, "NOT "));
		return print_pred(x, p->child[0], true);
	case PRED_NULL:
		return buf_printf(x->out, "%s IS NULL", name_of(x, p->column));
	case PRED_FLAG:
		return buf_printf(x->out, "%s ? $", name_of(x, p->column));
	case PRED_COMPARE:
		if (p->against_column)
			return buf_printf(x->out, "%s %s %s", name_of(x, p->column),
				operator_text(p->op), name_of(x, p->other));
		if (p->listed)
			return buf_printf(x->out, "%s %sIN ($, ...)", name_of(x, p->column),
				p->op == INT_NE ? "NOT " : "");
		if (p->op == INT_EQ && shows_equality(x, p->column))
			return buf_printf(x->out, "%s = $", name_of(x, p->column));
		return buf_printf(x->out, "%s ? $", name_of(x, p->column));
	case PRED_TEST:
		return buf_printf(x->out,
			x->p->table.column[p->column].digits == 1 ? "%s ? $" : "%s ? $, ...",
			name_of(x, p->column));
	default:
		return buf_printf(x->out, p->kind == PRED_TRUE ? "true" : "false");
	}
}

static amt_status print_where(const struct explaining *x)
{
	const struct pred *where = x->p->work->where;
	if (where->kind == PRED_TRUE)
		return buf_printf(x->out, "  WHERE: none, every row\n");
	if (where->kind == PRED_FALSE)
		return buf_printf(x->out, "  WHERE: never true, nothing is asked of the host\n");
	TRY(buf_printf(x->out, "  rows: "));
	TRY(print_pred(x, where, false));
	return buf_printf(x->out,
		"\n  (? is =, <>, <, <=, > or >=, LIKE or arithmetic: which one is encrypted with "
		"the constant, and so is how those on one column that stand together are "
		"joined)\n");
}

/* ---- results */

static amt_status print_result(const struct explaining *x)
{
	const struct scan_plan *p = x->p;
	const struct scan_work_plan *w = p->work;
	TRY(buf_printf(x->out, "  result:"));
	for (unsigned i = 0; i < p->items; i++)
		TRY(buf_printf(x->out, "%s %s", i > 0 ? "," : "", name_of(x, p->item[i].column)));
	for (unsigned i = 0; i < p->headings; i++)
		TRY(buf_printf(x->out, "%s %s", i > 0 ? "," : "", p->heading[i].label));
	if (p->rows && p->statement != STATEMENT_SELECT)
		TRY(buf_printf(x->out, " rows are %s by the owner",
			p->statement == STATEMENT_DELETE ? "deleted" : "written anew"));
	TRY(buf_printf(x->out, "\n"));
	if (w->grouped) {
		TRY(buf_printf(x->out, "  groups: %u possible, by", w->groups));
		for (unsigned i = 0; i < w->group_columns; i++)
			TRY(buf_printf(
				x->out, "%s %s", i > 0 ? "," : "", name_of(x, w->group[i].column)));
		TRY(buf_printf(x->out,
			"; empty ones are computed and left out, and HAVING, ORDER BY and LIMIT "
			"applied, by the owner\n"));
	}
	if (p->rows && arrangement_any(&p->shown)) {
		TRY(buf_printf(x->out, "  "));
		TRY(arrange_print(&p->shown, x->out));
		TRY(buf_printf(x->out, ": by the owner, after decryption\n"));
	}
	return STATUS_OK;
}

/* ---- costs */

struct costs {
	double ns_a_page, ns_fixed, bytes_read, question_bytes, failure;
	double answer_bytes, first_answer_bytes; /* for the table, for one page */
	unsigned limbs;
	uint64_t relinearisations, scalars, outputs;
};

static void add_costs(const struct explaining *x, struct costs *c)
{
	const struct scan_plan *p = x->p;
	double n = exp2(p->table.ring->log2n), butterflies = n / 2 * p->table.ring->log2n;
	for (unsigned r = 0; r < p->rounds; r++) {
		const struct scan_round_cost *k = &p->work->cost[r];
		c->ns_a_page += (double)k->leaf_products * n * NS_RESIDUE +
				(double)k->transforms * butterflies * NS_BUTTERFLY;
		/* Of an automorphism of l limbs: a third of l transforms back and l l forward
		 * (bgv/expand.c), and division by p. */
		double l = k->limbs, automorphism = (l + l * l) / 3 + 2 * (l + 1);
		c->ns_fixed += k->scalars * automorphism * butterflies * NS_EXPANSION;
		c->bytes_read += (double)k->read_bytes;
		c->limbs = k->limbs > c->limbs ? k->limbs : c->limbs;
		c->relinearisations += k->relinearisations;
		c->scalars += k->scalars;
		c->outputs += k->outputs;
		c->failure += exp2(k->failure_log2);
		c->answer_bytes += (double)k->answers * 2 * n * BGV_ANSWER_BITS / 8;
		c->first_answer_bytes += (double)k->first_answers * 2 * n * BGV_ANSWER_BITS / 8;
		c->question_bytes += ceil((double)k->scalars / SCAN_PACK_SCALARS) * k->limbs * n *
				     p->table.ring->residue_bytes;
	}
}

static amt_status print_bytes(struct buf *out, double bytes)
{
	if (bytes < 1e6)
		return buf_printf(out, "%.1f kB", bytes / 1e3);
	return bytes < 1e9 ? buf_printf(out, "%.1f MB", bytes / 1e6)
			   : buf_printf(out, "%.2f GB", bytes / 1e9);
}

static amt_status print_costs(const struct explaining *x, const struct costs *c)
{
	const struct scan_plan *p = x->p;
	double rows = (double)x->options->rows, pages = (double)x->options->pages;
	double page_rows = exp2(p->table.ring->log2n) - SCAN_CANARIES;
	TRY(buf_printf(x->out,
		"  cost: ring %s, %u level%s, %u round%s; a page of %.0f rows: %llu "
		"relinearisations, ",
		p->table.ring->name, c->limbs - 1, c->limbs == 2 ? "" : "s", p->rounds,
		p->rounds == 1 ? "" : "s", page_rows, (unsigned long long)c->relinearisations));
	TRY(print_bytes(x->out, c->bytes_read));
	TRY(buf_printf(x->out,
		" read (%.0f bytes a row), about %.2f us a row and %.0f ms once on one core\n",
		c->bytes_read / page_rows, c->ns_a_page / page_rows / 1e3, c->ns_fixed / 1e6));
	TRY(buf_printf(x->out, "  traffic: "));
	TRY(print_bytes(x->out, c->question_bytes));
	TRY(buf_printf(
		x->out, " asked (%llu encrypted constants), ", (unsigned long long)c->scalars));
	TRY(print_bytes(x->out, c->answer_bytes));
	TRY(buf_printf(x->out, " answered (%llu %s), for %.0f rows in %.0f pages\n",
		(unsigned long long)c->outputs, p->rows ? "list of rows" : "totals", rows, pages));
	return buf_printf(x->out, "  failure bound: 2^%.0f that any result is wrong by noise\n",
		c->failure > 0 ? log2(c->failure) : -1000.0);
}

/* Columns a plan computes on, and their bytes as sealed values. */
static double sealed_bytes(const struct explaining *x, bool used[SCHEMA_MAX_COLUMNS])
{
	const struct scan_plan *p = x->p;
	double bytes = 0;
	for (uint32_t i = 0; i < p->program.ranges; i++)
		if (p->program.range[i].column != SCAN_VALID_COLUMN)
			used[p->program.range[i].column] = true;
	for (unsigned c = 0; c < p->work->schema->columns; c++)
		if (used[c]) {
			unsigned bits = column_bits(&p->work->schema->column[c]);
			bytes += bits == 0 ? 16 : bits < 8 ? 1 : bits / 8;
		}
	return bytes;
}

/* The honest alternative: download the columns, sealed, and compute here. */
static amt_status print_crossover(
	const struct explaining *x, const struct costs *c, double bytes_a_row)
{
	static const struct {
		const char *name;
		double bytes_a_second;
	} link[] = {{"100 Mb/s", 12.5e6}, {"1 Gb/s", 125e6}};
	double page_rows = exp2(x->p->table.ring->log2n) - SCAN_CANARIES;
	double traffic = c->first_answer_bytes + c->question_bytes;
	double pages = (double)x->options->pages;
	double answer_a_row =
		pages > 1 ? (c->answer_bytes - c->first_answer_bytes) / ((pages - 1) * page_rows)
			  : 0;
	TRY(buf_printf(x->out,
		"  against a download of the sealed columns (%.0f bytes a row): ", bytes_a_row));
	for (unsigned i = 0; i < 2; i++) {
		double a_row = (bytes_a_row - answer_a_row) / link[i].bytes_a_second -
			       c->ns_a_page / page_rows / 1e9;
		double rows = (traffic / link[i].bytes_a_second + c->ns_fixed / 1e9) / a_row;
		TRY(buf_printf(x->out, "%sat %s ", i > 0 ? "; " : "", link[i].name));
		TRY(a_row > 0 ? buf_printf(x->out, "a scan is faster from about %.0f rows", rows)
			      : buf_printf(x->out, "a scan on one core is never faster"));
	}
	return buf_printf(x->out, "\n");
}

/* ---- what is shown */

/* Lists, and tests of columns of several digits. */
static void count_shown(
	const struct scan_table *t, const struct pred *p, unsigned *listed, unsigned *changing)
{
	*listed += p->kind == PRED_COMPARE && p->listed;
	*changing += p->kind == PRED_TEST && t->column[p->column].digits > 1;
	for (size_t i = 0; i < p->children; i++)
		count_shown(t, p->child[i], listed, changing);
}

static amt_status print_leakage(const struct explaining *x, const bool *used)
{
	const struct scan_plan *p = x->p;
	const struct scan_work_plan *w = p->work;
	bool any = false;
	unsigned listed = 0, changing = 0;
	count_shown(&p->table, w->where, &listed, &changing);
	TRY(buf_printf(x->out, "  the host learns:\n    table %s, columns", w->schema->table));
	for (unsigned c = 0; c < w->schema->columns; c++)
		if (used[c]) {
			TRY(buf_printf(x->out, "%s %s", any ? "," : "", name_of(x, c)));
			any = true;
		}
	TRY(buf_printf(x->out,
		"%s\n    the shape above: how conditions on different columns are joined, with how many "
		"constants each is compared, which columns are summed, %u round%s\n",
		any ? "" : " none", p->rounds, p->rounds == 1 ? "" : "s"));
	if (changing > 0)
		TRY(buf_printf(x->out,
			"    that there is LIKE or arithmetic on a column of several digits, and the "
			"number of values at which it changes, up to a power of two\n"));
	if (listed > 0)
		TRY(buf_printf(x->out,
			"    that a list of values is looked for; of a column of several digits, "
			"their number up to a power of two\n"));
	if (x->p->work->options.form == SCAN_FORM_PRODUCT)
		TRY(buf_printf(x->out,
			"    that columns marked = are compared for equality (the product form shows "
			"it; the tree form does not)\n"));
	if (w->top)
		TRY(buf_printf(x->out, "    the number of LIMIT, %llu\n",
			(unsigned long long)p->shown.limit));
	TRY(buf_printf(x->out,
		"    %llu rows, the sizes of query and answer, when the query ran and how long\n",
		(unsigned long long)x->options->rows));
	TRY(buf_printf(x->out,
		"  the host does not learn:\n    the SQL text, the constants, and %s it was that each ? "
		"stands for\n    the values of columns, which rows match, and how many\n",
		x->p->work->options.form == SCAN_FORM_PRODUCT ? "which operator, but for =,"
							      : "which operator"));
	return p->rows ? STATUS_OK : buf_printf(x->out, "    the result\n");
}

/* The owner computes. */
static amt_status print_fetched(const struct explaining *x)
{
	const struct scan_plan *p = x->p;
	TRY(buf_printf(x->out,
		"  not by scan: %s\n  so all %llu rows are fetched, sealed, and the owner computes\n"
		"  the host learns:\n    table %s, that all of it is read, and when\n",
		p->why, (unsigned long long)x->options->rows, p->work->schema->table));
	return p->room[0] != 0
		       ? buf_printf(x->out,
				 "  a table created WITH (%s) has the room for it, and would be "
				 "scanned; columns declared arith are computed on by circuits\n",
				 p->room)
		       : buf_printf(x->out,
				 "  no ring has the room for it: ask for less at once, or declare the "
				 "columns arith, to be computed on by circuits\n");
}

amt_status scan_plan_explain(
	const struct scan_plan *p, const struct query_options *options, struct buf *out)
{
	const struct explaining x = {p, options, out};
	bool used[SCHEMA_MAX_COLUMNS] = {false};
	struct costs c = {0};
	const char *name = p->statement == STATEMENT_SELECT   ? "SELECT from"
			   : p->statement == STATEMENT_UPDATE ? "UPDATE of"
							      : "DELETE from";
	TRY(buf_printf(out, "%s %s by %s\n", name, p->work->schema->table,
		p->fetched ? "the owner" : "scan"));
	TRY(print_where(&x));
	TRY(print_result(&x));
	if (p->never || p->every)
		return STATUS_OK;
	if (p->fetched)
		return print_fetched(&x);
	double bytes_a_row = sealed_bytes(&x, used);
	add_costs(&x, &c);
	TRY(print_costs(&x, &c));
	TRY(print_crossover(&x, &c, bytes_a_row));
	return print_leakage(&x, used);
}

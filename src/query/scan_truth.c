/* Conditions on the codes of a column, as the owner knows them. */
#include "query/scan_build.h"

bool scan_holds(enum int_comparison op, int order)
{
	switch (op) {
	case INT_EQ:
		return order == 0;
	case INT_NE:
		return order != 0;
	case INT_LT:
		return order < 0;
	case INT_LE:
		return order <= 0;
	case INT_GT:
		return order > 0;
	default:
		return order >= 0;
	}
}

amt_status scan_code_of(
	const struct scan_build *b, const struct pred *p, struct scan_code_comparison *out)
{
	const struct column *c = &b->schema->column[p->column];
	*out = (struct scan_code_comparison){.op = p->op};
	if (c->type == COLUMN_TEXT) {
		ENSURE(b->texts != NULL, AMT_INVALID_ARGUMENT, "no texts for column \"%s\"",
			c->name);
		TRY(b->texts->code(b->texts->context, p->column, p->text, &out->code, &out->known));
		out->always = p->op == INT_NE;
		return STATUS_OK;
	}
	uint64_t least, most;
	column_domain(c, &least, &most);
	bool below = p->constant.below || p->constant.bits < least;
	bool above = !below && p->constant.bits > most;
	out->known = !below && !above;
	out->code = out->known ? p->constant.bits - least : 0;
	out->always = p->op == INT_NE || (p->op == INT_GT && below) || (p->op == INT_LE && above);
	return STATUS_OK;
}

/* Whether a comparison holds for a code. */
static amt_status compare_code(
	const struct scan_build *b, const struct pred *p, uint64_t code, bool *out)
{
	const struct column *c = &b->schema->column[p->column];
	struct scan_code_comparison k;
	if (c->type == COLUMN_TEXT && p->op != INT_EQ && p->op != INT_NE) {
		struct span text = {0};
		bool known = false;
		ENSURE(b->texts != NULL, AMT_INVALID_ARGUMENT, "no texts for column \"%s\"",
			c->name);
		TRY(b->texts->text(b->texts->context, p->column, code, &text, &known));
		*out = known && scan_holds(p->op, span_compare(text, p->text));
		return STATUS_OK;
	}
	TRY(scan_code_of(b, p, &k));
	*out = k.known ? scan_holds(k.op, code < k.code ? -1 : code > k.code) : k.always;
	return STATUS_OK;
}

amt_status scan_truth_of(
	const struct scan_build *b, const struct pred *p, bool null, uint64_t code, bool *out)
{
	bool one = false;
	switch (p->kind) {
	case PRED_ALL:
	case PRED_ANY:
		*out = p->kind == PRED_ALL;
		for (size_t i = 0; i < p->children; i++) {
			TRY(scan_truth_of(b, p->child[i], null, code, &one));
			*out = p->kind == PRED_ALL ? *out && one : *out || one;
		}
		return STATUS_OK;
	case PRED_NOT:
		TRY(scan_truth_of(b, p->child[0], null, code, &one));
		*out = !one;
		return STATUS_OK;
	case PRED_NULL:
		*out = null;
		return STATUS_OK;
	case PRED_FLAG:
		*out = !null && column_scan_code(&b->schema->column[p->column], 1) == code;
		return STATUS_OK;
	case PRED_COMPARE:
		*out = false;
		return null ? STATUS_OK : compare_code(b, p, code, out);
	case PRED_TEST:
		*out = false;
		return null ? STATUS_OK : scan_test_holds(b, p, code, out);
	default:
		FAIL(AMT_INTERNAL, "a known truth inside a predicate");
	}
}

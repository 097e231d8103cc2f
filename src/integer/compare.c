/* Comparisons. Two digits of each operand are packed: D = (4 x1 + x0) - (4 y1 + y0) in [-15, 15]
 * fills the whole circle of 32 messages.
 *
 * Equality: each D goes through [D = 0], the flags are added and judged by a threshold.
 *
 * Order: the sign of D is an odd function, which is what a negacyclic table can hold. Signs are
 * returned scaled by 1, 2, 4, 8, so that the sum of four has the sign of the most significant one
 * that is not 0, and so on in a tree.
 *
 * The right operand's lowest digit may be -1 (a constant below every value; the others 0), then the
 * lowest D reaches 16, where a table returns minus its value at 0:
 *  - equality: the flag is -1, the sum stays below the threshold (with 16 digits the sum spans one
 *    value too many and costs one bootstrap more);
 *  - x < y and x >= y: the sign is 0, "equal so far" where x is greater: the same answer;
 *  - x <= y and x > y: the lowest digit asks [D > 0] of D - 1 in [-16, 15] instead, with two
 *    answers, which is what a table holds without any wrap.
 *
 * Signed: the top digits t go through one bivariate table that compares (t + 2) mod 4. The next
 * digit's difference (two bits) joins its group without a bootstrap of its own. Bootstraps of order
 * for 8, 16, 32, 64 bits: 3, 5, 11, 21 unsigned; 3, 6, 11, 22 signed.
 */
#include "integer/internal.h"

#include "base/alloc.h"

enum { MAX_NODES = 2 * INT_MAX_BLOCKS };

/* A digit of the comparison: a linear combination of blocks of both operands. */
struct digit {
	struct int_part parts[4];
	unsigned count;
	int32_t constant;
};

/* What is left to compare, as a leaf or a group of nodes below it. */
struct node {
	struct int_block block; /* owned words, NULL before and after use */
	unsigned bits;		/* 1: a sign. 2: a difference of two digits, used as it is */
	int32_t scale;		/* what the node is multiplied by in its group */
	bool two_valued;	/* leaf: -1 or 1 instead of a sign with 0 */
	bool top;		/* leaf: 4 x + y of signed top digits */
	unsigned first, count;	/* group: its nodes, low to high, in `order` */
	unsigned level;		/* 0: leaf */
};

struct comparison {
	struct int_operand x, y;
	size_t rows;
	struct digit digit[INT_MAX_BLOCKS];
	unsigned digits;
	struct node *node; /* MAX_NODES */
	unsigned nodes;
	unsigned order[MAX_NODES], ordered;
};

/* A packed digit of clean blocks has 4 * 4 + 1 + 4 * 4 + 1 units. The published parameter sets leave
 * less: there a digit is one block. */
static bool packs(const struct int_context *c)
{
	return c->params->max_noise >= 34;
}

static void digits_of(const struct int_context *c, struct comparison *k, unsigned to)
{
	unsigned step = packs(c) ? 2 : 1;
	for (unsigned b = 0; b < to; b += step) {
		struct digit *d = &k->digit[k->digits++];
		if (step == 2 && b + 1 < to)
			*d = (struct digit){.parts = {{&k->x, b + 1, 4}, {&k->x, b, 1},
						    {&k->y, b + 1, -4}, {&k->y, b, -1}},
				.count = 4};
		else
			*d = (struct digit){.parts = {{&k->x, b, 1}, {&k->y, b, -1}}, .count = 2};
	}
}

/* Cleans what is too noisy, then makes the digits' words in the first `digits` nodes. Digits equal
 * to a higher one are dropped: they can decide nothing, and equal noise would add up. */
static amt_status combine_digits(struct int_context *c, struct comparison *k)
{
	struct int_operand *both[] = {&k->x, &k->y};
	for (unsigned i = 0; i < k->digits; i++)
		TRY(int_fit(c, k->rows, k->digit[i].parts, k->digit[i].count, 0));
	TRY(int_operands_clean(c, both, 2));
	unsigned stride = tfhe_lwe_stride(c->params);
	for (unsigned i = 0; i < k->digits; i++) {
		struct node *n = &k->node[k->nodes++];
		TRY(int_block_alloc(&n->block, stride, k->rows));
		TRY(int_combine(c, &n->block, k->rows, k->digit[i].parts, k->digit[i].count,
			k->digit[i].constant));
	}
	return STATUS_OK;
}

static bool equal_to_higher(const struct int_context *c, const struct comparison *k, unsigned i)
{
	for (unsigned j = i + 1; j < k->digits; j++)
		if (k->node[j].bits == k->node[i].bits && !k->node[j].top &&
			int_same_words(&k->node[i].block, &k->node[j].block, k->rows,
				tfhe_lwe_stride(c->params)))
			return true;
	return false;
}

/* ---- equality -------------------------------------------------------------------------------- */

static int32_t is_zero(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return m == 0 ? 2 : 0;
}

static amt_status equality(
	struct int_context *c, struct comparison *k, struct int_block *out, bool negate)
{
	digits_of(c, k, k->x.column.blocks);
	TRY(combine_digits(c, k));
	struct int_term flags[INT_MAX_BLOCKS];
	size_t count = 0;
	struct int_stage stage = {0};
	amt_status s;
	for (unsigned i = 0; i < k->digits; i++) {
		struct int_block *block = &k->node[i].block;
		if (equal_to_higher(c, k, i))
			continue;
		bool wraps = block->hi > 15;
		struct int_table table;
		TRY_GOTO(s, int_table(c, &table, 1, block->lo, wraps ? 15 : block->hi, is_zero, 0),
			done);
		TRY_GOTO(s, int_stage_add(c, &stage, block, k->rows, &table, &block), done);
		if (wraps)
			block->lo = -1;
		flags[count++] = (struct int_term){block, k->rows, 1};
	}
	TRY_GOTO(s, int_stage_run(c, &stage), done);
	s = int_threshold(c, out, k->rows, flags, count, false, negate);
done:
	int_stage_free(&stage);
	return s;
}

/* ---- order ----------------------------------------------------------------------------------- */

static int32_t sign(int32_t m)
{
	return (m > 0) - (m < 0);
}

static int32_t scaled_sign(unsigned f, int32_t m, int32_t scale)
{
	(void)f;
	return 2 * scale * sign(m);
}

static int32_t scaled_two_valued(unsigned f, int32_t m, int32_t scale)
{
	(void)f;
	return m >= 0 ? 2 * scale : -2 * scale;
}

static int32_t scaled_top_sign(unsigned f, int32_t m, int32_t scale)
{
	(void)f;
	return 2 * scale * sign(((m >> 2) ^ 2) - ((m & 3) ^ 2));
}

static amt_status sign_table(struct int_context *c, struct int_table *out, const struct node *n)
{
	int32_t hi = n->block.hi;
	if (n->level == 0 && n->two_valued)
		return int_table(c, out, 1, n->block.lo, hi, scaled_two_valued, n->scale);
	if (n->level == 0 && n->top)
		return int_table(c, out, 1, n->block.lo, hi, scaled_top_sign, n->scale);
	return int_table(c, out, 1, n->block.lo, hi > 15 ? 15 : hi, scaled_sign, n->scale);
}

/* Scales for nodes that are added: each occupies its bits above those of the lower ones. */
static void scale_group(struct comparison *k, const unsigned *members, unsigned count)
{
	unsigned at = 0;
	for (unsigned i = 0; i < count; i++) {
		k->node[members[i]].scale = 1 << at;
		at += k->node[members[i]].bits;
	}
}

/* Groups of at most 4 bits, from the top, until 4 bits are left: each group turns its bits into one
 * sign. On return current[0 .. *count) is what the final threshold adds. */
static unsigned plan(struct comparison *k, unsigned *current, unsigned *count)
{
	unsigned total = 0, levels = 0;
	for (unsigned i = 0; i < *count; i++)
		total += k->node[current[i]].bits;
	while (total > 4) {
		unsigned next[MAX_NODES], made = 0;
		levels++;
		for (unsigned left = *count; left > 0;) {
			unsigned bits = 0, first = left;
			while (total > 4 && first > 0 &&
				bits + k->node[current[first - 1]].bits <= 4)
				bits += k->node[current[--first]].bits;
			/* A group that is neither full nor the last one needed waits a level. */
			if (bits < 4 && total - bits + 1 > 4)
				first = left;
			if (left - first < 2) {
				next[made++] = current[--left];
				continue;
			}
			struct node *group = &k->node[k->nodes];
			*group = (struct node){.bits = 1,
				.first = k->ordered,
				.count = left - first,
				.level = levels};
			memcpy(&k->order[k->ordered], &current[first],
				group->count * sizeof(current[0]));
			k->ordered += group->count;
			scale_group(k, &current[first], group->count);
			total -= bits - 1;
			left = first;
			next[made++] = k->nodes++;
		}
		for (unsigned i = 0; i < made; i++)
			current[i] = next[made - 1 - i];
		*count = made;
	}
	scale_group(k, current, *count);
	return levels;
}

/* block (allocated) = sum of members, raw differences scaled here, signs by their tables. */
static amt_status add_members(struct int_context *c, struct comparison *k, struct int_block *block,
	const unsigned *members, unsigned count)
{
	struct int_term terms[4];
	for (unsigned i = 0; i < count; i++) {
		const struct node *n = &k->node[members[i]];
		terms[i] = (struct int_term){&n->block, k->rows, n->bits == 2 ? n->scale : 1};
	}
	return int_linear(c, block, k->rows, terms, count, 0);
}

/* threshold 0 or 1: out = [x - y >= threshold], negated if `negate`. */
static amt_status order(struct int_context *c, struct comparison *k, struct int_block *out,
	int32_t threshold, bool negate)
{
	unsigned blocks = k->x.column.blocks;
	bool is_signed = int_type_signed(k->x.column.type);
	ENSURE(!is_signed || blocks > 2, AMT_UNSUPPORTED, "order of signed values of %u blocks",
		blocks);
	digits_of(c, k, is_signed ? blocks - 2 : blocks);
	if (is_signed) {
		struct digit *raw = &k->digit[k->digits++], *top = &k->digit[k->digits++];
		/* The difference is scaled in its group, by 4 at most. */
		int32_t room = packs(c) ? 4 : 1;
		*raw = (struct digit){
			.parts = {{&k->x, blocks - 2, room}, {&k->y, blocks - 2, -room}},
			.count = 2};
		*top = (struct digit){
			.parts = {{&k->x, blocks - 1, 4}, {&k->y, blocks - 1, 1}}, .count = 2};
		TRY(int_fit(c, k->rows, raw->parts, 2, packs(c) ? 2 : 0));
		raw->parts[0].weight = 1;
		raw->parts[1].weight = -1;
	}
	if (threshold == 1)
		k->digit[0].constant = -1;
	TRY(combine_digits(c, k));
	for (unsigned i = 0; i < k->digits; i++)
		k->node[i].bits = 1;
	if (is_signed) {
		k->node[k->digits - 2].bits = packs(c) ? 2 : 1;
		k->node[k->digits - 1].top = true;
	}
	k->node[0].two_valued = threshold == 1;

	unsigned current[MAX_NODES], count = 0;
	for (unsigned i = 0; i < k->digits; i++)
		if ((i == 0 && threshold == 1) || k->node[i].top || !equal_to_higher(c, k, i))
			current[count++] = i;
	if (count == 1 && k->node[current[0]].block.hi <= 15) {
		/* One digit only: the threshold may judge it at once. */
		TRY(int_linear(c, out, k->rows,
			&(struct int_term){&k->node[current[0]].block, k->rows, 1}, 1, 0));
		return int_step(c, out, k->rows, 0, negate);
	}
	unsigned leaves[MAX_NODES], leaf_count = count;
	memcpy(leaves, current, count * sizeof(leaves[0]));
	unsigned levels = plan(k, current, &count);

	struct int_stage stage = {0};
	amt_status s;
	struct int_table table;
	for (unsigned i = 0; i < leaf_count; i++) {
		struct node *n = &k->node[leaves[i]];
		struct int_block *block = &n->block;
		if (n->bits == 2)
			continue;
		TRY_GOTO(s, sign_table(c, &table, n), done);
		TRY_GOTO(s, int_stage_add(c, &stage, block, k->rows, &table, &block), done);
	}
	TRY_GOTO(s, int_stage_run(c, &stage), done);
	for (unsigned level = 1; level <= levels; level++) {
		for (unsigned i = k->digits; i < k->nodes; i++) {
			struct node *n = &k->node[i];
			struct int_block *block = &n->block;
			if (n->level != level)
				continue;
			TRY_GOTO(s, int_block_alloc(block, tfhe_lwe_stride(c->params), k->rows),
				done);
			TRY_GOTO(s, add_members(c, k, block, &k->order[n->first], n->count), done);
			TRY_GOTO(s, sign_table(c, &table, n), done);
			TRY_GOTO(s, int_stage_add(c, &stage, block, k->rows, &table, &block), done);
		}
		TRY_GOTO(s, int_stage_run(c, &stage), done);
	}
	TRY_GOTO(s, add_members(c, k, out, current, count), done);
	s = int_step(c, out, k->rows, threshold, negate);
done:
	int_stage_free(&stage);
	return s;
}

static amt_status check_digits(const struct int_column *a, int32_t lowest)
{
	int32_t top = a->type == INT_BOOL ? 1 : 3;
	for (unsigned b = 0; b < a->blocks; b++)
		ENSURE(a->block[b].lo >= (b == 0 ? lowest : 0) && a->block[b].hi <= top,
			AMT_OUT_OF_RANGE, "a digit that may be %d or %d", a->block[b].lo,
			a->block[b].hi);
	return STATUS_OK;
}

/* State: a block for each two digits, and the groups'. */
amt_status int_compare(struct int_context *c, struct int_column *out, enum int_comparison op,
	const struct int_column *a, const struct int_column *b)
{
	static const enum int_comparison mirrored[] = {[INT_EQ] = INT_EQ,
		[INT_NE] = INT_NE,
		[INT_LT] = INT_GT,
		[INT_LE] = INT_GE,
		[INT_GT] = INT_LT,
		[INT_GE] = INT_LE};
	out->blocks = 0;
	size_t rows;
	TRY(int_agree(&rows, a, b));
	if (a->block[0].lo < 0) { /* only the right operand may hold -1 */
		const struct int_column *t = a;
		a = b;
		b = t;
		op = mirrored[op];
	}
	TRY(check_digits(a, 0));
	TRY(check_digits(b, -1));
	struct comparison *k;
	TRY(mem_zalloc(&k, sizeof(*k)));
	k->rows = rows;
	int_operand_open(&k->x, a, 0);
	int_operand_open(&k->y, b, 1);
	amt_status s;
	TRY_GOTO(s, mem_array(&k->node, MAX_NODES, sizeof(*k->node)), done);
	TRY_GOTO(s, int_column_alloc(out, c->params, INT_BOOL, 1, rows), done);
	if (op == INT_EQ || op == INT_NE)
		s = equality(c, k, &out->block[0], op == INT_NE);
	else /* x > y and x >= y, or their negations */
		s = order(c, k, &out->block[0], op == INT_GT || op == INT_LE ? 1 : 0,
			op == INT_LT || op == INT_LE);
done:
	for (unsigned i = 0; i < k->nodes; i++)
		int_block_free(&k->node[i].block, tfhe_lwe_stride(c->params), rows);
	mem_free(k->node);
	int_operand_close(&k->x);
	int_operand_close(&k->y);
	mem_free(k);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

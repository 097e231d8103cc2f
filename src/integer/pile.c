/* Sums of many digits, position by position: each position has a pile of addends. A level takes
 * groups of addends that span at most 15 and makes a digit and a carry of each with one rotation,
 * five addends into two, until what is left of every pile may be rippled. Groups are filled from the
 * noisiest addend down, so that quiet ones (carries) fill up what noisy ones (digits) leave.
 *
 * Negative weights and constants only move a range: the constant that brings a group's range to 0 is
 * kept apart, in clear, and goes into the ripple. */
#include "integer/internal.h"

#include "base/alloc.h"

#include <stdlib.h>

enum {
	SPAN = 15, /* of a group: 16 messages */
	FULL = 13, /* a group this wide need not wait for more addends */
	LEFT = 12, /* of a pile before the ripple: with carries that span 4 it has 17 messages */
	LEFT_QUIET = 10, /* where digits must not be noisy: tables of 16 messages */
	ROOM = 80,	 /* units for which the first suffices */
	CARRY_NOISE = 4
};

struct int_addend {
	struct int_block block; /* its words belong to the pile if owned */
	int32_t weight;
	size_t rows; /* the piles', or 1: broadcast */
	bool owned;
};

void int_piles_close(struct int_piles *p)
{
	for (unsigned b = 0; b < INT_MAX_BLOCKS; b++) {
		struct int_pile *pile = &p->pile[b];
		for (size_t i = 0; i < pile->count; i++)
			if (pile->addends[i].owned)
				int_block_free(&pile->addends[i].block, p->stride, p->rows);
		mem_free(pile->addends);
		*pile = (struct int_pile){0};
	}
}

void int_piles_constant(struct int_piles *p, int64_t value, unsigned position)
{
	if (position < p->blocks)
		p->constant[position] += value;
}

static amt_status push(struct int_piles *p, unsigned position, const struct int_block *block,
	size_t rows, int32_t weight, bool owned)
{
	struct int_pile *pile = &p->pile[position];
	if (pile->count == pile->capacity) {
		size_t capacity = pile->capacity * 2 + 8;
		TRY(mem_grow(&pile->addends, capacity * sizeof(*pile->addends)));
		pile->capacity = capacity;
	}
	pile->addends[pile->count++] = (struct int_addend){*block, weight, rows, owned};
	return STATUS_OK;
}

amt_status int_piles_add(struct int_piles *p, unsigned position, const struct int_block *block,
	size_t rows, int32_t weight)
{
	if (position >= p->blocks || weight == 0)
		return STATUS_OK;
	if (block->lo == block->hi) {
		int_piles_constant(p, (int64_t)block->lo * weight, position);
		return STATUS_OK;
	}
	return push(p, position, block, rows, weight, false);
}

amt_status int_piles_give(struct int_piles *p, unsigned position, struct int_block *block)
{
	amt_status s = STATUS_OK;
	if (position < p->blocks && block->lo != block->hi) {
		s = push(p, position, block, p->rows, 1, true);
		if (amt_ok(s)) {
			block->lwe = NULL;
			return s;
		}
	} else if (position < p->blocks) {
		int_piles_constant(p, block->lo, position);
	}
	int_block_free(block, p->stride, p->rows);
	return s;
}

/* ---- groups -----------------------------------------------------------------------------------
 */

static int32_t reach_of(const struct int_addend *a)
{
	return (a->block.hi - a->block.lo) * (a->weight < 0 ? -a->weight : a->weight);
}

static uint64_t noise_of(const struct int_addend *a)
{
	return int_noise(&a->block) * (uint64_t)((int64_t)a->weight * a->weight);
}

static int noisier(const void *a, const void *b)
{
	uint64_t x = noise_of(a), y = noise_of(b);
	return (x < y) - (x > y);
}

static int32_t pile_span(const struct int_pile *pile)
{
	int32_t span = 0;
	for (size_t i = 0; i < pile->count; i++)
		span += reach_of(&pile->addends[i]);
	return span;
}

static bool track(const struct int_piles *p, struct int_block *sum, const struct int_addend *a)
{
	return int_track(sum, &a->block, a->weight, a->rows == 1 && p->rows > 1);
}

static int32_t left_of(const struct int_piles *p)
{
	return p->c->params->max_noise >= ROOM ? LEFT : LEFT_QUIET;
}

/* Whether the pile's sum may be bootstrapped after a carry came in. */
static bool quiet(const struct int_piles *p, const struct int_pile *pile)
{
	struct int_block sum = {0};
	for (size_t i = 0; i < pile->count; i++)
		if (!track(p, &sum, &pile->addends[i]))
			return false;
	return sum.sources + TFHE_LUT_SAMPLES <= INT_MAX_SOURCES &&
	       int_noise(&sum) + CARRY_NOISE <= p->c->params->max_noise;
}

struct group {
	unsigned position;
	struct int_block sum, digit, carry;
	bool linear; /* digit = sum - 4 carry */
};

struct level {
	struct group *groups;
	size_t count, capacity;
	unsigned groups_at[INT_MAX_BLOCKS];
	int32_t coming[INT_MAX_BLOCKS]; /* span of the digits and carries a position will get */
	struct int_stage stage;
};

static int32_t digit_of(unsigned f, int32_t m, int32_t parameter)
{
	return int_digit_carry(f + (unsigned)parameter, m, 0);
}

/* What noise the digit of a mixed table over [0, hi] has: a step of 1, and of 3 after each fourth. */
static uint64_t mixed_noise(int32_t hi)
{
	return (uint64_t)(hi + 8 * (hi / 4));
}

/* Chooses how the group gets digit and carry, quietly with one rotation if that leaves noise enough
 * for a next level, and adds the jobs. */
static amt_status plan_group(struct int_piles *p, struct level *level, struct group *g)
{
	struct int_context *c = p->c;
	uint64_t noise = int_noise(&g->sum), limit = c->params->max_noise;
	int32_t hi = g->sum.hi;
	struct int_table table;
	if (g->position + 1 == p->blocks || hi < 4) {
		TRY(int_table(c, &table, 1, 0, hi, digit_of, 0));
		TRY(int_block_alloc(&g->digit, p->stride, p->rows));
		return int_stage_add(c, &level->stage, &g->sum, p->rows, &table,
			(struct int_block *const[]){&g->digit});
	}
	TRY(int_block_alloc(&g->carry, p->stride, p->rows));
	g->linear = hi > 7 && noise + 16 <= mixed_noise(hi) && 2 * (noise + 16) + 3 <= limit;
	if (g->linear) {
		TRY(int_table(c, &table, 1, 0, hi, digit_of, 1));
		return int_stage_add(c, &level->stage, &g->sum, p->rows, &table,
			(struct int_block *const[]){&g->carry});
	}
	TRY(int_block_alloc(&g->digit, p->stride, p->rows));
	struct int_block *both[] = {&g->digit, &g->carry};
	if (hi <= 7 || 2 * mixed_noise(hi) + 9 <= limit) {
		TRY(int_table_any(c, &table, 2, 0, hi, digit_of, 0));
		return int_stage_add(c, &level->stage, &g->sum, p->rows, &table, both);
	}
	for (int32_t f = 0; f < 2; f++) {
		TRY(int_table(c, &table, 1, 0, hi, digit_of, f));
		TRY(int_stage_add(c, &level->stage, &g->sum, p->rows, &table, &both[f]));
	}
	return STATUS_OK;
}

/* Takes addends until the group spans `wanted`, at most `most`; they leave the pile. */
static amt_status form_group(
	struct int_piles *p, struct level *level, unsigned position, int32_t wanted, int32_t most)
{
	struct int_pile *pile = &p->pile[position];
	if (level->count == level->capacity) {
		size_t capacity = level->capacity * 2 + 16;
		TRY(mem_grow(&level->groups, capacity * sizeof(*level->groups)));
		level->capacity = capacity;
	}
	struct group *g = &level->groups[level->count++];
	*g = (struct group){.position = position};
	struct int_term terms[SPAN];
	size_t index[SPAN], count = 0;
	struct int_block sum = {0};
	for (size_t i = 0; i < pile->count && sum.hi - sum.lo < wanted && count < SPAN; i++) {
		struct int_block probe = sum;
		if (!track(p, &probe, &pile->addends[i]) || probe.hi - probe.lo > most ||
			(count > 0 && int_noise(&probe) > p->c->params->max_noise))
			continue;
		sum = probe;
		index[count++] = i;
	}
	ENSURE(count > 0, AMT_INTERNAL, "a digit that spans more than a look-up table");
	for (size_t i = 0; i < count; i++) {
		const struct int_addend *a = &pile->addends[index[i]];
		terms[i] = (struct int_term){&a->block, a->rows, a->weight};
	}
	TRY(int_block_alloc(&g->sum, p->stride, p->rows));
	TRY(int_linear(p->c, &g->sum, p->rows, terms, count, -sum.lo));
	int_piles_constant(p, sum.lo, position);
	for (size_t i = count; i-- > 0;) {
		struct int_addend *a = &pile->addends[index[i]];
		if (a->owned)
			int_block_free(&a->block, p->stride, p->rows);
		memmove(a, a + 1, (pile->count - index[i] - 1) * sizeof(*a));
		pile->count--;
	}
	int32_t hi = g->sum.hi;
	level->groups_at[position]++;
	level->coming[position] += hi < 3 ? hi : 3;
	if (position + 1 < p->blocks)
		level->coming[position + 1] += hi / 4;
	return plan_group(p, level, g);
}

static amt_status form_groups(struct int_piles *p, struct level *level, unsigned b)
{
	struct int_pile *pile = &p->pile[b];
	if (pile->count > 1)
		qsort(pile->addends, pile->count, sizeof(*pile->addends), noisier);
	for (;;) {
		int32_t span = pile_span(pile), all = span + level->coming[b];
		bool waits = level->groups_at[b] > 0 || (b > 0 && level->groups_at[b - 1] > 0);
		if (all <= left_of(p)) {
			if (waits || quiet(p, pile))
				return STATUS_OK;
			TRY(form_group(p, level, b, 7, 7));
			continue;
		}
		if (span >= FULL) {
			TRY(form_group(p, level, b, SPAN, SPAN));
			continue;
		}
		if (waits || pile->count < 2)
			return STATUS_OK;
		TRY(form_group(p, level, b, all - left_of(p) + 3, SPAN));
	}
}

/* One level over all positions. *done: no pile needs another. */
static amt_status compress_level(struct int_piles *p, bool *done)
{
	struct level level = {0};
	amt_status s = STATUS_OK;
	for (unsigned b = 0; b < p->blocks; b++)
		TRY_GOTO(s, form_groups(p, &level, b), out);
	*done = level.count == 0;
	TRY_GOTO(s, int_stage_run(p->c, &level.stage), out);
	for (size_t i = 0; i < level.count; i++) {
		struct group *g = &level.groups[i];
		if (g->linear) {
			TRY_GOTO(s, int_block_alloc(&g->digit, p->stride, p->rows), out);
			struct int_term terms[] = {{&g->sum, p->rows, 1}, {&g->carry, p->rows, -4}};
			TRY_GOTO(s, int_linear(p->c, &g->digit, p->rows, terms, 2, 0), out);
			g->digit.lo = 0;
			g->digit.hi = 3;
		}
		if (g->digit.lwe != NULL)
			TRY_GOTO(s, int_piles_give(p, g->position, &g->digit), out);
		if (g->carry.lwe != NULL)
			TRY_GOTO(s, int_piles_give(p, g->position + 1, &g->carry), out);
		int_block_free(&g->sum, p->stride, p->rows);
	}
out:
	for (size_t i = 0; i < level.count; i++) {
		int_block_free(&level.groups[i].sum, p->stride, p->rows);
		int_block_free(&level.groups[i].digit, p->stride, p->rows);
		int_block_free(&level.groups[i].carry, p->stride, p->rows);
	}
	mem_free(level.groups);
	int_stage_free(&level.stage);
	return s;
}

amt_status int_piles_finish(struct int_piles *p, struct int_column *out, enum int_type type)
{
	out->blocks = 0;
	for (bool done = false; !done;)
		TRY(compress_level(p, &done));
	TRY(int_column_alloc(out, p->c->params, type, p->blocks, p->rows));
	amt_status s = STATUS_OK;
	int64_t carried = 0; /* by the constants */
	for (unsigned b = 0; b < p->blocks && amt_ok(s); b++) {
		const struct int_pile *pile = &p->pile[b];
		int64_t constant = p->constant[b] + carried, digit = constant & 3;
		carried = (constant - digit) / 4;
		struct int_term terms[LEFT + 1];
		for (size_t i = 0; i < pile->count; i++)
			terms[i] = (struct int_term){&pile->addends[i].block, pile->addends[i].rows,
				pile->addends[i].weight};
		s = int_linear(p->c, &out->block[b], p->rows, terms, pile->count, (int32_t)digit);
	}
	if (amt_ok(s))
		s = int_ripple(p->c, out, NULL);
	if (!amt_ok(s))
		int_column_free(out);
	return s;
}

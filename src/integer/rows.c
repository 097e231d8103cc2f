/* Aggregates over the rows of a column. */
#include "integer/internal.h"

#include "base/alloc.h"

/* ---- sum ------------------------------------------------------------------------------------ */

/* The sum keeps, for each digit position, a pile of addends with digits in [0, hi]. A level takes
 * groups of addends that sum to at most 15 and makes one digit and one carry of each: the carry by
 * a bootstrap, the digit as sum - 4 carry without one while its noise allows, else by a second
 * table on the same key switch. Every group turns five digits into two, so a digit of a row costs
 * about a third of a bootstrap and a bool a ninth. */
struct addend {
	uint32_t *lwe;
	uint32_t noise;
	int32_t hi;
	bool owned;
};

struct pile {
	struct addend *addends;
	size_t count, capacity;
};

struct sum {
	struct int_context *c;
	unsigned stride, blocks;
	struct pile pile[INT_MAX_BLOCKS];
};

enum {
	CHUNK = 512, /* rows that are compressed at a time: bounds the state to about
			CHUNK * 2 / 5 * blocks big LWEs */
	LEFT = 6     /* what a pile may hold for the ripple: with a carry of 1 it spans 8 values */
};

static amt_status push(struct pile *p, struct addend a)
{
	if (p->count == p->capacity) {
		size_t capacity = p->capacity * 2 + 16;
		TRY(mem_grow(&p->addends, capacity * sizeof(*p->addends)));
		p->capacity = capacity;
	}
	p->addends[p->count++] = a;
	return STATUS_OK;
}

static void drop(const struct sum *s, struct addend *a)
{
	if (a->owned)
		mem_free_aligned(a->lwe, s->stride * sizeof(uint32_t));
	a->owned = false;
}

static void sum_close(struct sum *s)
{
	for (unsigned b = 0; b < INT_MAX_BLOCKS; b++) {
		for (size_t i = 0; i < s->pile[b].count; i++)
			drop(s, &s->pile[b].addends[i]);
		mem_free(s->pile[b].addends);
	}
}

static int32_t total(const struct pile *p)
{
	int32_t sum = 0;
	for (size_t i = 0; i < p->count; i++)
		sum += p->addends[i].hi;
	return sum;
}

/* One group of a level: its sum, and what it becomes. */
struct group {
	unsigned block;
	struct addend sum, digit, carry;
};

struct level {
	struct group *groups;
	size_t count, capacity;
	struct tfhe_job *jobs;
	size_t job_count;
};

static amt_status owned_addend(const struct sum *s, struct addend *out)
{
	TRY(mem_alloc_aligned(&out->lwe, s->stride * sizeof(uint32_t)));
	out->owned = true;
	return STATUS_OK;
}

/* Takes addends from both ends in turn (carries are in front, digits behind: their noises mix)
 * while they fit. */
static amt_status take_group(
	struct sum *s, struct level *level, unsigned block, size_t *front, size_t *back)
{
	const struct tfhe_params *params = s->c->params;
	struct pile *p = &s->pile[block];
	if (level->count == level->capacity) {
		size_t capacity = level->capacity * 2 + 64;
		TRY(mem_grow(&level->groups, capacity * sizeof(*level->groups)));
		level->capacity = capacity;
	}
	struct group *g = &level->groups[level->count];
	*g = (struct group){.block = block};
	TRY(owned_addend(s, &g->sum));
	level->count++;
	tfhe_lwe_trivial(params, g->sum.lwe, 0);
	for (bool last = false; *front < *back; last = !last) {
		struct addend *a = &p->addends[last ? *back - 1 : *front];
		if (g->sum.hi + a->hi > 15 || g->sum.noise + a->noise > params->max_noise)
			break;
		tfhe_lwe_add(params, g->sum.lwe, g->sum.lwe, a->lwe);
		g->sum.hi += a->hi;
		g->sum.noise += a->noise;
		drop(s, a);
		if (last)
			--*back;
		else
			++*front;
	}
	return STATUS_OK;
}

/* Forms the groups of one position; what remains of the pile stays in it. */
static amt_status form_groups(struct sum *s, struct level *level, unsigned block)
{
	struct pile *p = &s->pile[block];
	size_t front = 0, back = p->count;
	amt_status st = STATUS_OK;
	bool any = false;
	for (;;) {
		int32_t left = 0;
		for (size_t i = front; i < back; i++)
			left += p->addends[i].hi;
		if (left <= (any ? 12 : LEFT)) /* a small rest waits for the next level's carries */
			break;
		TRY_GOTO(st, take_group(s, level, block, &front, &back), done);
		any = true;
	}
done:
	memmove(p->addends, p->addends + front, (back - front) * sizeof(*p->addends));
	p->count = back - front;
	return st;
}

static int32_t digit_only(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	return int_digit_carry(0, m, parameter);
}

static int32_t carry_only(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	return int_digit_carry(1, m, parameter);
}

/* Chooses how a group gets its digit and adds the jobs: the tables' results for sums up to hi. */
static amt_status plan_group(struct sum *s, struct level *level, struct group *g)
{
	const struct tfhe_params *params = s->c->params;
	bool top = g->block + 1 == s->blocks || g->sum.hi < 4; /* no carry */
	/* Two digits made linearly and three carries must fit a sum of the next level. */
	bool linear = !top && g->sum.hi > 7 && (g->sum.noise + 16) * 2 + 3 <= params->max_noise;
	struct int_table table;
	struct tfhe_job job = {.in = g->sum.lwe};
	if (!top) {
		TRY(owned_addend(s, &g->carry));
		g->carry.hi = g->sum.hi / 4;
		g->carry.noise = 1;
	}
	if (!linear) {
		TRY(owned_addend(s, &g->digit));
		g->digit.noise = 1;
	} else {
		g->digit.noise = g->sum.noise + 16;
	}
	g->digit.hi = g->sum.hi < 3 ? g->sum.hi : 3;
	if (g->sum.hi <= 7 && !top) {
		TRY(int_table(s->c, &table, 2, 0, g->sum.hi, int_digit_carry, 0));
		job.lut = table.lut;
		job.out[0] = g->digit.lwe;
		job.out[1] = g->carry.lwe;
		level->jobs[level->job_count++] = job;
		return STATUS_OK;
	}
	if (!top) {
		TRY(int_table(s->c, &table, 1, 0, g->sum.hi, carry_only, 0));
		job.lut = table.lut;
		job.out[0] = g->carry.lwe;
		level->jobs[level->job_count++] = job;
	}
	if (!linear) {
		TRY(int_table(s->c, &table, 1, 0, g->sum.hi, digit_only, 0));
		job.lut = table.lut;
		job.out[0] = g->digit.lwe;
		level->jobs[level->job_count++] = job;
	}
	return STATUS_OK;
}

/* Puts a group's digit and carry on their piles. */
static amt_status pile_up(struct sum *s, struct group *g)
{
	if (!g->digit.owned) {
		tfhe_lwe_add_scaled(s->c->params, g->sum.lwe, g->carry.lwe, -4);
		g->digit.lwe = g->sum.lwe;
		g->digit.owned = true;
		g->sum.owned = false;
	}
	TRY(push(&s->pile[g->block], g->digit));
	g->digit.owned = false;
	if (g->carry.owned)
		TRY(push(&s->pile[g->block + 1], g->carry));
	g->carry.owned = false;
	return STATUS_OK;
}

/* One level over all positions. *done: no pile needs another. */
static amt_status compress_level(struct sum *s, bool *done)
{
	struct level level = {0};
	amt_status st = STATUS_OK;
	for (unsigned b = 0; b < s->blocks; b++)
		if (total(&s->pile[b]) > LEFT)
			TRY_GOTO(st, form_groups(s, &level, b), out);
	*done = level.count == 0;
	if (*done)
		goto out;
	TRY_GOTO(st, mem_array(&level.jobs, 2 * level.count, sizeof(*level.jobs)), out);
	for (size_t i = 0; i < level.count; i++)
		TRY_GOTO(st, plan_group(s, &level, &level.groups[i]), out);
	s->c->layers++;
	TRY_GOTO(st,
		tfhe_bootstrap(s->c->evaluator, level.jobs, level.job_count, s->c->progress,
			s->c->progress_context),
		out);
	/* Positions go up: a pile gets its carries before its digits. */
	for (size_t i = 0; i < level.count; i++)
		TRY_GOTO(st, pile_up(s, &level.groups[i]), out);
out:
	for (size_t i = 0; i < level.count; i++) {
		drop(s, &level.groups[i].sum);
		drop(s, &level.groups[i].digit);
		drop(s, &level.groups[i].carry);
	}
	mem_free(level.groups);
	mem_free(level.jobs);
	return st;
}

static amt_status compress(struct sum *s)
{
	for (bool done = false; !done;)
		TRY(compress_level(s, &done));
	return STATUS_OK;
}

/* The piles, small by now, as the sums of a column of one row, rippled. */
static amt_status finish(struct sum *s, struct int_column *out, enum int_type type, uint64_t seed)
{
	const struct tfhe_params *params = s->c->params;
	TRY(int_column_alloc(out, params, type, s->blocks, 1));
	for (unsigned b = 0; b < s->blocks; b++) {
		struct int_block *block = &out->block[b];
		uint32_t noise = 0;
		tfhe_lwe_trivial(params, block->lwe, 0);
		for (size_t i = 0; i < s->pile[b].count; i++) {
			const struct addend *a = &s->pile[b].addends[i];
			tfhe_lwe_add(params, block->lwe, block->lwe, a->lwe);
			block->hi += a->hi;
			noise += a->noise;
		}
		if (noise > 0)
			int_set_source(block, int_mix(seed, b), noise);
	}
	return int_ripple(s->c, out, NULL);
}

/* The narrowest type with room for the blocks. */
static enum int_type sum_type(enum int_type of, unsigned blocks)
{
	if (blocks > INT_WORD_BLOCKS)
		return INT_U128;
	enum int_type t = int_type_signed(of) ? INT_I8 : INT_U8;
	while (int_type_blocks(t) < blocks)
		t++;
	return t;
}

static int32_t flip_sign(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return 2 * (m ^ 2);
}

/* A constant with all digits added at once to the piles. */
static amt_status push_constant(struct sum *s, uint64_t value)
{
	for (unsigned b = 0; b < s->blocks; b++) {
		uint32_t digit = (uint32_t)(value >> (2 * b)) & 3;
		struct addend a = {.hi = (int32_t)digit};
		if (digit == 0)
			continue;
		TRY(owned_addend(s, &a));
		tfhe_lwe_trivial(s->c->params, a.lwe, digit << tfhe_delta_log2(s->c->params));
		amt_status st = push(&s->pile[b], a);
		if (!amt_ok(st)) {
			drop(s, &a);
			return st;
		}
	}
	return STATUS_OK;
}

amt_status int_sum_rows(
	struct int_context *c, struct int_column *out, const struct int_column *a, unsigned blocks)
{
	out->blocks = 0;
	ENSURE(blocks >= 1 && blocks <= INT_MAX_BLOCKS, AMT_INVALID_ARGUMENT, "%u blocks", blocks);
	ENSURE(a->blocks >= 1, AMT_INVALID_ARGUMENT, "a column without blocks");
	ENSURE(blocks <= INT_WORD_BLOCKS || !int_type_signed(a->type), AMT_INVALID_ARGUMENT,
		"a sum of %s in %u blocks", int_type_name(a->type), blocks);
	for (unsigned b = 0; b < a->blocks; b++)
		ENSURE(a->block[b].lo >= 0 && a->block[b].hi <= 3, AMT_OUT_OF_RANGE,
			"a digit that may be %d or %d", a->block[b].lo, a->block[b].hi);
	unsigned used = a->blocks < blocks ? a->blocks : blocks;
	/* Sign extension without extra digits: with the sign bit flipped, values are 2^(w - 1) too
	 * large and not negative; rows * 2^(w - 1) is public. */
	bool biased = int_type_signed(a->type) && a->blocks < blocks;
	struct sum s = {.c = c, .stride = tfhe_lwe_stride(c->params), .blocks = blocks};
	struct int_operand x, *all[] = {&x};
	int_operand_open(&x, a, 0);
	uint64_t seed = 0;
	amt_status st;
	for (unsigned b = 0; b < used; b++) {
		struct int_block *block = &x.column.block[b];
		/* Broadcast noise would add up over the rows; unclean noise fills the sums. */
		bool shared = false;
		for (unsigned i = 0; i < block->sources; i++)
			shared |= block->source[i].shared;
		if (shared || int_noise(block) > c->params->max_noise / 15)
			x.dirty |= UINT64_C(1) << b;
	}
	TRY_GOTO(st, int_operands_clean(c, all, 1), done);
	if (biased) {
		struct int_block *top = &x.column.block[used - 1], flipped = *top;
		struct int_table table;
		struct int_stage stage = {0};
		TRY_GOTO(st, int_table(c, &table, 1, top->lo, top->hi, flip_sign, 0), done);
		TRY_GOTO(st, int_block_alloc(&flipped, a->stride, a->rows), done);
		st = int_stage_add(
			c, &stage, top, a->rows, &table, &(struct int_block *){&flipped});
		if (amt_ok(st))
			st = int_stage_run(c, &stage);
		int_stage_free(&stage);
		if (x.owned >> (used - 1) & 1)
			int_block_free(top, a->stride, a->rows);
		*top = flipped;
		x.owned |= UINT64_C(1) << (used - 1);
		TRY_GOTO(st, st, done);
		uint64_t bias = (uint64_t)a->rows << (2 * used - 1);
		TRY_GOTO(st, push_constant(&s, 0 - bias), done);
	}
	for (size_t first = 0; first < a->rows; first += CHUNK) {
		size_t end = a->rows - first < CHUNK ? a->rows : first + CHUNK;
		for (unsigned b = 0; b < used; b++) {
			const struct int_block *block = &x.column.block[b];
			for (size_t r = first; r < end; r++)
				TRY_GOTO(st,
					push(&s.pile[b],
						(struct addend){.lwe = block->lwe + r * a->stride,
							.noise = (uint32_t)int_noise(block),
							.hi = block->hi}),
					done);
		}
		TRY_GOTO(st, compress(&s), done);
	}
	for (unsigned b = 0; b < used; b++)
		if (x.column.block[b].sources > 0)
			seed = int_mix(seed, x.column.block[b].source[0].id);
	st = finish(&s, out, sum_type(a->type, blocks), seed);
done:
	sum_close(&s);
	int_operand_close(&x);
	if (!amt_ok(st))
		int_column_free(out);
	return st;
}

/* ---- minimum and maximum ----------------------------------------------------------------------
 */

/* A tournament: rows of the first half against rows of the second, an odd one waits. State: the
 * winners of two rounds. */
static amt_status tournament(
	struct int_context *c, struct int_column *out, const struct int_column *a, bool largest)
{
	struct int_column current = {0}, winners = {0}, first, second, odd;
	out->blocks = 0;
	amt_status s;
	const struct int_column *from = a;
	while (from->rows > 1) {
		size_t half = from->rows / 2;
		int_view(&first, from, 0, half);
		int_view(&second, from, half, half);
		TRY_GOTO(s, (largest ? int_max : int_min)(c, &winners, &first, &second), done);
		if (from->rows > 2 * half) {
			int_view(&odd, from, 2 * half, 1);
			TRY_GOTO(s, int_append(c, &winners, &odd), done);
		}
		int_column_free(&current);
		current = winners;
		winners.blocks = 0;
		from = &current;
	}
	if (from == a) {
		s = int_append(c, out, a);
	} else {
		*out = current;
		current.blocks = 0;
		s = STATUS_OK;
	}
done:
	int_column_free(&winners);
	int_column_free(&current);
	return s;
}

amt_status int_min_rows(struct int_context *c, struct int_column *out, const struct int_column *a)
{
	return tournament(c, out, a, false);
}

amt_status int_max_rows(struct int_context *c, struct int_column *out, const struct int_column *a)
{
	return tournament(c, out, a, true);
}

/* Linear combinations that are known to fit, and batches of bootstraps. */
#include "integer/internal.h"

#include "base/alloc.h"

amt_status int_rows_of(size_t *rows, const struct int_column *a, const struct int_column *b)
{
	ENSURE(a->rows == b->rows || a->rows == 1 || b->rows == 1, AMT_INVALID_ARGUMENT,
		"columns of %zu and %zu rows", a->rows, b->rows);
	*rows = a->rows > b->rows ? a->rows : b->rows;
	return STATUS_OK;
}

amt_status int_agree(size_t *rows, const struct int_column *a, const struct int_column *b)
{
	ENSURE(a->type == b->type && a->blocks == b->blocks, AMT_TYPE_MISMATCH,
		"%s of %u blocks and %s of %u", int_type_name(a->type), a->blocks,
		int_type_name(b->type), b->blocks);
	return int_rows_of(rows, a, b);
}

amt_status int_linear(struct int_context *c, struct int_block *out, size_t rows,
	const struct int_term *terms, size_t count, int32_t constant)
{
	unsigned stride = tfhe_lwe_stride(c->params);
	out->lo = out->hi = constant;
	out->sources = 0;
	for (size_t t = 0; t < count; t++)
		ENSURE(int_track(out, terms[t].block, terms[t].weight,
			       terms[t].rows == 1 && rows > 1),
			AMT_INTERNAL, "a combination of too many sources was let through");
	uint32_t body = (uint32_t)constant << tfhe_delta_log2(c->params);
	for (size_t r = 0; r < rows; r++) {
		uint32_t *to = out->lwe + r * stride;
		tfhe_lwe_trivial(c->params, to, body);
		for (size_t t = 0; t < count; t++) {
			const uint32_t *from =
				terms[t].block->lwe + (terms[t].rows == 1 ? 0 : r * stride);
			if (terms[t].weight == 1)
				tfhe_lwe_add(c->params, to, to, from);
			else
				tfhe_lwe_add_scaled(c->params, to, from, terms[t].weight);
		}
	}
	return STATUS_OK;
}

/* Half messages to messages, outwards. */
static int32_t floor_half(int32_t v)
{
	return v >= 0 ? v / 2 : -((1 - v) / 2);
}

/* Identity of the noise of a bootstrap's results: equal inputs and tables give equal noise. */
static uint64_t result_id(struct int_context *c, const struct int_block *in, size_t rows,
	const struct int_table *table)
{
	return int_mix(int_content(in, rows, tfhe_lwe_words(c->params), tfhe_lwe_stride(c->params)),
		table->id);
}

/* A result of a mixed table: each sample of the rotation is a source. */
static void set_samples(struct int_block *out, uint64_t id, const int8_t weight[TFHE_LUT_SAMPLES])
{
	out->sources = 0;
	for (unsigned j = 0; j < TFHE_LUT_SAMPLES; j++)
		if (weight[j] != 0)
			out->source[out->sources++] = (struct int_source){
				.id = int_mix(id, j), .weight = weight[j], .units = 1};
}

amt_status int_stage_add(struct int_context *c, struct int_stage *stage, const struct int_block *in,
	size_t rows, const struct int_table *table, struct int_block *const *out)
{
	uint64_t noise = int_noise(in);
	ENSURE(noise <= c->params->max_noise, AMT_NOISE_BUDGET,
		"%llu noise units before a bootstrap", (unsigned long long)noise);
	unsigned stride = tfhe_lwe_stride(c->params);
	if (stage->count + rows > stage->capacity) {
		size_t capacity = (stage->count + rows) * 3 / 2;
		ENSURE(capacity < SIZE_MAX / sizeof(stage->jobs[0]), AMT_OUT_OF_MEMORY,
			"%zu bootstraps", capacity);
		TRY(mem_grow(&stage->jobs, capacity * sizeof(stage->jobs[0])));
		stage->capacity = capacity;
	}
	for (size_t r = 0; r < rows; r++) {
		struct tfhe_job *job = &stage->jobs[stage->count++];
		*job = (struct tfhe_job){.in = in->lwe + r * stride, .lut = table->lut};
		for (unsigned f = 0; f < table->lut->functions; f++)
			job->out[f] = out[f] == NULL ? NULL : out[f]->lwe + r * stride;
	}
	bool trivial = in->sources == 0;
	uint64_t id = trivial ? 0 : result_id(c, in, rows, table);
	for (unsigned f = 0; f < table->lut->functions; f++) {
		if (out[f] == NULL)
			continue;
		if (trivial)
			out[f]->sources = 0;
		else if (table->lut->mixed)
			set_samples(out[f], id, table->lut->weight[f]);
		else
			/* The coefficient that is extracted: the same polynomial may hold one
			 * function or several. */
			int_set_source(out[f], int_mix(id, f * (16 / table->lut->functions)), 1);
		out[f]->lo = floor_half(table->lo[f]);
		out[f]->hi = -floor_half(-table->hi[f]);
	}
	return STATUS_OK;
}

amt_status int_stage_each(struct int_context *c, struct int_stage *stage,
	const struct int_block *in, size_t rows, unsigned functions, int_function function,
	int32_t parameter, struct int_block *const *out)
{
	struct int_table table;
	for (unsigned f = 0; f < functions; f++) {
		TRY(int_table_one(c, &table, f, in->lo, in->hi, function, parameter));
		TRY(int_stage_add(c, stage, in, rows, &table, &out[f]));
	}
	return STATUS_OK;
}

amt_status int_stage_run(struct int_context *c, struct int_stage *stage)
{
	size_t count = stage->count;
	stage->count = 0;
	c->layers += count > 0;
	return tfhe_bootstrap(c->evaluator, stage->jobs, count, c->progress, c->progress_context);
}

void int_stage_free(struct int_stage *stage)
{
	mem_free(stage->jobs);
	*stage = (struct int_stage){0};
}

amt_status int_apply(struct int_context *c, struct int_block *block, size_t rows,
	int_function function, int32_t parameter)
{
	struct int_table table;
	TRY(int_table(c, &table, 1, block->lo, block->hi, function, parameter));
	struct int_stage stage = {0};
	amt_status s = int_stage_add(c, &stage, block, rows, &table, &block);
	if (amt_ok(s))
		s = int_stage_run(c, &stage);
	int_stage_free(&stage);
	return s;
}

static int32_t half_sign(unsigned f, int32_t m, int32_t threshold)
{
	(void)f;
	return m >= threshold ? 1 : -1;
}

static int32_t half_sign_negated(unsigned f, int32_t m, int32_t threshold)
{
	return -half_sign(f, m, threshold);
}

amt_status int_step(
	struct int_context *c, struct int_block *block, size_t rows, int32_t threshold, bool negate)
{
	TRY(int_apply(c, block, rows, negate ? half_sign_negated : half_sign, threshold));
	unsigned stride = tfhe_lwe_stride(c->params), body = tfhe_lwe_words(c->params) - 1;
	for (size_t r = 0; r < rows; r++)
		block->lwe[r * stride + body] += 1u << (tfhe_delta_log2(c->params) - 1);
	block->lo = 0;
	block->hi = 1;
	return STATUS_OK;
}

void int_operand_open(struct int_operand *o, const struct int_column *column, unsigned number)
{
	o->column = *column;
	o->number = number;
	o->owned = o->dirty = 0;
}

void int_operand_close(struct int_operand *o)
{
	for (unsigned b = 0; b < o->column.blocks; b++)
		if (o->owned >> b & 1)
			int_block_free(&o->column.block[b], o->column.stride, o->column.rows);
	o->owned = 0;
}

void int_operand_dirty(struct int_operand *o)
{
	for (unsigned b = 0; b < o->column.blocks; b++)
		if (int_noise(&o->column.block[b]) > 1)
			o->dirty |= UINT64_C(1) << b;
}

/* Noise of the combination, or a large number if it has too many sources. */
static uint64_t noise_of(size_t rows, const struct int_part *parts, size_t count)
{
	struct int_block sum = {0};
	for (size_t p = 0; p < count; p++)
		if (!int_track(&sum, &parts[p].operand->column.block[parts[p].block],
			    parts[p].weight, parts[p].operand->column.rows == 1 && rows > 1))
			return UINT32_MAX;
	return int_noise(&sum);
}

int32_t int_identity(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return 2 * m;
}

/* The identity. Blocks that meet in one combination are cleaned with tables that differ beyond the
 * range, so that copies of one ciphertext come out with independent noise. */
static amt_status cleaning_table(
	struct int_context *c, struct int_table *out, const struct int_operand *o, unsigned block)
{
	const struct int_block *b = &o->column.block[block];
	return int_table(
		c, out, 1, b->lo, b->hi + (int32_t)(2 * o->number + block % 2), int_identity, 0);
}

amt_status int_fit(struct int_context *c, size_t rows, const struct int_part *parts, size_t count,
	unsigned reserve)
{
	while (noise_of(rows, parts, count) + reserve > c->params->max_noise) {
		const struct int_part *worst = NULL;
		uint64_t most = 0;
		for (size_t p = 0; p < count; p++) {
			struct int_operand *o = parts[p].operand;
			uint64_t noise = int_noise(&o->column.block[parts[p].block]) *
					 (uint64_t)(parts[p].weight * parts[p].weight);
			if (noise > most && !((o->owned | o->dirty) >> parts[p].block & 1)) {
				most = noise;
				worst = &parts[p];
			}
		}
		ENSURE(worst != NULL, AMT_NOISE_BUDGET,
			"%zu clean terms are too noisy for parameter set %s", count,
			c->params->name);
		/* As if it were clean already; the words follow in int_operands_clean. */
		struct int_operand *o = worst->operand;
		struct int_block *b = &o->column.block[worst->block];
		ENSURE(int_noise(b) <= c->params->max_noise, AMT_NOISE_BUDGET,
			"a block of %llu noise units, too many for parameter set %s",
			(unsigned long long)int_noise(b), c->params->name);
		struct int_table table;
		TRY(cleaning_table(c, &table, o, worst->block));
		o->dirty |= UINT64_C(1) << worst->block;
		int_set_source(b, int_mix(result_id(c, b, o->column.rows, &table), 0), 1);
	}
	return STATUS_OK;
}

amt_status int_operands_clean(
	struct int_context *c, struct int_operand *const *operands, size_t count)
{
	struct int_stage stage = {0};
	amt_status s = STATUS_OK;
	for (size_t i = 0; i < count; i++) {
		struct int_operand *o = operands[i];
		for (unsigned b = 0; b < o->column.blocks; b++) {
			if (!(o->dirty >> b & 1))
				continue;
			struct int_block in = o->column.block[b], *out = &o->column.block[b];
			struct int_table table;
			TRY_GOTO(s, cleaning_table(c, &table, o, b), done);
			TRY_GOTO(s, int_block_alloc(out, o->column.stride, o->column.rows), done);
			o->owned |= UINT64_C(1) << b;
			o->dirty &= ~(UINT64_C(1) << b);
			TRY_GOTO(s, int_stage_add(c, &stage, &in, o->column.rows, &table, &out),
				done);
			out->lo = in.lo;
			out->hi = in.hi;
		}
	}
	if (stage.count > 0)
		s = int_stage_run(c, &stage);
done:
	int_stage_free(&stage);
	return s;
}

amt_status int_combine(struct int_context *c, struct int_block *out, size_t rows,
	const struct int_part *parts, size_t count, int32_t constant)
{
	enum { MAX_PARTS = 8 };
	struct int_term terms[MAX_PARTS];
	ENSURE(count <= MAX_PARTS, AMT_INTERNAL, "%zu parts", count);
	for (size_t p = 0; p < count; p++)
		terms[p] = (struct int_term){&parts[p].operand->column.block[parts[p].block],
			parts[p].operand->column.rows, parts[p].weight};
	return int_linear(c, out, rows, terms, count, constant);
}

/* Columns from constants, packed ciphertexts and other columns. */
#include "integer/internal.h"

#include "base/alloc.h"

#include <xxhash.h>

static void fill(struct int_context *c, struct int_block *block, size_t rows, int32_t digit)
{
	unsigned stride = tfhe_lwe_stride(c->params);
	for (size_t r = 0; r < rows; r++)
		tfhe_lwe_trivial(c->params, block->lwe + r * stride,
			(uint32_t)digit << tfhe_delta_log2(c->params));
	block->lo = block->hi = digit;
	block->sources = 0;
}

amt_status int_trivial(struct int_context *c, struct int_column *out, enum int_type type,
	unsigned __int128 value, size_t rows)
{
	TRY(int_column_alloc(out, c->params, type,
		(unsigned)type < INT_TYPES ? int_type_blocks(type) : 0, rows));
	for (unsigned b = 0; b < out->blocks; b++)
		fill(c, &out->block[b], rows,
			(int32_t)(value >> (2 * b) & (type == INT_BOOL ? 1 : 3)));
	return STATUS_OK;
}

amt_status int_unpack(struct int_context *c, struct int_column *out, enum int_type type,
	unsigned blocks, const uint32_t *glwe, unsigned first, size_t rows, unsigned noise_units,
	bool below)
{
	out->blocks = 0;
	ENSURE(blocks >= 1 && blocks <= INT_MAX_BLOCKS && rows <= tfhe_poly_size(c->params) &&
			first + rows * blocks <= tfhe_poly_size(c->params),
		AMT_OUT_OF_RANGE, "%zu rows of %u blocks from coefficient %u of a GLWE", rows,
		blocks, first);
	ENSURE(noise_units < c->params->max_noise, AMT_NOISE_BUDGET, "%u noise units", noise_units);
	TRY(int_column_alloc(out, c->params, type, blocks, rows));
	/* Unpacking the same ciphertext again gives the same sources. */
	uint64_t id = XXH3_64bits_withSeed(
		glwe, tfhe_glwe_words(c->params) * sizeof(*glwe), first * 64ul + blocks);
	for (unsigned b = 0; b < blocks; b++) {
		struct int_block *block = &out->block[b];
		for (size_t r = 0; r < rows; r++)
			tfhe_sample_extract(c->params, block->lwe + r * out->stride, glwe,
				first + (unsigned)r * blocks + b);
		block->lo = below && b == 0 ? -1 : 0;
		block->hi = type == INT_BOOL && b == 0 && blocks == 1 ? 1 : 3;
		int_set_source(block, int_mix(id, b), noise_units > 0 ? noise_units : 1);
	}
	return STATUS_OK;
}

static amt_status copy_block(
	struct int_block *out, const struct int_block *from, unsigned stride, size_t rows)
{
	*out = *from;
	out->lwe = NULL;
	TRY(mem_alloc_aligned(&out->lwe, rows * stride * sizeof(uint32_t)));
	memcpy(out->lwe, from->lwe, rows * stride * sizeof(uint32_t));
	return STATUS_OK;
}

/* *out = the first `blocks` blocks of a. */
static amt_status copy_blocks(
	struct int_column *out, enum int_type type, const struct int_column *a, unsigned blocks)
{
	out->type = type;
	out->stride = a->stride;
	out->rows = a->rows;
	for (out->blocks = 0; out->blocks < blocks; out->blocks++) {
		amt_status s = copy_block(
			&out->block[out->blocks], &a->block[out->blocks], a->stride, a->rows);
		if (!amt_ok(s)) {
			int_column_free(out);
			return s;
		}
	}
	return STATUS_OK;
}

/* Rows of a then rows of b are one column whose sources are pairs of theirs, position by position,
 * which keeps what correlation pairs of appended columns have. False if they do not pair up. */
static bool pair_sources(struct int_block *a, const struct int_block *b)
{
	if (a->sources == 0) {
		a->sources = b->sources;
		memcpy(a->source, b->source, b->sources * sizeof(b->source[0]));
		for (unsigned i = 0; i < a->sources; i++)
			a->source[i].id = int_mix(a->source[i].id, 1);
		return true;
	}
	if (b->sources != 0 && a->sources != b->sources)
		return false;
	for (unsigned i = 0; i < b->sources; i++)
		if (a->source[i].weight != b->source[i].weight ||
			a->source[i].units != b->source[i].units || a->source[i].shared ||
			b->source[i].shared)
			return false;
	for (unsigned i = 0; i < a->sources; i++)
		a->source[i].id = int_mix(a->source[i].id, b->sources == 0 ? 0 : b->source[i].id);
	return true;
}

amt_status int_append(struct int_context *c, struct int_column *out, const struct int_column *more)
{
	if (out->blocks == 0)
		return copy_blocks(out, more->type, more, more->blocks);
	ENSURE(out->type == more->type && out->blocks == more->blocks, AMT_TYPE_MISMATCH,
		"appending %s to %s", int_type_name(more->type), int_type_name(out->type));
	struct int_operand tail, *both[] = {&tail};
	int_operand_open(&tail, more, 0);
	struct int_column grown;
	TRY(int_column_alloc(&grown, c->params, out->type, out->blocks, out->rows + more->rows));
	amt_status s;
	for (unsigned b = 0; b < out->blocks; b++) {
		struct int_block probe = out->block[b];
		if (!pair_sources(&probe, &more->block[b])) {
			TRY_GOTO(s, int_clean(c, out), done);
			tail.dirty |= UINT64_C(1) << b;
		}
	}
	TRY_GOTO(s, int_operands_clean(c, both, 1), done);
	for (unsigned b = 0; b < out->blocks; b++) {
		struct int_block *to = &grown.block[b], *p = &out->block[b];
		const struct int_block *q = &tail.column.block[b];
		uint32_t *words = to->lwe;
		size_t head = out->rows * out->stride;
		memcpy(words, p->lwe, head * sizeof(uint32_t));
		memcpy(words + head, q->lwe, more->rows * out->stride * sizeof(uint32_t));
		*to = *p;
		to->lwe = words;
		if (!pair_sources(to, q)) {
			s = ERROR(AMT_INTERNAL, "clean blocks must pair up");
			goto done;
		}
		to->lo = p->lo < q->lo ? p->lo : q->lo;
		to->hi = p->hi > q->hi ? p->hi : q->hi;
	}
	int_column_free(out);
	*out = grown;
	grown.blocks = 0;
done:
	int_operand_close(&tail);
	int_column_free(&grown);
	return s;
}

amt_status int_clean(struct int_context *c, struct int_column *column)
{
	struct int_stage stage = {0};
	amt_status s;
	for (unsigned b = 0; b < column->blocks; b++) {
		struct int_block *block = &column->block[b];
		bool shared = false;
		for (unsigned i = 0; i < block->sources; i++)
			shared |= block->source[i].shared;
		if (int_noise(block) <= 1 && !shared)
			continue;
		struct int_table table;
		TRY_GOTO(s, int_table(c, &table, 1, block->lo, block->hi, int_identity, 0), done);
		TRY_GOTO(s, int_stage_add(c, &stage, block, column->rows, &table, &block), done);
	}
	s = int_stage_run(c, &stage);
done:
	int_stage_free(&stage);
	return s;
}

static int32_t sign_digit(unsigned f, int32_t m, int32_t parameter)
{
	(void)f;
	(void)parameter;
	return m >= 2 ? 6 : 0;
}

amt_status int_cast(struct int_context *c, struct int_column *out, enum int_type type,
	const struct int_column *a)
{
	out->blocks = 0;
	ENSURE((unsigned)type < INT_TYPES, AMT_INVALID_ARGUMENT, "type %d", (int)type);
	if (type == INT_BOOL && a->type != INT_BOOL) { /* as in C: not 0 */
		struct int_column zero;
		TRY(int_trivial(c, &zero, a->type, 0, 1));
		struct int_column same = zero;
		amt_status s;
		for (unsigned b = zero.blocks; b < a->blocks; b++)
			same.block[b] = zero.block[0];
		same.blocks = a->blocks;
		s = int_compare(c, out, INT_NE, a, &same);
		int_column_free(&zero);
		return s;
	}
	unsigned blocks = int_type_blocks(type);
	unsigned kept = a->blocks < blocks ? a->blocks : blocks;
	TRY(copy_blocks(out, type, a, kept));
	if (kept == blocks)
		return STATUS_OK;
	amt_status s;
	struct int_block *fresh = &out->block[kept];
	TRY_GOTO(s, int_block_alloc(fresh, out->stride, out->rows), fail);
	out->blocks++;
	if (int_type_signed(a->type)) {
		struct int_term top = {&a->block[kept - 1], a->rows, 1};
		TRY_GOTO(s, int_linear(c, fresh, a->rows, &top, 1, 0), fail);
		TRY_GOTO(s, int_apply(c, fresh, a->rows, sign_digit, 0), fail);
	} else {
		fill(c, fresh, a->rows, 0);
	}
	for (; out->blocks < blocks; out->blocks++)
		TRY_GOTO(s, copy_block(&out->block[out->blocks], fresh, out->stride, out->rows),
			fail);
	return STATUS_OK;
fail:
	int_column_free(out);
	return s;
}

amt_status int_check_digits(const struct int_column *a)
{
	int32_t top = a->type == INT_BOOL ? 1 : 3;
	for (unsigned b = 0; b < a->blocks; b++)
		ENSURE(a->block[b].lo >= 0 && a->block[b].hi <= top, AMT_OUT_OF_RANGE,
			"a digit that may be %d or %d", a->block[b].lo, a->block[b].hi);
	return STATUS_OK;
}

bool int_is_clear(const struct int_column *a)
{
	for (unsigned b = 0; b < a->blocks; b++)
		if (a->block[b].sources > 0 || a->block[b].lo != a->block[b].hi)
			return false;
	return true;
}

unsigned __int128 int_clear_value(const struct int_column *a)
{
	unsigned __int128 value = 0;
	for (unsigned b = 0; b < a->blocks; b++)
		value += (unsigned __int128)(__int128)a->block[b].lo << 2 * b;
	return value;
}

amt_status int_by_chunks(struct int_context *c, struct int_column *out, int_binary operation,
	const struct int_column *a, const struct int_column *b, int32_t parameter, size_t row_bytes)
{
	enum { STATE_BYTES = 128 << 20 };
	size_t chunk = STATE_BYTES / row_bytes + 1, rows = a->rows > b->rows ? a->rows : b->rows;
	out->blocks = 0;
	if (rows <= chunk)
		return operation(c, out, a, b, parameter);
	for (size_t first = 0; first < rows; first += chunk) {
		size_t count = rows - first < chunk ? rows - first : chunk;
		struct int_column x = *a, y = *b, part = {0};
		if (a->rows > 1)
			int_view(&x, a, first, count);
		if (b->rows > 1)
			int_view(&y, b, first, count);
		amt_status s = operation(c, &part, &x, &y, parameter);
		if (amt_ok(s))
			s = int_append(c, out, &part);
		int_column_free(&part);
		if (!amt_ok(s)) {
			int_column_free(out);
			return s;
		}
	}
	return STATUS_OK;
}

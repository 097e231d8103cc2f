/* The host's part of amaters/integer.h: checks whose arrays they are, then src/integer. */
#include "engine/api_integer.h"

#include "base/alloc.h"
#include "crypto/wire.h"
#include "integer/compact.h"
#include "integer/compress.h"
#include "os/clock.h"
#include "tfhe/rotation.h"

enum { ROTATIONS = 8 };

/* From one old key: an evaluator of its own for the way in. */
struct rotation {
	uint8_t old_key_id[16];
	struct tfhe_evaluator *evaluator;
	struct int_context *integers;
};

struct amt_int_host {
	struct pool *pool;
	struct tfhe_evaluator *evaluator;
	struct int_context *integers;
	amt_int_progress progress;
	void *progress_context;
	struct rotation rotation[ROTATIONS];
	unsigned rotations;
};

amt_status amt_int_host_new(
	amt_int_host **out, const void *evaluation_key, size_t size, unsigned threads)
{
	return amt_int_host_open(out, evaluation_key, size, NULL, threads);
}

amt_status amt_int_host_open(amt_int_host **out, const void *evaluation_key, size_t size,
	const char *cache, unsigned threads)
{
	ENSURE(out != NULL && evaluation_key != NULL, AMT_INVALID_ARGUMENT,
		"an evaluation key is needed");
	*out = NULL;
	amt_int_host *host;
	TRY(mem_zalloc(&host, sizeof(*host)));
	amt_status s;
	TRY_GOTO(s, pool_new(&host->pool, threads), fail);
	TRY_GOTO(s,
		tfhe_evaluator_open(&host->evaluator, span_of(evaluation_key, size), cache,
			host->pool, NULL, NULL),
		fail);
	TRY_GOTO(s, int_context_new(&host->integers, host->evaluator), fail);
	*out = host;
	return STATUS_OK;
fail:
	amt_int_host_free(host);
	return s;
}

void amt_int_host_free(amt_int_host *host)
{
	if (host == NULL)
		return;
	for (unsigned i = 0; i < host->rotations; i++) {
		int_context_free(host->rotation[i].integers);
		tfhe_evaluator_free(host->rotation[i].evaluator);
	}
	int_context_free(host->integers);
	tfhe_evaluator_free(host->evaluator);
	pool_free(host->pool);
	mem_free(host);
}

uint64_t amt_int_host_bootstraps(const amt_int_host *host)
{
	uint64_t sum = tfhe_evaluator_bootstraps(host->evaluator);
	for (unsigned i = 0; i < host->rotations; i++)
		sum += tfhe_evaluator_bootstraps(host->rotation[i].evaluator);
	return sum;
}

void amt_int_host_progress(amt_int_host *host, amt_int_progress progress, void *context)
{
	host->progress = progress;
	host->progress_context = context;
	int_context_progress(host->integers, progress, context);
	for (unsigned i = 0; i < host->rotations; i++)
		int_context_progress(host->rotation[i].integers, progress, context);
}

/* A new array for a result of `count` operands, which must be of the host's key. */
static amt_status begin(
	amt_int_host *host, amt_int_array **out, const amt_int_array *const *operands, size_t count)
{
	ENSURE(host != NULL && out != NULL, AMT_INVALID_ARGUMENT, "a host and a place are needed");
	*out = NULL;
	const struct tfhe_params *params = tfhe_evaluator_params(host->evaluator);
	const uint8_t *key_id = tfhe_evaluator_key_id(host->evaluator);
	for (size_t i = 0; i < count; i++)
		TRY(api_array_expect(operands[i], params, key_id));
	return api_array_new(out, params, key_id);
}

static amt_status end(amt_int_array **out, amt_status s)
{
	if (!amt_ok(s)) {
		amt_int_array_free(*out);
		*out = NULL;
	}
	return s;
}

#define BEGIN(...)                                                        \
	TRY(begin(host, out, (const amt_int_array *const[]){__VA_ARGS__}, \
		sizeof((const amt_int_array *const[]){__VA_ARGS__}) / sizeof(amt_int_array *)))

amt_status amt_int_constant(
	amt_int_host *host, amt_int_array **out, amt_int_type type, uint64_t value)
{
	TRY(begin(host, out, NULL, 0));
	return end(
		out, int_trivial(host->integers, &(*out)->column, (enum int_type)type, value, 1));
}

amt_status amt_int_constant_wide(
	amt_int_host *host, amt_int_array **out, amt_int_type type, uint64_t low, uint64_t high)
{
	TRY(begin(host, out, NULL, 0));
	return end(out, int_trivial(host->integers, &(*out)->column, (enum int_type)type,
				(unsigned __int128)high << 64 | low, 1));
}

amt_status amt_int_ingest(amt_int_host *host, amt_int_array **out, const void *bytes, size_t size)
{
	ENSURE(bytes != NULL, AMT_INVALID_ARGUMENT, "bytes are needed");
	TRY(begin(host, out, NULL, 0));
	struct wire_header header;
	struct span content;
	amt_status s = wire_get(span_of(bytes, size), WIRE_COMPACT_LIST, &header, &content);
	if (amt_ok(s))
		s = wire_expect(&header, (*out)->key_id, (*out)->params->id);
	if (amt_ok(s))
		s = int_ingest(host->integers, &(*out)->column, content);
	return end(out, s);
}

amt_status amt_int_compress(
	amt_int_host *host, const amt_int_array *array, void **bytes, size_t *size)
{
	ENSURE(host != NULL && bytes != NULL && size != NULL, AMT_INVALID_ARGUMENT,
		"a host and a place for the bytes are needed");
	const struct tfhe_params *params = tfhe_evaluator_params(host->evaluator);
	TRY(api_array_expect(array, params, tfhe_evaluator_key_id(host->evaluator)));
	struct wire_header header = {
		.type = WIRE_COMPRESSED_LIST, .params = params->id, .created_us = clock_wall_us()};
	memcpy(header.key_id, array->key_id, sizeof(header.key_id));
	struct buf content = {0}, out = {0};
	amt_status s = int_compress(host->integers, &content, &array->column);
	if (amt_ok(s))
		s = wire_put(&out, &header, buf_span(&content));
	buf_free(&content);
	return api_give_bytes(&out, s, bytes, size);
}

amt_status amt_int_host_accept(amt_int_host *host, const void *rotation_key, size_t size)
{
	ENSURE(host != NULL && rotation_key != NULL, AMT_INVALID_ARGUMENT,
		"a host and a rotation key are needed");
	ENSURE(host->rotations < ROTATIONS, AMT_LIMIT, "a host keeps %d rotation keys", ROTATIONS);
	struct rotation *r = &host->rotation[host->rotations];
	TRY(tfhe_evaluator_rotate(
		&r->evaluator, host->evaluator, span_of(rotation_key, size), r->old_key_id));
	amt_status s = int_context_new(&r->integers, r->evaluator);
	if (!amt_ok(s)) {
		tfhe_evaluator_free(r->evaluator);
		return s;
	}
	int_context_progress(r->integers, host->progress, host->progress_context);
	host->rotations++;
	return STATUS_OK;
}

amt_status amt_int_rotate(amt_int_host *host, amt_int_array **out, const amt_int_array *of_old_key)
{
	TRY(begin(host, out, NULL, 0));
	struct int_context *rotator = NULL;
	amt_status s = of_old_key == NULL
			       ? ERROR(AMT_INVALID_ARGUMENT, "no array")
			       : api_array_expect(of_old_key, (*out)->params, of_old_key->key_id);
	for (unsigned i = 0; amt_ok(s) && i < host->rotations; i++)
		if (memcmp(host->rotation[i].old_key_id, of_old_key->key_id, 16) == 0)
			rotator = host->rotation[i].integers;
	if (amt_ok(s) && rotator == NULL)
		s = ERROR(AMT_WRONG_KEY, "an array of a key from which there is no rotation key");
	if (amt_ok(s))
		s = int_rotate(rotator, &(*out)->column, &of_old_key->column);
	return end(out, s);
}

amt_status amt_int_add(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b)
{
	BEGIN(a, b);
	return end(out, int_add(host->integers, &(*out)->column, &a->column, &b->column));
}

amt_status amt_int_sub(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b)
{
	BEGIN(a, b);
	return end(out, int_sub(host->integers, &(*out)->column, &a->column, &b->column));
}

amt_status amt_int_neg(amt_int_host *host, amt_int_array **out, const amt_int_array *a)
{
	BEGIN(a);
	return end(out, int_neg(host->integers, &(*out)->column, &a->column));
}

/* Two results: either both or none. */
static amt_status begin_two(amt_int_host *host, amt_int_array **first, amt_int_array **second,
	const amt_int_array *a, const amt_int_array *b)
{
	const amt_int_array *const operands[] = {a, b};
	if (second != NULL)
		*second = NULL;
	if (first != NULL)
		TRY(begin(host, first, operands, 2));
	if (second == NULL)
		return STATUS_OK;
	amt_status s = begin(host, second, operands, 2);
	if (!amt_ok(s) && first != NULL) {
		amt_int_array_free(*first);
		*first = NULL;
	}
	return s;
}

static amt_status end_two(amt_int_array **first, amt_int_array **second, amt_status s)
{
	amt_int_array **both[] = {first, second};
	for (unsigned i = 0; i < 2 && !amt_ok(s); i++)
		if (both[i] != NULL) {
			amt_int_array_free(*both[i]);
			*both[i] = NULL;
		}
	return s;
}

amt_status amt_int_add_overflow(amt_int_host *host, amt_int_array **out, amt_int_array **overflow,
	const amt_int_array *a, const amt_int_array *b)
{
	ENSURE(out != NULL && overflow != NULL, AMT_INVALID_ARGUMENT, "two places are needed");
	TRY(begin_two(host, out, overflow, a, b));
	return end_two(out, overflow,
		int_add_overflow(host->integers, &(*out)->column, &(*overflow)->column, &a->column,
			&b->column));
}

amt_status amt_int_sub_overflow(amt_int_host *host, amt_int_array **out, amt_int_array **overflow,
	const amt_int_array *a, const amt_int_array *b)
{
	ENSURE(out != NULL && overflow != NULL, AMT_INVALID_ARGUMENT, "two places are needed");
	TRY(begin_two(host, out, overflow, a, b));
	return end_two(out, overflow,
		int_sub_overflow(host->integers, &(*out)->column, &(*overflow)->column, &a->column,
			&b->column));
}

amt_status amt_int_mul(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b)
{
	BEGIN(a, b);
	return end(out, int_mul(host->integers, &(*out)->column, &a->column, &b->column));
}

amt_status amt_int_divide(amt_int_host *host, amt_int_array **quotient, amt_int_array **remainder,
	const amt_int_array *a, const amt_int_array *b)
{
	ENSURE(quotient != NULL || remainder != NULL, AMT_INVALID_ARGUMENT, "a place is needed");
	TRY(begin_two(host, quotient, remainder, a, b));
	return end_two(quotient, remainder,
		int_divide(host->integers, quotient == NULL ? NULL : &(*quotient)->column,
			remainder == NULL ? NULL : &(*remainder)->column, &a->column, &b->column));
}

amt_status amt_int_sum_of(
	amt_int_host *host, amt_int_array **out, const amt_int_array *const *arrays, size_t count)
{
	ENSURE(arrays != NULL && count > 0, AMT_INVALID_ARGUMENT, "arrays are needed");
	TRY(begin(host, out, arrays, count));
	const struct int_column **columns;
	amt_status s = mem_array(&columns, count, sizeof(*columns));
	if (amt_ok(s)) {
		for (size_t i = 0; i < count; i++)
			columns[i] = &arrays[i]->column;
		s = int_sum(host->integers, &(*out)->column, columns, count);
		mem_free(columns);
	}
	return end(out, s);
}

amt_status amt_int_shift(amt_int_host *host, amt_int_array **out, amt_int_shift_kind kind,
	const amt_int_array *a, const amt_int_array *amount)
{
	BEGIN(a, amount);
	return end(out, int_shift(host->integers, &(*out)->column, (enum int_shift)kind, &a->column,
				&amount->column));
}

amt_status amt_int_leading_zeros(amt_int_host *host, amt_int_array **out, const amt_int_array *a)
{
	BEGIN(a);
	return end(out, int_leading_zeros(host->integers, &(*out)->column, &a->column));
}

amt_status amt_int_compare(amt_int_host *host, amt_int_array **out, amt_int_comparison comparison,
	const amt_int_array *a, const amt_int_array *b)
{
	ENSURE((unsigned)comparison <= AMT_INT_GE, AMT_INVALID_ARGUMENT, "comparison %d",
		(int)comparison);
	BEGIN(a, b);
	return end(out, int_compare(host->integers, &(*out)->column,
				(enum int_comparison)comparison, &a->column, &b->column));
}

amt_status amt_int_bitwise(amt_int_host *host, amt_int_array **out, amt_int_logic logic,
	const amt_int_array *a, const amt_int_array *b)
{
	ENSURE((unsigned)logic <= AMT_INT_XOR, AMT_INVALID_ARGUMENT, "logic %d", (int)logic);
	BEGIN(a, b);
	return end(out, int_logic(host->integers, &(*out)->column, (enum int_logic)logic,
				&a->column, &b->column));
}

amt_status amt_int_invert(amt_int_host *host, amt_int_array **out, const amt_int_array *a)
{
	BEGIN(a);
	return end(out, int_not(host->integers, &(*out)->column, &a->column));
}

amt_status amt_int_select(amt_int_host *host, amt_int_array **out, const amt_int_array *condition,
	const amt_int_array *a, const amt_int_array *b)
{
	BEGIN(condition, a, b);
	return end(out, int_select(host->integers, &(*out)->column, &condition->column, &a->column,
				&b->column));
}

amt_status amt_int_min(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b)
{
	BEGIN(a, b);
	return end(out, int_min(host->integers, &(*out)->column, &a->column, &b->column));
}

amt_status amt_int_max(
	amt_int_host *host, amt_int_array **out, const amt_int_array *a, const amt_int_array *b)
{
	BEGIN(a, b);
	return end(out, int_max(host->integers, &(*out)->column, &a->column, &b->column));
}

amt_status amt_int_sum(amt_int_host *host, amt_int_array **out, const amt_int_array *a)
{
	BEGIN(a);
	return end(out, int_sum_rows(host->integers, &(*out)->column, &a->column, INT_WORD_BLOCKS));
}

amt_status amt_int_cast(
	amt_int_host *host, amt_int_array **out, amt_int_type type, const amt_int_array *a)
{
	BEGIN(a);
	return end(out, int_cast(host->integers, &(*out)->column, (enum int_type)type, &a->column));
}

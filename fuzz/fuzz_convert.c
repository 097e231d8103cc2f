/* Compressed lists and rotation keys arrive from outside: what is accepted is computed with. The first
 * byte chooses: the rest as the content of a list; as the words of a list under a good head; as a
 * rotation key; or as what fills one under a good header. */
#include "base/alloc.h"
#include "crypto/wire.h"
#include "integer/compress.h"
#include "integer/internal.h"
#include "tfhe/compress.h"
#include "tfhe/evaluation_key.h"

#include "../tests/tfhe/toy_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(amt_status s)
{
	if (!amt_ok(s))
		__builtin_trap();
}

static void fill(struct buf *out, size_t size, struct span with)
{
	uint8_t *at;
	must(buf_extend(out, size, &at));
	for (size_t i = 0; i < size; i++)
		at[i] = with.size > 0 ? with.data[i % with.size] : 0;
}

/* Made once: an evaluation key of zeros does for a host. */
static struct tfhe_evaluator *host(void)
{
	static struct tfhe_evaluator *e;
	if (e != NULL)
		return e;
	const struct tfhe_params *p = tfhe_params_find(TOY_PARAMS);
	struct wire_header header = {.type = WIRE_EVALUATION_KEY, .params = p->id};
	struct buf key = {0}, content = {0};
	fill(&content, evaluation_key_layout(p).total, (struct span){0});
	must(wire_put(&key, &header, buf_span(&content)));
	must(tfhe_evaluator_new(&e, buf_span(&key), NULL, NULL, NULL));
	buf_free(&key);
	buf_free(&content);
	return e;
}

static void compute(struct tfhe_evaluator *e, const struct int_column *column)
{
	struct int_context *c;
	struct int_column out;
	struct buf bytes = {0};
	must(int_context_new(&c, e));
	must(int_rotate(c, &out, column));
	must(int_compress(c, &bytes, &out));
	buf_free(&bytes);
	int_column_free(&out);
	int_context_free(c);
}

static void try_list(struct span content)
{
	const struct tfhe_params *p = tfhe_params_find(TOY_PARAMS);
	struct int_column column;
	amt_status s = int_decompress(&column, content, p);
	if (!amt_ok(s)) {
		amt_status_clear(&s);
		return;
	}
	for (unsigned b = 0; b < column.blocks; b++)
		if (int_noise(&column.block[b]) > p->max_noise)
			__builtin_trap();
	if (column.rows * column.blocks <= 32)
		compute(host(), &column);
	int_column_free(&column);
}

static void try_rotation(struct span file)
{
	struct tfhe_evaluator *e;
	uint8_t id[16];
	amt_status s = tfhe_evaluator_rotate(&e, host(), file, id);
	if (amt_ok(s)) {
		struct int_context *c;
		struct int_column one, out;
		must(int_context_new(&c, e));
		must(int_trivial(c, &one, INT_BOOL, 1, 1));
		one.block[0].lwe[3] = load_u32(file.data + 40); /* not trivial */
		int_set_source(&one.block[0], 1, 1);
		must(int_rotate(c, &out, &one));
		int_column_free(&out);
		int_column_free(&one);
		int_context_free(c);
		tfhe_evaluator_free(e);
	}
	amt_status_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct tfhe_params *p = tfhe_params_find(TOY_PARAMS);
	struct span rest = span_of(data + 2, size - 2);
	struct buf made = {0}, content = {0};
	if (data[0] % 4 == 0)
		try_list(rest);
	else if (data[0] % 4 == 1) {
		uint8_t type = data[1] % (INT_I64 + 1);
		unsigned blocks = int_type_blocks((enum int_type)type);
		unsigned log2 = tfhe_compress_log2(p);
		must(buf_put_u8(&made, type));
		must(buf_put_u8(&made, (uint8_t)blocks));
		must(buf_put_u8(&made, (uint8_t)log2));
		must(buf_put_u8(&made, 0));
		must(buf_put_u32(&made, tfhe_poly_size(p)));
		must(buf_put_u64(&made, 1));
		fill(&made, tfhe_compressed_bytes(p, log2, blocks), rest);
		try_list(buf_span(&made));
	} else if (data[0] % 4 == 2)
		try_rotation(rest);
	else {
		struct wire_header header = {.type = WIRE_ROTATION_KEY, .params = p->id};
		fill(&content, tfhe_rotation_key_bytes(p), rest);
		must(wire_put(&made, &header, buf_span(&content)));
		try_rotation(buf_span(&made));
	}
	buf_free(&made);
	buf_free(&content);
	return 0;
}

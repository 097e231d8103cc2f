/* Public keys and lists written with them arrive from outside. The first byte chooses: a public key
 * as a file, the rest as the content of a list for a host, or as the words of a list under a good head.
 * What a host accepts becomes digits that can be computed on. */
#include "base/alloc.h"
#include "crypto/wire.h"
#include "integer/compact.h"
#include "integer/internal.h"
#include "tfhe/evaluation_key.h"
#include "tfhe/secret.h"

#include "../tests/tfhe/toy_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(amt_status s)
{
	if (!amt_ok(s))
		__builtin_trap();
}

/* Made once: an evaluation key of zeros does for a host. */
static struct int_context *host(void)
{
	static struct int_context *context;
	if (context != NULL)
		return context;
	const struct tfhe_params *p = tfhe_params_find(TOY_PARAMS);
	struct wire_header header = {.type = WIRE_EVALUATION_KEY, .params = p->id};
	struct tfhe_evaluator *e;
	struct buf key = {0};
	uint8_t *content;
	size_t total = evaluation_key_layout(p).total;
	must(mem_zalloc(&content, total));
	must(wire_put(&key, &header, span_of(content, total)));
	must(tfhe_evaluator_new(&e, buf_span(&key), NULL, NULL, NULL));
	must(int_context_new(&context, e));
	buf_free(&key);
	mem_free(content);
	return context;
}

static void try_list(struct span content)
{
	struct int_column column, twice;
	amt_status s = int_ingest(host(), &column, content);
	if (!amt_ok(s)) {
		amt_status_clear(&s);
		return;
	}
	for (unsigned b = 0; b < column.blocks; b++)
		if (column.block[b].lo != 0 || column.block[b].hi > 3 ||
			int_noise(&column.block[b]) > 1)
			__builtin_trap();
	if (column.type != INT_BOOL && column.rows < 4) {
		must(int_add(host(), &twice, &column, &column));
		int_column_free(&twice);
	}
	int_column_free(&column);
}

static void try_key(struct span file)
{
	struct tfhe_public_key *key;
	amt_status s = tfhe_public_key_get(&key, file);
	if (amt_ok(s)) {
		const uint64_t value = 5;
		struct buf list = {0};
		must(int_compact_encrypt(key, &list, INT_U8, &value, 1));
		buf_free(&list);
		tfhe_public_key_free(key);
	}
	amt_status_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	const struct tfhe_params *p = tfhe_params_find(TOY_PARAMS);
	struct span rest = span_of(data + 2, size - 2);
	struct buf made = {0};
	if (data[0] % 4 == 0)
		try_key(rest);
	else if (data[0] % 4 == 1) {
		struct wire_header header = {.type = WIRE_PUBLIC_KEY, .params = p->id};
		uint8_t *at;
		struct buf content = {0};
		must(buf_extend(&content, tfhe_public_key_bytes(p), &at));
		for (size_t i = 0; i < content.size; i++)
			at[i] = rest.size > 0 ? rest.data[i % rest.size] : 0;
		must(wire_put(&made, &header, buf_span(&content)));
		try_key(buf_span(&made));
		buf_free(&content);
	} else if (data[0] % 4 == 2)
		try_list(rest);
	else {
		uint8_t type = data[1] % (INT_I64 + 1), *at;
		unsigned blocks = int_type_blocks((enum int_type)type);
		must(buf_put_u8(&made, type));
		must(buf_put_u8(&made, (uint8_t)blocks));
		must(buf_put_u16(&made, 0));
		must(buf_put_u32(&made, tfhe_poly_size(p)));
		must(buf_put_u64(&made, 1));
		must(buf_extend(&made, 2 * tfhe_compact_words(p, blocks), &at));
		for (size_t i = 0; i < 2 * tfhe_compact_words(p, blocks); i++)
			at[i] = rest.size > 0 ? rest.data[i % rest.size] : 0;
		try_list(buf_span(&made));
	}
	buf_free(&made);
	return 0;
}

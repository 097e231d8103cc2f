/* Evaluation keys arrive from outside. The first byte says how: 0, the rest is the serialised key; else
 * the rest fills the content of a key of a toy set under a good header, which must load, and whatever
 * its words are must be good enough to bootstrap and pack with. */
#include "base/alloc.h"
#include "tfhe/evaluate.h"
#include "tfhe/evaluation_key.h"
#include "crypto/wire.h"

#include "../tests/tfhe/toy_params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(amt_status s)
{
	if (!amt_ok(s))
		__builtin_trap();
}

static void filled_key(struct buf *key, const uint8_t *data, size_t size)
{
	const struct tfhe_params *p = tfhe_params_find(TOY_PARAMS);
	size_t total = evaluation_key_layout(p).total;
	uint8_t *content;
	must(mem_zalloc(&content, total));
	for (size_t i = 0; i < total && size > 0; i++)
		content[i] = data[i % size];
	struct wire_header header = {.type = WIRE_EVALUATION_KEY, .params = p->id};
	must(wire_put(key, &header, span_of(content, total)));
	mem_free(content);
}

static void compute(struct tfhe_evaluator *e, const uint8_t *data, size_t size)
{
	const struct tfhe_params *p = tfhe_evaluator_params(e);
	uint32_t values[16] = {0}, *lwe, *glwe;
	struct tfhe_lut lut;
	must(mem_alloc_aligned(&lwe, tfhe_lwe_stride(p) * sizeof(*lwe)));
	must(mem_alloc_aligned(&glwe, tfhe_glwe_words(p) * sizeof(*glwe)));
	for (size_t i = 0; i < tfhe_lwe_words(p); i++)
		lwe[i] = size >= 4 ? load_u32(data + i * 4 % (size - 3)) : (uint32_t)size;
	memcpy(values, data, size < sizeof(values) ? size : sizeof(values));
	must(tfhe_lut_new(&lut, p, 2, values));
	struct tfhe_job job = {.in = lwe, .lut = &lut, .out = {NULL, lwe}};
	const uint32_t *pointers[] = {lwe, lwe, lwe};
	must(tfhe_bootstrap(e, &job, 1, NULL, NULL));
	must(tfhe_pack(e, glwe, pointers, 3));
	tfhe_lut_free(&lut);
	mem_free_aligned(lwe, 0);
	mem_free_aligned(glwe, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	struct buf key = {0};
	struct tfhe_evaluator *e;
	bool whole = data[0] == 0;
	if (!whole)
		filled_key(&key, data + 1, size - 1);
	struct span bytes = whole ? span_of(data + 1, size - 1) : buf_span(&key);
	amt_status s = tfhe_evaluator_new(&e, bytes, NULL, NULL, NULL);
	if (amt_ok(s)) {
		compute(e, data, size);
		tfhe_evaluator_free(e);
	} else if (!whole) {
		__builtin_trap();
	}
	amt_status_clear(&s);
	buf_free(&key);
	return 0;
}

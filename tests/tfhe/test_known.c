/* Known answers, read by this and every later version: a toy key pair and ciphertexts made once
 * (tests/data/tfhe). Seed expansion, key switch and modulus switch must give the same bits on every
 * instruction set; floating-point stages are compared by phase.
 *
 *	toy.secret	raw secret key
 *	toy.key		serialised evaluation key
 *	toy.answers	seed 16 bytes, COUNT bodies u16, COUNT messages u8, first MASKS words of the
 *			expanded mask u32, then for each of COUNT inputs: big LWE, body offset, small
 *			LWE (all u32), switched mask and body (u16)
 *
 * AMT_WRITE_KNOWN=1 makes them anew: only when a format gets a new version, beside the old files. */
#include "fixture.h"
#include "known.h"
#include "toy_params.h"

#include "crypto/random.h"

#include <stdlib.h>

enum { COUNT = 16, MASKS = 32 };

/* Key switch and modulus switch of one big LWE, as stored. */
static void exact_stages(struct fixture *f, const uint32_t *lwe, uint32_t offset, struct buf *out)
{
	struct evaluator_scratch *w = &f->e->scratch[0];
	uint16_t body;
	tfhe_keyswitch(&f->e->keyswitch, w->small, &lwe, &offset, 1, w->kernel);
	tfhe_modulus_switch(f->p, w->masks, &body, w->small);
	OK(buf_put(out, w->small, (f->p->n + 1) * sizeof(*w->small)));
	OK(buf_put(out, w->masks, f->p->n * sizeof(*w->masks)));
	OK(buf_put_u16(out, body));
}

static void write_known(void)
{
	struct fixture f;
	uint8_t raw[1024];
	struct buf answers = {0};
	struct seed seed;
	uint16_t bodies[COUNT];
	uint8_t messages[COUNT];
	uint32_t values[COUNT];
	fixture_open(&f, TOY_PARAMS, 1);
	OK(tfhe_secret_export(f.secret, raw, tfhe_secret_bytes(f.p)));
	known_write("toy.secret", span_of(raw, tfhe_secret_bytes(f.p)));
	known_write("toy.key", buf_span(&f.key));
	for (uint32_t i = 0; i < COUNT; i++) {
		messages[i] = (uint8_t)(i * 7 % 32);
		values[i] = (uint32_t)messages[i] << tfhe_delta_log2(f.p);
	}
	OK(tfhe_encrypt_seeded(f.secret, &seed, bodies, values, COUNT));
	uint32_t *glwe, *lwe = fixture_lwes(&f, 1);
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f.p) * sizeof(*glwe)));
	OK(tfhe_glwe_expand(f.p, glwe, &seed, bodies, COUNT));
	OK(buf_put(&answers, &seed, sizeof(seed)));
	OK(buf_put(&answers, bodies, sizeof(bodies)));
	OK(buf_put(&answers, messages, sizeof(messages)));
	OK(buf_put(&answers, glwe, MASKS * sizeof(*glwe)));
	for (unsigned i = 0; i < COUNT; i++) {
		uint32_t offset = i << tfhe_delta_log2(f.p);
		tfhe_sample_extract(f.p, lwe, glwe, i);
		OK(buf_put(&answers, lwe, tfhe_lwe_words(f.p) * sizeof(*lwe)));
		OK(buf_put_u32(&answers, offset));
		exact_stages(&f, lwe, offset, &answers);
	}
	known_write("toy.answers", buf_span(&answers));
	mem_free_aligned(glwe, 0);
	mem_free_aligned(lwe, 0);
	buf_free(&answers);
	fixture_close(&f);
}

static void open_known(struct fixture *f, struct buf *answers)
{
	struct buf raw = {0};
	*f = (struct fixture){.p = tfhe_params_find(TOY_PARAMS)};
	known_read("toy.secret", &raw);
	known_read("toy.key", &f->key);
	known_read("toy.answers", answers);
	OK(tfhe_secret_import(&f->secret, buf_span(&raw)));
	OK(tfhe_evaluator_new(&f->e, buf_span(&f->key), NULL, NULL, NULL));
	assert_memory_equal(tfhe_secret_key_id(f->secret), tfhe_evaluator_key_id(f->e), 16);
	buf_free(&raw);
}

static void close_to(uint32_t phase, uint32_t want)
{
	int32_t error = (int32_t)(phase - want);
	if (error > 1 << 22 || error < -(1 << 22)) /* 2^-10 of the torus: half a box is 2^-6 */
		fail_msg("phase %08x instead of %08x", phase, want);
}

static void known_answers(void **state)
{
	(void)state;
	struct fixture f;
	struct buf answers = {0}, got = {0};
	struct seed seed;
	uint16_t bodies[COUNT];
	uint8_t messages[COUNT];
	struct span masks, lwe_bytes, stages;
	uint32_t *glwe, *phases, *lwe, values[16], phase;
	if (getenv("AMT_WRITE_KNOWN") != NULL)
		write_known();
	open_known(&f, &answers);
	struct reader r = reader_of(buf_span(&answers), "known answers");
	OK(read_copy(&r, &seed, sizeof(seed)));
	OK(read_copy(&r, bodies, sizeof(bodies)));
	OK(read_copy(&r, messages, sizeof(messages)));
	OK(read_bytes(&r, MASKS * sizeof(uint32_t), &masks));

	lwe = fixture_lwes(&f, COUNT);
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f.p) * sizeof(*glwe)));
	OK(mem_alloc_aligned(&phases, tfhe_poly_size(f.p) * sizeof(*phases)));
	OK(tfhe_glwe_expand(f.p, glwe, &seed, bodies, COUNT));
	assert_memory_equal(glwe, masks.data, masks.size);
	OK(tfhe_phase_glwe(f.secret, phases, glwe));
	for (size_t i = 0; i < COUNT; i++)
		close_to(phases[i], (uint32_t)messages[i] << tfhe_delta_log2(f.p));

	struct tfhe_lut identity;
	for (uint32_t i = 0; i < 16; i++)
		values[i] = i << tfhe_delta_log2(f.p);
	OK(tfhe_lut_new(&identity, f.p, 1, values));
	const uint32_t *pointers[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		uint32_t offset, *in = lwe + i * tfhe_lwe_stride(f.p);
		OK(read_bytes(&r, tfhe_lwe_words(f.p) * sizeof(*in), &lwe_bytes));
		OK(read_u32(&r, &offset));
		OK(read_bytes(&r, (f.p->n + 1) * (sizeof(uint32_t) + sizeof(uint16_t)), &stages));
		memcpy(in, lwe_bytes.data, lwe_bytes.size);
		buf_clear(&got);
		exact_stages(&f, in, offset, &got);
		assert_int_equal(got.size, stages.size);
		assert_memory_equal(got.data, stages.data, stages.size);
		struct tfhe_job job = {
			.in = in, .lut = &identity, .body_offset = offset, .out = {in}};
		OK(tfhe_bootstrap(f.e, &job, 1, NULL, NULL));
		unsigned m = (messages[i] + (offset >> tfhe_delta_log2(f.p))) & 31;
		OK(tfhe_phase_lwe(f.secret, &phase, in));
		close_to(phase, m < 16 ? values[m] : -values[m - 16]);
		messages[i] = (uint8_t)(m < 16 ? m : 48 - m) & 31;
		pointers[i] = in;
	}
	OK(read_end(&r));
	OK(tfhe_pack(f.e, glwe, pointers, COUNT));
	OK(tfhe_phase_glwe(f.secret, phases, glwe));
	for (size_t i = 0; i < COUNT; i++)
		close_to(phases[i], (uint32_t)messages[i] << tfhe_delta_log2(f.p));
	tfhe_lut_free(&identity);
	buf_free(&answers);
	buf_free(&got);
	mem_free_aligned(lwe, 0);
	mem_free_aligned(glwe, 0);
	mem_free_aligned(phases, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(known_answers)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

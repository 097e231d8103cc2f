/* Secret and evaluation keys: exact products, export and import, every kind of damage, fresh seeds,
 * cancellation, and no memory at any point. Toy sets, which have the same code. */
#include "fixture.h"
#include "toy_params.h"

#include "crypto/random.h"
#include "crypto/secret.h"
#include "tfhe/evaluation_key.h"
#include "tfhe/secret_inside.h"
#include "crypto/wire.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

/* A key of all ones, or of random bits, by way of its raw form. */
static struct tfhe_secret *key_of_bits(const struct tfhe_params *p, bool ones)
{
	size_t size = tfhe_secret_bytes(p);
	uint8_t *raw;
	struct tfhe_secret *s;
	OK(secret_alloc(&raw, size));
	OK(random_bytes(raw, size));
	store_u16(raw, p->id);
	if (ones)
		memset(raw + 18, 0xff, size - 18);
	OK(tfhe_secret_import(&s, span_of(raw, size)));
	secret_free(raw);
	return s;
}

static void check_products(struct tfhe_secret *s, const uint64_t *a)
{
	const struct tfhe_params *p = tfhe_secret_params(s);
	size_t n = tfhe_poly_size(p);
	uint64_t *got, *want;
	uint32_t *words, *got_words;
	OK(mem_alloc_aligned(&got, n * sizeof(*got)));
	OK(mem_alloc_aligned(&want, n * sizeof(*want)));
	OK(mem_alloc_aligned(&words, n * sizeof(*words)));
	OK(mem_alloc_aligned(&got_words, n * sizeof(*words)));
	struct secret_scratch w;
	OK(secret_scratch_open(&w, p));
	for (size_t i = 0; i < n; i++) {
		got[i] = want[i] = i;
		words[i] = (uint32_t)(a[i] >> 32);
		got_words[i] = 0;
	}
	secret_mul_add_u64(s, 0, got, a, &w);
	secret_mul_add_u32(s, 0, got_words, words, &w);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++)
			if ((s->big[j] & 1) != 0)
				want[(i + j) & (n - 1)] += i + j < n ? a[i] : -a[i];
	assert_memory_equal(got, want, n * sizeof(*got));
	for (size_t i = 0; i < n; i++) {
		uint32_t sum = 0;
		for (size_t j = 0; j < n; j++) {
			uint32_t word = words[(i - j) & (n - 1)];
			sum += (j <= i ? word : -word) & s->big[j];
		}
		assert_int_equal(got_words[i], sum);
	}
	secret_scratch_close(&w, p);
	mem_free_aligned(got, 0);
	mem_free_aligned(want, 0);
	mem_free_aligned(words, 0);
	mem_free_aligned(got_words, 0);
}

/* The products that make keys and decrypt are integer arithmetic, at the extremes too. */
static void exact_products(void **state)
{
	(void)state;
	static const uint16_t sets[] = {TOY_PARAMS, TFHE_DEFAULT_PARAMS};
	for (size_t i = 0; i < 2; i++) {
		const struct tfhe_params *p = tfhe_params_find(sets[i]);
		size_t n = tfhe_poly_size(p);
		uint64_t *a;
		OK(mem_alloc_aligned(&a, n * sizeof(*a)));
		for (int ones = 0; ones < 2; ones++) {
			struct tfhe_secret *s = key_of_bits(p, ones != 0);
			static const uint64_t extremes[] = {0x8000000080000000, 0x7fffffff7fffffff,
				0x800000007fffffff, 0x7fffffff80000000};
			for (size_t e = 0; e < 5; e++) {
				OK(random_bytes(a, n * sizeof(*a)));
				for (size_t j = 0; e < 4 && j < n; j++)
					a[j] = extremes[e];
				check_products(s, a);
			}
			tfhe_secret_free(s);
		}
		mem_free_aligned(a, 0);
	}
}

static void export_import(void **state)
{
	(void)state;
	for (uint16_t id = TOY_PARAMS; id <= TOY_PARAMS_GAUSSIAN; id++) {
		const struct tfhe_params *p = tfhe_params_find(id);
		size_t size = tfhe_secret_bytes(p);
		struct tfhe_secret *s, *copy;
		uint8_t *raw;
		OK(tfhe_secret_new(&s, p));
		OK(secret_alloc(&raw, size + 1));
		FAILS(AMT_INVALID_ARGUMENT, tfhe_secret_export(s, raw, size - 1));
		OK(tfhe_secret_export(s, raw, size));
		OK(tfhe_secret_import(&copy, span_of(raw, size)));
		assert_memory_equal(tfhe_secret_key_id(s), tfhe_secret_key_id(copy), 16);
		assert_memory_equal(
			s->small, copy->small, (p->n + tfhe_big_dimension(p)) * sizeof(uint32_t));
		assert_memory_equal(
			s->spectrum, copy->spectrum, tfhe_big_dimension(p) * sizeof(double));
		tfhe_secret_free(copy);
		for (size_t cut = 0; cut < size; cut++)
			FAILS(AMT_TRUNCATED, tfhe_secret_import(&copy, span_of(raw, cut)));
		FAILS(AMT_CORRUPTION, tfhe_secret_import(&copy, span_of(raw, size + 1)));
		store_u16(raw, 999);
		FAILS(AMT_FOREIGN_PARAMETERS, tfhe_secret_import(&copy, span_of(raw, size)));
		secret_free(raw);
		tfhe_secret_free(s);
	}
}

static amt_status load(const struct buf *key)
{
	struct tfhe_evaluator *e = NULL;
	amt_status s = tfhe_evaluator_new(&e, buf_span(key), NULL, NULL, NULL);
	if (amt_ok(s))
		tfhe_evaluator_free(e);
	return s;
}

/* Changes the header and makes its checksum right again. */
static void reheader(struct buf *key, size_t at, uint16_t value)
{
	store_u16(key->data + at, value);
	store_u64(key->data + 56, XXH3_64bits(key->data, 56));
}

static void damaged_keys(void **state)
{
	(void)state;
	struct fixture f;
	fixture_open(&f, TOY_PARAMS, 1);
	struct buf *key = &f.key;
	size_t whole = key->size;
	assert_int_equal(whole, WIRE_HEADER_BYTES + evaluation_key_layout(f.p).total);
	static const size_t cuts[] = {0, 1, 63, 64, 65, 64 + 47, 64 + 48, 5000, 80000};
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		key->size = cuts[i];
		FAILS(AMT_TRUNCATED, load(key));
	}
	key->size = whole - 1;
	FAILS(AMT_TRUNCATED, load(key));
	key->size = whole;
	for (size_t i = 0; i < whole; i += i < 200 ? 1 : 997) {
		key->data[i] ^= 0x10;
		FAILS(AMT_CORRUPTION, load(key));
		key->data[i] ^= 0x10;
	}
	reheader(key, 12, 999);
	FAILS(AMT_FOREIGN_PARAMETERS, load(key));
	reheader(key, 12, TOY_PARAMS_GAUSSIAN); /* another set's size */
	FAILS(AMT_CORRUPTION, load(key));
	reheader(key, 12, TOY_PARAMS);
	reheader(key, 10, WIRE_QUERY);
	FAILS(AMT_TYPE_MISMATCH, load(key));
	reheader(key, 10, WIRE_EVALUATION_KEY);
	OK(load(key));
	OK(buf_put_u8(key, 0));
	FAILS(AMT_CORRUPTION, load(key));
	fixture_close(&f);
}

/* Key ids tie ciphertexts, evaluation key and secret together. */
static void wrong_key(void **state)
{
	(void)state;
	struct fixture f;
	struct tfhe_secret *other;
	struct wire_header header;
	struct span content;
	fixture_open(&f, TOY_PARAMS, 1);
	OK(tfhe_secret_new(&other, f.p));
	assert_memory_equal(tfhe_secret_key_id(f.secret), tfhe_evaluator_key_id(f.e), 16);
	assert_memory_not_equal(tfhe_secret_key_id(f.secret), tfhe_secret_key_id(other), 16);
	OK(wire_get(buf_span(&f.key), WIRE_EVALUATION_KEY, &header, &content));
	OK(wire_expect(&header, tfhe_secret_key_id(f.secret), f.p->id));
	FAILS(AMT_WRONG_KEY, wire_expect(&header, tfhe_secret_key_id(other), f.p->id));
	FAILS(AMT_FOREIGN_PARAMETERS,
		wire_expect(&header, tfhe_secret_key_id(f.secret), TFHE_DEFAULT_PARAMS));
	tfhe_secret_free(other);
	fixture_close(&f);
}

enum { SEEDS = 500 };

static void make_seeds(const struct tfhe_secret *s, struct seed *seeds)
{
	uint32_t value = 0;
	uint16_t body;
	for (size_t i = 0; i < SEEDS; i++)
		OK(tfhe_encrypt_seeded(s, &seeds[i], &body, &value, 1));
}

static int compare_seeds(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seed));
}

/* Two encryptions under one seed would show the difference of their messages: not in one process,
 * not across a fork, not in two evaluation keys of one secret. */
static void no_seed_twice(void **state)
{
	(void)state;
	static struct seed seeds[3 * SEEDS + 2 * PARTS];
	struct fixture f;
	struct buf again = {0};
	int ends[2];
	fixture_open(&f, TOY_PARAMS, 1);
	make_seeds(f.secret, seeds);
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		make_seeds(f.secret, seeds);
		ssize_t size = SEEDS * sizeof(*seeds);
		_exit(write(ends[1], seeds, (size_t)size) == size ? 0 : 1);
	}
	make_seeds(f.secret, seeds + SEEDS);
	for (size_t got = 0; got < SEEDS * sizeof(*seeds);) {
		ssize_t more = read(ends[0], (uint8_t *)(seeds + 2 * SEEDS) + got,
			SEEDS * sizeof(*seeds) - got);
		assert_true(more > 0);
		got += (size_t)more;
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
	OK(tfhe_evaluation_key_generate(f.secret, NULL, NULL, NULL, &again));
	memcpy(seeds + 3 * SEEDS, f.key.data + WIRE_HEADER_BYTES, PARTS * sizeof(*seeds));
	memcpy(seeds + 3 * SEEDS + PARTS, again.data + WIRE_HEADER_BYTES, PARTS * sizeof(*seeds));
	size_t count = sizeof(seeds) / sizeof(seeds[0]);
	qsort(seeds, count, sizeof(seeds[0]), compare_seeds);
	for (size_t i = 1; i < count; i++)
		assert_memory_not_equal(&seeds[i - 1], &seeds[i], sizeof(seeds[0]));
	buf_free(&again);
	fixture_close(&f);
}

struct watch {
	uint64_t calls, last, total, stop_at;
};

static bool watch(void *context, uint64_t done, uint64_t total)
{
	struct watch *w = context;
	assert_true(done <= total);
	w->calls++;
	w->last = done;
	w->total = total;
	return done < w->stop_at;
}

static void progress_and_cancel(void **state)
{
	(void)state;
	struct fixture f;
	struct buf key = {0};
	struct tfhe_evaluator *e;
	fixture_open(&f, TOY_PARAMS, 2);
	struct watch w = {.stop_at = UINT64_MAX};
	OK(tfhe_evaluation_key_generate(f.secret, NULL, watch, &w, &key));
	assert_true(w.calls > 1 && w.last == w.total);
	w = (struct watch){.stop_at = UINT64_MAX};
	OK(tfhe_evaluator_new(&e, buf_span(&key), NULL, watch, &w));
	assert_true(w.calls > 1 && w.last == w.total);
	tfhe_evaluator_free(e);
	w.stop_at = 3;
	FAILS(AMT_CANCELLED, tfhe_evaluation_key_generate(f.secret, NULL, watch, &w, &key));
	FAILS(AMT_CANCELLED, tfhe_evaluator_new(&e, buf_span(&f.key), NULL, watch, &w));
	buf_free(&key);
	fixture_close(&f);
}

static void no_memory(void **state)
{
	(void)state;
	struct fixture f;
	struct buf key = {0};
	struct seed seed;
	uint16_t bodies[4];
	uint32_t values[4] = {0}, table[16] = {0}, *glwe, *phases;
	struct tfhe_lut lut;
	fixture_open(&f, TOY_PARAMS, 1);
	uint32_t *lwe = fixture_lwes(&f, 1);
	const uint32_t *pointer = lwe;
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(f.p) * sizeof(*glwe)));
	OK(mem_alloc_aligned(&phases, tfhe_poly_size(f.p) * sizeof(*phases)));
	fixture_encrypt(&f, lwe, 3);
	EVERY_ALLOCATION(1, tfhe_evaluation_key_generate(f.secret, f.pool, NULL, NULL, &key));
	EVERY_ALLOCATION(1, load(&f.key));
	EVERY_ALLOCATION(1, tfhe_encrypt_seeded(f.secret, &seed, bodies, values, 4));
	EVERY_ALLOCATION(1, tfhe_glwe_expand(f.p, glwe, &seed, bodies, 4));
	EVERY_ALLOCATION(1, tfhe_phase_glwe(f.secret, phases, glwe));
	EVERY_ALLOCATION(1, tfhe_lut_new(&lut, f.p, 1, table));
	struct tfhe_job job = {.in = lwe, .lut = &lut, .out = {lwe}};
	EVERY_ALLOCATION(1, tfhe_bootstrap(f.e, &job, 1, NULL, NULL));
	EVERY_ALLOCATION(1, tfhe_pack(f.e, glwe, &pointer, 1));
	tfhe_lut_free(&lut);
	buf_free(&key);
	mem_free_aligned(lwe, 0);
	mem_free_aligned(glwe, 0);
	mem_free_aligned(phases, 0);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_products),
		cmocka_unit_test(export_import),
		cmocka_unit_test(damaged_keys),
		cmocka_unit_test(wrong_key),
		cmocka_unit_test(no_seed_twice),
		cmocka_unit_test(progress_and_cancel),
		cmocka_unit_test(no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

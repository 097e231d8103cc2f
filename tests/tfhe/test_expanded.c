/* Expanded keys in files: shared by processes, refused and made anew when they do not fit. */
#include "fixture.h"
#include "folder.h"
#include "toy_params.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct shelf {
	struct pool *pool;
	struct tfhe_secret *secret;
	struct buf key;
	char folder[FOLDER_BYTES], file[192];
};

static void file_of(struct shelf *s, const uint8_t *key_id)
{
	int at = snprintf(s->file, sizeof(s->file), "%s/", s->folder);
	for (unsigned i = 0; i < 16; i++)
		at += snprintf(s->file + at, 3, "%02x", key_id[i]);
	(void)snprintf(
		s->file + at, sizeof(s->file) - (size_t)at, "-%s.expanded", isa_name(cpu_isa()));
}

static void shelf_open(struct shelf *s)
{
	*s = (struct shelf){0};
	folder_make(s->folder);
	OK(pool_new(&s->pool, 2));
	OK(tfhe_secret_new(&s->secret, tfhe_params_find(TOY_PARAMS)));
	OK(tfhe_evaluation_key_generate(s->secret, s->pool, NULL, NULL, &s->key));
	file_of(s, tfhe_secret_key_id(s->secret));
}

static void shelf_close(struct shelf *s)
{
	folder_remove(s->folder);
	tfhe_secret_free(s->secret);
	buf_free(&s->key);
	pool_free(s->pool);
}

static struct tfhe_evaluator *open_cached(struct shelf *s)
{
	struct tfhe_evaluator *e;
	OK(tfhe_evaluator_open(&e, buf_span(&s->key), s->folder, s->pool, NULL, NULL));
	return e;
}

/* Bits of a bootstrap and of a packing under the evaluator. */
static void results(struct tfhe_evaluator *e, const uint32_t *lwe, struct buf *out)
{
	const struct tfhe_params *p = tfhe_evaluator_params(e);
	uint32_t values[16], *result, *glwe;
	struct tfhe_lut lut;
	for (uint32_t i = 0; i < 16; i++)
		values[i] = i << tfhe_delta_log2(p);
	OK(tfhe_lut_new(&lut, p, 1, values));
	OK(mem_alloc_aligned(&result, tfhe_lwe_stride(p) * sizeof(*result)));
	OK(mem_alloc_aligned(&glwe, tfhe_glwe_words(p) * sizeof(*glwe)));
	struct tfhe_job job = {.in = lwe, .lut = &lut, .out = {result}};
	const uint32_t *both[] = {lwe, result};
	OK(tfhe_bootstrap(e, &job, 1, NULL, NULL));
	OK(tfhe_pack(e, glwe, both, 2));
	buf_clear(out);
	OK(buf_put(out, result, tfhe_lwe_words(p) * sizeof(*result)));
	OK(buf_put(out, glwe, tfhe_glwe_words(p) * sizeof(*glwe)));
	tfhe_lut_free(&lut);
	mem_free_aligned(result, 0);
	mem_free_aligned(glwe, 0);
}

static uint32_t *input(struct shelf *s)
{
	uint32_t *lwe;
	const struct tfhe_params *p = tfhe_secret_params(s->secret);
	OK(mem_alloc_aligned(&lwe, tfhe_lwe_stride(p) * sizeof(*lwe)));
	OK(tfhe_encrypt_lwe(s->secret, lwe, 5u << tfhe_delta_log2(p)));
	return lwe;
}

static void a_mapped_key_computes_the_same(void **state)
{
	(void)state;
	struct shelf s;
	shelf_open(&s);
	struct tfhe_evaluator *own, *first = open_cached(&s), *second = open_cached(&s);
	OK(tfhe_evaluator_new(&own, buf_span(&s.key), s.pool, NULL, NULL));
	assert_true(tfhe_evaluator_shared(first) && tfhe_evaluator_shared(second));
	assert_false(tfhe_evaluator_shared(own));
	assert_int_equal(tfhe_evaluator_bytes(own), tfhe_evaluator_bytes(second));
	struct buf a = {0}, b = {0}, c = {0};
	uint32_t *lwe = input(&s);
	results(own, lwe, &a);
	results(first, lwe, &b);
	results(second, lwe, &c);
	assert_true(span_equal(buf_span(&a), buf_span(&b)));
	assert_true(span_equal(buf_span(&a), buf_span(&c)));
	/* A file that is replaced or removed does not pull the memory from under who has it. */
	assert_int_equal(unlink(s.file), 0);
	results(second, lwe, &c);
	assert_true(span_equal(buf_span(&a), buf_span(&c)));
	buf_free(&a);
	buf_free(&b);
	buf_free(&c);
	mem_free_aligned(lwe, 0);
	tfhe_evaluator_free(own);
	tfhe_evaluator_free(first);
	tfhe_evaluator_free(second);
	shelf_close(&s);
}

static ino_t inode(const struct shelf *s)
{
	struct stat about;
	assert_int_equal(stat(s->file, &about), 0);
	return about.st_ino;
}

static void change(const struct shelf *s, long offset, uint8_t mask)
{
	FILE *f = fopen(s->file, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, offset, SEEK_SET), 0);
	int c = fgetc(f);
	assert_int_equal(fseek(f, offset, SEEK_SET), 0);
	assert_int_not_equal(fputc(c ^ mask, f), EOF);
	assert_int_equal(fclose(f), 0);
}

static void what_does_not_fit_is_made_anew(void **state)
{
	(void)state;
	struct shelf s;
	shelf_open(&s);
	struct buf want = {0}, got = {0};
	uint32_t *lwe = input(&s);
	struct tfhe_evaluator *e = open_cached(&s);
	results(e, lwe, &want);
	tfhe_evaluator_free(e);
	ino_t before = inode(&s);
	tfhe_evaluator_free(open_cached(&s));
	assert_true(inode(&s) == before); /* a good one stays */
	struct stat about;
	assert_int_equal(stat(s.file, &about), 0);
	/* Magic, type, key id, layout, processor, key it was made from, sizes, gap, parts, last byte. */
	const long offsets[] = {
		0, 10, 20, 33, 64, 72, 80, 88, 96, 200, 4096, 9999, about.st_size - 1};
	for (size_t i = 0; i <= sizeof(offsets) / sizeof(offsets[0]); i++) {
		if (i < sizeof(offsets) / sizeof(offsets[0]))
			change(&s, offsets[i], 0x10);
		else
			assert_int_equal(truncate(s.file, about.st_size / 2), 0);
		e = open_cached(&s);
		assert_true(tfhe_evaluator_shared(e));
		results(e, lwe, &got);
		assert_true(span_equal(buf_span(&want), buf_span(&got)));
		tfhe_evaluator_free(e);
		assert_true(inode(&s) != 0);
		e = open_cached(&s);
		tfhe_evaluator_free(e);
	}
	/* Another evaluation key of the same secret: the file is of the old one. */
	buf_clear(&s.key);
	OK(tfhe_evaluation_key_generate(s.secret, s.pool, NULL, NULL, &s.key));
	struct tfhe_evaluator *own;
	OK(tfhe_evaluator_new(&own, buf_span(&s.key), s.pool, NULL, NULL));
	e = open_cached(&s);
	results(own, lwe, &want);
	results(e, lwe, &got);
	assert_true(span_equal(buf_span(&want), buf_span(&got)));
	tfhe_evaluator_free(own);
	tfhe_evaluator_free(e);
	/* A folder that cannot be. */
	OK(tfhe_evaluator_open(&e, buf_span(&s.key), "/dev/null/x", s.pool, NULL, NULL));
	assert_false(tfhe_evaluator_shared(e));
	tfhe_evaluator_free(e);
	buf_free(&want);
	buf_free(&got);
	mem_free_aligned(lwe, 0);
	shelf_close(&s);
}

/* However many start at once, one writes, and all end with the same file. */
static void processes_share_one_file(void **state)
{
	(void)state;
	enum { CHILDREN = 4 };
	struct shelf s;
	shelf_open(&s);
	pid_t child[CHILDREN];
	for (unsigned i = 0; i < CHILDREN; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0) {
			struct tfhe_evaluator *e;
			amt_status st = tfhe_evaluator_open(
				&e, buf_span(&s.key), s.folder, NULL, NULL, NULL);
			_exit(amt_ok(st) && tfhe_evaluator_shared(e) ? 0 : 1);
		}
	}
	for (unsigned i = 0; i < CHILDREN; i++) {
		int status;
		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	(void)inode(&s);
	shelf_close(&s);
}

static void allocation_failures_leak_nothing(void **state)
{
	(void)state;
	struct shelf s;
	shelf_open(&s);
	for (size_t n = 1;; n++) {
		struct tfhe_evaluator *e;
		mem_fail_nth(n);
		amt_status st =
			tfhe_evaluator_open(&e, buf_span(&s.key), s.folder, NULL, NULL, NULL);
		bool struck = mem_fail_nth(0) >= n;
		if (amt_ok(st))
			tfhe_evaluator_free(e);
		bool done = amt_ok(st) && !struck;
		amt_status_clear(&st);
		(void)unlink(s.file);
		if (done)
			break;
	}
	shelf_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapped_key_computes_the_same),
		cmocka_unit_test(what_does_not_fit_is_made_anew),
		cmocka_unit_test(processes_share_one_file),
		cmocka_unit_test(allocation_failures_leak_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

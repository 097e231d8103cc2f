/* The generator: never repeats across calls, threads and forks; looks uniform; fast enough. */
#include "testing.h"

#include "crypto/random.h"
#include "os/clock.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORD = 16 };

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, WORD);
}

static void expect_distinct(uint8_t *words, size_t count)
{
	qsort(words, count, WORD, by_bytes);
	for (size_t i = 1; i < count; i++)
		assert_true(memcmp(words + WORD * (i - 1), words + WORD * i, WORD) != 0);
}

static void sizes_are_honoured(void **state)
{
	(void)state;
	static uint8_t out[100000];
	const size_t sizes[] = {0, 1, 7, 32, 32735, 32736, 32737, 32768, 99999};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		memset(out, 0, sizeof(out));
		OK(random_bytes(out, sizes[i]));
		assert_int_equal(out[sizes[i]], 0);
		size_t zeros = 0;
		for (size_t j = 0; j < sizes[i]; j++)
			zeros += out[j] == 0;
		/* Expected size / 256; nine deviations above. */
		assert_true(zeros <= sizes[i] / 256 + 9 * (sizes[i] / 2000 + 1));
	}
	uint8_t few[32] = {0}, none[32] = {0};
	OK(random_from_system(few, sizeof(few)));
	assert_memory_not_equal(few, none, sizeof(few));
}

static void bytes_are_uniform(void **state)
{
	(void)state;
	enum { BYTES = 1 << 24 };
	uint8_t *out = malloc(BYTES);
	OK(random_bytes(out, BYTES));
	uint32_t counts[256] = {0};
	uint64_t equal_neighbours = 0;
	for (size_t i = 0; i < BYTES; i++)
		counts[out[i]]++;
	for (size_t i = 1; i < BYTES; i++)
		equal_neighbours += out[i] == out[i - 1];
	double chi2 = 0;
	for (unsigned i = 0; i < 256; i++) {
		double d = counts[i] - BYTES / 256.0;
		chi2 += d * d / (BYTES / 256.0);
	}
	/* 255 degrees of freedom: beyond 120 to 430 once in 10^9 runs. */
	assert_true(chi2 > 120 && chi2 < 430);
	/* 65536 expected, deviation 256. */
	assert_true(equal_neighbours > 65536 - 7 * 256 && equal_neighbours < 65536 + 7 * 256);
	free(out);
}

enum { EACH = 2048, THREADS = 8, CHILDREN = 8 };

static void *fill(void *out)
{
	for (size_t i = 0; i < EACH; i++)
		if (!amt_ok(random_bytes((uint8_t *)out + WORD * i, WORD)))
			return NULL;
	return out;
}

static void threads_differ(void **state)
{
	(void)state;
	uint8_t *words = calloc(THREADS * EACH, WORD);
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, fill, words + WORD * EACH * i), 0);
	for (size_t i = 0; i < THREADS; i++) {
		void *result;
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_non_null(result);
	}
	expect_distinct(words, THREADS * EACH);
	free(words);
}

/* Children fork from a warm generator, one from another (a chain as well as siblings); all output
 * after the fork, the parent's included, is distinct. */
static void forks_differ(void **state)
{
	(void)state;
	uint8_t *words = calloc((CHILDREN + 1) * EACH, WORD);
	int pipes[CHILDREN][2];
	OK(random_bytes(words, WORD)); /* warm */
	for (size_t i = 0; i < CHILDREN; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			if (i % 2 == 1 && fork() != 0)
				_exit(0);
			uint8_t mine[WORD * EACH];
			bool right = fill(mine) != NULL &&
				     write(pipes[i][1], mine, sizeof(mine)) == sizeof(mine);
			_exit(right ? 0 : 1);
		}
		(void)close(pipes[i][1]);
	}
	for (size_t i = 0; i < CHILDREN; i++) {
		for (size_t got = 0; got < WORD * EACH;) {
			ssize_t some =
				read(pipes[i][0], words + WORD * EACH * i + got, WORD * EACH - got);
			assert_true(some > 0);
			got += (size_t)some;
		}
		(void)close(pipes[i][0]);
		int status;
		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_non_null(fill(words + WORD * EACH * CHILDREN));
	expect_distinct(words, (CHILDREN + 1) * EACH);
	free(words);
}

static void many_threads_may_come_and_go(void **state)
{
	(void)state;
	uint8_t words[WORD * EACH];
	for (size_t i = 0; i < 300; i++) {
		pthread_t thread;
		void *result;
		assert_int_equal(pthread_create(&thread, NULL, fill, words), 0);
		assert_int_equal(pthread_join(thread, &result), 0);
		assert_non_null(result);
	}
}

static void is_fast_enough(void **state)
{
	(void)state;
	enum { BYTES = 1 << 20, ROUNDS = 32 };
	uint8_t *out = malloc(BYTES);
	double best = INFINITY;
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t start = clock_thread_cpu_ns();
		OK(random_bytes(out, BYTES));
		double took = (double)(clock_thread_cpu_ns() - start);
		best = took < best ? took : best;
	}
	double rate = 1e3 * BYTES / best;
	print_message("random_bytes: %.0f MB/s\n", rate);
	/* Instrumented builds are slower; the release figure is some GB/s. */
	if (!light())
		assert_true(rate > 256);
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_honoured),
		cmocka_unit_test(bytes_are_uniform),
		cmocka_unit_test(threads_differ),
		cmocka_unit_test(forks_differ),
		cmocka_unit_test(many_threads_may_come_and_go),
		cmocka_unit_test(is_fast_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

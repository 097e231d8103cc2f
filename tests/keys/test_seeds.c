/* No two encryptions share a seed: not in one process, not across threads, forks, a process killed
 * in the middle and the retry of its work, nor two openings of one key ring. */
#include "testing.h"

#include "crypto/secret.h"
#include "keys/key_ring.h"
#include "tfhe/toy_params.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EACH = 100, THREADS = 3, CHILDREN = 6, MAX = 4000 };

struct seeds {
	struct seed seed[MAX];
	size_t count;
};

static amt_status encrypt(const struct key_ring *ring, struct seed *out)
{
	const uint32_t values[4] = {0};
	uint16_t bodies[4];
	return tfhe_encrypt_seeded(key_ring_tfhe(ring), out, bodies, values, 4);
}

struct work {
	const struct key_ring *ring;
	struct seed seed[EACH];
	bool failed;
};

static void *encrypt_some(void *context)
{
	struct work *w = context;
	for (size_t i = 0; i < EACH; i++) {
		amt_status st = encrypt(w->ring, &w->seed[i]);
		w->failed |= !amt_ok(st);
		amt_status_clear(&st);
	}
	return NULL;
}

static void keep(struct seeds *s, const struct seed *seeds, size_t count)
{
	assert_true(s->count + count <= MAX);
	memcpy(s->seed + s->count, seeds, count * sizeof(*seeds));
	s->count += count;
}

static void from_threads(struct seeds *s, const struct key_ring *ring)
{
	struct work work[THREADS] = {{.ring = ring}, {.ring = ring}, {.ring = ring}};
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, encrypt_some, &work[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(work[i].failed);
		keep(s, work[i].seed, EACH);
	}
}

/* A child reports each seed as it encrypts. One that is killed is killed after its tenth, and its
 * work is begun again by the next. */
static void from_child(struct seeds *s, const struct key_ring *ring, bool killed)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		for (size_t i = 0; killed || i < EACH; i++) {
			struct seed seed;
			if (!amt_ok(encrypt(ring, &seed)) ||
				write(ends[1], &seed, sizeof(seed)) != sizeof(seed))
				_exit(1);
			if (i == 9 && killed)
				(void)raise(SIGKILL);
		}
		_exit(0);
	}
	(void)close(ends[1]);
	struct seed seed;
	size_t got = 0;
	while (read(ends[0], &seed, sizeof(seed)) == sizeof(seed)) {
		keep(s, &seed, 1);
		got++;
	}
	(void)close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(got, killed ? 10 : EACH);
	assert_true(killed ? WIFSIGNALED(status) : status == 0);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct seed));
}

static void no_seed_serves_twice(void **state)
{
	(void)state;
	static struct seeds s;
	struct key_ring *ring, *again;
	uint8_t *sections;
	size_t size;
	OK(key_ring_new(&ring, tfhe_params_find_toy(TOY_PARAMS)));
	OK(key_ring_pack(ring, &sections, &size));
	OK(key_ring_unpack(&again, span_of(sections, size)));
	secret_free(sections);
	struct work work[2] = {{.ring = ring}, {.ring = again}};
	for (size_t i = 0; i < 2; i++) {
		(void)encrypt_some(&work[i]);
		assert_false(work[i].failed);
		keep(&s, work[i].seed, EACH);
	}
	from_threads(&s, ring);
	for (size_t i = 0; i < CHILDREN; i++)
		from_child(&s, ring, i % 2 == 0);
	(void)encrypt_some(&work[0]);
	keep(&s, work[0].seed, EACH);
	qsort(s.seed, s.count, sizeof(s.seed[0]), by_bytes);
	for (size_t i = 1; i < s.count; i++)
		assert_true(by_bytes(&s.seed[i - 1], &s.seed[i]) != 0);
	key_ring_free(ring);
	key_ring_free(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_seed_serves_twice)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Secret memory: aligned, zeroed, guarded, wiped. */
#include "testing.h"

#include "crypto/secret.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void memory_is_zeroed_and_aligned(void **state)
{
	(void)state;
	const size_t sizes[] = {0, 1, 63, 64, 65, 918, 2048, 100000};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *p;
		OK(secret_alloc(&p, sizes[i]));
		assert_int_equal((uintptr_t)p % 64, 0);
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xa5, sizes[i]);
		secret_free(p);
	}
	secret_free(NULL);
}

/* Runs touch(memory) in a child; returns the signal that ended it. */
static int signal_of(void (*touch)(volatile uint8_t *))
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit no_core = {0, 0};
		(void)setrlimit(RLIMIT_CORE, &no_core);
		(void)signal(SIGSEGV, SIG_DFL);
		uint8_t *p;
		if (!amt_ok(secret_alloc(&p, 128)))
			_exit(1);
		touch(p);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void inside(volatile uint8_t *p)
{
	p[127] = 1;
}

static void behind(volatile uint8_t *p)
{
	p[128] = 1;
}

static void guard_page_stops_an_overrun(void **state)
{
	(void)state;
	assert_int_equal(signal_of(inside), 0);
	assert_int_not_equal(signal_of(behind), 0);
}

static void without_lockable_memory_it_fails(void **state)
{
	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit none = {0, 0};
		if (setrlimit(RLIMIT_MEMLOCK, &none) != 0)
			_exit(1);
		if (geteuid() == 0 && setuid(65534) != 0)
			_exit(2);
		uint8_t *p;
		if (mlock(&p, sizeof(p)) == 0 && syscall(SYS_mlock, &p, sizeof(p)) != 0)
			_exit(0); /* a sanitizer has replaced mlock by nothing */
		amt_status st = secret_alloc(&p, 64);
		bool right =
			amt_status_code(st) == AMT_OUT_OF_MEMORY && amt_status_hint(st) != NULL;
		_exit(right ? 0 : 3);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void comparison_sees_every_bit(void **state)
{
	(void)state;
	uint8_t a[40] = {0}, b[40] = {0};
	assert_true(secret_equal(a, b, sizeof(a)));
	for (size_t bit = 0; bit < 8 * sizeof(b); bit++) {
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(secret_equal(a, b, sizeof(a)));
		b[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	memset(a, 7, sizeof(a));
	secret_wipe(a, sizeof(a));
	assert_true(secret_equal(a, b, sizeof(a)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_zeroed_and_aligned),
		cmocka_unit_test(guard_page_stops_an_overrun),
		cmocka_unit_test(without_lockable_memory_it_fails),
		cmocka_unit_test(comparison_sees_every_bit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

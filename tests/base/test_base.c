#include "testing.h"

#include "base/alloc.h"
#include "os/pool.h"

#include <stdatomic.h>

static amt_status inner(void)
{
	errno = ENOSPC;
	return ERROR_ERRNO(AMT_DISK_FULL, "write %s", "wal-1");
}

static amt_status outer(void)
{
	return status_hint(WRAP(inner(), "commit"), "free some space");
}

static void status_remembers_cause_errno_and_hint(void **state)
{
	(void)state;
	amt_status s = outer();
	assert_int_equal(amt_status_code(s), AMT_DISK_FULL);
	assert_int_equal(amt_status_errno(s), ENOSPC);
	assert_string_equal(amt_status_message(amt_status_cause(s)), "write wal-1");
	assert_non_null(strstr(amt_status_file(s), "test_base.c"));
	char text[200];
	size_t needed = amt_status_format(s, text, sizeof(text));
	assert_int_equal(needed, strlen(text));
	assert_string_equal(text,
		"commit: write wal-1 (No space left on device) [AMT_DISK_FULL]\nhint: free some space");
	char small[8];
	assert_int_equal(amt_status_format(s, small, sizeof(small)), needed);
	assert_string_equal(small, "commit:");
	amt_status_clear(&s);
	assert_true(amt_ok(s));
}

static void codes_have_names_and_policies(void **state)
{
	(void)state;
	assert_string_equal(amt_code_name(AMT_IO), "AMT_IO");
	assert_string_equal(amt_code_words(AMT_WRONG_KEY), "wrong key");
	assert_int_equal(amt_code_recovery(AMT_SYNTAX), AMT_RECOVERY_FAIL_FAST);
	assert_int_equal(amt_recovery_delay_ms(AMT_RECOVERY_FAIL_FAST, 1, 0), -1);
	assert_int_equal(amt_recovery_delay_ms(AMT_RECOVERY_BACKOFF_EXPONENTIAL, 1, 0), 100);
	assert_int_equal(amt_recovery_delay_ms(AMT_RECOVERY_BACKOFF_EXPONENTIAL, 5, 1), 3200);
	assert_int_equal(amt_recovery_delay_ms(AMT_RECOVERY_BACKOFF_EXPONENTIAL, 6, 0), -1);
	assert_int_equal(amt_recovery_delay_ms(AMT_RECOVERY_BACKOFF_LINEAR, 3, 0), 1000);
}

static void buffers_and_readers_agree(void **state)
{
	(void)state;
	struct buf b = {0};
	OK(buf_put_u8(&b, 7));
	OK(buf_put_u64(&b, UINT64_MAX - 1));
	const uint64_t varints[] = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
	for (size_t i = 0; i < 7; i++)
		OK(buf_put_varint(&b, varints[i]));
	OK(buf_put_span(&b, span_str("hello")));
	struct reader r = reader_of(buf_span(&b), "test");
	uint8_t u8;
	uint64_t u64;
	struct span s;
	OK(read_u8(&r, &u8));
	OK(read_u64(&r, &u64));
	assert_int_equal(u8, 7);
	assert_true(u64 == UINT64_MAX - 1);
	for (size_t i = 0; i < 7; i++) {
		OK(read_varint(&r, &u64));
		assert_true(u64 == varints[i]);
	}
	FAILS(AMT_CORRUPTION, read_end(&r));
	OK(read_span(&r, 5, &s));
	assert_true(span_equal(s, span_str("hello")));
	OK(read_end(&r));
	FAILS(AMT_TRUNCATED, read_u8(&r, &u8));
	buf_free(&b);
}

static void bad_varints_are_refused(void **state)
{
	(void)state;
	uint64_t v;
	const uint8_t overlong[] = {0x80, 0x00};
	const uint8_t overflow[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
	struct reader r = reader_of(span_of(overlong, sizeof(overlong)), "test");
	FAILS(AMT_CORRUPTION, read_varint(&r, &v));
	r = reader_of(span_of(overflow, sizeof(overflow)), "test");
	FAILS(AMT_CORRUPTION, read_varint(&r, &v));
}

/* Several threads take and give large blocks; each has its own meanwhile. */
static amt_status take_and_give(void *context, size_t index, unsigned worker)
{
	(void)context;
	(void)worker;
	enum { MIB = 1 << 20, HELD = 3 };
	uint8_t *block[HELD];
	size_t size[HELD];
	for (unsigned i = 0; i < HELD; i++) {
		size[i] = (size_t)(2 + (index * 7 + i * 5) % 9) * MIB + index % 3 * 64;
		TRY(mem_alloc_aligned(&block[i], size[i]));
		assert_int_equal((uintptr_t)block[i] % 64, 0);
		for (size_t at = 0; at < size[i]; at += 4096)
			block[i][at] = (uint8_t)(index + i);
		block[i][size[i] - 1] = (uint8_t)(index + i);
	}
	for (unsigned i = 0; i < HELD; i++) {
		for (size_t at = 0; at < size[i]; at += 4096)
			assert_int_equal(block[i][at], (uint8_t)(index + i));
		assert_int_equal(block[i][size[i] - 1], (uint8_t)(index + i));
		mem_free_aligned(block[i], size[i]);
	}
	return STATUS_OK;
}

static void large_blocks_are_reused(void **state)
{
	(void)state;
	struct pool *pool;
	OK(pool_new(&pool, 4));
	OK(pool_run(pool, 200, take_and_give, NULL));
	pool_free(pool);
	/* More than is kept. */
	void *huge;
	OK(mem_alloc_aligned(&huge, (size_t)600 << 20));
	mem_free_aligned(huge, (size_t)600 << 20);
	OK(mem_alloc_aligned(&huge, 4096));
	mem_free_aligned(huge, 4096);
}

static void failed_allocations_are_reported(void **state)
{
	(void)state;
	struct buf b = {0};
	mem_fail_nth(1);
	FAILS(AMT_OUT_OF_MEMORY, buf_put_u8(&b, 1));
	mem_fail_nth(0);
	OK(buf_put_u8(&b, 1));
	buf_free(&b);
	void *p;
	FAILS(AMT_OUT_OF_MEMORY, mem_array(&p, SIZE_MAX / 2, 4));
}

struct loop {
	atomic_size_t sum;
	size_t fail_at;
};

static amt_status add_index(void *context, size_t index, unsigned worker)
{
	struct loop *l = context;
	ENSURE(worker < 4, AMT_INTERNAL, "worker %u", worker);
	ENSURE(index != l->fail_at, AMT_CANCELLED, "index %zu", index);
	atomic_fetch_add(&l->sum, index);
	return STATUS_OK;
}

static void pool_visits_every_index_once(void **state)
{
	(void)state;
	struct pool *pool;
	OK(pool_new(&pool, 4));
	for (size_t count = 0; count < 200; count++) {
		struct loop l = {.fail_at = SIZE_MAX};
		OK(pool_run(pool, count, add_index, &l));
		assert_int_equal(l.sum, count == 0 ? 0 : count * (count - 1) / 2);
	}
	struct loop l = {.fail_at = 57};
	FAILS(AMT_CANCELLED, pool_run(pool, 1000, add_index, &l));
	pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(status_remembers_cause_errno_and_hint),
		cmocka_unit_test(codes_have_names_and_policies),
		cmocka_unit_test(buffers_and_readers_agree),
		cmocka_unit_test(bad_varints_are_refused),
		cmocka_unit_test(large_blocks_are_reused),
		cmocka_unit_test(failed_allocations_are_reported),
		cmocka_unit_test(pool_visits_every_index_once),
	};
	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

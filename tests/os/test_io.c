/* The seam's contract, checked on every back end. */
#include "testing.h"

#include "os/io_memory.h"
#include "os/io_sim.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	struct io *io;
	char folder[64];
};

static int posix_setup(void **state)
{
	struct place *p;
	OK(mem_zalloc(&p, sizeof(*p)));
	OK(io_posix_new(&p->io));
	strcpy(p->folder, "/tmp/amaters-io-XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	*state = p;
	return 0;
}

static int memory_setup(void **state)
{
	struct place *p;
	OK(mem_zalloc(&p, sizeof(*p)));
	OK(io_memory_new(&p->io));
	strcpy(p->folder, "db");
	OK(io_make_folder(p->io, p->folder));
	*state = p;
	return 0;
}

static int sim_setup(void **state)
{
	struct place *p;
	OK(mem_zalloc(&p, sizeof(*p)));
	OK(io_sim_new(&p->io, 1));
	io_sim_short_transfers(p->io, true);
	strcpy(p->folder, "db");
	OK(io_make_folder(p->io, p->folder));
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	struct io_names names;
	OK(io_list(p->io, p->folder, &names));
	for (size_t i = 0; i < names.count; i++) {
		char *path;
		OK(io_path(&path, p->folder, names.names[i]));
		OK(io_remove(p->io, path));
		mem_free(path);
	}
	io_names_free(&names);
	(void)rmdir(p->folder);
	io_free(p->io);
	mem_free(p);
	return 0;
}

static const char *in(const struct place *p, const char *name)
{
	static char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s", p->folder, name);
	return path;
}

static void reads_give_what_was_written(void **state)
{
	struct place *p = *state;
	struct io_file *f;
	FAILS(AMT_NOT_FOUND, io_open(p->io, in(p, "a"), IO_WRITE, &f));
	OK(io_open(p->io, in(p, "a"), IO_WRITE | IO_CREATE, &f));
	const struct span parts[] = {
		span_str("one "), span_str(""), span_str("two "), span_str("three")};
	OK(io_write(f, 3, parts, 4));
	uint64_t size;
	OK(io_size(f, &size));
	assert_int_equal(size, 16);
	char bytes[32] = {0};
	size_t got;
	OK(io_read(f, 0, bytes, sizeof(bytes), &got));
	assert_int_equal(got, 16);
	assert_memory_equal(bytes, "\0\0\0one two three", 16);
	FAILS(AMT_TRUNCATED, io_read_exact(f, 10, bytes, 7));
	OK(io_read_exact(f, 11, bytes, 5));
	assert_memory_equal(bytes, "three", 5);
	OK(io_read(f, 100, bytes, 1, &got));
	assert_int_equal(got, 0);
	OK(io_sync(f));
	OK(io_truncate(f, 6));
	OK(io_preallocate(f, 4)); /* never shrinks */
	OK(io_size(f, &size));
	assert_int_equal(size, 6);
	OK(io_preallocate(f, 5000));
	OK(io_size(f, &size));
	assert_int_equal(size, 5000);
	OK(io_read_exact(f, 4, bytes, 4));
	assert_memory_equal(bytes, "ne\0\0", 4);
	io_close(f);
	OK(io_sync_folder(p->io, p->folder));
}

static void many_parts_arrive_in_order(void **state)
{
	struct place *p = *state;
	struct io_file *f;
	OK(io_open(p->io, in(p, "parts"), IO_WRITE | IO_CREATE, &f));
	struct span parts[300];
	uint8_t bytes[300], back[300];
	for (size_t i = 0; i < 300; i++) {
		bytes[i] = (uint8_t)(i * 7);
		parts[i] = span_of(bytes + i, i % 3 == 1 ? 0 : 1);
	}
	OK(io_write(f, 0, parts, 300));
	OK(io_read_exact(f, 0, back, 200));
	size_t at = 0;
	for (size_t i = 0; i < 300; i++)
		if (i % 3 != 1)
			assert_int_equal(back[at++], bytes[i]);
	assert_int_equal(at, 200);
	io_close(f);
}

static void names_are_made_renamed_and_removed(void **state)
{
	struct place *p = *state;
	struct io_file *f;
	OK(io_open(p->io, in(p, "b"), IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &f));
	io_close(f);
	FAILS(AMT_ALREADY_EXISTS,
		io_open(p->io, in(p, "b"), IO_WRITE | IO_CREATE | IO_EXCLUSIVE, &f));
	char to[128];
	strcpy(to, in(p, "c"));
	OK(io_rename(p->io, in(p, "b"), to));
	bool exists;
	OK(io_exists(p->io, in(p, "b"), &exists));
	assert_false(exists);
	OK(io_exists(p->io, to, &exists));
	assert_true(exists);
	struct io_names names;
	OK(io_list(p->io, p->folder, &names));
	bool found = false;
	for (size_t i = 0; i < names.count; i++) {
		found |= strcmp(names.names[i], "c") == 0;
		assert_true(i == 0 || strcmp(names.names[i - 1], names.names[i]) < 0);
	}
	assert_true(found);
	io_names_free(&names);
	OK(io_remove(p->io, to));
	FAILS(AMT_NOT_FOUND, io_remove(p->io, to));
	FAILS(AMT_ALREADY_EXISTS, io_make_folder(p->io, p->folder));
	FAILS(AMT_NOT_FOUND, io_list(p->io, in(p, "nowhere"), &names));
}

static void whole_files_are_replaced_at_once(void **state)
{
	struct place *p = *state;
	char path[128];
	strcpy(path, in(p, "key"));
	OK(io_write_file_new(p->io, path, span_str("first"), IO_PRIVATE));
	FAILS(AMT_ALREADY_EXISTS, io_write_file_new(p->io, path, span_str("again"), 0));
	struct io_file *f; /* left over by a crash */
	OK(io_open(p->io, in(p, "key.tmp"), IO_WRITE | IO_CREATE, &f));
	io_close(f);
	OK(io_write_file_atomic(p->io, path, span_str("second"), IO_PRIVATE));
	struct buf b = {0};
	OK(buf_put_u8(&b, '>'));
	OK(io_read_file(p->io, path, 6, &b));
	assert_true(span_equal(buf_span(&b), span_str(">second")));
	FAILS(AMT_LIMIT, io_read_file(p->io, path, 5, &b));
	FAILS(AMT_NOT_FOUND, io_read_file(p->io, in(p, "none"), 5, &b));
	assert_int_equal(b.size, 7);
	buf_free(&b);
	struct stat st;
	if (strcmp(p->io->functions->name, "posix") == 0) {
		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
	bool exists;
	OK(io_exists(p->io, in(p, "key.tmp"), &exists));
	assert_false(exists);
}

static void a_lock_has_one_holder(void **state)
{
	struct place *p = *state;
	struct io_file *first, *second;
	OK(io_lock(p->io, in(p, "LOCK"), &first));
	FAILS(AMT_LOCKED, io_lock(p->io, in(p, "LOCK"), &second));
	io_close(first);
	OK(io_lock(p->io, in(p, "LOCK"), &second));
	io_close(second);
}

static amt_status failing_sync(struct io_file *f)
{
	FAIL(AMT_IO, "%s: the disk is gone", f->path);
}

static void a_failed_sync_poisons_the_handle(void **state)
{
	struct place *p = *state;
	struct io_file *f;
	OK(io_open(p->io, in(p, "poison"), IO_WRITE | IO_CREATE, &f));
	const struct io_functions *sound = f->functions;
	struct io_functions broken = *sound;
	broken.sync = failing_sync;
	f->functions = &broken;
	FAILS(AMT_IO, io_sync(f));
	f->functions = sound;
	const struct span part = span_str("x");
	FAILS(AMT_IO, io_sync(f));
	FAILS(AMT_IO, io_write(f, 0, &part, 1));
	FAILS(AMT_IO, io_truncate(f, 0));
	io_close(f);
}

/* Writes `text` over the file from the start. */
static void put_text(struct io *io, const char *path, const char *text, bool sync)
{
	struct io_file *f;
	const struct span part = span_str(text);
	OK(io_open(io, path, IO_WRITE | IO_CREATE, &f));
	OK(io_write(f, 0, &part, 1));
	if (sync)
		OK(io_sync(f));
	io_close(f);
}

static bool has_text(struct io *io, const char *path, const char *text)
{
	struct buf b = {0};
	amt_status s = io_read_file(io, path, 1 << 20, &b);
	bool equal = amt_ok(s) && span_equal(buf_span(&b), span_str(text));
	amt_status_clear(&s);
	buf_free(&b);
	return equal;
}

static void a_crash_keeps_what_was_synced(void **state)
{
	(void)state;
	int lost = 0, kept = 0, renamed = 0, torn = 0;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct io *io;
		bool exists;
		OK(io_sim_new(&io, seed));
		OK(io_make_folder(io, "d"));
		OK(io_sync_folder(io, "."));
		put_text(io, "d/synced", "old", true);
		OK(io_sync_folder(io, "d"));
		put_text(io, "d/nameless", "x", true);
		put_text(io, "d/synced", "new", false);
		OK(io_write_file_atomic(io, "d/safe", span_str("1"), 0));
		put_text(io, "d/safe.tmp", "2", true);
		OK(io_rename(io, "d/safe.tmp", "d/safe"));
		OK(io_sim_crash(io));
		assert_true(has_text(io, "d/synced", "old") || has_text(io, "d/synced", "new"));
		kept += has_text(io, "d/synced", "new");
		assert_true(has_text(io, "d/safe", "1") || has_text(io, "d/safe", "2"));
		renamed += has_text(io, "d/safe", "2");
		OK(io_exists(io, "d/nameless", &exists)); /* synced by d's sync before d/safe */
		assert_true(exists);

		struct io_file *f;
		uint8_t bytes[4096], back[4096];
		memset(bytes, 7, sizeof(bytes));
		const struct span part = span_of(bytes, sizeof(bytes));
		OK(io_open(io, "d/big", IO_WRITE | IO_CREATE, &f));
		OK(io_write(f, 0, &part, 1));
		io_close(f);
		OK(io_sync_folder(io, "d"));
		put_text(io, "d/late", "x", true);
		OK(io_sim_crash(io));
		OK(io_exists(io, "d/late", &exists));
		lost += !exists;
		size_t got;
		OK(io_open(io, "d/big", IO_READ, &f));
		OK(io_read(f, 0, back, sizeof(back), &got));
		for (size_t at = 0; at < got; at += 512) {
			torn += back[at] == 0;
			for (size_t i = at; i < got && i < at + 512; i++)
				assert_int_equal(back[i], back[at]);
		}
		io_close(f);
		io_free(io);
	}
	assert_in_range(lost, 20, 180);
	assert_in_range(kept, 20, 180);
	assert_in_range(renamed, 20, 180);
	assert_in_range(torn, 100, 1500);
}

static void faults_come_when_asked(void **state)
{
	(void)state;
	struct io *io, *copy;
	struct io_file *f;
	const struct span part = span_str("0123456789");
	OK(io_sim_new(&io, 3));
	OK(io_open(io, "f", IO_WRITE | IO_CREATE, &f));
	io_sim_fail_at(io, 2);
	OK(io_write(f, 0, &part, 1));
	FAILS(AMT_IO, io_write(f, 10, &part, 1));
	OK(io_write(f, 10, &part, 1));
	assert_int_equal(io_sim_calls(io), 3);
	io_sim_capacity(io, 25);
	FAILS(AMT_DISK_FULL, io_write(f, 20, &part, 1));
	FAILS(AMT_DISK_FULL, io_preallocate(f, 26));
	OK(io_write(f, 10, &part, 1));
	io_sim_capacity(io, 0);
	io_sim_kill_at(io, 1);
	FAILS(AMT_IO, io_sync(f));
	FAILS(AMT_IO, io_sync_folder(io, "."));
	FAILS(AMT_INTERNAL, io_sim_crash(io));
	io_close(f);
	io_sim_kill_at(io, 0);
	OK(io_sync_folder(io, "."));
	OK(io_sim_clone(io, &copy));
	OK(io_sim_flip(copy, "f", 1, 1));
	assert_true(has_text(io, "f", "01234567890123456789"));
	assert_true(has_text(copy, "f", "00234567890123456789"));
	FAILS(AMT_NOT_FOUND, io_sim_flip(copy, "f", 20, 1));
	io_free(io);
	io_free(copy);
}

#define ON(setup)                                                                             \
	cmocka_unit_test_setup_teardown(reads_give_what_was_written, setup, teardown),        \
		cmocka_unit_test_setup_teardown(many_parts_arrive_in_order, setup, teardown), \
		cmocka_unit_test_setup_teardown(                                              \
			names_are_made_renamed_and_removed, setup, teardown),                 \
		cmocka_unit_test_setup_teardown(                                              \
			whole_files_are_replaced_at_once, setup, teardown),                   \
		cmocka_unit_test_setup_teardown(a_lock_has_one_holder, setup, teardown),      \
		cmocka_unit_test_setup_teardown(a_failed_sync_poisons_the_handle, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {ON(posix_setup), ON(memory_setup), ON(sim_setup),
		cmocka_unit_test(a_crash_keeps_what_was_synced),
		cmocka_unit_test(faults_come_when_asked)};
	return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}

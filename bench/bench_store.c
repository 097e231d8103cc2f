/* Iwato on the real disk, at the value sizes of storage.md.
 *
 *	bench_store [folder] [megabytes]      defaults: /tmp/amaters-bench-store, 64
 *
 * fillrandom: puts without sync, then everything flushed. readrandom: gets of keys that are there,
 * answers checked, page cache warm. readmissing: gets of keys that are not. fillsync: puts that are
 * each on disk when they return, one thread. Wall time; p50 and p99 of single calls; CPU time of the
 * whole process a call, background included, which a busy machine does not blur.
 */
#include "base/alloc.h"
#include "os/clock.h"
#include "os/io.h"
#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { KEY = 16, SYNCED = 400 };

static void check(amt_status st)
{
	if (amt_ok(st))
		return;
	char text[512];
	(void)amt_status_format(st, text, sizeof(text));
	fprintf(stderr, "bench_store: %s\n", text);
	exit(1);
}

struct bench {
	struct io *io;
	const char *folder;
	size_t value_bytes;
	uint64_t count;
	uint8_t *noise; /* value i starts at noise + i % 4096 */
	uint64_t *times;
	uint64_t cpu_before;
};

static uint64_t cpu_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct span key_of(char out[KEY + 1], uint64_t i)
{
	uint64_t scattered = i * 0x9e3779b97f4a7c15u; /* odd, so a permutation */
	(void)snprintf(out, KEY + 1, "%016llx", (unsigned long long)scattered);
	return span_of(out, KEY);
}

static struct span value_of(const struct bench *b, uint64_t i)
{
	return span_of(b->noise + i % 4096, b->value_bytes);
}

static void remove_all(const struct bench *b)
{
	struct io_names names;
	amt_status st = io_list(b->io, b->folder, &names);
	if (!amt_ok(st)) {
		amt_status_clear(&st);
		return;
	}
	for (size_t i = 0; i < names.count; i++) {
		char *path;
		check(io_path(&path, b->folder, names.names[i]));
		check(io_remove(b->io, path));
		mem_free(path);
	}
	io_names_free(&names);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void report(
	const struct bench *b, const char *name, uint64_t count, uint64_t total_ns, bool has_bytes)
{
	double seconds = (double)total_ns * 1e-9;
	double cpu_us = (double)(cpu_ns() - b->cpu_before) * 1e-3 / (double)count;
	qsort(b->times, count, sizeof(*b->times), compare);
	printf("%-12s %9zu %9llu %11.0f", name, b->value_bytes, (unsigned long long)count,
		(double)count / seconds);
	if (has_bytes)
		printf(" %9.1f", (double)count * (double)(b->value_bytes + KEY) / seconds / 1e6);
	else
		printf(" %9s", "-");
	printf(" %9.1f %9.1f %9.1f\n", (double)b->times[count / 2] / 1e3,
		(double)b->times[count * 99 / 100] / 1e3, cpu_us);
	fflush(stdout);
}

static struct store *open_store(const struct bench *b, enum store_sync sync)
{
	struct store *s;
	check(store_open(&s, b->io, b->folder, &(struct store_options){.sync = sync}));
	return s;
}

static void fill(struct bench *b, struct store *s, const char *name, uint64_t count, bool flush)
{
	char key[KEY + 1];
	b->cpu_before = cpu_ns();
	uint64_t start = clock_monotonic_ns(), before = start;
	for (uint64_t i = 0; i < count; i++) {
		check(store_put(s, key_of(key, i), value_of(b, i)));
		uint64_t now = clock_monotonic_ns();
		b->times[i] = now - before;
		before = now;
	}
	if (flush)
		check(store_flush(s));
	report(b, name, count, clock_monotonic_ns() - start, true);
}

static void read_keys(struct bench *b, struct store *s, bool present)
{
	char key[KEY + 1];
	struct buf value = {0};
	b->cpu_before = cpu_ns();
	uint64_t start = clock_monotonic_ns(), before = start;
	for (uint64_t n = 0; n < b->count; n++) {
		uint64_t i = n * 7919 % b->count;
		buf_clear(&value);
		amt_status st = store_get(s, NULL, key_of(key, present ? i : i + b->count), &value);
		bool right = present ? amt_ok(st) && span_equal(buf_span(&value), value_of(b, i))
				     : amt_status_code(st) == AMT_NOT_FOUND;
		if (!right)
			check(amt_ok(st) ? ERROR(AMT_INTERNAL, "a wrong answer") : st);
		amt_status_clear(&st);
		uint64_t now = clock_monotonic_ns();
		b->times[n] = now - before;
		before = now;
	}
	report(b, present ? "readrandom" : "readmissing", b->count, clock_monotonic_ns() - start,
		present);
	buf_free(&value);
}

static void run(struct bench *b, size_t value_bytes, uint64_t total_bytes)
{
	b->value_bytes = value_bytes;
	b->count = total_bytes / (value_bytes + KEY);
	uint64_t room = b->count > SYNCED ? b->count : SYNCED;
	check(mem_array(&b->times, room, sizeof(*b->times)));
	check(mem_alloc(&b->noise, 4096 + value_bytes));
	uint64_t state = 1;
	for (size_t i = 0; i < 4096 + value_bytes; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		b->noise[i] = (uint8_t)(state >> 56);
	}
	remove_all(b);
	struct store *s = open_store(b, STORE_SYNC_NONE);
	fill(b, s, "fillrandom", b->count, true);
	read_keys(b, s, true);
	read_keys(b, s, false);
	check(store_close(s));
	remove_all(b);
	s = open_store(b, STORE_SYNC_ALWAYS);
	fill(b, s, "fillsync", SYNCED, false);
	check(store_close(s));
	remove_all(b);
	mem_free(b->times);
	mem_free(b->noise);
}

int main(int argc, char **argv)
{
	struct bench b = {.folder = argc > 1 ? argv[1] : "/tmp/amaters-bench-store"};
	uint64_t megabytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 64;
	if (megabytes == 0)
		check(ERROR(AMT_INVALID_ARGUMENT, "usage: bench_store [folder] [megabytes]"));
	check(io_posix_new(&b.io));
	printf("%-12s %9s %9s %11s %9s %9s %9s %9s\n", "", "value B", "count", "per second", "MB/s",
		"p50 us", "p99 us", "CPU us");
	run(&b, 100, megabytes << 20);
	run(&b, 16 << 10, megabytes << 20);
	io_free(b.io);
	return 0;
}

#include "leak_scan.h"

#include "testing.h"

#include "ring/fft.h"

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	HEAD = 16,	   /* bytes of a pattern that are hashed */
	PATTERN_MAX = 512, /* longer ones are cut */
	SLOTS = 1 << 16,
	CHUNK = 1 << 20,
	PAGE = 4096,
	REALS = 8, /* values in a run */
	REPORT_BYTES = 4096
};

struct pattern {
	const char *name, *form;
	size_t size;
	uint8_t bytes[PATTERN_MAX];
	int next; /* of the same slot; -1: none */
};

struct real_run {
	const char *name;
	double values[REALS];
};

struct real_entry {
	int run, next;
};

struct leak_scan {
	struct pattern *patterns;
	int pattern_count;
	int by_head[SLOTS];
	struct real_run *runs;
	int run_count;
	struct real_entry *entries;
	int entry_count;
	int by_value[SLOTS];
	uint8_t *chunk;
	char report[REPORT_BYTES];
};

/* The loops over all of a memory image: sanitizers would make them take minutes. */
#define UNWATCHED \
	__attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined")))

/* Tests end on failure, so memory is simply demanded. */
static void *demand(void *memory)
{
	if (memory == NULL)
		fail_msg("no memory for a leak scan");
	return memory;
}

struct leak_scan *leak_scan_new(void)
{
	struct leak_scan *s = demand(calloc(1, sizeof(*s)));
	s->chunk = demand(malloc(CHUNK + PATTERN_MAX));
	for (size_t i = 0; i < SLOTS; i++)
		s->by_head[i] = s->by_value[i] = -1;
	return s;
}

void leak_scan_free(struct leak_scan *s)
{
	if (s == NULL)
		return;
	free(s->patterns);
	free(s->runs);
	free(s->entries);
	free(s->chunk);
	free(s);
}

UNWATCHED static size_t head_slot(const uint8_t *at)
{
	uint64_t words[2];
	__builtin_memcpy(words, at, sizeof(words));
	uint64_t mixed = words[0] * 0x9e3779b97f4a7c15u + words[1];
	return mixed * 0xbf58476d1ce4e5b9u >> 48;
}

static void add(
	struct leak_scan *s, const char *name, const char *form, const void *bytes, size_t size)
{
	assert_true(size >= HEAD);
	s->patterns =
		demand(realloc(s->patterns, ((size_t)s->pattern_count + 1) * sizeof(*s->patterns)));
	struct pattern *p = &s->patterns[s->pattern_count];
	*p = (struct pattern){name, form, size < PATTERN_MAX ? size : PATTERN_MAX};
	memcpy(p->bytes, bytes, p->size);
	int *slot = &s->by_head[head_slot(p->bytes)];
	p->next = *slot;
	*slot = s->pattern_count++;
}

void leak_scan_add(struct leak_scan *s, const char *name, const void *bytes, size_t size)
{
	add(s, name, "as it is", bytes, size);
}

/* 128 bits from each of 8 neighbouring offsets: whichever way a copy is shifted, one of the runs
 * starts at a byte of it. */
static void add_packed(struct leak_scan *s, const char *name, const uint8_t *bits)
{
	for (size_t offset = 0; offset < 8; offset++) {
		uint8_t low_first[HEAD] = {0}, high_first[HEAD] = {0};
		for (size_t i = 0; i < 8 * HEAD; i++) {
			low_first[i / 8] |= (uint8_t)(bits[offset + i] << i % 8);
			high_first[i / 8] |= (uint8_t)(bits[offset + i] << (7 - i % 8));
		}
		add(s, name, "packed bits", low_first, HEAD);
		add(s, name, "packed bits, high first", high_first, HEAD);
	}
}

/* 64 bits, each as an element of `width` bytes that repeats the bytes of `one` for a 1 bit. */
static void add_spread(struct leak_scan *s, const char *name, const char *form, const uint8_t *bits,
	const void *one, size_t width)
{
	uint8_t run[PATTERN_MAX] = {0};
	for (size_t i = 0; i < 64; i++)
		if (bits[i])
			memcpy(run + i * width, one, width);
	add(s, name, form, run, 64 * width);
}

static void add_forms(struct leak_scan *s, const char *name, const uint8_t *bits)
{
	const uint64_t one = 1, ones = UINT64_MAX;
	const float one_f32 = 1;
	const double one_f64 = 1;
	add_packed(s, name, bits);
	/* A head of equal elements would match every empty page: start where two bits differ. */
	while (bits[0] == bits[1])
		bits++;
	add_spread(s, name, "bytes", bits, &one, 1);
	add_spread(s, name, "u16", bits, &one, 2);
	add_spread(s, name, "u32", bits, &one, 4);
	add_spread(s, name, "u64", bits, &one, 8);
	add_spread(s, name, "byte masks", bits, &ones, 1);
	add_spread(s, name, "u32 masks", bits, &ones, 4);
	add_spread(s, name, "u64 masks", bits, &ones, 8);
	add_spread(s, name, "f32", bits, &one_f32, 4);
	add_spread(s, name, "f64", bits, &one_f64, 8);
}

void leak_scan_add_bits(struct leak_scan *s, const char *name, const uint8_t *bits, size_t count)
{
	enum { ROOM = 192 }; /* bits that one call of add_forms may look at */
	assert_true(count >= 256);
	uint8_t *backwards = demand(malloc(count));
	for (size_t i = 0; i < count; i++)
		backwards[i] = bits[count - 1 - i];
	/* A run every 64 bits, and the last one: parts of 150 elements or 200 packed bits are
	 * found. */
	size_t last = count - ROOM;
	for (size_t at = 0; at < last + 64; at += 64) {
		add_forms(s, name, bits + (at < last ? at : last));
		add_forms(s, name, backwards + (at < last ? at : last));
	}
	free(backwards);
}

/* Sign, exponent and 20 bits of the fraction. */
UNWATCHED static size_t value_slot(uint64_t top)
{
	return (top * 0x9e3779b97f4a7c15u) >> 48;
}

static uint64_t top_of(double value)
{
	uint64_t word;
	memcpy(&word, &value, sizeof(word));
	return word >> 32;
}

static void add_entry(struct leak_scan *s, int run, uint64_t top)
{
	s->entries =
		demand(realloc(s->entries, ((size_t)s->entry_count + 1) * sizeof(*s->entries)));
	int *slot = &s->by_value[value_slot(top)];
	s->entries[s->entry_count] = (struct real_entry){run, *slot};
	*slot = s->entry_count++;
}

static void add_run(struct leak_scan *s, const char *name, const double *values)
{
	s->runs = demand(realloc(s->runs, ((size_t)s->run_count + 1) * sizeof(*s->runs)));
	s->runs[s->run_count].name = name;
	memcpy(s->runs[s->run_count].values, values, REALS * sizeof(*values));
	/* Both neighbours as well: a value may round across the border of a slot. */
	for (uint64_t i = 0; i < 3; i++)
		add_entry(s, s->run_count, top_of(values[0]) + i - 1);
	s->run_count++;
}

void leak_scan_add_reals(struct leak_scan *s, const char *name, const double *values, size_t count)
{
	assert_true(count >= REALS);
	for (size_t part = 0; part <= 4; part++)
		add_run(s, name, values + (count - REALS) * part / 4);
}

void leak_scan_add_spectrum(
	struct leak_scan *s, const char *name, const uint8_t *bits, unsigned n_log2)
{
	size_t n = (size_t)1 << n_log2;
	double *spectrum = demand(aligned_alloc(64, n * sizeof(*spectrum)));
	int32_t *coefficients = demand(aligned_alloc(64, n * sizeof(*coefficients)));
	double *pairs = demand(malloc(n * sizeof(*pairs)));
	for (enum isa isa = ISA_PORTABLE; isa <= cpu_isa_available(); isa++)
		for (int sign = -1; sign <= 1; sign += 2) {
			const struct ring_fft *fft;
			OK(ring_fft_get(&fft, n_log2, isa));
			for (size_t i = 0; i < n; i++)
				coefficients[i] = sign * bits[i];
			ring_fft_forward_i32(fft, spectrum, coefficients);
			leak_scan_add_reals(s, name, spectrum, n / 2);
			leak_scan_add_reals(s, name, spectrum + n / 2, n / 2);
			/* Real and imaginary parts side by side. */
			for (size_t i = 0; i < n / 2; i++) {
				pairs[2 * i] = spectrum[i];
				pairs[2 * i + 1] = spectrum[n / 2 + i];
			}
			leak_scan_add_reals(s, name, pairs, n);
		}
	free(spectrum);
	free(coefficients);
	free(pairs);
}

static void found(
	struct leak_scan *s, const char *name, const char *form, const char *where, uint64_t offset)
{
	size_t used = strlen(s->report);
	(void)snprintf(s->report + used, sizeof(s->report) - used,
		"%s, %s, in %s at %#" PRIx64 "\n", name, form, where, offset);
}

/* Patterns that start before `starts`; they may end up to `size`. */
UNWATCHED static size_t scan_bytes(struct leak_scan *s, const uint8_t *memory, size_t starts,
	size_t size, const char *where, uint64_t offset)
{
	size_t hits = 0;
	for (size_t i = 0; i < starts && i + HEAD <= size; i++)
		for (int p = s->by_head[head_slot(memory + i)]; p >= 0; p = s->patterns[p].next) {
			const struct pattern *pattern = &s->patterns[p];
			if (size - i < pattern->size ||
				memcmp(memory + i, pattern->bytes, pattern->size) != 0)
				continue;
			found(s, pattern->name, pattern->form, where, offset + i);
			hits++;
		}
	return hits;
}

static bool near(const double *want, const uint8_t *memory)
{
	for (size_t i = 0; i < REALS; i++) {
		double value;
		memcpy(&value, memory + 8 * i, sizeof(value));
		if (!(fabs(value - want[i]) <= 1e-8 * fabs(want[i]) + 1e-9))
			return false;
	}
	return true;
}

UNWATCHED static size_t scan_reals(struct leak_scan *s, const uint8_t *memory, size_t starts,
	size_t size, const char *where, uint64_t offset)
{
	size_t hits = 0;
	for (size_t i = 0; s->run_count > 0 && i < starts && i + 8 * REALS <= size; i += 8) {
		uint32_t top;
		__builtin_memcpy(&top, memory + i + 4, sizeof(top));
		int e = s->by_value[value_slot(top)];
		for (int before = -1; e >= 0; e = s->entries[e].next) {
			int run = s->entries[e].run;
			if (run == before || !near(s->runs[run].values, memory + i))
				continue;
			before = run;
			found(s, s->runs[run].name, "transformed", where, offset + i);
			hits++;
		}
	}
	return hits;
}

static size_t scan_part(struct leak_scan *s, const uint8_t *memory, size_t starts, size_t size,
	const char *where, uint64_t offset)
{
	return scan_bytes(s, memory, starts, size, where, offset) +
	       scan_reals(s, memory, starts, size, where, offset);
}

size_t leak_scan_memory(
	struct leak_scan *s, const void *memory, size_t size, const char *where, uint64_t offset)
{
	return scan_part(s, memory, size, size, where, offset);
}

/* Up to CHUNK + PATTERN_MAX bytes; fewer at the end and where pages cannot be read. */
static size_t read_chunk(int fd, uint8_t *out, uint64_t offset, size_t size)
{
	size_t got = 0;
	while (got < size) {
		ssize_t some = pread(fd, out + got, size - got, (off_t)(offset + got));
		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			break;
		got += (size_t)some;
	}
	return got;
}

/* Whether any page of [from, from + size) is in memory or swapped out; pages never touched hold
 * nothing, and reading them takes long. map: /proc/pid/pagemap, -1 for files. */
static bool touched(int map, uint64_t from, size_t size)
{
	uint64_t entries[(CHUNK + PATTERN_MAX) / PAGE + 2];
	size_t pages = (from % PAGE + size + PAGE - 1) / PAGE;
	if (map < 0)
		return true;
	ssize_t got = pread(map, entries, 8 * pages, (off_t)(from / PAGE * 8));
	if (got != (ssize_t)(8 * pages))
		return true;
	for (size_t i = 0; i < pages; i++)
		if (entries[i] >> 62 != 0) /* bit 63: present, 62: swapped */
			return true;
	return false;
}

/* [from, to) of an open file or memory; returns hits, adds the bytes read to *bytes. Pages that
 * cannot be read are stepped over. */
static size_t scan_range(struct leak_scan *s, int fd, int map, uint64_t from, uint64_t to,
	const char *where, uint64_t *bytes)
{
	size_t hits = 0;
	while (from < to) {
		uint64_t left = to - from;
		size_t size = left < CHUNK + PATTERN_MAX ? (size_t)left : CHUNK + PATTERN_MAX;
		if (!touched(map, from, size)) {
			from += size < CHUNK ? size : CHUNK;
			continue;
		}
		size_t got = read_chunk(fd, s->chunk, from, size);
		size_t starts = got < CHUNK ? got : CHUNK;
		hits += scan_part(s, s->chunk, starts, got, where, from);
		*bytes += starts;
		from += got == size ? starts : (got / PAGE + 1) * PAGE;
	}
	return hits;
}

size_t leak_scan_file(struct leak_scan *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("leak scan: %s: %s", path, strerror(errno));
	off_t end = lseek(fd, 0, SEEK_END);
	uint64_t bytes = 0;
	size_t hits = scan_range(s, fd, -1, 0, end < 0 ? 0 : (uint64_t)end, path, &bytes);
	(void)close(fd);
	if (end < 0 || bytes != (uint64_t)end)
		fail_msg("leak scan: %s could not be read", path);
	return hits;
}

static struct leak_scan *walking;
static size_t walking_hits;

static int visit(const char *path, const struct stat *stat, int kind, struct FTW *ftw)
{
	(void)stat;
	(void)ftw;
	if (kind == FTW_F)
		walking_hits += leak_scan_file(walking, path);
	return kind == FTW_DNR || kind == FTW_NS;
}

size_t leak_scan_folder(struct leak_scan *s, const char *path)
{
	walking = s;
	walking_hits = 0;
	if (nftw(path, visit, 16, FTW_PHYS) != 0)
		fail_msg("leak scan: the folder %s could not be read", path);
	return walking_hits;
}

size_t leak_scan_process(struct leak_scan *s, pid_t pid, uint64_t *bytes)
{
	char path[64], line[512];
	uint64_t looked_at = 0;
	size_t hits = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	int memory = open(path, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		fail_msg("leak scan: %s: %s", path, strerror(errno));
	(void)snprintf(path, sizeof(path), "/proc/%d/pagemap", (int)pid);
	int map = open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *maps = fopen(path, "re");
	if (maps == NULL)
		fail_msg("leak scan: %s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), maps) != NULL) {
		uint64_t from, to;
		char rights[8];
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, rights) != 3)
			fail_msg("leak scan: %s: what is %s", path, line);
		/* A terabyte is a sanitizer's reservation; the kernel's own pages cannot be read.
		 */
		if (rights[0] != 'r' || to - from >= 1ull << 40 || strstr(line, "[v") != NULL)
			continue;
		line[strcspn(line, "\n")] = 0;
		hits += scan_range(s, memory, map, from, to, line, &looked_at);
	}
	(void)fclose(maps);
	(void)close(memory);
	if (map >= 0)
		(void)close(map);
	if (looked_at == 0)
		fail_msg("leak scan: no memory of process %d could be read", (int)pid);
	if (bytes != NULL)
		*bytes = looked_at;
	return hits;
}

size_t leak_scan_holder(
	struct leak_scan *s, const char *first, const char *second, const void *input, size_t size)
{
	int to[2], from[2], status;
	assert_int_equal(pipe(to), 0);
	assert_int_equal(pipe(from), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)dup2(to[0], STDIN_FILENO);
		(void)dup2(from[1], STDOUT_FILENO);
		(void)close(to[1]);
		(void)close(from[0]);
		(void)execl("/proc/self/exe", "holder", "--hold", first, second, (char *)NULL);
		_exit(9);
	}
	(void)close(to[0]);
	(void)close(from[1]);
	char ready = 0;
	assert_int_equal(write(to[1], input, size), size);
	assert_int_equal(read(from[0], &ready, 1), 1);
	uint64_t bytes;
	size_t hits = leak_scan_process(s, child, &bytes);
	assert_true(bytes > 1 << 20);
	(void)close(to[1]);
	(void)close(from[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return hits;
}

const char *leak_scan_report(const struct leak_scan *s)
{
	return s->report;
}

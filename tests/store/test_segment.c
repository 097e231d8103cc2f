/* Segments: what is written is read, damage is found, and together with keys of a store they obey the
 * contract of a crash: a key that names a segment is only ever there with all of it. */
#include "testing.h"

#include "base/alloc.h"
#include "os/io_memory.h"
#include "os/io_sim.h"
#include "store/segment.h"
#include "store/store.h"

#include <stdlib.h>

enum { ROUNDS = 5 };

static size_t length_of(uint64_t number)
{
	static const size_t lengths[] = {0, 1, SEGMENT_BLOCK_BYTES - 1, SEGMENT_BLOCK_BYTES,
		SEGMENT_BLOCK_BYTES + 1, (5 << 20) + 77, /* several writes */
		3 * SEGMENT_BLOCK_BYTES + 77, (4 << 20) + 5};
	return lengths[number % 8];
}

static uint8_t byte_of(uint64_t number, uint64_t at)
{
	return (uint8_t)((number * 0x9e37u + at) * 0x2545f491u >> 13);
}

/* In pieces of uneven sizes. */
static amt_status write_segment(struct io *io, uint64_t number, size_t length)
{
	struct segment_writer *w;
	uint8_t *bytes;
	OK(mem_alloc(&bytes, length + 1));
	for (size_t i = 0; i < length; i++)
		bytes[i] = byte_of(number, i);
	amt_status s = segment_writer_new(&w, io, "db", number);
	if (amt_ok(s)) {
		for (size_t at = 0, n; at < length && amt_ok(s); at += n) {
			n = 1 + (at * 7 + 4099) % 60000;
			n = n < length - at ? n : length - at;
			s = segment_append(w, span_of(bytes + at, n));
		}
		if (amt_ok(s))
			s = segment_finish(w);
		segment_writer_free(w);
	}
	mem_free(bytes);
	return s;
}

static amt_status read_and_compare(
	const struct segment *s, uint64_t number, uint64_t offset, size_t size)
{
	uint8_t *bytes;
	OK(mem_alloc(&bytes, size + 1));
	amt_status st = segment_read(s, offset, bytes, size);
	for (size_t i = 0; amt_ok(st) && i < size; i++)
		assert_int_equal(bytes[i], byte_of(number, offset + i));
	mem_free(bytes);
	return st;
}

static amt_status check_segment(struct io *io, uint64_t number, size_t length)
{
	struct segment *s;
	TRY(segment_open(&s, io, "db", number));
	assert_int_equal(segment_length(s), length);
	amt_status st = read_and_compare(s, number, 0, length);
	segment_close(s);
	return st;
}

static void ranges(void **state)
{
	(void)state;
	struct io *io;
	struct segment *s;
	OK(io_memory_new(&io));
	OK(io_make_folder(io, "db"));
	for (uint64_t n = 1; n <= 8; n++) {
		size_t length = length_of(n);
		OK(write_segment(io, n, length));
		OK(segment_open(&s, io, "db", n));
		segment_will_read(s, 0, length);
		srand(3);
		for (int i = 0; i < 60 && length > 0; i++) {
			size_t at = (size_t)rand() % length;
			OK(read_and_compare(s, n, at, (size_t)rand() % (length - at + 1)));
		}
		uint8_t byte;
		FAILS(AMT_OUT_OF_RANGE, segment_read(s, length, &byte, 1));
		segment_close(s);
	}
	/* One of another number under this name. */
	OK(io_rename(io, "db/000002.segment", "db/000003.segment"));
	FAILS(AMT_CORRUPTION, segment_open(&s, io, "db", 3));
	FAILS(AMT_NOT_FOUND, segment_open(&s, io, "db", 2));
	io_free(io);
}

static void sweeping(void **state)
{
	(void)state;
	struct io *io;
	struct segment_writer *w;
	struct io_names names;
	uint64_t next;
	OK(io_memory_new(&io));
	OK(io_make_folder(io, "db"));
	for (uint64_t n = 1; n <= 4; n++)
		OK(write_segment(io, n, length_of(n)));
	OK(segment_writer_new(&w, io, "db", 9));
	OK(segment_append(w, span_str("half")));
	const uint64_t live[] = {2, 4};
	OK(segments_sweep(io, "db", live, 2, &next));
	assert_int_equal(next, 10);
	segment_writer_free(w);
	OK(io_list(io, "db", &names));
	assert_int_equal(names.count, 2);
	assert_string_equal(names.names[0], "000002.segment");
	io_names_free(&names);
	OK(segment_remove(io, "db", 2));
	OK(segments_sweep(io, "db", NULL, 0, &next));
	OK(io_list(io, "db", &names));
	assert_int_equal(names.count, 0);
	io_names_free(&names);
	io_free(io);
}

/* Every byte of a file flipped, one at a time: an error, or what was written. */
static void flips(void **state)
{
	(void)state;
	struct io *io;
	enum { LENGTH = SEGMENT_BLOCK_BYTES + 300 };
	OK(io_sim_new(&io, 5));
	OK(io_make_folder(io, "db"));
	OK(write_segment(io, 7, LENGTH));
	size_t stride = light() ? 97 : 1, caught = 0, tried = 0;
	for (size_t at = 0; at < LENGTH + 8 + SEGMENT_FOOTER_BYTES; at += stride) {
		OK(io_sim_flip(io, "db/000007.segment", at, (uint8_t)(1u << at % 8)));
		amt_status s = check_segment(io, 7, LENGTH);
		amt_code code = amt_status_code(s);
		amt_status_clear(&s);
		assert_true(code == AMT_CORRUPTION || code == AMT_UNKNOWN_VERSION);
		caught += code != AMT_OK;
		tried++;
		OK(io_sim_flip(io, "db/000007.segment", at, (uint8_t)(1u << at % 8)));
	}
	assert_int_equal(caught, tried);
	OK(check_segment(io, 7, LENGTH));
	io_free(io);
}

/* ---- with a store: "G" number (one byte) is the key that makes a segment count */

static struct store_options tiny(void)
{
	return (struct store_options){.inline_background = true};
}

static struct span key_of(uint8_t *bytes, uint64_t number)
{
	bytes[0] = 'G';
	bytes[1] = (uint8_t)number;
	return span_of(bytes, 2);
}

/* What is there is whole. *seen: bit n for segment n. */
static amt_status survey(struct io *io, struct store *store, unsigned *seen, uint64_t *next)
{
	struct store_iterator *it;
	uint64_t live[ROUNDS + 2];
	size_t count = 0;
	*seen = 0;
	TRY(store_iterator_new(store, NULL, span_str("G"), span_str("H"), 0, &it));
	bool valid = false;
	amt_status s = store_iterator_next(it, &valid);
	while (amt_ok(s) && valid) {
		uint64_t number = store_iterator_key(it).data[1];
		live[count++] = number;
		*seen |= 1u << number;
		s = check_segment(io, number, length_of(number));
		if (amt_ok(s))
			s = store_iterator_next(it, &valid);
	}
	store_iterator_free(it);
	TRY(s);
	return segments_sweep(io, "db", live, count, next);
}

/* Adds segments 1 to ROUNDS; each from the third on replaces the one two before. *done: the rounds
 * that were acknowledged. */
static amt_status script(struct io *io, unsigned *done)
{
	struct store *store;
	struct store_options options = tiny();
	*done = 0;
	TRY(store_open(&store, io, "db", &options));
	unsigned seen;
	uint64_t next = 0;
	amt_status s = survey(io, store, &seen, &next);
	for (uint64_t n = 1; n <= ROUNDS && amt_ok(s); n++) {
		uint8_t key[2], old[2];
		struct store_batch *batch;
		s = write_segment(io, n, length_of(n));
		if (amt_ok(s))
			s = segments_sync(io, "db");
		if (!amt_ok(s))
			break;
		OK(store_batch_new(&batch));
		OK(store_batch_put(batch, key_of(key, n), span_str("x")));
		if (n > 2)
			OK(store_batch_delete(batch, key_of(old, n - 2)));
		s = store_write(store, batch);
		store_batch_free(batch);
		*done += amt_ok(s);
		if (amt_ok(s) && n > 2)
			s = segment_remove(io, "db", n - 2);
	}
	return status_first(s, store_close(store));
}

/* After rounds 1 .. n segments n - 1 and n are there. */
static unsigned expected(unsigned rounds)
{
	return rounds == 0 ? 0 : rounds == 1 ? 2u : 3u << (rounds - 1);
}

static void check_after(struct io *io, unsigned done)
{
	struct store *store;
	struct store_options options = tiny();
	unsigned seen;
	uint64_t next;
	struct io_names names;
	OK(store_open(&store, io, "db", &options));
	OK(survey(io, store, &seen, &next));
	assert_true(seen == expected(done) || (done < ROUNDS && seen == expected(done + 1)));
	OK(io_list(io, "db", &names));
	unsigned files = 0;
	for (size_t i = 0; i < names.count; i++)
		files += strstr(names.names[i], ".segment") != NULL;
	assert_int_equal(files, __builtin_popcount(seen));
	io_names_free(&names);
	OK(store_close(store));
}

static uint64_t count_calls(void)
{
	struct io *io;
	unsigned done;
	OK(io_sim_new(&io, 0));
	io_sim_fail_at(io, 0);
	OK(script(io, &done));
	assert_int_equal(done, ROUNDS);
	uint64_t calls = io_sim_calls(io);
	io_free(io);
	return calls;
}

static void power_cuts(void **state)
{
	(void)state;
	uint64_t calls = count_calls(), seeds = light() ? 1 : 4;
	for (uint64_t k = 1; k <= calls; k++)
		for (uint64_t seed = 0; seed < seeds; seed++) {
			struct io *io;
			unsigned done;
			OK(io_sim_new(&io, 1000 * seed + k));
			io_sim_kill_at(io, k);
			amt_status s = script(io, &done);
			amt_status_clear(&s);
			OK(io_sim_crash(io));
			check_after(io, done);
			io_free(io);
		}
}

static void failures(void **state)
{
	(void)state;
	uint64_t calls = count_calls();
	for (uint64_t k = 1; k <= calls; k++) {
		struct io *io;
		unsigned done;
		OK(io_sim_new(&io, k));
		io_sim_short_transfers(io, k % 2);
		io_sim_fail_at(io, k);
		amt_status s = script(io, &done);
		amt_status_clear(&s);
		io_sim_fail_at(io, 0);
		check_after(io, done);
		io_free(io);
	}
}

static void full_disk(void **state)
{
	(void)state;
	for (uint64_t capacity = 1 << 12; capacity < 1 << 18; capacity += 1 << 14) {
		struct io *io;
		unsigned done;
		OK(io_sim_new(&io, capacity));
		io_sim_capacity(io, capacity);
		amt_status s = script(io, &done);
		amt_status_clear(&s);
		io_sim_capacity(io, 0);
		check_after(io, done);
		io_free(io);
	}
}

static void starved(void **state)
{
	(void)state;
	struct io *io;
	OK(io_memory_new(&io));
	OK(io_make_folder(io, "db"));
	for (size_t n = 1;; n++) {
		(void)mem_fail_nth(n);
		struct segment *s = NULL;
		struct segment_writer *w = NULL;
		uint8_t bytes[300];
		amt_status st = segment_writer_new(&w, io, "db", 4);
		if (amt_ok(st))
			st = segment_append(w, span_of(bytes, 0));
		if (amt_ok(st))
			st = segment_append(w, span_str("some bytes"));
		if (amt_ok(st))
			st = segment_finish(w);
		segment_writer_free(w);
		if (amt_ok(st))
			st = segment_open(&s, io, "db", 4);
		if (amt_ok(st))
			st = segment_read(s, 1, bytes, 5);
		if (amt_ok(st))
			assert_memory_equal(bytes, "ome b", 5);
		segment_close(s);
		bool done = mem_fail_nth(0) < n;
		bool worked = amt_ok(st);
		amt_status_clear(&st);
		if (done) {
			assert_true(worked);
			break;
		}
	}
	io_free(io);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(sweeping),
		cmocka_unit_test(flips),
		cmocka_unit_test(power_cuts),
		cmocka_unit_test(failures),
		cmocka_unit_test(full_disk),
		cmocka_unit_test(starved),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

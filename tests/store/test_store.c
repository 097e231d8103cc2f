/* The store's contract against the model: random operations, snapshots, iterators, reopening, in
 * both engines, with sizes so small that every few writes flush and compact. */
#include "model.h"

#include "base/alloc.h"

#include "os/io_memory.h"
#include "folder.h"

struct rig {
	struct io *io;
	char folder[FOLDER_BYTES];
	struct store_options options;
	bool on_disk;
	struct store *store;
};

static void rig_reopen(struct rig *g)
{
	OK(store_close(g->store));
	OK(store_open(&g->store, g->io, g->folder, &g->options));
}

static void rig_close(struct rig *g)
{
	OK(store_close(g->store));
	if (g->on_disk)
		folder_remove(g->folder);
	io_free(g->io);
}

static struct rig new_rig(struct store_options options, bool on_disk)
{
	struct rig g = {.options = options, .folder = "db", .on_disk = on_disk};
	if (on_disk) {
		folder_make(g.folder);
		OK(io_posix_new(&g.io));
	} else {
		OK(io_memory_new(&g.io));
	}
	OK(store_open(&g.store, g.io, g.folder, &g.options));
	return g;
}

/* Walks an iterator at random beside the model. */
static void check_iterator(const struct model *m, struct store *s,
	const struct store_snapshot *snapshot, struct random *r, unsigned universe)
{
	char a[512], b[512], c[512];
	struct span low = random_key(r, a, universe), high = random_key(r, b, universe);
	if (below(r, 3) == 0)
		low = span_of(NULL, 0);
	if (below(r, 3) == 0)
		high = span_of(NULL, 0);
	struct store_iterator *it;
	OK(store_iterator_new(s, snapshot, low, high, 0, &it));
	ptrdiff_t first = (ptrdiff_t)model_find(m, low);
	ptrdiff_t end = high.data == NULL ? (ptrdiff_t)m->count : (ptrdiff_t)model_find(m, high);
	if (end < first)
		end = first;
	/* The place is between two pairs (on = false: before `at`) or on the pair `at`. */
	ptrdiff_t at = first;
	bool on = false, fresh = true, valid;
	for (int i = 0; i < 30; i++) {
		uint64_t action = below(r, 10);
		if (action == 0) {
			struct span key = random_key(r, c, universe);
			OK(store_iterator_seek(it, key));
			at = (ptrdiff_t)model_find(m, key);
			at = at < first ? first : at > end ? end : at;
			on = fresh = false;
			continue;
		}
		bool forward = action < 6;
		if (forward) {
			OK(store_iterator_next(it, &valid));
			at += on;
		} else {
			OK(store_iterator_prev(it, &valid));
			at = fresh ? end - 1 : at - 1;
		}
		fresh = false;
		bool expected = at >= first && at < end;
		assert_int_equal(valid, expected);
		on = expected;
		if (expected) {
			assert_true(
				span_equal(store_iterator_key(it), buf_span(&m->pairs[at].key)));
			assert_true(span_equal(
				store_iterator_value(it), buf_span(&m->pairs[at].value)));
		} else {
			at = forward ? end : first;
		}
	}
	store_iterator_free(it);
}

struct view_pair {
	struct store_snapshot *snapshot;
	struct model model;
};

static void random_batch(
	struct store *s, struct model *m, struct random *r, unsigned universe, size_t most)
{
	struct store_batch *b;
	struct buf value = {0};
	char key[512];
	OK(store_batch_new(&b));
	struct model next = model_copy(m);
	bool conflict = false;
	for (uint64_t i = below(r, 3); i > 0; i--) {
		struct span k = random_key(r, key, universe);
		size_t at;
		bool has = model_has(m, k, &at);
		bool lie = below(r, 6) == 0;
		conflict |= lie;
		if (has != lie)
			OK(store_batch_expect(b, k,
				has ? (m->pairs[at].value.data != NULL
						      ? buf_span(&m->pairs[at].value)
						      : span_str(""))
				    : span_str("never there")));
		else
			OK(store_batch_expect(b, k, span_of(NULL, 0)));
	}
	for (uint64_t i = below(r, 8); i > 0; i--) {
		struct span k = random_key(r, key, universe);
		if (below(r, 3) == 0) {
			OK(store_batch_delete(b, k));
			model_delete(&next, k);
		} else {
			struct span v = random_value(r, &value, most);
			OK(store_batch_put(b, k, v));
			model_put(&next, k, v);
		}
	}
	if (conflict) {
		FAILS(AMT_CONFLICT, store_write(s, b));
		model_free(&next);
	} else {
		OK(store_write(s, b));
		model_free(m);
		*m = next;
	}
	store_batch_free(b);
	buf_free(&value);
}

static void run_model(struct store_options options, bool on_disk, uint64_t seed, size_t operations)
{
	struct rig g = new_rig(options, on_disk);
	struct random r = {seed};
	struct model m = {0};
	struct view_pair views[4] = {0};
	struct buf value = {0};
	unsigned universe = 20 + (unsigned)below(&r, 200);
	size_t most = below(&r, 2) ? 100 : 3000;
	for (size_t i = 0; i < operations; i++) {
		char text[512];
		struct span key = random_key(&r, text, universe);
		uint64_t action = below(&r, 100);
		struct view_pair *view = &views[below(&r, 4)];
		if (action < 35) {
			struct span v = random_value(&r, &value, most);
			OK(store_put(g.store, key, v));
			model_put(&m, key, v);
		} else if (action < 50) {
			OK(store_delete(g.store, key));
			model_delete(&m, key);
		} else if (action < 60) {
			random_batch(g.store, &m, &r, universe, most);
		} else if (action < 80) {
			model_check_key(&m, g.store, NULL, key);
		} else if (action < 88) {
			check_iterator(&m, g.store, NULL, &r, universe);
		} else if (action < 92) {
			store_snapshot_free(g.store, view->snapshot);
			model_free(&view->model);
			OK(store_snapshot_new(g.store, &view->snapshot));
			view->model = model_copy(&m);
		} else if (action < 96 && view->snapshot != NULL) {
			model_check_key(&view->model, g.store, view->snapshot, key);
			check_iterator(&view->model, g.store, view->snapshot, &r, universe);
		} else if (action == 97) {
			OK(store_flush(g.store));
		} else if (action == 98 && options.kind == STORE_LSM && below(&r, 4) == 0) {
			for (size_t k = 0; k < 4; k++) {
				store_snapshot_free(g.store, views[k].snapshot);
				views[k].snapshot = NULL;
			}
			rig_reopen(&g);
			model_check_all(&m, g.store, NULL);
		}
	}
	model_check_all(&m, g.store, NULL);
	struct store_stats stats;
	store_stats_get(g.store, &stats);
	assert_in_range(stats.tables, options.kind == STORE_LSM, 24);
	for (size_t k = 0; k < 4; k++) {
		if (views[k].snapshot != NULL)
			model_check_all(&views[k].model, g.store, views[k].snapshot);
		store_snapshot_free(g.store, views[k].snapshot);
		model_free(&views[k].model);
	}
	buf_free(&value);
	model_free(&m);
	rig_close(&g);
}

static void lsm_agrees_with_the_model(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++)
		run_model((struct store_options){.memtable_bytes = seed % 2 ? 2048 : 16384,
				  .table_block_bytes = seed % 3 ? 256 : 4096,
				  .sync = STORE_SYNC_NONE,
				  .inline_background = seed % 2 == 0},
			seed == 1, seed, seed == 1 ? 700 : 2500);
}

static void memory_agrees_with_the_model(void **state)
{
	(void)state;
	for (uint64_t seed = 41; seed <= 60; seed++)
		run_model((struct store_options){.kind = STORE_IN_MEMORY,
				  .memtable_bytes = seed % 3 ? 2048 : 65536,
				  .inline_background = seed % 2 == 0},
			false, seed, 4000);
}

static void large_values_and_limits(void **state)
{
	(void)state;
	const enum store_kind kinds[] = {STORE_LSM, STORE_IN_MEMORY};
	for (int k = 0; k < 2; k++) {
		struct rig g = new_rig((struct store_options){.kind = kinds[k],
					       .memtable_bytes = 1 << 20,
					       .sync = STORE_SYNC_NONE},
			kinds[k] == STORE_LSM);
		struct buf big = {0}, back = {0};
		uint8_t *bytes;
		OK(buf_extend(&big, 5 << 20, &bytes));
		for (size_t i = 0; i < big.size; i++)
			bytes[i] = (uint8_t)(i * 31 + (i >> 8));
		for (int i = 0; i < 6; i++) {
			char key[8];
			(void)snprintf(key, sizeof(key), "big%d", i);
			bytes[0] = (uint8_t)i;
			OK(store_put(g.store, span_str(key), buf_span(&big)));
		}
		OK(store_flush(g.store));
		if (kinds[k] == STORE_LSM)
			rig_reopen(&g);
		bytes[0] = 4;
		OK(store_get(g.store, NULL, span_str("big4"), &back));
		assert_true(span_equal(buf_span(&back), buf_span(&big)));
		struct store_iterator *it;
		bool valid;
		OK(store_iterator_new(g.store, NULL, span_of(NULL, 0), span_of(NULL, 0), 3, &it));
		for (int i = 0; i < 3; i++) {
			OK(store_iterator_prev(it, &valid));
			assert_true(valid);
			bytes[0] = (uint8_t)(5 - i);
			assert_true(span_equal(store_iterator_value(it), buf_span(&big)));
		}
		OK(store_iterator_prev(it, &valid)); /* the limit */
		assert_false(valid);
		store_iterator_free(it);

		struct span longest = span_of(big.data, 65536);
		FAILS(AMT_LIMIT, store_put(g.store, span_of(big.data, 65537), span_str("")));
		FAILS(AMT_LIMIT, store_put(g.store, span_str(""), span_str("")));
		OK(store_put(g.store, longest, span_str("")));
		buf_clear(&back);
		OK(store_get(g.store, NULL, longest, &back));
		assert_int_equal(back.size, 0);
		buf_free(&big);
		buf_free(&back);
		rig_close(&g);
	}
}

/* Whether the bytes are in one of the files that are listed. False in *whole: one went meanwhile, merged by
 * the store's thread. */
static bool is_in_listed(
	struct rig *g, const struct io_names *names, struct span bytes, bool *whole)
{
	bool found = false;
	*whole = true;
	for (size_t i = 0; i < names->count; i++) {
		char *path;
		struct buf content = {0};
		OK(io_path(&path, g->folder, names->names[i]));
		amt_status s = io_read_file(g->io, path, 1 << 30, &content);
		if (amt_status_code(s) == AMT_NOT_FOUND) {
			*whole = false;
			amt_status_clear(&s);
		}
		OK(s);
		found |= content.size > 0 &&
			 memmem(content.data, content.size, bytes.data, bytes.size) != NULL;
		buf_free(&content);
		mem_free(path);
	}
	return found;
}

/* Whether the bytes are in some file of the folder. */
static bool is_in_files(struct rig *g, struct span bytes)
{
	struct io_names names;
	bool found = false, whole = false;
	while (!whole) {
		OK(io_list(g->io, g->folder, &names));
		found = is_in_listed(g, &names, bytes, &whole);
		io_names_free(&names);
	}
	return found;
}

static void erased_bytes_are_in_no_file(void **state)
{
	(void)state;
	static uint8_t secret[50000], other[20000];
	struct random r = {7};
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)below(&r, 256);
	const struct span key = span_str("secret"), value = span_of(secret, sizeof(secret)),
			  piece = span_of(secret + 20000, 32);
	for (unsigned kind = 0; kind < 8; kind++) {
		struct rig g =
			new_rig((struct store_options){.memtable_bytes = kind & 1 ? 60000 : 1 << 20,
					.inline_background = (kind & 2) != 0},
				true);
		/* Logs are recycled, tables merged; or all is in the first log still. */
		for (unsigned round = 0; round < 6; round++) {
			OK(store_put(g.store, key, value));
			for (unsigned i = 0; kind & 4 && i < 12; i++) {
				uint8_t name[2] = {'o', (uint8_t)i};
				other[0] = (uint8_t)round;
				OK(store_put(
					g.store, span_of(name, 2), span_of(other, sizeof(other))));
			}
			if (round % 2)
				OK(store_delete(g.store, key));
			if (kind & 4 && round == 3)
				OK(store_flush(g.store));
		}
		assert_true(is_in_files(&g, piece));
		OK(store_erase(g.store));
		assert_false(is_in_files(&g, piece));
		OK(store_erase(g.store));
		struct buf out = {0};
		for (unsigned again = 0; again < 2; again++) {
			buf_clear(&out);
			FAILS(AMT_NOT_FOUND, store_get(g.store, NULL, key, &out));
			if (kind & 4)
				OK(store_get(g.store, NULL, span_str("o\x0b"), &out));
			assert_int_equal(out.size, kind & 4 ? sizeof(other) : 0);
			rig_reopen(&g);
		}
		OK(store_put(g.store, key, span_str("again")));
		buf_free(&out);
		rig_close(&g);
	}
}

static void opening_obeys_its_options(void **state)
{
	(void)state;
	struct rig g = new_rig((struct store_options){0}, true);
	struct store *second;
	FAILS(AMT_LOCKED, store_open(&second, g.io, g.folder, &g.options));
	OK(store_put(g.store, span_str("a"), span_str("1")));
	OK(store_close(g.store));
	g.options.must_not_exist = true;
	FAILS(AMT_ALREADY_EXISTS, store_open(&g.store, g.io, g.folder, &g.options));
	g.options = (struct store_options){.must_exist = true};
	FAILS(AMT_NOT_FOUND, store_open(&second, g.io, "/tmp/amaters-no-such-folder", &g.options));
	OK(store_open(&g.store, g.io, g.folder, &g.options));
	struct buf value = {0};
	OK(store_get(g.store, NULL, span_str("a"), &value));
	assert_true(span_equal(buf_span(&value), span_str("1")));
	buf_free(&value);
	struct store_stats stats;
	store_stats_get(g.store, &stats);
	assert_int_equal(stats.last_sequence, 1);
	rig_close(&g);
}

/* The same operations on both engines, compared with each other. */
static void both_engines_give_the_same(void **state)
{
	(void)state;
	struct rig g = new_rig((struct store_options){.memtable_bytes = 4096}, false);
	struct rig h = new_rig(
		(struct store_options){.kind = STORE_IN_MEMORY, .memtable_bytes = 2048}, false);
	struct random r = {71};
	struct buf value = {0};
	for (int i = 0; i < 4000; i++) {
		char text[512];
		struct span key = random_key(&r, text, 300);
		if (below(&r, 4) == 0) {
			OK(store_delete(g.store, key));
			OK(store_delete(h.store, key));
		} else {
			struct span v = random_value(&r, &value, 400);
			OK(store_put(g.store, key, v));
			OK(store_put(h.store, key, v));
		}
		if (i % 500 == 499) {
			struct model seen = {0};
			OK(model_read(&seen, g.store, NULL));
			model_check_all(&seen, h.store, NULL);
			model_free(&seen);
		}
	}
	struct store_stats a, b;
	store_stats_get(g.store, &a);
	store_stats_get(h.store, &b);
	assert_int_equal(a.last_sequence, b.last_sequence);
	assert_true(b.memtable_bytes < 1 << 20); /* old versions go here too */
	buf_free(&value);
	rig_close(&g);
	rig_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lsm_agrees_with_the_model),
		cmocka_unit_test(memory_agrees_with_the_model),
		cmocka_unit_test(both_engines_give_the_same),
		cmocka_unit_test(large_values_and_limits),
		cmocka_unit_test(erased_bytes_are_in_no_file),
		cmocka_unit_test(opening_obeys_its_options),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}

/* The oracle: a sorted array of keys and values, and the checks that a store agrees with it. */
#ifndef TESTS_STORE_MODEL_H
#define TESTS_STORE_MODEL_H

#include "testing.h"

#include "store/store.h"

#include <stdlib.h>

struct pair {
	struct buf key, value;
};

struct model {
	struct pair *pairs; /* ascending */
	size_t count;
};

struct random {
	uint64_t state;
};

static inline uint64_t draw(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u; /* splitmix64 */
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline uint64_t below(struct random *r, uint64_t n)
{
	return draw(r) % n;
}

static inline void buf_set(struct buf *b, struct span s)
{
	buf_clear(b);
	OK(buf_put(b, s.data, s.size));
}

/* Index of the first pair at or after key. */
static inline size_t model_find(const struct model *m, struct span key)
{
	size_t low = 0, high = m->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (span_compare(buf_span(&m->pairs[middle].key), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static inline bool model_has(const struct model *m, struct span key, size_t *at)
{
	*at = model_find(m, key);
	return *at < m->count && span_equal(buf_span(&m->pairs[*at].key), key);
}

static inline void model_put(struct model *m, struct span key, struct span value)
{
	size_t at;
	if (!model_has(m, key, &at)) {
		OK(mem_grow(&m->pairs, (m->count + 1) * sizeof(*m->pairs)));
		memmove(m->pairs + at + 1, m->pairs + at, (m->count - at) * sizeof(*m->pairs));
		m->pairs[at] = (struct pair){0};
		m->count++;
		buf_set(&m->pairs[at].key, key);
	}
	buf_set(&m->pairs[at].value, value);
}

static inline void model_delete(struct model *m, struct span key)
{
	size_t at;
	if (!model_has(m, key, &at))
		return;
	buf_free(&m->pairs[at].key);
	buf_free(&m->pairs[at].value);
	m->count--;
	memmove(m->pairs + at, m->pairs + at + 1, (m->count - at) * sizeof(*m->pairs));
}

static inline void model_free(struct model *m)
{
	for (size_t i = 0; i < m->count; i++) {
		buf_free(&m->pairs[i].key);
		buf_free(&m->pairs[i].value);
	}
	mem_free(m->pairs);
	*m = (struct model){0};
}

static inline struct model model_copy(const struct model *m)
{
	struct model copy = {0};
	for (size_t i = 0; i < m->count; i++)
		model_put(&copy, buf_span(&m->pairs[i].key), buf_span(&m->pairs[i].value));
	return copy;
}

static inline bool model_equal(const struct model *a, const struct model *b)
{
	bool equal = a->count == b->count;
	for (size_t i = 0; equal && i < a->count; i++)
		equal = span_equal(buf_span(&a->pairs[i].key), buf_span(&b->pairs[i].key)) &&
			span_equal(buf_span(&a->pairs[i].value), buf_span(&b->pairs[i].value));
	return equal;
}

/* Everything in the store, read by an iterator, into an empty model. */
static inline amt_status model_read(
	struct model *m, struct store *s, const struct store_snapshot *snapshot)
{
	struct store_iterator *it;
	bool valid;
	TRY(store_iterator_new(s, snapshot, span_of(NULL, 0), span_of(NULL, 0), 0, &it));
	amt_status st = store_iterator_next(it, &valid);
	while (amt_ok(st) && valid) {
		model_put(m, store_iterator_key(it), store_iterator_value(it));
		st = store_iterator_next(it, &valid);
	}
	store_iterator_free(it);
	return st;
}

static inline void model_check_all(
	const struct model *m, struct store *s, const struct store_snapshot *snapshot)
{
	struct model seen = {0};
	OK(model_read(&seen, s, snapshot));
	assert_int_equal(seen.count, m->count);
	assert_true(model_equal(&seen, m));
	model_free(&seen);
}

/* The store says of this key what the model says. */
static inline void model_check_key(const struct model *m, struct store *s,
	const struct store_snapshot *snapshot, struct span key)
{
	size_t at;
	bool expected = model_has(m, key, &at), present;
	struct buf value = {0};
	OK(store_contains(s, snapshot, key, &present));
	assert_int_equal(present, expected);
	if (expected) {
		OK(store_get(s, snapshot, key, &value));
		assert_true(span_equal(buf_span(&value), buf_span(&m->pairs[at].value)));
	} else {
		FAILS(AMT_NOT_FOUND, store_get(s, snapshot, key, &value));
	}
	buf_free(&value);
}

/* Random keys from a small set, with shared prefixes and a few long ones. */
static inline struct span random_key(struct random *r, char out[512], unsigned universe)
{
	unsigned n = (unsigned)below(r, universe);
	int size = snprintf(out, 512, n % 3 == 0 ? "k%u" : "common/prefix/%05u", n);
	if (n % 41 == 40)
		for (; size < 300; size++)
			out[size] = (char)n;
	return span_of(out, (size_t)size);
}

static inline struct span random_value(struct random *r, struct buf *out, size_t most)
{
	size_t size = below(r, 8) == 0 ? 0 : (size_t)below(r, most);
	uint8_t *bytes;
	buf_clear(out);
	OK(buf_extend(out, size, &bytes));
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)draw(r);
	return buf_span(out);
}

#endif

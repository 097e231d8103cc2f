/* Making and dropping tables, inserting rows. Whatever is stored has been checked so far that
 * computing on it later cannot go wrong. */
#include "engine/host.h"

#include "base/alloc.h"

/* ---- CREATE TABLE */

static amt_status check_name(struct host *h, const char *name)
{
	static const struct span low = {(const uint8_t *)"T", 1}, high = {(const uint8_t *)"U", 1};
	struct store_iterator *it;
	TRY(store_iterator_new(h->store, NULL, low, high, 0, &it));
	bool valid = false;
	amt_status s = store_iterator_next(it, &valid);
	while (amt_ok(s) && valid) {
		struct relation other;
		s = relation_get(&other, store_iterator_value(it));
		if (amt_ok(s) && strcmp(other.schema.table, name) == 0)
			s = ERROR(AMT_ALREADY_EXISTS, "there already is a table %s", name);
		relation_free(&other);
		if (amt_ok(s))
			s = store_iterator_next(it, &valid);
	}
	store_iterator_free(it);
	return s;
}

static amt_status fill_create(struct host *h, const struct message *m, struct store_batch *batch)
{
	struct relation t = {.epoch = 1};
	memcpy(t.id, m->table, sizeof(t.id));
	amt_status s = schema_get(&t.schema, m->schema);
	if (amt_ok(s))
		s = relation_check_forms(&t.schema, h->params);
	if (amt_ok(s))
		s = check_name(h, t.schema.table);
	if (amt_ok(s))
		s = host_batch_change(h, batch, m, t.id, NULL, &t);
	relation_free(&t);
	return s;
}

amt_status host_create_table(struct host *h, const struct message *m)
{
	return host_commit(h, m, fill_create);
}

/* ---- DROP TABLE */

amt_status host_batch_remove(
	struct host *h, struct store_batch *batch, struct host_key low, struct host_key high)
{
	struct store_iterator *it;
	TRY(store_iterator_new(h->store, NULL, host_key_span(&low), host_key_span(&high), 0, &it));
	bool valid = false;
	amt_status s = store_iterator_next(it, &valid);
	while (amt_ok(s) && valid) {
		s = store_batch_delete(batch, store_iterator_key(it));
		if (amt_ok(s))
			s = store_iterator_next(it, &valid);
	}
	store_iterator_free(it);
	return s;
}

/* The table, its rows and pages; *t: as it was. */
static amt_status batch_drop(struct host *h, struct store_batch *batch,
	const uint8_t id[RELATION_ID_BYTES], struct relation *t)
{
	struct buf old = {0};
	amt_status s = host_table(h, id, t, &old);
	if (amt_ok(s))
		s = host_batch_remove(
			h, batch, host_key_fragment(id, 0, 0, 0, 0), host_key_table_end(id));
	if (amt_ok(s))
		s = host_batch_remove_pages(h, batch, id);
	if (amt_ok(s))
		s = host_batch_table(batch, id, &old, NULL);
	buf_free(&old);
	return s;
}

static amt_status fill_drop(struct host *h, const struct message *m, struct store_batch *batch)
{
	struct relation t = {0};
	amt_status s = batch_drop(h, batch, m->table, &t);
	if (amt_ok(s))
		s = host_batch_state(h, batch, m);
	relation_free(&t);
	return s;
}

amt_status host_drop_table(struct host *h, const struct message *m)
{
	return host_commit(h, m, fill_drop);
}

/* ---- a table takes the place and the name of another, which goes */

static amt_status fill_replace(struct host *h, const struct message *m, struct store_batch *batch)
{
	struct relation gone = {0}, t = {0};
	struct buf old = {0};
	ENSURE(memcmp(m->table, m->other, sizeof(m->table)) != 0, AMT_PROTOCOL,
		"a table cannot take its own place");
	amt_status s = host_table(h, m->table, &t, &old);
	if (amt_ok(s))
		s = batch_drop(h, batch, m->other, &gone);
	if (amt_ok(s)) {
		memcpy(t.schema.table, gone.schema.table, sizeof(t.schema.table));
		s = host_batch_change(h, batch, m, t.id, &old, &t);
	}
	buf_free(&old);
	relation_free(&gone);
	relation_free(&t);
	return s;
}

amt_status host_replace_table(struct host *h, const struct message *m)
{
	return host_commit(h, m, fill_replace);
}

/* ---- INSERT */

struct insertion {
	struct host *host;
	struct store_batch *batch;
	const struct relation *t; /* as it will be */
	struct family family[RELATION_MAX_FAMILIES];
	uint64_t next[RELATION_MAX_FAMILIES]; /* row each family waits for */
	unsigned families;
};

/* Fragments of a family come in the order of rows and leave no gap, so each is simply the next. */
static amt_status insert_fragment(struct insertion *x, struct span wire)
{
	struct fragment f;
	TRY(fragment_get(&f, x->host->params, x->host->key_id, wire));
	ENSURE(f.wire != WIRE_GLWE && f.epoch == x->t->epoch, AMT_PROTOCOL,
		"an inserted fragment must be an original of this change");
	unsigned i = 0;
	while (i < x->families && (x->family[i].column != f.column || x->family[i].part != f.part))
		i++;
	ENSURE(i < x->families, AMT_PROTOCOL, "the table has no part %u of column %u", f.part,
		f.column);
	TRY(fragment_check(&f, x->t, &x->family[i]));
	ENSURE(f.first == x->next[i], AMT_PROTOCOL, "a fragment of row %llu where row %llu is due",
		(unsigned long long)f.first, (unsigned long long)x->next[i]);
	x->next[i] += f.rows;
	uint32_t page = x->family[i].rows_per_page;
	struct host_key key = host_key_fragment(
		x->t->id, f.column, f.part, (uint32_t)(f.first / page), (unsigned)(f.first % page));
	return store_batch_put(x->batch, host_key_span(&key), wire);
}

static amt_status insert_fragments(struct insertion *x, const struct message *m)
{
	x->families = relation_families(x->t, x->host->params, x->family);
	for (unsigned i = 0; i < x->families; i++) {
		x->next[i] = m->first;
		if (x->family[i].part != CIRCUIT_VALID || !(m->kind & CHANGE_DELETES))
			continue;
		/* Deletes: the flags of all rows come anew. */
		x->next[i] = 0;
		TRY(host_batch_remove(x->host, x->batch,
			host_key_fragment(x->t->id, 0, CIRCUIT_VALID, 0, 0),
			host_key_family_end(x->t->id, 0, CIRCUIT_VALID)));
	}
	struct reader r = reader_of(m->fragments, "inserted rows");
	while (reader_left(&r) > 0) {
		struct span wire;
		TRY(read_span(&r, MESSAGE_MAX_BYTES, &wire));
		TRY(insert_fragment(x, wire));
	}
	for (unsigned i = 0; i < x->families; i++)
		ENSURE(x->next[i] == x->t->rows, AMT_PROTOCOL,
			"inserted rows lack part %u of column %u", x->family[i].part,
			x->family[i].column);
	return STATUS_OK;
}

static amt_status insert(struct host *h, const struct message *m, struct store_batch *batch,
	struct relation *t, const struct buf *old)
{
	TRY(host_expect_epoch(t, m->epoch));
	ENSURE(m->first == t->rows, AMT_PROTOCOL, "new rows must follow row %llu",
		(unsigned long long)t->rows);
	TRY(relation_change(t, m->kind, m->rows, m->packed, m->segments));
	TRY(host_batch_segments(h, batch, t, m->segments));
	struct insertion *x;
	TRY(mem_zalloc(&x, sizeof(*x)));
	x->host = h;
	x->batch = batch;
	x->t = t;
	amt_status s = insert_fragments(x, m);
	mem_free(x);
	TRY(s);
	return host_batch_change(h, batch, m, t->id, old, t);
}

static amt_status fill_insert(struct host *h, const struct message *m, struct store_batch *batch)
{
	struct relation t = {0};
	struct buf old = {0};
	amt_status s = host_table(h, m->table, &t, &old);
	if (amt_ok(s))
		s = insert(h, m, batch, &t, &old);
	buf_free(&old);
	relation_free(&t);
	return s;
}

amt_status host_insert(struct host *h, const struct message *m)
{
	return host_commit(h, m, fill_insert);
}

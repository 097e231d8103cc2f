/* What the host keeps of a database as a whole: its identity, the evaluation key, the owner's
 * sealed state, and the records of tables. */
#include "engine/host.h"

#include "base/alloc.h"

enum { DATABASE_BYTES = 16 + 16 + 2 };

static const struct span database_key = {(const uint8_t *)"D", 1};
static const struct span evaluation_key = {(const uint8_t *)HOST_EVALUATION_KEY, 1};
static const struct span state_key = {(const uint8_t *)"S", 1};

/* ---- keys */

static void key_put(struct host_key *k, const void *data, size_t size)
{
	memcpy(k->data + k->size, data, size);
	k->size += size;
}

static void key_put_number(struct host_key *k, uint32_t v, unsigned bytes)
{
	while (bytes-- > 0)
		k->data[k->size++] = (uint8_t)(v >> 8 * bytes);
}

struct host_key host_key_table(const uint8_t id[RELATION_ID_BYTES])
{
	struct host_key k = {.data = {'T'}, .size = 1};
	key_put(&k, id, RELATION_ID_BYTES);
	return k;
}

struct host_key host_key_fragment(const uint8_t id[RELATION_ID_BYTES], unsigned column,
	unsigned part, uint32_t page, unsigned row)
{
	struct host_key k = {.data = {'P'}, .size = 1};
	key_put(&k, id, RELATION_ID_BYTES);
	key_put_number(&k, column, 2);
	key_put_number(&k, part, 1);
	key_put_number(&k, page, 4);
	key_put_number(&k, row, 2);
	return k;
}

struct host_key host_key_family_end(
	const uint8_t id[RELATION_ID_BYTES], unsigned column, unsigned part)
{
	struct host_key k = {.data = {'P'}, .size = 1};
	key_put(&k, id, RELATION_ID_BYTES);
	key_put_number(&k, column, 2);
	key_put_number(&k, part + 1, 1); /* parts are few: no carry */
	return k;
}

struct host_key host_key_table_end(const uint8_t id[RELATION_ID_BYTES])
{
	return host_key_family_end(id, RELATION_PAYLOAD, CIRCUIT_PARTS);
}

/* ---- identity */

static amt_status read_database(struct host *h, struct span record)
{
	struct reader r = reader_of(record, "database record");
	uint16_t set;
	TRY(read_copy(&r, h->database, sizeof(h->database)));
	TRY(read_copy(&r, h->key_id, sizeof(h->key_id)));
	TRY(read_u16(&r, &set));
	TRY(read_end(&r));
	const struct tfhe_params *params = tfhe_params_find(set);
	ENSURE(params != NULL, AMT_FOREIGN_PARAMETERS,
		"the database uses parameter set %u, which this program does not know", set);
	h->params = params;
	return STATUS_OK;
}

amt_status host_load_database(struct host *h)
{
	struct buf record = {0};
	amt_status s = store_get(h->store, NULL, database_key, &record);
	if (amt_ok(s))
		s = read_database(h, buf_span(&record));
	else if (amt_status_code(s) == AMT_NOT_FOUND)
		amt_status_clear(&s);
	buf_free(&record);
	return s;
}

amt_status host_need_database(const struct host *h)
{
	ENSURE(h->params != NULL, AMT_NOT_FOUND, "there is no database in this folder yet");
	return STATUS_OK;
}

amt_status host_hello(struct host *h)
{
	struct message m = {.type = REPLY_HELLO,
		.protocol = MESSAGE_PROTOCOL,
		.exists = h->params != NULL,
		.parameters = h->params != NULL ? h->params->id : 0};
	memcpy(m.database, h->database, sizeof(m.database));
	memcpy(m.key_id, h->key_id, sizeof(m.key_id));
	return channel_send(&h->channel, &m);
}

static amt_status send_ok(struct host *h)
{
	struct message m = {.type = REPLY_OK};
	return channel_send(&h->channel, &m);
}

static amt_status put_database(struct host *h, struct store_batch *batch, const struct message *m)
{
	struct wire_header header;
	struct span content;
	TRY(wire_get(m->key, WIRE_EVALUATION_KEY, &header, &content));
	ENSURE(tfhe_params_find(header.params) != NULL, AMT_FOREIGN_PARAMETERS,
		"the evaluation key is of parameter set %u, which this host does not know",
		header.params);
	uint8_t record[DATABASE_BYTES];
	memcpy(record, m->database, 16);
	memcpy(record + 16, header.key_id, 16);
	store_u16(record + 32, header.params);
	TRY(store_batch_expect(batch, database_key, (struct span){0}));
	TRY(store_batch_put(batch, database_key, span_of(record, sizeof(record))));
	TRY(store_batch_put(batch, evaluation_key, m->key));
	TRY(host_batch_state(h, batch, m));
	TRY(store_write(h->store, batch));
	return read_database(h, span_of(record, sizeof(record)));
}

amt_status host_create_database(struct host *h, const struct message *m)
{
	ENSURE(h->params == NULL, AMT_ALREADY_EXISTS, "the folder already holds a database");
	struct store_batch *batch;
	TRY(store_batch_new(&batch));
	amt_status s = put_database(h, batch, m);
	store_batch_free(batch);
	TRY(s);
	host_log(h, "a new database, parameters %s", h->params->name);
	return send_ok(h);
}

/* ---- the evaluation key */

static bool key_progress(void *context, uint64_t done, uint64_t total)
{
	amt_status s = host_progress(context, PHASE_KEY, done, total);
	bool go_on = amt_ok(s);
	amt_status_clear(&s);
	return go_on;
}

amt_status host_need_evaluator(struct host *h)
{
	if (h->integers != NULL)
		return STATUS_OK;
	if (h->evaluator == NULL) {
		struct buf key = {0};
		amt_status s = store_get(h->store, NULL, evaluation_key, &key);
		if (amt_ok(s))
			s = tfhe_evaluator_open(&h->evaluator, buf_span(&key), h->key_cache,
				h->pool, key_progress, h);
		buf_free(&key);
		TRY(s);
		ENSURE(tfhe_evaluator_params(h->evaluator) == h->params, AMT_CORRUPTION,
			"the stored evaluation key is of another parameter set");
		host_log(h, "evaluation key %s, %zu MB",
			tfhe_evaluator_shared(h->evaluator) ? "shared" : "expanded",
			tfhe_evaluator_bytes(h->evaluator) / 1000000);
	}
	return int_context_new(&h->integers, h->evaluator);
}

/* ---- the owner's state */

static amt_status state_read(struct host *h, struct buf *record, uint64_t *version)
{
	amt_status s = store_get(h->store, NULL, state_key, record);
	if (amt_status_code(s) == AMT_NOT_FOUND) {
		amt_status_clear(&s);
		*version = 0;
		return STATUS_OK;
	}
	TRY(s);
	struct reader r = reader_of(buf_span(record), "owner state");
	return read_u64(&r, version);
}

static amt_status batch_state(
	struct store_batch *batch, const struct message *m, const struct buf *old, uint64_t version)
{
	ENSURE(m->version == version, AMT_CONFLICT,
		"the owner state is at version %llu, not %llu: another session has changed the "
		"database",
		(unsigned long long)version, (unsigned long long)m->version);
	ENSURE(m->state.size > 0, AMT_PROTOCOL, "a change without an owner state");
	struct buf record = {0};
	amt_status s = buf_put_u64(&record, version + 1);
	if (amt_ok(s))
		s = buf_put(&record, m->state.data, m->state.size);
	if (amt_ok(s))
		s = store_batch_expect(
			batch, state_key, old->size > 0 ? buf_span(old) : (struct span){0});
	if (amt_ok(s))
		s = store_batch_put(batch, state_key, buf_span(&record));
	buf_free(&record);
	return s;
}

amt_status host_batch_state(struct host *h, struct store_batch *batch, const struct message *m)
{
	struct buf old = {0};
	uint64_t version;
	amt_status s = state_read(h, &old, &version);
	if (amt_ok(s))
		s = batch_state(batch, m, &old, version);
	buf_free(&old);
	return s;
}

amt_status host_send_state(struct host *h)
{
	TRY(host_need_database(h));
	struct buf record = {0};
	struct message m = {.type = REPLY_STATE};
	amt_status s = state_read(h, &record, &m.version);
	if (amt_ok(s) && record.size > 0)
		m.state = span_of(record.data + 8, record.size - 8);
	if (amt_ok(s))
		s = channel_send(&h->channel, &m);
	buf_free(&record);
	return s;
}

amt_status host_commit(struct host *h, const struct message *m, host_fill fill)
{
	TRY(host_need_database(h));
	struct store_batch *batch;
	TRY(store_batch_new(&batch));
	amt_status s = fill(h, m, batch);
	if (amt_ok(s))
		s = host_segments_before(h);
	enum host_outcome outcome = HOST_NOT_WRITTEN;
	if (amt_ok(s)) {
		s = store_write(h->store, batch);
		bool refused = amt_status_code(s) == AMT_CONFLICT;
		outcome = amt_ok(s) ? HOST_WRITTEN : refused ? HOST_NOT_WRITTEN : HOST_UNKNOWN;
	}
	store_batch_free(batch);
	host_segments_after(h, outcome);
	TRY(s);
	return send_ok(h);
}

static amt_status fill_state(struct host *h, const struct message *m, struct store_batch *batch)
{
	return host_batch_state(h, batch, m);
}

amt_status host_put_state(struct host *h, const struct message *m)
{
	return host_commit(h, m, fill_state);
}

/* ---- tables */

amt_status host_table(struct host *h, const uint8_t id[RELATION_ID_BYTES], struct relation *out,
	struct buf *record)
{
	TRY(host_need_database(h));
	struct buf own = {0}, *bytes = record != NULL ? record : &own;
	struct host_key key = host_key_table(id);
	amt_status s = store_get(h->store, NULL, host_key_span(&key), bytes);
	if (amt_status_code(s) == AMT_NOT_FOUND) {
		amt_status_clear(&s);
		s = ERROR(AMT_NOT_FOUND, "the host has no such table");
	}
	if (amt_ok(s))
		s = relation_get(out, buf_span(bytes));
	buf_free(&own);
	return s;
}

amt_status host_expect_epoch(const struct relation *t, uint64_t epoch)
{
	ENSURE(epoch == t->epoch, AMT_CONFLICT, "the table has changed: epoch %llu, not %llu",
		(unsigned long long)t->epoch, (unsigned long long)epoch);
	return STATUS_OK;
}

amt_status host_expect_version(const struct relation *t, uint64_t epoch, uint32_t schema_version)
{
	TRY(host_expect_epoch(t, epoch));
	ENSURE(schema_version == t->schema.version, AMT_CONFLICT,
		"the question is for version %u of the schema, which is at %u", schema_version,
		t->schema.version);
	return STATUS_OK;
}

amt_status host_batch_table(struct store_batch *batch, const uint8_t id[RELATION_ID_BYTES],
	const struct buf *old, const struct relation *t)
{
	struct host_key key = host_key_table(id);
	struct buf record = {0};
	amt_status s = store_batch_expect(
		batch, host_key_span(&key), old != NULL ? buf_span(old) : (struct span){0});
	if (amt_ok(s) && t == NULL)
		s = store_batch_delete(batch, host_key_span(&key));
	if (amt_ok(s) && t != NULL)
		s = relation_put(t, &record);
	if (amt_ok(s) && t != NULL)
		s = store_batch_put(batch, host_key_span(&key), buf_span(&record));
	buf_free(&record);
	return s;
}

amt_status host_batch_change(struct host *h, struct store_batch *batch, const struct message *m,
	const uint8_t id[RELATION_ID_BYTES], const struct buf *old, const struct relation *t)
{
	TRY(host_batch_table(batch, id, old, t));
	return host_batch_state(h, batch, m);
}

static amt_status collect_tables(struct host *h, struct buf *out)
{
	static const struct span low = {(const uint8_t *)"T", 1}, high = {(const uint8_t *)"U", 1};
	struct store_iterator *it;
	TRY(store_iterator_new(h->store, NULL, low, high, 0, &it));
	bool valid = false;
	amt_status s = store_iterator_next(it, &valid);
	while (amt_ok(s) && valid) {
		s = buf_put_span(out, store_iterator_value(it));
		if (amt_ok(s))
			s = store_iterator_next(it, &valid);
	}
	store_iterator_free(it);
	return s;
}

amt_status host_send_tables(struct host *h)
{
	TRY(host_need_database(h));
	struct buf tables = {0};
	amt_status s = collect_tables(h, &tables);
	if (amt_ok(s)) {
		struct message m = {.type = REPLY_TABLES, .tables = buf_span(&tables)};
		s = channel_send(&h->channel, &m);
	}
	buf_free(&tables);
	return s;
}

amt_status host_inspect(struct host *h)
{
	struct store_stats stats;
	uint64_t segments, segment_bytes, missing;
	store_stats_get(h->store, &stats);
	TRY(host_segments_count(h, &segments, &segment_bytes, &missing));
	struct buf text = {0};
	amt_status s = buf_printf(&text,
		"{\"puts\":%llu,\"gets\":%llu,\"wal_bytes\":%llu,\"wal_syncs\":%llu,"
		"\"flushes\":%llu,\"tables\":%llu,\"table_bytes\":%llu,\"memtable_bytes\":%llu,"
		"\"bootstraps\":%llu,\"segments\":%llu,\"segment_bytes\":%llu,"
		"\"segments_damaged\":%llu}",
		(unsigned long long)stats.puts, (unsigned long long)stats.gets,
		(unsigned long long)stats.wal_bytes, (unsigned long long)stats.wal_syncs,
		(unsigned long long)stats.flushes, (unsigned long long)stats.tables,
		(unsigned long long)stats.table_bytes, (unsigned long long)stats.memtable_bytes,
		(unsigned long long)(h->evaluator != NULL ? tfhe_evaluator_bootstraps(h->evaluator)
							  : 0),
		(unsigned long long)segments, (unsigned long long)segment_bytes,
		(unsigned long long)missing);
	if (amt_ok(s)) {
		struct message m = {.type = REPLY_INSPECT, .text = buf_span(&text)};
		s = channel_send(&h->channel, &m);
	}
	buf_free(&text);
	return s;
}

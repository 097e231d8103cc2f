/* What the owner knows of its tables: schema, epoch, number of rows, flags. It lives at the host as
 * one sealed record with a version, replaced in the same atomic batch as every change, so the owner
 * needs nothing but its key to come back. From it the owner takes schemas and epochs, never from
 * what the host says of a table.
 *
 * Sealed with the state subkey of the database; bound to database id, version and key id:
 *	u32 number of tables, then for each a u32 length and its record (engine/relation.h)
 * or, in a database with scan columns,
 *	u32 2^32 - 1, u32 version 2, u32 number of rings and for each u16 parameter set and u16 limbs of
 *	the switching keys the host has, u32 number of tables, then for each a u32 length and its record,
 *	a u32 length and a bit for each row that is deleted, u16 number of columns with a dictionary, and
 *	for each a u16 column, a u32 length and its texts, each after a u32 length; zeros up to a
 *	multiple of 4096, so that the length tells little of dictionaries
 *
 * The seal proves that the owner wrote it, not that it is the newest. What catches an older one is
 * the local memory: a text file with a line "database-id version" for each database ever used.
 */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/secret.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { STATE_VERSION = 2, STATE_ALIGN = 4096 };
enum { MEMORY_MAX = 1 << 20, MEMORY_LINE = 2 * MESSAGE_ID_BYTES + 1 + 20 + 1 };

amt_status owner_table(struct amt_session *s, const char *name, struct relation **out)
{
	for (size_t i = 0; i < s->tables; i++)
		if (strcmp(s->table[i].schema.table, name) == 0) {
			*out = &s->table[i];
			return STATUS_OK;
		}
	FAIL(AMT_NOT_FOUND, "there is no table %s", name);
}

/* ---- local memory */

static void memory_name(const struct amt_session *s, char out[2 * MESSAGE_ID_BYTES + 1])
{
	for (size_t i = 0; i < MESSAGE_ID_BYTES; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", s->database[i]);
}

static amt_status memory_read(const struct amt_session *s, struct buf *out)
{
	amt_status status = io_read_file(s->io, s->memory, MEMORY_MAX, out);
	if (amt_status_code(status) == AMT_NOT_FOUND)
		amt_status_clear(&status);
	TRY(status);
	return buf_put_u8(out, 0);
}

/* The version in the file, 0 if the database is not in it. *line: where its line begins, or NULL.
 */
static uint64_t memory_find(const struct amt_session *s, char *text, char **line)
{
	char name[2 * MESSAGE_ID_BYTES + 1];
	memory_name(s, name);
	*line = strstr(text, name);
	return *line != NULL ? strtoull(*line + sizeof(name) - 1, NULL, 10) : 0;
}

static amt_status memory_check(struct amt_session *s)
{
	if (s->memory == NULL)
		return STATUS_OK;
	struct buf text = {0};
	char *line;
	amt_status status = memory_read(s, &text);
	uint64_t known = amt_ok(status) ? memory_find(s, (char *)text.data, &line) : 0;
	buf_free(&text);
	TRY(status);
	ENSURE(s->version >= known, AMT_INTEGRITY,
		"the host shows version %" PRIu64 " of the database, but version %" PRIu64
		" has been seen: it was rolled back",
		s->version, known);
	return STATUS_OK;
}

static amt_status memory_write(const struct amt_session *s, char *text)
{
	char *line;
	if (memory_find(s, text, &line) == s->version)
		return STATUS_OK;
	char name[2 * MESSAGE_ID_BYTES + 1];
	memory_name(s, name);
	struct buf out = {0};
	amt_status status = STATUS_OK;
	if (line != NULL) {
		char *rest = strchr(line, '\n');
		status = buf_put(&out, text, (size_t)(line - text));
		if (amt_ok(status) && rest != NULL)
			status = buf_put(&out, rest + 1, strlen(rest + 1));
	} else {
		status = buf_put(&out, text, strlen(text));
	}
	if (amt_ok(status))
		status = buf_printf(&out, "%s %" PRIu64 "\n", name, s->version);
	if (amt_ok(status))
		status = io_write_file_atomic(s->io, s->memory, buf_span(&out), IO_PRIVATE);
	buf_free(&out);
	return status;
}

amt_status owner_remember(struct amt_session *s)
{
	if (s->memory == NULL)
		return STATUS_OK;
	struct buf text = {0};
	amt_status status = memory_read(s, &text);
	if (amt_ok(status))
		status = memory_write(s, (char *)text.data);
	buf_free(&text);
	if (!amt_ok(status))
		return WRAP(
			status, "the database has changed, but %s cannot be written", s->memory);
	return STATUS_OK;
}

/* ---- sealing */

static amt_status state_key(struct amt_session *s, uint8_t **out)
{
	TRY(secret_alloc(out, AEAD_KEY_BYTES));
	amt_status status = key_ring_subkey(s->key->ring, SUBKEY_OWNER_STATE,
		span_of(s->database, sizeof(s->database)), (struct span){0}, *out);
	if (!amt_ok(status))
		secret_free(*out);
	return status;
}

enum { STATE_CONTEXT_BYTES = MESSAGE_ID_BYTES + 8 + KEY_ID_BYTES };

static void state_context(
	const struct amt_session *s, uint64_t version, uint8_t out[STATE_CONTEXT_BYTES])
{
	memcpy(out, s->database, MESSAGE_ID_BYTES);
	store_u64(out + MESSAGE_ID_BYTES, version);
	memcpy(out + MESSAGE_ID_BYTES + 8, key_ring_id(s->key->ring), KEY_ID_BYTES);
}

/* What the host must not see. */
static amt_status put_own(struct buf *out, const struct relation *t)
{
	TRY(buf_put_span(out, buf_span(&t->removed)));
	size_t at = out->size;
	uint16_t count = 0;
	TRY(buf_put_u16(out, 0));
	for (unsigned i = 0; t->dictionary != NULL && i < t->schema.columns; i++) {
		if (t->dictionary[i].size == 0)
			continue;
		TRY(buf_put_u16(out, (uint16_t)i));
		TRY(buf_put_span(out, buf_span(&t->dictionary[i])));
		count++;
	}
	store_u16(out->data + at, count);
	return STATUS_OK;
}

static amt_status put_table(
	struct buf *out, const struct relation *t, bool extended, uint32_t *count)
{
	size_t at = out->size;
	TRY(buf_put_u32(out, 0));
	TRY(relation_put(t, out));
	store_u32(out->data + at, (uint32_t)(out->size - at - 4));
	++*count;
	return extended ? put_own(out, t) : STATUS_OK;
}

static amt_status put_rings(const struct amt_session *s, struct buf *out)
{
	size_t at = out->size + 8;
	uint32_t count = 0;
	TRY(buf_put_u32(out, UINT32_MAX));
	TRY(buf_put_u32(out, STATE_VERSION));
	TRY(buf_put_u32(out, 0));
	for (unsigned i = 0; i < OWNER_RINGS; i++) {
		if (s->ring[i].key_limbs == 0)
			continue;
		TRY(buf_put_u16(out, s->ring[i].params->id));
		TRY(buf_put_u16(out, s->ring[i].key_limbs));
		count++;
	}
	store_u32(out->data + at, count);
	return STATUS_OK;
}

/* A database that never had a scan column keeps the plain form. */
static bool is_extended(const struct amt_session *s, const struct relation *changed)
{
	bool extended = changed != NULL && relation_has_scan(changed);
	for (size_t i = 0; i < s->tables; i++)
		extended |= relation_has_scan(&s->table[i]);
	for (unsigned i = 0; i < OWNER_RINGS; i++)
		extended |= s->ring[i].key_limbs != 0;
	return extended;
}

static bool is_id(const struct relation *t, const uint8_t *id)
{
	return id != NULL && memcmp(t->id, id, sizeof(t->id)) == 0;
}

static amt_status put_tables(struct amt_session *s, const struct relation *changed,
	const uint8_t *dropped, struct buf *out)
{
	uint32_t count = 0;
	bool is_new = changed != NULL, extended = is_extended(s, changed);
	if (extended)
		TRY(put_rings(s, out));
	size_t count_at = out->size;
	TRY(buf_put_u32(out, 0));
	for (size_t i = 0; i < s->tables; i++) {
		const struct relation *t = &s->table[i];
		if (is_id(t, dropped))
			continue;
		bool same = changed != NULL && is_id(t, changed->id);
		is_new &= !same;
		TRY(put_table(out, same ? changed : t, extended, &count));
	}
	if (is_new)
		TRY(put_table(out, changed, extended, &count));
	store_u32(out->data + count_at, count);
	if (!extended || out->size % STATE_ALIGN == 0)
		return STATUS_OK;
	size_t more = STATE_ALIGN - out->size % STATE_ALIGN;
	uint8_t *at;
	TRY(buf_extend(out, more, &at));
	memset(at, 0, more);
	return STATUS_OK;
}

amt_status owner_seal_state(struct amt_session *s, const struct relation *changed,
	const uint8_t *dropped, struct buf *out)
{
	uint8_t context[STATE_CONTEXT_BYTES], *key;
	struct buf plain = {0};
	TRY(state_key(s, &key));
	state_context(s, s->version + 1, context);
	amt_status status = put_tables(s, changed, dropped, &plain);
	if (amt_ok(status))
		status = aead_seal_put(
			key, span_of(context, sizeof(context)), buf_span(&plain), out);
	if (plain.data != NULL)
		secret_wipe(plain.data, plain.capacity);
	buf_free(&plain);
	secret_free(key);
	return status;
}

/* ---- opening */

static amt_status read_own(struct reader *r, struct relation *t)
{
	struct span removed;
	uint16_t dictionaries;
	TRY(read_span(r, SIZE_MAX, &removed));
	ENSURE(removed.size == 0 || removed.size == (t->rows + 7) / 8, AMT_CORRUPTION,
		"an owner state with %zu bytes for deleted rows", removed.size);
	TRY(buf_put(&t->removed, removed.data, removed.size));
	TRY(read_u16(r, &dictionaries));
	if (dictionaries > 0)
		TRY(mem_array(&t->dictionary, t->schema.columns, sizeof(*t->dictionary)));
	for (unsigned i = 0; i < dictionaries; i++) {
		uint16_t column;
		struct span texts, text;
		TRY(read_u16(r, &column));
		TRY(read_span(r, SIZE_MAX, &texts));
		ENSURE(column < t->schema.columns && t->dictionary[column].size == 0,
			AMT_CORRUPTION, "an owner state with a broken dictionary");
		struct reader each = reader_of(texts, "dictionary");
		while (reader_left(&each) > 0)
			TRY(read_span(&each, SCHEMA_MAX_TEXT, &text));
		TRY(buf_put(&t->dictionary[column], texts.data, texts.size));
	}
	return STATUS_OK;
}

static amt_status read_rings(struct amt_session *s, struct reader *r)
{
	uint32_t version, rings;
	TRY(read_u32(r, &version));
	ENSURE(version == STATE_VERSION, AMT_UNKNOWN_VERSION,
		"an owner state of version %u, which this program does not know", version);
	TRY(read_u32(r, &rings));
	for (uint32_t i = 0; i < rings; i++) {
		uint16_t id, limbs;
		struct owner_ring *ring;
		TRY(read_u16(r, &id));
		TRY(read_u16(r, &limbs));
		const struct bgv_params *params = bgv_params_find(id);
		ENSURE(params != NULL, AMT_FOREIGN_PARAMETERS,
			"the database uses ring %u, which this program does not know", id);
		TRY(owner_ring_place(s, params, &ring));
		ring->key_limbs = limbs;
	}
	return STATUS_OK;
}

static amt_status read_tables(struct amt_session *s, struct span plain)
{
	struct reader r = reader_of(plain, "owner state");
	uint32_t count;
	TRY(read_u32(&r, &count));
	bool extended = count == UINT32_MAX;
	if (extended) {
		TRY(read_rings(s, &r));
		TRY(read_u32(&r, &count));
	}
	ENSURE(count <= plain.size, AMT_CORRUPTION, "an owner state of %u tables", count);
	TRY(mem_array(&s->table, count, sizeof(*s->table)));
	for (s->tables = 0; s->tables < count; s->tables++) {
		struct span record;
		TRY(read_span(&r, SIZE_MAX, &record));
		TRY(relation_get(&s->table[s->tables], record));
		amt_status own = extended ? read_own(&r, &s->table[s->tables]) : STATUS_OK;
		if (!amt_ok(own)) {
			relation_free(&s->table[s->tables]);
			return own;
		}
	}
	if (!extended)
		return read_end(&r);
	ENSURE(reader_left(&r) < STATE_ALIGN, AMT_CORRUPTION, "bytes after the owner state");
	return STATUS_OK;
}

static amt_status open_state(struct amt_session *s, const struct message *m)
{
	uint8_t context[STATE_CONTEXT_BYTES], *key, *plain;
	ENSURE(m->state.size >= AEAD_EXTRA_BYTES, AMT_INTEGRITY,
		"the host has lost the owner's state");
	size_t size = m->state.size - AEAD_EXTRA_BYTES;
	state_context(s, m->version, context);
	TRY(state_key(s, &key));
	amt_status status = mem_alloc(&plain, size);
	if (amt_ok(status)) {
		status = aead_open(key, span_of(context, sizeof(context)), m->state, plain);
		if (!amt_ok(status))
			status = WRAP(status, "the owner's state was changed at the host");
		else
			status = read_tables(s, span_of(plain, size));
		secret_wipe(plain, size);
		mem_free(plain);
	}
	secret_free(key);
	return status;
}

/* The host must show exactly the tables of the state, as they were left. */
static amt_status check_tables(struct amt_session *s, struct span shown)
{
	struct reader r = reader_of(shown, "list of tables");
	struct buf expected = {0};
	amt_status status = STATUS_OK;
	size_t count = 0;
	for (; amt_ok(status) && reader_left(&r) > 0; count++) {
		struct span record;
		status = read_span(&r, SIZE_MAX, &record);
		size_t i = 0;
		while (amt_ok(status) && i < s->tables &&
			(record.size < RELATION_ID_BYTES || !is_id(&s->table[i], record.data)))
			i++;
		if (amt_ok(status) && i == s->tables)
			status = ERROR(AMT_INTEGRITY, "the host shows a table that is not there");
		buf_clear(&expected);
		if (amt_ok(status))
			status = relation_put(&s->table[i], &expected);
		if (amt_ok(status) && !span_equal(record, buf_span(&expected)))
			status = ERROR(AMT_INTEGRITY,
				"the host shows table %s in another state than its owner left it",
				s->table[i].schema.table);
	}
	buf_free(&expected);
	TRY(status);
	ENSURE(count == s->tables, AMT_INTEGRITY, "the host shows %zu tables of %zu", count,
		s->tables);
	return STATUS_OK;
}

amt_status owner_load_state(struct amt_session *s)
{
	struct message m = {.type = REQUEST_STATE}, reply;
	TRY(owner_call(s, &m, REPLY_STATE, &reply));
	s->version = reply.version;
	TRY(open_state(s, &reply));
	TRY(memory_check(s));
	m.type = REQUEST_TABLES;
	TRY(owner_call(s, &m, REPLY_TABLES, &reply));
	TRY(check_tables(s, reply.tables));
	return owner_remember(s);
}

/* ---- changing */

static void remove_table(struct amt_session *s, const uint8_t *id)
{
	for (size_t i = 0; i < s->tables; i++)
		if (is_id(&s->table[i], id)) {
			relation_free(&s->table[i]);
			s->table[i] = s->table[--s->tables];
			return;
		}
}

/* Room and a copy are made before anything is sent, so that taking the change over cannot fail. */
static void take_over(struct amt_session *s, struct relation *copy)
{
	for (size_t i = 0; i < s->tables; i++)
		if (is_id(&s->table[i], copy->id)) {
			relation_free(&s->table[i]);
			s->table[i] = *copy;
			return;
		}
	s->table[s->tables++] = *copy;
}

static amt_status receive_ok(struct amt_session *s, void *context)
{
	(void)context;
	struct message reply;
	return owner_receive(s, REPLY_OK, REPLY_OK, &reply);
}

amt_status owner_change(struct amt_session *s, struct message *request,
	const struct relation *changed, const uint8_t *dropped, owner_receiver receive,
	void *context)
{
	struct relation copy = {0};
	struct buf state = {0};
	amt_status status;
	TRY_GOTO(status, mem_grow(&s->table, (s->tables + 1) * sizeof(*s->table)), out);
	if (changed != NULL)
		TRY_GOTO(status, relation_copy(&copy, changed), out);
	TRY_GOTO(status, owner_seal_state(s, changed, dropped, &state), out);
	request->version = s->version;
	request->state = buf_span(&state);
	TRY_GOTO(status, owner_send(s, request), out);
	TRY_GOTO(status, (receive != NULL ? receive : receive_ok)(s, context), out);
	s->version++;
	if (dropped != NULL)
		remove_table(s, dropped);
	if (changed != NULL) {
		take_over(s, &copy);
		memset(&copy, 0, sizeof(copy));
	}
	status = owner_remember(s);
out:
	buf_free(&state);
	relation_free(&copy);
	return status;
}

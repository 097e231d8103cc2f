/* What there is: in a database, in a file. */
#include "engine/owner.h"

#include "base/alloc.h"

#include <jansson.h>
#include <stdlib.h>

void amt_text_free(char *text)
{
	mem_free(text);
}

static amt_status finish_text(struct buf *text, amt_status s, char **out)
{
	if (amt_ok(s))
		s = buf_put_u8(text, 0);
	if (!amt_ok(s)) {
		buf_free(text);
		return s;
	}
	*out = (char *)text->data;
	return STATUS_OK;
}

static void put_hex(char *out, const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
	}
	out[2 * count] = '\0';
}

/* ---- a document, then JSON or indented text out of it */

static json_t *hex_json(const uint8_t *bytes, size_t count)
{
	char text[2 * 16 + 1];
	put_hex(text, bytes, count < 16 ? count : 16);
	return json_string(text);
}

static json_t *forms_json(const struct column *c)
{
	json_t *forms = json_array();
	if (c->forms & FORM_PAYLOAD)
		json_array_append_new(forms, json_string("payload"));
	if (c->forms & FORM_ARITH)
		json_array_append_new(forms, json_string("arith"));
	if (c->forms & FORM_PLAIN)
		json_array_append_new(forms, json_string("plain"));
	if (c->forms & FORM_SCAN)
		json_array_append_new(forms, json_string("scan"));
	return forms;
}

/* What the scan form of a column costs: layout NULL if it has none. */
static void put_layout(json_t *j, const struct scan_column *layout, const struct bgv_params *ring)
{
	if (layout == NULL)
		return;
	struct bgv_ring shape = {
		.params = ring, .log2n = ring->log2n, .n = (size_t)1 << ring->log2n};
	size_t bytes = scan_page_bytes(layout, &shape);
	json_object_set_new(j, "scan_digits", json_integer(layout->digits));
	json_object_set_new(j, "scan_vectors", json_integer((json_int_t)scan_vectors(layout)));
	json_object_set_new(j, "scan_primes", json_integer(layout->stored));
	json_object_set_new(j, "scan_bytes_a_page", json_integer((json_int_t)bytes));
	json_object_set_new(j, "scan_bytes_a_value",
		json_integer((json_int_t)(bytes / scan_page_rows(&shape))));
}

/* Pages, tail, holes, and what changing one row sends to the host. */
static void put_scan(json_t *j, const struct relation *t, const struct scan_table *table)
{
	struct bgv_ring shape = {.params = table->ring,
		.log2n = table->ring->log2n,
		.n = (size_t)1 << table->ring->log2n};
	uint64_t page = scan_page_bytes(&table->valid, &shape), all = page;
	for (unsigned i = 0; i < t->schema.columns; i++)
		if (scan_table_column(table, i) != NULL)
			all += scan_page_bytes(&table->column[i], &shape);
	json_object_set_new(j, "scan_ring", json_string(table->ring->name));
	json_object_set_new(j, "scan_pages", json_integer(t->pages));
	json_object_set_new(j, "scan_rows_a_page", json_integer(scan_page_rows(&shape)));
	json_object_set_new(j, "scan_bytes", json_integer((json_int_t)(all * t->pages)));
	json_object_set_new(j, "scan_tail_rows", json_integer((json_int_t)(t->rows - t->packed)));
	json_object_set_new(
		j, "deleted_rows", json_integer((json_int_t)relation_count_removed(t, 0, t->rows)));
	json_object_set_new(
		j, "scan_holes", json_integer((json_int_t)relation_count_removed(t, 0, t->packed)));
	json_object_set_new(
		j, "scan_bytes_sent_by_an_update", json_integer((json_int_t)(page * t->pages)));
}

static json_t *column_json(const struct relation *t, const struct scan_table *table, unsigned i)
{
	const struct column *c = &t->schema.column[i];
	json_t *j = json_object();
	json_object_set_new(j, "name", json_string(c->name));
	json_object_set_new(j, "type", json_string(column_type_name((enum column_type)c->type)));
	if (c->type == COLUMN_DECIMAL) {
		json_object_set_new(j, "precision", json_integer(c->precision));
		json_object_set_new(j, "scale", json_integer(c->scale));
	}
	json_object_set_new(j, "not_null", json_boolean(c->not_null));
	json_object_set_new(j, "forms", forms_json(c));
	if (relation_has_scan(t))
		put_layout(j, scan_table_column(table, i), table->ring);
	if (t->derived[i][CIRCUIT_VALUE] != 0)
		json_object_set_new(
			j, "updated_in_epoch", json_integer((json_int_t)t->derived[i][0]));
	return j;
}

static json_t *table_json(const struct relation *t, const struct scan_table *table)
{
	json_t *j = json_object(), *columns = json_array();
	json_object_set_new(j, "name", json_string(t->schema.table));
	json_object_set_new(j, "id", hex_json(t->id, sizeof(t->id)));
	json_object_set_new(j, "rows", json_integer((json_int_t)t->rows));
	json_object_set_new(j, "epoch", json_integer((json_int_t)t->epoch));
	json_object_set_new(
		j, "has_deletes", json_boolean(relation_has_deletes(t) || t->gone != 0));
	if (relation_has_scan(t))
		put_scan(j, t, table);
	for (unsigned i = 0; i < t->schema.columns; i++)
		json_array_append_new(columns, column_json(t, table, i));
	json_object_set_new(j, "columns", columns);
	return j;
}

static amt_status add_table(json_t *tables, const struct relation *t)
{
	struct scan_table table = {0};
	if (relation_has_scan(t))
		TRY(schema_scan_table(&t->schema, &table));
	json_array_append_new(tables, table_json(t, &table));
	schema_scan_free(&table);
	return STATUS_OK;
}

static amt_status database_json(const struct amt_session *s, struct span host, json_t **out)
{
	json_t *j = json_object(), *tables = json_array();
	json_object_set_new(j, "database", hex_json(s->database, sizeof(s->database)));
	json_object_set_new(j, "key", json_string(s->key->id));
	json_object_set_new(j, "parameters", json_string(s->params->name));
	json_object_set_new(j, "state_version", json_integer((json_int_t)s->version));
	amt_status status = STATUS_OK;
	for (size_t i = 0; i < s->tables && amt_ok(status); i++)
		status = add_table(tables, &s->table[i]);
	json_object_set_new(j, "tables", tables);
	json_t *store =
		json_loadb((const char *)host.data, host.size, JSON_REJECT_DUPLICATES, NULL);
	json_object_set_new(j, "host", store != NULL ? store : json_null());
	if (amt_ok(status))
		*out = j;
	else
		json_decref(j);
	return status;
}

static amt_status put_text(struct buf *out, const json_t *j, unsigned depth);

static amt_status put_scalar(struct buf *out, const json_t *j)
{
	char *text = json_dumps(j, JSON_ENCODE_ANY);
	ENSURE(text != NULL, AMT_OUT_OF_MEMORY, "memory for a description");
	bool quoted = json_is_string(j);
	amt_status s = buf_put(out, text + quoted, strlen(text) - 2 * quoted);
	free(text);
	return s;
}

static amt_status put_member(struct buf *out, const char *name, const json_t *v, unsigned depth)
{
	TRY(buf_printf(out, "%*s%s:", (int)(2 * depth), "", name));
	if (json_is_object(v) || (json_is_array(v) && json_is_object(json_array_get(v, 0)))) {
		TRY(buf_printf(out, "\n"));
		return put_text(out, v, depth + 1);
	}
	if (json_is_array(v)) {
		for (size_t i = 0; i < json_array_size(v); i++) {
			TRY(buf_printf(out, " "));
			TRY(put_scalar(out, json_array_get(v, i)));
		}
		return buf_printf(out, "\n");
	}
	TRY(buf_printf(out, " "));
	TRY(put_scalar(out, v));
	return buf_printf(out, "\n");
}

/* Objects as `name: value` lines; of the objects in a list, the first member heads each. Only as
 * deep as what is built above, so recursion is bounded; the host's part is flattened. */
static amt_status put_text(struct buf *out, const json_t *j, unsigned depth)
{
	if (depth > 8)
		return STATUS_OK;
	for (size_t i = 0; json_is_array(j) && i < json_array_size(j); i++)
		TRY(put_text(out, json_array_get(j, i), depth));
	const char *name;
	json_t *v;
	json_object_foreach((json_t *)j, name, v) TRY(put_member(out, name, v, depth));
	return STATUS_OK;
}

static amt_status render(json_t *j, amt_format format, char **out)
{
	struct buf text = {0};
	amt_status s = STATUS_OK;
	if (format == AMT_FORMAT_JSON) {
		char *dump = json_dumps(j, JSON_INDENT(2));
		if (dump == NULL)
			s = ERROR(AMT_OUT_OF_MEMORY, "memory for a description");
		else
			s = buf_printf(&text, "%s\n", dump);
		free(dump);
	} else {
		s = put_text(&text, j, 0);
	}
	json_decref(j);
	return finish_text(&text, s, out);
}

amt_status amt_inspect(amt_session *s, amt_format format, char **text)
{
	ENSURE(s != NULL && text != NULL, AMT_INVALID_ARGUMENT, "a session is needed");
	struct message m = {.type = REQUEST_INSPECT}, reply;
	TRY(owner_call(s, &m, REPLY_INSPECT, &reply));
	json_t *j;
	TRY(database_json(s, reply.text, &j));
	return render(j, format, text);
}

/* ---- files */

static const char *wire_name(unsigned type)
{
	static const char *const names[] = {[WIRE_KEY_FILE] = "key file",
		[WIRE_EVALUATION_KEY] = "evaluation key",
		[WIRE_SEEDED_GLWE] = "encrypted page (original)",
		[WIRE_GLWE] = "encrypted page (computed)",
		[WIRE_LWE_LIST] = "encrypted integers",
		[WIRE_PAYLOAD] = "sealed rows",
		[WIRE_OWNER_STATE] = "owner state",
		[WIRE_SCHEMA] = "schema",
		[WIRE_QUERY] = "question",
		[WIRE_ANSWER] = "answer",
		[WIRE_PLAIN] = "plain page",
		[WIRE_SCAN_QUESTION] = "question to a scan",
		[WIRE_SCAN_ANSWER] = "answer of a scan",
		[WIRE_BGV_KEYS] = "switching keys",
		[WIRE_KEY_TRAIL] = "audit trail of keys",
		[WIRE_STORED_KEY] = "stored key",
		[WIRE_EXPANDED_KEY] = "expanded evaluation key",
		[WIRE_PUBLIC_KEY] = "public key",
		[WIRE_COMPACT_LIST] = "encrypted integers (compact)",
		[WIRE_ROTATION_KEY] = "rotation key",
		[WIRE_COMPRESSED_LIST] = "encrypted integers (compressed)"};
	return type < sizeof(names) / sizeof(names[0]) && names[type] != NULL ? names[type]
									      : "unknown";
}

static amt_status describe(struct span file, json_t **out)
{
	ENSURE(file.size >= WIRE_HEADER_BYTES, AMT_TRUNCATED,
		"%zu bytes are too few for a file of amaters", file.size);
	uint16_t type = load_u16(file.data + 10);
	struct wire_header header;
	struct span content;
	TRY(wire_get(file, type, &header, &content));
	const struct tfhe_params *params = tfhe_params_find(header.params);
	json_t *j = json_object();
	json_object_set_new(j, "type", json_string(wire_name(type)));
	json_object_set_new(j, "format_version", json_integer(load_u16(file.data + 8)));
	json_object_set_new(j, "parameters", json_string(params != NULL ? params->name : "none"));
	json_object_set_new(j, "key", hex_json(header.key_id, sizeof(header.key_id)));
	json_object_set_new(j, "content_bytes", json_integer((json_int_t)content.size));
	json_object_set_new(j, "created_us", json_integer((json_int_t)header.created_us));
	*out = j;
	return STATUS_OK;
}

amt_status amt_inspect_file(const char *path, amt_format format, char **text)
{
	ENSURE(path != NULL && text != NULL, AMT_INVALID_ARGUMENT, "a path is needed");
	struct io *io;
	struct buf file = {0};
	json_t *j = NULL;
	TRY(io_posix_new(&io));
	amt_status s = io_read_file(io, path, (size_t)1 << 30, &file);
	if (amt_ok(s))
		s = describe(buf_span(&file), &j);
	buf_free(&file);
	io_free(io);
	TRY(s);
	return render(j, format, text);
}

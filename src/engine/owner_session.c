/* Sessions: opening, exchanging messages, closing. */
#include "engine/owner.h"

#include "base/alloc.h"
#include "crypto/random.h"

#include <stdio.h>

/* ---- messages */

static amt_status check_usable(const struct amt_session *s)
{
	ENSURE(!s->broken, AMT_CLOSED, "the session has ended after an error");
	ENSURE(s->failures < OWNER_FAILURES_ALLOWED, AMT_CLOSED,
		"the session has ended: %u answers could not be trusted", s->failures);
	return STATUS_OK;
}

amt_status owner_send(struct amt_session *s, const struct message *request)
{
	TRY(check_usable(s));
	s->rounds++;
	amt_status sent = channel_send(&s->channel, request);
	/* A host that ended may have said why before: the reply will tell. */
	if (amt_status_code(sent) == AMT_CLOSED)
		amt_status_clear(&sent);
	if (!amt_ok(sent))
		s->broken = true;
	return sent;
}

/* The host's words are untrusted: they must not drive a terminal. */
static void make_printable(char *out, size_t size, struct span text)
{
	size_t n = text.size < size - 1 ? text.size : size - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = text.data[i] < 0x20 || text.data[i] == 0x7f ? '?' : (char)text.data[i];
	out[n] = '\0';
}

static amt_status host_error(struct amt_session *s, const struct message *m)
{
	char text[1024], hint[256];
	make_printable(text, sizeof(text), m->text);
	make_printable(hint, sizeof(hint), m->hint);
	bool known = m->code != AMT_OK && strcmp(amt_code_name((amt_code)m->code), "?") != 0;
	if (m->code == AMT_PROTOCOL || m->code == AMT_LOCKED)
		s->broken = true; /* the host ends after these */
	amt_status error = ERROR(known ? (amt_code)m->code : AMT_PROTOCOL, "host: %s", text);
	return hint[0] != '\0' ? status_hint(error, "%s", hint) : error;
}

static amt_status report_progress(struct amt_session *s, const struct message *m, bool *cancelled)
{
	const char *what = "computing on the host";
	if (m->code == PHASE_KEY)
		what = "preparing the evaluation key";
	else if (m->code == PHASE_SWITCHING_KEYS)
		what = "preparing switching keys";
	else if (m->code == PHASE_SCANNING)
		what = "scanning on the host";
	if (*cancelled || s->progress == NULL ||
		s->progress(s->progress_context, what, m->done, m->total))
		return STATUS_OK;
	*cancelled = true;
	struct message cancel = {.type = REQUEST_CANCEL};
	return channel_send(&s->channel, &cancel);
}

static amt_status receive(struct amt_session *s, struct message *reply, bool *cancelled)
{
	for (;;) {
		uint64_t before = s->channel.received;
		amt_status got = channel_receive(&s->channel, &s->reply, reply);
		if (amt_ok(got) && reply->type != REPLY_PROGRESS)
			return STATUS_OK;
		if (amt_ok(got))
			got = report_progress(s, reply, cancelled);
		if (!amt_ok(got)) {
			s->broken = true;
			return amt_status_code(got) == AMT_CLOSED
				       ? WRAP(got, "the host has gone without an answer")
				       : got;
		}
		s->progress_bytes += s->channel.received - before;
	}
}

amt_status owner_receive(
	struct amt_session *s, uint8_t expected, uint8_t other, struct message *reply)
{
	bool cancelled = false;
	TRY(check_usable(s));
	TRY(receive(s, reply, &cancelled));
	if (reply->type == REPLY_ERROR)
		return host_error(s, reply);
	if (reply->type != expected && reply->type != other) {
		s->broken = true;
		FAIL(AMT_PROTOCOL, "the host answered with %s", message_name(reply->type));
	}
	return STATUS_OK;
}

amt_status owner_call(struct amt_session *s, const struct message *request, uint8_t expected,
	struct message *reply)
{
	TRY(owner_send(s, request));
	return owner_receive(s, expected, expected, reply);
}

amt_status owner_distrust(struct amt_session *s, amt_status why)
{
	amt_code code = amt_status_code(why);
	if (code != AMT_INTEGRITY && code != AMT_CORRUPTION && code != AMT_TRUNCATED &&
		code != AMT_TYPE_MISMATCH && code != AMT_WRONG_KEY)
		return why;
	/* What the host sends after it would be read as the answer to something else. */
	s->failures++;
	return why;
}

/* ---- opening */

static amt_status read_evaluation_key(struct amt_session *s, const char *path, struct buf *out)
{
	TRY(io_read_file(s->io, path, MESSAGE_MAX_BYTES, out));
	struct wire_header header;
	struct span content;
	TRY(wire_get(buf_span(out), WIRE_EVALUATION_KEY, &header, &content));
	return wire_expect(&header, key_ring_id(s->key->ring), s->params->id);
}

static amt_status create_database(struct amt_session *s, const amt_session_options *o)
{
	struct buf key = {0}, state = {0};
	struct message m = {.type = REQUEST_CREATE_DATABASE}, reply;
	amt_status status;
	TRY_GOTO(status, random_from_system(s->database, sizeof(s->database)), out);
	if (o->evaluation_key != NULL)
		status = read_evaluation_key(s, o->evaluation_key, &key);
	else
		status = owner_make_evaluation_key(s->key, s->progress, s->progress_context, &key);
	if (!amt_ok(status))
		goto out;
	TRY_GOTO(status, owner_seal_state(s, NULL, NULL, &state), out);
	memcpy(m.database, s->database, sizeof(m.database));
	m.key = buf_span(&key);
	m.state = buf_span(&state);
	TRY_GOTO(status, owner_call(s, &m, REPLY_OK, &reply), out);
	s->version = 1;
	status = owner_remember(s);
out:
	buf_free(&key);
	buf_free(&state);
	return status;
}

static amt_status greet(struct amt_session *s, struct message *hello)
{
	struct message m = {.type = REQUEST_HELLO, .protocol = MESSAGE_PROTOCOL};
	TRY(owner_call(s, &m, REPLY_HELLO, hello));
	ENSURE(hello->protocol == MESSAGE_PROTOCOL, AMT_UNKNOWN_VERSION,
		"the host speaks version %u of the protocol, this program version %u",
		hello->protocol, MESSAGE_PROTOCOL);
	return STATUS_OK;
}

static amt_status open_database(struct amt_session *s, const amt_session_options *o)
{
	struct message hello;
	TRY(greet(s, &hello));
	if (!hello.exists) {
		ENSURE(!o->must_exist, AMT_NOT_FOUND, "there is no database%s%s",
			o->database != NULL ? " in " : "", o->database != NULL ? o->database : "");
		return create_database(s, o);
	}
	ENSURE(!o->must_not_exist, AMT_ALREADY_EXISTS, "there already is a database%s%s",
		o->database != NULL ? " in " : "", o->database != NULL ? o->database : "");
	ENSURE(memcmp(hello.key_id, key_ring_id(s->key->ring), KEY_ID_BYTES) == 0, AMT_WRONG_KEY,
		"the database belongs to another key");
	ENSURE(hello.parameters == s->params->id, AMT_FOREIGN_PARAMETERS,
		"the host says the database uses parameter set %u, the key is of %s",
		hello.parameters, s->params->name);
	memcpy(s->database, hello.database, sizeof(s->database));
	return owner_load_state(s);
}

amt_status amt_session_open(amt_session **out, const amt_session_options *o)
{
	ENSURE(out != NULL && o != NULL && o->key != NULL, AMT_INVALID_ARGUMENT,
		"a session needs a key");
	struct amt_session *s;
	TRY(mem_zalloc(&s, sizeof(*s)));
	s->key = o->key;
	s->params = o->key->params;
	s->fetch = o->fetch;
	s->scan_form = o->scan_form;
	s->progress = o->progress;
	s->progress_context = o->progress_context;
	s->broken = true; /* nothing to say goodbye to yet */
	amt_status status = io_posix_new(&s->io);
	if (amt_ok(status) && o->memory != NULL)
		status = mem_strdup(&s->memory, o->memory);
	if (amt_ok(status))
		status = owner_connect(s, o);
	if (amt_ok(status)) {
		s->broken = false;
		status = open_database(s, o);
	}
	if (!amt_ok(status)) {
		amt_session_close(s);
		return status;
	}
	*out = s;
	return STATUS_OK;
}

static amt_status revoke(struct amt_session *s, const uint8_t id[KEY_ID_BYTES])
{
	struct message m = {.type = REQUEST_REVOKE}, reply;
	TRY(greet(s, &reply));
	ENSURE(reply.exists, AMT_NOT_FOUND, "the host has no database");
	ENSURE(memcmp(reply.key_id, id, KEY_ID_BYTES) == 0, AMT_WRONG_KEY,
		"the database belongs to another key");
	memcpy(m.key_id, id, KEY_ID_BYTES);
	return owner_call(s, &m, REPLY_OK, &reply);
}

amt_status amt_host_revoke(const amt_session_options *o, const char *key_id)
{
	ENSURE(o != NULL, AMT_INVALID_ARGUMENT, "a host is needed");
	uint8_t id[KEY_ID_BYTES];
	TRY(owner_key_id_of(id, key_id));
	struct amt_session *s;
	TRY(mem_zalloc(&s, sizeof(*s)));
	s->broken = true; /* nothing to say goodbye to yet */
	amt_status status = io_posix_new(&s->io);
	if (amt_ok(status))
		status = owner_connect(s, o);
	if (amt_ok(status)) {
		s->broken = false;
		status = revoke(s, id);
	}
	amt_session_close(s);
	return status;
}

void amt_session_close(amt_session *s)
{
	if (s == NULL)
		return;
	owner_disconnect(s);
	for (size_t i = 0; i < s->tables; i++)
		relation_free(&s->table[i]);
	mem_free(s->table);
	owner_rings_free(s);
	pool_free(s->pool);
	mem_free(s->memory);
	channel_free(&s->channel);
	buf_free(&s->reply);
	io_free(s->io);
	mem_free(s);
}

void amt_session_set_fetch(amt_session *s, amt_fetch fetch)
{
	s->fetch = fetch;
}

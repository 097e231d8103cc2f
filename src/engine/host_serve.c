/* The host's loop: a request in, replies out, until goodbye. */
#include "engine/host.h"

#include "base/alloc.h"
#include "os/clock.h"

#include <stdarg.h>
#include <stdio.h>

enum { PROGRESS_NS = 100 * 1000 * 1000 };

void host_log(struct host *h, const char *format, ...)
{
	if (h->log == NULL)
		return;
	char line[512];
	va_list arguments;
	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	h->log(h->log_context, line);
}

amt_status host_open(struct host **out, struct io *io, const char *folder,
	const struct store_options *options, unsigned threads)
{
	struct host *h;
	TRY(mem_zalloc(&h, sizeof(*h)));
	amt_status s = store_open(&h->store, io, folder, options);
	if (amt_ok(s))
		s = pool_new(&h->pool, threads);
	if (amt_ok(s))
		s = host_load_database(h);
	if (amt_ok(s))
		s = host_segments_open(
			h, io, folder, options != NULL && options->kind == STORE_IN_MEMORY);
	if (amt_ok(s))
		s = host_load_revoked(h);
	if (!amt_ok(s)) {
		status_drop(host_close(h));
		return s;
	}
	*out = h;
	return STATUS_OK;
}

amt_status host_close(struct host *h)
{
	if (h == NULL)
		return STATUS_OK;
	int_context_free(h->integers);
	tfhe_evaluator_free(h->evaluator);
	host_segments_close(h);
	host_rings_free(h);
	pool_free(h->pool);
	amt_status s = h->store == NULL ? STATUS_OK : store_close(h->store);
	channel_free(&h->channel);
	buf_free(&h->request);
	mem_free(h);
	return s;
}

amt_status host_progress(struct host *h, enum message_phase phase, uint64_t done, uint64_t total)
{
	uint64_t now = clock_monotonic_ns();
	if (now - h->last_progress_ns < PROGRESS_NS)
		return STATUS_OK;
	h->last_progress_ns = now;
	struct message m = {
		.type = REPLY_PROGRESS, .code = (uint16_t)phase, .done = done, .total = total};
	TRY(channel_send(&h->channel, &m));
	if (!channel_ready(&h->channel))
		return STATUS_OK;
	/* Only a cancel may overtake; an owner that is gone wants no answer either. */
	struct buf body = {0};
	amt_status s = channel_receive(&h->channel, &body, &m);
	uint8_t type = m.type;
	buf_free(&body);
	TRY(s);
	ENSURE(type == REQUEST_CANCEL, AMT_PROTOCOL, "%s before the last one was answered",
		message_name(type));
	FAIL(AMT_CANCELLED, "cancelled by the owner");
}

/* Whether a request computes whatever it is, or brings what is computed on. */
static bool is_work(uint8_t type)
{
	return type == REQUEST_SCAN || type == REQUEST_INSERT || type == REQUEST_CREATE_TABLE ||
	       type == REQUEST_REPLACE_TABLE || type == REQUEST_BGV_KEYS;
}

static amt_status dispatch(struct host *h, const struct message *m)
{
	if (is_work(m->type))
		TRY(host_need_key(h));
	switch (m->type) {
	case REQUEST_HELLO:
		return host_hello(h);
	case REQUEST_CREATE_DATABASE:
		return host_create_database(h, m);
	case REQUEST_STATE:
		return host_send_state(h);
	case REQUEST_PUT_STATE:
		return host_put_state(h, m);
	case REQUEST_CREATE_TABLE:
		return host_create_table(h, m);
	case REQUEST_DROP_TABLE:
		return host_drop_table(h, m);
	case REQUEST_INSERT:
		return host_insert(h, m);
	case REQUEST_REPLACE_TABLE:
		return host_replace_table(h, m);
	case REQUEST_QUERY:
		return host_query(h, m);
	case REQUEST_FETCH:
		return host_fetch(h, m);
	case REQUEST_TABLES:
		return host_send_tables(h);
	case REQUEST_INSPECT:
		return host_inspect(h);
	case REQUEST_SEGMENT:
		return host_segment(h, m);
	case REQUEST_BGV_KEYS:
		return host_bgv_keys(h, m);
	case REQUEST_SCAN:
		return host_scan(h, m);
	case REQUEST_PAGE:
		return host_send_page(h, m);
	case REQUEST_REVOKE:
		return host_revoke(h, m);
	default:
		FAIL(AMT_PROTOCOL, "%s is not a request", message_name(m->type));
	}
}

/* Whether an error is of the connection rather than of the request. */
static bool is_fatal(amt_code code)
{
	return code == AMT_CLOSED;
}

static amt_status send_error(struct host *h, amt_status error)
{
	char text[1024];
	(void)snprintf(text, sizeof(text), "%s", amt_status_message(error));
	for (amt_status c = amt_status_cause(error); !amt_ok(c); c = amt_status_cause(c)) {
		size_t used = strlen(text);
		(void)snprintf(text + used, sizeof(text) - used, ": %s", amt_status_message(c));
	}
	const char *hint = amt_status_hint(error);
	struct message m = {.type = REPLY_ERROR,
		.code = (uint16_t)amt_status_code(error),
		.text = span_str(text),
		.hint = span_str(hint != NULL ? hint : "")};
	host_log(h, "answered with an error: %s", text);
	return channel_send(&h->channel, &m);
}

amt_status host_answer(struct host *h, const struct message *m, bool *done)
{
	*done = m->type == REQUEST_BYE;
	if (m->type == REQUEST_CANCEL) /* came after its request was answered */
		return STATUS_OK;
	if (*done) {
		struct message ok = {.type = REPLY_OK};
		return channel_send(&h->channel, &ok);
	}
	amt_status s = dispatch(h, m);
	if (amt_ok(s) || is_fatal(amt_status_code(s)))
		return s;
	amt_status sent = send_error(h, s);
	amt_status_clear(&s);
	return sent;
}

static amt_status serve(struct host *h)
{
	for (bool done = false; !done;) {
		struct message m;
		amt_status s = channel_receive(&h->channel, &h->request, &m);
		if (amt_status_code(s) == AMT_CLOSED) {
			amt_status_clear(&s);
			return STATUS_OK;
		}
		if (!amt_ok(s)) {
			status_drop(send_error(h, s));
			return s;
		}
		host_log(h, "%s", message_name(m.type));
		s = host_answer(h, &m, &done);
		if (amt_status_code(s) == AMT_CLOSED) {
			host_log(h, "the owner has gone");
			amt_status_clear(&s);
			return STATUS_OK;
		}
		TRY(s);
	}
	return STATUS_OK;
}

amt_status host_serve(struct host *h, int in_fd, int out_fd)
{
	h->channel.in = in_fd;
	h->channel.out = out_fd;
	amt_status s = serve(h);
	host_segments_forget(h);
	return s;
}

amt_status amt_host_serve(const amt_host_options *options, int in_fd, int out_fd)
{
	ENSURE(options != NULL && options->database != NULL, AMT_INVALID_ARGUMENT,
		"no database folder is named");
	struct io *io;
	struct host *h = NULL;
	TRY(io_posix_new(&io));
	amt_status s =
		host_open(&h, io, options->database, &(struct store_options){0}, options->threads);
	if (amt_ok(s)) {
		h->log = options->log;
		h->log_context = options->log_context;
		h->key_cache = options->key_cache;
		s = host_serve(h, in_fd, out_fd);
		s = status_first(s, host_close(h));
	} else {
		/* Whoever waits for an answer should learn why there is none. */
		struct host mute = {.channel = {.in = in_fd, .out = out_fd},
			.log = options->log,
			.log_context = options->log_context};
		status_drop(send_error(&mute, s));
		channel_free(&mute.channel);
	}
	io_free(io);
	return s;
}

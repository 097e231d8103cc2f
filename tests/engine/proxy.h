/* A host that is not honest: replies pass through a hook on their way to the owner. */
#ifndef TESTS_ENGINE_PROXY_H
#define TESTS_ENGINE_PROXY_H

#include "engine/fixture.h"

#include <poll.h>

struct proxy;
/* May change the message; bytes it points to must live until the next call (proxy.made is there for
 * that). false: the reply is dropped. */
typedef bool (*proxy_hook)(struct proxy *p, struct message *m);

struct proxy {
	struct engine engine; /* ends: host's side */
	pthread_t thread;
	int ends[2]; /* owner's, proxy's */
	struct channel owner, host;
	struct buf body, made, kept;
	/* The test sets the hook while the proxy's thread runs. */
	_Atomic(proxy_hook) hook;
	_Atomic unsigned count; /* replies since the hook was set */
	uint8_t seen[64];	/* types of requests, the newest last */
	_Atomic size_t requests;
};

static inline bool proxy_pass(struct proxy *p, struct channel *from, struct channel *to, bool reply)
{
	struct message m;
	amt_status s = channel_receive(from, &p->body, &m);
	bool send = true;
	proxy_hook hook = p->hook;
	if (amt_ok(s) && reply && hook != NULL) {
		send = hook(p, &m);
		p->count++;
	}
	if (amt_ok(s) && !reply && p->requests < sizeof(p->seen))
		p->seen[p->requests++] = m.type;
	if (amt_ok(s) && send)
		s = channel_send(to, &m);
	bool ok = amt_ok(s);
	amt_status_clear(&s);
	return ok;
}

static inline void *proxy_thread(void *context)
{
	struct proxy *p = context;
	for (bool ok = true; ok;) {
		struct pollfd fds[2] = {{.fd = p->owner.in, .events = POLLIN},
			{.fd = p->host.in, .events = POLLIN}};
		if (poll(fds, 2, -1) < 0)
			break;
		if (fds[1].revents != 0)
			ok = proxy_pass(p, &p->host, &p->owner, true);
		else if (fds[0].revents != 0)
			ok = proxy_pass(p, &p->owner, &p->host, false);
	}
	(void)shutdown(p->owner.in, SHUT_RDWR);
	(void)shutdown(p->host.in, SHUT_RDWR);
	return NULL;
}

/* Serves p->engine.host, which is open, to a new session behind the proxy. */
static inline amt_status proxy_connect(struct proxy *p, amt_session_options o)
{
	struct engine *e = &p->engine;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, e->ends), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, p->ends), 0);
	p->owner = (struct channel){.in = p->ends[1], .out = p->ends[1]};
	p->host = (struct channel){.in = e->ends[0], .out = e->ends[0]};
	p->requests = 0;
	assert_int_equal(pthread_create(&e->thread, NULL, engine_thread, e), 0);
	assert_int_equal(pthread_create(&p->thread, NULL, proxy_thread, p), 0);
	if (o.key == NULL)
		o.key = e->key;
	return engine_session(&e->session, p->ends[0], o);
}

static inline void proxy_disconnect(struct proxy *p)
{
	amt_session_close(p->engine.session);
	p->engine.session = NULL;
	(void)shutdown(p->ends[0], SHUT_RDWR);
	(void)pthread_join(p->thread, NULL);
	(void)pthread_join(p->engine.thread, NULL);
	for (int i = 0; i < 2; i++) {
		(void)close(p->ends[i]);
		(void)close(p->engine.ends[i]);
	}
	channel_free(&p->owner);
	channel_free(&p->host);
}

static inline void proxy_open(struct proxy *p, uint16_t params)
{
	*p = (struct proxy){.engine.key = engine_key(params)};
	struct store_options memory = {.kind = STORE_IN_MEMORY};
	OK(host_open(&p->engine.host, NULL, "memory", &memory, 1));
	OK(proxy_connect(p, (amt_session_options){0}));
}

static inline void proxy_close(struct proxy *p)
{
	proxy_disconnect(p);
	OK(host_close(p->engine.host));
	amt_key_free(p->engine.key);
	buf_free(&p->body);
	buf_free(&p->made);
	buf_free(&p->kept);
}

static inline void proxy_hook_set(struct proxy *p, proxy_hook hook)
{
	p->hook = hook;
	p->count = 0;
}

/* The statement fails so, and the session goes on with `next`, a question of one cell, as if nothing had
 * happened: no other request follows than that of `next`, which is of this type. */
static inline void proxy_caught(struct proxy *p, proxy_hook hook, const char *sql, amt_code code,
	const char *next, const char *expected, uint8_t type)
{
	amt_result *r;
	char cell[64];
	proxy_hook_set(p, hook);
	FAILS(code, amt_execute(p->engine.session, sql, &r));
	proxy_hook_set(p, NULL);
	size_t before = p->requests;
	assert_string_equal(engine_cell(&p->engine, next, cell), expected);
	assert_int_equal(p->requests, before + 1);
	assert_int_equal(p->seen[before], type);
}

/* After some failures of this kind the session sends nothing any more. */
static inline void proxy_refuses(struct proxy *p, proxy_hook hook, const char *sql, amt_code code)
{
	amt_result *r;
	proxy_hook_set(p, hook);
	for (int i = 0; i < OWNER_FAILURES_ALLOWED; i++)
		FAILS(code, amt_execute(p->engine.session, sql, &r));
	size_t before = p->requests;
	proxy_hook_set(p, NULL);
	FAILS(AMT_CLOSED, amt_execute(p->engine.session, sql, &r));
	assert_int_equal(p->requests, before);
}

/* ---- for hooks */

/* Keeps bytes in p->kept. */
static inline void proxy_keep(struct proxy *p, struct span bytes)
{
	buf_clear(&p->kept);
	OK(buf_put(&p->kept, bytes.data, bytes.size));
}

/* The bytes with a bit in the middle changed. */
static inline struct span proxy_flip(struct proxy *p, struct span bytes)
{
	buf_clear(&p->made);
	OK(buf_put(&p->made, bytes.data, bytes.size));
	p->made.data[bytes.size / 2] ^= 0x40;
	return buf_span(&p->made);
}

/* A wire object with its header and content changed, and a checksum that fits. */
static inline struct span proxy_rewrap(struct proxy *p, struct span wire, uint16_t type,
	void (*change)(struct wire_header *h, uint8_t *content, size_t size))
{
	struct wire_header header;
	struct span content;
	uint8_t *copy;
	OK(wire_get(wire, type, &header, &content));
	OK(mem_dup(&copy, content.data, content.size));
	change(&header, copy, content.size);
	buf_clear(&p->made);
	OK(wire_put(&p->made, &header, span_of(copy, content.size)));
	mem_free(copy);
	return buf_span(&p->made);
}

#endif

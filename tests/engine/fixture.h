/* An owner and a host in one process: the host serves in a thread of its own, over a socket pair, on
 * a store in memory or a folder. Toy parameters for volume: link ../tfhe/toy_params.c. */
#ifndef TESTS_ENGINE_FIXTURE_H
#define TESTS_ENGINE_FIXTURE_H

#include "testing.h"

#include "engine/host.h"
#include "engine/owner.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct engine {
	amt_key *key;
	amt_session *session;
	struct host *host;
	struct io *io;
	pthread_t thread;
	int ends[2]; /* owner's, host's */
};

static inline amt_key *engine_key(uint16_t params)
{
	struct key_ring *ring;
	amt_key *key;
	OK(key_ring_new(&ring, tfhe_params_find(params)));
	OK(owner_key_wrap(&key, ring));
	return key;
}

static inline void *engine_thread(void *context)
{
	struct engine *e = context;
	amt_status s = host_serve(e->host, e->ends[1], e->ends[1]);
	amt_status_clear(&s);
	(void)shutdown(e->ends[1], SHUT_RDWR);
	return NULL;
}

/* Opens a session over a socket; NULL where that fails. */
static inline amt_status engine_session(amt_session **session, int end, amt_session_options o)
{
	o.use_fds = true;
	o.in_fd = o.out_fd = end;
	*session = NULL;
	return amt_session_open(session, &o);
}

/* Serves the open host to a new session. */
static inline amt_status engine_connect(struct engine *e, amt_session_options o)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, e->ends), 0);
	assert_int_equal(pthread_create(&e->thread, NULL, engine_thread, e), 0);
	if (o.key == NULL)
		o.key = e->key;
	return engine_session(&e->session, e->ends[0], o);
}

static inline void engine_disconnect(struct engine *e)
{
	amt_session_close(e->session);
	e->session = NULL;
	(void)shutdown(e->ends[0], SHUT_RDWR);
	(void)pthread_join(e->thread, NULL);
	(void)close(e->ends[0]);
	(void)close(e->ends[1]);
}

static inline void engine_open(struct engine *e, uint16_t params)
{
	*e = (struct engine){.key = engine_key(params)};
	struct store_options memory = {.kind = STORE_IN_MEMORY};
	OK(host_open(&e->host, NULL, "memory", &memory, 0));
	OK(engine_connect(e, (amt_session_options){0}));
}

static inline void engine_close(struct engine *e)
{
	engine_disconnect(e);
	OK(host_close(e->host));
	amt_key_free(e->key);
	io_free(e->io);
}

/* Runs a statement that must succeed; the caller frees the result. */
static inline amt_result *engine_run(struct engine *e, const char *sql)
{
	amt_result *r = NULL;
	amt_status s = amt_execute(e->session, sql, &r);
	if (!amt_ok(s)) {
		char text[1024];
		(void)amt_status_format(s, text, sizeof(text));
		amt_status_clear(&s);
		fail_msg("%s: %s", sql, text);
	}
	return r;
}

static inline void engine_do(struct engine *e, const char *sql)
{
	amt_result_free(engine_run(e, sql));
}

/* The only cell of the answer, "" for NULL, in static memory of the caller. */
static inline const char *engine_cell(struct engine *e, const char *sql, char out[64])
{
	amt_result *r = engine_run(e, sql);
	assert_int_equal(amt_result_rows(r), 1);
	const char *cell = amt_result_cell(r, 0, 0);
	(void)snprintf(out, 64, "%s", cell != NULL ? cell : "NULL");
	amt_result_free(r);
	return out;
}

static inline amt_statistics engine_statistics(struct engine *e, const char *sql)
{
	amt_statistics s;
	amt_result *r = engine_run(e, sql);
	amt_result_statistics(r, &s);
	amt_result_free(r);
	return s;
}

/* Imports text as CSV. */
static inline amt_status engine_import(struct engine *e, const char *table, const char *csv,
	const amt_import_options *options, amt_result **out)
{
	FILE *f = tmpfile();
	assert_non_null(f);
	assert_int_equal(fwrite(csv, 1, strlen(csv), f), strlen(csv));
	assert_int_equal(fflush(f), 0);
	assert_int_equal(lseek(fileno(f), 0, SEEK_SET), 0);
	amt_status s = amt_import_csv(e->session, table, fileno(f), options, out);
	(void)fclose(f);
	return s;
}

#endif

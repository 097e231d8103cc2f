/* A host in a process of its own, on the real disk, and a session with it. */
#ifndef TESTS_ENGINE_HOST_PROCESS_H
#define TESTS_ENGINE_HOST_PROCESS_H

#include "engine/fixture.h"
#include "folder.h"

#include <signal.h>
#include <sys/wait.h>

struct remote {
	amt_key *key;
	char folder[FOLDER_BYTES];
	amt_session *session;
	pid_t pid;
	int end;
};

static inline void remote_make(struct remote *r, uint16_t params)
{
	*r = (struct remote){.key = engine_key(params)};
	folder_make(r->folder);
}

static inline void remote_remove(struct remote *r)
{
	folder_remove(r->folder);
	amt_key_free(r->key);
}

/* Starts a host with one thread and connects; memory as in amt_session_options. The process is there
 * whatever the status is, until remote_end. */
static inline amt_status remote_connect(struct remote *r, const char *memory)
{
	int ends[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	r->pid = fork();
	assert_true(r->pid >= 0);
	if (r->pid == 0) {
		(void)close(ends[0]);
		amt_host_options o = {.database = r->folder, .threads = 1};
		amt_status s = amt_host_serve(&o, ends[1], ends[1]);
		_exit(amt_ok(s) ? 0 : 1);
	}
	(void)close(ends[1]);
	r->end = ends[0];
	return engine_session(
		&r->session, r->end, (amt_session_options){.key = r->key, .memory = memory});
}

/* The status of the host's process, as of waitpid. */
static inline int remote_end(struct remote *r)
{
	int status;
	amt_session_close(r->session);
	r->session = NULL;
	(void)close(r->end);
	assert_int_equal(waitpid(r->pid, &status, 0), r->pid);
	return status;
}

static inline amt_status remote_run(struct remote *r, const char *sql)
{
	amt_result *result = NULL;
	amt_status s = amt_execute(r->session, sql, &result);
	amt_result_free(result);
	return s;
}

/* The first cell of the answer, -1 for NULL. */
static inline long remote_number(struct remote *r, const char *sql)
{
	amt_result *result;
	OK(amt_execute(r->session, sql, &result));
	const char *cell = amt_result_cell(result, 0, 0);
	long n = cell != NULL ? strtol(cell, NULL, 10) : -1;
	amt_result_free(result);
	return n;
}

struct killer {
	pid_t pid;
	unsigned delay_us;
	pthread_t thread;
};

static inline void *killer_thread(void *context)
{
	struct killer *k = context;
	(void)usleep(k->delay_us);
	(void)kill(k->pid, SIGKILL);
	return NULL;
}

/* Kills the host after that time, from a thread to join. */
static inline void killer_start(struct killer *k, const struct remote *r, unsigned delay_us)
{
	k->pid = r->pid;
	k->delay_us = delay_us;
	assert_int_equal(pthread_create(&k->thread, NULL, killer_thread, k), 0);
}

#endif

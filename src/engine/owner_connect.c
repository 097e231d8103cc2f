/* Reaching a host: a program of our own, a command, or descriptors that are already there. */
#include "engine/owner.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char program[] = "amatersd";

/* The host program: beside the running program, where a build tree has it, else from PATH. */
static void find_program(char *out, size_t size)
{
	static const char *const places[] = {"", "../server/"};
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = '\0';
		char *slash = strrchr(self, '/');
		if (slash != NULL)
			slash[1] = '\0';
		for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
			int length = snprintf(out, size, "%s%s%s", self, places[i], program);
			if (length > 0 && (size_t)length < size && access(out, X_OK) == 0)
				return;
		}
	}
	(void)snprintf(out, size, "%s", program);
}

/* Starts argv with `end` as stdin and stdout. */
static amt_status start(struct amt_session *s, char *const *argv, int end)
{
	posix_spawn_file_actions_t actions;
	ENSURE(posix_spawn_file_actions_init(&actions) == 0, AMT_OUT_OF_MEMORY,
		"cannot prepare to start %s", argv[0]);
	int error = posix_spawn_file_actions_adddup2(&actions, end, STDIN_FILENO);
	if (error == 0)
		error = posix_spawn_file_actions_adddup2(&actions, end, STDOUT_FILENO);
	if (error == 0)
		error = posix_spawnp(&s->child, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error == 0)
		return STATUS_OK;
	s->child = 0;
	errno = error;
	return status_hint(ERROR_ERRNO(AMT_UNAVAILABLE, "cannot start the host %s", argv[0]),
		"install %s beside this program or on PATH", program);
}

static amt_status start_host(struct amt_session *s, const amt_session_options *o)
{
	char path[4096], threads[16];
	(void)snprintf(threads, sizeof(threads), "%u", o->host_threads);
	char *shell[] = {"/bin/sh", "-c", (char *)o->host_command, NULL};
	char *own[] = {path, "--stdio", "--db", (char *)o->database, "--threads", threads,
		o->key_cache != NULL ? "--key-cache" : NULL, (char *)o->key_cache, NULL};
	if (o->host_command == NULL)
		find_program(path, sizeof(path));
	int ends[2];
	ENSURE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, AMT_IO,
		"cannot make a connection for the host");
	amt_status status = start(s, o->host_command != NULL ? shell : own, ends[1]);
	(void)close(ends[1]);
	if (!amt_ok(status)) {
		(void)close(ends[0]);
		return status;
	}
	s->channel.in = s->channel.out = ends[0];
	return STATUS_OK;
}

amt_status owner_connect(struct amt_session *s, const amt_session_options *o)
{
	unsigned ways = (o->database != NULL) + (o->host_command != NULL) + o->use_fds;
	ENSURE(ways == 1, AMT_INVALID_ARGUMENT,
		"name one of a database folder, a host command and descriptors, not %u", ways);
	if (!o->use_fds)
		return start_host(s, o);
	s->channel.in = o->in_fd;
	s->channel.out = o->out_fd;
	return STATUS_OK;
}

void owner_disconnect(struct amt_session *s)
{
	if (!s->broken) {
		struct message bye = {.type = REQUEST_BYE}, reply;
		amt_status sent = channel_send(&s->channel, &bye);
		if (amt_ok(sent))
			sent = channel_receive(&s->channel, &s->reply, &reply);
		amt_status_clear(&sent);
	}
	if (s->child == 0)
		return;
	(void)close(s->channel.in);
	while (waitpid(s->child, NULL, 0) < 0 && errno == EINTR)
		;
	s->child = 0;
}

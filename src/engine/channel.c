/* Frames over file descriptors. */
#include "engine/message.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ_STEP = 1 << 20 };

void channel_free(struct channel *c)
{
	buf_free(&c->frame);
}

/* write() to a pipe whose reader is gone raises SIGPIPE, which would end a program that only uses
 * the library: block it for this thread and take it back off the queue. */
static ssize_t write_pipe(int fd, const uint8_t *data, size_t size)
{
	sigset_t pipe_only, before, pending;
	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	ssize_t n = write(fd, data, size);
	int error = errno;
	if (n < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE)) {
		struct timespec none = {0, 0};
		while (sigtimedwait(&pipe_only, NULL, &none) < 0 && errno == EINTR)
			;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return n;
}

static amt_status write_all(struct channel *c, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = send(c->out, data, size, MSG_NOSIGNAL);
		if (n < 0 && errno == ENOTSOCK)
			n = write_pipe(c->out, data, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return ERROR_ERRNO(AMT_CLOSED, "the other side has closed the connection");
		if (n < 0)
			return ERROR_ERRNO(AMT_IO, "cannot write to the other side");
		data += n;
		size -= (size_t)n;
		c->sent += (uint64_t)n;
	}
	return STATUS_OK;
}

/* Megabytes are not copied into the frame. */
static amt_status send_data(struct channel *c, const struct message *m)
{
	uint8_t head[9];
	ENSURE(m->data.size <= MESSAGE_DATA_BYTES, AMT_LIMIT, "%s of %zu bytes",
		message_name(m->type), m->data.size);
	store_u32(head, (uint32_t)(m->data.size + 5));
	head[4] = m->type;
	store_u32(head + 5, (uint32_t)m->data.size);
	TRY(write_all(c, head, sizeof(head)));
	return write_all(c, m->data.data, m->data.size);
}

amt_status channel_send(struct channel *c, const struct message *m)
{
	if (m->type == REQUEST_DATA || m->type == REPLY_DATA)
		return send_data(c, m);
	buf_clear(&c->frame);
	TRY(message_put(&c->frame, m));
	return write_all(c, c->frame.data, c->frame.size);
}

/* Exactly size bytes; *got tells how many there were before the end. */
static amt_status read_all(struct channel *c, uint8_t *data, size_t size, size_t *got)
{
	*got = 0;
	while (*got < size) {
		ssize_t n = read(c->in, data + *got, size - *got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != ECONNRESET)
			return ERROR_ERRNO(AMT_IO, "cannot read from the other side");
		if (n <= 0)
			break;
		*got += (size_t)n;
		c->received += (uint64_t)n;
	}
	return STATUS_OK;
}

amt_status channel_receive(struct channel *c, struct buf *body, struct message *m)
{
	uint8_t head[5];
	size_t got;
	TRY(read_all(c, head, sizeof(head), &got));
	ENSURE(got > 0, AMT_CLOSED, "the other side has ended");
	ENSURE(got == sizeof(head), AMT_TRUNCATED, "the other side ended inside a message");
	size_t left = load_u32(head);
	ENSURE(left >= 1 && left <= MESSAGE_MAX_BYTES, AMT_PROTOCOL, "a message of %zu bytes",
		left);
	buf_clear(body);
	/* Memory follows what has really arrived, not what the length claims. */
	for (left--; left > 0; left -= got) {
		size_t step = left < READ_STEP ? left : READ_STEP;
		uint8_t *at;
		TRY(buf_extend(body, step, &at));
		TRY(read_all(c, at, step, &got));
		ENSURE(got == step, AMT_TRUNCATED, "the other side ended inside a message");
	}
	return message_get(m, head[4], buf_span(body));
}

bool channel_ready(const struct channel *c)
{
	struct pollfd p = {.fd = c->in, .events = POLLIN};
	return poll(&p, 1, 0) > 0 && (p.revents & (POLLIN | POLLHUP | POLLERR)) != 0;
}

#include "keys/passphrase.h"

#include "crypto/secret.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

void passphrase_free(struct passphrase *p)
{
	secret_free(p->bytes);
	*p = (struct passphrase){0};
}

/* Room for the longest line with its end. */
enum { ROOM = PASSPHRASE_BYTES_MAX + 2 };

static amt_status passphrase_alloc(struct passphrase *out)
{
	*out = (struct passphrase){0};
	return secret_alloc(&out->bytes, ROOM);
}

static amt_status finish(struct passphrase *p, amt_status st)
{
	if (amt_ok(st) && p->size > 0 && p->bytes[p->size - 1] == '\r')
		p->bytes[--p->size] = 0;
	if (amt_ok(st) && p->size == 0)
		st = ERROR(AMT_INVALID_ARGUMENT, "the passphrase is empty");
	if (amt_ok(st) && p->size > PASSPHRASE_BYTES_MAX)
		st = ERROR(
			AMT_LIMIT, "the passphrase is longer than %d bytes", PASSPHRASE_BYTES_MAX);
	if (!amt_ok(st))
		passphrase_free(p);
	return st;
}

/* *got is 0 at the end. */
static amt_status read_one(int fd, uint8_t *out, size_t *got)
{
	ssize_t some;
	do
		some = read(fd, out, 1);
	while (some < 0 && errno == EINTR);
	if (some < 0)
		return ERROR_ERRNO(AMT_IO, "read the passphrase from descriptor %d", fd);
	*got = (size_t)some;
	return STATUS_OK;
}

static amt_status read_line(struct passphrase *p, int fd)
{
	while (p->size < ROOM) {
		size_t got;
		TRY(read_one(fd, p->bytes + p->size, &got));
		if (got == 0 || p->bytes[p->size] == '\n')
			return STATUS_OK;
		p->size++;
	}
	return STATUS_OK;
}

amt_status passphrase_from_fd(struct passphrase *out, int fd)
{
	TRY(passphrase_alloc(out));
	return finish(out, read_line(out, fd));
}

amt_status passphrase_from_file(struct passphrase *out, struct io *io, const char *path)
{
	struct io_file *f;
	TRY(io_open(io, path, IO_READ, &f));
	amt_status st = passphrase_alloc(out);
	if (amt_ok(st)) {
		st = io_read(f, 0, out->bytes, ROOM, &out->size);
		const uint8_t *end = amt_ok(st) ? memchr(out->bytes, '\n', out->size) : NULL;
		if (end != NULL)
			out->size = (size_t)(end - out->bytes);
		st = finish(out, st);
	}
	io_close(f);
	return st;
}

static void say(int terminal, const char *text)
{
	size_t size = strlen(text);
	while (size > 0) {
		ssize_t some = write(terminal, text, size);
		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return; /* a prompt that cannot be seen harms nobody */
		text += some;
		size -= (size_t)some;
	}
}

/* Removes one character of UTF-8. */
static void erase(struct passphrase *p)
{
	while (p->size > 0 && (p->bytes[--p->size] & 0xc0) == 0x80)
		;
}

/* The terminal hands over each key as it is pressed: in its own line mode an interrupt would leave
 * the echo off, and lines would be cut at 4095 bytes. */
static amt_status edit_line(struct passphrase *p, int terminal)
{
	enum { CTRL_C = 3, CTRL_D = 4, BACKSPACE = 8, CTRL_U = 21, DELETE = 127 };
	for (;;) {
		uint8_t *key = p->bytes + p->size;
		size_t got;
		TRY(read_one(terminal, key, &got));
		ENSURE(got == 1 && *key != CTRL_C && !(*key == CTRL_D && p->size == 0),
			AMT_CANCELLED, "no passphrase was given");
		if (*key == '\n' || *key == '\r' || *key == CTRL_D)
			return STATUS_OK;
		if (*key == BACKSPACE || *key == DELETE)
			erase(p);
		else if (*key == CTRL_U)
			p->size = 0;
		else if (p->size < ROOM - 1)
			p->size++;
	}
}

static amt_status ask_once(struct passphrase *out, int terminal, const char *prompt)
{
	struct termios before, silent;
	if (tcgetattr(terminal, &before) != 0)
		return ERROR_ERRNO(AMT_UNAVAILABLE, "not a terminal");
	silent = before;
	silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
	silent.c_cc[VMIN] = 1;
	silent.c_cc[VTIME] = 0;
	TRY(passphrase_alloc(out));
	amt_status st = STATUS_OK;
	if (tcsetattr(terminal, TCSAFLUSH, &silent) != 0)
		st = ERROR_ERRNO(AMT_UNAVAILABLE, "cannot switch off the terminal's echo");
	if (amt_ok(st)) {
		say(terminal, prompt);
		st = edit_line(out, terminal);
		say(terminal, "\n");
	}
	(void)tcsetattr(terminal, TCSADRAIN, &before);
	return finish(out, st);
}

amt_status passphrase_ask_at(struct passphrase *out, int terminal, const char *prompt, bool confirm)
{
	TRY(ask_once(out, terminal, prompt));
	if (!confirm)
		return STATUS_OK;
	struct passphrase again;
	amt_status st = ask_once(&again, terminal, "The same again: ");
	if (amt_ok(st)) {
		if (again.size != out->size || !secret_equal(again.bytes, out->bytes, out->size))
			st = ERROR(AMT_INVALID_ARGUMENT, "the two passphrases differ");
		passphrase_free(&again);
	}
	if (!amt_ok(st))
		passphrase_free(out);
	return st;
}

amt_status passphrase_ask(struct passphrase *out, const char *prompt, bool confirm)
{
	int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal < 0)
		return status_hint(ERROR_ERRNO(AMT_UNAVAILABLE,
					   "there is no terminal to ask for a passphrase"),
			"give it by file descriptor (fd:3) or file (file:path)");
	amt_status st = passphrase_ask_at(out, terminal, prompt, confirm);
	(void)close(terminal);
	return st;
}

amt_status passphrase_get(
	struct passphrase *out, struct io *io, const char *source, const char *prompt, bool confirm)
{
	if (source == NULL)
		return passphrase_ask(out, prompt, confirm);
	if (strncmp(source, "file:", 5) == 0)
		return passphrase_from_file(out, io, source + 5);
	char *end = NULL;
	long fd = strncmp(source, "fd:", 3) == 0 ? strtol(source + 3, &end, 10) : -1;
	ENSURE(end != NULL && end != source + 3 && *end == 0 && fd >= 0 && fd <= 1 << 20,
		AMT_INVALID_ARGUMENT, "a passphrase comes from fd:NUMBER or file:PATH");
	return passphrase_from_fd(out, (int)fd);
}

/* Where passphrases come from: the terminal without echo, a file descriptor or a file; never the
 * command line or the environment, which other users can read. Owner only; one thread at a time on
 * a terminal.
 */
#ifndef KEYS_PASSPHRASE_H
#define KEYS_PASSPHRASE_H

#include "base/bytes.h"
#include "os/io.h"

enum { PASSPHRASE_BYTES_MAX = 1024 };

/* In secret memory; zero-initialise, free with passphrase_free. */
struct passphrase {
	uint8_t *bytes;
	size_t size;
};

static inline struct span passphrase_span(const struct passphrase *p)
{
	return span_of(p->bytes, p->size);
}
void passphrase_free(struct passphrase *p);

/* source: NULL asks at the terminal, "fd:3" reads descriptor 3, "file:path" a file. See below. */
amt_status passphrase_get(struct passphrase *out, struct io *io, const char *source,
	const char *prompt, bool confirm);

/* The first line, without its end ("\n" or "\r\n"). From a descriptor nothing beyond the line is
 * consumed, so that several passphrases may follow each other on one. AMT_INVALID_ARGUMENT if the
 * line is empty, AMT_LIMIT if it is longer than PASSPHRASE_BYTES_MAX. */
amt_status passphrase_from_fd(struct passphrase *out, int fd);
amt_status passphrase_from_file(struct passphrase *out, struct io *io, const char *path);

/* Asks at the controlling terminal (AMT_UNAVAILABLE without one), twice if confirm is set
 * (AMT_INVALID_ARGUMENT if the two differ). Backspace and ^U edit; ^C, and ^D on an empty line,
 * give AMT_CANCELLED. The terminal's settings are restored on every return. */
amt_status passphrase_ask(struct passphrase *out, const char *prompt, bool confirm);
/* The same at an open terminal. */
amt_status passphrase_ask_at(
	struct passphrase *out, int terminal, const char *prompt, bool confirm);

#endif

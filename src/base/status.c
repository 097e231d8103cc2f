/* Errors are heap objects because they cross threads and carry chains; success costs one NULL. */
#include "base/status.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct amt_error {
	amt_code code;
	int os_errno;
	int line;
	const char *file;
	struct amt_error *cause;
	char *hint;
	char message[];
};

/* The one error that needs no memory. It is shared, so it is never written to or freed. */
static struct amt_error no_memory = {.code = AMT_OUT_OF_MEMORY, .file = __FILE__, .line = __LINE__};

static char *format_text(const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	char *text = length < 0 ? NULL : mem_alloc_unchecked((size_t)length + 1);
	if (text != NULL)
		(void)vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

static amt_status new_error(amt_code code, int os_errno, const char *file, int line,
	struct amt_error *cause, const char *format, va_list args)
{
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	size_t size = length < 0 ? 1 : (size_t)length + 1;
	struct amt_error *error = mem_alloc_unchecked(sizeof(*error) + size);
	if (error == NULL) {
		va_end(again);
		amt_status lost = {cause};
		amt_status_clear(&lost);
		return (amt_status){&no_memory};
	}
	*error = (struct amt_error){
		.code = code, .os_errno = os_errno, .file = file, .line = line, .cause = cause};
	if (length >= 0)
		(void)vsnprintf(error->message, size, format, again);
	else
		error->message[0] = '\0';
	va_end(again);
	return (amt_status){error};
}

amt_status status_new(
	amt_code code, int os_errno, const char *file, int line, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	amt_status s = new_error(code, os_errno, file, line, NULL, format, args);
	va_end(args);
	return s;
}

amt_status status_wrap(amt_status cause, const char *file, int line, const char *format, ...)
{
	if (amt_ok(cause) || cause.error == &no_memory)
		return cause;
	va_list args;
	va_start(args, format);
	amt_status s = new_error(
		cause.error->code, cause.error->os_errno, file, line, cause.error, format, args);
	va_end(args);
	return s;
}

amt_status status_hint(amt_status s, const char *format, ...)
{
	if (amt_ok(s) || s.error == &no_memory)
		return s;
	va_list args;
	va_start(args, format);
	char *text = format_text(format, args);
	va_end(args);
	mem_free(s.error->hint);
	s.error->hint = text;
	return s;
}

amt_status status_first(amt_status first, amt_status second)
{
	if (amt_ok(first))
		return second;
	amt_status_clear(&second);
	return first;
}

amt_code amt_status_code(amt_status s)
{
	return amt_ok(s) ? AMT_OK : s.error->code;
}

const char *amt_status_message(amt_status s)
{
	if (amt_ok(s))
		return "ok";
	return s.error == &no_memory ? "out of memory" : s.error->message;
}

const char *amt_status_hint(amt_status s)
{
	for (struct amt_error *e = s.error; e != NULL; e = e->cause)
		if (e->hint != NULL)
			return e->hint;
	return NULL;
}

const char *amt_status_file(amt_status s)
{
	return amt_ok(s) ? NULL : s.error->file;
}

int amt_status_line(amt_status s)
{
	return amt_ok(s) ? 0 : s.error->line;
}

int amt_status_errno(amt_status s)
{
	return amt_ok(s) ? 0 : s.error->os_errno;
}

amt_status amt_status_cause(amt_status s)
{
	return amt_ok(s) ? STATUS_OK : (amt_status){s.error->cause};
}

struct code_row {
	amt_code code;
	const char *name;
	const char *words;
	amt_severity severity;
	amt_recovery recovery;
};

static const struct code_row *code_row(amt_code code)
{
	static const struct code_row rows[] = {
		{AMT_OK, "AMT_OK", "ok", AMT_SEVERITY_INFO, AMT_RECOVERY_FAIL_FAST},
#define CODE_ROW(name, number, words, severity, recovery) \
	{name, #name, words, AMT_SEVERITY_##severity, AMT_RECOVERY_##recovery},
		AMT_CODE_TABLE(CODE_ROW)
#undef CODE_ROW
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return &rows[i];
	return &rows[sizeof(rows) / sizeof(rows[0]) - 1]; /* AMT_INTERNAL */
}

const char *amt_code_name(amt_code code)
{
	return code_row(code)->name;
}

const char *amt_code_words(amt_code code)
{
	return code_row(code)->words;
}

amt_severity amt_code_severity(amt_code code)
{
	return code_row(code)->severity;
}

amt_recovery amt_code_recovery(amt_code code)
{
	return code_row(code)->recovery;
}

int64_t amt_recovery_delay_ms(amt_recovery recovery, unsigned attempt, double jitter)
{
	enum {
		FIRST_MS = 100,
		LONGEST_MS = 30000,
		EXPONENTIAL_TRIES = 5,
		LINEAR_MS = 1000,
		LINEAR_TRIES = 3
	};
	enum { BREAKER_FAILURES = 5, BREAKER_MS = 60000 };
	switch (recovery) {
	case AMT_RECOVERY_BACKOFF_EXPONENTIAL: {
		if (attempt == 0 || attempt > EXPONENTIAL_TRIES)
			return -1;
		int64_t delay = (int64_t)FIRST_MS << (attempt - 1);
		delay += (int64_t)((double)delay * jitter);
		return delay < LONGEST_MS ? delay : LONGEST_MS;
	}
	case AMT_RECOVERY_BACKOFF_LINEAR:
		return attempt == 0 || attempt > LINEAR_TRIES ? -1 : LINEAR_MS;
	case AMT_RECOVERY_CIRCUIT_BREAKER:
		return attempt < BREAKER_FAILURES ? 0 : BREAKER_MS;
	case AMT_RECOVERY_FAIL_FAST:
		break;
	}
	return -1;
}

size_t amt_status_format(amt_status s, char *out, size_t size)
{
	size_t used = 0;
	if (size > 0)
		out[0] = '\0';
#define APPEND(...)                                                                               \
	do {                                                                                      \
		int n_ = snprintf(used < size ? out + used : NULL, used < size ? size - used : 0, \
			__VA_ARGS__);                                                             \
		used += n_ > 0 ? (size_t)n_ : 0;                                                  \
	} while (0)
	APPEND("%s", amt_status_message(s));
	if (amt_ok(s))
		return used;
	for (amt_status c = amt_status_cause(s); !amt_ok(c); c = amt_status_cause(c))
		APPEND(": %s", amt_status_message(c));
	if (s.error->os_errno != 0)
		APPEND(" (%s)", strerrordesc_np(s.error->os_errno));
	APPEND(" [%s]", amt_code_name(s.error->code));
	if (amt_status_hint(s) != NULL)
		APPEND("\nhint: %s", amt_status_hint(s));
#undef APPEND
	return used;
}

void amt_status_clear(amt_status *s)
{
	struct amt_error *error = s->error;
	s->error = NULL;
	while (error != NULL && error != &no_memory) {
		struct amt_error *cause = error->cause;
		mem_free(error->hint);
		mem_free(error);
		error = cause;
	}
}

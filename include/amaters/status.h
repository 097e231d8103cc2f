/* Errors: what every fallible function of amaters returns.
 *
 * A status is one word: NULL inside means success, anything else is an error object that remembers
 * a stable code, a message, where it was born, the operating system's errno and the error that
 * caused it. Whoever holds a failed status owns it and must either return it or free it
 * (amt_status_clear). Statuses may move between threads; a single one may not be used by two
 * threads at once.
 */
#ifndef AMATERS_STATUS_H
#define AMATERS_STATUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* An ignored status does not compile: [[nodiscard]] on the type where the language has it. */
#if defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ > 201710L)
#define AMT_NODISCARD [[nodiscard]]
#else
#define AMT_NODISCARD
#endif

/* Every code with its number (stable for ever), its words, severity and class of recovery. */
#define AMT_CODE_TABLE(X)                                                        \
	X(AMT_INVALID_ARGUMENT, 1, "invalid argument", ERROR, FAIL_FAST)         \
	X(AMT_OUT_OF_MEMORY, 2, "out of memory", CRITICAL, BACKOFF_LINEAR)       \
	X(AMT_IO, 3, "input/output error", CRITICAL, BACKOFF_EXPONENTIAL)        \
	X(AMT_DISK_FULL, 4, "disk full", CRITICAL, BACKOFF_LINEAR)               \
	X(AMT_CORRUPTION, 5, "corrupt data", CRITICAL, FAIL_FAST)                \
	X(AMT_TRUNCATED, 6, "truncated data", ERROR, FAIL_FAST)                  \
	X(AMT_NOT_FOUND, 7, "not found", WARNING, FAIL_FAST)                     \
	X(AMT_ALREADY_EXISTS, 8, "already exists", ERROR, FAIL_FAST)             \
	X(AMT_UNSUPPORTED, 9, "not supported", ERROR, FAIL_FAST)                 \
	X(AMT_SYNTAX, 10, "syntax error", ERROR, FAIL_FAST)                      \
	X(AMT_TYPE_MISMATCH, 11, "type mismatch", ERROR, FAIL_FAST)              \
	X(AMT_OUT_OF_RANGE, 12, "out of range", ERROR, FAIL_FAST)                \
	X(AMT_WRONG_KEY, 13, "wrong key", ERROR, FAIL_FAST)                      \
	X(AMT_WRONG_PASSPHRASE, 14, "wrong passphrase", ERROR, FAIL_FAST)        \
	X(AMT_FOREIGN_PARAMETERS, 15, "foreign parameter set", ERROR, FAIL_FAST) \
	X(AMT_UNKNOWN_VERSION, 16, "unknown format version", ERROR, FAIL_FAST)   \
	X(AMT_LOCKED, 17, "locked by another process", ERROR, BACKOFF_LINEAR)    \
	X(AMT_LIMIT, 18, "limit exceeded", ERROR, FAIL_FAST)                     \
	X(AMT_CONFLICT, 19, "conflicting change", WARNING, BACKOFF_EXPONENTIAL)  \
	X(AMT_PROTOCOL, 20, "protocol violation", ERROR, FAIL_FAST)              \
	X(AMT_INTEGRITY, 21, "integrity check failed", CRITICAL, FAIL_FAST)      \
	X(AMT_UNAVAILABLE, 22, "unavailable", ERROR, CIRCUIT_BREAKER)            \
	X(AMT_CANCELLED, 23, "cancelled", INFO, FAIL_FAST)                       \
	X(AMT_CLOSED, 24, "closed", ERROR, FAIL_FAST)                            \
	X(AMT_NOISE_BUDGET, 25, "noise budget exceeded", ERROR, FAIL_FAST)       \
	X(AMT_INTERNAL, 26, "internal error", CRITICAL, FAIL_FAST)

typedef enum amt_code {
	AMT_OK = 0,
#define AMT_CODE_ENUM(name, number, words, severity, recovery) name = number,
	AMT_CODE_TABLE(AMT_CODE_ENUM)
#undef AMT_CODE_ENUM
} amt_code;

typedef enum amt_severity {
	AMT_SEVERITY_INFO,
	AMT_SEVERITY_WARNING,
	AMT_SEVERITY_ERROR,
	AMT_SEVERITY_CRITICAL
} amt_severity;

/* What a caller may do about an error. The figures are the suggested policy, see
 * amt_recovery_delay_ms. */
typedef enum amt_recovery {
	AMT_RECOVERY_FAIL_FAST,		  /* trying again cannot help */
	AMT_RECOVERY_BACKOFF_EXPONENTIAL, /* 100 ms doubling to 30 s with jitter, 5 tries */
	AMT_RECOVERY_BACKOFF_LINEAR,	  /* 1 s apart, 3 tries */
	AMT_RECOVERY_CIRCUIT_BREAKER	  /* open after 5 failures, half-open after 60 s */
} amt_recovery;

struct amt_error;
typedef struct AMT_NODISCARD amt_status {
	struct amt_error *error; /* NULL: success */
} amt_status;

static inline bool amt_ok(amt_status s)
{
	return s.error == NULL;
}

/* All accept success (AMT_OK, "ok", NULL, 0). Strings live as long as the status. */
amt_code amt_status_code(amt_status s);
const char *amt_status_message(amt_status s);
const char *amt_status_hint(amt_status s); /* what to do about it, or NULL */
const char *amt_status_file(amt_status s);
int amt_status_line(amt_status s);
int amt_status_errno(amt_status s);
amt_status amt_status_cause(amt_status s); /* borrowed from s: do not free */

const char *amt_code_name(amt_code code);  /* "AMT_IO" */
const char *amt_code_words(amt_code code); /* "input/output error" */
amt_severity amt_code_severity(amt_code code);
amt_recovery amt_code_recovery(amt_code code);

/* Milliseconds to wait before try number `attempt` (1 = first retry), or -1 when one should give
 * up. `jitter` in [0, 1] comes from the caller so that the function stays pure. */
int64_t amt_recovery_delay_ms(amt_recovery recovery, unsigned attempt, double jitter);

/* Writes "message (cause: ...)" with hint and location into out, always terminated. Returns the
 * length needed. */
size_t amt_status_format(amt_status s, char *out, size_t size);

/* Frees the error, if any, and makes *s a success. */
void amt_status_clear(amt_status *s);

#ifdef __cplusplus
}
#endif
#endif

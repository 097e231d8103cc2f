/* Making and passing on errors inside the kernel. The public face is <amaters/status.h>.
 *
 *	TRY(call());                                   return the status if it failed
 *	ENSURE(n <= max, AMT_LIMIT, "%zu rows", n);    return a new error unless the condition holds
 *	FAIL(AMT_SYNTAX, "unknown type %s", name);     return a new error
 *	TRY_GOTO(st, call(), out);                     keep it in st and jump to the cleanup
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include "amaters/status.h"

#include <errno.h>

#define STATUS_OK ((amt_status){NULL})

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Returns a new error. Never fails: without memory it returns a static out-of-memory error. */
amt_status status_new(amt_code code, int os_errno, const char *file, int line, const char *format,
	...) __attribute__((format(printf, 5, 6), cold));

/* Wraps `cause` (which it takes over) in a new message. The code is the cause's own. */
amt_status status_wrap(amt_status cause, const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5), cold));

/* Attaches advice ("run: amaters keygen") to a failed status; ignored on success. Returns s. */
amt_status status_hint(amt_status s, const char *format, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Tells compilers and analysers that a new error is never a success. */
static inline amt_status status_failed(amt_status s)
{
	if (amt_ok(s))
		__builtin_unreachable();
	return s;
}

#define ERROR(code, ...) status_failed(status_new((code), 0, __FILE__, __LINE__, __VA_ARGS__))
#define ERROR_ERRNO(code, ...) \
	status_failed(status_new((code), errno, __FILE__, __LINE__, __VA_ARGS__))
#define WRAP(cause, ...) status_wrap((cause), __FILE__, __LINE__, __VA_ARGS__)
#define FAIL(code, ...) return ERROR(code, __VA_ARGS__)

#define TRY(expression)                                \
	do {                                           \
		amt_status try_status_ = (expression); \
		if (UNLIKELY(!amt_ok(try_status_)))    \
			return try_status_;            \
	} while (0)

#define TRY_GOTO(status, expression, label)    \
	do {                                   \
		(status) = (expression);       \
		if (UNLIKELY(!amt_ok(status))) \
			goto label;            \
	} while (0)

#define ENSURE(condition, code, ...)                     \
	do {                                             \
		if (UNLIKELY(!(condition)))              \
			return ERROR(code, __VA_ARGS__); \
	} while (0)

/* For destructors and clean-up paths where a second error must not hide the first. */
static inline void status_drop(amt_status s)
{
	amt_status_clear(&s);
}

/* Keeps the first of two failures: first if it failed, else second. Frees the loser. */
amt_status status_first(amt_status first, amt_status second);

#endif

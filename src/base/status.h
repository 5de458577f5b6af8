/* What can fail returns an enum status and fills a struct error: a code and a message, no allocation. The place that
 * detects a failure writes the message once; callers pass it on or prefix it. */
#ifndef ORBIT_BASE_STATUS_H
#define ORBIT_BASE_STATUS_H

#include "base/compiler.h"

enum status {
#define STATUS(name, text) name,
#include "base/status.def"
#undef STATUS
};

#define ERROR_MESSAGE_MAX 256

struct error {
    enum status code;
    char message[ERROR_MESSAGE_MAX];
};

/* Text of a code, for logs. Never NULL. */
const char *status_name(enum status st);

/* Sets code and message (cut at 255 bytes) and returns the code. err may be NULL. */
enum status error_set(struct error *err, enum status code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As error_set, with ": strerror(errnum)" appended. Maps ENOSPC/EDQUOT to ST_FULL, EACCES/EPERM to ST_DENIED, ENOENT to
 * ST_NOT_FOUND, EEXIST to ST_EXISTS, ENOMEM to ST_NO_MEMORY, else ST_IO. */
enum status error_set_errno(struct error *err, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "prefix: " in front of the message that is there; returns the code. err may be NULL: returns ST_INTERNAL. */
enum status error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Our bugs only; stays on in release. Logs, prints a backtrace through the crash handler, aborts. */
#define orbit_assert(cond) ((cond) ? (void)0 : orbit_assert_fail(#cond, __FILE__, __LINE__))
NORETURN COLD void orbit_assert_fail(const char *cond, const char *file, int line);

#endif

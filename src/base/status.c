#include "base/status.h"

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
#define STATUS(name, text) [name] = text,
#include "base/status.def"
#undef STATUS
};

const char *status_name(enum status st)
{
    return (size_t)st < COUNT_OF(status_names) ? status_names[st] : "unknown status";
}

enum status error_set(struct error *err, enum status code, const char *fmt, ...)
{
    if (!err)
        return code;
    err->code = code;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->message, sizeof(err->message), fmt, ap);
    va_end(ap);
    return code;
}

static enum status status_of_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return ST_FULL;
    case EACCES:
    case EPERM:
        return ST_DENIED;
    case ENOENT:
        return ST_NOT_FOUND;
    case EEXIST:
        return ST_EXISTS;
    case ENOMEM:
        return ST_NO_MEMORY;
    default:
        return ST_IO;
    }
}

enum status error_set_errno(struct error *err, int errnum, const char *fmt, ...)
{
    enum status code = status_of_errno(errnum);
    if (!err)
        return code;
    err->code = code;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used >= sizeof(err->message))
        return code;
    char text[128] = "";
    /* The GNU form returns the text, which need not be in the buffer. */
    const char *reason = strerror_r(errnum, text, sizeof(text));
    snprintf(err->message + used, sizeof(err->message) - used, ": %s", reason);
    return code;
}

enum status error_prefix(struct error *err, const char *fmt, ...)
{
    if (!err)
        return ST_INTERNAL;
    char old[ERROR_MESSAGE_MAX];
    memcpy(old, err->message, sizeof(old));
    old[sizeof(old) - 1] = '\0';
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(err->message, sizeof(err->message), fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n;
    if (used < sizeof(err->message))
        snprintf(err->message + used, sizeof(err->message) - used, ": %s", old);
    return err->code;
}

void orbit_assert_fail(const char *cond, const char *file, int line)
{
    log_write(LOG_WARNING, LOG_SERVER, "=== ASSERTION FAILED ===");
    log_write(LOG_WARNING, LOG_SERVER, "==> %s:%d '%s' is not true", file, line, cond);
    abort();
}

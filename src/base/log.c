#include "base/log.h"

#include "base/log_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static atomic_int log_level = LOG_NOTICE;
static atomic_char log_role = 'M';
static atomic_bool log_syslog;
static char log_path[4096];

static const char *const area_names[] = {
    [LOG_SERVER] = "server",   [LOG_CONFIG] = "config", [LOG_EVENT] = "event",
    [LOG_STORAGE] = "storage", [LOG_WAL] = "wal",       [LOG_KEYSPACE] = "keyspace",
    [LOG_SESSION] = "session", [LOG_WIRE] = "wire",     [LOG_MODULE] = "module",
};

void log_set_level(enum log_level level)
{
    atomic_store(&log_level, (int)level);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load_explicit(&log_level, memory_order_relaxed);
}

void log_set_role(char role)
{
    atomic_store(&log_role, role);
}

/* Only open(2), so it may run in a signal handler. The caller closes anything but stdout. */
static int open_log(void)
{
    if (log_path[0] == '\0')
        return STDOUT_FILENO;
    return open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

static void emit(const char *text, size_t n)
{
    int saved = errno;
    int fd = open_log();
    if (fd >= 0) {
        while (n > 0) {
            ssize_t done = write(fd, text, n);
            if (done < 0 && errno == EINTR)
                continue;
            if (done <= 0)
                break;
            text += done;
            n -= (size_t)done;
        }
        if (fd != STDOUT_FILENO)
            close(fd);
    }
    errno = saved;
}

bool log_set_file(const char *path)
{
    if (!path)
        path = "";
    if (strlen(path) >= sizeof(log_path))
        return false;
    if (path[0] != '\0') {
        int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0)
            return false;
        close(fd);
    }
    memcpy(log_path, path, strlen(path) + 1);
    return true;
}

void log_set_syslog(bool on, const char *ident, int facility)
{
    if (atomic_exchange(&log_syslog, false))
        log__syslog_close();
    if (!on)
        return;
    log__syslog_open(ident, facility);
    atomic_store(&log_syslog, true);
}

static void to_syslog(enum log_level level, const char *text)
{
    if (atomic_load_explicit(&log_syslog, memory_order_relaxed))
        log__syslog_write(level == LOG_WARNING, (int)LOG_NOTICE - (int)level, text);
}

void log_write(enum log_level level, enum log_area area, const char *fmt, ...)
{
    enum log_level least = log_get_level();
    if (level < least || level >= LOG_NOTHING)
        return;
    char line[LINE_MAX_BYTES];
    struct timeval tv;
    struct tm tm;
    gettimeofday(&tv, NULL);
    time_t seconds = tv.tv_sec;
    localtime_r(&seconds, &tm);
    size_t n =
        (size_t)snprintf(line, sizeof(line), "%d:%c ", (int)getpid(), atomic_load(&log_role));
    n += strftime(line + n, sizeof(line) - n, "%d %b %Y %H:%M:%S.", &tm);
    n += (size_t)snprintf(line + n, sizeof(line) - n, "%03d %c ", (int)(tv.tv_usec / 1000),
                          ".-*#"[level]);
    size_t message = n;
    if (level == LOG_DEBUG)
        n += (size_t)snprintf(line + n, sizeof(line) - n, "[%s] ", area_names[area]);
    va_list ap;
    va_start(ap, fmt);
    int added = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
    va_end(ap);
    if (added > 0) {
        size_t room = sizeof(line) - n - 2;
        n += (size_t)added < room ? (size_t)added : room;
    }
    line[n] = '\0';
    to_syslog(level, line + message);
    line[n++] = '\n';
    emit(line, n);
}

void log_raw(enum log_level level, const char *text)
{
    if (level < log_get_level() || level >= LOG_NOTHING)
        return;
    emit(text, strlen(text));
    to_syslog(level, text);
}

void log_signal_safe(const char *text)
{
    emit(text, strlen(text));
    emit("\n", 1);
}

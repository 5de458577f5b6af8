/* Log lines in Redis's format: "pid:role dd Mon yyyy hh:mm:ss.mmm level message". One line says what happened and what to
 * do; never user values or secrets. Thread: any. */
#ifndef ORBIT_BASE_LOG_H
#define ORBIT_BASE_LOG_H

#include "base/compiler.h"

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING, LOG_NOTHING };

enum log_area {
    LOG_SERVER,
    LOG_CONFIG,
    LOG_EVENT,
    LOG_STORAGE,
    LOG_WAL,
    LOG_KEYSPACE,
    LOG_SESSION,
    LOG_WIRE,
    LOG_MODULE
};

void log_write(enum log_level level, enum log_area area, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* No prefix, as the start banner. */
void log_raw(enum log_level level, const char *text);
/* Async-signal-safe: the text and a line end, without prefix. */
void log_signal_safe(const char *text);

#define log_debug(area, ...)   log_write(LOG_DEBUG, area, __VA_ARGS__)
#define log_verbose(area, ...) log_write(LOG_VERBOSE, area, __VA_ARGS__)
#define log_notice(area, ...)  log_write(LOG_NOTICE, area, __VA_ARGS__)
#define log_warning(area, ...) log_write(LOG_WARNING, area, __VA_ARGS__)

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
/* "" or NULL: stdout. The file is reopened per line as Redis does, so rotation works. False: cannot be opened. */
bool log_set_file(const char *path);
void log_set_role(char role); /* 'M' master, 'S' replica, 'C' child, 'X' sentinel */
void log_set_syslog(bool on, const char *ident, int facility);

#endif

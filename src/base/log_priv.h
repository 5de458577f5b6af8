/* The system log, apart from log.c because <syslog.h> has macros with the names of our levels. */
#ifndef ORBIT_BASE_LOG_PRIV_H
#define ORBIT_BASE_LOG_PRIV_H

void log__syslog_open(const char *ident, int facility);
void log__syslog_close(void);
/* warning: severity warning; otherwise chatter 0 is notice, 1 info, 2 and more debug. */
void log__syslog_write(int warning, int chatter, const char *text);

#endif

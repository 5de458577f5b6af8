#include "base/log_priv.h"

#include <stdio.h>
#include <syslog.h>

void log__syslog_open(const char *ident, int facility)
{
    /* openlog keeps the pointer. */
    static char kept[64];
    snprintf(kept, sizeof(kept), "%s", ident ? ident : "");
    openlog(kept, LOG_PID | LOG_NDELAY | LOG_NOWAIT, facility);
}

void log__syslog_close(void)
{
    closelog();
}

void log__syslog_write(int warning, int chatter, const char *text)
{
    int priority = LOG_DEBUG;
    if (warning)
        priority = LOG_WARNING;
    else if (chatter == 0)
        priority = LOG_NOTICE;
    else if (chatter == 1)
        priority = LOG_INFO;
    syslog(priority, "%s", text);
}

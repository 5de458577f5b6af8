/* Options of the process: files, log, signals. */
#ifndef ORBIT_SERVER_SERVER_OPTIONS_H
#define ORBIT_SERVER_SERVER_OPTIONS_H

#include "config/config.h"

/* The facility's number is syslog.h's, without that header's names, which the log's own levels shadow. */
enum server_facility { SERVER_FACILITY_USER = 1 << 3, SERVER_FACILITY_LOCAL0 = 16 << 3 };
enum server_supervised {
    SERVER_SUPERVISED_NO,
    SERVER_SUPERVISED_SYSTEMD,
    SERVER_SUPERVISED_UPSTART,
    SERVER_SUPERVISED_AUTO
};
enum server_oom { SERVER_OOM_NO, SERVER_OOM_RELATIVE, SERVER_OOM_ABSOLUTE };
enum server_shutdown_word {
    SERVER_SHUTDOWN_SAVE = 1 << 0,
    SERVER_SHUTDOWN_NOSAVE = 1 << 1,
    SERVER_SHUTDOWN_NOW = 1 << 2,
    SERVER_SHUTDOWN_FORCE = 1 << 3
};

struct server_options {
#include "config/declare_fields.h"

#include "server/options.def"

#include "config/declare_end.h"
};
extern struct server_options server_opts;

/* oom-score-adj-values: master, replica, background child. */
#define SERVER_OOM_VALUES 3
extern int server_oom_values[SERVER_OOM_VALUES];

void server_options_register(void);

#endif

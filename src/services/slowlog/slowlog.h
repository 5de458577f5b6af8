/* SLOWLOG: the last commands that took long. */
#ifndef ORBIT_SERVICES_SLOWLOG_SLOWLOG_H
#define ORBIT_SERVICES_SLOWLOG_SLOWLOG_H

#include "config/config.h"

struct slowlog_options {
#include "config/declare_fields.h"

#include "services/slowlog/options.def"

#include "config/declare_end.h"
};
extern struct slowlog_options slowlog_opts;

void slowlog_options_register(void);
/* Attaches to the commands. Once, before the start. */
void slowlog_start(void);

#endif

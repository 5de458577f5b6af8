/* Server events, inside the module layer. */
#ifndef ORBIT_MODULE_EVENT_H
#define ORBIT_MODULE_EVENT_H

#include "module/module_priv.h"

/* Tells the others that m was loaded or unloaded (REDISMODULE_SUBEVENT_MODULE_*). */
void module__event_module(const struct module *m, unsigned sub);
void module__events_drop(struct module *m);
/* Fills info, of version 1. */
void module__client_info(struct session *s, RedisModuleClientInfo *info);
/* fork.c: a child of a module runs; this process is it. */
bool module__fork_active(void);
bool module__in_child(void);
/* A child of m, or of nobody known, is killed. */
void module__fork_drop(struct module *m);
void module__notify_drop(struct module *m);
void module__timers_drop(struct module *m);
const char *module__timers_refuses(struct module *m);
/* What the loop does for threads and one-shot callbacks of modules; begins with the first module. */
void module__thread_start(void);
void module__timer_start(void);

#endif

/* Modules: shared objects that are loaded into the server and use the RedisModule API (redismodule.h) or Orbit's own
 * (orbitmodule.h). Thread: loop. */
#ifndef ORBIT_MODULE_MODULE_H
#define ORBIT_MODULE_MODULE_H

#include "base/status.h"

/* Options and commands of this folder. */
void module_register(void);
/* Loads what loadmodule lines of the configuration name, in order. Before the log is replayed, after users and services have
 * started. err: the module, and why it could not be loaded. */
MUST_USE enum status module_start(struct error *err);
/* Unloads all of them; the last act before the keyspace is closed. */
void module_stop(void);

#endif

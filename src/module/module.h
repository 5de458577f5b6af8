/* Modules: shared objects that are loaded into the server and use the RedisModule API (redismodule.h) or Orbit's own
 * (orbitmodule.h). Thread: loop. */
#ifndef ORBIT_MODULE_MODULE_H
#define ORBIT_MODULE_MODULE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>

/* Commands of this folder; its options. */
void module_register(void);
void module_options_register(void);
/* Loads what loadmodule lines of the configuration name, in order. Before the log is replayed and users are
 * made (their rules may speak of modules' commands), after services have started. err: the module; the log says why it could
 * not be loaded. */
MUST_USE enum status module_start(struct error *err);
/* Loads from the store what modules keep there: aux data, keys of their types, as a dump would. Before the log is replayed. err:
 * the module that cannot load it. */
MUST_USE enum status module_load(struct error *err);
/* What changed in this tick could not be logged: clients of modules' listeners that would be told otherwise are closed. */
void module_tick_failed(void);
/* Closes listeners of modules and their clients, for good. Before query_stop. */
void module_unlisten(void);
/* Unloads all of them; the last act before the keyspace is closed. */
void module_stop(void);
/* Which module an address of code belongs to, and its function, as text for a crash report. False: to none. Takes no memory;
 * for signal handlers. */
bool module_of_address(const void *address, char *line, size_t n);

#endif

/* enable-debug-command, enable-module-command, enable-protected-configs: who may do what is dangerous. */
#ifndef ORBIT_SESSION_PROTECT_H
#define ORBIT_SESSION_PROTECT_H

#include <stdbool.h>

struct session;

/* setting: enum session_protected. "local" is a Unix socket or a loopback address. */
bool protect_allowed(const struct session *s, int setting);

#endif

/* What this program calls itself. */
#ifndef ORBIT_BASE_VERSION_H
#define ORBIT_BASE_VERSION_H

#define ORBIT_VERSION "0.1.0"
/* The Redis that clients and modules are told they talk to. */
#define ORBIT_REDIS_VERSION "7.2.5"

#endif

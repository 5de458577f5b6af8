/* SHUTDOWN: what the server needs of it. Thread: loop. */
#ifndef ORBIT_COMMANDS_SERVER_SHUTDOWN_H
#define ORBIT_COMMANDS_SERVER_SHUTDOWN_H

/* The shutdown that waited for replicas was called off, or failed: clients that wait for it are told. */
void shutdown_refused(void);

#endif

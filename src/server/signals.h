/* Signals: what asks the server to stop, what is ignored, and the report of a crash. */
#ifndef ORBIT_SERVER_SIGNALS_H
#define ORBIT_SERVER_SIGNALS_H

#include <stdbool.h>

struct loop;

/* Installs the handlers; a signal that asks to stop wakes the loop. l may be NULL until there is one. */
void signals_setup(struct loop *l);
/* SIGTERM or SIGINT when one of them came since the last call, else 0. */
int signals_take(void);
/* A later SIGINT ends the process at once while this is on: a shutdown is under way. */
void signals_stopping(bool on);

#endif

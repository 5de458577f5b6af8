/* What the server as a whole is doing, as far as dispatch() refuses commands for it. dispatch() itself stands in call.h. */
#ifndef ORBIT_SESSION_DISPATCH_H
#define ORBIT_SESSION_DISPATCH_H

#include <stdbool.h>

/* lifecycle.loading: commands without CMD_LOADING are answered with -LOADING. Sessions with
 * SESS_LOADING_LOG go on. */
bool dispatch_is_loading(void);

/* A script or a module keeps the server busy: commands without CMD_ALLOW_BUSY are answered with this text ("BUSY ..."). NULL:
 * not busy any more. The text is borrowed. */
void dispatch_set_busy(const char *error);

/* Forgets looked-up commands; after a table of commands has changed. */
void dispatch_forget_commands(void);

/* How many commands are being executed on the stack: 0 outside of dispatch and call_execute. */
int dispatch_depth(void);

#endif

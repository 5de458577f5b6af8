/* What the files of this folder share. */
#ifndef ORBIT_SESSION_SESSION_PRIV_H
#define ORBIT_SESSION_SESSION_PRIV_H

#include "session/call.h"
#include "session/session.h"

/* The arena of calls at the present depth: nested ones (while a script or the loading lets others in) have their own. */
struct arena *dispatch__arena(int depth);

/* A call of s that did not come from the listener just now (a blocked command that goes on). */
void call__init(struct call *c, struct session *s, struct command *cmd, struct slice *argv,
                int argc);
/* After a command's function: propagates it, counts it, runs the hooks. */
void call__finish(struct call *c);

/* Frees the block state without answering. */
void block__drop(struct session *s);
/* Parks a session whose command was not executed; why: pressure, CLIENT PAUSE, dispatch_hold. */
enum block_why { BLOCK_WHY_COMMAND, BLOCK_WHY_PAUSE, BLOCK_WHY_PRESSURE, BLOCK_WHY_BUSY };
void block__postpone(struct session *s, enum block_why why);
/* A blocked command's first part took this long. */
void block__set_duration(struct session *s, int64_t us);
/* Executes the command of a blocked session again. True: it blocked again, nothing has been answered. */
bool block__again(struct session *s);

/* block_keys.c: keys that have changed and that somebody waits for; executes the commands that wait. Outside of commands. */
extern size_t block__keys_ready;
void block__keys_serve(void);

/* The checks of a command that has waited and shall run now. False: it is refused, and answered. */
bool dispatch__again(struct call *c);
/* What follows each answer of s: CLIENT REPLY SKIP. */
void dispatch__answered(struct session *s);

void multi__free(struct session *s);
bool multi__holds(const struct session *s, const struct command *cmd);

#endif

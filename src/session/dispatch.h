/* What the server as a whole is doing, as far as dispatch() refuses commands for it. dispatch() itself stands in call.h. */
#ifndef ORBIT_SESSION_DISPATCH_H
#define ORBIT_SESSION_DISPATCH_H

#include "base/compiler.h"
#include "base/slice.h"

#include <stdbool.h>

struct buf;
struct call;
struct command;
struct session;

/* lifecycle.loading: commands without CMD_LOADING are answered with -LOADING. Sessions with
 * SESS_LOADING_LOG go on. */
bool dispatch_is_loading(void);

/* A script or a module keeps the server busy: commands without CMD_ALLOW_BUSY are answered with this text ("BUSY ..."). NULL:
 * not busy any more. The text is borrowed. */
void dispatch_set_busy(const char *error);
const char *dispatch_busy(void);
/* While on, commands of clients wait as in CLIENT PAUSE. Returns what was before. */
bool dispatch_hold(bool on);
/* Inside a command that a listener has given to dispatch. */
bool dispatch_running(void);

/* The command of these words, subcommand resolved; NULL: unknown. */
struct command *dispatch_find(const struct slice *argv, int argc);
/* Appends what is answered then: "ERR unknown command 'x', with args beginning with: ...". */
void dispatch_put_unknown(struct buf *b, const struct slice *argv, int argc);

/* Who may change the words of a command before it is looked up (modules). begin: NULL when nothing was changed; otherwise argv
 * and argc are what shall run, until end gets what begin returned. */
struct dispatch_filter {
    void *(*begin)(struct session *s, int *argc, struct slice **argv);
    void (*end)(void *filtered);
};
void dispatch_set_filter(const struct dispatch_filter *f); /* NULL: none */
extern const struct dispatch_filter *dispatch_filter;
static inline void *dispatch_filter_begin(struct session *s, int *argc, struct slice **argv)
{
    return LIKELY(!dispatch_filter) ? NULL : dispatch_filter->begin(s, argc, argv);
}
/* The filter may have been taken away meanwhile. */
void dispatch_filter_end(void *filtered);
/* The flags that count for this call. */
unsigned dispatch_flags(const struct call *c);
/* The data set was over maxmemory, with nothing to evict, when the command of a client began that runs now. */
bool dispatch_over_memory(void);

/* min-replicas-to-write asks for replicas that are not there: writes are refused with this text. NULL: not so. */
const char *dispatch_no_replicas(void);

/* A replica refuses writes of s with this text. NULL: it does not. */
const char *dispatch_read_only(const struct session *s);
/* A replica that is out of step with its master refuses what is not marked CMD_STALE. */
bool dispatch_stale(const struct session *s);
#define DISPATCH_STALE_TEXT                                                                        \
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."

/* DEBUG SET-DISABLE-DENY-SCRIPTS: scripts may call commands with CMD_NOSCRIPT. */
void dispatch_set_scripts_may_all(bool on);
bool dispatch_scripts_may_all(void);

/* Forgets looked-up commands; after a table of commands has changed. */
void dispatch_forget_commands(void);
/* cmd goes away: sessions forget it, and what they have queued with it is refused by EXEC. */
void dispatch_forget(const struct command *cmd);

/* How many commands are being executed on the stack: 0 outside of dispatch and call_execute. */
int dispatch_depth(void);

#endif

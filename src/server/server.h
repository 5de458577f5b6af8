/* The running server: start and stop order. */
#ifndef ORBIT_SERVER_SERVER_H
#define ORBIT_SERVER_SERVER_H

#include "base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Registers every option and every command. */
void server_register(void);
/* Lets services attach to sessions, commands and INFO. */
void server_start_services(void);
/* The configuration is loaded: runs until somebody asks to stop. The exit status of the process. */
int server_run(void);

/* What the start needs of the other files of this folder. */
struct kv;

/* Executes the log's tail; events are served meanwhile. */
MUST_USE enum status replay_log(struct kv *kv, struct error *err);
/* After that: loads a redis-server's files where it has to be (dump_load.c). */
MUST_USE enum status dump_load(struct kv *kv, struct error *err);
/* Ends the process at once, while the log is replayed or a script runs: nothing has changed that would have to be kept. */
NORETURN void server_leave_now(const char *why, const char *when);
/* Lets events be served while data is loaded, tells INFO how far that is, and leaves when a signal says so. */
void server_progress(void *arg, uint64_t done, uint64_t total);
/* The tick's hooks and the periodic job. */
void ticks_setup(void);
/* A shutdown begins with the end of this tick, or waits for replicas; see session/lifecycle.h. */
MUST_USE enum status server_shutdown(unsigned flags, struct error *err);
/* Once a tick: goes on with the one that waits. */
void server_shutdown_check(void);
bool server_shutdown_abort(void);
/* Logs why nothing came of it. */
void server_shutdown_failed(const struct error *err);

#endif

/* Shared by the tests of sessions: a keyspace in memory with a log in a directory of its own, clients whose answers are kept
 * as text, and a few commands that do what the tests need.
 *
 * Answers read like RESP, with spaces between: "+OK", "-ERR text", ":1", "$bytes", "_" (null), "*2 $a $b". */
#ifndef ORBIT_UNIT_SESSION_SESSION_FIXTURE_H
#define ORBIT_UNIT_SESSION_SESSION_FIXTURE_H

#include "base/buf.h"
#include "keyspace/keyspace_options.h"
#include "session/block.h"
#include "session/block_keys.h"
#include "session/call.h"
#include "session/dispatch.h"
#include "session/hooks.h"
#include "session/lifecycle.h"
#include "session/multi.h"
#include "session/reply.h"
#include "session/session.h"
#include "session/session_options.h"
#include "session/stats.h"
#include "unit/cmocka_all.h"

#include <stdio.h>

struct client {
    struct sink sink;
    struct session *s;
    struct buf out;
    bool closing, closing_after, reply_off;
    int resumed, answered, wrote;
    enum dispatch_result last;
};

extern struct kv *fx_kv;

int fx_setup(void **state);
int fx_teardown(void **state);
struct client *fx_client(void);
void fx_client_free(struct client *c);
/* Dispatches words separated by single spaces, without and with contiguous RESP; returns and forgets the answer. */
const char *fx_run(struct client *c, const char *words);
const char *fx_run_raw(struct client *c, const char *words);
/* The answer that came since. */
const char *fx_answer(struct client *c);
/* Commits, and returns what went to the log since the last time: commands separated by "; ". */
const char *fx_effects(void);
struct command *fx_command(const char *fullname);

/* State of the test's blocking command: BPARK key milliseconds. */
extern int fx_parked_freed;

#endif

/* FUNCTION, as far as it has a meaning while no library can be loaded: there are none, so there is nothing to list and
 * nothing left to flush. Clients and test suites call these to start from a clean state. */
#include "services/script/script_commands.h"
#include "session/reply.h"

void cmd_function_flush(struct call *c)
{
    if (c->argc > 3 ||
        (c->argc == 3 && !call_arg_is(c, 2, "sync") && !call_arg_is(c, 2, "async"))) {
        reply_error(c, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
        return;
    }
    reply_ok(c);
}

void cmd_function_list(struct call *c)
{
    for (int i = 2; i < c->argc; i++) {
        if (call_arg_is(c, i, "withcode"))
            continue;
        if (!call_arg_is(c, i, "libraryname")) {
            reply_errorf(c, "ERR Unknown argument %.*s", SLICE_FMT(c->argv[i]));
            return;
        }
        if (++i == c->argc) {
            reply_error(c, "ERR library name argument was not given");
            return;
        }
    }
    reply_array(c, 0);
}

void cmd_function_help(struct call *c)
{
    static const char *const lines[] = {
        "FLUSH [ASYNC|SYNC]",
        "    Delete all libraries.",
        "LIST [LIBRARYNAME <pattern>] [WITHCODE]",
        "    Tell about the libraries, or those whose names match.",
        NULL,
    };
    reply_help(c, lines);
}

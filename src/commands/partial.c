/* The rest of an answer that failed. */
#include "commands/partial.h"

#include "session/reply.h"

void partial_fail(struct call *c, enum status st, const struct error *err, uint64_t left)
{
    call_reply_status(c, st, err);
    for (uint64_t i = 1; i < left; i++)
        reply_null(c);
}

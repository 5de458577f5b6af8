/* DEBUG's looks at memory. */
#include "base/mem.h"
#include "commands/server/debug_priv.h"
#include "session/reply.h"

#include <stdio.h>

void debug__htstats(struct call *c)
{
    int64_t db;
    struct buf text = BUF_INIT;
    if (!call_arg_int(c, 2, &db, NULL))
        return;
    if (db < 0 || db >= kv_databases(c->kv)) {
        reply_error(c, "ERR Out of range database");
        return;
    }
    kv_table_report(c->kv, (int)db, c->argc > 3 && call_arg_is(c, 3, "full"), &text);
    reply_verbatim(c, "txt", buf_slice(&text));
    buf_free(&text);
}

/* No value has what is asked for. */
static void refuse_key(struct call *c, const char *why)
{
    struct kv_rec *rec;
    if (!call_lookup(c, c->argv[2], KV_NOTOUCH | KV_NOSTATS, &rec))
        return;
    reply_error(c, rec ? why : "ERR no such key");
}

void debug__htstats_key(struct call *c)
{
    refuse_key(c, "ERR The value is not held as a hash table: large collections are trees here");
}

void debug__listpack(struct call *c)
{
    refuse_key(c, "ERR The value is not held as a listpack: small collections are pages here");
}

void debug__mallctl(struct call *c)
{
    int64_t value, was;
    char name[128];
    bool set = c->argc > 3;
    if (set && !call_arg_int(c, 3, &value, NULL))
        return;
    snprintf(name, sizeof name, "%.*s", SLICE_FMT(c->argv[2]));
    if (mem_control(name, set ? &value : NULL, &was))
        reply_int(c, was);
    else
        reply_error(c, "ERR the allocator has no such number, or it cannot be set so");
}

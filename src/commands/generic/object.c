/* OBJECT: what the keyspace knows about a value besides its content. */
#include "commands/generic/generic_commands.h"
#include "keyspace/keyspace_options.h"
#include "session/reply.h"

#include <limits.h>

/* Inspecting is no use of the key. False: answered. */
static bool lookup(struct call *c, struct kv_rec **rec)
{
    if (!call_lookup(c, c->argv[2], KV_READ | KV_NOTOUCH | KV_NOSTATS, rec))
        return false;
    if (*rec)
        return true;
    reply_null(c);
    return false;
}

void cmd_object_encoding(struct call *c)
{
    struct kv_rec *rec;
    if (lookup(c, &rec))
        reply_str(c, kv_rec_encoding(rec));
}

#define SHARED_INTEGERS 10000

/* Small integers stand in the record itself and cost nothing of their own: they count as shared by all, as clients know it.
 * Not under a policy that keeps an access time for each value while maxmemory is set. */
void cmd_object_refcount(struct call *c)
{
    struct kv_rec *rec;
    int64_t v;
    int policy = keyspace_opts.maxmemory_policy;
    bool may_share = keyspace_opts.maxmemory == 0 ||
                     (!keyspace_policy_is_lfu(policy) && policy != KV_EVICT_ALL_LRU &&
                      policy != KV_EVICT_VOLATILE_LRU);
    if (!lookup(c, &rec))
        return;
    if (may_share && kv_rec_type(rec) == KV_STRING && kv_str_int(rec, &v) && v >= 0 &&
        v < SHARED_INTEGERS && slice_is(slice_str(kv_rec_encoding(rec)), "int"))
        reply_int(c, INT_MAX);
    else
        reply_int(c, 1);
}

void cmd_object_idletime(struct call *c)
{
    struct kv_rec *rec;
    if (!lookup(c, &rec))
        return;
    if (keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy))
        reply_error(c,
                    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note "
                    "that when switching "
                    "between policies at runtime LRU and LFU data will take some time to adjust.");
    else
        reply_int(c, kv_rec_idle_s(c->kv, rec));
}

void cmd_object_freq(struct call *c)
{
    struct kv_rec *rec;
    if (!lookup(c, &rec))
        return;
    if (keyspace_policy_is_lfu(keyspace_opts.maxmemory_policy))
        reply_int(c, kv_rec_freq(c->kv, rec));
    else
        reply_error(c, "ERR An LFU maxmemory policy is not selected, access frequency not tracked. "
                       "Please note that when "
                       "switching between policies at runtime LRU and LFU data will take some time "
                       "to adjust.");
}

void cmd_object_help(struct call *c)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    How the key's value is stored.",
        "FREQ <key>",
        "    Logarithmic counter of the key's recent uses, under an LFU maxmemory-policy.",
        "IDLETIME <key>",
        "    Seconds since the key was last used, under any other maxmemory-policy.",
        "REFCOUNT <key>",
        "    References to the key's value: 1, or more for a small integer.",
        NULL,
    };
    reply_help(c, lines);
}

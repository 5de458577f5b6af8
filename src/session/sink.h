/* Where answers go. No command and no engine knows a protocol: it answers into a sink, and each listener is one sink
 * implementation. Commands use the reply_* functions of session/reply.h. */
#ifndef ORBIT_SESSION_SINK_H
#define ORBIT_SESSION_SINK_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct sink;

enum sink_kind { SINK_ARRAY, SINK_MAP, SINK_SET, SINK_PUSH, SINK_ATTRIBUTE };

struct sink_ops {
    void (*status)(struct sink *s, struct slice text); /* simple string */
    void (*error)(struct sink *s, struct slice text);  /* "ERR message": code first */
    void (*integer)(struct sink *s, int64_t v);
    void (*bulk)(struct sink *s, struct slice bytes);
    void (*null)(struct sink *s);       /* RESP2: $-1 */
    void (*null_array)(struct sink *s); /* RESP2: *-1 */
    void (*real)(struct sink *s, double v);
    void (*human_real)(struct sink *s,
                       long double v);       /* RESP3 double, RESP2 bulk, INCRBYFLOAT form */
    void (*boolean)(struct sink *s, bool v); /* RESP2: 1 or 0 */
    void (*bignum)(struct sink *s, struct slice digits);
    void (*verbatim)(struct sink *s, const char ext[4], struct slice text);
    /* n elements (maps and attributes: n pairs) follow. */
    void (*begin)(struct sink *s, enum sink_kind kind, size_t n);
    /* Length not known yet: returns a token for end_deferred. May nest. */
    size_t (*begin_deferred)(struct sink *s);
    void (*end_deferred)(struct sink *s, size_t token, enum sink_kind kind, size_t n);
    /* Bytes that are already in the sink's protocol; RESP only (scripts, propagation tests). */
    void (*raw)(struct sink *s, struct slice bytes);
};

struct sink {
    const struct sink_ops *ops;
    int resp;        /* 2 or 3: what the peer asked for; other protocols: 3 */
    bool takes_resp; /* ops->raw may be given whole replies as RESP of this version */
};

#endif

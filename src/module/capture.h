/* Replies that are kept: a sink that gathers a reply as a row of items, and what can be done with it afterwards: sent into
 * another sink, taken apart (call_reply.c), or written as RESP.
 *
 *   item = kind(1) value(8) [bytes]      strings: value is their length, behind them their bytes
 *                                        collections: value is the count (maps, attributes: of pairs); their elements follow
 *
 * What the version of RESP makes different is decided while gathering: in RESP2 a map is an array, a double is a string.
 * Thread: any, one capture by one thread at a time. */
#ifndef ORBIT_MODULE_CAPTURE_H
#define ORBIT_MODULE_CAPTURE_H

#include "base/buf.h"
#include "session/sink.h"

struct call;

enum capture_kind {
    CAPTURE_STATUS,
    CAPTURE_ERROR,
    CAPTURE_ERROR_COUNTED, /* stands in the statistics already */
    CAPTURE_INTEGER,
    CAPTURE_BULK,
    CAPTURE_NULL, /* RESP3 */
    CAPTURE_NULL_BULK,
    CAPTURE_NULL_ARRAY,
    CAPTURE_REAL,
    CAPTURE_BOOL,
    CAPTURE_BIGNUM,
    CAPTURE_VERBATIM, /* bytes: three letters of its format first */
    CAPTURE_ARRAY,
    CAPTURE_MAP,
    CAPTURE_SET,
    CAPTURE_PUSH,
    CAPTURE_ATTRIBUTE,
    CAPTURE_HUMAN_REAL, /* RESP3: bytes as INCRBYFLOAT answers */
    CAPTURE_KINDS
};

struct capture {
    struct sink sink; /* give its address as the sink to answer into */
    struct buf items;
    bool counted;    /* who answers counts the errors: a command that runs */
    unsigned errors; /* how many were answered */
};

/* In place; resp: 2 or 3. Owns what it gathers. */
void capture_init(struct capture *c, int resp);
/* Forgets what was gathered; keeps the memory of short replies. */
void capture_clear(struct capture *c);
void capture_deinit(struct capture *c);
static inline bool capture_empty(const struct capture *c)
{
    return c->items.n == 0;
}
/* Sends all that was gathered into out, as often as wanted. */
void capture_replay(const struct capture *c, struct sink *out);
/* Answers a call with it: errors count in the statistics, if they do not yet, and as the failure of the call. */
void capture_reply(const struct capture *c, struct call *call);
/* The capture that s belongs to; NULL: it is another kind of sink. */
struct capture *capture_of(struct sink *s);

/* -- Reading the items ------------------------------------------------------------------------------------------------------ */

struct capture_item {
    enum capture_kind kind;
    uint64_t value;     /* number, count; a double's bits */
    struct slice bytes; /* of strings */
};
/* The item at p, and where the next one begins; end is the end of the items. NULL: there is none. */
const char *capture_item(const char *p, const char *end, struct capture_item *it);
/* Behind the reply that begins at p: over its attribute, and all elements. end: they are not all there. */
const char *capture_skip(const char *p, const char *end);
/* True when the reply in p..end has a kind that RESP2 does not know. */
bool capture_is_resp3(const char *p, const char *end);
/* Sends the items of p..end into out. */
void capture_replay_items(const char *p, const char *end, struct sink *out);
/* Answers a call with them, as capture_reply. */
void capture_reply_items(const char *p, const char *end, struct call *call);
/* Appends them to b as RESP. */
void capture_put_resp(struct buf *b, const char *p, const char *end);
/* Elements of a collection; 0 for other kinds. */
uint64_t capture_children(const struct capture_item *it);

#endif

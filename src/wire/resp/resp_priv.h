/* One connected client, shared by the files of this folder. */
#ifndef ORBIT_WIRE_RESP_PRIV_H
#define ORBIT_WIRE_RESP_PRIV_H

#include "base/list.h"
#include "session/session.h"
#include "wire/resp/resp.h"
#include "wire/resp/resp_codec.h"
#include "wire/resp/resp_out.h"

struct conn;
struct tls_context;

#define RESP_READ_SIZE (16 * 1024)

struct resp_client {
    struct sink sink;
    struct session *s;
    struct conn *conn;
    struct list_node link;       /* all clients, oldest cron visit first */
    struct list_node queue_link; /* has something for the end of the tick */
    struct list_node wait_link;  /* its slice of this tick is over */

    char *q; /* query buffer: q[qpos..qn) is not executed yet */
    size_t qn, qpos, qcap;
    size_t qpeak;                 /* most bytes in it since the last cron visit */
    struct resp_request *partial; /* the incomplete request at qpos; NULL: none or only a header */

    struct resp_out out;
    size_t push_left;   /* elements of a push message to come while reply_off */
    bool stream;        /* a replica: only raw bytes pass, an answer closes it */
    uint64_t elsewhere; /* bytes that wait for it outside of out */
    int64_t soft_since_ms;
    int64_t peak_since_ms;

    struct resp_place mark; /* where this tick's replies begin, while queued */
    size_t replies;         /* commands answered in this tick */

    size_t counted_mem;    /* its share of what resp_env.client_memory was told */
    int64_t active_ms;     /* monotonic */
    char *addr, *laddr;    /* made when somebody asks */
    const char *unix_path; /* of the listening socket */

    bool queued, busy;
    bool blocked;       /* parse no more until resume */
    bool closing;       /* at the end of the tick */
    bool closing_after; /* when everything is sent */
    bool reply_off;
    bool out_dropped; /* over its limit: nothing is kept any more */
    bool wrote;       /* a command of this tick has effects */
    bool sending;     /* waits for the socket to take more */
    bool writable;    /* it would, but the client is queued */
};

extern struct resp_env resp__env;
extern unsigned resp__depth; /* clients whose commands are on the stack */
extern int64_t resp__now_ms; /* monotonic, of the last cron */
extern struct list_node resp__clients;
/* At the end of each tick: closes clients while they take more than maxmemory-clients. */
void resp__limit_memory(void);
/* What c takes has changed: whoever comes next finds no client over maxmemory-clients, and maxmemory counts c as it is. */
void resp__client_recount(struct resp_client *c);
/* The client goes: its memory counts no more. */
void resp__client_uncount(struct resp_client *c);
extern const struct sink_ops resp__sink_ops;

/* resp_conv.c */
struct resp_client *resp__client_new(int fd, struct tls_context *tls, const char *unix_path);
void resp__client_free(struct resp_client *c);
/* Parses and executes what is in the query buffer. */
void resp__client_process(struct resp_client *c);
/* Gives back memory of the query buffer; cap is what it should have. */
void resp__query_resize(struct resp_client *c, size_t cap);

/* resp_flush.c */
void resp__client_queue(struct resp_client *c);
/* Forgets its output and closes it at the end of the tick. */
void resp__client_drop(struct resp_client *c, const char *why);
void resp__client_writable(struct resp_client *c);
/* Writes as much as the socket takes. False: the connection is broken. */
bool resp__client_send(struct resp_client *c);
void resp__flush_init(void);

/* resp_limits.c */
void resp__client_check_limit(struct resp_client *c);
/* The lowest of all limits: with more than that in its chunks a client is checked. */
extern size_t resp__limit_lowest;
void resp__limits_init(void);
size_t resp__client_mem(const struct resp_client *c);
/* "id=7 addr=... name=..." for log lines; caller frees. */
char *resp__client_text(struct resp_client *c);

/* resp_cron.c */
void resp__cron_init(void);

/* resp_converse.c */
bool resp__converse(struct session *s, int timeout_ms, struct buf *bytes, struct buf *words);

/* resp_session.c */
extern const struct session_ops resp__session_ops;
void resp__client_addresses(struct resp_client *c);

#endif

/* Who calls: one struct session for each client of any listener, and the registry of all of them. The listener owns the
 * connection and gives the session a table of operations; everything above reaches the connection only through it.
 * Thread: loop. */
#ifndef ORBIT_SESSION_SESSION_H
#define ORBIT_SESSION_SESSION_H

#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"
#include "session/sink.h"

#include <stdint.h>

struct session;
struct command;
struct call;
struct acl_user;
struct multi;
struct arena;
struct kv;

enum sess_close { SESS_CLOSE_NOW /* at the end of this tick */, SESS_CLOSE_AFTER_REPLY };

/* Where a session comes from, for CLIENT LIST and ACL LOG. */
struct sess_peer {
    char addr[80], laddr[80]; /* "1.2.3.4:5", "[::1]:5", "path:0" for a unix socket */
    int fd;
    bool unix_socket, tls;
    size_t qbuf, qbuf_free, argv_mem, obl, oll, omem, rbs, rbp, tot_mem;
    char events[3];
};

struct session_ops {
    /* The sink for the answers to this session's commands; also for messages out of band (pub/sub, invalidations, MONITOR). */
    struct sink *(*sink)(struct session *s);
    void (*close)(struct session *s, enum sess_close how);
    void (*peer)(struct session *s, struct sess_peer *out);
    /* A blocked command was answered, outside of dispatch; wrote: with effects in this tick, so that the answer must not
     * leave before they are in the log. May be NULL. */
    void (*answered)(struct session *s, bool wrote);
    /* The session is not blocked any more: parse on. */
    void (*resume)(struct session *s);
    /* RESP version changed (HELLO). */
    void (*set_resp)(struct session *s, int version);
    /* CLIENT REPLY: drop answers while off. Pushes still pass when push is true. */
    void (*set_reply)(struct session *s, bool on);
    /* Subject's CN of the peer's TLS certificate; false: none. */
    bool (*tls_user)(struct session *s, struct buf *out);
    /* The peer's TLS certificate as PEM; false: none. NULL: there is never one. */
    bool (*tls_certificate)(struct session *s, struct buf *out);
    /* Bytes that wait in the connection. elsewhere: as many more wait outside of it, and count against the limit of its output,
     * which may close it. NULL: nothing ever waits. */
    size_t (*output)(struct session *s, uint64_t elsewhere);
    /* In the midst of a command: sends what was answered so far and waits for the client's next request. Its words (struct
     * slice, in words) point into bytes. False: it is gone, silent for timeout_ms, or makes no sense. NULL: cannot. */
    bool (*converse)(struct session *s, int timeout_ms, struct buf *bytes, struct buf *words);
};

enum sess_flags {
    SESS_INTERNAL = 1 << 0, /* replay, scripts: no connection */
    SESS_AUTHENTICATED = 1 << 1,
    SESS_CLOSING = 1 << 2,
    SESS_MULTI = 1 << 3,      /* queueing */
    SESS_DIRTY_CAS = 1 << 4,  /* a watched key changed */
    SESS_DIRTY_EXEC = 1 << 5, /* an error while queueing */
    SESS_BLOCKED = 1 << 6,
    SESS_MONITOR = 1 << 7,
    SESS_PUBSUB = 1 << 8, /* has subscriptions */
    SESS_TRACKING = 1 << 9,
    SESS_NO_EVICT = 1 << 10,
    SESS_NO_TOUCH = 1 << 11,
    SESS_REPLY_OFF = 1 << 12,
    SESS_REPLY_SKIP_NEXT = 1 << 13,
    SESS_REPLY_SKIP = 1 << 14,
    SESS_REPLICA = 1 << 15,
    SESS_READONLY_CLUSTER = 1 << 16,
    SESS_LOADING_LOG = 1 << 17, /* replays the log: no checks, no effects */
    SESS_UNIX = 1 << 18,
    SESS_DENY_BLOCKING = 1 << 19, /* inside MULTI or a script */
    SESS_POSTPONED =
        1 << 20, /* its command waits for CLIENT PAUSE or back-pressure and will run again */
    SESS_TRACKING_BROKEN = 1 << 21, /* the session that gets the redirected invalidations is gone */
    SESS_TRACKING_BCAST = 1 << 22,
    SESS_CLOSE_AFTER_REPLY_SET = 1 << 23, /* session_close(SESS_CLOSE_AFTER_REPLY) was called */
    SESS_MASTER =
        1 << 24, /* what our master sends: may do everything, is believed, answers go nowhere */
    SESS_NESTED = 1 << 25, /* runs commands for the session whose command runs already (modules) */
    SESS_NO_EFFECTS = 1 << 26, /* what its blocked command does later is not propagated */
    SESS_IN_EXEC = 1 << 28,    /* its transaction is executed */
    SESS_ALLOW_OOM = 1 << 27,  /* its scripts run above maxmemory, too */
};

/* State that a service hangs on a session; its hook on HOOK_SESSION_CLOSE frees it. */
enum sess_slot {
    SESS_SLOT_PUBSUB,
    SESS_SLOT_TRACKING,
    SESS_SLOT_MONITOR,
    SESS_SLOT_SCRIPT,
    SESS_SLOT_MODULE,
    SESS_SLOT_REPLICATION,
    SESS_SLOTS
};

struct session {
    uint64_t id;
    const struct session_ops *ops;
    void *conn;            /* the listener's */
    struct list_node link; /* registry, by age */
    struct kv *kv;
    int db;
    int resp; /* 2 or 3 */
    uint32_t flags;
    struct acl_user *user; /* never NULL */
    struct buf name, lib_name, lib_ver;
    int64_t created_ms, active_ms;
    const struct command *last_cmd;
    uint64_t commands;   /* processed */
    struct multi *multi; /* NULL outside MULTI and WATCH */
    struct list_node watches;
    size_t kept_bytes; /* watches, subscriptions, prefixes: whoever keeps them counts them here */
    unsigned subs, psubs, ssubs; /* subscriptions: kept by the pub/sub service */
    uint64_t redirect;           /* CLIENT TRACKING's REDIRECT, kept by tracking; 0: none */
    struct arena *arena;         /* of the running call */
    void *block;                 /* session/block.c */
    void *slot[SESS_SLOTS];
};

/* A new session, user = default user (authenticated when it has nopass), registered. */
struct session *session_new(struct kv *kv, const struct session_ops *ops, void *conn);
/* For replay, scripts and modules: no connection, answers go nowhere, not counted or listed, may do everything. */
struct session *session_new_internal(struct kv *kv);
/* Runs the close hooks, unwatches, unblocks, frees. The listener calls it when the connection goes. */
void session_free(struct session *s);
struct session *session_by_id(uint64_t id);
size_t session_count(void); /* connected clients, internal ones left out */
struct list_node *session_list(void);
/* Memory of all sessions and their buffers; replicas' left out. Asks every one. */
size_t session_memory(void);
void session_close(struct session *s,
                   enum sess_close how); /* sets SESS_CLOSING, tells the listener */
/* Memory that s costs besides its connection: the struct, names, queue, watches, subscriptions. */
size_t session_bytes(const struct session *s);
/* Name, database, MULTI, watches, subscriptions, tracking, authentication: as after connecting (RESET). */
void session_reset(struct session *s);

#endif

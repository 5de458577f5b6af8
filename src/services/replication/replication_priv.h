/* What the files of this folder share. */
#ifndef ORBIT_SERVICES_REPLICATION_PRIV_H
#define ORBIT_SERVICES_REPLICATION_PRIV_H

#include "base/buf.h"
#include "base/list.h"
#include "session/session.h"

/*  SYNC --> WAITS --the tick is over, a view is open--> DUMPS --the file is there--> SENDS --all of it is sent--> ONLINE
 *  Effects from the view on are kept in `later` until the replica is online. */
enum repl_state {
    REPL_WAITS,
    REPL_DUMPS,
    REPL_SENDS,
    REPL_ONLINE,
    REPL_HAS_DUMP /* and wants no more */
};

struct repl_client {
    struct list_node link; /* not linked: only REPLCONF so far */
    struct session *s;
    enum repl_state state;
    bool psync;          /* is told the log's name and offset first */
    bool dump_only;      /* wants no effects */
    bool functions_only; /* wants a dump without keys */
    struct buf later;
    int fd; /* of the dump, while it is sent */
    uint64_t sent, size;
    uint64_t acked;
    int64_t acked_s;
    int port;
    char ip[64]; /* "" : that of the connection */
};

struct repl {
    struct list_node clients;
    uint64_t offset; /* bytes of effects since there were replicas */
    int64_t pinged_ms;
};
extern struct repl repl;

/* The state of a session, made when it has none. */
struct repl_client *repl__client(struct session *s);
size_t repl__count(void);
/* Bytes that every replica gets, as effects. */
void repl__feed(struct slice bytes);
void repl__send(struct repl_client *r, struct slice bytes);

/* replication_dump.c: makes and sends dumps; a little at a time. True: more is to be done. */
bool repl__dump_step(void);
/* Ends what the dump holds for this replica. */
void repl__dump_forget(struct repl_client *r);

#endif

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
    char id[41]; /* of the stream */
    char id2[41];
    int64_t second_offset; /* up to it the stream was id2's; -1: there was none */
    uint64_t offset;       /* bytes of the stream so far */
    int64_t pinged_ms, alone_since_ms;
};
extern struct repl repl;
extern uint64_t repl_full, repl_partial_ok, repl_partial_err; /* answers to SYNC and PSYNC */

/* The state of a session, made when it has none. */
struct repl_client *repl__client(struct session *s);
size_t repl__count(void);
/* Bytes of the stream: every replica gets them, the offset moves. */
void repl__relay(struct slice bytes);
/* Closes the connections of all replicas: what they have is not what will come. */
void repl__drop_clients(void);
/* The stream goes on under another name; NULL: a new one. The former one stays known as the second. */
void repl__change_id(const char *id);
void repl__no_second_id(void);
int repl__listen_port(void);
/* Tells how many replicas count for min-replicas-to-write. */
void repl__count_good(void);
/* Sends what has come since offset. False: it is not there any more. */
bool repl__continue(struct repl_client *r, struct slice id, int64_t offset);

/* replication_backlog.c */
void repl__backlog_begin(void);
void repl__backlog_end(void);
bool repl__backlog_active(void);
void repl__backlog_put(struct slice bytes);
/* The bytes behind offset. False: they are not there (any more). */
bool repl__backlog_since(uint64_t offset, struct slice *out);
void repl__backlog_info(struct buf *out);

/* replica_link.c: following a master. */
void repl__follow(struct slice host, int port);
void repl__follow_nobody(void);
bool repl__follows(struct slice host, int port);
/* ROLE's word for the link. */
const char *repl__link_role(const char **host, int *port);
void repl__link_info(struct buf *out);
void repl__link_cron(void);
void repl__send(struct repl_client *r, struct slice bytes);

/* replication_dump.c: makes and sends dumps; a little at a time. True: more is to be done. */
bool repl__dump_step(void);
/* Ends what the dump holds for this replica. */
void repl__dump_forget(struct repl_client *r);

#endif

/* What the files of this folder share. */
#ifndef ORBIT_SERVICES_REPLICATION_REPLICATION_PRIV_H
#define ORBIT_SERVICES_REPLICATION_REPLICATION_PRIV_H

#include "base/buf.h"
#include "base/list.h"
#include "session/session.h"

#define REPL_ID 40

/*  SYNC --> WAITS --the tick is over, a view is open--> DUMPS --the file is there--> SENDS --all of it is sent--> ONLINE
 *  PSYNC from a position that the backlog has: ONLINE at once.
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
    bool psync;          /* is told the stream's name and offset first, and acknowledges */
    bool psync2;         /* understands that the name may change */
    bool dump_only;      /* wants no effects */
    bool functions_only; /* wants a dump without keys */
    struct buf later;
    int fd; /* of the dump, while it is sent */
    uint64_t sent, size;
    uint64_t acked; /* applied there */
    int64_t synced; /* in its log and on its device; -1: it did not tell */
    int64_t acked_s;
    int port;
    char ip[64]; /* "" : that of the connection */
};

/* The stream: on a master its own effects, on a replica what its master sends, byte by byte. */
struct repl {
    struct list_node clients;
    char id[REPL_ID + 1];
    char former_id[REPL_ID + 1]; /* the stream's name before former_end; zeros: none */
    int64_t former_end;          /* -1: none */
    uint64_t offset;             /* bytes of the stream so far */
    uint64_t effects_end; /* offset behind the newest effect: without what keeps the link alive */
    bool known;           /* the data set is what id and offset say: it can be gone on from there */
    bool ask;             /* the replicas shall say how far they are */
    bool ask_paused;      /* also while writes are paused */
    int64_t pinged_ms, alone_ms; /* since when there is no replica */
};
extern struct repl repl;

struct rdb_save;
/* A dump of the data set as it is now: says where in the stream that is. Between ticks, or it says nothing. */
void repl__note_in_dump(struct rdb_save *dump);
/* The state of a session, made when it has none. */
struct repl_client *repl__client(struct session *s);
/* Counts those that min-replicas-to-write asks for. */
void repl__count_good(void);
/* Bytes that every replica gets, as effects. */
void repl__feed(struct slice bytes);
void repl__send(struct repl_client *r, struct slice bytes);
/* The address that the replica gave, or the connection's without its port. */
void repl__address(const struct repl_client *r, char *out, size_t cap);
/* Another name from here on; keep: the present one stays valid for what was sent so far. */
void repl__new_id(bool keep);
void repl__disconnect_all(void);
/* The effects of ticks are the stream, as long as there is a backlog and no master. */
void repl__update_stream(void);

/* position.c */
/* The data set is in no stream. */
void repl__position_void(void);
/* A master whose effects are about to become the stream. */
void repl__position_stream(void);
/* What store and log said at the start: id, offset, known; a master's backlog is what the log still has. */
void repl__position_load(void);

/* replication_backlog.c: the newest bytes of the stream, for replicas that come back. */
bool repl__backlog_on(void);
void repl__backlog_make(void);
void repl__backlog_drop(void);
void repl__backlog_put(struct slice bytes);
/* from: the first byte that is wanted, counted from 1. */
bool repl__backlog_has(uint64_t from);
void repl__backlog_send(struct repl_client *r, uint64_t from);
void repl__backlog_info(struct buf *out);
size_t repl__backlog_bytes(void); /* of memory */
void repl__backlog_clear(void);   /* what it holds is forgotten */

/* replication_dump.c: makes and sends dumps; a little at a time. True: more is to be done. */
bool repl__dump_step(void);
/* Ends what the dump holds for this replica. */
void repl__dump_forget(struct repl_client *r);

/* wait.c: replicas have told how far they are, or the log was synced. */
void repl__wait_check(void);
/* A tick was committed. */
void repl__wait_committed(void);

#endif

/* The replica's side: the link to the master, shared by the replica_*.c files. */
#ifndef ORBIT_SERVICES_REPLICATION_REPLICA_PRIV_H
#define ORBIT_SERVICES_REPLICATION_REPLICA_PRIV_H

#include "base/buf.h"
#include "base/status.h"
#include "services/replication/replication_priv.h"
#include "wire/resp/resp_codec.h"

struct conn;

/*  NONE: a master
 *  WAITS --once a second--> RESOLVES --a worker knows the address--> CONNECTS --> PING --> AUTH --> PORT --> ADDRESS --> CAPA
 *  --> PSYNC --FULLRESYNC--> DUMP --all of it is in a file--> LOADS --> UP     (loading may begin in DUMP)
 *      PSYNC --CONTINUE--> UP
 *  Whatever fails: WAITS. */
enum link_state {
    LINK_NONE,
    LINK_WAITS,
    LINK_RESOLVES,
    LINK_CONNECTS,
    LINK_PING,
    LINK_AUTH,
    LINK_PORT,
    LINK_ADDRESS,
    LINK_CAPA,
    LINK_PSYNC,
    LINK_DUMP,
    LINK_LOADS,
    LINK_UP,
};

#define DUMP_MARK 40

/* A dump on its way into a file, and from there into the keyspace. */
struct link_dump {
    int fd; /* -1: all of it is in the file */
    char path[64];
    bool begun;  /* its length, or its mark, is known */
    bool marked; /* it ends with mark, which is no part of it */
    char mark[DUMP_MARK];
    char last[DUMP_MARK]; /* the newest bytes of it */
    uint64_t total, got;
    int64_t synced_ms;
    int64_t begun_ms;          /* steady clock */
    struct replica_load *load; /* NULL: not begun */
    char id[REPL_ID + 1];      /* the stream behind it */
    uint64_t offset;
};

struct link {
    char *host; /* NULL: no master */
    int port;
    enum link_state state;
    struct conn *conn;
    uint64_t attempt; /* tells a late answer of the resolver from the one that is waited for */
    struct buf in, out;
    int64_t io_ms, down_ms, tried_ms, acked_ms; /* steady clock */
    int64_t even_ms;                            /* when everything that had come was executed */
    struct link_dump dump;

    /* While UP. in[0..at) is executed, the rest is not; in begins with the first byte that is not in repl.offset yet. */
    struct session *s;
    struct resp_request req;
    const char *base; /* where req's bytes were */
    size_t at;
    int db;       /* selected in the stream, at repl.offset */
    bool applied; /* in this tick */
    bool more;    /* commands are there that time was too short for */
    bool held;    /* the command at `at` waits for CLIENT PAUSE or back-pressure */
    bool want_ack;
    bool lost;   /* to be dropped at the end of the tick */
    bool unsure; /* a dump came in, and the log has not been synced since */
    uint64_t log_seq, log_offset,
        synced; /* in the log up to there when it is synced to log_seq; what is */
};
extern struct link repl_link;

/* replica_link.c */
/* Begins to connect. */
void replica__connect(void);
/* Closes the connection, whatever its state; why (logged) NULL: because we want to. */
void replica__drop(const char *why);
void replica__write(struct slice bytes);
void replica__command(size_t argc, const struct slice *argv);
/* What was asked of the master goes on with what has arrived. */
void replica__process(void);
const char *replica__state_word(void);

/* replica_dump.c */
void replica__dump_begin(const char *id, uint64_t offset);
/* Takes bytes from the link's input. False: the link was dropped, or more is needed. */
bool replica__dump_take(void);
void replica__dump_abandon(void);

/* replica_load.c */
/* Loading begins before all of the dump has come. */
bool replica__load_wanted(const struct link_dump *d);
/* A little of what has come, when it is time for it. Between ticks. */
void replica__load_step(void);
/* What was loaded is forgotten. */
void replica__load_abandon(struct link_dump *d);

/* replica_stream.c */
/* In step with the master: from now on its commands are executed. */
void replica__stream_begin(void);
void replica__stream_end(void);
void replica__stream_run(void);
void replica__stream_ack(void);
/* What the last dump brought gets onto the device, whatever appendfsync says. */
void replica__stream_settle(void);
/* The tick is about to be committed: notes how far the stream is with what it changed. */
void replica__stream_note(void);
void replica__stream_committed(void);

/* failover.c */
/* INFO's word. */
const char *failover__word(void);
/* FAILOVER is under way. */
bool failover__on(void);
/* It is, and the master we connect to is the one that shall take over. */
bool failover__hands_over(void);
/* It has taken over. */
void failover__done(void);
/* It did not: we are the master (again). */
void failover__abort(const char *why);
/* After each tick: hands over when there is a replica that has everything. */
void failover__check(void);

/* replica.c */
/* What is in the data set is no stream's any more. */
void replica__forget_position(void);
void replica__note_position(void);
/* With the next fold, not in the log. */
void replica__store_position(void);
/* Of the log: REPLCONF APPLIED and REPLCONF STREAM. */
void replica__replay_position(struct call *c);

/* What INFO and ROLE tell of a replica. */
void replica__info(struct buf *out);
void replica__role(struct call *c);
/* Changes of the role outside of REPLICAOF, between ticks. Errors: the log cannot be written; nothing has changed then. */
MUST_USE enum status replica__promote(struct error *err);
MUST_USE enum status replica__follow(struct slice host, int port, struct error *err);
void replica__start(void);
void replica__begin(void);
void replica__cron(void);

#endif

/* What the files of this folder share. */
#ifndef ORBIT_SERVICES_REPLICATION_REPLICATION_PRIV_H
#define ORBIT_SERVICES_REPLICATION_REPLICATION_PRIV_H

#include "base/buf.h"
#include "base/list.h"
#include "session/session.h"

#define REPL_ID        40
#define REPL_IN_FLIGHT (1024u * 1024) /* as much may wait in a connection; the rest waits here */

/*  SYNC --> WAITS --a view is open--> DUMPS --the file is there--> SENDS --all of it is sent--> ONLINE
 *                                 --> STREAMS --all of it is sent--> LOADS --it acknowledges--> ONLINE
 *  PSYNC from a position that the backlog has: ONLINE at once.
 *  Its place in the stream is that of the view, and stays there until the replica is online. */
enum repl_state {
    REPL_WAITS,
    REPL_DUMPS,
    REPL_STREAMS, /* gets a dump while it is written */
    REPL_SENDS,
    REPL_LOADS,
    REPL_ONLINE,
    REPL_HAS_DUMP /* and wants no more */
};

struct repl_block;
struct repl_place {
    struct repl_block *block; /* NULL: none */
    size_t at;
};

struct repl_client {
    struct list_node link; /* not linked: only REPLCONF so far */
    struct session *s;
    enum repl_state state;
    bool psync;              /* is told the stream's name and offset first, and acknowledges */
    bool eof;                /* takes a dump whose end is a mark */
    bool psync2;             /* understands that the name may change */
    bool dump_only;          /* wants no effects */
    bool functions_only;     /* wants a dump without keys */
    unsigned dump_version;   /* newest format it says it reads; 0: it does not say */
    struct repl_place place; /* what it was not sent yet of the stream; none while it waits */
    int fd;                  /* of the dump, while it is sent */
    uint64_t sent, size;
    uint64_t acked; /* applied there */
    int64_t synced; /* in its log and on its device; -1: it did not tell */
    int64_t acked_s;
    int64_t moved_ms; /* steady clock: since when it waits, or does not take what it is sent */
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
/* Sends what has room on its way of what the replica lacks, and tells its connection how much waits besides. */
void repl__pump(struct repl_client *r);
/* The stream begins for r, which has everything before it. */
void repl__online(struct repl_client *r);
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

/* replication_backlog.c: the newest bytes of the stream, and where each replica stands in them. */
bool repl__backlog_on(void);
void repl__backlog_make(void);
void repl__backlog_drop(void);
void repl__backlog_put(struct slice bytes);
/* Gives up what nobody has to get any more. */
void repl__backlog_trim(void);
/* Behind the newest byte. */
void repl__place_end(struct repl_place *p);
/* Behind so many bytes of the stream. False: they are not there any more. */
bool repl__place_find(struct repl_place *p, uint64_t offset);
void repl__place_copy(struct repl_place *p, const struct repl_place *from);
void repl__place_drop(struct repl_place *p);
/* Bytes from there to the newest; 0 without a place. */
uint64_t repl__place_behind(const struct repl_place *p);
/* Some of them, at least one if there are any; p->at moves on by what was taken. */
struct slice repl__place_bytes(struct repl_place *p);
void repl__backlog_info(struct buf *out);
size_t repl__backlog_bytes(void); /* of memory */
size_t repl__backlog_size(void);  /* bytes of the stream that it holds, at least */
/* What it holds is forgotten: it begins behind so many bytes of the stream. On. */
void repl__backlog_begin(uint64_t offset);

/* replication_dump.c: makes and sends dumps; a little at a time. True: more is to be done. */
bool repl__dump_step(void);
/* Drops those that the dump under way is for, and ends it. */
void repl__dump_stop(const char *why);
/* Ends what the dump holds for this replica. */
void repl__dump_forget(struct repl_client *r);

/* The dump under way; NULL: none. */
const struct rdb_save *repl__dump_running(void);

/* observe.c */
void repl__observe_info(struct buf *out);
void repl__observe_cron(void);
/* Offsets are those of another stream from now on. */
void repl__observe_anew(void);
/* A sample of LATENCY; since_ms: steady clock. */
void repl__observe_took(const char *event, int64_t since_ms);

/* wait.c: replicas have told how far they are, or the log was synced. */
void repl__wait_check(void);
/* A tick was committed. */
void repl__wait_committed(void);

#endif

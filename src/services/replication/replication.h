/* Replication. As a master: clients that asked with SYNC or PSYNC get a dump of the data set, or go on from where they were, and
 * then the effects of every tick (keyspace/kv_effect.c) as the log has them. As a replica: the same from the other end, passed
 * on to replicas of our own. */
#ifndef ORBIT_SERVICES_REPLICATION_REPLICATION_H
#define ORBIT_SERVICES_REPLICATION_REPLICATION_H

#include <stdbool.h>
#include <stdint.h>

/* Where we are in which stream. Names of streams have 40 digits; what is pointed to may change with the next event. */
struct replication_place {
    const char *master_host; /* "": there is no master */
    int master_port;
    char *id, *former_id;
    uint64_t offset;
    int64_t former_end; /* the former name holds up to there; -1: there is none */
};
void replication_place(struct replication_place *out);

/* Attaches to ticks and sessions. Once, before the start. */
void replication_start(void);
/* Store and log are read: follows the master that the configuration names. */
void replication_begin(void);

/* A dump took the place of the data set at the start, before replication_begin: where in a stream that is; id "": in none. */
void replication_loaded(const char *id, uint64_t offset, int db);
/* appendonly was turned on or off. */
void replication_log_changed(void);
/* Everything is committed, the keyspace is about to be closed. */
void replication_stop(void);
/* The data set was replaced outside of the log: replicas are sent away, and the stream has another name from now on. */
void replication_begin_anew(void);

/* Before a shutdown: whether every replica has acknowledged everything; asks them how far they are, also while writes are
 * paused; logs those that lag. */
bool replication_caught_up(void);
void replication_ask(void);
void replication_log_lag(void);

/* The server stops: no dump for replicas goes on. */
void replication_end(void);

#endif

/* The replica's side, shared by its two files: the link to the master, and what is done with the stream. */
#ifndef ORBIT_SERVICES_REPLICATION_REPLICA_PRIV_H
#define ORBIT_SERVICES_REPLICATION_REPLICA_PRIV_H

#include "base/buf.h"
#include "base/status.h"

/*  NONE --REPLICAOF--> CONNECT --cron--> CONNECTING --> HANDSHAKE --FULLRESYNC--> TRANSFER --loaded--> CONNECTED
 *                         ^                                      --CONTINUE----------------------------> CONNECTED
 *                         '--------------------- whatever goes wrong ------------------------------------------'  */
enum link_state {
    LINK_NONE,
    LINK_CONNECT,
    LINK_CONNECTING,
    LINK_HANDSHAKE,
    LINK_TRANSFER,
    LINK_CONNECTED
};

/* replica_apply.c: takes whole commands off the front of in and runs them. ST_CORRUPT: the stream is broken. */
MUST_USE enum status repl__apply(struct buf *in, struct error *err);
/* Before a stream that begins anew: database 0, no transaction. */
void repl__apply_reset(void);
/* The dump at path takes the place of all data. */
MUST_USE enum status repl__apply_dump(const char *path, struct error *err);
/* A REPLCONF GETACK came along. */
void repl__send_ack(void);

#endif

/* Connections of MIGRATE to other servers: kept open for a while, used by one command at a time. */
#ifndef ORBIT_COMMANDS_DUMP_MIGRATE_LINK_H
#define ORBIT_COMMANDS_DUMP_MIGRATE_LINK_H

#include "base/buf.h"
#include "base/slice.h"

#include <stdint.h>

struct migrate_link {
    char *host, *port;
    int fd;     /* -1: not connected */
    int64_t db; /* that is selected there; -1: unknown */
    int64_t used_ms;
    bool reused; /* taken from the cache: it may be dead */
};

/* Loop thread: from the cache, or a new one that is not connected. Never NULL. */
struct migrate_link *migrate_link_take(struct slice host, struct slice port);
/* Loop thread: back into the cache, when it is connected; otherwise freed. */
void migrate_link_give(struct migrate_link *l);
/* Registers with the cron and INFO. Once, before the start. */
void migrate_link_start(void);

enum migrate_result { MIGRATE_SENT, MIGRATE_NO_CONNECTION, MIGRATE_NO_WRITE, MIGRATE_NO_READ };

#define MIGRATE_ANSWER_MAX 1024

/* What is to be sent, and what came back. */
struct migrate_batch {
    struct buf auth; /* AUTH as RESP; empty: none */
    int64_t db;      /* to select */
    struct buf commands;
    size_t n; /* commands in it */
    int64_t timeout_ms;
    bool *accepted; /* n: which of them were answered without an error */
    size_t answered;
    char error[MIGRATE_ANSWER_MAX]; /* the first error that was answered, without '-'; "": none */
};

/* Sends and waits for the answers; connects first if need be, and again when a reused connection turns out to be dead. Any
 * thread. */
enum migrate_result migrate_link_send(struct migrate_link *l, struct migrate_batch *b);

void migrate_put_array(struct buf *b, size_t n);
void migrate_put_bulk(struct buf *b, struct slice s);

#endif

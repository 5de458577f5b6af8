/* Dump files, written from a view. */
#ifndef ORBIT_RDB_RDB_SAVE_H
#define ORBIT_RDB_RDB_SAVE_H

#include "base/buf.h"
#include "base/status.h"
#include "keyspace/kv_view.h"

#include <stdatomic.h>

struct rdb_save {
    char *path; /* of the file to be made */
    bool compress, checksum;
    bool functions_only; /* no keys */
    unsigned version;    /* of the format; before 10 there are no functions in it */
    int64_t key_delay_us;
    char stream_id[41]; /* where in a replication stream the view is; "" (as made): in none */
    uint64_t stream_offset;
    int64_t stream_db;                /* selected there */
    struct buf functions;             /* as rdb_put_functions gives them */
    struct buf aux_before, aux_after; /* as rdb_put_module_aux gives them */
    struct kv_view *view;
    atomic_bool cancel;               /* ends it with ST_CLOSED */
    atomic_uint_fast64_t keys, bytes; /* written so far */
};

/* A save into path (copied), with the options and libraries as they are now. Loop thread. The view is opened by the caller and
 * closed by rdb_save_free. */
struct rdb_save *rdb_save_new(const char *path, struct kv_view *view);
void rdb_save_free(struct rdb_save *s);
/* Writes the dump into fd, and nothing else. Any thread. */
MUST_USE enum status rdb_save_to(struct rdb_save *s, int fd, struct error *err);
/* Writes "temp-PID.rdb" beside path, syncs it and renames it. Any thread. On failure the temporary file is gone and path is as it
 * was. */
MUST_USE enum status rdb_save_run(struct rdb_save *s, struct error *err);
/* For a signal handler that is about to end the process: removes the temporary file of the save under way. */
void rdb_save_abandon(void);

#endif

/* What the files of the cow_btree provider share. FORMAT.md gives the bytes on disk.
 *
 *   write --> orbit.wal (append) --> maps in memory --fold--> LMDB (one synced transaction) --> log deleted
 *   read  <-- maps in memory, and below them LMDB
 *
 * Locks: write_lock orders writers and owns the log file; state_lock guards what the fold thread and its clients tell each
 * other; reader_lock counts LMDB's readers. They are taken in this order. */
#ifndef ORBIT_STORAGE_COW_BTREE_COW_BTREE_PRIV_H
#define ORBIT_STORAGE_COW_BTREE_COW_BTREE_PRIV_H

#include "storage/merge.h"
#include "storage/mvcc.h"
#include "storage/provider.h"

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#define COW_LOG          "orbit.wal"
#define COW_LOG_OLD      "orbit.wal.old"
#define COW_IDLE_READERS 16

struct cow_config {
    int64_t max_keys_per_node, wal_buffer_size, snapshot_interval, wal_sync_interval, map_size;
    bool enable_snapshots, enable_compression;
};

/* The log that is written to. */
struct cow_log {
    int fd;
    uint64_t size;
    bool unsynced;
    bool broken; /* a sync failed or the end could not be cut: only a new file helps */
};

struct cow {
    char *path, *log_path, *log_old_path;
    struct cow_config config;
    bool read_only;
    int lock_fd;
    MDB_env *env;
    size_t nspaces;
    uint16_t *ids;    /* space number on disk, for each space of the caller */
    char **names;     /* of the caller's spaces */
    unsigned highest; /* largest space number; the index of the last map */
    struct mvcc *m;

    pthread_mutex_t write_lock;
    struct cow_log log;
    struct buf frame;
    _Atomic bool write_failed;

    pthread_mutex_t state_lock;
    pthread_cond_t wake;   /* to the thread */
    pthread_cond_t folded; /* from the thread: a fold has ended */
    pthread_t thread;
    bool has_thread, stop, fold_wanted;
    uint64_t folds_begun, folds_ended;
    enum status fold_status;
    struct error fold_error;
    _Atomic bool fold_failed;
    _Atomic uint64_t writes_since_snapshot;
    int64_t next_snapshot_us;
    enum status snapshot_status;

    pthread_mutex_t reader_lock;
    size_t readers;
    MDB_txn *idle[COW_IDLE_READERS];
    size_t nidle;
};

/* What a reader holds: a view of the maps and the state of the tree that fits it. */
struct cow_snap {
    struct mvcc_view view;
    MDB_txn *txn;
};

/* -- Tree (LMDB) -------------------------------------------------------------------------------------------------------- */

enum status cow__tree_open(struct cow *c, struct error *err);
void cow__tree_close(struct cow *c);
enum status cow__tree_error(int rc, const char *what, struct error *err);
/* Numbers of the caller's spaces, made where missing; sets ids and highest, and the sequence that the tree holds. */
enum status cow__tree_spaces(struct cow *c, const struct stor_config *cfg, uint64_t *seq,
                             struct error *err);
enum status cow__reader_begin(struct cow *c, MDB_txn **txn, struct error *err);
void cow__reader_end(struct cow *c, MDB_txn *txn);
uint64_t cow__tree_seq(MDB_txn *txn);
/* ST_NOT_FOUND: no such key. */
enum status cow__tree_get(MDB_txn *txn, uint16_t id, struct slice key, struct buf *v,
                          struct error *err);
int cow__tree_put(MDB_txn *txn, uint16_t id, struct slice key, struct slice value);
int cow__tree_del(MDB_txn *txn, uint16_t id, struct slice key);
int cow__tree_put_seq(MDB_txn *txn, uint64_t seq);
/* Makes the map twice as large; false: readers are active, or the system refuses. */
bool cow__tree_grow(struct cow *c);

/* Cursor with bounds; its functions stand in cow__tree_iter_table. txn stays the caller's. */
void *cow__tree_iter_new(MDB_txn *txn, uint16_t id, struct slice lower, struct slice upper);
/* An empty one whose status is an error, for when there is no reader. */
void *cow__tree_iter_failed(void);
extern const struct stor_provider cow__tree_iter_table;

/* -- Log ---------------------------------------------------------------------------------------------------------------- */

/* Applies what the log files hold above the tree's sequence; cuts a torn end; opens the log for writing. */
enum status cow__log_open(struct cow *c, struct error *err);
void cow__log_close(struct cow *c);
/* With write_lock held. Appends one batch and, if asked, syncs it; on failure nothing of it counts. */
enum status cow__log_append(struct cow *c, uint64_t seq, struct slice payload, bool sync,
                            struct error *err);
/* Cuts the file at log.size again, after a batch that was appended could not be applied. */
void cow__log_cut(struct cow *c);
enum status cow__log_sync(struct cow *c, struct error *err);
/* Puts the file aside as the old one and begins a new one, unless an old one is still there. */
enum status cow__log_rotate(struct cow *c, struct error *err);
enum status cow__log_verify(struct cow *c, struct error *err);

/* -- Fold --------------------------------------------------------------------------------------------------------------- */

enum status cow__fold_start(struct cow *c, struct error *err);
void cow__fold_stop(struct cow *c);
void cow__fold_request(struct cow *c);
/* Folds everything that is written now and waits for it. */
enum status cow__fold_wait(struct cow *c, struct error *err);
/* Waits while too much is unfolded. */
enum status cow__fold_throttle(struct cow *c, struct error *err);
enum status cow__snapshot_write(struct cow *c, struct error *err);
enum status cow__snapshot_verify(struct cow *c, struct error *err);

/* -- Snapshots and iterators (cow_btree.c) ------------------------------------------------------------------------------ */

enum status cow__snap_open(struct cow *c, struct cow_snap *snap, struct error *err);
void cow__snap_close(struct cow *c, struct cow_snap *snap);
/* A merge_iter over maps and tree. */
void *cow__iter_open(struct cow *c, struct cow_snap *snap, uint16_t id, struct slice lower,
                     struct slice upper);

#endif

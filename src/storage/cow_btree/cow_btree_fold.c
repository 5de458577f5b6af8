/* The fold thread: it carries what the log holds into the tree, with one synced transaction, and then deletes the log. It also
 * syncs the log in intervals and writes snapshot files. All folds run here, so nobody else writes to the tree. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "storage/compress.h"
#include "storage/cow_btree/cow_btree_priv.h"
#include "storage/dump.h"
#include "storage/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define THROTTLE_MIN   ((uint64_t)64 << 20)
#define SNAPSHOT_PART  ((size_t)1 << 20)
#define SNAPSHOTS_KEPT 3

/* -- Folding ------------------------------------------------------------------------------------------------------------ */

static int put_all(struct cow *c, MDB_txn *txn, const struct mvcc_view *view)
{
    int rc = 0;

    for (unsigned id = 1; id <= c->highest && rc == 0; id++) {
        struct mvcc_iter *it = mvcc_iter_new(c->m, view, id, SLICE_NULL, SLICE_NULL);
        for (mvcc_iter_first(it); mvcc_iter_valid(it) && rc == 0; mvcc_iter_next(it)) {
            if (mvcc_iter_deleted(it))
                rc = cow__tree_del(txn, (uint16_t)id, mvcc_iter_key(it));
            else
                rc = cow__tree_put(txn, (uint16_t)id, mvcc_iter_key(it), mvcc_iter_value(it));
        }
        mvcc_iter_free(it);
    }
    return rc;
}

static int try_fold(struct cow *c, const struct mvcc_view *view)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(c->env, NULL, 0, &txn);

    if (rc != 0)
        return rc;
    rc = put_all(c, txn, view);
    if (rc == 0)
        rc = cow__tree_put_seq(txn, view->seq);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static enum status fold(struct cow *c, struct error *err)
{
    struct mvcc_view view;

    pthread_mutex_lock(&c->write_lock);
    enum status st = cow__log_rotate(c, err);
    mvcc_view_open(c->m, &view);
    pthread_mutex_unlock(&c->write_lock);
    int rc = 0;
    if (view.seq > view.base) {
        do
            rc = try_fold(c, &view);
        while (rc == MDB_MAP_FULL && cow__tree_grow(c));
    }
    uint64_t seq = view.seq;
    mvcc_view_close(c->m, &view);
    if (rc != 0)
        return cow__tree_error(rc, "fold", err);
    mvcc_flushed(c->m, seq);
    if (st != ST_OK)
        return st; /* the log could not be put aside, so it stays, and is skipped when it is replayed */
    if (unlink(c->log_old_path) != 0 && errno != ENOENT)
        return error_set_errno(err, errno, "cow_btree: cannot delete %s", c->log_old_path);
    return ST_OK;
}

static void fold_and_tell(struct cow *c)
{
    struct error err = {ST_OK, ""};
    enum status st = fold(c, &err);

    if (st != ST_OK && !atomic_exchange(&c->fold_failed, true))
        log_warning(LOG_STORAGE, "cow_btree: %s: %s", c->path, err.message);
    if (st == ST_OK && atomic_exchange(&c->fold_failed, false))
        log_notice(LOG_STORAGE, "cow_btree: %s: folding works again", c->path);
    pthread_mutex_lock(&c->state_lock);
    c->fold_status = st;
    c->fold_error = err;
    c->folds_ended = c->folds_begun;
    pthread_cond_broadcast(&c->folded);
    pthread_mutex_unlock(&c->state_lock);
}

/* -- Snapshot files ----------------------------------------------------------------------------------------------------- */

static enum status flush_part(struct cow *c, FILE *f, struct buf *text, struct error *err)
{
    struct buf packed = BUF_INIT;
    enum status st = stor_compress(c->config.enable_compression ? STOR_GZIP : STOR_PLAIN,
                                   buf_slice(text), &packed, err);

    if (st == ST_OK && fwrite(packed.p, 1, packed.n, f) != packed.n)
        st = error_set_errno(err, errno, "cow_btree: cannot write a snapshot");
    buf_free(&packed);
    buf_clear(text);
    return st;
}

/* Parts are packed on their own: gzip data that follow each other are one file. */
static enum status dump_to(struct cow *c, struct cow_snap *snap, FILE *f, struct error *err)
{
    struct buf text = BUF_INIT;
    struct dump_writer w;
    enum status st = ST_OK;

    dump_begin(&w, &text, snap->view.seq);
    for (size_t i = 0; i < c->nspaces && st == ST_OK; i++) {
        void *it = cow__iter_open(c, snap, c->ids[i], SLICE_NULL, SLICE_NULL);
        dump_space(&w, slice_str(c->names[i]));
        for (merge_iter_first(it); merge_iter_valid(it) && st == ST_OK; merge_iter_next(it)) {
            if (!dump_entry(&w, merge_iter_key(it), merge_iter_value(it)))
                st = error_set(err, ST_NO_MEMORY, "cow_btree: no memory for a snapshot");
            else if (text.n >= SNAPSHOT_PART)
                st = flush_part(c, f, &text, err);
        }
        if (st == ST_OK)
            st = merge_iter_status(it, err);
        merge_iter_free(it);
    }
    dump_end(&w);
    if (st == ST_OK)
        st = flush_part(c, f, &text, err);
    buf_free(&text);
    return st;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the snapshot files, oldest first. */
static char **list_snapshots(const char *dir, size_t *n)
{
    DIR *d = opendir(dir);
    char **names = NULL;
    struct dirent *e;

    *n = 0;
    while (d && (e = readdir(d))) {
        size_t len = strlen(e->d_name);
        if (len < 15 || strncmp(e->d_name, "snapshot_", 9) != 0 ||
            strcmp(e->d_name + len - 5, ".json") != 0)
            continue;
        names = mem_realloc(names, (*n + 1) * sizeof *names);
        names[(*n)++] = stor_path_join(dir, e->d_name);
    }
    if (d)
        closedir(d);
    if (*n)
        qsort(names, *n, sizeof *names, compare_names);
    return names;
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(names[i]);
    mem_free(names);
}

static void drop_old_snapshots(const char *dir)
{
    size_t n;
    char **names = list_snapshots(dir, &n);

    for (size_t i = 0; i + SNAPSHOTS_KEPT < n; i++)
        if (unlink(names[i]) != 0)
            log_warning(LOG_STORAGE, "cow_btree: cannot delete %s", names[i]);
    free_names(names, n);
}

static enum status write_snapshot(struct cow *c, const char *dir, struct error *err)
{
    struct buf tmp = BUF_INIT, name = BUF_INIT;
    struct cow_snap snap;
    FILE *f = NULL;
    enum status st = cow__snap_open(c, &snap, err);

    if (st != ST_OK)
        return st;
    buf_printf(&name, "%s/snapshot_%lld.json", dir, (long long)(clock_wall_ms() / 1000));
    buf_printf(&tmp, "%s/snapshot.tmp", dir);
    int fd = open(buf_cstr(&tmp), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0 || !(f = fdopen(fd, "w"))) {
        st = error_set_errno(err, errno, "cow_btree: cannot create %s", buf_cstr(&tmp));
        if (fd >= 0)
            close(fd);
    }
    if (st == ST_OK)
        st = dump_to(c, &snap, f, err);
    if (st == ST_OK && (fflush(f) != 0 || fsync(fd) != 0))
        st = error_set_errno(err, errno, "cow_btree: cannot write %s", buf_cstr(&tmp));
    if (f && fclose(f) != 0 && st == ST_OK)
        st = error_set_errno(err, errno, "cow_btree: cannot write %s", buf_cstr(&tmp));
    if (st == ST_OK && rename(buf_cstr(&tmp), buf_cstr(&name)) != 0)
        st = error_set_errno(err, errno, "cow_btree: cannot rename %s", buf_cstr(&tmp));
    if (st == ST_OK)
        st = stor_dir_sync(dir, err);
    cow__snap_close(c, &snap);
    buf_free(&tmp);
    buf_free(&name);
    return st;
}

enum status cow__snapshot_write(struct cow *c, struct error *err)
{
    char *dir = stor_path_join(c->path, "snapshots");
    enum status st = stor_dir_make(dir, false, err);

    if (st == ST_OK)
        st = write_snapshot(c, dir, err);
    if (st == ST_OK)
        drop_old_snapshots(dir);
    mem_free(dir);
    return st;
}

static enum status ignore_space(void *arg, struct slice name, struct error *err)
{
    return ST_OK;
}

static enum status ignore_entry(void *arg, struct slice key, struct slice value, struct error *err)
{
    return ST_OK;
}

enum status cow__snapshot_verify(struct cow *c, struct error *err)
{
    struct dump_reader r = {.space = ignore_space, .entry = ignore_entry};
    char *dir = stor_path_join(c->path, "snapshots");
    size_t n;
    char **names = list_snapshots(dir, &n);
    enum status st = ST_OK;

    for (size_t i = 0; i < n && st == ST_OK; i++) {
        struct buf packed = BUF_INIT, text = BUF_INIT;
        st = stor_file_read(names[i], &packed, err);
        if (st == ST_OK)
            st = stor_decompress(buf_slice(&packed), &text, err);
        buf_free(&packed);
        if (st == ST_OK)
            st = dump_read(buf_slice(&text), &r, err);
        buf_free(&text);
        if (st == ST_NOT_FOUND)
            st = ST_OK; /* replaced meanwhile */
        if (st != ST_OK)
            error_prefix(err, "cow_btree: %s", strrchr(names[i], '/') + 1);
    }
    free_names(names, n);
    mem_free(dir);
    return st;
}

/* Snapshots read everything, so they may take up a tenth of the time at most. */
static void snapshot_if_due(struct cow *c)
{
    struct error err = {ST_OK, ""};
    int64_t start = clock_mono_us();

    if (!c->config.enable_snapshots || start < c->next_snapshot_us ||
        atomic_load(&c->writes_since_snapshot) < (uint64_t)c->config.snapshot_interval)
        return;
    atomic_store(&c->writes_since_snapshot, 0);
    enum status st = cow__snapshot_write(c, &err);
    if (st != ST_OK && c->snapshot_status == ST_OK)
        log_warning(LOG_STORAGE, "cow_btree: %s: %s", c->path, err.message);
    c->snapshot_status = st;
    int64_t took = clock_mono_us() - start;
    c->next_snapshot_us = start + 10 * took + 1000000;
}

/* -- Thread ------------------------------------------------------------------------------------------------------------- */

static void sync_log(struct cow *c)
{
    pthread_mutex_lock(&c->write_lock);
    bool broken = c->log.broken;
    enum status st = cow__log_sync(c, NULL);
    bool fold_it = c->log.broken;
    pthread_mutex_unlock(&c->write_lock);
    if (st != ST_OK && !broken)
        log_warning(LOG_STORAGE, "cow_btree: %s: cannot be synced; folding at once", c->log_path);
    if (fold_it)
        fold_and_tell(c);
}

/* Waits for work; true: a fold is wanted. With state_lock held. */
static bool wait_for_work(struct cow *c)
{
    struct timespec until;
    int rc = 0;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += c->config.wal_sync_interval;
    while (!c->stop && !c->fold_wanted && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&c->wake, &c->state_lock, &until);
    /* One that failed is tried again with each interval. */
    bool wanted = c->fold_wanted || c->stop || (rc == ETIMEDOUT && atomic_load(&c->fold_failed));
    c->fold_wanted = false;
    if (wanted)
        c->folds_begun++;
    return wanted;
}

static void *thread_main(void *arg)
{
    struct cow *c = arg;
    bool stop = false;

    while (!stop) {
        pthread_mutex_lock(&c->state_lock);
        bool wanted = wait_for_work(c);
        stop = c->stop;
        pthread_mutex_unlock(&c->state_lock);
        if (wanted)
            fold_and_tell(c);
        else
            sync_log(c);
        if (!stop)
            snapshot_if_due(c);
    }
    return NULL;
}

enum status cow__fold_start(struct cow *c, struct error *err)
{
    int rc = pthread_create(&c->thread, NULL, thread_main, c);

    if (rc != 0)
        return error_set_errno(err, rc, "cow_btree: cannot start the fold thread");
    c->has_thread = true;
    return ST_OK;
}

void cow__fold_stop(struct cow *c)
{
    if (!c->has_thread)
        return;
    pthread_mutex_lock(&c->state_lock);
    c->stop = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->state_lock);
    pthread_join(c->thread, NULL);
    c->has_thread = false;
}

void cow__fold_request(struct cow *c)
{
    pthread_mutex_lock(&c->state_lock);
    c->fold_wanted = true;
    pthread_cond_signal(&c->wake);
    pthread_mutex_unlock(&c->state_lock);
}

enum status cow__fold_wait(struct cow *c, struct error *err)
{
    if (!c->has_thread)
        return ST_OK;
    pthread_mutex_lock(&c->state_lock);
    /* One that has begun already may have missed the latest writes: wait for the next. */
    uint64_t goal = c->folds_begun + 1;
    c->fold_wanted = true;
    pthread_cond_signal(&c->wake);
    while (c->folds_ended < goal)
        pthread_cond_wait(&c->folded, &c->state_lock);
    enum status st = c->fold_status;
    if (st != ST_OK && err)
        *err = c->fold_error;
    pthread_mutex_unlock(&c->state_lock);
    return st;
}

enum status cow__fold_throttle(struct cow *c, struct error *err)
{
    uint64_t limit = 8 * (uint64_t)c->config.wal_buffer_size;
    enum status st = ST_OK;

    if (limit < THROTTLE_MIN)
        limit = THROTTLE_MIN;
    for (int round = 0; round < 2 && st == ST_OK && mvcc_memory(c->m) > limit; round++)
        st = cow__fold_wait(c, err);
    return st;
}

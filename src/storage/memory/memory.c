/* The provider "memory": versioned maps in RAM, with an optional backup file.
 *
 * The backup is the whole content as a JSON dump (storage/dump.h), replaced atomically every sync_interval by a thread of
 * its own, at close, and when the store is asked to sync; it is read back at open. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "storage/compress.h"
#include "storage/dump.h"
#include "storage/files.h"
#include "storage/mvcc.h"
#include "storage/oplog.h"
#include "storage/options.h"
#include "storage/provider.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct memory_config {
    int64_t max_entries, sync_interval;
    const char *backup_path;
    int compression;
};

struct memory {
    struct memory_config config;
    char *backup_path; /* NULL: no backup */
    bool read_only;
    struct mvcc *m;
    char **names; /* of the spaces, those of the backup that nobody opened included */
    size_t nspaces, nopened;
    pthread_mutex_t backup_lock; /* one backup at a time */
    _Atomic int64_t backup_us;   /* when the last one was written (monotonic) */
    _Atomic uint64_t backup_seq; /* what it holds */
    _Atomic bool backup_failed;
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t stop_lock;
    pthread_cond_t stop_cond;
    bool stop;
};

#define FIELD(f) offsetof(struct memory_config, f)
static const struct stor_option_row rows[] = {
    {"max_entries", STOR_OPT_INT, FIELD(max_entries), 1, INT64_MAX, NULL},
    {"disk_backup.path", STOR_OPT_STRING, FIELD(backup_path), 0, 0, NULL},
    {"disk_backup.sync_interval", STOR_OPT_INT, FIELD(sync_interval), 1, 86400 * 365, NULL},
    {"disk_backup.compression", STOR_OPT_ENUM, FIELD(compression), 0, 0, stor_compression_words},
};

/* -- Backup ------------------------------------------------------------------------------------------------------------- */

static bool dump_spaces(struct memory *mem, const struct mvcc_view *view, struct buf *text)
{
    struct dump_writer w;
    bool ok = true;

    dump_begin(&w, text, view->seq);
    for (unsigned i = 0; i < mem->nspaces && ok; i++) {
        struct mvcc_iter *it = mvcc_iter_new(mem->m, view, i, SLICE_NULL, SLICE_NULL);
        dump_space(&w, slice_str(mem->names[i]));
        for (mvcc_iter_first(it); mvcc_iter_valid(it) && ok; mvcc_iter_next(it))
            ok = dump_entry(&w, mvcc_iter_key(it), mvcc_iter_value(it));
        mvcc_iter_free(it);
    }
    dump_end(&w);
    return ok;
}

static enum status backup_write(struct memory *mem, const char *path, struct error *err)
{
    struct buf text = BUF_INIT, packed = BUF_INIT;
    enum status st = ST_OK;
    struct mvcc_view view;

    mvcc_view_open(mem->m, &view);
    uint64_t seq = view.seq;
    if (!dump_spaces(mem, &view, &text))
        st = error_set(err, ST_NO_MEMORY, "memory: no memory to write the backup");
    mvcc_view_close(mem->m, &view);
    if (st == ST_OK)
        st = stor_compress((enum stor_compression)mem->config.compression, buf_slice(&text),
                           &packed, err);
    buf_free(&text);
    if (st == ST_OK)
        st = stor_file_replace(path, buf_slice(&packed), err);
    buf_free(&packed);
    if (st == ST_OK && path == mem->backup_path) {
        atomic_store(&mem->backup_us, clock_mono_us());
        atomic_store(&mem->backup_seq, seq);
    }
    return st;
}

static enum status backup(struct memory *mem, struct error *err)
{
    struct error e = {ST_OK, ""};

    if (!mem->backup_path || mem->read_only)
        return ST_OK;
    pthread_mutex_lock(&mem->backup_lock);
    enum status st = ST_OK;
    if (mvcc_seq(mem->m) == atomic_load(&mem->backup_seq) && access(mem->backup_path, F_OK) == 0)
        atomic_store(&mem->backup_us, clock_mono_us());
    else
        st = backup_write(mem, mem->backup_path, &e);
    if (st != ST_OK && !atomic_exchange(&mem->backup_failed, true))
        log_warning(LOG_STORAGE, "memory: the backup failed: %s", e.message);
    if (st == ST_OK && atomic_exchange(&mem->backup_failed, false))
        log_notice(LOG_STORAGE, "memory: the backup works again");
    pthread_mutex_unlock(&mem->backup_lock);
    return st == ST_OK ? st : error_set(err, st, "memory: backup: %s", status_name(st));
}

static void *backup_thread(void *arg)
{
    struct memory *mem = arg;

    pthread_mutex_lock(&mem->stop_lock);
    while (!mem->stop) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += mem->config.sync_interval;
        int rc = 0;
        while (!mem->stop && rc != ETIMEDOUT)
            rc = pthread_cond_timedwait(&mem->stop_cond, &mem->stop_lock, &until);
        if (mem->stop)
            break;
        pthread_mutex_unlock(&mem->stop_lock);
        enum status st = backup(mem, NULL);
        (void)st; /* logged, and shown by health */
        pthread_mutex_lock(&mem->stop_lock);
    }
    pthread_mutex_unlock(&mem->stop_lock);
    return NULL;
}

/* -- Reading the backup ------------------------------------------------------------------------------------------------- */

struct loading {
    struct memory *mem;
    unsigned space;
};

static enum status load_space(void *arg, struct slice name, struct error *err)
{
    struct loading *l = arg;
    struct memory *mem = l->mem;

    for (size_t i = 0; i < mem->nspaces; i++) {
        if (slice_eq(slice_str(mem->names[i]), name)) {
            l->space = (unsigned)i;
            return ST_OK;
        }
    }
    mem->names = mem_realloc(mem->names, (mem->nspaces + 1) * sizeof *mem->names);
    mem->names[mem->nspaces++] = mem_strndup(name.p ? name.p : "", name.n);
    l->space = mvcc_add_space(mem->m);
    return ST_OK;
}

static enum status load_entry(void *arg, struct slice key, struct slice value, struct error *err)
{
    struct loading *l = arg;

    return mvcc_put(l->mem->m, l->space, key, value, err);
}

static enum status load(struct memory *mem, struct error *err)
{
    struct buf packed = BUF_INIT, text = BUF_INIT;
    struct loading l = {mem, 0};
    struct dump_reader r = {.arg = &l, .space = load_space, .entry = load_entry};
    enum status st = stor_file_read(mem->backup_path, &packed, err);

    if (st == ST_OK)
        st = stor_decompress(buf_slice(&packed), &text, err);
    buf_free(&packed);
    if (st == ST_OK)
        st = dump_read(buf_slice(&text), &r, err);
    buf_free(&text);
    if (st == ST_NOT_FOUND)
        return ST_OK;
    if (st != ST_OK)
        return error_prefix(err, "memory: cannot read the backup %s", mem->backup_path);
    atomic_store(&mem->backup_seq, mvcc_seq(mem->m));
    return ST_OK;
}

/* -- Opening and closing ------------------------------------------------------------------------------------------------ */

/* A backup is wanted when any of its options is given; without a path it goes into the store's directory. */
static enum status choose_path(struct memory *mem, const struct stor_config *cfg, struct error *err)
{
    bool wanted = false;

    for (size_t i = 0; i < cfg->noptions; i++)
        wanted = wanted || strncmp(cfg->options[i].name, "disk_backup.", 12) == 0;
    if (!wanted)
        return ST_OK;
    if (mem->config.backup_path) {
        mem->backup_path = mem_strdup(mem->config.backup_path);
        return ST_OK;
    }
    if (!cfg->path)
        return error_set(err, ST_INVALID, "memory: option 'disk_backup.path' is missing");
    enum status st = stor_dir_make(cfg->path, cfg->read_only, err);
    if (st != ST_OK)
        return error_prefix(err, "memory");
    mem->backup_path = stor_path_join(cfg->path, "orbit-backup.json");
    return ST_OK;
}

static void memory_close(void *h)
{
    struct memory *mem = h;

    if (mem->has_thread) {
        pthread_mutex_lock(&mem->stop_lock);
        mem->stop = true;
        pthread_cond_signal(&mem->stop_cond);
        pthread_mutex_unlock(&mem->stop_lock);
        pthread_join(mem->thread, NULL);
        enum status st = backup(mem, NULL);
        (void)st; /* logged */
    }
    mvcc_free(mem->m);
    for (size_t i = 0; i < mem->nspaces; i++)
        mem_free(mem->names[i]);
    mem_free(mem->names);
    mem_free(mem->backup_path);
    pthread_mutex_destroy(&mem->backup_lock);
    pthread_mutex_destroy(&mem->stop_lock);
    pthread_cond_destroy(&mem->stop_cond);
    mem_free(mem);
}

static enum status start_thread(struct memory *mem, struct error *err)
{
    /* The first backup shows at once whether the place can be written. */
    enum status st = backup(mem, err);

    if (st != ST_OK)
        return error_set(err, st, "memory: cannot write the backup %s: %s", mem->backup_path,
                         status_name(st));
    int rc = pthread_create(&mem->thread, NULL, backup_thread, mem);
    if (rc != 0)
        return error_set_errno(err, rc, "memory: cannot start the backup thread");
    mem->has_thread = true;
    return ST_OK;
}

static enum status memory_open(const struct stor_config *cfg, void **handle, struct error *err)
{
    struct memory *mem = mem_calloc(1, sizeof *mem);
    pthread_condattr_t attr;

    mem->config = (struct memory_config){
        .max_entries = 100000,
        .sync_interval = 300,
        .compression = STOR_GZIP,
    };
    pthread_mutex_init(&mem->backup_lock, NULL);
    pthread_mutex_init(&mem->stop_lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&mem->stop_cond, &attr);
    pthread_condattr_destroy(&attr);
    mem->read_only = cfg->read_only;
    mem->m = mvcc_new(cfg->nspaces, false);
    mem->nspaces = mem->nopened = cfg->nspaces;
    mem->names = mem_calloc(cfg->nspaces, sizeof *mem->names);
    for (size_t i = 0; i < cfg->nspaces; i++)
        mem->names[i] = mem_strdup(cfg->spaces[i]);
    enum status st = stor_options_read("memory", cfg, rows, COUNT_OF(rows), &mem->config, err);
    if (st == ST_OK)
        st = choose_path(mem, cfg, err);
    if (st == ST_OK && mem->backup_path) {
        st = load(mem, err);
        if (st == ST_OK && !mem->read_only)
            st = start_thread(mem, err);
    }
    if (st != ST_OK)
        memory_close(mem);
    else
        *handle = mem;
    return st;
}

/* -- Operations --------------------------------------------------------------------------------------------------------- */

static enum status memory_get(void *h, void *snap, unsigned space, struct slice key, struct buf *v,
                              struct error *err)
{
    struct memory *mem = h;
    enum mvcc_found found;
    enum status st = mvcc_get(mem->m, snap, space, key, &found, v, err);

    return st == ST_OK && found != MVCC_VALUE ? ST_NOT_FOUND : st;
}

static void *memory_batch_new(void *h)
{
    return mem_calloc(1, sizeof(struct buf));
}

static void memory_batch_free(void *b)
{
    buf_free(b);
    mem_free(b);
}

static void memory_batch_clear(void *b)
{
    buf_clear(b);
}

static void memory_batch_put(void *b, unsigned space, struct slice key, struct slice value)
{
    oplog_put(b, space, key, value);
}

static void memory_batch_del(void *b, unsigned space, struct slice key)
{
    oplog_del(b, space, key);
}

static void memory_batch_del_range(void *b, unsigned space, struct slice from, struct slice to)
{
    oplog_del_range(b, space, from, to);
}

static enum status memory_write(void *h, void *batch, unsigned flags, struct error *err)
{
    struct memory *mem = h;

    return mvcc_apply(mem->m, buf_slice(batch), err);
}

static enum status memory_snap_new(void *h, void **snap, struct error *err)
{
    struct memory *mem = h;
    struct mvcc_view *view = mem_alloc(sizeof *view);

    mvcc_view_open(mem->m, view);
    *snap = view;
    return ST_OK;
}

static void memory_snap_free(void *h, void *snap)
{
    struct memory *mem = h;

    mvcc_view_close(mem->m, snap);
    mem_free(snap);
}

struct memory_iter {
    struct mvcc *m;
    struct mvcc_iter *it;
    struct mvcc_view own;
    bool has_own;
};

static void *memory_iter_new(void *h, unsigned space, const struct stor_iter_opts *opts, void *snap)
{
    struct memory *mem = h;
    struct memory_iter *it = mem_calloc(1, sizeof *it);

    it->m = mem->m;
    if (!snap) {
        mvcc_view_open(mem->m, &it->own);
        it->has_own = true;
        snap = &it->own;
    }
    it->it = mvcc_iter_new(mem->m, snap, space, opts->lower, opts->upper);
    return it;
}

static void memory_iter_free(void *p)
{
    struct memory_iter *it = p;

    mvcc_iter_free(it->it);
    if (it->has_own)
        mvcc_view_close(it->m, &it->own);
    mem_free(it);
}

static void memory_iter_first(void *p)
{
    mvcc_iter_first(((struct memory_iter *)p)->it);
}

static void memory_iter_last(void *p)
{
    mvcc_iter_last(((struct memory_iter *)p)->it);
}

static void memory_iter_seek(void *p, struct slice key)
{
    mvcc_iter_seek(((struct memory_iter *)p)->it, key);
}

static void memory_iter_seek_prev(void *p, struct slice key)
{
    mvcc_iter_seek_prev(((struct memory_iter *)p)->it, key);
}

static void memory_iter_next(void *p)
{
    mvcc_iter_next(((struct memory_iter *)p)->it);
}

static void memory_iter_prev(void *p)
{
    mvcc_iter_prev(((struct memory_iter *)p)->it);
}

static bool memory_iter_valid(const void *p)
{
    return mvcc_iter_valid(((const struct memory_iter *)p)->it);
}

static struct slice memory_iter_key(const void *p)
{
    return mvcc_iter_key(((const struct memory_iter *)p)->it);
}

static struct slice memory_iter_value(const void *p)
{
    return mvcc_iter_value(((const struct memory_iter *)p)->it);
}

static enum status memory_iter_status(const void *p, struct error *err)
{
    return ST_OK;
}

/* A checkpoint is a backup file in a directory of its own: a store opened there with a backup reads it. */
static enum status memory_checkpoint(void *h, const char *dir, struct error *err)
{
    struct memory *mem = h;
    enum status st;

    if (access(dir, F_OK) == 0)
        return error_set(err, ST_EXISTS, "memory: checkpoint: the directory exists");
    st = stor_dir_make(dir, false, err);
    if (st != ST_OK)
        return st;
    char *path = stor_path_join(dir, "orbit-backup.json");
    pthread_mutex_lock(&mem->backup_lock);
    st = backup_write(mem, path, err);
    pthread_mutex_unlock(&mem->backup_lock);
    mem_free(path);
    return st;
}

static enum status memory_sync(void *h, struct error *err)
{
    return backup(h, err);
}

static enum status memory_approx_size(void *h, unsigned space, struct slice from, struct slice to,
                                      uint64_t *bytes, struct error *err)
{
    struct memory *mem = h;

    *bytes = mvcc_range_bytes(mem->m, space, from, to);
    return ST_OK;
}

static enum stor_health memory_health(void *h, char *reason, size_t reason_size)
{
    struct memory *mem = h;
    struct mvcc_stats stats;

    mvcc_stats(mem->m, &stats);
    if (stats.entries > (uint64_t)mem->config.max_entries) {
        snprintf(reason, reason_size, "%llu entries, max_entries is %lld",
                 (unsigned long long)stats.entries, (long long)mem->config.max_entries);
        return STOR_DEGRADED;
    }
    if (!mem->has_thread)
        return STOR_HEALTHY;
    int64_t age_s = (clock_mono_us() - atomic_load(&mem->backup_us)) / 1000000;
    if (age_s > 3 * mem->config.sync_interval) {
        snprintf(reason, reason_size, "the backup is %lld seconds old", (long long)age_s);
        return STOR_DEGRADED;
    }
    if (atomic_load(&mem->backup_failed)) {
        snprintf(reason, reason_size, "the last backup failed");
        return STOR_DEGRADED;
    }
    return STOR_HEALTHY;
}

static void memory_stats(void *h, struct stor_stats *out, uint64_t *cache_hits,
                         uint64_t *cache_misses)
{
    struct memory *mem = h;
    struct mvcc_stats stats;

    if (!out)
        return;
    mvcc_stats(mem->m, &stats);
    out->total_keys = stats.entries;
    out->total_size_bytes = stats.key_bytes + stats.value_bytes;
    out->memory_usage_bytes = stats.memory;
    if (stats.entries) {
        out->average_key_size = (double)stats.key_bytes / (double)stats.entries;
        out->average_value_size = (double)stats.value_bytes / (double)stats.entries;
    }
}

static void memory_report(void *h, struct buf *out)
{
    struct memory *mem = h;
    struct mvcc_stats stats;

    mvcc_stats(mem->m, &stats);
    buf_printf(out, "entries: %llu\nmemory: %llu\nviews: %llu\nsequence: %llu\nbackup: %s\n",
               (unsigned long long)stats.entries, (unsigned long long)stats.memory,
               (unsigned long long)stats.views, (unsigned long long)mvcc_seq(mem->m),
               mem->backup_path ? mem->backup_path : "none");
}

extern const struct stor_provider stor_provider_memory;
const struct stor_provider stor_provider_memory = {
    .name = "memory",
    .type = "Memory",
    .maturity = "stable",
    .caps = STOR_CAP_SNAPSHOT | STOR_CAP_DELETE_RANGE | STOR_CAP_CHECKPOINT,
    .open = memory_open,
    .close = memory_close,
    .get = memory_get,
    .batch_new = memory_batch_new,
    .batch_free = memory_batch_free,
    .batch_clear = memory_batch_clear,
    .batch_put = memory_batch_put,
    .batch_del = memory_batch_del,
    .batch_del_range = memory_batch_del_range,
    .write = memory_write,
    .iter_new = memory_iter_new,
    .iter_free = memory_iter_free,
    .iter_first = memory_iter_first,
    .iter_last = memory_iter_last,
    .iter_seek = memory_iter_seek,
    .iter_seek_prev = memory_iter_seek_prev,
    .iter_next = memory_iter_next,
    .iter_prev = memory_iter_prev,
    .iter_valid = memory_iter_valid,
    .iter_key = memory_iter_key,
    .iter_value = memory_iter_value,
    .iter_status = memory_iter_status,
    .snap_new = memory_snap_new,
    .snap_free = memory_snap_free,
    .sync = memory_sync,
    .checkpoint = memory_checkpoint,
    .approx_size = memory_approx_size,
    .health = memory_health,
    .stats = memory_stats,
    .report = memory_report,
};

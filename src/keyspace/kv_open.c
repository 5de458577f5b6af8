/* Opening, replay, closing, and what needs the whole keyspace to stand still for a moment. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "keyspace/kv_load.h"
#include "keyspace/kv_object_priv.h"
#include "keyspace/kv_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DIR_MODE       0750
#define REPLAY_LOOK_US 5000

static void submit_inline(void *arg, enum kv_lane lane, void (*run)(void *), void (*done)(void *),
                          void *job)
{
    run(job);
    if (done)
        done(job);
}

static void drain_inline(void *arg, enum kv_lane lane)
{
}

static const struct kv_jobs jobs_inline = {.submit = submit_inline, .drain = drain_inline};

static const char *const space_names[KV_SPACE_COUNT] = {"meta", "sub", "score", "expire", "info"};

static enum status make_dir(const char *path, struct error *err)
{
    if (mkdir(path, DIR_MODE) == 0 || errno == EEXIST)
        return ST_OK;
    return error_set_errno(err, errno, "cannot make the directory %s", path);
}

static enum status open_store(struct kv *kv, const char *dir, const char *provider,
                              struct error *err)
{
    char cache[NUM_BUF], write_buffer[NUM_BUF];
    size_t n = 0;
    struct stor_option options[2];
    num_format_int(cache, keyspace_opts.block_cache_memory);
    num_format_int(write_buffer,
                   keyspace_opts.record_cache_memory >= (256 << 20) ? 64 << 20 : 16 << 20);
    if (strcmp(provider, "rocksdb") == 0) {
        options[n++] = (struct stor_option){"block_cache_size", cache};
        options[n++] = (struct stor_option){"write_buffer_size", write_buffer};
    }
    struct stor_config cfg = {.provider = provider,
                              .path = dir,
                              .spaces = space_names,
                              .nspaces = KV_SPACE_COUNT,
                              .options = options,
                              .noptions = n};
    return stor_open(&cfg, &kv->store, err);
}

/* A keyspace that another provider holds would seem to be gone. */
static enum status check_provider(const char *redis_dir, const char *provider, struct error *err)
{
    char path[4096 + 64];
    struct stat st;
    snprintf(path, sizeof(path), "%s/%s", redis_dir, provider);
    if (stat(path, &st) == 0)
        return ST_OK;
    for (const char *const *other = stor_provider_names(); *other; other++) {
        snprintf(path, sizeof(path), "%s/%s", redis_dir, *other);
        if (stat(path, &st) == 0)
            return error_set(err, ST_INVALID,
                             "the keyspace in this data directory is held by storage-provider %s, "
                             "not %s: set it back, or "
                             "choose another data-dir",
                             *other, provider);
    }
    return ST_OK;
}

static enum status open_files(struct kv *kv, const char *data_dir, struct error *err)
{
    char dir[4096];
    const char *provider = stor_provider_canonical(keyspace_opts.storage_provider);
    if (!provider)
        return error_set(err, ST_INVALID, "storage-provider: there is no provider '%s'",
                         keyspace_opts.storage_provider);
    enum status st = make_dir(data_dir, err);
    snprintf(dir, sizeof(dir), "%s/redis", data_dir);
    if (st == ST_OK)
        st = make_dir(dir, err);
    if (st == ST_OK)
        st = check_provider(dir, provider, err);
    kv->dir = mem_strdup(dir);
    snprintf(dir, sizeof(dir), "%s/redis/%s", data_dir, provider);
    if (st == ST_OK)
        st = open_store(kv, dir, provider, err);
    kv->src.store = kv->store;
    if (st == ST_OK)
        st = kv__info_load(kv, err);
    if (st == ST_OK)
        st = kv__fold_bury(kv, err);
    snprintf(dir, sizeof(dir), "%s/wal", data_dir);
    kv->wal_dir = mem_strdup(dir);
    return st;
}

static enum status open_log(struct kv *kv, struct error *err)
{
    struct wal_config cfg = {.dir = kv->wal_dir,
                             .segment_bytes = (uint64_t)keyspace_opts.log_segment_size,
                             .min_seq = kv->st.folded_seq};
    return wal_open(&cfg, &kv->wal, err);
}

static struct kv *kv_alloc(const struct kv_jobs *jobs)
{
    struct kv *kv = mem_calloc(1, sizeof(*kv));
    kv->jobs = jobs ? *jobs : jobs_inline;
    kv->ndbs = (int)keyspace_opts.databases;
    list_init(&kv->objects);
    kv->stream_db = kv->committed_db = -1;
    kv->active_expire = true;
    kv->hold_log = UINT64_MAX;
    kv->dirty_limit = kv__dirty_limit();
    kv->next_stored = 0; /* unknown: look */
    kv->last_fold_ms = kv->last_sync_ms = clock_mono_us() / 1000;
    kv->fold = kv__fold_new();
    return kv;
}

static void kv_free(struct kv *kv)
{
    for (int i = 0; i < kv->nphys; i++) {
        kv__db_forget(kv, &kv->dbs[i]);
        mem_free(kv->dbs[i].heap.v);
    }
    kv->jobs.drain(kv->jobs.arg, KV_LANE_FREE);
    wal_close(kv->wal);
    stor_close(kv->store);
    kv__fold_free(kv->fold);
    buf_free(&kv->tick);
    buf_free(&kv->scratch);
    buf_free(&kv->scratch2);
    buf_free(&kv->missed);
    buf_free(&kv->expire_cursor);
    buf_free(&kv->stale);
    buf_free(&kv->dead_pages);
    buf_free(&kv->graves);
    kv__aux_free(kv);
    kv__own_clear(kv);
    mem_free(kv->dir);
    mem_free(kv->wal_dir);
    mem_free(kv->dbs);
    mem_free(kv->map);
    mem_free(kv);
}

enum status kv_open(const char *data_dir, const struct kv_jobs *jobs, struct kv **out,
                    struct error *err)
{
    struct kv *kv = kv_alloc(jobs);
    enum status st = open_files(kv, data_dir, err);
    struct stat exists;
    /* Without appendonly the log of an earlier run is still replayed; then it is not written any more. */
    if (st == ST_OK && (keyspace_opts.appendonly || stat(kv->wal_dir, &exists) == 0))
        st = open_log(kv, err);
    if (st != ST_OK) {
        kv_free(kv);
        return st;
    }
    kv->no_log_seq = kv->st.folded_seq;
    *out = kv;
    return ST_OK;
}

void kv_set_hooks(struct kv *kv, const struct kv_hooks *hooks)
{
    kv->hooks = *hooks;
}

/* -- Replay ------------------------------------------------------------------------------------------------------------ */

/* Before the first frame: the database that was selected where the store ends. */
static enum status
replay_select(struct kv *kv, enum status (*run)(void *arg, struct slice payload, struct error *err),
              void *arg, struct error *err)
{
    char text[64], num[NUM_BUF];
    if (kv->committed_db < 0)
        return ST_OK;
    size_t n = num_format_int(num, kv->committed_db);
    int len = snprintf(text, sizeof(text), "*2\r\n$6\r\nSELECT\r\n$%zu\r\n%s\r\n", n, num);
    return run(arg, slice_make(text, (size_t)len), err);
}

void kv_replay_selected(struct kv *kv, int db)
{
    kv->committed_db = db;
}

static enum status
replay_frames(struct kv *kv, struct wal_reader *reader,
              enum status (*run)(void *arg, struct slice payload, struct error *err), void *arg,
              void (*progress)(void *arg, uint64_t done, uint64_t total), struct error *err)
{
    uint64_t start = kv->st.folded_seq, end = wal_last_seq(kv->wal);
    int64_t looked = clock_mono_us();
    enum status st = replay_select(kv, run, arg, err);
    struct wal_frame f;
    while (st == ST_OK && (st = wal_reader_next(reader, &f, err)) == ST_OK) {
        if (f.seq < start) {
            st =
                error_set(err, ST_CORRUPT,
                          "the store ends inside a frame of the log (sequence %" PRIu64 ")", start);
            break;
        }
        kv->replay_end = f.seq + f.payload.n;
        st = run(arg, f.payload, err);
        kv->replayed_seq = kv->replay_end;
        kv->st.replayed_bytes += f.payload.n;
        while (kv->dirty_bytes > kv__dirty_limit()) { /* a long tail must not fill the memory */
            kv->fold_wanted = true;
            kv__fold_begin(kv);
            while (kv__fold_step(kv, INT64_MAX))
                ;
            kv->jobs.drain(kv->jobs.arg, KV_LANE_FOLD);
        }
        if (progress && clock_mono_us() - looked > REPLAY_LOOK_US) {
            progress(arg, kv->replayed_seq - start, end - start);
            looked = clock_mono_us();
        }
    }
    return st == ST_END ? ST_OK : st;
}

enum status kv_replay(struct kv *kv,
                      enum status (*run)(void *arg, struct slice payload, struct error *err),
                      void *arg, void (*progress)(void *arg, uint64_t done, uint64_t total),
                      struct error *err)
{
    if (!kv->wal)
        return ST_OK;
    enum status st = ST_OK;
    int64_t begun = clock_mono_us();
    struct wal_stats ws;
    wal_stats(kv->wal, &ws);
    if (ws.first_seq > kv->st.folded_seq)
        return error_set(err, ST_CORRUPT,
                         "the log begins at sequence %" PRIu64 ", the store ends at %" PRIu64
                         ": what is between them is lost",
                         ws.first_seq, kv->st.folded_seq);
    kv->replayed_seq = kv->last_cut_seq = kv->st.folded_seq;
    if (ws.last_seq > kv->st.folded_seq) {
        struct wal_reader *reader = NULL;
        st = wal_reader_open(kv->wal_dir, kv->st.folded_seq, &reader, err);
        if (st == ST_OK) {
            kv->replaying = true;
            kv_effects_off(kv);
            st = replay_frames(kv, reader, run, arg, progress, err);
            kv_effects_on(kv);
            kv->replaying = false;
            wal_reader_close(reader);
        }
    }
    kv->replay_db = kv->committed_db;
    kv->stream_db = kv->committed_db = -1; /* the next frame begins with SELECT */
    kv->st.replay_ms = (uint64_t)(clock_mono_us() - begun) / 1000;
    if (st == ST_OK && !keyspace_opts.appendonly)
        st = kv_apply_appendonly(kv, err);
    return st;
}

/* -- Standing still ---------------------------------------------------------------------------------------------------- */

static enum status fold_all(struct kv *kv, struct error *err)
{
    for (int round = 0; round < 2; round++) { /* the fold under way, then one of everything */
        while (kv__fold_running(kv)) {
            if (kv__fold_failing(kv, err))
                return err ? err->code : ST_IO;
            while (kv__fold_step(kv, INT64_MAX))
                ;
            kv->jobs.drain(kv->jobs.arg, KV_LANE_FOLD);
        }
        if (round == 0 && kv->dirty_records == 0 && !kv->info_dirty)
            kv__before_cut(kv); /* there may be something after all */
        if (round == 0 && (kv->dirty_records > 0 || kv->info_dirty)) {
            kv->fold_wanted = true;
            kv__fold_begin(kv);
        }
    }
    kv->fold_wanted = false;
    return ST_OK;
}

enum status kv_fold_now(struct kv *kv, struct error *err)
{
    /* A commit now would tear the unit in two. */
    if (kv->unit_depth > 0 && kv->unit_effects > 0)
        return error_set(err, ST_BUSY, "not inside a transaction that has changed data");
    if (kv->load)
        return error_set(err, ST_BUSY, "not while a dump is loaded");
    enum status st = kv_commit(kv, err);
    return st == ST_OK ? fold_all(kv, err) : st;
}

enum status kv_reload(struct kv *kv, struct error *err)
{
    enum status st = kv_fold_now(kv, err);
    if (st == ST_OK)
        kv__cache_drop_clean(kv);
    return st;
}

enum status kv_apply_appendonly(struct kv *kv, struct error *err)
{
    enum status st = ST_OK;
    if (keyspace_opts.appendonly == (kv->wal != NULL))
        return ST_OK;
    if (!keyspace_opts.appendonly) {
        /* What the log holds goes into the store, then the log ends. */
        st = kv_fold_now(kv, err);
        if (st != ST_OK)
            return st;
        kv->jobs.drain(kv->jobs.arg, KV_LANE_SYNC);
        kv->no_log_seq = wal_last_seq(kv->wal);
        wal_close(kv->wal);
        kv->wal = NULL;
        return ST_OK;
    }
    st = fold_all(kv, err);
    if (st == ST_OK)
        st = open_log(kv, err);
    if (st == ST_OK && wal_last_seq(kv->wal) != kv->st.folded_seq)
        st = wal_reset(kv->wal, kv->st.folded_seq, err);
    kv->stream_db = kv->committed_db = -1;
    kv->last_cut_seq = kv->st.folded_seq;
    return st;
}

enum status kv_close(struct kv *kv, struct error *err)
{
    if (!kv)
        return ST_OK;
    struct error why = {.code = ST_OK};
    if (kv->load)
        kv_load_abort(kv);
    enum status st = kv_fold_now(kv, &why);
    if (st != ST_OK) {
        log_warning(LOG_KEYSPACE,
                    "Not everything could be folded into the store; the log keeps the rest: %s",
                    why.message);
        if (err)
            *err = why;
    } else if ((stor_caps(kv->store) & STOR_CAP_SYNC) &&
               (st = stor_sync(kv->store, err)) != ST_OK) {
        log_warning(LOG_KEYSPACE, "Syncing the store failed");
    }
    kv->jobs.drain(kv->jobs.arg, KV_LANE_FOLD);
    kv->jobs.drain(kv->jobs.arg, KV_LANE_SYNC);
    kv_free(kv);
    return st;
}

/* -- Figures ----------------------------------------------------------------------------------------------------------- */

void kv_stats(struct kv *kv, struct kv_stats *out)
{
    struct wal_stats ws = {0};
    if (kv->wal)
        wal_stats(kv->wal, &ws);
    *out = kv->st;
    out->expire_lag_ms = kv->expire_lag_ms;
    out->data_bytes = kv__data_bytes(kv);
    out->cache_records = 0;
    for (int i = 0; i < kv->nphys; i++)
        out->cache_records += kv->dbs[i].table.count;
    out->cache_bytes = kv->cache_bytes;
    out->dirty_records = kv->dirty_records;
    out->dirty_bytes = kv->dirty_bytes;
    out->fold_running = kv__fold_running(kv);
    out->log_first_seq = ws.first_seq;
    out->log_last_seq = ws.last_seq;
    out->log_synced_seq = ws.synced_seq;
    out->log_bytes = ws.bytes;
    out->log_segments = ws.segments;
    out->log_writes = ws.writes;
    out->log_errors = ws.write_errors;
    out->log_last_write_us = ws.last_write_us;
    out->log_max_write_us = ws.max_write_us;
    out->log_sum_write_us = ws.sum_write_us;
    out->log_last_sync_us = ws.last_sync_us;
    out->log_max_sync_us = ws.max_sync_us;
}

void kv_stats_reset(struct kv *kv)
{
    kv->st.hits = kv->st.misses = kv->st.expired = kv->st.evicted = kv->st.lazy_freed = 0;
    kv->st.cold_reads = kv->st.cold_misses = kv->st.cache_evictions = 0;
}

struct stor *kv_store(struct kv *kv)
{
    return kv->store;
}

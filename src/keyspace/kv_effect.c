/* Effects and the commit: what a tick changed, as RESP commands, goes to the log as one frame.
 *
 *   tick buffer:  [SELECT n] cmd cmd [MULTI] [SELECT n] cmd cmd cmd [EXEC] ...
 *                            ^one unit       ^a unit with several effects, kept whole for replicas
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "keyspace/kv_object_priv.h"

#include <string.h>
#include <unistd.h>

#define COMMIT_RETRY_MS 100

static const struct slice multi_bytes = {"*1\r\n$5\r\nMULTI\r\n", 15};
static const struct slice exec_bytes = {"*1\r\n$4\r\nEXEC\r\n", 14};

static bool effects_wanted(const struct kv *kv)
{
    return (kv->wal || kv->streaming) && kv->effects_off == 0 && kv->effects_muted == 0;
}

void kv_stream(struct kv *kv, bool on)
{
    kv->streaming = on;
    if (on)
        kv->stream_db = -1;
}

bool kv_streaming(const struct kv *kv)
{
    return kv->streaming;
}

void kv_unit_begin(struct kv *kv)
{
    if (kv->unit_depth++ == 0) {
        kv->unit_effects = 0;
        kv->unit_start = kv->tick.n;
    }
}

void kv_unit_end(struct kv *kv)
{
    orbit_assert(kv->unit_depth > 0);
    if (--kv->unit_depth == 0 && kv->unit_effects > 1)
        buf_put_slice(&kv->tick, exec_bytes);
}

void kv__unit_split(struct kv *kv)
{
    if (kv->unit_depth != 1)
        return;
    kv_unit_end(kv);
    kv_unit_begin(kv);
}

unsigned kv_unit_depth(const struct kv *kv)
{
    return (unsigned)kv->unit_depth;
}

void kv__own_unit_end(struct kv *kv)
{
    if (kv->hooks.own_unit_ends)
        kv->hooks.own_unit_ends(kv->hooks.arg);
    kv_unit_end(kv);
}

/* MULTI belongs in front of the unit's first effect, as soon as there is a second one. */
static void unit_wrap(struct kv *kv)
{
    buf_grow(&kv->tick, multi_bytes.n);
    char *at = kv->tick.p + kv->unit_start;
    memmove(at + multi_bytes.n, at, kv->tick.n - multi_bytes.n - kv->unit_start);
    memcpy(at, multi_bytes.p, multi_bytes.n);
}

static void put_bulk(struct buf *b, struct slice s)
{
    char head[NUM_BUF];
    size_t n = num_format_int(head + 1, (int64_t)s.n);
    head[0] = '$';
    char *at = buf_grow(b, n + 1 + 2 + s.n + 2);
    memcpy(at, head, n + 1);
    memcpy(at + n + 1, "\r\n", 2);
    at += n + 3;
    if (s.n)
        memcpy(at, s.p, s.n);
    memcpy(at + s.n, "\r\n", 2);
}

static void put_array(struct buf *b, size_t n)
{
    char head[NUM_BUF];
    size_t len = num_format_int(head + 1, (int64_t)n);
    head[0] = '*';
    memcpy(head + 1 + len, "\r\n", 2);
    buf_put(b, head, len + 3);
}

static void effect_begin(struct kv *kv, int db)
{
    kv->unit_effects++;
    if (kv->unit_effects == 2 && kv->unit_depth > 0)
        unit_wrap(kv);
    if (db >= 0 && kv->stream_db != db) {
        char num[NUM_BUF];
        size_t n = num_format_int(num, db);
        put_array(&kv->tick, 2);
        put_bulk(&kv->tick, SLICE("SELECT"));
        put_bulk(&kv->tick, slice_make(num, n));
        kv->stream_db = db;
    }
}

void kv_effect(struct kv *kv, int db, size_t argc, const struct slice *argv)
{
    if (!effects_wanted(kv))
        return;
    effect_begin(kv, db);
    put_array(&kv->tick, argc);
    for (size_t i = 0; i < argc; i++)
        put_bulk(&kv->tick, argv[i]);
}

void kv_effect_raw(struct kv *kv, int db, struct slice resp)
{
    if (!effects_wanted(kv))
        return;
    effect_begin(kv, db);
    buf_put_slice(&kv->tick, resp);
}

void kv_effects_off(struct kv *kv)
{
    kv->effects_off++;
}

void kv_effects_on(struct kv *kv)
{
    orbit_assert(kv->effects_off > 0);
    kv->effects_off--;
}

uint64_t kv_log_end(const struct kv *kv)
{
    if (kv->replaying)
        return kv->replay_end;
    return kv->wal ? wal_last_seq(kv->wal) + kv->tick.n : kv->st.folded_seq;
}

int kv_log_db(const struct kv *kv)
{
    return kv->replay_db < 0 ? 0 : kv->replay_db;
}

const char *kv_log_dir(const struct kv *kv)
{
    return kv->wal_dir;
}

void kv_keep_log(struct kv *kv, uint64_t bytes)
{
    kv->keep_log = bytes;
}

void kv_effects_mute(struct kv *kv)
{
    kv->effects_muted++;
}

void kv_effects_unmute(struct kv *kv)
{
    orbit_assert(kv->effects_muted > 0);
    kv->effects_muted--;
}

void kv_hold_log(struct kv *kv, uint64_t seq)
{
    kv->hold_log = seq;
}

void kv_log_id(const struct kv *kv, char out[WAL_ID + 1])
{
    out[0] = 0;
    if (kv->wal)
        wal_id(kv->wal, out);
}

void kv_log_anew(struct kv *kv)
{
    if (kv->wal)
        wal_new_id(kv->wal);
}

size_t kv_tick_bytes(const struct kv *kv)
{
    return kv->tick.n;
}

/* -- Commit ---------------------------------------------------------------------------------------------------------- */

static enum status refuse(struct kv *kv, enum status st, const struct error *why)
{
    if (!kv->refused)
        log_warning(LOG_KEYSPACE,
                    "Writing the log failed, writes are refused until it works again: %s",
                    why->message);
    kv->refused = true;
    kv->refused_why = *why;
    kv->retry_commit_ms = clock_mono_us() / 1000 + COMMIT_RETRY_MS;
    return st;
}

static void accept_again(struct kv *kv)
{
    if (!kv->refused)
        return;
    kv->refused = false;
    log_notice(LOG_KEYSPACE, "The log can be written again, writes are accepted");
}

/* The tick's effects have arrived where they must; they are done with. */
static void tick_over(struct kv *kv)
{
    if (kv->streaming && kv->tick.n > 0)
        kv->hooks.committed(kv->hooks.arg, buf_slice(&kv->tick));
    buf_clear(&kv->tick);
    kv->unit_start = 0; /* a command may commit before its unit has effects (DEBUG RELOAD) */
    if (kv->tick.cap > (1u << 20))
        buf_shrink(&kv->tick, 1u << 16);
    kv->committed_db = kv->stream_db;
}

static enum status commit_log(struct kv *kv, struct error *err)
{
    if (kv->tick.n == 0 && !kv->refused)
        return ST_OK;
    if (kv->refused && clock_mono_us() / 1000 < kv->retry_commit_ms) {
        if (err)
            *err = kv->refused_why;
        return kv->refused_why.code;
    }
    struct error why;
    enum status st = ST_OK;
    uint64_t end;
    if (UNLIKELY(kv->log_delay_us > 0))
        (void)usleep((useconds_t)kv->log_delay_us);
    if (kv->tick.n > 0)
        st = wal_append(kv->wal, buf_slice(&kv->tick), clock_cached_ms(), &end, &why);
    if (st == ST_OK) {
        tick_over(kv);
        if (keyspace_opts.appendfsync == KV_FSYNC_ALWAYS || kv->refused)
            st = wal_sync(kv->wal, &why);
    }
    if (st != ST_OK) {
        if (err)
            *err = why;
        return refuse(kv, st, &why);
    }
    accept_again(kv);
    return ST_OK;
}

void kv_set_log_delay(struct kv *kv, int64_t us)
{
    kv->log_delay_us = us;
}

enum status kv_commit(struct kv *kv, struct error *err)
{
    enum status st = ST_OK;
    if (kv->wal)
        st = commit_log(kv, err);
    else if (kv->tick.n > 0)
        tick_over(kv);
    /* Between ticks, with everything written: a cut may be made. Not only when all is well: what a failed sync leaves in
     * doubt is made good by a fold alone. */
    bool written = st == ST_OK || (kv->tick.n == 0 && wal_in_doubt(kv->wal));
    if (written && kv->fold_wanted && kv__objects_rest(kv))
        kv__fold_begin(kv);
    return st;
}

bool kv_write_refused(const struct kv *kv, struct error *reason)
{
    struct error why;
    if (UNLIKELY(kv->refused)) {
        if (reason)
            *reason = kv->refused_why;
        return true;
    }
    if (UNLIKELY(kv->dirty_bytes > kv->dirty_limit) && kv__fold_failing(kv, &why)) {
        if (reason)
            error_set(reason, why.code, "MISCONF Errors writing to the store: %s", why.message);
        return true;
    }
    return false;
}

size_t kv__dirty_limit(void)
{
    if (keyspace_opts.dirty_memory > 0)
        return (size_t)keyspace_opts.dirty_memory;
    size_t quarter = (size_t)keyspace_opts.record_cache_memory / 4;
    size_t least = 32u << 20, most = 256u << 20;
    return quarter < least ? least : quarter > most ? most : quarter;
}

bool kv_pressure(const struct kv *kv)
{
    return kv->dirty_bytes > kv->dirty_limit && !kv__fold_failing(kv, NULL) && !kv->replaying;
}

/* -- Periodic sync --------------------------------------------------------------------------------------------------- */

struct sync_job {
    struct kv *kv;
    enum status st;
    struct error err;
};

static void sync_run(void *arg)
{
    struct sync_job *j = arg;
    j->st = wal_sync(j->kv->wal, &j->err);
}

static void sync_done(void *arg)
{
    struct sync_job *j = arg;
    j->kv->sync_running = false;
    if (j->st != ST_OK)
        refuse(j->kv, j->st, &j->err);
    mem_free(j);
}

static void sync_when_due(struct kv *kv, int64_t now_ms)
{
    if (!kv->wal || kv->sync_running || keyspace_opts.appendfsync == KV_FSYNC_NO ||
        now_ms - kv->last_sync_ms < 1000)
        return;
    if (wal_synced_seq(kv->wal) >= wal_last_seq(kv->wal))
        return;
    kv_sync_log(kv);
    kv->last_sync_ms = now_ms;
}

void kv_sync_log(struct kv *kv)
{
    if (!kv->wal || kv->sync_running)
        return;
    struct sync_job *j = mem_calloc(1, sizeof(*j));
    j->kv = kv;
    kv->sync_running = true;
    kv__submit(kv, KV_LANE_SYNC, sync_run, sync_done, j);
}

#define CHEAP_BYTES (1u << 20)
#define CHEAP_RATIO 4  /* dirty bytes for one byte of log */
#define PATIENCE    10 /* intervals */

static bool fold_due(const struct kv *kv, int64_t now_ms)
{
    if (kv->wal && wal_in_doubt(kv->wal))
        return true;
    if (kv->dirty_records == 0 && !kv->info_dirty)
        return false;
    if (kv->dirty_bytes > kv__dirty_limit() / 2)
        return true;
    int64_t waited = now_ms - kv->last_fold_ms;
    bool rested = now_ms >= kv->objects_rest_ms;
    if (!kv->wal)
        return rested && waited >= keyspace_opts.fold_interval_ms;
    uint64_t logged = wal_last_seq(kv->wal) - kv->last_cut_seq;
    if (logged >= (uint64_t)keyspace_opts.log_fold_size)
        return true;
    /* Small changes scattered over many pages would write each page once per interval: such a fold waits until the log has
     * grown in proportion (docs/decisions/003). */
    bool cheap = kv->dirty_bytes <= CHEAP_BYTES + CHEAP_RATIO * logged;
    return rested && waited >= keyspace_opts.fold_interval_ms * (cheap ? 1 : PATIENCE);
}

void kv_cron(struct kv *kv)
{
    int64_t now_ms = clock_mono_us() / 1000;
    kv->dirty_limit = kv__dirty_limit(); /* CONFIG SET may have changed it */
    sync_when_due(kv, now_ms);
    /* After CONFIG SET maxmemory nobody else may come by. */
    if (keyspace_opts.maxmemory > 0 && !kv->expire_paused && kv_evict(kv) != ST_OK)
        log_debug(LOG_KEYSPACE, "maxmemory is exceeded and the policy finds no key to delete");
    if (!kv->fold_wanted && !kv__fold_running(kv) && fold_due(kv, now_ms))
        kv->fold_wanted = true;
}

void kv_fold_soon(struct kv *kv)
{
    kv->fold_wanted = true;
}

bool kv_background(struct kv *kv, int64_t budget_us)
{
    int64_t until = clock_mono_us() + budget_us;
    bool more = false;
    if (kv__fold_running(kv))
        more |= kv__fold_step(kv, until);
    else if (!kv->fold_wanted && kv->dirty_bytes > kv__dirty_limit() / 2)
        kv->fold_wanted = more = true;
    more |= kv__cache_step(kv, until);
    more |= kv__expire_step(kv, until);
    return more;
}

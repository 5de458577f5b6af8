/* The open log: append, sync, trim, reset.
 *
 *      segs[0]          segs[1]               segs[n-1]
 *   | closed, synced | closed, fd kept until | fd: the loop thread
 *   |                | a sync covers it      | appends at cur_off
 *   ^ first_seq      ^ first_seq             ^ first_seq ... last_seq
 *
 * Only the loop thread appends and replaces the newest segment. mu guards the list of segments and
 * is held for list work only, never for I/O that can wait. sync_mu puts concurrent syncs one after
 * the other. */
#include "wal/wal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "wal/wal_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAL_MAGIC = 0x57414c31 };

struct segment {
    uint64_t first_seq;
    uint64_t bytes; /* of the closed ones; of the newest cur_off tells */
    int fd;         /* -1: closed and synced */
};

struct wal {
    uint32_t magic;
    char *dir;
    uint64_t segment_bytes;
    int dirfd, lockfd;
    char id[WAL_ID + 1]; /* loop thread */

    /* loop thread */
    int cur_fd; /* the newest segment's; -1: none, the next append makes one */
    uint32_t cur_seed;
    uint64_t cur_first;
    bool cut_needed; /* bytes of a failed append may stand behind cur_off */

    pthread_mutex_t mu;
    struct segment *segs;
    size_t nsegs, cap;

    pthread_mutex_t sync_mu;
    atomic_uint_fast64_t tainted_seq; /* up to here a failed sync may have lost data */

    atomic_uint_fast64_t cur_off, last_seq, synced_seq, covered_seq;
    atomic_uint_fast64_t frames, writes, syncs, write_errors;
    atomic_uint_fast64_t last_write_us, max_write_us, sum_write_us, last_sync_us, max_sync_us;
    atomic_bool rotate_next; /* the newest segment had a failed sync */
    atomic_bool dir_dirty;   /* a segment was made since the directory was synced */
};

static uint64_t load(const atomic_uint_fast64_t *v)
{
    return atomic_load_explicit(v, memory_order_acquire);
}

static void store(atomic_uint_fast64_t *v, uint64_t x)
{
    atomic_store_explicit(v, x, memory_order_release);
}

static void count(atomic_uint_fast64_t *v)
{
    atomic_fetch_add_explicit(v, 1, memory_order_relaxed);
}

static uint64_t note_time(atomic_uint_fast64_t *last, atomic_uint_fast64_t *max, int64_t since_us)
{
    int64_t us = clock_mono_us() - since_us;
    uint64_t v = us > 0 ? (uint64_t)us : 0;
    atomic_store_explicit(last, v, memory_order_relaxed);
    if (v > atomic_load_explicit(max, memory_order_relaxed))
        atomic_store_explicit(max, v, memory_order_relaxed);
    return v;
}

/* -- Segments -------------------------------------------------------------------------------- */

static void add_segment(struct wal *w, struct segment seg)
{
    if (w->nsegs == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 16;
        w->segs = mem_realloc(w->segs, w->cap * sizeof *w->segs);
    }
    w->segs[w->nsegs++] = seg;
}

/* Makes the segment that begins at last_seq and appends there from now on. */
static enum status begin_segment(struct wal *w, struct error *err)
{
    char name[WAL_NAME_MAX], header[WAL_SEGMENT_HEADER];
    struct wal__segment_header h = {.first_seq = load(&w->last_seq), .seed = 0};
    while (h.seed == 0)
        hash_random(&h.seed, sizeof h.seed);
    wal__header_encode(header, &h);
    wal__name(name, h.first_seq);
    int fd = openat(w->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_set_errno(err, errno, "log: making a segment");
    int failed = wal__write_at(fd, header, sizeof header, SLICE_NULL, 0);
    if (failed) {
        (void)close(fd);
        (void)unlinkat(w->dirfd, name, 0);
        return error_set_errno(err, failed, "log: writing the header of a segment");
    }
    pthread_mutex_lock(&w->mu);
    if (w->cur_fd >= 0)
        w->segs[w->nsegs - 1].bytes = load(&w->cur_off);
    add_segment(w, (struct segment){h.first_seq, sizeof header, fd});
    w->cur_fd = fd;
    w->cur_seed = h.seed;
    w->cur_first = h.first_seq;
    atomic_store(&w->dir_dirty, true);
    w->cut_needed = false;
    store(&w->cur_off, sizeof header);
    atomic_store(&w->rotate_next, false);
    pthread_mutex_unlock(&w->mu);
    return ST_OK;
}

/* -- Opening --------------------------------------------------------------------------------- */

static enum status with_repair_hint(struct error *err)
{
    if (err && err->code == ST_CORRUPT) {
        size_t n = strlen(err->message);
        static const char hint[] = "; repair it with: orbit-server check-wal --fix";
        if (n + sizeof hint <= sizeof err->message)
            memcpy(err->message + n, hint, sizeof hint);
    }
    return err ? err->code : ST_CORRUPT;
}

/* Goes to the end of the last segment's frames. ST_END: the end of the file, or of what is left when a torn tail is cut off.
 * A bad frame is passed over when the store holds what it held (min_seq). */
static enum status find_end(struct wal__file *f, uint64_t min_seq, struct error *err)
{
    for (;;) {
        struct wal_frame frame;
        enum status st = wal__file_next(f, &frame, err);
        if (st == ST_OK)
            continue;
        if (st != ST_NOT_FOUND && st != ST_CORRUPT)
            return st;
        struct error scan;
        uint64_t bad_off = f->off, size = 0;
        st = wal__file_skip(f, min_seq, &scan);
        if (st == ST_OK) {
            log_warning(
                LOG_WAL,
                "%s. The store holds it already, nothing is lost: went on at offset %" PRIu64,
                err->message, f->off);
            continue;
        }
        if (st == ST_CORRUPT) {
            err->code = ST_CORRUPT;
            return with_repair_hint(err);
        }
        if (st != ST_NOT_FOUND) {
            *err = scan;
            return st;
        }
        st = wal__file_size(f, &size, err);
        if (st != ST_OK)
            return st;
        log_warning(LOG_WAL,
                    "log: cut off %" PRIu64
                    " bytes of an unfinished write at the end of segment %020" PRIu64
                    ".wal, offset %" PRIu64,
                    size - bad_off, f->first_seq, bad_off);
        return ST_END;
    }
}

static enum status adopt_last(struct wal *w, struct wal__file *f, uint64_t min_seq,
                              struct error *err)
{
    enum status st = find_end(f, min_seq, err);
    if (st != ST_END)
        return st;
    char name[WAL_NAME_MAX];
    wal__name(name, f->first_seq);
    int fd = openat(w->dirfd, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(err, errno, "log: opening segment %s", name);
    if (ftruncate(fd, (off_t)f->off) != 0 || fdatasync(fd) != 0) {
        int failed = errno;
        (void)close(fd);
        return error_set_errno(err, failed, "log: cutting segment %s", name);
    }
    add_segment(w, (struct segment){f->first_seq, f->off, fd});
    w->cur_fd = fd;
    w->cur_seed = f->seed;
    w->cur_first = f->first_seq;
    store(&w->cur_off, f->off);
    store(&w->last_seq, f->seq);
    store(&w->synced_seq, f->seq);
    return ST_OK;
}

/* A last segment that was being made when the server stopped holds nothing. */
static enum status drop_unfinished(struct wal *w, struct wal__list *list, struct error *err)
{
    if (list->n == 0)
        return ST_OK;
    struct wal__file f;
    enum status st = wal__file_open(&f, w->dirfd, list->seq[list->n - 1], err);
    if (st == ST_OK)
        wal__file_close(&f);
    if (st != ST_END)
        return ST_OK; /* adopt meets the failure again and reports it */
    char name[WAL_NAME_MAX];
    wal__name(name, list->seq[--list->n]);
    log_warning(LOG_WAL, "log: removed segment %s, which was being made when the server stopped",
                name);
    if (unlinkat(w->dirfd, name, 0) != 0)
        return error_set_errno(err, errno, "log: deleting segment %s", name);
    return ST_OK;
}

static enum status adopt(struct wal *w, uint64_t min_seq, struct error *err)
{
    struct wal__list list;
    enum status st = wal__list(w->dir, &list, err);
    if (st == ST_OK)
        st = drop_unfinished(w, &list, err);
    for (size_t i = 0; st == ST_OK && i < list.n; i++) {
        struct wal__file f;
        st = wal__file_open(&f, w->dirfd, list.seq[i], err);
        if (st == ST_END)
            st = error_set(err, ST_CORRUPT, "log: empty segment %020" PRIu64 ".wal at offset 0",
                           list.seq[i]);
        if (st != ST_OK) {
            st = st == ST_CORRUPT ? with_repair_hint(err) : st;
            break;
        }
        bool last = i + 1 == list.n;
        uint64_t size;
        st = last ? adopt_last(w, &f, min_seq, err) : wal__file_size(&f, &size, err);
        if (st == ST_OK && !last)
            add_segment(w, (struct segment){list.seq[i], size, -1});
        wal__file_close(&f);
    }
    wal__list_free(&list);
    return st;
}

static enum status make_dir(const char *dir, struct error *err)
{
    if (mkdir(dir, 0750) == 0)
        return ST_OK;
    return errno == EEXIST ? ST_OK : error_set_errno(err, errno, "log: making directory %s", dir);
}

enum status wal_open(const struct wal_config *cfg, struct wal **out, struct error *err)
{
    struct error local;
    if (!err)
        err = &local;
    *out = NULL;
    enum status st = make_dir(cfg->dir, err);
    if (st != ST_OK)
        return st;
    struct wal *w = mem_calloc(1, sizeof *w);
    w->magic = WAL_MAGIC;
    w->dir = mem_strdup(cfg->dir);
    w->segment_bytes = cfg->segment_bytes;
    w->dirfd = w->lockfd = w->cur_fd = -1;
    pthread_mutex_init(&w->mu, NULL);
    pthread_mutex_init(&w->sync_mu, NULL);
    st = wal__dir_open(cfg->dir, &w->dirfd, err);
    if (st == ST_OK)
        st = wal__lock(w->dirfd, cfg->dir, &w->lockfd, err);
    if (st == ST_OK)
        st = wal__id_read(w->dirfd, w->id, err);
    if (st == ST_NOT_FOUND) {
        wal_new_id(w);
        st = ST_OK;
    }
    if (st == ST_OK)
        st = adopt(w, cfg->min_seq, err);
    if (st == ST_OK && (w->nsegs == 0 || load(&w->last_seq) < cfg->min_seq)) {
        if (w->nsegs)
            log_notice(LOG_WAL,
                       "log: ends at %" PRIu64 ", the store is at %" PRIu64
                       " already: begins anew there",
                       load(&w->last_seq), cfg->min_seq);
        st = wal_reset(w, cfg->min_seq, err);
    }
    if (st != ST_OK) {
        wal_close(w);
        return st;
    }
    *out = w;
    return ST_OK;
}

void wal_close(struct wal *w)
{
    if (!w)
        return;
    orbit_assert(w->magic == WAL_MAGIC);
    struct error err;
    if (w->nsegs && wal_sync(w, &err) != ST_OK)
        log_warning(LOG_WAL, "%s", err.message);
    for (size_t i = 0; i < w->nsegs; i++)
        if (w->segs[i].fd >= 0)
            (void)close(w->segs[i].fd);
    if (w->lockfd >= 0)
        (void)close(w->lockfd);
    if (w->dirfd >= 0)
        (void)close(w->dirfd);
    pthread_mutex_destroy(&w->mu);
    pthread_mutex_destroy(&w->sync_mu);
    mem_free(w->segs);
    mem_free(w->dir);
    w->magic = 0;
    mem_free(w);
}

void wal_id(const struct wal *w, char out[WAL_ID + 1])
{
    memcpy(out, w->id, sizeof w->id);
}

void wal_new_id(struct wal *w)
{
    struct error err;
    if (wal__id_renew(w->dirfd, w->id, &err) != ST_OK)
        log_warning(LOG_WAL, "%s: incremental backups are not possible until the next start",
                    err.message);
}

/* -- Append ---------------------------------------------------------------------------------- */

enum status wal_append(struct wal *w, struct slice payload, int64_t now_ms, uint64_t *seq_end,
                       struct error *err)
{
    uint64_t seq = load(&w->last_seq);
    *seq_end = seq;
    if (payload.n == 0)
        return ST_OK;
    if (payload.n > WAL_PAYLOAD_MAX)
        return error_set(err, ST_TOO_LONG, "log: %zu bytes in one tick, limit %u", payload.n,
                         WAL_PAYLOAD_MAX);
    int64_t begin_us = clock_mono_us();
    uint64_t off = load(&w->cur_off);
    enum status st = ST_OK;
    if (w->cut_needed) {
        if (ftruncate(w->cur_fd, (off_t)off) != 0)
            st = error_set_errno(err, errno, "log: cutting off a failed write");
        else
            w->cut_needed = false;
    }
    /* A segment that holds nothing yet is as good as a new one, which would have the same name. */
    bool full = off >= w->segment_bytes || atomic_load(&w->rotate_next);
    if (st == ST_OK && (w->cur_fd < 0 || (full && w->cur_first != seq))) {
        st = begin_segment(w, err);
        off = WAL_SEGMENT_HEADER;
    }
    if (st != ST_OK) {
        count(&w->write_errors);
        return st;
    }
    char header[WAL_FRAME_HEADER];
    wal_frame_encode_header(header, w->cur_seed, seq, now_ms, payload);
    int failed = wal__write_at(w->cur_fd, header, sizeof header, payload, off);
    count(&w->writes);
    if (failed) {
        w->cut_needed = ftruncate(w->cur_fd, (off_t)off) != 0;
        count(&w->write_errors);
        return error_set_errno(err, failed, "log: writing %zu bytes", payload.n);
    }
    store(&w->cur_off, off + sizeof header + payload.n);
    store(&w->last_seq, seq + payload.n);
    count(&w->frames);
    uint64_t took_us = note_time(&w->last_write_us, &w->max_write_us, begin_us);
    atomic_fetch_add_explicit(&w->sum_write_us, took_us, memory_order_relaxed);
    *seq_end = seq + payload.n;
    return ST_OK;
}

/* -- Sync ------------------------------------------------------------------------------------ */

struct sync_set {
    int *fds;
    size_t n;
    bool dir;
};

/* Duplicates, so that trimming may close and delete while the device works. */
static int collect_unsynced(struct wal *w, struct sync_set *set)
{
    int failed = 0;
    pthread_mutex_lock(&w->mu);
    set->dir = atomic_exchange(&w->dir_dirty, false);
    set->fds = mem_alloc((w->nsegs + 1) * sizeof *set->fds);
    set->n = 0;
    for (size_t i = 0; i < w->nsegs && !failed; i++) {
        if (w->segs[i].fd < 0)
            continue;
        int fd = fcntl(w->segs[i].fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            failed = errno;
        else
            set->fds[set->n++] = fd;
    }
    pthread_mutex_unlock(&w->mu);
    return failed;
}

static void close_synced(struct wal *w, uint64_t target)
{
    pthread_mutex_lock(&w->mu);
    for (size_t i = 0; i + 1 < w->nsegs && w->segs[i + 1].first_seq <= target; i++) {
        if (w->segs[i].fd >= 0)
            (void)close(w->segs[i].fd);
        w->segs[i].fd = -1;
    }
    pthread_mutex_unlock(&w->mu);
}

bool wal_in_doubt(const struct wal *w)
{
    return load(&w->tainted_seq) > load(&w->covered_seq);
}

void wal_covered(struct wal *w, uint64_t seq)
{
    uint64_t covered = load(&w->covered_seq);
    while (covered < seq && !atomic_compare_exchange_weak(&w->covered_seq, &covered, seq))
        continue;
}

static enum status sync_locked(struct wal *w, struct error *err)
{
    uint64_t target = load(&w->last_seq);
    if (wal_in_doubt(w))
        return error_set(
            err, ST_IO,
            "log: an earlier sync failed; waiting until the store holds what it covered");
    if (load(&w->synced_seq) >= target && !atomic_load(&w->dir_dirty))
        return ST_OK;
    int64_t begin_us = clock_mono_us();
    struct sync_set set;
    int no_fds = collect_unsynced(w, &set), failed = 0;
    for (size_t i = 0; i < set.n; i++) {
        if (!no_fds && !failed && fdatasync(set.fds[i]) != 0)
            failed = errno;
        (void)close(set.fds[i]);
    }
    if (no_fds) {
        /* Nothing was tried, so nothing is lost: the next call can make it good. */
        mem_free(set.fds);
        if (set.dir)
            atomic_store(&w->dir_dirty, true);
        return error_set_errno(err, no_fds, "log: syncing");
    }
    if (!failed && set.dir && fsync(w->dirfd) != 0)
        failed = errno;
    mem_free(set.fds);
    count(&w->syncs);
    (void)note_time(&w->last_sync_us, &w->max_sync_us, begin_us);
    if (failed) {
        store(&w->tainted_seq, load(&w->last_seq));
        atomic_store(&w->rotate_next, true);
        count(&w->write_errors);
        return error_set_errno(err, failed, "log: syncing");
    }
    close_synced(w, target);
    if (target > load(&w->synced_seq))
        store(&w->synced_seq, target);
    return ST_OK;
}

enum status wal_sync(struct wal *w, struct error *err)
{
    pthread_mutex_lock(&w->sync_mu);
    enum status st = sync_locked(w, err);
    pthread_mutex_unlock(&w->sync_mu);
    return st;
}

uint64_t wal_last_seq(const struct wal *w)
{
    return load(&w->last_seq);
}

uint64_t wal_synced_seq(const struct wal *w)
{
    return load(&w->synced_seq);
}

void wal_stats(struct wal *w, struct wal_stats *out)
{
    *out = (struct wal_stats){
        .last_seq = load(&w->last_seq),
        .synced_seq = load(&w->synced_seq),
        .frames = load(&w->frames),
        .writes = load(&w->writes),
        .syncs = load(&w->syncs),
        .write_errors = load(&w->write_errors),
        .last_write_us = load(&w->last_write_us),
        .max_write_us = load(&w->max_write_us),
        .sum_write_us = load(&w->sum_write_us),
        .last_sync_us = load(&w->last_sync_us),
        .max_sync_us = load(&w->max_sync_us),
    };
    pthread_mutex_lock(&w->mu);
    out->segments = w->nsegs;
    out->first_seq = w->nsegs ? w->segs[0].first_seq : out->last_seq;
    for (size_t i = 0; i < w->nsegs; i++)
        out->bytes += i + 1 == w->nsegs ? load(&w->cur_off) : w->segs[i].bytes;
    pthread_mutex_unlock(&w->mu);
}

/* -- Trim and reset -------------------------------------------------------------------------- */

static bool delete_segment(struct wal *w, uint64_t first_seq)
{
    char name[WAL_NAME_MAX];
    wal__name(name, first_seq);
    if (unlinkat(w->dirfd, name, 0) == 0 || errno == ENOENT)
        return true;
    struct error err;
    error_set_errno(&err, errno, "log: deleting segment %s", name);
    log_warning(LOG_WAL, "%s", err.message);
    return false;
}

unsigned wal_trim(struct wal *w, uint64_t seq)
{
    unsigned deleted = 0;
    wal_covered(w, seq);
    for (;;) {
        pthread_mutex_lock(&w->mu);
        bool due = w->nsegs > 1 && w->segs[1].first_seq <= seq;
        struct segment seg = {0, 0, -1};
        if (due) {
            seg = w->segs[0];
            w->nsegs--;
            memmove(w->segs, w->segs + 1, w->nsegs * sizeof *w->segs);
        }
        pthread_mutex_unlock(&w->mu);
        if (!due)
            return deleted;
        if (seg.fd >= 0)
            (void)close(seg.fd);
        if (delete_segment(w, seg.first_seq))
            deleted++;
    }
}

enum status wal_reset(struct wal *w, uint64_t seq, struct error *err)
{
    wal_new_id(w);
    pthread_mutex_lock(&w->sync_mu);
    pthread_mutex_lock(&w->mu);
    bool all = true;
    /* Newest first: what a crash leaves behind is the beginning of the former log, never one with a
     * hole. */
    while (w->nsegs && all) {
        struct segment seg = w->segs[w->nsegs - 1];
        all = delete_segment(w, seg.first_seq);
        if (all) {
            if (seg.fd >= 0)
                (void)close(seg.fd);
            w->nsegs--;
            w->cur_fd = -1;
            w->cut_needed = false;
            store(&w->last_seq, seg.first_seq);
        }
    }
    if (all) {
        store(&w->last_seq, seq);
        store(&w->synced_seq, seq);
        store(&w->covered_seq, 0);
        store(&w->cur_off, 0);
        store(&w->tainted_seq, 0);
    }
    pthread_mutex_unlock(&w->mu);
    enum status st =
        all ? begin_segment(w, err) : error_set(err, ST_IO, "log: a segment could not be deleted");
    if (st == ST_OK)
        st = sync_locked(w, err);
    pthread_mutex_unlock(&w->sync_mu);
    return st;
}

#include "rdb/rdb_save.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/version.h"
#include "rdb/rdb_codec.h"
#include "rdb/rdb_encode.h"
#include "rdb/rdb_format.h"
#include "rdb/rdb_functions.h"
#include "rdb/rdb_modules.h"
#include "rdb/rdb_options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define DELAY_US 10000 /* at once, between looks whether to go on */

struct rdb_save *rdb_save_new(const char *path, struct kv_view *view)
{
    struct rdb_save *s = mem_calloc(1, sizeof(*s));
    s->path = mem_strdup(path);
    s->compress = rdb_opts.rdbcompression;
    s->checksum = rdb_opts.rdbchecksum;
    s->key_delay_us = rdb_opts.rdb_key_save_delay;
    s->version = RDB_VERSION;
    s->view = view;
    rdb_put_module_aux(&s->aux_before, RDB_AUX_BEFORE);
    rdb_put_functions(&s->functions, s->compress);
    rdb_put_module_aux(&s->aux_after, RDB_AUX_AFTER);
    return s;
}

void rdb_save_free(struct rdb_save *s)
{
    if (!s)
        return;
    kv_view_close(s->view);
    buf_free(&s->aux_before);
    buf_free(&s->functions);
    buf_free(&s->aux_after);
    mem_free(s->path);
    mem_free(s);
}

struct writer {
    struct rdb_save *s;
    int fd;
    uint64_t sum;
    struct rdb_out out;
};

static enum status empty(void *arg, struct buf *b, struct error *err)
{
    struct writer *w = arg;
    if (w->s->checksum)
        w->sum = hash_crc64(w->sum, b->p, b->n);
    for (size_t at = 0; at < b->n;) {
        ssize_t n = write(w->fd, b->p + at, b->n - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set_errno(err, errno, "Write error saving DB on disk");
        at += (size_t)n;
    }
    atomic_fetch_add(&w->s->bytes, b->n);
    buf_clear(b);
    return atomic_load(&w->s->cancel) ? error_set(err, ST_CLOSED, "the save was stopped") : ST_OK;
}

static void put_aux(struct buf *b, const char *key, const char *text)
{
    buf_put_byte(b, RDB_OP_AUX);
    rdb_put_string(b, slice_str(key), false);
    rdb_put_string(b, slice_str(text), false);
}

static void put_aux_int(struct buf *b, const char *key, int64_t v)
{
    buf_put_byte(b, RDB_OP_AUX);
    rdb_put_string(b, slice_str(key), false);
    rdb_put_int_string(b, v);
}

static void put_head(struct writer *w)
{
    struct buf *b = &w->out.b;
    buf_printf(b, RDB_MAGIC_TEXT "%04u", w->s->version);
    put_aux(b, "redis-ver", ORBIT_REDIS_VERSION);
    put_aux_int(b, "redis-bits", (int64_t)sizeof(void *) * 8);
    put_aux_int(b, "ctime", clock_wall_ms() / 1000);
    put_aux_int(b, "used-mem", (int64_t)mem_used());
    put_aux_int(b, "aof-base", 0);
    if (w->s->stream_id[0]) {
        put_aux_int(b, "repl-stream-db", w->s->stream_db);
        put_aux(b, "repl-id", w->s->stream_id);
        put_aux_int(b, "repl-offset", (int64_t)w->s->stream_offset);
    }
    if (!w->s->functions_only)
        buf_put_slice(b, buf_slice(&w->s->aux_before));
    if (w->s->version >= RDB_VERSION_7_0)
        buf_put_slice(b, buf_slice(&w->s->functions));
}

static void delay(const struct rdb_save *s, uint64_t keys)
{
    for (int64_t left = s->key_delay_us; left > 0 && !atomic_load(&s->cancel); left -= DELAY_US)
        (void)usleep((useconds_t)(left < DELAY_US ? left : DELAY_US));
    if (s->key_delay_us < 0 && keys % (uint64_t)-s->key_delay_us == 0)
        (void)usleep(1);
}

static enum status put_key(struct writer *w, struct kv_rec *rec, struct error *err)
{
    struct buf *b = &w->out.b;
    if (kv_rec_expire(rec) != KV_NO_EXPIRE) {
        buf_put_byte(b, RDB_OP_EXPIRETIME_MS);
        buf_put_u64le(b, (uint64_t)kv_rec_expire(rec));
    }
    buf_put_byte(b, (uint8_t)rdb_type_of(rec, w->out.version));
    rdb_put_string(b, kv_rec_key(rec), w->out.compress);
    enum status st = rdb_encode(rec, &w->out, err);
    uint64_t keys = atomic_fetch_add(&w->s->keys, 1) + 1;
    if (st == ST_OK && w->s->key_delay_us) {
        delay(w->s, keys);
        if (atomic_load(&w->s->cancel))
            st = error_set(err, ST_CLOSED, "the save was stopped");
    }
    return st == ST_OK && b->n > RDB_OUT_FULL ? empty(w, b, err) : st;
}

static enum status put_db(struct writer *w, int db, struct error *err)
{
    struct kv_rec *rec = NULL;
    enum status st = kv_view_seek(w->s->view, db, err);
    buf_put_byte(&w->out.b, RDB_OP_SELECTDB);
    rdb_put_len(&w->out.b, (uint64_t)db);
    buf_put_byte(&w->out.b, RDB_OP_RESIZEDB);
    rdb_put_len(&w->out.b, kv_view_dbsize(w->s->view, db));
    rdb_put_len(&w->out.b, kv_view_expires(w->s->view, db));
    while (st == ST_OK) {
        st = kv_view_next(w->s->view, &rec, err);
        if (st != ST_OK || !rec)
            break;
        st = put_key(w, rec, err);
    }
    return st;
}

static enum status write_file(struct writer *w, struct error *err)
{
    enum status st = ST_OK;
    put_head(w);
    int dbs = w->s->functions_only ? 0 : kv_view_databases(w->s->view);
    for (int db = 0; db < dbs && st == ST_OK; db++)
        if (kv_view_dbsize(w->s->view, db))
            st = put_db(w, db, err);
    if (st != ST_OK)
        return st;
    if (!w->s->functions_only)
        buf_put_slice(&w->out.b, buf_slice(&w->s->aux_after));
    buf_put_byte(&w->out.b, RDB_OP_EOF);
    st = empty(w, &w->out.b, err);
    if (st != ST_OK)
        return st;
    buf_put_u64le(&w->out.b, w->s->checksum ? w->sum : 0);
    return empty(w, &w->out.b, err);
}

enum status rdb_save_to(struct rdb_save *s, int fd, struct error *err)
{
    struct writer w = {
        .s = s,
        .fd = fd,
        .out = {.compress = s->compress, .version = s->version, .arg = &w, .full = empty}};
    enum status st = write_file(&w, err);
    buf_free(&w.out.b);
    return st;
}

/* A rename lasts when its directory is synced. */
static enum status put_in_place(const char *from, const char *path, const char *dir,
                                struct error *err)
{
    if (rename(from, path) < 0)
        return error_set_errno(
            err, errno, "Error moving temp DB file %s on the final destination %s", from, path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd);
        close(fd);
    }
    return ST_OK;
}

static char temp[PATH_MAX + 64]; /* there is one save at a time */
static atomic_bool temp_there;

void rdb_save_abandon(void)
{
    if (atomic_load(&temp_there))
        (void)unlink(temp);
}

enum status rdb_save_run(struct rdb_save *s, struct error *err)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(s->path, '/');
    snprintf(dir, sizeof dir, "%.*s", slash ? (int)(slash - s->path) : 1, slash ? s->path : ".");
    snprintf(temp, sizeof temp, "%s/temp-%ld.rdb", dir, (long)getpid());
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set_errno(err, errno, "Failed opening the temp RDB file %s for saving", temp);
    atomic_store(&temp_there, true);
    enum status st = rdb_save_to(s, fd, err);
    if (st == ST_OK && fsync(fd) < 0)
        st = error_set_errno(err, errno, "Error syncing the dump file");
    if (close(fd) < 0 && st == ST_OK)
        st = error_set_errno(err, errno, "Error closing the dump file");
    if (st == ST_OK)
        st = put_in_place(temp, s->path, dir, err);
    if (st != ST_OK)
        (void)unlink(temp);
    atomic_store(&temp_there, false);
    return st;
}

/* Streams of modules. Failures: errno says why, as the API lays down. A walk seeks each entry anew, so entries may be deleted
 * while it goes on. */
#include "base/clock.h"
#include "base/num.h"
#include "keyspace/keyspace_options.h"
#include "module/key.h"

#include <errno.h>
#include <stdio.h>

static struct kv_stream_id id_of(const RedisModuleStreamID *id)
{
    return (struct kv_stream_id){id->ms, id->seq};
}

static bool id_next(struct kv_stream_id *id)
{
    if (++id->seq == 0 && ++id->ms == 0)
        return false;
    return true;
}

static bool id_prev(struct kv_stream_id *id)
{
    if (id->seq-- == 0 && id->ms-- == 0)
        return false;
    return true;
}

/* The stream; NULL with errno: the key is empty (ENOENT), of another type, or not open in this mode. */
static struct kv_rec *stream_of(RedisModuleKey *key, int mode)
{
    struct kv_rec *rec = module__key_rec(key);
    errno = 0;
    if (rec && kv_rec_type(rec) != KV_STREAM)
        errno = ENOTSUP;
    else if (!(key->mode & mode))
        errno = EBADF;
    else if (!rec)
        errno = ENOENT;
    return errno ? NULL : rec;
}

/* -- Adding --------------------------------------------------------------------------------------------------------------- */

/* The ID of a new entry behind last; false with errno: there is none, or the wanted one is not above it. */
static bool choose_id(int flags, const RedisModuleStreamID *want, struct kv_stream_id last,
                      struct kv_stream_id *out)
{
    if (kv_stream_id_cmp(last, KV_STREAM_ID_MAX) == 0) {
        errno = EFBIG;
        return false;
    }
    if (flags & REDISMODULE_STREAM_ADD_AUTOID) {
        *out = (struct kv_stream_id){(uint64_t)clock_cached_ms(), 0};
        if (kv_stream_id_cmp(*out, last) <= 0) {
            *out = last;
            (void)id_next(out);
        }
        return true;
    }
    *out = id_of(want);
    if (kv_stream_id_cmp(*out, last) > 0)
        return true;
    errno = EDOM;
    return false;
}

static bool add_unfit(RedisModuleKey *key, int flags, const RedisModuleStreamID *id,
                      RedisModuleString **argv, int64_t numfields)
{
    errno = 0;
    bool automatic = flags & REDISMODULE_STREAM_ADD_AUTOID;
    if (!key || (numfields && !argv) || numfields <= 0 || (!automatic && !id) ||
        (flags & ~REDISMODULE_STREAM_ADD_AUTOID)) {
        errno = EINVAL;
        return true;
    }
    if (!stream_of(key, REDISMODULE_WRITE) && errno != ENOENT)
        return true;
    errno = 0;
    if (!automatic && id->ms == 0 && id->seq == 0)
        errno = EDOM;
    return errno != 0;
}

int rm_StreamAdd(RedisModuleKey *key, int flags, RedisModuleStreamID *id, RedisModuleString **argv,
                 int64_t numfields)
{
    if (add_unfit(key, flags, id, argv, numfields))
        return REDISMODULE_ERR;
    struct kv_stream_info info = {0};
    struct kv_rec *rec = module__key_rec(key);
    bool made = !rec;
    if (rec)
        kv_stream_info(rec, &info);
    struct kv_stream_id at;
    if (!choose_id(flags, id, info.last, &at))
        return REDISMODULE_ERR;
    size_t n = (size_t)numfields * 2;
    struct buf words = BUF_INIT;
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        struct slice s = module__slice(argv[i]);
        bytes += s.n;
        buf_put(&words, &s, sizeof s);
    }
    struct error err = {.message = ""};
    enum status st = bytes > KV_STREAM_ENTRY_MAX ? ST_TOO_LONG : ST_OK;
    rec = st == ST_OK ? module__key_edit(key, KV_STREAM) : NULL;
    if (rec) {
        const struct slice *v = (const struct slice *)(const void *)words.p;
        st = kv_stream_add(rec, at, v, (size_t)numfields, &err);
        module__key_edit_end(key, rec, 1);
        if (st != ST_OK && made)
            kv_del(key->kv, rec);
    }
    buf_free(&words);
    if (st == ST_TOO_LONG)
        errno = ERANGE;
    if (!rec || st == ST_TOO_LONG || module__key_failed(st, &err))
        return REDISMODULE_ERR;
    if (id)
        *id = (RedisModuleStreamID){at.ms, at.seq};
    return REDISMODULE_OK;
}

/* -- Deleting ------------------------------------------------------------------------------------------------------------- */

/* Deletes one entry of a stream. */
static int delete_entry(RedisModuleKey *key, struct kv_rec *rec, struct kv_stream_id id)
{
    struct error err = {.message = ""};
    struct kv_stream_info info;
    bool found = false;
    kv_edit(key->kv, rec);
    enum status st = kv_stream_del(rec, id, &found, &err);
    if (st == ST_OK && found) {
        kv_stream_info(rec, &info);
        if (kv_stream_id_cmp(id, info.max_gone) > 0)
            kv_stream_set(rec, info.last, info.added, id);
    }
    kv_edit_end(key->kv, rec, 0);
    if (!found)
        errno = ENOENT;
    return module__key_failed(st, &err) || !found ? REDISMODULE_ERR : REDISMODULE_OK;
}

int rm_StreamDelete(RedisModuleKey *key, RedisModuleStreamID *id)
{
    if (!key || !id) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    struct kv_rec *rec = stream_of(key, REDISMODULE_WRITE);
    if (!rec && errno == ENOENT)
        errno = ENOTSUP;
    return rec ? delete_entry(key, rec, id_of(id)) : REDISMODULE_ERR;
}

static long long trim(RedisModuleKey *key, int flags, struct kv_stream_trim how)
{
    struct error err = {.message = ""};
    uint64_t dropped = 0;
    if (!key || (flags & ~REDISMODULE_STREAM_TRIM_APPROX)) {
        errno = EINVAL;
        return -1;
    }
    struct kv_rec *rec = stream_of(key, REDISMODULE_WRITE);
    if (!rec) {
        if (errno == ENOENT)
            errno = ENOTSUP;
        return -1;
    }
    how.approx = flags & REDISMODULE_STREAM_TRIM_APPROX;
    how.limit = how.approx ? 100 * (uint64_t)keyspace_opts.stream_node_max_entries : 0;
    kv_edit(key->kv, rec);
    enum status st = kv_stream_trim(rec, &how, &dropped, &err);
    kv_edit_end(key->kv, rec, 0);
    return module__key_failed(st, &err) ? -1 : (long long)dropped;
}

long long rm_StreamTrimByLength(RedisModuleKey *key, int flags, long long length)
{
    if (length < 0) {
        errno = EINVAL;
        return -1;
    }
    return trim(key, flags, (struct kv_stream_trim){.length = (uint64_t)length});
}

long long rm_StreamTrimByID(RedisModuleKey *key, int flags, RedisModuleStreamID *id)
{
    if (!id) {
        errno = EINVAL;
        return -1;
    }
    return trim(key, flags, (struct kv_stream_trim){.by_id = true, .min = id_of(id)});
}

/* -- Walking -------------------------------------------------------------------------------------------------------------- */

int rm_StreamIteratorStart(RedisModuleKey *key, int flags, RedisModuleStreamID *start,
                           RedisModuleStreamID *end)
{
    const int known = REDISMODULE_STREAM_ITERATOR_EXCLUSIVE | REDISMODULE_STREAM_ITERATOR_REVERSE;
    if (!key || (flags & ~known)) {
        errno = EINVAL;
        return REDISMODULE_ERR;
    }
    struct kv_rec *rec = stream_of(key, REDISMODULE_READ | REDISMODULE_WRITE);
    if (!rec) {
        if (errno == ENOENT)
            errno = ENOTSUP;
        return REDISMODULE_ERR;
    }
    if (key->stream.active) {
        errno = EBADF;
        return REDISMODULE_ERR;
    }
    struct kv_stream_id lower = start ? id_of(start) : KV_STREAM_ID_MIN;
    struct kv_stream_id upper = end ? id_of(end) : KV_STREAM_ID_MAX;
    if (flags & REDISMODULE_STREAM_ITERATOR_EXCLUSIVE)
        if ((start && !id_next(&lower)) || (end && !id_prev(&upper))) {
            errno = EDOM;
            return REDISMODULE_ERR;
        }
    key->stream = (struct module_stream_walk){.active = true,
                                              .rev = flags & REDISMODULE_STREAM_ITERATOR_REVERSE,
                                              .start = lower,
                                              .end = upper};
    return REDISMODULE_OK;
}

/* The walk of a key that has one; NULL with errno. */
static struct module_stream_walk *walk_of(RedisModuleKey *key)
{
    if (!key) {
        errno = EINVAL;
        return NULL;
    }
    if (!stream_of(key, REDISMODULE_READ | REDISMODULE_WRITE)) {
        if (errno == ENOENT)
            errno = ENOTSUP;
        return NULL;
    }
    if (!key->stream.active) {
        errno = EBADF;
        return NULL;
    }
    return &key->stream;
}

int rm_StreamIteratorStop(RedisModuleKey *key)
{
    struct module_stream_walk *w = walk_of(key);
    if (!w)
        return REDISMODULE_ERR;
    w->active = false;
    return REDISMODULE_OK;
}

int rm_StreamIteratorNextID(RedisModuleKey *key, RedisModuleStreamID *id, long *numfields)
{
    struct error err = {.message = ""};
    struct kv_stream_cur cur;
    bool found = false;
    struct module_stream_walk *w = walk_of(key);
    if (!w)
        return REDISMODULE_ERR;
    if (!w->done) {
        struct kv_rec *rec = module__key_rec(key);
        enum status st = kv_stream_seek(rec, w->start, w->end, w->rev, &cur, &err);
        if (st == ST_OK)
            st = kv_stream_next(&cur, &found, &w->entry, &err);
        if (module__key_failed(st, &err))
            found = false;
    }
    if (!found) {
        w->done = true;
        w->id = KV_STREAM_ID_MIN;
        errno = ENOENT;
        return REDISMODULE_ERR;
    }
    w->id = w->entry.id;
    struct kv_stream_id *edge = w->rev ? &w->end : &w->start;
    *edge = w->id;
    w->done = !(w->rev ? id_prev(edge) : id_next(edge));
    if (id)
        *id = (RedisModuleStreamID){w->id.ms, w->id.seq};
    if (numfields)
        *numfields = (long)w->entry.pairs;
    return REDISMODULE_OK;
}

int rm_StreamIteratorNextField(RedisModuleKey *key, RedisModuleString **field,
                               RedisModuleString **value)
{
    struct slice f, v;
    struct module_stream_walk *w = walk_of(key);
    if (!w)
        return REDISMODULE_ERR;
    if (kv_stream_id_zero(w->id) || !kv_stream_pair(&w->entry, &f, &v)) {
        errno = ENOENT;
        return REDISMODULE_ERR;
    }
    if (field)
        *field = rm_CreateString(key->ctx, f.p, f.n);
    if (value)
        *value = rm_CreateString(key->ctx, v.p, v.n);
    return REDISMODULE_OK;
}

int rm_StreamIteratorDelete(RedisModuleKey *key)
{
    struct module_stream_walk *w = walk_of(key);
    if (!w)
        return REDISMODULE_ERR;
    if (!(key->mode & REDISMODULE_WRITE)) {
        errno = EBADF;
        return REDISMODULE_ERR;
    }
    if (kv_stream_id_zero(w->id)) {
        errno = ENOENT;
        return REDISMODULE_ERR;
    }
    struct kv_stream_id id = w->id;
    w->id = KV_STREAM_ID_MIN;
    return delete_entry(key, module__key_rec(key), id);
}

/* -- IDs as text ---------------------------------------------------------------------------------------------------------- */

RedisModuleString *rm_CreateStringFromStreamID(RedisModuleCtx *ctx, const RedisModuleStreamID *id)
{
    return rm_CreateStringPrintf(ctx, "%llu-%llu", (unsigned long long)id->ms,
                                 (unsigned long long)id->seq);
}

int rm_StringToStreamID(const RedisModuleString *text, RedisModuleStreamID *id)
{
    struct slice s = module__slice(text);
    const char *dash = s.n ? memchr(s.p, '-', s.n) : NULL;
    size_t n = dash ? (size_t)(dash - s.p) : s.n;
    uint64_t ms, seq = 0;
    if (slice_is(s, "-") || slice_is(s, "+")) {
        struct kv_stream_id end = *s.p == '+' ? KV_STREAM_ID_MAX : (struct kv_stream_id){0, 0};
        *id = (RedisModuleStreamID){end.ms, end.seq};
        return REDISMODULE_OK;
    }
    if (!num_parse_uint(slice_make(s.p, n), &ms))
        return REDISMODULE_ERR;
    if (dash && !num_parse_uint(slice_make(dash + 1, s.n - n - 1), &seq))
        return REDISMODULE_ERR;
    *id = (RedisModuleStreamID){ms, seq};
    return REDISMODULE_OK;
}

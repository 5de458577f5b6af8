/* The tree: one LMDB database, records as FORMAT.md says.
 *
 * LMDB's keys end at 511 bytes, so keys of 509 bytes and more share a record, the bucket of their first 509 bytes: its value
 * lists the tails in order with their values. Since any shorter key that begins alike sorts before the bucket, and any that
 * differs sorts the same way against all of it, the order of records and tails is the order of keys. */
#include "base/log.h"
#include "base/mem.h"
#include "storage/cow_btree/cow_btree_priv.h"

#include <errno.h>

#define PLAIN_MAX  508 /* longest key with a record of its own */
#define BUCKET_KEY (PLAIN_MAX + 1)
#define FORMAT     1
#define MAP_MIN    ((size_t)64 << 20)

/* Names under number 0 that are no spaces; a space's name has no NUL. */
static const struct slice format_name = {"\0format", 7}, seq_name = {"\0seq", 4},
                          highest_name = {"\0highest", 8};

enum status cow__tree_error(int rc, const char *what, struct error *err)
{
    enum status st = ST_IO;

    if (rc == ENOSPC || rc == EDQUOT || rc == MDB_MAP_FULL)
        st = ST_FULL;
    else if (rc == MDB_CORRUPTED || rc == MDB_PAGE_NOTFOUND || rc == MDB_INVALID || rc == MDB_PANIC)
        st = ST_CORRUPT;
    else if (rc == MDB_VERSION_MISMATCH)
        st = ST_TOO_NEW;
    else if (rc == EACCES || rc == EPERM || rc == EROFS)
        st = ST_DENIED;
    else if (rc == ENOMEM)
        st = ST_NO_MEMORY;
    else if (rc == MDB_READERS_FULL)
        st = ST_BUSY;
    return error_set(err, st, "cow_btree: %s: data.mdb: %s", what, mdb_strerror(rc));
}

/* -- Opening ------------------------------------------------------------------------------------------------------------ */

enum status cow__tree_open(struct cow *c, struct error *err)
{
    unsigned flags = MDB_NOTLS | MDB_NORDAHEAD | (c->read_only ? MDB_RDONLY | MDB_NOLOCK : 0u);
    size_t map = (size_t)c->config.map_size;
    int rc;

    for (;; map /= 2) {
        rc = mdb_env_create(&c->env);
        if (rc != 0)
            break;
        mdb_env_set_maxreaders(c->env, 4096);
        mdb_env_set_mapsize(c->env, map);
        rc = mdb_env_open(c->env, c->path, flags, 0640);
        /* Less address space than we ask for (ulimit -v): try with less. */
        if (rc != ENOMEM || map / 2 < MAP_MIN)
            break;
        mdb_env_close(c->env);
    }
    if (rc == 0)
        rc = c->read_only ? 0 : mdb_reader_check(c->env, NULL);
    return rc ? cow__tree_error(rc, "cannot open", err) : ST_OK;
}

void cow__tree_close(struct cow *c)
{
    for (size_t i = 0; i < c->nidle; i++)
        mdb_txn_abort(c->idle[i]);
    c->nidle = 0;
    if (c->env)
        mdb_env_close(c->env);
    c->env = NULL;
}

bool cow__tree_grow(struct cow *c)
{
    MDB_envinfo info;
    int rc = EBUSY;

    pthread_mutex_lock(&c->reader_lock);
    if (c->readers == 0) {
        for (size_t i = 0; i < c->nidle; i++)
            mdb_txn_abort(c->idle[i]);
        c->nidle = 0;
        mdb_env_info(c->env, &info);
        rc = mdb_env_set_mapsize(c->env, info.me_mapsize * 2);
        if (rc == 0)
            log_notice(LOG_STORAGE, "cow_btree: the map of %s is now %zu MB", c->path,
                       info.me_mapsize * 2 >> 20);
    }
    pthread_mutex_unlock(&c->reader_lock);
    return rc == 0;
}

/* -- Readers ------------------------------------------------------------------------------------------------------------ */

enum status cow__reader_begin(struct cow *c, MDB_txn **txn, struct error *err)
{
    MDB_txn *t = NULL;
    int rc;

    pthread_mutex_lock(&c->reader_lock);
    if (c->nidle) {
        t = c->idle[--c->nidle];
        rc = mdb_txn_renew(t);
        if (rc != 0)
            mdb_txn_abort(t);
    } else {
        MDB_dbi dbi;
        rc = mdb_txn_begin(c->env, NULL, MDB_RDONLY, &t);
        /* The main database is number 1 in every transaction; opening it costs nothing and cannot fail later. */
        if (rc == 0 && (rc = mdb_dbi_open(t, NULL, 0, &dbi)) != 0)
            mdb_txn_abort(t);
    }
    if (rc == 0)
        c->readers++;
    pthread_mutex_unlock(&c->reader_lock);
    *txn = t;
    return rc ? cow__tree_error(rc, "read", err) : ST_OK;
}

void cow__reader_end(struct cow *c, MDB_txn *txn)
{
    pthread_mutex_lock(&c->reader_lock);
    c->readers--;
    if (c->nidle < COW_IDLE_READERS) {
        mdb_txn_reset(txn);
        c->idle[c->nidle++] = txn;
    } else {
        mdb_txn_abort(txn);
    }
    pthread_mutex_unlock(&c->reader_lock);
}

/* -- Records ------------------------------------------------------------------------------------------------------------ */

static const MDB_dbi dbi = 1;

/* The record's key: number, then the key or the first bytes of it. */
static MDB_val record_key(char out[PLAIN_MAX + 3], uint16_t id, struct slice key)
{
    size_t n = key.n > PLAIN_MAX ? BUCKET_KEY : key.n;

    out[0] = (char)(id >> 8);
    out[1] = (char)id;
    if (n)
        memcpy(out + 2, key.p, n);
    return (MDB_val){n + 2, out};
}

static struct slice value_slice(const MDB_val *v)
{
    return slice_make(v->mv_data, v->mv_size);
}

struct bucket_entry {
    struct slice tail, value;
    size_t at, size; /* in the bucket */
};

static uint32_t get_u32(const char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

/* Entry at a position; false at the end or when the bytes make no sense (*bad). */
static bool bucket_at(struct slice bucket, size_t at, struct bucket_entry *e, bool *bad)
{
    *bad = at > bucket.n;
    if (at >= bucket.n)
        return false;
    *bad = true;
    if (bucket.n - at < 8)
        return false;
    size_t left = bucket.n - at - 8;
    size_t tail_n = get_u32(bucket.p + at), value_n = get_u32(bucket.p + at + 4);
    if (tail_n > left || value_n > left - tail_n)
        return false;
    *bad = false;
    e->at = at;
    e->size = 8 + tail_n + value_n;
    e->tail = slice_make(bucket.p + at + 8, tail_n);
    e->value = slice_make(bucket.p + at + 8 + tail_n, value_n);
    return true;
}

/* First entry with a tail >= tail; at is bucket.n when there is none. True: it is this tail. */
static bool bucket_find(struct slice bucket, struct slice tail, struct bucket_entry *e, bool *bad)
{
    size_t at = 0;

    while (bucket_at(bucket, at, e, bad)) {
        int cmp = slice_cmp(e->tail, tail);
        if (cmp >= 0)
            return cmp == 0;
        at += e->size;
    }
    *e = (struct bucket_entry){.at = bucket.n};
    return false;
}

static struct slice key_tail(struct slice key)
{
    return slice_make(key.p + BUCKET_KEY, key.n - BUCKET_KEY);
}

enum status cow__tree_get(MDB_txn *txn, uint16_t id, struct slice key, struct buf *v,
                          struct error *err)
{
    char space[PLAIN_MAX + 3];
    MDB_val k = record_key(space, id, key), found;
    int rc = mdb_get(txn, dbi, &k, &found);

    if (rc == MDB_NOTFOUND)
        return ST_NOT_FOUND;
    if (rc != 0)
        return cow__tree_error(rc, "read", err);
    struct slice value = value_slice(&found);
    if (key.n > PLAIN_MAX) {
        struct bucket_entry e;
        bool bad = false;
        bool there = bucket_find(value, key_tail(key), &e, &bad);
        if (bad)
            return cow__tree_error(MDB_CORRUPTED, "read", err);
        if (!there)
            return ST_NOT_FOUND;
        value = e.value;
    }
    buf_clear(v);
    if (!buf_try_reserve(v, value.n))
        return error_set(err, ST_NO_MEMORY, "cow_btree: no memory for a value of %zu bytes",
                         value.n);
    buf_put_slice(v, value);
    return ST_OK;
}

/* Rewrites a bucket with the entry put in, replaced, or (value NULL) taken out. */
static int bucket_write(MDB_txn *txn, MDB_val *k, struct slice tail, const struct slice *value)
{
    MDB_val found = {0, NULL};
    struct bucket_entry e;
    struct buf out = BUF_INIT;
    bool bad = false;
    int rc = mdb_get(txn, dbi, k, &found);

    if (rc == MDB_NOTFOUND && !value)
        return 0;
    if (rc != 0 && rc != MDB_NOTFOUND)
        return rc;
    struct slice old = rc == 0 ? value_slice(&found) : slice_make("", 0);
    bool there = bucket_find(old, tail, &e, &bad);
    if (bad)
        return MDB_CORRUPTED;
    if (!there && !value)
        return 0;
    size_t behind = e.at + (there ? e.size : 0);
    buf_put(&out, old.p, e.at);
    if (value) {
        buf_put_u32le(&out, (uint32_t)tail.n);
        buf_put_u32le(&out, (uint32_t)value->n);
        buf_put_slice(&out, tail);
        buf_put_slice(&out, *value);
    }
    buf_put(&out, old.p + behind, old.n - behind);
    MDB_val v = {out.n, out.p};
    rc = out.n ? mdb_put(txn, dbi, k, &v, 0) : mdb_del(txn, dbi, k, NULL);
    buf_free(&out);
    return rc;
}

int cow__tree_put(MDB_txn *txn, uint16_t id, struct slice key, struct slice value)
{
    char space[PLAIN_MAX + 3];
    MDB_val k = record_key(space, id, key);

    if (key.n > PLAIN_MAX)
        return bucket_write(txn, &k, key_tail(key), &value);
    MDB_val v = {value.n, (void *)(uintptr_t)value.p};
    return mdb_put(txn, dbi, &k, &v, 0);
}

int cow__tree_del(MDB_txn *txn, uint16_t id, struct slice key)
{
    char space[PLAIN_MAX + 3];
    MDB_val k = record_key(space, id, key);

    if (key.n > PLAIN_MAX)
        return bucket_write(txn, &k, key_tail(key), NULL);
    int rc = mdb_del(txn, dbi, &k, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

/* -- Numbers under 0 ---------------------------------------------------------------------------------------------------- */

/* A number, big endian; 0 when it is not there. */
static uint64_t get_number(MDB_txn *txn, struct slice name)
{
    char space[PLAIN_MAX + 3];
    MDB_val k = record_key(space, 0, name), v;
    uint64_t n = 0;

    if (name.n > PLAIN_MAX || mdb_get(txn, dbi, &k, &v) != 0 || v.mv_size != 8)
        return 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | ((const uint8_t *)v.mv_data)[i];
    return n;
}

static int put_number(MDB_txn *txn, struct slice name, uint64_t n)
{
    char bytes[8];

    for (int i = 0; i < 8; i++)
        bytes[i] = (char)(n >> (56 - 8 * i));
    return cow__tree_put(txn, 0, name, slice_make(bytes, 8));
}

uint64_t cow__tree_seq(MDB_txn *txn)
{
    return get_number(txn, seq_name);
}

int cow__tree_put_seq(MDB_txn *txn, uint64_t seq)
{
    return put_number(txn, seq_name, seq);
}

/* Looks the spaces up and gives numbers to new ones. *changed: something was written. */
static int number_spaces(struct cow *c, MDB_txn *txn, const struct stor_config *cfg, bool *changed)
{
    uint64_t highest = get_number(txn, highest_name), before = highest;
    int rc = 0;

    for (size_t i = 0; i < cfg->nspaces && rc == 0; i++) {
        struct slice name = slice_str(cfg->spaces[i]);
        c->ids[i] = (uint16_t)get_number(txn, name);
        if (c->ids[i] || cfg->read_only || highest >= UINT16_MAX - 1 || name.n > PLAIN_MAX)
            continue;
        c->ids[i] = (uint16_t)++highest;
        rc = put_number(txn, name, highest);
    }
    c->highest = (unsigned)highest;
    *changed = highest != before;
    if (rc == 0 && *changed)
        rc = put_number(txn, highest_name, highest);
    if (rc == 0 && *changed)
        rc = put_number(txn, format_name, FORMAT);
    return rc;
}

static int open_spaces(struct cow *c, const struct stor_config *cfg, uint64_t *seq, bool *too_new)
{
    bool changed = false;
    MDB_txn *txn;
    MDB_dbi main_dbi;
    int rc = mdb_txn_begin(c->env, NULL, cfg->read_only ? MDB_RDONLY : 0, &txn);

    if (rc != 0)
        return rc;
    rc = mdb_dbi_open(txn, NULL, 0, &main_dbi);
    orbit_assert(rc != 0 || main_dbi == dbi);
    if (rc == 0) {
        *too_new = get_number(txn, format_name) > FORMAT;
        *seq = cow__tree_seq(txn);
        if (!*too_new)
            rc = number_spaces(c, txn, cfg, &changed);
    }
    if (rc == 0 && changed)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

enum status cow__tree_spaces(struct cow *c, const struct stor_config *cfg, uint64_t *seq,
                             struct error *err)
{
    bool too_new = false;
    int rc;

    do
        rc = open_spaces(c, cfg, seq, &too_new);
    while (rc == MDB_MAP_FULL && cow__tree_grow(c));
    if (rc != 0)
        return cow__tree_error(rc, "cannot open", err);
    if (too_new)
        return error_set(err, ST_TOO_NEW, "cow_btree: %s was written by a newer version", c->path);
    for (size_t i = 0; i < cfg->nspaces; i++) {
        if (c->ids[i])
            continue;
        if (cfg->read_only)
            return error_set(err, ST_NOT_FOUND, "cow_btree: %s has no space '%s'", c->path,
                             cfg->spaces[i]);
        return error_set(err, ST_TOO_LONG, "cow_btree: %s: no room for space '%s'", c->path,
                         cfg->spaces[i]);
    }
    return ST_OK;
}

/* -- Cursor ------------------------------------------------------------------------------------------------------------- */

struct tree_iter {
    MDB_cursor *cursor;
    uint16_t id;
    bool has_lower, has_upper;
    struct buf lower, upper;
    bool valid;
    struct slice key, value;
    /* In a bucket: the record's value and where the current entry begins; key is put together in full. */
    bool in_bucket;
    struct slice bucket;
    struct bucket_entry entry;
    struct buf full;
    enum status status;
};

void *cow__tree_iter_new(MDB_txn *txn, uint16_t id, struct slice lower, struct slice upper)
{
    struct tree_iter *it = mem_calloc(1, sizeof *it);

    it->id = id;
    it->has_lower = lower.p != NULL;
    it->has_upper = upper.p != NULL;
    buf_put_slice(&it->lower, lower);
    buf_put_slice(&it->upper, upper);
    int rc = mdb_cursor_open(txn, dbi, &it->cursor);
    if (rc != 0)
        it->status = cow__tree_error(rc, "scan", NULL);
    return it;
}

void *cow__tree_iter_failed(void)
{
    struct tree_iter *it = mem_calloc(1, sizeof *it);

    it->status = ST_IO;
    return it;
}

static void tree_iter_free(void *p)
{
    struct tree_iter *it = p;

    if (it->cursor)
        mdb_cursor_close(it->cursor);
    buf_free(&it->lower);
    buf_free(&it->upper);
    buf_free(&it->full);
    mem_free(it);
}

static bool fail(struct tree_iter *it, int rc)
{
    it->valid = false;
    it->status = cow__tree_error(rc, "scan", NULL);
    return false;
}

/* Makes the current bucket entry the current key. */
static void take_entry(struct tree_iter *it)
{
    it->full.n = BUCKET_KEY;
    buf_put_slice(&it->full, it->entry.tail);
    it->key = buf_slice(&it->full);
    it->value = it->entry.value;
}

/* Last entry that begins before a position. */
static bool entry_before(struct tree_iter *it, size_t end)
{
    struct bucket_entry e;
    bool bad = false, found = false;

    for (size_t at = 0; at < end && bucket_at(it->bucket, at, &e, &bad); at += e.size) {
        it->entry = e;
        found = true;
    }
    return bad ? fail(it, MDB_CORRUPTED) : found;
}

/* Moves the cursor and takes the record; a bucket is entered at its first or last entry. False: end of the space. */
static bool move(struct tree_iter *it, MDB_cursor_op op, MDB_val *k, bool forward)
{
    MDB_val v;
    bool bad = false;

    it->valid = it->in_bucket = false;
    if (!it->cursor)
        return false;
    int rc = mdb_cursor_get(it->cursor, k, &v, op);
    if (rc == MDB_NOTFOUND)
        return false;
    if (rc != 0)
        return fail(it, rc);
    const uint8_t *p = k->mv_data;
    if (k->mv_size < 2 || (p[0] << 8 | p[1]) != it->id)
        return false;
    it->valid = true;
    it->key = slice_make(p + 2, k->mv_size - 2);
    it->value = value_slice(&v);
    if (it->key.n < BUCKET_KEY)
        return true;
    it->in_bucket = true;
    it->bucket = it->value;
    buf_clear(&it->full);
    buf_put_slice(&it->full, it->key);
    if (forward ? !bucket_at(it->bucket, 0, &it->entry, &bad) : !entry_before(it, it->bucket.n))
        return fail(it, MDB_CORRUPTED);
    take_entry(it);
    return true;
}

static void step_next(struct tree_iter *it)
{
    MDB_val k;
    bool bad = false;

    if (it->in_bucket && bucket_at(it->bucket, it->entry.at + it->entry.size, &it->entry, &bad)) {
        take_entry(it);
        return;
    }
    if (bad)
        fail(it, MDB_CORRUPTED);
    else
        move(it, MDB_NEXT, &k, true);
}

static void step_prev(struct tree_iter *it)
{
    MDB_val k;

    if (it->in_bucket && entry_before(it, it->entry.at)) {
        take_entry(it);
        return;
    }
    if (it->status == ST_OK)
        move(it, MDB_PREV, &k, false);
}

static void check_bounds(struct tree_iter *it)
{
    if (it->valid && ((it->has_lower && slice_cmp(it->key, buf_slice(&it->lower)) < 0) ||
                      (it->has_upper && slice_cmp(it->key, buf_slice(&it->upper)) >= 0)))
        it->valid = false;
}

/* To the first key >= key, without regard to bounds. The cursor stands on the record found, whatever its space. */
static void seek(struct tree_iter *it, struct slice key)
{
    char space[PLAIN_MAX + 3];
    MDB_val k = record_key(space, it->id, key);
    bool bad = false;

    if (!move(it, MDB_SET_RANGE, &k, true) || key.n <= PLAIN_MAX || !it->in_bucket ||
        memcmp(it->full.p, key.p, BUCKET_KEY) != 0)
        return;
    bucket_find(it->bucket, key_tail(key), &it->entry, &bad);
    if (bad)
        fail(it, MDB_CORRUPTED);
    else if (it->entry.at == it->bucket.n)
        move(it, MDB_NEXT, &k, true);
    else
        take_entry(it);
}

/* To the last key before where seek has led, or, when seek found none, to the last of the space. */
static void back_from_seek(struct tree_iter *it)
{
    MDB_val k, v;

    if (it->status != ST_OK || !it->cursor)
        return;
    if (it->valid) {
        step_prev(it);
        return;
    }
    /* The cursor stands behind the space, or at no record at all. */
    char behind[2] = {(char)((it->id + 1) >> 8), (char)(it->id + 1)};
    k = (MDB_val){sizeof behind, behind};
    int rc = mdb_cursor_get(it->cursor, &k, &v, MDB_SET_RANGE);
    if (rc == 0)
        move(it, MDB_PREV, &k, false);
    else if (rc == MDB_NOTFOUND)
        move(it, MDB_LAST, &k, false);
    else
        fail(it, rc);
}

static void tree_iter_first(void *p)
{
    struct tree_iter *it = p;

    seek(it, it->has_lower ? slice_make(it->lower.p ? it->lower.p : "", it->lower.n)
                           : slice_make("", 0));
    check_bounds(it);
}

static void tree_iter_last(void *p)
{
    struct tree_iter *it = p;

    it->valid = false;
    if (it->has_upper)
        seek(it, slice_make(it->upper.p ? it->upper.p : "", it->upper.n));
    back_from_seek(it);
    check_bounds(it);
}

static void tree_iter_seek(void *p, struct slice key)
{
    struct tree_iter *it = p;

    seek(it, key);
    check_bounds(it);
}

static void tree_iter_seek_prev(void *p, struct slice key)
{
    struct tree_iter *it = p;

    seek(it, key);
    if (!it->valid || !slice_eq(it->key, key))
        back_from_seek(it);
    check_bounds(it);
}

static void tree_iter_next(void *p)
{
    step_next(p);
    check_bounds(p);
}

static void tree_iter_prev(void *p)
{
    step_prev(p);
    check_bounds(p);
}

static bool tree_iter_valid(const void *p)
{
    return ((const struct tree_iter *)p)->valid;
}

static struct slice tree_iter_key(const void *p)
{
    return ((const struct tree_iter *)p)->key;
}

static struct slice tree_iter_value(const void *p)
{
    return ((const struct tree_iter *)p)->value;
}

static enum status tree_iter_status(const void *p, struct error *err)
{
    const struct tree_iter *it = p;

    if (it->status != ST_OK)
        error_set(err, it->status, "cow_btree: scan: data.mdb: %s", status_name(it->status));
    return it->status;
}

const struct stor_provider cow__tree_iter_table = {
    .name = "tree",
    .iter_free = tree_iter_free,
    .iter_first = tree_iter_first,
    .iter_last = tree_iter_last,
    .iter_seek = tree_iter_seek,
    .iter_seek_prev = tree_iter_seek_prev,
    .iter_next = tree_iter_next,
    .iter_prev = tree_iter_prev,
    .iter_valid = tree_iter_valid,
    .iter_key = tree_iter_key,
    .iter_value = tree_iter_value,
    .iter_status = tree_iter_status,
};

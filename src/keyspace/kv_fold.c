/* Folding: changed records go into the store as one atomic batch, a consistent cut at a tick boundary.
 *
 *   IDLE --cut--> ENCODING --all encoded--> WRITING --the store has it--> CLEARING --lists empty--> IDLE
 *                 loop, in small steps      worker                        loop, in small steps
 *
 * The cut itself only swaps list heads. Encoding copies each record of the cut into chunks, slot by slot; a record that is
 * about to change is copied first (kv__fold_take). Pages of collections follow in the same way; their leaves are shared, not
 * copied. The worker sorts by key, builds the batch, adds the info record with the
 * log sequence that the cut covers, and writes: as a bulk when there are many. A failing write is tried again until it works: the log holds on. */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "keyspace/kv_fold_priv.h"
#include "keyspace/kv_object_priv.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (256 * 1024)
#define BULK_MIN    4096 /* records from which a bulk is cheaper than a batch */
#define RETRY_MS    1000
#define OBJECT_REST 20 /* a fold that spent t on objects is followed by 20 t without one */

struct kv_fold *kv__fold_new(void)
{
    return mem_calloc(1, sizeof(struct kv_fold));
}

static const struct fold_entry *entry_next(const struct fold_entry *e)
{
    return (const void *)((const char *)(e + 1) + e->klen + e->vlen + e->size_pad);
}

static void fold_drop_chunks(struct kv_fold *f)
{
    while (f->first) {
        struct fold_chunk *c = f->first;
        const void *end = c->bytes + c->n;
        for (const struct fold_entry *e = (const void *)c->bytes; (const void *)e < end;
             e = entry_next(e)) {
            if (e->blob)
                kv__blob_unref(e->blob);
            if (e->leaf)
                kv__leaf_unref(e->leaf);
        }
        f->first = c->next;
        mem_free(c);
    }
    f->last = NULL;
    f->bytes = 0;
}

void kv__fold_free(struct kv_fold *f)
{
    if (!f)
        return;
    fold_drop_chunks(f);
    buf_free(&f->stale);
    buf_free(&f->dead_pages);
    buf_free(&f->graves);
    mem_free(f);
}

bool kv__fold_running(const struct kv *kv)
{
    return kv->fold->phase != FOLD_IDLE;
}

bool kv__fold_failing(const struct kv *kv, struct error *why)
{
    if (kv->fold->phase != FOLD_RETRY)
        return false;
    if (why)
        *why = kv->fold->error;
    return true;
}

void kv__fold_drop_expire(struct kv *kv, struct slice key)
{
    uint32_t n = (uint32_t)key.n;
    buf_put(&kv->stale, &n, sizeof(n));
    buf_put_slice(&kv->stale, key);
    kv->info_dirty = true;
}

/* -- Encoding (loop thread) ------------------------------------------------------------------------------------------ */

static char *fold_room(struct kv_fold *f, size_t n)
{
    struct fold_chunk *c = f->last;
    if (!c || c->cap - c->n < n) {
        size_t cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
        c = mem_alloc(sizeof(*c) + cap);
        c->next = NULL;
        c->n = 0;
        c->cap = cap;
        if (f->last)
            f->last->next = c;
        else
            f->first = c;
        f->last = c;
    }
    char *at = c->bytes + c->n;
    c->n += n;
    f->bytes += n;
    return at;
}

void kv__fold_add(struct kv_fold *f, struct fold_entry *e, struct slice key, struct slice value)
{
    size_t raw = sizeof(*e) + key.n + value.n;
    size_t padded = (raw + 7) & ~(size_t)7;
    e->klen = (uint32_t)key.n;
    e->vlen = (uint32_t)value.n;
    e->size_pad = (uint16_t)(padded - raw);
    char *at = fold_room(f, padded);
    memcpy(at, e, sizeof(*e));
    if (key.n)
        memcpy(at + sizeof(*e), key.p, key.n);
    if (value.n)
        memcpy(at + sizeof(*e) + key.n, value.p, value.n);
    f->entries++;
}

/* The stored form of r into out; what is too long to be copied is shared with e. */
static void encode_value(struct kv *kv, struct kv_rec *r, struct fold_entry *e, struct buf *out)
{
    struct kv_meta m = {.type = (enum kv_type)r->type, .expire = r->expire};
    m.is_int = r->form == KV_STR_INT;
    m.i = m.is_int ? r->v.i : 0;
    if (r->form == KV_FORM_COLL) {
        kv__encode_meta(out, &m);
        kv__coll_encode(kv__coll(r), out, &e->leaf);
        return;
    }
    if (r->form == KV_FORM_OBJECT) {
        struct error *err = &kv->fold->encode_error;
        kv__encode_meta(out, &m);
        if (err->code == ST_OK && kv__object_fold(kv, r, out, err) != ST_OK)
            log_warning(LOG_KEYSPACE, "An object cannot be folded: %s", err->message);
        return;
    }
    if (r->form == KV_STR_BLOB) {
        kv__blob_ref(r->v.p);
        e->blob = r->v.p;
        e->blob_n = r->vlen;
    } else if (!m.is_int) {
        m.bytes = kv__value_bytes(r);
    }
    kv__encode_meta(out, &m);
}

/* The keys of modules' types are found by entries of their own. */
static void fold_index(struct kv *kv, struct kv_rec *r)
{
    bool wanted = r->type == KV_MODULE;
    if (wanted == ((r->flags & KV_INDEXED) != 0))
        return;
    struct fold_entry e = {.pos = KV_POS_MODULE,
                           .old_expire = KV_NO_EXPIRE,
                           .new_expire = KV_NO_EXPIRE,
                           .phys = r->phys,
                           .type = wanted ? KV_STRING : KV_NONE};
    kv__fold_add(kv->fold, &e, slice_make(r->key, r->klen), SLICE_NULL);
    r->flags ^= KV_INDEXED;
}

static void fold_encode(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    struct kv_fold *f = kv->fold;
    bool live = kv__live(r);
    if (live || (r->flags & KV_IN_STORE) || r->stored_expire != KV_NO_EXPIRE) {
        struct fold_entry e = {.pos = r->pos,
                               .old_expire = r->stored_expire,
                               .new_expire = live ? r->expire : KV_NO_EXPIRE,
                               .epoch = d->epoch,
                               .phys = d->phys,
                               .type = r->type};
        /* What the module does may need the common one. */
        struct buf own = BUF_INIT, *b = r->form == KV_FORM_OBJECT ? &own : &kv->scratch;
        buf_clear(b);
        if (live)
            encode_value(kv, r, &e, b);
        e.logical = live ? kv__rec_logical(r) : 0;
        kv__fold_add(f, &e, slice_make(r->key, r->klen), buf_slice(b));
        buf_free(&own);
        fold_index(kv, r);
        if (e.new_expire != KV_NO_EXPIRE && e.new_expire < f->first_expire)
            f->first_expire = e.new_expire;
    }
    r->stored_expire = live ? r->expire : KV_NO_EXPIRE;
    r->flags = (uint8_t)(live ? r->flags | KV_IN_STORE : r->flags & ~KV_IN_STORE);
}

void kv__fold_take(struct kv *kv, struct kv_db *d, struct kv_rec *r)
{
    fold_encode(kv, d, r);
}

void kv__fold_put(struct kv *kv, uint8_t phys, uint64_t pos, struct slice key, struct slice value)
{
    /* Any type but KV_NONE: it is there. */
    struct fold_entry e = {.pos = pos,
                           .old_expire = KV_NO_EXPIRE,
                           .new_expire = KV_NO_EXPIRE,
                           .phys = phys,
                           .type = KV_STRING};
    kv__fold_add(kv->fold, &e, key, value);
}

/* Encodes the first record of a pending list; it goes to the done list, or back to the active one if it changed since. True: it
 * may have taken long. */
static bool fold_encode_head(struct kv *kv, struct kv_db *d, size_t slot)
{
    struct kv_rec *r = d->pending->head[slot];
    d->pending->head[slot] = r->dnext;
    struct kv_rec **to;
    if (r->flags & KV_REDIRTY) {
        r->flags &= (uint8_t)~KV_REDIRTY;
        r->gen = kv->gen;
        to = &d->active->head[slot];
    } else {
        fold_encode(kv, d, r);
        r->state = KV_DONE;
        to = &d->done->head[slot];
    }
    r->dnext = *to;
    *to = r;
    return r->form == KV_FORM_OBJECT;
}

/* Objects of modules are encoded at the cut: their modules rest now (kv__objects_rest), and may work again in the next tick. */
static void fold_encode_objects(struct kv *kv)
{
    LIST_EACH(it, &kv->objects)
    {
        const struct kv_rec *r = LIST_ENTRY(it, struct kv_object, link)->rec;
        while (kv__pending(kv, r))
            (void)fold_encode_head(kv, kv__db_of(kv, r), r->pos >> 48);
    }
}

/* True when everything of the cut is encoded. */
static bool fold_encode_until(struct kv *kv, int64_t until_us)
{
    struct kv_fold *f = kv->fold;
    unsigned n = 0;
    for (; f->cursor_db < kv->nphys; f->cursor_db++, f->cursor_slot = 0) {
        struct kv_db *d = &kv->dbs[f->cursor_db];
        if (!d->pending)
            continue;
        for (; f->cursor_slot < KV_SLOTS; f->cursor_slot++) {
            while (d->pending->head[f->cursor_slot]) {
                bool look = fold_encode_head(kv, d, f->cursor_slot);
                if (((++n & 63) == 0 || look) && clock_mono_us() >= until_us)
                    return false;
            }
        }
    }
    return kv__fold_pages_until(kv, until_us);
}

static void fold_submit(struct kv *kv);

void kv__fold_finish_encoding(struct kv *kv)
{
    if (kv->fold->phase == FOLD_ENCODING && fold_encode_until(kv, INT64_MAX))
        fold_submit(kv);
}

/* -- Writing (worker) ------------------------------------------------------------------------------------------------ */

static int entry_cmp(const void *a, const void *b)
{
    const struct fold_entry *x = *(const struct fold_entry *const *)a,
                            *y = *(const struct fold_entry *const *)b;
    if (x->phys != y->phys)
        return x->phys < y->phys ? -1 : 1;
    if (x->pos != y->pos)
        return x->pos < y->pos ? -1 : 1;
    return slice_cmp(slice_make(x + 1, x->klen), slice_make(y + 1, y->klen));
}

static const struct fold_entry **fold_sorted(const struct kv_fold *f)
{
    const struct fold_entry **v = mem_alloc((f->entries + 1) * sizeof(*v));
    size_t n = 0;
    for (const struct fold_chunk *c = f->first; c; c = c->next) {
        const void *end = c->bytes + c->n;
        for (const struct fold_entry *e = (const void *)c->bytes; (const void *)e < end;
             e = entry_next(e))
            v[n++] = e;
    }
    orbit_assert(n == f->entries);
    qsort(v, n, sizeof(*v), entry_cmp);
    return v;
}

/* Where the records of a fold go: a bulk, or the one batch that also takes everything else. */
struct fold_target {
    struct stor_batch *batch;
    struct stor_bulk *bulk; /* NULL: records go to the batch */
};

static void put_record(const struct fold_target *t, struct slice key, struct slice value)
{
    if (t->bulk)
        stor_bulk_put(t->bulk, key, value);
    else
        stor_batch_put(t->batch, KV_SPACE_META, key, value);
}

static void write_record(const struct fold_target *t, const struct fold_entry *e, struct buf *key,
                         struct buf *value)
{
    struct slice meta = slice_make((const char *)(e + 1) + e->klen, e->vlen);
    buf_clear(key);
    kv__encode_key(key, e->phys, e->pos, slice_make(e + 1, e->klen));
    if (e->type == KV_NONE) {
        if (t->bulk)
            stor_bulk_del(t->bulk, buf_slice(key));
        else
            stor_batch_del(t->batch, KV_SPACE_META, buf_slice(key));
    } else if (e->blob || e->leaf) {
        buf_clear(value);
        buf_put_slice(value, meta);
        if (e->leaf)
            kv__leaf_encode(e->leaf, value);
        else
            buf_put(value, e->blob, e->blob_n);
        put_record(t, buf_slice(key), buf_slice(value));
    } else {
        put_record(t, buf_slice(key), meta);
    }
}

static void write_expire(struct stor_batch *b, const struct fold_entry *e, struct buf *key,
                         struct buf *value)
{
    struct slice k = slice_make(e + 1, e->klen);
    if (e->old_expire != KV_NO_EXPIRE && e->old_expire != e->new_expire) {
        buf_clear(key);
        kv__encode_expire_key(key, e->old_expire, e->phys, e->pos, k);
        stor_batch_del(b, KV_SPACE_EXPIRE, buf_slice(key));
    }
    if (e->new_expire == KV_NO_EXPIRE)
        return;
    struct kv_expire_value v = {
        .epoch = e->epoch, .type = (enum kv_type)e->type, .logical = e->logical};
    buf_clear(key);
    buf_clear(value);
    kv__encode_expire_key(key, e->new_expire, e->phys, e->pos, k);
    kv__encode_expire_value(value, &v);
    stor_batch_put(b, KV_SPACE_EXPIRE, buf_slice(key), buf_slice(value));
}

/* True when there were some. Two bytes to begin with leave KV_INFO_KEY alone. */
static bool batch_flushes(struct stor_batch *b, const struct kv_fold *f)
{
    bool all = true, any = false;
    for (int i = 0; i < f->nphys; i++) {
        char from[2] = {(char)i, 0}, to = (char)(i + 1);
        all = all && f->flushed[i];
        any = any || f->flushed[i];
        if (f->flushed[i])
            stor_batch_del_range(b, KV_SPACE_META, slice_make(from, 2),
                                 i == 255 ? SLICE_NULL : slice_make(&to, 1));
    }
    if (all)
        stor_batch_del_range(b, KV_SPACE_EXPIRE, slice_make("", 1), SLICE_NULL);
    return any;
}

static void batch_stale(struct stor_batch *b, const struct kv_fold *f)
{
    uint32_t n;
    for (size_t at = 0; at < f->stale.n; at += sizeof(n) + n) {
        memcpy(&n, f->stale.p + at, sizeof(n));
        stor_batch_del(b, KV_SPACE_EXPIRE, slice_make(f->stale.p + at + sizeof(n), n));
    }
}

/* The fold's own record stands among the others, so that it is written with them, atomically: before those of physical
 * database 255, after all the rest. */
static void write_records(const struct kv_fold *f, const struct fold_target *t,
                          struct stor_batch *expires, struct buf *key, struct buf *value)
{
    const struct fold_entry **sorted = fold_sorted(f);
    struct buf info = BUF_INIT;
    bool told = false;
    kv__info_encode(&f->info, f->nphys, &info);
    for (size_t i = 0; i < f->entries; i++) {
        /* A page that went, and its collection after it, page by page: it goes once. */
        if (i > 0 && entry_cmp(&sorted[i - 1], &sorted[i]) == 0)
            continue;
        if (sorted[i]->phys == 255 && !told) {
            put_record(t, KV_INFO_KEY, buf_slice(&info));
            told = true;
        }
        write_record(t, sorted[i], key, value);
        write_expire(expires, sorted[i], key, value);
    }
    if (!told)
        put_record(t, KV_INFO_KEY, buf_slice(&info));
    buf_free(&info);
    mem_free(sorted);
}

/* A large fold without flushes goes in as a bulk. Its expire entries are written before: if a crash comes between the two, the
 * replay changes every record of this fold again, so the next fold puts the entries right, and until then the records in
 * memory know better than the entries. */
static enum status fold_write(struct kv_fold *f, struct error *err)
{
    struct fold_target t = {.batch = stor_batch_new(f->store)};
    struct buf key = BUF_INIT, value = BUF_INIT;
    bool flushes = batch_flushes(t.batch, f);
    batch_stale(t.batch, f);
    if (f->entries >= BULK_MIN && !flushes)
        t.bulk = stor_bulk_new(f->store, KV_SPACE_META);
    write_records(f, &t, t.batch, &key, &value);
    enum status st = stor_write(f->store, t.batch, 0, err);
    /* A bulk is on the device at once. What it builds on, this batch and those of folds before, must be there first, or a
     * power cut would keep records whose deadlines are lost. */
    if (st == ST_OK && t.bulk && (stor_caps(f->store) & STOR_CAP_SYNC))
        st = stor_sync(f->store, err);
    if (st != ST_OK)
        stor_bulk_abort(t.bulk);
    else if (t.bulk)
        st = stor_bulk_commit(t.bulk, err);
    /* A failure is made good at the next start. */
    if (st == ST_OK && f->graves.n > 0) {
        struct error why;
        if (kv__fold_dig_graves(f->store, &f->graves, &why) != ST_OK)
            log_warning(LOG_KEYSPACE, "Deleting the pages of collections failed: %s", why.message);
    }
    stor_batch_free(t.batch);
    buf_free(&key);
    buf_free(&value);
    return st;
}

/* A segment may only go when the store has what it holds on the device. */
static void fold_trim(struct kv_fold *f)
{
    struct error err;
    struct wal_stats ws;
    wal_stats(f->wal, &ws);
    bool trim = ws.segments >= 2 && f->trim_seq > ws.first_seq;
    if (!f->durable || !(trim || wal_in_doubt(f->wal)))
        return;
    if ((stor_caps(f->store) & STOR_CAP_SYNC) && stor_sync(f->store, &err) != ST_OK) {
        log_warning(LOG_KEYSPACE, "Log is not trimmed, syncing the store failed: %s", err.message);
        return;
    }
    wal_covered(f->wal, f->seq);
    if (trim)
        wal_trim(f->wal, f->trim_seq);
}

static void fold_run(void *arg)
{
    struct kv_fold *f = arg;
    if (f->encode_error.code != ST_OK) {
        f->result = f->encode_error.code;
        f->error = f->encode_error;
        return;
    }
    f->result = fold_write(f, &f->error);
    if (f->result != ST_OK)
        return;
    fold_drop_chunks(f);
    if (f->wal)
        fold_trim(f);
    kv__fold_compact_graves(f);
}

static void fold_written(void *arg)
{
    struct kv_fold *f = arg;
    struct kv *kv = f->kv;
    if (f->result != ST_OK) {
        kv->st.fold_errors++;
        if (!f->complained)
            log_warning(LOG_KEYSPACE,
                        "Folding into the store failed, it is tried again every second; the log "
                        "keeps everything: %s",
                        f->error.message);
        f->complained = true;
        f->phase = FOLD_RETRY;
        f->retry_at_ms = clock_mono_us() / 1000 + RETRY_MS;
        return;
    }
    if (f->complained)
        log_notice(LOG_KEYSPACE, "Folding into the store works again");
    f->complained = false;
    kv->st.folds++;
    kv->st.fold_records += f->entries;
    kv->st.folded_seq = f->seq;
    for (int i = 0; i < kv->nphys; i++) {
        if (f->flushed[i] && !kv->dbs[i].flush_pending)
            kv->dbs[i].store_dead = false;
    }
    kv->fold_done = f->number;
    for (int i = 0; i < kv->nphys; i++) {
        kv->dirty_bytes -= f->page_dirty[i];
        kv->dbs[i].dirty_bytes -= f->page_dirty[i];
        f->page_dirty[i] = 0;
    }
    if (f->first_expire != INT64_MAX)
        kv__expire_stored(kv, f->first_expire);
    f->phase = FOLD_CLEARING;
    f->cursor_db = 0;
    f->cursor_slot = 0;
}

static void fold_submit(struct kv *kv)
{
    struct kv_fold *f = kv->fold;
    f->phase = FOLD_WRITING;
    kv->objects_rest_ms = clock_mono_us() / 1000 + kv->object_us * OBJECT_REST / 1000;
    kv->object_us = 0;
    f->store = kv->store;
    f->wal = kv->wal;
    f->nphys = kv->nphys;
    f->durable = stor_caps(kv->store) & STOR_CAP_DURABLE;
    uint64_t keep = (uint64_t)keyspace_opts.log_retention;
    if (keep < kv->keep_log)
        keep = kv->keep_log;
    uint64_t last = kv->wal ? wal_last_seq(kv->wal) : 0;
    f->trim_seq = last > keep ? last - keep : 0;
    if (f->trim_seq > f->seq)
        f->trim_seq = f->seq;
    if (f->trim_seq > kv->hold_log)
        f->trim_seq = kv->hold_log;
    kv__submit(kv, KV_LANE_FOLD, fold_run, fold_written, f);
}

/* -- Clearing up (loop thread) --------------------------------------------------------------------------------------- */

static void fold_clear_head(struct kv *kv, struct kv_db *d, size_t slot)
{
    struct kv_rec *r = d->done->head[slot];
    d->done->head[slot] = r->dnext;
    if (r->flags & KV_REDIRTY) {
        r->flags &= (uint8_t)~KV_REDIRTY;
        r->state = KV_DIRTY;
        r->gen = kv->gen;
        r->dnext = d->active->head[slot];
        d->active->head[slot] = r;
        return;
    }
    kv__became_clean(kv, d, r);
    if (!kv__live(r))
        kv__rec_drop(kv, d, r);
}

static bool fold_clear_until(struct kv *kv, int64_t until_us)
{
    struct kv_fold *f = kv->fold;
    unsigned n = 0;
    for (; f->cursor_db < kv->nphys; f->cursor_db++, f->cursor_slot = 0) {
        struct kv_db *d = &kv->dbs[f->cursor_db];
        if (!d->done)
            continue;
        for (; f->cursor_slot < KV_SLOTS; f->cursor_slot++) {
            while (d->done->head[f->cursor_slot]) {
                fold_clear_head(kv, d, f->cursor_slot);
                if ((++n & 63) == 0 && clock_mono_us() >= until_us)
                    return false;
            }
        }
    }
    return true;
}

/* -- The machine ----------------------------------------------------------------------------------------------------- */

/* What has been gathered goes to the fold; gathering begins anew. */
static void swap_bufs(struct buf *fold, struct buf *gathering)
{
    struct buf t = *fold;
    *fold = *gathering;
    *gathering = t;
    buf_clear(gathering);
}

void kv__fold_begin(struct kv *kv)
{
    struct kv_fold *f = kv->fold;
    if (!kv->fold_wanted || f->phase != FOLD_IDLE || kv->load)
        return;
    kv__before_cut(kv);
    kv->fold_wanted = kv->info_dirty = false;
    kv->gen ^= 1;
    f->kv = kv;
    for (int i = 0; i < kv->nphys; i++) {
        struct kv_db *d = &kv->dbs[i];
        struct kv_slots *t = d->active;
        d->active = d->pending;
        d->pending = t;
        f->flushed[i] = d->flush_pending;
        d->flush_pending = false;
    }
    swap_bufs(&f->stale, &kv->stale);
    swap_bufs(&f->dead_pages, &kv->dead_pages);
    swap_bufs(&f->graves, &kv->graves);
    f->dead_cursor = 0;
    f->number++;
    /* Without a log each fold counts, so that a log which comes back begins anew instead of having a hole. */
    f->seq = kv->wal ? wal_last_seq(kv->wal) : ++kv->no_log_seq;
    if (kv->replaying)
        f->seq = kv->replayed_seq;
    kv__info_capture(kv, f->seq, kv->committed_db, &f->info);
    f->first_expire = INT64_MAX;
    f->entries = 0;
    f->cursor_db = 0;
    f->cursor_slot = 0;
    kv__aux_fold(kv);
    kv__fold_mark_graves(kv);
    f->begun_us = clock_mono_us();
    f->phase = FOLD_ENCODING;
    kv->last_fold_ms = f->begun_us / 1000;
    kv->last_cut_seq = f->seq;
    fold_encode_objects(kv);
}

bool kv__fold_step(struct kv *kv, int64_t until_us)
{
    struct kv_fold *f = kv->fold;
    switch (f->phase) {
    case FOLD_IDLE:
    case FOLD_WRITING:
        return false;
    case FOLD_ENCODING:
        if (fold_encode_until(kv, until_us))
            fold_submit(kv);
        return f->phase == FOLD_ENCODING;
    case FOLD_RETRY:
        if (clock_mono_us() / 1000 >= f->retry_at_ms)
            fold_submit(kv);
        return false;
    case FOLD_CLEARING:
        if (!fold_clear_until(kv, until_us))
            return true;
        f->phase = FOLD_IDLE;
        kv->st.fold_last_us = (uint64_t)(clock_mono_us() - f->begun_us);
        return false;
    }
    return false;
}

/* Inside of the keyspace, shared by the files of this folder only.
 *
 * A record's way:   lookup/set -> table (cache) -> [changed] dirty, in the active list of its slot
 *                   -> [a fold begins: lists change places] pending -> [encoded for the fold] done
 *                   -> [the store has it] clean, may be dropped.
 * Pending is a dirty record of the other generation than kv->gen: so a cut touches no record. One that changes while pending
 * is encoded first (the fold is a cut in time); one that changes while pending or done is flagged KV_REDIRTY and goes back to
 * the active list later. So a record is in one list at a time, no list needs unlinking, and only records in no list are ever
 * freed (a flush of the whole database apart). */
#ifndef ORBIT_KEYSPACE_KV_PRIV_H
#define ORBIT_KEYSPACE_KV_PRIV_H

#include "base/hash.h"
#include "base/list.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv.h"
#include "storage/storage.h"
#include "wal/wal.h"

#define KV_SLOTS 16384
/* Beyond the slots of keys: places of the space meta that belong to no key (FORMAT.md). */
#define KV_POS_AUX    (0x8000ULL << 48)
#define KV_POS_MODULE (0x8001ULL << 48)
#define KV_POS_GRAVE  (0xfffeULL << 48)
#define KV_POS_PAGE   (0xffffULL << 48)
#define KV_HASH_MASK  0xffffffffffffULL /* 48 bits */
#define KV_STR_MAX    0xfffffff0u
#define KV_INLINE     16 /* strings up to this length live in the record */

/* Spaces of the store, in this order. */
enum kv_space {
    KV_SPACE_META,
    KV_SPACE_SUB,
    KV_SPACE_SCORE,
    KV_SPACE_EXPIRE,
    KV_SPACE_INFO,
    KV_SPACE_COUNT
};

/* The keyspace's own record in the space meta: shorter than any key, so it is none. */
#define KV_INFO_KEY SLICE("\xff")

enum kv_state { KV_CLEAN, KV_DIRTY, KV_DONE };

enum kv_rec_flags {
    KV_REDIRTY = 1 << 0, /* encoded for the fold under way, and changed since */
    KV_IN_STORE =
        1 << 1,      /* the store (or the fold that has encoded it) holds a version of this key */
    KV_REF = 1 << 2, /* used since the eviction hand passed */
    KV_INDEXED =
        1 << 3,      /* the same as KV_IN_STORE, for its entry among the keys of modules' types */
    KV_OWN = 1 << 4, /* within a change: it was in kv.own */
};

/* A blob is a long value with a count of its users, so that a fold can read it while the record goes on: whoever is not the
 * only user copies before writing. */
enum kv_form { KV_STR_INT, KV_STR_INLINE, KV_STR_HEAP, KV_STR_BLOB, KV_FORM_COLL, KV_FORM_OBJECT };
#define KV_BLOB_MIN (32 * 1024)

struct kv_rec {
    struct kv_rec *next;  /* chain of its bucket */
    struct kv_rec *dnext; /* next in the list of its slot */
    uint64_t pos;         /* slot << 48 | hash48: place in SCAN's order */
    int64_t expire;       /* unix ms or KV_NO_EXPIRE */
    int64_t
        stored_expire; /* the same in the store, as far as encoded: its entry of the expire space */
    union {
        int64_t i;
        char *p;
        char in[KV_INLINE];
    } v;
    uint32_t vlen, vcap;
    uint32_t klen;
    uint32_t access; /* LRU: seconds; LFU: minutes << 8 | counter */
    uint32_t heap;   /* place in the expiry heap + 1; 0: not in it */
    uint8_t type;    /* enum kv_type; KV_NONE: deleted, a tombstone until folded */
    uint8_t
        form; /* enum kv_form; a collection: v.p is its struct kv_coll, an object: struct kv_object */
    uint8_t state; /* enum kv_state */
    uint8_t flags;
    uint8_t phys;     /* number of its physical database */
    uint8_t gen;      /* when dirty: generation, see above */
    uint8_t made_raw; /* the string was edited in place: OBJECT ENCODING says raw */
    char key[];
};

struct kv_slots {
    struct kv_rec *head[KV_SLOTS];
};

struct kv_table {
    struct kv_rec **b[2];
    size_t size[2]; /* powers of two; [1] is 0 unless rehashing */
    size_t moved;   /* buckets of b[0] that are already in b[1] */
    size_t count;   /* records, tombstones included */
};

struct kv_heap {
    struct kv_rec **v;
    size_t n, cap;
};

/* One physical database. SWAPDB changes the numbers, not the data. */
struct kv_db {
    uint8_t phys;
    bool complete; /* every key of the database is in the table: a miss needs no store lookup */
    bool flush_pending; /* the next fold begins with a range delete */
    bool
        store_dead; /* what the store holds of it was flushed, the fold that deletes it is not through yet */
    uint32_t epoch;   /* counts flushes: entries of the expire space of an older epoch are dead */
    uint64_t next_id; /* of the next collection that needs pages of its own */
    struct kv_coll *colls[2]; /* collections with dirty pages, by generation */
    struct kv_table table;
    struct kv_slots *active, *pending, *done; /* NULL until the first change */
    uint64_t count, expires, data_bytes;      /* live keys, those with a TTL, logical size */
    int64_t expire_sum;                       /* sum of expiry times in seconds */
    size_t cache_bytes, dirty_bytes;          /* memory of its records; of those not clean */
    uint64_t dirty_records;
    struct kv_heap heap; /* records with a TTL that the store does not know yet, by time */
};

struct kv_fold; /* kv_fold.c */
struct kv_aux;  /* kv_aux.c */
struct kv_load; /* kv_load.c */
struct kv_page;
struct kv_coll;

/* Where a collection's pages are read from. */
struct kv_source {
    struct stor *store;
    const struct stor_snap *snap; /* NULL: the newest */
    struct hash_seed seed;
};

struct kv {
    struct stor *store;
    struct wal *wal; /* NULL: appendonly no */
    struct kv_jobs jobs;
    struct kv_hooks hooks;
    unsigned notify_also; /* classes */
    bool tell_removals;
    uint64_t drops;           /* kv_drops */
    unsigned telling_removal; /* hooks that run */
    struct kv_source src;     /* with the seed of all hashes */
    int ndbs;                 /* databases, as configured */
    int nphys;                /* with those beside them, kv_side.c */
    struct kv_db *dbs;        /* physical */
    struct kv_db **map;       /* logical -> physical */
    char *dir, *wal_dir;      /* of the store, of the log */
    uint64_t replay_end;      /* of the frame under way */
    int replay_db;            /* selected at the end of the log; -1: none */
    uint64_t keep_log;        /* bytes of it that stay in any case */
    uint64_t hold_log;        /* from this sequence on everything stays */

    /* effects of the tick */
    struct buf tick;
    size_t unit_start;
    int unit_depth, unit_effects, effects_off;
    int effects_muted; /* the same, but for the keyspace's own */
    bool streaming;    /* kv_stream */
    int stream_db;     /* database selected at the end of the tick's effects */
    int committed_db;  /* the same at the end of the log */
    bool refused;
    struct error refused_why;
    bool sync_running;
    int64_t last_sync_ms, retry_commit_ms, log_delay_us;

    /* cache: sums over the databases */
    size_t cache_bytes, dirty_bytes;
    uint64_t dirty_records;
    size_t dirty_limit; /* writers wait above it */
    uint8_t gen;
    int hand_db, hand_rounds; /* rounds: databases passed since something could go */
    size_t hand_bucket;

    /* expiry */
    bool active_expire, expire_paused, following, obeying, replaying, own_change;
    int64_t next_stored;      /* no entry of the store beyond the cursor is due before this */
    struct buf expire_cursor; /* key of the expire space up to which everything is done */
    struct buf
        stale; /* keys of the expire space that the next fold deletes, each after its length (4) */
    int64_t expire_lag_ms;
    struct radix *own; /* of a replica: keys that expire by themselves (kv_expire.c); may be NULL */

    struct kv_fold *fold;
    struct kv_load *load;  /* NULL: none under way */
    uint64_t client_bytes; /* what maxmemory counts beside the data */
    uint32_t fold_done;    /* number of the last fold that the store has */
    struct buf
        dead_pages; /* what the next fold deletes: pages, and whole collections (kv_fold_page.c) */
    struct buf graves;
    struct kv_aux *aux;

    /* objects of modules (kv_object.c) */
    struct kv_object_type *object_types;
    struct list_node objects;   /* struct kv_object, all in memory */
    size_t object_bytes;        /* memory of them */
    int dumps;                  /* kv_objects_dump */
    int64_t object_us;          /* what the fold under way spent on their stored form */
    int64_t objects_rest_ms;    /* no fold for their sake before this */
    int holding;                /* no record may be dropped */
    bool (*resting)(void *arg); /* kv_on_fold; may be NULL */
    void (*on_fold)(void *arg);
    int64_t unrest_ms; /* since when a fold waits for modules; 0: none does */
    void *on_fold_arg;

    uint64_t no_log_seq; /* sequence while there is no log */
    bool fold_wanted,
        info_dirty; /* info_dirty: a fold is due without any record (SWAPDB, FLUSHDB) */
    int64_t last_fold_ms;
    uint64_t last_cut_seq, replayed_seq;
    struct kv_stats st;
    unsigned evict_rand;
    struct buf scratch, scratch2;
    struct buf
        missed; /* key of the store that it does not have, and no record either; empty: unknown */
};

static inline struct kv_db *kv__db(struct kv *kv, int db)
{
    return kv->map[db];
}

static inline struct kv_db *kv__db_of(const struct kv *kv, const struct kv_rec *r)
{
    return &kv->dbs[r->phys];
}

static inline bool kv__live(const struct kv_rec *r)
{
    return r->type != KV_NONE;
}

/* In the cut of the fold under way and not encoded yet. */
static inline bool kv__pending(const struct kv *kv, const struct kv_rec *r)
{
    return r->state == KV_DIRTY && r->gen != kv->gen && !(r->flags & KV_REDIRTY);
}

/* -- kv_table.c: the cache of a database */
struct kv_rec *kv__table_find(struct kv_table *t, uint64_t pos, struct slice key);
void kv__table_add(struct kv_table *t, struct kv_rec *r);
void kv__table_remove(struct kv_table *t, struct kv_rec *r);
/* The chain at bucket i of the whole (old and new table); sizes may differ while rehashing. */
size_t kv__table_buckets(const struct kv_table *t);
struct kv_rec **kv__table_bucket(struct kv_table *t, size_t i);
void kv__table_prefetch(const struct kv_table *t, uint64_t pos);
void kv__table_prefetch_record(const struct kv_table *t, uint64_t pos); /* after the above */

int kv__logical(const struct kv *kv, const struct kv_db *d);
/* kv_unit_end of what the keyspace does by itself. */
void kv__own_unit_end(struct kv *kv);
/* r is about to go. Who is told can read it, also when it has expired. */
static inline void kv__removing(struct kv *kv, const struct kv_rec *r, enum kv_removal why)
{
    if (LIKELY(!kv->tell_removals) || !kv__live(r) || !kv->hooks.removing)
        return;
    kv->telling_removal++;
    kv->hooks.removing(kv->hooks.arg, why, kv__logical(kv, &kv->dbs[r->phys]),
                       slice_make(r->key, r->klen));
    kv->telling_removal--;
}

/* -- kv_record.c: records and their values */
uint64_t kv__pos(const struct kv *kv, struct slice key);
struct kv_rec *kv__rec_new(struct kv *kv, struct kv_db *d, uint64_t pos, struct slice key);
/* Out of the table and freed; must be in no list. */
void kv__rec_drop(struct kv *kv, struct kv_db *d, struct kv_rec *r);
void kv__rec_free_memory(struct kv_rec *r);
size_t kv__rec_size(const struct kv_rec *r);      /* bytes in RAM */
uint64_t kv__rec_logical(const struct kv_rec *r); /* bytes of the data set */
MUST_USE bool kv__value_set(struct kv_rec *r,
                            struct slice value); /* a canonical integer becomes one */
MUST_USE bool kv__value_set_bytes(struct kv_rec *r, struct slice value); /* as it is */
void kv__value_set_int(struct kv_rec *r, int64_t v);
void kv__value_clear(struct kv_rec *r);
struct kv_meta;
/* The value, from what the store holds; false: damaged, or out of memory. */
MUST_USE bool kv__value_decode(struct kv *kv, const struct kv_source *src, struct kv_rec *r,
                               const struct kv_meta *m);
/* A record that stands in no table; what has it, frees it with kv__rec_free_memory. */
MUST_USE struct kv_rec *kv__rec_bare(uint8_t phys, uint64_t pos, struct slice key);
/* Makes room for n bytes to write to, keeping those that are there; the record is the only user. False: out of memory. */
MUST_USE bool kv__value_reserve(struct kv_rec *r, size_t n);
/* The bytes; not for integers. */
static inline struct slice kv__value_bytes(const struct kv_rec *r)
{
    return slice_make(r->form == KV_STR_INLINE ? r->v.in : r->v.p, r->vlen);
}
static inline bool kv__value_owned(const struct kv_rec *r)
{
    return r->form == KV_STR_HEAP || r->form == KV_STR_BLOB;
}
/* A further user of a blob's bytes, and its end. Any thread. */
void kv__blob_ref(char *bytes);
void kv__blob_unref(char *bytes);
void kv__touch(struct kv *kv, struct kv_rec *r);
void kv__touch_new(struct kv_rec *r);
/* Puts r into (sign 1) or takes it out of (-1) all sums, when its size changes outside of an edit. */
void kv__rec_count(struct kv *kv, struct kv_rec *r, int sign);
/* A done record that did not change again leaves the lists. */
void kv__became_clean(struct kv *kv, struct kv_db *d, struct kv_rec *r);
/* Around every change of a record: begin takes it out of the counters (and encodes it if a fold waits for it), end puts it
 * back in, links it into the dirty list, and tells the modified hook. */
void kv__change_begin(struct kv *kv, struct kv_db *d, struct kv_rec *r);
void kv__change_end(struct kv *kv, struct kv_db *d, struct kv_rec *r);
/* The same with a number of changes; 0: nothing has, nobody is told. */
void kv__change_finish(struct kv *kv, struct kv_db *d, struct kv_rec *r, uint64_t changes);
/* Links a clean record into the active list. */
void kv__link_dirty(struct kv *kv, struct kv_db *d, struct kv_rec *r);
/* Deletes a key, telling why. */
void kv__delete(struct kv *kv, struct kv_rec *r, enum kv_removal why);
/* Turns the record into a tombstone. */
void kv__bury(struct kv *kv, struct kv_db *d, struct kv_rec *r);
/* The live or dead record in the cache, else from the store; NULL in *out: no such key. Expiry is not looked at. */
MUST_USE enum status kv__load(struct kv *kv, struct kv_db *d, uint64_t pos, struct slice key,
                              struct kv_rec **out, struct error *err);
/* The same, making an empty record (type KV_NONE, not counted) when there is none. Expiry is not looked at. */
MUST_USE enum status kv__load_or_make(struct kv *kv, struct kv_db *d, struct slice key,
                                      struct kv_rec **out, struct error *err);
/* Forgets every record of d in memory; the memory goes back on a worker. */
void kv__db_forget(struct kv *kv, struct kv_db *d);
static inline void kv__submit(struct kv *kv, enum kv_lane lane, void (*run)(void *),
                              void (*done)(void *), void *job)
{
    kv->jobs.submit(kv->jobs.arg, lane, run, done, job);
}

/* -- kv_codec.c: bytes in the store (FORMAT.md); pure */
#define KV_KEY_PREFIX    9 /* db, slot, hash48 */
#define KV_EXPIRE_PREFIX 17
struct kv_meta {
    enum kv_type type;
    int64_t expire;
    bool is_int;
    int64_t i;
    struct slice bytes; /* borrowed; of a collection: its payload */
};
struct kv_expire_key {
    int64_t when;
    uint8_t phys;
    uint64_t pos;
    struct slice key;
};
void kv__encode_key(struct buf *out, uint8_t phys, uint64_t pos, struct slice key);
void kv__page_key(uint8_t phys, uint64_t id, uint32_t page, char out[KV_KEY_PREFIX + 4]);
MUST_USE bool kv__decode_key(struct slice in, uint8_t *phys, uint64_t *pos, struct slice *key);
void kv__encode_meta(struct buf *out, const struct kv_meta *m);
MUST_USE bool kv__decode_meta(struct slice in, struct kv_meta *m);
void kv__encode_expire_key(struct buf *out, int64_t when, uint8_t phys, uint64_t pos,
                           struct slice key);
MUST_USE bool kv__decode_expire_key(struct slice in, struct kv_expire_key *e);
struct kv_expire_value {
    uint32_t epoch;
    enum kv_type type;
    uint64_t logical;
};
void kv__encode_expire_value(struct buf *out, const struct kv_expire_value *v);
MUST_USE bool kv__decode_expire_value(struct slice in, struct kv_expire_value *v);

/* -- kv_info.c: what the store says of itself (space info) */
struct kv_info_db {
    uint32_t epoch;
    uint64_t count, expires, data_bytes;
    int64_t expire_sum;
    uint64_t next_id;
};
struct kv_info {
    uint64_t seq;     /* log sequence that the store holds */
    int stream_db;    /* database selected at that point of the log */
    int ndbs;         /* that are seen; those above may hold a load that was cut short */
    uint8_t map[256]; /* logical -> physical */
    struct kv_info_db db[256];
};
void kv__info_capture(const struct kv *kv, uint64_t seq, int stream_db, struct kv_info *out);
void kv__info_encode(const struct kv_info *in, int nphys, struct buf *out);
MUST_USE bool kv__info_decode(struct slice in, struct kv_info *out, int *nphys);
MUST_USE enum status kv__info_load(struct kv *kv, struct error *err);

/* -- kv_side.c */
/* Empties d, in O(1). Returns how many keys there were. */
uint64_t kv__db_flush(struct kv *kv, struct kv_db *d);
/* Makes the databases: as many as configured, as many beside them, and those that the store has (stored, 0: it is new). */
void kv__dbs_make(struct kv *kv, int stored);
/* Seen by clients. */
static inline bool kv__shown(const struct kv *kv, int db)
{
    return db < kv->ndbs;
}

/* -- kv_effect.c */
/* Ends the outermost unit here and begins the next; inside of a transaction or a script nothing. */
void kv__unit_split(struct kv *kv);

/* -- kv_fold.c */
MUST_USE struct kv_fold *kv__fold_new(void);
void kv__fold_free(struct kv_fold *f);
/* Makes the cut, if a fold is wanted and none runs. Only between ticks, the tick's effects written. */
void kv__fold_begin(struct kv *kv);
/* One step of encoding or clearing up; true: more to do at once. */
bool kv__fold_step(struct kv *kv, int64_t until_us);
/* Encodes r now: it is PENDING and about to change. */
void kv__fold_take(struct kv *kv, struct kv_db *d, struct kv_rec *r);
bool kv__fold_running(const struct kv *kv);
/* The same for a page; dirty: its bytes, which leave the sums of dirty bytes when the fold is through. Returns the fold's
 * number. */
uint32_t kv__fold_take_page(struct kv *kv, struct kv_page *p, size_t dirty);
/* The next fold deletes a page; a collection with all pages below next_page. */
void kv__fold_drop_page(struct kv *kv, uint8_t phys, uint64_t id, uint32_t page);
void kv__fold_drop_coll(struct kv *kv, uint8_t phys, uint64_t id, uint32_t next_page);
/* At the start: ends what a crash interrupted between a fold and the deletion of its collections. */
MUST_USE enum status kv__fold_bury(struct kv *kv, struct error *err);
/* Adds a record that belongs to no key to the fold that begins. */
void kv__fold_put(struct kv *kv, uint8_t phys, uint64_t pos, struct slice key, struct slice value);
/* Database d was emptied: what the fold under way has taken of it is in no sum any more. */
void kv__fold_forget_db(struct kv *kv, const struct kv_db *d);

/* -- kv_aux.c */
void kv__aux_fold(struct kv *kv); /* puts what changed into the fold that begins */
void kv__aux_free(struct kv *kv);
void kv__aux_again(struct kv *kv); /* the store loses them: all are to be written again */
/* The next fold deletes this entry of the expire space, which belongs to no record. Not while a fold runs: that one may be
 * about to write the same key again. */
void kv__fold_drop_expire(struct kv *kv, struct slice key);
/* The store refuses the fold; it is tried again every second. */
bool kv__fold_failing(const struct kv *kv, struct error *why);
/* Encodes what is left of the cut of database d, which is about to be emptied. */
void kv__fold_finish_encoding(struct kv *kv);
size_t kv__dirty_limit(void);

/* -- kv_expire.c */
void kv__heap_update(struct kv_heap *h,
                     struct kv_rec *r); /* enters, moves or removes by expire, state and type */
void kv__heap_remove(struct kv_heap *h, struct kv_rec *r);
void kv__expire_stored(struct kv *kv, int64_t when); /* the store got an entry that is due then */
bool kv__expire_step(struct kv *kv, int64_t until_us);
bool kv__expired(const struct kv *kv, const struct kv_rec *r);
/* Whether a lookup may delete a key that has expired. */
bool kv__may_expire(const struct kv *kv, unsigned lookup_flags);
/* The two steps around a change of a record of a replica, or one that was a replica's. */
void kv__own_begin(struct kv *kv, struct kv_rec *r);
void kv__own_end(struct kv *kv, struct kv_rec *r);
void kv__own_clear(struct kv *kv);
/* Deletes an expired record: effect DEL, notification, counter. */
/* The keyspace has deleted a key by itself: notifies and records it. Listeners that are modules come first, as in Redis; when one
 * has made the key anew, that is recorded alone. */
void kv__gone(struct kv *kv, int db, struct slice key, enum notify_class cls, const char *event);
void kv__expire_record(struct kv *kv, struct kv_db *d, struct kv_rec *r);
int64_t kv__now(void);

/* -- kv_evict.c: the sum over the databases */
uint64_t kv__data_bytes(const struct kv *kv);

/* -- kv_cache.c */
bool kv__cache_step(struct kv *kv, int64_t until_us);
void kv__cache_drop_clean(struct kv *kv);

#endif

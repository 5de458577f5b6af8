/* Inside of folding: kv_fold.c the machine, kv_fold_page.c what concerns pages of collections. */
#ifndef ORBIT_KEYSPACE_KV_FOLD_PRIV_H
#define ORBIT_KEYSPACE_KV_FOLD_PRIV_H

#include "keyspace/kv_coll.h"

enum fold_phase { FOLD_IDLE, FOLD_ENCODING, FOLD_WRITING, FOLD_RETRY, FOLD_CLEARING };

struct fold_chunk {
    struct fold_chunk *next;
    size_t n, cap;
    char bytes[];
};

/* One record in a chunk; key and encoded meta follow. */
struct fold_entry {
    uint64_t pos;
    int64_t old_expire, new_expire;
    uint64_t logical;
    uint32_t klen, vlen;
    uint32_t epoch;
    uint8_t phys, type;
    uint16_t size_pad; /* bytes after key and value up to the next entry */
    /* Not NULL: these bytes, or this leaf in its stored form, follow the encoded meta; the entry is a user of them. */
    char *blob;
    size_t blob_n;
    struct kv_leaf *leaf;
};

/* A collection that the fold deletes, in kv->graves; a page, in kv->dead_pages. */
struct fold_grave {
    uint64_t id;
    uint32_t page; /* of a collection: the number of no page yet */
    uint8_t phys;
};

struct kv_fold {
    struct kv *kv;
    enum fold_phase phase;
    int cursor_db;
    size_t cursor_slot;
    struct fold_chunk *first, *last;
    size_t entries, bytes;
    uint64_t seq;
    struct kv_info info;
    uint8_t flushed[256]; /* physical databases that begin empty */
    struct buf stale;     /* as kv->stale */
    struct buf dead_pages, graves;
    size_t dead_cursor;
    uint32_t number;
    size_t page_dirty[256]; /* dirty bytes of the pages taken, by physical database */
    int64_t first_expire;   /* earliest new expiry in the cut */
    int64_t begun_us;
    /* for the worker, by value */
    struct stor *store;
    struct wal *wal;
    int nphys;
    bool durable;
    uint64_t trim_seq;
    enum status result;
    struct error error;
    struct error encode_error; /* an object that has no stored form: the fold is not written */
    int64_t retry_at_ms;
    bool complained;
};

/* Adds an entry; *e without its lengths. */
void kv__fold_add(struct kv_fold *f, struct fold_entry *e, struct slice key, struct slice value);

/* -- kv_fold_page.c */
/* Takes the pages of the cut and the deletions gathered; true when there are no more. */
bool kv__fold_pages_until(struct kv *kv, int64_t until_us);
/* Puts marks for the collections that are to be deleted into the fold. */
void kv__fold_mark_graves(struct kv *kv);
/* Worker: deletes their ranges and the marks; gives the space of large ones back. */
MUST_USE enum status kv__fold_dig_graves(struct stor *store, const struct buf *graves,
                                         struct error *err);
void kv__fold_compact_graves(const struct kv_fold *f);

#endif

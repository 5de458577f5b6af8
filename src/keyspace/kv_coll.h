/* Collections, inside the keyspace: what lists, hashes, sets, sorted sets and streams share. The types' own files (kv_hash.c ...)
 * build on this and on kv_tree.h; commands use the types' headers.
 *
 * A collection hangs in its record. Small ones are packed (one leaf, whatever it holds), large ones are trees of pages; the type
 * decides when to change the encoding, at Redis's limits (keyspace_opts), by filling a new tree (kv__coll_convert).
 *
 *   type    encoding            tree[0]                                   tree[1]
 *   list    listpack            positional, packed: "" -> element         -
 *           quicklist           positional: "" -> element                 -
 *   hash    listpack            positional, packed: field -> value        -
 *           hashtable           ordered: hash64(8) field -> value         -
 *   set     intset              ordered, packed: integer(8, order-preserving big endian) -> ""
 *           listpack            positional, packed: member -> ""          -
 *           hashtable           ordered: hash64(8) member -> ""           -
 *   zset    listpack            ordered, packed: score(8) member -> ""    -
 *           skiplist            ordered: score(8) member -> ""            ordered: hash64(8) member -> score(8)
 *   stream  stream              ordered: ms(8) seq(8) -> entry            ordered: groups, consumers, pending entries
 *
 * hash64 is kv__hash64; score(8) is kv__score_key. Thread: the loop thread; collections of a view: that view's thread. */
#ifndef ORBIT_KEYSPACE_KV_COLL_H
#define ORBIT_KEYSPACE_KV_COLL_H

#include "keyspace/kv_priv.h"
#include "keyspace/kv_tree.h"

enum kv_coll_enc {
    KV_COLL_LISTPACK,
    KV_COLL_QUICKLIST,
    KV_COLL_INTSET,
    KV_COLL_HASHTABLE,
    KV_COLL_SKIPLIST,
    KV_COLL_STREAM,
    KV_COLL_ENC_COUNT
};

#define KV_COLL_EXT_MAX 16

struct kv_coll {
    struct kv_tree tree[2];
    struct kv *kv; /* NULL: of a view, not to be changed */
    const struct kv_source *src;
    uint64_t id; /* 48 bits; 0: none yet, nothing is stored outside of the record */
    /* 64-bit numbers that the type keeps with the record (streams: last id ...), stored as they are. */
    uint64_t *ext;
    struct kv_page *ring;      /* loaded pages with numbers; where the cache's hand stands */
    size_t mem, dirty;         /* bytes of its pages in memory; of those not folded */
    uint32_t next_page, pages; /* next page number; pages in memory */
    uint8_t phys, enc, ext_n;
    bool dead;                      /* deleted; waits for the fold under way to take its pages */
    bool stored;                    /* the store has, or will get, pages of it */
    struct kv_page *dirty_pages[2]; /* by generation */
    struct kv_coll *gnext[2], *gprev[2]; /* collections with dirty pages, by generation */
};

static inline struct kv_coll *kv__coll(const struct kv_rec *r)
{
    return (struct kv_coll *)r->v.p;
}

/* Makes key an empty collection of this type and encoding, replacing what was there, its TTL too. The record comes back inside
 * of an edit (kv.h): the caller fills it and ends the edit with kv_edit_end. ext_n numbers, zero at first, are kept with it.
 * An empty collection must not stay (but a stream): delete it. Notifies "new" when there was no such key. */
MUST_USE enum status kv__coll_make(struct kv *kv, int db, struct slice key, enum kv_type type,
                                   enum kv_coll_enc enc, uint8_t ext_n, struct kv_rec **rec,
                                   struct error *err);
/* Prepares empty trees for encoding enc into fresh[2], to be filled with kv__tree_append or by find and insert; then commit
 * puts them in place of the present ones and drops these, or abort drops the fresh ones. Inside of an edit. */
struct kv_conversion {
    struct kv_coll *coll;
    struct kv_tree fresh[2];
    enum kv_coll_enc enc;
};
void kv__coll_convert(struct kv_coll *c, enum kv_type type, enum kv_coll_enc enc,
                      struct kv_conversion *out);
MUST_USE enum status kv__coll_convert_commit(struct kv_conversion *v, struct error *err);
void kv__coll_convert_abort(struct kv_conversion *v);

/* -- kv_coll.c and kv_page.c for the rest of the keyspace */

/* Payload of the record in the store (FORMAT.md). A long root leaf is not copied: *share (a new user of it) belongs behind the
 * bytes, in its stored form. */
void kv__coll_encode(const struct kv_coll *c, struct buf *out, struct kv_leaf **share);
/* A collection of type t from a payload, not yet in any record; kv NULL: of a view. NULL: damaged or out of memory. */
MUST_USE struct kv_coll *kv__coll_decode(struct kv *kv, const struct kv_source *src, uint8_t phys,
                                         enum kv_type t, struct slice payload);
/* kv_list.c: what a list looks like when it was read back; one that is small enough is packed, as Redis does when it loads.
 * False: it is none. */
bool kv__list_decoded(struct kv_coll *c);
/* Fills the empty collection to with what from holds. */
MUST_USE enum status kv__coll_copy(struct kv_coll *from, struct kv_coll *to, struct error *err);
/* A new empty collection; NULL: out of memory. */
MUST_USE struct kv_coll *kv__coll_new(struct kv *kv, const struct kv_source *src, uint8_t phys,
                                      enum kv_type t, enum kv_coll_enc enc, uint8_t ext_n);
size_t kv__coll_inline_bytes(const struct kv_coll *c); /* memory that counts as its record's */
uint64_t kv__coll_logical(const struct kv_coll *c);    /* bytes of the data set */
void kv__coll_release(struct kv_coll *c); /* its key is gone: memory and stored pages go */
void kv__coll_forget(struct kv_coll *c);  /* the cache gives it up: nothing of it is dirty */
void kv__coll_free(struct kv_coll *c);    /* memory alone; any thread */
/* The cache's hand visits some of its pages; true when one was dropped, or lost its mark and goes the next time. */
bool kv__coll_shrink(struct kv_coll *c, unsigned visits);
void kv__page_forget(struct kv_page *p); /* a clean page without loaded children */
/* A bulk load: gives every dirty page of c, none of which a fold has seen, to put; those are clean then. */
MUST_USE enum status kv__pages_give(struct kv_coll *c,
                                    enum status (*put)(void *arg, const struct kv_page *p,
                                                       struct error *err),
                                    void *arg, struct error *err);
/* Takes one page of the cut for the fold under way and counts it; false: none is left in d. */
bool kv__pages_take(struct kv *kv, struct kv_db *d, unsigned *n);

/* Order-preserving form of a score (never NaN; -0 counts as 0), 8 bytes, and back. */
void kv__score_key(double score, char out[8]);
double kv__score_of(const char in[8]);
/* Order-preserving form of an integer, 8 bytes, and back. */
void kv__int_key(int64_t v, char out[8]);
int64_t kv__int_of(const char in[8]);
/* Hash of a field or member, never 0: 8 bytes big endian stand before it in its tree; HSCAN's cursor. The same in every
 * database and after every restart. */
uint64_t kv__hash64(const struct kv_coll *c, struct slice member);

#endif

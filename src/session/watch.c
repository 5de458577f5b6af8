/* WATCH: which sessions watch which key.
 *
 *   keys: db + key -> struct watched_key -> list of struct watch -> session
 *
 * The key's expiry at the time of WATCH is remembered: any change to it comes through the modified hook, so that EXEC need
 * not look the key up to know that it has expired meanwhile. A key that has expired before WATCH is deleted by WATCH itself,
 * so that its disappearance is never taken for a change. */
#include "base/clock.h"
#include "base/dict.h"
#include "base/mem.h"
#include "session/hooks.h"
#include "session/multi.h"
#include "session/session_priv.h"

struct watched_key {
    struct list_node watches;
    int db;
    size_t n;
    char key[];
};

struct watch {
    struct list_node of_session, of_key;
    struct session *s;
    struct watched_key *key;
    int64_t expire;
};

static struct dict *keys;

#define NAME_INLINE 256

/* db and key as one string; tmp has NAME_INLINE bytes. *heap is to be freed. */
static struct slice name_of(int db, struct slice key, char *tmp, char **heap)
{
    size_t n = sizeof db + key.n;
    char *at = tmp;
    *heap = NULL;
    if (n > NAME_INLINE)
        at = *heap = mem_alloc(n);
    memcpy(at, &db, sizeof db);
    if (key.n)
        memcpy(at + sizeof db, key.p, key.n);
    return slice_make(at, n);
}

static struct watched_key *key_find(int db, struct slice key)
{
    char tmp[NAME_INLINE], *heap;
    if (!keys || !dict_count(keys))
        return NULL;
    struct slice name = name_of(db, key, tmp, &heap);
    struct watched_key *k = dict_get(keys, name);
    mem_free(heap);
    return k;
}

static struct watched_key *key_make(int db, struct slice key)
{
    struct watched_key *k = key_find(db, key);
    if (k)
        return k;
    char tmp[NAME_INLINE], *heap;
    if (!keys)
        keys = dict_new(0, NULL);
    k = mem_alloc(sizeof *k + key.n);
    list_init(&k->watches);
    k->db = db;
    k->n = key.n;
    if (key.n)
        memcpy(k->key, key.p, key.n);
    dict_set(keys, name_of(db, key, tmp, &heap), k);
    mem_free(heap);
    return k;
}

static void key_drop_if_unwatched(struct watched_key *k)
{
    if (!list_empty(&k->watches))
        return;
    char tmp[NAME_INLINE], *heap;
    dict_take(keys, name_of(k->db, slice_make(k->key, k->n), tmp, &heap));
    mem_free(heap);
    mem_free(k);
}

/* The key counts for each of its watchers: it is there until the last one goes. */
static size_t watch_bytes(const struct watch *w)
{
    return sizeof *w + sizeof *w->key + 2 * w->key->n;
}

static bool is_watched_by(const struct session *s, const struct watched_key *k)
{
    if (!k)
        return false;
    LIST_EACH(it, &k->watches)
    if (LIST_ENTRY(it, struct watch, of_key)->s == s)
        return true;
    return false;
}

bool multi_watch(struct call *c, struct slice key)
{
    struct session *s = c->s;
    if (is_watched_by(s, key_find(c->db, key)))
        return true;
    struct kv_rec *rec;
    if (!call_lookup(c, key, KV_NOTOUCH | KV_NOSTATS, &rec))
        return false;
    struct watch *w = mem_alloc(sizeof *w);
    w->s = s;
    w->expire = rec ? kv_rec_expire(rec) : KV_NO_EXPIRE;
    w->key = key_make(c->db, key);
    s->kept_bytes += watch_bytes(w);
    list_push(&s->watches, &w->of_session);
    list_push(&w->key->watches, &w->of_key);
    return true;
}

void multi_unwatch(struct session *s)
{
    LIST_EACH_SAFE(it, tmp, &s->watches)
    {
        struct watch *w = LIST_ENTRY(it, struct watch, of_session);
        s->kept_bytes -= watch_bytes(w);
        list_remove(&w->of_session);
        list_remove(&w->of_key);
        key_drop_if_unwatched(w->key);
        mem_free(w);
    }
}

size_t multi_watched(const struct session *s)
{
    size_t n = 0;
    LIST_EACH(it, &s->watches)
    n++;
    return n;
}

bool multi_watch_expired(struct session *s)
{
    int64_t now = clock_cached_ms();
    LIST_EACH(it, &s->watches)
    {
        struct watch *w = LIST_ENTRY(it, struct watch, of_session);
        if (w->expire != KV_NO_EXPIRE && w->expire <= now)
            return true;
    }
    return false;
}

/* One sign is enough: the session stops watching, so that later changes cost nothing. */
static void key_changed(struct watched_key *k)
{
    while (!list_empty(&k->watches)) {
        struct watch *w = LIST_ENTRY(k->watches.next, struct watch, of_key);
        w->s->flags |= SESS_DIRTY_CAS;
        bool last = k->watches.next == k->watches.prev;
        multi_unwatch(w->s);
        if (last)
            return; /* k is gone with its last watch */
    }
}

/* While databases are compared, look-ups may delete keys that have expired. Whoever watches one that expired after WATCH
 * learns it at EXEC; for the others it was not there before either. */
static bool comparing;

static void on_modified(void *arg)
{
    const struct hook_key *h = arg;
    if (comparing)
        return;
    struct watched_key *k = key_find(h->db, h->key);
    if (UNLIKELY(k != NULL))
        key_changed(k);
}

static bool exists(struct kv *kv, int db, struct slice key)
{
    struct kv_rec *rec = NULL;
    struct error err;
    /* A store that cannot be read leaves it open whether the key was there: then the transaction must fail. */
    comparing = true;
    enum status st = kv_lookup(kv, db, key, KV_NOTOUCH | KV_NOSTATS, &rec, &err);
    comparing = false;
    return st != ST_OK || rec != NULL;
}

/* Watched keys in database a (-1: all) that are there in it or in b. Works on copies of the names: looking a key up may
 * expire it, and unwatching one session may take other keys with it. */
static void databases_changed(int a, int b)
{
    if (!keys || !dict_count(keys))
        return;
    struct buf names = BUF_INIT; /* db, length, bytes */
    struct kv *kv = NULL;
    for (struct dict_iter it = dict_iter(keys); dict_next(&it);) {
        const struct watched_key *k = it.value;
        if (a >= 0 && k->db != a)
            continue;
        kv = LIST_ENTRY(k->watches.next, struct watch, of_key)->s->kv;
        buf_put(&names, &k->db, sizeof k->db);
        buf_put(&names, &k->n, sizeof k->n);
        buf_put(&names, k->key, k->n);
    }
    for (size_t at = 0; at < names.n;) {
        int db;
        size_t n;
        memcpy(&db, names.p + at, sizeof db);
        memcpy(&n, names.p + at + sizeof db, sizeof n);
        struct slice key = slice_make(names.p + at + sizeof db + sizeof n, n);
        at += sizeof db + sizeof n + n;
        if (!exists(kv, db, key) && (b < 0 || !exists(kv, b, key)))
            continue;
        struct watched_key *k = key_find(db, key);
        if (k)
            key_changed(k);
    }
    buf_free(&names);
}

static void on_flushed(void *arg)
{
    databases_changed(((const struct hook_key *)arg)->db, -1);
}

static void on_swapped(void *arg)
{
    const struct hook_swap *h = arg;
    databases_changed(h->a, h->b);
    databases_changed(h->b, h->a);
}

void multi_init(void)
{
    hook_add(HOOK_KEY_MODIFIED, on_modified);
    hook_add(HOOK_FLUSHED, on_flushed);
    hook_add(HOOK_SWAPPED, on_swapped);
}

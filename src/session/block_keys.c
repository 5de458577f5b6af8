/* Who waits for which key.
 *
 *   databases[db]: key -> struct wanted_key -> list of struct waiter (in order of blocking) -> struct key_wait -> session
 *
 *   a key changes --on_modified--> on the list ready --block__keys_serve, at the end of the unit--> its waiters run again
 *
 * A command that runs again and still finds nothing has changed nothing that others wait for, whatever it noted down (a
 * consumer's time): the keys that it made ready are taken off the list again, or two such commands would wake each other
 * for ever. */
#include "session/block_keys.h"

#include "base/clock.h"
#include "base/dict.h"
#include "base/list.h"
#include "base/mem.h"
#include "session/block.h"
#include "session/hooks.h"
#include "session/reply.h"
#include "session/session_priv.h"

struct wanted_key {
    struct list_node waiters;
    struct list_node ready_link; /* in ready or held, when it has changed */
    int db;
    bool serving, signalled;
    enum kv_type
        seen; /* for those that wait for its making: what it was when somebody looked last */
    size_t waiting, on_nokey;
    size_t n;
    char key[];
};

struct waiter {
    struct list_node of_key;
    struct wanted_key *key;
    struct key_wait *wait;
};

struct key_wait { /* one blocked session */
    struct session *s;
    enum kv_type type;
    bool is_write, nokey, any;
    const struct block_ops *ops; /* the caller's answers; NULL: ours */
    void *state;
    size_t n;
    struct waiter w[];
};

static struct dict **databases;
static int ndatabases;
static size_t keys_total, keys_on_nokey;
static struct slice woken_by; /* the key being served */
static struct list_node ready = {&ready, &ready};
size_t block__keys_ready;

size_t block_keys_total(void)
{
    return keys_total;
}

size_t block_keys_on_nokey(void)
{
    return keys_on_nokey;
}

/* -- Keys ---------------------------------------------------------------------------------------------------------------- */

static struct slice key_name(const struct wanted_key *k)
{
    return slice_make(k->key, k->n);
}

static struct dict *database(int db)
{
    if (db >= ndatabases) {
        databases = mem_realloc(databases, (size_t)(db + 1) * sizeof(struct dict *));
        while (ndatabases <= db)
            databases[ndatabases++] = dict_new(0, NULL);
    }
    return databases[db];
}

static struct wanted_key *key_make(int db, struct slice key)
{
    struct wanted_key *k = dict_get(database(db), key);
    if (k)
        return k;
    k = mem_calloc(1, sizeof *k + key.n);
    list_init(&k->waiters);
    k->db = db;
    k->n = key.n;
    if (key.n)
        memcpy(k->key, key.p, key.n);
    dict_set(database(db), key, k);
    keys_total++;
    return k;
}

static void mark_on(struct list_node *list, struct wanted_key *k)
{
    if (k->ready_link.next)
        return;
    list_push(list, &k->ready_link);
    block__keys_ready++;
}

static void mark(struct wanted_key *k)
{
    mark_on(&ready, k);
}

static void unmark(struct wanted_key *k)
{
    if (!k->ready_link.next)
        return;
    list_remove(&k->ready_link);
    block__keys_ready--;
}

static void drop_if_unwanted(struct wanted_key *k)
{
    if (k->waiting || k->serving)
        return;
    unmark(k);
    dict_take(database(k->db), key_name(k));
    keys_total--;
    mem_free(k);
}

/* -- Changes ------------------------------------------------------------------------------------------------------------- */

static void on_modified(void *arg)
{
    const struct hook_key *h = arg;
    if (LIKELY(!keys_total) || h->db >= ndatabases)
        return;
    struct wanted_key *k = dict_get(databases[h->db], h->key);
    if (k)
        mark(k);
}

void block_keys_signal(int db, struct slice key)
{
    struct wanted_key *k = db < ndatabases ? dict_get(databases[db], key) : NULL;
    if (!k)
        return;
    k->signalled = true;
    mark(k);
}

struct slice block_keys_woken_by(void)
{
    return woken_by;
}

static void mark_database(int db, bool nokey_only)
{
    if (db >= ndatabases)
        return;
    for (struct dict_iter it = dict_iter(databases[db]); dict_next(&it);) {
        struct wanted_key *k = it.value;
        if (nokey_only && !k->on_nokey)
            continue;
        k->signalled = true;
        mark(k);
    }
}

static void on_flushed(void *arg)
{
    const struct hook_key *h = arg;
    if (!keys_on_nokey)
        return;
    if (h->db >= 0)
        mark_database(h->db, true);
    for (int db = 0; h->db < 0 && db < ndatabases; db++)
        mark_database(db, true);
}

/* Sessions stay in their databases, whose keys are others now. */
static void on_swapped(void *arg)
{
    const struct hook_swap *h = arg;
    if (!keys_total)
        return;
    mark_database(h->a, false);
    mark_database(h->b, false);
}

/* -- Blocking ------------------------------------------------------------------------------------------------------------ */

static void answer_timeout(struct call *c, void *state)
{
    struct key_wait *kw = state;
    if (kw->ops)
        kw->ops->timeout(c, kw->state);
    else
        reply_null_array(c);
}

static void wait_free(void *state)
{
    struct key_wait *kw = state;
    for (size_t i = 0; i < kw->n; i++) {
        struct wanted_key *k = kw->w[i].key;
        list_remove(&kw->w[i].of_key);
        k->waiting--;
        if (kw->nokey && --k->on_nokey == 0)
            keys_on_nokey--;
        drop_if_unwanted(k);
    }
    if (kw->ops)
        kw->ops->free_state(kw->state);
    mem_free(kw);
}

static const struct block_ops key_ops = {
    .kind = "keys", .timeout = answer_timeout, .free_state = wait_free};
static const struct block_ops endless_ops = {.kind = "keys", .free_state = wait_free};

enum found { FOUND_NOTHING, FOUND_VALUE, FOUND_UNREADABLE };

static enum found look(struct kv *kv, const struct wanted_key *k, enum kv_type *type)
{
    struct kv_rec *rec = NULL;
    struct error err;
    enum status st =
        kv_lookup(kv, k->db, key_name(k), KV_NOTOUCH | KV_NOSTATS | KV_LEAVE, &rec, &err);
    *type = rec ? kv_rec_type(rec) : KV_NONE;
    return st != ST_OK ? FOUND_UNREADABLE : rec ? FOUND_VALUE : FOUND_NOTHING;
}

static bool is_waiting(const struct wanted_key *k, const struct key_wait *kw)
{
    return k->waiting && LIST_ENTRY(k->waiters.prev, struct waiter, of_key)->wait == kw;
}

static void wait_for(struct key_wait *kw, int db, struct slice key)
{
    struct wanted_key *k = key_make(db, key);
    if (is_waiting(k, kw))
        return;
    if (!k->waiting)
        (void)look(kw->s->kv, k, &k->seen);
    struct waiter *w = &kw->w[kw->n++];
    w->key = k;
    w->wait = kw;
    list_push(&k->waiters, &w->of_key);
    k->waiting++;
    if (kw->nokey && k->on_nokey++ == 0)
        keys_on_nokey++;
}

void block_on_keys(struct call *c, const struct slice *keys, size_t n, enum kv_type type,
                   int64_t deadline_ms, unsigned flags)
{
    block_on_keys_with(c, keys, n, type, deadline_ms, flags, NULL, NULL);
}

void block_on_keys_with(struct call *c, const struct slice *keys, size_t n, enum kv_type type,
                        int64_t deadline_ms, unsigned flags, const struct block_ops *ops,
                        void *state)
{
    if (c->s->block) { /* runs again */
        c->blocked = true;
        return;
    }
    hook_add(HOOK_KEY_MODIFIED, on_modified);
    hook_add(HOOK_FLUSHED, on_flushed);
    hook_add(HOOK_SWAPPED, on_swapped);
    struct key_wait *kw = mem_calloc(1, sizeof *kw + n * sizeof kw->w[0]);
    kw->s = c->s;
    kw->type = type;
    kw->is_write = (c->cmd->flags & (CMD_WRITE | CMD_MAY_REPLICATE)) != 0;
    kw->nokey = (flags & BLOCK_KEYS_NOKEY) != 0;
    kw->any = (flags & BLOCK_KEYS_ANY) != 0;
    kw->ops = ops;
    kw->state = state;
    for (size_t i = 0; i < n; i++)
        wait_for(kw, c->db, keys[i]);
    bool endless = ops && !ops->timeout;
    block_session(c, endless ? &endless_ops : &key_ops, kw, endless ? 0 : deadline_ms);
}

/* -- Serving ------------------------------------------------------------------------------------------------------------- */

static bool is_paused(const struct key_wait *kw)
{
    enum pause_mode mode = pause_mode();
    return mode == PAUSE_ALL || (mode == PAUSE_WRITE && kw->is_write);
}

static void run_again(struct session *s, const struct wanted_key *k)
{
    const struct list_node *last = ready.prev;
    woken_by = key_name(k);
    bool waits = block__again(s);
    woken_by = SLICE_NULL;
    if (!waits)
        return;
    while (ready.prev != last)
        unmark(LIST_ENTRY(ready.prev, struct wanted_key, ready_link));
}

/* False: CLIENT PAUSE held somebody back. */
static bool serve_key(struct wanted_key *k)
{
    bool all = true, looked = false;
    enum found found = FOUND_NOTHING;
    enum kv_type type = KV_NONE;
    k->serving = true;
    LIST_EACH_SAFE(it, next, &k->waiters)
    {
        const struct key_wait *kw = LIST_ENTRY(it, struct waiter, of_key)->wait;
        if (!looked)
            found = look(kw->s->kv, k, &type);
        looked = true;
        if (found == FOUND_NOTHING && !k->on_nokey)
            break;
        /* A key that cannot be read concerns everybody: the command says why. */
        bool made = k->signalled || (found == FOUND_VALUE ? type != k->seen : kw->nokey);
        bool wakes = found == FOUND_UNREADABLE || (kw->any ? made : kw->nokey) ||
                     (found == FOUND_VALUE && !kw->any && type == kw->type);
        if (!wakes || (kw->s->flags & SESS_CLOSING))
            continue;
        if (is_paused(kw)) {
            all = false;
            continue;
        }
        run_again(kw->s, k);
        looked = false;
    }
    k->serving = false;
    if (all && k->waiting) {
        k->signalled = false;
        (void)look(LIST_ENTRY(k->waiters.next, struct waiter, of_key)->wait->s->kv, k, &k->seen);
    }
    return all;
}

void block__keys_serve(void)
{
    static bool serving;
    if (serving)
        return;
    serving = true;
    struct list_node held;
    list_init(&held);
    while (!list_empty(&ready)) {
        /* A long transaction may lie behind: what has expired meanwhile is not there for them. */
        clock_refresh();
        struct wanted_key *k = LIST_ENTRY(ready.next, struct wanted_key, ready_link);
        unmark(k);
        if (!serve_key(k))
            mark_on(&held, k);
        drop_if_unwanted(k);
    }
    while (!list_empty(&held)) {
        struct list_node *n = held.next;
        list_remove(n);
        list_push(&ready, n);
    }
    serving = false;
}

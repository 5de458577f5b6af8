/* The table of tracked keys, the prefixes of broadcast mode, and the messages.
 *
 *   table:    key -> tracked (ids of the sessions that read it)     a change tells them and forgets the key
 *   by_age:   tracked, oldest first                                 above the limit the oldest go
 *   prefixes: prefix -> members, keys changed in this tick          one message a member at the end of the tick
 *
 * Sessions stand in the table by id: one that is gone is found out when its key changes. What is meant for the running
 * session waits until its command is over, so that it never stands inside a reply. */
#include "services/tracking/tracking.h"

#include "base/dict.h"
#include "base/mem.h"
#include "base/radix.h"
#include "config/option.h"
#include "keyspace/kv.h"
#include "services/tracking/tracking_priv.h"
#include "session/call.h"
#include "session/hooks.h"
#include "session/info.h"

#include <inttypes.h>

enum { EVICT_AT_ONCE = 100 };

struct tracked {
    struct list_node by_age;
    struct tracking_ids ids;
    struct slice key; /* behind the struct */
};

struct prefix {
    struct list_node members, changed; /* changed: linked while keys is not empty */
    struct dict *keys;                 /* key -> id of the session that changed it last; 0: none */
    struct slice name;                 /* behind the struct */
};

struct member {
    struct list_node of_prefix, of_tracker;
    struct prefix *prefix;
    struct tracker *tracker;
};

struct pending {
    struct list_node link;
    uint64_t session;
    bool all;
    struct slice key; /* behind the struct */
};

struct tracking_options tracking_opts;
static struct list_node trackers = {&trackers, &trackers};
static size_t ntrackers;
static struct dict *table;
static struct list_node by_age = {&by_age, &by_age};
static uint64_t total_ids;
static struct radix *prefixes;
static struct list_node changed = {&changed, &changed};
static struct list_node pending = {&pending, &pending};

/* -- Messages -------------------------------------------------------------------------------- */

/* Begins an invalidation for s; its value goes into the sink that is returned. NULL: there is no way to tell it. */
static struct sink *begin_message(struct session *s)
{
    struct session *to = s;
    struct sink *out;
    if (s->redirect) {
        to = session_by_id(s->redirect);
        if (!to || (to->flags & SESS_CLOSING)) {
            s->flags |= SESS_TRACKING_BROKEN;
            if (s->resp > 2) {
                out = s->ops->sink(s);
                out->ops->begin(out, SINK_PUSH, 2);
                out->ops->bulk(out, SLICE("tracking-redir-broken"));
                out->ops->integer(out, (int64_t)s->redirect);
            }
            return NULL;
        }
    }
    out = to->ops->sink(to);
    if (to->resp > 2) {
        out->ops->begin(out, SINK_PUSH, 2);
        out->ops->bulk(out, SLICE("invalidate"));
        return out;
    }
    /* RESP2 has no messages out of band, except to a subscriber. */
    if (to == s || !(to->flags & SESS_PUBSUB))
        return NULL;
    out->ops->begin(out, SINK_PUSH, 3);
    out->ops->bulk(out, SLICE("message"));
    out->ops->bulk(out, SLICE("__redis__:invalidate"));
    return out;
}

static void send_key(struct session *s, struct slice key)
{
    struct sink *out = begin_message(s);
    if (!out)
        return;
    out->ops->begin(out, SINK_ARRAY, 1);
    out->ops->bulk(out, key);
}

static void send_all(struct session *s)
{
    struct sink *out = begin_message(s);
    if (out)
        out->ops->null(out);
}

static bool must_wait(const struct session *s)
{
    const struct session *running = session_current();
    return running && (running == s || running->id == s->redirect);
}

static void wait_for_unit(const struct session *s, bool all, struct slice key)
{
    struct pending *p = mem_alloc(sizeof *p + key.n);
    char *copy = (char *)(p + 1);
    if (key.n)
        memcpy(copy, key.p, key.n);
    p->session = s->id;
    p->all = all;
    p->key = slice_make(copy, key.n);
    list_push(&pending, &p->link);
}

static void on_unit_end(void *arg)
{
    while (!list_empty(&pending)) {
        struct pending *p = LIST_ENTRY(pending.next, struct pending, link);
        struct session *s = session_by_id(p->session);
        list_remove(&p->link);
        if (s && p->all)
            send_all(s);
        else if (s)
            send_key(s, p->key);
        mem_free(p);
    }
}

/* -- Tracked keys ---------------------------------------------------------------------------- */

static void remember(struct session *s, struct slice key)
{
    struct tracked *t = dict_get(table, key);
    if (!t) {
        t = mem_calloc(1, sizeof *t + key.n);
        char *copy = (char *)(t + 1);
        if (key.n)
            memcpy(copy, key.p, key.n);
        t->key = slice_make(copy, key.n);
        dict_set(table, t->key, t);
        list_push(&by_age, &t->by_age);
    }
    if (tracking__ids_add(&t->ids, s->id))
        total_ids++;
}

static void forget(struct tracked *t)
{
    dict_take(table, t->key);
    list_remove(&t->by_age);
    total_ids -= t->ids.n;
    tracking__ids_free(&t->ids);
    mem_free(t);
}

/* by_limit: nobody changed the key, so that NOLOOP does not matter. */
static void tell(uint64_t id, struct slice key, bool by_limit)
{
    struct session *s = session_by_id(id);
    /* A session that changed to broadcast mode hears of its former keys through its prefixes. */
    if (!s || !(s->flags & SESS_TRACKING) || (s->flags & SESS_TRACKING_BCAST))
        return;
    if (!by_limit && (tracking__of(s)->mode & TRACKING_NOLOOP) && s == session_current())
        return;
    if (must_wait(s))
        wait_for_unit(s, false, key);
    else
        send_key(s, key);
}

static void invalidate(struct tracked *t, bool by_limit)
{
    for (uint32_t i = 0; i < t->ids.cap; i++)
        if (t->ids.v[i])
            tell(t->ids.v[i], t->key, by_limit);
    forget(t);
}

static void forget_all(void)
{
    while (!list_empty(&by_age))
        forget(LIST_ENTRY(by_age.next, struct tracked, by_age));
}

static void keep_limit(void)
{
    uint64_t max = (uint64_t)tracking_opts.table_max_keys;
    if (max == 0)
        return;
    for (int i = 0; i < EVICT_AT_ONCE && dict_count(table) > max; i++)
        invalidate(LIST_ENTRY(by_age.next, struct tracked, by_age), true);
}

/* -- Broadcast ------------------------------------------------------------------------------- */

static bool note_change(void *arg, struct slice name, void *value)
{
    const struct hook_key *k = arg;
    struct prefix *p = value;
    struct session *by = session_current();
    /* What the keyspace does by itself is nobody's change, whoever's command made it notice. */
    bool own = !by || kv_own_change(by->kv);
    dict_set(p->keys, k->key, (void *)(uintptr_t)(own ? 0 : by->id));
    if (!list_linked(&p->changed))
        list_push(&changed, &p->changed);
    return true;
}

/* The keys of p that somebody else than except changed; out NULL: only counts. */
static size_t put_keys(const struct prefix *p, uint64_t except, struct sink *out)
{
    size_t n = 0;
    struct dict_iter it = dict_iter(p->keys);
    while (dict_next(&it)) {
        if (except && (uintptr_t)it.value == except)
            continue;
        n++;
        if (out)
            out->ops->bulk(out, it.key);
    }
    return n;
}

static void broadcast(const struct prefix *p)
{
    LIST_EACH(it, &p->members)
    {
        const struct tracker *t = LIST_ENTRY(it, struct member, of_prefix)->tracker;
        uint64_t except = t->mode & TRACKING_NOLOOP ? t->s->id : 0;
        size_t n = put_keys(p, except, NULL);
        struct sink *out = n ? begin_message(t->s) : NULL;
        if (!out)
            continue;
        out->ops->begin(out, SINK_ARRAY, n);
        put_keys(p, except, out);
    }
}

static void on_tick(void *arg)
{
    while (!list_empty(&changed)) {
        struct prefix *p = LIST_ENTRY(changed.next, struct prefix, changed);
        list_remove(&p->changed);
        broadcast(p);
        dict_clear(p->keys);
    }
}

static size_t member_bytes(const struct member *m)
{
    return sizeof *m + sizeof *m->prefix + 2 * m->prefix->name.n;
}

static void leave(struct member *m)
{
    struct prefix *p = m->prefix;
    m->tracker->s->kept_bytes -= member_bytes(m);
    list_remove(&m->of_prefix);
    list_remove(&m->of_tracker);
    mem_free(m);
    if (!list_empty(&p->members))
        return;
    radix_del(prefixes, p->name, NULL);
    list_remove(&p->changed);
    dict_free(p->keys);
    mem_free(p);
}

void tracking__add_prefix(struct tracker *t, struct slice prefix)
{
    void *found = NULL;
    struct prefix *p;
    if (radix_get(prefixes, prefix, &found)) {
        p = found;
    } else {
        p = mem_calloc(1, sizeof *p + prefix.n);
        char *copy = (char *)(p + 1);
        if (prefix.n)
            memcpy(copy, prefix.p, prefix.n);
        p->name = slice_make(copy, prefix.n);
        list_init(&p->members);
        p->keys = dict_new(0, NULL);
        radix_set(prefixes, p->name, p, NULL);
    }
    LIST_EACH(it, &t->prefixes)
    {
        if (LIST_ENTRY(it, struct member, of_tracker)->prefix == p)
            return;
    }
    struct member *m = mem_calloc(1, sizeof *m);
    m->prefix = p;
    m->tracker = t;
    t->s->kept_bytes += member_bytes(m);
    list_push(&p->members, &m->of_prefix);
    list_push(&t->prefixes, &m->of_tracker);
}

void tracking__each_prefix(const struct tracker *t, bool (*fn)(void *arg, struct slice prefix),
                           void *arg)
{
    LIST_EACH(it, &t->prefixes)
    {
        if (!fn(arg, LIST_ENTRY(it, struct member, of_tracker)->prefix->name))
            return;
    }
}

/* -- Hooks ----------------------------------------------------------------------------------- */

/* s: the client for whom c runs */
static void remember_keys(struct session *s, struct call *c)
{
    struct key_refs keys;
    key_refs_init(&keys);
    if (command_keys(c->cmd, c->argv, c->argc, &keys))
        for (size_t i = 0; i < keys.n; i++)
            remember(s, c->argv[keys.v[i].pos]);
    key_refs_free(&keys);
}

static void after_command(void *arg)
{
    struct call *c = arg;
    struct session *s = c->s;
    bool nested = (s->flags & SESS_NESTED) && session_current();
    if (UNLIKELY(nested))
        s = session_current();
    keep_limit();
    if (!(s->flags & SESS_TRACKING))
        return;
    struct tracker *t = tracking__of(s);
    bool caching = (t->mode & TRACKING_CACHING) != 0;
    bool wanted = t->mode & TRACKING_OPTIN    ? caching
                  : t->mode & TRACKING_OPTOUT ? !caching
                                              : !(s->flags & SESS_TRACKING_BCAST);
    /* Of a script only the commands that it runs count, and a shard channel is no key. */
    bool reads = (c->cmd->flags & CMD_READONLY) && !(c->cmd->flags & CMD_PUBSUB) &&
                 c->cmd->group != GROUP_SCRIPTING;
    if (wanted && reads)
        remember_keys(s, c);
    /* CLIENT CACHING holds for the next command, or for the transaction that follows. */
    bool is_client = c->cmd->parent && strcmp(c->cmd->parent->name, "client") == 0;
    bool inner = c->in_exec || c->in_script || nested;
    if (caching && !is_client && !inner && !(s->flags & SESS_MULTI))
        t->mode &= ~(unsigned)TRACKING_CACHING;
}

static void on_modified(void *arg)
{
    struct hook_key *k = arg;
    if (radix_count(prefixes))
        radix_prefixes_of(prefixes, k->key, note_change, k);
    struct tracked *t = dict_get(table, k->key);
    if (t)
        invalidate(t, false);
}

static void on_flushed(void *arg)
{
    LIST_EACH(it, &trackers)
    {
        struct session *s = LIST_ENTRY(it, struct tracker, link)->s;
        if (must_wait(s))
            wait_for_unit(s, true, SLICE_NULL);
        else
            send_all(s);
    }
    forget_all();
}

static void on_cron(void *arg)
{
    keep_limit();
}

/* Nobody pays for it before somebody uses it. */
static void attach(void)
{
    if (table)
        return;
    table = dict_new(0, NULL);
    prefixes = radix_new();
    hook_add(HOOK_AFTER_COMMAND, after_command);
    hook_add(HOOK_UNIT_END, on_unit_end);
    hook_add(HOOK_KEY_MODIFIED, on_modified);
    hook_add(HOOK_FLUSHED, on_flushed);
    hook_add(HOOK_TICK, on_tick);
    hook_add(HOOK_CRON, on_cron);
}

struct tracker *tracking__on(struct session *s, unsigned mode, bool bcast, uint64_t redirect)
{
    attach();
    struct tracker *t = tracking__of(s);
    if (!t) {
        t = s->slot[SESS_SLOT_TRACKING] = mem_calloc(1, sizeof *t);
        t->s = s;
        list_init(&t->prefixes);
        list_push(&trackers, &t->link);
        ntrackers++;
    }
    t->mode = mode;
    s->redirect = redirect;
    s->flags &= ~(uint32_t)(SESS_TRACKING_BROKEN | SESS_TRACKING_BCAST);
    s->flags |= SESS_TRACKING | (bcast ? SESS_TRACKING_BCAST : 0u);
    return t;
}

void tracking__off(struct session *s)
{
    struct tracker *t = tracking__of(s);
    if (!t)
        return;
    while (!list_empty(&t->prefixes))
        leave(LIST_ENTRY(t->prefixes.next, struct member, of_tracker));
    list_remove(&t->link);
    ntrackers--;
    mem_free(t);
    s->slot[SESS_SLOT_TRACKING] = NULL;
    s->redirect = 0;
    s->flags &= ~(uint32_t)(SESS_TRACKING | SESS_TRACKING_BROKEN | SESS_TRACKING_BCAST);
}

static void on_session_end(void *arg)
{
    tracking__off(arg);
}

static void info_clients(struct buf *out)
{
    buf_printf(out, "tracking_clients:%zu\r\n", ntrackers);
}

static void info_stats(struct buf *out)
{
    buf_printf(out,
               "tracking_total_keys:%zu\r\ntracking_total_items:%" PRIu64
               "\r\ntracking_total_prefixes:%zu\r\n",
               table ? dict_count(table) : 0, total_ids, prefixes ? radix_count(prefixes) : 0);
}

#define CONFIG_STRUCT tracking_opts
static const struct config_option rows[] = {
#include "config/declare_table.h"

#include "services/tracking/options.def"

#include "config/declare_end.h"
};

void tracking_options_register(void)
{
    config_register(rows, COUNT_OF(rows));
}

void tracking_start(void)
{
    hook_add(HOOK_SESSION_CLOSE, on_session_end);
    hook_add(HOOK_SESSION_RESET, on_session_end);
    info_register("clients", info_clients);
    info_register("stats", info_stats);
}

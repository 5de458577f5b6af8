/* The command registry: two hash tables (names as they are now, names before rename-command) over the tables that groups
 * register. Both are open-addressed, rebuilt when names change; once the server runs only commands of modules come and go. */
#include "session/command.h"

#include "base/dict.h"
#include "base/mem.h"
#include "base/status.h"
#include "session/dispatch.h"
#include "session/stats.h"

struct entry {
    struct slice name; /* owned only when renamed */
    struct command *cmd;
    uint32_t hash;
    bool owned;
};

struct names {
    struct entry *v; /* in order of registration */
    size_t n, cap;
    uint32_t *slots; /* index + 1; 0: empty */
    size_t nslots;   /* power of two, at least twice n */
};

static struct names current, original;
static struct command **orphans; /* subcommands whose container is not registered yet */
static size_t norphans;
static int next_id;
static struct dict *former_ids; /* full name -> id + 1 of commands that were taken away */
static bool renamed;

/* Setting bit 5 folds ASCII letters; other bytes that it maps together are told apart by the comparison. */
static inline uint32_t name_hash(struct slice name)
{
    uint32_t h = (uint32_t)name.n;
    for (size_t i = 0; i < name.n; i++)
        h = (h ^ ((uint8_t)name.p[i] | 0x20u)) * 0x01000193u;
    return h ^ (h >> 15);
}

static inline bool name_eq(struct slice name, struct slice input)
{
    if (name.n != input.n)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        unsigned a = (uint8_t)name.p[i], b = (uint8_t)input.p[i];
        if (a == b)
            continue;
        unsigned folded = a | 0x20;
        if (folded != (b | 0x20) || folded < 'a' || folded > 'z')
            return false;
    }
    return true;
}

static struct entry *names_find(const struct names *t, struct slice name)
{
    if (!t->nslots)
        return NULL;
    uint32_t h = name_hash(name);
    for (size_t i = h & (t->nslots - 1);; i = (i + 1) & (t->nslots - 1)) {
        if (!t->slots[i])
            return NULL;
        struct entry *e = &t->v[t->slots[i] - 1];
        if (e->hash == h && name_eq(e->name, name))
            return e;
    }
}

static void names_rebuild(struct names *t)
{
    size_t want = 64;
    while (want < t->n * 4)
        want *= 2;
    mem_free(t->slots);
    t->slots = mem_calloc(want, sizeof(*t->slots));
    t->nslots = want;
    for (size_t k = 0; k < t->n; k++) {
        size_t i = t->v[k].hash & (want - 1);
        while (t->slots[i])
            i = (i + 1) & (want - 1);
        t->slots[i] = (uint32_t)k + 1;
    }
}

static void names_add(struct names *t, struct slice name, struct command *cmd, bool owned)
{
    orbit_assert(!names_find(t, name));
    if (t->n == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 128;
        t->v = mem_realloc(t->v, t->cap * sizeof(*t->v));
    }
    t->v[t->n++] = (struct entry){name, cmd, name_hash(name), owned};
    if (t->n * 2 > t->nslots) {
        names_rebuild(t);
        return;
    }
    size_t i = t->v[t->n - 1].hash & (t->nslots - 1);
    while (t->slots[i])
        i = (i + 1) & (t->nslots - 1);
    t->slots[i] = (uint32_t)t->n;
}

static void names_remove(struct names *t, struct entry *e)
{
    if (e->owned)
        mem_free((void *)(uintptr_t)e->name.p);
    size_t at = (size_t)(e - t->v);
    memmove(e, e + 1, (t->n - at - 1) * sizeof(*e));
    t->n--;
    names_rebuild(t);
}

/* The one range that COMMAND INFO shows beside the specifications: neighbouring index ranges are joined. */
static void legacy_range(struct command *cmd)
{
    int first = 0, last = 0;
    cmd->keys_simple = false;
    for (size_t i = 0; i < cmd->nkeys; i++) {
        const struct key_spec *k = &cmd->keys[i];
        if (k->begin != KEY_BEGIN_INDEX || k->find != KEY_FIND_RANGE)
            continue;
        int end = k->last_key >= 0 ? k->index + k->last_key : k->last_key;
        if (cmd->nkeys == 1) {
            cmd->first_key = k->index;
            cmd->last_key = end;
            cmd->key_step = k->step;
            cmd->keys_simple = !cmd->getkeys && k->limit == 0 && !(k->flags & KEY_NOT_KEY);
            return;
        }
        if (k->step != 1 || (last && last != k->index - 1))
            continue;
        if (!first || k->index < first)
            first = k->index;
        if (last >= 0 && (end < 0 || end > last)) /* "to the end" beats any index */
            last = end;
    }
    cmd->first_key = first;
    cmd->last_key = last;
    cmd->key_step = first ? 1 : 0;
}

static bool is_movable(const struct command *cmd)
{
    if (cmd->getkeys)
        return true;
    int last = 0;
    for (size_t i = 0; i < cmd->nkeys; i++) {
        const struct key_spec *k = &cmd->keys[i];
        if (k->begin != KEY_BEGIN_INDEX || k->find != KEY_FIND_RANGE)
            return true;
        if (cmd->nkeys > 1 && (k->step != 1 || (last && last != k->index - 1)))
            return true;
        last = k->last_key >= 0 ? k->index + k->last_key : k->last_key;
    }
    return false;
}

void command_keys_changed(struct command *cmd)
{
    legacy_range(cmd);
    if (!(cmd->flags & CMD_MODULE))
        return;
    cmd->flags &= ~(unsigned)CMD_MOVABLE_KEYS;
    if (is_movable(cmd))
        cmd->flags |= CMD_MOVABLE_KEYS;
}

/* What users may run is told by ids, so a command that comes back is the one that it was. */
static int id_of(const struct command *cmd)
{
    void *known = former_ids ? dict_take(former_ids, slice_str(cmd->fullname)) : NULL;
    return known ? (int)(intptr_t)known - 1 : next_id++;
}

static void attach(struct command *parent, struct command *sub)
{
    orbit_assert(!command_sub(parent, slice_str(sub->name)));
    parent->subs = mem_realloc(parent->subs, (parent->nsubs + 1) * sizeof(struct command *));
    parent->subs[parent->nsubs++] = sub;
    sub->parent = parent;
}

static void adopt_orphans(struct command *parent)
{
    size_t kept = 0;
    for (size_t i = 0; i < norphans; i++) {
        if (strcmp(orphans[i]->container, parent->name) == 0)
            attach(parent, orphans[i]);
        else
            orphans[kept++] = orphans[i];
    }
    norphans = kept;
}

void command_register(struct command *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct command *cmd = &table[i];
        cmd->id = id_of(cmd);
        command_keys_changed(cmd);
        if (!cmd->container) {
            names_add(&current, slice_str(cmd->name), cmd, false);
            names_add(&original, slice_str(cmd->name), cmd, false);
            adopt_orphans(cmd);
            continue;
        }
        struct entry *e = names_find(&original, slice_str(cmd->container));
        if (e) {
            attach(e->cmd, cmd);
            continue;
        }
        orphans = mem_realloc(orphans, (norphans + 1) * sizeof(struct command *));
        orphans[norphans++] = cmd;
    }
}

static void forget(struct names *t, const struct command *cmd)
{
    for (size_t i = 0; i < t->n; i++)
        if (t->v[i].cmd == cmd) {
            names_remove(t, &t->v[i]);
            return;
        }
}

void command_unregister(struct command *cmd)
{
    struct command *parent = cmd->parent;
    if (!former_ids)
        former_ids = dict_new(DICT_NOCASE, NULL);
    dict_set(former_ids, slice_str(cmd->fullname), (void *)(intptr_t)(cmd->id + 1));
    dispatch_forget(cmd);
    command_latency_reset(cmd);
    if (!parent) {
        forget(&current, cmd);
        forget(&original, cmd);
        mem_free(cmd->subs);
        return;
    }
    for (size_t i = 0; i < parent->nsubs; i++)
        if (parent->subs[i] == cmd) {
            memmove(&parent->subs[i], &parent->subs[i + 1],
                    (parent->nsubs - i - 1) * sizeof *parent->subs);
            parent->nsubs--;
            return;
        }
}

struct command *command_find(struct slice name)
{
    struct entry *e = names_find(&current, name);
    return e ? e->cmd : NULL;
}

struct command *command_sub(struct command *parent, struct slice name)
{
    for (size_t i = 0; i < parent->nsubs; i++)
        if (name_eq(slice_str(parent->subs[i]->name), name))
            return parent->subs[i];
    return NULL;
}

static struct command *resolve(const struct names *t, const struct slice *argv, int argc,
                               bool *parent_only)
{
    *parent_only = false;
    struct entry *e = names_find(t, argv[0]);
    if (!e || !e->cmd->nsubs || argc < 2)
        return e ? e->cmd : NULL;
    struct command *sub = command_sub(e->cmd, argv[1]);
    *parent_only = !sub;
    return sub;
}

struct command *command_resolve(const struct slice *argv, int argc, bool *parent_only)
{
    bool ignored;
    return resolve(&current, argv, argc, parent_only ? parent_only : &ignored);
}

struct command *command_resolve_original(const struct slice *argv, int argc)
{
    bool ignored;
    return resolve(&original, argv, argc, &ignored);
}

static struct command *find_full(const struct names *t, struct slice fullname)
{
    const char *bar = fullname.n ? memchr(fullname.p, '|', fullname.n) : NULL;
    if (!bar) {
        struct entry *e = names_find(t, fullname);
        return e ? e->cmd : NULL;
    }
    struct entry *e = names_find(t, slice_make(fullname.p, (size_t)(bar - fullname.p)));
    size_t at = (size_t)(bar - fullname.p) + 1;
    return e ? command_sub(e->cmd, slice_make(fullname.p + at, fullname.n - at)) : NULL;
}

struct command *command_find_full(struct slice fullname)
{
    return find_full(&current, fullname);
}

struct command *command_find_original(struct slice fullname)
{
    return find_full(&original, fullname);
}

bool command_rename(struct slice from, struct slice to)
{
    struct entry *e = names_find(&current, from);
    if (!e || (to.n && names_find(&current, to)))
        return false;
    struct command *cmd = e->cmd;
    renamed = true;
    names_remove(&current, e);
    if (to.n)
        names_add(&current, slice_make(mem_strndup(to.p, to.n), to.n), cmd, true);
    return true;
}

bool command_renames(void)
{
    return renamed;
}

size_t command_count(void)
{
    return current.n;
}

int command_id_max(void)
{
    return next_id;
}

bool command_has_keys(const struct command *cmd)
{
    if (cmd->getkeys)
        return true;
    for (size_t i = 0; i < cmd->nkeys; i++)
        if (!(cmd->keys[i].flags & KEY_NOT_KEY))
            return true;
    return false;
}

static void names_each(const struct names *t, bool (*fn)(void *arg, struct command *cmd), void *arg)
{
    for (size_t i = 0; i < t->n; i++)
        if (!fn(arg, t->v[i].cmd))
            return;
}

void command_each(bool (*fn)(void *arg, struct command *cmd), void *arg)
{
    names_each(&current, fn, arg);
}

void command_each_original(bool (*fn)(void *arg, struct command *cmd), void *arg)
{
    names_each(&original, fn, arg);
}

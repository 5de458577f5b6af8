/* Intersections, unions and differences. Nothing is copied on the way: the members go from the sets to the answer or to the
 * destination, in the order in which they are found.
 *
 *   intersection   the members of the smallest set that all others have
 *   union          a walk over all sets at once (kv_set_merge.h)
 *   difference     the members of the first set that no other has, asked one by one, or, when the others hold less in all than
 *                  that would take, a walk over all sets at once */
#include "base/arena.h"
#include "base/num.h"
#include "commands/partial.h"
#include "commands/set/set_commands.h"
#include "commands/set/set_store.h"
#include "keyspace/keyspace_options.h"
#include "keyspace/kv_set_merge.h"
#include "session/reply.h"

#include <stdlib.h>

/* Where members go: counted, answered, or stored. */
enum target { COUNT, ANSWER, STORE };

struct algebra {
    struct call *c;
    struct kv_rec **sets; /* NULL: empty */
    size_t n;
    enum target target;
    uint64_t found, limit; /* COUNT: limit 0: none */
    size_t token;          /* ANSWER: of the deferred length */
    struct set_store store;
    bool ints; /* all members found are integers */
};

/* -- Sets in, members out ---------------------------------------------------------------------------------------------------- */

/* Looks up the sets of n keys. False: the error is answered. */
static bool look_up(struct algebra *a, struct call *c, const struct slice *keys, size_t n,
                    size_t *missing)
{
    *a = (struct algebra){.c = c, .n = n, .ints = true};
    a->sets = arena_alloc(c->arena, n * sizeof(struct kv_rec *));
    *missing = 0;
    for (size_t i = 0; i < n; i++) {
        if (!call_lookup_type(c, keys[i], KV_READ, KV_SET, &a->sets[i]))
            return false;
        *missing += a->sets[i] == NULL;
    }
    return true;
}

static int by_size(const void *x, const void *y)
{
    const struct kv_rec *a = *(struct kv_rec *const *)x, *b = *(struct kv_rec *const *)y;
    uint64_t m = a ? kv_set_count(a) : 0, n = b ? kv_set_count(b) : 0;
    return (m > n) - (m < n);
}

/* dest NULL: an answer. enc: with which a stored set begins. False: the error is answered. */
static bool begin(struct algebra *a, const struct slice *dest, enum kv_set_enc enc)
{
    a->target = dest ? STORE : ANSWER;
    if (dest)
        return set_store_begin(&a->store, a->c, *dest, a->sets, a->n, enc);
    a->token = reply_begin(a->c);
    return true;
}

static enum status emit(struct algebra *a, struct slice member, struct error *err)
{
    int64_t v;
    a->found++;
    switch (a->target) {
    case COUNT:
        return ST_OK;
    case ANSWER:
        reply_bulk(a->c, member);
        return ST_OK;
    case STORE:
        break;
    }
    if (a->ints)
        a->ints = num_parse_int(member, &v);
    return set_store_add(&a->store, member, err);
}

/* enc: that a stored set must have; NULL: whatever it has. */
static void end(struct algebra *a, const enum kv_set_enc *enc, const char *event, enum status st,
                struct error *err)
{
    if (a->target == STORE) {
        set_store_end(&a->store, enc, event, st, err);
        return;
    }
    if (st != ST_OK) {
        partial_fail(a->c, st, err, 1);
        a->found++;
    }
    reply_end(a->c, a->token, SINK_SET, a->found);
}

/* -- Intersection ------------------------------------------------------------------------------------------------------------ */

/* Asks the sets from 1 on whether they have the member, until one answers so: *result is what it answered, or the opposite. */
static enum status ask(const struct algebra *a, struct slice member, bool until, bool *result,
                       struct error *err)
{
    enum status st = ST_OK;
    *result = !until;
    for (size_t i = 1; i < a->n && st == ST_OK && *result != until; i++) {
        bool has;
        if (!a->sets[i] || a->sets[i] == a->sets[0])
            continue;
        st = kv_set_has(a->sets[i], member, &has, err);
        if (st == ST_OK && has == until)
            *result = until;
    }
    return st;
}

/* The sets are sorted by size. */
static enum status intersect(struct algebra *a, struct error *err)
{
    struct kv_set_cur cur;
    enum status st = kv_set_first(a->sets[0], &cur, err);
    while (st == ST_OK && !kv_set_end(&cur)) {
        struct slice member = kv_set_member(&cur);
        bool all;
        st = ask(a, member, false, &all, err);
        if (st == ST_OK && all)
            st = emit(a, member, err);
        if (a->limit && a->found >= a->limit)
            break;
        if (st == ST_OK)
            st = kv_set_next(&cur, err);
    }
    return st;
}

static void inter(struct call *c, const struct slice *keys, size_t n, const struct slice *dest)
{
    struct algebra a;
    struct error err = {.message = ""};
    enum kv_set_enc intset = KV_SET_INTSET, start = KV_SET_LISTPACK;
    enum status st = ST_OK;
    size_t missing;
    bool narrow;
    if (!look_up(&a, c, keys, n, &missing))
        return;
    qsort(a.sets, n, sizeof(struct kv_rec *), by_size);
    if (!missing && kv_set_encoding(a.sets[0]) == KV_SET_INTSET)
        start = KV_SET_INTSET;
    if (!begin(&a, dest, start))
        return;
    if (!missing)
        st = intersect(&a, &err);
    narrow = a.ints && a.found <= (uint64_t)keyspace_opts.set_max_intset_entries;
    end(&a, narrow ? &intset : NULL, "sinterstore", st, &err);
}

void cmd_sinter(struct call *c)
{
    inter(c, c->argv + 1, (size_t)c->argc - 1, NULL);
}

void cmd_smembers(struct call *c)
{
    inter(c, c->argv + 1, 1, NULL);
}

void cmd_sinterstore(struct call *c)
{
    inter(c, c->argv + 2, (size_t)c->argc - 2, &c->argv[1]);
}

void cmd_sintercard(struct call *c)
{
    struct algebra a;
    struct error err = {.message = ""};
    int64_t keys, limit = 0;
    size_t missing;
    if (!call_arg_range(c, 1, 1, INT64_MAX, &keys, "numkeys should be greater than 0"))
        return;
    if (keys > c->argc - 2) {
        reply_error(c, "ERR Number of keys can't be greater than number of args");
        return;
    }
    for (int i = 2 + (int)keys; i < c->argc; i += 2) {
        if (!call_arg_is(c, i, "limit") || i + 1 == c->argc) {
            reply_syntax_error(c);
            return;
        }
        if (!call_arg_range(c, i + 1, 0, INT64_MAX, &limit, "LIMIT can't be negative"))
            return;
    }
    if (!look_up(&a, c, c->argv + 2, (size_t)keys, &missing))
        return;
    qsort(a.sets, a.n, sizeof(struct kv_rec *), by_size);
    a.target = COUNT;
    a.limit = (uint64_t)limit;
    enum status st = missing ? ST_OK : intersect(&a, &err);
    if (st == ST_OK)
        reply_int(c, (int64_t)a.found);
    else
        call_reply_status(c, st, &err);
}

/* -- Union and difference ------------------------------------------------------------------------------------------------------ */

/* The encoding of a set to which all members seen were added, one by one. */
struct shape {
    uint64_t n;
    size_t longest;
    bool strings;
};

static void shape_add(struct shape *s, struct slice member)
{
    int64_t v;
    s->n++;
    if (member.n > s->longest)
        s->longest = member.n;
    if (!s->strings)
        s->strings = !num_parse_int(member, &v);
}

static enum kv_set_enc shape_encoding(const struct shape *s)
{
    if (!s->strings)
        return s->n <= (uint64_t)keyspace_opts.set_max_intset_entries ? KV_SET_INTSET
                                                                      : KV_SET_HASHTABLE;
    return s->n <= (uint64_t)keyspace_opts.set_max_listpack_entries &&
                   s->longest <= (uint64_t)keyspace_opts.set_max_listpack_value
               ? KV_SET_LISTPACK
               : KV_SET_HASHTABLE;
}

/* A walk over all sets at once; subtract: only what the first has alone. shape sees all members of the first. */
static enum status merge(struct algebra *a, bool subtract, struct shape *shape, struct error *err)
{
    struct kv_set_merge *m;
    enum status st = kv_set_merge_open(a->sets, a->n, &m, err);
    while (st == ST_OK) {
        struct kv_set_merged now;
        bool done;
        st = kv_set_merge_next(m, &now, &done, err);
        if (st != ST_OK || done)
            break;
        if (now.in_first)
            shape_add(shape, now.member);
        if (!subtract || (now.in_first && !now.in_others))
            st = emit(a, now.member, err);
    }
    kv_set_merge_close(m);
    return st;
}

static enum status subtract_asking(struct algebra *a, struct error *err)
{
    struct kv_set_cur cur;
    enum status st = kv_set_first(a->sets[0], &cur, err);
    while (st == ST_OK && !kv_set_end(&cur)) {
        struct slice member = kv_set_member(&cur);
        bool any;
        st = ask(a, member, true, &any, err);
        if (st == ST_OK && !any)
            st = emit(a, member, err);
        if (st == ST_OK)
            st = kv_set_next(&cur, err);
    }
    return st;
}

/* Largest first: it is the likeliest to have a member. */
static int by_size_down(const void *x, const void *y)
{
    return by_size(y, x);
}

/* Asking costs about half as much for each member as a walk. */
static bool asking_is_cheaper(const struct algebra *a)
{
    uint64_t asking = 0, walking = 0;
    for (size_t i = 0; i < a->n; i++) {
        if (!a->sets[i])
            continue;
        asking += kv_set_count(a->sets[0]);
        walking += kv_set_count(a->sets[i]);
    }
    return asking / 2 <= walking;
}

static void diff(struct call *c, const struct slice *keys, size_t n, const struct slice *dest)
{
    struct algebra a;
    struct shape shape = {0};
    struct error err = {.message = ""};
    enum kv_set_enc enc;
    enum status st = ST_OK;
    size_t missing;
    bool nothing, asking = true;
    if (!look_up(&a, c, keys, n, &missing))
        return;
    nothing = a.sets[0] == NULL;
    for (size_t i = 1; i < n; i++)
        nothing |= a.sets[i] == a.sets[0];
    if (!begin(&a, dest, KV_SET_INTSET))
        return;
    if (!nothing) {
        asking = asking_is_cheaper(&a);
        if (asking)
            qsort(a.sets + 1, n - 1, sizeof(struct kv_rec *), by_size_down);
        st = asking ? subtract_asking(&a, &err) : merge(&a, true, &shape, &err);
    }
    enc = shape_encoding(&shape);
    end(&a, asking ? NULL : &enc, "sdiffstore", st, &err);
}

static void unite(struct call *c, const struct slice *keys, size_t n, const struct slice *dest)
{
    struct algebra a;
    struct shape shape = {0};
    struct error err = {.message = ""};
    size_t missing;
    if (!look_up(&a, c, keys, n, &missing) || !begin(&a, dest, KV_SET_INTSET))
        return;
    enum status st = merge(&a, false, &shape, &err);
    end(&a, NULL, "sunionstore", st, &err);
}

void cmd_sunion(struct call *c)
{
    unite(c, c->argv + 1, (size_t)c->argc - 1, NULL);
}

void cmd_sunionstore(struct call *c)
{
    unite(c, c->argv + 2, (size_t)c->argc - 2, &c->argv[1]);
}

void cmd_sdiff(struct call *c)
{
    diff(c, c->argv + 1, (size_t)c->argc - 1, NULL);
}

void cmd_sdiffstore(struct call *c)
{
    diff(c, c->argv + 2, (size_t)c->argc - 2, &c->argv[1]);
}

/* SORT and SORT_RO: the elements of a list, set or sorted set in an order, or what other keys hold for them.
 *
 *   elements --BY: a weight each--> sorted --LIMIT: a part--> --GET: values for each--> reply or list (STORE)
 *
 * Everything is collected before the first byte is answered, because reading another key may fail. Elements, weights and values
 * are borrowed from the records, which stay as they are until a list is stored. */
#include "base/arena.h"
#include "base/mem.h"
#include "base/num.h"
#include "commands/generic/generic_commands.h"
#include "keyspace/kv_hash.h"
#include "keyspace/kv_list.h"
#include "keyspace/kv_set.h"
#include "keyspace/kv_zset.h"
#include "session/acl.h"
#include "session/reply.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct sort_options {
    struct slice by, store; /* p NULL: not given */
    int64_t offset, limit;  /* limit below 0: all */
    const struct slice **get;
    size_t gets;
    bool descending, alpha;
    bool as_is; /* BY a constant: the order of the key */
    bool bytewise;
};

struct sort_item {
    struct slice value;
    struct slice weight; /* under ALPHA; p NULL: there is none */
    double score;
};

struct sort {
    struct call *c;
    struct sort_options o;
    struct sort_item *items; /* of the whole key, or with as_is of the part that is wanted */
    size_t n;
    size_t first, count; /* the part of items that is wanted */
    struct slice *out;   /* p NULL: nothing */
    size_t outs;
};

/* -- Options --------------------------------------------------------------------------------------------------------- */

static bool reads_all_keys(struct call *c, const char *option)
{
    if (acl_unlimited(c->s->user) || acl_reads_all_keys(c->s->user, c->cmd))
        return true;
    reply_errorf(c, "ERR %s option of SORT denied due to insufficient ACL permissions.", option);
    return false;
}

static bool has_star(struct slice pattern)
{
    return memchr(pattern.p, '*', pattern.n) != NULL;
}

/* The option at argv[*i] that takes one argument; *i moves onto that. */
static bool parse_pattern(struct call *c, struct sort_options *o, int *i)
{
    struct slice *pattern = &c->argv[*i + 1];
    if (call_arg_is(c, *i, "by")) {
        o->by = *pattern;
        if (!has_star(*pattern))
            o->as_is = true;
        else if (!reads_all_keys(c, "BY"))
            return false;
    } else {
        if (!reads_all_keys(c, "GET"))
            return false;
        o->get[o->gets++] = pattern;
    }
    ++*i;
    return true;
}

static bool parse(struct call *c, bool may_store, struct sort_options *o)
{
    *o = (struct sort_options){.limit = -1};
    o->get = arena_alloc(c->arena, (size_t)c->argc * sizeof(*o->get));
    for (int i = 2; i < c->argc; i++) {
        int left = c->argc - i - 1;
        if (call_arg_is(c, i, "asc")) {
            o->descending = false;
        } else if (call_arg_is(c, i, "desc")) {
            o->descending = true;
        } else if (call_arg_is(c, i, "alpha")) {
            o->alpha = true;
        } else if (call_arg_is(c, i, "limit") && left >= 2) {
            if (!call_arg_int(c, i + 1, &o->offset, NULL) ||
                !call_arg_int(c, i + 2, &o->limit, NULL))
                return false;
            i += 2;
        } else if (may_store && call_arg_is(c, i, "store") && left >= 1) {
            o->store = c->argv[++i];
        } else if ((call_arg_is(c, i, "by") || call_arg_is(c, i, "get")) && left >= 1) {
            if (!parse_pattern(c, o, &i))
                return false;
        } else {
            reply_syntax_error(c);
            return false;
        }
    }
    return true;
}

/* -- Loading --------------------------------------------------------------------------------------------------------- */

static uint64_t element_count(const struct kv_rec *rec)
{
    switch (kv_rec_type(rec)) {
    case KV_LIST:
        return kv_list_count(rec);
    case KV_SET:
        return kv_set_count(rec);
    case KV_ZSET:
        return kv_zset_count(rec);
    case KV_NONE:
    case KV_STRING:
    case KV_HASH:
    case KV_STREAM:
    case KV_MODULE:
        break;
    }
    return 0;
}

static void add(struct sort *s, struct slice value)
{
    s->items[s->n++] = (struct sort_item){.value = value.p ? value : SLICE("")};
}

/* n elements from rank first on, or backwards. */
static enum status load_list(struct sort *s, struct kv_rec *rec, uint64_t first, uint64_t n,
                             bool backwards, struct error *err)
{
    struct kv_list_cur at;
    enum status st = kv_list_at(rec, first, &at, err);
    for (; st == ST_OK && n > 0 && !kv_list_end(&at); n--) {
        add(s, kv_list_value(&at));
        st = backwards ? kv_list_prev(&at, err) : kv_list_next(&at, err);
    }
    return st;
}

static enum status load_zset(struct sort *s, struct kv_rec *rec, uint64_t first, uint64_t n,
                             bool backwards, struct error *err)
{
    struct kv_zset_cur at;
    enum status st = kv_zset_at(rec, first, &at, err);
    for (; st == ST_OK && n > 0 && !kv_zset_end(&at); n--) {
        add(s, kv_zset_item(&at).member);
        st = backwards ? kv_zset_prev(&at, err) : kv_zset_next(&at, err);
    }
    return st;
}

static enum status load_set(struct sort *s, struct kv_rec *rec, struct error *err)
{
    struct kv_set_cur at;
    bool numbers = kv_set_encoding(rec) == KV_SET_INTSET;
    enum status st = kv_set_first(rec, &at, err);
    while (st == ST_OK && !kv_set_end(&at)) {
        struct slice member = kv_set_member(&at);
        add(s, numbers ? arena_dup(s->c->arena, member) : member);
        st = kv_set_next(&at, err);
    }
    return st;
}

/* Which part of total elements LIMIT takes. */
static void choose_part(struct sort *s, uint64_t total)
{
    uint64_t first = s->o.offset > 0 ? (uint64_t)s->o.offset : 0;
    s->first = first < total ? first : total;
    s->count = total - s->first;
    if (s->o.limit >= 0 && (uint64_t)s->o.limit < s->count)
        s->count = (uint64_t)s->o.limit;
}

/* A list or sorted set that stays in its order is read only where it is wanted. */
static enum status load_part(struct sort *s, struct kv_rec *rec, uint64_t total, struct error *err)
{
    uint64_t from = s->o.descending ? total - 1 - s->first : s->first;
    enum status st = ST_OK;
    if (s->count > 0)
        st = kv_rec_type(rec) == KV_LIST ? load_list(s, rec, from, s->count, s->o.descending, err)
                                         : load_zset(s, rec, from, s->count, s->o.descending, err);
    s->first = 0;
    return st;
}

/* rec may be NULL: no elements. False: answered. */
static bool load(struct sort *s, struct kv_rec *rec)
{
    struct error err;
    enum status st = ST_OK;
    uint64_t total = rec ? element_count(rec) : 0;
    bool part = s->o.as_is && rec && kv_rec_type(rec) != KV_SET;
    choose_part(s, total);
    size_t room = part ? s->count : total;
    s->items = mem_try_alloc((room ? room : 1) * sizeof(*s->items));
    if (!s->items) {
        call_reply_status(s->c, error_set(&err, ST_NO_MEMORY, "no memory for SORT"), &err);
        return false;
    }
    if (part)
        st = load_part(s, rec, total, &err);
    else if (rec && kv_rec_type(rec) == KV_LIST)
        st = load_list(s, rec, 0, total, false, &err);
    else if (rec && kv_rec_type(rec) == KV_ZSET)
        st = load_zset(s, rec, 0, total, false, &err);
    else if (rec)
        st = load_set(s, rec, &err);
    if (st != ST_OK)
        call_reply_status(s->c, st, &err);
    return st == ST_OK;
}

/* -- Values of other keys ---------------------------------------------------------------------------------------------- */

/* The pattern with its first '*' replaced by value; *field is what stands behind "->", p NULL: no such thing. */
static struct slice fill_in(struct arena *a, struct slice pattern, struct slice value,
                            struct slice *field)
{
    const char *star = memchr(pattern.p, '*', pattern.n);
    size_t before = (size_t)(star - pattern.p), after = pattern.n - before - 1;
    const char *arrow = memmem(star + 1, after, "->", 2);
    *field = SLICE_NULL;
    if (arrow && arrow + 2 < pattern.p + pattern.n) {
        *field = slice_make(arrow + 2, (size_t)(pattern.p + pattern.n - arrow - 2));
        after = (size_t)(arrow - star - 1);
    }
    char *key = arena_alloc(a, before + value.n + after + 1);
    memcpy(key, pattern.p, before);
    if (value.n)
        memcpy(key + before, value.p, value.n);
    memcpy(key + before + value.n, star + 1, after);
    return slice_make(key, before + value.n + after);
}

/* What pattern means for value; p NULL: nothing. False: answered. */
static bool look_up(struct call *c, struct slice pattern, struct slice value, struct slice *out)
{
    struct kv_rec *rec;
    struct slice field;
    struct error err;
    bool found = false;
    if (slice_eq(pattern, SLICE("#"))) {
        *out = value;
        return true;
    }
    *out = SLICE_NULL;
    if (!has_star(pattern))
        return true;
    if (!call_lookup(c, fill_in(c->arena, pattern, value, &field), KV_READ, &rec))
        return false;
    if (rec && !field.p && kv_rec_type(rec) == KV_STRING) {
        char number[NUM_BUF];
        *out = kv_str(rec, number);
        if (out->p == number)
            *out = arena_dup(c->arena, *out);
    } else if (rec && field.p && kv_rec_type(rec) == KV_HASH) {
        enum status st = kv_hash_get(rec, field, &found, out, &err);
        if (st != ST_OK) {
            call_reply_status(c, st, &err);
            return false;
        }
        if (!found)
            *out = SLICE_NULL;
    } else {
        return true;
    }
    if (!out->p && (found || !field.p))
        *out = SLICE("");
    return true;
}

/* -- Sorting ----------------------------------------------------------------------------------------------------------- */

/* As strtod sees a text that ends at its first NUL byte. */
static bool to_score(struct arena *a, struct slice text, double *score)
{
    char tmp[128], *end;
    char *s = text.n < sizeof(tmp) ? tmp : arena_alloc(a, text.n + 1);
    if (text.n)
        memcpy(s, text.p, text.n);
    s[text.n] = 0;
    errno = 0;
    *score = strtod(s, &end);
    return *end == 0 && errno != ERANGE && !isnan(*score);
}

/* Gives every element what it is sorted by. False: answered. */
static bool weigh(struct sort *s)
{
    bool numbers = true;
    for (size_t i = 0; i < s->n; i++) {
        struct sort_item *item = &s->items[i];
        struct slice weight = item->value;
        if (s->o.by.p && !look_up(s->c, s->o.by, item->value, &weight))
            return false;
        if (s->o.alpha)
            item->weight = weight;
        else if (weight.p)
            numbers &= to_score(s->c->arena, weight, &item->score);
    }
    if (!numbers)
        reply_error(s->c, "ERR One or more scores can't be converted into double");
    return numbers;
}

/* What is stored must not depend on the locale. */
static bool bytewise(const struct sort *s)
{
    const char *locale = setlocale(LC_COLLATE, NULL);
    return s->o.store.p || !locale || strcmp(locale, "C") == 0 || strcmp(locale, "POSIX") == 0;
}

static int compare_text(const struct sort *s, struct slice a, struct slice b)
{
    if (s->o.bytewise)
        return slice_cmp(a, b);
    char *x = mem_alloc(a.n + b.n + 2), *y = x + a.n + 1;
    memcpy(x, a.p, a.n);
    memcpy(y, b.p, b.n);
    x[a.n] = y[b.n] = 0;
    int order = strcoll(x, y);
    mem_free(x);
    return order;
}

static int compare(const void *a, const void *b, void *arg)
{
    const struct sort *s = arg;
    const struct sort_item *x = a, *y = b;
    int order;
    if (!s->o.alpha) {
        order = (x->score > y->score) - (x->score < y->score);
        if (order == 0)
            order = slice_cmp(x->value, y->value);
    } else if (!x->weight.p || !y->weight.p) {
        order = (x->weight.p != NULL) - (y->weight.p != NULL);
    } else {
        order = compare_text(s, x->weight, y->weight);
    }
    return s->o.descending ? -order : order;
}

/* -- Results ------------------------------------------------------------------------------------------------------------- */

/* Puts the results in order into out. False: answered. */
static bool collect(struct sort *s)
{
    struct error err;
    size_t each = s->o.gets ? s->o.gets : 1;
    s->out = mem_try_alloc((s->count ? s->count * each : 1) * sizeof(*s->out));
    if (!s->out) {
        call_reply_status(s->c, error_set(&err, ST_NO_MEMORY, "no memory for SORT"), &err);
        return false;
    }
    for (size_t i = s->first; i < s->first + s->count; i++) {
        if (!s->o.gets)
            s->out[s->outs++] = s->items[i].value;
        for (size_t g = 0; g < s->o.gets; g++)
            if (!look_up(s->c, *s->o.get[g], s->items[i].value, &s->out[s->outs++]))
                return false;
    }
    return true;
}

static void answer(struct sort *s)
{
    reply_array(s->c, s->outs);
    for (size_t i = 0; i < s->outs; i++) {
        if (s->out[i].p)
            reply_bulk(s->c, s->out[i]);
        else
            reply_null(s->c);
    }
}

static enum status fill_list(struct sort *s, struct kv_rec *rec, struct error *err)
{
    enum status st = kv_list_expect(rec, s->out, s->outs, err);
    for (size_t i = 0; st == ST_OK && i < s->outs; i++)
        st = kv_list_push(rec, KV_LIST_TAIL, s->out[i], err);
    return st;
}

static void store_list(struct sort *s)
{
    struct call *c = s->c;
    struct kv_rec *rec;
    struct error err;
    /* The destination may be what the results are borrowed from. */
    for (size_t i = 0; i < s->outs; i++)
        s->out[i] = s->out[i].p ? arena_dup(c->arena, s->out[i]) : SLICE("");
    enum status st = kv_list_make(c->kv, c->db, s->o.store, &rec, &err);
    if (st == ST_OK) {
        st = fill_list(s, rec, &err);
        kv_edit_end(c->kv, rec, st == ST_OK ? s->outs : 0);
        if (st != ST_OK)
            kv_del(c->kv, rec);
    }
    if (st != ST_OK) {
        call_reply_status(c, st, &err);
        return;
    }
    kv_notify(c->kv, NOTIFY_LIST, "sortstore", c->db, s->o.store);
    call_changed(c, s->outs);
    reply_int(c, (int64_t)s->outs);
}

static void store_nothing(struct sort *s)
{
    struct call *c = s->c;
    struct kv_rec *rec;
    if (!call_lookup(c, s->o.store, KV_WRITE, &rec))
        return;
    if (rec) {
        kv_del(c->kv, rec);
        kv_notify(c->kv, NOTIFY_GENERIC, "del", c->db, s->o.store);
        call_changed(c, 1);
    }
    reply_int(c, 0);
}

static bool type_can_be_sorted(const struct kv_rec *rec)
{
    enum kv_type t = kv_rec_type(rec);
    return t == KV_LIST || t == KV_SET || t == KV_ZSET;
}

static void run(struct sort *s, struct kv_rec *rec)
{
    /* A set has no order to keep; where the result must be the same everywhere it gets one. */
    if (s->o.as_is && rec && kv_rec_type(rec) == KV_SET && (s->o.store.p || s->c->in_script)) {
        s->o.as_is = false;
        s->o.alpha = true;
        s->o.by = SLICE_NULL;
    }
    if (!load(s, rec))
        return;
    if (!s->o.as_is) {
        if (!weigh(s))
            return;
        s->o.bytewise = bytewise(s);
        qsort_r(s->items, s->n, sizeof(*s->items), compare, s);
    }
    if (!collect(s))
        return;
    if (!s->o.store.p)
        answer(s);
    else if (s->outs > 0)
        store_list(s);
    else
        store_nothing(s);
}

static void sort_key(struct call *c, bool may_store)
{
    struct sort s = {.c = c};
    struct kv_rec *rec;
    if (!parse(c, may_store, &s.o) || !call_lookup(c, c->argv[1], KV_READ, &rec))
        return;
    if (rec && !type_can_be_sorted(rec)) {
        reply_wrong_type(c);
        return;
    }
    run(&s, rec);
    mem_free(s.items);
    mem_free(s.out);
}

void cmd_sort(struct call *c)
{
    sort_key(c, true);
}

void cmd_sort_ro(struct call *c)
{
    sort_key(c, false);
}

/* The key, and that of the last STORE. */
bool keys_sort(const struct command *cmd, const struct slice *argv, int argc, struct key_refs *out)
{
    int store = 0;
    key_refs_add(out, 1, KEY_RO | KEY_ACCESS);
    for (int i = 2; i < argc; i++) {
        if (slice_is(argv[i], "limit"))
            i += 2;
        else if (slice_is(argv[i], "get") || slice_is(argv[i], "by"))
            i++;
        else if (slice_is(argv[i], "store") && i + 1 < argc)
            store = ++i;
    }
    if (store && cmd->flags & CMD_WRITE)
        key_refs_add(out, store, KEY_OW | KEY_UPDATE);
    return true;
}

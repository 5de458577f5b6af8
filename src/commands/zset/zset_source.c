#include "commands/zset/zset_source.h"

#include "base/arena.h"

typedef enum status (*each_fn)(void *arg, const struct kv_zset_item *item, struct error *err);

uint64_t zset_source_count(const struct zset_source *s)
{
    if (!s->rec)
        return 0;
    return s->is_set ? kv_set_count(s->rec) : kv_zset_count(s->rec);
}

enum status zset_source_find(const struct zset_source *s, struct slice member, bool *found,
                             double *score, struct error *err)
{
    *found = false;
    *score = 1;
    if (!s->rec)
        return ST_OK;
    return s->is_set ? kv_set_has(s->rec, member, found, err)
                     : kv_zset_score(s->rec, member, found, score, err);
}

static enum status each_of_set(const struct zset_source *s, struct arena *arena, each_fn fn,
                               void *arg, struct error *err)
{
    struct kv_set_cur cur;
    bool copy = kv_set_encoding(s->rec) == KV_SET_INTSET;
    enum status st = kv_set_first(s->rec, &cur, err);
    while (st == ST_OK && !kv_set_end(&cur)) {
        struct kv_zset_item item = {.member = kv_set_member(&cur), .score = 1};
        if (copy)
            item.member = arena_dup(arena, item.member);
        st = fn(arg, &item, err);
        if (st == ST_OK)
            st = kv_set_next(&cur, err);
    }
    return st;
}

static enum status each_of_zset(const struct zset_source *s, each_fn fn, void *arg,
                                struct error *err)
{
    struct kv_zset_cur cur;
    enum status st = kv_zset_first(s->rec, &cur, err);
    while (st == ST_OK && !kv_zset_end(&cur)) {
        struct kv_zset_item item = kv_zset_item(&cur);
        st = fn(arg, &item, err);
        if (st == ST_OK)
            st = kv_zset_next(&cur, err);
    }
    return st;
}

enum status zset_source_each(const struct zset_source *s, struct arena *arena, each_fn fn,
                             void *arg, struct error *err)
{
    if (!s->rec)
        return ST_OK;
    return s->is_set ? each_of_set(s, arena, fn, arg, err) : each_of_zset(s, fn, arg, err);
}

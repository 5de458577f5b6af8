/* Iterator wrappers: bounds are clamped here, once for all providers. */
#include "base/mem.h"
#include "storage/storage_priv.h"

struct stor_iter *stor__iter_wrap(struct stor *s, const struct stor_provider *p, void *it,
                                  const struct stor_iter_opts *opts)
{
    struct stor_iter *w = mem_calloc(1, sizeof *w);

    w->s = s;
    w->p = p;
    w->it = it;
    w->has_lower = opts && opts->lower.p;
    w->has_upper = opts && opts->upper.p;
    if (w->has_lower)
        buf_put_slice(&w->lower, opts->lower);
    if (w->has_upper)
        buf_put_slice(&w->upper, opts->upper);
    w->empty = w->has_upper && slice_cmp(buf_slice(&w->lower), buf_slice(&w->upper)) >= 0;
    atomic_fetch_add(&s->open_handles, 1);
    return w;
}

struct stor_iter *stor_iter_new(struct stor *s, unsigned space, const struct stor_iter_opts *opts)
{
    static const struct stor_iter_opts all = {.fill_cache = true};

    orbit_assert(s->magic == STOR_MAGIC && space < s->nspaces);
    if (!opts)
        opts = &all;
    void *it = s->p->iter_new(s->h, space, opts, opts->snap ? opts->snap->h : NULL);
    return stor__iter_wrap(s, s->p, it, opts);
}

void stor_iter_free(struct stor_iter *it)
{
    if (!it)
        return;
    it->p->iter_free(it->it);
    atomic_fetch_sub(&it->s->open_handles, 1);
    buf_free(&it->lower);
    buf_free(&it->upper);
    mem_free(it);
}

void stor_iter_first(struct stor_iter *it)
{
    stor__count(&it->s->reads, 1);
    if (!it->empty)
        it->p->iter_first(it->it);
}

void stor_iter_last(struct stor_iter *it)
{
    stor__count(&it->s->reads, 1);
    if (!it->empty)
        it->p->iter_last(it->it);
}

void stor_iter_seek(struct stor_iter *it, struct slice key)
{
    key = stor__norm(key);
    stor__count(&it->s->reads, 1);
    if (it->empty)
        return;
    if (it->has_lower && slice_cmp(key, buf_slice(&it->lower)) <= 0)
        it->p->iter_first(it->it);
    else
        it->p->iter_seek(it->it, key);
}

void stor_iter_seek_prev(struct stor_iter *it, struct slice key)
{
    key = stor__norm(key);
    stor__count(&it->s->reads, 1);
    if (it->empty)
        return;
    if (it->has_upper && slice_cmp(key, buf_slice(&it->upper)) >= 0)
        it->p->iter_last(it->it);
    else
        it->p->iter_seek_prev(it->it, key);
}

void stor_iter_next(struct stor_iter *it)
{
    orbit_assert(stor_iter_valid(it));
    it->p->iter_next(it->it);
}

void stor_iter_prev(struct stor_iter *it)
{
    orbit_assert(stor_iter_valid(it));
    it->p->iter_prev(it->it);
}

bool stor_iter_valid(const struct stor_iter *it)
{
    return !it->empty && it->p->iter_valid(it->it);
}

struct slice stor_iter_key(const struct stor_iter *it)
{
    return it->p->iter_key(it->it);
}

struct slice stor_iter_value(const struct stor_iter *it)
{
    return it->p->iter_value(it->it);
}

enum status stor_iter_status(const struct stor_iter *it, struct error *err)
{
    return it->p->iter_status(it->it, err);
}

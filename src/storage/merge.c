/* Merging two ordered iterators.
 *
 *   base:  a     c  d          forward: both stand at or behind the current key, the smaller one is current
 *   over:     b  c' d-         backward: both stand at or before it, the larger one is current
 *   shown: a  b  c'            at equal keys over wins, and both move on
 *
 * A change of direction moves the one that is not current to the other side of the current key. */
#include "storage/merge.h"

#include "base/mem.h"

struct merge_iter {
    const struct stor_provider *p;
    void *base;
    struct mvcc_iter *over;
    bool forward;
    bool on_base, on_over; /* which of the two stand on the current key; none: not valid */
    struct buf turn;       /* the current key while the direction changes */
    void (*done)(void *arg);
    void *arg;
};

struct merge_iter *merge_iter_new(const struct stor_provider *p, void *base, struct mvcc_iter *over,
                                  void (*done)(void *arg), void *arg)
{
    struct merge_iter *it = mem_calloc(1, sizeof *it);

    it->p = p;
    it->base = base;
    it->over = over;
    it->done = done;
    it->arg = arg;
    return it;
}

void merge_iter_free(void *p)
{
    struct merge_iter *it = p;

    it->p->iter_free(it->base);
    mvcc_iter_free(it->over);
    if (it->done)
        it->done(it->arg);
    buf_free(&it->turn);
    mem_free(it);
}

static bool over_valid(const struct merge_iter *it)
{
    return it->over && mvcc_iter_valid(it->over);
}

static void step_base(struct merge_iter *it)
{
    if (it->forward)
        it->p->iter_next(it->base);
    else
        it->p->iter_prev(it->base);
}

static void step_over(struct merge_iter *it)
{
    if (it->forward)
        mvcc_iter_next(it->over);
    else
        mvcc_iter_prev(it->over);
}

/* Finds out which one is current, passing over deleted keys. */
static void settle(struct merge_iter *it)
{
    for (;;) {
        bool base = it->p->iter_valid(it->base), over = over_valid(it);
        int c = 0;
        if (base && over) {
            c = slice_cmp(it->p->iter_key(it->base), mvcc_iter_key(it->over));
            if (!it->forward)
                c = -c;
        }
        it->on_base = base && (!over || c <= 0);
        it->on_over = over && (!base || c >= 0);
        if (!it->on_over || !mvcc_iter_deleted(it->over))
            return;
        if (it->on_base)
            step_base(it);
        step_over(it);
    }
}

void merge_iter_first(void *p)
{
    struct merge_iter *it = p;

    it->forward = true;
    it->p->iter_first(it->base);
    if (it->over)
        mvcc_iter_first(it->over);
    settle(it);
}

void merge_iter_last(void *p)
{
    struct merge_iter *it = p;

    it->forward = false;
    it->p->iter_last(it->base);
    if (it->over)
        mvcc_iter_last(it->over);
    settle(it);
}

void merge_iter_seek(void *p, struct slice key)
{
    struct merge_iter *it = p;

    it->forward = true;
    it->p->iter_seek(it->base, key);
    if (it->over)
        mvcc_iter_seek(it->over, key);
    settle(it);
}

void merge_iter_seek_prev(void *p, struct slice key)
{
    struct merge_iter *it = p;

    it->forward = false;
    it->p->iter_seek_prev(it->base, key);
    if (it->over)
        mvcc_iter_seek_prev(it->over, key);
    settle(it);
}

/* Puts the two on the same side of the current key, so that they can move the other way. */
static void turn(struct merge_iter *it, bool forward)
{
    if (it->forward == forward)
        return;
    it->forward = forward;
    if (!it->over || (it->on_base && it->on_over))
        return;
    struct slice key = merge_iter_key(it);
    buf_clear(&it->turn);
    buf_put_slice(&it->turn, key);
    key = slice_make(it->turn.p ? it->turn.p : "", it->turn.n);
    if (it->on_base) {
        if (forward)
            mvcc_iter_seek(it->over, key);
        else
            mvcc_iter_seek_prev(it->over, key);
    } else {
        if (forward)
            it->p->iter_seek(it->base, key);
        else
            it->p->iter_seek_prev(it->base, key);
    }
    /* The other one may now stand on the current key too, if a newer write hides it there. */
    it->on_base =
        it->on_base || (it->p->iter_valid(it->base) && slice_eq(it->p->iter_key(it->base), key));
    it->on_over = it->on_over || (over_valid(it) && slice_eq(mvcc_iter_key(it->over), key));
}

static void move(struct merge_iter *it, bool forward)
{
    turn(it, forward);
    bool base = it->on_base, over = it->on_over;
    if (base)
        step_base(it);
    if (over)
        step_over(it);
    settle(it);
}

void merge_iter_next(void *it)
{
    move(it, true);
}

void merge_iter_prev(void *it)
{
    move(it, false);
}

bool merge_iter_valid(const void *p)
{
    const struct merge_iter *it = p;

    return it->on_base || it->on_over;
}

struct slice merge_iter_key(const void *p)
{
    const struct merge_iter *it = p;

    return it->on_over ? mvcc_iter_key(it->over) : it->p->iter_key(it->base);
}

struct slice merge_iter_value(const void *p)
{
    const struct merge_iter *it = p;

    return it->on_over ? mvcc_iter_value(it->over) : it->p->iter_value(it->base);
}

enum status merge_iter_status(const void *p, struct error *err)
{
    const struct merge_iter *it = p;

    return it->p->iter_status(it->base, err);
}

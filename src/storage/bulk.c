/* Bulks: the provider's own where it has them, else a batch. */
#include "base/mem.h"
#include "storage/storage_priv.h"

struct stor_bulk {
    struct stor *s;
    unsigned space;
    struct stor_batch *batch; /* NULL: native */
    void *native;
    uint64_t puts, dels;
};

struct stor_bulk *stor_bulk_new(struct stor *s, unsigned space)
{
    orbit_assert(s->magic == STOR_MAGIC && space < s->nspaces);
    struct stor_bulk *b = mem_calloc(1, sizeof *b);
    b->s = s;
    b->space = space;
    if (stor_bulk_native(s))
        b->native = s->p->bulk_new(s->h, space);
    else
        b->batch = stor_batch_new(s);
    return b;
}

bool stor_bulk_native(const struct stor *s)
{
    return s->p->bulk_new && !s->read_only;
}

void stor_bulk_put(struct stor_bulk *b, struct slice key, struct slice value)
{
    b->puts++;
    if (b->batch)
        stor_batch_put(b->batch, b->space, key, value);
    else
        b->s->p->bulk_put(b->native, stor__norm(key), stor__norm(value));
}

void stor_bulk_del(struct stor_bulk *b, struct slice key)
{
    b->dels++;
    if (b->batch)
        stor_batch_del(b->batch, b->space, key);
    else
        b->s->p->bulk_del(b->native, stor__norm(key));
}

/* Like a plain batch, but through the provider's bulk. */
static enum status commit_native(struct stor_bulk *b, struct error *err)
{
    struct stor *s = b->s;
    if (b->puts + b->dels == 0) {
        s->p->bulk_abort(b->native);
        return ST_OK;
    }
    pthread_rwlock_rdlock(&s->write_lock);
    enum status st = s->p->bulk_commit(b->native, err);
    stor__count(&s->generation, 1);
    pthread_rwlock_unlock(&s->write_lock);
    if (st == ST_OK) {
        stor__count(&s->writes, b->puts);
        stor__count(&s->deletes, b->dels);
    }
    return stor__result(s, st);
}

enum status stor_bulk_commit(struct stor_bulk *b, struct error *err)
{
    enum status st;
    if (b->batch) {
        st = stor_write(b->s, b->batch, 0, err);
        stor_batch_free(b->batch);
    } else {
        st = commit_native(b, err);
    }
    mem_free(b);
    return st;
}

void stor_bulk_abort(struct stor_bulk *b)
{
    if (!b)
        return;
    if (b->batch)
        stor_batch_free(b->batch);
    else
        b->s->p->bulk_abort(b->native);
    mem_free(b);
}

/* Named blobs that belong to no key but to the same state as the keys: function libraries. They stand in memory once used, and
 * in the store (FORMAT.md) with the fold that covers their change. Few and small. */
#include "base/mem.h"
#include "keyspace/kv_priv.h"

#include <string.h>

#define AUX_PHYS 255

struct kv_aux {
    struct kv_aux *next;
    bool dirty;
    struct buf bytes;
    size_t name_n;
    char name[];
};

static struct kv_aux *find(const struct kv *kv, const char *name)
{
    struct kv_aux *a = kv->aux;
    while (a && strcmp(a->name, name) != 0)
        a = a->next;
    return a;
}

void kv_aux_set(struct kv *kv, const char *name, struct slice bytes)
{
    struct kv_aux *a = find(kv, name);
    if (!a) {
        size_t n = strlen(name);
        a = mem_calloc(1, sizeof(*a) + n + 1);
        memcpy(a->name, name, n);
        a->name_n = n;
        a->next = kv->aux;
        kv->aux = a;
    }
    buf_clear(&a->bytes);
    buf_put_slice(&a->bytes, bytes);
    a->dirty = true;
    kv->info_dirty = true;
}

enum status kv_aux_get(struct kv *kv, const char *name, struct buf *out, struct error *err)
{
    const struct kv_aux *a = find(kv, name);
    if (a) {
        buf_clear(out);
        buf_put_slice(out, buf_slice(&a->bytes));
        return ST_OK;
    }
    struct buf key = BUF_INIT;
    kv__encode_key(&key, AUX_PHYS, KV_POS_AUX, slice_make(name, strlen(name)));
    enum status st = stor_get(kv->store, NULL, KV_SPACE_META, buf_slice(&key), out, err);
    buf_free(&key);
    return st;
}

void kv__aux_fold(struct kv *kv)
{
    for (struct kv_aux *a = kv->aux; a; a = a->next) {
        if (a->dirty)
            kv__fold_put(kv, AUX_PHYS, KV_POS_AUX, slice_make(a->name, a->name_n),
                         buf_slice(&a->bytes));
        a->dirty = false;
    }
}

void kv__aux_again(struct kv *kv)
{
    for (struct kv_aux *a = kv->aux; a; a = a->next)
        a->dirty = true;
}

void kv__aux_free(struct kv *kv)
{
    while (kv->aux) {
        struct kv_aux *next = kv->aux->next;
        buf_free(&kv->aux->bytes);
        mem_free(kv->aux);
        kv->aux = next;
    }
}

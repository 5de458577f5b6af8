/* Pages of collections from hostile bytes: what is accepted is encoded to bytes that give the same page again, and can be read
 * and searched. The first byte chooses leaf (ordered or not) or inner page. */
#include "keyspace/kv_tree_priv.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
    if (!ok)
        abort();
}

static void fuzz_leaf(struct slice in, bool ordered)
{
    struct kv_leaf *l = kv__leaf_decode(in, ordered);
    if (!l)
        return;
    struct buf out = BUF_INIT, again = BUF_INIT;
    kv__leaf_encode(l, &out);
    struct kv_leaf *same = kv__leaf_decode(buf_slice(&out), ordered);
    expect(same && same->n == l->n && same->bytes == l->bytes);
    kv__leaf_encode(same, &again);
    expect(slice_eq(buf_slice(&out), buf_slice(&again)));
    for (uint32_t i = 0; ordered && i < l->n; i++) {
        bool found;
        expect(kv__leaf_find(l, kv__leaf_key(l, i), &found) == i && found);
    }
    kv__leaf_delete(same, l->n / 2, 1);
    expect(
        kv__leaf_insert(&same, l->n / 2, kv__leaf_key(l, l->n / 2), kv__leaf_value(l, l->n / 2)));
    buf_clear(&again);
    kv__leaf_encode(same, &again);
    expect(slice_eq(buf_slice(&out), buf_slice(&again)));
    buf_free(&out);
    buf_free(&again);
    kv__leaf_unref(l);
    kv__leaf_unref(same);
}

static void fuzz_inner(struct slice in)
{
    struct kv_page p = {.u.inner = kv__inner_decode(in)}, q = {0};
    if (!p.u.inner)
        return;
    struct buf out = BUF_INIT, again = BUF_INIT;
    kv__inner_encode(&p, &out);
    q.u.inner = kv__inner_decode(buf_slice(&out));
    expect(q.u.inner != NULL);
    kv__inner_encode(&q, &again);
    expect(slice_eq(buf_slice(&out), buf_slice(&again)));
    expect(kv__inner_size(p.u.inner) == kv__inner_size(q.u.inner));
    uint64_t total = kv__inner_sum(p.u.inner, p.u.inner->n), rank = total - 1;
    expect(kv__inner_at(p.u.inner, &rank) == p.u.inner->n - 1);
    expect(kv__inner_find(p.u.inner, in) < p.u.inner->n);
    kv__inner_free(p.u.inner);
    kv__inner_free(q.u.inner);
    buf_free(&out);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct slice in = slice_make(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        fuzz_leaf(in, true);
        break;
    case 1:
        fuzz_leaf(in, false);
        break;
    default:
        fuzz_inner(in);
        break;
    }
    return 0;
}

/* The string type: integers in the record, short strings in the record, longer ones in a buffer of their own. */
#include "base/num.h"
#include "keyspace/kv_coll.h"

#include <string.h>

#define EMBSTR_MAX 44 /* where Redis's OBJECT ENCODING changes from embstr to raw */

struct slice kv_str(const struct kv_rec *r, char *tmp)
{
    switch ((enum kv_form)r->form) {
    case KV_STR_INT:
        return slice_make(tmp, num_format_int(tmp, r->v.i));
    case KV_STR_INLINE:
        return slice_make(r->v.in, r->vlen);
    case KV_STR_HEAP:
    case KV_STR_BLOB:
        return slice_make(r->v.p, r->vlen);
    case KV_FORM_COLL:
    case KV_FORM_OBJECT:
        break;
    }
    return SLICE_NULL;
}

size_t kv_str_len(const struct kv_rec *r)
{
    if (r->form != KV_STR_INT)
        return r->vlen;
    uint64_t abs = r->v.i < 0 ? 0 - (uint64_t)r->v.i : (uint64_t)r->v.i;
    return num_digits(abs) + (r->v.i < 0);
}

bool kv_str_int(const struct kv_rec *r, int64_t *v)
{
    if (r->form == KV_STR_INT) {
        *v = r->v.i;
        return true;
    }
    char tmp[NUM_BUF];
    return r->vlen <= 20 && num_parse_int(kv_str(r, tmp), v);
}

const char *kv_rec_encoding(const struct kv_rec *r)
{
    static const char *const words[] = {"listpack",  "quicklist", "intset",
                                        "hashtable", "skiplist",  "stream"};
    if (r->form == KV_FORM_COLL)
        return words[kv__coll(r)->enc];
    if (r->form == KV_STR_INT)
        return "int";
    if (r->type == KV_MODULE)
        return "raw";
    return r->vlen > EMBSTR_MAX || r->made_raw ? "raw" : "embstr";
}

/* Everything that replaces the value of a key goes through here. int_value NULL: value. */
static enum status set_value(struct kv *kv, int db, struct slice key, struct slice value,
                             const int64_t *int_value, int64_t expire, bool keep_ttl,
                             struct kv_rec **rec, struct error *err)
{
    if (value.n > KV_STR_MAX)
        return error_set(err, ST_TOO_LONG, "a string of %zu bytes is too long", value.n);
    struct kv_db *d = kv__db(kv, db);
    struct kv_rec *r;
    enum status st = kv__load_or_make(kv, d, key, &r, err);
    if (UNLIKELY(st != ST_OK))
        return st;
    if (UNLIKELY(kv__live(r) && kv__expired(kv, r)))
        kv__expire_record(kv, d, r);
    bool is_new = !kv__live(r);
    kv__removing(kv, r, KV_OVERWRITTEN);
    kv__change_begin(kv, d, r);
    if (int_value) {
        kv__value_set_int(r, *int_value);
    } else if (UNLIKELY(!kv__value_set(r, value))) {
        kv__change_end(kv, d, r);
        return error_set(err, ST_NO_MEMORY, "out of memory");
    }
    if (!keep_ttl || is_new)
        r->expire = expire;
    r->type = KV_STRING;
    if (is_new)
        kv__touch_new(r);
    else
        kv__touch(kv, r);
    kv__change_end(kv, d, r);
    if (is_new)
        kv_notify(kv, NOTIFY_NEW, "new", db, key);
    if (rec)
        *rec = r;
    return ST_OK;
}

enum status kv_set(struct kv *kv, int db, struct slice key, struct slice value, int64_t expire,
                   unsigned flags, struct kv_rec **rec, struct error *err)
{
    return set_value(kv, db, key, value, NULL, expire, flags & KV_SET_KEEP_TTL, rec, err);
}

enum status kv_set_int(struct kv *kv, int db, struct slice key, int64_t value, struct kv_rec **rec,
                       struct error *err)
{
    return set_value(kv, db, key, SLICE_NULL, &value, KV_NO_EXPIRE, true, rec, err);
}

void kv_str_set_int(struct kv *kv, struct kv_rec *r, int64_t value)
{
    struct kv_db *d = kv__db_of(kv, r);
    kv__change_begin(kv, d, r);
    kv__value_set_int(r, value);
    kv__change_end(kv, d, r);
}

char *kv_str_edit(struct kv *kv, struct kv_rec *r, size_t n)
{
    struct kv_db *d = kv__db_of(kv, r);
    if (n > KV_STR_MAX)
        return NULL;
    kv__change_begin(kv, d, r);
    bool ok = kv__value_reserve(r, n);
    if (ok) {
        if (n > r->vlen)
            memset(r->v.p + r->vlen, 0, n - r->vlen);
        r->vlen = (uint32_t)n;
        r->made_raw = 1;
    }
    kv__change_end(kv, d, r);
    return ok ? r->v.p : NULL;
}

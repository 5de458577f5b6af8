/* Bytes of keys and records in the store, as FORMAT.md beside this file lays down. Pure functions. */
#include "base/num.h"
#include "base/reader.h"
#include "keyspace/kv_priv.h"

#include <string.h>

#define META_VERSION  1
#define KV_MODULE_MIN 9 /* id, end of the parts */
enum { META_INT = 1 << 0, META_EXPIRE = 1 << 1, META_KNOWN = META_INT | META_EXPIRE };

static void put_pos(struct buf *out, uint64_t pos)
{
    buf_put_u64be(out, pos);
}

void kv__encode_key(struct buf *out, uint8_t phys, uint64_t pos, struct slice key)
{
    buf_put_byte(out, phys);
    put_pos(out, pos);
    buf_put_slice(out, key);
}

bool kv__decode_key(struct slice in, uint8_t *phys, uint64_t *pos, struct slice *key)
{
    struct reader r = reader_make(in);
    *phys = reader_u8(&r);
    *pos = reader_u64be(&r);
    *key = reader_rest(&r);
    return !r.bad && *pos >> 48 < KV_SLOTS;
}

void kv__encode_meta(struct buf *out, const struct kv_meta *m)
{
    buf_put_byte(out, META_VERSION);
    buf_put_byte(out, (uint8_t)m->type);
    buf_put_byte(
        out, (uint8_t)((m->is_int ? META_INT : 0) | (m->expire != KV_NO_EXPIRE ? META_EXPIRE : 0)));
    if (m->expire != KV_NO_EXPIRE)
        buf_put_u64be(out, (uint64_t)m->expire);
    if (m->is_int)
        buf_put_u64be(out, (uint64_t)m->i);
    else
        buf_put_slice(out, m->bytes);
}

void kv__page_key(uint8_t phys, uint64_t id, uint32_t page, char out[KV_KEY_PREFIX + 4])
{
    uint64_t pos = __builtin_bswap64(KV_POS_PAGE | id);
    uint32_t be = __builtin_bswap32(page);
    out[0] = (char)phys;
    memcpy(out + 1, &pos, sizeof(pos));
    memcpy(out + KV_KEY_PREFIX, &be, sizeof(be));
}

bool kv__decode_meta(struct slice in, struct kv_meta *m)
{
    struct reader r = reader_make(in);
    uint8_t version = reader_u8(&r);
    uint8_t type = reader_u8(&r);
    uint8_t flags = reader_u8(&r);
    if (r.bad || version != META_VERSION || type < KV_STRING || type > KV_MODULE ||
        (flags & ~META_KNOWN) || ((flags & META_INT) && type != KV_STRING))
        return false;
    m->type = (enum kv_type)type;
    m->expire = flags & META_EXPIRE ? (int64_t)reader_u64be(&r) : KV_NO_EXPIRE;
    m->is_int = flags & META_INT;
    m->i = m->is_int ? (int64_t)reader_u64be(&r) : 0;
    m->bytes = reader_rest(&r);
    if (m->is_int && m->bytes.n != 0)
        return false;
    if (type == KV_MODULE && m->bytes.n < KV_MODULE_MIN)
        return false;
    return !r.bad && m->expire >= KV_NO_EXPIRE && m->bytes.n <= KV_STR_MAX;
}

void kv__encode_expire_key(struct buf *out, int64_t when, uint8_t phys, uint64_t pos,
                           struct slice key)
{
    buf_put_u64be(out, (uint64_t)when);
    kv__encode_key(out, phys, pos, key);
}

bool kv__decode_expire_key(struct slice in, struct kv_expire_key *e)
{
    struct reader r = reader_make(in);
    e->when = (int64_t)reader_u64be(&r);
    return !r.bad && e->when >= 0 && kv__decode_key(reader_rest(&r), &e->phys, &e->pos, &e->key);
}

void kv__encode_expire_value(struct buf *out, const struct kv_expire_value *v)
{
    buf_put_varint(out, v->epoch);
    buf_put_byte(out, (uint8_t)v->type);
    buf_put_varint(out, v->logical);
}

bool kv__decode_expire_value(struct slice in, struct kv_expire_value *v)
{
    struct reader r = reader_make(in);
    uint64_t epoch = reader_varint(&r);
    v->type = (enum kv_type)reader_u8(&r);
    v->logical = reader_varint(&r);
    v->epoch = (uint32_t)epoch;
    return !r.bad && epoch <= UINT32_MAX && v->type <= KV_MODULE && reader_left(&r) == 0;
}

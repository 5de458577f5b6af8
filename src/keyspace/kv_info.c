/* What the store says of itself: one record among those of the keys, written with every fold (FORMAT.md). */
#include "base/mem.h"
#include "base/reader.h"
#include "keyspace/kv_priv.h"

#include <string.h>

#define INFO_VERSION 3

void kv__info_capture(const struct kv *kv, uint64_t seq, int stream_db, struct kv_info *out)
{
    memset(out, 0, sizeof(*out));
    out->seq = seq;
    out->stream_db = stream_db;
    out->ndbs = kv->ndbs;
    for (int i = 0; i < kv->nphys; i++) {
        const struct kv_db *d = &kv->dbs[i];
        out->map[i] = kv->map[i]->phys;
        out->db[i] = (struct kv_info_db){.epoch = d->epoch,
                                         .count = d->count,
                                         .expires = d->expires,
                                         .data_bytes = d->data_bytes,
                                         .expire_sum = d->expire_sum,
                                         .next_id = d->next_id};
    }
}

void kv__info_encode(const struct kv_info *in, int nphys, struct buf *out)
{
    buf_put_byte(out, INFO_VERSION);
    buf_put_u64be(out, in->seq);
    buf_put_u32be(out, (uint32_t)in->stream_db);
    buf_put_u16be(out, (uint16_t)nphys);
    buf_put_u16be(out, (uint16_t)in->ndbs);
    for (int i = 0; i < nphys; i++) {
        buf_put_byte(out, in->map[i]);
        buf_put_u32be(out, in->db[i].epoch);
        buf_put_u64be(out, in->db[i].count);
        buf_put_u64be(out, in->db[i].expires);
        buf_put_u64be(out, in->db[i].data_bytes);
        buf_put_u64be(out, (uint64_t)in->db[i].expire_sum);
        buf_put_u64be(out, in->db[i].next_id);
    }
}

bool kv__info_decode(struct slice in, struct kv_info *out, int *nphys)
{
    struct reader r = reader_make(in);
    bool used[256] = {false};
    memset(out, 0, sizeof(*out));
    uint8_t version = reader_u8(&r);
    if (version < 1 || version > INFO_VERSION)
        return false;
    out->seq = reader_u64be(&r);
    out->stream_db = (int)reader_u32be(&r);
    *nphys = reader_u16be(&r);
    out->ndbs = version < 3 ? *nphys : reader_u16be(&r);
    if (r.bad || *nphys < 1 || *nphys > 256 || out->ndbs < 1 || out->ndbs > *nphys)
        return false;
    for (int i = 0; i < *nphys; i++) {
        out->map[i] = reader_u8(&r);
        if (out->map[i] >= *nphys || used[out->map[i]])
            return false;
        used[out->map[i]] = true;
        out->db[i].epoch = reader_u32be(&r);
        out->db[i].count = reader_u64be(&r);
        out->db[i].expires = reader_u64be(&r);
        out->db[i].data_bytes = reader_u64be(&r);
        out->db[i].expire_sum = (int64_t)reader_u64be(&r);
        out->db[i].next_id = version == 1 ? 1 : reader_u64be(&r); /* 1: before collections */
    }
    return !r.bad && reader_left(&r) == 0;
}

/* Keys in databases beyond the configured number would be lost from sight. */
static enum status check_databases(const struct kv *kv, const struct kv_info *info,
                                   struct error *err)
{
    for (int i = kv->ndbs; i < info->ndbs; i++) {
        if (info->db[info->map[i]].count > 0)
            return error_set(
                err, ST_INVALID,
                "database %d holds keys, but only %d are configured: set databases to at least %d",
                i, kv->ndbs, info->ndbs);
    }
    return ST_OK;
}

static enum status load_seed(struct kv *kv, struct error *err)
{
    struct buf v = BUF_INIT;
    enum status st = stor_get(kv->store, NULL, KV_SPACE_INFO, SLICE("seed"), &v, err);
    if (st == ST_OK && v.n == sizeof(kv->src.seed)) {
        memcpy(&kv->src.seed, v.p, v.n);
    } else if (st == ST_NOT_FOUND) {
        struct stor_batch *b = stor_batch_new(kv->store);
        hash_random(&kv->src.seed, sizeof(kv->src.seed));
        stor_batch_put(b, KV_SPACE_INFO, SLICE("seed"),
                       slice_make(&kv->src.seed, sizeof(kv->src.seed)));
        st = stor_write(kv->store, b, stor_caps(kv->store) & STOR_CAP_SYNC ? STOR_SYNC : 0, err);
        stor_batch_free(b);
    } else if (st == ST_OK) {
        st = error_set(err, ST_CORRUPT, "the store's hash seed has %zu bytes", v.n);
    }
    buf_free(&v);
    return st;
}

enum status kv__info_load(struct kv *kv, struct error *err)
{
    struct buf v = BUF_INIT;
    struct kv_info *info = NULL;
    int stored = 0;
    enum status st = load_seed(kv, err);
    if (st == ST_OK)
        st = stor_get(kv->store, NULL, KV_SPACE_META, KV_INFO_KEY, &v, err);
    if (st == ST_NOT_FOUND) {
        st = ST_OK; /* a new store */
        kv__dbs_make(kv, 0);
        goto out;
    }
    if (st != ST_OK)
        goto out;
    info = mem_alloc(sizeof(*info));
    if (!kv__info_decode(buf_slice(&v), info, &stored)) {
        st = error_set(err, ST_CORRUPT, "the keyspace's own record in the store is damaged");
        goto out;
    }
    st = check_databases(kv, info, err);
    if (st != ST_OK)
        goto out;
    kv->st.folded_seq = info->seq;
    kv->committed_db = kv->stream_db = info->stream_db;
    kv__dbs_make(kv, stored);
    for (int i = 0; i < stored; i++) {
        struct kv_db *d = &kv->dbs[i];
        kv->map[i] = &kv->dbs[info->map[i]];
        d->epoch = info->db[i].epoch;
        d->count = info->db[i].count;
        d->expires = info->db[i].expires;
        d->data_bytes = info->db[i].data_bytes;
        d->expire_sum = info->db[i].expire_sum;
        d->next_id = info->db[i].next_id;
        d->complete = d->count == 0;
    }
    /* A load that was cut short. */
    for (int i = info->ndbs; i < stored; i++)
        (void)kv__db_flush(kv, kv->map[i]);
out:
    buf_free(&v);
    mem_free(info);
    return st;
}

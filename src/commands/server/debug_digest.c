/* DEBUG DIGEST and DIGEST-VALUE: checksums of the data that do not depend on order or on how a value is held.
 *
 *   value  = SHA-1 of the type's name and the bytes
 *   key    = SHA-1 of database, key, expiry and value's digest
 *   data   = exclusive or of all keys: zero when there are none */
#include "base/mem.h"
#include "base/num.h"
#include "commands/server/debug_priv.h"
#include "event/crypto.h"
#include "session/call.h"
#include "session/reply.h"

#define DIGEST_BYTES 20
#define SCAN_BATCH   512

static void digest_value(const struct kv_rec *rec, unsigned char out[DIGEST_BYTES])
{
    char tmp[NUM_BUF];
    struct buf b = BUF_INIT;
    buf_put_str(&b, kv_type_name(kv_rec_type(rec)));
    buf_put_byte(&b, 0);
    if (kv_rec_type(rec) == KV_STRING)
        buf_put_slice(&b, kv_str(rec, tmp));
    crypto_sha1(b.p, b.n, out);
    buf_free(&b);
}

static void add_key(int db, const struct kv_rec *rec, unsigned char sum[DIGEST_BYTES])
{
    unsigned char digest[DIGEST_BYTES];
    struct buf b = BUF_INIT;
    digest_value(rec, digest);
    buf_put_u32be(&b, (uint32_t)db);
    buf_put_u64be(&b, (uint64_t)kv_rec_expire(rec));
    buf_put(&b, digest, sizeof(digest));
    buf_put_slice(&b, kv_rec_key(rec));
    crypto_sha1(b.p, b.n, digest);
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        sum[i] ^= digest[i];
    buf_free(&b);
}

struct keys {
    struct buf bytes;
    size_t *end;
    size_t n, cap;
};

static void collect(void *arg, const struct kv_scan_entry *e)
{
    struct keys *k = arg;
    buf_put_slice(&k->bytes, e->key);
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : SCAN_BATCH;
        k->end = mem_realloc(k->end, k->cap * sizeof(*k->end));
    }
    k->end[k->n++] = k->bytes.n;
}

static enum status add_keys(struct kv *kv, int db, const struct keys *k,
                            unsigned char sum[DIGEST_BYTES], struct error *err)
{
    size_t at = 0;
    for (size_t i = 0; i < k->n; i++) {
        struct kv_rec *rec;
        struct slice key = slice_make(k->bytes.p + at, k->end[i] - at);
        enum status st = kv_lookup(kv, db, key, KV_NOTOUCH | KV_NOSTATS, &rec, err);
        if (st != ST_OK)
            return st;
        if (rec)
            add_key(db, rec, sum);
        at = k->end[i];
    }
    return ST_OK;
}

static enum status add_database(struct kv *kv, int db, unsigned char sum[DIGEST_BYTES],
                                struct error *err)
{
    struct keys k = {.bytes = BUF_INIT};
    uint64_t cursor = 0;
    enum status st;
    /* The keyspace does not change meanwhile, so the scan visits each key once. */
    do {
        buf_clear(&k.bytes);
        k.n = 0;
        st = kv_scan(kv, db, cursor, SCAN_BATCH, &cursor, collect, &k, err);
        (void)buf_cstr(&k.bytes); /* an empty key has an address too */
        if (st == ST_OK)
            st = add_keys(kv, db, &k, sum, err);
    } while (st == ST_OK && cursor);
    buf_free(&k.bytes);
    mem_free(k.end);
    return st;
}

static void reply_digest(struct call *c, const unsigned char digest[DIGEST_BYTES])
{
    char hex[2 * DIGEST_BYTES + 1];
    crypto_hex(digest, DIGEST_BYTES, hex);
    reply_status(c, hex);
}

void debug__digest(struct call *c)
{
    unsigned char sum[DIGEST_BYTES] = {0};
    struct error err = {.message = ""};
    enum status st = ST_OK;
    for (int db = 0; db < kv_databases(c->kv) && st == ST_OK; db++)
        if (kv_dbsize(c->kv, db))
            st = add_database(c->kv, db, sum, &err);
    if (st == ST_OK)
        reply_digest(c, sum);
    else
        call_reply_status(c, st, &err);
}

void debug__digest_value(struct call *c)
{
    unsigned char(*digests)[DIGEST_BYTES] = mem_calloc((size_t)c->argc, sizeof(*digests));
    bool ok = true;
    for (int i = 2; i < c->argc && ok; i++) {
        struct kv_rec *rec;
        ok = call_lookup(c, c->argv[i], KV_NOTOUCH | KV_NOSTATS, &rec);
        if (ok && rec)
            digest_value(rec, digests[i]);
    }
    if (ok) {
        reply_array(c, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++)
            reply_digest(c, digests[i]);
    }
    mem_free(digests);
}

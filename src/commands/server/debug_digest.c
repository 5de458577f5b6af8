/* DEBUG DIGEST and DIGEST-VALUE.
 *
 *   key    = mix key, then its value (digest.h)
 *   data   = for each database with keys: mix its number, xor all of its keys; zero when there are none */
#include "base/mem.h"
#include "commands/server/debug_priv.h"
#include "commands/server/digest.h"
#include "event/crypto.h"
#include "session/call.h"
#include "session/reply.h"

#define SCAN_BATCH 512

static enum status add_key(struct kv *kv, struct kv_rec *rec, unsigned char sum[DIGEST_BYTES],
                           struct error *err)
{
    unsigned char digest[DIGEST_BYTES] = {0};
    digest_mix(digest, kv_rec_key(rec));
    enum status st = digest_value(kv, rec, digest, err);
    if (st == ST_OK)
        digest_xor(sum, slice_make(digest, DIGEST_BYTES));
    return st;
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
        if (st == ST_OK && rec)
            st = add_key(kv, rec, sum, err);
        if (st != ST_OK)
            return st;
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
    char number[4] = {0, 0, (char)(db >> 8), (char)db};
    digest_mix(sum, slice_make(number, sizeof number));
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
        struct error err = {.message = ""};
        ok = call_lookup(c, c->argv[i], KV_NOTOUCH | KV_NOSTATS, &rec);
        enum status st = ok && rec ? digest_value(c->kv, rec, digests[i], &err) : ST_OK;
        if (st != ST_OK) {
            call_reply_status(c, st, &err);
            ok = false;
        }
    }
    if (ok) {
        reply_array(c, (size_t)c->argc - 2);
        for (int i = 2; i < c->argc; i++)
            reply_digest(c, digests[i]);
    }
    mem_free(digests);
}

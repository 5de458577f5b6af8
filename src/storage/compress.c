/* Compression by zlib, LZ4 frames and Zstandard. */
#include "storage/compress.h"

#include "base/mem.h"

#include <lz4frame.h>
#define ZLIB_CONST
#include <zlib.h>
#include <zstd.h>

#define CHUNK ((size_t)256 * 1024)

const struct stor_option_word stor_compression_words[] = {
    {"gzip", STOR_GZIP}, {"lz4", STOR_LZ4}, {"zstd", STOR_ZSTD}, {"none", STOR_PLAIN}, {NULL, 0},
};

static enum status no_memory(struct error *err)
{
    return error_set(err, ST_NO_MEMORY, "no memory for compression");
}

static enum status damaged(struct error *err, const char *what)
{
    return error_set(err, ST_CORRUPT, "damaged %s data", what);
}

/* -- Gzip --------------------------------------------------------------------------------------------------------------- */

static enum status gzip_pack(struct slice in, struct buf *out, struct error *err)
{
    z_stream z = {0};
    int rc = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);

    if (rc != Z_OK)
        return no_memory(err);
    do {
        size_t n = in.n < CHUNK ? in.n : CHUNK;
        z.next_in = (const Bytef *)in.p;
        z.avail_in = (uInt)n;
        in.p += n;
        in.n -= n;
        do {
            if (!buf_try_reserve(out, CHUNK)) {
                deflateEnd(&z);
                return no_memory(err);
            }
            z.next_out = (Bytef *)out->p + out->n;
            z.avail_out = (uInt)CHUNK;
            rc = deflate(&z, in.n ? Z_NO_FLUSH : Z_FINISH);
            out->n += CHUNK - z.avail_out;
        } while (z.avail_out == 0);
    } while (in.n > 0);
    deflateEnd(&z);
    return rc == Z_STREAM_END ? ST_OK : no_memory(err);
}

static enum status gzip_unpack(struct slice in, size_t limit, struct buf *out, struct error *err)
{
    z_stream z = {0};
    enum status st = ST_OK;
    int rc = Z_OK;

    if (inflateInit2(&z, 15 + 16) != Z_OK)
        return no_memory(err);
    while (st == ST_OK && rc != Z_STREAM_END) {
        if (z.avail_in == 0) {
            size_t n = in.n < CHUNK ? in.n : CHUNK;
            z.next_in = (const Bytef *)in.p;
            z.avail_in = (uInt)n;
            in.p += n;
            in.n -= n;
        }
        if (out->n > limit || !buf_try_reserve(out, CHUNK)) {
            st = no_memory(err);
            break;
        }
        z.next_out = (Bytef *)out->p + out->n;
        z.avail_out = (uInt)CHUNK;
        rc = inflate(&z, Z_NO_FLUSH);
        out->n += CHUNK - z.avail_out;
        if (rc != Z_OK && rc != Z_STREAM_END)
            st = damaged(err, "gzip");
        /* Files may hold several members one after the other. */
        if (rc == Z_STREAM_END && (z.avail_in || in.n))
            rc = inflateReset(&z);
    }
    inflateEnd(&z);
    return st;
}

/* -- LZ4 ---------------------------------------------------------------------------------------------------------------- */

static enum status lz4_pack(struct slice in, struct buf *out, struct error *err)
{
    LZ4F_preferences_t prefs = {
        .frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled, .contentSize = in.n}};
    size_t bound = LZ4F_compressFrameBound(in.n, &prefs);

    if (!buf_try_reserve(out, bound))
        return no_memory(err);
    size_t n = LZ4F_compressFrame(out->p + out->n, bound, in.p, in.n, &prefs);
    if (LZ4F_isError(n))
        return no_memory(err);
    out->n += n;
    return ST_OK;
}

static enum status lz4_unpack(struct slice in, size_t limit, struct buf *out, struct error *err)
{
    LZ4F_dctx *d = NULL;
    enum status st = ST_OK;
    size_t rc = 1;

    if (LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)))
        return no_memory(err);
    while (st == ST_OK && rc != 0) {
        size_t used = in.n, got = CHUNK;
        if (out->n > limit || !buf_try_reserve(out, CHUNK)) {
            st = no_memory(err);
            break;
        }
        rc = LZ4F_decompress(d, out->p + out->n, &got, in.p, &used, NULL);
        if (LZ4F_isError(rc) || (used == 0 && got == 0 && rc != 0))
            st = damaged(err, "lz4");
        out->n += got;
        in.p += used;
        in.n -= used;
    }
    if (st == ST_OK && in.n)
        st = damaged(err, "lz4");
    LZ4F_freeDecompressionContext(d);
    return st;
}

/* -- Zstandard ---------------------------------------------------------------------------------------------------------- */

static enum status zstd_pack(struct slice in, struct buf *out, struct error *err)
{
    size_t bound = ZSTD_compressBound(in.n);
    ZSTD_CCtx *c = ZSTD_createCCtx();
    enum status st = ST_OK;

    if (c && buf_try_reserve(out, bound)) {
        ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
        size_t n = ZSTD_compress2(c, out->p + out->n, bound, in.p, in.n);
        if (ZSTD_isError(n))
            st = no_memory(err);
        else
            out->n += n;
    } else {
        st = no_memory(err);
    }
    ZSTD_freeCCtx(c);
    return st;
}

static enum status zstd_unpack(struct slice in, size_t limit, struct buf *out, struct error *err)
{
    ZSTD_DCtx *d = ZSTD_createDCtx();
    ZSTD_inBuffer from = {in.p, in.n, 0};
    enum status st = d ? ST_OK : no_memory(err);
    size_t rc = 1;

    while (st == ST_OK && rc != 0) {
        if (out->n > limit || !buf_try_reserve(out, CHUNK)) {
            st = no_memory(err);
            break;
        }
        ZSTD_outBuffer to = {out->p + out->n, CHUNK, 0};
        size_t before = from.pos;
        rc = ZSTD_decompressStream(d, &to, &from);
        if (ZSTD_isError(rc) || (rc != 0 && to.pos == 0 && from.pos == before))
            st = damaged(err, "zstd");
        out->n += to.pos;
    }
    if (st == ST_OK && from.pos != from.size)
        st = damaged(err, "zstd");
    ZSTD_freeDCtx(d);
    return st;
}

/* -- Choice ------------------------------------------------------------------------------------------------------------- */

enum status stor_compress(enum stor_compression how, struct slice in, struct buf *out,
                          struct error *err)
{
    switch (how) {
    case STOR_PLAIN:
        if (!buf_try_reserve(out, in.n))
            return no_memory(err);
        buf_put_slice(out, in);
        return ST_OK;
    case STOR_GZIP:
        return gzip_pack(in, out, err);
    case STOR_LZ4:
        return lz4_pack(in, out, err);
    case STOR_ZSTD:
        return zstd_pack(in, out, err);
    }
    return ST_INTERNAL;
}

enum status stor_decompress(struct slice in, struct buf *out, struct error *err)
{
    /* No file of ours is packed tighter than gzip can: what claims more is damaged or hostile. */
    size_t limit = in.n < SIZE_MAX / 2048 ? in.n * 1100 + CHUNK : SIZE_MAX;

    if (slice_starts(in, SLICE("\x1f\x8b")))
        return gzip_unpack(in, limit, out, err);
    if (slice_starts(in, SLICE("\x04\x22\x4d\x18")))
        return lz4_unpack(in, limit, out, err);
    if (slice_starts(in, SLICE("\x28\xb5\x2f\xfd")))
        return zstd_unpack(in, limit, out, err);
    return stor_compress(STOR_PLAIN, in, out, err);
}

/* Encoding and decoding of log frames.
 *
 *   0        4        8            16           20          24
 *   | magic  | length | sequence   | crc header | crc data  | payload ... |
 *
 * All little endian; the first sum covers bytes 0-15 and 20-23, so a length that is damaged is never followed. */
#include "storage/cow_btree/cow_btree_frame.h"

#include "base/hash.h"
#include "base/reader.h"
#include "storage/oplog.h"

#define MAGIC 0x4c57424fu /* "OBWL" */

static void put_u32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(v >> (8 * i));
}

static uint32_t header_sum(const char *header)
{
    return hash_crc32c(hash_crc32c(0, header, 16), header + 20, 4);
}

void cow_frame_header(char out[COW_FRAME_HEADER], uint64_t seq, struct slice payload)
{
    put_u32(out, MAGIC);
    put_u32(out + 4, (uint32_t)payload.n);
    put_u32(out + 8, (uint32_t)seq);
    put_u32(out + 12, (uint32_t)(seq >> 32));
    put_u32(out + 20, hash_crc32c(0, payload.p, payload.n));
    put_u32(out + 16, header_sum(out));
}

enum status cow_frame_decode(struct slice in, struct cow_frame *frame, size_t *size)
{
    struct reader r = reader_make(in);

    if (in.n == 0)
        return ST_END;
    uint32_t magic = reader_u32le(&r);
    uint32_t length = reader_u32le(&r);
    uint64_t seq = reader_u64le(&r);
    uint32_t header_crc = reader_u32le(&r);
    uint32_t data_crc = reader_u32le(&r);
    if (r.bad || magic != MAGIC || header_crc != header_sum(in.p) || length > reader_left(&r))
        return ST_CORRUPT;
    frame->seq = seq;
    frame->payload = reader_bytes(&r, length);
    if (hash_crc32c(0, frame->payload.p, length) != data_crc)
        return ST_CORRUPT;
    *size = COW_FRAME_HEADER + (size_t)length;
    return ST_OK;
}

bool cow_frame_any(struct slice in)
{
    struct cow_frame frame;
    size_t size;
    char magic[4];

    put_u32(magic, MAGIC);
    while (in.n >= COW_FRAME_HEADER) {
        const char *at = memmem(in.p, in.n, magic, sizeof magic);
        if (!at)
            return false;
        in.n -= (size_t)(at - in.p);
        in.p = at;
        if (cow_frame_decode(in, &frame, &size) == ST_OK)
            return true;
        in.p++;
        in.n--;
    }
    return false;
}

bool cow_frame_payload_ok(struct slice payload, unsigned highest)
{
    struct reader r = reader_make(payload);
    struct oplog_op op;

    while (oplog_next(&r, &op))
        if (op.kind > OPLOG_DEL || op.space == 0 || op.space > highest)
            return false;
    return !r.bad;
}

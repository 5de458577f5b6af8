/* Frames and segment headers as bytes (FORMAT.md). */
#include "base/hash.h"
#include "wal/wal_priv.h"

#include <inttypes.h>
#include <stdio.h>

/* segment: | magic 8 | version 4 | seed 4 | first seq 8 | zero 4 | crc 4 | frame | frame ...
 * frame:   | crc 4 | length 4 | seq 8 | time 8 | flags 4 | marker 4 | payload | */

static const char segment_magic[8] = {'O', 'R', 'B', 'I', 'T', 'W', 'A', 'L'};
static const char frame_marker[4] = {'O', 'F', 'R', 'M'};
enum { SEGMENT_VERSION = 1 };

static void put_u32(char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (char)(unsigned char)(v >> (8 * i));
}

static void put_u64(char *p, uint64_t v)
{
    put_u32(p, (uint32_t)v);
    put_u32(p + 4, (uint32_t)(v >> 32));
}

static uint32_t get_u32(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v |= (uint32_t)(unsigned char)p[i] << (8 * i);
    return v;
}

static uint64_t get_u64(const char *p)
{
    return get_u32(p) | (uint64_t)get_u32(p + 4) << 32;
}

void wal__header_encode(char out[WAL_SEGMENT_HEADER], const struct wal__segment_header *h)
{
    memcpy(out, segment_magic, sizeof segment_magic);
    put_u32(out + 8, SEGMENT_VERSION);
    put_u32(out + 12, h->seed);
    put_u64(out + 16, h->first_seq);
    put_u32(out + 24, 0);
    put_u32(out + 28, hash_crc32c(0, out, 28));
}

enum status wal__header_decode(const char in[WAL_SEGMENT_HEADER], struct wal__segment_header *h)
{
    if (memcmp(in, segment_magic, sizeof segment_magic) != 0)
        return ST_CORRUPT;
    if (get_u32(in + 28) != hash_crc32c(0, in, 28))
        return ST_CORRUPT;
    if (get_u32(in + 8) > SEGMENT_VERSION)
        return ST_TOO_NEW;
    h->seed = get_u32(in + 12);
    h->first_seq = get_u64(in + 16);
    if (get_u32(in + 8) == 0 || get_u32(in + 24) != 0 || h->seed == 0)
        return ST_CORRUPT;
    return ST_OK;
}

void wal__name(char out[WAL_NAME_MAX], uint64_t first_seq)
{
    (void)snprintf(out, WAL_NAME_MAX, "%020" PRIu64 ".wal", first_seq);
}

void wal_frame_encode_header(char out[WAL_FRAME_HEADER], uint32_t seed, uint64_t seq,
                             int64_t time_ms, struct slice payload)
{
    put_u32(out + 4, (uint32_t)payload.n);
    put_u64(out + 8, seq);
    put_u64(out + 16, (uint64_t)time_ms);
    put_u32(out + 24, 0);
    memcpy(out + 28, frame_marker, sizeof frame_marker);
    uint32_t crc = hash_crc32c(seed, out + 4, WAL_FRAME_HEADER - 4);
    put_u32(out, hash_crc32c(crc, payload.p, payload.n));
}

enum status wal_frame_decode(struct slice in, uint32_t seed, struct wal_frame *frame, size_t *size)
{
    if (in.n == 0)
        return ST_END;
    if (in.n < WAL_FRAME_HEADER)
        return ST_NOT_FOUND;
    uint32_t length = get_u32(in.p + 4);
    if (memcmp(in.p + 28, frame_marker, sizeof frame_marker) != 0 || get_u32(in.p + 24) != 0 ||
        length == 0)
        return ST_CORRUPT;
    if (length > in.n - WAL_FRAME_HEADER)
        return ST_NOT_FOUND;
    uint32_t crc = hash_crc32c(seed, in.p + 4, WAL_FRAME_HEADER - 4 + (size_t)length);
    if (crc != get_u32(in.p))
        return ST_CORRUPT;
    frame->seq = get_u64(in.p + 8);
    frame->time_ms = (int64_t)get_u64(in.p + 16);
    frame->payload = slice_make(in.p + WAL_FRAME_HEADER, length);
    *size = WAL_FRAME_HEADER + (size_t)length;
    return ST_OK;
}

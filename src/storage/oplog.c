/* Batch as bytes: see the header for the format. */
#include "storage/oplog.h"

static void add(struct buf *log, enum oplog_kind kind, unsigned space, struct slice key,
                struct slice second)
{
    buf_reserve(log, 1 + 5 + 10 + 10 + key.n + second.n);
    buf_put_byte(log, (uint8_t)kind);
    buf_put_varint(log, space);
    buf_put_varint(log, key.n);
    buf_put_varint(log, second.n);
    buf_put_slice(log, key);
    buf_put_slice(log, second);
}

void oplog_put(struct buf *log, unsigned space, struct slice key, struct slice value)
{
    add(log, OPLOG_PUT, space, key, value);
}

void oplog_del(struct buf *log, unsigned space, struct slice key)
{
    add(log, OPLOG_DEL, space, key, slice_make("", 0));
}

void oplog_del_range(struct buf *log, unsigned space, struct slice from, struct slice to)
{
    if (to.p)
        add(log, OPLOG_DEL_RANGE, space, from, to);
    else
        add(log, OPLOG_DEL_FROM, space, from, slice_make("", 0));
}

bool oplog_next(struct reader *r, struct oplog_op *op)
{
    if (r->bad || reader_left(r) == 0)
        return false;
    uint8_t kind = reader_u8(r);
    uint64_t space = reader_varint(r);
    uint64_t key_n = reader_varint(r);
    uint64_t second_n = reader_varint(r);
    if (kind < OPLOG_PUT || kind > OPLOG_DEL_FROM || space > UINT16_MAX || r->bad ||
        key_n > reader_left(r) || second_n > reader_left(r) - key_n ||
        (second_n > 0 && (kind == OPLOG_DEL || kind == OPLOG_DEL_FROM))) {
        r->bad = true;
        return false;
    }
    op->kind = (enum oplog_kind)kind;
    op->space = (unsigned)space;
    op->key = reader_bytes(r, (size_t)key_n);
    op->second = reader_bytes(r, (size_t)second_n);
    return !r->bad;
}

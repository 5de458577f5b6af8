/* Packed sequences inside a dump: listpack, ziplist (before 7.0), zipmap (before 2.6), intset.
 *
 * Reading trusts nothing: every length, back length, count and terminator is checked on the way, so a sequence is known to be whole
 * only when its end was reached. Pure; thread: any. */
#ifndef ORBIT_RDB_RDB_SEQ_H
#define ORBIT_RDB_RDB_SEQ_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/slice.h"

#define RDB_INT_TEXT 24

enum rdb_seq_kind { RDB_LISTPACK, RDB_ZIPLIST, RDB_ZIPMAP, RDB_INTSET };

struct rdb_seq {
    enum rdb_seq_kind kind;
    struct reader r;      /* what is left, without the terminator */
    const char *begin;    /* first byte of all */
    uint32_t count, seen; /* count: of the header; RDB_SEQ_UNKNOWN */
    uint32_t last;        /* ziplist: size of the last item; intset: bytes of an integer */
    uint32_t tail;        /* ziplist: where the last item has to begin */
    bool value;           /* zipmap: a value is next */
    char text[2][RDB_INT_TEXT];
};
#define RDB_SEQ_UNKNOWN UINT32_MAX

/* An item: an integer, or bytes borrowed from the sequence. */
struct rdb_item {
    bool is_int;
    int64_t i;
    struct slice s; /* of an integer its text, valid until the next but one item */
};

enum rdb_next { RDB_NEXT_ITEM, RDB_NEXT_END, RDB_NEXT_BAD };

/* False: the header, size or terminator is wrong. */
bool rdb_seq_open(struct rdb_seq *q, enum rdb_seq_kind kind, struct slice in);
enum rdb_next rdb_seq_next(struct rdb_seq *q, struct rdb_item *item);

/* -- Writing a listpack: begin, put..., end. */
struct rdb_listpack {
    struct buf b;
    uint32_t n;
};
void rdb_listpack_begin(struct rdb_listpack *l); /* keeps the memory of the last one */
void rdb_listpack_put(struct rdb_listpack *l, struct slice s);
void rdb_listpack_put_int(struct rdb_listpack *l, int64_t v);
/* The whole listpack, valid until the next begin. */
struct slice rdb_listpack_end(struct rdb_listpack *l);
/* Bytes that an item takes, and those of an empty listpack. */
size_t rdb_listpack_item(struct slice s);
#define RDB_LISTPACK_EMPTY 7

#endif

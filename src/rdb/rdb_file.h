/* A dump file as a row of items. Pure; thread: any. */
#ifndef ORBIT_RDB_RDB_FILE_H
#define ORBIT_RDB_RDB_FILE_H

#include "base/buf.h"
#include "base/reader.h"
#include "base/status.h"

#include <stdint.h>

enum rdb_item_kind {
    RDB_ITEM_KEY,        /* the reader stands before the value, which the caller decodes or skips */
    RDB_ITEM_FUNCTION,   /* text: the library's code */
    RDB_ITEM_AUX,        /* key and text: what was noted about the dump */
    RDB_ITEM_MODULE_AUX, /* module, when, and in text the parts, with their end */
    RDB_ITEM_END,
};

struct rdb_file_item {
    enum rdb_item_kind kind;
    uint64_t db;
    int64_t expire;         /* unix ms, -1: none */
    int64_t idle_s;         /* -1: not known */
    int freq;               /* -1: not known */
    unsigned type;          /* enum rdb_type of the value */
    uint64_t module, when;  /* id of a module's type; enum rdb_aux_when, as far as that is known */
    struct slice key, text; /* valid until the next item */
};

struct rdb_file {
    struct reader r;
    const char *begin, *summed; /* first byte there is; up to where the checksum was taken */
    uint64_t before;            /* bytes of the file in front of it */
    uint64_t sum, db;
    int version;
    bool check; /* sum is wanted */
    struct buf a, b;
};

/* check: take the checksum along the way and compare it at the end. */
MUST_USE enum status rdb_file_begin(struct rdb_file *f, struct slice bytes, bool check,
                                    struct error *err);
/* ST_CORRUPT, ST_UNSUPPORTED (functions of 7.0's release candidates). */
MUST_USE enum status rdb_file_next(struct rdb_file *f, struct rdb_file_item *item,
                                   struct error *err);
void rdb_file_end(struct rdb_file *f);
/* Goes on in other bytes, which begin at `at` of the file: not behind where the reader stands (rdb_file_at). */
void rdb_file_move(struct rdb_file *f, struct slice bytes, uint64_t at);
/* Gives up the item that was begun at *before (a copy of *f); nothing is kept of it. */
void rdb_file_back(struct rdb_file *f, const struct rdb_file *before);
static inline uint64_t rdb_file_at(const struct rdb_file *f)
{
    return f->before + (uint64_t)(f->r.p - f->begin);
}

/* The whole file, mapped for reading. rdb_unmap when done. */
MUST_USE enum status rdb_map(const char *path, struct slice *bytes, struct error *err);
void rdb_unmap(struct slice bytes);

#endif

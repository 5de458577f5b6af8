/* Shared by the decoder's files. */
#ifndef ORBIT_RDB_RDB_PRIV_H
#define ORBIT_RDB_RDB_PRIV_H

#include "base/hash.h"
#include "rdb/rdb_decode.h"

/* A set of strings, kept as 128-bit hashes with secret keys. */
struct rdb_seen {
    uint64_t (*v)[2];
    size_t cap, n;
    struct hash_seed seed[2];
};

struct rdb_decoder {
    struct reader *r;
    unsigned type;
    bool unique, begun;
    const struct rdb_sink *sink;
    uint64_t count, given; /* what the value says of itself; elements so far */
    struct buf a, b;       /* decoded strings */
    struct rdb_seen seen;
    struct error *err;
};

/* ST_CORRUPT when s was there before. */
enum status rdb__seen_add(struct rdb_seen *seen, struct slice s, struct error *err);
void rdb__seen_clear(struct rdb_seen *seen);
void rdb__seen_free(struct rdb_seen *seen);

enum status rdb__decode_stream(struct rdb_decoder *d);

#endif

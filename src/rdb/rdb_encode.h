/* Values of the keyspace (or of a view) as Redis 7.2 would dump them, or an older one.
 * Thread: the one that may read the record. */
#ifndef ORBIT_RDB_RDB_ENCODE_H
#define ORBIT_RDB_RDB_ENCODE_H

#include "base/buf.h"
#include "base/status.h"
#include "keyspace/kv.h"

/* Where the bytes go. With full, it is called whenever b has grown beyond RDB_OUT_FULL, and has to empty it: so that a value of
 * any size can be written. */
#define RDB_OUT_FULL (256u << 10)
struct rdb_out {
    struct buf b;
    bool compress;    /* rdbcompression */
    unsigned version; /* of the format: RDB_VERSION_MIN to RDB_VERSION */
    void *arg;
    enum status (*full)(void *arg, struct buf *b, struct error *err);
};

/* enum rdb_type of the record's value, as that version of the format has it. */
unsigned rdb_type_of(const struct kv_rec *r, unsigned version);
/* Appends the value, without its type. ST_IO, ST_CORRUPT ... when the store cannot be read; what full says. */
MUST_USE enum status rdb_encode(struct kv_rec *r, struct rdb_out *o, struct error *err);
/* Appends a payload as DUMP answers it: type, value, version, checksum. */
MUST_USE enum status rdb_encode_payload(struct kv_rec *r, bool compress, struct buf *out,
                                        struct error *err);

#endif

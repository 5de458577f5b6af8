/* A value of a dump, decoded into calls: one for each element. All types and encodings that Redis ever wrote.
 *
 * Trusts nothing: sizes, counts, order, checks inside of packed sequences, references of pending entries; duplicates only when
 * asked to. What the calls get is borrowed for the call. A failure may come after some elements were given: who must not have
 * half a value decodes twice, first without a sink.
 * Pure; thread: any. */
#ifndef ORBIT_RDB_RDB_DECODE_H
#define ORBIT_RDB_RDB_DECODE_H

#include "base/reader.h"
#include "base/status.h"
#include "keyspace/kv.h"
#include "keyspace/kv_stream.h"

struct rdb_stream_group {
    struct slice name;
    struct kv_stream_id last;
    int64_t entries_read; /* or KV_STREAM_UNKNOWN */
};
struct rdb_stream_consumer {
    struct slice name;
    int64_t seen_ms, active_ms;
};

/* A status that is not ST_OK ends the decoding and is returned. */
struct rdb_sink {
    void *arg;
    enum status (*string)(void *arg, struct slice value, struct error *err);
    /* First of any other type. rdb_type says how it was packed; count: about how many elements follow, 0: unknown. */
    enum status (*begin)(void *arg, enum kv_type type, unsigned rdb_type, uint64_t count,
                         struct error *err);
    /* List and set: an element; hash: field and value. */
    enum status (*element)(void *arg, struct slice a, struct slice b, struct error *err);
    enum status (*scored)(void *arg, struct slice member, double score, struct error *err);
    /* Streams: entries, then the numbers, then for each group its consumers, each followed by what is pending for it. */
    enum status (*entry)(void *arg, const struct kv_stream_place *at, const struct slice *argv,
                         size_t pairs, struct error *err);
    enum status (*numbers)(void *arg, struct kv_stream_id last, uint64_t added,
                           struct kv_stream_id max_gone, struct error *err);
    enum status (*group)(void *arg, const struct rdb_stream_group *g, struct error *err);
    enum status (*consumer)(void *arg, const struct rdb_stream_consumer *c, struct error *err);
    enum status (*pending)(void *arg, struct kv_stream_id id, int64_t delivered_ms,
                           uint64_t deliveries, struct error *err);
    /* A value of a module's type, whole: the parts that it saved, with their end. */
    enum status (*module)(void *arg, uint64_t id, struct slice parts, struct error *err);
};

/* Decodes the value of this type; the reader then stands behind it. sink NULL: only checks. unique: refuse duplicates among
 * fields and members. ST_CORRUPT, ST_UNSUPPORTED (of a module that is not there), ST_NOT_FOUND (a collection without elements), ST_NO_MEMORY. */
MUST_USE enum status rdb_decode(struct reader *r, unsigned rdb_type, bool unique,
                                const struct rdb_sink *sink, struct error *err);
/* Goes past a value without looking into it; modules' too. False: no such type, or the input ends before it. */
MUST_USE bool rdb_skip_value(struct reader *r, unsigned rdb_type);
/* True for a type of value (not an opcode). */
bool rdb_is_type(unsigned rdb_type);
#endif

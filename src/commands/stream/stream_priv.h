/* Shared by the stream commands: IDs, groups, and how entries are answered. Thread: loop. */
#ifndef ORBIT_COMMANDS_STREAM_STREAM_PRIV_H
#define ORBIT_COMMANDS_STREAM_STREAM_PRIV_H

#include "keyspace/kv_stream.h"
#include "session/call.h"

/* -- stream_id.c: IDs as text */
#define STREAM_ID_TEXT 44
size_t stream__id_format(struct kv_stream_id id, char out[STREAM_ID_TEXT]);
/* The same in the call's arena. */
struct slice stream__id_text(struct call *c, struct kv_stream_id id);
/* "ms-seq", or "ms" with the sequence given; "-" and "+" only if edges. auto_seq (may be NULL): "ms-*" is allowed and told. */
MUST_USE bool stream__id_parse(struct slice s, uint64_t missing_seq, bool edges,
                               struct kv_stream_id *id, bool *auto_seq);
/* Argument i as an ID, no "-" or "+"; false: the error is answered. */
MUST_USE bool stream__id_arg(struct call *c, int i, struct kv_stream_id *id);
void stream__bad_id(struct call *c);
/* Argument i as the start or the end of a range; "(" excludes. */
MUST_USE bool stream__start_arg(struct call *c, int i, struct kv_stream_id *id);
MUST_USE bool stream__end_arg(struct call *c, int i, struct kv_stream_id *id);
/* The IDs from argument first up to end, in the call's arena. NULL: the error is answered. */
MUST_USE struct kv_stream_id *stream__id_args(struct call *c, int first, int end);
/* False: there is none after (before) it. */
MUST_USE bool stream__id_next(struct kv_stream_id *id);
MUST_USE bool stream__id_prev(struct kv_stream_id *id);

/* -- stream_reply.c */
void stream__reply_id(struct call *c, struct kv_stream_id id);
void stream__reply_entry(struct call *c, struct kv_stream_entry e);
/* Answers a failed status in the place of an element and returns false. */
bool stream__failed(struct call *c, enum status st, const struct error *err);
/* Entries from start to end (rev: backwards), at most count (0: all), without the array around them: how many elements. */
uint64_t stream__reply_entries(struct call *c, struct kv_rec *rec, struct kv_stream_id start,
                               struct kv_stream_id end, bool rev, uint64_t count);
/* With the array. */
void stream__reply_range(struct call *c, struct kv_rec *rec, struct kv_stream_id start,
                         struct kv_stream_id end, bool rev, uint64_t count);

/* -- stream_lag.c: how far a group is */
/* The group moves on to this entry. */
void stream__advance(const struct kv_stream_info *s, struct kv_stream_group *g,
                     struct kv_stream_id id);
/* Entries that the group has not read yet; false: unknown. */
bool stream__lag(const struct kv_stream_info *s, const struct kv_stream_group *g, int64_t *lag);

/* -- stream_deliver.c: groups, consumers and what is propagated of them */
/* A group in a command that works on it. */
struct stream_group {
    struct call *c;
    struct kv_rec *rec;
    struct slice key, name;
    struct kv_stream_group g;
};
/* Looks the stream and its group up; rec NULL or *found false when they are not there. False: answered. */
MUST_USE bool stream__group(struct call *c, struct slice key, struct slice name,
                            struct stream_group *g, bool *found);
/* "NOGROUP No such key ... or consumer group ..." with suffix. */
void stream__no_group(struct call *c, struct slice key, struct slice group, const char *suffix);
/* Inside of an edit: finds or makes the consumer, seen now. */
MUST_USE enum status stream__consumer(struct stream_group *g, struct slice name,
                                      struct kv_stream_consumer *out, bool *made,
                                      struct error *err);
/* Propagates the state of a pending entry, or that its ID is settled. consumer: name of the one that has it. */
void stream__propagate_pending(const struct stream_group *g, const struct kv_stream_pending *p,
                               struct slice consumer);
void stream__propagate_group(const struct stream_group *g);
void stream__propagate_consumer(const struct stream_group *g, struct slice name);

#endif

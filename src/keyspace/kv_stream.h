/* Streams: entries, each a list of field-value pairs, in order of their IDs; consumer groups with their consumers and pending
 * entries. All of it may be larger than memory: nothing here reads a whole stream, group or list of pending entries.
 *
 * Reading functions take records of the keyspace and of views (kv_view.h). Slices given out are valid until the next change of
 * the stream or the end of the command; slices passed in must not point into the same stream.
 * Changing functions stand inside of an edit (kv_edit ... kv_edit_end, kv.h) that the caller opens; they notify nothing and
 * propagate nothing. A stream without entries stays a key. Every status: ST_OK, or ST_IO, ST_CORRUPT, ST_NO_MEMORY with err
 * set; a failed change may have been made in part, but leaves nothing that is wrong in itself. Changes of groups leave walks of
 * the entries valid.
 * Thread: the loop thread; records of a view the thread that uses the view. */
#ifndef ORBIT_KEYSPACE_KV_STREAM_H
#define ORBIT_KEYSPACE_KV_STREAM_H

#include "keyspace/kv.h"
#include "keyspace/kv_tree.h"

struct kv_stream_id {
    uint64_t ms, seq;
};
#define KV_STREAM_ID_MIN ((struct kv_stream_id){0, 0})
#define KV_STREAM_ID_MAX ((struct kv_stream_id){UINT64_MAX, UINT64_MAX})

static inline int kv_stream_id_cmp(struct kv_stream_id a, struct kv_stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return (a.seq > b.seq) - (a.seq < b.seq);
}
static inline bool kv_stream_id_zero(struct kv_stream_id id)
{
    return id.ms == 0 && id.seq == 0;
}

/* The numbers of a stream. No I/O. */
struct kv_stream_info {
    uint64_t length, added; /* entries now; ever added */
    struct kv_stream_id first, last,
        max_gone;        /* first entry or 0-0; last ID given; highest ID deleted by XDEL */
    uint64_t tree_nodes; /* nodes of the radix tree that Redis would have for it */
};
void kv_stream_info(const struct kv_rec *r, struct kv_stream_info *out);

/* -- Entries --------------------------------------------------------------------------------------------------------------- */

struct kv_stream_entry {
    struct kv_stream_id id;
    uint64_t pairs;
    struct slice packed; /* field, value, field ...: kv_stream_pair */
};
/* Takes the next pair off entry->packed; false: no more. */
bool kv_stream_pair(struct kv_stream_entry *e, struct slice *field, struct slice *value);

/* A walk over the entries from start to end, both included; rev: from end to start. */
struct kv_stream_cur {
    struct kv_cur at;
    struct kv_stream_id start, end;
    bool rev, begun;
};
MUST_USE enum status kv_stream_seek(struct kv_rec *r, struct kv_stream_id start,
                                    struct kv_stream_id end, bool rev, struct kv_stream_cur *c,
                                    struct error *err);
/* The next entry; *found false: no more. */
MUST_USE enum status kv_stream_next(struct kv_stream_cur *c, bool *found, struct kv_stream_entry *e,
                                    struct error *err);
MUST_USE enum status kv_stream_find(struct kv_rec *r, struct kv_stream_id id, bool *found,
                                    struct kv_stream_entry *e, struct error *err);
/* ID of the last entry that is there; 0-0 if there is none. */
MUST_USE enum status kv_stream_top(struct kv_rec *r, struct kv_stream_id *id, struct error *err);

/* -- Groups ---------------------------------------------------------------------------------------------------------------- */

#define KV_STREAM_UNKNOWN (-1) /* entries_read, active_ms */

struct kv_stream_group {
    uint64_t no;              /* what it is called by inside of the stream */
    struct kv_stream_id last; /* last ID delivered */
    int64_t entries_read;     /* or KV_STREAM_UNKNOWN */
};
struct kv_stream_consumer {
    uint64_t no;
    int64_t seen_ms, active_ms; /* unix ms; active_ms: or KV_STREAM_UNKNOWN */
};
struct kv_stream_pending {
    struct kv_stream_id id;
    uint64_t consumer; /* its number */
    int64_t delivered_ms;
    uint64_t deliveries;
};

MUST_USE enum status kv_stream_group(struct kv_rec *r, struct slice name, bool *found,
                                     struct kv_stream_group *g, struct error *err);
MUST_USE enum status kv_stream_consumer(struct kv_rec *r, const struct kv_stream_group *g,
                                        struct slice name, bool *found,
                                        struct kv_stream_consumer *c, struct error *err);
/* Name of a consumer by its number, as pending entries have it. */
MUST_USE enum status kv_stream_consumer_name(struct kv_rec *r, const struct kv_stream_group *g,
                                             uint64_t no, struct slice *name, struct error *err);
/* *found false: not pending in this group. */
MUST_USE enum status kv_stream_pending(struct kv_rec *r, const struct kv_stream_group *g,
                                       struct kv_stream_id id, bool *found,
                                       struct kv_stream_pending *p, struct error *err);

/* Counts; logarithmic. */
MUST_USE enum status kv_stream_groups(struct kv_rec *r, uint64_t *n, struct error *err);
MUST_USE enum status kv_stream_consumers(struct kv_rec *r, const struct kv_stream_group *g,
                                         uint64_t *n, struct error *err);
/* Pending entries of the group, or (consumer not 0) of that consumer. */
MUST_USE enum status kv_stream_pendings(struct kv_rec *r, const struct kv_stream_group *g,
                                        uint64_t consumer, uint64_t *n, struct error *err);

/* Walks over groups and consumers by name, over pending entries by ID. A change of any group makes them invalid. */
struct kv_stream_walk {
    struct kv_rec *rec;
    struct kv_cur at;
    char prefix[16];
    uint8_t prefix_n;
    bool begun;
};
MUST_USE enum status kv_stream_walk_groups(struct kv_rec *r, struct kv_stream_walk *w,
                                           struct error *err);
MUST_USE enum status kv_stream_next_group(struct kv_stream_walk *w, bool *found, struct slice *name,
                                          struct kv_stream_group *g, struct error *err);
MUST_USE enum status kv_stream_walk_consumers(struct kv_rec *r, const struct kv_stream_group *g,
                                              struct kv_stream_walk *w, struct error *err);
MUST_USE enum status kv_stream_next_consumer(struct kv_stream_walk *w, bool *found,
                                             struct slice *name, struct kv_stream_consumer *c,
                                             struct error *err);
/* Pending entries from ID from on: of the group, or (consumer not 0) of that consumer. */
MUST_USE enum status kv_stream_walk_pending(struct kv_rec *r, const struct kv_stream_group *g,
                                            uint64_t consumer, struct kv_stream_id from,
                                            struct kv_stream_walk *w, struct error *err);
MUST_USE enum status kv_stream_next_pending(struct kv_stream_walk *w, bool *found,
                                            struct kv_stream_pending *p, struct error *err);

/* ID of the group's last pending entry; there must be one. */
MUST_USE enum status kv_stream_last_pending(struct kv_rec *r, const struct kv_stream_group *g,
                                            struct kv_stream_id *id, struct error *err);

/* -- Nodes ----------------------------------------------------------------------------------------------------------------- */

/* Redis keeps entries in nodes of some hundred bytes to kilobytes, named by the ID of their first entry; approximate trimming
 * drops whole nodes, and the dump format shows them. The entries here stand in one tree, but where Redis's nodes would begin
 * and how full they would be is known. */
struct kv_stream_node {
    struct kv_stream_id first, last; /* of all entries that it ever got, deleted ones too */
    uint64_t live, gone;             /* entries that are there, that were deleted */
};
MUST_USE enum status kv_stream_nodes(struct kv_rec *r, uint64_t *n, struct error *err);
MUST_USE enum status kv_stream_walk_nodes(struct kv_rec *r, struct kv_stream_walk *w,
                                          struct error *err);
MUST_USE enum status kv_stream_next_node(struct kv_stream_walk *w, bool *found,
                                         struct kv_stream_node *n, struct error *err);

/* -- Changing entries ------------------------------------------------------------------------------------------------------ */

/* Makes key an empty stream, replacing what was there, and opens an edit of it. */
MUST_USE enum status kv_stream_make(struct kv *kv, int db, struct slice key, struct kv_rec **rec,
                                    struct error *err);
/* The most bytes that the fields and values of one entry may have in all. */
#define KV_STREAM_ENTRY_MAX (1u << 30)
/* Appends an entry: argv holds field, value, field ..., pairs of them. The ID must be above the last one. */
MUST_USE enum status kv_stream_add(struct kv_rec *r, struct kv_stream_id id,
                                   const struct slice *argv, size_t pairs, struct error *err);
/* For a dump: appends an entry, its ID above those before it, to the node of that ID: the last one, or a new one if its ID is
 * above all entries before. An entry that is gone only counts there. The numbers of the stream are set at the end, with
 * kv_stream_set. */
struct kv_stream_place {
    struct kv_stream_id id, node;
    bool gone;
};
MUST_USE enum status kv_stream_load(struct kv_rec *r, const struct kv_stream_place *at,
                                    const struct slice *argv, size_t pairs, struct error *err);
/* Sets last ID, entries ever added and highest deleted ID. */
void kv_stream_set(struct kv_rec *r, struct kv_stream_id last, uint64_t added,
                   struct kv_stream_id max_gone);
/* Deletes one entry; *found false: there is none with that ID. Does not change the highest deleted ID. */
MUST_USE enum status kv_stream_del(struct kv_rec *r, struct kv_stream_id id, bool *found,
                                   struct error *err);

struct kv_stream_trim {
    bool by_id;      /* drop what is below min; else all but the newest max_length */
    bool approx;     /* whole nodes only */
    uint64_t limit;  /* at most so many entries (0: no limit) */
    uint64_t length; /* keep so many */
    struct kv_stream_id min;
};
MUST_USE enum status kv_stream_trim(struct kv_rec *r, const struct kv_stream_trim *how,
                                    uint64_t *dropped, struct error *err);

/* -- Changing groups ------------------------------------------------------------------------------------------------------- */

/* *added false: a group of that name is there, nothing has happened. */
MUST_USE enum status kv_stream_group_add(struct kv_rec *r, struct slice name,
                                         struct kv_stream_id last, int64_t entries_read,
                                         bool *added, struct kv_stream_group *g, struct error *err);
/* Stores g's last and entries_read. */
MUST_USE enum status kv_stream_group_set(struct kv_rec *r, struct slice name,
                                         const struct kv_stream_group *g, struct error *err);
/* With all that is in it. */
MUST_USE enum status kv_stream_group_del(struct kv_rec *r, struct slice name, bool *found,
                                         struct error *err);
/* Adds a consumer with these times, which must not be there yet; c->no is set. */
MUST_USE enum status kv_stream_consumer_add(struct kv_rec *r, const struct kv_stream_group *g,
                                            struct slice name, struct kv_stream_consumer *c,
                                            struct error *err);
/* Stores c's times. */
MUST_USE enum status kv_stream_consumer_set(struct kv_rec *r, const struct kv_stream_group *g,
                                            struct slice name, const struct kv_stream_consumer *c,
                                            struct error *err);
/* Deletes a consumer and what is pending for it: *pending entries. */
MUST_USE enum status kv_stream_consumer_del(struct kv_rec *r, const struct kv_stream_group *g,
                                            struct slice name, bool *found, uint64_t *pending,
                                            struct error *err);
/* Adds a pending entry, or changes the one of that ID, whoever has it now. */
MUST_USE enum status kv_stream_pending_put(struct kv_rec *r, const struct kv_stream_group *g,
                                           const struct kv_stream_pending *p, struct error *err);
MUST_USE enum status kv_stream_pending_del(struct kv_rec *r, const struct kv_stream_group *g,
                                           struct kv_stream_id id, bool *found, struct error *err);

#endif

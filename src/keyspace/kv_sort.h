/* External sort of keys and values: what is put in comes out in memcmp order of the keys, with bounded memory.
 *
 * Two chunks of some ten MB take turns: one is filled, a worker sorts the other and writes it to a file without a name, as one
 * run. At the end the runs are merged from the file.
 * Thread: the loop thread puts in; kv__sort_next is called by one thread of any kind, between open and free. */
#ifndef ORBIT_KEYSPACE_KV_SORT_H
#define ORBIT_KEYSPACE_KV_SORT_H

#include "base/buf.h"
#include "base/status.h"

struct kv_jobs;
struct kv_sort;

/* jobs stays the caller's and must live as long. chunk_bytes: a chunk that is longer is sorted. Errors: ST_IO and its like. */
MUST_USE enum status kv__sort_new(const char *dir, const struct kv_jobs *jobs, size_t chunk_bytes,
                                  struct kv_sort **out, struct error *err);
/* An entry is put in by three steps: begin, after which the caller appends the key to the buffer; value, after which it appends
 * the value; end. The buffer is the sort's own. */
struct buf *kv__sort_begin(struct kv_sort *s);
void kv__sort_value(struct kv_sort *s);
MUST_USE enum status kv__sort_end(struct kv_sort *s, struct error *err);
/* Everything is in; waits for the worker and makes ready for the first kv__sort_next. */
MUST_USE enum status kv__sort_open(struct kv_sort *s, struct error *err);
/* False: no more. Slices are valid until kv__sort_free. */
MUST_USE bool kv__sort_next(struct kv_sort *s, struct slice *key, struct slice *value);
/* Waits for the worker. NULL: nothing. */
void kv__sort_free(struct kv_sort *s);

#endif

/* External sort.
 *
 *   chunk being filled --full--> sorted and written by a worker --> file: run run run ... --merged by a heap--> next
 *
 *   entry    key_n(4) value_n(8) key value        in chunks and in runs, numbers as the machine has them */
#include "keyspace/kv_sort.h"

#include "base/mem.h"
#include "keyspace/kv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAD      12
#define OUT_BYTES (1 << 20)

/* An entry with the first bytes of its key, by which nearly all are told apart. */
struct item {
    uint64_t head;
    const char *at;
};

struct run {
    struct item item;
    const char *end;
    size_t from, to; /* in the file */
};

struct kv_sort {
    const struct kv_jobs *jobs;
    size_t chunk_bytes;
    struct buf chunk[2];
    size_t entries[2];
    unsigned filling;
    size_t entry, value; /* of the entry being put in */
    int fd;
    /* The worker's while it is busy. */
    enum status st;
    struct error why;
    size_t written;
    struct run *runs;
    size_t nruns;
    /* Merging. */
    char *map;
    struct run **heap;
    size_t heap_n;
    bool taken; /* the top of the heap was given out */
};

/* -- Entries ------------------------------------------------------------------------------------------------------------- */

static struct slice key_of(const char *at)
{
    uint32_t n;
    memcpy(&n, at, sizeof(n));
    return slice_make(at + HEAD, n);
}

static struct slice value_of(const char *at)
{
    uint64_t n;
    memcpy(&n, at + 4, sizeof(n));
    return slice_make(at + HEAD + key_of(at).n, n);
}

static const char *entry_end(const char *at)
{
    struct slice value = value_of(at);
    return value.p + value.n;
}

static struct item item_at(const char *at)
{
    struct slice key = key_of(at);
    char first[8] = {0};
    uint64_t head;
    memcpy(first, key.p, key.n < sizeof(first) ? key.n : sizeof(first));
    memcpy(&head, first, sizeof(head));
    return (struct item){.head = __builtin_bswap64(head), .at = at};
}

static int item_cmp(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return slice_cmp(key_of(x->at), key_of(y->at));
}

/* -- Filling ------------------------------------------------------------------------------------------------------------- */

enum status kv__sort_new(const char *dir, const struct kv_jobs *jobs, size_t chunk_bytes,
                         struct kv_sort **out, struct error *err)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/sort.tmp", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_set_errno(err, errno, "cannot make the file %s", path);
    (void)unlink(path);
    struct kv_sort *s = mem_calloc(1, sizeof(*s));
    s->jobs = jobs;
    s->chunk_bytes = chunk_bytes;
    s->fd = fd;
    *out = s;
    return ST_OK;
}

struct buf *kv__sort_begin(struct kv_sort *s)
{
    struct buf *b = &s->chunk[s->filling];
    s->entry = b->n;
    memset(buf_grow(b, HEAD), 0, HEAD);
    return b;
}

void kv__sort_value(struct kv_sort *s)
{
    s->value = s->chunk[s->filling].n;
}

/* -- Runs (worker) ------------------------------------------------------------------------------------------------------- */

static struct item *sorted(const struct buf *chunk, size_t entries)
{
    struct item *v = mem_alloc(entries * sizeof(*v));
    size_t n = 0;
    for (const char *at = chunk->p; at < chunk->p + chunk->n; at = entry_end(at))
        v[n++] = item_at(at);
    qsort(v, n, sizeof(*v), item_cmp);
    return v;
}

static enum status write_out(struct kv_sort *s, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = write(s->fd, p, n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set_errno(&s->why, errno, "cannot write the file of a sort");
        p += got;
        n -= (size_t)got;
        s->written += (size_t)got;
    }
    return ST_OK;
}

static enum status write_items(struct kv_sort *s, const struct item *v, size_t n)
{
    struct buf out = BUF_INIT;
    enum status st = ST_OK;
    buf_reserve(&out, OUT_BYTES);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        size_t bytes = (size_t)(entry_end(v[i].at) - v[i].at);
        if (out.n + bytes > OUT_BYTES) {
            st = write_out(s, out.p, out.n);
            buf_clear(&out);
        }
        if (st == ST_OK && bytes > OUT_BYTES)
            st = write_out(s, v[i].at, bytes);
        else if (st == ST_OK)
            buf_put(&out, v[i].at, bytes);
    }
    if (st == ST_OK)
        st = write_out(s, out.p, out.n);
    buf_free(&out);
    return st;
}

static void run_write(void *arg)
{
    struct kv_sort *s = arg;
    unsigned full = !s->filling;
    if (s->st != ST_OK)
        return;
    struct item *v = sorted(&s->chunk[full], s->entries[full]);
    size_t from = s->written;
    s->st = write_items(s, v, s->entries[full]);
    mem_free(v);
    s->runs = mem_realloc(s->runs, (s->nruns + 1) * sizeof(*s->runs));
    s->runs[s->nruns++] = (struct run){.from = from, .to = s->written};
}

static void wait_for_worker(struct kv_sort *s)
{
    s->jobs->drain(s->jobs->arg, KV_LANE_FOLD);
}

static enum status hand_over(struct kv_sort *s, struct error *err)
{
    wait_for_worker(s);
    if (s->st != ST_OK) {
        if (err)
            *err = s->why;
        return s->st;
    }
    s->filling = !s->filling;
    buf_clear(&s->chunk[s->filling]);
    s->entries[s->filling] = 0;
    s->jobs->submit(s->jobs->arg, KV_LANE_FOLD, run_write, NULL, s);
    return ST_OK;
}

enum status kv__sort_end(struct kv_sort *s, struct error *err)
{
    struct buf *b = &s->chunk[s->filling];
    uint32_t key_n = (uint32_t)(s->value - s->entry - HEAD);
    uint64_t value_n = b->n - s->value;
    memcpy(b->p + s->entry, &key_n, sizeof(key_n));
    memcpy(b->p + s->entry + 4, &value_n, sizeof(value_n));
    s->entries[s->filling]++;
    return b->n >= s->chunk_bytes ? hand_over(s, err) : ST_OK;
}

/* -- Merging ------------------------------------------------------------------------------------------------------------- */

static void sift_down(struct kv_sort *s, size_t i)
{
    struct run *r = s->heap[i];
    for (size_t child; (child = 2 * i + 1) < s->heap_n; i = child) {
        if (child + 1 < s->heap_n && item_cmp(&s->heap[child + 1]->item, &s->heap[child]->item) < 0)
            child++;
        if (item_cmp(&r->item, &s->heap[child]->item) <= 0)
            break;
        s->heap[i] = s->heap[child];
    }
    s->heap[i] = r;
}

enum status kv__sort_open(struct kv_sort *s, struct error *err)
{
    enum status st = s->entries[s->filling] > 0 ? hand_over(s, err) : ST_OK;
    wait_for_worker(s);
    if (st == ST_OK && s->st != ST_OK) {
        st = s->st;
        if (err)
            *err = s->why;
    }
    if (st != ST_OK || s->written == 0)
        return st;
    buf_free(&s->chunk[0]);
    buf_free(&s->chunk[1]);
    void *map = mmap(NULL, s->written, PROT_READ, MAP_SHARED, s->fd, 0);
    if (map == MAP_FAILED)
        return error_set_errno(err, errno, "cannot read the file of a sort");
    s->map = map;
    s->heap = mem_alloc(s->nruns * sizeof(struct run *));
    for (size_t i = 0; i < s->nruns; i++) {
        struct run *r = &s->runs[i];
        r->end = s->map + r->to;
        r->item = item_at(s->map + r->from);
        s->heap[s->heap_n++] = r;
    }
    for (size_t i = s->heap_n; i-- > 0;)
        sift_down(s, i);
    return ST_OK;
}

bool kv__sort_next(struct kv_sort *s, struct slice *key, struct slice *value)
{
    if (s->taken) {
        struct run *r = s->heap[0];
        const char *next = entry_end(r->item.at);
        if (next < r->end)
            r->item = item_at(next);
        else
            s->heap[0] = s->heap[--s->heap_n];
        if (s->heap_n > 0)
            sift_down(s, 0);
    }
    s->taken = s->heap_n > 0;
    if (!s->taken)
        return false;
    *key = key_of(s->heap[0]->item.at);
    *value = value_of(s->heap[0]->item.at);
    return true;
}

void kv__sort_free(struct kv_sort *s)
{
    if (!s)
        return;
    wait_for_worker(s);
    if (s->map)
        munmap(s->map, s->written);
    close(s->fd);
    buf_free(&s->chunk[0]);
    buf_free(&s->chunk[1]);
    mem_free(s->heap);
    mem_free(s->runs);
    mem_free(s);
}
